"""Arrays by name with notes in JSON: a safetensors file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import FileError
from ..files import as_path, write_whole

KEY = "layerwise"  # where the notes are in the file's metadata
MAX_HEADER = 100_000_000  # bytes: safetensors reads no longer one


def write(path: Any, arrays: Mapping[str, Any], notes: dict[str, Any]) -> None:
    """Write arrays and notes into one file; the same ones always make the same bytes.

    path     the file; what was there before stays as it was until the new one is whole
    arrays   arrays of numbers by name
    notes    what JSON can say: numbers, texts, lists, dictionaries, None
    errors   FileError if the file cannot be written, or an array is of a type that safetensors
             does not have
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save

    try:
        text = json.dumps(notes, allow_nan=False, separators=(",", ":"))
        plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        content = save(plain, metadata={KEY: text})
    except (SafetensorError, TypeError, ValueError) as error:
        raise FileError(f"{path}: this cannot be written: {error}") from None
    if int.from_bytes(content[:8], "little") > MAX_HEADER:
        raise FileError(f"{path}: the notes are longer than the {MAX_HEADER:,} bytes of a header.")
    try:
        write_whole(path, content)
    except OSError as error:
        said = str(error.strerror or error).rstrip(".")
        raise FileError(f"{path}: nothing was written: {said}.") from error


def read(path: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the notes of a file; without notes, as other programs write it, they are {}.

    errors   FileError if there is no such file, or it is damaged
    """
    from safetensors import SafetensorError, safe_open

    path = as_path(path)
    if not path.is_file():
        found = "this is a folder" if path.is_dir() else "there is no such file"
        raise FileError(f"{path}: {found}. Check the name.")
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(KEY, "{}")
            arrays = {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        notes = json.loads(text, parse_constant=_no_number)
    except PermissionError as error:
        raise FileError(f"{path}: it may not be read: {error.strerror}.") from None
    except (SafetensorError, OSError, TypeError, ValueError, KeyError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(notes, dict):
        raise damaged(path, f"its notes are a {type(notes).__name__}")
    return arrays, notes


def damaged(path: Any, why: Any) -> FileError:
    """The error about a file with impossible content."""
    return FileError(f"{path}: the file is damaged, or no safetensors file ({why!s:.200}).")


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
