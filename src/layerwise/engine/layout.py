"""The layout of a graph: its places in one list, graphs inside graphs taken apart.

Every value has a number. A graph that stands in another shares the numbers of what goes in and out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..anatomy import attributes, is_graph
from ..graph import Graph
from ..seat import Seat, parameters_at


@dataclass(eq=False)
class Place:
    """A layer that is run: where it stands, and the numbers of its inputs and of its output."""

    graph: Graph
    seat: Seat
    path: list[Seat]  # the places of the graphs around it, from the outside in
    sources: list[int]
    out: int
    op: Any = None  # what computes it, if there are kernels for it
    learns: bool = False  # whether a parameter is here or further up
    parameters: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        return ".".join([*(seat.name for seat in self.path), self.seat.name])


class Layout:
    def __init__(self, graph: Graph) -> None:
        self.count = 0
        self.places: list[Place] = []
        self.leaves: list[tuple[Graph, Seat, int]] = []  # constants, and parameters by themselves
        self.shown: list[tuple[Graph, int, int]] = []  # graph, slot, number of the value
        self.constants: list[tuple[Graph, int]] = []  # graph, slot
        self.graphs: list[Graph] = []
        self.learning: set[int] = set()  # the values that a parameter is behind
        self.users: dict[int, list[Place]] = {}  # the places that a value goes to
        self.declared: dict[int, list[Seat]] = {}  # inputs of inner graphs that say their shape
        numbers = self._take(graph, [], [])
        self.inputs = [numbers[seat.slot] for seat in graph.inputs]
        self.outputs = [numbers[seat.slot] for seat in graph.outputs]

    def _take(self, graph: Graph, given: list[int], path: list[Seat]) -> dict[int, int]:
        """Take in the nodes of a graph; gives the number of each slot."""
        self.graphs.append(graph)
        numbers = dict(zip((seat.slot for seat in graph.inputs), given))
        for seat, number in zip(graph.inputs, given):
            if seat.node.shape is not None:
                self.declared.setdefault(number, []).append(seat)
        for seat in graph.nodes:
            if seat.slot in numbers:
                continue
            sources = [numbers[source.slot] for source in seat.inputs]
            if seat.layer is not None and can_open(seat.layer):
                inner = self._take(seat.layer, sources, [*path, seat])
                numbers[seat.slot] = inner[seat.layer.outputs[0].slot]
                continue
            number = numbers[seat.slot] = self.count
            self.count += 1
            held = [one.parameter for one in parameters_at(seat)]
            learns = bool(held) or not self.learning.isdisjoint(sources)
            if learns:
                self.learning.add(number)
            if seat.layer is not None:
                place = Place(graph, seat, path, sources, number, learns=learns, parameters=held)
                self.places.append(place)
                for source in sources:
                    self.users.setdefault(source, []).append(place)
            elif seat.kind != "input":
                self.leaves.append((graph, seat, number))
        self.shown += [(graph, slot, number) for slot, number in numbers.items()]
        self.constants += [(graph, one.slot) for one in graph.nodes if one.kind == "constant"]
        return numbers


def can_open(layer: Any) -> bool:
    """Whether it is a graph that does nothing but run its layers."""
    return (
        is_graph(layer)
        and type(layer).forward is Graph.forward
        and type(layer).backward is Graph.backward
        and not {"forward", "backward"} & attributes(layer).keys()
        and layer.num_outputs is None
        and layer.dtype is not None
        and all(seat.dtype is None for seat in layer.inputs)
    )
