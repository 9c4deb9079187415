"""Pictures of a history: learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import LayerwiseError
from .figures import GRID, HELD_OUT, INK, TRAINING, light_page, new_figure, saved
from .history import is_number, show

if TYPE_CHECKING:
    from .history import History


def plot(history: History, path: Any = None, ax: Any = None) -> tuple[Any, ...]:
    """Draw the learning curves; see `History.plot`."""
    if not history.epochs:
        raise LayerwiseError("There is nothing to plot: no epoch was finished.")
    kinds = kinds_of(history)
    with light_page():
        axes = new_axes(len(kinds), path) if ax is None else as_axes(ax)
        for one, kind in zip(axes, kinds):
            plot_one(history, one, kind)
        saved(axes[0].figure, path)
    return axes


def kinds_of(history: History) -> list[str]:
    """The columns that get a picture: numbers that were there in the last epoch."""
    last = history.epochs[-1]
    return [
        name
        for name, value in last.items()
        if is_number(value) and name not in ("epoch", "seconds") and not name.startswith("val_")
    ]


def plot_one(history: History, ax: Any, kind: str) -> None:
    """One pair of curves: training, and validation where there is one."""
    from matplotlib.ticker import MaxNLocator

    columns, last = history.to_dict(), history.epochs[-1]
    marker = "o" if len(history.epochs) <= 30 else None
    curves = [(kind, "training", TRAINING, "-"), (f"val_{kind}", "held out", HELD_OUT, "--")]
    for name, label, colour, style in curves:
        if last.get(name) is not None:
            label = f"{label}: {history.shows.get(name, lambda v, n=name: show(n, v))(last[name])}"
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
    ax.set_xlim(0.5, last.epoch + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if kind == "accuracy":
        ax.yaxis.set_major_formatter(lambda part, _: f"{100 * part:.4g} %")
    elif kind == "loss":
        ax.set_ylim(bottom=0 if min(columns["loss"]) >= 0 else None)
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=INK)
    ax.legend(frameon=False, labelcolor=INK)


def new_axes(count: int, path: Any) -> tuple[Any, ...]:
    """Axes side by side, on a figure of their own."""
    return tuple(new_figure((4.8 * count, 3.4), path).subplots(1, count, squeeze=False)[0])


def as_axes(ax: Any) -> tuple[Any, ...]:
    return tuple(ax) if isinstance(ax, Sequence) or hasattr(ax, "__len__") else (ax,)
