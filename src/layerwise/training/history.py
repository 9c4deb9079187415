"""The history of a training: what every epoch ended with, as a table."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import FileError, UnknownNameError
from ..files import as_path
from ..tables import Text, table

Path_ = str | os.PathLike[str]


class Epoch(dict[str, Any]):
    """What one pass over the training data ended with, by name; None: not computed.

    epoch      its number, counted from 1
    loss       the mean over all rows, each as it came in training
    val_loss   the same on the validation data, after the epoch
    seconds    how long both took together
    and        every metric likewise, `accuracy` and `val_accuracy`; and what callbacks have put in

    Columns are attributes as well: `epoch.val_loss` is `epoch["val_loss"]`.
    """

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f"This epoch has no {name!r}. It has {', '.join(self)}.")

    def __str__(self) -> str:
        """One line: `epoch 3   loss 0.1234   accuracy 96.52 %   0.05 s`."""
        return self.line({})

    def line(self, shows: Mapping[str, Callable[[Any], str]]) -> str:
        """One line for people, where some columns are shown in their own way."""
        texts = self.texts(shows)
        seconds = [f"{texts.pop('seconds')} s"] if "seconds" in texts else []
        return "   ".join([f"{name} {text}" for name, text in texts.items()] + seconds)

    def texts(self, shows: Mapping[str, Callable[[Any], str]]) -> dict[str, str]:
        """The numbers that there are, by name, as people read them."""
        return {
            name: shows[name](value) if name in shows else show(name, value)
            for name, value in self.items()
            if is_number(value)
        }


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def show(name: str, value: Any) -> str:
    """A number as people read it: `show("accuracy", 0.97)` is 97.00 %."""
    if isinstance(value, (int, np.integer)):
        return f"{value}"
    if "accuracy" in name:
        return f"{100 * value:.2f} %"
    if "loss" in name:
        return f"{value:.4f}" if 0.001 <= abs(value) < 1e5 or value == 0 else f"{value:.2e}"
    return f"{value:.2f}" if name == "seconds" else f"{value:.4g}"


class History:
    """What a training was like: `epochs` holds an `Epoch` for each one that was finished.

    `interrupted` is True if Ctrl-C ended it before its time. Printed, it is a table.

    >>> history = History()
    >>> history.epochs.append(Epoch(epoch=1, loss=0.7, accuracy=0.75, seconds=0.2))
    >>> history
    epoch  loss    accuracy  seconds
    -----  ------  --------  -------
        1  0.7000  75.00 %   0.20
    >>> history.epochs[-1].accuracy, history["accuracy"]
    (0.75, [0.75])
    >>> print(history.to_csv())
    epoch,loss,accuracy,seconds
    1,0.7,0.75,0.2
    >>> History.from_json(history.to_json()).to_dict() == history.to_dict()
    True
    """

    def __init__(self, epochs: Iterable[Mapping[str, Any]] = ()) -> None:
        self.epochs = [Epoch(one) for one in epochs]
        self.interrupted = False
        self.shows: dict[str, Callable[[Any], str]] = {}  # how columns are shown, by name

    def columns(self) -> list[str]:
        """The names of all columns, the seconds last."""
        names = list(dict.fromkeys(name for one in self.epochs for name in one))
        return sorted(names, key=lambda name: name == "seconds")

    def __getitem__(self, name: str) -> list[Any]:
        """One column; None where an epoch has nothing there."""
        if name not in self.columns():
            raise UnknownNameError(
                f"There is no column {name!r}. There are {', '.join(self.columns())}."
            )
        return [one.get(name) for one in self.epochs]

    def to_dict(self) -> dict[str, list[Any]]:
        """Every column as a list, by name."""
        return {name: self[name] for name in self.columns()}

    def to_pandas(self) -> Any:
        """A data frame with a row for each epoch; pandas has to be installed."""
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("to_pandas() needs pandas: pip install pandas.") from None
        return pd.DataFrame(self.to_dict())

    # files ---------------------------------------------------------------------------------------

    def to_csv(self, path: Path_ | None = None) -> str:
        """The columns of numbers as CSV, exact to the last bit; with a path also into a file."""
        columns = {
            name: column
            for name, column in self.to_dict().items()
            if all(value is None or is_number(value) for value in column)
        }
        lines = io.StringIO()
        rows = zip(*plain(columns).values())
        csv.writer(lines, lineterminator="\n").writerows([columns, *rows])
        return written(path, lines.getvalue().rstrip("\n"))

    def to_json(self, path: Path_ | None = None) -> str:
        """Everything as JSON; with a path also into a file."""
        kept = {"interrupted": self.interrupted, "epochs": self.epochs}
        return written(path, json.dumps(plain(kept), allow_nan=False, indent=1))

    @classmethod
    def from_csv(cls, given: Path_) -> History:
        """The history that `to_csv` has written: a path, or the text itself."""
        text = text_of(given)
        try:
            rows = list(csv.DictReader(io.StringIO(text), strict=True))
            if any(None in row for row in rows):
                raise ValueError("a row is longer than the first one")
            return cls({name: number_in(cell) for name, cell in row.items()} for row in rows)
        except (TypeError, ValueError, csv.Error) as error:
            raise FileError(f"This is no history in CSV: {error}.") from None

    @classmethod
    def from_json(cls, given: Path_) -> History:
        """The history that `to_json` has written: a path, or the text itself."""
        try:
            kept = json.loads(text_of(given))
            history = cls([numbers_in(dict(one)) for one in kept["epochs"]])
            history.interrupted = bool(kept["interrupted"])
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            raise FileError(f"This is no history in JSON ({error!r:.100}).") from None
        return history

    # for people ----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if not self.epochs:
            return Text("No epoch was finished.")
        texts = [one.texts(self.shows) for one in self.epochs]
        columns = [name for name in self.columns() if any(name in row for row in texts)]
        return Text(table(columns, [[row.get(name, "") for name in columns] for row in texts]))

    def plot(self, path: Path_ | None = None, ax: Any = None) -> tuple[Any, ...]:
        """Draw the learning curves: of the loss and of each other column of numbers.

        path : the picture's file (.png, .svg, .pdf); None: a figure of pyplot, to be shown
        ax : the axes to draw on, one for each picture from the loss on; None: new ones

        returns  the axes
        errors   LayerwiseError if no epoch was finished

        >>> import tempfile
        >>> history = History()
        >>> history.epochs.append(Epoch(epoch=1, loss=0.7, accuracy=0.75))
        >>> history.epochs.append(Epoch(epoch=2, loss=0.4, accuracy=0.85))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     axes = history.plot(folder + "/curve.png")
        >>> [one.get_title(loc="left") for one in axes]
        ['loss', 'accuracy']
        """
        from .curves import plot

        return plot(self, path, ax)


# numbers in files --------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """What JSON can say: arrays as lists, and numbers that are not finite by their names."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def numbers_in(value: Any) -> Any:
    """The opposite: "nan" and "inf" are numbers again."""
    if isinstance(value, dict):
        return {name: numbers_in(one) for name, one in value.items()}
    if isinstance(value, list):
        return [numbers_in(one) for one in value]
    return float(value) if value in ("nan", "inf", "-inf") else value


def number_in(cell: str | None) -> float | int | None:
    """The number in a cell of CSV; an empty one is None."""
    if not cell:
        return None
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


def written(path: Path_ | None, text: str) -> str:
    if path is not None:
        from ..files import write_whole

        write_whole(path, f"{text}\n".encode())
    return Text(text)


def text_of(given: Path_) -> str:
    """The text of a file, or what is a text already: one with a line's end or a brace."""
    if isinstance(given, str) and ("\n" in given or given.startswith("{")):
        return given
    try:
        return as_path(given).read_text("utf-8")
    except (OSError, ValueError) as error:  # of UTF-8, or of NUL in a name
        raise FileError(f"{given!s:.200}: it cannot be read: {error}.") from None
