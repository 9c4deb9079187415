"""What a layer is made of: layers inside it, parameters, buffers, a copy of it for one place.

All of this works on any class with `forward` and `backward`, with the base class or without.
"""

from __future__ import annotations

import copy
import dis
import inspect
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from .errors import GradientError, WiringError, show_shape
from .parameter import AttributeParameter, Buffer, Parameter


def is_layer(thing: Any) -> bool:
    """Whether it has a `forward` and a `backward` to call; the base class is not needed."""
    return (
        callable(getattr(thing, "forward", None))
        and callable(getattr(thing, "backward", None))
        and not isinstance(thing, type)
    )


def is_graph(thing: Any) -> bool:
    """Whether it is a `Graph`, which looks after order, modes and parameters by itself."""
    return hasattr(thing, "_nested")


def unguarded(layer: Any, name: str) -> Callable[..., Any]:
    """The method as written in the class, without the guard for use by hand."""
    method = getattr(layer, name)
    inside = getattr(method, "inside", None)
    return method if inside is None else inside.__get__(layer)


def is_loss(layer: Any, inputs: Sequence[Any], out: Any) -> bool:
    """Whether a layer that made `out` of `inputs` is a loss, whose targets need no gradient.

    Its `backward` may be called bare, as in the book, and it makes one number of arrays.
    """
    bare = bool(getattr(unguarded(layer, "backward"), "__defaults__", None))
    return bare and np.ndim(out) == 0 and all(np.ndim(x) > 0 for x in inputs)


def owner_of(layer: Any, inputs: Sequence[Any], out: Any) -> int | None:
    """Which input a single gradient belongs to where there are several; None: it cannot be told.

    It is the only one of floats, or the first of a loss.
    """
    floats = [i for i, x in enumerate(inputs) if is_floating(x)]
    if len(floats) == 1:
        return floats[0]
    return 0 if is_loss(layer, inputs, out) else None


def is_floating(value: Any) -> bool:
    return isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"


def layer_name(layer: Any) -> str:
    """The name that a layer's place gets: ReLU -> relu, MeanSquaredError -> mean_squared_error."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", type(layer).__name__).lower()


def children_of(layer: Any) -> dict[str, Any]:
    """The layers inside a layer of any class."""
    own = getattr(layer, "children", None)
    return own() if callable(own) else dict(layers_in(attributes(layer)))


def attributes(thing: Any) -> dict[str, Any]:
    """The attributes of an object, as the dictionary that holds them."""
    return getattr(thing, "__dict__", {})


def layers_in(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The layers among some values, and in the lists and dictionaries among them."""
    for name, value in values.items():
        for label, one in _entries(name, value):
            if is_layer(one):
                yield label, one


