"""The diagnosis: each finding, in a network that has the fault and in a healthy one."""

import copy
import math
from functools import partial

import numpy as np
import pytest
from helpers import BookRelu, text_of

import layerwise as lw
from layerwise import initializers, io
from layerwise.training.diagnose import diagnose

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 6)).astype(np.float32)
T = (X[:, 0] > 0).astype(int) + 2 * (X[:, 1] > 0)  # four classes
NUMBERS = X[:, :1] + X[:, 1:2] * X[:, 2:3]


def network(*layers, outputs=4, seed=0):
    layers = layers or (lw.Affine(6, 32), lw.ReLU(), lw.Affine(32, 32), lw.ReLU())
    return lw.Sequential(*layers, lw.Affine(32, outputs), seed=seed)


def found(net=None, loss=None, optimizer=None, data=(X, T), *, steps=0, **options):
    return diagnose(
        net or network(),
        loss or lw.SoftmaxCrossEntropy(),
        optimizer or lw.Adam(),
        data,
        steps=steps,
        **options,
    )


def kinds(diagnosis):
    return [one.kind for one in diagnosis.findings]


def only(kind, diagnosis):
    """The single finding of this kind; there may be others that follow from the same fault."""
    (one,) = [one for one in diagnosis.findings if one.kind == kind]
    assert one.said in " ".join(str(diagnosis).split())
    assert " ".join(one.advice.split()) in " ".join(str(diagnosis).split())
    return one


# ---------------------------------------------------------------- healthy


@pytest.mark.parametrize(
    "optimizer",
    [lw.SGD(lr=0.1), lw.SGD(lr=0.1, momentum=0.9), lw.Adam(), lw.Adam(0.01), lw.LBFGS()],
    ids=repr,
)
def test_a_healthy_network_has_no_findings(optimizer):
    diagnosis = found(optimizer=optimizer, steps=200, validation=(X[:50] + 1, T[:50]))
    assert diagnosis.ok and bool(diagnosis) and diagnosis.findings == []
    first = f"Sequential(x -> affine3): nothing found (loss {diagnosis.loss:.3g} of 256 rows)"
    assert str(diagnosis).splitlines()[0] == repr(diagnosis).splitlines()[0] == first
    assert [row.name for row in diagnosis.layers] == ["affine1", "affine2", "affine3"]


def healthy():
    """Networks of all kinds, with the loss and the data that belong to them."""
    cross = lw.SoftmaxCrossEntropy()
    train, _ = lw.data.digits()
    images = train[0].reshape(-1, 1, 8, 8), train[1]
    conv = (lw.Conv2d(1, 8, 3, padding=1), lw.BatchNorm(8), lw.ReLU(), lw.Dropout(0.5))
    yield "conv", lw.Sequential(*conv, lw.Flatten(), lw.Affine(512, 10), seed=0), cross, images
    for act in (lw.Sigmoid, lw.Tanh, lw.GELU, lw.LeakyReLU):
        yield act.__name__, network(lw.Affine(6, 32), act()), cross, (X, T)
    inner = lw.Sequential(lw.Affine(32, 32), lw.ReLU())
    x = lw.Input("x")
    h = lw.Affine(6, 32)(x)
    residual = lw.Graph(lw.Affine(32, 4)(h + inner(lw.LayerNorm(32)(h))), seed=0)
    yield "residual", residual, cross, (X, T)
    yield "one hot", network(), lw.SoftmaxCrossEntropy(label_smoothing=0.1), (X, np.eye(4)[T])
    yield "numbers", network(outputs=1), lw.MeanSquaredError(), (X, NUMBERS)
    two = (T > 1)[:, None].astype(float)
    yield "yes and no", network(outputs=1), lw.BinaryCrossEntropyWithLogits(), (X, two)
    sure = lw.Sequential(lw.Affine(6, 32), lw.ReLU(), lw.Affine(32, 1), lw.Sigmoid(), seed=0)
    yield "probabilities", sure, lw.BinaryCrossEntropy(), (X, two)
    ids = RNG.integers(0, 9, (80, 12))
    following = np.roll(ids, -1, axis=1)
    gpt = lw.models.gpt(9, block_size=12, n_layer=2, n_head=2, n_embd=32, seed=0)
    yield "text", gpt, cross, (ids[:4].repeat(20, axis=0), following[:4].repeat(20, axis=0))
    lstm = lw.models.char_lstm(9, hidden_size=32, seed=0)
    yield "lstm", lstm, cross, (ids[:2].repeat(20, axis=0), following[:2].repeat(20, axis=0))


