"""One table of cases for all layers: a new layer is a new row, and every test runs over the rows.

A row is the call that makes the layer (which is also what its repr must say), the shapes of its
inputs, and its definition in plain NumPy or naive loops. Shapes are words: "N D, D" is an input
with the axes N and D, and another with the axis D. The tests choose the sizes; "" is one number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import layerwise as lw

SIZES = {"B": 2, "N": 3, "C": 4, "D": 4, "K": 5, "M": 2, "H": 3, "W": 2}


# What the numbers of an input are like


def real(rng, shape, sizes):
    return rng.normal(size=shape)


def positive(rng, shape, sizes):
    return rng.uniform(0.5, 2.0, size=shape)


def class_numbers(rng, shape, sizes):
    return rng.integers(0, sizes["C"], size=shape)


def yes_or_no(rng, shape, sizes):
    return rng.random(shape) < 0.5


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
    held: str = ""  # the axes whose sizes are said in the call
    several: str = ""  # the axes of which one element is too few
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
            shape = [int(axis) if axis.isdigit() else sizes[axis] for axis in word.split()]
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


def standard(x, eps=1e-5):
    """All numbers of x at mean 0 and variance 1."""
    return (x - x.mean()) / np.sqrt(var(x) + eps) if x.size else x


def by_channel(x, gamma=None, beta=None):
    """Times gamma and plus beta, channel by channel."""
    out = np.array(x)
    for c in range(x.shape[1]):
        out[:, c] = x[:, c] * (1 if gamma is None else gamma[c]) + (0 if beta is None else beta[c])
    return out


def batch_norm(x, *scale, eps=1e-5, **scales):
    channels = [standard(x[:, c], eps) for c in range(x.shape[1])]
    return by_channel(np.stack(channels, axis=1), *scale, **scales)


def batch_norm_outside_training(x, **scales):
    """At first the running mean is 0 and the running variance 1."""
    return by_channel(x / np.sqrt(1 + 1e-5), **scales)


def instance_norm(x, **scales):
    out = np.array(x)
    for n, c in np.ndindex(x.shape[:2]):
        out[n, c] = standard(x[n, c])
    return by_channel(out, **scales)


def group_norm(x, groups=2, **scales):
    out, size = np.array(x), x.shape[1] // groups
    for n, c in np.ndindex(x.shape[0], groups):
        group = slice(c * size, (c + 1) * size)
        out[n, group] = standard(x[n, group])
    return by_channel(out, **scales)


def layer_norm(x, gamma=1, beta=0, axes=1):
    rows = [standard(row) for row in x.reshape(-1, *x.shape[-axes:])]
    return np.reshape(rows, x.shape) * gamma + beta


def rms_norm(x, gamma=1, eps=2.0**-52):
    rows = [row / np.sqrt(np.mean(row * row) + eps) for row in x.reshape(-1, x.shape[-1])]
    return np.reshape(rows, x.shape) * gamma


def local_response_norm(x, size, alpha, beta=0.75, k=1.0):
    out = np.array(x)
    for c in range(x.shape[1]):
        first = max(c - size // 2, 0)
        window = x[:, first : c - size // 2 + size]
        out[:, c] = x[:, c] / (k + alpha / size * np.sum(window * window, axis=1)) ** beta
    return out


def norm_rows():
    """The rows of the normalisations."""
    images = ["N C H", "N C H W", "N C 2 H 1"]
    wrong = ("3 5", "BatchNorm(4) expects inputs of the shape (N, 4, ...), but got (3, 5). "
                    "Did you mean BatchNorm(5)?")  # fmt: skip
    flat = ("4", "BatchNorm(4) expects inputs of the shape (N, 4, ...), but got (4,).")
    one = ("1 4", "BatchNorm(4) expects more than one value per channel to take a variance of, "
                  "but got (1, 4). Give a larger batch. In inference, with running statistics, "
                  "one row will do.")  # fmt: skip
    fixed = {"held": "C", "several": "N", "inference": batch_norm_outside_training}
    yield Case("BatchNorm(4)", ["N C", *images], batch_norm, torch_batch_norm(),
               errors=(wrong, flat, one), **fixed)  # fmt: skip
    yield Case("BatchNorm(4, affine=False)", ["N C", "N C H"], batch_norm, torch_batch_norm(),
               **fixed)  # fmt: skip
    yield Case("BatchNorm(4, momentum=None, bias=False)", ["N C H"], batch_norm,
               torch_batch_norm(), **fixed)  # fmt: skip
    yield Case("BatchNorm(4, eps=0.1, track_running_stats=False)", ["N C", "N C H"],
               lambda x, gamma, beta: batch_norm(x, gamma, beta, eps=0.1), torch_batch_norm(0.1),
               held="C", several="N")  # fmt: skip
    wanted = "InstanceNorm(4) expects inputs of the shape (N, 4, L, ...), but got"
    yield Case("InstanceNorm(4)", images, instance_norm,
               lambda T, x: T.nn.functional.instance_norm(x), held="C", several="H",
               errors=(("3 5 2", f"{wanted} (3, 5, 2). Did you mean InstanceNorm(5)?"),
                       ("3 4", f"{wanted} (3, 4)."),
                       ("3 4 1", "InstanceNorm(4) expects more than one value per channel and "
                                 "image to take a variance of, but got (3, 4, 1). Give larger "
                                 "images.")))  # fmt: skip
    yield Case("InstanceNorm(4, affine=True, track_running_stats=True)", images, instance_norm,
               lambda T, x, gamma, beta: T.nn.functional.instance_norm(x, None, None, gamma, beta),
               held="C", several="H", inference=batch_norm_outside_training)  # fmt: skip
    yield Case("GroupNorm(2, 4)", ["N C", *images], group_norm,
               lambda T, x, gamma, beta: T.nn.functional.group_norm(x, 2, gamma, beta), held="C",
               errors=(("3 5", "GroupNorm(2, 4) expects inputs of the shape (N, 4, ...), "
                               "but got (3, 5)."),))  # fmt: skip
    yield Case("GroupNorm(1, 4, affine=False)", ["N C", "N C H"], lambda x: group_norm(x, 1),
               lambda T, x: T.nn.functional.group_norm(x, 1), held="C")  # fmt: skip
    wanted = "expects inputs of the shape (..., 4), but got"
    yield Case("LayerNorm((4,))", ["N D", "D", "B N D"], layer_norm,
               lambda T, x, gamma, beta: T.nn.functional.layer_norm(x, (4,), gamma, beta), held="D",
               errors=(("3 5", f"LayerNorm((4,)) {wanted} (3, 5)."),
                       ("", f"LayerNorm((4,)) {wanted} a single number.")))  # fmt: skip
    yield Case("LayerNorm((3, 4), bias=False)", ["N 3 4", "3 4"],
               lambda x, gamma: layer_norm(x, gamma, axes=2),
               lambda T, x, gamma: T.nn.functional.layer_norm(x, (3, 4), gamma),
               errors=(("2 4", "LayerNorm((3, 4), bias=False) expects inputs of the shape "
                               "(..., 3, 4), but got (2, 4)."),))  # fmt: skip
    yield Case("LayerNorm((4,), elementwise_affine=False)", ["N D"], layer_norm,
               lambda T, x: T.nn.functional.layer_norm(x, (4,)), held="D")  # fmt: skip
    yield Case("RMSNorm((4,))", ["N D", "D", "B N D"], rms_norm,
               lambda T, x, gamma: T.nn.functional.rms_norm(x, (4,), gamma), held="D",
               errors=(("3 5", f"RMSNorm((4,)) {wanted} (3, 5)."),))  # fmt: skip
    yield Case("RMSNorm((4,), eps=0.1, elementwise_affine=False)", ["N D"],
               lambda x: rms_norm(x, eps=0.1),
               lambda T, x: T.nn.functional.rms_norm(x, (4,), eps=0.1), held="D")  # fmt: skip
    for size in (1, 2, 3, 9):
        yield Case(f"LocalResponseNorm({size}, alpha=0.5)", images,
                   lambda x, size=size: local_response_norm(x, size, 0.5),
                   lambda T, x, size=size: T.nn.functional.local_response_norm(x, size, 0.5),
                   errors=(("4", f"LocalResponseNorm({size}, alpha=0.5) expects inputs of the "
                                 "shape (N, C, ...), but got (4,)."),))  # fmt: skip
    yield Case("LocalResponseNorm(3, alpha=0.5, beta=2.0, k=0.5)", ["N C"],
               lambda x: local_response_norm(x, 3, 0.5, 2.0, 0.5),
               lambda T, x: T.nn.functional.local_response_norm(x[..., None], 3, 0.5, 2.0, 0.5)
               [..., 0])  # fmt: skip


def join_rows():
    """The rows of the layers that join their inputs."""
    three = (real, real, real)

    def concat(dim):
        return lambda *xs: np.moveaxis(
            np.array([row for x in xs for row in np.moveaxis(x, dim, 0)]), 0, dim
        )

    yield Case("Concat()", ["N D, N D, M D", "N, M, K"], lambda *xs: np.concatenate(xs),
               lambda T, *xs: T.cat(xs), like=three, empty=True,
               errors=(("3 4, 2 5", "Concat() expects inputs like (3, 4), but for the axis 0, "
                                    "but got (2, 5)."),
                       ("3 4, 4", "Concat() expects inputs like (3, 4), but for the axis 0, "
                                  "but got (4,)."),
                       (",", "Concat() expects inputs with an axis 0, but got a single number."),
                       ))  # fmt: skip
    yield Case("Concat(dim=-1)", ["N D, N M", "D, K", "B N D, B N D"], concat(-1),
               lambda T, *xs: T.cat(xs, -1))  # fmt: skip
    yield Case("Concat(dim=1)", ["N C H, N M H, N K H"], concat(1), lambda T, *xs: T.cat(xs, 1),
               like=three)  # fmt: skip
    yield Case("Stack()", ["N D, N D, N D", ", ,"], lambda *xs: np.array(xs),
               lambda T, *xs: T.stack(xs), like=three,
               errors=(("3 4, 3 5", "Stack() expects inputs of the shape (3, 4), but got (3, 5)."),
                       ("3 4, 4", "Stack() expects inputs of the shape (3, 4), but got (4,).")),
               )  # fmt: skip
    yield Case("Stack(dim=-1)", ["N D, N D", ","], lambda *xs: np.moveaxis(np.array(xs), 0, -1),
               lambda T, *xs: T.stack(xs, -1))  # fmt: skip
    yield Case("Stack(dim=2)", ["N D, N D", "B N D, B N D"],
               lambda *xs: np.moveaxis(np.array(xs), 0, 2), lambda T, *xs: T.stack(xs, 2),
               errors=(("3, 3", "Stack(dim=2) expects inputs of 2 axes or more, but got (3,)."),),
               )  # fmt: skip
    yield Case("Where()", ["N D, N D, N D", "D, N D, N 1", "N 1, 1 D,", ",,"],
               lambda c, x, y: c * x + (1 - c) * y, lambda T, c, x, y: T.where(c, x, y),
               like=(yes_or_no, real, real), fixed=(0,),
               errors=(("3 4, 3 4, 5", "Where() expects inputs that broadcast to (3, 4), "
                                       "but got (5,)."),))  # fmt: skip


def torch_batch_norm(eps=1e-5):
    def function(torch, x, gamma=None, beta=None):
        return torch.nn.functional.batch_norm(x, None, None, gamma, beta, True, eps=eps)

    return function


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
    Case("Affine(4, 2)", ["N D", "D", "B N D"], affine, lambda T, x, W, b: x @ W + b, held="D",
         errors=(("3 5", "Affine(4, 2) expects inputs of width 4, but got (3, 5). "
                         "Did you mean Affine(5, 2)?"),
                 ("", "Affine(4, 2) expects inputs of width 4, but got a single number."))),
    Case("Affine(4, 2, bias=False)", ["N D", "D", "B N D"], affine, lambda T, x, W: x @ W,
         held="D"),
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
    *norm_rows(),
    *join_rows(),
]  # fmt: skip
