"""The explorer: a graph's run as one page, in which one steps forward and backward through it.

`graph.explore(inputs..., path="net.html")` writes the page; it needs no network, and nothing else.
"""

from __future__ import annotations

from html import escape
from typing import Any

from ..draw.texts import one_line
from ..errors import describe
from ..files import write_whole
from ..graph import Graph

__all__ = ["Page", "explore"]


class Page(str):
    """The text of an explorer page, which shows itself in notebooks."""

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self)}" sandbox="allow-scripts allow-downloads allow-modals" '
            'style="width:100%;height:720px;border:1px solid #c3cbd3;border-radius:8px" '
            'title="layerwise explorer"></iframe>'
        )

    def __repr__(self) -> str:
        return f"Page({len(self):,} characters of HTML)"


def explore(
    graph: Graph,
    args: tuple[Any, ...],
    named: dict[str, Any],
    path: Any = None,
    *,
    dout: Any = 1,
    title: str | None = None,
    checks: int | None = None,
) -> Any:
    """Run a graph once and write the page that shows the run, step by step.

    The graph runs on a copy, in its own dtype and mode, and stays as it was. A layer that fails
    ends the run: the page then shows what ran until there, and why it stopped.

    args, named   what `graph.forward` takes
    path     the file to write; None: a `Page` is returned, which shows itself in a notebook
    dout     what backward begins with, as for `graph.backward`
    title    what stands at the top of the page; None: the class of the graph
    checks   how many elements of each gradient are compared with centred differences; None: up to
             48, fewer where a layer takes long
    errors   what `forward` and `backward` say of inputs and of a dout that do not fit the graph;
             ValueError for checks that are no number; OSError where the file cannot be written

    >>> from layerwise import Input
    >>> x = Input("x")
    >>> page = explore(Graph((x * 3).named("y")), (2.0,), {})
    >>> page.startswith("<!doctype html>")
    True
    """
    from .assembly import page_of
    from .record import record_of
    from .run import run

    if checks is not None and (type(checks) is not int or checks < 1):
        raise ValueError(f"checks must be a whole number, 1 or more, but got {describe(checks)}.")
    title = one_line(type(graph).__name__ if title is None else title)
    shown = run(graph, args, named, dout)
    page = Page(page_of(record_of(graph, shown, dout, title, checks)))
    if path is None:
        return page
    write_whole(path, page.encode())
    return path
