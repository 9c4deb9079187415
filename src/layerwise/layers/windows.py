"""Windows: what convolution and pooling have in common, for any number of spatial axes.

A window as large as the kernel slides over the image. To look at one window after the other would
take a long time, so this looks at one element of the kernel after the other: `Window.taps` gives
the pixels that this element meets in all windows, as a view of the image. Forward reads these
views, backward adds to them.
"""

import itertools

import numpy as np

from ..errors import ShapeError, show_shape
from ..layer import Layer
from .sizes import is_whole

AXES = {1: "L", 2: "H, W", 3: "D, H, W"}  # the spatial axes, as messages call them


class Window:
    """How a kernel slides over an image; every option is a tuple with one entry for each axis.

    kernel      the sizes of the kernel
    stride      the steps from one window to the next
    padding     pairs of what is added to the image before and after
    dilation    the steps from one element of the kernel to the next
    ceil_mode   whether the last window may reach beyond the padded image

    >>> window = Window((2,), (2,), [(0, 0)], (1,))
    >>> [tap.tolist() for tap in window.taps(np.array([1, 2, 3, 4, 5, 6]))]
    [[1, 3, 5], [2, 4, 6]]
    """

    def __init__(self, kernel, stride, padding, dilation, ceil_mode=False):
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode
        self.span = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))  # pixels it reaches

    def out_sizes(self, layer, x):
        """How many windows there are along each axis: the size of what comes out.

        layer   whose error it is if there are none
        x       the shape of the image, any axes in front; sizes may be None
        """
        image = x[len(x) - len(self.kernel) :]
        out = []
        for n, span, stride, (before, after) in zip(image, self.span, self.stride, self.padding):
            if n is None:
                out.append(None)
                continue
            free = n + before + after - span  # how far a window can move
            count = free // stride + 1
            if self.ceil_mode and free % stride and count * stride < n + before:
                count += 1  # one more, that starts inside the image
            if count < 1 or n < 1:
                hint = f"{self.geometry(image)} Take a smaller kernel or more padding."
                raise ShapeError(layer, "images that its kernel fits into", x, hint)
            out.append(count)
        return tuple(out)

    def image_sizes(self, layer, x):
        """The size of the image that has as many windows as `x` says: `out_sizes` backward."""
        places = x[len(x) - len(self.kernel) :]
        sizes = [None if n is None else (n - 1) * stride + span - before - after
                 for n, stride, span, (before, after)
                 in zip(places, self.stride, self.span, self.padding)]  # fmt: skip
        if any(n is not None and n < 1 for n in (*places, *sizes)):
            hint = f"{self.geometry(sizes)} Take less padding."
            raise ShapeError(layer, "images of which its padding leaves something", x, hint)
        return tuple(sizes)

    def padded(self, image):
        """The sizes of the image with its padding."""
        sizes = image[len(image) - len(self.kernel) :]
        return tuple(None if n is None else n + sum(both) for n, both in zip(sizes, self.padding))

    def geometry(self, image):
        """Everything that decides how many windows there are, for the message."""
        padding = [b if b == a else f"{b}+{a}" for b, a in self.padding]
        return (
            f"The image {show_shape(image)} with the padding {show_shape(padding)} has "
            f"{show_shape(self.padded(image))}; the kernel {show_shape(self.kernel)} with the "
            f"dilation {show_shape(self.dilation)} spans {show_shape(self.span)}; the stride is "
            f"{show_shape(self.stride)}."
        )

    def beyond(self, image):
        """Pairs of what the last windows need behind the padded image; only in ceil_mode."""
        ends = [
            (count - 1) * stride + span
            for count, stride, span in zip(self.out_sizes(None, image), self.stride, self.span)
        ]
        return [(0, max(0, end - n)) for end, n in zip(ends, self.padded(image))]

    def taps(self, image):
        """For each element of the kernel, the pixels that it meets in all windows, as a view."""
        sizes = image.shape[image.ndim - len(self.kernel) :]
        ends = [n - span + 1 for n, span in zip(sizes, self.span)]  # behind the last window's start
        for element in itertools.product(*map(range, self.kernel)):
            first = [k * dilation for k, dilation in zip(element, self.dilation)]
            pixels = [slice(i, i + end, s) for i, end, s in zip(first, ends, self.stride)]
            everywhere = (..., *pixels)
            yield image[everywhere]

    def im2col(self, image):
        """All taps in one array: (N, C, H, W) -> (N, C, elements of the kernel, H', W')."""
        return np.stack(list(self.taps(image)), axis=-len(self.kernel) - 1)

    def col2im(self, cols, sizes):
        """The gradient of the image from that of its columns: each pixel sums its taps."""
        image = np.zeros((*cols.shape[: -len(self.kernel) - 1], *sizes), cols.dtype)
        parts = np.moveaxis(cols, -len(self.kernel) - 1, 0)
        for tap, part in zip(self.taps(image), parts):
            tap += part
        return image


class Windowed(Layer):
    """What the layers have in common that slide a window over an image with `dim` axes."""

    dim = 0  # 1, 2 or 3: a subclass says which

    def option(self, name, value, least=1):
        """Check an option, keep it under its name, and return it with one entry for each axis."""
        one = np.ndim(value) == 0
        values = (value,) * self.dim if one else tuple(value)
        if len(values) != self.dim or not all(is_whole(n, least) for n in values):
            several = f", or {self.dim} of them, one for each axis" if self.dim > 1 else ""
            raise ValueError(
                f"{type(self).__name__}({name}={value!r}): give a whole number from {least} up"
                f"{several}."
            )
        values = tuple(map(int, values))
        setattr(self, name, values[0] if one else values)
        return values

    def checked_shape(self, x, channels=None):
        """The shape x, or a ShapeError if it is not (N, C, *image) or (C, *image).

        Where little is known, (..., None), it becomes (..., None, None, None) for images: what is
        in front, the channels, the image.
        """
        axes = f"{channels or 'C'}, {AXES[self.dim]}"
        shape = x
        if ... in x:
            known = x[1:][-self.dim - 1 :]
            shape = (..., *[None] * (self.dim + 1 - len(known)), *known)
        elif len(x) - self.dim not in (1, 2):
            raise ShapeError(self, f"inputs (N, {axes}) or ({axes})", x)
        if channels is not None and shape[-self.dim - 1] not in (channels, None):
            raise ShapeError(self, f"inputs (N, {axes}) or ({axes})", x)
        return shape
