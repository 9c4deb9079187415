"""One step of copies of network, loss and optimizer, and everything that can be seen in it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...anatomy import is_graph
from ...errors import describe, show_layer
from ...optim import LBFGS
from ...seat import Seat, parameters_at
from ..checks import TrainingError
from .findings import LayerRow


class Place(NamedTuple):
    """A layer that is no graph, in the network or in a graph inside it."""

    name: str
    seat: Seat

    @property
    def title(self) -> str:
        return show_layer(self.seat.layer, self.name)


def places(graph: Any, prefix: str = "") -> Iterator[Place]:
    """All layers, in the order of forward, with their dotted names."""
    for seat in graph.nodes:
        if is_graph(seat.layer):
            yield from places(seat.layer, f"{prefix}{seat.name}.")
        elif seat.layer is not None:
            yield Place(prefix + seat.name, seat)


class Copies:
    """Copies of network, loss and optimizer; whatever they do, the originals do not notice."""

    def __init__(self, net: Any, loss: Any, optimizer: Any) -> None:
        self.net, self.loss, self.optimizer = copy.deepcopy((net, loss, optimizer))
        self.net.training = True
        self.out: Any = None  # what the network gave last

    def gradients(self, x: Any, t: Any) -> float:
        """Forward and, if the loss is finite, backward; the loss."""
        self.out = self.net.forward(x)
        loss = self.loss.forward(self.out, t)
        if np.shape(loss) != ():
            raise TrainingError(
                f"{self.loss!r} gave {describe(loss)} instead of one number for the batch. "
                'Let it take the mean: reduction="mean".'
            )
        if np.isfinite(loss):
            dx = self.loss.backward(1)
            self.net.backward(dx[0] if isinstance(dx, (tuple, list)) else dx)
        return float(loss)

    def step(self, x: Any, t: Any) -> float:
        """One step of training; the loss before it."""
        if isinstance(self.optimizer, LBFGS):
            losses: list[float] = []

            def closure() -> float:
                losses.append(self.gradients(x, t))
                return losses[-1]

            self.optimizer.step(self.net.parameters(), closure)
            return losses[0]
        loss = self.gradients(x, t)
        if np.isfinite(loss):
            self.optimizer.step(self.net.parameters())
        return loss


class Probe(Copies):
    """What one step has shown.

    out        what the network gave, in training
    predicted  the same in inference
    loss_now   the loss
    layers     a `LayerRow` for each layer with weights
    """

    def __init__(self, net: Any, loss: Any, optimizer: Any, x: Any, t: Any) -> None:
        super().__init__(net, loss, optimizer)
        self.x, self.t = x, t
        self.predicted = self.net.predict(x)
        self.loss_now = self.gradients(x, t)
        self.finite = bool(np.isfinite(self.loss_now))
        self.places = list(places(self.net))
        self.weights = {  # before the step
            name: parameter.value.copy() for name, parameter in self.net.parameters().items()
        }
        self.steps = self.changes() if self.finite else {}
        self.layers = [self.row(place) for place in self.places if weights_at(place.seat)]

    def changes(self) -> dict[str, float]:
        """How much the next step changes each matrix of weights, beside its size.

        L-BFGS searches for the length of its step, so there is nothing to say of it.
        """
        if isinstance(self.optimizer, LBFGS):
            return {}
        parameters = self.net.parameters()
        self.optimizer.step(parameters)
        return {
            name: length(parameters[name].value - before) / length(before)
            for name, before in self.weights.items()
            if before.ndim > 1 and before.any()  # biases begin at 0
        }

    def row(self, place: Place) -> LayerRow:
        """What was seen of a layer with weights."""
        seat = place.seat
        value, gradient = numbers_of(seat.value), numbers_of(seat.grad)
        of_it = [self.steps[name] for name in self.names_at(place) if name in self.steps]
        return LayerRow(
            place.name,
            length(value) / max(value.size, 1) ** 0.5 if value.size else None,
            length(gradient) if gradient.size else None,
            max(of_it, default=None),
        )

    def names_at(self, place: Place) -> list[str]:
        """The names of the weights at a place, as the network knows them."""
        known = {id(parameter): name for name, parameter in self.net.parameters().items()}
        return [known[id(one)] for one in weights_at(place.seat) if id(one) in known]


def weights_at(seat: Seat) -> list[Any]:
    """The parameters of a layer, and those that it is wired to."""
    wired = [source.node.value for source in seat.inputs if source.kind == "parameter"]
    return [held.parameter for held in parameters_at(seat)] + wired


def numbers_of(value: Any) -> Any:
    """All numbers of an array, or of several, in one row; none where there are none."""
    several = value if isinstance(value, tuple) else (value,)
    flat: list[Any] = [np.ravel(one).astype(float) for one in several if one is not None]
    return np.concatenate(flat) if flat else np.zeros(0)


def length(numbers: Any) -> float:
    """The Euclidean length of all numbers together, in double precision."""
    return float(np.sqrt(np.sum(np.square(numbers, dtype=float))))
