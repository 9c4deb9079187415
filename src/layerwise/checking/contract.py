"""What every layer promises besides right numbers: each function here finds one promise broken."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ..anatomy import find_parameters, seat_of, walk
from ..errors import OrderError
from ..graph import Graph
from .report import Finding, element
from .trial import Dice, Given, Run, Trial, TrialError, gradients_of, same, start_gradients


def broken_promises(trial: Trial, run: Run, rng: Any) -> Iterator[Finding]:
    """Everything that is wrong with a layer apart from the numbers of its gradients."""
    for finding in _broken_promises(trial, run, rng):
        yield replace(finding, mode=trial.mode)


def _broken_promises(trial: Trial, run: Run, rng: Any) -> Iterator[Finding]:
    yield from wrong_count(trial, run)
    yield from not_finite(trial, run)
    yield from wrong_dtype(trial, run)
    yield from shared_memory(trial, run)
    yield from state_destroyed(trial, run)
    yield from state_lost(trial, run, rng)


def raised(trial: Trial, failure: TrialError, when: str = "") -> Finding:
    step, mode = failure.step, "" if trial.mode == "both" else f" in {trial.mode}"
    text = f"{trial.name}.{step} raises{mode}{when}: {failure}{failure.line}"
    text += "" if text.endswith("?") else "."
    return Finding(step, f"{step} raises", text, mode=trial.mode)


def written_to(trial: Trial, failure: TrialError) -> Iterator[Finding]:
    """Which of the arrays it was given the layer writes into; from now on it gets copies."""
    trial.locked = False
    layer, inputs = trial.fresh(), trial.copies()
    names = [one.name for one in trial.given]
    before = copy.deepcopy(inputs)
    trial.forward(layer, inputs)
    changed = [("forward", n) for n, x, y in zip(names, inputs, before) if not same(x, y)]
    if trial.douts:
        start_gradients(find_parameters(layer))
        douts, before = trial.lent_douts(trial.douts), copy.deepcopy(inputs)
        trial.backward(layer, douts)
        changed += [("backward", n) for n, x, y in zip(names, inputs, before) if not same(x, y)]
        if not same(tuple(douts), tuple(trial.douts)):
            changed.append(("backward", "dout"))
    for step, name in changed or [(failure.step, "one of its arrays")]:
        harm = "whoever shares it gets wrong numbers" if name == "dout" else "it is not its own"
        yield Finding(
            name,
            f"{'dout' if name == 'dout' else 'input'} written to",
            f"{trial.name}.{step} writes into {name}{failure.line}: {harm}. Work on a copy: "
            f"{name}.copy(), or np.where(...).",
        )


def wrong_count(trial: Trial, run: Run) -> Iterator[Finding]:
    if run.dx_count is not None:
        names = ", ".join(one.name for one in trial.given)
        got = "1 gradient" if run.dx_count == 1 else f"{run.dx_count} gradients"
        wanted = "1 input" if len(trial.given) == 1 else f"{len(trial.given)} inputs"
        yield Finding(
            "backward",
            "wrong number of gradients",
            f"{trial.name}.backward returned {got} for {wanted} ({names}). Return a tuple with one "
            "for each, and None for an input that has none.",
        )


def not_finite(trial: Trial, run: Run) -> Iterator[Finding]:
    for name, dx in gradients(trial, run).items():
        if dx is not None and not np.all(np.isfinite(dx)):
            index = first_bad(dx)
            yield Finding(
                name,
                "not finite",
                f"{element(f'{trial.name}.{name}', index)}: the gradient is "
                f"{np.asarray(dx)[index]}, though the output is finite.",
                index,
            )


def first_bad(values: Any) -> tuple[int, ...]:
    """The place of the first element that is NaN or infinite."""
    place = np.unravel_index(int(np.argmin(np.isfinite(values))), np.shape(values))
    return tuple(int(i) for i in place)


def wrong_dtype(trial: Trial, run: Run) -> Iterator[Finding]:
    """dtype in = dtype out, for the outputs and for every gradient."""
    arrays = [one for one in trial.given if one.is_float and not one.plain]
    if arrays or run.dparams:
        given = arrays[0].value.dtype if arrays else find_parameters(trial.base)[0].parameter.dtype
        for out in run.outs:
            dtype = getattr(out, "dtype", given)
            if dtype != given:
                yield Finding(
                    "forward",
                    "wrong dtype",
                    f"{trial.name}.forward gives {dtype} where {given} went in. Compute in the "
                    "dtype of the inputs: np.zeros(shape, x.dtype), out.astype(x.dtype).",
                )
                break
    for one, dx in zip(trial.given, run.dxs):
        if one in arrays and getattr(dx, "dtype", one.value.dtype) != one.value.dtype:
            yield _wrong_gradient_dtype(trial, one.name, dx.dtype, one.value.dtype)
    for held in find_parameters(trial.base):
        dtype = held.parameter.dtype
        got = getattr(run.dparams.get(held.name), "dtype", dtype)
        if got != dtype:
            yield _wrong_gradient_dtype(trial, held.name, got, dtype)


def _wrong_gradient_dtype(trial: Trial, name: str, got: Any, wanted: Any) -> Finding:
    text = f"{trial.name}.{name}: the gradient is {got}, but {name} itself is {wanted}. "
    return Finding(name, "wrong dtype", text + f"Give it the same: .astype({name}.dtype).")


def shared_memory(trial: Trial, run: Run) -> Iterator[Finding]:
    """One array returned for two inputs: an update of the one would change the other."""
    names = [one.name for one in trial.given]
    arrays = [(n, dx) for n, dx in zip(names, run.dxs) if isinstance(dx, np.ndarray)]
    for (a, da), (b, db) in combinations(arrays, 2):
        if np.may_share_memory(da, db) and np.shares_memory(da, db):
            yield Finding(
                f"{a}, {b}",
                "one array for two inputs",
                f"{trial.name}.backward returns the same memory for {a} and {b}: who changes one "
                "gradient changes the other. Return an array for each, such as dout * 1.",
            )


def state_destroyed(trial: Trial, run: Run) -> Iterator[Finding]:
    """A second backward after one forward must say the same as the first."""
    layer = trial.fresh()
    trial.forward(layer, trial.copies())
    held = find_parameters(layer)
    start_gradients(held)
    try:
        first_dxs = copy.deepcopy(trial.backward(layer, trial.lent_douts(trial.douts)))
        first = copy.deepcopy(gradients_of(held))
        dxs = trial.backward(layer, trial.lent_douts(trial.douts))
    except TrialError as failure:
        if not isinstance(failure.error, OrderError):  # to refuse is fair
            yield Finding(
                "backward",
                "state destroyed by backward",
                f"{trial.name}.backward cannot run twice after one forward: {failure}"
                f"{failure.line}. It must leave what forward saved as it is.",
            )
        return
    wrong = [] if close(as_tuple(first_dxs), as_tuple(dxs)) else ["the inputs"]
    second = gradients_of(held)
    for name, dW in first.items():
        if not close(second[name], dW) and not close(second[name], doubled(dW)):
            wrong.append(name)
    if wrong:
        yield Finding(
            "backward",
            "state destroyed by backward",
            f"{trial.name}.backward changes what forward saved: run a second time, it gives other "
            f"gradients for {' and '.join(wrong)}. Work on copies of what is saved.",
        )


def state_lost(trial: Trial, run: Run, rng: Any) -> Iterator[Finding]:
    """One layer in two places of a graph: each place keeps its own state, parameters add up."""
    others = [_other(one, rng) for one in trial.given]
    try:
        alone = trial.run(given=others)
    except TrialError:
        others, alone = list(trial.given), run
    if any(np.shape(a) != np.shape(b) for a, b in zip(alone.outs, run.outs)):
        others, alone = list(trial.given), run
    layer = trial.fresh()
    dice = Dice(layer)
    here, there = seat_of(layer), seat_of(layer)
    held = find_parameters(here)
    start_gradients(held)
    try:
        trial.forward(here, trial.copies())
        dice.set_back()
        trial.forward(there, trial.copies(others))
        trial.backward(there, trial.lent_douts(trial.douts))
        dxs = trial.backward(here, trial.lent_douts(trial.douts))
    except TrialError as failure:
        yield _state_lost(trial, f"then {failure.step} raises {failure}{failure.line}")
        return
    if not close(as_tuple(dxs)[: len(run.dxs)], run.dxs[: len(as_tuple(dxs))]):
        yield _state_lost(trial, "the first place then gives the gradients of the second")
        return
    for one in held:
        total = None if one.gradient else one.parameter.grad
        a, b = run.dparams.get(one.name), alone.dparams.get(one.name)
        if total is None or a is None or b is None or close(total, a + b):
            continue
        if close(total, a) or close(total, b):
            text = f"{trial.name}.{one.name}: where the parameter is used twice, only the gradient "
            text += f"of one use is left. Add to it: self.{one.name}.grad += ..., not =."
            if any(isinstance(inner, Graph) for _, inner in walk(layer)):
                text += " A graph used by hand starts from zero: backward(dout, accumulate=True)."
            yield Finding(one.name, "assignment instead of addition", text)
        else:
            yield _state_lost(trial, f"the gradient of {one.name} is then wrong", one.name)


def _state_lost(trial: Trial, what: str, of: str = "forward") -> Finding:
    return Finding(
        of,
        "state lost on reuse",
        f"{trial.name} loses its state where it is used in two places: forward here, forward "
        f"there, backward there, backward here, and {what}. Save on self in forward, not on the "
        "class, in a global or in an array made in __init__.",
    )


def _other(one: Given, rng: Any) -> Given:
    """Another value that the layer will take as well: nearer to 0, or in another order."""
    if one.is_float:
        return one.holding(one.value * rng.uniform(0.6, 0.95, one.value.shape))
    return one.holding(one.value[::-1] if one.value.ndim else one.value)


def gradients(trial: Trial, run: Run) -> dict[str, Any]:
    """The gradients of all inputs of floats and of all parameters, by name."""
    found = {one.name: dx for one, dx in zip(trial.given, run.dxs) if one.is_float}
    return found | run.dparams


def as_tuple(dxs: Any) -> tuple[Any, ...]:
    return tuple(dxs) if isinstance(dxs, (tuple, list)) else (dxs,)


def doubled(dW: Any) -> Any:
    return None if dW is None else 2 * dW


def close(a: Any, b: Any) -> bool:
    """Whether two gradients are the same up to the order of additions."""
    if isinstance(a, Sequence) and isinstance(b, Sequence):
        return len(a) == len(b) and all(map(close, a, b))
    if a is None or b is None:
        return a is b
    if np.shape(a) != np.shape(b):
        return False
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-12, equal_nan=True))
