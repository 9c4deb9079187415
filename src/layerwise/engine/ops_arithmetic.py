"""Arithmetic of two arrays that broadcast: the gradient of what was repeated is a sum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import layers
from .kernel import Kernel, chunks_of
from .kernels import walk
from .kernels.reductions import PART, SUM, Reduction
from .kernels.sums import COLUMNS, column_sums
from .memory import Buffer
from .op import NOTHING_BEHIND, FrontOp, Held, Op, size

ROWS = 16  # parts of rows in a chunk of a reduction, at least


def walked(op: Op, shape: Any, one: Any, other: Any) -> tuple[int, dict[str, Any]]:
    """How many chunks a walk through two arrays has, and what a kernel has to know of it."""
    table, count = walk.table_of(shape, one, other)
    rows, chunks = walk.cut(int(table[0]), count)
    return chunks, {"table": op.numbers(table), "lines": len(table) // 3, "rows": rows,
                    "count": count}  # fmt: skip


def broadcast(
    op: Op, kernel: Kernel, a: Buffer, b: Buffer, c: Buffer | None, shape: tuple[int, ...]
) -> Buffer:
    """y = function(a, b, c), where a and b are broadcast to the shape of c and y."""
    y = op.new(shape)
    record_broadcast(op, kernel, a, b, c or y, y, **NOTHING_BEHIND, Y=y)
    return y


def record_broadcast(
    op: Op, kernel: Kernel, a: Buffer, b: Buffer, c: Buffer, y: Buffer, *also: Op, **behind: Any
) -> None:
    shape = y.shape
    chunks, way = walked(op, shape, *[walk.strides_of(one.shape, shape) for one in (a, b)])
    op.step(kernel, chunks, size(shape), *also, of=y, a=a, b=b, c=c, y=y, **way, **behind)


def sum_of(op: Op, one: Buffer, other: Buffer) -> Buffer:
    """The sum of two arrays of one shape."""
    return broadcast(op, walk.ADD, one, other, None, one.shape)


def summed(op: Op, dx: Buffer, shape: tuple[int, ...]) -> Buffer:
    """The sum over the axes along which an array of this shape was repeated."""
    return reduced(op, SUM, dx, shape)


def reduced(op: Op, kernels: Reduction, x: Buffer, shape: tuple[int, ...]) -> Buffer:
    """x put together along the axes that have size 1 in this shape, or are not there: axes that
    stand side by side become one, K in (A, K, B)."""
    full = x.shape
    old = (1,) * (len(full) - len(shape)) + shape
    gone = [n == 1 != wide for n, wide in zip(old, full)]
    while True in gone:
        first = gone.index(True)
        last = first
        while last < len(full) and (gone[last] or full[last] == 1):
            last += 1
        A, K, B = size(full[:first]), size(full[first:last]), size(full[last:])
        full = (*full[:first], *old[first:last], *full[last:])
        gone[first:last] = [False] * (last - first)
        x = along_one(op, kernels, x, A, K, B)
    return x if x.shape == shape else x.view(shape)


def along_one(op: Op, kernels: Reduction, x: Buffer, A: int, K: int, B: int) -> Buffer:
    """y (A, B) of x (A, K, B)."""
    if B > 1:
        y, start = op.new((A, B)), kernels.start
        chunks = A * chunks_of(B, COLUMNS)
        op.step(kernels.columns, chunks, A * K * B, of=y, x=x, y=y, start=start, K=K, B=B)
        return y
    parts = -(-K // PART)
    y, N = op.new((A, parts)), A * parts
    count = max(ROWS, 4 * PART // K)
    op.step(
        kernels.rows, chunks_of(N, count), A * K, of=y, x=x, y=y, start=kernels.start, K=K, N=N,
        count=count,
    )  # fmt: skip
    return y if parts == 1 else along_one(op, kernels, y, A, parts, 1)


class BinaryOp(FrontOp):
    """z = function(x, y), and for each input the function of x, y and dout that is its gradient;
    None: that is dout."""

    kernel: Kernel
    slopes: tuple[Kernel | None, Kernel | None] = (None, None)
    x: Buffer
    y: Buffer

    def fits(self, x: Buffer, y: Buffer) -> bool:
        try:
            np.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            return False
        return super().fits(x, y)

    def compute(self, x: Any, y: Any, z: Any, *also: Any, **behind: Any) -> None:
        self.shapes = x.shape, y.shape
        if any(self.slopes):
            self.x, self.y = x, y
        record_broadcast(self, self.kernel, x, y, z, z, *also, **behind)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return tuple(
            self.slope(kernel, dout, shape) if wanted else None
            for kernel, shape, wanted in zip(self.slopes, self.shapes, self.wanted)
        )

    def slope(self, kernel: Kernel | None, dout: Buffer, shape: tuple[int, ...]) -> Buffer:
        """The gradient of an input of this shape."""
        if kernel is not None:
            dout = broadcast(self, kernel, self.x, self.y, dout, dout.shape)
        return summed(self, dout, shape)


class AddOp(BinaryOp, layer=layers.Add):
    kernel = walk.ADD


class SubOp(BinaryOp, layer=layers.Sub):
    kernel = walk.SUBTRACT
    slopes = None, walk.NEGATIVE


class MulOp(BinaryOp, layer=layers.Mul):
    kernel = walk.MULTIPLY
    slopes = walk.TIMES_B, walk.TIMES_A


class DivOp(BinaryOp, layer=layers.Div):
    kernel = walk.DIVIDE
    slopes = walk.BY_B, walk.SLOPE_OF_DIVISOR


class MaximumOp(BinaryOp, layer=layers.Maximum):
    kernel = walk.MAXIMUM
    slopes = walk.TO_LARGER_A, walk.TO_SMALLER_A


class MinimumOp(BinaryOp, layer=layers.Minimum):
    kernel = walk.MINIMUM
    slopes = walk.TO_SMALLER_A, walk.TO_LARGER_A


class PositionOp(Op):
    """y = x + P: to the vector at each place of x (..., T, D), the one that belongs to it."""

    def fits(self, x: Buffer) -> bool:
        layer = self.layer
        return (
            super().fits(x)
            and len(x.shape) > 1
            and x.shape[-1] == layer.embedding_dim
            and (layer.max_len is None or x.shape[-2] <= layer.max_len)
        )


class LearnedPositionOp(PositionOp, layer=layers.LearnedPosition):
    """P is the beginning of a parameter."""

    def arrays(self) -> Iterable[Held]:
        return [(self.layer, "W", (self.layer.max_len, self.layer.embedding_dim))]

    def forward(self, x: Buffer) -> Buffer:
        self.count, self.length = size(x.shape[:-2]), size(x.shape[-2:])
        y, shape = self.new(x.shape), (self.count, self.length)
        chunks, way = walked(self, shape, (self.length, 1), (0, 1))
        W = self.value(self.layer.W)  # of which there may be more than there are places
        self.step(
            walk.ADD, chunks, size(x.shape), of=y, a=x, b=W, c=y, y=y, **way, **NOTHING_BEHIND, Y=y
        )
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dW, adds = self.gradient(self.layer.W, zeros=True)  # places behind T have no gradient
        self.step(
            column_sums, chunks_of(self.length, COLUMNS), size(dout.shape), of=dW,
            x=dout, y=dW, add=adds, M=self.count, N=self.length,
        )  # fmt: skip
        return (dout,)


class SinusoidalPositionOp(PositionOp, layer=layers.SinusoidalPosition):
    """P are waves, which are computed once."""

    def forward(self, x: Buffer) -> Buffer:
        self.option("base")
        waves = self.constant(self.layer.forward(np.zeros(x.shape[-2:])))
        return broadcast(self, walk.ADD, x, waves, None, x.shape)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return (dout,)