def _entries(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value by its name, or what is in lists and dictionaries by dotted names."""
    if isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            yield from _entries(f"{name}.{i}", one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _entries(f"{name}.{key}", one)
    else:
        yield name, value


def walk(layer: Any, into: Callable[[Any], bool] = lambda one: True) -> Iterator[tuple[str, Any]]:
    """The layer and all layers inside it, each once, with their dotted paths."""
    seen: set[int] = set()
    todo = [("", layer)]
    while todo:
        path, one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield path, one
            if into(one):
                inner = [(f"{path}.{n}" if path else n, c) for n, c in children_of(one).items()]
                todo.extend(reversed(inner))


class Held(NamedTuple):
    """A parameter that was found in a layer."""

    name: str
    parameter: Parameter
    gradient: Callable[[], Any] | None  # reads the `dW` of a class written as in the books

    def collect(self) -> None:
        """Add the `dW` that a `backward` has just left on its object to the parameter."""
        dW = None if self.gradient is None else self.gradient()
        if dW is None:
            return
        parameter = self.parameter
        if np.shape(dW) != parameter.shape:
            raise GradientError(
                f"the gradient of {self.name} has the shape {show_shape(np.shape(dW))}, expected "
                f"{show_shape(parameter.shape)}, as {self.name} itself."
            )
        dW = np.array(dW, dtype=parameter.dtype)  # a copy: the next backward may reuse its memory
        parameter.grad = dW if parameter.grad is None else parameter.grad + dW


def find_parameters(layer: Any) -> list[Held]:
    """Every parameter of a layer and of the layers inside it, each once, by dotted name."""
    found: dict[int, Held] = {}
    for path, inner in walk(layer, into=lambda one: not is_graph(one)):
        for name, parameter, gradient in _parameters_in(inner):
            held = Held(f"{path}.{name}" if path else name, parameter, gradient)
            found.setdefault(id(parameter), held)
    return list(found.values())


def _parameters_in(layer: Any) -> Iterator[Held]:
    if is_graph(layer):
        yield from (Held(name, p, None) for name, p in layer.held_parameters.items())
        return
    yield from (Held(name, parameter, None) for name, parameter in own_parameters(layer))
    yield from _book_parameters(layer)


def own_parameters(layer: Any) -> Iterator[tuple[str, Parameter]]:
    """The `Parameter`s among a layer's attributes, and in the lists and dictionaries there."""
    return _own(layer, Parameter)


def _own(layer: Any, kind: type) -> Iterator[tuple[str, Any]]:
    for name, value in attributes(layer).items():
        if isinstance(value, (kind, list, tuple, dict)):
            for label, one in _entries(name, value):
                if isinstance(one, kind):
                    yield label, one


def find_buffers(layer: Any) -> dict[str, Buffer]:
    """Every buffer of a layer and of the layers inside it, each once, by dotted name."""
    found: dict[int, tuple[str, Buffer]] = {}
    for path, inner in walk(layer):
        if not is_graph(inner):  # which has no buffers but those of its layers
            for name, buffer in _own(inner, Buffer):
                found.setdefault(id(buffer), (f"{path}.{name}" if path else name, buffer))
    return dict(found.values())


class BookArray(NamedTuple):
    """A parameter of a class written as in the books: where it is, and what reads its `dW`."""

    array: Any
    name: str
    attribute: str
    place: int | None  # its place in the list `params`
    gradient: Callable[[], Any]


def _book_parameters(layer: Any) -> Iterator[Held]:
    for array, name, attribute, place, gradient in book_arrays(layer):
        parameter = AttributeParameter.of(array, layer, attribute, place)
        for other, value in attributes(layer).items():
            if value is array:
                AttributeParameter.of(array, layer, other)  # all its names have to follow a cast
        yield Held(name, parameter, gradient)


def book_arrays(layer: Any) -> Iterator[BookArray]:
    """Book 1: `self.W` with `self.dW`. Book 2: the lists `self.params` and `self.grads`."""
    held, cls = attributes(layer), type(layer)
    if not hasattr(cls, "forward") or not hasattr(cls, "backward"):
        return  # functions set on the object itself: there is nothing to read
    arrays = {name: value for name, value in held.items() if isinstance(value, np.ndarray)}
    for name, array in arrays.items():
        if name not in _attributes_set_by(cls.forward) and (
            "d" + name in held or "d" + name in _attributes_set_by(cls.backward)
        ):
            yield BookArray(
                _floats(array, layer, name), name, name, None, partial(held.get, "d" + name)
            )
    params, grads = held.get("params"), held.get("grads")
    if isinstance(params, list) and isinstance(grads, list) and len(params) == len(grads):
        for i, array in enumerate(params):
            if isinstance(array, np.ndarray):
                name = next((n for n, other in arrays.items() if other is array), f"params.{i}")
                yield BookArray(
                    _floats(array, layer, name), name, "params", i, partial(grads.__getitem__, i)
                )


def _floats(array: Any, layer: Any, name: str) -> Any:
    """The array, which has to be one of floats to be learned."""
    if array.dtype.kind != "f":
        raise WiringError(
            f"{type(layer).__name__}.{name} has a gradient, but holds {array.dtype}, which cannot "
            f"be learned. Make it an array of floats: {name}.astype(float)."
        )
    return array


@lru_cache(maxsize=1024)
def _attributes_set_by(method: Any) -> frozenset[str]:
    """The names in `self.name = ...` inside a method, read from its code."""
    code = getattr(inspect.unwrap(method), "__code__", None)
    if code is None:
        return frozenset()
    return frozenset(i.argval for i in dis.get_instructions(code) if i.opname == "STORE_ATTR")


NOT_KEPT = inspect.Parameter.empty  # the value of an argument that a layer does not keep


def arguments_of(layer: Any) -> list[tuple[inspect.Parameter, Any]]:
    """The arguments of a layer's constructor, each with the value that the layer keeps.

    A layer keeps an argument as an attribute of the same name; else the default counts.
    """
    kept = attributes(layer)
    cls: Any = type(layer)
    return [(one, kept.get(one.name, one.default)) for one in _signature_of(cls)]


@lru_cache(maxsize=1024)
def _signature_of(cls: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(cls).parameters.values())
    except (TypeError, ValueError):
        return []  # something of C, which does not say


def is_ours(layer: Any) -> bool:
    """Whether it is one of this library's own, which never write into arrays in place."""
    return type(layer).__module__.startswith("layerwise.") or is_graph(layer)


def seat_of(layer: Any) -> Any:
    """A copy of a layer for one place in a graph: its own state, shared parameters and buffers.

    Layers inside it are copied as well, and so is what a user's layer may save into: its lists,
    its dictionaries, its arrays.
    """
    return _copied(layer, {}, None)


def _copied(value: Any, done: dict[int, Any], shared: set[int] | None) -> Any:
    """A copy; of arrays only where `shared` names those to be left alone."""
    if id(value) in done:
        return done[id(value)]
    if is_layer(value):
        twin = done[id(value)] = copy.copy(value)
        if is_graph(value):  # it copies what is inside by itself
            twin._nested = True  # the gradients of its parameters are for whoever holds the copy
            return twin
        names = None
        if not is_ours(value):
            names = {id(one.array) for one in book_arrays(value)}
        for name, inner in attributes(twin).items():
            attributes(twin)[name] = _copied(inner, done, names)
    elif type(value) in (list, tuple):
        twin = done[id(value)] = type(value)(_copied(inner, done, shared) for inner in value)
    elif type(value) in (dict, OrderedDict):
        pairs = ((key, _copied(inner, done, shared)) for key, inner in value.items())
        twin = done[id(value)] = type(value)(pairs)
    elif isinstance(value, np.ndarray) and shared is not None and id(value) not in shared:
        twin = done[id(value)] = value.copy()
    else:
        twin = value
    return twin
