"""What there is to draw in a graph: things (operations, inputs, ...), wires and frames.

Nested graphs are opened here: their insides become things and wires of one flat picture, and what
goes into them or comes out of them is one wire with the value outside.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ..errors import WiringError
from ..graph import Graph
from ..node import Pick
from ..seat import Seat, name_at

MOST_THINGS = 1000  # more than that nobody can read, and laying it out takes minutes


@dataclass(eq=False)
class Frame:
    """A nested graph that is opened."""

    seat: Seat
    path: tuple[Frame, ...]  # the frames around it, from the outside in


@dataclass(eq=False)
class Thing:
    """What stands at an end of an arrow; kind: op, input, parameter, constant or output."""

    key: str
    kind: str
    name: str  # of the seat, or that under which the graph knows the parameter there
    seat: Seat
    path: tuple[Frame, ...]  # the frames it is in, from the outside in
    takes: list[Wire] = field(default_factory=list)  # what goes in, in the layer's order


@dataclass(eq=False)
class Wire:
    """One value on its way from the thing that gives it to all that take it."""

    key: str
    seat: Seat
    source: Thing
    port: int | None = None  # which output, of a layer with several
    targets: list[Thing] = field(default_factory=list)

    @property
    def labelled(self) -> bool:
        """Whether the value stands above the arrow; a constant says it itself."""
        return self.source.kind != "constant"

    @property
    def path(self) -> tuple[Frame, ...]:
        """The frames that the label is in: those of the source, as far as the value stays."""
        best: tuple[Frame, ...] = ()
        for target in self.targets:
            common = 0
            for mine, other in zip(self.source.path, target.path):
                if mine is not other:
                    break
                common += 1
            if common >= len(best):
                best = self.source.path[:common]
        return best


class Outline:
    """The things and wires of a graph, nested graphs opened `depth` levels deep (None: all).

    folded   places of nested graphs that stay closed all the same
    wire_of  the wire of each place; where a value goes in or out of an opened graph, the places
             inside and outside have the same one
    """

    def __init__(
        self, graph: Graph, depth: int | None = None, folded: Collection[Seat] = ()
    ) -> None:
        self.things: list[Thing] = []
        self.wires: list[Wire] = []
        self.wire_of: dict[Seat, Wire] = {}
        self._folded = folded
        self._add_graph(graph, (), depth)
        for seat in dict.fromkeys(graph.outputs):
            self._connect(seat, self._thing("output", seat.name, seat, ()))
        self.wires = [wire for wire in self.wires if wire.targets]

    def _add_graph(self, graph: Graph, path: tuple[Frame, ...], depth: int | None) -> None:
        for seat in graph.nodes:
            if seat in self.wire_of:
                continue  # an input of an opened graph: the wire outside goes on inside
            if isinstance(seat.layer, Pick):
                self._add_port(seat)
            elif depth != 0 and seat not in self._folded and can_be_opened(seat, graph):
                self._open(seat, path, None if depth is None else depth - 1)
            else:
                self._add_thing(seat, path, name_at(seat, graph))

    def _add_thing(self, seat: Seat, path: tuple[Frame, ...], name: str) -> None:
        thing = self._thing("op" if seat.kind == "layer" else seat.kind, name, seat, path)
        for source in seat.inputs:
            self._connect(source, thing)
        self._wire(seat, thing)

    def _add_port(self, seat: Seat) -> None:
        """One of several outputs: a wire of its own, from the layer that gives them all."""
        index, call = seat.layer.index, seat.inputs[0]
        inner = call.layer
        if call not in self.wire_of:  # the layer is a graph that was opened
            self.wire_of[seat] = self.wire_of[inner.outputs[index]]
        else:
            self._wire(seat, self.wire_of[call].source, index)

    def _open(self, seat: Seat, path: tuple[Frame, ...], depth: int | None) -> None:
        inner = seat.layer
        for source, inside in zip(seat.inputs, inner.inputs):
            self.wire_of[inside] = self.wire_of[source]
        self._add_graph(inner, (*path, Frame(seat, path)), depth)
        if inner.num_outputs is None:
            self.wire_of[seat] = self.wire_of[inner.outputs[0]]

    def _thing(self, kind: str, name: str, seat: Seat, path: tuple[Frame, ...]) -> Thing:
        if len(self.things) >= MOST_THINGS:
            raise WiringError(
                f"This graph has more than {MOST_THINGS:,} nodes to draw, which nobody can read. "
                "Fold nested graphs with draw(depth=0), or draw a part of it: a Graph that ends "
                "in an earlier node."
            )
        thing = Thing(f"t{len(self.things)}", kind, name, seat, path)
        self.things.append(thing)
        return thing

    def _connect(self, source: Seat, thing: Thing) -> None:
        wire = self.wire_of[source]
        wire.targets.append(thing)
        thing.takes.append(wire)

    def _wire(self, seat: Seat, source: Thing, port: int | None = None) -> None:
        wire = Wire(f"w{len(self.wires)}", seat, source, port)
        self.wires.append(wire)
        self.wire_of[seat] = wire


def can_be_opened(seat: Seat, graph: Graph) -> bool:
    """Whether a seat is a nested graph that can be drawn opened.

    Its several outputs must each be taken by number, for there is no wire for all of them.
    """
    inner = seat.layer
    if not isinstance(inner, Graph) or not any(one.layer is not None for one in inner.nodes):
        return False
    if inner.num_outputs is None:
        return True
    takers = [one for one in graph.nodes if seat in one.inputs]
    return seat not in graph.outputs and all(isinstance(one.layer, Pick) for one in takers)
