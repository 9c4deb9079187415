"""The base class of the second volume's models, which saves and loads their parameters."""

from __future__ import annotations

import io
import os
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..files import write_whole
from .config import GPU

__all__ = ["GPU", "BaseModel", "np"]


class BaseModel:
    """A model with `params` and `grads`, and with forward and backward of its own.

    Its file holds the arrays as they are (NumPy's .npz, whatever the file is called); the book's
    holds them in half precision, as a pickle, which is not read here.

    errors     FileNotFoundError without the file; ValueError if it holds other arrays
    source     Deep Learning from Scratch 2, common/base_model.py
    """

    def __init__(self) -> None:
        self.params: Any = None
        self.grads: Any = None

    def forward(self, *args: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward of its own.")

    def backward(self, *args: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no backward of its own.")

    def save_params(self, file_name: Any = None) -> None:
        """Write all parameters to a file, by default named after the class."""
        content = io.BytesIO()
        np.savez(content, *self.params)
        write_whole(self._file(file_name), content.getvalue())

    def load_params(self, file_name: Any = None) -> None:
        """Read all parameters from a file, into the arrays that are there."""
        path = self._file(file_name)
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
                arrays = [held[name] for name in held.files]
        except FileNotFoundError:
            raise
        except (ValueError, TypeError, EOFError, OSError, BadZipFile) as error:
            raise ValueError(f"{path} is no file that save_params has written.") from error
        shapes = [[np.shape(p) for p in params] for params in (self.params, arrays)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{path} holds arrays of the shapes {shapes[1]}, but {type(self).__name__} has "
                f"{shapes[0]}. Make the model with the sizes it was saved with."
            )
        for param, array in zip(self.params, arrays):
            param[...] = array

    def _file(self, file_name: Any) -> str:
        return f"{type(self).__name__}.pkl" if file_name is None else os.fspath(file_name)
