"""What it takes to begin: the time of an import, what lies on the disk, the first step."""

from __future__ import annotations

import importlib.metadata as metadata
import re
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from .contenders import CONTENDERS
from .run import Settings, environment, prepare, process, request, say

WORK = "deep_conv_net"
IMPORTS = 5


class Library(NamedTuple):
    title: str
    module: str
    package: str
    contender: str  # whose first step it is


LIBRARIES = (
    Library("layerwise", "layerwise", "layerwise", "compiled"),
    Library("PyTorch eager", "torch", "torch", "torch"),
    Library("PyTorch, torch.compile", "torch", "torch", "best: all"),
    Library("JAX, jit", "jax", "jax", "jax"),
    Library("scikit-learn", "sklearn.neural_network", "scikit-learn", ""),
    Library("tinygrad", "tinygrad", "tinygrad", "tinygrad"),
)


def measure_start(settings: Settings, folder: Path) -> dict[str, dict[str, Any]]:
    """For each library: seconds and MB, or why there are none."""
    given = folder / f"{WORK}.npz"
    if not given.exists():
        prepare(WORK, given)
    found: dict[str, dict[str, Any]] = {}
    for library in LIBRARIES:
        say(f"start: {library.title}")
        if find_spec(library.module.partition(".")[0]) is None:
            found[library.title] = {"failed": f"{library.package} is not installed"}
            continue
        one = found[library.title] = {"import": import_seconds(library.module, settings)}
        one |= sizes(library)
        if library.contender:
            one |= first_steps(library.contender, settings, given)
    say("")
    return found


def import_seconds(module: str, settings: Settings) -> float:
    """The median of some imports, each in a new process; files are in the memory by then."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    times = []
    for _ in range(IMPORTS + 1):
        call = [sys.executable, "-c", code]
        done = subprocess.run(
            call, check=True, stdout=subprocess.PIPE, env=environment(settings.threads)
        )
        times.append(float(done.stdout))
    return statistics.median(times[1:])


def first_steps(name: str, settings: Settings, given: Path) -> dict[str, Any]:
    """Seconds until the first step is done, import not counted: caches empty, then filled."""
    contender, found = CONTENDERS[name], {}
    with tempfile.TemporaryDirectory() as empty:
        caches = {
            "XDG_CACHE_HOME": empty,
            "LAYERWISE_CACHE": empty,
            "LAYERWISE_KERNELS": str(Path(empty, "kernels")),
            "TORCHINDUCTOR_CACHE_DIR": str(Path(empty, "inductor")),
            "JAX_COMPILATION_CACHE_DIR": str(Path(empty, "jax")),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        asked = request(WORK, contender, settings._replace(seconds=0), given)
        for when in ("cold", "cached"):
            told = process(contender, asked, settings.threads, caches)
            if "failed" in told:
                return {"first step failed": told["failed"]}
            found[when] = told["first"]
    return found


# size on the disk --------------------------------------------------------------------------------


def sizes(library: Library) -> dict[str, float]:
    """MB of the library itself, and with all that it needs."""
    spec = find_spec(library.module.partition(".")[0])
    where = spec.submodule_search_locations if spec else None
    own = sum(map(folder_size, where or []))
    try:
        needed = requirements(library.package) - {library.package}
    except metadata.PackageNotFoundError:
        return {"size": own / 1e6}
    return {"size": own / 1e6, "size with all": (own + sum(map(files_size, needed))) / 1e6}


def folder_size(folder: str) -> int:
    files = Path(folder).rglob("*")
    return sum(one.stat().st_size for one in files if one.is_file() and one.suffix != ".pyc")


def files_size(package: str) -> int:
    files = metadata.files(package) or []
    paths = [Path(str(file.locate())) for file in files if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file())


def requirements(package: str) -> set[str]:
    """The package and what it needs here, at any distance; what is not installed is left out."""
    found: set[str] = set()
    waiting = [package]
    metadata.version(package)  # is it installed?
    while waiting:
        name = waiting.pop()
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        names = [re.split(r"[^\w.-]", need)[0] for need in needs if "extra ==" not in need]
        waiting += [one for one in map(normal, names) if one not in found]
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
