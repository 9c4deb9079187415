"""Convolutions: the matrix product of kernels and columns, whose columns are never in memory whole.

For one image, all windows as columns (see `layers/conv.py`) make a convolution a matrix product,
and so are its gradients:

    forward           y  = W columns(x) + b         W (M, R): a row for each kernel, R = C KH KW
    input gradient    dx = V columns(dout)          V (C, M KH KW): the same kernels turned around
    weight gradient   dW = dout columns(x)^T

As columns, an image would take KH KW times its memory. So they are made for WIDTH windows at a
time, in the thread's scratch memory, where the tile reads them next.
"""

from __future__ import annotations

from typing import Any

from ..cpu import ROWS, WIDTH, V
from ..functions import f
from ..kernel import Float, Floats, Function, Int, Ints, kernel
from ..native import inlined
from ..pool import SCRATCH
from ..simd import load, load_some, splat, store_some, total
from .behind import call_behind
from .product import ADD, BIAS, MOST_CHUNKS, WORK, add_row, copy_panel
from .tile import sum_of_products
from .windows import gather, grid_at

# Where things lie in the thread's scratch memory, in floats: a tile, then columns
COLUMNS_AT = ROWS * WIDTH
ROOM = SCRATCH // 4 - COLUMNS_AT
PLACES = 64 // WIDTH * WIDTH  # windows whose columns are made at a time
ROW = PLACES + V
MOST_ELEMENTS = ROOM // ROW  # of a kernel in one channel


