"""Every layer by hand, held to the contract: the tests run over the rows of the table of cases.

What the contract says of files is in test_io.py, over the same rows: a layer keeps the arguments of
its constructor under their names, so that it comes back from a file to the last bit, and the
constructor takes no memory for numbers, whatever sizes it is told.
"""

import copy
import inspect
import math
import re
import warnings

import numpy as np
import pytest
from cases import CASES, ONE, class_numbers
from helpers import text_of
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw
from layerwise.layers.erfc import erfc
from layerwise.layers.loss import Loss

FLOATS = ["float16", "float32", "float64"]
TOLERANCE = {"float16": 3e-2, "float32": 1e-5, "float64": 1e-12}


def over(cases):
    """Run a test over some rows of the table."""
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=f"{case.call} {case.shapes[0]}") for case in cases]
    )


every = over(CASES)
# a graph casts its inputs to its own dtype, and its errors are told from the places in it
single = over(case for case in CASES if not isinstance(case.layer(), lw.Graph))
every_shape = pytest.mark.parametrize(
    ("case", "shapes"),
    [
        pytest.param(case, shapes, id=f"{case.call} {shapes}")
        for case in CASES
        for shapes in case.shapes
    ],
)
numeric = over(case for case in CASES if case.python)


def random_like(out, seed=1):
    """A random gradient for an output, in its shape and dtype."""
    return np.random.default_rng(seed).normal(size=np.shape(out)).astype(np.asarray(out).dtype)


def both_ways(layer, inputs, dout=None):
    """The output, the gradients of the inputs (always a tuple) and of the parameters."""
    out = layer.forward(*inputs)
    dxs = layer.backward(random_like(out) if dout is None else dout)
    dxs = dxs if isinstance(dxs, tuple) else (dxs,)
    return out, dxs, {name: p.grad for name, p in layer.parameters().items()}


def values_of(layer):
    return {name: parameter.value for name, parameter in layer.parameters().items()}


def same(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def arrays_in(dxs):
    return [dx for dx in dxs if isinstance(dx, np.ndarray)]


def test_every_layer_has_a_row():
    public = {one for one in vars(lw).values() if inspect.isclass(one)}
    layers = {one for one in public if issubclass(one, lw.Layer)}
    in_rows = {type(eval(case.call, vars(lw))) for case in CASES}
    assert layers - {lw.Layer, lw.Graph, lw.Sequential} == in_rows


# forward and backward ----------------------------------------------------------------------------


@every_shape
def test_forward_is_the_definition(case, shapes):
    layer, inputs = case.layer(), case.inputs(shapes)
    same(layer.forward(*inputs), case.definition(*inputs, **values_of(layer)))


@every_shape
def test_forward_outside_training_is_the_definition(case, shapes):
    layer, inputs = case.layer(), case.inputs(shapes)
    layer.training = False
    definition = case.inference or case.definition
    same(layer.forward(*inputs), definition(*inputs, **values_of(layer)))


@every_shape
def test_backward_is_the_numerical_gradient(case, shapes):
    report = lw.check(case.layer(), *case.inputs(shapes))
    assert report.ok, str(report)


@every_shape
def test_backward_multiplies_by_dout(case, shapes):
    layer, inputs = case.layer(), case.inputs(shapes)
    dout = random_like(layer.forward(*inputs))
    results = []
    for scale in (1.0, -3.0):
        layer = case.layer()
        _, dxs, grads = both_ways(layer, inputs, scale * dout)
        results.append([dx for dx in (*dxs, *grads.values()) if dx is not None])
    for once, scaled in zip(*results):
        same(-3.0 * once, scaled)


@every_shape
def test_there_is_a_gradient_for_each_input_with_its_shape(case, shapes):
    layer, inputs = case.layer(), case.inputs(shapes)
    _, dxs, grads = both_ways(layer, inputs)
    assert len(dxs) == len(inputs)
    for i, (dx, x) in enumerate(zip(dxs, inputs)):
        assert dx is None if i in case.fixed else np.shape(dx) == np.shape(x)
    for name, value in values_of(layer).items():
        assert grads[name].shape == value.shape


@every
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_in_is_dtype_out(case, dtype):
    for shapes in case.shapes:
        layer, inputs = case.layer(dtype), case.inputs(shapes, dtype)
        out, dxs, grads = both_ways(layer, inputs)
        assert np.asarray(out).dtype == dtype
        for dx, x in zip(dxs, inputs):
            assert dx is None or np.asarray(dx).dtype == x.dtype
        assert all(grad.dtype == dtype for grad in grads.values())
        exact = case.layer(dtype).astype("float64")
        inputs = [x.astype("float64") if x.dtype == dtype else x for x in inputs]
        wanted = both_ways(exact, inputs, random_like(out).astype("float64"))
        same(out, wanted[0], TOLERANCE[dtype])
        for dx, want in zip(dxs, wanted[1]):
            if dx is not None:
                same(dx, want, 3 * TOLERANCE[dtype])


@every
def test_a_number_as_dout_keeps_the_dtype(case):
    for shapes in case.shapes:
        layer, inputs = case.layer("float32"), case.inputs(shapes, "float32")
        if np.shape(layer.forward(*inputs)) == ():
            _, dxs, _ = both_ways(layer, inputs, 1.0)
            assert {str(dx.dtype) for dx in arrays_in(dxs)} <= {"float32"}


@single
@pytest.mark.parametrize("mixed", [("float32", "float64"), ("float64", "float32")])
def test_each_gradient_has_the_dtype_of_its_own_input(case, mixed):
    inputs = case.inputs()
    inputs = [x.astype(dt) if x.dtype.kind == "f" else x for x, dt in zip(inputs, 3 * mixed)]
    _, dxs, _ = both_ways(case.layer("float32"), inputs)
    assert all(dx is None or dx.dtype == x.dtype for dx, x in zip(dxs, inputs))


# what must not be touched ------------------------------------------------------------------------


@every_shape
def test_inputs_and_dout_are_not_written_to(case, shapes):
    layer, inputs = case.layer(), case.inputs(shapes)
    dout = random_like(layer.forward(*inputs))
    locked = [*inputs, dout]
    before = [x.copy() for x in locked]
    for x in locked:
        x.flags.writeable = False
    both_ways(case.layer(), inputs, dout)
    assert all(np.array_equal(x, old) for x, old in zip(locked, before))


@every_shape
def test_no_two_gradients_share_memory(case, shapes):
    _, dxs, grads = both_ways(case.layer(), case.inputs(shapes))
    arrays = arrays_in((*dxs, *grads.values()))
    for i, one in enumerate(arrays):
        assert not any(np.shares_memory(one, other) for other in arrays[:i])


@every_shape
def test_writing_into_the_gradients_leaves_backward_as_it_was(case, shapes):
    layer, inputs = case.layer(), case.inputs(shapes)
    dout = random_like(case.layer().forward(*inputs))
    first = [None if dx is None else np.array(dx) for dx in both_ways(layer, inputs, dout)[1]]
    layer = case.layer()
    for dx in arrays_in(both_ways(layer, inputs, dout.copy())[1]):
        if dx.flags.writeable:
            dx[...] = np.nan
    again = layer.backward(dout)
    for dx, want in zip(again if isinstance(again, tuple) else (again,), first):
        assert want is None or np.array_equal(dx, want)


# what may go in ----------------------------------------------------------------------------------


@every_shape
def test_arrays_that_are_not_contiguous(case, shapes):
    inputs = case.inputs(shapes)
    strided = []
    for x in inputs:
        wide = np.zeros([2 * n for n in x.shape], x.dtype)
        part = wide[tuple(slice(None, None, 2) for _ in x.shape)] if x.ndim else x
        part[...] = x
        strided.append(part)
    dout = random_like(case.layer().forward(*inputs))
    want, got = (
        both_ways(case.layer(), inputs, dout),
        both_ways(case.layer(), strided, dout.T.copy().T),
    )
    same(got[0], want[0])
    for dx, wanted in zip(got[1], want[1]):
        assert wanted is None or np.allclose(dx, wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        pytest.param(case, 1, id=f"{case.call} {case.shapes[0]} one")
        for case in CASES
        if "N" not in case.several
    ]
    + [pytest.param(c, 0, id=f"{c.call} {c.shapes[0]} none") for c in CASES if c.empty],
)
def test_a_batch_of_one_and_a_batch_of_none(case, rows):
    for shapes in case.shapes:
        layer, inputs = case.layer(), case.inputs(shapes, N=rows)
        out, dxs, grads = both_ways(layer, inputs)
        assert np.shape(out) == np.shape(case.definition(*inputs, **values_of(layer)))
        assert all(dx is None or dx.shape == x.shape for dx, x in zip(dxs, inputs))
        assert all(np.isfinite(grad).all() for grad in grads.values())


