"""Ctrl-C, and the threads of the BLAS: what a training takes over from the process for a while."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def on_ctrl_c(first: Callable[[], None]) -> Iterator[None]:
    """Call `first` at the first Ctrl-C, and let the second one interrupt as usual.

    Only the main thread hears of Ctrl-C; a handler of somebody else's is left in its place.
    """
    usual = signal.default_int_handler
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return

    def pressed(*_: Any) -> None:
        signal.signal(signal.SIGINT, usual)
        first()

    signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


@contextmanager
def blas_threads(count: int | None) -> Iterator[None]:
    """Let NumPy's matrix products run on so many threads; None: on as many as they like.

    A product that is split among threads is rounded in another way. On one thread, the last bits
    do not depend on the machine's load or settings.
    """
    if count is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(count, user_api="blas"):
        yield
