"""The picture: what is in it and where, in which formats, and that nothing overlaps."""

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font

import layerwise as lw
from layerwise.draw import Picture, to_svg
from layerwise.draw.colors import COLORS, DIVERGING, SEQUENTIAL
from layerwise.draw.curves import arrow, beside, length, sampled
from layerwise.draw.labels import cells_of, heat_map, label_for
from layerwise.draw.scene import scene_of
from layerwise.draw.shapes import Box, Head, Heat, Line, Point, Text
from layerwise.draw.svg import svg_of
from layerwise.draw.texts import number, one_line, shortened, text_width
from layerwise.shop import PRICES, shop

SVG = "{http://www.w3.org/2000/svg}"
FORMATS = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF", ".dot": b"digraph"}


# graphs to draw ----------------------------------------------------------------------------------


def run(graph, *values, backward=True):
    graph.forward(*values)
    if backward:
        graph.backward()
    return graph


def shop_run():
    return run(shop(), *PRICES.values())


def two_layers():
    x, t = lw.Input("x"), lw.Input("t")
    h = lw.ReLU()(lw.Affine(64, 50)(x))
    net = lw.Graph(lw.SoftmaxCrossEntropy()(lw.Affine(50, 10)(h), t).named("loss"), seed=0)
    (images, classes), _ = lw.data.digits()
    return run(net, images[:32], classes[:32])


def nested():
    x, t = lw.Input("x"), lw.Input("t")
    h = lw.Sequential(lw.Affine(8, 8), lw.ReLU())(x).named("block1")
    h = h + lw.Sequential(lw.Affine(8, 8), lw.ReLU())(h).named("block2")
    net = lw.Graph(lw.SoftmaxCrossEntropy()(lw.Affine(8, 4)(h), t).named("loss"), seed=1)
    return run(net, np.random.default_rng(0).normal(size=(6, 8)), np.arange(6) % 4)


def images():
    x, t = lw.Input("x", shape=(None, 1, 8, 8)), lw.Input("t")
    net = lw.Sequential(lw.Flatten(), lw.Affine(64, 10))(x).named("net")
    graph = lw.Graph(lw.SoftmaxCrossEntropy()(net, t).named("loss"), seed=0)
    (x_train, t_train), _ = lw.data.digits(flatten=False)
    return run(graph, x_train[:20], t_train[:20])


def chain_of_sixty():
    layers = [lw.Affine(8, 8) if i % 2 else lw.Tanh() for i in range(58)]
    return run(lw.Sequential(*layers, seed=0), np.ones((4, 8)))


def scalars_of_sixty():
    rng = np.random.default_rng(0)

    def neuron(values):
        total = sum((value * round(rng.normal(), 2) for value in values[1:]), values[0] * 0.5)
        return lw.Tanh()(total)

    first = [lw.Input(f"x{i}") for i in range(3)]
    second = [neuron(first) for _ in range(4)]
    graph = lw.Graph(neuron([neuron(second) for _ in range(2)]).named("out"))
    assert 55 < len(graph.nodes) < 80
    return run(graph, 1.0, -2.0, 3.0)


def residual():
    h = x = lw.Input("x")
    for i in range(4):
        h = h + lw.Sequential(lw.Affine(4, 4), lw.ReLU())(h).named(f"block{i}")
    assert h is not x
    return run(lw.Graph(h.named("y"), seed=0), np.ones((3, 4)))


def fan_out():
    a, b = lw.Input("a"), lw.Input("b")
    s = (a + b).named("s")
    return run(lw.Graph([(s * s).named("square"), (s * b).named("product")]), 2.0, 3.0)


class Split(lw.Layer):
    """A layer with two outputs."""

    num_outputs = 2

    def forward(self, x):
        return x * 1, x * 2

    def backward(self, douts):
        return douts[0] + 2 * douts[1]


def two_outputs():
    first, second = Split()(lw.Input("x"))
    return run(lw.Graph((first * second).named("y")), 3.0)


SAMPLES = [shop_run, shop, two_layers, nested, images, chain_of_sixty, scalars_of_sixty,
           residual, fan_out, two_outputs]  # fmt: skip


# looking into a scene ----------------------------------------------------------------------------


def of_kind(scene, kind):
    return [shape for shape in scene.shapes if isinstance(shape, kind)]


