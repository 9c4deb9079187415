"""Numbers for the page: statistics of the whole, the numbers themselves, sampled where too many.

All numbers lie in one block of bytes, each distinct array once. An array that is too large is
shown for some of its indices along some axes, spread evenly; the page says which.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..errors import describe
from ..values import NUMBERS

BINS = 32  # of a histogram
MOST_BYTES = 830_000  # of all numbers together; base64 makes 4/3 of it
LIMITS = (65_536, 16_384, 4_096, 1_024, 256, 64)  # elements of one array, or of a sample in it
SMALL = 2_048  # elements that are always shown
MOST_ROWS, ROWS = 64, (48, 32, 24, 16, 12, 8, 6, 5, 4)  # samples of a batch
SAFE = 2**53  # whole numbers up to here are exact in JavaScript

Axes = tuple[Any, ...]  # for each axis the indices that are shown; None: all


class Store:
    """Takes values of any kind and says each in JSON; the numbers of arrays go into one block.

    batch   the size of the batch: axes in front that are as long are sampled together
    """

    def __init__(self, batch: int | None) -> None:
        self.batch = batch
        self.entries: list[dict[str, Any]] = []
        self._arrays: list[np.ndarray] = []
        self._batched: list[bool] = []
        self._known: dict[Any, int] = {}

    def add(self, value: Any, batched: bool = True) -> Any:
        """What the page is told of a value: None, a number, the index of an array, or words.

        batched   whether a first axis as long as the batch is the batch; not so of parameters
        """
        if value is None:
            return None
        if isinstance(value, tuple):
            return {"several": [self.add(one) for one in value]}
        if type(value) in NUMBERS or isinstance(value, (bool, np.generic)):
            return {"number": plain_number(value)}
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            return {"words": describe(value)}
        if value.ndim == 0:
            return {"number": plain_number(value[()]), "dtype": str(value.dtype)}
        return {"array": self._add_array(value, batched)}

    def _add_array(self, array: np.ndarray, batched: bool) -> int:
        array = np.ascontiguousarray(array)
        batched = batched and array.ndim > 1 and len(array) == self.batch
        key = (batched, array.shape, array.dtype.str, hashlib.sha256(array.tobytes()).digest())
        if key not in self._known:
            self._known[key] = len(self.entries)
            self.entries.append(
                {"shape": list(array.shape), "dtype": str(array.dtype), **statistics(array)}
            )
            self._arrays.append(array)
            self._batched.append(batched)
        return self._known[key]

    def block(self, most: int = MOST_BYTES) -> str:
        """All numbers in base64; tells each entry where its own are and which are shown."""
        plan = next((one for one in self._plans() if self._size(one) <= most), SMALLEST)
        parts: list[bytes] = []
        known: dict[Any, int] = {}
        end = 0
        for entry, array, batched in zip(self.entries, self._arrays, self._batched):
            axes = plan.axes(array.shape, batched)
            content, entry["kind"] = packed(shown(array, axes))
            if any(one is not None for one in axes):
                entry["axes"] = [None if one is None else one.tolist() for one in axes]
            if (content, entry["kind"]) not in known:
                known[content, entry["kind"]] = end
                parts.append(content + bytes(-len(content) % 8))  # each begins at a multiple of 8
                end += len(parts[-1])
            entry["at"] = known[content, entry["kind"]]
        return base64.b64encode(b"".join(parts)).decode()

    def _plans(self) -> Iterator[Plan]:
        """How much to show, from everything downward; samples stay whole as long as they can."""
        most = min(self.batch or 1, MOST_ROWS)
        for limit in LIMITS[:4]:
            yield from (Plan(rows, LIMITS[0], limit) for rows in (most, *ROWS) if rows <= most)
        yield from (Plan(rows, LIMITS[0], LIMITS[3]) for rows in (3, 2, 1) if rows < most)
        yield from (Plan(min(2, most), limit, min(limit, LIMITS[3])) for limit in LIMITS)

    def _size(self, plan: Plan) -> int:
        total = 0
        for array, batched in zip(self._arrays, self._batched):
            axes = plan.axes(array.shape, batched)
            count = math.prod(n if a is None else len(a) for n, a in zip(array.shape, axes))
            total += count * width(array)
        return total


class Plan(NamedTuple):
    """How much of arrays is shown."""

    rows: int  # of a batch
    sample: int  # elements of each of these rows
    limit: int  # elements of any other array

    def axes(self, shape: tuple[int, ...], batched: bool) -> Axes:
        """The indices to show of an array of this shape."""
        if math.prod(shape) <= SMALL:
            return (None,) * len(shape)
        if batched:
            return (spread(shape[0], self.rows), *axes_within(shape[1:], self.sample))
        return axes_within(shape, self.limit)


SMALLEST = Plan(1, LIMITS[-1], LIMITS[-1])


def axes_within(shape: tuple[int, ...], limit: int) -> Axes:
    """The indices to show so that there are at most `limit` elements; the first axis gives first.

    >>> [None if one is None else len(one) for one in axes_within((784, 50), 16384)]
    [327, None]
    """
    sizes = list(shape)
    if sizes:
        sizes[0] = max(min(sizes[0], limit // max(math.prod(sizes[1:]), 1)), min(sizes[0], 1))
    while math.prod(sizes) > limit:
        largest = sizes.index(max(sizes))
        sizes[largest] = (sizes[largest] + 1) // 2
    return tuple(spread(n, size) for n, size in zip(shape, sizes))


@lru_cache(maxsize=4096)  # the plans ask for the same ones again and again
def spread(n: int, count: int) -> np.ndarray | None:
    """`count` indices from the first to the last of n, spread evenly; None: all of them.

    >>> spread(16, 4).tolist(), spread(3, 4)
    ([0, 5, 10, 15], None)
    """
    return None if count >= n else np.rint(np.linspace(0, n - 1, count)).astype(int)


def shown(array: np.ndarray, axes: Axes) -> np.ndarray:
    """The part of an array that is shown."""
    for axis, indices in enumerate(axes):
        if indices is not None:
            array = np.take(array, indices, axis)
    return array


def packed(array: np.ndarray) -> tuple[bytes, str]:
    """The numbers as bytes, and their kind: f4, f8, i4 or u1, in little endian."""
    kind = kind_of(array)
    return array.astype(f"<{kind}").tobytes(), kind


def kind_of(array: np.ndarray) -> str:
    """The smallest of the page's kinds that holds these numbers exactly."""
    dtype = array.dtype
    if dtype.kind == "b" or dtype == np.uint8:
        return "u1"
    if dtype.kind == "f":
        return "f4" if dtype.itemsize <= 4 else "f8"
    if dtype.itemsize < 4 or dtype == np.int32:
        return "i4"
    fits = not array.size or (array.min() >= -(2**31) and array.max() < 2**31)
    return "i4" if fits else "f8"


