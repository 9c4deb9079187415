"""Windows over images: where they lie, and what is under them, a vector of windows at a time.

A window's place is one number, counted row by row through all images: windows beside each other
are lanes of a vector. For one element of the kernel, the pixels that it meets in these windows are
a line of the image, `stride` pixels apart. What such a line has outside the image is filled in on
the way, so that no image has to be padded in memory. Compare `layers/windows.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..cpu import V
from ..functions import f
from ..native import apart, inlined
from ..simd import evens, lanes_between, load, load_lanes, odds, splat, store


class Grid(NamedTuple):
    """Where windows lie on images; each pair is one of rows and one of columns."""

    H: int  # sizes of an image
    W: int
    OH: int  # how many windows there are
    OW: int
    KH: int  # sizes of the kernel
    KW: int
    down: int  # the stride: from one window to the next
    right: int
    row_step: int  # the dilation: from one element of the kernel to the next
    column_step: int
    above: int  # the padding in front
    left: int


@inlined
def grid_at(n: Any) -> Any:
    """The numbers of a grid, as they lie in memory."""
    return Grid(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11])


@inlined
def lanes_inside(column: int, width: int) -> Any:
    """The lanes that are in a line of the image, for V pixels from this column on."""
    return lanes_between(max(0, -column), min(V, width - column))


@apart
def gather_windows(
    image: Any, g: Any, channels: int, top: int, left: int, others: float, target: Any, row: int
) -> None:
    """What is under V windows beside each other, the first with its corner at this pixel."""
    plane, elements, fill = g.H * g.W, g.KH * g.KW, splat(others)
    for l in range(g.KW):  # noqa: E741  as in the formulas
        column = left + l * g.column_step
        low, high = lanes_inside(column, g.W), lanes_inside(column + V, g.W)
        for k in range(g.KH):
            y = top + k * g.row_step
            line, to = image + (y * g.W + column), target + (k * g.KW + l) * row
            if not 0 <= y < g.H:
                for c in range(channels):
                    store(to + c * elements * row, fill)
            elif g.right == 1:
                for c in range(channels):
                    store(to + c * elements * row, load_lanes(line + c * plane, low, fill))
            elif g.right == 2:
                for c in range(channels):
                    a = load_lanes(line + c * plane, low, fill)
                    b = load_lanes(line + (c * plane + V), high, fill)
                    store(to + c * elements * row, evens(a, b))
            else:
                for i in range(channels * V):
                    c, t = i // V, i % V
                    here = 0 <= column + t * g.right < g.W
                    to[c * elements * row + t] = line[c * plane + t * g.right] if here else others


@inlined
def all_inside(g: Any, top: int, left: int) -> int:
    """Whether what `pixels` reads for V windows is in the image, from this corner on."""
    bottom, last = top + (g.KH - 1) * g.row_step, (g.KW - 1) * g.column_step
    right = left + last + V if g.right == 1 else left + last // 2 * 2 + 2 * V
    return g.right <= 2 and top >= 0 and left >= 0 and bottom < g.H and right <= g.W


@inlined
def pixels(line: Any, column: int, step: int) -> Any:
    """V pixels of a line from a column on, 1 or 2 apart."""
    if step == 1:
        return load(line + column)
    at = line + column // 2 * 2
    a, b = load(at), load(at + V)
    return evens(a, b) if column % 2 == 0 else odds(a, b)


@apart
def copy_windows(
    corner: Any, plane: int, step: int, down: int, right: int, KH: int, KW: int, channels: int,
    target: Any, row: int,
) -> None:  # fmt: skip
    """The same as `gather_windows` where all is inside: element (k, l) is `down` k + `right` l
    floats from the corner."""
    for c in range(channels):
        for k in range(KH):
            line = corner + (c * plane + k * down)
            for l in range(KW):  # noqa: E741
                store(target + ((c * KH + k) * KW + l) * row, pixels(line, l * right, step))


@inlined
def gather_line(
    image: Any, g: Any, channels: int, i: int, j: int, count: int, others: float, target: Any,
    row: int,
) -> None:  # fmt: skip
    """What is under `count` windows beside each other, from window (i, j) on: a row of `row` floats
    for each channel and element. Whole vectors are written, and if there is one, no more."""
    for start in range(0, count, V):
        v = max(0, min(start, count - V))
        top, left = i * g.down - g.above, (j + v) * g.right - g.left
        if all_inside(g, top, left):
            corner, down = image + (top * g.W + left), g.row_step * g.W
            copy_windows((corner, g.H * g.W, g.right, down, g.column_step, g.KH, g.KW, channels,
                          target + v, row))  # fmt: skip
        else:
            gather_windows((image, g, channels, top, left, others, target + v, row))


@inlined
def gather(
    images: Any, distance: int, grid: Any, channels: int, place: int, count: int, target: Any,
    row: int,
) -> None:  # fmt: skip
    """The columns of some windows (im2col): target[(c, k, l), window].

    Images lie `distance` apart; `place` is the first window, counted through all images. Lines are
    written from left to right, each over what was too much before: a row of the target needs V
    floats more than there are windows.
    """
    image, place = place // (grid.OH * grid.OW), place % (grid.OH * grid.OW)
    source, i, j = images + image * distance, place // grid.OW, place % grid.OW
    done = 0
    while done < count:
        here = min(grid.OW - j, count - done)
        gather_line(source, grid, channels, i, j, here, f(0.0), target + done, row)
        done, i, j = done + here, i + 1, 0
        if i == grid.OH:
            source, i = source + distance, 0
