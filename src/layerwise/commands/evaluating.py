"""The work of `layerwise evaluate`: rows to be judged by, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import data as sets
from ..data.cells import read_sheet
from ..data.columns import codes_of, missing_cells, no_number, unknown_column
from ..data.pictures import class_folders, image_files
from ..errors import DataError
from ..metrics import ConfusionMatrix
from ..tables import table
from ..training import Trainer
from .choices import known_data
from .leaving import plain_values, sentence
from .networks import KINDS
from .opened import Opened
from .recipes import CommandError
from .settings import near
from .setup import METRICS, loss_of
from .tasks import Pair, Task, read_task

MOST_CLASSES = 30  # that have a line each


def evaluated(one: Opened, data: str | None, as_json: bool) -> str:
    """What the network of a run is worth, on the test part or on other data, as a text."""
    task = test_part(one) if data is None else other_data(one, data)
    trainer = Trainer(one.net, loss_of(task), metrics=METRICS[task.goal], progress=False)
    x, t = task.test
    one.predict(x[:1])  # which says so if the run is damaged
    values = trainer.evaluate(task.test)
    if as_json:
        return json.dumps({"rows": len(x), **plain_values(values)}, indent=1)
    held_out = data is None or known_data(data)[1] == "named"  # of a set by name its test part
    part = "" if held_out else f"all of {task.title}"
    said = f"{sentence(trainer, task, values, part)} The loss is {values['loss']:.4g}."
    if task.goal == "classes" and len(task.recipe.classes) <= MOST_CLASSES:
        counts = ConfusionMatrix().of(one.predict(x), t)
        said += f"\n\n{by_class(counts, task.recipe.classes)}"
    return said


def by_class(counts: Any, classes: tuple[str, ...]) -> str:
    """A line for each class: how many rows it has, how many are right, what else they are called.

    >>> print(by_class(np.array([[8, 2], [0, 5]]), ("cat", "dog")))
    class  rows  right    most often mistaken for
    -----  ----  -------  -----------------------
    cat      10  80.0 %   dog (2)
    dog       5  100.0 %
    """
    rows = []
    for n, (name, row) in enumerate(zip(classes, counts)):
        others = np.where(np.arange(len(row)) == n, 0, row)
        worst, total = int(others.argmax()), int(row.sum())
        rows.append(
            [
                name,
                f"{total}",
                f"{100 * row[n] / total:.1f} %" if total else "",
                f"{classes[worst]} ({int(others[worst])})" if others[worst] else "",
            ]
        )
    return table(["class", "rows", "right", "most often mistaken for"], rows)


# rows --------------------------------------------------------------------------------------------


def test_part(one: Opened) -> Task:
    """The rows that were held out when the run was begun."""
    task = read_task(one.settings)
    if task.checksum() != one.settings.checksum:
        raise CommandError(
            f"{task.title} is not what it was when {one.run} was begun, so nobody knows which rows "
            f"it has learned from. To be judged by all of them: layerwise evaluate {one.run} "
            f"{near(one.settings.data)}"
        )
    return task.flattened() if getattr(one.recipe, "flatten", False) else task


def other_data(one: Opened, data: str) -> Task:
    """All rows of other data, as this network takes them."""
    whole, kind = known_data(data)
    learned = one.settings.kind
    alike = {learned} if learned in ("table", "text") else {"named", "images"}
    if kind not in alike:
        before, now = (KINDS.get(one, KINDS["images"]) for one in (learned, kind))
        raise CommandError(f"{one.run} has learned {before}, but {data} is {now}.")
    read = {"named": named, "images": folder, "table": rows_of_table, "text": passages}[kind]
    pair = read(one, whole if kind == "named" else near(whole))
    title = whole if kind == "named" else Path(whole).name
    return Task(title, "images" if kind == "named" else kind, pair, None, pair, one.recipe)


def named(one: Opened, name: str) -> Pair:
    """The test part of a set by name, which has to have the same images and classes."""
    split = getattr(sets, name)(flatten=one.recipe.flatten)
    before, now = (recipe.to_dict() for recipe in (one.recipe, split.recipe))
    for what in ("size", "grey", "classes"):
        if before[what] != now[what]:
            raise CommandError(
                f"{one.run} has learned images of the {what} {before[what]}, but {name} has "
                f"{now[what]}."
            )
    pair: Pair = split.test
    return pair


def folder(one: Opened, path: str) -> Pair:
    """All images in a folder that has a folder for each class."""
    x, t = [], []
    for name in class_folders(Path(path)):
        if name not in one.recipe.classes:
            raise DataError(
                f"{Path(path, name)}: {one.run} knows no class {name!r}; it knows "
                f"{', '.join(one.recipe.classes)}."
            )
        for file in image_files(Path(path, name)):
            x.append(one.recipe.read(file))
            t.append(one.recipe.classes.index(name))
    return np.concatenate(x), np.array(t)


def rows_of_table(one: Opened, path: str) -> Pair:
    """All rows of a table, whose target has to be there."""
    recipe = one.recipe
    sheet = read_sheet(Path(path), recipe.delimiter, recipe.header, recipe.decimal)
    if recipe.target not in sheet.columns:
        raise DataError(unknown_column(sheet, recipe.target))
    if recipe.classes:
        return recipe.encode(sheet), codes_of(sheet, recipe.target, recipe.classes)
    numbers = sheet.numbers(recipe.target)
    if numbers is None:
        raise DataError(no_number(sheet, recipe.target))
    if sheet.missing(recipe.target).any():
        raise DataError(missing_cells(sheet, recipe.target))
    return recipe.encode(sheet), numbers.astype(np.float32)[:, None]  # (N,) -> (N, 1)


def passages(one: Opened, path: str) -> Pair:
    """A whole text, in passages."""
    numbers = one.recipe.read(path)[0]
    if len(numbers) <= one.recipe.length:
        raise DataError(f"{path}: a text has to have more than {one.recipe.length} characters.")
    pair: Pair = sets.passages(numbers, one.recipe.length)
    return pair
