"""The numbers in a layer's own example: what its docstring sends forward and backward."""

from __future__ import annotations

import doctest
import inspect
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerwise import Graph, Layer


@dataclass
class Example:
    """One layer that was run forward and backward once."""

    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    douts: tuple[Any, ...]
    gradients: tuple[Any, ...]  # one for each input, None where there is none

    @property
    def names(self) -> list[str]:
        """The inputs as `forward` calls them; several under one name are counted."""
        if isinstance(self.layer, Graph):
            return [seat.name for seat in self.layer.inputs]
        arguments = inspect.signature(type(self.layer).forward).parameters.values()
        names = [one.name for one in arguments if one.kind is not one.VAR_POSITIONAL][1:]
        rest = len(self.inputs) - len(names)
        last = [one.name.rstrip("s") for one in arguments if one.kind is one.VAR_POSITIONAL]
        return names[: len(self.inputs)] + [f"{last[0]}{i + 1}" for i in range(rest)]


def example_of(cls: type[Layer]) -> Example:
    """The first run in the docstring of a class that goes forward and backward.

    Where none goes backward, the gradient is 1 for the first number that came out and 0 for the
    others: how that one depends on everything that went in.
    """
    runs = _runs_of(cls)
    if not runs:
        raise ValueError(f"The docstring of {cls.__name__} has no example that runs forward.")
    layer, inputs, out, *back = max(runs, key=len)  # of equals the first
    if not back:
        layer.forward(*inputs)
        dout = _one_for_the_first(out)
        back = [dout, layer.backward(dout)]
    return Example(layer, inputs, *map(_as_tuple, (out, *back)))


def drawn_anew(example: Example) -> Any:
    """The layer of an example, run on normally distributed numbers in the place of its floats."""
    rng = np.random.default_rng(0)

    def drawn(value: Any) -> Any:
        return rng.normal(size=np.shape(value)) if np.asarray(value).dtype.kind == "f" else value

    example.layer.forward(*map(drawn, example.inputs))
    douts = tuple(map(drawn, example.outputs))
    example.layer.backward(douts if len(douts) > 1 else douts[0])
    return example.layer


def _runs_of(cls: Any) -> list[list[Any]]:
    """Every run of the class in its docstring: layer, inputs, output, and where it went backward
    the gradients of the output and of the inputs."""
    runs: list[list[Any]] = []
    own = {name: vars(cls)[name] for name in ("forward", "backward") if name in vars(cls)}
    forward, backward = cls.forward, cls.backward

    def recording_forward(self: Any, *inputs: Any) -> Any:
        for parameter in self.parameters().values():
            parameter.draw(np.random.default_rng(0))  # the numbers that the example leaves open
        runs.append([self, inputs, forward(self, *inputs)])
        return runs[-1][2]

    def recording_backward(self: Any, dout: Any = 1) -> Any:
        runs[-1][3:] = [dout, backward(self, dout)]
        return runs[-1][4]

    cls.forward, cls.backward = recording_forward, recording_backward
    try:
        names = dict(vars(sys.modules[cls.__module__]))
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(cls) or ""):
            exec(example.source, names)
    finally:
        del cls.forward, cls.backward
        for name, method in own.items():
            setattr(cls, name, method)
    return runs


def _one_for_the_first(out: Any) -> Any:
    """The gradient of the first number in an output."""
    if isinstance(out, tuple):
        return (_one_for_the_first(out[0]), *(np.zeros_like(other) for other in out[1:]))
    dout = np.zeros_like(out)
    dout.flat[:1] = 1
    return dout if np.ndim(out) else 1.0


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
