"""Checkpoints: files from which a training goes on bit for bit, whatever has happened to it."""

from __future__ import annotations

import json
import math
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileError
from ..files import as_path
from .callback import Callback
from .callbacks import Monitor
from .checks import TrainingError, whole
from .snapshot import changed_options

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .trainer import Trainer

FORMAT = 1  # a change that older versions cannot read makes it 2
NAME = re.compile(r"step-(\d{9,18})\.safetensors")
PART = ".[0-9a-f]*.part"  # what a process leaves that is killed while it writes


class Checkpoints(Callback):
    """Saves all that a training depends on, so that it can go on bit for bit after any end.

    folder      where the files go; it is made if need be
    every       save after every so many steps of the optimizer, too; None: after each epoch alone
    keep_last   how many of the newest files are kept
    keep_best   how many of the best epochs are kept as well
    monitor     the column of the history that says which are the best; None: "val_loss", or "loss"
                where there is no validation
    better      "lower" or "higher"; None: lower for losses, and what a metric says of itself
    errors      FileError before the first step if nothing can be written there; TrainingError if
                there are files of another training

    The numbers are copied between two steps, and written by a thread while the training goes on. A
    file appears whole or not at all, and older ones are removed only when it is safely on the disk.
    If the disk is full later on, that is said once, the older files stay, and the training goes on;
    `failed` is then what was said, and "" after the next file that is written.

    `Trainer.fit(..., checkpoints=folder)` is short for `Checkpoints(folder)`, and with
    `resume=True` it begins where the newest whole file ends: with the same program, the bits are
    those of a training that was never broken off.

    >>> import tempfile
    >>> from layerwise import Adam, Affine, Dropout, Sequential, Trainer
    >>> x, t = np.eye(8), np.arange(8) % 2
    >>> def trainer():
    ...     net = Sequential(Dropout(0.1), Affine(8, 2), seed=0)
    ...     return Trainer(net, optimizer=Adam(), progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     history = trainer().fit((x, t), epochs=2, batch_size=4, checkpoints=folder)
    ...     resumed = trainer()  # another day, in another process
    ...     history = resumed.fit((x, t), epochs=3, batch_size=4, checkpoints=folder, resume=True)
    >>> whole = trainer()
    >>> _ = whole.fit((x, t), epochs=3, batch_size=4)
    >>> bool((resumed.net["affine1.W"].value == whole.net["affine1.W"].value).all())
    True
    >>> history["epoch"]
    [1, 2, 3]
    """

    remembers = ("best",)
    place = 1  # behind those whose state is saved

    def __init__(
        self,
        folder: Any,
        every: int | None = None,
        keep_last: int = 3,
        keep_best: int = 1,
        monitor: str | None = None,
        *,
        better: str | None = None,
    ) -> None:
        self.folder = as_path(folder)
        self.every = None if every is None else whole("every", every, 1)
        self.keep_last = whole("keep_last", keep_last, 1)
        self.keep_best = whole("keep_best", keep_best, 0)
        self.monitor, self.better = monitor, better
        self.failed = ""

    # events --------------------------------------------------------------------------------------

    def on_fit_start(self, trainer: Trainer) -> None:
        self.best: list[Any] = []  # [value, step] of the best epochs, the best first
        self.steps: list[int] = []  # of the files that are there, in their order
        self.failed, self.saved = "", (-1, -1)
        default = "loss" if trainer.validation is None else "val_loss"
        self.watch = Monitor(self.monitor or default, self.better)
        if self.keep_best:
            self.watch.check(trainer, "Checkpoints")
        if not callable(getattr(trainer.optimizer, "load_state", None)):
            raise TrainingError(
                f"{trainer.optimizer!r} cannot be saved: checkpoints need an optimizer with "
                "state() and load_state(state, parameters)."
            )
        from concurrent.futures import ThreadPoolExecutor

        self.prepare(trainer)
        self.saved = trainer.step, trainer.batch
        self.write(self.best, trainer.step, *trainer.state())  # in no thread: errors are raised
        self.writer = ThreadPoolExecutor(1, "checkpoints")
        self.writing: Future[None] | None = None

    def prepare(self, trainer: Trainer) -> None:
        """Find what is in the folder, and go on from it if that is wanted."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for part in self.folder.glob(PART):
                part.unlink()
            known = steps_in(self.folder)
        except OSError as error:
            raise FileError(f"{self.folder}: no checkpoints can be written: {error}.") from error
        if trainer.resume:
            self.resume(trainer, known)
        elif known:
            raise TrainingError(
                f"{self.folder} holds checkpoints of another training, up to step {known[-1]:,}. "
                "Go on with it by resume=True, or give another folder."
            )

    def resume(self, trainer: Trainer, known: list[int]) -> None:
        """Go on from the newest whole file; without any file, from the beginning."""
        for path, arrays, notes in whole_ones(self.folder, known):
            try:
                changed = changed_options(notes, trainer)
                trainer.restore(arrays, notes)
            except FileError as error:
                raise FileError(f"{path}: {error}") from error
            for said in changed:
                print(said, file=sys.stderr)
            self.steps = [step for step in known if step <= trainer.step]
            trainer.resumed = str(path)
            return
        if known:
            raise FileError(f"{self.folder}: none of its checkpoints can be read.")

    def on_step_end(self, trainer: Trainer) -> None:
        if self.every and trainer.step % self.every == 0:
            self.save(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.save(trainer, self.watch.value(trainer, "Checkpoints") if self.keep_best else math.nan)

    def on_fit_end(self, trainer: Trainer) -> None:
        try:
            if trainer.error is None:  # else it may have ended within a step
                self.save(trainer)
            self.wait()
        finally:
            self.writer.shutdown()
        if self.failed:
            newest = path_of(self.folder, self.steps[-1])
            print(f"The newest whole checkpoint is {newest}.", file=sys.stderr)

    def load_state(self, state: dict[str, Any], trainer: Trainer) -> None:
        super().load_state(state, trainer)
        for one in self.best:
            match one:
                case [float(), int()]:
                    continue
            raise FileError(f"{one!r:.50} is no epoch that may have been the best.")

    # writing -------------------------------------------------------------------------------------

    def save(self, trainer: Trainer, value: float = math.nan) -> None:
        """Copy everything now, and let it be written; value: of an epoch that may be the best."""
        if self.saved == (trainer.step, trainer.batch):
            return
        self.wait()  # one file is written at a time
        self.saved, safe = (trainer.step, trainer.batch), self.best
        ranked = [*safe, [value, trainer.step]] if not math.isnan(value) else safe
        higher = self.watch.better == "higher"
        self.best = sorted(ranked, key=lambda one: one[0], reverse=higher)[: self.keep_best]
        state = trainer.state()
        self.best, best = safe, self.best  # those on the disk, until this one is there
        self.writing = self.writer.submit(self.try_to_write, best, trainer.step, *state)

    def wait(self) -> None:
        """Until the thread is done."""
        if self.writing is not None:
            self.writing.result()

    def try_to_write(self, *what: Any) -> None:
        """In the thread: a file that cannot be written does not end the training."""
        try:
            self.write(*what)
            self.failed = ""
        except OSError as error:
            if not self.failed:
                kept = "The training goes on, and older checkpoints are kept"
                print(f"A checkpoint is missing. {error} {kept}.", file=sys.stderr)
            self.failed = str(error)

    def write(self, best: list[Any], step: int, arrays: Any, notes: Any) -> None:
        """Write a file; when it is safely there, remove those that are not to be kept."""
        write_checkpoint(path_of(self.folder, step), arrays, notes)
        self.best = best
        self.steps = [*(one for one in self.steps if one != step), step]
        kept = {*self.steps[-self.keep_last :], *(one for _, one in best)}
        for old in self.steps:
            if old not in kept:
                path_of(self.folder, old).unlink(missing_ok=True)
        self.steps = [one for one in self.steps if one in kept]


def with_checkpoints(callbacks: list[Callback], given: Any, resume: bool) -> list[Callback]:
    """The callbacks of one training, in the order in which they hear of events."""
    more = (
        [] if given is None else [given if isinstance(given, Checkpoints) else Checkpoints(given)]
    )
    every = sorted([*callbacks, *more], key=lambda one: one.place)
    count = sum(isinstance(one, Checkpoints) for one in every)
    if count > 1 or (resume and not count):
        wanted = "give one folder" if count else "resume=True needs one: checkpoints=folder"
        raise TrainingError(f"There are {count} places for checkpoints; {wanted}.")
    return every


# files -------------------------------------------------------------------------------------------


def path_of(folder: Path, step: int) -> Path:
    return folder / f"step-{step:09d}.safetensors"


def steps_in(folder: Path) -> list[int]:
    """The steps of the checkpoints in a folder, in their order."""
    found = [NAME.fullmatch(path.name) for path in folder.iterdir()]
    return sorted(int(match[1]) for match in found if match)


def whole_ones(
    folder: Path, steps: list[int]
) -> Iterator[tuple[Path, dict[str, Any], dict[str, Any]]]:
    """The checkpoints that can be read, the newest first; the others are named."""
    for step in reversed(steps):
        path = path_of(folder, step)
        try:
            arrays, notes = read_checkpoint(path)
        except FileError as error:
            print(f"A checkpoint is left out. {error}", file=sys.stderr)
            continue
        yield path, arrays, notes


def write_checkpoint(path: Path, arrays: dict[str, Any], notes: dict[str, Any]) -> None:
    from ..io import write

    sums = {"format": FORMAT, "sum": checksum(arrays, notes)}
    write(path, arrays, {"checkpoint": sums, "training": notes})


def read_checkpoint(path: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays and notes of a checkpoint, for `Trainer.restore`.

    errors   FileError if there is none, if it is damaged, or of a newer version
    """
    from ..io import read
    from ..io.store import damaged

    arrays, notes = read(path)
    match notes:
        case {"checkpoint": {"format": int(number), "sum": int(found)}, "training": dict(kept)}:
            if number != FORMAT:
                raise FileError(
                    f"{path}: this checkpoint is of the format {number}, and this version reads "
                    f"{FORMAT}. Install a newer layerwise."
                )
            if found != checksum(arrays, kept):
                raise damaged(path, "its checksum is another")
            return arrays, kept
    raise FileError(f"{path}: this is no checkpoint.")


def checksum(arrays: dict[str, Any], notes: dict[str, Any]) -> int:
    """A number that tells a file whose bits have changed from the one that was written."""
    total = zlib.crc32(json.dumps(notes, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        head = f"{name} {array.dtype} {array.shape}".encode()
        total = zlib.crc32(array.reshape(-1).view(np.uint8), zlib.crc32(head, total))
    return total
