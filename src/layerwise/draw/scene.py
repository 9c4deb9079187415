"""From a graph to the shapes of its picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..errors import show_layer
from ..graph import Graph
from .curves import arrow, beside, joined
from .layout import MARGIN, first_column, place
from .looks import Look, look_of, pair_of, stand_right
from .outline import Frame, Outline, Wire
from .placement import Placement, Sizes
from .profile import HEAD, Profile
from .shapes import Box, Curve, Line, Scene, Shape, Text, circle
from .texts import one_line, shortened, text_width

GAP, WIDE_GAP, DOWN_GAP = 17.0, 24.0, 30.0  # from rank to rank: straight on, bending, downward
FRAME_GAP = 5.0  # more of it where there are frames
MOST_MAPS = 24  # operations in a graph whose arrays get heat maps
SPLIT = 2.6  # from the middle of a pair of arrows to each of them
FRAME_TITLE, TITLE = 10.5, 15.0  # text sizes in points
WIDEST_FRAME_TITLE = 220.0


def scene_of(
    graph: Graph,
    direction: str = "LR",
    depth: int | None = None,
    title: str | None = None,
    profile: Profile | None = None,
) -> Scene:
    """The picture of a graph as it is now, with the values and gradients computed so far; with a
    profile, the times of the last run in their place."""
    across = direction == "LR"
    outline = Outline(graph, depth)
    maps = sum(thing.kind == "op" for thing in outline.things) <= MOST_MAPS
    looks = {
        thing.key: profile.look_of(thing) if profile else look_of(thing, maps)
        for thing in outline.things
    }
    if across:
        column = [looks[key] for key in first_column(outline)]
        widest = max((look.width for look in column), default=0.0)
        for look in column:
            stand_right(look, widest)
    pairs = {
        wire.key: profile.pair_of(wire, across) if profile else pair_of(wire, across, maps)
        for wire in outline.wires
        if wire.labelled
    }
    frames = dict.fromkeys(frame for thing in outline.things for frame in thing.path)
    sizes = Sizes(
        of={key: (look.width, look.height) for key, look in looks.items()}
        | {key: pair.size for key, pair in pairs.items()},
        round={key for key, look in looks.items() if look.round},
        frame_titles={one: text_width(_frame_title(one), FRAME_TITLE) for one in frames},
        bodies={key: pair.body for key, pair in pairs.items()},
        gap=_gap(outline, looks, across),
    )
    head = 0 if title is None else 28
    legend = [] if profile is None else profile.legend(MARGIN, MARGIN + head)
    placement = place(outline, sizes, across, head=head + (HEAD if legend else 0))
    shapes = [*_frames(placement), *legend]
    for wire in outline.wires:
        shapes += _arrows(wire, placement, SPLIT if across else -SPLIT)
    for key, look in looks.items():
        shapes += [_moved(shape, *placement.centers[key]) for shape in look.shapes]
    for key, pair in pairs.items():
        shapes += pair.shapes(*placement.centers[key])
    if title is not None:
        text = shortened(one_line(title), max(placement.width - 2 * MARGIN, 300), TITLE)
        shapes.append(Text(MARGIN, MARGIN + TITLE, text, TITLE, "ink", "start", title=title))
        placement.width = max(placement.width, text_width(text, TITLE) + 2 * MARGIN)
    ends = [one.x + text_width(one.text, one.size) for one in legend if isinstance(one, Text)]
    placement.width = max(placement.width, max(ends, default=0) + MARGIN)
    return Scene(placement.width, placement.height, shapes, one_line(title or repr(graph)))


def _gap(outline: Outline, looks: dict[str, Look], across: bool) -> float:
    """From rank to rank: more where arrows bend into circles, and where frames come between."""
    bend = any(looks[one.key].round and len(one.takes) > 1 for one in outline.things)
    gap = DOWN_GAP if not across else WIDE_GAP if bend else GAP
    if any(one.path for one in outline.things):
        gap += FRAME_GAP if across else 3 * FRAME_GAP  # downward, titles need some of it
    return gap


def _moved(shape: Shape, dx: float, dy: float) -> Shape:
    assert isinstance(shape, (Text, Box))
    return replace(shape, x=shape.x + dx, y=shape.y + dy)


def _frame_title(frame: Frame) -> str:
    return shortened(one_line(frame.seat.name), WIDEST_FRAME_TITLE, FRAME_TITLE)


def _frames(placement: Placement) -> list[Shape]:
    shapes: list[Shape] = []
    for frame, r in placement.frames:
        title = one_line(show_layer(frame.seat.layer, frame.seat.name))
        shapes.append(
            Box(
                r.x, r.y, r.width, r.height, 9.0, "frame", "frame-line", line_width=1.1, title=title
            )
        )
        text, left = _frame_title(frame), r.x + 10
        shapes.append(Text(left, r.y + 17, text, FRAME_TITLE, "muted", "start", title=title))
    return shapes


def _arrows(wire: Wire, placement: Placement, split: float) -> list[Shape]:
    """The arrows of one value, and under them those of its gradient, which point back."""
    branches = [one for one in placement.branches if one.wire == wire.key]
    if not wire.labelled:
        return [shape for one in branches for shape in arrow(one.curve, "forward", 1.1)]
    trunk = placement.trunks[wire.key]
    if len(branches) == 1:
        trunk = joined(trunk, branches[0].curve)
        return [*_back(trunk, wire, split), *arrow(beside(trunk, split), "forward", 1.3)]
    shapes = _back(trunk, wire, split)
    shapes += [_line_back(one.curve, wire, split) for one in branches]
    shapes.append(Line(beside(trunk, split), "forward", 1.3))
    for one in branches:
        way = beside(one.curve, split)
        shapes += [Line(way, "forward", 1.3)] if one.goes_on else arrow(way, "forward", 1.3)
    starts = Counter(one.curve[0] for one in branches)
    title = one_line(f"{wire.seat.name} goes {len(wire.targets)} ways")
    return shapes + [
        circle(p.x, p.y, SPLIT + 1.2, fill="forward", line=None, title=title)
        for p, count in starts.items()
        if count > 1
    ]


def _back(curve: Curve, wire: Wire, split: float) -> list[Shape]:
    missing = _is_missing(wire)
    role = "empty" if missing else "gradient"
    return arrow(beside(curve[::-1], split), role, 1.1 if missing else 1.5, dotted=missing)


def _is_missing(wire: Wire) -> bool:
    """Whether there is no gradient yet; nothing is computed to find that out."""
    return wire.seat.grads[wire.seat.slot] is None


def _line_back(curve: Curve, wire: Wire, split: float) -> Line:
    missing = _is_missing(wire)
    role = "empty" if missing else "gradient"
    return Line(beside(curve[::-1], split), role, 1.1 if missing else 1.5, dotted=missing)
