"""Rows of a table that are looked up by their numbers, and gradients that are added to them."""

from __future__ import annotations

from typing import Any

from ..cpu import V
from ..kernel import Floats, Int, Ints, kernel
from ..native import inlined
from ..simd import load_some, store_some

COLUMNS = 64  # in a chunk of the gradient


@inlined
def copy_row(source: Any, target: Any, n: int) -> None:
    for i in range(0, n, V):
        store_some(target + i, load_some(source + i, n - i), n - i)


@kernel
def look_up(
    x: Ints, W: Floats, y: Floats, wrong: Ints, rows: Int, N: Int, count: Int, D: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y[n] = W[x[n]]; `wrong` becomes 1 if a number is not in 0..count-1."""
    for n in range(chunk * rows, min(N, (chunk + 1) * rows)):
        if 0 <= x[n] < count:
            copy_row(W + x[n] * D, y + n * D, D)
        else:
            wrong[0] = 1


@kernel
def add_to_rows(
    x: Ints, dout: Floats, dW: Floats, skipped: Int, N: Int, D: Int, chunk: Int, scratch: Floats
) -> None:
    """dW[x[n]] += dout[n] for all n in their order, but not where x is `skipped`. A chunk is some
    columns of all rows, so that no two chunks add to the same numbers."""
    start = chunk * COLUMNS
    width = min(COLUMNS, D - start)
    for n in range(N):
        if x[n] != skipped:
            row, d = dW + (x[n] * D + start), dout + (n * D + start)
            for i in range(0, width, V):
                total = load_some(row + i, width - i) + load_some(d + i, width - i)
                store_some(row + i, total, width - i)
