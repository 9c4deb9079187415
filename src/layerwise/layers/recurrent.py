"""Recurrent layers: a cell goes through a whole sequence, and what it has seen goes with it."""

import numpy as np

from ..errors import ShapeError, show_shape
from ..initializers import generator
from ..layer import Layer
from .arithmetic import unbroadcast
from .cell import GRUCell, LSTMCell, RNNCell, check_projection, check_sizes, check_state
from .random import Dropout


class Recurrent(Layer):
    """What `RNN`, `LSTM` and `GRU` have in common: cells one above the other, or there and back.

    forward    the lowest cells read x, the others the outputs of those below. With `bidirectional`
               there are two at each level: the second reads from the end, and the outputs of both
               stand side by side
    backward   each cell from the last step to the first: a step gets the gradient of its output and
               what the step behind it sent back; gradients of the weights are sums over all steps
    shapes     x (T, N, D), for T steps of N rows, or (T, D); with batch_first (N, T, D)
               -> out (T, N, H), or 2 H wide if bidirectional; with batch_first (N, T, H)
               -> the last states (L, N, H), for the L cells in the order of `cells`
    inputs     behind x may come the first states, each (L, N, H) (without them: 0), and behind
               these the lengths (N,) of the rows, whole numbers from 0 to T. A row ends with its
               own last step, also for those who read from the end: `out` is 0 behind it, and its
               last state is that of its own end. These are the numbers of PyTorch's
               pack_padded_sequence, for rows in any order; a row of no steps keeps its first state
    input_size, hidden_size   D and H
    num_layers     how many levels of cells there are
    bias       False leaves the biases out
    batch_first    whether x and out have the batch as their first axis
    dropout    the probability of dropping an output on its way to the next level, in training
    bidirectional  whether the sequence is also read from its end
    rng        a generator or a seed for the first numbers and dropout; None: the graph's seed
               decides
    parameters cells.0.Wx and so on: those of the cells, level by level, there before back
    errors     ShapeError if x, states or lengths have other sizes; ValueError for options that
               cannot be, and for lengths beyond the sequence
    """

    def __init__(
        self, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng,
        **options,
    ):  # fmt: skip
        check_sizes(self, input_size, hidden_size, num_layers)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first = bias, batch_first
        self.dropout, self.bidirectional = dropout, bidirectional
        rng = generator(rng)
        self.ways = 2 if bidirectional else 1
        self.cells, width = [], input_size
        for _ in range(num_layers):
            level = [self.cell(width, hidden_size, bias, rng=rng, **options)
                     for _ in range(self.ways)]  # fmt: skip
            self.cells += level
            width = self.ways * level[0].out_size
        self.dropouts = [Dropout(dropout, rng=rng) for _ in range(num_layers)]  # below each level
        self.given = self.mask = self.first = None  # saved by forward for backward

    def _start_gradients(self):
        for cell in self.cells:  # whose own guard is not asked
            cell._start_gradients()

    # shapes: T, N and D may be unknown, and x may be a single sequence

    def out_shape(self, x, *given):
        states, lengths = self.apart(given)
        if ... in x:
            return ((..., None),) * self.num_outputs
        if len(x) not in (2, 3) or x[-1] not in (self.input_size, None):
            batch = "N, T" if self.batch_first else "T, N"
            wanted = f"inputs ({batch}, {self.input_size}) or (T, {self.input_size})"
            raise ShapeError(self, wanted, x)
        rows = () if len(x) == 2 else (x[0],) if self.batch_first else (x[1],)
        cell = self.cells[0]
        wanted = [(len(self.cells), *rows, size) for size in cell.state_sizes()]
        for k, (shape, size) in enumerate(zip(states, wanted), start=1):
            check_state(self, shape, size, which=k)
        if len(states) not in (0, len(wanted)):
            told = f"{len(wanted)} states of shape {show_shape(wanted[0])}, or none"
            hint = "Lengths, of one axis, come behind them." if len(states) == 1 else ""
            raise ShapeError(self, told, given[-1], hint, which=len(given))
        if lengths is not None and (
            not rows or len(lengths) != 1 or (lengths[0] != rows[0] and None not in lengths + rows)
        ):
            told = f"lengths of shape {show_shape(rows)}" if rows else "no lengths for one sequence"
            raise ShapeError(self, told, lengths, which=len(given))  # fmt: skip
        return (*x[:-1], self.ways * cell.out_size), *wanted

    def apart(self, given):
        """The states, and the lengths (or None), of what came behind x: arrays or shapes.

        Lengths have one axis, and states two or three.
        """
        if not given or ... in (shape := getattr(given[-1], "shape", given[-1])) or len(shape) > 1:
            return given, None
        return given[:-1], given[-1]

    # forward and backward

    def forward(self, x, *given):
        self.out_shape(np.shape(x), *map(np.shape, given))
        self.given = x, *given
        # 1. x as (T, N, D), the states as (L, N, H)
        x = self.steps_first(self.cells[0].floats(x))
        states, lengths = self.apart(given)
        self.mask = None if lengths is None else self.mask_of(lengths, x)
        x = x if self.mask is None else np.where(self.mask, x, 0)  # what stands behind the end
        N = x.shape[1]
        states = [s.astype(x.dtype, copy=False).reshape(len(s), N, s.shape[-1]) for s in states]
        # 2. level by level
        last = []
        for level in range(self.num_layers):
            x = self.drop(level).forward(x) if level else x  # never of what comes in
            outs = []
            for k in self.at(level):
                first = tuple(s[k] for s in states) or self.cells[k].zeros(x)
                out, state = self.cells[k].run(x, first, reverse=self.is_back(k), mask=self.mask)
                outs.append(out)
                last.append(state)
            x = np.concatenate(outs, axis=2)  # (T, N, H) twice -> (T, N, 2 H)
        # 3. as they came
        return self.as_given(x), *self.stacked(last)

    def backward(self, douts):
        # 3.
        x = self.given[0]
        dout, *dlast = douts
        N = self.cells[0].x.shape[1]
        d = self.steps_first(dout)
        d = d if self.mask is None else np.where(self.mask, d, 0)  # there, out is 0 whatever is
        dlast = [dh.reshape(len(self.cells), N, dh.shape[-1]) for dh in dlast]
        # 2.
        dfirst = [None] * len(self.cells)
        for level in reversed(range(self.num_layers)):
            parts = np.split(d, self.ways, axis=2)
            d = 0
            for k, part in zip(self.at(level), parts):
                dstate = tuple(dh[k] for dh in dlast)
                dx, dfirst[k] = self.cells[k].run_back(
                    part, dstate, reverse=self.is_back(k), mask=self.mask
                )
                d = d + dx
            d = self.drop(level).backward(d) if level else d
        # 1.
        states, lengths = self.apart(self.given[1:])
        gradients = [self.as_given(d), *self.stacked(dfirst)]
        dxs = [unbroadcast(dx, one) for dx, one in zip(gradients, [x, *states])]
        dxs += [None] * (lengths is not None)  # lengths have no slope
        return tuple(dxs) if len(dxs) > 1 else dxs[0]

    def at(self, level):
        """Which cells there are at a level."""
        return range(level * self.ways, (level + 1) * self.ways)

    def is_back(self, k):
        return k % self.ways == 1

    def drop(self, level):
        """The dropout below a level."""
        dropout = self.dropouts[level]
        dropout.training = self.training  # a graph tells all layers, but by hand nobody does
        return dropout

    def steps_first(self, x):
        """As (T, N, D), from however x was given."""
        if np.ndim(x) == 2:
            return x[:, None]
        return x.swapaxes(0, 1) if self.batch_first else x

    def as_given(self, out):
        """Back from (T, N, H) to the axes of x."""
        if np.ndim(self.given[0]) == 2:
            return out[:, 0]
        return out.swapaxes(0, 1) if self.batch_first else out

    def stacked(self, states):
        """The states of all cells, one array for each part of a state: (L, N, H) or (L, H)."""
        parts = [np.stack(part) for part in zip(*states)]
        return [part[:, 0] for part in parts] if np.ndim(self.given[0]) == 2 else parts

    def mask_of(self, lengths, x):
        """(T, N, 1): True where a row has a step."""
        if lengths.dtype.kind not in "iu":
            hint = f"They hold {lengths.dtype}, and must be whole numbers."
            raise ShapeError(self, "lengths that count steps", lengths.shape, hint,
                             which=len(self.given) - 1)  # fmt: skip
        if lengths.size and not 0 <= lengths.min() <= lengths.max() <= len(x):
            raise ValueError(
                f"{self!r} expects lengths from 0 to {len(x)}, the steps of x, but got "
                f"{lengths.min()} to {lengths.max()}."
            )
        return np.arange(len(x))[:, None, None] < lengths[:, None]  # (T, 1, 1) < (N, 1)


