"""A seat: the place of one node in one graph, with its own copy of the layer and its numbers."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .anatomy import Held, attributes, find_parameters, is_graph, is_ours, seat_of, unguarded, walk
from .errors import LayerwiseError, ShapeError, describe, show_layer
from .layer import raise_shape_error
from .node import Constant, Input, Node
from .parameter import Parameter
from .values import complete, looked_at, tidied


class Seat:
    """The place of a node in a graph: `name`, `layer`, `inputs`, and what was computed there.

    value   what the layer gave forward; None: not computed yet
    grad    the gradient that came back to it; None: not computed yet
    shape   what is known of the shape before anything is computed

    The layer is a copy that belongs to this place alone; its parameters are shared. The numbers
    themselves are in two lists of the graph, and `slot` is where.
    """

    __slots__ = (
        "collected",  # parameters of a class written as in the books
        "count",  # how many inputs there are
        "dtype",  # what an Input declares
        "grads",
        "inputs",
        "layer",
        "learns",  # whether a parameter is here, or in what this is computed from
        "name",
        "node",
        "run",  # the layer's forward
        "run_back",  # the layer's backward
        "shape",
        "slot",
        "sources",  # the slots of the inputs
        "values",
    )

    def __init__(
        self,
        node: Node,
        name: str,
        layer: Any,
        inputs: tuple[Seat, ...],
        values: list[Any],
        grads: list[Any],
    ) -> None:
        self.node, self.name, self.layer, self.inputs = node, name, layer, inputs
        self.values, self.grads = values, grads
        self.slot = len(values)
        values.append(None)
        grads.append(None)
        self.shape: Any = (..., None)
        self.dtype = node.dtype if isinstance(node, Input) else None
        self.learns = False
        self.collected: list[Held] = []
        if layer is not None:
            attributes(layer)["_ran_forward"] = True  # the graph looks after the order
            self.run, self.run_back = runner(layer), back_runner(layer)
            if getattr(layer, "num_outputs", None) is not None:
                run_back = self.run_back
                self.run_back = lambda douts: run_back(complete(douts, self.value))
            self.count = len(inputs)
            self.sources = tuple(source.slot for source in inputs)

    @property
    def value(self) -> Any:
        return looked_at(self.values, self.slot)

    @property
    def grad(self) -> Any:
        return looked_at(self.grads, self.slot)

    @property
    def kind(self) -> str:
        """What stands here: "layer", "input", "parameter" or "constant"."""
        if isinstance(self.node, Input):
            return "input"
        if isinstance(self.node, Constant):
            return "parameter" if isinstance(self.node.value, Parameter) else "constant"
        return "layer"

    def predict(self, inputs: Any) -> Any:
        """The layer's output in inference; it runs on a copy, so that nothing is kept here."""
        if is_graph(self.layer):
            return self.layer.predict(*inputs)
        layer = seat_of(self.layer)
        set_training(layer, False)
        return tidied(runner(layer)(*inputs), inputs, layer)

    def __repr__(self) -> str:
        return f"Seat({self.name}: value {describe(self.value)}, grad {describe(self.grad)})"


def runner(layer: Any) -> Any:
    """What runs a layer forward: its own method; a user's layer cannot write into its inputs."""
    forward = forward_of(layer)
    return forward if is_ours(layer) else lambda *inputs: forward(*map(locked, inputs))


def forward_of(layer: Any) -> Any:
    """The layer's own forward; the book's `train_flg` is given to those that ask for it."""
    forward = unguarded(layer, "forward")
    code = getattr(forward, "__code__", None)
    if code is not None and "train_flg" in code.co_varnames[: code.co_argcount]:
        return lambda *inputs: forward(*inputs, train_flg=layer.training)
    return forward


def back_runner(layer: Any) -> Any:
    """What runs a layer backward.

    A user's layer may write into its `dout`, as the book's do, and return one array twice.
    """
    backward = unguarded(layer, "backward")
    return backward if is_ours(layer) else lambda dout: apart(backward(copy.deepcopy(dout)))


def apart(dxs: Any) -> Any:
    """Gradients of which no two are the same array."""
    if not isinstance(dxs, (tuple, list)):
        return dxs
    return tuple(
        dx.copy() if isinstance(dx, np.ndarray) and any(dx is other for other in dxs[:i]) else dx
        for i, dx in enumerate(dxs)
    )


def locked(x: Any) -> Any:
    """An array that cannot be written to, over the same memory."""
    if isinstance(x, np.ndarray):
        x = x.view()
        x.flags.writeable = False
    return x


def set_training(layer: Any, training: bool) -> None:
    """Tell a layer and the layers inside it whether this is training or inference."""
    for _, one in walk(layer):
        try:
            one.training = training
        except AttributeError:  # a class with __slots__, which has no such mode
            pass


def shape_at(seat: Seat) -> Any:
    """The shape that a seat's layer will give, as far as it can say."""
    shapes = [source.shape for source in seat.inputs]
    if not hasattr(seat.layer, "out_shape"):
        return (..., None)
    try:
        return seat.layer.out_shape(*shapes)
    except ShapeError as error:
        raise error.at(seat.name, [source.name for source in seat.inputs]) from None
    except Exception:
        if any(... in shape or None in shape for shape in shapes):
            return (..., None)  # it needs to know more than is known before a run
        raise


def parameters_at(seat: Seat) -> list[Held]:
    """The parameters at a place in a graph, named after the place."""
    if seat.kind == "parameter":
        return [Held(seat.name, seat.node.value, None)]
    if seat.layer is None:
        return []
    return [held._replace(name=f"{seat.name}.{held.name}") for held in find_parameters(seat.layer)]


def name_at(seat: Seat, graph: Any) -> str:
    """The name of a place; where a parameter stands, that under which the graph knows it."""
    if seat.kind != "parameter":
        return seat.name
    return next(name for name, one in graph.held_parameters.items() if one is seat.node.value)


def what_failed(step: str, seat: Seat, error: Exception, values: list[Any]) -> str:
    """What went wrong in a layer, told from its place; wrong shapes by the layer's own words."""
    who = show_layer(seat.layer, seat.name)
    if step != "backward" and not isinstance(error, ShapeError):
        try:
            raise_shape_error(seat.layer, [values[slot] for slot in seat.sources], error)
        except ShapeError as better:
            error = better
    if isinstance(error, ShapeError):
        return str(error.at(seat.name, [source.name for source in seat.inputs]))
    if isinstance(error, LayerwiseError):
        return f"{who}: {error}"
    said = f"{who} failed in {step}: {type(error).__name__}: {error}"
    if "read-only" in said:
        said += ". A layer must not write into its inputs: work on a copy, x.copy()."
    return said


def shapes_so_far(seats: Any, values: list[Any]) -> str:
    """What was computed before a failure, a line for each place; of many, the last ones."""
    lines = [
        f"    {seat.name:<12} {describe(value)}"
        for seat, value in zip(seats, values)
        if value is not None
    ]
    hidden = len(lines) - 12
    return "\n".join([f"    ... {hidden:,} more"] * (hidden > 0) + lines[-12:])
