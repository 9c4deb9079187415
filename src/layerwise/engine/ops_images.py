"""Images in another size: transposed convolution, upsampling, pooling to a given size; and channels
that are dropped, and numbers that are turned by their places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import layers
from ..layers import upsample
from ..layers.position import angles
from .convolutions import KernelsOp, two
from .kernel import Kernel, chunks_of
from .kernels import images, walk
from .kernels.convolution import MOST_ELEMENTS, channel_sums
from .kernels.product import ZERO
from .memory import Buffer
from .op import NOTHING_BEHIND, OPS, Held, size
from .ops_arithmetic import PositionOp, broadcast
from .ops_joining import ShapedOp
from .ops_shape import DropoutOp


class ConvTransposeOp(KernelsOp):
    """The backward of a convolution used forward: x is the gradient of its output, y that of its
    image, of `out_channels`."""

    def fits(self, x: Any) -> bool:
        small = size(self.layer.window.kernel) <= MOST_ELEMENTS
        return super().fits(x) and small

    def arrays(self) -> Iterable[Held]:
        layer = self.layer
        return self.kernels(layer.in_channels, layer.out_channels)

    def forward(self, x: Buffer) -> Buffer:
        layer, shape = self.layer, self.layer.out_shape(x.shape)
        self.grid = self.grid_of(shape, x.shape)
        self.N, self.G = size(x.shape[: -layer.dim - 1]), layer.groups
        self.C, self.M = layer.out_channels // self.G, layer.in_channels // self.G
        self.given, self.x = x, Buffer(shape)  # the image, before there are numbers
        y = self.image_gradient(x)
        if layer.b is None:
            return y
        b = self.value(layer.b).view((layer.out_channels, *[1] * layer.dim))
        return broadcast(self, walk.ADD, y, b, None, shape)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        image, self.x = self.x, dout
        self.weight_gradient(self.given)
        self.x = image  # dout is not held any longer
        if self.layer.b is not None:
            self.bias_gradient(dout)
        if not self.wanted[0]:
            return (None,)
        W, dx = self.value(self.layer.W), self.new(self.given.shape)
        arrays = {"x": dout, "W": W, "y": dx, "Y": dx, "bias": W, "start": ZERO}
        self.slide(self.grid, self.C, self.M, **arrays, **NOTHING_BEHIND)
        return (dx,)

    def bias_gradient(self, dout: Buffer) -> None:
        db, adds = self.gradient(self.layer.b)
        sizes = {"N": self.N, "M": self.layer.out_channels, "P": self.grid.H * self.grid.W}
        arrays = {"x": dout, "y": db, "add": adds}
        self.step(channel_sums, sizes["M"], size(dout.shape), of=db, **arrays, **sizes)


OPS.update(dict.fromkeys([layers.ConvTranspose1d, layers.ConvTranspose2d], ConvTransposeOp))


class UpsampleOp(ShapedOp, layer=layers.Upsample):
    """One axis after the other, in all modes: each pixel is a sum of some."""

    def forward(self, x: Buffer) -> Buffer:
        layer, new = self.layer, self.layer.out_shape(x.shape)
        scales = layer.each(self.option("scale_factor"), new[2:])
        how = self.option("mode"), self.option("align_corners")
        self.option("size"), self.option("scale_factor")
        self.axes = []
        for axis, (m, scale) in enumerate(zip(new[2:], scales), start=2):
            n = x.shape[axis]
            pixels, weights = upsample.sources(n, m, how[0], scale, how[1])
            A, B = size(x.shape[:axis]), size(x.shape[axis + 1 :])
            count = images.rows_in_chunk(m * B)
            sizes = {"K": len(pixels), "n": n, "m": m, "A": A, "B": B, "count": count}
            held = {"pixels": self.numbers(pixels), "weights": self.constant(weights)}
            self.axes.append((x.shape, chunks_of(A, count), sizes | held))
            y = self.new((*x.shape[:axis], m, *x.shape[axis + 1 :]))
            self.step(
                images.mix, chunks_of(A, count), 2 * len(pixels) * size(y.shape), of=y, x=x, y=y,
                **sizes, **held,
            )  # fmt: skip
            x = y
        return x

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        for shape, chunks, how in reversed(self.axes):
            dx, flops = self.new(shape), 2 * how["K"] * size(dout.shape)
            self.step(images.unmix, chunks, flops, of=dx, dout=dout, dx=dx, **how)
            dout = dx
        return (dout,)


class AdaptivePoolOp(ShapedOp):
    """One number for each part of an image; every channel of every image by itself."""

    def fits(self, x: Any) -> bool:
        return super().fits(x) and self.dim(x.shape) in (1, 2)

    def dim(self, x: tuple[int, ...]) -> int:
        sizes = self.option("output_size")
        return len(sizes) if isinstance(sizes, tuple) else len(x) - 2

    def forward(self, x: Buffer) -> Buffer:
        self.shape, y = x.shape, self.new(self.layer.out_shape(x.shape))
        dim = self.dim(x.shape)
        (H, W), (OH, OW) = two(x.shape[-dim:]), two(y.shape[-dim:])
        self.sizes = {"H": H, "W": W, "OH": OH, "OW": OW}
        self.pool(x, y)
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx = self.new(self.shape)
        self.pool_backward(dout, dx)
        return (dx,)

    def pool(self, x: Buffer, y: Buffer) -> None:
        self.each(images.mean_of_parts, y, x=x, y=y, **self.sizes)

    def pool_backward(self, dout: Buffer, dx: Buffer) -> None:
        self.each(images.mean_of_parts_backward, dx, dout=dout, dx=dx, **self.sizes)

    def each(self, kernel: Kernel, of: Buffer, **arguments: Any) -> None:
        """Record a step over all images."""
        pixels = self.sizes["H"] * self.sizes["W"]
        N, count = size(self.shape) // pixels, images.rows_in_chunk(pixels)
        self.step(kernel, chunks_of(N, count), N * pixels, of=of, N=N, count=count, **arguments)


class AdaptiveMaxPoolOp(AdaptivePoolOp, layer=layers.AdaptiveMaxPool):
    """The largest number of each part."""

    def pool(self, x: Buffer, y: Buffer) -> None:
        self.where = Buffer(y.shape, np.int64, own=True)
        self.each(images.max_of_parts, y, x=x, y=y, where=self.where, **self.sizes)

    def pool_backward(self, dout: Buffer, dx: Buffer) -> None:
        s = self.sizes
        how = {"pixels": s["H"] * s["W"], "places": s["OH"] * s["OW"], "where": self.where}
        self.each(images.max_of_parts_backward, dx, dout=dout, dx=dx, **how)


OPS[layers.AdaptiveAvgPool] = AdaptivePoolOp


class Dropout2dOp(DropoutOp, layer=layers.Dropout2d):
    """One number drawn for each channel."""

    def fits(self, x: Buffer) -> bool:
        return super().fits(x) and len(x.shape) > 1

    def forward(self, x: Buffer) -> Buffer:
        super().forward(self.full(x.shape[:2], 1.0))
        if self.mask is None:
            return x
        self.mask = self.mask.view((*x.shape[:2], *[1] * (len(x.shape) - 2)))
        return self.masked(x)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return (dout if self.mask is None else self.masked(dout),)

    def masked(self, x: Buffer) -> Buffer:
        assert self.mask is not None
        return broadcast(self, walk.TIMES_A, self.mask, self.mask, x, x.shape)


class RotaryPositionOp(PositionOp, layer=layers.RotaryPosition):
    """Pairs of numbers turned by angles, which are computed once."""

    def forward(self, x: Buffer) -> Buffer:
        T, D = x.shape[-2:]
        turned = angles(T, D, self.option("base"))
        waves = np.cos(turned), np.sin(turned)
        self.waves = [self.constant(one) for one in waves]
        return self.turned(x, 1)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return (self.turned(dout, -1),)

    def turned(self, x: Buffer, direction: int) -> Buffer:
        y, (cos, sin), (T, D) = self.new(x.shape), self.waves, x.shape[-2:]
        N, count = size(x.shape) // D, images.rows_in_chunk(D)
        self.step(
            images.turn_pairs, chunks_of(N, count), 3 * size(x.shape), of=y, x=x, cos=cos, sin=sin,
            y=y, direction=direction, T=T, D=D, count=count, N=N,
        )  # fmt: skip
        return y
