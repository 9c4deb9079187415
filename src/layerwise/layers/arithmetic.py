"""Arithmetic: the four operations of the book's shop, powers, extremes and matrix products.

Layers with two inputs broadcast as NumPy does. What broadcasting repeats on the way forward is
summed on the way backward; `unbroadcast` does that for all of them.
"""

import numpy as np

from ..errors import ShapeError
from ..layer import Layer


def unbroadcast(dx, x):
    """The gradient `dx` summed over the axes along which `x` was repeated, in the dtype of `x`.

    >>> unbroadcast(np.ones((2, 3)), np.zeros(3))        # each element of x was used twice
    array([2., 2., 2.])
    """
    if type(dx) is float:  # a number was not repeated, and is the commonest case
        return dx
    shape = np.shape(x)
    if np.shape(dx) != shape:
        new = np.ndim(dx) - len(shape)  # axes that x did not have
        stretched = (i + new for i, n in enumerate(shape) if n == 1 and dx.shape[i + new] != 1)
        dx = dx.sum(axis=(*range(new), *stretched)).reshape(shape)
    dtype = getattr(x, "dtype", None)
    if dtype is not None and dtype.kind == "f" and dx.dtype != dtype:
        dx = dx.astype(dtype)
    return dx


def broadcast_shapes(layer, a, b):
    """The common shape of two shapes, some of whose sizes may not be known (None, or dots)."""
    if ... in a or ... in b:
        return a if a == b else (..., None)
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    out = list(longer)
    for i, n in enumerate(shorter, start=len(longer) - len(shorter)):
        if out[i] == 1 or (out[i] is None and n not in (1, None)):
            out[i] = n
        elif n not in (1, None, out[i]):
            raise ShapeError(layer, f"inputs that broadcast to {a}", b, which=1)
    return tuple(out)


class Binary(Layer):
    """What the layers with two inputs of broadcastable shapes have in common."""

    def out_shape(self, x, y):
        return broadcast_shapes(self, x, y)

    def unbroadcast(self, dx, dy):
        """The gradients of both inputs, which forward has saved, without what was repeated."""
        if type(dx) is float and type(dy) is float:
            return dx, dy
        return unbroadcast(dx, self.x), unbroadcast(dy, self.y)


class Elementwise(Layer):
    """What the layers have in common that work on each element by itself."""

    def out_shape(self, x):
        return x


class Add(Binary):
    """z = x + y, elementwise: both inputs get the gradient as it is.

    backward   dx = dout     dy = dout
    shapes     x, y that broadcast -> their common shape
    source     Deep Learning from Scratch, 5.4.2

    >>> add = Add()
    >>> add.forward(200, 450), add.backward(1.1)
    (650, (1.1, 1.1))
    """

    sign = "+"

    def forward(self, x, y):
        self.x, self.y = x, y
        return x + y

    def backward(self, dout):
        dx = dout * 1  # an array of its own for each input
        dy = dout * 1
        return self.unbroadcast(dx, dy)


class Sub(Binary):
    """z = x - y, elementwise.

    backward   dx = dout     dy = -dout
    shapes     x, y that broadcast -> their common shape

    >>> sub = Sub()
    >>> sub.forward(5.0, 3.0), sub.backward(2.0)
    (2.0, (2.0, -2.0))
    """

    sign = "−"

    def forward(self, x, y):
        self.x, self.y = x, y
        return x - y

    def backward(self, dout):
        return self.unbroadcast(dout * 1, -dout)


class Mul(Binary):
    """z = x y, elementwise: the slope for each input is the other input.

    backward   dx = dout y     dy = dout x
    shapes     x, y that broadcast -> their common shape
    source     Deep Learning from Scratch, 5.4.1

    >>> apple = Mul()
    >>> apple.forward(100, 2), apple.backward(1.1)
    (200, (2.2, 110.00000000000001))
    """

    sign = "×"

    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return self.unbroadcast(dout * self.y, dout * self.x)


class Div(Binary):
    """z = x / y, elementwise.

    backward   dx = dout / y     dy = -dout x / y²
    shapes     x, y that broadcast -> their common shape
    source     Deep Learning from Scratch, 5.5.2

    >>> div = Div()
    >>> div.forward(6.0, 2.0), div.backward(1.0)
    (3.0, (0.5, -1.5))
    """

    sign = "÷"

    def forward(self, x, y):
        self.x, self.y = x, y
        return x / y

    def backward(self, dout):
        dx = dout / self.y
        dy = -dout * self.x / self.y / self.y
        return self.unbroadcast(dx, dy)


