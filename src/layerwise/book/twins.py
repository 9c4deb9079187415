"""The layers of the books by the engine's kernels, where one has asked for them.

    LAYERWISE_ENGINE=compiled python train.py        or        with layerwise.engine("compiled"):

Then a layer that is called by hand lets its twin do the work: the library's layer that computes the
same, in a graph of its own, in float32. The book's arrays stay where they are, in float64 or
whatever they are: the twin reads them before each forward, and what it gives for `dW` and `grads`
goes where the layer itself would put it. A layer without a twin, little work, and inputs that the
twin refuses, are left to the layer's own code, whose errors say what is wrong. What a layer only
keeps for its own backward (`mask`, `col`, `x`) is not there when its twin has run.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from .. import layers as library
from ..engine import chosen, when_asked_for
from ..errors import LayerwiseError, OrderError
from ..graph import Graph
from ..layers.pad import unpad
from ..node import Input
from .images import Convolution, Pooling, window_of
from .layers import Affine, Embedding, MatMul, Relu, Sigmoid, Softmax
from .lists import Written
from .recurrent import TimeBiLSTM, TimeLSTM, TimeRNN
from .time_layers import TimeAffine, TimeEmbedding, TimeSoftmaxWithLoss

LEAST = 1 << 18  # multiplications, or what takes as long; for less, NumPy is as quick
FEW = 4  # channels of an image
WRONG_INPUT = LayerwiseError, AttributeError, IndexError, TypeError, ValueError
TWINS: dict[type, type[Twin]] = {}  # by the class of the book's layer


def twin_of(layer: Any) -> Twin | None:
    """What runs in place of this layer, which is called by hand; None: it runs its own code."""
    if chosen() != "compiled" or type(layer) not in TWINS:
        return None
    kind = TWINS[type(layer)]
    try:
        twin, key = layer.twin, kind.key_of(layer)
        if twin is None or twin.layer() is not layer or twin.key != key:
            twin = layer.twin = kind(layer, key)
    except WRONG_INPUT:  # such arrays and options as no layer of the library has
        return None
    return twin if [one.shape for one in twin.parameters] == twin.shapes else None


def take_over() -> None:
    """Let twins be looked for: only now, since a small network's layers would pay for that."""
    Written.stand_in = twin_of


when_asked_for(take_over)


