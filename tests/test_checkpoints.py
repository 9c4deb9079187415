"""Checkpoints: a training goes on bit for bit, whatever has happened to it."""

import copy
import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import killed
import numpy as np
import pytest
from helpers import text_of

import layerwise as lw
from layerwise import initializers, io
from layerwise.data import Batches
from layerwise.training import (
    Checkpoints,
    Each,
    EarlyStopping,
    LearningRateLog,
    WeightAveraging,
    read_checkpoint,
)
from layerwise.training.checkpoints import checksum, write_checkpoint
from layerwise.training.packing import pack, unpack

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 6)).astype(np.float32)
T = RNG.integers(0, 3, 22)
EPOCHS = 3


def network():
    return lw.Sequential(
        lw.Affine(6, 8), lw.BatchNorm(8), lw.ReLU(), lw.Dropout(0.4), lw.Affine(8, 3), seed=0
    )


def noise(x, t, rng):
    return x + rng.normal(size=x.shape).astype(x.dtype), t


def plain(optimizer=None, net=None, loss=lambda: None, **options):
    """A way to make a trainer, anew each time."""
    return lambda extra: lw.Trainer(
        (net or network)(),
        loss(),
        (optimizer or (lambda: lw.SGD(0.1, momentum=0.9)))(),
        callbacks=[*options.get("callbacks", list)(), *extra],
        progress=False,
        **{name: value for name, value in options.items() if name != "callbacks"},
    )


def transposed():
    """Weights that lie in memory column by column, as orthogonal ones may."""
    made = initializers.orthogonal
    return lw.Sequential(
        lw.Affine(6, 40, init=made), lw.Tanh(), lw.Affine(40, 3, init=made), seed=0
    )


def recurrent():
    x = lw.Input("x", (None, 6))
    h, _ = lw.GRU(2, 5, batch_first=True, dropout=0.3, num_layers=2)(lw.Unflatten(1, (3, 2))(x))
    return lw.Graph(lw.Affine(15, 3)(lw.Flatten()(h)), seed=0)


class BookDropout:
    """With a generator and a running mean of its own, and without any base class."""

    def __init__(self):
        self.rng, self.mean = np.random.default_rng(5), np.zeros(6, np.float32)

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mean = (0.9 * self.mean + 0.1 * x.mean(axis=0)).astype(np.float32)
        self.mask = (self.rng.random(x.shape) > 0.3).astype(x.dtype)
        return (x - self.mean) * self.mask

    def backward(self, dout):
        return dout * self.mask


def schedule():
    return lw.OneCycleLR(0.2, total_steps=30)


TRAININGS = {
    "momentum": plain(),
    "adam by a schedule": plain(lambda: lw.Adam(schedule())),
    "plateau": plain(lambda: lw.SGD(lw.ReduceLROnPlateau(0.5, patience=1, threshold=0.1))),
    "muon and adamw": plain(lambda: lw.optim.ByName({"*.W": lw.Muon(0.1), "*": lw.AdamW()})),
    "lamb": plain(lambda: lw.LAMB(0.1, clip_norm=0.1)),
    "adafactor": plain(lambda: lw.Adafactor(0.1)),
    "gathered": plain(accumulate=2),
    "in another order of memory": plain(net=transposed),
    "muon in another order of memory": plain(
        lambda: lw.optim.ByName({"*.W": lw.Muon(0.1), "*": lw.AdamW()}), net=transposed
    ),
    "recurrent": plain(net=recurrent),
    "average": plain(callbacks=lambda: [WeightAveraging(lw.ExponentialAverage(0.9))]),
    "early stopping": plain(callbacks=lambda: [EarlyStopping("accuracy", patience=1)]),
    "class weights": plain(class_weights=[1.0, 2.0, 0.5]),
    "all metrics": plain(
        metrics=["accuracy", "top2", "f1", "auc", "confusion_matrix", "perplexity"]
    ),
    "float64": plain(net=lambda: network().astype("float64")),
    "a class of ones own": plain(net=lambda: lw.Sequential(BookDropout(), lw.Affine(6, 3), seed=0)),
}


def batches():
    return Batches(X, T, 4, seed=3, weights=np.linspace(0.5, 2, 22), augment=[noise])


def everything(trainer):
    """All that a training ends with: bits of all arrays, states, and the history."""
    arrays, notes = trainer.state()
    columns = trainer.history.to_dict()
    notes["history"] = repr({name: columns[name] for name in columns if name != "seconds"})
    bits = {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}
    left = {name: notes[name] for name in notes if name not in ("seconds", "callbacks", "stopped")}
    return bits, left


