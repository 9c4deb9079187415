"""PyTorch's own list of cases for its modules, `module_db`, run against the layers here.

TABLE says for each of PyTorch's modules what is the same here: a function of the module's options,
under PyTorch's names. A new layer is a new line. What is not the same is in ABSENT (whole modules)
and LEFT_OUT (samples), with the reason; a sample that is neither run nor listed fails. The counts
are printed at the end of the tests.
"""

from __future__ import annotations

import inspect
import math
from collections import Counter

import numpy as np
import pytest
import torch
from test_peers import TOLERANCE, same
from torch.testing._internal.common_modules import module_db

import layerwise as lw
from layerwise.anatomy import walk
from layerwise.tables import table

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore:Using padding='same'"),  # it copies the image, as we do
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in log:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Lazy modules are a new feature"),
]


# Layers made of others, as PyTorch has them in one


def adaptive(layer, dim):
    """Here a number is for all axes behind the channels, so the tuple has to say how many."""
    return lambda output_size: layer((output_size,) * dim if np.ndim(output_size) == 0
                                     and output_size is not None else output_size)  # fmt: skip


def padding(dim, mode="constant"):
    def layer(padding, value=0):
        pads = (padding,) * (2 * dim) if np.ndim(padding) == 0 else padding
        return lw.Pad(pads, mode, value)

    return layer


def bilinear(in1_features, in2_features, out_features, bias=True):
    x, y = lw.Input("x"), lw.Input("y")
    W = lw.Parameter(np.zeros((out_features, in1_features, in2_features)))
    out = ((x @ W) * y).sum(axis=-1).T  # (O, N, J) * (N, J) -> (O, N) -> (N, O)
    return lw.Graph(out + lw.Parameter(np.zeros(out_features)) if bias else out)


def linear_cross_entropy(
    in_features, num_classes, out_features=(), bias=False, options=None, **loss_options
):
    """An affine layer and its loss; `options` says how PyTorch cuts the work, not what it gives."""
    x, t = lw.Input("x"), lw.Input("t")
    scores = lw.Affine(in_features, num_classes * math.prod(out_features), bias)(x)
    if out_features:
        scores = scores.reshape(-1, num_classes, *out_features)
    return lw.Graph(lw.SoftmaxCrossEntropy(**loss_options)(scores, t))


