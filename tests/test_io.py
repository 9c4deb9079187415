"""Files of networks: what comes back, what is refused, and that nothing gets lost on the way."""

import copy
import errno
import json
import os
import random
import stat
import tracemalloc

import numpy as np
import pytest
from cases import CASES
from cases.case import EndToEnd
from helpers import (
    Book2MatMul,
    BookAffine,
    BookBatchNorm,
    BookDropout,
    BookRelu,
    BookSoftmaxWithLoss,
    block,
    inputs,
    text_of,
)
from safetensors.numpy import save

import layerwise as lw
from layerwise import book, io
from layerwise.io.held import Uses, left_behind

ONES = np.ones((3, 4), "float32")
WORDS = np.array([[1, 2, 0, 6], [3, 3, 5, 4]])
BOOK = [Book2MatMul, BookAffine, BookBatchNorm, BookDropout, BookRelu, BookSoftmaxWithLoss]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


def again(net, path, layers=()):
    """The network, saved and loaded."""
    net.save(path)
    return lw.load(path, layers=layers)


def run(net, *values):
    """All numbers of a run forward and backward."""
    outs = net.forward(*values)
    outs = outs if isinstance(outs, tuple) else (outs,)
    dout = tuple(np.random.default_rng(1).normal(size=np.shape(out)) for out in outs)
    dxs = net.backward(dout if net.num_outputs else dout[0])
    grads = {name: p.grad for name, p in net.parameters().items()}
    kept = {name: buffer.value for name, buffer in net.buffers().items()}
    return [*outs, *(dxs if isinstance(dxs, tuple) else (dxs,))], grads | kept


def assert_same_runs(one, other, *values):
    """Both give the same numbers to the last bit, also after what a first run has changed."""
    for _ in range(2):
        (numbers, named), (wanted, wanted_named) = run(other, *values), run(one, *values)
        assert list(named) == list(wanted_named)
        for got, want in zip((*numbers, *named.values()), (*wanted, *wanted_named.values())):
            assert want is None or (got.dtype, got.tobytes()) == (want.dtype, want.tobytes())
    assert np.array_equal(one.predict(*values), other.predict(*values))


# every layer of the table ------------------------------------------------------------------------


def graph_of(case, dtype="float64"):
    layer = case.layer(dtype)
    return lw.Graph(layer(*(lw.Input(f"x{i}") for i in range(len(case.inputs())))), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.call} {case.shapes[0]}")
def test_every_layer_comes_back_with_the_same_outputs_and_gradients(case, dtype, path):
    values = case.inputs(dtype=dtype)
    net = graph_of(case, dtype)
    net.forward(*values)  # what a run leaves behind is not in the file, what it changes is
    twin = again(net, path, [EndToEnd])
    assert repr(twin.nodes[-1].layer) == case.call
    assert_same_runs(net, twin, *values)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.call} {case.shapes[0]}")
def test_a_size_that_is_a_lie_takes_no_memory(case, path):
    """A constructor takes no memory for numbers: they are drawn when somebody looks at them."""
    graph_of(case).save(path)
    arrays, notes = io.read(path)
    tracemalloc.start()
    try:
        for layers in lies(notes["layers"][:-1], 2_000_003):
            io.write(path, arrays, notes | {"layers": [*layers, notes["layers"][-1]]})
            tracemalloc.reset_peak()
            loaded_or_refused(path, layers=[EndToEnd])
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def lies(value, size):
    """The same data with another one of its whole numbers replaced, one after the other."""
    if type(value) is int:
        yield size
    elif isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            for lie in lies(one, size):
                twin = copy.copy(value)
                twin[key] = lie
                yield twin


def loaded_or_refused(path, **options):
    """Load, where nothing but a network or the one error may come."""
    try:
        assert isinstance(lw.load(path, **options), lw.Graph)
    except lw.FileError as error:
        assert str(error).startswith(str(path)) and len(str(error)) < 2000
        return False
    return True


# networks ----------------------------------------------------------------------------------------


def test_structure_comes_back(path):
    shared, tied = lw.Affine(4, 4), lw.Affine(4, 4)
    x = lw.Input("x", shape=(None, 4), dtype="float32")
    y = lw.Input("y")
    inner = block(4)
    h = inner(shared(x).named("first")) + 2 * shared(y) - np.arange(4.0)
    h = (h * lw.Parameter(np.full(4, 0.5))).named("scaled")
    last = lw.SoftmaxCrossEntropy()(tied(h)[:, :3] / np.float32(3), np.array([0, 1, 2]))
    net = lw.Graph([last, h.max(axis=-1)], [y, x], seed=3)
    twin = again(net, path)
    assert [seat.name for seat in twin.nodes] == [seat.name for seat in net.nodes]
    assert twin.summary() == net.summary() and repr(twin) == repr(net)
    assert type(twin["sequential1"].layer) is lw.Sequential
    assert list(twin.parameters()) == list(net.parameters())
    assert twin["first"].node.name == "first" and twin["affine2"].node.name is None
    assert twin.inputs[1].node.shape == (None, 4) and twin.inputs[1].dtype == "float32"
    assert twin.num_outputs == 2 and twin.dtype == net.dtype == "float32"
    values = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    for _ in range(2):
        for got, want in zip((*twin.forward(*values), *twin.backward()),
                             (*net.forward(*values), *net.backward())):  # fmt: skip
            assert np.array_equal(got, want)


