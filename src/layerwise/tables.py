"""Plain text tables and paragraphs, for terminals and notebooks alike."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 96


class Text(str):
    """A text that an interactive session shows as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, a line under the head; columns of numbers stand to the right.

    >>> print(table(["name", "size"], [["W", "12"], ["bias", "3"]]))
    name  size
    ----  ----
    W       12
    bias     3
    """
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    right = [
        bool(rows) and all(cell.replace(",", "").isdigit() or not cell for cell in column)
        for column in zip(*rows)
    ] or [False] * len(head)
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if r and i != 1 else cell.ljust(width)
            for cell, width, r in zip(line, widths, right)
        ).rstrip()
        for i, line in enumerate(lines)
    )


def paragraph(label: str, text: str, indent: int = 7) -> str:
    """A label, and beside it the text in lines that are not too long.

    >>> print(paragraph("note", "all is well " * 12))
    note   all is well all is well all is well all is well all is well all is well all is well all
           is well all is well all is well all is well all is well
    """
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"{label:<{indent}}",
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
