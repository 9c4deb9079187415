"""The code of *Deep Learning from Scratch*: its layers as its chapters write them, in float32.

Convolution and pooling by im2col, an LSTM cell for each step, optimizers with a loop over all
parameters; written by hand here, so that nothing of layerwise is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..works import LEARNING_RATES, NETWORKS, Given, Work
from . import Running, checked, cpus

Weights = Iterator[np.ndarray]


def build(work: Work, given: Given, option: str) -> Running:
    weights = iter([W.copy() for W in given.weights])
    layers = [LAYERS[word](weights, *how) for word, *how in NETWORKS[work.network]]
    loss = SoftmaxWithLoss()
    params = [W for layer in layers for W in layer.params]
    optimizer = OPTIMIZERS[work.optimizer](LEARNING_RATES[work.optimizer]) if work.learns else None

    def predict() -> np.ndarray:
        x = given.x
        for layer in layers:
            x = layer.forward(x, work.learns)
        return x

    def step() -> Any:
        if optimizer is None:
            return predict()
        value = loss.forward(predict(), given.t)
        dout = loss.backward()
        for layer in reversed(layers):
            dout = layer.backward(dout)
        optimizer.update(params, [dW for layer in layers for dW in layer.grads])
        return value

    total, dtype = sum(W.size for W in params), str(np.result_type(*params))
    return checked(Running(step, total, dtype, cpus()), given)


# layers ------------------------------------------------------------------------------------------


class Layer:
    params: list[np.ndarray] = []  # noqa: RUF012
    grads: list[np.ndarray] = []  # noqa: RUF012


class Affine(Layer):
    def __init__(self, weights: Weights, inputs: int, outputs: int) -> None:
        self.params = [next(weights), next(weights)]

    def forward(self, x, train):
        self.shape, self.x = x.shape, x.reshape(-1, x.shape[-1])
        out = np.dot(self.x, self.params[0]) + self.params[1]
        return out.reshape(*self.shape[:-1], -1)

    def backward(self, dout):
        dout = dout.reshape(len(self.x), -1)
        self.grads = [np.dot(self.x.T, dout), dout.sum(axis=0)]
        return np.dot(dout, self.params[0].T).reshape(self.shape)


class Relu(Layer):
    def forward(self, x, train):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


class Dropout(Layer):
    def forward(self, x, train):
        if not train:
            return x
        self.mask = np.random.default_rng().random(x.shape) > 0.5
        return x * self.mask * np.float32(2)

    def backward(self, dout):
        return dout * self.mask * np.float32(2)


class Flatten(Layer):
    def forward(self, x, train):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout):
        return dout.reshape(self.shape)


def im2col(x, size, stride, pad):
    """(N, C, H, W) -> (N * out_h * out_w, C * size * size)"""
    N, C, H, W = x.shape
    out_h, out_w = (H + 2 * pad - size) // stride + 1, (W + 2 * pad - size) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.zeros((N, C, size, size, out_h, out_w), x.dtype)
    for i in range(size):
        for j in range(size):
            rows, columns = (
                slice(i, i + stride * out_h, stride),
                slice(j, j + stride * out_w, stride),
            )
            col[:, :, i, j] = img[:, :, rows, columns]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)


def col2im(col, shape, size, stride, pad):
    """The sum of what im2col has taken apart."""
    N, C, H, W = shape
    out_h, out_w = (H + 2 * pad - size) // stride + 1, (W + 2 * pad - size) // stride + 1
    col = col.reshape(N, out_h, out_w, C, size, size).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad + stride - 1, W + 2 * pad + stride - 1), col.dtype)
    for i in range(size):
        for j in range(size):
            rows, columns = (
                slice(i, i + stride * out_h, stride),
                slice(j, j + stride * out_w, stride),
            )
            img[:, :, rows, columns] += col[:, :, i, j]
    return img[:, :, pad : H + pad, pad : W + pad]


class Convolution(Layer):
    def __init__(self, weights: Weights, channels: int, filters: int, size: int, pad: int) -> None:
        self.params = [next(weights), next(weights)]
        self.size, self.pad = size, pad

    def forward(self, x, train):
        W, b = self.params
        N, _, H, width = x.shape
        out_h, out_w = (n + 2 * self.pad - self.size + 1 for n in (H, width))
        self.shape, self.col = x.shape, im2col(x, self.size, 1, self.pad)
        out = np.dot(self.col, W.reshape(len(W), -1).T) + b
        return out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        W, _ = self.params
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, len(W))
        dW = np.dot(self.col.T, dout).T.reshape(W.shape)
        self.grads = [dW, dout.sum(axis=0)]
        return col2im(np.dot(dout, W.reshape(len(W), -1)), self.shape, self.size, 1, self.pad)


class Pooling(Layer):
    def forward(self, x, train):
        N, C, H, W = self.shape = x.shape
        col = im2col(x, 2, 2, 0).reshape(-1, 4)
        self.arg_max = col.argmax(axis=1)
        return col.max(axis=1).reshape(N, H // 2, W // 2, C).transpose(0, 3, 1, 2)

    def backward(self, dout):
        N, _, H, W = self.shape
        dout = dout.transpose(0, 2, 3, 1)
        dmax = np.zeros((dout.size, 4), dout.dtype)
        dmax[np.arange(dout.size), self.arg_max] = dout.flatten()
        return col2im(dmax.reshape(N * (H // 2) * (W // 2), -1), self.shape, 2, 2, 0)


class Embedding(Layer):
    def __init__(self, weights: Weights, count: int, width: int) -> None:
        self.params = [next(weights)]

    def forward(self, x, train):
        self.idx = x
        return self.params[0][x]

    def backward(self, dout):
        dW = np.zeros_like(self.params[0])
        np.add.at(dW, self.idx, dout)
        self.grads = [dW]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class TimeLSTM(Layer):
    """The parts of a cell in the order i, f, g, o."""

    def __init__(self, weights: Weights, inputs: int, outputs: int) -> None:
        self.params = [next(weights) for _ in range(3)]

    def forward(self, xs, train):
        Wx, Wh, b = self.params
        N, T, _ = xs.shape
        h = c = np.zeros((N, len(Wh)), xs.dtype)
        hs, self.saved = np.empty((N, T, len(Wh)), xs.dtype), []
        for t in range(T):
            A = np.dot(xs[:, t], Wx) + np.dot(h, Wh) + b
            i, f, g, o = np.split(A, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c_next = f * c + g * i
            self.saved.append((xs[:, t], h, c, i, f, g, o, c_next))
            h, c = o * np.tanh(c_next), c_next
            hs[:, t] = h
        return hs

    def backward(self, dhs):
        Wx, Wh, _ = self.params
        dWx, dWh, db = self.grads = [np.zeros_like(W) for W in self.params]
        dxs, dh, dc = np.empty((*dhs.shape[:2], len(Wx)), dhs.dtype), 0, 0
        for t in reversed(range(dhs.shape[1])):
            x, h, c, i, f, g, o, c_next = self.saved[t]
            tanh, dh = np.tanh(c_next), dhs[:, t] + dh
            ds = dc + dh * o * (1 - tanh**2)
            parts = (ds * g * i * (1 - i), ds * c * f * (1 - f), ds * i * (1 - g**2))
            dA = np.hstack([*parts, dh * tanh * o * (1 - o)])
            dWx += np.dot(x.T, dA)
            dWh += np.dot(h.T, dA)
            db += dA.sum(axis=0)
            dxs[:, t], dh, dc = np.dot(dA, Wx.T), np.dot(dA, Wh.T), ds * f
        return dxs


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.shape, self.t = x.shape, t.flatten()
        x = x.reshape(len(self.t), -1)
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(self.t)), self.t] + 1e-7).mean()

    def backward(self):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return (dx / len(self.t)).reshape(self.shape)


LAYERS: dict[str, Callable[..., Any]] = {
    "affine": Affine,
    "conv": Convolution,
    "embedding": Embedding,
    "lstm": TimeLSTM,
    "relu": lambda weights: Relu(),
    "pool": lambda weights: Pooling(),
    "flatten": lambda weights: Flatten(),
    "dropout": lambda weights: Dropout(),
}

# optimizers --------------------------------------------------------------------------------------


class SGD:
    def __init__(self, lr: float) -> None:
        self.lr = np.float32(lr)

    def update(self, params, grads):
        for W, dW in zip(params, grads):
            W -= self.lr * dW


class Adam:
    def __init__(self, lr: float) -> None:
        self.lr, self.iter = lr, 0
        self.m: Any = None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = ([np.zeros_like(W) for W in params] for _ in range(2))
        self.iter += 1
        lr = self.lr * (1.0 - 0.999**self.iter) ** 0.5 / (1.0 - 0.9**self.iter)
        for i, (W, dW) in enumerate(zip(params, grads)):
            self.m[i] += (1 - 0.9) * (dW - self.m[i])
            self.v[i] += (1 - 0.999) * (dW**2 - self.v[i])
            W -= np.float32(lr) * self.m[i] / (np.sqrt(self.v[i]) + np.float32(1e-7))


OPTIMIZERS: dict[str, Any] = {"SGD": SGD, "Adam": Adam}
