"""`layerwise draw`: the picture of a graph in a person's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import one_line_errors, picture, wrote


@one_line_errors()
def draw(
    what: Annotated[
        str, typer.Argument(metavar="FILE.py:NAME", help="A Graph, or a function that makes one.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The picture, .svg, .png, .pdf or .dot; else NAME.svg."),
    ] = None,
) -> None:
    """Draw a graph that is in a file, with its values and gradients."""
    from ..userfile import graph_in

    file, colon, name = what.rpartition(":")
    graph = graph_in(Path(file if colon else what), name if colon else "")
    wrote(picture(graph, out or Path(f"{name}.svg"), f"{name}.svg"))
