"""Curves made of cubic Bézier pieces: running beside one another, ending in arrow heads."""

from __future__ import annotations

from math import hypot

from .shapes import Curve, Head, Line, Point, Shape

HEAD_LENGTH, HEAD_WIDTH = 6.5, 5.2


def straight(a: Point, b: Point) -> Curve:
    """The straight line from a to b."""
    return [a, _between(a, b, 1 / 3), _between(a, b, 2 / 3), b]


def joined(*curves: Curve) -> Curve:
    """Curves one behind the other; gaps between them are bridged."""
    whole = list(curves[0])
    for curve in curves[1:]:
        whole = _on_to(whole, curve[0]) + curve[1:]
    return whole


def rounded(corners: list[Point], radius: float) -> Curve:
    """Straight lines through the corners, with the corners rounded."""
    curve, ends = [corners[0]], (corners[0], corners[-1])
    for before, corner, after in zip(corners, corners[1:], corners[2:]):
        near = [_towards(corner, end, radius, whole=end in ends) for end in (before, after)]
        curve = _on_to(curve, near[0])
        curve += [_between(near[0], corner, 0.55), _between(near[1], corner, 0.55), near[1]]
    return _on_to(curve, corners[-1])


def _on_to(curve: Curve, end: Point) -> Curve:
    """The curve, going on straight to a point, if it is not there already."""
    return curve + straight(curve[-1], end)[1:] if length(curve[-1], end) > 0.3 else curve


def beside(curve: Curve, distance: float) -> Curve:
    """The curve that runs at a distance to the left of another, seen in its direction."""
    pieces = (curve[i : i + 4] for i in range(0, len(curve) - 1, 3))
    return joined(*(_moved(part, distance) for piece in pieces for part in _parts(piece)))


def _parts(piece: Curve) -> list[Curve]:
    """A bent piece in four parts, each of which bends so little that it can be moved aside."""
    if len({p.x for p in piece}) == 1 or len({p.y for p in piece}) == 1:
        return [piece]
    parts, rest = [], piece
    for left in (4, 3, 2):
        parts.append(_first_part(rest, 1 / left))
        rest = _first_part(rest[::-1], 1 - 1 / left)[::-1]
    return [*parts, rest]


def _moved(piece: Curve, distance: float) -> Curve:
    """One Bézier piece, moved to the left; its handles keep their directions."""
    a, b, c, d = piece
    first, last = _direction(a, b, c, d), _direction(d, c, b, a)
    start = Point(a.x + first.y * distance, a.y - first.x * distance)
    end = Point(d.x - last.y * distance, d.y + last.x * distance)
    stretch = length(start, end) / (length(a, d) or 1)
    near = Point(start.x + (b.x - a.x) * stretch, start.y + (b.y - a.y) * stretch)
    far = Point(end.x + (c.x - d.x) * stretch, end.y + (c.y - d.y) * stretch)
    return [start, near, far, end]


def arrow(curve: Curve, role: str, width: float, dotted: bool = False) -> list[Shape]:
    """The curve with an arrow head at its end."""
    shaft = _without_end(curve, HEAD_LENGTH * 0.8)
    tip, back = curve[-1], shaft[-1]
    way = length(back, tip) or 1
    ux, uy = (tip.x - back.x) / way, (tip.y - back.y) / way
    foot = Point(tip.x - ux * HEAD_LENGTH, tip.y - uy * HEAD_LENGTH)
    half = HEAD_WIDTH / 2
    left = Point(foot.x + uy * half, foot.y - ux * half)
    right = Point(foot.x - uy * half, foot.y + ux * half)
    return [Line(shaft, role, width, dotted), Head(tip, left, right, role)]


def _without_end(curve: Curve, far: float) -> Curve:
    """The curve without its last `far` points of way, as the crow flies."""
    end = curve[-1]
    while len(curve) > 4 and length(curve[-4], end) <= far:
        curve = curve[:-3]
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        there = _point_at(curve[-4:], middle)
        low, high = (middle, high) if length(there, end) > far else (low, middle)
    return curve[:-4] + _first_part(curve[-4:], low)


def sampled(curve: Curve, count: int = 12) -> list[Point]:
    """Points along a curve, `count` on each of its pieces."""
    return [
        _point_at(curve[i : i + 4], k / count)
        for i in range(0, len(curve) - 1, 3)
        for k in range(1, count + 1)
    ]


def _first_part(piece: Curve, t: float) -> Curve:
    """The part of one Bézier piece up to t (de Casteljau)."""
    a, b, c, d = piece
    ab, bc, cd = _between(a, b, t), _between(b, c, t), _between(c, d, t)
    abc, bcd = _between(ab, bc, t), _between(bc, cd, t)
    return [a, ab, abc, _between(abc, bcd, t)]


def _point_at(piece: Curve, t: float) -> Point:
    """Where the first part of a Bézier piece up to t ends."""
    return Point(_coordinate(t, *(p.x for p in piece)), _coordinate(t, *(p.y for p in piece)))


def _coordinate(t: float, a: float, b: float, c: float, d: float) -> float:
    ab, bc, cd = a + (b - a) * t, b + (c - b) * t, c + (d - c) * t
    abc, bcd = ab + (bc - ab) * t, bc + (cd - bc) * t
    return abc + (bcd - abc) * t


def _direction(*points: Point) -> Point:
    """The direction from the first point to the next that is somewhere else."""
    a = points[0]
    for b in points[1:]:
        far = length(a, b)
        if far > 1e-6:
            return Point((b.x - a.x) / far, (b.y - a.y) / far)
    return Point(1.0, 0.0)


def _towards(a: Point, b: Point, distance: float, whole: bool) -> Point:
    """The point at a distance from a, at most half of the way to b, or the whole of it."""
    far = length(a, b)
    return _between(a, b, min(distance / far, 0.9 if whole else 0.5)) if far else a


def _between(a: Point, b: Point, t: float) -> Point:
    return Point(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t)


def length(a: Point, b: Point) -> float:
    return hypot(b.x - a.x, b.y - a.y)
