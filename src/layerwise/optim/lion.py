"""Lion: steps of one size, of which the momentum decides only the direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Rate


class Lion(Optimizer):
    """Every element goes a step of the length lr; the sign of its momentum says where to.

    step       value = (1 - lr weight_decay) value
               value -= lr sign(beta1 m + (1 - beta1) grad)
               m = beta2 m + (1 - beta2) grad
    lr             the learning rate, 0 or more; or a schedule. A tenth to a third of Adam's
    betas          how much of m is kept in the step, and in m itself, from 0 up to below 1
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Chen et al., Symbolic Discovery of Optimization Algorithms, 2023

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0, 2.0]))
    >>> W.grad = np.array([0.5, -8.0])
    >>> Lion(lr=0.1).step({"W": W})
    >>> W.value
    array([0.9, 2.1])
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        lr: Rate = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        **common: Any,
    ) -> None:
        self.betas = self.pair("betas", betas, below=1)
        self.weight_decay = self.number("weight_decay", weight_decay)
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        return {"m": np.zeros_like(value)}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        beta1, beta2 = self.betas
        m = memory["m"]
        d = self.decayed(value, d, lr)
        value -= lr * np.sign(beta1 * m + (1 - beta1) * d)
        m += (1 - beta2) * (d - m)
