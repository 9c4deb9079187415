"""The explorer for everyone: keyboard, screen reader, colours, languages, any width, paper."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from explored import (
    HOSTILE,
    axe_faults,
    explored,
    failing,
    gpt,
    hostile,
    lenet,
    needs_axe,
    needs_browser,
    odd_arrays,
    script,
    shop_case,
    two_layers,
)

from layerwise.draw.texts import number

pytestmark = needs_browser


def focus_on(page, selector, most=80):
    """Press Tab until something is in focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_the_keyboard_alone_suffices(reader):
    text, _ = explored(two_layers)
    page = reader.open(text)
    page.keyboard.press("End")

    focus_on(page, ".thing[data-id=affine2]")
    page.keyboard.press("Enter")
    assert page.locator("#panel h2").inner_text() == "Affine(50, 10)"
    focus_on(page, "#panel canvas.pickable")
    page.keyboard.press("ArrowRight")  # picks the first element
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("layerwise.state.pick.index") == [1, 1]
    focus_on(page, ".toggle")
    page.keyboard.press("Enter")
    assert page.locator(".checked").count() >= 2
    focus_on(page, "#transport .start")
    page.keyboard.press("Enter")
    assert page.evaluate("layerwise.state.time") == 0
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")  # the event of closing comes later


def test_the_keyboard_folds_edits_answers_and_moves_the_picture(reader):
    page = reader.open(explored(gpt)[0])
    focus_on(page, "[data-switch='gpt.block1']")
    page.keyboard.press("Enter")
    assert page.locator(".thing[data-id='gpt.block1.norm1']").count() == 1
    assert page.evaluate("document.activeElement.dataset.switch") == "gpt.block1"
    page.keyboard.press("Space")
    assert page.locator(".thing[data-id='gpt.block1.norm1']").count() == 0
    x = page.evaluate("layerwise.view.x")
    page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("layerwise.view.x") == x - 80
    assert page.evaluate("layerwise.state.time") == 0
    page = reader.open(explored(shop_case)[0], "#step=6")
    focus_on(page, ".inputs-bar input[name=tax]")
    page.keyboard.type("2")  # what Tab comes to is selected
    assert page.evaluate("layerwise.state.inputs") == {"tax": 2}
    focus_on(page, ".tool.word")
    page.keyboard.press("Enter")
    focus_on(page, ".quiz input")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    assert "1 of 1 right" in page.locator("#live").inner_text()
    focus_on(page, ".languages")
    page.keyboard.press("ArrowDown")
    assert page.locator("html").get_attribute("lang") == "zh"


def test_what_the_keyboard_comes_to_is_in_sight_and_marked(reader):
    page = reader.open(explored(lenet)[0], viewport={"width": 1000, "height": 600})
    count = page.locator(".thing, .switch").count()
    seen = set()
    for _ in range(count + 25):
        page.keyboard.press("Tab")
        page.wait_for_timeout(20)
        state = page.evaluate(script("focused"))
        if state["inPicture"]:
            seen.add(state["name"])
        assert state["marked"], state["name"]
    page.wait_for_timeout(400)
    assert len(seen) == count
    assert page.evaluate("[layerwise.stage.scrollTop, layerwise.stage.scrollLeft]") == [0, 0]
    focus_on(page, ".thing[data-id=loss]", count + 25)
    page.wait_for_timeout(400)  # it glides
    box = page.locator(".thing[data-id=loss]").bounding_box()
    stage = page.locator("#stage").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= stage["width"]
    assert box["y"] + box["height"] <= stage["y"] + stage["height"]


def test_each_number_of_a_parameter_can_be_read_by_keyboard(reader):
    text, graph = explored(two_layers)
    page = reader.open(text, "#step=4&node=affine2")
    focus_on(page, ".card.parameter canvas")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    said = f"W[0, 1] = {number(graph['affine2'].layer.W.value[0, 1])}"
    assert page.locator(".card.parameter .readout").first.inner_text() == said
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label.startswith(said)


