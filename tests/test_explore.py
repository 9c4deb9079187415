"""The explorer's record: what a run becomes as data, and what the page is made of."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from explored import HOSTILE, explored, failing, fan_out, gpt, hostile, lenet, shop_case, two_layers
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw
from layerwise.explore import Page, explore
from layerwise.explore.arrays import Plan, Store, axes_within, plain_number, statistics
from layerwise.explore.assembly import bundled, json_in_html, read, source, styles
from layerwise.explore.record import record_of
from layerwise.explore.run import run
from layerwise.explore.words import class_words, docstring_of
from layerwise.shop import PRICES, shop

PAGE = files("layerwise.explore").joinpath("page")
SCRIPTS = sorted(one.name[:-3] for one in PAGE.iterdir() if one.name.endswith(".js"))


def record(case):
    graph, args, named = case
    return record_of(graph, run(graph, args, named, 1), 1, "title")


def node(data, name):
    return next(one for one in data["nodes"] if one["id"] == name)


# the run -----------------------------------------------------------------------------------------


def test_the_order_of_the_run_is_that_of_the_graph():
    data = record(shop_case())
    assert data["forward"] == ["apple_price", "orange_price", "all_price", "price"]
    assert data["backward"] == data["forward"][::-1]


def test_nested_graphs_run_in_their_place():
    data = record(gpt())
    names = [name for name in data["forward"] if name.startswith("gpt.block1.")]
    assert names[0] == "gpt.block1.norm1"
    start = data["forward"].index(names[0])
    assert data["forward"][start : start + len(names)] == names
    assert data["backward"] == data["forward"][::-1]
    assert node(data, "gpt.block1.norm1")["path"] == ["gpt", "gpt.block1"]


def test_the_graph_itself_stays_as_it_was():
    net = lw.Graph(lw.BatchNorm(3)(lw.Dropout(0.5)(lw.Input("x"))).named("y"), seed=0)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    before = {name: one.value.copy() for name, one in net.buffers().items()}
    net.explore(x)
    assert all(value is None for value in net.values.values())
    assert all(np.array_equal(before[name], one.value) for name, one in net.buffers().items())
    page = net.explore(x)
    assert page == net.explore(x)  # and so it draws the same numbers each time


def test_what_is_explored_is_what_forward_gives_next():
    net = lw.Graph(lw.Dropout(0.5)(lw.Input("x")).named("y"), seed=3)
    x = np.ones(20, np.float32)
    shown = run(net, (x,), {}, 1)
    assert np.array_equal(shown.graph["y"].value, net.forward(x))


def test_dout_and_title_are_passed_on():
    x = lw.Input("x")
    page = lw.Graph([(2.0 * x).named("a"), (3.0 * x).named("b")]).explore(
        5.0, dout=(1.0, 10.0), title="two <outputs>"
    )
    assert "<title>two &lt;outputs&gt;</title>" in page
    data = read_back(page)
    assert [one["number"] for one in data["douts"]] == [1.0, 10.0]
    assert data["values"][0]["grad"]["number"] == 32.0


def read_back(page):
    found = re.search(r'<script type="application/json" id="record">(.*?)</script>', page, re.S)
    return json.loads(found[1])


@pytest.mark.parametrize("mode", [True, False])
def test_it_runs_in_the_mode_of_the_graph(mode):
    net = lw.Graph(lw.Dropout(0.5)(lw.Input("x")).named("y"), seed=0)
    net.training = mode
    data = read_back(net.explore(np.ones(50)))
    assert data["mode"] == ("training" if mode else "inference")
    assert (data["arrays"][data["values"][1]["value"]["array"]]["zeros"] > 0) is mode


def test_inputs_that_do_not_fit_are_refused_as_by_forward():
    with pytest.raises(lw.WiringError, match="tax"):
        shop().explore(1, 2, 3, 4)
    with pytest.raises(lw.GradientError):
        shop().explore(**PRICES, dout=(1, 2))


# failures ----------------------------------------------------------------------------------------


def test_a_layer_that_fails_ends_the_run():
    data = record(failing())
    assert data["forward"] == ["affine1", "relu1"]
    assert data["failure"]["node"] == "picky1"
    assert data["failure"]["kind"] == "ValueError"
    assert "too much" in data["failure"]["said"]
    assert [v["value"] is None for v in data["values"]] == [False, False, False, True, True]


def test_a_failure_inside_a_nested_graph_and_in_backward():
    class Forgets(lw.Layer):
        def forward(self, x):
            return x * 2

        def backward(self, dout):
            return dout * self.x

    x = lw.Input("x")
    inner = lw.Sequential(lw.Tanh(), Forgets())
    data = record((lw.Graph(lw.Sigmoid()(inner(x).named("block")).named("y")), (np.ones(3),), {}))
    failure = data["failure"]
    assert (failure["direction"], failure["node"]) == ("backward", "block.forgets1")
    assert failure["path"] == ["block", "forgets1"]
    assert data["backward"] == ["y"]


def test_a_nested_graph_that_refuses_its_input_is_where_it_stops():
    inner_x = lw.Input("x", shape=(None, 3))
    inner = lw.Graph(lw.Tanh()(inner_x).named("t"))
    outer = lw.Graph(lw.Sin()(inner(lw.Sin()(lw.Input("x")).named("a")).named("block")))
    data = record((outer, (np.ones((2, 4)),), {}))
    assert data["forward"] == ["a"]
    assert data["failure"]["node"] == "block.t"
    assert data["failure"]["path"] == ["block"]
    first = record((lw.Graph(inner(lw.Input("x"))), (np.ones((2, 4)),), {}))
    assert (first["forward"], first["failure"]["path"]) == ([], ["graph1"])


def test_what_the_graph_refuses_counts_as_a_failure_of_the_layer():
    class Short(lw.Layer):
        def forward(self, x):
            return x

        def backward(self, dout):
            return dout[:1]

    data = record((lw.Graph(Short()(lw.Input("x")).named("y")), (np.ones(3),), {}))
    assert data["failure"]["node"] == "y"
    assert data["backward"] == []


# local derivatives -------------------------------------------------------------------------------


def numbers(data, reference):
    """The numbers of an array in a record."""
    import base64

    entry = data["arrays"][reference["array"]]
    kind = np.dtype(f"<{entry['kind']}")
    block = base64.b64decode(data["block"])
    shape = [
        n if axes is None else len(axes)
        for n, axes in zip(entry["shape"], entry.get("axes") or [None] * len(entry["shape"]))
    ]
    return np.frombuffer(block, kind, int(np.prod(shape)), entry["at"]).reshape(shape)


def test_local_derivatives_times_upstream_are_what_goes_back():
    data = record(shop_case())
    price = node(data, "price")
    assert [one["number"] for one in price["slopes"]] == [1.1, 650.0]
    assert [one["number"] for one in price["dxs"]] == [1.1, 650.0]
    apple = node(data, "apple_price")
    assert [one["number"] for one in apple["slopes"]] == [2.0, 100.0]
    assert [one["number"] for one in apple["dxs"]] == [2.2, 110.00000000000001]


@pytest.mark.parametrize(
    ("layer", "local"),
    [
        (lw.Tanh(), True),
        (lw.ReLU(), True),
        (lw.Dropout(0.5), True),
        (lw.Softmax(), False),
        (lw.LayerNorm(4), False),
        (lw.Affine(4, 4), False),
        (lw.Transpose(), False),
    ],
)
def test_only_what_works_on_each_element_by_itself_has_local_derivatives(layer, local):
    graph = lw.Graph(layer(lw.Input("x")).named("y"), seed=0)
    x = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    data = record((graph, (x,), {}))
    (slope,) = node(data, "y")["slopes"]
    assert (slope is not None) is local
    if local:
        assert np.array_equal(numbers(data, slope), numbers(data, node(data, "y")["dxs"][0]))


def test_looking_for_local_derivatives_changes_no_gradient():
    class Scale(lw.Layer):
        """y = s x"""

        def __init__(self):
            self.s = lw.Parameter(np.full((3,), 2.0))
            self.x = None

        def forward(self, x):
            self.x = x
            return x * self.s.value

        def backward(self, dout):
            self.s.grad += (dout * self.x).sum(axis=0)
            return dout * self.s.value

    graph = lw.Graph(Scale()(lw.Input("x")).named("y"))
    data = record((graph, (np.ones((4, 3)),), {}))
    (parameter,) = node(data, "y")["parameters"]
    assert numbers(data, parameter["grad"]).tolist() == [4.0, 4.0, 4.0]
    assert node(data, "y")["slopes"] != [None]


# checks ------------------------------------------------------------------------------------------


def test_every_gradient_is_checked_with_numbers():
    data = record(two_layers())
    checks = node(data, "affine1")["checks"]
    assert set(checks) == {"0", "W", "b"}
    for one in checks.values():
        assert one["verdict"].startswith("ok")
        assert 3 <= len(one["elements"]) <= 48
        for index, said, slope, wrong, _ in one["elements"]:
            assert not wrong
            assert said == pytest.approx(slope, rel=1e-5, abs=1e-9)
            assert len(index) in (1, 2)
        assert one["worst"] in [element[0] for element in one["elements"]]


def test_as_many_elements_are_checked_as_asked_for():
    graph, args, _ = two_layers()
    for asked, counts in ((5, [5, 5, 5]), (10_000, [2_048, 3_200, 50])):
        checks = node(read_back(graph.explore(*args, checks=asked)), "affine1")["checks"]
        assert [len(one["elements"]) for one in checks.values()] == counts
    for senseless in (0, 2.5, True, "all"):
        with pytest.raises(ValueError, match="checks must be a whole number, 1 or more, but got"):
            graph.explore(*args, checks=senseless)


def test_a_wrong_gradient_is_found_and_named():
    class Doubled(lw.Sigmoid):
        def backward(self, dout):
            return 2 * super().backward(dout)

    graph = lw.Graph(Doubled()(lw.Input("x")).named("y"))
    check = node(record((graph, (np.ones((3, 2)),), {})), "y")["checks"]["0"]
    assert check["verdict"] == "wrong"
    assert all(wrong for *_, wrong, _ in check["elements"])
    assert "slope times 2" in check["finding"]
    assert check["finding"].startswith("x")  # what the layer itself calls it


def test_a_layer_that_cannot_be_checked_says_why():
    class Clock(lw.Layer):
        ticks = 0

        def forward(self, x):
            Clock.ticks += 1
            return x * Clock.ticks

        def backward(self, dout):
            return dout * Clock.ticks

    graph = lw.Graph(Clock()(lw.Input("x")).named("y"))
    assert node(record((graph, (np.ones(3),), {})), "y")["checks"] == {"error": "not repeatable"}


# arrays ------------------------------------------------------------------------------------------


def test_an_array_is_told_once_however_often_it_occurs():
    store = Store(None)
    x = np.arange(12.0).reshape(3, 4)
    assert store.add(x) == store.add(x.copy()) == {"array": 0}
    assert store.add(x.T) == {"array": 1}
    store.block()
    assert store.entries[0]["at"] != store.entries[1]["at"]
    y = Store(None)
    y.add(x), y.add(x.reshape(-1))
    y.block()
    assert y.entries[0]["at"] == y.entries[1]["at"]  # the same bytes in another shape


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=4),
    st.booleans(),
    st.integers(1, 64),
    st.integers(1, 5_000),
)
def test_samples_keep_first_and_last_and_stay_within_the_limit(shape, batched, rows, limit):
    axes = Plan(rows, limit, limit).axes(tuple(shape), batched)
    count = 1
    for n, one in zip(shape, axes):
        if one is not None:
            assert 1 <= len(one) < n
            assert one[0] == 0
            assert len(one) == 1 or one[-1] == n - 1
            assert np.all(np.diff(one) > 0)
        count *= n if one is None else len(one)
    assert count <= max(2_048, limit * (rows if batched else 1))


def test_much_is_sampled_until_it_fits():
    store = Store(16)
    rng = np.random.default_rng(0)
    for _ in range(6):
        store.add(rng.normal(size=(16, 32, 40, 40)).astype(np.float32))
    store.add(rng.normal(size=(2_000, 500)), batched=False)
    assert len(store.block(300_000)) < 400_004
    assert all(entry["shape"] and entry["std"] > 0.9 for entry in store.entries)  # of the whole


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.ones(3, np.float16), "f4"),
        (np.ones(3, np.float32), "f4"),
        (np.ones(3), "f8"),
        (np.array([True, False]), "u1"),
        (np.array([1, -(2**40)]), "f8"),
        (np.arange(3), "i4"),
    ],
)
def test_numbers_are_kept_exactly(array, kind):
    store = Store(None)
    reference = store.add(array)
    data = {"block": store.block(), "arrays": store.entries}
    assert store.entries[0]["kind"] == kind
    assert np.array_equal(numbers(data, reference), array)


def test_statistics_of_odd_numbers():
    assert statistics(np.array([np.nan, np.inf, -np.inf]))["inf"] == 2
    assert "mean" not in statistics(np.full(2, np.nan))
    huge = statistics(np.array([1e300, -1e300]))
    assert (huge["mean"], huge["std"]) == (0.0, 1e300)
    assert sum(statistics(np.arange(100.0))["bins"]) == 100


def test_single_numbers_keep_their_digits():
    assert plain_number(0.1 + 0.2) == 0.30000000000000004
    assert plain_number(-np.inf) == "-Infinity"
    assert plain_number(np.True_) is True
    assert axes_within((), 5) == ()


# words -------------------------------------------------------------------------------------------


def test_the_words_of_a_class_are_read_from_its_docstring_and_its_source():
    said = class_words(lw.Affine(2, 3))
    assert said["summary"].startswith("y = x W + b")
    assert said["backward"].startswith("dx = dout Wᵀ")
    assert "self.W.grad += x.T @ d" in said["code"]["backward"]["text"]
    assert said["code"]["backward"]["of"] == "Affine"


def test_a_class_without_formulas_has_those_of_its_base():
    summary, fields = docstring_of(lw.MaxPool2d)
    assert summary.startswith("The largest number in each window")
    assert "See `" not in summary
    assert fields["forward"].startswith("y = the largest number")
    assert fields["backward"].startswith("dx = dout")


def test_a_source_that_cannot_be_had_is_none():
    names = {"lw": lw}
    exec(
        "class Typed(lw.Layer):\n"
        "    def forward(self, x): return x\n"
        "    def backward(self, dout): return dout\n",
        names,
    )
    assert class_words(names["Typed"]())["code"] == {"forward": None, "backward": None}


# layouts -----------------------------------------------------------------------------------------


def test_every_choice_of_opened_graphs_has_its_layout():
    data = record(gpt())
    opened = [frozenset(layout["open"]) for layout in data["layouts"]]
    assert len(opened) == len(set(opened))
    assert frozenset() in opened
    assert {"gpt"} in opened
    assert {"gpt", "gpt.block1"} in opened
    assert {"gpt", "gpt.block1", "gpt.block2"} in opened
    known = {one["id"] for one in data["nodes"] + data["frames"]}
    values = {one["id"] for one in data["values"]}
    for layout in data["layouts"]:
        assert {thing["id"] for thing in layout["things"]} <= known
        assert {wire["value"] for wire in layout["wires"]} <= values
        assert [frame["id"] for frame in layout["frames"]] or not layout["open"]


def test_many_nested_graphs_do_not_make_endless_layouts():
    node = lw.Input("x")
    for _ in range(20):
        node = lw.Sequential(lw.Tanh(), lw.Sin(), lw.Cos())(node)
    data = record((lw.Graph(node.named("y")), (0.5,), {}))
    assert sum(len(layout["things"]) for layout in data["layouts"]) < 1_000


# the page ----------------------------------------------------------------------------------------


def test_lenet_with_a_batch_of_16_stays_below_one_and_a_half_megabytes(tmp_path):
    path = tmp_path / "net.html"
    page, _ = explored(lenet, path)
    assert page == path
    assert 500_000 < path.stat().st_size < 1_500_000


def test_the_page_asks_for_nothing_from_outside():
    page, _ = explored(shop_case)
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]+"', page)
    assert not re.findall(r"\b(?:fetch|XMLHttpRequest|WebSocket|import)\(", page)
    assert set(re.findall(r"https?://[^\s\"')]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_the_same_run_gives_the_same_page():
    assert explored(fan_out())[0] == explored(fan_out())[0]


def test_names_cannot_end_the_script():
    page, _ = explored(hostile, title=HOSTILE)
    assert page.count("</script>") == 2
    assert "<img" not in page
    assert json.loads(json_in_html({"a": "</script>\ud800"})) == {"a": "</script>\ud800"}


def test_a_notebook_gets_a_frame_with_the_page_in_it():
    page = explore(shop(), (), dict(PRICES))
    assert isinstance(page, Page)
    assert "srcdoc=" in page._repr_html_()
    assert "<script" not in page._repr_html_()
    assert repr(page).startswith("Page(")


def test_top_level_names_of_the_modules_are_unique():
    declared = re.compile(
        r"^(?:export )?(?:async )?(?:function\*?|const|let|class) +(\w+)", re.MULTILINE
    )
    names = [name for one in SCRIPTS for name in declared.findall(source(one))]
    assert len(names) > 150
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_module_is_small_says_what_it_is_and_is_used(name):
    text = source(name)
    assert text.startswith("// ")
    assert len(text.splitlines()) <= 400
    assert name == "texts" or max(map(len, text.splitlines())) <= 160
    assert text.splitlines()[0] in bundled("main")


def test_modules_import_what_is_there_and_not_in_circles():
    for name in SCRIPTS:
        for names, other in re.findall(
            r'^import \{ ([^}]+) \} from "\./([\w-]+)\.js";', source(name), re.M
        ):
            for one in names.split(", "):
                assert re.search(
                    rf"^export (async )?(function\*?|const|let|class) {one}\b", source(other), re.M
                ), one
        assert name not in reachable(name)


def reachable(name):
    found, todo = set(), [name]
    while todo:
        for other in re.findall(r'from "\./([\w-]+)\.js"', source(todo.pop())):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def test_every_class_in_the_styles_is_used_somewhere():
    scripts = bundled("main") + read("page.html")
    rules = re.sub(r"/\*.*?\*/", "", styles(), flags=re.S)
    names = {
        re.sub("^[it]-", "", name) for name in re.findall(r"\.([a-z][\w-]*)(?=[\s,:.{)\[])", rules)
    }
    assert len(names) > 80
    assert [one for one in names if not re.search(rf"\b{re.escape(one)}\b", scripts)] == []


MODES = ("language", "training", "inference")  # said by the record


def test_every_text_has_three_languages_and_is_used():
    table = re.search(r"const TABLE = \{(.*?)^\};", source("texts"), re.S | re.M)[1]
    keys = re.findall(r"^  (\w+): \[", table, re.M)
    assert len(keys) > 80
    used = "".join(source(one) for one in SCRIPTS if one != "texts")
    assert [key for key in keys if f'"{key}"' not in used and key not in MODES] == []
    for body in re.findall(r"^  \w+: \[(.*?)\],$", table, re.S | re.M):
        assert len(re.findall(r'"(?:[^"\\]|\\.)*"', body)) == 3


def test_importing_layerwise_does_not_import_the_explorer():
    code = "import sys, layerwise; print([n for n in sys.modules if 'explore' in n])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_examples_of_the_documentation_run(tmp_path, monkeypatch):
    page = Path(__file__).parents[1] / "docs" / "explorer.md"
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)
    assert len(code) == 2
    exec("\n".join(code), {})
    assert {one.name for one in tmp_path.iterdir()} == {"shop.html", "training.html"}


def test_a_layer_without_a_docstring_has_no_summary():
    """It had that of the base class, which says what a layer is."""

    class Mine(lw.Layer):
        def forward(self, x):
            return x * 1

        def backward(self, dout):
            return dout * 1

    assert docstring_of(Mine) == ("", {})
