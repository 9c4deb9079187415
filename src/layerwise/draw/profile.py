"""How long each layer took in the last run: its time in its box, its share of all as a colour."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from ..errors import OrderError, show_layer, show_shape
from ..graph import Graph
from .labels import Label, Row
from .looks import NAME, REPR, SMALL, Look, Pair, box_of, look_of
from .outline import Thing, Wire
from .shapes import Box, Shape, Text
from .texts import one_line, shorter_call, text_width

BOUNDS = (0.01, 0.03, 0.1, 0.3)  # shares at which the next colour begins
HEAD = 32.0  # the height of the legend
SWATCH = 13.0  # a side of one of its squares
WIDEST = 210.0  # of a call


class Profile:
    """The times of the engine's steps, and how a picture tells them.

    A layer that is computed together with the one before it has no time of its own forward: what
    both took stands there.
    """

    def __init__(self, graph: Graph) -> None:
        plan = graph._plan
        if plan is None:
            raise OrderError(
                'draw(color="time") shows how long the compiled engine took, but there is no run '
                'of it to show. Run forward and backward inside: with layerwise.engine("compiled").'
            )
        self.steps: list[tuple[str, tuple[str, ...], float]] = plan.times()
        self.all = sum(seconds for _, _, seconds in self.steps) or 1e-9

    def look_of(self, thing: Thing) -> Look:
        """A layer with its time, coloured by its share; other things as they always are."""
        if thing.kind != "op":
            return look_of(thing, maps=False)
        name = ".".join([*(frame.seat.name for frame in thing.path), thing.seat.name])
        took = {way: self.seconds(name, way) for way in ("forward", "backward")}
        share = sum(took.values()) / self.all
        fill = f"time-{sum(share >= bound for bound in BOUNDS)}"
        said = ", ".join(f"{brief(seconds)} {way}" for way, seconds in took.items())
        title = f"{one_line(show_layer(thing.seat.layer, thing.seat.name))}: {said}"
        if getattr(thing.seat.layer, "sign", None):
            look = look_of(thing, maps=False)
            body, sign = look.shapes
            assert isinstance(body, Box) and isinstance(sign, Text)
            look.shapes = [replace(body, fill=fill, title=title), replace(sign, title=title)]
            return look
        layer = thing.seat.layer
        call = type(layer).__name__ if isinstance(layer, Graph) else show_layer(layer)
        call = shorter_call(one_line(call).removesuffix("()"), WIDEST, REPR)
        rows = [Row(call, REPR, "ink"), Row(one_line(thing.seat.name), SMALL, "ink")]
        if share:
            percent = f"{share:.0%}".replace("%", " %") if share >= 0.005 else "< 1 %"
            rows.append(Row(f"{brief(sum(took.values()))} · {percent}", NAME, "ink"))
        first = self.computed_with(name)
        if first:
            rows.append(Row(f"forward: in {first}", SMALL, "ink"))
        return box_of(rows, fill, title)

    def seconds(self, name: str, direction: str) -> float:
        """What a place took, with all that is inside it."""
        return sum(
            seconds
            for way, names, seconds in self.steps
            if way == direction and is_in(names[0], name)
        )

    def computed_with(self, name: str) -> str:
        """The place before it, if both are computed by one step."""
        found = (names[0] for _, names, _ in self.steps if name in names[1:])
        return next(found, "").rpartition(".")[2]

    def pair_of(self, wire: Wire, across: bool) -> Pair:
        """Beside an arrow there is the shape alone."""
        shape = getattr(wire.seat.values[wire.seat.slot], "shape", ())
        rows = [Row(show_shape(shape), SMALL, "muted")] if shape else []
        return Pair(Label(rows), Label(), across)

    def legend(self, x: float, y: float) -> list[Shape]:
        """The colours, and which shares they stand for."""
        edges = [f"{bound:.0%}"[:-1] for bound in BOUNDS]
        says = [f"< {edges[0]} %", *(f"{a}–{b} %" for a, b in pairwise(edges))]
        texts = [*says, f"> {edges[-1]} %"]
        middle = y + HEAD / 2
        head = f"share of {brief(self.all)}"
        shapes: list[Shape] = [Text(x, middle, head, SMALL + 1, "muted", "start")]
        x += text_width(head, SMALL + 1) + 14
        for level, text in enumerate(texts):
            top = middle - SWATCH + 3
            shapes.append(
                Box(x, top, SWATCH, SWATCH, 3.0, f"time-{level}", "layer-line", line_width=1)
            )
            shapes.append(Text(x + SWATCH + 5, middle, text, SMALL + 1, "muted", "start"))
            x += SWATCH + 19 + text_width(text, SMALL + 1)
        return shapes


def is_in(name: str, place: str) -> bool:
    """Whether a step of this name belongs to a place, or to something inside it."""
    return name == place or name.startswith(place + ".")


def brief(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> brief(0.00021), brief(0.0123), brief(2)
    ('210 µs', '12.3 ms', '2.0 s')
    """
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.09995:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e3:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"
