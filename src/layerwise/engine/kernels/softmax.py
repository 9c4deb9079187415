"""The loss of scores for several classes: softmax and cross entropy in one.

For a row of scores x with the largest score m and the sum s of exp(x - m), the loss of class t is
ln(s) - (x[t] - m), and its gradient exp(x - m) / s, less 1 at t. Forward keeps m and s.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu import V
from ..functions import exp, f
from ..kernel import CHUNK, Floats, Int, Ints, kernel
from ..native import inlined
from ..simd import (
    lanes_below,
    largest,
    load_some,
    select,
    splat,
    store_some,
    total,
)

LOWEST = f(-np.inf)


def rows_in_chunk(classes: int) -> int:
    return max(1, CHUNK // classes)


@inlined
def row_largest(x: Any, n: int) -> Any:
    """The largest of n numbers. NaN is passed over: it shows in the sum."""
    found = splat(LOWEST)
    for i in range(0, n, V):
        v = select(lanes_below(n - i), load_some(x + i, n - i), splat(LOWEST))
        found = select(v > found, v, found)
    return largest(found)


@inlined
def row_sum_of_exp(x: Any, most: Any, n: int) -> Any:
    """The sum of exp(x - most)."""
    found = splat(f(0.0))
    for i in range(0, n, V):
        terms = exp(load_some(x + i, n - i) - most)
        found = found + select(lanes_below(n - i), terms, splat(f(0.0)))
    return total(found)


@kernel
def cross_entropy(
    x: Floats, t: Ints, losses: Floats, kept: Floats, wrong: Ints, ignored: Int, rows: Int,
    N: Int, C: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """losses[n] of scores x (N, C) and class numbers t (N,); kept (N, 2) are m and s of each row.

    Rows of the class `ignored` have no loss. `wrong` becomes 1 if another is not in 0..C-1.
    """
    for n in range(chunk * rows, min(N, (chunk + 1) * rows)):
        row = x + n * C
        most = row_largest(row, C)
        s = row_sum_of_exp(row, most, C)
        kept[2 * n], kept[2 * n + 1] = most, s
        losses[n] = f(0.0)
        if 0 <= t[n] < C and t[n] != ignored:
            losses[n] = np.log(s) - (row[t[n]] - most)
        elif t[n] != ignored:
            wrong[0] = 1


@kernel
def reduce_losses(
    losses: Floats, t: Ints, y: Floats, total: Floats, ignored: Int, mean: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y = the sum of the losses, for the mean divided by how many rows are not ignored; `total` is
    what the gradients are divided by. Summed in float64, since there may be many."""
    found, count = 0.0, 0
    for n in range(N):
        found += losses[n]
        count += t[n] != ignored
    y[0] = found / count if mean else found
    total[0] = max(count, 1) if mean else 1


@kernel
def cross_entropy_backward(
    x: Floats, t: Ints, kept: Floats, dout: Floats, each: Int, total: Floats, dx: Floats,
    ignored: Int, rows: Int, N: Int, C: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = dout / total (exp(x - m) / s - 1 at t); `each` is 1 if each row has its own dout."""
    for n in range(chunk * rows, min(N, (chunk + 1) * rows)):
        row, out = x + n * C, dx + n * C
        counts = t[n] != ignored
        d = dout[n * each] / total[0] if counts else f(0.0)
        most, s = kept[2 * n], kept[2 * n + 1]
        for i in range(0, C, V):
            store_some(out + i, exp(load_some(row + i, C - i) - most) / s * d, C - i)
        if counts:
            out[t[n]] -= d
