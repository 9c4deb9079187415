"""A data set in two parts: what a network learns from, and what it is judged by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, describe
from .recipe import Recipe

Pair = tuple[NDArray[np.float32], NDArray[Any]]


class Split(tuple[Pair, Pair]):
    """A data set in two parts, each a pair `(x, t)`: inputs and the classes they belong to.

    train     what a network learns from
    test      what it is judged by, held out from training
    recipe    how a file that comes later becomes an input: `split.recipe.read(path)`; it can be
              saved beside a network
    classes   the names of the classes, in the order of their numbers; () for numbers to be met

    >>> import layerwise as lw
    >>> (x_train, t_train), (x_test, t_test) = lw.data.digits()
    >>> len(x_train), len(x_test)
    (1437, 360)
    >>> lw.data.digits()
    Split(train=((1437, 64) float32, (1437,) int64), test=((360, 64) float32, (360,) int64))
    """

    def __new__(cls, train: Pair, test: Pair, recipe: Recipe) -> Split:
        return super().__new__(cls, (train, test))

    def __init__(self, train: Pair, test: Pair, recipe: Recipe) -> None:
        self.recipe = recipe

    def __reduce__(self) -> Any:  # for copies
        return Split, (*self, self.recipe)

    @property
    def train(self) -> Pair:
        return self[0]

    @property
    def test(self) -> Pair:
        return self[1]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.classes

    def __repr__(self) -> str:
        return f"Split(train={describe(self.train)}, test={describe(self.test)})"


def split_rows(
    count: int, held_out: float, seed: int, classes: NDArray[Any] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows to learn from and those held out, both mixed; the seed alone decides.

    classes   (N,); given, each class is held out in proportion

    >>> train, test = split_rows(10, 0.4, seed=0, classes=np.array([0, 1] * 5))
    >>> np.sort(test % 2)
    array([0, 0, 1, 1])
    """
    if not 0 <= held_out < 1:
        raise DataError(f"held_out={held_out!r}: a part is from 0 up to below 1.")
    mixed = np.random.default_rng(seed).permutation(count)
    if classes is not None:
        mixed = mixed[np.argsort(classes[mixed], kind="stable")]  # class after class
    # Every so many-th row: where the running total of what is to be held out passes a whole number.
    held = np.diff(np.floor(np.arange(count + 1) * held_out + 0.5)) > 0
    again = np.random.default_rng([seed, 1])
    return again.permutation(mixed[~held]), again.permutation(mixed[held])
