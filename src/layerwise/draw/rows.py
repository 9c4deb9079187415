"""Where a long graph is broken into rows: at places that only a few values pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from .outline import Outline, Thing, Wire
from .placement import Sizes

LONGEST = 1150.0  # points of one row; longer graphs are wrapped
SHORTEST = 250.0  # a row that is shorter does not pay
MOST_WIRES = 4  # that go on from one row to the next
PRICE = 220.0  # points that a row may be shorter if one wire less goes on
PRICE_OF_FRAME = 400.0  # likewise if no nested graph is cut in two


@dataclass
class Row:
    """The things of one row, the wires that come from the row before, and those that go on."""

    number: int
    things: list[Thing]
    begins: list[Wire] = field(default_factory=list)
    ends: list[Wire] = field(default_factory=list)


@dataclass
class Cut:
    """A place between two rows: behind which thing, where that is, the wires that pass it."""

    place: int
    at: float
    wires: list[Wire]

    @property
    def price(self) -> float:
        inside = any(wire.path for wire in self.wires)
        return PRICE * len(self.wires) + PRICE_OF_FRAME * inside


def rows_of(outline: Outline, sizes: Sizes, longest: float = LONGEST) -> list[Row]:
    """The rows: one if the graph is short enough or has no such places."""
    reach = _reach(outline, sizes)
    total = max(reach.values())
    if total <= longest:
        return [Row(0, outline.things)]
    place = _places(outline, reach)
    cuts: list[Cut] = []
    possible = _possible_cuts(outline, place, reach)
    begin = 0.0
    while total - begin > longest:
        cut = _best_cut([c for c in possible if c.at > begin + SHORTEST], begin + longest)
        if cut is None or total - cut.at < SHORTEST:
            break
        cuts.append(cut)
        possible = [c for c in possible if c.place > cut.place]
        begin = cut.at
    bounds = [-1, *(cut.place for cut in cuts), len(outline.things)]
    begins = [[], *(cut.wires for cut in cuts)]
    ends = [*(cut.wires for cut in cuts), []]
    return [
        Row(i, [t for t in outline.things if bounds[i] < place[t.key] <= bounds[i + 1]], *wires)
        for i, wires in enumerate(zip(begins, ends))
    ]


def _best_cut(possible: list[Cut], end: float) -> Cut | None:
    """The cut that makes a full row and that few wires pass."""
    fitting = [cut for cut in possible if cut.at <= end]
    if fitting:
        return max(fitting, key=lambda cut: cut.at - cut.price)
    return min(possible, key=lambda cut: cut.at, default=None)


def _reach(outline: Outline, sizes: Sizes) -> dict[str, float]:
    """How far from the left each thing and each label ends: the longest way to it."""
    reach = {thing.key: sizes.of[thing.key][0] for thing in outline.things}
    for wire in outline.wires:
        end = reach[wire.source.key]
        if wire.labelled:
            end += sizes.gap + sizes.of[wire.key][0]
        reach[wire.key] = end
        for target in wire.targets:
            there = end + sizes.gap + sizes.of[target.key][0]
            reach[target.key] = max(reach[target.key], there)
    return reach


def _places(outline: Outline, reach: dict[str, float]) -> dict[str, int]:
    """The order of the operations from left to right; the others go with those they serve."""
    ordered = sorted(outline.things, key=lambda thing: reach[thing.key])
    place = {thing.key: i for i, thing in enumerate(ordered)}
    for wire in outline.wires:
        if wire.source.kind != "op":
            place[wire.source.key] = min(place[target.key] for target in wire.targets)
        for target in wire.targets:
            if target.kind == "output":
                place[target.key] = place[wire.source.key]
    return place


def _possible_cuts(outline: Outline, place: dict[str, int], reach: dict[str, float]) -> list[Cut]:
    """The places that few wires pass, all of them with a label."""
    begin: dict[int, list[Wire]] = {}
    end: dict[int, list[Wire]] = {}
    for wire in outline.wires:
        begin.setdefault(place[wire.source.key], []).append(wire)
        end.setdefault(max(place[target.key] for target in wire.targets), []).append(wire)
    open_wires: dict[str, Wire] = {}
    cuts = []
    for i in sorted(set(place.values())):
        for wire in end.get(i, []):
            open_wires.pop(wire.key, None)
        stay = (wire for wire in begin.get(i, []) if wire not in end.get(i, []))
        open_wires |= {wire.key: wire for wire in stay}
        wires = list(open_wires.values())
        if 0 < len(wires) <= MOST_WIRES and all(wire.labelled for wire in wires):
            cuts.append(Cut(i, max(reach[wire.key] for wire in wires), wires))
    return cuts
