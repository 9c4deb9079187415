"""The rows of the recurrent layers: each of them is defined row by row and step by step.

x is (T, N, D) with T = K, a state (L, N, H) with H = 2. A parameter `cells.1.Wx` belongs to the
second cell.
"""

import numpy as np

from .case import Case, end_to_end, real, sigmoid


def lengths(rng, shape, sizes):
    """From no step to all; the first row has one at least, so that what it holds counts."""
    counts = np.asarray(rng.integers(0, sizes.get("K", 1) + 1, size=shape))
    counts.flat[:1] = max(1, sizes.get("K", 1) - 1)
    return counts


# One step of one row: x (D,), the parts of the state (H,), and the parameters of the cell


def rnn_step(x, h, Wx, Wh, b=0):
    return (np.tanh(x @ Wx + h @ Wh + b),)


def relu_step(x, h, Wx, Wh, b=0):
    u = x @ Wx + h @ Wh + b
    return (np.where(u > 0, u, 0 * u),)


def lstm_step(x, h, c, Wx, Wh, b=0, Wr=None):
    i, f, g, o = np.split(x @ Wx + h @ Wh + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return (h if Wr is None else h @ Wr), c


def gru_step(x, h, Wx, Wh, b=0, bh=0):
    a_r, a_z, a_n = np.split(x @ Wx + b, 3)
    u_r, u_z, u_n = np.split(h @ Wh, 3)
    r, z = sigmoid(a_r + u_r), sigmoid(a_z + u_z)
    n = np.tanh(a_n + r * (u_n + bh))
    return ((1 - z) * n + z * h,)


def first_state(W):
    """How wide the parts of the state are, from the parameters of the cell."""
    H = W["Wr"].shape[0] if "Wr" in W else W["Wh"].shape[0]
    four = W["Wx"].shape[1] == 4 * H
    return [W["Wh"].shape[0]] + [H] * four


def cell(step):
    def definition(x, *state, **W):
        rows = x.reshape(-1, x.shape[-1])
        sizes = first_state(W)
        state = [s.reshape(len(rows), -1) for s in state if s.size] or [
            np.zeros((len(rows), n)) for n in sizes
        ]
        new = [step(row, *(s[n] for s in state), **W) for n, row in enumerate(rows)]
        parts = [np.reshape([one[k] for one in new], (*x.shape[:-1], n))
                 for k, n in enumerate(sizes)]  # fmt: skip
        return end_to_end(parts) if len(parts) > 1 else parts[0]

    return definition


def sequence(step, levels=1, ways=1, batch_first=False):
    """Every row by itself, from its first step to its last, level by level, there and back."""

    def definition(x, *given, **parameters):
        cells = [{name.split(".")[2]: W for name, W in parameters.items()
                  if name.startswith(f"cells.{k}.")} for k in range(levels * ways)]  # fmt: skip
        alone = x.ndim == 2
        x = x[:, None] if alone else x.swapaxes(0, 1) if batch_first else x
        T, N, _ = x.shape
        steps = [T] * N
        if given and given[-1].ndim == 1:
            *given, steps = given
        sizes = first_state(cells[0])
        states = [s[:, None] if alone else s for s in given] or [
            np.zeros((len(cells), N, n)) for n in sizes
        ]
        out = np.zeros((T, N, ways * sizes[0]))
        last = [np.zeros((len(cells), N, n)) for n in sizes]
        for n in range(N):
            below = x[: steps[n], n]
            for level in range(levels):
                outs = []
                for k in range(level * ways, (level + 1) * ways):
                    state, hs = [s[k, n] for s in states], []
                    for row in below[:: -1 if k % ways else 1]:
                        state = step(row, *state, **cells[k])
                        hs.append(state[0])
                    outs.append(np.reshape(hs, (steps[n], sizes[0]))[:: -1 if k % ways else 1])
                    for part, s in zip(last, state):
                        part[k, n] = s
                below = np.concatenate(outs, axis=1)
            out[: steps[n], n] = below
        out = out[:, 0] if alone else out.swapaxes(0, 1) if batch_first else out
        return end_to_end([out, *(part[:, 0] if alone else part for part in last)])

    return definition


# The same in PyTorch, whose weights are transposed and whose biases are two


def their_weights(torch, kind, W, suffix=""):
    bias = W.get("b")
    weights = [W["Wx"].T, W["Wh"].T]
    if bias is not None:
        other = torch.zeros_like(bias)
        if "bh" in W:
            other = torch.cat([other[: -len(W["bh"])], W["bh"]])
        weights += [bias, other]
    return weights + ([W["Wr"].T] if "Wr" in W else [])


def torch_cell(kind):
    def function(torch, x, *state, **W):
        weights = their_weights(torch, kind, W)
        run = getattr(torch, kind)
        rows = x.reshape(-1, x.shape[-1])
        state = [s.reshape(len(rows), -1) for s in state] or [
            torch.zeros((len(rows), n), dtype=x.dtype) for n in first_state(W)
        ]
        out = run(rows, state if kind == "lstm_cell" else state[0], *weights)
        outs = out if isinstance(out, tuple) else (out,)
        outs = [one.reshape(*x.shape[:-1], -1) for one in outs]
        return torch.cat([one.reshape(-1) for one in outs]) if len(outs) > 1 else outs[0]

    return function


def torch_sequence(kind, levels=1, ways=1, batch_first=False):
    """One row after the other where there are lengths, so that a row may have no step."""

    def run(torch, x, states, cells):
        weights = [w for W in cells for w in their_weights(torch, kind, W)]
        state = states if kind == "lstm" else states[0]
        has_bias = "b" in cells[0]
        function = getattr(torch, kind)
        return function(x, state, weights, has_bias, levels, 0.0, True, ways == 2, False)

    def function(torch, x, *given, **parameters):
        cells = [{name.split(".")[2]: W for name, W in parameters.items()
                  if name.startswith(f"cells.{k}.")} for k in range(levels * ways)]  # fmt: skip
        alone = x.ndim == 2
        x = x[:, None] if alone else x.swapaxes(0, 1) if batch_first else x
        counts = None
        if given and given[-1].ndim == 1:
            *given, counts = given
        states = [s[:, None] if alone else s for s in given] or [
            torch.zeros((len(cells), x.shape[1], n), dtype=x.dtype) for n in first_state(cells[0])
        ]
        if counts is None:
            outs = run(torch, x, states, cells)
        else:
            rows = []
            for n, count in enumerate(counts.tolist()):
                mine = [s[:, n : n + 1].contiguous() for s in states]
                width = ways * states[0].shape[2]
                behind = torch.zeros((len(x) - count, 1, width), dtype=x.dtype)
                if count == 0:
                    rows.append([behind, *mine])
                else:
                    out, *last = run(torch, x[:count, n : n + 1], mine, cells)
                    rows.append([torch.cat([out, behind]), *last])
            outs = [torch.cat(part, dim=1) for part in zip(*rows)]
        out, *last = outs
        out = out[:, 0] if alone else out.swapaxes(0, 1) if batch_first else out
        last = [part[:, 0] if alone else part for part in last]
        return torch.cat([one.reshape(-1) for one in (out, *last)])

    return function


# The rows


def cell_row(call, step, kind, shapes, **options):
    wide = f"{call} expects inputs (N, 4) or (4,), but got (3, 5)."
    return Case(call, shapes, cell(step), torch_cell(kind), (real,) * 3, held="D",
                errors=(("3 5", wide), *options.pop("errors", ())), **options)  # fmt: skip


def row(call, step, kind, shapes, levels=1, ways=1, batch_first=False, like=(real,) * 3, **more):
    batch = "N, T" if batch_first else "T, N"
    wide = f"{call} expects inputs ({batch}, 4) or (T, 4), but got (5, 3, 3)."
    how = levels, ways, batch_first
    return Case(call, shapes, sequence(step, *how), torch_sequence(kind, *how), like, held="D",
                errors=(("5 3 3", wide), *more.pop("errors", ())), **more)  # fmt: skip


ROWS = [
    cell_row("RNNCell(4, 2)", rnn_step, "rnn_tanh_cell", ["N D", "D", "N D, N 2", "D, 2"],
             errors=(("3 4, 3 5", "RNNCell(4, 2) expects a state of shape (3, 2), "
                                  "but got (3, 5)."),)),
    cell_row("RNNCell(4, 2, bias=False, nonlinearity='relu')", relu_step, "rnn_relu_cell",
             ["N D, N 2", "N D"]),
    cell_row("LSTMCell(4, 2)", lstm_step, "lstm_cell", ["N D", "D", "N D, N 2, N 2", "D, 2, 2"],
             errors=(("3 4, 3 2", "LSTMCell(4, 2) expects its states h and c together, "
                                  "but got (3, 2)."),
                     ("3 4, 3 2, 3 1", "LSTMCell(4, 2) expects a state of shape (3, 2), "
                                       "but got (3, 1)."))),
    cell_row("GRUCell(4, 2)", gru_step, "gru_cell", ["N D", "D", "N D, N 2", "D, 2"]),
    cell_row("GRUCell(4, 2, bias=False)", gru_step, "gru_cell", ["N D, N 2"]),
    row("RNN(4, 2)", rnn_step, "rnn_tanh", ["K N D", "1 N D", "K D", "K N D, 1 N 2", "K D, 1 2"],
        errors=(("5 3 4, 2 3 2", "RNN(4, 2) expects a state of shape (1, 3, 2), "
                                 "but got (2, 3, 2)."),
                ("5 4, 5", "RNN(4, 2) expects no lengths for one sequence, but got (5,)."))),
    row("RNN(4, 2, num_layers=2, nonlinearity='relu', bias=False, bidirectional=True)", relu_step,
        "rnn_relu", ["K N D", "K N D, 4 N 2"], levels=2, ways=2),
    row("LSTM(4, 2)", lstm_step, "lstm", ["K N D", "1 N D", "K D", "K N D, 1 N 2, 1 N 2",
                                          "K D, 1 2, 1 2"],
        errors=(("5 3 4, 1 3 2", "LSTM(4, 2) expects 2 states of shape (1, 3, 2), or none, "
                                 "but got (1, 3, 2). Lengths, of one axis, come behind them."),)),
    row("LSTM(4, 2, num_layers=2, batch_first=True, bidirectional=True)", lstm_step, "lstm",
        ["N K D", "N K D, 4 N 2, 4 N 2"], levels=2, ways=2, batch_first=True),
    row("LSTM(4, 3, num_layers=2, bidirectional=True, proj_size=2)", lstm_step, "lstm",
        ["K N D", "K N D, 4 N 2, 4 N 3"], levels=2, ways=2),
    row("GRU(4, 2)", gru_step, "gru", ["K N D", "1 N D", "K D", "K N D, 1 N 2", "K D, 1 2"]),
    row("GRU(4, 2, num_layers=2, bias=False, batch_first=True, bidirectional=True)", gru_step,
        "gru", ["N K D", "N K D, 4 N 2"], levels=2, ways=2, batch_first=True),
    row("RNN(4, 2, bidirectional=True)", rnn_step, "rnn_tanh", ["K N D, N"], ways=2,
        like=(real, lengths), fixed=(1,), fills=True,
        errors=(("5 3 4, 2", "RNN(4, 2, bidirectional=True) expects lengths of shape (3,), "
                             "but got (2,)."),)),
    row("LSTM(4, 2, num_layers=2, bidirectional=True)", lstm_step, "lstm",
        ["K N D, 4 N 2, 4 N 2, N"], levels=2, ways=2, like=(real, real, real, lengths),
        fixed=(3,), fills=True),
    row("GRU(4, 2, batch_first=True, bidirectional=True)", gru_step, "gru",
        ["N K D, 2 N 2, N"], ways=2, batch_first=True, like=(real, real, lengths), fixed=(2,),
        fills=True),
]  # fmt: skip
