"""Convolutions with kernels of 3 x 3 by Winograd's way: 16 multiplications in place of 36.

Two numbers of the convolution of a line, d0 w0 + d1 w1 + d2 w2 and d1 w0 + d2 w1 + d3 w2, take four
multiplications, since they are sums and differences of the products

    (d0 - d2) w0    (d1 + d2) (w0 + w1 + w2) / 2    (d2 - d1) (w0 - w1 + w2) / 2    (d1 - d3) w2

What is done to d, to w and to the products are the matrices D, K and Y below; for images they are
applied along the rows and along the columns. So the output is cut into tiles of 2 x 2 pixels, each
of which sees 4 x 4 pixels, and for each of the 16 numbers of a transformed tile there is a matrix
product over the channels:

    forward           y  = Yᵀ (sum over channels of (K w Kᵀ) (D d Dᵀ)) Y       elementwise
    input gradient    the same, of dout and the kernels turned around
    weight gradient   dw = Kᵀ (sum over tiles of (Y dy Yᵀ) (D d Dᵀ)) K

The numbers of V tiles beside each other are a vector. Where something is not finite, sums and
differences of it would be NaN in places that a convolution leaves alone, so such a step is done
again as it is written: `unusual` becomes 1.

Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, Fast Algorithms for
Convolutional Neural Networks, 2016, arXiv:1509.09308: F(2x2, 3x3).
"""

from __future__ import annotations

from typing import Any

from ..cpu import WIDTH, V
from ..functions import f
from ..kernel import CHUNK, Float, Floats, Function, Int, Ints, kernel
from ..native import apart, inlined
from ..simd import (
    evens,
    lanes_below,
    load,
    load_lanes,
    load_some,
    odds,
    prefetch,
    select,
    splat,
    store,
    store_some,
    total,
    zipped_high,
    zipped_low,
)
from .behind import call_behind
from .product import ADD, BIAS, ZERO, add_row, copy_panel
from .tile import sum_of_products
from .windows import grid_at, lanes_inside

ELEMENTS = 16  # of a transformed tile
ROOM = 80_000  # floats of scratch for transformed tiles: they have to stay in the second cache

# the three transforms of a line ------------------------------------------------------------------


@inlined
def of_pixels(d: Any) -> Any:
    """D d"""
    return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]


@inlined
def of_kernel(w: Any) -> Any:
    """K w"""
    ends, middle = (w[0] + w[2]) * f(0.5), w[1] * f(0.5)
    return w[0], ends + middle, ends - middle, w[2]


@inlined
def of_products(z: Any) -> Any:
    """Yᵀ z"""
    return z[0] + z[1] + z[2], z[1] - z[2] - z[3]


@inlined
def back_to_products(y: Any) -> Any:
    """Y y"""
    return y[0], y[0] + y[1], y[0] - y[1], -y[1]


@inlined
def back_to_kernel(u: Any) -> Any:
    """Kᵀ u"""
    total, difference = (u[1] + u[2]) * f(0.5), (u[1] - u[2]) * f(0.5)
    return u[0] + total, difference, total + u[3]


@inlined
def store_four(x: Any, target: Any, apart: int) -> None:
    store(target, x[0])
    store(target + apart, x[1])
    store(target + 2 * apart, x[2])
    store(target + 3 * apart, x[3])


# pixels ------------------------------------------------------------------------------------------


@inlined
def line_of_tiles(line: Any, inside: Any) -> Any:
    """D d along a line of pixels, for V tiles, which begin at every other pixel."""
    zero = splat(f(0.0))
    a, b = load_lanes(line, inside[0], zero), load_lanes(line + V, inside[1], zero)
    c, d = load_lanes(line + 2, inside[2], zero), load_lanes(line + (2 + V), inside[3], zero)
    return of_pixels((evens(a, b), odds(a, b), evens(c, d), odds(c, d)))


