"""Shuffles: the same numbers at other places, between the channels or between them and the image.

Each of these is a reshape, which cuts an axis in two, a swap of axes, and a reshape that joins two.
Backward is the shuffle that puts everything back.
"""

import numpy as np

from ..errors import ShapeError
from ..layer import Layer
from .sizes import check_sizes, divided, goes_up, times


def to_pixels(x, r):
    """Blocks of channels become blocks of pixels: (..., C r r, H, W) -> (..., C, H r, W r)."""
    *front, channels, height, width = x.shape
    x = x.reshape(*front, channels // (r * r), r, r, height, width)  # (..., C, i, j, H, W)
    x = np.moveaxis(x, (-4, -3), (-3, -1))  # (..., C, H, i, W, j)
    return x.reshape(*front, channels // (r * r), height * r, width * r)


def to_channels(x, r):
    """Blocks of pixels become blocks of channels: (..., C, H r, W r) -> (..., C r r, H, W)."""
    *front, channels, height, width = x.shape
    x = x.reshape(*front, channels, height // r, r, width // r, r)  # (..., C, H, i, W, j)
    x = np.moveaxis(x, (-3, -1), (-4, -3))  # (..., C, i, j, H, W)
    return x.reshape(*front, channels * r * r, height // r, width // r)


class PixelShuffle(Layer):
    """y = an image r times as high and as wide, each block of r × r pixels made of r² channels.

    backward   dx = dout, each block of r × r pixels put back into r² channels
    shapes     x (N, C r², H, W) -> (N, C, H r, W r); any axes in front, or none
    upscale_factor   r
    errors     ShapeError if x has no image, or its channels are no multiple of r²; ValueError for
               a factor below 1
    source     Shi et al., Real-time single image super-resolution, CVPR 2016

    >>> shuffle = PixelShuffle(2)
    >>> shuffle.forward(np.array([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]))
    array([[[1., 2.],
            [3., 4.]]])
    >>> shuffle.backward(np.array([[[5.0, 6.0], [7.0, 8.0]]])).ravel()
    array([5., 6., 7., 8.])
    """

    def __init__(self, upscale_factor):
        check_sizes(self, upscale_factor=upscale_factor)
        self.upscale_factor = upscale_factor

    def out_shape(self, x):
        if ... in x:
            return (..., None)
        r = self.upscale_factor
        if len(x) < 3 or not goes_up(x[-3], r * r):
            raise ShapeError(self, f"inputs (N, C, H, W) with a multiple of {r * r} channels", x)
        return (*x[:-3], divided(x[-3], r * r), times(x[-2], r), times(x[-1], r))

    def forward(self, x):
        self.out_shape(x.shape)
        return to_pixels(x, self.upscale_factor)

    def backward(self, dout):
        return to_channels(dout, self.upscale_factor)


class PixelUnshuffle(Layer):
    """y = an image r times as low and as narrow, each block of r × r pixels put into r² channels.

    backward   dx = dout, each r² channels put back into a block of r × r pixels
    shapes     x (N, C, H r, W r) -> (N, C r², H, W); any axes in front, or none
    downscale_factor   r
    errors     ShapeError if x has no image, or its height or width is no multiple of r;
               ValueError for a factor below 1
    source     Shi et al., Real-time single image super-resolution, CVPR 2016

    >>> shuffle = PixelUnshuffle(2)
    >>> shuffle.forward(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[[1.0]], [[2.0]], [[3.0]], [[4.0]]]
    >>> shuffle.backward(np.array([[[5.0]], [[6.0]], [[7.0]], [[8.0]]]))
    array([[[5., 6.],
            [7., 8.]]])
    """

    def __init__(self, downscale_factor):
        check_sizes(self, downscale_factor=downscale_factor)
        self.downscale_factor = downscale_factor

    def out_shape(self, x):
        if ... in x:
            return (..., None)
        r = self.downscale_factor
        if len(x) < 3 or not (goes_up(x[-2], r) and goes_up(x[-1], r)):
            wanted = f"inputs (N, C, H, W) with a height and a width that are multiples of {r}"
            raise ShapeError(self, wanted, x)
        return (*x[:-3], times(x[-3], r * r), divided(x[-2], r), divided(x[-1], r))

    def forward(self, x):
        self.out_shape(x.shape)
        return to_channels(x, self.downscale_factor)

    def backward(self, dout):
        return to_pixels(dout, self.downscale_factor)


class ChannelShuffle(Layer):
    """y = the channels dealt out anew: the first of each group, then the second of each, ...

    backward   dx = dout with its channels put back
    shapes     x (N, C, ...) -> as x
    groups     how many groups of channels there are; behind a convolution in groups, the next one
               then sees something of each
    errors     ShapeError if the channels do not go up in groups; ValueError for groups below 1
    source     Zhang et al., ShuffleNet, CVPR 2018

    >>> shuffle = ChannelShuffle(2)
    >>> shuffle.forward(np.array([[1.0, 2, 3, 10, 20, 30]]))
    array([[ 1., 10.,  2., 20.,  3., 30.]])
    >>> shuffle.backward(np.array([[1.0, 10, 2, 20, 3, 30]]))
    array([[ 1.,  2.,  3., 10., 20., 30.]])
    """

    def __init__(self, groups):
        check_sizes(self, groups=groups)
        self.groups = groups

    def out_shape(self, x):
        if ... not in x and (len(x) < 2 or not goes_up(x[1], self.groups)):
            wanted = f"inputs (N, C, ...) with a multiple of {self.groups} channels"
            raise ShapeError(self, wanted, x)
        return x

    def forward(self, x):
        self.out_shape(x.shape)
        return dealt(x, self.groups)

    def backward(self, dout):
        return dealt(dout, dout.shape[1] // self.groups)


def dealt(x, groups):
    """The first channel of each group, then the second of each, and so on."""
    N, C, *image = x.shape
    return x.reshape(N, groups, C // groups, *image).swapaxes(1, 2).reshape(x.shape)
