"""The trainer: its step, what counts how much, its events, and how it ends."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw
from layerwise.data import Batches
from layerwise.training import Each, TimeBudget
from layerwise.training.criterion import Criterion

RNG = np.random.default_rng(0)
X = RNG.normal(size=(11, 3))
T = RNG.integers(0, 4, 11)
WEIGHTS = RNG.uniform(0, 2, 11)
CLASSES = np.array([0.5, 1.0, 2.0, 0.0])


def network(seed=0, dtype="float64"):
    return lw.Sequential(lw.Affine(3, 5), lw.Tanh(), lw.Affine(5, 4), seed=seed, dtype=dtype)


def trainer_of(net=None, loss=None, optimizer=None, **options):
    options = {"progress": False, **options}
    return lw.Trainer(net or network(), loss, optimizer or lw.SGD(0.5), **options)


def weights(net):
    return {name: p.value.copy() for name, p in net.parameters().items()}


def assert_same(one, other, rtol=0.0):
    for name, value in weights(one).items():
        np.testing.assert_allclose(weights(other)[name], value, rtol=rtol, atol=rtol)


# accumulation ------------------------------------------------------------------------------------

LOSSES = [
    lw.SoftmaxCrossEntropy(),
    lw.SoftmaxCrossEntropy(weight=[1.0, 2.0, 0.5, 3.0]),
    lw.SoftmaxCrossEntropy(ignore_index=1),
    lw.SoftmaxCrossEntropy(ignore_index=1, label_smoothing=0.2),
]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize(("size", "count"), [(2, 2), (2, 3), (1, 4), (3, 2), (4, 5)])
def test_small_batches_gathered_are_one_large_batch(loss, size, count):
    """Also where the last group has fewer batches, and the last batch has fewer rows."""
    nets, histories = [network(), network()], []
    for net, batch_size, accumulate in zip(nets, (size, size * count), (count, 1)):
        trainer = trainer_of(net, loss, lw.SGD(0.5, momentum=0.9), accumulate=accumulate)
        histories.append(trainer.fit(Batches(X, T, batch_size, seed=1), epochs=3))
        assert trainer.step == 3 * -(-11 // (size * count))
    assert_same(*nets, rtol=1e-12)
    assert histories[0]["loss"] == pytest.approx(histories[1]["loss"], rel=1e-12)


@pytest.mark.parametrize("options", [{"weights": WEIGHTS}, {}])
@pytest.mark.parametrize("class_weights", [CLASSES, None])
def test_weights_count_the_same_in_small_batches(options, class_weights):
    nets = [network(), network()]
    for net, size, accumulate in zip(nets, (2, 6), (3, 1)):
        trainer = trainer_of(net, accumulate=accumulate, class_weights=class_weights)
        trainer.fit(Batches(X, T, size, **options), epochs=2)
    assert_same(*nets, rtol=1e-12)


def test_gathered_gradients_in_float32_and_for_numbers():
    nets = [network(dtype="float32"), network(dtype="float32")]
    for net, size, accumulate in zip(nets, (2, 8), (4, 1)):
        trainer = trainer_of(net, lw.MeanSquaredError(), accumulate=accumulate)
        trainer.fit((X, np.eye(4)[T]), epochs=3, batch_size=size)
    assert_same(*nets, rtol=1e-6)


def test_a_loss_that_gives_sums_is_refused():
    """The history showed sums weighted by rows, and evaluate depended on batch_size."""
    loss = lw.SoftmaxCrossEntropy(reduction="sum")
    assert text_of(lw.TrainingError, lambda: trainer_of(loss=loss)) == (
        "A training takes means, whatever the size of a batch, but "
        "SoftmaxCrossEntropy(reduction='sum') gives a sum. Take reduction='mean'."
    )


def test_a_group_that_was_broken_off_leaves_nothing_behind():
    nets = [network(), network()]
    trainer = trainer_of(nets[0], accumulate=3)
    broken = lw.data.Batches(X, T, 4, augment=[lambda x, t, rng: (x, t) if len(x) > 3 else 1 / 0])
    with pytest.raises(ZeroDivisionError):
        trainer.fit(broken)
    trainer.fit((X, T), epochs=1, batch_size=4)
    trainer_of(nets[1]).fit((X, T), epochs=1, batch_size=11)
    assert_same(*nets, rtol=1e-12)


# weights -----------------------------------------------------------------------------------------


def test_a_row_of_weight_two_counts_as_the_row_twice():
    twice = np.concatenate([np.arange(11), [3, 3, 7]])
    counts = np.bincount(twice).astype(float)
    nets = [network(), network()]
    one = trainer_of(nets[0]).fit(Batches(X, T, 11, weights=counts), epochs=2)
    other = trainer_of(nets[1]).fit((X[twice], T[twice]), epochs=2, batch_size=14)
    assert_same(*nets, rtol=1e-12)
    assert one["loss"] == pytest.approx(other["loss"], rel=1e-12)
    assert one["accuracy"] == pytest.approx(other["accuracy"], rel=1e-12)


def test_the_mean_of_an_epoch_is_exact_over_batches_of_different_weight():
    net = network()
    batches = Batches(X, T, 4, weights=WEIGHTS)
    history = trainer_of(net, optimizer=lw.SGD(0)).fit(batches, epochs=1, validation=batches)
    losses = lw.SoftmaxCrossEntropy(reduction="none").forward(net.predict(X), T)
    mean = np.sum(WEIGHTS * losses) / np.sum(WEIGHTS)
    assert history.epochs[0].loss == pytest.approx(mean, rel=1e-12)
    assert history.epochs[0].val_loss == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_are_those_of_the_loss(one_hot):
    """PyTorch's mean with class weights, for class numbers; the same for one-hot rows."""
    out = RNG.normal(size=(11, 4))
    own = lw.SoftmaxCrossEntropy(weight=CLASSES)
    criterion = Criterion(lw.SoftmaxCrossEntropy(), CLASSES)
    t = np.eye(4)[T] if one_hot else T
    assert criterion.forward(out, t) == pytest.approx(float(own.forward(out, T)), rel=1e-12)
    np.testing.assert_allclose(criterion.backward(3.0), own.backward(3.0)[0], rtol=1e-12)
    assert criterion.total == pytest.approx(CLASSES[T].sum())


