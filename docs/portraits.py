"""The picture of a layer with the numbers of its example: in, out, and the gradients back.

The value stands above its arrow and the gradient below it, as in all pictures of layerwise.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from recorded import Example

from layerwise.draw.curves import arrow, straight
from layerwise.draw.shapes import Box, Point, Scene, Shape, Text
from layerwise.draw.texts import number, shortened, text_width
from layerwise.errors import show_shape

NUMBER, SMALL, NAME = 11.5, 10.0, 13.0  # text sizes in points
ROW, PADDING = 17.0, 5.0  # of a field of numbers
MOST_ROWS, MOST_COLUMNS = 9, 8  # that are shown; of a larger array only its shape
MOST_PARAMETERS, MOST_LINES = 4, 6  # that are shown with numbers, and at all
MOST_OF_A_PARAMETER = 4  # columns
MARGIN, WIRE, GAP = 14.0, 66.0, 18.0  # around all, the shortest arrow, between two wires
SPLIT, BESIDE = 2.6, 7.0  # from the middle of a pair of arrows to each, and to what it carries
ROOM = 18.0  # of the layer above its first arrow and below its last
WIDEST_CALL = 210.0
ROUNDING = 1e-7  # what is smaller differs from machine to machine and counts as 0


@dataclass
class Block:
    """Shapes with a size, their upper left corner at (0, 0)."""

    width: float = 0.0
    height: float = 0.0
    shapes: list[Shape] = field(default_factory=list)

    def at(self, x: float, y: float) -> list[Shape]:
        return [replace(one, x=one.x + x, y=one.y + y) for one in self.shapes]


def portrait(example: Example) -> Scene:
    """A layer between the numbers that go in and those that come out."""
    ins = [
        Wire(name, value, gradient)
        for name, value, gradient in zip(example.names, example.inputs, example.gradients)
    ]
    outs = [Wire("", value, dout) for value, dout in zip(example.outputs, example.douts)]
    body = _body(example.layer)
    height = max(_height(ins), _height(outs), body.height) + 2 * MARGIN
    names = max(text_width(wire.name, NAME) for wire in ins) + 8
    widths = [max(wire.width for wire in wires) for wires in (ins, outs)]
    left = MARGIN + names + widths[0]
    low, high = (height - body.height) / 2, (height + body.height) / 2
    top = min(low, *(_first_arrow(wires, height) - ROOM for wires in (ins, outs)))
    bottom = max(high, *(_last_arrow(wires, height) + ROOM for wires in (ins, outs)))
    frame = Box(left, top, body.width, bottom - top, 7, "layer", "layer-line")
    shapes: list[Shape] = [frame, *body.at(left, (top + bottom - body.height) / 2)]
    shapes += _wires(ins, MARGIN + names, widths[0], height)
    shapes += _wires(outs, left + body.width, widths[1], height)
    width = left + body.width + widths[1] + MARGIN
    return Scene(width, height, shapes, f"{example.layer!r} with the numbers of its example")


# wires -------------------------------------------------------------------------------------------


class Wire:
    """A value on its way forward, above a pair of arrows, and its gradient back, below them."""

    def __init__(self, name: str, value: Any, gradient: Any) -> None:
        self.name = name
        self.value = numbers(value, "ink")
        self.grad = Block() if gradient is None else numbers(gradient, "gradient")
        self.learns = gradient is not None
        self.width = max(WIRE, self.value.width + 22, self.grad.width + 22)
        self.above = self.value.height + BESIDE
        self.height = self.above + max(BESIDE + self.grad.height, ROOM)

    def shapes(self, x: float, y: float, width: float) -> list[Shape]:
        """The arrows at height y from x on, with what they carry."""
        split = SPLIT if self.learns else 0
        start, end = x + 2, x + width - 2
        forward = straight(Point(start, y - split), Point(end, y - split))
        shapes = arrow(forward, "forward", 1.3)
        if self.learns:
            back = straight(Point(end, y + split), Point(start, y + split))
            shapes += arrow(back, "gradient", 1.5)
        middle = x + width / 2
        shapes += self.value.at(middle - self.value.width / 2, y - self.above)
        shapes += self.grad.at(middle - self.grad.width / 2, y + BESIDE)
        if self.name:
            shapes.append(Text(x - 4, y + NAME * 0.35, self.name, NAME, "ink", "end"))
        return shapes


def _height(wires: list[Wire]) -> float:
    return sum(wire.height for wire in wires) + GAP * (len(wires) - 1)


def _first_arrow(wires: list[Wire], height: float) -> float:
    return (height - _height(wires)) / 2 + wires[0].above


def _last_arrow(wires: list[Wire], height: float) -> float:
    return (height + _height(wires)) / 2 - wires[-1].height + wires[-1].above


def _wires(wires: list[Wire], x: float, width: float, height: float) -> list[Shape]:
    """Wires below one another, in the middle of the height."""
    shapes: list[Shape] = []
    y = (height - _height(wires)) / 2
    for wire in wires:
        shapes += wire.shapes(x, y + wire.above, width)
        y += wire.height + GAP
    return shapes


# the layer ---------------------------------------------------------------------------------------


def _body(layer: Any) -> Block:
    """The call that makes the layer, its sign if it has one, and its parameters."""
    sign = getattr(layer, "sign", None) or ""
    rows = [_line(sign, 21.0, "ink")] if len(sign) == 1 else []
    size = SMALL if rows else NAME
    rows += [_line(text, size, "ink") for text in wrapped(repr(layer).removesuffix("()"), size)]
    rows += _parameters(layer)
    width = max(row.width for row in rows) + 24
    block = Block(width, 10.0)
    for row in rows:
        block.shapes += row.at((width - row.width) / 2, block.height)
        block.height += row.height + 5
    block.height += 5
    return block


def wrapped(call: str, size: float) -> list[str]:
    """A call in lines that are not too wide, broken behind commas or the first bracket.

    >>> wrapped("MaxPool2d(2, stride=1, padding=(0, 1))", 13)
    ['MaxPool2d(2, stride=1,', 'padding=(0, 1))']
    """
    lines = [""]
    for part in re.split(r"(?<=,)(?= )|(?<=\w\()", call):
        if lines[-1] and text_width(lines[-1] + part, size) > WIDEST_CALL:
            lines.append("")
        lines[-1] = (lines[-1] + part).lstrip()
    return [shortened(line, 1.5 * WIDEST_CALL, size) for line in lines]


def _line(text: str, size: float, role: str) -> Block:
    width = text_width(text, size)
    return Block(width, size * 1.2, [Text(width / 2, size * 0.95, text, size, role)])


def _parameters(layer: Any) -> list[Block]:
    """Few parameters with their gradients, many as a list of their shapes."""
    held = layer.parameters()
    if len(held) <= MOST_PARAMETERS:
        return [_parameter(name, parameter) for name, parameter in held.items()]
    lines = [f"{name} {show_shape(parameter.shape)}" for name, parameter in held.items()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"… {len(lines) - MOST_LINES + 1} more"]
    return [_line(line, SMALL, "parameter") for line in lines]


def _parameter(name: str, parameter: Any) -> Block:
    """A parameter and its gradient beside it, with their numbers where these are few."""
    parts = [(name, parameter.value, "parameter"), (f"d{name}", parameter.grad, "gradient")]
    block = Block()
    for word, value, role in parts:
        block.width += 14 if block.shapes else 0
        wide, shown = text_width(word, SMALL) + 5, numbers(value, role, MOST_OF_A_PARAMETER)
        block.height = max(block.height, shown.height)
        middle = shown.height / 2 + SMALL * 0.35
        block.shapes.append(Text(block.width, middle, word, SMALL, role, "start"))
        block.shapes += shown.at(block.width + wide, 0)
        block.width += wide + shown.width
    return block


# numbers -----------------------------------------------------------------------------------------


def numbers(value: Any, role: str, most: int = MOST_COLUMNS) -> Block:
    """A number as it is, an array of few columns as fields of numbers, a large one as its shape."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        array = np.where(abs(array) < ROUNDING, 0, array)
    if array.ndim == 0:
        return _line(_text(array[()]), NUMBER, role)
    matrices = array.reshape(-1, *array.shape[-2:]) if array.ndim > 1 else array.reshape(1, 1, -1)
    count, rows, columns = matrices.shape
    if array.size == 0 or count * rows > MOST_ROWS or columns > most:
        return _card(array, role)
    texts = [[[_text(one) for one in row] for row in matrix] for matrix in matrices]
    cell = max(text_width(one, NUMBER) for matrix in texts for row in matrix for one in row) + 9
    block = Block(columns * cell + PADDING)
    for matrix in texts:
        block.height += 3 if block.shapes else 0
        block.shapes += _field(matrix, cell, role, block.height)
        block.height += rows * ROW + PADDING
    return block


