"""On what was measured: the machine, and the versions of everything."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import platform
import shutil
from datetime import date
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "torch", "jax", "scikit-learn", "tinygrad", "micrograd")
WIDTHS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "asimd": "NEON"}  # widest first


def description() -> dict[str, Any]:
    import layerwise

    compilers = [name for name in (os.environ.get("CXX"), "g++", "clang++", "c++") if name]
    return {
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {"Python": platform.python_version(), "layerwise": layerwise.__version__}
        | {name: version(name) for name in PACKAGES},
        "compiler": next((name for name in compilers if shutil.which(name)), ""),
    }


def machine() -> str:
    cores = f"{os.cpu_count()} cores"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.processor() or platform.machine()}, {cores}, {platform.system()}"
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    flags = facts.get("flags", facts.get("Features", "")).split()
    width = next((name for flag, name in WIDTHS.items() if flag in flags), "no wide vectors")
    model = facts.get("model name", platform.machine())
    family = [f"{name} {facts[f'cpu {name}']}" for name in ("family",) if f"cpu {name}" in facts]
    family += [f"model {facts['model']}"] if "model" in facts else []
    named = f"{model} ({', '.join(family)})" if family else model
    return f"{named}, {cores}, {width}, {platform.system()}"


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
