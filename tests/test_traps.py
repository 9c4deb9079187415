"""The traps that other libraries fell into, one named test for each.

The names are those of the list: book1 is *Deep Learning from Scratch*, book2 its second volume,
dezero the third; the number is that of the trap there. Traps that have nothing here to catch:

book2_04   weights saved as float16: nothing is saved to files
book2_05   a switch that replaces the name np: there is one kind of array
dezero_04  an RNN's second step (BatchNorm in test mode is below): there is no RNN
thinc      Relu that is an affine layer too, saved nodes matched by position: no such thing
mygrad     one call of backward per input: backward here is one call for all inputs
"""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import CASES
from helpers import (
    Book2MatMul,
    BookAffine,
    BookBatchNorm,
    BookDropout,
    BookRelu,
    same,
    text_of,
)

import layerwise as lw
from layerwise import book

SOURCE = Path(lw.__file__).parent


def python(program, **environment):
    """What a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Scale:
    """y = 3 x, whose gradient is multiplied by `factor` in place of 3."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return 3 * x

    def backward(self, dout):
        return dout * self.factor


# Deep Learning from Scratch --------------------------------------------------------------------


@pytest.mark.parametrize("relu", [lw.ReLU, book.Relu])
def test_book1_01_relu_does_not_write_into_dout(relu):
    """`dout[self.mask] = 0` edits an array that another branch still needs."""
    layer, dout = relu(), np.ones(2)
    layer.forward(np.array([-1.0, 2.0]))
    dout.flags.writeable = False
    assert layer.backward(dout).tolist() == [0, 1]


def test_book1_01_a_graph_shields_its_branches_from_the_books_relu():
    x = lw.Input("x")
    graph = lw.Graph([lw.apply(BookRelu(), x), x * 1])
    graph.forward(np.array([-1.0, 2.0]))
    dout = np.ones(2)
    assert graph.backward((dout, dout)).tolist() == [1, 2] and dout.tolist() == [1, 1]


@pytest.mark.parametrize("affine", [book.Affine, BookAffine])
def test_book1_02_one_object_used_twice_keeps_both_inputs(affine):
    """The second forward overwrites the input that the first one saved: dW is wrong."""
    W, x, ones = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, -1.0]]), np.ones((1, 2))
    layer = affine(W, np.zeros(2))
    net = lw.Sequential(layer, layer)
    net.forward(x)
    net.backward()
    dW = next(iter(net.parameters().values())).grad
    same(dW, (x @ W).T @ ones + x.T @ (ones @ W.T))


@pytest.mark.parametrize("loss", [lw.SoftmaxCrossEntropy, book.SoftmaxWithLoss])
def test_book1_03_the_loss_multiplies_by_dout(loss):
    """SoftmaxWithLoss.backward ignores dout: a weighted or summed loss trains wrongly."""
    layer = loss()
    layer.forward(np.array([[1.0, 2.0], [0.5, 0.1]]), np.array([0, 1]))
    one, three = layer.backward(1), layer.backward(3)
    one, three = (dx[0] if isinstance(dx, tuple) else dx for dx in (one, three))
    same(three, 3 * one)


@pytest.mark.parametrize("loss", [lw.SoftmaxCrossEntropy, book.SoftmaxWithLoss])
def test_book1_03_soft_labels_count_as_they_are(loss):
    """The loss takes the argmax of soft labels, the gradient does not."""
    x, t = np.array([[1.0, 2.0, 0.5]]), np.array([[0.25, 0.25, 0.5]])
    same(loss().forward(x, t), -(t * np.log(np.exp(x) / np.exp(x).sum())).sum())
    assert lw.check(loss(), np.vstack([x, x[:, ::-1]]), np.vstack([t, t])).ok


def test_book1_03_one_hot_is_not_guessed_from_the_size():
    """`t.size == y.size` takes class numbers of a batch with one class each for one-hot rows."""
    x = np.zeros((2, 1))  # two rows, one class: as many scores as class numbers
    assert lw.SoftmaxCrossEntropy(reduction="none").forward(x, np.array([0, 0])).tolist() == [0, 0]
    assert book.SoftmaxWithLoss().forward(x, np.array([0, 0])) == 0


