"""Several optimizers for one network, each for some of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from ..parameter import Parameter
from .optimizer import Optimizer
from .state import all_taken


class ByName:
    """Several optimizers, each for the parameters whose names match its pattern.

    optimizers   {pattern of names: optimizer}; `*` stands for any letters. A parameter goes to the
                 first pattern that matches it
    errors       ValueError for a parameter that no pattern matches, and for a pattern that is left
                 without parameters

    >>> from layerwise import Affine, AdamW, Muon, Sequential
    >>> net = Sequential(Affine(2, 3), seed=0)
    >>> optimizer = ByName({"*.W": Muon(lr=0.02), "*": AdamW()})
    >>> [(type(one).__name__, list(part)) for one, part in optimizer.parts(net.parameters())]
    [('Muon', ['affine1.W']), ('AdamW', ['affine1.b'])]
    """

    def __init__(self, optimizers: Mapping[str, Optimizer]) -> None:
        usable = isinstance(optimizers, Mapping) and len(optimizers) > 0
        if not usable or not all(isinstance(one, Optimizer) for one in optimizers.values()):
            raise ValueError(
                "ByName expects patterns of names and their optimizers, such as "
                f"{{'*.W': Muon(), '*': AdamW()}}, but got {optimizers!r}."
            )
        self.optimizers = dict(optimizers)

    def step(self, parameters: Mapping[str, Parameter]) -> None:
        """Change the parameters in place; those without a gradient (None) are left alone."""
        for optimizer, part in self.parts(parameters):
            optimizer.step(part)

    def parts(
        self, parameters: Mapping[str, Parameter]
    ) -> list[tuple[Optimizer, dict[str, Parameter]]]:
        """Each optimizer with its parameters."""
        parts: dict[str, dict[str, Parameter]] = {pattern: {} for pattern in self.optimizers}
        for name, parameter in parameters.items():
            fitting = [pattern for pattern in parts if fnmatchcase(name, pattern)]
            if not fitting:
                raise ValueError(
                    f"{self!r}: no pattern matches {name}. Add '*' with an optimizer for the rest."
                )
            parts[fitting[0]][name] = parameter
        for pattern, part in parts.items():
            if not part:
                raise ValueError(
                    f"{self!r}: nothing is left for {pattern!r}. There are {', '.join(parameters)}."
                )
        return [(self.optimizers[pattern], part) for pattern, part in parts.items()]

    def observe(self, metric: float) -> None:
        """Tell the schedules that wait for it how good the network is now."""
        for optimizer in self.optimizers.values():
            optimizer.observe(metric)

    def state(self) -> dict[str, Any]:
        """The states of all optimizers in one flat dict, behind the number of each: `0.m.W`."""
        return {
            f"{number}.{key}": held
            for number, optimizer in enumerate(self.optimizers.values())
            for key, held in optimizer.state().items()
        }

    def load_state(self, state: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> None:
        """Go on from what `state()` gave; see `Optimizer.load_state`."""
        left, found = dict(state), []
        for number, (optimizer, part) in enumerate(self.parts(parameters)):
            keys = [key for key in left if key.startswith(f"{number}.")]
            own = {key.removeprefix(f"{number}."): left.pop(key) for key in keys}
            found.append((optimizer, optimizer.checked_state(own, part)))
        all_taken(left)
        for optimizer, checked in found:  # only now: nothing has changed before
            optimizer.restore(checked)

    def __repr__(self) -> str:
        shown = [f"{pattern!r}: {one!r}" for pattern, one in self.optimizers.items()]
        return f"ByName({{{', '.join(shown)}}})"
