"""What convolution and pooling mean, as plain loops: slow, short, and for any number of axes.

Read this first, then conv.py and pool.py, which compute the same fast; the tests hold them to it.
x is (N, C, *image), with its padding; a kernel has as many axes as the image. All options have one
entry for each axis, such as the stride (2, 1).
"""

import math

import numpy as np


def places(image, kernel, stride, dilation):
    """How many windows there are along each axis.

    >>> places((28, 28), (5, 5), (1, 2), (1, 1))
    (24, 12)
    """
    return tuple((n - d * (k - 1) - 1) // s + 1
                 for n, k, s, d in zip(image, kernel, stride, dilation))  # fmt: skip


def window(place, kernel, stride, dilation):
    """The pixels that the kernel lies on at one place, in the order of the kernel's elements.

    >>> window((0, 1), (1, 3), (1, 2), (1, 1))
    [(0, 2), (0, 3), (0, 4)]
    """
    return [tuple(i * s + e * d for i, s, e, d in zip(place, stride, element, dilation))
            for element in np.ndindex(*kernel)]  # fmt: skip


def conv(x, W, b, stride, dilation, groups=1):
    """Each output is a sum over a window: the numbers of the kernel times the pixels under it.

    x (N, C, *image), W (M, C / groups, *kernel), b (M,) -> (N, M, *places)

    >>> x, W = np.array([[[1.0, 4.0, 9.0]]]), np.array([[[-1.0, 1.0]]])
    >>> conv(x, W, [0.5], stride=(1,), dilation=(1,))
    array([[[3.5, 5.5]]])
    """
    M, C, *kernel = W.shape  # C channels in each group
    out = np.empty((len(x), M, *places(x.shape[2:], kernel, stride, dilation)))
    for n, m in np.ndindex(out.shape[:2]):
        group = m // (M // groups)
        for place in np.ndindex(out.shape[2:]):
            total = b[m]
            for c in range(C):
                image = x[n, group * C + c]
                for weight, pixel in zip(W[m, c].flat, window(place, kernel, stride, dilation)):
                    total += weight * image[pixel]
            out[n, m][place] = total
    return out


def conv_transpose(x, W, b, stride, dilation, output_padding, groups=1):
    """Each number of x, times the kernel, is added to the image where the window was.

    x (N, C, *places), W (C, M / groups, *kernel), b (M,) -> (N, M, *image)

    >>> x, W = np.array([[[2.0, 4.0]]]), np.array([[[0.5, 1.0, 0.5]]])
    >>> conv_transpose(x, W, [0.0], stride=(2,), dilation=(1,), output_padding=(0,))
    array([[[1., 2., 3., 4., 2.]]])
    """
    C, M, *kernel = W.shape  # M channels in each group
    image = [(n - 1) * s + d * (k - 1) + 1 + more for n, k, s, d, more
             in zip(x.shape[2:], kernel, stride, dilation, output_padding)]  # fmt: skip
    out = np.zeros((len(x), groups * M, *image)) + np.reshape(b, (-1, *[1] * len(image)))
    for n, c in np.ndindex(x.shape[:2]):
        group = c // (C // groups)
        for place in np.ndindex(x.shape[2:]):
            for m in range(M):
                image = out[n, group * M + m]
                for weight, pixel in zip(W[c, m].flat, window(place, kernel, stride, dilation)):
                    image[pixel] += weight * x[n, c][place]
    return out


def pool(x, one, kernel, stride, dilation):
    """Each output is one number for the numbers of a window; `one` makes it of their list.

    >>> pool(np.array([[[1.0, 7.0, -3.0, -5.0]]]), max, (2,), stride=(2,), dilation=(1,))
    array([[[ 7., -3.]]])
    """
    out = np.empty((*x.shape[:2], *places(x.shape[2:], kernel, stride, dilation)))
    for n, c in np.ndindex(out.shape[:2]):
        for place in np.ndindex(out.shape[2:]):
            pixels = window(place, kernel, stride, dilation)
            out[n, c][place] = one([x[n, c][pixel] for pixel in pixels])
    return out


def adaptive_pool(x, one, sizes):
    """Each output is one number for the numbers of a part of the image.

    >>> adaptive_pool(np.array([[[1.0, 2.0, 6.0]]]), np.mean, (2,))
    array([[[1.5, 4. ]]])
    """
    out = np.empty((*x.shape[:2], *sizes))
    for n, c in np.ndindex(out.shape[:2]):
        for place in np.ndindex(out.shape[2:]):
            part = [range(math.floor(i * length / m), math.ceil((i + 1) * length / m))
                    for i, length, m in zip(place, x.shape[2:], sizes)]  # fmt: skip
            out[n, c][place] = one(x[n, c][np.ix_(*part)])
    return out