def texts(scene, role=None):
    return [text.text for text in of_kind(scene, Text) if role in (None, text.role)]


def marks(scene):
    """The dotted rings that say: not computed yet."""
    return [box for box in of_kind(scene, Box) if box.dotted]


def extent(text):
    """Left, top, right, bottom of a text."""
    width = text_width(text.text, text.size)
    left = text.x - width * {"start": 0, "middle": 0.5, "end": 1}[text.anchor]
    return left, text.y - 0.75 * text.size, left + width, text.y + 0.2 * text.size


def heat_extent(heat):
    right = heat.x + heat.cell_width * len(heat.colors[0])
    return heat.x, heat.y, right, heat.y + heat.cell_height * len(heat.colors)


def box_extent(box):
    return box.x, box.y, box.x + box.width, box.y + box.height


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def inside(a, b):
    return b[0] <= a[0] and a[2] <= b[2] and b[1] <= a[1] and a[3] <= b[3]


def holds(box, p):
    return box[0] < p.x < box[2] and box[1] < p.y < box[3]


# what is in the picture --------------------------------------------------------------------------


def test_the_shop_shows_every_value_and_every_gradient():
    scene = scene_of(shop_run())
    numbers = {"100", "2", "150", "3", "1.1", "200", "450", "650", "715"}
    assert numbers <= set(texts(scene, "ink"))
    assert {"2.2", "110", "3.3", "165", "650", "1.1", "1"} == set(texts(scene, "gradient"))
    assert texts(scene, "gradient").count("1.1") == 3  # of both prices and of their sum
    assert texts(scene).count("×") == 3 and texts(scene).count("+") == 1
    assert {"apple", "apple_num", "orange", "orange_num", "tax", "price"} <= set(texts(scene))
    assert not marks(scene)


def test_the_value_stands_above_its_arrow_and_the_gradient_below():
    scene = scene_of(shop_run())
    above = next(t for t in of_kind(scene, Text) if t.text == "715")
    below = next(t for t in of_kind(scene, Text) if t.text == "1")
    assert above.x == below.x and above.y < below.y
    forward, backward = (
        [head.tip for head in of_kind(scene, Head) if head.role == role]
        for role in ("forward", "gradient")
    )
    assert len(forward) == len(backward) == 9
    price = max(forward)  # the arrow that ends at the right
    assert above.y < price.y < below.y
    last = max(backward)  # and the one under it points back, to the left
    assert last.x < above.x < price.x and price.y < last.y < below.y


def test_the_inputs_keep_their_order_from_top_to_bottom():
    names = ["apple", "apple_num", "orange", "orange_num", "tax"]
    height = {text.text: text.y for text in of_kind(scene_of(shop()), Text)}
    assert sorted(names, key=height.get) == names


def test_not_computed_is_a_mark_and_no_zero():
    graph = shop()
    before = scene_of(graph)
    assert len(marks(before)) == 18  # a value and a gradient on nine arrows
    assert not texts(before, "gradient") and "0" not in texts(before)
    graph.forward(*PRICES.values())
    after_forward = scene_of(graph)
    assert len(marks(after_forward)) == 9 and "715" in texts(after_forward)
    assert all(line.dotted for line in of_kind(after_forward, Line) if line.role == "empty")
    graph.backward(0.0)
    zero = scene_of(graph)
    assert not marks(zero) and set(texts(zero, "gradient")) == {"0"}
    assert not any(line.dotted for line in of_kind(zero, Line))


def test_layers_are_boxes_with_call_name_parameters_and_their_gradients():
    shown = texts(scene_of(two_layers()))
    assert {"Affine(64, 50)", "affine1", "W (64, 50)", "b (50,)", "ReLU", "relu1"} <= set(shown)
    assert any(re.fullmatch(r"dW ± \S+", text) for text in shown)


