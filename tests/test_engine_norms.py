"""Normalisation in kernels: as the layers in float64, whatever the shape, and the statistics."""

import importlib.util

import numpy as np
import pytest
from engines import (
    assert_exact,
    assert_nan_goes_as_in_numpy,
    assert_threads_do_not_matter,
    beside_a_parameter,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from test_engine_process import posix, python

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

RNG = np.random.default_rng(0)


def numbers(*shape, mean=2.0):
    return RNG.normal(mean, 3, size=shape).astype("f")


CASES = [  # a norm of C channels, and a shape
    (lambda: lw.LayerNorm(37), (5, 9, 37)),
    (lambda: lw.LayerNorm((3, 4), bias=False), (7, 3, 4)),
    (lambda: lw.LayerNorm(300, elementwise_affine=False), (300,)),
    (lambda: lw.RMSNorm(128), (64, 128)),
    (lambda: lw.RMSNorm((5, 2), eps=0.1), (3, 5, 2)),
    (lambda: lw.BatchNorm(19), (33, 19)),
    (lambda: lw.BatchNorm(19), (5, 19, 3, 7)),
    (lambda: lw.BatchNorm(4, momentum=None, bias=False), (5, 4, 2, 3, 6)),
    (lambda: lw.BatchNorm(4, track_running_stats=False), (9, 4)),
    (lambda: lw.GroupNorm(2, 6), (4, 6, 5, 5)),
    (lambda: lw.GroupNorm(3, 12, affine=False), (4, 12)),
    (lambda: lw.InstanceNorm(5, affine=True, track_running_stats=True), (4, 5, 9)),
    (lambda: lw.InstanceNorm(5), (4, 5, 2, 9)),
]
ids = [f"{make()!r} {shape}" for make, shape in CASES]
every = pytest.mark.parametrize(("make", "shape"), CASES, ids=ids)


@every
@pytest.mark.parametrize("training", [True, False])
def test_norms_are_exact(make, shape, training):
    def prepare(net):
        net.training = training
        for buffer in net.buffers().values():
            if buffer.shape:
                buffer.value = np.linspace(0.5, 2, *buffer.shape)

    assert_exact(make, numbers(*shape), times=3, prepare=prepare)


sizes = st.integers(1, 70)


@given(N=st.integers(1, 9), C=sizes, L=sizes, which=st.integers(0, 4))
def test_norms_of_all_sizes(N, C, L, which):
    makes = [
        lambda: lw.LayerNorm((C, L)),
        lambda: lw.RMSNorm(L),
        lambda: lw.BatchNorm(C),
        lambda: lw.GroupNorm(1 if C % 2 else 2, C),
        lambda: lw.InstanceNorm(C, affine=True),
    ]
    assume({2: N * L, 4: L}.get(which, L) > 3)  # of fewer, the gradient is all rounding
    assert_exact(makes[which], numbers(N, C, L), times=1)


@given(N=st.integers(4, 70), C=sizes)
def test_batch_norm_of_tables_of_all_sizes(N, C):
    assert_exact(lambda: lw.BatchNorm(C), numbers(N, C), times=1)


@every
def test_threads_do_not_matter(make, shape):
    assert_threads_do_not_matter(make, numbers(*shape))


@every
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen_where_numpy_has_it(make, shape, odd):
    x = numbers(*shape)
    x.flat[7] = odd
    assert_nan_goes_as_in_numpy(make, x)


@every
@pytest.mark.parametrize("number", [0.1, -1e4, 3e7])
def test_equal_numbers_become_0(make, shape, number):
    if isinstance(make(), lw.RMSNorm):
        return  # which takes no mean away
    net = beside_a_parameter(make, np.empty(shape))
    for name in ("gamma", "beta"):
        for place, parameter in net.parameters().items():
            if place.endswith(name):
                parameter.value = np.full(parameter.shape, name == "gamma")
    out, _ = net.forward(np.full(shape, number, "f"), np.ones((1, 2)))
    assert not out.any()


def test_empty_batches_are_left_to_the_layers():
    for make, shape in CASES:
        if len(shape) > 1:
            net = beside_a_parameter(make, np.empty(shape))
            out, _ = net.forward(np.empty((0, *shape[1:]), "f"), np.ones((1, 2)))
            dx, _ = net.backward(1.0)
            assert out.shape == dx.shape == (0, *shape[1:])


# running statistics ------------------------------------------------------------------------------


def network():
    return lw.Sequential(lw.Affine(3, 4), lw.BatchNorm(4), lw.Tanh(), seed=0)


def test_statistics_follow_once_in_a_step():
    net, other, x = network(), network(), numbers(8, 3)
    for _ in range(3):
        net.forward(x)
        net.backward()
        net.backward(accumulate=True)
        net.predict(x)
        with lw.engine("numpy"):
            other.forward(x)
        for name, buffer in net.buffers().items():
            np.testing.assert_allclose(buffer.value, other.buffers()[name].value, rtol=1e-5)
    assert net.buffers()["batch_norm1.num_batches_tracked"].value == 3


def test_statistics_that_were_replaced_are_followed():
    net, x = network(), numbers(8, 3)
    net.forward(x)
    mean = net.buffers()["batch_norm1.running_mean"]
    fixed = np.full(4, 100, "f")
    fixed.flags.writeable = False
    mean.value = fixed
    net.forward(x)
    assert (fixed == 100).all() and (mean.value != 100).all() and (mean.value > 80).all()
    held = mean.value
    net.forward(x)
    assert mean.value is held  # changed in place, as in NumPy


def test_a_layer_that_is_set_to_inference_is_planned_anew():
    net, x = network(), numbers(8, 3)
    net.forward(x)
    mean = net.buffers()["batch_norm1.running_mean"]
    before = mean.value.copy()
    net["batch_norm1"].layer.training = False
    out = net.forward(x)
    assert np.array_equal(mean.value, before)
    with lw.engine("numpy"):
        np.testing.assert_allclose(out, net.forward(x), rtol=1e-5, atol=1e-6)


def test_one_value_per_channel_is_refused_by_the_layer():
    net = network()
    with pytest.raises(lw.LayerError, match="expects more than one value per channel"):
        net.forward(numbers(1, 3))
    assert net.predict(numbers(1, 3)).shape == (1, 4)


# memory ------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("side", ["behind", "before"])
def test_nothing_is_read_or_written_outside(side):
    python(
        f"""
        import numpy as np
        import guarded
        guarded.SIDE = {side!r}
        from test_engine_norms import CASES, beside_a_parameter, numbers

        for make, shape in CASES:
            net = beside_a_parameter(make, np.empty(shape))
            guarded.run(net, numbers(*shape), np.ones((1, 2), "f"))
        """
    )
