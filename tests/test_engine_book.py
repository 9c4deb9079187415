"""The layers of the books by kernels: the numbers of their own code, and its errors."""

import copy
import importlib.util

import numpy as np
import plain_books
import pytest
import test_book
from helpers import text_of
from test_book import digits, drawn, t_train, text_batches
from test_engine_process import python

import layerwise as lw
from layerwise import book
from layerwise.book import twins

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

CLOSE = 1e-5  # of the largest number
LEAST = twins.LEAST


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    """Everything by kernels, however little there is to do."""
    monkeypatch.setattr(twins, "LEAST", 0)
    with lw.engine("compiled"):
        yield


def close(ours, exact):
    test_book.close(ours, exact, CLOSE)


def ran_in_kernels(layer):
    plan = layer.twin.graph._plan
    return layer._ran_forward is layer.twin and all(place.op for place in plan.layout.places)


# each layer --------------------------------------------------------------------------------------

ROW, IMAGES, STEPS = drawn(7, 5), drawn(3, 2, 9, 8), drawn(3, 6, 5)
WORDS, SCORES = np.array([[4, 0, 4], [1, 1, 2]]), drawn(2, 3, 4)
LABELS = np.array([[0, -1, 3], [2, 1, 0]])
LSTM = drawn(5, 16), drawn(4, 16, seed=1), drawn(16)
LAYERS = [  # the class, its arrays, its options, and what goes in
    (book.Relu, [], {}, ROW),
    (book.Sigmoid, [], {}, ROW),
    (book.Softmax, [], {}, ROW),
    (book.Affine, [drawn(5, 4), drawn(4)], {}, ROW),
    (book.Affine, [drawn(144, 4), drawn(4)], {}, IMAGES),
    (book.Affine, [drawn(4, 5).T, drawn(4)], {}, ROW),
    (book.MatMul, [drawn(5, 4)], {}, ROW),
    (book.Convolution, [drawn(4, 2, 3, 3), drawn(4)], {}, IMAGES),
    (book.Convolution, [drawn(1, 2, 4, 3), drawn(1)], {"stride": 2, "pad": 2}, IMAGES),
    (book.Pooling, [], {"pool_h": 2, "pool_w": 2, "stride": 2}, IMAGES),
    (book.Pooling, [], {"pool_h": 3, "pool_w": 2, "pad": 1}, IMAGES),
    (book.Embedding, [drawn(5, 3)], {}, WORDS[0]),
    (book.TimeEmbedding, [drawn(5, 3)], {}, WORDS),
    (book.TimeAffine, [drawn(5, 4), drawn(4)], {}, STEPS),
    (book.TimeAffine, [drawn(4, 5).T, drawn(4)], {}, STEPS),
    (book.TimeRNN, [drawn(5, 4), drawn(4, 4), drawn(4)], {}, STEPS),
    (book.TimeLSTM, [*LSTM], {}, STEPS),
    (book.TimeLSTM, [*LSTM], {"stateful": True}, STEPS),
    (book.TimeBiLSTM, [*LSTM, *[2 * W for W in LSTM]], {}, STEPS),
    (book.TimeSoftmaxWithLoss, [], {}, SCORES, LABELS),
    (book.TimeSoftmaxWithLoss, [], {}, SCORES, np.eye(4)[[[0, 1, 3], [2, 1, 0]]]),
]
every = pytest.mark.parametrize(
    ("kind", "arrays", "options", "inputs"),
    [(kind, arrays, options, inputs) for kind, arrays, options, *inputs in LAYERS],
    ids=[f"{kind.__name__} {i}" for i, (kind, *_) in enumerate(LAYERS)],
)


def gradients(layer):
    held = vars(layer)
    return layer.grads if "grads" in held else [held[n] for n in ("dW", "db") if n in held]


@every
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_a_layer_gives_what_its_own_code_gives(kind, arrays, options, inputs, dtype):
    x, *t = [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs]
    mine, theirs = ([a.astype(dtype, order="K") for a in arrays] for _ in range(2))
    ours, own = kind(*mine, **options), kind(*theirs, **options)
    for step in range(3):
        out = ours.forward(x, *t)
        with lw.engine("numpy"):
            want = own.forward(x, *t)
        assert ran_in_kernels(ours) and out.dtype == np.float32
        close(out, want)
        dout = 1 if np.ndim(out) == 0 else drawn(*out.shape, seed=step)
        dx, wanted = ours.backward(dout), own.backward(dout)
        assert (dx is None) == (wanted is None)
        if dx is not None:
            close(dx, wanted)
        for name in ("h", "c", "dh"):
            if hasattr(own, name):
                close(getattr(ours, name), getattr(own, name))
        for W, V, dW, dV in zip(mine, theirs, gradients(ours), gradients(own), strict=True):
            close(dW, dV)
            W -= 0.1 * dV  # in place, as the book's optimizers do
            V -= 0.1 * dV


