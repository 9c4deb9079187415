"""Convolution and pooling by kernels, held to the layers' own code in float64."""

import warnings

import numpy as np
import pytest
from engines import assert_agree, compiled, near
from hypothesis import assume, given
from hypothesis import strategies as st
from test_engine import KERNELS
from test_engine_process import posix, python, results, threads  # noqa: F401

import layerwise as lw
from layerwise.engine import ops_winograd
from layerwise.engine.memory import Buffer

sizes = st.integers(1, 70)
small = st.integers(1, 4)


def both_ways(make, x, seed=0):
    """The output and all gradients of a network, by kernels in float32 and by the layers' own code
    in float64, from the same numbers."""
    nets = make(), make().astype("float64")
    found = []
    for net, kind in zip(nets, ("f", "d")):
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = net.forward(x.astype(kind))
            dout = np.random.default_rng(seed).normal(size=out.shape).astype(kind)
            dx = net.backward(dout)
        found.append([out, dx, *(one.grad for one in net.parameters().values())])
    return nets[0], *found


def assert_right(make, x, kernels=()):
    """The kernels give what float64 gives, to 1e-5 forward and 1e-4 backward."""
    net, ours, exact = both_ways(make, x)
    for i, (one, other) in enumerate(zip(ours, exact)):
        near(one, other.astype("f"), 1e-4 if i else 1e-5)
    assert set(kernels) <= set(compiled(net)), net.plan()
    return net


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("f")


pairs = st.tuples(small, small)


@given(
    N=st.integers(1, 5), C=sizes, M=sizes, image=st.tuples(st.integers(1, 12), st.integers(1, 40)),
    kernel=pairs, stride=pairs, padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 3)), bias=st.booleans(),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_convolutions_of_all_sizes(N, C, M, image, kernel, stride, padding, dilation, bias, seed):
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    assume(all(n + 2 * p >= span for n, p, span in zip(image, padding, spans)))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "bias": bias}
    x = images(N, C, *image, seed=seed)
    assert_right(lambda: lw.Sequential(lw.Conv2d(C, M, kernel, **options), seed=seed), x,
                 ["convolution", "weight_gradient"])  # fmt: skip


@given(groups=small, C=small, M=st.integers(1, 20), k=small, stride=small, seed=st.integers(0, 9))
def test_groups_do_not_see_each_other(groups, C, M, k, stride, seed):
    def make():
        conv = lw.Conv2d(groups * C, groups * M, k, stride, 1, groups=groups)
        return lw.Sequential(conv, lw.Conv2d(groups * M, groups * M, 1, groups=groups * M), seed=0)

    assert_right(make, images(3, groups * C, 7, 9, seed=seed), ["convolution"])


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        ((1, 6, 5, 1, 2), (20, 1, 28, 28)),  # few channels
        ((16, 16, 3, 1, 1), (9, 16, 28, 28)),
        ((64, 64, 3, 1, 1), (20, 64, 8, 8)),  # images smaller than a block of windows
        ((300, 40, 3, 1, 1), (2, 300, 7, 7)),  # more channels than columns are made of at a time
        ((16, 120, 5), (30, 16, 5, 5)),  # a kernel as large as the image
        ((70, 130, 1), (4, 70, 13, 11)),  # a kernel of one pixel
        ((3, 16, 7, 2, 3), (4, 3, 65, 65)),
        ((2, 3, 30, 1, 3), (2, 2, 40, 33)),  # 900 elements
        ((8, 8, 3, 1, 1), (5, 8, 1, 1)),  # images of one pixel
        ((5, 3, 2, 5), (4, 5, 23, 17)),  # windows that leave pixels out
        ((4, 6, 3), (4, 9, 9)),  # one image
    ],
)
def test_convolutions_of_many_kinds(call, shape):
    def make():
        return lw.Sequential(lw.Conv2d(*call), lw.Tanh(), seed=0)

    assert_right(make, images(*shape), ["convolution_tanh_forward", "weight_gradient"])


channels = st.integers(4, 70)


@given(
    N=st.integers(1, 3), C=channels, M=channels, groups=st.integers(1, 2),
    image=st.tuples(st.integers(1, 20), st.integers(16, 40)), bias=st.booleans(),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)), seed=st.integers(0, 9),
)  # fmt: skip
def test_kernels_of_3_x_3_by_winograd(N, C, M, groups, image, bias, padding, seed):
    assume(image[0] + 2 * padding[0] >= 3 and image[1] + 2 * padding[1] >= 18)

    def make():
        conv = lw.Conv2d(groups * C, groups * M, 3, 1, padding, bias=bias, groups=groups)
        return lw.Sequential(conv, lw.ReLU(), seed=seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops_winograd, "FEWEST_TILES", 1)
        x = images(N, groups * C, *image, seed=seed)
        assert_right(make, x, ["winograd_relu", "winograd_weights"])


