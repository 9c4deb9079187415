"""Most layers that are no products, in kernels: as in float64, whatever the shape."""

import importlib.util

import numpy as np
import pytest
from engine_rows import ROWS, numbers
from engines import (
    assert_exact,
    assert_nan_goes_as_in_numpy,
    assert_threads_do_not_matter,
    beside_a_parameter,
)
from helpers import text_of
from hypothesis import assume, given
from hypothesis import strategies as st
from test_engine_process import posix, python

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 11, (6, 7))
EVERYTHING = slice(None)
CASES = [
    (lambda: lw.Add(), numbers(5, 7, 9), numbers(7, 1)),
    (lambda: lw.Add(), numbers(300, 400), numbers(300, 400)),
    (lambda: lw.Sub(), numbers(5, 7), numbers(1, 7)),
    (lambda: lw.Mul(), numbers(4, 3, 5, 6), numbers(1, 3, 1, 1)),
    (lambda: lw.Mul(), numbers(5, 1, 7), numbers(1, 6, 1)),
    (lambda: lw.Mul(), numbers(5, 1), numbers(1)),
    (lambda: lw.Div(), numbers(9), numbers(8, 9) ** 2 + 1),
    (lambda: lw.LearnedPosition(9, 5), numbers(3, 2, 7, 5)),
    (lambda: lw.SinusoidalPosition(5), numbers(3, 2, 7, 5)),
    (lambda: lw.Embedding(11, 37), CODES),
    (lambda: lw.Embedding(11, 100, padding_idx=-3), CODES),
    (lambda: lw.Dropout(0.3), numbers(300, 170)),
    (lambda: lw.Dropout(0.0), numbers(3, 4)),
    (lambda: lw.Dropout(1.0), numbers(3, 4)),
    (lambda: lw.Reshape(-1, 6), numbers(4, 10, 6)),
    (lambda: lw.Unflatten(1, (2, -1)), numbers(4, 10, 6)),
    (lambda: lw.Transpose(0, 2, 1), numbers(3, 40, 7)),
    (lambda: lw.Transpose(), numbers(3, 40, 7, 2)),
    (lambda: lw.Transpose(1, 0), numbers(200, 300)),
    (lambda: lw.Slice((EVERYTHING, slice(2, 9, 3))), numbers(4, 10, 6)),
    (lambda: lw.Slice((..., slice(None, None, -1))), numbers(4, 10, 6)),
    (lambda: lw.Slice((EVERYTHING, -1)), numbers(4, 10, 6)),
    (lambda: lw.Slice(slice(1, 3)), numbers(4, 10, 6)),
    (lambda: lw.Softmax(), numbers(70, 33)),
    (lambda: lw.Softmax(1), numbers(7, 33, 19)),
    (lambda: lw.LogSoftmax(), numbers(33, 65)),
    (lambda: lw.LogSoftmax(0), numbers(7, 33, 19)),
    *ROWS,
]
every = pytest.mark.parametrize(
    ("make", "inputs"), [(make, inputs) for make, *inputs in CASES],
    ids=[f"{make()!r} {[x.shape for x in inputs]}" for make, *inputs in CASES],
)  # fmt: skip


@every
def test_kernels_are_exact(make, inputs):
    assert_exact(make, *inputs)


@every
def test_threads_do_not_matter(make, inputs):
    assert_threads_do_not_matter(make, *inputs)


@every
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen_where_numpy_has_it(make, inputs, odd):
    x, *others = inputs
    refused = (lw.BinaryCrossEntropy,) if np.isinf(odd) else ()
    if x.dtype == np.float32 and not isinstance(make(), (lw.Slice, *refused)):
        x = x.copy()
        x[...] = np.where(RNG.random(x.shape) < 0.1, odd, x)
        x.flat[0] = np.nan
        assert_nan_goes_as_in_numpy(make, x, *others)


shapes = st.lists(st.integers(1, 20), min_size=1, max_size=4)


@given(shape=shapes, data=st.data())
def test_broadcasting_of_all_shapes(shape, data):
    parts = []
    for _ in range(2):
        ones = [data.draw(st.booleans()) for _ in shape]
        part = [1 if one else n for one, n in zip(ones, shape)]
        parts.append(numbers(*part[data.draw(st.integers(0, len(shape) - 1)) :]))
    layer = data.draw(st.sampled_from([lw.Add, lw.Sub, lw.Mul]))
    assert_exact(layer, *parts, times=1)


@given(shape=shapes, data=st.data())
def test_axes_in_all_orders_and_all_parts(shape, data):
    x = numbers(*shape)
    axes = data.draw(st.permutations(range(len(shape))))
    assert_exact(lambda: lw.Transpose(*axes), x, times=1)
    index = []
    for n in shape:
        first = data.draw(st.integers(0, n - 1))
        index.append(
            slice(first, data.draw(st.integers(first + 1, n)), data.draw(st.integers(1, 3)))
        )
    assert_exact(lambda: lw.Slice(tuple(index)), x, times=1)
    dim = data.draw(st.integers(0, len(shape) - 1))
    assert_exact(lambda: lw.Softmax(dim), x, times=1)


def test_what_no_walk_describes_is_left_to_the_layer():
    for index in (0, np.array([0, 2, 2]), np.array([True, False, True]), (None, 1)):
        net = beside_a_parameter(lambda index=index: lw.Slice(index), np.empty(3))
        out, _ = net.forward(np.array([1, 2, 3], "f"), np.ones((1, 2)))
        net.backward(1.0)
        assert np.array_equal(out, np.array([1, 2, 3], "f")[index]) and "Python" in net.plan()


