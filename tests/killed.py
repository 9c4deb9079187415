"""A training that is killed again and again; test_checkpoints.py runs this as a program.

The process that has imported everything forks a child for each life of the training, kills it with
SIGKILL after a random time, and compares what comes out at the end with a training that was never
killed, bit for bit.
"""

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import layerwise as lw
from layerwise.training import Checkpoints, EarlyStopping, WeightAveraging

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6)).astype(np.float32)
T = RNG.integers(0, 3, 60)


def noise(x, t, rng):
    return x + rng.normal(size=x.shape).astype(x.dtype), t


def train(folder, **options):
    """A small network with everything that has a state; gives a digest of all numbers."""
    net = lw.Sequential(
        lw.Affine(6, 16), lw.BatchNorm(16), lw.ReLU(), lw.Dropout(0.3), lw.Affine(16, 3), seed=0
    )
    stopping = EarlyStopping("loss", patience=99)
    average = WeightAveraging(lw.ExponentialAverage(0.9))
    optimizer = lw.Adam(lw.ReduceLROnPlateau(0.02, patience=1))
    data = lw.data.Batches(X, T, 4, seed=1, augment=[noise])
    trainer = lw.Trainer(
        net, None, optimizer, callbacks=[stopping, average], accumulate=2, progress=False
    )
    saving = Checkpoints(folder, every=3, keep_last=2)
    history = trainer.fit(data, 6, validation=(X, T), checkpoints=saving, **options)
    arrays, _ = trainer.state()
    digest = hashlib.sha256(repr((history["loss"], history["val_loss"])).encode())
    for name in sorted(arrays):
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def live(folder):
    """In a child: train to the end, and leave the digest."""
    try:
        (folder / "digest").write_text(train(folder / "run", resume=True))
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(1)
    os._exit(0)


def newest(run):
    """The name of the newest checkpoint."""
    return max((path.name for path in run.glob("run/step-*")), default="")


def main(folder, deaths):
    # What a process has written outlives it, on the disk or not: only a machine that fails needs
    # fsync. A busy disk takes half a second for it, this one always the same time.
    os.fsync = lambda handle: time.sleep(0.003)
    start = time.perf_counter()
    wanted = train(folder / "never killed")
    took = time.perf_counter() - start
    chance, died, runs, writing, further = random.Random(), 0, 0, 0, 0
    while died < deaths:  # a training that comes to its end before that is followed by another
        runs += 1
        run = folder / str(runs)
        run.mkdir()
        while not (run / "digest").exists():
            before = newest(run)
            child = os.fork()
            if child == 0:
                live(run)
            time.sleep(chance.uniform(0, took / 4))
            if died < deaths:
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            died += os.WIFSIGNALED(status)
            further += os.WIFSIGNALED(status) and newest(run) > before
            writing += any((run / "run").glob(".*.part"))
            assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a child failed"
        assert (run / "digest").read_text() == wanted, "other numbers than without being killed"
    said = f"{further} of them behind a step, {writing} within a write"
    print(f"killed {died} times, {said}; the bits are the same")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