@apart
def transform_pixels(
    image: Any, H: int, W: int, row: int, column: int, target: Any, stride: int, channels: int
) -> None:
    """V tiles beside each other, of every channel, the first with its corner at this pixel: their
    16 numbers go to target[element, channel], `stride` apart."""
    zero = splat(f(0.0))
    zeros = zero, zero, zero, zero
    inside = (lanes_inside(column, W), lanes_inside(column + V, W),
              lanes_inside(column + 2, W), lanes_inside(column + 2 + V, W))  # fmt: skip
    for c in range(channels):
        line = image + ((c * H + row) * W + column)
        prefetch(line + 4 * W)  # two lines of the next tiles, in too many places to be foreseen
        prefetch(line + 5 * W)
        a = line_of_tiles(line, inside) if 0 <= row < H else zeros
        b = line_of_tiles(line + W, inside) if 0 <= row + 1 < H else zeros
        d = line_of_tiles(line + 2 * W, inside) if 0 <= row + 2 < H else zeros
        e = line_of_tiles(line + 3 * W, inside) if 0 <= row + 3 < H else zeros
        to, next_one = target + c * stride, channels * stride
        down = 4 * next_one
        store_four(of_pixels((a[0], b[0], d[0], e[0])), to, down)
        store_four(of_pixels((a[1], b[1], d[1], e[1])), to + next_one, down)
        store_four(of_pixels((a[2], b[2], d[2], e[2])), to + 2 * next_one, down)
        store_four(of_pixels((a[3], b[3], d[3], e[3])), to + 3 * next_one, down)


@inlined
def gather_tiles(
    images: Any, distance: int, g: Any, channels: int, place: int, count: int, target: Any,
    stride: int,
) -> None:  # fmt: skip
    """The transformed pixels of some tiles; compare `gather` of windows."""
    down, across = (g.OH + 1) // 2, (g.OW + 1) // 2
    source = images + place // (down * across) * distance
    i, j, done = place % (down * across) // across, place % across, 0
    while done < count:
        here = min(across - j, count - done)
        for v in range(0, here, V):
            row, column, to = 2 * i - g.above, 2 * (j + v) - g.left, target + (done + v)
            transform_pixels((source, g.H, g.W, row, column, to, stride, channels))
        done, i, j = done + here, i + 1, 0
        if i == down:
            source, i = source + distance, 0


# forward -----------------------------------------------------------------------------------------


@kernel
def transform_kernels(
    W: Floats, U: Floats, rows: Int, columns: Int, chunk: Int, scratch: Floats
) -> None:
    """U[element, r, c] = the transformed kernel W[r, c]; a chunk for each r."""
    for c in range(columns):
        w, u = W + (chunk * columns + c) * 9, U + (chunk * columns + c)
        a, b = of_kernel((w[0], w[1], w[2])), of_kernel((w[3], w[4], w[5]))
        d, size = of_kernel((w[6], w[7], w[8])), rows * columns
        put_four(of_kernel((a[0], b[0], d[0])), u, 4 * size)
        put_four(of_kernel((a[1], b[1], d[1])), u + size, 4 * size)
        put_four(of_kernel((a[2], b[2], d[2])), u + 2 * size, 4 * size)
        put_four(of_kernel((a[3], b[3], d[3])), u + 3 * size, 4 * size)


@inlined
def put_four(x: Any, target: Any, apart: int) -> None:
    target[0], target[apart], target[2 * apart], target[3 * apart] = x