class Pow(Binary):
    """z = x to the power y, elementwise; NaN where the result is no real number.

    backward   dx = dout y x^(y-1)     dy = dout z ln(x), and 0 where x = 0 and y >= 0
    shapes     x, y that broadcast -> their common shape

    >>> power = Pow()
    >>> power.forward(3.0, 2.0), power.backward(1.0)
    (9.0, (6.0, 9.887510598012987))
    """

    sign = "^"

    def forward(self, x, y):
        self.x, self.y = x, y
        out = x**y
        self.out = np.nan if isinstance(out, complex) else out
        return self.out

    def backward(self, dout):
        x, y = self.x, self.y
        with np.errstate(divide="ignore", invalid="ignore"):  # the slope at 0 is handled here
            dx = dout * np.where(y == 0, 0, y * np.power(x, y - 1.0))
            dy = dout * np.where((x == 0) & (y >= 0), 0, self.out * np.log(x))
        return self.unbroadcast(dx, dy)


class Maximum(Binary):
    """z = the larger of x and y, elementwise; equal ones share the gradient.

    backward   dx = dout where x > y, dout / 2 where x = y, else 0     dy likewise
    shapes     x, y that broadcast -> their common shape

    >>> maximum = Maximum()
    >>> maximum.forward(np.array([1.0, 5.0, 2.0]), np.array([4.0, 3.0, 2.0]))
    array([4., 5., 2.])
    >>> maximum.backward(np.ones(3))
    (array([0. , 1. , 0.5]), array([1. , 0. , 0.5]))
    """

    sign = "max"

    def forward(self, x, y):
        self.x, self.y = x, y
        return np.maximum(x, y)

    def backward(self, dout):
        x, y = self.x, self.y
        return pass_to_chosen(dout, x, y, x_lost=np.less(x, y), y_lost=np.greater(x, y))


class Minimum(Binary):
    """z = the smaller of x and y, elementwise; equal ones share the gradient.

    backward   dx = dout where x < y, dout / 2 where x = y, else 0     dy likewise
    shapes     x, y that broadcast -> their common shape

    >>> minimum = Minimum()
    >>> minimum.forward(2.0, 3.0), minimum.backward(1.0)
    (2.0, (1.0, 0.0))
    """

    sign = "min"

    def forward(self, x, y):
        self.x, self.y = x, y
        return np.minimum(x, y)

    def backward(self, dout):
        x, y = self.x, self.y
        return pass_to_chosen(dout, x, y, x_lost=np.greater(x, y), y_lost=np.less(x, y))


def pass_to_chosen(dout, x, y, x_lost, y_lost):
    """The gradients of two inputs of which one was chosen; equal ones get half each."""
    dout = np.where(np.equal(x, y), dout / 2, dout)
    return unbroadcast(np.where(x_lost, 0, dout), x), unbroadcast(np.where(y_lost, 0, dout), y)


class MatMul(Layer):
    """z = x y, the product of matrices (or stacks of them), as NumPy's `x @ y`.

    backward   dx = dout yᵀ     dy = xᵀ dout
    shapes     x (..., N, K), y (..., K, M) -> (..., N, M); vectors as in NumPy
    source     Deep Learning from Scratch, 5.6.1

    >>> matmul = MatMul()
    >>> matmul.forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    >>> matmul.backward(np.array([[1.0]]))
    (array([[3., 4.]]), array([[1.],
           [2.]]))
    """

    sign = "@"

    def out_shape(self, x, y):
        if ... in x or ... in y:
            return (..., None)
        if not x or not y:
            raise ShapeError(self, "matrices or vectors", x or y, "Use Mul for a number.")
        inner, rest = y[-2:][0], y[-1:] if len(y) > 1 else ()
        if None not in (x[-1], inner) and x[-1] != inner:
            raise ShapeError(self, f"a second input of height {x[-1]}", y, which=1)
        return (*broadcast_shapes(self, x[:-2], y[:-2]), *x[-2:-1], *rest)

    def forward(self, x, y):
        self.x, self.y = x, y
        return x @ y

    def backward(self, dout):
        x, y = self.x, self.y
        if y.ndim == 1:  # a vector on the right is a column
            y, dout = y[:, None], np.expand_dims(dout, -1)
        if x.ndim == 1:  # a vector on the left is a row
            x, dout = x[None, :], np.expand_dims(dout, -2)
        dx = dout @ y.swapaxes(-1, -2)  # (..., N, M) @ (..., M, K) -> (..., N, K)
        dy = x.swapaxes(-1, -2) @ dout  # (..., K, N) @ (..., N, M) -> (..., K, M)
        if self.y.ndim == 1:
            dy = dy[..., 0]
        return unbroadcast(dx, self.x), unbroadcast(dy, self.y)
