"""What all commands share: one line for an error, folders and files that are written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from ..errors import LayerwiseError
from ..files import as_path
from ..graph import Graph


@contextmanager
def one_line_errors(spelled: Callable[[LayerwiseError], str] = str) -> Iterator[None]:
    """What a person can mend becomes one line on stderr, without a traceback.

    spelled   says what an error of the library says, in the words of the command
    """
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
        raise failed(spelled(error)) from None


def failed(text: str) -> typer.Exit:
    """Say what is wrong; the exit to raise."""
    typer.echo(f"Error: {text}", err=True)
    return typer.Exit(2)


def picture(graph: Graph, out: Path, name: str) -> Path:
    """Draw a graph into a file: `out` itself, or `name` in the folder `out`."""
    out = as_path(out)
    file = out if out.suffix and not out.is_dir() else out / name
    writable_folder(file.parent)
    try:
        graph.draw(file)
    except OSError as error:
        raise failed(f"{file}: the picture cannot be written: {error.strerror or error}.") from None
    return file


def writable_folder(folder: Path) -> Path:
    """The folder, made if it is not there."""
    folder = as_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise failed(
            f"{folder} is a file. Give the name of a folder, or of one to be made."
        ) from None
    except OSError as error:
        raise failed(
            f"{folder}: the folder cannot be made: {error.strerror or error}. Give another --out."
        ) from None
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, "nothing may be written there", str(folder))
    return folder


def wrote(*files: Path) -> None:
    typer.echo(f"Wrote {' and '.join(map(str, files))}.")
