"""Losses that ask for a margin: what is right has to be ahead by so much, and more is not rewarded.

Most are made of hinges, max(0, margin - lead): a straight line with a corner, where the slope is
taken as 0. SoftMargin and MultiLabelSoftMargin round the corner off. Those that compare distances
or angles are in distance.py.
"""

import numpy as np

from ..errors import ShapeError
from .activation import floats, sigmoid, softplus
from .arithmetic import unbroadcast
from .binary import BinaryLoss, binary_losses, binary_slope
from .loss import (
    ClassLoss,
    ElementwiseLoss,
    Loss,
    check_class_numbers,
    check_same_shape,
    common_floats,
    slope_of_choice,
)


def hinge(lead, margin, p=1):
    """max(0, margin - lead) to the power p, and its slope, for whatever is to be ahead."""
    short = np.maximum(margin - lead, 0)  # what is missing to the margin
    return (short, -np.sign(short)) if p == 1 else (short * short, -2 * short)


def check_power(layer, p):
    """Refuse powers of a hinge that are not 1 or 2."""
    if p not in (1, 2):
        raise ValueError(f"{type(layer).__name__}(p={p!r}): choose 1, or 2 for squares.")


def check_signs(layer, t, signs=(1, -1)):
    """Refuse targets that are not among the signs."""
    strange = t[~np.isin(t, signs)]
    if strange.size:
        raise ValueError(
            f"{layer!r} expects targets of 1 and -1, but got {strange[0]}. "
            "For 0 and 1 give 2 * t - 1."
        )


def check_rows(layer, x):
    """Refuse scores, by their shape, that are not rows or one row."""
    if ... not in x and (len(x) not in (1, 2) or x[-1] == 0):
        raise ShapeError(layer, "scores of shape (N, C) or (C,)", x)


class SignLoss(ElementwiseLoss):
    """What the losses have in common whose targets are 1 and -1."""

    def keep(self, x, t):
        x, t = super().keep(x, t)
        check_signs(self, t)
        return x, t


class Hinge(SignLoss):
    """The mean of max(0, margin - t x): t is a side, 1 or -1, and x a score that is to be there.

    backward   dx = -dout t / n where t x < margin, else 0; for p = 2: -dout 2 t (margin - t x) / n
    shapes     x and t of one shape
    p          1, or 2 for the squares of it all
    margin     how far on the right side a score costs nothing any more, in the unit of x
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ; ValueError if t is not made of 1 and -1, or p is
               not 1 or 2
    source     Cortes and Vapnik, Support-vector networks, 1995: with weight decay on W, a support
               vector machine. PyTorch has none of this kind; its HingeEmbeddingLoss, where x is a
               distance rather than a score, is HingeEmbedding

    >>> loss = Hinge(reduction="none")
    >>> loss.forward(np.array([2.0, 0.5, 3.0]), np.array([1, 1, -1]))
    array([0. , 0.5, 4. ])
    >>> loss.backward(np.ones(3))[0]
    array([-0., -1.,  1.])
    """

    def __init__(self, p=1, margin=1.0, reduction="mean"):
        check_power(self, p)
        super().__init__(reduction)
        self.p, self.margin = p, margin

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(hinge(t * x, self.margin, self.p)[0])

    def backward(self, dout=1):
        x, t = self.x, self.t
        return self.gradients(dout, t * hinge(t * x, self.margin, self.p)[1])


