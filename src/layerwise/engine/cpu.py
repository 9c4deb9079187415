"""What the engine has to know of this CPU: how wide its vectors are, and how many it holds.

Numba's own settings (NUMBA_CPU_NAME, NUMBA_CPU_FEATURES) count, so that the code for a smaller CPU
can be made and tested on a larger one. And $LAYERWISE_VECTORS, such as "16x32", sets floats in a
vector and vectors in registers: LLVM makes wider ones of several, so that the source for a larger
CPU can be tested on a smaller one.
"""

from __future__ import annotations

import os

import llvmlite.binding as llvm
import numba

LANES = {"avx512f": 16, "avx": 8}  # floats in a vector, by feature; anything else has 4


def _features() -> frozenset[str]:
    """The instruction sets that code is made for, such as "avx2" and "fma"."""
    if numba.config.CPU_FEATURES is not None:
        chosen = numba.config.CPU_FEATURES.split(",")
        return frozenset(word[1:] for word in chosen if word.startswith("+"))
    if numba.config.CPU_NAME not in (None, "host"):
        return frozenset()
    return frozenset(name for name, there in llvm.get_host_cpu_features().items() if there)


FEATURES = _features()
NAME = numba.config.CPU_NAME or llvm.get_host_cpu_name()
TRIPLE = llvm.get_process_triple()


def _vectors() -> tuple[int, int]:
    """How many floats a vector has, and how many vectors there is room for in registers."""
    asked = os.environ.get("LAYERWISE_VECTORS")
    if asked:
        wide, registers = asked.split("x")
        return int(wide), int(registers)
    lanes = next((lanes for feature, lanes in LANES.items() if feature in FEATURES), 4)
    return lanes, 32 if lanes == 16 or TRIPLE.startswith(("aarch64", "arm64")) else 16


# The tile holds ROWS x COLUMNS vectors of C in registers, next to a row of B and one number of A.
TILES = {(16, 32): (9, 3), (8, 16): (6, 2), (4, 32): (8, 3), (4, 16): (6, 2)}

V, REGISTERS = _vectors()
ROWS, COLUMNS = TILES[V, REGISTERS]
WIDTH = COLUMNS * V  # of a tile, in floats


def cpus() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
