"""What convolution and pooling mean, as plain loops: slow, short, and for any number of axes.

x is (N, C, *image), with its padding; a kernel has as many axes as the image. All options have one
entry for each axis, such as the stride (2, 1).
"""

import math

import numpy as np


def places(image, kernel, stride, dilation):
    """How many windows there are along each axis."""
    return tuple((n - d * (k - 1) - 1) // s + 1
                 for n, k, s, d in zip(image, kernel, stride, dilation))  # fmt: skip


def window(place, kernel, stride, dilation):
    """The pixels that the kernel lies on at one place, in the order of the kernel's elements."""
    return [tuple(i * s + e * d for i, s, e, d in zip(place, stride, element, dilation))
            for element in np.ndindex(*kernel)]  # fmt: skip


def conv(x, W, b, stride, dilation, groups=1):
    """Each output is a sum over a window: the numbers of the kernel times the pixels under it."""
    M, C, *kernel = W.shape  # C channels in each group
    out = np.empty((len(x), M, *places(x.shape[2:], kernel, stride, dilation)))
    for n, m, *place in np.ndindex(*out.shape):
        group = m // (M // groups)
        total = b[m]
        for c in range(C):
            for weight, pixel in zip(W[m, c].flat, window(place, kernel, stride, dilation)):
                total += weight * x[(n, group * C + c, *pixel)]
        out[(n, m, *place)] = total
    return out


def conv_transpose(x, W, b, stride, dilation, output_padding, groups=1):
    """Each number of x, times the kernel, is added to the image where the window was."""
    C, M, *kernel = W.shape  # M channels in each group
    image = [(n - 1) * s + d * (k - 1) + 1 + more for n, k, s, d, more
             in zip(x.shape[2:], kernel, stride, dilation, output_padding)]  # fmt: skip
    out = np.zeros((len(x), groups * M, *image)) + np.reshape(b, (-1, *[1] * len(image)))
    for n, c, *place in np.ndindex(*x.shape):
        group = c // (C // groups)
        for m in range(M):
            for weight, pixel in zip(W[c, m].flat, window(place, kernel, stride, dilation)):
                out[(n, group * M + m, *pixel)] += weight * x[(n, c, *place)]
    return out


def pool(x, one, kernel, stride, dilation):
    """Each output is one number for the numbers of a window; `one` makes it of their list."""
    out = np.empty((*x.shape[:2], *places(x.shape[2:], kernel, stride, dilation)))
    for n, c, *place in np.ndindex(*out.shape):
        pixels = window(place, kernel, stride, dilation)
        out[(n, c, *place)] = one([x[(n, c, *pixel)] for pixel in pixels])
    return out


def adaptive_pool(x, one, sizes):
    """Each output is one number for the numbers of a part of the image."""
    out = np.empty((*x.shape[:2], *sizes))
    for n, c, *place in np.ndindex(*out.shape):
        part = [range(math.floor(i * length / m), math.ceil((i + 1) * length / m))
                for i, length, m in zip(place, x.shape[2:], sizes)]  # fmt: skip
        out[(n, c, *place)] = one(x[n, c][np.ix_(*part)])
    return out
