"""The layers of both volumes, except those of images and of sequences.

Those that the second volume has, too, hold their arrays in `params` and `grads` (see `Lists`).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from .. import layers
from ..layer import Layer
from ..layers import Add, BinaryCrossEntropyWithLogits, Mul
from ..layers.activation import sigmoid
from ..layers.arithmetic import Elementwise
from ..layers.loss import check_class_numbers
from .functions import cross_entropy_error, softmax
from .images import Convolution, Pooling
from .lists import Lists, Written
from .norm import BatchNormalization, Dropout

__all__ = [
    "AddLayer",
    "Affine",
    "BatchNormalization",
    "Convolution",
    "Dropout",
    "Embedding",
    "MatMul",
    "MulLayer",
    "Pooling",
    "Relu",
    "Sigmoid",
    "SigmoidWithLoss",
    "Softmax",
    "SoftmaxWithLoss",
    "cross_entropy_error",
    "np",
    "softmax",
]


class MulLayer(Mul):
    """out = x y: the slope for each input is the other input.

    backward   dx = dout y     dy = dout x
    keeps      x, y
    source     Deep Learning from Scratch, 5.4.1

    >>> tax = MulLayer()
    >>> tax.forward(650, 1.1), tax.backward(1)
    (715.0000000000001, (1.1, 650))
    """

    def __init__(self) -> None:
        self.x: Any = None
        self.y: Any = None


class AddLayer(Add):
    """out = x + y: both inputs get the gradient as it is.

    backward   dx = dout     dy = dout
    source     Deep Learning from Scratch, 5.4.2

    >>> fruit = AddLayer()
    >>> fruit.forward(200, 450), fruit.backward(1.1)
    (650, (1.1, 1.1))
    """


class Relu(Written, Elementwise):
    """out = x where x > 0, else 0; the slope at 0 is taken as 0.

    backward   dx = dout where x > 0, else 0
    shapes     any -> the same
    keeps      mask: True where x is not positive
    source     Deep Learning from Scratch, 5.5.1

    >>> relu = Relu()
    >>> relu.forward(np.array([1.0, -0.5])), relu.mask, relu.backward(np.array([3.0, 3.0]))
    (array([1., 0.]), array([False,  True]), array([3., 0.]))
    """

    def __init__(self) -> None:
        self.mask: Any = None

    def forward(self, x: Any) -> Any:
        self.mask = x <= 0
        return np.maximum(x, 0)  # NaN stays

    def backward(self, dout: Any) -> Any:
        return np.where(self.mask, 0, dout)


class Sigmoid(Lists, layers.Sigmoid):
    """out = 1 / (1 + exp(-x)), elementwise.

    backward   dx = dout out (1 - out)
    shapes     any -> the same
    keeps      out; params [], grads []
    source     Deep Learning from Scratch, 5.5.2; 2, 1.3.5

    >>> sigmoid = Sigmoid()
    >>> sigmoid.forward(0.0), sigmoid.backward(1.0), sigmoid.params
    (0.5, 0.25, [])
    """

    def __init__(self) -> None:
        super().__init__()
        self.hold()


class Softmax(Lists, layers.Softmax):
    """out = exp(x) / sum of exp(x), for every row.

    backward   dx = out (dout - sum of dout out)
    shapes     x (N, C) -> (N, C)
    keeps      out; params [], grads []
    source     Deep Learning from Scratch 2, 1.3.1 and 8.1

    >>> Softmax().forward(np.array([[0.0, np.log(3.0)]]))
    array([[0.25, 0.75]])
    """

    def __init__(self) -> None:
        super().__init__()
        self.hold()


class MatMul(Lists, Layer):
    """out = x W, on the very array W that it is given.

    backward   dx = dout Wᵀ     dW = xᵀ dout
    shapes     x (N, D), W (D, M) -> (N, M)
    keeps      x; params [W], grads [dW]
    source     Deep Learning from Scratch 2, 1.3.4

    >>> matmul = MatMul(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> matmul.forward(np.array([[1.0, 1.0]])), matmul.backward(np.array([[1.0, 0.0]]))
    (array([[4., 6.]]), array([[1., 3.]]))
    >>> matmul.grads[0]
    array([[1., 0.],
           [1., 0.]])
    """

    def __init__(self, W: Any) -> None:
        self.hold(W)
        self.x: Any = None

    def forward(self, x: Any) -> Any:
        (W,) = self.params
        self.x = x
        return x @ W  # (N, D) @ (D, M) -> (N, M)

    def backward(self, dout: Any) -> Any:
        (W,) = self.params
        self.keep(self.x.T @ dout)  # (D, N) @ (N, M) -> (D, M)
        return dout @ W.T  # (N, M) @ (M, D) -> (N, D)


class Affine(Written, Layer):
    """out = x W + b, on the very arrays W and b that it is given.

    backward   dx = dout Wᵀ     dW = xᵀ dout     db = sum of dout over the batch
    shapes     x (N, D) or (N, ...) with D elements a row, W (D, M), b (M,) -> (N, M)
    keeps      W, b, x, original_x_shape, dW, db; params [W, b], grads
    source     Deep Learning from Scratch, 5.6.2; 2, 1.3.5

    >>> affine = Affine(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0]))
    >>> affine.forward(np.array([[1.0, 1.0]])), affine.backward(np.array([[1.0, 0.0]]))
    (array([[14., 26.]]), array([[1., 3.]]))
    >>> affine.dW
    array([[1., 0.],
           [1., 0.]])
    """

    def __init__(self, W: Any, b: Any) -> None:
        self.W, self.b = W, b
        self.x: Any = None
        self.original_x_shape: Any = None
        self.dW: Any = None
        self.db: Any = None

    @cached_property
    def params(self) -> list[Any]:
        return [self.W, self.b]

    @cached_property
    def grads(self) -> list[Any]:
        """Made when first asked for: the first volume never does, and is spared the copies."""
        made = zip(self.params, (self.dW, self.db))
        return [np.zeros_like(W) if dW is None else dW.copy() for W, dW in made]

    def forward(self, x: Any) -> Any:
        self.original_x_shape = x.shape
        self.x = x = x if x.ndim == 2 else x.reshape(len(x), -1)  # images become rows: (N, D)
        return np.dot(x, self.W) + self.b  # (N, D) @ (D, M) -> (N, M)

    def backward(self, dout: Any) -> Any:
        dx = np.dot(dout, self.W.T)  # (N, M) @ (M, D) -> (N, D)
        # dW (D, N) @ (N, M) -> (D, M), db (N, M) -> (M,)
        self.keep(np.dot(self.x.T, dout), dout.sum(axis=0))
        return dx.reshape(self.original_x_shape)

    def keep(self, dW: Any, db: Any) -> None:
        self.dW, self.db = dW, db
        if "grads" in vars(self):
            self.grads[0][...], self.grads[1][...] = dW, db


class SoftmaxWithLoss(Lists, Layer):
    """loss = -ln(softmax(x)[t]), the mean over the batch: scores and targets to one number.

    backward   dx = dout (y - t) / N, the gradient of the scores alone
    shapes     x (N, C); t (N,) class numbers, or shaped like x: one-hot rows or probabilities
    keeps      loss, y (the probabilities), t
    source     Deep Learning from Scratch, 5.6.3

    >>> last = SoftmaxWithLoss()
    >>> last.forward(np.array([[0.0, 0.0]]), np.array([1])).round(6), last.y
    (np.float64(0.693147), array([[0.5, 0.5]]))
    >>> last.backward()
    array([[ 0.5, -0.5]])
    """

    def __init__(self) -> None:
        self.hold()
        self.loss: Any = None
        self.y: Any = None
        self.t: Any = None

    def forward(self, x: Any, t: Any) -> Any:
        self.t = t = np.asarray(t)
        shifted = x - x.max(axis=1, keepdims=True)
        e = np.exp(shifted)  # at most 1
        total = e.sum(axis=1, keepdims=True)
        self.y = e / total
        log_y = shifted - np.log(total)  # finite where y itself is too small for a float
        if t.shape == x.shape:
            at_t = np.vdot(t, log_y)
            if math.isnan(at_t):  # what is impossible in both, 0 ln 0, counts as 0
                at_t = np.vdot(t, np.where(t == 0, 0, log_y))
        else:
            check_class_numbers(self, t, x.shape[:1], x.shape[1])
            at_t = log_y[np.arange(len(x)), t].sum()
        self.loss = -at_t / len(x)
        return self.loss

    def backward(self, dout: Any = 1) -> Any:
        y, t, N = self.y, self.t, len(self.y)
        share = float(dout) / max(N, 1)
        if t.shape == y.shape:
            dx = (y * t.sum(axis=1, keepdims=True) - t) * share
            return dx.astype(y.dtype, copy=False)
        dx = y * share
        dx[np.arange(N), t] -= share
        return dx


class SigmoidWithLoss(Lists, Layer):
    """loss = -ln(y) where t is 1, -ln(1 - y) where it is 0, the mean; y = 1 / (1 + exp(-x)).

    backward   dx = dout (y - t) / N
    shapes     x (N,) scores, t (N,) of 0 and 1 -> one number
    keeps      loss, y, t; params [], grads []
    source     Deep Learning from Scratch 2, 4.2.3

    >>> last = SigmoidWithLoss()
    >>> last.forward(np.array([0.0, 0.0]), np.array([1, 0])).round(6), last.backward()
    (np.float64(0.693147), array([-0.25,  0.25]))
    """

    def __init__(self) -> None:
        self.hold()
        self.loss: Any = None
        self.y: Any = None
        self.t: Any = None
        self.cross_entropy = BinaryCrossEntropyWithLogits()

    def forward(self, x: Any, t: Any) -> Any:
        self.t = t
        self.y = sigmoid(x)
        self.loss = self.cross_entropy.forward(x, t)
        return self.loss

    def backward(self, dout: Any = 1) -> Any:
        dx = (self.y - self.t) * (dout / np.size(self.t))
        return np.asarray(dx, self.y.dtype)


class Embedding(Lists, Layer):
    """out = the rows of W with the numbers idx: the vectors of words.

    backward   dW = for each row the sum of dout wherever it was taken
    shapes     idx (N,) whole numbers, W (V, D) -> (N, D)
    keeps      idx; params [W], grads [dW]
    source     Deep Learning from Scratch 2, 4.1.2

    >>> embed = Embedding(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> embed.forward(np.array([1, 0, 1]))
    array([[3., 4.],
           [1., 2.],
           [3., 4.]])
    >>> embed.backward(np.array([[1.0, 0.0], [5.0, 5.0], [2.0, 0.0]])), embed.grads[0]
    (None, array([[5., 5.],
           [3., 0.]]))
    """

    def __init__(self, W: Any) -> None:
        self.hold(W)
        self.idx: Any = None

    def forward(self, idx: Any) -> Any:
        (W,) = self.params
        self.idx = idx
        return W[idx]

    def backward(self, dout: Any) -> None:
        (dW,) = self.grads
        dW[...] = 0
        np.add.at(dW, self.idx, dout)  # words that stand there twice count twice
