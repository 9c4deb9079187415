"""Losses of each number and its target: see kernels/losses.py."""

from __future__ import annotations

from typing import Any

from .. import layers
from .kernel import Kernel, chunks_of
from .kernels.losses import DIVERGENCE_OF_LOGS, LOSSES, Loss, find_nan
from .kernels.reductions import SCALE
from .memory import Buffer
from .op import OPS, Op, each, size
from .ops_arithmetic import summed


class LossOp(Op):
    """x and t of one shape; with weights, it is left to the layer."""

    def fits(self, x: Buffer, t: Buffer) -> bool:
        weights = [name for name in ("weight", "pos_weight") if hasattr(self.layer, name)]
        plain = all(self.option(name) is None for name in weights)
        return super().fits(x, t) and plain and x.shape == t.shape

    @property
    def loss(self) -> Loss:
        if type(self.layer) is layers.KLDivergence and self.option("log_target"):
            return DIVERGENCE_OF_LOGS
        return LOSSES[type(self.layer)]

    def forward(self, x: Buffer, t: Buffer) -> Buffer:
        loss, self.x, self.t = self.loss, x, t
        held = [*(float(self.option(name)) for name in loss.options), 0.0, 0.0]
        self.pq = {"p": held[0], "q": held[1]}
        totals = {"mean": size(x.shape), "batchmean": x.shape[0]}
        self.each = self.option("reduction") == "none"
        self.share = 1 / totals.get(self.layer.reduction, 1)
        y = each(self, loss.forward, x, t, **self.pq)
        if not self.each:
            y = each(self, SCALE, summed(self, y, (1,) * len(x.shape)).view(()), p=self.share)
        if loss.refuses:
            n, found = size(y.shape), self.current.doubt()
            self.step(find_nan, chunks_of(n, n), n, of=y, x=y, found=found, n=n)
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        kernels = self.loss.slope, self.loss.target
        return tuple(
            self.slope(kernel, dout) if wanted else None
            for kernel, wanted in zip(kernels, self.wanted)
        )

    def slope(self, kernel: Kernel, dout: Buffer) -> Buffer:
        """The gradient of x or t."""
        dx, n = self.new(self.x.shape), size(self.x.shape)
        arrays: dict[str, Any] = {"x": self.x, "t": self.t, "dout": dout, "dx": dx}
        how = {"each": self.each, "share": self.share, "n": n, **self.pq}
        self.step(kernel, chunks_of(n), 4 * n, of=dx, **arrays, **how)
        return dx


OPS.update(dict.fromkeys(LOSSES, LossOp))
