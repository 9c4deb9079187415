"""Activations that multiply by a gate, a number from 0 to 1 that says how much may pass.

The gate of x comes from x itself, or, in GLU and SwiGLU, from the other half of the numbers.
"""

import math

import numpy as np

from ..errors import ShapeError
from ..layer import Layer
from .activation import sigmoid, softplus
from .arithmetic import Elementwise
from .erfc import erfc


class SiLU(Elementwise):
    """y = x s with the gate s = sigmoid(x), elementwise; also called swish.

    backward   dx = dout (s + x s (1 - s))
    shapes     any -> the same
    source     Elfwing et al., 2018; Ramachandran et al., Searching for activation functions, 2017

    >>> silu = SiLU()
    >>> silu.forward(0.0), silu.backward(1.0)
    (0.0, 0.5)
    """

    def __init__(self):
        self.x = self.s = None  # saved by forward for backward

    def forward(self, x):
        self.x, self.s = x, sigmoid(x)
        return x * self.s

    def backward(self, dout):
        x, s = self.x, self.s
        return dout * (s + x * s * (1 - s))


class GELU(Elementwise):
    """y = x g, where the gate g is the share of a normal distribution that is below x.

    backward   dx = dout (g + x dg)
               "none": g = erfc(-x / √2) / 2     dg = exp(-x²/2) / √(2π), the bell curve
               "tanh": g = (1 + tanh(u)) / 2     dg = 2 g (1 - g) du, u = √(2/π) (x + 0.044715 x³)
    shapes     any -> the same
    approximate   "none", or "tanh": a shape near it that was cheaper once
    errors     ValueError if approximate is something else
    source     Hendrycks and Gimpel, Gaussian error linear units, 2016

    >>> gelu = GELU()
    >>> gelu.forward(np.array([-1.0, 0.0, 1.0])).round(4), gelu.backward(np.ones(3)).round(4)
    (array([-0.1587,  0.    ,  0.8413]), array([-0.0833,  0.5   ,  1.0833]))
    """

    def __init__(self, approximate="none"):
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU(approximate={approximate!r}): choose one of ('none', 'tanh').")
        self.approximate = approximate
        self.x = self.gate = None  # saved by forward for backward

    def forward(self, x):
        self.x = x
        if self.approximate == "none":
            self.gate = erfc(x * -math.sqrt(1 / 2)) / 2
        else:
            z = np.clip(x, -40.0, 40.0)  # further out the gate is 0 or 1
            self.gate = sigmoid(math.sqrt(8 / math.pi) * (z + 0.044715 * z * z * z))  # 2u
        return x * self.gate

    def backward(self, dout):
        z = np.clip(self.x, -40.0, 40.0)  # further out the gate has no slope
        if self.approximate == "none":
            dgate = np.exp(z * z / -2) / math.sqrt(2 * math.pi)
        else:
            du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
            dgate = 2 * self.gate * (1 - self.gate) * du
        return dout * (self.gate + self.x * dgate)


class Mish(Elementwise):
    """y = x g with the gate g = tanh(ln(1 + exp(x))), elementwise.

    backward   dx = dout (g + x (1 - g²) sigmoid(x))
    shapes     any -> the same
    source     Misra, Mish: a self regularized non-monotonic activation function, 2019

    >>> mish = Mish()
    >>> round(mish.forward(1.0), 4), mish.forward(0.0), round(mish.backward(1.0), 4)
    (0.8651, 0.0, 0.6)
    """

    def __init__(self):
        self.x = self.gate = None  # saved by forward for backward

    def forward(self, x):
        self.x, self.gate = x, np.tanh(softplus(x))
        return x * self.gate

    def backward(self, dout):
        x, g = self.x, self.gate
        return dout * (g + x * (1 - g * g) * sigmoid(x))


