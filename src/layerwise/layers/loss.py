"""Losses: one number that says how wrong the outputs are. Scores go in as they are (logits).

The others: for yes and no in binary.py, for probabilities in likelihood.py, with a margin in
margin.py, of distances and angles in distance.py, for sequences without alignment in ctc.py.
"""

import numpy as np

from ..anatomy import is_floating
from ..errors import ShapeError, show_shape
from ..layer import Layer
from .activation import log_softmax
from .arithmetic import unbroadcast
from .sizes import fit

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

    def reduce(self, losses, total=None):
        """The mean or the sum of the losses, or all of them; a mean may divide by another total."""
        if self.reduction == "none":
            return losses
        if self.reduction == "sum":
            return np.sum(losses)
        if total is None:
            return np.mean(losses)
        return np.divide(np.sum(losses, dtype=float), total).astype(losses.dtype)

    def reduced(self, shape):
        """The shape of what `reduce` makes of losses of this shape."""
        return shape if self.reduction == "none" else ()

    def share(self, dout, losses, total=None):
        """The gradient of each single loss."""
        if self.reduction == "mean":
            dout = dout / ((np.size(losses) if total is None else total) or 1)
        return np.broadcast_to(np.asarray(dout, losses.dtype), losses.shape)


def slope_of_choice(t):
    """The gradient of targets that only choose: 0 of floats, None of whole numbers."""
    return np.zeros_like(t) if is_floating(t) else None


class ClassLoss(Loss):
    """What the losses have in common that are told the right class of each row."""

    wanted = "class numbers of shape {}"

    def __init__(self, weight=None, reduction="mean"):
        if weight is not None and np.ndim(weight) != 1:
            raise ValueError(
                f"{type(self).__name__}(weight={weight!r}): give a list with one for each class."
            )
        super().__init__(reduction)
        self.weight = weight

    def out_shape(self, x, t):
        if ... in x:
            return self.reduced((..., None))
        self.check_classes(x)
        rows = split_classes(x)[0]
        if not fit(t, rows):
            raise ShapeError(self, self.wanted.format(show_shape(rows)), t, which=1)
        return self.reduced(rows)

    def check_classes(self, x):
        """Refuse scores, by their shape, that are too few or that the weights do not fit."""
        if not x or split_classes(x)[1] == 0:
            raise ShapeError(self, "a score for each class", x)
        if self.weight is not None and split_classes(x)[1] not in (len(self.weight), None):
            raise ShapeError(self, f"inputs of {len(self.weight)} classes", x)

    def weights(self, x):
        """The weight of each class, in the dtype of x; 1 where there is none."""
        weight = np.ones(split_classes(x.shape)[1]) if self.weight is None else self.weight
        return np.asarray(weight, x.dtype)

    def counted(self, x, t, hint=""):
        """The class numbers, 0 where a row is ignored, and the weight of each row, 0 likewise."""
        rows, classes = split_classes(x.shape)
        count = t != self.ignore_index
        t = np.where(count, t, 0)
        check_class_numbers(self, t, rows, classes, hint)
        return t, np.where(count, self.weights(x)[t], 0)


def class_axis(x):
    """The axis of the classes: the second, behind the rows, or the only one."""
    return min(1, x.ndim - 1)


def split_classes(shape):
    """The shape of the rows, and the number of classes, which stands on their axis."""
    return (shape[:1] + shape[2:], shape[1]) if len(shape) > 1 else ((), shape[0])


