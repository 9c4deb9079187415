"""Recurrent layers: each chunk takes a few rows of the batch through all steps of time.

Rows do not meet, so no thread has to wait for another between two steps. What comes in,
a = x Wx + b, has been computed for all steps at once; a step adds what the state says, u = h Wh,
for which Wh lies in panels, ready for the tile. Numbers at step t of row n are in line

    n * row + t * step

of a (N T, G H), for G gates of H numbers; in the output, in line n * out_row + t * out_step,
whose `out_width` numbers may be those of two cells. `before` (N T, H) is the state h before each
step: what the products need, forward h Wh and backward dWh = hᵀ du.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..cpu import ROWS, WIDTH, V
from ..functions import f, sigmoid, tanh
from ..kernel import Floats, Int, Kernel, kernel
from ..native import inlined
from ..simd import load, load_some, select, splat, store, store_some
from .product import copy_panel
from .tile import multiply, plus_block, starts, store_block, zeros


@inlined
def padded(n: int) -> int:
    """The width of whole panels."""
    return (n + WIDTH - 1) // WIDTH * WIDTH


@kernel
def pack(
    W: Floats, panels: Floats, row: Int, column: Int, K: Int, N: Int, chunk: Int, scratch: Floats
) -> None:
    """Copy W (K, N), whose rows and columns are so far apart, into panels of WIDTH columns."""
    c = chunk * WIDTH
    copy_panel(W + c * column, row, column, K, min(WIDTH, N - c), panels + c * K)


@inlined
def copy_or_zero(source: Any, there: int, target: Any, n: int) -> None:
    for i in range(0, n, V):
        store_some(target + i, load_some(source + i, n - i) if there else splat(f(0.0)), n - i)


@inlined
def product_with_panels(A: Any, row: int, height: int, K: int, panels: Any, C: Any, N: int) -> None:
    """C = A B for a few rows; C has rows of whole panels."""
    for c in range(0, N, WIDTH):
        block = multiply(zeros(), starts(A, row, height), 1, panels + c * K, K)
        store_block(starts(C + c, padded(N), ROWS), block)


@inlined
def add_product_with_panels(
    A: Any, row: int, height: int, K: int, panels: Any, C: Any, N: int
) -> None:
    """C += A B likewise."""
    for c in range(0, N, WIDTH):
        place = starts(C + c, padded(N), ROWS)
        block = multiply(zeros(), starts(A, row, height), 1, panels + c * K, K)
        store_block(place, plus_block(block, place))


def scratch_needed(gates: int, H: int) -> int:
    """How many floats of scratch the kernels need."""
    wide, narrow = (-(-n // WIDTH) * WIDTH for n in (gates * H, H))
    return ROWS * (wide + 2 * narrow)


def through_time(step: Callable[..., Any], gates: int, name: str) -> Kernel:
    """The kernel that takes rows through all steps. Of one row,

        step(a, u, bh, h, c, kept, h_next, c_next, H)

    writes the next state, leaves the gates in a, and keeps what else backward needs.
    """

    def body(
        a: Floats, panels: Floats, bh: Floats, h0: Floats, c0: Floats, given: Int,
        before: Floats, memory: Floats, kept: Floats, out: Floats, hn: Floats, cn: Floats,
        state_at: Int, out_at: Int, out_width: Int, reverse: Int, row: Int, step_apart: Int,
        out_row: Int, out_step: Int, rows: Int, N: Int, T: Int, H: Int, chunk: Int, scratch: Floats,
    ) -> None:  # fmt: skip
        G = gates * H
        for first in range(chunk * rows, min(N, (chunk + 1) * rows), ROWS):
            height = min(ROWS, min(N, (chunk + 1) * rows) - first)
            ahead = -step_apart if reverse else step_apart
            line = first * row + ((T - 1) * step_apart if reverse else 0)
            for r in range(height):
                at, state = (line + r * row) * H, state_at + (first + r) * H
                copy_or_zero(h0 + state, given, before + at, H)
                copy_or_zero(c0 + state, given, memory + at, H)
            for s in range(T):
                out_line = first * out_row + (T - 1 - s if reverse else s) * out_step
                product_with_panels(before + line * H, row * H, height, H, panels, scratch, G)
                for r in range(height):
                    here, last = line + r * row, state_at + (first + r) * H
                    h_next = hn + last if s == T - 1 else before + (here + ahead) * H
                    c_next = cn + last if s == T - 1 else memory + (here + ahead) * H
                    step(
                        a + here * G, scratch + r * padded(G), bh, before + here * H,
                        memory + here * H, kept + here * H, h_next, c_next, H,
                    )  # fmt: skip
                    place = (out_line + r * out_row) * out_width + out_at
                    copy_or_zero(h_next, 1, out + place, H)
                line += ahead

    return Kernel(body, name)


def back_through_time(step: Callable[..., Any], gates: int, name: str) -> Kernel:
    """The kernel of the way back. Of one row, from dh and dc of the state behind it,

        step(a, h, c, kept, dh, dc, da, du, H)

    writes da and du, dc of the state before, and dh as far as that does not come through u.
    """

    def body(
        a: Floats, panels: Floats, before: Floats, memory: Floats, kept: Floats, dout: Floats,
        dhn: Floats, dcn: Floats, da: Floats, du: Floats, dh0: Floats, dc0: Floats,
        state_at: Int, out_at: Int, out_width: Int, reverse: Int, row: Int, step_apart: Int,
        out_row: Int, out_step: Int, rows: Int, N: Int, T: Int, H: Int, chunk: Int, scratch: Floats,
    ) -> None:  # fmt: skip
        G, wide = gates * H, padded(H)
        dh, dc = scratch, scratch + ROWS * padded(H)
        for first in range(chunk * rows, min(N, (chunk + 1) * rows), ROWS):
            height = min(ROWS, min(N, (chunk + 1) * rows) - first)
            ahead = step_apart if reverse else -step_apart
            line = first * row + (0 if reverse else (T - 1) * step_apart)
            for r in range(height):
                state = state_at + (first + r) * H
                copy_or_zero(dhn + state, 1, dh + r * wide, H)
                copy_or_zero(dcn + state, 1, dc + r * wide, H)
            for s in range(T):
                out_line = first * out_row + (s if reverse else T - 1 - s) * out_step
                for r in range(height):
                    here, place = line + r * row, (out_line + r * out_row) * out_width + out_at
                    d = dh + r * wide
                    for i in range(0, H, V):
                        more = load_some(dout + (place + i), H - i)
                        store(d + i, load(d + i) + more)
                    step(
                        a + here * G, before + here * H, memory + here * H, kept + here * H,
                        d, dc + r * wide, da + here * G, du + here * G, H,
                    )  # fmt: skip
                add_product_with_panels(du + line * G, row * G, height, G, panels, dh, H)
                line += ahead
            for r in range(height):
                state = state_at + (first + r) * H
                copy_or_zero(dh + r * wide, 1, dh0 + state, H)
                copy_or_zero(dc + r * wide, 1, dc0 + state, H)

    return Kernel(body, name)


# the steps of one row: see layers/recurrence.py ---------------------------------------------------


@inlined
def lstm_step(
    a: Any, u: Any, bh: Any, h: Any, c: Any, kept: Any, h_next: Any, c_next: Any, H: int
) -> None:
    """c' = f c + i g, h' = o tanh(c')."""
    for j in range(0, H, V):
        n = H - j
        i = sigmoid(load_some(a + j, n) + load_some(u + j, n))
        g_f = sigmoid(load_some(a + (H + j), n) + load_some(u + (H + j), n))
        g = tanh(load_some(a + (2 * H + j), n) + load_some(u + (2 * H + j), n))
        o = sigmoid(load_some(a + (3 * H + j), n) + load_some(u + (3 * H + j), n))
        new = g_f * load_some(c + j, n) + i * g
        tanh_c = tanh(new)
        store_some(a + j, i, n)
        store_some(a + (H + j), g_f, n)
        store_some(a + (2 * H + j), g, n)
        store_some(a + (3 * H + j), o, n)
        store_some(kept + j, tanh_c, n)
        store_some(c_next + j, new, n)
        store_some(h_next + j, o * tanh_c, n)


@inlined
def lstm_step_back(
    a: Any, h: Any, c: Any, kept: Any, dh: Any, dc: Any, da: Any, du: Any, H: int
) -> None:
    one = splat(f(1.0))
    for j in range(0, H, V):
        n = H - j
        i, g_f = load_some(a + j, n), load_some(a + (H + j), n)
        g, o = load_some(a + (2 * H + j), n), load_some(a + (3 * H + j), n)
        tanh_c, d = load_some(kept + j, n), load(dh + j)
        dc_here = load(dc + j) + d * o * (one - tanh_c * tanh_c)
        store_some(da + j, dc_here * g * i * (one - i), n)
        store_some(da + (H + j), dc_here * load_some(c + j, n) * g_f * (one - g_f), n)
        store_some(da + (2 * H + j), dc_here * i * (one - g * g), n)
        store_some(da + (3 * H + j), d * tanh_c * o * (one - o), n)
        store(dc + j, dc_here * g_f)
        store(dh + j, splat(f(0.0)))


@inlined
def gru_step(
    a: Any, u: Any, bh: Any, h: Any, c: Any, kept: Any, h_next: Any, c_next: Any, H: int
) -> None:
    """h' = (1 - z) n + z h with n = tanh(a_n + r u_n); u_n is kept."""
    for j in range(0, H, V):
        m = H - j
        r = sigmoid(load_some(a + j, m) + load_some(u + j, m))
        z = sigmoid(load_some(a + (H + j), m) + load_some(u + (H + j), m))
        u_n = load_some(u + (2 * H + j), m) + load_some(bh + j, m)
        n = tanh(load_some(a + (2 * H + j), m) + r * u_n)
        store_some(a + j, r, m)
        store_some(a + (H + j), z, m)
        store_some(a + (2 * H + j), n, m)
        store_some(kept + j, u_n, m)
        store_some(h_next + j, n + z * (load_some(h + j, m) - n), m)


@inlined
def gru_step_back(
    a: Any, h: Any, c: Any, kept: Any, dh: Any, dc: Any, da: Any, du: Any, H: int
) -> None:
    one = splat(f(1.0))
    for j in range(0, H, V):
        m = H - j
        r, z = load_some(a + j, m), load_some(a + (H + j), m)
        n, d = load_some(a + (2 * H + j), m), load(dh + j)
        da_n = d * (one - z) * (one - n * n)
        da_r = da_n * load_some(kept + j, m) * r * (one - r)
        da_z = d * (load_some(h + j, m) - n) * z * (one - z)
        store_some(da + j, da_r, m)
        store_some(da + (H + j), da_z, m)
        store_some(da + (2 * H + j), da_n, m)
        store_some(du + j, da_r, m)
        store_some(du + (H + j), da_z, m)
        store_some(du + (2 * H + j), da_n * r, m)
        store(dh + j, d * z)


@inlined
def tanh_step(
    a: Any, u: Any, bh: Any, h: Any, c: Any, kept: Any, h_next: Any, c_next: Any, H: int
) -> None:
    """h' = tanh(a + u), which stays in a."""
    for j in range(0, H, V):
        new = tanh(load_some(a + j, H - j) + load_some(u + j, H - j))
        store_some(a + j, new, H - j)
        store_some(h_next + j, new, H - j)


@inlined
def tanh_step_back(
    a: Any, h: Any, c: Any, kept: Any, dh: Any, dc: Any, da: Any, du: Any, H: int
) -> None:
    for j in range(0, H, V):
        new = load_some(a + j, H - j)
        store_some(da + j, load(dh + j) * (f(1.0) - new * new), H - j)
        store(dh + j, splat(f(0.0)))


@inlined
def relu_step(
    a: Any, u: Any, bh: Any, h: Any, c: Any, kept: Any, h_next: Any, c_next: Any, H: int
) -> None:
    """h' = a + u where that is above 0, else 0."""
    for j in range(0, H, V):
        new = load_some(a + j, H - j) + load_some(u + j, H - j)
        new = select(new <= f(0.0), splat(f(0.0)), new)  # NaN stays
        store_some(a + j, new, H - j)
        store_some(h_next + j, new, H - j)


@inlined
def relu_step_back(
    a: Any, h: Any, c: Any, kept: Any, dh: Any, dc: Any, da: Any, du: Any, H: int
) -> None:
    for j in range(0, H, V):
        on = load_some(a + j, H - j) > f(0.0)
        store_some(da + j, select(on, load(dh + j), splat(f(0.0))), H - j)
        store(dh + j, splat(f(0.0)))


LSTM = through_time(lstm_step, 4, "lstm"), back_through_time(lstm_step_back, 4, "lstm_backward")
GRU = through_time(gru_step, 3, "gru"), back_through_time(gru_step_back, 3, "gru_backward")
RNN = {
    "tanh": (through_time(tanh_step, 1, "rnn"), back_through_time(tanh_step_back, 1, "rnn_back")),
    "relu": (
        through_time(relu_step, 1, "rnn_relu"),
        back_through_time(relu_step_back, 1, "rnn_relu_back"),
    ),
}
