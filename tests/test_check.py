"""The gradient check: every planted mistake is found and named, and nothing right is blamed."""

import random

import numpy as np
import pytest
from helpers import BookRelu, Forgets

import layerwise as lw
from layerwise import Layer, Parameter
from layerwise.check import assert_gradients, check
from layerwise.errors import WiringError

X = np.random.default_rng(1).normal(size=(4, 3))
POSITIVE = np.random.default_rng(2).uniform(0.5, 2.0, size=(4, 3))
SQUARE = np.random.default_rng(3).normal(size=(3, 3))
CLASSES = np.array([0, 2, 1, 2])
SHARES = POSITIVE / POSITIVE.sum(axis=1, keepdims=True)
IMAGES = np.random.default_rng(4).normal(size=(2, 2, 4, 3))
SIGNALS, VOLUMES = IMAGES[:, :, 0], IMAGES[..., None, :]


def only_failure(report):
    """The one thing that is wrong."""
    assert len(report.failures) == 1, report
    assert not report.ok
    assert not report
    return report.failures[0]


# layers of the library are right (test_layers.py checks every row of the table) -------------------

BUILT_IN = [
    (lw.Add(), X, X[0]),
    (lw.Sub(), X, X[:, :1]),
    (lw.Mul(), X, X[0]),
    (lw.Mul(), 100, 2),
    (lw.Div(), X, POSITIVE),
    (lw.Pow(), POSITIVE, X[0]),
    (lw.Maximum(), X, X[::-1]),
    (lw.Minimum(), X, 0.5),
    (lw.Neg(), X),
    (lw.Exp(), X),
    (lw.Log(), POSITIVE),
    (lw.Sqrt(), POSITIVE),
    (lw.Square(), np.float64(3.0)),
    (lw.Sin(), X),
    (lw.Cos(), X),
    (lw.Abs(), X),
    (lw.Clip(-0.5, 0.5), X),
    (lw.MatMul(), X, SQUARE),
    (lw.Sum(axis=0), X),
    (lw.Mean(), X),
    (lw.Var(axis=1, keepdims=True), X),
    (lw.Max(axis=1), X),
    (lw.Min(), X),
    (lw.ReLU(), X),
    (lw.Sigmoid(), X * 10),
    (lw.Tanh(), 0.3),
    (lw.Softmax(), X),
    (lw.LogSoftmax(), X),
    (lw.Affine(3, 2), X),
    (lw.Affine(3, 2, bias=False), X[None]),
    (lw.Dropout(0.4), X),
    (lw.Flatten(), X.reshape(2, 3, 2)),
    (lw.Reshape(3, 4), X),
    (lw.Transpose(), X),
    (lw.Slice((slice(None), [0, 0, 2])), X),
    (lw.SoftmaxCrossEntropy(), X, CLASSES),
    (lw.SoftmaxCrossEntropy(reduction="none"), X, SHARES),
    (lw.MeanSquaredError(), X, POSITIVE),
    (lw.Concat(), X, X[:2]),
    (lw.Stack(dim=1), X, X[::-1]),
    (lw.Where(), X > 0, X, X[0]),
    (lw.BatchNorm(3), X),
    (lw.InstanceNorm(3, affine=True), X.reshape(1, 3, 4)),
    (lw.GroupNorm(3, 3), X.reshape(1, 3, 4)),
    (lw.LayerNorm(3), X),
    (lw.RMSNorm(3), X),
    (lw.LocalResponseNorm(2, alpha=0.5), X),
    (lw.Conv1d(2, 2, 2), SIGNALS),
    (lw.Conv2d(2, 4, 2, stride=2, padding=1, groups=2), IMAGES),
    (lw.Conv3d(2, 2, (2, 1, 2)), VOLUMES),
    (lw.ConvTranspose1d(2, 2, 2), SIGNALS),
    (lw.ConvTranspose2d(2, 2, 3, stride=2, padding=1, output_padding=1), IMAGES),
    (lw.ConvTranspose3d(2, 2, (1, 2, 2)), VOLUMES),
    (lw.MaxPool1d(2), SIGNALS),
    (lw.MaxPool2d(2, padding=1), IMAGES),
    (lw.MaxPool3d((2, 1, 2)), VOLUMES),
    (lw.AvgPool1d(2), SIGNALS),
    (lw.AvgPool2d(2, padding=1, count_include_pad=False), IMAGES),
    (lw.AvgPool3d((2, 1, 2)), VOLUMES),
    (lw.LPPool1d(2, 2), SIGNALS),
    (lw.LPPool2d(2, 2), IMAGES),
    (lw.LPPool3d(2, (2, 1, 2)), VOLUMES),
    (lw.AdaptiveAvgPool(2), IMAGES),
    (lw.AdaptiveMaxPool(2), IMAGES),
    (lw.GlobalAvgPool(), IMAGES),
    (lw.GlobalMaxPool(), IMAGES),
    (lw.Pad((1, 2), mode="reflect"), IMAGES),
]


