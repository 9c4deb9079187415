"""What the tests of graphs share: short ways to say things, and classes as in the books."""

import numpy as np
import pytest

import layerwise as lw


def inputs(names):
    nodes = [lw.Input(name) for name in names.split()]
    return nodes[0] if len(nodes) == 1 else nodes


def text_of(kind, run):
    """The text of the error that this raises."""
    with pytest.raises(kind) as caught:
        run()
    return str(caught.value)


def user_layer(forward, backward, name="Mine"):
    """A user's layer without the base class, from two functions of (self, ...)."""
    return type(name, (), {"forward": forward, "backward": backward})()


def same(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def shop():
    apple, apple_num, orange, orange_num, tax = inputs("apple apple_num orange orange_num tax")
    return lw.Graph((apple * apple_num + orange * orange_num) * tax)


def slope(function, x, dout, step=1e-6):
    """The numerical gradient of sum(function(x) * dout)."""
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[i] += sign * step
            ends.append(np.sum(function(moved) * dout))
        grad[i] = (ends[0] - ends[1]) / (2 * step)
    return grad


def block(width, **options):
    return lw.Sequential(lw.Affine(width, width), lw.Tanh(), **options)


# Classes as a reader of the books writes them, without any base class


class BookAffine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


class BookRelu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        dx = dout
        return dx


class BookDropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self.generator = np.random.default_rng(0)

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = self.generator.random(x.shape) > self.dropout_ratio
            return x * self.mask
        return x * (1.0 - self.dropout_ratio)

    def backward(self, dout):
        return dout * self.mask


class BookBatchNorm:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean = self.running_var = None
        self.xc = self.std = self.dgamma = self.dbeta = None

    def forward(self, x, train_flg=True):
        if self.running_mean is None:
            self.running_mean = np.zeros(x.shape[1])
            self.running_var = np.zeros(x.shape[1])
        if train_flg:
            mu = x.mean(axis=0)
            self.xc = x - mu
            var = np.mean(self.xc**2, axis=0)
            self.std = np.sqrt(var + 10e-7)
            self.xn = self.xc / self.std
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            self.xn = (x - self.running_mean) / np.sqrt(self.running_var + 10e-7)
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        n = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dxc += self.xc * dstd / self.std / n
        return dxc - np.sum(dxc, axis=0) / n


class BookSoftmaxWithLoss:
    def __init__(self):
        self.loss = self.y = self.t = None

    def forward(self, x, t):
        self.t = t
        shifted = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = shifted / shifted.sum(axis=1, keepdims=True)
        self.loss = -np.log(self.y[np.arange(len(t)), t] + 1e-7).sum() / len(t)
        return self.loss

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


class Book2MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


class Forgets:
    """Of its two gradients it returns one, and its backward may be called as a loss's."""

    def forward(self, x, y):
        self.y = y
        return x * y

    def backward(self, dout=1):
        return dout * self.y
