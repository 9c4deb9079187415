"""A chain of layers, the commonest graph."""

from __future__ import annotations

from typing import Any

from .errors import WiringError, show_layer
from .graph import Graph
from .node import Input, apply


class Sequential(Graph, guarded=False):
    """A chain of layers: what one gives goes into the next.

    layers    layers in forward order: any objects with `forward` and `backward`
    dtype     the float type of parameters and inputs; None: that of the parameters
    seed      decides the first numbers of parameters and the draws of random layers; None: chance
    errors    WiringError without layers; ShapeError where shapes are known and do not fit

    >>> import numpy as np
    >>> from layerwise import Affine, ReLU
    >>> net = Sequential(Affine(784, 50), ReLU(), Affine(50, 10), seed=0)
    >>> net.forward(np.zeros((32, 784))).shape
    (32, 10)
    """

    def __init__(self, *layers: Any, dtype: Any = None, seed: int | None = None) -> None:
        if not layers:
            raise WiringError("Sequential() needs at least one layer.")
        x = node = Input("x")
        for layer in layers:
            node = apply(layer, node)
        super().__init__(node, [x], dtype=dtype, seed=seed)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(show_layer(seat.layer) for seat in self._calls)})"
