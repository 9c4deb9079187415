"""After Graphviz: operations in the middle of what goes into them, and calm curves.

Graphviz keeps things apart and in a good order, but any height between two inputs is equally good
to it. Here an operation moves to the middle where there is room, and the wires are led anew: in
one sweep where nothing is in between, else along a free lane. Only where there is no lane does a
wire keep Graphviz's way.
"""

from __future__ import annotations

from dataclasses import replace
from math import atan2, copysign, cos, pi, sin

from .curves import length, sampled, straight
from .lanes import Lanes
from .outline import Frame, Outline, Thing, Wire
from .placement import Branch, Placement, Rectangle, Sizes, end_key, start_key
from .shapes import Curve, Point

AIR = 4.0  # that is kept around what is moved, and around curves
STEEPEST, APART = 0.3 * pi, 0.14 * pi  # angles at which arrows come into a circle
FARTHEST = 250.0  # points that anything is moved
NEARBY = 60.0  # points that one fork may lie before another and count as beside it
BOX_APART = 16.0  # points between arrows at a box
POINT_AIR = 12.0  # around the points where wires come into a row and leave it


def smoothed(outline: Outline, placed: Placement, sizes: Sizes, across: bool) -> Placement:
    """The same placement, balanced and with calmer curves."""
    titles = [
        Rectangle(r.x + 8, r.y + 5, sizes.frame_titles[frame] + 4, 15) for frame, r in placed.frames
    ]
    if across:
        return _Smoother(outline, placed, sizes.of, sizes.bodies, sizes.round, titles).result()
    turned = {key: (height, width) for key, (width, height) in sizes.of.items()}
    bodies = {key: body.turned() for key, body in sizes.bodies.items()}
    titles = [title.turned() for title in titles]
    smoother = _Smoother(outline, placed.turned(), turned, bodies, sizes.round, titles)
    return smoother.result().turned()