def test_class_weights_for_every_pixel_and_rows_that_are_ignored():
    out, t = RNG.normal(size=(2, 4, 3)), RNG.integers(0, 4, (2, 3))  # (N, C, H), (N, H)
    t[0, 1] = -100
    for loss in (lw.SoftmaxCrossEntropy, lw.NegativeLogLikelihood):
        own, criterion = loss(weight=CLASSES), Criterion(loss(), CLASSES)
        assert criterion.forward(out, t) == pytest.approx(float(own.forward(out, t)), rel=1e-12)
        np.testing.assert_allclose(criterion.backward(), own.backward()[0], rtol=1e-12)
    rows = criterion.forward(out, t, np.array([0.0, 1.0]))
    assert rows == pytest.approx(float(own.forward(out[1:], t[1:])), rel=1e-12)


def test_a_weighted_mean_of_all_elements_and_its_slope():
    loss, w = lw.MeanSquaredError(), WEIGHTS
    criterion, out, t = Criterion(loss), RNG.normal(size=(11, 2)), RNG.normal(size=(11, 2))
    value = criterion.forward(out, t, w)
    assert value == pytest.approx(np.average(np.mean((out - t) ** 2, axis=1), weights=w))
    dx, step = criterion.backward(), np.zeros_like(out)
    step[4, 1] = 1e-6
    slope = criterion.forward(out + step, t, w) - criterion.forward(out - step, t, w)
    assert dx[4, 1] == pytest.approx(slope / 2e-6, rel=1e-6)


def test_a_schedule_that_waits_for_the_loss_hears_nothing_where_there_is_none():
    optimizer = lw.SGD(lw.ReduceLROnPlateau(0.1, patience=0))
    trainer = trainer_of(loss=lw.SoftmaxCrossEntropy(ignore_index=0), optimizer=optimizer)
    assert trainer.fit((X, np.zeros(len(X), int)), epochs=3)["loss"] == [None] * 3
    assert optimizer.rate() == 0.1


def test_where_nothing_counts_nothing_is_learned():
    net = network()
    history = trainer_of(net).fit(Batches(X, T, 4, weights=np.zeros(11)), epochs=1)
    assert_same(net, network())
    assert history.epochs[0].loss is None


