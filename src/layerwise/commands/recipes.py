"""How each kind of data is trained where nothing else is said: a line of a table for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..errors import LayerwiseError, nearest
from ..tables import table


class CommandError(LayerwiseError, ValueError):
    """What a command was asked for cannot be done."""


class HowTo(NamedTuple):
    """What is usual for some data.

    model        a name of `layerwise models`
    hidden       units of its hidden layers; () as the model has them
    epochs       how often all rows are gone through
    batch_size   rows in one step
    lr           the learning rate, or the largest of the schedule
    augment      changes of images in training: "shift 2" moves them by up to 2 pixels, "flip" turns
                 half of them over
    validation   which part of the rows to learn from is held out to watch
    """

    model: str
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    lr: float
    augment: tuple[str, ...]
    validation: float


OPTIMIZER, SCHEDULE = "adam", "one_cycle"  # for all of them
RECIPES = {
    "digits": HowTo("multi_layer_net", (200,), 30, 20, 1e-2, (), 0.1),
    "mnist": HowTo("lenet5", (), 15, 100, 5e-3, ("shift 2",), 0.05),
    "fashion_mnist": HowTo("lenet5", (), 20, 100, 5e-3, ("shift 2", "flip"), 0.05),
    "cifar10": HowTo("resnet", (), 30, 100, 1e-2, ("shift 4", "flip"), 0.05),
    "images": HowTo("resnet", (), 30, 32, 5e-3, ("shift 2", "flip"), 0.1),
    "table": HowTo("tabular_mlp", (), 60, 32, 5e-3, (), 0.1),
    "text": HowTo("char_lstm", (), 8, 32, 5e-3, (), 0.05),
}
OF_MODELS = {"gpt": RECIPES["text"]._replace(model="gpt", lr=1e-3)}  # instead of the data's
NAMED = ("digits", "mnist", "fashion_mnist", "cifar10")
CALLED = {"images": "FOLDER", "table": "FILE.csv", "text": "FILE.txt"}  # in the help

OPTIMIZERS = {  # by name: its class, and its usual learning rate
    "sgd": ("SGD", 0.1),
    "adam": ("Adam", 1e-3),
    "adamw": ("AdamW", 1e-3),
    "nadam": ("NAdam", 2e-3),
    "radam": ("RAdam", 1e-3),
    "rmsprop": ("RMSprop", 1e-3),
    "adagrad": ("Adagrad", 1e-2),
    "adadelta": ("Adadelta", 1.0),
    "lion": ("Lion", 1e-4),
    "lamb": ("LAMB", 1e-2),
}
SCHEDULES = ("constant", "cosine", "linear", "one_cycle", "plateau")


def chosen(kind: str, what: str, among: Iterable[str]) -> str:
    """A name that there is, or an error that suggests another."""
    among = list(among)
    if what in among:
        return what
    near = nearest(what, among)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(among)}."
    raise CommandError(f"There is no {kind} {what!r}. {hint}")


def shown() -> str:
    """The recipes as a table, for the help."""
    head = ["data", "model", "epochs", "batch", "lr", "augment", "watch"]
    rows = [
        [
            CALLED.get(name, name),
            how.model,
            f"{how.epochs}",
            f"{how.batch_size}",
            f"{how.lr:g}",
            ", ".join(how.augment),
            f"{how.validation:g}",
        ]
        for name, how in [*RECIPES.items(), ("text", OF_MODELS["gpt"])]
    ]
    return table(head, rows)
