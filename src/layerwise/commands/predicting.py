"""The work of `layerwise predict`: answers for images and rows of tables; texts that go on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..data.pictures import ENDINGS, natural
from ..files import as_path
from ..layers.activation import log_softmax
from ..tables import table
from .networks import KINDS
from .opened import Opened
from .recipes import CommandError


class Answer(NamedTuple):
    """What the network gave for one input.

    file     where the input is
    row      its number in a table, from 1; None for an image
    numbers  the probability of each class, or the number that was to be told
    """

    file: str
    row: int | None
    numbers: Any


OF_KIND = {  # what options of `predict` are for, and the kinds of data
    "--invert": ("images", ("named", "images")),
    "--top": ("classes", ("named", "images", "table")),
    "--length": ("a text", ("text",)),
    "--temperature": ("a text", ("text",)),
    "--seed": ("a text", ("text",)),
}


def refuse_others(one: Opened, given: dict[str, Any], form: str) -> None:
    """Refuse options that are for other networks, or for another form of answers."""
    kind = one.settings.kind
    learned = KINDS.get(kind, KINDS["images"])
    for name in [name for name, value in given.items() if value is not None]:
        what, kinds = OF_KIND[name]
        if kind not in kinds:
            raise CommandError(f"{name} is for {what}, but {one.run} has learned {learned}.")
    if kind == "text" and form != "table":
        raise CommandError(
            f"--{form} is for classes and numbers, but {one.run} has learned a text."
        )
    if given["--top"] and not one.recipe.classes:
        raise CommandError(f"--top is for classes, but {one.run} tells {one.recipe.target!r}.")
    if given["--top"] and form != "table":
        raise CommandError(f"--top is for the table; --{form} always has all classes.")


def answers(one: Opened, files: list[str], invert: bool) -> list[Answer]:
    """What the network gives for all inputs in some files."""
    image = one.settings.kind != "table"
    found: list[Answer] = []
    for file in images_in(one, files) if image else files:
        x = one.recipe.read(file)
        out = one.predict(1 - x if invert else x)
        if one.recipe.classes:
            out = np.exp(log_softmax(out.astype(float), 1))  # (N, C)
        found += [Answer(file, None if image else n, row) for n, row in enumerate(out, 1)]
    return found


def images_in(one: Opened, files: list[str]) -> list[str]:
    """Images as they are, and those in a folder."""
    found = []
    for name in files:
        path = as_path(name)
        if not path.is_dir():
            found.append(name)
        elif images := [file for file in path.iterdir() if file.suffix.lower() in ENDINGS]:
            found += map(str, sorted(images, key=natural))
        else:
            raise CommandError(
                f"{name}: the folder has no images, {', '.join(ENDINGS)}. If it has a folder of "
                f"images for each class: layerwise evaluate {one.run} {name}"
            )
    return found


def as_text(found: list[Answer], recipe: Any, form: str, top: int) -> str:
    """Answers as a "table" for people, "json" or "csv"."""
    if form == "json":
        return json.dumps([as_dict(one, recipe) for one in found], indent=1, ensure_ascii=False)
    return as_csv(found, recipe) if form == "csv" else as_table(found, recipe, top)


def as_dict(one: Answer, recipe: Any) -> dict[str, Any]:
    """Everything that is known of an answer, by name."""
    said: dict[str, Any] = {"file": one.file}
    if one.row is not None:
        said["row"] = one.row
    if not recipe.classes:
        return {**said, recipe.target: float(one.numbers[0])}
    best = int(one.numbers.argmax())
    each = dict(zip(recipe.classes, one.numbers.tolist()))
    return {
        **said, "class": recipe.classes[best], "probability": float(one.numbers[best]),
        "probabilities": each,
    }  # fmt: skip


def as_csv(found: list[Answer], recipe: Any) -> str:
    """A line for each answer; the probabilities of classes have a column each."""
    rows = [as_dict(one, recipe) for one in found]
    for row in rows:
        row |= {f"p({name})": p for name, p in row.pop("probabilities", {}).items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue().rstrip("\n")


def as_table(found: list[Answer], recipe: Any, top: int) -> str:
    """A table for people: the likeliest class, and the ones that follow."""
    lines = [as_line(one, recipe, top) for one in found]
    return table(list(lines[0]), [list(line.values()) for line in lines])


def as_line(one: Answer, recipe: Any, top: int) -> dict[str, str]:
    """The cells of one answer, by column."""
    line = {"file": one.file}
    if one.row is not None:
        line["row"] = f"{one.row}"
    if not recipe.classes:
        return {**line, recipe.target: f"{one.numbers[0]:.6g}"}
    order = np.argsort(-one.numbers, kind="stable")[:top]
    best, *others = [(recipe.classes[i], f"{100 * one.numbers[i]:.1f} %") for i in order]
    line |= {"class": best[0], "probability": best[1]}
    return {**line, "then": ", ".join(map(" ".join, others))} if others else line


class Writer:
    """Continues a text, character by character."""

    def __init__(self, one: Opened, prompt: str, temperature: float, seed: int) -> None:
        if not prompt:
            raise CommandError("Give the beginning of a text, at least a character.")
        if "." in prompt and as_path(prompt).is_file():
            raise CommandError(
                f"{prompt} is a file, but {one.run} continues a text that is given as it is: "
                f'layerwise predict {one.run} "Once upon a time"'
            )
        if not temperature > 0:
            raise CommandError(f"--temperature {temperature:g}: give a number above 0.")
        self.one, self.prompt, self.temperature = one, prompt, temperature
        self.numbers = one.recipe.encode(prompt).tolist()
        self.rng = np.random.default_rng(seed)

    def go_on(self, length: int) -> Iterator[str]:
        """So many characters more; the network sees as many before each as it did in training."""
        recipe = self.one.recipe
        for _ in range(length):
            x = np.array([self.numbers[-recipe.length :]])
            scores = self.one.predict(x)[0, :, -1]  # (1, V, T) -> (V,)
            shares = np.exp(log_softmax(scores.astype(float) / self.temperature, 0))
            self.numbers.append(int(self.rng.choice(len(shares), p=shares)))
            yield recipe.decode(self.numbers[-1:])