@pytest.mark.parametrize("call", ["Mean()", "SoftmaxCrossEntropy()", "MeanSquaredError()"])
def test_the_mean_of_nothing_is_nan_and_its_gradient_is_empty(call):
    case = next(case for case in CASES if case.call == call)
    layer, inputs = case.layer(), case.inputs(N=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy says so, too
        out = layer.forward(*inputs)
    assert np.isnan(out)
    dxs = layer.backward(1.0)
    assert (dxs[0] if isinstance(dxs, tuple) else dxs).shape == inputs[0].shape


@every
def test_nan_goes_through_visibly(case):
    for shapes in case.shapes:
        for everywhere in (True, False):
            for layer in (case.layer(), case.layer()):
                layer.training = everywhere
                inputs = case.inputs(shapes)
                floats = [x for x in inputs if x.dtype.kind == "f"]
                for x in floats or values_of(layer).values():
                    x.flat[slice(None) if everywhere else 0] = np.nan
                out = np.asarray(layer.forward(*inputs))
                alike = everywhere and not case.fills
                assert np.isnan(out).all() if alike else np.isnan(out).any()


@numeric
@pytest.mark.parametrize("kind", [float, int])
def test_python_numbers_in_python_numbers_out(case, kind):
    layer = case.layer()
    inputs = [kind(abs(x)) + kind(1) for x in case.inputs("," * (len(case.inputs()) - 1), seed=3)]
    out = layer.forward(*inputs)
    assert type(out) in (float, int)
    same(out, case.definition(*map(np.asarray, inputs)))
    dxs = layer.backward(2.0)
    for dx in dxs if isinstance(dxs, tuple) else (dxs,):
        assert type(dx) in (float, int)
    floats = case.layer()
    floats.forward(*map(float, inputs))
    same(dxs, floats.backward(2.0))


@numeric
def test_scalars_of_numpy_stay_what_they_are(case):
    layer = case.layer()
    inputs = [np.float32(x) for x in case.inputs("," * (len(case.inputs()) - 1), seed=3)]
    out = layer.forward(*inputs)
    assert type(out) is np.float32
    dxs = layer.backward(np.float32(2))
    assert all(type(dx) is np.float32 for dx in (dxs if isinstance(dxs, tuple) else (dxs,)))


# places and order --------------------------------------------------------------------------------


@every
def test_used_twice_in_a_graph_is_two_layers_with_summed_gradients(case):
    count = len(case.inputs())
    a, b = case.inputs(seed=1), case.inputs(seed=2)

    def run(first, second):
        nodes = [lw.Input(f"x{i}") for i in range(2 * count)]
        graph = lw.Graph([first(*nodes[:count]), second(*nodes[count:])], seed=5)
        outs = graph.forward(*a, *b)
        return outs, graph.backward(tuple(random_like(out) for out in outs)), graph

    shared = case.layer()
    one, two = case.layer(), case.layer()
    outs, dxs, _ = run(shared, shared)
    want_outs, want_dxs, _ = run(one, two)
    for got, want in zip((*outs, *dxs), (*want_outs, *want_dxs)):
        assert want is None or np.array_equal(got, want)
    for name, parameter in shared.parameters().items():
        same(parameter.grad, one.parameters()[name].grad + two.parameters()[name].grad)


@single
def test_backward_without_forward_names_the_layer(case):
    layer = case.layer()
    with pytest.raises(lw.OrderError) as caught:
        layer.backward(1.0)
    assert str(caught.value) == (
        f"{layer!r}: backward was called before forward. Call forward(...) first: it saves what "
        "backward needs."
    )


@over(case for case in CASES if case.errors)
def test_a_failed_forward_does_not_count(case):
    layer = case.layer()
    layer.forward(*case.inputs())
    with pytest.raises(lw.ShapeError):
        layer.forward(*case.inputs(case.errors[0][0]))
    with pytest.raises(lw.OrderError):
        layer.backward(1.0)


# shapes and errors -------------------------------------------------------------------------------


@every_shape
def test_out_shape_is_the_shape_that_comes_out(case, shapes):
    layer, inputs = case.layer(), case.inputs(shapes)
    shape = np.shape(layer.forward(*inputs))
    known = layer.out_shape(*(x.shape for x in inputs))
    assert known == shape or known == (..., None)
    open_shapes = [tuple(None if word == "N" else n for word, n in zip(words.split(), x.shape))
                   for words, x in zip(shapes.split(","), inputs)]  # fmt: skip
    vague = layer.out_shape(*open_shapes)
    assert vague == (..., None) or (
        len(vague) == len(shape) and all(v in (None, n) for v, n in zip(vague, shape))
    )


@every_shape
def test_out_shape_takes_shapes_of_which_nothing_is_known(case, shapes):
    vague = case.layer().out_shape(*((..., None) for _ in shapes.split(",")))
    shape = np.shape(case.layer().forward(*case.inputs(shapes)))
    assert ... in vague or (
        len(vague) == len(shape) and all(v in (None, n) for v, n in zip(vague, shape))
    )


@single
@given(data=st.data())
def test_out_shape_raises_exactly_where_forward_does(case, data):
    some_shape = st.lists(st.integers(1, 5), min_size=1, max_size=4)
    rng = np.random.default_rng(0)
    inputs = []
    for i, like in enumerate(case.like[: len(case.inputs())]):
        follow = i and data.draw(st.booleans())
        shape = list(inputs[0].shape) if follow else data.draw(some_shape)
        if follow and like is class_numbers and shape:
            shape.pop(min(1, len(shape) - 1))
        inputs.append(np.asarray(like(rng, shape, {"C": 1})))
    layer = case.layer()
    shapes = [x.shape for x in inputs]
    try:
        out = layer.forward(*inputs)
    except lw.ShapeError as error:
        assert str(error).startswith(f"{layer!r} expects ")
        # a dtype and the mode, which decide here, are not told by shapes
        if not re.search("must be|more than one value", str(error)):
            with pytest.raises(lw.ShapeError):
                layer.out_shape(*shapes)
    else:
        assert layer.out_shape(*shapes) in (np.shape(out), (..., None))


def test_a_list_in_place_of_an_array_is_named():
    for layer in (lw.ReLU(), lw.Affine(2, 2, rng=0), lw.LSTM(2, 2, rng=0)):
        text = text_of(lw.WiringError, lambda layer=layer: layer.forward([[1.0, -2.0]]))
        assert text == f"{layer!r} expects arrays, but got a list. Convert it: np.array(...)."


@pytest.mark.parametrize("name", ["Dropout", "Dropout2d", "AlphaDropout", "RReLU", "GaussianNoise"])
def test_what_is_inplace_in_pytorch_is_not_taken_for_a_seed(name):
    before = (0.125, 0.3) if name == "RReLU" else (0.5,)
    with pytest.raises(TypeError, match="positional argument"):
        getattr(lw, name)(*before, True)


ERRORS = [(case, shapes, text) for case in CASES for shapes, text in case.errors]


@pytest.mark.parametrize(
    ("case", "shapes", "text"), ERRORS, ids=[f"{e[0].call} {e[1]}" for e in ERRORS]
)
def test_the_text_of_the_error(case, shapes, text):
    with pytest.raises(lw.ShapeError) as caught:
        case.layer().forward(*case.inputs(shapes))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("Dropout(1.5)", "Dropout(p=1.5): p is a probability. Give a number from 0 to 1."),
        ("Clip(2.0, 1.0)", "Clip(min=2.0, max=1.0): min is above max. Swap them."),
        ("Dropout2d(-1)", "Dropout2d(p=-1): p is a probability. Give a number from 0 to 1."),
        ("AlphaDropout(2)", "AlphaDropout(p=2): p is a probability. Give a number from 0 to 1."),
        ("GaussianNoise(-1.0)", "GaussianNoise(-1.0): std is a deviation. Give 0 or more."),
        ("RReLU(0.5, 0.25)", "RReLU(lower=0.5, upper=0.25): lower is above upper. Swap them."),
        ("PReLU(0)", "PReLU(num_parameters=0): give a whole number from 1 up."),
        ("PReLU(2.0)", "PReLU(num_parameters=2.0): give a whole number from 1 up."),
        ("CELU(0.0)", "CELU(alpha=0.0): alpha is a depth. Give a number above 0."),
        ("Softplus(0)", "Softplus(beta=0): beta divides. Give a number other than 0."),
        ("Softshrink(-0.5)", "Softshrink(lambd=-0.5): lambd is a length. Give 0 or more."),
        ("Hardtanh(1, 1)", "Hardtanh(min_val=1, max_val=1): give a min_val below max_val."),
        ("GELU('erf')", "GELU(approximate='erf'): choose one of ('none', 'tanh')."),
        ("NegativeLogLikelihood(2.0)",
         "NegativeLogLikelihood(weight=2.0): give a list with one for each class."),
        ("Huber(delta=0)", "Huber(delta=0): delta is a size. Give a number above 0."),
        ("SmoothL1(beta=0)",
         "SmoothL1(beta=0): beta divides. Give a number above 0; for 0 there is L1."),
        ("L1('batchmean')", "L1(reduction='batchmean'): choose one of ('mean', 'sum', 'none')."),
        ("KLDivergence('avg')", "KLDivergence(reduction='avg'): choose one of "
         "('mean', 'sum', 'none', 'batchmean')."),
        ("SoftmaxCrossEntropy('none')",
         "SoftmaxCrossEntropy(weight='none'): give a list with one for each class."),
        ("SoftmaxCrossEntropy(label_smoothing=2)", "SoftmaxCrossEntropy(label_smoothing=2): it is "
         "a share. Give a number from 0 to 1."),
        ("MultiMargin(weight=2.0)",
         "MultiMargin(weight=2.0): give a list with one for each class."),
        ("MultiMargin(3)", "MultiMargin(p=3): choose 1, or 2 for squares."),
        ("Hinge(0)", "Hinge(p=0): choose 1, or 2 for squares."),
        ("Focal(-1)", "Focal(alpha=-1, gamma=2.0): alpha is a share, from 0 to 1 or None, and "
                      "gamma a power, from 0 up."),
        ("Focal(gamma=-1)", "Focal(alpha=0.25, gamma=-1): alpha is a share, from 0 to 1 or None, "
                            "and gamma a power, from 0 up."),
        ("GaussianNLL(eps=0)", "GaussianNLL(eps=0): it divides. Give a small number above 0."),
        ("PairwiseDistance(0)", "PairwiseDistance(p=0): give a power above 0."),
        ("TripletMargin(p=-1)", "PairwiseDistance(p=-1): give a power above 0."),
        ("CTC(-1)", "CTC(blank=-1): give the number of the blank, from 0 up."),
        ("MeanSquaredError('avg')",
         "MeanSquaredError(reduction='avg'): choose one of ('mean', 'sum', 'none')."),
        ("BatchNorm(0)", "BatchNorm(num_features=0): give a whole number from 1 up."),
        ("InstanceNorm(2.5)", "InstanceNorm(num_features=2.5): give a whole number from 1 up."),
        ("BatchNorm(2, eps=-1)", "BatchNorm(eps=-1): give a small number from 0 up."),
        ("BatchNorm(2, momentum=2)", "BatchNorm(momentum=2): give a share from 0 to 1, or None."),
        ("GroupNorm(3, 4)", "GroupNorm(3, 4): 4 channels do not go up in 3 groups. Give a number "
                            "of groups that divides them."),
        ("GroupNorm(0, 4)", "GroupNorm(num_groups=0): give a whole number from 1 up."),
        ("LayerNorm((3, 0))", "LayerNorm(normalized_shape=0): give a whole number from 1 up."),
        ("LayerNorm(())", "LayerNorm(()): give the size of one axis at least."),
        ("RMSNorm(1.5)", "RMSNorm(normalized_shape=1.5): give a whole number from 1 up."),
        ("RMSNorm(2, eps=-1)", "RMSNorm(eps=-1): give a small number from 0 up."),
        ("LocalResponseNorm(0)", "LocalResponseNorm(size=0): give a whole number from 1 up."),
    ],
)  # fmt: skip
def test_options_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        eval(call, vars(lw))


