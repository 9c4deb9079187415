"""Activations: what makes a network more than one big matrix product. Here the smooth ones.

ReLU and its kin are in rectifier.py, those made of straight pieces in piecewise.py, and those that
multiply by a gate in gated.py.
"""

from functools import lru_cache

import numpy as np

from ..errors import ShapeError
from .arithmetic import Elementwise


class Identity(Elementwise):
    """y = x: a place in a network that leaves everything as it is.

    backward   dx = dout
    shapes     any -> the same

    >>> identity = Identity()
    >>> identity.forward(3.0), identity.backward(2.0)
    (3.0, 2.0)
    """

    def forward(self, x):
        return x

    def backward(self, dout):
        return dout * 1  # an array of its own


def floats(x):
    """x as floats, since unsigned whole numbers wrap around below 0."""
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return x
    return np.asarray(x, np.result_type(x, 0.0))


@lru_cache
def exp_limit(dtype):
    """About the largest x of which exp(x) is not infinite: 709 for float64, 88 for float32."""
    return np.asarray(0.999 * np.log(np.finfo(dtype).max))


def sigmoid(x):
    """1 / (1 + exp(-x)) as e / (1 + e) with e = exp(x): exact far on the left, where e is almost 0;
    far on the right it is 1 long before exp would overflow."""
    x = floats(x)
    e = np.exp(np.minimum(x, exp_limit(x.dtype)))
    return e / (1 + e)


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
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


def softplus(x):
    """ln(1 + exp(x)), without overflow."""
    x = floats(x)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


class Softplus(Elementwise):
    """y = ln(1 + exp(beta x)) / beta, elementwise: ReLU with its corner rounded off.

    backward   dx = dout sigmoid(beta x), and dout where beta x > threshold
    shapes     any -> the same
    beta       how sharp the corner is; the larger, the more like ReLU
    threshold  where beta x is above it, y = x
    errors     ValueError if beta is 0
    source     Dugas et al., Incorporating second-order functional knowledge, NeurIPS 2000

    >>> softplus = Softplus()
    >>> np.exp(softplus.forward(0.0)).round(12), softplus.backward(1.0)
    (np.float64(2.0), 0.5)
    """

    def __init__(self, beta=1.0, threshold=20.0):
        if beta == 0:
            raise ValueError(f"Softplus(beta={beta}): beta divides. Give a number other than 0.")
        self.beta, self.threshold = beta, threshold
        self.x = None  # saved by forward for backward

    def forward(self, x):
        self.x = x
        z = self.beta * x
        return np.where(z > self.threshold, x, softplus(z) / self.beta)

    def backward(self, dout):
        z = self.beta * self.x
        return dout * np.where(z > self.threshold, 1, sigmoid(z))


class LogSigmoid(Elementwise):
    """y = ln(sigmoid(x)) = -ln(1 + exp(-x)), elementwise, without overflow.

    backward   dx = dout sigmoid(-x)
    shapes     any -> the same

    >>> log_sigmoid = LogSigmoid()
    >>> np.exp(log_sigmoid.forward(0.0)), log_sigmoid.backward(1.0)
    (np.float64(0.5), 0.5)
    """

    def __init__(self):
        self.x = None  # saved by forward for backward

    def forward(self, x):
        self.x = floats(x)
        return -softplus(-self.x)

    def backward(self, dout):
        return dout * sigmoid(-self.x)


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


class Tanhshrink(Elementwise):
    """y = x - tanh(x), elementwise: shrinks what is near 0 to almost nothing.

    backward   dx = dout tanh(x)²
    shapes     any -> the same

    >>> tanhshrink = Tanhshrink()
    >>> tanhshrink.forward(0.0), tanhshrink.backward(1.0)
    (0.0, 0.0)
    """

    def __init__(self):
        self.tanh = None  # saved by forward for backward

    def forward(self, x):
        self.tanh = np.tanh(x)
        return x - self.tanh

    def backward(self, dout):
        return dout * self.tanh * self.tanh


class Softsign(Elementwise):
    """y = x / (1 + |x|), elementwise: between -1 and 1 as tanh, but slower to get there.

    backward   dx = dout / (1 + |x|)²
    shapes     any -> the same
    source     Glorot and Bengio, Understanding the difficulty of training deep networks, 2010

    >>> softsign = Softsign()
    >>> softsign.forward(-3.0), softsign.backward(1.0)
    (-0.75, 0.0625)
    """

    def __init__(self):
        self.share = None  # saved by forward for backward: 1 / (1 + |x|)

    def forward(self, x):
        self.share = 1 / (1.0 + np.abs(x))
        return x * self.share

    def backward(self, dout):
        return dout * self.share * self.share


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

    @np.errstate(over="ignore")  # numbers further apart than floats can tell: exp makes 0 of -inf
    def forward(self, x):
        x = floats(x)
        z = np.exp(x - np.max(x, axis=self.dim, keepdims=True))  # at most 1: no overflow
        self.out = z / np.sum(z, axis=self.dim, keepdims=True)
        return self.out

    def backward(self, dout):
        return self.out * (dout - np.sum(dout * self.out, axis=self.dim, keepdims=True))


class Softmin(Softmax):
    """y = softmax(-x) along one axis: the smallest gets the largest share.

    backward   dx = -y (dout - sum of dout y)
    shapes     x (N, C) -> (N, C), each row with the sum 1
    dim        the axis to compare along

    >>> softmin = Softmin()
    >>> softmin.forward(np.array([0.0, np.log(3.0)])).round(12)
    array([0.75, 0.25])
    >>> softmin.backward(np.array([1.0, 0.0])).round(12)
    array([-0.1875,  0.1875])
    """

    def forward(self, x):
        return super().forward(-floats(x))

    def backward(self, dout):
        return -super().backward(dout)


@np.errstate(over="ignore")
def log_softmax(x, dim):
    """x minus the logarithm of the sum of exp(x), without overflow."""
    x = floats(x)
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
