"""Ready callbacks: when to stop, what to write down, which weights to keep."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileError, nearest
from ..files import as_path
from ..optim import ByName
from ..optim.averages import WeightAverage
from .callback import Callback
from .checks import TrainingError, whole
from .history import is_number

if TYPE_CHECKING:
    from .trainer import Trainer


class Monitor:
    """One column of the history, and what is the best in it.

    name     of the column: "val_loss", "loss", "val_accuracy"
    better   "lower" or "higher"; None: what the loss or the metric says of itself
    """

    def __init__(self, name: str, better: str | None = None) -> None:
        if better not in (None, "lower", "higher"):
            raise TrainingError(f"better={better!r}: choose 'lower' or 'higher', or None.")
        self.name, self.better = name, better

    def check(self, trainer: Trainer, who: str) -> None:
        """Refuse, before anything runs, what will never be there."""
        if self.name.startswith("val_") and trainer.validation is None:
            raise TrainingError(
                f"{who} looks at {self.name!r}, but there is no validation data. Give "
                f"fit(..., validation=(x, t)), or monitor={self.name[4:]!r}."
            )
        if self.better is None:
            names = ["loss", *(metric.name for metric in trainer.metrics)]
            known = [f"{part}{name}" for name in names for part in ("", "val_")]
            if self.name not in known:
                near = [f" Did you mean {one!r}?" for one in nearest(self.name, known)]
                raise TrainingError(
                    f"{who} looks at {self.name!r}, but neither the loss nor a metric is called so:"
                    f" there are {', '.join(known)}.{''.join(near)} For a column that you put in "
                    "yourself, say better='lower' or better='higher'."
                )
            self.better = trainer.better(self.name)
        if self.better is None:
            raise TrainingError(
                f"{who} looks at {self.name!r}, and it is not known what is better there. Say "
                "better='lower' or better='higher'."
            )

    def value(self, trainer: Trainer, who: str) -> float:
        """What the last epoch has in this column."""
        epoch = trainer.history.epochs[-1]
        if not is_number(epoch.get(self.name)):
            known = ", ".join(name for name, value in epoch.items() if is_number(value))
            raise TrainingError(
                f"{who} looks at {self.name!r}, but no number of this name was computed. There "
                f"are {known}."
            )
        return float(epoch[self.name])

    def improves(self, value: float, best: float | None, by: float = 0.0) -> bool:
        """Whether a value is better than the best so far; NaN never is."""
        if best is None:
            return not math.isnan(value)
        return value < best - by if self.better == "lower" else value > best + by


class EarlyStopping(Callback):
    """Stops when the network gets no better, and puts its best weights back.

    monitor       the column of the history to look at, after each epoch
    patience      how many epochs in a row may be no better than the best before it stops
    min_delta     by how much an epoch has to be better to count, 0 or more
    restore_best  at the end, however it comes, the network gets the weights of its best epoch
    better        "lower" or "higher"; None: lower for losses, and what a metric says of itself
    errors        TrainingError if there is no such column

    >>> from layerwise import Affine, Sequential, Trainer
    >>> import numpy as np
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]] * 8)
    >>> t = x.argmax(axis=1)
    >>> stopping = EarlyStopping("val_accuracy", patience=2)
    >>> trainer = Trainer(Sequential(Affine(2, 2), seed=0), callbacks=[stopping], progress=False)
    >>> history = trainer.fit((x, t), epochs=100, validation=(x, t), batch_size=4)
    >>> history["val_accuracy"]
    [1.0, 1.0, 1.0]
    >>> trainer.stopped
    'val_accuracy was no better than in epoch 1 for 2 epochs'
    """

    remembers = ("best", "best_epoch", "waited", "weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        *,
        better: str | None = None,
    ) -> None:
        self.monitor = Monitor(monitor, better)
        self.patience, self.min_delta = whole("patience", patience, 1), min_delta
        self.restore_best = restore_best

    def on_fit_start(self, trainer: Trainer) -> None:
        self.monitor.check(trainer, "EarlyStopping")
        self.best: float | None = None
        self.best_epoch = self.waited = 0
        self.weights: dict[str, Any] | None = None

    def on_epoch_end(self, trainer: Trainer) -> None:
        value = self.monitor.value(trainer, "EarlyStopping")
        if self.monitor.improves(value, self.best, self.min_delta):
            self.best, self.best_epoch, self.waited = value, trainer.epoch, 0
            if self.restore_best:
                self.weights = {name: one.copy() for name, one in arrays_of(trainer.net).items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop(
                f"{self.monitor.name} was no better than in epoch {self.best_epoch} for "
                f"{self.waited} epochs"
            )

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.weights is not None and self.best_epoch != trainer.epoch:
            for name, array in arrays_of(trainer.net).items():
                array[...] = self.weights[name]

    def load_state(self, state: dict[str, Any], trainer: Trainer) -> None:
        weights = state.get("weights")
        if isinstance(weights, dict):
            kinds = [
                {name: (np.shape(one), getattr(one, "dtype", None)) for name, one in held.items()}
                for held in (weights, arrays_of(trainer.net))
            ]
            if kinds[0] != kinds[1]:
                raise FileError("The best weights that EarlyStopping kept are of another network.")
        super().load_state(state, trainer)


def arrays_of(net: Any) -> dict[str, Any]:
    """The arrays that a training changes: parameters, buffers, those of classes of one's own."""
    from ..io import state

    return state(net)[0]


