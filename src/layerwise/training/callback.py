"""What hears of the events of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileError, describe
from .checks import TrainingError, whole

if TYPE_CHECKING:
    from .trainer import Trainer


class Callback:
    """Hears of the events of a training: a subclass has a method for each that it waits for.

    on_fit_start       a training begins
    on_epoch_start     an epoch begins: `trainer.epoch` is its number
    on_backward_end    a batch has gone forward and backward: the gradients are there
    on_batch_end       a batch is done: `trainer.batch` counts those of the epoch
    on_step_end        the optimizer has made a step: `trainer.step` counts them
    on_epoch_end       an epoch is done: `trainer.history.epochs[-1]` holds its numbers, and more
                       can be put in
    on_fit_end         the training has ended, in whatever way; `trainer.error` is what was raised.
                       Those that began last are called first

    Each gets the `Trainer`. What a callback remembers from one event to the next stands under the
    names in `remembers`, and is saved in checkpoints: numbers, texts, arrays, None, dictionaries
    and lists of these. It is there from `on_fit_start` on.

    >>> class Largest(Callback):
    ...     remembers = ("loss",)
    ...     def on_fit_start(self, trainer):
    ...         self.loss = 0.0
    ...     def on_batch_end(self, trainer):
    ...         self.loss = max(self.loss, trainer.batch_loss)
    >>> from layerwise import Affine, Sequential, Trainer
    >>> largest, x = Largest(), np.eye(4)
    >>> trainer = Trainer(Sequential(Affine(4, 4), seed=0), callbacks=[largest], progress=False)
    >>> history = trainer.fit((x, np.arange(4)), epochs=3, batch_size=2)
    >>> largest.loss > history.epochs[-1].loss
    True
    """

    remembers: tuple[str, ...] = ()

    def on_fit_start(self, trainer: Trainer) -> None: ...
    def on_epoch_start(self, trainer: Trainer) -> None: ...
    def on_backward_end(self, trainer: Trainer) -> None: ...
    def on_batch_end(self, trainer: Trainer) -> None: ...
    def on_step_end(self, trainer: Trainer) -> None: ...
    def on_epoch_end(self, trainer: Trainer) -> None: ...
    def on_fit_end(self, trainer: Trainer) -> None: ...

    def state(self) -> dict[str, Any]:
        """What it remembers, for a checkpoint."""
        return {name: getattr(self, name) for name in self.remembers}

    def load_state(self, state: dict[str, Any], trainer: Trainer) -> None:
        """Go on from what `state` gave; FileError for anything else."""
        who = type(self).__name__
        if set(state) != set(self.remembers):
            raise FileError(f"{who} remembers {[*self.remembers]}, but the state has {[*state]}.")
        for name, value in state.items():
            kinds = {kind_of(value), kind_of(getattr(self, name))} - {"None"}
            if len(kinds) > 1:
                raise FileError(f"{who} cannot remember {describe(value)} as its {name}.")
        vars(self).update(state)


def kind_of(value: Any) -> str:
    """What two values have to have in common to stand in one place."""
    if value is None:
        return "None"
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


class Each(Callback):
    """Calls a function of one's own: function(trainer).

    function   any function of the trainer; what it returns is not used
    steps      after every so many steps of the optimizer; None: after each epoch

    A function that stands among the callbacks by itself is called after each epoch.
    """

    def __init__(self, function: Callable[[Any], Any], steps: int | None = None) -> None:
        self.function = function
        self.steps = None if steps is None else whole("steps", steps, 1)

    def on_step_end(self, trainer: Trainer) -> None:
        if self.steps and trainer.step % self.steps == 0:
            self.function(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.steps is None:
            self.function(trainer)


def as_callbacks(given: Any) -> list[Callback]:
    """Callbacks as they are, and functions as what is called after each epoch."""
    alone = isinstance(given, Callback) or not isinstance(given, Iterable)
    made: list[Callback] = []
    for one in [given] if alone else given:
        if not isinstance(one, Callback) and (isinstance(one, type) or not callable(one)):
            call = f" Call it: {one.__name__}()." if isinstance(one, type) else ""
            raise TrainingError(
                f"callbacks= expects Callbacks, or functions of the trainer, but got {one!r}.{call}"
            )
        made.append(one if isinstance(one, Callback) else Each(one))
    return made


def in_order(callbacks: list[Callback], checkpoints: Any, resume: bool) -> list[Callback]:
    """The callbacks of one training: what saves comes behind what is saved, and is seen last."""
    from .checkpoints import Checkpoints
    from .progress import Progress

    more = [] if checkpoints is None else [checkpoints]
    if more and not isinstance(checkpoints, Checkpoints):
        more = [Checkpoints(checkpoints)]
    listeners = sorted(
        [*callbacks, *more],
        key=lambda one: isinstance(one, Checkpoints) + 2 * isinstance(one, Progress),
    )
    savers = [one for one in listeners if isinstance(one, Checkpoints)]
    if len(savers) > 1 or (resume and not savers):
        wanted = "resume=True needs one: checkpoints=folder" if resume else "give one folder"
        raise TrainingError(f"There are {len(savers)} places for checkpoints; {wanted}.")
    return listeners
