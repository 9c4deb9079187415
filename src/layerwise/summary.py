"""A graph as a table of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import show_layer, show_shape
from .seat import Seat, name_at, parameters_at
from .tables import Text, table

if TYPE_CHECKING:
    from .graph import Graph


def summary(graph: Graph) -> Text:
    """Every node by name: its layer, where its inputs come from, its shape, its parameters.

    A parameter that is used in several places is counted at the first.
    """
    rows: list[list[str]] = []
    counted: set[int] = set()
    for seat in graph.nodes:
        found = {id(held.parameter): held.parameter for held in parameters_at(seat)}
        new = sum(int(np.prod(p.shape)) for key, p in found.items() if key not in counted)
        counted |= found.keys()
        shape = seat.shape if seat.value is None else shape_of(seat.value)
        rows.append(
            [
                seat.name,
                kind_at(seat, graph) if seat.layer is None else show_layer(seat.layer),
                ", ".join(source.name for source in seat.inputs),
                show_shape(shape),
                f"{new:,}" if found else "",
            ]
        )
    total = sum(int(np.prod(p.shape)) for p in graph.held_parameters.values())
    head = ["name", "layer", "from", "output", "parameters"]
    return Text(f"{table(head, rows)}\n{total:,} parameters")


def kind_at(seat: Seat, graph: Graph) -> str:
    """What stands at a place without a layer; a parameter that is also elsewhere by its name."""
    known = name_at(seat, graph)
    return seat.kind if known == seat.name else f"{seat.kind} {known}"


def shape_of(value: Any) -> Any:
    """The shape of a value, or those of the values of a layer with several outputs."""
    return tuple(map(np.shape, value)) if isinstance(value, tuple) else np.shape(value)
