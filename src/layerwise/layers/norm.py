"""Normalisation: numbers are brought to mean 0 and variance 1, then to what the network learns.

All of these layers compute y = gamma xn + beta. They differ in the numbers that mean and variance
are taken from: of a group of channels of one image (GroupNorm), of one row (LayerNorm, RMSNorm),
and, in batch_norm.py, of one channel over the batch (BatchNorm) or of one image (InstanceNorm).
LocalResponseNorm, older than all of them, looks at the channels beside each one.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..errors import ShapeError
from ..initializers import ones, zeros
from ..layer import Layer
from ..parameter import Parameter
from .arithmetic import unbroadcast
from .sizes import check_sizes


def wide(x):
    """x in float32 at least: the squares of large numbers do not fit into float16."""
    return np.asarray(x, np.result_type(x, 0.0, np.float32))


def narrowed(y, x):
    """y in the dtype of x, from which it was computed; whole numbers give float64."""
    return y.astype(np.result_type(x, 0.0), copy=False)


def mean(x, axes):
    """The mean over some axes, which stay with size 1; of no numbers it is 0.

    The sum is taken in float64, so that the mean of equal floats is that float: otherwise x - mu
    would be a rounding error, and dividing it by √eps would make it count.
    """
    total = np.sum(x, axis=axes, keepdims=True, dtype=np.float64)
    return (total / max(x.size // max(total.size, 1), 1)).astype(x.dtype)


def moments(x, axes):
    """The mean, what x is beside it, and the mean of the squares of that: mu, xc, var."""
    mu = mean(x, axes)
    xc = x - mu
    return mu, xc, mean(xc * xc, axes)


def back_through_moments(dxn, xn, std, axes):
    """The gradient of x from that of xn = (x - mu) / std, where x decides mu and std too."""
    return (dxn - mean(dxn, axes) - xn * mean(dxn * xn, axes)) / std


def check_eps(layer, eps):
    if not eps >= 0:
        raise ValueError(f"{type(layer).__name__}(eps={eps!r}): give a small number from 0 up.")


class Normalization(Layer):
    """What all of them have in common: y = gamma xn + beta, where there is a gamma and a beta."""

    def set_scale(self, shape, gamma, beta):
        """Start at y = xn: gamma is 1 and beta is 0."""
        self.gamma = Parameter.drawn(ones, shape) if gamma else None
        self.beta = Parameter.drawn(zeros, shape) if gamma and beta else None

    def aligned(self, numbers, x):
        """Numbers for each channel, lined up with the axis 1 of x: (C,) -> (C, 1, 1)."""
        return numbers.like(x).reshape(-1, *[1] * (x.ndim - 2))

    def scaled(self, xn):
        out = xn if self.gamma is None else xn * self.aligned(self.gamma, xn)
        return out if self.beta is None else out + self.aligned(self.beta, xn)

    def back_through_scale(self, dout, xn):
        """Adds to dgamma and dbeta, and returns dxn."""
        if self.beta is not None:
            dbeta = unbroadcast(dout, self.aligned(self.beta, xn))
            self.beta.grad += dbeta.reshape(self.beta.shape)
        if self.gamma is None:
            return dout
        gamma = self.aligned(self.gamma, xn)
        self.gamma.grad += unbroadcast(dout * xn, gamma).reshape(self.gamma.shape)
        return dout * gamma


class GroupNorm(Normalization):
    """The channels of each image in groups, each group brought to mean 0 and variance 1.

    forward    xn = (x - mu) / √(var + eps)     y = gamma xn + beta
    backward   dgamma = sum of dout xn     dbeta = sum of dout     dxn = dout gamma
               dx = (dxn - mean of dxn - xn (mean of dxn xn)) / √(var + eps), means in the group
    shapes     x (N, C) or (N, C, ...), gamma and beta (C,) -> as x
    num_groups, num_channels   how many groups, and C
    eps        keeps a group whose values are all equal from being divided by 0
    variance   by n values (biased); the same in inference, nothing runs along
    affine, bias   affine=False leaves out gamma and beta, bias=False beta; PyTorch calls the two
               weight and bias
    errors     ShapeError if x has not C channels; ValueError if C does not go up in groups
    source     Wu and He, 2018, arXiv:1803.08494

    >>> norm = GroupNorm(2, 6)
    >>> norm.forward(np.array([[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]])).round(3)
    array([[-1.225,  0.   ,  1.225, -1.225,  0.   ,  1.225]])
    >>> norm.backward(np.array([[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])).round(3)
    array([[ 0.204, -0.408,  0.204,  0.   ,  0.   ,  0.   ]])
    """

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, *, bias=True):
        check_sizes(self, num_groups=num_groups, num_channels=num_channels)
        check_eps(self, eps)
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm({num_groups}, {num_channels}): {num_channels} channels do not go up "
                f"in {num_groups} groups. Give a number of groups that divides them."
            )
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine, self.bias = eps, affine, bias
        self.set_scale((num_channels,), affine, bias)
        self.std = self.xn = None  # saved by forward for backward

    def out_shape(self, x):
        if ... not in x and (len(x) < 2 or x[1] not in (self.num_channels, None)):
            raise ShapeError(self, f"inputs of the shape (N, {self.num_channels}, ...)", x)
        return x

    def in_groups(self, x):
        size = self.num_channels // self.num_groups * math.prod(x.shape[2:])
        return x.reshape(x.shape[0], self.num_groups, size)  # (N, C, H, W) -> (N, G, C/G H W)

    def forward(self, x):
        self.out_shape(np.shape(x))
        given, x = x, wide(x)
        _, xc, var = moments(self.in_groups(x), 2)  # var (N, G, 1)
        self.std = np.sqrt(var + self.eps)
        self.xn = (xc / self.std).reshape(x.shape)
        return narrowed(self.scaled(self.xn), given)

    def backward(self, dout):
        dxn = self.back_through_scale(wide(dout), self.xn)
        dxn, xn = self.in_groups(dxn), self.in_groups(self.xn)
        dx = back_through_moments(dxn, xn, self.std, 2)
        return narrowed(dx.reshape(dout.shape), dout)


class RowNorm(Normalization):
    """What LayerNorm and RMSNorm have in common: they work on the last axes of x."""

    def set_shape(self, normalized_shape):
        several = isinstance(normalized_shape, (tuple, list))
        shape = tuple(normalized_shape) if several else (normalized_shape,)
        if not shape:
            raise ValueError(f"{type(self).__name__}(()): give the size of one axis at least.")
        for size in shape:
            check_sizes(self, normalized_shape=size)
        self.normalized_shape = tuple(map(int, shape))
        self.axes = tuple(range(-len(shape), 0))  # the last ones

    def aligned(self, numbers, x):
        return numbers.like(x)  # they stand behind each other, as the last axes do

    def out_shape(self, x):
        shape = self.normalized_shape
        known = ... in x or len(x) >= len(shape)
        ends = zip(x[::-1], shape[::-1])
        if not known or any(n not in (wanted, None, ...) for n, wanted in ends):
            ending = ", ".join(map(str, shape))
            raise ShapeError(self, f"inputs of the shape (..., {ending})", x)
        return x


class LayerNorm(RowNorm):
    """Each row is brought to mean 0 and variance 1 by itself.

    forward    xn = (x - mu) / √(var + eps)     y = gamma xn + beta
    backward   dgamma = sum of dout xn     dbeta = sum of dout     dxn = dout gamma
               dx = (dxn - mean of dxn - xn (mean of dxn xn)) / √(var + eps), means in the row
    shapes     x (..., D), gamma and beta (D,) -> as x; a row may have several axes
    normalized_shape   D, or the sizes of the last axes: what counts as one row
    eps        keeps a row whose values are all equal from being divided by 0
    variance   by n values (biased); the same in inference, nothing runs along
    elementwise_affine, bias   elementwise_affine=False leaves out gamma and beta, bias=False
               beta; PyTorch calls the two weight and bias
    errors     ShapeError if x ends in other axes; ValueError for sizes below 1
    source     Ba, Kiros and Hinton, 2016, arXiv:1607.06450

    >>> norm = LayerNorm(3)
    >>> norm.forward(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])).round(3)
    array([[-1.225,  0.   ,  1.225],
           [-1.225,  0.   ,  1.225]])
    >>> norm.backward(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])).round(3)
    array([[ 0.204, -0.408,  0.204],
           [ 0.02 , -0.041,  0.02 ]])
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True):
        check_eps(self, eps)
        self.set_shape(normalized_shape)
        self.eps, self.elementwise_affine, self.bias = eps, elementwise_affine, bias
        self.set_scale(self.normalized_shape, elementwise_affine, bias)
        self.std = self.xn = None  # saved by forward for backward

    def forward(self, x):
        self.out_shape(np.shape(x))
        _, xc, var = moments(wide(x), self.axes)
        self.std = np.sqrt(var + self.eps)
        self.xn = xc / self.std
        return narrowed(self.scaled(self.xn), x)

    def backward(self, dout):
        dxn = self.back_through_scale(wide(dout), self.xn)
        return narrowed(back_through_moments(dxn, self.xn, self.std, self.axes), dout)


