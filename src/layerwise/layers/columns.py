"""Columns: the pixels under each window of an image, side by side, and back (im2col, col2im).

A convolution is columns, a product of matrices, and nothing else; with these two layers one builds
one's own. `Fold` adds up what `Unfold` has copied, so each is the backward of the other.
"""

import math

from ..errors import ShapeError
from .pad import pad, unpad
from .sizes import divided, goes_up, times
from .windows import Window, Windowed


class Columns(Windowed):
    """What Unfold and Fold have in common: windows over an image with two axes."""

    dim = 2

    def set_window(self, kernel_size, dilation, padding, stride):
        """Check the options, and keep them."""
        kernel = self.option("kernel_size", kernel_size)
        dilations = self.option("dilation", dilation)
        pads = [(n, n) for n in self.option("padding", padding, least=0)]
        self.window = Window(kernel, self.option("stride", stride), pads, dilations)
        self.elements = math.prod(kernel)  # K

    def to_columns(self, x):
        """(N, C, H, W) -> (N, C, K, H', W') -> (N, C K, P)"""
        cols = self.window.im2col(pad(x, self.window.padding))
        return cols.reshape(*x.shape[:-3], x.shape[-3] * self.elements, math.prod(cols.shape[-2:]))

    def to_image(self, cols, image):
        """(N, C K, P) -> (N, C, K, H', W') -> (N, C, H, W)"""
        places = self.window.out_sizes(self, image)
        channels = cols.shape[-2] // self.elements
        cols = cols.reshape(*cols.shape[:-2], channels, self.elements, *places)
        return unpad(self.window.col2im(cols, self.window.padded(image)), self.window.padding)


class Unfold(Columns):
    """y = the pixels under each window of an image, one column for each place of the window.

    backward   dx = for each pixel, the sum of dout over its copies
    shapes     x (N, C, H, W) or (C, H, W) -> (N, C K, P) or (C K, P), K elements of the kernel,
               P places of the window: from left to right, then from top to bottom
    kernel_size, dilation, padding, stride   a whole number, or one for each axis, as of `Conv2d`;
               the padding is 0
    errors     ShapeError if x has other axes or is smaller than the kernel; ValueError for options
               that cannot be
    source     Deep Learning from Scratch, 7.4.3

    >>> import numpy as np
    >>> unfold = Unfold((1, 2))
    >>> unfold.forward(np.array([[[1.0, 2.0, 3.0]]]))
    array([[1., 2.],
           [2., 3.]])
    >>> unfold.backward(np.array([[1.0, 10.0], [100.0, 1000.0]]))
    array([[[   1.,  110., 1000.]]])
    """

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        self.set_window(kernel_size, dilation, padding, stride)
        self.in_shape = None  # saved by forward for backward

    def out_shape(self, x):
        x = self.checked_shape(x)
        places = self.window.out_sizes(self, x)
        columns = None if None in places else math.prod(places)
        return (*x[:-3], times(x[-3], self.elements), columns)

    def forward(self, x):
        self.out_shape(x.shape)
        self.in_shape = x.shape
        return self.to_columns(x)

    def backward(self, dout):
        return self.to_image(dout, self.in_shape)


class Fold(Columns):
    """y = an image on which each column is laid at the place of its window, and all added up.

    backward   dx = the columns of dout, as `Unfold` makes them
    shapes     x (N, C K, P) or (C K, P) -> (N, C, *output_size) or (C, *output_size), K elements
               of the kernel, P places of the window in an image of this size
    output_size   H and W, or one number for both
    kernel_size, dilation, padding, stride   those of the `Unfold` from y to x
    errors     ShapeError if x has another number of columns, or rows that do not go up in kernels;
               ValueError for options that cannot be
    source     Deep Learning from Scratch, 7.4.3

    >>> import numpy as np
    >>> fold = Fold((1, 3), (1, 2))
    >>> fold.forward(np.array([[1.0, 10.0], [100.0, 1000.0]]))
    array([[[   1.,  110., 1000.]]])
    >>> fold.backward(np.array([[[1.0, 2.0, 3.0]]]))
    array([[1., 2.],
           [2., 3.]])
    """

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        self.image = self.option("output_size", output_size)
        self.set_window(kernel_size, dilation, padding, stride)
        self.places = math.prod(self.window.out_sizes(self, self.image))

    def out_shape(self, x):
        vague = ... in x
        rows, columns = [None, None, *(n for n in x if n is not ...)][-2:]
        axes = vague or len(x) in (2, 3)
        if not axes or columns not in (None, self.places) or not goes_up(rows, self.elements):
            row = f"C {self.elements}, {self.places}"
            raise ShapeError(self, f"inputs (N, {row}) or ({row})", x)
        return (*((...,) if vague else x[:-2]), divided(rows, self.elements), *self.image)

    def forward(self, x):
        self.out_shape(x.shape)
        return self.to_image(x, self.image)

    def backward(self, dout):
        return self.to_columns(dout)
