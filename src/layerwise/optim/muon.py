"""Muon: steps that turn a matrix in all directions alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GradientError, show_shape
from .clipping import norm_of
from .optimizer import Optimizer, Rate


class Muon(Optimizer):
    """The momentum of a matrix, made nearly orthogonal: all its singular values become about 1.

    step       m = momentum m + (1 - momentum) grad
               u = m   (with Nesterov: momentum m + (1 - momentum) grad)
               u = u / |u|, then ns_steps times: u = a u + (b u uᵀ + c (u uᵀ)²) u
               value = (1 - lr weight_decay) value - lr scale u
    lr             the learning rate, 0 or more; or a schedule
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    momentum       how much of the past is kept, from 0 up to below 1
    nesterov       look one step of momentum ahead
    ns_coefficients   a, b, c of the Newton-Schulz iteration
    eps            the least norm to divide by, 0 or more
    ns_steps       how many iterations, a whole number
    adjust_lr_fn   the scale for a matrix (A, B): "original" (or None) max(1, A/B)^½,
                   "match_rms_adamw" 0.2 max(A, B)^½
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; GradientError for a parameter that is no
               matrix; see `Optimizer`
    source     Jordan, Muon: An optimizer for hidden layers in neural networks, 2024; Liu et al.,
               Muon is Scalable for LLM Training, 2025; as torch.optim.Muon, which iterates in
               bfloat16, where this keeps the dtype of the parameter

    It is for the matrices of hidden layers alone; `ByName` gives others to another optimizer.

    >>> from layerwise import Parameter
    >>> W = Parameter(np.zeros((2, 2)))
    >>> W.grad = np.array([[3.0, 0.0], [0.0, -5.0]])
    >>> Muon(lr=0.1).step({"W": W})
    >>> W.value.round(2)
    array([[-0.07,  0.  ],
           [ 0.  ,  0.1 ]])
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        lr: Rate = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        **common: Any,
    ) -> None:
        self.weight_decay = self.number("weight_decay", weight_decay)
        self.momentum = self.number("momentum", momentum, below=1)
        self.nesterov = bool(nesterov)
        if not isinstance(ns_coefficients, (tuple, list)) or len(ns_coefficients) != 3:
            raise self.wrong("ns_coefficients", ns_coefficients, "three numbers")
        self.ns_coefficients = tuple(
            self.number("ns_coefficients", one, least=-np.inf) for one in ns_coefficients
        )
        self.eps = self.number("eps", eps)
        self.ns_steps = self.whole("ns_steps", ns_steps)
        self.adjust_lr_fn = self.choice(
            "adjust_lr_fn", adjust_lr_fn, (None, "original", "match_rms_adamw")
        )
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        return {"m": np.zeros_like(value)}

    def check(self, name: str, shape: tuple[int, ...]) -> None:
        if len(shape) != 2:
            raise GradientError(
                f"Muon is for matrices, but {name} has the shape {show_shape(shape)}. Give the "
                "others to another optimizer: ByName({'*.W': Muon(), '*': AdamW()})."
            )

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        m = memory["m"]
        m += (1 - self.momentum) * (d - m)
        u = d + self.momentum * (m - d) if self.nesterov else m
        u = self._orthogonal(u)
        self.decayed(value, d, lr)
        value -= lr * self._scale(*value.shape) * u

    def _orthogonal(self, u: Any) -> Any:
        """A matrix with the same singular vectors, and singular values of about 1."""
        a, b, c = self.ns_coefficients
        wide = u.T if u.shape[0] > u.shape[1] else u  # the smaller product of the two
        wide = wide / max(norm_of(wide), self.eps)
        for _ in range(self.ns_steps):
            gram = wide @ wide.T  # (N, M) @ (M, N) -> (N, N)
            wide = a * wide + (b * gram + c * (gram @ gram)) @ wide  # (N, N) @ (N, M) -> (N, M)
        return wide.T if u.shape[0] > u.shape[1] else wide

    def _scale(self, rows: int, columns: int) -> float:
        """What makes steps of matrices of any shape alike."""
        if self.adjust_lr_fn == "match_rms_adamw":
            return 0.2 * max(rows, columns) ** 0.5
        return max(1.0, rows / columns) ** 0.5
