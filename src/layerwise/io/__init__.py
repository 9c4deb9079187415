"""Files of networks: structure and numbers in one safetensors file, and nothing that is executed.

`save` and `load` write and read a whole network. `write` and `read` are what stands below them:
arrays by name, with notes in JSON. `state` and `restore` take out and put back everything that
running a network changes; together they make a checkpoint.

The arrays lie in the file under their dotted names, so that every program which knows safetensors
can read them. The structure is JSON under "layerwise" in the file's metadata: `structure` writes
it, `rebuild` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import FileError
from ..graph import Graph
from .rebuild import Rebuilder
from .state import restore, state
from .store import read, write
from .structure import Structure

__all__ = ["load", "read", "restore", "save", "state", "write"]

FORMAT = 1  # of the structure; a change that older versions cannot read makes it 2


def save(graph: Graph, path: Any) -> None:
    """Write a network, its structure and its numbers, into one file.

    The file has the layers with the arguments of their constructors, wiring, names, parameters,
    buffers, and the generators of random layers: what comes back from `load` goes on like this one.
    It appears at once and whole: if something goes wrong, what was there before is still there.

    path     the file, by custom ending in .safetensors; its folder must exist
    errors   FileError if a layer does not keep an argument of its constructor, or one that is no
             data, such as a function; if the disk is full, or nothing may be written there

    >>> import os, tempfile
    >>> import layerwise as lw
    >>> net = lw.Sequential(lw.Affine(4, 3), lw.ReLU(), seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.safetensors")
    ...     net.save(path)
    ...     lw.load(path)
    Sequential(Affine(4, 3), ReLU())
    """
    structure = Structure(path)
    structure.layer(graph, "")
    write(path, structure.arrays, {"format": FORMAT, **structure.notes()})


def load(path: Any, layers: Iterable[Any] = ()) -> Graph:
    """The network in a file that `Graph.save` has written.

    Only this library's own layers come back by themselves. Nothing in the file is executed, and
    a damaged file, or one that was made to do harm, ends in one error.

    path     the file
    layers   the classes of your own that the network is made of: `load(path, layers=[Mine])`.
             They are called with the arguments that the file has
    errors   FileError if there is no such file, if it is damaged or no network, or if it needs a
             class that was not given
    """
    arrays, notes = read(path)
    if notes.get("format") != FORMAT:
        raise FileError(
            f"{path}: this network is of the format {notes.get('format')!r:.40}, and this version "
            f"reads {FORMAT}. Install a newer layerwise."
            if "format" in notes
            else f"{path}: there are arrays in it, but no network. Give a file from net.save(...)."
        )
    return Rebuilder(path, arrays, notes, layers).network()
