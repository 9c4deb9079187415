"""One contender at one work, in a process of its own: `python -m bench.measure`.

It gets a request as JSON in its first argument, and prints a line of JSON: the times of a step in
milliseconds, alone and beside another process that takes a whole core; the first step; the memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .contenders import Running, UnavailableError
from .works import WORKS, Given, Work

MOST_STEPS = 4000  # of learning, so that a small network does not learn its batch by heart
PATIENCE = 10  # seconds for three steps
CLOSE = 1e-3  # how far answers may be off, and the loss of the first step
LATER = 2e-2  # and the losses of the next two, in which rounding has its part
NEIGHBOUR = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])  # a core that the other one has, too
print("busy", flush=True)
while os.getppid() == {parent}:
    sum(range(100_000))
"""


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Import the library, build the network, see that it does the work, and measure it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: request["threads"]])
    start = time.perf_counter()
    module = import_module(f"bench.contenders.{request['module']}")
    imported = time.perf_counter()
    work = WORKS[request["work"]]
    given = Given.load(Path(request["given"]))
    built = time.perf_counter()
    running: Running = module.build(work, given, request["option"])
    assert running.threads in (1, request["threads"]), f"{running.threads} threads"
    first = running.step()
    found = {"import": imported - start, "first": time.perf_counter() - built}
    if request["seconds"]:
        found |= measure(running, first, work, given, request["seconds"])
    return found | {"threads": running.threads, "parameters": running.parameters}


def measure(
    running: Running, first: Any, work: Work, given: Given, seconds: float
) -> dict[str, Any]:
    results = [first, running.step(), running.step()]
    check(results, work, given)
    timed(running, work, seconds / 2, results)  # to warm up
    alone, cores = timed(running, work, seconds, results)
    memory = peak_memory()
    with neighbour():
        beside, _ = timed(running, work, seconds, results)
    if work.learns:
        assert min(results[1:]) < results[0], f"the loss does not fall: {results[0]}"
    return {
        "median": float(np.median(alone)),
        "p90": float(np.percentile(alone, 90)),
        "busy_median": float(np.median(beside)),
        "busy_p90": float(np.percentile(beside, 90)),
        "steps": len(alone),
        "cores": cores,
        "memory": memory,
    }


def check(results: list[Any], work: Work, given: Given) -> None:
    """Are these the numbers that everybody has to find?"""
    shop = work.network == "shop"  # its numbers may be objects of a library
    first = [float(one) for one in results[0]] if shop else results[0]
    found = np.asarray(results if work.learns else first, float)
    assert np.isfinite(found).all(), found
    if given.expected.size:
        if work.learns:  # the first loss comes before any step
            np.testing.assert_allclose(found[0], given.expected[0], CLOSE)
        np.testing.assert_allclose(found, given.expected, LATER if work.learns else CLOSE, 1e-3)


def timed(
    running: Running, work: Work, seconds: float, results: list[Any]
) -> tuple[list[float], float]:
    """Milliseconds of each step, three if that is possible, and how many cores were busy."""
    times: list[float] = []
    begin, cpu = time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - begin) < seconds or (len(times) < 3 and spent < PATIENCE):
        if work.learns and len(times) == MOST_STEPS:
            break
        start = time.perf_counter()
        result = running.step()
        times.append((time.perf_counter() - start) * 1e3)
        if work.learns:
            results.append(result)
    return times, (time.process_time() - cpu) / (time.perf_counter() - begin)


@contextmanager
def neighbour() -> Iterator[None]:
    """Another process that takes all it can get of one core, for as long as this lasts."""
    code = NEIGHBOUR.format(parent=os.getpid())
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as busy:
        assert busy.stdout is not None
        busy.stdout.readline()
        try:
            yield
        finally:
            busy.kill()


def peak_memory() -> float:
    """The most memory that this process has held so far, in MB."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        import resource  # not on Windows, where /proc is not either

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1024**2 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    try:
        print(json.dumps(main(json.loads(sys.argv[1]))))
    except UnavailableError as why:
        sys.exit(f"unavailable: {why}")
