"""The layers of *Deep Learning from Scratch* under the book's names, signatures and attributes.

A program of the book runs with its class definitions replaced by an import:

    from layerwise.book import AddLayer, MulLayer

What the book keeps, these keep: `Affine(W, b)` works on the arrays it is given, so that updates in
place reach it, and leaves `dW` and `db`; `Relu.mask` marks what is not positive; `SoftmaxWithLoss`
returns the gradient of the scores alone. Three things are mended: nothing is ever written into
`x` or `dout`, `SoftmaxWithLoss` multiplies by `dout` and never loses a digit to log(y + 1e-7), and
`Dropout.backward` knows whether its forward was one of training.

>>> apple = MulLayer()
>>> apple.forward(100, 2), apple.backward(1)
(200, (2, 100))
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .layer import Layer
from .layers import Add, Mul, Sigmoid, SoftmaxCrossEntropy
from .layers.arithmetic import Elementwise

__all__ = ["AddLayer", "Affine", "Dropout", "MulLayer", "Relu", "Sigmoid", "SoftmaxWithLoss"]


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


class Relu(Elementwise):
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
        return np.where(self.mask, 0, x)

    def backward(self, dout: Any) -> Any:
        return np.where(self.mask, 0, dout)


class Affine(Layer):
    """out = x W + b, on the very arrays W and b that it is given.

    backward   dx = dout Wᵀ     dW = xᵀ dout     db = sum of dout over the batch
    shapes     x (N, D) or (N, ...) with D elements a row, W (D, M), b (M,) -> (N, M)
    keeps      W, b, x, original_x_shape, dW, db
    source     Deep Learning from Scratch, 5.6.2

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

    def forward(self, x: Any) -> Any:
        self.original_x_shape = x.shape
        self.x = x.reshape(x.shape[0], -1)  # images become rows: (N, C, H, W) -> (N, D)
        return self.x @ self.W + self.b  # (N, D) @ (D, M) -> (N, M)

    def backward(self, dout: Any) -> Any:
        dx = dout @ self.W.T  # (N, M) @ (M, D) -> (N, D)
        self.dW = self.x.T @ dout  # (D, N) @ (N, M) -> (D, M)
        self.db = dout.sum(axis=0)  # (N, M) -> (M,)
        return dx.reshape(self.original_x_shape)


class SoftmaxWithLoss(Layer):
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
        self.loss: Any = None
        self.y: Any = None
        self.t: Any = None
        self.cross_entropy = SoftmaxCrossEntropy()

    def forward(self, x: Any, t: Any) -> Any:
        self.t = np.asarray(t)
        rows = self.t.shape == x.shape  # the book's one-hot rows may also be whole numbers
        self.loss = self.cross_entropy.forward(
            x, self.t.astype(np.result_type(x, 0.0)) if rows else self.t
        )
        self.y = np.exp(self.cross_entropy.log_y)
        return self.loss

    def backward(self, dout: Any = 1) -> Any:
        return self.cross_entropy.backward(dout)[0]


class Dropout(Layer):
    """While training, sets each element to 0 with probability `dropout_ratio`.

    forward    out = x m, m drawn as 0 or 1     out = x (1 - dropout_ratio) when not training
    backward   dx = dout m                      dx = dout (1 - dropout_ratio)
    shapes     any -> the same
    keeps      mask: m as True and False; None when not training
    rng        a generator or a seed; None: the graph's seed decides
    source     Deep Learning from Scratch, 6.4.3

    >>> dropout = Dropout(0.5, rng=0)
    >>> dropout.forward(np.ones(6)), dropout.forward(np.ones(2), train_flg=False)
    (array([1., 0., 0., 0., 1., 1.]), array([0.5, 0.5]))
    """

    def __init__(self, dropout_ratio: float = 0.5, rng: Any = None) -> None:
        if not 0 <= dropout_ratio <= 1:
            raise ValueError(f"Dropout({dropout_ratio}): give a probability, from 0 to 1.")
        self.dropout_ratio = dropout_ratio
        self.rng = np.random.default_rng(rng)
        self.rng_is_free = rng is None
        self.mask: Any = None

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        if not train_flg:
            self.mask = None
            return x * (1.0 - self.dropout_ratio)
        self.mask = self.rng.random(np.shape(x)) > self.dropout_ratio
        return x * self.mask

    def backward(self, dout: Any) -> Any:
        return dout * ((1.0 - self.dropout_ratio) if self.mask is None else self.mask)
