"""The history of a training: what every epoch ended with, as a table and as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import LayerwiseError
from ..tables import Text, table

TRAINING, HELD_OUT = "#0072B2", "#D55E00"  # blue and vermilion: told apart by everyone
INK, GRID = "#333333", "#E3E3E3"


class Epoch(NamedTuple):
    """What one pass over the training data ended with; None: not computed."""

    epoch: int  # counted from 1
    loss: float  # the mean over all rows, each as it came in training
    accuracy: float | None  # the part of the rows that was right, 0 to 1
    val_loss: float | None  # the same on the validation data, after the epoch
    val_accuracy: float | None
    seconds: float

    def __str__(self) -> str:
        """One line: `epoch 3   loss 0.1234   accuracy 96.52 %   0.05 s`."""
        shown = [f"{name} {text}" for name, text in self.texts().items() if name != "seconds"]
        return "   ".join([*shown, f"{self.seconds:.2f} s"])

    def texts(self) -> dict[str, str]:
        """What there is, by name, as people read it."""
        return {n: show(n, v) for n, v in self._asdict().items() if v is not None}


def show(name: str, value: float) -> str:
    """A number as people read it: `show("accuracy", 0.97)` is 97.00 %."""
    if "accuracy" in name:
        return f"{100 * value:.2f} %"
    if "loss" in name:
        return f"{value:.4f}" if 0.001 <= abs(value) < 1e5 or value == 0 else f"{value:.2e}"
    return f"{value:.2f}" if name == "seconds" else f"{value}"


class History:
    """What a training was like: `epochs` holds an `Epoch` for each one that was finished.

    `interrupted` is True if Ctrl-C ended it before its time. Printed, it is a table.

    >>> history = History()
    >>> history.epochs.append(Epoch(1, 0.7, 0.75, None, None, 0.2))
    >>> history
    epoch  loss    accuracy  seconds
    -----  ------  --------  -------
        1  0.7000  75.00 %   0.20
    >>> history.to_dict()["accuracy"]
    [0.75]
    """

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []
        self.interrupted = False

    def to_dict(self) -> dict[str, list[Any]]:
        """Every column as a list, by name: for `json.dump`, or for a data frame."""
        return {name: [getattr(one, name) for one in self.epochs] for name in Epoch._fields}

    def __repr__(self) -> str:
        if not self.epochs:
            return Text("No epoch was finished.")
        columns = [name for name in Epoch._fields if name in self.epochs[-1].texts()]
        return Text(table(columns, [[one.texts()[n] for n in columns] for one in self.epochs]))

    def plot(self, path: str | os.PathLike[str] | None = None, ax: Any = None) -> tuple[Any, ...]:
        """Draw the learning curves: the loss and, where there is one, the accuracy.

        path : the picture's file (.png, .svg, .pdf); None: a figure of pyplot, to be shown
        ax : the axes to draw on: one for the loss, or two for loss and accuracy; None: new ones

        returns  the axes
        errors   LayerwiseError if no epoch was finished

        >>> import tempfile
        >>> history = History()
        >>> history.epochs.append(Epoch(1, 0.7, 0.75, None, None, 0.2))
        >>> history.epochs.append(Epoch(2, 0.4, 0.85, None, None, 0.2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     axes = history.plot(folder + "/curve.png")
        >>> [one.get_title(loc="left") for one in axes]
        ['loss', 'accuracy']
        """
        if not self.epochs:
            raise LayerwiseError("There is nothing to plot: no epoch was finished.")
        import matplotlib.style

        kinds = ["loss", "accuracy"] if self.epochs[-1].accuracy is not None else ["loss"]
        with matplotlib.style.context("default"):  # light, whatever is set elsewhere
            axes = new_axes(len(kinds), path) if ax is None else as_axes(ax)
            for one, kind in zip(axes, kinds):
                self._plot_one(one, kind)
            if path is not None:
                axes[0].figure.savefig(path, dpi=150)
        return axes

    def _plot_one(self, ax: Any, kind: str) -> None:
        """One pair of curves: training, and validation where there is one."""
        from matplotlib.ticker import MaxNLocator

        columns = self.to_dict()
        marker = "o" if len(self.epochs) <= 30 else None
        curves = [(kind, "training", TRAINING, "-"), (f"val_{kind}", "held out", HELD_OUT, "--")]
        for name, label, colour, style in curves:
            if columns[name][-1] is not None:
                label = f"{label}: {show(name, columns[name][-1])}"
                ax.plot(
                    columns["epoch"],
                    columns[name],
                    style,
                    color=colour,
                    label=label,
                    marker=marker,
                    markersize=3.5,
                    linewidth=1.8,
                    clip_on=False,  # points on the axis are seen whole
                )
        ax.set_title(kind, loc="left", color=INK, fontsize=12, fontweight="bold")
        ax.set_xlabel("epoch", color=INK)
        ax.set_xlim(0.5, self.epochs[-1].epoch + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if kind == "accuracy":
            ax.yaxis.set_major_formatter(lambda part, _: f"{100 * part:.4g} %")
        else:
            ax.set_ylim(bottom=0 if min(columns["loss"]) >= 0 else None)
        ax.grid(color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK)
        ax.legend(frameon=False, labelcolor=INK)


def new_axes(count: int, path: Any) -> tuple[Any, ...]:
    """Axes side by side; for a file on a figure of their own, which no window waits for."""
    size = (4.8 * count, 3.4)
    if path is None:
        from matplotlib import pyplot

        figure: Any = pyplot.figure(figsize=size, layout="constrained")
    else:
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    return tuple(figure.subplots(1, count, squeeze=False)[0])


def as_axes(ax: Any) -> tuple[Any, ...]:
    return tuple(ax) if isinstance(ax, Sequence) or hasattr(ax, "__len__") else (ax,)
