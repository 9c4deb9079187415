"""Dropout and normalisation, in the book's form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..layer import Layer
from ..layers.norm import back_through_moments, moments
from ..parameter import Buffer
from .lists import Lists, Written


class Dropout(Lists, Layer):
    """While training, sets each element to 0 with probability `dropout_ratio`.

    forward    out = x m, m drawn as 0 or 1     out = x (1 - dropout_ratio) when not training
    backward   dx = dout m                      dx = dout (1 - dropout_ratio)
    shapes     any -> the same
    keeps      mask: m as True and False; None when not training; params [], grads []
    rng        a generator or a seed; None: the graph's seed decides
    source     Deep Learning from Scratch, 6.4.3

    >>> dropout = Dropout(0.5, rng=0)
    >>> dropout.forward(np.ones(6)), dropout.forward(np.ones(2), train_flg=False)
    (array([1., 0., 0., 0., 1., 1.]), array([0.5, 0.5]))
    """

    def __init__(self, dropout_ratio: float = 0.5, rng: Any = None) -> None:
        if not 0 <= dropout_ratio <= 1:
            raise ValueError(f"Dropout({dropout_ratio}): give a probability, from 0 to 1.")
        self.hold()
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


class BatchNormalization(Written, Layer):
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
