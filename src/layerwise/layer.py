"""The interface that everything else speaks: `forward` and `backward`.

A layer is a class with `forward(*inputs)` and `backward(dout)`. `forward` saves on `self` what
`backward` needs. `backward` gets the gradient of what `forward` returned and gives one gradient
for each input; gradients of parameters are added to `Parameter.grad` on the way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .anatomy import (
    NOT_KEPT,
    arguments_of,
    find_buffers,
    find_parameters,
    is_graph,
    is_layer,
    layers_in,
    own_parameters,
)
from .errors import OrderError, ShapeError, WiringError, show_layer, show_shape
from .parameter import Buffer, Parameter, floating


class Layer:
    """A step of a computation that can also be run backward.

    A subclass has `forward(*inputs)`, which saves on `self` what `backward(dout)` needs, and
    `backward(dout)`, which returns a gradient for each input (a tuple where there are several).
    `out_shape(*shapes)` is optional: with it, wrong wiring fails when a graph is built.

    Called on nodes, a layer adds itself to a graph: `h = affine(x)`.

    >>> class Square(Layer):
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * x
    ...     def backward(self, dout):
    ...         return dout * 2 * self.x
    >>> square = Square()
    >>> square.forward(3.0), square.backward(1.0)
    (9.0, 6.0)
    """

    training = True  # a graph sets it on its own copy of the layer for each run
    sign: str | None = None  # what stands in the circle of its picture; without one it is a box
    stand_in: Any = None  # by hand: a method that gives what runs in place of this layer, or None
    _ran_forward: Any = False  # used by the guards below: True, or what ran in place of this layer

    def __init_subclass__(cls, guarded: bool = True, **options: Any) -> None:
        """Guard `forward` and `backward` for use by hand; a graph calls what is inside."""
        super().__init_subclass__(**options)
        if not guarded or is_graph(cls):
            return  # a graph looks after the order by itself
        for name, guard in (("forward", _guard_forward), ("backward", _guard_backward)):
            method = getattr(cls, name, None)  # its own, or one that it inherits from a mixin
            if inspect.isfunction(method) and not hasattr(method, "inside"):
                setattr(cls, name, guard(method))

    def __call__(self, *inputs: Any) -> Any:
        from .node import apply

        return apply(self, *inputs)

    def children(self) -> dict[str, Any]:
        """The layers inside this one, by name."""
        return dict(layers_in(vars(self)))

    def parameters(self) -> dict[str, Parameter]:
        """All parameters of this layer and of the layers inside it, by their dotted names."""
        return {held.name: held.parameter for held in find_parameters(self)}

    def buffers(self) -> dict[str, Buffer]:
        """All buffers (running statistics) of this layer and of those inside it, by dotted name."""
        return find_buffers(self)

    def astype(self, dtype: Any) -> Any:
        """Hold parameters and buffers in another float type ("float64"); returns the layer."""
        for held in (*self.parameters().values(), *self.buffers().values()):
            held.astype(floating(dtype))
        return self

    def _start_gradients(self) -> None:
        """By hand: what has no gradient yet gets 0, so that `backward` can add to it."""
        for _, parameter in own_parameters(self):
            if parameter.grad is None:
                parameter.grad = np.zeros_like(parameter.value)

    def __repr__(self) -> str:
        """The call that makes this layer, read from the attributes named as its arguments."""
        shown: list[str] = []
        for argument, value in arguments_of(self):
            value = value.item() if isinstance(value, np.generic) else value
            if argument.kind is argument.VAR_POSITIONAL and value is not NOT_KEPT:
                shown.extend(map(repr, value))
            elif argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
                continue
            elif value is NOT_KEPT:
                shown.append(argument.name)  # at least say that it was given
            elif isinstance(value, (Parameter, np.ndarray)):
                shown.append(f"{argument.name} {show_shape(value.shape)}")
            elif argument.default is argument.empty:
                shown.append(repr(value))
            elif is_layer(value):
                shown.append(f"{argument.name}={show_layer(value)}")
            elif callable(value) or isinstance(value, np.random.Generator):
                continue
            elif repr(value) != repr(argument.default):
                shown.append(f"{argument.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


# Guards for use by hand ------------------------------------------------------------------------


def _guard_forward(forward: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(forward)
    def guarded(self: Any, *inputs: Any, **options: Any) -> Any:
        try:
            other = self.stand_in and not options and self.stand_in()
            out = other.run(self, inputs) if other else NotImplemented
            if out is NotImplemented:
                other = True
                if len(inputs) == 1 and not options:  # a call that costs half as much
                    out = forward(self, inputs[0])
                else:
                    out = forward(self, *inputs, **options)
        except BaseException as error:
            self._ran_forward = False
            if isinstance(error, Exception) and not isinstance(error, ShapeError):
                raise_shape_error(self, inputs, error)
                raise_list_error(self, inputs, error)
            raise
        self._ran_forward = other
        return out if type(out) is np.ndarray and out.ndim else plain(out, inputs)

    guarded.inside = forward  # type: ignore[attr-defined]
    return guarded


def _guard_backward(backward: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(backward)
    def guarded(self: Any, *dout: Any, **options: Any) -> Any:
        ran = self._ran_forward
        if not ran and hasattr(self.forward, "inside"):
            raise OrderError(
                f"{self!r}: backward was called before forward. Call forward(...) first: it saves "
                "what backward needs."
            )
        self._start_gradients()
        if type(ran) is not bool:
            dx = ran.run_back(self, *dout)
        elif len(dout) == 1 and not options:
            dx = backward(self, dout[0])
        else:
            dx = backward(self, *dout, **options)
        return dx if type(dx) is np.ndarray and dx.ndim else plain(dx, dout)

    guarded.inside = backward  # type: ignore[attr-defined]
    return guarded


def plain(out: Any, inputs: Any) -> Any:
    """Python numbers in, Python numbers out: NumPy's functions return NumPy's own scalars."""
    kind = type(out)
    if kind is float or kind is int or (kind is np.ndarray and out.ndim):
        return out
    if kind is tuple:
        return tuple([plain(one, inputs) for one in out])
    for x in inputs:
        if isinstance(x, np.ndarray):
            return out
    if isinstance(out, np.ndarray) and out.shape == ():
        out = out[()]
    if isinstance(out, np.generic) and not any(isinstance(x, np.generic) for x in inputs):
        return out.item()
    return out


def raise_shape_error(layer: Any, inputs: Any, cause: Exception) -> None:
    """Let the layer's `out_shape` say what is wrong with these inputs, if it is their shapes."""
    if hasattr(layer, "out_shape"):
        try:
            layer.out_shape(*(np.shape(x) for x in inputs))
        except ShapeError as error:
            raise error from cause
        except Exception:
            return  # the cause itself says more


def raise_list_error(layer: Any, inputs: Any, cause: Exception) -> None:
    """Say that a layer computes with arrays, if it failed on a list."""
    kinds = [type(x).__name__ for x in inputs if isinstance(x, (list, tuple))]
    if kinds and isinstance(cause, (AttributeError, TypeError)):
        raise WiringError(
            f"{layer!r} expects arrays, but got a {kinds[0]}. Convert it: np.array(...)."
        ) from cause
