"""IDX files, the format of MNIST: an array behind a small header.

    byte  0, 1    zero
    byte  2       the type of the numbers (see TYPES)
    byte  3       how many axes the array has
    4 per axis    the length of the axis
    the rest      the numbers, the last axis running fastest

Every number has its most significant byte first. The file may be compressed with gzip.

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database, http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import gzip
import io
import math
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from ..files import as_path, write_whole

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("uint8"),
    0x09: np.dtype("int8"),
    0x0B: np.dtype(">i2"),  # > is "most significant byte first"
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
NAMES = "uint8, int8, int16, int32, float32 or float64"
MAX_AXES = 64  # of a NumPy array
MAX_LENGTH = 2**32 - 1  # of an axis: the file has 4 bytes for it
MAX_RATIO = 1032  # gzip packs no more bytes than this into one
CHUNK = 2**20  # bytes read at once: memory grows with what is there, not with what is promised
GZIP = b"\x1f\x8b"  # how a compressed file begins
NOT_IDX = "Get the file again: it is damaged or not an IDX file."

Reader = gzip.GzipFile | io.BufferedReader


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """The array in one IDX file, compressed with gzip or not (the content decides, not the name).

    path      the file

    returns   an array of its own, writable, in this machine's byte order: uint8, int8, int16,
              int32, float32 or float64, of the shape that the file names
    errors    DataError, if the file is missing, damaged, cut off, or not an IDX file
    source    http://yann.lecun.com/exdb/mnist/

    >>> import os, tempfile
    >>> import numpy as np
    >>> import layerwise as lw
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "squares.gz")
    ...     lw.data.write_idx(path, np.array([[0, 1], [4, 9]], dtype="int16"))
    ...     lw.data.read_idx(path)
    array([[0, 1],
           [4, 9]], dtype=int16)
    """
    path = as_path(path)
    if not os.path.isfile(path):
        got = "a folder" if os.path.isdir(path) else "nothing: there is no such file to be found"
        raise problem(path, "an IDX file", got, "Check the name.")
    try:
        with open_idx(path) as file:
            dtype, shape = read_header(path, file)
            data = read_exactly(path, file, math.prod(shape) * dtype.itemsize, "numbers")
            if file.read(1):  # at the end, this is also where gzip compares its checksum
                expected = f"the file to end after {len(data)} bytes of numbers"
                raise problem(path, expected, "more", NOT_IDX)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        got, advice = f"damaged data ({error})", "Get the file again."
        raise problem(path, "whole gzip data", got, advice) from error
    except OSError as error:
        got, advice = f"the error '{error.strerror}'", "Check the permissions and the disk."
        raise problem(path, "a file that can be read", got, advice) from error
    numbers = np.frombuffer(data, dtype)
    return numbers.astype(dtype.newbyteorder("="), copy=False).reshape(shape)


def write_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write one array as an IDX file, compressed with gzip if the name ends in `.gz`.

    The same array gives the same bytes every time. The file appears at once and whole: if
    something goes wrong, what was there before is still there.

    path     the file; its folder must exist
    array    of type uint8, int8, int16, int32, float32 or float64, of any shape

    errors   DataError, if the type has no place in an IDX file, or there is no such folder
    source   http://yann.lecun.com/exdb/mnist/

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import layerwise as lw
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "pixels")
    ...     lw.data.write_idx(path, np.array([7, 255], dtype="uint8"))
    ...     path.read_bytes().hex(" ")
    '00 00 08 01 00 00 00 02 07 ff'
    """
    path, array = as_path(path), np.asarray(array)
    content = header_of(path, array) + array.astype(array.dtype.newbyteorder(">")).tobytes()
    if path.is_dir():
        raise problem(path, "the name of a file", "a folder", "Add a file name.")
    if not path.parent.is_dir():
        raise problem(path, f"the folder {path.parent}", "nothing there", "Make the folder first.")
    if path.name.endswith(".gz"):
        packed = io.BytesIO()  # neither name nor time go into the file: it is the same every time
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
            file.write(content)
        content = packed.getvalue()
    write_whole(path, content)


def problem(path: Path, expected: str, got: str, advice: str) -> DataError:
    """The error about one file, in the words that all of them share."""
    return DataError(f"{path}: expected {expected}, but got {got}. {advice}")


def open_idx(path: Path) -> Reader:
    """The file, open for reading."""
    with open(path, "rb") as file:
        compressed = file.read(len(GZIP)) == GZIP
    return gzip.open(path) if compressed else open(path, "rb")


def read_exactly(path: Path, file: Reader, size: int, what: str) -> bytearray:
    """The next `size` bytes of the file."""
    data = bytearray()
    while len(data) < size:
        chunk = file.read(min(CHUNK, size - len(data)))
        if not chunk:
            expected, advice = f"{size} bytes of {what}", "Get the whole file: it is cut off."
            raise problem(path, expected, f"{len(data)}", advice)
        data += chunk
    return data


def read_header(path: Path, file: Reader) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type (most significant byte first) and the shape of the array that follows."""
    magic = read_exactly(path, file, 4, "IDX header")
    code, axes = magic[2], magic[3]
    if magic[:2] != b"\0\0":
        expected = "an IDX file, which begins with the bytes 00 00"
        raise problem(path, expected, magic[:2].hex(" "), "Is this the right file?")
    if code not in TYPES:
        expected = f"one of the IDX types {', '.join(f'{c:02x}' for c in TYPES)}"
        raise problem(path, expected, f"{code:02x}", NOT_IDX)
    if axes > MAX_AXES:
        raise problem(path, f"at most {MAX_AXES} axes", f"{axes}", NOT_IDX)

    lengths = read_exactly(path, file, 4 * axes, "IDX header")
    dtype, shape = TYPES[code], tuple(np.frombuffer(lengths, ">u4").tolist())
    check_size(path, dtype, shape)
    return dtype, shape


def check_size(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Refuse a shape that this file cannot hold, before anything is read or allocated for it."""
    # Axes of length 0 are left out: NumPy, too, refuses (0, 2**32 - 1, 2**32 - 1).
    size = math.prod(n for n in shape if n > 0) * dtype.itemsize
    limit = sys.maxsize if 0 in shape else path.stat().st_size * MAX_RATIO
    if size > limit:
        expected = f"at most {limit} bytes of numbers, more cannot be in this file"
        got = f"a header that promises the shape {shape}, {size} bytes"
        raise problem(path, expected, got, NOT_IDX)


def header_of(path: Path, array: NDArray[Any]) -> bytes:
    """The bytes that stand before the numbers of this array."""
    codes = {dtype.newbyteorder("="): code for code, dtype in TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None:
        advice = "Convert it first, for example with array.astype('float32')."
        raise problem(path, f"an array of type {NAMES}", f"{array.dtype}", advice)
    if max(array.shape, default=0) > MAX_LENGTH:
        expected, got = f"axes of at most {MAX_LENGTH} numbers", f"the shape {array.shape}"
        raise problem(path, expected, got, "Write it as several files.")
    lengths = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, code, array.ndim]) + lengths
