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


def attention(embed_dim, num_heads, batch_first=False, **options):
    """Here the batch is in front if nothing else is said."""
    return lw.MultiHeadAttention(embed_dim, num_heads, batch_first=batch_first, **options)


def encoder_layer(masks=(), **options):
    return lw.TransformerEncoderLayer(masks=masks, **in_words(**options))


def decoder_layer(masks=(), **options):
    return lw.TransformerDecoderLayer(masks=masks, **in_words(**options))


def in_words(activation="relu", batch_first=False, **options):
    """The activation may be one of PyTorch's functions, and the batch is behind there."""
    name = getattr(activation, "__name__", activation)
    return {"activation": name, "batch_first": batch_first, **options}


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


def ctc(**options):
    """PyTorch's gradient is that of the scores, as if it had taken their log softmax itself."""
    scores, *others = (lw.Input(name) for name in ("scores", "t", "lengths", "t_lengths"))
    return lw.Graph(lw.CTC(**options)(lw.LogSoftmax()(scores), *others))


def stack(layers, names, norm=None):
    """Layers one behind the other, each with all inputs but the first as they came."""
    inside, inputs = [[lw.Input(name) for name in names] for _ in range(2)]
    out = inside[0]
    for i, layer in enumerate(layers):
        out = layer(out, *inside[1:]).named(str(i))
    out = lw.Graph(out, inside)(*inputs).named("layers")
    return lw.Graph(out if norm is None else norm(out).named("norm"), inputs)


def encoder(encoder_layer, num_layers, masks=()):
    part = encoder_layer  # a module: its options are read from it
    layers = [
        lw.TransformerEncoderLayer(
            part.linear1.in_features, part.self_attn.num_heads, part.linear1.out_features,
            part.dropout.p, part.activation.__name__, part.norm1.eps, part.self_attn.batch_first,
            part.norm_first, part.linear1.bias is not None,
            masks=["src_mask" if mask == "mask" else mask for mask in masks],
        )
        for _ in range(num_layers)
    ]  # fmt: skip
    return stack(layers, ["src", *masks])


def transformer(d_model, num_encoder_layers, num_decoder_layers, masks=(), bias=True, **options):
    """An encoder, and a decoder that looks at what came out of it; both end in a norm."""
    options |= {"d_model": d_model, "bias": bias}
    src, tgt = lw.Input("src"), lw.Input("tgt")
    given = {mask: lw.Input(mask) for mask in masks}
    its = {mask: node for mask, node in given.items() if mask.startswith("src")}
    others = {mask: node for mask, node in given.items() if mask not in its}
    layers = [encoder_layer(list(its), **options) for _ in range(num_encoder_layers)]
    norms = [lw.LayerNorm(d_model, bias=bias) for _ in range(2)]
    memory = stack(layers, ["src", *its], norms[0])(src, *its.values()).named("encoder")
    layers = [decoder_layer(list(others), **options) for _ in range(num_decoder_layers)]
    decoder = stack(layers, ["tgt", "memory", *others], norms[1])
    out = decoder(tgt, memory, *others.values()).named("decoder")
    return lw.Graph(out, [src, tgt, *given.values()])


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
    "Bilinear": lw.Bilinear,
    "CELU": lw.CELU,
    "CTCLoss": ctc,
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
    "CosineEmbeddingLoss": lw.CosineEmbedding,
    "CrossEntropyLoss": lw.SoftmaxCrossEntropy,
    "ELU": lw.ELU,
    "Embedding": lw.Embedding,
    "GELU": lw.GELU,
    "GLU": lw.GLU,
    "GRU": lw.GRU,
    "GRUCell": lw.GRUCell,
    "GaussianNLLLoss": lw.GaussianNLL,
    "GroupNorm": lw.GroupNorm,
    "Hardshrink": lw.Hardshrink,
    "Hardswish": lw.Hardswish,
    "Hardtanh": lw.Hardtanh,
    "HingeEmbeddingLoss": lw.HingeEmbedding,
    "HuberLoss": lw.Huber,
    "InstanceNorm1d": lw.InstanceNorm,
    "InstanceNorm2d": lw.InstanceNorm,
    "InstanceNorm3d": lw.InstanceNorm,
    "KLDivLoss": lw.KLDivergence,
    "L1Loss": lw.L1,
    "LPPool1d": lw.LPPool1d,
    "LPPool2d": lw.LPPool2d,
    "LPPool3d": lw.LPPool3d,
    "LSTM": lw.LSTM,
    "LSTMCell": lw.LSTMCell,
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
    "MarginRankingLoss": lw.MarginRanking,
    "MaxPool1d": lw.MaxPool1d,
    "MaxPool2d": lw.MaxPool2d,
    "MaxPool3d": lw.MaxPool3d,
    "Mish": lw.Mish,
    "MultiLabelMarginLoss": lw.MultiLabelMargin,
    "MultiLabelSoftMarginLoss": lw.MultiLabelSoftMargin,
    "MultiMarginLoss": lw.MultiMargin,
    "MultiheadAttention": attention,
    "NLLLoss": lw.NegativeLogLikelihood,
    "PReLU": lw.PReLU,
    "PoissonNLLLoss": lw.PoissonNLL,
    "RMSNorm": lw.RMSNorm,
    "RNN": lw.RNN,
    "RNNCell": lw.RNNCell,
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
    "SoftMarginLoss": lw.SoftMargin,
    "Softmax": lw.Softmax,
    "Softmax2d": lambda: lw.Softmax(dim=-3),
    "Softmin": lw.Softmin,
    "Softplus": lw.Softplus,
    "Softshrink": lw.Softshrink,
    "Softsign": lw.Softsign,
    "Tanh": lw.Tanh,
    "Tanhshrink": lw.Tanhshrink,
    "Threshold": lw.Threshold,
    "Transformer": transformer,
    "TransformerDecoderLayer": decoder_layer,
    "TransformerEncoder": encoder,
    "TransformerEncoderLayer": encoder_layer,
    "ZeroPad1d": padding(1),
    "ZeroPad2d": padding(2),
    "ZeroPad3d": padding(3),
}

ABSENT = {  # PyTorch's modules that have no layer here, and why
    "FractionalMaxPool2d": "its windows are drawn at random; hardly a network uses it",
    "FractionalMaxPool3d": "its windows are drawn at random; hardly a network uses it",
}

LEFT_OUT = [  # the beginning of a module's name, an option or a word that describes it, and why
    ("MaxPool", "return_indices", "a pooling here gives the maxima, and not where they were"),
    (
        "LPPool",
        "norm",
        "roots of negative numbers: NaN also for pixels that no window sees, here 0",
    ),
    ("InstanceNorm", "no_batch_dim", "for images of any rank, (C, L) cannot be told from (N, C)"),
    ("MultiheadAttention", "add_bias_kv", "no learned key is put behind those that come in"),
    ("MultiheadAttention", "add_zero_attn", "no key of zeros is put behind those that come in"),
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
