"""Positions: what tells attention, which sees a set of vectors, where each one stands.

All of these take x of the shape (..., T, D): T places with a vector of D numbers each, as attention
and transformers have it with batch_first=True. Of (T, N, D), Transpose(1, 0, 2) makes it.
"""

import numpy as np

from ..errors import ShapeError
from ..initializers import chosen, normal
from ..layer import Layer
from ..parameter import Parameter
from .activation import floats
from .sizes import check_sizes


def angles(length, width, base):
    """How far each pair of numbers has turned at each place t: t / base^(2i / D).

    >>> angles(3, 4, 100.0)
    array([[0. , 0. ],
           [1. , 0.1],
           [2. , 0.2]])
    """
    i = np.arange((width + 1) // 2)
    return np.arange(length)[:, None] / base ** (2 * i / width)  # (T, 1) / (D/2,) -> (T, D/2)


class Position(Layer):
    """What they have in common: the width of the vectors, and the axes of x."""

    max_len = None  # how many places there may be

    def set_width(self, embedding_dim):
        check_sizes(self, embedding_dim=embedding_dim)
        self.embedding_dim = embedding_dim

    def out_shape(self, x):
        wanted = f"inputs of the shape (..., T, {self.embedding_dim})"
        if len(x) < 2 or x[-1] not in (self.embedding_dim, None):
            raise ShapeError(self, wanted, x)
        if self.max_len is not None and x[-2] not in (None, ...) and x[-2] > self.max_len:
            raise ShapeError(self, f"{wanted} with T up to {self.max_len}", x)
        return x


class SinusoidalPosition(Position):
    """y = x + P: to the vector at place t, sines and cosines of t are added.

    forward    P[t, 2i] = sin(t / base^(2i / D))     P[t, 2i + 1] = cos(t / base^(2i / D))
    backward   dx = dout
    shapes     x (..., T, D) -> the same
    embedding_dim   D
    base       the slowest wave is almost 2 pi base places long, the quickest 2 pi
    errors     ShapeError if x ends in other axes; ValueError if D is below 1
    source     Vaswani et al., Attention is all you need, 2017, 3.5; arXiv:1706.03762

    >>> position = SinusoidalPosition(4)
    >>> position.forward(np.zeros((3, 4))).round(4)
    array([[ 0.    ,  1.    ,  0.    ,  1.    ],
           [ 0.8415,  0.5403,  0.01  ,  1.    ],
           [ 0.9093, -0.4161,  0.02  ,  0.9998]])
    """

    def __init__(self, embedding_dim, base=10000.0):
        self.set_width(embedding_dim)
        self.base = base

    def forward(self, x):
        self.out_shape(np.shape(x))
        turned = angles(x.shape[-2], self.embedding_dim, self.base)  # (T, D/2)
        waves = np.empty(x.shape[-2:], np.result_type(x, 0.0))  # (T, D)
        waves[:, 0::2] = np.sin(turned)
        waves[:, 1::2] = np.cos(turned[:, : self.embedding_dim // 2])
        return x + waves

    def backward(self, dout):
        return dout * 1


class LearnedPosition(Position):
    """y = x + W: to the vector at place t, the row t of W is added, which is learned.

    backward   dx = dout     dW[t] = sum of dout[t] over the batch
    shapes     x (..., T, D), W (max_len, D) -> as x; T may be anything up to max_len
    max_len, embedding_dim   the number of places that have a row, and D
    init       makes the first numbers of W, see `initializers`; None: normal, mean 0 and variance 1
    rng        a generator or a seed for the first numbers; None: the graph's seed decides
    errors     ShapeError if x ends in other axes, or has more places; ValueError for sizes below 1
    source     Gehring et al., Convolutional sequence to sequence learning, 2017, 3.1

    >>> position = LearnedPosition(3, 2, rng=0)
    >>> position.W.value[:] = [[1, 2], [3, 4], [5, 6]]
    >>> position.forward(np.zeros((1, 2, 2)))
    array([[[1., 2.],
            [3., 4.]]])
    >>> position.backward(np.array([[[1.0, 0.0], [0.0, 5.0]]]))
    array([[[1., 0.],
            [0., 5.]]])
    >>> position.W.grad
    array([[1., 0.],
           [0., 5.],
           [0., 0.]], dtype=float32)
    """

    def __init__(self, max_len, embedding_dim, *, init=None, rng=None):
        self.set_width(embedding_dim)
        check_sizes(self, max_len=max_len)
        self.max_len = max_len
        shape = (max_len, embedding_dim)
        self.W = Parameter.drawn(chosen(init, normal), shape, rng)  # (max_len, D)

    def forward(self, x):
        self.out_shape(np.shape(x))
        return x + self.W.like(x)[: x.shape[-2]]  # (N, T, D) + (T, D)

    def backward(self, dout):
        batch = tuple(range(dout.ndim - 2))
        self.W.grad[: dout.shape[-2]] += dout.sum(axis=batch)  # (N, T, D) -> (T, D)
        return dout * 1


class RotaryPosition(Position):
    """At place t, each pair of numbers is turned by an angle that grows with t.

    The product of a query at place s and a key at place t then depends on s - t alone.

    forward    y[2i] = x[2i] cos a - x[2i + 1] sin a     a = t / base^(2i / D)
               y[2i + 1] = x[2i] sin a + x[2i + 1] cos a
    backward   dx = dout turned back, by -a
    shapes     x (..., T, D) -> the same: queries or keys, with D numbers for each head
    embedding_dim   D, an even number
    base       the slowest pair turns once in almost 2 pi base places, the quickest in 2 pi
    errors     ShapeError if x ends in other axes; ValueError if D is no even number
    source     Su et al., RoFormer, 2021, 3.2; arXiv:2104.09864

    As in the paper, neighbours are a pair: 0 and 1, 2 and 3, ... Some programs pair i with
    i + D/2 instead; to use their weights, bring the columns into this order.

    >>> position = RotaryPosition(2)
    >>> position.forward(np.array([[1.0, 0.0], [1.0, 0.0]])).round(4)
    array([[1.    , 0.    ],
           [0.5403, 0.8415]])
    >>> position.backward(np.array([[1.0, 0.0], [1.0, 0.0]])).round(4)
    array([[ 1.    ,  0.    ],
           [ 0.5403, -0.8415]])
    """

    def __init__(self, embedding_dim, base=10000.0):
        self.set_width(embedding_dim)
        if embedding_dim % 2:
            raise ValueError(
                f"RotaryPosition({embedding_dim}): the numbers are turned in pairs. Give an even "
                "number."
            )
        self.base = base

    def forward(self, x):
        self.out_shape(np.shape(x))
        return self.turned(floats(x), 1)

    def backward(self, dout):
        return self.turned(dout, -1)

    def turned(self, x, direction):
        a = direction * angles(x.shape[-2], self.embedding_dim, self.base)  # (T, D/2)
        cos, sin = np.cos(a).astype(x.dtype), np.sin(a).astype(x.dtype)
        even, odd = x[..., 0::2], x[..., 1::2]  # (..., T, D/2)
        out = np.empty_like(x)
        out[..., 0::2] = even * cos - odd * sin
        out[..., 1::2] = even * sin + odd * cos
        return out
