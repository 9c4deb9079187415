"""The graph: wiring, running both ways, names, sharing, nesting, and what it says when it fails."""

import math

import numpy as np
import pytest
from helpers import BookAffine, BookRelu, block, inputs, same, shop, slope, text_of, user_layer

import layerwise as lw

# the shop ----------------------------------------------------------------------------------------


def test_the_shop_of_the_design():
    graph = shop()
    price = graph.forward(apple=100, apple_num=2, orange=150, orange_num=3, tax=1.1)
    assert price == pytest.approx(715) and type(price) is float
    assert graph.backward() == (2.2, 110.00000000000001, 3.3000000000000003, 165.0, 650)
    assert graph.gradients["tax"] == 650
    assert list(graph.values)[:5] == ["apple", "apple_num", "orange", "orange_num", "tax"]
    assert all(type(grad) in (float, int) for grad in graph.gradients.values())


# operators ---------------------------------------------------------------------------------------

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
ROW = np.array([0.5, 1.5, 2.5])
OPERATORS = {
    "x + 2": lambda x: x + 2,
    "2 + x": lambda x: 2 + x,
    "x - 2": lambda x: x - 2,
    "2 - x": lambda x: 2 - x,
    "x * 2": lambda x: x * 2,
    "2 * x": lambda x: 2 * x,
    "x / 2": lambda x: x / 2,
    "2 / x": lambda x: 2 / x,
    "x ** 2": lambda x: x**2,
    "2 ** x": lambda x: 2.0**x,
    "x ** x": lambda x: x**x,
    "-x": lambda x: -x,
    "+x": lambda x: +x,
    "abs(x)": lambda x: abs(x - 3.5),
    "row + x": lambda x: ROW + x,
    "row - x": lambda x: ROW - x,
    "row * x": lambda x: ROW * x,
    "row / x": lambda x: ROW / x,
    "row ** x": lambda x: ROW**x,
    "x ** row": lambda x: x**ROW,
    "x @ row": lambda x: x @ ROW,
    "A.T @ x": lambda x: A.T @ x,
    "x @ A.T": lambda x: x @ A.T,
    "x * list": lambda x: x * [1.0, 2.0, 3.0],
    "scalar * x": lambda x: np.float64(3) * x,
    "scalar / x": lambda x: np.float64(3) / x,
    "x[0]": lambda x: x[0],
    "x[:, 1:]": lambda x: x[:, 1:],
    "x[..., [0, 0]]": lambda x: x[..., [0, 0]],
    "x[0, 1]": lambda x: x[0, 1],
    "x[mask]": lambda x: x[A > 2],
    "x.T": lambda x: x.T,
    "x.sum()": lambda x: x.sum(),
    "x.sum(0)": lambda x: x.sum(0),
    "x.sum(axis=(0, 1))": lambda x: x.sum(axis=(0, 1)),
    "x.mean(1, keepdims=True)": lambda x: x.mean(1, keepdims=True),
    "x.max(axis=0)": lambda x: x.max(axis=0),
    "x.min(axis=-1)": lambda x: x.min(axis=-1),
    "x.var()": lambda x: x.var(),
    "x.std(axis=0)": lambda x: x.std(axis=0),
    "x.reshape(3, 2)": lambda x: x.reshape(3, 2),
    "x.reshape(-1)": lambda x: x.reshape(-1),
    "x.transpose(1, 0)": lambda x: x.transpose(1, 0),
    "x.clip(2, 4)": lambda x: x.clip(2, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_do_what_they_do_on_arrays(name):
    operator, x = OPERATORS[name], lw.Input("x")
    graph = lw.Graph(operator(x))
    start = A + 0.25
    out = graph.forward(start)
    wanted = operator(start)
    same(out, wanted)
    assert np.shape(out) == np.shape(wanted)
    dout = np.random.default_rng(0).normal(size=np.shape(out))
    dx = graph.backward(dout)
    assert dx.shape == start.shape
    same(dx, slope(operator, start, dout), 1e-6)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt"])
def test_functions_of_nodes(name):
    graph = lw.Graph(getattr(lw.Input("x"), name)())
    same(graph.forward(2.0), getattr(math, name)(2.0))


@pytest.mark.parametrize("wrong", ["a", None, object(), [[1], [1, 2]], 1j])
def test_what_cannot_stand_beside_a_node(wrong):
    with pytest.raises((lw.WiringError, ValueError)):
        lw.Input("x") + wrong


def test_a_node_does_not_pretend_to_have_a_value():
    x = lw.Input("x")
    for use in (
        lambda: bool(x),
        lambda: list(x),
        lambda: float(x),
        lambda: x < 3,
        lambda: np.exp(x),
    ):
        with pytest.raises(TypeError):
            use()
    assert "graph[node].value" in text_of(AttributeError, lambda: x.value)
    assert not hasattr(x, "nonsense") and x in {x} and x == x and x != lw.Input("x")


def test_a_node_is_no_index():
    x, i = inputs("x i")
    text_of(lw.WiringError, lambda: x[i])


def test_calling_a_layer_on_numbers_says_what_to_do():
    assert text_of(lw.WiringError, lambda: lw.ReLU()(3.0)) == (
        "ReLU() was called on float. Calling a layer wires it to nodes, such as Input('x'); to "
        "compute with numbers or arrays, call its forward(...)."
    )
    text = (
        "ReLU() was called on all 3 outputs of LSTM. Choose one of them: out, *others = "
        "LSTM(...)(x), and then ReLU(...)(out)."
    )
    assert text_of(lw.WiringError, lambda: lw.ReLU()(lw.LSTM(4, 2)(lw.Input("x")))) == text
    assert text_of(lw.WiringError, lambda: lw.Sequential(lw.LSTM(4, 2), lw.ReLU())) == text
    assert "is no layer" in text_of(lw.WiringError, lambda: lw.apply(len, lw.Input("x")))
    assert "is no layer" in text_of(lw.WiringError, lambda: lw.apply(BookRelu, lw.Input("x")))


# names -------------------------------------------------------------------------------------------


def test_nodes_have_names_of_their_own_or_of_their_layer():
    x = lw.Input("x")
    h = lw.ReLU()(lw.Affine(2, 3)(x)).named("hidden")
    y = lw.ReLU()(lw.Affine(3, 2)(h)) * 2
    graph = lw.Graph(y)
    names = [seat.name for seat in graph.nodes]
    assert sorted(names) == sorted(
        ["x", "affine1", "hidden", "affine2", "relu1", "constant1", "mul1"]
    )
    assert names.index("affine1") < names.index("hidden") < names.index("affine2")
    assert list(graph.parameters()) == ["affine1.W", "affine1.b", "affine2.W", "affine2.b"]
    assert graph["hidden"] is graph[h] and graph["affine1.W"] is graph.parameters()["affine1.W"]
    assert list(graph.values) == names


def test_names_that_are_taken_are_not_given_again():
    x = lw.Input("relu1")
    y = lw.ReLU()(lw.ReLU()(x)).named("relu2")
    assert {seat.name for seat in lw.Graph(lw.ReLU()(y)).nodes} == {
        "relu1", "relu2", "relu3", "relu4",
    }  # fmt: skip


def test_one_name_for_two_nodes_is_refused():
    x = lw.Input("x")
    assert text_of(lw.WiringError, lambda: lw.Graph((x + 1).named("x"))) == (
        "Two nodes have the name 'x'. Give each a name of its own."
    )
    text_of(lw.WiringError, lambda: lw.Graph(lw.Input("a") + lw.Input("a")))


@pytest.mark.parametrize("name", ["", "a.b", 3, None])
def test_what_is_no_name(name):
    assert "cannot be the name" in text_of(lw.WiringError, lambda: lw.Input(name))
    assert "cannot be the name" in text_of(lw.WiringError, lambda: lw.Input("x").named(name))


def test_a_wrong_name_suggests_the_right_one():
    graph = lw.Sequential(lw.Affine(2, 2), lw.ReLU())
    assert "Did you mean 'affine1'?" in text_of(KeyError, lambda: graph["afine1"])
    assert "Did you mean 'affine1.W'?" in text_of(KeyError, lambda: graph["affine1.w"])
    assert "There is no 'zzz' in this graph" in text_of(KeyError, lambda: graph["zzz"])
    text_of(KeyError, lambda: graph[lw.Input("x")])
    text_of(KeyError, lambda: graph["affine1.W.more"])


# fan-out, sharing, several outputs ---------------------------------------------------------------


def test_a_node_used_twice_gets_the_sum():
    x = lw.Input("x")
    square = lw.Graph(x * x)
    assert square.forward(3.0) == 9 and square.backward() == 6
    double = lw.Graph(x + x)
    assert double.forward(3.0) == 6 and double.backward() == 2


def test_a_diamond():
    x = lw.Input("x")
    h = x * x
    graph = lw.Graph((h + 1) * (h - 1) + h)  # x⁴ - 1 + x²
    assert graph.forward(3.0) == 89 and graph.backward() == 4 * 27 + 6


def test_several_outputs_take_one_gradient_each():
    x, y = inputs("x y")
    graph = lw.Graph([x * y, x + y, x])
    assert graph.forward(3.0, 4.0) == (12, 7, 3)
    assert graph.backward((1, 10, 100)) == (4 + 10 + 100, 3 + 10)
    assert graph.backward() == (4 + 1 + 1, 3 + 1)
    assert graph.backward(2) == (12, 8)
    text = text_of(lw.GradientError, lambda: graph.backward((1, 2)))
    assert "has 3 outputs, but backward got 2 gradients" in text


def test_a_list_of_one_output_gives_a_tuple_of_one():
    graph = lw.Graph([lw.Input("x") * 2])
    assert graph.forward(3.0) == (6.0,) and graph.backward((1.0,)) == 2


def test_one_node_as_two_outputs():
    y = lw.Input("x") * 2
    graph = lw.Graph([y, y])
    assert graph.forward(3.0) == (6, 6) and graph.backward((1, 10)) == 22


def test_an_output_without_a_gradient():
    x, y = inputs("x y")
    graph = lw.Graph([x * 2, y * 3])
    graph.forward(1.0, 1.0)
    assert graph.backward((1.0, None)) == (2.0, None)


def test_an_input_that_is_the_output():
    graph = lw.Graph(lw.Input("x"))
    assert graph.forward(5.0) == 5 and graph.backward(3) == 3


def test_a_dout_of_the_wrong_shape_is_refused_and_leaves_no_trace():
    graph = lw.Graph([(lw.Input("x") * 2).named("a"), lw.Input("y") * 3])
    graph.forward(np.ones(2), np.ones(2))
    assert "The output mul1 has the shape (2,), but backward got a gradient of the shape (5,)" in (
        text_of(lw.GradientError, lambda: graph.backward((1.0, np.ones(5))))
    )
    dx, dy = graph.backward((1.0, 1.0))
    assert dx.tolist() == [2, 2] and dy.tolist() == [3, 3]


def test_one_layer_in_two_places_has_two_states_and_one_set_of_parameters():
    x = lw.Input("x")
    affine = lw.Affine(3, 3, rng=0)
    graph = lw.Graph(affine(lw.Tanh()(affine(x))), dtype="float64")
    W, b = affine.W.value, affine.b.value
    start = np.random.default_rng(0).normal(size=(4, 3))
    hidden = np.tanh(start @ W + b)
    same(graph.forward(start), hidden @ W + b)
    graph.backward()
    d_hidden = (np.ones((4, 3)) @ W.T) * (1 - hidden**2)
    same(affine.W.grad, hidden.T @ np.ones((4, 3)) + start.T @ d_hidden)
    same(affine.b.grad, 4 + d_hidden.sum(axis=0))
    assert list(graph.parameters()) == ["affine1.W", "affine1.b"]
    assert graph["affine1"].layer is not graph["affine2"].layer and affine.x is None


def test_a_parameter_may_stand_in_an_expression():
    x, W = lw.Input("x"), lw.Parameter(np.array([[1.0, 2.0], [3.0, 4.0]]))
    for graph in (lw.Graph((x @ W + W).sum()), lw.Graph((W + x @ W).sum())):
        assert graph.forward(np.ones((1, 2))) == 2 * (4 + 6) + (1 + 2 + 3 + 4)
        graph.backward()
        assert W.grad.tolist() == [[3, 3], [3, 3]]
        assert list(graph.parameters().values()) == [W]


def test_parameters_in_lists_and_dictionaries_are_found():
    class Many(lw.Layer):
        def __init__(self):
            self.stack = [lw.Affine(2, 2), lw.Affine(2, 2)]
            self.free = {"scale": lw.Parameter(np.ones(2))}

        def forward(self, x):
            self.h = self.stack[1].forward(self.stack[0].forward(x))
            return self.h * self.free["scale"].value

        def backward(self, dout):
            self.free["scale"].grad += (dout * self.h).sum(axis=0)
            dout = dout * self.free["scale"].value
            return self.stack[0].backward(self.stack[1].backward(dout))

    net = lw.Sequential(Many(), dtype="float64", seed=0)
    assert sorted(net.parameters()) == sorted(
        f"many1.{name}"
        for name in ("stack.0.W", "stack.0.b", "stack.1.W", "stack.1.b", "free.scale")
    )
    net.forward(np.ones((3, 2)))
    net.backward()
    assert net.parameters()["many1.stack.1.b"].grad.tolist() == [3, 3]


# nesting -----------------------------------------------------------------------------------------


def test_graphs_nest_over_several_levels():
    flat = lw.Sequential(lw.Affine(2, 2), lw.Tanh(), lw.Affine(2, 2), lw.Tanh(), lw.Affine(2, 1),
                         seed=1, dtype="float64")  # fmt: skip
    deep = lw.Sequential(lw.Sequential(block(2), block(2)), lw.Affine(2, 1), dtype="float64")
    for ours, theirs in zip(deep.parameters().values(), flat.parameters().values()):
        ours.value = theirs.value
    x = np.random.default_rng(0).normal(size=(3, 2))
    assert np.array_equal(deep.forward(x), flat.forward(x))
    assert np.array_equal(deep.predict(x), flat.predict(x))
    assert np.array_equal(deep.backward(), flat.backward())
    for ours, theirs in zip(deep.parameters().values(), flat.parameters().values()):
        assert np.array_equal(ours.grad, theirs.grad)
    assert list(deep.parameters())[2] == "sequential1.sequential2.affine1.W"
    parameter = deep["sequential1.sequential2.affine1.W"]
    assert parameter is deep.parameters()["sequential1.sequential2.affine1.W"]
    assert deep["sequential1.sequential2.tanh1"].value.shape == (3, 2)
    deep.backward(accumulate=True)
    same(parameter.grad, 2 * list(flat.parameters().values())[2].grad)


def test_a_graph_with_several_outputs_inside_a_graph():
    a, b = inputs("a b")
    inner = lw.Graph([a * b, a + b])
    x, y = inputs("x y")
    product, total = inner(x, y)
    graph = lw.Graph(product * total)
    assert graph.forward(3.0, 4.0) == 84
    assert graph.backward() == (4 * 7 + 12, 3 * 7 + 12)
    assert {"graph1", "graph1[0]", "graph1[1]"} <= set(graph.values)
    alone = lw.Graph(total)  # the other output is used by nobody
    assert alone.forward(3.0, 4.0) == 7 and alone.backward() == (1, 1)


def test_an_inner_graph_used_twice():
    inner = block(2, dtype="float64", seed=0)
    x = lw.Input("x")
    graph = lw.Graph(inner(inner(x)))
    start = np.ones((1, 2))
    same(graph.forward(start), inner.forward(inner.forward(start)))
    graph.backward()
    assert list(graph.parameters()) == ["sequential1.affine1.W", "sequential1.affine1.b"]
    W = graph["sequential1.affine1.W"]
    graph.backward()
    analytic = W.grad.copy()
    for i in np.ndindex(2, 2):
        ends = []
        for step in (1e-6, -2e-6):
            W.value[i] += step
            ends.append(graph.forward(start).sum())
        W.value[i] += 1e-6
        same(analytic[i], (ends[0] - ends[1]) / 2e-6, 1e-7)


def test_an_unused_output_of_infinity_gives_no_nan():
    def backward(self, douts):
        return douts[0] + douts[1]

    split = user_layer(lambda self, x: (x, x * math.inf), backward)
    split.num_outputs = 2
    one, _ = lw.apply(split, lw.Input("x"))
    graph = lw.Graph(one)
    graph.forward(1.0)
    assert graph.backward() == 1.0


class Split(lw.Layer):
    """Halves of a row, as two outputs."""

    num_outputs = 2

    def forward(self, x):
        self.middle = x.shape[-1] // 2
        return x[..., : self.middle], x[..., self.middle :]

    def backward(self, douts):
        return np.concatenate(douts, axis=-1)


def test_a_layer_with_several_outputs():
    left, right = Split()(lw.Input("x"))
    graph = lw.Graph(left * 10 + right)
    assert graph.forward(np.array([[1.0, 2.0, 3.0, 4.0]])).tolist() == [[13, 24]]
    assert graph.backward().tolist() == [[10, 10, 1, 1]]
    assert graph.values["split1[1]"].tolist() == [[3, 4]]
    only = lw.Graph(right)
    only.forward(np.array([[1.0, 2.0, 3.0, 4.0]]))
    assert only.backward().tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("out", [(1.0, 2.0, 3.0), (1.0,), 1.0, None])
def test_the_wrong_number_of_outputs_names_the_layer(out):
    layer = user_layer(lambda self, x: out, lambda self, douts: douts[0])
    layer.num_outputs = 2
    a, b = lw.apply(layer, lw.Input("x"))
    assert "mine1" in text_of(lw.LayerError, lambda: lw.Graph(a + b).forward(1.0)).split("\n")[0]


def test_a_forward_that_returns_nothing_names_the_layer():
    graph = lw.Graph(lw.apply(user_layer(lambda self, x: None, lambda self, d: d), lw.Input("x")))
    assert "mine1" in text_of(lw.LayerError, lambda: graph.forward(1.0))


# what goes in ------------------------------------------------------------------------------------


def test_inputs_come_in_the_order_asked_for():
    a, b = inputs("a b")
    graph = lw.Graph(a - b, inputs=[b, a])
    assert graph.forward(1, 10) == 9 and graph.forward(a=1, b=10) == -9
    assert graph.forward(1, a=10) == 9
    assert graph.backward() == (-1, 1)
    c, d = inputs("c d")
    assert [seat.name for seat in lw.Graph(d * c).inputs] == ["c", "d"]  # as they were made


def test_wrong_inputs_are_named():
    a, b = inputs("a b")
    graph = lw.Graph(a - b)
    says = "The inputs of this graph are a, b. "
    for run, text in (
        (lambda: graph.forward(1), says + "Missing: b."),
        (lambda: graph.forward(), says + "Missing: a, b."),
        (lambda: graph.forward(b=1), says + "Missing: a."),
        (lambda: graph.forward(1, 2, 3), says + "It got 3 values."),
        (lambda: graph.forward(1, 2, c=3), says + "Unknown: c."),
        (lambda: graph.forward(1, 2, b=3), says + "Given twice: b."),
        (lambda: graph.forward(1, c=3), says + "Missing: b. Unknown: c."),
    ):
        assert text_of(lw.WiringError, run) == text
    assert text_of(lw.WiringError, lambda: graph.predict(1)) == says + "Missing: b."
    assert text_of(lw.WiringError, lambda: next(graph.steps(1))) == says + "Missing: b."


def test_a_graph_whose_inputs_are_wrongly_listed():
    a, b, c = inputs("a b c")
    assert "also depends on b" in text_of(lw.WiringError, lambda: lw.Graph(a - b, inputs=[a]))
    assert "Take out c" in text_of(lw.WiringError, lambda: lw.Graph(a - b, inputs=[a, b, c]))
    assert "repeated" in text_of(lw.WiringError, lambda: lw.Graph(a - b, inputs=[a, b, a]))
    assert "needs an Input" in text_of(lw.WiringError, lambda: lw.Graph(lw.node.Constant(3)))
    assert "ends in nodes" in text_of(lw.WiringError, lambda: lw.Graph(3.0))
    assert "at least one output" in text_of(lw.WiringError, lambda: lw.Graph([]))
    assert "at least one layer" in text_of(lw.WiringError, lambda: lw.Sequential())


@pytest.mark.parametrize("name", ["self", "args", "dout", "named", "x y", "λ"])
def test_any_text_may_name_an_input(name):
    graph = lw.Graph(lw.Input(name) * 2)
    assert graph.forward(**{name: 2.0}) == graph.predict(**{name: 2.0}) == 4


def test_what_is_no_number_is_refused_by_name():
    graph = lw.Graph(lw.Input("x") * 2)
    for wrong in ("abc", None, {"a": 1}, [object()], 1j, np.array(["a"])):
        assert "x got" in text_of(lw.WiringError, lambda wrong=wrong: graph.forward(wrong))
    assert graph.forward([1, 2]).tolist() == [2, 4]


def test_a_declared_input_holds_to_its_shape_and_dtype():
    graph = lw.Graph(lw.Input("x", shape=(None, 3)) * 2)
    assert graph.forward(np.ones((5, 3))).shape == (5, 3)
    text = text_of(lw.WiringError, lambda: graph.forward(np.ones((5, 4))))
    assert text == "The input x has the shape (N, 3), but got (5, 4)."
    typed = lw.Graph(lw.Input("x", dtype="float32") * 2)
    assert typed.forward(np.ones(2)).dtype == "float32"
    whole = lw.Graph(lw.Input("x", dtype="int64") * 2)
    assert "x" in text_of(lw.WiringError, lambda: whole.forward(np.array([1.5])))


def test_an_input_may_be_declared_a_single_number():
    graph = lw.Graph((lw.Input("x", shape=()) * 2).named("y"))
    assert graph.forward(3.0) == 6 and graph["y"].shape == ()
    assert "has the shape ()" in text_of(lw.WiringError, lambda: graph.forward(np.ones(2)))
    assert lw.Graph((lw.Input("x", shape=()) * 2).named("y"))["y"].shape == ()


@pytest.mark.parametrize("shape", [5, "ab", (2, "N"), (2.5,), (-1, 2)])
def test_what_is_no_shape_of_an_input(shape):
    assert "shape" in text_of(lw.WiringError, lambda: lw.Input("x", shape=shape))


def test_a_graph_with_parameters_casts_what_goes_in():
    net = lw.Sequential(lw.Affine(2, 3), lw.ReLU(), seed=0)
    out = net.forward(np.ones((4, 2)))  # float64
    assert out.dtype == "float32" and net.backward(np.ones((4, 3))).dtype == "float32"
    assert net.parameters()["affine1.W"].grad.dtype == "float32"
    assert net.predict(np.ones((4, 2))).dtype == "float32" and net.dtype == "float32"
    assert net.astype("float64") is net
    assert net.forward(np.ones((4, 2), "float32")).dtype == "float64"
    assert net.backward().dtype == "float64"
    assert net.parameters()["affine1.W"].grad.dtype == "float64"
    double = lw.Sequential(lw.Affine(2, 3), dtype="float64")
    assert double.forward(np.ones((4, 2), "float32")).dtype == "float64"


def test_parameters_of_different_floats_become_float32():
    a, b = lw.Affine(2, 2).astype("float64"), lw.Affine(2, 2)
    net = lw.Sequential(a, b)
    assert {p.dtype.name for p in net.parameters().values()} == {"float32"}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_graph_without_parameters_computes_in_what_goes_in(dtype):
    x = lw.Input("x")
    graph = lw.Graph(lw.Sigmoid()(2 * x - 1).sum())
    out = graph.forward(np.ones(3, dtype))
    assert out.dtype == dtype and graph.backward().dtype == dtype


def test_constants_do_not_change_the_dtype():
    x = lw.Input("x")
    graph = lw.Graph(lw.Affine(2, 2)(x * np.array([1.0, 2.0])) + np.ones(2))
    assert graph.forward(np.ones((1, 2))).dtype == "float32"
    assert graph.backward().dtype == "float32"


def test_new_numbers_for_a_parameter_keep_its_dtype():
    net = lw.Sequential(lw.Affine(2, 2), BookAffine(np.ones((2, 2)), np.zeros(2)), dtype="float32")
    for parameter in net.parameters().values():
        parameter.value = np.full(parameter.shape, 0.25)
        assert parameter.dtype == "float32" and (parameter.value == 0.25).all()
    assert net.forward(np.ones((1, 2))).dtype == "float32"
    assert net.astype("float64").forward(np.ones((1, 2), "float32")).dtype == "float64"
    parameter.value = [1, 2]
    assert parameter.dtype == "float64" and parameter.value.tolist() == [1, 2]
    text = text_of(lw.WiringError, lambda: setattr(net["affine1.W"], "value", np.ones(5)))
    assert text == (
        "This parameter has the shape (2, 2), but the new value has (5,). Give an array of the "
        "same shape."
    )


def test_the_order_of_bytes_does_not_matter():
    x = lw.Input("x")
    graph = lw.Graph((x * x).sum())
    assert graph.forward(np.array([1.0, 2.0], ">f8")) == 5
    assert graph.backward().tolist() == [2, 4]


def test_whole_numbers_may_go_in():
    x = lw.Input("x")
    graph = lw.Graph(x[0] * x[1] * 0.5)
    assert graph.forward(np.array([100, 2])) == 100
    same(graph.backward(), [1.0, 50.0])
    net = lw.Sequential(lw.Affine(2, 2), seed=0)
    images = np.array([[1, 2]], np.uint8)
    assert net.forward(images).dtype == "float32"
    same(net.forward(images), net.forward(images.astype("float32")), 1e-6)
