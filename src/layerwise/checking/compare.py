"""One gradient against its slopes: the row of the table, what is wrong with it, its kinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..anatomy import find_parameters
from .causes import Case, likely_cause
from .report import Finding, Kink, Row, element, number
from .slopes import STEP, Line, Slope, refined, slope_at
from .trial import Bench, Run, Trial


class Comparison(NamedTuple):
    row: Row
    findings: list[Finding]
    kinks: list[Kink]


class Judge:
    """Compares the gradients of one run of a layer with numerical slopes."""

    def __init__(
        self, trial: Trial, run: Run, bench: Bench, ignoring: set[str], settings: Settings
    ) -> None:
        self.trial, self.run, self.bench, self.settings = trial, run, bench, settings
        self.ignoring = ignoring  # the gradients that do not change with dout
        self.here = bench()
        self.weights = np.concatenate([np.ravel(d).astype(np.float64) for d in trial.douts])
        every = [*bench.arrays.values(), *bench.parameters.values()]
        self.scale = max([1.0, *(float(np.max(np.abs(a), initial=0)) for a in every)])
        self.not_learned = {
            held.name: held.parameter.not_learned
            for held in find_parameters(trial.base)
            if held.parameter.not_learned is not None
        }
        self.inputs = {one.name: dx for one, dx in zip(trial.given, run.dxs) if one.is_float}

    def compare(self, name: str, analytic: Any, array: Any, rng: Any) -> Comparison:
        """All of one gradient, or a sample of it; what is not learned stays out."""
        learned = np.ones(array.shape, bool)
        if name in self.not_learned:
            learned[self.not_learned[name]] = False
        indices = [i for i in chosen(array.shape, self.settings.samples, rng) if learned[i]]
        lines = [Line(self.bench, self.here, array, index) for index in indices]
        slopes = [slope_at(line, self.weights) for line in lines]
        if analytic is None or np.shape(analytic) != array.shape:
            return self._of_wrong_shape(name, analytic, array, indices, slopes)
        said = np.array([np.asarray(analytic)[index] for index in indices], np.float64)
        if not np.all(np.isfinite(said)):
            return Comparison(empty_row(name, array, "not finite"), [], [])
        nearest = np.clip(said, [s.low for s in slopes], [s.high for s in slopes])
        wrong, coarse = self._judged(said, nearest, slopes, lines)
        case = self._case(name, analytic, array, indices, slopes, nearest, wrong)
        kinks = [
            Kink(name, index, a, *s.kink)
            for index, s, a, w in zip(indices, slopes, said.tolist(), wrong)
            if s.kink and not w
        ]
        verdict = "wrong" if wrong.any() else "precision" if coarse else "ok"
        if verdict == "ok" and kinks:
            verdict = f"ok, {len(kinks)} kink{'s' * (len(kinks) > 1)}"
        row = empty_row(name, array, verdict)
        findings = []
        if said.size:
            worst = worst_of(said, nearest, wrong, slopes)
            row = replace(
                row,
                index=indices[worst],
                backward=float(said[worst]),
                numerically=float(nearest[worst]),
                error=relative_error(said, nearest, case.rounding),
                checked=len(indices),
            )
            if wrong.any():
                findings = [self._wrong(case, row, slopes[worst])]
            elif coarse:
                findings = [self._imprecise(row)]
        return Comparison(row, findings, kinks)

    def _judged(self, said: Any, nearest: Any, slopes: list[Slope], lines: list[Line]) -> Any:
        """Which elements are wrong; whether the layer rounds too much to tell.

        What seems wrong is measured again, with the best step there is: that tells a mistake from
        rounding. The better slopes replace those in `nearest`.
        """
        tolerance, coarse = self.settings.tolerance, False
        larger = np.maximum(np.abs(said), np.abs(nearest))
        off = np.abs(said - nearest)
        wrong = ~(off <= tolerance * larger + [s.rounding for s in slopes])  # NaN is wrong
        order = [i for i in np.argsort(-off) if wrong[i]]
        for count, i in enumerate(order):
            if coarse and count == 5:  # five of five are right as far as one can tell
                wrong[order] = False
                break
            for best in refined(lines[i], self.weights, self.scale):
                reach = tolerance * max(abs(said[i]), abs(best.value)) + 4 * best.error
                if abs(said[i] - best.value) <= reach:
                    break
            else:
                break  # a mistake: no need to look at the others
            wrong[i], nearest[i] = False, best.value
            coarse |= best.coarse and best.error > 1e-6 * abs(best.value)
        return wrong, coarse and not wrong.any()

    def _case(
        self,
        name: str,
        analytic: Any,
        array: Any,
        indices: list[tuple[int, ...]],
        slopes: list[Slope],
        nearest: Any,
        wrong: Any,
    ) -> Case:
        return Case(
            name=name,
            analytic=analytic,
            shape=array.shape,
            indices=indices,
            slopes=nearest,
            rounding=np.array([s.rounding for s in slopes]),
            plain=np.array([s.plain for s in slopes]),
            wrong=wrong,
            rows=batch_size(self.trial),
            ignores_dout=name in self.ignoring,
            parts=lambda index: list(self._parts(array, index)),
            inputs={other: dx for other, dx in self.inputs.items() if other != name},
        )

    def _parts(self, array: Any, index: tuple[int, ...]) -> Iterator[Any]:
        """What every output contributes to the slope at one element, output by output."""
        line = Line(self.bench, self.here, array, index)
        parts, start = self.weights * line.between(-STEP * line.size, STEP * line.size), 0
        for out in self.run.outs:
            size = int(np.size(out))
            yield parts[start : start + size].reshape(np.shape(out))
            start += size

    def _wrong(self, case: Case, row: Row, slope: Slope) -> Finding:
        where = element(f"{self.trial.name}.{row.of}", row.index)
        if slope.kink:
            cause = "outside what a kink allows"
            text = (
                f"{where}: backward says {number(row.backward)}, but this is a kink with the slope "
                f"{number(slope.kink[0])} on the left and {number(slope.kink[1])} on the right. "
                "Any number from the one to the other would do."
            )
        else:
            cause, story = likely_cause(case)
            text = (
                f"{where}: backward says {number(row.backward)}, numerically it is "
                f"{number(row.numerically)}. {story}"
            )
        return Finding(row.of, cause, text.rstrip(), row.index, row.backward, row.numerically)

    def _imprecise(self, row: Row) -> Finding:
        where = element(f"{self.trial.name}.{row.of}", row.index)
        return Finding(
            row.of,
            "precision",
            f"{where}: backward says {number(row.backward)}, numerically it is "
            f"{number(row.numerically)}. That agrees as far as can be seen, but the layer rounds "
            "far more than float64 does. Compute in the dtype of the inputs, not in float32.",
            row.index,
            row.backward,
            row.numerically,
        )

    def _of_wrong_shape(
        self, name: str, analytic: Any, array: Any, indices: Any, slopes: list[Slope]
    ) -> Comparison:
        nearest = np.array([(s.low + s.high) / 2 for s in slopes])
        all_wrong = np.full(len(indices), True)
        case = self._case(name, analytic, array, indices, slopes, nearest, all_wrong)
        cause, story = likely_cause(case)
        got = np.shape(analytic)
        if analytic is None:
            text = f"{self.trial.name}.{name}: {story[0].lower()}{story[1:]}"
            verdict = "missing"
        else:
            text = f"{self.trial.name}.{name}: the gradient has the shape {got}, expected "
            text += f"{array.shape}, as {name} itself. {story}"
            verdict = f"shape {got}"
        finding = Finding(name, cause, text.rstrip())
        return Comparison(empty_row(name, array, verdict), [finding], [])


class Settings(NamedTuple):
    samples: int  # of an array with more elements, how many are compared
    tolerance: float  # how far an element may be off, as a part of itself


def chosen(shape: tuple[int, ...], samples: int, rng: Any) -> list[tuple[int, ...]]:
    """All elements of a small array; of a large one the first, the last and some by chance."""
    size = int(np.prod(shape))
    if not shape:
        return [()]
    if size <= samples:
        numbers = np.arange(size)
    else:
        inner = 1 + rng.choice(size - 2, max(samples - 2, 0), replace=False)
        numbers = np.sort([0, *inner, size - 1])
    return list(zip(*(axis.tolist() for axis in np.unravel_index(numbers, shape))))


def empty_row(name: str, array: Any, verdict: str) -> Row:
    """A row without numbers."""
    return Row("both", name, array.shape, None, None, None, None, verdict, 0, array.size)


def worst_of(said: Any, nearest: Any, wrong: Any, slopes: list[Slope]) -> int:
    """The element to show: of the wrong ones, one that is no kink if there is such a one."""
    off = np.abs(said - nearest)
    plain = wrong & np.array([s.kink is None for s in slopes])
    for among in (plain, wrong):
        if among.any():
            return int(np.argmax(np.where(among, off, -1)))
    return int(np.argmax(off))


def relative_error(said: Any, nearest: Any, rounding: Any) -> float:
    """|difference| / |larger|, in Euclidean norms; 0 where there is nothing but rounding."""
    larger = max(np.linalg.norm(said), np.linalg.norm(nearest))
    if larger <= np.linalg.norm(rounding):
        return 0.0
    return float(np.linalg.norm(said - nearest) / larger)


def batch_size(trial: Trial) -> int | None:
    """The number of rows of the first input that has rows."""
    return next((one.value.shape[0] for one in trial.given if one.value.ndim), None)
