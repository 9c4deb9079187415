"""CIFAR-10's binary files: records of one byte for the class, and 3072 for the image.

    byte  0              the class, 0 to 9
    bytes 1 to 1024      red, row by row; then as many of green, and of blue

Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .catalog import CIFAR10_NAMES
from .idx import problem

RECORD = 1 + 3 * 32 * 32
LARGEST = 100_000 * RECORD  # ten times a true file: more is not read into memory
ADVICE = "Get CIFAR-10's binary version again."

Part = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images (N, 3, 32, 32), labels (N,)


def read_cifar(paths: list[Path]) -> tuple[Part, Part]:
    """Both parts, from the six files or from the archive that holds them."""
    if len(paths) == 1:
        contents = unpacked(paths[0])
        places = [paths[0] / name for name in CIFAR10_NAMES]  # for messages
    else:
        contents, places = [whole(path) for path in paths], paths
    parts = [records(content, place) for content, place in zip(contents, places)]
    train = [np.concatenate(arrays) for arrays in zip(*parts[:-1])]
    return (train[0], train[1]), parts[-1]


def records(content: bytes, path: Path) -> Part:
    """Images and labels of one file."""
    if len(content) % RECORD:
        expected = f"records of {RECORD} bytes each"
        raise problem(path, expected, f"{len(content)} bytes", ADVICE)
    rows = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels, images = rows[:, 0], rows[:, 1:].reshape(-1, 3, 32, 32)
    if labels.max(initial=0) > 9:
        raise problem(path, "labels from 0 to 9", f"{labels.max()}", ADVICE)
    return images, labels


def whole(path: Path) -> bytes:
    """The bytes of one file."""
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise problem(path, f"at most {LARGEST} bytes", f"{size}", ADVICE)
        return path.read_bytes()
    except OSError as error:
        got, advice = f"the error '{error.strerror}'", "Check the permissions and the disk."
        raise problem(path, "a file that can be read", got, advice) from error


def unpacked(path: Path) -> list[bytes]:
    """The six files in the archive, which is read and never unpacked to the disk."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in CIFAR10_NAMES and name not in found:
                    found[name] = member_of(archive, member, path / name)
                if len(found) == len(CIFAR10_NAMES):
                    return [found[name] for name in CIFAR10_NAMES]
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        got = f"damaged data ({error})"
        raise problem(path, "a whole archive, .tar.gz", got, ADVICE) from error
    missing = next(name for name in CIFAR10_NAMES if name not in found)
    raise problem(path, f"{missing} in the archive", "nothing of that name", ADVICE)


def member_of(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> Any:
    """The bytes of a file in the archive."""
    if member.size > LARGEST:
        raise problem(place, f"at most {LARGEST} bytes", f"{member.size}", ADVICE)
    file = archive.extractfile(member) if member.isfile() else None
    if file is None:
        raise problem(place, "a file", "something else in the archive", ADVICE)
    return file.read()