def test_a_layer_made_of_others_tells_in_brief_what_they_hold():
    x = lw.Input("x")
    graph = lw.Graph(lw.MultiHeadAttention(8, 2, dropout=0.5, kdim=8)(x), seed=0)
    brief = ["q_proj, k_proj, v_proj, out_proj", "288 parameters"]
    assert texts(scene_of(graph), "parameter") == brief
    shown = texts(scene_of(run(graph, np.ones((3, 1, 8)))))
    assert "MultiHeadAttention(8, 2, …)" in shown
    assert any(re.fullmatch(r"gradients ± \S+", text) for text in shown)
    graph["multi_head_attention1.q_proj.W"].grad[0, 0] = np.nan
    assert texts(scene_of(graph), "alarm") == ["gradients 1 NaN"]

    class Lines(lw.Layer):
        def __init__(self):
            self.W = [lw.Parameter(np.ones(n)) for n in (2, 3)]

        def forward(self, x):
            return x

        def backward(self, dout):
            return dout

    assert texts(scene_of(lw.Graph(Lines()(x))), "parameter") == ["W.0 (2,)", "W.1 (3,)"]
    one_cell = lw.Graph(lw.LSTM(4, 3)(x)[0])
    assert texts(scene_of(one_cell), "parameter") == ["Wx (4, 12)", "Wh (3, 12)", "b (12,)"]


def test_arrays_show_shape_mean_spread_and_a_heat_map():
    graph = lw.Graph((lw.Input("x") * 2.0).named("y"))
    run(graph, np.array([[1.0, 2.0], [3.0, 6.0]]))
    scene = scene_of(graph)
    assert {"(2, 2)", "mean 3", "std 1.87", "mean 6", "std 3.74"} <= set(texts(scene, "ink")) | set(
        texts(scene, "muted")
    )
    assert {"mean 2", "std 0", "mean 1"} <= set(texts(scene, "gradient"))
    value = of_kind(scene, Heat)[0]
    assert value.colors[0][0] == SEQUENTIAL[0] and value.colors[1][1] == SEQUENTIAL[-1]
    assert "standard deviation 1.87" in value.title and "all of it" in value.title


@pytest.mark.parametrize(
    ("shape", "cells", "says"),
    [
        ((3, 4), (3, 4), "all of it"),
        ((7,), (1, 7), "all of it"),
        ((100, 10), (32, 10), "the first 32 rows of 100"),
        ((32, 64), (8, 8), "the first row of 32, its 64 numbers in reading order"),
        ((5, 1, 8, 8), (8, 8), "the first image of 5, channel 0"),
        ((5, 3, 6), (3, 6), "the first of 5"),
    ],
)
def test_a_heat_map_says_what_it_shows(shape, cells, says):
    found, said = cells_of(np.zeros(shape))
    assert (found.shape, said) == (cells, says)


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (10, 5000), (2, 1031)])
def test_large_arrays_have_no_heat_map(shape):
    assert heat_map(np.zeros(shape), False, "") is None


def test_gradients_diverge_around_white():
    heat = heat_map(np.array([[-4.0, 0.0, 2.0]]), True, "dx")
    assert heat.colors[0][0] == DIVERGING[0] and heat.colors[0][1] == DIVERGING[16]
    assert DIVERGING.index(heat.colors[0][2]) == 24  # half as far as the farthest


def test_nan_and_infinity_are_visible():
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    label = label_for(x, "x", gradient=False, maps=True)
    assert [row.text for row in label.rows if row.role == "alarm"] == ["1 NaN, 2 ∞"]
    assert len(set(label.heat.colors[0][1:])) == 1 and label.heat.colors[0][0] != "#e6007a"
    for value, shown in ((float("nan"), "NaN"), (float("-inf"), "−∞"), (np.float32("inf"), "∞")):
        row = label_for(value, "x", gradient=True, maps=True).rows[0]
        assert (row.text, row.role) == (shown, "alarm")


def test_constants_are_small_text_without_a_gradient():
    scene = scene_of(run(lw.Graph((lw.Input("x") * 2.5).named("y")), 2.0))
    constant = next(t for t in of_kind(scene, Text) if t.text == "2.5")
    assert constant.role == "muted" and constant.size < 12
    assert texts(scene, "gradient") == ["2.5", "1"]  # of x and of y


def test_fan_out_is_one_value_with_several_arrows():
    scene = scene_of(fan_out())
    assert texts(scene).count("s") == 1 and "13" in texts(scene, "gradient")  # the sum
    heads = [head for head in of_kind(scene, Head) if head.role == "forward"]
    assert len(heads) == 8  # a, twice b, three times s, two outputs
    dots = [box for box in of_kind(scene, Box) if box.fill == "forward"]
    assert len(dots) == 2 and {dot.title for dot in dots} == {"b goes 2 ways", "s goes 3 ways"}


