"""The plain training, and its history."""

import json
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import layerwise as lw
from layerwise.training.history import Epoch
from layerwise.training.nan import REMEDY
from layerwise.training.progress import Progress

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3))
T = np.array([0, 1, 1, 0, 1, 0, 0])


def network(seed=0, dtype="float64"):
    return lw.Sequential(lw.Affine(3, 4), lw.Tanh(), lw.Affine(4, 2), seed=seed, dtype=dtype)


def quiet(net, x=X, t=T, **options):
    return lw.fit(net, x, t, **{"epochs": 2, "batch_size": 3, "progress": False, **options})


def batches(count, size, seed, epoch):
    """The row numbers of each batch of an epoch."""
    data = lw.data.Batches(np.zeros((count, 1)), np.zeros(count), size, seed=seed)
    return [batch.rows for batch in data.epoch(epoch)]


def weights(net):
    return {name: p.value.copy() for name, p in net.parameters().items()}


# ---------------------------------------------------------------- fit


def test_digits_are_learned_to_97_percent():
    train, held_out = lw.data.digits()
    net = lw.Sequential(lw.Affine(64, 200), lw.ReLU(), lw.Affine(200, 10), seed=0)
    lw.fit(net, *train, epochs=30, batch_size=20, progress=False)
    assert lw.accuracy(net, *held_out) >= 0.97


def test_a_step_is_forward_loss_backward_and_the_optimizer():
    net, twin = network(), network()
    quiet(net, epochs=1, batch_size=7, optimizer=lw.SGD(lr=0.5))
    loss = lw.SoftmaxCrossEntropy()
    loss.forward(twin.forward(X), T)
    twin.backward(loss.backward()[0])
    for name, parameter in twin.parameters().items():
        np.testing.assert_allclose(
            net.parameters()[name].value, parameter.value - 0.5 * parameter.grad, rtol=1e-9
        )


def test_every_row_counts_the_same_in_a_ragged_last_batch():
    """Trap of the book's Trainer: a mean of batch means, and rows that are dropped."""
    net = network()
    history = quiet(net, batch_size=3, epochs=1, optimizer=lw.SGD(lr=0), validation=(X, T))
    out = net.predict(X)
    loss = lw.SoftmaxCrossEntropy().forward(out, T)
    right = np.mean(out.argmax(axis=1) == T)
    epoch = history.epochs[0]
    assert epoch.loss == pytest.approx(loss) and epoch.val_loss == pytest.approx(loss)
    assert epoch.accuracy == epoch.val_accuracy == right


def test_one_forward_for_each_step():
    """Trap of the book's Trainer: a second forward per step, only to print."""
    ran = []

    class Count(lw.Layer):
        def forward(self, x):
            ran.append(self.training)
            return x

        def backward(self, dout):
            return dout

    quiet(lw.Sequential(Count(), lw.Affine(3, 2), seed=0), epochs=2, batch_size=3)
    assert ran == [True] * 6
    quiet(lw.Sequential(Count(), lw.Affine(3, 2), seed=0), epochs=1, validation=(X[:4], T[:4]))
    assert ran[6:] == [True] * 3 + [False] * 2


def test_the_order_follows_from_seed_and_epoch_alone():
    first = [rows.tolist() for rows in batches(7, 3, seed=1, epoch=2)]
    assert first == [rows.tolist() for rows in batches(7, 3, seed=1, epoch=2)]
    assert [len(batch) for batch in first] == [3, 3, 1]
    assert sorted(np.concatenate(first)) == list(range(7))
    other = [np.concatenate(batches(100, 9, *key)).tolist() for key in ((1, 1), (1, 2), (2, 1))]
    assert other[0] != other[1] and other[0] != other[2] and other[1] != other[2]


