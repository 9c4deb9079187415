"""One step through time, forward and backward, and the loops over all steps of a sequence.

What comes in does not depend on the state, so whoever uses this computes a = x Wx + b beforehand,
for all steps in one product. A step adds what the state says, h Wh, and gives the next state, a
tuple whose first part is the output h. On the way back it writes the gradient of a, gives that of
the state, and adds up those of its own weights.

The sizes are N (batch), T (steps), H (hidden), P (outputs: H, or those of a projection).
"""

import numpy as np

from .activation import sigmoid


class Step:
    """What the steps have in common: Wh, and its gradient dWh, which backward adds up."""

    def __init__(self, Wh):
        self.Wh, self.dWh = Wh, None

    def start_gradients(self):
        """Start to add up at 0."""
        self.dWh = np.zeros_like(self.Wh)


class RNNStep(Step):
    """h' = tanh(a + h Wh), or the ReLU of it.

    backward   da = dh' (1 - h'²), or dh' where h' > 0     dh = da Whᵀ     dWh = hᵀ da
    """

    def __init__(self, Wh, nonlinearity="tanh"):
        super().__init__(Wh)
        self.nonlinearity = nonlinearity

    def next(self, a, state):
        (h,) = state
        u = a + h @ self.Wh  # (N, H) @ (H, H) -> (N, H)
        out = np.tanh(u) if self.nonlinearity == "tanh" else np.maximum(u, 0)
        return (out,), (h, out)

    def back(self, dstate, saved, da):
        (dout,), (h, out) = dstate, saved
        if self.nonlinearity == "tanh":
            da[...] = dout * (1 - out * out)
        else:
            da[...] = np.where(out > 0, dout, 0)
        self.dWh += h.T @ da
        return (da @ self.Wh.T,)


class LSTMStep(Step):
    """c' = f c + i g and h' = o tanh(c'), where the gates i, f, g, o are parts of a + h Wh.

    i, f and o go through the sigmoid, g through tanh; with Wr, h' is multiplied by it.

    backward   m = o tanh(c')     dm = dh' Wrᵀ     dWr = mᵀ dh'
               do = dm tanh(c')   dc' += dm o (1 - tanh(c')²)
               di = dc' g         df = dc' c         dg = dc' i         dc = dc' f
               da = di i (1 - i), df f (1 - f), dg (1 - g²), do o (1 - o)
               dh = da Whᵀ        dWh = hᵀ da
    order      in which order the four gates stand in a and Wh
    """

    def __init__(self, Wh, Wr=None, order="ifgo"):
        super().__init__(Wh)
        self.Wr, self.dWr = Wr, None
        self.places = [order.index(gate) for gate in "ifgo"]

    def start_gradients(self):
        super().start_gradients()
        self.dWr = None if self.Wr is None else np.zeros_like(self.Wr)

    def gates(self, a):
        """The four parts of a (N, 4 H), as views: i, f, g, o."""
        H = a.shape[1] // 4
        return [a[:, k * H : (k + 1) * H] for k in self.places]

    def next(self, a, state):
        h, c = state
        # 1. the gates
        i, f, g, o = self.gates(a + h @ self.Wh)  # (N, P) @ (P, 4 H) -> (N, 4 H)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        # 2. what is remembered
        c_next = f * c + i * g
        # 3. what is said of it
        tanh_c = np.tanh(c_next)
        m = o * tanh_c
        out = m if self.Wr is None else m @ self.Wr  # (N, H) @ (H, P) -> (N, P)
        return (out, c_next), (h, c, i, f, g, o, tanh_c, m)

    def back(self, dstate, saved, da):
        (dout, dc_next), (h, c, i, f, g, o, tanh_c, m) = dstate, saved
        di, df, dg, do = self.gates(da)
        # 3.
        dm = dout
        if self.Wr is not None:
            dm = dout @ self.Wr.T
            self.dWr += m.T @ dout
        do[...] = dm * tanh_c * o * (1 - o)
        dc = dc_next + dm * o * (1 - tanh_c * tanh_c)
        # 2.
        di[...] = dc * g * i * (1 - i)
        df[...] = dc * c * f * (1 - f)
        dg[...] = dc * i * (1 - g * g)
        # 1.
        self.dWh += h.T @ da
        return da @ self.Wh.T, dc * f