class NoReduction:
    def forward(self, x, t):
        return np.mean(x - t)

    def backward(self, dout=1):
        return np.ones((4, 4))

    def __repr__(self):
        return "NoReduction()"


@pytest.mark.parametrize(
    ("loss", "class_weights", "text"),
    [
        (
            NoReduction(),
            None,
            "Weights need the loss of each row, which NoReduction() does not give. Take a loss of "
            "this library with reduction='mean', or no weights.",
        ),
        (
            lw.SoftmaxCrossEntropy(weight=[1.0] * 4),
            None,
            "SoftmaxCrossEntropy(weight=[1.0, 1.0, 1.0, 1.0]) has weights of its own. Where rows "
            "have weights as well, give those of the classes to the Trainer: class_weights=.",
        ),
        (
            None,
            [1.0, 2.0],
            "class_weights has 2 numbers, but the network gives (11, 4) float64: 4 classes. Give "
            "one number for each class.",
        ),
        (
            None,
            [[1.0]],
            "class_weights expects a list with a number for each class, 0 or more, but got "
            "[[1.0]].",
        ),
        (
            None,
            [1.0, -2.0],
            "class_weights expects a list with a number for each class, 0 or more, but got "
            "[1.0, -2.0].",
        ),
    ],
)
def test_weights_that_do_not_fit(loss, class_weights, text):
    data = Batches(X, T, 11, weights=WEIGHTS)
    run = lambda: trainer_of(loss=loss, class_weights=class_weights).fit(data, epochs=1)  # noqa: E731
    assert text_of(lw.TrainingError, run) == text


def test_class_weights_of_a_single_score():
    net = lw.Sequential(lw.Affine(3, 1), seed=0, dtype="float64")
    trainer = trainer_of(net, lw.BinaryCrossEntropyWithLogits(), class_weights=[1.0, 3.0])
    said = text_of(lw.TrainingError, lambda: trainer.fit((X, X[:, :1] > 0)))
    assert said.endswith("1 classes. For yes and no, the loss has pos_weight= or weight=.")


def test_lbfgs_takes_no_function():
    batches = Batches(lambda: iter([(X, T)]))
    said = text_of(lw.TrainingError, lambda: trainer_of(optimizer=lw.LBFGS()).fit(batches))
    assert said == "LBFGS needs all rows in each step: give arrays, and no function."


def test_class_weights_need_classes():
    class Distance(NoReduction):
        reduction, reductions = "mean", ("mean", "none")

        def forward(self, x, t):
            return np.abs(x[:, 0] - t)

    for t, said in ((X[:, 0], "(11,) float64"), (T + 1, "(11,) int64")):
        text = text_of(
            lw.TrainingError,
            lambda t=t: trainer_of(loss=Distance(), class_weights=CLASSES).fit((X, t)),
        )
        assert text == f"class_weights needs class numbers in t, but it is {said}."


# one's own step ----------------------------------------------------------------------------------


def test_a_step_of_ones_own():
    class Doubled(lw.Trainer):
        def train_step(self, batch):
            loss, out = self.gradients(batch)
            for parameter in self.parameters.values():
                parameter.grad = 2 * parameter.grad
            self.update()
            return loss, out

    nets = [network(), network()]
    histories = [
        Doubled(nets[0], optimizer=lw.SGD(0.5), progress=False).fit((X, T), epochs=2),
        trainer_of(nets[1], optimizer=lw.SGD(1.0)).fit((X, T), epochs=2),
    ]
    assert_same(*nets, rtol=1e-12)
    assert histories[0]["loss"] == pytest.approx(histories[1]["loss"])


def test_a_step_without_anything_of_the_trainers():
    class Bare(lw.Trainer):
        def train_step(self, batch):
            out = self.net.forward(batch.x)
            return float(len(batch.x)), out

    history = Bare(network(), progress=False).fit((X, T), epochs=1, batch_size=4)
    assert history.epochs[0].loss == pytest.approx((4 * 4 + 4 * 4 + 3 * 3) / 11)


# events ------------------------------------------------------------------------------------------


class Diary(lw.Callback):
    def __init__(self):
        self.events = []

    def __getattribute__(self, name):
        if name.startswith("on_"):

            def note(trainer):
                self.events.append((name[3:], trainer.epoch, trainer.batch, trainer.step))

            return note
        return super().__getattribute__(name)


