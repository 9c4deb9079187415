"""A network as data: JSON for the structure, arrays by name for the numbers.

A layer is a record with the name of its class, the arguments of its constructor, and what it holds
at which place. A graph is a record with its nodes. The records stand in one list, inner ones before
outer ones; the last is the network.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..anatomy import NOT_KEPT, arguments_of, attributes, is_graph, is_layer
from ..errors import FileError, describe, show_layer
from ..graph import Graph
from ..node import Constant, Input, Port
from ..parameter import Buffer, Parameter, Shared
from ..seat import Seat
from ..sequential import Sequential
from .places import places
from .registry import name_of
from .state import generator_state

WIRED = (Graph, Sequential)  # saved by their nodes; their subclasses by their constructor


class Structure:
    """What is written about a network; `layer` adds one, and the layers inside it before it."""

    def __init__(self, path: Any) -> None:
        self.path = path  # for messages
        self.arrays: dict[str, Any] = {}
        self.layers: list[dict[str, Any]] = []
        self.generators: list[dict[str, Any]] = []
        self._names: dict[int, Any] = {}  # what arrays and generators are called, by their id
        self._classes: dict[str, Any] = {}

    def notes(self) -> dict[str, Any]:
        """The part that is written as JSON."""
        order = {name: axes for name, one in self.arrays.items() if (axes := memory_order(one))}
        return {"order": order, "generators": self.generators, "layers": self.layers}

    def layer(self, layer: Any, place: str) -> int:
        """Add the record of a layer that is at a place such as "block1.affine2"; its number."""
        record = self.graph(layer, place) if type(layer) in WIRED else self.called(layer, place)
        self.layers.append({"class": self.named(type(layer), layer, place), **record})
        return len(self.layers) - 1

    def graph(self, graph: Graph, place: str) -> dict[str, Any]:
        """A graph by its nodes: each refers to earlier ones by their numbers."""
        prefix = f"{place}." if place else ""
        return {
            "nodes": [self.node(seat, prefix + seat.name) for seat in graph.nodes],
            "outputs": [seat.slot for seat in graph.outputs],
            "several": graph.num_outputs is not None,
            "training": graph.training,
            "dtype": dtype_name(graph._dtype),
        }

    def node(self, seat: Seat, place: str) -> dict[str, Any]:
        node = seat.node
        if isinstance(node, Input):
            dtype = dtype_name(seat.dtype)
            return {"input": node.name, "shape": node.shape and [*node.shape], "dtype": dtype}
        named = {"name": node.name} if node.name else {}
        if isinstance(node, Constant):
            held = isinstance(node.value, Parameter)
            value = self.held(node.value, place) if held else self.value(node.value, None, place)
            return {"constant": value, "numeric": node.numeric, **named}
        inputs = [source.slot for source in seat.inputs]
        if isinstance(node, Port):
            return {"port": node.index, "inputs": inputs, **named}
        return {"layer": self.layer(seat.layer, place), "inputs": inputs, **named}

    def called(self, layer: Any, place: str) -> dict[str, Any]:
        """A layer by the call of its constructor, and by what it holds."""
        arguments, options = self.arguments(layer, place)
        record: dict[str, Any] = {"arguments": arguments, "options": options}
        if is_graph(layer):
            record |= {"training": layer.training, "dtype": dtype_name(layer._dtype)}
        state = [
            [[*keys], self.held(one, ".".join(map(str, (place, *keys))))]
            for keys, one in places(layer)
        ]
        return record | {"state": state} if state else record

    def arguments(self, layer: Any, place: str) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a layer's constructor, by their order and by name."""
        arguments: list[Any] = []
        options: dict[str, Any] = {}
        spare = iter(held_as_in_book_2(layer))
        for one, value in arguments_of(layer):
            if value is NOT_KEPT:
                value = next(spare, NOT_KEPT)
            if value is NOT_KEPT:
                raise FileError(
                    f"{self.path}: {show_layer(layer, place)} cannot be saved: its constructor "
                    f"takes {one}, but the layer does not keep it. Write "
                    f"self.{one.name} = {one.name} in __init__."
                )
            if is_left_out(value, one.default, layer):
                continue
            hint = f"{place}.{one.name}"
            if one.kind is one.VAR_POSITIONAL:
                arguments += [self.value(inner, layer, hint) for inner in value]
            elif one.kind is one.VAR_KEYWORD:
                options |= {key: self.value(inner, layer, hint) for key, inner in value.items()}
            elif one.kind is one.KEYWORD_ONLY or one.default is not one.empty:
                options[one.name] = self.value(value, layer, hint)
            else:
                arguments.append(self.value(value, layer, hint))
        return arguments, options

    def value(self, value: Any, layer: Any, place: str) -> Any:
        """A value as JSON: what JSON does not have is a dictionary with one key, its kind."""
        inside = lambda values: [self.value(one, layer, place) for one in values]  # noqa: E731
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, np.generic) and value.dtype.kind in "fiub":
            return {"scalar": [value.dtype.name, self.value(value.item(), layer, place)]}
        if isinstance(value, (np.ndarray, Shared)):
            return {"array": self.array(value, place)}
        if isinstance(value, np.random.Generator):
            return self.held(value, place)
        if type(value) in (tuple, list):
            return {type(value).__name__: inside(value)}
        if type(value) is dict:
            return {"dict": [inside(pair) for pair in value.items()]}
        if isinstance(value, slice):
            return {"slice": inside((value.start, value.stop, value.step))}
        if value is ...:
            return {"ellipsis": True}
        if isinstance(value, np.dtype) or (
            isinstance(value, type) and issubclass(value, np.generic)
        ):
            return {"dtype": np.dtype(value).name}
        if is_layer(value):
            return {"layer": self.layer(value, place)}
        if callable(value) and getattr(value, "__name__", "<").isidentifier():
            return {"named": self.named(value, layer, place)}
        raise FileError(
            f"{self.path}: {place} cannot be saved: a file takes numbers, texts, arrays, lists, "
            f"tuples, dictionaries, slices and layers, but got {type(value).__name__} "
            f"{describe(value)!s:.60}."
        )

    def held(self, thing: Any, place: str) -> dict[str, Any]:
        """What several layers may share, by a name of its own."""
        if isinstance(thing, np.random.Generator):
            return {"generator": self.generator(thing)}
        kind = {Parameter: "parameter", Buffer: "buffer"}
        return {next((word for cls, word in kind.items() if isinstance(thing, cls)), "array"):
                self.array(thing, place)}  # fmt: skip

    def array(self, thing: Any, place: str) -> str:
        """The name of an array, a parameter or a buffer; one thing has one name."""
        if id(thing) not in self._names:
            name = place.removeprefix(".")
            while name in self.arrays or name == "__metadata__":  # which the format uses itself
                name += "_"
            self._names[id(thing)] = name, thing  # kept alive: its id is not used again
            self.arrays[name] = thing.value if isinstance(thing, Shared) else thing
        return self._names[id(thing)][0]

    def generator(self, generator: np.random.Generator) -> int:
        if id(generator) not in self._names:
            self._names[id(generator)] = len(self.generators), generator
            self.generators.append(generator_state(generator))
        return self._names[id(generator)][0]

    def named(self, thing: Any, layer: Any, place: str) -> str:
        """The name of a class or a function; no two may have the same."""
        name = name_of(thing)
        if self._classes.setdefault(name, thing) is not thing:
            raise FileError(
                f"{self.path}: {show_layer(layer, place)} cannot be saved: the network has two "
                f"different {name}. Rename one."
            )
        return name


def held_as_in_book_2(layer: Any) -> list[Any]:
    """The arrays in `params`, which book 2 keeps there alone, in the order of the arguments."""
    kept = attributes(layer).get("params")
    missing = [one for one, value in arguments_of(layer) if value is NOT_KEPT]
    return kept if isinstance(kept, list) and len(kept) == len(missing) else []


def is_left_out(value: Any, default: Any, layer: Any) -> bool:
    """Whether an argument is better left to its default.

    A function that is the default is; and the generator of a layer that was given none, which the
    seed of a graph may still replace. Its state is among what the layer holds.
    """
    if isinstance(value, np.random.Generator):
        return default is None and getattr(layer, "rng_is_free", False)
    return value is default and callable(value)


def memory_order(array: Any) -> list[int]:
    """The axes by their steps in memory, if they are not in order.

    Products of matrices may differ in their last digit between one order and another.
    """
    axes = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    return [] if array.flags.c_contiguous or axes == [*range(array.ndim)] else axes


def dtype_name(dtype: Any) -> str | None:
    return None if dtype is None else np.dtype(dtype).name