@pytest.mark.parametrize("loss", [lw.SoftmaxCrossEntropy, book.SoftmaxWithLoss])
def test_book1_04_the_loss_is_not_capped(loss):
    """log(y + 1e-7) says 16.1 where the truth is 50, and has no slope there."""
    x, t = np.array([[0.0, 50.0]]), np.array([0])
    same(loss().forward(x, t), 50)
    assert lw.check(loss(), np.vstack([x, x]), np.array([0, 0])).ok


def book_norm(channels):
    return book.BatchNormalization(np.ones(channels), np.zeros(channels))


NORMS = pytest.mark.parametrize("norm", [lw.BatchNorm, book_norm], ids=["BatchNorm", "book"])


@NORMS
def test_book1_05_images_are_normalised_by_channel(norm):
    """4-D BatchNorm normalises each pixel: a pattern that all images share disappears."""
    x = np.random.default_rng(0).normal(size=(6, 2, 4, 4))
    x[:, :, 0, 0] += 9  # one pixel is bright in all of them
    out = norm(2).forward(x)
    same(out.mean(axis=(0, 2, 3)), [0, 0], 1e-12)
    same(out.std(axis=(0, 2, 3)), [1, 1], 1e-5)
    assert out[:, :, 0, 0].mean() > 3  # bright as before


def test_book1_05_a_gamma_for_every_pixel_gives_the_books_numbers():
    """A program of the book that has such a gamma gets what it got."""
    rng = np.random.default_rng(0)
    gamma, beta = rng.normal(size=12), rng.normal(size=12)
    ours, books = book.BatchNormalization(gamma, beta), BookBatchNorm(gamma, beta)
    x, dout = rng.normal(size=(5, 3, 2, 2)), rng.normal(size=(5, 3, 2, 2))
    same(ours.forward(x), books.forward(x.reshape(5, 12)).reshape(x.shape))
    same(ours.backward(dout), books.backward(dout.reshape(5, 12)).reshape(x.shape))
    assert ours.dgamma.shape == (12,)


@NORMS
def test_book1_05_what_forward_saves_is_declared(norm):
    """`self.xn` is missing from the list of what backward uses."""
    layer = norm(3)
    declared = set(vars(layer))
    layer.forward(np.random.default_rng(0).normal(size=(4, 3)))
    layer.backward(np.ones((4, 3)))
    assert set(vars(layer)) - {"_ran_forward"} == declared and "xn" in declared


@pytest.mark.parametrize("pooling", [lw.MaxPool2d, lambda *o: book.Pooling(2, *o)])
def test_book1_06_pooling_with_padding_works(pooling):
    """`Pooling(pad=1)` dies: its output size forgets the padding."""
    x = np.arange(1.0, 17).reshape(1, 1, 4, 4)
    layer = pooling(2, 2, 1)
    assert layer.forward(x).tolist() == [[[[1, 3, 4], [9, 11, 12], [13, 15, 16]]]]
    dx = layer.backward(np.ones((1, 1, 3, 3)))
    assert np.array_equal(dx, np.isin(x, layer.forward(x)))
    assert lw.check(pooling(2, 2, 1), np.random.default_rng(0).normal(size=(2, 3, 4, 5))).ok


@pytest.mark.parametrize("pooling", [lw.MaxPool2d, lambda *o: book.Pooling(3, *o)])
def test_book1_06_the_padding_never_wins_over_negative_numbers(pooling):
    """The padding is 0, which is more than any negative number."""
    layer = pooling(3, 2, 1)
    assert layer.forward(np.full((1, 1, 4, 4), -2.0)).tolist() == [[[[-2, -2], [-2, -2]]]]
    assert layer.backward(np.ones((1, 1, 2, 2))).sum() == 4  # all of it reaches the image


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_book1_07_columns_stay_in_the_dtype_of_the_image(dtype):
    """im2col starts from np.zeros, so float16 and float32 become float64."""
    x, W, b = (np.ones(shape, dtype) for shape in ((1, 2, 4, 4), (3, 2, 2, 2), 3))
    conv, pool = book.Convolution(W, b, pad=1), book.Pooling(2, 2)
    out = conv.forward(x)
    arrays = [conv.col, out, conv.backward(out), conv.dW, conv.db, pool.forward(x)]
    arrays += [pool.backward(pool.forward(x))]
    assert {str(array.dtype) for array in arrays} == {dtype}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_book1_07_no_layer_makes_float64_of_less(dtype):
    """im2col builds float64, so the book's float16 network convolves in float64."""
    net = lw.Sequential(lw.Conv2d(1, 2, 3, padding=1), lw.MaxPool2d(3, 2, 1), lw.Flatten(),
                        lw.Affine(8, 3), lw.ReLU(), lw.Dropout(0.5), lw.Affine(3, 2),
                        lw.LogSoftmax(), dtype=dtype, seed=0)  # fmt: skip
    net.forward(np.ones((5, 1, 4, 4)))
    net.backward()
    numbers = [*net.values.values(), *net.gradients.values()]
    assert {str(one.dtype) for one in numbers} == {dtype}


