"""What comes into a training, checked before anything is changed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..anatomy import is_layer
from ..errors import LayerwiseError, describe
from ..graph import Graph
from ..layers import SoftmaxCrossEntropy
from ..layers.sizes import is_whole
from ..optim import LBFGS, SGD
from ..parameter import Parameter

if TYPE_CHECKING:
    from ..data.batches import Batch, Batches


class TrainingError(LayerwiseError, ValueError):
    """A training that cannot start, or cannot go on."""


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


def as_batches(
    data: Any, batch_size: int, seed: int, *, name: str = "data", shuffle: bool = True
) -> Batches:
    """Batches as they are, or those of a pair (x, t)."""
    from ..data.batches import Batches

    if isinstance(data, Batches):
        return data
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        made = " Give Batches(function)." if callable(data) else ""
        raise TrainingError(
            f"{name}= expects Batches, or a pair (x, t), but got {type(data).__name__}.{made}"
        )
    x, t = data
    if not is_several(x):
        x, t = checked_rows(x, t, "" if name == "data" else f"{name} ")
    return Batches(x, t, whole("batch_size", batch_size, 1), shuffle=shuffle, seed=seed)


def is_several(x: Any) -> bool:
    """Whether these are the arrays of several inputs: a dict, or a tuple of arrays."""
    arrays = isinstance(x, tuple) and x and all(isinstance(one, np.ndarray) for one in x)
    return bool(arrays) or isinstance(x, dict)


def checked_parameters(net: Any) -> dict[str, Parameter]:
    """The parameters of the network, after checking that it can be trained."""
    if not isinstance(net, Graph):
        advice = " Wrap it: Sequential(layer)." if is_layer(net) else ""
        raise TrainingError(
            f"fit expects a Graph or a Sequential, but got {type(net).__name__}.{advice}"
        )
    if not net.inputs or net.num_outputs is not None:
        raise TrainingError(f"fit expects a network with inputs and one output, but got {net!r}.")
    if not net.parameters():
        raise TrainingError(f"{net!r} has no parameters, so there is nothing to train.")
    return net.parameters()


def takes_inputs(net: Graph) -> bool:
    """Whether its `backward` can leave out the gradients of the inputs: a person's may not."""
    wanted = inspect.signature(net.backward).parameters.values()
    return any(one.name == "inputs" or one.kind is one.VAR_KEYWORD for one in wanted)


def checked_loss(loss: Any) -> Any:
    if not is_layer(loss):
        call = f" Call it: {loss.__name__}()." if isinstance(loss, type) else ""
        raise TrainingError(
            f"loss= expects an object with forward(out, t) and backward(dout), but got {loss!r}."
            f"{call}"
        )
    return loss


def check_batch(batch: Batch) -> None:
    """Refuse, before the network sees it, what has no inputs, or not one array of targets."""
    if batch.x is None:
        raise TrainingError("A training needs inputs, but x is missing.")
    if not isinstance(batch.t, np.ndarray):
        given = "missing" if batch.t is None else f"a {type(batch.t).__name__}"
        raise TrainingError(f"A training needs one array of targets, but t is {given}.")


def run(method: Callable[..., Any], x: Any) -> Any:
    """A network's `forward` or `predict` of a batch: an array, or for several inputs a tuple of
    arrays in their order, or a dict of arrays by their names."""
    if isinstance(x, tuple):
        return method(*x)
    return method(**x) if isinstance(x, dict) else method(x)


def loss_for(t: Any) -> Any:
    """The loss where none was given: that of class numbers."""
    if getattr(t, "dtype", None) is None or t.dtype.kind not in "iu":
        raise TrainingError(
            f"Without loss=, t must be class numbers (whole numbers), but it is {describe(t)}. "
            "Give t.astype(int) if it holds class numbers, loss=SoftmaxCrossEntropy() for one-hot "
            "rows, loss=MeanSquaredError() for numbers to be met."
        )
    return SoftmaxCrossEntropy()


def checked_optimizer(optimizer: Any) -> Any:
    optimizer = SGD(lr=0.1, momentum=0.9) if optimizer is None else optimizer
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TrainingError(
            f"optimizer= expects an object with step(parameters), such as SGD(lr=0.1), but got "
            f"{optimizer!r}."
        )
    return optimizer


def check_all_rows(optimizer: Any, data: Batches, accumulate: int) -> None:
    """L-BFGS asks for the loss several times in one step, and always of all rows."""
    if not isinstance(optimizer, LBFGS):
        return
    count, size = data.count, data.batch_size
    if count is None or size is None:
        raise TrainingError("LBFGS needs all rows in each step: give arrays, and no function.")
    if size < count or accumulate > 1:
        given = f"batch_size is {size} of {count} rows" if accumulate == 1 else f"{accumulate=}"
        raise TrainingError(
            f"LBFGS needs all rows in each step, but {given}. Give batch_size={count}, "
            "or another optimizer."
        )


def check_mean(loss: Any) -> None:
    """Means of batches make the mean of all rows; a sum would depend on the size of a batch."""
    if getattr(loss, "reduction", "mean") == "sum":
        raise TrainingError(
            f"A training takes means, whatever the size of a batch, but {loss!r} gives a sum. Take "
            "reduction='mean'."
        )


def whole(name: str, value: Any, least: int) -> int:
    """A whole number, as Python's int."""
    if not is_whole(value, least):
        raise TrainingError(f"{name} must be a whole number, {least} or more, but got {value!r}.")
    return int(value)