VIEWS = {
    "shop": (shop_case, "#step=9&check=1", ""),
    "quiz": (shop_case, "#step=6&quiz=1", ""),
    "element": (two_layers, "#step=8&check=1&pick=w0:3,40&node=affine1", ""),
    "japanese": (lenet, "#step=24&pick=w6:0,3,4,4&lang=ja", ""),
    "search": (gpt, "#step=12", "f b l o c k"),
    "nothing found": (gpt, "#step=0", "f q q q"),
    "help": (shop_case, "#step=0", "?"),
    "failure": (failing, "#step=99", ""),
    "hostile": (hostile, "#step=5", ""),
    "odd": (odd_arrays, "#step=4&node=x", ""),
}


@needs_axe
@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing(reader, name):
    """The rules of axe-core, in a wide window, a narrow one, and in the dark."""
    case, fragment, keys = VIEWS[name]
    page = reader.open(explored(case)[0], fragment, reduced_motion="reduce")
    for key in keys.split():
        page.keyboard.press(key)
    contrast = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    all_but = {"rules": {"color-contrast": {"enabled": False}}}
    looks = [(1280, "light", {}), (1280, "dark", contrast), (360, "light", all_but)]
    for width, scheme, options in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)  # until the colours have changed
        assert axe_faults(page, **options) == [], (width, scheme)


def test_every_control_has_a_name_and_each_step_is_announced(reader):
    text, _ = explored(gpt)
    page = reader.open(text)
    page.keyboard.press("ArrowRight")
    assert page.locator("#live").inner_text() == "Forward 1 of 8: gpt.tokens"
    assert page.evaluate(script("nameless")) == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("locale", "word"),
    [("en-US", "Forward"), ("zh-CN", "正向"), ("ja-JP", "順伝播"), ("de-DE", "Forward")],
)
def test_the_page_speaks_the_language_of_the_browser(reader, locale, word):
    text, _ = explored(shop_case)
    page = reader.open(text, "#step=1", locale=locale)
    assert page.locator(".badge").inner_text().startswith(word)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_the_paper(reader, scheme):
    text, _ = explored(two_layers)
    page = reader.open(text, "#step=8&check=1", color_scheme=scheme)
    assert page.locator("html").get_attribute("data-theme") == scheme
    contrasts = page.evaluate(script("contrasts"))
    assert {name: x for name, x in contrasts.items() if x < 4.5} == {}
    page.get_by_label("Light or dark").click()
    assert page.locator("html").get_attribute("data-theme") != scheme