@pytest.mark.parametrize("case", BUILT_IN, ids=lambda case: repr(case[0]))
def test_built_in_layers_are_right(case):
    layer, *inputs = case
    report = check(layer, *inputs)
    assert report.ok, report
    assert not report.kinks
    assert all(row.error < 1e-7 and row.mode == "both" for row in report.rows)


def test_every_input_and_parameter_has_a_row():
    report = check(lw.Affine(3, 2), X)
    assert [(row.of, row.shape, row.checked) for row in report.rows] == [
        ("x", (4, 3), 12),
        ("W", (3, 2), 6),
        ("b", (2,), 2),
    ]


# wrong numbers -----------------------------------------------------------------------------------


class MyAffine(Layer):
    """Right as it stands; its children each have one mistake."""

    def __init__(self, width=2):
        self.W = Parameter(np.random.default_rng(0).normal(size=(3, width)))
        self.b = Parameter(np.zeros(width))

    def forward(self, x):
        self.x = x
        return x @ self.W.value + self.b.value

    def dW(self, dout):
        return self.x.T @ dout

    def db(self, dout):
        return dout.sum(axis=0)

    def backward(self, dout):
        self.W.grad += self.dW(dout)
        self.b.grad += self.db(dout)
        return dout @ self.W.value.T


def planted(width=2, **methods):
    """An affine layer in which these methods are mistaken."""
    return type("Planted", (MyAffine,), methods)(width)


def test_the_layer_without_mistakes_is_right():
    assert_gradients(MyAffine(), X)


@pytest.mark.parametrize(
    ("mistake", "cause", "said"),
    [
        (lambda self, dout: 2 * self.x.T @ dout, "factor 2", "times 2"),
        (lambda self, dout: -self.x.T @ dout, "sign", "the factor is -1"),
        (lambda self, dout: self.x.T @ dout / 4, "factor 1/4, divided by the batch size", "4 rows"),
        (lambda self, dout: self.x.T @ dout * np.float32(0.3), "factor 0.3", "times 0.3"),
        (lambda self, dout: 0 * self.x.T @ dout, "never computed", "0 everywhere"),
        (lambda self, dout: np.outer(self.x[0], dout[0]), "missing sum over the batch", "row 0"),
        (lambda self, dout: np.outer(self.x[3], dout[3]), "missing sum over the batch", "last row"),
        (lambda self, dout: self.x.T @ np.ones_like(dout), "dout ignored", "chain rule"),
    ],
)
def test_a_wrong_parameter_gradient_is_named_with_its_cause(mistake, cause, said):
    failure = only_failure(check(planted(dW=mistake), X))
    assert failure.of == "W"
    assert failure.cause.replace("3/10", "0.3") == cause
    assert said in failure.text.replace("3/10", "0.3")


def test_the_worst_element_is_named_with_both_numbers():
    def one_wrong(self, dout):
        dW = self.x.T @ dout
        dW[2, 1] += 0.5
        return dW

    report = check(planted(dW=one_wrong), X)
    failure = only_failure(report)
    assert failure.index == (2, 1)
    assert failure.backward - failure.numerically == pytest.approx(0.5, abs=1e-8)
    assert "Planted.W[2, 1]: backward says" in failure.text
    assert "1 of 6 elements compared are wrong" in failure.text
    row = report.rows[1]
    assert (row.of, row.index, row.verdict) == ("W", (2, 1), "wrong")
    assert "W[2, 1]" in str(report)


def test_a_wrong_column_is_named():
    class Border(Layer):
        def forward(self, x):
            return 3 * x

        def backward(self, dout):
            dx = 3 * dout
            dx[:, -1] = 0.1
            return dx

    failure = only_failure(check(Border(), X))
    assert "all of them in x[:, 2]" in failure.text


@pytest.mark.parametrize("width", [2, 3])
def test_a_transposed_gradient_by_its_shape_or_by_its_values(width):
    failure = only_failure(check(planted(width, dW=lambda self, dout: dout.T @ self.x), X))
    assert (failure.of, failure.cause) == ("W", "transposed")
    assert ".T are right" in failure.text


def test_a_missing_sum_over_the_batch():
    failure = only_failure(check(planted(db=lambda self, dout: dout), X))
    assert (failure.of, failure.cause) == ("b", "missing sum over the batch")
    assert "(4, 2)" in failure.text
    assert ".sum(axis=0)" in failure.text


