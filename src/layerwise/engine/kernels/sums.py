"""Sums of the rows of a matrix, always in the same order: the gradient of a bias."""

from __future__ import annotations

from ..cpu import V
from ..functions import f
from ..kernel import Floats, Int, kernel
from ..simd import load_some, splat, store_some, total

COLUMNS = 64  # in a chunk


@kernel
def column_sums(
    x: Floats, y: Floats, add: Int, M: Int, N: Int, chunk: Int, scratch: Floats
) -> None:
    """y[n] = the sum of x[m, n] over m, row after row; where `add` is 1, y is the first row. Of
    several such x, one behind the other, the chunks of each follow those of the one before."""
    across = (N + COLUMNS - 1) // COLUMNS
    matrix, out = x + chunk // across * M * N, y + chunk // across * N
    first = chunk % across * COLUMNS
    if N == 1:  # then the numbers of a column lie side by side
        found = splat(f(0.0))
        for m in range(0, M, V):
            found = found + load_some(matrix + m, M - m)
        out[0] = total(found) + (out[0] if add else f(0.0))
    else:
        end = min(N, first + COLUMNS)
        for n in range(first, end, V):
            found = load_some(out + n, end - n) if add else splat(f(0.0))
            for m in range(M):
                found = found + load_some(matrix + (m * N + n), end - n)
            store_some(out + n, found, end - n)
