"""The slope of a function, from two of its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import engine

__all__ = ["np", "numerical_gradient", "numerical_gradient_2d"]


def numerical_gradient(f: Callable[[Any], Any], x: Any) -> Any:
    """(f(x + h) - f(x - h)) / 2h with h = 1e-4, for one element of x after the other.

    x is changed in place while this runs, since in the book f often looks at an array of its own
    that x is, too: `numerical_gradient(lambda W: net.loss(x, t), net.params["W1"])`.

    The layers run their own code meanwhile, in the dtype of x: such a small step is lost in the
    float32 of the compiled engine.

    errors     ValueError for whole numbers, which cannot go a step of 1e-4 (the book's own answer
               there is wrong)
    source     Deep Learning from Scratch, 4.4

    >>> numerical_gradient(lambda x: np.sum(x**2), np.array([3.0, 4.0])).round(6)
    array([6., 8.])
    """
    if x.dtype.kind != "f":
        raise ValueError(
            f"numerical_gradient: x holds {x.dtype}, which cannot go a step of 0.0001. "
            "Give floats: x.astype(float)."
        )
    h = 1e-4
    grad = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        value = x[place]
        ends = []
        for moved in (float(value) + h, value - h):
            x[place] = moved
            with engine("numpy"):
                ends.append(f(x))
        grad[place] = (ends[0] - ends[1]) / (2 * h)
        x[place] = value
    return grad


def numerical_gradient_2d(f: Callable[[Any], Any], X: Any) -> Any:
    """The numerical gradient at every row of X, which f gets one by one.

    >>> numerical_gradient_2d(lambda x: np.sum(x**2), np.array([[1.0], [2.0]])).round(6)
    array([[2.],
           [4.]])
    """
    if X.ndim == 1:
        return numerical_gradient(f, X)
    return np.array([numerical_gradient(f, row) for row in X])
