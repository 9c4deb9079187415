"""Pictures of a graph: `graph.draw("shop.svg")`, also .png, .pdf and .dot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import WiringError
from ..files import write_whole
from ..graph import Graph
from .dot import dot_of
from .profile import Profile
from .scene import scene_of
from .svg import svg_of

__all__ = ["Picture", "draw", "to_svg"]

ENDINGS = (".svg", ".png", ".pdf", ".dot")
THEMES = ("auto", "light", "dark")
COLORS = (None, "time")


class Picture(str):
    """The text of an SVG picture, which shows itself in notebooks."""

    def _repr_svg_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"Picture({len(self):,} characters of SVG)"


def draw(
    graph: Graph,
    path: Any = None,
    *,
    direction: str = "LR",
    depth: int | None = None,
    theme: str = "auto",
    title: str | None = None,
    color: str | None = None,
) -> Any:
    """Draw a graph with the values and gradients computed so far.

    Each operation is a circle with its sign, each layer a box. The value stands above its arrow,
    the gradient below it beside an arrow that points back; a dotted ring says that a number has
    not been computed yet. Arrays show shape, mean ± standard deviation, and a heat map where they
    are small.

    path        a file to write, ending in .svg, .png, .pdf or .dot; None: a `Picture` is returned,
                which shows itself in a notebook and is the SVG text
    direction   "LR": from left to right (long graphs are wrapped into rows); "TB": downward
    depth       how many levels of nested graphs are opened; None: all
    theme       "light", "dark", or "auto": in an SVG as the reader's screen, else light
    title       a line above the picture
    color       "time": every layer in the colour of its share of the time of the last run, which
                the compiled engine has measured; shapes alone stand beside the arrows
    returns     the path, or a `Picture`
    errors      WiringError for an unknown ending or option, and for more than 1,000 nodes;
                OrderError for `color="time"` without a run of the compiled engine;
                OSError where the file cannot be written

    >>> from layerwise import Graph, Input
    >>> x = Input("x")
    >>> picture = draw(Graph((x * 3).named("y")))
    >>> picture.startswith("<svg"), ">×</text>" in picture
    (True, True)
    """
    if theme not in THEMES:
        raise WiringError(f'theme is "auto", "light" or "dark", but got {theme!r}.')
    if direction not in ("LR", "TB"):
        raise WiringError(f'direction is "LR" or "TB", but got {direction!r}.')
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise WiringError(f"depth is a number of levels, or None for all, but got {depth!r}.")
    if color not in COLORS:
        raise WiringError(f'color is "time", or None for none, but got {color!r}.')
    ending = ".svg" if path is None else _ending(path)
    if ending == ".dot" and color is not None:
        raise WiringError("A .dot file shows no times: write .svg, .png or .pdf.")
    profile = None if color is None else Profile(graph)
    if path is None:
        return Picture(svg_of(scene_of(graph, direction, depth, title, profile), theme))
    if ending == ".dot":
        content = dot_of(graph, direction, depth, title).encode()
    elif ending == ".svg":
        content = svg_of(scene_of(graph, direction, depth, title, profile), theme).encode()
    else:
        from .plot import plotted

        scene = scene_of(graph, direction, depth, title, profile)
        content = plotted(scene, ending, theme == "dark")
    write_whole(path, content)
    return path


def to_svg(graph: Graph) -> str:
    """The picture of a graph as SVG text, in the reader's own light or dark."""
    return svg_of(scene_of(graph), "auto")


def _ending(path: Any) -> str:
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise WiringError(
            f"A picture is written as {', '.join(ENDINGS)}, but the path is {str(path)!r}. "
            'Give it one of these endings, such as "graph.svg".'
        )
    return ending
