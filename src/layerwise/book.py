"""The layers of *Deep Learning from Scratch* under the book's names, signatures and attributes.

A program of the book runs with its class definitions replaced by an import:

    from layerwise.book import AddLayer, MulLayer

What the book keeps, these keep: `Affine(W, b)` works on the arrays it is given, so that updates in
place reach it, and leaves `dW` and `db`; `Relu.mask` marks what is not positive; `SoftmaxWithLoss`
returns the gradient of the scores alone. Some things are mended: nothing is ever written into
`x` or `dout`, `SoftmaxWithLoss` multiplies by `dout` and never loses a digit to log(y + 1e-7),
`backward` of `Dropout` and `BatchNormalization` knows whether its forward was one of training, and
`BatchNormalization` can take the channels of images together. `Convolution` and
`Pooling` stay in the dtype of their input, where the book's make float64 of it.

>>> apple = MulLayer()
>>> apple.forward(100, 2), apple.backward(1)
(200, (2, 100))
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import ShapeError
from .layer import Layer
from .layers import Add, MaxPool2d, Mul, Sigmoid, SoftmaxCrossEntropy
from .layers.arithmetic import Elementwise
from .layers.norm import back_through_moments, moments
from .layers.pad import pad as padded
from .layers.pad import unpad
from .layers.windows import Window
from .parameter import Buffer

__all__ = [
    "AddLayer",
    "Affine",
    "BatchNormalization",
    "Convolution",
    "Dropout",
    "MulLayer",
    "Pooling",
    "Relu",
    "Sigmoid",
    "SoftmaxWithLoss",
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


class BatchNormalization(Layer):
    """out = gamma xn + beta, where xn is x with every column at mean 0 and variance 1.

    forward    xn = (x - mu) / √(var + 1e-6), mu and var of the batch, or, with train_flg=False,
               the running ones
    backward   dgamma = sum of dout xn     dbeta = sum of dout     dxn = dout gamma
               dx = (dxn - mean of dxn - xn (mean of dxn xn)) / std, or dxn / std with the running
               ones
    shapes     x (N, D), gamma and beta (D,) -> (N, D). Images (N, C, H, W): with C numbers in
               gamma, each channel is one column; with C H W of them, each pixel is, as in the book
    momentum   the share of the running statistics that stays, running = momentum running +
               (1 - momentum) new; their variance is divided by N, as that of the batch (biased)
    running_mean, running_var   where these start; None: at 0 (from the beginning, where the book
               waits for the first forward)
    keeps      input_shape, batch_size, xc, xn, std, dgamma, dbeta, running_mean, running_var
    errors     ShapeError if x has not as many columns, channels or pixels as gamma has numbers
    source     Deep Learning from Scratch, 6.3

    >>> norm = BatchNormalization(np.ones(1), np.zeros(1))
    >>> norm.forward(np.array([[1.0], [3.0], [5.0], [7.0]])).round(3).ravel()
    array([-1.342, -0.447,  0.447,  1.342])
    >>> norm.running_mean, norm.running_var
    (array([0.4]), array([0.5]))
    >>> norm.forward(np.array([[1.4]]), train_flg=False).round(3)
    array([[1.414]])
    """

    def __init__(
        self,
        gamma: Any,
        beta: Any,
        momentum: float = 0.9,
        running_mean: Any = None,
        running_var: Any = None,
    ) -> None:
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        given = {"mean": running_mean, "var": running_var}
        start = np.zeros(np.shape(gamma))
        self.running = {k: Buffer(np.array(start if v is None else v)) for k, v in given.items()}
        self.input_shape: Any = None
        self.batch_size: Any = None
        self.train_flg: Any = None
        self.xc: Any = None
        self.xn: Any = None
        self.std: Any = None
        self.dgamma: Any = None
        self.dbeta: Any = None

    @property
    def running_mean(self) -> Any:
        return self.running["mean"].value

    @running_mean.setter
    def running_mean(self, value: Any) -> None:
        self.running["mean"].value = value

    @property
    def running_var(self) -> Any:
        return self.running["var"].value

    @running_var.setter
    def running_var(self, value: Any) -> None:
        self.running["var"].value = value

    def out_shape(self, x: Any) -> Any:
        size = np.size(self.gamma)
        known = ... not in x and None not in x[1:]
        if known and (len(x) < 2 or size not in (x[1], math.prod(x[1:]))):
            raise ShapeError(self, f"rows of {size} numbers or images of {size} channels", x)
        return x

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        self.out_shape(np.shape(x))
        self.input_shape, self.train_flg = x.shape, train_flg
        x = self.rows(x)
        self.batch_size = len(x)
        if train_flg:
            mu, self.xc, var = moments(x, 0)  # (N, D) -> (1, D)
            for running, new in zip(self.running.values(), (mu, var)):
                running.value += (1 - self.momentum) * (new[0] - running.value)
        else:
            self.xc = x - self.running["mean"].like(x)
            var = self.running["var"].like(x)[None]
        self.std = np.sqrt(var + 10e-7)[0]  # (1, D) -> (D,)
        self.xn = self.xc / self.std
        return self.unrows(self.gamma * self.xn + self.beta)

    def backward(self, dout: Any) -> Any:
        dout = self.rows(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        if self.train_flg:
            return self.unrows(back_through_moments(dxn, self.xn, self.std, 0))
        return self.unrows(dxn / self.std)

    def channels_last(self) -> bool:
        """Whether gamma has one number for each channel, so that each pixel becomes a row."""
        return len(self.input_shape) > 2 and np.size(self.gamma) == self.input_shape[1]

    def rows(self, x: Any) -> Any:
        x = np.moveaxis(x, 1, -1) if self.channels_last() else x  # (N, C, H, W) -> (N, H, W, C)
        width = np.size(self.gamma)
        return x.reshape(x.size // width, width)

    def unrows(self, rows: Any) -> Any:
        if not self.channels_last():
            return rows.reshape(self.input_shape)
        n, c, *sizes = self.input_shape
        return np.moveaxis(rows.reshape(n, *sizes, c), -1, 1)


class Convolution(Layer):
    """out = col col_W + b: the pixels under every window, times the kernels.

    backward   dW = colᵀ dout     db = sum of dout     dcol = dout col_Wᵀ, and dx adds it up
    shapes     x (N, C, H, W), W (FN, C, FH, FW), b (FN,) -> (N, FN, out_h, out_w)
               out_h = floor((H + 2 pad - FH) / stride) + 1
    keeps      W, b, x, col (N out_h out_w, C FH FW), col_W (C FH FW, FN), dW, db
    errors     ShapeError if x has other channels than W, or is smaller than the kernel
    source     Deep Learning from Scratch, 7.4.3

    >>> conv = Convolution(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.array([0.5]))
    >>> conv.forward(np.array([[[[1.0, 0.0, 5.0], [0.0, 1.0, 0.0]]]])), conv.col
    (array([[[[ 5.5, 13.5]]]]), array([[1., 0., 0., 1.],
           [0., 5., 1., 0.]]))
    >>> conv.backward(np.array([[[[1.0, 10.0]]]])), conv.db
    (array([[[[ 1., 12., 20.],
             [ 3., 34., 40.]]]]), array([11.]))
    """

    def __init__(self, W: Any, b: Any, stride: int = 1, pad: int = 0) -> None:
        self.W, self.b, self.stride, self.pad = W, b, stride, pad
        self.x: Any = None
        self.col: Any = None
        self.col_W: Any = None
        self.dW: Any = None
        self.db: Any = None

    def window(self) -> Window:
        return Window(self.W.shape[2:], (self.stride,) * 2, [(self.pad, self.pad)] * 2, (1, 1))

    def out_shape(self, x: Any) -> Any:
        if ... in x:
            return (..., None)
        C = self.W.shape[1]
        if len(x) != 4 or x[1] not in (C, None):
            raise ShapeError(self, f"inputs (N, {C}, H, W)", x)
        return (x[0], len(self.W), *self.window().out_sizes(self, x))

    def forward(self, x: Any) -> Any:
        N, FN, out_h, out_w = self.out_shape(x.shape)
        window = self.window()
        taps = window.im2col(padded(x, window.padding))  # (N, C, FH FW, out_h, out_w)
        self.x = x
        self.col = taps.transpose(0, 3, 4, 1, 2).reshape(N * out_h * out_w, self.W[0].size)
        self.col_W = self.W.reshape(FN, -1).T
        out = self.col @ self.col_W + self.b  # (N out_h out_w, FN)
        return out.reshape(N, out_h, out_w, FN).transpose(0, 3, 1, 2)

    def backward(self, dout: Any) -> Any:
        N, FN, out_h, out_w = dout.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)  # (N out_h out_w, FN)
        self.db = dout.sum(axis=0)
        self.dW = (self.col.T @ dout).T.reshape(self.W.shape)
        dcol = dout @ self.col_W.T  # (N out_h out_w, C FH FW)
        window, C = self.window(), self.W.shape[1]
        taps = dcol.reshape(N, out_h, out_w, C, self.W[0, 0].size).transpose(0, 3, 4, 1, 2)
        return unpad(window.col2im(taps, window.padded(self.x.shape)), window.padding)


class Pooling(Layer):
    """out = the largest number of each window, for every channel by itself.

    backward   dx = dout where the largest number was (of equal ones the first), else 0
    shapes     x (N, C, H, W) -> (N, C, out_h, out_w), out_h = floor((H + 2 pad - pool_h) / stride)
               + 1
    keeps      x, arg_max: the number of the largest element in its window, flat, the windows in the
               order N, out_h, out_w, C
    errors     ShapeError if x is smaller than the window; ValueError if pad is more than half of it
    source     Deep Learning from Scratch, 7.4.4 (there pad raises an error, and its zeros would
               win over negative numbers; here it never wins)

    >>> pool = Pooling(2, 2)
    >>> pool.forward(np.array([[[[1.0, 3.0], [2.0, 0.0]]]])), pool.arg_max
    (array([[[[3.]]]]), array([1]))
    >>> pool.backward(np.array([[[[10.0]]]]))
    array([[[[ 0., 10.],
             [ 0.,  0.]]]])
    """

    def __init__(self, pool_h: int, pool_w: int, stride: int = 1, pad: int = 0) -> None:
        self.pool_h, self.pool_w, self.stride, self.pad = pool_h, pool_w, stride, pad
        self.pool = MaxPool2d((pool_h, pool_w), stride, pad)
        self.x: Any = None
        self.arg_max: Any = None

    def out_shape(self, x: Any) -> Any:
        if ... in x:
            return (..., None)
        if len(x) != 4:
            raise ShapeError(self, "inputs (N, C, H, W)", x)
        return (*x[:2], *self.pool.window.out_sizes(self, x))

    def forward(self, x: Any) -> Any:
        self.out_shape(x.shape)
        self.x = x
        out = self.pool.forward(x)
        self.arg_max = self.pool.arg_max.transpose(0, 2, 3, 1).reshape(-1)
        return out

    def backward(self, dout: Any) -> Any:
        return self.pool.backward(dout)
