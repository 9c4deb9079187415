"""The optimizers of the books: `update(params, grads)` changes the arrays in `params` in place.

The first volume gives dictionaries, the second lists; what an optimizer keeps for itself stands
under the same keys, or places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "np"]


PART = 1 << 14  # numbers of each array


def keys_of(params: Any) -> Any:
    """The keys of a dictionary, or the places of a list."""
    return params.keys() if isinstance(params, dict) else range(len(params))


def zeros_for(params: Any) -> dict[Any, Any]:
    return {key: np.zeros_like(params[key]) for key in keys_of(params)}


def in_parts(change: Callable[..., Any], *arrays: Any) -> Any:
    """Change the first of some arrays, so many numbers at a time that they stay in the cache for
    all steps of the formula; gives that array."""
    W = arrays[0]
    if np.size(W) <= PART or not all(a.shape == W.shape and a.flags.c_contiguous for a in arrays):
        return change(*arrays)
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, W.size, PART):
        change(*[array[start : start + PART] for array in flat])
    return W


class SGD:
    """W -= lr dW.

    source     Deep Learning from Scratch, 6.1.2

    >>> params = {"W": np.array([1.0, 2.0])}
    >>> SGD(lr=0.1).update(params, {"W": np.array([10.0, 0.0])})
    >>> params["W"]
    array([0., 2.])
    """

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr

    def update(self, params: Any, grads: Any) -> None:
        for key in keys_of(params):
            params[key] -= self.lr * grads[key]


class Momentum:
    """v = momentum v - lr dW, W += v.

    source     Deep Learning from Scratch, 6.1.4

    >>> W = np.array([1.0])
    >>> momentum = Momentum(lr=0.1)
    >>> for _ in range(2):
    ...     momentum.update([W], [np.array([1.0])])
    >>> W.round(6), momentum.v[0].round(6)
    (array([0.71]), array([-0.19]))
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr, self.momentum = lr, momentum
        self.v: Any = None

    def update(self, params: Any, grads: Any) -> None:
        if self.v is None:
            self.v = zeros_for(params)
        for key in keys_of(params):
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


class Nesterov:
    """v = momentum v - lr dW, W += momentum² v - (1 + momentum) lr dW.

    source     Bengio et al., Advances in optimizing recurrent networks, 2012

    >>> W = np.array([1.0])
    >>> Nesterov(lr=0.1).update([W], [np.array([1.0])])
    >>> W.round(6)
    array([0.729])
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr, self.momentum = lr, momentum
        self.v: Any = None

    def update(self, params: Any, grads: Any) -> None:
        if self.v is None:
            self.v = zeros_for(params)
        for key in keys_of(params):
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]
            params[key] += self.momentum * self.momentum * self.v[key]
            params[key] -= (1 + self.momentum) * self.lr * grads[key]


class AdaGrad:
    """h += dW², W -= lr dW / (√h + 1e-7).

    source     Deep Learning from Scratch, 6.1.5

    >>> W = np.array([1.0, 1.0])
    >>> AdaGrad(lr=0.1).update([W], [np.array([5.0, 0.001])])
    >>> W.round(4)
    array([0.9, 0.9])
    """

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr
        self.h: Any = None

    def update(self, params: Any, grads: Any) -> None:
        if self.h is None:
            self.h = zeros_for(params)
        for key in keys_of(params):
            self.h[key] += grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


class RMSprop:
    """h = decay_rate h + (1 - decay_rate) dW², W -= lr dW / (√h + 1e-7).

    source     Tieleman and Hinton, Lecture 6.5, 2012; Deep Learning from Scratch, 6.1.5

    >>> W = np.array([1.0])
    >>> RMSprop(lr=0.1, decay_rate=0.75).update([W], [np.array([3.0])])
    >>> W.round(6)
    array([0.8])
    """

    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        self.lr, self.decay_rate = lr, decay_rate
        self.h: Any = None

    def update(self, params: Any, grads: Any) -> None:
        if self.h is None:
            self.h = zeros_for(params)
        for key in keys_of(params):
            self.h[key] *= self.decay_rate
            self.h[key] += (1 - self.decay_rate) * grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


class Adam:
    """m and v follow dW and dW², W -= lr_t m / (√v + 1e-7), lr_t undoes their start at 0.

    step       m += (1 - beta1) (dW - m)     v += (1 - beta2) (dW² - v)
               lr_t = lr √(1 - beta2^t) / (1 - beta1^t)
    source     Kingma and Ba, Adam, 2015; Deep Learning from Scratch, 6.1.6

    >>> W = np.array([1.0])
    >>> Adam(lr=0.1).update([W], [np.array([7.0])])
    >>> W.round(6)                                    # the first step is lr, whatever the slope
    array([0.9])
    """

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.iter = 0
        self.m: Any = None
        self.v: Any = None

    def update(self, params: Any, grads: Any) -> None:
        if self.m is None:
            self.m, self.v = zeros_for(params), zeros_for(params)
        self.iter += 1
        start = (1.0 - self.beta2**self.iter) ** 0.5 / (1.0 - self.beta1**self.iter)
        lr_t = self.lr * start

        def change(W: Any, dW: Any, m: Any, v: Any) -> Any:
            m += (1 - self.beta1) * (dW - m)
            v += (1 - self.beta2) * (dW**2 - v)
            W -= lr_t * m / (np.sqrt(v) + 1e-7)
            return W

        for key in keys_of(params):
            params[key] = in_parts(change, params[key], grads[key], self.m[key], self.v[key])
