"""`layerwise check`: the gradients of the layers in a person's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import LayerwiseError
from .common import failed, one_line_errors


@one_line_errors()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.py", help="A Python file with layer classes.")
    ],
    name: Annotated[
        str | None, typer.Option("--class", help="Check only the class of this name.")
    ] = None,
) -> None:
    """Compare the gradients of every layer class in a file with numerical ones.

    A class that needs special arguments or inputs has a static method example() that returns them.

    The exit code is 0 if all are right, 1 if one is wrong, 2 if one could not be checked.
    """
    from ..check import check as check_layer
    from ..userfile import example_of, layer_classes, the_one_named

    classes = layer_classes(file)
    if name is not None:
        classes = {name: the_one_named(name, classes, "layer class", file)}
    worst = 0
    for cls in classes.values():
        try:
            layer, inputs = example_of(cls, file)
            report = check_layer(layer, *inputs)
        except LayerwiseError as error:
            if not has_subclass(cls, classes):  # what others derive from is checked in them
                worst = failed(str(error)).exit_code
            continue
        typer.echo(f"{report}\n")
        worst = max(worst, 0 if report.ok else 1)
    raise typer.Exit(worst)


def has_subclass(cls: type, classes: dict[str, type]) -> bool:
    return any(issubclass(one, cls) and one is not cls for one in classes.values())
