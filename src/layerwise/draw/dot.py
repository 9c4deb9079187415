"""Writes a graph as DOT source, for Graphviz and the many programs that read it."""

from __future__ import annotations

from collections.abc import Iterator

from ..graph import Graph
from .looks import look_of, pair_of
from .outline import Frame, Outline, Thing
from .shapes import Text
from .texts import one_line

SHAPES = {"op": "circle", "input": "plaintext", "output": "plaintext",
          "parameter": "plaintext", "constant": "plaintext"}  # fmt: skip


def dot_of(graph: Graph, direction: str, depth: int | None, title: str | None) -> str:
    """The graph as DOT source with its values and gradients as the labels of the edges."""
    outline = Outline(graph, depth)
    lines = [
        "digraph layerwise {",
        f'  rankdir={direction}; fontname="sans-serif"; label={quoted(title or "")}; labelloc=t;',
        '  node [fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=10];',
        *_inside(outline.things, ()),
    ]
    for wire in outline.wires:
        label = ""
        if wire.labelled:
            pair = pair_of(wire, across=True, maps=False)
            value, grad = (
                "\n".join(row.text for row in side.rows) or "not computed"
                for side in (pair.value, pair.grad)
            )
            label = f"{value}\n← {grad}"
        for target in wire.targets:
            lines.append(f"  {wire.source.key} -> {target.key} [label={quoted(label)}];")
    return "\n".join([*lines, "}", ""])


def _inside(things: list[Thing], path: tuple[Frame, ...]) -> Iterator[str]:
    """The nodes in some frames, and the frames further inside as clusters."""
    pad = "  " * (len(path) + 1)
    for thing in things:
        if thing.path == path:
            yield f"{pad}{thing.key} [{_style(thing)}];"
    deeper = dict.fromkeys(one.path[len(path)] for one in things if len(one.path) > len(path))
    for frame in deeper:
        within = [one for one in things if one.path[: len(path) + 1] == (*path, frame)]
        yield f"{pad}subgraph cluster_{within[0].key}_{len(path)} {{"
        yield f"{pad}  label={quoted(one_line(frame.seat.name))}; style=rounded;"
        yield from _inside(within, (*path, frame))
        yield f"{pad}}}"


def _style(thing: Thing) -> str:
    look = look_of(thing, maps=False)
    label = "\n".join(shape.text for shape in look.shapes if isinstance(shape, Text))
    shape = SHAPES[thing.kind] if look.round or thing.kind != "op" else "box, style=rounded"
    return f"shape={shape}, label={quoted(label)}"


def quoted(text: str) -> str:
    """A DOT string: quotes and backslashes stand for themselves, line ends are kept.

    >>> print(quoted('a "b" ' + chr(92) + chr(10) + 'c'))
    "a \\"b\\" \\\\\\nc"
    """
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