@NORMS
def test_book1_08_batch_norm_in_inference_does_not_use_the_batch_of_training(norm):
    """backward after a forward in inference goes through mean and variance of the last batch."""
    net, rng = lw.Sequential(norm(3), dtype="float64"), np.random.default_rng(0)
    net.forward(rng.normal(5, 2, size=(8, 3)))
    net.training = False
    x = rng.normal(size=(2, 3))
    out, dx = net.forward(x), net.backward()
    same(dx, (net.predict(x + 1e-6) - out) / 1e-6, 1e-6)  # one and the same slope everywhere
    same(dx[0], dx[1])


@pytest.mark.parametrize("dropout", [lw.Dropout, book.Dropout])
def test_book1_08_dropout_in_inference_does_not_use_the_mask_of_training(dropout):
    """backward after a forward in inference still multiplies by the last mask of training."""
    net = lw.Sequential(dropout(0.5), seed=0)
    x = np.ones(100)
    net.forward(x)
    net.training = False
    out = net.forward(x)
    assert np.array_equal(net.backward(), out) and len(set(out)) == 1
    assert lw.check(dropout(0.5), np.ones((4, 5))).ok  # in both modes


def test_book1_08_dropout_is_inverted():
    """Scaling in inference, as the book does, makes trained networks depend on their dropout."""
    assert (lw.Sequential(lw.Dropout(0.9)).predict(np.ones(5)) == 1).all()
    same(lw.Sequential(book.Dropout(0.9)).predict(np.ones(5)), 0.1)  # the book's stays the book's


def test_book1_09_training_reaches_layers_whatever_they_are_called():
    """`if "Dropout" in key` finds layers by their names, and misses those called otherwise."""

    class Noise:
        training = True

        def forward(self, x):
            return x + 1 if self.training else x

        def backward(self, dout):
            return dout

    class Blur(Noise):
        def forward(self, x, train_flg=True):
            return x + 10 if train_flg else x

    net = lw.Sequential(Noise(), lw.Sequential(Blur()), BookDropout(0.0))
    assert net.forward(np.zeros(1)) == 11 and net.predict(np.zeros(1)) == 0
    net.training = False
    assert net.forward(np.zeros(1)) == 0


def test_book1_09_gradients_are_found_by_name():
    """Magic indices into the list of layers break when a layer is put in between."""
    net = lw.Sequential(lw.Affine(2, 3), lw.ReLU(), lw.ReLU(), lw.Affine(3, 2))
    net.forward(np.ones((1, 2)))
    net.backward()
    assert net.gradients["affine2.W"].shape == (3, 2)
    assert net.gradients["affine2.b"].tolist() == [1, 1]


def test_book1_10_a_batch_of_one_does_not_hide_a_broken_backward():
    """With one row everything is centred to 0, and whatever backward multiplies it by is right."""

    class Centre:
        def __init__(self, factor):
            self.factor = factor

        def forward(self, x):
            return x - x.mean(axis=0)

        def backward(self, dout):
            return self.factor * (dout - dout.mean(axis=0))

    assert lw.check(Centre(1), np.ones((1, 3))).ok
    assert not lw.check(Centre(38), np.ones((1, 3))).ok


