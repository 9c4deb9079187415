"""The layers that have kernels, and which of them are computed in one step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import layers
from .kernel import chunks_of
from .kernels import activations  # noqa: F401  more of ACTIVATIONS
from .kernels.along import cross_entropy_along, cross_entropy_along_backward
from .kernels.elementwise import ACTIVATIONS, GELU_TANH, Activation
from .kernels.product import BIAS, ZERO, blocks, product
from .kernels.softmax import (
    cross_entropy,
    cross_entropy_backward,
    reduce_losses,
    rows_in_chunk,
)
from .kernels.sums import COLUMNS, column_sums
from .memory import Buffer
from .op import FUSED, NOTHING_BEHIND, OPS, FrontOp, Held, Op, size


def affine_of(layer: Any, D: int, M: int) -> list[Held]:
    return [(layer, "W", (D, M)), (layer, "b", (M,))]


class AffineOp(FrontOp, layer=layers.Affine):
    """y = x W + b, and its two products backward; axes in front are all batch."""

    def arrays(self) -> Iterable[Held]:
        return affine_of(self.layer, self.layer.in_features, self.layer.out_features)

    def compute(self, x: Any, y: Any, *also: Any, **behind: Any) -> None:
        layer = self.layer
        self.x = x
        D, M = layer.in_features, layer.out_features
        N, W = size(x.shape) // D, self.value(layer.W)
        rows, columns, chunks = blocks(N, M, D, copied=False)
        b = W if layer.b is None else self.value(layer.b)
        self.step(
            product, chunks, 2 * N * M * D, *also, of=y,
            A=x, am=D, ak=1, B=W, bk=M, bn=1, C=y, bias=b,
            start=ZERO if layer.b is None else BIAS, M=N, N=M, K=D, rows=rows, columns=columns,
            **behind,
        )  # fmt: skip

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        layer, x = self.layer, self.x
        D, M = layer.in_features, layer.out_features
        N = size(x.shape) // D
        dW, adds = self.gradient(layer.W)
        rows, columns, chunks = blocks(D, M, N, copied=True)
        self.step(
            product, chunks, 2 * N * M * D, of=dW,
            A=x, am=1, ak=D, B=dout, bk=M, bn=1, C=dW, bias=dW, start=adds, M=D, N=M, K=N,
            rows=rows, columns=columns, **NOTHING_BEHIND, Y=dW,
        )  # fmt: skip
        if layer.b is not None:
            db, adds = self.gradient(layer.b)
            chunks = chunks_of(M, COLUMNS)
            self.step(column_sums, chunks, N * M, of=db, x=dout, y=db, add=adds, M=N, N=M)
        if not self.wanted[0]:
            return (None,)
        W, dx = self.value(layer.W), self.new(x.shape)
        rows, columns, chunks = blocks(N, D, M, copied=False)
        self.step(
            product, chunks, 2 * N * M * D, of=dx,
            A=dout, am=M, ak=1, B=W, bk=1, bn=M, C=dx, bias=dx, start=ZERO, M=N, N=D, K=M,
            rows=rows, columns=columns, **NOTHING_BEHIND, Y=dx,
        )  # fmt: skip
        return (dx,)


class ActivationOp(Op):
    """A function of each number by itself."""

    @property
    def activation(self) -> Activation:
        if type(self.layer) is layers.GELU and self.option("approximate") == "tanh":
            return GELU_TANH
        return ACTIVATIONS[type(self.layer)]

    def forward(self, x: Buffer) -> Buffer:
        activation, n = self.activation, size(x.shape)
        y = self.new(x.shape)
        numbers = activation.numbers(self.option)
        self.step(activation.kernel, chunks_of(n), n, of=y, a=x, b=x, c=x, y=y, n=n, **numbers)
        self.save(x, y)
        return y

    def save(self, x: Buffer, y: Buffer) -> None:
        """Hold on to what backward needs."""
        self.saved = y if self.activation.saves == "y" else x

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        activation, n = self.activation, size(dout.shape)
        dx = self.new(dout.shape)
        numbers = activation.numbers(self.option)
        arrays = {"a": dout, "b": self.saved, "c": self.saved, "y": dx}
        self.step(activation.backward_kernel, chunks_of(n), n, of=dx, n=n, **arrays, **numbers)
        return (dx,)


OPS.update(dict.fromkeys(ACTIVATIONS, ActivationOp))


class FlattenOp(Op, layer=layers.Flatten):
    """The same numbers in another shape."""

    def forward(self, x: Buffer) -> Buffer:
        self.shape = x.shape
        return x.view(self.layer.out_shape(x.shape))

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return (dout.view(self.shape),)


class SoftmaxCrossEntropyOp(Op, layer=layers.SoftmaxCrossEntropy):
    """Scores x (N, C) or (N, C, ...) and class numbers t; anything else is left to the layer."""

    def fits(self, x: Buffer, t: Buffer) -> bool:
        plain = self.option("weight") is None and self.option("label_smoothing") == 0
        kinds = x.dtype == np.float32 and t.dtype.kind == "i"
        return plain and kinds and len(x.shape) > 1 and x.shape[:1] + x.shape[2:] == t.shape

    def forward(self, x: Buffer, t: Buffer) -> Buffer:
        N, L = x.shape[0], size(x.shape[2:])
        self.x, self.t, self.kept, losses = x, t, self.new((N, 2, L)), self.new(t.shape)
        self.reduction, self.ignored = self.option("reduction"), self.option("ignore_index")
        kernel, chunks, cut = self.cut(cross_entropy, cross_entropy_along)
        self.step(
            kernel, chunks, 4 * size(x.shape), of=losses, x=x, t=t, losses=losses, kept=self.kept,
            wrong=self.current.doubt(), ignored=self.ignored, **cut,
        )  # fmt: skip
        loss, self.total = self.new(()), self.new(())
        self.step(
            reduce_losses, 1, N * L, of=loss,
            losses=losses, t=t, y=loss, total=self.total, ignored=self.ignored,
            mean=self.reduction == "mean", N=N * L,
        )  # fmt: skip
        return losses if self.reduction == "none" else loss

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        dx = self.new(self.x.shape)
        kernel, chunks, cut = self.cut(cross_entropy_backward, cross_entropy_along_backward)
        self.step(
            kernel, chunks, 3 * size(dx.shape), of=dx, x=self.x, t=self.t, kept=self.kept,
            dout=dout, each=self.reduction == "none", total=self.total, dx=dx,
            ignored=self.ignored, **cut,
        )  # fmt: skip
        return dx, None

    def cut(self, by_rows: Any, by_places: Any) -> tuple[Any, int, dict[str, int]]:
        """The kernel for this shape, its chunks, and what it has to know of the shape."""
        N, C, *rest = self.x.shape
        if rest:
            return by_places, N, {"C": C, "L": size(tuple(rest))}
        rows = rows_in_chunk(C)
        return by_rows, chunks_of(N, rows), {"rows": rows, "N": N, "C": C}


def with_activation(
    one: FrontOp, other: ActivationOp, *inputs: Buffer, alone: bool
) -> tuple[Buffer, Buffer]:
    """The activation is applied to each part of what the Op computes as soon as it is there."""
    activation, out = other.activation, one.new(one.out_shape(*inputs))
    covered = alone and activation.saves == "y"
    y = one.current.covered(out) if covered else one.new(out.shape)
    numbers = activation.numbers(other.option)
    one.compute(*inputs, y, other, behind=activation.behind, Y=out, **numbers)
    other.save(y, out)
    return y, out


FUSED.append((FrontOp, ActivationOp, with_activation))
