"""Where everything goes: Graphviz's DOT engine places the things and leads the wires.

Graphviz sees no text, only sizes: each thing is a node, and so is each label, which stands in the
middle of its wire and thereby keeps room for the numbers above and below the arrows.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import Any

from .curves import joined, rounded, straight
from .outline import Frame, Outline, Thing, Wire
from .placement import Branch, Placement, Rectangle, Sizes, end_key, start_key
from .rows import LONGEST, Row, rows_of
from .shapes import Point
from .smooth import smoothed

BESIDE = 13.0  # between neighbours of one rank
TURN = 16.0  # how far a wire runs out before it turns to the next row
LANE = 11.0  # between wires that do so
MARGIN = 14.0  # around everything
POINT = "[width=0.01, height=0.01]"
FIRST_STEPS = 3  # inputs used within so many steps stand in the first column

_one_at_a_time = Lock()  # Graphviz keeps its state in global variables


def place(
    outline: Outline, sizes: Sizes, across: bool, head: float = 0, row: float = LONGEST
) -> Placement:
    """Lay the outline out, from left to right (wrapped into rows where long) or downward.

    head   room left free above, in points
    row    how long rows may become, in points
    """
    for longest in (row, 0.8 * row, 0.6 * row):  # Graphviz may need more than thought
        rows = rows_of(outline, sizes, longest) if across else [Row(0, outline.things)]
        parts = [_place_row(outline, one, sizes, across) for one in rows]
        if not across or max(part.width for part in parts) < 1.1 * row:
            break
    most = max(len(one.begins) for one in rows)
    side = MARGIN + (TURN + (most - 1) * LANE if most else 0)
    whole = Placement(width=max(part.width for part in parts) + 2 * side)
    top = MARGIN + head
    for one, part in zip(rows, parts):
        if one.begins:
            top += 2 * TURN + (len(one.begins) - 1) * LANE
        whole.add(part, side, top)
        if one.begins:
            _lead_on(whole, one, top - TURN, side)
        top += part.height
    whole.height = top + MARGIN
    return whole


def _lead_on(whole: Placement, row: Row, gutter: float, side: float) -> None:
    """The ways of the wires that go on in this row: out, down, back and in again.

    They lie within one another, so that they do not cross.
    """
    before = row.number - 1
    coming = [one for one in whole.branches if one.row == before and one.goes_on]
    coming.sort(key=lambda one: one.curve[-1].y)
    for i, branch in enumerate(reversed(coming)):
        out, into = branch.curve[-1], whole.centers[start_key(branch.wire, row.number)]
        right = whole.width - side + TURN + i * LANE
        left = side - TURN - (len(coming) - 1 - i) * LANE
        y = gutter - (len(coming) - 1 - i) * LANE
        corners = [out, Point(right, out.y), Point(right, y), Point(left, y)]
        way = rounded([*corners, Point(left, into.y), into], 9.0)
        branch.curve = joined(branch.curve, way)


# one row, by Graphviz ----------------------------------------------------------------------------


def _place_row(outline: Outline, row: Row, sizes: Sizes, across: bool) -> Placement:
    import pygraphviz

    source = _dot_source(outline, row, sizes, across)
    with _one_at_a_time:
        graph = pygraphviz.AGraph(string=source)
        graph.layout(prog="dot")
        positions = {str(node): node.attr["pos"] for node in graph.nodes()}
        splines = {edge.attr["id"]: edge.attr["pos"] for edge in graph.edges()}
        boxes = {sub.name: sub.graph_attr["bb"] for sub in _subgraphs(graph)}
        *_, width, height = map(float, graph.graph_attr["bb"].split(","))

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return Point(x, height - y)

    placed = Placement(row.number, width=width, height=height)
    placed.centers = {key: point(text) for key, text in positions.items()}
    for name, text in splines.items():
        curve = [point(one) for one in text.split(";")[0].split()]
        key, *target = name.split("/")
        if target:
            placed.branches.append(Branch(key, row.number, target[0], int(target[1]), curve))
        else:
            placed.trunks[key] = curve
    _cross_labels(outline, placed, sizes, across)
    for number, frame in enumerate(_frames(row.things)):
        x1, y1, x2, y2 = map(float, boxes[f"cluster_{number}"].split(","))
        placed.frames.append((frame, Rectangle(x1, height - y2, x2 - x1, y2 - y1)))
    return smoothed(outline, placed, sizes, across)


def _subgraphs(graph: Any) -> Iterator[Any]:
    for one in graph.subgraphs():
        yield one
        yield from _subgraphs(one)


def _cross_labels(outline: Outline, placed: Placement, sizes: Sizes, across: bool) -> None:
    """Let each trunk go on through its label, to the other side, where the wire forks."""
    for wire in outline.wires:
        if wire.key in placed.trunks:
            x, y = placed.centers[wire.key]
            width, height = sizes.of[wire.key]
            end = Point(x + width / 2, y) if across else Point(x, y + height / 2)
            trunk = placed.trunks[wire.key]
            placed.trunks[wire.key] = joined(trunk, straight(trunk[-1], end))


def _frames(things: list[Thing]) -> list[Frame]:
    """The frames around some things, outer before inner."""
    return list(dict.fromkeys(frame for thing in things for frame in thing.path))


def _dot_source(outline: Outline, row: Row, sizes: Sizes, across: bool) -> str:
    """The row for Graphviz: nodes of fixed sizes, without a word of the graph's own."""
    here = set(row.things)
    members: dict[tuple[Frame, ...], list[str]] = {}
    edges: list[str] = []
    starts: dict[Wire, str] = {}
    for thing in row.things:
        members.setdefault(thing.path, []).append(_node(thing.key, sizes))
    out, into = ("e", "w") if across else ("s", "n")
    for wire in outline.wires:
        start = f"{wire.source.key}"
        if wire.source in here and wire.labelled:
            members.setdefault(wire.path, []).append(_node(wire.key, sizes))
            edges.append(f'{start} -> {wire.key}:{into} [id="{wire.key}", weight=8];')
            start = f"{wire.key}:{out}"
        elif wire in row.begins:
            start = start_key(wire.key, row.number)
            members.setdefault((), []).append(f"{start} {POINT};")
        starts[wire] = start
    for thing in row.things:  # in the order of each layer's inputs, which Graphviz keeps
        for i, wire in enumerate(thing.takes):
            port = f":{into}" if thing.kind == "output" else ""
            name = f"{wire.key}/{thing.key}/{i}"
            edges.append(f'{starts[wire]} -> {thing.key}{port} [id="{name}"];')
    for i, wire in enumerate(row.ends):
        end = end_key(wire.key, row.number)
        members.setdefault((), []).append(f"{end} {POINT};")
        edges.append(f'{starts[wire]} -> {end} [id="{wire.key}/{end}/{i}", weight=4];')
    first = " ".join(f"{key};" for key in first_column(outline) if key in {t.key for t in here})
    return "\n".join(
        [
            f"digraph {{ rankdir={'LR' if across else 'TB'}; nodesep={BESIDE / 72:.4f};",
            f"ranksep={sizes.gap / 72:.4f}; ordering=in;",
            'node [label="", shape=box, fixedsize=true]; edge [dir=none];',
            *_clusters(_frames(row.things), members, sizes.frame_titles, 1 if across else 2, ()),
            f"{{ rank=min; {first} }}" if first else "",
            *(f"{{ rank=min; {start_key(wire.key, row.number)}; }}" for wire in row.begins),
            *(f"{{ rank=max; {end_key(wire.key, row.number)}; }}" for wire in row.ends),
            *edges,
            "}",
        ]
    )