@pytest.mark.parametrize("case", list(healthy()), ids=lambda case: case[0])
def test_networks_of_all_kinds_are_healthy(case):
    _, net, loss, data = case
    diagnosis = found(net, loss, lw.Adam(0.003), data, rows=100, steps=200)
    assert diagnosis.ok, diagnosis


def test_a_trained_network_is_healthy():
    net = network()
    lw.fit(net, X, T, epochs=20, batch_size=20, optimizer=lw.Adam(0.01), progress=False)
    assert found(net, steps=200).ok


# ---------------------------------------------------------------- nothing is changed


def test_everything_stays_as_it_was_to_the_last_bit():
    x = lw.Input("x")
    block = lw.Sequential(lw.Affine(32, 32), lw.BatchNorm(32), lw.ReLU(), lw.Dropout(0.5))
    net = lw.Graph(lw.Affine(32, 4)(block(lw.Affine(6, 32)(x))), seed=0)
    loss, optimizer = lw.SoftmaxCrossEntropy(), lw.Adam(lr=lw.StepLR(0.01, 5))
    lw.fit(net, X, T, loss=loss, optimizer=optimizer, epochs=2, progress=False)
    net.training = True
    out = net.forward(X[:5])
    loss.forward(out, T[:5])
    net.backward(loss.backward()[0])
    given = copy.deepcopy((X, T))

    def everything():
        arrays, generators = io.state(net)
        grads = {name: p.grad.tobytes() for name, p in net.parameters().items()}
        seats = {seat.name: (id(seat.value), id(seat.grad)) for seat in net.nodes}
        return (
            {name: array.tobytes() for name, array in arrays.items()},
            generators,
            {name: np.asarray(one).tobytes() for name, one in optimizer.state().items()},
            (grads, seats, net.training, id(loss.log_y), loss.log_y.tobytes()),
            np.random.get_state()[1].tobytes(),
        )

    before = everything()
    found(net, loss, optimizer, steps=20, validation=(X, T))
    assert everything() == before
    assert (given[0] == X).all() and (given[1] == T).all()
    found(net, loss, optimizer, steps=20, data=[X.tolist(), T.tolist()])
    assert everything() == before


def test_a_fresh_network_has_the_numbers_of_its_seed_afterwards():
    one, other = network(seed=3), network(seed=3)
    found(one)
    for name, parameter in one.parameters().items():
        assert parameter.value.tobytes() == other.parameters()[name].value.tobytes()


def test_the_same_diagnosis_comes_again():
    net = network(lw.Affine(6, 32), lw.Dropout(0.5))
    assert str(found(net, steps=20)) == str(found(net, steps=20))


# ---------------------------------------------------------------- the data


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_in_the_data(bad):
    x, t = X.copy(), NUMBERS.copy()
    x[7, 2] = x[200, 1] = t[3, 0] = bad
    diagnosis = found(network(outputs=1), lw.MeanSquaredError(), data=(x, t))
    assert kinds(diagnosis) == ["not finite", "not finite"]  # and the other rows are looked at
    in_x, in_t = diagnosis.findings
    assert (in_x.where, in_x.number, in_t.where, in_t.number) == ("x", 2, "t", 1)
    assert in_x.said == "x holds 2 numbers that are NaN or infinite, the first in row 7."
    nothing = found(network(outputs=1), lw.MeanSquaredError(), data=(x * bad, t))
    assert kinds(nothing) == ["not finite", "not finite"] and math.isnan(nothing.loss)


