"""Make the pictures that the documents show: `python docs/pictures.py`."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

import layerwise as lw
from layerwise.shop import PRICES, shop

FOLDER = Path(__file__).parent / "pictures"


def shop_picture() -> None:
    """The shop after forward and backward."""
    graph = shop()
    graph.forward(**PRICES)
    graph.backward()
    graph.draw(FOLDER / "shop.svg")


def network_picture() -> None:
    """A network of two layers with its loss, on 32 handwritten digits, before it has learned."""
    x, t = lw.Input("x", shape=(None, 64)), lw.Input("t")
    scores = lw.Affine(50, 10)(lw.ReLU()(lw.Affine(64, 50)(x)))
    net = lw.Graph(lw.SoftmaxCrossEntropy()(scores, t).named("loss"), seed=0)
    (x_train, t_train), _ = lw.data.digits()
    net.forward(x_train[:32], t_train[:32])
    net.backward()
    net.draw(FOLDER / "network.svg")


def times_picture() -> None:
    """How long each layer of the book's small convolutional network takes, on this machine."""
    net = lw.models.simple_conv_net(weight_init_std="he", seed=0)
    images = np.random.default_rng(0).random((100, 1, 28, 28), np.float32)
    with lw.engine("compiled"):
        for _ in range(20):
            net.forward(images)
            net.backward(inputs=False)
        net.draw(FOLDER / "times.svg", color="time")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    shop_picture()
    network_picture()
    if find_spec("numba"):  # else the picture that is there stays
        times_picture()
