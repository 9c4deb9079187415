"""Options of optimizers, schedules and averages: checked once, shown again by `repr`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from math import inf
from numbers import Real
from typing import Any

from ..layers.sizes import is_whole


class Options:
    """An object whose options are attributes, named as the arguments that it was made with."""

    @classmethod
    def option_names(cls) -> list[str]:
        """The names of all options, in their order."""
        return [argument.name for argument in arguments(cls)]

    def number(self, name: str, value: Any, **limits: float) -> float:
        """A finite number within limits, as a float; see `number`."""
        return number(type(self).__name__, name, value, **limits)

    def pair(self, name: str, value: Any, below: float = inf) -> tuple[float, float]:
        """Two numbers, 0 or more and below a limit."""
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise self.wrong(name, value, "a pair of numbers")
        return self.number(name, value[0], below=below), self.number(name, value[1], below=below)

    def whole(self, name: str, value: Any, least: int = 1) -> int:
        """A whole number from `least` on, as an int."""
        if not is_whole(value, least):
            raise self.wrong(name, value, f"a whole number, {least} or more")
        return int(value)

    def choice(self, name: str, value: Any, choices: Sequence[Any]) -> Any:
        """One of a few words."""
        if value not in choices:
            raise self.wrong(name, value, " or ".join(repr(one) for one in choices))
        return value

    def wrong(self, name: str, value: Any, expected: str) -> ValueError:
        return wrong(type(self).__name__, name, value, expected)

    def __repr__(self) -> str:
        """The call that makes this object: its first option, and those that are not the default."""
        shown = []
        for number, argument in enumerate(arguments(type(self))):
            value = getattr(self, argument.name)
            if number == 0 or value != argument.default:
                said = f"{value:g}" if isinstance(value, float) else repr(value)
                said = value.__name__ if inspect.isfunction(value) else said
                shown.append(f"{argument.name}={said}")
        return f"{type(self).__name__}({', '.join(shown)})"


def arguments(cls: Any) -> list[inspect.Parameter]:
    """The arguments that a class is made with; where it takes **more, also those of its base."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            own = list(inspect.signature(base.__init__).parameters.values())[1:]  # without self
            named = [one for one in own if one.kind is not one.VAR_KEYWORD]
            found |= {one.name: one for one in named if one.name not in found}
            if named == own:
                break
    return list(found.values())


def number(
    who: str, name: str, value: Any, least: float = 0.0, below: float = inf, most: float = inf
) -> float:
    """A finite number from `least` on, below one limit and at most another, as a float."""
    if isinstance(value, Real) and least <= float(value) <= most and -inf < float(value) < below:
        return float(value)
    limits = [f"{least:g} or more"] * (least > -inf)
    limits += [f"below {below:g}"] * (below < inf)
    limits += [f"at most {most:g}"] * (most < inf)
    limits += ["finite"] * (below == most == inf)
    raise wrong(who, name, value, f"a number, {' and '.join(limits)}")


def wrong(who: str, name: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"{who}({name}={value!r}): {name} must be {expected}.")