@kernel
def winograd(
    x: Floats, U: Floats, bias: Floats, y: Floats, grid: Ints, start: Int, N: Int, G: Int, C: Int,
    M: Int, columns: Int, places: Int, channels: Int, unusual: Ints,
    behind: Function, Y: Floats, p: Float, q: Float, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y = the convolution of x + b, and Y = behind(y) where there is such a function.

    columns   tiles of a chunk, of all images
    places    tiles that are transformed at a time, a multiple of WIDTH, and of how many channels
    """
    g = grid_at(grid)
    tiles = N * ((g.OH + 1) // 2) * ((g.OW + 1) // 2)
    across = (tiles + columns - 1) // columns
    group, left = chunk // across, chunk % across * columns
    right, image, stride = min(tiles, left + columns), C * g.H * g.W, places + V
    sums = scratch + ELEMENTS * channels * stride
    for several in range((right - left + places - 1) // places):
        place = left + several * places
        count = min(places, right - place)
        for block in range((C + channels - 1) // channels):
            c = block * channels
            depth = min(channels, C - c)
            source = x + (group * image + c * g.H * g.W)
            gather_tiles(source, G * image, g, depth, place, count, scratch, stride)
            for e in range(ELEMENTS):
                B, kernels = scratch + e * depth * stride, U + ((e * G + group) * M * C + c)
                for n in range(0, count, WIDTH):
                    to = sums + (e * M * places + n)
                    sum_of_products((kernels, C, M, 0, B + n, stride, 1, depth, to, places, c))
        put_tiles(
            sums, places, y, Y, bias, start, g, G * M, group * M, M, place, count, behind, p, q,
            unusual,
        )  # fmt: skip


@inlined
def put_tiles(
    sums: Any, places: int, y: Any, Y: Any, bias: Any, how: int, g: Any, M: int, first: int,
    rows: int, place: int, count: int, behind: int, p: float, q: float, unusual: Any,
) -> None:  # fmt: skip
    """Transform the sums of some tiles, and write them to y (N, M, OH, OW), and a function to Y."""
    down, across = (g.OH + 1) // 2, (g.OW + 1) // 2
    image, odd = place // (down * across), splat(f(0.0))
    i, j, done = place % (down * across) // across, place % across, 0
    while done < count:
        here = min(across - j, count - done)
        for m in range(rows):
            to = ((image * M + first + m) * g.OH + 2 * i) * g.OW + 2 * j
            b = splat(bias[first + m] if how == BIAS else f(0.0))
            lines = min(2, g.OH - 2 * i)
            for v in range(0, here, V):
                z = sums + (m * places + done + v)
                width = min(2 * (here - v), g.OW - 2 * (j + v))
                odd = odd + put_lines(z, rows * places, b, y + (to + 2 * v), g.OW, lines, width)
            if behind:
                width = min(2 * here, g.OW - 2 * j)
                call_behind(behind, y + to, Y + to, g.OW, lines, width, p, q)
        done, i, j = done + here, i + 1, 0
        if i == down:
            image, i = image + 1, 0
    if total(odd) != f(0.0):
        unusual[0] = 1


@inlined
def put_lines(z: Any, apart: int, b: Any, y: Any, row: int, lines: int, width: int) -> Any:
    """The two lines of V tiles; gives 0 in every lane, or NaN if a number is not finite."""
    s0, s1 = column_of(z, apart), column_of(z + apart, apart)
    s2, s3 = column_of(z + 2 * apart, apart), column_of(z + 3 * apart, apart)
    odd = put_line(of_products((s0[0], s1[0], s2[0], s3[0])), b, y, width)
    if lines == 2:
        odd = odd + put_line(of_products((s0[1], s1[1], s2[1], s3[1])), b, y + row, width)
    return odd


@inlined
def column_of(z: Any, apart: int) -> Any:
    """Yᵀ z down a column of V tiles."""
    return of_products(lines_of(z, 4 * apart))


@inlined
def put_line(pair: Any, b: Any, y: Any, width: int) -> Any:
    low, high = zipped_low(*pair) + b, zipped_high(*pair) + b
    store_some(y, low, width)
    if width > V:
        store_some(y + V, high, width - V)
    return not_finite(low, width) + not_finite(high, width - V)


@inlined
def not_finite(x: Any, width: int) -> Any:
    """0 in every lane, or NaN in one of the first `width` that is not finite."""
    return select(lanes_below(width), x - x, splat(f(0.0)))


# the gradient of the kernels ---------------------------------------------------------------------


@apart
def transform_gradients(
    image: Any, H: int, W: int, row: int, column: int, target: Any, stride: int, channels: int
) -> None:
    """V tiles of dout beside each other, of every channel, as `transform_pixels`."""
    zero = splat(f(0.0))
    low, high = lanes_inside(column, W), lanes_inside(column + V, W)
    for c in range(channels):
        line = image + ((c * H + row) * W + column)
        prefetch(line + 2 * W)
        prefetch(line + 3 * W)
        a, b = load_lanes(line, low, zero), load_lanes(line + V, high, zero)
        upper, lower = (evens(a, b), odds(a, b)), (zero, zero)
        if row + 1 < H:
            a, b = load_lanes(line + W, low, zero), load_lanes(line + (W + V), high, zero)
            lower = evens(a, b), odds(a, b)
        left = back_to_products((upper[0], lower[0]))
        right = back_to_products((upper[1], lower[1]))
        to, apart = target + c * stride, channels * stride
        store_four(back_to_products((left[0], right[0])), to, apart)
        store_four(back_to_products((left[1], right[1])), to + 4 * apart, apart)
        store_four(back_to_products((left[2], right[2])), to + 8 * apart, apart)
        store_four(back_to_products((left[3], right[3])), to + 12 * apart, apart)


@inlined
def gather_gradients(
    images: Any, distance: int, g: Any, channels: int, place: int, count: int, target: Any,
    stride: int,
) -> None:  # fmt: skip
    """The transformed gradients of some tiles, as `gather_tiles`."""
    down, across = (g.OH + 1) // 2, (g.OW + 1) // 2
    source = images + place // (down * across) * distance
    i, j, done = place % (down * across) // across, place % across, 0
    while done < count:
        here = min(across - j, count - done)
        for v in range(0, here, V):
            to = target + (done + v)
            transform_gradients((source, g.OH, g.OW, 2 * i, 2 * (j + v), to, stride, channels))
        done, i, j = done + here, i + 1, 0
        if i == down:
            source, i = source + distance, 0


@kernel
def winograd_weights(
    x: Floats, dout: Floats, dU: Floats, grid: Ints, N: Int, G: Int, C: Int, M: Int, columns: Int,
    places: Int, channels: Int, unusual: Ints, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dU[part, element, m, c] = the sum over tiles of (Y dy Yᵀ) (D d Dᵀ). Chunks are parts of all
    tiles, `columns` each, x groups x blocks of channels."""
    g = grid_at(grid)
    tiles = N * ((g.OH + 1) // 2) * ((g.OW + 1) // 2)
    across = (C + channels - 1) // channels
    part, group, c = chunk // (across * G), chunk // across % G, chunk % across * channels
    here, stride = min(channels, C - c), places + V
    source, slope = x + (group * C + c) * g.H * g.W, dout + group * M * g.OH * g.OW
    pixels, slopes = scratch, scratch + (ELEMENTS * here + WIDTH) * stride
    panel = slopes + ELEMENTS * M * stride
    edge = panel + WIDTH * stride
    left, right = part * columns, min(tiles, (part + 1) * columns)
    for several in range((right - left + places - 1) // places):
        place = left + several * places
        count = min(places, right - place)
        whole = (count + V - 1) // V * V
        gather_tiles(source, G * C * g.H * g.W, g, here, place, count, pixels, stride)
        gather_gradients(slope, G * M * g.OH * g.OW, g, M, place, count, slopes, stride)
        for e in range(ELEMENTS):
            A = slopes + e * M * stride
            for r in range(0, here, WIDTH):
                copy_panel(pixels + (e * here + r) * stride, 1, stride, whole, WIDTH, panel)
                target = dU + (((part * ELEMENTS + e) * G + group) * M * C + c + r)
                if r + WIDTH <= here:
                    sum_of_products(
                        (A, stride, M, 0, panel, WIDTH, 1, count, target, C, int(place > left))
                    )
                else:
                    sum_of_products((A, stride, M, 0, panel, WIDTH, 1, count, edge, WIDTH, 0))
                    for m in range(M):
                        how = ADD if place > left else ZERO
                        add_row(edge + m * WIDTH, target + m * C, here - r, how)
    odd = splat(f(0.0))
    for row in range(ELEMENTS * M):
        e, m = row // M, row % M
        found = dU + ((((part * ELEMENTS + e) * G + group) * M + m) * C + c)
        for v in range(0, here, V):
            odd = odd + not_finite(load_some(found + v, here - v), here - v)
    if total(odd) != f(0.0):
        unusual[0] = 1


@kernel
def kernels_of_sums(
    dU: Floats, dw: Floats, parts: Int, rows: Int, C: Int, unusual: Ints,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dw = Kᵀ (sum of the parts of dU) K, a chunk for each row."""
    if unusual[0]:
        return
    size, odd = rows * C, splat(f(0.0))
    for c in range(0, C, V):
        count, at = min(V, C - c), dU + (chunk * C + c)
        for e in range(ELEMENTS):
            found = splat(f(0.0))
            for part in range(parts):
                found = found + load_some(at + (part * ELEMENTS + e) * size, count)
            store(scratch + e * V, found)
        for j in range(4):
            column = scratch + j * V
            put_three(back_to_kernel(lines_of(column, 4 * V)), column, 4 * V)
        for i in range(3):
            line = scratch + 4 * i * V
            put_three(back_to_kernel(lines_of(line, V)), line, V)
        to = dw + (chunk * C + c) * 9
        for element in range(9):
            found = scratch + (element // 3 * 4 + element % 3) * V
            odd = odd + not_finite(load(found), count)
            for k in range(count):
                to[k * 9 + element] = found[k]
    if total(odd) != f(0.0):
        unusual[0] = 1


@kernel
def take_kernels(
    dw: Floats, dW: Floats, start: Int, n: Int, unusual: Ints, chunk: Int, scratch: Floats
) -> None:
    """dW = dw, and what is there, for ADD; as soon as it is known that all of it is finite."""
    if unusual[0]:
        return
    for v in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK), V):
        w = load_some(dw + v, n - v)
        if start == ADD:
            w = w + load_some(dW + v, n - v)
        store_some(dW + v, w, n - v)


@inlined
def lines_of(u: Any, apart: int) -> Any:
    return load(u), load(u + apart), load(u + 2 * apart), load(u + 3 * apart)


@inlined
def put_three(w: Any, target: Any, apart: int) -> None:
    store(target, w[0])
    store(target + apart, w[1])
    store(target + 2 * apart, w[2])