@given(N=st.integers(1, 9), C=st.integers(1, 70), L=st.integers(1, 70), seed=st.integers(0, 9))
def test_the_loss_of_places_along_an_axis(N, C, L, seed):
    assume(N * L > 1)
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(N, 3, L)).astype("f"), rng.integers(0, C, (N, L))
    t.flat[-1] = -100  # ignored
    reduction = ["mean", "sum", "none"][seed % 3]

    def make():
        scores = lw.Transpose(0, 2, 1)(lw.Affine(3, C)(lw.Transpose(0, 2, 1)(lw.Input("x"))))
        loss = lw.SoftmaxCrossEntropy(reduction=reduction)(scores, lw.Input("t"))
        return lw.Graph(loss, seed=seed)

    net, exact = make(), make().astype("float64")
    with lw.engine("numpy"):
        wanted, slope = exact.forward(x, t), exact.backward()[0]
    np.testing.assert_allclose(net.forward(x, t), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(net.backward()[0], slope, rtol=1e-4, atol=1e-5)
    assert "Python" not in net.plan()


def test_a_loss_that_weighs_its_classes_is_left_to_the_layer():
    x, t = lw.Input("x"), lw.Input("t")
    loss = lw.SoftmaxCrossEntropy()
    net = lw.Graph(loss(lw.Affine(3, 2)(x), t), seed=0)
    rows, numbers_of = np.ones((2, 3)), np.array([0, 1])
    plain = net.forward(rows, numbers_of)
    net["softmax_cross_entropy1"].layer.weight = [1.0, 3.0]
    weighed = net.forward(rows, numbers_of)
    with lw.engine("numpy"):
        assert abs(net.forward(rows, numbers_of) - weighed) < 1e-6 < abs(plain - weighed)


# lookups -----------------------------------------------------------------------------------------


def test_numbers_that_no_row_has_are_told_by_the_layer():
    net = lw.Sequential(lw.Embedding(3, 2), lw.Affine(2, 2), seed=0)
    net.forward(np.array([0, 2]))
    for wrong in (3, -1):
        said = text_of(lw.LayerError, lambda wrong=wrong: net.forward(np.array([0, wrong])))
        assert f"expects numbers from 0 to 2, but x[1] is {wrong}. Count from 0" in said
    assert net.forward(np.array([0, 2])).shape == (2, 2)


def test_one_table_looked_up_twice_and_used_as_a_matrix():
    words = lw.Embedding(5, 4)

    def make():
        x, y = lw.Input("x"), lw.Input("y")
        words.W.value = np.random.default_rng(0).normal(size=(5, 4))
        return lw.Graph(words(x) * words(y), seed=0)

    grads = []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine):
            net = make()
            net.forward(np.array([0, 1, 1]), np.array([1, 1, 4]))
            net.backward(np.ones((3, 4)))
            net.backward(np.ones((3, 4)), accumulate=True)
            grads.append(words.W.grad.copy())
    np.testing.assert_allclose(*grads, rtol=1e-6)


# dropout -----------------------------------------------------------------------------------------


def noisy(rng=None):
    drop = lw.Dropout(0.4, rng=rng)
    return lw.Sequential(lw.Affine(40, 900), drop, drop, lw.Dropout(0.2), seed=3)


@pytest.mark.parametrize("rng", [None, np.random.MT19937])
def test_both_engines_drop_the_same(rng):
    """The masks are those of the layers' own generators, which both engines leave alike; another
    generator than NumPy's default draws in the layer."""
    x = numbers(30, 40)
    nets = [noisy(rng and np.random.Generator(rng(5))) for _ in range(2)]
    for engine in ("compiled", "numpy", "compiled"):
        with lw.engine(engine):
            a = nets[0].forward(x)
            da = nets[0].backward()
        with lw.engine("numpy"):
            b = nets[1].forward(x)
            db = nets[1].backward()
        assert np.array_equal(a == 0, b == 0) and 0.6 < (a == 0).mean() < 0.8
        np.testing.assert_allclose(da, db, rtol=1e-4, atol=1e-4)
        states = [net["dropout3"].layer.rng.bit_generator.state for net in nets]
        assert states[0] == states[1]


def test_predict_drops_nothing_and_draws_nothing():
    net, x = noisy(), numbers(30, 40)
    net.forward(x)
    state = net["dropout1"].layer.rng.bit_generator.state
    assert (net.predict(x) != 0).all()
    assert net["dropout1"].layer.rng.bit_generator.state == state


# memory ------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("side", ["behind", "before"])
def test_nothing_is_read_or_written_outside(side):
    python(
        f"""
        import numpy as np
        import guarded
        guarded.SIDE = {side!r}
        from test_engine_shapes import CASES, beside_a_parameter, lw, numbers

        for make, *inputs in CASES:
            net = beside_a_parameter(make, *inputs)
            guarded.run(net, *inputs, np.ones((1, 2), "f"))
        for N, C, L in [(1, 1, 1), (3, 5, 7), (2, 40, 33)]:
            x, t = lw.Input("x"), lw.Input("t")
            affine = lw.Affine(L, L)
            net = lw.Graph(lw.SoftmaxCrossEntropy()(affine(x), t), [x, t], seed=0)
            guarded.run(net, numbers(N, C, L), np.zeros((N, L), np.int64))
        """
    )
