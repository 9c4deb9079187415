"""Writing a file whole or not at all, and where files are kept that can be had again."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any


def as_path(given: Any) -> Path:
    """A path that a person gave; `~` at its beginning is the person's folder."""
    return Path(os.path.expanduser(given))


def write_whole(path: Any, content: bytes) -> None:
    """Write a file whole, or leave what was there before as it was.

    The content goes into a new file in the same folder, onto the disk, and then into its place in
    one step. A file that was there keeps its permissions; a link keeps pointing where it did.

    errors   OSError if the folder is missing or nothing can be written there; what has been
             written until then is removed
    """
    import secrets  # slow to import, and most programs write nothing

    path = Path(os.path.realpath(as_path(path)))
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder. Add the name of a file.")
    if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
        raise PermissionError(f"{str(path)!r} is there and may not be replaced.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} for {path.name!r}.")
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(beside, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(beside, stat.S_IMODE(path.stat().st_mode))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)  # still there only if something went wrong
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Have the disk note the file's new name, where a folder can be opened for that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # on Windows
    try:
        os.fsync(handle)
    except OSError:
        pass  # the file itself is safe; some file systems cannot do more
    finally:
        os.close(handle)


def cache_folder() -> Path:
    """Where files are kept that can be downloaded or made anew: `$LAYERWISE_CACHE`, else the user's
    folder for such things.

    That is `$XDG_CACHE_HOME/layerwise`, or `~/.cache/layerwise`; on macOS
    `~/Library/Caches/layerwise`, on Windows `%LOCALAPPDATA%/layerwise`.
    """
    if os.environ.get("LAYERWISE_CACHE"):
        return as_path(os.environ["LAYERWISE_CACHE"])
    usual = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA", "~")}
    root = os.environ.get("XDG_CACHE_HOME") or usual.get(sys.platform, "~/.cache")
    return as_path(Path(root, "layerwise"))
