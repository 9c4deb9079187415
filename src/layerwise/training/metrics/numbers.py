"""Metrics of numbers that are to be met: how far off they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import describe, show_shape
from .metric import Mean, Metric, MetricError, checked_weight


def columns(metric: Metric, out: Any, t: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Numbers, targets and weights with a row for each other: (N, K), (N, K), (N, 1) or None."""
    out, t = np.asarray(out), np.asarray(t)
    if out.shape != t.shape or out.ndim == 0 or {out.dtype.kind, t.dtype.kind} - {*"fiub"}:
        hint = ""
        if out.shape in ((*t.shape, 1), t.shape[:-1]) and out.size == t.size:
            hint = f" Give t.reshape({', '.join(map(str, (-1, *out.shape[1:])))})."
        raise MetricError(
            f"{metric!r} expects targets like the output, {show_shape(out.shape)}, but t is "
            f"{describe(t)}.{hint}"
        )
    weight = checked_weight(metric, weight, out.shape[:1])
    flat = len(out), math.prod(out.shape[1:])  # (N, ...) -> (N, K)
    out, t = out.reshape(flat).astype(float), t.reshape(flat).astype(float)
    if weight is None:
        return out, t, None
    counts = weight > 0  # what does not count may be NaN
    return out[counts], t[counts], weight[counts, None]


class Errors(Mean):
    """What MAE and MSE have in common: a mean of what each element is off."""

    better = "lower"

    def one(self, e: Any) -> Any:
        """What an error e = out - t counts."""
        raise NotImplementedError(f"{type(self).__name__} needs one(e).")

    def each(self, out: Any, t: Any, weight: Any) -> tuple[Any, Any]:
        out, t, weight = columns(self, out, t, weight)
        e = self.one(out - t)
        return e, None if weight is None else np.broadcast_to(weight, e.shape)


class MAE(Errors):
    """The mean absolute error: the mean of |out - t| over all elements, in their unit.

    shapes   out and t of one shape, (N, ...); weight (N,)
    errors   MetricError if the shapes differ: broadcasting here is always a mistake

    >>> MAE().of(np.array([1.0, 3.0]), np.array([0.0, 5.0]))
    1.5
    """

    name = "mae"

    def one(self, e: Any) -> Any:
        return np.abs(e)


class MSE(Errors):
    """The mean squared error: the mean of (out - t)² over all elements.

    shapes   out and t of one shape, (N, ...); weight (N,)
    errors   MetricError if the shapes differ: broadcasting here is always a mistake

    >>> MSE().of(np.array([1.0, 3.0]), np.array([0.0, 5.0]))
    2.5
    """

    name = "mse"

    def one(self, e: Any) -> Any:
        return np.square(e)


class RMSE(MSE):
    """The root of the mean squared error, which has the unit of what is to be met.

    shapes   out and t of one shape, (N, ...); weight (N,)
    errors   MetricError if the shapes differ: broadcasting here is always a mistake

    >>> RMSE().of(np.array([1.0, 7.0]), np.array([0.0, 0.0]))
    5.0
    """

    name = "rmse"

    def finish(self, mean: float) -> float:
        return mean**0.5


class R2(Metric):
    """How much of what the targets vary is explained: 1 - sum of (out - t)² / sum of (t - mean)².

    result   at most 1, everything; always answering with the mean of t has 0, and worse is below.
             Of several columns it is the mean over them
    shapes   out and t of one shape, (N, ...); weight (N,)
    errors   MetricError if the shapes differ

    A column in which t does not vary is left out; where there is no other, the result is None.

    >>> R2().of(np.array([1.0, 2.0, 3.5]), np.array([1.0, 2.0, 3.0]))
    0.875
    """

    name, better = "r2", "higher"

    def start(self) -> None:
        self.total = 0.0
        self.mean: Any = 0.0  # of t, for each column (K,)
        self.spread: Any = 0.0  # the sum of (t - mean)²
        self.missed: Any = 0.0  # the sum of (out - t)²

    def add(self, out: Any, t: Any, weight: Any = None) -> None:
        out, t, weight = columns(self, out, t, weight)
        weight = np.ones((len(t), 1)) if weight is None else weight
        now, before = float(weight.sum()), self.total
        if now == 0:
            return
        if before and np.shape(self.mean) != t.shape[1:]:
            raise MetricError(
                f"{self!r} was shown {len(self.mean)} columns so far, and now {t.shape[1]}. Call "
                "start() before another network."
            )
        mean = (weight * t).sum(axis=0) / now  # (N, K) -> (K,)
        apart = mean - self.mean
        self.total = before + now
        # sums of squares about two means become those about the common one (Chan et al., 1979)
        self.spread = (
            self.spread
            + (weight * np.square(t - mean)).sum(axis=0)
            + np.square(apart) * before * now / self.total
        )
        self.mean = self.mean + apart * now / self.total
        self.missed = self.missed + (weight * np.square(out - t)).sum(axis=0)

    def result(self) -> Any:
        varies = np.asarray(self.spread) > 0
        if not varies.any():
            return None
        return float(np.mean(1 - self.missed[varies] / self.spread[varies]))