@kernel
def convolution(
    x: Floats, W: Floats, bias: Floats, y: Floats, needed: Ints, grid: Ints, start: Int,
    N: Int, G: Int, C: Int, M: Int, rows: Int, columns: Int, channels: Int,
    behind: Function, Y: Floats, p: Float, q: Float, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y = W columns(x) + b, and Y = behind(y) where there is such a function.

    needed    whether it has to be done at all
    grid      of the windows (see `Grid`)
    start     ZERO or BIAS: what else is summed
    N, G      images, and groups that their channels are cut into
    C, M      channels in and out of a group
    rows, columns   of a chunk: of all (M, N OH OW) numbers of a group
    channels  whose columns are made at a time
    """
    if not needed[0]:
        return
    g = grid_at(grid)
    P, K = g.OH * g.OW, g.KH * g.KW
    across = (N * P + columns - 1) // columns
    down = (M + rows - 1) // rows
    group, top = chunk // (across * down), chunk // across % down * rows
    left, bottom = chunk % across * columns, min(M, top + rows)
    right, image = min(N * P, left + columns), C * g.H * g.W
    panel = scratch + COLUMNS_AT
    for place in range(left, right, PLACES):
        width = min(PLACES, right - place)
        for block in range((C + channels - 1) // channels):
            c = block * channels
            depth = min(channels, C - c)
            source = x + (group * image + c * g.H * g.W)
            gather(source, G * image, g, depth, place, width, panel, ROW)
            how = start if c == 0 else ADD
            function = behind if c + depth == C else 0
            for n in range(0, width, WIDTH):
                for m in range(group * M + top, group * M + bottom, ROWS):
                    height, a = min(ROWS, group * M + bottom - m), W + (m * C + c) * K
                    sum_of_products(
                        (a, C * K, height, 0, panel + n, ROW, 1, depth * K, scratch, WIDTH, 0)
                    )
                    put(
                        scratch, y, Y, bias, how, m, height, G * M, P, place + n,
                        min(WIDTH, width - n), function, p, q,
                    )  # fmt: skip


@inlined
def put(
    tile: Any, y: Any, Y: Any, bias: Any, how: int, m: int, height: int, M: int, P: int,
    place: int, width: int, behind: int, p: float, q: float,
) -> None:  # fmt: skip
    """Write a tile of kernels m.. and windows place.. to y (N, M, P), and its function to Y."""
    image, at, done = place // P, place % P, 0
    while done < width:
        count, first = min(P - at, width - done), (image * M + m) * P + at
        for r in range(height):
            to = first + r * P
            b = bias[m + r] if how == BIAS else f(0.0)
            for v in range(0, count, V):
                lanes = min(V, count - v)
                z = load(tile + (r * WIDTH + done + v))
                z = z + (load_some(y + (to + v), lanes) if how == ADD else splat(b))
                store_some(y + (to + v), z, lanes)
        if behind:
            call_behind(behind, y + first, Y + first, P, height, count, p, q)
        done, image, at = done + count, image + 1, 0


def blocks(M: int, windows: int, K: int) -> tuple[int, int, int]:
    """The rows and columns of a chunk of (M, windows) numbers, and how many chunks there are:
    windows are shared out first, since each chunk has to make its columns."""
    wanted = max(1, min(MOST_CHUNKS, M * windows * K // WORK))
    panels = -(-windows // WIDTH)
    across = min(panels, wanted)
    columns = -(-panels // across) * WIDTH
    across = -(-windows // columns)
    tiles = -(-M // ROWS)
    rows = -(-tiles // min(tiles, -(-wanted // across))) * ROWS
    return rows, columns, across * -(-M // rows)


@kernel
def weight_gradient(
    x: Floats, dout: Floats, dW: Floats, needed: Ints, grid: Ints, start: Int, N: Int, G: Int,
    C: Int, M: Int, share: Int, channels: Int, depth: Int, batch: Int, row: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dW (parts, G M, R) = dout columns(x)^T, where each part sums `share` images.

    Chunks are parts x groups x blocks of channels. Columns are made of `depth` windows of `batch`
    images at a time, in rows of `row` floats.
    """
    if not needed[0]:
        return
    g = grid_at(grid)
    P, K = g.OH * g.OW, g.KH * g.KW
    across = (C + channels - 1) // channels
    part, group, c = chunk // (across * G), chunk // across % G, chunk % across * channels
    here, R, image = min(channels, C - c), C * K, C * g.H * g.W
    panel, columns = scratch + COLUMNS_AT, scratch + (COLUMNS_AT + row * WIDTH)
    target = dW + ((part * G + group) * M * R + c * K)
    source, how, end = x + (group * image + c * g.H * g.W), start, min(N, (part + 1) * share)
    for several in range((end - part * share + batch - 1) // batch):
        n = part * share + several * batch
        images = min(batch, end - n)
        for block in range((P + depth - 1) // depth):
            at = block * depth
            count = min(depth, P - at)
            gather(source, G * image, g, here, n * P + at, images * count, columns, row)
            for r in range(0, here * K, WIDTH):
                # Rows and columns behind the last hold anything; nobody reads what comes of them.
                whole = (images * count + V - 1) // V * V
                copy_panel(columns + r * row, 1, row, whole, WIDTH, panel)
                for m in range(0, M, ROWS):
                    height = min(ROWS, M - m)
                    a = dout + (((n * G + group) * M + m) * P + at)
                    sum_of_products(
                        (a, P, height, G * M * P, panel, WIDTH, images, count, scratch, WIDTH, 0)
                    )
                    for i in range(height):
                        to = target + ((m + i) * R + r)
                        add_row(scratch + i * WIDTH, to, min(WIDTH, here * K - r), how)
            how = ADD


@kernel
def turn_kernels(
    W: Floats, turned: Floats, G: Int, C: Int, M: Int, K: Int, chunk: Int, scratch: Floats
) -> None:
    """turned[(g, c), (m, K - 1 - k)] = W[(g, m), (c, k)]; a chunk for each (g, c)."""
    group, c = chunk // C, chunk % C
    to = turned + chunk * M * K
    for m in range(M):
        source = W + ((group * M + m) * C + c) * K
        for k in range(K):
            to[m * K + K - 1 - k] = source[k]


@kernel
def spread_pixels(
    x: Floats, y: Floats, H: Int, W: Int, OH: Int, OW: Int, down: Int, right: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """An image (H, W) on zeros (OH, OW), its pixels (down, right) apart; a chunk for each image."""
    source, target = x + chunk * H * W, y + chunk * OH * OW
    for i in range(OH * OW):
        target[i] = f(0.0)
    for i in range(H):
        for j in range(W):
            target[i * down * OW + j * right] = source[i * W + j]


@kernel
def channel_sums(
    x: Floats, y: Floats, add: Int, N: Int, M: Int, P: Int, chunk: Int, scratch: Floats
) -> None:
    """y[m] = the sum of x (N, M, P) over images and places; `add`: and of what y holds."""
    found = 0.0  # in float64, since there may be many
    for n in range(N):
        row, part = x + (n * M + chunk) * P, splat(f(0.0))
        for v in range(0, P, V):
            part = part + load_some(row + v, P - v)
        found += total(part)
    y[chunk] = found + (y[chunk] if add else f(0.0))
