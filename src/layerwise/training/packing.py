"""Values as JSON with arrays beside it, exact to the last bit, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import FileError, describe

SIZES = (8, 16, 32, 64)
NUMBERS = (
    "bool",
    "float16",
    "float32",
    "float64",
    *(f"{u}int{n}" for u in ("", "u") for n in SIZES),
)


def pack(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """A value as JSON; its arrays are copied into `arrays`, under dotted names.

    value    numbers, texts, None, arrays of numbers; lists, tuples, and dictionaries (by texts)
    errors   FileError for anything else, with its name

    >>> arrays = {}
    >>> pack({"best": -np.inf, "W": np.ones(2)}, "mine", arrays)
    {'dict': {'best': {'float': '-inf'}, 'W': {'array': 'mine.W'}}}
    >>> arrays
    {'mine.W': array([1., 1.])}
    """
    from ..io.structure import memory_order

    if type(value) is np.ndarray and value.dtype.name in NUMBERS:
        arrays[name] = value.copy(order="K")
        order = memory_order(value)  # the last bit of a product may depend on it
        return {"array": name, "order": order} if order else {"array": name}
    if isinstance(value, np.generic) and value.dtype.name in NUMBERS:
        return {"number": pack(value.item(), name, arrays), "dtype": value.dtype.name}
    if type(value) is float and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or type(value) in (str, int, bool, float):
        return value
    if type(value) in (list, tuple):
        packed = [pack(one, f"{name}.{i}", arrays) for i, one in enumerate(value)]
        return packed if type(value) is list else {"tuple": packed}
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {"dict": {key: pack(one, f"{name}.{key}", arrays) for key, one in value.items()}}
    raise FileError(
        f"{name} cannot be saved: it is {describe(value)}. It can be numbers, texts, arrays of "
        "numbers, None, and lists and dictionaries (by texts) of these."
    )


def unpack(packed: Any, arrays: dict[str, Any]) -> Any:
    """What was packed, of arrays that are taken out of `arrays`.

    errors   FileError for what `pack` does not make; so for an array that is asked for twice
    """
    from ..io.rebuild import ordered

    try:
        match packed:
            case None | bool() | int() | float() | str():
                return packed
            case list():
                return [unpack(one, arrays) for one in packed]
            case {"array": str(name), "order": list(order)}:
                return ordered(arrays.pop(name), order)
            case {"array": str(name)}:
                return arrays.pop(name)
            case {"number": held, "dtype": str(name)} if name in NUMBERS:
                return np.dtype(name).type(unpack(held, arrays))
            case {"float": "nan" | "inf" | "-inf" as word}:
                return float(word)
            case {"tuple": list(held)}:
                return tuple([unpack(one, arrays) for one in held])
            case {"dict": dict(held)}:
                return {key: unpack(one, arrays) for key, one in held.items()}
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FileError(f"Something in it is no value ({error!r:.100}).") from None
    raise FileError(f"Something in it is no value ({packed!r:.100}).")
