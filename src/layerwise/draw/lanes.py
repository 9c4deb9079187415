"""Ways of straight pieces around obstacles: out of a fork, along a free lane, into a thing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from .curves import rounded
from .placement import Rectangle
from .shapes import Curve, Point

AIR = 4.0  # between a way and what it passes
TIGHTER = np.array([1.0, 1.0, -1.0, -1.0]) * (AIR - 1.0)  # where it has to be
LANE_AIR = 9.0  # between a lane and the obstacle that it goes around
ROUND = 8.0  # radius of the corners
OUT = (10.0, 16.0, 22.0, 30.0, 40.0, 6.5)  # how far behind a fork a way may turn
BACK = (12.0, 18.0, 24.0, 32.0, 42.0)  # how far before a thing it may turn
MOST_LANES = 80  # that are tried


class Lanes:
    """Finds ways, and remembers those that are taken, so that no two lie on one another."""

    def __init__(self) -> None:
        self._taken: list[tuple[str, bool, Rectangle]] = []  # wire, level or upright, where

    def way(
        self,
        wire: str,
        start: Point,
        entry: Point,
        above_and_below: tuple[Point, Point] | None,
        obstacles: list[Rectangle],
    ) -> Curve | None:
        """The free way with the least detour; None: there is none.

        entry             where the way ends, coming from the left
        above_and_below   points where it may end as well, coming from above and from below
        """
        taken = [(level, r) for key, level, r in self._taken if key != wire]
        fixed = _edges(obstacles)
        level = np.vstack([fixed, _edges([r for is_level, r in taken if is_level])])
        upright = np.vstack([fixed, _edges([r for is_level, r in taken if not is_level])])
        edges = [r.y - LANE_AIR for r in obstacles] + [r.end.y + LANE_AIR for r in obstacles]
        edges = sorted({start.y, entry.y, *edges})
        edges.sort(key=lambda y: abs(y - start.y) + abs(y - entry.y))
        tight = fixed + TIGHTER
        # rather shared than none, and rather tight
        for blocked in ((level, upright), (fixed, fixed), (tight, tight)):
            for corners in _ways(start, entry, above_and_below, edges[:MOST_LANES], blocked):
                self._take(wire, corners)
                return rounded(corners, ROUND)
        return None

    def _take(self, wire: str, corners: list[Point]) -> None:
        for a, b in pairwise(corners[1:]):
            level = abs(a.y - b.y) < 0.1
            self._taken.append((wire, level, _around(a, b, 5.0)))


def _ways(
    start: Point,
    entry: Point,
    above_and_below: tuple[Point, Point] | None,
    edges: list[float],
    blocked: tuple[np.ndarray, np.ndarray],
) -> Iterator[list[Point]]:
    """The free ways, shorter ones first: with one upright piece, then along a lane."""

    def free(*corners: Point) -> bool:
        return _is_free(list(corners), blocked)

    for corner in above_and_below or ():  # level, and then straight up or down into a circle
        outside = (corner.y - entry.y) * (start.y - corner.y) > 0
        corners = [start, Point(corner.x, start.y), corner]
        if outside and _even(start.y, corner.y) and free(*corners):
            yield corners
    for x in [*(entry.x - far for far in BACK), *(start.x + far for far in OUT)]:
        corners = [start, Point(x, start.y), Point(x, entry.y), entry]
        if start.x < x < entry.x and _even(start.y, entry.y) and free(*corners):
            yield corners
    for y in edges:
        first = next((p for p in _leaving(start, y) if free(start, *p)), None)
        if first is None:
            continue
        for last in _arriving(entry, above_and_below, y):
            if first[-1].x <= last[0].x and free(first[-1], *last):
                yield [start, *first[:-1], *_without_repeats([first[-1], *last])]


def _leaving(start: Point, y: float) -> Iterator[list[Point]]:
    """Ways from a fork to the lane at the height y."""
    if abs(y - start.y) < 0.1:
        yield [Point(start.x + OUT[0], y)]
    elif _even(y, start.y):
        yield from ([Point(start.x + far, start.y), Point(start.x + far, y)] for far in OUT)


def _arriving(
    entry: Point, above_and_below: tuple[Point, Point] | None, y: float
) -> Iterator[list[Point]]:
    """Ways from the lane at the height y into a thing."""
    if above_and_below is not None:
        top, bottom = above_and_below
        if y < top.y - 2 * ROUND:
            yield [Point(top.x, y), top]
        elif y > bottom.y + 2 * ROUND:
            yield [Point(bottom.x, y), bottom]
    if abs(y - entry.y) < 0.1:
        yield [entry]
    elif _even(y, entry.y):
        yield from ([Point(entry.x - x, y), Point(entry.x - x, entry.y), entry] for x in BACK)


def _even(a: float, b: float) -> bool:
    """Whether a step is high enough for two round corners."""
    return abs(a - b) >= 2 * ROUND


def _without_repeats(points: list[Point]) -> list[Point]:
    return [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]


def _is_free(corners: list[Point], blocked: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether level pieces and upright pieces each avoid what is blocked for them."""
    for a, b in pairwise(corners):
        left, top, right, bottom = blocked[0 if abs(a.y - b.y) < 0.1 else 1].T
        beside = (max(a.x, b.x) < left) | (min(a.x, b.x) > right)
        over = (max(a.y, b.y) < top) | (min(a.y, b.y) > bottom)
        if not (beside | over).all():
            return False
    return True


def _edges(rectangles: list[Rectangle]) -> np.ndarray:
    """Left, top, right and bottom of each rectangle with the air around it: (N, 4)."""
    rows = [(r.x - AIR, r.y - AIR, r.end.x + AIR, r.end.y + AIR) for r in rectangles]
    return np.array(rows, dtype=float).reshape(-1, 4)


def _around(a: Point, b: Point, air: float) -> Rectangle:
    """The rectangle around a straight piece."""
    left, top = min(a.x, b.x), min(a.y, b.y)
    return Rectangle(left - air, top - air, abs(a.x - b.x) + 2 * air, abs(a.y - b.y) + 2 * air)
