"""`python -m bench`: run every benchmark and print the tables.

`python -m bench mlp small` runs those whose names begin with these words. $THREADS is how many
threads each contender gets; without it, as many as there are CPUs.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys

from layerwise.tables import table

from . import mlp, scalar

ROUNDS = 11  # every contender is measured this often, in turn, each time in a new process
THREADS = os.environ.get("THREADS", str(os.cpu_count()))

BENCHMARKS = {  # name: what it is, the unit, the contenders, what the module is told besides
    "scalar": (
        "The shop: price and five derivatives of single numbers, once forward and backward",
        "microseconds",
        scalar.CONTENDERS,
        (),
    ),
    "mlp small": ("784-50-10, batch 100, SGD", "milliseconds", mlp.CONTENDERS, ("small",)),
    "mlp large": (
        "784-512-512-10, batch 128, Adam",
        "milliseconds",
        mlp.CONTENDERS,
        ("large",),
    ),
}


def main() -> None:
    wanted = " ".join(sys.argv[1:])
    print(f"Python {platform.python_version()}, {platform.machine()}, {THREADS} threads")
    for name, (title, unit, contenders, told) in BENCHMARKS.items():
        if name.startswith(wanted):
            run(f"bench.{name.split()[0]}", title, unit, list(contenders), told)


def run(module: str, title: str, unit: str, contenders: list[str], told: tuple[str, ...]) -> None:
    """Measure all contenders in turn, and print their table; the first one is the measure."""
    names = ("OMP", "OPENBLAS", "MKL", "LAYERWISE")
    environment = os.environ | {f"{name}_NUM_THREADS": THREADS for name in names}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, found in times.items():
            call = [sys.executable, "-m", module, name, *told]
            out = subprocess.run(call, check=True, stdout=subprocess.PIPE, env=environment).stdout
            found.append(float(out))
    ours = statistics.median(times[contenders[0]])
    rows = [
        [
            name,
            f"{statistics.median(found):.2f}",
            f"{min(found):.2f} - {max(found):.2f}",
            f"{statistics.median(found) / ours:.2f}",
        ]
        for name, found in times.items()
    ]
    print(f"\n{title}")
    print(table(["", unit, "spread", f"times {contenders[0].split(',')[0]}"], rows), flush=True)


if __name__ == "__main__":
    main()
