"""Nodes: the wiring of a graph. A node says which layer is applied to which other nodes.

A node holds no numbers. A `Graph` gives every node a place of its own, and the numbers are there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from inspect import signature
from typing import Any

import numpy as np

from . import layers
from .anatomy import is_graph, is_layer, unguarded
from .errors import WiringError, show_layer
from .layer import Layer
from .layers.sizes import is_whole
from .parameter import Parameter

_serial = itertools.count()  # a node is made after its inputs, so this is an order to compute in


class Node:
    """What a layer gives when it is applied to other nodes; operators make new nodes.

    >>> x = Input("x")
    >>> y = (3 * x + 1).named("y")
    >>> y
    Node y = Add()(mul, 1)
    """

    __array_ufunc__ = None  # so that array * node calls Node.__rmul__, not NumPy
    __slots__ = ("inputs", "layer", "name", "serial")

    def __init__(self, layer: Any, inputs: tuple[Node, ...], name: str | None = None) -> None:
        self.layer, self.inputs, self.name = layer, inputs, name
        self.serial = next(_serial)

    def named(self, name: str) -> Node:
        """Give this node a name of its own, by which a graph will know it; returns the node."""
        self.name = checked_name(name)
        return self

    def __repr__(self) -> str:
        name = f"Node {self.name} = " if self.name else "Node "
        return f"{name}{show_layer(self.layer)}({', '.join(n.label for n in self.inputs)})"

    @property
    def label(self) -> str:
        """A short word for messages: the name, or else the kind of layer."""
        return self.name or type(self.layer).__name__.lower()

    def __getattr__(self, name: str) -> Any:
        if name in ("value", "grad"):
            raise AttributeError(
                f"A node holds no numbers, so it has no .{name}: the same node may be in several "
                f"graphs. Ask a graph for it: graph[node].{name}"
            )
        raise AttributeError(f"A node has no attribute {name!r}")

    def __bool__(self) -> bool:
        raise TypeError(
            "A node has no value while the graph is being built, so `if` and `and` cannot ask for "
            "it. Use layers such as Maximum, Clip or ReLU."
        )

    def __iter__(self) -> Any:
        raise TypeError("A node cannot be iterated over; take parts of it with node[index].")

    __hash__ = object.__hash__

    # arithmetic ----------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Node:
        return apply(layers.Add(), self, other)

    def __radd__(self, other: Any) -> Node:
        return apply(layers.Add(), other, self)

    def __sub__(self, other: Any) -> Node:
        return apply(layers.Sub(), self, other)

    def __rsub__(self, other: Any) -> Node:
        return apply(layers.Sub(), other, self)

    def __mul__(self, other: Any) -> Node:
        return apply(layers.Mul(), self, other)

    def __rmul__(self, other: Any) -> Node:
        return apply(layers.Mul(), other, self)

    def __truediv__(self, other: Any) -> Node:
        return apply(layers.Div(), self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return apply(layers.Div(), other, self)

    def __pow__(self, other: Any) -> Node:
        return apply(layers.Pow(), self, other)

    def __rpow__(self, other: Any) -> Node:
        return apply(layers.Pow(), other, self)

    def __matmul__(self, other: Any) -> Node:
        return apply(layers.MatMul(), self, other)

    def __rmatmul__(self, other: Any) -> Node:
        return apply(layers.MatMul(), other, self)

    def __neg__(self) -> Node:
        return apply(layers.Neg(), self)

    def __pos__(self) -> Node:
        return self

    def __abs__(self) -> Node:
        return apply(layers.Abs(), self)

    def __getitem__(self, index: Any) -> Node:
        if any(isinstance(i, Node) for i in (index if isinstance(index, tuple) else (index,))):
            raise WiringError("A node cannot be an index: give numbers, slices or arrays.")
        return apply(layers.Slice(index), self)

    # functions and reductions, under the names that NumPy's arrays have --------------------------

    def exp(self) -> Node:
        """e to the power of this node, elementwise."""
        return apply(layers.Exp(), self)

    def log(self) -> Node:
        """The natural logarithm, elementwise."""
        return apply(layers.Log(), self)

    def sqrt(self) -> Node:
        """The square root, elementwise."""
        return apply(layers.Sqrt(), self)

    def clip(self, min: Any = None, max: Any = None) -> Node:
        """This node kept between min and max."""
        return apply(layers.Clip(min, max), self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Node:
        """The sum along an axis, or of all elements."""
        return apply(layers.Sum(axis, keepdims), self)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Node:
        """The mean along an axis, or of all elements."""
        return apply(layers.Mean(axis, keepdims), self)

    def max(self, axis: Any = None, keepdims: bool = False) -> Node:
        """The largest element along an axis, or of all."""
        return apply(layers.Max(axis, keepdims), self)

    def min(self, axis: Any = None, keepdims: bool = False) -> Node:
        """The smallest element along an axis, or of all."""
        return apply(layers.Min(axis, keepdims), self)

    def var(self, axis: Any = None, keepdims: bool = False) -> Node:
        """The (biased) variance along an axis, or of all elements."""
        return apply(layers.Var(axis, keepdims), self)

    def std(self, axis: Any = None, keepdims: bool = False) -> Node:
        """The square root of the variance."""
        return self.var(axis, keepdims).sqrt()

    def reshape(self, *shape: Any) -> Node:
        """The same elements in another shape."""
        return apply(layers.Reshape(*shape), self)

    def transpose(self, *axes: Any) -> Node:
        """The axes in another order; without arguments in the reverse one."""
        return apply(layers.Transpose(*axes), self)

    @property
    def T(self) -> Node:
        """The axes in the reverse order."""
        return apply(layers.Transpose(), self)


class Input(Node):
    """An input of a graph, known by its name.

    name    what `graph.forward(name=...)` and the picture call it
    shape   sizes of the axes, None where any size will do; None altogether: any shape
    dtype   what the values are cast to; None: left to the graph

    >>> Input("x", shape=(None, 784))
    Input('x', shape=(None, 784))
    """

    __slots__ = ("dtype", "shape")

    def __init__(self, name: str, shape: Any = None, dtype: Any = None) -> None:
        super().__init__(None, (), checked_name(name))
        self.shape = None if shape is None else checked_shape(shape, name)
        try:
            self.dtype = None if dtype is None else np.dtype(dtype)
        except TypeError:
            raise WiringError(
                f'Input({name!r}, dtype={dtype!r}): no such type. Give one such as "float32".'
            ) from None

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f", shape={self.shape}"
        dtype = "" if self.dtype is None else f", dtype={self.dtype}"
        return f"Input({self.name!r}{shape}{dtype})"


class Constant(Node):
    """A number, an array or a `Parameter` that stands in an expression beside nodes.

    numeric   whether whole numbers in it are there to compute with, and not to count classes
    """

    __slots__ = ("numeric", "value")

    def __init__(self, value: Any, numeric: bool = True) -> None:
        super().__init__(None, ())
        self.value, self.numeric = value, numeric

    @property
    def label(self) -> str:
        return self.name or (repr(self.value) if np.ndim(self.value) == 0 else "constant")

    def __repr__(self) -> str:
        return f"Constant({self.label})"


class Port(Node):
    """One of the several outputs of a layer."""

    __slots__ = ("index",)

    def __init__(self, call: Node, index: int) -> None:
        super().__init__(Pick(index, call.layer.num_outputs), (call,))
        self.index = index


class Pick(Layer):
    """y = x[index] of a tuple: takes one of the outputs that a layer gives."""

    def __init__(self, index: int, count: int) -> None:
        self.index, self.count = index, count

    def out_shape(self, x: Any) -> Any:
        return x[self.index] if isinstance(x[0], tuple) else (..., None)

    def forward(self, x: Any) -> Any:
        return x[self.index]

    def backward(self, dout: Any) -> Any:
        dx = tuple(dout if i == self.index else None for i in range(self.count))
        return (dx,)  # one input, and its gradient is a tuple


def apply(layer: Any, *inputs: Any) -> Any:
    """The node for a layer applied to nodes; numbers and arrays among them become constants.

    A `Parameter` may stand in place of a node, so that layers can work on it.

    `layer(x, y)` does the same for a subclass of `Layer`; this also takes any object that has
    `forward` and `backward`. A layer with several outputs gives a tuple of nodes.

    >>> x = Input("x")
    >>> apply(layers.Mul(), x, 3)
    Node Mul()(x, 3)
    """
    if not is_layer(layer):
        raise WiringError(
            f"{layer!r} is no layer: it needs the methods forward(*inputs) and backward(dout)."
        )
    for x in inputs:
        if isinstance(x, tuple) and any(isinstance(one, Port) for one in x):
            raise WiringError(all_of_several(layer, x))
    if not any(isinstance(x, (Node, Parameter)) for x in inputs):
        kinds = ", ".join(type(x).__name__ for x in inputs) or "nothing"
        raise WiringError(
            f"{show_layer(layer)} was called on {kinds}. "
            "Calling a layer wires it to nodes, such as Input('x'); to compute with numbers or "
            "arrays, call its forward(...)."
        )
    check_count(layer, len(inputs))
    numeric = isinstance(layer, (layers.arithmetic.Binary, layers.MatMul))
    sources = (x if isinstance(x, Node) else Constant(as_value(x), numeric) for x in inputs)
    node = Node(layer, tuple(sources))
    count = getattr(layer, "num_outputs", None)
    return node if count is None else tuple(Port(node, i) for i in range(count))


def all_of_several(layer: Any, ports: tuple[Any, ...]) -> str:
    """What to say where a layer is called on all outputs of one that has several."""
    before = type(ports[0].inputs[0].layer).__name__
    return (
        f"{show_layer(layer)} was called on all {len(ports)} outputs of {before}. Choose one of "
        f"them: out, *others = {before}(...)(x), and then {type(layer).__name__}(...)(out)."
    )


def check_count(layer: Any, given: int) -> None:
    """Refuse a layer that is applied to more or fewer nodes than its forward takes."""
    least, most = (len(layer.inputs),) * 2 if is_graph(layer) else arity(layer)
    if not least <= given <= most:
        wanted = f"{least}" if least == most else f"{least} to {most:g}"
        raise WiringError(
            f"{show_layer(layer)} takes {wanted} input{'s' * (wanted != '1')}, but got {given}."
        )


def arity(layer: Any) -> tuple[float, float]:
    """How many inputs a layer's forward takes, at least and at most."""
    method = unguarded(layer, "forward")
    least, most = _arity_of(getattr(method, "__func__", method))
    bound = hasattr(method, "__func__")  # then the first argument is self
    return least - bound, most - bound


