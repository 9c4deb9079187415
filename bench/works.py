"""What is measured: networks, and the works that are done with them.

A network is a list of layers, each a word and its options, in the order in which they run. Every
contender has a table from these words to its own layers (`contenders/`), and builds all networks
from it. The first weights and the numbers that go in are made once for each work and kept in a
file, so that all contenders begin alike; what NumPy's plain layers make of them is what is expected
of everybody.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

VOCABULARY = 65  # characters
Layer = tuple[Any, ...]  # a word, and options


def conv_block(channels: int, filters: int, padding: int) -> list[Layer]:
    first, second = ("conv", channels, filters, 3, 1), ("conv", filters, filters, 3, padding)
    return [first, ("relu",), second, ("relu",), ("pool",)]


# word           options                                     its weights, in this order
# affine         inputs, outputs                             W (inputs, outputs), b
# conv           channels, filters, size, padding            W (filters, channels, size, size), b
# conv_norm      channels, filters, stride                   W, without b; gamma, beta
# residual       channels, filters                           two times conv_norm (3x3, padding 1)
# embedding      how many, width                             W
# positions      length, width                               W
# lstm           inputs, outputs                             Wx, Wh, b; gates i, f, g, o
# block          width, heads                                of a transformer: 16, see below
# layer_norm     width                                       gamma, beta
# A block: gamma, beta; W and b of queries, keys, values, output; gamma, beta; W, b; W, b.
# relu, pool (2x2, the largest), flatten, dropout (0.5), mean (over the image) have none.
NETWORKS: dict[str, list[Layer]] = {
    "two_layer_net": [("affine", 784, 50), ("relu",), ("affine", 50, 10)],
    "mlp": [
        ("affine", 784, 512),
        ("relu",),
        ("affine", 512, 512),
        ("relu",),
        ("affine", 512, 10),
    ],
    "simple_conv_net": [
        ("conv", 1, 30, 5, 0),
        ("relu",),
        ("pool",),
        ("flatten",),
        ("affine", 4320, 100),
        ("relu",),
        ("affine", 100, 10),
    ],
    "deep_conv_net": [
        *conv_block(1, 16, padding=1),
        *conv_block(16, 32, padding=2),
        *conv_block(32, 64, padding=1),
        ("flatten",),
        ("affine", 1024, 50),
        ("relu",),
        ("dropout",),
        ("affine", 50, 10),
        ("dropout",),
    ],
    "resnet20": [
        ("conv_norm", 3, 16, 1),
        ("relu",),
        *[("residual", 16, 16)] * 3,
        ("residual", 16, 32),
        *[("residual", 32, 32)] * 2,
        ("residual", 32, 64),
        *[("residual", 64, 64)] * 2,
        ("mean",),
        ("affine", 64, 10),
    ],
    "char_lstm": [("embedding", VOCABULARY, 128), ("lstm", 128, 128), ("affine", 128, VOCABULARY)],
    "gpt": [
        ("embedding", VOCABULARY, 128),
        ("positions", 128, 128),
        *[("block", 128, 4)] * 4,
        ("layer_norm", 128),
        ("affine", 128, VOCABULARY),
    ],
}
INPUTS = {  # the shape of one row; whole numbers where it is of words
    "two_layer_net": (784,),
    "mlp": (784,),
    "simple_conv_net": (1, 28, 28),
    "deep_conv_net": (1, 28, 28),
    "resnet20": (3, 32, 32),
    "char_lstm": (35,),
    "gpt": (128,),
}
WORDS = ("char_lstm", "gpt")
LEARNING_RATES = {"SGD": 0.01, "momentum": 0.001, "Adam": 3e-4, "AdamW": 3e-4}  # momentum: 0.9


class Work(NamedTuple):
    """One row of the tables."""

    title: str
    network: str  # of `NETWORKS`, or "shop"
    batch: int = 1
    optimizer: str = ""  # none: the network answers, and does not learn

    @property
    def learns(self) -> bool:
        return bool(self.optimizer)


WORKS = {
    "shop": Work("the shop, 5 numbers and 5 derivatives", "shop"),
    "two_layer_net": Work("MLP 784-50-10, SGD", "two_layer_net", 100, "SGD"),
    "mlp": Work("MLP 784-512-512-10, Adam", "mlp", 128, "Adam"),
    "simple_conv_net": Work("SimpleConvNet, Adam", "simple_conv_net", 100, "Adam"),
    "deep_conv_net": Work("DeepConvNet, Adam", "deep_conv_net", 100, "Adam"),
    "resnet20": Work("ResNet-20, momentum", "resnet20", 64, "momentum"),
    "char_lstm": Work("LSTM of 128, 35 characters, Adam", "char_lstm", 64, "Adam"),
    "gpt": Work("GPT, 4 blocks of 128, AdamW", "gpt", 16, "AdamW"),
    "deep_conv_net_1": Work("DeepConvNet answers", "deep_conv_net", 1),
    "deep_conv_net_256": Work("DeepConvNet answers", "deep_conv_net", 256),
    "resnet20_1": Work("ResNet-20 answers", "resnet20", 1),
    "resnet20_256": Work("ResNet-20 answers", "resnet20", 256),
}


class Given(NamedTuple):
    """What every contender begins with, and has to find."""

    x: np.ndarray  # the batch; the shop: five numbers
    t: np.ndarray  # its classes (N,) or (N, T)
    weights: list[np.ndarray]
    expected: np.ndarray  # losses of the first steps; scores; nothing where chance has a part

    def save(self, path: Path) -> None:
        named = {f"W{i}": W for i, W in enumerate(self.weights)}
        np.savez(path, x=self.x, t=self.t, expected=self.expected, **named)

    @classmethod
    def load(cls, path: Path) -> Given:
        with np.load(path) as held:
            weights = [held[f"W{i}"] for i in range(len(held.files) - 3)]
            return cls(held["x"], held["t"], weights, held["expected"])


def numbers(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """A batch (x, t) of chance: what is in it changes nothing of the work."""
    rng = np.random.default_rng(0)
    shape = (work.batch, *INPUTS[work.network])
    if work.network in WORDS:
        return rng.integers(0, VOCABULARY, shape), rng.integers(0, VOCABULARY, shape)
    return rng.random(shape, np.float32), rng.integers(0, 10, work.batch)
