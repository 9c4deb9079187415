"""`layerwise train`: a network learns, and its run is kept in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import one_line_errors
from .recipes import NAMED, OPTIMIZER, OPTIMIZERS, SCHEDULE, SCHEDULES, shown
from .spelling import in_options

HELP = "\n\n".join(
    [
        "Train a network, and keep the run in a folder.",
        f"DATA is a name ({', '.join(NAMED)}), a table (FILE.csv, with --target), a folder "
        "that has a folder of images for each class, or a text (FILE.txt), to be continued "
        "character by character. What is usual for each, and options change:",
        f"\b\n{shown()}",
        "The test part of the data is only looked at in the end. Ctrl-C ends a training, and "
        "--resume goes on with it.",
    ]
)
NAMED_DATA, TABLES, IMAGES, TEXTS = "Named data", "Tables", "Folders of images", "Texts"
NOT_SETTINGS = ("data", "out", "resume", "time_budget")


@one_line_errors(in_options)
def train(
    context: typer.Context,
    data: Annotated[str, typer.Argument(metavar="DATA", help="What to learn.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.py:FUNCTION",
            help="One of `layerwise models`, or a function of yours that returns a Graph; it may "
            "take the seed.",
        ),
    ] = None,
    hidden: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Units of the hidden layers, of models with such."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How often to go through it.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows in one step.")] = None,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{', '.join(OPTIMIZERS)}; {OPTIMIZER}.")
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="The learning rate, or the largest of a schedule.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{', '.join(SCHEDULES)}; {SCHEDULE}.")
    ] = None,
    momentum: Annotated[
        float | None, typer.Option(help="Of sgd: how much of the last step is kept; 0.9.")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="How strongly weights are pulled towards 0.")
    ] = None,
    augment: Annotated[
        bool | None, typer.Option("--augment/--no-augment", help="Change images in training.")
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            metavar="PART",
            help="Held out of the rows to learn from, to watch and to decide; 0: none.",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Stop after so many epochs without a lower loss on these rows, and keep the best "
            "weights. Else the last ones are kept.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Decides first weights, order, and what is held out; 0."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="numpy|compiled", help="What runs the network; numpy."),
    ] = None,
    time_budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop after this time.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run's folder; else the next of runs/NAME-1, runs/NAME-2, ..."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out, bit for bit; with more --epochs, further than was "
            "planned.",
        ),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Where the files are; else where `layerwise data` says.",
            rich_help_panel=NAMED_DATA,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="What is to be told from the other columns.",
            rich_help_panel=TABLES,
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Leave it out. May be repeated.", rich_help_panel=TABLES
        ),
    ] = None,
    categories: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Its numbers are names. May be repeated.", rich_help_panel=TABLES
        ),
    ] = None,
    classes: Annotated[
        bool | None,
        typer.Option(
            "--classes/--numbers",
            help="Whether whole numbers in the target name classes.",
            rich_help_panel=TABLES,
        ),
    ] = None,
    missing: Annotated[
        str | None,
        typer.Option(
            metavar="error|drop|fill", help="What to do about empty cells.", rich_help_panel=TABLES
        ),
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line names the columns; else they are column1, column2, ...",
            rich_help_panel=TABLES,
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(
            metavar=".|,", help="What numbers have, 3.14 or 3,14.", rich_help_panel=TABLES
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="SIGN", help="What is between cells.", rich_help_panel=TABLES),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Pixels to scale to, each way; 32.", rich_help_panel=IMAGES),
    ] = None,
    grey: Annotated[
        bool | None, typer.Option("--grey", help="Leave out colours.", rich_help_panel=IMAGES)
    ] = None,
    ink: Annotated[
        bool | None,
        typer.Option("--ink", help="What is dark counts: drawings.", rich_help_panel=IMAGES),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(min=1, help="Characters of a passage; 64.", rich_help_panel=TEXTS),
    ] = None,
) -> None:
    from .training import go_on, learn, start

    given = {name: v for name, v in context.params.items() if name not in NOT_SETTINGS}
    begin = go_on if resume else start
    learn(begin(data, given, out, time_budget))