def test_results_are_left_alone_by_the_next_run():
    layer = book.Convolution(drawn(4, 2, 3, 3), drawn(4))
    out, dx = layer.forward(IMAGES), layer.backward(drawn(3, 4, 7, 6))
    kept = [array.copy() for array in (out, dx, layer.dW, layer.db)]
    held = out, dx, layer.dW, layer.db
    layer.forward(2 * IMAGES)
    layer.backward(drawn(3, 4, 7, 6, seed=1))
    assert all(map(np.array_equal, held, kept))


def test_copies_of_a_layer_do_not_share_its_state():
    layer = book.Affine(drawn(5, 4), drawn(4))
    layer.forward(ROW)
    for twin in (copy.copy(layer), copy.deepcopy(layer)):
        twin.forward(0 * ROW)
        twin.backward(drawn(7, 4))
        assert not twin.dW.any()
    layer.backward(drawn(7, 4))
    close(layer.dW, ROW.T @ drawn(7, 4))


@every
def test_a_copy_goes_backward_by_what_its_original_saw(kind, arrays, options, inputs):
    layer = kind(*arrays, **options)
    out = layer.forward(*inputs)
    dout = 1 if np.ndim(out) == 0 else drawn(*out.shape)
    twin = copy.deepcopy(layer)
    layer.forward(*[0 * x for x in inputs])
    ours = twin.backward(dout)
    other = kind(*arrays, **options)
    other.forward(*inputs)
    np.testing.assert_equal(ours, other.backward(dout))
    np.testing.assert_equal(gradients(twin), gradients(other))


@pytest.mark.parametrize("kind", [book.Relu, book.Sigmoid, book.Softmax])
def test_a_gradient_may_be_broadcast(kind):
    layers, dout = [kind(), kind()], drawn(5)
    layers[0].forward(ROW)
    with lw.engine("numpy"):
        layers[1].forward(ROW)
    close(*[layer.backward(dout) for layer in layers])


def test_backward_takes_the_arrays_that_are_there_then():
    layer, dout = book.Affine(drawn(5, 4), drawn(4)), drawn(7, 4)
    layer.forward(ROW)
    layer.W = drawn(5, 4, seed=1)
    close(layer.backward(dout), dout @ layer.W.T)
    layer.W = drawn(5, 3)
    assert "Call forward(...) again" in text_of(lw.OrderError, lambda: layer.backward(dout))


def test_an_array_that_is_replaced_counts():
    layer = book.Convolution(drawn(4, 2, 3, 3), drawn(4))
    layer.forward(IMAGES)
    layer.W, layer.stride = drawn(4, 2, 2, 2), 2
    close(layer.forward(IMAGES), plain_books.Convolution(layer.W, layer.b, 2).forward(IMAGES))


# what is left to the layer's own code ------------------------------------------------------------


def test_little_work_is_left_to_numpy(monkeypatch):
    monkeypatch.setattr(twins, "LEAST", LEAST)
    little, much = book.Affine(drawn(5, 4), drawn(4)), book.Affine(drawn(500, 400), drawn(400))
    assert little.forward(ROW).dtype == np.float64
    assert much.forward(drawn(7, 500)).dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "arrays", "inputs"),
    [
        (book.Affine, [drawn(5, 4), drawn(4)], [drawn(7, 6)]),
        (book.Affine, [drawn(5, 4), drawn(4)], [[1.0, 2.0]]),
        (book.Convolution, [drawn(4, 2, 3, 3), drawn(4)], [drawn(3, 1, 9, 8)]),
        (book.Convolution, [drawn(4, 2, 3, 3), drawn(4)], [drawn(3, 2, 9, 2)]),
        (book.TimeEmbedding, [drawn(5, 3)], [np.array([[1, 5]])]),
        (book.TimeLSTM, LSTM, [drawn(3, 6, 4)]),
        (book.TimeSoftmaxWithLoss, [], [drawn(2, 3, 4), np.array([[0, 1, 3], [2, 4, 0]])]),
    ],
)
def test_errors_are_those_of_the_layer_itself(kind, arrays, inputs):
    text = text_of(Exception, lambda: kind(*arrays).forward(*inputs))
    with lw.engine("numpy"):
        assert text == text_of(Exception, lambda: kind(*arrays).forward(*inputs))
    assert "backward was called before forward" in text_of(lw.OrderError, kind(*arrays).backward)


@pytest.mark.parametrize(
    ("kind", "arrays", "x"),
    [
        (book.Affine, [drawn(5, 4), drawn(1)], ROW),
        (book.Affine, [drawn(5, 4), drawn(3)], ROW),
        (book.Affine, [drawn(5), drawn(1)], ROW),
        (book.Affine, [drawn(5, 4).tolist(), drawn(4)], ROW),
        (book.MatMul, [drawn(3, 5, 4)], drawn(3, 2, 5)),
        (book.TimeAffine, [drawn(5, 4), drawn(1)], STEPS),
        (book.TimeAffine, [drawn(5, 4), drawn(2, 1, 4)], STEPS),
        (book.Convolution, [drawn(4, 2, 3, 3), drawn(1)], IMAGES),
        (book.Convolution, [drawn(2, 3, 3), drawn(4)], IMAGES),
        (book.TimeEmbedding, [drawn(5)], WORDS),
        (book.TimeRNN, [drawn(5, 4), drawn(4, 4), drawn(1)], STEPS),
        (book.TimeLSTM, [LSTM[0], drawn(4, 15), LSTM[2]], STEPS),
        (book.TimeLSTM, [LSTM[0], drawn(3, 16), LSTM[2]], STEPS),
        (book.TimeBiLSTM, [*LSTM, LSTM[0], LSTM[1], drawn(1)], STEPS),
    ],
)
def test_arrays_of_other_shapes_are_the_layer_s_own_business(kind, arrays, x):
    def run():
        try:
            return kind(*arrays).forward(x)
        except Exception as error:
            return f"{type(error)} {error}"

    ours = run()
    with lw.engine("numpy"):
        np.testing.assert_equal(ours, run())


