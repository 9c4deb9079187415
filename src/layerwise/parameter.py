"""Parameters, the arrays that are learned, and buffers, those that a layer keeps for itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar
from weakref import WeakValueDictionary, ref

import numpy as np

from .errors import WiringError, describe, show_shape

_left: ContextVar[int | None] = ContextVar("left", default=None)  # how many may be made


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Inside, no more than so many parameters and buffers can be made: WiringError for another.

    A constructor that is told to make a billion of them stops here.
    """
    token = _left.set(count)
    try:
        yield
    finally:
        _left.reset(token)


class Shared:
    """An array that several layers share by sharing this object: a parameter or a buffer."""

    kind = "array"  # what it is called in messages

    def __init__(self, value: Any) -> None:
        value = np.asarray(value)
        if value.dtype.kind not in "fiub":
            raise WiringError(f"A {self.kind} is an array of numbers, but got {value.dtype}.")
        left = _left.get()
        if left is not None:
            if left == 0:
                raise WiringError(
                    f"There are to be no more arrays, but here is one more {self.kind}."
                )
            _left.set(left - 1)
        self._value = value
        self._draw: Callable[..., Any] | None = None

    @classmethod
    def drawn(cls, init: Callable[..., Any], shape: tuple[int, ...], rng: Any = None) -> Any:
        """One whose numbers come from `init(shape, rng)`, in float32, when they are looked at."""
        one = cls(np.broadcast_to(np.float32(0), shape))  # holds the shape, no memory yet
        one._draw = partial(init, shape)
        if rng is not None:
            one.draw(np.random.default_rng(rng))
        return one

    def draw(self, rng: np.random.Generator) -> None:
        """Draw the numbers now, unless they are there already."""
        if self._draw is not None:
            drawn = np.array(self._draw(rng), dtype=self._value.dtype)
            if drawn.shape != self.shape:
                raise WiringError(
                    f"The initializer gave {show_shape(drawn.shape)} for a {self.kind} of the "
                    f"shape {show_shape(self.shape)}. Let it return an array of the shape it is "
                    "given."
                )
            self._value, self._draw = drawn, None

    @property
    def value(self) -> Any:
        """The numbers; drawn now if nobody has looked at them before."""
        if self._draw is not None:
            self.draw(np.random.default_rng())
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = self._checked(value)
        self._draw = None

    def _checked(self, value: Any) -> Any:
        value = np.asarray(value)
        if value.shape != self.shape:
            raise WiringError(
                f"This {self.kind} has the shape {show_shape(self.shape)}, but the new value has "
                f"{show_shape(value.shape)}. Give an array of the same shape."
            )
        return value.astype(self.dtype, copy=False)

    def hold(self, value: Any) -> None:
        """Hold these numbers from now on in their own dtype, where `value = ...` casts them."""
        self._value, self._draw = value, None

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def dtype(self) -> Any:
        return self._value.dtype

    def like(self, x: Any) -> Any:
        """The value in the dtype of `x`, so that a layer computes in what it is given."""
        dtype = getattr(x, "dtype", None)
        if dtype is None or dtype.kind != "f":
            if dtype is not None and dtype.kind not in "biuc":
                raise WiringError(
                    f"A layer got {describe(x)}, which are no numbers. Give x.astype(float)."
                )
            return self.value
        return self.value.astype(dtype, copy=False)

    def astype(self, dtype: Any) -> None:
        """Hold the value in another float type from now on."""
        if self._draw is None:
            self._value = self._value.astype(dtype, copy=False)
        else:  # there are no numbers yet, and no memory for them
            self._value = np.broadcast_to(np.zeros((), dtype), self.shape)

    def __copy__(self) -> Any:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_value": self.value, "_draw": None}  # drawn: both have the same

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        value = self._value.copy() if self._draw is None else self._value
        twin = memo[id(self)] = type(self)(value)
        if self._draw is not None:
            twin._draw = self._drawn_copy  # both will have the same numbers, whoever draws first
        return twin

    def _drawn_copy(self, rng: Any) -> Any:
        self.draw(rng)
        return self._value.copy()

    def __repr__(self) -> str:
        return f"{self.kind.capitalize()}({show_shape(self.shape)} {self.dtype})"


