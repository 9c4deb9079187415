"""The engine needs Numba and time to compile: it is tested in a run of its own."""

import os

ENGINE = os.environ.get("LAYERWISE_ENGINE") == "compiled"
collect_ignore_glob = [] if ENGINE else ["tests/test_engine*.py", "src/layerwise/engine/*"]


def pytest_report_header():
    said = "the engine is not tested: for this, LAYERWISE_ENGINE=compiled, as in the Makefile"
    return [] if ENGINE else said
