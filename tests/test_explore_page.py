"""The explorer's page in a real browser: walking, numbers, editing, folding, hostile input."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest
from explored import (
    HOSTILE,
    explored,
    failing,
    fan_out,
    gpt,
    hostile,
    labels,
    lenet,
    needs_browser,
    odd_arrays,
    of_all_kinds,
    script,
    several_outputs,
    shop_case,
    tiny_resnet,
    two_layers,
)

import layerwise as lw
from layerwise.draw.texts import number
from layerwise.shop import PRICES, shop

pytestmark = needs_browser


def said(graph):
    """What the labels of a graph of single numbers have to say."""
    return {seat.name: [number(seat.value), number(seat.grad)] for seat in graph.nodes}


# the walk ----------------------------------------------------------------------------------------


def test_walking_through_the_shop_fills_in_values_and_then_gradients(reader):
    text, graph = explored(shop_case)
    page = reader.open(text)
    truth = said(graph)
    assert labels(page)["apple"] == ["100", ""]
    assert labels(page)["price"] == ["", ""]
    assert page.locator(".label.value .ring").count() == 4  # not computed yet is no 0
    for name in ("apple_price", "orange_price", "all_price", "price"):
        assert labels(page)[name] == ["", ""]
        page.keyboard.press("ArrowRight")
        assert labels(page)[name] == [truth[name][0], ""]
    page.keyboard.press("Space")
    assert labels(page)["price"] == ["715", "1"]
    for name in ("tax", "orange_price", "orange", "apple"):
        page.keyboard.press("Space")
        assert labels(page)[name] == truth[name]
    assert labels(page) == truth
    page.keyboard.press("ArrowLeft")
    assert labels(page)["apple"] == ["100", ""]
    page.keyboard.press("Home")
    assert labels(page)["price"] == ["", ""]
    page.keyboard.press("End")
    assert labels(page) == truth


def test_each_step_shows_formula_source_and_three_numbers(reader):
    text, _ = explored(shop_case)
    page = reader.open(text)
    page.keyboard.press("ArrowRight")
    panel = page.locator("#panel")
    assert "z = x y, elementwise" in panel.inner_text()
    assert "return x * y" in page.locator(".code").inner_text()
    assert page.locator(".equation").inner_text().split() == [
        "100",
        "apple",
        "×",
        "2",
        "apple_num",
        "=",
        "200",
        "apple_price",
    ]
    page.keyboard.press("End")
    assert "dx = dout y" in panel.inner_text()
    assert "def backward(self, dout)" in page.locator(".code").inner_text()
    rows = [row.inner_text().split("\n") for row in page.locator(".chain .row").all()]
    numbers = [[cell for cell in row if re.match(r"[\d.]+$", cell)] for row in rows]
    assert numbers == [["2", "1.1", "2.2"], ["100", "1.1", "110"]]


def test_playing_goes_to_the_end_by_itself(reader):
    text, graph = explored(shop_case)
    page = reader.open(text)
    page.get_by_label("Speed").select_option("8")
    page.get_by_label("Play").click()
    page.wait_for_selector(".round.next:disabled", timeout=30_000)
    assert labels(page) == said(graph)
    assert page.get_by_label("Play").is_visible()


def test_a_fan_out_is_shown_as_the_sum_of_what_comes_back(reader):
    text, _ = explored(fan_out)
    page = reader.open(text, "#step=10")  # the gradient of x has come back from one of two uses
    waiting = page.evaluate("layerwise.walk.steps[layerwise.state.time - 1].id")
    while not labels(page)["x"][1]:
        page.keyboard.press("ArrowRight")
        waiting = page.evaluate("layerwise.walk.steps[layerwise.state.time - 1].id")
    assert waiting == "mul1"
    assert labels(page)["x"][1].endswith("+ …")
    assert "1 of 2 parts have come back" in page.locator("#panel").inner_text()
    page.keyboard.press("End")
    assert not labels(page)["x"][1].endswith("…")
    fan = page.locator(".fan").filter(has_text="The gradient of x is a sum")
    assert fan.locator("figcaption").all_inner_texts() == ["from mul1", "from affine1", "sum"]


def test_what_comes_back_on_one_of_several_ways_is_called_a_part(reader):
    x = lw.Input("x")
    page = reader.open(explored((lw.Graph((x.exp() * x).named("y")), (2.0,), {}))[0], "#quiz=1")
    page.keyboard.press("End")
    question = page.locator(".quiz p").first.inner_text()
    assert question == "What comes back to x from exp1?"
    page.get_by_text("Reveal").click()
    row = page.locator(".chain .row").first
    assert row.locator("h4").inner_text() == "What comes back to x from exp1"
    assert row.locator("small").all_inner_texts() == ["local derivative", "upstream", "part"]


@pytest.mark.parametrize(
    ("case", "dout", "said"),
    [
        (shop_case, 1, "The derivative of price by itself is 1."),
        (several_outputs, 1, "What is differentiated is the sum of all outputs."),
        (shop_case, 2, "These gradients were given, for instance by the loss."),
    ],
)
def test_the_turn_says_what_is_differentiated(reader, case, dout, said):
    graph, args, named = case()
    page = reader.open(graph.explore(*args, **named, dout=dout))
    page.evaluate("layerwise.jump(layerwise.walk.turn)")
    assert page.locator("#panel .lead-text").inner_text().startswith(said)
    assert "how fast the result grows" in page.locator("#panel").inner_text()


# the numbers are Python's ------------------------------------------------------------------------


def elements(array, count=4):
    rng = np.random.default_rng(4)
    return [tuple(int(rng.integers(n)) for n in array.shape) for _ in range(count)]


def told_of(page, value, index):
    """What the page says of one element: its value and its gradient."""
    return page.evaluate(
        """([value, index]) => {
          layerwise.set({ pick: { value, index } });
          const text = (side) => document.querySelector(`.element-sum .${side}`).textContent.trim();
          return [text("ahead"), text("back")];
        }""",
        [value, list(index)],
    )


@pytest.mark.parametrize("case", [two_layers, lenet, gpt, fan_out])
def test_at_the_end_every_array_has_the_numbers_of_python(reader, case):
    text, graph = explored(case)
    assert len(text) < 1_500_000
    page = reader.open(text)
    page.keyboard.press("End")
    page.evaluate("layerwise.choose([...layerwise.model.nodes.keys()][1])")  # one that is small
    values = page.evaluate(
        "[...layerwise.model.values.values()]"
        ".map((v) => [v.id, v.from, v.value.tensor?.axes ?? null])"
    )
    compared = 0
    for value, node, axes in values:
        seat = graph[node]
        array, grad = np.asarray(seat.value), seat.grad
        if axes is None:
            assert labels(page)[seat.name] == [number(array[()]), number(np.asarray(grad)[()])]
            continue
        for index in elements(array):
            shown = all(one is None or i in one for one, i in zip(axes, index))
            forward, backward = told_of(page, value, index)
            if shown:
                gradient = "" if grad is None else f" {number(grad[index])}"
                assert forward == f"= {number(array[index])}"
                assert backward == f"Gradient{gradient}"
                compared += 1
    assert compared >= 12


def test_what_an_element_is_made_of_adds_up(reader):
    text, graph = explored(lenet)
    page = reader.open(text, "#step=27&open=lenet&pick=w5:0,3,4,4&node=lenet.conv2d2")
    value = next(
        v
        for v in page.evaluate("[...layerwise.model.values.values()].map((v) => [v.id, v.from])")
        if v[1] == "lenet.conv2d2"
    )
    told_of(page, value[0], (0, 3, 4, 4))
    tables = page.locator("table.sum")
    assert tables.count() == 2  # what it is made of, and its gradient
    rows = tables.first.locator("tr").all_inner_texts()
    assert rows[0].count("×") == 1
    assert "145 more terms" in rows[-2]
    assert rows[-1].split("\t")[-1] == number(graph["lenet"].layer["conv2d2"].value[0, 3, 4, 4])
    assert rows[0].split("\t")[1].startswith("avg_pool2d1[0, ")


@pytest.mark.parametrize("width", [1280, 800, 380])
def test_no_number_in_the_panel_is_cut_at_the_right(reader, width):
    text, _ = explored(lenet)
    place = "#step=27&open=lenet&pick=w5:0,3,4,4&node=lenet.conv2d2&check=1"
    page = reader.open(text, place, viewport={"width": width, "height": 800})
    told_of(page, "w6", (0, 3, 4, 4))
    assert page.locator("table.sum").count() and page.locator(".checked td").count()
    assert page.evaluate(script("cut")) == []


def test_an_element_that_belongs_to_too_many_says_so(reader):
    x = lw.Input("x", shape=(None, 400))
    net = lw.Graph(lw.Affine(400, 3)(x).named("y"), seed=0)
    page = reader.open(
        explored((net, (np.ones((2, 400), np.float32),), {}))[0], "#pick=w1:0,1&node=y"
    )
    said = "x: more than 300 elements, not followed further."
    assert said in page.locator(".element").inner_text()


def test_following_an_element_leads_to_the_layer_that_made_it(reader):
    text, _ = explored(two_layers)
    page = reader.open(text, "#step=4&pick=w4:0,3&node=affine2")
    link = page.locator(".made button.link").first
    name = link.inner_text()
    link.click()
    assert page.locator(".element-sum code").inner_text() == name
    assert page.locator("#panel h2").inner_text() == "ReLU()"


def test_long_numbers_of_the_chain_rule_stay_on_one_line(reader):
    x, y = lw.Input("first"), lw.Input("second")
    page = reader.open(
        lw.Graph((x * y).named("z")).explore(-0.00123456789, -98765.4321, dout=1.23456e-5),
        "#step=99",
        viewport={"width": 1400, "height": 800},
    )
    for row in page.locator(".chain .equation").all():
        boxes = [box.bounding_box() for box in row.locator(".box b").all()]
        assert len({round(box["y"]) for box in boxes}) == 1
        assert all(box["height"] < 25 for box in boxes)  # none of them is broken


def test_in_a_narrow_window_the_numbers_come_first_and_the_inputs_cover_nothing(reader):
    size = {"width": 360, "height": 740}
    page = reader.open(explored(shop_case)[0], "#step=9", viewport=size)
    bar = page.locator(".inputs-bar").bounding_box()
    tax = page.locator(".label.grad").filter(has_text="650").last.bounding_box()
    assert page.locator(".thing[data-id=tax]").bounding_box()["y"] < bar["y"] - 20
    assert tax["y"] + tax["height"] <= bar["y"]
    top = page.locator(".chain").bounding_box()["y"]
    assert top < page.locator("details.source").bounding_box()["y"]
    page.set_viewport_size({"width": 1280, "height": 740})
    page.wait_for_function("layerwise.state && innerWidth === 1280")
    top = page.locator(".chain").bounding_box()["y"]
    assert top > page.locator("details.source").bounding_box()["y"]


# where it stops ----------------------------------------------------------------------------------


def test_a_failing_graph_shows_what_ran_and_why_it_stopped(reader):
    text, _ = explored(failing)
    page = reader.open(text)  # it opens there
    failure = page.locator(".failure").inner_text()
    assert "ValueError" in failure
    assert "too much <b>for me</b>" in failure
    assert labels(page)["relu1"][0] == "5×6"
    assert labels(page)["picky1"] == ["", ""]
    assert page.locator(".thing.failed").count() == 1
    assert page.locator(".thing.failed .call").text_content() == "Picky"
    page.keyboard.press("Home")
    assert labels(page)["relu1"] == ["", ""]


def test_a_shape_that_fails_only_when_the_graph_runs_has_its_page(reader):
    x = lw.Input("x")
    graph = lw.Graph(lw.Affine(3, 2)(lw.Tanh()(x)).named("y"), seed=0)
    page = reader.open(explored((graph, (np.ones((2, 4)),), {}))[0])
    said = "y = Affine(3, 2) expects inputs of width 3, but tanh1 gives (2, 4)"
    assert said in page.locator(".failure").inner_text()
    assert labels(page)["tanh1"][0] == "2×4"
    assert page.locator(".thing.failed").get_attribute("data-id") == "y"


# playing with the inputs -------------------------------------------------------------------------


def test_editing_the_inputs_computes_everything_anew(reader):
    text, _ = explored(shop_case)
    page = reader.open(text)
    page.keyboard.press("End")
    changed = PRICES | {"apple": 120.0, "tax": 1.25, "orange_num": -2.5}
    for name, x in changed.items():
        page.locator(f".inputs-bar input[name={name}]").fill(str(x))
    graph = shop()
    graph.forward(**changed)
    graph.backward()
    assert labels(page) == said(graph)
    assert "in=" in page.url
    page.reload()
    page.wait_for_selector("#panel *")
    assert labels(page) == said(graph)
    page.get_by_text("Reset").click()
    assert labels(page)["price"][0] == "715"


def test_gradients_are_asked_for_before_they_are_shown(reader):
    text, _ = explored(shop_case)
    page = reader.open(text, "#step=6&quiz=1&check=1")
    assert labels(page)["tax"][1] == ""  # no peeking
    assert page.locator(".check").count() == 0
    fields = page.locator(".quiz input")
    assert fields.count() == 2
    fields.nth(0).fill("1.1")
    fields.nth(0).press("Enter")
    assert page.evaluate("document.activeElement.dataset.focus") == "quiz:1"
    assert page.locator(".score").inner_text().split("\n") == ["1 of 1 right", "✓ Right."]
    page.locator(".quiz input").fill("715")
    page.locator(".quiz input").press("Enter")
    assert page.evaluate("document.activeElement.id") == "panel"
    assert page.locator(".score").inner_text().split("\n") == ["1 of 2 right", "✗ It is 650."]
    assert labels(page)["tax"][1] == "650"
    assert page.locator(".checked").count() == 2
    page.keyboard.press("ArrowRight")
    page.get_by_text("Reveal").first.click()
    assert page.locator(".score").inner_text().startswith("1 of 2 right")


def test_constants_and_what_is_no_number_are_not_asked_for(reader):
    x, y = lw.Input("x"), lw.Input("y")
    graph = lw.Graph([(x * 2.0).named("a"), (y * y).named("b")])
    page = reader.open(explored((graph, (3.0, float("nan")), {}))[0], "#quiz=1")
    asked = []
    for _ in range(page.evaluate("layerwise.walk.end")):
        page.keyboard.press("ArrowRight")
        asked += page.locator(".quiz p:first-child").all_inner_texts()
    assert asked == ["What is the gradient of x?"]


def test_the_numeric_check_opens_on_request(reader):
    class Tripled(lw.Tanh):
        def backward(self, dout):
            return 3 * super().backward(dout)

    x = lw.Input("x")
    graph = lw.Graph(Tripled()(lw.Affine(2, 2)(x)).named("y"), seed=0)
    text, _ = explored((graph, (np.ones((3, 2), np.float32),), {}))
    page = reader.open(text, "#step=4")
    assert "wrong" in page.locator(".toggle").inner_text()
    page.locator(".toggle").click()
    table = page.locator(".checked table")
    assert table.locator("tbody tr").count() == 6
    assert "slope times 3" in page.locator(".checked").inner_text()
    assert "local, by backward" in page.locator(".chain").inner_text()
    page.keyboard.press("ArrowRight")
    assert "agrees" in page.locator(".checked").first.inner_text()


def test_a_check_of_what_is_no_number_says_that_it_cannot_be(reader):
    x = lw.Input("x")
    page = reader.open(explored((lw.Graph((x * x).named("y")), (float("nan"),), {}))[0], "#step=3")
    assert page.locator(".toggle").inner_text().endswith("– cannot be checked")
    page.locator(".toggle").click()
    assert "not all numbers are finite" in page.locator(".check").inner_text()
    page.locator(".inputs-bar input").fill("1e300")
    assert page.locator(".checked").count() == 0  # the square of it is no number either
    page.locator(".inputs-bar input").fill("3")
    assert "✓ agrees" in page.locator(".checked").first.inner_text()
    page = reader.open(explored(odd_arrays)[0], "#step=99&node=mul1&check=1")
    assert "Nothing to compare: not all numbers are finite." in page.locator(".check").inner_text()


def test_compared_elements_can_be_picked_and_of_others_it_is_said(reader):
    graph, args, _ = two_layers()
    few = reader.open(graph.explore(*args, checks=3), "#step=99&node=affine1&check=1")
    table = few.locator(".checked").first
    assert "3 of 2,048 elements compared" in table.inner_text()
    table.locator("button.link").nth(1).click()
    picked = few.evaluate("layerwise.state.pick.index")
    assert few.locator(".checked tr.picked th").inner_text() == f"x[{picked[0]}, {picked[1]}]"
    few.evaluate("layerwise.set({ pick: { value: layerwise.state.pick.value, index: [3, 40] } })")
    said = few.locator(".checked .quiet").first.inner_text()
    assert said.startswith("x[3, 40] is not among the elements compared")
    assert "explore(…, checks=500)" in said
    many = reader.open(graph.explore(*args, checks=20), "#step=99&node=affine1&check=1")
    table = many.locator(".checked").first
    assert "20 of 2,048 elements compared" in table.inner_text()
    assert table.locator("tbody tr").count() == 12
    assert table.locator("p.quiet").first.inner_text() == "8 more were compared."


# structure ---------------------------------------------------------------------------------------


def things(page):
    return page.evaluate("[...document.querySelectorAll('.thing')].map((one) => one.dataset.id)")


def test_nested_graphs_fold_and_unfold_and_the_address_remembers(reader):
    text, _ = explored(gpt)
    page = reader.open(text)
    assert "gpt.block1" in things(page)
    page.get_by_label("Open block1").click()
    assert "gpt.block1.norm1" in things(page)
    assert "gpt.block2" in things(page)
    assert "open=" in page.url
    page.reload()
    page.wait_for_selector("#panel *")
    assert "gpt.block1.norm1" in things(page)
    page.get_by_label("Close block1").click()
    assert "gpt.block1.norm1" not in things(page)
    page.get_by_label("Close all").click()
    assert sorted(things(page)) == ["gpt", "loss", "loss>", "next", "x"]
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")  # the whole network is one step
    assert page.locator("#panel h2").inner_text().startswith("Graph(")
    page.keyboard.press("ArrowRight")
    assert page.locator(".caption").inner_text().startswith("Forward 2 of 2")


def test_a_closed_graph_says_that_its_class_numbers_have_no_gradient(reader):
    page = reader.open(explored(gpt)[0])
    page.get_by_label("Close all").click()
    page.keyboard.press("End")
    assert page.locator("#panel h2").inner_text().startswith("Graph(")
    back = page.locator("section").filter(has_text="What goes back").inner_text()
    assert "no gradient" in back
    assert "not computed yet" not in back


def test_searching_opens_what_a_node_is_in(reader):
    text, _ = explored(gpt)
    page = reader.open(text)
    page.keyboard.press("f")
    page.keyboard.type("block2 norm")
    assert page.locator("[role=option]").first.inner_text().startswith("gpt.block2.norm")
    page.keyboard.press("Enter")
    assert page.locator("#panel h2").inner_text().startswith("LayerNorm")
    assert "gpt.block2.norm1" in things(page)
    page.keyboard.press("Escape")
    assert page.locator("#panel h2").inner_text() == "Start"


def test_a_link_leads_to_a_moment(reader):
    text, _ = explored(two_layers)
    page = reader.open(text, "#step=8&node=affine2&pick=w0:3,40&check=1&lang=ja&theme=dark")
    address = page.url
    assert page.locator("#panel h2").inner_text() == "Affine(50, 10)"
    assert page.locator("html").get_attribute("lang") == "ja"
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("layerwise.state.pick.index") == [3, 40]
    page.keyboard.press("ArrowRight")
    assert page.url != address
    page.goto(address)
    assert page.locator("#panel h2").inner_text() == "Affine(50, 10)"


@pytest.mark.parametrize(
    "fragment", ["#step=99999", "#step=-4&node=nobody&pick=w0:9,9&in=x:", "#%%%=%E0%A4&open=%,,"]
)
def test_a_senseless_address_does_no_harm(reader, fragment):
    text, _ = explored(two_layers)
    page = reader.open(text, fragment)
    assert page.locator(".thing").count() == 7


def chain(count):
    node = lw.Input("x")
    for _ in range(count):
        node = lw.Sin()(node) + 1.0
    return lw.Graph(node.named("y"))


def two_hundred():
    return chain(66), (0.5,), {}


def test_two_hundred_nodes_stay_light(reader):
    text, _ = explored(two_hundred)
    page = reader.open(text)
    assert page.locator(".thing").count() == 200
    assert page.locator("#stage *").count() < 8_000
    page.evaluate("document.querySelector('.scene').dataset.first = 'yes'")
    before = page.evaluate("layerwise.view.x")
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(200, 250, steps=5)
    page.mouse.up()
    assert page.evaluate("layerwise.view.x") == before - 100
    assert page.locator(".scene").get_attribute("data-first") == "yes"  # moved, not drawn anew


def test_moving_two_hundred_nodes_lays_out_and_paints_nothing(reader):
    """So that it stays at 60 frames a second: each frame is one transform of what is painted."""
    page = reader.open(explored(two_hundred)[0], "#step=40")
    page.wait_for_timeout(600)  # until the step has arrived
    page.mouse.move(600, 400)
    page.mouse.down()
    page.mouse.move(580, 400, steps=3)
    page.wait_for_timeout(300)
    what = ["devtools.timeline", "disabled-by-default-devtools.timeline"]
    reader.browser.start_tracing(page=page, categories=what)
    for i in range(40):
        page.mouse.move(580 - 3 * i, 400 - i)
    page.wait_for_timeout(50)
    events = json.loads(reader.browser.stop_tracing())["traceEvents"]
    names = Counter(one["name"] for one in events if one.get("ph") == "X")
    page.mouse.up()
    assert page.evaluate("layerwise.view.dragged")
    assert names["UpdateLayoutTree"] > 10  # the trace is there
    assert names["Layout"] == names["Paint"] == 0


@pytest.mark.parametrize("case", [several_outputs, of_all_kinds, tiny_resnet, failing, odd_arrays])
@pytest.mark.parametrize("quiz", ["", "&quiz=1"])
def test_every_step_and_every_node_of_any_graph_can_be_looked_at(reader, case, quiz):
    text, _ = explored(case)
    page = reader.open(text, f"#step=0&check=1{quiz}")
    seen = page.evaluate(script("everything"))
    assert seen["steps"] == seen["end"]
    assert seen["nodes"] >= 6


# hostile input -----------------------------------------------------------------------------------


def test_hostile_names_and_numbers_are_shown_as_text(reader):
    text, _ = explored(hostile, title=HOSTILE)
    page = reader.open(text)
    page.keyboard.press("End")
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.title() == HOSTILE
    found = labels(page)
    assert found[HOSTILE] == ["1e300", "NaN"]
    assert found["NaN & 'co'"] == ["NaN", "1e300"]
    assert found["a b�c"][0] == "∞"
    assert page.locator("img, #panel b b, #panel script").count() == 0
    faults = page.evaluate(
        "new DOMParser().parseFromString(layerwise.svgText(), 'image/svg+xml')"
        ".querySelectorAll('parsererror').length"
    )
    assert faults == 0
    for node in page.locator(".thing").all():
        node.focus()
        page.keyboard.press("Enter")
    page.keyboard.press("f")
    page.keyboard.type("<img")
    assert page.locator("[role=option] b").first.inner_text() == HOSTILE


def test_odd_and_empty_arrays_break_nothing(reader):
    text, _ = explored(odd_arrays)
    page = reader.open(text)
    page.keyboard.press("End")
    found = labels(page)
    assert found["empty"] == ["empty", "empty"]
    assert found["x"][0] == "2×3"
    page.evaluate("layerwise.choose('x')")
    facts = page.locator(".stats").first.inner_text()
    assert "1 NaN, 2 ∞" in facts
    assert "1e300" in facts
