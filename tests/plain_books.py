"""What the layers of the books mean, as plainly as their chapters say it: the definition.

One class for each, under the book's name; loops over steps and over pixels; what a layer of one
volume shows, `dW` or `params` and `grads`, it shows here, too. Nothing comes from the library.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Holder:
    def hold(self, *params):
        self.params = list(params)
        self.grads = [np.zeros_like(p) for p in params]

    def give(self, *grads):
        for mine, new in zip(self.grads, grads):
            mine[...] = new


class Affine(Holder):
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.hold(W, b)

    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.x.dot(self.W) + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T.dot(dout), dout.sum(axis=0)
        self.give(self.dW, self.db)
        return dout.dot(self.W.T).reshape(self.shape)


class MatMul(Holder):
    def __init__(self, W):
        self.hold(W)

    def forward(self, x):
        self.x = x
        return x.dot(self.params[0])

    def backward(self, dout):
        self.give(self.x.T.dot(dout))
        return dout.dot(self.params[0].T)


class Relu(Holder):
    def forward(self, x):
        self.positive = x > 0
        return x * self.positive

    def backward(self, dout):
        return dout * self.positive


class Sigmoid(Holder):
    def __init__(self):
        self.hold()

    def forward(self, x):
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out) * self.out


class SoftmaxWithLoss(Holder):
    def __init__(self):
        self.hold()

    def forward(self, x, t):
        self.y = softmax(x)
        self.t = np.eye(x.shape[1])[t] if t.ndim == 1 else t
        return -np.sum(self.t * np.log(self.y + 1e-7)) / len(x)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.y)


class SigmoidWithLoss(Holder):
    def __init__(self):
        self.hold()

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t
        right = np.where(t == 1, self.y, 1 - self.y)
        return -np.mean(np.log(right + 1e-7))

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def windows(self, x):
        """Every place, and the part of the image under the kernel there."""
        FH, FW = self.W.shape[2:]
        for i in range((x.shape[2] - FH) // self.stride + 1):
            for j in range((x.shape[3] - FW) // self.stride + 1):
                top, left = i * self.stride, j * self.stride
                yield i, j, (slice(None), slice(None), slice(top, top + FH), slice(left, left + FW))

    def forward(self, x):
        p = self.pad
        self.x = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
        places = [(i, j) for i, j, _ in self.windows(self.x)]
        out = np.zeros((len(x), len(self.W), *(max(n) + 1 for n in zip(*places))))
        for i, j, part in self.windows(self.x):
            out[:, :, i, j] = np.tensordot(self.x[part], self.W, ([1, 2, 3], [1, 2, 3])) + self.b
        return out

    def backward(self, dout):
        self.dW, self.db, dx = np.zeros_like(self.W), dout.sum(axis=(0, 2, 3)), 0 * self.x
        for i, j, part in self.windows(self.x):
            self.dW += np.tensordot(dout[:, :, i, j], self.x[part], (0, 0))
            dx[part] += np.tensordot(dout[:, :, i, j], self.W, (1, 0))
        p = self.pad
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]


class Pooling:
    def __init__(self, pool_h, pool_w, stride=1, pad=0):
        assert pool_h == pool_w == stride
        self.size = stride

    def forward(self, x):
        N, C, H, W = x.shape
        s = self.size
        self.shape = x.shape
        blocks = x.reshape(N, C, H // s, s, W // s, s).transpose(0, 1, 2, 4, 3, 5)
        self.blocks = blocks.reshape(N, C, H // s, W // s, s * s)
        return self.blocks.max(axis=4)

    def backward(self, dout):
        N, C, H, W = self.shape
        s = self.size
        first = np.eye(s * s)[self.blocks.argmax(axis=4)]
        dx = (first * dout[..., None]).reshape(N, C, H // s, W // s, s, s)
        return dx.transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H, W)


# The second volume: one step at a time, one row of W for each word -----------------------------


class Embedding(Holder):
    def __init__(self, W):
        self.W = W
        self.hold(W)

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        dW = np.zeros_like(self.W)
        for place in np.ndindex(self.idx.shape):
            dW[self.idx[place]] += dout[place]
        self.give(dW)


TimeEmbedding = Embedding


class TimeAffine(Affine):
    def forward(self, x):
        self.steps = x.shape[:2]
        return super().forward(x.reshape(-1, x.shape[2])).reshape(*self.steps, -1)

    def backward(self, dout):
        return super().backward(dout.reshape(-1, dout.shape[2])).reshape(*self.steps, -1)


class TimeSoftmaxWithLoss(Holder):
    ignore_label = -1

    def __init__(self):
        self.hold()

    def forward(self, xs, ts):
        self.ys, self.ts, self.n = softmax(xs), ts, np.sum(ts != self.ignore_label)
        loss = 0
        for place in np.ndindex(ts.shape):
            if ts[place] != self.ignore_label:
                loss -= np.log(self.ys[(*place, ts[place])])
        return loss / self.n

    def backward(self, dout=1):
        dxs = self.ys.copy()
        for place in np.ndindex(self.ts.shape):
            if self.ts[place] == self.ignore_label:
                dxs[place] = 0
            else:
                dxs[(*place, self.ts[place])] -= 1
        return dxs * dout / self.n


class RNN(Holder):
    def __init__(self, Wx, Wh, b):
        self.hold(Wx, Wh, b)

    def forward(self, x, h):
        Wx, Wh, b = self.params
        self.x, self.h = x, h
        self.out = np.tanh(h.dot(Wh) + x.dot(Wx) + b)
        return self.out

    def backward(self, dout):
        Wx, Wh, _ = self.params
        dt = dout * (1 - self.out**2)
        self.give(self.x.T.dot(dt), self.h.T.dot(dt), dt.sum(axis=0))
        return dt.dot(Wx.T), dt.dot(Wh.T)


class LSTM(Holder):
    def __init__(self, Wx, Wh, b):
        self.hold(Wx, Wh, b)

    def forward(self, x, h, c):
        Wx, Wh, b = self.params
        f, g, i, o = np.split(x.dot(Wx) + h.dot(Wh) + b, 4, axis=1)
        f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
        c_next = f * c + g * i
        self.saved = x, h, c, f, g, i, o, c_next
        return o * np.tanh(c_next), c_next

    def backward(self, dh, dc):
        Wx, Wh, _ = self.params
        x, h, c, f, g, i, o, c_next = self.saved
        ds = dc + dh * o * (1 - np.tanh(c_next) ** 2)
        dA = np.hstack([ds * c * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i),
                        dh * np.tanh(c_next) * o * (1 - o)])  # fmt: skip
        self.give(x.T.dot(dA), h.T.dot(dA), dA.sum(axis=0))
        return dA.dot(Wx.T), dA.dot(Wh.T), ds * f


class GRU(Holder):
    def __init__(self, Wx, Wh, b=None):
        self.hold(*[W for W in (Wx, Wh, b) if W is not None])
        self.b = np.zeros(Wx.shape[1]) if b is None else b

    def forward(self, x, h):
        (Wxz, Wxr, Wxn), (Whz, Whr, Whn) = (np.split(W, 3, axis=1) for W in self.params[:2])
        bz, br, bn = np.split(self.b, 3)
        z, r = sigmoid(x.dot(Wxz) + h.dot(Whz) + bz), sigmoid(x.dot(Wxr) + h.dot(Whr) + br)
        n = np.tanh(x.dot(Wxn) + (r * h).dot(Whn) + bn)
        self.saved = x, h, z, r, n
        return (1 - z) * h + z * n

    def backward(self, dout):
        (Wxz, Wxr, Wxn), (Whz, Whr, Whn) = (np.split(W, 3, axis=1) for W in self.params[:2])
        x, h, z, r, n = self.saved
        dtn = dout * z * (1 - n**2)
        dtz = dout * (n - h) * z * (1 - z)
        dhr = dtn.dot(Whn.T)
        dtr = dhr * h * r * (1 - r)
        dWx = np.hstack([x.T.dot(d) for d in (dtz, dtr, dtn)])
        dWh = np.hstack([h.T.dot(dtz), h.T.dot(dtr), (r * h).T.dot(dtn)])
        self.give(dWx, dWh, np.hstack([d.sum(axis=0) for d in (dtz, dtr, dtn)]))
        dh = dout * (1 - z) + dhr * r + dtz.dot(Whz.T) + dtr.dot(Whr.T)
        return dtz.dot(Wxz.T) + dtr.dot(Wxr.T) + dtn.dot(Wxn.T), dh


class TimeRecurrent(Holder):
    """A layer of its own for each step, as in the book."""

    def __init__(self, *weights, stateful=False):
        self.hold(*weights)
        self.stateful, self.state = stateful, None

    def forward(self, xs):
        N, T, _ = xs.shape
        zero = np.zeros((N, self.params[1].shape[0]))
        if self.state is None or not self.stateful:
            self.state = [zero] * self.parts
        state = [zero if part is None else part for part in self.state]
        self.layers, hs = [], []
        for t in range(T):
            layer = self.cell(*self.params)
            state = layer.forward(xs[:, t], *state)
            state = list(state) if isinstance(state, tuple) else [state]
            self.layers.append(layer)
            hs.append(state[0])
        self.state = state
        return np.stack(hs, axis=1)

    def backward(self, dhs):
        dxs, dstate, sums = [], [0] * self.parts, [0] * len(self.grads)
        for t in reversed(range(len(self.layers))):
            layer = self.layers[t]
            dx, *dstate = layer.backward(dhs[:, t] + dstate[0], *dstate[1:])
            dxs.insert(0, dx)
            sums = [a + b for a, b in zip(sums, layer.grads)]
        self.give(*sums)
        self.dh = dstate[0]
        return np.stack(dxs, axis=1)

    def set_state(self, h, c=None):
        self.state = [h, c][: self.parts]

    def reset_state(self):
        self.state = None


class TimeRNN(TimeRecurrent):
    cell, parts = RNN, 1


class TimeLSTM(TimeRecurrent):
    cell, parts = LSTM, 2


class TimeGRU(TimeRecurrent):
    cell, parts = GRU, 1


class TimeBiLSTM(Holder):
    def __init__(self, *weights):
        self.there, self.back = TimeLSTM(*weights[:3]), TimeLSTM(*weights[3:])
        self.params = self.there.params + self.back.params
        self.grads = self.there.grads + self.back.grads

    def forward(self, xs):
        parts = self.there.forward(xs), self.back.forward(xs[:, ::-1])[:, ::-1]
        return np.concatenate(parts, axis=2)

    def backward(self, dhs):
        H = dhs.shape[2] // 2
        there = self.there.backward(dhs[:, :, :H])
        return there + self.back.backward(dhs[:, ::-1, H:])[:, ::-1]
