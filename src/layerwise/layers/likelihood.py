"""Losses that say how unlikely the targets are, by what is expected of them.

The one for scores of several classes, SoftmaxCrossEntropy, is in loss.py, and those for yes and no
are in binary.py.
"""

import math

import numpy as np

from ..errors import ShapeError, show_shape
from .activation import floats
from .arithmetic import unbroadcast
from .loss import (
    REDUCTIONS,
    ClassLoss,
    ElementwiseLoss,
    Loss,
    check_same_shape,
    class_axis,
    common_floats,
    not_zero,
)


class NegativeLogLikelihood(ClassLoss):
    """The weighted mean of -x[t]: x holds logarithms of probabilities, t says which is right.

    backward   dx = -dout w[t] / (sum of all w[t]) at t, else 0; "sum", "none": not divided
    shapes     x (N, C), t (N,) class numbers; further axes come behind: x (N, C, H, W), t (N, H, W)
    weight     w (C,): how much each class counts; None: 1
    ignore_index   rows with this class number do not count
    reduction  "mean", "sum", or "none": one loss for each row
    errors     ShapeError if t or weight does not fit x; ValueError if a class number is not in
               0..C-1, or weight is not a list

    With LogSoftmax in front of it, it is SoftmaxCrossEntropy.

    >>> loss = NegativeLogLikelihood()
    >>> loss.forward(np.array([[-1.0, -2.0], [-3.0, -4.0]]), np.array([0, 1]))
    np.float64(2.5)
    >>> loss.backward()[0]
    array([[-0.5,  0. ],
           [ 0. , -0.5]])
    """

    def __init__(self, weight=None, ignore_index=-100, reduction="mean"):
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index
        self.x = self.t = self.w = None  # saved by forward for backward: t (N,), w (N,)

    def forward(self, x, t):
        x, t = floats(x), np.asarray(t)
        self.out_shape(x.shape, t.shape)
        self.x, axis = x, class_axis(x)
        self.t, self.w = self.counted(x, t)
        right = np.take_along_axis(x, np.expand_dims(self.t, axis), axis)  # (N, C) -> (N, 1)
        losses = np.where(self.w == 0, 0, -self.w * np.squeeze(right, axis))  # (N,)
        return self.reduce(losses, np.sum(self.w, dtype=float))

    def backward(self, dout=1):
        axis = class_axis(self.x)
        d = -self.w * self.share(dout, self.w, np.sum(self.w, dtype=float))  # (N,)
        dx = np.zeros_like(self.x)
        np.put_along_axis(dx, np.expand_dims(self.t, axis), np.expand_dims(d, axis), axis)
        return dx, None  # class numbers have no slope


class KLDivergence(ElementwiseLoss):
    """The mean of t (ln(t) - x): how far probabilities t are from those whose logarithms are x.

    backward   dx = -dout t / n     dt = dout (ln(t) + 1 - x) / n     where t = 0: 0
    shapes     x and t of one shape
    reduction  "mean" over all n elements; "batchmean": n is the size of the first axis, which is
               the divergence as the mathematics has it; "sum"; "none": one number for each element
    log_target True: t holds logarithms, too
    errors     ShapeError if the shapes differ
    source     Kullback and Leibler, On information and sufficiency, 1951

    >>> loss = KLDivergence("batchmean")
    >>> loss.forward(np.log(np.array([[0.5, 0.5]])), np.array([[1.0, 0.0]])) - np.log(2)
    np.float64(0.0)
    >>> loss.backward()[0]
    array([[-1., -0.]])
    """

    reductions = (*REDUCTIONS, "batchmean")

    def __init__(self, reduction="mean", log_target=False):
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, x, t):
        x, t = self.keep(x, t)
        p, log_p = self.target()
        with np.errstate(invalid="ignore"):  # what is impossible in both counts as 0
            losses = np.where(np.equal(p, 0) & np.equal(x, -np.inf), 0, p * (log_p - x))
        if self.reduction == "batchmean":
            return np.sum(losses) / self.rows()
        return self.reduce(losses)

    def backward(self, dout=1):
        p, log_p = self.target()
        if self.reduction == "batchmean":
            dout = dout / max(self.rows(), 1)
        slope = np.where(np.equal(p, 0), 0, log_p + 1 - self.x)
        return self.gradients(dout, -p, p * slope if self.log_target else slope)

    def rows(self):
        """The size of the first axis; a number is one row."""
        return (*np.shape(self.x), 1)[0]

    def target(self):
        """The probabilities and their logarithms; 0 ln 0 counts as 0, whatever ln 0 may be."""
        if self.log_target:
            return np.exp(self.t), self.t
        return self.t, np.log(np.where(np.equal(self.t, 0), 1, self.t))