def test_parameters_that_are_shared_stay_shared(path):
    coder, decoder, again_used = lw.Affine(4, 4), lw.Affine(4, 4, bias=False), lw.BatchNorm(4)
    decoder.W = coder.W  # tied
    net = lw.Sequential(coder, again_used, lw.Sequential(decoder, again_used), coder, seed=0)
    twin = again(net, path)
    assert list(twin.parameters()) == list(net.parameters())
    assert list(twin.buffers()) == list(net.buffers())
    assert twin["sequential1.affine1"].layer.W is twin["affine1"].layer.W is twin["affine2"].layer.W
    assert_same_runs(net, twin, ONES)
    twin["affine1.W"].value = np.zeros((4, 4))
    assert not twin["sequential1.affine1"].layer.W.value.any() and net["affine1.W"].value.any()


def test_random_layers_go_on_where_they_were(path):
    same = lw.Dropout(0.5, rng=5)  # both of its places draw from one generator
    net = lw.Sequential(lw.Dropout(0.5), same, lw.GaussianNoise(1.0), same, seed=0)
    net.forward(ONES)
    twin = again(net, path)
    assert_same_runs(net, twin, ONES)
    free = [seat.layer.rng_is_free for seat in twin.nodes[1:]]
    assert free == [True, False, True, False]
    drop, other = twin["dropout2"].layer, twin["dropout3"].layer
    assert drop.rng is other.rng is not twin["dropout1"].layer.rng


def test_a_trained_network_goes_on_like_the_one_that_was_saved(path):
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    net = lw.Sequential(lw.Affine(4, 8), lw.BatchNorm(8), lw.ReLU(), lw.Dropout(0.3),
                        lw.Affine(8, 3), seed=0)  # fmt: skip
    for _ in range(2):
        twin = again(net, path)
        for one in (net, twin):
            lw.fit(one, x, t, epochs=2, batch_size=20, progress=False)
        assert all(np.array_equal(p.value, twin.parameters()[name].value)
                   for name, p in net.parameters().items())  # fmt: skip
        assert np.array_equal(net.predict(x), twin.predict(x))


def test_copies_are_saved_as_they_are(path):
    net = copy.deepcopy(lw.Sequential(lw.Affine(4, 2), seed=0))
    net["affine1.W"].value += 1
    assert_same_runs(net, again(net, path), ONES)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_dtype_comes_back(path, dtype):
    net = lw.Sequential(lw.Affine(4, 4), lw.BatchNorm(4), dtype=dtype, seed=0)
    assert_same_runs(net, again(net, path), ONES)
    plain = lw.Graph(lw.Input("x") * 2.0, dtype=dtype)
    assert again(plain, path).forward(ONES.astype("float64")).dtype == dtype
    net["affine1.b"].astype("float64")  # one differs from the others
    twin = again(net, path)
    assert {n: p.dtype for n, p in twin.parameters().items()} == {
        n: p.dtype for n, p in net.parameters().items()
    }


def test_the_mode_and_the_order_in_memory_come_back(path):
    net = lw.Sequential(BookAffine(np.ones((3, 4)).T * 0.1, np.zeros(3)), lw.Dropout(0.5), seed=0)
    net.training = False
    twin = again(net, path, BOOK)
    assert twin.training is False and (twin.forward(ONES) != 0).all()
    W = twin["book_affine1"].layer.W
    assert W.flags.f_contiguous and not W.flags.c_contiguous


@pytest.mark.parametrize("value", [3, 2.5, True, float("inf"), float("-inf"), 10**30,
                                   np.float16(0.1), np.int8(3), np.bool_(True)])  # fmt: skip
def test_constants_keep_their_type(path, value):
    x = lw.Input("x")
    twin = again(lw.Graph(lw.Maximum()(x, value)), path)
    kept = twin.nodes[1].node.value
    assert type(kept) is type(value) and kept == value and twin.nodes[1].node.numeric


