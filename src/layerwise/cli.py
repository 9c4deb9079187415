"""The commands: `layerwise shop`, `train`, `check`, `draw` and `explore`."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from . import __version__, data
from .check import check as check_layer
from .errors import LayerwiseError
from .graph import Graph
from .layers import Affine, ReLU
from .optim import SGD
from .sequential import Sequential
from .shop import PRICES, shop
from .training import accuracy, fit
from .userfile import example_of, graph_in, layer_classes, run_in, the_one_named

app = typer.Typer(
    help="Neural networks whose every layer is a forward() and a backward() that one can read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class DataSet(str, Enum):
    """The sets of data that `layerwise train` knows."""

    digits = "digits"
    mnist = "mnist"


EPOCHS = {DataSet.digits: 30, DataSet.mnist: 10}  # where nothing else is said
BATCH_SIZES = {DataSet.digits: 20, DataSet.mnist: 100}


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
        code = failed(f"{said}. See layerwise --help.").exit_code if said else 2
    sys.exit(code)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What a person can mend becomes one line on stderr, without a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Stopped by Ctrl-C.", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise  # whoever read the output has enough of it: no error of ours
    except OSError as error:
        raise failed(
            f"{error.filename}: {error.strerror}." if error.filename else str(error)
        ) from None
    except LayerwiseError as error:
        raise failed(str(error)) from None


def failed(text: str) -> typer.Exit:
    """Say what is wrong; the exit to raise."""
    typer.echo(f"Error: {text}", err=True)
    return typer.Exit(2)


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


@app.command("shop")
@one_line_errors()
def shop_command(
    apple: Annotated[float, typer.Option(help="What one apple costs.")] = PRICES["apple"],
    apple_num: Annotated[float, typer.Option(help="How many apples.")] = PRICES["apple_num"],
    orange: Annotated[float, typer.Option(help="What one orange costs.")] = PRICES["orange"],
    orange_num: Annotated[float, typer.Option(help="How many oranges.")] = PRICES["orange_num"],
    tax: Annotated[float, typer.Option(help="The tax as a factor: 1.1 adds 10 %.")] = PRICES["tax"],
    out: Annotated[
        Path, typer.Option(help="Where the picture goes: a folder, or a .svg, .png, .pdf file.")
    ] = Path("out"),
) -> None:
    """The price of apples and oranges, forward, and its derivatives, backward."""
    graph = shop()
    graph.forward(apple=apple, apple_num=apple_num, orange=orange, orange_num=orange_num, tax=tax)
    graph.backward()

    table = Table(title="The price of apples and oranges", title_justify="left")
    table.add_column("node")
    table.add_column("is")
    table.add_column("value", justify="right")
    table.add_column("gradient of the price", justify="right", style="dark_orange3")
    for seat in graph.nodes:
        formula = f" {getattr(seat.layer, 'sign', '')} ".join(one.name for one in seat.inputs)
        table.add_row(seat.name, formula, f"{seat.value:.10g}", f"{seat.grad:.10g}")
    Console().print(table)
    wrote(picture(graph, out, "shop.svg"))


@app.command()
@one_line_errors()
def train(
    data_set: Annotated[DataSet, typer.Argument(metavar="digits|mnist", help="What to learn.")],
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="How often to go through it; 30 for digits, 10 for mnist."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images in one step; 20 for digits, 100 for mnist.")
    ] = None,
    lr: Annotated[float, typer.Option(help="The learning rate.")] = 0.1,
    momentum: Annotated[float, typer.Option(help="How much of the last step is kept.")] = 0.9,
    hidden: Annotated[int, typer.Option(min=1, help="Units in the hidden layer.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Decides first weights and order.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option("--data", help="Where MNIST's four files are; else $LAYERWISE_DATA says it."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("out"),
) -> None:
    """Train a network with one hidden layer on handwritten digits."""
    try:
        optimizer = SGD(lr=lr, momentum=momentum)
    except ValueError as error:
        raise failed(str(error)) from None
    out = writable_folder(out)  # better now than after the training
    (x, t), held_out = read(data_set, folder)

    net = Sequential(Affine(x.shape[1], hidden), ReLU(), Affine(hidden, 10), seed=seed)
    typer.echo(f"{data_set.value}: {len(x):,} images to learn from, {len(held_out[0]):,} held out.")
    history = fit(
        net,
        x,
        t,
        optimizer=optimizer,
        epochs=epochs or EPOCHS[data_set],
        batch_size=batch_size or BATCH_SIZES[data_set],
        validation=held_out,
        seed=seed,
    )
    if history.epochs:
        right = accuracy(net, *held_out)
        typer.echo(f"Right on the held-out part: {100 * right:.2f} %.")
        curve = out / f"{data_set.value}-curve.png"
        history.plot(curve)
        wrote(picture(net, out, f"{data_set.value}-graph.svg"), curve)
    if history.interrupted:
        raise typer.Exit(130)


@app.command()
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


@app.command()
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
    file, colon, name = what.rpartition(":")
    graph = graph_in(Path(file if colon else what), name if colon else "")
    wrote(picture(graph, out or Path(f"{name}.svg"), f"{name}.svg"))


@app.command()
@one_line_errors()
def explore(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:NAME",
            help="A Graph that has run, or a function that returns (graph, *inputs).",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The page, .html; else NAME.html.")] = None,
) -> None:
    """Write a page in which one steps forward and backward through a graph in a file."""
    file, colon, name = what.rpartition(":")
    graph, inputs = run_in(Path(file if colon else what), name if colon else "")
    out = out or Path(f"{name}.html")
    page = out / f"{name}.html" if out.is_dir() else out
    writable_folder(page.parent)
    graph.explore(*inputs, path=page, title=name)
    wrote(page)


def has_subclass(cls: type, classes: dict[str, type]) -> bool:
    return any(issubclass(one, cls) and one is not cls for one in classes.values())


def picture(graph: Graph, out: Path, name: str) -> Path:
    """Draw a graph into a file: `out` itself, or `name` in the folder `out`."""
    file = out if out.suffix and not out.is_dir() else out / name
    writable_folder(file.parent)
    try:
        graph.draw(file)
    except OSError as error:
        raise failed(f"{file}: the picture cannot be written: {error.strerror or error}.") from None
    return file


def writable_folder(folder: Path) -> Path:
    """The folder, made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise failed(
            f"{folder} is a file. Give the name of a folder, or of one to be made."
        ) from None
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, "nothing may be written there", str(folder))
    return folder


def read(data_set: DataSet, folder: Path | None) -> Any:
    """The two parts of a data set."""
    if data_set is DataSet.mnist:
        return data.mnist(folder)
    if folder is not None:
        raise failed("--data says where MNIST's files are; digits come with the library.")
    return data.digits()


def wrote(*files: Path) -> None:
    typer.echo(f"Wrote {' and '.join(map(str, files))}.")
