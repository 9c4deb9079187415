"""Pooling: one number for each window of an image, its largest or their mean.

The padding never wins a maximum: it is -inf there. The code is the same for signals (1d), images
(2d) and volumes (3d); each channel is pooled by itself. `loops.pool` says it as plain loops.
"""

import math

import numpy as np

from .pad import pad, unpad
from .windows import Window, Windowed


class Pool(Windowed):
    """What poolings over windows have in common."""

    def set_window(self, kernel_size, stride, padding, dilation, ceil_mode):
        """Check the options, and keep them."""
        kernel = self.option("kernel_size", kernel_size)
        self.stride = None
        strides = kernel if stride is None else self.option("stride", stride)
        pads = self.option("padding", padding, least=0)
        dilations = self.option("dilation", dilation)
        self.window = Window(kernel, strides, [(n, n) for n in pads], dilations, ceil_mode)
        self.ceil_mode = ceil_mode
        if any(2 * n > span for n, span in zip(pads, self.window.span)):
            raise ValueError(
                f"{type(self).__name__}(kernel_size={self.kernel_size}, padding={self.padding}): "
                "the padding is at most half of the kernel, so that each window has some pixels."
            )

    def out_shape(self, x):
        x = self.checked_shape(x)
        return (*x[: -self.dim], *self.window.out_sizes(self, x))

    def pads(self, x):
        """Pairs of what is added around x: the padding, and what the last windows need."""
        beyond = self.window.beyond(x)
        return [(before, after + n) for (before, after), (_, n) in zip(self.window.padding, beyond)]


class MaxPool(Pool):
    """y = the largest number in each window, for every channel by itself.

    backward   dx = dout for the largest number of each window (of equal ones the first), else 0
    shapes     x (N, C, *image) or (C, *image) -> (N, C, *places) or (C, *places)
               places = floor((image + 2 padding - dilation (kernel - 1) - 1) / stride) + 1
    kernel_size, stride, padding, dilation   a whole number, or one for each axis
    stride     None: as large as the kernel, so that windows do not overlap
    padding    at most half of the kernel; it counts as -inf
    ceil_mode  the last window may reach beyond the image: ceil in place of floor
    errors     ShapeError if x has other axes or is smaller than the kernel; ValueError for options
               that cannot be
    source     Deep Learning from Scratch, 7.3
    """

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, *, ceil_mode=False):
        self.set_window(kernel_size, stride, padding, dilation, ceil_mode)
        self.arg_max = self.in_shape = None  # saved by forward for backward

    def forward(self, x):
        self.out_shape(x.shape)
        self.in_shape = x.shape
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        cols = self.window.im2col(pad(x, self.pads(x.shape), value=lowest))  # (N, C, K, H', W')
        self.arg_max = cols.argmax(axis=-self.dim - 1)  # the number of the element in its window
        return cols.max(axis=-self.dim - 1)

    def backward(self, dout):
        pads = self.pads(self.in_shape)
        dx = pad(np.zeros(self.in_shape, np.result_type(dout, 0.0)), pads)
        for i, tap in enumerate(self.window.taps(dx)):
            tap += np.where(self.arg_max == i, dout, 0)
        return unpad(dx, pads)


class MaxPool1d(MaxPool):
    """The largest number in each window of a signal: x (N, C, L) or (C, L). See `MaxPool`.

    >>> pool = MaxPool1d(2)
    >>> pool.forward(np.array([[1.0, 7.0, -3.0, -5.0]])), pool.backward(np.array([[10.0, 20.0]]))
    (array([[ 7., -3.]]), array([[ 0., 10., 20.,  0.]]))
    """

    dim = 1


class MaxPool2d(MaxPool):
    """The largest number in each window of an image: x (N, C, H, W) or (C, H, W). See `MaxPool`.

    >>> pool = MaxPool2d(2, stride=1, padding=(0, 1))
    >>> pool.forward(np.array([[[1.0, -7.0], [-3.0, -5.0]]]))
    array([[[ 1.,  1., -5.]]])
    >>> pool.backward(np.array([[[10.0, 20.0, 30.0]]]))
    array([[[30.,  0.],
            [ 0., 30.]]])
    """

    dim = 2