@every
def test_repr_is_the_call_that_makes_it(case):
    layer = case.layer()
    assert repr(layer) == case.call
    layer.forward(*case.inputs())
    assert repr(layer) == case.call  # and what forward saves does not show


def test_repr_of_a_users_layer():
    class Scale(lw.Layer):
        def __init__(self, factor, *, offset=0):
            self.factor, self.offset = factor, offset

        def forward(self, x):
            return x * self.factor + self.offset

        def backward(self, dout):
            return dout * self.factor

    assert repr(Scale(3)) == "Scale(3)" and repr(Scale(3, offset=1)) == "Scale(3, offset=1)"
    assert repr(Scale(3, offset=Scale(2))) == "Scale(3, offset=Scale(2))"  # a layer too
    assert inspect.signature(Scale.forward).parameters.keys() == {"self", "x"}


# single layers -----------------------------------------------------------------------------------


def test_relu_has_slope_0_at_0_and_a_mask_of_the_positive_inputs():
    relu = lw.ReLU()
    out = relu.forward(np.array([-2.0, -0.0, 0.0, 1e-300, 3.0]))
    assert out.tolist() == [0, 0, 0, 1e-300, 3]
    assert relu.mask.tolist() == [False, False, False, True, True]
    assert relu.backward(np.full(5, 7.0)).tolist() == [0, 0, 0, 7, 7]


