"""Distances and angles between vectors, and the losses that learn them."""

import math

import numpy as np

from ..anatomy import seat_of
from ..errors import ShapeError, show_shape
from .arithmetic import Binary, broadcast_shapes, unbroadcast
from .loss import (
    Loss,
    check_same_shape,
    common_floats,
    not_zero,
    slope_of_choice,
)
from .margin import check_signs, hinge
from .sizes import fit


def norm(x, p=2, axis=-1):
    """The p-norm (sum of |x|ᵖ)^(1/p) along an axis, which stays with size 1, without overflow."""
    size = np.abs(x)
    largest = np.max(size, axis=axis, keepdims=True, initial=0)
    if p == math.inf:
        return largest
    unit = np.where(np.isfinite(largest) & (largest > 0), largest, 1)
    return unit * np.sum((size / unit) ** p, axis=axis, keepdims=True) ** (1 / p)


def norm_slope(x, length, p=2, axis=-1):
    """The slope of the p-norm by x, where `length` is the norm; 0 where that has a corner."""
    if p == math.inf:
        largest = np.abs(x) == length  # equal ones share
        return np.sign(x) * largest / np.maximum(np.sum(largest, axis=axis, keepdims=True), 1)
    share = np.abs(x) / np.where(length == 0, 1, length)  # 1 at most
    return np.sign(x) * np.where(x == 0, 1, share) ** (p - 1)


class PairwiseDistance(Binary):
    """The distance between vectors, ||x1 - x2 + eps||: the p-norm along the last axis.

    backward   with e = x1 - x2 + eps and d the distance: dx1 = dout sign(e) (|e| / d)ᵖ⁻¹
               dx2 = -dx1
    shapes     x1, x2 (N, D), or others that broadcast -> (N,)
    p          the kind of distance, above 0: 2 as the crow flies, 1 along the streets of a town,
               inf the largest difference
    eps        keeps the slope of equal vectors from being 0/0
    keepdim    whether the last axis stays, with size 1
    errors     ShapeError if the shapes do not broadcast; ValueError if p is not above 0

    >>> distance = PairwiseDistance(eps=0.0)
    >>> distance.forward(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]))
    array([5.])
    >>> distance.backward(np.array([1.0]))
    (array([[0.6, 0.8]]), array([[-0.6, -0.8]]))
    """

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        if not p > 0:
            raise ValueError(f"PairwiseDistance(p={p}): give a power above 0.")
        self.p, self.eps, self.keepdim = p, eps, keepdim
        self.x = self.y = self.e = self.length = None  # saved by forward for backward

    def out_shape(self, x1, x2):
        shape = broadcast_shapes(self, x1, x2)
        if ... in shape:
            return shape
        if not shape:
            raise ShapeError(self, "vectors", x1)
        return (*shape[:-1], 1) if self.keepdim else shape[:-1]

    def forward(self, x1, x2):
        self.out_shape(np.shape(x1), np.shape(x2))
        self.x, self.y = x1, x2
        x1, x2 = common_floats(x1, x2)
        self.e = x1 - x2 + self.eps  # (N, D)
        self.length = norm(self.e, self.p)  # (N, 1)
        return self.length if self.keepdim else self.length[..., 0]

    def backward(self, dout):
        d = dout if self.keepdim else np.expand_dims(dout, -1)  # (N, 1)
        dx = d * norm_slope(self.e, self.length, self.p)
        return self.unbroadcast(dx, -dx)


