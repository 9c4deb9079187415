"""The engine: runs a graph's forward and backward as programs of machine code.

    with layerwise.engine("compiled"):
        ...

Numba makes the code, from the Python in this folder, when a graph is first run. One asks for it, as
above or by LAYERWISE_ENGINE=compiled in the environment; else every layer runs its own code. It is
not the default, since compiling takes seconds where the folder of kernels is still empty, which a
small network does not earn back. See docs/engine.md.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from threading import RLock
from typing import Any

import numpy as np

from .. import graph as graphs
from ..errors import LayerwiseError
from ..optim import optimizer

ENGINES = ("compiled", "numpy")
PLANS = 8  # that a graph keeps, for as many shapes of its inputs
_waiting: list[Callable[[], None]] | None = []  # for the compiled engine; None: it was asked for
_planning = RLock()  # threads may look for a graph's plans at the same time


class EngineError(LayerwiseError, ValueError):
    """An engine, or a number of threads, that there is not."""


def _checked(name: str, asked: str) -> str:
    """The name of an engine that there is; `asked` is how one has asked for it."""
    global _waiting
    if name not in ENGINES:
        raise EngineError(f"{asked}: choose one of {ENGINES}.")
    if name == "compiled" and not _numba_is_there():
        raise EngineError(f"{asked} needs Numba: pip install numba.")
    if name == "compiled":
        waiting, _waiting = _waiting or (), None
        for do in waiting:
            do()
    return name


def when_asked_for(do: Callable[[], None]) -> None:
    """Do this before the compiled engine first runs, so that who never wants it pays nothing."""
    if _waiting is None:
        do()
    else:
        _waiting.append(do)


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Run graphs by the engine of this name, inside a `with`.

    name     "numpy": every layer runs its own code; "compiled": the machine code of the plan, for
             graphs of float32, and for layers of the books by hand; anything else still runs its
             own code
    errors   EngineError for another name, and for "compiled" where Numba is not installed

    Outside of any `with` it is the one that $LAYERWISE_ENGINE named when layerwise was imported, or
    "numpy".

    >>> from layerwise import Affine, Sequential
    >>> net = Sequential(Affine(2, 1), seed=0)
    >>> x = np.ones((1, 2), np.float32)
    >>> with engine("numpy"):
    ...     y = net.forward(x)
    >>> bool(np.isclose(y, net.forward(x)).all())
    True
    """
    token = _chosen.set(_checked(name, f"engine({name!r})"))
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen() -> str:
    """The name of the engine that runs here."""
    return _chosen.get(_default)


def choose(name: str, asked: str) -> None:
    """Let this engine run wherever no `with` names another; `asked` is how one has asked for it."""
    global _default
    _default = _checked(name, asked)


def set_num_threads(threads: int | None) -> None:
    """Let the engine work with so many threads from now on.

    threads   1 or more; None: $LAYERWISE_NUM_THREADS, or as many as there are CPUs
    errors    EngineError for anything else

    Results do not depend on it.
    """
    if threads is not None:
        whole = isinstance(threads, (int, np.integer)) and not isinstance(threads, bool)
        if not whole or threads < 1:
            raise EngineError(f"set_num_threads({threads!r}): give a whole number from 1 up.")
        threads = int(threads)
    if _numba_is_there():
        from .pool import POOL

        POOL.set_threads(threads)


@lru_cache(maxsize=1)
def _numba_is_there() -> bool:
    try:
        return importlib.util.find_spec("numba") is not None
    except ValueError:  # it has been put out of reach: sys.modules["numba"] is None
        return False


def plan_of(graph: Any, values: list[Any], predicts: bool) -> Any:
    """The plan that runs this graph from these values of its inputs; None: it runs as written."""
    if chosen() != "compiled" or graph._nested or not graph._calls:
        return None
    if graph.dtype != np.float32:
        return None
    inputs = values[: len(graph.inputs)]
    key = predicts, graph.training, *[(np.shape(x), getattr(x, "dtype", type(x))) for x in inputs]
    with _planning:
        plan = graph._plans.pop(key, None)
        if plan is None or not plan.is_current():
            from .plan import Plan

            plan = Plan(graph, predicts)
        graph._plans[key] = plan  # the last one used is the last
        while len(graph._plans) > PLANS:
            del graph._plans[next(iter(graph._plans))]
    return plan


def change(updates: list[tuple[Any, ...]]) -> None:
    """Do the steps of optimizers, in kernels where there are some."""
    if chosen() == "compiled":
        from .updates import change

        change(updates)
    else:
        as_written(updates)


_asked = os.environ.get("LAYERWISE_ENGINE") or "numpy"
_default = _checked(_asked, f"LAYERWISE_ENGINE={_asked}")
_chosen: ContextVar[str] = ContextVar("engine")
graphs.planner = plan_of
as_written, optimizer.change = optimizer.change, change
