"""One layer looked at from all sides, in both modes, and the layers inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..anatomy import find_parameters, is_loss
from ..errors import GradientError, show_shape
from ..graph import Graph
from ..seat import is_ours
from .compare import Judge, Settings
from .contract import broken_promises, gradients, raised, written_to, wrong_dtype
from .inputs import np_scalar, whole_array
from .report import Finding, Kink, Row
from .trial import Bench, Given, Run, Trial, TrialError, input_names, prepared, same


class Found(NamedTuple):
    """What one mode of a layer, or both, has shown."""

    rows: list[Row]
    findings: list[Finding]
    kinks: list[Kink]
    notes: list[str]


class Checkup:
    """All that is looked at in one layer; the layers of a graph get a checkup of their own."""

    def __init__(
        self,
        base: Any,
        given: list[Given],
        dout: Any,
        seed: int,
        settings: Settings,
        name: str | None = None,
    ) -> None:
        self.base, self.given, self.dout, self.seed = base, given, dout, seed
        self.settings = settings
        self.name = type(base).__name__ if name is None else name

    def both_modes(self) -> Found:
        """Both modes, told apart only where they differ."""
        training, inference = (self.trial(np.float64, mode) for mode in (True, False))
        if self._in_short(training) == self._in_short(inference):
            training.mode = "both"
            return self.examine(training)
        return merged(self.examine(training), self.examine(inference))

    def trial(self, dtype: Any, training: bool) -> Trial:
        base = prepared(self.base, dtype, np.random.default_rng(self.seed))
        given = [
            one.holding(one.value.astype(dtype)) if one.is_float else one for one in self.given
        ]
        return Trial(base, given, training, self.name)

    def _in_short(self, trial: Trial) -> str:
        """What a run gives, to the last bit, or why it fails."""
        trial.locked = False
        try:
            self._choose_douts(trial, trial.forward(trial.fresh(), trial.copies()))
            run = trial.run()
        except TrialError as error:
            return str(error)
        finally:
            trial.locked = True
        numbers = (*run.outs, *run.dxs, *run.dparams.values())
        return "".join(np.asarray(one).tobytes().hex() for one in numbers)

    def examine(self, trial: Trial) -> Found:
        """One mode: the promises first, then the numbers, then the layers inside."""
        rng = np.random.default_rng([self.seed, 1])
        found = Found([], [], [], [])
        try:
            self._look_at(trial, found, rng)
        except TrialError as failure:
            found.findings.append(raised(trial, failure))
        self._look_inside(trial, found)
        return without_repeats(found)

    def _look_at(self, trial: Trial, found: Found, rng: Any) -> None:
        run, whole = self._first_run(trial, found)
        if run is None:
            return
        bench = Bench(trial)
        if not bench.repeatable:
            found.findings.append(not_repeatable(trial))
            return
        if whole:
            found.findings.extend(broken_promises(trial, run, rng))
            self._in_float32(trial, found)
        if self.settings.samples:
            ignoring = ignores_dout(trial, run, rng) if whole else set()
            judge = Judge(trial, run, bench, ignoring, self.settings)
            self._compare(judge, found, rng)

    # the first run -------------------------------------------------------------------------------

    def _first_run(self, trial: Trial, found: Found) -> tuple[Run | None, bool]:
        """A run that all else is compared with; whether backward could be run as it is."""
        try:
            outs = trial.forward(trial.fresh(), trial.copies())
        except TrialError as failure:
            if not failure.read_only:
                raise
            found.findings.extend(written_to(trial, failure))
            outs = trial.forward(trial.fresh(), trial.copies())
        wrong = wrong_output(trial, outs)
        if wrong:
            found.findings.append(wrong)
            return None, False
        self._choose_douts(trial, outs)
        try:
            return trial.run(), True
        except TrialError as failure:
            if failure.read_only and trial.locked:
                found.findings.extend(written_to(trial, failure))
                return trial.run(), True
            run = caught(trial)
            if run is None:
                raise
            return run, False

    def _choose_douts(self, trial: Trial, outs: Sequence[Any]) -> None:
        """The upstream gradient: by chance, every element well away from 0."""
        rng = np.random.default_rng(self.seed)
        if self.dout is None:
            trial.douts = tuple(like(out, away_from_zero(np.shape(out), rng)) for out in outs)
            return
        douts = self.dout if isinstance(self.dout, tuple) else (self.dout,)
        shapes = [np.shape(dout) for dout in douts]
        if shapes != [np.shape(out) for out in outs]:
            wanted = ", ".join(show_shape(np.shape(out)) for out in outs)
            raise GradientError(
                f"check({self.name}): dout has the shape {', '.join(map(show_shape, shapes))}, "
                f"expected {wanted}, as the output."
            )
        trial.douts = tuple(like(out, np.asarray(d, np.float64)) for out, d in zip(outs, douts))

    def _in_float32(self, trial: Trial, found: Found) -> None:
        """Once more in float32, to see that nothing leaves that dtype."""
        small = self.trial(np.float32, trial.training)
        small.locked, small.mode = trial.locked, trial.mode
        numbers_only = all(one.plain or not one.is_float for one in small.given)
        if numbers_only and not find_parameters(small.base):
            return  # Python's own numbers have no dtype
        try:
            self._choose_douts(small, small.forward(small.fresh(), small.copies()))
            found.findings.extend(wrong_dtype(small, small.run()))
        except TrialError as failure:
            found.findings.append(raised(small, failure, " with float32"))

    # the numbers ---------------------------------------------------------------------------------

    def _compare(self, judge: Judge, found: Found, rng: Any) -> None:
        trial, run, bench = judge.trial, judge.run, judge.bench
        said = gradients(trial, run)
        loss = is_loss(trial.base, [one.value for one in trial.given], run.outs[0])
        for name, array in {**bench.arrays, **bench.parameters}.items():
            target = name in bench.arrays and loss and name != trial.given[0].name
            if target and said[name] is None and run.dx_count is None:
                found.notes.append(f"{name} gets no gradient, as a target may.")
                continue
            row, findings, kinks = judge.compare(name, said[name], array, rng)
            found.rows.append(replace(row, mode=trial.mode))
            found.findings.extend(replace(finding, mode=trial.mode) for finding in findings)
            found.kinks.extend(replace(kink, mode=trial.mode) for kink in kinks)
            if name in judge.not_learned:
                found.notes.append(f"{name}[{judge.not_learned[name]}] is not learned.")
            if 0 < row.checked < row.size:
                found.notes.append(
                    f"{name}: {row.checked:,} of {row.size:,} elements were compared."
                )

    # the layers of a graph -----------------------------------------------------------------------

    def _look_inside(self, trial: Trial, found: Found) -> None:
        """In a graph: which of its layers is at fault, each by itself on what it got."""
        if not isinstance(trial.base, Graph):
            return
        settings = self.settings if found.findings else self.settings._replace(samples=0)
        inner: list[Finding] = []
        kinks: list[str] = []
        for place, layer, given in places_in(trial):
            if settings.samples or not is_ours(layer) or isinstance(layer, Graph):
                checkup = Checkup(layer, given, None, self.seed, settings, f"{self.name}.{place}")
                alone = checkup.trial(np.float64, trial.training)
                alone.mode = trial.mode
                inside = checkup.examine(alone)
                inner += [replace(one, of=f"{place}.{one.of}") for one in inside.findings]
                kinks += [place] * any("kink" in row.verdict for row in inside.rows)
        if found.findings and not inner and kinks and type(trial.base).backward is Graph.backward:
            self._forgive_kinks(found, kinks)
        inner = [one for one in inner if one.cause != CONSEQUENCE]
        places = ", ".join(dict.fromkeys(one.of.rpartition(".")[0] for one in inner))
        within, causes = {one.of for one in inner}, {one.cause for one in inner}
        outer = []
        for one in found.findings:
            if places and one.index is not None and one.of not in within:
                said = one.text.partition(". ")[0]
                text = f"{said}. The fault is in {places}."
                outer.append(replace(one, text=text, cause=CONSEQUENCE))
            elif one.index is not None or one.cause not in causes:  # else it is told from inside
                outer.append(one)
        told = {one.of for one in outer}
        found.findings[:] = outer + [one for one in inner if one.of not in told]

    def _forgive_kinks(self, found: Found, places: list[str]) -> None:
        """Where kinks of several layers meet, no slope of the whole can be told from outside."""
        found.findings[:] = [one for one in found.findings if one.index is None]
        found.rows[:] = [
            replace(row, verdict="ok, kinks meet") if row.verdict == "wrong" else row
            for row in found.rows
        ]
        found.notes.append(
            f"Every layer by itself is right, but kinks or ties in {', '.join(places)} meet at "
            "these inputs, so that the whole has no single slope there."
        )


CONSEQUENCE = "a fault further on"


def wrong_output(trial: Trial, outs: Sequence[Any]) -> Finding | None:
    """What forward returned, if nothing can be compared with it."""
    for out in outs:
        if np.asarray(out).dtype.kind not in "fiub":
            return Finding(
                "forward",
                "no numbers",
                f"{trial.name}.forward returns {type(out).__name__}, which is no number, no array "
                "and no tuple of these.",
            )
        if not np.all(np.isfinite(out)):
            bad = np.asarray(out)[~np.isfinite(out)].flat[0]
            return Finding(
                "forward",
                "not finite",
                f"{trial.name}.forward gives {bad} for these inputs, so there is no slope. "
                "Is there an overflow, a logarithm of 0 or a division by 0?",
            )
    return None


def not_repeatable(trial: Trial) -> Finding:
    return Finding(
        "forward",
        "not repeatable",
        f"{trial.name}.forward gives different outputs for the same inputs, though all random "
        "generators were set back, so slopes cannot be measured. Keep the generator in an "
        "attribute: self.rng = np.random.default_rng(seed).",
    )


class Catch:
    """Stands in for a parameter's gradient and takes whatever is added, of any shape."""

    def __init__(self, value: Any) -> None:
        self.sum: Any = None

    def __iadd__(self, dW: Any) -> Catch:
        self.sum = np.array(dW) if self.sum is None else self.sum + dW
        return self


