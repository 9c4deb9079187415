"""Data that a function makes anew for every epoch: batches, or rows to be made batches of."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import DataError, describe
from .sources import Arrays, as_source, checked_weights, count_rows, numbers

Made = tuple[Arrays, Arrays, Any]  # x, t, weight


def is_function(x: Any) -> bool:
    return callable(x) and not hasattr(x, "__array__")


def iterator_of(make: Callable[[], Any]) -> Iterator[Any]:
    made = make()
    if not hasattr(made, "__iter__"):
        raise DataError(
            f"The function has to return an iterator over (x, t), but it returned "
            f"{type(made).__name__}."
        )
    return iter(made)


def skip_made(made: Iterator[Any], batches: int, size: int, epoch: int) -> None:
    """Leave out batches of so many, which an earlier run has used."""
    skipped = sum(1 for _ in itertools.islice(made, batches * size))
    if batches and skipped <= (batches - 1) * size:
        raise DataError(
            f"Epoch {epoch} cannot go on behind batch {batches}: this time the function made only "
            f"{skipped} of the {batches * size} before."
        )


def as_parts(made: Any) -> Made:
    """x, t and weight of a row or a batch that a function made."""
    if not isinstance(made, (tuple, list)) or not 2 <= len(made) <= 3:
        raise DataError(
            f"The function has to make pairs (x, t) or triples (x, t, weight), but it made "
            f"{show_made(made)}. Where there are no targets, give (x, None)."
        )
    x, t, weight = (*made, None)[:3]
    return x, t, weight


def show_made(made: Any) -> str:
    if isinstance(made, (tuple, list)):
        return f"a {type(made).__name__} of {len(made)}"
    return describe(made) if hasattr(made, "shape") else type(made).__name__


def whole_batches(made: Iterator[Any]) -> Iterator[Made]:
    """Batches as the function made them, once their parts fit."""
    for x, t, weight in map(as_parts, made):
        x, t = as_source(x, "x"), None if t is None else as_source(t, "t")
        weight = None if weight is None else checked_weights(weight)
        count_rows(x, t, weight)
        yield x, t, weight


def stacked(made: Iterator[Any], size: int) -> Iterator[Made]:
    """Single rows, so many of them in a batch."""
    while rows := list(itertools.islice(made, size)):
        xs, ts, weights = zip(*map(as_parts, rows))
        weight = stack(weights, "weight")
        yield stack(xs, "x"), stack(ts, "t"), None if weight is None else checked_weights(weight)


def stack(rows: tuple[Any, ...], name: str) -> Arrays:
    """One array of many rows, or a tuple or dict of such arrays."""
    first = rows[0]
    if isinstance(first, (tuple, dict)):
        keys = first.keys() if isinstance(first, dict) else range(len(first))
        if any(type(row) is not type(first) or len(row) != len(first) for row in rows):
            raise DataError(f"The function made rows of {name} that are not alike.")
        made = [stack(tuple(row[key] for row in rows), f"{name}[{key!r}]") for key in keys]
        return dict(zip(keys, made)) if isinstance(first, dict) else tuple(made)
    if all(row is None for row in rows):
        return None
    arrays = [np.asarray(row) for row in rows]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise DataError(
            f"The function made rows of {name} of the shapes {shapes[0]} and {shapes[1]}. Rows of "
            "a batch must be alike; if these are batches, leave out batch_size."
        )
    return numbers(np.stack(arrays), name)
