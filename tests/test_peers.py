"""Every layer of the table beside PyTorch: outputs, and gradients of inputs and parameters."""

import numpy as np
import pytest
import torch
from cases import CASES, SIZES, TWO, shapes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from test_expressions import programs, run
from test_layers import ACTIVATIONS
from test_shapes import equations, geometries, unfold_and_fold, upsamples
from test_windows import convolutions, poolings, transposed

import layerwise as lw
from layerwise.layers.loss import Loss

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


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # it takes a slower way
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


# of no rows PyTorch's CTC makes an error, and the mean of the others is whatever is in the memory
STRANGE = "CTC", "MultiMargin", "MultiLabelMargin"
LOSSES = [case for case in CASES if isinstance(case.layer(), Loss) and "N" in case.shapes[0]
          and type(case.layer()).__name__ not in STRANGE]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("case", LOSSES, ids=[f"{c.call} {c.shapes[0]}" for c in LOSSES])
def test_losses_of_no_rows_agree(case):
    compare(case, case.inputs(N=0), 0, "float64")


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


@given(upsamples(), SEEDS)
def test_upsampling_agrees_in_every_size(case, seed):
    compare(case, case.inputs(seed=seed), seed, "float64")


@given(geometries(), SEEDS)
def test_columns_agree_in_every_geometry(geometry, seed):
    for case in unfold_and_fold(geometry):
        if "0" not in case.shapes[0].split():  # PyTorch's Fold refuses an empty batch
            compare(case, case.inputs(seed=seed), seed, "float64")


@given(equations(), SEEDS)
def test_einsum_agrees_for_every_equation(case, seed):
    equation, sizes = case
    row = shapes.einsum_row(equation, [",".join(" ".join(map(str, one)) for one in sizes)])
    compare(row, row.inputs(seed=seed), seed, "float64")


def test_where_no_key_is_seen_their_attention_is_zero_or_nan():
    """As the documentation of ours says of theirs."""
    x, hidden = torch.ones(2, 3, 4), torch.ones(2, 3, dtype=bool)
    alone = torch.nn.functional.scaled_dot_product_attention
    assert not alone(x, x, x, ~hidden[:, None]).any()
    heads = torch.nn.MultiheadAttention(4, 2, batch_first=True)
    assert heads(x, x, x, key_padding_mask=hidden)[0].isnan().all()
    assert not heads(x, x, x, key_padding_mask=hidden, need_weights=False)[0].any()


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


RECURRENT = [  # the class, its options, how many arrays are its state
    ("RNN", {"nonlinearity": "relu"}, 1),
    ("RNN", {"num_layers": 2, "bidirectional": True, "batch_first": True}, 1),
    ("LSTM", {}, 2),
    ("LSTM", {"num_layers": 2, "bidirectional": True}, 2),
    ("GRU", {"num_layers": 2, "bidirectional": True}, 1),
]


@pytest.mark.parametrize(
    ("name", "options", "parts"), RECURRENT, ids=[f"{r[0]} {r[1]}" for r in RECURRENT]
)
def test_lengths_are_pytorch_s_packed_sequences(name, options, parts):
    rnn = torch.nn.utils.rnn
    first = options.get("batch_first", False)
    ours = getattr(lw, name)(4, 3, **options, rng=0).astype("float64")
    theirs = getattr(torch.nn, name)(4, 3, **options).double()
    carry_over(ours, theirs)
    rng = np.random.default_rng(0)
    x, lengths = rng.normal(size=(6, 5, 4)), np.array([2, 5, 1, 5, 3])
    x = x.swapaxes(0, 1).copy() if first else x
    state = [rng.normal(size=(len(ours.cells), 5, 3)) for _ in range(parts)]
    tensors = [leaf(a) for a in (x, *state)]
    packed = rnn.pack_padded_sequence(tensors[0], torch.tensor(lengths), first, False)
    packed, last = theirs(packed, tuple(tensors[1:]) if parts == 2 else tensors[1])
    out = rnn.pad_packed_sequence(packed, first, total_length=6)[0]
    wanted = [out, *(last if parts == 2 else (last,))]
    outs = ours.forward(x, *state, lengths)
    douts = tuple(rng.normal(size=one.shape) for one in outs)
    sum((w * torch.tensor(d)).sum() for w, d in zip(wanted, douts)).backward()
    for got, want in zip(outs, wanted):
        same(got, want, 1e-12, "out")
    *dxs, none = ours.backward(douts)
    assert none is None
    for dx, tensor in zip(dxs, tensors):
        same(dx, tensor.grad, 1e-12, "dx")
    for cell, suffix in zip(ours.cells, SUFFIXES[rnn_ways(options)]):
        for W, weight in ((cell.Wx, "weight_ih"), (cell.Wh, "weight_hh")):
            same(W.grad.T, getattr(theirs, weight + suffix).grad, 1e-12, weight)
        same(cell.b.grad, getattr(theirs, "bias_ih" + suffix).grad, 1e-12, "bias")


SUFFIXES = {1: ("_l0", "_l1"), 2: ("_l0", "_l0_reverse", "_l1", "_l1_reverse")}


def rnn_ways(options):
    return 2 if options.get("bidirectional") else 1


def carry_over(ours, theirs):
    """PyTorch's parameters into ours: transposed, its two biases as their sum (see `GRUCell`)."""
    for cell, suffix in zip(ours.cells, SUFFIXES[ours.ways]):
        kinds = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
        Wx, Wh, bx, bh = (getattr(theirs, kind + suffix).detach().numpy() for kind in kinds)
        cell.Wx.value, cell.Wh.value, cell.b.value = Wx.T, Wh.T, bx + bh
        if isinstance(cell, lw.GRUCell):
            cell.b.value[6:], cell.bh.value = bx[6:], bh[6:]
