"""Normalisation: the layers of `layers/norm.py` and `layers/batch_norm.py` as kernels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import layers
from .cpu import V
from .kernel import CHUNK, chunks_of
from .kernels import norm
from .memory import Buffer
from .op import FrontOp, Held, size


class NormOp(FrontOp):
    """What all of them have in common: y = gamma xn + beta, where there is a gamma and a beta."""

    def scaled_by(self, shape: tuple[int, ...]) -> list[Held]:
        return [(self.layer, "gamma", shape), (self.layer, "beta", shape)]

    def scale(self, shape: tuple[int, ...]) -> tuple[Buffer, Buffer]:
        """gamma and beta, or ones and zeros in their place."""
        return self.value_or(self.layer.gamma, 1.0, shape), self.value_or(
            self.layer.beta, 0.0, shape
        )

    def value_or(self, parameter: Any, number: float, shape: tuple[int, ...]) -> Buffer:
        return self.full(shape, number) if parameter is None else self.value(parameter)

    def scale_gradients(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Where their gradients go, as arguments of a kernel."""
        found: dict[str, Any] = {}
        for name in ("gamma", "beta"):
            parameter = getattr(self.layer, name)
            place, adds = (self.new(shape), 0) if parameter is None else self.gradient(parameter)
            found |= {f"d{name}": place, f"{name}_adds": adds}
        return found

    @property
    def learns(self) -> bool:
        return self.layer.gamma is not None


class RowNormOp(NormOp):
    """Each row by itself: of as many numbers as the last axes have."""

    centred = 1

    def fits(self, x: Buffer) -> bool:
        shape = self.layer.normalized_shape
        return super().fits(x) and x.shape[-len(shape) :] == shape

    def arrays(self) -> Iterable[Held]:
        return self.scaled_by(self.layer.normalized_shape)

    def eps(self) -> float:
        eps = self.option("eps")
        return float(np.finfo(np.float32).eps) if eps is None else eps

    def compute(self, x: Any, y: Any, *also: Any, **behind: Any) -> None:
        shape = self.layer.normalized_shape
        self.x, self.D = x, size(shape)
        self.N, self.rows = size(x.shape) // self.D, max(1, CHUNK // self.D)
        self.kept = self.new((self.N, norm.KEPT))
        self.gamma, beta = self.scale(shape)
        self.step(
            norm.row_norm, chunks_of(self.N, self.rows), 7 * size(x.shape), *also, of=y,
            x=x, gamma=self.gamma, beta=beta, y=y, kept=self.kept, eps=self.eps(),
            centred=self.centred, rows=self.rows, N=self.N, D=self.D, **behind,
        )  # fmt: skip

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        x, N, D = self.x, self.N, self.D
        if self.learns:
            places = self.scale_gradients(self.layer.normalized_shape)
            self.step(
                norm.row_scale_backward, chunks_of(D, norm.COLUMNS), 4 * N * D,
                of=places["dgamma"], x=x, dout=dout, kept=self.kept, N=N, D=D, **places,
            )  # fmt: skip
        if not self.wanted[0]:
            return (None,)
        dx = self.new(x.shape)
        self.step(
            norm.row_norm_backward, chunks_of(N, self.rows), 12 * N * D, of=dx,
            x=x, gamma=self.gamma, dout=dout, kept=self.kept, dx=dx, centred=self.centred,
            rows=self.rows, N=N, D=D,
        )  # fmt: skip
        return (dx,)


class LayerNormOp(RowNormOp, layer=layers.LayerNorm):
    """Rows at mean 0 and variance 1."""


class RMSNormOp(RowNormOp, layer=layers.RMSNorm):
    """Rows divided by their root mean square."""

    centred = 0


