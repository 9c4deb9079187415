"""Normalisation: xn = (x - mu) / std and y = gamma xn + beta, with mu and std of a part of x.

The parts are rows (LayerNorm, RMSNorm), columns (BatchNorm of a table), or runs of numbers that lie
apart: of one channel in all images (BatchNorm), of some channels in one image (GroupNorm). What
forward has found of each part is kept: its mean, the inverse of std, its variance.

Means are taken of x less the first number of the part, x0. So the mean of equal numbers is exactly
that number, and nothing is left of x - mu but 0; and large numbers lose nothing in the sum. (Where
x0 is not finite, 0 is taken in its place, so that the mean is Inf or NaN as in NumPy.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu import V
from ..functions import f
from ..kernel import Float, Floats, Function, Int, Ints, kernel
from ..native import inlined
from ..simd import absolute, lanes_below, load_some, select, splat, store_some, total
from .behind import call_behind

KEPT = 3  # numbers for each part
MEAN, INVERSE, VARIANCE = 0, 1, 2

COLUMNS = 2 * V  # in a chunk, of what goes down the columns


@inlined
def deviations(x: Any, from_what: Any, i: int, n: int) -> Any:
    """x[i], x[i + 1], ... less a number; 0 from x[n] on."""
    difference = load_some(x + i, n - i) - from_what
    return select(lanes_below(n - i), difference, splat(f(0.0)))


@inlined
def finite(x0: Any) -> Any:
    return x0 if abs(x0) < f(np.inf) else f(0.0)


@inlined
def sum_of_deviations(x: Any, from_what: Any, n: int) -> Any:
    found = splat(f(0.0))
    for i in range(0, n, V):
        found = found + deviations(x, from_what, i, n)
    return total(found)


@inlined
def sum_of_squares(x: Any, from_what: Any, n: int) -> Any:
    found = splat(f(0.0))
    for i in range(0, n, V):
        d = deviations(x, from_what, i, n)
        found = found + d * d
    return total(found)


@inlined
def keep(kept: Any, mu: Any, variance: Any, eps: Any) -> None:
    kept[MEAN], kept[VARIANCE] = mu, variance
    kept[INVERSE] = f(1.0) / np.sqrt(variance + eps)


# rows --------------------------------------------------------------------------------------------


@kernel
def row_norm(
    x: Floats, gamma: Floats, beta: Floats, y: Floats, kept: Floats, eps: Float, centred: Int,
    rows: Int, N: Int, D: Int, behind: Function, Y: Floats, p: Float, q: Float,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """x (N, D), gamma and beta (D,); where `centred` is 0, mu is 0, as in RMSNorm. Everywhere,
    Y = behind(y) where there is such a function."""
    for n in range(chunk * rows, min(N, (chunk + 1) * rows)):
        row, out, found = x + n * D, y + n * D, kept + n * KEPT
        mu = f(0.0)
        if centred:
            x0 = finite(row[0])
            mu = x0 + sum_of_deviations(row, x0, D) / f(D)
        keep(found, mu, sum_of_squares(row, mu, D) / f(D), eps)
        inverse = found[INVERSE]
        for i in range(0, D, V):
            xn = (load_some(row + i, D - i) - mu) * inverse
            scaled = xn * load_some(gamma + i, D - i) + load_some(beta + i, D - i)
            store_some(out + i, scaled, D - i)
        if behind:
            call_behind(behind, out, Y + n * D, D, 1, D, p, q)


@kernel
def row_norm_backward(
    x: Floats, gamma: Floats, dout: Floats, kept: Floats, dx: Floats, centred: Int, rows: Int,
    N: Int, D: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = (dxn - mean of dxn - xn (mean of dxn xn)) / std with dxn = dout gamma."""
    for n in range(chunk * rows, min(N, (chunk + 1) * rows)):
        row, d, out = x + n * D, dout + n * D, dx + n * D
        mu, inverse = kept[n * KEPT + MEAN], kept[n * KEPT + INVERSE]
        sums, products = splat(f(0.0)), splat(f(0.0))
        for i in range(0, D, V):
            xn = (load_some(row + i, D - i) - mu) * inverse
            dxn = load_some(d + i, D - i) * load_some(gamma + i, D - i)  # 0 behind the row
            sums = sums + dxn
            products = products + select(lanes_below(D - i), dxn * xn, splat(f(0.0)))
        mean = total(sums) / f(D) if centred else f(0.0)
        share = total(products) / f(D)
        for i in range(0, D, V):
            xn = (load_some(row + i, D - i) - mu) * inverse
            dxn = load_some(d + i, D - i) * load_some(gamma + i, D - i)
            store_some(out + i, (dxn - mean - xn * share) * inverse, D - i)


