"""Functions of single numbers, reductions, losses and joins in kernels: odd sizes and inputs."""

import ctypes
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from engine_rows import ACTIVATIONS, LOSSES, numbers, shares
from engines import assert_exact, beside_a_parameter
from helpers import text_of
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

from layerwise.engine import functions, plan  # noqa: F401  all Ops
from layerwise.engine.kernels import elementwise
from layerwise.engine.kernels.activations import formula
from layerwise.engine.kernels.losses import DIVERGENCE_OF_LOGS
from layerwise.engine.kernels.losses import LOSSES as KERNELS_OF_LOSSES
from layerwise.engine.op import OPS

shapes = st.lists(st.integers(1, 20), min_size=1, max_size=4)


def made(call):
    return lambda: eval(call, vars(lw))


# functions of vectors ----------------------------------------------------------------------------


def computed(name, x):
    """A function of functions.py for each number."""
    function = getattr(functions, name)
    kernel = formula(elementwise.elementwise, f"test_{name}", lambda a, b, c, p, q: function(a))
    y = np.empty_like(x)
    words = np.array([*[x.ctypes.data] * 3, y.ctypes.data, 0, 0, x.size], np.int64)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(kernel.address)
    call(words.ctypes.data, 0, 0)
    return y


ALL_SIZES = np.ldexp(1.0, np.linspace(-140, 127, 4000).astype(int))
EXACT = {  # the function, what it is in float64, where it is looked at, and its error in units of
    "exp_of_any": (np.exp, np.linspace(-87, 88, 15_000), 2),  # the last place, as its text says
    "expm1": (np.expm1, np.linspace(-3, 3, 15_000), 4),
    "log": (np.log, ALL_SIZES * np.linspace(1, 2, 4000), 1),
    "log1p": (np.log1p, np.concatenate([-1 + ALL_SIZES[:2000], ALL_SIZES]), 2),
    "softplus": (lambda x: np.logaddexp(x, 0), np.linspace(-80, 80, 15_000), 2),
}
ODD = np.array([np.nan, np.inf, -np.inf, 0, -0.0, -1, -2, 1, 1e-40, -1e-40, 3e38, -3e38, 90, -110])


@pytest.mark.parametrize("name", EXACT)
def test_functions_are_exact(name):
    exact, x, most = EXACT[name]
    with np.errstate(all="ignore"):
        x = x.astype("f")
        right = exact(x.astype("d"))
        error = np.abs(computed(name, x) - right) / np.spacing(np.abs(right).astype("f"))
        assert np.nanmax(error) <= most
        odd = ODD.astype("f")
        np.testing.assert_allclose(
            computed(name, odd), exact(odd.astype("d")).astype("f"), rtol=1e-6, atol=1e-44
        )


def test_exp_is_exact_up_to_88():
    x = np.linspace(-87, 88, 15_000).astype("f")
    right = np.exp(x.astype("d"))
    assert np.max(np.abs(computed("exp", x) - right) / np.spacing(right.astype("f"))) <= 2
    odd = np.array([np.nan, -np.inf, -3e38, -110, 0], "f")
    np.testing.assert_array_equal(computed("exp", odd), [np.nan, 0, 0, 0, 1])


def test_no_two_kernels_have_one_name():
    """They are kept on disk by their names."""
    activations = set(elementwise.ACTIVATIONS.values())
    names = [one.kernel.name for one in activations]
    names += [one.backward_kernel.name for one in activations]
    losses = [*KERNELS_OF_LOSSES.values(), DIVERGENCE_OF_LOGS]
    for one in losses:
        names += [one.forward.name, one.slope.name, one.target.name]
    assert len(names) == len(set(names))


def test_the_page_names_the_layers_without_kernels():
    page = (Path(__file__).parents[1] / "docs" / "engine.md").read_text()
    paragraph = next(part for part in page.split("\n\n") if part.startswith("No kernels have"))
    every = [getattr(lw.layers, name) for name in lw.layers.__all__]
    every = [one for one in every if isinstance(one, type) and issubclass(one, lw.Layer)]
    without = {one.__name__ for one in every if one not in OPS}
    assert set(re.findall(r"`(\w+)`", paragraph)) == without


