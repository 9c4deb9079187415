"""The complementary error function, which NumPy does not have: the tail of the normal distribution.

The share of a normal distribution below x, which GELU needs, is erfc(-x / √2) / 2.
"""

import numpy as np


def erfc(x):
    """1 - erf(x): 2/√π times the integral of exp(-s²) from x to infinity, elementwise.

    errors     below 1e-15 of the result, in float64
    source     Shepherd and Laframboise, Chebyshev approximation of (1 + 2x) exp(x²) erfc x in
               0 <= x < infinity, Mathematics of Computation 36 (1981)

    >>> erfc(np.array([0.0, 1.0, -1.0])).round(6)
    array([1.      , 0.157299, 1.842701])
    """
    x = np.asarray(x)
    out = np.empty(x.shape, np.result_type(x, 0.0))
    numbers, found = x.reshape(-1), out.reshape(-1)
    for i in range(0, x.size, BLOCK):
        found[i : i + BLOCK] = erfc_of_block(numbers[i : i + BLOCK])
    return out


BLOCK = 2**14  # so many numbers stay in the processor's cache from one step to the next


def erfc_of_block(x):
    y = np.minimum(np.abs(x), 30)  # beyond, the tail is 0
    y = y.astype(np.result_type(y, np.float32), copy=False)  # float16 is too coarse

    tail = exp_of_minus_square(y) * flat_factor(y) / (1 + 2 * y)
    return np.abs((x < 0) * y.dtype.type(2) - tail)  # tail, or 2 - tail on the left


def exp_of_minus_square(y):
    """exp(-y²) to the last digit: y² = s² + (y - s)(y + s), where s² needs no rounding."""
    s = np.floor(y * 16) / 16
    return np.exp(-s * s) * np.exp((s - y) * (s + y))


def flat_factor(y):
    """(1 + 2y) exp(y²) erfc(y), which stays between 1 and 1.29 for all y from 0 to infinity."""
    t = (y - 3.75) / (y + 3.75)  # from -1 to 1, where a polynomial can follow it
    out = np.full_like(t, COEFFICIENTS[0])
    for c in COEFFICIENTS[1:]:
        out *= t
        out += c
    return out


# of t²², t²¹, ..., t, 1: the Chebyshev series, computed with 50 digits, as a polynomial
COEFFICIENTS = (
    -2.623107347133476e-09, -1.9551358868985616e-09, 3.197926671666804e-08, 1.879082322370048e-08,
    -2.4857126248016745e-07, -5.084465378687302e-08, 1.7419821586224816e-06,
    -9.792625707303523e-07, -1.1438048033346894e-05, 2.2387565714911816e-05,
    5.164652974177416e-05, -0.00029015535246077655, 0.000293714378044958, 0.0017556261651970652,
    -0.009746579683265262, 0.02836227737211114, -0.05869339857664934, 0.09230432116428125,
    -0.10880393014244462, 0.08227673848999506, 0.0035854154854790257, -0.14024059858554525,
    1.2375126308378275,
)  # fmt: skip
