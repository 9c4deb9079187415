"""Adagrad, Adadelta, RMSprop: every element has a step size of its own, by its past gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Rate


class Adagrad(Optimizer):
    """Steps get shorter for each element as the squares of its gradients add up.

    step       d = grad + weight_decay value
               h = h + d²   (starts at initial_accumulator_value)
               value -= lr / (1 + (t - 1) lr_decay) d / (√h + eps)   at the step t = 1, 2, ...
    lr             the learning rate, 0 or more; or a schedule
    lr_decay       how fast the learning rate shrinks besides, 0 or more
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    initial_accumulator_value   where h starts, 0 or more
    eps            keeps the quotient finite, 0 or more
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Deep Learning from Scratch, 6.1.5; Duchi et al., 2011; as torch.optim.Adagrad

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0, 2.0]))
    >>> W.grad = np.array([0.5, -8.0])
    >>> Adagrad(lr=0.1).step({"W": W})
    >>> W.value.round(6)
    array([0.9, 2.1])
    """

    def __init__(
        self,
        lr: Rate = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        **common: Any,
    ) -> None:
        self.lr_decay = self.number("lr_decay", lr_decay)
        self.weight_decay = self.number("weight_decay", weight_decay)
        self.initial_accumulator_value = self.number(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.eps = self.number("eps", eps)
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        return {"t": 0, "h": np.full_like(value, self.initial_accumulator_value)}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        h = memory["h"]
        d = self.decayed(value, d, lr)
        h += d * d
        value -= lr / (1 + memory["t"] * self.lr_decay) * d / (np.sqrt(h) + self.eps)
        memory["t"] += 1


class Adadelta(Optimizer):
    """Steps as long as the last ones were, in proportion to how large gradients are of late.

    step       d = grad + weight_decay value
               h = rho h + (1 - rho) d²
               delta = √(s + eps) / √(h + eps) d
               s = rho s + (1 - rho) delta²
               value -= lr delta
    lr             the learning rate, 0 or more; or a schedule. The paper has none: 1
    rho            how much of the past is kept, from 0 up to below 1
    eps            where the first steps get their length from, 0 or more
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012; as torch.optim.Adadelta

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0]))
    >>> W.grad = np.array([0.5])
    >>> Adadelta(eps=0.01).step({"W": W})
    >>> W.value.round(6)  # 1 - 0.1 / √0.035 · 0.5
    array([0.732739])
    """

    def __init__(
        self,
        lr: Rate = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        **common: Any,
    ) -> None:
        self.rho = self.number("rho", rho, below=1)
        self.eps = self.number("eps", eps)
        self.weight_decay = self.number("weight_decay", weight_decay)
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        return {"h": np.zeros_like(value), "s": np.zeros_like(value)}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        h, s = memory["h"], memory["s"]
        d = self.decayed(value, d, lr)
        h += (1 - self.rho) * (d * d - h)
        delta = np.sqrt((s + self.eps) / (h + self.eps)) * d
        s += (1 - self.rho) * (delta * delta - s)
        value -= lr * delta


class RMSprop(Optimizer):
    """Steps by the gradient in proportion to its root mean square of late.

    step       d = grad + weight_decay value
               h = alpha h + (1 - alpha) d²
               g = alpha g + (1 - alpha) d   (centered: h - g² takes the place of h)
               v = momentum v + d / (√h + eps)   (velocity)
               value -= lr v
    lr             the learning rate, 0 or more; or a schedule
    alpha          how much of the past is kept, from 0 up to below 1
    eps            keeps the quotient finite, 0 or more
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    momentum       how much of the last step is kept, from 0 up to below 1
    centered       divide by the standard deviation of the gradient
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Tieleman and Hinton, lecture 6.5 of Neural Networks for Machine Learning, 2012;
               as torch.optim.RMSprop

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0]))
    >>> W.grad = np.array([0.5])
    >>> RMSprop(lr=0.1, alpha=0.75).step({"W": W})
    >>> W.value.round(6)  # 1 - 0.1 · 0.5 / √(0.25 · 0.25)
    array([0.8])
    """

    def __init__(
        self,
        lr: Rate = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        **common: Any,
    ) -> None:
        self.alpha = self.number("alpha", alpha, below=1)
        self.eps = self.number("eps", eps)
        self.weight_decay = self.number("weight_decay", weight_decay)
        self.momentum = self.number("momentum", momentum, below=1)
        self.centered = bool(centered)
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        kept = ["h"] + ["g"] * self.centered + ["velocity"] * bool(self.momentum)
        return {what: np.zeros_like(value) for what in kept}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        h = memory["h"]
        d = self.decayed(value, d, lr)
        h += (1 - self.alpha) * (d * d - h)
        if self.centered:
            g = memory["g"]
            g += (1 - self.alpha) * (d - g)
            h = h - g * g
        d = d / (np.sqrt(h) + self.eps)
        if self.momentum:
            v = memory["velocity"]
            v *= self.momentum
            v += d
            d = v
        value -= lr * d
