"""What all tests share: how Hypothesis works here, and the folder with MNIST."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # so that the tests find the table of cases

TORCH = importlib.util.find_spec("torch") is not None
collect_ignore = [] if TORCH else ["test_peers.py"]


def pytest_report_header():
    return [] if TORCH else "PyTorch is not installed: the comparison with it is `make test-peers`"


settings.register_profile("here", max_examples=50, derandomize=True, deadline=None, database=None)
settings.load_profile("here")


@pytest.fixture
def mnist_folder():
    """The folder with the four files of MNIST: in $LAYERWISE_DATA, or beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LAYERWISE_DATA", beside)) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"MNIST is not at {folder}; set LAYERWISE_DATA to the folder that holds mnist/")
    return folder
