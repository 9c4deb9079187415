"""The engine needs Numba and time to compile: it is tested in a run of its own."""

import os
from pathlib import Path

ENGINE = os.environ.get("LAYERWISE_ENGINE") == "compiled"
os.environ.setdefault(  # the tests' folder for other such files is new each time
    "LAYERWISE_KERNELS", str(Path(__file__).parent / ".pytest_cache" / "kernels")
)
collect_ignore_glob = ["src/layerwise/book/compiled.py"]  # to import it is to choose the engine
collect_ignore_glob += [] if ENGINE else ["tests/test_engine*.py", "src/layerwise/engine/*"]


def pytest_report_header():
    said = "the engine is not tested: for this, LAYERWISE_ENGINE=compiled, as in the Makefile"
    return [] if ENGINE else said
