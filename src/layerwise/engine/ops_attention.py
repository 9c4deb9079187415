"""Attention, and what stands around it in `MultiHeadAttention`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import layers
from .kernels import attention
from .memory import Buffer
from .op import Held, Op, size
from .ops import AffineOp, affine_of
from .ops_arithmetic import sum_of
from .pool import SCRATCH

Strides = tuple[int, int, int]  # from one image of the batch to the next, one head, one row


class AttentionOp(Op):
    """The kernels of attention, for queries, keys and values that lie in any way."""

    def fits_in_scratch(self, E: int, D: int) -> bool:
        return 4 * attention.scratch_needed(E, D) <= SCRATCH

    def attend(
        self, q: Buffer, k: Buffer, v: Buffer, out: Buffer, lay: Sequence[Strides],
        sizes: dict[str, int], causal: bool, scale: float,
    ) -> None:  # fmt: skip
        """Record the forward. `sizes` are those of the kernel, and N, the size of the batch."""
        self.N, self.out = sizes.pop("N"), out
        self.kept = self.new((self.N * sizes["H"], 2, sizes["L"]))
        self.given: dict[str, Any] = {
            "q": q, "k": k, "v": v, "out": out, "kept": self.kept, "scale": scale,
            "lay": self.numbers(np.array(lay, np.int64).ravel()), "causal": int(causal), **sizes,
        }  # fmt: skip
        self.flops = 2 * self.N * sizes["H"] * sizes["L"] * sizes["S"] // (1 + causal)
        self.flops *= sizes["E"] + sizes["D"]
        self.step(attention.attention, self.N * sizes["H"], self.flops, of=out, **self.given)

    def let_look(self, attention: Any, given: Callable[[], tuple[Any, ...]]) -> None:
        """From now on, each run lets the layer compute the shares when somebody looks at them."""

        def shares() -> Any:
            twin = copy.copy(attention)
            twin.training = False  # as they are before dropout
            twin.forward(*given())
            return twin.weights

        def begin() -> None:
            attention.weights = shares

        if not self.current.plan.predicts:
            self.current.prepare(begin)

    def attend_backward(self, dout: Buffer) -> tuple[Buffer, Buffer, Buffer]:
        dq, dk, dv = (self.new(self.given[name].shape) for name in "qkv")
        chunks = self.N * self.given["H"] // self.given["group"]
        self.step(
            attention.attention_backward, chunks, 5 * self.flops // 2, of=dq,
            dout=dout, dq=dq, dk=dk, dv=dv, **self.given,
        )  # fmt: skip
        return dq, dk, dv


class ScaledDotProductAttentionOp(AttentionOp, layer=layers.ScaledDotProductAttention):
    """Queries (..., L, E), keys (..., S, E) and values (..., S, D), without a mask or dropout."""

    def fits(self, q: Buffer, k: Buffer, v: Buffer, *mask: Any) -> bool:
        if mask or not super().fits(q, k, v) or (self.trains() and self.option("dropout_p")):
            return False
        front = -3 if self.option("enable_gqa") else -2
        if min(len(x.shape) for x in (q, k, v)) < -front:
            return False
        return (
            q.shape[:front] == k.shape[:front]
            and k.shape[:-1] == v.shape[:-1]
            and q.shape[-1] == k.shape[-1]
            and (front == -2 or q.shape[-3] % k.shape[-3] == 0)
            and self.fits_in_scratch(q.shape[-1], v.shape[-1])
        )

    def forward(self, q: Buffer, k: Buffer, v: Buffer) -> Buffer:
        (L, E), (S, D) = q.shape[-2:], v.shape[-2:]
        H, G = (q.shape[-3], k.shape[-3]) if self.layer.enable_gqa else (1, 1)
        scale = self.option("scale")
        out = self.new((*q.shape[:-1], D))
        lay = [(heads * n * d, n * d, d) for heads, n, d in
               ((H, L, E), (G, S, E), (G, S, D), (H, L, D))]  # fmt: skip
        sizes = {"N": size(q.shape) // (H * L * E), "H": H, "group": H // G,
                 "L": L, "S": S, "E": E, "D": D}  # fmt: skip
        causal = self.option("is_causal")
        self.attend(q, k, v, out, lay, sizes, causal, E**-0.5 if scale is None else scale)
        self.let_look(self.layer, lambda: (q.array, k.array, v.array))
        return out

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        return self.attend_backward(dout)


class MultiHeadAttentionOp(AttentionOp, layer=layers.MultiHeadAttention):
    """Heads are columns of the projected queries, keys and values, so nothing has to be moved."""

    def fits(self, *inputs: Buffer) -> bool:
        layer, query = self.layer, inputs[0]
        if not super().fits(*inputs) or len(inputs) > 3 or self.option("rotary"):
            return False
        if len(query.shape) not in (2, 3) or (self.trains() and self.option("dropout")):
            return False
        try:
            layer.out_shape(*(x.shape for x in inputs))
        except Exception:
            return False  # the layer says what is wrong
        d = layer.embed_dim // layer.num_heads
        return self.fits_in_scratch(d, d)

    def arrays(self) -> Iterable[Held]:
        layer, E = self.layer, self.layer.embed_dim
        width = E // layer.num_heads * (layer.num_kv_heads or layer.num_heads)
        yield from affine_of(layer.q_proj, E, E)
        yield from affine_of(layer.k_proj, layer.kdim or E, width)
        yield from affine_of(layer.v_proj, layer.vdim or E, width)
        yield from affine_of(layer.out_proj, E, E)

    def forward(self, *inputs: Buffer) -> Buffer:
        layer, query = self.layer, inputs[0]
        self.inputs = inputs
        key = inputs[1] if len(inputs) > 1 else query
        value = inputs[2] if len(inputs) > 2 else key
        names = "q_proj", "k_proj", "v_proj", "out_proj"
        self.projections = [
            AffineOp(self.current, getattr(layer, name), f"{self.name}.{name}") for name in names
        ]
        to_q, to_k, to_v, to_out = self.projections
        q, k, v = to_q.forward(query), to_k.forward(key), to_v.forward(value)
        out = self.new(q.shape)
        d = layer.embed_dim // layer.num_heads
        lay = [self.strides(x, d) for x in (q, k, v, out)]
        (N, L), (_, S) = self.batch_and_rows(q), self.batch_and_rows(k)
        G = layer.num_kv_heads or layer.num_heads
        sizes = {"N": N, "H": layer.num_heads, "group": layer.num_heads // G,
                 "L": L, "S": S, "E": d, "D": d}  # fmt: skip
        self.attend(q, k, v, out, lay, sizes, self.option("is_causal"), d**-0.5)
        self.let_look(layer.attention, lambda: tuple(layer.in_heads(x.array) for x in (q, k, v)))
        return to_out.forward(out)

    def batch_and_rows(self, x: Buffer) -> tuple[int, int]:
        if len(x.shape) == 2:
            return 1, x.shape[0]
        return x.shape[:2] if self.option("batch_first") else x.shape[1::-1]  # type: ignore

    def strides(self, x: Buffer, d: int) -> Strides:
        """From one image to the next, from one head to the next, from one row to the next."""
        (N, rows), width = self.batch_and_rows(x), x.shape[-1]
        return (rows * width, d, width) if self.layer.batch_first else (width, d, N * width)

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        to_q, to_k, to_v, to_out = self.projections
        wanted = list(self.wanted)
        wanted = [*wanted, *wanted[-1:] * 2][:3]  # a key left out is the query
        douts = self.attend_backward(self.back(to_out, dout, True))
        dxs = [self.back(one, d, want) for one, d, want in zip((to_q, to_k, to_v), douts, wanted)]
        while len(dxs) > len(self.inputs):  # what came in once was used twice
            more = dxs.pop()
            dxs[-1] = sum_of(self, dxs[-1], more) if wanted[len(dxs)] else None
        return tuple(dxs)

    def back(self, projection: AffineOp, dout: Buffer, wanted: bool) -> Any:
        projection.turn(self.current, [wanted])
        return projection.backward(dout)[0]