def test_several_outputs_of_a_layer_have_numbers_and_no_node_of_their_own():
    scene = scene_of(two_outputs())
    assert {"[0]", "[1]", "Split"} <= set(texts(scene)) and "Pick" not in to_svg(two_outputs())


def test_parameters_in_an_expression_are_drawn_with_value_and_gradient():
    W = lw.Parameter(np.ones((2, 2)))
    scene = scene_of(run(lw.Graph((lw.Input("x") @ W).named("y")), np.ones((3, 2))))
    assert texts(scene, "parameter") == ["parameter1"] and "@" in texts(scene)
    assert "mean 3" in texts(scene, "gradient")


def test_a_parameter_that_a_layer_shares_has_the_name_that_it_has_there():
    words, x = lw.Embedding(5, 4), lw.Input("x")
    graph = lw.Graph(words(x) @ lw.Transpose()(words.W))
    assert "embedding1.W" in texts(scene_of(graph), "parameter")
    assert "parameter1  parameter embedding1.W" in graph.summary()
    outer = lw.Graph(lw.ReLU()(graph(x)))
    assert "embedding1.W" in texts(scene_of(outer), "parameter")


# nested graphs -----------------------------------------------------------------------------------


def frames(scene):
    return [box for box in of_kind(scene, Box) if box.fill == "frame"]


def test_nested_graphs_are_framed_and_opened():
    scene = scene_of(nested())
    assert {"block1", "block2"} <= {t.text for t in of_kind(scene, Text) if t.anchor == "start"}
    assert len(frames(scene)) == 2
    boxes = [box_extent(box) for box in of_kind(scene, Box) if box.fill == "layer"]
    held = [sum(inside(box, box_extent(frame)) for box in boxes) for frame in frames(scene)]
    assert held == [2, 2] and len(boxes) == 6  # the last Affine and the loss are outside


def test_depth_says_how_many_levels_are_opened():
    x = lw.Input("x")
    inner = lw.Sequential(lw.ReLU(), lw.Tanh())
    graph = lw.Graph(lw.Sequential(inner, lw.Sigmoid())(x))
    shown = [set(texts(scene_of(graph, depth=depth))) for depth in (0, 1, 2, None)]
    assert [{"ReLU", "Sigmoid"} & one for one in shown] == [
        set(),
        {"Sigmoid"},
        {"ReLU", "Sigmoid"},
        {"ReLU", "Sigmoid"},
    ]
    assert [len(frames(scene_of(graph, depth=depth))) for depth in (0, 1, 2)] == [0, 1, 2]


def test_a_folded_graph_says_how_many_parameters_it_has():
    assert "72 parameters" in texts(scene_of(nested(), depth=0))


def test_outputs_of_a_nested_graph_are_drawn_once_each():
    x = lw.Input("x")
    inner = lw.Graph([(x * 2.0).named("twice"), (x * 3.0).named("thrice")])
    first, second = inner(lw.Input("z"))
    graph = run(lw.Graph((first + second).named("sum")), 1.5)
    opened, folded = texts(scene_of(graph)), texts(scene_of(graph, depth=0))
    assert [opened.count(value) for value in ("3", "4.5", "7.5", "×")] == [2, 1, 1, 2]
    assert "[0]" not in opened and {"[0]", "[1]", "3", "4.5"} <= set(folded)


