"""Where in a layer the things are that a run changes: parameters, buffers, generators, arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..anatomy import attributes, is_graph, is_layer
from ..parameter import Shared
from .held import held_arrays

Keys = tuple[Any, ...]  # attributes, indices, keys, the names of seats


def places(thing: Any, keys: Keys = (), seen: set[int] | None = None) -> Iterator[tuple[Keys, Any]]:
    """Every parameter, buffer, generator and held array in a layer, with the keys that lead to it.

    What is shared is there once for each place. Layers, lists, tuples and dictionaries are opened.
    """
    seen = set() if seen is None else seen
    if isinstance(thing, (Shared, np.random.Generator)):
        yield keys, thing
    elif isinstance(thing, (list, tuple, dict)):
        for key, one in thing.items() if isinstance(thing, dict) else enumerate(thing):
            yield from places(one, (*keys, key), seen)
    elif is_layer(thing) and id(thing) not in seen:
        seen.add(id(thing))
        if is_graph(thing):
            for seat in thing.nodes:
                inner = seat.layer if seat.kind == "layer" else getattr(seat.node, "value", None)
                if isinstance(inner, np.ndarray):
                    yield (*keys, seat.name), inner
                yield from places(inner, (*keys, seat.name), seen)
            return
        for place, array in held_arrays(thing).items():
            yield (*keys, *place), array
        for name, one in attributes(thing).items():
            yield from places(one, (*keys, name), seen)


def found_at(thing: Any, keys: Keys) -> Any:
    """What is where these keys lead; None if there is nothing."""
    for key in keys:
        if is_graph(thing):
            seat = thing[key]
            thing = seat.layer if seat.kind == "layer" else seat.node.value
        elif is_layer(thing):
            thing = attributes(thing).get(key)
        else:
            thing = thing[key]
    return thing


def put(thing: Any, keys: Keys, new: Any) -> Any:
    """Put something where these keys lead; returns the thing, or for a tuple another one."""
    if not keys:
        return new
    key, rest = keys[0], keys[1:]
    if is_graph(thing):
        seat = thing[key]
        if seat.kind == "layer":
            put(seat.layer, rest, new)
        else:
            seat.node.value = new
        thing._settle()  # it knows its parameters by name
    elif is_layer(thing):
        setattr(thing, key, put(attributes(thing).get(key), rest, new))
    elif isinstance(thing, tuple):
        return type(thing)(put(one, rest, new) if i == key else one for i, one in enumerate(thing))
    else:
        thing[key] = put(thing[key], rest, new)
    return thing
