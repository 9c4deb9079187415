"""Every layer of the table beside PyTorch: outputs, and gradients of inputs and parameters."""

import numpy as np
import pytest
import torch
from cases import CASES, SIZES, TWO
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from test_expressions import programs, run
from test_layers import ACTIVATIONS
from test_windows import convolutions, poolings, transposed

import layerwise as lw

pytestmark = pytest.mark.peers

TOLERANCE = {"float64": (1e-10, 1e-10), "float32": (1e-5, 1e-4)}  # of outputs, of gradients
SEEDS = st.integers(0, 2**32 - 1)

every = pytest.mark.parametrize("case", CASES, ids=[f"{c.call} {c.shapes[0]}" for c in CASES])


def same(ours, theirs, tolerance, what):
    """Relative to the largest element: what is summed from many parts is exact only to that."""
    theirs = theirs.detach().numpy()
    scale = max(1.0, np.abs(theirs[np.isfinite(theirs)]).max(initial=0))
    assert np.shape(ours) == theirs.shape, what
    np.testing.assert_allclose(ours / scale, theirs / scale, rtol=0, atol=tolerance, err_msg=what)


def leaf(array, requires_grad=True):
    """A tensor of one's own numbers, whose gradient PyTorch is asked for."""
    return torch.tensor(np.asarray(array), requires_grad=requires_grad)


def compare(case, inputs, seed, dtype):
    layer = case.layer(dtype, seed)
    out = layer.forward(*inputs)
    dout = np.asarray(np.random.default_rng(seed).normal(size=np.shape(out)), dtype)
    dxs = layer.backward(dout)
    dxs = dxs if isinstance(dxs, tuple) else (dxs,)

    tensors = [leaf(x, i not in case.fixed) for i, x in enumerate(inputs)]
    parameters = {name: leaf(p.value) for name, p in layer.parameters().items()}
    function = case.torch or (lambda torch, *args: case.definition(*args))
    theirs = function(torch, *tensors, **parameters)
    theirs.backward(torch.tensor(dout))

    values, gradients = TOLERANCE[dtype]
    same(out, theirs, values, "out")
    for i, (dx, x) in enumerate(zip(dxs, tensors)):
        if i in case.fixed:
            assert dx is None
        else:
            same(dx, x.grad, gradients, f"the gradient of input {i}")
    for name, parameter in layer.parameters().items():
        same(parameter.grad, parameters[name].grad, gradients, name)


@every
@pytest.mark.parametrize("dtype", TOLERANCE)
@settings(max_examples=20)
@given(data=st.data())
def test_layers_agree(case, dtype, data):
    shapes = data.draw(st.sampled_from(case.shapes))
    sizes = {axis: st.integers(2 if axis in case.several else 1, 5) for axis in SIZES}
    sizes = data.draw(st.fixed_dictionaries(sizes)) | {axis: SIZES[axis] for axis in case.held}
    seed = data.draw(SEEDS)
    compare(case, case.inputs(shapes, dtype, seed, **sizes), seed, dtype)


CORNERS = np.array([-3, -1, -0.5, -0.0, 0, 0.25, 0.5, 1, 3, 6, np.nan])


@pytest.mark.parametrize("case", ACTIVATIONS, ids=lambda case: case.call)
def test_slopes_at_corners_agree(case):
    layer, x = case.layer(), leaf(CORNERS)
    out = case.torch(torch, x, **{name: leaf(p.value) for name, p in layer.parameters().items()})
    out.backward(torch.ones_like(out))
    np.testing.assert_allclose(layer.forward(CORNERS), out.detach(), rtol=0, atol=1e-12)
    known = ~np.isnan(CORNERS)  # the slope at NaN is either's own business
    slopes = layer.backward(np.ones_like(CORNERS))
    np.testing.assert_allclose(slopes[known], x.grad[known], rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", [c for c in CASES if c.shapes is TWO], ids=lambda case: case.call)
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4), seed=SEEDS)
def test_layers_with_two_inputs_agree_however_they_broadcast(case, shapes, seed):
    words = ",".join(" ".join(map(str, shape)) for shape in shapes.input_shapes)
    compare(case, case.inputs(words, seed=seed), seed, "float64")


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # it copies the image, as we do
@given(st.one_of(convolutions(), transposed(), poolings()), SEEDS)
@settings(max_examples=300)
def test_convolutions_and_poolings_agree_in_every_geometry(case, seed):
    compare(case, case.inputs(seed=seed), seed, "float64")


@pytest.mark.parametrize("call", ["Conv1d(6, 4, 3)", "Conv2d(6, 4, (3, 5), groups=2)",
                                  "ConvTranspose2d(4, 6, (3, 5), groups=2)"])  # fmt: skip
def test_convolutions_start_in_the_same_range(call):
    ours, theirs = eval(call, vars(lw)), eval(call, vars(torch.nn))
    for mine, tensor in ((ours.W, theirs.weight), (ours.b, theirs.bias)):
        numbers = tensor.detach().numpy()
        assert mine.shape == numbers.shape and mine.dtype == numbers.dtype
    largest = [abs(layer).max() for layer in (ours.W.value, theirs.weight.detach().numpy())]
    same(largest[0], torch.tensor(largest[1]), 0.06 * largest[1], "the range")


