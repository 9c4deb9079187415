"""CSV files as columns: numbers where a column holds nothing else, texts otherwise."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator
from csv import Error as CsvError
from csv import reader
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .text import read_characters

DELIMITERS = ",;\t|"
MISSING = {"", "na", "n/a", "nan", "null", "?"}  # in small letters
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
SAMPLE = 20  # rows in which the delimiter is looked for


@dataclass
class Sheet:
    """A table as it was read.

    source    what messages call it
    columns   by name: an array of floats, NaN where there is nothing, or texts, "" likewise
    lines     where each row stands in the file, from 1 up
    decimal   what stands before the decimals of a number that is still a text
    """

    source: str
    columns: dict[str, Any]
    lines: Any
    decimal: str = "."

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int) -> str:
        """What messages call a row."""
        return f"{self.source}, line {self.lines[row]}"

    def numbers(self, name: str) -> NDArray[np.floating] | None:
        """A column as numbers, if all its cells are numbers or missing."""
        cells = self.columns[name]
        if not isinstance(cells, list):
            return cells
        numbers = [as_number(cell, self.decimal) for cell in cells]
        return None if None in numbers else np.array(numbers)

    def texts(self, name: str) -> list[str]:
        """A column as texts."""
        cells = self.columns[name]
        return cells if isinstance(cells, list) else list(map(shortest, cells))

    def missing(self, name: str) -> NDArray[np.bool_]:
        """In which rows there is nothing."""
        cells = self.columns[name]
        return np.array([not c for c in cells]) if isinstance(cells, list) else np.isnan(cells)

    def take(self, rows: NDArray[np.integer]) -> Sheet:
        """Some of the rows."""
        columns = {
            name: [cells[row] for row in rows] if isinstance(cells, list) else cells[rows]
            for name, cells in self.columns.items()
        }
        return Sheet(self.source, columns, [self.lines[row] for row in rows], self.decimal)


def read_sheet(
    path: Path, delimiter: str | None = None, header: bool = True, decimal: str = "."
) -> Sheet:
    """A CSV file, compressed with gzip or not.

    delimiter   between cells; None: what cuts the first rows into equally many cells
    header      whether the first row holds the names of the columns; False: they are called
                column1, column2, ...
    decimal     "." or ","

    errors      DataError, if the file cannot be read as such a table
    """
    check_writing(delimiter, decimal)
    text = read_characters(path).removeprefix("\ufeff")  # which some programs put in front
    delimiter = delimiter or delimiter_of(text, path, DELIMITERS.replace(decimal, ""))
    rows = rows_of(text, delimiter, path)
    try:
        first_line, first = next(rows)
    except StopIteration:
        raise DataError(f"{path}: there are no rows.") from None
    names = checked_names(first, path) if header else [f"column{n + 1}" for n in range(len(first))]

    numbers = all_numbers(text, delimiter, first_line if header else 0)
    if numbers is not None and numbers.shape[1] == len(names) and decimal == ".":
        lines: Any = np.arange(len(numbers)) + (first_line + 1 if header else 1)
        sheet = Sheet(str(path), dict(zip(names, numbers.T)), lines)
    else:
        listed = [*([] if header else [(first_line, first)]), *rows]
        sheet = columns_of(listed, names, path, decimal)
    if not len(sheet):
        raise DataError(f"{path}: there are no rows below the names of the columns.")
    return sheet


def rows_of(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows as cells, each with the number of its line; empty lines are left out."""
    lines = reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in lines:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield lines.line_num, [cell.strip() for cell in cells]
    except CsvError as error:
        raise DataError(f"{path}, line {lines.line_num}: {error}. Mend the file.") from None