@kernel
def row_scale_backward(
    x: Floats, dout: Floats, kept: Floats, dgamma: Floats, dbeta: Floats, gamma_adds: Int,
    beta_adds: Int, N: Int, D: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dgamma = sum of dout xn over the rows, dbeta = sum of dout; chunks are columns."""
    end = min(D, (chunk + 1) * COLUMNS)
    for i in range(chunk * COLUMNS, end, V):
        gammas = load_some(dgamma + i, end - i) if gamma_adds else splat(f(0.0))
        betas = load_some(dbeta + i, end - i) if beta_adds else splat(f(0.0))
        for n in range(N):
            found = kept + n * KEPT
            xn = (load_some(x + (n * D + i), end - i) - found[MEAN]) * found[INVERSE]
            d = load_some(dout + (n * D + i), end - i)
            gammas = gammas + d * xn
            betas = betas + d
        store_some(dgamma + i, gammas, end - i)
        store_some(dbeta + i, betas, end - i)


# channels ----------------------------------------------------------------------------------------
#
# x (N, C, L). A part is a number of runs of L floats each, the first at part * apart, the others
# `step` further on. The run at the place r of x belongs to the channel r // L % C.


@kernel
def channel_norm(
    x: Floats, gamma: Floats, beta: Floats, y: Floats, kept: Floats, eps: Float, fixed: Int,
    apart: Int, runs: Int, step: Int, C: Int, L: Int, behind: Function, Y: Floats, p: Float,
    q: Float, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """The part `chunk` of x; where `fixed` is 1, what is kept of it is there already."""
    first, found = chunk * apart, kept + chunk * KEPT
    if not fixed:
        n, x0 = f(runs * L), finite(x[first])
        sums = squares = 0.0
        for r in range(runs):
            sums += sum_of_deviations(x + (first + r * step), x0, L)
        mu = x0 + f(sums / n)
        for r in range(runs):
            squares += sum_of_squares(x + (first + r * step), mu, L)
        keep(found, mu, f(squares / n), eps)
    mu, inverse = found[MEAN], found[INVERSE]
    for r in range(runs):
        start = first + r * step
        c = start // L % C
        for i in range(0, L, V):
            xn = (load_some(x + (start + i), L - i) - mu) * inverse
            store_some(y + (start + i), xn * gamma[c] + splat(beta[c]), L - i)
        if behind:
            call_behind(behind, y + start, Y + start, L, 1, L, p, q)


@kernel
def channel_norm_backward(
    x: Floats, gamma: Floats, dout: Floats, kept: Floats, dx: Floats, sums: Floats, fixed: Int,
    apart: Int, runs: Int, step: Int, C: Int, L: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx as for rows; sums (N, C, 2) are those of dout and of dout xn, for each run. Where mu and
    std were fixed, they do not depend on x: dx = dxn / std."""
    first, n = chunk * apart, f(runs * L)
    mu, inverse = kept[chunk * KEPT + MEAN], kept[chunk * KEPT + INVERSE]
    mean = share = 0.0
    for r in range(runs):
        start = first + r * step
        run, c = start // L, start // L % C
        of_dout, of_product = splat(f(0.0)), splat(f(0.0))
        for i in range(0, L, V):
            d = load_some(dout + (start + i), L - i)
            product = d * (load_some(x + (start + i), L - i) - mu) * inverse
            of_dout = of_dout + d
            of_product = of_product + select(lanes_below(L - i), product, splat(f(0.0)))
        sums[2 * run], sums[2 * run + 1] = total(of_dout), total(of_product)
        mean += sums[2 * run] * gamma[c]
        share += sums[2 * run + 1] * gamma[c]
    middle = f(0.0) if fixed else f(mean / n)
    slope = f(0.0) if fixed else f(share / n)
    for r in range(runs):
        start = first + r * step
        c = start // L % C
        for i in range(0, L, V):
            xn = (load_some(x + (start + i), L - i) - mu) * inverse
            dxn = load_some(dout + (start + i), L - i) * gamma[c]
            store_some(dx + (start + i), (dxn - middle - xn * slope) * inverse, L - i)


@kernel
def channel_scale_backward(
    sums: Floats, dgamma: Floats, dbeta: Floats, gamma_adds: Int, beta_adds: Int, N: Int, C: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dgamma and dbeta from the sums (N, C, 2) of all runs."""
    for c in range(C):
        gamma = dgamma[c] if gamma_adds else f(0.0)
        beta = dbeta[c] if beta_adds else f(0.0)
        for n in range(N):
            beta += sums[2 * (n * C + c)]
            gamma += sums[2 * (n * C + c) + 1]
        dgamma[c], dbeta[c] = gamma, beta


# columns: BatchNorm of a table x (N, C), V channels side by side in a vector ----------------------


@kernel
def column_norm(
    x: Floats, gamma: Floats, beta: Floats, y: Floats, kept: Floats, eps: Float, fixed: Int,
    N: Int, C: Int, behind: Function, Y: Floats, p: Float, q: Float, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """V columns of x; where `fixed` is 1, what is kept of them is there already."""
    c = chunk * V
    width, count = min(V, C - c), f(N)
    if not fixed:
        first = load_some(x + c, width)
        first = select(absolute(first) < f(np.inf), first, splat(f(0.0)))
        sums, squares = splat(f(0.0)), splat(f(0.0))
        for n in range(N):
            sums = sums + (load_some(x + (n * C + c), width) - first)
        mu = first + sums / count
        for n in range(N):
            d = load_some(x + (n * C + c), width) - mu
            squares = squares + d * d
        store_some(scratch, mu, V)
        store_some(scratch + V, squares / count, V)
        for i in range(width):
            keep(kept + (c + i) * KEPT, scratch[i], scratch[V + i], eps)
    mu, inverse = column_moments(kept, c, width, scratch)
    scale, shift = load_some(gamma + c, width), load_some(beta + c, width)
    for n in range(N):
        xn = (load_some(x + (n * C + c), width) - mu) * inverse
        store_some(y + (n * C + c), xn * scale + shift, width)
    if behind:
        call_behind(behind, y + c, Y + c, C, N, width, p, q)


@kernel
def column_norm_backward(
    x: Floats, gamma: Floats, dout: Floats, kept: Floats, dx: Floats, sums: Floats, fixed: Int,
    N: Int, C: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """As `channel_norm_backward`; sums (C, 2)."""
    c = chunk * V
    width, count = min(V, C - c), f(N)
    mu, inverse = column_moments(kept, c, width, scratch)
    of_dout, of_product = splat(f(0.0)), splat(f(0.0))
    for n in range(N):
        d = load_some(dout + (n * C + c), width)
        of_dout = of_dout + d
        of_product = of_product + d * (load_some(x + (n * C + c), width) - mu) * inverse
    store_some(scratch, of_dout, V)
    store_some(scratch + V, of_product, V)
    for i in range(width):
        sums[2 * (c + i)], sums[2 * (c + i) + 1] = scratch[i], scratch[V + i]
    scale = load_some(gamma + c, width)
    mean = splat(f(0.0)) if fixed else of_dout * scale / count
    share = splat(f(0.0)) if fixed else of_product * scale / count
    for n in range(N):
        xn = (load_some(x + (n * C + c), width) - mu) * inverse
        dxn = load_some(dout + (n * C + c), width) * scale
        store_some(dx + (n * C + c), (dxn - mean - xn * share) * inverse, width)


@inlined
def column_moments(kept: Any, c: int, width: int, scratch: Any) -> Any:
    """The means of some columns side by side, and the inverses of their deviations."""
    for i in range(width):
        scratch[i] = kept[(c + i) * KEPT + MEAN]
        scratch[V + i] = kept[(c + i) * KEPT + INVERSE]
    return load_some(scratch, width), load_some(scratch + V, width)


# running statistics ------------------------------------------------------------------------------


@kernel
def follow(
    kept: Floats, running_mean: Floats, running_var: Floats, tracked: Ints, momentum: Float,
    count: Int, parts: Int, C: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """Let the running statistics follow those of parts of `count` numbers, some for each of the C
    channels; where momentum is below 0, they are the mean of all batches so far."""
    tracked[0] += 1
    share = momentum if momentum >= f(0.0) else f(1.0 / tracked[0])
    unbiased = count / (count - 1.0)
    for c in range(C):
        mean = var = 0.0
        for part in range(c, parts, C):
            mean += kept[part * KEPT + MEAN]
            var += kept[part * KEPT + VARIANCE] * unbiased
        of_each = parts // C
        running_mean[c] += share * (f(mean / of_each) - running_mean[c])
        running_var[c] += share * (f(var / of_each) - running_var[c])


@kernel
def take_running(
    kept: Floats, running_mean: Floats, running_var: Floats, eps: Float, parts: Int, C: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """Keep the running statistics of its channel for each part."""
    for part in range(parts):
        keep(kept + part * KEPT, running_mean[part % C], running_var[part % C], eps)
