"""The recipe of a text: its characters, and their numbers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..files import as_path
from ..layers.sizes import is_whole
from .recipe import Recipe
from .text import Text, read_characters


class TextRecipe(Recipe):
    """How characters become the numbers that a language model has learned, and back.

    classes   all characters; the number of one is its place here
    length    how many characters the model saw at a time when it learned

    >>> recipe = TextRecipe("abc", length=8)
    >>> recipe.encode("cab"), recipe.decode(np.array([1, 0]))
    (array([2, 0, 1]), 'ba')
    """

    kind = "text"

    def __init__(self, classes: Any = "", length: int = 1) -> None:
        super().__init__(tuple(classes))
        if not is_whole(length) or any(len(one) != 1 for one in self.classes):
            raise DataError(f"A text's recipe has characters and a length, not {classes!r:.50}.")
        self.length = int(length)
        nothing: NDArray[np.int64] = np.zeros(0, np.int64)
        self.text = Text(nothing, nothing, "".join(self.classes))

    def to_dict(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"classes": list(self.classes), "length": self.length}

    def read(self, path: str | os.PathLike[str]) -> NDArray[Any]:
        """All characters of a file as numbers, (1, T)."""
        return self.encode(read_characters(as_path(path)))[None]

    def encode(self, characters: str) -> NDArray[np.int64]:
        """The numbers of characters, (T,); DataError for one that is not known."""
        try:
            return self.text.encode(characters)
        except ValueError as error:
            raise DataError(str(error)) from None

    def decode(self, numbers: NDArray[np.integer]) -> str:
        """The characters of these numbers."""
        return self.text.decode(numbers)

    def __repr__(self) -> str:
        return f"TextRecipe({len(self.classes)} characters, length={self.length})"
