"""Softmax and its relatives along an axis: of x (N, C, L), along C.

Where the axis is the last one (L = 1), a vector holds V scores of one row. Else V places of L stand
side by side in a vector, and each lane has a largest score m and a sum s of exp(x - m) of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu import V
from ..functions import exp, f
from ..kernel import Floats, Int, Ints, kernel
from ..native import inlined
from ..simd import load_some, select, splat, store, store_some, total
from .softmax import LOWEST, row_largest, row_sum_of_exp

# rows x (N, C) -----------------------------------------------------------------------------------


@kernel
def softmax_rows(
    x: Floats, y: Floats, logs: Int, rows: Int, N: Int, C: Int, chunk: Int, scratch: Floats
) -> None:
    """y = exp(x - m) / s, or the logarithm of it."""
    for n in range(chunk * rows, min(N, (chunk + 1) * rows)):
        row, out = x + n * C, y + n * C
        most = row_largest(row, C)
        s = row_sum_of_exp(row, most, C)
        log_s = np.log(s)
        for i in range(0, C, V):
            shifted = load_some(row + i, C - i) - most
            store_some(out + i, shifted - log_s if logs else exp(shifted) / s, C - i)


@kernel
def softmax_rows_backward(
    y: Floats, dout: Floats, dx: Floats, logs: Int, rows: Int, N: Int, C: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = y (dout - sum of dout y); of the logarithm, dx = dout - exp(y) (sum of dout)."""
    for n in range(chunk * rows, min(N, (chunk + 1) * rows)):
        row, d, out = y + n * C, dout + n * C, dx + n * C
        found = splat(f(0.0))
        for i in range(0, C, V):
            part = load_some(d + i, C - i)
            found = found + (part if logs else part * load_some(row + i, C - i))
        of_row = total(found)
        for i in range(0, C, V):
            part, share = load_some(d + i, C - i), load_some(row + i, C - i)
            slope = part - exp(share) * of_row if logs else share * (part - of_row)
            store_some(out + i, slope, C - i)


# places side by side: a chunk is one of N ---------------------------------------------------------


@inlined
def largest_and_sum(x: Any, C: int, L: int, width: int) -> Any:
    """m and s of some places side by side."""
    most, s = splat(LOWEST), splat(f(0.0))
    for c in range(C):
        v = load_some(x + c * L, width)
        most = select(v > most, v, most)
    for c in range(C):
        s = s + exp(load_some(x + c * L, width) - most)
    return most, s


@inlined
def log_of_each(x: Any, scratch: Any) -> Any:
    """The logarithm of a vector, number by number; they are in scratch, too."""
    store(scratch, x)
    for i in range(V):
        scratch[i] = np.log(scratch[i])
    return load_some(scratch, V)


@kernel
def softmax_along(
    x: Floats, y: Floats, logs: Int, C: Int, L: Int, chunk: Int, scratch: Floats
) -> None:
    """As `softmax_rows`."""
    for i in range(0, L, V):
        first = chunk * C * L + i
        most, s = largest_and_sum(x + first, C, L, L - i)
        log_s = log_of_each(s, scratch)
        for c in range(C):
            shifted = load_some(x + (first + c * L), L - i) - most
            store_some(y + (first + c * L), shifted - log_s if logs else exp(shifted) / s, L - i)


@kernel
def softmax_along_backward(
    y: Floats, dout: Floats, dx: Floats, logs: Int, C: Int, L: Int, chunk: Int, scratch: Floats
) -> None:
    """As `softmax_rows_backward`."""
    for i in range(0, L, V):
        first, found = chunk * C * L + i, splat(f(0.0))
        for c in range(C):
            part = load_some(dout + (first + c * L), L - i)
            found = found + (part if logs else part * load_some(y + (first + c * L), L - i))
        for c in range(C):
            place = first + c * L
            part, share = load_some(dout + place, L - i), load_some(y + place, L - i)
            slope = part - exp(share) * found if logs else share * (part - found)
            store_some(dx + place, slope, L - i)


# the loss of scores (N, C, L) and class numbers t (N, L): see softmax.py --------------------------


@kernel
def cross_entropy_along(
    x: Floats, t: Ints, losses: Floats, kept: Floats, wrong: Ints, ignored: Int, C: Int, L: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """losses (N, L); kept (N, 2, L) are m and s of each place."""
    for i in range(0, L, V):
        first, place = chunk * C * L + i, chunk * L + i
        most, s = largest_and_sum(x + first, C, L, L - i)
        store_some(kept + (chunk * 2 * L + i), most, L - i)
        store_some(kept + (chunk * 2 * L + L + i), s, L - i)
        log_of_each(s, scratch)
        for lane in range(min(V, L - i)):
            right = t[place + lane]
            if right == ignored:
                losses[place + lane] = f(0.0)
            elif 0 <= right < C:
                difference = x[first + right * L + lane] - kept[chunk * 2 * L + i + lane]
                losses[place + lane] = scratch[lane] - difference
            else:
                wrong[0] = 1


@kernel
def cross_entropy_along_backward(
    x: Floats, t: Ints, kept: Floats, dout: Floats, each: Int, total: Floats, dx: Floats,
    ignored: Int, C: Int, L: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = dout / total (exp(x - m) / s - 1 at t); `each` is 1 if each place has its own dout."""
    for i in range(0, L, V):
        first, place, width = chunk * C * L + i, chunk * L + i, min(V, L - i)
        for lane in range(width):
            counts = t[place + lane] != ignored
            scratch[lane] = dout[(place + lane) * each] / total[0] if counts else f(0.0)
        d = load_some(scratch, width)
        most = load_some(kept + (chunk * 2 * L + i), width)
        share = d / load_some(kept + (chunk * 2 * L + L + i), width)
        for c in range(C):
            slope = exp(load_some(x + (first + c * L), width) - most) * share
            store_some(dx + (first + c * L), slope, width)
        for lane in range(width):
            if t[place + lane] != ignored:
                dx[first + t[place + lane] * L + lane] -= scratch[lane]
