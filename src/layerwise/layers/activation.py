"""Activations: what makes a network more than one big matrix product."""

import numpy as np

from ..errors import ShapeError
from .arithmetic import Elementwise


class ReLU(Elementwise):
    """y = x where x > 0, else 0; the slope at 0 is taken as 0.

    backward   dx = dout where x > 0, else 0
    shapes     any -> the same
    source     Deep Learning from Scratch, 5.5.1

    >>> relu = ReLU()
    >>> relu.forward(np.array([1.0, -0.5, 0.0, 3.0])), relu.backward(np.full(4, 2.0))
    (array([1., 0., 0., 3.]), array([2., 0., 0., 2.]))
    """

    def __init__(self):
        self.mask = None  # saved by forward for backward: True for the positive inputs

    def forward(self, x):
        self.mask = np.logical_not(x <= 0)  # rather than x > 0: NaN must stay visible
        return np.where(self.mask, x, 0)

    def backward(self, dout):
        return np.where(self.mask, dout, 0)


class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), elementwise: squeezes every number to between 0 and 1.

    backward   dx = dout y (1 - y)
    shapes     any -> the same
    source     Deep Learning from Scratch, 5.5.2

    >>> sigmoid = Sigmoid()
    >>> sigmoid.forward(0.0), sigmoid.backward(1.0)
    (0.5, 0.25)
    """

    def __init__(self):
        self.out = None  # saved by forward for backward

    def forward(self, x):
        z = np.exp(-np.abs(x))  # at most 1, so nothing overflows
        self.out = np.where(x < 0, z, 1) / (1 + z)
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


class Tanh(Elementwise):
    """y = tanh(x), elementwise: squeezes every number to between -1 and 1.

    backward   dx = dout (1 - y²)
    shapes     any -> the same

    >>> tanh = Tanh()
    >>> tanh.forward(0.0), tanh.backward(3.0)
    (0.0, 3.0)
    """

    def __init__(self):
        self.out = None  # saved by forward for backward

    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out * self.out)


class AlongAxis(Elementwise):
    """What the layers have in common that compare the elements along one axis, `dim`."""

    def __init__(self, dim=-1):
        self.dim = dim
        self.out = None  # saved by forward for backward

    def out_shape(self, x):
        if ... not in x and not -len(x) <= self.dim < len(x):
            raise ShapeError(self, f"inputs with an axis {self.dim}", x)
        return x


class Softmax(AlongAxis):
    """y = exp(x) / sum of exp(x) along one axis: scores become probabilities.

    backward   dx = y (dout - sum of dout y)
    shapes     x (N, C) -> (N, C), each row with the sum 1
    dim        the axis of the scores
    source     Deep Learning from Scratch, 3.5

    >>> softmax = Softmax()
    >>> softmax.forward(np.array([[0.0, 0.0], [0.0, np.log(3.0)]]))
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    >>> softmax.backward(np.array([[1.0, 0.0], [1.0, 1.0]]))
    array([[ 0.25, -0.25],
           [ 0.  ,  0.  ]])
    """

    def forward(self, x):
        z = np.exp(x - np.max(x, axis=self.dim, keepdims=True))  # at most 1: no overflow
        self.out = z / np.sum(z, axis=self.dim, keepdims=True)
        return self.out

    def backward(self, dout):
        return self.out * (dout - np.sum(dout * self.out, axis=self.dim, keepdims=True))


def log_softmax(x, dim):
    """x minus the logarithm of the sum of exp(x), without overflow."""
    shifted = x - np.max(x, axis=dim, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True))


class LogSoftmax(AlongAxis):
    """y = x - ln(sum of exp(x)) along one axis: the logarithms of softmax, without overflow.

    backward   dx = dout - exp(y) (sum of dout)
    shapes     x (N, C) -> (N, C)
    dim        the axis of the scores

    >>> log_softmax = LogSoftmax()
    >>> np.exp(log_softmax.forward(np.array([0.0, np.log(3.0)]))).round(12)
    array([0.25, 0.75])
    >>> log_softmax.backward(np.array([1.0, 0.0])).round(12)
    array([ 0.75, -0.75])
    """

    def forward(self, x):
        self.out = log_softmax(x, self.dim)
        return self.out

    def backward(self, dout):
        return dout - np.exp(self.out) * np.sum(dout, axis=self.dim, keepdims=True)
