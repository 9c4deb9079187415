"""A network from data: what `structure` has written becomes layers and graphs again.

The data may come from anybody. Only classes of the registry are called; every number of a node or
a layer is checked to refer backward, and each layer is used once, so that a small file cannot
unfold into a large network; and a constructor takes no memory for numbers that are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..anatomy import is_graph, is_layer
from ..errors import FileError, WiringError, show_layer, show_shape
from ..graph import Graph
from ..node import Constant, Input, Node, Port, as_value, check_count
from ..parameter import Buffer, Parameter, Shared, at_most
from .places import found_at, places, put
from .registry import ours
from .state import generator_of
from .store import damaged
from .structure import WIRED

DTYPES = ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
          "float16", "float32", "float64")  # fmt: skip
FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
SHARED = {"parameter": Parameter, "buffer": Buffer}


class Rebuilder:
    """The layers of a file, made one after the other."""

    def __init__(
        self, path: Any, arrays: dict[str, Any], notes: dict[str, Any], layers: Iterable[Any] = ()
    ) -> None:
        self.path, self.notes = path, notes
        self.classes = ours() | given_classes(layers)
        self.arrays = arrays
        self.layers: list[Any] = []  # None: used already
        self.generators: list[np.random.Generator] = []
        self.shared: dict[tuple[str, str], Shared] = {}
        self.held: set[int] = set()  # their ids

    def network(self) -> Graph:
        """The network: the last of the layers."""
        try:
            for name, axes in self.notes["order"].items():
                self.arrays[name] = ordered(self.arrays[name], axes)
            self.generators = [generator_of(kept) for kept in self.notes["generators"]]
            for record in self.notes["layers"]:
                self.layers.append(self.layer(record))
            net = self.layers[-1]
            if not isinstance(net, Graph):
                raise ValueError("the last of the layers is no network")
            for (_, name), one in self.shared.items():
                if one.dtype != self.arrays[name].dtype:  # a graph cast it, and it was cast back
                    one.hold(self.arrays[name])
        except FileError as error:
            raise error if str(self.path) in str(error) else damaged(self.path, error) from None
        except Exception as error:  # whatever comes of data that is not what it says
            raise damaged(self.path, f"{type(error).__name__}: {error}") from error
        return net

    def layer(self, record: dict[str, Any]) -> Any:
        """The layer, or the graph, of one record."""
        cls = self.named(record["class"])
        if cls in WIRED:
            return self.graph(cls, record)
        arguments = [self.value(one) for one in record["arguments"]]
        options = {name: self.value(one) for name, one in record["options"].items()}
        held = len(record.get("state", ()))
        with at_most(16 + 4 * held):  # a constructor may make some only to replace them
            layer = self.called(cls, arguments, options)
        if not is_layer(layer):
            raise ValueError(f"{record['class']} is no layer")
        if is_graph(layer):
            self.settle(layer, record)
        for keys, held in record.get("state", ()):
            self.hold(layer, tuple(map(hashable, keys)), held)
        for keys, one in places(layer):
            if isinstance(one, Shared) and id(one) not in self.held:
                raise ValueError(f"{show_layer(layer)} needs {dotted(keys)}, which is not there")
        return layer

    def called(self, cls: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        try:
            return cls(*arguments, **options)
        except Exception as error:
            raise FileError(
                f"{self.path}: {cls.__name__} cannot be made again: {type(error).__name__}: {error}"
            ) from error

    def hold(self, layer: Any, keys: tuple[Any, ...], held: dict[str, Any]) -> None:
        """Put what a layer has held into its place: the numbers, and what other layers share."""
        ((kind, name),) = held.items()
        here, owner = found_at(layer, keys), found_at(layer, keys[:-1])
        if kind == "generator":
            new, fits = self.generator(name), isinstance(here, np.random.Generator)
        else:
            array = self.arrays[name]
            fits = here is None or isinstance(here, (Shared, np.ndarray))
            if here is not None and fits and here.shape != array.shape:
                raise ValueError(
                    f"{show_layer(layer)} has {dotted(keys)} of the shape "
                    f"{show_shape(here.shape)}, but the file holds {show_shape(array.shape)}"
                )
            if (
                kind in SHARED
                and (kind, name) not in self.shared
                and isinstance(here, SHARED[kind])
            ):
                here.hold(checked(array, kind))
                self.share(kind, name, here)
            new = self.known(kind, name) if kind in SHARED else array
        if not fits or hides_a_method(owner, keys[-1]):
            raise ValueError(f"{show_layer(layer)} has no {kind} {dotted(keys)}")
        if new is not here:
            put(layer, keys, new)

    def share(self, kind: str, name: str, one: Shared) -> None:
        self.shared[kind, name] = one
        self.held.add(id(one))

    def known(self, kind: str, name: str) -> Any:
        """The one parameter or buffer that is called so."""
        if (kind, name) not in self.shared:
            self.share(kind, name, SHARED[kind](checked(self.arrays[name], kind)))
        return self.shared[kind, name]

    def graph(self, cls: Any, record: dict[str, Any]) -> Graph:
        """A graph from its nodes."""
        nodes: list[Node] = []
        for one in record["nodes"]:
            node = self.node(one, nodes)
            nodes.append(node.named(one["name"]) if "name" in one else node)
        ends = [nodes[index(number, nodes)] for number in record["outputs"]]
        starts = [node for node in nodes if isinstance(node, Input)]
        graph = object.__new__(cls)  # a Sequential, too, is all in its nodes
        Graph.__init__(graph, ends if record["several"] else ends[0], starts)
        return self.settle(graph, record)

    def settle(self, graph: Graph, record: dict[str, Any]) -> Graph:
        """The dtype and the mode that a graph was in."""
        if record["dtype"] is not None:
            graph.astype(dtype_of(record["dtype"]))
        if not record["training"]:
            graph.training = False
        return graph

    def node(self, one: dict[str, Any], nodes: list[Node]) -> Node:
        """The node of one record, applied to nodes that are there already."""
        if "input" in one:
            shape, dtype = one["shape"], one["dtype"]
            return Input(one["input"], shape, None if dtype is None else dtype_of(dtype))
        if "constant" in one:
            held = one["constant"]
            if isinstance(held, dict) and "parameter" in held:
                return Constant(self.known("parameter", held["parameter"]), one["numeric"] is True)
            return Constant(as_value(self.value(held)), one["numeric"] is True)
        inputs = tuple(nodes[index(number, nodes)] for number in one["inputs"])
        if "port" in one:
            (call,) = inputs
            several = getattr(call.layer, "num_outputs", None)
            return Port(call, index(one["port"], range(several or 0)))
        layer = self.take(one["layer"])
        check_count(layer, len(inputs))
        return Node(layer, inputs)

    def take(self, at: Any) -> Any:
        """One of the layers that are made already, for the one place that it has."""
        layer = self.layers[index(at, self.layers)]
        if layer is None:
            raise ValueError(f"the layer {at} is used twice")
        self.layers[at] = None
        return layer

    def value(self, value: Any) -> Any:
        """What `Structure.value` has written."""
        if isinstance(value, list):
            raise ValueError("a list without its kind")
        if not isinstance(value, dict):
            return value
        ((kind, held),) = value.items()
        return READ[kind](self, held)

    def values(self, held: list[Any]) -> list[Any]:
        return [self.value(one) for one in held]

    def named(self, name: str) -> Any:
        """The class or the function that is called so: of this library, or given."""
        if name not in self.classes:
            raise FileError(
                f"{self.path}: the network needs {name!r:.60}, which is not of this library. Give "
                "the class: load(path, layers=[...])."
            )
        return self.classes[name]

    def generator(self, at: Any) -> np.random.Generator:
        return self.generators[index(at, self.generators)]


READ: dict[str, Callable[[Rebuilder, Any], Any]] = {
    "float": lambda _, held: FLOATS[held],
    "scalar": lambda made, held: np.asarray(made.value(held[1]), dtype_of(held[0]))[()],
    "array": lambda made, held: made.arrays[held],
    "generator": lambda made, held: made.generator(held),
    "tuple": lambda made, held: tuple(made.values(held)),
    "list": lambda made, held: made.values(held),
    "dict": lambda made, held: dict(map(made.values, held)),
    "slice": lambda made, held: slice(*made.values(held)),
    "ellipsis": lambda _, held: ...,
    "dtype": lambda _, held: dtype_of(held),
    "layer": lambda made, held: made.take(held),
    "named": lambda made, held: made.named(held),
}


def given_classes(layers: Iterable[Any]) -> dict[str, Any]:
    """The classes and functions that the caller gives, by name."""
    named: dict[str, Any] = {}
    for one in layers:
        if not callable(one) or is_layer(one):
            raise WiringError(f"layers= takes classes, such as [Mine], but got {one!r:.80}.")
        if named.setdefault(one.__name__, one) is not one:
            raise WiringError(f"layers= has two different {one.__name__}. Rename one.")
    return named


def index(at: Any, things: Sequence[Any]) -> int:
    """A number that is in a file, if there is a thing with it."""
    if type(at) is not int or not 0 <= at < len(things):
        raise ValueError(f"{at!r:.40} is none of {len(things)}")
    return at


def dtype_of(name: Any) -> np.dtype[Any]:
    if name not in DTYPES:
        raise ValueError(f"{name!r:.40} is no type of numbers")
    return np.dtype(name)


def checked(array: Any, kind: str) -> Any:
    if kind == "parameter" and array.dtype.kind != "f":
        raise ValueError(f"a parameter of {array.dtype}")
    return array


def ordered(array: Any, axes: list[int]) -> Any:
    """The array with its axes in this order in memory."""
    return np.ascontiguousarray(array.transpose(axes)).transpose(np.argsort(axes))


def hides_a_method(owner: Any, name: Any) -> bool:
    """Whether an attribute of this name would stand in front of a method."""
    return (
        isinstance(name, str) and not is_graph(owner) and callable(getattr(type(owner), name, None))
    )


def hashable(key: Any) -> Any:
    """A key: a tuple, which JSON makes a list, is a tuple again."""
    return tuple(map(hashable, key)) if isinstance(key, list) else key


def dotted(keys: tuple[Any, ...]) -> str:
    return ".".join(map(str, keys))