@pytest.mark.parametrize("index", [0, -1, slice(None, None, -1), ..., None, (1, 2), [2, 0, 2],
                                   (slice(1, 3), [0, 0]), (..., 1),
                                   np.arange(12).reshape(3, 4) > 4], ids=str)  # fmt: skip
def test_every_index_comes_back(path, index):
    net = lw.Graph(lw.Input("x")[index])
    assert_same_runs(net, again(net, path), np.arange(12.0).reshape(3, 4))


def test_layers_with_several_outputs(path):
    class Halves(lw.Layer):
        num_outputs = 2

        def forward(self, x):
            return x[:, :2], x[:, 2:]

        def backward(self, dout):
            return np.concatenate(dout, axis=1)

    left, right = Halves()(lw.Input("x"))
    net = lw.Graph([right * 3.0, left])
    twin = again(net, path, [Halves])
    for got, want in zip(
        (*twin.forward(ONES), twin.backward()), (*net.forward(ONES), net.backward())
    ):
        assert np.array_equal(got, want)


def test_a_long_chain(path):
    h = lw.Input("x")
    for _ in range(3_000):  # far deeper than Python calls
        h = h * 1.0
    assert again(lw.Graph(h), path).forward(3.0) == 3.0


def test_all_layers_of_the_book_come_back(path):
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(2, 1, 3, 3)), np.zeros(2)
    layers = [book.Convolution(W, b, pad=1), book.BatchNormalization(np.ones(2), np.zeros(2)),
              book.Relu(), book.Pooling(2, 2, 2), book.Affine(rng.normal(size=(8, 3)), np.zeros(3)),
              book.Dropout(0.2), book.Sigmoid()]  # fmt: skip
    net = lw.Sequential(*layers, seed=0)
    x = rng.normal(size=(5, 1, 4, 4))
    net.forward(x)
    assert_same_runs(net, again(net, path), x)
    held = {name.rpartition(".")[2] for name in io.read(path)[0]}
    assert held == {"W", "b", "gamma", "beta", "mean", "var"}  # and nothing of the last batch
    t, y = inputs("t y")
    net = lw.Graph(book.SoftmaxWithLoss()(book.AddLayer()(y, book.MulLayer()(y, 2.0)), t))
    scores, classes = np.ones((2, 3)), np.array([0, 2])
    assert again(net, path).forward(classes, scores) == net.forward(classes, scores)


def test_the_layers_of_the_second_volume_go_on_with_their_state(path):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 8)), rng.normal(size=(2, 8)), np.zeros(8)
    net = lw.Sequential(book.TimeEmbedding(rng.normal(size=(5, 3))),
                        book.TimeLSTM(*weights, stateful=True),
                        book.TimeAffine(rng.normal(size=(2, 5)), np.zeros(5)))  # fmt: skip
    words = rng.integers(0, 5, size=(2, 4))
    net.forward(words)
    twin = again(net, path)
    assert (net["timelstm1"].layer.h == twin["timelstm1"].layer.h).all()
    assert_same_runs(net, twin, words)


MODELS = {  # each of them, small, with the values of its inputs
    "char_lstm": (lambda m: m(7, 4, 2), [WORDS]),
    "deep_conv_net": (lambda m: m((1, 12, 12), 5), [(2, 1, 12, 12)]),
    "gpt": (lambda m: m(7, 8, 2, 2, 4), [WORDS]),
    "lenet5": (lambda m: m(), [(2, 1, 28, 28)]),
    "multi_layer_net": (lambda m: m(4, [3], 2), [(2, 4)]),
    "multi_layer_net_extend": (lambda m: m(4, [3], 2, use_dropout=True, use_batchnorm=True),
                               [(2, 4)]),
    "resnet": (lambda m: m(8, width=2), [(2, 3, 8, 8)]),
    "simple_conv_net": (lambda m: m((1, 12, 12)), [(2, 1, 12, 12)]),
    "tabular_mlp": (lambda m: m(3, 2, [4]), [(5, 3), np.zeros((5, 1), int)]),
    "two_layer_net": (lambda m: m(4, 3, 2), [(2, 4)]),
}  # fmt: skip


def test_every_ready_network_is_tried():
    assert sorted(MODELS) == sorted(lw.models.__all__)


@pytest.mark.parametrize("name", MODELS)
def test_ready_networks_come_back(path, name):
    make, given = MODELS[name]
    net, rng = make(getattr(lw.models, name)), np.random.default_rng(0)
    values = [rng.normal(size=one) if isinstance(one, tuple) else one for one in given]
    twin = again(net, path)
    assert twin.summary() == net.summary()
    assert_same_runs(net, twin, *values)


# layers of the user's own ------------------------------------------------------------------------


