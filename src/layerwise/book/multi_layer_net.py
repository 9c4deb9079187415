"""The first volume's network of several layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .multi_layer_net_extend import MultiLayerNetExtend

__all__ = ["MultiLayerNet"]


class MultiLayerNet(MultiLayerNetExtend):
    """Affine and an activation for each hidden layer, Affine at the end, with weight decay.

    Arguments, attributes and errors as in `MultiLayerNetExtend`, which adds options to it.

    source     Deep Learning from Scratch, 6.1 and 6.2

    >>> import numpy as np
    >>> net = MultiLayerNet(4, [3], 2, weight_decay_lambda=0.1, rng=0)
    >>> list(net.params), net.predict(np.ones((5, 4))).shape
    (['W1', 'b1', 'W2', 'b2'], (5, 2))
    """

    def __init__(
        self, input_size: int, hidden_size_list: Sequence[int], output_size: int,
        activation: str = "relu", weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0, rng: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            input_size, hidden_size_list, output_size, activation, weight_init_std,
            weight_decay_lambda, rng=rng,
        )  # fmt: skip
