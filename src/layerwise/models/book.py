"""The networks of *Deep Learning from Scratch*, chapters 4 to 8: scores for classes, no loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..initializers import lecun_normal, normal
from ..layers import Affine, BatchNorm, Conv2d, Dropout, Flatten, MaxPool2d, ReLU, Sigmoid
from ..sequential import Sequential

ACTIVATIONS = {"relu": ReLU, "sigmoid": Sigmoid}
GAINS = {"relu": math.sqrt(2), "he": math.sqrt(2), "sigmoid": 1.0, "xavier": 1.0}  # times 1/√inputs


def two_layer_net(
    input_size: int = 784,
    hidden_size: int = 50,
    output_size: int = 10,
    weight_init_std: float | str = 0.01,
    *,
    seed: int | None = None,
) -> Sequential:
    """The book's TwoLayerNet: Affine, ReLU, Affine.

    shapes     (N, input_size) -> (N, output_size)
    weight_init_std   the deviation of the first weights: a number, "he" or "xavier"
    seed       decides the first weights; None: chance
    errors     ValueError for another deviation
    source     Deep Learning from Scratch, 5.7.2

    >>> two_layer_net(seed=0).predict(np.zeros((2, 784))).shape
    (2, 10)
    """
    return multi_layer_net(
        input_size, [hidden_size], output_size, weight_init_std=weight_init_std, seed=seed
    )


def multi_layer_net(
    input_size: int,
    hidden_size_list: Sequence[int],
    output_size: int,
    activation: str = "relu",
    weight_init_std: float | str = "relu",
    *,
    seed: int | None = None,
) -> Sequential:
    """The book's MultiLayerNet: Affine and an activation for each hidden layer, Affine at the end.

    shapes     (N, input_size) -> (N, output_size)
    hidden_size_list   how many units each hidden layer has
    activation   "relu" or "sigmoid"
    weight_init_std   the deviation of the first weights: a number; "relu" or "he" for √(2/inputs),
               "sigmoid" or "xavier" for √(1/inputs)
    seed       decides the first weights; None: chance
    errors     ValueError for another activation or deviation
    source     Deep Learning from Scratch, 6.5. Its weight decay is an option of the optimizers.

    >>> multi_layer_net(784, [100, 100], 10, seed=0)
    Sequential(Affine(784, 100), ReLU(), Affine(100, 100), ReLU(), Affine(100, 10))
    """
    return multi_layer_net_extend(
        input_size, hidden_size_list, output_size, activation, weight_init_std, seed=seed
    )


def multi_layer_net_extend(
    input_size: int,
    hidden_size_list: Sequence[int],
    output_size: int,
    activation: str = "relu",
    weight_init_std: float | str = "relu",
    use_dropout: bool = False,
    dropout_ration: float = 0.5,
    use_batchnorm: bool = False,
    *,
    seed: int | None = None,
) -> Sequential:
    """The book's MultiLayerNetExtend: `multi_layer_net` with BatchNorm and Dropout.

    shapes     (N, input_size) -> (N, output_size)
    use_dropout, dropout_ration   Dropout behind each activation, and how much it drops
    use_batchnorm   BatchNorm in front of each activation
    errors     ValueError for options that cannot be
    source     Deep Learning from Scratch, 6.3 and 6.4; the name `dropout_ration` is its own.
               Other options as in `multi_layer_net`

    >>> multi_layer_net_extend(64, [50], 10, use_dropout=True, use_batchnorm=True, seed=0)
    Sequential(Affine(64, 50), BatchNorm(50), ReLU(), Dropout(), Affine(50, 10))
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation={activation!r}: choose one of {tuple(ACTIVATIONS)}.")
    init = deviation(weight_init_std)
    layers: list[Any] = []
    inputs = input_size
    for units in hidden_size_list:
        layers.append(without_bias_at_first(Affine(inputs, units, init=init)))
        layers += [BatchNorm(units)] * use_batchnorm
        layers.append(ACTIVATIONS[activation]())
        layers += [Dropout(dropout_ration)] * use_dropout
        inputs = units
    layers.append(without_bias_at_first(Affine(inputs, output_size, init=init)))
    return Sequential(*layers, seed=seed)


