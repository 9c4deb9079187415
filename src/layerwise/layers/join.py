"""Joining: several inputs become one output, end to end, side by side, or some here, some there;

and the other way round, cutting: one input becomes several outputs.
"""

import numpy as np

from ..errors import ShapeError, show_shape
from ..layer import Layer
from .arithmetic import broadcast_shapes, unbroadcast
from .sizes import fit, is_whole, known


class Concat(Layer):
    """y = the inputs end to end along one axis.

    backward   dx = that part of dout where x was put, for each input
    shapes     x1 (N, C), x2 (N, D), dim 1 -> (N, C + D); the other axes have the same sizes
    dim        the axis along which to join
    errors     ShapeError if the inputs differ in another axis

    >>> concat = Concat()
    >>> concat.forward(np.array([1.0, 2.0]), np.array([3.0]))
    array([1., 2., 3.])
    >>> concat.backward(np.array([10.0, 20.0, 30.0]))
    (array([10., 20.]), array([30.]))
    """

    sign = "concat"

    def __init__(self, dim=0):
        self.dim = dim
        self.xs = None  # saved by forward for backward

    def out_shape(self, *shapes):
        if any(... in shape for shape in shapes):
            return (..., None)
        out = list(shapes[0])
        if not -len(out) <= self.dim < len(out):
            raise ShapeError(self, f"inputs with an axis {self.dim}", shapes[0])
        dim = self.dim % len(out)
        for i, shape in enumerate(shapes[1:], start=1):
            rest = (*shape[:dim], out[dim], *shape[dim + 1 :])
            if len(shape) != len(out) or not fit(rest, out):
                wanted = f"inputs like {show_shape(out)}, but for the axis {self.dim}"
                raise ShapeError(self, wanted, shape, which=i)
            sizes = out[dim], shape[dim]
            out = known(out, rest)
            out[dim] = None if None in sizes else sum(sizes)
        return tuple(out)

    def forward(self, *xs):
        self.xs = xs
        return np.concatenate(xs, axis=self.dim)

    def backward(self, dout):
        ends = np.cumsum([x.shape[self.dim] for x in self.xs])[:-1]
        parts = np.split(dout, ends, axis=self.dim)
        return tuple(unbroadcast(part * 1, x) for part, x in zip(parts, self.xs))


class Stack(Layer):
    """y = the inputs, all of one shape, side by side along a new axis.

    backward   dx = that layer of dout where x was put, for each input
    shapes     two inputs (N, D), dim 0 -> (2, N, D)
    dim        where the new axis stands in the output
    errors     ShapeError if the inputs differ in their shapes

    >>> stack = Stack()
    >>> stack.forward(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[1., 2.],
           [3., 4.]])
    >>> stack.backward(np.array([[10.0, 20.0], [30.0, 40.0]]))
    (array([10., 20.]), array([30., 40.]))
    """

    sign = "stack"

    def __init__(self, dim=0):
        self.dim = dim
        self.xs = None  # saved by forward for backward

    def out_shape(self, *shapes):
        if any(... in shape for shape in shapes):
            return (..., None)
        out = list(shapes[0])
        if not -len(out) - 1 <= self.dim <= len(out):
            raise ShapeError(self, f"inputs of {abs(self.dim)} axes or more", shapes[0])
        for i, shape in enumerate(shapes[1:], start=1):
            if not fit(shape, out):
                raise ShapeError(self, f"inputs of the shape {show_shape(out)}", shape, which=i)
            out = known(out, shape)
        out.insert(self.dim % (len(out) + 1), len(shapes))
        return tuple(out)

    def forward(self, *xs):
        self.xs = xs
        return np.stack(xs, axis=self.dim)

    def backward(self, dout):
        layers = np.moveaxis(np.asarray(dout), self.dim, 0)
        return tuple(unbroadcast(part * 1, x) for part, x in zip(layers, self.xs))


class Split(Layer):
    """y1, y2, ... = x cut into parts along one axis: `Concat` backward.

    backward   dx = the gradients of all parts end to end
    shapes     x (N, 5), sections (2, 3), dim 1 -> (N, 2) and (N, 3)
    sections   the sizes of the parts. (PyTorch also takes one size for as many parts as there are;
               here their number has to be known when a graph is wired)
    dim        the axis along which to cut
    errors     ShapeError if the parts do not make up the axis; ValueError for impossible sections

    On a node it gives a tuple of nodes, `a, b = Split((2, 3), dim=1)(x)`, and a part that nothing
    uses has the gradient 0.

    >>> split = Split((2, 1))
    >>> split.forward(np.array([1.0, 2.0, 3.0]))
    (array([1., 2.]), array([3.]))
    >>> split.backward((np.array([10.0, 20.0]), np.array([30.0])))
    array([10., 20., 30.])
    """

    sign = "split"

    def __init__(self, sections, dim=0):
        several = np.ndim(sections) == 1 and len(sections) > 0
        if not several or not all(is_whole(n, least=0) for n in sections):
            raise ValueError(
                f"Split({sections!r}): give the sizes of all parts, whole numbers from 0 up, such "
                "as (2, 3)."
            )
        self.sections, self.dim = tuple(map(int, sections)), dim
        self.num_outputs = len(self.sections)

    def out_shape(self, x):
        if ... in x:
            return ((..., None),) * self.num_outputs
        if not -len(x) <= self.dim < len(x):
            raise ShapeError(self, f"inputs with an axis {self.dim}", x)
        dim, total = self.dim % len(x), sum(self.sections)
        if x[dim] not in (total, None):
            raise ShapeError(self, f"the size {total} along the axis {self.dim}", x)
        return tuple((*x[:dim], n, *x[dim + 1 :]) for n in self.sections)

    def forward(self, x):
        self.out_shape(x.shape)
        ends = np.cumsum(self.sections)[:-1]
        return tuple(np.split(x, ends, axis=self.dim))

    def backward(self, dout):
        return np.concatenate(dout, axis=self.dim)


class Where(Layer):
    """z = x where the condition is True, y where it is False.

    backward   dx = dout where it is True, else 0     dy = dout where it is False, else 0
    shapes     condition, x, y that broadcast -> their common shape
    errors     ValueError if the condition is not made of True and False

    >>> where = Where()
    >>> where.forward(np.array([True, False]), np.array([1.0, 2.0]), np.array([10.0, 20.0]))
    array([ 1., 20.])
    >>> where.backward(np.array([5.0, 7.0]))
    (None, array([5., 0.]), array([0., 7.]))
    """

    sign = "where"

    def __init__(self):
        self.condition = self.x = self.y = None  # saved by forward for backward

    def out_shape(self, condition, x, y):
        return broadcast_shapes(self, broadcast_shapes(self, condition, x), y)

    def forward(self, condition, x, y):
        if np.asarray(condition).dtype != bool:
            raise ValueError(
                f"Where() expects a condition of True and False, but got "
                f"{np.asarray(condition).dtype}. Compare it: condition > 0."
            )
        self.condition, self.x, self.y = condition, x, y
        return np.where(condition, x, y)

    def backward(self, dout):
        dx, dy = np.where(self.condition, dout, 0), np.where(self.condition, 0, dout)
        return None, unbroadcast(dx, self.x), unbroadcast(dy, self.y)