def delimiter_of(text: str, path: Path, candidates: str) -> str:
    """What cuts the first rows into the same number of cells, as many as possible."""
    widths = {}
    for delimiter in candidates:
        try:
            rows = [row for _, (_, row) in zip(range(SAMPLE), rows_of(text, delimiter, path))]
        except DataError:  # quotes that only another delimiter makes sense of
            continue
        if len({len(row) for row in rows}) == 1:
            widths[delimiter] = len(rows[0])
    best = max(widths, key=lambda one: widths[one], default="")
    if widths.get(best, 1) == 1:
        raise DataError(
            f"{path}: none of , ; tab and | cuts the first rows into equally many cells, two or "
            "more. Is it a CSV file? If so, give delimiter=."
        )
    return best


def checked_names(names: list[str], path: Path) -> list[str]:
    """The names of the columns, each another one."""
    if all(NUMBER.fullmatch(name) for name in names):
        raise DataError(
            f"{path}: the first line should name the columns, but holds numbers. Give header=False "
            "if there are no names."
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{path}: several columns are called {twice[0]!r}. Rename them.")
    return names


def all_numbers(text: str, delimiter: str, skip: int) -> NDArray[np.floating] | None:
    """The whole table, if there is nothing but numbers in it: many times faster than cells."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # there are no rows
            numbers = np.loadtxt(
                io.StringIO(text), delimiter=delimiter, skiprows=skip, ndmin=2, comments=None
            )
    except (ValueError, Warning):
        return None
    return None if np.isinf(numbers).any() else numbers


def columns_of(
    rows: list[tuple[int, list[str]]], names: list[str], path: Path, decimal: str
) -> Sheet:
    """The table, column after column."""
    for line, cells in rows:
        if len(cells) != len(names):
            raise DataError(
                f"{path}, line {line}: expected {len(names)} cells, but got {len(cells)}. Mend the "
                "line."
            )
    columns = [list(map(known, cells)) for cells in zip(*(row for _, row in rows))]
    return Sheet(str(path), dict(zip(names, columns)), [line for line, _ in rows], decimal)


def known(cell: str) -> str:
    """The text of a cell, "" for those that say that there is nothing."""
    return "" if cell.lower() in MISSING else cell


def as_number(cell: str, decimal: str = ".") -> float | None:
    """The number in a cell; NaN for a missing one, None for a text.

    >>> as_number("3,5", ","), as_number(""), as_number("3,5"), as_number("1_000"), as_number("inf")
    (3.5, nan, None, None, None)
    """
    if not cell:
        return math.nan
    cell = cell.replace(decimal, ".") if decimal != "." else cell
    number = float(cell) if NUMBER.fullmatch(cell) else math.inf
    return number if math.isfinite(number) else None


def sheet_of(rows: Any) -> Sheet:
    """The table in a dict (one row), a list of dicts, or a data frame."""
    if isinstance(rows, dict):
        rows = [rows]
    if hasattr(rows, "columns"):
        columns = {str(name): list(rows[name]) for name in rows.columns}
    elif isinstance(rows, (list, tuple)) and rows and all(isinstance(r, dict) for r in rows):
        columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    else:
        raise DataError(
            f"Rows are given as a dict, a list of dicts or a data frame, but this is a "
            f"{type(rows).__name__}."
        )
    made = {name: list(map(cell_of, cells)) for name, cells in columns.items()}
    return Sheet("the rows", made, np.arange(1, len(next(iter(columns.values()), [])) + 1))


def cell_of(value: Any) -> str:
    """What would stand in the file."""
    missing = value is None or value != value  # NaN is not equal to itself
    return "" if missing else known(str(value).strip())


def shortest(number: float) -> str:
    """A number as a text, "" for NaN.

    >>> shortest(1.0), shortest(2.5), shortest(float("nan"))
    ('1', '2.5', '')
    """
    if math.isnan(number):
        return ""
    return str(int(number)) if number == int(number) else repr(float(number))


def check_writing(delimiter: Any, decimal: Any) -> None:
    """How a file may be written."""
    if decimal not in (".", ","):
        raise DataError(f"decimal={decimal!r}: give '.' or ','.")
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise DataError(f"delimiter={delimiter!r}: give one character, such as ';'.")