def test_the_events_of_a_training():
    diary = Diary()
    trainer_of(callbacks=diary, accumulate=2).fit((X, T), epochs=1, batch_size=4)
    assert diary.events == [
        ("fit_start", 0, 0, 0),
        ("epoch_start", 1, 0, 0),
        ("backward_end", 1, 1, 0),
        ("batch_end", 1, 1, 0),
        ("backward_end", 1, 2, 0),
        ("batch_end", 1, 2, 1),
        ("step_end", 1, 2, 1),
        ("backward_end", 1, 3, 1),
        ("batch_end", 1, 3, 1),
        ("step_end", 1, 3, 2),
        ("epoch_end", 1, 0, 2),
        ("fit_end", 1, 0, 2),
    ]


def test_a_function_is_called_after_each_epoch_or_so_many_steps():
    epochs, steps = [], []
    callbacks = [
        lambda trainer: epochs.append(trainer.history.epochs[-1].epoch),
        Each(lambda trainer: steps.append(trainer.step), steps=4),
    ]
    trainer_of(callbacks=callbacks).fit((X, T), epochs=3, batch_size=4)
    assert (epochs, steps) == ([1, 2, 3], [4, 8])


def test_a_callback_can_put_a_column_into_the_history():
    def count(trainer):
        trainer.history.epochs[-1]["steps"] = trainer.step

    history = trainer_of(callbacks=count).fit((X, T), epochs=2)
    assert history["steps"] == [1, 2]
    assert repr(history).splitlines()[0].split()[-2:] == ["steps", "seconds"]


def test_the_end_is_told_however_it_comes_and_in_the_reverse_order():
    ended = []

    class End(lw.Callback):
        def __init__(self, name):
            self.name = name

        def on_fit_end(self, trainer):
            ended.append((self.name, type(trainer.error)))

    class Fails(End):
        def on_batch_end(self, trainer):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        trainer_of(callbacks=[End(1), Fails(2)]).fit((X, T))
    assert ended == [(2, ValueError), (1, ValueError)]

    class CannotBegin(End):
        def on_fit_start(self, trainer):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trainer_of(callbacks=[End(3), CannotBegin(4)]).fit((X, T))
    assert ended[2:] == [(3, KeyError)]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (3, "callbacks= expects Callbacks, or functions of the trainer, but got 3."),
        (
            [TimeBudget],
            "callbacks= expects Callbacks, or functions of the trainer, but got <class "
            "'layerwise.training.callbacks.TimeBudget'>. Call it: TimeBudget().",
        ),
    ],
)
def test_what_is_no_callback(given, text):
    assert text_of(lw.TrainingError, lambda: trainer_of(callbacks=given)) == text


def test_data_without_targets():
    for data in (Batches(X), Batches(lambda: [(X, None)])):
        for run in (trainer_of().fit, trainer_of(loss=lw.L1()).fit, trainer_of().evaluate):
            text = text_of(lw.TrainingError, lambda run=run, data=data: run(data))
            assert text == "A training needs one array of targets, but t is missing."


def test_a_network_with_a_backward_of_its_own_learns_the_same():
    """One that was written when there was no `inputs=`, or hands on all that it gets."""

    class Older(lw.Sequential):
        def backward(self, dout=1, *, accumulate=False):
            return super().backward(dout, accumulate=accumulate)

    class Handing(lw.Sequential):
        def backward(self, *args, **options):
            assert options["inputs"] is False
            return super().backward(*args, **options)

    one = network()
    wanted = trainer_of(one, accumulate=2).fit((X, T), 2, batch_size=4)
    for cls in (Older, Handing):
        net = cls(lw.Affine(3, 5), lw.Tanh(), lw.Affine(5, 4), seed=0, dtype="float64")
        found = trainer_of(net, accumulate=2).fit((X, T), 2, batch_size=4)
        assert found["loss"] == wanted["loss"]
        assert_same(net, one)


def two_inputs(**options):
    left, right = lw.Input("left"), lw.Input("right")
    net = lw.Graph(lw.Affine(3, 4)(lw.Concat(1)(left, right)), seed=0)
    return lw.Trainer(net, progress=False, **options)