class CosineSimilarity(Binary):
    """The cosine of the angle between vectors: 1 for the same direction, -1 for the opposite one.

    forward    u1 = x1 / |x1|, u2 = x2 / |x2|, cos = the sum of u1 u2
    backward   dx1 = dout (u2 - cos u1) / |x1|     dx2 = dout (u1 - cos u2) / |x2|
    shapes     x1, x2 (N, D), or others that broadcast -> (N,)
    dim        the axis of the vectors
    eps        a shorter vector is divided by eps instead of its length, as a constant
    errors     ShapeError if the shapes do not broadcast, or there is no such axis

    >>> cosine = CosineSimilarity()
    >>> cosine.forward(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]])).round(12)
    array([0.6])
    >>> cosine.backward(np.array([1.0]))[0].round(12)
    array([[ 0.128, -0.096]])
    """

    def __init__(self, dim=1, eps=1e-8):
        self.dim, self.eps = dim, eps
        self.x = self.y = None  # saved by forward for backward, with, for each of them:
        self.units = self.lengths = self.turns = None

    def out_shape(self, x1, x2):
        shape = broadcast_shapes(self, x1, x2)
        if ... in shape:
            return shape
        if not -len(shape) <= self.dim < len(shape):
            raise ShapeError(self, f"inputs with an axis {self.dim}", x1)
        dim = self.dim % len(shape)
        return (*shape[:dim], *shape[dim + 1 :])

    def forward(self, x1, x2):
        self.out_shape(np.shape(x1), np.shape(x2))
        self.x, self.y = x1, x2
        vectors = np.broadcast_arrays(*common_floats(x1, x2))
        least = not_zero(self.eps, vectors[0])
        lengths = [norm(x, axis=self.dim) for x in vectors]  # (N, 1)
        self.lengths = [np.maximum(length, least) for length in lengths]
        self.units = [x / length for x, length in zip(vectors, self.lengths)]  # (N, D)
        cos = np.sum(self.units[0] * self.units[1], axis=self.dim, keepdims=True)  # (N, 1)
        self.turns = [np.where(length > least, cos, 0) for length in lengths]
        return np.squeeze(cos, self.dim)

    def backward(self, dout):
        d = np.expand_dims(dout, self.dim)
        return self.unbroadcast(*angle_slopes(d, self.turns, self.units, self.lengths))


def angle_slopes(d, turns, units, lengths):
    """d (u2 - cos u1) / |x1| and d (u1 - cos u2) / |x2|; the cosine is 0 for a constant length."""
    u1, u2 = units
    return d * (u2 - turns[0] * u1) / lengths[0], d * (u1 - turns[1] * u2) / lengths[1]


class CosineEmbedding(Loss):
    """The mean of 1 - cos where t = 1, and of max(0, cos - margin) where t = -1.

    cos is that of the angle between x1 and x2: what is alike (1) is to point the same way.

    backward   dx1 = dcos (u2 - cos u1) / |x1|     dx2 = dcos (u1 - cos u2) / |x2|, with the
               directions u = x / |x|; dcos = -dout / N where t = 1, dout / N where t = -1 and
               cos > margin, else 0
    shapes     x1, x2 (N, D), t (N,); or one pair, x1 and x2 (D,), and t a number
    margin     a cosine, -1 to 1, below which what differs costs nothing any more
    reduction  "mean" over the N pairs, "sum", or "none": one loss for each pair
    errors     ShapeError if the shapes do not fit; ValueError if t is not made of 1 and -1

    |x|² is taken 1e-12 larger, which keeps the slope at 0 finite.

    >>> loss = CosineEmbedding(reduction="none")
    >>> x1, x2 = np.array([[3.0, 4.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> loss.forward(x1, x2, np.array([1, -1])).round(6)
    array([0.4, 0.6])
    >>> loss.backward(np.ones(2))[0].round(6)
    array([[-0.128,  0.096],
           [ 0.128, -0.096]])
    """

    def __init__(self, margin=0.0, reduction="mean"):
        super().__init__(reduction)
        self.margin = margin
        self.given = self.slope = None  # saved by forward for backward, with, of x1 and x2:
        self.units = self.lengths = self.cos = None

    def out_shape(self, x1, x2, t):
        check_same_shape(self, "vectors", x1, x2)
        if ... not in x1 and not (x1 and fit(x1[:-1], t)):
            raise ShapeError(self, f"a target for each pair, {show_shape(x1[:-1])}", t, which=2)
        return self.reduced(t)

    def forward(self, x1, x2, t):
        self.out_shape(np.shape(x1), np.shape(x2), np.shape(t))
        self.given, t = (x1, x2, t), np.asarray(t)
        check_signs(self, t)
        vectors = common_floats(x1, x2)
        tiny = not_zero(1e-6, vectors[0])
        self.lengths = [np.hypot(norm(x), tiny) for x in vectors]  # (N, 1)
        self.units = [x / length for x, length in zip(vectors, self.lengths)]  # (N, D)
        self.cos = np.sum(self.units[0] * self.units[1], axis=-1, keepdims=True)  # (N, 1)
        far, slope = hinge(-self.cos[..., 0], -self.margin)
        self.slope = np.where(t > 0, -1, -slope)  # (N,)
        return self.reduce(np.where(t > 0, 1 - self.cos[..., 0], far))

    def backward(self, dout=1):
        x1, x2, t = self.given
        d = (self.share(dout, self.slope) * self.slope)[..., None]  # (N, 1)
        dx1, dx2 = angle_slopes(d, (self.cos, self.cos), self.units, self.lengths)
        return unbroadcast(dx1, x1), unbroadcast(dx2, x2), slope_of_choice(t)


