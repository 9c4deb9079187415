"""layerwise: neural networks whose every layer is a forward() and a backward() one can read.

>>> import layerwise as lw
>>> apple, apple_num, tax = lw.Input("apple"), lw.Input("apple_num"), lw.Input("tax")
>>> shop = lw.Graph((apple * apple_num * tax).named("price"))
>>> round(shop.forward(apple=100, apple_num=2, tax=1.1), 2)
220.0
>>> shop.backward()
(2.2, 110.00000000000001, 200.0)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import initializers, layers, optim
from .check import Report, assert_gradients, check
from .engine import EngineError, engine, set_num_threads
from .errors import (
    FileError,
    GradientError,
    LayerError,
    LayerwiseError,
    OrderError,
    ShapeError,
    UnknownNameError,
    WiringError,
)
from .graph import Graph, Step
from .layer import Layer
from .layers import *
from .layers import __all__ as _layers
from .node import Input, Node, apply
from .optim import *
from .optim import __all__ as _optim
from .parameter import Buffer, Parameter
from .seat import Seat
from .sequential import Sequential
from .training import (
    Callback,
    Checkpoints,
    EarlyStopping,
    History,
    Trainer,
    TrainingError,
    accuracy,
    fit,
)
from .transformer import TransformerDecoderLayer, TransformerEncoderLayer

if TYPE_CHECKING:
    from . import data, metrics, models
    from .explore.recording import Record
    from .io import load
    from .training.diagnose import diagnose
    from .training.pictures import plot_confusion, plot_misclassified
else:  # not every program needs these: loaded at the first use, so that the import stays quick
    _LATER = {
        "Record": ".explore.recording",
        "load": ".io",
        "diagnose": ".training.diagnose",
        "plot_confusion": ".training.pictures",
        "plot_misclassified": ".training.pictures",
    }

    def __getattr__(name: str) -> Any:
        if name in ("data", "metrics", "models"):
            return import_module(f".{name}", __name__)
        if name in _LATER:
            return getattr(import_module(_LATER[name], __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__version__ = "0.1.0"

__all__ = [
    "Buffer",
    "Callback",
    "Checkpoints",
    "EarlyStopping",
    "EngineError",
    "FileError",
    "Graph",
    "GradientError",
    "History",
    "Input",
    "Layer",
    "LayerError",
    "LayerwiseError",
    "Node",
    "OrderError",
    "Parameter",
    "Record",
    "Report",
    "Seat",
    "Sequential",
    "ShapeError",
    "Step",
    "Trainer",
    "TrainingError",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
    "UnknownNameError",
    "WiringError",
    "accuracy",
    "apply",
    "assert_gradients",
    "check",
    "data",
    "diagnose",
    "engine",
    "fit",
    "initializers",
    "layers",
    "load",
    "metrics",
    "models",
    "optim",
    "plot_confusion",
    "plot_misclassified",
    "set_num_threads",
    *_layers,
    *_optim,
]
