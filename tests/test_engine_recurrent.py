"""RNN, LSTM and GRU in kernels, as the layers in float64, and a whole language model."""

import importlib.util

import numpy as np
import pytest
from engines import (
    assert_exact,
    assert_learns_the_same,
    assert_nan_goes_as_in_numpy,
    assert_threads_do_not_matter,
    beside_a_parameter,
)
from hypothesis import given
from hypothesis import strategies as st
from test_engine_process import posix, python

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.normal(size=shape).astype("f")


CASES = [
    (lambda: lw.LSTM(5, 7), numbers(6, 3, 5)),
    (lambda: lw.LSTM(5, 70, batch_first=True), numbers(20, 9, 5)),
    (lambda: lw.LSTM(5, 7, 3, dropout=0.3, bidirectional=True), numbers(6, 11, 5)),
    (lambda: lw.LSTM(5, 7, 2, dropout=0.3, batch_first=True), numbers(11, 6, 5)),
    (lambda: lw.LSTM(5, 7, bias=False), numbers(6, 3, 5), numbers(1, 3, 7), numbers(1, 3, 7)),
    (lambda: lw.LSTM(5, 7), numbers(6, 5)),
    (lambda: lw.GRU(5, 33, 2, bidirectional=True, batch_first=True), numbers(6, 11, 5)),
    (lambda: lw.GRU(5, 33, bias=False), numbers(6, 11, 5), numbers(1, 11, 33)),
    (lambda: lw.RNN(5, 33, 2), numbers(6, 11, 5)),
    (lambda: lw.RNN(5, 33, 2, "relu"), numbers(6, 11, 5), numbers(2, 11, 33)),
]
every = pytest.mark.parametrize(
    ("make", "inputs"), [(make, inputs) for make, *inputs in CASES],
    ids=[f"{make()!r} {[x.shape for x in inputs]}" for make, *inputs in CASES],
)  # fmt: skip


@every
def test_recurrent_layers_are_exact(make, inputs):
    def prepare(net):
        for parameter in net.parameters().values():
            parameter.value = 0.4 * parameter.value  # so that the gates are not all shut

    assert_exact(make, *inputs, prepare=prepare)


@every
def test_threads_do_not_matter(make, inputs):
    assert_threads_do_not_matter(make, *inputs)


@every
def test_nan_is_seen_from_its_step_on(make, inputs):
    x, *states = inputs
    x = x.copy()
    x.flat[-1] = np.nan
    assert_nan_goes_as_in_numpy(make, x, *states)


@given(
    T=st.integers(1, 12), N=st.integers(1, 25), D=st.integers(1, 40), H=st.integers(1, 70),
    kind=st.sampled_from([lw.LSTM, lw.GRU, lw.RNN]),
)  # fmt: skip
def test_sequences_of_all_sizes(T, N, D, H, kind):
    def prepare(net):
        for parameter in net.parameters().values():
            parameter.value = parameter.value / np.sqrt(H + D)

    assert_exact(lambda: kind(D, H), numbers(T, N, D), times=1, prepare=prepare)


@pytest.mark.parametrize("used", [0, 1, 2])
def test_outputs_that_nothing_uses(used):
    x, found = numbers(6, 3, 5), []
    for engine in ("compiled", "numpy"):
        outs = lw.LSTM(5, 7)(lw.Input("x"))
        net = lw.Graph(outs[used] * outs[used], seed=0)
        with lw.engine(engine):
            found.append((net.forward(x), net.backward()))
            found.append((net.forward(x), net.backward()))
            assert engine == "numpy" or "Python" not in net.plan()
    for a, b in zip(found[1], found[3]):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_all_outputs_can_be_looked_at():
    net = beside_a_parameter(lambda: lw.LSTM(5, 7), np.empty((6, 3, 5)))
    out, h, c, _ = net.forward(numbers(6, 3, 5), np.ones((1, 2)))
    value = net["lstm1"].value
    assert all(np.array_equal(a, b) for a, b in zip(value, (out, h, c)))
    net.backward((out, h, None, None))
    assert [None if d is None else d.shape for d in net["lstm1"].grad] == [out.shape, h.shape, None]


@pytest.mark.parametrize(
    ("make", "others"),
    [(lambda: lw.LSTM(5, 7, proj_size=3), []), (lambda: lw.LSTM(5, 7), [np.array([6, 0, 2])])],
)
def test_lengths_and_projections_run_in_the_layer(make, others):
    x, found = numbers(6, 3, 5), []
    for engine in ("compiled", "numpy"):
        net = beside_a_parameter(make, x, *others)
        with lw.engine(engine):
            found.append(net.forward(x, *others, np.ones((1, 2)))[0])
            net.backward(1.0)
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_small_language_model_learns_the_same(layers):
    def make():
        return lw.models.char_lstm(17, 24, layers, dropout=0.1 * (layers - 1))

    text = np.random.default_rng(0).integers(0, 17, (13, 21))
    net = assert_learns_the_same(make, text, lambda: lw.SGD(lr=0.1))
    assert "Python" not in net.plan()


@posix
@pytest.mark.parametrize("side", ["behind", "before"])
def test_nothing_is_read_or_written_outside(side):
    python(
        f"""
        import numpy as np
        import guarded
        guarded.SIDE = {side!r}
        from test_engine_recurrent import CASES, beside_a_parameter

        for make, *inputs in CASES:
            net = beside_a_parameter(make, *inputs)
            guarded.run(net, *inputs, np.ones((1, 2), "f"))
        """
    )
