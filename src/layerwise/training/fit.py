"""A plain training: forward, loss, backward, step, for every batch of every epoch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..anatomy import is_layer
from ..errors import LayerwiseError, describe
from ..graph import Graph
from ..layers import SoftmaxCrossEntropy
from ..layers.sizes import is_whole
from ..optim import LBFGS, SGD
from ..parameter import Parameter
from .history import Epoch, History
from .progress import Watch


class TrainingError(LayerwiseError, ValueError):
    """A training that cannot start, or cannot go on."""


def fit(
    net: Graph,
    x: Any,
    t: Any,
    *,
    loss: Any = None,
    optimizer: Any = None,
    epochs: int = 10,
    batch_size: int = 100,
    validation: tuple[Any, Any] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a network: its parameters change in place until it gives t for x.

    net          a `Graph` with one input, one output, and parameters
    x, t         inputs and targets, a row of each belonging together
    loss         an object with `forward(out, t)` and `backward(dout)`; None:
                 `SoftmaxCrossEntropy()`, for class numbers (whole numbers)
    optimizer    an object with `step(parameters)`; None: `SGD(lr=0.1, momentum=0.9)`. `LBFGS`
                 takes all rows at once: batch_size=len(x)
    epochs       how often all rows are gone through
    batch_size   how many rows make one step; the last batch of an epoch may have fewer
    validation   a pair (x, t) that is only looked at, after every epoch
    seed         decides, with the number of the epoch and nothing else, the order of the rows
    progress     show a bar in a terminal or notebook, and a line for each epoch; False: nothing

    returns      a `History`: loss, accuracy and seconds of every epoch. There is an accuracy only
                 for class numbers and one-hot rows.
    errors       TrainingError for inputs that do not fit together, and at the batch where the loss
                 is not a finite number any more

    Loss and accuracy of an epoch are means over its rows as they came in training, from the same
    forward that the step is made of. Ctrl-C ends the training; weights and history are kept.

    >>> from layerwise import Affine, Sequential
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]] * 8)
    >>> net = Sequential(Affine(2, 2), seed=0)
    >>> history = fit(net, x, x.argmax(axis=1), epochs=20, batch_size=4, progress=False)
    >>> history.epochs[-1].accuracy
    1.0
    """
    given = checked_rows(x, t)
    held_out = None if validation is None else checked_rows(*pair(validation), "validation ")
    parameters = checked_parameters(net)
    loss = checked_loss(loss, given.t)
    epochs, batch_size = whole("epochs", epochs, 1), whole("batch_size", batch_size, 1)
    optimizer = checked_optimizer(optimizer, len(given.x), batch_size)
    seed = whole("seed", seed, 0)

    def run(rows: Any) -> tuple[float, Any]:
        """One batch, forward and backward; gives the loss and the output."""
        out = net.forward(given.x[rows])
        value = one_number(loss.forward(out, given.t[rows]), loss)
        if math.isfinite(value):
            dx = loss.backward(1)
            net.backward(dx[0] if isinstance(dx, (tuple, list)) else dx)
        return value, out

    def step(rows: Any) -> tuple[float, Any]:
        """One batch with a step of the optimizer; gives the loss and the output from before it."""
        if isinstance(optimizer, LBFGS):
            return minimized(optimizer, parameters, lambda: run(rows))
        value, out = run(rows)
        if math.isfinite(value):
            optimizer.step(parameters)
        return value, out

    history, epoch = History(), 0
    count = len(given.x)
    with training_mode(net), Watch(epochs, math.ceil(count / batch_size), progress) as watch:
        try:
            for epoch in range(1, epochs + 1):
                start = time.perf_counter()
                order = batches(count, batch_size, seed, epoch)
                means = train_epoch(step, given.t, order, epoch, watch)
                val_means: tuple[float | None, float | None] = (None, None)
                if held_out is not None:
                    val_means = evaluate(net, held_out, loss, batch_size)
                history.epochs.append(Epoch(epoch, *means, *val_means, time.perf_counter() - start))
                if hasattr(optimizer, "observe"):  # for schedules that wait for it
                    optimizer.observe(means[0] if held_out is None else val_means[0])
                watch.epoch_done(history.epochs[-1])
        except KeyboardInterrupt:
            history.interrupted = True
    if history.interrupted:
        kept = "The weights are kept, and the history of the epochs before"
        print(f"Stopped by Ctrl-C in epoch {epoch}. {kept}.", file=sys.stderr)
    return history


