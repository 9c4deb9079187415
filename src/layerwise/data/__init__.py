"""Data: sets of it, batches of rows, and changes made to them in training."""

from ..errors import DataError
from .augment import Crop, Cutout, Flip, Mixup, Noise, Rotate, Shift
from .batches import Batch, Batches
from .catalog import DataSet, sets
from .columns import TableRecipe
from .idx import read_idx, write_idx
from .named import cifar10, digits, fashion_mnist, mnist
from .normalize import Normalize
from .pictures import ImageRecipe, images
from .recipe import Recipe, read_recipe
from .split import Split
from .tables import csv
from .text import Text, passages, text

__all__ = [
    "Batch",
    "Batches",
    "Crop",
    "Cutout",
    "DataError",
    "DataSet",
    "Flip",
    "ImageRecipe",
    "Mixup",
    "Noise",
    "Normalize",
    "Recipe",
    "Rotate",
    "Shift",
    "Split",
    "TableRecipe",
    "Text",
    "cifar10",
    "csv",
    "digits",
    "fashion_mnist",
    "images",
    "mnist",
    "passages",
    "read_idx",
    "read_recipe",
    "sets",
    "text",
    "write_idx",
]