class RMSNorm(RowNorm):
    """Each row is divided by its root mean square: LayerNorm without the mean and without beta.

    forward    xn = x / rms, rms = √(mean of x² + eps)     y = gamma xn
    backward   dgamma = sum of dout xn     dxn = dout gamma
               dx = (dxn - xn (mean of dxn xn)) / rms
    shapes     x (..., D), gamma (D,) -> as x; a row may have several axes
    normalized_shape   D, or the sizes of the last axes: what counts as one row
    eps        keeps a row of zeros from being divided by 0; None: the distance from 1 to the next
               float of the type that is computed in, 1.2e-7 for float32 (and for float16)
    elementwise_affine   False leaves out gamma, which PyTorch calls weight
    errors     ShapeError if x ends in other axes; ValueError for sizes below 1
    source     Zhang and Sennrich, 2019, arXiv:1910.07467

    >>> norm = RMSNorm(2)
    >>> norm.forward(np.array([[1.0, 7.0], [30.0, 40.0]])).round(3)
    array([[0.2  , 1.4  ],
           [0.849, 1.131]])
    >>> norm.backward(np.array([[1.0, 0.0], [1.0, 0.0]])).round(3)
    array([[ 0.196, -0.028],
           [ 0.018, -0.014]])
    """

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True):
        if eps is not None:
            check_eps(self, eps)
        self.set_shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.set_scale(self.normalized_shape, elementwise_affine, False)
        self.rms = self.xn = None  # saved by forward for backward

    def forward(self, x):
        self.out_shape(np.shape(x))
        given, x = x, wide(x)
        eps = np.finfo(x.dtype).eps if self.eps is None else self.eps
        self.rms = np.sqrt(mean(x * x, self.axes) + eps)
        self.xn = x / self.rms
        return narrowed(self.scaled(self.xn), given)

    def backward(self, dout):
        dxn = self.back_through_scale(wide(dout), self.xn)
        return narrowed((dxn - self.xn * mean(dxn * self.xn, self.axes)) / self.rms, dout)


