"""What the pictures of a training share: their colours, and figures that no window waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..files import as_path

TRAINING, HELD_OUT = "#0072B2", "#D55E00"  # blue and vermilion: told apart by everyone
INK, MUTED, GRID = "#333333", "#6B6B6B", "#E3E3E3"


@contextmanager
def light_page() -> Iterator[None]:
    """A light background, whatever is set elsewhere, and fonts for names in any script."""
    import matplotlib.style

    from ..draw.plot import fonts, without_font_warnings

    with (
        matplotlib.style.context("default"),
        matplotlib.rc_context({"font.family": fonts()}),
        without_font_warnings(),
    ):
        yield


def new_figure(size: tuple[float, float], path: Any) -> Any:
    """A figure of so many inches; for a file one of its own, which no window waits for."""
    if path is None:
        from matplotlib import pyplot

        figure: Any = pyplot.figure(figsize=size, layout="constrained")
    else:
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    return figure


def saved(figure: Any, path: Any) -> None:
    """Write the figure into its file, if it is for one."""
    if path is not None:
        figure.savefig(as_path(path), dpi=150)
