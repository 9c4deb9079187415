"""What joins arrays, cuts them into parts, and deals their numbers out anew: all by copying.

Along one axis, an array is A runs of numbers: those behind the axes in front of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import layers
from .kernels import walk
from .memory import Buffer, Bundle
from .op import OPS, Op, size
from .ops_shape import copy, filled


def joined(op: Op, xs: Sequence[Buffer], A: int, shape: tuple[int, ...]) -> Buffer:
    """The runs of several arrays end to end."""
    y, start, whole = op.new(shape), 0, size(shape) // A
    for x in xs:
        n = size(x.shape) // A
        copy(op, x, y, (A, n), (n, 1), (whole, 1), out_start=start)
        start += n
    return y


def parted(
    op: Op, y: Buffer, A: int, shapes: Sequence[tuple[int, ...]], wanted: Sequence[bool] = ()
) -> list[Any]:
    """The runs of an array cut into those of several; None for those that are not wanted."""
    xs: list[Any] = []
    start, whole = 0, size(y.shape) // A
    for i, shape in enumerate(shapes):
        n, x = size(shape) // A, None
        if not wanted or wanted[i]:
            x = op.new(shape)
            copy(op, y, x, (A, n), (whole, 1), (n, 1), start=start)
        xs.append(x)
        start += n
    return xs


class ShapedOp(Op):
    """A layer whose `out_shape` says whether it takes these inputs."""

    def fits(self, *inputs: Any) -> bool:
        try:
            self.layer.out_shape(*(x.shape for x in inputs))
        except ValueError:
            return False
        return super().fits(*inputs)


class ConcatOp(ShapedOp, layer=layers.Concat):
    """End to end along an axis."""

    def forward(self, *xs: Buffer) -> Buffer:
        self.shapes = [x.shape for x in xs]
        shape = self.layer.out_shape(*self.shapes)
        self.A = size(shape[: self.option("dim") % len(shape)])
        return joined(self, xs, self.A, shape)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return tuple(parted(self, dout, self.A, self.shapes, self.wanted))


OPS[layers.Stack] = ConcatOp  # along an axis that is new


class SplitOp(ShapedOp, layer=layers.Split):
    """Parts of an axis."""

    def fits(self, x: Any) -> bool:
        return 0 not in self.option("sections") and super().fits(x)

    def forward(self, x: Buffer) -> Any:
        self.shape, self.A = x.shape, size(x.shape[: self.option("dim") % len(x.shape)])
        self.shapes = self.layer.out_shape(x.shape)
        return Bundle(parted(self, x, self.A, self.shapes))

    def backward(self, douts: Any) -> tuple[Buffer | None, ...]:
        parts = [
            filled(self, shape, 0.0) if dout is None else dout
            for dout, shape in zip(douts.parts, self.shapes)
        ]
        return (joined(self, parts, self.A, self.shape),)


class PadOp(ShapedOp, layer=layers.Pad):
    """Copied into the middle of what is filled with a number; or out of it, where it is cropped."""

    def fits(self, x: Any) -> bool:
        if self.option("mode") != "constant" or not super().fits(x):
            return False
        return all(self.region(x.shape)[0])

    def region(self, shape: tuple[int, ...]) -> Any:
        """The shape of what is copied, and where that begins in x and in y."""
        pairs = self.option("pairs")
        pairs = [(0, 0)] * (len(shape) - len(pairs)) + pairs
        sizes = [n + min(b, 0) + min(a, 0) for n, (b, a) in zip(shape, pairs)]
        starts = [(max(-b, 0), max(b, 0)) for b, _ in pairs]
        return sizes, [start for start, _ in starts], [start for _, start in starts]

    def forward(self, x: Buffer) -> Buffer:
        self.shape = x.shape
        y = filled(self, self.layer.out_shape(x.shape), float(self.option("value")))
        sizes, start, out_start = self.region(x.shape)
        self.copied(x, y, sizes, start, out_start)
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx = filled(self, self.shape, 0.0)
        sizes, start, out_start = self.region(self.shape)
        self.copied(dout, dx, sizes, out_start, start)
        return (dx,)

    def copied(self, x: Buffer, y: Buffer, sizes: Any, start: Any, out_start: Any) -> None:
        ways = walk.strides_of(x.shape), walk.strides_of(y.shape)
        first, out_first = (
            sum(i * apart for i, apart in zip(place, way))
            for place, way in zip((start, out_start), ways)
        )
        copy(self, x, y, sizes, *ways, start=first, out_start=out_first)


class ShuffleOp(ShapedOp):
    """The same numbers at other places; backward puts them back."""

    def forward(self, x: Buffer) -> Buffer:
        self.shape, y = x.shape, self.new(self.layer.out_shape(x.shape))
        self.way = self.walk(x.shape, y.shape)
        shape, apart, out_apart = self.way
        copy(self, x, y, shape, apart, out_apart)
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx = self.new(self.shape)
        shape, apart, out_apart = self.way
        copy(self, dout, dx, shape, out_apart, apart)
        return (dx,)

    def walk(self, x: tuple[int, ...], y: tuple[int, ...]) -> Any:
        """The shape of a walk, and how far its numbers lie apart in arrays of these shapes."""
        raise NotImplementedError


def blocks(low: tuple[int, ...], r: int) -> Any:
    """A walk by (..., C, row, i, column, j) through channels (..., C i j, row, column) and through
    pixels (..., C, row i, column j)."""
    H, W = low[-2:]
    shape = (size(low[:-2]) // (r * r), H, r, W, r)
    return shape, (r * r * H * W, W, r * H * W, 1, H * W), walk.strides_of(shape)


class PixelShuffleOp(ShuffleOp, layer=layers.PixelShuffle):
    def walk(self, x: tuple[int, ...], y: tuple[int, ...]) -> Any:
        return blocks(x, self.option("upscale_factor"))


class PixelUnshuffleOp(ShuffleOp, layer=layers.PixelUnshuffle):
    def walk(self, x: tuple[int, ...], y: tuple[int, ...]) -> Any:
        shape, channels, pixels = blocks(y, self.option("downscale_factor"))
        return shape, pixels, channels


class ChannelShuffleOp(ShuffleOp, layer=layers.ChannelShuffle):
    def walk(self, x: tuple[int, ...], y: tuple[int, ...]) -> Any:
        G, L = self.option("groups"), size(x[2:])
        shape = (x[0], x[1] // G, G, L)
        return shape, (x[1] * L, L, x[1] // G * L, 1), walk.strides_of(shape)