def test_gradients_by_winograd_add_up():
    conv, x = lw.Conv2d(5, 5, 3, padding=1), images(3, 5, 16, 24)
    net, found = lw.Sequential(conv, lw.Tanh(), conv, seed=0), []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine):
            net.backward(np.ones_like(net.forward(x)))
            assert engine == "numpy" or "winograd_weights" in compiled(net)
        found.append(conv.W.grad.copy())
    near(*found, 1e-4)


def test_padding_that_keeps_the_size():
    def make():
        return lw.Sequential(lw.Conv2d(3, 5, (4, 3), padding="same", dilation=2), seed=0)

    net = assert_right(make, images(3, 3, 9, 11), ["convolution"])
    assert net["conv2d1"].value.shape == (3, 5, 9, 11)


def test_signals():
    def make():
        conv = lw.Conv1d(5, 9, 4, 2, 3, dilation=2)
        return lw.Sequential(conv, lw.MaxPool1d(3, 2), lw.AvgPool1d(2), seed=0)

    for shape in ((4, 5, 90), (5, 90)):
        assert_right(make, images(*shape), ["convolution", "max_pool", "mean_pool"])


@pytest.mark.parametrize("activation", KERNELS)
def test_an_activation_is_computed_with_the_convolution_in_front_of_it(activation):
    def make():
        return lw.Sequential(lw.Conv2d(3, 8, 3), activation(), activation(), seed=0)

    net, _ = assert_agree(make, images(3, 3, 9, 9))
    assert {f"convolution_{KERNELS[activation]}", KERNELS[activation]} <= set(compiled(net))


@pytest.mark.parametrize("padding_mode", ["reflect", "replicate", "circular"])
def test_what_has_no_kernel_runs_the_layer_s_own_code(padding_mode):
    def make():
        return lw.Sequential(lw.Conv2d(2, 3, 3, padding=1, padding_mode=padding_mode), seed=0)

    net, _ = assert_agree(make, images(2, 2, 5, 5))
    assert "Python" in compiled(net)


def test_an_empty_batch():
    def make():
        return lw.Sequential(lw.Conv2d(2, 3, 3), lw.ReLU(), lw.MaxPool2d(2), seed=0)

    net, _ = assert_agree(make, images(0, 2, 6, 6))
    assert net["max_pool2d1"].value.shape == (0, 3, 2, 2) and not net["conv2d1.W"].grad.any()


# pooling -----------------------------------------------------------------------------------------


@given(
    kind=st.sampled_from(["MaxPool2d", "AvgPool2d"]), N=st.integers(1, 3), C=small,
    image=st.tuples(st.integers(1, 12), st.integers(1, 90)), kernel=pairs, stride=pairs,
    padding=st.tuples(st.integers(0, 1), st.integers(0, 2)), ceil_mode=st.booleans(),
    option=st.integers(0, 2), seed=st.integers(0, 9),
)  # fmt: skip
def test_pooling_of_all_sizes(kind, N, C, image, kernel, stride, padding, ceil_mode, option, seed):
    assume(all(2 * p <= k for p, k in zip(padding, kernel)))
    assume(all(n + 2 * p >= k for n, p, k in zip(image, padding, kernel)))
    options = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    if kind == "AvgPool2d":
        options |= [{}, {"count_include_pad": False}, {"divisor_override": 3}][option]

    def make():
        return lw.Sequential(lw.PReLU(), getattr(lw, kind)(kernel, **options), seed=0)

    assert_agree(make, images(N, C, *image, seed=seed), times=1)


@given(N=small, C=small, image=pairs, keepdims=st.booleans(), seed=st.integers(0, 9))
def test_the_mean_of_whole_images(N, C, image, keepdims, seed):
    def make():
        return lw.Sequential(lw.Conv2d(C, 5, 1), lw.GlobalAvgPool(keepdims), seed=0)

    assert_right(make, images(N, C, *image, seed=seed), ["mean"])


def test_of_equal_numbers_the_first_is_the_largest():
    x = np.zeros((1, 1, 4, 40), "f")

    def make():
        return lw.Sequential(lw.Conv2d(1, 1, 1, bias=False), lw.MaxPool2d(3, 1, 1), seed=0)

    assert_agree(make, x)


# what is not a number, memory, threads -----------------------------------------------------------


