"""Runs the contenders in turn, each in a process of its own, and keeps what they say.

It knows nothing of networks. A process that fails, or takes too long, is a contender with a reason
instead of numbers, and the others go on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .contenders import BEST, Contender, contenders
from .works import WORKS

LIMITS = {False: 180, True: 60}  # seconds that a process may take; True: of no rival for speed
THREADS = ("OMP", "OPENBLAS", "MKL", "LAYERWISE")


class Settings(NamedTuple):
    rounds: int = 3  # how often each rival is measured
    seconds: float = 0.7  # how long in each of them, alone, and again beside a busy process
    threads: int = 1


def measure_work(
    name: str, settings: Settings, folder: Path, only: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Everybody at one work: for each contender its runs, or why there are none."""
    given = folder / f"{name}.npz"
    prepare(name, given)
    found: dict[str, Any] = {}
    for number in range(settings.rounds):
        for who, contender in contenders(WORKS[name].network).items():
            if (only and who not in only) or not goes_on(who, contender, number, found):
                continue
            one = found.setdefault(who, {"runs": []})
            say(f"{name}, round {number + 1}: {contender.title}")
            told = request(name, contender, settings, given)
            told = process(contender, told, settings.threads)
            one["runs"] += [told] if "failed" not in told else []
            one |= {key: told[key] for key in ("failed",) if key in told}
    say("")
    return found


def goes_on(who: str, contender: Contender, number: int, found: Mapping[str, Any]) -> bool:
    """Is it measured in this round? Of the ways to be at one's best, only the fastest goes on."""
    if number == 0:
        return True
    if "failed" in found[who] or contender.reference:
        return False
    tried = {
        name: one["runs"][0]["median"]
        for name, one in found.items()
        if name.startswith(BEST) and one["runs"]
    }
    return not who.startswith(BEST) or who == min(tried, key=lambda name: tried[name])


def prepare(name: str, given: Path) -> None:
    """The numbers of a work, from a process on one thread."""
    code = "import sys; from bench.contenders import given; given.write(*sys.argv[1:])"
    call = [sys.executable, "-c", code, name, str(given)]
    subprocess.run(call, check=True, env=environment(1))


def request(name: str, contender: Contender, settings: Settings, given: Path) -> dict[str, Any]:
    return {
        "work": name,
        "module": contender.module,
        "option": contender.option,
        "given": str(given),
        "seconds": settings.seconds,
        "threads": settings.threads,
    }


def process(
    contender: Contender, asked: dict[str, Any], threads: int, more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `bench.measure` says in a new process, or {"failed": why}."""
    if missing := contender.missing():
        return {"failed": f"{missing} is not installed"}
    call = [sys.executable, "-m", "bench.measure", json.dumps(asked)]
    limit = LIMITS[contender.reference]
    with subprocess.Popen(
        call,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(threads) | dict(more or {}),
        start_new_session=True,
    ) as child:
        try:
            out, errors = child.communicate(timeout=limit)
        except BaseException as why:
            stop(child)
            if isinstance(why, subprocess.TimeoutExpired):
                return {"failed": f"more than {limit} seconds"}
            raise
    if child.returncode:
        return {"failed": reason(errors, child.returncode)}
    told: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return told


def stop(child: subprocess.Popen[str]) -> None:
    """End a process and those that it has started."""
    if hasattr(os, "killpg"):
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()


def reason(errors: str, code: int) -> str:
    """The last line of what went wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    last = lines[-1] if lines else f"ended with {code}"
    return last.removeprefix("unavailable: ").replace("|", "/")[:160]


def environment(threads: int) -> dict[str, str]:
    return os.environ | {f"{name}_NUM_THREADS": str(threads) for name in THREADS}


def say(text: str) -> None:
    """What is going on, on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
