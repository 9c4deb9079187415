"""A training, recorded for the explorer: `Record("training.html")` among the callbacks.

Every n-th step leaves a frame: spread and gradient of every value, norm, gradient and update of
every parameter, dead units, and small weights as images. When the frames become too many for the
file, every other one is dropped, and half as many are taken from then on.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..anatomy import is_floating
from ..data.sources import each
from ..draw.outline import Outline
from ..draw.texts import one_line
from ..files import as_path, write_whole
from ..layers.binary import BinaryCrossEntropy, BinaryCrossEntropyWithLogits
from ..layers.likelihood import NegativeLogLikelihood
from ..layers.loss import SoftmaxCrossEntropy
from ..seat import Seat
from ..training.callback import Callback
from ..training.checks import TrainingError, whole
from ..training.checks import run as run_batch
from .arrays import axes_within, json_float, plain_number, shown
from .assembly import page_of
from .record import Recorder, ids_of
from .run import outline_of, run

LEAST = 500_000  # bytes of a file: the page itself, and a little of the network
ROWS = 16  # of the last batch, which the page walks through
PIXELS = 2_048  # of the weights of one parameter that are shown as an image
SIDE = 36  # points of a decision surface along each axis
POINTS = 400  # of the data that are shown on it
MARGIN = 0.12  # of the surface around the data
DIGITS = 5  # of the numbers in frames

Frame = dict[str, Any]


class Record(Callback):
    """Records a training, and writes it as a page with a slider through time when it ends.

    path     the file of the page, .html
    every    a frame after so many steps of the optimizer; None: as many as there is room for. The
             last step of the training has one, too, where it is known that it is the last
    limit    bytes that the file may have; at least 500,000
    title    what stands at the top of the page; None: the class of the network

    The page shows loss and metrics, of every layer the spread of its values and gradients, its dead
    units (those that gave 0 for all rows of the batch), of every parameter its norm, its gradient
    and how far a step moved it, and small weights as images. Of data with two columns it shows the
    decision surface, if the loss is one of probabilities of classes. One of its sides is the walk
    through the trained network, with rows of the last batch. What a step costs grows by the time of
    these statistics, every n-th step. The frames are in checkpoints, so that a resumed training has
    one page; a second `fit` goes on with them.

    errors   TrainingError for numbers that make no sense; OSError if the file cannot be written

    >>> import tempfile
    >>> from layerwise import Affine, Sequential, Trainer
    >>> path = os.path.join(tempfile.mkdtemp(), "training.html")
    >>> net = Sequential(Affine(2, 2), seed=0)
    >>> trainer = Trainer(net, callbacks=[Record(path)], progress=False)
    >>> history = trainer.fit((np.eye(2), np.arange(2)), epochs=3)
    >>> os.path.exists(path)
    True
    """

    remembers = ("frames", "every", "first_step", "ends")

    def __init__(
        self,
        path: Any,
        every: int | None = None,
        limit: int = 3_000_000,
        title: str | None = None,
    ) -> None:
        self.path, self.title = path, title
        self.every = 1 if every is None else whole("every", every, 1)
        self.limit = whole("limit", limit, LEAST)
        self.frames: list[Frame] = []
        self.first_step: int | None = None
        self.ends: list[list[int]] = []  # pairs of an epoch and its last step
        self.before: dict[str, Any] = {}
        self.pending: Frame | None = None

    def on_fit_start(self, trainer: Any) -> None:
        folder = os.path.dirname(os.path.abspath(as_path(self.path)))
        if not os.path.isdir(folder):  # better now than after the training
            raise TrainingError(f"Record({str(self.path)!r}): there is no folder {folder!r}.")
        self.pending = None
        self.seats = dict(self._seats(trainer.net))
        self.surface = Surface(trainer)
        if self.first_step is None:
            self.first_step = trainer.step

    def _seats(self, net: Any) -> Iterator[tuple[str, Seat]]:
        """The places whose values are recorded, by the names that the page has for them."""
        ids = ids_of(net)
        outline: Outline = outline_of(net)
        for wire in outline.wires:
            if wire.source.kind == "op":
                yield ids[wire.source.seat], wire.seat

    def on_backward_end(self, trainer: Any) -> None:
        if (self._off(trainer.step) and not is_last(trainer)) or self.pending is not None:
            return
        self.before = {name: one.value.copy() for name, one in trainer.parameters.items()}
        self.pending = {
            "step": trainer.step,
            "epoch": trainer.epoch,
            "loss": json_float(float(trainer.batch_loss), DIGITS),
            "nodes": {name: of_value(seat) for name, seat in self.seats.items()},
        }

    def on_step_end(self, trainer: Any) -> None:
        if self.pending is None:
            return
        frame, self.pending = self.pending, None
        held = trainer.parameters.items()
        frame["parameters"] = {name: of_step(one, self.before[name]) for name, one in held}
        frame["images"] = {name: image(one.value) for name, one in held if one.value.ndim > 1}
        frame["surface"] = self.surface.now()
        self.before = {}
        self.frames.append(frame)
        while len(self.frames) > self._room():
            self.every *= 2
            kept = [one for one in self.frames if not self._off(one["step"])]
            final = self.frames[-1:] if is_last(trainer) and self._off(trainer.step - 1) else []
            self.frames = kept + final

    def on_epoch_end(self, trainer: Any) -> None:
        self.ends.append([trainer.epoch, trainer.step - 1])

    def _off(self, step: int) -> bool:
        """Whether a step is none of those that are recorded."""
        assert self.first_step is not None
        return (step - self.first_step) % self.every > 0

    def _room(self) -> int:
        """How many frames there is room for: half of the file is theirs."""
        return max(2, (self.limit - LEAST // 2) // 2 // size_of(self.frames[-1]))

    def on_fit_end(self, trainer: Any) -> None:
        if self.frames:
            write_whole(self.path, self._page(trainer).encode())

    # the page ------------------------------------------------------------------------------------

    def _page(self, trainer: Any) -> str:
        net = trainer.net
        x, dout = last_batch(trainer)
        args = x if isinstance(x, tuple) else () if isinstance(x, dict) else (x,)
        recorder = Recorder(net, run(net, args, x if isinstance(x, dict) else {}, dout))
        told = recorder.record(dout, one_line(self.title or type(net).__name__)) | {
            "training": self._told(trainer)
        }
        bare = len(page_of(told | recorder.numbers(0)))
        room = max(0, int((self.limit - bare) * 0.73))  # base64 makes 4 bytes of 3
        return page_of(told | recorder.numbers(room))

    def _told(self, trainer: Any) -> dict[str, Any]:
        """All frames, turned into a column for each number."""
        frames = self.frames
        return {
            "steps": [frame["step"] for frame in frames],
            "epochs": [frame["epoch"] for frame in frames],
            "loss": [frame["loss"] for frame in frames],
            "history": metrics_of(trainer.history),
            "ends": self.ends,
            "nodes": columns([frame["nodes"] for frame in frames]),
            "parameters": columns([frame["parameters"] for frame in frames]),
            "images": {
                name: {
                    "shape": shape,
                    "whole": [*trainer.parameters[name].value.shape],
                    "frames": [frame["images"][name][1] for frame in frames],
                    "reach": [frame["images"][name][2] for frame in frames],
                }
                for name, (shape, *_) in frames[-1]["images"].items()
            },
            "surface": self.surface.told([frame["surface"] for frame in frames]),
            "every": self.every,
        }


def is_last(trainer: Any) -> bool:
    """Whether this is the last batch of the training, as far as it can be foreseen."""
    steps = trainer.data.steps
    return steps is not None and trainer.epoch == trainer.until and trainer.batch == steps


# one frame ---------------------------------------------------------------------------------------


def of_value(seat: Seat) -> list[Any]:
    """Mean and spread of a value, its dead units, and the norm of its gradient."""
    value, grad = seat.value, seat.grad
    if not is_floating(value) or not np.size(value):
        return [None] * 4
    array = np.asarray(value, np.float64)
    return [*map(brief, (array.mean(), array.std(), dead_units(array), norm(grad)))]


def dead_units(array: np.ndarray) -> float | None:
    """The part of the units that are 0 in all rows; units are channels, or the last axis."""
    if array.ndim < 2:
        return None
    axis = 1 if array.ndim != 3 else 2
    others = tuple(i for i in range(array.ndim) if i != axis)
    return float((array == 0).all(axis=others).mean())


def of_step(parameter: Any, before: Any) -> list[Any]:
    """Norms of a parameter, of its gradient, and of what the step has changed."""
    return [*map(brief, (norm(before), norm(parameter.grad), norm(parameter.value - before)))]


def norm(array: Any) -> float | None:
    """The Euclidean norm, also of great numbers."""
    if array is None or isinstance(array, tuple):
        return None
    return float(np.linalg.norm(np.asarray(array, np.float64)))


def brief(value: float | None) -> Any:
    return None if value is None else json_float(float(value), DIGITS)


def image(array: np.ndarray) -> list[Any]:
    """Weights as an image: the shape of what is shown, its bytes, and how far from 0 they reach.

    A byte is 128 for 0, 1 and 255 for the ends; 0 is no number.
    """
    axes = axes_within(array.shape, PIXELS)
    if array.ndim == 2:  # (in, out): some units, with all their weights
        axes = axes_within(array.shape[::-1], PIXELS)[::-1]
    part: Any = shown(array, axes).astype(np.float64)
    finite = np.isfinite(part)
    reach = float(np.abs(part[finite]).max()) if finite.any() else 0.0
    scaled = np.where(finite, part, 0) / (reach or 1.0)
    numbers = np.where(finite, np.rint(scaled * 127) + 128, 0).astype(np.uint8)
    return [[*part.shape], text_of(numbers), brief(reach)]


def text_of(numbers: np.ndarray) -> str:
    """Bytes in base64."""
    import base64

    return base64.b64encode(numbers.tobytes()).decode()


def size_of(frame: Frame) -> int:
    """About how many bytes a frame takes in the file."""
    numbers = 4 * len(frame["nodes"]) + 3 * len(frame["parameters"]) + 3
    texts = [text for _, text, _ in frame["images"].values()]
    return 9 * numbers + sum(map(len, texts)) + len(frame["surface"] or "") + 20


def columns(frames: list[dict[str, list[Any]]]) -> dict[str, list[list[Any]]]:
    """By name, a list over time for each of the numbers."""
    return {name: [list(c) for c in zip(*(frame[name] for frame in frames))] for name in frames[0]}


def metrics_of(history: Any) -> dict[str, list[list[Any]]]:
    """By the name of a column, pairs of epoch and number."""
    found: dict[str, list[list[Any]]] = {}
    for row in history.epochs:
        for name, value in row.items():
            if name not in ("epoch", "seconds") and isinstance(value, (int, float, np.number)):
                found.setdefault(name, []).append([row["epoch"], plain_number(value)])
    return found


def last_batch(trainer: Any) -> tuple[Any, Any]:
    """Some rows of the last batch, and the gradient of the loss by the network's output there."""
    batch = trainer.last_batch
    rows = slice(0, ROWS)
    weight = None if batch.weight is None else batch.weight[rows]
    x, t = each(lambda array: array[rows], batch.x), batch.t[rows]
    net, criterion = copy.deepcopy(trainer.net), copy.deepcopy(trainer.criterion)
    out = run_batch(net.forward, x)
    criterion.forward(out, t, weight)
    return x, criterion.backward(1)


