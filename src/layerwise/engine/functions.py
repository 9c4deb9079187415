"""exp, tanh, sigmoid and the normal distribution, on vectors.

LLVM has no such functions of vectors. Each is a polynomial here, as in Cephes (Moshier, Methods and
Programs for Mathematical Functions, 1989), right to 2 units in the last place of a float. NaN stays
NaN, and what is too large or too small becomes Inf or 0, as in NumPy.
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
    """e to the power x: 2**n times e**r, where n is a whole number and r is at most ln(2) / 2.

    2**n is multiplied in two halves, since n may be more than a float's exponent holds (Inf, and
    numbers near 0 whose last digits get lost).
    """
    x = select(x > f(89.0), splat(f(89.0)), x)  # is Inf; written so that NaN stays
    x = select(x < f(-104.0), splat(f(-104.0)), x)  # is 0
    n = fma(x, splat(LOG2_E), splat(ROUND)) - ROUND
    r = fma(n, splat(-LN2_HIGH), x)
    r = fma(n, splat(-LN2_LOW), r)
    p = splat(f(1.9875691500e-4))
    p = fma(p, r, splat(f(1.3981999507e-3)))
    p = fma(p, r, splat(f(8.3334519073e-3)))
    p = fma(p, r, splat(f(4.1665795894e-2)))
    p = fma(p, r, splat(f(1.6666665459e-1)))
    p = fma(p, r, splat(f(5.0000001201e-1)))
    p = fma(p, r * r, r + f(1.0))
    half = n * f(0.5) + ROUND  # rounded to a whole number
    rest = (n - (half - ROUND)) + ROUND
    return p * power_of_two(half) * power_of_two(rest)


@inlined
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), where exp is given no number above 0, so that it does not overflow."""
    z = exp(-absolute(x))
    return select(x < f(0.0), z, splat(f(1.0))) / (z + f(1.0))


@inlined
def tanh(x: Any) -> Any:
    """Near 0 the first terms of its series; further out 1 - 2 / (exp(2 |x|) + 1)."""
    size = absolute(x)
    z = x * x
    p = splat(f(-5.70498872745e-3))
    p = fma(p, z, splat(f(2.06390887954e-2)))
    p = fma(p, z, splat(f(-5.37397155531e-2)))
    p = fma(p, z, splat(f(1.33314422036e-1)))
    p = fma(p, z, splat(f(-3.33332819422e-1)))
    near = fma(p * z, x, x)
    far = f(1.0) - f(2.0) / (exp(size + size) + f(1.0))
    return select(size < f(0.625), near, copysign(far, x))


@inlined
def normal_share(x: Any) -> Any:
    """The share of a normal distribution that is below x: erfc(-x / sqrt(2)) / 2.

    erfc(z) = t exp(p(t) - z**2) with t = 1 / (1 + z / 2), for z from 0 up: Press et al., Numerical
    Recipes, 6.2. Its other half follows from erfc(-z) = 2 - erfc(z).
    """
    z = absolute(x) * f(0.70710678118654752)
    t = f(1.0) / fma(z, splat(f(0.5)), splat(f(1.0)))
    p = splat(f(0.17087277))
    p = fma(p, t, splat(f(-0.82215223)))
    p = fma(p, t, splat(f(1.48851587)))
    p = fma(p, t, splat(f(-1.13520398)))
    p = fma(p, t, splat(f(0.27886807)))
    p = fma(p, t, splat(f(-0.18628806)))
    p = fma(p, t, splat(f(0.09678418)))
    p = fma(p, t, splat(f(0.37409196)))
    p = fma(p, t, splat(f(1.00002368)))
    p = fma(p, t, splat(f(-1.26551223)))
    tail = t * exp(p - z * z) * f(0.5)
    return select(x > f(0.0), f(1.0) - tail, tail)
