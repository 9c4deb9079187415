"""Memory of a plan: aligned, shared, filled anew by every run, never taken from whoever holds it.

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
WASTE = 4  # how many times as large as needed a block may be


class Block:
    """Memory, with a few bytes more so that an array in it can begin where it should."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.raw: Any = np.empty(size + ALIGN, np.uint8)
        self.start = -address_of(self.raw) % ALIGN

    def array(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array over this memory: a new object each time, of which `raw` is the base."""
        return np.ndarray(shape, dtype, self.raw, self.start)


def aligned(shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """A new aligned array; its numbers are whatever was there."""
    return Block(bytes_of(shape, dtype)).array(shape, dtype)


def bytes_of(shape: tuple[int, ...], dtype: Any) -> int:
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


def address_of(array: Any) -> int:
    """Where an array begins; the second way takes three times as long."""
    if array.flags.writeable and array.size:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    return array.ctypes.data


def references(block: Block) -> int:
    """How many arrays and others refer to this memory."""
    return sys.getrefcount(block.raw)


UNHELD = references(Block(0))  # of memory over which there is no array


class Pool:
    """The blocks of a plan. What a buffer does not need any more, the next one takes."""

    def __init__(self) -> None:
        self.size = 0  # of all blocks, in bytes
        self._free: list[Block] = []

    def take(self, size: int) -> Block:
        """The smallest block that is free and large enough, if it is not far too large."""
        fitting = [one for one in self._free if size <= one.size <= WASTE * size]
        if not fitting:
            self.size += size
            return Block(size)
        block = min(fitting, key=lambda one: one.size)
        self._free.remove(block)
        return block

    def give_back(self, block: Block) -> None:
        self._free.append(block)


class Plain:
    """A value of a plan that no kernel works on: any object."""

    shape: tuple[int, ...] = ()
    dtype: Any = None
    computed = False

    def __init__(self, given: Any = None) -> None:
        self.given = given

    def bind(self, given: Any) -> None:
        self.given = given


class Bundle:
    """The values that a layer with several outputs gives; or their gradients, None for those that
    nothing depends on."""

    shape: tuple[int, ...] = ()
    computed = True
    kept: Any = None  # what a person is given to look at

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = tuple(parts)

    def shown(self) -> Any:
        return tuple(None if part is None else part.shown() for part in self.parts)


class Flag:
    """A number among the arguments of kernels that may change between runs."""

    def __init__(self) -> None:
        self.number = 0
        self._places: list[tuple[Any, int]] = []

    def refer(self, words: Any, i: int) -> None:
        self._places.append((words, i))
        words[i] = self.number

    def set(self, number: int) -> None:
        self.number = number
        for words, i in self._places:
            words[i] = number


class Spot:
    """Where the numbers of one value are: in memory of the plan's own, or an array that came in.

    Arguments of kernels refer to it by its address, and follow it when it moves. Memory that a
    person or a layer may have got hold of is left to them: if somebody still holds it, the
    next run gets other memory. So what was given away stays as it is, and a training goes on in the
    same one or two arrays.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, maker: Any = None) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.maker = maker  # the pass that computes it, in memory of the plan; None: it came in
        self.buffers = 0  # how many there are: without any, its memory is given on
        self.array: Any = None
        self.given: Any = None  # the same, as it came in
        self._blocks: list[Block] = []
        self._address = 0
        self._places: list[tuple[Any, int]] = []  # the words that hold its address
        self._pool: Pool | None = None if maker is None else maker.plan.pool
        if self._pool is not None:
            self._blocks = [self._pool.take(self.size)]
            self.bind(self._blocks[0].array(self.shape, self.dtype))

    @property
    def size(self) -> int:
        """In bytes."""
        return bytes_of(self.shape, self.dtype)

    def refer(self, words: Any, i: int) -> None:
        """Let a word of a kernel's arguments hold the address from now on."""
        self._places.append((words, i))
        words[i] = self._address

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

    def renew(self) -> None:
        """Be in memory that nobody else holds."""
        if self.array is not None and self.alone():
            return
        self.array = self.given = None
        free = [block for block in self._blocks if references(block) == UNHELD]
        if not free:
            free = [Block(self.size)]
            self._blocks = [*self._blocks[-1:], *free]  # what is older goes with its holder
        self.bind(free[0].array(self.shape, self.dtype))

    def alone(self) -> bool:
        """Whether the array is over memory of its own, and nobody else holds one of the two."""
        base = self.array.base
        own = any(one.raw is base for one in self._blocks)
        return own and sys.getrefcount(base) == ALONE[0] and sys.getrefcount(self.array) == ALONE[1]

    def give_on(self) -> None:
        """Let others have the memory; kernels that have written here before go on doing it."""
        if self._pool is not None:
            self.array = self.given = None
            self._pool.give_back(self._blocks.pop())
            self._pool = None

    def move_out(self) -> None:
        """Be in memory that no other value of the plan has at any time."""
        if self._pool is not None:
            held, self.array = self.array, None
            shared = self._blocks.pop()
            self.renew()
            self.array[...] = held
            self._pool.give_back(shared)
            self._pool = None


