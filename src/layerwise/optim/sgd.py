"""Stochastic gradient descent: a step against the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Rate


class SGD(Optimizer):
    """Stochastic gradient descent: every parameter goes a step against its gradient.

    step       d = grad + weight_decay value
               v = momentum v + d   (velocity; it starts at 0)
               value -= lr d   (with momentum: lr v; with Nesterov: lr (d + momentum v))
    lr             the learning rate, 0 or more; or a schedule
    momentum       how much of the last step is kept, from 0 up to below 1
    nesterov       look one step of momentum ahead
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Deep Learning from Scratch, 6.1; the formulas are those of torch.optim.SGD

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0, 2.0]))
    >>> W.grad = np.array([0.5, -1.0])
    >>> SGD(lr=0.1).step({"W": W})
    >>> W.value
    array([0.95, 2.1 ])
    """

    def __init__(
        self,
        lr: Rate = 0.1,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        **common: Any,
    ) -> None:
        self.momentum = self.number("momentum", momentum, below=1)
        self.weight_decay = self.number("weight_decay", weight_decay)
        if nesterov and not self.momentum:
            raise ValueError(
                "SGD(nesterov=True) looks ahead along the momentum, but momentum is 0. "
                "Set it, for example momentum=0.9."
            )
        self.nesterov = bool(nesterov)
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        return {"velocity": np.zeros_like(value)} if self.momentum else {}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        d = self.decayed(value, d, lr)
        if self.momentum:
            v = memory["velocity"]
            v *= self.momentum
            v += d
            d = d + self.momentum * v if self.nesterov else v
        value -= lr * d  # in place: whoever shares this array sees the step
