"""Make the pictures that the documents show: `python docs/pictures.py`."""

from pathlib import Path

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


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    shop_picture()
    network_picture()
