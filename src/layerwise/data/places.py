"""Where the files of data sets lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DataError
from ..files import as_path, cache_folder
from .catalog import DataSet


def places(data_set: DataSet, folder: str | os.PathLike[str] | None = None) -> list[Path]:
    """Where to look for the files of a data set, in this order."""
    if folder is not None:
        return [as_path(folder)]
    roots = [as_path(root) for root in [os.environ.get("LAYERWISE_DATA")] if root]
    named = [root / data_set.name for root in roots]
    return [*named, *(roots if data_set.own_names else []), cache_folder() / data_set.name]


def found_in(data_set: DataSet, folder: Path) -> list[Path]:
    """The files of one of the ways to have this data set, if the folder has all of them."""
    for layout in data_set.layouts:
        found = there(layout, folder)
        if len(found) == len(layout):
            return found
    return []


def there(layout: tuple[tuple[str, ...], ...], folder: Path) -> list[Path]:
    """Those files that are in the folder, in whatever spelling, each once."""
    spelled = [[folder / spelling for spelling in file] for file in layout]
    return [path for paths in spelled for path in [p for p in paths if os.path.isfile(p)][:1]]


def located(data_set: DataSet, folder: str | os.PathLike[str] | None, download: bool) -> list[Path]:
    """The files of a data set, from the first place with all of them, else downloaded.

    folder     where they are; None: in $LAYERWISE_DATA/NAME, $LAYERWISE_DATA or the cache
    download   whether they may be downloaded into the cache, if no folder was given
    """
    looked = places(data_set, folder)
    for place in looked:
        found = found_in(data_set, place)
        if found:
            return found
    why = ""
    if folder is None and download:
        from .download import (  # urllib is needed seldom, and slow to import
            DownloadError,
            download_files,
        )

        try:
            download_files(data_set, looked[-1])
            return found_in(data_set, looked[-1])
        except DownloadError as error:
            why = f", and cannot be downloaded: {error}"
    raise DataError(f"{not_found(data_set, looked)}{why}. {what_to_do(data_set, looked[-1])}")


def not_found(data_set: DataSet, looked: list[Path]) -> str:
    """Where the files are not."""
    layout = data_set.layouts[0]
    where = [f"{p} ({len(there(layout, p))} of the {len(layout)} files are there)" for p in looked]
    return f"{data_set.title}'s files are not in {' or '.join(where)}"


def what_to_do(data_set: DataSet, place: Path) -> str:
    names = ", ".join(file[0] for file in data_set.layouts[0])
    packed = data_set.layouts[1:]
    ways = f", or {packed[0][0][0]}" if packed else ", each with or without .gz"
    return (
        f"Expected {names}{ways}. Get them from {data_set.addresses[0]} and put them into {place}, "
        f"or give their folder: {data_set.name}('folder')."
    )
