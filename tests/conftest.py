"""What all tests share: how Hypothesis works here, and the folder with MNIST."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # so that the tests find the table of cases

PEERS = all(importlib.util.find_spec(name) for name in ("torch", "expecttest"))
collect_ignore = [] if PEERS else ["test_peers.py", "test_module_db.py", "module_db.py"]
collect_ignore += [] if importlib.util.find_spec("sklearn") else ["test_metrics_peers.py"]

SUMMARY = pytest.StashKey()


def pytest_report_header():
    return [] if PEERS else "PyTorch is not installed: the comparison with it is `make test-peers`"


@pytest.fixture(scope="session")
def at_the_end(pytestconfig):
    """Texts that are printed below the results, when all tests are done."""
    return pytestconfig.stash.setdefault(SUMMARY, [])


def pytest_terminal_summary(terminalreporter, config):
    for text in config.stash.get(SUMMARY, []):
        terminalreporter.write_line(f"\n{text}")


settings.register_profile("here", max_examples=50, derandomize=True, deadline=None, database=None)
settings.load_profile("here")


@pytest.fixture(autouse=True, scope="session")
def no_network(tmp_path_factory):
    """No test downloads anything from elsewhere, or writes into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERWISE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("LAYERWISE_MIRROR", "http://127.0.0.1:9")  # where nobody answers
        yield


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Ctrl-C interrupts: a program that runs in the background may have been told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, for the tests of the explorer's page."""
    from explored import a_browser

    with a_browser() as one:
        yield one


@pytest.fixture
def reader(browser, tmp_path):
    """A person at a page of the explorer, who notes whatever it should not do."""
    from explored import Reader

    one = Reader(browser, tmp_path)
    yield one
    one.close()


@pytest.fixture
def mnist_folder():
    """The folder with the four files of MNIST: in $LAYERWISE_DATA, or beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LAYERWISE_DATA", beside)) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"MNIST is not at {folder}; set LAYERWISE_DATA to the folder that holds mnist/")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
