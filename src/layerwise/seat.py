"""A seat: the place of one node in one graph, with its own copy of the layer and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .anatomy import Held, find_parameters, seat_of, unguarded, walk
from .errors import GradientError, ShapeError, WiringError, describe, show_shape
from .layer import plain
from .node import Constant, Input, Node
from .parameter import Parameter


class Seat:
    """The place of a node in a graph: `name`, `layer`, `inputs`, and what was computed there.

    value   what the layer gave forward; None: not computed yet
    grad    the gradient that came back to it; None: not computed yet
    shape   what is known of the shape before anything is computed

    The layer is a copy that belongs to this place alone; its parameters are shared.
    """

    __slots__ = (
        "_back",
        "_run",
        "grad",
        "held",
        "inputs",
        "layer",
        "name",
        "node",
        "shape",
        "value",
    )

    def __init__(self, node: Node, name: str, layer: Any, inputs: tuple[Seat, ...]) -> None:
        self.node, self.name, self.layer, self.inputs = node, name, layer, inputs
        self.value: Any = None
        self.grad: Any = None
        self.shape: tuple[Any, ...] = (..., None)
        self.held: list[Held] = []  # the parameters of a class written as in the books
        if layer is not None:
            self._run = runner(layer)
            # a graph inside a graph leaves the parameters' gradients to the outer one
            self._back = getattr(layer, "backward_inside", None) or unguarded(layer, "backward")

    @property
    def kind(self) -> str:
        """What stands here: "layer", "input", "parameter" or "constant"."""
        if isinstance(self.node, Input):
            return "input"
        if isinstance(self.node, Constant):
            return "parameter" if isinstance(self.node.value, Parameter) else "constant"
        return "layer"

    def forward(self) -> None:
        """Run the layer on the values of the seats before it."""
        inputs = [source.value for source in self.inputs]
        out = self._run(*inputs)
        self.value = out if type(out) is float else tidied(out, inputs)

    def backward(self) -> Any:
        """Run the layer backward and add what comes to the gradients of the seats before it."""
        dout = self.grad
        if type(dout) is tuple:
            dout = tuple(zeros(v) if d is None else d for d, v in zip(dout, self.value))
        dxs = self._back(dout)
        if type(dxs) is not tuple or len(dxs) != len(self.inputs):
            dxs = as_many(dxs, self)
        for source, dx in zip(self.inputs, dxs):
            if type(dx) is not float or type(source.value) is not float:
                dx = fitted(dx, source, self)
            source.grad = dx if source.grad is None else added(source.grad, dx)
        for held in self.held:
            held.collect()
        return dxs

    def predict(self, inputs: Sequence[Any]) -> Any:
        """The layer's output in inference; it runs on a copy, so that nothing is kept here."""
        if hasattr(self.layer, "backward_inside"):
            return self.layer.predict(*inputs)
        layer = seat_of(self.layer)
        set_training(layer, False)
        return tidied(runner(layer)(*inputs), inputs)

    def __repr__(self) -> str:
        return f"Seat({self.name}: value {describe(self.value)}, grad {describe(self.grad)})"


def runner(layer: Any) -> Any:
    """The layer's own forward; the book's `train_flg` is given to those that ask for it."""
    forward = unguarded(layer, "forward")
    code = getattr(forward, "__code__", None)
    if code is None or "train_flg" not in code.co_varnames[: code.co_argcount]:
        return forward
    return lambda *inputs: forward(*inputs, train_flg=layer.training)


def set_training(layer: Any, training: bool) -> None:
    """Tell a layer and the layers inside it whether this is training or inference."""
    for _, one in walk(layer):
        one.training = training


def zeros(value: Any) -> Any:
    return np.zeros_like(value) if isinstance(value, np.ndarray) else value * 0


def tidied(out: Any, inputs: Sequence[Any]) -> Any:
    """What a forward returned: a number where numbers went in, else as it is."""
    if type(out) is np.ndarray and out.ndim:
        return out
    if isinstance(out, list):
        return tuple(out)
    return plain(out, inputs)


def added(a: Any, b: Any) -> Any:
    """The sum of two gradients, in new memory; None counts as nothing."""
    if a is None or b is None:
        return b if a is None else a
    if type(a) is tuple:
        return tuple(added(one, other) for one, other in zip(a, b))
    return a + b


def as_many(dxs: Any, seat: Seat) -> tuple[Any, ...]:
    """One gradient for each input, from a backward that returned something else."""
    count = len(seat.inputs)
    if isinstance(dxs, list) and len(dxs) == count:
        return tuple(dxs)
    if not isinstance(dxs, (tuple, list)):
        if count == 1:
            return (dxs,)
        if is_loss(seat.layer):
            return (dxs, *[None] * (count - 1))
    got = f"{len(dxs)} gradients" if isinstance(dxs, (tuple, list)) else "1 gradient"
    raise GradientError(
        f"{seat.name} = {seat.layer!r} has {count} inputs, but its backward returned {got}. "
        "Return a tuple with one gradient for each input, and None for an input that has none, "
        "such as class numbers."
    )