class MaxPool3d(MaxPool):
    """The largest number in each window of a volume: x (N, C, D, H, W) or (C, D, H, W).

    For the options see `MaxPool`.

    >>> MaxPool3d((1, 2, 2)).forward(np.zeros((1, 3, 4, 6, 6))).shape
    (1, 3, 4, 3, 3)
    """

    dim = 3


class AvgPool(Pool):
    """y = the mean of the numbers in each window, for every channel by itself.

    backward   dx = the sum of dout / n over the windows that have the element, n numbers in each
    shapes     x (N, C, *image) or (C, *image) -> (N, C, *places) or (C, *places)
               places = floor((image + 2 padding - kernel) / stride) + 1
    kernel_size, stride, padding   a whole number, or one for each axis
    stride     None: as large as the kernel, so that windows do not overlap
    padding    at most half of the kernel; it counts as 0
    ceil_mode  the last window may reach beyond the image: ceil in place of floor
    count_include_pad   whether n counts the padding too; never what lies beyond the padding
    divisor_override    this number in place of n
    errors     ShapeError if x has other axes or is smaller than the kernel; ValueError for options
               that cannot be
    source     Deep Learning from Scratch, 7.3.1
    """

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
        divisor_override=None,
    ):  # fmt: skip
        self.set_window(kernel_size, stride, padding, 1, ceil_mode)
        if divisor_override == 0:
            raise ValueError(f"{type(self).__name__}(divisor_override=0): no division by 0.")
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override
        self.in_shape = self.n = None  # saved by forward for backward

    def forward(self, x):
        self.out_shape(x.shape)
        self.in_shape = x.shape
        self.n = self.counts(x.shape).astype(np.result_type(x, 0.0))  # (H', W')
        return sum(tap / self.n for tap in self.window.taps(pad(x, self.pads(x.shape))))

    def backward(self, dout):
        pads = self.pads(self.in_shape)
        dx = pad(np.zeros(self.in_shape, np.result_type(dout, 0.0)), pads)
        for tap in self.window.taps(dx):
            tap += dout / self.n
        return unpad(dx, pads)

    def counts(self, x):
        """How many numbers there are in each window."""
        if self.divisor_override is not None:
            return np.array(self.divisor_override)
        image = np.ones(x[len(x) - self.dim :])
        image = pad(image, self.window.padding, value=1 if self.count_include_pad else 0)
        return sum(self.window.taps(pad(image, self.window.beyond(x))))


class AvgPool1d(AvgPool):
    """The mean of each window of a signal: x (N, C, L) or (C, L). For the options see `AvgPool`.

    >>> pool = AvgPool1d(2)
    >>> pool.forward(np.array([[1.0, 7.0, -3.0, -5.0]])), pool.backward(np.array([[10.0, 20.0]]))
    (array([[ 4., -4.]]), array([[ 5.,  5., 10., 10.]]))
    """

    dim = 1


class AvgPool2d(AvgPool):
    """The mean of each window of an image: x (N, C, H, W) or (C, H, W). See `AvgPool`.

    >>> x = np.array([[[2.0, 4.0], [6.0, 8.0]]])
    >>> AvgPool2d(2).forward(x), AvgPool2d(2, padding=1).forward(x)
    (array([[[5.]]]), array([[[0.5, 1. ],
            [1.5, 2. ]]]))
    >>> AvgPool2d(2, padding=1, count_include_pad=False).forward(x)
    array([[[2., 4.],
            [6., 8.]]])
    """

    dim = 2


class AvgPool3d(AvgPool):
    """The mean of each window of a volume: x (N, C, D, H, W) or (C, D, H, W). See `AvgPool`.

    >>> AvgPool3d((1, 2, 2)).forward(np.zeros((1, 3, 4, 6, 6))).shape
    (1, 3, 4, 3, 3)
    """

    dim = 3


