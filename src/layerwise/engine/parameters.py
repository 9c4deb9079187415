"""The parameters of a network, as its plan uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .memory import Buffer, Flag


class Values:
    """The values of parameters: buffers over the arrays that the parameters hold just then."""

    def __init__(self) -> None:
        self._buffers: dict[int, tuple[Any, Buffer, bool]] = {}

    def of(self, held: Any, changes: bool = False) -> Buffer:
        """The buffer of a parameter; or of a layer's buffer, which kernels may change."""
        if id(held) not in self._buffers:
            dtype = np.int64 if held.dtype.kind == "i" else np.float32
            self._buffers[id(held)] = held, Buffer(held.shape, dtype), changes
            self.refresh()
        return self._buffers[id(held)][1]

    def buffers(self) -> list[Buffer]:
        return [buffer for _, buffer, _ in self._buffers.values()]

    def refresh(self) -> None:
        """Follow the parameters, which may have been given other arrays."""
        for held, buffer, changes in self._buffers.values():
            value = held.value
            if value is not buffer.array:
                if changes and not (value.flags.writeable and value.flags.c_contiguous):
                    held.value = value = value.copy()
                buffer.bind(value)


class Gradients:
    """The gradients of parameters in one backward: each begins anew, in memory that nobody holds.

    The first kernel that has something for a parameter writes it, and the others add. Layers
    without kernels always add, so where such a layer comes first, the memory begins with zeros.
    """

    def __init__(self, every: Iterable[Any]) -> None:
        self._every = list(every)
        self._buffers: dict[int, tuple[Any, Buffer, Flag, bool]] = {}
        self._in_python: set[int] = set()  # parameters that layers without kernels have added to
        self._accumulate = False

    def begin(self, accumulate: bool) -> None:
        """Start from zero, or go on with what is there."""
        self._accumulate = accumulate
        for parameter in self._every:
            if parameter.grad is None or not accumulate:
                parameter.grad = None
                if id(parameter) not in self._buffers:
                    parameter.grad = np.zeros_like(parameter.value)
        for parameter, buffer, flag, zeros in self._buffers.values():
            self._place(parameter, buffer, flag, zeros)

    def _place(self, parameter: Any, buffer: Buffer, flag: Flag, zeros: bool) -> None:
        adds = parameter.grad is not None
        if adds:
            buffer.bind(np.require(parameter.grad, requirements="W"))
        else:
            buffer.renew()
            if zeros:
                buffer.array[...] = 0
        parameter.grad = buffer.array
        flag.set(int(adds))

    def of(self, parameter: Any, zeros: bool = False) -> tuple[Buffer, Flag | int]:
        """Where a kernel is to put its part, and whether it has to add: 1, or 0 where it is the
        first. With `zeros`, the memory begins with zeros, and even the first has to add."""
        if id(parameter) in self._buffers:
            return self._buffers[id(parameter)][1], 1
        buffer, flag = Buffer(parameter.shape), Flag()
        zeros = zeros or id(parameter) in self._in_python
        if not zeros and not self._accumulate:
            parameter.grad = None
        self._place(parameter, buffer, flag, zeros)
        self._buffers[id(parameter)] = parameter, buffer, flag, zeros
        return buffer, 1 if zeros else flag

    def in_python(self, parameters: Iterable[Any]) -> None:
        """A layer without kernels has these; it may have set `grad` to another array."""
        for parameter in parameters:
            self._in_python.add(id(parameter))
            if id(parameter) in self._buffers:
                buffer = self._buffers[id(parameter)][1]
                if parameter.grad is not buffer.array:
                    buffer.bind(parameter.grad)
                    parameter.grad = buffer.array
