"""The ready callbacks: when to stop, what to write down, which weights to keep."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw
from layerwise.training import (
    Each,
    EarlyStopping,
    LearningRateLog,
    TensorBoard,
    TimeBudget,
    WeightAveraging,
)

X = np.random.default_rng(0).normal(size=(12, 3))
T = np.arange(12) % 2


def trainer_of(callbacks, optimizer=None, **options):
    net = lw.Sequential(lw.Affine(3, 4), lw.BatchNorm(4), lw.Tanh(), lw.Affine(4, 2), seed=0)
    return lw.Trainer(net, None, optimizer, callbacks=callbacks, progress=False, **options)


def weights(net):
    held = {**net.parameters(), **net.buffers()}
    return {name: one.value.copy() for name, one in held.items()}


def assert_equal(one, other):
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


# EarlyStopping -----------------------------------------------------------------------------------


def with_numbers(numbers, **options):
    """A training whose column `number` is given; the weights after each epoch."""
    seen, left = {}, iter(numbers)

    def give(trainer):
        trainer.history.epochs[-1]["number"] = next(left)
        seen[trainer.epoch] = weights(trainer.net)

    stopping = EarlyStopping("number", **{"better": "lower", **options})
    trainer = trainer_of([give, stopping])
    trainer.fit((X, T), epochs=len(numbers), batch_size=4)
    return trainer, stopping, seen


@pytest.mark.parametrize(
    ("numbers", "options", "epochs", "best"),
    [
        ([5, 4, 6, 4, 5, 1], {"patience": 3}, 5, 2),
        ([5, 4, 3, 2, 1], {"patience": 1}, 5, 5),
        ([1, 2, 3], {"patience": 5}, 3, 1),
        ([5, 4.95, 4.9, 1], {"patience": 2, "min_delta": 0.2}, 3, 1),
        ([5, 4.7, 4.4, 4.1], {"patience": 2, "min_delta": 0.2}, 4, 4),
        ([5, 6, 6, 4, 1], {"patience": 2, "better": "higher"}, 4, 2),
        ([math.nan, 5, math.nan, math.nan, 1], {"patience": 2}, 4, 2),
    ],
)
def test_it_stops_when_nothing_gets_better_and_the_best_weights_come_back(
    numbers, options, epochs, best
):
    trainer, stopping, seen = with_numbers(numbers, **options)
    assert (len(trainer.history.epochs), stopping.best_epoch) == (epochs, best)
    assert_equal(weights(trainer.net), seen[best])
    stopped = bool(trainer.stopped)
    assert stopped == (epochs < len(numbers) or stopping.waited == options["patience"])


def test_the_last_weights_can_be_kept():
    trainer, _, seen = with_numbers([1, 2, 3], patience=2, restore_best=False)
    assert_equal(weights(trainer.net), seen[3])


def test_the_best_weights_come_back_after_an_error():
    def fails(trainer):
        if trainer.epoch == 3:
            raise ValueError("mine")

    seen = {}
    keep = Each(lambda trainer: seen.update({trainer.epoch: weights(trainer.net)}))
    stopping = EarlyStopping("accuracy", better="lower", patience=9)
    trainer = trainer_of([keep, stopping, fails])
    with pytest.raises(ValueError, match="mine"):
        trainer.fit((X, T), epochs=5, batch_size=4)
    assert_equal(weights(trainer.net), seen[stopping.best_epoch])


def test_what_is_better_is_known_of_losses_and_metrics():
    for monitor, better in [("loss", "lower"), ("val_loss", "lower"), ("accuracy", "higher")]:
        stopping = EarlyStopping(monitor)
        trainer_of(stopping).fit((X, T), epochs=1, validation=(X, T))
        assert stopping.monitor.better == better


@pytest.mark.parametrize(
    ("stopping", "text"),
    [
        (
            EarlyStopping(),
            "EarlyStopping looks at 'val_loss', but there is no validation data. Give fit(..., "
            "validation=(x, t)), or monitor='loss'.",
        ),
        (
            EarlyStopping("f1"),
            "EarlyStopping looks at 'f1', but neither the loss nor a metric is called so: there "
            "are loss, val_loss, accuracy, val_accuracy. For a column that you put in yourself, "
            "say better='lower' or better='higher'.",
        ),
        (
            EarlyStopping("acc"),
            "EarlyStopping looks at 'acc', but neither the loss nor a metric is called so: there "
            "are loss, val_loss, accuracy, val_accuracy. Did you mean 'accuracy'? For a column "
            "that you put in yourself, say better='lower' or better='higher'.",
        ),
        (
            EarlyStopping("f1", better="higher"),
            "EarlyStopping looks at 'f1', but no number of this name was computed. There are "
            "epoch, loss, accuracy, seconds.",
        ),
    ],
)
def test_a_column_that_there_is_not(stopping, text):
    run = lambda: trainer_of(stopping).fit((X, T), epochs=1)  # noqa: E731
    assert text_of(lw.TrainingError, run) == text


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: EarlyStopping(patience=0),
            "patience must be a whole number, 1 or more, but got 0.",
        ),
        (
            lambda: EarlyStopping(better="less"),
            "better='less': choose 'lower' or 'higher', or None.",
        ),
        (lambda: TimeBudget(0), "TimeBudget(0): give seconds, more than 0."),
        (lambda: Each(print, steps=0), "steps must be a whole number, 1 or more, but got 0."),
    ],
)
def test_options_that_make_no_sense(make, text):
    assert text_of(lw.TrainingError, make) == text


# the others --------------------------------------------------------------------------------------


def test_the_learning_rate_is_a_column():
    schedule = lw.StepLR(0.4, step_size=3, gamma=0.5)
    history = trainer_of(LearningRateLog(), lw.SGD(schedule)).fit((X, T), epochs=3, batch_size=4)
    assert history["lr"] == [0.2, 0.1, 0.05]
    assert repr(history).splitlines()[2].split()[-2] == "0.2"
    both = lw.optim.ByName({"*.W": lw.SGD(0.5), "*": lw.Adam(0.25)})
    history = trainer_of(LearningRateLog(), both).fit((X, T), epochs=1)
    assert (history["lr *.W"], history["lr *"]) == ([0.5], [0.25])

    class Mine:
        def step(self, parameters):
            pass

        def __repr__(self):
            return "Mine()"

    run = lambda: trainer_of(LearningRateLog(), Mine()).fit((X, T))  # noqa: E731
    said = "LearningRateLog looks for the number lr of Mine(): it has none."
    assert text_of(lw.TrainingError, run) == said


def test_a_budget_of_time_ends_it(monkeypatch):
    now = iter(np.arange(0, 100, 1.0))
    clock = SimpleNamespace(perf_counter=lambda: next(now))
    monkeypatch.setattr("layerwise.training.callbacks.time", clock)
    trainer = trainer_of(TimeBudget(5))
    history = trainer.fit((X, T), epochs=9, batch_size=4)
    assert (trainer.step, len(history.epochs)) == (5, 1)
    assert trainer.stopped == "the time of 5 s is over"


@pytest.mark.parametrize("steps", [1, 2, None])
def test_the_average_of_the_weights_is_there_at_the_end(steps):
    average = lw.StochasticAverage()
    seen = []
    keep = Each(lambda trainer: seen.append(weights(trainer.net)), steps)
    trainer = trainer_of([keep, WeightAveraging(average, steps)])
    trainer.fit((X, T), epochs=2, batch_size=4)
    assert len(seen) == {1: 6, 2: 3, None: 2}[steps]
    for name, value in weights(trainer.net).items():
        if value.dtype.kind == "f":
            mean = np.mean([one[name] for one in seen], axis=0)
            np.testing.assert_allclose(value, mean, rtol=1e-5, atol=1e-6)


def test_the_weights_can_be_left_as_they_are():
    nets = []
    for callbacks in ([WeightAveraging(lw.ExponentialAverage(), apply=False)], []):
        trainer = trainer_of(callbacks)
        trainer.fit((X, T), epochs=2)
        nets.append(weights(trainer.net))
    assert_equal(*nets)


def test_tensorboard_reads_what_is_written(tmp_path):
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter  # noqa: F401  the format that is read here

    trainer = trainer_of(TensorBoard(tmp_path / "log", steps=2))
    history = trainer.fit((X, T), epochs=2, batch_size=4, validation=(X, T))
    (file,) = (tmp_path / "log").iterdir()
    content, events = file.read_bytes(), []
    while content:  # length, its checksum, the event, its checksum
        length = int.from_bytes(content[:8], "little")
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    found = {
        (value.tag, event.step): value.simple_value
        for event in events
        for value in event.summary.value
    }
    for epoch in history.epochs:
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert found[name, epoch.epoch] == pytest.approx(epoch[name], rel=1e-6)
    assert {step for tag, step in found if tag == "batch/loss"} == {2, 4, 6}


def test_tensorboard_in_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "log").write_text("a file")
    run = lambda: trainer_of(TensorBoard(tmp_path / "log")).fit((X, T))  # noqa: E731
    assert f"{tmp_path / 'log'}: TensorBoard cannot write there: " in text_of(lw.FileError, run)


def test_without_tensorboardx_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError) as caught:
        trainer_of(TensorBoard(tmp_path)).fit((X, T))
    assert str(caught.value) == (
        "TensorBoard(...) writes by tensorboardX: pip install 'layerwise[tensorboard]'."
    )
