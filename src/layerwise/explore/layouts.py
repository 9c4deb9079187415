"""Where everything stands in the page, for each way in which nested graphs can be folded.

The places are those of the library's pictures (`layerwise.draw`). There is a layout for every
choice of opened graphs if there are few choices; else all closed, each opened by itself, and all
opened. The page takes the one that is nearest to what is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

from ..draw.curves import arrow, beside, joined
from ..draw.layout import first_column, place
from ..draw.outline import Frame, Outline, Thing, Wire
from ..draw.placement import Branch, Placement, Rectangle, Sizes
from ..draw.shapes import Curve, Head, Line
from ..draw.texts import one_line, shortened, shorter_call, text_width
from ..errors import show_layer
from ..graph import Graph
from ..seat import Seat
from .run import Run

NAME, CALL, SMALL = 13.5, 13.0, 11.0  # text sizes in points
WIDEST_NAME, WIDEST_BOX = 150.0, 190.0
RADIUS = 18.0
THUMB = 44.0  # the side of a heat map beside an arrow
GAP, BEND = 20.0, 27.0  # from rank to rank
SPLIT = 2.8  # from the middle of a pair of arrows to each of them
AXIS = 8.0  # from the middle of a pair of arrows to what stands beside it
ROW = 880.0  # points of a row of a long graph
MOST_THINGS = 400  # in all layouts together
READABLE = 24  # things that can be read at once: so many stand in the page at the beginning
MOST_CHOICES = 6  # nested graphs that are folded independently of one another
MOST_THUMBS = 120  # values of one layout that get a heat map


class Layouts:
    """Makes the layouts of a run, one for each set of opened frames."""

    def __init__(self, shown: Run, ids: dict[Seat, str]) -> None:
        self.shown, self.ids = shown, ids
        self.frames = list(
            dict.fromkeys(frame for thing in shown.outline.things for frame in thing.path)
        )

    def every(self) -> list[dict[str, Any]]:
        """All layouts there is room for, the one to begin with first."""
        made: list[dict[str, Any]] = []
        count = 0
        for opened in self._choices():
            outline = Outline(self.shown.graph, folded=self._folded(opened))
            count += len(outline.things)
            if made and count > MOST_THINGS:
                break
            made.append(self._layout(outline, opened))
        return made

    def _folded(self, opened: frozenset[Frame]) -> set[Seat]:
        """The places of all nested graphs that stay closed, those too deep for the run as well."""
        inner = {thing.seat for thing in self.shown.outline.things if is_nested(thing.seat)}
        return inner | {frame.seat for frame in self.frames if frame not in opened}

    def _choices(self) -> Iterator[frozenset[Frame]]:
        """Sets of opened frames, each once, the most useful first."""
        seen: set[frozenset[Frame]] = set()
        for one in self._wanted():
            if one not in seen:
                seen.add(one)
                yield one

    def _wanted(self) -> Iterator[frozenset[Frame]]:
        frames = self.frames
        deepest = max((len(frame.path) + 1 for frame in frames), default=0)
        levels = [frozenset(f for f in frames if len(f.path) < n) for n in range(deepest + 1)]
        read_at_once = [one for one in levels if self._count(one) <= READABLE]
        yield from read_at_once[-1:]
        yield frozenset()
        for frame in frames:
            yield frozenset((*frame.path, frame))
        yield from (one for one in levels if self._count(one) <= MOST_THINGS // 2)
        if len(frames) <= MOST_CHOICES:
            for switches in product((True, False), repeat=len(frames)):
                chosen = frozenset(frame for frame, on in zip(frames, switches) if on)
                if all(outer in chosen for frame in chosen for outer in frame.path):
                    yield chosen

    def _count(self, opened: frozenset[Frame]) -> int:
        """How many things are to be seen where these frames are opened."""
        things = self.shown.outline.things
        alone = sum(set(thing.path) <= opened for thing in things)
        closed = [f for f in self.frames if f not in opened and set(f.path) <= opened]
        return alone + len(closed)

    # one layout ----------------------------------------------------------------------------------

    def _layout(self, outline: Outline, opened: frozenset[Frame]) -> dict[str, Any]:
        boxes = {thing.key: box_of(thing) for thing in outline.things}
        labels = {w.key: self._label_size(w, outline) for w in outline.wires if w.labelled}
        inside = dict.fromkeys(frame for thing in outline.things for frame in thing.path)
        column = [boxes[key] for key in first_column(outline)]
        widest = max((box["w"] for box in column), default=0.0)
        for box in column:
            box |= {"w": widest, "end": True}
        rounds = {key for key, box in boxes.items() if box["shape"] == "circle"}
        bends = any(thing.key in rounds and len(thing.takes) > 1 for thing in outline.things)
        sizes = Sizes(
            of={key: (box["w"] + 3, box["h"] + 3) for key, box in boxes.items()}
            | {key: (w, 2 * max(above, below)) for key, (w, above, below) in labels.items()},
            round=rounds,
            frame_titles={frame: text_width(frame.seat.name, SMALL) + 24 for frame in inside},
            bodies={
                key: Rectangle(-w / 2, -above, w, above + below)
                for key, (w, above, below) in labels.items()
            },
            gap=(BEND if bends else GAP) + 6 * bool(inside),
        )
        placed = place(outline, sizes, across=True, row=ROW)
        return {
            "open": sorted(self.ids[frame.seat] for frame in opened),
            "size": [round(placed.width), round(placed.height)],
            "things": [
                self._id_of(thing, outline)
                | boxes[thing.key]
                | {"x": near(placed.centers[thing.key].x), "y": near(placed.centers[thing.key].y)}
                for thing in outline.things
            ],
            "wires": [self._wire(wire, placed, outline) for wire in outline.wires],
            "frames": [
                {
                    "id": self.ids[frame.seat],
                    "box": [near(n) for n in (r.x, r.y, r.width, r.height)],
                }
                for frame, r in placed.frames
            ],
        }

    def _id_of(self, thing: Thing, outline: Outline) -> dict[str, Any]:
        if thing.kind == "output":
            return {"id": f"{self.ids[thing.seat]}>", "of": self._value_id(thing.takes[0])}
        return {"id": self.ids[thing.seat]}

    def _value_id(self, wire: Wire) -> str:
        """The value on a wire, under the name that it has where everything is opened."""
        return self.shown.outline.wire_of[wire.seat].key

    def _label_size(self, wire: Wire, outline: Outline) -> tuple[float, float, float]:
        """The width of what stands beside a wire, its height above the arrows and below."""
        value = wire.seat.value
        shape = getattr(value, "shape", ())
        if value is None:
            shape = () if isinstance(wire.seat.shape, tuple) and not wire.seat.shape else (1,)
        name = wire.seat.node.name if wire.source.kind == "op" else None
        named = name is not None or wire.port is not None
        text_height = 16 + 13 * named
        if not shape and not isinstance(value, tuple):
            return 64.0, AXIS + text_height, AXIS + 16.0
        thumb = THUMB if len(outline.wires) <= MOST_THUMBS else 0.0
        return 92.0, AXIS + text_height + thumb + 4, AXIS + 16.0 + thumb + 4

    def _wire(self, wire: Wire, placed: Placement, outline: Outline) -> dict[str, Any]:
        branches = [one for one in placed.branches if one.wire == wire.key]
        things = {thing.key: thing for thing in outline.things}
        said: dict[str, Any] = {"value": self._value_id(wire), "branches": []}
        if wire.port is not None:
            said["port"] = wire.port
        if not wire.labelled:
            for one in branches:
                said["branches"].append(self._branch(one, one.curve, things, 0.0, head=True))
            return said
        center = placed.centers[wire.key]
        said["label"] = [near(center.x), near(center.y)]
        trunk = placed.trunks[wire.key]
        if len(branches) == 1:
            whole = joined(trunk, branches[0].curve)
            said["branches"].append(self._branch(branches[0], whole, things, SPLIT, head=True))
            said["back"] = arrow_paths(beside(whole[::-1], SPLIT))
            return said
        said["trunk"] = path_of(beside(trunk, SPLIT))
        said["back"] = arrow_paths(beside(trunk[::-1], SPLIT))
        for one in branches:
            said["branches"].append(
                self._branch(one, one.curve, things, SPLIT, head=not one.goes_on)
                | {"back": path_of(beside(one.curve[::-1], SPLIT))}
            )
        starts = Counter(one.curve[0] for one in branches)
        said["forks"] = [[near(p.x), near(p.y)] for p, count in starts.items() if count > 1]
        return said

    def _branch(
        self, one: Branch, curve: Curve, things: dict[str, Thing], split: float, head: bool
    ) -> dict[str, Any]:
        way = beside(curve, split) if split else curve
        said: dict[str, Any] = {}
        if one.target in things:
            thing = things[one.target]
            output = ">" * (thing.kind == "output")
            said = {"to": self.ids[thing.seat] + output, "input": one.number}
        return said | ({"path": arrow_paths(way)} if head else {"path": [path_of(way)]})


def is_nested(seat: Seat) -> bool:
    return isinstance(seat.layer, Graph)


def box_of(thing: Thing) -> dict[str, Any]:
    """How large a thing is, which shape it has, and the texts on it."""
    if thing.kind != "op":
        name = thing_text(thing)
        text = shortened(one_line(name), WIDEST_NAME, NAME)
        return {"shape": "name", "w": near(text_width(text, NAME) + 8), "h": 24, "text": [text]}
    layer = thing.seat.layer
    sign = one_line(getattr(layer, "sign", None) or "")
    if sign and len(sign) <= 7:
        width = 2 * RADIUS if len(sign) == 1 else max(2 * RADIUS, text_width(sign, CALL) + 14)
        shape = "circle" if width == 2 * RADIUS else "pill"
        return {"shape": shape, "w": near(width), "h": 2 * RADIUS, "text": [sign]}
    nested = is_nested(thing.seat)
    call = type(layer).__name__ if nested else one_line(show_layer(layer)).removesuffix("()")
    call = shortened(shorter_call(call, WIDEST_BOX, CALL), WIDEST_BOX, CALL)
    name = shortened(one_line(thing.seat.name), WIDEST_BOX, SMALL)
    width = max(text_width(call, CALL), text_width(name, SMALL), 40.0) + 26 + 18 * nested
    return {"shape": "box", "w": near(width), "h": 48, "text": [call, name]}


def thing_text(thing: Thing) -> str:
    """The name that stands in the picture; constants say their number."""
    return thing.seat.node.label if thing.kind == "constant" else thing.name


def arrow_paths(curve: Curve) -> list[str]:
    """An arrow as two SVG paths: its shaft and its head."""
    said = []
    for shape in arrow(curve, "forward", 1.0):
        if isinstance(shape, Line):
            said.append(path_of(shape.curve))
        elif isinstance(shape, Head):
            tip, left, right = (
                f"{near(p.x)} {near(p.y)}" for p in (shape.tip, shape.left, shape.right)
            )
            said.append(f"M{tip}L{left}L{right}Z")
    return said


def path_of(curve: Curve) -> str:
    """A curve as a short SVG path: relative, and straight pieces as lines."""
    x, y = near(curve[0].x), near(curve[0].y)
    said = f"M{x:g} {y:g}"
    for i in range(1, len(curve) - 2, 3):
        piece = [(near(p.x - x), near(p.y - y)) for p in curve[i : i + 3]]
        (ax, ay), (bx, by), (cx, cy) = piece
        bent = abs(ax * cy - ay * cx) + abs(bx * cy - by * cx) > 0.05 * (abs(cx) + abs(cy))
        points = piece if bent else piece[-1:]
        numbers = " ".join(f"{dx:g} {dy:g}" for dx, dy in points)
        said += f"{'c' if bent else 'l'}{numbers}".replace(" -", "-")
        x, y = near(x + cx), near(y + cy)
    return said


def near(value: float) -> float:
    """A coordinate, short."""
    return round(value, 1)
