"""Layers of one's own: `layerwise check examples/my_layers.py` checks every class in this file."""

import numpy as np

import layerwise as lw


class Swish(lw.Layer):
    """y = x sigmoid(x): a smooth ReLU."""

    def forward(self, x):
        self.x = x
        self.s = 1 / (1 + np.exp(-x))
        return x * self.s

    def backward(self, dout):
        return dout * (self.s + self.x * self.s * (1 - self.s))


class Scale(lw.Layer):
    """y = x g: every column has a factor of its own, which is learned."""

    def __init__(self, features):
        self.g = lw.Parameter(np.ones(features))  # (D,)
        self.x = None  # saved by forward for backward

    def forward(self, x):
        self.x = x
        return x * self.g.like(x)  # (N, D) * (D,) -> (N, D)

    def backward(self, dout):
        self.g.grad += (dout * self.x).sum(axis=0)  # (N, D) -> (D,)
        return dout * self.g.like(dout)

    @staticmethod
    def example():
        """What the check needs: a layer, and inputs for it."""
        return Scale(4), np.random.default_rng(0).normal(size=(3, 4))


class BookAffine:
    """y = x W + b, written as in the book: no base class, gradients left in dW and db."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = None
        self.dW, self.db = None, None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)
