"""How metrics of classes read what a network gave, and its targets, whatever form they have."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...errors import describe, show_shape
from .metric import Metric, MetricError, checked_weight

SUM_TOLERANCE = 0.01  # shares of float16 that were rounded do not sum to 1 any closer


class Answers(NamedTuple):
    """The rows that count, each with the scores of all classes, one of which is right."""

    scores: Any  # (M, C)
    t: Any  # (M,) class numbers
    weight: Any  # (M,), or None: all 1

    def said(self) -> Any:
        """The class that each row was given, the first of equals; -1 where a score is NaN."""
        best = self.scores.argmax(axis=1)  # (M, C) -> (M,); it stops at the first NaN
        top = self.scores[np.arange(len(best)), best]
        return np.where(np.isnan(top), -1, best)

    def count(self, numbers: Any, among: Any = slice(None)) -> Any:
        """How often each class is among some of the numbers, or what these rows weigh: (C,)."""
        weight = None if self.weight is None else self.weight[among]
        return np.bincount(numbers[among], weight, self.scores.shape[1])


class ClassMetric(Metric):
    """What the metrics have in common that look at classes.

    out    (N, C) scores, further axes behind them, as (N, C, H, W); for two classes also one score
           for each row, (N,) or (N, 1): the second class is meant where it is above 0
    t      class numbers (N,), (N, H, W); or one-hot rows like out. Rows of shares that sum to 1, as
           mixup makes them, count as their largest
    weight   (N,), or one for each class number

    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities and no scores (logits). A single one for each
                    row then means the second class where it is above 0.5
    """

    def __init__(self, ignore_index: int = -100, probabilities: bool = False) -> None:
        self.ignore_index, self.probabilities = ignore_index, probabilities
        super().__init__()

    def read(self, out: Any, t: Any, weight: Any = None) -> Answers:
        """The rows that count, as flat arrays."""
        out, t = np.asarray(out), np.asarray(t)
        if out.ndim == 0 or out.dtype.kind not in "fiu" or (out.ndim > 1 and out.shape[1] == 0):
            raise MetricError(
                f"{self!r} expects scores for each row, (N, C) or (N,), but got "
                f"{describe(out if out.ndim else out.item())}."
            )
        if is_single(out):
            numbers, out = self.yes_or_no(out, t), two_columns(out, self.probabilities)
        else:
            numbers = self.numbers(out, t)
        weight = checked_weight(self, weight, numbers.shape)
        flat = out if out.ndim == 2 else np.moveaxis(out, 1, -1)
        scores = flat.reshape(-1, out.shape[1])  # (N, C, H, W) -> (NHW, C)
        found = Answers(scores, numbers.ravel(), None if weight is None else weight.ravel())
        counts = found.t != self.ignore_index
        counts = counts if weight is None else counts & (found.weight > 0)
        if not counts.all():
            kept = None if weight is None else found.weight[counts]
            found = Answers(scores[counts], found.t[counts], kept)
        self.check_range(found)
        return found

    def numbers(self, out: Any, t: Any) -> Any:
        """The class numbers of targets for (N, C, ...) scores: (N, ...)."""
        rows = out.shape[:1] + out.shape[2:]
        if t.shape == rows and t.dtype.kind in "iu":
            return t
        if t.shape != out.shape or t.dtype.kind not in "fiub":
            whole = t.dtype.kind == "f" and t.shape == rows
            raise MetricError(
                f"{self!r} expects class numbers of shape {show_shape(rows)} or one-hot rows of "
                f"shape {show_shape(out.shape)}, but t is {describe(t)}."
                + (" Convert them: t.astype(int)." if whole else "")
            )
        wrong = ~((t >= 0).all(axis=1) & (abs(t.sum(axis=1) - 1) < SUM_TOLERANCE))
        if wrong.any():
            row = tuple(np.argwhere(wrong)[0].tolist())
            raise MetricError(
                f"{self!r} expects rows that are 1 at the right class and 0 elsewhere, but row "
                f"{', '.join(map(str, row))} of t sums to {t.sum(axis=1)[row]:.4g}."
            )
        return t.argmax(axis=1)

    def yes_or_no(self, out: Any, t: Any) -> Any:
        """The class numbers, 0 and 1, of targets for a single score: (N, ...)."""
        rows = out.shape[:1] + out.shape[2:]
        if t.shape not in (rows, out.shape) or t.dtype.kind not in "fiub":
            raise MetricError(
                f"{self!r} got one score for each row, {show_shape(out.shape)}, and expects 0 or 1 "
                f"for each, but t is {describe(t)}."
            )
        numbers = t.reshape(rows)
        wrong = numbers[(numbers != 0) & (numbers != 1) & (numbers != self.ignore_index)]
        if wrong.size:
            raise MetricError(
                f"{self!r} got one score for each row, {show_shape(out.shape)}, so t must hold 0 "
                f"and 1, but it holds {wrong[0]}. For several classes give a score for each."
            )
        return numbers.astype(int)

    def check_range(self, found: Answers) -> None:
        """Refuse class numbers that there are no scores for."""
        if not found.t.size:
            return
        classes, least, most = found.scores.shape[1], found.t.min(), found.t.max()
        if not 0 <= least <= most < classes:
            raise MetricError(
                f"{self!r} expects class numbers from 0 to {classes - 1}, but t holds "
                f"{least if least < 0 else most}. Count the classes from 0."
            )

    def check_classes(self, before: int, now: int) -> None:
        """Refuse another number of classes than that of the batches before."""
        if before != now:
            raise MetricError(
                f"{self!r} was shown {before} classes so far, and now {now}. Call start() before "
                "another network."
            )

    def so_far(self, before: Any, now: Any) -> Any:
        """What was counted for each class (on the last axis) so far, and now."""
        if before is None:
            return now
        self.check_classes(before.shape[-1], now.shape[-1])
        return before + now


def is_single(out: Any) -> bool:
    """Whether there is one score for each row, where two classes would have two."""
    return out.ndim == 1 or out.shape[1] == 1


def two_columns(out: Any, probabilities: bool) -> Any:
    """Single scores x as those of two classes: 0 and x, which have the same probabilities."""
    x = out.reshape(out.shape[0], *out.shape[2:])
    return np.stack([1 - x if probabilities else np.zeros_like(x), x], axis=1)
