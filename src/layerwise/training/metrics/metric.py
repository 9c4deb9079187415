"""What a metric is: it is shown one batch after the other, and says what all were like."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import LayerwiseError, describe, show_shape
from ...optim.options import Options


class MetricError(LayerwiseError, ValueError):
    """A metric that cannot be computed of what it was given, or that there is not."""


class Metric(Options):
    """What all metrics share. A subclass has `start`, `add` and `result`.

    name     what the history calls it: a column, and `val_NAME` for the validation
    better   "higher", "lower", or None where neither is better

    `add` is shown one batch after the other, of any sizes, and `result` is that of all their rows
    together: a metric adds up what can be added, such as counts, and divides at the end. What it
    counts in are numbers, texts, arrays, and lists or dictionaries of these: checkpoints hold them.

    >>> class Bias(Metric):
    ...     name = "bias"
    ...     def start(self):
    ...         self.sum = self.count = 0
    ...     def add(self, out, t, weight=None):
    ...         self.sum += np.sum(out - t)
    ...         self.count += np.size(t)
    ...     def result(self):
    ...         return self.sum / self.count if self.count else None
    >>> bias = Bias()
    >>> bias.add(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    >>> bias.add(np.array([6.0]), np.array([0.0]))
    >>> bias.show(bias.result())
    '3.0000'
    """

    name: str = ""
    better: str | None = None

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Forget all rows."""
        raise NotImplementedError(f"{type(self).__name__} needs start().")

    def add(self, out: Any, t: Any, weight: Any = None) -> None:
        """One batch: what the network gave, the targets, and how much each row counts (None: 1)."""
        raise NotImplementedError(f"{type(self).__name__} needs add(out, t, weight=None).")

    def result(self) -> Any:
        """The metric of all rows since `start`: a float or an array; None: not computable."""
        raise NotImplementedError(f"{type(self).__name__} needs result().")

    def of(self, out: Any, t: Any, weight: Any = None) -> Any:
        """The result of these rows alone; what was added before stays as it is."""
        other = copy.copy(self)
        other.start()
        other.add(out, t, weight)
        return other.result()

    def show(self, value: Any) -> str:
        """A result as people read it."""
        if value is None:
            return "not computed"
        return ", ".join(map(self.show_one, np.ravel(value).tolist()))

    def show_one(self, value: float) -> str:
        """One number as people read it."""
        return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 1e5 else f"{value:.2e}"


class Mean(Metric):
    """A metric that is a mean: a subclass gives in `each` the numbers, and how much each counts."""

    def start(self) -> None:
        self.sum = self.total = 0.0

    def each(self, out: Any, t: Any, weight: Any) -> tuple[Any, Any]:
        """The numbers that the mean is of, and their weights, shaped like them; None: all 1."""
        raise NotImplementedError(f"{type(self).__name__} needs each(out, t, weight).")

    def add(self, out: Any, t: Any, weight: Any = None) -> None:
        values, weight = self.each(out, t, weight)
        if weight is not None:
            values = values * weight
        self.sum += float(np.sum(values, dtype=float))
        self.total += float(values.size if weight is None else np.sum(weight, dtype=float))

    def result(self) -> Any:
        return self.finish(self.sum / self.total) if self.total else None

    def finish(self, mean: float) -> float:
        """What the metric makes of the mean."""
        return mean


class FunctionMetric(Mean):
    """A person's own function of a batch, (out, t) -> number: the mean of what it gives, by rows.

    function   gives one number for a batch. Where that is a mean over rows, the result is exactly
               that of all rows together
    better     "higher" or "lower"; None: neither is better

    >>> def bias(out, t):
    ...     return np.mean(out - t)
    >>> FunctionMetric(bias).of(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    1.5
    """

    def __init__(self, function: Callable[[Any, Any], Any], better: str | None = None) -> None:
        self.function = function
        self.better = self.choice("better", better, ("higher", "lower", None))
        self.name = getattr(function, "__name__", type(function).__name__)
        super().__init__()

    def each(self, out: Any, t: Any, weight: Any) -> tuple[Any, Any]:
        value = self.function(out, t)
        if np.shape(value) != () or np.asarray(value).dtype.kind not in "fiub":
            raise MetricError(
                f"The metric {self.name}(out, t) gave {describe(value)}. Let it return one number."
            )
        rows = len(t) if weight is None else np.sum(weight, dtype=float)
        return np.asarray(value, float), np.asarray(rows, float)


class Share(Metric):
    """A metric that is a part of something, 0 to 1: shown in percent."""

    def show_one(self, value: float) -> str:
        return f"{100 * value:.2f} %"


def checked_weight(metric: Metric, weight: Any, shape: tuple[int, ...]) -> Any:
    """The weights of rows of this shape, one for each; None stays None."""
    if weight is None:
        return None
    weight = np.asarray(weight)
    if weight.shape not in (shape, shape[:1]) or weight.dtype.kind not in "fiub":
        wanted = " or ".join(map(show_shape, dict.fromkeys((shape[:1], shape))))
        raise MetricError(
            f"{metric!r} expects a weight for each row, of the shape {wanted}, but got "
            f"{describe(weight)}."
        )
    if not (weight >= 0).all():
        raise MetricError(f"{metric!r} expects weights of 0 or more, but got {weight.min()}.")
    wide = weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim))  # (N,) -> (N, 1, 1)
    return np.broadcast_to(wide, shape).astype(float)
