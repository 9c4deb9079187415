"""Layers that draw random numbers while training."""

import numpy as np

from .arithmetic import Elementwise


class Dropout(Elementwise):
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

    def __init__(self, p=0.5, rng=None):
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout(p={p}): p is a probability. Give a number from 0 to 1.")
        self.p = p
        self.rng = np.random.default_rng(rng)
        self.rng_is_free = rng is None  # then a graph's seed may replace it
        self.mask = None  # saved by forward for backward: 0 or 1 / (1 - p) for each element

    def forward(self, x):
        if not self.training or self.p == 0:
            self.mask = None
            return x
        keep = self.rng.random(np.shape(x)) >= self.p
        scale = 0 if self.p == 1 else 1 / (1 - self.p)
        self.mask = np.where(keep, scale, 0).astype(np.result_type(x, 0.0), copy=False)
        return x * self.mask

    def backward(self, dout):
        return dout * 1 if self.mask is None else dout * self.mask
