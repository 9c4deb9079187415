"""PyTorch, as it comes, or with the options that make it faster on a CPU."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from ..works import LEARNING_RATES, NETWORKS, Given, Work
from . import Running, UnavailableError, checked, cpus

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": torch.optim.SGD,
    "momentum": lambda parameters, **how: torch.optim.SGD(parameters, momentum=0.9, **how),
    "Adam": torch.optim.Adam,
    "AdamW": lambda parameters, **how: torch.optim.AdamW(parameters, weight_decay=0.01, **how),
}
Weights = Iterator[np.ndarray]


def build(work: Work, given: Given, option: str) -> Running:
    """option: which of "fused", "compile" and "channels_last" to use."""
    torch.set_num_threads(cpus())
    torch.manual_seed(0)
    weights = iter(given.weights)
    net = nn.Sequential(*(LAYERS[word](weights, *how) for word, *how in NETWORKS[work.network]))
    x, t = torch.tensor(given.x), torch.tensor(given.t)
    if "channels_last" in option:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    step = learning(net, x, t, work, option) if work.learns else answering(net, x, option)
    parameters = list(net.parameters())
    count = sum(p.numel() for p in parameters if p.requires_grad)
    dtype = str(parameters[0].dtype).removeprefix("torch.")
    return checked(Running(step, count, dtype, torch.get_num_threads()), given)


def learning(net: Any, x: Any, t: Any, work: Work, option: str) -> Callable[[], float]:
    def loss_of(x: Any, t: Any) -> Any:
        return nn.functional.cross_entropy(net(x).flatten(0, -2), t.flatten())

    learned = [p for p in net.parameters() if p.requires_grad]
    how = {"fused": True} if "fused" in option else {}
    optimizer = OPTIMIZERS[work.optimizer](learned, lr=LEARNING_RATES[work.optimizer], **how)
    compute = compiled(loss_of) if "compile" in option else loss_of

    def step() -> float:
        optimizer.zero_grad()
        loss = compute(x, t)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def answering(net: Any, x: Any, option: str) -> Callable[[], np.ndarray]:
    net.eval()
    compute = compiled(net) if "compile" in option else net

    def step() -> np.ndarray:
        with torch.inference_mode():
            return compute(x).numpy()

    return step


def compiled(function: Any) -> Any:
    names = (os.environ.get("CXX"), "g++", "clang++", "c++")
    if not any(name and shutil.which(name) for name in names):
        raise UnavailableError("torch.compile needs a C++ compiler, and there is none")
    return torch.compile(function)


# layers: each takes its weights from the list ----------------------------------------------------


def put(W: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.ascontiguousarray(W)))


def affine(weights: Weights, inputs: int, outputs: int) -> nn.Module:
    layer = nn.Linear(inputs, outputs)
    layer.weight, layer.bias = put(next(weights).T), put(next(weights))
    return layer


def conv(weights: Weights, channels: int, filters: int, size: int, padding: int) -> nn.Module:
    layer = nn.Conv2d(channels, filters, size, padding=padding)
    layer.weight, layer.bias = put(next(weights)), put(next(weights))
    return layer


def conv_norm(weights: Weights, channels: int, filters: int, stride: int) -> nn.Module:
    first = nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
    norm = nn.BatchNorm2d(filters)
    first.weight, norm.weight, norm.bias = (put(next(weights)) for _ in range(3))
    return nn.Sequential(first, norm)


def embedding(weights: Weights, count: int, width: int) -> nn.Module:
    layer = nn.Embedding(count, width)
    layer.weight = put(next(weights))
    return layer


def layer_norm(weights: Weights, width: int) -> nn.Module:
    layer = nn.LayerNorm(width)
    layer.weight, layer.bias = put(next(weights)), put(next(weights))
    return layer


class Residual(nn.Module):
    def __init__(self, weights: Weights, channels: int, filters: int) -> None:
        super().__init__()
        self.new, self.stride = filters - channels, 1 + (filters > channels)
        self.first = conv_norm(weights, channels, filters, self.stride)
        self.second = conv_norm(weights, filters, filters, 1)

    def forward(self, x: Any) -> Any:
        inner = self.second(torch.relu(self.first(x)))
        if self.new:
            x = x[:, :, :: self.stride, :: self.stride]
            x = nn.functional.pad(x, (0, 0, 0, 0, self.new // 2, self.new - self.new // 2))
        return torch.relu(inner + x)


class Mean(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.mean((2, 3))


class Positions(nn.Module):
    def __init__(self, weights: Weights, length: int, width: int) -> None:
        super().__init__()
        self.W = put(next(weights))

    def forward(self, x: Any) -> Any:
        return x + self.W


class LSTM(nn.Module):
    """PyTorch has two biases where one is enough: the other stays 0 and learns nothing."""

    def __init__(self, weights: Weights, inputs: int, outputs: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, outputs, batch_first=True)
        self.lstm.weight_ih_l0, self.lstm.weight_hh_l0 = (put(next(weights).T) for _ in range(2))
        self.lstm.bias_ih_l0 = put(next(weights))
        self.lstm.bias_hh_l0 = nn.Parameter(torch.zeros(4 * outputs), requires_grad=False)

    def forward(self, x: Any) -> Any:
        return self.lstm(x)[0]


class Block(nn.Module):
    """One of a transformer: normalises first, looks back only."""

    def __init__(self, weights: Weights, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.norm1 = heads, layer_norm(weights, width)
        query, key, value = ([next(weights), next(weights)] for _ in range(3))
        joint = [np.concatenate(three, axis=-1) for three in zip(query, key, value)]
        self.qkv = affine(iter(joint), width, 3 * width)
        self.out = affine(weights, width, width)
        self.norm2 = layer_norm(weights, width)
        self.wide = affine(weights, width, 4 * width)
        self.narrow = affine(weights, 4 * width, width)

    def forward(self, x: Any) -> Any:
        N, T, D = x.shape
        qkv = self.qkv(self.norm1(x)).view(N, T, 3, self.heads, D // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, T, D / heads)
        seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(N, T, D))
        return x + self.narrow(nn.functional.gelu(self.wide(self.norm2(x))))


LAYERS: dict[str, Callable[..., nn.Module]] = {
    "affine": affine,
    "conv": conv,
    "conv_norm": conv_norm,
    "residual": Residual,
    "embedding": embedding,
    "positions": Positions,
    "lstm": LSTM,
    "block": Block,
    "layer_norm": layer_norm,
    "relu": lambda weights: nn.ReLU(),
    "pool": lambda weights: nn.MaxPool2d(2),
    "flatten": lambda weights: nn.Flatten(),
    "dropout": lambda weights: nn.Dropout(0.5),
    "mean": lambda weights: Mean(),
}
