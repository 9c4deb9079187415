"""`layerwise explore`: the page of a graph in a person's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..files import as_path
from .common import one_line_errors, writable_folder, wrote


@one_line_errors()
def explore(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:NAME",
            help="A Graph that has run, or a function that returns (graph, *inputs).",
        ),
    ],
    checks: Annotated[
        int | None,
        typer.Option(min=1, help="Elements of each gradient to compare with numeric slopes."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The page, .html; else NAME.html.")] = None,
) -> None:
    """Write a page in which one steps forward and backward through a graph in a file."""
    from ..userfile import run_in

    file, colon, name = what.rpartition(":")
    graph, inputs = run_in(Path(file if colon else what), name if colon else "")
    out = as_path(out or f"{name}.html")
    page = out / f"{name}.html" if out.is_dir() else out
    writable_folder(page.parent)
    graph.explore(*inputs, path=page, title=name, checks=checks)
    wrote(page)