def caught(trial: Trial) -> Run | None:
    """A run of a layer that cannot add its gradients because they have the wrong shape."""
    start: Callable[[Any], Any] = Catch
    try:
        run = trial.run(start=start)
    except TrialError:
        return None
    shapes = {held.name: held.parameter.shape for held in find_parameters(trial.base)}
    dparams = {
        name: getattr(dW, "sum", None) for name, dW in run.dparams.items() if type(dW) is Catch
    }
    if all(dW is None or np.shape(dW) == shapes[name] for name, dW in dparams.items()):
        return None  # that was not the trouble
    zeros = {name: np.zeros(shapes[name]) for name, dW in dparams.items() if dW is None}
    return run._replace(dparams=run.dparams | dparams | zeros)


def ignores_dout(trial: Trial, run: Run, rng: Any) -> set[str]:
    """The names of the gradients that stay the same when dout changes."""
    other = [like(out, away_from_zero(np.shape(out), rng)) for out in run.outs]
    first, second = gradients(trial, run), gradients(trial, trial.run(other))
    return {
        name
        for name, dx in first.items()
        if dx is not None and np.any(dx) and same(dx, second[name])
    }


def away_from_zero(shape: tuple[int, ...], rng: Any) -> Any:
    return rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)


def like(out: Any, dout: Any) -> Any:
    """An upstream gradient in the form of the output: a number, a NumPy scalar or an array."""
    if isinstance(out, (int, float)) and not isinstance(out, np.generic):
        return float(dout)
    dtype = out.dtype if getattr(out, "dtype", np.dtype(int)).kind == "f" else np.float64
    dout = np.asarray(dout, dtype)
    return dout if isinstance(out, (np.ndarray, list)) else dout[()]


