"""The layers, one file for each family: each is a forward and a backward in plain NumPy."""

from .activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from .affine import Affine
from .arithmetic import (
    Abs,
    Add,
    Clip,
    Cos,
    Div,
    Exp,
    Log,
    MatMul,
    Maximum,
    Minimum,
    Mul,
    Neg,
    Pow,
    Sin,
    Sqrt,
    Square,
    Sub,
)
from .dropout import Dropout
from .join import Concat, Stack, Where
from .loss import MeanSquaredError, SoftmaxCrossEntropy
from .norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    RMSNorm,
)
from .reduction import Max, Mean, Min, Sum, Var
from .shape import Flatten, Reshape, Slice, Transpose

__all__ = [
    "Abs",
    "Add",
    "Affine",
    "BatchNorm",
    "Clip",
    "Concat",
    "Cos",
    "Div",
    "Dropout",
    "Exp",
    "Flatten",
    "GroupNorm",
    "InstanceNorm",
    "LayerNorm",
    "LocalResponseNorm",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "Maximum",
    "Mean",
    "MeanSquaredError",
    "Min",
    "Minimum",
    "Mul",
    "Neg",
    "Pow",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Sigmoid",
    "Sin",
    "Slice",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Sqrt",
    "Square",
    "Stack",
    "Sub",
    "Sum",
    "Tanh",
    "Transpose",
    "Var",
    "Where",
]
