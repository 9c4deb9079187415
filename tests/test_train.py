"""`layerwise train`: what is learned, what is left in the folder, how it goes on."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import call, refused, run
from examples_of_data import OWN, write_houses, write_images, write_pets, write_song

import layerwise as lw
from layerwise.commands import leaving
from layerwise.commands.recipes import OPTIMIZERS, RECIPES, SCHEDULES
from layerwise.commands.spelling import translated

QUICK = ("--epochs", 2, "--batch-size", 500)
FILES = {
    *("settings.json", "recipe.json", "result.json", "checkpoints", "net.safetensors"),
    *("history.csv", "history.json", "curve.png", "graph.svg", "confusion.png"),
    "misclassified.png",
}
MORE = (
    OWN
    + """
import time

class Slow(lw.Layer):
    def forward(self, x):
        print("begun", flush=True) if self.training else None
        time.sleep(60 if self.training else 0)
        return x

    def backward(self, dout):
        return dout

def images():
    return lw.Sequential(lw.Conv2d(1, 2, 3), lw.Flatten(), lw.Affine(72, 10), seed=1)

def slow():
    return lw.Sequential(lw.Affine(64, 10), Slow())

def five():
    return lw.Sequential(lw.Affine(64, 5))

def two_inputs():
    return lw.Graph(lw.Input("a") + lw.Input("b"))

def two_to_learn():
    return lw.Graph(lw.Affine(64, 10)(lw.Input("a") + lw.Input("b")))

class Closed(lw.Layer):
    def __init__(self, size):
        self.table = lw.Parameter([1.0] * size)

    def forward(self, x):
        return x

    def backward(self, dout):
        return dout

def closed():
    return lw.Sequential(lw.Affine(64, 10), Closed(3))