@NORMS
def test_book1_10_nor_that_of_batch_norm(norm):
    """ch06/batch_norm_gradient_check.py takes one row: x - mean is 0, and so is every gradient."""

    class Wrong:
        def __init__(self):
            self.norm = norm(3)

        def forward(self, x):
            return self.norm.forward(x)

        def backward(self, dout):
            return 38 * self.norm.backward(dout)

    row = np.array([[1.0, 2.0, 3.0]])
    assert lw.check(norm(3), row).ok
    assert "times 38" in str(lw.check(Wrong(), row))


def test_book1_11_a_step_of_training_is_one_forward():
    """The Trainer runs a second forward at each step, only to print the loss."""
    calls = []

    class Counted(lw.Affine):
        def forward(self, x):
            calls.append(len(x))
            return super().forward(x)

    net = lw.Sequential(Counted(2, 2), seed=0)
    lw.fit(net, np.ones((10, 2)), np.zeros(10, int), epochs=2, batch_size=4, progress=False)
    assert calls == [4, 4, 2] * 2


def test_book1_11_accuracy_counts_the_last_rows_too():
    """A perfect answer on 150 rows in batches of 100 scores 0.667."""
    x, t = np.eye(3)[np.arange(150) % 3], np.arange(150) % 3
    net = lw.Sequential(lw.Affine(3, 3, bias=False))
    net["affine1.W"].value = np.eye(3)
    assert lw.accuracy(net, x, t, batch_size=100) == 1


def test_book1_11_the_slope_of_whole_numbers_is_right():
    """numerical_gradient of an array of whole numbers gives [25000 35000] for [6 8]."""
    assert lw.check(lw.Square(), np.array([3, 4])).ok
    assert lw.check(lw.Mul(), 3, 4).ok
    assert not lw.check(Scale(2), np.array([3, 4])).ok


@pytest.mark.parametrize("affine", [BookAffine, book.Affine])
def test_book1_a_new_array_for_a_parameter_reaches_its_layer(affine):
    """`params[k] = params[k] - g` never reaches the layer, which holds the old array."""
    for net in (lw.Sequential(affine(np.eye(2), np.zeros(2))), lw.Sequential(lw.Affine(2, 2))):
        W, b = net.parameters().values()
        W.value = W.value * 0
        b.value = b.value * 0 + 7
        assert net.forward(np.ones((1, 2))).tolist() == [[7, 7]]
        W.value = W.value + np.eye(2)
        assert net.predict(np.ones((1, 2))).tolist() == [[8, 8]]


# Deep Learning from Scratch 2 ------------------------------------------------------------------


def test_book2_01_gradients_are_added_not_overwritten():
    """`self.grads[0][...] = dW`: of two uses only the one that comes last counts."""
    one, x = Book2MatMul(np.eye(2)), lw.Input("x")
    graph = lw.Graph(lw.apply(one, x) + lw.apply(one, x))
    graph.forward(np.ones((1, 2)))
    graph.backward()
    (W,) = graph.parameters().values()
    assert W.grad.tolist() == [[2, 2], [2, 2]]


def test_book2_02_equal_numbers_are_not_shared_parameters():
    """remove_duplicate compares values: two unrelated matrices of zeros become one."""
    zeros = [np.zeros((2, 2)), np.zeros((2, 2))]
    assert len(lw.Sequential(*map(Book2MatMul, zeros)).parameters()) == 2
    assert len(lw.Sequential(*map(Book2MatMul, [zeros[0]] * 2)).parameters()) == 1
    a, b = lw.Affine(2, 2), lw.Affine(2, 2)
    for parameter in (*a.parameters().values(), *b.parameters().values()):
        parameter.value[...] = 0
    assert len(lw.Sequential(a, b).parameters()) == 4


@pytest.mark.parametrize("case", CASES, ids=[f"{c.call} {c.shapes[0]}" for c in CASES])
def test_book2_03_a_second_backward_gives_the_same(case):
    """TimeSoftmaxWithLoss.backward edits what forward saved, so a second call differs."""
    layer = case.layer()
    dout = np.ones_like(layer.forward(*case.inputs()))
    first, second = layer.backward(dout), layer.backward(dout)
    for a, b in zip(*(dx if isinstance(dx, tuple) else (dx,) for dx in (first, second))):
        assert a is b is None or np.array_equal(a, b)


