"""The page's modules by themselves, in a browser: numbers, rules of play, traces, tokens, state."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from explored import gpt, needs_browser, script, shop_case
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw
from layerwise.draw.texts import number
from layerwise.explore.assembly import bundled
from layerwise.explore.record import record_of
from layerwise.explore.run import run

pytestmark = needs_browser

TESTED = {
    "numbers": ["number", "typed"],
    "data": ["Model", "Tensor"],
    "marks": ["marksOf"],
    "trace": ["madeOf", "gradientMadeOf", "numberAt"],
    "play": ["SCALAR_RULES", "compute"],
    "code": ["tokens", "formulaLines", "isGradient"],
    "state": ["toFragment", "fromFragment", "initialState"],
    "heat": ["viewOf", "color", "setScales"],
    "quiz": ["isRight"],
}


@pytest.fixture(scope="module")
def blank(browser):
    """A page with the modules in it, and nothing else."""
    names = ", ".join(name for some in TESTED.values() for name in some)
    page = browser.new_page()
    page.add_script_tag(content=f"{bundled(*TESTED)}\nwindow.tested = {{ {names} }};")
    yield page
    page.close()


def told(page, expression, argument=None):
    return page.evaluate(
        f"(given) => {{ const t = window.tested; return {expression}; }}", argument
    )


def record(graph, *inputs):
    return record_of(graph, run(graph, inputs, {}, 1), 1, "title")


# numbers -----------------------------------------------------------------------------------------


def test_numbers_have_the_digits_that_python_gives_them(blank):
    rng = np.random.default_rng(0)
    some = [0.0, -0.0, 1000.125, 100000.5, 100001.5, 123456.5, 999999.5, 1e300, 5e-324, 0.00001]
    some += [715.0000000000001, 3.3000000000000003, 12345678.5, 999999999.5, 1 / 3, 2.0**60]
    some += (rng.normal(size=800) * 10.0 ** rng.integers(-12, 12, 800)).tolist()
    some += (rng.integers(0, 10**6, 600) / 1024).tolist()  # often just between two numbers
    some += rng.normal(size=400).astype(np.float32).astype(float).tolist()
    cases = [[x, digits] for x in some for digits in (2, 4, 6, 8)]
    found = told(blank, "given.map(([x, digits]) => t.number(x, digits))", cases)
    assert found == [number(x, digits) for x, digits in cases]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_written_as_in_python(blank, x):
    assert told(blank, "t.number(given)", x) == number(x)


def test_what_json_cannot_say_is_shown_all_the_same(blank):
    cases = ["NaN", "Infinity", "-Infinity", str(2**70), str(-(10**20)), True]
    found = told(blank, "given.map((x) => t.number(x))", cases)
    assert found == ["NaN", "∞", "−∞", number(2**70), number(-(10**20)), "True"]
    assert told(blank, "t.number(NaN) + t.number(-Infinity) + t.number(-0)") == "NaN−∞0"


def test_typed_numbers_may_have_a_comma(blank):
    assert told(blank, '["1,5", " −2 ", "1e3"].map(t.typed)') == [1.5, -2, 1000]
    assert told(blank, '["", "x", "1.2.3"].map((x) => Number.isNaN(t.typed(x)))') == [True] * 3


# playing -----------------------------------------------------------------------------------------

LAYERS = {
    1: [
        "Neg",
        "Exp",
        "Log",
        "Sqrt",
        "Square",
        "Sin",
        "Cos",
        "Abs",
        "Identity",
        "Sigmoid",
        "Tanh",
        "ReLU",
        "SiLU",
        "LogSigmoid",
    ],
    2: ["Add", "Sub", "Mul", "Div", "Pow", "Maximum", "Minimum"],
}


def test_every_rule_of_play_is_tested(blank):
    assert sorted(told(blank, "Object.keys(t.SCALAR_RULES)")) == sorted(LAYERS[1] + LAYERS[2])


@pytest.mark.parametrize("name", LAYERS[1] + LAYERS[2])
def test_a_rule_of_play_gives_what_the_layer_gives(blank, name):
    count = 1 if name in LAYERS[1] else 2
    rng = np.random.default_rng(5)
    points = rng.uniform(0.1, 3, (20, count)).tolist()
    if name not in ("Log", "Sqrt", "Pow"):
        points += [*rng.normal(size=(20, count)).tolist(), [0.5] * count]
    for point in points:
        layer = getattr(lw, name)()
        y = layer.forward(*point)
        dxs = layer.backward(1.0)
        expression = (
            "(() => { const rule = t.SCALAR_RULES[given[0]]; const y = rule.f(...given[1]);"
            " return [y, rule.d(given[1], y)]; })()"
        )
        out, slopes = told(blank, expression, [name, point])
        assert out == pytest.approx(float(y), rel=1e-13)
        assert slopes == pytest.approx(np.atleast_1d(dxs).astype(float).tolist(), rel=1e-12)


def test_a_graph_of_numbers_is_computed_anew(blank):
    a, b = lw.Input("a"), lw.Input("b")
    h = (a * b + 2.0).exp() / (b + a**2)
    graph = lw.Graph((lw.Sigmoid()(h) * h + lw.Maximum()(a, b)).named("y"))
    data = record(graph, 0.5, 1.5)
    for x, y in ((0.5, 1.5), (0.75, -0.5), (2.0, 2.0)):
        graph.forward(x, y)
        dxs = graph.backward()
        found = told(
            blank,
            "(() => { const { grads } = t.compute(new t.Model(given[0]), given[1]);"
            " return [grads.get('w0'), grads.get('w1')]; })()",
            [data, {"a": x, "b": y}],
        )
        assert found == pytest.approx(dxs, rel=1e-13)


# traces ------------------------------------------------------------------------------------------


def rng_array(*shape):
    return np.random.default_rng(6).normal(size=shape).astype(np.float64)


TRACED = {
    "affine": (lw.Affine(4, 3), rng_array(5, 4)),
    "affine without bias": (lw.Affine(4, 3, bias=False), rng_array(2, 3, 4)),
    "conv": (lw.Conv2d(2, 4, 3), rng_array(2, 2, 5, 6)),
    "conv with options": (
        lw.Conv2d(4, 6, (3, 2), stride=2, padding=(2, 1), dilation=(2, 1), groups=2),
        rng_array(2, 4, 7, 6),
    ),
    "conv same": (lw.Conv2d(1, 2, 4, padding="same"), rng_array(1, 1, 5, 5)),
    "conv1d": (lw.Conv1d(2, 3, 3, stride=2, padding=1), rng_array(2, 2, 9)),
    "avg pool": (lw.AvgPool2d(2), rng_array(2, 2, 6, 4)),
    "max pool": (lw.MaxPool2d(3, stride=2, padding=1), rng_array(2, 2, 7, 6)),
    "flatten": (lw.Flatten(), rng_array(2, 3, 4)),
    "reshape": (lw.Reshape(4, -1), rng_array(2, 3, 4)),
    "transpose": (lw.Transpose(2, 0, 1), rng_array(2, 3, 4)),
    "reverse": (lw.Transpose(), rng_array(2, 3)),
    "sum": (lw.Sum(axis=(0, 2)), rng_array(2, 3, 4)),
    "mean": (lw.Mean(axis=-1, keepdims=True), rng_array(2, 3)),
    "whole sum": (lw.Sum(), rng_array(2, 3)),
    "elementwise": (lw.Tanh(), rng_array(2, 3)),
}


@pytest.mark.parametrize("name", TRACED)
def test_the_parts_of_every_element_add_up(blank, name):
    layer, x = TRACED[name]
    graph = lw.Graph(lw.Sin()(layer(lw.Input("x")).named("y")), dtype="float64", seed=0)
    found = blank.evaluate(script("traces"), record(graph, x))
    one = found["y"]
    assert one["count"] >= x.size
    assert one["forward"] < 1e-9
    assert one["backward"] < 1e-9


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "@"])
def test_the_parts_of_two_inputs_add_up_where_they_broadcast(blank, sign):
    x, y = lw.Input("x"), lw.Input("y")
    z = {"+": x + y, "-": x - y, "*": x * y, "/": x / y, "@": x @ y}[sign]
    graph = lw.Graph(lw.Sin()(z.named("z")).named("end"))
    other = rng_array(4, 2) if sign == "@" else rng_array(3, 1, 4) + 3
    found = blank.evaluate(script("traces"), record(graph, rng_array(3, 4), other))
    assert found["z"]["count"] > 10
    assert found["z"]["backward"] < 1e-9


def test_a_class_of_ones_own_can_be_followed_if_it_is_elementwise(blank):
    class Cubed:
        def forward(self, x):
            self.x = x
            return x**3

        def backward(self, dout):
            return dout * 3 * self.x**2

    graph = lw.Graph(lw.Sin()(lw.apply(Cubed(), lw.Input("x")).named("y")))
    found = blank.evaluate(script("traces"), record(graph, rng_array(3, 2)))
    assert found["y"]["rule"] == "elementwise"
    assert found["y"]["backward"] < 1e-9


def test_a_picked_element_marks_what_it_depends_on(blank):
    x = lw.Input("x")
    h = lw.Conv2d(1, 1, 3, padding=1)(lw.Conv2d(1, 1, 3, padding=1)(x).named("h"))
    graph = lw.Graph(h.named("y"), seed=0)
    data = record(graph, rng_array(1, 1, 9, 9).astype(np.float32))
    found = told(
        blank,
        "[...t.marksOf(new t.Model(given), {value: 'w2', index: [0, 0, 4, 4]})]"
        ".map(([id, all]) => [id, all.length])",
        data,
    )
    assert dict(found) == {"w1": 9, "w0": 25}


def test_marks_follow_every_way_through_a_skip_connection(blank):
    x = lw.Input("x")
    h = (lw.Tanh()(x).named("t") + lw.Conv1d(1, 1, 3, padding=1)(x).named("c")).named("h")
    data = record(lw.Graph(lw.Conv1d(1, 1, 3, padding=1)(h).named("y"), seed=0), rng_array(1, 1, 9))
    ids = {one["name"]: one["id"] for one in data["values"]}
    expression = (
        "Object.fromEntries([...t.marksOf(new t.Model(given[0]), {value: given[1],"
        " index: [0, 0, 4]})].map(([id, all]) => [id, all.map((one) => one[2]).sort()]))"
    )
    above = told(blank, expression, [data, ids["y"]])
    assert above[ids["h"]] == above[ids["t"]] == above[ids["c"]] == [3, 4, 5]
    assert above[ids["x"]] == [2, 3, 4, 5, 6]
    below = told(blank, expression, [data, ids["x"]])
    assert below[ids["y"]] == [2, 3, 4, 5, 6]


def test_marks_stop_where_everything_depends_on_everything(blank):
    node = lw.Input("x")
    for _ in range(3):
        node = lw.Affine(400, 400)(node)
    data = record(lw.Graph(node.named("y"), seed=0), rng_array(1, 400).astype(np.float32))
    found = told(blank, "[...t.marksOf(new t.Model(given), {value: 'w3', index: [0, 4]})]", data)
    assert found == [["w2", None]]  # not followed further; what is not met is not there


# the rest ----------------------------------------------------------------------------------------


def test_tokens_lose_nothing_of_the_source(blank):
    for one in record(*gpt_run())["classes"]:
        for code in (one.get("code") or {}).values():
            found = told(blank, "t.tokens(given)", code["text"])
            assert "".join(text for _, text in found) == code["text"]
            assert ["keyword", "def"] in found


def gpt_run():
    graph, args, _ = gpt()
    return graph, *args


def test_strings_comments_and_gradients_are_told_apart(blank):
    source = "s = \"a # b\" + '''c\nd'''  # dx: no \"string\"\ndx = dout * 1.5e-3 * data"
    found = told(blank, "t.tokens(given).filter(([kind]) => kind)", source)
    assert found == [
        ["string", '"a # b"'],
        ["string", "'''c\nd'''"],
        ["comment", '# dx: no "string"'],
        ["gradient", "dx"],
        ["gradient", "dout"],
        ["numeral", "1.5e-3"],
    ]


def test_formulas_stand_on_lines_of_their_own(blank):
    formula = "dx = dout Wᵀ     dW = xᵀ dout\nmore"
    assert told(blank, "t.formulaLines(given)", formula) == ["dx = dout Wᵀ", "dW = xᵀ dout", "more"]


def test_the_address_keeps_the_whole_state(blank):
    graph, _, named = shop_case()
    data = record(graph, *named.values())
    state = {
        "time": 5, "node": "price", "inputs": {"apple": 1.5, "tax": -2}, "check": True,
        "quiz": True, "lang": "ja", "theme": "dark", "pick": None, "open": None, "speed": 1,
        "at": None,
    }  # fmt: skip
    found = told(
        blank,
        "t.fromFragment(t.toFragment(given[0]), new t.Model(given[1]), 9)",
        [state, data],
    )
    assert found == state


def test_zero_has_the_colour_in_the_middle(blank):
    data = record(lw.Graph(lw.Sin()(lw.Input("x"))), 1.0)
    found = told(
        blank,
        "(() => { t.setScales(given, false); const at = (x) => t.color(x, [-2, 2], true);"
        " return [at(0), at(-2), at(2), at(NaN), t.color(1e308, [-1e308, 1e308], true)]; })()",
        data["palette"],
    )
    shades = data["palette"]["diverging"]
    assert found == [
        rgb(one) for one in (shades[16], shades[0], shades[-1], data["palette"]["odd"], shades[-1])
    ]


def rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.mark.parametrize(
    ("shape", "tiles"),
    [
        ((5,), 1),
        ((200,), 1),
        ((3, 4), 1),
        ((2, 3, 4), 2),
        ((2, 6, 5, 5), 6),
        ((2, 7, 1, 1), 1),
    ],
)
def test_every_cell_of_a_map_is_one_number(blank, shape, tiles):
    found = told(
        blank,
        "(() => { const x = new t.Tensor({shape: given, dtype: 'float64'}, null);"
        " const view = t.viewOf(x, x.sizes.slice(0, Math.max(0, x.sizes.length - 3)).map(() => 0));"
        " const places = []; for (let k = 0; k < view.tiles; k++)"
        " for (let r = 0; r < view.rows; r++)"
        " for (let c = 0; c < view.columns; c++) places.push(view.place(k, r, c));"
        " return [view.tiles, places.filter((one) => one >= 0)]; })()",
        list(shape),
    )
    assert found[0] == tiles
    assert found[1] == list(range(math.prod(shape[-3:])))


def test_an_answer_may_be_rounded_but_not_wrong(blank):
    truth = struct.unpack("f", struct.pack("f", 0.123456))[0]
    cases = [(0.123, truth), (0.13, truth), (-0.123, truth), (0.0, 0.0), (math.pi, 3.14159)]
    found = told(blank, "given.map(([answer, truth]) => t.isRight(answer, truth))", cases)
    assert found == [True, False, False, True, True]
