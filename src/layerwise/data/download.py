"""Files from the network: whole and with the right checksum, or not at all."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ..files import write_whole
from .catalog import DataSet, File

CHUNK = 2**16  # bytes read at once
PATIENCE = 30  # seconds without a byte before a server is given up


class DownloadError(Exception):
    """Why a file could not be downloaded, in a few words."""


def download_files(data_set: DataSet, folder: Path) -> None:
    """Download what is not in the folder yet.

    A file appears in the folder under its name once it is whole and its checksum right, in one
    step, so that several programs may do this at the same time.

    errors   DownloadError, if a file cannot be had or written
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in data_set.files:
            if not (folder / file.name).is_file():
                write_whole(folder / file.name, content_of(file, addresses(data_set)))
    except OSError as error:
        raise DownloadError(f"{folder}: {error.strerror or error}") from None


def addresses(data_set: DataSet) -> list[str]:
    """Where the files are: in $LAYERWISE_MIRROR/NAME, if that is set, else at the publishers'."""
    mirror = os.environ.get("LAYERWISE_MIRROR")
    return [f"{mirror.rstrip('/')}/{data_set.name}/"] if mirror else list(data_set.addresses)


def content_of(file: File, places: list[str]) -> bytes:
    """The file from the first place that has it as it should be."""
    problems = []
    for place in places:
        try:
            return checked(file, b"".join(received(place + file.name, file)))
        except (OSError, HTTPException, ValueError, DownloadError) as error:
            problems.append(f"{place}{file.name}: {reason(error)}")
    raise DownloadError("; ".join(problems))


def received(address: str, file: File) -> Iterator[bytes]:
    """The bytes of a file as they come, and a line that says how many came."""
    request = Request(address, headers={"User-Agent": "layerwise"})
    with urlopen(request, timeout=PATIENCE) as answer, progress(address, file) as show:
        got = 0
        # One byte more than there should be is enough to know that it is another file.
        while chunk := answer.read(min(CHUNK, file.size + 1 - got)):
            got += len(chunk)
            show(got)
            yield chunk


@contextmanager
def progress(address: str, file: File) -> Iterator[Callable[[int], None]]:
    """Shows how far it is: in a terminal a line written again and again, elsewhere a line."""
    terminal, size = sys.stderr.isatty(), f"{file.size / 1e6:.1f} MB"

    def show(got: int) -> None:
        far = f"{got / 1e6:.1f} of {size}"
        print(f"\rDownloading {file.name}: {far}", end="", file=sys.stderr, flush=True)

    if not terminal:
        print(f"Downloading {address}: {size}", file=sys.stderr)
    try:
        yield show if terminal else (lambda got: None)
    finally:
        if terminal:
            print(file=sys.stderr)


def checked(file: File, content: bytes) -> bytes:
    if len(content) != file.size:
        more = "more" if len(content) > file.size else f"{len(content):,}"
        raise DownloadError(f"expected {file.size:,} bytes, but got {more}")
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise DownloadError(f"expected the SHA-256 {file.sha256}, but got {found}")
    return content


def reason(error: Exception) -> str:
    """Why something was not got, in the words of whoever refused it."""
    if isinstance(error, HTTPError):
        return f"{error.code} {error.reason}"
    if isinstance(error, URLError):
        return reason(error.reason) if isinstance(error.reason, Exception) else str(error.reason)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
