"""`layerwise evaluate`: how good the network of a run is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import one_line_errors
from .spelling import in_options


@one_line_errors(in_options)
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Other data, all rows of it; else the test part of what it has learned from.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    layers: Annotated[
        Path | None, typer.Option(metavar="FILE.py", help="Where layers of your own are.")
    ] = None,
) -> None:
    """How good the network of a run is, on data that it has not learned from."""
    from .evaluating import evaluated
    from .opened import opened

    typer.echo(evaluated(opened(run, layers), data, as_json))
