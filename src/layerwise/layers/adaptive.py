"""Pooling to a given size: the image is cut into so many parts, however large it is."""

import numpy as np

from ..errors import ShapeError
from ..layer import Layer
from .reduction import Max, Mean, Reduction
from .sizes import is_whole


class AdaptivePool(Layer):
    """What poolings to a given size have in common: how the image is cut into parts."""

    def __init__(self, output_size):
        several = isinstance(output_size, (tuple, list))
        sizes = tuple(output_size) if several else (output_size,)
        if not sizes or not all(n is None or is_whole(n) for n in sizes):
            raise ValueError(
                f"{type(self).__name__}({output_size!r}): give a whole number from 1 up, or a "
                "tuple with one for each axis; None keeps an axis as it is."
            )
        sizes = tuple(None if n is None else int(n) for n in sizes)
        self.output_size = sizes if several else sizes[0]
        self.x = None  # saved by forward for backward

    def out_shape(self, x):
        if ... in x:
            return (..., None)
        if isinstance(self.output_size, tuple):
            wanted = self.output_size
            fits = len(x) - len(wanted) in (1, 2)
            axes = ", ".join(["C", *["image"] * len(wanted)])
            expects = f"inputs (N, {axes}) or ({axes})"
        else:
            wanted = (self.output_size,) * (len(x) - 2)
            fits, expects = len(x) > 2, "inputs (N, C, image, ...)"
        front = len(x) - len(wanted)
        if not fits or 0 in x[front:]:
            raise ShapeError(self, expects, x)
        return (*x[:front], *(n if m is None else m for n, m in zip(x[front:], wanted)))

    def parts(self, x, out):
        """For each place of the output: its index, and that of its part of the image.

        x, out   the shapes; axis by axis, part i of m goes from i n / m to (i + 1) n / m, rounded
                 outward to whole pixels
        """
        dim = len(self.output_size) if isinstance(self.output_size, tuple) else len(x) - 2
        image, sizes = x[len(x) - dim :], out[len(out) - dim :]
        for place in np.ndindex(*sizes):
            part = [slice(i * n // m, ((i + 1) * n + m - 1) // m)
                    for i, n, m in zip(place, image, sizes)]  # fmt: skip
            yield (..., *place), (..., *part)


class AdaptiveAvgPool(AdaptivePool):
    """y = the mean of each part of the image, for every channel by itself.

    backward   dx = the sum of dout / k over the parts that have the element, k elements in each
    shapes     x (N, C, *image) -> (N, C, *output_size), with any number of spatial axes; with a
               tuple of sizes also x (C, *image)
    output_size   a whole number for all spatial axes, those behind N and C, or a tuple with one
               for each; None keeps an axis as it is. A single image (C, H, W) needs the tuple,
               (2, 2): with 2 alone it would be a batch of signals (N, C, L)
    errors     ShapeError if x has other axes; ValueError for sizes that cannot be

    Of n pixels along an axis, part i of m has those from floor(i n / m) to ceil((i + 1) n / m):
    where m does not divide n, neighbours share a pixel.

    >>> pool = AdaptiveAvgPool(2)
    >>> pool.forward(np.array([[[1.0, 2.0, 6.0]]])), pool.backward(np.array([[[10.0, 20.0]]]))
    (array([[[1.5, 4. ]]]), array([[[ 5., 15., 10.]]]))
    """

    def forward(self, x):
        out = np.empty(self.out_shape(x.shape), np.result_type(x, 0.0))
        self.x = x
        for place, part in self.parts(x.shape, out.shape):
            elements = as_row(x[part], out[place])  # (N, C, k)
            out[place] = elements.mean(axis=-1)
        return out

    def backward(self, dout):
        dx = np.zeros(self.x.shape, np.result_type(dout, 0.0))
        for place, part in self.parts(dx.shape, dout.shape):
            elements = as_row(dx[part], dout[place])
            share = dout[place][..., None] / elements.shape[-1]  # (N, C, 1)
            dx[part] += np.broadcast_to(share, elements.shape).reshape(dx[part].shape)
        return dx


class AdaptiveMaxPool(AdaptivePool):
    """y = the largest number in each part of the image, for every channel by itself.

    backward   dx = the sum of dout over the parts whose largest number the element is (of equal
               ones the first), else 0
    shapes     x (N, C, *image) -> (N, C, *output_size), with any number of spatial axes; with a
               tuple of sizes also x (C, *image)
    output_size   a whole number for all spatial axes, those behind N and C, or a tuple with one
               for each; None keeps an axis as it is. The parts are those of `AdaptiveAvgPool`, and
               so is what a single image (C, H, W) needs: a tuple
    errors     ShapeError if x has other axes; ValueError for sizes that cannot be

    >>> pool = AdaptiveMaxPool(2)
    >>> pool.forward(np.array([[[1.0, 7.0, 6.0]]])), pool.backward(np.array([[[10.0, 20.0]]]))
    (array([[[7., 7.]]]), array([[[ 0., 30.,  0.]]]))
    """

    def forward(self, x):
        out = np.empty(self.out_shape(x.shape), x.dtype)
        self.x = x
        for place, part in self.parts(x.shape, out.shape):
            out[place] = as_row(x[part], out[place]).max(axis=-1)
        return out

    def backward(self, dout):
        dx = np.zeros(self.x.shape, np.result_type(dout, 0.0))
        for place, part in self.parts(dx.shape, dout.shape):
            elements = as_row(self.x[part], dout[place])  # (N, C, k)
            first = elements.argmax(axis=-1)[..., None]
            chosen = np.arange(elements.shape[-1]) == first
            dx[part] += np.where(chosen, dout[place][..., None], 0).reshape(dx[part].shape)
        return dx


def as_row(part, place):
    """A part of the image with its elements in a row: (N, C, h, w) -> (N, C, h w)."""
    return part.reshape(*place.shape, np.prod(part.shape[place.ndim :], dtype=int))


def spatial_axes(layer, x):
    """The axes behind the batch and the channels."""
    if ... not in x and len(x) < 3:
        raise ShapeError(layer, "inputs (N, C, image, ...)", x)
    return tuple(range(2, len(x)))


class OverTheImage(Reduction):
    """A reduction over all spatial axes: those behind the batch and the channels."""

    sign = ""  # a box in pictures

    def __init__(self, keepdims=False):
        super().__init__(keepdims=keepdims)

    def out_shape(self, x):
        self.axis = spatial_axes(self, x)
        return super().out_shape(x)

    def forward(self, x):
        self.axis = spatial_axes(self, x.shape)
        return super().forward(x)


class GlobalAvgPool(OverTheImage, Mean):
    """y = the mean of the whole image, for every channel by itself.

    backward   dx = dout / k for every element, k elements in an image
    shapes     x (N, C, *image) -> (N, C), or (N, C, 1, 1) with keepdims
    keepdims   keep the spatial axes, with size 1
    errors     ShapeError if x has fewer than three axes
    source     Lin et al., Network in Network, ICLR 2014

    >>> pool = GlobalAvgPool()
    >>> pool.forward(np.array([[[[1.0, 3.0], [5.0, 7.0]]]])), pool.backward(np.array([[8.0]]))
    (array([[4.]]), array([[[[2., 2.],
             [2., 2.]]]]))
    """


class GlobalMaxPool(OverTheImage, Max):
    """y = the largest number of the whole image, for every channel by itself; equals share.

    backward   dx = dout for the largest element (equal ones share it), 0 for the others
    shapes     x (N, C, *image) -> (N, C), or (N, C, 1, 1) with keepdims
    keepdims   keep the spatial axes, with size 1
    errors     ShapeError if x has fewer than three axes

    >>> pool = GlobalMaxPool()
    >>> pool.forward(np.array([[[[1.0, 3.0], [5.0, 2.0]]]])), pool.backward(np.array([[8.0]]))
    (array([[5.]]), array([[[[0., 0.],
             [8., 0.]]]]))
    """
