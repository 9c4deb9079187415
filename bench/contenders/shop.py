"""The shop as a graph of single numbers: price and five derivatives, once forward and backward.

Each contender gets five numbers and has to give the price and its five derivatives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..works import Given, Work
from . import Running

NUMBERS = (100.0, 2.0, 150.0, 3.0, 1.1)  # apple, apple_num, orange, orange_num, tax
EXPECTED = (715.0, 2.2, 110.0, 3.3, 165.0, 650.0)  # price and the derivatives in that order
GIVEN = Given(np.array(NUMBERS), np.empty(0), [], np.array(EXPECTED))
Step = Callable[[], tuple[float, ...]]


def build(work: Work, given: Given, option: str) -> Running:
    return Running(STEPS[option]())


def layerwise() -> Step:
    import layerwise as lw

    apple, apple_num, orange, orange_num, tax = (lw.Input(name) for name in "abcde")
    shop = lw.Graph((apple * apple_num + orange * orange_num) * tax)
    return lambda: (shop.forward(*NUMBERS), *shop.backward())


def layers_by_hand() -> Step:
    from layerwise.book import AddLayer, MulLayer

    apples, oranges, fruit, taxed = MulLayer(), MulLayer(), AddLayer(), MulLayer()
    a, n, o, m, t = NUMBERS

    def once() -> tuple[float, ...]:
        price = taxed.forward(fruit.forward(apples.forward(a, n), oranges.forward(o, m)), t)
        dfruit, dt = taxed.backward(1.0)
        dapples, doranges = fruit.backward(dfruit)
        return (price, *apples.backward(dapples), *oranges.backward(doranges), dt)

    return once


def micrograd() -> Step:
    from micrograd.engine import Value

    def once() -> tuple[float, ...]:
        inputs = a, n, o, m, t = [Value(x) for x in NUMBERS]
        price = (a * n + o * m) * t
        price.backward()
        return (price.data, *(x.grad for x in inputs))

    return once


def micrograd_inputs_kept() -> Step:
    """Its five inputs are made beforehand; their gradients then go on adding up."""
    from micrograd.engine import Value

    inputs = a, n, o, m, t = [Value(x) for x in NUMBERS]

    def once() -> tuple[float, ...]:
        price = (a * n + o * m) * t
        price.backward()
        return (price.data, *(x.grad for x in inputs))

    return once


def pytorch() -> Step:
    import torch

    inputs = a, n, o, m, t = [torch.tensor(x, requires_grad=True) for x in NUMBERS]

    def once() -> tuple[float, ...]:
        for x in inputs:
            x.grad = None
        price = (a * n + o * m) * t
        price.backward()
        return (price, *(x.grad for x in inputs))

    return once


def jax() -> Step:
    import jax

    def price(a: float, n: float, o: float, m: float, t: float) -> float:
        return (a * n + o * m) * t

    derived = jax.jit(jax.value_and_grad(price, (0, 1, 2, 3, 4)))

    def once() -> tuple[float, ...]:
        found, slopes = jax.block_until_ready(derived(*NUMBERS))
        return (found, *slopes)

    return once


STEPS: dict[str, Callable[[], Step]] = {
    one.__name__: one
    for one in (layerwise, layers_by_hand, micrograd, micrograd_inputs_kept, pytorch, jax)
}