@given(programs(), mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), SEEDS)
def test_random_expressions_agree(program, shapes, seed):
    rng = np.random.default_rng(seed)
    x, y = (np.asarray(rng.uniform(-1.5, 1.5, size=shape)) for shape in shapes.input_shapes)
    graph = lw.Graph(run(program, lw.Input("x"), lw.Input("y")))
    out = graph.forward(x, y)
    dout = np.asarray(rng.normal(size=np.shape(out)))
    dx, dy = graph.backward(dout)
    tensors = leaf(x), leaf(y)
    theirs = run(program, *tensors)
    theirs.backward(torch.tensor(dout))
    same(out, theirs, 1e-10, "out")
    same(dx, tensors[0].grad, 1e-10, "dx")
    same(dy, tensors[1].grad, 1e-10, "dy")


RUNNING = [  # PyTorch's class, ours, the options of both
    ("BatchNorm1d", "BatchNorm", {}),
    ("BatchNorm2d", "BatchNorm", {"momentum": 0.3, "eps": 0.01}),
    ("BatchNorm3d", "BatchNorm", {"momentum": None}),
    ("BatchNorm2d", "BatchNorm", {"affine": False}),
    ("BatchNorm2d", "BatchNorm", {"track_running_stats": False}),
    ("InstanceNorm1d", "InstanceNorm", {"track_running_stats": True}),
    ("InstanceNorm2d", "InstanceNorm", {"track_running_stats": True, "affine": True}),
    ("InstanceNorm2d", "InstanceNorm", {"momentum": 0.3, "affine": True}),
]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("theirs", "ours", "options"), RUNNING, ids=[f"{r[0]} {r[2]}" for r in RUNNING]
)
def test_running_statistics_agree_in_training_and_in_inference(theirs, ours, options, dtype):
    rank = int(theirs[-2])
    norm = getattr(lw, ours)(3, **options).astype(dtype)
    peer = getattr(torch.nn, theirs)(3, **options).to(getattr(torch, dtype))
    rng, values = np.random.default_rng(rank), TOLERANCE[dtype]
    for step in range(8):
        norm.training = step not in (4, 7)
        peer.train(norm.training)
        x = rng.normal(step, 2, size=(2 + step, 3, *(4, 2, 3)[:rank])).astype(dtype)
        dout = rng.normal(size=x.shape).astype(dtype)
        for parameter in norm.parameters().values():
            parameter.grad = None
        peer.zero_grad()
        tensor = leaf(x)
        out = peer(tensor)
        out.backward(torch.tensor(dout))
        same(norm.forward(x), out, values[0], "out")
        same(norm.backward(dout), tensor.grad, values[1], "dx")
        for parameter, tensor in zip(norm.parameters().values(), peer.parameters()):
            same(parameter.grad, tensor.grad, values[1], "the gradient of a parameter")
            parameter.value -= 0.1 * parameter.grad
            tensor.data -= 0.1 * tensor.grad
        assert len(norm.parameters()) == len(list(peer.parameters()))
        for name in ("running_mean", "running_var"):
            buffer = getattr(norm, name)
            assert (buffer is None) == (getattr(peer, name) is None)
            if buffer is not None:
                same(buffer.value, getattr(peer, name), values[0], name)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_network_agrees_through_twenty_steps_of_training(dtype):
    ours = lw.Sequential(lw.Affine(6, 16), lw.ReLU(), lw.Affine(16, 16), lw.Tanh(),
                         lw.Affine(16, 3), seed=0, dtype=dtype)  # fmt: skip
    x, t = lw.Input("x"), lw.Input("t")
    loss = lw.Graph(lw.SoftmaxCrossEntropy()(ours(x), t))
    nn = torch.nn
    theirs = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(),
                           nn.Linear(16, 3)).to(getattr(torch, dtype))  # fmt: skip
    pairs = list(zip(loss.parameters().values(), theirs.parameters()))
    assert len(pairs) == 6
    with torch.no_grad():
        for parameter, tensor in pairs:
            tensor.copy_(torch.tensor(parameter.value.T))
    rng = np.random.default_rng(0)
    points, classes = rng.normal(size=(32, 6)).astype(dtype), rng.integers(0, 3, size=32)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5)
    for _ in range(20):
        value = loss.forward(points, classes)
        loss.backward()
        for parameter, _ in pairs:
            parameter.value -= 0.5 * parameter.grad
        optimizer.zero_grad()
        want = nn.functional.cross_entropy(theirs(torch.tensor(points)), torch.tensor(classes))
        want.backward()
        optimizer.step()
        same(value, want, TOLERANCE[dtype][0], "loss")
    for parameter, tensor in pairs:
        same(parameter.value.T, tensor, TOLERANCE[dtype][1], "parameters")
