"""Kernels: functions on memory that the engine runs, and the arguments they are given.

    @kernel
    def scale(x: Floats, y: Floats, factor: Float, n: Int, chunk: Int, scratch: Floats) -> None:
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            y[i] = x[i] * factor

Every argument is one word in a block of memory: the address of an array (`Floats`, `Ints`), a whole
number (`Int`), a number (`Float`), or the address of a function or 0 (`Function`). `chunk` says
which part of the work is asked for, `scratch` is memory of the thread's own.
`scale.step(x=..., y=..., factor=0.5, n=100)` puts the words together.
"""

from __future__ import annotations

import inspect
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import simd
from .native import compiled, inlined

# What the arguments of a kernel are; to mypy, Numba's types are anything.
Floats: TypeAlias = Any
Ints: TypeAlias = Any
Int: TypeAlias = Any
Float: TypeAlias = Any
Function: TypeAlias = Any

KINDS = {
    "Floats": simd.Floats,
    "Ints": simd.Ints,
    "Int": types.int64,
    "Float": types.float32,
    "Function": types.int64,
}
CHUNK = 1 << 14  # numbers in a chunk of elementwise work: some 4 microseconds


class Kernel:
    """A function on memory, compiled when its address is first asked for."""

    def __init__(self, function: Callable[..., Any], name: str = "") -> None:
        self.function = function
        self.name = name or function.__name__
        self.kinds: dict[str, str] = {
            argument.name: argument.annotation
            for argument in inspect.signature(function).parameters.values()
            if argument.name not in ("chunk", "scratch")
        }
        self._address: int | None = None

    @property
    def address(self) -> int:
        if self._address is None:
            body, unpack = inlined(self.function), unpacker([KINDS[k] for k in self.kinds.values()])

            def entry(block: Any, chunk: Any, scratch: Any) -> None:
                body(*unpack(block), chunk, as_floats(scratch))

            module = self.function.__module__.rpartition(".")[2]
            name = f"{module}.{self.name}"
            self._address = compiled(entry, types.void(*[types.int64] * 3), name)
        return self._address

    def words(self, arguments: dict[str, Any]) -> list[int]:
        """The arguments as words; what a buffer or a flag will write there itself is still 0."""
        if arguments.keys() != self.kinds.keys():
            wrong = sorted(arguments.keys() ^ self.kinds.keys())
            raise TypeError(f"The kernel {self.name} takes {list(self.kinds)}; look at {wrong}.")
        return [word(kind, arguments[name]) for name, kind in self.kinds.items()]

    def title(self, arguments: dict[str, Any]) -> str:
        """What it is with these arguments: its name, and those of the functions that it calls."""
        given = [arguments[name] for name, kind in self.kinds.items() if kind == "Function"]
        return "_".join([self.name, *(function.name for function in given if function)])


def kernel(function: Callable[..., Any]) -> Kernel:
    """Make a function a kernel; its annotations say what the arguments are."""
    return Kernel(function)


def word(kind: str, value: Any) -> int:
    """A number as a word: as it is, or, for `Float`, as the bits of a float64."""
    if kind == "Function":
        return value.address if value else 0
    if kind == "Float":
        return int(struct.unpack("<q", struct.pack("<d", value))[0])
    return int(value) if isinstance(value, (int, np.integer)) else 0


def unpacker(kinds: list[Any]) -> Any:
    """What reads a block of words as a tuple of these types."""
    made = types.Tuple(kinds)

    def read(context: Any, builder: Any, kind: Any, place: Any) -> Any:
        if kind == types.float32:
            number = builder.load(builder.bitcast(place, ir.DoubleType().as_pointer()))
            return builder.fptrunc(number, ir.FloatType())
        held = builder.load(place)
        return held if kind == types.int64 else builder.inttoptr(held, context.get_value_type(kind))

    @intrinsic
    def unpack(typing: Any, block: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            first = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
            places = [
                builder.gep(first, [ir.Constant(ir.IntType(64), i)]) for i in range(len(kinds))
            ]
            values = [read(context, builder, kind, place) for kind, place in zip(kinds, places)]
            return context.make_tuple(builder, made, values)

        return made(types.int64), build

    return unpack


@intrinsic
def as_floats(typing: Any, address: Any) -> Any:
    """An address as a pointer."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(simd.Floats))

    return simd.Floats(types.int64), build


def chunks_of(count: int, size: int = CHUNK) -> int:
    """How many chunks of one size it takes; depends on the shapes alone, not on the threads."""
    return max(1, -(-count // size)) if count else 0
