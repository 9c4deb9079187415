"""Where NaN and Inf begin: the batch, the direction, and the layer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..anatomy import is_floating, is_graph
from ..errors import show_layer
from ..seat import Seat, parameters_at
from .callback import Callback
from .checks import TrainingError

if TYPE_CHECKING:
    from .trainer import Trainer


class StopOnNaN(Callback):
    """Stops the training at the step where NaN or Inf first appear, and says where they come from.

    Every `Trainer` has one. The loss and all gradients are looked at before the optimizer makes its
    step, so the weights are still those from before; after the step the weights are.

    errors   TrainingError with the batch, and with the layer that made NaN or Inf of finite
             numbers, forward or backward
    """

    def on_backward_end(self, trainer: Trainer) -> None:
        if not np.isfinite(trainer.batch_loss):
            raise self.found(trainer, f"The loss is {trainer.batch_loss}", in_forward(trainer))
        for name, parameter in trainer.parameters.items():
            if parameter.grad is not None and not all_finite(parameter.grad):
                said = f"The gradient of {name} has {what(parameter.grad)}"
                raise self.found(trainer, said, in_backward(trainer))

    def on_step_end(self, trainer: Trainer) -> None:
        for name, parameter in trainer.parameters.items():
            if not all_finite(parameter.value):
                cause = f"{trainer.optimizer!r} made it of finite gradients. Take a smaller lr."
                raise self.found(trainer, f"{name} has {what(parameter.value)}", cause)

    def found(self, trainer: Trainer, said: str, cause: str) -> TrainingError:
        steps = f" of {trainer.data.steps}" if trainer.data.steps is not None else ""
        return TrainingError(
            f"{said} in epoch {trainer.epoch}, batch {trainer.batch}{steps}. {cause}"
        )


def all_finite(x: Any) -> bool:
    """Whether there is neither NaN nor Inf; of anything but floats, and of None, it is said yes.

    Neither gets lost in a sum of squares, which is quick. Only where that is not finite do all
    numbers have to be looked at, since it may have overflowed.
    """
    if not is_floating(x):
        return True
    flat = np.ravel(x)
    return math.isfinite(flat.dot(flat)) or bool(np.isfinite(flat).all())


def what(x: Any) -> str:
    """What is there that is not finite, in words."""
    nan, count = int(np.isnan(x).sum()), int((~np.isfinite(x)).sum())
    kind = "NaN" if nan == count else "Inf" if nan == 0 else "NaN and Inf"
    return kind if np.size(x) == 1 else f"{kind} in {count:,} of {np.size(x):,} numbers"


# forward -----------------------------------------------------------------------------------------


def in_forward(trainer: Trainer) -> str:
    """A sentence about the place where the numbers of the last forward stopped being finite."""
    net, batch = trainer.net, trainer.last_batch
    from ..data.sources import by_names

    for name, array in by_names({"x": batch.x, "t": batch.t}).items():
        if not all_finite(array):
            return f"It is in the data: {name} has {what(array)}{where(array, batch.rows)}."
    out = net.outputs[0]
    if all_finite(out.value):
        return f"Forward, the loss made it: {trainer.loss!r} got finite outputs. {REMEDY}"
    name, seat = first_sick(out)
    for held in parameters_at(seat):
        if not all_finite(held.parameter.value):
            return f"Forward, it comes from {name}: {held.name} has {what(held.parameter.value)}."
    sick = [f"an input with {what(s.value)}" for s in seat.inputs if not all_finite(s.value)]
    made = f"its output has {what(seat.value)}, of {sick[0] if sick else 'finite inputs'}"
    return f"Forward, it begins at {show_layer(seat.layer, name)}: {made}. {REMEDY}"


def first_sick(seat: Seat) -> tuple[str, Seat]:
    """Go back from a value that is not finite to the place that made it; its dotted name."""
    path = [seat]
    while True:
        sick = [source for source in path[-1].inputs if not all_finite(source.value)]
        if not sick:
            break
        path.append(max(sick, key=has_nan))
    if path[-1].kind != "layer":  # Inf on purpose, such as a mask: who made NaN of it?
        path = [one for one in path[:-1] if has_nan(one)] or path[:-1]
    seat = path[-1]
    if is_graph(seat.layer):
        inside = next((one for one in seat.layer.outputs if not all_finite(one.value)), None)
        if inside is not None:
            name, inner = first_sick(inside)
            return f"{seat.name}.{name}", inner
    return seat.name, seat


def has_nan(seat: Seat) -> bool:
    return bool(np.isnan(seat.value).any())


def where(x: Any, rows: Any) -> str:
    """The row of the data that is not finite, where it is known."""
    sick = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
    return "" if rows is None else f", first in row {int(rows[sick.argmax()])} of the data"


# backward ----------------------------------------------------------------------------------------


def in_backward(trainer: Trainer) -> str:
    """A sentence about the place where the gradients of the last backward stopped being finite."""
    out = trainer.net.outputs[0]
    if not all_finite(out.grad):
        return f"Backward, the loss made it: the gradient of {trainer.loss!r} has {what(out.grad)}."
    guilty = [show_layer(seat.layer, name) for name, seat in makers(trainer.net)]
    if not guilty:
        return f"It begins backward. {REMEDY}"
    names = " or ".join(guilty)
    return f"Backward, it begins at {names}, which got a finite gradient. {REMEDY}"


def makers(net: Any) -> Iterable[tuple[str, Seat]]:
    """The places that got a finite gradient and gave another; several if they read one value."""
    for seat in reversed(net.nodes):
        if seat.kind != "layer" or seat.grad is None or not all_finite(seat.grad):
            continue
        given = [source.grad for source in seat.inputs]
        given += [held.parameter.grad for held in parameters_at(seat)]
        if all(all_finite(one) for one in given):
            continue
        inside = list(makers(seat.layer)) if is_graph(seat.layer) else []
        yield from ((f"{seat.name}.{name}", inner) for name, inner in inside)
        if not inside:
            yield seat.name, seat


REMEDY = (
    "Take a smaller learning rate, or clip the gradients (clip_norm=1.0), and look at the data."
)