def trained(make, folder, stop=None, **options):
    """Train with checkpoints; stop: the step at which it is broken off."""
    extra = []
    if stop is not None:
        extra = [Each(lambda trainer: stop(trainer), steps=1)]
    trainer = make(extra)
    options = {"epochs": EPOCHS, "validation": (X[:7], T[:7]), **options}
    trainer.fit(batches(), checkpoints=Checkpoints(folder, **options.pop("saving", {})), **options)
    return trainer


def at_step(number, do):
    return lambda trainer: do(trainer) if trainer.step == number else None


@pytest.mark.parametrize("name", TRAININGS)
def test_it_goes_on_bit_for_bit_from_every_step(name, tmp_path):
    make = TRAININGS[name]
    whole = trained(make, tmp_path / "whole")
    wanted = everything(whole)
    for step in sorted({1, 4, 6, 8, whole.step - 1} & {*range(1, whole.step)}):
        folder = tmp_path / str(step)
        trained(make, folder, at_step(step, pause))
        again = trained(make, folder, resume=True)
        assert again.resumed.endswith(f"{step:09d}.safetensors")
        assert everything(again) == wanted, step
        assert again.stopped == whole.stopped


def pause(trainer):
    trainer.stop("a pause", for_now=True)


class Crash(Exception):  # noqa: N818
    pass


def crash(trainer):
    raise Crash


def test_after_a_crash_it_goes_on_from_the_last_file(tmp_path):
    make = TRAININGS["gathered"]
    wanted = everything(trained(make, tmp_path / "whole"))
    for step, every in itertools.product((1, 2, 5, 8), (1, 3, None)):
        folder = tmp_path / f"{step} {every}"
        with pytest.raises(Crash):
            trained(make, folder, at_step(step, crash), saving={"every": every})
        again = trained(make, folder, resume=True)
        assert everything(again) == wanted, (step, every)


def test_several_crashes_one_after_the_other(tmp_path):
    make, crashes = TRAININGS["adam by a schedule"], 0
    wanted = everything(trained(make, tmp_path / "whole"))
    for step in (2, 3, 7, 9, 12, 17):
        with pytest.raises(Crash):
            trained(make, tmp_path / "run", at_step(step, crash), saving={"every": 2}, resume=True)
        crashes += 1
    assert everything(trained(make, tmp_path / "run", resume=True)) == wanted and crashes == 6


def interrupted_at(trainer, call, how):
    """Let something happen within the so many-th forward of the loss."""
    forward, calls = trainer.loss.forward, itertools.count(1)

    def pressed(x, t):
        if next(calls) == call:
            how()
        return forward(x, t)

    trainer.loss.forward = pressed


def test_after_ctrl_c_it_goes_on_where_it_was(tmp_path, capsys):
    make = plain(loss=lw.SoftmaxCrossEntropy)
    whole = make([])
    whole.fit((X, T), 3, batch_size=4)
    trainer = make([])
    interrupted_at(trainer, 9, lambda: signal.raise_signal(signal.SIGINT))
    trainer.fit((X, T), 3, batch_size=4, checkpoints=tmp_path)
    assert (trainer.step, trainer.history.interrupted) == (9, True)
    again = make([])
    again.fit((X, T), 3, batch_size=4, checkpoints=tmp_path, resume=True)
    assert again.resumed.endswith("step-000000009.safetensors")
    assert everything(again) == everything(whole)
    assert capsys.readouterr().err.startswith("Stopped by Ctrl-C in epoch 2.")


