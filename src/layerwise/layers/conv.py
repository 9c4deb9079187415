"""Convolution: a small kernel of weights slides over an image and says where it finds its pattern.

For one image, with stride s, dilation d and padding p:

    y[m, i, j] = b[m] + the sum over c, k, l of  W[m, c, k, l] x[c, i s + k d - p, j s + l d - p]

`loops.conv` is this formula as plain loops, for any number of axes and with groups, and
`loops.conv_transpose` that of the transposed convolution: read them first. They and the layers
say the same.

    >>> from layerwise.layers import loops
    >>> x, conv = np.random.default_rng(0).normal(size=(1, 2, 6, 7)), Conv2d(2, 4, 3, stride=2)
    >>> y = loops.conv(x, conv.W.value, conv.b.value, stride=(2, 2), dilation=(1, 1))
    >>> bool(np.allclose(conv.forward(x), y))
    True

The layers make the pixels under all windows columns (`Window.im2col`), and the loops one product of
matrices, the same for signals (1d), images (2d) and volumes (3d). Letters in the comments:

    N images   C, M channels in and out   G groups   K elements of a kernel   P places of the window
"""

import math

import numpy as np

from ..initializers import chosen, fans, for_kernels, generator, uniform_by_fan_in
from ..parameter import Parameter
from .pad import check_room, pad, unpad
from .sizes import is_whole
from .windows import Window, Windowed

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Kernels(Windowed):
    """What convolutions have in common: channels in groups, and parameters for each group."""

    def set_channels(self, in_channels, out_channels, groups):
        """Check the numbers of channels, and keep them."""
        sizes = in_channels, out_channels, groups
        whole = all(map(is_whole, sizes))
        if not whole or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{type(self).__name__}({in_channels!r}, {out_channels!r}, groups={groups!r}): "
                "give whole numbers from 1 up; groups has to divide both numbers of channels."
            )
        self.in_channels, self.out_channels, self.groups = map(int, sizes)

    def set_parameters(self, shape, bias, init, rng, transposed=False):
        """The kernels W, and b with a number for each channel that comes out."""
        rng = generator(rng)
        start = uniform_by_fan_in(fans(shape)[0])
        draw = for_kernels(chosen(init, start), self.groups, transposed)
        self.W = Parameter.drawn(draw, shape, rng)
        self.bias, self.b = bias, None
        if bias:
            self.b = Parameter.drawn(start, (self.out_channels,), rng)

    def W_matrices(self, x):
        """W as a matrix for each group, in the dtype of x: (G, first axis / G, all others)."""
        return self.W.like(x).reshape(self.groups, self.W.shape[0] // self.groups, -1)

    def in_groups(self, x, rows):
        """Images or columns as matrices, for one image or many: (N, G, rows, P)."""
        return x.reshape(-1, self.groups, rows, math.prod(x.shape[x.ndim - self.dim :]))

    def column_sizes(self, x):
        """The last axes of columns whose places are the pixels of x: (K, H', W')."""
        return (math.prod(self.window.kernel), *x.shape[x.ndim - self.dim :])

    def plus_bias(self, out):
        if self.b is None:
            return out
        return out + self.b.like(out).reshape(-1, *[1] * self.dim)  # (M, 1, 1)

    def add_gradients(self, dout, left, right):
        """Add to db the sum of dout, to dW the sum of left rightᵀ over the images."""
        dW = np.zeros((self.groups, left.shape[2], right.shape[2]), np.result_type(left, right))
        for a, b in zip(left, right):  # one image after the other takes the least memory
            dW += a @ b.swapaxes(-1, -2)  # (G, ..., P) @ (G, P, ...)
        self.W.grad += dW.reshape(self.W.shape)
        if self.b is not None:
            d = dout.reshape(-1, self.out_channels, math.prod(dout.shape[dout.ndim - self.dim :]))
            self.b.grad += d.sum(axis=(0, 2))  # (N, M, P) -> (M,)


class Conv(Kernels):
    """y = how well each kernel fits what is under its window, for every place of the window.

    forward    y = W · columns of x + b, a column for each place: the elements under the window
    backward   dcolumns = Wᵀ dout, and dx adds up the columns of each pixel
               dW = dout columnsᵀ, summed over the batch     db = sum of dout over batch and places
    shapes     x (N, C, *image) or (C, *image), W (M, C / groups, *kernel), b (M,)
               -> y (N, M, *places) or (M, *places)
               places = floor((image + 2 padding - dilation (kernel - 1) - 1) / stride) + 1
    in_channels, out_channels   C and M
    kernel_size, stride, padding, dilation   a whole number, or one for each axis
    padding    also "valid", none, and "same": as many places as pixels (only with stride 1)
    groups     the channels are cut into so many groups that do not see each other; as many as
               channels make a depthwise convolution
    bias       False leaves b out
    padding_mode   "zeros", or copies of pixels: "reflect", "replicate", "circular" (see `Pad`)
    init       makes the first numbers of W, see `initializers`; None: uniform in ±1/√n, as for b,
               n = C / groups * elements of the kernel
    rng        a generator or a seed for the first numbers; None: the graph's seed decides
    errors     ShapeError if x has other axes or channels, or is smaller than the kernel;
               ValueError for options that cannot be
    source     Deep Learning from Scratch, 7.2 and 7.4
    """

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,
        bias=True, padding_mode="zeros", *, init=None, rng=None,
    ):  # fmt: skip
        self.set_channels(in_channels, out_channels, groups)
        kernel = self.option("kernel_size", kernel_size)
        strides, dilations = self.option("stride", stride), self.option("dilation", dilation)
        pads = self.pads(padding, kernel, strides, dilations)
        self.window = Window(kernel, strides, pads, dilations)
        if padding_mode not in PADDING_MODES:
            name = type(self).__name__
            raise ValueError(
                f"{name}(padding_mode={padding_mode!r}): choose one of {PADDING_MODES}."
            )
        self.padding_mode = padding_mode
        self.mode = "constant" if padding_mode == "zeros" else padding_mode
        self.set_parameters((out_channels, in_channels // groups, *kernel), bias, init, rng)
        self.in_shape = self.cols = None  # saved by forward for backward

    def pads(self, padding, kernel, strides, dilations):
        """The padding as pairs (before, after), one for each axis."""
        if not isinstance(padding, str):
            return [(n, n) for n in self.option("padding", padding, least=0)]
        self.padding, name = padding, type(self).__name__
        if padding not in ("same", "valid"):
            raise ValueError(f"{name}(padding={padding!r}): give numbers, 'same' or 'valid'.")
        if padding == "valid":
            return [(0, 0)] * self.dim
        if max(strides) > 1:
            raise ValueError(f"{name}(padding='same', stride={self.stride}): needs stride 1.")
        both = [dilation * (k - 1) for k, dilation in zip(kernel, dilations)]
        return [(n // 2, n - n // 2) for n in both]  # what is odd goes behind

    def out_shape(self, x):
        x = self.checked_shape(x, self.in_channels)
        check_room(self, x, self.window.padding, self.mode)
        return (*x[: -self.dim - 1], self.out_channels, *self.window.out_sizes(self, x))

    def forward(self, x):
        out_shape = self.out_shape(x.shape)
        W = self.W_matrices(x)
        # 1. around the image
        self.in_shape = x.shape
        x = pad(x, self.window.padding, self.mode)
        # 2. all windows as columns: (N, C, H, W) -> (N, C, K, H', W') -> (N, G, C/G K, P)
        self.cols = self.in_groups(self.window.im2col(x), rows=W.shape[2])
        # 3. kernels times columns: (G, M/G, C/G K) @ (N, G, C/G K, P) -> (N, G, M/G, P)
        out = W @ self.cols
        return self.plus_bias(out.reshape(out_shape))

    def backward(self, dout):
        W = self.W_matrices(dout)
        # 3.
        d = self.in_groups(dout, rows=W.shape[1])  # (N, G, M/G, P)
        self.add_gradients(dout, d, self.cols)
        dcols = W.swapaxes(1, 2) @ d  # (G, C/G K, M/G) @ (N, G, M/G, P) -> (N, G, C/G K, P)
        # 2.
        dcols = dcols.reshape(*self.in_shape[: -self.dim], *self.column_sizes(dout))
        dx = self.window.col2im(dcols, self.window.padded(self.in_shape))  # (N, C, H, W)
        # 1.
        return unpad(dx, self.window.padding, self.mode)


class Conv1d(Conv):
    """The convolution of signals: x (N, C, L) or (C, L). For the options see `Conv`.

    >>> slope = Conv1d(1, 1, 2, bias=False)          # how much larger is the next number?
    >>> slope.W.value = [[[-1, 1]]]
    >>> slope.forward(np.array([[1.0, 4.0, 9.0]])), slope.backward(np.array([[1.0, 10.0]]))
    (array([[3., 5.]]), array([[-1., -9., 10.]]))
    """

    dim = 1


class Conv2d(Conv):
    """The convolution of images: x (N, C, H, W) or (C, H, W). For the options see `Conv`.

    >>> total = Conv2d(1, 1, 2, padding=1, stride=2)
    >>> total.W.value[:], total.b.value[:] = 1, 0.5   # the sum of four pixels, and a half
    >>> total.forward(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    array([[[1.5, 2.5],
            [3.5, 4.5]]])
    >>> total.backward(np.array([[[1.0, 0.0], [0.0, 5.0]]]))
    array([[[1., 0.],
            [0., 5.]]])
    >>> total.W.grad.tolist(), total.b.grad
    ([[[[20.0, 0.0], [0.0, 1.0]]]], array([6.], dtype=float32))
    """

    dim = 2


class Conv3d(Conv):
    """The convolution of volumes: x (N, C, D, H, W) or (C, D, H, W). For the options see `Conv`.

    >>> conv = Conv3d(3, 8, (1, 3, 3), padding="same")
    >>> conv.W.shape, conv.forward(np.zeros((2, 3, 4, 5, 6))).shape
    ((8, 3, 1, 3, 3), (2, 8, 4, 5, 6))
    """

    dim = 3


class ConvTranspose(Kernels):
    """y = each number of x times the kernel, laid on the image at its place, and all added up.

    It is the backward of `Conv` used forward, and makes small images large.

    forward    columns = Wᵀ x, and y adds up the columns of each pixel, + b
    backward   dx = W · columns of dout     dW = x columnsᵀ, summed over the batch
               db = sum of dout over batch and pixels
    shapes     x (N, C, *places) or (C, *places), W (C, M / groups, *kernel), b (M,)
               -> y (N, M, *image) or (M, *image)
               image = (places - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding
    in_channels, out_channels   C and M
    kernel_size, stride, padding, dilation   a whole number, or one for each axis, of the
               convolution from y to x: padding is cropped from y
    output_padding   rows added behind: with a stride, images of several sizes give the same places
    groups     the channels are cut into so many groups that do not see each other
    bias       False leaves b out
    init       makes the first numbers of W, see `initializers`; None: uniform in ±1/√n, as for b,
               n = M / groups * elements of the kernel, as in PyTorch
    rng        a generator or a seed for the first numbers; None: the graph's seed decides
    errors     ShapeError if x has other axes or channels, or the padding leaves nothing of y;
               ValueError for options that cannot be
    source     Zeiler et al., Deconvolutional Networks, CVPR 2010
    """

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0,
        groups=1, bias=True, dilation=1, *, init=None, rng=None,
    ):  # fmt: skip
        self.set_channels(in_channels, out_channels, groups)
        kernel = self.option("kernel_size", kernel_size)
        strides, dilations = self.option("stride", stride), self.option("dilation", dilation)
        more = self.option("output_padding", output_padding, least=0)
        if any(n >= max(s, d) for n, s, d in zip(more, strides, dilations)):
            raise ValueError(
                f"{type(self).__name__}(output_padding={self.output_padding}): "
                "has to be smaller than the stride or the dilation."
            )
        pads = [(n, n - m) for n, m in zip(self.option("padding", padding, least=0), more)]
        self.window = Window(kernel, strides, pads, dilations)
        shape = (in_channels, out_channels // groups, *kernel)
        self.set_parameters(shape, bias, init, rng, transposed=True)
        self.x = self.in_shape = None  # saved by forward for backward

    def out_shape(self, x):
        x = self.checked_shape(x, self.in_channels)
        return (*x[: -self.dim - 1], self.out_channels, *self.window.image_sizes(self, x))

    def forward(self, x):
        out_shape = self.out_shape(x.shape)
        W = self.W_matrices(x)
        self.in_shape = x.shape
        # 1. numbers times kernels: (G, M/G K, C/G) @ (N, G, C/G, P) -> (N, G, M/G K, P)
        self.x = self.in_groups(x, rows=W.shape[1])
        cols = W.swapaxes(1, 2) @ self.x
        # 2. each column laid on the image: (N, M, K, H', W') -> (N, M, H, W)
        cols = cols.reshape(*out_shape[: -self.dim], *self.column_sizes(x))
        out = self.window.col2im(cols, self.window.padded(out_shape))
        # 3. around the image
        return self.plus_bias(unpad(out, self.window.padding))

    def backward(self, dout):
        W = self.W_matrices(dout)
        # 3.
        d = pad(dout, self.window.padding)
        # 2.
        dcols = self.in_groups(self.window.im2col(d), rows=W.shape[2])  # (N, G, M/G K, P)
        # 1.
        self.add_gradients(dout, self.x, dcols)
        dx = W @ dcols  # (G, C/G, M/G K) @ (N, G, M/G K, P) -> (N, G, C/G, P)
        return dx.reshape(self.in_shape)


class ConvTranspose1d(ConvTranspose):
    """The transposed convolution of signals: x (N, C, L) or (C, L). See `ConvTranspose`.

    >>> bell = ConvTranspose1d(1, 1, 3, stride=2, bias=False)
    >>> bell.W.value = [[[0.5, 1, 0.5]]]              # between two numbers stands their mean
    >>> bell.forward(np.array([[2.0, 4.0]])), bell.backward(np.array([[0.0, 0, 10, 0, 0]]))
    (array([[1., 2., 3., 4., 2.]]), array([[5., 5.]]))
    """

    dim = 1


class ConvTranspose2d(ConvTranspose):
    """The transposed convolution of images: x (N, C, H, W) or (C, H, W). See `ConvTranspose`.

    >>> stamp = ConvTranspose2d(1, 1, 2, stride=2, bias=False)
    >>> stamp.W.value[:] = [[1, 2], [3, 4]]
    >>> stamp.forward(np.array([[[1.0, 10.0]]]))
    array([[[ 1.,  2., 10., 20.],
            [ 3.,  4., 30., 40.]]])
    >>> stamp.backward(np.array([[[1.0, 1, 0, 0], [1, 1, 0, 1]]]))
    array([[[10.,  4.]]])
    """

    dim = 2


class ConvTranspose3d(ConvTranspose):
    """The transposed convolution of volumes: x (N, C, D, H, W) or (C, D, H, W).

    For the options see `ConvTranspose`.

    >>> up = ConvTranspose3d(3, 8, 2, stride=2)
    >>> up.W.shape, up.forward(np.zeros((2, 3, 4, 5, 6))).shape
    ((3, 8, 2, 2, 2), (2, 8, 8, 10, 12))
    """

    dim = 3
