"""How elements of a layer's output depend on elements of its inputs, as data for the page.

The page can follow one element through a layer whose rule is known here: which elements of the
inputs went into it, and with which factors. Any other layer ends the trail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import layers
from ..seat import Seat

Rule = dict[str, Any]


def rule_of(seat: Seat, slopes: tuple[Any, ...] = ()) -> Rule | None:
    """The rule of the layer at a seat, for the shapes it has seen; None: not known.

    slopes   its local derivatives: a layer that has them works on each element by itself
    """
    if isinstance(seat.value, tuple) or seat.value is None:
        return None
    for cls in type(seat.layer).__mro__:
        if cls in RULES:
            return RULES[cls](seat)
    return {"rule": "elementwise"} if any(one is not None for one in slopes) else None


def windows(kind: str, seat: Seat) -> Rule:
    window = seat.layer.window
    return {
        "rule": kind,
        "kernel": list(window.kernel),
        "stride": list(window.stride),
        "pad": [before for before, _ in window.padding],
        "dilation": list(window.dilation),
        "groups": getattr(seat.layer, "groups", 1),
    }


def convolution(seat: Seat) -> Rule | None:
    return windows("conv", seat) if seat.layer.padding_mode == "zeros" else None


def mean_pooling(seat: Seat) -> Rule:
    return windows("pool", seat) | {"factor": "mean"}


def max_pooling(seat: Seat) -> Rule:
    return windows("pool", seat) | {"factor": "max"}


def transposition(seat: Seat) -> Rule:
    count = np.ndim(seat.value)
    axes = seat.layer.axes or range(count)[::-1]
    return {"rule": "transpose", "axes": [int(axis) % count for axis in axes]}


def reduction(seat: Seat) -> Rule:
    shape = np.shape(seat.inputs[0].value)
    axis = seat.layer.axis
    axes = range(len(shape)) if axis is None else {int(a) % len(shape) for a in np.atleast_1d(axis)}
    kind = "mean" if isinstance(seat.layer, layers.Mean) else "sum"
    return {"rule": "reduce", "axes": sorted(axes), "keep": seat.layer.keepdims, "factor": kind}


def always(kind: str, **more: Any) -> Callable[[Seat], Rule]:
    return lambda seat: {"rule": kind, **more}


RULES: dict[type, Callable[[Seat], Rule | None]] = {
    layers.Affine: always("affine"),
    layers.Conv1d: convolution,
    layers.Conv2d: convolution,
    layers.AvgPool2d: mean_pooling,
    layers.MaxPool2d: max_pooling,
    layers.MatMul: always("matmul"),
    layers.Reshape: always("reshape"),
    layers.Flatten: always("reshape"),
    layers.Unflatten: always("reshape"),
    layers.Transpose: transposition,
    layers.Sum: reduction,
    layers.Mean: reduction,
    layers.Add: always("binary", op="+"),
    layers.Sub: always("binary", op="-"),
    layers.Mul: always("binary", op="*"),
    layers.Div: always("binary", op="/"),
    layers.Embedding: always("embedding"),
}