# all sizes ---------------------------------------------------------------------------------------


@given(shape=shapes, call=st.sampled_from([one for one in ACTIVATIONS if "19" not in one]))
def test_activations_of_all_sizes(shape, call):
    assert_exact(made(call), numbers(*shape) * 3, times=1)


@given(shape=shapes, data=st.data(), keepdims=st.booleans())
def test_reductions_along_all_axes(shape, data, keepdims):
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    from_behind = tuple(axis - len(shape) for axis in axes)
    layer = data.draw(st.sampled_from([lw.Sum, lw.Mean, lw.Max, lw.Min]))
    assert_exact(lambda: layer(from_behind, keepdims), numbers(*shape), times=1)
    shape = (*shape, 40)  # of fewer numbers, a variance may be all rounding
    assert_exact(lambda: lw.Var((*axes, len(shape) - 1), keepdims), numbers(*shape), times=1)


@pytest.mark.parametrize("call", ["Sum()", "Mean()", "Sum(0)"])
def test_sums_of_many_numbers_keep_their_digits(call):
    assert_exact(made(call), shares(1_000_003), times=1)


@pytest.mark.parametrize("layer", [lw.Sum, lw.Max, lw.Min, lw.Mean, lw.Var])
def test_what_is_reduced_along_an_axis_of_one_number_is_an_array_of_its_own(layer):
    x, one = numbers(3, 1), numbers(1)
    for make in (lambda: layer(axis=1), lambda: layer(axis=1, keepdims=True)):
        before, net = x.copy(), lw.Graph(make()(lw.Input("x")), dtype="float32")
        y = net.forward(x)
        with lw.engine("numpy"):
            np.testing.assert_array_equal(y, net.forward(x))
        y += 1
        assert np.array_equal(x, before)
    found = []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine):
            found.append(lw.Graph(layer()(lw.Input("x")), dtype="float32").forward(one))
    assert found[0] == found[1] and type(found[0]) is type(found[1])


@pytest.mark.parametrize("image", [(256, 256), (3, 70_001), (70_001, 3)])
def test_means_of_large_images_keep_their_digits(image):
    x = 1 + numbers(1, 1, *image) % 0.01
    assert_exact(lambda: lw.AdaptiveAvgPool(1), x, times=1)
    assert_exact(lambda: lw.AdaptiveAvgPool((2, 3)), x, times=1)


def test_the_slope_of_gelu_is_1_wherever_its_curve_is_straight():
    x = np.array([-3.4e38, -50, 50, 1e30, 3.4e38], "f")
    gelu = lw.Sequential(lw.Affine(5, 5), lw.GELU("tanh"), seed=0)
    gelu["affine1.W"].value, gelu["affine1.b"].value = np.eye(5), np.zeros(5)
    found = []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine), np.errstate(over="ignore"):
            gelu.forward(x[None])
            found.append(gelu.backward(np.ones((1, 5), "f")))
    assert found[0].tolist() == found[1].tolist() == [[0, 0, 1, 1, 1]]


@given(shape=shapes, call=st.sampled_from(LOSSES))
def test_losses_of_all_sizes(shape, call):
    assert_exact(made(call), shares(*shape), shares(*shape), times=1)


@given(shape=shapes, sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4), data=st.data())
def test_joins_of_all_sizes(shape, sizes, data):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    shape[dim] = 1
    parts = []
    for n in sizes:
        part = list(shape)
        part[dim] = n
        parts.append(numbers(*part))
    assert_exact(lambda: lw.Concat(dim), *parts, times=1)
    assert_exact(lambda: lw.Stack(dim), *[parts[0]] * len(sizes), times=1)
    assert_exact(lambda: lw.Split(sizes, dim), np.concatenate(parts, dim), times=1)
    pads = data.draw(st.lists(st.integers(-3, 5), min_size=2, max_size=2))
    whole = np.concatenate(parts, dim)
    if whole.shape[-1] + sum(min(n, 0) for n in pads) > 0:
        assert_exact(lambda: lw.Pad(pads, value=0.5), whole, times=1)


