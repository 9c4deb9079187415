"""From the options of `layerwise train` to the settings of a run."""

from __future__ import annotations

import math
import os
from typing import Any

from ..engine import ENGINES
from ..errors import nearest
from ..files import as_path
from .networks import MODELS
from .recipes import (
    NAMED,
    OF_MODELS,
    OPTIMIZER,
    OPTIMIZERS,
    RECIPES,
    SCHEDULE,
    SCHEDULES,
    CommandError,
    HowTo,
    chosen,
)
from .settings import Settings, near
from .spelling import flag

OF_KIND = {  # options that only some data has
    "images": ("size", "grey", "ink"),
    "table": (
        *("target", "drop", "categories", "classes"),
        *("missing", "header", "decimal", "delimiter"),
    ),
    "text": ("length",),
    "named": ("folder",),
}
KINDS = {
    "images": "a folder of images",
    "table": "a table (FILE.csv)",
    "text": "a text",
    "named": "a set of images with files of its own",
}
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
USUAL: dict[str, dict[str, Any]] = {  # options of a kind of data, where nothing else is said
    "images": {"size": 32, "grey": False, "ink": False},
    "table": {"missing": "error", "header": True, "decimal": "."},
    "text": {"length": 64},
}


def settings_for(data: str, given: dict[str, Any]) -> Settings:
    """The settings for this data: options that were given, and what is usual for the others."""
    data, kind = known_data(data)
    given = normal(given)
    refuse_others(data, kind, given)
    if kind == "table" and "target" not in given:
        raise CommandError(f"{near(data)}: which column is to be told? Give --target COLUMN.")
    usual = RECIPES[data if kind == "named" else kind]
    usual = OF_MODELS.get(given.get("model", usual.model), usual)
    said = {"optimizer": OPTIMIZER, "schedule": SCHEDULE, **usual._asdict(), **given}
    said.setdefault("engine", os.environ.get("LAYERWISE_ENGINE") or "numpy")
    if said["model"] != usual.model and "hidden" not in given:
        said["hidden"] = ()
    if ":" not in said["model"]:
        chosen("model", said["model"], MODELS)
    choose_optimizer(said, given)
    choose_changes(data, said, usual)
    chosen("schedule", said["schedule"], SCHEDULES)
    chosen("engine", said["engine"], ENGINES)
    if not 0 <= said["lr"] < math.inf:
        raise CommandError(f"--lr {said['lr']:g}: give a number from 0 up.")
    if not 0 <= said["validation"] < 1:
        raise CommandError(f"--validation {said['validation']}: a part is from 0 up to below 1.")
    if said.get("patience") and not said["validation"]:
        raise CommandError("--patience looks at the rows of --validation, and there are none.")
    return Settings(**{**USUAL.get(kind, {}), **said, "data": data, "kind": kind})


def known_data(data: str) -> tuple[str, str]:
    """The name of a data set, or the whole path of a file or folder; and the kind of data."""
    if not data:
        raise CommandError("DATA is empty. Give a name, a file or a folder.")
    if data in NAMED:
        return data, "named"
    path = as_path(data)
    if not path.exists():
        like = nearest(data, NAMED)
        hint = f"Did you mean {like[0]}?" if like else f"There are {', '.join(NAMED)}."
        raise CommandError(
            f"{data}: there is no data set of this name, and no such file or folder. {hint}"
        )
    whole = whole_path(path)
    if path.is_dir():
        return whole, "images"
    return whole, "table" if path.name.lower().endswith(TABLES) else "text"


def normal(given: dict[str, Any]) -> dict[str, Any]:
    """Options as settings hold them: lists as tuples, whole paths; what was not given left out."""
    told = {name: v for name, v in given.items() if v is not None and v != [] and v != ()}
    told = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    if isinstance(told.get("hidden"), str):
        told["hidden"] = units(told["hidden"])
    if "folder" in told:
        told["folder"] = whole_path(told["folder"])
    model = told.get("model", "")
    file, colon, name = (model, ":", "") if model.endswith(".py") else model.rpartition(":")
    if colon:
        told["model"] = f"{whole_path(file)}:{name}"
    return told


def units(said: str) -> tuple[int, ...]:
    """--hidden 100,50 as numbers."""
    parts = said.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise CommandError(f"--hidden {said}: give numbers from 1 up, such as 100 or 100,50.")
    return tuple(map(int, parts))


def whole_path(path: Any) -> str:
    return str(as_path(path).resolve())


def refuse_others(data: str, kind: str, given: dict[str, Any]) -> None:
    """Refuse options that only other data has."""
    for other, names in OF_KIND.items():
        for name in names:
            if name in given and (other != kind or data == "digits"):
                what = "digits, which come with the library" if data == "digits" else KINDS[kind]
                raise CommandError(f"{flag(name)} is for {KINDS[other]}, but this is {what}.")


def choose_optimizer(said: dict[str, Any], given: dict[str, Any]) -> None:
    """Another optimizer has another learning rate; momentum is an option of SGD alone."""
    chosen("optimizer", said["optimizer"], OPTIMIZERS)
    if said["optimizer"] != OPTIMIZER and "lr" not in given:
        said["lr"] = OPTIMIZERS[said["optimizer"]][1]
    if said["optimizer"] == "sgd":
        said.setdefault("momentum", 0.9)
    elif "momentum" in given:
        raise CommandError(f"--momentum is of --optimizer sgd, but this is {said['optimizer']}.")


def choose_changes(data: str, said: dict[str, Any], usual: HowTo) -> None:
    """--augment and --no-augment: the changes that are usual for this data, or none."""
    if said["augment"] is True and not usual.augment:
        raise CommandError(f"--augment: there are no usual changes for {data}.")
    said["augment"] = usual.augment if said["augment"] else ()


def check_same(where: Any, old: Settings, given: dict[str, Any]) -> None:
    """Refuse to go on with other options than a run was begun with."""
    for name, now in given.items():
        if name == "epochs":  # there may be more of them
            continue
        before = bool(old.augment) if name == "augment" else getattr(old, name)
        if now != before:
            raise CommandError(
                f"{where} was begun with {flag(name)} {show(before)}, and now it is {show(now)}. "
                "Go on without this change, or begin a new run with another --out."
            )


def show(value: Any) -> str:
    """A setting in one line."""
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