class Buffer(Shared):
    """An array that a layer keeps from one forward to the next and that is not learned.

    Running statistics are buffers. A buffer has a dotted name and is saved, as parameters are, and
    all places of a layer in a graph share it: what one place writes, the others read.

    value    an array of numbers. `astype` stops at float32, since what changes a little at every
             step would stand still in float16

    >>> mean = Buffer(np.zeros(2))
    >>> mean.value += 0.1 * (np.array([10.0, 20.0]) - mean.value)
    >>> mean.value, mean
    (array([1., 2.]), Buffer((2,) float64))
    """

    kind = "buffer"

    def astype(self, dtype: Any) -> None:
        """Hold the value in another float type from now on; whole numbers stay whole."""
        if self.dtype.kind == "f":
            super().astype(np.result_type(dtype, np.float32))


class Parameter(Shared):
    """An array that is learned: its `value`, and its gradient `grad` (None: not computed yet).

    Sharing a parameter is sharing the object. A parameter made by `drawn` gets its numbers at
    the first look, or from the seed of the graph that is built with it.

    value    an array of floats, held in its own dtype, which only `astype` changes; whole
             numbers become float32

    >>> W = Parameter(np.zeros((2, 3)))
    >>> W.shape, W.grad
    ((2, 3), None)
    """

    kind = "parameter"

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        if self.dtype.kind != "f":
            self._value = self._value.astype(np.float32)
        self.grad: Any = None
        self.not_learned: Any = None  # an index: elements whose gradient is 0 on purpose

    def hold(self, value: Any) -> None:
        super().hold(value)
        self.grad = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = super().__deepcopy__(memo)
        twin.grad, twin.not_learned = copy.deepcopy(self.grad, memo), self.not_learned
        return twin

    def astype(self, dtype: Any) -> None:
        """Hold the value in another float type from now on."""
        super().astype(dtype)
        self.grad = None if self.grad is None else self.grad.astype(dtype, copy=False)


class AttributeParameter(Parameter):
    """A parameter of a class written as in the books: an array `W` beside its gradient `dW`.

    The array stays where the class has it (`self.W` or `self.params[0]`), so that both always see
    the same numbers.
    """

    _known: ClassVar[WeakValueDictionary[int, AttributeParameter]] = WeakValueDictionary()

    def __init__(self, array: Any) -> None:
        super().__init__(array)
        self._places: list[tuple[Any, str, int | None]] = []  # whoever refers to this one array

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_places": []}

    @classmethod
    def of(cls, array: Any, layer: Any, name: str, index: int | None = None) -> AttributeParameter:
        """The one parameter for this array, which is at `layer.name` or `layer.name[index]`."""
        parameter = cls._known.get(id(array))
        if (
            parameter is None or parameter._value is not array
        ):  # an id is used again after its death
            parameter = cls._known[id(array)] = cls(array)
        alive = [place for place in parameter._places if place[0]() is not None]
        if not any(one() is layer and (n, i) == (name, index) for one, n, i in alive):
            alive.append((ref(layer), name, index))
        parameter._places = alive
        return parameter

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._replace(self._checked(value))

    def astype(self, dtype: Any) -> None:
        super().astype(dtype)
        self._replace(self._value)

    def _replace(self, array: Any) -> None:
        self._value = array
        self._known[id(array)] = self
        for layer, name, index in self._places:
            if layer() is None:
                continue  # its graph is gone
            if index is None:
                setattr(layer(), name, array)
            else:
                getattr(layer(), name)[index] = array


def floating(dtype: Any) -> Any:
    """A dtype to compute in, from its name or itself."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.kind != "f":
        raise WiringError(f'{dtype!r} is no float type. Choose "float32", "float64" or "float16".')
    return found