graph = net(0)
"""
)


@pytest.fixture
def no_pictures(monkeypatch):
    """Without pictures, which take longer than a small training."""
    monkeypatch.setattr(leaving, "pictures", lambda run, trainer, task: [])


def trained(*words):
    """What a training says that ends well."""
    result = call("train", *words)
    assert result.exit_code == 0, result.output
    return result.output


def settings_of(folder):
    return json.loads(Path(folder, "settings.json").read_bytes())


def result_of(folder):
    return json.loads(Path(folder, "result.json").read_bytes())


# ---------------------------------------------------------------- a run


def test_digits_are_learned_and_the_folder_has_everything(here):
    done = run("train", "digits", folder=here)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "digits: 1,293 images to learn from, 144 to watch, 360 held out to the end."
    )
    folder = Path("runs", "digits-1")
    assert lines[1] == (f"{folder}: multi_layer_net, 15,010 parameters; adam, lr 0.01 one_cycle.")
    assert lines[2].startswith("epoch  1/30   loss ") and lines[31].startswith("epoch 30/30 ")
    right = float(re.fullmatch(r"Right on the test part: (.*) % of 360 images\.", lines[32])[1])
    assert right >= 98
    assert lines[33].startswith(f"Wrote {folder}: net.safetensors, history.csv, ")
    assert lines[33].endswith("The weights are the last ones, of epoch 30.") and len(lines) == 34

    folder = here / folder
    assert {path.name for path in folder.iterdir()} == FILES
    for name in ("curve.png", "confusion.png", "misclassified.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "graph.svg").read_text("utf-8")
    history = lw.History.from_csv(folder / "history.csv")
    assert history["epoch"] == list(range(1, 31))
    assert history.columns() == [
        *("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds")
    ]
    assert lw.History.from_json(folder / "history.json")["loss"] == history["loss"]
    result = result_of(folder)
    assert result["finished"] is True and result["epoch"] == 30
    assert round(100 * result["test"]["accuracy"], 2) == right

    x, t = lw.data.digits().test
    assert lw.accuracy(lw.load(folder / "net.safetensors"), x, t) == result["test"]["accuracy"]


def test_the_same_settings_give_the_same_bytes(here, no_pictures):
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        trained("digits", *QUICK, "--seed", seed, "--out", name)
    a, b, c = (Path(name, "net.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_runs_are_numbered_and_never_written_over(here, no_pictures):
    trained("digits", *QUICK)
    trained("digits", *QUICK)
    assert {path.name for path in (here / "runs").iterdir()} == {"digits-1", "digits-2"}
    before = Path("runs/digits-1/net.safetensors").read_bytes()
    assert refused("train", "digits", "--out", "runs/digits-1") == (
        "runs/digits-1 holds a run already. Go on with it by --resume, or give another --out."
    )
    trained("digits", *QUICK, "--out", "lr=0.1")  # no argument, but a person's name
    assert refused("train", "digits", "--out", "lr=0.1").startswith("lr=0.1 holds a run already.")
    (here / "mine").mkdir()
    (here / "mine" / "curve.png").write_text("a picture of mine")
    assert refused("train", "digits", "--out", "mine") == (
        "mine has a curve.png already, which stays. Give another --out."
    )
    (here / "mine" / "curve.png").rename(here / "mine" / "notes.png")
    trained("digits", *QUICK, "--out", "mine")
    assert (here / "mine" / "notes.png").read_text() == "a picture of mine"
    assert Path("runs/digits-1/net.safetensors").read_bytes() == before


def test_what_is_asked_for_is_in_the_settings_and_what_is_usual_for_the_rest(here, no_pictures):
    trained("digits", *QUICK, "--out", "usual")
    usual = settings_of("usual")
    how = RECIPES["digits"]
    assert [usual[name] for name in ("model", "hidden", "lr", "validation")] == [
        *(how.model, [*how.hidden], how.lr, how.validation)
    ]
    assert [usual[name] for name in ("optimizer", "schedule", "seed", "engine")] == [
        *("adam", "one_cycle", 0, "numpy")
    ]
    options = {
        "optimizer": "sgd", "lr": 0.05, "schedule": "constant", "momentum": 0.5,
        "weight_decay": 0.01, "hidden": "30,20", "validation": 0, "seed": 3,
    }  # fmt: skip
    words = [word for name, v in options.items() for word in (f"--{name.replace('_', '-')}", v)]
    trained("digits", *QUICK, *words, "--out", "other")
    other = settings_of("other")
    assert {name: other[name] for name in options} == {**options, "hidden": [30, 20]}
    history = lw.History.from_csv(Path("other", "history.csv"))
    assert history["lr"] == [0.05, 0.05] and history["val_loss"] == [None, None]
    net = lw.load(Path("other", "net.safetensors"))
    assert [p.value.shape for name, p in net.parameters().items() if name.endswith("W")] == [
        *((64, 30), (30, 20), (20, 10))
    ]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_can_be_chosen(name, here, no_pictures):
    trained("digits", *QUICK, "--optimizer", name, "--out", "a")
    settings = settings_of("a")
    assert settings["lr"] == (0.01 if name == "adam" else OPTIMIZERS[name][1])
    assert lw.History.from_csv(Path("a", "history.csv")).epochs[-1].loss < 2.5


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_can_be_chosen(name, here, no_pictures):
    trained("digits", *QUICK, "--epochs", 4, "--schedule", name, "--lr", 0.01, "--out", "a")
    rates = lw.History.from_csv(Path("a", "history.csv"))["lr"]
    if name in ("constant", "plateau"):
        assert rates == [0.01] * 4
    else:
        assert rates[-1] < 1e-4 and max(rates) > 1e-3


def test_patience_keeps_the_best_weights_and_says_so(here, no_pictures):
    said = trained(
        *("digits", "--optimizer", "sgd", "--lr", 0.9, "--schedule", "constant"),
        *("--patience", 2, "--epochs", 60, "--out", "a"),
    )
    history = lw.History.from_csv(Path("a", "history.csv"))
    losses = history["val_loss"]
    best = losses.index(min(losses)) + 1
    assert len(losses) == best + 2 < 60
    assert f"Stopped in epoch {best + 2}: val_loss was no better than in epoch {best}" in said
    assert said.endswith(f"The weights are those of epoch {best}, the best.\n")
    assert result_of("a")["weights"] == f"those of epoch {best}, the best"
    assert call("train", "digits", "--resume", "--out", "a").output == (
        f"a is finished: it ended after epoch {best + 2}, since val_loss was no better than in "
        f"epoch {best} for 2 epochs. To train for longer, begin a new run with a larger "
        "--patience, or without it.\n"
    )


# ---------------------------------------------------------------- every kind of data


def test_mnist_from_a_folder(here, no_pictures):
    """Four small files in MNIST's format, so that the real ones are not needed."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 10)):
        images = rng.integers(0, 256, (count, 28, 28), dtype="uint8")
        lw.data.write_idx(here / f"{part}-images-idx3-ubyte.gz", images)
        labels = np.arange(count, dtype="uint8") % 10
        lw.data.write_idx(here / f"{part}-labels-idx1-ubyte.gz", labels)
    said = trained("mnist", "--data", ".", "--epochs", 1, "--out", "a")
    assert "mnist: 57 images to learn from, 3 to watch, 10 held out to the end." in said
    assert "a: lenet5, 61,706 parameters" in said
    assert settings_of("a")["augment"] == ["shift 2"]
    trained("mnist", "--data", ".", "--epochs", 1, "--no-augment", "--out", "b")
    assert settings_of("b")["augment"] == []
    assert Path("a/net.safetensors").read_bytes() != Path("b/net.safetensors").read_bytes()
    trained("mnist", "--data", ".", "--epochs", 1, "--model", "two_layer_net", "--out", "rows")
    assert json.loads(Path("rows/recipe.json").read_bytes())["flatten"] is True
    (here / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8bnothing")
    assert "t10k-labels" in refused("train", "mnist", "--data", here)


def test_a_table_of_classes(here):
    write_pets("pets.csv")
    said = trained("pets.csv", "--target", "pet", "--drop", "name", "--epochs", 30)
    assert "pets.csv: 144 rows to learn from, 16 to watch, 40 held out to the end." in said
    assert float(re.search(r"test part: (.*) % of 40 rows", said)[1]) > 85
    folder = Path("runs", "pets-1")
    names = {path.name for path in folder.iterdir()}
    assert names == FILES - {"misclassified.png"}


def test_a_table_of_numbers_is_told_in_its_units(here, no_pictures):
    write_houses("houses.csv")
    said = trained("houses.csv", "--target", "price")
    off = float(re.search(r"40 rows, price is (.*) off on average", said)[1])
    assert 1000 < off < 20_000
    whole = trained("houses.csv", "--target", "rooms", "--numbers", "--epochs", 1)
    assert "rooms is " in whole
    classes = trained("houses.csv", "--target", "rooms", "--classes", "--epochs", 1)
    assert "Right on the test part" in classes


def test_a_last_batch_of_one_row_is_left_out(here, no_pictures):
    """BatchNorm could take no variance of it."""
    write_houses("houses.csv")  # 200 rows, of which 160 are learned from
    trained("houses.csv", "--target", "price", *("--validation", 0, "--batch-size", 53), *QUICK[:2])


def test_a_folder_of_images(here):
    write_images("photos")
    said = trained(
        *("photos", "--size", 12, "--grey", "--model", "multi_layer_net", "--hidden", 50),
        *("--epochs", 40, "--batch-size", 10),
    )
    assert "photos: 43 images to learn from, 5 to watch, 12 held out to the end." in said
    assert float(re.search(r"test part: (.*) % of 12 images", said)[1]) > 90
    assert settings_of("runs/photos-1")["augment"] == ["shift 2", "flip"]
    assert {path.name for path in Path("runs/photos-1").iterdir()} == FILES


@pytest.mark.parametrize("model", ["char_lstm", "gpt"])
def test_a_text(model, here, no_pictures):
    write_song("song.txt")
    said = trained("song.txt", "--length", 16, "--model", model, "--epochs", 3)
    assert "song.txt: " in said and " passages to learn from" in said
    perplexity = float(re.search(r"characters: (.*)\.", said)[1])
    assert 1 < perplexity < 15
    assert settings_of("runs/song-1")["lr"] == (0.005 if model == "char_lstm" else 0.001)


# ---------------------------------------------------------------- a network of one's own


def test_a_network_of_ones_own_takes_images_or_rows(here, no_pictures):
    (here / "own.py").write_text(MORE)
    for name, flat in [("net", True), ("images", False), ("graph", True)]:
        trained("digits", *QUICK, "--model", f"own.py:{name}", "--out", name)
        assert json.loads(Path(name, "recipe.json").read_bytes())["flatten"] is flat
        assert Path(name, "model.py").read_text() == MORE
    trained("digits", *QUICK, "--model", "own.py:net", "--seed", 1, "--out", "other")
    nets = [Path(name, "net.safetensors").read_bytes() for name in ("net", "other")]
    assert nets[0] != nets[1]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("own.py:five", "own.py:five gives (2, 5) for 2 images of digits, but for 10 classes it "
                        "has to give (2, 10)."),
        ("own.py:two_inputs", "Graph(a, b -> add1) has no parameters, so there is nothing to "
                              "train."),
        ("own.py:two_to_learn", "digits is one input, but two_to_learn has several: "
                                "Graph(a, b -> affine1)."),
        ("own.py:nett", "own.py: there is no graph nett in it. Did you mean net?"),
        ("own.py", "own.py: which graph? Write own.py:NAME. It has net, images, slow, five, "
                   "two_inputs, two_to_learn, closed, graph."),
        ("other.py:net", "other.py: expected a Python file, but there is no such file. Check the "
                         "name."),
        ("own.py:closed", "net.safetensors: closed1 = Closed(size) cannot be saved: its "
                          "constructor takes size, but the layer does not keep it. Write "
                          "self.size = size in __init__."),
    ],
)  # fmt: skip
def test_a_network_of_ones_own_that_does_not_fit(model, text, here):
    (here / "own.py").write_text(MORE)
    assert refused("train", "digits", "--model", model) == text
    assert not (here / "runs").exists()


