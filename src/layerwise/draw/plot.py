"""Draws a scene with matplotlib, for PNG and PDF; its fonts come along with it."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .colors import theme_colors
from .shapes import Box, Head, Heat, Line, Scene, Shape, Text

SIDES: dict[str, Any] = {"start": "left", "middle": "center", "end": "right"}
PIXELS_PER_POINT = 2  # of a PNG, so that it is sharp on fine screens
# the first font that is there shows what DejaVu Sans lacks
EAST_ASIAN = ["Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans", "SimHei",
              "Microsoft YaHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"]  # fmt: skip


def plotted(scene: Scene, ending: str, dark: bool) -> bytes:
    """The scene as the bytes of a ".png" or ".pdf" file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colors = theme_colors(dark)
    figure = Figure(figsize=(scene.width / 72, scene.height / 72), facecolor=colors["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    families = fonts()
    for layer, shape in enumerate(scene.shapes):
        for artist in _artists(shape, colors, families):
            artist.set_zorder(layer)
            artist.set_clip_on(False)
            axes.add_artist(artist)
    file = io.BytesIO()
    metadata = {"CreationDate": None} if ending == ".pdf" else {}  # same picture, same bytes
    with without_font_warnings():
        figure.savefig(
            file,
            format=ending[1:],
            dpi=72 * PIXELS_PER_POINT,
            facecolor=colors["paper"],
            metadata=metadata,
        )
    return file.getvalue()


@contextmanager
def without_font_warnings() -> Iterator[None]:
    """Where no font has a letter, a box stands there; where none is bold, a plain one; no more."""
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            yield
    finally:
        log.setLevel(level)


def fonts() -> list[str]:
    """The fonts to look for a letter in, one after the other."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in EAST_ASIAN if name in there][:1]]


def _artists(shape: Shape, colors: dict[str, str], fonts: list[str]) -> list[Any]:
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path
    from matplotlib.text import Text as PlotText

    if isinstance(shape, Text):
        font = FontProperties(family=fonts, size=shape.size)
        text = PlotText(shape.x, shape.y, shape.text, fontproperties=font)
        text.set_color(colors[shape.role])
        text.set_horizontalalignment(SIDES[shape.anchor])
        text.set_parse_math(False)  # a $ is a $
        return [text]
    if isinstance(shape, Box):
        box = PathPatch(
            _rounded_box(shape),
            facecolor=colors[shape.fill] if shape.fill else "none",
            edgecolor=colors[shape.line] if shape.line else "none",
            linewidth=shape.line_width,
            linestyle=(0, (1.5, 1.7)) if shape.dotted else "-",
        )
        return [box]
    if isinstance(shape, Line):
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(shape.curve) - 1)
        return [
            PathPatch(
                Path(shape.curve, codes),
                facecolor="none",
                edgecolor=colors[shape.role],
                linewidth=shape.width,
                linestyle=(0, (0.6, 2.6)) if shape.dotted else "-",
                capstyle="round",
            )
        ]
    if isinstance(shape, Head):
        corners = [shape.tip, shape.left, shape.right]
        return [Polygon(corners, closed=True, facecolor=colors[shape.role], edgecolor="none")]
    return [_mesh(shape)]


def _rounded_box(box: Box) -> Any:
    """The outline of a box, its round corners as cubic curves."""
    from matplotlib.path import Path

    right, bottom, r = box.x + box.width, box.y + box.height, box.radius
    pull = r * (1 - 0.5523)  # from a corner to the handles of a quarter circle
    corners = [(right, box.y, -1, 1), (right, bottom, -1, -1), (box.x, bottom, 1, -1)]
    points = [(box.x + r, box.y)]
    for i, (x, y, left, up) in enumerate([*corners, (box.x, box.y, 1, 1)]):
        quarter = [(x + left * r, y), (x + left * pull, y), (x, y + up * pull), (x, y + up * r)]
        points += quarter if i % 2 == 0 else quarter[::-1]
    codes = [Path.MOVETO, *[Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4] * 4]
    return Path([*points, points[0]], [*codes, Path.CLOSEPOLY])


def _mesh(heat: Heat) -> Any:
    """The cells of a heat map."""
    import numpy as np
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import to_rgba

    rows, columns = len(heat.colors), len(heat.colors[0])
    x = heat.x + heat.cell_width * np.arange(columns + 1)
    y = heat.y + heat.cell_height * np.arange(rows + 1)
    corners = np.stack(np.meshgrid(x, y), axis=-1)
    mesh = QuadMesh(corners, antialiased=False, linewidth=0.2)
    mesh.set_edgecolor("face")  # so that no paper shines through between cells
    mesh.set_facecolor([to_rgba(color) for row in heat.colors for color in row])
    return mesh
