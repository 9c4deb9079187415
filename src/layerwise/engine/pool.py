"""The thread pool: replays a program of kernels on all CPUs.

A program is a table with a row for each step: the address of a kernel, the address of its
arguments, and into how many chunks its work is cut. The caller publishes a step and works on its
chunks like everybody else; so a worker that sleeps or is held up by another process costs speed
and nothing else. Chunks are cut by the shapes alone, and each writes its own part of the result,
so that results do not depend on how many threads there are, nor on which is the quickest.

Threads meet in a few words of memory. `TICKETS` holds one word for each thread: the chunks that
are meant for it, so that it finds the same rows in its cache step after step. Who has done its own
helps the others. Workers look for the next step for a fraction of a millisecond, then they sleep.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import threading
import time
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .cpu import TRIPLE, cpus
from .memory import address_of, aligned
from .native import compiled, inlined

# Words of 8 bytes. What is written often has a line of the cache (16 words, with its neighbour) to
# itself.
KERNEL, ARGUMENTS, YIELD, CLOCK, CLOCK_FIRST, CLOCK_SECOND = range(6)
EPOCH, DONE, STOP, ACTIVE, TICKETS = 16, 32, 48, 64, 80
LINE = 16

COUNT = (1 << 20) - 1  # a ticket word: first chunk << 40 | number of chunks << 20 | next one to do
SPINS = 8_000  # looks of an idle worker, 0.2 to 0.4 milliseconds, before it goes to sleep
PATIENCE = 1_000  # looks before the CPU is offered to other threads
SCRATCH = 3 << 17  # bytes for each thread, for what a kernel packs
STAMP = 2  # words of a time stamp

_word, _void = ir.IntType(64), ir.VoidType()


def _pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _word.as_pointer())


@intrinsic
def _fetch_add(typing: Any, address: Any, number: Any) -> Any:
    """Add to a word, and return what was there: as one step, whoever else does the same."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _pointer(builder, args[0]), args[1], "seq_cst")

    return types.int64(types.int64, types.int64), build


@intrinsic
def _get(typing: Any, address: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), build


@intrinsic
def _set(typing: Any, address: Any, number: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _pointer(builder, args[0]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@intrinsic
def _call(typing: Any, function: Any, a: Any, b: Any, c: Any) -> Any:
    """Call the function at an address with three words."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_void, [_word] * 3)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), build


@intrinsic
def _pause(typing: Any) -> Any:
    """Tell the CPU that this is a loop that waits."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if TRIPLE.startswith("x86_64"):
            kind = ir.FunctionType(_void, [])
            name = "llvm.x86.sse2.pause"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        elif TRIPLE.startswith(("aarch64", "arm64")):
            kind = ir.FunctionType(_void, [ir.IntType(32)])
            name = "llvm.aarch64.hint"
            hint = ir.Constant(ir.IntType(32), 1)
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [hint])
        return context.get_dummy_value()

    return types.void(), build


# what runs in the threads ------------------------------------------------------------------------


@inlined
def _help(words: int, threads: int, me: int, scratch: int) -> None:
    """Do chunks until none is left: first those meant for this thread, then those of others."""
    for distance in range(threads):
        ticket = words + 8 * (TICKETS + LINE * ((me + distance) % threads))
        while True:
            held = _get(ticket)
            if held & COUNT >= held >> 20 & COUNT:
                break
            held = _fetch_add(ticket, 1)
            if held & COUNT >= held >> 20 & COUNT:
                break  # somebody else was quicker
            chunk = (held >> 40) + (held & COUNT)
            _call(_get(words + 8 * KERNEL), _get(words + 8 * ARGUMENTS), chunk, scratch)
            _fetch_add(words + 8 * DONE, 1)


@inlined
def _wait(words: int, looks: int) -> None:
    """A moment's rest in a loop that looks again and again."""
    _pause()
    if looks % PATIENCE == PATIENCE - 1:
        _call(_get(words + 8 * YIELD), 0, 0, 0)


def _work(words: int, threads: int, me: int, scratch: int) -> int:
    """What a worker does: help with every step that is published. True: it is to end; else it has
    seen none for a while."""
    seen, looks = 0, 0
    while looks < SPINS:
        if _get(words + 8 * STOP):
            return 1
        epoch = _get(words + 8 * EPOCH)
        if epoch != seen:
            seen, looks = epoch, 0
            _help(words, threads, me, scratch)
        elif _get(words + 8 * ACTIVE) and looks >= SPINS // 2:
            looks = 0  # a program is running, and its next step may be one for all
            _call(_get(words + 8 * YIELD), 0, 0, 0)
        else:
            looks += 1
            _wait(words, looks)
    return 0


@inlined
def _run(words: int, threads: int, kernel: int, arguments: int, chunks: int, scratch: int) -> None:
    """One step: alone if it is small, else together."""
    if chunks == 1 or threads == 1:
        for chunk in range(chunks):
            _call(kernel, arguments, chunk, scratch)
        return
    _set(words + 8 * KERNEL, kernel)
    _set(words + 8 * ARGUMENTS, arguments)
    _set(words + 8 * DONE, 0)
    for thread in range(threads):
        first, end = thread * chunks // threads, (thread + 1) * chunks // threads
        _set(words + 8 * (TICKETS + LINE * thread), first << 40 | (end - first) << 20)
    _fetch_add(words + 8 * EPOCH, 1)
    _help(words, threads, 0, scratch)
    looks = 0
    while _get(words + 8 * DONE) < chunks:
        looks += 1
        _wait(words, looks)


@inlined
def _stamp(words: int, place: int) -> None:
    """Write down the time, as the system's clock gives it."""
    first, second = _get(words + 8 * CLOCK_FIRST), _get(words + 8 * CLOCK_SECOND)
    _call(
        _get(words + 8 * CLOCK), place if first < 0 else first, place if second < 0 else second, 0
    )


def _replay(words: int, threads: int, program: int, steps: int, scratch: int, times: int) -> None:
    """Run the steps of a program, one after the other; `times` gets a stamp before and after."""
    for step in range(steps):
        _stamp(words, times + 8 * STAMP * step)
        row = program + 24 * step
        _run(words, threads, _get(row), _get(row + 8), _get(row + 16), scratch)
    _stamp(words, times + 8 * STAMP * steps)


# what runs in Python -----------------------------------------------------------------------------

_word_type = types.int64
_native_work = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)  # frees the GIL
_native_replay = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)