class Hardswish(Elementwise):
    """y = x g, where the gate g is x/6 + 1/2 kept between 0 and 1: SiLU of simple pieces.

    backward   dx = dout (g + x/6 where -3 < x < 3)
    shapes     any -> the same
    source     Howard et al., Searching for MobileNetV3, 2019

    >>> hardswish = Hardswish()
    >>> hardswish.forward(np.array([-4.0, 1.0, 4.0])).round(4), hardswish.backward(np.ones(3))
    (array([-0.    ,  0.6667,  4.    ]), array([0.        , 0.83333333, 1.        ]))
    """

    def __init__(self):
        self.x = self.gate = None  # saved by forward for backward

    def forward(self, x):
        self.x, self.gate = x, np.clip(x / 6 + 0.5, 0, 1)
        return x * self.gate

    def backward(self, dout):
        return dout * (self.gate + np.where(np.less(np.abs(self.x), 3), self.x / 6, 0))


class Halves(Layer):
    """What the layers have in common that cut their input into two halves along one axis, `dim`."""

    def __init__(self, dim=-1):
        self.dim = dim
        self.a = self.b = self.s = None  # saved by forward for backward: both halves, a sigmoid

    def out_shape(self, x):
        if ... in x and not -len(x) < self.dim < 0:
            return (..., None)
        if not -len(x) <= self.dim < len(x):
            raise ShapeError(self, f"inputs with an axis {self.dim}", x)
        axis, size = self.dim % len(x), x[self.dim]
        if size is not None and size % 2:
            raise ShapeError(self, f"inputs with an even size on axis {self.dim}", x)
        return (*x[:axis], None if size is None else size // 2, *x[axis + 1 :])


class GLU(Halves):
    """y = a sigmoid(b), where a is the first half of x along one axis and b the second.

    backward   da = dout s     db = dout a s (1 - s), with the gate s = sigmoid(b)
    shapes     x (N, 2 D) -> (N, D)
    dim        the axis that is halved
    errors     ShapeError if the axis is not there, or its size is odd
    source     Dauphin et al., Language modeling with gated convolutional networks, 2017

    >>> glu = GLU()
    >>> glu.forward(np.array([[4.0, 6.0, 0.0, 0.0]]))
    array([[2., 3.]])
    >>> glu.backward(np.array([[1.0, 1.0]]))
    array([[0.5, 0.5, 1. , 1.5]])
    """

    def forward(self, x):
        self.a, self.b = np.split(x, 2, axis=self.dim)  # (N, 2 D) -> (N, D), (N, D)
        self.s = sigmoid(self.b)
        return self.a * self.s

    def backward(self, dout):
        da = dout * self.s
        db = dout * self.a * self.s * (1 - self.s)
        return np.concatenate((da, db), axis=self.dim)  # (N, D), (N, D) -> (N, 2 D)


class SwiGLU(Halves):
    """y = silu(a) b, where a is the first half of x along one axis and b the second.

    backward   da = dout b (s + a s (1 - s))     db = dout a s, with s = sigmoid(a)
    shapes     x (N, 2 D) -> (N, D)
    dim        the axis that is halved
    errors     ShapeError if the axis is not there, or its size is odd
    source     Shazeer, GLU variants improve transformer, 2020; the two weight matrices that the
               paper writes into it are one Affine(D, 2 H) in front of it

    >>> swiglu = SwiGLU()
    >>> swiglu.forward(np.array([[0.0, 2.0, 5.0, 3.0]])).round(4)
    array([[0.    , 5.2848]])
    >>> swiglu.backward(np.array([[1.0, 0.0]]))
    array([[2.5, 0. , 0. , 0. ]])
    """

    def forward(self, x):
        self.a, self.b = np.split(x, 2, axis=self.dim)  # (N, 2 D) -> (N, D), (N, D)
        self.s = sigmoid(self.a)
        return self.a * self.s * self.b

    def backward(self, dout):
        a, b, s = self.a, self.b, self.s
        da = dout * b * (s + a * s * (1 - s))
        db = dout * a * s
        return np.concatenate((da, db), axis=self.dim)  # (N, D), (N, D) -> (N, 2 D)
