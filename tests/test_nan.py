"""NaN and Inf are found at the step where they appear, with the layer, the direction, the batch."""

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw
from layerwise.training.nan import REMEDY, all_finite, what

X = np.random.default_rng(0).normal(size=(9, 3))
T = np.arange(9) % 2


class Bad(lw.Layer):
    """y = x, until a run or a backward in which it makes something else of one element."""

    def __init__(self, value=np.nan, forward=0, backward=0):
        self.value, self.left = value, {"forward": forward, "backward": backward}

    def spoil(self, x, way):
        self.left[way] -= 1
        x = x.copy()
        if self.left[way] == 0:
            x.flat[1] = self.value
        return x

    def forward(self, x):
        return self.spoil(x, "forward")

    def backward(self, dout):
        return self.spoil(dout, "backward")

    def __repr__(self):
        return "Bad()"


def error_of(net, loss=None, optimizer=None, x=X, t=T, **options):
    before = {name: p.value.copy() for name, p in net.parameters().items()}
    trainer = lw.Trainer(net, loss, optimizer, progress=False, **options)
    text = text_of(lw.TrainingError, lambda: trainer.fit((x, t), epochs=3, batch_size=3))
    return text, trainer, before


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "NaN"), (np.inf, "Inf"), (-np.inf, "Inf")])
def test_forward_it_names_the_layer_that_made_it(value, kind):
    net = lw.Sequential(lw.Affine(3, 4), Bad(value, forward=5), lw.Affine(4, 2), seed=0)
    text, trainer, _ = error_of(net)
    assert text.startswith("The loss is ") and text.split(" is ")[1][:3] in ("nan", "inf")
    assert text.partition(" in ")[2] == (
        f"epoch 2, batch 2 of 3. Forward, it begins at bad1 = Bad(): its output has {kind} in 1 "
        f"of 12 numbers, of finite inputs. {REMEDY}"
    )
    assert trainer.step == 4


def test_forward_it_goes_into_the_graphs_inside():
    block = lw.Sequential(lw.Sequential(lw.Tanh(), Bad(forward=1)), lw.Affine(4, 4))
    text, *_ = error_of(lw.Sequential(lw.Affine(3, 4), block, lw.Affine(4, 2), seed=0))
    assert "Forward, it begins at sequential1.sequential1.bad1 = Bad(): its output" in text


def test_backward_it_names_the_layer_that_made_it():
    net = lw.Sequential(lw.Affine(3, 4), lw.Sequential(Bad(backward=2)), lw.Affine(4, 2), seed=0)
    text, trainer, _ = error_of(net)
    assert text == (
        "The gradient of affine1.W has NaN in 3 of 12 numbers in epoch 1, batch 2 of 3. Backward, "
        f"it begins at sequential1.bad1 = Bad(), which got a finite gradient. {REMEDY}"
    )
    assert trainer.step == 1
    assert all(np.isfinite(p.value).all() for p in net.parameters().values())


def test_backward_it_names_a_layer_whose_own_gradient_is_wrong():
    class Scale(lw.Layer):
        def __init__(self):
            self.scale = lw.Parameter(np.ones(1))

        def forward(self, x):
            self.x = x
            return x * self.scale.value.astype(x.dtype)

        def backward(self, dout):
            self.scale.grad += np.inf
            return dout

    text, *_ = error_of(lw.Sequential(lw.Affine(3, 2), Scale(), lw.Affine(2, 2), seed=0))
    assert text.startswith("The gradient of scale1.scale has Inf in epoch 1, batch 1 of 3.")
    assert "Backward, it begins at scale1 = Scale(), which got" in text


def test_of_layers_that_read_one_value_it_names_all():
    x = lw.Input("x")
    h = lw.Affine(3, 2)(x)
    net = lw.Graph(lw.Tanh()(h).named("good") + Bad(backward=1)(h), seed=0)
    text, *_ = error_of(net)
    assert "Backward, it begins at bad1 = Bad() or good = Tanh(), which got a finite" in text


