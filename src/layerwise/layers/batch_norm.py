"""Normalisation of each channel, with statistics that run along for inference.

BatchNorm takes the mean and the variance of a channel over the whole batch, InstanceNorm over one
image. What both share with the other normalisations is in norm.py.
"""

import math

import numpy as np

from ..errors import ShapeError
from ..initializers import ones, zeros
from ..parameter import Buffer
from .norm import (
    Normalization,
    back_through_moments,
    check_eps,
    mean,
    moments,
    narrowed,
    wide,
)
from .sizes import check_sizes


class ChannelNorm(Normalization):
    """What BatchNorm and InstanceNorm have in common: the running statistics of each channel."""

    spatial = ""  # the axes that x has to have behind the channels
    each = "channel"  # what has a mean and a variance of its own
    hint = "Give a larger batch. In inference, with running statistics, one row will do."

    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, bias=True
    ):
        check_sizes(self, num_features=num_features)
        check_eps(self, eps)
        if momentum is not None and not 0 <= momentum <= 1:
            raise ValueError(
                f"{type(self).__name__}(momentum={momentum!r}): give a share from 0 to 1, or None."
            )
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats, self.bias = affine, track_running_stats, bias
        self.set_scale((num_features,), affine, bias)
        self.running_mean = self.running_var = self.num_batches_tracked = None
        if track_running_stats:
            self.running_mean = Buffer.drawn(zeros, (num_features,))  # (C,)
            self.running_var = Buffer.drawn(ones, (num_features,))  # (C,)
            self.num_batches_tracked = Buffer(np.array(0))

    def out_shape(self, x):
        if ... in x:
            return x
        enough = len(x) >= (3 if self.spatial else 2)
        if not enough or x[1] not in (self.num_features, None):
            wanted = f"inputs of the shape (N, {self.num_features}, {self.spatial}...)"
            hint = f"Did you mean {type(self).__name__}({x[1]})?" if enough else ""
            raise ShapeError(self, wanted, x, hint)
        return x

    def refuse_one(self, n, x):
        """The variance of one value is 0, and so would be xn, whatever x is."""
        if n == 1:
            wanted = f"more than one value per {self.each} to take a variance of"
            raise ShapeError(self, wanted, x.shape, self.hint)

    def follow(self, mu, var, n):
        """Let the running statistics follow those of this input, of n values each."""
        if not self.training or not self.track_running_stats or not mu.size or not n:
            return
        self.num_batches_tracked.value += 1
        share = self.momentum
        if share is None:
            share = 1 / self.num_batches_tracked.value  # then they are the mean of all batches
        unbiased = var * (n / (n - 1))
        for running, new in ((self.running_mean, mu), (self.running_var, unbiased)):
            running.value += share * (new.mean(axis=0).ravel() - running.value)


class BatchNorm(ChannelNorm):
    """Each channel is brought to mean 0 and variance 1 over the whole batch.

    forward    xn = (x - mu) / √(var + eps)     y = gamma xn + beta
    backward   dgamma = sum of dout xn     dbeta = sum of dout     dx by the steps (6) to (1);
               in inference, where mu and var are fixed, dx = dout gamma / √(var + eps)
    shapes     x (N, C) or (N, C, ...), gamma and beta (C,) -> as x
    num_features   C
    eps        keeps a channel whose values are all equal from being divided by 0
    momentum   the share of the newest batch in the running statistics, which are taken for mu
               and var in inference: running = (1 - momentum) running + momentum new; None: the
               mean of all batches. (What the book calls momentum is 1 - momentum.)
    variance   by n values to normalise with (biased); by n - 1 for running_var (unbiased)
    affine, bias   affine=False leaves out gamma and beta, bias=False beta; PyTorch calls the two
               weight and bias
    track_running_stats   False: mu and var are always those of the batch
    errors     ShapeError if x has not C channels, and for one value per channel in training;
               ValueError for options that make no sense
    source     Ioffe and Szegedy, 2015, arXiv:1502.03167; Deep Learning from Scratch, 6.3

    >>> norm = BatchNorm(1)
    >>> norm.forward(np.array([[1.0], [3.0], [5.0], [7.0]])).round(3).ravel()
    array([-1.342, -0.447,  0.447,  1.342])
    >>> norm.backward(np.array([[1.0], [0.0], [0.0], [0.0]])).round(3).ravel()
    array([ 0.134, -0.179, -0.045,  0.089])
    >>> norm.running_mean.value, norm.running_var.value.round(3)
    (array([0.4], dtype=float32), array([1.567], dtype=float32))
    """

    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, *,
        bias=True,
    ):  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias)
        self.xc = self.std = self.xn = self.axes = None  # saved by forward for backward
        self.fixed = None  # likewise: whether mu and var were the running ones

    def forward(self, x):
        self.out_shape(np.shape(x))
        given, x = x, wide(x)
        self.axes = (0, *range(2, x.ndim))  # all but the channels
        self.fixed = self.track_running_stats and not self.training
        if self.fixed:
            self.xc = x - self.aligned(self.running_mean, x)
            var = self.aligned(self.running_var, x)
        else:
            n = x.size // self.num_features  # values per channel
            self.refuse_one(n, x)
            mu = mean(x, self.axes)  # (1)  (N, C, H, W) -> (1, C, 1, 1)
            self.xc = x - mu  # (2)
            var = mean(self.xc * self.xc, self.axes)  # (3)
            self.follow(mu, var, n)
        self.std = np.sqrt(var + self.eps)  # (4)
        self.xn = self.xc / self.std  # (5)
        return narrowed(self.scaled(self.xn), given)  # (6)

    def backward(self, dout):
        dxn = self.back_through_scale(wide(dout), self.xn)  # (6)
        dxc = dxn / self.std  # (5)
        if self.fixed:
            return narrowed(dxc, dout)
        n = dxc.size // self.num_features
        dstd = -np.sum(dxn * self.xc, self.axes, keepdims=True) / self.std**2  # (5)
        dvar = 0.5 * dstd / self.std  # (4)
        dxc += 2.0 / max(n, 1) * self.xc * dvar  # (3)
        dmu = np.sum(dxc, self.axes, keepdims=True)  # (2)
        return narrowed(dxc - dmu / max(n, 1), dout)  # (1)


