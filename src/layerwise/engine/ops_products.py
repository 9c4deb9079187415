"""Products of two arrays, neither of which is a parameter."""

from __future__ import annotations

from typing import Any

from .. import layers
from .memory import Buffer
from .ops import AffineOp
from .ops_joining import ShapedOp
from .ops_recurrent import Weighted


class ProductOp(AffineOp):
    """x W, where W comes in and has a gradient like any input."""

    def value(self, parameter: Any) -> Buffer:
        assert isinstance(parameter, Buffer)
        return parameter

    def gradient(self, parameter: Any, zeros: bool = False) -> tuple[Buffer, int]:
        self.dW = self.new(parameter.shape)
        return self.dW, 0


class MatMulOp(ShapedOp, layer=layers.MatMul):
    """x (..., N, K) times one matrix y (K, M); a stack of them is left to the layer."""

    def fits(self, *inputs: Any) -> bool:
        return len(inputs[1].shape) == 2 and super().fits(*inputs)

    def forward(self, x: Buffer, y: Buffer) -> Buffer:
        self.product = ProductOp(self.current, Weighted(y, None), self.name)
        return self.product.forward(x)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        self.product.turn(self.current, self.wanted)
        (dx,) = self.product.backward(dout)
        return dx, self.product.dW