# nothing lies on anything else -------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("make", SAMPLES)
def test_nothing_overlaps(make, direction):
    scene = scene_of(make(), direction)
    words = [(text.text, extent(text)) for text in of_kind(scene, Text)]
    words += [("heat map", heat_extent(heat)) for heat in of_kind(scene, Heat)]
    whole = (0, 0, scene.width, scene.height)
    for (name, a), (other, b) in combinations(words, 2):
        assert not overlap(a, b), f"{name!r} lies on {other!r}"
    for name, a in words:
        assert inside(a, whole), f"{name!r} is cut off"
    solid = [box_extent(b) for b in of_kind(scene, Box) if b.fill in ("layer", "circle")]
    for a, b in combinations(solid, 2):
        assert not overlap(a, b)
    for name, a in words:
        for box in solid:
            assert inside(a, box) or not overlap(a, box), f"{name!r} lies across a box"


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("make", SAMPLES)
def test_no_arrow_runs_through_words_or_boxes(make, direction):
    scene = scene_of(make(), direction)
    obstacles = [extent(text) for text in of_kind(scene, Text)]
    obstacles += [heat_extent(heat) for heat in of_kind(scene, Heat)]
    for box in of_kind(scene, Box):
        if box.fill == "layer":
            obstacles.append(box_extent(box))
    for line in of_kind(scene, Line):
        for p in sampled(line.curve):
            assert not any(holds(one, p) for one in obstacles), f"a line crosses at {p}"
            assert 0 <= p.x <= scene.width and 0 <= p.y <= scene.height


@pytest.mark.parametrize("make", [chain_of_sixty, scalars_of_sixty, residual])
def test_long_graphs_are_wrapped_to_a_width_that_can_be_read(make):
    scene = scene_of(make())
    assert scene.width < 1500 and min(text.size for text in of_kind(scene, Text)) >= 10


def test_text_is_measured_rather_too_wide():
    font = FT2Font(findfont("DejaVu Sans"))  # wider than Helvetica, Arial or Segoe
    font.set_size(100, 72)
    for character in map(chr, [*range(32, 127), *map(ord, "×÷−±√Σ²∞…∂αßЖ")]):
        true = font.load_char(ord(character)).linearHoriAdvance / 65536
        assert text_width(character, 100) >= true - 0.1, character


# curves and numbers ------------------------------------------------------------------------------


def test_arrows_that_run_beside_one_another_keep_their_distance():
    curve = [Point(0, 0), Point(40, 0), Point(60, 80), Point(100, 80)]
    left, right = sampled(beside(curve, 3)), sampled(beside(curve, -3))
    gaps = [min(length(p, q) for q in sampled(beside(curve, -3), 100)) for p in left]
    assert len(left) == len(right) and min(gaps) > 5.5 and max(gaps) < 6.5
    back = beside(curve[::-1], 3)
    assert back[-1] == beside(curve, -3)[0]  # the way back is on the other side


def test_an_arrow_ends_with_its_tip_at_the_end():
    line, head = arrow([Point(0, 0), Point(10, 0), Point(20, 0), Point(30, 0)], "forward", 1.0)
    assert head.tip == (30, 0) and 24 < line.curve[-1].x < 26 and head.left.y == -head.right.y


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (715, "715"),
        (110.00000000000001, "110"),
        (3.3000000000000003, "3.3"),
        (1 / 3, "0.333333"),
        (-0.0, "0"),
        (1e300, "1e300"),
        (10**400, "1e400"),
        (-(10**12) - 1, "−1e12"),
        (1234567.89, "1234568"),
        (1e-7, "1e−7"),
        (True, "True"),
        (np.float32(2.2), "2.2"),
        (np.int8(-5), "−5"),
    ],
)
def test_numbers_are_written_as_a_person_would(value, shown):
    assert number(value) == shown


@given(st.one_of(st.floats(), st.integers()))
def test_every_number_is_written_briefly_and_truly(value):
    text = number(value)
    assert len(text) <= 13
    back = float(text.replace("−", "-").replace("∞", "inf"))
    if np.isfinite(back):
        assert back == pytest.approx(value, rel=1e-5)


@given(st.text(), st.floats(5, 300))
def test_any_text_becomes_one_line_that_fits(text, width):
    line = shortened(one_line(text), width, 12)
    assert "\n" not in line and (text_width(line, 12) <= width or line == "…")


# the files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_written_whole_and_twice_the_same(tmp_path, ending):
    graph, path = shop_run(), tmp_path / f"shop{ending}"
    assert graph.draw(path) == path
    first = path.read_bytes()
    assert first.startswith(FORMATS[ending])
    graph.draw(str(path))
    assert path.read_bytes() == first
    assert [one.name for one in tmp_path.iterdir()] == [path.name]  # nothing else is left


def test_a_picture_shows_itself_in_a_notebook():
    graph = shop_run()
    picture = graph.draw()
    assert isinstance(picture, Picture) and picture._repr_svg_() == str(picture)
    assert graph._repr_svg_() == to_svg(graph) == str(picture)
    assert repr(picture).startswith("Picture(")


