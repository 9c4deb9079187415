"""A run as data: everything that the page knows, as one dictionary for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..anatomy import is_graph
from ..checking.trial import input_names, kept_random_state
from ..draw.colors import DIVERGING, DIVERGING_DARK, NOT_A_NUMBER, SEQUENTIAL
from ..draw.outline import Outline, Thing
from ..draw.texts import one_line
from ..errors import show_layer
from ..graph import Graph
from ..seat import Seat, parameters_at
from ..values import output_gradient
from .arrays import MOST_BYTES, Store
from .checks import checks_of
from .layouts import Layouts
from .run import Run, outline_of
from .tracing import rule_of
from .words import class_words

PALETTE = {
    "sequential": SEQUENTIAL,
    "diverging": DIVERGING,
    "divergingDark": DIVERGING_DARK,
    "odd": NOT_A_NUMBER,
}


def record_of(
    graph: Graph, shown: Run, dout: Any, title: str, checks: int | None = None
) -> dict[str, Any]:
    """The record of a run of a graph; `checks` elements of each gradient are checked."""
    recorder = Recorder(graph, shown, checks)
    return recorder.record(dout, title) | recorder.numbers()


class Recorder:
    """Puts a record together; classes and arrays that occur again are told once."""

    def __init__(self, graph: Graph, shown: Run, checks: int | None = None) -> None:
        self.shown, self.checks = shown, checks
        self.store = Store(batch_of(shown.graph))
        self.classes: list[dict[str, Any]] = []
        self.class_of: dict[type, int] = {}
        self.ids = ids_of(shown.graph)
        self.training = graph.training
        outline = shown.outline
        self.before = dict(zip(outline.things, outline_like(graph, outline)))
        self.node_ids = {thing.key: self._node_id(thing) for thing in outline.things}

    def record(self, dout: Any, title: str) -> dict[str, Any]:
        """Everything but the numbers of arrays."""
        from .. import __version__

        shown, outline = self.shown, self.shown.outline
        with np.errstate(all="ignore"), kept_random_state():
            nodes = [self._node(thing) for thing in outline.things]
        layouts = Layouts(shown, self.ids)
        return {
            "version": __version__,
            "title": title,
            "graph": one_line(repr(shown.graph))[:300],
            "mode": "training" if self.training else "inference",
            "dtype": None if shown.graph.dtype is None else str(shown.graph.dtype),
            "nodes": nodes,
            "values": [self._value(wire) for wire in outline.wires],
            "frames": [self._frame(frame) for frame in layouts.frames],
            "forward": self._order("forward"),
            "backward": self._order("backward"),
            "failure": self._failure(),
            "douts": self._douts(dout),
            "layouts": layouts.every(),
            "classes": self.classes,
            "batch": self.store.batch,
            "palette": PALETTE,
        }

    def numbers(self, most: int = MOST_BYTES) -> dict[str, Any]:
        """The numbers of all arrays, or of parts of them, in so many bytes."""
        return {"block": self.store.block(most), "arrays": self.store.entries}

    def _node_id(self, thing: Thing) -> str:
        return self.ids[thing.seat] + ">" * (thing.kind == "output")

    def _order(self, direction: str) -> list[str]:
        return [
            self.node_ids[event.thing.key]
            for event in self.shown.events
            if event.direction == direction
        ]

    def _failure(self) -> dict[str, Any] | None:
        failure = self.shown.failure
        if failure is None:
            return None
        return {
            "direction": failure.direction,
            "node": self.node_ids[failure.thing.key],
            "path": failure.path,
            "said": failure.said,
            "kind": failure.kind,
        }

    def _douts(self, dout: Any) -> list[Any]:
        graph = self.shown.graph
        douts = dout if isinstance(dout, (tuple, list)) and graph.num_outputs is not None else None
        every = douts or [dout] * len(graph.outputs)
        return [
            None if seat.value is None else self.store.add(output_gradient(one, seat))
            for one, seat in zip(every, graph.outputs)
        ]

    # nodes ---------------------------------------------------------------------------------------

    def _node(self, thing: Thing) -> dict[str, Any]:
        seat = thing.seat
        said: dict[str, Any] = {
            "id": self.node_ids[thing.key],
            "kind": thing.kind,
            "name": one_line(thing.name),
            "path": [self.ids[frame.seat] for frame in thing.path],
            "takes": [wire.key for wire in thing.takes],
            "gives": [w.key for w in self.shown.outline.wires if w.source is thing],
        }
        return said | self._layer(thing, seat) if thing.kind == "op" else said

    def _layer(self, thing: Thing, seat: Seat) -> dict[str, Any]:
        layer = seat.layer
        add = self.store.add
        slopes = self.shown.slopes.get(thing.key, ())
        said: dict[str, Any] = {
            "call": one_line(show_layer(layer)),
            "class": self._class(layer),
            "names": argument_names(layer, seat.count),
            "parameters": self._parameters(seat),
            "dxs": [add(dx) for dx in self.shown.returned.get(thing.key, ())],
            "slopes": [add(one) for one in slopes],
        }
        rule = rule_of(seat, slopes)
        if rule is not None:
            said["rule"] = rule
        if thing.key in self.shown.returned and not is_graph(layer):
            said["checks"] = checks_of(seat, self.before[thing].layer, self.training, self.checks)
        return said

    def _parameters(self, seat: Seat) -> list[dict[str, Any]]:
        return [
            {
                "name": one_line(held.name.removeprefix(seat.name + ".")),
                "value": self.store.add(np.asarray(held.parameter.value), batched=False),
                "grad": None
                if seat.grad is None
                else self.store.add(held.parameter.grad, batched=False),
            }
            for held in parameters_at(seat)
        ]

    def _frame(self, frame: Any) -> dict[str, Any]:
        held = parameters_at(frame.seat)
        return {
            "id": self.ids[frame.seat],
            "name": one_line(frame.seat.name),
            "path": [self.ids[outer.seat] for outer in frame.path],
            "call": one_line(show_layer(frame.seat.layer)),
            "class": self._class(frame.seat.layer),
            "parameters": sum(int(np.prod(one.parameter.shape)) for one in held),
        }

    def _class(self, layer: Any) -> int:
        cls = type(layer)
        if cls not in self.class_of:
            self.class_of[cls] = len(self.classes)
            self.classes.append(class_words(layer))
        return self.class_of[cls]

    def _value(self, wire: Any) -> dict[str, Any]:
        seat = wire.seat
        said = {
            "id": wire.key,
            "name": one_line(seat.name),
            "from": self.node_ids[wire.source.key],
            "value": self.store.add(seat.value),
            "grad": self.store.add(seat.grad),
        }
        if seat.node.name:
            said["named"] = one_line(seat.node.name)
        return said | ({} if wire.port is None else {"port": wire.port})


def ids_of(graph: Graph, path: str = "") -> dict[Seat, str]:
    """A name for each place, those in nested graphs with the names around them: "block1.norm1"."""
    ids = {}
    for seat in graph.nodes:
        ids[seat] = path + seat.name
        if isinstance(seat.layer, Graph):
            ids |= ids_of(seat.layer, f"{path}{seat.name}.")
    return ids


def outline_like(graph: Graph, outline: Outline) -> list[Seat]:
    """The seats of the graph itself, which has not run, in the order of its copy's things."""
    twins = outline_of(graph).things
    assert len(twins) == len(outline.things)
    return [twin.seat for twin in twins]


def batch_of(graph: Graph) -> int | None:
    """The size of the batch: the first axis of the first input that has several."""
    sizes = (np.shape(seat.value) for seat in graph.inputs)
    return next((shape[0] for shape in sizes if len(shape) > 1), None)


def argument_names(layer: Any, count: int) -> list[str]:
    """What the inputs are called in the layer's own forward."""
    return [one_line(name) for name in input_names(layer, count)]
