"""Reductions: many numbers become one, along some axes or all of them."""

import numpy as np

from ..errors import ShapeError
from ..layer import Layer


class Reduction(Layer):
    """What all reductions have in common.

    axis       one axis, a tuple of them, or None for all
    keepdims   keep the reduced axes, with size 1
    """

    def __init__(self, axis=None, keepdims=False):
        self.axis = tuple(map(int, axis)) if isinstance(axis, (list, tuple)) else axis
        self.keepdims = keepdims
        self.x = None  # saved by forward for backward

    def out_shape(self, x):
        if ... in x:
            return () if self.axis is None and not self.keepdims else (..., None)
        wanted = range(len(x)) if self.axis is None else np.atleast_1d(self.axis)
        if any(not -len(x) <= axis < len(x) for axis in wanted):
            raise ShapeError(self, f"inputs with an axis {self.axis}", x)
        axes = [axis % len(x) for axis in wanted]
        if self.keepdims:
            return tuple(1 if i in axes else n for i, n in enumerate(x))
        return tuple(n for i, n in enumerate(x) if i not in axes)

    def along(self, y):
        """What was reduced (y or its gradient), repeated along the reduced axes: shaped like x."""
        if self.axis is not None and not self.keepdims:
            y = np.expand_dims(y, self.axis)
        dtype = np.result_type(self.x, 0.0)
        return np.array(np.broadcast_to(y, np.shape(self.x)), dtype)  # each element its own

    def share(self):
        """One element's share in a mean."""
        return np.size(self.out) / max(np.size(self.x), 1)


class Sum(Reduction):
    """y = the sum of the elements of x.

    backward   dx = dout, repeated for every element that went into the sum
    shapes     x (N, D), axis 0 -> (D,)
    axis       one axis, a tuple of them, or None for all
    keepdims   keep the reduced axes, with size 1

    >>> total = Sum(axis=0)
    >>> total.forward(np.array([[1.0, 2.0], [3.0, 4.0]])), total.backward(np.array([1.0, 5.0]))
    (array([4., 6.]), array([[1., 5.],
           [1., 5.]]))
    """

    sign = "Σ"

    def forward(self, x):
        self.x = x
        return np.sum(x, axis=self.axis, keepdims=self.keepdims)

    def backward(self, dout):
        return self.along(dout)


class Mean(Reduction):
    """y = the mean of the elements of x.

    backward   dx = dout / n, n elements going into each mean
    shapes     x (N, D), axis 0 -> (D,)
    axis       one axis, a tuple of them, or None for all
    keepdims   keep the reduced axes, with size 1

    >>> mean = Mean()
    >>> mean.forward(np.array([1.0, 2.0, 6.0, 7.0])), mean.backward(1.0)
    (np.float64(4.0), array([0.25, 0.25, 0.25, 0.25]))
    """

    sign = "mean"

    def forward(self, x):
        self.x, self.out = x, np.mean(x, axis=self.axis, keepdims=self.keepdims)
        return self.out

    def backward(self, dout):
        return self.along(dout) * self.share()


class Var(Reduction):
    """y = the variance of the elements of x, the mean squared distance from their mean (biased).

    backward   dx = dout 2 (x - mean) / n
    shapes     x (N, D), axis 0 -> (D,)
    axis       one axis, a tuple of them, or None for all
    keepdims   keep the reduced axes, with size 1

    >>> var = Var()
    >>> var.forward(np.array([1.0, 3.0])), var.backward(1.0)
    (np.float64(1.0), array([-1.,  1.]))
    """

    sign = "var"

    def forward(self, x):
        self.x, self.out = x, np.var(x, axis=self.axis, keepdims=self.keepdims)
        return self.out

    def backward(self, dout):
        centred = self.x - np.mean(self.x, axis=self.axis, keepdims=True)
        return self.along(dout) * 2 * centred * self.share()


class Extremum(Reduction):
    """What `Max` and `Min` have in common: only the elements that were chosen get the gradient."""

    def forward(self, x):
        self.x, self.out = x, type(self).choose(x, axis=self.axis, keepdims=self.keepdims)
        return self.out

    def backward(self, dout):
        chosen = np.equal(self.x, self.along(self.out)) | np.isnan(self.x)
        ties = np.sum(chosen, axis=self.axis, keepdims=True)
        return np.where(chosen, self.along(dout), 0) / ties.astype(np.result_type(self.x, 0.0))


class Max(Extremum):
    """y = the largest element of x; equal ones share the gradient.

    backward   dx = dout for the largest element, 0 for the others
    shapes     x (N, D), axis 0 -> (D,)
    axis       one axis, a tuple of them, or None for all
    keepdims   keep the reduced axes, with size 1

    >>> largest = Max(axis=1)
    >>> largest.forward(np.array([[1.0, 5.0], [2.0, 2.0]])), largest.backward(np.ones(2))
    (array([5., 2.]), array([[0. , 1. ],
           [0.5, 0.5]]))
    """

    sign = "max"
    choose = np.max


class Min(Extremum):
    """y = the smallest element of x; equal ones share the gradient.

    backward   dx = dout for the smallest element, 0 for the others
    shapes     x (N, D), axis 0 -> (D,)
    axis       one axis, a tuple of them, or None for all
    keepdims   keep the reduced axes, with size 1

    >>> smallest = Min()
    >>> smallest.forward(np.array([1.0, 5.0, 3.0])), smallest.backward(2.0)
    (np.float64(1.0), array([2., 0., 0.]))
    """

    sign = "min"
    choose = np.min
