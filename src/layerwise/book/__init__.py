"""Both volumes of *Deep Learning from Scratch*: their names, signatures and attributes.

A program of the book runs with its imports replaced:

    from common.layers import *            becomes   from layerwise.book.layers import *
    from common.optimizer import SGD       becomes   from layerwise.book.optimizer import SGD

and so for each module of the book's folder `common`; or all together come from `layerwise.book`.

What the book keeps, these keep: `Affine(W, b)` works on the arrays it is given, so that updates in
place reach it, and leaves `dW` and `db`; the layers of the second volume hold their arrays in
`params` and write into those in `grads`; `Relu.mask` marks what is not positive; `SoftmaxWithLoss`
returns the gradient of the scores alone. Some things are mended: nothing is ever written into
`x` or `dout`, losses multiply by `dout` and never lose a digit to log(y + 1e-7), `backward` of
`Dropout` and `BatchNormalization` knows whether its forward was one of training, and
`BatchNormalization` can take the channels of images together. Results stay in the dtype of what
comes in, where the book makes float64 of images and float32 of sequences. What is random is drawn
from generators of its own, and not from NumPy's global one.

>>> apple = MulLayer()
>>> apple.forward(100, 2), apple.backward(1)
(200, (2, 100))
"""

from __future__ import annotations

from . import (
    base_model,
    config,
    functions,
    gradient,
    layers,
    multi_layer_net,
    multi_layer_net_extend,
    optimizer,
    time_layers,
    trainer,
    twins,  # what the layers run as under the compiled engine
    util,
)
from . import np as _np_and_gpu  # first: below, `np` becomes NumPy itself
from .base_model import *
from .functions import *
from .gradient import *
from .layers import *
from .multi_layer_net import *
from .multi_layer_net_extend import *
from .optimizer import *
from .time_layers import *
from .trainer import *
from .util import *

__all__ = ["config"]
_parts = (base_model, functions, gradient, layers, multi_layer_net, multi_layer_net_extend)
for _part in (*_parts, optimizer, time_layers, trainer, util):
    __all__ += [_name for _name in _part.__all__ if _name not in __all__]
