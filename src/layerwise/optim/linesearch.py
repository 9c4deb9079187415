"""The line search of L-BFGS: how far to go in one direction.

It ends at a point that satisfies the strong Wolfe conditions: the loss has fallen enough for the
length of the step, and the line has become flatter.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place on the line."""

    t: float  # how far from the start, in lengths of the direction
    loss: float
    grad: Any
    slope: float  # of the loss along the line


ENOUGH = 1e-4  # the part of the fall that the slope at the start promises
FLATTER = 0.9  # the part of the slope at the start that may be left


def strong_wolfe(
    at: Callable[[float], Point], start: Point, t: float, most: int, shortest: float
) -> Point:
    """A point on the line that satisfies the conditions, or the lowest that was found.

    at         gives the point t; each call is an evaluation of the loss
    start      the point 0
    t          where to look first
    most       how many more points may be looked at after that
    shortest   two points as close as that are one
    source     Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6
    """
    low, high, count = bracket(at, start, at(t), most)
    stuck = False
    while high is not None and count < most and abs(high.t - low.t) >= shortest:
        t, stuck = inside(low, high, stuck)
        new, count = at(t), count + 1
        if too_high(new, start) or new.loss >= low.loss:
            low, high = in_order(low, new)
        elif flat_enough(new, start):
            low, high = new, None
        else:
            low, high = new, low if new.slope * (high.t - low.t) >= 0 else high
    return low


def bracket(
    at: Callable[[float], Point], start: Point, new: Point, most: int
) -> tuple[Point, Point | None, int]:
    """Go further until the minimum has been passed: the lower end, the other end, how many points.

    There is no other end where the lower one satisfies the conditions.
    """
    last = start
    for count in range(most):
        worse = too_high(new, start) or (count > 1 and new.loss >= last.loss)
        if not worse and flat_enough(new, start):
            return new, None, count
        if worse or new.slope >= 0:
            return (*in_order(last, new), count)
        t = lowest_of_cubic(last, new, new.t + 0.01 * (new.t - last.t), 10 * new.t)
        last, new = new, at(t)
    return (*in_order(start, new), most)


def inside(low: Point, high: Point, stuck: bool) -> tuple[float, bool]:
    """Where to look next between two points, and whether it is close to one of them."""
    left, right = sorted((low.t, high.t))
    t = lowest_of_cubic(low, high, left, right)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if not stuck and left < t < right:
        return t, True
    return (right - margin if right - t < t - left else left + margin), False


def lowest_of_cubic(a: Point, b: Point, least: float, most: float) -> float:
    """Where the cubic through two points, with their slopes, is lowest; within limits."""
    a, b = sorted((a, b), key=lambda point: point.t)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < inf:
        return (least + most) / 2
    d2 = square**0.5
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, least), most)


def too_high(point: Point, start: Point) -> bool:
    return not point.loss <= start.loss + ENOUGH * point.t * start.slope  # NaN is too high


def flat_enough(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -FLATTER * start.slope


def in_order(a: Point, b: Point) -> tuple[Point, Point]:
    """The lower of two points first."""
    return (b, a) if b.loss < a.loss else (a, b)
