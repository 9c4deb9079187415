"""The embedding: whole numbers, such as words by their number, become vectors that are learned."""

import numpy as np

from ..initializers import chosen, normal
from ..layer import Layer
from ..parameter import Parameter
from .sizes import check_sizes


class Embedding(Layer):
    """y = W[x]: for each whole number in x, the row of W with that number.

    backward   dW[i] = sum of dout over all places where x = i; x has no gradient
    shapes     x of any shape (N, T), whole numbers; W (V, D) -> (N, T, D)
    num_embeddings, embedding_dim   V and D: how many rows there are, and how long each is
    padding_idx   the number that fills up sequences that are too short: its row starts as zeros
               and is not learned, since its gradient stays 0; below 0 it counts from the end
    init       makes the first numbers of W, see `initializers`; None: normal, mean 0 and variance 1
    rng        a generator or a seed for the first numbers; None: the graph's seed decides
    errors     ValueError if x holds anything but whole numbers from 0 to V - 1, and for sizes
               below 1
    source     Bengio et al., A neural probabilistic language model, JMLR 3 (2003); Deep Learning
               from Scratch 2, 4.1

    >>> words = Embedding(3, 2, rng=0)
    >>> words.W.value[:] = [[1, 2], [3, 4], [5, 6]]
    >>> words.forward(np.array([2, 0, 2]))
    array([[5., 6.],
           [1., 2.],
           [5., 6.]], dtype=float32)
    >>> words.backward(np.array([[1.0, 1.0], [10.0, 10.0], [100.0, 100.0]]))
    >>> words.W.grad
    array([[ 10.,  10.],
           [  0.,   0.],
           [101., 101.]], dtype=float32)
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, *, init=None, rng=None):
        check_sizes(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"Embedding(padding_idx={padding_idx!r}): there is no such row. Give a number from "
                f"0 to {num_embeddings - 1}."
            )
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx
        draw = chosen(init, normal)

        def start(shape, rng):
            W = np.array(draw(shape, rng))
            if padding_idx is not None:
                W[padding_idx] = 0
            return W

        self.W = Parameter.drawn(start, (num_embeddings, embedding_dim), rng)  # (V, D)
        self.W.not_learned = padding_idx
        self.x = None  # saved by forward for backward

    def out_shape(self, x):
        return (..., self.embedding_dim) if ... in x else (*x, self.embedding_dim)

    def forward(self, x):
        self.x = x = np.asarray(x)
        self.check_numbers(x)
        return self.W.value[x]  # (N, T) -> (N, T, D)

    def backward(self, dout):
        V, D = self.W.shape
        x, dout = self.x.reshape(-1), dout.reshape(-1, D)
        if self.padding_idx is not None:
            learned = x != self.padding_idx % V
            x, dout = x[learned], dout[learned]
        # add.at also adds where a row was taken more than once, and is quicker with single numbers
        dW = np.zeros(V * D, self.W.dtype)
        places = x.astype(np.intp)[:, None] * D + np.arange(D)  # in W, its rows end to end
        np.add.at(dW, places.reshape(-1), dout.reshape(-1))
        self.W.grad += dW.reshape(V, D)

    def check_numbers(self, x):
        """Refuse what is not a whole number from 0 to V - 1: NumPy would count -1 from the end."""
        if x.dtype.kind not in "iu":
            raise ValueError(
                f"{self!r} expects whole numbers, but got {x.dtype}. Convert them: x.astype(int)."
            )
        wrong = (x < 0) | (x >= self.num_embeddings)
        if wrong.any():
            place = np.argwhere(wrong)[0].tolist()
            raise ValueError(
                f"{self!r} expects numbers from 0 to {self.num_embeddings - 1}, but "
                f"x{place or ''} is {x[tuple(place)]}. Count from 0, or give it more rows."
            )
