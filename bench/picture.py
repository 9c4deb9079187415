"""The picture: how many times as long others take for a training step; a logarithmic scale."""

from __future__ import annotations

import math
from typing import Any

from layerwise.draw.shapes import Box, Line, Point, Scene, Shape, Text, circle
from layerwise.draw.svg import svg_of

from .contenders import BEST, OURS
from .results import Column, columns, named, ratio, title_of
from .works import WORKS

LEFT, RIGHT, TOP, ROW = 276.0, 780.0, 92.0, 34.0
# contender: colour by role; and whether its mark is a circle or a square, filled or not
MARKS = {
    "torch": ("gradient", True, True),
    BEST: ("gradient", True, False),
    "jax": ("parameter", False, True),
    "numpy": ("layer-line", False, False),
    "book": ("muted", False, True),
    "sklearn": ("alarm", False, False),
    "tinygrad": ("alarm", True, True),
}


def svg(found: dict[str, Any]) -> str:
    works = {
        name: columns(name, one)
        for name, one in found["works"].items()
        if WORKS[name].learns or name == "shop"
    }
    ratios = {
        work: {name: ratio(mine, name, "median") for name in MARKS if name in mine}
        for work, mine in works.items()
    }
    scene = Scene(820, TOP + ROW * len(works) + 40)
    scene.description = "How many times as long a training step takes as with layerwise, compiled"
    shown = [one for mine in ratios.values() for one in mine.values() if not math.isnan(one)]
    ends = min([0.5, *shown]) * 0.9, max([2.0, *shown]) * 1.1
    scene.shapes += [*legend(works), *scale(ends, len(works))]
    for number, (work, mine) in enumerate(ratios.items()):
        y = TOP + ROW * (number + 0.5)
        scene.shapes.append(Text(LEFT - 14, y + 4, named(work), 12, "ink", "end"))
        for name, one in mine.items():
            if not math.isnan(one):
                told = f"{title_of(name)}: {one:.2f} times as long"
                scene.shapes.append(mark(name, place(one, ends), y, told))
    return svg_of(scene, "auto")


def place(times: float, ends: tuple[float, float]) -> float:
    low, high = map(math.log, ends)
    return LEFT + (math.log(times) - low) / (high - low) * (RIGHT - LEFT)


def mark(name: str, x: float, y: float, title: str = "") -> Shape:
    role, is_round, filled = MARKS[name]
    fill = role if filled else "paper"
    if is_round:
        return circle(x, y, 5.5, fill=fill, line=role, line_width=2.0, title=title)
    return Box(x - 5, y - 5, 10, 10, 1, fill, role, 2.0, title=title)


def legend(works: dict[str, dict[str, Column]]) -> list[Shape]:
    title = "How many times as long as layerwise, compiled: one training step"
    shapes: list[Shape] = [Text(24, 28, title, 15, "ink", "start")]
    x = 24.0
    for name in MARKS:
        if any(name in mine and mine[name].runs for mine in works.values()):
            shapes.append(mark(name, x + 6, 49))
            shapes.append(Text(x + 17, 53, title_of(name), 11, "muted", "start"))
            x += 34 + 6.0 * len(title_of(name))
    return shapes


def scale(ends: tuple[float, float], rows: int) -> list[Shape]:
    """Lines at 1, 2, 5, 10 ...; that of layerwise itself is the strong one."""
    shapes: list[Shape] = []
    bottom = TOP + ROW * rows
    for value in [d * 10.0**n for n in range(-2, 5) for d in (1, 2, 5)]:
        if ends[0] <= value <= ends[1]:
            x = place(value, ends)
            ours = value == 1
            a, b = Point(x, TOP - 8), Point(x, bottom)
            role = "layer-line" if ours else "frame-line"
            shapes.append(Line([a, a, b, b], role, 2.0 if ours else 0.8))
            shapes.append(Text(x, bottom + 18, f"{value:g}", 11, "muted"))
            if ours:
                shapes.append(Text(x, TOP - 14, "layerwise", 11, "layer-line"))
    return shapes


assert OURS not in MARKS  # it is the line at 1
