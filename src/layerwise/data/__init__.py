"""Data: handwritten digits and the IDX files that they live in, and texts by characters."""

from .idx import DataError, read_idx, write_idx
from .sets import Split, digits, mnist
from .text import Text, passages, text

__all__ = [
    "DataError",
    "Split",
    "Text",
    "digits",
    "mnist",
    "passages",
    "read_idx",
    "text",
    "write_idx",
]
