"""exp, log, tanh, sigmoid and the normal distribution, on vectors.

LLVM has no such functions of vectors. Each is a polynomial here, as in Cephes (Moshier, Methods and
Programs for Mathematical Functions, 1989), right to 2 units in the last place of a float. NaN stays
NaN, and what is too small becomes 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .native import inlined
from .simd import absolute, copysign, fma, parts, power_of_two, select, splat

f = np.float32  # a number written in Python would make the whole expression float64

LOG2_E = f(1.44269504088896341)  # 1 / ln 2
LN2_HIGH, LN2_LOW = f(0.693359375), f(-2.12194440e-4)  # ln 2, in two parts: the first has few bits
ROUND = f(1.5 * 2**23)  # added to a small number, it rounds it, and leaves it in the lowest bits
INF, NAN = f(np.inf), f(np.nan)


@inlined
def exp_less_1(r: Any) -> Any:
    """e**r - 1, where r is at most ln(2) / 2: r + r**2 (1/2 + r/6 + ...)."""
    p = splat(f(1.9875691500e-4))
    p = fma(p, r, splat(f(1.3981999507e-3)))
    p = fma(p, r, splat(f(8.3334519073e-3)))
    p = fma(p, r, splat(f(4.1665795894e-2)))
    p = fma(p, r, splat(f(1.6666665459e-1)))
    p = fma(p, r, splat(f(5.0000001201e-1)))
    return fma(p, r * r, r)


@inlined
def powers(x: Any) -> Any:
    """n + ROUND and r of x = n ln(2) + r, so that exp(x) is 2**n exp(r); r is at most ln(2) / 2."""
    bits = fma(x, splat(LOG2_E), splat(ROUND))
    n = bits - ROUND
    return bits, fma(n, splat(-LN2_LOW), fma(n, splat(-LN2_HIGH), x))


@inlined
def exp(x: Any) -> Any:
    """e to the power x, for x up to 88: most that is asked for is at most 0. Below -87 it is 0."""
    bits, r = powers(x)
    y = (exp_less_1(r) + f(1.0)) * power_of_two(bits)
    return select(x < f(-87.0), splat(f(0.0)), y)  # so that NaN stays


@inlined
def exp_of_any(x: Any) -> Any:
    """e to the power x, for every x: 2**n is beyond a float at both ends, so it is cut in two."""
    x = select(x > f(89.0), splat(f(89.0)), x)  # is Inf; written so that NaN stays
    x = select(x < f(-104.0), splat(f(-104.0)), x)  # is 0
    bits, r = powers(x)
    n = bits - ROUND
    half = n * f(0.5) + ROUND  # rounded to a whole number
    rest = (n - (half - ROUND)) + ROUND
    return (exp_less_1(r) + f(1.0)) * power_of_two(half) * power_of_two(rest)


@inlined
def expm1(x: Any) -> Any:
    """exp(x) - 1, right to 4 units in the last place: near 0 it is not made of 1 and something."""
    return select(absolute(x) < f(0.34), exp_less_1(x), exp_of_any(x) - f(1.0))


@inlined
def log(x: Any) -> Any:
    """The natural logarithm: e ln(2) + ln(m) for x = m 2**e, where m is near 1.

    ln(1 + z) = z - z**2 / 2 + z**3 (1/3 - z/4 + ...), from the small terms to the large ones. -Inf
    at 0, NaN below.
    """
    small = x < f(1.17549435e-38)  # below it a float has fewer digits
    m, e = parts(select(small, x * f(2.0**23), x))
    e = select(small, e - f(23.0), e)
    z = m - f(1.0)
    p = splat(f(7.0376836292e-2))
    p = fma(p, z, splat(f(-1.1514610310e-1)))
    p = fma(p, z, splat(f(1.1676998740e-1)))
    p = fma(p, z, splat(f(-1.2420140846e-1)))
    p = fma(p, z, splat(f(1.4249322787e-1)))
    p = fma(p, z, splat(f(-1.6668057665e-1)))
    p = fma(p, z, splat(f(2.0000714765e-1)))
    p = fma(p, z, splat(f(-2.4999993993e-1)))
    p = fma(p, z, splat(f(3.3333331174e-1)))
    p = fma(p * z, z * z, e * LN2_LOW)
    p = fma(z * z, splat(f(-0.5)), p)
    found = fma(e, splat(LN2_HIGH), z + p)
    found = select(x > f(0.0), found, select(x < f(0.0), splat(NAN), splat(-INF)))
    return select(x < INF, found, x)  # Inf and NaN stay


@inlined
def log1p(x: Any) -> Any:
    """ln(1 + x): of u, which is 1 + x rounded, and what was rounded off, times the slope 1 / u."""
    u = x + f(1.0)
    lost = (x - (u - f(1.0))) / u
    return select(absolute(lost) < f(1.0), log(u) + lost, log(u))  # it is NaN at 0 and Inf


@inlined
def softplus(x: Any) -> Any:
    """ln(1 + exp(x)), where exp is given no number above 0."""
    return select(x < f(0.0), splat(f(0.0)), x) + log1p(exp(-absolute(x)))


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
