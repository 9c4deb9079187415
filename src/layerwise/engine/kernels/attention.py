"""Attention, out = softmax(scale q kᵀ) v, one head at a time, and never a whole matrix of shares.

Keys are taken KEYS at a time. For such a block each query has scores, and shares exp(score - m)
with the largest score m so far. If a later block has a larger one, what was summed up before is
multiplied by exp(old m - m): so one way through the keys is enough, and the memory that is needed
besides q, k, v and out is two numbers for each query. Backward computes the shares again, from
ln(sum of exp(scores)), which forward has kept.

    out = sum of share v / sum of share           dv = sum of share dout
    dscore = share (dout · v - dout · out)        dq = scale sum of dscore k     dk likewise of q

Dao et al., FlashAttention, 2022, arXiv:2205.14135. Both products are those of the tile.

`lay` says where things lie: for q, k, v and out in turn, how far apart there are images of the
batch, heads, and rows. H heads of queries share heads of keys and values, `group` of them one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu import ROWS, WIDTH, V
from ..functions import exp, f
from ..kernel import Float, Floats, Int, Ints, kernel
from ..native import inlined
from ..simd import lanes_below, load, load_some, select, splat, store, store_some, total
from .product import copy_panel
from .softmax import LOWEST, row_largest
from .tile import multiply, starts, store_block, zeros

KEYS = max(96 // WIDTH, 1) * WIDTH  # in a block
QUERIES = 8 * ROWS  # in a block, backward


def scratch_needed(E: int, D: int) -> int:
    """How many floats of scratch the kernels need for heads of E (queries, keys) and D (values)."""
    in_panels = (-(-E // WIDTH) + -(-D // WIDTH)) * WIDTH * KEYS
    return (E + D) * KEYS + in_panels + (3 * QUERIES + ROWS) * KEYS


# rows --------------------------------------------------------------------------------------------


@inlined
def row_of_zeros(x: Any, n: int) -> None:
    for i in range(0, n, V):
        store_some(x + i, splat(f(0.0)), n - i)


@inlined
def scaled_row(x: Any, factor: Any, n: int) -> None:
    for i in range(0, n, V):
        store_some(x + i, load_some(x + i, n - i) * factor, n - i)


@inlined
def dot(a: Any, b: Any, n: int) -> Any:
    found = splat(f(0.0))
    for i in range(0, n, V):
        found = found + load_some(a + i, n - i) * load_some(b + i, n - i)
    return total(found)


@inlined
def seen(m: int, first: int, width: int, causal: int) -> int:
    """How many of the keys from `first` on query m sees."""
    return max(0, min(width, m + 1 - first)) if causal else width


# products ----------------------------------------------------------------------------------------


@inlined
def copy_columns(B: Any, row: int, depth: int, columns: int, panels: Any) -> None:
    """Copy some rows into panels of WIDTH columns, one panel behind the other."""
    for c in range(0, columns, WIDTH):
        copy_panel(B + c, row, 1, depth, min(WIDTH, columns - c), panels + c * depth)


@inlined
def copy_turned(B: Any, row: int, depth: int, columns: int, panels: Any) -> None:
    """The same of rows that are to be the columns."""
    for c in range(0, columns, WIDTH):
        copy_panel(B + c * row, 1, row, depth, min(WIDTH, columns - c), panels + c * depth)


@inlined
def put_scores(A: Any, row: int, height: int, depth: int, panels: Any, reach: int, C: Any) -> None:
    """C = A B for a few rows, of which the first `reach` columns are wanted; C has rows of KEYS."""
    rows = starts(A, row, height)
    for c in range(0, reach, WIDTH):
        block = multiply(zeros(), rows, 1, panels + c * depth, depth)
        store_block(starts(C + c, KEYS, ROWS), block)


@inlined
def add_product(
    A: Any, row: int, column: int, height: int, depth: int, panels: Any, of: int, C: Any,
    apart: int, columns: int, edge: Any,
) -> None:  # fmt: skip
    """C += A B for a few rows of C, which are `apart`; the panels of B have `of` rows."""
    rows = starts(A, row, height)
    for c in range(0, columns, WIDTH):
        block = multiply(zeros(), rows, column, panels + c * of, depth)
        store_block(starts(edge, WIDTH, ROWS), block)
        n = min(WIDTH, columns - c)
        for r in range(height):
            target = C + (r * apart + c)
            for i in range(0, n, V):
                more = load(edge + (r * WIDTH + i))
                store_some(target + i, load_some(target + i, n - i) + more, n - i)


# forward -----------------------------------------------------------------------------------------


@inlined
def to_shares(x: Any, see: int, width: int, scale: Any, before: Any) -> Any:
    """Scores become shares, 0 where nothing is seen; gives the largest score, and the sum."""
    scaled_row(x, scale, see)
    most = max(before, row_largest(x, see))
    base = f(0.0) if most == LOWEST else most
    found = splat(f(0.0))
    for i in range(0, width, V):
        share = select(lanes_below(see - i), exp(load(x + i) - base), splat(f(0.0)))
        store(x + i, share)
        found = found + share
    return most, total(found)


@kernel
def attention(
    q: Floats, k: Floats, v: Floats, out: Floats, kept: Floats, lay: Ints, scale: Float,
    causal: Int, H: Int, group: Int, L: Int, S: Int, E: Int, D: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """One head: out (L, D); kept (2, L), of which backward needs the first line, ln(sum)."""
    n, h = chunk // H, chunk % H
    Q, O = q + (n * lay[0] + h * lay[1]), out + (n * lay[9] + h * lay[10])  # noqa: E741
    K, W = k + (n * lay[3] + h // group * lay[4]), v + (n * lay[6] + h // group * lay[7])
    q_row, k_row, v_row, out_row = lay[2], lay[5], lay[8], lay[11]
    most, sums = kept + chunk * 2 * L, kept + (chunk * 2 * L + L)
    keys = scratch
    values = keys + E * KEYS
    scores = values + (D + WIDTH) // WIDTH * WIDTH * KEYS
    edge = scores + ROWS * KEYS
    for m in range(L):
        most[m], sums[m] = LOWEST, f(0.0)
        row_of_zeros(O + m * out_row, D)
    for s in range(0, S, KEYS):
        width = min(KEYS, S - s)
        copy_turned(K + s * k_row, k_row, E, width, keys)
        copy_columns(W + s * v_row, v_row, width, D, values)
        for m in range(s // ROWS * ROWS if causal else 0, L, ROWS):
            height = min(ROWS, L - m)
            reach = seen(m + height - 1, s, width, causal)
            put_scores(Q + m * q_row, q_row, height, E, keys, reach, scores)
            for r in range(height):
                see, before = seen(m + r, s, width, causal), most[m + r]
                most[m + r], share = to_shares(scores + r * KEYS, see, reach, scale, before)
                if most[m + r] > before:
                    less = np.exp(before - most[m + r])
                    sums[m + r] *= less
                    scaled_row(O + (m + r) * out_row, less, D)
                sums[m + r] += share
            add_product(
                scores, KEYS, 1, height, reach, values, width, O + m * out_row, out_row, D, edge
            )
    for m in range(L):
        if sums[m] == f(0.0):  # it sees nothing
            most[m] = f(0.0)
        else:
            scaled_row(O + m * out_row, f(1.0) / sums[m], D)
            most[m] += np.log(sums[m])


# backward ----------------------------------------------------------------------------------------


@inlined
def to_slopes(x: Any, dx: Any, see: int, width: int, scale: Any, log_sum: Any, of_row: Any) -> None:
    """Scores become shares, and the gradients of shares become those of what q kᵀ is."""
    for i in range(0, width, V):
        share = exp(load(x + i) * scale - log_sum)
        share = select(lanes_below(see - i), share, splat(f(0.0)))
        slope = share * (load(dx + i) - of_row) * scale
        store(x + i, share)
        store(dx + i, select(lanes_below(see - i), slope, splat(f(0.0))))


@kernel
def attention_backward(
    q: Floats, k: Floats, v: Floats, out: Floats, kept: Floats, dout: Floats, dq: Floats,
    dk: Floats, dv: Floats, lay: Ints, scale: Float, causal: Int, H: Int, group: Int, L: Int,
    S: Int, E: Int, D: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """One head of keys and values, with all heads of queries that share it."""
    heads = H // group
    n, g = chunk // heads, chunk % heads
    k_row, v_row = lay[5], lay[8]
    K_at, V_at = n * lay[3] + g * lay[4], n * lay[6] + g * lay[7]
    for s in range(S):
        row_of_zeros(dk + (K_at + s * k_row), E)
        row_of_zeros(dv + (V_at + s * v_row), D)
    for h in range(g * group, (g + 1) * group):
        Q_at, O_at = n * lay[0] + h * lay[1], n * lay[9] + h * lay[10]
        for m in range(L):
            row_of_zeros(dq + (Q_at + m * lay[2]), E)
        for s in range(0, S, KEYS):
            width = min(KEYS, S - s)
            for m in range(s // ROWS * ROWS if causal else 0, L, QUERIES):
                back_through_block(
                    q + Q_at, k + K_at, v + V_at, out + O_at, kept + (n * H + h) * 2 * L,
                    dout + O_at, dq + Q_at, dk + K_at, dv + V_at, lay, scale, causal, m,
                    min(QUERIES, L - m), s, width, E, D, scratch,
                )  # fmt: skip


@inlined
def back_through_block(
    Q: Any, K: Any, W: Any, O: Any, log_sums: Any, dO: Any, dQ: Any, dK: Any, dW: Any,  # noqa: E741
    lay: Any, scale: Any, causal: int, first: int, count: int, s: int, width: int, E: int, D: int,
    scratch: Any,
) -> None:  # fmt: skip
    """`count` queries from `first` on, `width` keys from s on: their part of all gradients."""
    q_row, k_row, v_row, out_row = lay[2], lay[5], lay[8], lay[11]
    width = seen(first + count - 1, s, width, causal)  # the last query sees most
    keys = scratch
    values = keys + E * KEYS
    key_rows = values + D * KEYS
    shares = key_rows + (E + WIDTH) // WIDTH * WIDTH * KEYS
    slopes = shares + QUERIES * KEYS
    panels = slopes + QUERIES * KEYS
    edge = panels + QUERIES * WIDTH
    copy_turned(K + s * k_row, k_row, E, width, keys)
    copy_turned(W + s * v_row, v_row, D, width, values)
    copy_columns(K + s * k_row, k_row, width, E, key_rows)
    for i in range(0, count, ROWS):
        m, height = first + i, min(ROWS, count - i)
        reach = seen(m + height - 1, s, width, causal)
        x, dx = shares + i * KEYS, slopes + i * KEYS
        put_scores(Q + m * q_row, q_row, height, E, keys, reach, x)
        put_scores(dO + m * out_row, out_row, height, D, values, reach, dx)
        for r in range(height):
            of_row = dot(O + (m + r) * out_row, dO + (m + r) * out_row, D)
            see, log_sum = seen(m + r, s, width, causal), log_sums[m + r]
            to_slopes(x + r * KEYS, dx + r * KEYS, see, width, scale, log_sum, of_row)
        add_product(dx, KEYS, 1, height, reach, key_rows, width, dQ + m * q_row, q_row, E, edge)
    for c in range(0, D, WIDTH):
        columns = min(WIDTH, D - c)
        copy_panel(dO + (first * out_row + c), out_row, 1, count, columns, panels)
        target = dW + (s * v_row + c)
        add_turned(shares, count, width, panels, target, v_row, columns, edge)
    for c in range(0, E, WIDTH):
        columns = min(WIDTH, E - c)
        copy_panel(Q + (first * q_row + c), q_row, 1, count, columns, panels)
        target = dK + (s * k_row + c)
        add_turned(slopes, count, width, panels, target, k_row, columns, edge)


@inlined
def add_turned(
    A: Any, count: int, width: int, panel: Any, C: Any, apart: int, columns: int, edge: Any
) -> None:
    """C += Aᵀ B, for A (count, width) with rows of KEYS, and a panel of B."""
    for j in range(0, width, ROWS):
        height = min(ROWS, width - j)
        add_product(A + j, 1, KEYS, height, count, panel, 0, C + j * apart, apart, columns, edge)
