"""From settings to a trainer: optimizer, schedule, loss, metrics, batches."""

from __future__ import annotations

from typing import Any

from .. import optim
from ..data import Batches, Flip, Shift
from ..graph import Graph
from ..layers import MeanSquaredError, SoftmaxCrossEntropy
from ..training import Callback, EarlyStopping, Trainer
from ..training.callbacks import LearningRateLog, TimeBudget
from .recipes import OPTIMIZERS, CommandError
from .settings import Settings
from .spelling import translated
from .tasks import Task

METRICS = {"classes": ["accuracy"], "numbers": ["mae", "r2"], "characters": ["perplexity"]}


def trainer_of(
    settings: Settings, task: Task, net: Graph, time_budget: float | None = None
) -> Trainer:
    """What trains this network as the settings say."""
    callbacks: list[Callback] = [LearningRateLog()]
    if settings.patience:
        callbacks.append(EarlyStopping("val_loss", settings.patience))
    if time_budget is not None:
        callbacks.append(TimeBudget(time_budget))
    return Trainer(
        net,
        loss_of(task),
        optimizer_of(settings, len(batches_of(settings, task))),
        metrics=METRICS[task.goal],
        callbacks=callbacks,
        seed=settings.seed,
    )


def loss_of(task: Task) -> Any:
    return MeanSquaredError() if task.goal == "numbers" else SoftmaxCrossEntropy()


def batches_of(settings: Settings, task: Task) -> Batches:
    """The rows to learn from, in batches; a single one that is left over is left out of an epoch.

    BatchNorm can take no variance of it, and it comes in the next epoch.
    """
    x, t = task.train
    return Batches(
        x,
        t,
        settings.batch_size,
        seed=settings.seed,
        augment=[change(one, task) for one in settings.augment],
        drop_last=len(x) > settings.batch_size and len(x) % settings.batch_size == 1,
    )


def change(said: str, task: Task) -> Any:
    """A change of images by its words in the recipe: "shift 2", "flip"."""
    name, *number = said.split()
    shape = None if len(task.shape) == 3 else task.image_shape
    return Shift(int(number[0]), shape=shape) if name == "shift" else Flip(shape=shape)


def optimizer_of(settings: Settings, steps: int) -> Any:
    """The optimizer with its schedule, for epochs of so many steps."""
    make = getattr(optim, OPTIMIZERS[settings.optimizer][0])
    options = {"momentum": settings.momentum, "weight_decay": settings.weight_decay}
    given: dict[str, Any] = {name: v for name, v in options.items() if v is not None}
    try:
        return make(lr=schedule_of(settings, settings.epochs * steps), **given)
    except ValueError as error:
        raise CommandError(translated(str(error))) from None


def schedule_of(settings: Settings, steps: int) -> Any:
    """The learning rate of each of so many steps."""
    lr = settings.lr
    match settings.schedule:
        case "cosine":
            return optim.CosineAnnealingLR(lr, T_max=steps)
        case "linear":
            return optim.PolynomialLR(lr, total_iters=steps)
        case "one_cycle":
            return optim.OneCycleLR(lr, total_steps=steps)
        case "plateau":
            return optim.ReduceLROnPlateau(lr, factor=0.5, patience=3)
    return lr
