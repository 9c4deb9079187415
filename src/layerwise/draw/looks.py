"""What the things of a picture look like: circles with signs, boxes for layers, plain names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..anatomy import walk
from ..errors import show_layer, show_shape
from ..graph import Graph
from ..seat import Seat, parameters_at
from .labels import Label, Row, in_brief, label_for
from .outline import Thing, Wire
from .placement import Rectangle
from .shapes import Box, Shape, Text, circle
from .texts import number, one_line, shortened, shorter_call, text_width

AIR = 3.0  # around bodies, so that arrows end just before them
RADIUS = 17.0  # of the circle of an operation
NAME, REPR, SMALL = 13.0, 12.5, 10.0  # text sizes in points
WIDEST_NAME, WIDEST_BOX = 170.0, 210.0
MOST_PARAMETERS = 4  # that are listed in one box
AXIS = 7.0  # from the middle of a pair of arrows to what stands beside it


@dataclass
class Look:
    """How large a thing is, and its shapes when its middle is at (0, 0)."""

    width: float
    height: float
    round: bool
    shapes: list[Shape]


def look_of(thing: Thing, maps: bool) -> Look:
    """The look of a thing; `maps` is passed on to the labels of arrays."""
    if thing.kind == "op":
        sign = getattr(thing.seat.layer, "sign", None)
        return _operation(thing.seat, one_line(sign)) if sign else _layer(thing.seat)
    if thing.kind == "constant":
        return _plain(_constant_text(thing.seat), 11.5, "muted", f"constant {thing.seat.name}")
    role = "parameter" if thing.kind == "parameter" else "ink"
    return _plain(thing.name, NAME, role, f"{thing.kind} {thing.name}")


def _plain(text: str, size: float, role: str, title: str) -> Look:
    text = shortened(one_line(text), WIDEST_NAME, size)
    width = text_width(text, size) + 6
    shape = Text(0, size * 0.35, text, size, role, title=one_line(title))
    return Look(width, size * 1.5, False, [shape])


def stand_right(look: Look, width: float) -> None:
    """Give a name a width that others have too, and let it end at the right."""
    look.shapes = [
        replace(shape, x=width / 2 - 3, anchor="end") if isinstance(shape, Text) else shape
        for shape in look.shapes
    ]
    look.width = width


def _constant_text(seat: Seat) -> str:
    value = seat.node.value
    shown = number(value) if np.ndim(value) == 0 else show_shape(np.shape(value))
    return f"{seat.node.name} = {shown}" if seat.node.name else shown


def _operation(seat: Seat, sign: str) -> Look:
    """A circle with the sign; a longer sign makes it a capsule."""
    size = 21.0 if len(sign) == 1 else 12.0
    sign = shortened(sign, WIDEST_NAME, size)
    width = 2 * RADIUS if len(sign) == 1 else max(2 * RADIUS, text_width(sign, size) + 9)
    title = one_line(show_layer(seat.layer, seat.name))
    style: dict[str, Any] = {"fill": "circle", "line": "circle-line", "title": title}
    if width == 2 * RADIUS:
        body = circle(0, 0, RADIUS, **style)
    else:
        body = Box(-width / 2, -RADIUS, width, 2 * RADIUS, RADIUS, **style)
    text = Text(0, size * 0.35, sign, size, "ink", title=title)
    return Look(width + AIR, 2 * RADIUS + AIR, width == 2 * RADIUS, [body, text])


def _layer(seat: Seat) -> Look:
    """A box with the layer's call, its name, and its parameters."""
    layer = seat.layer
    call = type(layer).__name__ if isinstance(layer, Graph) else show_layer(layer)
    call = one_line(call).removesuffix("()")
    call = shorter_call(call, WIDEST_BOX, REPR)
    rows = [Row(call, REPR, "ink"), Row(one_line(seat.name), SMALL, "muted"), *_parameters(seat)]
    return box_of(rows, "layer", one_line(show_layer(layer, seat.name)))


def box_of(rows: list[Row], fill: str, title: str) -> Look:
    """Lines of text in a box."""
    for row in rows:
        row.text = shortened(row.text, WIDEST_BOX, row.size)
    width = max(text_width(row.text, row.size) for row in rows) + 20
    height = sum(row.height for row in rows) + 16
    body = Box(
        -width / 2, -height / 2, width, height, 7.0, fill=fill, line="layer-line", title=title
    )
    return Look(width + AIR, height + AIR, False, [body, *_column(rows, -height / 2 + 7, title)])


def _column(rows: list[Row], top: float, title: str) -> list[Shape]:
    shapes: list[Shape] = []
    for row in rows:
        shapes.append(Text(0, top + row.size, row.text, row.size, row.role, title=title))
        top += row.height
    return shapes


