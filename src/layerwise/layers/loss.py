"""Losses: one number that says how wrong the outputs are. Scores go in as they are (logits).

More losses for probabilities are in likelihood.py.
"""

import numpy as np

from ..errors import ShapeError, show_shape
from ..layer import Layer
from .activation import log_softmax
from .arithmetic import unbroadcast

REDUCTIONS = ("mean", "sum", "none")


class Loss(Layer):
    """What all losses have in common: `reduction`, and a `backward` that may be called bare."""

    reductions: tuple[str, ...] = REDUCTIONS

    def __init__(self, reduction="mean"):
        if reduction not in self.reductions:
            raise ValueError(
                f"{type(self).__name__}(reduction={reduction!r}): choose one of {self.reductions}."
            )
        self.reduction = reduction

    def reduce(self, losses):
        """The mean or the sum of the losses, or all of them."""
        if self.reduction == "none":
            return losses
        return np.sum(losses) if self.reduction == "sum" else np.mean(losses)

    def share(self, dout, losses):
        """The gradient of each single loss."""
        if self.reduction == "mean":
            dout = dout / max(np.size(losses), 1)
        return np.broadcast_to(np.asarray(dout, losses.dtype), losses.shape)


class SoftmaxCrossEntropy(Loss):
    """How unlikely the right class is: -ln(softmax(x)[t]), or -sum of t ln(softmax(x)).

    backward   dx = dout (sum(t) softmax(x) - t), for the mean divided by the number of rows
    shapes     x (N, C) scores; t (N,) class numbers, or t (N, C) probabilities; further axes
               come behind: x (N, C, H, W), t (N, H, W) or (N, C, H, W)
    reduction  "mean" over the rows, "sum", or "none": one loss for each row
    errors     ShapeError if t does not fit x; ValueError if a class number is not in 0..C-1
    source     Deep Learning from Scratch, 5.6.3 and appendix A

    Whole numbers in t are class numbers, floats are probabilities; sizes are never guessed from.

    >>> loss = SoftmaxCrossEntropy()
    >>> x = np.log(np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 0.5]]))
    >>> loss.forward(x, np.array([2, 0])) - np.mean(np.log([2.0, 1.5])) < 1e-12
    np.True_
    >>> loss.backward()[0].round(6)
    array([[ 0.125   ,  0.125   , -0.25    ],
           [-0.166667,  0.111111,  0.055556]])
    """

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.log_y = self.t = self.losses = self.t_given = None  # saved by forward for backward

    def out_shape(self, x, t):
        rows = x[:1] + x[2:] if len(x) > 1 else ()
        if not x:
            raise ShapeError(self, "a score for each class", x)
        if not same_shape(t, x) and not same_shape(t, rows):
            wanted = f"class numbers of shape {show_shape(rows)} or probabilities like x"
            raise ShapeError(self, wanted, t, which=1)
        return rows if self.reduction == "none" else ()

    def forward(self, x, t):
        axis = self.class_axis(x)
        self.log_y = log_softmax(x, axis)  # (N, C)
        self.t_given = t
        self.t = self.as_probabilities(self.log_y, t)  # (N, C)
        with np.errstate(invalid="ignore"):  # what is impossible in both, 0 ln 0, counts as 0
            self.losses = -np.sum(np.where(self.t == 0, 0, self.t * self.log_y), axis=axis)  # (N,)
        return self.reduce(self.losses)

    def backward(self, dout=1):
        axis = self.class_axis(self.log_y)
        d = np.expand_dims(self.share(dout, self.losses), axis)  # (N, 1)
        dx = d * (np.exp(self.log_y) * np.sum(self.t, axis=axis, keepdims=True) - self.t)
        if np.asarray(self.t_given).dtype.kind != "f":
            return dx, None  # class numbers have no slope
        return dx, (-d * self.log_y).astype(self.t_given.dtype, copy=False)

    def class_axis(self, x):
        return 1 if x.ndim > 1 else 0

    def as_probabilities(self, x, t):
        """Class numbers become rows with a single 1, like x; probabilities stay as they are."""
        t, axis = np.asarray(t), self.class_axis(x)
        rows = x.shape[:axis] + x.shape[axis + 1 :]
        if t.dtype.kind == "f":
            if t.shape != x.shape:
                hint = f"Class numbers of shape {show_shape(rows)} must be integers."
                raise ShapeError(self, "probabilities (floats) like x", t.shape, hint, which=1)
            return t.astype(x.dtype, copy=False)
        hint = "One-hot rows must be floats: t.astype(float)." if t.shape == x.shape else ""
        check_class_numbers(self, t, rows, x.shape[axis], hint)
        one_hot = np.zeros_like(x)
        np.put_along_axis(one_hot, np.expand_dims(t, axis), 1, axis)
        return one_hot


def check_class_numbers(layer, t, rows, classes, hint=""):
    """Refuse what is not a whole number from 0 to classes - 1 for each row."""
    if t.dtype.kind not in "iu":
        raise ValueError(f"{layer!r} expects class numbers, but got {t.dtype}.")
    if t.shape != rows:
        wanted = f"class numbers of shape {show_shape(rows)}"
        raise ShapeError(layer, wanted, t.shape, hint, which=1)
    if t.size and not 0 <= t.min() <= t.max() < classes:
        raise ValueError(
            f"{layer!r} expects class numbers from 0 to {classes - 1}, "
            f"but got {t.min()} to {t.max()}. Count the classes from 0."
        )