def test_what_was_broken_off_within_a_step_is_not_saved(tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    trainer = plain(loss=lw.SoftmaxCrossEntropy)([])
    interrupted_at(trainer, 9, interrupt)
    trainer.fit((X, T), 3, batch_size=4, checkpoints=tmp_path)
    assert trainer.history.interrupted and steps_in(tmp_path) == [0, 6]


def test_the_bits_are_those_of_a_training_without_checkpoints(tmp_path):
    for name in ("momentum", "average"):
        plain = TRAININGS[name]([])
        plain.fit(batches(), EPOCHS, validation=(X[:7], T[:7]))
        with_files = trained(TRAININGS[name], tmp_path / name, saving={"every": 1})
        assert everything(plain)[0] == everything(with_files)[0]


def test_lbfgs_goes_on(tmp_path):
    def run(folder, epochs, resume=False):
        net = lw.Sequential(lw.Affine(6, 8), lw.Tanh(), lw.Affine(8, 3), seed=0)
        trainer = lw.Trainer(net, optimizer=lw.LBFGS(max_iter=3), progress=False)
        trainer.fit((X, T), epochs, batch_size=22, checkpoints=folder, resume=resume)
        return everything(trainer)

    run(tmp_path / "parts", 2)
    assert run(tmp_path / "parts", 4, resume=True)[0] == run(tmp_path / "whole", 4)[0]


def test_checkpoints_from_before_data_were_sampled_are_gone_on_from(tmp_path):
    """They have no samples, and list what metrics have counted."""
    make, path = TRAININGS["all metrics"], tmp_path / "run" / "step-000000003.safetensors"
    whole = trained(make, tmp_path / "whole")
    trained(make, tmp_path / "run", at_step(3, pause))
    arrays, notes = read_checkpoint(path)
    del notes["data"]["dict"]["sample"], notes["options"]
    notes["metrics"] = [*notes["metrics"]["dict"].values()]
    write_checkpoint(path, arrays, notes)
    again = trained(make, tmp_path / "run", resume=True)
    assert again.resumed == str(path)
    assert everything(again) == everything(whole)


# killed ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL and no fork here")
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path):
    """25 times by SIGKILL; see killed.py."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    program = [sys.executable, "-W", "error", killed.__file__, str(tmp_path), "25"]
    run = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("killed 25 times, ")
    assert run.stdout.endswith(" within a write; the bits are the same\n")


# which files are kept ----------------------------------------------------------------------------


def steps_in(folder):
    return [int(path.stem.removeprefix("step-")) for path in sorted(folder.iterdir())]


def with_numbers(folder, numbers, resume=False, **saving):
    """A training of 2 steps an epoch, whose column `number` is given."""
    give = lambda t: t.history.epochs[-1].update(number=numbers[t.epoch - 1])  # noqa: E731
    trainer = TRAININGS["momentum"]([give])
    saver = Checkpoints(folder, **{"monitor": "number", "better": "lower", **saving})
    trainer.fit((X, T), len(numbers), batch_size=11, checkpoints=saver, resume=resume)
    return saver


@pytest.mark.parametrize(
    ("saving", "kept"),
    [
        ({"keep_last": 2, "keep_best": 0}, [10, 12]),
        ({"keep_last": 2, "keep_best": 1}, [4, 10, 12]),
        ({"keep_last": 1, "keep_best": 2}, [4, 8, 12]),
        ({"keep_last": 1, "keep_best": 1, "better": "higher"}, [6, 12]),
        ({"keep_last": 3, "keep_best": 1, "every": 1}, [4, 10, 11, 12]),
        ({"keep_last": 99, "keep_best": 0}, [0, 2, 4, 6, 8, 10, 12]),
    ],
)
def test_the_last_and_the_best_are_kept(tmp_path, saving, kept):
    numbers = [5.0, 1.0, 9.0, 2.0, np.nan, 4.0]
    with_numbers(tmp_path / "run", numbers, **saving)
    assert steps_in(tmp_path / "run") == kept
    with_numbers(tmp_path / "parts", numbers[:3], **saving)
    with_numbers(tmp_path / "parts", numbers, resume=True, **saving)
    assert steps_in(tmp_path / "parts") == kept


def test_older_files_are_removed_only_when_the_new_one_is_there(tmp_path, monkeypatch):
    seen, write = [], write_checkpoint

    def slow(path, *what):
        seen.append(steps_in(tmp_path / "run"))
        time.sleep(0.02)  # the training goes on meanwhile
        assert steps_in(tmp_path / "run") == seen[-1]
        write(path, *what)

    monkeypatch.setattr("layerwise.training.checkpoints.write_checkpoint", slow)
    saving = {"every": 1, "keep_last": 2, "keep_best": 1}
    with_numbers(tmp_path / "run", [3.0, 1.0, 2.0, 2.0], **saving)
    one, two = [[], [0], [0, 1], [1, 2]], [[1, 2], [2, 3], [2, 3, 4], [3, 4]]
    assert seen == [*one, *two, [4, 5], [4, 5, 6], [4, 5, 6], [4, 6, 7], [4, 7, 8]]


def test_the_training_goes_on_while_a_file_is_written(tmp_path, monkeypatch):
    """The thread waits for a step behind the copy; in one thread it would wait forever."""
    behind = threading.Event()
    write = write_checkpoint

    def waits(path, *what):
        if path.name == "step-000000002.safetensors":
            assert behind.wait(20)
        write(path, *what)

    monkeypatch.setattr("layerwise.training.checkpoints.write_checkpoint", waits)
    make = TRAININGS["momentum"]
    extra = [Each(at_step(3, lambda trainer: behind.set()), steps=1)]
    trainer = make(extra)
    trainer.fit((X, T), 3, batch_size=11, checkpoints=Checkpoints(tmp_path / "run", keep_last=9))
    assert steps_in(tmp_path / "run") == [0, 2, 4, 6]
    arrays, notes = read_checkpoint(tmp_path / "run" / "step-000000002.safetensors")
    twin = make([])
    twin.fit((X, T), 1, batch_size=11)
    twin.restore(arrays, notes)  # copied before the steps behind it
    again = make([])
    again.fit((X, T), 1, batch_size=11)
    assert everything(twin)[0] == everything(again)[0]


# where nothing can be written --------------------------------------------------------------------


def fails_from(monkeypatch, step, call="os.fsync", code=errno.ENOSPC, until=10**9):
    """From the file of this step on, a call of the system fails."""
    write = write_checkpoint

    def fails(*_, **__):
        raise OSError(code, os.strerror(code))

    def patched(path, *what):
        with monkeypatch.context() as patch:
            if step <= int(path.stem[5:]) < until:
                patch.setattr(call, fails)
            write(path, *what)

    monkeypatch.setattr("layerwise.training.checkpoints.write_checkpoint", patched)


@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
def test_a_disk_that_is_full_is_said_once_and_the_training_goes_on(
    tmp_path, monkeypatch, capsys, call
):
    run = tmp_path / "run"
    fails_from(monkeypatch, 4, call)
    trainer = TRAININGS["momentum"]([])
    saver = Checkpoints(run, every=1, keep_last=2, keep_best=0)
    history = trainer.fit((X, T), 4, batch_size=11, checkpoints=saver)
    assert len(history.epochs) == 4 and trainer.step == 8
    assert steps_in(run) == [2, 3]  # and nothing half written
    assert capsys.readouterr().err.splitlines() == [
        f"A checkpoint is missing. {run}/step-000000004.safetensors: nothing was written: No space "
        "left on device. The training goes on, and older checkpoints are kept.",
        f"The newest whole checkpoint is {run}/step-000000003.safetensors.",
    ]
    assert "No space left on device" in saver.failed
    monkeypatch.undo()
    again = TRAININGS["momentum"]([])
    again.fit((X, T), 4, batch_size=11, checkpoints=run, resume=True)
    assert everything(again)[0] == everything(trainer)[0]


def test_when_there_is_space_again_files_are_written_again(tmp_path, monkeypatch, capsys):
    fails_from(monkeypatch, 3, until=5)
    saver = Checkpoints(tmp_path / "run", every=1, keep_last=2)
    TRAININGS["momentum"]([]).fit((X, T), 3, batch_size=11, checkpoints=saver)
    assert saver.failed == "" and steps_in(tmp_path / "run")[-2:] == [5, 6]
    assert capsys.readouterr().err.count("\n") == 1


def test_the_best_file_stays_until_a_better_one_is_there(tmp_path, monkeypatch, capsys):
    fails_from(monkeypatch, 6, until=7)
    with_numbers(tmp_path / "run", [2.0, 3.0, 1.0, 4.0], keep_last=1)
    assert steps_in(tmp_path / "run") == [2, 8]
    assert "is missing" in capsys.readouterr().err


def test_a_disk_that_is_full_from_the_beginning_is_an_error(tmp_path, monkeypatch):
    fails_from(monkeypatch, 0)
    trainer = TRAININGS["momentum"]([])
    before = trainer.net["affine1.W"].value.copy()
    text = text_of(lw.FileError, lambda: trainer.fit((X, T), checkpoints=tmp_path / "run"))
    assert text == (
        f"{tmp_path}/run/step-000000000.safetensors: nothing was written: No space left on device."
    )
    assert np.array_equal(trainer.net["affine1.W"].value, before)


def mounted(folder, options):
    """A small file system of its own, or why there cannot be one."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    made = shutil.which("mount") and subprocess.run(command, capture_output=True).returncode == 0
    if not made:
        pytest.skip("only root can mount a file system of its own, and not everywhere")


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    yield folder
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


