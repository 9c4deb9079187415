"""A program: the steps of one pass over a network, recorded once and replayed.

Kernels that follow each other make a stretch, which is replayed by one call of machine code. What
has no kernel is a call of Python between two stretches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .kernel import Kernel
from .memory import Buffer, Flag, Spot, address_of, aligned
from .pool import POOL, STAMP, seconds


class Step:
    """One step of a program: where it belongs, what it costs, and how long it took at last."""

    seconds: float | None = None

    def __init__(
        self, names: Sequence[str], shape: tuple[int, ...], flops: int, moved: int
    ) -> None:
        self.names = tuple(names)  # of the places whose layers this is
        self.shape = shape  # of what comes out
        self.flops, self.moved = flops, moved  # additions and multiplications; bytes


class KernelStep(Step):
    """A kernel with its arguments."""

    def __init__(
        self, kernel: Kernel, arguments: dict[str, Any], chunks: int, flops: int, **place: Any
    ) -> None:
        arguments = {  # a step does not need its buffers: only where they are
            name: one.spot if isinstance(one, Buffer) else one for name, one in arguments.items()
        }
        spots = {one for one in arguments.values() if isinstance(one, Spot)}
        super().__init__(flops=flops, moved=sum(spot.size for spot in spots), **place)
        self.kernel, self.chunks = kernel, chunks
        self.title = kernel.title(arguments)
        self.arguments = arguments
        self.words = np.array(kernel.words(arguments), np.int64)
        for i, argument in enumerate(arguments[name] for name in kernel.kinds):
            if isinstance(argument, (Spot, Flag)):
                argument.refer(self.words, i)

    def row(self) -> tuple[int, int, int]:
        return self.kernel.address, address_of(self.words), self.chunks


class CallStep(Step):
    """A layer's own code."""

    def __init__(self, run: Callable[[], None], **place: Any) -> None:
        super().__init__(flops=0, moved=0, **place)
        self.run = run


class Stretch:
    """Kernels that follow each other."""

    def __init__(self, steps: Sequence[Any]) -> None:
        self.steps = steps  # anything with a `row` and `chunks`
        self.rows = aligned((len(steps), 3), np.int64)
        self.rows[:] = [step.row() for step in steps]
        self.times = aligned((len(steps) + 1, STAMP), np.int64)
        self.together = any(step.chunks > 1 for step in steps)
        self.where = address_of(self.rows), len(steps), address_of(self.times)

    def run(self) -> None:
        POOL.run(*self.where, together=self.together)

    def tell(self) -> None:
        """Let the steps know how long they took."""
        for step, took in zip(self.steps, seconds(self.times)):
            step.seconds = float(took)


class Program:
    """Steps in their order. Adding a step does not run it: `run` runs all of them, `run_new` those
    from one on, which have just been added."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._parts: list[Stretch | CallStep] | None = None  # made when all steps are there

    def add(self, step: Step) -> None:
        self.steps.append(step)
        self._parts = None

    def cut(self, count: int) -> None:
        """Keep the first steps only."""
        del self.steps[count:]
        self._parts = None

    def run(self) -> None:
        self._parts = self._parts or parts_of(self.steps)
        self._run(self._parts)

    def run_new(self, since: int) -> None:
        parts = parts_of(self.steps[since:])
        self._run(parts)
        for part in parts:
            if isinstance(part, Stretch):
                part.tell()

    def _run(self, parts: list[Stretch | CallStep]) -> None:
        for part in parts:
            if isinstance(part, Stretch):
                part.run()
            else:
                start = time.perf_counter()
                part.run()
                part.seconds = time.perf_counter() - start

    def tell(self) -> None:
        for part in self._parts or ():
            if isinstance(part, Stretch):
                part.tell()


def parts_of(steps: list[Step]) -> list[Stretch | CallStep]:
    """Stretches of kernels, and the calls between them."""
    parts: list[Stretch | CallStep] = []
    kernels: list[KernelStep] = []
    for step in steps:
        if isinstance(step, KernelStep):
            kernels.append(step)
            continue
        if kernels:
            parts.append(Stretch(kernels))
            kernels = []
        assert isinstance(step, CallStep)
        parts.append(step)
    return parts + ([Stretch(kernels)] if kernels else [])