# ---------------------------------------------------------------- going on


def start(*words, folder):
    """A training in a process of its own that hears Ctrl-C, even if the tests do not."""

    def hear_ctrl_c():
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [sys.executable, "-m", "layerwise", "train", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, preexec_fn=hear_ctrl_c, **pipes)


def wait_for(process, beginning):
    while not (line := process.stdout.readline()).startswith(beginning):
        assert line or process.poll() is None, process.stderr.read()


def numbers(folder):
    """What has to be equal bit for bit: the weights, and the history but for the time it took."""
    history = lw.History.from_json(Path(folder, "history.json")).to_dict()
    history.pop("seconds")
    return Path(folder, "net.safetensors").read_bytes(), history


UNIX = pytest.mark.skipif(os.name == "nt", reason="sends signals as Unix does")


@UNIX
def test_a_killed_run_goes_on_bit_for_bit(here, no_pictures):
    options = ("digits", "--epochs", 8, "--patience", 6)
    trained(*options, "--out", "whole")
    with start(*options, "--out", "killed", folder=here) as process:
        wait_for(process, "epoch 3/8")
        process.kill()
    assert not Path("killed", "net.safetensors").exists()
    text = refused("evaluate", "killed")
    assert text.startswith("killed: the run has no network yet")
    said = trained("digits", "--resume", "--out", "killed")
    assert "Goes on behind step " in said and "epoch 1/8" not in said
    assert numbers("killed") == numbers("whole")
    said = call("train", "digits", "--resume", "--out", "killed").output
    assert said == (
        "killed is finished: it ended after epoch 8. To train further, say how many there are to "
        "be in all, such as --epochs 16.\n"
    )