def test_classes_as_in_the_book_come_back_when_they_are_given(path):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(4, 4))
    net = lw.Sequential(BookAffine(W, np.zeros(4)), BookBatchNorm(np.ones(4), np.zeros(4)),
                        BookRelu(), BookDropout(0.2), BookAffine(W, np.ones(4)),
                        Book2MatMul(rng.normal(size=(4, 4))))  # fmt: skip
    x = rng.normal(size=(6, 4))
    net.forward(x)
    twin = again(net, path, BOOK)
    assert len(twin.parameters()) == len(net.parameters()) == 6  # one W in two places
    assert twin["book_affine1"].layer.W is twin["book_affine2"].layer.W
    assert_same_runs(net, twin, x)  # with the running statistics, which are no arguments
    names = {name.rpartition(".")[2] for name in io.read(path)[0]}
    assert not names & {"x", "mask", "xn", "xc", "dW", "dgamma"}  # what a run leaves behind


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (BookAffine, "W b"), (BookRelu, ""), (BookDropout, ""), (BookSoftmaxWithLoss, ""),
        (BookBatchNorm, "gamma beta running_mean running_var"),  # set under a condition
        (book.TimeLSTM, "h c"),  # by way of other methods and super()
        (book.Convolution, "W b"), (book.Pooling, ""), (book.TimeSoftmaxWithLoss, ""),
        (book.BatchNormalization, "gamma beta"),  # set here or there, so in any case
    ],
    ids=lambda one: getattr(one, "__name__", None),
)  # fmt: skip
def test_what_outlives_a_run_is_read_from_the_code(cls, names):
    kept = "W b gamma beta running_mean running_var h c x mask xc xn std dW loss y t col arg_max"
    assert {*kept.split()} - left_behind(cls) >= {*names.split()}
    touched = {*kept.split()} & (Uses(cls, "forward").asks | Uses(cls, "forward").sets)
    assert touched - left_behind(cls) == {*names.split()} & touched


class Scale(lw.Layer):
    """Keeps its argument as a parameter, and has an option that is a layer."""

    def __init__(self, factor, *more, inner=None, act=np.tanh, **others):
        self.factor = lw.Parameter(factor)
        self.more, self.inner, self.act, self.others = more, inner or lw.Tanh(), act, others

    def forward(self, x):
        return self.inner.forward(x * self.factor.value)

    def backward(self, dout):
        return self.inner.backward(dout) * self.factor.value


def test_arguments_of_every_kind(path):
    net = lw.Sequential(Scale(np.ones(4), 1, (2, [3.5]), inner=block(4, seed=0),
                              act=lw.initializers.he_normal, a={"b": None, 3: slice(1, None)},
                              c=np.dtype("float16"), d="text", e=lw.ReLU))  # fmt: skip
    twin = again(net, path, [Scale])
    here, there = twin["scale1"].layer, net["scale1"].layer
    assert (
        here.more == there.more
        and here.others == there.others
        and here.act is lw.initializers.he_normal
    )
    assert list(twin.parameters()) == list(net.parameters())
    assert_same_runs(net, twin, ONES)
    plain = again(lw.Sequential(Scale(np.ones(4))), path, [Scale])["scale1"].layer
    assert plain.act is np.tanh and type(plain.inner) is lw.Tanh


class Net(lw.Sequential):
    """A graph that its constructor builds."""

    def __init__(self, width):
        self.width = width
        super().__init__(lw.Affine(width, width), lw.BatchNorm(width), lw.Dropout(0.5))


class Holder(lw.Layer):
    """A layer around a graph, and around a parameter in a tuple."""

    def __init__(self, width):
        self.width, self.net = width, Net(width)
        self.pair = (self.net["affine1.W"], lw.Parameter(np.ones(width)))

    def forward(self, x):
        return self.net.forward(x) * self.pair[1].value

    def backward(self, dout):
        return self.net.backward(dout * self.pair[1].value)


def test_a_graph_that_its_constructor_builds(path):
    tied = lw.Affine(4, 4)
    held = Holder(4)
    held.pair = (held.pair[0], tied.b)
    net = lw.Sequential(Net(4), held, Net(4), tied, seed=0)
    net["net1"].layer["affine1"].layer.W.value[0] = 7
    net.forward(ONES)
    twin = again(net, path, [Net, Holder])
    assert type(twin["net1"].layer) is Net and twin["net1"].layer.width == 4
    assert twin["holder1"].layer.pair[1] is twin["affine1"].layer.b
    assert twin["holder1"].layer.pair[0] is twin["holder1"].layer.net["affine1"].layer.W
    assert_same_runs(net, twin, ONES)
    assert type(again(Net(4), path, [Net])) is Net


