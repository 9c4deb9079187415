"""What changes the size of images (N, ...), axis by axis or part by part, and turns pairs."""

from __future__ import annotations

from typing import Any

from ..cpu import V
from ..functions import INF, f
from ..kernel import CHUNK, Float, Floats, Int, Ints, kernel
from ..native import inlined
from ..simd import load_some, splat, store_some, total


def rows_in_chunk(length: int) -> int:
    return max(1, CHUNK // length)


# sums of some pixels along an axis: upsampling ---------------------------------------------------


@kernel
def mix(
    x: Floats, pixels: Ints, weights: Floats, y: Floats, K: Int, n: Int, m: Int, B: Int,
    count: Int, A: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y (A, m, B) of x (A, n, B): y[j] = the sum over k of weights[k, j] x[pixels[k, j]]; a chunk
    has `count` of all A."""
    for a in range(chunk * count, min(A, (chunk + 1) * count)):
        image, out = x + a * n * B, y + a * m * B
        for j in range(m):
            if B == 1:
                found = f(0.0)
                for k in range(K):
                    found += weights[k * m + j] * image[pixels[k * m + j]]
                out[j] = found
            else:
                for i in range(0, B, V):
                    several = splat(f(0.0))
                    for k in range(K):
                        row = image + (pixels[k * m + j] * B + i)
                        several = several + load_some(row, B - i) * splat(weights[k * m + j])
                    store_some(out + (j * B + i), several, B - i)


@kernel
def unmix(
    dout: Floats, pixels: Ints, weights: Floats, dx: Floats, K: Int, n: Int, m: Int, B: Int,
    count: Int, A: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx[pixels[k, j]] += weights[k, j] dout[j]."""
    for a in range(chunk * count, min(A, (chunk + 1) * count)):
        d, out = dout + a * m * B, dx + a * n * B
        clear(out, n * B)
        for k in range(K):
            for j in range(m):
                row, w = out + pixels[k * m + j] * B, weights[k * m + j]
                if B == 1:
                    row[0] += w * d[j]
                else:
                    for i in range(0, B, V):
                        part = load_some(d + (j * B + i), B - i) * splat(w)
                        store_some(row + i, load_some(row + i, B - i) + part, B - i)


@inlined
def clear(target: Any, count: int) -> None:
    for v in range(0, count, V):
        store_some(target + v, splat(f(0.0)), count - v)


# parts of an image: pooling to a given size ------------------------------------------------------


@inlined
def part(i: int, n: int, m: int) -> Any:
    """Where part i of m begins and ends on an axis of n pixels."""
    return i * n // m, ((i + 1) * n + m - 1) // m


@kernel
def mean_of_parts(
    x: Floats, y: Floats, H: Int, W: Int, OH: Int, OW: Int, count: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y = the mean of each of OH x OW parts of an image (H, W)."""
    for image in range(chunk * count, min(N, (chunk + 1) * count)):
        for i in range(OH):
            top, bottom = part(i, H, OH)
            for j in range(OW):
                left, right = part(j, W, OW)
                found = 0.0  # of twice as many digits, for the sums of the rows
                for row in range(top, bottom):
                    line, some = x + ((image * H + row) * W + left), splat(f(0.0))
                    for v in range(0, right - left, V):
                        some = some + load_some(line + v, right - left - v)
                    found += total(some)
                y[(image * OH + i) * OW + j] = f(found / ((bottom - top) * (right - left)))


@kernel
def mean_of_parts_backward(
    dout: Floats, dx: Floats, H: Int, W: Int, OH: Int, OW: Int, count: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = the sum of dout / k over the parts that have the pixel, k pixels in each."""
    for image in range(chunk * count, min(N, (chunk + 1) * count)):
        clear(dx + image * H * W, H * W)
        for i in range(OH):
            top, bottom = part(i, H, OH)
            for j in range(OW):
                left, right = part(j, W, OW)
                d = dout[(image * OH + i) * OW + j] / f((bottom - top) * (right - left))
                for row in range(top, bottom):
                    for column in range(left, right):
                        dx[(image * H + row) * W + column] += d


@kernel
def max_of_parts(
    x: Floats, y: Floats, where: Ints, H: Int, W: Int, OH: Int, OW: Int, count: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """y = the largest number of each part, and its place: the first of equal ones, or of NaN."""
    for image in range(chunk * count, min(N, (chunk + 1) * count)):
        for i in range(OH):
            top, bottom = part(i, H, OH)
            for j in range(OW):
                left, right = part(j, W, OW)
                most, place = f(-INF), (image * H + top) * W + left
                for row in range(top, bottom):
                    for column in range(left, right):
                        at = (image * H + row) * W + column
                        if not x[at] <= most and most == most:
                            most, place = x[at], at
                y[(image * OH + i) * OW + j] = most
                where[(image * OH + i) * OW + j] = place


@kernel
def max_of_parts_backward(
    dout: Floats, where: Ints, dx: Floats, pixels: Int, places: Int, count: Int, N: Int,
    chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """dx = 0, and at the place of each largest number the sum of dout."""
    for image in range(chunk * count, min(N, (chunk + 1) * count)):
        clear(dx + image * pixels, pixels)
        for p in range(image * places, (image + 1) * places):
            dx[where[p]] += dout[p]


# pairs of neighbours -----------------------------------------------------------------------------


@kernel
def turn_pairs(
    x: Floats, cos: Floats, sin: Floats, y: Floats, direction: Float, T: Int, D: Int, count: Int,
    N: Int, chunk: Int, scratch: Floats,
) -> None:  # fmt: skip
    """Each pair of row n of x (N, D) is turned by the angle that belongs to it at place n % T."""
    for n in range(chunk * count, min(N, (chunk + 1) * count)):
        row, out, turned = x + n * D, y + n * D, n % T * (D // 2)
        for i in range(D // 2):
            c, s = cos[turned + i], sin[turned + i] * direction
            out[2 * i] = row[2 * i] * c - row[2 * i + 1] * s
            out[2 * i + 1] = row[2 * i] * s + row[2 * i + 1] * c
