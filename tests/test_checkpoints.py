"""Checkpoints: a training goes on bit for bit, whatever has happened to it."""

import itertools

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw
from layerwise import initializers, io
from layerwise.data import Batches
from layerwise.training import Checkpoints, Each, EarlyStopping, WeightAveraging

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


def plain(optimizer=None, net=None, **options):
    """A way to make a trainer, anew each time."""
    return lambda extra: lw.Trainer(
        (net or network)(),
        None,
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
    "float64": plain(net=lambda: network().astype("float64")),
    "a class of ones own": plain(net=lambda: lw.Sequential(BookDropout(), lw.Affine(6, 3), seed=0)),
}


def batches():
    return Batches(X, T, 4, seed=3, weights=np.linspace(0.5, 2, 22), augment=[noise])


def everything(trainer):
    """All that a training ends with: bits of all arrays, states, and the history."""
    arrays, notes = trainer.state()
    notes["history"] = [
        {name: value for name, value in epoch.items() if name != "seconds"}
        for epoch in trainer.history.epochs
    ]
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
        pause = at_step(step, lambda trainer: trainer.stop("a pause", for_now=True))
        trained(make, folder, pause)
        again = trained(make, folder, resume=True)
        assert again.resumed.endswith(f"{step:09d}.safetensors")
        assert everything(again) == wanted, step
        assert again.stopped == whole.stopped


class Crash(Exception):
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