def test_the_loss_can_have_made_it():
    class Zero(lw.SoftmaxCrossEntropy):
        def backward(self, dout=1):
            return super().backward(dout)[0] / 0, None

    text, *_ = error_of(lw.Sequential(lw.Affine(3, 2), seed=0), Zero())
    assert "in epoch 1, batch 1 of 3. Backward, the loss made it: the gradient of Zero() " in text


def test_it_is_in_the_data():
    order = lw.data.Batches(X, T, 3).epoch(1)
    second = [batch.rows for batch in order][1]
    x, t = X.copy(), X[:, :2].copy()
    t[second[2], 1] = np.nan
    net = lw.Sequential(lw.Affine(3, 2), seed=0)
    text, *_ = error_of(net, lw.MeanSquaredError(), t=t)
    assert text == (
        "The loss is nan in epoch 1, batch 2 of 3. It is in the data: t has NaN in 1 of 6 numbers, "
        f"first in row {second[2]} of the data."
    )
    x[second[1]] = np.inf
    text, *_ = error_of(net, lw.MeanSquaredError(), x=x, t=X[:, :2])
    assert f"x has Inf in 3 of 9 numbers, first in row {second[1]} of the data." in text


def test_a_parameter_that_had_it_before():
    net = lw.Sequential(lw.Affine(3, 2), lw.Affine(2, 2), seed=0)
    net["affine2.W"].value[0, 0] = np.nan
    text, *_ = error_of(net)
    assert text.endswith("Forward, it comes from affine2: affine2.W has NaN in 1 of 4 numbers.")


def test_a_step_that_makes_it_is_found_at_once():
    net = lw.Sequential(lw.Affine(3, 2), seed=0)
    text, trainer, _ = error_of(net, lw.MeanSquaredError(), lw.SGD(1e30), x=X * 1e15, t=X[:, :2])
    assert trainer.step == 1
    assert text.startswith("affine1.W has ") and text.endswith(
        " in epoch 1, batch 1 of 3. SGD(lr=1e+30) made it of finite gradients. Take a smaller lr."
    )


def test_a_mask_of_minus_infinity_is_not_taken_for_the_cause():
    x = lw.Input("x")
    mask = np.array([0.0, 0.0, -np.inf, 0.0])
    scores = lw.Affine(3, 4)(x) + mask
    good = lw.Graph(lw.Affine(4, 2)(lw.Softmax()(scores)), seed=0)
    lw.Trainer(good, progress=False).fit((X, T), epochs=1)
    bad = lw.Graph(lw.Affine(4, 2)(lw.Softmax()(Bad(-np.inf, forward=1)(scores) * 0)), seed=0)
    text, *_ = error_of(bad)
    assert "Forward, it begins at mul1 = Mul(): its output has NaN in 4 of 12 " in text
    assert ", of an input with Inf in 4 of 12 numbers. " in text


def test_the_search_of_lbfgs_is_looked_at_as_well():
    net = lw.Sequential(lw.Affine(3, 2), Bad(forward=1), seed=0)
    trainer = lw.Trainer(net, optimizer=lw.LBFGS(), progress=False)
    text = text_of(lw.TrainingError, lambda: trainer.fit((X, T), batch_size=9))
    assert text.startswith("The loss is nan in epoch 1, batch 1 of 1. Forward, it begins at bad1")


def test_finite_numbers_whose_sum_is_not():
    with np.errstate(all="ignore"):  # as in a training
        assert all_finite(np.full(4, 3e38, np.float32))
        assert all_finite(np.full(9, 60_000, np.float16))
        assert not all_finite(np.array([3e38, np.inf], np.float32))
        assert not all_finite(np.array([np.inf, -np.inf]))
        assert not all_finite(np.nan)
    assert all_finite(np.array([1, 2])) and all_finite(None) and all_finite(np.zeros(0))
    assert what(np.array([np.nan, np.inf, 1.0])) == "NaN and Inf in 2 of 3 numbers"
