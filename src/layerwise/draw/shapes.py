"""The shapes that a picture is made of, in points; x grows to the right, y downward.

A shape knows its role (`colors.COLORS`), not its colour, so that one scene serves all themes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Point(NamedTuple):
    x: float
    y: float


Curve = list[Point]  # cubic Bézier pieces: start, then two handles and an end for each piece


@dataclass(frozen=True)
class Text:
    """One line of text; `y` is its base line, `anchor` is "start", "middle" or "end"."""

    x: float
    y: float
    text: str
    size: float
    role: str
    anchor: str = "middle"
    title: str = ""


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners; a circle is a box whose corners are all there is."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str | None
    line: str | None
    line_width: float = 1.4
    dotted: bool = False
    title: str = ""


@dataclass(frozen=True)
class Line:
    """A curve without arrow head."""

    curve: Curve
    role: str
    width: float = 1.3
    dotted: bool = False
    title: str = ""


@dataclass(frozen=True)
class Head:
    """The head of an arrow: a filled triangle."""

    tip: Point
    left: Point
    right: Point
    role: str


@dataclass(frozen=True)
class Heat:
    """A matrix as coloured cells; its upper left corner and the side of a cell."""

    x: float
    y: float
    cell_width: float
    cell_height: float
    colors: list[list[str]]
    title: str = ""


Shape = Text | Box | Line | Head | Heat


@dataclass
class Scene:
    """A whole picture: its size, and its shapes from back to front."""

    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)
    description: str = ""


def circle(x: float, y: float, r: float, **style: object) -> Box:
    """The circle around a point."""
    return Box(x - r, y - r, 2 * r, 2 * r, r, **style)  # type: ignore[arg-type]