def test_rows_without_any_label_cost_nothing():
    last = book.TimeSoftmaxWithLoss()
    assert last.forward(SCORES, np.full((2, 3), -1)) == 0 and not last.backward().any()


def test_a_graph_computes_in_the_dtype_of_its_arrays():
    for layer, x in (
        (book.Affine(drawn(5, 4), drawn(4)), ROW),
        (book.TimeBiLSTM(*LSTM, *LSTM), STEPS),
        (book.TimeEmbedding(drawn(5, 3)), WORDS),
    ):
        assert lw.Graph(layer(lw.Input("x"))).forward(x).dtype == np.float64


def test_a_twin_is_no_part_of_its_layer():
    affine = book.Affine(drawn(5, 4), drawn(4))
    affine.forward(ROW)
    assert ran_in_kernels(affine) and not affine.children()
    assert set(lw.Graph(affine(lw.Input("x"))).parameters()) == {"affine1.W", "affine1.b"}
    report = lw.check(affine, ROW)
    assert report.ok, str(report)


def test_the_gradient_check_is_done_in_float64():
    net, x, t = test_book.TwoLayerNet(book), digits(False)[:3], t_train[:3]
    analytic, numerical = net.gradient(x, t), net.numerical_gradient(x, t)
    for key, grad in analytic.items():
        assert grad.dtype == np.float32
        assert np.mean(abs(grad - numerical[key])) < 1e-7


# programs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("net", [test_book.TwoLayerNet, test_book.SimpleConvNet])
@pytest.mark.parametrize("one_hot", [False, True])
def test_a_network_of_the_first_volume_learns_the_same(net, one_hot):
    ours, plain = net(book), net(plain_books)
    x, t = digits(net is test_book.SimpleConvNet), t_train
    for step in range(20):
        batch = slice(40 * step, 40 * (step + 1) - step)  # of several sizes
        labels = np.eye(10)[t[batch]] if one_hot else t[batch]
        for one in (ours, plain):
            book.SGD(0.1).update(one.params, one.gradient(x[batch], labels))
        close(ours.loss(x[batch], labels), plain.loss(x[batch], labels))
    assert all(ran_in_kernels(layer) for layer in ours.layers.values())
    for key, W in plain.params.items():
        assert ours.params[key].dtype == np.float64
        close(ours.params[key], W)


@pytest.mark.parametrize(
    "model", [test_book.SimpleRnnlm, test_book.LstmRnnlm, test_book.BetterRnnlm]
)
def test_a_language_model_learns_the_same(model):
    batches = text_batches(10)
    ours, plain = model(book), model(plain_books)
    losses, wanted = (
        test_book.train(one, book.SGD(1.0), batches, max_grad=0.25) for one in (ours, plain)
    )
    close(losses, wanted)
    assert all(ran_in_kernels(layer) for layer in (*ours.layers, ours.loss_layer))
    for W, V in zip(ours.params, plain.params):
        close(W, V)


PROGRAM = """
from layerwise.book.compiled.layers import *
from layerwise.book.compiled.optimizer import SGD
from layerwise.book.compiled import TimeAffine
import layerwise.book.compiled.trainer as trainer

W, b = np.random.default_rng(0).normal(size=(500, 40)), np.zeros(40)
x, t = np.random.default_rng(1).normal(size=(20, 500)), np.arange(20)
affine, last = Affine(W, b), SoftmaxWithLoss()
losses = []
for _ in range(3):
    losses.append(last.forward(affine.forward(x), t))
    affine.backward(last.backward())
    SGD(0.1).update([W, b], [affine.dW, affine.db])
print(losses[2] < losses[0], affine.dW.dtype, W.dtype)
print(TimeAffine.__module__, trainer.Trainer.__module__)
"""


def test_a_program_is_compiled_by_its_import_lines():
    assert python(PROGRAM, LAYERWISE_ENGINE="").splitlines() == [
        "True float32 float64",
        "layerwise.book.time_layers layerwise.book.trainer",
    ]


def test_without_numba_the_import_line_says_so():
    said = python(
        """
        import sys
        sys.modules["numba"] = None
        try:
            from layerwise.book.compiled.layers import *
        except Exception as error:
            print(type(error).__name__, error)
        """,
        LAYERWISE_ENGINE="",
    )
    assert said == "EngineError layerwise.book.compiled needs Numba: pip install numba.\n"
