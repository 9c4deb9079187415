"""Where everything is: what the layout finds out and the picture is drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .outline import Frame
from .shapes import Curve, Point


@dataclass
class Rectangle:
    """An upright rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def around(cls, center: Point, size: tuple[float, float]) -> Rectangle:
        return cls(center.x - size[0] / 2, center.y - size[1] / 2, *size)

    def moved(self, dx: float, dy: float) -> Rectangle:
        return replace(self, x=self.x + dx, y=self.y + dy)

    def turned(self) -> Rectangle:
        """With x and y exchanged."""
        return Rectangle(self.y, self.x, self.height, self.width)

    @property
    def end(self) -> Point:
        """The lower right corner."""
        return Point(self.x + self.width, self.y + self.height)

    def touches(self, other: Rectangle, air: float = 0.0) -> bool:
        """Whether the two come closer than `air`."""
        return (
            self.x - air < other.x + other.width
            and other.x < self.x + self.width + air
            and self.y - air < other.y + other.height
            and other.y < self.y + self.height + air
        )

    def holds(self, p: Point, air: float = 0.0) -> bool:
        """Whether a point is inside, or closer than `air`."""
        return (
            self.x - air < p.x < self.x + self.width + air
            and self.y - air < p.y < self.y + self.height + air
        )


@dataclass
class Sizes:
    """Width and height of all things and labels by key, and which of them are circles."""

    of: dict[str, tuple[float, float]]
    round: set[str]
    frame_titles: dict[Frame, float]  # their widths
    gap: float  # from rank to rank
    bodies: dict[str, Rectangle]  # what is really filled of a label, when its middle is (0, 0)


@dataclass
class Branch:
    """The way of a wire from a fork to one of its targets, as which of the inputs there.

    It goes on to the next row where `target` is no thing but the end of a row.
    """

    wire: str
    row: int
    target: str
    number: int
    curve: Curve

    @property
    def goes_on(self) -> bool:
        return self.target == end_key(self.wire, self.row)


def start_key(wire: str, row: int) -> str:
    """The key of the point where a wire comes in at the beginning of a row."""
    return f"{wire}_on{row}"


def end_key(wire: str, row: int) -> str:
    """The key of the point where a wire goes out at the end of a row."""
    return f"{wire}_out{row}"


@dataclass
class Placement:
    """The places of all things and labels by key, the ways of all wires, the frames."""

    row: int = 0
    centers: dict[str, Point] = field(default_factory=dict)
    trunks: dict[str, Curve] = field(default_factory=dict)  # from the thing to the fork
    branches: list[Branch] = field(default_factory=list)  # from the forks to the targets
    frames: list[tuple[Frame, Rectangle]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def add(self, part: Placement, dx: float, dy: float) -> None:
        """Take in what is in another placement, moved."""

        def moved(curve: Curve) -> Curve:
            return [Point(p.x + dx, p.y + dy) for p in curve]

        self.centers |= {key: Point(p.x + dx, p.y + dy) for key, p in part.centers.items()}
        self.trunks |= {key: moved(curve) for key, curve in part.trunks.items()}
        self.branches += [replace(one, curve=moved(one.curve)) for one in part.branches]
        self.frames += [(frame, r.moved(dx, dy)) for frame, r in part.frames]

    def turned(self) -> Placement:
        """With x and y exchanged: what ran downward runs to the right."""

        def turn(curve: Curve) -> Curve:
            return [Point(p.y, p.x) for p in curve]

        return Placement(
            self.row,
            {key: Point(p.y, p.x) for key, p in self.centers.items()},
            {key: turn(curve) for key, curve in self.trunks.items()},
            [replace(one, curve=turn(one.curve)) for one in self.branches],
            [(frame, r.turned()) for frame, r in self.frames],
            self.height,
            self.width,
        )
