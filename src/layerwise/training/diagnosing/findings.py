"""What a diagnosis has found: the table of the layers, and a paragraph for each finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...tables import paragraph, table

LABEL = 20  # letters: the longest kind of finding, and two blanks


@dataclass(frozen=True)
class Finding:
    """Something that may keep a network from learning.

    kind     what it is, in a few words: "dead units"
    where    the layer's name, behind a dot in a nested graph; or "x", "t", "loss", "output"
    number   what was seen: a share, a ratio, a loss
    said     the same in a sentence
    advice   what to try
    """

    kind: str
    where: str
    number: float
    said: str
    advice: str

    def __str__(self) -> str:
        return f"{paragraph(self.kind, self.said, LABEL)}\n{paragraph('', self.advice, LABEL)}"


class LayerRow(NamedTuple):
    """A layer with weights, as it was seen in one step; None: not computed."""

    name: str
    output: float | None  # root of the mean square of what it gives
    gradient: float | None  # that of a row at its output, as a length
    step: float | None  # how much the optimizer changes its weights, beside their size


class Diagnosis:
    """What `diagnose` has found: prints as a report, and is true if nothing was found.

    net        the network, in words
    rows       how many rows were looked at
    loss       the loss of these rows
    findings   a `Finding` for each thing that may be wrong
    layers     a `LayerRow` for each layer with weights
    """

    def __init__(
        self,
        net: str,
        rows: int,
        loss: float,
        findings: Sequence[Finding],
        layers: Sequence[LayerRow],
    ) -> None:
        self.net, self.rows, self.loss = net, rows, loss
        self.findings, self.layers = list(findings), list(layers)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        count = len(self.findings)
        found = "nothing found" if self.ok else f"{count} finding{'s' * (count > 1)}"
        parts = [f"{self.net}: {found} (loss {short(self.loss)} of {self.rows:,} rows)"]
        if self.layers:
            head = ["layer", "output", "gradient", "step"]
            cells = [[row.name, *map(short, row[1:])] for row in self.layers]
            parts.append(table(head, cells))
        return "\n\n".join([*parts, *map(str, self.findings)])

    __repr__ = __str__


def short(value: float | None) -> str:
    """A number with the digits that matter here.

    >>> short(0.123456), short(1.5e-7), short(None)
    ('0.123', '1.5e-07', '')
    """
    return "" if value is None else f"{value:.3g}"
