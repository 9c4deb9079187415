"""One run, forward and backward, with everything that the page will show of it.

The graph runs on a copy, layer by layer as written. Around each layer's forward and backward stands
a witness that notes the order, what every input got back, and where the run stopped if it failed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..anatomy import is_floating
from ..draw.outline import Outline, Thing
from ..engine import engine
from ..errors import LayerError, WiringError
from ..graph import Graph
from ..seat import Seat, back_runner
from ..values import NUMBERS, as_many

LEVELS = (None, 2, 1, 0)  # how deep nested graphs are opened: as deep as there is room for


class Event(NamedTuple):
    """A layer was run."""

    direction: str  # "forward" or "backward"
    thing: Thing


class Failure(NamedTuple):
    """Where and why a run stopped."""

    direction: str
    thing: Thing
    path: list[str]  # the names from the outermost graph to the layer
    said: str
    kind: str  # the class of the first error


@dataclass
class Run:
    """What one run of a graph has shown."""

    graph: Graph  # the copy that has run, with its numbers
    outline: Outline
    events: list[Event] = field(default_factory=list)
    returned: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # by thing: its dx
    slopes: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # by thing: local derivatives
    failure: Failure | None = None


def run(graph: Graph, args: tuple[Any, ...], named: dict[str, Any], dout: Any) -> Run:
    """Run a copy of the graph forward and backward; a layer that fails ends it without an error.

    errors   what `forward` says of inputs that do not fit the graph, and `backward` of `dout`
    """
    for parameter in graph.held_parameters.values():
        parameter.value  # noqa: B018  drawn now, so that the copy has the same numbers
    twin = copy.deepcopy(graph)
    shown = Run(twin, outline_of(twin))
    witness = Witness(shown)
    for thing in shown.outline.things:
        if thing.kind == "op":
            witness.stand_by(thing)
    direction = "forward"
    with engine("numpy"), np.errstate(all="ignore"):  # what overflows is to be seen in the page
        try:
            twin.forward(*args, **named)
            direction = "backward"
            twin.backward(dout)
        except LayerError as error:
            shown.failure = witness.failure(direction, error)
    return shown


def outline_of(graph: Graph) -> Outline:
    """The things and wires of a graph, opened as deep as there is room for in a page."""
    for depth in LEVELS:
        try:
            return Outline(graph, depth)
        except WiringError as error:
            too_large = error
    raise too_large


class Witness:
    """Stands around the layers of a graph and notes what they do."""

    def __init__(self, shown: Run) -> None:
        self.shown = shown

    def stand_by(self, thing: Thing) -> None:
        """Have each run of one layer noted."""
        seat = thing.seat
        forward, backward = seat.run, seat.run_back

        def seen_forward(*inputs: Any) -> Any:
            out = forward(*inputs)
            self.shown.events.append(Event("forward", thing))
            return out

        def seen_backward(dout: Any) -> Any:
            dxs = one_for_each(backward(dout), seat)
            self.shown.returned[thing.key] = dxs
            self.shown.slopes[thing.key] = local_slopes(seat, dout)
            self.shown.events.append(Event("backward", thing))
            return dxs

        seat.run, seat.run_back = seen_forward, seen_backward

    def failure(self, direction: str, error: LayerError) -> Failure:
        """Where it stopped: at a layer, or at the first one of a graph that refuses its inputs."""
        thing = next(one for one in self.shown.outline.things if is_at(one, error.path))
        if self.shown.events[-1:] == [Event(direction, thing)]:
            self.shown.events.pop()  # it ran, but the graph refused what it returned
            if direction == "backward":
                self.shown.returned.pop(thing.key)
        cause = error.__cause__ or error
        return Failure(direction, thing, error.path, error.said, type(cause).__name__)


def is_at(thing: Thing, path: list[str]) -> bool:
    """Whether an operation is at a path of names, or inside the nested graph there."""
    names = [*(frame.seat.name for frame in thing.path), thing.seat.name]
    return thing.kind == "op" and names[: len(path)] == path[: len(names)]


# local derivatives -------------------------------------------------------------------------------


def local_slopes(seat: Seat, dout: Any) -> tuple[Any, ...]:
    """For each input the derivative of the output by it, where that is one number per element.

    That holds for single numbers and for layers that work on each element by itself: whatever the
    upstream gradient, what comes back is it times the same numbers. So the layer is asked twice,
    with ones and with numbers drawn by chance, on a copy. None: it is not so.
    """
    none = (None,) * seat.count
    out = seat.value
    sources = [source.value for source in seat.inputs]
    if isinstance(out, tuple) or (not is_floating(dout) and type(dout) not in NUMBERS):
        return none
    if all(np.shape(x) != np.shape(out) or isinstance(x, tuple) for x in sources):
        return none
    try:
        ones, other = _like(out, None), _like(out, np.random.default_rng(0))
        first, second = (_asked(seat, d) for d in (ones, other))
    except Exception:
        return none  # a layer that can be asked only once
    return tuple(
        dx if np.shape(x) == np.shape(out) and _is_local(dx, again, other) else None
        for x, dx, again in zip(sources, first, second)
    )


def _like(out: Any, rng: Any) -> Any:
    """An upstream gradient for an output: ones, or numbers drawn by chance."""
    numbers = np.ones(np.shape(out)) if rng is None else rng.uniform(0.5, 2.0, np.shape(out))
    if isinstance(out, np.ndarray):
        return numbers.astype(out.dtype if is_floating(out) else np.float64)
    return float(numbers) if type(out) in NUMBERS else np.result_type(out, 0.5).type(numbers)


def _asked(seat: Seat, dout: Any) -> tuple[Any, ...]:
    layer = copy.deepcopy(seat.layer)  # with parameters of its own, whose gradients nobody reads
    return one_for_each(back_runner(layer)(dout), seat)


def one_for_each(dxs: Any, seat: Seat) -> tuple[Any, ...]:
    """A gradient for each input, from whatever a backward returned."""
    return dxs if type(dxs) is tuple and len(dxs) == seat.count else as_many(dxs, seat)


def _is_local(dx: Any, again: Any, other: Any) -> bool:
    if dx is None or again is None or np.shape(dx) != np.shape(other):
        return False
    dtype = np.result_type(dx, 0.0) if isinstance(dx, np.ndarray) else np.dtype(float)
    close = 100 * float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    return bool(np.allclose(np.asarray(dx) * other, again, rtol=close, atol=0, equal_nan=True))
