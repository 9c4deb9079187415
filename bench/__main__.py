"""`python -m bench`: run every benchmark and print the tables."""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys

from layerwise.tables import table

from .scalar import CONTENDERS

ROUNDS = 11  # every contender is measured this often, in turn, each time in a new process


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(ROUNDS):
        for name, found in times.items():
            run = [sys.executable, "-m", "bench.scalar", name]
            found.append(float(subprocess.run(run, check=True, capture_output=True).stdout))
    ours = statistics.median(times["layerwise, a Graph"])
    rows = [
        [
            name,
            f"{statistics.median(found):.2f}",
            f"{min(found):.2f} - {max(found):.2f}",
            f"{statistics.median(found) / ours:.2f}",
        ]
        for name, found in times.items()
    ]
    print("The shop: price and five derivatives of single numbers, once forward and backward")
    print(table(["", "microseconds", "spread", "times layerwise"], rows))


if __name__ == "__main__":
    main()