class InstanceNorm(ChannelNorm):
    """Each channel of each image is brought to mean 0 and variance 1 by itself.

    forward    xn = (x - mu) / √(var + eps)     y = gamma xn + beta
    backward   dgamma = sum of dout xn     dbeta = sum of dout     dxn = dout gamma
               dx = (dxn - mean of dxn - xn (mean of dxn xn)) / √(var + eps), or, with running
               statistics in inference, dx = dxn / √(var + eps)
    shapes     x (N, C, L) or (N, C, H, W) or with more axes, gamma and beta (C,) -> as x
    num_features   C
    eps        keeps a channel whose values are all equal from being divided by 0
    momentum   the share of the newest batch in the running statistics, as for BatchNorm
    variance   by n values to normalise with (biased); by n - 1 for running_var (unbiased)
    affine, bias   affine=True learns gamma and beta, with bias=False gamma alone; PyTorch calls
               the two weight and bias
    track_running_stats   True: in inference mu and var are the means over past images
    errors     ShapeError if x has not C channels, and for images of one value in training;
               ValueError for options that make no sense
    source     Ulyanov et al., 2016, arXiv:1607.08022

    >>> norm = InstanceNorm(1)
    >>> norm.forward(np.array([[[1.0, 2.0, 3.0]], [[10.0, 20.0, 30.0]]])).round(3)
    array([[[-1.225,  0.   ,  1.225]],
    <BLANKLINE>
           [[-1.225,  0.   ,  1.225]]])
    >>> norm.backward(np.array([[[1.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]]])).round(3)
    array([[[ 0.204, -0.408,  0.204]],
    <BLANKLINE>
           [[ 0.02 , -0.041,  0.02 ]]])
    """

    spatial = "L, "
    each = "channel and image"
    hint = "Give larger images."

    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False, *,
        bias=True,
    ):  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias)
        self.std = self.xn = self.axes = None  # saved by forward for backward
        self.fixed = None  # likewise: whether mu and var were the running ones

    def forward(self, x):
        self.out_shape(np.shape(x))
        given, x = x, wide(x)
        self.axes = tuple(range(2, x.ndim))
        self.fixed = self.track_running_stats and not self.training
        if self.fixed:
            xc = x - self.aligned(self.running_mean, x)
            var = self.aligned(self.running_var, x)
        else:
            n = math.prod(x.shape[2:])  # values per channel and image
            self.refuse_one(n, x)
            mu, xc, var = moments(x, self.axes)
            self.follow(mu, var, n)
        self.std = np.sqrt(var + self.eps)
        self.xn = xc / self.std
        return narrowed(self.scaled(self.xn), given)

    def backward(self, dout):
        dxn = self.back_through_scale(wide(dout), self.xn)
        if self.fixed:
            return narrowed(dxn / self.std, dout)
        return narrowed(back_through_moments(dxn, self.xn, self.std, self.axes), dout)