def test_book2_06_both_ways_of_telling_training_work():
    """In one layer the train flag is an argument, in another an attribute."""
    for dropout in (lw.Dropout(0.5), book.Dropout(0.5), BookDropout(0.5)):
        net = lw.Sequential(dropout, seed=0)
        assert len(set(net.forward(np.ones(50)))) == 2 and len(set(net.predict(np.ones(50)))) == 1


def test_book2_07_importing_and_training_needs_no_matplotlib():
    """The Trainer imports matplotlib, so nothing trains where it is missing."""
    program = """if True:
        import sys
        import layerwise as lw, numpy as np
        net = lw.Sequential(lw.Affine(2, 2), seed=0)
        lw.fit(net, np.ones((4, 2)), np.zeros(4, int), epochs=1, progress=False)
        print([n for n in ("matplotlib", "pygraphviz", "PIL", "pandas") if n in sys.modules])"""
    assert python(program) == "[]"


def test_book2_parameters_of_lists_have_names():
    """In lists of arrays positions are anonymous, so that pictures and files lose meaning."""
    net = lw.Sequential(Book2MatMul(np.eye(2)), Book2MatMul(np.eye(2)))
    names = list(net.parameters())
    assert len(set(names)) == 2 and names[0].startswith("book2_mat_mul1.")
    assert names[1].startswith("book2_mat_mul2.")


# DeZero ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("add", [lw.Add, lw.Sub, book.AddLayer])
def test_dezero_01_add_gives_each_input_an_array_of_its_own(add):
    """Add.backward returns one object twice: weight decay on the one changes the other."""
    a, b = lw.Parameter(np.ones(2)), lw.Parameter(np.ones(2))
    graph = lw.Graph(add()(a * lw.Input("x"), b + 0 * lw.Input("y")))
    graph.forward(np.ones(2), np.ones(2))
    graph.backward()
    b_grad = b.grad.copy()
    a.grad += 0.1 * a.value
    assert np.array_equal(b.grad, b_grad)
    layer, dout = add(), np.ones(2)
    layer.forward(np.ones(2), np.ones(2))
    da, db = layer.backward(dout)
    da += 0.1
    assert dout.tolist() == [1, 1] and np.abs(db).tolist() == [1, 1]


def test_dezero_01_gradients_can_be_written_to():
    """The update dies with `output array is read-only` where a gradient is a broadcast view."""
    for case in CASES:
        layer = case.layer()
        dxs = layer.backward(np.ones_like(layer.forward(*case.inputs())))
        for dx in dxs if isinstance(dxs, tuple) else (dxs,):
            assert not isinstance(dx, np.ndarray) or dx.flags.writeable, case.call


def test_dezero_02_missing_gradients_are_not_dropped():
    """`zip(f.inputs, gxs)` ends with the shorter one; a gradient of any shape is taken."""

    class Forgetful:
        def forward(self, x, y):
            return x * y

        def backward(self, dout):
            return (dout,)

    class Wide:
        def forward(self, x):
            return x * 1

        def backward(self, dout):
            return np.ones(7)

    graph = lw.Graph(lw.apply(Forgetful(), lw.Input("x"), lw.Input("y")))
    graph.forward(np.ones(2), np.ones(2))
    assert "forgetful1" in text_of(lw.LayerwiseError, graph.backward)
    graph = lw.Sequential(Wide())
    graph.forward(np.ones(2))
    assert "wide1" in text_of(lw.LayerwiseError, graph.backward)


def test_dezero_03_the_check_does_not_sum_the_output():
    """The sum of a softmax is always 1, so that a backward of zeros passes the check."""

    class Dead(lw.Softmax):
        def backward(self, dout):
            return np.zeros_like(dout)

    x = np.random.default_rng(0).normal(size=(3, 4))
    assert lw.check(lw.Softmax(), x).ok and not lw.check(Dead(), x).ok


def test_dezero_03_the_check_does_not_send_ones():
    """A backward that ignores dout is right for a dout of ones."""

    class Deaf(lw.Square):
        def backward(self, dout):
            return 2 * self.x

    assert not lw.check(Deaf(), np.random.default_rng(0).normal(size=(3, 4))).ok