def width(array: np.ndarray) -> int:
    """The bytes of one number in the page."""
    return int(kind_of(array)[1])


def plain_number(value: Any) -> Any:
    """A single number for JSON; what JSON cannot say, and huge whole numbers, as text.

    >>> plain_number(np.float32(0.5)), plain_number(float("nan")), plain_number(2**70)
    (0.5, 'NaN', '1180591620717411303424')
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value) if abs(int(value)) <= SAFE else str(int(value))
    return json_float(float(value))


def json_float(value: float, digits: int = 17) -> Any:
    """A float for JSON, which knows neither NaN nor infinity: they become text."""
    if math.isfinite(value):
        return value if digits >= 17 else float(f"{value:.{digits}g}")
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def statistics(array: np.ndarray) -> dict[str, Any]:
    """What is said of all numbers of an array: mean, spread, range, histogram, oddities.

    >>> said = statistics(np.array([1.0, 2.0, np.nan]))
    >>> said["mean"], said["low"], said["high"], said["nan"]
    (1.5, 1.0, 2.0, 1)
    """
    floats: Any = array.astype(np.float64)
    finite = floats[np.isfinite(floats)]
    said: dict[str, Any] = {
        "nan": int(np.isnan(floats).sum()),
        "inf": int(np.isinf(floats).sum()),
        "zeros": int((floats == 0).sum()),
    }
    if not finite.size:
        return said
    low, high = float(finite.min()), float(finite.max())
    scale = max(abs(low), abs(high)) or 1.0  # so that the squares of great numbers fit
    part = finite / scale
    mean, std = float(part.mean()) * scale, float(part.std()) * scale
    measures = {"low": low, "high": high, "mean": mean, "std": std}
    said |= {name: json_float(x, digits=9) for name, x in measures.items()}
    said["bins"] = histogram(part, low / scale, high / scale)
    return said


def histogram(numbers: np.ndarray, low: float, high: float) -> list[int]:
    """How many numbers there are in each of the bins from low to high."""
    if not high > low:
        return [len(numbers)]
    place = np.clip((numbers - low) / (high - low) * BINS, 0, BINS - 1).astype(int)
    return np.bincount(place, minlength=BINS).tolist()
