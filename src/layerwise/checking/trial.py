"""A layer on trial: copies of it run under control, the layer itself is never touched."""

from __future__ import annotations

import copy
import functools
import inspect
import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..anatomy import attributes, find_buffers, find_parameters, owner_of, unguarded, walk
from ..errors import LayerError, ShapeError, WiringError
from ..graph import Graph
from ..layer import raise_shape_error
from ..seat import forward_of, set_training


class Given(NamedTuple):
    """One input of the layer: its value as an array, and how to make of it what was given."""

    name: str
    value: Any
    form: Callable[[Any], Any]  # the array as the number, the NumPy scalar or the array it was
    plain: bool = False  # whether it was one of Python's own numbers

    @property
    def is_float(self) -> bool:
        return self.value.dtype.kind == "f"

    def holding(self, value: Any) -> Given:
        return self._replace(value=np.asarray(value))


class Run(NamedTuple):
    """What one forward and one backward gave."""

    outs: tuple[Any, ...]
    dxs: tuple[Any, ...]  # a gradient for each input; None where there is none
    dparams: dict[str, Any]  # a gradient for each parameter; None: not computed
    dx_count: int | None = None  # how many gradients came back, where that is the wrong number


class TrialError(Exception):
    """The layer raised: in which step, what it said, and the line where."""

    def __init__(self, step: str, layer: Any, error: Exception) -> None:
        text = str(error) or "no message"
        if isinstance(error, LayerError):
            text = text.splitlines()[0]
        elif not isinstance(error, ShapeError):
            text = f"{type(error).__name__}: {text}"
        super().__init__(text[:500].rstrip("."))
        self.step, self.error, self.line = step, error, line_of(error, layer)

    @property
    def read_only(self) -> bool:
        """Whether it failed because it wrote into an array that is locked."""
        return "read-only" in str(self)


def line_of(error: Exception, layer: Any) -> str:
    """The line of the layer's own file in which an error arose."""
    code = getattr(unguarded(layer, "forward"), "__code__", None)
    if isinstance(error, ShapeError):
        return ""  # that is about the inputs
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if code is not None and frame.filename == code.co_filename:
            return f" (line {frame.lineno}: {frame.line})" if frame.line else ""
    return ""


class Dice:
    """The random generators that a layer can draw from, and where they stood at the beginning."""

    def __init__(self, layer: Any) -> None:
        sources: list[tuple[Any, Any]] = [
            (np.random.get_state, np.random.set_state),
            (random.getstate, random.setstate),
        ]
        for _, one in walk(layer):
            for value in attributes(one).values():
                if isinstance(value, np.random.Generator):
                    bits = value.bit_generator
                    sources.append(
                        (
                            functools.partial(getattr, bits, "state"),
                            functools.partial(set_bits, bits),
                        )
                    )
                elif isinstance(value, np.random.RandomState):
                    sources.append((value.get_state, value.set_state))
                elif isinstance(value, random.Random):
                    sources.append((value.getstate, value.setstate))
        self.kept = [(read, write, read()) for read, write in sources]

    def set_back(self) -> None:
        for _, write, state in self.kept:
            write(state)

    def forget_unused(self) -> None:
        """Leave out the generators that still stand where they were."""
        self.kept = [kept for kept in self.kept if not same(kept[0](), kept[2])]