class Covered(Spot):
    """A value that is nowhere, since another is written over it as soon as it is there: kernels
    find it where that one is. Whoever looks at it has it computed again."""

    size = 0

    def __init__(self, by: Spot) -> None:
        super().__init__(by.shape, by.dtype)
        self.maker, self.by = by.maker, by

    def refer(self, words: Any, i: int) -> None:
        self.by.refer(words, i)


def held_alone() -> tuple[int, int]:
    """What `Spot.alone` counts where nobody else holds anything."""
    spot = Spot((1,), np.float32)
    spot.renew()
    base = spot.array.base
    return sys.getrefcount(base), sys.getrefcount(spot.array)


ALONE = held_alone()


class Buffer:
    """A value of a plan, for as long as somebody needs it: numbers of some shape at a spot.

    `maker` is the pass that computes it. When its last buffer is gone, the spot's memory goes to
    the next that is recorded: so an Op that needs something in backward just holds on to it. With
    `own` it has memory that it shares with none.
    """

    kept: Any = None  # what a person is given to look at

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: Any = np.float32,
        own: bool = False,
        maker: Any = None,
        spot: Spot | None = None,
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.spot = spot or Spot(shape, dtype, maker)
        self.spot.buffers += 1
        if own:
            self.renew()

    def __del__(self) -> None:
        self.spot.buffers -= 1
        if not self.spot.buffers:
            self.spot.give_on()

    @property
    def computed(self) -> bool:
        """Whether a pass computes it, in memory of the plan."""
        return self.spot.maker is not None

    @property
    def array(self) -> Any:
        held = self.spot.array
        if held is None or held.shape == self.shape:
            return held
        return held.reshape(self.shape)

    @property
    def given(self) -> Any:
        """The array as it came in."""
        return self.spot.given if self.spot.shape == self.shape else self.array

    def view(self, shape: tuple[int, ...]) -> Buffer:
        """The same numbers in another shape."""
        return Buffer(shape, self.dtype, spot=self.spot)

    def bind(self, array: Any) -> None:
        self.spot.bind(array)

    def renew(self) -> None:
        self.spot.renew()

    def shown(self) -> Any:
        """A copy of the numbers, for whoever wants to look at them; of one number, itself."""
        return self.array.copy() if self.shape else self.array[()]


class Trace:
    """A value of a plan that nobody needs any more: it is looked up, or else computed again."""

    computed = True
    kept: Any = None  # what a person is given to look at

    def __init__(self, buffer: Buffer) -> None:
        self.shape, self.dtype, self.spot = buffer.shape, buffer.dtype, buffer.spot

    def shown(self) -> Any:
        """A copy of the numbers."""
        there = self.spot.buffers > 0 and self.spot.array is not None
        array = self.spot.array if there else self.spot.maker.again(self.spot)
        return array.reshape(self.shape).copy() if self.shape else array[()]


def traced(value: Any) -> Any:
    """What is left of a value if nobody needs it any more."""
    if isinstance(value, Bundle):
        return Bundle([traced(part) for part in value.parts])
    return Trace(value) if isinstance(value, Buffer) else value
