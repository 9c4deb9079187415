"""Activations made of straight pieces: cheap, and their slopes are plain to see.

At a corner the slope is taken as that of the flatter piece, as in PyTorch.
"""

import numpy as np

from .arithmetic import Elementwise


class Hardtanh(Elementwise):
    """y = x kept between min_val and max_val, elementwise; the slope at both ends is taken as 0.

    backward   dx = dout where min_val < x < max_val, else 0
    shapes     any -> the same
    min_val, max_val   the ends
    errors     ValueError if min_val is not below max_val

    >>> hardtanh = Hardtanh()
    >>> hardtanh.forward(np.array([-3.0, 0.5, 1.0])), hardtanh.backward(np.ones(3))
    (array([-1. ,  0.5,  1. ]), array([0., 1., 0.]))
    """

    def __init__(self, min_val=-1.0, max_val=1.0):
        if not min_val < max_val:
            raise ValueError(
                f"{type(self).__name__}(min_val={min_val}, max_val={max_val}): give a min_val "
                "below max_val."
            )
        self.min_val, self.max_val = min_val, max_val
        self.inside = None  # saved by forward for backward

    def forward(self, x):
        outside = (x <= self.min_val) | (x >= self.max_val)
        self.inside = np.logical_not(outside)  # NaN counts as inside, and stays
        return np.clip(x, self.min_val, self.max_val)

    def backward(self, dout):
        return np.where(self.inside, dout, 0)


class ReLU6(Hardtanh):
    """y = x kept between 0 and 6, elementwise; the slope at both ends is taken as 0.

    backward   dx = dout where 0 < x < 6, else 0
    shapes     any -> the same
    source     Howard et al., MobileNets, 2017

    >>> relu6 = ReLU6()
    >>> relu6.forward(np.array([-3.0, 2.0, 8.0])), relu6.backward(np.ones(3))
    (array([0., 2., 6.]), array([0., 1., 0.]))
    """

    def __init__(self):
        super().__init__(0.0, 6.0)


class Hardsigmoid(Elementwise):
    """y = x/6 + 1/2 kept between 0 and 1, elementwise: a sigmoid of three straight pieces.

    backward   dx = dout / 6 where -3 < x < 3, else 0
    shapes     any -> the same
    source     Courbariaux et al., BinaryConnect, 2015; with these numbers Howard et al., 2019

    >>> hardsigmoid = Hardsigmoid()
    >>> hardsigmoid.forward(np.array([-4.0, 0.0, 1.5])), hardsigmoid.backward(np.full(3, 6.0))
    (array([0.  , 0.5 , 0.75]), array([0., 1., 1.]))
    """

    def __init__(self):
        self.inside = None  # saved by forward for backward

    def forward(self, x):
        self.inside = np.less(np.abs(x), 3)
        return np.clip(x / 6 + 0.5, 0, 1)

    def backward(self, dout):
        return np.where(self.inside, dout / 6, 0)


class Hardshrink(Elementwise):
    """y = x where |x| > lambd, else 0: what is small counts as nothing.

    backward   dx = dout where |x| > lambd, else 0
    shapes     any -> the same
    lambd      what still counts as small

    >>> hardshrink = Hardshrink(1.0)
    >>> hardshrink.forward(np.array([-3.0, 0.5, 2.0])), hardshrink.backward(np.ones(3))
    (array([-3.,  0.,  2.]), array([1., 0., 1.]))
    """

    def __init__(self, lambd=0.5):
        self.lambd = lambd
        self.large = None  # saved by forward for backward

    def forward(self, x):
        self.large = np.logical_not(np.abs(x) <= self.lambd)  # NaN counts as large, and stays
        return np.where(self.large, x, 0)

    def backward(self, dout):
        return np.where(self.large, dout, 0)


class Softshrink(Hardshrink):
    """y = x moved towards 0 by lambd, but not past it.

    backward   dx = dout where |x| > lambd, else 0
    shapes     any -> the same
    lambd      how far
    errors     ValueError if lambd is below 0

    >>> softshrink = Softshrink(1.0)
    >>> softshrink.forward(np.array([-3.0, 0.5, 2.0])), softshrink.backward(np.ones(3))
    (array([-2.,  0.,  1.]), array([1., 0., 1.]))
    """

    def __init__(self, lambd=0.5):
        if not lambd >= 0:
            raise ValueError(f"Softshrink(lambd={lambd}): lambd is a length. Give 0 or more.")
        super().__init__(lambd)

    def forward(self, x):
        return super().forward(x) - np.where(self.large, np.sign(x) * self.lambd, 0)


class Threshold(Elementwise):
    """y = x where x > threshold, else value.

    backward   dx = dout where x > threshold, else 0
    shapes     any -> the same
    threshold  where x begins to pass
    value      what comes out up to there

    >>> layer = Threshold(1.0, -5.0)
    >>> layer.forward(np.array([0.5, 1.0, 2.0])), layer.backward(np.ones(3))
    (array([-5., -5.,  2.]), array([0., 0., 1.]))
    """

    def __init__(self, threshold, value):
        self.threshold, self.value = threshold, value
        self.mask = None  # saved by forward for backward: True where x passes

    def forward(self, x):
        self.mask = np.logical_not(x <= self.threshold)  # NaN passes, and stays visible
        return np.where(self.mask, x, self.value)

    def backward(self, dout):
        return np.where(self.mask, dout, 0)