@NORMS
def test_dezero_04_batch_norm_has_a_backward_in_inference(norm):
    """In test mode the backward of BatchNorm dies with `TypeError ... NoneType`."""
    net, x = lw.Sequential(norm(3)), np.random.default_rng(0).normal(size=(4, 3))
    net.training = False  # and nothing was ever trained
    out = net.forward(x)
    assert net.backward().shape == x.shape and np.isfinite(out).all()
    assert [p.grad.shape for p in net.parameters().values()] == [(3,), (3,)]
    assert lw.check(norm(3), x).ok  # in both modes


def test_dezero_05_the_order_of_parameters_never_changes():
    """Parameter names sit in a set: their order differs from run to run."""
    program = (
        "import layerwise as lw; net = lw.Sequential(lw.Affine(2, 3), lw.Affine(3, 2), seed=1); "
        "print([*net.parameters()], [float(p.value.sum()) for p in net.parameters().values()])"
    )
    assert len({python(program, PYTHONHASHSEED=seed) for seed in ("0", "1", "2")}) == 1


def test_dezero_05_the_state_of_an_optimizer_is_keyed_by_name():
    """State keyed by id(param) cannot be saved, nor found again."""
    net = lw.Sequential(lw.Affine(2, 2), seed=0)
    net.forward(np.ones((1, 2)))
    net.backward()
    optimizer = lw.SGD(lr=0.1, momentum=0.9)
    optimizer.step(net.parameters())
    assert list(optimizer.memory) == ["affine1.W", "affine1.b"]


def test_dezero_06_no_switch_is_global():
    """Two global switches say whether this is training; an evaluation forgets one of them."""
    a, b = (lw.Sequential(lw.Dropout(0.5), seed=0) for _ in range(2))
    a.training = False
    x = np.ones(50)
    assert (a.forward(x) == 1).all() and (b.forward(x) == 0).any() and (b.predict(x) == 1).all()
    assert (b.forward(x) == 0).any() and lw.Dropout().training is True


def test_dezero_06_numpys_generator_is_left_alone():
    """Loading Spiral reseeds NumPy's global generator."""
    before = np.random.get_state()
    (x, t), _ = lw.data.digits()
    net = lw.Sequential(lw.Flatten(), lw.Affine(64, 10), lw.Dropout(0.5), seed=0)
    lw.fit(net, x[:200], t[:200], epochs=1, progress=False)
    lw.check(lw.Dropout(), np.ones((2, 2)))
    after = np.random.get_state()
    assert np.array_equal(before[1], after[1]) and before[2:] == after[2:]


def test_dezero_07_public_names_are_there():
    """One of the public names is `batch_nrom`."""
    for module in (lw, lw.layers, book):
        assert len(module.__all__) == len(set(module.__all__))
        assert all(hasattr(module, name) for name in module.__all__)


def test_dezero_07_no_shell_is_called():
    """The picture is made by `subprocess.run(cmd, shell=True)` with unquoted paths."""
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "shell=True" not in text and "os.system" not in text, file


# Thinc -----------------------------------------------------------------------------------------


def test_thinc_shapes_do_not_depend_on_values():
    """The width of one-dimensional data is taken as its largest value plus one."""
    net = lw.Sequential(lw.Affine(2, 3))
    for wrong in (np.array([0, 1]), np.array([5, 1])):
        assert net.forward(wrong.astype(float)).shape == (3,)
    loss = lw.SoftmaxCrossEntropy(reduction="none")
    assert loss.forward(np.zeros((2, 5)), np.array([0, 1])).shape == (2,)


# micrograd -------------------------------------------------------------------------------------


def test_micrograd_01_a_second_backward_is_not_mixed_with_the_first():
    """Inner nodes keep old gradients: 324 where 108, or 216 accumulated, would be right."""
    x = lw.Input("x")
    square = x * x
    graph = lw.Graph(square * x * 4)
    graph.forward(3.0)
    assert [graph.backward() for _ in range(3)] == [108, 108, 108]
    W = lw.Parameter(np.float64(3.0))
    square = lw.Input("one") * W * W
    graph = lw.Graph(square * W * 4)
    graph.forward(1.0)
    graph.backward()
    assert W.grad == 108
    graph.backward(accumulate=True)
    assert W.grad == 216