def simple_conv_net(
    input_dim: Sequence[int] = (1, 28, 28),
    conv_param: Mapping[str, int] | None = None,
    hidden_size: int = 100,
    output_size: int = 10,
    weight_init_std: float | str = 0.01,
    *,
    seed: int | None = None,
) -> Sequential:
    """The book's SimpleConvNet: one convolution, ReLU and pooling, then two Affines.

    shapes     (N, *input_dim) -> (N, output_size)
    input_dim  channels, height and width of an image
    conv_param   of the convolution: filter_num (30), filter_size (5), pad (0), stride (1)
    hidden_size   units of the hidden layer
    weight_init_std   the deviation of the first weights: a number, "he" or "xavier"
    seed       decides the first weights; None: chance
    errors     ValueError for options that cannot be; ShapeError if an image is too small
    source     Deep Learning from Scratch, 7.5

    >>> net = simple_conv_net(seed=0)
    >>> net.predict(np.zeros((2, 1, 28, 28))).shape
    (2, 10)
    """
    how = {"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1}
    unknown = set(conv_param or {}) - set(how)
    if unknown:
        raise ValueError(f"conv_param has {min(unknown)!r}, but takes only {tuple(how)}.")
    how |= conv_param or {}
    init = deviation(weight_init_std)
    filters = how["filter_num"]
    conv = Conv2d(input_dim[0], filters, how["filter_size"], how["stride"], how["pad"], init=init)
    images = [without_bias_at_first(conv), ReLU(), MaxPool2d(2), Flatten()]
    features = features_of(images, input_dim)
    return Sequential(
        *images,
        without_bias_at_first(Affine(features, hidden_size, init=init)),
        ReLU(),
        without_bias_at_first(Affine(hidden_size, output_size, init=init)),
        seed=seed,
    )


def deep_conv_net(
    input_dim: Sequence[int] = (1, 28, 28),
    hidden_size: int = 50,
    output_size: int = 10,
    *,
    seed: int | None = None,
) -> Sequential:
    """The book's DeepConvNet: three times two 3x3 convolutions and a pooling, then two Affines.

    shapes     (N, *input_dim) -> (N, output_size)
    input_dim  channels, height and width of an image
    hidden_size   units of the hidden layer
    seed       decides the first weights, by He's rule, and what the dropouts drop; None: chance
    errors     ShapeError if an image is too small
    source     Deep Learning from Scratch, 8.1; its padding of 2 makes 28 pixels come out as 4

    >>> net = deep_conv_net(seed=0)
    >>> net.predict(np.zeros((2, 1, 28, 28))).shape
    (2, 10)
    """
    init = deviation("he")
    images: list[Any] = []
    channels = input_dim[0]
    for filters, padding in [(16, 1), (32, 2), (64, 1)]:
        for pad in (1, padding):
            conv = Conv2d(channels, filters, 3, padding=pad, init=init)
            images += [without_bias_at_first(conv), ReLU()]
            channels = filters
        images.append(MaxPool2d(2))
    images.append(Flatten())
    return Sequential(
        *images,
        without_bias_at_first(Affine(features_of(images, input_dim), hidden_size, init=init)),
        ReLU(),
        Dropout(0.5),
        without_bias_at_first(Affine(hidden_size, output_size, init=init)),
        Dropout(0.5),
        seed=seed,
    )


# details -----------------------------------------------------------------------------------------


def deviation(std: float | str) -> Callable[..., Any]:
    """The book's initializer: normal, with this deviation or one that follows from the inputs."""
    if not isinstance(std, str):
        return partial(normal, std=std)
    if std.lower() not in GAINS:
        raise ValueError(f"weight_init_std={std!r}: give a number, or one of {tuple(GAINS)}.")
    return partial(lecun_normal, gain=GAINS[std.lower()])


def without_bias_at_first(layer: Any) -> Any:
    """The layer, its bias starting at 0, as the book has it."""
    layer.b.value = np.zeros(layer.b.shape)
    return layer


def features_of(layers: Sequence[Any], image: Sequence[int]) -> int:
    """How many numbers for each image come out of these layers."""
    shape: Any = (1, *image)
    for layer in layers:
        shape = layer.out_shape(shape)
    return int(shape[1])