@pytest.mark.parametrize("make", SAMPLES)
def test_svg_is_xml_and_says_all_that_the_scene_says(make):
    graph = make()
    scene = scene_of(graph)
    root = ElementTree.fromstring(svg_of(scene, "auto"))
    shown = ["".join(e.itertext()) for e in root.iter(f"{SVG}text")]
    titles = {e.text for e in root.iter(f"{SVG}title")}
    for text in texts(scene):
        assert any(one.endswith(text) for one in shown)
    assert {heat.title for heat in of_kind(scene, Heat)} <= titles
    assert float(root.get("width")) == pytest.approx(scene.width, abs=0.01)


def test_themes():
    graph = shop_run()
    auto, light, dark = (graph.draw(theme=theme) for theme in ("auto", "light", "dark"))
    paper_light, paper_dark = COLORS["paper"]
    assert "prefers-color-scheme: dark" in auto and paper_light in auto and paper_dark in auto
    assert paper_light in light and paper_dark not in light and "@media" not in light
    assert paper_dark in dark and paper_light not in dark


def test_pictures_on_one_page_do_not_disturb_each_other():
    graph = shop()
    before = graph.draw()
    after = run(graph, *PRICES.values()).draw()
    ids = [re.search(r'id="(\w+)"', one)[1] for one in (before, after)]
    assert ids[0] != ids[1]
    for name, one in zip(ids, (before, after)):
        style = re.search(r"<style>(.*)</style>", one, re.DOTALL)[1]
        assert set(re.findall(r"#(lw\w+)", style)) == {name} and not re.search(r"^\.", style)


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("role", ["ink", "muted", "gradient", "parameter", "alarm"])
def test_text_has_contrast_in_both_themes(role, theme):
    def light(color):
        rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    times = [ground for ground in COLORS if ground.startswith("time")]  # only ink stands there
    for ground in ("paper", "layer", "frame", *times * (role == "ink")):
        low, high = sorted((light(COLORS[role][theme]), light(COLORS[ground][theme])))
        assert (high + 0.05) / (low + 0.05) >= 4.5  # as the WCAG asks of text


def test_a_title_stands_above_everything():
    scene = scene_of(shop_run(), title="Apples & oranges")
    title = next(t for t in of_kind(scene, Text) if t.text == "Apples & oranges")
    assert title.y < min(t.y for t in of_kind(scene, Text) if t is not title) - title.size
    assert "Apples &amp; oranges" in shop_run().draw(title="Apples & oranges")


def test_downward_the_value_is_left_of_the_arrow_and_the_gradient_right():
    scene = scene_of(shop_run(), "TB")
    place = {text.text: text for text in of_kind(scene, Text)}
    assert place["715"].x < place["price"].x < place["1"].x and place["tax"].y < place["price"].y


def test_dot_is_read_by_graphviz(tmp_path):
    import pygraphviz

    path = nested().draw(tmp_path / "net.dot")
    graph = pygraphviz.AGraph(str(path))
    labels = {node.attr["label"] for node in graph.nodes()}
    assert "x" in labels and any(label.startswith("Affine(8, 8)") for label in labels)
    assert {sub.graph_attr["label"] for sub in graph.subgraphs()} == {"block1", "block2"}


# hostile names and values ------------------------------------------------------------------------

HOSTILE = ["<b>&\"x'", "a -> b", "line\nend", "$x^2$", "日本 \x00\ud800", "]]>", '\\N "q" \\']


def test_hostile_names_are_text_and_nothing_else(tmp_path):
    import pygraphviz

    nodes = [lw.Input(name) for name in HOSTILE]
    graph = lw.Graph(sum(nodes[1:], nodes[0]).named("<script>alert(1)</script>"))
    run(graph, *np.arange(len(nodes), dtype=float))
    root = ElementTree.fromstring(graph.draw())
    assert not list(root.iter(f"{SVG}script")) and not list(root.iter(f"{SVG}b"))
    shown = " ".join(root.itertext())
    assert all(one in shown for one in ("<b>&\"x'", "a -> b", "line end", "<script>", "日本 ��"))
    for ending in FORMATS:
        graph.draw(tmp_path / f"hostile{ending}")
    dot = pygraphviz.AGraph(str(tmp_path / "hostile.dot"))
    assert len(dot.nodes()) == len(scene_nodes(graph))
    assert "a -> b" in {node.attr["label"] for node in dot.nodes()}