def _parameters(seat: Seat) -> list[Row]:
    """The parameters with their shapes and, once there are any, their gradients.

    Those of several layers inside, or of a graph, are told in brief.
    """
    held = {one.name.removeprefix(seat.name + "."): one for one in parameters_at(seat)}
    paths = {path for path, _ in walk(seat.layer)}
    inside = list(dict.fromkeys(_owner(name, paths) for name in held))
    if isinstance(seat.layer, Graph) or len(inside) > 1:
        names = [] if isinstance(seat.layer, Graph) else [one for one in inside if one]
        return _in_brief(names, [one.parameter for one in held.values()])
    rows = []
    for dotted, one in list(held.items())[:MOST_PARAMETERS]:
        name = one_line(dotted.removeprefix(f"{inside[0]}."))
        rows.append(Row(f"{name} {show_shape(one.parameter.shape)}", SMALL, "parameter"))
        rows += _gradient(f"d{name}", one.parameter.grad)
    if len(held) > MOST_PARAMETERS:
        rows.append(Row(f"… {len(held) - MOST_PARAMETERS} more", SMALL, "parameter"))
    return rows


def _owner(name: str, paths: set[str]) -> str:
    """The path of the layer that holds the parameter of this name; empty: the layer itself."""
    while name not in paths:
        name = name.rpartition(".")[0]
    return name


def _in_brief(names: list[str], parameters: list[Any]) -> list[Row]:
    """The names of the layers inside, and what there is to say of all their parameters."""
    if not parameters:
        return []
    count = sum(int(np.prod(one.shape)) for one in parameters)
    rows = [Row(one_line(", ".join(names)), SMALL, "parameter")] if names else []
    rows.append(Row(f"{count:,} parameter{'s' * (count != 1)}", SMALL, "parameter"))
    grads = [np.ravel(one.grad) for one in parameters if one.grad is not None]
    return rows + (_gradient("gradients", np.concatenate(grads)) if grads else [])


def _gradient(name: str, grad: Any) -> list[Row]:
    if grad is None:
        return []
    text, alarm = in_brief(grad)
    return [Row(f"{name} {text}", SMALL, "alarm" if alarm else "gradient")]


# beside the arrows -------------------------------------------------------------------------------


@dataclass
class Pair:
    """The labels of one wire: the value on one side of the arrows, the gradient on the other."""

    value: Label
    grad: Label
    across: bool  # the arrows run from left to right

    @property
    def size(self) -> tuple[float, float]:
        (w1, h1), (w2, h2) = self.value.size, self.grad.size
        if self.across:
            return max(w1, w2, 18.0) + 6, 2 * (max(h1, h2) + AXIS)
        return 2 * (max(w1, w2) + AXIS + 3), max(h1, h2, 14.0) + 6

    @property
    def body(self) -> Rectangle:
        """What is really filled, when the middle is at (0, 0)."""
        (w1, h1), (w2, h2) = self.value.size, self.grad.size
        width, height = self.size
        if self.across:
            return Rectangle(-width / 2, -h1 - AXIS, width, h1 + h2 + 2 * AXIS)
        return Rectangle(-w1 - AXIS - 3, -height / 2, w1 + w2 + 2 * AXIS + 6, height)

    def shapes(self, x: float, y: float) -> list[Shape]:
        (w1, h1), (w2, h2) = self.value.size, self.grad.size
        if self.across:
            above = self.value.shapes(x, y - AXIS - h1, map_first=True)
            return above + self.grad.shapes(x, y + AXIS, map_first=False)
        left = self.value.shapes(x - AXIS - 3 - w1 / 2, y - h1 / 2, map_first=True)
        return left + self.grad.shapes(x + AXIS + 3 + w2 / 2, y - h2 / 2, map_first=False)


def pair_of(wire: Wire, across: bool, maps: bool) -> Pair:
    """The labels of a wire; a name that was given to the value stands above it."""
    seat = wire.seat
    value = label_for(seat.value, one_line(f"value of {seat.name}"), gradient=False, maps=maps)
    grad = label_for(seat.grad, one_line(f"gradient of {seat.name}"), gradient=True, maps=maps)
    names = []
    if wire.port is not None:
        names.append(f"[{wire.port}]")
    at_the_end = any(target.kind == "output" and target.seat is seat for target in wire.targets)
    if seat.node.name and wire.source.kind == "op" and not at_the_end:
        names.append(one_line(seat.node.name))
    if names:
        text = shortened(" ".join(names), 110, SMALL)
        value.rows.insert(0, Row(text, SMALL, "muted"))
    return Pair(value, grad, across)