class PoissonNLL(ElementwiseLoss):
    """How unlikely a count t is where the rate is expected to be exp(x), but for a constant.

    forward    the mean of exp(x) - t x; if log_input is False, x is the rate: x - t ln(x + eps)
    backward   dx = dout (exp(x) - t) / n     or dout (1 - t / (x + eps)) / n
               dt = -dout x / n               or -dout ln(x + eps) / n
    shapes     x and t of one shape
    log_input  whether x is the logarithm of the rate
    full       whether to add the constant: ln(t!), by Stirling t ln(t) - t + ln(2 pi t) / 2 where
               t > 1, else 0
    eps        keeps the logarithm of a rate of 0 finite
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ; ValueError if a rate is below 0

    A rate of exp(x) grows as fast as it says: from x = 710 on (in float32 from 89) it is infinite.

    >>> loss = PoissonNLL(reduction="none")
    >>> loss.forward(np.array([0.0, 0.0]), np.array([1.0, 3.0])), loss.backward(np.ones(2))[0]
    (array([1., 1.]), array([ 0., -2.]))
    """

    def __init__(self, log_input=True, full=False, eps=1e-8, reduction="mean"):
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, x, t):
        x, t = self.keep(x, t)
        if not self.log_input and np.any(np.less(x, 0)):
            raise ValueError(
                f"{self!r} expects rates from 0 up, but got {np.min(x)}. For their logarithms "
                "leave log_input=True."
            )
        rate, log_rate = self.rates()
        losses = rate - t * log_rate
        return self.reduce(losses + self.stirling()[0] if self.full else losses)

    def backward(self, dout=1):
        rate, log_rate = self.rates()
        slope = rate - self.t if self.log_input else 1 - self.t / (rate + not_zero(self.eps, rate))
        return self.gradients(dout, slope, -log_rate + (self.stirling()[1] if self.full else 0))

    def rates(self):
        """The rate and its logarithm."""
        if self.log_input:
            with np.errstate(over="ignore"):  # what is too large for any number is infinite
                return np.exp(self.x), self.x
        return self.x, np.log(self.x + not_zero(self.eps, self.x))

    def stirling(self):
        """Stirling's approximation to ln(t!), and its slope; 0 where t is 1 or less."""
        t = np.where(self.t > 1, self.t, 1)
        value = t * np.log(t) - t + np.log(2 * math.pi * t) / 2
        return np.where(self.t > 1, value, 0), np.where(self.t > 1, np.log(t) + 1 / (2 * t), 0)


class GaussianNLL(Loss):
    """How unlikely t is where x is expected with the variance var, but for a constant.

    forward    the mean of (ln(v) + (x - t)² / v) / 2, with v = var, but eps at least
    backward   dx = dout (x - t) / v / n     dt = -dx     dvar = dout (1 - (x - t)² / v) / (2 v) / n
    shapes     x and t of one shape, var of the same, or with 1 for axes that share a variance:
               x (N, D), var (N, D), (N, 1), (1, D) or one number
    full       whether to add the constant, ln(2 pi) / 2
    eps        a variance below it counts as eps, and still has its slope, so that it can grow
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes do not fit; ValueError if a variance is below 0
    source     Nix and Weigend, Estimating the mean and variance of the target probability
               distribution, 1994

    >>> loss = GaussianNLL(reduction="none")
    >>> loss.forward(np.array([2.0, 3.0]), np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    array([0.5, 0. ])
    >>> loss.backward(np.ones(2))
    (array([1., 0.]), array([-1., -0.]), array([0. , 0.5]))
    """

    def __init__(self, full=False, eps=1e-6, reduction="mean"):
        if not eps > 0:
            raise ValueError(f"GaussianNLL(eps={eps}): it divides. Give a small number above 0.")
        super().__init__(reduction)
        self.full, self.eps = full, eps
        self.given = self.error = self.v = None  # saved by forward for backward

    def out_shape(self, x, t, var):
        check_same_shape(self, "targets", x, t)
        fits = all(v == 1 or None in (v, n) or v == n for v, n in zip(var, x))
        if ... not in (*x, *var) and not (fits and len(var) in (0, len(x))):
            wanted = f"variances of shape {show_shape(x)}, or with 1 for axes that share one"
            hint = f"For one variance for each row give {show_shape((*var, 1))}."
            raise ShapeError(self, wanted, var, hint if x[:-1] == var else "", which=2)
        return self.reduced(x)

    def forward(self, x, t, var):
        self.out_shape(np.shape(x), np.shape(t), np.shape(var))
        self.given = x, t, var
        x, t, var = common_floats(x, t, var)
        if np.any(np.less(var, 0)):
            raise ValueError(f"{self!r} expects variances from 0 up, but got {np.min(var)}.")
        self.error, self.v = x - t, np.maximum(var, self.eps)
        losses = (np.log(self.v) + self.error * (self.error / self.v)) / 2
        return self.reduce(losses + math.log(2 * math.pi) / 2 if self.full else losses)

    def backward(self, dout=1):
        x, t, var = self.given
        d = self.share(dout, self.error)
        dx = d * self.error / self.v
        dvar = d * (1 - self.error * (self.error / self.v)) / (2 * self.v)
        return unbroadcast(dx, x), unbroadcast(-dx, t), unbroadcast(dvar, var)