def test_a_real_disk_that_is_full(disk, capsys):
    mounted(disk, "size=64k")
    net = lambda: lw.Sequential(lw.Affine(6, 300), lw.Affine(300, 3), seed=0)  # noqa: E731
    make = plain(net=net)
    whole = make([])
    whole.fit((X, T), 4, batch_size=11)
    trainer = make([])  # a file takes 13 kB without momentum, and 25 kB with it
    saver = Checkpoints(disk / "run", keep_last=9, keep_best=0)
    trainer.fit((X, T), 4, batch_size=11, checkpoints=saver)
    assert "No space left on device. The training goes on" in capsys.readouterr().err
    first, *more = steps_in(disk / "run")
    assert first == 0 and 0 < len(more) < 4
    (disk / "run" / "step-000000000.safetensors").unlink()  # there has to be space for one
    again = make([])
    saver = Checkpoints(disk / "run", keep_last=1, keep_best=0)
    again.fit((X, T), 4, batch_size=11, checkpoints=saver, resume=True)
    assert everything(again)[0] == everything(whole)[0] == everything(trainer)[0]
    assert steps_in(disk / "run") == [8]


def test_a_file_size_limit(tmp_path, capsys):
    resource = pytest.importorskip("resource", reason="only Unix can stop a write at a byte")
    trainer, limits = TRAININGS["momentum"]([]), resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = Each(lambda _: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1])))
    trainer.callbacks.insert(1, limit)
    try:
        trainer.fit((X, T), 2, batch_size=11, checkpoints=tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert steps_in(tmp_path / "run") == [0]
    assert "nothing was written: File too large. The training" in capsys.readouterr().err


def test_a_folder_that_may_not_be_written(disk, tmp_path):
    trainer = TRAININGS["momentum"]([])
    (tmp_path / "file").touch()
    text = text_of(lw.FileError, lambda: trainer.fit((X, T), checkpoints=tmp_path / "file"))
    assert text.startswith(f"{tmp_path}/file: no checkpoints can be written: ")
    mounted(disk, "ro")
    for folder, said in ((disk, "nothing was written: Read-only file system."),
                         (disk / "run", "no checkpoints can be written: ")):  # fmt: skip
        assert said in text_of(lw.FileError, lambda f=folder: trainer.fit((X, T), checkpoints=f))
    assert trainer.step == 0


def test_what_is_left_of_a_killed_write_is_removed(tmp_path):
    part = tmp_path / ".0123456789abcdef.part"
    part.touch()
    TRAININGS["momentum"]([]).fit((X, T), 1, checkpoints=tmp_path)
    assert not part.exists()


# what cannot be gone on from ---------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    """A folder with the checkpoints of steps 0, 2, 4, and 6."""
    saver = Checkpoints(tmp_path / "run", keep_last=9)
    TRAININGS["momentum"]([]).fit((X, T), 3, batch_size=11, checkpoints=saver)
    return tmp_path / "run"


def resumed(folder, make=TRAININGS["momentum"], data=(X, T), **options):
    trainer = make([])
    trainer.fit(data, **{"epochs": 3, "batch_size": 11, **options}, checkpoints=folder, resume=True)
    return trainer


def test_a_damaged_file_is_left_out_and_named(run, capsys):
    wanted = everything(resumed(run))[0]
    newest, older = (run / f"step-00000000{step}.safetensors" for step in (6, 4))
    content, wanted_file = newest.read_bytes(), bits_of(read_checkpoint(newest))[0]
    newest.write_bytes(content[:-1])
    changed = bytearray(older.read_bytes())
    changed[-5] ^= 1  # one bit of one number
    older.write_bytes(changed)
    again = resumed(run)
    assert again.resumed == str(run / "step-000000002.safetensors")
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said] == [
        f"A checkpoint is left out. {newest}",
        f"A checkpoint is left out. {older}",
    ]
    assert "(its checksum is another)" in said[1]
    assert everything(again)[0] == wanted
    assert bits_of(read_checkpoint(newest))[0] == wanted_file  # whole again