def test_inputs_that_are_not_scaled():
    pictures = RNG.integers(0, 256, (300, 6)).astype(np.uint8)
    one = only("inputs not scaled", found(data=(pictures, T)))
    assert one.where == "x" and 140 < one.number < 155
    assert "x runs from 0 to 255" in one.said
    salary = X * [1, 1, 1, 1, 1000, 1] + [0, 0, 0, 0, 3000, 0]
    assert "the largest column is 4" in only("inputs not scaled", found(data=(salary, T))).said
    twice = only("inputs not scaled", found(data=(pictures / 255 / 255, T)))
    assert twice.number < 0.01 and "Was it divided twice?" in twice.advice
    assert found(data=((pictures / 255).astype(np.float32), T)).ok
    normed = network(lw.BatchNorm(6), lw.Affine(6, 32), lw.ReLU())
    assert "inputs not scaled" not in kinds(found(normed, data=(pictures, T)))
    letters = lw.Sequential(lw.Embedding(300, 32), lw.Affine(32, 9), lw.Transpose(0, 2, 1), seed=0)
    assert found(letters, data=(pictures.astype(int), pictures.astype(int) % 9)).ok


def test_targets_that_are_not_scaled():
    prices = 3e5 + 1e5 * NUMBERS
    one = only(
        "targets not scaled", found(network(outputs=1), lw.MeanSquaredError(), data=(X, prices))
    )
    assert one.where == "t" and 2.9e5 < one.number < 3.5e5
    assert found(network(outputs=1), lw.MeanSquaredError(), data=(X, NUMBERS)).ok


def test_dead_inputs():
    x = X.copy()
    x[:, :4] = 0.5
    one = only("dead inputs", found(data=(x, T)))
    assert one.number == 4 / 6
    assert one.said == "4 of 6 numbers of a row of x are the same in all 256 rows."
    x[:, 1:] = X[:, 1:]  # one column of six may be a frame
    assert found(data=(x, T)).ok
    images = RNG.random((50, 3, 4, 4))
    net = lw.Sequential(lw.Flatten(), lw.Affine(48, 4), seed=0)
    assert found(net, data=(images, T[:50])).ok
    images[:, 1] = 0
    one = only("dead inputs", found(net, data=(images, T[:50])))
    assert one.said == "1 of 3 channels of x are the same in all 50 rows: 1."


def test_classes_that_are_rare_or_absent():
    t = np.where(np.arange(300) < 290, 0, T)
    t[290:] = [1, 2, 3, 1, 2, 3, 1, 2, 3, 3]
    one = only("class imbalance", found(data=(X, t)))
    assert one.number == 290 / 3 and "always answering 0 would be right in 96.7 %" in one.said
    for form in (np.eye(4)[t], np.eye(4)[t].astype(np.float32)):
        assert only("class imbalance", found(data=(X, form))).number == 290 / 3
    absent = only("absent classes", found(network(outputs=6)))
    assert absent.number == 2 and "it has none of 4, 5" in absent.said
    two = (np.arange(300) < 20)[:, None] * 1.0
    yes_no = network(outputs=1), lw.BinaryCrossEntropyWithLogits()
    assert only("class imbalance", found(*yes_no, data=(X, two))).number == 14
    assert found(*yes_no, data=(X, (T > 1)[:, None] * 1.0)).ok
    many = network(outputs=100)  # of letters, some are rare
    assert "class imbalance" not in kinds(found(many, data=(X, t)))
    ignored = np.where(np.arange(300) % 2, T, -100)
    assert found(data=(X, ignored)).ok


def test_leakage():
    one = only("leakage", found(validation=(np.r_[X[:30], X[:70] + 1], np.zeros(100, int))))
    assert one.number == 0.3 and one.where == "validation"
    assert one.said == (
        "30 of 100 rows of the validation are also in the training data, the first is row 0."
    )
    assert found(validation=(X + 1, T)).ok
    in_double = np.r_[X[:30].astype(float), X[:70] + 1.0]
    assert only("leakage", found(validation=(in_double, np.zeros(100, int)))).number == 0.3


# ---------------------------------------------------------------- the network


def test_dead_relus():
    net = network()
    net["affine1.b"].value[:20] = -100
    one = only("dead units", found(net))
    assert (one.where, one.number) == ("relu1", 20)
    assert "relu1 = ReLU(): 20 of 32 units are 0 for all 256 rows" in one.said
    net["affine1.b"].value[5:20] = 0  # 5 of 32 may be so by chance
    assert found(net).ok


