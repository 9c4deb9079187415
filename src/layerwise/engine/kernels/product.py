"""Matrix products, cut into tiles.

An affine layer needs three of them, and they are one kernel with different strides. A[m, k] lies at
A + m * am + k * ak, and so on:

    forward           y  = x W + b      A = x             B = W
    backward          dx = dout W^T     A = dout          B = W seen with its axes swapped
                      dW = x^T dout     A = x, swapped    B = dout

B is copied, WIDTH columns and DEPTH rows at a time, to where its rows lie one behind the other:
the tile then reads it from the fastest cache, for all rows of A. B swapped is turned on the way,
squares of V x V numbers at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..cpu import ROWS, WIDTH, V
from ..functions import f
from ..kernel import Float, Floats, Int, Kernel
from ..native import inlined
from ..simd import LONG, load, load_at, load_part, load_some, splat, store, store_at, store_some
from ..simd import Floats as Pointer
from .tile import multiply, plus_block, repeated, starts, store_block, zeros

DEPTH = 6144 // WIDTH  # rows of B that are copied at a time: 24 KB, to stay in the fastest cache
ZERO, ADD, BIAS = 0, 1, 2  # what else is summed: nothing, what C holds, or a bias
WORK = 1 << 20  # multiply-adds in a chunk: some 20 microseconds
MOST_CHUNKS = 32

# Where things lie in the thread's scratch memory, in floats
PANEL, EDGE, ROW = 0, DEPTH * WIDTH, DEPTH * WIDTH + ROWS * WIDTH


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


def shuffled(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    """V of the 2 V lanes of two vectors."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), V), lanes))


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
def put_product(place: Any, how: int, bias: Any, A: Any, ak: int, panel: Any, depth: int) -> None:
    """Compute one tile, and put it where these rows of C are."""
    block = multiply(repeated(bias) if how == BIAS else zeros(), A, ak, panel, depth)
    store_block(place, plus_block(block, place) if how == ADD else block)


def product(function: Callable[..., Any] | None = None, name: str = "") -> Kernel:
    """The kernel of C = A B, or with a function of each number of C beside it: Y = function(C).

    The function is applied to each tile while it is still in the fastest cache.
    """
    fused = function is not None
    apply: Any = function or unchanged

    def body(
        A: Floats, am: Int, ak: Int, B: Floats, bk: Int, bn: Int, C: Floats, bias: Floats,
        Y: Floats, start: Int, M: Int, N: Int, K: Int, rows: Int, columns: Int, p: Float, q: Float,
        chunk: Int, scratch: Floats,
    ) -> None:  # fmt: skip
        """Chunks are blocks of `rows` x `columns` numbers of C, row by row."""
        across = (N + columns - 1) // columns
        top, left = chunk // across * rows, chunk % across * columns
        bottom, right = min(M, top + rows), min(N, left + columns)
        panel, edge, row = scratch + PANEL, scratch + EDGE, scratch + ROW
        for k in range(0, max(K, 1), DEPTH):
            depth, how = min(DEPTH, K - k), start if k == 0 else ADD
            for n in range(left, right, WIDTH):
                width = min(WIDTH, right - n)
                copy_panel(B + (k * bk + n * bn), bk, bn, depth, width, panel)
                if how == BIAS:
                    copy_row(bias + n, row, width)
                for m in range(top, bottom, ROWS):
                    height = min(ROWS, bottom - m)
                    a, c = starts(A + (m * am + k * ak), am, height), C + (m * N + n)
                    if width == WIDTH:
                        place = starts(c, N, height)
                        put_product(place, how, row, a, ak, panel, depth)
                    else:  # at the right edge: in memory of its own, of which a part is copied
                        place = starts(edge, WIDTH, height)
                        if how == ADD:
                            for r in range(height):
                                copy_row(c + r * N, edge + r * WIDTH, width)
                        put_product(place, how, row, a, ak, panel, depth)
                        for r in range(height):
                            put_row(edge + r * WIDTH, c + r * N, width)
                    if fused and k + depth >= K:
                        for r in range(height):
                            apply_row(c + r * N, Y + ((m + r) * N + n), width, p, q)

    @inlined
    def apply_row(c: Any, y: Any, width: int, p: float, q: float) -> None:
        for v in range(0, width, V):
            x = load_some(c + v, width - v)
            store_some(y + v, apply(x, splat(p), splat(q)), width - v)

    return Kernel(body, name or "product")


@inlined
def unchanged(x: Any, p: Any, q: Any) -> Any:
    return x


@inlined
def put_row(source: Any, target: Any, columns: int) -> None:
    """Copy some floats, and write nothing behind them."""
    for v in range(0, columns, V):
        store_some(target + v, load(source + v), columns - v)


PRODUCT = product()


def blocks(M: int, N: int, K: int) -> tuple[int, int, int]:
    """The rows and columns of a chunk, and how many chunks there are: columns are shared out first,
    since each chunk has to copy its part of B."""
    wanted = max(1, min(MOST_CHUNKS, M * N * K // WORK))
    panels = -(-N // WIDTH)
    across = min(panels, wanted)
    columns = -(-panels // across) * WIDTH
    across = -(-N // columns)
    tiles = -(-M // ROWS)
    rows = -(-tiles // min(tiles, -(-wanted // across))) * ROWS
    return rows, columns, across * -(-M // rows)
