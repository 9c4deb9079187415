"""Losses for questions of yes and no: one question for each element.

BinaryCrossEntropy takes probabilities; the others take scores, and lose no digits.
"""

import numpy as np

from ..errors import ShapeError, show_shape
from .activation import sigmoid, softplus
from .loss import ElementwiseLoss, not_zero


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
        tiny = not_zero(1e-12, x)
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
        return self.reduce(w * binary_losses(x, t, p))

    def backward(self, dout=1):
        x, t = self.x, self.t
        w, p = self.weights(self.weight), self.weights(self.pos_weight)
        dt = w * (p * softplus(-x) - softplus(x))
        return self.gradients(dout, w * binary_slope(x, t, p), dt)


def binary_losses(x, t, p=1):
    """-p t ln(s) - (1 - t) ln(1 - s) with s = sigmoid(x), without overflow."""
    return p * t * softplus(-x) + (1 - t) * softplus(x)


def binary_slope(x, t, p=1):
    """The slope of binary_losses by x."""
    return (1 - t) * sigmoid(x) - p * t * sigmoid(-x)


class Focal(ElementwiseLoss):
    """Binary cross-entropy of scores, where what is well known already counts for little.

    forward    the mean of a mᵞ c: c = -t ln(s) - (1 - t) ln(1 - s), with s = sigmoid(x),
               m = t (1 - s) + (1 - t) s, how much is missing to being sure of what is right, and
               a = t alpha + (1 - t) (1 - alpha)
    backward   dx = dout a (gamma mᵞ⁻¹ (1 - 2t) s (1 - s) c + mᵞ (s - t)) / n
               dt = dout (a gamma mᵞ⁻¹ (1 - 2s) c - a mᵞ x + (2 alpha - 1) mᵞ c) / n
    shapes     x and t of one shape; t is 1 for yes and 0 for no, or a probability
    alpha      how much a yes counts, 0 to 1; a no counts 1 - alpha; None: both count 1
    gamma      how fast what is well known loses its weight, from 0 (not at all) up
    reduction  "mean" over all n elements, "sum", or "none": one loss for each element
    errors     ShapeError if the shapes differ; ValueError if alpha or gamma is out of range
    source     Lin et al., Focal loss for dense object detection, 2017

    As in the paper, each of several classes is a question of yes and no: x (N, C), and t (N, C)
    with a 1 for the right class. The sum over its elements is torchvision's sigmoid_focal_loss.

    >>> focal = Focal(reduction="none")
    >>> focal.forward(np.array([0.0, 1e4, 1e4]), np.array([1.0, 1.0, 0.0])).round(4)
    array([4.33e-02, 0.00e+00, 7.50e+03])
    >>> focal.backward(np.ones(3))[0].round(4)
    array([-0.0746,  0.    ,  0.75  ])
    """

    def __init__(self, alpha=0.25, gamma=2.0, reduction="mean"):
        if not (alpha is None or 0 <= alpha <= 1) or not gamma >= 0:
            raise ValueError(
                f"Focal(alpha={alpha}, gamma={gamma}): alpha is a share, from 0 to 1 or None, and "
                "gamma a power, from 0 up."
            )
        super().__init__(reduction)
        self.alpha, self.gamma = alpha, gamma

    def forward(self, x, t):
        x, t = self.keep(x, t)
        a, m, c = self.factors()
        return self.reduce(a * m**self.gamma * c)

    def backward(self, dout=1):
        x, t = self.x, self.t
        a, m, c = self.factors()
        s, no = sigmoid(x), sigmoid(-x)
        power = m**self.gamma
        # gamma m^(gamma - 1); where nothing is missing, all that it is multiplied by is 0
        slope = self.gamma * power / np.maximum(m, np.finfo(m.dtype).tiny)
        dx = a * (slope * (1 - 2 * t) * s * no * c + power * binary_slope(x, t))
        dt = a * (slope * (no - s) * c - power * x)
        if self.alpha is not None:
            dt = dt + (2 * self.alpha - 1) * power * c
        return self.gradients(dout, dx, dt)

    def factors(self):
        """The weight, what is missing to being sure, and the cross-entropy, of each element."""
        x, t = self.x, self.t
        a = 1 if self.alpha is None else t * self.alpha + (1 - t) * (1 - self.alpha)
        m = t * sigmoid(-x) + (1 - t) * sigmoid(x)
        return a, m, binary_losses(x, t)
