"""Adafactor: Adam's step sizes for large matrices, remembered by row and by column."""

from __future__ import annotations

from typing import Any

import numpy as np

from .clipping import norm_of
from .optimizer import Optimizer, Rate


class Adafactor(Optimizer):
    """Adam's divisor from the mean squares of rows and columns, and steps relative to the value.

    step       rate = max(eps2, rms of value) · min(lr, 1/√t)   at t = 1, 2, ...
               value = (1 - lr weight_decay) value
               row, col += t^beta2_decay (means of grad² along the row, the column - row, col)
               v = row col / max(mean of row, eps1)   (of vectors: v is kept itself)
               u = grad / max(√v, eps1)
               value -= rate u / max(1, rms of u / d)
    lr             the largest relative step, 0 or more; or a schedule
    beta2_decay    how fast the means grow longer, 0 or less
    eps            (eps1, eps2): the least divisor, None for the rounding unit of the dtype; and
                   the size that the smallest parameters count as; 0 or more
    d              the largest root mean square of u, 1 or more
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    common         groups, clip_norm, clip_value: see `Optimizer`
    errors     ValueError for options out of these ranges; see `Optimizer`
    source     Shazeer and Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost,
               2018; as torch.optim.Adafactor, which limits the divisor where the paper adds to it

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([[1.0, 1.0], [1.0, 1.0]]))
    >>> W.grad = np.array([[0.5, -0.5], [-8.0, 8.0]])
    >>> Adafactor(lr=0.1).step({"W": W})
    >>> W.value.round(6)
    array([[0.9, 1.1],
           [1.1, 0.9]])
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        lr: Rate = 0.01,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        **common: Any,
    ) -> None:
        self.beta2_decay = self.number("beta2_decay", beta2_decay, least=-np.inf, most=0)
        rounding = isinstance(eps, (tuple, list)) and len(eps) == 2 and eps[0] is None
        _, eps2 = pair = self.pair("eps", (0, eps[1]) if rounding else eps)
        self.eps = (None, eps2) if rounding else pair
        self.d = self.number("d", d, least=1)
        self.weight_decay = self.number("weight_decay", weight_decay)
        super().__init__(lr, **common)

    def start(self, value: Any) -> dict[str, Any]:
        if value.ndim < 2:
            return {"t": 0, "v": np.zeros_like(value)}
        row, col = value[..., :, :1], value[..., :1, :]  # (..., N, 1), (..., 1, M)
        return {"t": 0, "row": np.zeros_like(row), "col": np.zeros_like(col)}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        memory["t"] += 1
        t, (eps1, eps2) = memory["t"], self.eps
        if eps1 is None:
            eps1 = float(np.finfo(value.dtype).eps)
        rate = max(eps2, rms(value)) * min(lr, t**-0.5)
        self.decayed(value, d, lr)
        v = self._mean_squares(d * d, memory, t**self.beta2_decay, eps1)
        u = d / np.sqrt(np.maximum(v, eps1 * eps1))
        value -= rate / max(1.0, rms(u) / self.d) * u

    def _mean_squares(self, squares: Any, memory: dict[str, Any], share: float, eps1: float) -> Any:
        """The mean of the squares of late, for each element."""
        if squares.ndim < 2:
            v = memory["v"]
            v += share * (squares - v)
            return v
        row, col = memory["row"], memory["col"]
        row += share * (squares.mean(axis=-1, keepdims=True) - row)  # (..., N, 1)
        col += share * (squares.mean(axis=-2, keepdims=True) - col)  # (..., 1, M)
        return row * col / np.maximum(row.mean(axis=-2, keepdims=True), eps1)  # (..., N, M)


def rms(x: Any) -> float:
    """The root of the mean of all squares; 0 of nothing."""
    return norm_of(x) / max(x.size, 1) ** 0.5