def test_relu_of_the_infinities_is_no_nan():
    relu = lw.ReLU()
    assert relu.forward(np.array([-np.inf, np.inf])).tolist() == [0, np.inf]
    assert relu.backward(np.array([np.inf, 1.0])).tolist() == [0, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_does_not_overflow(dtype):
    sigmoid = lw.Sigmoid()
    x = np.array([-1e4, -800, -90, 0, 90, 800, 1e4, -np.inf, np.inf], dtype)
    out = sigmoid.forward(x)
    assert out.dtype == dtype and np.isfinite(out).all()
    assert out[[0, 3, 6, 7, 8]].tolist() == [0, 0.5, 1, 0, 1]
    dx = sigmoid.backward(np.ones_like(x))
    assert dx.dtype == dtype and dx[[0, 3, 6]].tolist() == [0, 0.25, 0]
    assert type(sigmoid.forward(-1e4)) is float and sigmoid.forward(1e4) == 1


ACTIVATIONS = [case for case in CASES if case.shapes is ONE and type(case.layer()).__module__
               .endswith(("activation", "rectifier", "piecewise", "gated", "random"))]  # fmt: skip


@over(ACTIVATIONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_activations_of_large_numbers_are_finite(case, dtype):
    layer = case.layer(dtype)
    x = np.array([-1e4, -300, -40, -7, 0, 7, 40, 300, 1e4], dtype)
    out = layer.forward(x)
    dx = layer.backward(np.ones_like(x))
    assert out.dtype == dx.dtype == dtype
    assert np.isfinite(out).all() and np.isfinite(dx).all()


@over([*ACTIVATIONS, *(case for case in CASES if case.call in (
    "Softmax()", "Softmin()", "LogSoftmax()"))])  # fmt: skip
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_activations_of_whole_numbers_do_not_wrap_around(case, dtype):
    x = np.array([-127, -3, 0, 100, 127]).astype(dtype)
    out = case.layer().forward(x)
    same(out, case.layer().forward(x.astype(float)), 2e-3)  # NumPy's tanh of them is float16


@pytest.mark.parametrize("case", [c for c in CASES if c.call in (
    "MeanSquaredError()", "L1()", "Huber()", "SmoothL1(reduction='sum', beta=0.5)",
    "BinaryCrossEntropyWithLogits()", "KLDivergence()")], ids=lambda case: case.call)  # fmt: skip
def test_losses_of_whole_numbers_are_those_of_floats(case):
    x, t = np.array([[2, 200, 7], [0, 1, 200]], "uint8")
    whole, floats = case.layer(), case.layer()
    same(whole.forward(x, t), floats.forward(x.astype(float), t.astype(float)))
    same(whole.backward(), floats.backward())
    loss = case.layer("float32").forward(x.astype("float32"), t.astype(int))
    assert loss.dtype == "float32"  # whole targets do not widen it


@pytest.mark.parametrize("layer", [lw.GLU(), lw.SwiGLU()])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gates_do_not_overflow(layer, dtype):
    x = np.array([[1e4, -1e4, 1e4, -1e4], [1e4, -1e4, -1e4, 1e4]], dtype)
    out = layer.forward(x)
    assert out.dtype == dtype and np.isfinite(out).all()
    assert np.isfinite(layer.backward(np.ones_like(out))).all()


def test_gates_halve_the_width_when_a_network_is_built():
    net = lw.Sequential(lw.Affine(4, 6), lw.SwiGLU(), lw.Affine(3, 2))
    assert net.forward(np.ones((5, 4))).shape == (5, 2)
    with pytest.raises(lw.ShapeError, match=re.escape("but swiglu1 gives (..., 3)")):
        lw.Sequential(lw.Affine(4, 6), lw.SwiGLU(), lw.Affine(6, 2))


def test_erfc_is_exact_to_the_last_digits():
    grid = np.linspace(-7, 26, 20_001)
    exact = np.array([math.erfc(x) for x in grid])
    assert np.abs(erfc(grid) / exact - 1).max() < 1e-15
    assert np.abs(1 - erfc(grid) - np.array([math.erf(x) for x in grid])).max() < 1e-15
    assert np.abs(erfc(grid.astype("float32")) / exact - 1)[exact > 0.01].max() < 1e-6
    ends = erfc(np.array([-np.inf, -1e300, 0, 30, 1e300, np.inf]))
    assert ends.tolist() == [2, 2, 1, 0, 0, 0] and np.isnan(erfc(np.nan))


def test_gelu_keeps_its_digits_on_the_far_left():
    out = lw.GELU().forward(np.array([-8.0]))
    same(out / (-4 * math.erfc(8 / math.sqrt(2))), 1, 1e-13)


def test_sigmoid_keeps_its_digits_on_the_far_left():
    same(lw.Sigmoid().forward(np.array([-40.0])) / math.exp(-40), 1, 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", [lw.Softmax(), lw.LogSoftmax()])
def test_softmax_does_not_overflow(layer, dtype):
    x = np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4]], dtype)
    out = layer.forward(x)
    assert out.dtype == dtype and np.isfinite(out).all()
    assert np.isfinite(layer.backward(np.ones_like(x))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_at_large_logits(dtype):
    loss = lw.SoftmaxCrossEntropy(reduction="none")
    x = np.array([[1e4, -1e4], [1e4, -1e4], [-1e4, 1e4]], dtype)
    out = loss.forward(x, np.array([0, 1, 1]))
    assert out.dtype == dtype and out.tolist() == [0, 2e4, 0]
    assert loss.backward(np.ones(3, dtype))[0].tolist() == [[0, 0], [1, -1], [0, 0]]


def test_cross_entropy_with_a_class_that_cannot_be():
    loss = lw.SoftmaxCrossEntropy()
    out = loss.forward(np.array([[0.0, -np.inf, 1.0]]), np.array([0]))
    same(out, math.log(1 + math.e))
    y = 1 / (1 + math.e)
    same(loss.backward()[0], [[y - 1, 0, 1 - y]])


def test_cross_entropy_takes_numbers_and_probabilities_for_the_same():
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    numbers = np.array([[0, 1], [2, 2], [1, 0], [0, 0]])
    rows = np.moveaxis(np.eye(3)[numbers], -1, 1)
    by_number, by_row = lw.SoftmaxCrossEntropy(), lw.SoftmaxCrossEntropy()
    same(by_number.forward(x, numbers), by_row.forward(x, rows))
    same(by_number.backward()[0], by_row.backward()[0])


@pytest.mark.parametrize(
    ("t", "kind", "text"),
    [
        ([0, 3], ValueError, "expects class numbers from 0 to 2, but got 0 to 3. "
                             "Count the classes from 0."),
        ([-1, 0], ValueError, "expects class numbers from 0 to 2, but got -1 to 0. "
                              "Count the classes from 0."),
        ([0.0, 1.0], lw.ShapeError, "expects probabilities (floats) like x, but got (2,). "
                                    "Class numbers of shape (2,) must be integers."),
        ([[1, 0, 0], [0, 1, 0]], lw.ShapeError, "expects class numbers of shape (2,), but got "
                                 "(2, 3). One-hot rows must be floats: t.astype(float)."),
    ],
)  # fmt: skip
def test_cross_entropy_refuses_wrong_targets(t, kind, text):
    with pytest.raises(kind) as caught:
        lw.SoftmaxCrossEntropy().forward(np.zeros((2, 3)), np.array(t))
    assert str(caught.value) == f"SoftmaxCrossEntropy() {text}"


@pytest.mark.parametrize("dtype", FLOATS)
def test_binary_cross_entropy_at_large_logits(dtype):
    loss = lw.BinaryCrossEntropyWithLogits(reduction="none")
    x, t = np.array([[1e4, -1e4, 1e4, -1e4], [1, 1, 0, 0]], dtype)
    out = loss.forward(x, t)
    assert out.dtype == dtype and out.tolist() == [0, 1e4, 1e4, 0]
    assert loss.backward(np.ones(4, dtype))[0].tolist() == [0, -1, 1, 0]


@pytest.mark.parametrize("dtype", FLOATS)
def test_binary_cross_entropy_of_certain_probabilities(dtype):
    loss = lw.BinaryCrossEntropy(reduction="none")
    x, t = np.array([[0, 1, 1, 0], [1, 0, 1, 0]], dtype)
    assert loss.forward(x, t).tolist() == [100, 100, 0, 0]
    dx, dt = loss.backward(np.ones(4, dtype))
    assert dx[0] < -1e4 and dx[1] > 1e4 and dx[2:].tolist() == [0, 0]
    assert np.isfinite(dx).all() and dt.tolist() == [100, -100, -100, 100]


def test_binary_cross_entropy_refuses_scores():
    with pytest.raises(ValueError, match=re.escape(
        "BinaryCrossEntropy() expects probabilities from 0 to 1, but got -2.0 to 0.5. "
        "For scores use BinaryCrossEntropyWithLogits."
    )):  # fmt: skip
        lw.BinaryCrossEntropy().forward(np.array([0.5, -2.0]), np.ones(2))


def test_the_two_binary_cross_entropies_agree():
    x, t = np.random.default_rng(0).normal(size=(2, 5)), np.array([0, 1, 1, 0, 1])
    sigmoid, probabilities = lw.Sigmoid(), lw.BinaryCrossEntropy()
    scores = lw.BinaryCrossEntropyWithLogits()
    same(probabilities.forward(sigmoid.forward(x[0]), t), scores.forward(x[0], t))
    same(sigmoid.backward(probabilities.backward()[0]), scores.backward()[0])


def test_log_softmax_and_negative_log_likelihood_are_softmax_cross_entropy():
    x, t = np.random.default_rng(0).normal(size=(4, 3, 2)), np.array([[0, 1], [2, 2]] * 2)
    last, loss, both = lw.LogSoftmax(1), lw.NegativeLogLikelihood(), lw.SoftmaxCrossEntropy()
    same(loss.forward(last.forward(x), t), both.forward(x, t))
    same(last.backward(loss.backward()[0]), both.backward()[0])


def test_negative_log_likelihood_of_whole_numbers_has_a_gradient_that_is_not_cut():
    loss = lw.NegativeLogLikelihood()
    assert loss.forward(np.array([[-1, -2], [-3, -4]]), np.array([0, 1])) == 2.5
    assert loss.backward()[0].tolist() == [[-0.5, 0], [0, -0.5]]


def test_negative_log_likelihood_leaves_out_what_is_ignored():
    loss = lw.NegativeLogLikelihood(ignore_index=-1)
    assert loss.forward(np.array([[-1.0, -2.0], [-5.0, -7.0]]), np.array([1, -1])) == 2
    assert loss.backward()[0].tolist() == [[0, -1], [0, 0]]
    nothing = lw.NegativeLogLikelihood(ignore_index=-1, reduction="sum")
    assert nothing.forward(np.ones((2, 2)), np.array([-1, -1])) == 0
    assert nothing.backward()[0].tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("t", "text"),
    [
        ([0, 3], "expects class numbers from 0 to 2, but got 0 to 3. Count the classes from 0."),
        ([0.0, 1.0], "expects class numbers, but got float64."),
    ],
)
def test_negative_log_likelihood_refuses_wrong_targets(t, text):
    with pytest.raises(ValueError, match=re.escape(f"NegativeLogLikelihood() {text}")):
        lw.NegativeLogLikelihood().forward(np.zeros((2, 3)), np.array(t))