class GRUStep(Step):
    """h' = (1 - z) n + z h, with n = tanh(a_n + r u_n) and u = h Wh (+ bh in its part u_n).

    The gates are r = sigmoid(a_r + u_r) and z = sigmoid(a_z + u_z). The order is r, z, n.

    backward   dn = dh' (1 - z)        dz = dh' (h - n)          dr = da_n u_n
               da_n = dn (1 - n²)      da_z = dz z (1 - z)       da_r = dr r (1 - r)
               du = da_r, da_z, r da_n     dbh = sum of du_n     dWh = hᵀ du
               dh = dh' z + du Whᵀ
    """

    def __init__(self, Wh, bh=None):
        super().__init__(Wh)
        self.bh, self.dbh = bh, None

    def start_gradients(self):
        super().start_gradients()
        self.dbh = None if self.bh is None else np.zeros_like(self.bh)

    def next(self, a, state):
        (h,) = state
        H = h.shape[1]
        # 1. what the state says
        u = h @ self.Wh  # (N, H) @ (H, 3 H)
        u_n = u[:, 2 * H :] if self.bh is None else u[:, 2 * H :] + self.bh
        # 2. the gates
        rz = sigmoid(a[:, : 2 * H] + u[:, : 2 * H])
        r, z = rz[:, :H], rz[:, H:]
        # 3. what is new, and how much of what was stays
        n = np.tanh(a[:, 2 * H :] + r * u_n)
        return (n + z * (h - n),), (h, u_n, r, z, n)

    def back(self, dstate, saved, da):
        (dout,), (h, u_n, r, z, n) = dstate, saved
        H = h.shape[1]
        # 3.
        da_n = da[:, 2 * H :]
        da_n[...] = dout * (1 - z) * (1 - n * n)
        # 2.
        da[:, :H] = da_n * u_n * r * (1 - r)
        da[:, H : 2 * H] = dout * (h - n) * z * (1 - z)
        # 1.
        du = da.copy()
        du[:, 2 * H :] *= r
        if self.bh is not None:
            self.dbh += du[:, 2 * H :].sum(axis=0)
        self.dWh += h.T @ du
        return (dout * z + du @ self.Wh.T,)


def through_time(step, a, state, reverse=False, mask=None):
    """All steps of a sequence, each from the state that the one before it left.

    a          (T, N, G): what comes in at each step
    state      a tuple of arrays (N, P) or (N, H), where the sequence starts
    reverse    whether to start with the last step
    mask       (T, N, 1): where it is False, a row has no such step and keeps its state; None: none

    Returns the outputs (T, N, P), 0 where there is no step; the last state; what backward needs.
    """
    outs = np.zeros((*a.shape[:2], state[0].shape[1]), a.dtype)
    saved = [None] * len(a)
    for t in in_order(len(a), reverse):
        new, saved[t] = step.next(a[t], state)
        if mask is None:
            outs[t] = new[0]
        else:
            np.copyto(outs[t], new[0], where=mask[t])
            new = tuple(np.where(mask[t], one, old) for one, old in zip(new, state))
        state = new
    return outs, state, saved


def back_through_time(step, douts, dstate, saved, reverse=False, mask=None):
    """The way back through all steps: the gradients of a (T, N, G) and of the first state.

    Each step gets the gradient of its own output, douts[t], which is 0 where there is no such step,
    and what the step behind it sent back.
    """
    T, N, _ = douts.shape
    das = np.empty((T, N, step.Wh.shape[1]), douts.dtype)
    step.start_gradients()
    for t in in_order(T, not reverse):
        dstate = (dstate[0] + douts[t], *dstate[1:])
        if mask is None:
            dstate = step.back(dstate, saved[t], das[t])
        else:  # rows without this step hand on what they were given
            here = tuple(np.where(mask[t], d, 0) for d in dstate)
            idle = [np.where(mask[t], 0, d) for d in dstate]
            before = step.back(here, saved[t], das[t])
            dstate = tuple(d + e for d, e in zip(before, idle))
    return das, dstate


def in_order(T, reverse):
    return range(T - 1, -1, -1) if reverse else range(T)