def test_fit_goes_through_the_rows_in_that_order():
    seen = []

    class Spy(lw.MeanSquaredError):
        def forward(self, x, t):
            seen.append(t[:, 0].tolist())
            return super().forward(x, t)

    t = np.arange(7.0)[:, None].repeat(2, axis=1)
    quiet(network(), t=t, loss=Spy(), epochs=2, seed=5)
    wanted = [rows.tolist() for epoch in (1, 2) for rows in batches(7, 3, 5, epoch)]
    assert seen == wanted


def test_the_same_seed_gives_the_same_weights_to_the_last_bit():
    nets = [network(dtype="float32") for _ in range(3)]
    for net, seed in zip(nets, (3, 3, 4)):
        quiet(net, seed=seed)
    same = [
        all(np.array_equal(a, b) for a, b in zip(weights(nets[0]).values(), weights(one).values()))
        for one in nets[1:]
    ]
    assert same == [True, False]


def test_nothing_of_the_persons_is_written_to_and_numpys_generator_is_left_alone():
    x, t = X.copy(), T.copy()
    x.flags.writeable = t.flags.writeable = False
    state = np.random.get_state()[1].copy()
    quiet(network(), x, t, validation=(x, t))
    assert np.array_equal(np.random.get_state()[1], state)


def test_lists_do_as_well():
    history = quiet(network(), X.tolist(), T.tolist(), epochs=1)
    assert history.epochs[0].accuracy is not None


def test_a_loss_as_in_the_book():
    class SoftmaxWithLoss:
        def forward(self, x, t):
            e = np.exp(x - x.max(axis=1, keepdims=True))
            self.y, self.t = e / e.sum(axis=1, keepdims=True), t
            return -np.mean(np.log(self.y[np.arange(len(t)), t]))

        def backward(self, dout=1):
            dx = self.y.copy()
            dx[np.arange(len(self.t)), self.t] -= 1
            return dx / len(self.t)

    book, ours = network(), network()
    one, other = quiet(book, loss=SoftmaxWithLoss()), quiet(ours)
    assert one.epochs[-1].loss == pytest.approx(other.epochs[-1].loss)
    for name, value in weights(book).items():
        np.testing.assert_allclose(value, weights(ours)[name])


def test_accuracy_is_there_for_classes_only():
    one_hot = np.eye(2)[T]
    by_numbers = quiet(network(), epochs=1)
    by_rows = quiet(network(), t=one_hot, loss=lw.SoftmaxCrossEntropy(), epochs=1)
    one, other = by_rows.epochs[0], by_numbers.epochs[0]
    assert (one.loss, one.accuracy) == pytest.approx((other.loss, other.accuracy))
    soft = quiet(network(), t=one_hot * 0.9 + 0.05, loss=lw.SoftmaxCrossEntropy(), epochs=1)
    numbers = quiet(network(), t=X[:, :2], loss=lw.MeanSquaredError(), epochs=1)
    assert soft.epochs[0].accuracy is None and numbers.epochs[0].accuracy is None
    narrow = lw.Sequential(lw.Affine(3, 1), lw.Flatten(0), seed=0)
    whole = quiet(narrow, t=T, loss=lw.MeanSquaredError(), epochs=1)
    assert whole.epochs[0].accuracy is None  # whole numbers to be met, no classes


def test_dropout_is_on_in_training_and_off_in_validation():
    net = lw.Sequential(lw.Dropout(0.5), lw.Affine(3, 2), seed=0, dtype="float64")
    net.training = False
    history = quiet(net, epochs=1, batch_size=7, optimizer=lw.SGD(lr=0), validation=(X, T))
    plain = lw.SoftmaxCrossEntropy().forward(net.predict(X), T)
    assert history.epochs[0].val_loss == pytest.approx(plain)
    assert history.epochs[0].loss != pytest.approx(plain)
    assert net.training is False  # as it was


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_the_training_at_once(bad):
    x = X.copy()
    row = batches(7, 3, 0, 2)[1][0]

    class Late(lw.SoftmaxCrossEntropy):
        calls = 0

        def forward(self, x, t):
            Late.calls += 1
            return super().forward(x, t) if Late.calls < 5 else bad

    net = network()
    with pytest.raises(lw.TrainingError) as caught:
        quiet(net, x, loss=Late())
    assert str(caught.value) == (
        f"The loss is {bad} in epoch 2, batch 2 of 3. Forward, the loss made it: "
        f"Late() got finite outputs. {REMEDY}"
    )
    x[row] = np.nan
    with pytest.raises(lw.TrainingError) as caught:
        quiet(net, x)
    batch = next(i for i, rows in enumerate(batches(7, 3, 0, 1), 1) if row in rows)
    assert str(caught.value) == (
        f"The loss is nan in epoch 1, batch {batch} of 3. It is in the data: x has NaN in 3 of "
        f"{9 if batch < 3 else 3} numbers, first in row {row} of the data."
    )
    assert all(np.isfinite(value).all() for value in weights(net).values())


