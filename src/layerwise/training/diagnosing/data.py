"""What can be wrong with the data before a network has seen it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...layers import Embedding
from ...layers.norm import Normalization
from ..metrics.chosen import one_hot
from .findings import Finding, short
from .given import Given
from .probe import Probe

LARGE_NUMBERS = (
    10.0  # weights are drawn for inputs of about 1; ten times that is ten times the step
)
SMALL_NUMBERS = 0.02  # the greatest of all: what is left when 0..1 is divided by 255 once more
DEAD_INPUTS = 0.5  # the frame of MNIST alone is a third
IMBALANCE = 10.0  # the largest class beside the smallest
MANY_CLASSES = 20  # of more (letters, words) some are always rare
LEAK = 0.01  # of the validation: single rows may be equal by chance


def not_finite(given: Given) -> Iterator[Finding]:
    """NaN and Inf in inputs and targets."""
    for name, array in (("x", given.every_x), ("t", given.every_t)):
        if array.dtype.kind != "f":
            continue
        wrong = ~np.isfinite(array)
        if wrong.any():
            row, count = int(np.argwhere(wrong)[0][0]), int(wrong.sum())
            yield Finding(
                "not finite",
                name,
                count,
                f"{name} holds {count:,} numbers that are NaN or infinite, the first in row {row}.",
                "Leave these rows out, or put a number in their place: the mean of the column.",
            )


def finite_rows(given: Given) -> Any:
    """Which of the sampled rows hold finite numbers only: (N,) of True and False."""
    fine: Any = np.ones(len(given.x), bool)
    for array in (given.x, given.t):
        if array.dtype.kind == "f":
            fine &= np.isfinite(array).reshape(len(array), -1).all(axis=1)
    return fine


def scale_of_inputs(given: Given, probe: Probe) -> Iterator[Finding]:
    """Inputs that are much larger or smaller than what weights are drawn for."""
    x = given.x
    if x.dtype.kind not in "fiu" or not x.size or looks_at_scale_itself(probe):
        return
    x = x.astype(float)
    size, most = float(np.sqrt(np.mean(np.square(x)))), float(np.abs(x).max())
    seen = f"x runs from {short(x.min())} to {short(x.max())}, with a mean of {short(x.mean())}"
    if size > LARGE_NUMBERS:
        largest = ""
        if x.ndim == 2 and x.shape[1] > 1:
            column = int(np.argmax(np.square(x).mean(axis=0)))
            largest = f"; the largest column is {column}"
        yield Finding(
            "inputs not scaled",
            "x",
            size,
            f"{seen} and a size (root of the mean square) of {short(size)}{largest}.",
            "Bring every column to a mean of 0 and a deviation of 1: (x - x.mean(axis=0)) / "
            "x.std(axis=0); pictures by x / 255.",
        )
    elif 0 < most < SMALL_NUMBERS:
        yield Finding(
            "inputs not scaled",
            "x",
            most,
            f"{seen}: all of it is close to 0.",
            "Was it divided twice? Bring x to numbers of about 1.",
        )


def looks_at_scale_itself(probe: Probe) -> bool:
    """Whether the first layers look up numbers, or bring them to a scale."""
    inputs = {id(seat) for seat in probe.net.inputs}
    readers = [seat for seat in probe.net.nodes if any(id(one) in inputs for one in seat.inputs)]
    return any(isinstance(seat.layer, (Embedding, Normalization)) for seat in readers)


def scale_of_targets(given: Given, probe: Probe) -> Iterator[Finding]:
    """Numbers to be met that are far from what a network gives at first."""
    t = given.every_t
    if t.dtype.kind != "f" or np.shape(probe.out) != given.t.shape or not t.size:
        return
    size = float(np.sqrt(np.nanmean(np.square(t.astype(float)))))
    if np.isfinite(size) and size > LARGE_NUMBERS:
        yield Finding(
            "targets not scaled",
            "t",
            size,
            f"t runs from {short(np.nanmin(t))} to {short(np.nanmax(t))}, with a size (root of "
            f"the mean square) of {short(size)}.",
            "Train on (t - t.mean()) / t.std(), and turn what the network gives back.",
        )


def dead_inputs(given: Given) -> Iterator[Finding]:
    """Columns or channels that are the same in all rows."""
    x = given.x
    if x.ndim < 2 or len(x) < 2 or x.dtype.kind not in "fiub":
        return
    constant = (x == x[:1]).all(axis=0)  # of each number of a row
    share = float(constant.mean())
    if x.ndim > 2 and (channels := constant.reshape(len(constant), -1).all(axis=1)).any():
        count, every = int(channels.sum()), len(channels)
        which = ", ".join(map(str, np.flatnonzero(channels)[:5]))
        said = f"{count} of {every} channels of x are the same in all {len(x):,} rows: {which}."
        share = count / every
    elif share > DEAD_INPUTS:
        count, every = int(constant.sum()), constant.size
        said = f"{count:,} of {every:,} numbers of a row of x are the same in all {len(x):,} rows."
    else:
        return
    advice = "They tell nothing. Look at how x is read, or leave them out."
    yield Finding("dead inputs", "x", share, said, advice)


def imbalance(given: Given, probe: Probe) -> Iterator[Finding]:
    """Classes that are rare beside others, and classes that never come."""
    if np.ndim(probe.out) < 2:
        return
    classes = max(np.shape(probe.out)[1], 2)
    t = class_numbers(given.every_t, np.shape(probe.out)[1:])
    if t is None or classes > MANY_CLASSES:
        return
    t = t[(t >= 0) & (t < classes)].astype(int)  # without those that are ignored
    if not t.size:
        return
    counts = np.bincount(t, minlength=classes)
    there, most = np.flatnonzero(counts), int(counts.argmax())
    least = int(there[counts[there].argmin()])
    if len(there) < classes:
        absent = ", ".join(map(str, np.flatnonzero(counts == 0)[:5]))
        yield Finding(
            "absent classes",
            "t",
            classes - len(there),
            f"The network tells {classes} classes apart, but t holds {len(there)} of them; it has "
            f"none of {absent}.",
            "Count the classes from 0, and give the last layer as many outputs as there are.",
        )
    ratio = counts[most] / counts[least]
    if ratio >= IMBALANCE:
        share = counts[most] / counts.sum()
        yield Finding(
            "class imbalance",
            "t",
            float(ratio),
            f"Class {most} has {counts[most]:,} rows, class {least} has {counts[least]:,}: always "
            f"answering {most} would be right in {100 * share:.1f} % of the rows.",
            "Look at the recall of each class (lw.metrics.Recall(None)), and give rare ones more "
            "weight: SoftmaxCrossEntropy(weight=...), or Trainer(class_weights=...).",
        )


def class_numbers(t: Any, out: tuple[int, ...]) -> Any:
    """All class numbers in the targets, for outputs with such axes behind the rows; else None."""
    if out[0] == 1:
        fits = t.shape[1:] in (out, out[1:]) and np.isin(t, (0, 1)).all()
        return t.ravel() if fits else None
    if t.shape[1:] == out:
        return t.argmax(axis=1).ravel() if one_hot(t) else None  # (N, C) -> (N,)
    return t.ravel() if t.shape[1:] == out[1:] and t.dtype.kind in "iu" else None


def leakage(given: Given, validation: Given) -> Iterator[Finding]:
    """Rows of the validation that are also among those trained on."""
    known = {hash(row.tobytes()) for row in rows_alike(given.every_x, validation.every_x)}
    held_out = rows_alike(validation.every_x, given.every_x)
    both = [number for number, row in enumerate(held_out) if hash(row.tobytes()) in known]
    share = len(both) / len(held_out)
    if share > LEAK:
        yield Finding(
            "leakage",
            "validation",
            share,
            f"{len(both):,} of {len(held_out):,} rows of the validation are also in the training "
            f"data, the first is row {both[0]}.",
            "What was learned by heart then counts as understood. Split the rows anew, and leave "
            "out doubles before: np.unique(x, axis=0).",
        )


def rows_alike(x: Any, other: Any) -> Any:
    """The rows in memory order and in one dtype, so that equal ones have equal bytes."""
    rows = np.ascontiguousarray(x, np.result_type(x, other)).reshape(len(x), -1)
    return rows + 0 if rows.dtype.kind == "f" else rows  # -0 + 0 is 0
