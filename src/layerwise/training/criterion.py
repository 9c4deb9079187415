"""The loss as a training uses it: a mean over the rows of a batch, and how much that counts."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..errors import describe
from ..layers import NegativeLogLikelihood, SoftmaxCrossEntropy
from ..layers.loss import class_axis
from .checks import TrainingError


class Criterion:
    """The mean loss of a batch, whose rows may count differently.

    forward        L = sum of w l / sum of w     (l: the loss of each row, w: how much it counts)
    backward       dl = dout w / sum of w, and through the loss to the network's output
    loss           an object with `forward(out, t)` and `backward(dout)`; without any weights it is
                   called as it is
    class_weights  (C,): how much the rows of each class count, 0 or more; None: 1
    errors         TrainingError for weights of another length than there are classes, for weights
                   with a loss that cannot give the loss of each row, or has weights of its own

    A row's weight is that of its class times its own. `total` is what the last mean was divided by:
    how much it counts beside those of other batches. Where nothing counts, the loss is 0.

    >>> from layerwise import MeanSquaredError
    >>> criterion = Criterion(MeanSquaredError())
    >>> out, t = np.array([[1.0], [2.0]]), np.array([[0.0], [0.0]])
    >>> criterion.forward(out, t), criterion.forward(out, t, weight=np.array([3.0, 1.0]))
    (2.5, 1.75)
    >>> criterion.backward().ravel(), criterion.total
    (array([1.5, 1. ]), 4.0)
    """

    def __init__(self, loss: Any, class_weights: Any = None) -> None:
        self.loss = loss
        self.class_weights: Any = None
        if class_weights is not None:
            self.class_weights = checked_weights(class_weights)
        self.total = 0.0
        self.each: Any = None  # the loss that gives one number for each row
        self.w: Any = None  # how much each of its losses counts; None: nobody has given weights

    def forward(self, out: Any, t: Any, weight: Any = None) -> float:
        if weight is None and self.class_weights is None:
            self.w = None
            value = one_number(self.loss.forward(out, t), self.loss)
            self.total = divisor(self.loss, t)
            return value if self.total else 0.0
        if self.each is None:
            self.each = one_for_each(self.loss)
        losses = self.each.forward(out, t)  # (N, ...)
        self.w = self.weights(out, t, weight, losses)
        self.total = float(np.sum(self.w, dtype=float))
        return float(np.sum(self.w * losses, dtype=float) / (self.total or 1))

    def backward(self, dout: float = 1) -> Any:
        if self.w is None:
            dx = self.loss.backward(dout)
        else:
            dx = self.each.backward(dout / (self.total or 1) * self.w)
        return dx[0] if isinstance(dx, (tuple, list)) else dx

    def weights(self, out: Any, t: Any, weight: Any, losses: Any) -> Any:
        """How much each loss counts, in the shape of the losses."""
        w = np.ones((), losses.dtype)
        if weight is not None:
            if np.shape(losses)[:1] != np.shape(weight):
                raise TrainingError(
                    f"There are weights {describe(weight)}, but {self.loss!r} gave "
                    f"{describe(losses)}: one weight is needed for each row."
                )
            w = w * along_rows(np.asarray(weight, losses.dtype), losses)
        if self.class_weights is not None:
            w = w * along_rows(self.of_classes(out, t).astype(losses.dtype), losses)
        if t.dtype.kind in "iu" and hasattr(self.loss, "ignore_index"):
            w = np.where(t == self.loss.ignore_index, 0, w).astype(losses.dtype)
        return np.broadcast_to(w, losses.shape)

    def of_classes(self, out: Any, t: Any) -> Any:
        """The weight of the class of each row; of several, by their parts in t."""
        classes = np.shape(out)[class_axis(out)] if np.ndim(out) else 0
        if len(self.class_weights) != classes:
            raise TrainingError(
                f"class_weights has {len(self.class_weights)} numbers, but the network gives "
                f"{describe(out)}: {classes} classes. Give one number for each class."
            )
        if t.shape == np.shape(out):  # one-hot rows, or probabilities
            return np.moveaxis(t, class_axis(out), -1) @ self.class_weights  # (N, C) -> (N,)
        ignored = t == getattr(self.loss, "ignore_index", None)
        if t.dtype.kind not in "iu" or not np.all(ignored | (t >= 0) & (t < classes)):
            raise TrainingError(f"class_weights needs class numbers in t, but it is {describe(t)}.")
        return self.class_weights[np.where(ignored, 0, t)]  # (N,)


def along_rows(w: Any, losses: Any) -> Any:
    """Weights of rows, in a shape that broadcasts to losses with further axes."""
    return w.reshape(w.shape + (1,) * (np.ndim(losses) - w.ndim))  # (N,) -> (N, 1)


def checked_weights(class_weights: Any) -> Any:
    weights = np.asarray(class_weights)
    fits = weights.ndim == 1 and weights.dtype.kind in "fiu"
    if not fits or not np.all((weights >= 0) & np.isfinite(weights)):
        raise TrainingError(
            "class_weights expects a list with a number for each class, 0 or more, but got "
            f"{class_weights!r:.100}."
        )
    return weights.astype(float)


def one_for_each(loss: Any) -> Any:
    """A copy of the loss that gives the loss of each row."""
    if getattr(loss, "reduction", None) != "mean" or "none" not in getattr(loss, "reductions", ()):
        raise TrainingError(
            f"Weights need the loss of each row, which {loss!r} does not give. Take a loss of "
            "this library with reduction='mean', or no weights."
        )
    if getattr(loss, "weight", None) is not None:
        raise TrainingError(
            f"{loss!r} has weights of its own. Where rows have weights as well, give those of "
            "the classes to the Trainer: class_weights=."
        )
    each = copy.copy(loss)
    each.reduction = "none"
    return each


def one_number(value: Any, loss: Any) -> float:
    if np.shape(value) != ():
        raise TrainingError(
            f"{loss!r} gave {describe(value)} instead of one number for the batch. "
            'Let it take the mean: reduction="mean".'
        )
    return float(value)


def divisor(loss: Any, t: Any) -> float:
    """What the loss has divided its sum by: the weights of rows, where it has some, or rows."""
    if isinstance(loss, SoftmaxCrossEntropy) and loss.total is not None:
        return float(loss.total)
    if isinstance(loss, NegativeLogLikelihood):
        return float(np.sum(loss.w))
    return float(len(t))
