"""Layers and inputs for the tests of kernels in test_engine_shapes.py: whole vectors, and rests."""

import numpy as np

import layerwise as lw

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.normal(size=shape).astype("f")


def shares(*shape):
    return RNG.uniform(0.01, 0.99, size=shape).astype("f")


def signs(*shape):
    return np.sign(numbers(*shape))


def rows(calls, *inputs):
    """The same inputs for several layers."""
    return [(lambda call=call: eval(call, vars(lw)), *inputs) for call in calls]


ACTIVATIONS = [
    "ELU(2.5)", "CELU(0.7)", "SELU()", "Mish()", "Softplus()", "Softplus(2.0, threshold=0.5)",
    "LogSigmoid()", "Tanhshrink()", "Hardsigmoid()", "Hardswish()", "Hardshrink()",
    "Softshrink(0.25)", "Threshold(0.25, -2.0)", "Clip(-0.5, 0.25)", "Clip(min=0)", "Clip()",
    "Neg()", "Abs()", "Exp()", "Identity()", "Softmin()", "Softmin(0)",
    "PReLU()", "PReLU(19)",
]  # fmt: skip
REDUCTIONS = [
    "Sum()", "Sum((0, 2))", "Sum(1, keepdims=True)", "Mean()", "Mean((0, -1))", "Mean(1)",
    "Var()", "Var(2)", "Var((0, 1), keepdims=True)", "Max()", "Max(0)", "Max((0, 2))",
    "Min()", "Min(-1, keepdims=True)", "GlobalMaxPool()", "GlobalMaxPool(keepdims=True)",
]  # fmt: skip
LOSSES = [
    f"{loss}({options}{comma}reduction={reduction!r})"
    for loss, options in [
        ("MeanSquaredError", ""), ("L1", ""), ("Huber", "delta=0.5"), ("SmoothL1", "beta=0.5"),
        ("BinaryCrossEntropy", ""), ("BinaryCrossEntropyWithLogits", ""),
        ("KLDivergence", ""), ("KLDivergence", "log_target=True"),
    ]
    for comma in [", " if options else ""]
    for reduction in ("mean", "sum", "none")
]  # fmt: skip

ROWS = [
    *rows(ACTIVATIONS, numbers(37, 19)),
    *rows(["Log()", "Sqrt()"], shares(9, 33)),
    *rows(["Maximum()", "Minimum()"], numbers(5, 7, 9), numbers(7, 1)),
    *rows(["MatMul()"], numbers(3, 4, 37), numbers(37, 19)),
    *rows(["MatMul()"], numbers(37), numbers(37, 19)),
    *rows(["GLU()", "SwiGLU()"], numbers(3, 5, 14)),
    *rows(["GLU(1)", "SwiGLU(1)"], numbers(3, 6, 14)),
    *rows(["PReLU(6)"], numbers(3, 6, 14)),
    *rows(REDUCTIONS, numbers(5, 37, 19)),
    *rows(["Sum()", "Mean()", "Max(1)"], numbers(3, 10_001)),
    *rows(LOSSES, shares(9, 33), shares(9, 33)),
    *rows(["KLDivergence('batchmean')"], numbers(9, 33), shares(9, 33)),
    *rows(
        ["SoftMargin()", "Hinge()", "Hinge(p=2, margin=0.5)", "HingeEmbedding(reduction='none')"],
        numbers(9, 33), signs(9, 33),
    ),
    *rows(["Concat(1)"], numbers(3, 4, 5), numbers(3, 2, 5), numbers(3, 1, 5)),
    *rows(["Concat(-1)"], numbers(3, 4), numbers(3, 70)),
    *rows(["Stack(1)", "Stack(-1)"], numbers(3, 14), numbers(3, 14)),
    *rows(["Split((2, 3, 1), 1)"], numbers(3, 6, 5)),
    *rows(["Pad((1, 2, 3, 0), value=2.0)", "Pad((2, -1, 4, -3))"], numbers(2, 7, 9)),
    *rows(["PixelShuffle(3)", "ChannelShuffle(3)"], numbers(2, 18, 3, 4)),
    *rows(["PixelUnshuffle(2)"], numbers(2, 3, 6, 4)),
    *rows(
        [
            "ConvTranspose2d(4, 6, 3)", "ConvTranspose2d(4, 6, 3, stride=2, padding=1, bias=False)",
            "ConvTranspose2d(4, 6, (2, 3), stride=(3, 2), output_padding=1, groups=2, dilation=2)",
            "ConvTranspose2d(4, 4, 4, groups=4, padding=3)",
        ],
        numbers(3, 4, 5, 7),
    ),
    *rows(["ConvTranspose2d(4, 6, 5)"], numbers(4, 1, 1)),
    *rows(["ConvTranspose1d(4, 6, 5, stride=2)"], numbers(3, 4, 37)),
    *rows(
        [
            "Upsample(scale_factor=2)", "Upsample(scale_factor=49)", "Upsample(size=(3, 11))",
            "Upsample(scale_factor=2, mode='bilinear')",
            "Upsample(size=(9, 4), mode='bicubic', align_corners=True)",
            "AdaptiveAvgPool(3)", "AdaptiveAvgPool((2, None))", "AdaptiveAvgPool((None, 20))",
            "AdaptiveMaxPool(3)", "AdaptiveMaxPool((9, 1))",
        ],
        numbers(2, 3, 5, 17),
    ),
    *rows(["Upsample(size=9, mode='linear')", "AdaptiveMaxPool(4)"], numbers(2, 3, 25)),
    *rows(["Dropout2d(0.4)", "Dropout2d(0.0)", "Dropout2d(1.0)"], numbers(9, 11, 5, 3)),
    *rows(["RotaryPosition(6)"], numbers(2, 3, 7, 6)),
]  # fmt: skip
