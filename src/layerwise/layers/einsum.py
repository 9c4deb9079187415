"""Einstein's sums: any product of two arrays, summed over any of their axes.

Each axis gets a letter: "nk,km->nm" says z[n, m] = the sum over k of x[n, k] y[k, m]. An axis with
the same letter in both inputs is multiplied element by element, and one that is not in the output
is summed over.

Backward is an Einstein sum too. x[n, k] is multiplied by y[k, m] wherever it appears, and ends up
in z[n, m], so its gradient is the sum of dout[n, m] y[k, m] over the letter that x does not have:
"nm,km->nk". The letters of the output and of x have changed places.
"""

from collections import Counter

import numpy as np

from ..errors import ShapeError
from ..layer import Layer
from .sizes import fit

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Einsum(Layer):
    """z = x y, multiplied and summed as the letters of the axes say.

    backward   dx = the Einstein sum of dout and y, with the letters of z and x exchanged;
               dy = that of x and dout. An axis of x alone that was summed over is repeated, and
               of an axis that x has twice, only the diagonal has a gradient
    shapes     "nk,km->nm": x (N, K), y (K, M) -> z (N, M)
    equation   the letters of x, of y and of z. Dots stand for any axes in front, which broadcast,
               and are summed over if z has none; without "->", z has all letters that come
               once, in alphabetical order. Axes of size 1 broadcast
    errors     ShapeError if the inputs have other axes than letters, or sizes that do not fit;
               ValueError if the equation is not for two inputs
    source     NumPy and PyTorch, einsum

    >>> product = Einsum("nk,km->nm")
    >>> product.forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    >>> product.backward(np.array([[1.0]]))
    (array([[3., 4.]]), array([[1.],
           [2.]]))
    """

    sign = "Σ"

    def __init__(self, equation):
        self.equation = equation
        try:
            self.terms = read(equation)
        except ValueError as error:
            raise ValueError(
                f"Einsum({equation!r}): {error}. Give the letters of two inputs and of the output, "
                'such as "nk,km->nm".'
            ) from None
        self.x = self.y = None  # saved by forward for backward

    def out_shape(self, x, y):
        if ... in x or ... in y:
            return (..., None)
        *inputs, out = self.letters(x, y)
        sizes = {}
        for i, (letters, shape) in enumerate(zip(inputs, (x, y))):
            own = {}
            for letter, n in zip(letters, shape):  # a diagonal needs axes of one size
                self.check_size(letter, own.setdefault(letter, n), n, shape, i)
            for letter, n in own.items():
                so_far = sizes.setdefault(letter, n)
                if 1 not in (n, so_far):
                    self.check_size(letter, so_far, n, shape, i)
                if so_far == 1 or (so_far is None and n != 1):
                    sizes[letter] = n
        return tuple(sizes[letter] for letter in out)

    def check_size(self, letter, wanted, n, shape, which):
        if not fit((wanted,), (n,)):
            where = letter if letter in self.equation else "the dots"
            raise ShapeError(self, f"the size {wanted} along {where}", shape, which=which)

    def letters(self, x, y):
        """The letters of x, y and z, with more letters for the dots: their shapes say how many."""
        counts = []
        for i, (term, shape) in enumerate(zip(self.terms, (x, y))):
            more = len(shape) - len(term.replace(".", ""))
            if more < 0 or (more > 0 and "." not in term):
                named = term.replace(".", "...")
                raise ShapeError(self, f'an input with the axes "{named}"', shape, which=i)
            counts.append(more)
        free = [letter for letter in LETTERS if letter not in "".join(self.terms)][: max(counts)]
        dots = "".join(free)
        counts.append(len(dots))  # the output has the longer ones
        return [term.replace(".", dots[len(dots) - n :]) for term, n in zip(self.terms, counts)]

    def forward(self, x, y):
        self.out_shape(x.shape, y.shape)
        self.x, self.y = x, y
        of_x, of_y, of_z = self.letters(x.shape, y.shape)
        return einsum(of_x, of_y, of_z, x, y)

    def backward(self, dout):
        x, y = self.x, self.y
        of_x, of_y, of_z = self.letters(x.shape, y.shape)
        dx = gradient(x, of_x, of_z, of_y, dout, y)
        dy = gradient(y, of_y, of_z, of_x, dout, x)
        return dx, dy


def gradient(x, of_x, of_z, of_y, dout, y):
    """The gradient of x, from dout and the other input.

    Along an axis that only x has, x was summed and the gradient is repeated; along one of size 1,
    x may have been repeated and the gradient is summed.
    """
    dx = np.zeros(x.shape, np.result_type(x, 0.0))
    each = "".join(dict.fromkeys(of_x))  # every letter once
    view = dx if each == of_x else np.einsum(f"{of_x}->{each}", dx)  # the diagonal
    reached = [letter for letter in each if letter in of_z + of_y]
    d = einsum(of_z, of_y, "".join(reached), dout, y)
    alone = [i for i, letter in enumerate(each) if letter not in reached]
    stretched = tuple(i for i, n in enumerate(view.shape) if n == 1)
    view[...] = np.expand_dims(d, alone).sum(axis=stretched, keepdims=True)
    return dx


def einsum(of_x, of_y, of_z, x, y):
    return np.einsum(f"{of_x},{of_y}->{of_z}", x, y, optimize=True)  # by matrix products


def read(equation):
    """The letters of x, y and z, with one dot for the three, or a ValueError that says why not."""
    text = str(equation).replace(" ", "")
    if "." in text.replace("...", ""):
        raise ValueError("dots come in threes")
    inputs, arrow, out = text.replace("...", ".").partition("->")
    terms = inputs.split(",")
    if len(terms) != 2:
        raise ValueError(f"it is for {len(terms)} input{'s' * (len(terms) > 1)}")
    counts = Counter(inputs.replace(",", ""))
    if not arrow:
        out = "".join(sorted(letter for letter, n in counts.items() if n == 1 and letter != "."))
        out = "." * ("." in inputs) + out
    wrong = [letter for letter in "".join(terms) + out if letter not in LETTERS + "."]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no letter")
    if any(term.count(".") > 1 for term in (*terms, out)):
        raise ValueError("dots come once in an input")
    for letter in out.replace(".", ""):
        if out.count(letter) > 1:
            raise ValueError(f"{letter!r} comes twice in the output")
        if letter not in inputs:
            raise ValueError(f"{letter!r} is in the output alone")
    return (*terms, out)
