"""Matrix products, cut into tiles.

An affine layer needs three of them, and they are one kernel with different strides. A[m, k] lies at
A + m * am + k * ak, and so on:

    forward           y  = x W + b      A = x             B = W
    backward          dx = dout W^T     A = dout          B = W seen with its axes swapped
                      dW = x^T dout     A = x, swapped    B = dout

B is copied, WIDTH columns and DEPTH rows at a time, to where its rows lie one behind the other:
the tile then reads it from the fastest cache, for all rows of A that a chunk has. B swapped is
turned on the way, squares of V x V numbers at a time. A swapped is copied too, in blocks of ROWS
columns: read as it lies, each of its numbers would come from another line of the cache.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..cpu import ROWS, WIDTH, V, cpus
from ..functions import f
from ..kernel import Float, Floats, Function, Int, kernel
from ..native import inlined
from ..simd import (
    LONG,
    load,
    load_at,
    load_part,
    load_some,
    prefetch,
    shuffled,
    store,
    store_at,
    store_some,
)
from ..simd import Floats as Pointer
from .behind import call_behind
from .tile import multiply, plus_block, repeated, starts, store_block, zeros

DEPTH = 6400 // WIDTH  # rows of B that are copied at a time: 25 KB, to stay in the fastest cache
ZERO, ADD, BIAS = 0, 1, 2  # what else is summed: nothing, what C holds, or a bias
WORK = 1 << 20  # multiply-adds in a chunk: some 20 microseconds
MOST_CHUNKS = 16
CHUNKS_FOR_EACH = 4  # CPU, at most

MOST_ROWS = 192 // ROWS * ROWS  # of a chunk: its part of A has to stay in the second cache
COPY = 2  # how much longer it takes to copy a number of A than one of B

# Where things lie in the thread's scratch memory, in floats
PANEL, EDGE = 0, DEPTH * WIDTH
ROW = EDGE + ROWS * WIDTH
BLOCKS = ROW + WIDTH


@intrinsic
def turn(typing: Any, source: Any, stride: Any, target: Any) -> Any:
    """Copy a square of V x V numbers with its rows and columns swapped; target's rows are WIDTH.

    Halves are exchanged, then quarters, and so on: what stands right of the diagonal of each square
    changes places with what stands below it.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, stride, target = args
        places = [builder.mul(stride, ir.Constant(LONG, i)) for i in range(V)]
        rows = [load_at(builder, builder.gep(source, [place])) for place in places]
        half = V // 2
        while half:
            upper = [j if not j & half else V + (j ^ half) for j in range(V)]
            lower = [j ^ half if not j & half else V + j for j in range(V)]
            for i in (i for i in range(V) if not i & half):
                a, b = rows[i], rows[i + half]
                rows[i] = shuffled(builder, a, b, upper)
                rows[i + half] = shuffled(builder, a, b, lower)
            half //= 2
        for i, row in enumerate(rows):
            store_at(builder, row, builder.gep(target, [ir.Constant(LONG, i * WIDTH)]))
        return context.get_dummy_value()

    return types.void(Pointer, types.intp, Pointer), build


@inlined
def copy_row(source: Any, target: Any, columns: int) -> None:
    """Copy some of WIDTH floats, and put zeros behind them."""
    for v in range(0, WIDTH, V):
        store(target + v, load_part(source + v, max(min(columns - v, V), 0)))


@inlined
def copy_panel(B: Any, bk: int, bn: int, depth: int, columns: int, panel: Any) -> None:
    """Copy some rows of at most WIDTH columns of B to where each row has WIDTH floats."""
    if bn == 1 and columns == WIDTH:
        for k in range(depth):
            prefetch(B + (k * bk + WIDTH))  # rows may be pages apart, too far to be foreseen
            for v in range(0, WIDTH, V):
                store(panel + (k * WIDTH + v), load(B + (k * bk + v)))
    elif bn == 1:
        for k in range(depth):
            copy_row(B + k * bk, panel + k * WIDTH, columns)
    else:
        whole = depth - depth % V if columns == WIDTH else 0
        for n in range(0, WIDTH, V):
            for k in range(0, whole, V):
                turn(B + (n * bn + k * bk), bn, panel + (k * WIDTH + n))
        for k in range(whole, depth):
            for n in range(WIDTH):
                panel[k * WIDTH + n] = B[k * bk + n * bn] if n < columns else f(0.0)


