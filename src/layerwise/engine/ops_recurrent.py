"""RNN, LSTM and GRU: cells that run through sequences, level by level, there and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .. import layers
from .cpu import ROWS, WIDTH
from .kernel import chunks_of
from .kernels import recurrent
from .kernels.sums import COLUMNS, column_sums
from .memory import Buffer, Bundle
from .op import Held, Op, size
from .ops import AffineOp
from .ops_arithmetic import sum_of
from .ops_shape import DropoutOp, copy
from .pool import SCRATCH

Lay = tuple[int, int]  # how many lines it is to the next row of the batch, and to the next step


@dataclass
class Weighted:
    """x W + b, as `AffineOp` has to know it."""

    W: Any
    b: Any

    @property
    def in_features(self) -> int:
        return int(self.W.shape[0])

    @property
    def out_features(self) -> int:
        return int(self.W.shape[1])

    def out_shape(self, x: tuple[int, ...]) -> tuple[int, ...]:
        return (*x[:-1], self.out_features)


class CellRun(Op):
    """One cell on its way through all steps: what is recorded for it."""

    def __init__(self, outer: RecurrentOp, k: int, lay: Lay, out_lay: Lay) -> None:
        cell = outer.layer.cells[k]
        super().__init__(outer.current, cell, f"{outer.name}.cells.{k}")
        self.outer, self.H = outer, outer.layer.hidden_size
        self.forward_kernel, self.backward_kernel = outer.kernels()
        way = k % outer.layer.ways
        self.way = {
            "state_at": k * outer.N * self.H, "out_at": way * self.H, "reverse": way,
            "out_width": outer.layer.ways * self.H, "row": lay[0], "step_apart": lay[1],
            "out_row": out_lay[0], "out_step": out_lay[1],
            "rows": outer.rows, "N": outer.N, "T": outer.T, "H": self.H,
        }  # fmt: skip
        self.comes_in = AffineOp(self.current, Weighted(cell.Wx, cell.b), self.name)
        self.goes_on = AffineOp(self.current, Weighted(cell.Wh, None), self.name)

    def chunks(self) -> int:
        return chunks_of(self.outer.N, self.outer.rows)

    def packed(self, turned: bool) -> Buffer:
        """Wh, or Wh with its axes swapped, in panels."""
        W = self.value(self.layer.Wh)
        H, G = W.shape
        K, N, row, column = (G, H, 1, G) if turned else (H, G, G, 1)
        count = chunks_of(N, WIDTH)
        panels = self.new((count, K, WIDTH))
        self.step(
            recurrent.pack, count, 0, of=panels, W=W, panels=panels, row=row, column=column,
            K=K, N=N,
        )  # fmt: skip
        return panels

    def run(self, x: Buffer, states: dict[str, Any], out: Buffer) -> None:
        """Record the forward, which writes its part of `out` and of the last states."""
        self.a = self.comes_in.forward(x)
        lines = size(x.shape[:-1]), self.H
        self.saved = {name: self.new(lines) for name in ("before", "memory", "kept")}
        bh = getattr(self.layer, "bh", None)
        zeros, flops = self.full((self.H,), 0.0), 2 * size(self.a.shape) * self.H
        self.step(
            self.forward_kernel, self.chunks(), flops, of=out, a=self.a,
            panels=self.packed(False), bh=zeros if bh is None else self.value(bh), out=out,
            **self.saved, **states, **self.way,
        )  # fmt: skip

    def run_back(self, dout: Buffer, states: dict[str, Buffer], wanted: bool) -> Buffer | None:
        """Record the backward; gives the gradient of x."""
        da = self.new(self.a.shape)
        du = self.new(self.a.shape) if self.outer.has_du else da
        self.step(
            self.backward_kernel, self.chunks(), 2 * size(da.shape) * self.H, of=da, a=self.a,
            panels=self.packed(True), dout=dout, da=da, du=du, **self.saved, **states, **self.way,
        )  # fmt: skip
        for affine, x, want in (
            (self.comes_in, self.comes_in.x, wanted),
            (self.goes_on, self.saved["before"], False),
        ):
            affine.x = x
            affine.turn(self.current, [want])
        (dx,) = self.comes_in.backward(da)
        self.goes_on.backward(du)
        if getattr(self.layer, "bh", None) is not None:
            self.add_up(du)
        return dx

    def add_up(self, du: Buffer) -> None:
        """dbh = the sum of the last part of du over all lines."""
        part = self.new((size(du.shape[:-1]), self.H))
        copy(self, du, part, part.shape, (du.shape[-1], 1), (self.H, 1), start=2 * self.H)
        dbh, adds = self.gradient(self.layer.bh)
        self.step(
            column_sums, chunks_of(self.H, COLUMNS), size(part.shape), of=dbh,
            x=part, y=dbh, add=adds, M=part.shape[0], N=self.H,
        )  # fmt: skip


class RecurrentOp(Op):
    """What the three have in common; sequences with lengths are left to the layers."""

    parts = 1  # of a state
    has_du = False  # whether the gradient of u is another than that of a

    def kernels(self) -> tuple[Any, Any]:
        raise NotImplementedError

    def fits(self, x: Any, *states: Any) -> bool:
        layer = self.layer
        if not super().fits(x, *states) or len(states) not in (0, self.parts):
            return False  # lengths are whole numbers
        gates, H = layer.cells[0].gates, layer.hidden_size
        wanted = (len(layer.cells), *self.batch_of(x), H)
        return (
            layer.cells[0].out_size == H  # no projection
            and len(x.shape) in (2, 3)
            and x.shape[-1] == layer.input_size
            and all(one.shape == wanted for one in states)
            and 4 * recurrent.scratch_needed(gates, H) <= SCRATCH
        )

    def arrays(self) -> Iterable[Held]:
        layer, H = self.layer, self.layer.hidden_size
        for k, cell in enumerate(layer.cells):
            D, width = layer.input_size if k < layer.ways else layer.ways * H, cell.gates * H
            yield from [(cell, "Wx", (D, width)), (cell, "Wh", (H, width)), (cell, "b", (width,))]
            if hasattr(cell, "bh"):
                yield cell, "bh", (H,)

    def batch_of(self, x: Buffer) -> tuple[int, ...]:
        if len(x.shape) == 2:
            return ()
        return x.shape[:1] if self.option("batch_first") else x.shape[1:2]

    def forward(self, x: Buffer, *states: Buffer) -> Any:
        layer, self.x, self.states = self.layer, x, states
        (self.N,) = self.batch_of(x) or (1,)
        self.T = size(x.shape[:-1]) // self.N
        first = layer.batch_first and len(x.shape) == 3
        steps_first = 1, self.N  # so it is between the levels, as in the layer, which draws dropout
        lay = given_lay = (self.T, 1) if first else steps_first
        self.rows = -(-self.N // chunks_of(self.N, ROWS))
        H, ways = layer.hidden_size, layer.ways
        self.shape = (len(layer.cells), *self.batch_of(x), H)
        last = [self.new(self.shape) for _ in range(2)]
        begin = [*states, *last][:2]  # where there are none, any will do
        given = {"h0": begin[0], "c0": begin[1], "given": int(bool(states)),
                 "hn": last[0], "cn": last[1]}  # fmt: skip
        self.runs, self.drops = [], []
        for level in range(layer.num_layers):
            if level:
                name = f"{self.name}.dropouts.{level}"
                drop = DropoutOp(self.current, layer.dropouts[level], name)
                self.drops.append(drop)
                x = drop.forward(x)
            is_last = level == layer.num_layers - 1
            out_lay = given_lay if is_last else steps_first
            front = self.x.shape[:-1] if is_last else (self.T, self.N)
            out = self.new((*front, ways * H))
            for k in layer.at(level):
                run = CellRun(self, k, lay, out_lay)
                run.run(x, given, out)
                self.runs.append(run)
            x, lay = out, steps_first
        return Bundle([x, *last[: self.parts]])

    def backward(self, douts: Any) -> tuple[Buffer | None, ...]:
        layer = self.layer
        d, *dlast = douts.parts
        if d is None:
            d = self.full((*self.x.shape[:-1], layer.ways * layer.hidden_size), 0.0)
        dlast = [one or self.full(self.shape, 0.0) for one in (*dlast, None)][:2]
        dfirst = [self.new(self.shape) for _ in range(2)]
        states = dict(zip(("dhn", "dcn", "dh0", "dc0"), (*dlast, *dfirst)))
        for level in reversed(range(layer.num_layers)):
            runs = [self.runs[k] for k in layer.at(level)]
            for run in runs:
                run.current = self.current
            wanted = level > 0 or self.wanted[0]
            dxs = [run.run_back(d, states, wanted) for run in runs]
            d = dxs[0] if len(dxs) == 1 or dxs[0] is None else sum_of(self, *dxs)
            if level:
                drop = self.drops[level - 1]
                drop.turn(self.current, [True])
                (d,) = drop.backward(d)
        return d, *dfirst[: len(self.states)]


class LSTMOp(RecurrentOp, layer=layers.LSTM):
    parts = 2

    def kernels(self) -> tuple[Any, Any]:
        return recurrent.LSTM


class GRUOp(RecurrentOp, layer=layers.GRU):
    has_du = True

    def kernels(self) -> tuple[Any, Any]:
        return recurrent.GRU


class RNNOp(RecurrentOp, layer=layers.RNN):
    def kernels(self) -> tuple[Any, Any]:
        return recurrent.RNN[self.option("nonlinearity")]
