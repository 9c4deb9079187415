"""Layers that draw random numbers while training. Outside training nothing is random."""

import numpy as np

from ..errors import ShapeError
from .arithmetic import Elementwise
from .rectifier import SELU_ALPHA, SELU_SCALE


class Random(Elementwise):
    """What all random layers have in common: a generator of their own, `rng`."""

    def __init__(self, rng=None):
        self.rng = np.random.default_rng(rng)
        self.rng_is_free = rng is None  # then a graph's seed may replace it


class Dropout(Random):
    """While training, sets each element to 0 with probability p and scales the others up.

    forward    y = x m / (1 - p), m drawn as 0 or 1     y = x when not training
    backward   dx = dout m / (1 - p)                    dx = dout when not training
    shapes     any -> the same
    p          the probability of dropping an element, 0 to 1
    rng        a generator or a seed; None: the graph's seed decides
    errors     ValueError if p is not a probability
    source     Srivastava et al., Dropout, JMLR 15 (2014); Deep Learning from Scratch, 6.4.3

    >>> dropout = Dropout(0.5, rng=0)
    >>> dropout.forward(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    >>> dropout.backward(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    """

    def __init__(self, p=0.5, *, rng=None):
        if not 0 <= p <= 1:
            raise ValueError(
                f"{type(self).__name__}(p={p}): p is a probability. Give a number from 0 to 1."
            )
        super().__init__(rng)
        self.p = p
        self.mask = None  # saved by forward for backward: 0 or 1 / (1 - p) for each element

    def forward(self, x):
        if not self.training or self.p == 0:
            self.mask = None
            return x
        scale = 0 if self.p == 1 else 1 / (1 - self.p)
        self.mask = np.where(self.kept(x), scale, 0).astype(np.result_type(x, 0.0), copy=False)
        return x * self.mask

    def backward(self, dout):
        return dout * 1 if self.mask is None else dout * self.mask

    def kept(self, x):
        """Draw which elements stay: True with probability 1 - p."""
        return self.rng.random(np.shape(x)) >= self.p


class Dropout2d(Dropout):
    """While training, drops whole channels with probability p and scales the others up.

    forward    y = x m / (1 - p), one m for each channel     y = x when not training
    backward   dx = dout m / (1 - p)                         dx = dout when not training
    shapes     x (N, C, H, W) -> the same; any number of axes may come behind C
    p          the probability of dropping a channel, 0 to 1
    rng        a generator or a seed; None: the graph's seed decides
    errors     ValueError if p is not a probability; ShapeError for inputs without axis 1
    source     Tompson et al., Efficient object localization using convolutional networks, 2015:
               neighbours in an image are so alike that dropping single ones hides little

    >>> dropout = Dropout2d(0.5, rng=0)
    >>> dropout.forward(np.ones((1, 3, 1, 2)))
    array([[[[2., 2.]],
    <BLANKLINE>
            [[0., 0.]],
    <BLANKLINE>
            [[0., 0.]]]])
    >>> dropout.backward(np.ones((1, 3, 1, 2))).ravel()
    array([2., 2., 0., 0., 0., 0.])
    """

    def out_shape(self, x):
        if len(x) < 2 and ... not in x:
            raise ShapeError(self, "inputs with the axes N, C", x)
        return x

    def forward(self, x):
        self.out_shape(np.shape(x))
        return super().forward(x)

    def kept(self, x):
        return self.rng.random((*x.shape[:2], *[1] * (x.ndim - 2))) >= self.p  # (N, C, 1, 1)


class AlphaDropout(Dropout):
    """While training, sets each element to SELU's lowest value with probability p.

    A scale a and a shift then bring back the mean 0 and the variance 1 that SELU keeps.

    forward    y = a (x m + low (1 - m) - low p), m drawn as 0 or 1     y = x when not training
               low = -1.758..., a = 1 / √((1 - p) (1 + p low²))
    backward   dx = dout a m                                            dx = dout
    shapes     any -> the same
    p          the probability of dropping an element, 0 to 1
    rng        a generator or a seed; None: the graph's seed decides
    errors     ValueError if p is not a probability
    source     Klambauer et al., Self-normalizing neural networks, 2017

    >>> dropout = AlphaDropout(0.5, rng=0)
    >>> dropout.forward(np.ones(3)).round(4)
    array([ 1.6656, -0.7792, -0.7792])
    >>> dropout.backward(np.ones(3)).round(4)
    array([0.8864, 0.    , 0.    ])
    """

    def forward(self, x):
        if not self.training or self.p == 0:
            self.mask = None
            return x
        low, p = -SELU_SCALE * SELU_ALPHA, self.p
        scale = 0 if p == 1 else ((1 - p) * (1 + p * low * low)) ** -0.5
        kept, dtype = self.kept(x), np.result_type(x, 0.0)
        self.mask = np.where(kept, scale, 0).astype(dtype, copy=False)
        shift = np.where(kept, -low * p, low - low * p).astype(dtype, copy=False)
        return x * self.mask + scale * shift


class GaussianNoise(Random):
    """While training, adds to each element a number drawn from a normal distribution.

    forward    y = x + std z, z drawn with mean 0 and variance 1     y = x when not training
    backward   dx = dout
    shapes     any -> the same
    std        the standard deviation of the noise, in the unit of x
    rng        a generator or a seed; None: the graph's seed decides
    errors     ValueError if std is below 0
    source     Bishop, Training with noise is equivalent to Tikhonov regularization, 1995

    >>> noise = GaussianNoise(0.1, rng=0)
    >>> noise.forward(np.zeros(3)).round(4), noise.backward(np.ones(3))
    (array([ 0.0126, -0.0132,  0.064 ]), array([1., 1., 1.]))
    """

    def __init__(self, std, *, rng=None):
        if not std >= 0:
            raise ValueError(f"GaussianNoise({std}): std is a deviation. Give 0 or more.")
        super().__init__(rng)
        self.std = std

    def forward(self, x):
        if not self.training:
            return x
        noise = self.std * self.rng.standard_normal(np.shape(x))
        return x + np.asarray(noise, np.result_type(x, 0.0))

    def backward(self, dout):
        return dout * 1


class RReLU(Random):
    """y = x where x > 0, else a x, the slope a drawn for each element while training.

    forward    a between lower and upper                a = (lower + upper) / 2 when not training
    backward   dx = dout where x > 0, else a dout
    shapes     any -> the same
    lower, upper   the bounds of the slope
    rng        a generator or a seed; None: the graph's seed decides
    errors     ValueError if lower is above upper
    source     Xu et al., Empirical evaluation of rectified activations, 2015

    >>> rrelu = RReLU(0.0, 1.0, rng=0)
    >>> rrelu.forward(np.array([2.0, -2.0])).round(4), rrelu.backward(np.ones(2)).round(4)
    (array([ 2.    , -0.5396]), array([1.    , 0.2698]))
    """

    def __init__(self, lower=1 / 8, upper=1 / 3, *, rng=None):
        if lower > upper:
            raise ValueError(
                f"RReLU(lower={lower}, upper={upper}): lower is above upper. Swap them."
            )
        super().__init__(rng)
        self.lower, self.upper = lower, upper
        self.slope = None  # saved by forward for backward: 1 on the right, a on the left

    def forward(self, x):
        a = (self.lower + self.upper) / 2
        if self.training:
            a = self.rng.uniform(self.lower, self.upper, np.shape(x))
        self.slope = np.where(np.greater(x, 0), 1, a).astype(np.result_type(x, 0.0), copy=False)
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope
