"""Which metrics a training counts: from names, objects and functions, or what fits by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...errors import nearest
from ...layers import BinaryCrossEntropy, BinaryCrossEntropyWithLogits, Focal
from .answers import is_single
from .classes import F1, Accuracy, ConfusionMatrix, Precision, Recall, TopK
from .likelihoods import AUC, Perplexity
from .metric import FunctionMetric, Metric, MetricError
from .numbers import MAE, MSE, R2, RMSE

TAKEN = ("epoch", "loss", "seconds")  # what the history has besides
YES_NO = (BinaryCrossEntropy, BinaryCrossEntropyWithLogits, Focal)  # losses of two classes

OF_NUMBERS: dict[str, Callable[..., Metric]] = {cls.name: cls for cls in (MAE, MSE, RMSE, R2)}
OF_CLASSES: dict[str, Callable[..., Metric]] = {
    **{cls.name: cls for cls in (Accuracy, ConfusionMatrix, AUC, Perplexity)},
    **{cls.kind: cls for cls in (Precision, Recall, F1)},
    **{
        f"{cls.kind}_{average}": partial(cls, average)
        for cls in (Precision, Recall, F1)
        for average in ("micro", "weighted", "binary")
    },
}


def as_metrics(given: Any = None, loss: Any = None, t: Any = None) -> list[Metric]:
    """A list of metrics.

    given   names ("accuracy", "top5", "f1_micro", ...), objects, or functions (out, t) -> number;
            a list of these, or one. None: the accuracy, if all targets are classes
    loss    says, where there are only names, which rows do not count (`ignore_index`), and whether
            the network gives probabilities, as for `BinaryCrossEntropy`
    t       targets, if they are known: where they are no classes, None gives no metrics
    errors  MetricError for what is no metric, and for two of one name

    >>> as_metrics(["accuracy", "top5", F1("micro")])
    [Accuracy(ignore_index=-100), TopK(k=5), F1(average='micro')]
    """
    if given is None:
        return [] if t is not None and not may_be_classes(np.asarray(t)) else [ByItself(loss)]
    several = isinstance(given, (list, tuple))
    metrics = [as_metric(one, loss) for one in (given if several else [given])]
    for i, metric in enumerate(metrics):
        if metric.name in TAKEN:
            raise MetricError(f"A metric cannot be called {metric.name!r}: the history has one.")
        if metric.name in [other.name for other in metrics[:i]]:
            raise MetricError(
                f"Two metrics are called {metric.name!r}. Give one of them another name: "
                f"metric.name = '...'."
            )
    return metrics


def as_metric(given: Any, loss: Any = None) -> Metric:
    """One metric, from a name, an object or a function."""
    if isinstance(given, str):
        return from_name(given, loss)
    if isinstance(given, type):
        raise MetricError(f"metrics= got the class {given.__name__}. Make one: {given.__name__}().")
    if all(callable(getattr(given, need, None)) for need in ("start", "add", "result", "show")):
        metric: Metric = given
        return metric
    if callable(given):
        metric = FunctionMetric(given)
        if metric.name.startswith("<"):
            raise MetricError(
                "A lambda among metrics has no name for the history. Write it as a function: "
                "def name(out, t): return ..."
            )
        return metric
    raise MetricError(
        f"metrics= expects names such as 'accuracy', metrics, or functions (out, t) -> number, "
        f"but got {given!r}."
    )


def from_name(name: str, loss: Any = None) -> Metric:
    """The metric of this name, reading what the loss reads."""
    top = re.fullmatch(r"top([1-9]\d*)", name)
    if top:
        return TopK(int(top[1]), **reading(loss))
    if name in OF_NUMBERS:
        return OF_NUMBERS[name]()
    if name in OF_CLASSES:
        return OF_CLASSES[name](**reading(loss))
    known = [*OF_CLASSES, *OF_NUMBERS]
    near = [f" Did you mean {one!r}?" for one in nearest(name, known)]
    raise MetricError(
        f"There is no metric {name!r}.{''.join(near)} There are top1, top2, ..., "
        f"{', '.join(known)}."
    )


def reading(loss: Any) -> dict[str, Any]:
    """The options of a metric of classes that follow from the loss."""
    return {
        "ignore_index": getattr(loss, "ignore_index", -100),
        "probabilities": isinstance(loss, BinaryCrossEntropy),
    }


class ByItself(Accuracy):
    """The accuracy that nobody asked for: there is one where all targets are classes.

    They are class numbers, or rows that hold a single 1. A single score for each row is one of two
    classes if the loss is one of yes and no. One batch with other targets, and there is none: rows
    of several labels may hold a single 1 by chance.
    """

    def __init__(self, loss: Any = None) -> None:
        self.yes_no = isinstance(loss, YES_NO)  # not the loss: checkpoints hold no objects
        super().__init__(**reading(loss))

    def __repr__(self) -> str:
        return "Accuracy()"

    def start(self) -> None:
        super().start()
        self.others = False  # whether there were targets that are no classes

    def add(self, out: Any, t: Any, weight: Any = None) -> None:
        out, t = np.asarray(out), np.asarray(t)
        self.others = self.others or not self.fits(out, t)
        if not self.others:
            super().add(out, t, weight)

    def result(self) -> Any:
        return None if self.others else super().result()

    def fits(self, out: Any, t: Any) -> bool:
        """Whether these targets are classes."""
        if out.ndim == 0 or out.dtype.kind not in "fiu":
            return False
        rows = out.shape[:1] + out.shape[2:]
        if is_single(out):
            right = t.shape in (rows, out.shape) and bool(((t == 0) | (t == 1)).all())
            return right and self.yes_no
        return (t.shape == rows and t.dtype.kind in "iu") or (t.shape == out.shape and one_hot(t))


def one_hot(t: Any) -> bool:
    """Whether every row is 1 at one class and 0 at all others."""
    return bool(((t == 0) | (t == 1)).all() and (t.sum(axis=1) == 1).all())


def may_be_classes(t: Any) -> bool:
    """Whether these targets may be classes for some network."""
    return t.dtype.kind in "iub" or t.ndim < 2 or one_hot(t)