def test_if_all_are_damaged_nothing_is_begun(run):
    for path in run.iterdir():
        path.write_bytes(b"nothing")
    assert text_of(lw.FileError, lambda: resumed(run)) == (
        f"{run}: none of its checkpoints can be read."
    )
    assert all(path.read_bytes() == b"nothing" for path in run.iterdir())


def test_another_training_is_not_written_over(run):
    before = {path: path.read_bytes() for path in run.iterdir()}
    text = text_of(lw.TrainingError, lambda: TRAININGS["momentum"]([]).fit((X, T), checkpoints=run))
    assert text == (
        f"{run} holds checkpoints of another training, up to step 6. Go on with it by resume=True, "
        "or give another folder."
    )
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_with_an_empty_folder_resume_begins(tmp_path):
    trainer = resumed(tmp_path / "new")
    assert trainer.step == 6 and trainer.resumed == ""


def test_a_training_that_was_finished_stays_finished_and_can_be_made_longer(run, tmp_path):
    assert resumed(run).step == 6
    longer = resumed(run, epochs=5)
    whole = TRAININGS["momentum"]([])
    whole.fit((X, T), 5, batch_size=11)
    assert everything(longer)[0] == everything(whole)[0]


def test_where_it_goes_on_is_said(run, capsys):
    trainer = lw.Trainer(network(), optimizer=lw.SGD(0.1, momentum=0.9))
    trainer.fit((X, T), 4, batch_size=11, checkpoints=run, resume=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Goes on behind step 6, from {run}/step-000000006.safetensors."
    assert lines[1].startswith("epoch 4/4") and len(lines) == 2


OTHERS = {
    "another network": (plain(net=transposed), {}, "This is the state of another network."),
    "another dtype": (
        plain(net=lambda: network().astype("float64")),
        {},
        "affine1.W holds float64, but the state has float32.",
    ),
    "another optimizer": (
        plain(lw.Adam),
        {},
        "It does not fit this trainer: This is the state of ",
    ),
    "another batch_size": (
        TRAININGS["momentum"],
        {"batch_size": 5},
        "It was made with batch_size=11, but now it is batch_size=5. A training goes on with the "
        "same data in the same batches.",
    ),
    "other numbers": (
        TRAININGS["momentum"],
        {"data": (X[::-1], T)},
        "It was made with other data: x is (22, 6) float32 as before, but holds other numbers. A "
        "training goes on with the same data.",
    ),
    "other targets": (
        TRAININGS["momentum"],
        {"data": (X, (T + 1) % 3)},
        "It was made with other data: t is (22,) int64 as before, but holds other numbers. ",
    ),
    "other columns": (
        TRAININGS["momentum"],
        {"data": (X[:, :5], T)},
        "It was made with other data: x was (22, 6) float32, and now it is (22, 5) float32.",
    ),
    "gathering": (TRAININGS["gathered"], {}, "It was made with accumulate=1, but now it is "),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_fit_is_an_error_and_changes_nothing(run, name):
    make, options, said = OTHERS[name]
    files = {path: path.read_bytes() for path in run.iterdir()}
    text = text_of(lw.FileError, lambda: resumed(run, make, **options))
    assert text.startswith(f"{run}/step-000000006.safetensors: {said}")
    assert {path: path.read_bytes() for path in run.iterdir()} == files


def test_other_numbers_beside_a_large_column_are_noticed(tmp_path):
    """Such as a time stamp; an older checkpoint, whose samples were sums alone, goes on."""
    times = X.astype(float)
    times[:, 0] = 1.6e9 + 60 * np.arange(22)
    resumed(tmp_path, data=(times, T))
    rounded = np.nextafter(times, np.inf)
    assert resumed(tmp_path, data=(rounded, T)).resumed
    others = times.copy()
    others[:, 1:] = others[::-1, 1:]
    with pytest.raises(lw.FileError, match="float64 as before, but holds other"):
        resumed(tmp_path, data=(others, T))
    path = tmp_path / "step-000000006.safetensors"
    arrays, notes = read_checkpoint(path)
    for held in notes["data"]["dict"]["sample"]["dict"].values():
        del held["tuple"][2]
    write_checkpoint(path, arrays, notes)
    assert resumed(tmp_path, data=(times, T)).resumed
    with pytest.raises(lw.FileError, match="holds other numbers"):
        resumed(tmp_path, data=(2 * times, T))


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        (
            {"resume": True},
            lw.TrainingError,
            "There are 0 places for checkpoints; resume=True needs one: checkpoints=folder.",
        ),
        (
            {"checkpoints": "b", "callbacks": lambda: [Checkpoints("a")]},
            lw.TrainingError,
            "There are 2 places for checkpoints; give one folder.",
        ),
        (
            {"checkpoints": Checkpoints("a", monitor="val_loss")},
            lw.TrainingError,
            "Checkpoints looks at 'val_loss', but there is no validation data. Give fit(..., "
            "validation=(x, t)), or monitor='loss'.",
        ),
    ],
)
def test_places_that_make_no_sense(tmp_path, monkeypatch, options, kind, text):
    monkeypatch.chdir(tmp_path)
    trainer = plain(callbacks=options.pop("callbacks", list))([])
    assert text_of(kind, lambda: trainer.fit((X, T), **options)) == text
    assert not any(tmp_path.iterdir())


