"""ReLU and its kin: the right side passes as it is, each treats the left side in its own way.

RReLU, whose slope is drawn by chance, is in random.py.
"""

from functools import partial

import numpy as np

from ..errors import ShapeError
from ..initializers import constant
from ..layer import Layer
from ..parameter import Parameter
from .arithmetic import Elementwise, unbroadcast
from .sizes import check_sizes


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


class LeakyReLU(Elementwise):
    """y = x where x > 0, else a x with a small slope a; the slope at 0 is taken as a.

    backward   dx = dout where x > 0, else a dout
    shapes     any -> the same
    negative_slope   the slope a
    source     Maas et al., Rectifier nonlinearities improve neural network acoustic models, 2013

    >>> leaky = LeakyReLU(0.1)
    >>> leaky.forward(np.array([2.0, -3.0])), leaky.backward(np.ones(2))
    (array([ 2. , -0.3]), array([1. , 0.1]))
    """

    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope
        self.mask = None  # saved by forward for backward: True for the positive inputs

    def forward(self, x):
        self.mask = np.greater(x, 0)
        return np.where(self.mask, x, x * self.negative_slope)

    def backward(self, dout):
        return np.where(self.mask, dout, dout * self.negative_slope)


class PReLU(Layer):
    """y = x where x > 0, else a x, where the slope a is learned; the slope at 0 is taken as a.

    backward   dx = dout where x > 0, else a dout     da = sum of dout x where x <= 0
    shapes     any -> the same; with several slopes x (N, C, ...), a (C,)
    num_parameters   1: one slope for all; C: one for each channel, on axis 1
    init       the first value of the slopes
    errors     ShapeError if axis 1 has another size than there are slopes; ValueError for a number
               of slopes below 1
    source     He et al., Delving deep into rectifiers, 2015

    >>> prelu = PReLU()
    >>> prelu.forward(np.array([2.0, -4.0])), prelu.backward(np.array([1.0, 10.0]))
    (array([ 2., -1.]), array([1. , 2.5]))
    >>> prelu.a.grad
    array([-40.], dtype=float32)
    """

    def __init__(self, num_parameters=1, init=0.25):
        check_sizes(self, num_parameters=num_parameters)
        self.num_parameters, self.init = num_parameters, init
        self.a = Parameter.drawn(partial(constant, value=init), (num_parameters,))  # (1,) or (C,)
        self.x = None  # saved by forward for backward

    def out_shape(self, x):
        if self.num_parameters == 1 or ... in x:
            return x
        if len(x) < 2 or x[1] not in (self.num_parameters, None):
            raise ShapeError(self, f"inputs with {self.num_parameters} channels on axis 1", x)
        return (x[0], self.num_parameters, *x[2:])

    def forward(self, x):
        self.out_shape(np.shape(x))
        self.x = x
        return np.where(np.greater(x, 0), x, x * self.slopes(x))

    def backward(self, dout):
        x, a = self.x, self.slopes(self.x)
        positive = np.greater(x, 0)
        da = unbroadcast(np.where(positive, 0, dout * x), a)  # (N, C, H, W) -> (1, C, 1, 1)
        self.a.grad += da.reshape(self.a.shape)
        return np.where(positive, dout, dout * a)

    def slopes(self, x):
        """The slopes with as many axes as x has, so that they lie along its channels."""
        axes = [1] * np.ndim(x)
        if self.num_parameters > 1:
            axes[1] = self.num_parameters
        return self.a.like(x).reshape(axes)  # (C,) -> (1, C, 1, 1)


class ELU(Elementwise):
    """y = x where x > 0, else alpha (exp(x) - 1): bends smoothly down to -alpha.

    backward   dx = dout where x > 0, else dout alpha exp(x)
    shapes     any -> the same
    alpha      how far down it goes
    source     Clevert et al., Fast and accurate deep network learning by ELUs, 2016

    >>> elu = ELU(2.0)
    >>> elu.forward(np.array([3.0, -np.log(2.0)])), elu.backward(np.ones(2))
    (array([ 3., -1.]), array([1., 1.]))
    """

    def __init__(self, alpha=1.0):
        self.alpha = alpha
        self.x = None  # saved by forward for backward

    def forward(self, x):
        self.x = x
        left = self.alpha * np.expm1(np.minimum(x, 0))  # the right side would overflow
        return np.where(np.greater(x, 0), x, left)

    def backward(self, dout):
        left = self.alpha * np.exp(np.minimum(self.x, 0))
        return dout * np.where(np.greater(self.x, 0), 1, left)


SELU_SCALE = 1.0507009873554804934193349852946  # with these two numbers, what has the mean 0 and
SELU_ALPHA = 1.6732632423543772848170429916717  # the variance 1 keeps them from layer to layer


class SELU(Elementwise):
    """y = scale x where x > 0, else scale alpha (exp(x) - 1): an ELU that keeps mean and variance.

    backward   dx = dout scale where x > 0, else dout scale alpha exp(x)
    shapes     any -> the same
    source     Klambauer et al., Self-normalizing neural networks, 2017: scale = 1.0507...,
               alpha = 1.6732..., for inputs of mean 0 and variance 1

    >>> selu = SELU()
    >>> selu.forward(np.array([1.0, -1.0])).round(4), selu.backward(np.ones(2)).round(4)
    (array([ 1.0507, -1.1113]), array([1.0507, 0.6468]))
    """

    def __init__(self):
        self.x = None  # saved by forward for backward

    def forward(self, x):
        self.x = x
        left = SELU_ALPHA * np.expm1(np.minimum(x, 0))  # the right side would overflow
        return SELU_SCALE * np.where(np.greater(x, 0), x, left)

    def backward(self, dout):
        left = SELU_ALPHA * np.exp(np.minimum(self.x, 0))
        return dout * SELU_SCALE * np.where(np.greater(self.x, 0), 1, left)


class CELU(Elementwise):
    """y = x where x > 0, else alpha (exp(x / alpha) - 1): an ELU whose slope at 0 is always 1.

    backward   dx = dout where x > 0, else dout exp(x / alpha)
    shapes     any -> the same
    alpha      how far down it goes
    errors     ValueError if alpha is not above 0
    source     Barron, Continuously differentiable exponential linear units, 2017

    >>> celu = CELU(2.0)
    >>> celu.forward(np.array([3.0, -2 * np.log(2.0)])), celu.backward(np.ones(2))
    (array([ 3., -1.]), array([1. , 0.5]))
    """

    def __init__(self, alpha=1.0):
        if not alpha > 0:
            raise ValueError(f"CELU(alpha={alpha}): alpha is a depth. Give a number above 0.")
        self.alpha = alpha
        self.x = None  # saved by forward for backward

    def forward(self, x):
        self.x = x
        left = self.alpha * np.expm1(np.minimum(x, 0) / self.alpha)  # the right would overflow
        return np.where(np.greater(x, 0), x, left)

    def backward(self, dout):
        left = np.exp(np.minimum(self.x, 0) / self.alpha)
        return dout * np.where(np.greater(self.x, 0), 1, left)