@UNIX
def test_ctrl_c_leaves_everything_and_the_run_goes_on(here, no_pictures):
    options = ("digits", "--epochs", 12, "--batch-size", 10)
    with start(*options, "--out", "a", folder=here) as process:
        wait_for(process, "epoch  2/12")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    stopped, hint = err.splitlines()
    assert stopped.startswith("Stopped by Ctrl-C in epoch ")
    assert hint == "Go on: layerwise train digits --resume --out a"
    assert "Right on the test part: " in out
    assert {path.name for path in Path("a").iterdir()} == FILES
    assert result_of("a")["finished"] is False
    trained("digits", "--resume", "--out", "a")
    trained(*options, "--out", "whole")
    assert numbers("a") == numbers("whole") and result_of("a")["finished"] is True


@UNIX
def test_a_second_ctrl_c_stops_at_once(here):
    (here / "own.py").write_text(MORE)
    with start("digits", "--model", "own.py:slow", "--out", "a", folder=here) as process:
        wait_for(process, "begun")
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=50)
    assert process.returncode == 130 and time.monotonic() - begun < 50
    assert err == "Stopped by Ctrl-C.\n"


def test_a_time_budget_ends_a_run_that_can_go_on(here, no_pictures):
    options = ("digits", *QUICK, "--epochs", 5)
    result = call("train", *options, "--time-budget", 1e-9, "--out", "a")
    assert result.exit_code == 0 and "the time of 1e-09 s is over" in result.stdout
    assert result.stderr == "Go on: layerwise train digits --resume --out a\n"
    trained("digits", "--resume", "--out", "a")
    trained(*options, "--out", "whole")
    assert numbers("a") == numbers("whole")
    text = refused("train", *options, "--time-budget", 0)
    assert text == "--time-budget 0: give seconds, more than 0."


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that can go on, for tests that copy it."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "own.py").write_text(MORE)
    write_pets(folder / "pets.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(leaving, "pictures", lambda run, trainer, task: [])
        at_once = ("--time-budget", 1e-9, "--epochs", 3)
        trained("digits", *at_once, "--batch-size", 500, "--lr", 0.01, "--out", "a")
        trained("digits", *at_once, "--model", "own.py:net", "--out", "own")
        trained("pets.csv", "--target", "pet", "--drop", "name", *at_once, "--out", "pets")
    return folder


@pytest.fixture
def copied(stopped, here):
    shutil.copytree(stopped, here, dirs_exist_ok=True)
    return here


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["digits", "--lr", 0.02],
         "a was begun with --lr 0.01, and now it is 0.02. Go on without this change, or begin a "
         "new run with another --out."),
        (["digits", "--hidden", "3"],
         "a was begun with --hidden 200, and now it is 3. Go on without this change, or begin "
         "a new run with another --out."),
        (["digits", "--augment"],
         "a was begun with --augment/--no-augment False, and now it is True. Go on without "
         "this change, or begin a new run with another --out."),
        (["mnist"],
         "a was begun with digits as the data, and now it is mnist. Go on with those, or begin a "
         "new run with another --out."),
    ],
)  # fmt: skip
def test_a_run_does_not_go_on_with_other_settings(words, text, copied):
    before = sorted(path.name for path in (copied / "a" / "checkpoints").iterdir())
    assert refused("train", *words, "--resume", "--out", "a") == text
    assert before == sorted(path.name for path in (copied / "a" / "checkpoints").iterdir())