# two columns: the decision surface ---------------------------------------------------------------


class Surface:
    """What the network says at the points of a plane, where its data has two columns."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer
        self.points, self.targets, self.box = points_of(trainer)
        if self.points is None:
            return
        (left, right), (low, high) = self.box
        axes: Any = np.linspace(left, right, SIDE), np.linspace(high, low, SIDE)
        across, down = (one.ravel() for one in np.meshgrid(*axes))
        self.grid: Any = np.stack([across, down], axis=1).astype(self.points.dtype)

    def now(self) -> str | None:
        """The surface in bytes: two for each point, the class and how sure it is."""
        if self.points is None:
            return None
        out = np.asarray(self.trainer.net.predict(self.grid), np.float64)
        if out.ndim != 2 or len(out) != len(self.grid) or not np.isfinite(out).all():
            return None
        shares = probabilities(self.trainer.criterion.loss, out)
        if shares is None:
            return None
        chosen, sure = shares.argmax(axis=1), np.clip(shares.max(axis=1), 0, 1)
        return text_of(np.stack([chosen, np.rint(sure * 255)], axis=1).astype(np.uint8))

    def told(self, frames: list[Any]) -> dict[str, Any] | None:
        if self.points is None or not any(frames):
            return None
        return {
            "side": SIDE,
            "box": [[json_float(float(x), DIGITS) for x in ends] for ends in self.box],
            "points": [[json_float(float(x), DIGITS) for x in row] for row in self.points],
            "targets": self.targets,
            "frames": frames,
        }


def probabilities(loss: Any, out: np.ndarray) -> np.ndarray | None:
    """The probability of each class, as the loss reads the outputs (N, C); None: it reads none."""
    if isinstance(loss, SoftmaxCrossEntropy):
        shares = np.exp(out - out.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)
    if isinstance(loss, NegativeLogLikelihood):
        return np.exp(np.minimum(out, 0))
    if out.shape[1] != 1:
        return None  # several answers of yes and no are no classes
    if isinstance(loss, BinaryCrossEntropyWithLogits):
        yes = 1 / (1 + np.exp(-np.clip(out, -50, 50)))
    elif isinstance(loss, BinaryCrossEntropy):
        yes = out
    else:
        return None
    return np.concatenate([1 - yes, yes], axis=1)


def points_of(trainer: Any) -> tuple[Any, list[int], Any]:
    """Some rows of data that has two columns, their classes, and the box around them."""
    data: Any = trainer.data
    x, t = data.x, data.t
    known = isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] == 2 and len(x) > 0
    if not known or not isinstance(t, np.ndarray) or not np.isfinite(x).all():
        return None, [], None
    some = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS)).astype(int))
    classes = t.argmax(axis=1) if t.ndim == 2 and t.shape[1] > 1 else t.reshape(len(t), -1)[:, 0]
    low, high = x.min(axis=0), x.max(axis=0)
    air = np.where(high > low, (high - low) * MARGIN, 1.0)
    box = [(a, b) for a, b in zip(low - air, high + air)]
    return x[some], [math.floor(float(one) + 0.5) for one in classes[some]], box
