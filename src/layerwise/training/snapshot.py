"""All that a training depends on at one moment, taken out and put back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileError, LayerwiseError
from .callback import Callback, kind_of
from .checks import TrainingError
from .history import Epoch
from .packing import pack, unpack

if TYPE_CHECKING:
    from .trainer import Trainer

POSITION = ("epoch", "batch", "step", "first")  # whole numbers, 0 or more


def state_of(trainer: Trainer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Copies of all that the next steps depend on: arrays by name, and notes for JSON.

    Network, loss, optimizer with its schedules, callbacks; history, position in the epoch, and what
    has been counted in it. Options are not among them: they come from the program.
    """
    arrays: dict[str, Any] = {}
    notes = {
        "position": {name: getattr(trainer, name) for name in POSITION},
        "seconds": trainer.seconds,
        "stopped": "" if trainer.for_now else trainer.stopped,
        "data": plan_of(trainer),
        "options": options_of(trainer),
        "history": [dict(epoch) for epoch in trainer.history.epochs],
        "tally": {"loss": trainer.tally.loss, "total": trainer.tally.total},
        "metrics": {metric.name: counted(metric) for metric in trainer.metrics},
        "net": numbers_of(trainer.net),
        "loss": numbers_of(trainer.loss),
        "optimizer": trainer.optimizer.state(),
        "callbacks": {name: one.state() for name, one in named(trainer.listeners) if one.state()},
    }
    return arrays, {name: pack(value, name, arrays) for name, value in notes.items()}


def restore(trainer: Trainer, arrays: dict[str, Any], notes: dict[str, Any]) -> None:
    """Put back what `state_of` has given, or change nothing.

    errors   FileError if it is not of this network, optimizer, data; if it is no state at all
    """
    before = state_of(trainer)
    try:
        put_back(trainer, arrays, notes)
    except Exception as error:
        put_back(trainer, *before)
        if isinstance(error, FileError):
            raise
        said = str(error) if isinstance(error, LayerwiseError) else repr(error)
        raise FileError(f"It does not fit this trainer: {said:.300}") from error


def put_back(trainer: Trainer, arrays: dict[str, Any], notes: dict[str, Any]) -> None:
    left = dict(arrays)
    kept = {name: unpack(value, left) for name, value in notes.items()}
    check_plan(kept["data"], plan_of(trainer))
    position = checked_position(kept["position"], trainer)
    seconds, stopped = float(kept["seconds"]), str(kept["stopped"])
    history = [Epoch(**epoch) for epoch in kept["history"]]
    put_numbers(trainer.net, kept["net"])
    put_numbers(trainer.loss, kept["loss"])
    trainer.optimizer.load_state(kept["optimizer"], trainer.parameters)
    for name, callback in named(trainer.listeners):
        if name in kept["callbacks"]:
            callback.load_state(kept["callbacks"][name], trainer)
    if position["batch"]:  # within an epoch, something has been counted
        put_counts(trainer, kept["tally"], kept["metrics"])
    vars(trainer).update(position, seconds=seconds, stopped=stopped, for_now=False)
    trainer.waiting, trainer.gathered = 0, 0.0
    trainer.history.epochs[:] = history


# parts of it -------------------------------------------------------------------------------------


def numbers_of(net: Any) -> dict[str, Any]:
    """Arrays and generators of a network, or of a loss."""
    from ..io import state

    arrays, generators = state(net)
    return {"arrays": arrays, "generators": generators}


def put_numbers(net: Any, kept: dict[str, Any]) -> None:
    from ..io import restore, state

    for name, array in state(net)[0].items():
        given = kept["arrays"].get(name, array)
        if given.dtype != array.dtype:
            raise FileError(f"{name} holds {array.dtype}, but the state has {given.dtype}.")
    restore(net, kept["arrays"], kept["generators"])


def named(callbacks: Iterable[Callback]) -> list[tuple[str, Callback]]:
    """Callbacks by the names of their classes; a second one of a class has a number."""
    found: dict[str, Callback] = {}
    for one in callbacks:
        name, number = type(one).__name__, 1
        while f"{name}{number}" in found:
            number += 1
        found[f"{name}{number}"] = one
    return list(found.items())


