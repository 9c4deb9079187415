"""The layers of images, and im2col, which makes rows of windows."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..layer import Layer
from ..layers import MaxPool2d
from ..layers.pad import pad as padded
from ..layers.pad import unpad
from ..layers.windows import Window
from .lists import Written


def im2col(input_data: Any, filter_h: int, filter_w: int, stride: int = 1, pad: int = 0) -> Any:
    """All windows of images as rows: (N, C, H, W) -> (N out_h out_w, C filter_h filter_w).

    It stays in the dtype of the images, where the book's makes float64 of them.

    source     Deep Learning from Scratch, 7.4.2

    >>> import numpy as np
    >>> im2col(np.arange(6.0).reshape(1, 1, 2, 3), 2, 2)
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.]])
    """
    window = window_of(filter_h, filter_w, stride, pad)
    taps = window.im2col(padded(input_data, window.padding))  # (N, C, FH FW, out_h, out_w)
    return taps.transpose(0, 3, 4, 1, 2).reshape(-1, taps.shape[1] * taps.shape[2])


def col2im(
    col: Any, input_shape: Any, filter_h: int, filter_w: int, stride: int = 1, pad: int = 0
) -> Any:
    """Rows laid back on images of this shape, and added where windows overlap.

    source     Deep Learning from Scratch, 7.4.2

    >>> import numpy as np
    >>> col2im(np.ones((2, 4)), (1, 1, 2, 3), 2, 2)
    array([[[[1., 2., 1.],
             [1., 2., 1.]]]])
    """
    N, C, H, W = input_shape
    window = window_of(filter_h, filter_w, stride, pad)
    out_h = (H + 2 * pad - filter_h) // stride + 1
    out_w = (W + 2 * pad - filter_w) // stride + 1
    taps = col.reshape(N, out_h, out_w, C, filter_h * filter_w).transpose(0, 3, 4, 1, 2)
    return unpad(window.col2im(taps, window.padded(input_shape)), window.padding)


def window_of(filter_h: int, filter_w: int, stride: int, pad: int) -> Window:
    return Window((filter_h, filter_w), (stride,) * 2, [(pad, pad)] * 2, (1, 1))


class Convolution(Written, Layer):
    """out = col col_W + b: the pixels under every window, times the kernels.

    backward   dW = colᵀ dout     db = sum of dout     dcol = dout col_Wᵀ, and dx adds it up
    shapes     x (N, C, H, W), W (FN, C, FH, FW), b (FN,) -> (N, FN, out_h, out_w)
               out_h = floor((H + 2 pad - FH) / stride) + 1
    keeps      W, b, x, col (N out_h out_w, C FH FW), col_W (C FH FW, FN), dW, db
    errors     ShapeError if x has other channels than W, or is smaller than the kernel
    source     Deep Learning from Scratch, 7.4.3

    >>> import numpy as np
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

    def geometry(self) -> Any:
        return (*self.W.shape[2:], self.stride, self.pad)

    def out_shape(self, x: Any) -> Any:
        if ... in x:
            return (..., None)
        C = self.W.shape[1]
        if len(x) != 4 or x[1] not in (C, None):
            raise ShapeError(self, f"inputs (N, {C}, H, W)", x)
        return (x[0], len(self.W), *window_of(*self.geometry()).out_sizes(self, x))

    def forward(self, x: Any) -> Any:
        N, FN, out_h, out_w = self.out_shape(x.shape)
        self.x = x
        self.col = im2col(x, *self.geometry())  # (N out_h out_w, C FH FW)
        self.col_W = self.W.reshape(FN, -1).T
        out = self.col @ self.col_W + self.b  # (N out_h out_w, FN)
        return out.reshape(N, out_h, out_w, FN).transpose(0, 3, 1, 2)

    def backward(self, dout: Any) -> Any:
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, len(self.W))  # (N out_h out_w, FN)
        self.keep((self.col.T @ dout).T.reshape(self.W.shape), dout.sum(axis=0))
        dcol = dout @ self.col_W.T  # (N out_h out_w, C FH FW)
        return col2im(dcol, self.x.shape, *self.geometry())

    def keep(self, dW: Any, db: Any) -> None:
        self.dW, self.db = dW, db


class Pooling(Written, Layer):
    """out = the largest number of each window, for every channel by itself.

    backward   dx = dout where the largest number was (of equal ones the first), else 0
    shapes     x (N, C, H, W) -> (N, C, out_h, out_w), out_h = floor((H + 2 pad - pool_h) / stride)
               + 1
    keeps      x, arg_max: the number of the largest element in its window, flat, the windows in the
               order N, out_h, out_w, C
    errors     ShapeError if x is smaller than the window; ValueError if pad is more than half of it
    source     Deep Learning from Scratch, 7.4.4 (there pad raises an error, and its zeros would
               win over negative numbers; here it never wins)

    >>> import numpy as np
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
