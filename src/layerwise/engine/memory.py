"""Memory of a plan: aligned, filled anew by every run, and never taken from whoever holds it.

64 bytes are a line of the cache and the widest vector: arrays that begin at a multiple of it load
fastest. NumPy promises 16.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

ALIGN = 64


class Block:
    """Memory for one array, with a few bytes more so that the array can begin where it should."""

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float32) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        self.raw = np.empty(size + ALIGN, np.uint8)
        self.start = -address_of(self.raw) % ALIGN

    def array(self) -> Any:
        """The array over this memory: a new object each time, of which `raw` is the base."""
        return np.ndarray(self.shape, self.dtype, self.raw, self.start)


def aligned(shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """A new aligned array; its numbers are whatever was there."""
    return Block(shape, dtype).array()


def address_of(array: Any) -> int:
    """Where an array begins; the second way takes three times as long."""
    if array.flags.writeable and array.size:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    return array.ctypes.data


def references(block: Block) -> int:
    """How many arrays and others refer to this memory."""
    return sys.getrefcount(block.raw)


UNHELD = references(Block((0,)))  # of memory over which there is no array


class Plain:
    """A value of a plan that no kernel works on: any object."""

    shape: tuple[int, ...] = ()
    own = False

    def __init__(self, given: Any = None) -> None:
        self.given = given

    def bind(self, given: Any) -> None:
        self.given = given


class Bundle:
    """The values that a layer with several outputs gives; or their gradients, None for those that
    nothing depends on."""

    shape: tuple[int, ...] = ()
    own = True

    def __init__(self, parts: Sequence[Buffer | None]) -> None:
        self.parts = tuple(parts)
        self.root = self

    def shown(self) -> Any:
        return tuple(None if part is None else part.shown() for part in self.parts)


class Flag:
    """A number among the arguments of kernels that may change between runs."""

    def __init__(self) -> None:
        self._number = 0
        self._places: list[tuple[Any, int]] = []

    def refer(self, words: Any, i: int) -> None:
        self._places.append((words, i))
        words[i] = self._number

    def set(self, number: int) -> None:
        self._number = number
        for words, i in self._places:
            words[i] = number


class Buffer:
    """Where the numbers of one value of a plan are: memory of its own, or an array that came in.

    Arguments of kernels refer to it by its address, and follow it when it moves. Memory that a
    person or a layer may have got hold of is left to them: if somebody still holds it, the
    next run gets other memory. So what was given away stays as it is, and a training goes on in the
    same one or two arrays.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float32, own: bool = False) -> None:
        self.shape, self.dtype, self.own = shape, np.dtype(dtype), own
        self.array: Any = None
        self.given: Any = None  # the same, as it came in
        self._blocks: list[Block] = []
        self._address = 0
        self._places: list[tuple[Any, int]] = []  # the words that hold its address
        self._views: list[Buffer] = []
        self.root = self  # whose memory it is
        if own:
            self.renew()

    def refer(self, words: Any, i: int) -> None:
        """Let a word of a kernel's arguments hold the address from now on."""
        self._places.append((words, i))
        words[i] = self._address

    def view(self, shape: tuple[int, ...]) -> Buffer:
        """The same numbers in another shape."""
        view = Buffer(shape, self.dtype)
        view.root, view.own = self.root, self.own
        self._views.append(view)
        view.bind(self.array.reshape(shape))
        return view

    def bind(self, array: Any) -> None:
        """Be where this array is; it is copied if its numbers do not lie one behind the other."""
        self.given = array
        array = np.ascontiguousarray(array, self.dtype)
        self.array = array if array.shape == self.shape else array.reshape(self.shape)
        address = address_of(array)
        if address != self._address:
            self._address = address
            for words, i in self._places:
                words[i] = address
        for view in self._views:
            view.bind(array.reshape(view.shape))

    def renew(self) -> None:
        """Be in memory that nobody else holds."""
        for one in (self, *self._views):
            one.array = one.given = None
        free = [block for block in self._blocks if references(block) == UNHELD]
        if not free:
            free = [Block(self.shape, self.dtype)]
            self._blocks = [*self._blocks[-1:], *free]  # what is older goes with its holder
        self.bind(free[0].array())

    def shown(self) -> Any:
        """A copy of the numbers, for whoever wants to look at them; of one number, itself."""
        return self.array.copy() if self.shape else self.array[()]
