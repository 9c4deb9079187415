"""Who is measured. A contender is a module with a function `build(work, given, option)`.

That gives a `Running`, whose `step()` does the work once. Only the process that measures
a contender imports its module, which imports its library.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

from ..works import Given


class Running(NamedTuple):
    """A contender, ready to work."""

    step: Callable[[], Any]  # the work, once; gives the loss, the scores, or the shop's six numbers
    parameters: int = 0  # how many numbers it learns
    dtype: str = "float32"
    threads: int = 1  # that its library says it uses


class UnavailableError(Exception):
    """Why a contender cannot do it here."""


class Contender(NamedTuple):
    """One column of the tables."""

    title: str
    module: str  # in this folder
    option: str = ""  # what `build` is told: one module may stand for several contenders
    needs: tuple[str, ...] = ()  # modules that have to be installed
    networks: tuple[str, ...] = ()  # that it can do; none: all but the shop
    reference: bool = False  # no rival for speed: measured once, and not for long

    def does(self, network: str) -> bool:
        return network in self.networks if self.networks else network != "shop"

    def missing(self) -> str:
        """What is not installed, or ""."""
        return ", ".join(name for name in self.needs if find_spec(name) is None)


MLPS = ("two_layer_net", "mlp")
BOOKS = (*MLPS, "simple_conv_net", "deep_conv_net", "char_lstm")
IMAGES = ("simple_conv_net", "deep_conv_net", "resnet20")
FLAT = (*MLPS, "char_lstm", "gpt")
TINYGRADS = (*MLPS, *IMAGES, "gpt")  # it has no LSTM

# "best: ..." are tried in the first round, and the fastest of them is PyTorch at its best.
CONTENDERS = {
    "compiled": Contender("layerwise, compiled", "ours", "compiled", ("numba",)),
    "numpy": Contender("layerwise, NumPy", "ours", "numpy", reference=True),
    "torch": Contender("PyTorch eager", "pytorch", "", ("torch",)),
    "best: fused": Contender("fused optimizer", "pytorch", "fused", ("torch",), FLAT),
    "best: compile": Contender(
        "torch.compile, fused optimizer", "pytorch", "fused compile", ("torch",), FLAT
    ),
    "best: channels_last": Contender(
        "channels_last, fused optimizer", "pytorch", "fused channels_last", ("torch",), IMAGES
    ),
    "best: all": Contender(
        "torch.compile, channels_last, fused optimizer",
        "pytorch",
        "fused compile channels_last",
        ("torch",),
        IMAGES,
    ),
    "jax": Contender("JAX, jit", "jitted", "", ("jax",)),
    "sklearn": Contender("scikit-learn", "scikit", "", ("sklearn",), MLPS, reference=True),
    "tinygrad": Contender("tinygrad", "tiny", "", ("tinygrad",), TINYGRADS, reference=True),
    "book": Contender("the book's code", "book", "", (), BOOKS, reference=True),
}
SHOP = ("shop",)
SHOP_CONTENDERS = {  # none of them has parameters, so none of ours is compiled
    "compiled": Contender("layerwise, a Graph", "shop", "layerwise", (), SHOP),
    "by hand": Contender("layerwise, layers by hand", "shop", "layers_by_hand", (), SHOP),
    "micrograd": Contender("micrograd", "shop", "micrograd", ("micrograd",), SHOP),
    "micrograd, kept": Contender(
        "micrograd, inputs kept", "shop", "micrograd_inputs_kept", ("micrograd",), SHOP
    ),
    "torch": Contender("PyTorch eager", "shop", "pytorch", ("torch",), SHOP),
    "jax": Contender("JAX, jit", "shop", "jax", ("jax",), SHOP),
}
OURS = "compiled"
BEST = "best"


def contenders(network: str) -> dict[str, Contender]:
    """Those that can do it."""
    known = SHOP_CONTENDERS if network == "shop" else CONTENDERS
    return {name: one for name, one in known.items() if one.does(network)}


def cpus() -> int:
    """How many CPUs this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def checked(running: Running, given: Given) -> Running:
    """The same, if it is the network that was asked for."""
    numbers = sum(W.size for W in given.weights)
    assert running.parameters == numbers, f"{running.parameters} parameters instead of {numbers}"
    assert running.dtype == "float32", running.dtype
    return running
