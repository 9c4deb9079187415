"""Metrics of classes that look at the scores themselves: AUC and perplexity."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...layers.activation import log_softmax
from .answers import ClassMetric
from .metric import Mean


class AUC(ClassMetric):
    """How well scores sort: how often a row of a class has a higher one than a row of another.

    forward    (pairs in order + half of those that are equal) / all pairs, from 0 to 1; 0.5 is
               chance. It is the area under the curve of true positives over false positives
    average    "macro": of more than two classes, the mean over each class against all others; None:
               an array (C,). Of two classes it is one number, that of the second
    shapes     as for `Accuracy`
    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities; otherwise softmax makes them of the scores
    errors     as for `Accuracy`
    source     Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982

    It is exact, by ranks, and therefore holds all scores until `start`. A class without rows, or
    without other rows, is left out of the mean, and NaN in the array. A NaN loses every comparison.

    >>> auc = AUC()
    >>> auc.of(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    0.75
    """

    name, better = "auc", "higher"

    def __init__(
        self,
        average: str | None = "macro",
        ignore_index: int = -100,
        probabilities: bool = False,
    ) -> None:
        self.average = self.choice("average", average, ("macro", None))
        self.name = "auc" if average else "auc_per_class"
        super().__init__(ignore_index, probabilities)

    def start(self) -> None:
        self.held: list[tuple[Any, Any, Any]] = []  # scores, t and weight of each batch

    def add(self, out: Any, t: Any, weight: Any = None) -> None:
        rows = self.read(out, t, weight)
        if self.held:
            self.check_classes(self.held[0][0].shape[1], rows.scores.shape[1])
        weight = np.ones(len(rows.t)) if rows.weight is None else rows.weight
        self.held.append((np.array(rows.scores), np.array(rows.t), weight))

    def result(self) -> Any:
        if not self.held:
            return None
        scores, t, weight = map(np.concatenate, zip(*self.held))
        scores = scores.astype(float)  # (M, C)
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, which loses
            if scores.shape[1] == 2:
                area = area_by_ranks(scores[:, 1] - scores[:, 0], t == 1, weight)
                return None if np.isnan(area) else area
            if not self.probabilities:
                scores = np.exp(log_softmax(scores, 1))
        areas = np.array(
            [area_by_ranks(column, t == c, weight) for c, column in enumerate(scores.T)]
        )
        if self.average is None:
            return areas
        return None if np.isnan(areas).all() else float(np.nanmean(areas))


def area_by_ranks(x: Any, yes: Any, weight: Any) -> float:
    """The part of the pairs of a yes and a no in which the yes has the higher score.

    >>> area_by_ranks(np.array([1.0, 1.0, 3.0]), np.array([False, True, True]), np.ones(3))
    0.75
    """
    x = np.where(np.isnan(x), np.where(yes, -np.inf, np.inf), x)
    levels, at = np.unique(x, return_inverse=True)  # equal scores share a level
    wins = np.bincount(at, weight * yes, len(levels))
    others = np.bincount(at, weight * ~yes, len(levels))
    below = np.cumsum(others) - others
    pairs = wins.sum() * others.sum()
    return float(np.sum(wins * (below + others / 2)) / pairs) if pairs else np.nan


class Perplexity(Mean, ClassMetric):
    """Between how many equally likely classes the network is undecided: e to the cross-entropy.

    forward    exp(mean of -ln(p)), p being the probability that each row gives its class; from 1,
               being sure and right, up. Guessing among C classes has C
    shapes     as for `Accuracy`; of a text out (N, C, T), t (N, T)
    ignore_index    rows with this class number (padding) do not count
    probabilities   whether out holds probabilities; otherwise softmax makes them of the scores
    errors     as for `Accuracy`
    source     Jelinek et al., Perplexity, a measure of the difficulty of speech recognition, 1977

    >>> Perplexity().of(np.zeros((2, 4)), np.array([0, 3])).__round__(12)
    4.0
    """

    name, better = "perplexity", "lower"

    def each(self, out: Any, t: Any, weight: Any) -> tuple[Any, Any]:
        scores, t, weight = self.read(out, t, weight)
        scores = scores.astype(np.result_type(scores, np.float32), copy=False)
        with np.errstate(divide="ignore", invalid="ignore"):  # ln(0) is -inf; NaN stays visible
            log_p = np.log(scores) if self.probabilities else log_softmax(scores, 1)
        return -log_p[np.arange(len(t)), t], weight

    def finish(self, mean: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.exp(mean))

    def show_one(self, value: float) -> str:
        return f"{value:.2f}" if value < 1e5 else f"{value:.2e}"