class _Smoother:
    """Works in coordinates in which the arrows run from left to right."""

    def __init__(
        self,
        outline: Outline,
        placed: Placement,
        sizes: dict[str, tuple[float, float]],
        bodies: dict[str, Rectangle],
        rounds: set[str],
        titles: list[Rectangle],
    ) -> None:
        self.titles = titles
        self.placed, self.sizes, self.rounds = placed, sizes, rounds
        self.things = {one.key: one for one in outline.things if one.key in placed.centers}
        self.wires = {one.key: one for one in outline.wires}
        self.given: dict[str, list[Wire]] = {key: [] for key in self.things}
        for wire in outline.wires:
            if wire.source.key in self.given:
                self.given[wire.source.key].append(wire)
        self.rectangles = {
            key: bodies[key].moved(*center)
            if key in bodies
            else Rectangle.around(center, sizes.get(key, (1.0, 1.0)))
            for key, center in placed.centers.items()
        }
        self.lanes = Lanes()

    def result(self) -> Placement:
        self._level_starts()
        for thing in self.things.values():
            if thing.kind == "op":
                self._balance(thing)
        for key in self.wires:
            out = end_key(key, self.placed.row)
            if out in self.placed.centers:
                self._move_point(out, self._fork(self.wires[key]).y)
        for key in self.things:
            self._sweep_out(key)
        for key in dict.fromkeys(branch.target for branch in self.placed.branches):
            self._lead_into(key)
        return self._cropped()

    def _cropped(self) -> Placement:
        """The placement without empty margins."""
        placed = self.placed
        rectangles = [*self.rectangles.values(), *(r for _, r in placed.frames)]
        ways = [*placed.trunks.values(), *(branch.curve for branch in placed.branches)]
        points = [p for way in ways for p in sampled(way)] + [
            corner for r in rectangles for corner in (Point(r.x, r.y), r.end)
        ]
        left, top = min(p.x for p in points), min(p.y for p in points)
        cropped = Placement(placed.row)
        cropped.add(placed, -left, -top)
        cropped.width = max(p.x for p in points) - left
        cropped.height = max(p.y for p in points) - top
        return cropped

    # heights -------------------------------------------------------------------------------------

    def _level_starts(self) -> None:
        """Let wires come into the row at the height of what they go to."""
        for thing in self.things.values():
            for wire in thing.takes:
                start = start_key(wire.key, self.placed.row)
                if start in self.placed.centers and thing is wire.targets[0]:
                    there = self.placed.centers[thing.key]
                    way = straight(Point(self.placed.centers[start].x, there.y), there)
                    if self._is_clear(way, self._all_but({start, thing.key})):
                        self._move_point(start, there.y)

    def _move_point(self, key: str, y: float) -> None:
        far = y - self.placed.centers[key].y
        if self._has_room([key], far, POINT_AIR):
            self._move([key], far)

    def _balance(self, thing: Thing) -> None:
        """Move an operation, and what it gives, to the middle of what goes into it."""
        forks = [self._fork(wire) for wire in thing.takes if wire.labelled]
        alone = len(forks) == 1 and len(thing.takes[0].targets) > 1
        if not forks or alone or len(self.given[thing.key]) > 1:
            return
        unit = [thing.key]
        for wire in self.given[thing.key]:
            unit.append(wire.key)
            if [target.kind for target in wire.targets] == ["output"]:
                unit.append(wire.targets[0].key)
        self._move_towards(unit, self._wanted_height(thing, forks))

    def _wanted_height(self, thing: Thing, forks: list[Point]) -> float:
        """A circle stands in the middle of its inputs, a box in line with the first of them."""
        if thing.key in self.rounds:
            latest = max(fork.x for fork in forks)  # those that come from far bend themselves
            near = [fork.y for fork in forks if fork.x > latest - NEARBY]
            return sum(near) / len(near)
        slots = sorted(fork.y for fork in forks)
        first = slots.index(forks[0].y) - (len(slots) - 1) / 2
        return forks[0].y - first * self._slot(thing.key, len(slots))

    def _slot(self, key: str, count: int) -> float:
        """The distance between arrows at a side of a box."""
        return min(BOX_APART, self.sizes.get(key, (0, 0))[1] * 0.8 / count)

    def _fork(self, wire: Wire) -> Point:
        """Where the branches of a wire begin in this row."""
        if wire.key in self.placed.trunks:
            return self.placed.trunks[wire.key][-1]
        start = start_key(wire.key, self.placed.row)
        if start in self.placed.centers:
            return self.placed.centers[start]
        r = self.rectangles[wire.source.key]
        return Point(r.x + r.width, r.y + r.height / 2)

    def _move_towards(self, unit: list[str], y: float) -> None:
        """Move things and labels so that the first is at the height y, as far as there is room."""
        far = y - self.placed.centers[unit[0]].y
        if abs(far) > FARTHEST:
            return  # Graphviz had a reason
        for part in (1.0, 0.75, 0.5, 0.25):
            if abs(far * part) > 0.1 and self._has_room(unit, far * part):
                self._move(unit, far * part)
                return

    def _has_room(self, unit: list[str], far: float, air: float = AIR) -> bool:
        others = self._all_but(set(unit)) + self.titles
        path = self.things[unit[0]].path if unit[0] in self.things else ()
        others += [r for frame, r in self.placed.frames if frame not in path]
        for frame, r in self.placed.frames:  # it stays in the frames that it is in
            moved = self.rectangles[unit[0]].moved(0, far)
            if frame in path and not r.y + AIR < moved.y < r.end.y - AIR - moved.height:
                return False
        for key in unit:
            moved = self.rectangles[key].moved(0, far)
            if any(moved.touches(other, air) for other in others):
                return False
        return True

    def _move(self, unit: list[str], far: float) -> None:
        placed = self.placed
        for key in unit:
            x, y = placed.centers[key]
            placed.centers[key] = Point(x, y + far)
            self.rectangles[key] = self.rectangles[key].moved(0, far)
            if key in placed.trunks:
                placed.trunks[key] = [Point(p.x, p.y + far) for p in placed.trunks[key]]
        for branch in placed.branches:  # a way of Graphviz's follows with its ends
            begin = far if branch.wire in unit else 0.0
            end = far if branch.target in unit else 0.0
            head, middle, tail = branch.curve[:2], branch.curve[2:-2], branch.curve[-2:]
            branch.curve = [
                *(Point(p.x, p.y + begin) for p in head),
                *middle,
                *(Point(p.x, p.y + end) for p in tail),
            ]

    # curves --------------------------------------------------------------------------------------

    def _sweep_out(self, key: str) -> None:
        """Let several outputs leave a box side by side."""
        wires = [wire for wire in self.given[key] if wire.key in self.placed.trunks]
        if len(wires) < 2:
            return
        wires.sort(key=lambda wire: self.placed.centers[wire.key].y)
        r = self.rectangles[key]
        for i, wire in enumerate(wires):
            y = r.y + r.height / 2 + (i - (len(wires) - 1) / 2) * self._slot(key, len(wires))
            label, end = self.rectangles[wire.key], self.placed.trunks[wire.key][-1]
            before = Point(label.x, end.y)
            sweep = _into_box(Point(r.x + r.width, y), before)
            self.placed.trunks[wire.key] = [*sweep, *straight(before, end)[1:]]

    def _lead_into(self, target: str) -> None:
        """Let the wires come into a thing side by side: in one sweep, or else along a lane."""
        coming = [one for one in self.placed.branches if one.target == target]
        starts = {id(one): self._fork(self.wires[one.wire]) for one in coming}
        coming.sort(key=lambda one: (starts[id(one)].y, one.number))
        center, width = self.placed.centers[target], self.sizes.get(target, (0, 0))[0]
        sweeping = self._sweeping(target, coming, starts) if target in self.rounds else {}
        for i, branch in enumerate(coming):
            start = starts[id(branch)]
            slot = center.y + (i - (len(coming) - 1) / 2) * self._slot(target, len(coming))
            entry = Point(center.x - width / 2, slot)
            sweep: Curve | None = None
            if target not in self.rounds:
                sweep = _into_box(start, entry)
            elif id(branch) in sweeping:
                sweep = _into_circle(start, center, width / 2, sweeping[id(branch)])
            if sweep is not None and self._is_free(sweep, branch):
                branch.curve = sweep
            else:
                self._lead_along_a_lane(branch, start, entry)

    def _sweeping(
        self, target: str, coming: list[Branch], starts: dict[int, Point]
    ) -> dict[int, float]:
        """The wires that come into a circle in one sweep, and at which angles."""
        center, radius = self.placed.centers[target], self.sizes[target][0] / 2
        free: dict[int, float] = {}
        for branch in coming:
            start = starts[id(branch)]
            angle = _angle(start, center)
            for one in (angle, copysign(STEEPEST, angle)):
                if self._is_free(_into_circle(start, center, radius, one), branch):
                    free[id(branch)] = one
                    break
        return dict(zip(free, _spread(list(free.values()))))

    def _lead_along_a_lane(self, branch: Branch, start: Point, entry: Point) -> None:
        """Out of the way, along, and back; a circle may be entered from above or below."""
        ends = None
        if branch.target in self.rounds:
            center = self.placed.centers[branch.target]
            radius = self.sizes[branch.target][0] / 2
            ends = Point(center.x, center.y - radius), Point(center.x, center.y + radius)
        way = self.lanes.way(branch.wire, start, entry, ends, self._obstacles(branch))
        branch.curve = branch.curve if way is None else way

    def _obstacles(self, branch: Branch) -> list[Rectangle]:
        """What a branch must not cross: all but its own ends, and frames that it has no part in."""
        wire, target = self.wires[branch.wire], self.things.get(branch.target)
        start = start_key(wire.key, self.placed.row)
        around: set[Frame] = {*wire.source.path, *(target.path if target else ())}
        others = self._all_but({branch.target, wire.key, wire.source.key, start})
        others += [r for frame, r in self.placed.frames if frame not in around]
        label = self.rectangles.get(wire.key)
        if label is not None:  # its own label too, but for the end where it begins
            others.append(replace(label, width=label.width - 3 * AIR))
        return others + self.titles

    def _all_but(self, keys: set[str]) -> list[Rectangle]:
        return [r for key, r in self.rectangles.items() if key not in keys]

    def _is_free(self, way: Curve, branch: Branch) -> bool:
        """Whether a curve crosses nothing that its branch must not cross."""
        return self._is_clear(way, self._obstacles(branch))

    def _is_clear(self, way: Curve, others: list[Rectangle]) -> bool:
        points = sampled(way, 16)
        left, right = min(p.x for p in points) - AIR, max(p.x for p in points) + AIR
        near = [r for r in others if r.x < right and r.end.x > left]
        return not any(r.holds(p, AIR) for r in near for p in points)


