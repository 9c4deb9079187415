"""Things made ahead, in a thread, while those made before are worked on."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 1.0  # seconds for what is being made; then the thread ends by itself, when that is done


def prefetched(source: Iterator[T], size: int) -> Iterator[T]:
    """The same things in the same order, up to `size` of them made ahead.

    An error in the source comes through where the thing would have come, with its traceback. The
    thread ends with the source, and also when the iterator is closed or nobody holds it any more;
    a source that is slow is not waited for.

    >>> list(prefetched(iter("abc"), size=2))
    ['a', 'b', 'c']
    """
    ready: Queue[tuple[str, Any]] = Queue(size)
    ended = threading.Event()
    thread = threading.Thread(
        target=_make, args=(source, ready, ended), name="layerwise-prefetch", daemon=True
    )
    thread.start()
    try:
        while True:
            kind, thing = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise thing
            yield thing
    finally:
        ended.set()
        # Emptied, the queue has room for what the thread may be waiting to put; then it looks at
        # `ended` and goes.
        with suppress(Empty):
            while True:
                ready.get_nowait()
        if thread is not threading.current_thread():  # which may be where garbage is collected
            thread.join(PATIENCE)


def _make(source: Iterator[T], ready: Queue[tuple[str, Any]], ended: threading.Event) -> None:
    """What the thread does."""
    try:
        for thing in source:
            if ended.is_set():
                break
            ready.put(("thing", thing))
        last: tuple[str, Any] = ("end", None)
    except BaseException as error:
        last = ("error", error)
    if not ended.is_set():
        ready.put(last)
    elif isinstance(source, Generator):
        source.close()  # here, where it ran
