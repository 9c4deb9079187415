"""Data: sets of it, batches of rows, and changes made to them in training."""

from ..errors import DataError
from .augment import Crop, Cutout, Flip, Mixup, Noise, Rotate, Shift
from .batches import Batch, Batches
from .idx import read_idx, write_idx
from .normalize import Normalize
from .sets import Split, digits, mnist
from .text import Text, passages, text

__all__ = [
    "Batch",
    "Batches",
    "Crop",
    "Cutout",
    "DataError",
    "Flip",
    "Mixup",
    "Noise",
    "Normalize",
    "Rotate",
    "Shift",
    "Split",
    "Text",
    "digits",
    "mnist",
    "passages",
    "read_idx",
    "text",
    "write_idx",
]
