"""The folder of a run: what is in it, and who may write there."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..data import Recipe, read_recipe
from ..errors import DataError, FileError
from ..files import as_path, write_whole
from ..graph import Graph
from .common import writable_folder
from .recipes import CommandError
from .settings import Settings

NET = "net.safetensors"
FILES = (
    *("settings.json", "recipe.json", "model.py", "checkpoints", "result.json", NET),
    *("history.csv", "history.json", "curve.png", "graph.svg", "confusion.png"),
    "misclassified.png",
)


class Run:
    """A run in its folder.

    settings.json     everything to repeat it
    recipe.json       how a file becomes an input: sizes, columns, means, names of classes
    model.py          a copy of the file that made the network, if it was the person's own
    checkpoints/      from which it goes on
    result.json       what came out; not there before the first end
    net.safetensors   the network
    """

    def __init__(self, folder: Path) -> None:
        self.folder = as_path(folder)
        self.checkpoints = self.folder / "checkpoints"

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def __str__(self) -> str:
        return str(self.folder)

    # what is in it -------------------------------------------------------------------------------

    def settings(self) -> Settings:
        if not self.folder.is_dir():
            found = "it is a file" if self.folder.exists() else "there is no such folder"
            raise FileError(f"{self}: expected the folder of a run, but {found}.")
        return Settings.read(self / "settings.json")

    def recipe(self) -> Any:
        with part_of_run(self / "recipe.json"):
            return read_recipe(self / "recipe.json")

    def net(self, layers: Iterable[type] = ()) -> Graph:
        """The network, with classes of the person's own if it is made of them."""
        from ..io import load

        path = self / NET
        if not path.exists():
            raise FileError(
                f"{self}: the run has no network yet: {path.name} is written when a training ends. "
                f"Go on with it: layerwise train DATA --resume --out {self}"
            )
        return load(path, layers)

    def result(self) -> dict[str, Any]:
        """What the last end of the training gave; {} before the first one."""
        path = self / "result.json"
        try:
            found = json.loads(path.read_bytes())
            return {"finished": bool(found["finished"]), "epoch": int(found["epoch"])} | found
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FileError(f"{path}: it cannot be read: {error.strerror or error}.") from None
        except (ValueError, TypeError, KeyError) as error:
            raise FileError(f"{path}: the result of the run is damaged: {error!r:.100}.") from None

    # writing -------------------------------------------------------------------------------------

    def begin(self, settings: Settings, recipe: Recipe, model: bytes | None) -> None:
        """Write what is known before the first step."""
        with writing(self / "recipe.json"):
            recipe.save(self / "recipe.json")
        if model is not None:
            with writing(self / "model.py"):
                write_whole(self / "model.py", model)
        with writing(self / "settings.json"):  # with which it is a run
            settings.save(self / "settings.json")

    def save_result(self, result: dict[str, Any]) -> None:
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        write_whole(self / "result.json", text.encode())


def refuse_taken(out: Path | None) -> None:
    """Refuse a folder with a run, or with anything that a run would write over."""
    there = [name for name in FILES if out is not None and (as_path(out) / name).exists()]
    if "settings.json" in there:
        raise CommandError(
            f"{out} holds a run already. Go on with it by --resume, or give another --out."
        )
    if there:
        raise CommandError(f"{out} has a {there[0]} already, which stays. Give another --out.")


def make_folder(out: Path | None, title: str) -> Path:
    """The folder that was asked for, or the next `runs/TITLE-N`, which is nobody else's."""
    if out is not None:
        return writable_folder(out)
    parent = writable_folder(Path("runs"))
    for number in itertools.count(1):
        folder = parent / f"{title}-{number}"
        try:
            folder.mkdir()
            break
        except FileExistsError:
            continue
    return folder


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A file that cannot be written is named."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: it cannot be written: {error.strerror or error}.") from error


@contextmanager
def part_of_run(path: Path) -> Iterator[None]:
    """What is wrong with a file of a run is said as such."""
    try:
        yield
    except DataError as error:
        said = str(error).removesuffix(" Write it with split.recipe.save(path).")
        raise FileError(f"The run is damaged: {said}") from None