def test_micrograd_02_long_chains_do_not_recurse():
    """Recursion dies on a chain of 1,200."""
    y = lw.Input("x")
    for _ in range(5000):
        y = y * 1.0
    graph = lw.Graph(y)
    assert graph.forward(2.0) == 2 and graph.backward() == 1
    assert len(str(graph.summary()).splitlines()) > 5000
    assert sum(1 for _ in graph.steps(2.0)) == 10_000


def test_micrograd_03_a_node_added_to_itself_counts_twice():
    """Parents are a set, so that a + a remembers one of them."""
    a = lw.Input("a")
    graph = lw.Graph(a + a)
    assert graph.forward(3.0) == 6 and graph.backward() == 2
    assert [seat.name for seat in graph.nodes[-1].inputs] == ["a", "a"]


# MyGrad ----------------------------------------------------------------------------------------


def test_mygrad_relu_of_minus_infinity_is_zero():
    """A mask of floats multiplies: 0 times -inf is NaN."""
    for relu in (lw.ReLU(), book.Relu()):
        assert relu.forward(np.array([-np.inf, -1.0, 2.0])).tolist() == [0, 0, 2]
        assert relu.backward(np.array([np.inf, -np.inf, 1.0])).tolist() == [0, 0, 1]


def test_mygrad_messages_show_plain_numbers():
    """An error text shows np.int64(3)."""
    n = np.int64(3)
    declared, loss = lw.Graph(lw.Input("x", shape=(n,)) * 2), lw.SoftmaxCrossEntropy()
    messages = [
        text_of(lw.ShapeError, lambda: lw.Affine(n, n).forward(np.ones((2, 5)))),
        text_of(lw.ShapeError, lambda: lw.Reshape(n, n).forward(np.ones(5))),
        text_of(lw.ShapeError, lambda: lw.Sum(axis=n).forward(np.ones(5))),
        text_of(ValueError, lambda: loss.forward(np.ones((1, 2)), np.array([5]))),
        text_of(lw.WiringError, lambda: declared.forward(np.ones(5))),
    ]
    assert not [text for text in messages if "np." in text or "int64" in text]


def test_mygrad_a_gradient_that_is_no_array_names_the_layer():
    """A wrong type is refused by name, rather than breaking something behind it."""
    for wrong in ("text", [1.0, "x"], {"a": 1}, object()):
        broken = type("Broken", (Scale,), {"backward": lambda self, dout, wrong=wrong: wrong})
        net = lw.Sequential(broken(3))
        net.forward(np.ones(2))
        assert "broken1" in text_of(lw.LayerwiseError, net.backward)


def test_mygrad_a_gradient_that_aliases_dout_is_safe():
    """A returned gradient that is the very array of dout is edited behind another's back."""
    x = lw.Input("x")
    same_array = type("Same", (), {"forward": lambda self, x: x, "backward": lambda self, d: d})
    graph = lw.Graph(lw.apply(same_array(), x) + x)
    graph.forward(np.ones(2))
    dout = np.ones(2)
    graph.backward(dout)[:] = 5
    assert dout.tolist() == [1, 1] and graph.backward(dout).tolist() == [2, 2]
    alone = lw.Graph(lw.apply(same_array(), x))
    alone.forward(np.ones(2))
    alone.backward(dout)[:] = 5
    assert dout.tolist() == [1, 1]


# the programs of the books ---------------------------------------------------------------------


def test_the_books_shop_prints_what_it_prints():
    program = """if True:
        from layerwise.book import MulLayer, AddLayer
        apple, apple_num, orange, orange_num, tax = 100, 2, 150, 3, 1.1
        mul_apple_layer, mul_orange_layer, mul_tax_layer = MulLayer(), MulLayer(), MulLayer()
        add_apple_orange_layer = AddLayer()
        apple_price = mul_apple_layer.forward(apple, apple_num)
        orange_price = mul_orange_layer.forward(orange, orange_num)
        all_price = add_apple_orange_layer.forward(apple_price, orange_price)
        price = mul_tax_layer.forward(all_price, tax)
        dprice = 1
        dall_price, dtax = mul_tax_layer.backward(dprice)
        dapple_price, dorange_price = add_apple_orange_layer.backward(dall_price)
        dorange, dorange_num = mul_orange_layer.backward(dorange_price)
        dapple, dapple_num = mul_apple_layer.backward(dapple_price)
        print("price:", int(price))
        print("dApple:", dapple)
        print("dApple_num:", int(dapple_num))
        print("dOrange:", dorange)
        print("dOrange_num:", int(dorange_num))
        print("dTax:", dtax)"""
    assert python(program).splitlines() == [
        "price: 715", "dApple: 2.2", "dApple_num: 110", "dOrange: 3.3000000000000003",
        "dOrange_num: 165", "dTax: 650",
    ]  # fmt: skip