def set_bits(bits: Any, state: Any) -> None:
    bits.state = state


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Leave the global generators of NumPy and Python as they were."""
    numpys, pythons = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpys)
        random.setstate(pythons)


def prepared(layer: Any, dtype: Any, rng: Any) -> Any:
    """A deep copy of a layer in which parameters, buffers and arrays of floats have one dtype."""
    memo: dict[int, Any] = {}
    for _, one in walk(layer):
        for value in attributes(one).values():
            for array in arrays_in(value):
                memo[id(array)] = array.astype(dtype)
    for held in find_parameters(layer):
        if held.gradient is None:  # a Parameter; those of the books' classes are arrays as above
            twin = copy.copy(held.parameter)
            twin.draw(rng)
            twin.astype(dtype)
            twin.grad = None
            memo[id(held.parameter)] = twin
    try:
        model = copy.deepcopy(layer, memo)
    except Exception as error:
        raise WiringError(
            f"{type(layer).__name__} cannot be copied ({error}), and only copies are checked, so "
            "that your layer is left alone. Keep modules, files and locks out of its attributes."
        ) from error
    for buffer in find_buffers(model).values():
        buffer.astype(dtype)
    for held in find_parameters(model):
        dW = None if held.gradient is None else held.gradient()
        if isinstance(dW, np.ndarray):
            dW[...] = 0  # left over from before
    for _, one in walk(model):
        if isinstance(one, Graph):
            one.astype(dtype)  # whatever its inputs declare
            one._nested = True  # here the gradients are set up from outside
    return model


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    """The arrays of floats that a value is or holds."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield value
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from arrays_in(inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from arrays_in(inner)


class Trial:
    """Runs a layer in one dtype and one mode, on inputs of that dtype.

    `base` is never run: every `fresh()` copy starts from it, with the same random draws.
    """

    def __init__(
        self, base: Any, given: Sequence[Given], training: bool = True, name: str = ""
    ) -> None:
        self.base, self.given, self.training = base, tuple(given), training
        self.name = name or type(base).__name__  # what the layer is called in messages
        self.mode = "training" if training else "inference"  # or "both": what this stands for
        set_training(base, training)
        self.dice = Dice(base)
        self.locked = True  # whether arrays are locked while the layer runs
        self.douts: tuple[Any, ...] = ()
        self.several = False  # whether forward returns a tuple

    def fresh(self) -> Any:
        self.dice.set_back()
        layer = copy.deepcopy(self.base)
        for _, one in walk(layer):
            attributes(one)["_ran_forward"] = True  # a trial looks after the order itself
        return layer

    # forward and backward ------------------------------------------------------------------------

    def copies(self, given: Sequence[Given] | None = None) -> list[Any]:
        """The inputs, in memory of their own, as they are handed to forward."""
        return [self._lent(one.form(one.value.copy())) for one in given or self.given]

    def lent_douts(self, douts: Sequence[Any]) -> list[Any]:
        return [self._lent(copy.copy(dout)) for dout in douts]

    def _lent(self, value: Any) -> Any:
        if self.locked and isinstance(value, np.ndarray):
            value.flags.writeable = False
        return value

    def forward(self, layer: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """All outputs of a forward; of one without a tuple, the one."""
        try:
            out = forward_of(layer)(*inputs)
        except Exception as error:
            try:
                raise_shape_error(layer, inputs, error)
            except ShapeError as better:
                error = better
            raise TrialError("forward", layer, error) from error
        self.several = isinstance(out, (tuple, list))
        return tuple(out) if self.several else (out,)

    def backward(self, layer: Any, douts: Sequence[Any]) -> Any:
        back = unguarded(layer, "backward")
        try:
            return back(tuple(douts) if self.several else douts[0])
        except Exception as error:
            raise TrialError("backward", layer, error) from error

    def run(
        self,
        douts: Sequence[Any] | None = None,
        given: Sequence[Given] | None = None,
        start: Callable[[Any], Any] = np.zeros_like,
    ) -> Run:
        """A forward and a backward of a fresh copy; `start` makes what gradients are added to."""
        layer = self.fresh()
        held = find_parameters(layer)
        outs = self.forward(layer, self.copies(given))
        held = find_parameters(layer) or held
        start_gradients(held, start)
        dxs = self.backward(layer, self.lent_douts(self.douts if douts is None else douts))
        dparams = gradients_of(held)
        return self._sorted_out(layer, outs, dxs, dparams)

    def _sorted_out(self, layer: Any, outs: Any, dxs: Any, dparams: Any) -> Run:
        count, wrong = len(self.given), None
        if isinstance(dxs, (tuple, list)):
            wrong = None if len(dxs) == count else len(dxs)
            dxs = (*dxs, *[None] * count)[:count]
        else:
            owner = 0
            if count > 1:
                found = owner_of(layer, [one.value for one in self.given], outs[0])
                wrong, owner = (1, 0) if found is None else (None, found)
            dxs = tuple(dxs if i == owner else None for i in range(count))
        return Run(outs, dxs, dparams, wrong)


def start_gradients(held: Any, start: Callable[[Any], Any] = np.zeros_like) -> None:
    for one in held:
        one.parameter.grad = start(one.parameter.value) if one.gradient is None else None


def gradients_of(held: Any) -> dict[str, Any]:
    """What a backward has left as the gradients of the parameters."""
    return {
        one.name: one.parameter.grad if one.gradient is None else one.gradient() for one in held
    }


def input_names(layer: Any, count: int) -> list[str]:
    """What the inputs are called: the arguments of forward, or the inputs of a graph."""
    if isinstance(layer, Graph):
        names = [seat.name for seat in layer.inputs]
    else:
        try:
            arguments = inspect.signature(unguarded(layer, "forward")).parameters.values()
        except (TypeError, ValueError):
            arguments = {}.values()
        names = [
            a.name for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD)
        ]
        rest = next((a.name for a in arguments if a.kind is a.VAR_POSITIONAL), "input")
        names += [f"{rest}{i}" for i in range(len(names), count)]
    return names[:count]


class Bench:
    """Gives the outputs of a layer again and again, while single numbers of it are changed.

    `arrays` holds what can be changed, by name: the inputs of floats and the parameters. One copy
    of the layer does all the work where its runs leave no trace; else every run gets a new one.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.model = trial.fresh()
        self.dice = Dice(self.model)
        self.values = [one.value.copy() for one in trial.given]
        self.reused = False
        first = self()
        self.repeatable = same(first, self())
        if self.repeatable:
            self._reuse_if_traceless(first)
        self.size = first.size
        floats = zip(trial.given, self.values)
        self.arrays = {one.name: value for one, value in floats if one.is_float}
        self.parameters = {h.name: h.parameter.value for h in find_parameters(self.model)}

    def _reuse_if_traceless(self, first: Any) -> None:
        probe = self.trial.fresh()
        dice = Dice(probe)
        self._outputs(probe)
        dice.forget_unused()
        for _ in range(2):
            dice.set_back()
            if not same(first, self._outputs(probe)):
                return
        self.model, self.dice, self.reused = probe, dice, True

    def __call__(self) -> Any:
        """All outputs of a forward, in one row."""
        self.dice.set_back()
        return self._outputs(self.model if self.reused else copy.deepcopy(self.model))

    def _outputs(self, layer: Any) -> Any:
        inputs = [one.form(value) for one, value in zip(self.trial.given, self.values)]
        if not self.trial.locked:  # it writes into them
            inputs = [copy.copy(x) for x in inputs]
        outs = self.trial.forward(layer, inputs)
        return np.concatenate([np.ravel(np.asarray(out, np.float64)) for out in outs])


def same(a: Any, b: Any) -> bool:
    """Whether two runs gave the very same numbers; what is missing equals only what is missing."""
    if a is None or b is None:
        return a is b
    if isinstance(a, (int, str)) and type(a) is type(b):
        return bool(a == b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc")
