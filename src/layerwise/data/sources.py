"""Where rows come from: arrays, memory-mapped files, data frames, one or several side by side."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, describe
from ..files import as_path
from ..layers.sizes import is_whole

# What a network is given: an array, a tuple or dict of them (several inputs), or None.
Arrays = Any

FEW = 16  # rows by which data are known again


def each(function: Callable[[Any], Any], x: Arrays) -> Arrays:
    """The same done to every array, in the same order and under the same names.

    >>> each(len, ("ab", "c")), each(len, {"left": "ab"}), each(len, "abc"), each(len, None)
    ((2, 1), {'left': 2}, 3, None)
    """
    if x is None:
        return None
    if isinstance(x, tuple):
        return tuple(each(function, part) for part in x)
    if isinstance(x, dict):
        return {name: each(function, part) for name, part in x.items()}
    return function(x)


def parts(x: Arrays) -> list[Any]:
    """All arrays, one behind the other."""
    found: list[Any] = []
    each(found.append, x)
    return found


def take(x: Arrays, rows: NDArray[Any]) -> Arrays:
    """These rows of every array, in new memory: a memory-mapped file is read here and only here."""
    return each(lambda array: np.asarray(array[rows]), x)


def as_source(x: Any, name: str) -> Arrays:
    """Whatever holds rows, as arrays that can be indexed by row numbers.

    x      an array, anything that NumPy makes one of (a list, a data frame of numbers), the path of
           a `.npy` file, which stays on the disk, or a tuple or dict of these
    name   what messages call it

    errors   DataError for what is not numbers, by the name of a frame's column
    """
    if isinstance(x, (tuple, dict)):
        if not x:
            raise DataError(f"{name} is an empty {type(x).__name__}. Give at least one array.")
        names = x.keys() if isinstance(x, dict) else range(len(x))
        made = [as_source(x[key], f"{name}[{key!r}]") for key in names]
        return dict(zip(names, made)) if isinstance(x, dict) else tuple(made)
    if isinstance(x, (str, os.PathLike)):
        return mapped(as_path(x))
    if hasattr(x, "columns") and hasattr(x, "__array__"):
        return from_frame(x, name)
    return numbers(x, name)


def numbers(x: Any, name: str) -> NDArray[Any]:
    """An array of numbers with at least one axis; an array of the caller's is not copied."""
    try:
        array = x if isinstance(x, np.ndarray) else np.asarray(x)
    except (TypeError, ValueError) as error:
        said = str(error).rstrip(".")
        raise DataError(f"{name} is no array: {said}. Give rows that are all alike.") from None
    if array.dtype.kind not in "biufc":
        raise DataError(f"{name} must be numbers, but it is {describe(array)}. {advice(array)}")
    if array.ndim == 0:
        raise DataError(f"{name} must have a row for each example, but it is {array}.")
    return array


def advice(array: NDArray[Any]) -> str:
    """How what is not a number becomes one."""
    if array.dtype.kind == "M":
        return "Make numbers of times, such as days since the first one."
    return (
        "Make numbers of it: x.astype(float), or names, t = np.unique(t, return_inverse=True) for "
        "names of classes."
    )


def from_frame(frame: Any, name: str) -> NDArray[Any]:
    """A data frame as an array (rows, columns), by the protocol that pandas and Polars share."""
    names = list(frame.columns)
    twice = sorted({str(one) for one in names if names.count(one) > 1})
    if twice:
        raise DataError(f"{name} has several columns of the name {twice[0]!r}. Rename them.")
    if not names:
        raise DataError(f"{name} is a frame without columns.")
    # One by one: together, numbers beside True and False would become objects.
    return np.column_stack([numbers(frame[one], f"{name}[{one!r}]") for one in names])


