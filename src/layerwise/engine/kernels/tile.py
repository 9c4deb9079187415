"""The building block: a tile of a batch-reduced matrix product, held in registers.

A matrix product C = A B is a sum over k of column k of A times row k of B:

    C[m, n] = sum over k of A[m, k] B[k, n]

Looked at one k at a time, each such column times row (a rank-one product) is a full matrix that is
added to C. The tile keeps ROWS x WIDTH numbers of C in vector registers and adds rank-one products
to them: for each k it reads COLUMNS vectors of B and ROWS single numbers of A, and does
ROWS x COLUMNS multiply-adds of whole vectors. So each number that is read is used several times,
memory is out of the way, and the CPU multiplies as fast as it can.

The batch is a second sum, over pairs of matrices that lie at fixed distances:

    C = sum over b of A_b B_b

A matrix product needs one pair only. A convolution is the sum over the elements of its kernel of
(pixels that this element meets) x (weights of this element), which is one batch.

After Georganas et al., High-Performance Deep Learning via a Single Building Block, 2019.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..cpu import COLUMNS, ROWS, WIDTH, V
from ..native import apart, inlined
from ..simd import FLOATS, LONG, Floats, Vector, call, load_at, spread, store_at

SIZE = ROWS * COLUMNS
Block = types.UniTuple(Vector, SIZE)  # the tile's part of C: ROWS rows of COLUMNS vectors each
Starts = types.UniTuple(Floats, ROWS)  # where the tile's rows begin


def unpacked(builder: Any, array: Any, count: int) -> list[Any]:
    return [builder.extract_value(array, i) for i in range(count)]


def packed(builder: Any, kind: Any, values: list[Any]) -> Any:
    array = ir.Constant(kind, ir.Undefined)
    for i, value in enumerate(values):
        array = builder.insert_value(array, value, i)
    return array


def row_of(builder: Any, start: Any) -> list[Any]:
    """The vectors of one row of a tile."""
    places = [builder.gep(start, [ir.Constant(LONG, v * V)]) for v in range(COLUMNS)]
    return [load_at(builder, place) for place in places]


@intrinsic
def starts(typing: Any, pointer: Any, stride: Any, rows: Any) -> Any:
    """Where the rows of a tile begin. Behind the last of fewer rows, that row is repeated.

    So a tile at the lower edge computes its last row several times, to the same result, and reads
    and writes nothing outside.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, stride, rows = args
        last = builder.sub(rows, ir.Constant(LONG, 1))
        found = []
        for m in range(ROWS):
            inside = builder.icmp_signed("<", ir.Constant(LONG, m), rows)
            row = builder.select(inside, ir.Constant(LONG, m), last)
            found.append(builder.gep(pointer, [builder.mul(row, stride)]))
        return packed(builder, context.get_value_type(Starts), found)

    return Starts(Floats, types.intp, types.intp), build


@intrinsic
def zeros(typing: Any) -> Any:
    """A block of zeros."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(Block)
        return packed(builder, kind, [ir.Constant(FLOATS, [0.0] * V)] * SIZE)

    return Block(), build


@intrinsic
def repeated(typing: Any, row: Any) -> Any:
    """A block of which every row is the one at this place."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = row_of(builder, args[0])
        return packed(builder, context.get_value_type(Block), vectors * ROWS)

    return Block(Floats), build


@intrinsic
def plus_block(typing: Any, block: Any, rows: Any) -> Any:
    """The block plus the one that lies at these rows."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        there = [v for row in unpacked(builder, args[1], ROWS) for v in row_of(builder, row)]
        both = zip(unpacked(builder, args[0], SIZE), there)
        sums = [builder.fadd(one, other) for one, other in both]
        return packed(builder, context.get_value_type(Block), sums)

    return Block(Block, Starts), build


@intrinsic
def store_block(typing: Any, rows: Any, block: Any) -> Any:
    """Write the block to these rows."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = iter(unpacked(builder, args[1], SIZE))
        for row in unpacked(builder, args[0], ROWS):
            for v in range(COLUMNS):
                store_at(builder, next(vectors), builder.gep(row, [ir.Constant(LONG, v * V)]))
        return context.get_dummy_value()

    return types.void(Starts, Block), build


@intrinsic
def add_rank_one(typing: Any, block: Any, column: Any, offset: Any, row: Any) -> Any:
    """block + column x row: a number of A from each row, and COLUMNS vectors of B."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block, column, offset, row = args
        c = unpacked(builder, block, SIZE)
        b = row_of(builder, row)
        for m, start in enumerate(unpacked(builder, column, ROWS)):
            a = spread(builder, builder.load(builder.gep(start, [offset])), FLOATS)
            for v in range(COLUMNS):
                i = m * COLUMNS + v
                c[i] = call(builder, f"llvm.fmuladd.v{V}f32", FLOATS, a, b[v], c[i])
        return packed(builder, context.get_value_type(Block), c)

    return Block(Block, Starts, types.intp, Floats), build


@inlined
def multiply(block: Any, A: Any, ak: int, B: Any, K: int) -> Any:
    """block + A B, where A's rows start at A and its columns are ak apart; B's rows are WIDTH."""
    for k in range(K):
        block = add_rank_one(block, A, k * ak, B + k * WIDTH)
    return block


@apart
def sum_of_products(
    A: Any, am: int, rows: int, distance: int, B: Any, bk: int, count: int, K: int, C: Any, cm: int,
    adds: int,
) -> None:  # fmt: skip
    """C (rows, WIDTH) = the sum of A_b B_b over `count` pairs of matrices; with `adds`, and of C.

    A_b begins at A + b * distance; its rows are am apart, and have K numbers. The rows of B_b are
    bk apart, and those of the next pair follow; rows of C are cm apart.
    """
    for m in range(0, rows, ROWS):
        starting, block = starts(A + m * am, am, min(ROWS, rows - m)), zeros()
        for b in range(count):
            for k in range(K):
                block = add_rank_one(block, starting, b * distance + k, B + (b * K + k) * bk)
        place = starts(C + m * cm, cm, min(ROWS, rows - m))
        store_block(place, plus_block(block, place) if adds else block)
