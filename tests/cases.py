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


def probability(rng, shape, sizes):
    return rng.uniform(0.1, 0.9, size=shape)


def negative(rng, shape, sizes):
    return -positive(rng, shape, sizes)


def class_numbers(rng, shape, sizes):
    numbers = np.asarray(rng.integers(0, sizes["C"], size=shape))
    numbers.flat[:1] = 0  # so that the first element of x, where a test puts NaN, counts
    return numbers


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


WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])  # for each of four classes


def negative_log_likelihood(reduction, weight=WEIGHT, ignored=2):
    """Row by row, as its name says."""

    def definition(x, t):
        losses = np.empty((x.shape[:1] + x.shape[2:]) if x.ndim > 1 else ())
        weights = np.empty(losses.shape)
        for row in np.ndindex(losses.shape):
            weights[row] = 0 if t[row] == ignored else weight[t[row]]
            losses[row] = -weights[row] * x[(*row[:1], t[row], *row[1:])]
        total = losses.sum() if reduction != "none" else losses
        return total / weights.sum() if reduction == "mean" else total

    return definition


def torch_loss(name, weight=None, **options):
    """A loss among PyTorch's functions; its weights in the dtype of x."""

    def function(torch, x, t):
        how = options if weight is None else options | {"weight": torch.tensor(weight).to(x.dtype)}
        return getattr(torch.nn.functional, name)(x, t, **how)

    return function


def binary_cross_entropy(x, t):
    return -(t * np.log(x) + (1 - t) * np.log(1 - x))


def binary_cross_entropy_with_logits(x, t, p=1):
    return -(p * t * np.log(sigmoid(x)) + (1 - t) * np.log(sigmoid(-x)))


def huber(e, delta):
    return np.where(abs(e) <= delta, e * e / 2, delta * (abs(e) - delta / 2))


def elementwise_loss(call, definition, torch, like=(real, real), **options):
    """A row for a loss that compares x and t element by element."""
    wrong = ("3 4, 3 1", f"{call} expects targets of the same shape (3, 4), but got (3, 1).")
    mean = "none" not in call and "sum" not in call
    errors = options.pop("errors", (wrong,))
    return Case(call, options.pop("shapes", SAME), definition, torch, like, empty=not mean,
                errors=errors, **options)  # fmt: skip


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


def whole(x):
    return x


def dropped_channels(x, p=0.25):
    keep = np.random.default_rng(7).random((*x.shape[:2], *[1] * (x.ndim - 2))) >= p
    return x * keep / (1 - p)


def alpha_dropped(x, p=0.25):
    """Before the scale and the shift, what is dropped has the value that SELU has far left."""
    low = -1.0507009873554805 * 1.6732632423543772
    keep = np.random.default_rng(7).random(x.shape) >= p
    mean, variance = p * low, (1 - p) + p * low**2 - (p * low) ** 2  # x having the mean 0, 1
    return (x * keep + low * (1 - keep) - mean) / np.sqrt(variance)


def drawn_slopes(x):
    return np.where(x > 0, 1, np.random.default_rng(7).uniform(1 / 8, 1 / 3, x.shape))


def noise(x):
    return 0.5 * np.random.default_rng(7).normal(size=x.shape)


def as_drawn(definition):
    """For PyTorch a random layer is linear: the factor and the shift of its definition."""

    def function(torch, x):
        shift = definition(np.zeros(x.shape))
        factor = definition(np.ones(x.shape)) - shift
        return x * torch.asarray(factor).to(x.dtype) + torch.asarray(shift).to(x.dtype)

    return function


# What activations are made of

erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def prelu(x, a):
    a = a[0] if len(a) == 1 else a.reshape(len(a), *[1] * (x.ndim - 2))
    return np.where(x > 0, x, a * x)


def glu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(b)


def swiglu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(a) * b


def torch_swiglu(torch, x, dim=-1):
    a, b = x.chunk(2, dim)
    return torch.nn.functional.silu(a) * b


