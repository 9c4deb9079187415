"""The graph: wiring, running both ways, names, sharing, nesting, and what it says when it fails."""

import copy
import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw


def inputs(names):
    nodes = [lw.Input(name) for name in names.split()]
    return nodes[0] if len(nodes) == 1 else nodes


def text_of(kind, run):
    """The text of the error that this raises."""
    with pytest.raises(kind) as caught:
        run()
    return str(caught.value)


def user_layer(forward, backward, name="Mine"):
    """A user's layer without the base class, from two functions of (self, ...)."""
    return type(name, (), {"forward": forward, "backward": backward})()


def same(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# Classes as a reader of the books writes them, without any base class


class BookAffine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


class BookRelu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        dx = dout
        return dx


class BookDropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self.generator = np.random.default_rng(0)

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = self.generator.random(x.shape) > self.dropout_ratio
            return x * self.mask
        return x * (1.0 - self.dropout_ratio)

    def backward(self, dout):
        return dout * self.mask


class BookBatchNorm:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean = self.running_var = None
        self.xc = self.std = self.dgamma = self.dbeta = None

    def forward(self, x, train_flg=True):
        if self.running_mean is None:
            self.running_mean = np.zeros(x.shape[1])
            self.running_var = np.zeros(x.shape[1])
        if train_flg:
            mu = x.mean(axis=0)
            self.xc = x - mu
            var = np.mean(self.xc**2, axis=0)
            self.std = np.sqrt(var + 10e-7)
            self.xn = self.xc / self.std
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            self.xn = (x - self.running_mean) / np.sqrt(self.running_var + 10e-7)
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        n = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dxc += self.xc * dstd / self.std / n
        return dxc - np.sum(dxc, axis=0) / n


class BookSoftmaxWithLoss:
    def __init__(self):
        self.loss = self.y = self.t = None

    def forward(self, x, t):
        self.t = t
        shifted = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = shifted / shifted.sum(axis=1, keepdims=True)
        self.loss = -np.log(self.y[np.arange(len(t)), t] + 1e-7).sum() / len(t)
        return self.loss

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


class Book2MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


# the shop ----------------------------------------------------------------------------------------


def shop():
    apple, apple_num, orange, orange_num, tax = inputs("apple apple_num orange orange_num tax")
    return lw.Graph((apple * apple_num + orange * orange_num) * tax)


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


def slope(function, x, dout, step=1e-6):
    """The numerical gradient of sum(function(x) * dout)."""
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[i] += sign * step
            ends.append(np.sum(function(moved) * dout))
        grad[i] = (ends[0] - ends[1]) / (2 * step)
    return grad


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


def block(width, **options):
    return lw.Sequential(lw.Affine(width, width), lw.Tanh(), **options)


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


def test_a_parameter_holds_new_numbers_as_they_are_given():
    net = lw.Sequential(lw.Affine(2, 2), BookAffine(np.ones((2, 2)), np.zeros(2)), dtype="float32")
    for parameter in net.parameters().values():
        parameter.value = np.full(parameter.shape, 0.1)
        assert parameter.dtype == "float64" and (parameter.value == 0.1).all()
    assert net.forward(np.ones((1, 2), "float32")).dtype == "float64"
    assert net.astype("float32").forward(np.ones((1, 2))).dtype == "float32"
    parameter.value = [1, 2]  # whole numbers are no float type of their own
    assert parameter.dtype == "float32" and net["affine1.W"].dtype == "float32"
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


# running -----------------------------------------------------------------------------------------


def test_not_computed_yet_is_none_everywhere():
    x = lw.Input("x")
    graph = lw.Graph(lw.Affine(2, 2)(x).named("y"))
    assert set(graph.values.values()) == {None} and set(graph.gradients.values()) == {None}
    assert graph["y"].value is None and graph["y"].grad is None
    graph.forward(np.ones((1, 2)))
    assert graph["y"].value is not None and graph["y"].grad is None
    graph.backward()
    assert graph["y"].grad is not None and graph["y.W"].grad is not None
    graph.forward(np.ones((1, 2)))
    assert graph["y"].grad is None and graph["x"].grad is None


def test_backward_before_forward():
    graph = shop()
    text = text_of(lw.OrderError, graph.backward)
    assert text.startswith(
        "Graph(apple, apple_num, orange, orange_num, tax -> mul3): backward was "
    )
    net = lw.Sequential(lw.Affine(2, 2))
    net.predict(np.ones((1, 2)))
    text_of(lw.OrderError, net.backward)  # predict is no forward


def test_backward_twice_gives_the_same():
    net = lw.Sequential(block(2), lw.Dropout(0.5), lw.Affine(2, 2), seed=0)
    net.forward(np.ones((3, 2)))
    dout = np.random.default_rng(0).normal(size=(3, 2))
    dx = net.backward(dout)
    first = {name: grad.copy() for name, grad in net.gradients.items()}
    assert np.array_equal(net.backward(dout), dx)
    for name, grad in net.gradients.items():
        assert np.array_equal(grad, first[name])
    assert np.array_equal(net.backward(dout, accumulate=True), dx)
    for name in net.parameters():
        same(net.gradients[name], 2 * first[name])
    net.forward(np.ones((3, 2)))
    net.backward(0)
    assert not net.gradients["affine1.W"].any()  # each backward starts from nothing


def test_predict_leaves_training_alone():
    net = lw.Sequential(lw.Affine(2, 8), lw.Dropout(0.5), block(8), lw.Dropout(0.5), seed=0)
    x = np.ones((4, 2))
    net.forward(x)
    dx, grads = net.backward(), net.gradients
    before = net.values
    out = net.predict(-x)
    assert np.array_equal(net.predict(-x), out)  # nothing is drawn
    assert all(value is before[name] for name, value in net.values.items())
    assert np.array_equal(net.backward(), dx)
    for name, grad in net.gradients.items():
        assert np.array_equal(grad, grads[name])
    assert net.training is True
    net.training = False
    assert np.array_equal(net.forward(-x), out)
    assert net.predict(3 * x[0]).shape == (8,)


def test_predict_between_forward_and_backward_with_numbers_and_arrays():
    x = lw.Input("x")
    graph = lw.Graph(x * x)
    graph.forward(np.array([1.0, 2.0]))
    assert graph.predict(3.0) == 9
    assert graph.backward().tolist() == [2, 4]
    graph.forward(3.0)
    graph.predict(np.array([1.0, 2.0]))
    dx = graph.backward()
    assert dx == 6 and type(dx) is float


def test_training_is_told_to_every_layer_and_can_be_switched():
    net = lw.Sequential(lw.Sequential(lw.Dropout(0.5)), seed=0)
    x = np.ones((1, 100))
    assert (net.forward(x) == 0).any()
    net.training = False
    assert (net.forward(x) == 1).all() and (net.backward() == 1).all()
    net.training = True
    assert (net.forward(x) == 0).any()


def test_a_layer_trained_elsewhere_does_not_take_its_mode_along():
    dropout = lw.Dropout(0.5)
    dropout.training = False
    assert (lw.Sequential(dropout, seed=0).forward(np.ones(100)) == 0).any()
    assert dropout.training is False  # the graph sets its own copy


def test_seeds():
    def run(seed):
        net = lw.Sequential(lw.Affine(9, 9), lw.Dropout(0.5), block(9), lw.Dropout(0.5), seed=seed)
        return net.forward(np.ones((2, 9)))

    before = np.random.get_state()[1].copy()
    assert np.array_equal(run(1), run(1)) and not np.array_equal(run(1), run(2))
    assert not np.array_equal(run(None), run(None))
    assert np.array_equal(np.random.get_state()[1], before)


def test_two_dropouts_of_one_seed_draw_differently():
    dropout = lw.Dropout(0.5)
    x = lw.Input("x")
    a, b = lw.Graph([dropout(x), dropout(x)], seed=0).forward(np.ones(100))
    assert not np.array_equal(a, b)


def test_a_layers_own_generator_is_not_taken_away():
    outs = [lw.Sequential(lw.Dropout(0.5, rng=3), seed=s).forward(np.ones(50)) for s in (0, 1)]
    assert np.array_equal(*outs)
    affines = [lw.Sequential(lw.Affine(2, 2, rng=3), seed=s)["affine1.W"].value for s in (0, 1)]
    assert np.array_equal(*affines)


def test_steps_tells_every_forward_and_then_every_backward():
    graph = shop()
    steps = list(graph.steps(100, 2, 150, 3, 1.1, dout=2))
    told = [(step.direction, step.seat.name) for step in steps]
    names = [seat.name for seat in graph.nodes if seat.kind == "layer"]
    assert told == [("forward", n) for n in names] + [("backward", n) for n in reversed(names)]
    assert steps[0].inputs == (100, 2) and steps[0].outputs == (200,)
    assert steps[-1].outputs == graph.backward(2)[:2]
    assert steps[3].inputs == (650, 1.1)


def test_during_steps_what_is_not_reached_is_none():
    graph = shop()
    steps = graph.steps(100, 2, 150, 3, 1.1)
    first = next(steps)
    assert graph.values["mul2"] is None and first.seat.value == 200
    for _ in range(4):
        step = next(steps)
    assert step.direction == "backward" and graph["tax"].grad == 650 and graph["apple"].grad is None


def test_steps_left_in_the_middle_spoil_nothing():
    graph = shop()
    for count in (2, 5, 6):
        steps = graph.steps(1, 1, 1, 1, 1.0)
        for _ in range(count):
            next(steps)
        if count < 4:
            text_of(lw.OrderError, graph.backward)
        else:
            assert graph.backward() == (1, 1, 1, 1, 2)
        steps.close()
    graph.forward(100, 2, 150, 3, 1.1)
    assert graph.backward()[-1] == 650


def test_summary():
    net = lw.Sequential(lw.Affine(784, 50), lw.ReLU(), lw.Affine(50, 10))
    rows = [line.split() for line in str(net.summary()).splitlines()]
    assert rows[0] == ["name", "layer", "from", "output", "parameters"]
    assert rows[3] == ["affine1", "Affine(784,", "50)", "x", "(...,", "50)", "39,250"]
    assert rows[4] == ["relu1", "ReLU()", "affine1", "(...,", "50)"]
    assert rows[-1] == ["39,760", "parameters"]
    net.forward(np.ones((32, 784)))
    assert "(32, 50)" in str(net.summary())
    assert repr(net.summary()) == str(net.summary())  # a notebook shows the table as it is


def test_summary_counts_what_is_shared_once():
    shared, x = lw.Affine(2, 2), lw.Input("x")
    assert str(lw.Graph(shared(shared(x))).summary()).endswith("\n6 parameters")
    inner = block(2)
    assert str(lw.Graph(inner(inner(x))).summary()).endswith("\n6 parameters")


def test_results_belong_to_the_caller():
    x = lw.Input("x")
    graph = lw.Graph(x * x)
    start = np.array([1.0, 2.0])
    graph.forward(start)
    dout = np.ones(2)
    graph.backward(dout)[:] = 99
    graph.gradients["x"][:] = 77
    assert dout.tolist() == [1, 1] and start.tolist() == [1, 2]
    assert graph.backward(dout).tolist() == [2, 4]


# long chains and wide fans -----------------------------------------------------------------------


def test_a_chain_of_100_000_nodes():
    x = node = lw.Input("x")
    for _ in range(100_000):
        node = node + 1.0
    graph = lw.Graph(node)
    assert graph.forward(0.0) == 100_000 and graph.backward() == 1
    assert graph.predict(1.0) == 100_001
    assert len(graph.nodes) == 200_001 and x in graph._seat_of
    del graph, node


def test_a_node_used_ten_thousand_times():
    x = lw.Input("x")
    total = x
    for _ in range(10_000):
        total = total + x
    graph = lw.Graph(total)
    assert graph.forward(1.0) == 10_001 and graph.backward() == 10_001


def test_five_thousand_inputs():
    nodes = [lw.Input(f"x{i}") for i in range(5_000)]
    graph = lw.Graph(functools.reduce(lambda a, b: a + b, nodes), inputs=nodes[::-1])
    assert graph.forward(*range(5_000)) == 4_999 * 2_500 and graph.backward() == (1,) * 5_000


def test_graphs_nested_a_hundred_deep():
    net = lw.Sequential(lw.Affine(2, 2), seed=0)
    for _ in range(100):
        net = lw.Sequential(net)
    net.forward(np.ones((1, 2)))
    assert net.backward().shape == (1, 2) and len(net.parameters()) == 2


# errors ------------------------------------------------------------------------------------------


def test_wrong_widths_fail_when_the_graph_is_built():
    x = lw.Input("x", shape=(32, 784))
    h = lw.ReLU()(lw.Affine(784, 40)(x))
    assert text_of(lw.ShapeError, lambda: lw.Graph(lw.Affine(50, 10)(h))) == (
        "affine2 = Affine(50, 10) expects inputs of width 50, but relu1 gives (32, 40). "
        "Did you mean Affine(40, 10)?"
    )
    text = text_of(lw.ShapeError, lambda: lw.Sequential(lw.Affine(2, 3), lw.Affine(4, 5)))
    assert "affine2 = Affine(4, 5) expects inputs of width 4, but affine1 gives (..., 3)" in text


def test_wrong_widths_inside_an_inner_graph_fail_at_the_outer_build():
    inner = lw.Sequential(lw.Affine(4, 5))
    text = text_of(lw.ShapeError, lambda: lw.Sequential(lw.Affine(2, 3), inner))
    assert "Affine(4, 5) expects inputs of width 4" in text and "3" in text


def test_an_error_inside_a_layer_shows_the_path_and_the_shapes():
    def forward(self, x):
        raise KeyError("lost")

    broken = user_layer(forward, lambda self, d: d, "Broken")
    inner = lw.Sequential(lw.ReLU(), broken)
    net = lw.Sequential(lw.Affine(2, 3), inner, seed=0)
    with pytest.raises(lw.LayerError) as caught:
        net.forward(np.ones((5, 2)))
    lines = str(caught.value).split("\n")
    assert lines[0].startswith("broken1 = ") and "failed in forward: KeyError: 'lost'" in lines[0]
    assert "path: sequential1 > broken1" in lines[1]
    assert "(5, 3) float32" in str(caught.value) and isinstance(caught.value.__cause__, KeyError)
    assert net["affine1"].value is not None and net["sequential1"].value is None
    text_of(lw.OrderError, net.backward)
    assert "path: sequential1 > broken1" in text_of(
        lw.LayerError, lambda: net.predict(np.ones((5, 2)))
    )


def test_after_a_failed_forward_what_was_not_reached_is_none():
    x = lw.Input("x")
    graph = lw.Graph(((x + 1) @ np.ones((3, 2))).named("y") * 2)
    graph.forward(np.ones((4, 3)))
    text = text_of(lw.LayerError, lambda: graph.forward(np.ones((4, 5))))
    line = "y = MatMul() expects a second input of height 5, but constant2 gives (3, 2)."
    assert text.startswith(line)
    assert graph["add1"].value.shape == (4, 5)
    assert graph["y"].value is None and graph["mul1"].value is None
    assert graph["y"].grad is None


@pytest.mark.parametrize("shape", [None, (2, 3)])
def test_the_wrong_number_of_inputs_fails_when_the_graph_is_built(shape):
    x, y = lw.Input("x", shape), lw.Input("y", shape)
    pair = lw.Graph(lw.Input("a") * lw.Input("b"))
    for wrong in (lambda: lw.Add()(x), lambda: lw.ReLU()(x, y), lambda: pair(x)):
        assert "input" in text_of(lw.WiringError, lambda wrong=wrong: lw.Graph(wrong()))


def test_an_error_in_backward_names_the_layer():
    def backward(self, dout):
        return dout.nonsense()

    net = lw.Sequential(lw.ReLU(), user_layer(lambda self, x: x * 1, backward), lw.ReLU())
    net.forward(np.ones(2))
    text = text_of(lw.LayerError, net.backward)
    assert text.startswith("mine1 = ") and "failed in backward: AttributeError" in text


WRONG = {
    "shape": (lambda self, d: np.ones(5), "returned the shape (5,) for the input x"),
    "dtype": (lambda self, d: d.astype("float32"), "returned float32 for the input x"),
    "None": (lambda self, d: None, "returned None for the input x"),
    "two": (lambda self, d: (d, d), "backward returned 2 gradients"),
    "none at all": (lambda self, d: (), "backward returned 0 gradients"),
    "a text": (lambda self, d: "wrong", "for the input x"),
    "objects": (lambda self, d: np.array([None, None, None]), "for the input x"),
    "complex": (lambda self, d: d * 1j, "for the input x"),
    "whole numbers": (lambda self, d: np.ones(3, int), "for the input x"),
    "a number": (lambda self, d: 1.0, "returned the shape () for the input x"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_gradient_names_the_layer(fault):
    backward, text = WRONG[fault]
    layer = user_layer(lambda self, x: x * 1, backward)
    graph = lw.Graph(lw.apply(layer, lw.Input("x")))
    graph.forward(np.ones(3))
    with pytest.raises(lw.LayerwiseError) as caught:
        graph.backward()
    assert isinstance(caught.value, lw.GradientError) or isinstance(
        caught.value.__cause__, lw.GradientError
    )
    assert "mine1" in str(caught.value) and text in str(caught.value)


def test_one_gradient_for_two_inputs_names_the_layer():
    layer = user_layer(lambda self, x, y: x * y, lambda self, d: d)
    graph = lw.Graph(lw.apply(layer, *inputs("x y")))
    graph.forward(np.ones(3), np.ones(3))
    text = text_of(lw.LayerwiseError, graph.backward)
    assert text.startswith("mine1 = Mine(): there are 2 inputs, but backward returned 1 gradient.")


def test_a_wrong_gradient_of_a_parameter_names_the_layer_and_the_parameter():
    class Forgetful(BookAffine):
        def backward(self, dout):
            self.db = dout  # the sum over the batch is missing
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    net = lw.Sequential(Forgetful(np.ones((2, 2)), np.zeros(2)))
    net.forward(np.ones((3, 2)))
    text = text_of(lw.LayerwiseError, net.backward)
    assert "forgetful1" in text and "b" in text and "(3, 2)" in text


def test_after_a_failed_backward_the_next_one_is_right():
    fail = []

    def backward(self, dout):
        if fail:
            raise ValueError("no")
        return dout

    x = lw.Input("x")
    h = x * 2
    graph = lw.Graph(lw.apply(user_layer(lambda self, x: x, backward), h) + h)
    graph.forward(1.0)
    fail.append(True)
    text_of(lw.LayerError, graph.backward)
    fail.clear()
    assert graph.backward() == 4


# users' own layers -------------------------------------------------------------------------------


def test_classes_as_in_the_book_train():
    rng = np.random.default_rng(0)
    W1, W2 = rng.normal(size=(2, 16)), rng.normal(size=(16, 2)) * 0.5
    layers = [BookAffine(W1, np.zeros(16)), BookBatchNorm(np.ones(16), np.zeros(16)), BookRelu(),
              BookDropout(0.1), BookAffine(W2, np.zeros(2))]  # fmt: skip
    net = lw.Sequential(*layers)
    x, t = lw.Input("x"), lw.Input("t")
    loss = lw.Graph(lw.apply(BookSoftmaxWithLoss(), net(x), t))
    points = rng.normal(size=(200, 2))
    classes = (points[:, 0] * points[:, 1] > 0).astype(int)
    names = [name.split(".", 1)[1] for name in loss.parameters()]
    assert names == ["book_affine1.W", "book_affine1.b", "book_batch_norm1.gamma",
                     "book_batch_norm1.beta", "book_affine2.W", "book_affine2.b"]  # fmt: skip
    first = loss.forward(points, classes)
    for _ in range(200):
        loss.forward(points, classes)
        dx, dt = loss.backward()
        assert dt is None and dx.shape == points.shape
        for parameter in loss.parameters().values():
            parameter.value -= 0.5 * parameter.grad
    assert loss.predict(points, classes) < 0.3 < first
    assert layers[0].W is W1  # trained in place: the book's own dictionary sees it


def test_a_backward_that_writes_into_dout_harms_nobody():
    x = lw.Input("x")
    graph = lw.Graph(lw.apply(BookRelu(), x).named("y"))
    graph.forward(np.array([-1.0, 2.0]))
    dout = np.ones(2)
    dout.flags.writeable = False
    assert graph.backward(dout).tolist() == [0, 1] and dout.tolist() == [1, 1]
    assert graph["y"].grad.tolist() == [1, 1]
    assert graph.backward(dout).tolist() == [0, 1]


@pytest.mark.parametrize("first", [0, 1])
def test_two_branches_never_share_one_gradient(first):
    x = lw.Input("x")
    both = user_layer(lambda self, a, b: a + b, lambda self, d: (d, d))
    branches = [lw.apply(BookRelu(), x), x * 1.0]
    graph = lw.Graph(lw.apply(both, branches[first], branches[1 - first]))
    graph.forward(np.array([-1.0, 2.0]))
    assert graph.backward().tolist() == [1, 2]
    other = [lw.apply(BookRelu(), x), x * 1.0][:: -1 if first else 1]
    graph = lw.Graph(lw.apply(both, *other))
    graph.forward(np.array([-1.0, 2.0]))
    assert graph.backward().tolist() == [1, 2]


def test_gradients_are_added_in_new_memory():
    kept = np.ones(2)
    keeps = user_layer(lambda self, x: x * 1, lambda self, dout: kept)
    x = lw.Input("x")
    one, two = lw.apply(keeps, x), lw.apply(keeps, x)
    graph = lw.Graph([one, two, x])
    graph.forward(np.ones(2))
    dout = np.ones(2)
    for _ in range(2):
        assert graph.backward((dout, dout, dout)).tolist() == [3, 3]
        assert kept.tolist() == dout.tolist() == [1, 1]


def test_a_graph_returns_no_array_twice():
    both = user_layer(lambda self, a, b: a + b, lambda self, dout: (dout, dout))
    graph = lw.Graph(lw.apply(both, *inputs("x y")))
    graph.forward(np.ones(2), np.ones(2))
    dout = np.ones(2)
    dx, dy = graph.backward(dout)
    dx += 1
    assert dy.tolist() == dout.tolist() == [1, 1] == graph.gradients["y"].tolist()


def test_the_lists_of_book_2():
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    one = Book2MatMul(W)
    x = lw.Input("x")
    graph = lw.Graph(lw.apply(one, lw.apply(one, x)))
    start = np.array([[1.0, -1.0]])
    same(graph.forward(start), start @ W @ W)
    graph.backward()
    ((name, parameter),) = graph.parameters().items()
    assert name.startswith("book2_mat_mul1.") and parameter.value is W
    ones = np.ones((1, 2))
    same(parameter.grad, (start @ W).T @ ones + start.T @ (ones @ W.T))
    parameter.value = np.eye(2)
    same(graph.forward(start), start)


def test_one_array_in_two_layers_is_one_parameter():
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    a, b = BookAffine(W, np.zeros(2)), BookAffine(W, np.zeros(2))
    net = lw.Sequential(a, b)
    assert len(net.parameters()) == 3
    start, ones = np.array([[1.0, -1.0]]), np.ones((1, 2))
    net.forward(start)
    net.backward()
    same(net.parameters()["book_affine1.W"].grad, (start @ W).T @ ones + start.T @ (ones @ W.T))
    net.astype("float32")
    net.parameters()["book_affine1.W"].value = np.eye(2)
    same(net.forward(start), start)
    equal = lw.Sequential(BookAffine(np.zeros((2, 2)), np.zeros(2)),
                          BookAffine(np.zeros((2, 2)), np.zeros(2)))  # fmt: skip
    assert len(equal.parameters()) == 4  # equal numbers are no sharing


def test_arrays_of_networks_that_are_gone_are_not_taken_for_new_ones():
    nets = []
    for _ in range(100):
        net = lw.Sequential(BookAffine(np.ones((2, 2)), np.zeros(2)))
        net.astype("float32").astype("float64")
        nets.append(net)
    parameters = [p for net in nets for p in net.parameters().values()]
    assert len({id(p) for p in parameters}) == 200
    nets[0].parameters()["book_affine1.W"].value = np.eye(2)
    assert nets[1].forward(np.ones((1, 2))).tolist() == [[2, 2]]


def test_an_array_under_two_names_is_cast_under_both():
    class Both(Book2MatMul):
        def __init__(self, W):
            super().__init__(W)
            self.W = W

        def forward(self, x):
            self.x = x
            return x @ self.W

    net = lw.Sequential(Both(np.eye(2)), dtype="float32")
    assert net.forward(np.ones((1, 2))).dtype == "float32"
    next(iter(net.parameters().values())).value = 2 * np.eye(2)
    assert net.forward(np.ones((1, 2))).tolist() == [[2, 2]]


def test_a_subclass_may_call_what_it_inherits():
    class Loud(lw.ReLU):
        def backward(self, dout):
            return 2 * super().backward(dout)

    class Louder(Loud):
        def forward(self, x):
            return super().forward(x) + 1

    graph = lw.Sequential(Louder())
    assert graph.forward(np.array([-1.0, 2.0])).tolist() == [1, 3]
    assert graph.backward().tolist() == [0, 2]
    by_hand = Louder()
    by_hand.forward(3.0)
    assert by_hand.backward(1.0) == 2


def test_a_users_decorator_is_not_left_out():
    calls = []

    def noted(method):
        @functools.wraps(method)
        def note(self, *args):
            calls.append(method.__name__)
            return method(self, *args)

        return note

    class Plain:
        forward = noted(lambda self, x: x * 2)
        backward = noted(lambda self, dout: dout * 2)

    class Based(lw.Layer):
        @noted
        def forward(self, x):
            return x * 2

        @noted
        def backward(self, dout):
            return dout * 2

    net = lw.Sequential(Plain(), Based())
    assert net.forward(1.0) == 4 and net.backward() == 4 and len(calls) == 4
    net.predict(1.0)
    assert len(calls) == 6


def test_a_class_with_slots():
    class Square:
        __slots__ = ("x",)

        def forward(self, x):
            self.x = x
            return x * x

        def backward(self, dout):
            return 2 * dout * self.x

    square = Square()
    graph = lw.Sequential(square, square)
    assert graph.forward(3.0) == 81 and graph.backward() == 4 * 27 and graph.predict(1.0) == 1


def test_a_composite_layer_has_its_children_copied():
    class Twice(lw.Layer):
        def __init__(self, width):
            self.width = width
            self.inner = lw.Affine(width, width)

        def forward(self, x):
            return self.inner.forward(x)

        def backward(self, dout):
            return self.inner.backward(dout)

    twice = Twice(2)
    net = lw.Sequential(twice, lw.Tanh(), twice, dtype="float64", seed=0)
    flat = lw.Sequential(twice.inner, lw.Tanh(), twice.inner, dtype="float64")
    x = np.random.default_rng(0).normal(size=(3, 2))
    same(net.forward(x), flat.forward(x))
    dx, grads = net.backward(), {n: p.grad.copy() for n, p in net.parameters().items()}
    same(flat.backward(), dx)
    assert list(grads) == ["twice1.inner.W", "twice1.inner.b"]
    same(flat.gradients["affine1.W"], grads["twice1.inner.W"])
    assert repr(twice) == "Twice(2)"


def test_training_reaches_the_children_of_a_composite_layer():
    class Wrapped:
        def __init__(self):
            self.layers = {"drop": lw.Dropout(0.5)}

        def forward(self, x):
            return self.layers["drop"].forward(x)

        def backward(self, dout):
            return self.layers["drop"].backward(dout)

    net = lw.Sequential(Wrapped(), seed=0)
    assert (net.forward(np.ones(100)) == 0).any() and (net.predict(np.ones(100)) == 1).all()


def test_a_users_subclass_of_a_graph_may_call_what_it_inherits():
    class Net(lw.Sequential):
        def __init__(self, width):
            super().__init__(lw.Affine(width, width), lw.Tanh(), dtype="float64", seed=0)

        def forward(self, x):
            return super().forward(x / 2)

        def backward(self, dout=1, **options):
            return super().backward(dout, **options) / 2

    net = Net(2)
    plain = lw.Sequential(net["affine1"].layer, lw.Tanh())
    x = np.ones((3, 2))
    same(net.forward(x), plain.forward(x / 2))
    same(net.backward(), plain.backward() / 2)
    twin = copy.deepcopy(net)
    same(twin.forward(x), net.forward(x))
    assert type(twin) is Net


# copies ------------------------------------------------------------------------------------------


def test_a_copy_shares_parameters_and_nothing_else():
    net = lw.Sequential(lw.Affine(2, 2), block(2), seed=0)
    twin = copy.copy(net)
    x = np.ones((3, 2))
    net.forward(x)
    assert twin["affine1"].value is None
    text_of(lw.OrderError, twin.backward)
    assert np.array_equal(twin.forward(x), net.forward(x))
    assert list(twin.parameters().items()) == list(net.parameters().items())
    twin.forward(5 * x)
    twin.backward()
    assert not np.array_equal(net.backward(), twin.backward())
    assert repr(twin) == repr(net)


@pytest.mark.parametrize("seed", [0, None])
def test_a_deep_copy_shares_nothing(seed):
    shared = lw.Affine(2, 2)
    net = lw.Sequential(
        shared, BookAffine(np.ones((2, 2)), np.zeros(2)), block(2), shared, seed=seed
    )
    twin = copy.deepcopy(net)
    x = np.ones((3, 2))
    out = net.forward(x)
    assert np.array_equal(twin.forward(x), out) and len(twin.parameters()) == 6
    for name, parameter in twin.parameters().items():
        assert parameter is not net.parameters()[name]
        parameter.value = parameter.value * 0
    assert np.array_equal(net.forward(x), out) and not np.array_equal(twin.forward(x), out)
    assert np.array_equal(net.predict(x), out) and not twin.predict(x).any()
    twin.backward()
    assert all(parameter.grad is None for parameter in net.parameters().values())


def test_a_deep_copy_of_a_layer_has_the_same_numbers():
    affine = lw.Affine(3, 3)
    twin = copy.deepcopy(affine)
    assert np.array_equal(twin.W.value, affine.W.value)
    twin.W.value[:] = 0
    assert affine.W.value.any()


def test_a_deep_copy_keeps_a_parameter_of_an_expression_its_own():
    x, W = lw.Input("x"), lw.Parameter(np.ones(2))
    net = lw.Graph(x * W + W)
    twin = copy.deepcopy(net)
    (other,) = twin.parameters().values()
    assert other is not W
    twin.forward(np.ones(2))
    twin.backward()
    assert W.grad is None and other.grad.tolist() == [2, 2]


# expressions drawn at random ---------------------------------------------------------------------

UNARY = {
    "exp": lambda a: (0.1 * a).exp() if hasattr(a, "exp") else np.exp(0.1 * a),
    "root": lambda a: (a * a + 1).sqrt() if hasattr(a, "sqrt") else np.sqrt(a * a + 1),
    "neg": lambda a: -a,
    "square": lambda a: a**2,
    "shift": lambda a: 1.5 - a,
}
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: 0.5 * a * b,
    "/": lambda a, b: a / (2 + b * b),
}


@st.composite
def programs(draw):
    """Steps that each take earlier results: (operation, first, second)."""
    steps = []
    for i in range(draw(st.integers(1, 8))):
        name = draw(st.sampled_from([*UNARY, *BINARY]))
        steps.append((name, draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1))))
    return steps


