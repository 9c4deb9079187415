"""One table of cases for all layers: a new layer is a new row, and every test runs over the rows.

A row is the call that makes the layer (which is also what its repr must say), the shapes of its
inputs, and its definition in plain NumPy or naive loops. Shapes are words: "N D, D" is an input
with the axes N and D, and another with the axis D. The tests choose the sizes; "" is one number,
and "N H+2" has two elements more than H along its second axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import loops
import numpy as np

import layerwise as lw

SIZES = {"B": 2, "N": 3, "C": 4, "D": 4, "K": 5, "M": 2, "H": 3, "W": 2}


# What the numbers of an input are like


def real(rng, shape, sizes):
    return rng.normal(size=shape)


def positive(rng, shape, sizes):
    return rng.uniform(0.5, 2.0, size=shape)


def negative(rng, shape, sizes):
    return -positive(rng, shape, sizes)


def class_numbers(rng, shape, sizes):
    return rng.integers(0, sizes["C"], size=shape)


@dataclass(frozen=True)
class Case:
    """One layer: how it is called, what goes in, and what is to come out."""

    call: str
    shapes: list[str]  # alternatives, each with the shapes of all inputs
    definition: Callable[..., Any]  # (*inputs, **parameters) -> output, arrays of NumPy
    torch: Callable[..., Any] | None = None  # (torch, *inputs, **parameters); None: as defined
    like: tuple[Callable[..., Any], ...] = (real, real)  # the numbers of each input
    python: bool = False  # whether it makes sense on Python's own numbers
    fixed: tuple[int, ...] = ()  # the inputs that have no gradient
    inference: Callable[..., Any] | None = None  # the definition outside training, if another
    empty: bool = True  # whether a batch without rows has an output
    fills: bool = False  # whether some of the output is the same whatever comes in
    errors: tuple[tuple[str, str], ...] = ()  # shapes that do not fit, and what the error says

    def layer(self, dtype: Any = "float64", seed: int = 0) -> Any:
        """The layer, its parameters drawn from the seed, its own draws always the same."""
        layer = eval(self.call, vars(lw)).astype(dtype)
        rng = np.random.default_rng(seed)
        for parameter in layer.parameters().values():
            parameter.value = rng.normal(size=parameter.shape).astype(dtype)
        if hasattr(layer, "rng"):
            layer.rng = np.random.default_rng(7)
        return layer

    def inputs(
        self, shapes: Any = None, dtype: Any = "float64", seed: int = 0, **sizes: int
    ) -> Any:
        """Arrays for all inputs; `shapes` is one of the alternatives, by default the first."""
        sizes = SIZES | sizes
        rng = np.random.default_rng(seed)
        arrays = []
        for word, like in zip((self.shapes[0] if shapes is None else shapes).split(","), self.like):
            shape = [
                sum(int(part) if part.isdigit() else sizes[part] for part in axis.split("+"))
                for axis in word.split()
            ]
            array = np.asarray(like(rng, shape, sizes))
            arrays.append(array.astype(dtype) if array.dtype.kind == "f" else array)
        return arrays


# Definitions that take more than a line


def softmax(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x), axis, keepdims=True)


def affine(x, W, b=None):
    b = np.zeros(W.shape[1]) if b is None else b
    rows = [[sum(row * W[:, j]) + b[j] for j in range(len(b))] for row in x.reshape(-1, len(W))]
    return np.reshape(rows, (*x.shape[:-1], len(b)))


def matmul(x, y):
    """A sum over K; a vector is a row on the left and a column on the right."""
    x_axes = "k" if x.ndim == 1 else "...nk"
    y_axes = "k" if y.ndim == 1 else "...km"
    return np.einsum(f"{x_axes},{y_axes}->...{'n' * (x.ndim > 1)}{'m' * (y.ndim > 1)}", x, y)


def cross_entropy(reduce):
    """Row by row: minus the logarithm of the probability of what is right."""

    def definition(x, t):
        losses = np.empty((x.shape[:1] + x.shape[2:]) if x.ndim > 1 else ())
        for row in np.ndindex(losses.shape):
            scores = (*row[:1], slice(None), *row[1:])
            log_y = np.log(softmax(x[scores]))
            losses[row] = -(t[scores] @ log_y) if t.dtype.kind == "f" else -log_y[t[row]]
        return reduce(losses)

    return definition


def torch_cross_entropy(reduction):
    return lambda torch, x, t: torch.nn.functional.cross_entropy(x, t, reduction=reduction)


def var(x, axis=None, keepdims=False):
    centred = x - np.mean(x, axis=axis, keepdims=True)
    return np.mean(centred * centred, axis=axis, keepdims=keepdims)


def dropped(x, p=0.25):
    """With the draws that `Case.layer` gives."""
    return x * (np.random.default_rng(7).random(x.shape) >= p) / (1 - p)


def torch_dropped(torch, x, p=0.25):
    return x * torch.asarray(dropped(np.ones(x.shape), p)).to(x.dtype)


def whole(x):
    return x


ONE = ["N D", "B N D", "D", ""]  # one input of any shape
TWO = ["N D, N D", "N D, D", "D, N D", "N D, N 1", "N 1, 1 D", "N D, 1", "N D,", "B N D, N 1"]
SAME = [f"{word}, {word}" for word in ONE]  # two inputs of the same shape


def rows_of(reduction, name):
    """The four ways in which a reduction can be told what to reduce."""
    numpy, torch = reduction
    ways = {
        "": {},
        "axis=1": {"axis": 1},
        "axis=-1, keepdims=True": {"axis": -1, "keepdims": True},
        "axis=(0, 2)": {"axis": (0, 2)},
    }
    for text, how in ways.items():
        yield Case(
            f"{name}({text})",
            ["B N D"] if "2" in text else ["N D", "N B D"] if text else ONE,
            lambda x, how=how: numpy(x, **how),
            lambda _, x, how=how: torch(x, **how),
            python=not text,
            empty=bool(text) and "2" not in text,
            errors=(("N", f"{name}({text}) expects inputs with an axis 1, but got (3,)."),)
            if text == "axis=1"
            else (),
        )


REDUCTIONS = {
    "Sum": (np.sum, lambda x, **how: x.sum(**how)),
    "Mean": (np.mean, lambda x, **how: x.mean(**how)),
    "Var": (var, lambda x, **how: x.var(correction=0, **how)),
    "Max": (np.max, lambda x, **how: x.amax(**how)),
    "Min": (np.min, lambda x, **how: x.amin(**how)),
}


def pair(name, definition, torch=None, like=(real, real)):
    """A row for a layer with two inputs that broadcast."""
    wrong = ("3 4, 5", f"{name} expects inputs that broadcast to (3, 4), but got (5,).")
    return Case(name, TWO, definition, torch, like, python=True, errors=(wrong,))


# Convolution and pooling: the options of a call, its definition by loops, and PyTorch's layer


def for_each_axis(dim, option):
    return (option,) * dim if isinstance(option, int) else option


def call_of(name, arguments, options):
    options = [f"{key}={value!r}" for key, value in options.items()]
    return f"{name}({', '.join([*map(repr, arguments), *options])})"


def torch_layer(call):
    """PyTorch's layer, made by the same call, with our parameters."""

    def function(torch, x, W=None, b=None):
        layer = eval(call, vars(torch.nn))
        given = {"weight": W, "bias": b} if b is not None else {} if W is None else {"weight": W}
        return torch.func.functional_call(layer, given, (x,))

    return function


