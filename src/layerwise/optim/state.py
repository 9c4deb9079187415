"""States of optimizers and averages: flat dicts of arrays and numbers, checked when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import LayerwiseError, describe


class StateError(LayerwiseError, ValueError):
    """A saved state that does not belong to this optimizer or to this network."""


def taken(state: dict[str, Any], key: str, like: Any) -> Any:
    """Take an entry out of a state, as a copy of the kind of `like`: an array or a number."""
    if key not in state:
        raise StateError(f"The state has no {key!r}. {SAME}")
    held = state.pop(key)
    if isinstance(like, np.ndarray):
        if np.shape(held) != like.shape or np.asarray(held).dtype != like.dtype:
            raise StateError(
                f"{key} of the state is {describe(held)}, but {describe(like)} belongs "
                f"there. {SAME}"
            )
        return np.array(held)
    number = np.asarray(held)
    fits = number.ndim == 0 and number.dtype.kind in "fiu"
    if not fits or (type(like) is int and number % 1 != 0):
        kind = "a whole number" if type(like) is int else "a number"
        raise StateError(f"{key} of the state is {describe(held)}, but {kind} belongs there.")
    return type(like)(number)


def check_owner(state: Mapping[str, Any], counter: str, owner: Any) -> None:
    """Refuse the state of another kind of object; each state names its own: `Adam.steps`."""
    if counter in state:
        return
    ending = counter[counter.index(".") :]
    for key in state:
        if key.endswith(ending) and key.count(".") == 1:
            raise StateError(f"This is the state of {key.removesuffix(ending)}, not of {owner!r}.")
    raise StateError(
        f"This is no state of {owner!r}: it has no {counter!r}. Give what state() gave."
    )


def all_taken(state: dict[str, Any]) -> None:
    """Refuse a state of which something is left."""
    for key in state:
        raise StateError(f"The state has {key!r}, which belongs to nothing here. {SAME}")


SAME = "It has to be of the same network, and of an optimizer with the same options."