def test_a_missing_sum_over_the_axis_of_broadcasting():
    class Scale:
        def forward(self, x, scale):
            self.x, self.scale = x, scale
            return x * scale

        def backward(self, dout):
            return dout * self.scale, dout * self.x

    failure = only_failure(check(Scale(), X, X[:, :1]))
    assert (failure.of, failure.cause) == ("scale", "missing sum over the axes (1,)")
    assert ".sum(axis=1, keepdims=True)" in failure.text


def test_a_sum_too_many_and_a_missing_reshape():
    failure = only_failure(check(planted(db=lambda self, dout: dout.sum()), X))
    assert failure.cause == "summed too far"
    assert "summed over axis 0 as well" in failure.text

    class Flat:
        def forward(self, x):
            self.shape = x.shape
            return x.reshape(-1)

        def backward(self, dout):
            return dout

    failure = only_failure(check(Flat(), X))
    assert failure.cause == "wrong shape"
    assert ".reshape(4, 3)" in failure.text


def test_the_gradients_of_two_inputs_are_swapped():
    class MyMul:
        def forward(self, x, y):
            self.x, self.y = x, y
            return x * y

        def backward(self, dout):
            return dout * self.x, dout * self.y

    report = check(MyMul(), X, POSITIVE)
    assert [(f.of, f.cause) for f in report.failures] == [("x", "swapped"), ("y", "swapped")]
    assert "right for x: what backward returns for y" in report.failures[0].text
    assert check(MyMul(), 100, 2).failures[0].of == "x"


# an assignment instead of an addition ------------------------------------------------------------


def test_an_assigned_parameter_gradient():
    class Assigned(MyAffine):
        def backward(self, dout):
            self.b.grad += dout.sum(axis=0)
            self.W.grad = self.x.T @ dout
            return dout @ self.W.value.T

    failure = only_failure(check(Assigned(), X))
    assert (failure.of, failure.cause) == ("W", "assignment instead of addition")
    assert "self.W.grad += ..., not =" in failure.text


def test_an_index_that_occurs_twice():
    class Rows(Layer):
        def __init__(self):
            self.W = Parameter(np.random.default_rng(0).normal(size=(5, 3)))

        def forward(self, rows):
            self.rows = rows
            return self.W.value[rows]

        def backward(self, dout):
            self.W.grad[self.rows] = dout

    report = check(Rows(), np.array([0, 2, 2, 4]))
    failure = only_failure(report)
    assert (failure.of, failure.index[0]) == ("W", 2)
    assert failure.cause == "assignment instead of addition"
    assert "np.add.at" in failure.text
    assert "Not differentiated, since they are whole numbers: rows." in report.notes

    class Mended(Rows):
        def backward(self, dout):
            np.add.at(self.W.grad, self.rows, dout)

    assert_gradients(Mended(), np.array([[0, 2], [2, 4]]))


def test_overlapping_windows_that_overwrite_each_other():
    class Pairs:
        """y[i] = x[i] + x[i + 1]"""

        def forward(self, x):
            self.x = x
            return x[:, 1:] + x[:, :-1]

        def backward(self, dout):
            dx = np.zeros_like(self.x)
            dx[:, 1:] = dout
            dx[:, :-1] = dout
            return dx

    failure = only_failure(check(Pairs(), X))
    assert (failure.of, failure.cause) == ("x", "assignment instead of addition")


def test_one_of_two_outputs_is_forgotten():
    class Both(Layer):
        num_outputs = 2

        def forward(self, x):
            return 2 * x, 3 * x

        def backward(self, douts):
            return 3 * douts[1]

    failure = only_failure(check(Both(), X))
    assert failure.cause == "assignment instead of addition"

    class Mended(Both):
        def backward(self, douts):
            return 2 * douts[0] + 3 * douts[1]

    assert_gradients(Mended(), X)
    assert_gradients(Mended(), 1.5)


def test_an_input_used_twice_is_half_right():
    class MySquare:
        def forward(self, x):
            self.x = x
            return x * x

        def backward(self, dout):
            return dout * self.x

    failure = only_failure(check(MySquare(), X))
    assert failure.cause == "factor 1/2"
    assert "used twice" in failure.text


# precision ---------------------------------------------------------------------------------------


def test_a_layer_that_computes_in_float32_inside():
    class Coarse:
        def forward(self, x):
            self.y = np.tanh(x.astype(np.float32))
            return self.y.astype(x.dtype)

        def backward(self, dout):
            return dout * (1 - self.y**2).astype(dout.dtype)

    failure = only_failure(check(Coarse(), X))
    assert (failure.of, failure.cause) == ("x", "precision")
    assert "agrees as far as can be seen" in failure.text


def test_a_mistake_is_told_from_coarse_rounding():
    class CoarseAndWrong:
        def forward(self, x):
            return np.sin(x.astype(np.float32)).astype(x.dtype)

        def backward(self, dout):
            return dout

    assert only_failure(check(CoarseAndWrong(), X)).cause == "unknown"


