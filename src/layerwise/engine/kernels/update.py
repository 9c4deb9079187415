"""What optimizers do to parameters: value, gradient and memory are gone through once.

Each kernel does the operations of the optimizer's own `update` in the same order, so that it gives
the same numbers to the last bit.
"""

from __future__ import annotations

from ..cpu import V
from ..functions import f
from ..kernel import CHUNK, Float, Floats, Int, kernel
from ..simd import load_some, splat, sqrt, store_some


@kernel
def descend(
    value: Floats, d: Floats, n: Int, lr: Float, decay: Float, chunk: Int, scratch: Floats
) -> None:
    """value -= lr (d + decay value)"""
    end = min(n, (chunk + 1) * CHUNK)
    for i in range(chunk * CHUNK, end, V):
        p, g = load_some(value + i, end - i), load_some(d + i, end - i)
        if decay != f(0.0):
            g = g + p * decay
        store_some(value + i, p - g * lr, end - i)


@kernel
def descend_with_momentum(
    value: Floats, d: Floats, velocity: Floats, n: Int, lr: Float, decay: Float, momentum: Float,
    nesterov: Float, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """velocity = momentum velocity + d; value -= lr velocity; Nesterov: lr (d + momentum v)"""
    end = min(n, (chunk + 1) * CHUNK)
    for i in range(chunk * CHUNK, end, V):
        p, g = load_some(value + i, end - i), load_some(d + i, end - i)
        if decay != f(0.0):
            g = g + p * decay
        v = load_some(velocity + i, end - i) * momentum + g
        store_some(velocity + i, v, end - i)
        step = g + v * momentum if nesterov != f(0.0) else v
        store_some(value + i, p - step * lr, end - i)


@kernel
def adam(
    value: Floats, d: Floats, m: Floats, v: Floats, n: Int, lr: Float, decay: Float, shrink: Float,
    rest1: Float, rest2: Float, correction: Float, eps: Float, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """m += rest1 (d - m); v += rest2 (d² - v); value -= lr m / (root of (v / correction) + eps)

    Before that the value is multiplied by `shrink`, or its part `decay` is added to d.
    """
    end = min(n, (chunk + 1) * CHUNK)
    for i in range(chunk * CHUNK, end, V):
        p, g = load_some(value + i, end - i), load_some(d + i, end - i)
        if decay != f(0.0):
            g = g + p * decay
        p = p * shrink
        first, second = load_some(m + i, end - i), load_some(v + i, end - i)
        first = first + (g - first) * rest1
        second = second + (g * g - second) * rest2
        store_some(m + i, first, end - i)
        store_some(v + i, second, end - i)
        step = first * lr / (sqrt(second / splat(correction)) + eps)
        store_some(value + i, p - step, end - i)