def test_a_run_goes_on_with_the_same_settings_said_again(copied, no_pictures):
    trained(*("digits", "--lr", 0.01, "--epochs", 3, "--no-augment", "--resume", "--out", "a"))


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_a_finished_run_can_be_trained_further(schedule, here, no_pictures):
    words = ("digits", "--batch-size", 500, "--schedule", schedule)
    trained(*words, "--epochs", 2, "--out", "a")
    assert "is finished: it ended after epoch 2. To train further, say how many" in trained(
        "digits", "--resume", "--out", "a", "--epochs", 2
    )
    said = trained("digits", "--resume", "--out", "a", "--epochs", 4)
    assert "a gets 4 epochs in all, and not 2" in said and "epoch 3/4" in said
    assert result_of("a")["epoch"] == settings_of("a")["epochs"] == 4
    trained(*words, "--epochs", 4, "--out", "whole")
    same = numbers("a") == numbers("whole")
    assert same == (schedule == "constant")  # with which no learning rate depends on epochs
    assert refused("train", "digits", "--resume", "--out", "a", "--epochs", 3) == (
        "a was begun with --epochs 4, and now it is 3. There may be more of them, but no fewer."
    )


def test_more_epochs_do_not_wait_for_what_was_no_better(here, no_pictures):
    trained("digits", "--batch-size", 500, "--lr", 0, "--patience", 1, "--out", "a")
    said = trained("digits", "--resume", "--out", "a", "--epochs", 40)
    assert said.endswith(
        "To train for longer, begin a new run with a larger --patience, or without it.\n"
    )


def test_data_may_be_moved_but_not_changed(copied, no_pictures):
    assert settings_of("pets")["data"] != str(copied / "pets.csv")
    lines = Path("pets.csv").read_text().splitlines()
    Path("other.csv").write_text("\n".join(lines[:-1]))
    assert refused("train", "other.csv", "--resume", "--out", "pets") == (
        "other.csv is not what it was when pets was begun: its numbers have changed. Begin a new "
        "run with another --out."
    )
    trained("pets.csv", "--resume", "--out", "pets")
    assert settings_of("pets")["data"] == str(copied / "pets.csv")


