"""Networks for images."""

from __future__ import annotations

from ..graph import Graph
from ..initializers import he_normal
from ..layers import (
    Affine,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Pad,
    ReLU,
    Tanh,
)
from ..node import Input, Node
from ..sequential import Sequential


def lenet5(num_classes: int = 10, in_channels: int = 1, *, seed: int | None = None) -> Sequential:
    """LeNet-5: the first convolutional network in daily use, which read the digits of checks.

    shapes     (N, in_channels, 28, 28) -> (N, num_classes)
    seed       decides the first weights; None: chance
    source     LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998.
               As usual today, its C3 sees all channels, its poolings learn nothing, and its last
               layer gives scores; padding by 2 makes the paper's 32 pixels of MNIST's 28

    >>> import numpy as np
    >>> lenet5(seed=0).predict(np.zeros((2, 1, 28, 28))).shape
    (2, 10)
    """
    return Sequential(
        Conv2d(in_channels, 6, 5, padding=2),  # C1: (N, 6, 28, 28)
        Tanh(),
        AvgPool2d(2),  # S2: (N, 6, 14, 14)
        Conv2d(6, 16, 5),  # C3: (N, 16, 10, 10)
        Tanh(),
        AvgPool2d(2),  # S4: (N, 16, 5, 5)
        Conv2d(16, 120, 5),  # C5: (N, 120, 1, 1)
        Tanh(),
        Flatten(),
        Affine(120, 84),  # F6
        Tanh(),
        Affine(84, num_classes),
        seed=seed,
    )


def resnet(
    depth: int = 20,
    num_classes: int = 10,
    in_channels: int = 3,
    width: int = 16,
    *,
    seed: int | None = None,
) -> Graph:
    """The residual network for CIFAR's small images: each block adds something to its input.

    shapes     (N, in_channels, H, W) -> (N, num_classes)
    depth      layers with weights: 20, 32, 44, 56, 110, or any other 6 n + 2
    width      channels of the first stage; each next stage has twice as many and half the pixels
    seed       decides the first weights, by He's rule; None: chance
    errors     ValueError for another depth
    source     He et al., Deep Residual Learning for Image Recognition, 2015, section 4.2; where a
               stage begins, the shortcut leaves out every other pixel and pads channels with zeros

    >>> import numpy as np
    >>> net = resnet(8, seed=0)
    >>> net.predict(np.zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"resnet(depth={depth!r}): it is 6 n + 2, such as 20, 32, 44 or 56.")
    x = Input("x", shape=(None, in_channels, None, None))
    node = ReLU()(BatchNorm(width)(convolution(in_channels, width)(x)))
    channels = width
    for stage in range(3):
        for block in range((depth - 2) // 6):
            wider = stage > 0 and block == 0
            name = f"stage{stage + 1}_block{block + 1}"
            node = residual_block(channels, channels * (1 + wider))(node).named(name)
            channels *= 1 + wider
    scores = Affine(channels, num_classes, init=he_normal)(GlobalAvgPool()(node))
    return Graph(scores.named("scores"), seed=seed)


def residual_block(channels: int, out_channels: int) -> Graph:
    """y = ReLU(F(x) + x), F being two convolutions with BatchNorm; a wider one halves the image."""
    x = Input("x", shape=(None, channels, None, None))
    wider = out_channels > channels
    inner = ReLU()(BatchNorm(out_channels)(convolution(channels, out_channels, 1 + wider)(x)))
    inner = BatchNorm(out_channels)(convolution(out_channels, out_channels)(inner))
    shortcut: Node = x
    if wider:
        new = out_channels - channels
        half = AvgPool2d(1, stride=2)(x)  # every other pixel
        shortcut = Pad((0, 0, 0, 0, new // 2, new - new // 2))(half).named("shortcut")
    return Graph(ReLU()(inner + shortcut).named("y"))


def convolution(channels: int, out_channels: int, stride: int = 1) -> Conv2d:
    """3x3, and without a bias, since a BatchNorm follows."""
    return Conv2d(channels, out_channels, 3, stride, padding=1, bias=False, init=he_normal)
