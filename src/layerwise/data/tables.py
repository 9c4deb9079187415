"""Tables in CSV files: a column to be told, from all the others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..files import as_path
from .cells import Sheet, as_number, read_sheet
from .columns import (
    MANY,
    Categories,
    Numbers,
    TableRecipe,
    as_float32,
    categories_of,
    codes_of,
    missing_cells,
    no_number,
    unknown_column,
)
from .split import Split, split_rows


def csv(
    path: str | os.PathLike[str],
    target: str,
    *,
    classes: bool | None = None,
    drop: Sequence[str] = (),
    categories: Sequence[str] = (),
    encode: str = "one_hot",
    missing: str = "error",
    standardize: bool = True,
    delimiter: str | None = None,
    header: bool = True,
    decimal: str = ".",
    held_out: float = 0.2,
    seed: int = 0,
) -> Split:
    """A table: what stands in one of its columns is to be told from the others.

    path          a CSV file in UTF-8, compressed with gzip or not
    target        the name of the column to be told
    classes       True: it names classes; False: it holds numbers to be met; None: texts are classes
                  and numbers with decimals are not (whole numbers may be either: say which)
    drop          columns that are left out, such as names and numbers of rows
    categories    columns of numbers that are names, such as postal codes; texts always are
    encode        "one_hot": an input for each category; "codes": one input, its number, as
                  `Embedding` takes it
    missing       of cells that are empty, NA, N/A, NaN, null or ?: "error"; "drop": their rows are
                  left out; "fill": the mean stands there, and a category of its own
    standardize   numbers less their mean, over their standard deviation
    delimiter     between cells; None: what cuts the first rows into equally many of , ; tab and |
    header        whether the first line names the columns; False: column1, column2, ...
    decimal       "." or ","
    held_out      which part of the rows (of each class) is not learned from, from 0 up to below 1
    seed          decides which

    shapes        x (N, inputs) float32; t (N,) int64 for classes, (N, 1) float32 for numbers
    errors        DataError with the line and the column of what is wrong

    Means and deviations are those of the rows to learn from alone. `split.recipe` keeps them, and
    makes inputs of new rows in the same way. Numbers to be met keep the unit of their column:
    `split.recipe.in_units(net)` is a network that begins with their mean and spread.

    >>> import pathlib, tempfile
    >>> import layerwise as lw
    >>> rows = ["legs,home,pet", "4,house,cat", "2,cage,bird", "0,tank,fish"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "pets.csv")
    ...     _ = path.write_text("\\n".join(rows))
    ...     pets = lw.data.csv(path, "pet", standardize=False, held_out=0)
    >>> pets.recipe
    TableRecipe(legs, home=cage, home=house, home=tank -> pet)
    >>> pets.recipe.rows({"legs": 4, "home": "cage"})
    array([[4., 1., 0., 0.]], dtype=float32)
    >>> pets.classes
    ('bird', 'cat', 'fish')
    """
    check_options(encode, missing)
    sheet = read_sheet(as_path(path), delimiter, header, decimal)
    for name in (target, *drop, *categories):
        if name not in sheet.columns:
            raise DataError(unknown_column(sheet, name))
    names = [name for name in sheet.columns if name != target and name not in drop]
    if missing == "drop":
        gone = np.any([sheet.missing(name) for name in (target, *names)], axis=0)
        if gone.all():
            raise DataError(f"{sheet.source}: something is missing in every row.")
        sheet = sheet.take(np.flatnonzero(~gone))
    t, labels = targets(sheet, target, classes)
    train, test = split_rows(len(sheet), held_out, seed, t if labels else None)

    recipe = TableRecipe(
        labels,
        [
            column(sheet, name, train, name in categories, encode, missing, standardize)
            for name in names
        ],
        target,
        delimiter,
        header,
        decimal,
        None if labels else (float(t[train].mean()), float(t[train].std())),
    )
    x = recipe.encode(sheet)
    return Split((x[train], t[train]), (x[test], t[test]), recipe)


def column(
    sheet: Sheet,
    name: str,
    train: NDArray[np.integer],
    named: bool,
    encode: str,
    missing: str,
    standardize: bool,
) -> Numbers | Categories:
    """What becomes of a column; statistics are those of the rows to learn from."""
    if missing == "error" and sheet.missing(name).any():
        raise DataError(missing_cells(sheet, name))
    numbers = sheet.numbers(name)
    if numbers is not None and not named:
        return Numbers.of(name, numbers[train], standardize, missing == "fill")
    if not named:
        refuse_mixed(sheet, name, f"categories=[{name!r}]")
    return categories_of(sheet, name, encode == "one_hot", missing, MANY)


def targets(
    sheet: Sheet, target: str, classes: bool | None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """t, and the names of the classes if there are any."""
    if sheet.missing(target).any():
        raise DataError(missing_cells(sheet, target))
    numbers = sheet.numbers(target)
    if numbers is None and not classes:
        refuse_mixed(sheet, target, "classes=True")
    if numbers is None and classes is False:
        raise DataError(no_number(sheet, target))
    if classes is None and numbers is not None and (numbers == np.round(numbers)).all():
        raise DataError(
            f"{sheet.source}: {target!r} holds whole numbers. Say what they are: classes=True if "
            "they name classes, classes=False if they are numbers to be met."
        )
    if numbers is not None and not classes:
        return as_float32(numbers[:, None], sheet.source), ()  # (N,) -> (N, 1)
    values = categories_of(sheet, target, True, "error", len(sheet)).values
    if len(values) < 2:
        raise DataError(f"{sheet.source}: {target!r} is {values[0]!r} in all rows.")
    return codes_of(sheet, target, values), values


def refuse_mixed(sheet: Sheet, name: str, names: str) -> None:
    """A text among numbers is a slip, not a category; so are numbers in another writing.

    names   the argument that says that they are names
    """
    rows = np.flatnonzero(~sheet.missing(name))
    if len(rows) and all(as_number(sheet.columns[name][row], ",") is not None for row in rows):
        first = int(rows[0])
        raise DataError(
            f"{sheet.where(first)}: {name!r} is {sheet.columns[name][first]!r}, and holds "
            "numbers with a comma. Give decimal=',' if that is how its decimals are written; "
            f"write thousands without commas, or give {names} if they are names."
        )
    texts = [int(row) for row in rows if as_number(sheet.columns[name][row], sheet.decimal) is None]
    if len(texts) * 2 < len(rows):
        raise DataError(
            f"{sheet.where(texts[0])}: {name!r} is {sheet.columns[name][texts[0]]!r}, but in most "
            f"rows it is a number. Mend it, or give {names} if its numbers are names."
        )


def check_options(encode: str, missing: str) -> None:
    if encode not in ("one_hot", "codes"):
        raise DataError(f"encode={encode!r}: give 'one_hot' or 'codes'.")
    if missing not in ("error", "drop", "fill"):
        raise DataError(f"missing={missing!r}: give 'error', 'drop' or 'fill'.")
