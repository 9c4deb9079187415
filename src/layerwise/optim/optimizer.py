"""What all optimizers share: groups, learning rates, clipping, and a state that can be saved."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from math import inf
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from ..errors import GradientError, show_shape
from ..parameter import Parameter
from .clipping import clip_by_norm, clip_by_value
from .options import Options
from .schedules import Schedule
from .state import all_taken, check_owner, taken

Rate = float | Callable[[int], float]  # a learning rate: a number, or a function of the step
Groups = Mapping[str, Mapping[str, Any]] | Callable[[str], Mapping[str, Any]]
SHARED = ("groups", "clip_norm", "clip_value")  # options that no group can have of its own


class Checked(NamedTuple):
    """What `load_state` has read."""

    steps: int
    memory: dict[str, dict[str, Any]]
    shapes: dict[str, tuple[int, ...]]
    schedules: list[tuple[Schedule, dict[str, Any]]]


def change(updates: list[tuple[Any, ...]]) -> None:
    """Change each parameter: (optimizer, value, gradient, memory, lr).

    The engine puts its own function here.
    """
    for optimizer, value, d, memory, lr in updates:
        optimizer.update(value, d, memory, lr)


class Optimizer(Options):
    """What all optimizers share. A subclass says what it remembers, and how a parameter changes.

    `start(value)` gives what is remembered of a parameter before its first step: arrays and
    numbers by name. `update(value, d, memory, lr)` changes value and memory in place, by the
    gradient d.

    lr           the learning rate, 0 or more: a number, or a schedule (any function of the number
                 of steps done before)
    groups       options for some parameters: {pattern of names: {option: value}}, where `*` stands
                 for any letters, or a function that gives a name its options. Where several
                 patterns match a name, all count; of two values for an option the later one
    clip_norm    the largest norm of all gradients together; larger ones are scaled down. None: any
    clip_value   the largest size of an element of a gradient; None: any
    errors       TypeError for unknown options, ValueError for options out of their range and for
                 patterns that match no parameter; GradientError for a gradient that does not have
                 the shape of its parameter, and for a parameter of another network

    `memory` holds what is remembered of each parameter, by its name, and `steps` counts. Options
    may be set between steps, `optimizer.lr = 0.01`, if they need no other memory than before.

    >>> from layerwise import Adam, Parameter
    >>> W, b = Parameter(np.array([1.0])), Parameter(np.array([1.0]))
    >>> W.grad, b.grad = np.array([0.5]), np.array([0.5])
    >>> Adam(lr=0.1, groups={"*b": {"lr": 0.01}}).step({"affine1.W": W, "affine1.b": b})
    >>> W.value.round(6), b.value.round(6)
    (array([0.9]), array([0.99]))
    """

    decoupled_weight_decay = False
    weight_decay = 0.0

    def __init__(
        self,
        lr: Rate,
        groups: Groups | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        **unknown: Any,
    ) -> None:
        for name in unknown:
            raise self._no_option(name, self.option_names())
        self.lr = lr if callable(lr) else self.number("lr", lr)
        self.clip_norm = None if clip_norm is None else self.number("clip_norm", clip_norm)
        self.clip_value = None if clip_value is None else self.number("clip_value", clip_value)
        self.groups = groups
        self._patterns = self._checked_groups(groups)
        self.steps = 0
        self.memory: dict[str, dict[str, Any]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}  # of the parameters seen so far
        self._own: dict[str, dict[str, Any]] = {}  # their own options, from the groups

    def start(self, value: Any) -> dict[str, Any]:
        """What is remembered of a parameter before its first step."""
        return {}

    def update(self, value: Any, d: Any, memory: dict[str, Any], lr: float) -> None:
        """Change value and memory in place."""
        raise NotImplementedError(f"{type(self).__name__} needs update(value, d, memory, lr).")

    def check(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse a parameter that this optimizer cannot change, by a GradientError."""

    # a step --------------------------------------------------------------------------------------

    def step(self, parameters: Mapping[str, Parameter]) -> None:
        """Change the parameters in place; those without a gradient (None) are left alone."""
        gradients = self._gradients(parameters)
        if self.clip_value is not None:
            gradients = clip_by_value(gradients, self.clip_value)
        if self.clip_norm is not None:
            gradients, _ = clip_by_norm(gradients, self.clip_norm)
        updates = []
        for name, d in gradients.items():
            value, group = parameters[name].value, self._group_of(name)
            if name not in self.memory:
                self.memory[name] = group.start(value)
            updates.append((group, value, d, self.memory[name], group.rate()))
        change(updates)
        self.steps += 1

    def rate(self) -> float:
        """The learning rate of the step to come."""
        if not callable(self.lr):
            return self.lr
        lr: Any = self.lr(self.steps)
        if not isinstance(lr, Real) or not 0 <= float(lr) < inf:
            raise ValueError(
                f"{type(self).__name__}: lr must be a number, 0 or more and finite, but is {lr!r} "
                f"at the step {self.steps}."
            )
        return float(lr)

    def observe(self, metric: float) -> None:
        """Tell the schedules that wait for it how good the network is now (`fit`: each epoch)."""
        for schedule in {id(one): one for one in self._schedules().values()}.values():
            schedule.observe(metric, self.steps)

    def decayed(self, value: Any, d: Any, lr: float) -> Any:
        """Weight decay: its share in the gradient, or, decoupled, the value itself is shrunk."""
        if not self.weight_decay:
            return d
        if not self.decoupled_weight_decay:
            return d + self.weight_decay * value
        value *= 1 - lr * self.weight_decay
        return d

    def _gradients(self, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
        """The gradients that are there, by name; all are checked before anything changes."""
        gradients = {}
        for name, parameter in parameters.items():
            if parameter.grad is None:
                continue
            shape, gradients[name] = parameter.shape, gradient_of(name, parameter)
            if self._shapes.setdefault(name, shape) != shape:
                raise GradientError(
                    f"{name} has the shape {show_shape(shape)}, but at the last step it had "
                    f"{show_shape(self._shapes[name])}. It is of another network: make a new "
                    f"{type(self).__name__} for each network."
                )
            self.check(name, shape)
        self._assign(parameters)
        return gradients

    # groups --------------------------------------------------------------------------------------

    def _checked_groups(self, groups: Any) -> dict[str, dict[str, Any]]:
        if groups is None or callable(groups):
            return {}
        if not isinstance(groups, Mapping):
            raise self.wrong("groups", groups, "like {'*.b': {'weight_decay': 0}}, or a function")
        return {pattern: self._checked_group(pattern, own) for pattern, own in groups.items()}

    def _checked_group(self, where: str, own: Any) -> dict[str, Any]:
        """The options of one group, as an optimizer made with them would have them."""
        place = f"groups, {where!r}: "
        if not isinstance(own, Mapping):
            raise ValueError(f"{place}expects options such as {{'lr': 0.01}}, but got {own!r}.")
        known = {name: getattr(self, name) for name in self.option_names() if name not in SHARED}
        for name in own:
            if name not in known:
                raise self._no_option(name, list(known), place)
        try:
            made = type(self)(**known | dict(own))
        except ValueError as error:
            raise ValueError(f"{place}{error}") from None
        return {name: getattr(made, name) for name in own}

    def _assign(self, names: Iterable[str]) -> None:
        """Find the own options of names that were not seen before."""
        new = [name for name in names if name not in self._own]
        if not new:
            return
        known = [*self._own, *new]
        for pattern in self._patterns:
            if not any(fnmatchcase(name, pattern) for name in known):
                raise ValueError(
                    f"groups: {pattern!r} matches no parameter. There are {', '.join(known)}."
                )
        self._own |= {name: self._options_of(name) for name in new}

    def _options_of(self, name: str) -> dict[str, Any]:
        """The options that the groups give to a name."""
        if callable(self.groups):
            return self._checked_group(name, self.groups(name))
        found: dict[str, Any] = {}
        for pattern, own in self._patterns.items():
            if fnmatchcase(name, pattern):
                found |= own
        return found

    def _group_of(self, name: str) -> Any:
        """This optimizer with the options that the parameter has."""
        if not self._own[name]:
            return self
        group = copy.copy(self)
        vars(group).update(self._own[name])
        return group

    def _no_option(self, name: str, known: list[str], place: str = "") -> TypeError:
        near = [f" Did you mean {one!r}?" for one in get_close_matches(name, known, n=1)]
        return TypeError(
            f"{place}{type(self).__name__} has no option {name!r}.{''.join(near)} "
            f"It has {', '.join(known)}."
        )

    # state ---------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that the next steps depend on besides the options: copies, in one flat dict.

        `Adam.steps` counts the steps, `m.affine1.W` is the array m of the parameter `affine1.W`,
        `lr.best` belongs to a schedule that remembers something.
        """
        state: dict[str, Any] = {self._counter: self.steps}
        for name, memory in self.memory.items():
            for what, held in memory.items():
                state[f"{what}.{name}"] = copy.copy(held)
        for place, schedule in self._schedules().items():
            state |= {f"{place}.{what}": held for what, held in schedule.state().items()}
        return state

    def load_state(self, state: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> None:
        """Go on from what `state()` gave, in an optimizer made with the same options.

        parameters   those of the network: what is loaded has to fit them
        errors       StateError for the state of another optimizer or network; nothing has changed
        """
        self.restore(self.checked_state(state, parameters))

    def checked_state(
        self, state: Mapping[str, Any], parameters: Mapping[str, Parameter]
    ) -> Checked:
        """What a state says, after checking that it fits; nothing has changed yet."""
        check_owner(state, self._counter, self)
        self._assign(parameters)
        left = dict(state)
        steps, memory = taken(left, self._counter, 0), {}
        for name, parameter in parameters.items():
            fresh = self._group_of(name).start(parameter.value)
            if any(f"{what}.{name}" in left for what in fresh):  # it had a step before
                memory[name] = {
                    what: taken(left, f"{what}.{name}", like) for what, like in fresh.items()
                }
        told = [
            (schedule, {what: taken(left, f"{place}.{what}", like) for what, like in known.items()})
            for place, schedule in self._schedules().items()
            if (known := schedule.state())
        ]
        all_taken(left)
        shapes = {name: parameters[name].shape for name in memory}
        return Checked(steps, memory, shapes, told)

    def restore(self, checked: Checked) -> None:
        self.steps, self.memory, self._shapes, told = checked
        for schedule, remembered in told:
            schedule.load_state(remembered)

    @property
    def _counter(self) -> str:
        return f"{type(self).__name__}.steps"

    def _schedules(self) -> dict[str, Schedule]:
        """The schedules in use, by the place where they stand: `lr`, `lr.affine1.W`."""
        rates = {f"lr.{name}": own["lr"] for name, own in self._own.items() if "lr" in own}
        rates = {"lr": self.lr} | rates
        return {place: rate for place, rate in rates.items() if isinstance(rate, Schedule)}


def gradient_of(name: str, parameter: Parameter) -> Any:
    """The gradient of a parameter in its dtype, after checking that it has its shape."""
    grad = np.asarray(parameter.grad, dtype=parameter.dtype)
    if grad.shape != parameter.shape:
        raise GradientError(
            f"{name} has the shape {show_shape(parameter.shape)}, but its gradient has "
            f"{show_shape(grad.shape)}. Its layer's backward must give a gradient shaped like the "
            "parameter."
        )
    return grad