class TripletMarginWithDistance(Loss):
    """The mean of max(0, margin + d(a, p) - d(a, n)): an anchor is to be nearer to p than to n.

    backward   where the loss is above 0: da, dp from dout / N through d(a, p), and da, dn from
               -dout / N through d(a, n), or with swap through d(p, n), if that is smaller
    shapes     anchor, positive and negative (N, D), or (D,)
    distance_function   d: a layer that makes (N,) of two inputs (N, D); None: PairwiseDistance()
    margin     how much nearer is near enough, in the unit of the distance
    swap       whether d(p, n) counts in place of d(a, n) where it is smaller
    reduction  "mean" over the N triplets, "sum", or "none": one loss for each triplet
    errors     ShapeError if the shapes differ
    source     Schroff et al., FaceNet, 2015; for swap Balntas et al., Learning local feature
               descriptors with triplets and shallow convolutional neural networks, 2016

    >>> from layerwise import Graph, Input
    >>> loss = TripletMarginWithDistance(Graph(1 - CosineSimilarity()(Input("x1"), Input("x2"))))
    >>> a, p, n = np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]]), np.array([[3.0, 4.0]])
    >>> loss.forward(a, p, n).round(6)  # 1 + (1 - 0) - (1 - 0.6)
    np.float64(1.6)
    >>> loss.backward()[1]
    array([[-0.5, -0. ]])
    """

    def __init__(self, distance_function=None, margin=1.0, swap=False, reduction="mean"):
        super().__init__(reduction)
        self.distance_function, self.margin, self.swap = distance_function, margin, swap
        distance = PairwiseDistance() if distance_function is None else distance_function
        self.distances = [seat_of(distance) for _ in range(2 + swap)]  # each keeps its own inputs
        self.slopes = None  # saved by forward for backward: what each distance adds to the loss

    def out_shape(self, anchor, positive, negative):
        check_same_shape(self, "inputs", anchor, positive, negative)
        if not anchor:
            raise ShapeError(self, "vectors", anchor)
        if ... in anchor:
            return self.reduced((..., None))
        return self.reduced(anchor[:-1])

    def _start_gradients(self):
        for parameter in self.parameters().values():  # copies of a graph leave it to the loss
            if parameter.grad is None:
                parameter.grad = np.zeros_like(parameter.value)

    def forward(self, anchor, positive, negative):
        self.out_shape(np.shape(anchor), np.shape(positive), np.shape(negative))
        near = self.distances[0].forward(anchor, positive)  # (N,)
        far = self.distances[1].forward(anchor, negative)
        swapped = np.zeros(near.shape, bool)
        if self.swap:
            other = self.distances[2].forward(positive, negative)
            swapped, far = other < far, np.minimum(far, other)
        losses, slope = hinge(far - near, self.margin)
        self.slopes = -slope, np.where(swapped, 0, slope), np.where(swapped, slope, 0)
        return self.reduce(losses)

    def backward(self, dout=1):
        d = self.share(dout, self.slopes[0])  # (N,)
        gradients = [one.backward(d * slope) for one, slope in zip(self.distances, self.slopes)]
        (da, dp), (da2, dn) = gradients[:2]
        if self.swap:
            dp, dn = dp + gradients[2][0], dn + gradients[2][1]
        return da + da2, dp, dn


class TripletMargin(TripletMarginWithDistance):
    """The mean of max(0, margin + d(a, p) - d(a, n)), where d is a p-norm: ||x1 - x2 + eps||.

    backward   where the loss is above 0: da = dout (e / d(a, p) - f / d(a, n)) / N,
               dp = -dout e / d(a, p) / N, dn = dout f / d(a, n) / N for p = 2, with e = a - p + eps
               and f = a - n + eps; with swap, d(p, n) likewise where it is smaller than d(a, n)
    shapes     anchor, positive and negative (N, D), or (D,)
    margin     how much nearer is near enough, in the unit of the inputs
    p, eps     the kind of distance and what keeps its slope finite: see PairwiseDistance
    swap       whether d(p, n) counts in place of d(a, n) where it is smaller
    reduction  "mean" over the N triplets, "sum", or "none": one loss for each triplet
    errors     ShapeError if the shapes differ; ValueError if p is not above 0
    source     as TripletMarginWithDistance

    >>> loss = TripletMargin()
    >>> a, p, n = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]])
    >>> loss.forward(a, p, n).round(6)
    np.float64(4.0)
    >>> loss.backward()[1].round(6)
    array([[0.6, 0.8]])
    """

    def __init__(self, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
        super().__init__(PairwiseDistance(p, eps), margin, swap, reduction)
        self.p, self.eps = p, eps