def activation(call, definition, function=None, **options):
    """A row for a layer that PyTorch has under the same call, or as one of its functions."""
    function = function or (lambda T, x: eval(call, vars(T.nn))(x))
    return Case(call, ONE, definition, function, python=True, **options)


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
    Case("Softmin()", ["N C", "C", "B N C"], lambda x: softmax(-x),
         lambda T, x: T.nn.functional.softmin(x, -1)),
    Case("Softmin(dim=1)", ["B C H", "N C"], lambda x: softmax(-x, 1),
         lambda T, x: T.nn.functional.softmin(x, 1),
         errors=(("4", "Softmin(dim=1) expects inputs with an axis 1, but got (4,)."),)),
    activation("Identity()", whole),
    activation("Softplus()", lambda x: np.log(1 + np.exp(x))),
    activation("Softplus(beta=2.0, threshold=0.5)",
               lambda x: np.where(2 * x > 0.5, x, np.log(1 + np.exp(2 * x)) / 2)),
    activation("LogSigmoid()", lambda x: np.log(sigmoid(x))),
    activation("Tanhshrink()", lambda x: x - np.tanh(x)),
    activation("Softsign()", lambda x: x / (1 + abs(x))),
    activation("LeakyReLU()", lambda x: np.where(x > 0, x, 0.01 * x)),
    activation("LeakyReLU(negative_slope=-0.5)", lambda x: np.where(x > 0, x, -0.5 * x)),
    Case("PReLU()", ONE, prelu, lambda T, x, a: T.nn.functional.prelu(x, a)),
    Case("PReLU(num_parameters=4)", ["N 4", "N 4 H W", "N 4 H"], prelu,
         lambda T, x, a: T.nn.functional.prelu(x, a),
         errors=(("3 5", "PReLU(num_parameters=4) expects inputs with 4 channels on axis 1, "
                         "but got (3, 5)."),
                 ("4", "PReLU(num_parameters=4) expects inputs with 4 channels on axis 1, "
                       "but got (4,)."))),
    activation("RReLU()", lambda x: x * drawn_slopes(x),
               lambda T, x: x * T.asarray(drawn_slopes(x.detach().numpy())).to(x.dtype),
               inference=lambda x: np.where(x > 0, x, x * 11 / 48)),
    activation("ELU()", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    activation("ELU(alpha=2.5)", lambda x: np.where(x > 0, x, 2.5 * (np.exp(x) - 1))),
    activation("SELU()", lambda x: 1.0507009873554805 * np.where(
        x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))),
    activation("CELU()", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    activation("CELU(alpha=2.5)", lambda x: np.where(x > 0, x, 2.5 * (np.exp(x / 2.5) - 1))),
    activation("SiLU()", lambda x: x * sigmoid(x)),
    activation("GELU()", lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    activation("GELU(approximate='tanh')", lambda x: x / 2 * (
        1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    activation("Mish()", lambda x: x * np.tanh(np.log(1 + np.exp(x)))),
    activation("Hardswish()", lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6),
    Case("GLU()", ["N 4", "2", "B N 6"], glu, lambda T, x: T.nn.functional.glu(x),
         errors=(("3 5", "GLU() expects inputs with an even size on axis -1, but got (3, 5)."),
                 ("", "GLU() expects inputs with an axis -1, but got a single number."))),
    Case("GLU(dim=1)", ["N 4 H", "N 4"], lambda x: glu(x, 1),
         lambda T, x: T.nn.functional.glu(x, 1),
         errors=(("4", "GLU(dim=1) expects inputs with an axis 1, but got (4,)."),)),
    Case("SwiGLU()", ["N 4", "2", "B N 6"], swiglu, torch_swiglu,
         errors=(("3 5", "SwiGLU() expects inputs with an even size on axis -1, "
                         "but got (3, 5)."),)),
    Case("SwiGLU(dim=1)", ["N 4 H", "N 4"], lambda x: swiglu(x, 1),
         lambda T, x: torch_swiglu(T, x, 1)),
    activation("Hardtanh()", lambda x: np.minimum(np.maximum(x, -1), 1)),
    activation("Hardtanh(min_val=-0.5, max_val=0.25)",
               lambda x: np.minimum(np.maximum(x, -0.5), 0.25)),
    activation("ReLU6()", lambda x: np.minimum(np.maximum(x, 0), 6)),
    activation("Hardsigmoid()", lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
               lambda T, x: T.nn.functional.relu6(x + 3) / 6),  # its own has 1/6 in float32
    activation("Hardshrink()", lambda x: np.where(abs(x) > 0.5, x, 0 * x)),
    activation("Softshrink()", lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0)),
    activation("Softshrink(lambd=0.25)", lambda x: np.sign(x) * np.maximum(abs(x) - 0.25, 0)),
    activation("Threshold(0.25, -2.0)", lambda x: np.where(x > 0.25, x, -2.0)),
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
    activation("Dropout(p=0.25)", dropped, as_drawn(dropped), inference=whole),
    Case("Dropout2d(p=0.25)", ["N C H W", "N C", "N C H"], dropped_channels,
         as_drawn(dropped_channels), inference=whole,
         errors=(("4", "Dropout2d(p=0.25) expects inputs with the axes N, C, but got (4,)."),)),
    activation("AlphaDropout(p=0.25)", alpha_dropped, as_drawn(alpha_dropped), inference=whole),
    activation("GaussianNoise(0.5)", lambda x: x + noise(x), as_drawn(lambda x: x + noise(x)),
               inference=whole),
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
    elementwise_loss("L1()", lambda x, t: abs(x - t).mean(), torch_loss("l1_loss"), python=True),
    elementwise_loss("L1(reduction='none')", lambda x, t: abs(x - t),
                     torch_loss("l1_loss", reduction="none"), python=True),
    elementwise_loss("SmoothL1()", lambda x, t: huber(x - t, 1).mean(),
                     torch_loss("smooth_l1_loss"), python=True),
    elementwise_loss("SmoothL1(reduction='sum', beta=0.5)",
                     lambda x, t: huber(x - t, 0.5).sum() / 0.5,
                     torch_loss("smooth_l1_loss", reduction="sum", beta=0.5), python=True),
    elementwise_loss("Huber()", lambda x, t: huber(x - t, 1).mean(),
                     torch_loss("huber_loss"), python=True),
    elementwise_loss("Huber(reduction='none', delta=0.5)", lambda x, t: huber(x - t, 0.5),
                     torch_loss("huber_loss", reduction="none", delta=0.5), python=True),
    elementwise_loss("BinaryCrossEntropy()", lambda x, t: binary_cross_entropy(x, t).mean(),
                     torch_loss("binary_cross_entropy"), (probability, probability)),
    elementwise_loss("BinaryCrossEntropy(weight=[0.5, 2.0, 1.0, 3.0], reduction='none')",
                     lambda x, t: WEIGHT * binary_cross_entropy(x, t),
                     torch_loss("binary_cross_entropy", WEIGHT, reduction="none"),
                     (probability, probability), shapes=["N C, N C", "C, C", "B N C, B N C"],
                     held="C",
                     errors=(("3 5, 3 5", "BinaryCrossEntropy(weight=[0.5, 2.0, 1.0, 3.0], "
                              "reduction='none') expects inputs that weights of shape (4,) fit, "
                              "but got (3, 5)."),)),
    elementwise_loss("BinaryCrossEntropyWithLogits()",
                     lambda x, t: binary_cross_entropy_with_logits(x, t).mean(),
                     torch_loss("binary_cross_entropy_with_logits"), (real, probability),
                     python=True),
    elementwise_loss("BinaryCrossEntropyWithLogits(reduction='sum', pos_weight=2.5)",
                     lambda x, t: binary_cross_entropy_with_logits(x, t, 2.5).sum(),
                     lambda T, x, t: T.nn.functional.binary_cross_entropy_with_logits(
                         x, t, reduction="sum", pos_weight=T.tensor(2.5).to(x.dtype)),
                     (real, probability), python=True),
    elementwise_loss("BinaryCrossEntropyWithLogits(weight=[0.5, 2.0, 1.0, 3.0], "
                     "pos_weight=[0.5, 2.0, 1.0, 3.0])",
                     lambda x, t: (WEIGHT * binary_cross_entropy_with_logits(x, t, WEIGHT)).mean(),
                     lambda T, x, t: T.nn.functional.binary_cross_entropy_with_logits(
                         x, t, T.tensor(WEIGHT).to(x.dtype),
                         pos_weight=T.tensor(WEIGHT).to(x.dtype)),
                     (real, probability), shapes=["N C, N C", "C, C"], held="C",
                     errors=(("3, 3", "BinaryCrossEntropyWithLogits(weight=[0.5, 2.0, 1.0, 3.0], "
                              "pos_weight=[0.5, 2.0, 1.0, 3.0]) expects inputs that weights of "
                              "shape (4,) fit, but got (3,)."),)),
    elementwise_loss("KLDivergence()", lambda x, t: (t * (np.log(t) - x)).mean(),
                     lambda T, x, t: torch_loss("kl_div", reduction="none")(T, x, t).mean(),
                     (real, positive), python=True),
    elementwise_loss("KLDivergence(reduction='batchmean')",
                     lambda x, t: (t * (np.log(t) - x)).sum() / len(x),
                     torch_loss("kl_div", reduction="batchmean"), (real, positive),
                     shapes=["N D, N D", "D, D"]),
    elementwise_loss("KLDivergence(reduction='none', log_target=True)",
                     lambda x, t: np.exp(t) * (t - x),
                     torch_loss("kl_div", reduction="none", log_target=True), python=True),
    Case("NegativeLogLikelihood()", ["N C, N", "C,", "N C H W, N H W"],
         negative_log_likelihood("mean", np.ones(9), -100), torch_loss("nll_loss"),
         (real, class_numbers), fixed=(1,), empty=False,
         errors=(("4 5, 3", "NegativeLogLikelihood() expects class numbers of shape (4,), "
                            "but got (3,)."),
                 (", 3", "NegativeLogLikelihood() expects a logarithm for each class, "
                         "but got a single number."))),
    *[Case(f"NegativeLogLikelihood(weight=[0.5, 2.0, 1.0, 3.0], ignore_index=2{how})",
           ["N C, N", "C,", "N C H, N H"], negative_log_likelihood(reduction),
           torch_loss("nll_loss", WEIGHT, ignore_index=2, reduction=reduction),
           (real, class_numbers), fixed=(1,), empty=reduction != "mean", held="C",
           errors=(("3 5, 3", "NegativeLogLikelihood(weight=[0.5, 2.0, 1.0, 3.0], "
                              f"ignore_index=2{how}) expects inputs of 4 classes, "
                              "but got (3, 5)."),))
      for reduction, how in [("mean", ""), ("sum", ", reduction='sum'"),
                             ("none", ", reduction='none'")]],
    *[case for name, both in REDUCTIONS.items() for case in rows_of(both, name)],
    *norm_rows(),
    *join_rows(),
    *CONVOLUTIONS,
    *POOLINGS,
]  # fmt: skip
