"""Writes a scene as SVG: plain text, sharp at every size, with tooltips on what can be pointed at.

Colours are CSS variables, set once for each picture under an id of its own: several pictures on
one page do not disturb each other, and one picture can follow the reader's light or dark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from .colors import theme_colors
from .shapes import Box, Curve, Head, Heat, Line, Scene, Shape, Text

FONTS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
SMALLEST = 0.6  # of its natural size: a wider picture is scrolled, not shrunk further


def svg_of(scene: Scene, theme: str) -> str:
    """The scene as SVG text; theme: "auto" (follows the reader's), "light" or "dark"."""
    body = "\n".join(_element(shape) for shape in scene.shapes)
    # the id comes from the content: the same picture gives the same bytes
    name = "lw" + hashlib.sha256(f"{theme}{scene.description}{body}".encode()).hexdigest()[:10]
    width, height = _n(scene.width), _n(scene.height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(scene.description)} '
        f'font-family="{FONTS}" '
        f'style="max-width:100%;min-width:{_n(scene.width * SMALLEST)}px;height:auto">\n'
        f"<style>\n{_style(name, theme, body)}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" style="fill:var(--paper)"/>\n'
        f"{body}\n</svg>\n"
    )


def _style(name: str, theme: str, body: str) -> str:
    rule = f"#{name} {{ {_variables(theme == 'dark', body)} }}\n"
    if theme == "auto":
        dark = _variables(True, body)
        rule += f"@media (prefers-color-scheme: dark) {{ #{name} {{ {dark} }} }}\n"
    return rule


def _variables(dark: bool, body: str) -> str:
    """The colours; those of times only in a picture of times."""
    return " ".join(
        f"--{role}: {color};"
        for role, color in theme_colors(dark).items()
        if not role.startswith("time") or f"--{role})" in body
    )


def _element(shape: Shape) -> str:
    if isinstance(shape, Text):
        return _text(shape)
    if isinstance(shape, Box):
        return _box(shape)
    if isinstance(shape, Line):
        dots = ' stroke-dasharray="1 3.2"' if shape.dotted else ""
        return (
            f'<path d="{_path(shape.curve)}" fill="none" stroke-width="{_n(shape.width)}" '
            f'stroke-linecap="round"{dots} style="stroke:var(--{shape.role})"/>'
        )
    if isinstance(shape, Head):
        points = " ".join(f"{_n(p.x)},{_n(p.y)}" for p in (shape.tip, shape.left, shape.right))
        return f'<polygon points="{points}" style="fill:var(--{shape.role})"/>'
    return _heat(shape)


def _text(shape: Text) -> str:
    anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
    return (
        f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}"{anchor} '
        f'style="fill:var(--{shape.role})">{_title(shape.title)}{escape(shape.text)}</text>'
    )


def _box(shape: Box) -> str:
    fill = f"var(--{shape.fill})" if shape.fill else "none"
    line = f"var(--{shape.line})" if shape.line else "none"
    dots = ' stroke-dasharray="1.6 1.9"' if shape.dotted else ""
    return (
        f'<rect x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" '
        f'height="{_n(shape.height)}" rx="{_n(shape.radius)}" '
        f'stroke-width="{_n(shape.line_width)}"{dots} '
        f'style="fill:{fill};stroke:{line}">{_title(shape.title)}</rect>'
    )


def _heat(heat: Heat) -> str:
    """The cells, as one path for each colour: thick strokes along runs of equal cells."""
    runs: dict[str, list[str]] = {}
    for row, colors in enumerate(heat.colors):
        for start, length, color in _runs(colors):
            runs.setdefault(color, []).append(f"M{start} {row}.5h{length}")
    paths = "".join(f'<path stroke="{color}" d="{"".join(d)}"/>' for color, d in runs.items())
    move = f"translate({_n(heat.x)} {_n(heat.y)}) "
    move += f"scale({_n(heat.cell_width, 4)} {_n(heat.cell_height, 4)})"
    return f'<g transform="{move}" shape-rendering="crispEdges">{_title(heat.title)}{paths}</g>'


def _runs(colors: list[str]) -> Iterator[tuple[int, int, str]]:
    """Start, length and colour of each run of equal cells."""
    start = 0
    for i in range(1, len(colors) + 1):
        if i == len(colors) or colors[i] != colors[start]:
            yield start, i - start, colors[start]
            start = i


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _path(curve: Curve) -> str:
    points = [f"{_n(p.x)},{_n(p.y)}" for p in curve]
    return f"M{points[0]} C{' '.join(points[1:])}"


def _n(value: float, digits: int = 2) -> str:
    """A coordinate, short."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
