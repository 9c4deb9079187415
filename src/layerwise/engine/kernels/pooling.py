"""Pooling: the largest number or the mean of each window, for every image of one channel by itself.

Chunks are some images. Forward looks at a line of windows, one element of the kernel after the
other. Backward goes from window to window, since windows may share pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu import V
from ..functions import f
from ..kernel import CHUNK, Floats, Int, Ints, kernel
from ..native import inlined
from ..pool import SCRATCH
from ..simd import lane_numbers, lanes_between, load, load_some, select, splat, store_some, total
from .windows import columns_inside, gather_line, grid_at

LINE = 64  # windows beside each other that are looked at together: a multiple of V
MOST_ELEMENTS = SCRATCH // 4 // LINE  # of a kernel
LOWEST = f(-np.inf)
NOWHERE = f(-1.0)


def images_in_chunk(pixels: int) -> int:
    return max(1, CHUNK // pixels)


@kernel
def max_pool(
    x: Floats, y: Floats, where: Floats, grid: Ints, images: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y = the largest number in each window; `where` is its place in the image, or -1: padding."""
    g = grid_at(grid)
    P = g.OH * g.OW
    for n in range(chunk * images, min(N, (chunk + 1) * images)):
        image = x + n * g.H * g.W
        for i in range(g.OH):
            for start in range(0, g.OW, LINE):
                windows = min(LINE, g.OW - start)
                gather_line(image, g, 1, i, start, windows, LOWEST, scratch, LINE)
                for j in range(0, windows, V):
                    most, place = largest(scratch + j, g, i, start + j)
                    to, count = n * P + i * g.OW + start + j, windows - j
                    store_some(y + to, most, count)
                    store_some(where + to, place, count)


@inlined
def largest(columns: Any, g: Any, i: int, j: int) -> Any:
    """The largest number in each of V columns, and its place; NaN counts as largest."""
    row, column = i * g.down - g.above, j * g.right - g.left
    first, end = columns_inside(g, column, V)
    numbers = lane_numbers() * f(g.right)
    most, place = load(columns), splat(NOWHERE)
    if 0 <= row < g.H:
        place = select(lanes_between(first, end), numbers + f(row * g.W + column), place)
    for k in range(g.KH):
        for l in range(g.KW):  # noqa: E741  as in the formulas
            x = load(columns + (k * g.KW + l) * LINE)
            at = (row + k * g.row_step) * g.W + column + l * g.column_step
            # the first of equal ones stays, and NaN, with which every comparison is false
            place = select(x <= most, place, select(most == most, numbers + f(at), place))
            most = select(x <= most, most, select(most == most, x, most))
    return most, place


@kernel
def max_pool_backward(
    dout: Floats, where: Floats, dx: Floats, P: Int, pixels: Int, images: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = 0, and at the place of each window's largest number the sum of dout."""
    for n in range(chunk * images, min(N, (chunk + 1) * images)):
        image, window = dx + n * pixels, n * P
        fill(image, pixels, f(0.0))
        for p in range(window, window + P):
            place = int(where[p])
            if place >= 0:
                image[place] += dout[p]


@inlined
def fill(target: Any, count: int, number: float) -> None:
    for v in range(0, count, V):
        store_some(target + v, splat(number), count - v)


@kernel
def mean_pool(
    x: Floats, y: Floats, share: Floats, grid: Ints, images: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y = the sum of each window times its share (1 / n for n numbers)."""
    g = grid_at(grid)
    P, zeros = g.OH * g.OW, splat(f(0.0))
    for n in range(chunk * images, min(N, (chunk + 1) * images)):
        image = x + n * g.H * g.W
        for i in range(g.OH):
            for start in range(0, g.OW, LINE):
                windows = min(LINE, g.OW - start)
                gather_line(image, g, 1, i, start, windows, f(0.0), scratch, LINE)
                for j in range(0, windows, V):
                    found, at, count = zeros, i * g.OW + start + j, windows - j
                    for k in range(g.KH * g.KW):
                        found = found + load(scratch + (k * LINE + j))
                    store_some(y + (n * P + at), found * load_some(share + at, count), count)


@kernel
def mean_pool_backward(
    dout: Floats, share: Floats, dx: Floats, grid: Ints, images: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = the sum of dout times its share over the windows that a pixel is in."""
    g = grid_at(grid)
    P = g.OH * g.OW
    for n in range(chunk * images, min(N, (chunk + 1) * images)):
        image = dx + n * g.H * g.W
        fill(image, g.H * g.W, f(0.0))
        for i in range(g.OH):
            top = i * g.down - g.above
            for j in range(g.OW):
                left = j * g.right - g.left
                d = dout[n * P + i * g.OW + j] * share[i * g.OW + j]
                for row in range(max(top, 0), min(top + g.KH, g.H)):
                    for column in range(max(left, 0), min(left + g.KW, g.W)):
                        image[row * g.W + column] += d


@kernel
def mean(
    x: Floats, y: Floats, images: Int, pixels: Int, N: Int, chunk: Int, scratch: Floats
) -> None:
    """y = the mean of each image."""
    for n in range(chunk * images, min(N, (chunk + 1) * images)):
        image, found = x + n * pixels, splat(f(0.0))
        for v in range(0, pixels, V):
            found = found + load_some(image + v, pixels - v)
        y[n] = total(found) / f(pixels)


@kernel
def mean_backward(
    dout: Floats, dx: Floats, images: Int, pixels: Int, N: Int, chunk: Int, scratch: Floats
) -> None:
    """dx = dout / pixels for each pixel of an image."""
    for n in range(chunk * images, min(N, (chunk + 1) * images)):
        fill(dx + n * pixels, pixels, dout[n] / f(pixels))
