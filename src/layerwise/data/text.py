"""A text as numbers, character by character, for models that predict the next one."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..files import as_path
from .idx import GZIP


class Text(NamedTuple):
    """A text in two parts, each an array of character numbers.

    train      what a network learns from
    test       the end of the text, held out from training
    alphabet   all characters of the text; a character's number is its place here

    >>> text = Text(np.array([0, 1, 1]), np.array([0]), "ab")
    >>> text.decode(text.train), text.encode("ba")
    ('abb', array([1, 0]))
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    alphabet: str

    def encode(self, characters: str) -> NDArray[np.int64]:
        """The numbers of these characters; ValueError for one that the text does not have."""
        number = {character: i for i, character in enumerate(self.alphabet)}
        unknown = sorted(set(characters) - set(number))
        if unknown:
            raise ValueError(f"The text has no {unknown[0]!r}; it has {self.alphabet!r}.")
        return np.array([number[character] for character in characters], dtype=np.int64)

    def decode(self, numbers: NDArray[np.integer]) -> str:
        """The characters of these numbers."""
        return "".join(self.alphabet[number] for number in numbers)


def text(path: str | os.PathLike[str], *, held_out: float = 0.1) -> Text:
    """A text file, character by character.

    path       the file, in UTF-8, compressed with gzip or not (the content decides)
    held_out   what part of the text, at its end, is not learned from, from 0 up to below 1

    errors     DataError, if the file is missing, damaged, empty or not UTF-8;
               ValueError for another part

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "song.txt")
    ...     _ = path.write_text("la la la la")
    ...     song = text(path, held_out=0.2)
    >>> song.alphabet, song.decode(song.train), song.decode(song.test)
    (' al', 'la la la ', 'la')
    """
    if not 0 <= held_out < 1:
        raise ValueError(f"text(held_out={held_out!r}): a part is from 0 up to below 1.")
    characters = read_characters(as_path(path))
    alphabet = "".join(sorted(set(characters)))
    points = np.frombuffer(characters.encode("utf-32-le"), dtype="<u4")
    numbers: NDArray[np.int64] = np.searchsorted(np.unique(points), points).astype(np.int64)
    end = round(len(numbers) * (1 - held_out))
    return Text(numbers[:end], numbers[end:], alphabet)


def passages(
    numbers: NDArray[np.integer], length: int
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """A text cut into passages that follow each other, and for each character the one after it.

    numbers   the text, (L,)
    length    how many characters a passage has; what is left at the end is dropped

    returns   x and t, both (N, length) with N = (L - 1) // length; t is x one character later
    errors    ValueError for a text that is too short

    >>> x, t = passages(np.array([7, 8, 9, 10, 11, 12]), 2)
    >>> x.tolist(), t.tolist()
    ([[7, 8], [9, 10]], [[8, 9], [10, 11]])
    """
    count = (len(numbers) - 1) // length if length > 0 else 0
    if count < 1:
        raise ValueError(
            f"passages(length={length!r}): a text of {len(numbers)} characters has no passage of "
            "this length with a character behind it. Take a length from 1 up, and a longer text."
        )
    end = count * length
    return numbers[:end].reshape(count, length), numbers[1 : end + 1].reshape(count, length)


def read_characters(path: Path) -> str:
    """All characters of a file, or a DataError that says why there are none."""
    try:
        raw = path.read_bytes()
        if raw.startswith(GZIP):
            raw = gzip.decompress(raw)
        characters = raw.decode("utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file. Check the name.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder. Give the name of a file in it.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: the text cannot be read: {getattr(error, 'strerror', None) or error}. "
            "Give a text file, compressed with gzip or not."
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected a text in UTF-8, but byte {error.start} is {raw[error.start]:#04x}. "
            "Store it as UTF-8."
        ) from None
    if not characters:
        raise DataError(f"{path}: the text is empty.")
    return characters
