"""What a row of the table is, and the words that all families use for theirs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import layerwise as lw

SIZES = {"B": 2, "N": 3, "C": 4, "D": 4, "K": 5, "M": 2, "H": 3, "W": 2}

ONE = ["N D", "B N D", "D", ""]  # one input of any shape
TWO = ["N D, N D", "N D, D", "D, N D", "N D, N 1", "N 1, 1 D", "N D, 1", "N D,", "B N D, N 1"]
SAME = [f"{word}, {word}" for word in ONE]  # two inputs of the same shape


# What the numbers of an input are like


def real(rng, shape, sizes):
    return rng.normal(size=shape)


def positive(rng, shape, sizes):
    return rng.uniform(0.5, 2.0, size=shape)


def probability(rng, shape, sizes):
    return rng.uniform(0.1, 0.9, size=shape)


def negative(rng, shape, sizes):
    return -positive(rng, shape, sizes)


def class_numbers(rng, shape, sizes):
    numbers = np.asarray(rng.integers(0, sizes["C"], size=shape))
    numbers.flat[:1] = 0  # so that the first element of x, where a test puts NaN, counts
    return numbers


def yes_or_no(rng, shape, sizes):
    return rng.random(shape) < 0.5


@dataclass(frozen=True)
class Case:
    """One layer: how it is called, what goes in, and what is to come out."""

    call: str
    shapes: list[str]  # alternatives, each with the shapes of all inputs
    definition: Callable[..., Any]  # (*inputs, **parameters) -> output, arrays of NumPy
    torch: Callable[..., Any] | None = None  # (torch, *inputs, **parameters); None: as defined
    like: tuple[Callable[..., Any], ...] = (real, real)  # the numbers of each input
    python: bool = False  # whether it makes sense on Python's own numbers
    fixed: tuple[int, ...] = ()  # the inputs that have no gradient
    inference: Callable[..., Any] | None = None  # the definition outside training, if another
    empty: bool = True  # whether a batch without rows has an output
    held: str = ""  # the axes whose sizes are said in the call
    several: str = ""  # the axes of which one element is too few
    fills: bool = False  # whether some of the output is the same whatever comes in
    errors: tuple[tuple[str, str], ...] = ()  # shapes that do not fit, and what the error says

    def layer(self, dtype: Any = "float64", seed: int = 0) -> Any:
        """The layer, its parameters drawn from the seed, its own draws always the same."""
        layer = eval(self.call, vars(lw)).astype(dtype)
        rng = np.random.default_rng(seed)
        for parameter in layer.parameters().values():
            parameter.value = rng.normal(size=parameter.shape).astype(dtype)
        if hasattr(layer, "rng"):
            layer.rng = np.random.default_rng(7)
        return layer if getattr(layer, "num_outputs", None) is None else EndToEnd(layer)

    def inputs(
        self, shapes: Any = None, dtype: Any = "float64", seed: int = 0, **sizes: int
    ) -> Any:
        """Arrays for all inputs; `shapes` is one of the alternatives, by default the first."""
        sizes = SIZES | sizes
        rng = np.random.default_rng(seed)
        arrays = []
        for word, like in zip((self.shapes[0] if shapes is None else shapes).split(","), self.like):
            shape = [
                sum(int(part) if part.isdigit() else sizes[part] for part in axis.split("+"))
                for axis in word.split()
            ]
            array = np.asarray(like(rng, shape, sizes))
            arrays.append(array.astype(dtype) if array.dtype.kind == "f" else array)
        return arrays


class EndToEnd(lw.Layer):
    """A layer with several outputs as one with one: all their elements, end to end.

    So the tests of the table hold each of its outputs to the contract; definitions of such layers
    are made of `end_to_end`.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.shapes: Any = None

    def __repr__(self) -> str:
        return repr(self.layer)

    def parameters(self) -> Any:
        return self.layer.parameters()

    def out_shape(self, *shapes: Any) -> Any:
        outs = self.layer.out_shape(*shapes)
        if any(n in (None, ...) for out in outs for n in out):
            return (..., None)
        return (sum(math.prod(out) for out in outs),)

    def forward(self, *inputs: Any) -> Any:
        self.layer.training = self.training
        outs = self.layer.forward(*inputs)
        self.shapes = [out.shape for out in outs]
        assert tuple(self.shapes) == self.layer.out_shape(*(x.shape for x in inputs))
        return end_to_end(outs)

    def backward(self, dout: Any) -> Any:
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])[:-1]
        douts = zip(np.split(dout, ends), self.shapes)
        return self.layer.backward(tuple(d.reshape(shape) for d, shape in douts))


def end_to_end(outs):
    """The elements of several arrays in one."""
    return np.concatenate([out.ravel() for out in outs])


# Definitions that several families need


def whole(x):
    return x


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x), axis, keepdims=True)


def var(x, axis=None, keepdims=False):
    centred = x - np.mean(x, axis=axis, keepdims=True)
    return np.mean(centred * centred, axis=axis, keepdims=keepdims)