def test_a_network_of_ones_own_has_to_be_named_again_to_go_on(copied, no_pictures, stopped):
    go_on = ("digits", "--resume", "--out", "own")
    assert refused("train", *go_on).startswith(
        "own has a network of your own. Name its file again: --model "
    )
    (copied / "own.py").write_text(MORE + "# changed\n")
    assert refused("train", *go_on, "--model", "own.py:net") == (
        "own.py:net is not what own was begun with. That is kept: give --model "
        f"{Path('own', 'model.py')}:net, or begin a new run with another --out."
    )
    trained(*go_on, "--model", "own/model.py:net")
    assert result_of("own")["finished"] is True


def test_resume_needs_a_run(here):
    assert refused("train", "digits", "--resume") == (
        "--resume goes on with a run: say in which folder it is, by --out."
    )
    assert refused("train", "digits", "--resume", "--out", "a") == (
        "a: expected the folder of a run, but there is no such folder."
    )
    (here / "a").mkdir()
    assert refused("train", "digits", "--resume", "--out", "a") == (
        "a: no run is there, since it has no settings.json."
    )


# ---------------------------------------------------------------- refusals


def test_a_folder_that_cannot_be_made_is_named(here, monkeypatch):
    def failing(self, *args, **options):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(self))  # as in /proc

    monkeypatch.setattr(Path, "mkdir", failing)
    assert refused("train", "digits", "--out", "new") == (
        "new: the folder cannot be made: No such file or directory. Give another --out."
    )


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("drop=['a', 'b'] or lr=1e-3.", "--drop a --drop b or --lr 0.001."),
        ("drop=['a, b', \"it's\"].", "--drop 'a, b' --drop \"it's\"."),
        ("size=(32, 32), not batch_size=.", "--size 32, not --batch-size."),
        ("MNIST's seed=-1: it isn't", "MNIST's --seed -1: it isn't"),
    ],
)
def test_arguments_are_said_as_options(said, text):
    assert translated(said) == text


@pytest.mark.parametrize(
    "said",
    [
        "lr=0.1.csv: there is no such file.",
        "runs/lr=0.1: there is no such folder.",
        "seed=3/model.csv: there is no such file.",
        "There is no column 'lr=0.1' or \"seed=3\".",
        "Leave out=None as it is.",
    ],
)
def test_files_and_quoted_texts_are_no_arguments(said):
    assert translated(said) == said


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("mnits", "mnits: there is no data set of this name, and no such file or folder. Did you "
                  "mean mnist?"),
        ("nothing.csv", "nothing.csv: there is no data set of this name, and no such file or "
                        "folder. There are digits, mnist, fashion_mnist, cifar10."),
        ("digits --model lenet", "There is no model 'lenet'. Did you mean lenet5?"),
        ("digits --optimizer adm", "There is no optimizer 'adm'. Did you mean adam?"),
        ("digits --schedule bent", "There is no schedule 'bent'. There are constant, cosine, "
                                   "linear, one_cycle, plateau."),
        ("digits --model gpt", "gpt is for text, but digits is a set of images. There are "
                               "two_layer_net, multi_layer_net, multi_layer_net_extend, "
                               "simple_conv_net, deep_conv_net, lenet5, resnet."),
        ("digits --lr -1", "--lr -1: give a number from 0 up."),
        ("digits --momentum 0.5", "--momentum is of --optimizer sgd, but this is adam."),
        ("digits --hidden 3,x", "--hidden 3,x: give numbers from 1 up, such as 100 or 100,50."),
        ("digits --model resnet --hidden 3", "--hidden 3: resnet has nothing to choose there."),
        ("digits --model two_layer_net --hidden 3,4", "--hidden 3,4: two_layer_net has one hidden "
                                                      "layer: give one number."),
        ("digits --validation 1", "--validation 1.0: a part is from 0 up to below 1."),
        ("digits --validation 0.0001", "--validation 0.0001 of 1437 images is less than one. Give "
                                       "a larger part, or 0."),
        ("digits --validation 0 --patience 3", "--patience looks at the rows of --validation, and "
                                               "there are none."),
        ("digits --augment", "--augment: there are no usual changes for digits."),
        ("digits --engine nump", "There is no engine 'nump'. Did you mean numpy?"),
        ("digits --weight-decay -1", "--weight-decay -1 must be a number, 0 or more and finite."),
        ("digits --optimizer sgd --momentum 2", "--momentum 2 must be a number, 0 or more and "
                                                "below 1."),
        ("digits --data .", "--data is for a set of images with files of its own, but this is "
                            "digits, which come with the library."),
        ("digits --target x", "--target is for a table (FILE.csv), but this is digits, which come "
                              "with the library."),
        ("pets.csv", "pets.csv: which column is to be told? Give --target COLUMN."),
        ("pets.csv --target pett", "pets.csv has no column 'pett'; it has 'name', 'legs', "
                                   "'weight', 'home', 'pet'. Did you mean 'pet'?"),
        ("pets.csv --target pet", "pets.csv: 'name' has 200 different texts, too many for "
                                  "categories. Leave it out: --drop name."),
        ("pets.csv --target legs", "pets.csv: 'legs' holds whole numbers. Say what they are: "
                                   "--classes if they name classes, --numbers if they are numbers "
                                   "to be met."),
        ("pets.csv --target pet --missing no", "--missing no: give 'error', 'drop' or 'fill'."),
        ("pets.csv --target pet --size 3", "--size is for a folder of images, but this is a table "
                                           "(FILE.csv)."),
        ("song.txt --length 5000", "song.txt: the part to learn from has 3273 characters, too few "
                                   "for a passage of 5000. Give a smaller --length, or a longer "
                                   "text."),
        ("few.csv --target pet --drop name", "few.csv: 2 rows are too few to hold some out to "
                                              "the end. Collect more."),
        ("folder", "folder: expected a folder of images for each class, such as folder/cats and "
                   "folder/dogs, but there are none."),
        ("digits --out file", "file is a file. Give the name of a folder, or of one to be made."),
    ],
)  # fmt: skip
def test_train_refuses_in_one_line(words, text, here, monkeypatch):
    monkeypatch.delenv("LAYERWISE_DATA", raising=False)
    write_pets("pets.csv")
    write_pets("few.csv", 2)
    write_song("song.txt")
    (here / "folder").mkdir()
    (here / "file").write_text("")
    assert refused("train", *words.split()) == text
    assert not (here / "runs").exists()