def test_a_training_that_diverges_gives_the_error_and_no_warnings():
    t = X[:, :2] * 1e20
    net = lw.Sequential(lw.Affine(3, 2), seed=0)
    with pytest.raises(lw.TrainingError, match="Take a smaller learning rate"):
        quiet(net, t=t, loss=lw.MeanSquaredError(), optimizer=lw.SGD(lr=1e6), epochs=50)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"t": T[:5]},
            "x and t must have a row for each other, but x is (7, 3) float64 and t is (5,) int64.",
        ),
        ({"x": X[:0], "t": T[:0]}, "x and t are empty: (0, 3) float64. Give at least one row."),
        (
            {"t": T * 1.0},
            "Without loss=, t must be class numbers (whole numbers), but it is (7,) float64. Give "
            "t.astype(int) if it holds class numbers, loss=SoftmaxCrossEntropy() for one-hot rows, "
            "loss=MeanSquaredError() for numbers to be met.",
        ),
        (
            {"net": lw.Sequential(lw.ReLU())},
            "Sequential(ReLU()) has no parameters, so there is nothing to train.",
        ),
        (
            {"net": lw.Affine(3, 2)},
            "fit expects a Graph or a Sequential, but got Affine. Wrap it: Sequential(layer).",
        ),
        ({"net": 3}, "fit expects a Graph or a Sequential, but got int."),
        (
            {"loss": lw.MeanSquaredError},
            "loss= expects an object with forward(out, t) and backward(dout), but got <class "
            "'layerwise.layers.loss.MeanSquaredError'>. Call it: MeanSquaredError().",
        ),
        (
            {"loss": lw.SoftmaxCrossEntropy(reduction="none")},
            "SoftmaxCrossEntropy(reduction='none') gave (3,) float64 instead of one number for the "
            'batch. Let it take the mean: reduction="mean".',
        ),
        (
            {"optimizer": 0.1},
            "optimizer= expects an object with step(parameters), such as SGD(lr=0.1), but got 0.1.",
        ),
        ({"epochs": True}, "epochs must be a whole number, 1 or more, but got True."),
        ({"epochs": 0}, "epochs must be a whole number, 1 or more, but got 0."),
        ({"batch_size": 2.5}, "batch_size must be a whole number, 1 or more, but got 2.5."),
        ({"seed": -1}, "seed must be a whole number, 0 or more, but got -1."),
        ({"validation": X}, "validation= expects Batches, or a pair (x, t), but got ndarray."),
        (
            {"validation": (X, T[:2])},
            "validation x and t must have a row for each other, but validation x is (7, 3) float64 "
            "and validation t is (2,) int64.",
        ),
    ],
)
def test_fit_refuses_what_cannot_be_trained(change, text):
    given = {"net": network(), "x": X, "t": T, **change}
    with pytest.raises(lw.TrainingError) as caught:
        quiet(**given)
    assert str(caught.value) == text


def test_fit_refuses_two_outputs():
    x, affine = lw.Input("x"), lw.Affine(3, 2)
    with pytest.raises(lw.TrainingError, match="with inputs and one output, but got Graph"):
        quiet(lw.Graph([affine(x), affine(x) * 2]))