def test_a_loss_of_no_base_class_is_no_hindrance(tmp_path):
    class Mine:
        def forward(self, out, t):
            self.d = out - np.eye(3, dtype=out.dtype)[t]
            return np.mean(self.d**2)

        def backward(self, dout=1):
            return dout * 2 * self.d / self.d.size

    trainer = lw.Trainer(network(), Mine(), progress=False)
    assert trainer.fit((X, T), epochs=1, checkpoints=tmp_path / "run").epochs[0].accuracy > 0


def test_an_optimizer_without_a_state(tmp_path):
    class Mine:
        def step(self, parameters):
            pass

        def __repr__(self):
            return "Mine()"

    text = text_of(
        lw.TrainingError, lambda: plain(Mine)([]).fit((X, T), checkpoints=tmp_path / "run")
    )
    assert text == (
        "Mine() cannot be saved: checkpoints need an optimizer with state() and load_state(state, "
        "parameters)."
    )


def test_a_callback_that_remembers_what_is_no_data(tmp_path):
    class Mine(lw.Callback):
        remembers = ("seen",)

        def on_fit_start(self, trainer):
            self.seen = {1, 2}

    trainer = plain(callbacks=lambda: [Mine()])([])
    text = text_of(lw.FileError, lambda: trainer.fit((X, T), checkpoints=tmp_path / "run"))
    assert text.startswith("callbacks.Mine1.seen cannot be saved: it is {1, 2} set. It can be ")