class LPPool(Pool):
    """y = (the sum of x^p over the window)^(1/p), p the norm_type: for p = 2 the length.

    backward   dx = the sum of dout (x / y)^(p - 1) over the windows that have the element;
               0 where y is 0 and p above 1
    shapes     x (N, C, *image) or (C, *image) -> (N, C, *places) or (C, *places)
               places = floor((image - kernel) / stride) + 1
    norm_type  p; 1 is the sum, and the larger p is, the closer y comes to the maximum. Where x may
               be negative, p has to be even: there are no absolute values here, and a negative sum
               gives NaN, as in PyTorch
    kernel_size, stride   a whole number, or one for each axis
    stride     None: as large as the kernel, so that windows do not overlap
    ceil_mode  the last window may reach beyond the image; its sum is scaled to a full window
    errors     ShapeError if x has other axes or is smaller than the kernel; ValueError for options
               that cannot be
    source     Gulcehre et al., Learned-Norm Pooling, ECML 2014
    """

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        self.set_window(kernel_size, stride, 0, 1, ceil_mode)
        if not norm_type > 0:
            raise ValueError(f"{type(self).__name__}(norm_type={norm_type!r}): has to be above 0.")
        self.norm_type = norm_type
        self.x = self.out = self.scale = None  # saved by forward for backward

    def forward(self, x):
        self.out_shape(x.shape)
        p, self.x = self.norm_type, x
        counts = sum(self.window.taps(pad(np.ones(x.shape[-self.dim :]), self.pads(x.shape))))
        self.scale = (math.prod(self.window.kernel) / counts).astype(np.result_type(x, 0.0))
        cols = self.window.im2col(pad(x, self.pads(x.shape)))  # (N, C, K, H', W')
        largest = np.abs(cols).max(axis=-self.dim - 1)
        unit = np.where((largest > 0) & np.isfinite(largest), largest, 1)  # so nothing overflows
        with np.errstate(invalid="ignore"):  # no root of what is negative: NaN, as it should be
            powers = sum((tap / unit) ** p for tap in np.moveaxis(cols, -self.dim - 1, 0))
            self.out = unit * (self.scale * powers) ** (1 / p)
        return self.out

    def backward(self, dout):
        p, pads = self.norm_type, self.pads(self.x.shape)
        x = pad(self.x, pads)
        dx = np.zeros(x.shape, np.result_type(dout, 0.0))
        y = np.where(self.out == 0, np.inf, self.out)
        with np.errstate(invalid="ignore"):
            for tap, dtap in zip(self.window.taps(x), self.window.taps(dx)):
                dtap += dout * self.scale * (tap / y) ** (p - 1)
        return unpad(dx, pads)


class LPPool1d(LPPool):
    """The p-norm of each window of a signal: x (N, C, L) or (C, L). For the options see `LPPool`.

    >>> pool = LPPool1d(2, 2)
    >>> pool.forward(np.array([[3.0, 4.0, 0.0, 5.0]])), pool.backward(np.array([[10.0, 1.0]]))
    (array([[5., 5.]]), array([[6., 8., 0., 1.]]))
    """

    dim = 1


class LPPool2d(LPPool):
    """The p-norm of each window of an image: x (N, C, H, W) or (C, H, W). See `LPPool`.

    >>> pool = LPPool2d(2, (1, 2))
    >>> pool.forward(np.array([[[3.0, 4.0], [6.0, 8.0]]]))
    array([[[ 5.],
            [10.]]])
    >>> pool.backward(np.array([[[1.0], [10.0]]]))
    array([[[0.6, 0.8],
            [6. , 8. ]]])
    """

    dim = 2


class LPPool3d(LPPool):
    """The p-norm of each window of a volume: x (N, C, D, H, W) or (C, D, H, W). See `LPPool`.

    >>> LPPool3d(1, 2).forward(np.ones((1, 2, 2, 2)))
    array([[[[8.]]]])
    """

    dim = 3
