"""Pooling: the largest number or the mean of each window, for every image of one channel by itself.

Chunks are some images. Forward looks at V windows beside each other, one element of the kernel
after the other. Backward goes from window to window, since windows may share pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu import V
from ..functions import f
from ..kernel import CHUNK, Floats, Int, Ints, kernel
from ..native import inlined
from ..pool import SCRATCH
from ..simd import lane_numbers, load, load_some, select, splat, store_some, total
from .windows import all_inside, gather_line, grid_at, pixels

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
            for start in range(0, g.OW, V):
                j = max(0, min(start, g.OW - V))
                top, left, to = i * g.down - g.above, j * g.right - g.left, n * P + i * g.OW + j
                if all_inside(g, top, left):
                    most, place = largest_inside(image, g, top, left)
                else:
                    gather_line(image, g, 1, i, j, min(V, g.OW), LOWEST, scratch, V)
                    most, place = largest(scratch, g, top, left)
                store_some(y + to, most, g.OW)
                store_some(where + to, place, g.OW)


@inlined
def larger(x: Any, at: Any, most: Any, place: Any) -> Any:
    """The first of equal ones stays, and NaN, with which every comparison is false."""
    place = select(x <= most, place, select(most == most, at, place))
    return select(x <= most, most, select(most == most, x, most)), place


@inlined
def largest_inside(image: Any, g: Any, top: int, left: int) -> Any:
    """The largest number in each of V windows, and its place; NaN counts as largest."""
    numbers = lane_numbers() * f(g.right)
    most, place = pixels(image + (top * g.W + left), 0, g.right), numbers + f(top * g.W + left)
    for k in range(g.KH):
        at = (top + k * g.row_step) * g.W + left
        for l in range(g.KW):  # noqa: E741  as in the formulas
            x = pixels(image + at, l * g.column_step, g.right)
            most, place = larger(x, numbers + f(at + l * g.column_step), most, place)
    return most, place


@inlined
def largest(columns: Any, g: Any, top: int, left: int) -> Any:
    """The same where something may be outside: there is no place for it. Columns have V floats."""
    numbers, most, place = lane_numbers() * f(g.right), load(columns), splat(NOWHERE)
    if 0 <= top < g.H:
        corner = numbers + f(left)
        inside = select(corner < f(g.W), numbers + f(top * g.W + left), place)
        place = select(corner < f(0.0), place, inside)
    for k in range(g.KH):
        for l in range(g.KW):  # noqa: E741
            at = (top + k * g.row_step) * g.W + left + l * g.column_step
            x = load(columns + (k * g.KW + l) * V)
            most, place = larger(x, numbers + f(at), most, place)
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
