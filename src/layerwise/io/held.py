"""The plain arrays that a layer holds from one run to the next.

This library's layers hold a `Buffer` for each. In classes written as in the books, an attribute may
be a parameter, running statistics, or what `forward` saves for `backward`; the code tells which.
"""

from __future__ import annotations

import dis
import inspect
import re
from functools import lru_cache
from typing import Any

import numpy as np

from ..anatomy import attributes, book_arrays

JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
NOTHING_FOLLOWS = re.compile("RETURN|RAISE|RERAISE|JUMP_(FORWARD|BACKWARD|ABSOLUTE)")


def held_arrays(layer: Any) -> dict[tuple[str | int, ...], Any]:
    """The arrays by their places: parameters of the books' kind, and all others that outlive a run.

    What outlives a run is what a run does not set, and what it asks for before it has set it.
    """
    found: dict[tuple[str | int, ...], Any] = {}
    gradients = {id(one) for one in attributes(layer).get("grads") or ()}
    for one in book_arrays(layer):
        place = (one.attribute,) if one.place is None else (one.attribute, one.place)
        found[place] = one.array
        gradients.add(id(attributes(layer).get(f"d{one.name}")))
    cls: Any = type(layer)
    if not cls.__module__.startswith("layerwise.layers."):
        for name, value in attributes(layer).items():
            if (
                isinstance(value, np.ndarray)
                and name not in left_behind(cls)
                and id(value) not in gradients
            ):
                found[(name,)] = value
    return found


@lru_cache(maxsize=1024)
def left_behind(cls: Any) -> frozenset[str]:
    """The attributes that a run sets and that the next run does not ask for."""
    forward, backward = Uses(cls, "forward"), Uses(cls, "backward")
    return frozenset((forward.sets | backward.sets) - forward.asks)


class Uses:
    """What a method, with those of its own that it calls, does to the attributes of its object.

    asks     those that it may read before it has set them
    sets     those that it may set
    surely   those that it has set whichever way it went
    """

    def __init__(
        self, cls: Any, name: str, classes: tuple[Any, ...] = (), callers: tuple[str, ...] = ()
    ) -> None:
        self.asks: set[str] = set()
        self.sets: set[str] = set()
        self.cls, self.name, self.callers = cls, name, (*callers, name)
        classes = classes or cls.__mro__
        at = next((i for i, one in enumerate(classes) if name in vars(one)), len(classes))
        self.above = classes[at + 1 :]  # where super() looks
        method = inspect.unwrap(vars(classes[at])[name]) if at < len(classes) else None
        ends = self.follow(method) if inspect.isfunction(method) else []
        self.surely = set.intersection(*ends) if ends else set()

    def follow(self, method: Any) -> list[set[str]]:
        """Go through the code once: what is surely set wherever it ends.

        A jump back, at the end of a loop, brings nothing that was not set before the loop.
        """
        ends: list[set[str]] = []
        arriving: dict[int, set[str]] = {}  # what is surely set where a jump leads
        now: set[str] | None = set()  # None: nothing leads here
        itself = method.__code__.co_varnames[:1]
        on_itself = False  # whether the next attribute is one of self
        for i in dis.get_instructions(method):
            if i.offset in arriving:
                now = arriving[i.offset] if now is None else now & arriving[i.offset]
            if now is None:
                continue
            if i.opcode in JUMPS:
                arriving[i.argval] = now & arriving.get(i.argval, now)
            elif i.opname.startswith("RETURN"):
                ends.append(now)
            elif i.opname == "LOAD_GLOBAL" and i.argval == "super":
                now = self.call(Uses(self.cls, self.name, self.above, self.callers), now)
            elif i.opname == "STORE_ATTR" and on_itself:
                self.sets.add(i.argval)
                now = now | {i.argval}
            elif i.opname in ("LOAD_ATTR", "LOAD_METHOD") and on_itself:
                now = self.read(i.argval, now)
            last = i.argval[-1:] if isinstance(i.argval, tuple) else (i.argval,)
            on_itself = last == itself and ("LOAD_FAST" in i.opname or i.opname == "LOAD_DEREF")
            if NOTHING_FOLLOWS.match(i.opname):
                now = None
        return ends

    def read(self, name: str, now: set[str]) -> set[str]:
        """Read an attribute; of a method of its own, all that this one does."""
        if not inspect.isfunction(getattr(self.cls, name, None)):
            self.asks |= {name} - now
        elif name not in self.callers:
            now = self.call(Uses(self.cls, name, (), self.callers), now)
        return now

    def call(self, inner: Uses, now: set[str]) -> set[str]:
        self.asks |= inner.asks - now
        self.sets |= inner.sets
        return now | inner.surely