@pytest.mark.parametrize("start", [None, 2.0])
def test_the_books_batch_normalization(start):
    """common/layers.py: the same numbers in training and in inference, batch after batch."""
    rng = np.random.default_rng(0)
    gamma, beta = rng.normal(size=3), rng.normal(size=3)
    given = () if start is None else (np.full(3, start), np.full(3, start))
    ours, books = book.BatchNormalization(gamma, beta, 0.8, *given), BookBatchNorm(gamma, beta, 0.8)
    if given:
        books.running_mean, books.running_var = given
    for size in (5, 1, 7):
        x, dout = rng.normal(3, 2, size=(size, 3)), rng.normal(size=(size, 3))
        same(ours.forward(x, True), books.forward(x, True))
        same(ours.backward(dout), books.backward(dout), 1e-10)
        for name in ("dgamma", "dbeta", "running_mean", "running_var", "xc", "xn", "std"):
            same(getattr(ours, name), getattr(books, name), 1e-10)
        same(ours.forward(x, train_flg=False), books.forward(x, train_flg=False))
        gamma -= 0.1 * ours.dgamma  # in place: it reaches both
    assert ours.batch_size == 7 and ours.input_shape == (7, 3)
    assert given == () or (given[0] == start).all()  # what was given stays as it was


def test_the_books_batch_normalization_shares_its_statistics():
    norm = book_norm(2)
    net = lw.Sequential(norm, norm)
    net.forward(np.random.default_rng(0).normal(5, 1, size=(6, 2)))
    assert list(net.buffers()) == [f"batch_normalization1.running.{k}" for k in ("mean", "var")]
    assert net.buffers()["batch_normalization1.running.mean"].value is norm.running_mean
    assert norm.running_mean[0] != 0
    norm.running_mean = np.array([1.0, 2.0])
    norm.running_var = np.ones(2) - 10e-7
    same(net.predict(np.ones((1, 2))), [[-1, -3]])
    assert text_of(lw.ShapeError, lambda: norm.forward(np.ones((4, 3)))) == (
        "BatchNormalization(gamma (2,), beta (2,)) expects rows of 2 numbers or images of 2 "
        "channels, but got (4, 3)."
    )


def test_the_books_two_layer_network():
    """ch05/two_layer_net.py by its attributes: gradients by hand, in reverse order."""
    rng = np.random.default_rng(0)
    W1, b1, W2, b2 = rng.normal(size=(4, 5)), np.zeros(5), rng.normal(size=(5, 3)), np.zeros(3)
    affine1, relu, affine2 = book.Affine(W1, b1), book.Relu(), book.Affine(W2, b2)
    last, x, t = book.SoftmaxWithLoss(), rng.normal(size=(6, 4)), np.eye(3)[[0, 1, 2, 2, 1, 0]]

    def loss():
        return last.forward(affine2.forward(relu.forward(affine1.forward(x))), t)

    first = loss()
    dx = affine1.backward(relu.backward(affine2.backward(last.backward(1))))
    assert dx.shape == x.shape and relu.mask.dtype == bool and last.y.shape == (6, 3)
    same(last.y.sum(axis=1), 1)
    for array, grad in ((W1, affine1.dW), (b1, affine1.db), (W2, affine2.dW), (b2, affine2.db)):
        index = (0,) * array.ndim
        array[index] += 1e-6
        up = loss()
        array[index] -= 2e-6
        same(grad[index], (up - loss()) / 2e-6, 1e-6)
        array[index] += 1e-6
    for array, grad in ((W1, affine1.dW), (W2, affine2.dW)):
        array -= 0.1 * grad  # in place, as the book does: it reaches the layer
    assert loss() < first and math.isfinite(first)
