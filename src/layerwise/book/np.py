"""NumPy as `np`, and `GPU`, which is False: what `from common.np import *` gives in the book."""

import numpy as np

from .config import GPU

__all__ = ["GPU", "np"]