def test_targets_that_do_not_fit_the_loss_are_the_losss_error():
    with pytest.raises(lw.ShapeError, match="must be integers"):
        quiet(network(), t=T * 1.0, loss=lw.SoftmaxCrossEntropy())
    with pytest.raises(ValueError, match="expects class numbers from 0 to 1, but got"):
        quiet(network(), t=T + 1, batch_size=7)


def test_ctrl_c_ends_the_training_and_keeps_what_there_is(capsys):
    class Interrupted(lw.SoftmaxCrossEntropy):
        calls = 0

        def forward(self, x, t):
            self.calls += 1
            if self.calls == 5:
                raise KeyboardInterrupt
            return super().forward(x, t)

    net, twin = network(), network()
    history = quiet(net, epochs=9, loss=Interrupted())
    assert history.interrupted and len(history.epochs) == 1
    said = capsys.readouterr()
    kept = "The weights are kept, and the history of the epochs before."
    assert said.err == f"Stopped by Ctrl-C in epoch 2. {kept}\n"
    assert not np.array_equal(weights(net)["affine1.W"], weights(twin)["affine1.W"])
    assert not quiet(twin).interrupted


# ---------------------------------------------------------------- accuracy


def identity():
    net = lw.Sequential(lw.Affine(2, 2, bias=False), seed=0)
    net.parameters()["affine1.W"].value[:] = np.eye(2)
    return net


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_accuracy_is_exact_over_a_ragged_last_batch(size):
    """Trap of the book: 150 right answers in batches of 100 gave 0.667."""
    x = np.eye(2)[[0, 0, 1, 1, 0]]
    assert lw.accuracy(identity(), x, [0, 0, 1, 1, 0], size) == 1.0
    assert lw.accuracy(identity(), x, [0, 0, 1, 1, 1], size) == 0.8
    assert lw.accuracy(identity(), x, np.eye(2)[[0, 1, 1, 1, 1]], size) == 0.6


def test_nan_is_no_right_answer():
    x = np.array([[np.nan, 1.0], [1.0, 0.0]])
    assert lw.accuracy(identity(), x, [0, 0]) == 0.5


def test_accuracy_of_a_class_for_every_pixel():
    net = lw.Sequential(lw.Transpose(0, 2, 1))
    x = np.zeros((2, 2, 3))  # (N, H, C), and (N, C, H) after the network
    x[..., 1] = 1
    assert lw.accuracy(net, x, np.array([[1, 1], [1, 0]]), 1) == 0.75


@pytest.mark.parametrize(
    ("x", "t", "text"),
    [
        (np.ones((0, 2)), [], "x and t are empty: (0, 2) float64. Give at least one row."),
        (
            np.ones((2, 2)),
            [1],
            "x and t must have a row for each other, but x is (2, 2) float64 and t is (1,) int64.",
        ),
        (
            np.ones((2, 2)),
            [0.3, 0.4],
            "Accuracy(ignore_index=-100) expects class numbers of shape (2,) or one-hot rows of "
            "shape (2, 2), but t is (2,) float64. Convert them: t.astype(int).",
        ),
        (np.ones((2, 2)), [-100, -100], "All of t is -100, the class number that is ignored."),
    ],
)
def test_accuracy_refuses_what_has_none(x, t, text):
    with pytest.raises((lw.TrainingError, lw.metrics.MetricError)) as caught:
        lw.accuracy(identity(), x, t)
    assert str(caught.value) == text


# ---------------------------------------------------------------- history


def some_history():
    history = lw.History()
    names = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
    history.epochs.append(Epoch(zip(names, (1, 2.3026, 0.1, 0.0000123, 1.0, 0.5))))
    history.epochs.append(Epoch(zip(names, (2, 123456.0, 0.98765, 0.0, 0.5, 61.234))))
    return history


