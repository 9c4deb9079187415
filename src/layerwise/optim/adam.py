"""Adam and its relatives: momentum, with a step size of its own for every element."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Rate


class Moments(Optimizer):
    """What Adam and its relatives share: the means m of the gradient and v of its square."""

    def __init__(
        self,
        lr: Rate,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        **common: Any,
    ) -> None:
        self.betas = self.pair("betas", betas, below=1)
        self.eps = self.number("eps", eps)
        self.weight_decay = self.number("weight_decay", weight_decay)
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        return {"t": 0, "m": np.zeros_like(value), "v": np.zeros_like(value)}

    def moments(self, d: Any, memory: dict[str, Any]) -> tuple[int, Any, Any]:
        """Go on with the number of steps t, and with m and v."""
        beta1, beta2 = self.betas
        memory["t"] += 1
        m, v = memory["m"], memory["v"]
        m += (1 - beta1) * (d - m)
        v += (1 - beta2) * (d * d - v)
        return memory["t"], m, v


class Adam(Moments):
    """Momentum of the gradient, in proportion to the root of its mean square of late.

    step       d = grad + weight_decay value
               m = beta1 m + (1 - beta1) d
               v = beta2 v + (1 - beta2) d²   (amsgrad: the largest v so far divides)
               value -= lr (m / (1 - beta1ᵗ)) / (√(v / (1 - beta2ᵗ)) + eps)   at t = 1, 2, ...
    lr             the learning rate, 0 or more; or a schedule
    betas          how much of the past is kept in m and in v, from 0 up to below 1
    eps            keeps the quotient finite, 0 or more
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    amsgrad        never let the divisor shrink
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Deep Learning from Scratch, 6.1.6; Kingma and Ba, Adam, 2014; Reddi et al., On the
               Convergence of Adam and Beyond, 2018; as torch.optim.Adam

    The first step has the length lr, whatever the gradient:

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0, 2.0]))
    >>> W.grad = np.array([0.5, -8.0])
    >>> Adam(lr=0.1).step({"W": W})
    >>> W.value.round(6)
    array([0.9, 2.1])
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        **common: Any,
    ) -> None:
        self.amsgrad = bool(amsgrad)
        super().__init__(lr, betas, eps, weight_decay, **common)

    def start(self, value: Any) -> dict[str, Any]:
        largest = {"largest_v": np.zeros_like(value)} if self.amsgrad else {}
        return super().start(value) | largest

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        d = self.decayed(value, d, lr)
        t, m, v = self.moments(d, memory)
        if self.amsgrad:
            v = np.maximum(memory["largest_v"], v, out=memory["largest_v"])
        beta1, beta2 = self.betas
        value -= lr / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + self.eps)


class AdamW(Adam):
    """Adam whose weight decay is decoupled: it shrinks the parameters, not the gradients.

    step       value = (1 - lr weight_decay) value, then a step of `Adam` without weight decay
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    lr, betas, eps, amsgrad, common   as of `Adam`
    errors     ValueError for options out of their ranges; see `Optimizer`
    source     Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2017; as
               torch.optim.AdamW

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0]))
    >>> W.grad = np.array([0.5])
    >>> AdamW(lr=0.1, weight_decay=0.5).step({"W": W})
    >>> W.value.round(6)  # 0.95 · 1 - 0.1
    array([0.85])
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay, amsgrad, **common)


class NAdam(Moments):
    """Adam that looks ahead along its momentum, as Nesterov's does.

    step       d = grad + weight_decay value   (decoupled: value shrinks, as in `AdamW`)
               m, v as in `Adam`
               μ = beta1 (1 - 0.96^(t momentum_decay) / 2),   μ' = that of the next t
               p = product of all μ so far
               value -= lr ((1 - μ) / (1 - p) d + μ' / (1 - p μ') m) / (√(v / (1 - beta2ᵗ)) + eps)
    lr, betas, eps, weight_decay, common   as of `Adam`
    momentum_decay           how fast μ grows from beta1 / 2 to beta1, 0 or more
    decoupled_weight_decay   shrink the parameters instead of adding to the gradient
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Dozat, Incorporating Nesterov Momentum into Adam, 2016; as torch.optim.NAdam

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0]))
    >>> W.grad = np.array([0.5])
    >>> NAdam(lr=0.1).step({"W": W})
    >>> W.value.round(4)
    array([0.8944])
    """

    def __init__(
        self,
        lr: Rate = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        **common: Any,
    ) -> None:
        self.momentum_decay = self.number("momentum_decay", momentum_decay)
        self.decoupled_weight_decay = bool(decoupled_weight_decay)
        super().__init__(lr, betas, eps, weight_decay, **common)

    def start(self, value: Any) -> dict[str, Any]:
        return super().start(value) | {"p": 1.0}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        d = self.decayed(value, d, lr)
        t, m, v = self.moments(d, memory)
        beta1, beta2 = self.betas
        mu, ahead = [beta1 * (1 - 0.5 * 0.96 ** (n * self.momentum_decay)) for n in (t, t + 1)]
        memory["p"] = p = memory["p"] * mu
        root = np.sqrt(v / (1 - beta2**t)) + self.eps
        value -= lr * (1 - mu) / (1 - p) * (d / root)  # one by one, for PyTorch's last bits
        value -= lr * ahead / (1 - p * ahead) * (m / root)


class RAdam(Moments):
    """Adam that divides by √v only when v is the mean of enough squares to be relied on.

    step       d = grad + weight_decay value   (decoupled: value shrinks, as in `AdamW`)
               m, v as in `Adam`
               n∞ = 2 / (1 - beta2) - 1
               n = n∞ - 2 t beta2ᵗ / (1 - beta2ᵗ)   (how many squares v is the mean of)
               r = √((n - 4) (n - 2) n∞ / ((n∞ - 4) (n∞ - 2) n))
               value -= lr m / (1 - beta1ᵗ) · (r √(1 - beta2ᵗ) / (√v + eps) if n > 5, else 1)
    lr, betas, eps, weight_decay, common   as of `Adam`
    decoupled_weight_decay   shrink the parameters instead of adding to the gradient
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, 2019; as
               torch.optim.RAdam

    The first steps are those of momentum alone:

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0, 2.0]))
    >>> W.grad = np.array([0.5, -8.0])
    >>> RAdam(lr=0.1).step({"W": W})
    >>> W.value.round(6)
    array([0.95, 2.8 ])
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        **common: Any,
    ) -> None:
        self.decoupled_weight_decay = bool(decoupled_weight_decay)
        super().__init__(lr, betas, eps, weight_decay, **common)

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        d = self.decayed(value, d, lr)
        t, m, v = self.moments(d, memory)
        beta1, beta2 = self.betas
        rest = 1 - beta2**t
        most = 2 / (1 - beta2) - 1
        n = most - 2 * t * beta2**t / rest
        step = lr / (1 - beta1**t) * m
        if n > 5:
            r = ((n - 4) * (n - 2) * most / ((most - 4) * (most - 2) * n)) ** 0.5
            step *= r * rest**0.5 / (np.sqrt(v) + self.eps)
        value -= step
