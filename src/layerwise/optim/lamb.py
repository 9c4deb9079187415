"""LAMB: Adam for very large batches, with a step in proportion to the size of the parameter."""

from __future__ import annotations

from typing import Any

import numpy as np

from .adam import Moments
from .clipping import norm_of
from .optimizer import Rate


class LAMB(Moments):
    """Adam's direction, with a length in proportion to the norm of the parameter.

    step       m, v as in `Adam`, without weight decay
               r = (m / (1 - beta1ᵗ)) / (√(v / (1 - beta2ᵗ)) + eps) + weight_decay value
               value -= lr |value| / |r| r   (a norm of 0: lr r)   at the step t = 1, 2, ...
    lr, betas, eps, weight_decay, common   as of `Adam`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     You et al., Large Batch Optimization for Deep Learning, 2019, with its eps and
               weight decay, and the norm itself as φ

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([3.0, 4.0]))
    >>> W.grad = np.array([0.5, 0.0])
    >>> LAMB(lr=0.1, weight_decay=0.0).step({"W": W})
    >>> W.value.round(4)  # 3 - 0.1 · 5
    array([2.5, 4. ])
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
        **common: Any,
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay, **common)

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        t, m, v = self.moments(d, memory)
        beta1, beta2 = self.betas
        r = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + self.eps)
        r = r + self.weight_decay * value
        size, length = norm_of(value), norm_of(r)
        value -= lr * (size / length if size and length else 1.0) * r