LEFT, RIGHT = X[:, :1], X[:, 1:]
SEVERAL = {"in order": (LEFT, RIGHT), "by name": {"right": RIGHT, "left": LEFT}}


@pytest.mark.parametrize("name", SEVERAL)
def test_a_network_of_several_inputs_learns_what_one_input_would(name, tmp_path):
    x, whole = SEVERAL[name], np.concatenate([LEFT, RIGHT], axis=1)
    one = lw.Trainer(lw.Sequential(lw.Affine(3, 4), seed=0), progress=False)
    wanted = one.fit((whole, T), 4, validation=(whole, T), batch_size=4)
    trainer, resumed = two_inputs(), two_inputs()
    trainer.fit((x, T), 2, validation=(x, T), batch_size=4, checkpoints=tmp_path)
    found = resumed.fit(
        Batches(x, T, 4), 4, validation=(x, T), batch_size=4, checkpoints=tmp_path, resume=True
    )
    assert found["loss"] == wanted["loss"] and found["val_loss"] == wanted["val_loss"]
    assert found["val_accuracy"] == wanted["val_accuracy"]
    assert resumed.predict(x, batch_size=3).tolist() == one.predict(whole, batch_size=3).tolist()
    assert lw.accuracy(resumed.net, x, T) == lw.accuracy(one.net, whole, T)
    lw.fit(two_inputs().net, x, T, epochs=1, progress=False)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (LEFT, "The inputs of this graph are left, right. Missing: right."),
        ((LEFT,) * 3, "The inputs of this graph are left, right. It got 3 values."),
        ({"left": LEFT, "rihgt": RIGHT}, "The inputs of this graph are left, right. "),
        ((LEFT, RIGHT[1:]), "x and t must have a row for each other, but x is ((11, 1) "),
        ((LEFT, np.where(np.arange(22).reshape(11, 2) == 5, np.nan, RIGHT)),
         "The loss is nan in epoch 1, batch 1 of 1. It is in the data: x[1] has NaN in 1 of 22 "
         "numbers, first in row 2 of the data."),
    ],
)  # fmt: skip
def test_several_inputs_that_do_not_fit(x, text):
    assert text_of(lw.LayerwiseError, lambda: two_inputs().fit((x, T), 1)).startswith(text)


def test_a_training_of_several_inputs_is_recorded(tmp_path):
    for n, x in enumerate(SEVERAL.values()):
        two_inputs(callbacks=[lw.Record(tmp_path / f"{n}.html")]).fit((x, T), 1)
        assert (tmp_path / f"{n}.html").stat().st_size > 10_000


def test_data_that_is_none():
    text = text_of(lw.TrainingError, lambda: trainer_of().fit(X))
    assert text == "data= expects Batches, or a pair (x, t), but got ndarray."
    text = text_of(lw.TrainingError, lambda: trainer_of().fit(lambda: iter([(X, T)])))
    assert text == (
        "data= expects Batches, or a pair (x, t), but got function. Give Batches(function)."
    )


@pytest.mark.parametrize("loss", [None, lw.MeanSquaredError()])
@pytest.mark.parametrize(
    ("x", "t", "name"),
    [
        (X, None, "t is missing"),
        (X, (T, T), "t is a tuple"),
        (lambda: iter([(X, None)]), None, "t is missing"),
    ],
)
def test_batches_that_are_no_pair_of_arrays(loss, x, t, name):
    said = f"A training needs one array of targets, but {name}."
    batches, pair = Batches(x, t), (X, T if loss is None else np.zeros((11, 4)))
    assert text_of(lw.TrainingError, lambda: trainer_of(loss=loss).fit(batches)) == said
    fit = lambda: trainer_of(loss=loss).fit(pair, validation=batches)  # noqa: E731
    assert text_of(lw.TrainingError, fit) == said


def test_a_diagnosis_of_batches_that_a_function_makes():
    assert trainer_of().diagnose(Batches(lambda: iter([(X, T)])), steps=0).findings is not None


# the end, and after it ---------------------------------------------------------------------------


def test_called_again_it_goes_on():
    nets = [network(), network()]
    trainer = trainer_of(nets[0], optimizer=lw.SGD(0.1, momentum=0.9))
    trainer.fit((X, T), epochs=2, batch_size=4)
    history = trainer.fit((X, T), epochs=1, batch_size=4)
    trainer_of(nets[1], optimizer=lw.SGD(0.1, momentum=0.9)).fit((X, T), epochs=3, batch_size=4)
    assert_same(*nets)
    assert history["epoch"] == [1, 2, 3]