class WeightAveraging(Callback):
    """Averages the weights while they are trained; at the end, the network gets the average.

    average    `ExponentialAverage(...)` or `StochasticAverage()`
    steps      after every so many steps of the optimizer; None: after each epoch
    apply      False: the network keeps its own weights; use `average.applied(...)` by hand

    Running statistics are averaged with the weights.
    """

    def __init__(
        self, average: WeightAverage, steps: int | None = 1, *, apply: bool = True
    ) -> None:
        self.average, self.apply = average, apply
        self.steps = None if steps is None else whole("steps", steps, 1)

    def on_step_end(self, trainer: Trainer) -> None:
        if self.steps and trainer.step % self.steps == 0:
            self.average.update(averaged(trainer))

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.steps is None:
            self.average.update(averaged(trainer))

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.apply and self.average.count and trainer.error is None:
            for name, held in averaged(trainer).items():
                held.value[...] = self.average.values[name]

    def state(self) -> dict[str, Any]:
        return self.average.state()

    def load_state(self, state: dict[str, Any], trainer: Trainer) -> None:
        self.average.load_state(state, averaged(trainer))


def averaged(trainer: Trainer) -> dict[str, Any]:
    return {**trainer.parameters, **trainer.net.buffers()}


class LearningRateLog(Callback):
    """Puts the learning rate of the next step into the history after each epoch, as `lr`.

    Of `ByName`, each optimizer has a column: `lr *.W`.
    """

    def on_epoch_end(self, trainer: Trainer) -> None:
        trainer.history.epochs[-1].update(learning_rates(trainer.optimizer))


def learning_rates(optimizer: Any) -> dict[str, float]:
    if isinstance(optimizer, ByName):
        return {f"lr {pattern}": one.rate() for pattern, one in optimizer.optimizers.items()}
    rate = getattr(optimizer, "rate", None)
    found: Any = rate() if callable(rate) else getattr(optimizer, "lr", None)
    if not is_number(found):
        raise TrainingError(
            f"LearningRateLog looks for the number lr of {optimizer!r}: it has none."
        )
    return {"lr": found}


class TimeBudget(Callback):
    """Ends the training when its time is over, behind the step that is running.

    seconds    how long one call of `fit` may take; a resumed one has the whole time again
    """

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise TrainingError(f"TimeBudget({seconds!r}): give seconds, more than 0.")
        self.seconds = seconds

    def on_fit_start(self, trainer: Trainer) -> None:
        self.end = time.perf_counter() + self.seconds

    def on_batch_end(self, trainer: Trainer) -> None:
        if time.perf_counter() >= self.end:
            trainer.stop(f"the time of {self.seconds:g} s is over", for_now=True)


class TensorBoard(Callback):
    """Writes the numbers of each epoch for TensorBoard, by tensorboardX.

    folder    where the log goes: `tensorboard --logdir folder` shows it
    steps     write the loss of the batch after every so many steps as well; None: never
    errors    ImportError without tensorboardX; FileError where nothing can be written
    """

    def __init__(self, folder: Any, steps: int | None = None) -> None:
        self.folder = folder
        self.steps = None if steps is None else whole("steps", steps, 1)
        self.writer: Any = None

    def on_fit_start(self, trainer: Trainer) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError(
                "TensorBoard(...) writes by tensorboardX: pip install 'layerwise[tensorboard]'."
            ) from None
        try:
            self.writer = SummaryWriter(str(as_path(self.folder)))
        except OSError as error:
            raise FileError(f"{self.folder}: TensorBoard cannot write there: {error}.") from error

    def on_step_end(self, trainer: Trainer) -> None:
        if self.steps and trainer.step % self.steps == 0:
            self.writer.add_scalar("batch/loss", trainer.batch_loss, trainer.step)

    def on_epoch_end(self, trainer: Trainer) -> None:
        for name, value in trainer.history.epochs[-1].items():
            if name != "epoch" and is_number(value):
                self.writer.add_scalar(name, value, trainer.epoch)

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.writer is not None:
            self.writer.close()
