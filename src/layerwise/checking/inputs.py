"""What a layer is checked on: numbers as they were given, in float64, and at least two rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..anatomy import find_parameters
from ..errors import WiringError
from .trial import Given, Trial, TrialError, input_names, prepared


def taken(layer: Any, inputs: Sequence[Any]) -> list[Given]:
    """The inputs as arrays of float64 or of whole numbers, in memory of their own."""
    if not inputs:
        name = type(layer).__name__
        raise WiringError(
            f"check({name}) needs the inputs that forward takes, such as check({name.lower()}, x) "
            "with x = np.random.default_rng(0).normal(size=(4, 3))."
        )
    given = []
    for name, x in zip(input_names(layer, len(inputs)), inputs):
        try:
            value = np.array(x)
        except ValueError:
            value = np.array(None)
        if value.dtype.kind not in "fiub":
            raise WiringError(
                f"check({type(layer).__name__}): the input {name} is {type(x).__name__} "
                f"{x!r:.60}, which is no number and no array of numbers."
            )
        plain = type(x) in (int, float)
        form = np.ndarray.item if type(x) in (int, float, bool) else whole_array
        if isinstance(x, np.generic):
            form = np_scalar
        value = value.astype(np.float64) if value.dtype.kind == "f" else value
        given.append(Given(name, value, form, plain))
    numbers = [as_float(one) if one.plain else one for one in given]
    return numbers if accepts(layer, numbers) else given


def whole_array(x: Any) -> Any:
    return x


def np_scalar(x: Any) -> Any:
    return x[()]


def as_float(one: Given) -> Given:
    return one.holding(one.value.astype(np.float64))


def accepts(base: Any, given: Sequence[Given]) -> bool:
    """Whether forward runs on these inputs."""
    trial = Trial(base, given)
    trial.locked = False
    try:
        trial.forward(trial.fresh(), trial.copies())
    except TrialError:
        return False
    return True


def as_first_used(base: Any, given: Sequence[Given], seed: int) -> Any:
    """The layer itself, or, if it makes its parameters at the first forward, after one."""
    trial = Trial(base, given)
    trial.locked = False
    used = trial.fresh()
    try:
        trial.forward(used, trial.copies())
    except TrialError:
        return base
    if len(find_parameters(used)) == len(find_parameters(base)):
        return base
    return prepared(used, np.float64, np.random.default_rng(seed))


def fit_for_checking(
    base: Any, given: list[Given], dout: Any, seed: int
) -> tuple[list[Given], list[str]]:
    """The inputs that will be used, at least two rows of them, and what was done to them."""
    notes = []
    if not any(one.is_float for one in given) and not find_parameters(base):
        floats = [as_float(one) for one in given]
        if not accepts(base, floats):
            raise WiringError(
                f"check({type(base).__name__}): there is nothing to differentiate by, neither a "
                "parameter nor an input of floats. Whole numbers count as classes or indices."
            )
        given = floats
        notes.append("The whole numbers given were taken as floats.")
    if dout is None and has_one_row(given):
        rng = np.random.default_rng(seed)
        longer = [with_rows(one, rng) for one in given]
        if accepts(base, longer):
            given = longer
            notes.append(
                "The batch had one row, which hides mistakes in sums over the batch; two more rows "
                "were added."
            )
        else:
            notes.append(
                "The batch has one row, which hides mistakes in sums over the batch, and the layer "
                "takes no more rows."
            )
    names = [one.name for one in given if not one.is_float]
    if names:
        notes.append(f"Not differentiated, since they are whole numbers: {', '.join(names)}.")
    return given, notes


def has_one_row(given: Sequence[Given]) -> bool:
    """Whether the first axis looks like a batch of one."""
    sizes = [one.value.shape[0] for one in given if one.value.ndim >= 2]
    return bool(sizes) and sizes[0] == 1


def with_rows(one: Given, rng: Any) -> Given:
    """Three rows in place of one: the same numbers in other orders, a little nearer to 0."""
    x = one.value
    if not x.ndim or x.shape[0] != 1:
        return one
    if not one.is_float:
        return one.holding(np.repeat(x, 3, axis=0))
    rows = [x * rng.uniform(0.6, 0.95, x.shape) for _ in range(2)]
    return one.holding(np.concatenate([x, *rows]))