def test_steep_and_huge_inputs_are_no_mistakes():
    assert_gradients(lw.Log(), np.array([1e-6, 1e-3, 1.0, 1e5, 1e12]))
    assert_gradients(lw.Var(axis=0), X + 1e5)
    assert_gradients(lw.Softmax(), X * 30)


def test_gradients_that_are_zero_are_right():
    class Constant:
        def forward(self, x):
            return x - x

        def backward(self, dout):
            return 0 * dout

    assert_gradients(Constant(), X * 1000)
    b = lw.Input("b")  # a shift that the mean takes out again
    centred = lw.Graph((b + X * 100) - (b + X * 100).mean(axis=0, keepdims=True))
    assert_gradients(centred, X[0])


# kinks -------------------------------------------------------------------------------------------

KINKS = [
    (lw.ReLU(), np.array([[1.0, 0.0, -2.0], [0.5, 3.0, 1.0]])),
    (lw.Abs(), np.array([[1.0, 0.0, -2.0], [0.5, 3.0, 1.0]])),
    (lw.Clip(0, 4), np.array([[1.0, 0.0, -2.0], [0.5, 3.0, 1.0]])),
]


@pytest.mark.parametrize("case", KINKS, ids=lambda case: repr(case[0]))
def test_a_kink_is_reported_and_not_failed(case):
    layer, x = case
    report = check(layer, x)
    assert report.ok, report
    (kink,) = report.kinks
    assert (kink.of, kink.index) == ("x", (0, 1))
    assert kink.left != kink.right
    assert min(kink.left, kink.right) <= kink.backward <= max(kink.left, kink.right)
    assert report.rows[0].verdict == "ok, 1 kink"
    assert "x[0, 1]: no single slope" in str(report)


def test_ties_are_kinks():
    report = check(lw.Max(axis=1), np.array([[1.0, 1.0, 1.0], [2.0, 3.0, 1.0]]))
    assert report.ok
    assert [kink.index for kink in report.kinks] == [(0, 0), (0, 1), (0, 2)]
    report = check(lw.Maximum(), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    assert report.ok
    assert [(kink.of, kink.index) for kink in report.kinks] == [("x", (0,)), ("y", (0,))]


@pytest.mark.parametrize("distance", [1e-5, 3e-6, 1e-6, 1e-7])
def test_a_kink_nearby_is_stepped_around(distance):
    report = check(lw.ReLU(), np.array([[distance, -distance], [1.0, -1.0]]))
    assert report.ok, report
    assert not report.kinks


def test_a_jump_is_a_kink_too():
    class Step:
        def forward(self, x):
            self.x = x
            return np.where(x > 0, x + 1, x)

        def backward(self, dout):
            return dout

    report = check(Step(), np.array([[0.0, 1.0], [2.0, -1.0]]))
    assert report.ok
    assert [kink.index for kink in report.kinks] == [(0, 0)]


def test_a_slope_outside_what_both_sides_allow_is_wrong():
    class Steep(lw.ReLU):
        def forward(self, x):
            self.zero = x == 0
            return super().forward(x)

        def backward(self, dout):
            return np.where(self.zero, 2 * dout, super().backward(dout))

    failure = only_failure(check(Steep(), np.array([[1.0, 0.0], [-1.0, 2.0]])))
    assert (failure.index, failure.cause) == ((0, 1), "outside what a kink allows")
    assert "on the left" in failure.text


# the other promises ------------------------------------------------------------------------------


def test_an_input_that_is_written_to():
    class InPlace:
        def forward(self, x):
            self.mask = x <= 0
            x[self.mask] = 0
            return x

        def backward(self, dout):
            return np.where(self.mask, 0, dout)

    x = X.copy()
    failure = only_failure(check(InPlace(), x))
    assert (failure.of, failure.cause) == ("x", "input written to")
    assert "InPlace.forward writes into x" in failure.text
    assert "x[self.mask] = 0" in failure.text
    np.testing.assert_array_equal(x, X)


def test_saved_state_that_backward_destroys():
    class Destroyer(Layer):
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y

        def backward(self, dout):
            self.y *= self.y
            return dout * (1 - self.y)

    failure = only_failure(check(Destroyer(), X))
    assert failure.cause == "state destroyed by backward"


def test_state_that_is_lost_when_a_layer_is_used_twice():
    class OnTheClass(Layer):
        saved = {}  # noqa: RUF012

        def forward(self, x):
            self.saved["x"] = x
            return x * x

        def backward(self, dout):
            return 2 * dout * self.saved["x"]

    assert only_failure(check(OnTheClass(), X)).cause == "state lost on reuse"

    class Box:
        x = None

    class InABox(MyAffine):
        def __init__(self):
            super().__init__()
            self.box = Box()

        def forward(self, x):
            self.box.x = x
            return x @ self.W.value + self.b.value

        def dW(self, dout):
            return self.box.x.T @ dout

    failure = only_failure(check(InABox(), X))
    assert (failure.of, failure.cause) == ("W", "state lost on reuse")


def test_a_wrong_number_of_gradients():
    class Forgetful:
        def forward(self, x, y):
            return x + y

        def backward(self, dout):
            return dout

    causes = [(f.of, f.cause) for f in check(Forgetful(), X, X).failures]
    assert causes == [("backward", "wrong number of gradients"), ("y", "never computed")]


def test_dtype_in_is_dtype_out():
    class Widening:
        def forward(self, x):
            self.factor = np.linspace(0.1, 1, x.shape[1])
            return x * self.factor

        def backward(self, dout):
            return dout * self.factor

    report = check(Widening(), X)
    assert [(f.of, f.cause) for f in report.failures] == [
        ("forward", "wrong dtype"),
        ("x", "wrong dtype"),
    ]
    assert "gives float64 where float32 went in" in report.failures[0].text


def test_nan_and_infinity():
    assert only_failure(check(lw.Log(), np.array([-1.0, 1.0]))).cause == "not finite"

    class NoSlope:
        def forward(self, x):
            return x * 1

        def backward(self, dout):
            return np.where(np.arange(3) == 1, np.nan, dout)

    failure = only_failure(check(NoSlope(), X))
    assert (failure.cause, failure.index) == ("not finite", (0, 1))


@pytest.mark.parametrize("step", ["forward", "backward"])
def test_an_exception_becomes_a_finding(step):
    class Broken(MyAffine):
        pass

    def raises(self, x):
        return x * self.nothing

    setattr(Broken, step, raises)
    failure = only_failure(check(Broken(), X))
    assert failure.cause == f"{step} raises"
    assert "no attribute 'nothing'" in failure.text
    assert "return x * self.nothing" in failure.text


def test_inputs_that_do_not_fit_are_explained_by_the_layer():
    text = only_failure(check(lw.Affine(5, 2), X)).text
    assert text.endswith("but got (4, 3). Did you mean Affine(3, 2)?")


# random layers, modes ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["own", "numpy", "python"])
def test_the_draw_of_a_random_layer_is_frozen(source):
    class Noisy:
        def __init__(self):
            self.rng = np.random.default_rng(5)

        def forward(self, x):
            if source == "own":
                draw = self.rng.random(x.shape)
            elif source == "numpy":
                draw = np.random.rand(*x.shape)
            else:
                draw = np.full(x.shape, random.random())
            self.mask = draw.astype(x.dtype)
            return x * self.mask

        def backward(self, dout):
            return dout * self.mask

    layer = Noisy()
    before = np.random.get_state()[1].copy(), random.getstate(), layer.rng.bit_generator.state
    assert_gradients(layer, X)
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]
    assert layer.rng.bit_generator.state == before[2]