class SoftmaxCrossEntropy(ClassLoss):
    """How unlikely the right class is: -ln(softmax(x)[t]), or -sum of q ln(softmax(x)).

    forward    q = w ((1 - label_smoothing) t + label_smoothing / C), with a class number as a row
               t that is 1 there, else 0; a row that is ignored has q = 0
    backward   dx = dout (sum(q) softmax(x) - q), for the mean divided by the total
               dt = -dout w (1 - label_smoothing) ln(softmax(x)) likewise, of probabilities
    shapes     x (N, C) scores; t (N,) class numbers, or t (N, C) probabilities; further axes
               come behind: x (N, C, H, W), t (N, H, W) or (N, C, H, W)
    weight     w (C,): how much each class counts; None: 1
    ignore_index   rows with this class number do not count
    reduction  "mean": the sum by the total, which is the number of rows for probabilities, and for
               class numbers the sum of w[t] over the rows that count; "sum"; "none": one for each
    label_smoothing   the part of the target, 0 to 1, that goes to all classes in equal shares
    errors     ShapeError if t or weight does not fit x; ValueError if a class number is not in
               0..C-1, weight is not a list, or label_smoothing is not a share
    source     Deep Learning from Scratch, 5.6.3 and appendix A; for label_smoothing Szegedy et
               al., Rethinking the Inception architecture, 2016

    Whole numbers in t are class numbers, floats are probabilities; sizes are never guessed from.

    >>> loss = SoftmaxCrossEntropy()
    >>> x = np.log(np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 0.5]]))
    >>> loss.forward(x, np.array([2, 0])) - np.mean(np.log([2.0, 1.5])) < 1e-12
    np.True_
    >>> loss.backward()[0].round(6)
    array([[ 0.125   ,  0.125   , -0.25    ],
           [-0.166667,  0.111111,  0.055556]])
    """

    wanted = "class numbers of shape {} or probabilities like x"

    def __init__(self, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        super().__init__(weight, reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"SoftmaxCrossEntropy(label_smoothing={label_smoothing}): it is a share. Give a "
                "number from 0 to 1."
            )
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        self.t = None  # saved by forward for backward, with these:
        self.log_y = self.q = self.total = self.losses = None

    def out_shape(self, x, t):
        probabilities = x and fit(t, x)
        return super().out_shape(x, split_classes(x)[0] if probabilities else t)

    def forward(self, x, t):
        self.check_classes(x.shape)
        self.t, axis = np.asarray(t), class_axis(x)
        self.log_y = log_softmax(x, axis)  # (N, C)
        self.q, self.total = self.distributions(self.log_y, self.t)  # (N, C)
        if self.weight is not None:
            self.q = self.q * self.along_classes(self.weights(self.log_y))
        with np.errstate(invalid="ignore"):  # what is impossible in both, 0 ln 0, counts as 0
            self.losses = -np.sum(np.where(self.q == 0, 0, self.q * self.log_y), axis=axis)  # (N,)
        return self.reduce(self.losses, self.total)

    def backward(self, dout=1):
        axis = class_axis(self.log_y)
        d = np.expand_dims(self.share(dout, self.losses, self.total), axis)  # (N, 1)
        dx = d * (np.exp(self.log_y) * np.sum(self.q, axis=axis, keepdims=True) - self.q)
        if self.t.dtype.kind != "f":
            return dx, None  # class numbers have no slope
        w = (1 - self.label_smoothing) * self.along_classes(self.weights(self.log_y))
        return dx, (-d * w * self.log_y).astype(self.t.dtype, copy=False)

    def distributions(self, x, t):
        """The targets as smoothed probabilities like x, 0 in rows that are ignored; the total."""
        rows, axis = split_classes(x.shape)[0], class_axis(x)
        if t.dtype.kind == "f":
            if t.shape != x.shape:
                hint = f"Class numbers of shape {show_shape(rows)} must be integers."
                raise ShapeError(self, "probabilities (floats) like x", t.shape, hint, which=1)
            if self.ignore_index >= 0:
                raise ValueError(
                    f"{self!r} expects class numbers: no row of probabilities has the number "
                    "ignore_index. Leave that at -100."
                )
            return self.smoothed(t.astype(x.dtype, copy=False), axis), None  # the number of rows
        hint = "One-hot rows must be floats: t.astype(float)." if t.shape == x.shape else ""
        numbers, w = self.counted(x, t, hint)
        one_hot = np.zeros_like(x)
        np.put_along_axis(one_hot, np.expand_dims(numbers, axis), 1, axis)
        count = np.expand_dims(t != self.ignore_index, axis)
        return self.smoothed(one_hot, axis) * count, np.sum(w, dtype=float)

    def smoothed(self, t, axis):
        """The targets, some of which goes to all classes in equal shares."""
        share = self.label_smoothing
        return t + share * (1 / t.shape[axis] - t) if share else t

    def along_classes(self, weight):
        """One number for each class, in the shape that broadcasts to log_y."""
        return weight.reshape(-1, *[1] * max(self.log_y.ndim - 2, 0))  # (C,) -> (C, 1, 1)


def check_class_numbers(layer, t, rows, classes, hint="", first=0):
    """Refuse what is not a whole number from the first to classes - 1 for each row."""
    if t.dtype.kind not in "iu":
        raise ValueError(f"{layer!r} expects class numbers, but got {t.dtype}.")
    if t.shape != rows:
        wanted = f"class numbers of shape {show_shape(rows)}"
        raise ShapeError(layer, wanted, t.shape, hint, which=1)
    if t.size and not first <= t.min() <= t.max() < classes:
        raise ValueError(
            f"{layer!r} expects class numbers from {first} to {classes - 1}, "
            f"but got {t.min()} to {t.max()}. Count the classes from 0."
        )


class ElementwiseLoss(Loss):
    """What the losses have in common that compare x with t element by element."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.x = self.t = None  # saved by forward for backward, as floats
        self.given = None  # both as they came

    def out_shape(self, x, t):
        check_same_shape(self, "targets", x, t)
        return self.reduced(x)

    def keep(self, x, t):
        """Save both for backward and return them as floats; their shapes have to be the same."""
        self.out_shape(np.shape(x), np.shape(t))
        self.given = x, t
        self.x, self.t = common_floats(x, t)
        return self.x, self.t

    def gradients(self, dout, dx, dt=None):
        """The gradients of x and t, from the slopes of each single loss; t may only choose."""
        x, t = self.given
        d = self.share(dout, dx)
        return unbroadcast(d * dx, x), slope_of_choice(t) if dt is None else unbroadcast(d * dt, t)


def common_floats(*arrays):
    """Arrays in the dtype that holds those of floats; whole numbers do not make it any wider."""
    kinds = [a if np.asarray(a).dtype.kind == "f" else 0.0 for a in arrays]
    dtype = np.result_type(*kinds, 0.0)
    return tuple(np.asarray(a, dtype) for a in arrays)


def not_zero(eps, x):
    """eps, but nothing that the dtype of x would take for 0."""
    return max(eps, np.finfo(x.dtype).tiny)


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


def check_same_shape(layer, what, x, *others):
    """Refuse inputs, by their shapes, that are not of the first one's."""
    for which, shape in enumerate(others, start=1):
        if not fit(x, shape):
            raise ShapeError(layer, f"{what} of the same shape {show_shape(x)}", shape, which=which)
