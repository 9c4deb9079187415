"""The affine layer and its relative of two inputs: the weighted sums that a network learns."""

from ..errors import ShapeError, show_shape
from ..initializers import chosen, generator, uniform_by_fan_in
from ..layer import Layer
from ..parameter import Parameter
from .arithmetic import unbroadcast
from .sizes import check_sizes, fit, known


class Affine(Layer):
    """y = x W + b: every output is a weighted sum of all inputs.

    backward   dx = dout Wᵀ     dW = xᵀ dout     db = sum of dout over the batch
    shapes     x (N, D), W (D, M), b (M,) -> y (N, M); x may have more axes in front
    in_features, out_features   D and M
    bias       False leaves b out
    init       makes the first numbers of W, see `initializers`; None: uniform in ±1/√D, as for b
    rng        a generator or a seed for the first numbers; None: the graph's seed decides
    errors     ShapeError if the last axis of x is not D; ValueError for sizes below 1
    source     Deep Learning from Scratch, 5.6

    >>> import numpy as np
    >>> affine = Affine(2, 3, rng=0)
    >>> affine.W.value[:] = [[1, 2, 3], [4, 5, 6]]
    >>> affine.b.value[:] = [10, 20, 30]
    >>> affine.forward(np.array([[1.0, 1.0]]))
    array([[15., 27., 39.]])
    >>> affine.backward(np.array([[1.0, 0.0, 0.0]]))
    array([[1., 4.]])
    >>> affine.b.grad
    array([1., 0., 0.], dtype=float32)
    """

    def __init__(self, in_features, out_features, bias=True, *, init=None, rng=None):
        check_sizes(self, in_features=in_features, out_features=out_features)
        self.in_features, self.out_features, self.bias = in_features, out_features, bias
        rng = generator(rng)
        start = uniform_by_fan_in(in_features)
        self.W = Parameter.drawn(chosen(init, start), (in_features, out_features), rng)  # (D, M)
        self.b = None
        if bias:
            self.b = Parameter.drawn(start, (out_features,), rng)  # (M,)
        self.x = None  # saved by forward for backward

    def out_shape(self, x):
        if x and x[-1] in (self.in_features, None):
            return (*x[:-1], self.out_features)
        hint = f"Did you mean Affine({x[-1]}, {self.out_features})?" if x else ""
        raise ShapeError(self, f"inputs of width {self.in_features}", x, hint)

    def forward(self, x):
        W = self.W.like(x)
        self.x = x = x.astype(W.dtype, copy=False)  # whole numbers count as floats
        out = x @ W  # (N, D) @ (D, M) -> (N, M)
        return out if self.b is None else out + self.b.like(x)

    def backward(self, dout):
        x = self.x.reshape(-1, self.in_features)  # axes in front are all batch: (N, D)
        d = dout.reshape(-1, self.out_features)  # (N, M)
        self.W.grad += x.T @ d  # (D, N) @ (N, M) -> (D, M)
        if self.b is not None:
            self.b.grad += d.sum(axis=0)  # (N, M) -> (M,)
        return dout @ self.W.like(dout).T  # (N, M) @ (M, D) -> (N, D)


class Bilinear(Layer):
    """y = x1 W x2 + b: every output is a weighted sum of all products of an x1 and an x2.

    forward    y[m] = the sum over i and j of W[m, i, j] x1[i] x2[j], + b[m]
    backward   dx1[i] = the sum over m and j of dout[m] W[m, i, j] x2[j]     dx2[j] likewise
               dW[m, i, j] = dout[m] x1[i] x2[j], db = dout, both summed over the batch
    shapes     x1 (N, D), x2 (N, E), W (M, D, E), b (M,) -> y (N, M); more axes in front will do
    in1_features, in2_features, out_features   D, E and M
    bias       False leaves b out
    init       makes the first numbers of W, see `initializers`; None: uniform in ±1/√D, as for b
    rng        a generator or a seed for the first numbers; None: the graph's seed decides
    errors     ShapeError if the last axes are not D and E, or those in front differ; ValueError
               for sizes below 1
    source     Tenenbaum and Freeman, Separating style and content with bilinear models, 2000

    >>> import numpy as np
    >>> product = Bilinear(2, 2, 1, rng=0)
    >>> product.W.value[:], product.b.value[:] = [[1, 2], [3, 4]], 10
    >>> product.forward(np.array([[1.0, 10.0]]), np.array([[1.0, 1.0]]))
    array([[83.]])
    >>> product.backward(np.array([[2.0]]))
    (array([[ 6., 14.]]), array([[62., 84.]]))
    """

    def __init__(self, in1_features, in2_features, out_features, bias=True, *, init=None, rng=None):
        check_sizes(self, in1_features=in1_features, in2_features=in2_features)
        check_sizes(self, out_features=out_features)
        self.in1_features, self.in2_features = in1_features, in2_features
        self.out_features, self.bias = out_features, bias
        rng = generator(rng)
        start = uniform_by_fan_in(in1_features)
        shape = (out_features, in1_features, in2_features)
        self.W = Parameter.drawn(chosen(init, start), shape, rng)  # (M, D, E)
        self.b = Parameter.drawn(start, (out_features,), rng) if bias else None  # (M,)
        self.x1 = self.x2 = self.products = None  # saved by forward for backward

    def out_shape(self, x1, x2):
        for i, x, size in ((0, x1, self.in1_features), (1, x2, self.in2_features)):
            if not x or x[-1] not in (size, None):
                wanted = f"a {('first', 'second')[i]} input of width {size}"
                raise ShapeError(self, wanted, x, which=i)
        if ... in x1 or ... in x2:
            return (..., self.out_features)
        if not fit(x1[:-1], x2[:-1]):
            wanted = (*x1[:-1], self.in2_features)
            raise ShapeError(self, f"a second input {show_shape(wanted)}", x2, which=1)
        return (*known(x1[:-1], x2[:-1]), self.out_features)

    def forward(self, x1, x2):
        self.out_shape(x1.shape, x2.shape)
        self.x1, self.x2 = x1, x2
        # 1. all products of an element of x1 and one of x2: (..., D, 1) (..., 1, E) -> (..., D, E)
        products = x1[..., :, None] * x2[..., None, :]
        self.products = products.reshape(*x1.shape[:-1], self.in1_features * self.in2_features)
        # 2. their weighted sums: (..., D E) @ (D E, M) -> (..., M)
        out = self.products @ self.W_matrix(self.products)
        return out if self.b is None else out + self.b.like(out)

    def backward(self, dout):
        # 2.
        d = dout.reshape(-1, self.out_features)  # axes in front are all batch: (N, M)
        products = self.products.reshape(len(d), self.in1_features * self.in2_features)
        self.W.grad += (d.T @ products).reshape(self.W.shape)  # (M, N) @ (N, D E) -> (M, D, E)
        if self.b is not None:
            self.b.grad += d.sum(axis=0)  # (N, M) -> (M,)
        dproducts = dout @ self.W_matrix(dout).T  # (..., M) @ (M, D E) -> (..., D E)
        # 1.
        dproducts = dproducts.reshape(*dout.shape[:-1], self.in1_features, self.in2_features)
        dx1 = (dproducts * self.x2[..., None, :]).sum(axis=-1)  # (..., D)
        dx2 = (dproducts * self.x1[..., :, None]).sum(axis=-2)  # (..., E)
        return unbroadcast(dx1, self.x1), unbroadcast(dx2, self.x2)

    def W_matrix(self, x):
        return self.W.like(x).reshape(self.out_features, -1).T  # (D E, M)