def test_a_layer_that_cannot_be_frozen():
    class Unseeded:
        def forward(self, x):
            return x * np.random.default_rng().random()

        def backward(self, dout):
            return dout

    assert only_failure(check(Unseeded(), X)).cause == "not repeatable"


def test_both_modes_are_checked():
    class MyDropout(Layer):
        """Forgets in inference that nothing was dropped."""

        def __init__(self):
            self.rng = np.random.default_rng(0)

        def forward(self, x):
            self.mask = (self.rng.random(x.shape) > 0.5).astype(x.dtype)
            return x * self.mask if self.training else x * 1

        def backward(self, dout):
            return dout * self.mask

    report = check(MyDropout(), X)
    assert only_failure(report).mode == "inference"
    assert [(row.mode, row.verdict) for row in report.rows] == [
        ("training", "ok"),
        ("inference", "wrong"),
    ]
    assert "inference" in str(report)


def test_a_layer_with_memory_is_run_from_the_same_start_each_time():
    class Rnn:
        def __init__(self):
            self.W, self.dW, self.h = SQUARE.copy(), None, None

        def forward(self, x):
            self.x, self.last = x, 0 if self.h is None else self.h
            self.h = np.tanh(x @ self.W + self.last)
            return self.h

        def backward(self, dout):
            dt = dout * (1 - self.h**2)
            self.dW = self.x.T @ dt
            return dt @ self.W.T

    report = check(Rnn(), X)
    assert report.ok, report
    assert [row.of for row in report.rows] == ["x", "W"]


# what is given -----------------------------------------------------------------------------------


def test_the_layer_and_the_arrays_are_left_alone():
    layer, x = MyAffine(), X.astype(np.float32)
    value, kept = layer.W.value, x.copy()
    check(layer, x)
    assert vars(layer).keys() == {"W", "b"}
    assert layer.W.value is value
    assert layer.W.grad is None
    assert np.array_equal(x, kept)
    assert x.flags.writeable


