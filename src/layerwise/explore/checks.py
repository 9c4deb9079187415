"""The numeric check beside each gradient: what backward says, and the centred difference.

Every layer is checked by itself, in float64, on the inputs and the upstream gradient that it got in
this run: the slope of (dout · output) by one number of an input or of a parameter. If each layer is
right, so is the whole, by the chain rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checking.compare import Judge, Settings
from ..checking.inputs import np_scalar, whole_array
from ..checking.slopes import Line, Slope
from ..checking.trial import Bench, Given, Trial, TrialError, input_names, prepared
from ..seat import Seat
from ..values import NUMBERS
from .arrays import json_float

SAMPLES = 48  # elements of one array that are compared, unless more are asked for
COSTLY = 2_000_000  # numbers in and out of a layer in all its runs, above which fewer are
TOLERANCE = 1e-7
DIGITS = 10  # of the numbers in the page


class Listener(Judge):
    """A judge that keeps what it compared, element by element."""

    heard: list[list[Any]]  # index, what backward says, the slope, whether wrong, sides of a kink

    def _judged(self, said: Any, nearest: Any, slopes: list[Slope], lines: list[Line]) -> Any:
        wrong, coarse = super()._judged(said, nearest, slopes, lines)
        self.heard = [
            [
                [int(i) for i in line.index],
                json_float(a, DIGITS),
                json_float(b, DIGITS),
                bool(w),
                None if s.kink is None else [json_float(one, DIGITS) for one in s.kink],
            ]
            for line, a, b, s, w in zip(lines, said.tolist(), nearest.tolist(), slopes, wrong)
        ]
        return wrong, coarse


def checks_of(
    seat: Seat, before: Any, training: bool, samples: int | None = None
) -> dict[str, Any]:
    """The check of every gradient that a layer gave: by "0", "1", ... for its inputs, or by name.

    before     the layer as it was before its run, so that it draws the same numbers again
    training   the mode of the run
    samples    elements of each array to compare; None: as many as take little time
    returns    for each gradient the verdict, the elements compared and which is the worst; or
               {"error": why} where nothing can be compared
    """
    inputs = [source.value for source in seat.inputs]
    if any(isinstance(x, tuple) for x in inputs) or not numbers_only((*inputs, seat.value)):
        return {}
    names = [str(i) for i in range(len(inputs))]
    given = [as_given(name, x) for name, x in zip(names, inputs)]
    layer = prepared(before, np.float64, np.random.default_rng(0))
    trial = Trial(layer, [as_float64(one) for one in given], training, type(layer).__name__)
    try:
        return compared(trial, seat, names, samples)
    except TrialError as error:
        return {"error": str(error)}
    except Exception as error:  # a layer of the user's may do anything
        return {"error": f"{type(error).__name__}: {error}"}


def compared(trial: Trial, seat: Seat, names: list[str], samples: int | None) -> dict[str, Any]:
    outs = trial.forward(trial.fresh(), trial.copies())
    grads = seat.grad if isinstance(seat.grad, tuple) else (seat.grad,)
    if not all(np.all(np.isfinite(one)) for one in outs):
        return {"error": "not finite"}
    trial.douts = tuple(upstream(out, d) for out, d in zip(outs, grads))
    run = trial.run()
    bench = Bench(trial)
    if not bench.repeatable:
        return {"error": "not repeatable"}
    judge = Listener(trial, run, bench, set(), Settings(samples or samples_for(bench), TOLERANCE))
    rng = np.random.default_rng(0)
    said: dict[str, Any] = dict(zip(names, run.dxs)) | run.dparams
    arguments = input_names(seat.layer, seat.count)
    found = {}
    for name, array in {**bench.arrays, **bench.parameters}.items():
        if said[name] is None or not array.size:
            continue
        judge.heard = []
        called = arguments[names.index(name)] if name in names else name
        row, findings, _ = judge.compare(name, said[name], array, rng)
        found[name] = {
            "verdict": row.verdict,
            "size": row.size,
            "elements": judge.heard,
            "worst": None if row.index is None else [int(i) for i in row.index],
            "error": None if row.error is None else json_float(row.error, DIGITS),
            "finding": findings[0].text.replace(f"{trial.name}.{name}", called) if findings else "",
        }
    return found


def samples_for(bench: Bench) -> int:
    """How many elements of each array to compare: fewer where each takes long."""
    size = bench.size + sum(a.size for a in (*bench.arrays.values(), *bench.parameters.values()))
    return max(3, min(SAMPLES, COSTLY // max(size, 1) // 4))


def numbers_only(values: Any) -> bool:
    """Whether all of these are numbers or arrays of them."""
    flat = [one for v in values for one in (v if isinstance(v, tuple) else (v,))]
    return all(
        type(one) in NUMBERS
        or (isinstance(one, (np.ndarray, np.generic)) and np.asarray(one).dtype.kind in "fiub")
        for one in flat
    )


def as_given(name: str, value: Any) -> Given:
    """An input for the trial; Python's numbers count as floats, whatever they were."""
    if type(value) in NUMBERS:
        return Given(name, np.asarray(float(value)), np.ndarray.item, True)
    form = np_scalar if isinstance(value, np.generic) else whole_array
    return Given(name, np.asarray(value), form)


def as_float64(one: Given) -> Given:
    return one.holding(one.value.astype(np.float64)) if one.is_float else one


def upstream(out: Any, dout: Any) -> Any:
    """The upstream gradient of an output in float64, in its form; zeros where there is none."""
    if dout is None:
        return np.zeros(np.shape(out))
    if isinstance(out, (int, float)) and not isinstance(out, np.generic):
        return float(dout)
    return np.asarray(dout, np.float64) if isinstance(out, np.ndarray) else np.float64(dout)
