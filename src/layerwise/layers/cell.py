"""Recurrent cells: one step of a sequence, from the state so far to the next one.

`recurrent.py` runs them over whole sequences. A cell has Wx (D, G H), Wh (H, G H) and b (G H,), for
G gates side by side, as in the book (PyTorch has their transposes, and two biases, whose sum is all
that counts; here there is one, and it starts as such a sum).
"""

import numpy as np

from ..errors import ShapeError, show_shape
from ..initializers import generator, uniform_by_fan_in
from ..layer import Layer
from ..parameter import Parameter
from .arithmetic import unbroadcast
from .recurrence import GRUStep, LSTMStep, RNNStep, back_through_time, through_time
from .sizes import is_whole


class Cell(Layer):
    """What all cells have in common: the parameters, and the way through one or many steps."""

    gates = 1  # how many numbers of a = x Wx + b there are for each hidden one

    def __init__(self, input_size, hidden_size, bias=True, *, rng=None):
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self.out_size = hidden_size
        self.set_parameters(rng)

    def set_parameters(self, rng):
        """Wx and Wh, drawn uniformly from ±1/√H, and b, the sum of two that are drawn so."""
        check_sizes(self, self.input_size, self.hidden_size)
        rng = generator(rng)
        width = self.gates * self.hidden_size
        self.Wx = self.drawn((self.input_size, width), rng)  # (D, G H)
        self.Wh = self.drawn((self.out_size, width), rng)  # (P, G H)
        self.b = None
        if self.bias:
            self.b = Parameter.drawn(self.start_of_b, (width,), rng)  # (G H,)
        self.given = self.x = self.step = self.saved = None  # saved by forward for backward

    def drawn(self, shape, rng):
        return Parameter.drawn(uniform_by_fan_in(self.hidden_size), shape, rng)

    def start_of_b(self, shape, rng):
        draw = uniform_by_fan_in(self.hidden_size)
        return draw(shape, rng) + draw(shape, rng)

    def state_sizes(self):
        """The width of each part of the state."""
        return (self.out_size,)

    # one step

    def out_shape(self, x, *state):
        if not x or x[-1] not in (self.input_size, None) or (len(x) > 2 and ... not in x):
            raise ShapeError(self, f"inputs (N, {self.input_size}) or ({self.input_size},)", x)
        sizes = self.state_sizes()
        for k, (shape, size) in enumerate(zip(state, sizes)):
            check_state(self, shape, (*x[:-1], size), which=k + 1)
        if len(state) not in (0, len(sizes)):
            wanted = "its states h and c together"
            raise ShapeError(self, wanted, state[-1], which=len(state))
        shapes = tuple((*x[:-1], size) for size in sizes)
        return shapes if len(shapes) > 1 else shapes[0]

    def forward(self, x, *state):
        self.out_shape(np.shape(x), *map(np.shape, state))
        self.given = x, *state
        x = self.floats(x)
        steps = x.reshape(1, -1, self.input_size)  # (N, D) -> (T, N, D) with T = 1
        first = tuple(h.astype(x.dtype, copy=False).reshape(-1, h.shape[-1]) for h in state)
        _, state = self.run(steps, first or self.zeros(steps))
        state = tuple(h.reshape(*x.shape[:-1], h.shape[1]) for h in state)
        return state if len(state) > 1 else state[0]

    def backward(self, dout):
        douts = dout if isinstance(dout, tuple) else (dout,)
        dstate = tuple(d.reshape(-1, d.shape[-1]) for d in douts)
        none = np.zeros((1, *dstate[0].shape), dstate[0].dtype)  # nothing beside the state
        dx, dstate = self.run_back(none, dstate)
        dxs = (dx, *dstate[: len(self.given) - 1])
        dxs = tuple(unbroadcast(d.reshape(x.shape), x) for d, x in zip(dxs, self.given))
        return dxs if len(dxs) > 1 else dxs[0]

    # many steps

    def run(self, x, state, reverse=False, mask=None):
        """From a state through all steps of x (T, N, D): the outputs (T, N, P), the last state."""
        T, N, D = x.shape
        self.x, self.step = x, self.step_for(x)
        a = x.reshape(T * N, D) @ self.Wx.like(x)  # (T N, D) @ (D, G H), all steps in one product
        a = a if self.b is None else a + self.b.like(x)
        outs, state, self.saved = through_time(
            self.step, a.reshape(T, N, a.shape[1]), state, reverse, mask
        )
        return outs, state

    def run_back(self, douts, dstate, reverse=False, mask=None):
        """Back through all steps: the gradients of x (T, N, D) and of the first state."""
        T, N, D = self.x.shape
        da, dstate = back_through_time(self.step, douts, dstate, self.saved, reverse, mask)
        da = da.reshape(T * N, self.Wx.shape[1])
        self.Wx.grad += self.x.reshape(T * N, D).T @ da  # (D, T N) @ (T N, G H) -> (D, G H)
        self.Wh.grad += self.step.dWh
        if self.b is not None:
            self.b.grad += da.sum(axis=0)
        return (da @ self.Wx.like(da).T).reshape(T, N, D), dstate

    def floats(self, x):
        """x in the dtype of the parameters if it holds whole numbers."""
        return x.astype(self.Wx.like(x).dtype, copy=False)

    def zeros(self, x):
        """The state in which nothing has been seen yet, for x (T, N, D)."""
        return tuple(np.zeros((x.shape[1], size), x.dtype) for size in self.state_sizes())