def run(program, x, y):
    found = [x, y]
    for name, a, b in program:
        if name in UNARY:
            found.append(UNARY[name](found[a]))
        else:
            found.append(BINARY[name](found[a], found[b]))
    return found[-1] + 0 * x + 0 * y  # so that the graph has both inputs


SHAPES = [((), ()), ((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((3,), ())]


@given(programs(), st.sampled_from(SHAPES), st.integers(0, 2**32 - 1))
def test_random_expressions_have_the_slopes_that_differences_show(program, shapes, seed):
    rng = np.random.default_rng(seed)
    x, y = (np.asarray(rng.uniform(-1.5, 1.5, size=shape)) for shape in shapes)
    graph = lw.Graph(run(program, *inputs("x y")))
    out = graph.forward(x, y)
    same(out, run(program, x, y), 1e-10)
    dout = rng.normal(size=np.shape(out))
    dx, dy = graph.backward(dout)
    scale = 1 + np.abs(out).max()
    same(dx / scale, slope(lambda x: run(program, x, y), x, dout) / scale, 1e-5)
    same(dy / scale, slope(lambda y: run(program, x, y), y, dout) / scale, 1e-5)
    again = [float(x), float(y)] if shapes == ((), ()) else [x, y]
    copied = copy.deepcopy(graph)
    same(copied.predict(*again), out)
    if shapes == ((), ()):
        assert type(copied.forward(*again)) is float
        dxs = copied.backward(float(dout))
        assert all(type(d) is float for d in dxs)
        same(dxs, (dx, dy))