def _field(texts: list[list[str]], cell: float, role: str, top: float) -> list[Shape]:
    """Rows of numbers in a frame."""
    size = len(texts[0]) * cell + PADDING, len(texts) * ROW + PADDING
    shapes: list[Shape] = [Box(0, top, *size, 4, "frame", "frame-line", 0.9)]
    for i, row in enumerate(texts):
        y = top + PADDING / 2 + (i + 0.5) * ROW + NUMBER * 0.35
        for j, text in enumerate(row):
            shapes.append(Text(PADDING / 2 + (j + 0.5) * cell, y, text, NUMBER, role))
    return shapes


def _card(array: Any, role: str) -> Block:
    """The shape of an array on a card, which has others behind it if there are many matrices."""
    text = show_shape(array.shape)
    width, height = text_width(text, NUMBER) + 16, 26.0
    behind = min(math.prod(array.shape[:-2]), 3) - 1 if array.ndim > 2 else 0
    shapes: list[Shape] = [
        Box(4.0 * i, 4.0 * (behind - i), width, height, 4, "frame", "frame-line", 0.9)
        for i in range(behind, -1, -1)
    ]
    middle = 4 * behind + height / 2 + NUMBER * 0.35
    shapes.append(Text(width / 2, middle, text, NUMBER, role))
    return Block(width + 4 * behind, height + 4 * behind, shapes)


def _text(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    return number(value, digits=3)