@inlined
def copy_block(A: Any, ak: int, depth: int, rows: int, there: int, block: Any) -> None:
    """Copy `rows` of the columns that are there in A, so that of ROWS of them the numbers at each
    k lie side by side.

    Whole vectors are written, each over what was too much before. Some k at a time, since what is
    read for one group of columns has a part of the next.
    """
    for first in range(0, depth, V):
        end = min(depth, first + V)
        for m in range(0, rows, ROWS):
            source, target = A + m, block + m // ROWS * (depth * ROWS + V)
            if m + (ROWS + V - 1) // V * V <= there:
                for k in range(first, end):
                    for v in range(0, ROWS, V):
                        store(target + (k * ROWS + v), load(source + (k * ak + v)))
            else:
                for k in range(first, end):
                    for v in range(0, ROWS, V):
                        last = load_part(source + (k * ak + v), max(min(there - m - v, V), 0))
                        store(target + (k * ROWS + v), last)


@inlined
def put_product(place: Any, how: int, bias: Any, A: Any, ak: int, panel: Any, depth: int) -> None:
    """Compute one tile, and put it where these rows of C are."""
    block = multiply(repeated(bias) if how == BIAS else zeros(), A, ak, panel, depth)
    store_block(place, plus_block(block, place) if how == ADD else block)


@kernel
def product(
    A: Floats, am: Int, ak: Int, B: Floats, bk: Int, bn: Int, C: Floats, bias: Floats,
    start: Int, M: Int, N: Int, K: Int, rows: Int, columns: Int,
    behind: Function, Y: Floats, p: Float, q: Float, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """C = A B, and Y = behind(C) where there is such a function.

    Chunks are blocks of `rows` x `columns` numbers of C, row by row.
    """
    across = (N + columns - 1) // columns
    top, left = chunk // across * rows, chunk % across * columns
    bottom, right = min(M, top + rows), min(N, left + columns)
    panel, edge, row, blocks = scratch + PANEL, scratch + EDGE, scratch + ROW, scratch + BLOCKS
    parts = max(1, (K + DEPTH - 1) // DEPTH)
    most = (K + parts - 1) // parts
    for part in range(parts):
        k, how = part * most, start if part == 0 else ADD
        depth = min(most, K - k)
        if ak != 1:
            copy_block(A + (top + k * ak), ak, depth, bottom - top, M - top, blocks)
        for n in range(left, right, WIDTH):
            width = min(WIDTH, right - n)
            copy_panel(B + (k * bk + n * bn), bk, bn, depth, width, panel)
            if how == BIAS:
                copy_row(bias + n, row, width)
            for m in range(top, bottom, ROWS):
                height, c = min(ROWS, bottom - m), C + (m * N + n)
                if ak == 1:
                    a, step = starts(A + (m * am + k), am, height), 1
                else:
                    place = (m - top) // ROWS * (depth * ROWS + V)
                    a, step = starts(blocks + place, 1, height), ROWS
                whole = width == WIDTH
                if not whole and how == ADD:
                    for r in range(height):
                        copy_row(c + r * N, edge + r * WIDTH, width)
                # at the right edge a tile is in memory of its own, of which a part is copied
                target = starts(c if whole else edge, N if whole else WIDTH, height)
                put_product(target, how, row, a, step, panel, depth)
                if not whole:
                    for r in range(height):
                        put_row(edge + r * WIDTH, c + r * N, width)
                if behind and part == parts - 1:
                    call_behind(behind, c, Y + (m * N + n), N, height, width, p, q)


@inlined
def put_row(source: Any, target: Any, columns: int) -> None:
    """Copy some floats, and write nothing behind them."""
    for v in range(0, columns, V):
        store_some(target + v, load(source + v), columns - v)


@inlined
def add_row(source: Any, target: Any, count: int, how: int) -> None:
    """Write some floats, or add them to what is there."""
    for v in range(0, count, V):
        z = load(source + v)
        if how == ADD:
            z = z + load_some(target + v, count - v)
        store_some(target + v, z, count - v)


def blocks(M: int, N: int, K: int, copied: bool) -> tuple[int, int, int]:
    """The rows and columns of a chunk, and how many chunks there are; `copied` says that A is.

    Each chunk copies its part of B, for as many rows as it has, and where A is copied its part of
    that, for as many columns: it is shared out so that the least is copied. How, and among how
    many, makes no difference to the results.
    """
    tiles, panels = -(-M // ROWS), -(-N // WIDTH)
    wanted = max(1, min(CHUNKS_FOR_EACH * cpus(), M * N * K // WORK))
    least = -(-M // MOST_ROWS)
    ways = [(max(least, min(tiles, -(-wanted // n))), n) for n in range(1, min(panels, wanted) + 1)]
    down, across = min(ways, key=lambda way: way[0] * N + copied * COPY * way[1] * M)
    rows, columns = -(-tiles // down) * ROWS, -(-panels // across) * WIDTH
    return rows, columns, -(-M // rows) * -(-N // columns)