def binary_losses_of_rows(weight=None, reduction="mean"):
    """The mean over the classes of each row, and then over the rows."""
    x, t = lw.Input("x"), lw.Input("t")
    losses = lw.BinaryCrossEntropyWithLogits(weight, "none")(x, t).mean(axis=-1)
    return lw.Graph({"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduction]())


TABLE = {
    "AdaptiveAvgPool1d": adaptive(lw.AdaptiveAvgPool, 1),
    "AdaptiveAvgPool2d": adaptive(lw.AdaptiveAvgPool, 2),
    "AdaptiveAvgPool3d": adaptive(lw.AdaptiveAvgPool, 3),
    "AdaptiveMaxPool1d": adaptive(lw.AdaptiveMaxPool, 1),
    "AdaptiveMaxPool2d": adaptive(lw.AdaptiveMaxPool, 2),
    "AdaptiveMaxPool3d": adaptive(lw.AdaptiveMaxPool, 3),
    "AvgPool1d": lw.AvgPool1d,
    "AvgPool2d": lw.AvgPool2d,
    "AvgPool3d": lw.AvgPool3d,
    "BCELoss": lw.BinaryCrossEntropy,
    "BCEWithLogitsLoss": lw.BinaryCrossEntropyWithLogits,
    "BatchNorm1d": lw.BatchNorm,
    "BatchNorm2d": lw.BatchNorm,
    "BatchNorm3d": lw.BatchNorm,
    "Bilinear": bilinear,
    "CELU": lw.CELU,
    "CircularPad1d": padding(1, "circular"),
    "CircularPad2d": padding(2, "circular"),
    "CircularPad3d": padding(3, "circular"),
    "ConstantPad1d": padding(1),
    "ConstantPad2d": padding(2),
    "ConstantPad3d": padding(3),
    "Conv1d": lw.Conv1d,
    "Conv2d": lw.Conv2d,
    "Conv3d": lw.Conv3d,
    "ConvTranspose1d": lw.ConvTranspose1d,
    "ConvTranspose2d": lw.ConvTranspose2d,
    "ConvTranspose3d": lw.ConvTranspose3d,
    "CrossEntropyLoss": lw.SoftmaxCrossEntropy,
    "ELU": lw.ELU,
    "GELU": lw.GELU,
    "GLU": lw.GLU,
    "GroupNorm": lw.GroupNorm,
    "Hardshrink": lw.Hardshrink,
    "Hardswish": lw.Hardswish,
    "Hardtanh": lw.Hardtanh,
    "HuberLoss": lw.Huber,
    "InstanceNorm1d": lw.InstanceNorm,
    "InstanceNorm2d": lw.InstanceNorm,
    "InstanceNorm3d": lw.InstanceNorm,
    "KLDivLoss": lw.KLDivergence,
    "L1Loss": lw.L1,
    "LPPool1d": lw.LPPool1d,
    "LPPool2d": lw.LPPool2d,
    "LPPool3d": lw.LPPool3d,
    "LayerNorm": lw.LayerNorm,
    "LazyConv1d": lw.Conv1d,
    "LazyConv2d": lw.Conv2d,
    "LazyConv3d": lw.Conv3d,
    "LazyConvTranspose1d": lw.ConvTranspose1d,
    "LazyConvTranspose2d": lw.ConvTranspose2d,
    "LazyConvTranspose3d": lw.ConvTranspose3d,
    "LeakyReLU": lw.LeakyReLU,
    "Linear": lw.Affine,
    "LinearCrossEntropyLoss": linear_cross_entropy,
    "LocalResponseNorm": lw.LocalResponseNorm,
    "LogSigmoid": lw.LogSigmoid,
    "LogSoftmax": lw.LogSoftmax,
    "MSELoss": lw.MeanSquaredError,
    "MaxPool1d": lw.MaxPool1d,
    "MaxPool2d": lw.MaxPool2d,
    "MaxPool3d": lw.MaxPool3d,
    "Mish": lw.Mish,
    "MultiLabelSoftMarginLoss": binary_losses_of_rows,
    "NLLLoss": lw.NegativeLogLikelihood,
    "PReLU": lw.PReLU,
    "RMSNorm": lw.RMSNorm,
    "ReLU": lw.ReLU,
    "ReLU6": lw.ReLU6,
    "ReflectionPad1d": padding(1, "reflect"),
    "ReflectionPad2d": padding(2, "reflect"),
    "ReflectionPad3d": padding(3, "reflect"),
    "ReplicationPad1d": padding(1, "replicate"),
    "ReplicationPad2d": padding(2, "replicate"),
    "ReplicationPad3d": padding(3, "replicate"),
    "SELU": lw.SELU,
    "SiLU": lw.SiLU,
    "Sigmoid": lw.Sigmoid,
    "SmoothL1Loss": lw.SmoothL1,
    "Softmax": lw.Softmax,
    "Softmax2d": lambda: lw.Softmax(dim=-3),
    "Softmin": lw.Softmin,
    "Softplus": lw.Softplus,
    "Softshrink": lw.Softshrink,
    "Softsign": lw.Softsign,
    "Tanh": lw.Tanh,
    "Tanhshrink": lw.Tanhshrink,
    "Threshold": lw.Threshold,
    "ZeroPad1d": padding(1),
    "ZeroPad2d": padding(2),
    "ZeroPad3d": padding(3),
}

ABSENT = {  # PyTorch's modules that have no layer here, and why
    "FractionalMaxPool2d": "its windows are drawn at random; hardly a network uses it",
    "FractionalMaxPool3d": "its windows are drawn at random; hardly a network uses it",
    "CTCLoss": "no layer here computes it",
    "CosineEmbeddingLoss": "no layer here computes it",
    "Embedding": "no layer here computes it",
    "GRU": "no layer here computes it",
    "GRUCell": "no layer here computes it",
    "GaussianNLLLoss": "no layer here computes it",
    "HingeEmbeddingLoss": "no layer here computes it",
    "LSTM": "no layer here computes it",
    "LSTMCell": "no layer here computes it",
    "MarginRankingLoss": "no layer here computes it",
    "MultiLabelMarginLoss": "no layer here computes it",
    "MultiMarginLoss": "no layer here computes it",
    "MultiheadAttention": "no layer here computes it",
    "PoissonNLLLoss": "no layer here computes it",
    "RNN": "no layer here computes it",
    "RNNCell": "no layer here computes it",
    "SoftMarginLoss": "no layer here computes it",
    "Transformer": "no layer here computes it",
    "TransformerDecoderLayer": "no layer here computes it",
    "TransformerEncoder": "no layer here computes it",
    "TransformerEncoderLayer": "no layer here computes it",
}

LEFT_OUT = [  # the beginning of a module's name, an option or a word that describes it, and why
    ("MaxPool", "return_indices", "a pooling here gives the maxima, and not where they were"),
    (
        "LPPool",
        "norm",
        "roots of negative numbers: NaN also for pixels that no window sees, here 0",
    ),
    ("CrossEntropy", "weight", "no option"),
    ("CrossEntropy", "ignore_index", "no option"),
    ("CrossEntropy", "label_smoothing", "no option"),
    ("InstanceNorm", "no_batch_dim", "for images of any rank, (C, L) cannot be told from (N, C)"),
]

AGREED = "agree"
NAMES = [info.name.removeprefix("nn.") for info in module_db]


@pytest.fixture(scope="module")
def counts(at_the_end):
    """For each module, how many samples agree, and how many are left out for what reason."""
    counts = {}
    yield counts
    rows = [
        [name, str(count.total()), str(count[AGREED]), reasons(count)]
        for name, count in counts.items()
    ]
    total = sum(counts.values(), Counter())
    rows.append(["all", str(total.total()), str(total[AGREED]), ""])
    at_the_end.append("PyTorch's own cases, run against the layers here")
    at_the_end.append(table(["module", "samples", "agree", "left out"], rows))


def reasons(count):
    return "; ".join(f"{n}: {why}" for why, n in count.items() if why != AGREED)


def name_of(info):
    return info.name.removeprefix("nn.")


def samples_of(info, dtype):
    """PyTorch's samples for a module, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return info.module_inputs_func(
            info, device="cpu", dtype=getattr(torch, dtype), requires_grad=True, training=True
        )


def options_of(info, sample):
    """The options of a sample by their names, but for those that say what is so anyway."""
    given = sample.constructor_input
    arguments = inspect.signature(info.module_cls).parameters
    options = inspect.signature(info.module_cls).bind(*given.args, **given.kwargs).arguments
    options |= options.pop("kwargs", {})
    return {
        name: numpy_of(value)
        for name, value in options.items()
        if name not in ("device", "dtype")
        and not (name in arguments and is_same(value, arguments[name].default))
    }


def is_same(value, default):
    return value is default or (type(value) is type(default) and value == default)


def numpy_of(value):
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value


def why_left_out(name, sample, options):
    """Why a sample is left out; empty: it is to be run."""
    for start, word, why in LEFT_OUT:
        if name.startswith(start) and (word in options or word in sample.desc):
            return why
    return ""


def flat(values):
    """Tuples in tuples as one list; what is no tensor is left out."""
    if isinstance(values, (tuple, list)):
        return [one for value in values for one in flat(value)]
    return [values] if isinstance(values, torch.Tensor) else []


def fresh(values):
    """The same tensors, each a beginning of its own for the gradients."""
    if isinstance(values, (tuple, list)):
        return type(values)(fresh(value) for value in values)
    if isinstance(values, dict):
        return {name: fresh(value) for name, value in values.items()}
    if not isinstance(values, torch.Tensor):
        return values
    return values.detach().clone().requires_grad_(values.requires_grad)


def carried(module, layer):
    """PyTorch's parameters as ours: pairs of both, and what turns an array of the one around."""
    turned = {id(one.W) for _, one in walk(layer) if isinstance(one, lw.Affine)}
    ours, theirs = list(layer.parameters().values()), list(module.parameters())
    assert len(ours) == len(theirs)
    pairs = []
    for parameter, tensor in zip(ours, theirs):
        turn = torch.t if id(parameter) in turned else torch.clone
        parameter.value = turn(tensor.detach()).numpy()
        pairs.append((parameter, tensor, turn))
    return pairs


def compare(info, sample, options, dtype):
    """One sample: built, run forward and backward by both, in each mode that makes a difference."""
    built, given = sample.constructor_input, sample.forward_input
    module = info.module_cls(*built.args, **built.kwargs).to(getattr(torch, dtype))
    if info.is_lazy:
        module(*given.args, **given.kwargs)
        options = {"in_channels": module.in_channels, **options}  # read from the first input
    layer = TABLE[name_of(info)](**options).astype(dtype)
    pairs = carried(module, layer)
    for training in (True, False) if info.train_and_eval_differ else (True,):
        module.train(training)
        layer.training = training
        one_run(module, layer, pairs, fresh(given.args), fresh(given.kwargs), dtype)


def one_run(module, layer, pairs, args, kwargs, dtype):
    values, gradients = TOLERANCE[dtype]
    module.zero_grad()
    theirs = flat(module(*args, **kwargs))
    tensors = flat([args, list(kwargs.values())])
    ours = layer.forward(*(tensor.detach().numpy() for tensor in tensors))
    ours = ours if isinstance(ours, tuple) else (ours,)
    assert len(ours) == len(theirs)
    rng = np.random.default_rng(0)
    douts = tuple(np.asarray(rng.normal(size=np.shape(out)), dtype) for out in ours)
    for out, tensor in zip(ours, theirs):
        same(out, tensor, values, "out")

    torch.autograd.backward(theirs, [torch.tensor(dout) for dout in douts])
    for parameter, _, _ in pairs:
        parameter.grad = None
    dxs = layer.backward(douts if len(douts) > 1 else douts[0])
    dxs = dxs if isinstance(dxs, tuple) else (dxs,)
    for i, (dx, tensor) in enumerate(zip(dxs, tensors)):
        if tensor.requires_grad:
            same(dx, tensor.grad, gradients, f"the gradient of input {i}")
    for parameter, tensor, turn in pairs:
        same(parameter.grad, turn(tensor.grad), gradients, "the gradient of a parameter")
    for name in ("running_mean", "running_var"):
        if getattr(module, name, None) is not None:
            same(getattr(layer, name).value, getattr(module, name), values, name)


def refuse(info, sample, options, dtype):
    """What is left out really is not there: it is an error, or gives something else."""
    with pytest.raises((AssertionError, TypeError, ValueError)):
        compare(info, sample, options, dtype)


@pytest.mark.parametrize("info", module_db, ids=NAMES)
def test_every_sample_agrees_or_is_listed(info, counts):
    name = name_of(info)
    every = list(zip(*(samples_of(info, dtype) for dtype in TOLERANCE)))
    left = counts[name] = Counter({AGREED: 0})
    for i, samples in enumerate(every):
        for dtype, sample in zip(TOLERANCE, samples):
            options = options_of(info, sample)
            why = ABSENT.get(name) or why_left_out(name, sample, options)
            run = refuse if why else compare
            try:
                if name not in ABSENT:
                    run(info, sample, options, dtype)
            except BaseException as error:
                said = f"sample {i} of {name}, {dtype}: {sample.desc} {options}"
                raise AssertionError(said) from error
        left[why or AGREED] += 1
    assert left.total() == len(every)


def test_the_lists_name_what_pytorch_has():
    assert sorted([*TABLE, *ABSENT]) == sorted(NAMES)  # each once
    found = {
        why_left_out(name_of(info), sample, options_of(info, sample))
        for info in module_db
        for sample in samples_of(info, "float64")
    }
    assert found == {why for _, _, why in LEFT_OUT} | {""}


def test_pytorch_has_as_many_samples_as_ever():
    """A newer one may have more, and then these numbers are to be told anew."""
    assert len(module_db) == 114
    assert sum(len(samples_of(info, "float64")) for info in module_db) == 1813
