"""The numbers that go through a graph: what may go in, what may come out of a layer.

The graph holds every layer to the contract here: a gradient has the shape and dtype of its input,
and Python numbers stay Python numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .anatomy import is_floating, is_loss, owner_of
from .errors import GradientError, WiringError, show_shape
from .layer import plain
from .node import Input

if TYPE_CHECKING:
    from .seat import Seat

NUMBERS = frozenset((float, int))  # the types of Python's own numbers


class Kept:
    """A value that the engine keeps in memory of its own, to be copied when somebody looks."""

    __slots__ = ("source",)

    def __init__(self, source: Any) -> None:
        self.source = source

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    @property
    def dtype(self) -> Any:
        return self.source.dtype


def looked_at(numbers: list[Any], slot: int) -> Any:
    """One of the numbers of a run."""
    number = numbers[slot]
    if type(number) is Kept:
        number = numbers[slot] = number.source.shown()
    return number


def taken(value: Any, seat: Seat, dtype: Any) -> Any:
    """A value given for an input, checked against what the Input declares, and cast."""
    node = seat.node
    assert isinstance(node, Input)
    value = cast(value, dtype if seat.dtype is None else None, seat.name)
    if seat.dtype is not None:
        found = np.asarray(value).dtype
        if not np.can_cast(found, seat.dtype, "same_kind"):
            raise WiringError(
                f"The input {seat.name} holds {seat.dtype}, but got {found}. Convert it first."
            )
        value = np.asarray(value, seat.dtype)[()]
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
    try:
        array = value if isinstance(value, (np.ndarray, np.generic)) else np.asarray(value)
    except ValueError as error:
        raise WiringError(f"{name} got a list that is no array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise WiringError(
            f"{name} got {type(value).__name__} {value!r:.60}, which is no number and no array of "
            "numbers."
        )
    if array.dtype.kind == "f" and dtype is not None:
        return array.astype(dtype, copy=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def output_gradient(dout: Any, seat: Seat) -> Any:
    """The gradient of an output, in the shape and dtype of its value; a number counts for all."""
    value = seat.value
    if dout is None:
        return None  # of several outputs, one that nothing depends on
    if type(value) in NUMBERS and type(dout) in NUMBERS:
        return float(dout) if type(value) is float else dout
    dtype = value.dtype if is_floating(value) and hasattr(value, "dtype") else np.float64
    try:
        dout = np.asarray(dout, dtype)
    except (TypeError, ValueError):
        raise GradientError(f"backward got {dout!r:.60}, expected a number or an array.") from None
    if dout.shape != np.shape(value):
        if dout.shape != ():
            raise GradientError(
                f"The output {seat.name} has the shape {show_shape(np.shape(value))}, but backward "
                f"got a gradient of the shape {show_shape(dout.shape)}. Give one like the output, "
                "or one number for all of it."
            )
        return np.full(np.shape(value), dout)
    return dout if isinstance(value, np.ndarray) else dout[()]


def tidied(out: Any, inputs: Sequence[Any], layer: Any) -> Any:
    """What a forward returned, checked: a number where numbers went in, else as it is."""
    count = getattr(layer, "num_outputs", None)
    if type(out) is np.ndarray and out.ndim and count is None:
        return out
    out = tuple(out) if isinstance(out, list) else out
    if out is None or count != (len(out) if isinstance(out, tuple) else None):
        wanted = "one value" if count is None else f"a tuple of {count} values"
        got = f"{len(out)} values" if isinstance(out, tuple) else type(out).__name__
        raise WiringError(f"forward returned {got}, expected {wanted} (see num_outputs).")
    return plain(out, inputs)


def fitted(dx: Any, source: Seat, seat: Seat) -> Any:
    """One gradient that a backward returned, after checking that it fits the input's value."""
    value = source.value
    if type(value) in NUMBERS and type(dx) in NUMBERS:
        return dx
    if type(value) is tuple:
        return dx  # of a layer with several outputs: their gradients come one by one
    if dx is None:
        if not is_floating(value) or (
            source.kind in ("input", "constant")
            and is_loss(seat.layer, [one.value for one in seat.inputs], seat.value)
        ):
            return None
        raise wrong_gradient(source, "None", "a gradient for every input of floats")
    if np.shape(dx) != np.shape(value):
        hint = ""
        if np.ndim(dx) > np.ndim(value):
            hint = " Sum over the axes along which the input was broadcast."
        wanted = f"the shape {show_shape(np.shape(value))} of that input.{hint}"
        raise wrong_gradient(source, f"the shape {show_shape(np.shape(dx))}", wanted)
    if hasattr(value, "dtype"):
        dtype = np.result_type(dx)
        if value.dtype.kind == "f" and dtype != value.dtype:
            wanted = f"{value.dtype}, as that input. Use dx.astype(x.dtype)"
            raise wrong_gradient(source, str(dtype), wanted)
        return dx if value.shape else np.asarray(dx)[()]
    return dx.item() if hasattr(dx, "item") else dx


def wrong_gradient(source: Seat, got: str, wanted: str) -> GradientError:
    return GradientError(
        f"backward returned {got} for the input {source.name}, expected {wanted.rstrip('.')}."
    )


def as_many(dxs: Any, seat: Seat) -> tuple[Any, ...]:
    """One gradient for each input, from a backward that returned something else."""
    count = seat.count
    if count == 1 and not isinstance(dxs, (tuple, list)):
        return (dxs,)
    if isinstance(dxs, list) and len(dxs) == count:
        return tuple(dxs)
    if not isinstance(dxs, (tuple, list)):
        owner = owner_of(seat.layer, [one.value for one in seat.inputs], seat.value)
        if owner is not None:
            return tuple(dxs if i == owner else None for i in range(count))
    got = f"{len(dxs)} gradients" if isinstance(dxs, (tuple, list)) else "1 gradient"
    raise GradientError(
        f"there are {count} inputs, but backward returned {got}. Return a tuple with one gradient "
        "for each input, and None for an input that has none, such as class numbers."
    )


def added(a: Any, b: Any) -> Any:
    """The sum of two gradients, in new memory; None counts as nothing."""
    if a is None or b is None:
        return b if a is None else a
    if type(a) is tuple:
        return tuple(added(one, other) for one, other in zip(a, b))
    return a + b


def complete(douts: tuple[Any, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The gradients of several outputs, with zeros for those that nothing depends on."""
    return tuple(zeros(v) if d is None else d for d, v in zip(douts, values))


def zeros(value: Any) -> Any:
    return np.zeros_like(value) if hasattr(value, "dtype") else type(value)(0)