def accuracy(net: Graph, x: Any, t: Any, batch_size: int = 1000) -> float:
    """The part of the rows whose class the network predicts rightly, from 0 to 1.

    net          a `Graph` that gives a score for every class
    x, t         inputs, and class numbers or one-hot rows
    batch_size   how many rows are predicted at once; the result does not depend on it

    errors       TrainingError if there are no rows, x and t do not fit, or t holds no classes

    >>> from layerwise import Affine, Sequential
    >>> net = Sequential(Affine(2, 2), seed=0)
    >>> net["affine1.W"].value[:] = np.eye(2)
    >>> net["affine1.b"].value[:] = 0
    >>> accuracy(net, np.array([[3.0, 1.0], [0.0, 1.0], [2.0, 5.0], [1.0, 0.0]]), [0, 1, 0, 0])
    0.75
    """
    given = checked_rows(x, t)
    _, found = evaluate(net, given, None, whole("batch_size", batch_size, 1))
    if found is None:
        raise TrainingError(
            "accuracy expects class numbers (one axis less than the network's output) or one-hot "
            f"rows, but t is {describe(given.t)}."
        )
    return found


def minimized(
    optimizer: LBFGS, parameters: dict[str, Parameter], run: Callable[[], tuple[float, Any]]
) -> tuple[float, Any]:
    """A step of L-BFGS, which runs all rows several times; gives what the first run gave."""
    first: list[tuple[float, Any]] = []

    def closure() -> float:
        value, out = run()
        if not first:
            first.append((value, out))
        return value

    optimizer.step(parameters, closure)
    return first[0]


