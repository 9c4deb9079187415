"""exp, tanh, sigmoid and the normal distribution, on vectors.

LLVM has no such functions of vectors. Each is a polynomial here, as in Cephes (Moshier, Methods and
Programs for Mathematical Functions, 1989), right to 2 units in the last place of a float. NaN stays
NaN, and what is too small becomes 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .native import inlined
from .simd import absolute, copysign, fma, power_of_two, select, splat

f = np.float32  # a number written in Python would make the whole expression float64

LOG2_E = f(1.44269504088896341)  # 1 / ln 2
LN2_HIGH, LN2_LOW = f(0.693359375), f(-2.12194440e-4)  # ln 2, in two parts: the first has few bits
ROUND = f(1.5 * 2**23)  # added to a small number, it rounds it, and leaves it in the lowest bits


@inlined
def exp(x: Any) -> Any:
    """e to the power x, for x up to 88: all that is asked for is at most 0. Below -87 it is 0.

    It is 2**n times e**r, where n is a whole number and r is at most ln(2) / 2.
    """
    bits = fma(x, splat(LOG2_E), splat(ROUND))
    n = bits - ROUND
    r = fma(n, splat(-LN2_HIGH), x)
    r = fma(n, splat(-LN2_LOW), r)
    p = splat(f(1.9875691500e-4))
    p = fma(p, r, splat(f(1.3981999507e-3)))
    p = fma(p, r, splat(f(8.3334519073e-3)))
    p = fma(p, r, splat(f(4.1665795894e-2)))
    p = fma(p, r, splat(f(1.6666665459e-1)))
    p = fma(p, r, splat(f(5.0000001201e-1)))
    p = fma(p, r * r, r + f(1.0))
    return select(x < f(-87.0), splat(f(0.0)), p * power_of_two(bits))  # so that NaN stays


@inlined
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), or exp(x) / (1 + exp(x)), so that exp is given no number above 0."""
    z = exp(-absolute(x))
    return select(x < f(0.0), z, splat(f(1.0))) / (z + f(1.0))


@inlined
def tanh(x: Any) -> Any:
    """Near 0 the first terms of its series; further out (1 - exp(-2 |x|)) / (1 + exp(-2 |x|))."""
    size = absolute(x)
    z = x * x
    p = splat(f(-5.70498872745e-3))
    p = fma(p, z, splat(f(2.06390887954e-2)))
    p = fma(p, z, splat(f(-5.37397155531e-2)))
    p = fma(p, z, splat(f(1.33314422036e-1)))
    p = fma(p, z, splat(f(-3.33332819422e-1)))
    near = fma(p * z, x, x)
    e = exp(size * f(-2.0))
    far = (f(1.0) - e) / (f(1.0) + e)
    return select(size < f(0.625), near, copysign(far, x))


@inlined
def normal(x: Any) -> Any:
    """Of a normal distribution, the share that is below x, and the height of the bell curve.

    The share is erfc(-x / sqrt(2)) / 2, where erfc(z) = t p(t) exp(-z**2) with t = 1 / (1 + z / 2),
    for z from 0 up, compare Press et al., Numerical Recipes, 6.2; p is fitted to 2e-7. The other
    half follows from erfc(-z) = 2 - erfc(z).
    """
    bell = exp(x * x * f(-0.5))
    t = f(1.0) / fma(absolute(x), splat(f(0.35355339059327376)), splat(f(1.0)))
    p = splat(f(-0.0301201737))
    p = fma(p, t, splat(f(0.145035373)))
    p = fma(p, t, splat(f(-0.249041523)))
    p = fma(p, t, splat(f(0.144949679)))
    p = fma(p, t, splat(f(-0.0171576872)))
    p = fma(p, t, splat(f(0.102865615)))
    p = fma(p, t, splat(f(0.121195098)))
    p = fma(p, t, splat(f(0.141232726)))
    p = fma(p, t, splat(f(0.141040866)))
    tail = t * p * bell
    share = select(x > f(0.0), f(1.0) - tail, tail)
    return share, bell * f(0.3989422804014327)  # divided by the root of 2 pi
