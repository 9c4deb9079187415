"""Which convolutions are computed by Winograd's way, and how their work is cut."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cpu import WIDTH, V
from .kernel import chunks_of
from .kernels.product import MOST_CHUNKS, WORK
from .kernels.windows import Grid
from .kernels.winograd import (
    ELEMENTS,
    ROOM,
    kernels_of_sums,
    take_kernels,
    transform_kernels,
    winograd,
    winograd_weights,
)
from .memory import Buffer
from .op import Op, size

# Below these, transforming takes longer than it saves: channels on either side, and tiles of all
# images, for which the kernels are transformed once
FEWEST_CHANNELS, FEWEST_TILES = 4, 128
MOST_PLACES = 96  # tiles that are transformed at a time
MOST_CHANNELS = 32  # for the weight gradient


def suits(grid: Grid, N: int, C: int, M: int) -> bool:
    """Whether a convolution from C to M channels is better computed this way: a line of tiles has
    to fill at least half a vector."""
    g = grid
    plain = (g.KH, g.KW, g.down, g.right, g.row_step, g.column_step) == (3, 3, 1, 1, 1, 1)
    many = min(C, M) >= FEWEST_CHANNELS and g.OW >= V and tiles_of(g, N) >= FEWEST_TILES
    return plain and many and ELEMENTS * WIDTH * max(C, M) < ROOM


def tiles_of(grid: Grid, N: int) -> int:
    return N * -(-grid.OH // 2) * -(-grid.OW // 2)


def flag(op: Op) -> Buffer:
    """A word that is 0 when a run begins."""
    word = Buffer((1,), np.int64, own=True)
    op.current.prepare(lambda: word.array.fill(0))
    return word


def convolve(op: Op, g: Grid, *also: Op, **given: Any) -> Buffer:
    """Record a convolution; gives the word that says whether it has to be done as it is written.

    given   what the kernel gets; W has a row for each channel that comes out
    """
    N, G, C, M = (given[name] for name in "NGCM")
    unusual, U = flag(op), op.new((ELEMENTS, G, M, C))
    op.step(
        transform_kernels, G * M, 0, of=U,
        W=given.pop("W"), U=U, rows=G * M, columns=C,
    )  # fmt: skip
    tiles = tiles_of(g, N)
    channels = min(C, (ROOM // ELEMENTS - M * WIDTH) // (WIDTH + V))
    channels = -(-C // -(-C // channels))
    places = (ROOM // ELEMENTS - channels * V) // (channels + M)
    places = min(places, MOST_PLACES) // WIDTH * WIDTH
    chunks = max(1, min(MOST_CHUNKS, G * tiles * C * M * ELEMENTS // WORK) // G)
    columns = -(-tiles // (chunks * places)) * places
    chunks = -(-tiles // columns)
    op.step(
        winograd, G * chunks, 2 * tiles * G * M * C * ELEMENTS, *also, of=given["y"],
        U=U, columns=columns, places=places, channels=channels, unusual=unusual, **given,
    )  # fmt: skip
    return unusual


def gradient_suits(grid: Grid, N: int, C: int, M: int) -> bool:
    return suits(grid, N, C, M) and places_of_gradient(C, M) >= 2 * V


def places_of_gradient(C: int, M: int) -> int:
    channels = min(C, MOST_CHANNELS)
    room = (ROOM - WIDTH * M) // (ELEMENTS * (channels + M) + 2 * WIDTH)
    return min(room - V, MOST_PLACES) // V * V


def weight_gradient(op: Op, g: Grid, start: Any, **given: Any) -> Buffer:
    """Record the gradient of the kernels, dW; gives a word as `convolve`."""
    N, G, C, M = (given[name] for name in "NGCM")
    dW, unusual = given.pop("dW"), flag(op)
    tiles, places = tiles_of(g, N), places_of_gradient(C, M)
    channels = -(-C // -(-C // MOST_CHANNELS))
    across, work = G * -(-C // channels), G * tiles * C * M * ELEMENTS
    parts = max(1, min(MOST_CHUNKS, work // WORK) // across)
    columns = -(-tiles // (parts * places)) * places
    parts = -(-tiles // columns)
    dU, dw = op.new((parts, ELEMENTS, G * M, C)), op.new(dW.shape)
    op.step(
        winograd_weights, parts * across, 2 * work, of=dW,
        dU=dU, columns=columns, places=places, channels=channels, unusual=unusual, **given,
    )  # fmt: skip
    op.step(
        kernels_of_sums, G * M, parts * size(dU.shape[1:]), of=dW,
        dU=dU, dw=dw, parts=parts, rows=G * M, C=C, unusual=unusual,
    )  # fmt: skip
    n = size(dW.shape)
    op.step(take_kernels, chunks_of(n), n, of=dW, dw=dw, dW=dW, start=start, n=n, unusual=unusual)
    return unusual