@lru_cache(maxsize=1024)
def _arity_of(function: Callable[..., Any]) -> tuple[float, float]:
    try:
        arguments = signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0, math.inf  # something of C, which does not say
    places = [a for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD)]
    open_ended = any(a.kind is a.VAR_POSITIONAL for a in arguments)
    least = sum(a.default is a.empty for a in places)
    return least, math.inf if open_ended else len(places)


def as_value(value: Any) -> Any:
    """A constant as numbers, arrays or a parameter; anything else is refused."""
    if isinstance(value, (Parameter, int, float, np.generic)):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise WiringError(
            f"{value!r} cannot stand in a graph: give a number, an array of numbers or a node."
        )
    return array


def checked_shape(shape: Any, name: str) -> tuple[int | None, ...]:
    """The declared shape of an input as a tuple of sizes, None where any size will do."""
    sizes = shape if isinstance(shape, (tuple, list)) else ["no tuple"]
    if any(n is not None and not is_whole(n, least=0) for n in sizes):
        raise WiringError(
            f"Input({name!r}, shape={shape!r}): give a tuple of sizes such as (None, 784), with "
            "None where any size will do."
        )
    return tuple(None if n is None else int(n) for n in sizes)


def checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or "." in name:
        raise WiringError(
            f"{name!r} cannot be the name of a node: give a text without a dot (the dot stands "
            "between the names of a nested graph and of a node in it)."
        )
    return name