def test_a_parameter_put_into_a_graph_by_hand_is_known_by_its_name_there(path):
    net = lw.Sequential(Net(4), lw.Affine(4, 4), seed=0)
    inner = net["net1"].layer
    inner["affine1"].layer.b = net["affine1"].layer.b
    inner._settle()
    net._settle()
    twin = again(net, path, [Net])
    assert twin["net1"].layer["affine1.b"] is twin["affine1"].layer.b is twin["net1.affine1.b"]
    assert list(twin.parameters()) == list(net.parameters())


def test_a_class_that_was_not_given(path):
    net = lw.Sequential(Scale(np.ones(4)))
    net.save(path)
    assert text_of(lw.FileError, lambda: lw.load(path)) == (
        f"{path}: the network needs 'Scale', which is not of this library. Give the class: "
        "load(path, layers=[...])."
    )
    for wrong in (Scale(1.0), "Scale"):
        assert "layers= takes classes, such as [Mine]" in text_of(
            lw.WiringError, lambda wrong=wrong: lw.load(path, layers=[wrong])
        )
    twin = type("Scale", (Scale,), {})
    assert text_of(lw.WiringError, lambda: lw.load(path, layers=[Scale, twin])) == (
        "layers= has two different Scale. Rename one."
    )
    both = lw.Sequential(Scale(np.ones(4)), twin(np.ones(4)))
    assert "the network has two different Scale" in text_of(lw.FileError, lambda: both.save(path))


def test_an_argument_that_is_not_kept(path):
    class Shift(lw.Layer):
        def __init__(self, by):
            self.amount = by

        def forward(self, x):
            return x + self.amount

        def backward(self, dout):
            return dout

    assert text_of(lw.FileError, lambda: lw.Sequential(Shift(3)).save(path)) == (
        f"{path}: shift1 = Shift(by) cannot be saved: its constructor takes by, but the layer "
        "does not keep it. Write self.by = by in __init__."
    )
    assert not path.exists()


def test_names_of_places_and_defaults_of_classes_stand_in_nobodys_way(path):
    class Late(lw.Layer):
        scale = None  # until the first run

        def forward(self, x):
            self.scale = np.ones(4) if self.scale is None else self.scale
            return x * self.scale

        def backward(self, dout):
            return dout * self.scale

    class Odd(lw.Graph):
        def __init__(self):
            scale = lw.Parameter(np.ones(4))
            super().__init__((lw.Input("x") * lw.Abs()(lw.Input("y") * scale)).named("forward"))

    net, x = lw.Sequential(Late(), lw.Sequential(Late())), ONES.astype("float64")
    net.forward(x)
    net["late1"].layer.scale[:] = 3
    twin = again(net, path, [Late])
    assert twin["late1"].layer.scale.tolist() == [3] * 4
    assert_same_runs(net, twin, x)
    assert_same_runs(Odd(), again(Odd(), path, [Odd]), ONES, ONES)


@pytest.mark.parametrize(
    "value", [{1, 2}, lambda x: x, object(), 1j, b"bytes"], ids=lambda x: type(x).__name__
)
def test_an_argument_that_is_no_data(path, value):
    net = lw.Sequential(Scale(np.ones(4), act=value))
    text = text_of(lw.FileError, lambda: net.save(path))
    assert text.startswith(f"{path}: scale1.act cannot be saved: a file takes numbers, texts, ")


def test_a_constructor_that_fails(path):
    class Picky(BookRelu):
        def __init__(self, size=1):
            if size != 1:
                raise RuntimeError("not today")
            self.size = size

    net = lw.Sequential(Picky())
    net["picky1"].layer.size = 2
    net.save(path)
    assert text_of(lw.FileError, lambda: lw.load(path, layers=[Picky])) == (
        f"{path}: Picky cannot be made again: RuntimeError: not today"
    )


def test_other_generators_are_refused(path):
    net = lw.Sequential(lw.Dropout(0.5, rng=np.random.Generator(np.random.MT19937(0))))
    assert "A generator MT19937 cannot be saved. Take np.random.default_rng(...)." in text_of(
        lw.FileError, lambda: net.save(path)
    )
    other = np.random.Generator(np.random.PCG64DXSM(0))
    net = lw.Sequential(lw.Dropout(0.5, rng=other))
    assert_same_runs(net, again(net, path), ONES)


# taking the state out and putting it back --------------------------------------------------------


def stateful():
    return lw.Sequential(lw.Affine(4, 4), lw.BatchNorm(4), lw.Dropout(0.5), block(4),
                         BookBatchNorm(np.ones(4), np.zeros(4)), seed=0)  # fmt: skip