class Team:
    """The caller and its workers, who wait for work; a team of one has no workers."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.words = aligned((TICKETS + LINE * threads,), np.int64)
        self.words[:] = 0
        self.words[[YIELD, CLOCK, CLOCK_FIRST, CLOCK_SECOND]] = _system()
        self.scratch = aligned((threads, SCRATCH), np.uint8)
        self.meeting, self.memory = address_of(self.words), address_of(self.scratch)
        signature = types.void(*[_word_type] * 6)
        self.replay = _native_replay(compiled(_replay, signature, "pool.replay"))
        self.asleep: set[threading.Event] = set()
        if threads > 1:
            signature = _word_type(*[_word_type] * 4)
            self.work = _native_work(compiled(_work, signature, "pool.work"))
        for me in range(1, threads):
            name = f"layerwise-{me}"
            threading.Thread(target=self._live, args=(me,), daemon=True, name=name).start()

    def _live(self, me: int) -> None:
        """The life of a worker: work until nothing has come for a while, sleep until called."""
        bell, scratch = threading.Event(), self.memory + me * SCRATCH
        while not self.work(self.meeting, self.threads, me, scratch):
            self.asleep.add(bell)
            if self.words[ACTIVE] or self.words[STOP]:  # who began that did not see this bell
                bell.set()
            bell.wait()
            bell.clear()

    def run(self, program: int, steps: int, times: int) -> None:
        try:
            self.words[ACTIVE] = 1  # before the others are woken: nobody may lie down behind that
            self._wake()
            self.replay(self.meeting, self.threads, program, steps, self.memory, times)
        finally:
            self.words[ACTIVE] = 0

    def _wake(self) -> None:
        while self.asleep:
            self.asleep.pop().set()

    def stop(self) -> None:
        """Let the workers end."""
        self.words[STOP] = 1
        self._wake()


def _system() -> tuple[int, int, int, int]:
    """What YIELD, CLOCK and its two arguments are here; -1 stands for where to write the time."""
    if platform.system() == "Windows":
        kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009
        rest, clock, first, second = (
            kernel32.SwitchToThread,
            kernel32.QueryPerformanceCounter,
            -1,
            0,
        )
    else:
        libc = ctypes.CDLL(None)
        rest, clock, first, second = libc.sched_yield, libc.clock_gettime, time.CLOCK_MONOTONIC, -1
    address = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in (rest, clock)]
    return address[0], address[1], first, second


def seconds(times: Any) -> Any:
    """How long each step took, from the time stamps (steps + 1, 2) of a run."""
    if platform.system() == "Windows":
        ticks: Any = np.zeros(1, np.int64)
        kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009
        kernel32.QueryPerformanceFrequency(ctypes.c_void_p(address_of(ticks)))
        return np.diff(times[:, 0]) / ticks[0]
    return np.diff(times[:, 0]) + np.diff(times[:, 1]) * 1e-9  # seconds and nanoseconds


class Pool:
    """The team of this process: made when first needed, again after a fork, and one at a time."""

    def __init__(self) -> None:
        self.threads: int | None = None  # None: not chosen yet
        self.forget()
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """In a child process there is no team, whatever its parent was doing."""
        self.team: Team | None = None
        self.free = threading.Lock()
        self.alone = threading.local()

    def stop(self) -> None:
        if self.team is not None:
            self.team.stop()
            self.team = None

    def set_threads(self, threads: int | None) -> None:
        with self.free:
            self.stop()
            self.threads = threads

    def run(self, program: int, steps: int, times: int, together: bool) -> None:
        """Replay the program at an address; time stamps go to another.

        Where another thread has the team, or nothing is to be shared, the caller works alone, to
        the same result.
        """
        if together and self.free.acquire(blocking=False):
            try:
                if self.team is None:
                    self.team = Team(self.threads or chosen_threads())
                self.team.run(program, steps, times)
            finally:
                self.free.release()
            return
        if not hasattr(self.alone, "team"):
            self.alone.team = Team(1)
        self.alone.team.run(program, steps, times)


def chosen_threads() -> int:
    """$LAYERWISE_NUM_THREADS, or as many as there are CPUs."""
    said = os.environ.get("LAYERWISE_NUM_THREADS", "")
    return int(said) if said.isdigit() and int(said) > 0 else cpus()


POOL = Pool()