def batches(count: int, size: int, seed: int, epoch: int) -> list[Any]:
    """The row numbers of each batch, in an order that follows from seed and epoch alone."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return [order[start : start + size] for start in range(0, count, size)]


def train_epoch(
    step: Callable[[Any], tuple[float, Any]],
    t: Any,
    order: list[Any],
    epoch: int,
    watch: Watch,
) -> tuple[float, float | None]:
    """Go through all batches once; gives the mean loss and accuracy."""
    tally = Tally(t)
    for batch, rows in enumerate(order, 1):
        value, out = step(rows)
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss is {value} in epoch {epoch}, batch {batch} of {len(order)}: the "
                "training has diverged. Take a smaller learning rate, and look for NaN in x and t."
            )
        tally.add(out, value, rows)
        watch.batch_done(epoch, batch, len(rows), tally.loss, tally.accuracy)
    return tally.loss, tally.accuracy


def evaluate(net: Graph, given: Rows, loss: Any, batch_size: int) -> tuple[float, float | None]:
    """Mean loss and accuracy in inference; without a loss only the accuracy."""
    tally = Tally(given.t)
    for rows in np.split(np.arange(len(given.x)), range(batch_size, len(given.x), batch_size)):
        out = net.predict(given.x[rows])
        value = 0.0 if loss is None else one_number(loss.forward(out, given.t[rows]), loss)
        tally.add(out, value, rows)
    return tally.loss, tally.accuracy


class Tally:
    """Counts losses and right answers, every row with the same weight."""

    def __init__(self, t: Any) -> None:
        self.t = t
        self.rows = self.right = self.answers = 0
        self.total = 0.0

    def add(self, out: Any, loss: float, rows: Any) -> None:
        """One batch: what the network gave for these rows, and their mean loss."""
        self.rows += len(rows)
        self.total += loss * len(rows)
        classes = right_classes(out, self.t[rows])
        if classes is not None:
            right = np.argmax(out, axis=1) == classes  # (N, C) -> (N,)
            right &= ~np.isnan(out).any(axis=1)  # NaN is no answer
            self.right += int(np.count_nonzero(right))
            self.answers += right.size

    @property
    def loss(self) -> float:
        return self.total / self.rows

    @property
    def accuracy(self) -> float | None:
        """The part that was right; None if these were no classes."""
        return self.right / self.answers if self.answers else None


def right_classes(out: Any, t: Any) -> Any:
    """The class of each row, if the output has a score for each of several classes; else None."""
    if np.ndim(out) < 2 or out.shape[1] < 2:
        return None
    if t.ndim == out.ndim - 1 and t.dtype.kind in "iu":
        return t  # class numbers: (N,) for scores (N, C)
    one_hot = t.shape == out.shape and ((t == 0) | (t == 1)).all() and (t.sum(axis=1) == 1).all()
    return t.argmax(axis=1) if one_hot else None  # (N, C) -> (N,)


@contextmanager
def training_mode(net: Graph) -> Iterator[None]:
    """Training mode for a while; NumPy does not warn of NaN and Inf: `fit` looks for them."""
    mode, net.training = net.training, True
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        net.training = mode


# what comes in -----------------------------------------------------------------------------------


class Rows(NamedTuple):
    """Inputs and targets, a row of one for each row of the other."""

    x: Any
    t: Any


def checked_rows(x: Any, t: Any, name: str = "") -> Rows:
    x, t = np.asarray(x), np.asarray(t)
    if x.ndim == 0 or t.ndim == 0 or len(x) != len(t):
        raise TrainingError(
            f"{name}x and t must have a row for each other, but {name}x is {describe(x)} and "
            f"{name}t is {describe(t)}."
        )
    if len(x) == 0:
        raise TrainingError(f"{name}x and t are empty: {describe(x)}. Give at least one row.")
    return Rows(x, t)


def pair(validation: Any) -> tuple[Any, Any]:
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TrainingError(
            f"validation= expects a pair (x, t), but got {type(validation).__name__}."
        )
    return validation[0], validation[1]


def checked_parameters(net: Any) -> dict[str, Parameter]:
    """The parameters of the network, after checking that it can be trained."""
    if not isinstance(net, Graph):
        advice = " Wrap it: Sequential(layer)." if is_layer(net) else ""
        raise TrainingError(
            f"fit expects a Graph or a Sequential, but got {type(net).__name__}.{advice}"
        )
    if len(net.inputs) != 1 or net.num_outputs is not None:
        raise TrainingError(
            f"fit expects a network with one input and one output, but got {net!r}."
        )
    if not net.parameters():
        raise TrainingError(f"{net!r} has no parameters, so there is nothing to train.")
    return net.parameters()


def checked_loss(loss: Any, t: Any) -> Any:
    """The loss; without one, that of class numbers."""
    if loss is None and t.dtype.kind not in "iu":
        raise TrainingError(
            f"Without loss=, t must be class numbers (whole numbers), but it is {describe(t)}. "
            "Give t.astype(int) if it holds class numbers, loss=SoftmaxCrossEntropy() for one-hot "
            "rows, loss=MeanSquaredError() for numbers to be met."
        )
    loss = SoftmaxCrossEntropy() if loss is None else loss
    if not is_layer(loss):
        call = f" Call it: {loss.__name__}()." if isinstance(loss, type) else ""
        raise TrainingError(
            f"loss= expects an object with forward(out, t) and backward(dout), but got {loss!r}."
            f"{call}"
        )
    return loss


def checked_optimizer(optimizer: Any, count: int, batch_size: int) -> Any:
    optimizer = SGD(lr=0.1, momentum=0.9) if optimizer is None else optimizer
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TrainingError(
            f"optimizer= expects an object with step(parameters), such as SGD(lr=0.1), but got "
            f"{optimizer!r}."
        )
    if isinstance(optimizer, LBFGS) and batch_size < count:
        raise TrainingError(
            f"LBFGS needs all rows in each step, but batch_size is {batch_size} of {count} rows. "
            f"Give batch_size={count}, or another optimizer."
        )
    return optimizer


def whole(name: str, value: Any, least: int) -> int:
    """A whole number, as Python's int."""
    if not is_whole(value, least):
        raise TrainingError(f"{name} must be a whole number, {least} or more, but got {value!r}.")
    return int(value)


def one_number(value: Any, loss: Any) -> float:
    if np.shape(value) != ():
        raise TrainingError(
            f"{loss!r} gave {describe(value)} instead of one number for the batch. "
            'Let it take the mean: reduction="mean".'
        )
    return float(value)