def test_divergence_from_what_cannot_be_is_nothing():
    loss = lw.KLDivergence("none")
    x, t = np.array([-np.inf, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    assert loss.forward(x, t).tolist() == [0, 0, 0]
    dx, dt = loss.backward(np.ones(3))
    assert dx.tolist() == [0, 0, -1] and dt.tolist() == [0, 0, 1]


@pytest.mark.parametrize("loss", [lw.L1(), lw.Huber(), lw.SmoothL1(beta=0.5)])
def test_losses_for_outliers_do_not_overflow(loss):
    x = np.array([-1e4, 1e4, 0.0], "float16")
    assert np.isfinite(loss.forward(x, np.zeros_like(x)))
    same(loss.backward()[0], np.array([-1, 1, 0]) / 3, 1e-3)


def test_targets_are_never_guessed_from_their_size():
    square = np.zeros((3, 3))  # as many rows as classes: (3,) numbers, and never one row
    assert lw.SoftmaxCrossEntropy(reduction="none").forward(square, np.array([0, 1, 2])).shape == (
        3,
    )
    with pytest.raises(lw.ShapeError):
        lw.SoftmaxCrossEntropy().forward(square, np.array([[0], [1], [2]]))


def test_mean_squared_error_of_whole_numbers_has_whole_gradients():
    mse = lw.MeanSquaredError()
    assert mse.forward(3, 1.25) == 3.0625
    assert mse.backward() == (3.5, -3.5)


def test_losses_may_be_called_backward_bare():
    for case in CASES:
        layer = case.layer()
        if isinstance(layer, Loss) and np.ndim(layer.forward(*case.inputs())) == 0:
            assert np.array_equal(layer.backward()[0], layer.backward(1.0)[0])


def test_maxima_share_the_gradient_among_equals():
    largest = lw.Max(axis=1)
    largest.forward(np.array([[2.0, 2.0, 1.0], [3.0, 3.0, 3.0]]))
    same(largest.backward(np.array([1.0, 6.0])), [[0.5, 0.5, 0], [2, 2, 2]])


def test_pow_at_zero():
    power = lw.Pow()
    power.forward(np.array([0.0, 0.0, 0.0]), np.array([0.0, 1.0, 2.0]))
    dx, dy = power.backward(np.ones(3))
    assert dx.tolist() == [0, 1, 0] and dy.tolist() == [0, 0, 0]


def test_pow_of_negative_numbers_to_whole_powers():
    power = lw.Pow()
    assert power.forward(-3.0, 2) == 9
    assert power.backward(1.0)[0] == -6


def test_slice_adds_where_an_element_was_picked_twice():
    part = lw.Slice([0, 0, 2])
    assert part.forward(np.array([5.0, 6.0, 7.0])).tolist() == [5, 5, 7]
    assert part.backward(np.array([1.0, 10.0, 100.0])).tolist() == [11, 0, 100]


MASK = np.arange(12).reshape(3, 4) > 4
INDICES = [0, -1, slice(None, None, -1), ..., None, (1, 2), [2, 0, 2], (slice(1, 3), [0, 0]),
           (..., 1), MASK, ([0, 1], [1, 1])]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_slice_takes_every_index_of_numpy(index):
    x = np.arange(12.0).reshape(3, 4)
    part = lw.Slice(index)
    out = part.forward(x)
    assert np.array_equal(out, x[index]) and part.out_shape(x.shape) == out.shape
    dout = random_like(out)
    same((part.backward(dout) * x).sum(), (dout * out).sum())  # the layer is linear


def test_gradients_of_whole_numbers_are_not_cut():
    whole = np.array([100, 2])
    for layer in (lw.Slice(0), lw.Sum(), lw.Mean(), lw.Max(), lw.ReLU(), lw.Square(), lw.Abs()):
        out = layer.forward(whole)
        dx = layer.backward(random_like(np.asarray(out, float)))
        assert np.asarray(dx).dtype.kind == "f" and np.abs(dx).max() % 1 != 0, layer


def test_affine_gets_what_it_computes_in_from_its_input():
    affine = lw.Affine(2, 3, rng=0)  # its parameters are in float32
    assert affine.forward(np.ones((4, 2), "float64")).dtype == "float64"
    assert affine.backward(np.ones((4, 3), "float64")).dtype == "float64"
    assert affine.W.grad.dtype == "float32"


def test_affine_adds_to_its_gradients():
    affine = lw.Affine(2, 3, rng=0)
    for _ in range(2):
        affine.forward(np.ones((4, 2)))
        affine.backward(np.ones((4, 3)))
    assert affine.b.grad.tolist() == [8, 8, 8]


def test_parameters_in_dictionaries_work_by_hand():
    class Scale(lw.Layer):
        def __init__(self):
            self.held = {"scale": lw.Parameter(np.array([2.0, 3.0]))}

        def forward(self, x):
            self.x = x
            return x * self.held["scale"].value

        def backward(self, dout):
            self.held["scale"].grad += (dout * self.x).sum(axis=0)
            return dout * self.held["scale"].value

    scale = Scale()
    assert scale.forward(np.ones((4, 2))).tolist() == [[2, 3]] * 4
    assert scale.backward(np.ones((4, 2))).tolist() == [[2, 3]] * 4
    assert scale.parameters()["held.scale"].grad.tolist() == [4, 4]
    assert lw.check(scale, np.random.default_rng(0).normal(size=(3, 2))).ok


def test_affine_starts_as_it_says():
    first, again = lw.Affine(100, 50, rng=1), lw.Affine(100, 50, rng=1)
    assert np.array_equal(first.W.value, again.W.value)
    assert first.W.value.dtype == np.float32 and abs(first.W.value).max() <= 0.1
    assert abs(first.W.value).max() > 0.099 and first.b.value.std() > 0.04
    assert lw.Affine(3, 2, init=lambda shape, rng: np.ones(shape)).W.value.tolist() == [[1, 1]] * 3


def test_dropout_keeps_the_mean_and_drops_the_share_it_should():
    dropout = lw.Dropout(0.3, rng=0)
    out = dropout.forward(np.ones(100_000))
    assert abs((out == 0).mean() - 0.3) < 0.01 and abs(out.mean() - 1) < 0.01
    assert np.array_equal(dropout.backward(np.ones(100_000)), out)


@pytest.mark.parametrize("layer", [lw.Dropout, lw.Dropout2d, lw.AlphaDropout])
@pytest.mark.parametrize(("p", "wanted"), [(0, 1), (1, 0)])
def test_dropout_of_nothing_and_of_everything(layer, p, wanted):
    dropout = layer(p)
    assert (dropout.forward(np.ones((5, 10))) == wanted).all()
    assert (dropout.backward(np.ones((5, 10))) == wanted).all()


def test_dropout_2d_drops_whole_channels():
    out = lw.Dropout2d(0.3, rng=0).forward(np.ones((100, 50, 2, 3)))
    assert (out == out[:, :, :1, :1]).all()
    assert abs((out == 0).mean() - 0.3) < 0.02


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(1).normal(size=100_000)
    out = lw.AlphaDropout(0.3, rng=0).forward(x)
    assert abs(out.mean()) < 0.02 and abs(out.var() - 1) < 0.02


def test_gaussian_noise_has_the_deviation_it_says():
    out = lw.GaussianNoise(0.3, rng=0).forward(np.full(100_000, 5.0))
    assert abs(out.mean() - 5) < 0.01 and abs(out.std() - 0.3) < 0.01


def test_rrelu_draws_its_slopes_between_the_bounds():
    rrelu = lw.RReLU(0.1, 0.5, rng=0)
    out = rrelu.forward(np.full(10_000, -1.0))
    assert out.min() >= -0.5 and out.max() <= -0.1 and abs(out.mean() + 0.3) < 0.01
    assert np.array_equal(rrelu.backward(np.ones(10_000)), -out)


def test_selu_keeps_mean_and_variance():
    out = lw.SELU().forward(np.random.default_rng(0).normal(size=100_000))
    assert abs(out.mean()) < 0.01 and abs(out.var() - 1) < 0.02


def test_prelu_starts_as_it_says():
    prelu = lw.PReLU(3, init=0.1)
    assert prelu.a.value.tolist() == [np.float32(0.1)] * 3 and repr(prelu) == (
        "PReLU(num_parameters=3, init=0.1)"
    )


def test_dropout_draws_anew_each_time_and_leaves_numpys_generator_alone():
    before = np.random.get_state()[1].copy()
    dropout = lw.Dropout(0.5)
    assert not np.array_equal(dropout.forward(np.ones(50)), dropout.forward(np.ones(50)))
    assert np.array_equal(np.random.get_state()[1], before)


def test_nothing_is_left_from_training_in_the_backward_of_inference():
    dropout = lw.Dropout(0.5, rng=0)
    dropout.forward(np.ones(6))
    dropout.training = False
    dropout.forward(np.ones(6))
    assert dropout.backward(np.ones(6)).tolist() == [1] * 6


# normalisation -----------------------------------------------------------------------------------

IMAGES = np.random.default_rng(3).normal(2, 3, size=(5, 4, 2, 3))


def test_batch_norm_learns_the_statistics_of_each_channel():
    norm, mean, var = lw.BatchNorm(4, momentum=0.25).astype("float64"), np.zeros(4), np.ones(4)
    for x in (IMAGES, IMAGES[:3] ** 2, IMAGES[..., :1]):
        norm.forward(x)
        values = np.moveaxis(x, 1, 0).reshape(4, -1)
        mean = 0.75 * mean + 0.25 * values.mean(axis=1)
        var = 0.75 * var + 0.25 * values.var(axis=1, ddof=1)  # unbiased
        same(norm.running_mean.value, mean)
        same(norm.running_var.value, var)
    norm.training = False
    wide = (4, 1, 1)
    same(norm.forward(IMAGES), (IMAGES - mean.reshape(wide)) / np.sqrt(var + 1e-5).reshape(wide))
    assert norm.num_batches_tracked.value == 3
    assert list(norm.buffers()) == ["running_mean", "running_var", "num_batches_tracked"]


def test_without_momentum_the_statistics_are_the_mean_over_all_batches():
    norm = lw.BatchNorm(4, momentum=None).astype("float64")
    for part in range(5):
        norm.forward(IMAGES[part : part + 1])
    same(norm.running_mean.value, IMAGES.mean(axis=(0, 2, 3)))
    same(norm.running_var.value, IMAGES.var(axis=(2, 3), ddof=1).mean(axis=0))


@pytest.mark.parametrize(("momentum", "wanted"), [(0, 0), (1, 7)])
def test_momentum_of_nothing_and_of_everything(momentum, wanted):
    norm = lw.BatchNorm(1, momentum=momentum)
    norm.forward(np.array([[6.0], [8.0]]))
    assert norm.running_mean.value == wanted


def test_instance_norm_learns_the_mean_over_images():
    norm = lw.InstanceNorm(4, momentum=1, track_running_stats=True).astype("float64")
    norm.forward(IMAGES)
    same(norm.running_mean.value, IMAGES.mean(axis=(0, 2, 3)))
    same(norm.running_var.value, IMAGES.var(axis=(2, 3), ddof=1).mean(axis=0))


TRACKING = [lw.BatchNorm(4), lw.InstanceNorm(4, affine=True, track_running_stats=True)]


@pytest.mark.parametrize("norm", TRACKING, ids=repr)
def test_backward_in_inference_is_dout_gamma_by_std(norm):
    norm = copy.deepcopy(norm).astype("float64")
    norm.forward(IMAGES)
    norm.gamma.value[:] = [1, -2, 3, 0.5]
    norm.training = False
    out = norm.forward(IMAGES)
    norm.training = True  # how forward was run counts, not what has been set since
    dout = random_like(out)
    slope = norm.gamma.value / np.sqrt(norm.running_var.value + 1e-5)
    same(norm.backward(dout), dout * slope.reshape(4, 1, 1))
    same(norm.beta.grad, dout.sum(axis=(0, 2, 3)))
    assert lw.check(norm, IMAGES).ok
    norm.forward(IMAGES)
    norm.training = False
    assert abs(norm.backward(dout).sum(axis=(0, 2, 3))).max() < 1e-12  # as it is in training


@pytest.mark.parametrize("track", [True, False])
def test_statistics_stay_as_they_are_outside_training(track):
    norm = lw.BatchNorm(4, track_running_stats=track)
    norm.training = False
    out = norm.forward(IMAGES)
    if track:
        same(out, IMAGES / np.sqrt(1 + 1e-5))
        assert not norm.running_mean.value.any() and norm.num_batches_tracked.value == 0
    else:
        same(out.mean(axis=(0, 2, 3)), np.zeros(4))
        assert norm.running_mean is norm.running_var is None and norm.buffers() == {}


def test_one_value_per_channel_is_refused_in_training_alone():
    norm, row = lw.BatchNorm(2), np.ones((1, 2))
    for x in (row, row[:, :, None]):
        with pytest.raises(lw.ShapeError, match="more than one value per channel"):
            norm.forward(x)
    assert norm.forward(np.ones((1, 2, 3))).shape == (1, 2, 3)  # three values in each channel
    net = lw.Sequential(lw.Affine(3, 2), norm)
    with pytest.raises(lw.LayerError) as caught:
        net.forward(np.ones((1, 3)))
    assert str(caught.value).startswith(
        "batch_norm1 = BatchNorm(2) expects more than one value per channel to take a variance "
        "of, but affine1 gives (1, 2). Give a larger batch. In inference, with running statistics, "
        "one row will do."
    )
    assert net.predict(np.ones((1, 3))).shape == (1, 2)
    norm.training = False
    assert norm.forward(row).shape == (1, 2)


def test_an_empty_batch_leaves_the_statistics_alone():
    for norm in TRACKING:
        norm = copy.deepcopy(norm)
        assert norm.forward(np.ones((0, 4, 3), "float32")).shape == (0, 4, 3)
        assert norm.backward(np.ones((0, 4, 3), "float32")).shape == (0, 4, 3)
        assert not norm.running_mean.value.any() and (norm.running_var.value == 1).all()
        assert not norm.gamma.grad.any()


ALL_NORMS = [
    lw.BatchNorm(4), lw.InstanceNorm(4), lw.GroupNorm(2, 4), lw.LayerNorm((4, 3)),
    lw.RMSNorm((4, 3)), lw.LocalResponseNorm(3),
]  # fmt: skip


@pytest.mark.parametrize("norm", ALL_NORMS[:4], ids=repr)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("number", [0.0, 0.1, -1e4])
def test_equal_numbers_become_0_and_their_gradient_stays_finite(norm, dtype, number):
    norm, x = copy.deepcopy(norm), np.full((3, 4, 3), number, dtype)
    out = norm.forward(x)
    same(out, np.zeros_like(x))  # and not what rounding leaves of x - mean(x), divided by √eps
    dx = norm.backward(random_like(x))
    assert dx.dtype == dtype and np.isfinite(dx).all()


@pytest.mark.parametrize("norm", ALL_NORMS, ids=repr)
@pytest.mark.parametrize("dtype", FLOATS)
def test_normalisations_do_not_overflow(norm, dtype):
    x = np.random.default_rng(0).choice([-1e4, 1e4], size=(3, 4, 3)).astype(dtype)
    x[0] = 0
    norm = copy.deepcopy(norm).astype(dtype)
    out = norm.forward(x)
    wanted = copy.deepcopy(norm).astype("float64").forward(x.astype("float64"))
    same(out, wanted, TOLERANCE[dtype] * abs(wanted).max())
    dx = norm.backward(random_like(out))
    assert out.dtype == dx.dtype == dtype and np.isfinite(dx).all()
    assert all(np.isfinite(buffer.value).all() for buffer in norm.buffers().values())


@pytest.mark.parametrize("norm", ALL_NORMS, ids=repr)
def test_whole_numbers_are_normalised_as_floats(norm):
    x = np.arange(36).reshape(3, 4, 3)
    for dtype in ("int64", "uint8"):
        out = copy.deepcopy(norm).forward(x.astype(dtype))
        same(out, copy.deepcopy(norm).forward(x.astype(float)), 1e-6)
        assert out.dtype == "float64"


def test_what_is_not_a_number_stays_in_its_channel_and_is_seen_in_the_statistics():
    norm, x = lw.BatchNorm(4), IMAGES.copy()
    x[0, 1, 0, 0] = np.nan
    out = norm.forward(x)
    assert np.isnan(out).any(axis=(0, 2, 3)).tolist() == [False, True, False, False]
    assert np.isnan(norm.running_mean.value).tolist() == [False, True, False, False]
    neighbours = lw.LocalResponseNorm(2).forward(x)  # itself and the channel before it
    assert np.isnan(neighbours).any(axis=(0, 2, 3)).tolist() == [False, True, True, False]


def test_the_steps_of_batch_norm_agree_with_the_closed_form():
    """dx = (dxn - mean of dxn - xn (mean of dxn xn)) / std, which the other layers compute."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(7, 4))
    steps, closed = lw.BatchNorm(4, affine=False), lw.InstanceNorm(4)
    out = steps.forward(rows)
    same(out, closed.forward(rows.T[None])[0].T)
    dout = random_like(out)
    same(steps.backward(dout), closed.backward(dout.T[None])[0].T, 1e-13)


def test_normalisations_of_one_group_and_of_one_channel_each():
    one, each = lw.GroupNorm(1, 4), lw.GroupNorm(4, 4)
    layer, instance = lw.LayerNorm((4, 2, 3), elementwise_affine=False), lw.InstanceNorm(4)
    for group, other in ((one, layer), (each, instance)):
        out = group.forward(IMAGES)
        same(out, other.forward(IMAGES))
        same(group.backward(random_like(out)), other.backward(random_like(out)))


def test_gamma_and_beta_are_left_out_as_told():
    assert list(lw.BatchNorm(2).parameters()) == ["gamma", "beta"]
    for made in (lw.BatchNorm(2, bias=False), lw.GroupNorm(1, 2, bias=False),
                 lw.LayerNorm(2, bias=False), lw.RMSNorm(2),
                 lw.InstanceNorm(2, affine=True, bias=False)):  # fmt: skip
        assert list(made.parameters()) == ["gamma"]
    for made in (lw.BatchNorm(2, affine=False), lw.GroupNorm(1, 2, affine=False),
                 lw.LayerNorm(2, elementwise_affine=False), lw.InstanceNorm(2),
                 lw.RMSNorm(2, elementwise_affine=False), lw.LocalResponseNorm(2)):  # fmt: skip
        assert made.parameters() == {}


def test_the_sizes_of_a_graph_are_checked_where_they_are_known():
    x = lw.Input("x", shape=(None, 3, 8, 8))
    with pytest.raises(lw.ShapeError, match=r"Did you mean BatchNorm\(3\)\?"):
        lw.Graph(lw.BatchNorm(4)(x))
    lw.Graph(lw.BatchNorm(3)(x))
    with pytest.raises(lw.ShapeError, match=r"layer_norm1 = LayerNorm\(\(4,\)\)"):
        lw.Sequential(lw.Affine(2, 3), lw.LayerNorm(4))
    lw.Sequential(lw.Affine(2, 3), lw.LayerNorm((7, 3)), lw.BatchNorm(5))  # nobody knows yet
    lw.Graph(lw.BatchNorm(3)(lw.Input("one", shape=(1, 3))))  # may be for predict alone


def test_where_refuses_a_condition_of_numbers():
    with pytest.raises(ValueError, match="expects a condition of True and False, but got int64"):
        lw.Where().forward(np.array([0, 1]), np.zeros(2), np.ones(2))


def test_what_is_joined_may_be_whole_numbers_and_of_unknown_sizes():
    concat = lw.Concat()
    assert concat.forward(np.array([1, 2]), np.array([0.5])).tolist() == [1, 2, 0.5]
    assert [dx.tolist() for dx in concat.backward(np.array([0.25, 0.5, 0.75]))] == [
        [0.25, 0.5],
        [0.75],
    ]
    assert lw.Concat(1).out_shape((None, 3), (4, 5), (4, None)) == (4, None)
    x = lw.Input("x", shape=(None, 3))
    with pytest.raises(lw.ShapeError, match=r"concat1 = Concat\(\) expects inputs like \(N, 3\)"):
        lw.Graph(lw.Concat()(x, lw.Input("y", shape=(2, 4))))


def test_by_hand_the_shop_of_the_book():
    apple, orange, add, tax = lw.Mul(), lw.Mul(), lw.Add(), lw.Mul()
    total = add.forward(apple.forward(100, 2), orange.forward(150, 3))
    assert tax.forward(total, 1.1) == 715.0000000000001
    dtotal, dtax = tax.backward(1)
    assert (dtotal, dtax) == (1.1, 650)
    dapple_price, dorange_price = add.backward(dtotal)
    assert apple.backward(dapple_price) == (2.2, 110.00000000000001)
    assert orange.backward(dorange_price) == (3.3000000000000003, 165.0)