class ElementwiseLoss(Loss):
    """What the losses have in common that compare x with t element by element."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.x = self.t = None  # saved by forward for backward, as floats
        self.given = None  # both as they came

    def out_shape(self, x, t):
        if not same_shape(x, t):
            raise ShapeError(self, f"targets of the same shape {show_shape(x)}", t, which=1)
        return x if self.reduction == "none" else ()

    def keep(self, x, t):
        """Save both for backward and return them as floats; their shapes have to be the same."""
        self.out_shape(np.shape(x), np.shape(t))
        self.given = x, t
        kinds = [a if np.asarray(a).dtype.kind == "f" else 0.0 for a in (x, t)]
        dtype = np.result_type(*kinds, 0.0)  # whole numbers do not make it any wider
        self.x, self.t = np.asarray(x, dtype), np.asarray(t, dtype)
        return self.x, self.t

    def gradients(self, dout, dx, dt):
        """The gradients of x and t, from the slopes of each single loss."""
        x, t = self.given
        d = self.share(dout, dx)
        return unbroadcast(d * dx, x), unbroadcast(d * dt, t)


class MeanSquaredError(ElementwiseLoss):
    """The mean of (x - t)², over all elements.

    backward   dx = dout 2 (x - t) / n     dt = -dx     (n elements; for "sum" and "none" n = 1)
    shapes     x and t of one shape
    reduction  "mean" over all elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ: broadcasting here is always a mistake
    source     Deep Learning from Scratch, 4.2.1 (there without the mean, and halved)

    >>> mse = MeanSquaredError()
    >>> mse.forward(np.array([1.0, 3.0]), np.array([0.0, 5.0])), mse.backward()[0]
    (np.float64(2.5), array([ 1., -2.]))
    """

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(np.square(x - t))

    def backward(self, dout=1):
        slope = 2 * (self.x - self.t)
        return self.gradients(dout, slope, -slope)


class L1(ElementwiseLoss):
    """The mean of |x - t|, over all elements; the slope at x = t is taken as 0.

    backward   dx = dout sign(x - t) / n     dt = -dx     (for "sum" and "none" n = 1)
    shapes     x and t of one shape
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ

    >>> l1 = L1()
    >>> l1.forward(np.array([1.0, 3.0]), np.array([0.0, 5.0])), l1.backward()[0]
    (np.float64(1.5), array([ 0.5, -0.5]))
    """

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(np.abs(x - t))

    def backward(self, dout=1):
        slope = np.sign(self.x - self.t)
        return self.gradients(dout, slope, -slope)


class Huber(ElementwiseLoss):
    """The mean of h(x - t): a parabola up to delta, and from there on a straight line.

    forward    h(e) = e² / 2 where |e| <= delta, else delta (|e| - delta / 2)
    backward   dx = dout e / n, with e = x - t kept between -delta and delta     dt = -dx
    shapes     x and t of one shape
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    delta      the error from which on it grows no faster, in the unit of x
    errors     ShapeError if the shapes differ; ValueError if delta is not above 0
    source     Huber, Robust estimation of a location parameter, 1964

    >>> huber = Huber("none")
    >>> huber.forward(np.array([0.5, 3.0]), np.array([0.0, 5.0])), huber.backward(1.0)[0]
    (array([0.125, 1.5  ]), array([ 0.5, -1. ]))
    """

    def __init__(self, reduction="mean", delta=1.0):
        if not delta > 0:
            raise ValueError(f"Huber(delta={delta}): delta is a size. Give a number above 0.")
        super().__init__(reduction)
        self.delta = delta

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(huber(x - t, self.delta))

    def backward(self, dout=1):
        slope = np.clip(self.x - self.t, -self.delta, self.delta)
        return self.gradients(dout, slope, -slope)


def huber(e, delta):
    """e² / 2 where |e| <= delta, else delta (|e| - delta / 2): both in one, with no overflow."""
    size = np.abs(e)
    q = np.minimum(size, delta)
    return q * (size - q / 2)


class SmoothL1(ElementwiseLoss):
    """The mean of s(x - t): |x - t| with its corner rounded off. It is Huber divided by beta.

    forward    s(e) = e² / (2 beta) where |e| <= beta, else |e| - beta / 2
    backward   dx = dout e / n, with e = (x - t) / beta kept between -1 and 1     dt = -dx
    shapes     x and t of one shape
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    beta       how far the rounding reaches, in the unit of x
    errors     ShapeError if the shapes differ; ValueError if beta is not above 0
    source     Girshick, Fast R-CNN, 2015

    >>> smooth = SmoothL1("none", beta=0.5)
    >>> smooth.forward(np.array([0.25, 3.0]), np.array([0.0, 5.0])), smooth.backward(1.0)[0]
    (array([0.0625, 1.75  ]), array([ 0.5, -1. ]))
    """

    def __init__(self, reduction="mean", beta=1.0):
        if not beta > 0:
            raise ValueError(
                f"SmoothL1(beta={beta}): beta divides. Give a number above 0; for 0 there is L1."
            )
        super().__init__(reduction)
        self.beta = beta

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(huber(x - t, self.beta) / self.beta)

    def backward(self, dout=1):
        slope = np.clip((self.x - self.t) / self.beta, -1, 1)
        return self.gradients(dout, slope, -slope)


def same_shape(a, b):
    """Whether two shapes are the same, as far as their sizes are known."""
    if ... in a or ... in b:
        return True
    return len(a) == len(b) and all(n == m or None in (n, m) for n, m in zip(a, b))