def test_no_data_at_all(here):
    text = "DATA is empty. Give a name, a file or a folder."
    assert refused("train", "") == text


def test_cells_may_be_apart_by_any_sign(here, no_pictures):
    write_pets("pets.csv")
    Path("pets.txt.csv").write_text(Path("pets.csv").read_text().replace(",", "#"))
    words = ("pets.txt.csv", "--target", "pet", "--drop", "name", *QUICK)
    assert refused("train", *words).endswith("Is it a CSV file? If so, give --delimiter.")
    trained(*words, "--delimiter", "#", "--out", "a")
    assert settings_of("a")["delimiter"] == "#"


def test_mnist_that_is_nowhere(here, monkeypatch):
    monkeypatch.delenv("LAYERWISE_DATA", raising=False)
    assert refused("train", "mnist").startswith("MNIST's files are not in ")
    text = refused("train", "mnist", "--data", "nowhere")
    assert text.startswith(f"MNIST's files are not in {here / 'nowhere'} (0 of the 4 files")


def test_a_loss_that_is_no_number_is_one_line(here):
    text = refused("train", "digits", "--optimizer", "sgd", "--lr", 1e30, "--epochs", 2)
    assert text.startswith("The loss is ") or " has " in text


def test_a_full_disk_is_one_line(here, monkeypatch):
    """Nothing is lost: what is there stays, and the run goes on when there is room again."""
    write = os.fsync

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert refused("train", "digits", *QUICK, "--out", "a") == (
        f"{Path('a', 'recipe.json')}: it cannot be written: No space left on device."
    )

    def full_at_the_end(run, trainer, task):
        monkeypatch.setattr(os, "fsync", full)
        return leave(run, trainer, task)

    from layerwise.commands import training

    monkeypatch.setattr(os, "fsync", write)
    leave = leaving.leave
    monkeypatch.setattr(training, "leave", full_at_the_end)
    text = refused("train", "digits", *QUICK, "--out", "b")
    assert text == f"{Path('b', 'net.safetensors')}: nothing was written: No space left on device."
    monkeypatch.setattr(os, "fsync", write)
    monkeypatch.setattr(training, "leave", leave)
    trained("digits", "--resume", "--out", "b")
    assert {path.name for path in Path("b").iterdir()} == FILES
