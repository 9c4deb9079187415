"""Training steps of two networks of affine layers, on numbers like those of MNIST.

small   784-50-10, batch 100, SGD: the book's TwoLayerNet
large   784-512-512-10, batch 128, Adam

A step is forward, loss, backward, update, on one batch. `python -m bench.mlp NAME SIZE` prints the
milliseconds of a step, as the median of many.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

SIZES = {"small": ((784, 50, 10), 100), "large": ((784, 512, 512, 10), 128)}
LEARNING_RATE = {"small": 0.1, "large": 1e-3}
SECONDS = 2.0  # of measuring

Step = Callable[[], float]  # gives the loss


def numbers(size: str) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
    widths, rows = SIZES[size]
    rng = np.random.default_rng(0)
    return widths, rng.random((rows, widths[0]), np.float32), rng.integers(0, 10, rows)


def layerwise(size: str) -> Step:
    import layerwise as lw

    widths, images, labels = numbers(size)
    x, t = lw.Input("x"), lw.Input("t")
    h = x
    for i, (width, after) in enumerate(pairwise(widths)):
        h = lw.Affine(width, after)(lw.ReLU()(h) if i else h)
    net = lw.Graph(lw.SoftmaxCrossEntropy()(h, t), inputs=[x, t], seed=0)
    optimizer = lw.SGD(lr=0.1) if size == "small" else lw.Adam(lr=LEARNING_RATE[size])
    parameters = net.parameters()

    def step() -> float:
        loss = net.forward(images, labels)
        net.backward(inputs=False)
        optimizer.step(parameters)
        return loss

    return step


def layerwise_compiled(size: str) -> Step:
    import layerwise as lw

    step = layerwise(size)

    def compiled() -> float:
        with lw.engine("compiled"):
            return step()

    return compiled


def pytorch(size: str) -> Step:
    import torch

    widths, images, labels = numbers(size)
    x, t = torch.tensor(images), torch.tensor(labels)
    layers: list[torch.nn.Module] = []
    for i, (width, after) in enumerate(pairwise(widths)):
        layers += ([torch.nn.ReLU()] if i else []) + [torch.nn.Linear(width, after)]
    net, loss_of = torch.nn.Sequential(*layers), torch.nn.CrossEntropyLoss()
    kind = torch.optim.SGD if size == "small" else torch.optim.Adam
    optimizer = kind(net.parameters(), lr=LEARNING_RATE[size])

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(net(x), t)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def book(size: str) -> Step:
    """The layers as in the book, in float32 and written by hand for this network."""
    widths, images, labels = numbers(size)
    rng = np.random.default_rng(0)
    pairs = list(pairwise(widths))
    weights = [rng.normal(0, (2 / n) ** 0.5, (n, m)).astype(np.float32) for n, m in pairs]
    biases = [np.zeros(m, np.float32) for _, m in pairs]
    held = [*weights, *biases]
    m, v = [[np.zeros_like(one) for one in held] for _ in range(2)]
    count = 0

    def step() -> float:
        nonlocal count
        ins, h = [], images
        for i, (W, b) in enumerate(zip(weights, biases)):
            ins.append(h)
            h = h @ W + b
            if i < len(weights) - 1:
                h = np.maximum(h, 0)
        y = np.exp(h - h.max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        loss = -np.log(y[rows, labels] + 1e-7).mean()
        y[rows, labels] -= 1
        d = y / len(labels)
        dW, db = [], []
        for i in reversed(range(len(weights))):
            dW.insert(0, ins[i].T @ d)
            db.insert(0, d.sum(axis=0))
            if i:
                d = (d @ weights[i].T) * (ins[i] > 0)
        count += 1
        lr = LEARNING_RATE[size]
        for i, (p, g) in enumerate(zip(held, [*dW, *db])):
            if size == "small":
                p -= lr * g
                continue
            m[i] += 0.1 * (g - m[i])
            v[i] += 0.001 * (g * g - v[i])
            rate = lr * (1 - 0.999**count) ** 0.5 / (1 - 0.9**count)
            p -= rate * m[i] / (np.sqrt(v[i]) + 1e-7)
        return float(loss)

    return step


CONTENDERS = {
    "layerwise, engine compiled": layerwise_compiled,
    "layerwise": layerwise,
    "NumPy as in the book": book,
    "PyTorch": pytorch,
}


def measure(name: str, size: str) -> float:
    """Milliseconds of one step."""
    step = CONTENDERS[name](size)
    first = step()
    for _ in range(30):
        last = step()
    assert last < first, (first, last)
    times, end = [], time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


if __name__ == "__main__":
    print(measure(sys.argv[1], sys.argv[2]))
