"""Padding: elements added around the last axes of an array, or cropped."""

import math

import numpy as np

from ..errors import ShapeError, show_shape
from ..layer import Layer
from .sizes import is_whole

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x, pads, mode="constant", value=0):
    """x with (before, after) elements more along each of its last axes; fewer if negative.

    pads    a pair for each axis, the last pair for the last axis
    mode    "constant", "reflect", "replicate" or "circular"
    value   what is added, for "constant"

    >>> pad(np.array([1, 2, 3]), [(2, 1)]), pad(np.array([1, 2, 3]), [(2, -1)], value=0.5)
    (array([0, 0, 1, 2, 3, 0]), array([0.5, 0.5, 1. , 2. ]))
    >>> [pad(np.array([1, 2, 3]), [(2, 1)], m).tolist() for m in ("reflect", "replicate")]
    [[3, 2, 1, 2, 3, 2], [1, 1, 1, 2, 3, 3]]
    """
    options = {}
    if mode == "constant":
        x = x.astype(np.result_type(x, value), copy=False)  # whole numbers must not cut the value
        options = {"constant_values": value}
    added = [(max(before, 0), max(after, 0)) for before, after in pads]
    if any(map(any, added)):  # np.pad would copy x even if there is nothing to add
        x = np.pad(x, [(0, 0)] * (x.ndim - len(pads)) + added, MODES[mode], **options)
    sizes = x.shape[x.ndim - len(pads) :]
    cropped = [slice(max(-b, 0), n - max(-a, 0)) for (b, a), n in zip(pads, sizes)]
    kept = (..., *cropped)
    return x[kept]


def unpad(d, pads, mode="constant"):
    """The gradient of x, from the gradient `d` of `pad(x, pads, mode)`.

    >>> d = np.array([10.0, 20, 1, 2, 3, 30])
    >>> unpad(d, [(2, 1)]), unpad(d, [(2, 1)], "replicate")
    (array([1., 2., 3.]), array([31.,  2., 33.]))
    """
    if mode == "constant":  # what was added is cropped, what was cropped had no effect
        return pad(d, [(-before, -after) for before, after in pads])
    for axis, (before, after) in enumerate(pads, start=-len(pads)):
        d = np.moveaxis(d, axis, 0)
        n = len(d) - before - after
        source = np.pad(np.arange(n), (before, after), MODES[mode])  # the element copied there
        dx = d[before : before + n].copy()
        for i in (*range(before), *range(before + n, len(d))):
            dx[source[i]] += d[i]
        d = np.moveaxis(dx, 0, axis)
    return d


def check_room(layer, x, pads, mode):
    """Raise a ShapeError if a mode would have to copy more elements than there are."""
    for n, both in zip(x[len(x) - len(pads) :], pads):
        least = {"constant": 0, "reflect": max(both) + 1, "replicate": 1, "circular": max(both)}
        if n is not None and n < least[mode]:
            sizes = show_shape([max(both) + (mode == "reflect") for both in pads])
            raise ShapeError(layer, f"at least {sizes} elements to copy from, for {mode!r}", x)


class Pad(Layer):
    """y = x with elements added around it, along its last axes.

    backward   dx = dout, cropped; where elements of x were copied, the copies' gradients are added
    shapes     x (N, C, H, W), pad (left, right, top, bottom)
               -> (N, C, top + H + bottom, left + W + right)
    pad        a pair for each axis, from the LAST axis backward, as in PyTorch's F.pad: (left,
               right), then (top, bottom), then (front, back); for "constant" a negative one crops
    mode       "constant": the value; of 1 2 3 with 2 more on each side "reflect" makes
               3 2 1 2 3 2 1, "replicate" 1 1 1 2 3 3 3, "circular" 2 3 1 2 3 1 2
    value      what is added, for "constant"
    errors     ShapeError if x has fewer axes than pairs, or fewer elements than are to be copied;
               ValueError if the sizes are not pairs, or the mode is another

    >>> around = Pad((1, 2), value=9.0)
    >>> around.forward(np.array([[1.0, 2.0]])), around.backward(np.array([[5.0, 6, 7, 8, 9]]))
    (array([[9., 1., 2., 9., 9.]]), array([[6., 7.]]))
    >>> ring = Pad((1, 1), mode="circular")
    >>> ring.forward(np.array([[1.0, 2.0]])), ring.backward(np.array([[5.0, 6, 7, 8]]))
    (array([[2., 1., 2., 1.]]), array([[14., 12.]]))
    """

    def __init__(self, pad, mode="constant", value=0):
        if mode not in MODES:
            raise ValueError(f"Pad(mode={mode!r}): choose one of {tuple(MODES)}.")
        pad, least = tuple(pad), -math.inf if mode == "constant" else 0
        if len(pad) % 2 or not all(is_whole(n, least) for n in pad):
            negative = ", 0 or more" if mode != "constant" else ""
            raise ValueError(
                f"Pad({pad}): give two whole numbers for each axis{negative}, "
                "(left, right, top, bottom) for images."
            )
        self.pad, self.mode, self.value = tuple(map(int, pad)), mode, value
        self.pairs = list(zip(self.pad[::2], self.pad[1::2]))[::-1]  # as the axes are ordered

    def out_shape(self, x):
        if ... in x:
            return (..., None)
        fixed = len(x) - len(self.pairs)
        if fixed < 0:
            raise ShapeError(self, f"inputs with an axis {-len(self.pairs)}", x)
        check_room(self, x, self.pairs, self.mode)
        sizes = [None if n is None else n + sum(both) for n, both in zip(x[fixed:], self.pairs)]
        if any(n is not None and n < 0 for n in sizes):
            raise ShapeError(self, "at least as many elements as it crops", x)
        return (*x[:fixed], *sizes)

    def forward(self, x):
        self.out_shape(x.shape)
        return pad(x, self.pairs, self.mode, self.value)

    def backward(self, dout):
        return unpad(dout, self.pairs, self.mode)
