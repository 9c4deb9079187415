"""The first volume's network with options: batch normalisation, Dropout, weight decay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .gradient import numerical_gradient
from .layers import Affine, BatchNormalization, Dropout, Relu, Sigmoid, SoftmaxWithLoss

__all__ = ["MultiLayerNetExtend"]

ACTIVATIONS = {"relu": Relu, "sigmoid": Sigmoid}
GAINS = {"relu": 2.0, "he": 2.0, "sigmoid": 1.0, "xavier": 1.0}  # variance times inputs


class MultiLayerNetExtend:
    """Affine, BatchNormalization, activation and Dropout for each hidden layer; Affine at the end.

    hidden_size_list   how many units each hidden layer has
    activation   "relu" or "sigmoid"
    weight_init_std   the deviation of the first weights: a number; "relu" or "he" for √(2/inputs),
               "sigmoid" or "xavier" for √(1/inputs)
    weight_decay_lambda   λ: the loss grows by λ/2 ΣW², and the gradient of W by λ W
    use_dropout, dropout_ration   Dropout behind each activation, and how much it drops
    use_batchnorm   BatchNormalization in front of each activation
    rng        a generator or a seed for the first weights and Dropout; None: chance
    keeps      params: W1, b1, gamma1, beta1, W2, ...; layers by name, last_layer
    errors     ValueError for another activation or deviation
    source     Deep Learning from Scratch, 6.3 and 6.4; the name `dropout_ration` is its own

    >>> net = MultiLayerNetExtend(4, [3], 2, use_batchnorm=True, rng=0)
    >>> list(net.params), list(net.layers)[:2]
    (['W1', 'b1', 'W2', 'b2', 'gamma1', 'beta1'], ['Affine1', 'BatchNorm1'])
    >>> x, t = np.ones((2, 4)), np.array([0, 1])
    >>> round(float(net.loss(x, t, train_flg=True)), 6), net.gradient(x, t)["W2"].shape
    (0.693147, (3, 2))
    """

    def __init__(
        self, input_size: int, hidden_size_list: Sequence[int], output_size: int,
        activation: str = "relu", weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0, use_dropout: bool = False, dropout_ration: float = 0.5,
        use_batchnorm: bool = False, rng: Any = None,
    ) -> None:  # fmt: skip
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation={activation!r}: choose one of {tuple(ACTIVATIONS)}.")
        self.input_size, self.output_size = input_size, output_size
        self.hidden_size_list, self.hidden_layer_num = hidden_size_list, len(hidden_size_list)
        self.weight_decay_lambda = weight_decay_lambda
        self.use_dropout, self.use_batchnorm = use_dropout, use_batchnorm
        self.params: dict[str, Any] = {}
        self.layers: OrderedDict[str, Any] = OrderedDict()
        rng = np.random.default_rng(rng)

        sizes = [input_size, *hidden_size_list, output_size]
        for i, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
            std = deviation(weight_init_std, inputs)
            self.params[f"W{i}"] = std * rng.standard_normal((inputs, outputs))
            self.params[f"b{i}"] = np.zeros(outputs)
        for i, units in enumerate(hidden_size_list, start=1):
            self.add_affine(i)
            if use_batchnorm:
                gamma, beta = np.ones(units), np.zeros(units)
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = gamma, beta
                self.layers[f"BatchNorm{i}"] = BatchNormalization(gamma, beta)
            self.layers[f"Activation_function{i}"] = ACTIVATIONS[activation]()
            if use_dropout:
                self.layers[f"Dropout{i}"] = Dropout(dropout_ration, rng=rng)
        self.add_affine(len(sizes) - 1)
        self.last_layer = SoftmaxWithLoss()

    def add_affine(self, i: int) -> None:
        self.layers[f"Affine{i}"] = Affine(self.params[f"W{i}"], self.params[f"b{i}"])

    def predict(self, x: Any, train_flg: bool = False) -> Any:
        """The scores (N, output_size) for x (N, input_size)."""
        for layer in self.layers.values():
            by_mode = isinstance(layer, (BatchNormalization, Dropout))
            x = layer.forward(x, train_flg) if by_mode else layer.forward(x)
        return x

    def loss(self, x: Any, t: Any, train_flg: bool = False) -> Any:
        """The mean loss of the batch, with the share of weight decay."""
        squares = sum(np.sum(W**2) for name, W in self.params.items() if name[0] == "W")
        decay = 0.5 * self.weight_decay_lambda * squares
        return self.last_layer.forward(self.predict(x, train_flg), t) + decay

    def accuracy(self, x: Any, t: Any) -> Any:
        """The share of rows that are classed as t says: class numbers or one-hot rows."""
        classes = t if t.ndim == 1 else t.argmax(axis=1)
        return np.mean(self.predict(x).argmax(axis=1) == classes)

    def numerical_gradient(self, x: Any, t: Any) -> dict[str, Any]:
        """The slope of the loss by each parameter, from two of its values: slow."""

        def loss_at(_: Any) -> Any:  # the parameter is changed in place
            return self.loss(x, t, train_flg=True)

        return {name: numerical_gradient(loss_at, value) for name, value in self.params.items()}

    def gradient(self, x: Any, t: Any) -> dict[str, Any]:
        """The gradient of the loss by each parameter, by name."""
        self.loss(x, t, train_flg=True)
        dout = self.last_layer.backward(1)
        for layer in reversed(list(self.layers.values())):
            dout = layer.backward(dout)
        grads = {}
        for i in range(1, self.hidden_layer_num + 2):
            affine = self.layers[f"Affine{i}"]
            grads[f"W{i}"] = affine.dW + self.weight_decay_lambda * self.params[f"W{i}"]
            grads[f"b{i}"] = affine.db
            if f"BatchNorm{i}" in self.layers:
                norm = self.layers[f"BatchNorm{i}"]
                grads[f"gamma{i}"], grads[f"beta{i}"] = norm.dgamma, norm.dbeta
        return grads


def deviation(weight_init_std: float | str, inputs: int) -> Any:
    if not isinstance(weight_init_std, str):
        return weight_init_std
    if weight_init_std.lower() not in GAINS:
        raise ValueError(
            f"weight_init_std={weight_init_std!r}: give a number or one of {tuple(GAINS)}."
        )
    return np.sqrt(GAINS[weight_init_std.lower()] / inputs)