def batched(dim, x, function):
    """One image is a batch of one, for the loops."""
    return function(x) if x.ndim == dim + 2 else function(x[None])[0]


def padded(x, pairs, mode="zeros", value=0):
    mode = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}.get(mode, mode)
    options = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, [(0, 0)] * (x.ndim - len(pairs)) + list(pairs), mode, **options)


def conv(dim, arguments, shapes, errors=(), **options):
    """A row for `Conv1d`, `Conv2d` or `Conv3d`."""
    stride, dilation = (for_each_axis(dim, options.get(n, 1)) for n in ("stride", "dilation"))

    def definition(x, W, b=None):
        b = np.zeros(len(W)) if b is None else b
        padding = options.get("padding", 0)
        if padding == "same":
            both = [d * (k - 1) for k, d in zip(W.shape[2:], dilation)]
            pairs = [(n // 2, n - n // 2) for n in both]
        else:
            pairs = [(n, n) for n in for_each_axis(dim, 0 if padding == "valid" else padding)]
        x = padded(x, pairs, options.get("padding_mode", "zeros"))
        groups = options.get("groups", 1)
        return batched(dim, x, lambda x: loops.conv(x, W, b, stride, dilation, groups))

    call = call_of(f"Conv{dim}d", arguments, options)
    return Case(call, shapes, definition, torch_layer(call), errors=errors)


def conv_transpose(dim, arguments, shapes, errors=(), **options):
    """A row for `ConvTranspose1d`, `ConvTranspose2d` or `ConvTranspose3d`."""
    names = {"stride": 1, "dilation": 1, "output_padding": 0}
    how = [for_each_axis(dim, options.get(name, default)) for name, default in names.items()]
    crop = for_each_axis(dim, options.get("padding", 0))

    def definition(x, W, b=None):
        groups = options.get("groups", 1)
        b = np.zeros(W.shape[1] * groups) if b is None else b
        out = batched(dim, x, lambda x: loops.conv_transpose(x, W, b, *how, groups))
        sizes = out.shape[out.ndim - dim :]
        return out[(..., *(slice(p, n - p) for p, n in zip(crop, sizes)))]

    call = call_of(f"ConvTranspose{dim}d", arguments, options)
    return Case(call, shapes, definition, torch_layer(call), errors=errors)


def pool(kind, dim, arguments, shapes, one, like=real, errors=(), **options):
    """A row for a pooling; `one` makes a number of a window; NaN there does not count."""
    kernel = for_each_axis(dim, arguments[-1])
    defaults = {"padding": 0, "stride": kernel, "dilation": 1}
    padding, stride, dilation = (
        for_each_axis(dim, options.get(name, default)) for name, default in defaults.items()
    )
    counts = kind == "AvgPool" and options.get("count_include_pad", True)

    def beyond(n, k, s, d, p):
        """What the last window needs behind the padding, if it starts before that."""
        free = n + 2 * p - d * (k - 1) - 1
        more = -free % s if options.get("ceil_mode") else 0
        return more if free + more < n + p else 0

    def definition(x):
        image = x.shape[x.ndim - dim :]
        more = [(0, beyond(*how)) for how in zip(image, kernel, stride, dilation, padding)]
        x = padded(x, [(n, n) for n in padding], value=0 if counts else np.nan)
        x = padded(x, more, value=np.nan)
        return batched(dim, x, lambda x: loops.pool(x, one, kernel, stride, dilation))

    call = call_of(f"{kind}{dim}d", arguments, options)
    return Case(call, shapes, definition, torch_layer(call), (like,), errors=errors)


def norm(p, full):
    """The p-norm of a window; one that reaches beyond the image is scaled to a full one."""
    return lambda window: (np.nanmean(np.power(window, p)) * full) ** (1 / p)


def adaptive(kind, size, shapes, errors=()):
    """A row for `AdaptiveAvgPool` or `AdaptiveMaxPool`."""
    one = {"Avg": np.mean, "Max": np.max}[kind]

    def definition(x):
        dim = len(size) if isinstance(size, tuple) else x.ndim - 2
        image = x.shape[x.ndim - dim :]
        sizes = [n if m is None else m for n, m in zip(image, for_each_axis(dim, size))]
        return batched(dim, x, lambda x: loops.adaptive_pool(x, one, sizes))

    def torch(torch, x):
        dim = len(size) if isinstance(size, tuple) else x.ndim - 2
        return getattr(torch.nn, f"Adaptive{kind}Pool{dim}d")(size)(x)

    return Case(f"Adaptive{kind}Pool({size!r})", shapes, definition, torch, errors=errors)


def pad(sizes, shapes, mode="constant", value=0, errors=()):
    """A row for `Pad`."""
    options = {k: v for k, v in (("mode", mode), ("value", value)) if v not in ("constant", 0)}

    def definition(x):
        pairs = list(zip(sizes[::2], sizes[1::2]))[::-1]
        for axis, both in enumerate(pairs, start=x.ndim - len(pairs)):
            cut = slice(max(0, -both[0]), x.shape[axis] - max(0, -both[1]))
            x = x[(slice(None),) * axis + (cut,)]
        return padded(x, [(max(0, a), max(0, b)) for a, b in pairs], mode, value)

    def torch(torch, x):
        return torch.nn.functional.pad(x, sizes, mode, value if mode == "constant" else None)

    return Case(call_of("Pad", [sizes], options), shapes, definition, torch,
                fills=mode == "constant", errors=errors)  # fmt: skip


def whole_image(name, numpy, torch, **options):
    """A row for `GlobalAvgPool` or `GlobalMaxPool`."""
    return Case(
        call_of(name, [], options),
        ["N C H W", "N C H", "N C H W D"],
        lambda x: numpy(x, axis=tuple(range(2, x.ndim)), **options),
        lambda _, x: torch(x, tuple(range(2, x.ndim)), **options),
        errors=(("3 4", f"{call_of(name, [], options)} expects inputs (N, C, image, ...), "
                        "but got (3, 4)."),),
    )  # fmt: skip


CONVOLUTIONS = [
    conv(1, (2, 3, 3), ["N 2 H+2", "2 H+2"]),
    conv(1, (2, 4, 2), ["N 2 H+3"], stride=2, padding=2, dilation=3, groups=2, bias=False),
    conv(1, (2, 2, 4), ["N 2 H+1", "2 H+1"], padding="same", dilation=2),
    conv(2, (2, 3, (3, 2)), ["N 2 H+2 W+2", "2 H+2 W+2"],
         (("3 2 2 4", "Conv2d(2, 3, (3, 2)) expects images that its kernel fits into, but got "
                      "(3, 2, 2, 4). The image (2, 4) with the padding (0, 0) has (2, 4); the "
                      "kernel (3, 2) with the dilation (1, 1) spans (3, 2); the stride is (1, 1). "
                      "Take a smaller kernel or more padding."),
          ("3 5 4 4", "Conv2d(2, 3, (3, 2)) expects inputs (N, 2, H, W) or (2, H, W), but got "
                      "(3, 5, 4, 4)."),
          ("3 18", "Conv2d(2, 3, (3, 2)) expects inputs (N, 2, H, W) or (2, H, W), but got "
                   "(3, 18)."))),
    conv(2, (4, 8, 3), ["N 4 H+2 W+2"], stride=(2, 1), padding=(1, 0), groups=4),  # depthwise
    conv(2, (1, 2, 3), ["N 1 H+3 W+3", "1 H+3 W+3"], padding=2, padding_mode="reflect",
         errors=(("1 2 3", "Conv2d(1, 2, 3, padding=2, padding_mode='reflect') expects at least "
                           "(3, 3) elements to copy from, for 'reflect', but got (1, 2, 3)."),)),
    conv(2, (1, 2, 2), ["N 1 H+1 W+1"], padding=(2, 1), bias=False, padding_mode="replicate"),
    conv(2, (2, 2, 3), ["N 2 H+1 W+1"], stride=2, padding=1, padding_mode="circular"),
    conv(2, (1, 1, (2, 1)), ["N 1 H+1 W"], padding="valid"),
    conv(3, (2, 2, 2), ["N 2 H+2 W+2 B", "2 H+2 W+2 B+1"], stride=(1, 2, 1), padding=(0, 0, 1),
         dilation=(2, 1, 1)),
    conv_transpose(1, (2, 3, 3), ["N 2 H", "2 H"]),
    conv_transpose(2, (2, 3, (3, 2)), ["N 2 H W", "2 H W"],
                   errors=(("3 4", "ConvTranspose2d(2, 3, (3, 2)) expects inputs (N, 2, H, W) or "
                                   "(2, H, W), but got (3, 4)."),)),
    conv_transpose(2, (4, 2, 3), ["N 4 H W"], stride=2, padding=1, output_padding=1, groups=2,
                   bias=False),
    conv_transpose(2, (1, 2, 3), ["N 1 H+3 W+1"], stride=(1, 2), padding=2, dilation=(2, 1),
                   errors=(("1 2 1", "ConvTranspose2d(1, 2, 3, stride=(1, 2), padding=2, "
                                     "dilation=(2, 1)) expects images of which its padding leaves "
                                     "something, but got (1, 2, 1). The image (2, -1) with the "
                                     "padding (2, 2) has (6, 3); the kernel (3, 3) with the "
                                     "dilation (2, 1) spans (5, 3); the stride is (1, 2). "
                                     "Take less padding."),)),
    conv_transpose(3, (1, 2, 2), ["N 1 H W B", "1 H W B"], stride=(1, 2, 1)),
]  # fmt: skip

POOLINGS = [
    pool("MaxPool", 1, (2,), ["N C H+1", "C H+1"], np.nanmax),
    pool("MaxPool", 2, (2,), ["N C H+1 W+1", "C H+1 W+1"], np.nanmax,
         errors=(("3 4 1 5", "MaxPool2d(2) expects images that its kernel fits into, but got "
                             "(3, 4, 1, 5). The image (1, 5) with the padding (0, 0) has (1, 5); "
                             "the kernel (2, 2) with the dilation (1, 1) spans (2, 2); the stride "
                             "is (2, 2). Take a smaller kernel or more padding."),
                 ("3 4", "MaxPool2d(2) expects inputs (N, C, H, W) or (C, H, W), "
                         "but got (3, 4)."))),
    pool("MaxPool", 2, (3,), ["N C H W"], np.nanmax, like=negative, stride=2, padding=1),
    pool("MaxPool", 2, ((2, 3),), ["N C H+1 W+4"], np.nanmax, stride=1, dilation=(1, 2)),
    pool("MaxPool", 2, (3,), ["N C H+1 W+1"], np.nanmax, like=negative, stride=2, padding=1,
         ceil_mode=True),
    pool("MaxPool", 3, ((1, 2, 2),), ["N C H W+1 D+1", "C H W+1 D+1"], np.nanmax,
         stride=(2, 1, 2)),
    pool("AvgPool", 1, (2,), ["N C H+1", "C H+1"], np.nanmean),
    pool("AvgPool", 2, ((2, 3),), ["N C H+1 W+2", "C H+1 W+2"], np.nanmean, stride=1),
    pool("AvgPool", 2, (3,), ["N C H+1 W+1"], np.nanmean, stride=2, padding=1),
    pool("AvgPool", 2, (3,), ["N C H+1 W+1"], np.nanmean, stride=2, padding=1,
         ceil_mode=True),
    pool("AvgPool", 2, (3,), ["N C H+1 W+1"], np.nanmean, stride=2, padding=1, ceil_mode=True,
         count_include_pad=False),
    pool("AvgPool", 2, (2,), ["N C H+1 W+1"], lambda window: np.sum(window) / 3,
         divisor_override=3),
    pool("AvgPool", 3, (2,), ["N C H+1 W+1 B+1", "C H+1 W+1 B+1"], np.nanmean, stride=(1, 1, 2),
         padding=(0, 0, 1), count_include_pad=False),
    pool("LPPool", 1, (2, 3), ["N C H+2", "C H+2"], norm(2, 3), stride=1),
    pool("LPPool", 2, (2, (2, 1)), ["N C H+1 W", "C H+1 W"], norm(2, 2)),
    pool("LPPool", 2, (3, 2), ["N C H+1 W+1"], norm(3, 4), like=positive, ceil_mode=True),
    pool("LPPool", 3, (1, (1, 2, 1)), ["N C H W+1 B"], norm(1, 2)),
    adaptive("Avg", 2, ["N C H W", "N C H", "N C H W B"],
             errors=(("3 4", "AdaptiveAvgPool(2) expects inputs (N, C, image, ...), "
                             "but got (3, 4)."),)),
    adaptive("Avg", (3, None), ["N C H+2 W", "C H W"],
             errors=(("3 4", "AdaptiveAvgPool((3, None)) expects inputs (N, C, image, image) or "
                             "(C, image, image), but got (3, 4)."),)),
    adaptive("Max", 2, ["N C H W", "N C H", "N C H W B"]),
    adaptive("Max", (2, 3), ["N C H+1 W+3", "C H W"]),
    whole_image("GlobalAvgPool", np.mean, lambda x, *how, **options: x.mean(*how, **options)),
    whole_image("GlobalAvgPool", np.mean, lambda x, *how, **options: x.mean(*how, **options),
                keepdims=True),
    whole_image("GlobalMaxPool", np.max, lambda x, *how, **options: x.amax(*how, **options)),
    whole_image("GlobalMaxPool", np.max, lambda x, *how, **options: x.amax(*how, **options),
                keepdims=True),
    pad((1, 2), ["N D", "D", "N C H W"],
        errors=(("", "Pad((1, 2)) expects inputs with an axis -1, but got a single number."),)),
    pad((1, -1, 0, 2), ["N C H+1 W+1", "N D+1"], value=0.5,
        errors=(("5", "Pad((1, -1, 0, 2), value=0.5) expects inputs with an axis -2, "
                      "but got (5,)."),)),
    pad((1, -2), ["N D+2"],
        errors=(("3 0", "Pad((1, -2)) expects at least as many elements as it crops, "
                        "but got (3, 0)."),)),
    pad((1, 2, 2, 0), ["N C H+3 W+3", "C H+3 W+3"], mode="reflect",
        errors=(("3 3 2", "Pad((1, 2, 2, 0), mode='reflect') expects at least (3, 3) elements to "
                          "copy from, for 'reflect', but got (3, 3, 2)."),)),
    pad((3, 1), ["N C H", "C H"], mode="replicate"),
    pad((1, 2, 2, 0), ["N C H+2 W+2", "C H+2 W+2"], mode="circular",
        errors=(("1 1 2", "Pad((1, 2, 2, 0), mode='circular') expects at least (2, 2) elements "
                          "to copy from, for 'circular', but got (1, 1, 2)."),)),
]  # fmt: skip


# The table

CASES = [
    pair("Add()", lambda x, y: x + y),
    pair("Sub()", lambda x, y: x - y),
    pair("Mul()", lambda x, y: x * y),
    pair("Div()", lambda x, y: x / y, like=(real, positive)),
    pair("Pow()", lambda x, y: x**y, like=(positive, real)),
    pair("Maximum()", lambda x, y: np.where(x > y, x, y), lambda T, x, y: T.maximum(x, y)),
    pair("Minimum()", lambda x, y: np.where(x < y, x, y), lambda T, x, y: T.minimum(x, y)),
    Case("Neg()", ONE, lambda x: -x, python=True),
    Case("Exp()", ONE, np.exp, lambda T, x: T.exp(x), python=True),
    Case("Log()", ONE, np.log, lambda T, x: T.log(x), (positive,), python=True),
    Case("Sqrt()", ONE, np.sqrt, lambda T, x: T.sqrt(x), (positive,), python=True),
    Case("Square()", ONE, lambda x: x * x, python=True),
    Case("Sin()", ONE, np.sin, lambda T, x: T.sin(x), python=True),
    Case("Cos()", ONE, np.cos, lambda T, x: T.cos(x), python=True),
    Case("Abs()", ONE, lambda x: np.where(x < 0, -x, x), lambda T, x: x.abs(), python=True),
    Case("Clip(min=-0.5, max=0.25)", ONE, lambda x: np.minimum(np.maximum(x, -0.5), 0.25),
         lambda T, x: x.clamp(-0.5, 0.25), python=True),
    Case("Clip(max=0.25)", ONE, lambda x: np.minimum(x, 0.25), lambda T, x: x.clamp(max=0.25),
         python=True),
    Case("MatMul()",
         ["N K, K M", "K, K M", "N K, K", "K, K", "B N K, K M", "B N K, K", "B N K, 1 K M",
          "N 1 M K, B K D", "K, B K M"],
         matmul, lambda T, x, y: x @ y, empty=True,
         errors=(("3 4, 5 2", "MatMul() expects a second input of height 4, but got (5, 2)."),
                 ("3 4, 5", "MatMul() expects a second input of height 4, but got (5,)."))),
    Case("ReLU()", ONE, lambda x: np.where(x > 0, x, 0 * x), lambda T, x: T.relu(x), python=True),
    Case("Sigmoid()", ONE, lambda x: 1 / (1 + np.exp(-x)), lambda T, x: T.sigmoid(x), python=True),
    Case("Tanh()", ONE, lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
         lambda T, x: T.tanh(x), python=True),
    Case("Softmax()", ["N C", "C", "B N C"], softmax, lambda T, x: x.softmax(-1)),
    Case("Softmax(dim=1)", ["B C H", "N C"], lambda x: softmax(x, 1), lambda T, x: x.softmax(1),
         errors=(("4", "Softmax(dim=1) expects inputs with an axis 1, but got (4,)."),)),
    Case("LogSoftmax()", ["N C", "C", "B N C"], lambda x: np.log(softmax(x)),
         lambda T, x: x.log_softmax(-1)),
    Case("LogSoftmax(dim=0)", ["N C"], lambda x: np.log(softmax(x, 0)),
         lambda T, x: x.log_softmax(0), empty=False),
    Case("Affine(4, 2)", ["N D", "D", "B N D"], affine, lambda T, x, W, b: x @ W + b,
         errors=(("3 5", "Affine(4, 2) expects inputs of width 4, but got (3, 5). "
                         "Did you mean Affine(5, 2)?"),
                 ("", "Affine(4, 2) expects inputs of width 4, but got a single number."))),
    Case("Affine(4, 2, bias=False)", ["N D", "D", "B N D"], affine, lambda T, x, W: x @ W),
    Case("Flatten()", ["N C H W", "N D"], lambda x: x.reshape(len(x), math.prod(x.shape[1:])),
         lambda T, x: x.flatten(1),
         errors=(("4", "Flatten() expects inputs with the axes 1 to -1, but got (4,)."),)),
    Case("Flatten(start_dim=0, end_dim=1)", ["N C H", "N C"],
         lambda x: x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), lambda T, x: x.flatten(0, 1)),
    Case("Reshape(-1, 2)", ["N 4", "N 2 3"], lambda x: x.reshape(-1, 2),
         errors=(("3 3", "Reshape(-1, 2) expects as many elements as fit (-1, 2), "
                         "but got (3, 3)."),)),
    Case("Transpose()", ONE, lambda x: x.T, lambda T, x: x.permute(tuple(range(x.ndim))[::-1])),
    Case("Transpose(0, 2, 1)", ["B N D"], lambda x: np.swapaxes(x, 1, 2),
         lambda T, x: x.permute(0, 2, 1),
         errors=(("3 4", "Transpose(0, 2, 1) expects inputs of 3 axes, but got (3, 4)."),)),
    Case("Slice((Ellipsis, 0))", ["N D", "D"], lambda x: x[..., 0]),
    Case("Slice((slice(None, None, None), [0, 2, 0]))", ["N 3"], lambda x: x[:, [0, 2, 0]],
         errors=(("4 2", "Slice((slice(None, None, None), [0, 2, 0])) expects inputs that have "
                         "this index, but got (4, 2). index 2 is out of bounds for axis 1 with "
                         "size 2"),)),
    Case("Slice((slice(None, None, 2), None))", ["N D", "D"], lambda x: x[::2, None]),
    Case("Dropout(p=0.25)", ONE, dropped, torch_dropped, python=True, inference=whole),
    Case("SoftmaxCrossEntropy()", ["N C, N", "C,", "N C H W, N H W"], cross_entropy(np.mean),
         torch_cross_entropy("mean"), (real, class_numbers), fixed=(1,), empty=False,
         errors=(("4 5, 3", "SoftmaxCrossEntropy() expects class numbers of shape (4,), "
                            "but got (3,)."),
                 ("4 5, 4 5 1", "SoftmaxCrossEntropy() expects class numbers of shape (4,), "
                                "but got (4, 5, 1)."),)),
    Case("SoftmaxCrossEntropy(reduction='sum')", ["N C, N"], cross_entropy(np.sum),
         torch_cross_entropy("sum"), (real, class_numbers), fixed=(1,)),
    Case("SoftmaxCrossEntropy(reduction='none')", ["N C, N", "N C H, N H"], cross_entropy(whole),
         torch_cross_entropy("none"), (real, class_numbers), fixed=(1,)),
    Case("SoftmaxCrossEntropy()", ["N C, N C", "C, C", "N C H, N C H"], cross_entropy(np.mean),
         torch_cross_entropy("mean"), (real, positive), empty=False),
    Case("SoftmaxCrossEntropy(reduction='none')", ["N C, N C", "N C H, N C H"],
         cross_entropy(whole), torch_cross_entropy("none"), (real, positive)),
    Case("MeanSquaredError()", SAME,
         lambda x, t: ((x - t) ** 2).mean(), python=True, empty=False,
         errors=(("3 4, 3 1", "MeanSquaredError() expects targets of the same shape (3, 4), "
                              "but got (3, 1)."),)),
    Case("MeanSquaredError(reduction='sum')", SAME, lambda x, t: ((x - t) ** 2).sum(),
         python=True),
    Case("MeanSquaredError(reduction='none')", SAME, lambda x, t: (x - t) ** 2,
         python=True),
    *[case for name, both in REDUCTIONS.items() for case in rows_of(both, name)],
    *CONVOLUTIONS,
    *POOLINGS,
]  # fmt: skip
