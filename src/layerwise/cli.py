"""The command line: `layerwise COMMAND`. Each command is in a file of `commands/`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from . import __version__
from .commands.check import check
from .commands.common import failed
from .commands.draw import draw
from .commands.evaluate import evaluate
from .commands.explore import explore
from .commands.lists import data, models
from .commands.predict import predict
from .commands.shop import shop
from .commands.train import HELP, train

app = typer.Typer(
    help="Neural networks whose every layer is a forward() and a backward() that one can read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(shop)
app.command(help=HELP)(train)
app.command()(evaluate)
app.command()(predict)
app.command()(models)
app.command()(data)
app.command()(check)
app.command()(draw)
app.command()(explore)


def main() -> None:
    """The command line."""
    try:
        code = app(prog_name="layerwise", standalone_mode=False)
    except typer.Abort:
        code = 130
    except Exception as error:
        if not hasattr(error, "format_message"):  # what the command line itself has against it
            raise
        said = " ".join(error.format_message().split()).rstrip(".")
        end = "" if said.endswith("?") else "."
        code = failed(f"{said}{end} See layerwise --help.").exit_code if said else 2
    sys.exit(code)


def show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"layerwise {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=show_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """The options of the command itself; what it says of itself is in `app`."""