def test_dead_relus_in_a_nested_graph_and_of_the_users_own():
    inner = lw.Sequential(lw.Affine(32, 32), lw.ReLU())
    middle = lw.Sequential(inner, lw.Affine(32, 32))
    net = lw.Sequential(lw.Affine(6, 32), middle, lw.ReLU(), lw.Affine(32, 4), seed=0)
    (name,) = [name for name in net.parameters() if name.count(".") == 3 and name.endswith(".b")]
    net.parameters()[name].value[:20] = -100
    assert only("dead units", found(net)).where == name.replace("affine1.b", "relu1")
    book = network(lw.Affine(6, 32), BookRelu())
    assert found(book).ok
    book["affine1.b"].value[:] = -100
    one = only("dead units", found(book))
    assert one.where == "book_relu1" and one.number == 32


@pytest.mark.parametrize("axis", ["channels", "steps"])
def test_the_units_of_images_and_sequences(axis):
    if axis == "channels":
        first, bias = lw.Conv2d(1, 8, 3), "conv2d1.b"
        x, last = RNG.normal(size=(60, 1, 6, 6)), [lw.Flatten(), lw.Affine(128, 4)]
    else:
        first, bias = lw.Affine(6, 8), "affine1.b"
        x, last = RNG.normal(size=(60, 5, 6)), [lw.Flatten(), lw.Affine(40, 4)]
    net = lw.Sequential(first, lw.ReLU(), *last, seed=0)
    assert found(net, data=(x, T[:60])).ok
    net[bias].value[:4] = -100
    one = only("dead units", found(net, data=(x, T[:60])))
    assert one.number == 4 and "4 of 8 units" in one.said


@pytest.mark.parametrize("act", [lw.Sigmoid, lw.Tanh])
def test_saturated_units(act):
    net = network(lw.Affine(6, 32), act())
    assert found(net).ok
    net["affine1.W"].value *= 50
    one = only("saturated units", found(net))
    assert one.where == act.__name__.lower() + "1" and one.number > 0.7


def test_a_sigmoid_that_is_sure_before_its_own_loss_is_not_saturated():
    net = lw.Sequential(lw.Affine(6, 1), lw.Sigmoid(), seed=0)
    net["affine1.W"].value[:] = [[100], [0], [0], [0], [0], [0]]
    data = X, (X[:, :1] > 0) * 1.0
    assert found(net, lw.BinaryCrossEntropy(), data=data).ok
    assert "saturated units" in kinds(found(net, lw.MeanSquaredError(), data=data))


def deep(act, init, depth=8):
    layers = [layer for _ in range(depth) for layer in (lw.Affine(32, 32, init=init), act())]
    return lw.Sequential(lw.Affine(6, 32), *layers, lw.Affine(32, 4), seed=0)


def test_vanishing_gradients():
    one = only("vanishing gradient", found(deep(lw.Sigmoid, initializers.xavier_normal)))
    assert one.where == "affine1" and one.number < 1e-4
    assert "On its way from affine10 back to affine1 the gradient shrinks from" in one.said
    assert found(deep(lw.ReLU, initializers.he_normal)).ok


def test_a_gradient_that_does_not_arrive():
    class Stop(lw.Layer):
        def forward(self, x):
            return x * 1

        def backward(self, dout):
            return dout * 0

    one = only("vanishing gradient", found(network(lw.Affine(6, 32), Stop())))
    assert one.where == "affine1" and one.number == 0


def test_a_branch_that_begins_at_zero_is_no_vanishing_gradient():
    x = lw.Input("x")
    h = lw.Affine(6, 32)(x)
    norm = lw.BatchNorm(32)
    net = lw.Graph(lw.Affine(32, 4)(h + norm(lw.Affine(32, 32)(h))), seed=0)
    norm.gamma.value[:] = 0
    assert found(net).ok


def test_exploding_gradients():
    large = deep(lw.ReLU, lambda shape, rng: rng.normal(0, 2, shape))
    one = only("exploding gradient", found(large))
    assert one.where == "affine1" and one.number > 1e3


