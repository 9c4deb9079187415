"""Numerical slopes: centred differences, kinks told from bends, and what rounding does to them.

A slope is measured for every output by itself and then weighed with the upstream gradient, so
that at a kink the range of the allowed values is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

STEP = 1e-5
EPS = float(np.finfo(np.float64).eps)


class Slope(NamedTuple):
    """The slope at one element: from `low` to `high`, which differ only at a kink."""

    low: float
    high: float
    rounding: float  # how far rounding may have moved it
    plain: float  # with an upstream gradient of ones
    kink: tuple[float, float] | None = None  # the slopes on the left and on the right


class Line:
    """The outputs along the line on which one element of an array changes."""

    def __init__(self, evaluate: Callable[[], Any], here: Any, array: Any, index: Any) -> None:
        self.evaluate, self.here, self.array, self.index = evaluate, here, array, index
        self.x = array[index]
        self.size = max(1.0, abs(float(self.x)))

    def at(self, offset: float) -> Any:
        if offset == 0:
            return self.here
        self.array[self.index] = self.x + offset
        try:
            return self.evaluate()
        finally:
            self.array[self.index] = self.x

    def between(self, a: float, b: float) -> Any:
        """The mean slope of every output between two offsets."""
        a, b = (float(self.x + offset - self.x) for offset in (a, b))  # as far as it really goes
        return (self.at(b) - self.at(a)) / (b - a)


def slope_at(line: Line, weights: Any) -> Slope:
    """The slope of every output, measured with smaller steps where left and right differ."""
    steps = line.size * STEP / np.array([1.0, 10.0, 100.0])
    still: Any = True  # the outputs whose two sides differ, by an amount that does not shrink
    gaps: list[Any] = []
    for h in steps:
        right, left = line.between(0.0, h), line.between(-h, 0.0)
        larger = np.maximum(np.abs(right), np.abs(left))
        still = still & ~(np.abs(right - left) <= 1e-4 * larger + resolution(line.here, h))
        if gaps:  # so written that NaN, from outside of where the layer is defined, counts too
            still = still & ~(np.abs(right - left) <= 0.5 * gaps[-1])
        else:
            steepest = np.linalg.norm(weights * larger)
        gaps.append(np.abs(right - left))
        if not np.any(still):
            break
    middle = (right + left) / 2
    sides = one_sided(line, still, middle) if np.any(still) else None
    if sides is None:
        if np.any(still):  # neither smooth nor a kink
            h = steps[0]
            middle = line.between(-h, h)
        value = float(weights @ middle)
        low, high, kink = value, value, None
    else:
        left, right = weights * sides[0], weights * sides[1]
        low, high = float(np.minimum(left, right).sum()), float(np.maximum(left, right).sum())
        if not np.isfinite(high - low):  # defined on one side only
            low, high = -np.inf, np.inf
        kink = (float(left.sum()), float(right.sum()))
    rounding = float(np.linalg.norm(weights * resolution(line.here, h)) / 8 + 1e-12 * steepest)
    return Slope(low, high, rounding, float(middle.sum()), kink)


def resolution(values: Any, h: float) -> Any:
    """What rounding in the values can make of a slope over a step h, generously."""
    return 64 * EPS * np.abs(values) / h


def one_sided(line: Line, still: Any, middle: Any) -> tuple[Any, Any] | None:
    """The slopes on the left and on the right of a kink or a jump, from a little way off.

    None if it is neither: then there is no one slope on each side, as where a layer rounds.
    """
    here, near, far = line.here, line.size * STEP / 100, line.size * STEP / 10
    lefts = [line.between(-2 * h, -h) for h in (near, far)]
    rights = [line.between(h, 2 * h) for h in (near, far)]
    clear = still.copy()
    for one, other in (lefts, rights):
        larger = np.maximum(np.abs(one), np.abs(other))
        clear &= np.abs(one - other) <= 1e-2 * larger + resolution(here, near)
    steeper = np.maximum(np.abs(lefts[0]), np.abs(rights[0]))
    bends = np.abs(rights[0] - lefts[0]) > 1e-3 * steeper
    jumps = np.abs(line.at(near) - line.at(-near)) > 1e-5 * np.maximum(1e-3, np.abs(here))
    clear &= bends | jumps
    edge = still & ~np.isfinite(rights[0] - lefts[0])  # no numbers on one side
    if not np.any(clear | edge):
        return None
    return np.where(clear | edge, lefts[1], middle), np.where(clear | edge, rights[1], middle)


class Refined(NamedTuple):
    """The best numerical slope that is to be had, and how far it may be off."""

    value: float
    error: float
    coarse: bool  # whether the layer rounds far more than float64 does


def refined(line: Line, weights: Any, scale: float) -> list[Refined]:
    """The slope at the steps that balance bending against rounding, the best first.

    Steps that are nearly as good count too: with a kink nearby, large steps agree among themselves
    and small ones do, and only those that do not reach it are right. There are two ideas of
    rounding. It is measured in the outputs, which allows for the smallest steps. Or it is what
    float64 does to the numbers that a layer works on, `scale` large, however small its outputs
    are: a loss that is almost 0 still comes from scores.
    """

    def total(offset: float) -> float:
        return float(weights @ (line.at(offset) - line.here))

    far = line.size * 0.1
    moved = (line.at(far) != line.here) | (line.at(-far) != line.here)  # the others cancel exactly
    usual = float(np.linalg.norm((weights * line.here)[moved]))
    natural = scale * float(np.linalg.norm(weights))
    measured = min(noise(total, -line.size), noise(total, line.size))  # one side has no kink
    steps = line.size * 10.0 ** -np.arange(1.0, 10.0)
    slopes = np.array([(total(h) - total(-h)) / (2 * h) for h in steps])
    bending = np.abs(np.diff(slopes))  # as seen from the larger step
    found = []
    for rounding in (max(measured, EPS * usual), max(measured, EPS * natural)):
        errors = bending + rounding / steps[1:]
        errors[~np.isfinite(errors)] = np.inf
        for k in np.argsort(errors):
            if errors[k] <= 30 * errors.min():
                coarse = measured > 1e-11 * max(usual, natural, abs(slopes[k + 1]))
                found.append(Refined(float(slopes[k + 1]), float(errors[k]), bool(coarse)))
    return found


def noise(total: Callable[[float], float], size: float) -> float:
    """How far rounding moves the values of a function near 0, on one side of it.

    It shows in the fourth differences of neighbouring values, where what is smooth vanishes
    (Moré and Wild, Estimating computational noise, 2011). Steps as small as rounding itself show
    nothing, so they grow until the values differ.
    """
    for spacing in (1e-8, 1e-6, 1e-4, 1e-2):
        row = np.array([total(k * spacing * size) for k in range(9)])
        if np.all(np.isfinite(row)) and len(set(row.tolist())) > 5:
            return float(np.sqrt(np.mean(np.diff(row, 4) ** 2) / 70))  # 70 = 1 + 16 + 36 + 16 + 1
    return 0.0