class RNN(Recurrent):
    """h_t = tanh(x_t Wx + h_(t-1) Wh + b) for every step t: `RNNCell` through a sequence.

    Shapes, states, lengths and the other options are those of `Recurrent`.

    forward    out, h_n = rnn(x), rnn(x, h_0), rnn(x, lengths) or rnn(x, h_0, lengths)
    backward   takes the gradients of out and h_n, as a tuple
    nonlinearity   "tanh" or "relu"
    source     Elman, Finding structure in time, 1990; Deep Learning from Scratch 2, chapter 5

    >>> rnn = RNN(1, 1, nonlinearity="relu")
    >>> rnn.cells[0].Wx.value[:], rnn.cells[0].Wh.value[:], rnn.cells[0].b.value[:] = 1, 0.5, 0
    >>> out, last = rnn.forward(np.array([[4.0], [2.0], [1.0]]))       # three steps
    >>> out.ravel(), last
    (array([4., 4., 3.]), array([[3.]]))
    >>> rnn.backward((np.zeros((3, 1)), np.ones((1, 1)))).ravel()
    array([0.25, 0.5 , 1.  ])
    """

    cell = RNNCell
    num_outputs = 2

    def __init__(
        self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True,
        batch_first=False, dropout=0.0, bidirectional=False, *, rng=None,
    ):  # fmt: skip
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, rng, nonlinearity=nonlinearity)  # fmt: skip