def broken_off_at(batch):
    """Raises once, behind so many batches; behind 0, as the epoch begins."""

    class BrokenOff(lw.Callback):
        done = False

        def on_epoch_start(self, trainer):
            self.on_batch_end(trainer)

        def on_batch_end(self, trainer):
            if trainer.batch == batch and not self.done:
                self.done = True
                raise OSError("the disk is gone")

    return BrokenOff()


@pytest.mark.parametrize("batch", [0, 1])
def test_an_epoch_that_was_broken_off_begins_anew(batch):
    """Nothing of it is left: neither its number nor the gradients that waited for the step."""
    nets, options = [network(), network()], {"accumulate": 2, "optimizer": lw.SGD(0.1)}
    trainer = trainer_of(nets[0], callbacks=broken_off_at(batch), **options)
    with pytest.raises(OSError, match="the disk is gone"):
        trainer.fit((X, T), epochs=2, batch_size=4)
    assert trainer.fit((X, T), epochs=2, batch_size=4)["epoch"] == [1, 2]
    trainer_of(nets[1], **options).fit((X, T), epochs=2, batch_size=4)
    assert_same(*nets)


def test_stop_ends_it_behind_the_step():
    def stop(trainer):
        trainer.stop("enough")

    trainer = trainer_of(callbacks=Each(stop, steps=5))
    history = trainer.fit((X, T), epochs=9, batch_size=4)
    assert (trainer.step, trainer.epoch, trainer.batch, trainer.stopped) == (5, 2, 2, "enough")
    assert len(history.epochs) == 1 and not history.interrupted
    trainer.callbacks.pop()
    assert trainer.fit((X, T), epochs=1, batch_size=4)["epoch"] == [1, 2]  # begun anew


def test_a_stop_waits_for_gradients_that_are_gathered():
    class Stop(lw.Callback):
        def on_batch_end(self, trainer):
            trainer.stop("enough")

    trainer = trainer_of(callbacks=Stop(), accumulate=2)
    trainer.fit((X, T), epochs=1, batch_size=4)
    assert (trainer.batch, trainer.step) == (2, 1)


def test_why_it_ended_is_said(capsys):
    trainer = trainer_of(callbacks=lambda trainer: trainer.stop("enough"), progress=True)
    trainer.fit((X, T), epochs=9)
    assert capsys.readouterr().out.splitlines()[-1] == "Stopped in epoch 1: enough."


def pressed(times, at=3):
    """A loss during whose so many-th forward Ctrl-C is pressed so many times."""

    class Pressed(lw.SoftmaxCrossEntropy):
        calls = 0

        def forward(self, x, t):
            self.calls += 1
            if self.calls == at:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
            return super().forward(x, t)

    return Pressed()


def test_the_first_ctrl_c_lets_the_step_end(capsys):
    nets = [network(), network()]
    trainer = trainer_of(nets[0], pressed(1, at=5))
    history = trainer.fit((X, T), epochs=9, batch_size=4)
    assert (trainer.step, trainer.epoch, trainer.batch) == (5, 2, 2)
    assert history.interrupted and history["epoch"] == [1]
    assert capsys.readouterr().err.startswith("Stopped by Ctrl-C in epoch 2.")
    twin = trainer_of(nets[1], callbacks=Each(lambda trainer: trainer.stop("enough"), 5))
    twin.fit((X, T), epochs=9, batch_size=4)
    assert_same(*nets)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_validation_lets_the_epoch_end():
    history = trainer_of(loss=pressed(1, at=5)).fit((X, T), 9, batch_size=4, validation=(X, T))
    assert history["epoch"] == [1] and history.epochs[0].val_loss and history.interrupted


def test_the_second_ctrl_c_stops_at_once():
    net = network()
    trainer = trainer_of(net, pressed(2, at=2))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit((X, T), epochs=9, batch_size=4)
    assert trainer.step == 1 and trainer.history.interrupted
    assert isinstance(trainer.error, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert net.training


def test_a_handler_of_somebody_elses_is_left_alone():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        history = trainer_of(loss=pressed(2)).fit((X, T), epochs=2, batch_size=4)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1, 1] and not history.interrupted


