"""Columns of a table as inputs of a network, and the recipe that does it again for new rows."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, nearest
from ..files import as_path
from .cells import Sheet, as_number, read_sheet, sheet_of, shortest
from .normalize import Normalize
from .recipe import Recipe, texts

if TYPE_CHECKING:
    from ..graph import Graph

MANY = 100  # different texts: more are no categories


class Numbers:
    """A column of numbers: less `mean`, over `std`; `fill` stands where there is none."""

    def __init__(self, name: str, mean: float, std: float, fill: float | None = None) -> None:
        known = [mean, std, *([] if fill is None else [fill])]
        if not all(isinstance(n, (int, float)) and math.isfinite(n) for n in known):
            raise DataError(f"{name!r} has the mean {mean!r}, the deviation {std!r}: no numbers.")
        self.name, self.mean, self.std, self.fill = str(name), mean, std, fill
        self.normalize = Normalize(mean, std)

    @classmethod
    def of(cls, name: str, cells: Any, standardize: bool, fill: bool) -> Numbers:
        """From the rows to learn from."""
        known = cells[~np.isnan(cells)]
        if not len(known):
            raise DataError(f"{name!r} has no number in the rows to learn from. Leave it out.")
        found = Normalize.of(known[:, None])
        mean, std = float(found.mean[0]), float(found.std[0])
        return cls(
            name, mean if standardize else 0.0, std if standardize else 1.0, mean if fill else None
        )

    @property
    def names(self) -> list[str]:
        return [self.name]

    def encode(self, sheet: Sheet) -> NDArray[np.floating]:
        """(N, 1), from a table that has this column."""
        cells = sheet.numbers(self.name)
        if cells is None:
            raise DataError(no_number(sheet, self.name))
        if self.fill is not None:
            cells = np.where(np.isnan(cells), self.fill, cells)
        if np.isnan(cells).any():
            raise DataError(missing_cells(sheet, self.name))
        return self.normalize.apply(cells)[:, None]

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "mean": self.mean, "std": self.std, "fill": self.fill}


class Categories:
    """A column of texts: a number for each of `values`, 1 for the one that is there.

    one_hot   False: one number instead, the place of the text in `values`
    """

    def __init__(self, name: str, values: Any, one_hot: bool = True) -> None:
        self.name, self.values, self.one_hot = str(name), texts(f"{name!r}", values), bool(one_hot)

    @property
    def names(self) -> list[str]:
        return [f"{self.name}={v or '?'}" for v in self.values] if self.one_hot else [self.name]

    def encode(self, sheet: Sheet) -> NDArray[np.floating]:
        """(N, values) or (N, 1), from a table that has this column."""
        codes = codes_of(sheet, self.name, self.values)
        return np.eye(len(self.values))[codes] if self.one_hot else codes[:, None].astype(float)

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "values": list(self.values), "one_hot": self.one_hot}


class TableRecipe(Recipe):
    """How rows of a table become inputs of a network.

    classes   the names of the classes; () where numbers are to be met
    columns   `Numbers` and `Categories`, in the order of the inputs
    target    the name of the column that is to be told; new rows need not have it
    unit      of numbers to be met: their mean and deviation, in the rows to learn from

    `recipe.read("new.csv")` reads a file, `recipe.rows({"age": 31, "town": "Bern"})` takes what is
    in memory. `recipe.names` says what each input is.
    """

    kind = "table"

    def __init__(
        self,
        classes: Any = (),
        columns: Any = (),
        target: str = "",
        delimiter: str | None = None,
        header: bool = True,
        decimal: str = ".",
        unit: Any = None,
    ) -> None:
        super().__init__(classes)
        self.columns = [c if hasattr(c, "encode") else column_of(c) for c in columns]
        if not self.columns:
            raise DataError("A table needs a column besides the one that is to be told.")
        self.target, self.delimiter, self.header = target, delimiter, header
        self.decimal = decimal
        self.unit = None if unit is None else checked_unit(unit)

    @property
    def names(self) -> tuple[str, ...]:
        """What each input is: a column, or `column=text`."""
        return tuple(name for column in self.columns for name in column.names)

    def read(self, path: str | os.PathLike[str]) -> NDArray[np.float32]:
        """The rows of a CSV file, (N, D); columns that the recipe does not know are left alone.

        errors   DataError, if a column is missing, or what is in it is not what it was in training
        """
        return self.encode(read_sheet(as_path(path), self.delimiter, self.header, self.decimal))

    def rows(self, rows: Any) -> NDArray[np.float32]:
        """The same for a dict (one row), a list of dicts, or a data frame."""
        return self.encode(sheet_of(rows))

    def encode(self, sheet: Sheet) -> NDArray[np.float32]:
        """(N, D)"""
        for column in self.columns:
            if column.name not in sheet.columns:
                raise DataError(unknown_column(sheet, column.name))
        parts = [column.encode(sheet) for column in self.columns]
        return as_float32(np.concatenate(parts, axis=1), sheet.source)

    def in_units(self, net: Graph) -> Graph:
        """A network that answers in the unit of the column to be told: net(x) * deviation + mean.

        Networks begin with numbers around 1, and prices around 100,000 are far from there. This one
        begins with the mean, and its parameters, its file and its predictions are those of one
        network. Train it with an optimizer that does not depend on the unit, such as `Adam`.

        errors   DataError where classes are told

        >>> from layerwise import Affine, Sequential
        >>> recipe = TableRecipe(
        ...     columns=[{"name": "area", "mean": 80, "std": 20}], target="price", unit=[3e5, 1e5]
        ... )
        >>> net = recipe.in_units(Sequential(Affine(1, 1), seed=0))
        >>> net.parameters()["net.affine1.W"].value[:] = 2
        >>> net.parameters()["net.affine1.b"].value[:] = 0
        >>> net.predict(recipe.rows({"area": 90}))
        array([[400000.]], dtype=float32)
        """
        if self.unit is None:
            raise DataError(f"{self!r} tells classes, which have no unit.")
        from ..graph import Graph
        from ..node import Input

        mean, std = self.unit
        x = Input("x", shape=(None, len(self.names)))
        return Graph((net(x).named("net") * std + mean).named("y"))

    def to_dict(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**vars(self), "columns": [column.to_dict() for column in self.columns]}

    def __repr__(self) -> str:
        return f"TableRecipe({', '.join(self.names)} -> {self.target})"


def checked_unit(unit: Any) -> tuple[float, float]:
    """A mean, and a deviation above 0."""
    fits = isinstance(unit, (tuple, list)) and len(unit) == 2
    if not fits or not all(isinstance(n, (int, float)) and math.isfinite(n) for n in unit):
        raise DataError(f"unit={unit!r:.100}: give a mean and a deviation.")
    return float(unit[0]), float(unit[1]) or 1.0


def as_float32(numbers: NDArray[np.floating], source: str) -> NDArray[np.float32]:
    """The numbers as networks take them, if they are not too large for that."""
    with np.errstate(over="ignore"):
        made = numbers.astype(np.float32)
    if not np.isfinite(made).all():
        raise DataError(f"{source}: a number is too large for float32. Give it in another unit.")
    return made


def column_of(said: dict[str, Any]) -> Numbers | Categories:
    """A column from what a file says of it."""
    return Categories(**said) if "values" in said else Numbers(**said)


def categories_of(sheet: Sheet, name: str, one_hot: bool, missing: str, many: int) -> Categories:
    """The different texts of a column, in their order; numbers by their size."""
    values = sorted(set(sheet.texts(name)) - {""})
    if sheet.numbers(name) is not None:
        values.sort(key=lambda value: as_number(value, sheet.decimal) or 0.0)
    if len(values) > many:
        raise DataError(
            f"{sheet.source}: {name!r} has {len(values)} different texts, too many for categories. "
            f"Leave it out: drop=[{name!r}]."
        )
    # Where missing cells are welcome they are a category of their own.
    return Categories(name, [*values, *([""] if missing == "fill" else [])], one_hot)


def codes_of(sheet: Sheet, name: str, values: tuple[str, ...]) -> NDArray[np.integer]:
    """For each row, the place of its text among the values; 7, 7.0 and 07 are the same."""
    place = {plain(value): n for n, value in enumerate(values)}
    place |= {value: n for n, value in enumerate(values)}
    cells = sheet.texts(name)
    codes = [place.get(cell, place.get(plain(cell))) for cell in cells]
    if None in codes:
        row = codes.index(None)
        said = missing_cells(sheet, name) if not cells[row] else unknown_text(sheet, name, values)
        raise DataError(said)
    return np.array(codes, dtype=np.int64)


def plain(text: str) -> str:
    """A text that is a number as the shortest one."""
    number = as_number(text)
    return text if number is None else shortest(number)


# what is wrong -----------------------------------------------------------------------------------


def missing_cells(sheet: Sheet, name: str) -> str:
    rows = np.flatnonzero(sheet.missing(name)).tolist()
    more = f" (and in {len(rows) - 1} more)" if len(rows) > 1 else ""
    return (
        f"{sheet.where(rows[0])}{more}: {name!r} is missing. Fill it in, or read the data to learn "
        "from with missing='drop', which leaves such rows out, or missing='fill'."
    )


def no_number(sheet: Sheet, name: str) -> str:
    cells = sheet.columns[name]
    row = next(row for row, c in enumerate(cells) if as_number(c, sheet.decimal) is None)
    return f"{sheet.where(row)}: {name!r} is {cells[row]!r}, but it has to be a number."


def unknown_text(sheet: Sheet, name: str, values: tuple[str, ...]) -> str:
    cells = sheet.texts(name)
    row = next(row for row, cell in enumerate(cells) if cell not in values)
    close = nearest(cells[row], values)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(map(repr, values[:10])) + (", ..." if len(values) > 10 else "")
    return (
        f"{sheet.where(row)}: {name!r} is {cells[row]!r}, but it has to be one of {listed}.{hint}"
    )


def unknown_column(sheet: Sheet, name: str) -> str:
    """The sentence about a column that is not there."""
    close = nearest(name, sheet.columns)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(map(repr, sheet.columns))
    return f"{sheet.source} has no column {name!r}; it has {listed}.{hint}"
