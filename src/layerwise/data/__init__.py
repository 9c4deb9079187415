"""Data: batches, handwritten digits and the IDX files that they live in, texts by characters."""

from ..errors import DataError
from .batches import Batch, Batches
from .idx import read_idx, write_idx
from .sets import Split, digits, mnist
from .text import Text, passages, text

__all__ = [
    "Batch",
    "Batches",
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
