"""Batches: rows in an order that follows from a seed and the number of the epoch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .functions import is_function, iterator_of, skip_made, stacked, whole_batches
from .prefetch import prefetched
from .sources import (
    Arrays,
    as_source,
    checked_weights,
    count_rows,
    fingerprint,
    parts,
    show,
    take,
    whole,
)

BATCH_SIZE = 100  # where nothing else is said

Augmentation = Callable[[Any, Any, np.random.Generator], tuple[Any, Any]]


class Batch(NamedTuple):
    """Some rows, for one step.

    x        inputs, (n, ...), or a tuple or dict of them
    t        targets, likewise; None if there are none
    rows     the numbers of these rows in the data, (n,); None where a function makes the data
    weight   how much each row counts, (n,); None: all the same
    """

    x: Any
    t: Any
    rows: NDArray[np.integer] | None
    weight: NDArray[np.floating] | None = None


class Batches:
    """Data in batches, in another order in every epoch, and in the same order in every run.

    x            inputs with a row for each example: an array, what NumPy makes one of (a list, a
                 data frame of numbers), the path of a `.npy` file, or a tuple or dict of these for
                 a network with several inputs. Or a function without arguments that returns an
                 iterator over pairs (x, t) or triples (x, t, weight), called anew for every epoch
    t            targets, likewise; None: there are none, or the function makes them
    batch_size   rows of a batch, by default 100; the last one of an epoch may have fewer. Of a
                 function: how many of the single rows it makes become a batch; None: what it makes
                 are batches
    shuffle      mix the rows anew in every epoch; a function decides on its order itself
    seed         decides, with the number of the epoch and nothing else, the order of the rows
    weights      how much each row counts, (N,), 0 or more; None: all the same
    augment      changes made to every batch: functions (x, t, rng) -> (x, t), in this order. The
                 numbers of `rng` follow from seed, epoch and number of the batch alone
    prefetch     how many batches a thread makes ahead; 0: none, and no thread
    drop_last    leave out a last batch that has fewer rows

    errors       DataError for what does not fit together or is no number

    A file, given by its path, stays on the disk: rows are read when their batch is made. The arrays
    of a batch are new ones, and may be written to.

    >>> batches = Batches(np.arange(5) * 10, np.arange(5), batch_size=2, seed=0)
    >>> for batch in batches.epoch(1):
    ...     print(batch.x, batch.t, batch.rows)
    [10 40] [1 4] [1 4]
    [30  0] [3 0] [3 0]
    [20] [2] [2]
    >>> [batch.rows.tolist() for batch in batches.epoch(1, start=2)]  # where a run stopped
    [[2]]
    >>> batches
    Batches(5 rows, batch_size=2, 3 steps)
    """

    def __init__(
        self,
        x: Any,
        t: Any = None,
        batch_size: int | None = None,
        *,
        shuffle: bool = True,
        seed: int = 0,
        weights: Any = None,
        augment: Augmentation | Iterable[Augmentation] = (),
        prefetch: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.make = x if is_function(x) else None
        if batch_size is None and self.make is None:
            batch_size = BATCH_SIZE
        self.batch_size = None if batch_size is None else whole("batch_size", batch_size, 1)
        self.seed, self.prefetch = whole("seed", seed, 0), whole("prefetch", prefetch, 0)
        self.shuffle, self.drop_last = bool(shuffle), bool(drop_last)
        self.augment = changes(augment)
        self.x: Arrays = None
        self.t: Arrays = None
        self.weights: NDArray[np.floating] | None = None
        self.count: int | None = None
        self.steps: int | None = None
        self._epochs = 0  # how many `iter` has begun
        if self.make is None:
            self._take_arrays(x, t, weights)
        elif t is not None or weights is not None:
            raise DataError(
                "A function makes targets and weights itself: let it give (x, t) or (x, t, weight) "
                "and leave out t and weights."
            )

    def _take_arrays(self, x: Any, t: Any, weights: Any) -> None:
        if x is None or hasattr(x, "__next__"):
            raise DataError(
                f"x holds no rows that can be gone through again: it is {type(x).__name__}. Give "
                "arrays, the path of a .npy file, or a function that returns a new iterator for "
                "every epoch."
            )
        self.x, self.t = as_source(x, "x"), None if t is None else as_source(t, "t")
        self.weights = None if weights is None else checked_weights(weights)
        self.count = count_rows(self.x, self.t, self.weights)
        size = self.batch_size or self.count
        self.steps = self.count // size if self.drop_last else -(-self.count // size)
        if self.steps == 0:
            raise DataError(
                f"drop_last=True leaves nothing of {self.count} rows in batches of {size}. "
                f"Give a batch_size of at most {self.count}."
            )

    def __len__(self) -> int:
        """How many batches an epoch has."""
        if self.steps is None:
            raise TypeError(
                "Nobody knows how many batches a function makes: these Batches have no len(); "
                ".steps is None."
            )
        return self.steps

    def __repr__(self) -> str:
        rows = "rows by a function" if self.count is None else f"{self.count} rows"
        steps = "" if self.steps is None else f", {self.steps} steps"
        return f"Batches({rows}, batch_size={self.batch_size}{steps})"

    @cached_property
    def fingerprint(self) -> dict[str, tuple[str, list[float], list[float]]]:
        """What tells these data from others, by name: shape and dtype, and two numbers for each of
        a few rows. Of a function, nothing is known."""
        return fingerprint({"x": self.x, "t": self.t, "weights": self.weights})

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the next epoch; of the first one at first."""
        self._epochs += 1
        return self.epoch(self._epochs)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch.

        number   of the epoch, from 1 up
        start    how many batches at its beginning are left out: a run that was stopped behind
                 batch 7 goes on with start=7
        """
        number, start = whole("epoch", number, 1), whole("start", start, 0)
        if self.steps is not None and start > self.steps:
            raise DataError(f"start={start}, but an epoch has {self.steps} batches.")
        batches = self._changed(number, start)
        return prefetched(batches, self.prefetch) if self.prefetch else batches

    def _changed(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches as they are used."""
        made = self._from_arrays if self.make is None else self._from_function
        for number, batch in enumerate(made(epoch, start), start + 1):
            if self.augment:
                # Numbers from 1 up: NumPy takes [seed, epoch, 0] for [seed, epoch], the order's.
                rng = np.random.default_rng([self.seed, epoch, number])
                for change in self.augment:
                    batch = changed(batch, change, rng)
            yield batch

    def _from_arrays(self, epoch: int, start: int) -> Iterator[Batch]:
        assert self.count is not None and self.steps is not None and self.batch_size is not None
        order = np.arange(self.count)
        if self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        for number in range(start, self.steps):
            rows = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield Batch(take(self.x, rows), take(self.t, rows), rows, take(self.weights, rows))

    def _from_function(self, epoch: int, start: int) -> Iterator[Batch]:
        assert self.make is not None
        size = self.batch_size
        made = iterator_of(self.make)
        skip_made(made, start, size or 1, epoch)
        batches = whole_batches(made) if size is None else stacked(made, size)
        empty = start == 0
        for x, t, weight in batches:
            empty = False
            if not (self.drop_last and size and len(parts(x)[0]) < size):
                yield Batch(x, t, None, weight)
        if empty:
            raise DataError(
                f"The function made nothing in epoch {epoch}. It is called for every epoch and "
                "has to return a new iterator each time."
            )


# changes -----------------------------------------------------------------------------------------


def changes(augment: Any) -> tuple[Augmentation, ...]:
    """The changes in their order; one alone needs no list."""
    listed = (augment,) if callable(augment) else tuple(augment or ())
    for change in listed:
        if isinstance(change, type) or not callable(change):
            called = f" Call it: {change.__name__}()." if isinstance(change, type) else ""
            raise DataError(
                f"augment= expects functions (x, t, rng) -> (x, t), but got {change!r}.{called}"
            )
    return listed


def changed(batch: Batch, change: Augmentation, rng: np.random.Generator) -> Batch:
    """The batch after one change, which may not lose rows."""
    given = change(batch.x, batch.t, rng)
    name = getattr(change, "__name__", repr(change))
    if not isinstance(given, tuple) or len(given) != 2:
        raise DataError(f"{name} has to return (x, t), but it returned {type(given).__name__}.")
    counts = [len(array) for array in parts((batch.x, batch.t))]
    if [len(array) if np.ndim(array) else 0 for array in parts(given)] != counts:
        raise DataError(
            f"{name} has to keep the rows of a batch: it got {show((batch.x, batch.t))} and "
            f"returned {show(given)}."
        )
    return batch._replace(x=given[0], t=given[1])