def test_steps_that_are_too_large_or_too_small():
    one = only("large steps", found(optimizer=lw.Adam(lr=1.0)))
    assert one.where.endswith(".W") and one.number > 1
    one = only("small steps", found(optimizer=lw.SGD(lr=1e-9)))
    assert one.number < 1e-7 and "SGD(lr=1e-09)" in one.said


def test_a_first_loss_that_is_not_that_of_chance():
    net = network()
    net["affine3.W"].value *= 100
    one = only("first loss", found(net))
    assert one.number > 3 and "ln(4) = 1.386" in one.said
    logs = lw.Sequential(*network().children().values(), lw.LogSoftmax(1), seed=0)
    assert found(logs, lw.NegativeLogLikelihood()).ok
    logs["affine3.W"].value *= 100
    assert "first loss" in kinds(found(logs, lw.NegativeLogLikelihood()))
    yes_no = network(outputs=1)
    data = X, (T > 1)[:, None] * 1.0
    assert found(yes_no, lw.BinaryCrossEntropyWithLogits(), data=data).ok
    yes_no["affine3.W"].value *= 100
    one = only("first loss", found(yes_no, lw.BinaryCrossEntropyWithLogits(), data=data))
    assert "ln(2) = 0.693" in one.said


def test_probabilities_where_scores_are_wanted():
    squeezed = lw.Sequential(*network().children().values(), lw.Softmax(1), seed=0)
    one = only("squeezed twice", found(squeezed))
    assert "SoftmaxCrossEntropy takes them for scores" in one.said
    yes_no = lw.Sequential(*network(outputs=1).children().values(), lw.Sigmoid(), seed=0)
    data = X, (T > 1)[:, None] * 1.0
    one = only("squeezed twice", found(yes_no, lw.BinaryCrossEntropyWithLogits(), data=data))
    assert "or take BinaryCrossEntropy" in one.advice
    assert found(yes_no, lw.BinaryCrossEntropy(), data=data).ok


def test_the_same_output_for_all_rows():
    net = network()
    net["affine1.b"].value[:] = -100
    net["affine3.b"].value[:] = [1, 2, 3, 4]
    one = only("constant output", found(net))
    assert "All 256 rows get the same answer" in one.said and one.number < 1e-6


def test_weights_that_are_all_equal():
    equal = network(lw.Affine(6, 32, init=partial(initializers.constant, value=0.1)), lw.Tanh())
    one = only("equal weights", found(equal))
    assert one.where == "affine1.W" and one.number == pytest.approx(0.1)
    last = network()
    last["affine3.W"].value[:] = 0  # only at the end that does no harm
    assert kinds(found(last)) == ["constant output"]


def test_nan_that_a_layer_makes():
    net = network(lw.Affine(6, 32), lw.Log())
    one = only("not finite", found(net, steps=10))
    assert one.where == "log1" and "first appear in what log1 = Log() gives" in one.said
    inner = lw.Sequential(lw.Affine(32, 32), lw.Sqrt())
    nested = network(lw.Affine(6, 32), inner)
    assert only("not finite", found(nested)).where == "sequential1.sqrt1"


# ---------------------------------------------------------------- one batch


def test_a_network_that_cannot_fit_one_batch():
    class Wrong(lw.ReLU):
        def backward(self, dout):
            return -super().backward(dout)

    wrong = lw.Sequential(lw.Affine(6, 32), Wrong(), lw.Affine(32, 1), lw.ReLU(), seed=0)
    wrong["affine2.b"].value[:] = -1e3  # a dead end: everything that is learned stays behind it
    one = only(
        "cannot fit 1 batch", found(wrong, lw.MeanSquaredError(), data=(X, NUMBERS), steps=50)
    )
    assert one.number > 0.1 and "50 steps on the same 16 rows took the loss from" in one.said
    same = np.zeros_like(X)
    assert "cannot fit 1 batch" in kinds(found(data=(same, T), steps=200))
    assert found(steps=200).ok


