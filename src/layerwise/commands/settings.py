"""The settings of a run: everything that decides what it gives, in the file settings.json."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from ..engine import ENGINES
from ..errors import FileError
from ..files import write_whole
from .recipes import NAMED, OPTIMIZERS, SCHEDULES

KEY, FORMAT = "layerwise run", 1
KINDS = ("named", "images", "table", "text")


@dataclass(frozen=True)
class Settings:
    """What was asked for, or else is usual for this data. Files have their whole path.

    data          a name, or a path
    kind          "named", "images" (a folder), "table" or "text"
    folder        where the files of a named set are; None: wherever they are found
    size, grey, ink   of a folder of images, as in `lw.data.images`
    target ... delimiter   of a table, as in `lw.data.csv`
    length        of a text: characters of a passage
    model         a name of `layerwise models`, or FILE.py:function
    hidden ... validation   as in `HowTo`
    momentum, weight_decay  of the optimizer; None: as it has them
    patience      epochs without a lower loss on the validation rows before it ends; None: no end
    checksum      of the data, to know them again
    seed          decides first weights, order, changes of images, and which rows are held out
    engine        what runs the network, "numpy" or "compiled"
    """

    data: str
    kind: str
    model: str
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    schedule: str
    augment: tuple[str, ...]
    validation: float
    momentum: float | None = None
    weight_decay: float | None = None
    patience: int | None = None
    seed: int = 0
    engine: str = "numpy"
    folder: str | None = None
    size: int | None = None
    grey: bool | None = None
    ink: bool | None = None
    target: str | None = None
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    classes: bool | None = None
    missing: str | None = None
    header: bool | None = None
    decimal: str | None = None
    delimiter: str | None = None
    length: int | None = None
    checksum: int = 0

    @property
    def title(self) -> str:
        """What people call the data: a name."""
        return self.data if self.kind == "named" else Path(self.data).name

    @property
    def own_model(self) -> tuple[str, str] | None:
        """The file and the function of a network of the person's own."""
        file, colon, function = self.model.rpartition(":")
        return (file, function) if colon else None

    def save(self, path: Path) -> None:
        said = {KEY: FORMAT, **dataclasses.asdict(self)}
        write_whole(path, (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Settings that were saved; FileError for anything else."""
        try:
            said = json.loads(path.read_bytes())
            if not isinstance(said, dict) or said.pop(KEY, None) != FORMAT:
                raise ValueError("this version of layerwise has not written it")
            hints = get_type_hints(cls)
            fields = dataclasses.fields(cls)
            needed = {one.name for one in fields if one.default is dataclasses.MISSING}
            if wrong := needed - set(said) | set(said) - set(hints):
                raise ValueError(f"{min(wrong)!r} is too much or missing")
            held: dict[str, Any] = {
                name: tuple(v) if isinstance(v, list) else v for name, v in said.items()
            }
            for name, value in held.items():
                if not fits(value, hints[name]):
                    raise ValueError(f"{name} is {value!r}")
            return checked(cls(**held))
        except FileNotFoundError:
            raise FileError(
                f"{path.parent}: no run is there, since it has no {path.name}."
            ) from None
        except OSError as error:
            raise FileError(f"{path}: it cannot be read: {error.strerror or error}.") from None
        except Exception as error:  # what is in the file may be anything
            reason = f"{error}".rstrip(".") if isinstance(error, ValueError) else repr(error)
            raise FileError(
                f"{path}: the settings of the run are damaged: {reason:.200}."
            ) from None


def checked(one: Settings) -> Settings:
    """Settings whose words and numbers are possible; ValueError for others."""
    known = {
        "kind": [kind for kind in KINDS if (kind == "named") == (one.data in NAMED)],
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "engine": ENGINES,
    }
    for name, among in known.items():
        if getattr(one, name) not in among:
            raise ValueError(f"{name} is {getattr(one, name)!r}")
    for name in ("epochs", "batch_size"):
        if getattr(one, name) < 1:
            raise ValueError(f"{name} is {getattr(one, name)}")
    if not 0 <= one.validation < 1:
        raise ValueError(f"validation is {one.validation}")
    for change in one.augment:
        if not re.fullmatch(r"shift [0-9]{1,3}|flip", change):
            raise ValueError(f"augment has {change!r}")
    return one


def near(path: str) -> str:
    """A whole path as one would type it here."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def fits(value: Any, hint: Any) -> bool:
    """Whether a value from JSON is what the class says it is."""
    parts = get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(fits(one, parts[0]) for one in value)
    if parts:  # one of several types
        return any(fits(value, one) for one in parts)
    return type(value) is hint or (hint is float and type(value) is int)