def test_a_parameter_that_is_not_drawn_yet_stays_so():
    affine = lw.Affine(3, 2)
    check(affine, X)
    again = lw.Affine(3, 2)
    lw.Sequential(affine, seed=5), lw.Sequential(again, seed=5)
    assert np.array_equal(affine.W.value, again.W.value)


def test_parameters_made_at_the_first_forward_are_found():
    class Lazy(MyAffine):
        def __init__(self):
            self.W = None

        def forward(self, x):
            if self.W is None:
                self.W, self.b = Parameter(SQUARE), Parameter(np.zeros(3))
            return super().forward(x)

        def dW(self, dout):
            return 3 * super().dW(dout)

    assert only_failure(check(Lazy(), X)).of == "W"


def test_a_batch_of_one_gets_more_rows():
    report = check(lw.Affine(3, 2), X[:1])
    assert report.ok
    assert report.rows[0].shape == (3, 3)
    assert any("two more rows were added" in note for note in report.notes)
    assert any("two more rows" in n for n in check(lw.MeanSquaredError(), X[:1], X[1:2]).notes)
    report = check(lw.Reshape(3), X[:1])
    assert report.ok
    assert any("takes no more rows" in note for note in report.notes)


def test_large_arrays_are_sampled():
    report = check(lw.Affine(300, 20), np.ones((2, 300)) * X[0, 0], samples=30)
    assert report.ok
    assert [row.checked for row in report.rows] == [30, 30, 20]
    assert "W: 30 of 6,000 elements were compared." in report.notes


def test_numbers_lists_and_numpy_scalars():
    assert check(lw.Mul(), 100, 2).rows[1].shape == ()
    assert check(lw.Add(), [1.0, 2.0], [[1.0], [2.0]]).ok
    assert check(lw.Exp(), np.float32(0.5)).ok
    assert check(lw.Exp(), np.array(0.5)).ok


def test_dout_may_be_given():
    report = check(lw.Neg(), X[0], dout=np.array([1.0, 2.0, 3.0]))
    assert report.ok
    assert check(lw.Neg(), 2.0, dout=5.0).rows[0].backward == -5.0
    with pytest.raises(ValueError, match=r"dout has the shape \(2,\), expected \(3,\)"):
        check(lw.Neg(), X[0], dout=np.ones(2))


def test_what_cannot_be_checked_is_said_at_once():
    with pytest.raises(WiringError, match=r"check\(Affine\) needs the inputs that forward takes"):
        check(lw.Affine(3, 2))
    with pytest.raises(WiringError, match="Give an object, not the class"):
        check(lw.ReLU, X)
    with pytest.raises(WiringError, match="the input x is str 'abc', which is no number"):
        check(lw.ReLU(), "abc")

    class Choose:
        def forward(self, i):
            return SQUARE[i]

        def backward(self, dout):
            return None

    with pytest.raises(WiringError, match="there is nothing to differentiate by"):
        check(Choose(), np.array([0, 1]))


def test_assert_gradients_shows_the_report():
    with pytest.raises(AssertionError, match=r"Planted\.b\[\d\]: backward says 0, numerically"):
        assert_gradients(planted(db=lambda self, dout: 0), X)


def test_the_report_fits_a_terminal():
    for layer in (MyAffine(), planted(db=lambda self, dout: dout)):
        text = str(check(layer, X))
        assert max(map(len, text.splitlines())) <= 100
        assert text == repr(check(layer, X))


# graphs ------------------------------------------------------------------------------------------


def classifier(*middle):
    x, t = lw.Input("x"), lw.Input("t")
    net = lw.Sequential(lw.Affine(3, 5), *middle, lw.Dropout(0.3), lw.Affine(5, 3), seed=0)
    return lw.Graph(lw.SoftmaxCrossEntropy()(net(x), t))


def test_a_whole_network_is_right():
    report = check(classifier(lw.ReLU()), X, CLASSES)
    assert report.ok, report
    assert [row.of for row in report.rows][:2] == ["x", "sequential1.affine1.W"]


def test_a_graph_that_declares_its_dtype():
    x, t = lw.Input("x", shape=(None, 3), dtype="float32"), lw.Input("t", dtype="int64")
    assert_gradients(lw.Graph(lw.SoftmaxCrossEntropy()(lw.Affine(3, 4)(x), t)), X, CLASSES)


def test_a_mistake_inside_a_network_is_found_where_it_is():
    class BadTanh(lw.Tanh):
        def backward(self, dout):
            return 2 * super().backward(dout)

    report = check(classifier(BadTanh()), X, CLASSES)
    inside = report.failures[-1]
    assert (inside.of, inside.cause) == ("sequential1.bad_tanh1.x", "factor 2")
    assert "Graph.sequential1.bad_tanh1.x[" in inside.text
    further = [f.of for f in report.failures if "The fault is in sequential1.bad_tanh1" in f.text]
    assert further == ["x", "sequential1.affine1.W", "sequential1.affine1.b"]


