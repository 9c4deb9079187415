"""The picture of a function of one number: what comes out for each x, and its slope there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from layerwise.draw.curves import rounded
from layerwise.draw.shapes import Box, Curve, Line, Point, Scene, Shape, Text, circle
from layerwise.draw.texts import number, text_width

STEP = 0.25  # from one piece of a curve to the next; corners have to be multiples of it
DOMAINS = {  # where -4 to 4 would not show what there is to see
    "Exp": (-4, 2),
    "Log": (0, 6),
    "ReLU6": (-2, 8),
    "Sqrt": (0, 6),
    "Square": (-3, 3),
    "Sin": (-6, 6),
    "Cos": (-6, 6),
}
FURTHEST = 6.2  # above and below which nothing is shown
NEAR = 1e-7  # how far from a corner its sides are looked at
LEFT, TOP, PLOT, HIGH = 34.0, 34.0, 256.0, 150.0  # margins, and the sides of the plot
WIDTH, HEIGHT = LEFT + PLOT + 14, TOP + HIGH + 24


def is_function(layer: Any) -> bool:
    """Whether a layer gives for each number by itself another one, and not the same."""
    x = np.linspace(0.3, 3.7, 5)
    try:
        out = _values(layer, x)
        others = _values(layer, x[::-1])[::-1], _values(layer, x[:2])
    except Exception:
        return False
    if out.shape != x.shape or (np.array_equal(out, x) and np.array_equal(_values(layer, -x), -x)):
        return False
    return np.array_equal(out, others[0]) and np.array_equal(out[:2], others[1])


def function_scene(layer: Any) -> Scene:
    """The function and its slope, each a curve; a dot is the slope that is taken at a corner."""
    low, high = DOMAINS.get(type(layer).__name__, (-4, 4))
    corners = np.arange(low, high + STEP / 2, STEP)
    functions = [lambda x: _values(layer, x), lambda x: _slopes(layer, x)]
    least, most = _range(np.concatenate([f(_between(low, high)) for f in functions]))

    def at(x: float, y: float) -> Point:
        return Point(LEFT + (x - low) / (high - low) * PLOT,
                     TOP + (most - y) / (most - least) * HIGH)  # fmt: skip

    shapes = _paper(low, high, least, most, at)
    shapes += _legend(repr(layer).removesuffix("()"))
    for function, role, width in zip(functions, ("forward", "gradient"), (2.6, 1.6)):
        curves = _curves(function, corners, least, most, at)
        shapes += [Line(curve, role, width) for curve in curves]
    for x in corners[1:-1]:
        before, there, after = _slopes(layer, np.array([x - NEAR, x, x + NEAR]))
        if abs(before - after) > 1e-3 and least <= there <= most:
            shapes.append(circle(*at(x, there), 2.6, fill="gradient", line="paper", line_width=1))
    return Scene(WIDTH, HEIGHT, shapes, f"{layer!r}: the function and its slope")


def _values(layer: Any, x: Any) -> Any:
    layer.training = False
    with np.errstate(all="ignore"):
        return np.asarray(layer.forward(x))


def _slopes(layer: Any, x: Any) -> Any:
    _values(layer, x)
    with np.errstate(all="ignore"):
        return np.asarray(layer.backward(np.ones_like(x)))


def _between(low: float, high: float) -> Any:
    """Points between the corners, where nothing jumps."""
    return np.arange(low + STEP / 4, high, STEP / 2)


def _range(values: Any) -> tuple[float, float]:
    """From below all that is to be seen to above it, with 0 in it and some air."""
    seen = values[np.isfinite(values)].clip(-FURTHEST, FURTHEST)
    least, most = min(seen.min(), 0), max(seen.max(), 0)
    air = 0.07 * (most - least)
    return round(least - air, 1), round(most + air, 1)


def _curves(function: Any, corners: Any, least: float, most: float, at: Any) -> list[Curve]:
    """The curve of a function, cut where it jumps and where it leaves the picture.

    Each piece is the cubic that has the function's values and slopes at both of its ends, which are
    looked at from inside the piece.
    """
    ends = np.stack([corners[:-1] + NEAR, corners[1:] - NEAR])
    values = function(ends)
    inside = ends + np.array([[STEP / 1000], [-STEP / 1000]])
    slopes = (function(inside) - values) / (inside - ends)
    curves: list[Curve] = []
    for (a, b), (ya, yb), (da, db) in zip(ends.T, values.T, slopes.T):
        if not (least <= min(ya, yb) and max(ya, yb) <= most):
            continue  # NaN, too
        third = (b - a) / 3
        first = at(a + third, ya + third * da)
        if abs(third * da) > most - least:
            first = at(a, (ya + yb) / 2)  # it starts upright, as the square root does at 0
        piece = [at(a, ya), first, at(b - third, yb - third * db), at(b, yb)]
        if curves and math.dist(curves[-1][-1], piece[0]) < 0.1:
            curves[-1] += piece[1:]
        else:
            curves.append(piece)
    return curves


def _paper(low: float, high: float, least: float, most: float, at: Any) -> list[Shape]:
    """The field of the plot, its axes, and numbers along two sides."""
    left, bottom = at(low, least)
    shapes: list[Shape] = [Box(left, TOP, PLOT, HIGH, 4, "frame", None)]
    for x in _ticks(low, high):
        shapes.append(_rule([at(x, least), at(x, most)], strong=x == 0))
        shapes.append(Text(at(x, least).x, bottom + 14, number(x), 9.5, "muted"))
    for y in _ticks(least, most):
        shapes.append(_rule([at(low, y), at(high, y)], strong=y == 0))
        shapes.append(Text(left - 5, at(low, y).y + 3.3, number(y), 9.5, "muted", "end"))
    return shapes


def _rule(ends: list[Point], strong: bool) -> Line:
    return Line(rounded(ends, 0), "empty" if strong else "frame-line", 1.0 if strong else 0.5)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, at most seven."""
    step = next(s for s in (0.25, 0.5, 1, 2, 5) if (high - low) / s < 7.5)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _legend(call: str) -> list[Shape]:
    """Whose picture it is, and which line is what."""
    size = min(13.0, max(10.0, 13 * (PLOT - 90) / text_width(call, 13)))
    shapes: list[Shape] = [Text(LEFT, 20, call, size, "ink", "start")]
    x = LEFT + PLOT
    for word, role, width in (("slope", "gradient", 1.6), ("y", "forward", 2.6)):
        shapes.append(Text(x, 20, word, 11, role, "end"))
        x -= text_width(word, 11) + 4
        shapes.append(Line(rounded([Point(x - 16, 16.2), Point(x, 16.2)], 0), role, width))
        x -= 26
    return shapes