class HingeEmbedding(SignLoss):
    """The mean of x where t = 1, and of max(0, margin - x) where t = -1, x being distances.

    Where things are alike (1), any distance counts; where they are not (-1), one that is too small.

    backward   dx = dout / n where t = 1; -dout / n where t = -1 and x < margin; else 0
    shapes     x and t of one shape
    margin     from which distance on what differs costs nothing any more, in the unit of x
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ; ValueError if t is not made of 1 and -1

    >>> loss = HingeEmbedding(reduction="none")
    >>> loss.forward(np.array([0.25, 0.25, 3.0]), np.array([1, -1, -1]))
    array([0.25, 0.75, 0.  ])
    >>> loss.backward(np.ones(3))[0]
    array([ 1., -1., -0.])
    """

    def __init__(self, margin=1.0, reduction="mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(np.where(t > 0, x, hinge(x, self.margin)[0]))

    def backward(self, dout=1):
        return self.gradients(dout, np.where(self.t > 0, 1, hinge(self.x, self.margin)[1]))


class SoftMargin(SignLoss):
    """The mean of ln(1 + exp(-t x)): Hinge with its corner rounded off, without overflow.

    backward   dx = -dout t sigmoid(-t x) / n
    shapes     x and t of one shape; t is 1 or -1, x a score
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ; ValueError if t is not made of 1 and -1

    It is BinaryCrossEntropyWithLogits for targets of 1 and -1 in place of 1 and 0.

    >>> loss = SoftMargin(reduction="none")
    >>> loss.forward(np.array([0.0, 1e4]), np.array([1, -1])).round(4)
    array([6.931e-01, 1.000e+04])
    >>> loss.backward(np.ones(2))[0]
    array([-0.5,  1. ])
    """

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(softplus(-t * x))

    def backward(self, dout=1):
        x, t = self.x, self.t
        return self.gradients(dout, -t * sigmoid(-t * x))


class MarginRanking(Loss):
    """The mean of max(0, margin - t (x1 - x2)): t = 1 says that x1 is to be above x2, -1 below.

    backward   dx1 = -dout t / n where t (x1 - x2) < margin, else 0     dx2 = -dx1
    shapes     x1, x2 and t of one shape
    margin     how far ahead is far enough, in the unit of x
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ; ValueError if t has something else than 1, -1, and
               0 for a draw, which teaches nothing and costs the margin

    >>> loss = MarginRanking(margin=0.5, reduction="none")
    >>> loss.forward(np.array([1.0, 1.0]), np.array([0.0, 3.0]), np.array([1, 1]))
    array([0. , 2.5])
    >>> loss.backward(np.ones(2))
    (array([-0., -1.]), array([0., 1.]), None)
    """

    def __init__(self, margin=0.0, reduction="mean"):
        super().__init__(reduction)
        self.margin = margin
        self.given = self.slope = None  # saved by forward for backward

    def out_shape(self, x1, x2, t):
        check_same_shape(self, "inputs and targets", x1, x2, t)
        return self.reduced(x1)

    def forward(self, x1, x2, t):
        self.out_shape(np.shape(x1), np.shape(x2), np.shape(t))
        self.given = x1, x2, t
        x1, x2, t = common_floats(x1, x2, t)
        check_signs(self, t, (1, -1, 0))
        losses, slope = hinge(t * (x1 - x2), self.margin)
        self.slope = t * slope  # of x1; that of x2 is its opposite
        return self.reduce(losses)

    def backward(self, dout=1):
        x1, x2, t = self.given
        d = self.share(dout, self.slope) * self.slope
        return unbroadcast(d, x1), unbroadcast(-d, x2), slope_of_choice(t)


class MultiMargin(ClassLoss):
    """How far other classes come near the right one: the sum of w[t] max(0, margin - lead)ᵖ / C.

    forward    lead = x[t] - x[j], for each class j other than t
    backward   dx[j] = dout w[t] / C where lead < margin, else 0; for p = 2, times 2 (margin - lead)
               dx[t] = minus their sum; for the mean divided by N
    shapes     x (N, C) scores, t (N,) class numbers; or one row, x (C,), and t a number
    p          1, or 2 for squares
    margin     how far ahead is far enough, in the unit of x
    weight     w (C,): how much each class counts, as the right one; None: 1
    reduction  "mean" over the rows, "sum", or "none": one loss for each row
    errors     ShapeError if t or weight does not fit x; ValueError if a class number is not in
               0..C-1, weight is not a list, or p is not 1 or 2
    source     Weston and Watkins, Support vector machines for multi-class pattern recognition, 1999

    >>> loss = MultiMargin()
    >>> loss.forward(np.array([[2.0, 1.5, 0.0, -1.0]]), np.array([0]))
    np.float64(0.125)
    >>> loss.backward()[0]
    array([[-0.25,  0.25,  0.  ,  0.  ]])
    """

    def __init__(self, p=1, margin=1.0, weight=None, reduction="mean"):
        check_power(self, p)
        super().__init__(weight, reduction)
        self.p, self.margin = p, margin
        self.right = self.slope = None  # saved by forward for backward, both (N, C)

    def out_shape(self, x, t):
        check_rows(self, x)
        return super().out_shape(x, t)

    def forward(self, x, t):
        self.out_shape(x.shape, np.shape(t))
        x, t = floats(x), np.asarray(t)[..., None]  # (N, C), (N, 1)
        classes = x.shape[-1]
        check_class_numbers(self, t, t.shape, classes)
        w = self.weights(x)[t] / classes  # (N, 1)
        self.right = np.arange(classes) == t  # (N, C)
        losses, slope = hinge(np.take_along_axis(x, t, -1) - x, self.margin, self.p)
        self.slope = np.where(self.right, 0, w * slope)
        return self.reduce(np.sum(np.where(self.right, 0, w * losses), axis=-1))

    def backward(self, dout=1):
        d = self.share(dout, self.slope[..., 0])[..., None] * self.slope  # (N, 1) * (N, C)
        return np.where(self.right, np.sum(d, axis=-1, keepdims=True), -d), None


class MultiLabelMargin(Loss):
    """How far wrong classes come near right ones: the sum of max(0, 1 - (x[i] - x[j])) / C.

    Here a row may have several right classes: i goes over those, and j over all others.

    backward   dx[i] = -dout / C for each j nearer than 1     dx[j] = dout / C for each such i
               for the mean divided by N
    shapes     x (N, C) scores, t of the same shape: a list of the numbers of the right classes, and
               behind them -1 to fill the row; or one row, x (C,)
    reduction  "mean" over the rows, "sum", or "none": one loss for each row
    errors     ShapeError if the shapes differ; ValueError if t is not made of whole numbers from
               -1 to C-1

    >>> loss = MultiLabelMargin()
    >>> loss.forward(np.array([[2.0, 1.5, 0.0, -1.0]]), np.array([[1, 0, -1, -1]]))
    np.float64(0.0)
    >>> loss.forward(np.array([[2.0, 1.5, 0.0, -1.0]]), np.array([[0, 3, -1, -1]]))
    np.float64(1.5)
    >>> loss.backward()[0]
    array([[-0.25,  0.5 ,  0.25, -0.5 ]])
    """

    def __init__(self, reduction="mean"):
        super().__init__(reduction)
        self.x = self.listed = self.slope = None  # saved by forward for backward

    def out_shape(self, x, t):
        check_rows(self, x)
        check_same_shape(self, "targets", x, t)
        return self.reduced(x[:-1])

    def forward(self, x, t):
        self.x, t = floats(x), np.asarray(t)
        self.out_shape(self.x.shape, t.shape)
        x, classes = self.x, self.x.shape[-1]
        check_class_numbers(self, t, t.shape, classes, first=-1)
        before_end = np.cumprod(t >= 0, axis=-1)  # 1 up to the first -1, and 0 from there on
        t = np.where(before_end, t, -1)[..., : np.max(np.sum(before_end, axis=-1), initial=0)]

        self.listed = t[..., None] == np.arange(classes)  # (N, L, C): the L numbers of a row
        right = np.any(self.listed, axis=-2, keepdims=True)  # (N, 1, C)
        lead = np.take_along_axis(x, t, -1)[..., None] - x[..., None, :]  # (N, L, C)
        losses, slope = hinge(lead, 1)
        apart = (t >= 0)[..., None] & ~right  # whether this is a right class and a wrong one
        self.slope = np.where(apart, slope / classes, 0)
        return self.reduce(np.sum(np.where(apart, losses / classes, 0), axis=(-2, -1)))

    def backward(self, dout=1):
        d = self.share(dout, self.x[..., 0])[..., None, None] * self.slope  # (N, L, C)
        ahead = self.listed * np.sum(d, axis=-1, keepdims=True)  # where each lead starts
        return np.sum(ahead - d, axis=-2), None  # (N, C)


class MultiLabelSoftMargin(BinaryLoss):
    """The mean of -w (t ln(s) + (1 - t) ln(1 - s)) over a row's classes, with s = sigmoid(x).

    Each class is a question of yes and no: BinaryCrossEntropyWithLogits with one loss for each row.

    backward   dx = dout w (s - t) / C     dt = -dout w x / C     for the mean divided by N
    shapes     x (..., C) scores, t of the same shape: 1 for yes, 0 for no, or probabilities
    weight     w: a number or an array that fits x, such as (C,); None: 1
    reduction  "mean" over the N rows, "sum", or "none": one loss for each row
    errors     ShapeError if the shapes differ, or weights do not fit

    >>> loss = MultiLabelSoftMargin(reduction="none")
    >>> loss.forward(np.array([[0.0, 1e4]]), np.array([[1, 1]])) * 2 - np.log(2)
    array([0.])
    >>> loss.backward(np.ones(1))[0]
    array([[-0.25,  0.  ]])
    """

    def out_shape(self, x, t):
        if not x or x[-1] == 0:
            raise ShapeError(self, "a score for each class", x)
        super().out_shape(x, t)
        if ... in x:
            return self.reduced((..., None))
        return self.reduced(x[:-1])

    def forward(self, x, t):
        x, t = self.keep(x, t)
        return self.reduce(np.mean(self.weights(self.weight) * binary_losses(x, t), axis=-1))

    def backward(self, dout=1):
        x, t = self.given
        d = self.share(dout, self.x[..., 0])[..., None] / self.x.shape[-1]  # (N, 1)
        d = d * self.weights(self.weight)
        dx, dt = d * binary_slope(self.x, self.t), -d * self.x
        return unbroadcast(dx, x), unbroadcast(dt, t)
