"""What stands beside an arrow: a number, or the shape, mean, spread and heat map of an array."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import numpy as np

from ..errors import describe, show_shape
from .colors import cell_colors
from .shapes import Box, Heat, Shape, Text, circle
from .texts import number, one_line, shortened, text_width

NUMBER, SMALL = 12.5, 10.0  # text sizes in points
WIDEST = 130.0  # of one label
MOST_CELLS = 32  # rows and columns of a heat map
MARK = 11.0  # height of the mark for what is not computed yet
MAP_SIDE = 46.0  # the longer side of a heat map


@dataclass
class Row:
    """One line of a label."""

    text: str
    size: float
    role: str

    @property
    def height(self) -> float:
        return self.size * 1.25


@dataclass
class Label:
    """The lines of text, the heat map, or the hollow mark that tell one value."""

    rows: list[Row] = field(default_factory=list)
    heat: Heat | None = None
    title: str = ""
    missing: bool = False  # not computed yet

    @property
    def size(self) -> tuple[float, float]:
        widths = [text_width(row.text, row.size) for row in self.rows]
        height = sum(row.height for row in self.rows)
        if self.heat is not None:
            width, tall = heat_size(self.heat)
            widths.append(width)
            height += tall + 3
        return max(widths, default=8.0), height + MARK * self.missing

    def shapes(self, x: float, top: float, map_first: bool) -> list[Shape]:
        """The label as shapes, centred at x; the heat map above the text or below it."""
        shapes: list[Shape] = []
        if self.heat is not None and map_first:
            shapes.append(_placed(self.heat, x, top))
            top += heat_size(self.heat)[1] + 3
        for row in self.rows:
            shapes.append(
                Text(x, top + row.size * 0.95, row.text, row.size, row.role, title=self.title)
            )
            top += row.height
        if self.missing:
            shapes.append(not_computed(x, top + MARK / 2, self.title))
        if self.heat is not None and not map_first:
            shapes.append(_placed(self.heat, x, top + 3))
        return shapes


def not_computed(x: float, y: float, title: str) -> Box:
    """The mark for a number that is not there yet: a small dotted ring, so that it is no 0."""
    return circle(x, y, 3.4, fill=None, line="empty", line_width=1.1, dotted=True, title=title)


def heat_size(heat: Heat) -> tuple[float, float]:
    return heat.cell_width * len(heat.colors[0]), heat.cell_height * len(heat.colors)


def _placed(heat: Heat, x: float, top: float) -> Heat:
    left = x - heat_size(heat)[0] / 2
    return Heat(left, top, heat.cell_width, heat.cell_height, heat.colors, heat.title)


def label_for(value: Any, what: str, *, gradient: bool, maps: bool) -> Label:
    """The label for a value or a gradient; `what` says whose, in the tooltip.

    maps   whether arrays small enough get a heat map

    >>> label = label_for(np.zeros((2, 3)), "x", gradient=False, maps=False)
    >>> [row.text for row in label.rows]
    ['(2, 3)', 'mean 0', 'std 0']
    """
    role = "gradient" if gradient else "ink"
    if value is None:
        return Label(title=f"{what}: not computed yet", missing=True)
    if isinstance(value, tuple):
        return Label([_row(_tuple_text(value), SMALL, role)], title=f"{what}: {_tuple_text(value)}")
    if not _is_numbers(value):
        return Label([_row(describe(value), SMALL, role)], title=f"{what}: {describe(value)}")
    if np.ndim(value) == 0:
        scalar = value if isinstance(value, (bool, int, float)) else np.asarray(value)[()]
        exact = isinstance(scalar, int)  # also integers too great for a float
        fine = exact or bool(np.isfinite(scalar))
        text = number(scalar)
        title = f"{what}: {text if exact or not fine else scalar}".replace("e+", "e")
        return Label([_row(text, NUMBER, role if fine else "alarm")], title=title)
    return _array_label(np.asarray(value), what, role, maps)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) or (
        isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fiub"
    )


def _tuple_text(value: tuple[Any, ...]) -> str:
    parts = ["–" if one is None else _few_words(one) for one in value]
    return f"({', '.join(parts)})"


def _few_words(value: Any) -> str:
    if _is_numbers(value) and np.ndim(value) == 0:
        return number(value)
    return show_shape(np.shape(value)) if isinstance(value, np.ndarray) else describe(value)


def _row(text: str, size: float, role: str) -> Row:
    return Row(shortened(one_line(text), WIDEST, size), size, role)


# arrays ------------------------------------------------------------------------------------------


def _array_label(array: np.ndarray, what: str, role: str, maps: bool) -> Label:
    shape = show_shape(array.shape)
    rows = [] if role == "gradient" else [_row(shape, SMALL, "muted")]
    if array.size == 0:
        return Label([*rows, _row("empty", SMALL, role)], title=f"{what}: {shape}, empty")
    finite = array[np.isfinite(array)].astype(np.float64)
    title = f"{what}: {shape} {array.dtype}"
    if finite.size:
        mean, spread = mean_and_spread(finite)
        rows += [_row(f"mean {mean}", SMALL, role), _row(f"std {spread}", SMALL, role)]
        title += (
            f", mean {mean}, standard deviation {spread}, "
            f"from {number(finite.min())} to {number(finite.max())}"
        )
    odd = odd_numbers(array)
    if odd:
        rows.append(_row(odd, SMALL, "alarm"))
        title += f", {odd}"
    heat = heat_map(array, role == "gradient", title) if maps else None
    return Label(rows, heat, title)


def odd_numbers(array: np.ndarray) -> str:
    """How many numbers of an array are not finite, in words; empty: none."""
    counts = {"NaN": np.isnan(array).sum(), "∞": np.isinf(array).sum()}
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def in_brief(array: np.ndarray) -> tuple[str, bool]:
    """The spread of an array in one short word, and whether something is wrong with its numbers.

    >>> in_brief(np.array([1.0, 2.0, 4.0]))
    ('± 1.2', False)
    """
    odd = odd_numbers(array)
    if odd or not array.size:
        return odd or "empty", bool(odd)
    return f"± {mean_and_spread(array.astype(np.float64), 2)[1]}", False


def mean_and_spread(array: np.ndarray, digits: int = 3) -> tuple[str, str]:
    """Mean and standard deviation with a few digits.

    >>> mean_and_spread(np.array([1.0, 2.0, 4.0]))
    ('2.33', '1.25')
    """
    scale = float(np.abs(array).max()) or 1.0  # so that the squares of great numbers fit
    part = array / scale
    return number(float(part.mean()) * scale, digits), number(float(part.std()) * scale, digits)


def heat_map(array: np.ndarray, diverging: bool, title: str) -> Heat | None:
    """A map of an array, or of the first of a batch, if it has few enough numbers."""
    cells, says = cells_of(array)
    if cells is None:
        return None
    rows, columns = cells.shape
    side = min(MAP_SIDE / max(rows, columns), 9.0)
    tall = max(side, 5.0) if rows == 1 else side
    wide = max(side, 5.0) if columns == 1 else side
    scale = "white is 0, blue below, orange above" if diverging else "dark is low, bright is high"
    colors = cell_colors(cells.astype(np.float64), diverging)
    return Heat(0, 0, wide, tall, colors, f"{title}. The map shows {says}; {scale}")


def cells_of(array: np.ndarray) -> tuple[np.ndarray | None, str]:
    """The matrix that a heat map shows, and in words what it is; None: too large, or a number.

    >>> cells_of(np.zeros((5, 1, 8, 8)))[1]
    'the first image of 5, channel 0'
    """
    says, cells = "all of it", array
    if array.ndim == 4:
        says, cells = f"the first image of {len(array)}, channel 0", array[0, 0]
    elif array.ndim > 2:
        says, cells = f"the first of {len(array)}", array[(0,) * (array.ndim - 2)]
    if cells.ndim == 2 and max(cells.shape) > MOST_CELLS:
        if array.ndim > 2:
            return None, ""
        if cells.shape[1] <= MOST_CELLS:
            return cells[:MOST_CELLS], f"the first {MOST_CELLS} rows of {len(cells)}"
        says, cells = f"the first row of {len(array)}", array[0]
    if cells.ndim == 1:
        if len(cells) <= MOST_CELLS:
            return cells[None], says
        folded = _folded(cells)
        return folded, f"{says}, its {len(cells)} numbers in reading order"
    return cells, says


def _folded(numbers: np.ndarray) -> np.ndarray | None:
    """A long row as a block that is nearly square, where that comes out even."""
    count = len(numbers)
    if count > MOST_CELLS**2:
        return None
    columns = next(c for c in range(isqrt(count - 1) + 1, count + 1) if count % c == 0)
    return numbers.reshape(-1, columns) if columns <= 2 * MOST_CELLS else None