class RNNCell(Cell):
    """h' = tanh(x Wx + h Wh + b): what comes in meets what was seen before.

    backward   da = dout (1 - h'²)     dx = da Wxᵀ     dh = da Whᵀ
               dWx = xᵀ da     dWh = hᵀ da     db = sum of da over the batch
    shapes     x (N, D) or (D,), h (N, H) or (H,) -> h' like h; without h it starts at 0
               Wx (D, H), Wh (H, H), b (H,)
    input_size, hidden_size   D and H
    bias       False leaves b out
    nonlinearity   "tanh" or "relu"
    rng        a generator or a seed for the first numbers, uniform in ±1/√H, b the sum of two
               such; None: the graph's seed decides
    errors     ShapeError if x or h have other sizes; ValueError for options that cannot be
    source     Elman, Finding structure in time, 1990; Deep Learning from Scratch 2, 5.3.1

    >>> cell = RNNCell(1, 1)
    >>> cell.Wx.value[:], cell.Wh.value[:], cell.b.value[:] = 1, 2, 0
    >>> cell.forward(np.array([[0.5]]), np.array([[0.25]])).round(4)          # tanh(1)
    array([[0.7616]])
    >>> dx, dh = cell.backward(np.array([[1.0]]))
    >>> dx.round(4), dh.round(4), cell.Wx.grad.round(4)
    (array([[0.42]]), array([[0.8399]]), array([[0.21]], dtype=float32))
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", *, rng=None):
        if nonlinearity not in ("tanh", "relu"):
            name = type(self).__name__
            raise ValueError(
                f"{name}(nonlinearity={nonlinearity!r}): choose one of ('tanh', 'relu')."
            )
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, rng=rng)

    def step_for(self, x):
        return RNNStep(self.Wh.like(x), self.nonlinearity)


class LSTMCell(Cell):
    """c' = f c + i g, h' = o tanh(c'): a memory c that gates write, forget and read.

    forward    i, f, o = sigmoid and g = tanh of the four parts of x Wx + h Wh + b
    backward   do = dh' tanh(c')     dc' += dh' o (1 - tanh(c')²)
               di = dc' g     df = dc' c     dg = dc' i     dc = dc' f
               da = di i (1 - i), df f (1 - f), dg (1 - g²), do o (1 - o), side by side
               dx = da Wxᵀ     dh = da Whᵀ     dWx = xᵀ da     dWh = hᵀ da     db = sum of da
    shapes     x (N, D) or (D,), h and c (N, H) or (H,) -> h', c'; without h and c they start at 0
               Wx (D, 4 H), Wh (H, 4 H), b (4 H,), the gates in PyTorch's order i, f, g, o (the
               book's is f, g, i, o)
    input_size, hidden_size   D and H
    bias       False leaves b out
    proj_size  P: h' is multiplied by Wr (H, P), so that it has P numbers, and Wh (P, 4 H); 0: none
    rng        a generator or a seed for the first numbers, uniform in ±1/√H, b the sum of two
               such; None: the graph's seed decides
    errors     ShapeError if x, h or c have other sizes; ValueError for options that cannot be
    source     Hochreiter and Schmidhuber, Long short-term memory, 1997; Gers et al., Learning to
               forget, 2000; Deep Learning from Scratch 2, 6.2 and 6.3

    >>> cell = LSTMCell(1, 1)
    >>> for parameter in cell.parameters().values():
    ...     parameter.value[:] = 0                         # all gates are half open
    >>> h, c = cell.forward(np.array([[5.0]]), np.array([[1.0]]), np.array([[4.0]]))
    >>> h.round(4), c                                      # c' = 4 / 2, h' = tanh(2) / 2
    (array([[0.482]]), array([[2.]]))
    >>> [d.round(4).item() for d in cell.backward((np.array([[0.0]]), np.array([[1.0]])))]
    [0.0, 0.0, 0.5]
    """

    gates = 4
    num_outputs = 2

    def __init__(self, input_size, hidden_size, bias=True, *, proj_size=0, rng=None):
        check_projection(self, proj_size, hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self.proj_size, self.out_size = proj_size, proj_size or hidden_size
        rng = generator(rng)
        self.set_parameters(rng)
        self.Wr = self.drawn((hidden_size, proj_size), rng) if proj_size else None  # (H, P)

    def state_sizes(self):
        return self.out_size, self.hidden_size

    def step_for(self, x):
        return LSTMStep(self.Wh.like(x), None if self.Wr is None else self.Wr.like(x))

    def run_back(self, *douts, **how):
        found = super().run_back(*douts, **how)
        if self.Wr is not None:
            self.Wr.grad += self.step.dWr
        return found


class GRUCell(Cell):
    """h' = (1 - z) n + z h: the gate z says how much of h stays, r how much of it n may see.

    forward    r, z = sigmoid of the first two of the three parts of a + h Wh, a = x Wx + b
               n = tanh(a_n + r (h Wh_n + bh))
    backward   da_n = dout (1 - z) (1 - n²)     da_z = dout (h - n) z (1 - z)
               da_r = da_n (h Wh_n + bh) r (1 - r)     du = da_r, da_z, r da_n, side by side
               dx = da Wxᵀ     dh = dout z + du Whᵀ     dWx = xᵀ da     dWh = hᵀ du
               db = sum of da     dbh = sum of du_n
    shapes     x (N, D) or (D,), h (N, H) or (H,) -> h' like h; without h it starts at 0
               Wx (D, 3 H), Wh (H, 3 H), b (3 H,), bh (H,), in PyTorch's order r, z, n; b is the
               sum of its two biases, but for n, where bh is the second of them
    input_size, hidden_size   D and H
    bias       False leaves b and bh out
    rng        a generator or a seed for the first numbers, uniform in ±1/√H, b the sum of two
               such; None: the graph's seed decides
    errors     ShapeError if x or h have other sizes; ValueError for options that cannot be
    source     Cho et al., Learning phrase representations, 2014, with r behind the product as in
               PyTorch (Deep Learning from Scratch 2, appendix C, has it in front, 1 - z for z, and
               the order z, r, n: see `layerwise.book.GRU`)

    >>> cell = GRUCell(1, 1)
    >>> for parameter in cell.parameters().values():
    ...     parameter.value[:] = 0                         # both gates are half open, n = 0
    >>> cell.forward(np.array([[5.0]]), np.array([[4.0]]))
    array([[2.]])
    >>> cell.backward(np.array([[1.0]]))
    (array([[0.]]), array([[0.5]]))
    """

    gates = 3

    def __init__(self, input_size, hidden_size, bias=True, *, rng=None):
        rng = generator(rng)
        super().__init__(input_size, hidden_size, bias, rng=rng)
        self.bh = self.drawn((hidden_size,), rng) if bias else None  # (H,)

    def start_of_b(self, shape, rng):
        b, H = super().start_of_b(shape, rng), self.hidden_size
        b[2 * H :] = uniform_by_fan_in(H)((H,), rng)  # here, the second one is bh
        return b

    def step_for(self, x):
        return GRUStep(self.Wh.like(x), None if self.bh is None else self.bh.like(x))

    def run_back(self, *douts, **how):
        found = super().run_back(*douts, **how)
        if self.bh is not None:
            self.bh.grad += self.step.dbh
        return found


# Checks that cells and sequences share ---------------------------------------------------------


def check_sizes(layer, *sizes):
    """Refuse what is not a whole number from 1 up."""
    for size in sizes:
        if not is_whole(size):
            shown = ", ".join(map(repr, sizes))
            raise ValueError(
                f"{type(layer).__name__}({shown}): sizes are whole numbers from 1 up, "
                f"but got {size!r}."
            )


def check_projection(layer, proj_size, hidden_size):
    if not is_whole(proj_size, least=0) or proj_size >= hidden_size:
        raise ValueError(
            f"{type(layer).__name__}(proj_size={proj_size!r}): give a size below hidden_size "
            f"{hidden_size}, or 0 for no projection."
        )


def check_state(layer, shape, wanted, which):
    """Refuse a state whose shape is not the wanted one, as far as sizes are known."""
    if ... in shape or ... in wanted:
        return
    if len(shape) != len(wanted) or any(
        n != m and None not in (n, m) for n, m in zip(shape, wanted)
    ):
        raise ShapeError(layer, f"a state of shape {show_shape(wanted)}", shape, which=which)