def test_a_metric_that_counts_in_what_is_no_data(tmp_path):
    class Mine(lw.metrics.Accuracy):
        name = "mine"

        def start(self):
            super().start()
            self.seen = {1, 2}

    trainer = lw.Trainer(network(), metrics=[Mine()], progress=False)
    text = text_of(lw.FileError, lambda: trainer.fit((X, T), checkpoints=tmp_path / "run"))
    assert text.startswith("metrics.mine.seen cannot be saved: it is {1, 2} set. It can be ")


def test_another_learning_rate_is_said_and_taken(run, capsys):
    again = resumed(run, plain(lambda: lw.SGD(0.5, momentum=0.9)), epochs=4)
    said = capsys.readouterr().err
    kept, now = repr(TRAININGS["momentum"]([]).optimizer), repr(lw.SGD(0.5, momentum=0.9))
    assert said == f"It was trained with {kept}, and goes on with {now}.\n" and kept != now
    assert again.optimizer.rate() == 0.5 and again.epoch == 4


def test_data_rounded_in_another_way_are_the_same(run, capsys):
    resumed(run, data=(X * np.float32(1 + 2**-20), T), epochs=4)
    assert capsys.readouterr().err == ""


# hostile files -----------------------------------------------------------------------------------

HOSTILE = [
    *(None, True, -1, 0, 1, 2**63, 10**400, 1.5, -0.0, 1e308, "", "nan", "x" * 1000, [], {}),
    *([[]], [None], {"dict": {}}, {"dict": 3}, {"array": "net.arrays.affine1.W"}, {"array": 3}),
    *({"float": "inf"}, {"float": "red"}, {"tuple": []}, {"number": 3, "dtype": "float32"}),
    *({"number": 3, "dtype": "object"}, {"number": 10**30, "dtype": "int8"}, {"x": 1, "y": 2}),
    {"array": "net.arrays.affine1.W", "order": [1, 0]},
    {"array": "net.arrays.affine1.W", "order": [7, "a"]},
]


def mutate(value, rng):
    """A copy in which one thing is another one."""
    if isinstance(value, dict) and value and rng.random() < 0.93:
        twin, key = dict(value), rng.choice(list(value))
        if rng.random() < 0.05:
            del twin[key]
        elif rng.random() < 0.05:
            twin[rng.choice(["other", "", "dict"])] = twin.pop(key)
        else:
            twin[key] = mutate(value[key], rng)
        return twin
    if isinstance(value, list) and value and rng.random() < 0.9:
        twin, i = list(value), rng.randrange(len(value))
        twin[i] = mutate(value[i], rng)
        return twin
    return copy.deepcopy(rng.choice(HOSTILE))


