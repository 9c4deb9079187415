"""The affine layer: the weighted sums that a network learns."""

import numpy as np

from ..errors import ShapeError
from ..initializers import he_uniform, uniform_by_fan_in
from ..layer import Layer
from ..parameter import Parameter


class Affine(Layer):
    """y = x W + b: every output is a weighted sum of all inputs.

    backward   dx = dout Wᵀ     dW = xᵀ dout     db = sum of dout over the batch
    shapes     x (N, D), W (D, M), b (M,) -> y (N, M); x may have more axes in front
    in_features, out_features   D and M
    bias       False leaves b out
    init       makes the numbers of W from a shape and a generator
    rng        a generator or a seed for the first numbers; None: the graph's seed decides
    errors     ShapeError if the last axis of x is not D; ValueError for sizes below 1
    source     Deep Learning from Scratch, 5.6

    >>> affine = Affine(2, 3, rng=0)
    >>> affine.W.value[:] = [[1, 2, 3], [4, 5, 6]]
    >>> affine.b.value[:] = [10, 20, 30]
    >>> affine.forward(np.array([[1.0, 1.0]]))
    array([[15., 27., 39.]])
    >>> affine.backward(np.array([[1.0, 0.0, 0.0]]))
    array([[1., 4.]])
    >>> affine.b.grad
    array([1., 0., 0.], dtype=float32)
    """

    def __init__(self, in_features, out_features, bias=True, *, init=he_uniform, rng=None):
        for size in (in_features, out_features):
            if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
                raise ValueError(
                    f"Affine({in_features!r}, {out_features!r}): the numbers of inputs and outputs "
                    f"are whole numbers from 1 up, but got {size!r}."
                )
        self.in_features, self.out_features, self.bias = in_features, out_features, bias
        rng = None if rng is None else np.random.default_rng(rng)
        self.W = Parameter.drawn(init, (in_features, out_features), rng)  # (D, M)
        self.b = None
        if bias:
            self.b = Parameter.drawn(uniform_by_fan_in(in_features), (out_features,), rng)  # (M,)
        self.x = None  # saved by forward for backward

    def out_shape(self, x):
        if x and x[-1] in (self.in_features, None):
            return (*x[:-1], self.out_features)
        hint = f"Did you mean Affine({x[-1]}, {self.out_features})?" if x else ""
        raise ShapeError(self, f"inputs of width {self.in_features}", x, hint)

    def forward(self, x):
        W = self.W.like(x)
        self.x = x = x.astype(W.dtype, copy=False)  # whole numbers count as floats
        out = x @ W  # (N, D) @ (D, M) -> (N, M)
        return out if self.b is None else out + self.b.like(x)

    def backward(self, dout):
        x = self.x.reshape(-1, self.in_features)  # axes in front are all batch: (N, D)
        d = dout.reshape(-1, self.out_features)  # (N, M)
        self.W.grad += x.T @ d  # (D, N) @ (N, M) -> (D, M)
        if self.b is not None:
            self.b.grad += d.sum(axis=0)  # (N, M) -> (M,)
        return dout @ self.W.like(dout).T  # (N, M) @ (M, D) -> (N, D)