# what the layers say -----------------------------------------------------------------------------


def one_loss(layer):
    x, t = lw.Input("x"), lw.Input("t")
    shares_of_both = lw.Concat()(x, lw.PReLU()(x))  # so that there is a parameter
    return lw.Graph(layer(shares_of_both, t), [x, t])


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_what_is_no_share_is_told_by_the_layer(reduction):
    net, t = one_loss(lw.BinaryCrossEntropy(reduction=reduction)), np.ones(4)
    net.forward(np.array([0.5, 0.2]), t)
    for wrong in (1.5, -0.5):
        said = text_of(lw.LayerError, lambda wrong=wrong: net.forward(np.array([wrong, 0.2]), t))
        assert "expects probabilities from 0 to 1" in said
    assert np.isnan(net.forward(np.array([np.nan, 0.2]), t)).any()
    assert np.isfinite(net.forward(np.array([0.0, 1.0]), t)).all()


def test_what_is_no_sign_is_told_by_the_layer():
    net = one_loss(lw.SoftMargin())
    net.forward(np.ones(2), np.array([1.0, -1, 1, 1]))
    said = text_of(lw.LayerError, lambda: net.forward(np.ones(2), np.array([1.0, 0, 1, 1])))
    assert "expects targets of 1 and -1, but got 0" in said


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (lambda: lw.Concat(1), [(2, 3), (3, 3)]),
        (lambda: lw.Stack(), [(2, 3), (3, 3)]),
        (lambda: lw.Split((2, 2), 1), [(2, 3)]),
        (lambda: lw.Pad((-2, -2)), [(2, 3)]),
        (lambda: lw.Sum(2), [(2, 3)]),
        (lambda: lw.Max((0, 0)), [(2, 3)]),
        (lambda: lw.GLU(), [(2, 3)]),
        (lambda: lw.PReLU(4), [(2, 3)]),
        (lambda: lw.PixelShuffle(2), [(2, 3, 1, 1)]),
        (lambda: lw.MeanSquaredError(), [(2, 3), (3, 3)]),
    ],
)
def test_shapes_that_do_not_fit_are_told_by_the_layer(make, shapes):
    arrays, said = [np.ones(shape, "f") for shape in shapes], []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine):
            net = beside_a_parameter(make, *arrays)
            said.append(
                text_of(lw.LayerError, lambda net=net: net.forward(*arrays, np.ones((1, 2))))
            )
    assert said[0] == said[1]


WEIGHED = [
    (lambda: lw.BinaryCrossEntropy(weight=2.0), shares(3, 4), shares(3, 4)),
    (lambda: lw.BinaryCrossEntropyWithLogits(pos_weight=2.0), shares(3, 4), shares(3, 4)),
    (lambda: lw.MeanSquaredError(), numbers(3, 4), np.ones((3, 4), int)),
    (lambda: lw.Pad((1, 1), mode="reflect"), numbers(3, 4)),
    (lambda: lw.Concat(), numbers(3, 4), np.ones((3, 4), int)),
    (lambda: lw.MatMul(), numbers(3, 4), numbers(4)),
    (lambda: lw.MatMul(), numbers(2, 3, 4), numbers(2, 4, 5)),
    (lambda: lw.Sum(0), numbers(0, 4)),
    (lambda: lw.ELU(), numbers(0, 4)),
    (lambda: lw.MeanSquaredError("sum"), numbers(0, 4), numbers(0, 4)),
]


@pytest.mark.parametrize(("make", "inputs"), [(make, inputs) for make, *inputs in WEIGHED])
def test_what_has_no_kernel_is_left_to_the_layer(make, inputs):
    found = []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine):
            net = beside_a_parameter(make, *inputs)
            *outs, _ = net.forward(*inputs, np.ones((1, 2)))
            found.append((*outs, *net.backward()[:-1]))
            assert engine == "numpy" or "Python" in net.plan()
    for ours, theirs in zip(*found):
        assert ours is theirs or np.array_equal(ours, theirs)
