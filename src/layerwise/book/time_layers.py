"""The layers of sequences, from the second volume; x is (N, T, D): N rows of T steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layer import Layer
from .functions import sigmoid, softmax
from .layers import (
    Affine,
    Dropout,
    Embedding,
    MatMul,
    SigmoidWithLoss,
    Softmax,
    SoftmaxWithLoss,
)
from .lists import Lists
from .recurrent import GRU, LSTM, RNN, TimeBiLSTM, TimeGRU, TimeLSTM, TimeRNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Affine",
    "Dropout",
    "Embedding",
    "MatMul",
    "SigmoidWithLoss",
    "Simple_TimeAffine",
    "Simple_TimeSoftmaxWithLoss",
    "Softmax",
    "SoftmaxWithLoss",
    "TimeAffine",
    "TimeBiLSTM",
    "TimeDropout",
    "TimeEmbedding",
    "TimeGRU",
    "TimeLSTM",
    "TimeRNN",
    "TimeSigmoidWithLoss",
    "TimeSoftmaxWithLoss",
    "np",
    "sigmoid",
    "softmax",
]


class TimeEmbedding(Lists, Layer):
    """out = the rows of W with the numbers xs: the vectors of words, for all steps.

    backward   dW = for each row the sum of dout wherever it was taken
    shapes     xs (N, T) whole numbers, W (V, D) -> (N, T, D)
    keeps      W, xs; params [W], grads [dW]
    source     Deep Learning from Scratch 2, 5.4.2

    >>> embed = TimeEmbedding(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> embed.forward(np.array([[1, 0]]))
    array([[[3., 4.],
            [1., 2.]]])
    >>> embed.backward(np.array([[[5.0, 5.0], [7.0, 0.0]]])), embed.grads[0]
    (None, array([[7., 0.],
           [5., 5.]]))
    """

    def __init__(self, W: Any) -> None:
        self.embedding = Embedding(W)
        self.embedding.stand_in = None  # it is not called by hand in here
        self.params, self.grads = self.embedding.params, self.embedding.grads
        self.W = W

    def forward(self, xs: Any) -> Any:
        return self.embedding.forward(xs)

    def backward(self, dout: Any) -> None:
        self.embedding.backward(dout)


class TimeAffine(Lists, Layer):
    """out = x W + b for all steps, on the very arrays W and b that it is given.

    backward   dx = dout Wᵀ     dW = xᵀ dout     db = sum of dout over rows and steps
    shapes     x (N, T, D), W (D, M), b (M,) -> (N, T, M)
    keeps      x, W, b, dW, db; params [W, b], grads [dW, db]
    source     Deep Learning from Scratch 2, 5.4.2; with W = embed_W.T, 6.5.3 (weight tying)

    >>> affine = TimeAffine(np.array([[1.0, 2.0]]), np.zeros(2))
    >>> affine.forward(np.array([[[1.0], [10.0]]])), affine.backward(np.ones((1, 2, 2)))
    (array([[[ 1.,  2.],
            [10., 20.]]]), array([[[3.],
            [3.]]]))
    >>> affine.grads
    [array([[11., 11.]]), array([2., 2.])]
    """

    def __init__(self, W: Any, b: Any) -> None:
        self.hold(W, b)
        self.W, self.b = W, b
        self.x: Any = None
        self.dW, self.db = self.grads

    def forward(self, x: Any) -> Any:
        W, b = self.params
        N, T, D = x.shape
        self.x = x.reshape(N * T, D)
        return (self.x @ W + b).reshape(N, T, W.shape[1])  # (N T, D) @ (D, M) -> (N T, M)

    def backward(self, dout: Any) -> Any:
        W, _ = self.params
        N, T, M = dout.shape
        dout = dout.reshape(N * T, M)
        # dW (D, N T) @ (N T, M) -> (D, M), db (N T, M) -> (M,)
        self.keep(self.x.T @ dout, dout.sum(axis=0))
        return (dout @ W.T).reshape(N, T, W.shape[0])  # (N T, M) @ (M, D) -> (N T, D)


class TimeSoftmaxWithLoss(Lists, Layer):
    """loss = -ln(softmax(xs)[ts]), the mean over all rows and steps that have a label.

    backward   dx = dout (y - t) / n, 0 where there is no label; n labels
    shapes     xs (N, T, V); ts (N, T) whole numbers, or one-hot rows (N, T, V) -> one number
    keeps      ignore_label, -1: where ts is that, nothing counts; params [], grads []
    source     Deep Learning from Scratch 2, 5.4.2

    Without any label the loss is 0. A second backward gives the same as the first.

    >>> last = TimeSoftmaxWithLoss()
    >>> xs = np.log(np.array([[[1.0, 3.0], [1.0, 1.0], [1.0, 1.0]]]))
    >>> np.exp(-last.forward(xs, np.array([[0, -1, 1]]))).round(6)            # √(1/4 · 1/2)
    np.float64(0.353553)
    >>> last.backward().round(6)
    array([[[-0.375,  0.375],
            [ 0.   ,  0.   ],
            [ 0.25 , -0.25 ]]])
    """

    def __init__(self) -> None:
        self.hold()
        self.ignore_label = -1
        self.shape: Any = None
        self.y: Any = None  # saved by forward for backward: (N T, V)
        self.t: Any = None
        self.mask: Any = None  # (N T,): where there is a label
        self.count = 1  # how many labels there are

    def forward(self, xs: Any, ts: Any) -> Any:
        N, T, V = self.shape = xs.shape
        ts = ts.argmax(axis=2) if ts.ndim == 3 else ts
        self.t, self.mask = ts.reshape(N * T), (ts != self.ignore_label).reshape(N * T)
        self.count = max(int(self.mask.sum()), 1)
        x = xs.reshape(N * T, V)
        self.y = x - x.max(axis=1, keepdims=True)
        at_t = self.y[np.arange(N * T), self.t]
        total = np.exp(self.y, out=self.y).sum(axis=1, keepdims=True)
        self.y /= total
        losses = np.log(total[:, 0]) - at_t  # -ln(y[t]), also where y[t] rounds to 0
        return np.sum(losses * self.mask) / self.count

    def backward(self, dout: Any = 1) -> Any:
        share = (self.mask * (dout / self.count)).astype(self.y.dtype)  # (N T,)
        dx = self.y * share[:, None]
        dx[np.arange(len(dx)), self.t] -= share
        return dx.reshape(self.shape)


class TimeSigmoidWithLoss(SigmoidWithLoss):
    """loss = -ln(y) where t is 1, -ln(1 - y) where it is 0, the mean over all rows and steps.

    backward   dx = dout (y - t) / (N T)
    shapes     xs (N, T) scores, ts (N, T) of 0 and 1 -> one number
    keeps      loss, y, t; params [], grads []
    source     Deep Learning from Scratch 2, common/time_layers.py

    >>> TimeSigmoidWithLoss().forward(np.zeros((2, 3)), np.ones((2, 3))).round(6)
    np.float64(0.693147)
    """


class TimeDropout(Dropout):
    """While training, sets each element to 0 with probability dropout_ratio and scales the others.

    forward    out = xs m / (1 - dropout_ratio), m drawn as 0 or 1      out = xs when not training
    backward   dxs = dout m / (1 - dropout_ratio)                       dxs = dout
    shapes     any -> the same
    keeps      train_flg: False turns it off, and so does a graph outside training; mask; params
               [], grads []
    rng        a generator or a seed; None: the graph's seed decides
    source     Deep Learning from Scratch 2, 6.5.2 (there backward always uses the last mask)

    >>> dropout = TimeDropout(0.5, rng=0)
    >>> dropout.forward(np.ones((1, 1, 6)))
    array([[[2., 0., 0., 0., 2., 2.]]])
    """

    train_flg = True

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        self.mask = None
        if not (self.train_flg and train_flg):
            return x
        kept = self.rng.random(np.shape(x)) > self.dropout_ratio
        self.mask = kept.astype(x.dtype) / (1.0 - self.dropout_ratio)
        return x * self.mask

    def backward(self, dout: Any) -> Any:
        return dout * 1 if self.mask is None else dout * self.mask


Simple_TimeSoftmaxWithLoss = TimeSoftmaxWithLoss  # in the book the plain, slow spelling of it
Simple_TimeAffine = TimeAffine