def test_history_is_a_table():
    assert repr(some_history()).splitlines() == [
        "epoch  loss      accuracy  val_loss  val_accuracy  seconds",
        "-----  --------  --------  --------  ------------  -------",
        "    1  2.3026    10.00 %   1.23e-05  100.00 %      0.50",
        "    2  1.23e+05  98.77 %   0.0000    50.00 %       61.23",
    ]
    assert repr(lw.History()) == "No epoch was finished."


def test_history_leaves_out_what_there_is_not():
    history = quiet(network(), t=X[:, :2], loss=lw.MeanSquaredError())
    assert repr(history).splitlines()[0].split() == ["epoch", "loss", "seconds"]
    columns = history.to_dict()
    assert columns["epoch"] == [1, 2] and columns["accuracy"] == [None, None]
    assert columns["loss"] == [one.loss for one in history.epochs]


def test_a_history_goes_into_files_and_comes_back(tmp_path):
    history = some_history()
    history.epochs[0].update(loss=math.nan, val_loss=-math.inf, f1=np.float32(0.1))
    history.epochs[1]["confusion"] = np.eye(2)
    history.interrupted = True
    for suffix, write, read in [
        ("csv", history.to_csv, lw.History.from_csv),
        ("json", history.to_json, lw.History.from_json),
    ]:
        path = tmp_path / f"history.{suffix}"
        text = write(path)
        assert path.read_text("utf-8") == text + "\n"
        for again in (read(path), read(write()), read(str(path))):
            same = again.to_dict()
            if suffix == "json":
                assert again.interrupted and same.pop("confusion") == [None, [[1, 0], [0, 1]]]
            wanted = {n: c for n, c in history.to_dict().items() if n != "confusion"}
            assert list(same) == list(wanted)
            for name, column in wanted.items():
                np.testing.assert_array_equal(
                    np.array(same[name], float), np.array(column, float), err_msg=name
                )
    assert json.loads(history.to_json())["epochs"][0]["loss"] == "nan"  # JSON has no NaN


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (lw.History.from_json, "{}", "This is no history in JSON (KeyError('epochs'))."),
        (lw.History.from_json, '{"epochs": [3]', "This is no history in JSON (JSONDecodeError("),
        (lw.History.from_json, '{"epochs": [3]}', "This is no history in JSON (TypeError("),
        (lw.History.from_csv, "loss\nred", "This is no history in CSV: could not convert"),
        (lw.History.from_csv, "loss\n1,2", "This is no history in CSV: "),
        (lw.History.from_csv, 'loss\n"1', "This is no history in CSV: unexpected end of data."),
        (lw.History.from_csv, "nowhere.csv", "nowhere.csv: it cannot be read: "),
        (lw.History.from_json, "\0", "\0: it cannot be read: "),
    ],
)
def test_what_is_no_history(read, text, said):
    with pytest.raises(lw.FileError) as caught:
        read(text)
    assert str(caught.value).startswith(said)


def test_a_history_for_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))
    assert some_history().to_pandas() == some_history().to_dict()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"^to_pandas\(\) needs pandas: pip install pandas\.$"):
        some_history().to_pandas()


def test_a_column_that_there_is_not():
    with pytest.raises(lw.UnknownNameError, match=r"There is no column 'lose'. There are epoch, l"):
        some_history()["lose"]
    with pytest.raises(AttributeError, match=r"This epoch has no 'lose'. It has epoch, loss, acc"):
        some_history().epochs[0].lose  # noqa: B018


def test_history_draws_its_curves(tmp_path):
    path = tmp_path / "curve.png"
    loss, accuracy = some_history().plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert loss.get_xlabel() == accuracy.get_xlabel() == "epoch"
    assert [line.get_ydata().tolist() for line in accuracy.lines] == [[0.1, 0.98765], [1.0, 0.5]]
    labels = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert labels == ["training: 98.77 %", "held out: 50.00 %"]
    colours = {line.get_color() for line in accuracy.lines}
    styles = {line.get_linestyle() for line in accuracy.lines}
    assert len(colours) == len(styles) == 2  # told apart without colour, too
    assert loss.figure.get_facecolor()[:3] == (1, 1, 1)


