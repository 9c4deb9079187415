"""Activations that are more than a formula of one number and two options."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .. import layers
from .kernels.elementwise import ADD
from .kernels.gates import GLU, PRELU, PRELU_BACKWARD, PRELU_SLOPES, SWIGLU
from .memory import Buffer
from .op import OPS, Held, each, size
from .ops import ActivationOp
from .ops_arithmetic import broadcast, summed
from .ops_joining import ShapedOp, joined, parted


class ClipOp(ActivationOp, layer=layers.Clip):
    """Without bounds, these are infinite."""

    def option(self, name: str, layer: Any = None) -> Any:
        bound = super().option(name, layer)
        return {"min": -math.inf, "max": math.inf}[name] if bound is None else bound


class HalvesOp(ShapedOp):
    """A function of the two halves of an axis."""

    def forward(self, x: Buffer) -> Buffer:
        shape = self.layer.out_shape(x.shape)
        self.shape, self.A = x.shape, size(x.shape[: self.option("dim") % len(x.shape)])
        self.halves = parted(self, x, self.A, [shape, shape])
        return each(self, self.kernels[0], *self.halves)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        parts = [each(self, kernel, *self.halves, dout) for kernel in self.kernels[1:]]
        return (joined(self, parts, self.A, self.shape),)

    @property
    def kernels(self) -> Any:
        return GLU if type(self.layer) is layers.GLU else SWIGLU


OPS.update(dict.fromkeys([layers.GLU, layers.SwiGLU], HalvesOp))


class PReLUOp(ShapedOp, layer=layers.PReLU):
    """y = x, times a slope where it is not above 0; one for all, or one for each channel."""

    def arrays(self) -> Iterable[Held]:
        return [(self.layer, "a", (self.layer.num_parameters,))]

    def forward(self, x: Buffer) -> Buffer:
        C = self.layer.num_parameters
        self.x = x
        self.shape = (C, *[1] * (len(x.shape) - 2)) if C > 1 else (1,)
        self.a = self.value(self.layer.a).view(self.shape)
        return broadcast(self, PRELU, self.a, x, x, x.shape)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        da = summed(
            self, broadcast(self, PRELU_SLOPES, self.a, self.x, dout, dout.shape), self.shape
        )
        place, _ = self.gradient(self.layer.a, zeros=True)
        n = size(place.shape)
        self.step(ADD, 1, n, of=place, a=place, b=da, c=place, y=place, p=0.0, q=0.0, n=n)
        return (broadcast(self, PRELU_BACKWARD, self.a, self.x, dout, dout.shape),)