def rich(epochs=2):
    """A trainer in the middle of the epoch behind these, with everything that has a state."""
    callbacks = [
        EarlyStopping("loss", patience=9),
        WeightAveraging(lw.ExponentialAverage()),
        LearningRateLog(),
        Each(
            at_step(6 * epochs + 2, lambda trainer: trainer.stop("a pause", for_now=True)), steps=1
        ),
    ]
    optimizer = lw.Adam(lw.ReduceLROnPlateau(0.1))
    trainer = lw.Trainer(network(), None, optimizer, callbacks=callbacks, progress=False)
    trainer.fit(Batches(X, T, 4), 3, validation=(X, T))
    return trainer


def test_a_thousand_hostile_notes_change_nothing():
    rng, other = random.Random(0), rich(epochs=2)
    arrays, notes = rich(epochs=1).state()
    own = other.state()
    before, refused = bits_of(own), 0
    for _ in range(1_000):
        hostile = notes
        for _ in range(rng.randint(1, 3)):
            hostile = mutate(hostile, rng)
        try:
            other.restore(arrays, hostile)
        except lw.FileError as error:
            refused += 1
            assert len(str(error)) < 800
            assert bits_of(other.state()) == before, hostile
        else:
            other.restore(*own)
    assert refused > 500


def test_an_array_that_is_asked_for_often_takes_no_memory():
    many = [{"array": "W"}] * 1000
    text = text_of(lw.FileError, lambda: unpack(many, {"W": np.zeros(9)}))
    assert text == "Something in it is no value (KeyError('W'))."


def test_before_the_first_fit_there_is_no_state():
    text = text_of(lw.TrainingError, lambda: TRAININGS["momentum"]([]).state())
    assert text == "A training has no state before its first fit."


def test_every_number_comes_back_as_it_was():
    kinds = [np.float16, np.float32, np.float64, np.int8, np.uint64, np.bool_]
    value = {
        "numbers": [0, -1, 2**70, 0.1, -0.0, 1e-310, np.inf, -np.inf, True, False, None, "text"],
        "scalars": tuple(kind(1) for kind in kinds),
        "nan": (np.nan, [np.float32(np.nan)]),
        "arrays": {kind.__name__: np.array([[0, 1, 1]], kind) for kind in kinds},
        "dots": [{"a.b": np.ones(1), "a": {"b": np.zeros(1)}}],
        "empty": [[], (), {}, np.zeros((0, 3))],
        "order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    }
    arrays = {}
    packed = json.loads(json.dumps(pack(value, "it", arrays), allow_nan=False))
    again = unpack(packed, {name: np.ascontiguousarray(array) for name, array in arrays.items()})
    assert repr(again) == repr(value)
    assert again["order"].flags.f_contiguous and not again["order"].flags.c_contiguous
    assert [type(one) for one in again["scalars"]] == kinds


def bits_of(state):
    arrays, notes = state
    return {name: array.tobytes() for name, array in arrays.items()}, json.dumps(notes)


def test_a_thousand_spoilt_files(tmp_path):
    """Cut off, with another header, with other bits: each is refused, whatever has changed."""
    rng, path = random.Random(0), tmp_path / "spoilt.safetensors"
    arrays, notes = rich().state()
    write_checkpoint(path, arrays, notes)
    whole = path.read_bytes()
    for _ in range(1_000):
        content = bytearray(whole)
        kind = rng.choice(["cut", "bits", "length", "header"])
        if kind == "cut":
            del content[rng.randrange(len(content)) :]
        elif kind == "length":
            content[:8] = rng.choice([rng.randrange(2**64), rng.randrange(9999)]).to_bytes(
                8, "little"
            )
        else:
            end = len(content) if kind == "bits" else 4000
            for _ in range(rng.randint(1, 4)):
                content[rng.randrange(8, end)] = rng.randrange(256)
        if content == whole:
            continue
        path.write_bytes(content)
        try:
            found = read_checkpoint(path)
        except lw.FileError:
            continue
        assert bits_of(found) == bits_of((arrays, notes))  # a space more in the header


def test_a_file_of_another_kind_or_version(tmp_path, run):
    path = tmp_path / "net.safetensors"
    network().save(path)
    assert text_of(lw.FileError, lambda: read_checkpoint(path)) == (
        f"{path}: this is no checkpoint."
    )
    io.write(path, {}, {"checkpoint": {"format": 2, "sum": 0}, "training": {}})
    assert text_of(lw.FileError, lambda: read_checkpoint(path)) == (
        f"{path}: this checkpoint is of the format 2, and this version reads 1. Install a newer "
        "layerwise."
    )
    assert checksum({}, {}) != checksum({}, {"a": 1}) != checksum({"a": np.zeros(1)}, {"a": 1})
