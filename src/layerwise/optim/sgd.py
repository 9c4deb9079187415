"""Stochastic gradient descent: a step against the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from numbers import Real
from typing import Any

import numpy as np

from ..errors import GradientError, show_shape
from ..parameter import Parameter


class SGD:
    """Stochastic gradient descent: every parameter goes a step against its gradient.

    step       d = grad + weight_decay value
               v = momentum v + d   (v = d at the first step)
               value -= lr d   (with momentum: lr v; with Nesterov: lr (d + momentum v))
    lr             the learning rate, 0 or more
    momentum       how much of the last step is kept, from 0 up to below 1
    nesterov       look one step of momentum ahead
    weight_decay   how strongly parameters are pulled towards 0, 0 or more
    errors     ValueError for options out of these ranges; GradientError for a gradient or a
               velocity that does not have the shape of its parameter
    source     Deep Learning from Scratch, 6.1; the formulas are those of torch.optim.SGD

    `velocity` holds v for each parameter, by name. A new network needs a new optimizer.

    >>> from layerwise import Parameter
    >>> W = Parameter(np.array([1.0, 2.0]))
    >>> W.grad = np.array([0.5, -1.0])
    >>> SGD(lr=0.1).step({"W": W})
    >>> W.value
    array([0.95, 2.1 ])
    """

    def __init__(
        self,
        lr: float = 0.1,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.lr = _option("lr", lr)
        self.momentum = _option("momentum", momentum, below=1)
        self.weight_decay = _option("weight_decay", weight_decay)
        if nesterov and not self.momentum:
            raise ValueError(
                "SGD(nesterov=True) looks ahead along the momentum, but momentum is 0. "
                "Set it, for example momentum=0.9."
            )
        self.nesterov = nesterov
        self.velocity: dict[str, Any] = {}

    def step(self, parameters: Mapping[str, Parameter]) -> None:
        """Change the parameters in place; those without a gradient (None) are left alone."""
        for name, parameter in parameters.items():
            if parameter.grad is None:
                continue
            value, d = parameter.value, parameter.grad
            _same_shape(name, "gradient", d, value)
            if self.weight_decay:
                d = d + self.weight_decay * value
            if self.momentum:
                d = self._with_momentum(name, d, value)
            value -= self.lr * d  # in place: whoever shares this array sees the step

    def _with_momentum(self, name: str, d: Any, value: Any) -> Any:
        v = self.velocity.get(name)
        if v is None:
            v = self.velocity[name] = np.array(d, dtype=value.dtype)
        else:
            _same_shape(name, "velocity", v, value)
            v *= self.momentum
            v += d
        return d + self.momentum * v if self.nesterov else v

    def __repr__(self) -> str:
        shown = [f"lr={self.lr:g}"]
        shown += [f"momentum={self.momentum:g}"] * bool(self.momentum)
        shown += ["nesterov=True"] * bool(self.nesterov)
        shown += [f"weight_decay={self.weight_decay:g}"] * bool(self.weight_decay)
        return f"SGD({', '.join(shown)})"


def _option(name: str, value: Any, below: float = inf) -> float:
    """A number from 0 up to below a limit, as a Python float."""
    if not isinstance(value, Real) or not 0 <= float(value) < below:
        limit = "finite" if below == inf else f"below {below:g}"
        raise ValueError(f"SGD({name}={value!r}): {name} must be a number, 0 or more and {limit}.")
    return float(value)


def _same_shape(name: str, what: str, array: Any, value: Any) -> None:
    if np.shape(array) != value.shape:
        advice = {
            "gradient": "Its layer's backward must give a gradient shaped like the parameter.",
            "velocity": "It is of another network: make a new SGD for each network.",
        }
        raise GradientError(
            f"{name} has the shape {show_shape(value.shape)}, but its {what} has "
            f"{show_shape(np.shape(array))}. {advice[what]}"
        )
