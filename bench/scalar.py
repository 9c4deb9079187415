"""The shop as a graph of single numbers: price and five derivatives, once forward and backward.

Each contender gets five numbers and has to give the price and its five derivatives. Run by itself,
`python -m bench.scalar NAME` prints the microseconds that one round takes, as the best of several
batches: what disturbs a measurement only ever makes it longer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

NUMBERS = (100.0, 2.0, 150.0, 3.0, 1.1)  # apple, apple_num, orange, orange_num, tax
EXPECTED = (715.0, 2.2, 110.0, 3.3, 165.0, 650.0)  # price and the derivatives in that order
BATCH, BATCHES = 500, 60


def layerwise() -> Callable[[], tuple[float, ...]]:
    import layerwise as lw

    apple, apple_num, orange, orange_num, tax = (lw.Input(name) for name in "abcde")
    shop = lw.Graph((apple * apple_num + orange * orange_num) * tax)
    return lambda: (shop.forward(*NUMBERS), *shop.backward())


def layers_by_hand() -> Callable[[], tuple[float, ...]]:
    from layerwise.book import AddLayer, MulLayer

    apples, oranges, fruit, taxed = MulLayer(), MulLayer(), AddLayer(), MulLayer()
    a, n, o, m, t = NUMBERS

    def once() -> tuple[float, ...]:
        price = taxed.forward(fruit.forward(apples.forward(a, n), oranges.forward(o, m)), t)
        dfruit, dt = taxed.backward(1.0)
        dapples, doranges = fruit.backward(dfruit)
        return (price, *apples.backward(dapples), *oranges.backward(doranges), dt)

    return once


def micrograd() -> Callable[[], tuple[float, ...]]:
    from micrograd.engine import Value

    def once() -> tuple[float, ...]:
        inputs = a, n, o, m, t = [Value(x) for x in NUMBERS]
        price = (a * n + o * m) * t
        price.backward()
        return (price.data, *(x.grad for x in inputs))

    return once


def micrograd_inputs_kept() -> Callable[[], tuple[float, ...]]:
    """Its five inputs are made beforehand; their gradients then go on adding up."""
    from micrograd.engine import Value

    inputs = a, n, o, m, t = [Value(x) for x in NUMBERS]

    def once() -> tuple[float, ...]:
        price = (a * n + o * m) * t
        price.backward()
        return (price.data, *(x.grad for x in inputs))

    return once


def pytorch() -> Callable[[], tuple[float, ...]]:
    import torch

    inputs = a, n, o, m, t = [torch.tensor(x, requires_grad=True) for x in NUMBERS]

    def once() -> tuple[float, ...]:
        for x in inputs:
            x.grad = None
        price = (a * n + o * m) * t
        price.backward()
        return (price, *(x.grad for x in inputs))

    return once


CONTENDERS = {
    "layerwise, a Graph": layerwise,
    "layerwise, layers by hand": layers_by_hand,
    "micrograd": micrograd,
    "micrograd, inputs kept": micrograd_inputs_kept,
    "PyTorch": pytorch,
}


def measure(name: str) -> float:
    """Microseconds for one round."""
    once = CONTENDERS[name]()
    got = [float(x) for x in once()]
    assert all(abs(x - y) < 1e-3 for x, y in zip(got, EXPECTED)), got
    best = float("inf")
    for _ in range(BATCHES):
        start = time.perf_counter()
        for _ in range(BATCH):
            once()
        best = min(best, (time.perf_counter() - start) / BATCH)
    return best * 1e6


if __name__ == "__main__":
    print(measure(sys.argv[1]))