def test_a_learning_rate_that_learns_nothing():
    one = only("learning rate", found(optimizer=lw.SGD(lr=1e-4), steps=200))
    assert one.where == "optimizer" and "Take a larger learning rate" in one.advice
    assert "with SGD(lr=0.0001); Adam(lr=0.001) gets to" in one.said
    data = X, NUMBERS
    one = only(
        "learning rate",
        found(network(outputs=1), lw.MeanSquaredError(), lw.SGD(lr=50.0), data, steps=200),
    )
    assert "Take a smaller learning rate" in one.advice


def test_dropout_does_not_stand_in_the_way_of_one_batch():
    net = network(lw.Affine(6, 32), lw.ReLU(), lw.Dropout(1.0))  # nothing comes through
    assert "cannot fit 1 batch" not in kinds(found(net, optimizer=lw.Adam(0.01), steps=200))
    assert net["dropout1"].layer.p == 1.0


def test_steps_of_zero_leave_the_training_out(monkeypatch):
    from layerwise.training.diagnosing import learning

    monkeypatch.setattr(learning, "trial", None)
    assert found(steps=0).ok


# ---------------------------------------------------------------- data and errors


class FewBatches:
    """What has `epoch(number)`, as Batches."""

    def __init__(self, x, t, size=20):
        self.batches, self.asked = [(x[i : i + size], t[i : i + size]) for i in (0, 20, 40)], 0

    def epoch(self, number):
        for x, t in self.batches:
            self.asked += 1
            yield type("Batch", (), {"x": x, "t": t})


def test_batches_do_as_well_as_a_pair():
    batches = FewBatches(X, T)
    diagnosis = found(data=batches, rows=30)
    assert diagnosis.ok and diagnosis.rows == 30 and batches.asked == 2
    assert found(data=FewBatches(X * 1000, T)).findings[0].kind == "inputs not scaled"
    overlap = found(data=batches, validation=FewBatches(X[10:], T[10:]))
    assert kinds(overlap) == ["leakage"]


def test_the_report():
    net = network()
    net["affine1.b"].value[:20] = -100
    diagnosis = found(net)
    lines = str(diagnosis).splitlines()
    assert lines[:3] + lines[7:] == [
        f"Sequential(x -> affine3): 1 finding (loss {diagnosis.loss:.3g} of 256 rows)",
        "",
        "layer    output  gradient  step",
        "",
        f"{'dead units':<20}relu1 = ReLU(): 20 of 32 units are 0 for all 256 rows, so that nothing",
        f"{'':<20}before them learns.",
        f"{'':<20}Take a smaller learning rate, draw weights by initializers.he_normal, begin",
        f"{'':<20}with biases of 0, or take LeakyReLU.",
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"net": lw.Affine(2, 2)},
            "diagnose expects a network (Graph or Sequential) with one input and one output, but "
            "got Affine(2, 2).",
        ),
        (
            {"net": lw.Sequential(lw.ReLU())},
            "Sequential(ReLU()) has no parameters, so there is nothing to learn.",
        ),
        (
            {"loss": 3},
            "diagnose expects a loss with forward(out, t) and backward(dout), but got 3.",
        ),
        (
            {"loss": lw.SoftmaxCrossEntropy(reduction="none")},
            "SoftmaxCrossEntropy(reduction='none') gave (256,) float32 instead of one number for "
            'the batch. Let it take the mean: reduction="mean".',
        ),
        (
            {"optimizer": 0.1},
            "diagnose expects an optimizer with step(parameters), such as SGD(lr=0.1), but got "
            "0.1.",
        ),
        (
            {"data": X},
            "diagnose expects data as a pair (x, t) or as Batches, but got ndarray.",
        ),
        (
            {"validation": X},
            "diagnose expects validation as a pair (x, t) or as Batches, but got ndarray.",
        ),
        (
            {"data": (X, T[:5])},
            "diagnose expects a row of t for each row of x, and at least one, but in data x is "
            "(300, 6) float32 and t is (5,) int64.",
        ),
        ({"rows": 1}, "rows must be a whole number, 2 or more, but got 1."),
        ({"steps": -1}, "steps must be a whole number, 0 or more, but got -1."),
    ],
)
def test_diagnose_refuses_what_cannot_be_trained(change, text):
    assert text_of(lw.TrainingError, lambda: found(**change)) == text
