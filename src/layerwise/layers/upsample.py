"""Upsampling: an image in another size, its pixels repeated or mixed with their neighbours.

One axis is stretched after the other. A pixel of the output falls on a place among the pixels of
the input and is a weighted sum of the nearest one, two (linear) or four (cubic); `sources` says
which, and with what weights. Forward reads these pixels, backward adds to them.
"""

import itertools

import numpy as np

from ..errors import ShapeError
from ..layer import Layer


def always(distance):
    return np.ones_like(distance)


def linear(distance):
    """A pixel counts the more the closer it is."""
    return 1 - distance


def cubic(distance, a=-0.75):
    """Keys' curve: 1 at 0, 0 at 1 and 2, smooth, with the slope a at 1."""
    d = distance
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, far)


MODES = {  # the axes of an image (None: any), the pixels around a place, weights by distance
    "nearest": (None, [0], always),
    "linear": (1, [0, 1], linear),
    "bilinear": (2, [0, 1], linear),
    "trilinear": (3, [0, 1], linear),
    "bicubic": (2, [-1, 0, 1, 2], cubic),
}


def sources(n, m, mode, scale=None, align_corners=False):
    """For an axis of m pixels made of n: what pixels each is made of, and with what weights.

    scale     how many pixels one becomes; None: m / n
    returns   two arrays (pixels in a sum, m)

    >>> [part.tolist() for part in sources(2, 3, "linear", align_corners=True)]
    [[[0, 0, 1], [1, 1, 1]], [[1.0, 0.5, 1.0], [0.0, 0.5, 0.0]]]
    """
    _, around, weight_at = MODES[mode]
    i = np.arange(m)
    if mode == "nearest":
        place = i * n // m if scale is None else i * (1 / scale)
    elif align_corners:  # the middles of the first and of the last pixel stay where they are
        place = i * ((n - 1) / max(m - 1, 1))
    else:  # the edges of the image stay where they are
        place = (i + 0.5) * (n / m if scale is None else 1 / scale) - 0.5
    if mode != "bicubic":
        place = np.clip(place, 0, n - 1)
    first = np.floor(place)
    pixels = [np.clip(first + k, 0, n - 1).astype(int) for k in around]
    return np.array(pixels), np.array([weight_at(abs(place - first - k)) for k in around])


class Upsample(Layer):
    """y = x in another size: each pixel is a weighted sum of the pixels around its place in x.

    backward   dx = for each pixel, the weights with which it went into y, times dout
    shapes     x (N, C, *image) -> (N, C, *size), or (N, C, *floor(image scale_factor))
    size, scale_factor   one of the two: the new sizes, or by how much to multiply them (below 1
               the image shrinks); a number, or one for each axis of the image. (In place of
               PyTorch's recompute_scale_factor give the size)
    mode       "nearest" for any number of axes; "linear", "bilinear" and "trilinear" for one, two
               and three; "bicubic" for two
    align_corners   True: the middles of the pixels in the corners stay where they are; False: the
               edges of the image do. Not for "nearest"
    errors     ShapeError if x has other axes; ValueError for options that cannot be
    source     Keys, Cubic convolution interpolation for digital image processing, 1981

    >>> up = Upsample(scale_factor=2)
    >>> up.forward(np.array([[[1.0, 5.0]]])), up.backward(np.array([[[1.0, 2, 3, 4]]]))
    (array([[[1., 1., 5., 5.]]]), array([[[3., 7.]]]))
    >>> up = Upsample(size=3, mode="linear", align_corners=True)
    >>> up.forward(np.array([[[1.0, 5.0]]])), up.backward(np.array([[[1.0, 2, 3]]]))
    (array([[[1., 3., 5.]]]), array([[[2., 4.]]]))
    """

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None):
        if (size is None) == (scale_factor is None):
            raise ValueError(
                f"Upsample(size={size!r}, scale_factor={scale_factor!r}): give one of the two."
            )
        if mode not in MODES:
            raise ValueError(f"Upsample(mode={mode!r}): choose one of {tuple(MODES)}.")
        if mode == "nearest" and align_corners is not None:
            raise ValueError("Upsample(mode='nearest'): align_corners is for the other modes.")
        self.size = checked("size", size, "iu")
        self.scale_factor = checked("scale_factor", scale_factor, "iuf")
        self.mode, self.align_corners = mode, align_corners
        self.dim = MODES[mode][0]  # how many axes an image has; None: any
        given = self.scale_factor if size is None else self.size
        if isinstance(given, tuple):
            if self.dim not in (None, len(given)):
                raise ValueError(
                    f"Upsample(mode={mode!r}): give {self.dim} of the sizes, one for each axis, "
                    f"but got {given}."
                )
            self.dim = len(given)
        self.in_shape = None  # saved by forward for backward

    def each(self, option, image):
        """An option with one entry for each axis of the image."""
        return option if isinstance(option, tuple) else (option,) * len(image)

    def out_shape(self, x):
        if ... in x:
            return (..., None)
        front, image = x[:2], x[2:]
        if not image or self.dim not in (None, len(image)) or 0 in image:
            axes = "image, ..." if self.dim is None else ", ".join(["image"] * self.dim)
            raise ShapeError(self, f"inputs (N, C, {axes})", x)
        if self.size is not None:
            return (*front, *self.each(self.size, image))
        scales = self.each(self.scale_factor, image)
        new = [None if n is None else int(n * scale) for n, scale in zip(image, scales)]
        if 0 in new:
            raise ShapeError(self, "images of which something is left", x)
        return (*front, *new)

    def axes(self):
        """For each axis of the image: its number, its size, the pixels and their weights."""
        image, new = self.in_shape[2:], self.out_shape(self.in_shape)[2:]
        scales = self.each(self.scale_factor, image)
        for axis, (n, m, scale) in enumerate(zip(image, new, scales), start=2):
            yield axis, n, *sources(n, m, self.mode, scale, self.align_corners)

    def forward(self, x):
        self.out_shape(x.shape)
        self.in_shape = x.shape
        out = x.astype(np.result_type(x, 0.0), copy=False)
        for axis, _, pixels, weights in self.axes():
            rows = np.moveaxis(out, axis, -1)  # (N, C, ..., n)
            weights = weights.astype(out.dtype)
            rows = sum(w * rows[..., i] for i, w in zip(pixels, weights))  # (N, C, ..., m)
            out = np.moveaxis(rows, -1, axis)
        return out

    def backward(self, dout):
        dx = dout
        for axis, n, pixels, weights in self.axes():
            d = np.moveaxis(dx, axis, 0)  # (m, N, C, ...)
            weights = weights.astype(dout.dtype)
            drows = np.zeros((n, *d.shape[1:]), np.result_type(dout, 0.0))
            for pixel, weight, part in zip(pixels.flat, weights.flat, itertools.cycle(d)):
                drows[pixel] += weight * part
            dx = np.moveaxis(drows, 0, axis)
        return dx


def checked(name, value, kinds):
    """An option as Python's own numbers, or a ValueError."""
    if value is None:
        return None
    numbers = np.asarray(value)
    if numbers.ndim > 1 or numbers.dtype.kind not in kinds or not (numbers > 0).all():
        raise ValueError(
            f"Upsample({name}={value!r}): give a {'whole ' if kinds == 'iu' else ''}number above "
            "0, or a tuple with one for each axis."
        )
    one = numbers.ndim == 0
    return numbers.item() if one else tuple(np.asarray(n).item() for n in value)
