"""The layers that slide a window over images: convolution and pooling.

Signals are images of one row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import layers
from . import ops_winograd
from .cpu import WIDTH, V
from .kernel import Kernel, chunks_of
from .kernels import pooling
from .kernels.convolution import (
    MOST_ELEMENTS,
    ROOM,
    blocks,
    channel_sums,
    convolution,
    spread_pixels,
    turn_kernels,
    weight_gradient,
)
from .kernels.product import BIAS, MOST_CHUNKS, WORK, ZERO
from .kernels.sums import COLUMNS, column_sums
from .kernels.windows import Grid
from .memory import Buffer
from .op import NOTHING_BEHIND, OPS, FrontOp, Held, Op, size

EXACT = 1 << 24  # every smaller whole number is a float
PANEL_ROWS = 192  # elements (channels x kernel) of columns that forward makes at a time
ELEMENTS, PLACES = 288, 128  # and the weight gradient, of so many windows


class WindowOp(Op):
    """A window that slides over images (N, C, H, W)."""

    def fits(self, x: Any) -> bool:
        return super().fits(x) and len(x.shape) - self.layer.dim in (1, 2)

    def see(self, x: Buffer) -> tuple[int, ...]:
        """Keep the geometry of the windows over x; gives the shape of the output."""
        shape = self.layer.out_shape(x.shape)
        self.x, self.grid = x, self.grid_of(x.shape, shape)
        self.N = size(x.shape[: -self.layer.dim - 1])
        return shape

    def grid_of(self, images: tuple[int, ...], places: tuple[int, ...]) -> Grid:
        """Where the windows lie, from the shapes of the images and of what the windows give."""
        window, dim = self.option("window"), self.layer.dim
        numbers = images[-dim:], places[-dim:], window.kernel, window.stride, window.dilation
        pairs = [*map(two, numbers), two([pair[0] for pair in window.padding], 0)]
        return Grid(*[n for pair in pairs for n in pair])

    def held(self, grid: Grid) -> Buffer:
        """A grid in memory, for kernels."""
        numbers = Buffer((len(grid),), np.int64)
        numbers.bind(np.array(grid, np.int64))
        return numbers


def two(sizes: Any, one: int = 1) -> tuple[int, int]:
    """Of rows and of columns; a signal has one row."""
    return (one, *sizes) if len(sizes) == 1 else tuple(sizes)


class KernelsOp(WindowOp):
    """What convolutions have in common with transposed ones: kernels that slide over images."""

    G: int  # groups
    C: int  # channels in a group: of what comes in
    M: int  # and of what goes out

    def kernels(self, rows: int, columns: int) -> Iterable[Held]:
        """W (rows, columns / G, ...), and b."""
        layer = self.layer
        yield layer, "W", (rows, columns // layer.groups, *layer.window.kernel)
        yield layer, "b", (layer.out_channels,)

    def slide(self, grid: Grid, C: int, M: int, *also: Op, **arrays: Any) -> None:
        """Record a convolution from C to M channels in each group."""
        K, P = grid.KH * grid.KW, grid.OH * grid.OW
        rows, columns, chunks = blocks(M, self.N * P, C * K)
        flops, needed = 2 * self.N * P * self.G * M * C * K, self.numbers(np.ones(1))
        arrays |= {"grid": self.held(grid), "N": self.N, "G": self.G, "C": C, "M": M}
        if ops_winograd.suits(grid, self.N, C, M):
            flops, needed = 0, ops_winograd.convolve(self, grid, *also, **arrays)
        self.step(
            convolution, self.G * chunks, flops, *also, of=arrays["y"], needed=needed, rows=rows,
            columns=columns, channels=max(1, PANEL_ROWS // K), **arrays,
        )  # fmt: skip

    def weight_gradient(self, dout: Buffer) -> None:
        """dW = dout columns(x)^T: the batch is cut into parts to keep all CPUs busy, whose sums are
        added up at last."""
        g, C, M, G, N = self.grid, self.C, self.M, self.G, self.N
        K, P = g.KH * g.KW, g.OH * g.OW
        channels = min(C, max(1, ELEMENTS // K))
        depth, batch, row = places_at_a_time(channels * K, P)
        across, work = G * -(-C // channels), N * P * G * M * C * K
        share = -(-N // max(1, min(N, MOST_CHUNKS // across, work // WORK)))
        parts = -(-N // share)
        dW, adds = self.gradient(self.layer.W)
        given = {"x": self.x, "dout": dout, "grid": self.held(g), "N": N, "G": G, "C": C, "M": M}
        needed = self.numbers(np.ones(1))
        if ops_winograd.gradient_suits(g, N, C, M):
            needed = ops_winograd.weight_gradient(self, g, adds, dW=dW, **given)
            parts, share, work = 1, N, 0
        sums, start = (dW, adds) if parts == 1 else (self.new((parts, *dW.shape)), ZERO)
        self.step(
            weight_gradient, parts * across, 2 * work, of=dW, dW=sums, needed=needed, start=start,
            share=share, channels=channels, depth=depth, batch=batch, row=row, **given,
        )  # fmt: skip
        if parts > 1:
            n = size(dW.shape)
            chunks = chunks_of(n, COLUMNS)
            self.step(column_sums, chunks, n * parts, of=dW, x=sums, y=dW, add=adds, M=parts, N=n)

    def bias_gradient(self, dout: Buffer) -> None:
        db, adds = self.gradient(self.layer.b)
        sizes = {"N": self.N, "M": self.layer.out_channels, "P": self.grid.OH * self.grid.OW}
        arrays = {"x": dout, "y": db, "add": adds}
        self.step(channel_sums, sizes["M"], size(dout.shape), of=db, **arrays, **sizes)

    def image_gradient(self, dout: Buffer) -> Buffer:
        """dx is the convolution of dout with the kernels turned around. Where windows are more than
        a pixel apart, so are the pixels of dout, with zeros between them."""
        g, W, dx = self.grid, self.value(self.layer.W), self.new(self.x.shape)
        turned = self.new((self.G * self.C, self.M * g.KH * g.KW))
        sizes = {"G": self.G, "C": self.C, "M": self.M, "K": g.KH * g.KW}
        rows = self.G * self.C
        self.step(turn_kernels, rows, 0, of=turned, W=W, turned=turned, **sizes)
        H, width = (g.OH - 1) * g.down + 1, (g.OW - 1) * g.right + 1
        if (H, width) != (g.OH, g.OW):
            dout = self.spread(dout, H, width)
        above, left = g.row_step * (g.KH - 1) - g.above, g.column_step * (g.KW - 1) - g.left
        grid = Grid(H, width, g.H, g.W, g.KH, g.KW, 1, 1, g.row_step, g.column_step, above, left)
        arrays = {"x": dout, "W": turned, "y": dx, "Y": dx, "bias": W, "start": ZERO}
        self.slide(grid, self.M, self.C, **arrays, **NOTHING_BEHIND)
        return dx

    def spread(self, dout: Buffer, H: int, W: int) -> Buffer:
        """dout with zeros between its pixels."""
        g, planes = self.grid, self.N * self.G * self.M
        apart = self.new((planes, H, W))
        sizes = {"H": g.OH, "W": g.OW, "OH": H, "OW": W, "down": g.down, "right": g.right}
        self.step(spread_pixels, planes, 0, of=apart, x=dout, y=apart, **sizes)
        return apart


class ConvOp(KernelsOp, FrontOp):
    """y = W columns(x) + b for each group of channels, and its two products backward."""

    def fits(self, x: Any) -> bool:
        zeros = self.option("padding_mode") == "zeros"
        return super().fits(x) and zeros and size(self.layer.window.kernel) <= MOST_ELEMENTS

    def arrays(self) -> Iterable[Held]:
        layer = self.layer
        return self.kernels(layer.out_channels, layer.in_channels)

    def compute(self, x: Any, y: Any, *also: Any, **behind: Any) -> None:
        layer, W = self.layer, self.value(self.layer.W)
        self.see(x)
        how: dict[str, Any] = {"bias": W, "start": ZERO}
        if layer.b is not None:
            how = {"bias": self.value(layer.b), "start": BIAS}
        self.G = layer.groups
        self.C, self.M = layer.in_channels // self.G, layer.out_channels // self.G
        self.simplify()
        self.slide(self.grid, self.C, self.M, *also, x=x, W=W, y=y, **how, **behind)

    def simplify(self) -> None:
        """See fewer windows: a kernel of one pixel that goes over all pixels sees an image of one
        row; one that is as large as the image sees an image of one pixel, in more channels."""
        g = self.grid
        image, kernel = (g.H, g.W), (g.KH, g.KW)
        if kernel == (1, 1) and (g.down, g.right, g.above, g.left) == (1, 1, 0, 0):
            self.grid = Grid(1, g.H * g.W, 1, g.H * g.W, 1, 1, 1, 1, 1, 1, 0, 0)
        elif kernel == image and (g.OH, g.OW, g.above, g.left) == (1, 1, 0, 0):
            self.C, self.grid = self.C * g.H * g.W, Grid(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        self.weight_gradient(dout)
        if self.layer.b is not None:
            self.bias_gradient(dout)
        return (self.image_gradient(dout) if self.wanted[0] else None,)


def places_at_a_time(elements: int, P: int) -> tuple[int, int, int]:
    """How many of an image's P windows the weight gradient makes columns of at a time, of how many
    images, and how long rows of these columns are."""
    rows = -(-elements // WIDTH) * WIDTH
    most = min(PLACES, ROOM // (rows + WIDTH) // V * V - V)  # so that it fits into memory
    depth = min(P, most)
    batch = max(1, most // P) if depth == P else 1
    return depth, batch, -(-batch * depth // V) * V + V


OPS.update(dict.fromkeys([layers.Conv1d, layers.Conv2d], ConvOp))


class PoolOp(WindowOp):
    """One number for each window; every channel of every image is an image of its own."""

    def fits(self, x: Any) -> bool:
        few = size(self.layer.window.kernel) <= pooling.MOST_ELEMENTS
        return super().fits(x) and few and size(x.shape[-self.layer.dim :]) < EXACT

    def see(self, x: Buffer) -> tuple[int, ...]:
        shape = super().see(x)
        self.planes = size(x.shape[: -self.layer.dim])
        self.images = pooling.images_in_chunk(self.grid.H * self.grid.W)
        self.chunks = chunks_of(self.planes, self.images)
        return shape

    def pool(self, kernel: Kernel, of: Buffer, **arguments: Any) -> Buffer:
        """Record a step, with what all of them need."""
        elements = self.grid.KH * self.grid.KW
        work = {"images": self.images, "N": self.planes}
        self.step(kernel, self.chunks, size(self.x.shape) * elements, of=of, **work, **arguments)
        return of


class MaxPoolOp(PoolOp):
    """y = the largest number in each window."""

    def forward(self, x: Buffer) -> Buffer:
        shape = self.see(x)
        y, self.where = self.new(shape), self.new(shape)
        return self.pool(pooling.max_pool, y, x=x, y=y, where=self.where, grid=self.held(self.grid))

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        g, dx = self.grid, self.new(self.x.shape)
        sizes = {"P": g.OH * g.OW, "pixels": g.H * g.W}
        return (
            self.pool(pooling.max_pool_backward, dx, dout=dout, where=self.where, dx=dx, **sizes),
        )


class AvgPoolOp(PoolOp):
    """y = the mean of each window."""

    def forward(self, x: Buffer) -> Buffer:
        y, g = self.new(self.see(x)), self.grid
        self.option("count_include_pad"), self.option("divisor_override")
        share = 1 / self.layer.counts(x.shape)
        self.share = Buffer((g.OH, g.OW))
        self.share.bind(np.broadcast_to(share, (g.OH, g.OW)))
        return self.pool(pooling.mean_pool, y, x=x, y=y, share=self.share, grid=self.held(g))

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx, grid = self.new(self.x.shape), self.held(self.grid)
        return (
            self.pool(
                pooling.mean_pool_backward, dx, dout=dout, share=self.share, dx=dx, grid=grid
            ),
        )


class GlobalAvgPoolOp(Op, layer=layers.GlobalAvgPool):
    """y = the mean of each image."""

    def fits(self, x: Any) -> bool:
        return super().fits(x) and len(x.shape) > 2

    def forward(self, x: Buffer) -> Buffer:
        self.option("keepdims")
        self.shape, y = x.shape, self.new(self.layer.out_shape(x.shape))
        return self.each(pooling.mean, y, x=x, y=y)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx = self.new(self.shape)
        return (self.each(pooling.mean_backward, dx, dout=dout, dx=dx),)

    def each(self, kernel: Kernel, of: Buffer, **arguments: Any) -> Buffer:
        """Record a step over all images."""
        N, pixels = size(self.shape[:2]), size(self.shape[2:])
        images = pooling.images_in_chunk(pixels)
        work = {"images": images, "pixels": pixels, "N": N}
        self.step(kernel, chunks_of(N, images), N * pixels, of=of, **work, **arguments)
        return of


OPS.update(dict.fromkeys([layers.MaxPool1d, layers.MaxPool2d], MaxPoolOp))
OPS.update(dict.fromkeys([layers.AvgPool1d, layers.AvgPool2d], AvgPoolOp))
