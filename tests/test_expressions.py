"""Expressions drawn at random, against numerical slopes; and copies of graphs."""

import copy

import numpy as np
import pytest
from helpers import BookAffine, block, inputs, same, slope, text_of
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw

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
