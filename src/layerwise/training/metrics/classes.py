"""Metrics of classes that count answers: how many were right, and which were taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np

from .answers import ClassMetric
from .metric import Mean, MetricError, Share

AVERAGES = ("macro", "micro", "weighted", "binary", None)


class Accuracy(Mean, Share, ClassMetric):
    """The part of the rows whose class got the highest score: right / all, from 0 to 1.

    shapes   out (N, C, ...) scores, t (N, ...) class numbers or (N, C, ...) one-hot rows; of two
             classes also out (N,) or (N, 1)
    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities and no scores
    errors   MetricError if t holds no classes, or none that out has a score for

    Of equal scores the first counts. A row with a NaN among its scores is not right.

    >>> accuracy = Accuracy()
    >>> accuracy.add(np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([0, 0]))
    >>> accuracy.add(np.array([[0.5, 0.6]]), np.array([1]))
    >>> accuracy.show(accuracy.result())
    '66.67 %'
    """

    name, better = "accuracy", "higher"

    def each(self, out: Any, t: Any, weight: Any) -> tuple[Any, Any]:
        rows = self.read(out, t, weight)
        return rows.said() == rows.t, rows.weight


class TopK(Mean, Share, ClassMetric):
    """The part of the rows whose class is among those with the k highest scores.

    k        how many answers each row has; TopK(1) is Accuracy
    shapes   as for `Accuracy`, with at least k classes
    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities and no scores
    errors   as for `Accuracy`; MetricError if there are fewer than k classes

    Of equal scores the first counts as the highest. A row with a NaN among its scores is not right.

    >>> scores = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    >>> TopK(2).of(scores, np.array([1, 2]))
    0.5
    """

    better = "higher"

    def __init__(self, k: int = 5, ignore_index: int = -100, probabilities: bool = False) -> None:
        self.k = self.whole("k", k)
        self.name = f"top{self.k}"
        super().__init__(ignore_index, probabilities)

    def each(self, out: Any, t: Any, weight: Any) -> tuple[Any, Any]:
        rows = self.read(out, t, weight)
        scores, t = rows.scores, rows.t[:, None]
        classes = scores.shape[1]
        if self.k > classes:
            raise MetricError(f"{self!r} needs at least {self.k} classes, but there are {classes}.")
        own = np.take_along_axis(scores, t, axis=1)  # (M, 1)
        ahead = (scores > own) | ((scores == own) & (np.arange(classes) < t))  # (M, C)
        right = (ahead.sum(axis=1) < self.k) & ~np.isnan(scores).any(axis=1)
        return right, rows.weight


class ConfusionMatrix(ClassMetric):
    """How many rows of each class were given which class: true classes down, answers across.

    result   (C, C): entry [i, j] counts the rows of class i that were taken for j; whole numbers,
             or with weights the sums of these
    shapes   as for `Accuracy`
    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities and no scores
    errors   as for `Accuracy`; MetricError if the number of classes changes

    A row with a NaN among its scores is in no cell; `unanswered` counts them by their class, (C,).

    >>> matrix = ConfusionMatrix()
    >>> scores = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    >>> matrix.of(scores, np.array([0, 0, 1]))
    array([[1, 1],
           [1, 0]])
    """

    name = "confusion_matrix"

    def start(self) -> None:
        self.counts: Any = None  # (C, C)
        self.unanswered: Any = None  # (C,)

    def add(self, out: Any, t: Any, weight: Any = None) -> None:
        rows = self.read(out, t, weight)
        said, classes = rows.said(), rows.scores.shape[1]
        fine = said >= 0
        cells = (rows.t * classes + said)[fine]  # the cells one after the other, row by row
        kept = None if rows.weight is None else rows.weight[fine]
        counts = np.bincount(cells, kept, classes**2).reshape(classes, classes)
        self.counts = self.so_far(self.counts, counts)
        self.unanswered = self.so_far(self.unanswered, rows.count(rows.t, ~fine))

    def result(self) -> Any:
        return None if self.counts is None else self.counts.copy()

    def show(self, value: Any) -> str:
        if value is None:
            return super().show(value)
        return f"{np.trace(value):,.10g} of {np.sum(value):,.10g} on the diagonal"


class PerClass(Share, ClassMetric):
    """What Precision, Recall and F1 have in common: counts for each class, and a mean of shares."""

    better = "higher"
    kind = ""  # its name, which the way of averaging is added to

    def __init__(
        self,
        average: str | None = "macro",
        ignore_index: int = -100,
        probabilities: bool = False,
    ) -> None:
        self.average = self.choice("average", average, AVERAGES)
        self.name = self.kind if average == "macro" else f"{self.kind}_{average or 'per_class'}"
        super().__init__(ignore_index, probabilities)

    def start(self) -> None:
        self.counts: Any = None  # (3, C): right answers, all answers, all rows of each class

    def add(self, out: Any, t: Any, weight: Any = None) -> None:
        rows = self.read(out, t, weight)
        said, classes = rows.said(), rows.scores.shape[1]
        if self.average == "binary" and classes != 2:
            raise MetricError(
                f"{self!r} looks at the second of two classes, but there are {classes}. Choose "
                "average='macro', 'micro', 'weighted' or None."
            )
        now = [rows.count(said, said == rows.t), rows.count(said, said >= 0), rows.count(rows.t)]
        self.counts = self.so_far(self.counts, np.stack(now))

    def parts(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        """What is divided by what."""
        raise NotImplementedError(f"{type(self).__name__} needs parts(right, said, true).")

    def result(self) -> Any:
        if self.counts is None or not self.counts.any():
            return None
        if self.average == "micro":
            part, whole = self.parts(*self.counts.sum(axis=1))
            return float(part / whole) if whole else 0.0
        part, whole = self.parts(*self.counts)
        _, said, true = self.counts
        known = said + true > 0  # a class without rows and answers: nothing is known of it
        shares = np.where(known, part / np.where(whole == 0, 1, whole), np.nan)  # (C,)
        if self.average == "binary":
            shares = shares[1]
        elif self.average == "macro":
            shares = np.mean(shares[known])
        elif self.average == "weighted":
            shares = np.average(shares[known], weights=true[known])
        if np.ndim(shares):
            return shares
        return None if np.isnan(shares) else float(shares)


class Precision(PerClass):
    """How many of the answers are right: of class c, right answers c / all answers c.

    average    "macro": the mean over classes; "micro": of all answers together; "weighted": the
               mean, in which a class counts by its rows; "binary": of the second of two classes
               alone; None: an array (C,)
    shapes     as for `Accuracy`
    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities and no scores
    errors     as for `Accuracy`; MetricError for "binary" with other than two classes

    A class that is never answered, though there are rows of it, has the precision 0. One without
    rows and without answers is left out of the means, and is NaN in the array. A row with a NaN
    among its scores is no answer.

    >>> scores = np.array([[2.0, 1.0], [0.0, 3.0], [0.0, 1.0], [1.0, 0.0]])
    >>> t = np.array([0, 0, 1, 0])
    >>> Precision().of(scores, t), Precision("micro").of(scores, t), Precision(None).of(scores, t)
    (0.75, 0.75, array([1. , 0.5]))
    """

    kind = "precision"

    def parts(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        return right, said


class Recall(PerClass):
    """How many of the rows were found: of class c, right answers c / all rows of c.

    average    "macro": the mean over classes; "micro": of all rows together; "weighted": the mean,
               in which a class counts by its rows; "binary": of the second of two classes alone;
               None: an array (C,)
    shapes     as for `Accuracy`
    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities and no scores
    errors     as for `Accuracy`; MetricError for "binary" with other than two classes

    A class that is answered, though there are no rows of it, has the recall 0. One without rows
    and without answers is left out of the means, and is NaN in the array.

    >>> scores = np.array([[2.0, 1.0], [0.0, 3.0], [0.0, 1.0], [1.0, 0.0]])
    >>> Recall(None).of(scores, np.array([0, 0, 1, 0])).round(4)
    array([0.6667, 1.    ])
    """

    kind = "recall"

    def parts(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        return right, true


class F1(PerClass):
    """Precision P and recall R in one number, 2 P R / (P + R), which is low where either is.

    forward    of class c: 2 right answers / (all answers c + all rows of c)
    average    "macro": the mean over classes; "micro": of all answers and rows together;
               "weighted": the mean, in which a class counts by its rows; "binary": of the second of
               two classes alone; None: an array (C,)
    shapes     as for `Accuracy`
    ignore_index    rows with this class number do not count
    probabilities   whether out holds probabilities and no scores
    errors     as for `Accuracy`; MetricError for "binary" with other than two classes
    source     van Rijsbergen, Information Retrieval, 1979

    A class that is never answered, though there are rows of it, has the F1 0. One without rows and
    without answers is left out of the means, and is NaN in the array.

    >>> scores = np.array([[2.0, 1.0], [0.0, 3.0], [0.0, 1.0], [1.0, 0.0]])
    >>> F1(None).of(scores, np.array([0, 0, 1, 0])).round(4)
    array([0.8   , 0.6667])
    """

    kind = "f1"

    def parts(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        return 2 * right, said + true
