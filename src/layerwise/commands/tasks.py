"""What there is to learn: data, read and parted as the settings say."""

from __future__ import annotations

import dataclasses
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import data
from ..data.split import Split, split_rows
from .recipes import CommandError
from .settings import Settings, near

Pair = tuple[Any, Any]
WORDS = {"images": "images", "table": "rows", "text": "passages"}


@dataclass(frozen=True)
class Task:
    """Rows to learn from, to watch, and to be judged by, and how later ones become inputs.

    title        what messages call it
    kind         "images", "table" or "text"
    train, validation, test   pairs (x, t); validation is None if no rows are held out for it
    recipe       how a file becomes inputs
    """

    title: str
    kind: str
    train: Pair
    validation: Pair | None
    test: Pair
    recipe: Any

    @property
    def goal(self) -> str:
        """What is to be told: "classes", "numbers" or "characters"."""
        if self.kind == "text":
            return "characters"
        return "classes" if self.recipe.classes else "numbers"

    @property
    def outputs(self) -> int:
        """How many classes, characters or numbers."""
        return len(self.recipe.classes) or 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return tuple(self.train[0].shape[1:])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image, also where the inputs are rows of numbers."""
        return (1 if self.recipe.grey else 3, *self.recipe.size)

    @property
    def words(self) -> str:
        """What the rows are."""
        return WORDS[self.kind]

    def flattened(self) -> Task:
        """The same with a row of numbers for each image."""
        pairs: dict[str, Any] = {
            name: (pair[0].reshape(len(pair[0]), -1), pair[1])
            for name, pair in [
                ("train", self.train), ("validation", self.validation), ("test", self.test)
            ]
            if pair is not None
        }  # fmt: skip
        recipe = data.ImageRecipe(**{**self.recipe.to_dict(), "flatten": True})
        return dataclasses.replace(self, recipe=recipe, **pairs)

    def checksum(self) -> int:
        """A number that tells these data from others."""
        total = 0
        for x, t in (self.train, self.test):
            for array in (x, t):
                flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
                total = zlib.crc32(flat, zlib.crc32(f"{array.shape}".encode(), total))
        return total


def read_task(settings: Settings) -> Task:
    """The data of these settings."""
    return read_text(settings) if settings.kind == "text" else read_rows(settings)


def read_rows(settings: Settings) -> Task:
    """Images or a table."""
    split = read_split(settings)
    x, t = split.train
    kind = "table" if settings.kind == "table" else "images"
    if not len(split.test[0]):
        raise CommandError(
            f"{settings.title}: {len(x)} {WORDS[kind]} are too few to hold some out to the end. "
            "Collect more."
        )
    rows, held = split_rows(
        len(x), settings.validation, settings.seed, t if split.classes else None
    )
    if settings.validation and not len(held):
        raise CommandError(
            f"--validation {settings.validation} of {len(x)} {WORDS[kind]} is less than one. Give "
            "a larger part, or 0."
        )
    validation = (x[held], t[held]) if len(held) else None
    train = (x[rows], t[rows]) if len(held) else (x, t)
    return Task(settings.title, kind, train, validation, split.test, split.recipe)


def read_split(settings: Settings) -> Split:
    """The two parts of the data, as its functions in `lw.data` give them."""
    if settings.kind == "named":
        where = {} if settings.data == "digits" else {"folder": settings.folder}
        split: Split = getattr(data, settings.data)(flatten=False, **where)
        return split
    if settings.kind == "images":
        return data.images(
            near(settings.data),
            settings.size,
            grey=bool(settings.grey),
            ink=bool(settings.ink),
            seed=settings.seed,
        )
    return data.csv(
        near(settings.data),
        str(settings.target),
        classes=settings.classes,
        drop=settings.drop,
        categories=settings.categories,
        missing=str(settings.missing),
        header=bool(settings.header),
        decimal=str(settings.decimal),
        delimiter=settings.delimiter,
        seed=settings.seed,
    )


def read_text(settings: Settings) -> Task:
    """A text: its end is held out, and before it the part to watch; cut into passages."""
    text, length = data.text(near(settings.data)), settings.length or 1
    end = round(len(text.train) * (1 - settings.validation))
    parts = {"to learn from": text.train[:end], "at its end": text.test}
    if settings.validation:
        parts["of --validation"] = text.train[end:]
    for name, part in parts.items():
        if len(part) <= length:
            raise CommandError(
                f"{near(settings.data)}: the part {name} has {len(part)} characters, too few for a "
                f"passage of {length}. Give a smaller --length, or a longer text."
            )
    train, test, *held = [data.passages(part, length) for part in parts.values()]
    recipe = data.TextRecipe(text.alphabet, length)
    return Task(settings.title, "text", train, held[0] if held else None, test, recipe)