class Twin:
    """One layer of the library in place of one of the book's.

    A subclass says of which classes (`of`), and what it is (`made`); and, where the two differ,
    what goes in (`given`, `given_back`), what comes out (`shown`, `shown_back`), and where numbers
    stand among the parameters (`arranged`, `arranged_back`). A twin has no `forward`: it is not to
    be taken for a layer inside the layer that holds it.
    """

    inputs = 1
    options: tuple[str, ...] = ()  # attributes of the layer that the twin is made with
    shape: Any = None  # of what went in, where backward needs it

    def __init_subclass__(cls, of: Any = (), **options: Any) -> None:
        super().__init_subclass__(**options)
        TWINS.update(dict.fromkeys(of, cls))

    @classmethod
    def key_of(cls, layer: Any) -> Any:
        shapes = [array.shape for array in cls.arrays(layer)]
        return shapes, [getattr(layer, name) for name in cls.options]

    def __init__(self, layer: Any, key: Any) -> None:
        self.layer, self.key = ref(layer), key
        self.shapes = key[0]
        ends = self.made(layer)(*[Input(f"x{i}") for i in range(self.inputs)])
        self.graph = Graph(ends, dtype=np.float32)
        self.parameters = list(self.graph.held_parameters.values())
        self.copies = [np.zeros(shape, np.float32) for shape in self.shapes]
        self.held: list[Any] = [None for _ in self.shapes]  # what the parameters hold
        self.seen: list[Any] = [None for _ in self.shapes]  # the layer's arrays they came from
        self.given_last: Any = ()  # what went in
        self.has_run = True  # False in a copy that has not been forward itself

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """A twin of the layer's copy, which goes forward by itself before its first backward."""
        layer = self.layer()
        if layer is None:
            return None
        twin = type(self)(layer, self.key)
        twin.layer = ref(memo.get(id(layer), layer))
        twin.given_last, twin.has_run = self.given_last, False
        twin.shape = self.shape
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(None), ()  # a copy of a layer makes a twin of its own

    def run(self, layer: Any, inputs: Any) -> Any:
        """What the layer's forward returns; NotImplemented: its own code is to run."""
        try:
            given = self.given(layer, *inputs)
            if given is None or self.work(layer, given[0]) < LEAST:
                return NotImplemented
            self.follow_all(layer)
        except WRONG_INPUT:  # of which the layer's own code says more
            return NotImplemented
        try:
            out = self.graph.forward(*given)
        except LayerwiseError:
            return NotImplemented
        self.given_last, self.has_run = given, True
        return self.shown(layer, out)

    def follow_all(self, layer: Any) -> None:
        self.seen = list(self.arrays(layer))
        for i, array in enumerate(self.seen):
            self.follow(i, self.arranged(array))

    def follow(self, i: int, array: Any) -> None:
        """Let a parameter have the numbers that are in an array of the layer's now."""
        if array.dtype != np.float32 or not array.flags.c_contiguous:
            self.copies[i][...] = array
            array = self.copies[i]
        if self.held[i] is not array:
            self.parameters[i].hold(array)
            self.held[i] = array

    def run_back(self, layer: Any, dout: Any = 1) -> Any:
        if self.key_of(layer) != self.key:
            raise OrderError(
                f"{layer!r}: an array or option of another kind than in forward. Call forward(...) "
                "again: backward needs what it saves."
            )
        if not self.has_run or any(a is not b for a, b in zip(self.seen, self.arrays(layer))):
            self.follow_all(layer)
        if not self.has_run:
            self.graph.forward(*self.given_last)
            self.has_run = True
        dx = self.shown_back(layer, self.back(layer, self.given_back(layer, dout)))
        if self.parameters:
            layer.keep(*[self.arranged_back(one.grad) for one in self.parameters])
        return dx

    def back(self, layer: Any, dout: Any) -> Any:
        return self.graph.backward(dout)

    # what a subclass says ------------------------------------------------------------------------

    def made(self, layer: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def arrays(layer: Any) -> Any:
        """The layer's parameters, in the order of the twin's."""
        return ()

    def work(self, layer: Any, x: Any) -> int:
        """About how many multiplications there are, or what takes as long."""
        return 16 * x.size

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        return (floats(x),)

    def shown(self, layer: Any, out: Any) -> Any:
        return out

    def given_back(self, layer: Any, dout: Any) -> Any:
        return floats(dout)

    def shown_back(self, layer: Any, dx: Any) -> Any:
        return dx

    def arranged(self, W: Any) -> Any:
        return W

    def arranged_back(self, dW: Any) -> Any:
        return dW


def floats(x: Any) -> Any:
    return np.asarray(x, np.float32)


# one for each layer ------------------------------------------------------------------------------


class ElementwiseTwin(Twin):
    """Of a layer in whose backward dout may be broadcast."""

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        (x,) = super().given(layer, x)
        self.shape = x.shape
        return (x,)

    def given_back(self, layer: Any, dout: Any) -> Any:
        dout = floats(dout)
        return np.broadcast_to(dout, self.shape) if dout.ndim < len(self.shape) else dout


class ReluTwin(ElementwiseTwin, of=[Relu]):
    def made(self, layer: Any) -> Any:
        return library.ReLU()


class SigmoidTwin(ElementwiseTwin, of=[Sigmoid]):
    def made(self, layer: Any) -> Any:
        return library.Sigmoid()


class SoftmaxTwin(ElementwiseTwin, of=[Softmax]):
    def made(self, layer: Any) -> Any:
        return library.Softmax()


class PoolingTwin(Twin, of=[Pooling]):
    options = "pool_h", "pool_w", "stride", "pad"

    def made(self, layer: Any) -> Any:
        return library.MaxPool2d((layer.pool_h, layer.pool_w), layer.stride, layer.pad)


class ConvolutionTwin(Twin, of=[Convolution]):
    """The gradient of images of few channels is the book's: another convolution would have as few
    outputs, and leave most of a tile empty."""

    options = "stride", "pad"

    def made(self, layer: Any) -> Any:
        FN, C, *kernel = self.shapes[0]
        return library.Conv2d(C, FN, tuple(kernel), layer.stride, layer.pad)

    @staticmethod
    def arrays(layer: Any) -> Any:
        return layer.W, layer.b

    def work(self, layer: Any, x: Any) -> int:
        return int(x.size * layer.W.size // layer.W.shape[1] // layer.stride**2)

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        self.shape = x.shape
        return (floats(x),)

    def back(self, layer: Any, dout: Any) -> Any:
        if self.shape[1] > FEW:
            return super().back(layer, dout)
        self.graph.backward(dout, inputs=False)
        N, FN, *sizes = dout.shape
        W = self.parameters[0].value
        taps = W.reshape(FN, -1).T @ dout.reshape(N, FN, -1)  # (C FH FW, FN) @ (N, FN, P)
        window = window_of(*layer.geometry())
        taps = taps.reshape(N, self.shape[1], -1, *sizes)  # (N, C, FH FW, out_h, out_w)
        return unpad(window.col2im(taps, window.padded(self.shape)), window.padding)


class AffineTwin(Twin, of=[Affine]):
    """Images become rows."""

    def made(self, layer: Any) -> Any:
        return library.Affine(*self.shapes[0])

    @staticmethod
    def arrays(layer: Any) -> Any:
        return layer.W, layer.b

    def work(self, layer: Any, x: Any) -> int:
        return int(x.size * self.shapes[0][1])

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        layer.original_x_shape = x.shape
        return (floats(x).reshape(len(x), -1),)

    def shown_back(self, layer: Any, dx: Any) -> Any:
        return dx.reshape(layer.original_x_shape)


class ListsTwin(Twin):
    """Of a layer that holds its arrays in `params`."""

    @staticmethod
    def arrays(layer: Any) -> Any:
        return layer.params

    def work(self, layer: Any, x: Any) -> int:
        return int(x.size * self.shapes[0][1])


class TimeAffineTwin(ListsTwin, of=[MatMul, TimeAffine]):
    def made(self, layer: Any) -> Any:
        D, M = self.shapes[0]
        return library.Affine(D, M, bias=len(self.shapes) > 1)


class EmbeddingTwin(ListsTwin, of=[Embedding, TimeEmbedding]):
    def made(self, layer: Any) -> Any:
        return library.Embedding(*self.shapes[0])

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        return (x,)


class TimeRNNTwin(ListsTwin, of=[TimeRNN]):
    """The library's states are (1, N, H), and come in and go out like x."""

    inputs = 2
    order: tuple[int, ...] = (0,)  # which of the book's gates is the library's first, second, ...
    states: tuple[str, ...] = ("h",)

    def made(self, layer: Any) -> Any:
        D, H = self.shapes[0][0], self.shapes[1][0]
        return library.RNN(D, H, batch_first=True)

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        zeros = np.zeros((len(x), self.shapes[1][0]), np.float32)
        held = [getattr(layer, name) if layer.stateful else None for name in self.states]
        return floats(x), *[floats(zeros if one is None else one)[None] for one in held]

    def shown(self, layer: Any, out: Any) -> Any:
        hs, *last = out
        vars(layer).update({name: state[0] for name, state in zip(self.states, last)})
        return hs

    def given_back(self, layer: Any, dhs: Any) -> Any:
        return floats(dhs), *[None for _ in self.states]  # the book cuts behind the last step

    def shown_back(self, layer: Any, dxs: Any) -> Any:
        layer.dh = dxs[1][0]
        return dxs[0]

    def arranged(self, W: Any) -> Any:
        return self.gates(W)[..., self.order, :].reshape(W.shape)

    def arranged_back(self, dW: Any) -> Any:
        return self.gates(dW)[..., np.argsort(self.order), :].reshape(dW.shape)

    def gates(self, W: Any) -> Any:
        """W (..., G H) as (..., G, H)."""
        return W.reshape(*W.shape[:-1], len(self.order), -1)


class TimeLSTMTwin(TimeRNNTwin, of=[TimeLSTM]):
    inputs = 3
    order = 2, 0, 1, 3  # i, f, g, o among f, g, i, o
    states = "h", "c"

    def made(self, layer: Any) -> Any:
        D, H = self.shapes[0][0], self.shapes[1][0]
        return library.LSTM(D, H, batch_first=True)


class TimeBiLSTMTwin(TimeLSTMTwin, of=[TimeBiLSTM]):
    """Both ways; what goes on from the last states is left to the layers inside."""

    inputs = 1

    def made(self, layer: Any) -> Any:
        D, H = self.shapes[0][0], self.shapes[1][0]
        return library.LSTM(D, H, batch_first=True, bidirectional=True)

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        return None if layer.forward_lstm.stateful else (floats(x),)

    def shown(self, layer: Any, out: Any) -> Any:
        return out[0]

    def shown_back(self, layer: Any, dxs: Any) -> Any:
        return dxs


class TimeSoftmaxWithLossTwin(Twin, of=[TimeSoftmaxWithLoss]):
    inputs = 2
    options = ("ignore_label",)

    def made(self, layer: Any) -> Any:
        return library.SoftmaxCrossEntropy(ignore_index=layer.ignore_label)

    def given(self, layer: Any, x: Any, *more: Any) -> Any:
        (ts,) = more
        layer.shape = x.shape
        t = (ts.argmax(axis=2) if ts.ndim == 3 else ts).ravel()
        has_labels = np.any(t != layer.ignore_label)
        return (floats(x).reshape(-1, x.shape[2]), t) if has_labels else None

    def shown_back(self, layer: Any, dxs: Any) -> Any:
        return dxs[0].reshape(layer.shape)