def places_in(trial: Trial) -> Iterator[tuple[str, Any, list[Given]]]:
    """The layers of a graph, with the inputs that each of them got."""
    graph = trial.fresh()
    try:
        trial.forward(graph, trial.copies())
    except TrialError:
        pass  # up to there
    for seat in graph.nodes:
        values = [source.value for source in seat.inputs]
        if seat.layer is None or any(v is None or isinstance(v, tuple) for v in values):
            continue
        names = input_names(seat.layer, len(values))
        yield (
            seat.name,
            seat.layer,
            [Given(n, np.asarray(v), form_of(v)) for n, v in zip(names, values)],
        )


def form_of(value: Any) -> Callable[[Any], Any]:
    if isinstance(value, np.ndarray):
        return whole_array
    return np_scalar if isinstance(value, np.generic) else np.ndarray.item


# putting it together -----------------------------------------------------------------------------


def without_repeats(found: Found) -> Found:
    """Each finding once, the one with numbers if a cause has been seen in several ways."""
    once: dict[Any, Finding] = {}
    for one in found.findings:
        known = once.get((one.of, one.cause))
        if known is None or (known.index is None and one.index is not None):
            once[one.of, one.cause] = one
        elif known.mode != one.mode:
            once[one.of, one.cause] = replace(known, mode="both")
    notes = list(dict.fromkeys(found.notes))
    return found._replace(findings=list(once.values()), notes=notes)


def merged(training: Found, inference: Found) -> Found:
    """Two modes told together: a row for each only where something is wrong."""
    other = {row.of: row for row in inference.rows}
    rows = []
    for row in training.rows:
        twin = other.pop(row.of, None)
        if twin is None or not row.verdict.startswith("ok") or not twin.verdict.startswith("ok"):
            rows += [row] if twin is None else [row, twin]
        else:
            worse = max(row, twin, key=lambda one: one.error or 0.0)
            rows.append(replace(worse, mode="both"))
    return without_repeats(
        Found(
            [*rows, *other.values()],
            training.findings + inference.findings,
            training.kinks + inference.kinks,
            training.notes + inference.notes,
        )
    )
