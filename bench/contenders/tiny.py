"""tinygrad: the whole step is recorded by its TinyJit and replayed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tinygrad import Context, Tensor, TinyJit, dtypes, nn

from ..works import LEARNING_RATES, NETWORKS, Given, Work
from . import Running, UnavailableError, checked, cpus

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": nn.optim.SGD,
    "momentum": lambda learned, lr: nn.optim.SGD(learned, lr=lr, momentum=0.9),
    "Adam": nn.optim.Adam,
    "AdamW": lambda learned, lr: nn.optim.AdamW(learned, lr=lr, weight_decay=0.01),
}
Weights = Iterator[np.ndarray]


def build(work: Work, given: Given, option: str) -> Running:
    if not shutil.which(os.environ.get("CC", "clang")):
        raise UnavailableError("it needs clang, and there is none")
    weights = iter(given.weights)
    layers = [LAYERS[word](weights, *how) for word, *how in NETWORKS[work.network]]
    x, t = Tensor(given.x).realize(), Tensor(given.t).realize()

    def run(x: Tensor) -> Tensor:
        return x.sequential(layers)

    step = learning(run, x, t, work) if work.learns else answering(run, x)
    total = sum(int(np.prod(W.shape)) for W in LEARNED)
    kinds = {str(W.dtype) for W in LEARNED}
    dtype = "float32" if kinds == {str(dtypes.float32)} else str(kinds)
    return checked(Running(step, total, dtype, cpus()), given)


def learning(run: Any, x: Tensor, t: Tensor, work: Work) -> Any:
    rate = LEARNING_RATES[work.optimizer]
    optimizer = OPTIMIZERS[work.optimizer]([*LEARNED, *STATISTICS], lr=rate)

    @TinyJit
    @Context(TRAINING=1)
    def once(x: Tensor, t: Tensor) -> Tensor:
        optimizer.zero_grad()
        scores = run(x)
        loss = scores.reshape(-1, scores.shape[-1]).sparse_categorical_crossentropy(t.flatten())
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    return lambda: once(x, t).item()


def answering(run: Any, x: Tensor) -> Any:
    once = TinyJit(lambda x: run(x).realize())
    return lambda: once(x).numpy()


# layers ------------------------------------------------------------------------------------------

LEARNED: list[Tensor] = []
STATISTICS: list[Tensor] = []  # of BatchNorms; the optimizer writes them, too


def put(W: np.ndarray) -> Tensor:
    LEARNED.append(Tensor(np.ascontiguousarray(W)).realize())
    return LEARNED[-1]


def affine(weights: Weights, inputs: int, outputs: int) -> Any:
    W, b = put(next(weights)), put(next(weights))
    return lambda x: x @ W + b


def conv(weights: Weights, channels: int, filters: int, size: int, padding: int) -> Any:
    W, b = put(next(weights)), put(next(weights))
    return lambda x: x.conv2d(W, b, padding=padding)


def conv_norm(weights: Weights, channels: int, filters: int, stride: int) -> Any:
    W, norm = put(next(weights)), nn.BatchNorm(filters)
    norm.weight, norm.bias = put(next(weights)), put(next(weights))
    STATISTICS.extend([norm.running_mean, norm.running_var, norm.num_batches_tracked])
    return lambda x: norm(x.conv2d(W, stride=stride, padding=1))


def residual(weights: Weights, channels: int, filters: int) -> Any:
    new, stride = filters - channels, 1 + (filters > channels)
    first = conv_norm(weights, channels, filters, stride)
    second = conv_norm(weights, filters, filters, 1)
    widen = (None, (new // 2, new - new // 2), None, None)
    return lambda x: (second(first(x).relu()) + x[:, :, ::stride, ::stride].pad(widen)).relu()


def embedding(weights: Weights, count: int, width: int) -> Any:
    layer = nn.Embedding(count, width)
    layer.weight = put(next(weights))
    return layer


def positions(weights: Weights, length: int, width: int) -> Any:
    W = put(next(weights))
    return lambda x: x + W


def layer_norm(weights: Weights, width: int) -> Any:
    gamma, beta = put(next(weights)), put(next(weights))
    return lambda x: x.layernorm() * gamma + beta


def block(weights: Weights, width: int, heads: int) -> Any:
    norm1 = layer_norm(weights, width)
    query, key, value, out = (affine(weights, width, width) for _ in range(4))
    norm2 = layer_norm(weights, width)
    wide, narrow = affine(weights, width, 4 * width), affine(weights, 4 * width, width)

    def run(x: Tensor) -> Tensor:
        N, T, D = x.shape
        normed = norm1(x)
        q, k, v = (
            one(normed).reshape(N, T, heads, D // heads).transpose(1, 2)
            for one in (query, key, value)
        )
        seen = q.scaled_dot_product_attention(k, v, is_causal=True)
        x = x + out(seen.transpose(1, 2).reshape(N, T, D))
        inner = wide(norm2(x))
        return x + narrow(inner * 0.5 * (1 + (inner / 2**0.5).erf()))

    return run


LAYERS: dict[str, Callable[..., Any]] = {
    "affine": affine,
    "conv": conv,
    "conv_norm": conv_norm,
    "residual": residual,
    "embedding": embedding,
    "positions": positions,
    "block": block,
    "layer_norm": layer_norm,
    "relu": lambda weights: Tensor.relu,
    "pool": lambda weights: Tensor.max_pool2d,
    "flatten": lambda weights: lambda x: x.flatten(1),
    "dropout": lambda weights: lambda x: x.dropout(0.5),
    "mean": lambda weights: lambda x: x.mean((2, 3)),
}
