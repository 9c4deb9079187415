"""Data: sets of handwritten digits, and the IDX files that they live in."""

from .idx import DataError, read_idx, write_idx
from .sets import Split, digits, mnist

__all__ = ["DataError", "Split", "digits", "mnist", "read_idx", "write_idx"]