def mapped(path: Path) -> NDArray[Any]:
    """The array in a `.npy` file, on the disk: rows are read when they are taken."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise DataError(f"{path}: it cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # what is in the file may be anything
        said = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise DataError(
            f"{path}: expected a whole .npy file of numbers, but got: {said}. "
            "Write it with np.save(path, array)."
        ) from None
    return numbers(array, str(path))


def count_rows(x: Arrays, t: Arrays, weights: Arrays) -> int:
    """How many rows there are, once all of them have the same number of them, and there are any."""
    given = {"x": x, "t": t, "weights": weights}
    counts = {len(array) for array in parts((x, t, weights))}
    said = [f"{name} is {show(arrays)}" for name, arrays in given.items() if arrays is not None]
    if len(counts) > 1:
        names = " and ".join(name for name, arrays in given.items() if arrays is not None)
        listed = ", ".join(said[:-1]) + " and " + said[-1] if len(said) > 1 else said[0]
        raise DataError(f"{names} must have a row for each other, but {listed}.")
    (count,) = counts
    if count == 0:
        raise DataError(f"There are no rows: {', '.join(said)}. Give at least one row.")
    return count


def show(x: Arrays) -> str:
    """Arrays in a few words."""
    if isinstance(x, dict):
        return "{" + ", ".join(f"{name}: {show(part)}" for name, part in x.items()) + "}"
    return describe(x)


def fingerprint(given: dict[str, Arrays]) -> dict[str, tuple[str, list[float], list[float]]]:
    """Of all arrays by name: shape and dtype, and two sums of each of a few rows.

    They tell data from others. The second sum is of logarithms, so that large numbers do not hide
    what stands beside them.

    >>> fingerprint({"x": np.array([[0.0, 2.0], [3.0, 4.0]]), "t": None})
    {'x': ('(2, 2) float64', [4.0, 11.0], [16.588099..., 26.673908...])}
    """
    found: dict[str, tuple[str, list[float], list[float]]] = {}
    for name, array in by_names(given).items():
        rows = np.unique(np.linspace(0, len(array) - 1, FEW).astype(int))
        sample = np.asarray(array[rows]).reshape(len(rows), -1)
        if sample.dtype.kind == "c":
            sample = np.abs(sample)
        sample = sample.astype(float)
        ramp = np.linspace(1, 2, sample.shape[1])  # so that order counts
        with np.errstate(all="ignore"):
            logs = np.arcsinh(1e3 * sample)  # with signs; rounding near 0 stays small
            found[name] = describe(array), (sample @ ramp).tolist(), (logs @ ramp).tolist()
    return found


def by_names(given: dict[str, Arrays]) -> dict[str, Any]:
    """All arrays that there are, by what messages call them.

    >>> by_names({"x": {"left": 1, "right": 2}, "t": 3, "weights": None})
    {"x['left']": 1, "x['right']": 2, 't': 3}
    """
    found: dict[str, Any] = {}
    for name, arrays in given.items():
        if isinstance(arrays, (tuple, dict)):
            items = arrays.items() if isinstance(arrays, dict) else enumerate(arrays)
            found |= by_names({f"{name}[{key!r}]": array for key, array in items})
        elif arrays is not None:
            found[name] = arrays
    return found


def checked_weights(weights: Any) -> NDArray[np.floating]:
    """How much each row counts, (N,)."""
    array = numbers(weights, "weights")
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise DataError(f"weights must be one number for each row, but it is {describe(array)}.")
    if not (np.isfinite(array) & (array >= 0)).all():
        wrong = array[~(np.isfinite(array) & (array >= 0))][0]
        raise DataError(f"weights must be 0 or more, and finite, but one is {wrong}.")
    return array.astype(float) if array.dtype.kind != "f" else array


def whole(name: str, value: Any, least: int, owner: str = "") -> int:
    """A whole number, as Python's int; `owner` is the class that it is an argument of."""
    if not is_whole(value, least):
        said = f"{owner}({name}={value!r})" if owner else f"{name}={value!r}"
        raise DataError(f"{said}: give a whole number, {least} or more.")
    return int(value)