def _node(key: str, sizes: Sizes) -> str:
    width, height = sizes.of[key]
    shape = "circle" if key in sizes.round else "box"
    return f"{key} [shape={shape}, width={width / 72:.4f}, height={height / 72:.4f}];"


def _clusters(
    frames: list[Frame],
    members: dict[tuple[Frame, ...], list[str]],
    titles: dict[Frame, float],
    times: int,
    path: tuple[Frame, ...],
) -> Iterator[str]:
    """The nodes inside some frames; each further frame is a cluster with room for its title.

    times   how often the title is to fit; twice where arrows come in through the middle of the top
    """
    yield from members.get(path, [])
    for number, frame in enumerate(frames):
        if frame.path == path:
            room = f'width="{titles[frame] * times:.0f}" height="14" fixedsize="true"'
            yield f"subgraph cluster_{number} {{ margin=10; label=<<table {room} "
            yield 'border="0"><tr><td></td></tr></table>>;'
            yield from _clusters(frames, members, titles, times, (*path, frame))
            yield "}"


def first_column(outline: Outline) -> list[str]:
    """The inputs that stand in the first column; others stand near where they are used."""
    depth = dict.fromkeys((thing.key for thing in outline.things), 0)
    for wire in outline.wires:
        for target in wire.targets:
            depth[target.key] = max(depth[target.key], depth[wire.source.key] + 1)
    return [
        wire.source.key
        for wire in outline.wires
        if wire.source.kind == "input"
        and min(depth[target.key] for target in wire.targets) <= FIRST_STEPS
    ]
