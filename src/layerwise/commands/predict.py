"""`layerwise predict`: what a trained network says of new images, rows, or texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import one_line_errors
from .recipes import CommandError
from .spelling import in_options


@one_line_errors(in_options)
def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Images or folders of them, tables of new rows, or a text to be continued.",
        ),
    ],
    top: Annotated[
        int | None, typer.Option(min=1, help="How many classes to tell for each; 3.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="Exchange light and dark of images.")
    ] = False,
    length: Annotated[
        int | None, typer.Option(min=0, help="How many characters more, of a text; 300.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Below 1, a text goes on with likelier characters; 0.8."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Decides how a text goes on; 0.")] = None,
    layers: Annotated[
        Path | None, typer.Option(metavar="FILE.py", help="Where layers of your own are.")
    ] = None,
) -> None:
    """What the network of a run says of new data: classes with probabilities, or numbers.

    Images are PNG or JPEG, of any size. Tables have the columns that were learned from.

    The network of a text continues the text that is given in place of files.
    """
    from .opened import opened
    from .predicting import Writer, answers, as_text, refuse_others

    if as_json and as_csv:
        raise CommandError("--json and --csv: choose one of them.")
    one = opened(run, layers)
    form = "json" if as_json else "csv" if as_csv else "table"
    of_text = {"--length": length, "--temperature": temperature, "--seed": seed}
    refuse_others(one, {"--invert": invert or None, "--top": top, **of_text}, form)
    if one.settings.kind != "text":
        typer.echo(as_text(answers(one, what, invert), one.recipe, form, top or 3))
        return
    writer = Writer(one, " ".join(what), 0.8 if temperature is None else temperature, seed or 0)
    typer.echo(writer.prompt, nl=False)
    for character in writer.go_on(300 if length is None else length):
        typer.echo(character, nl=False)
    typer.echo()