@pytest.mark.parametrize("size", [(320, 640), (360, 740), (600, 740), (640, 400), (900, 740)])
def test_a_narrow_window_works(reader, size):
    """640 × 400 is what 1280 × 800 becomes at 200 %."""
    width, height = size
    page = reader.open(
        explored(two_layers, title=HOSTILE)[0],
        "#step=7",
        viewport={"width": width, "height": height},
    )
    for step in ("ArrowRight", "Home", "End"):
        page.keyboard.press(step)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for selector in ("#stage", "#panel", "#transport .next", "#transport select", "#search"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
        assert box["y"] + min(box["height"], 30) <= height + (height < 500) * 300
    page.locator("#panel").focus()
    assert page.locator("#stage").bounding_box()["height"] >= 200
    tall = "Math.max(panel.clientHeight, document.scrollingElement.scrollHeight - innerHeight)"
    assert (
        page.evaluate(
            f"(() => {{ const panel = document.getElementById('panel'); return {tall}; }})()"
        )
        > 150
    )


def test_nothing_lies_over_the_beginning_of_the_picture(reader):
    page = reader.open(explored(lenet)[0])
    assert page.locator("#stage .legend-line").count() == 0
    assert page.locator("#transport .legend-line").is_visible()


def test_long_lines_of_source_wrap_beside_their_numbers(reader):
    page = reader.open(explored(lenet)[0], "#step=24")
    wide = page.locator(".code").evaluate("(one) => one.scrollWidth - one.clientWidth")
    assert wide <= 0
    rows = page.locator(".row-of-code")
    heights = [rows.nth(i).bounding_box()["height"] for i in range(rows.count())]
    assert max(heights) > 1.9 * min(heights)
    assert page.locator(".code").inner_text().startswith("def backward(self, dout):")


def test_the_view_is_saved_as_a_picture_of_its_own(reader):
    text, _ = explored(two_layers)
    page = reader.open(text, "#step=8")
    with page.expect_download() as download:
        page.get_by_label("Save the picture").click()
    assert download.value.suggested_filename == "Graph-8.svg"
    picture = Path(download.value.path()).read_text("utf-8")
    root = ElementTree.fromstring(picture)
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Affine(64, 50)" in words
    assert "class=" not in picture
    assert not re.search(r"(href|src)=\"(?!data:)", picture)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_picture_opens_by_itself_with_its_colours(reader, scheme, tmp_path):
    page = reader.open(explored(two_layers)[0], "#step=8", color_scheme=scheme)
    looks = """(selector) => [...document.querySelectorAll(selector)].map((one) => {
      const { fill, stroke, strokeDasharray } = getComputedStyle(one);
      return [fill, stroke, strokeDasharray].join();
    })"""
    page.wait_for_timeout(400)  # until the step has arrived
    there = page.evaluate(looks, ".scene .body, .scene .call, .scene .head, .scene .number")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    text = page.evaluate("layerwise.svgText()")
    (tmp_path / "alone.svg").write_text(text, "utf-8")
    page.goto((tmp_path / "alone.svg").as_uri())
    found = page.evaluate(looks, "g > rect, g > text, g > path")
    assert set(there) <= set(found)
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == paper


def test_printing_leaves_out_the_controls(reader):
    text, _ = explored(shop_case)
    page = reader.open(text, "#step=9")
    page.emulate_media(media="print")
    assert not page.locator("#transport").is_visible()
    assert page.locator(".scene").is_visible()


def test_paper_is_light_complete_and_sharp(reader, tmp_path):
    page = reader.open(explored(lenet)[0], "#step=24", color_scheme="dark")
    page.wait_for_timeout(400)
    before = page.locator("#panel canvas").first.evaluate("(one) => one.width")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("html").get_attribute("data-theme") == "light"
    assert page.locator("#panel canvas").first.evaluate("(one) => one.width") > before
    faint = """[...document.querySelectorAll(".label > *")].filter(
        (one) => getComputedStyle(one).opacity !== "1").length"""
    assert page.evaluate(faint) == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.locator("#panel canvas").first.evaluate("(one) => one.width") == before
    assert page.pdf(format="A4")[:4] == b"%PDF"


@pytest.mark.parametrize("kind", ["protanopia", "deuteranopia", "tritanopia"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_values_and_gradients_differ_for_every_kind_of_colour_vision(reader, kind, scheme):
    page = reader.open(explored(two_layers)[0], "#step=8", color_scheme=scheme)
    colors = page.evaluate(script("swatches"))
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
    names, seen = zip(*zip(colors, seen_colors(page.screenshot(clip=CORNER))))
    color = dict(zip(names, seen))
    for one, other in (("ahead", "back"), ("low", "high"), ("trace", "ink")):
        assert np.linalg.norm(color[one] - color[other]) > 60, (one, other)


CORNER = {"x": 0, "y": 0, "width": 140, "height": 20}


def seen_colors(screenshot):
    """The colours of a row of squares, 20 pixels each."""
    from PIL import Image

    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    return [np.array(picture.getpixel((10 + 20 * i, 10)), float) for i in range(7)]


@pytest.mark.parametrize("width", [300, 700])
def test_a_notebook_shows_the_page_in_a_frame_however_narrow(reader, width):
    text, _ = explored(shop_case)
    cell = f"<div id=panel style='width:{width}px'>{text._repr_html_()}</div>"
    frame = f"<!doctype html><title>notebook</title>{cell}"
    page = reader.open(frame, name="notebook.html")
    inside = page.frame_locator("iframe")
    inside.locator(".round.next").click()
    assert inside.locator(".badge").inner_text() == "Forward 1 of 4"
    box = inside.locator("body").evaluate("(one) => [one.scrollWidth, innerWidth]")
    assert box[0] <= box[1] <= width
