"""layerwise: neural networks whose every layer is a forward() and a backward() one can read.

>>> import layerwise as lw
>>> apple, apple_num, tax = lw.Input("apple"), lw.Input("apple_num"), lw.Input("tax")
>>> shop = lw.Graph((apple * apple_num * tax).named("price"))
>>> round(shop.forward(apple=100, apple_num=2, tax=1.1), 2)
220.0
>>> shop.backward()
(2.2, 110.00000000000001, 200.0)
"""

from . import data, layers
from .errors import (
    GradientError,
    LayerError,
    LayerwiseError,
    OrderError,
    ShapeError,
    UnknownNameError,
    WiringError,
)
from .graph import Graph, Sequential, Step
from .initializers import he_normal, he_uniform
from .layer import Layer
from .layers import *
from .layers import __all__ as _layers
from .node import Input, Node, apply
from .parameter import Parameter
from .seat import Seat

__version__ = "0.1.0"

__all__ = [
    "Graph",
    "GradientError",
    "Input",
    "Layer",
    "LayerError",
    "LayerwiseError",
    "Node",
    "OrderError",
    "Parameter",
    "Seat",
    "Sequential",
    "ShapeError",
    "Step",
    "UnknownNameError",
    "WiringError",
    "apply",
    "data",
    "he_normal",
    "he_uniform",
    "layers",
    *_layers,
]
