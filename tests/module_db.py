"""What PyTorch's modules are called here, one line for each, for running PyTorch's own cases.

An entry of TABLE is a function of the module's options, under PyTorch's names. What is not the same
is in ABSENT (whole modules) and in LEFT_OUT (samples), with the reason.
"""

from __future__ import annotations

import math

import torch
from torch import nn

import layerwise as lw

# Where the options differ


def adaptive(layer, dim):
    """Here a number is for all axes behind the channels, so a tuple has to say how many."""
    return lambda output_size: layer(
        (output_size,) * dim if isinstance(output_size, int) else output_size
    )


def padding(dim, mode="constant"):
    """Here one layer pads as many axes as there are pairs."""
    return lambda padding, value=0: lw.Pad(
        (padding,) * (2 * dim) if isinstance(padding, int) else padding, mode, value
    )


# What is several layers here. Nodes are named so that parameters have the names that PyTorch gives.


def linear_cross_entropy(
    in_features, num_classes, out_features=(), bias=False, options=None, **loss_options
):
    """`options` say how PyTorch cuts the work into parts, not what comes out."""
    x, t = lw.Input("x"), lw.Input("t")
    scores = lw.Affine(in_features, num_classes * math.prod(out_features), bias)(x).named("linear")
    if out_features:
        scores = scores.reshape(-1, num_classes, *out_features)
    return lw.Graph(lw.SoftmaxCrossEntropy(**loss_options)(scores, t))


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
    "Bilinear": "no layer here computes it",
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
    "MultiLabelSoftMarginLoss": "no layer here computes it",
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
    ("CrossEntropy", "weight", "the loss has no option weight"),
    ("CrossEntropy", "label_smoothing", "the loss has no option label_smoothing"),
    ("CrossEntropy", "ignore_index", "the loss has no option ignore_index"),
    ("LinearCross", "weight", "the loss has no option weight"),
    ("LinearCross", "label_smoothing", "the loss has no option label_smoothing"),
    ("LinearCross", "ignore_index", "the loss has no option ignore_index"),
    ("InstanceNorm", "no_batch_dim", "for images of any rank, (C, L) cannot be told from (N, C)"),
]


def parameters_of(module, take, both):
    """What PyTorch holds in a module, under our names.

    take   what is taken of each parameter: its numbers, or its gradient
    both   what becomes of the two biases of a recurrent cell, of which there is one here
    """
    found = {}
    for path, part in module.named_modules():
        p = {name: take(tensor) for name, tensor in part.named_parameters(recurse=False)}
        for name, numbers in renamed(part, p, both).items():
            found[f"{path}.{name}" if path else name] = numbers
    return found


def renamed(part, p, both):
    """The parameters `p` of one module, by PyTorch's names, under ours."""
    if isinstance(part, nn.Linear):
        return {"W" if name == "weight" else "b": tensor.t() for name, tensor in p.items()}
    if isinstance(part, nn.MultiheadAttention):
        names = {"in_proj_weight": "W", "in_proj_bias": "b"}
        joint = {
            f"{which}_proj.{names[name]}": numbers.t()
            for name, tensor in p.items()
            if name in names
            for which, numbers in zip("qkv", tensor.chunk(3))
        }
        apart = {f"{w}_proj.W": p[f"{w}_proj_weight"].t() for w in "qkv" if f"{w}_proj_weight" in p}
        return joint | apart
    if isinstance(part, nn.RNNCellBase):
        return cell(part, p, "", both)
    if isinstance(part, nn.RNNBase):
        ways = ["", "_reverse"] if part.bidirectional else [""]
        ends = [f"_l{level}{way}" for level in range(part.num_layers) for way in ways]
        return {
            f"cells.{i}.{name}": numbers
            for i, end in enumerate(ends)
            for name, numbers in cell(part, p, end, both).items()
        }
    if isinstance(part, nn.PReLU):
        return {"a": p["weight"]}
    ours = ("gamma", "beta") if "Norm" in type(part).__name__ else ("W", "b")
    return {ours[name == "bias"]: tensor for name, tensor in p.items()}


def cell(part, p, end, both):
    """The parameters of one recurrent cell, whose names have the same end."""
    names = {"weight_ih": "Wx", "weight_hh": "Wh", "weight_hr": "Wr"}
    found = {ours: p[name + end].t() for name, ours in names.items() if name + end in p}
    if f"bias_ih{end}" in p:
        bx, bh = p[f"bias_ih{end}"], p[f"bias_hh{end}"]
        if isinstance(part, (nn.GRU, nn.GRUCell)):  # of bh, the part of n stands by itself
            gates, found["bh"] = bh.tensor_split([len(bh) // 3 * 2])
            bh = torch.cat([gates, torch.zeros_like(found["bh"])])
        found["b"] = both(bx, bh)
    return found