class ChannelNormOp(NormOp):
    """x (N, C, L), cut into parts: runs of L numbers, `step` from one to the next."""

    of_all_images = False  # whether a part is in all of them

    def arrays(self) -> Iterable[Held]:
        return self.scaled_by((self.channels(),))

    def channels(self) -> int:
        raise NotImplementedError

    def parts(self, N: int, C: int, L: int) -> tuple[int, int, int, int]:
        """How many there are, how far apart they begin, how many runs each has, and the step."""
        raise NotImplementedError

    def fits(self, x: Buffer) -> bool:
        return super().fits(x) and len(x.shape) > 1 and x.shape[1] == self.channels()

    def compute(self, x: Any, y: Any, *also: Any, **behind: Any) -> None:
        N, C = x.shape[:2]
        L = size(x.shape[2:])
        self.x, self.N, self.C, self.L = x, N, C, L
        self.count, *_ = self.parts(N, C, L)
        self.kept = self.new((self.count, norm.KEPT))
        self.gamma, beta = self.scale((C,))
        self.before()
        kernel, chunks, shape = self.cut(norm.channel_norm, norm.column_norm)
        self.step(
            kernel, chunks, 7 * size(x.shape), *also, of=y, x=x, gamma=self.gamma, beta=beta, y=y,
            kept=self.kept, eps=self.option("eps"), fixed=int(self.is_fixed()), **shape, **behind,
        )  # fmt: skip
        self.after()

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        x, dx = self.x, self.new(self.x.shape)
        kernel, chunks, shape = self.cut(norm.channel_norm_backward, norm.column_norm_backward)
        runs = 1 if kernel is norm.column_norm_backward else self.N
        sums = self.new((runs, self.C, 2))
        self.step(
            kernel, chunks, 12 * size(x.shape), of=dx, x=x, gamma=self.gamma, dout=dout,
            kept=self.kept, dx=dx, sums=sums, fixed=int(self.is_fixed()), **shape,
        )  # fmt: skip
        if self.learns:
            places = self.scale_gradients((self.C,))
            self.step(
                norm.channel_scale_backward, 1, 2 * runs * self.C, of=places["dgamma"],
                sums=sums, N=runs, C=self.C, **places,
            )  # fmt: skip
        return (dx,)

    def cut(self, by_runs: Any, by_columns: Any) -> tuple[Any, int, dict[str, int]]:
        """The kernel for this shape, its chunks, and what it has to know of the shape."""
        count, apart, runs, step = self.parts(self.N, self.C, self.L)
        if self.L == 1 and self.of_all_images:  # then a channel is a column
            return by_columns, chunks_of(self.C, V), {"N": self.N, "C": self.C}
        shape = {"apart": apart, "runs": runs, "step": step, "C": self.C, "L": self.L}
        return by_runs, count, shape

    def is_fixed(self) -> bool:
        """Whether mean and variance are not those of x."""
        return False

    def before(self) -> None:
        """What is recorded in front."""

    def after(self) -> None:
        """What is recorded behind."""


class GroupNormOp(ChannelNormOp, layer=layers.GroupNorm):
    """A part is a group of channels of one image."""

    def channels(self) -> int:
        return int(self.layer.num_channels)

    def parts(self, N: int, C: int, L: int) -> tuple[int, int, int, int]:
        groups = self.layer.num_groups
        return N * groups, C // groups * L, C // groups, L


class TrackingOp(ChannelNormOp):
    """Statistics that run along, for inference."""

    def arrays(self) -> Iterable[Held]:
        yield from super().arrays()
        for name in ("running_mean", "running_var"):
            yield self.layer, name, (self.channels(),)
        yield self.layer, "num_batches_tracked", ()

    def channels(self) -> int:
        return int(self.layer.num_features)

    def fits(self, x: Buffer) -> bool:
        if not super().fits(x):
            return False
        N, C, L = *x.shape[:2], size(x.shape[2:])
        _, _, runs, _ = self.parts(N, C, L)
        return self.is_fixed() or runs * L > 1  # the variance of one number is refused

    def is_fixed(self) -> bool:
        return bool(self.option("track_running_stats")) and not self.trains()

    def statistics(self) -> dict[str, Buffer]:
        layer = self.layer
        return {
            "running_mean": self.state(layer.running_mean),
            "running_var": self.state(layer.running_var),
        }

    def before(self) -> None:
        if self.is_fixed():
            self.step(
                norm.take_running, 1, self.count, of=self.kept, kept=self.kept,
                eps=self.option("eps"), parts=self.count, C=self.C, **self.statistics(),
            )  # fmt: skip

    def after(self) -> None:
        if self.is_fixed() or not self.layer.track_running_stats or not self.trains():
            return
        momentum = self.option("momentum")
        statistics = self.statistics()
        self.step(
            norm.follow, 1, 4 * self.C, of=statistics["running_mean"], kept=self.kept,
            tracked=self.state(self.layer.num_batches_tracked),
            momentum=-1.0 if momentum is None else momentum,
            count=size(self.x.shape) // self.count, parts=self.count, C=self.C, **statistics,
        )  # fmt: skip


class BatchNormOp(TrackingOp, layer=layers.BatchNorm):
    """A part is a channel of all images."""

    of_all_images = True

    def parts(self, N: int, C: int, L: int) -> tuple[int, int, int, int]:
        return C, L, N, C * L


class InstanceNormOp(TrackingOp, layer=layers.InstanceNorm):
    """A part is a channel of one image."""

    def fits(self, x: Buffer) -> bool:
        return super().fits(x) and len(x.shape) > 2

    def parts(self, N: int, C: int, L: int) -> tuple[int, int, int, int]:
        return N * C, L, 1, 0