def test_a_gradient_of_the_wrong_shape_inside_a_network():
    class Sideways(Layer):
        def forward(self, x):
            return 2 * x

        def backward(self, dout):
            return 2 * dout.T

    report = check(lw.Sequential(lw.Affine(3, 2), Sideways(), seed=0), X)
    assert [(f.of, f.cause) for f in report.failures] == [
        ("backward", "backward raises"),
        ("sideways1.x", "transposed"),
    ]
    assert "sideways1 = Sideways(): backward returned the shape (2, 4)" in report.failures[0].text


def test_a_mistaken_parameter_inside_a_network_has_its_dotted_name():
    net = lw.Sequential(lw.Affine(3, 4), lw.Tanh(), lw.Affine(4, 3), seed=0)
    assert_gradients(net, X)
    net = lw.Sequential(planted(db=lambda self, dout: dout.mean(axis=0)), lw.Tanh())
    failure = only_failure(check(net, X))
    assert (failure.of, failure.cause) == ("planted1.b", "factor 1/4, divided by the batch size")
    assert "Sequential.planted1.b[" in failure.text


# traps of the books and of their readers ---------------------------------------------------------


def test_trap_book1_1_relu_writes_into_dout():
    failure = only_failure(check(BookRelu(), X))
    assert (failure.of, failure.cause) == ("dout", "dout written to")
    assert "BookRelu.backward writes into dout" in failure.text
    assert "dout[self.mask] = 0" in failure.text
    inside = only_failure(check(lw.Sequential(lw.Affine(3, 4), BookRelu(), seed=0), X))
    assert (inside.of, inside.cause) == ("book_relu1.dout", "dout written to")


def softmax(x):
    z = np.exp(x - x.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def test_trap_book1_3_softmax_with_loss_ignores_dout_and_soft_labels():
    class SoftmaxWithLoss:
        def forward(self, x, t):
            self.t, self.y = t, softmax(x)
            classes = t.argmax(axis=1) if t.size == self.y.size else t
            return -np.sum(np.log(self.y[np.arange(len(x)), classes])) / len(x)

        def backward(self, dout=1):
            if self.t.size == self.y.size:
                return (self.y - self.t) / len(self.t)
            dx = self.y.copy()
            dx[np.arange(len(dx)), self.t] -= 1
            return dx / len(dx)

    report = check(SoftmaxWithLoss(), X, CLASSES)
    failure = only_failure(report)
    assert (failure.of, failure.cause) == ("x", "dout ignored")
    assert "For a dout of 1 it is right" in failure.text
    failure = only_failure(check(SoftmaxWithLoss(), X, SHARES, dout=1.0))
    assert failure.of == "x"
    assert "For a dout of 1" not in failure.text


class BookBatchNorm:
    """Of the book, the training part; `broken` leaves out what runs over mean and deviation."""

    def __init__(self, broken=False):
        self.gamma, self.beta, self.dgamma, self.dbeta = np.ones(3), np.zeros(3), None, None
        self.broken = broken

    def forward(self, x):
        self.xc = x - x.mean(axis=0)
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + 1e-6).astype(x.dtype)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta, self.dgamma = dout.sum(axis=0), np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        if self.broken:
            return dxn / self.std - dxn.mean(axis=0) / self.std
        dstd = -np.sum(dxn * self.xc, axis=0) / self.std**2
        dxc = dxn / self.std + self.xc * dstd / self.std / len(dout)
        return dxc - dxc.mean(axis=0)


def test_trap_book1_10_a_batch_of_one_hides_a_broken_batch_norm():
    assert_gradients(BookBatchNorm(), X)
    assert_gradients(BookBatchNorm(), X[:1])
    failure = only_failure(check(BookBatchNorm(broken=True), X[:1]))
    assert (failure.of, failure.cause) == ("x", "unknown")
    assert abs(failure.backward - failure.numerically) > 0.1


def test_trap_book1_11_whole_numbers_are_differentiated_as_floats():
    report = check(lw.Square(), np.array([6, 8]))
    assert report.ok
    assert "The whole numbers given were taken as floats." in report.notes


def test_trap_book3_1_add_returns_one_object_twice():
    class TheirAdd:
        def forward(self, x, y):
            return x + y

        def backward(self, dout):
            return dout, dout

    failure = only_failure(check(TheirAdd(), X, POSITIVE))
    assert (failure.of, failure.cause) == ("x, y", "one array for two inputs")


