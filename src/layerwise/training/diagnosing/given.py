"""The rows that a diagnosis looks at: of a pair (x, t), or of batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...errors import describe
from ..checks import TrainingError


class Given(NamedTuple):
    """Some rows as the network sees them, and all that lie in memory, as they were given."""

    x: Any
    t: Any
    every_x: Any
    every_t: Any


def as_given(data: Any, rows: int, name: str = "data") -> Given:
    """The rows of a pair (x, t), or of batches: objects with `epoch(number)`, as `Batches`."""
    if callable(getattr(data, "epoch", None)):
        return _from_batches(data, rows)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TrainingError(
            f"diagnose expects {name} as a pair (x, t) or as Batches, but got "
            f"{type(data).__name__}."
        )
    x, t = np.asarray(data[0]), np.asarray(data[1])
    if x.ndim == 0 or t.ndim == 0 or len(x) != len(t) or len(x) == 0:
        raise TrainingError(
            f"diagnose expects a row of t for each row of x, and at least one, but in {name} x is "
            f"{describe(x)} and t is {describe(t)}."
        )
    some = spread(len(x), rows)
    return Given(x[some], t[some], x, t)


def _from_batches(batches: Any, rows: int) -> Given:
    xs: list[Any] = []
    ts: list[Any] = []
    for batch in batches.epoch(1):
        xs.append(np.asarray(batch.x))
        ts.append(np.asarray(batch.t))
        if sum(map(len, xs)) >= rows:
            break
    x, t = np.concatenate(xs)[:rows], np.concatenate(ts)[:rows]
    every_x, every_t = getattr(batches, "x", None), getattr(batches, "t", None)
    if type(every_x) is not np.ndarray or type(every_t) is not np.ndarray:
        every_x, every_t = x, t  # a function makes them, or they lie on a disk
    return Given(x, t, every_x, every_t)


def spread(count: int, wanted: int) -> Any:
    """The numbers of so many rows at equal distances, since rows are often sorted by class.

    >>> spread(10, 4).tolist(), spread(3, 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(int)
