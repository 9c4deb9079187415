"""Losses that say how unlikely the targets are, where probabilities or their logarithms go in.

The one for scores of several classes, SoftmaxCrossEntropy, is in loss.py.
"""

import numpy as np

from ..errors import ShapeError, show_shape
from .activation import floats, sigmoid, softplus
from .loss import REDUCTIONS, ClassLoss, ElementwiseLoss, class_axis


class BinaryLoss(ElementwiseLoss):
    """What the losses of yes and no have in common: weights, broadcast to x as NumPy does."""

    def __init__(self, weight=None, reduction="mean"):
        super().__init__(reduction)
        self.weight = weight

    def out_shape(self, x, t):
        out = super().out_shape(x, t)
        self.check_weight(self.weight, x)
        return out

    def check_weight(self, weight, x):
        shape = np.shape(weight)  # of a number, and of None: ()
        fits = all(n in (1, m) or m in (None, ...) for n, m in zip(shape[::-1], x[::-1]))
        if not fits or (len(shape) > len(x) and ... not in x):
            raise ShapeError(self, f"inputs that weights of shape {show_shape(shape)} fit", x)

    def weights(self, weight):
        """A weight in the dtype of x; 1 where there is none."""
        return 1 if weight is None else np.asarray(weight, self.x.dtype)


class BinaryCrossEntropy(BinaryLoss):
    """The mean of -w (t ln(x) + (1 - t) ln(1 - x)), x and t being probabilities.

    backward   dx = dout w (x - t) / (x (1 - x)) / n     dt = dout w (ln(1 - x) - ln(x)) / n
    shapes     x and t of one shape
    weight     w: a number or an array that fits x; None: 1
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ; ValueError if x has something outside 0 to 1

    A logarithm counts as -100 at least, and x (1 - x) as 1e-12 at least, so that both stay finite.
    For scores rather than probabilities, BinaryCrossEntropyWithLogits loses no digits.

    >>> loss = BinaryCrossEntropy()
    >>> loss.forward(np.array([0.5, 0.5]), np.array([1.0, 0.0])) - np.log(2)
    np.float64(0.0)
    >>> loss.backward()[0]
    array([-1.,  1.])
    """

    def forward(self, x, t):
        x, t = self.keep(x, t)
        if np.any((np.less(x, 0)) | (np.greater(x, 1))):
            raise ValueError(
                f"{self!r} expects probabilities from 0 to 1, but got {np.min(x)} to {np.max(x)}. "
                "For scores use BinaryCrossEntropyWithLogits."
            )
        yes, no = self.logarithms()
        return self.reduce(-self.weights(self.weight) * (t * yes + (1 - t) * no))

    def backward(self, dout=1):
        x, t, w = self.x, self.t, self.weights(self.weight)
        yes, no = self.logarithms()
        tiny = max(1e-12, np.finfo(x.dtype).tiny)  # 1e-12 would be 0 in float16
        return self.gradients(dout, w * (x - t) / np.maximum(x * (1 - x), tiny), w * (no - yes))

    def logarithms(self):
        """ln(x) and ln(1 - x)."""
        with np.errstate(divide="ignore"):  # ln(0) is handled here
            return np.maximum(np.log(self.x), -100), np.maximum(np.log1p(-self.x), -100)


class BinaryCrossEntropyWithLogits(BinaryLoss):
    """The mean of -w (p t ln(s) + (1 - t) ln(1 - s)) with s = sigmoid(x), x being scores.

    forward    -ln(s) = ln(1 + exp(-x))     -ln(1 - s) = ln(1 + exp(x))     without overflow
    backward   dx = dout w ((1 - t) s - p t (1 - s)) / n
               dt = dout w (p ln(1 + exp(-x)) - ln(1 + exp(x))) / n
    shapes     x and t of one shape
    weight     w: a number or an array that fits x; None: 1
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    pos_weight p: how much more a yes counts than a no, as w
    errors     ShapeError if the shapes differ, or weights do not fit

    >>> loss = BinaryCrossEntropyWithLogits(reduction="none")
    >>> loss.forward(np.array([0.0, 1e4]), np.array([1.0, 0.0])).round(4)
    array([6.931e-01, 1.000e+04])
    >>> loss.backward(1.0)[0]
    array([-0.5,  1. ])
    """

    def __init__(self, weight=None, reduction="mean", pos_weight=None):
        super().__init__(weight, reduction)
        self.pos_weight = pos_weight

    def out_shape(self, x, t):
        self.check_weight(self.pos_weight, x)
        return super().out_shape(x, t)

    def forward(self, x, t):
        x, t = self.keep(x, t)
        w, p = self.weights(self.weight), self.weights(self.pos_weight)
        return self.reduce(w * (p * t * softplus(-x) + (1 - t) * softplus(x)))

    def backward(self, dout=1):
        x, t = self.x, self.t
        w, p = self.weights(self.weight), self.weights(self.pos_weight)
        dx = w * ((1 - t) * sigmoid(x) - p * t * sigmoid(-x))
        dt = w * (p * softplus(-x) - softplus(x))
        return self.gradients(dout, dx, dt)


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