def scene_nodes(graph):
    """Everything at the end of an arrow: the nodes of the graph and its outputs."""
    return [*graph.nodes, *graph.outputs]


VALUES = [1e300, float("nan"), -0.0, 10**400, np.float32(0.1), np.array(2.5), np.zeros((0, 3)),
          np.full((2, 2), 1e308), np.array([5e-324]), np.arange(6, dtype=np.uint8), True,
          (1.0, np.ones((2, 2)), None), (), "text", np.array(["a"]),
          np.array([1 + 2j])]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=[f"{i}" for i in range(len(VALUES))])
@pytest.mark.parametrize("gradient", [False, True])
def test_any_value_has_a_label(value, gradient):
    label = label_for(value, "x", gradient=gradient, maps=True)
    assert label.rows and label.size[0] <= 131 and label.title.startswith("x")
    assert not any("nan" in row.text for row in label.rows)


def test_a_layer_of_any_class_is_drawn():
    class Mine:
        def forward(self, x):
            return x

        def backward(self, dout):
            return dout

        def __repr__(self):
            return "Mine(" + "<very long>\n" * 50 + ")"

    scene = scene_of(run(lw.Graph(lw.apply(Mine(), lw.Input("x"))), 1.0))
    box = next(box for box in of_kind(scene, Box) if box.fill == "layer")
    assert box.width < 250 and "<very long>" in next(t for t in texts(scene) if "Mine" in t)


def test_a_graph_that_gives_back_its_input_is_drawn():
    assert {"x"} == set(texts(scene_of(lw.Graph(lw.Input("x")))))


# errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "shop.jpg"}, "A picture is written as .svg, .png, .pdf, .dot, but the path is"),
        ({"path": "shop"}, "Give it one of these endings"),
        ({"theme": "blue"}, 'theme is "auto", "light" or "dark", but got \'blue\'.'),
        ({"direction": "up"}, 'direction is "LR" or "TB", but got \'up\'.'),
        ({"depth": -1}, "depth is a number of levels, or None for all, but got -1."),
    ],
)
def test_wrong_options_give_one_clear_error(options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(lw.WiringError, match=re.escape(said)):
        shop().draw(**options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", FORMATS)
def test_a_missing_folder_is_named(tmp_path, ending):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere"):
        shop().draw(tmp_path / "nowhere" / f"shop{ending}")


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "shop.svg"
    path.write_text("old")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        shop().draw(path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("count", [1001, 20_000])
def test_graphs_too_large_to_read_say_what_to_do(count):
    node = lw.Input("x")
    for _ in range(count):
        node = lw.Sin()(node)
    with pytest.raises(lw.WiringError, match=r"more than 1,000 nodes .*depth=0.*draw a part"):
        lw.Graph(node).draw()


def test_folding_makes_large_graphs_drawable():
    x = lw.Input("x")
    graph = lw.Graph(lw.Sequential(*(lw.Sin() for _ in range(1200)))(x).named("y"))
    assert texts(scene_of(graph, depth=0)) == ["x", "Sequential", "y", "y"]
    with pytest.raises(lw.WiringError, match="depth=0"):
        graph.draw()


def test_importing_layerwise_leaves_the_heavy_libraries_alone():
    code = (
        "import sys, json, layerwise, layerwise.draw;"
        "print(json.dumps([m for m in ('matplotlib', 'pygraphviz') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == []
    assert "pyplot" not in (Path(lw.__file__).parent / "draw" / "plot.py").read_text()


@pytest.mark.parametrize(
    ("pick", "sign"),
    [
        (lambda x: x[:, 0], "[:, 0]"),
        (lambda x: x[1:5:2, None], "[1:5:2, None]"),
        (lambda x: x[..., ::-1], "[..., ::-1]"),
        (lambda x: x[[2, 0]], "[list]"),
    ],
)
def test_an_index_is_drawn_as_it_is_written(pick, sign):
    picture = lw.Graph(pick(lw.Input("x")).named("y")).draw()
    assert f">{sign}</text>" in picture