def test_history_draws_on_axes_that_are_there():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert some_history().plot(ax=ax) == (ax,)
    assert len(ax.lines) == 2 and ax.get_title(loc="left") == "loss"
    pair = Figure().subplots(1, 2)
    assert [one.get_title(loc="left") for one in some_history().plot(ax=pair)] == [
        "loss",
        "accuracy",
    ]
    with pytest.raises(lw.LayerwiseError, match="nothing to plot: no epoch was finished"):
        lw.History().plot()


def test_a_history_of_numbers_has_one_curve(tmp_path):
    history = quiet(network(), t=X[:, :2], loss=lw.MeanSquaredError())
    (loss,) = history.plot(tmp_path / "curve.svg")
    assert len(loss.lines) == 1


def test_heavy_libraries_are_imported_only_when_they_are_used(tmp_path):
    """A picture in a file needs no pyplot: no window, no global figure."""
    program = (
        "import sys, layerwise as lw\n"
        "heavy = {'matplotlib', 'rich', 'typer', 'pygraphviz'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "net = lw.Sequential(lw.Affine(2, 2), seed=0)\n"
        "history = lw.fit(net, [[0.0, 1.0]], [1], epochs=1, progress=False)\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "history.plot('curve.png')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


# ---------------------------------------------------------------- progress


def test_a_line_for_each_epoch_where_there_is_no_terminal(capsys):
    quiet(network(), epochs=10, progress=True, validation=(X, T))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("epoch  1/10   loss 0.")
    assert "   accuracy " in lines[0] and "   val_accuracy " in lines[0] and lines[0].endswith(" s")


def test_nothing_without_progress(capsys):
    quiet(network())
    assert capsys.readouterr() == ("", "")


def test_a_live_bar_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("layerwise.training.progress.INTERVAL", 0)
    monkeypatch.setattr("layerwise.training.progress.SHARE", np.inf)
    quiet(network(), epochs=2, progress=True)
    shown = capsys.readouterr().out
    assert "epoch 1/2" in shown and "batch 2/3" in shown and "rows/s" in shown and "left" in shown
    assert shown.count(" s\n") == 2  # the lines that stay


def draw_times(monkeypatch, takes):
    """When a bar is drawn, if a batch takes 0.04 s and a drawing so long."""
    now, drawn = [0.0], []

    class Bar:
        def update(self, task, **fields):
            drawn.append(fields["completed"])
            now[0] += takes

    class Spent(lw.Callback):
        def on_batch_end(self, trainer):
            now[0] += 0.04

    monkeypatch.setattr("layerwise.training.progress.time.perf_counter", lambda: now[0])
    progress = Progress()
    trainer = lw.Trainer(network(), callbacks=[Spent(), progress], progress=False)
    progress.on_fit_start = lambda trainer: vars(progress).update(
        bar=Bar(), task=None, lines=[], rows=0, start=0, next=0.15, console=Console(quiet=True)
    )
    Bar.stop = lambda self: None
    trainer.fit((X, T), epochs=10, batch_size=3)
    return drawn


def test_the_bar_is_drawn_a_few_times_a_second_at_most(monkeypatch):
    assert draw_times(monkeypatch, 0) == [*range(4, 31, 4)]  # every 0.16 s


def test_a_bar_that_is_slow_to_draw_is_drawn_less_often(monkeypatch):
    """In 0.8 s, 0.004 s go into drawing: below 1 %."""
    assert draw_times(monkeypatch, 0.004) == [4, 24]


def test_one_hot_rows_of_whole_numbers_are_classes():
    net = lw.Sequential(lw.Affine(3, 3), seed=0)
    net["affine1.W"].value[:] = np.eye(3)
    net["affine1.b"].value[:] = 0
    x = np.eye(3)[[0, 1, 2, 0]]
    assert lw.accuracy(net, x, np.eye(3, dtype=int)[[0, 1, 2, 1]]) == 0.75