def test_nan_and_inf_come_through():
    x = images(2, 3, 12, 14)
    x[0, 1, 3, 4], x[1, 2, 0, 0], x[1, 0, 11, 13] = np.nan, np.inf, -np.inf
    x[0, 0, 6:9, 6:9] = -np.inf  # all of a window
    for layers in (
        [lw.Conv2d(3, 5, 3, padding=1), lw.ReLU()],
        [lw.Conv2d(3, 3, 1, groups=3), lw.MaxPool2d(3, 1, 1)],
        [lw.Conv2d(3, 3, 1, groups=3), lw.AvgPool2d(2)],
        [lw.Conv2d(3, 3, 1, groups=3), lw.GlobalAvgPool()],
    ):
        _, ours, exact = both_ways(lambda layers=layers: lw.Sequential(*layers, seed=0), x)
        for one, other in zip(ours, exact):
            assert np.array_equal(np.isnan(one), np.isnan(other))
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("place", ["x", "W", "dout"])
def test_winograd_leaves_alone_what_a_convolution_leaves_alone(odd, place):
    """Its sums and differences would spread what is not finite, or overflow."""
    conv, x = lw.Conv2d(4, 5, 3, padding=1, bias=False), images(2, 4, 16, 20)
    net = lw.Sequential(conv, seed=0)
    dout = images(2, 5, 16, 20, seed=1)
    {"x": x, "W": conv.W.value, "dout": dout}[place][1, 2, 1, 1] = odd
    found = []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine), np.errstate(all="ignore"):
            y = net.forward(x).copy()
            found.append((y, net.backward(dout), conv.W.grad.copy()))
            assert engine == "numpy" or "winograd_weights" in compiled(net)
    for one, other in zip(*found):
        largest = np.max(np.abs(other), initial=0, where=np.isfinite(other))
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * largest)


@pytest.mark.parametrize("activation", [lw.ReLU, lw.Tanh])
def test_an_activation_behind_a_transposed_convolution(activation):
    def make():
        return lw.Sequential(lw.ConvTranspose2d(4, 3, 3, 2), activation(), seed=0)

    assert_agree(make, images(2, 4, 5, 6))


def test_a_transposed_convolution_does_not_hold_on_to_its_gradient():
    net = lw.Sequential(lw.ConvTranspose2d(2, 3, 3), lw.Tanh(), seed=0)
    net.backward(np.ones_like(net.forward(images(2, 2, 5, 6))))
    op = net._plan.layout.places[0].op
    assert not any(isinstance(held, Buffer) and held.computed for held in vars(op).values())


@pytest.mark.parametrize("size", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("place", [(0, 0), (7, 9), (18, 32)])
def test_gradients_by_winograd_do_not_overflow_where_a_convolution_does_not(place, size):
    conv, x = lw.Conv2d(8, 5, 3, padding=1, bias=False), images(1, 8, 19, 33)
    x[(0, 3, *place)] = 3e38
    net, found = lw.Sequential(conv, seed=0), []
    dout = images(1, 5, 19, 33, seed=2) * size
    for engine in ("compiled", "numpy"):
        with lw.engine(engine), np.errstate(all="ignore"):
            net.forward(x)
            net.backward(dout)
            net.backward(dout, accumulate=True)
            found.append(conv.W.grad / 1e38)
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-4)


def classifier():
    """A small network with everything in it, and numbers for it."""
    x, t = lw.Input("x"), lw.Input("t")
    layers = [
        lw.Conv2d(3, 17, 3, padding=1), lw.ReLU(), lw.Conv2d(17, 17, 3, padding=1), lw.MaxPool2d(2),
        lw.Conv2d(17, 20, 3, 2), lw.Tanh(), lw.AvgPool2d(2), lw.Flatten(), lw.Affine(180, 10),
    ]  # fmt: skip
    net = lw.Graph(lw.SoftmaxCrossEntropy()(lw.Sequential(*layers)(x), t), inputs=[x, t], seed=0)
    return net, (images(40, 3, 28, 28), np.random.default_rng(0).integers(0, 10, 40))


def test_results_do_not_depend_on_the_number_of_threads(threads):  # noqa: F811
    net, inputs = classifier()
    found = set()
    for count in (1, 2, 3, 7):
        threads(count)
        found.add(results(net, inputs))
    assert len(found) == 1


def test_what_a_person_sees_is_in_the_usual_order():
    ours, theirs = assert_agree(lambda: classifier()[0], *classifier()[1])
    for name, value in ours.values.items():
        assert np.shape(value) == np.shape(theirs.values[name]), name


@posix
@pytest.mark.parametrize("side", ["behind", "before"])
def test_nothing_is_read_or_written_outside(side):
    python(
        f"""
        import guarded
        guarded.SIDE = {side!r}
        from test_engine_conv import classifier, images, lw
        guarded.run(classifier()[0], *classifier()[1])
        for C, M, image, kernel, options in [
            (1, 1, (1, 1), 1, {{}}), (3, 7, (5, 17), (3, 2), dict(padding=2)),
            (4, 6, (9, 30), 3, dict(stride=2, padding=1, groups=2)),
            (2, 50, (6, 6), 6, {{}}), (40, 3, (7, 7), 3, dict(dilation=3, padding=3)),
        ]:
            for more in ([], [lw.ReLU()], [lw.MaxPool2d(1, 2)], [lw.AvgPool2d(1)],
                         [lw.GlobalAvgPool()]):
                net = lw.Sequential(lw.Conv2d(C, M, kernel, **options), *more, seed=0)
                guarded.run(net, images(3, C, *image))
        """
    )
