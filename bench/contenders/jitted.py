"""JAX: the whole step, gradients and optimizer too, compiled by `jax.jit`.

A layer is made with its options and is then a function of its context, its weights and x. The
context of a run hands out random numbers, and the running statistics of the BatchNorms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..works import LEARNING_RATES, NETWORKS, Given, Work
from . import Running, checked, cpus

IMAGES = ("NHWC", "HWIO", "NHWC")  # the order that is fastest here
Weights = Iterator[Any]


class Context:
    """What else the layers of one run need."""

    def __init__(self, learns: bool, key: Any, statistics: list[Any] | None) -> None:
        self.learns, self.key, self.given = learns, key, statistics
        self.statistics: list[Any] = []  # as they are after the run
        self.normed = count()

    def old_statistics(self, width: int) -> tuple[Any, Any]:
        if self.given is None:  # the first run
            return jnp.zeros(width), jnp.ones(width)
        return self.given[next(self.normed)]


def build(work: Work, given: Given, option: str) -> Running:
    layers = [LAYERS[word](*how) for word, *how in NETWORKS[work.network]]
    weights = [jnp.asarray(W.transpose(2, 3, 1, 0) if W.ndim == 4 else W) for W in given.weights]
    x = jnp.asarray(given.x.transpose(0, 2, 3, 1) if given.x.ndim == 4 else given.x)
    t = jnp.asarray(given.t)

    def run(weights: list[Any], context: Context, x: Any) -> Any:
        taken = iter(weights)
        for layer in layers:
            x = layer(context, taken, x)
        return x

    step = learning(run, weights, x, t, work) if work.learns else answering(run, weights, x)
    total = sum(W.size for W in weights)
    return checked(Running(step, total, str(jnp.result_type(*weights)), cpus()), given)


def learning(run: Any, weights: list[Any], x: Any, t: Any, work: Work) -> Callable[[], float]:
    def loss_of(weights: Any, statistics: Any, key: Any, x: Any, t: Any) -> Any:
        context = Context(True, key, statistics)
        scores = jax.nn.log_softmax(run(weights, context, x))
        return -jnp.take_along_axis(scores, t[..., None], -1).mean(), context.statistics

    first, changed = OPTIMIZERS[work.optimizer]
    rate = LEARNING_RATES[work.optimizer]

    def once(state: Any, x: Any, t: Any) -> Any:
        weights, statistics, held, steps, key = state
        key, mine = jax.random.split(key)
        both = jax.value_and_grad(loss_of, has_aux=True)
        (loss, statistics), grads = both(weights, statistics, mine, x, t)
        weights, held = changed(rate, steps + 1, weights, grads, held)
        return loss, (weights, statistics, held, steps + 1, key)

    statistics = jax.eval_shape(loss_of, weights, None, jax.random.key(0), x, t)[1]
    statistics = [(jnp.zeros(mean.shape), jnp.ones(var.shape)) for mean, var in statistics]
    state = weights, statistics, first(weights), jnp.zeros((), jnp.int32), jax.random.key(0)
    compiled = jax.jit(once, donate_argnums=0)

    def step() -> float:
        nonlocal state
        loss, state = compiled(state, x, t)
        jax.block_until_ready(state)
        return float(loss)

    return step


def answering(run: Any, weights: list[Any], x: Any) -> Callable[[], np.ndarray]:
    compiled = jax.jit(lambda weights, x: run(weights, Context(False, None, None), x))
    return lambda: np.asarray(compiled(weights, x))


# optimizers: what they hold at first, and (weights, held) after a step ---------------------------


def sgd(rate: float, step: Any, weights: Any, grads: Any, held: Any) -> Any:
    return [W - rate * dW for W, dW in zip(weights, grads)], held


def momentum(rate: float, step: Any, weights: Any, grads: Any, held: Any) -> Any:
    held = [0.9 * v + dW for v, dW in zip(held, grads)]
    return [W - rate * v for W, v in zip(weights, held)], held


def adam(rate: float, step: Any, weights: Any, grads: Any, held: Any, decay: float = 0.0) -> Any:
    m = [0.9 * m + 0.1 * dW for m, dW in zip(held[0], grads)]
    v = [0.999 * v + 0.001 * dW * dW for v, dW in zip(held[1], grads)]
    one, two = 1 - 0.9**step, 1 - 0.999**step
    moved = [rate * (m / one) / (jnp.sqrt(v / two) + 1e-8) for m, v in zip(m, v)]
    return [W * (1 - rate * decay) - dW for W, dW in zip(weights, moved)], (m, v)


def adamw(*all_of_it: Any) -> Any:
    return adam(*all_of_it, decay=0.01)


def zeros(weights: list[Any]) -> list[Any]:
    return [jnp.zeros_like(W) for W in weights]


def two_zeros(weights: list[Any]) -> tuple[list[Any], list[Any]]:
    return zeros(weights), zeros(weights)


OPTIMIZERS: dict[str, tuple[Callable[[Any], Any], Callable[..., Any]]] = {
    "SGD": (lambda weights: (), sgd),
    "momentum": (zeros, momentum),
    "Adam": (two_zeros, adam),
    "AdamW": (two_zeros, adamw),
}

# layers ------------------------------------------------------------------------------------------


def affine(inputs: int, outputs: int) -> Any:
    return lambda context, weights, x: x @ next(weights) + next(weights)


def conv(channels: int, filters: int, size: int, padding: int) -> Any:
    def run(context: Context, weights: Weights, x: Any) -> Any:
        pads = [(padding, padding)] * 2
        out = lax.conv_general_dilated(x, next(weights), (1, 1), pads, dimension_numbers=IMAGES)
        return out + next(weights)

    return run


def conv_norm(channels: int, filters: int, stride: int) -> Any:
    def run(context: Context, weights: Weights, x: Any) -> Any:
        strides, pads = (stride, stride), [(1, 1)] * 2
        x = lax.conv_general_dilated(x, next(weights), strides, pads, dimension_numbers=IMAGES)
        mean, var = context.old_statistics(filters)
        if context.learns:
            n = x.size // filters
            new_mean, new_var = x.mean((0, 1, 2)), x.var((0, 1, 2))
            of_all = 0.9 * mean + 0.1 * new_mean, 0.9 * var + 0.1 * new_var * n / (n - 1)
            context.statistics.append(of_all)
            mean, var = new_mean, new_var
        scale = next(weights) / jnp.sqrt(var + 1e-5)
        return (x - mean) * scale + next(weights)

    return run


def residual(channels: int, filters: int) -> Any:
    new, stride = filters - channels, 1 + (filters > channels)
    first, second = conv_norm(channels, filters, stride), conv_norm(filters, filters, 1)
    widen = ((0, 0), (0, 0), (0, 0), (new // 2, new - new // 2))

    def run(context: Context, weights: Weights, x: Any) -> Any:
        inner = second(context, weights, jax.nn.relu(first(context, weights, x)))
        return jax.nn.relu(inner + jnp.pad(x[:, ::stride, ::stride], widen))

    return run


def dropout(context: Context, weights: Weights, x: Any) -> Any:
    if not context.learns:
        return x
    context.key, mine = jax.random.split(context.key)
    return jnp.where(jax.random.bernoulli(mine, 0.5, x.shape), 2 * x, 0.0)


def pool(context: Context, weights: Weights, x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def lstm(inputs: int, outputs: int) -> Any:
    def run(context: Context, weights: Weights, x: Any) -> Any:
        Wx, Wh, b = (next(weights) for _ in range(3))

        def one(state: Any, before: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(before + h @ Wh, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zero = jnp.zeros((len(x), outputs))
        return lax.scan(one, (zero, zero), (x @ Wx + b).swapaxes(0, 1))[1].swapaxes(0, 1)

    return run


def layer_norm(width: int) -> Any:
    def run(context: Context, weights: Weights, x: Any) -> Any:
        x = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * next(weights) + next(weights)

    return run


def block(width: int, heads: int) -> Any:
    norm, like, wider = layer_norm(width), affine(width, width), affine(width, 4 * width)

    def run(context: Context, weights: Weights, x: Any) -> Any:
        N, T, D = x.shape
        normed = norm(context, weights, x)
        q, k, v = (
            like(context, weights, normed).reshape(N, T, heads, D // heads) for _ in range(3)
        )
        fits = jnp.einsum("nthd,nshd->nhts", q, k) / math.sqrt(D // heads)
        fits = jnp.where(jnp.tril(jnp.ones((T, T), bool)), fits, -jnp.inf)
        seen = jnp.einsum("nhts,nshd->nthd", jax.nn.softmax(fits), v).reshape(N, T, D)
        x = x + like(context, weights, seen)
        wide = wider(context, weights, norm(context, weights, x))
        return x + like(context, weights, jax.nn.gelu(wide, approximate=False))

    return run


LAYERS: dict[str, Callable[..., Any]] = {
    "affine": affine,
    "conv": conv,
    "conv_norm": conv_norm,
    "residual": residual,
    "embedding": lambda count, width: lambda context, weights, x: next(weights)[x],
    "positions": lambda length, width: lambda context, weights, x: x + next(weights),
    "lstm": lstm,
    "block": block,
    "layer_norm": layer_norm,
    "relu": lambda: lambda context, weights, x: jax.nn.relu(x),
    "pool": lambda: pool,
    "flatten": lambda: lambda context, weights, x: x.transpose(0, 3, 1, 2).reshape(len(x), -1),
    "dropout": lambda: dropout,
    "mean": lambda: lambda context, weights, x: x.mean((1, 2)),
}