class LocalResponseNorm(Layer):
    """Each value is damped by the squares of its neighbours in the channels beside it.

    forward    y = x / d^beta     d = k + alpha (sum of x² over the window) / size
    backward   dx = dout / d^beta - 2 alpha beta / size x (sum of dout x / d^(beta + 1) over the
               channels in whose window x stands)
    shapes     x (N, C) or (N, C, ...) -> as x
    size       how many channels a window has: size // 2 before the channel, itself, the rest
               behind it; beyond the first and the last channel there is nothing to add
    alpha, beta, k   how much, how strongly, and what d is where all is 0
    errors     ShapeError if x has no channels; ValueError if size is below 1
    source     Krizhevsky, Sutskever and Hinton, 2012, 3.3 (there alpha is not divided by size)

    >>> norm = LocalResponseNorm(2, alpha=2.0, beta=0.5, k=0.0)
    >>> norm.forward(np.array([[3.0, 4.0]])), norm.backward(np.array([[0.0, 1.0]])).round(3)
    (array([[1. , 0.8]]), array([[-0.096,  0.072]]))
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        check_sizes(self, size=size)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k
        self.x = self.d = None  # saved by forward for backward

    def out_shape(self, x):
        if ... not in x and len(x) < 2:
            raise ShapeError(self, "inputs of the shape (N, C, ...)", x)
        return x

    def window_sum(self, x, before):
        """For each channel the sum over its window, which starts so many channels before it."""
        beside = [(0, 0)] * x.ndim
        beside[1] = (before, self.size - 1 - before)
        return sliding_window_view(np.pad(x, beside), self.size, axis=1).sum(axis=-1)

    def forward(self, x):
        self.out_shape(np.shape(x))
        self.x = wide(x)
        around = self.window_sum(self.x * self.x, self.size // 2)
        self.d = self.k + self.alpha / self.size * around
        return narrowed(self.x / self.d**self.beta, x)

    def backward(self, dout):
        d, beta = wide(dout), self.beta
        share = self.window_sum(d * self.x / self.d ** (beta + 1), (self.size - 1) // 2)
        dx = d / self.d**beta - 2 * self.alpha * beta / self.size * self.x * share
        return narrowed(dx, dout)
