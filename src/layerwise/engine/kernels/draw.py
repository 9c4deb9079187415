"""Random numbers: those that NumPy's generator PCG64 would draw, in any order and on any thread.

A generator of this kind is a number of 128 bits, its state, and one step of it is

    state = state * FACTOR + increment     (mod 2**128)

of which some bits, turned and mixed, are the number that is drawn. Many steps at once are again
such a product and sum, so each chunk jumps to where its part begins, and what it draws is exactly
what NumPy would have drawn there.

O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms, 2014.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..kernel import CHUNK, Float, Floats, Int, Ints, kernel
from ..native import inlined

u = np.uint64
FACTOR = u(2549297995355413924), u(4865540595714422341)  # 128 bits, the upper half first

_half, _whole = ir.IntType(64), ir.IntType(128)
Halves = types.UniTuple(types.uint64, 2)


@intrinsic
def times_plus(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c of 128 bits each, as pairs of halves."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def joined(pair: Any) -> Any:
            upper, lower = (builder.extract_value(pair, i) for i in range(2))
            upper = builder.shl(builder.zext(upper, _whole), ir.Constant(_whole, 64))
            return builder.or_(upper, builder.zext(lower, _whole))

        a, b, c = map(joined, args)
        found = builder.add(builder.mul(a, b), c)
        upper = builder.trunc(builder.lshr(found, ir.Constant(_whole, 64)), _half)
        return context.make_tuple(builder, Halves, [upper, builder.trunc(found, _half)])

    return Halves(Halves, Halves, Halves), build


@inlined
def jumped(state: Any, increment: Any, steps: int) -> Any:
    """The state after some steps: those that 1, 2, 4, 8, ... steps make are put together."""
    zero, one = (u(0), u(0)), (u(0), u(1))
    factor, plus = one, zero  # of all steps so far
    power, power_plus = FACTOR, increment  # of 2**i steps
    while steps:
        if steps & 1:
            factor, plus = times_plus(factor, power, zero), times_plus(plus, power, power_plus)
        power, power_plus = (
            times_plus(power, power, zero),
            times_plus(power, power_plus, power_plus),
        )
        steps >>= 1
    return times_plus(state, factor, plus)


@inlined
def drawn(state: Any) -> Any:
    """The number that belongs to a state: its halves, mixed and turned by the uppermost bits."""
    mixed, turn = state[0] ^ state[1], state[0] >> u(58)
    return (mixed >> turn) | (mixed << (u(64) - turn & u(63)))


@kernel
def drop(
    x: Floats, y: Floats, mask: Floats, generator: Ints, least: Int, scale: Float, n: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """mask = scale where the number drawn, of 53 bits, is `least` or more, else 0; y = x mask."""
    increment = u(generator[2]), u(generator[3])
    start = chunk * CHUNK
    state = jumped((u(generator[0]), u(generator[1])), increment, start)
    for i in range(start, min(n, start + CHUNK)):
        state = times_plus(state, FACTOR, increment)
        mask[i] = scale if (drawn(state) >> u(11)) >= u(least) else np.float32(0.0)
        y[i] = x[i] * mask[i]
