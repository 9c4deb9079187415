"""The functions of the books: activations, and losses of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layers import Softmax
from ..layers.activation import sigmoid

__all__ = [
    "cross_entropy_error",
    "identity_function",
    "np",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]


def identity_function(x: Any) -> Any:
    """x as it is."""
    return x


def step_function(x: Any) -> Any:
    """1 where x > 0, else 0, as whole numbers.

    >>> step_function(np.array([-1.0, 0.0, 2.0]))
    array([0, 0, 1])
    """
    return np.array(x > 0, dtype=int)


def sigmoid_grad(x: Any) -> Any:
    """The slope of the sigmoid.

    >>> sigmoid_grad(np.array([0.0]))
    array([0.25])
    """
    y = sigmoid(x)
    return (1.0 - y) * y


def relu(x: Any) -> Any:
    """x where x > 0, else 0.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return np.maximum(0, x)


def relu_grad(x: Any) -> Any:
    """The slope of the ReLU: 1 where x >= 0, else 0 (the layer `Relu` takes 0 at 0).

    >>> relu_grad(np.array([-1.0, 0.0, 2.0]))
    array([0., 1., 1.])
    """
    return np.asarray(x >= 0, np.result_type(x))


def softmax(x: Any) -> Any:
    """exp(x) / sum of exp(x), along the last axis.

    >>> softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    return Softmax().forward(x)


def sum_squared_error(y: Any, t: Any) -> Any:
    """Half the sum of (y - t)².

    >>> sum_squared_error(np.array([1.0, 3.0]), np.array([0.0, 5.0]))
    np.float64(2.5)
    """
    return 0.5 * np.sum((y - t) ** 2)


def cross_entropy_error(y: Any, t: Any) -> Any:
    """-ln(y[t] + 1e-7), the mean over the rows.

    shapes     y (N, C) or (C,) probabilities; t class numbers (N,), or one-hot rows like y, which
               are known by having as many elements as y
    source     Deep Learning from Scratch, 4.2

    >>> cross_entropy_error(np.array([0.1, 0.8, 0.1]), np.array([0, 1, 0])).round(6)
    np.float64(0.223143)
    """
    y = y.reshape(-1, y.shape[-1])
    if t.size == y.size:
        t = t.reshape(y.shape).argmax(axis=1)
    return -np.sum(np.log(y[np.arange(len(y)), t.reshape(-1)] + 1e-7)) / len(y)


def softmax_loss(X: Any, t: Any) -> Any:
    """The cross entropy of softmax(X)."""
    return cross_entropy_error(softmax(X), t)