def test_the_state_of_a_network_goes_into_another_one(path):
    net, twin = stateful(), stateful()
    x = np.random.default_rng(0).normal(size=(5, 4))
    twin.forward(x)  # so that there are running statistics to replace
    for _ in range(3):
        net.forward(x)
    arrays, generators = io.state(net)
    assert arrays["affine1.W"] is net["affine1.W"].value and list(generators) == ["dropout1.rng"]
    assert {*net.parameters(), *net.buffers()} < {*arrays}
    io.write(path, arrays, generators)
    io.restore(twin, *io.read(path))
    assert_same_runs(net, twin, x)


def test_a_state_of_another_network_changes_nothing():
    net = stateful()
    arrays, generators = io.state(net)
    before = {name: array.copy() for name, array in arrays.items()}
    less = {name: one for name, one in arrays.items() if name != "affine1.W"}
    assert text_of(lw.FileError, lambda: io.restore(net, less, generators)) == (
        "This is the state of another network. There is no 'affine1.W'."
    )
    assert text_of(lw.FileError, lambda: io.restore(net, arrays | {"a": ONES}, generators)) == (
        "This is the state of another network. The network has no 'a'."
    )
    other = arrays | {"affine1.W": ONES}
    assert text_of(lw.FileError, lambda: io.restore(net, other, generators)) == (
        "affine1.W has the shape (4, 4), but the state holds (3, 4)."
    )
    wrong = {"dropout1.rng": {"bit_generator": "os.system"}}
    assert "This is no state of a generator" in text_of(
        lw.FileError, lambda: io.restore(net, {n: a + 1 for n, a in arrays.items()}, wrong)
    )
    assert all(np.array_equal(array, before[name]) for name, array in io.state(net)[0].items())


# writing: whole or not at all --------------------------------------------------------------------


@pytest.fixture
def older(path):
    """A file that is there already; whatever fails, it has to stay as it is."""
    lw.Sequential(lw.Affine(4, 4), seed=0).save(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    yield path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 100, 1000, 20_000])
