"""What a check has found: the table, and a sentence for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import show_shape
from ..tables import paragraph, table


@dataclass(frozen=True)
class Row:
    """One input or parameter in one mode: its gradient, at the element where it is worst."""

    mode: str  # "both", "training" or "inference"
    of: str  # the name of the input or the parameter
    shape: tuple[int, ...]
    index: tuple[int, ...] | None  # the worst element; None: nothing to compare
    backward: float | None  # what backward says there
    numerically: float | None  # the slope there, measured
    error: float | None  # of all elements: |difference| / |larger|, in Euclidean norms
    verdict: str
    checked: int  # how many elements were compared
    size: int


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: where, the likely cause in a few words, and the whole story."""

    of: str  # an input, a parameter, "forward" or "backward"; behind a dot in a graph
    cause: str
    text: str
    index: tuple[int, ...] | None = None
    backward: float | None = None
    numerically: float | None = None
    mode: str = "both"


@dataclass(frozen=True)
class Kink:
    """An element at which the slopes on the left and on the right differ."""

    of: str
    index: tuple[int, ...]
    backward: float
    left: float
    right: float
    mode: str = "both"


class Report:
    """What `check` has found: prints as a table and sentences, and is true if all is well.

    layer      the layer, in words
    rows       a `Row` for each gradient: both modes in one where they do the same
    failures   a `Finding` for each thing that is wrong
    kinks      a `Kink` for each element without a single slope, where backward is free to choose
    notes      what was done to the inputs, and what was left out
    """

    def __init__(
        self,
        layer: str,
        rows: Sequence[Row],
        failures: Sequence[Finding],
        kinks: Sequence[Kink],
        notes: Sequence[str],
    ) -> None:
        self.layer, self.rows, self.failures = layer, list(rows), list(failures)
        self.kinks, self.notes = list(kinks), list(notes)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        parts = [self._verdict()]
        if self.rows:
            parts.append(self._table())
        told = [("wrong", failure.text) for failure in self.failures]
        told += [("kink", text) for text in self._about_kinks()]
        told += [("note", note) for note in self.notes]
        if told:
            parts.append("\n".join(paragraph(label, text) for label, text in told))
        return "\n\n".join(parts)

    __repr__ = __str__

    def _verdict(self) -> str:
        if self.ok:
            return f"{self.layer}: all is well"
        found = "1 thing is" if len(self.failures) == 1 else f"{len(self.failures)} things are"
        return f"{self.layer}: {found} wrong"

    def _table(self) -> str:
        head = ["of", "shape", "worst at", "backward says", "numerically", "error", "verdict"]
        cells = [
            [
                row.of,
                show_shape(row.shape) if row.shape else "number",
                "" if row.index is None else element("", row.index),
                _signed(row.backward),
                _signed(row.numerically),
                "" if row.error is None else f"{row.error:.1e}",
                row.verdict,
            ]
            for row in self.rows
        ]
        if any(row.mode != "both" for row in self.rows):  # then the mode is worth a column
            head = ["mode", *head]
            cells = [[row.mode, *line] for row, line in zip(self.rows, cells)]
        return table(head, cells)

    def _about_kinks(self) -> list[str]:
        texts = []
        for of in dict.fromkeys(kink.of for kink in self.kinks):
            kinks = [kink for kink in self.kinks if kink.of == of]
            first = kinks[0]
            places = ", ".join(element(of, kink.index) for kink in kinks[:3])
            places += f" and {len(kinks) - 3:,} more" if len(kinks) > 3 else ""
            texts.append(
                f"{places}: no single slope. At {element(of, first.index)} it is "
                f"{number(first.left)} on the left and {number(first.right)} on the right, and "
                f"backward says {number(first.backward)}. Not held against the layer."
            )
        return texts


def element(name: str, index: Sequence[int] | None) -> str:
    """The name of one element: W[2, 1]; of a number, the name alone."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def number(value: Any) -> str:
    """A number with the digits that matter."""
    return "unknown" if value is None or value != value else f"{value:.6g}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value + 0.0: .6g}"  # + 0.0 makes 0 of -0