def _angle(start: Point, center: Point) -> float:
    """How steeply the way to a center rises; positive: it comes from below."""
    angle = atan2(start.y - center.y, max(center.x - start.x, 1.0))
    return max(-STEEPEST, min(angle, STEEPEST))


def _spread(angles: list[float]) -> list[float]:
    """Angles in rising order, far enough from one another, about the same middle."""
    if not angles:
        return []
    apart = min(APART, 2 * STEEPEST / len(angles))
    spread = [angles[0]]
    for angle in angles[1:]:
        spread.append(max(angle, spread[-1] + apart))
    shift = (sum(spread) - sum(angles)) / len(angles)
    return [angle - shift for angle in spread]


def _into_circle(start: Point, center: Point, radius: float, angle: float) -> Curve:
    end = Point(center.x - radius * cos(angle), center.y + radius * sin(angle))
    if abs(start.y - end.y) < 0.5 and abs(angle) < 0.05:
        return straight(start, end)
    reach = min(length(start, end) * 0.4, (end.x - start.x) / cos(angle))  # and never back
    handle = Point(end.x - reach * cos(angle), end.y + reach * sin(angle))
    return [start, Point(start.x + (end.x - start.x) * 0.5, start.y), handle, end]


def _into_box(start: Point, end: Point) -> Curve:
    half = (end.x - start.x) / 2
    return [start, Point(start.x + half, start.y), Point(end.x - half, end.y), end]