def counted(metric: Any) -> dict[str, Any]:
    """What a metric has counted: its attributes, but for functions."""
    return {name: held for name, held in vars(metric).items() if not callable(held)}


def put_counts(trainer: Trainer, tally: dict[str, Any], metrics: Any) -> None:
    """Put back what has been counted; everything is looked at before anything changes."""
    loss, total = float(tally["loss"]), float(tally["total"])
    names = [metric.name for metric in trainer.metrics]
    if isinstance(metrics, list) and len(metrics) == len(names):  # as older checkpoints have it
        metrics = dict(zip(names, metrics))
    if [*metrics] != names:
        raise FileError(f"The metrics that were counted are {[*metrics]!r:.200}, not {names}.")
    for metric in trainer.metrics:
        mine, counts = counted(metric), metrics[metric.name]
        kinds = [{kind_of(counts.get(name)), kind_of(mine[name])} - {"None"} for name in mine]
        if set(counts) != set(mine) or any(len(both) > 1 for both in kinds):
            raise FileError(f"The metric {metric.name} cannot go on with {counts!r:.200}.")
    trainer.tally.loss, trainer.tally.total = loss, total
    for metric in trainer.metrics:
        vars(metric).update(metrics[metric.name])


def plan_of(trainer: Trainer) -> dict[str, Any]:
    """What decides which rows make which step."""
    data = getattr(trainer, "data", None)
    if data is None:
        raise TrainingError("A training has no state before its first fit.")
    return {
        "rows": data.count,
        "batch_size": data.batch_size,
        "seed": data.seed,
        "shuffle": data.shuffle,
        "accumulate": trainer.accumulate,
        "sample": data.fingerprint,
    }


def options_of(trainer: Trainer) -> dict[str, str]:
    """What the program chose, and may choose otherwise, as texts."""
    chosen = {"optimizer": trainer.optimizer, "loss": trainer.loss}
    said = {name: repr(one) for name, one in chosen.items() if one is not None}
    return {name: text for name, text in said.items() if not text.startswith("<")}  # addresses


def changed_options(notes: dict[str, Any], trainer: Trainer) -> list[str]:
    """What a training goes on with that is not what it was saved with, in sentences."""
    kept, now = unpack(notes.get("options"), {}), options_of(trainer)
    if not isinstance(kept, dict):
        return []
    return [
        f"It was trained with {kept[name]}, and goes on with {now[name]}."
        for name in now
        if kept.get(name, now[name]) != now[name]
    ]


def check_plan(kept: dict[str, Any], now: dict[str, Any]) -> None:
    kept, now = dict(kept), dict(now)
    sample = now.pop("sample")
    before = kept.pop("sample", sample)  # checkpoints from before there were samples have none
    for name, (what, *sums) in sample.items():
        was, *known = before.get(name, ("not there",))
        if was != what and kept["rows"] == now["rows"]:
            raise FileError(f"It was made with other data: {name} was {was}, and now it is {what}.")
        if was == what and not all(map(alike, known, sums)):  # older checkpoints have one of two
            raise FileError(
                f"It was made with other data: {name} is {what} as before, but holds other "
                "numbers. A training goes on with the same data."
            )
    for name, value in now.items():
        if kept[name] != value:
            raise FileError(
                f"It was made with {name}={kept[name]!r:.50}, but now it is {name}={value!r}. A "
                "training goes on with the same data in the same batches."
            )


def alike(some: list[float], others: list[float]) -> bool:
    """Whether numbers are the same but for rounding, which machines do differently."""
    a, b = np.array(some, float), np.array(others, float)
    if a.shape != b.shape:
        return False
    finite = np.abs(b[np.isfinite(b)])
    return np.allclose(a, b, rtol=1e-4, atol=1e-4 * finite.max(initial=0.0), equal_nan=True)


def checked_position(kept: dict[str, Any], trainer: Trainer) -> dict[str, int]:
    """The position, if there is one like it."""
    steps = trainer.data.steps
    whole = all(type(kept[name]) is int and kept[name] >= 0 for name in POSITION)
    if not whole or len(kept) != len(POSITION) or (steps is not None and kept["batch"] > steps):
        raise FileError(f"There is no such position in this training: {kept!r:.200}.")
    return kept