def test_trap_book3_3_a_sum_of_the_output_passes_a_softmax_without_gradient():
    class NoSoftmax:
        def forward(self, x):
            return softmax(x)

        def backward(self, dout):
            return np.zeros_like(dout)

    failure = only_failure(check(NoSoftmax(), X))
    assert (failure.of, failure.cause) == ("x", "never computed")


class BookAffine:
    """As in the book: arrays beside their gradients, which every backward overwrites."""

    def __init__(self, factor=1.0, bias=True):
        self.W, self.b = np.random.default_rng(0).normal(size=(3, 2)), np.ones(2)
        self.dW = self.db = None
        self.factor, self.bias = factor, bias

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout * self.factor
        if self.bias:
            self.db = dout.sum(axis=0)
        return dout @ self.W.T


def test_gradients_that_a_class_of_the_book_overwrites_are_right():
    assert_gradients(BookAffine(), X)


@pytest.mark.parametrize(("factor", "words"), [(2.0, "times 2"), (4 / 5, "times 4/5")])
def test_trap_readers_a_stray_factor_is_localised(factor, words):
    failure = only_failure(check(BookAffine(factor), np.tile(X, (2, 1))[:5]))
    assert failure.of == "W"
    assert words in failure.text


def test_trap_readers_a_division_by_the_number_of_steps():
    failure = only_failure(check(BookAffine(1 / 4), X))
    assert failure.cause == "factor 1/4, divided by the batch size"


def test_trap_readers_a_forgotten_bias():
    failure = only_failure(check(BookAffine(bias=False), X))
    assert (failure.of, failure.cause) == ("b", "never computed")


def test_lists_of_parameters_as_in_book_2():
    class Book2Affine:
        def __init__(self):
            self.params = [SQUARE.copy(), np.zeros(3)]
            self.grads = [np.zeros((3, 3)), np.zeros(3)]

        def forward(self, x):
            W, b = self.params
            self.x = x
            return x @ W + b

        def backward(self, dout):
            self.grads[0][...] = self.x.T @ dout
            self.grads[1][...] = dout[0]
            return dout @ self.params[0].T

    failure = only_failure(check(Book2Affine(), X))
    assert (failure.of, failure.cause) == ("params.1", "missing sum over the batch")


def test_the_flag_of_the_book_for_training():
    class BookDropout:
        def __init__(self):
            self.mask = None

        def forward(self, x, train_flg=True):
            if train_flg:
                self.mask = np.random.rand(*x.shape) > 0.5
                return x * self.mask
            return x * 0.5

        def backward(self, dout):
            return dout * self.mask

    failure = only_failure(check(BookDropout(), X))
    assert (failure.cause, failure.mode) == ("backward raises", "inference")


def test_a_layer_may_call_what_it_inherits():
    class Twice(lw.ReLU):
        def backward(self, dout):
            return 2 * super().backward(dout)

    failure = only_failure(check(Twice(), X))
    assert (failure.of, failure.cause) == ("x", "factor 2")


def test_a_forgotten_gradient_is_no_target():
    causes = {failure.cause for failure in check(Forgets(), X, X + 1).failures}
    assert "wrong number of gradients" in causes


def test_nothing_to_compare_is_not_well():
    with pytest.raises(lw.WiringError, match="x is empty, so there is nothing to compare"):
        check(lw.Tanh(), np.ones((0, 3)))


def test_a_loss_that_is_almost_0_is_not_imprecise():
    """Its slopes are tiny beside the scores, and their rounding is that of the scores."""
    scores = np.array([[20.0, 0.0, 0.0], [0.0, 25.0, 0.0], [1.0, 2.0, 40.0]])
    assert check(lw.SoftmaxCrossEntropy(), scores, np.array([0, 1, 2])).ok


def flat_images():
    """With areas of one colour, as pictures have: windows of a pooling then hold equal numbers."""
    images = np.zeros((3, 1, 8, 8))
    images[:, :, 2:6, 3:5] = np.array([0.25, 0.5, 1.0])[:, None, None, None]
    return images


@pytest.mark.parametrize("factor", [1, 2])
def test_ties_that_meet_in_a_network_are_no_mistake_but_a_mistake_is(factor):
    class Scaled(lw.Layer):
        def forward(self, x):
            return x * 2

        def backward(self, dout):
            return dout * 2 * factor

    net = lw.Sequential(
        lw.Conv2d(1, 4, 3, padding=1), lw.MaxPool2d(2), Scaled(), lw.Conv2d(4, 4, 3, padding=1),
        lw.MaxPool2d(2), lw.Flatten(), lw.Affine(16, 3), seed=0,
    )  # fmt: skip
    report = check(lw.Sequential(net), flat_images(), samples=40)
    assert report.ok == (factor == 1), report
    assert "scaled1" in str(report) or factor == 1
