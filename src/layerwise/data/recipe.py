"""Recipes: how a file that comes later is made into the inputs that a network has learned from.

A recipe holds what was found out about the training part (sizes, categories, means), and can be
saved as a small JSON file beside the network.
"""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..files import as_path, write_whole

VERSION = 1


class Recipe:
    """What both recipes have in common.

    classes   the names of the classes, in the order of their numbers
    """

    kinds: ClassVar[dict[str, type[Recipe]]] = {}
    kind = ""

    def __init_subclass__(cls) -> None:
        Recipe.kinds[cls.kind] = cls

    def __init__(self, classes: Any = ()) -> None:
        self.classes = texts("classes", classes)

    def read(self, path: str | os.PathLike[str]) -> NDArray[np.float32]:
        """The inputs in a file, with an axis for rows, ready for `net.predict`."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """All that the recipe knows, for JSON: the arguments of its constructor."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe as JSON, whole or not at all."""
        said = {"layerwise recipe": VERSION, "kind": self.kind, **self.to_dict()}
        write_whole(path, (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode())


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """A recipe that was saved.

    errors   DataError, if the file is missing, damaged, or no recipe

    >>> import tempfile
    >>> import layerwise as lw
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lw.data.digits().recipe.save(f"{folder}/digits.json")
    ...     recipe = read_recipe(f"{folder}/digits.json")
    >>> recipe.classes
    ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
    """
    path = as_path(path)
    try:
        said = json.loads(path.read_bytes())
        if said.pop("layerwise recipe") != VERSION:
            raise ValueError("it was written by another version of layerwise")
        return Recipe.kinds[said.pop("kind")](**said)
    except OSError as error:
        raise DataError(f"{path}: it cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # what is in the file may be anything
        reason = str(error).rstrip(".") if isinstance(error, ValueError) else repr(error)
        raise DataError(
            f"{path}: expected a recipe, but: {reason}. Write it with split.recipe.save(path)."
        ) from None


def texts(name: str, given: Any) -> tuple[str, ...]:
    """Texts, each a different one."""
    if not isinstance(given, (tuple, list)) or not all(isinstance(one, str) for one in given):
        raise DataError(f"{name} must be texts, but got {given!r}.")
    if len(set(given)) < len(given):
        twice = next(one for one in given if list(given).count(one) > 1)
        raise DataError(f"{name} has {twice!r} twice.")
    return tuple(given)
