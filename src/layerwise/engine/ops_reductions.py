"""Reductions along some axes: sums, means, variances, largest and smallest numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import layers
from .kernel import Kernel
from .kernels import reductions
from .memory import Buffer
from .op import OPS, Op, each, size
from .ops_arithmetic import broadcast, reduced, summed


class ReductionOp(Op):
    """y = x reduced along the layer's axes; backward repeats dout along them."""

    kernels = reductions.SUM

    def fits(self, x: Buffer) -> bool:
        try:
            self.layer.out_shape(x.shape)  # which also says what axes those of an image are
        except ValueError:
            return False
        axes = self.axes(x.shape)
        return super().fits(x) and len(axes) == len(set(axes))

    def axes(self, shape: tuple[int, ...]) -> list[int]:
        axis = self.option("axis")
        several = range(len(shape)) if axis is None else np.atleast_1d(axis)
        return [int(one) % len(shape) for one in several]

    def forward(self, x: Buffer) -> Buffer:
        self.option("keepdims")
        shape, axes = x.shape, self.axes(x.shape)
        self.kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
        self.shape, self.share = shape, size(self.kept) / size(shape)
        return self.reduce(x).view(self.layer.out_shape(shape))

    def reduce(self, x: Buffer) -> Buffer:
        if x.shape == self.kept:  # nothing to reduce, but the output is an array of its own
            return self.scaled(x, 1.0)
        return reduced(self, self.kernels, x, self.kept)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return (self.spread(dout.view(self.kept)),)

    def spread(self, dout: Buffer) -> Buffer:
        """The gradient of x, from that of what each number was made of."""
        return self.beside(None, reductions.SPREAD, dout)

    def beside(self, x: Buffer | None, kernel: Kernel, a: Buffer, b: Any = None) -> Buffer:
        """function(a, b, x), with a and b repeated along the axes that are gone."""
        return broadcast(self, kernel, a, b or a, x, self.shape)

    def scaled(self, x: Buffer, factor: float) -> Buffer:
        return each(self, reductions.SCALE, x, p=factor)


class SumOp(ReductionOp, layer=layers.Sum):
    """y = the sum."""


class MeanOp(ReductionOp, layer=layers.Mean):
    """y = the sum, divided by how many there are."""

    def reduce(self, x: Buffer) -> Buffer:
        return self.scaled(super().reduce(x), self.share)

    def spread(self, dout: Buffer) -> Buffer:
        return super().spread(self.scaled(dout, self.share))


class VarOp(MeanOp, layer=layers.Var):
    """y = the mean of the squared distances from the mean."""

    def reduce(self, x: Buffer) -> Buffer:
        self.x, self.mean = x, super().reduce(x)
        distances = self.beside(x, reductions.DISTANCE, self.mean)
        return super().reduce(each(self, reductions.SQUARE, distances))

    def spread(self, dout: Buffer) -> Buffer:
        share = self.scaled(dout, 2 * self.share)
        return self.beside(self.x, reductions.VARIANCE_SLOPE, share, self.mean)


class MaxOp(ReductionOp, layer=layers.Max):
    """y = the largest; equal ones share the gradient, and so do several NaN."""

    kernels = reductions.MAX

    def reduce(self, x: Buffer) -> Buffer:
        self.x, self.y = x, super().reduce(x)
        return self.y

    def spread(self, dout: Buffer) -> Buffer:
        chosen = self.beside(self.x, reductions.CHOSEN, self.y)
        share = each(self, reductions.DIVIDE, dout, summed(self, chosen, self.kept))
        return self.beside(chosen, reductions.TO_CHOSEN, share)


class MinOp(MaxOp, layer=layers.Min):
    """y = the smallest."""

    kernels = reductions.MIN


OPS[layers.GlobalMaxPool] = MaxOp
