"""Numbers brought to mean 0 and standard deviation 1, by what is known from the training part."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DataError, describe

PIECE = 1000  # rows looked at together: the data may be larger than the memory


class Normalize:
    """Every channel less its mean, over its standard deviation; in tables, every column.

    mean   one number, or one for each channel or column
    std    likewise, above 0

    `Normalize.of(x)` takes both from data, from the training part alone; then `apply` does the
    same to whatever is to be predicted. What is constant becomes 0. Whole numbers (pixels from 0
    to 255) become float32.

    >>> x = np.array([[1.0, 5.0], [3.0, 5.0]])
    >>> normalize = Normalize.of(x)
    >>> normalize
    Normalize(mean=[2.0, 5.0], std=[1.0, 1.0])
    >>> normalize.apply(x), normalize.apply(np.array([[2.0, 6.0]]))
    (array([[-1.,  0.],
           [ 1.,  0.]]), array([[0., 1.]]))
    """

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        self.mean, self.std = np.asarray(mean, float), np.asarray(std, float)
        if self.mean.shape != self.std.shape or self.mean.ndim > 1:
            raise DataError(
                f"Normalize expects a mean and a std for each channel, but got {mean} and {std}."
            )
        if not (np.isfinite(self.mean) & np.isfinite(self.std) & (self.std > 0)).all():
            raise DataError("Normalize expects finite numbers, and each std above 0.")

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is refused in the end
    def of(cls, x: Any) -> Normalize:
        """From the data itself, (N, D) by column or (N, C, ...) by channel, a piece at a time."""
        if np.ndim(x) < 2 or np.size(x) == 0:
            raise DataError(f"Normalize.of expects (N, D) or (N, C, H, W), but got {describe(x)}.")
        pieces = [x[first : first + PIECE] for first in range(0, len(x), PIECE)]
        axes, count = (0, *range(2, x.ndim)), x.size // x.shape[1]
        mean = sum(piece.sum(axis=axes, dtype=float) for piece in pieces) / count
        centre = mean.reshape(-1, *(1,) * (x.ndim - 2))  # (C,) -> (C, 1, 1)
        std = np.sqrt(sum(np.square(piece - centre).sum(axis=axes) for piece in pieces) / count)
        # What only rounding keeps from being constant is constant.
        return cls(mean, np.where(std > 1e-12 * np.abs(mean), std, 1.0))

    def apply(self, x: Any) -> Any:
        """The same for any rows, of the same channels or columns."""
        channels = x.shape[1] if np.ndim(x) > 1 else None
        if self.mean.ndim and channels != len(self.mean):
            raise DataError(
                f"Normalize knows {len(self.mean)} channels or columns, but got {describe(x)}."
            )
        dtype = x.dtype if x.dtype.kind == "f" else np.float32
        shape = (-1,) + (1,) * (x.ndim - 2) if self.mean.ndim else ()  # (C,) -> (C, 1, 1)
        return ((x - self.mean.reshape(shape)) / self.std.reshape(shape)).astype(dtype)

    def __call__(self, x: Any, t: Any, rng: Any = None) -> tuple[Any, Any]:
        return self.apply(x), t

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"