def is_loss(layer: Any) -> bool:
    """Whether `backward` may be called bare, as in the book's losses: `backward(self, dout=1)`.

    Such a layer is the end of a network, and its targets need no gradient.
    """
    return bool(getattr(unguarded(layer, "backward"), "__defaults__", None))


def fitted(dx: Any, source: Seat, seat: Seat) -> Any:
    """One gradient that a backward returned, after checking that it fits the input's value."""
    value = source.value
    if type(value) in (float, int) and type(dx) in (float, int):
        return dx
    if type(value) is tuple:
        return dx  # of a layer with several outputs: their gradients come one by one
    if dx is None:
        target = source.layer is None and is_loss(seat.layer)
        if not is_floating(value) or target:
            return None
        raise wrong_gradient(seat, source, "None", "a gradient for every input of floats")
    if np.shape(dx) != np.shape(value):
        hint = ""
        if np.ndim(dx) > np.ndim(value):
            hint = " Sum over the axes along which the input was broadcast."
        wanted = f"the shape {show_shape(np.shape(value))} of that input.{hint}"
        raise wrong_gradient(seat, source, f"the shape {show_shape(np.shape(dx))}", wanted)
    if hasattr(value, "dtype"):
        dtype = np.result_type(dx)
        if value.dtype.kind == "f" and dtype != value.dtype:
            wanted = f"{value.dtype}, as that input. Use dx.astype(x.dtype)"
            raise wrong_gradient(seat, source, str(dtype), wanted)
        return dx if value.shape else np.asarray(dx)[()]
    return dx.item() if hasattr(dx, "item") else dx


def is_floating(value: Any) -> bool:
    return isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"


def wrong_gradient(seat: Seat, source: Seat, got: str, wanted: str) -> GradientError:
    return GradientError(
        f"{seat.name} = {seat.layer!r}: backward returned {got} for the input {source.name}, "
        f"expected {wanted.rstrip('.')}."
    )


def taken(value: Any, seat: Seat, dtype: Any) -> Any:
    """A value given for an input, checked against what the Input declares, and cast."""
    node = seat.node
    assert isinstance(node, Input)
    value = cast(value, dtype if node.dtype is None else None, seat.name)
    if node.dtype is not None:
        value = np.asarray(value).astype(node.dtype, casting="same_kind", copy=False)[()]
    if node.shape is not None:
        shape = np.shape(value)
        fits = len(shape) == len(node.shape) and all(
            wanted in (None, size) for wanted, size in zip(node.shape, shape)
        )
        if not fits:
            raise WiringError(
                f"The input {seat.name} has the shape {show_shape(node.shape)}, but got "
                f"{show_shape(shape)}."
            )
    return value


def cast(value: Any, dtype: Any, name: str = "a constant") -> Any:
    """Numbers as they are, floating arrays in the graph's dtype; anything else is refused."""
    if type(value) in (float, int, bool):
        return value
    array = value if isinstance(value, (np.ndarray, np.generic)) else np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise WiringError(
            f"{name} got {type(value).__name__} {value!r:.60}, which is no number and no array of "
            "numbers."
        )
    return array.astype(dtype, copy=False) if dtype and array.dtype.kind == "f" else array


def output_gradient(dout: Any, seat: Seat) -> Any:
    """The gradient of an output, in the shape and dtype of its value; a number counts for all."""
    value = seat.value
    if type(value) in (float, int) and type(dout) in (float, int):
        return float(dout) if type(value) is float else dout
    dtype = value.dtype if is_floating(value) and hasattr(value, "dtype") else np.float64
    dout = np.asarray(dout, dtype)
    if dout.shape != np.shape(value):
        if dout.shape != ():
            raise GradientError(
                f"The output {seat.name} has the shape {show_shape(np.shape(value))}, but backward "
                f"got a gradient of the shape {show_shape(dout.shape)}. Give one like the output, "
                "or one number for all of it."
            )
        return np.full(np.shape(value), dout)
    return dout if isinstance(value, np.ndarray) else dout[()]


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


def shapes_so_far(values: dict[Seat, Any]) -> str:
    """What was computed before a failure, a line for each place; of many, the last ones."""
    lines = [f"    {seat.name:<12} {describe(value)}" for seat, value in values.items()]
    hidden = len(lines) - 12
    return "\n".join([f"    ... {hidden:,} more"] * (hidden > 0) + lines[-12:])
