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
from ..simd import evens, lanes_between, load_lanes, splat, store


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
def ceiled(a: int, b: int) -> int:
    """a / b, rounded up, for any a and b from 1 up."""
    return (a + b - 1) // b


@inlined
def columns_inside(grid: Any, column: int, count: int) -> Any:
    """The first of `count` lanes that is in the image, for pixels from this column on, and the one
    behind the last."""
    first, end = 0, count
    if column < 0:
        first = ceiled(-column, grid.right)
    if column + (count - 1) * grid.right >= grid.W:
        end = ceiled(grid.W - column, grid.right)
    return first, end


@apart
def copy_lanes(
    source: Any, plane: int, step: int, first: int, end: int, others: float, target: Any, row: int,
    channels: int,
) -> None:  # fmt: skip
    """V pixels of several channels, `step` apart: lanes from `first` to `end`, else `others`."""
    if step == 1:
        mask, fill = lanes_between(first, end), splat(others)
        for c in range(channels):
            store(target + c * row, load_lanes(source + c * plane, mask, fill))
    elif step == 2:
        low = lanes_between(2 * first, 2 * end - 1)
        high, fill = lanes_between(2 * first - V, 2 * end - 1 - V), splat(others)
        for c in range(channels):
            line = source + c * plane
            both = load_lanes(line, low, fill), load_lanes(line + V, high, fill)
            store(target + c * row, evens(both[0], both[1]))
    else:
        for c in range(channels):
            for t in range(V):
                here = first <= t < end
                target[c * row + t] = source[c * plane + t * step] if here else others


@inlined
def gather_line(
    image: Any, grid: Any, channels: int, i: int, j: int, count: int, others: float, target: Any,
    row: int,
) -> None:  # fmt: skip
    """What is under `count` windows beside each other, from window (i, j) on: a row of `row` floats
    for each channel and element. Whole vectors are written, whatever the count."""
    elements = grid.KH * grid.KW
    for v in range(0, count, V):
        for l in range(grid.KW):  # noqa: E741  as in the formulas
            column = (j + v) * grid.right + l * grid.column_step - grid.left
            first, end = columns_inside(grid, column, min(V, count - v))
            for k in range(grid.KH):
                y = i * grid.down + k * grid.row_step - grid.above
                source, to = image + (y * grid.W + column), target + ((k * grid.KW + l) * row + v)
                last = end if 0 <= y < grid.H else 0
                copy_lanes(
                    (source, grid.H * grid.W, grid.right, first, last, others, to, elements * row,
                     channels)
                )  # fmt: skip


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
