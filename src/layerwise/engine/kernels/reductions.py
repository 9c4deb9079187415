"""Many numbers become one: the sum, the largest, the smallest along an axis of x (A, K, B).

Two vectors are put together by one function, number by number. Where the axis is the last one
(B = 1), a vector holds V numbers of one row, and its lanes are put together in the end. Rows are
cut into parts, to be put together again: so a single long row keeps all CPUs busy, and sums of many
numbers lose no digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import layers
from ..cpu import V
from ..functions import INF
from ..kernel import Float, Floats, Int, Kernel
from ..simd import lanes_below, load_some, select, splat, store, store_some
from .activations import formula, named
from .elementwise import ACTIVATIONS, elementwise
from .sums import COLUMNS
from .walk import broadcasting, larger, smaller

PART = 4096  # numbers of a row that are put together at a time


class Reduction:
    """The kernels that put numbers together, and the number that changes nothing."""

    def __init__(self, name: str, together: Callable[..., Any], start: float) -> None:
        self.start, function = start, named(name, together)

        def rows(
            x: Floats, y: Floats, start: Float, K: Int, N: Int, count: Int,
            chunk: Int, scratch: Floats,
        ) -> None:  # fmt: skip
            """y (A, parts) of x (A, K): a chunk has `count` of all N parts."""
            parts = (K + PART - 1) // PART
            for r in range(chunk * count, min(N, (chunk + 1) * count)):
                first = r % parts * PART
                part, n = x + (r // parts * K + first), min(PART, K - first)
                found = splat(start)
                for i in range(0, n, V):
                    v = select(lanes_below(n - i), load_some(part + i, n - i), splat(start))
                    found = function(found, v)
                store(scratch, found)
                found = splat(start)
                for lane in range(V):
                    found = function(found, splat(scratch[lane]))
                store_some(y + r, found, 1)

        def columns(
            x: Floats, y: Floats, start: Float, K: Int, B: Int, chunk: Int, scratch: Floats
        ) -> None:
            """y (A, B) of x (A, K, B): a chunk is some columns of one of A."""
            across = (B + COLUMNS - 1) // COLUMNS
            a, first = chunk // across, chunk % across * COLUMNS
            end = min(B, first + COLUMNS)
            for i in range(first, end, V):
                found = splat(start)
                for k in range(K):
                    found = function(found, load_some(x + ((a * K + k) * B + i), end - i))
                store_some(y + (a * B + i), found, end - i)

        self.rows, self.columns = Kernel(rows, f"{name}_of_rows"), Kernel(columns, name)


SUM = Reduction("sum", lambda a, b: a + b, 0.0)
MAX = Reduction("max", lambda a, b: larger(a, b), -float(INF))
MIN = Reduction("min", lambda a, b: smaller(a, b), float(INF))

# what is done to each number, before and after ---------------------------------------------------

SCALE = formula(elementwise, "scale", lambda a, b, c, p, q: a * p)
SQUARE = ACTIVATIONS[layers.Square].kernel
DIVIDE = formula(elementwise, "divide", lambda a, b, c, p, q: a / b)
SPREAD = formula(broadcasting, "spread", lambda a, b, c: a)
DISTANCE = formula(broadcasting, "distance", lambda a, b, c: c - a)
VARIANCE_SLOPE = formula(broadcasting, "variance_slope", lambda a, b, c: a * (c - b))
CHOSEN = formula(  # 1 where c is what was chosen, or NaN
    broadcasting,
    "chosen",
    lambda a, b, c: select(c == a, splat(1.0), select(c == c, splat(0.0), splat(1.0))),
)
TO_CHOSEN = formula(broadcasting, "to_chosen", lambda a, b, c: select(c > 0.0, a, splat(0.0)))
