"""What moves numbers or picks some of them, and what looks along an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import layers
from ..node import Pick
from .kernel import CHUNK, chunks_of
from .kernels import along, draw, lookup, walk
from .kernels.elementwise import ACTIVATIONS, FILL, TIMES
from .memory import Buffer, Bundle
from .op import OPS, Held, Op, each, size
from .ops import FlattenOp
from .ops_arithmetic import walked

OPS.update(dict.fromkeys([layers.Identity, layers.Reshape, layers.Unflatten], FlattenOp))


def copy(
    op: Op, x: Buffer, y: Buffer, shape: Any, apart: Any, out_apart: Any,
    start: int = 0, out_start: int = 0,
) -> None:  # fmt: skip
    """Copy the numbers of a walk through x, of some shape, to those of a walk through y."""
    chunks, way = walked(op, shape, apart, out_apart)
    op.step(walk.copy, chunks, 0, of=y, x=x, y=y, start=start, out_start=out_start, **way)


def filled(op: Op, shape: tuple[int, ...], number: float) -> Buffer:
    """The same number everywhere, written anew by each run."""
    y, n = op.new(shape), size(shape)
    op.step(FILL, chunks_of(n), 0, of=y, a=y, b=y, c=y, y=y, p=number, q=0.0, n=n)
    return y


class TransposeOp(Op, layer=layers.Transpose):
    """The axes in another order."""

    def forward(self, x: Buffer) -> Buffer:
        y = self.new(self.layer.out_shape(x.shape))
        self.axes = [axis % len(x.shape) for axis in self.layer.axes or range(len(x.shape))[::-1]]
        self.turned(x, y, self.axes)
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        back = list(np.argsort(self.axes))
        dx = self.new(tuple(dout.shape[axis] for axis in back))
        self.turned(dout, dx, back)
        return (dx,)

    def turned(self, x: Buffer, y: Buffer, axes: list[int]) -> None:
        apart = walk.strides_of(x.shape)
        copy(self, x, y, y.shape, [apart[axis] for axis in axes], walk.strides_of(y.shape))


class SliceOp(Op, layer=layers.Slice):
    """Some of the numbers, picked by numbers and slices."""

    def fits(self, x: Buffer) -> bool:
        index = self.option("index")
        parts = index if isinstance(index, tuple) else (index,)
        if not all(part is ... or type(part) in (int, slice) for part in parts):
            return False
        try:
            part, _ = self.picked(x.shape)
        except IndexError:
            return False
        return super().fits(x) and part.ndim > 0 and part.size > 0

    def picked(self, shape: tuple[int, ...]) -> tuple[Any, int]:
        """What the index picks of an array with a byte for each number, and where that begins."""
        whole: Any = np.empty(shape, np.uint8)
        part = whole[self.layer.index]
        return part, part.ctypes.data - whole.ctypes.data if part.shape else 0

    def forward(self, x: Buffer) -> Buffer:
        self.x = x
        part, self.start = self.picked(x.shape)
        self.apart, y = part.strides, self.new(part.shape)
        copy(self, x, y, y.shape, self.apart, walk.strides_of(y.shape), start=self.start)
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx = filled(self, self.x.shape, 0.0)
        apart = walk.strides_of(dout.shape)
        copy(self, dout, dx, dout.shape, apart, self.apart, out_start=self.start)
        return (dx,)


class EmbeddingOp(Op, layer=layers.Embedding):
    """y = W[x]."""

    def fits(self, x: Buffer) -> bool:
        return x.dtype.kind == "i" and self.holds_what_it_should()

    def arrays(self) -> Iterable[Held]:
        return [(self.layer, "W", (self.layer.num_embeddings, self.layer.embedding_dim))]

    def forward(self, x: Buffer) -> Buffer:
        layer, self.x = self.layer, x
        N, D = size(x.shape), layer.embedding_dim
        y, rows = self.new((*x.shape, D)), max(1, CHUNK // D)
        self.step(
            lookup.look_up, chunks_of(N, rows), 0, of=y, x=x, W=self.value(layer.W), y=y,
            wrong=self.current.doubt(), rows=rows, N=N, count=layer.num_embeddings, D=D,
        )  # fmt: skip
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        layer, padding = self.layer, self.option("padding_idx")
        dW, _ = self.gradient(layer.W, zeros=True)
        N, D = size(self.x.shape), layer.embedding_dim
        skipped = -1 if padding is None else padding % layer.num_embeddings
        self.step(
            lookup.add_to_rows, chunks_of(D, lookup.COLUMNS), N * D, of=dW,
            x=self.x, dout=dout, dW=dW, skipped=skipped, N=N, D=D,
        )  # fmt: skip
        return (None,)


class DropoutOp(Op, layer=layers.Dropout):
    """y = x mask, with the very mask that the layer's own generator would have drawn."""

    def fits(self, x: Buffer) -> bool:
        return super().fits(x) and type(self.option("rng").bit_generator) is np.random.PCG64

    def forward(self, x: Buffer) -> Buffer:
        p, self.mask = self.option("p"), None
        if not self.trains() or p == 0:
            return x
        self.mask, y, n = self.new(x.shape), self.new(x.shape), size(x.shape)
        state = self.numbers(np.zeros(4, np.int64))

        def take_state() -> None:
            """Tell the kernel where the generator is, and move that on."""
            generator = self.layer.rng.bit_generator
            held = generator.state["state"]
            halves = [divmod(held[name], 1 << 64) for name in ("state", "inc")]
            state.array.view(np.uint64)[:] = np.array(halves, np.uint64).ravel()
            generator.advance(n)

        self.current.prepare(take_state)
        self.step(
            draw.drop, chunks_of(n), n, of=y, x=x, y=y, mask=self.mask, generator=state,
            least=math.ceil(p * 2**53), scale=0.0 if p == 1 else 1 / (1 - p), n=n,
        )  # fmt: skip
        return y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        if self.mask is None:
            return (dout,)
        return (each(self, TIMES, dout, self.mask),)