class LSTM(Recurrent):
    """`LSTMCell` through a sequence: a memory that lasts, written and read through gates.

    Shapes, states, lengths and the other options are those of `Recurrent`. There are two states:
    h, which is also the output, and the memory c.

    forward    out, h_n, c_n = lstm(x), lstm(x, h_0, c_0), lstm(x, lengths) or
               lstm(x, h_0, c_0, lengths)
    backward   takes the gradients of out, h_n and c_n, as a tuple
    proj_size  how many numbers h has, made of hidden_size by a product with Wr; 0: no product
    source     Hochreiter and Schmidhuber, Long short-term memory, 1997; Sak et al., Long short-term
               memory based recurrent architectures, 2014 (proj_size); Deep Learning from Scratch 2,
               chapter 6

    >>> lstm = LSTM(10, 20, num_layers=2, bidirectional=True, rng=0)
    >>> out, h, c = lstm.forward(np.ones((5, 3, 10)))                  # 5 steps of 3 rows
    >>> out.shape, h.shape, c.shape
    ((5, 3, 40), (4, 3, 20), (4, 3, 20))
    >>> out, h, c = lstm.forward(np.ones((5, 3, 10)), np.array([5, 2, 0]))
    >>> [abs(out[:, row]).sum(axis=1).astype(bool).sum().item() for row in range(3)]
    [5, 2, 0]
    """

    cell = LSTMCell
    num_outputs = 3

    def __init__(
        self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
        bidirectional=False, proj_size=0, *, rng=None,
    ):  # fmt: skip
        check_projection(self, proj_size, hidden_size)
        self.proj_size = proj_size
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, rng, proj_size=proj_size)  # fmt: skip


class GRU(Recurrent):
    """`GRUCell` through a sequence: a state of which gates say what stays and what is new.

    Shapes, states, lengths and the other options are those of `Recurrent`.

    forward    out, h_n = gru(x), gru(x, h_0), gru(x, lengths) or gru(x, h_0, lengths)
    backward   takes the gradients of out and h_n, as a tuple
    source     Cho et al., Learning phrase representations, 2014; Deep Learning from Scratch 2,
               appendix C, and for the difference to it `GRUCell`

    >>> gru = GRU(4, 2, batch_first=True, rng=0)
    >>> out, h = gru.forward(np.ones((3, 5, 4)), np.zeros((1, 3, 2)))
    >>> out.shape, h.shape, np.array_equal(out[:, -1], h[0])
    ((3, 5, 2), (1, 3, 2), True)
    >>> dx, dh = gru.backward((np.ones((3, 5, 2)), np.zeros((1, 3, 2))))
    >>> dx.shape, dh.shape
    ((3, 5, 4), (1, 3, 2))
    """

    cell = GRUCell
    num_outputs = 2

    def __init__(
        self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
        bidirectional=False, *, rng=None,
    ):  # fmt: skip
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, rng)  # fmt: skip
