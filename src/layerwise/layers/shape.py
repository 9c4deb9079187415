"""Shapes: the same numbers arranged in another way, or some of them picked out."""

import math

import numpy as np

from ..errors import ShapeError
from ..layer import Layer
from .sizes import is_whole


class Reshape(Layer):
    """y = x in another shape, the elements in the same order.

    backward   dx = dout in the shape of x
    shapes     x of any shape -> `shape`; one size may be -1, and follows from the others
    shape      the new sizes, as separate numbers or as one tuple
    errors     ShapeError if the number of elements does not fit; ValueError for impossible sizes

    >>> reshape = Reshape(-1, 2)
    >>> reshape.forward(np.array([1.0, 2.0, 3.0, 4.0]))
    array([[1., 2.],
           [3., 4.]])
    >>> reshape.backward(np.array([[5.0, 6.0], [7.0, 8.0]]))
    array([5., 6., 7., 8.])
    """

    sign = "reshape"

    def __init__(self, *shape):
        shape = in_one_tuple(shape)
        if shape.count(-1) > 1 or not all(is_whole(n, least=-1) for n in shape):
            raise ValueError(f"Reshape{shape}: give sizes from 0 up, and -1 once at most.")
        self.shape = tuple(map(int, shape))
        self.in_shape = None  # saved by forward for backward

    def out_shape(self, x):
        new = tuple(None if n == -1 else n for n in self.shape)
        if ... in x or None in x:
            return new
        size, known = int(np.prod(x)), int(np.prod([n for n in new if n is not None]))
        if size != known if None not in new else known == 0 or size % known:
            raise ShapeError(self, f"as many elements as fit {self.shape}", x)
        return tuple(size // known if n is None else n for n in new)

    def forward(self, x):
        self.in_shape = np.shape(x)
        return np.reshape(x, self.shape)

    def backward(self, dout):
        return np.reshape(dout, self.in_shape)


class Flatten(Layer):
    """y = x with some axes joined to one; by default all but the first, the batch.

    backward   dx = dout in the shape of x
    shapes     x (N, C, H, W) -> (N, C H W)
    start_dim, end_dim   the first and the last of the axes to join
    errors     ShapeError if x does not have these axes, in this order

    >>> flatten = Flatten()
    >>> flatten.forward(np.zeros((5, 1, 8, 8))).shape, flatten.backward(np.zeros((5, 64))).shape
    ((5, 64), (5, 1, 8, 8))
    """

    def __init__(self, start_dim=1, end_dim=-1):
        self.start_dim, self.end_dim = start_dim, end_dim
        self.in_shape = None  # saved by forward for backward

    def out_shape(self, x):
        if ... in x:
            return (None, None) if (self.start_dim, self.end_dim) == (1, -1) else (..., None)
        n = max(len(x), 1)  # a number counts as one axis of size 1
        first, last = self.start_dim % n, self.end_dim % n
        if not (-n <= self.start_dim < n and -n <= self.end_dim < n and first <= last):
            raise ShapeError(self, f"inputs with the axes {self.start_dim} to {self.end_dim}", x)
        joined = x[first : last + 1]
        size = None if None in joined else int(np.prod(joined))
        return (*x[:first], size, *x[last + 1 :])

    def forward(self, x):
        self.in_shape = np.shape(x)
        return np.reshape(x, self.out_shape(self.in_shape))

    def backward(self, dout):
        return np.reshape(dout, self.in_shape)


class Unflatten(Layer):
    """y = x with one of its axes cut into several.

    backward   dx = dout in the shape of x
    shapes     x (N, C H W), dim 1, unflattened_size (C, H, W) -> (N, C, H, W)
    dim        the axis to cut
    unflattened_size   the sizes of the new axes; one may be -1, and follows from the others
    errors     ShapeError if x has no such axis, or its size does not fit; ValueError for impossible
               sizes

    >>> heads = Unflatten(-1, (2, -1))
    >>> heads.forward(np.array([[1.0, 2.0, 3.0, 4.0]]))
    array([[[1., 2.],
            [3., 4.]]])
    >>> heads.backward(np.array([[[5.0, 6.0], [7.0, 8.0]]]))
    array([[5., 6., 7., 8.]])
    """

    def __init__(self, dim, unflattened_size):
        sizes = tuple(unflattened_size)
        if not sizes or sizes.count(-1) > 1 or not all(is_whole(n) or n == -1 for n in sizes):
            raise ValueError(
                f"Unflatten({dim}, {sizes}): give sizes from 1 up, and -1 once at most."
            )
        self.dim, self.unflattened_size = dim, tuple(map(int, sizes))
        self.in_shape = None  # saved by forward for backward

    def out_shape(self, x):
        sizes = tuple(None if n == -1 else n for n in self.unflattened_size)
        if ... in x:
            return (..., *sizes) if self.dim == -1 else (..., None)
        if not -len(x) <= self.dim < len(x):
            raise ShapeError(self, f"inputs with an axis {self.dim}", x)
        dim = self.dim % len(x)
        n, known = x[dim], math.prod(n for n in sizes if n is not None)
        if n is not None and (n % known if None in sizes else n != known):
            raise ShapeError(
                self, f"a size along the axis {self.dim} that fits {self.unflattened_size}", x
            )
        if n is not None:
            sizes = tuple(n // known if size is None else size for size in sizes)
        return (*x[:dim], *sizes, *x[dim + 1 :])

    def forward(self, x):
        self.in_shape = np.shape(x)
        return np.reshape(x, self.out_shape(self.in_shape))

    def backward(self, dout):
        return np.reshape(dout, self.in_shape)


class Transpose(Layer):
    """y = x with its axes in another order.

    backward   dx = dout with its axes put back
    shapes     x (N, C, H, W), axes 0, 2, 3, 1 -> (N, H, W, C)
    axes       the old axes in their new order; none: the reverse order
    errors     ShapeError if x has not as many axes; ValueError for what is no number of an axis

    >>> transpose = Transpose(1, 0)
    >>> transpose.forward(np.array([[1.0, 2.0, 3.0]]))
    array([[1.],
           [2.],
           [3.]])
    >>> transpose.backward(np.array([[1.0], [0.0], [5.0]]))
    array([[1., 0., 5.]])
    """

    sign = "T"

    def __init__(self, *axes):
        axes = in_one_tuple(axes)
        if not all(is_whole(axis, least=-math.inf) for axis in axes):
            raise ValueError(f"Transpose{axes}: give the numbers of the axes in their new order.")
        self.axes = tuple(map(int, axes))

    def out_shape(self, x):
        if ... in x:
            return (..., None)
        n = len(x)
        if self.axes and (
            any(not -n <= a < n for a in self.axes) or len({a % n for a in self.axes}) != n
        ):
            raise ShapeError(self, f"inputs of {len(self.axes)} axes", x)
        return tuple(x[a] for a in self.axes) if self.axes else x[::-1]

    def forward(self, x):
        return np.transpose(x, self.axes or None)

    def backward(self, dout):
        back = np.argsort([a % len(self.axes) for a in self.axes]) if self.axes else None
        return np.transpose(dout, back)


class Slice(Layer):
    """y = x[index]: some of the elements, picked as NumPy does.

    backward   dx = 0 everywhere, and dout added where an element was picked
    shapes     as NumPy's x[index]
    index      anything that NumPy takes between brackets: numbers, slices, arrays, masks
    errors     ShapeError if x has nothing there

    >>> first = Slice(0)
    >>> first.forward(np.array([7.0, 8.0])), first.backward(1.0)
    (np.float64(7.0), array([1., 0.]))
    """

    def __init__(self, index):
        self.index = index
        self.x = None  # saved by forward for backward

    @property
    def sign(self):
        """The index as one writes it; arrays are too long to be shown."""
        index = self.index if isinstance(self.index, tuple) else (self.index,)
        return f"[{', '.join(map(written, index))}]"

    def out_shape(self, x):
        if ... in x or None in x:
            return (..., None)
        try:
            nothing = np.zeros((), "V0")  # of 0 bytes, so that no shape takes memory
            return np.broadcast_to(nothing, x)[self.index].shape
        except IndexError as error:
            raise ShapeError(self, "inputs that have this index", x, str(error)) from None

    def forward(self, x):
        self.x = x
        return x[self.index]

    def backward(self, dout):
        dx = np.zeros(self.x.shape, np.result_type(self.x, 0.0))
        parts = self.index if isinstance(self.index, tuple) else (self.index,)
        if all(isinstance(part, (int, slice)) for part in parts):
            dx[self.index] = dout
        else:
            np.add.at(dx, self.index, dout)  # adds where an element was picked more than once
        return dx


def in_one_tuple(given):
    """Arguments that are separate numbers, or one tuple or list of them.

    >>> in_one_tuple((2, 3)), in_one_tuple(([2, 3],))
    ((2, 3), (2, 3))
    """
    one = given[0] if len(given) == 1 else given
    return tuple(one) if isinstance(one, (tuple, list)) else given


def written(one):
    """One entry of an index, as between brackets: 1:, ::2, ..."""
    if isinstance(one, slice):
        first, last, step = ("" if n is None else str(n) for n in (one.start, one.stop, one.step))
        return f"{first}:{last}" + (f":{step}" if step else "")
    if one is Ellipsis:
        return "..."
    return str(one) if one is None or isinstance(one, (int, np.integer)) else type(one).__name__