class SoftmaxOp(Op, layer=layers.Softmax):
    """Softmax along an axis, or its logarithm."""

    logs = 0

    def fits(self, x: Buffer) -> bool:
        return super().fits(x) and -len(x.shape) <= self.layer.dim < len(x.shape)

    def forward(self, x: Buffer) -> Buffer:
        self.y = self.new(x.shape)
        self.along(along.softmax_rows, along.softmax_along, of=self.y, x=x, y=self.y)
        return self.y

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx = self.new(dout.shape)
        kernels = along.softmax_rows_backward, along.softmax_along_backward
        self.along(*kernels, of=dx, y=self.y, dout=dout, dx=dx)
        return (dx,)

    def along(self, by_rows: Any, by_places: Any, of: Buffer, **arrays: Buffer) -> None:
        shape = of.shape
        dim = self.option("dim") % len(shape)
        N, C, L = size(shape[:dim]), shape[dim], size(shape[dim + 1 :])
        if L == 1:
            rows = max(1, CHUNK // C)
            chunks, cut = chunks_of(N, rows), {"rows": rows, "N": N, "C": C}
            self.step(by_rows, chunks, 5 * N * C, of=of, logs=self.logs, **arrays, **cut)
        else:
            self.step(by_places, N, 5 * N * C * L, of=of, logs=self.logs, C=C, L=L, **arrays)


class SoftminOp(SoftmaxOp, layer=layers.Softmin):
    """Softmax of -x."""

    def forward(self, x: Buffer) -> Buffer:
        return super().forward(each(self, ACTIVATIONS[layers.Neg].kernel, x))

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        (dx,) = super().backward(dout)
        assert dx is not None
        return (each(self, ACTIVATIONS[layers.Neg].kernel, dx),)


class LogSoftmaxOp(SoftmaxOp, layer=layers.LogSoftmax):
    """The logarithm of softmax."""

    logs = 1


class PickOp(Op, layer=Pick):
    """One of the outputs of a layer that has several."""

    def fits(self, x: Bundle) -> bool:
        return isinstance(x, Bundle)

    def forward(self, x: Bundle) -> Buffer:
        self.count = len(x.parts)
        part = x.parts[self.layer.index]
        assert part is not None
        return part

    def backward(self, dout: Buffer) -> tuple[Any, ...]:
        return (Bundle([dout if i == self.layer.index else None for i in range(self.count)]),)
