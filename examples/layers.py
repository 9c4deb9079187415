"""Layers of one's own. `layerwise check layers.py` compares their gradients with numerical ones."""

import numpy as np

from layerwise import Layer, Parameter


class Softplus(Layer):
    """y = ln(1 + exp(x)), a ReLU without a corner.   dx = dout / (1 + exp(-x))"""

    def forward(self, x):
        self.x = x
        return np.logaddexp(0, x)

    def backward(self, dout):
        return dout * 0.5 * (1 + np.tanh(self.x / 2))


class Scale(Layer):
    """y = gamma x, with one learned factor for each column.   dx = dout gamma"""

    def __init__(self, features):
        self.features = features
        self.gamma = Parameter(np.ones(features))  # (D,)

    def forward(self, x):
        self.x = x
        return x * self.gamma.like(x)  # (N, D) * (D,) -> (N, D)

    def backward(self, dout):
        self.gamma.grad += (dout * self.x).sum(axis=0)  # (N, D) -> (D,)
        return dout * self.gamma.like(dout)

    @staticmethod
    def example():
        """A layer and its input, for `layerwise check`."""
        return Scale(4), np.linspace(-1, 1, 12).reshape(3, 4)


class Distance:
    """y = |a - b|², the squared distance of rows, as in the book: without a base class."""

    def forward(self, a, b):
        self.difference = a - b
        return np.sum(self.difference**2, axis=1)  # (N, D) -> (N,)

    def backward(self, dout):
        da = 2 * self.difference * dout[:, None]  # (N, D) * (N, 1) -> (N, D)
        return da, -da
