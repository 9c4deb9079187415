"""Averages of the weights over many steps, which often predict better than the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import GradientError, show_shape
from ..parameter import Shared
from .options import Options
from .state import all_taken, check_owner, taken


class WeightAverage(Options):
    """What both averages share: `update` after each step, `applied` to predict with the average.

    `values` holds the average of each parameter, by name, and `count` how many updates there were.
    The average starts as the first weights that it sees, and keeps their dtype.

    Running statistics (`BatchNorm`) belong to the weights. Average them as well, by
    `update(net.parameters() | net.buffers())`, or run through the data once, in training mode,
    while the average is applied.

    errors     GradientError for parameters of another network
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.count = 0

    def share(self) -> float:
        """How much the next weights count, from 0 to 1."""
        raise NotImplementedError(f"{type(self).__name__} needs share().")

    def update(self, parameters: Mapping[str, Shared]) -> None:
        """Take in the weights as they are now."""
        for name, parameter in parameters.items():
            if name not in self.values:
                self.values[name] = parameter.value.copy()
        self._same_network(parameters)
        share = self.share()
        for name, parameter in parameters.items():
            average = self.values[name]
            if average.dtype.kind == "f":
                average += share * (parameter.value - average)
            else:
                average[...] = parameter.value  # a count: there is no mean of it
        self.count += 1

    @contextmanager
    def applied(self, parameters: Mapping[str, Shared]) -> Iterator[None]:
        """Put the average into the parameters for a while; afterwards they are as before."""
        self._same_network(parameters)
        before = {name: parameter.value.copy() for name, parameter in parameters.items()}
        try:
            for name, parameter in parameters.items():
                parameter.value[...] = self.values[name]
            yield
        finally:
            for name, parameter in parameters.items():
                parameter.value[...] = before[name]

    def state(self) -> dict[str, Any]:
        """The averages and their number: copies, in one flat dict."""
        averages = {f"average.{name}": value.copy() for name, value in self.values.items()}
        return {f"{type(self).__name__}.count": self.count} | averages

    def load_state(self, state: Mapping[str, Any], parameters: Mapping[str, Shared]) -> None:
        """Go on from what `state()` gave; StateError if it does not fit the parameters."""
        left, counter = dict(state), f"{type(self).__name__}.count"
        check_owner(left, counter, self)
        count = taken(left, counter, 0)
        values = {}
        for name, parameter in parameters.items():
            if count:
                values[name] = taken(left, f"average.{name}", parameter.value)
        all_taken(left)
        self.count, self.values = count, values

    def _same_network(self, parameters: Mapping[str, Shared]) -> None:
        for name, parameter in parameters.items():
            if name not in self.values:
                raise GradientError(
                    f"{name} has no average in {self!r} yet: update it before it is applied."
                )
            shape = self.values[name].shape
            if shape != parameter.shape:
                raise GradientError(
                    f"{name} has the shape {show_shape(parameter.shape)}, but its average has "
                    f"{show_shape(shape)}. It is of another network: make a new "
                    f"{type(self).__name__} for each network."
                )


class ExponentialAverage(WeightAverage):
    """The older the weights, the less they count.

    update     average = decay average + (1 - decay) value
    decay      how much of the past is kept, from 0 up to below 1
    errors     ValueError for other decays; see `WeightAverage`
    source     Polyak and Juditsky, 1992; as torch.optim.swa_utils.get_ema_avg_fn

    >>> from layerwise import Parameter
    >>> W, average = Parameter([0.0]), ExponentialAverage(decay=0.75)
    >>> for value in [1.0, 2.0]:
    ...     W.value[:] = value
    ...     average.update({"W": W})
    >>> average.values["W"]
    array([1.25])
    >>> with average.applied({"W": W}):
    ...     print(W.value)
    [1.25]
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = self.number("decay", decay, below=1)
        super().__init__()

    def share(self) -> float:
        return 1 - self.decay


class StochasticAverage(WeightAverage):
    """All weights count the same: stochastic weight averaging.

    update     average += (value - average) / (number of weights so far, these among them)
    errors     see `WeightAverage`
    source     Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization,
               2018; as torch.optim.swa_utils.AveragedModel

    It is made for weights of the ends of epochs, at a constant or cyclical learning rate.

    >>> from layerwise import Parameter
    >>> W, average = Parameter([0.0]), StochasticAverage()
    >>> for value in [1.0, 2.0, 6.0]:
    ...     W.value[:] = value
    ...     average.update({"W": W})
    >>> average.values["W"]
    array([3.])
    """

    def share(self) -> float:
        return 1 / (self.count + 1)
