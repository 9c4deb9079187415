"""The recurrent layers of the second volume: cells for one step, and what runs over all.

x is (N, T, D): N rows of T steps. A layer holds the very arrays it is given in `params` and writes
its gradients into those in `grads`. Results stay in the dtype of what comes in, where the book
makes float32 of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layer import Layer
from ..layers.activation import sigmoid
from ..layers.recurrence import LSTMStep, RNNStep, Step, back_through_time, through_time
from .lists import Lists


def lstm_step(Wh: Any) -> Step:
    return LSTMStep(Wh, order="fgio")


class BookGRUStep(Step):
    """h' = (1 - z) h + z n, with n = tanh(a_n + (r h) Wh_n).

    The gates are z = sigmoid(a_z + h Wh_z) and r = sigmoid(a_r + h Wh_r); the order is z, r, n.

    backward   dn = dh' z              dz = dh' (n - h)          da_n = dn (1 - n²)
               dhr = da_n Wh_nᵀ        dr = dhr h                dWh_n = (r h)ᵀ da_n
               da_z, da_r = dz z (1 - z), dr r (1 - r)           dWh_z, dWh_r = hᵀ (da_z, da_r)
               dh = dh' (1 - z) + dhr r + da_z Wh_zᵀ + da_r Wh_rᵀ
    """

    def next(self, a: Any, state: Any) -> Any:
        (h,) = state
        H = h.shape[1]
        zr = sigmoid(a[:, : 2 * H] + h @ self.Wh[:, : 2 * H])
        z, r = zr[:, :H], zr[:, H:]
        n = np.tanh(a[:, 2 * H :] + (r * h) @ self.Wh[:, 2 * H :])
        return ((1 - z) * h + z * n,), (h, z, r, n)

    def back(self, dstate: Any, saved: Any, da: Any) -> Any:
        (dout,), (h, z, r, n) = dstate, saved
        H = h.shape[1]
        Wh_zr, Wh_n = self.Wh[:, : 2 * H], self.Wh[:, 2 * H :]
        da_zr, da_n = da[:, : 2 * H], da[:, 2 * H :]
        da_n[...] = dout * z * (1 - n * n)
        dhr = da_n @ Wh_n.T
        da_zr[:, :H] = dout * (n - h) * z * (1 - z)
        da_zr[:, H:] = dhr * h * r * (1 - r)
        self.dWh[:, : 2 * H] += h.T @ da_zr
        self.dWh[:, 2 * H :] += (r * h).T @ da_n
        return (dout * (1 - z) + dhr * r + da_zr @ Wh_zr.T,)


class Recurrent(Lists, Layer):
    """What the recurrent layers have in common: Wx, Wh and b, and the way through some steps.

    `Wx`, `Wh` and `b` are also attributes, so that pictures call them so.
    """

    step_of: Any = None  # makes a step of Wh

    def hold_weights(self, Wx: Any, Wh: Any, b: Any) -> None:
        weights = {"Wx": Wx, "Wh": Wh} | ({} if b is None else {"b": b})
        self.hold(*weights.values())
        vars(self).update(weights)
        self.x: Any = None  # saved by forward for backward, as are step and saved
        self.step: Any = None
        self.saved: Any = None

    def run(self, x: Any, state: Any) -> Any:
        """Through all steps of x (T, N, D): outputs (T, N, H), the last state."""
        Wx, Wh, *b = self.params
        T, N, D = x.shape
        self.x, self.step = x, type(self).step_of(Wh)
        a = x.reshape(T * N, D) @ Wx  # (T N, D) @ (D, G H), all steps in one product
        a = (a + b[0] if b else a).reshape(T, N, Wx.shape[1])
        zeros = np.zeros((N, Wh.shape[0]), a.dtype)
        state = tuple(zeros if part is None else part for part in state)
        outs, state, self.saved = through_time(self.step, a, state)
        return outs, state

    def run_back(self, douts: Any, dstate: Any) -> Any:
        """Back through all steps: the gradients of x and of the first state."""
        Wx = self.params[0]
        T, N, D = self.x.shape
        da, dstate = back_through_time(self.step, douts, dstate, self.saved)
        da = da.reshape(T * N, Wx.shape[1])
        self.keep(self.x.reshape(T * N, D).T @ da, self.step.dWh, da.sum(axis=0))
        return (da @ Wx.T).reshape(T, N, D), dstate


class RNN(Recurrent):
    """One step: h_next = tanh(h_prev Wh + x Wx + b).

    backward   dt = dh_next (1 - h_next²)     dx = dt Wxᵀ     dh_prev = dt Whᵀ
    shapes     x (N, D), h_prev (N, H), Wx (D, H), Wh (H, H), b (H,) -> (N, H)
    keeps      params [Wx, Wh, b], grads
    source     Deep Learning from Scratch 2, 5.3.1

    >>> rnn = RNN(np.array([[1.0]]), np.array([[2.0]]), np.array([0.0]))
    >>> rnn.forward(np.array([[0.5]]), np.array([[0.25]])).round(4)            # tanh(1)
    array([[0.7616]])
    >>> rnn.backward(np.array([[1.0]]))[1].round(4), rnn.grads[2].round(4)
    (array([[0.8399]]), array([0.42]))
    """

    step_of = RNNStep

    def __init__(self, Wx: Any, Wh: Any, b: Any) -> None:
        self.hold_weights(Wx, Wh, b)

    def forward(self, x: Any, h_prev: Any) -> Any:
        _, (h_next,) = self.run(x[None], (h_prev,))
        return h_next

    def backward(self, dh_next: Any) -> Any:
        dx, (dh_prev,) = self.run_back(np.zeros_like(dh_next[None]), (dh_next,))
        return dx[0], dh_prev


class LSTM(Recurrent):
    """One step: c_next = f c_prev + g i, h_next = o tanh(c_next).

    f, i and o are sigmoids and g is the tanh of the four parts f, g, i, o of x Wx + h_prev Wh + b.

    backward   see `layerwise.LSTMCell`, whose gates stand in another order
    shapes     x (N, D), h_prev and c_prev (N, H), Wx (D, 4 H), Wh (H, 4 H), b (4 H,) -> two (N, H)
    keeps      params [Wx, Wh, b], grads
    source     Deep Learning from Scratch 2, 6.3

    >>> lstm = LSTM(np.zeros((1, 4)), np.zeros((1, 4)), np.zeros(4))       # gates half open
    >>> h, c = lstm.forward(np.array([[5.0]]), np.array([[1.0]]), np.array([[4.0]]))
    >>> h.round(4), c
    (array([[0.482]]), array([[2.]]))
    >>> lstm.backward(np.array([[0.0]]), np.array([[1.0]]))
    (array([[0.]]), array([[0.]]), array([[0.5]]))
    """

    step_of = lstm_step
    num_outputs = 2

    def __init__(self, Wx: Any, Wh: Any, b: Any) -> None:
        self.hold_weights(Wx, Wh, b)

    def forward(self, x: Any, h_prev: Any, c_prev: Any) -> Any:
        _, state = self.run(x[None], (h_prev, c_prev))
        return state  # h_next, c_next

    def backward(self, dh_next: Any, dc_next: Any = None) -> Any:
        if dc_next is None:  # a graph gives both as one tuple
            dh_next, dc_next = dh_next
        dx, dstate = self.run_back(np.zeros_like(dh_next[None]), (dh_next, dc_next))
        return dx[0], *dstate  # dx, dh_prev, dc_prev


class GRU(Recurrent):
    """One step: h_next = (1 - z) h_prev + z h_hat, h_hat = tanh of what is new.

    forward    z, r = sigmoid of the first two of the three parts of x Wx + h_prev Wh + b
               h_hat = tanh(x Wx_3 + (r h_prev) Wh_3 + b_3)
    backward   see `BookGRUStep`
    shapes     x (N, D), h_prev (N, H), Wx (D, 3 H), Wh (H, 3 H), b (3 H,) -> (N, H)
    b          None: none, as in the first printings
    keeps      params [Wx, Wh] or [Wx, Wh, b], grads; dWx, dWh
    source     Deep Learning from Scratch 2, appendix C

    >>> gru = GRU(np.zeros((1, 3)), np.zeros((1, 3)))                      # gates half open
    >>> gru.forward(np.array([[5.0]]), np.array([[4.0]])), gru.backward(np.array([[1.0]]))
    (array([[2.]]), (array([[0.]]), array([[0.5]])))
    """

    step_of = BookGRUStep

    def __init__(self, Wx: Any, Wh: Any, b: Any = None) -> None:
        self.hold_weights(Wx, Wh, b)
        self.dWx: Any = None
        self.dWh: Any = None

    def forward(self, x: Any, h_prev: Any) -> Any:
        _, (h_next,) = self.run(x[None], (h_prev,))
        return h_next

    def backward(self, dh_next: Any) -> Any:
        dx, (dh_prev,) = self.run_back(np.zeros_like(dh_next[None]), (dh_next,))
        self.dWx, self.dWh = self.grads[:2]
        return dx[0], dh_prev


class TimeRecurrent(Recurrent):
    """What the recurrent layers over all steps have in common: the state between two calls."""

    def set_options(self, stateful: bool) -> None:
        self.stateful = stateful
        self.h: Any = None
        self.dh: Any = None

    def run(self, xs: Any, state: Any) -> Any:
        if not self.stateful:
            state = (None,) * len(state)  # start at 0
        hs, state = super().run(xs.swapaxes(0, 1), state)
        return hs.swapaxes(0, 1), state  # (T, N, H) -> (N, T, H)

    def run_back(self, dhs: Any, parts: Any = 1) -> Any:
        """From the last step, behind which the book cuts: nothing comes back from there."""
        dstate = (np.zeros_like(dhs[:, 0]),) * parts
        dxs, dstate = super().run_back(dhs.swapaxes(0, 1), dstate)
        return dxs.swapaxes(0, 1), dstate

    def set_state(self, h: Any) -> None:
        """Where the next forward starts, if this layer is stateful."""
        self.h = h

    def reset_state(self) -> None:
        """Forget what was seen."""
        self.h = None


class TimeRNN(TimeRecurrent):
    """hs[:, t] = tanh(hs[:, t - 1] Wh + xs[:, t] Wx + b): `RNN` for all steps.

    backward   from the last step to the first; gradients of weights are sums over all steps
    shapes     xs (N, T, D), Wx (D, H), Wh (H, H), b (H,) -> hs (N, T, H)
    stateful   whether a forward starts from the last state of the one before, else from 0. No
               gradient goes from one forward to another
    keeps      h, the last state; dh, the gradient of the first; params [Wx, Wh, b], grads
    source     Deep Learning from Scratch 2, 5.3.2

    >>> rnn = TimeRNN(np.array([[1.0]]), np.array([[0.5]]), np.zeros(1), stateful=True)
    >>> xs = np.array([[[0.1], [0.2]]])
    >>> rnn.forward(xs).round(4).ravel(), rnn.forward(xs).round(4).ravel()
    (array([0.0997, 0.2448]), array([0.2188, 0.2999]))
    >>> rnn.backward(np.ones((1, 2, 1))).round(4).ravel(), rnn.dh.round(4)
    (array([1.3854, 0.9101]), array([[0.6927]]))
    """

    step_of = RNNStep

    def __init__(self, Wx: Any, Wh: Any, b: Any, stateful: bool = False) -> None:
        self.hold_weights(Wx, Wh, b)
        self.set_options(stateful)

    def forward(self, xs: Any) -> Any:
        hs, (self.h,) = self.run(xs, (self.h,))
        return hs

    def backward(self, dhs: Any) -> Any:
        dxs, (self.dh,) = self.run_back(dhs)
        return dxs


class TimeLSTM(TimeRecurrent):
    """`LSTM` for all steps: each starts from the h and c that the one before it left.

    backward   from the last step to the first; gradients of weights are sums over all steps
    shapes     xs (N, T, D), Wx (D, 4 H), Wh (H, 4 H), b (4 H,) -> hs (N, T, H)
    stateful   whether a forward starts from the last state of the one before, else from 0. No
               gradient goes from one forward to another
    keeps      h and c, the last state; dh, the gradient of the first h; params [Wx, Wh, b], grads
    source     Deep Learning from Scratch 2, 6.3.1

    >>> rng = np.random.default_rng(0)
    >>> lstm = TimeLSTM(rng.normal(size=(3, 8)), rng.normal(size=(2, 8)), np.zeros(8))
    >>> hs = lstm.forward(rng.normal(size=(5, 7, 3)))
    >>> hs.shape, np.array_equal(hs[:, -1], lstm.h), lstm.backward(np.ones_like(hs)).shape
    ((5, 7, 2), True, (5, 7, 3))
    """

    step_of = lstm_step

    def __init__(self, Wx: Any, Wh: Any, b: Any, stateful: bool = False) -> None:
        self.hold_weights(Wx, Wh, b)
        self.set_options(stateful)
        self.c: Any = None

    def forward(self, xs: Any) -> Any:
        hs, (self.h, self.c) = self.run(xs, (self.h, self.c))
        return hs

    def backward(self, dhs: Any) -> Any:
        dxs, (self.dh, _) = self.run_back(dhs, 2)
        return dxs

    def set_state(self, h: Any, c: Any = None) -> None:
        """Where the next forward starts, if this layer is stateful; without c, it is 0."""
        self.h, self.c = h, c

    def reset_state(self) -> None:
        """Forget what was seen."""
        self.h = self.c = None


class TimeGRU(TimeRecurrent):
    """`GRU` for all steps: each starts from the state that the one before it left.

    backward   from the last step to the first; gradients of weights are sums over all steps
    shapes     xs (N, T, D), Wx (D, 3 H), Wh (H, 3 H), b (3 H,) -> hs (N, T, H)
    b          None: none, as in the first printings
    stateful   whether a forward starts from the last state of the one before, else from 0. No
               gradient goes from one forward to another
    keeps      h, the last state; dh, the gradient of the first; params [Wx, Wh] or [Wx, Wh, b],
               grads; dWx, dWh
    source     Deep Learning from Scratch 2, appendix C

    >>> rng = np.random.default_rng(0)
    >>> gru = TimeGRU(rng.normal(size=(3, 6)), rng.normal(size=(2, 6)), np.zeros(6))
    >>> hs = gru.forward(rng.normal(size=(5, 7, 3)))
    >>> hs.shape, np.array_equal(hs[:, -1], gru.h), gru.backward(np.ones_like(hs)).shape
    ((5, 7, 2), True, (5, 7, 3))
    """

    step_of = BookGRUStep

    def __init__(self, Wx: Any, Wh: Any, b: Any = None, stateful: bool = False) -> None:
        self.hold_weights(Wx, Wh, b)
        self.set_options(stateful)
        self.dWx: Any = None
        self.dWh: Any = None

    def forward(self, xs: Any) -> Any:
        hs, (self.h,) = self.run(xs, (self.h,))
        return hs

    def backward(self, dhs: Any) -> Any:
        dxs, (self.dh,) = self.run_back(dhs)
        self.dWx, self.dWh = self.grads[:2]
        return dxs


class TimeBiLSTM(Lists, Layer):
    """Two `TimeLSTM`s side by side, of which the second reads from the end.

    backward   each its half of dhs; dxs is the sum of both
    shapes     xs (N, T, D) -> (N, T, 2 H); the parameters of each are those of `TimeLSTM`
    keeps      forward_lstm, backward_lstm; params and grads of both
    source     Deep Learning from Scratch 2, 8.3.1

    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=shape) for shape in 2 * [(3, 8), (2, 8), 8]]
    >>> TimeBiLSTM(*weights).forward(rng.normal(size=(5, 7, 3))).shape
    (5, 7, 4)
    """

    def __init__(
        self, Wx1: Any, Wh1: Any, b1: Any, Wx2: Any, Wh2: Any, b2: Any, stateful: bool = False
    ) -> None:
        self.forward_lstm = TimeLSTM(Wx1, Wh1, b1, stateful)
        self.backward_lstm = TimeLSTM(Wx2, Wh2, b2, stateful)
        self.forward_lstm.stand_in = self.backward_lstm.stand_in = None  # not by hand in here
        self.params = self.forward_lstm.params + self.backward_lstm.params
        self.grads = self.forward_lstm.grads + self.backward_lstm.grads

    def forward(self, xs: Any) -> Any:
        there = self.forward_lstm.forward(xs)
        back = self.backward_lstm.forward(xs[:, ::-1])[:, ::-1]
        return np.concatenate((there, back), axis=2)  # (N, T, H) twice -> (N, T, 2 H)

    def backward(self, dhs: Any) -> Any:
        there, back = np.split(dhs, 2, axis=2)
        dxs = self.forward_lstm.backward(there)
        return dxs + self.backward_lstm.backward(back[:, ::-1])[:, ::-1]