def test_it_runs_in_another_thread():
    net, twin = network(), network()
    thread = threading.Thread(target=lambda: trainer_of(net).fit((X, T), epochs=2))
    thread.start()
    thread.join()
    trainer_of(twin).fit((X, T), epochs=2)
    assert_same(net, twin)


# with the network as it is -----------------------------------------------------------------------


def test_evaluate_is_exact_and_changes_nothing():
    net = network()
    trainer = trainer_of(net, metrics=None)
    before = weights(net)
    found = trainer.evaluate((X, T), batch_size=4)
    out = net.predict(X)
    assert found["loss"] == pytest.approx(float(lw.SoftmaxCrossEntropy().forward(out, T)))
    assert found["accuracy"] == np.mean(out.argmax(axis=1) == T)
    np.testing.assert_array_equal(weights(net)["affine1.W"], before["affine1.W"])


@pytest.mark.parametrize("event", ["on_backward_end", "on_batch_end", "on_step_end"])
def test_evaluating_within_an_epoch_does_not_disturb_its_means(event):
    evaluating = lw.Callback()
    setattr(evaluating, event, lambda trainer: trainer.evaluate((X[:2], T[:2])))
    histories = [
        trainer_of(callbacks=callbacks).fit((X, T), epochs=1, batch_size=4)
        for callbacks in ([], evaluating)
    ]
    one, other = (history.epochs[0] for history in histories)
    assert (one.loss, one.accuracy) == (other.loss, other.accuracy)


def test_predict_takes_the_rows_bit_by_bit():
    net = network()
    np.testing.assert_allclose(trainer_of(net).predict(X.tolist(), 4), net.predict(X), rtol=1e-12)
    text = text_of(lw.TrainingError, lambda: trainer_of().predict([]))
    assert text == "predict expects rows, but x is (0,) float64."


def test_metrics_are_shown_by_name_and_validated():
    def margin(out, t):
        return np.mean(out.max(axis=1))

    history = trainer_of(metrics=[margin]).fit((X, T), epochs=2, validation=(X, T))
    assert history["margin"][1] is not None and history["val_margin"][1] is not None


def test_diagnose_looks_at_the_data_of_the_training():
    trainer = trainer_of()
    text = text_of(lw.TrainingError, trainer.diagnose)
    assert text == "There is no data yet. Give diagnose(data), or call fit first."
    trainer.net["affine1.b"].value[:] = np.nan
    assert "NaN" in str(trainer.diagnose((X, T)))
    trainer = trainer_of()
    trainer.fit((X, T), epochs=1)
    before = weights(trainer.net)
    assert str(trainer.diagnose(steps=0)) == str(trainer.diagnose((X, T), steps=0))
    assert all(np.array_equal(before[name], w) for name, w in weights(trainer.net).items())


# the same seed gives the same weights ------------------------------------------------------------

PROGRAM = """
import sys, hashlib, numpy as np, layerwise as lw
x = np.random.default_rng(0).normal(size=(300, 784)).astype(np.float32)
t = np.random.default_rng(1).integers(0, 10, 300)
net = lw.Sequential(lw.Affine(784, 200), lw.BatchNorm(200), lw.ReLU(), lw.Dropout(0.5),
                    lw.Affine(200, 10), seed=0)
trainer = lw.Trainer(net, optimizer=lw.Adam(), progress=False, threads=eval(sys.argv[1]))
trainer.fit((x, t), epochs=2, validation=(x, t))
print(hashlib.sha256(b"".join(p.value.tobytes() for p in net.parameters().values())).hexdigest())
"""


def test_the_same_weights_to_the_last_bit_whatever_the_number_of_threads():
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, "1"],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "5")
    }
    assert len(found) == 1 and len(found.pop()) == 65


def test_threads_are_left_as_they_were():
    from threadpoolctl import threadpool_info

    before = threadpool_info()
    trainer_of(threads=None).fit((X, T), epochs=1)
    trainer_of(threads=1).fit((X, T), epochs=1)
    assert threadpool_info() == before
    text = text_of(lw.TrainingError, lambda: trainer_of(threads=0))
    assert text == "threads must be a whole number, 1 or more, but got 0."