def test_a_disk_that_is_full_after_so_many_bytes(older, size):
    resource = pytest.importorskip("resource", reason="only Unix can stop a write at a byte")
    net = lw.Sequential(lw.Affine(100, 100), seed=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # the system stops the write there
    try:
        text = text_of(lw.FileError, lambda: net.save(older))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert text == f"{older}: nothing was written: File too large."


@pytest.mark.parametrize("step", ["os.fsync", "os.replace", "os.chmod", "builtins.open"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_step_of_writing_that_fails(older, monkeypatch, step, code):
    def fails(*_, **__):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(step, fails)
        text = text_of(lw.FileError, lambda: lw.Sequential(lw.Affine(2, 2)).save(older))
    assert text == f"{older}: nothing was written: {os.strerror(code)}."


def test_stopping_in_the_middle_leaves_nothing(older, monkeypatch):
    def stops(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", stops)
        with pytest.raises(KeyboardInterrupt):
            lw.Sequential(lw.Affine(2, 2)).save(older)


def test_what_cannot_be_saved_leaves_the_older_file(older):
    text_of(lw.FileError, lambda: lw.Sequential(Scale(np.ones(4), act=object())).save(older))
    long = lw.Graph(lw.Input("x") * np.ones(2, np.longdouble))
    assert "this cannot be written" in text_of(lw.FileError, lambda: long.save(older))
    bad = {"not for JSON": float("nan")}
    assert "this cannot be written" in text_of(lw.FileError, lambda: io.write(older, {}, bad))


def test_where_nothing_can_be_written(tmp_path):
    net = lw.Sequential(lw.Affine(2, 2))
    assert text_of(lw.FileError, lambda: net.save(tmp_path)) == (
        f"{tmp_path}: nothing was written: '{tmp_path}' is a folder. Add the name of a file."
    )
    there = tmp_path / "nowhere" / "net.safetensors"
    assert text_of(lw.FileError, lambda: net.save(there)) == (
        f"{there}: nothing was written: There is no folder '{there.parent}' for 'net.safetensors'."
    )
    if os.path.exists("/dev/null"):
        text_of(lw.FileError, lambda: net.save("/dev/null"))
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_file_has_ordinary_permissions_and_a_link_stays_one(path, tmp_path):
    net = lw.Sequential(lw.Affine(2, 2))
    before = os.umask(0o027)
    try:
        net.save(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(path.name)
    net.save(str(link))
    assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["link", "net.safetensors"]


def test_the_same_network_makes_the_same_bytes(path, tmp_path):
    for name in ("a", "b"):
        stateful().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert again(lw.Sequential(lw.Affine(2, 2), seed=0), tmp_path / "a").save(path) is None
    assert path.read_bytes() == (tmp_path / "a").read_bytes()


# reading: a network or one error -----------------------------------------------------------------


def test_what_is_no_file_of_a_network(path, tmp_path):
    load = lambda: lw.load(path)  # noqa: E731
    assert text_of(lw.FileError, load) == f"{path}: there is no such file. Check the name."
    assert text_of(lw.FileError, lambda: lw.load(tmp_path)) == (
        f"{tmp_path}: this is a folder. Check the name."
    )
    damaged = f"{path}: the file is damaged, or no safetensors file ("
    for content in (b"", b"PK\3\4 no network", bytes(8), b"\xff" * 100):
        path.write_bytes(content)
        assert text_of(lw.FileError, load).startswith(damaged)
    path.write_bytes(save({"W": ONES}))
    assert text_of(lw.FileError, load) == (
        f"{path}: there are arrays in it, but no network. Give a file from net.save(...)."
    )
    io.write(path, {}, {"format": 2})
    assert text_of(lw.FileError, load) == (
        f"{path}: this network is of the format 2, and this version reads 1. Install a newer "
        "layerwise."
    )
    for text in ("[]", "{", '{"format": NaN}', "[" * 100_000, '{"format": 1}'):
        path.write_bytes(save({}, metadata={"layerwise": text}))
        assert text_of(lw.FileError, load).startswith(damaged)
    assert issubclass(lw.FileError, (lw.LayerwiseError, OSError))


def changed(path, change):
    """A file with another structure; `change` changes the notes of a small network."""
    lw.Sequential(lw.Affine(4, 4), lw.Dropout(0.5), seed=0).save(path)
    arrays, notes = io.read(path)
    change(notes)
    io.write(path, arrays, notes)
    return text_of(lw.FileError, lambda: lw.load(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: n["layers"][0]["arguments"].__setitem__(1, 5),
         "Affine(4, 5) has W of the shape (4, 5), but the file holds (4, 4)"),
        (lambda n: n["layers"][0]["state"].pop(), "Affine(4, 4) needs b, which is not there"),
        (lambda n: n["layers"][0]["state"][0].__setitem__(0, ["forward"]),
         "Affine(4, 4) has no parameter forward"),
        (lambda n: n["layers"][0]["state"][0].__setitem__(0, ["__class__"]), "__class__"),
        (lambda n: n["layers"][0].__setitem__("class", "os.system"), "needs 'os.system'"),
        (lambda n: n["layers"][0].__setitem__("class", "layerwise.initializers.ones"),
         "cannot be made"),
        (lambda n: n["layers"][2]["nodes"][2].__setitem__("layer", 0), "is used twice"),
        (lambda n: n["layers"][2]["nodes"][1].__setitem__("layer", 2), "2 is none of 2"),
        (lambda n: n["layers"][2]["nodes"][1].__setitem__("inputs", [1]), "1 is none of 1"),
        (lambda n: n["layers"][2]["nodes"][1].__setitem__("inputs", [-1]), "-1 is none of 1"),
        (lambda n: n["layers"][2]["nodes"][1].__setitem__("inputs", [0, 0]), "takes 1 input"),
        (lambda n: n["layers"][2]["nodes"][0].__setitem__("dtype", "O"), "is no type of numbers"),
        (lambda n: n["layers"][2].__setitem__("outputs", []), "IndexError"),
        (lambda n: n["layers"].pop(), "is no network"),
        (lambda n: n["generators"][0].__setitem__("bit_generator", "MT19937"), "no state of a gen"),
        (lambda n: n["generators"][0].__setitem__("state", {"state": -1, "inc": 0}), "no state of"),
    ],
)  # fmt: skip
def test_hostile_structures(path, change, said):
    text = changed(path, change)
    assert text.startswith(str(path)) and said in text


def test_shapes_that_are_lies_take_no_memory(path):
    net = lw.Graph(lw.Input("x").reshape(2, 3)[[0, 1]])
    net.save(path)
    arrays, notes = io.read(path)
    notes["layers"][0]["arguments"] = [10**9, 10**7]
    io.write(path, arrays, notes)
    tracemalloc.start()
    assert lw.load(path).nodes[-1].shape == (2, 10**7)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_a_small_file_does_not_unfold(path):
    """Graphs of graphs, each with two of the one before, would be 2 to the power 60 layers."""
    record = {"class": "layerwise.Graph", "outputs": [2], "several": False, "dtype": None,
              "training": True}  # fmt: skip
    layers = [{"class": "layerwise.Tanh", "arguments": [], "options": {}}]
    for at in range(60):
        nodes = [{"input": "x", "shape": None, "dtype": None}, {"layer": at, "inputs": [0]},
                 {"layer": at, "inputs": [1]}]  # fmt: skip
        layers.append(record | {"nodes": nodes})
    io.write(path, {}, {"format": 1, "order": {}, "generators": [], "layers": layers})
    assert "used twice" in text_of(lw.FileError, lambda: lw.load(path))


HOSTILE = [None, True, -1, 0, 7, 2**31, 10**18, 10**400, -(10**9), 0.5, 1e308, "", "x", "__class__",
           "layerwise.Graph", "layerwise.Concat", "os.system", [], [[]], {}, {"tuple": [0] * 50},
           {"list": [{"list": []}]}, {"array": "affine1.W"}, {"array": "no"}, {"layer": 0},
           {"layer": 10**9}, {"generator": 0}, {"float": "nan"}, {"scalar": ["float64", 1]},
           {"slice": [0, 10**12, None]}, {"named": "layerwise.Slice"}, {"named": "eval"},
           {"dtype": "O"}, {"dict": [[{"list": []}, 1]]}, {"parameter": "affine1.W"}]  # fmt: skip


def mutate(value, rng):
    """One of the values in it, at any depth, taken away, doubled, or replaced by a hostile one."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.93:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        twin = copy.copy(value)
        if rng.random() < 0.07:
            del twin[key]
        elif isinstance(value, list) and rng.random() < 0.05:
            twin.insert(key, rng.choice(value))
        else:
            twin[key] = mutate(value[key], rng)
        return twin
    return rng.choice(HOSTILE)


def example():
    """A network with everything that a file may hold."""
    shared, x, t = lw.Affine(4, 4), lw.Input("x", (None, 4)), lw.Input("t", dtype="int64")
    h = lw.Sequential(lw.BatchNorm(4), lw.Dropout(0.5))(shared(x))
    h = lw.Concat(dim=1)(shared(h), h[:, [0, 1]], np.zeros((3, 2)))
    h = h * lw.Parameter(np.ones(8)) / 2
    return lw.Graph([lw.SoftmaxCrossEntropy()(h, t), h], seed=0)


def spoilt_bytes(whole, rng):
    """The bytes of a file, cut off, with another length of the header, or some of it changed."""
    content, header = bytearray(whole), 8 + int.from_bytes(whole[:8], "little")
    kind = rng.choice(["bytes", "bytes", "cut", "length"])
    if kind == "cut":
        del content[rng.randrange(len(content)) :]
    elif kind == "length":
        length = rng.choice([rng.randrange(2 * header), rng.randrange(2**64)])
        content[:8] = length.to_bytes(8, "little")
    else:
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(header)] = rng.randrange(256)
    return content


@pytest.fixture
def spoil(path, tmp_path):
    """Save a network, then write spoilt contents beside it: is the network left as it was?"""
    example().save(path)
    whole, spoilt = path.read_bytes(), tmp_path / "spoilt.safetensors"

    def write_and_load(content):
        spoilt.write_bytes(content)
        return loaded_or_refused(spoilt)

    yield write_and_load
    assert path.read_bytes() == whole and sorted(tmp_path.iterdir()) == [path, spoilt]


def test_eight_thousand_spoilt_files(path, spoil):
    rng, whole = random.Random(0), path.read_bytes()
    refused = sum(not spoil(spoilt_bytes(whole, rng)) for _ in range(8_000))
    assert refused > 7_000


def test_twenty_five_hundred_hostile_structures(path, spoil):
    rng, (arrays, notes) = random.Random(0), io.read(path)
    refused = 0
    tracemalloc.start()
    for _ in range(2_500):
        hostile = notes
        for _ in range(rng.randint(1, 3)):
            hostile = mutate(hostile, rng)
        refused += not spoil(save(arrays, metadata={"layerwise": json.dumps(hostile)}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 1_500 and peak < 20_000_000


def test_a_tilde_is_the_persons_folder_wherever_a_path_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # what Windows asks
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets.csv").write_text("legs,pet\n" + "4,cat\n2,bird\n" * 5)
    split = lw.data.csv("~/pets.csv", "pet")
    split.recipe.save("~/recipe.json")
    assert lw.data.read_recipe("~/recipe.json").read("~/pets.csv").shape == (10, 1)
    net = lw.Sequential(lw.Affine(1, 2), seed=0)
    trainer = lw.Trainer(net, progress=False)
    history = trainer.fit(split.train, 1, checkpoints="~/run")
    history.to_csv("~/history.csv")
    assert lw.History.from_csv("~/history.csv")["epoch"] == [1]
    net.save("~/net.safetensors")
    lw.load("~/net.safetensors")
    net.draw("~/net.svg")
    lw.data.write_idx("~/x.idx", np.arange(3, dtype=np.uint8))
    assert lw.data.read_idx("~/x.idx").tolist() == [0, 1, 2]
    np.save("x.npy", np.eye(3))
    assert lw.data.Batches("~/x.npy").count == 3
    assert not (tmp_path / "~").exists() and (tmp_path / "run").is_dir()
