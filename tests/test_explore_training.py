"""A training recorded for the explorer: what the frames hold, how large the file, the page."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from explored import axe_faults, needs_axe, needs_browser
from test_explore import read_back

import layerwise as lw
from layerwise.explore.recording import dead_units, image, points_of


def plane(count=90):
    """Points of three classes in a plane."""
    rng = np.random.default_rng(0)
    classes = np.arange(count) % 3
    centers = np.array([[0, 0], [2, 1], [-1, 2]])
    return (centers[classes] + rng.normal(0, 0.3, (count, 2))).astype(np.float32), classes


def recorded(path, *, net=None, data=None, epochs=4, batch_size=30, **options):
    net = net or lw.Sequential(lw.Affine(2, 8), lw.ReLU(), lw.Affine(8, 3), seed=0)
    record = lw.Record(path, **options)
    trainer = lw.Trainer(net, callbacks=[record], progress=False)
    data = plane() if data is None else data
    trainer.fit(data, epochs=epochs, batch_size=batch_size, validation=data)
    return trainer, read_back(path.read_text("utf-8"))


# the frames --------------------------------------------------------------------------------------


def test_frames_hold_what_happened_in_each_step(tmp_path):
    steps = []

    class Watch(lw.Callback):
        def on_backward_end(self, trainer):
            net = trainer.net
            held = trainer.parameters.items()
            self.before = {name: one.value.copy() for name, one in held}
            grads = {name: float(np.linalg.norm(one.grad)) for name, one in held}
            relu = net["relu1"]
            self.seen = (trainer.batch_loss, grads, relu.value.std(), np.linalg.norm(relu.grad))

        def on_step_end(self, trainer):
            moved = {
                name: float(np.linalg.norm(one.value - self.before[name]))
                for name, one in trainer.parameters.items()
            }
            steps.append((*self.seen, moved))

    path = tmp_path / "training.html"
    net = lw.Sequential(lw.Affine(2, 8), lw.ReLU(), lw.Affine(8, 3), seed=0)
    trainer = lw.Trainer(net, callbacks=[lw.Record(path), Watch()], progress=False)
    history = trainer.fit(plane(), epochs=4, batch_size=30)
    told = read_back(path.read_text("utf-8"))["training"]
    assert told["steps"] == list(range(12))
    assert told["epochs"] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    for i, (loss, grads, spread, back, moved) in enumerate(steps):
        assert told["loss"][i] == pytest.approx(loss, rel=1e-4)
        assert told["nodes"]["relu1"][1][i] == pytest.approx(spread, rel=1e-4)
        assert told["nodes"]["relu1"][3][i] == pytest.approx(back, rel=1e-4)
        for name, (_, grad, update) in told["parameters"].items():
            assert grad[i] == pytest.approx(grads[name], rel=1e-4)
            assert update[i] == pytest.approx(moved[name], rel=1e-3)
    accuracies = [[row["epoch"], row["accuracy"]] for row in history.epochs]
    assert told["history"]["accuracy"] == accuracies


def test_recording_changes_nothing_in_the_training(tmp_path):
    trainer, _ = recorded(tmp_path / "training.html")
    net = lw.Sequential(lw.Affine(2, 8), lw.ReLU(), lw.Affine(8, 3), seed=0)
    plain = lw.Trainer(net, progress=False)
    plain.fit(plane(), epochs=4, batch_size=30, validation=plane())
    for name, one in plain.parameters.items():
        assert np.array_equal(one.value, trainer.parameters[name].value)


def test_units_that_are_always_zero_are_dead():
    assert dead_units(np.array([[0.0, 1, 0, 2], [0, 0, 0, 3]])) == 0.5
    assert dead_units(np.zeros((2, 4, 3, 3))) == 1.0
    assert dead_units(np.stack([np.eye(3)] * 2)) == 0.0
    assert dead_units(np.zeros(3)) is None


def test_weights_become_bytes_around_zero():
    shape, text, reach = image(np.array([[-2.0, 0.0], [1.0, np.nan]]))
    assert (shape, reach) == ([2, 2], 2.0)
    assert list(base64.b64decode(text)) == [1, 128, 192, 0]
    assert image(np.zeros((700, 300)))[0] == [700, 2]  # some units, with all their weights
    assert image(np.zeros((2, 2)))[2] == 0.0


def test_the_surface_says_what_the_network_says(tmp_path):
    trainer, data = recorded(tmp_path / "training.html", epochs=30)
    surface = data["training"]["surface"]
    side = surface["side"]
    last = np.frombuffer(base64.b64decode(surface["frames"][-1]), np.uint8).reshape(side, side, 2)
    (left, right), (low, high) = surface["box"]
    for row, column in ((0, 0), (3, 30), (20, 10), (35, 35)):
        x = left + (right - left) * column / (side - 1)
        y = high - (high - low) * row / (side - 1)
        out = trainer.net.predict(np.array([[x, y]], np.float32))[0]
        assert last[row, column, 0] == out.argmax()
    assert len(surface["points"]) == len(surface["targets"]) == 90
    assert set(surface["targets"]) == {0, 1, 2}


def test_other_data_has_no_surface(tmp_path):
    (x, t), _ = lw.data.digits()
    net = lw.Sequential(lw.Affine(64, 10), seed=0)
    _, data = recorded(tmp_path / "t.html", net=net, data=(x[:100], t[:100]), epochs=1)
    assert data["training"]["surface"] is None
    assert data["training"]["images"]["affine1.W"]["shape"] == [64, 10]


def test_a_number_for_each_point_makes_a_surface_too(tmp_path):
    x, classes = plane()
    net = lw.Sequential(lw.Affine(2, 4), lw.Tanh(), lw.Affine(4, 1), seed=0)
    trainer = lw.Trainer(
        net,
        lw.BinaryCrossEntropyWithLogits(),
        callbacks=[lw.Record(tmp_path / "t.html")],
        progress=False,
        metrics=[],
    )
    trainer.fit((x, (classes == 0).astype(np.float32)[:, None]), epochs=2, batch_size=30)
    told = read_back((tmp_path / "t.html").read_text("utf-8"))["training"]
    assert set(told["surface"]["targets"]) == {0, 1}
    assert points_of(trainer)[2][0][0] < x[:, 0].min()


def surfaced(path, loss, net, t):
    x, classes = plane()
    trainer = lw.Trainer(net, loss, callbacks=[lw.Record(path)], progress=False, metrics=[])
    trainer.fit((x, t(classes)), epochs=3, batch_size=30)
    told = read_back(path.read_text("utf-8"))["training"]["surface"]
    side = told["side"]
    last = np.frombuffer(base64.b64decode(told["frames"][-1]), np.uint8).reshape(side, side, 2)
    (left, _), (_, high) = told["box"]
    out = trainer.net.predict(np.array([[left, high]], np.float32))[0]
    return last[0, 0].tolist(), out


def test_the_loss_says_what_the_outputs_of_a_surface_are(tmp_path):
    body = [lw.Affine(2, 4), lw.Tanh()]
    net = lw.Sequential(*body, lw.Affine(4, 1), lw.Sigmoid(), seed=0)
    yes = lambda classes: (classes == 0).astype(np.float32)[:, None]  # noqa: E731
    (chosen, sure), out = surfaced(tmp_path / "b.html", lw.BinaryCrossEntropy(), net, yes)
    assert chosen == (out[0] > 0.5)
    assert sure == round(255 * max(float(out[0]), 1 - float(out[0])))
    net = lw.Sequential(lw.Affine(2, 3), lw.LogSoftmax(), seed=0)
    loss = lw.NegativeLogLikelihood()
    (chosen, sure), out = surfaced(tmp_path / "n.html", loss, net, lambda classes: classes)
    assert (chosen, sure) == (out.argmax(), round(255 * float(np.exp(out.max()))))


def test_numbers_that_are_no_classes_have_no_surface(tmp_path):
    x, _ = plane()
    net = lw.Sequential(lw.Affine(2, 1), seed=0)
    path = tmp_path / "t.html"
    callbacks = [lw.Record(path)]
    trainer = lw.Trainer(net, lw.MeanSquaredError(), callbacks=callbacks, progress=False)
    trainer.fit((x, x[:, :1] * 2), epochs=1, batch_size=30)
    assert read_back(path.read_text("utf-8"))["training"]["surface"] is None


# the file ----------------------------------------------------------------------------------------


def test_the_file_stays_below_its_limit_however_long_it_takes(tmp_path):
    (x, t), _ = lw.data.digits()
    net = lw.Sequential(lw.Affine(64, 200), lw.ReLU(), lw.Affine(200, 10), seed=0)
    path = tmp_path / "t.html"
    _, data = recorded(path, net=net, data=(x, t), epochs=6, batch_size=20, limit=600_000)
    assert path.stat().st_size <= 600_000
    steps = data["training"]["steps"]
    assert 10 < len(steps) < 100
    assert len(set(np.diff(steps[:-1]))) == 1  # evenly, from the first on
    assert (steps[0], steps[-1]) == (0, 6 * -(-len(x) // 20) - 1)  # and the last one
    assert data["training"]["every"] == steps[1]


def test_every_nth_step_and_the_last(tmp_path):
    _, data = recorded(tmp_path / "t.html", every=5)
    assert data["training"]["steps"] == [0, 5, 10, 11]
    assert data["training"]["ends"] == [[1, 2], [2, 5], [3, 8], [4, 11]]


def test_accumulated_batches_leave_one_frame_for_each_step(tmp_path):
    net = lw.Sequential(lw.Affine(2, 3), seed=0)
    path = tmp_path / "t.html"
    trainer = lw.Trainer(net, callbacks=[lw.Record(path)], accumulate=2, progress=False)
    trainer.fit(plane(), epochs=2, batch_size=15)
    assert read_back(path.read_text("utf-8"))["training"]["steps"] == list(range(6))


def test_what_was_recorded_is_written_also_if_the_training_breaks_off(tmp_path):
    class Breaks(lw.Callback):
        def on_step_end(self, trainer):
            if trainer.step == 3:
                raise RuntimeError("no more")

    path = tmp_path / "t.html"
    net = lw.Sequential(lw.Affine(2, 3), seed=0)
    trainer = lw.Trainer(net, callbacks=[lw.Record(path), Breaks()], progress=False)
    with pytest.raises(RuntimeError, match="no more"):
        trainer.fit(plane(), epochs=2, batch_size=30)
    assert read_back(path.read_text("utf-8"))["training"]["steps"] == [0, 1, 2]


def test_a_resumed_training_has_one_page(tmp_path):
    for epochs in (2, 4):
        net = lw.Sequential(lw.Affine(2, 3), seed=0)
        record = lw.Record(tmp_path / "t.html")
        trainer = lw.Trainer(net, callbacks=[record], progress=False)
        trainer.fit(
            plane(), epochs, batch_size=30, checkpoints=tmp_path / "kept", resume=epochs == 4
        )
    told = read_back((tmp_path / "t.html").read_text("utf-8"))["training"]
    assert told["steps"] == list(range(12))
    trainer.fit(plane(), 1, batch_size=30)
    told = read_back((tmp_path / "t.html").read_text("utf-8"))["training"]
    assert told["steps"] == list(range(15))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"every": 0}, "every must be a whole number, 1 or more, but got 0."),
        ({"limit": 1000}, "limit must be a whole number, 500000 or more, but got 1000."),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, text):
    with pytest.raises(lw.TrainingError, match=text):
        lw.Record("training.html", **options)


def test_a_folder_that_is_not_there_is_missed_before_the_training(tmp_path):
    net = lw.Sequential(lw.Affine(2, 3), seed=0)
    path = tmp_path / "nowhere" / "t.html"
    trainer = lw.Trainer(net, callbacks=[lw.Record(path)], progress=False)
    with pytest.raises(lw.TrainingError, match="there is no folder"):
        trainer.fit(plane(), epochs=1)
    assert trainer.step == 0


# the page ----------------------------------------------------------------------------------------


@needs_browser
def test_the_page_has_a_slider_through_time(reader, tmp_path):
    path = tmp_path / "training.html"
    _, data = recorded(path, epochs=10)
    page = reader.open(path.read_text("utf-8"))
    told = data["training"]
    assert page.locator(".caption").inner_text() == "Step 29, epoch 10"
    assert page.locator(".chart").count() == 2
    assert page.locator(".surface canvas").is_visible()
    assert page.locator(".over-time").first.locator("tbody tr").count() == 4
    page.keyboard.press("Home")
    assert page.locator(".caption").inner_text() == "Step 0, epoch 1"
    page.keyboard.press("ArrowRight")
    assert page.locator(".caption").inner_text() == "Step 1, epoch 1"
    assert "at=1" in page.url
    loss = page.locator(".wide-stats dd").first.inner_text()
    assert float(loss) == pytest.approx(told["loss"][1], rel=1e-3)
    page.keyboard.press("f")  # there is nothing to search in
    page.keyboard.press("/")
    page.get_by_role("button", name="affine1.W").click()
    assert page.locator("#panel h2").inner_text() == "affine1.W"
    assert page.locator("#panel .chart").count() == 2
    page.get_by_role("button", name="One run").click()
    page.keyboard.press("End")
    assert page.locator("#panel h2").inner_text() == "Affine(2, 8)"
    page.get_by_role("button", name="Training", exact=True).click()
    assert page.locator(".board").is_visible()
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 420


@needs_browser
def test_each_epoch_has_its_place_in_the_charts(reader, tmp_path):
    path = tmp_path / "training.html"
    _, data = recorded(path, every=8)
    page = reader.open(path.read_text("utf-8"))
    told = data["training"]
    found = page.evaluate("layerwise.training.historySeries('accuracy')")
    assert [one["xs"] for one in found] == [[2, 5, 8, 11]] * 2
    assert [one["ys"] for one in found] == [
        [row[1] for row in told["history"][name]] for name in ("accuracy", "val_accuracy")
    ]
    page.evaluate("layerwise.training.loss = [1e-4, 1e-2, 1]")
    page.evaluate("layerwise.render()")
    captions = page.locator(".board figcaption").all_inner_texts()
    assert ["logarithmic" in one for one in captions[:2]] == [True, False]
    latest = page.evaluate("layerwise.training.latest(1).accuracy")  # in step 8
    assert latest == told["history"]["accuracy"][2][1]


@needs_browser
def test_weights_that_are_shown_in_part_say_so(reader, tmp_path):
    net = lw.Sequential(lw.Affine(2, 1700), lw.ReLU(), lw.Affine(1700, 3), seed=0)
    path = tmp_path / "training.html"
    recorded(path, net=net, epochs=1)
    page = reader.open(path.read_text("utf-8"))
    card = page.locator("figure.parameter").filter(has_text="affine1.W")
    assert card.locator(".kind").inner_text().startswith("2×1700 · max |w| ")
    assert card.locator(".note").inner_text() == "shown: 1024 of 1700 along axis 1"


@needs_axe
@needs_browser
def test_axe_finds_nothing_in_a_training(reader, tmp_path):
    path = tmp_path / "training.html"
    recorded(path)
    page = reader.open(path.read_text("utf-8"), "#at=3&node=affine1.W", reduced_motion="reduce")
    assert axe_faults(page) == []
    label = page.locator(".chart").first.get_attribute("aria-label")
    assert label.startswith("loss: training ")
    assert ", held out " in label
