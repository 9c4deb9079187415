"""Walks through arrays whose numbers do not lie one behind the other: broadcast, turned, cut.

A walk goes row by row through an array of some shape. A row is its last axis; the axes in front of
it decide where the row begins. That is said by a table with a line for each axis, from the last one
to the first: its size, and how far its numbers lie apart in one array and in the other (0 where an
array is broadcast along it, the same number for all).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..cpu import V
from ..kernel import CHUNK, Float, Floats, Function, Int, Ints, Kernel, chunks_of, kernel
from ..native import inlined
from ..simd import load_some, select, splat, store_some
from .behind import call_behind

Strides = Sequence[int]


def strides_of(shape: Sequence[int], broadcast_to: Sequence[int] | None = None) -> list[int]:
    """How far the numbers lie apart along each axis; 0 along axes that are broadcast.

    >>> strides_of((2, 3)), strides_of((3, 1), broadcast_to=(2, 3, 4))
    ([3, 1], [0, 1, 0])
    """
    steps: list[int] = []
    apart = 1
    for n in reversed(shape):
        steps.insert(0, apart)
        apart *= n
    if broadcast_to is None:
        return steps
    new = len(broadcast_to) - len(shape)
    pairs = zip(steps, shape, broadcast_to[new:])
    return [0] * new + [0 if n == 1 != wide else step for step, n, wide in pairs]


def table_of(shape: Sequence[int], one: Strides, other: Strides) -> tuple[Any, int]:
    """The table of a walk, and how many rows there are. Axes are joined where both arrays allow
    it, so that the rows are long.

    >>> table_of((2, 3, 4), (12, 4, 1), (0, 4, 1))
    (array([12,  1,  1,  2, 12,  0]), 2)
    """
    lines = [[1, 0, 0]]
    for n, a, b in zip(reversed(shape), reversed(list(one)), reversed(list(other))):
        inner = lines[-1]
        if n == 1:
            continue
        if inner[0] == 1:
            lines[-1] = [n, a, b]
        elif a == inner[0] * inner[1] and b == inner[0] * inner[2]:
            inner[0] *= n
        else:
            lines.append([n, a, b])
    return np.array(lines, np.int64).ravel(), int(np.prod([line[0] for line in lines[1:]]))


def cut(length: int, rows: int) -> tuple[int, int]:
    """How many rows of this length a chunk has, and how many chunks there are: of long rows, each
    takes several."""
    in_chunk = max(1, CHUNK // length)
    return in_chunk, chunks_of(rows, in_chunk) * chunks_of(length)


@inlined
def place_of_row(table: Any, lines: int, row: int, array: int) -> int:
    """Where a row begins, in array 1 or 2."""
    place = 0
    for line in range(1, lines):
        n = table[3 * line]
        place += row % n * table[3 * line + array]
        row //= n
    return place


@inlined
def load_row(x: Any, i: int, stride: int, count: int) -> Any:
    """The next V numbers of a row, or one number in all lanes."""
    return load_some(x + i, count) if stride else splat(x[0])


def broadcasting(function: Callable[..., Any], name: str) -> Kernel:
    """The kernel of y = function(a, b, c), where a and b are broadcast to the shape of c and y;
    and of Y = behind(y) where there is such a function."""

    def body(
        a: Floats, b: Floats, c: Floats, y: Floats, table: Ints, lines: Int, rows: Int, count: Int,
        behind: Function, Y: Floats, p: Float, q: Float, chunk: Int, scratch: Floats,
    ) -> None:  # fmt: skip
        n = table[0]
        across = (n + CHUNK - 1) // CHUNK
        block, first = chunk // across, chunk % across * CHUNK
        for row in range(block * rows, min(count, (block + 1) * rows)):
            ra = a + place_of_row(table, lines, row, 1)
            rb = b + place_of_row(table, lines, row, 2)
            rc, out = c + row * n, y + row * n
            end = min(n, first + CHUNK)
            for i in range(first, end, V):
                va, vb = load_row(ra, i, table[1], n - i), load_row(rb, i, table[2], n - i)
                store_some(out + i, function(va, vb, load_some(rc + i, n - i)), n - i)
            if behind:
                call_behind(behind, out + first, Y + (row * n + first), n, 1, end - first, p, q)

    return Kernel(body, name)


@kernel
def copy(
    x: Floats, y: Floats, start: Int, out_start: Int, table: Ints, lines: Int, rows: Int,
    count: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """Number by number from one walk, through x from a place on, to another, through y."""
    n, apart, out_apart = table[0], table[1], table[2]
    across = (n + CHUNK - 1) // CHUNK
    block, first = chunk // across, chunk % across * CHUNK
    end = min(n, first + CHUNK)
    for row in range(block * rows, min(count, (block + 1) * rows)):
        source = x + (start + place_of_row(table, lines, row, 1))
        target = y + (out_start + place_of_row(table, lines, row, 2))
        if apart == 1 and out_apart == 1:
            for i in range(first, end, V):
                store_some(target + i, load_some(source + i, n - i), n - i)
        else:
            for i in range(first, end):
                target[i * out_apart] = source[i * apart]


# broadcast arithmetic, and what its backward needs: c is dout there ------------------------------


@inlined
def a_plus_b(a: Any, b: Any, c: Any) -> Any:
    return a + b


@inlined
def a_minus_b(a: Any, b: Any, c: Any) -> Any:
    return a - b


@inlined
def a_times_b(a: Any, b: Any, c: Any) -> Any:
    return a * b


@inlined
def a_by_b(a: Any, b: Any, c: Any) -> Any:
    return a / b


@inlined
def minus_c(a: Any, b: Any, c: Any) -> Any:
    return -c


@inlined
def c_times_a(a: Any, b: Any, c: Any) -> Any:
    return c * a


@inlined
def c_times_b(a: Any, b: Any, c: Any) -> Any:
    return c * b


@inlined
def c_by_b(a: Any, b: Any, c: Any) -> Any:
    return c / b


@inlined
def slope_of_divisor(a: Any, b: Any, c: Any) -> Any:
    return -c * a / b / b


@inlined
def larger(a: Any, b: Any) -> Any:
    """NaN, if one of them is: comparisons with it are false, and only NaN is not like itself."""
    return select(b <= a, a, select(a == a, b, a))


@inlined
def smaller(a: Any, b: Any) -> Any:
    """As `larger`."""
    return select(b >= a, a, select(a == a, b, a))


@inlined
def larger_of_both(a: Any, b: Any, c: Any) -> Any:
    return larger(a, b)


@inlined
def smaller_of_both(a: Any, b: Any, c: Any) -> Any:
    return smaller(a, b)


@inlined
def c_where_a_is_larger(a: Any, b: Any, c: Any) -> Any:
    return select(a < b, splat(0.0), select(a == b, c / 2.0, c))


@inlined
def c_where_a_is_smaller(a: Any, b: Any, c: Any) -> Any:
    return select(a > b, splat(0.0), select(a == b, c / 2.0, c))


ADD = broadcasting(a_plus_b, "broadcast_add")
SUBTRACT = broadcasting(a_minus_b, "broadcast_subtract")
MULTIPLY = broadcasting(a_times_b, "broadcast_multiply")
DIVIDE = broadcasting(a_by_b, "broadcast_divide")
NEGATIVE = broadcasting(minus_c, "negative")
TIMES_A = broadcasting(c_times_a, "broadcast_multiply_by_a")
TIMES_B = broadcasting(c_times_b, "broadcast_multiply_by_b")
BY_B = broadcasting(c_by_b, "broadcast_divide_by_b")
SLOPE_OF_DIVISOR = broadcasting(slope_of_divisor, "broadcast_slope_of_divisor")
MAXIMUM = broadcasting(larger_of_both, "broadcast_maximum")
MINIMUM = broadcasting(smaller_of_both, "broadcast_minimum")
TO_LARGER_A = broadcasting(c_where_a_is_larger, "broadcast_to_larger")
TO_SMALLER_A = broadcasting(c_where_a_is_smaller, "broadcast_to_smaller")
