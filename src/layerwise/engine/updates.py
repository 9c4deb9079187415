"""The optimizers that have kernels: all parameters are changed by one program.

To add an optimizer, write its kernel, and a function here that says what the kernel is given.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import optim
from .kernel import Kernel, chunks_of, word
from .kernels.update import adam, descend, descend_with_momentum
from .memory import address_of
from .native import done_compiling
from .program import Stretch

Numbers = dict[str, float]
Rule = Callable[[Any, dict[str, Any], float], tuple[Kernel, Numbers] | None]

# What a step of an optimizer runs as: rule(optimizer, memory, lr) gives the kernel and the numbers
# that it gets, beside `value`, `d`, `n` and the arrays of the memory by their names. None: the
# optimizer's own code runs.
RULES: dict[type, Rule] = {}


def rule(*kinds: type) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, function))
        return function

    return register


@rule(optim.SGD)
def sgd(optimizer: Any, memory: dict[str, Any], lr: float) -> tuple[Kernel, Numbers] | None:
    numbers = {"lr": lr, "decay": optimizer.weight_decay}
    if not optimizer.momentum:
        return descend, numbers
    momentum = {"momentum": optimizer.momentum, "nesterov": optimizer.nesterov}
    return descend_with_momentum, numbers | momentum


@rule(optim.Adam, optim.AdamW)
def adams(optimizer: Any, memory: dict[str, Any], lr: float) -> tuple[Kernel, Numbers] | None:
    if optimizer.amsgrad:
        return None
    memory["t"] += 1
    beta1, beta2 = optimizer.betas
    decay, apart = optimizer.weight_decay, optimizer.decoupled_weight_decay
    return adam, {
        "lr": lr / (1 - beta1 ** memory["t"]),
        "decay": 0.0 if apart else decay,
        "shrink": 1 - lr * decay if apart else 1.0,
        "rest1": 1 - beta1,
        "rest2": 1 - beta2,
        "correction": 1 - beta2 ** memory["t"],
        "eps": optimizer.eps,
    }


class Update:
    """The arguments of the kernel for one parameter, kept from step to step."""

    def __init__(self, kernel: Kernel, value: Any, memory: dict[str, Any]) -> None:
        self.kernel, self.arrays = kernel, arrays_in(memory)
        key = id(value)
        self.value = weakref.ref(value, lambda _: UPDATES.pop(key, None))
        self.chunks = chunks_of(value.size)
        self.places = {name: (i, kind) for i, (name, kind) in enumerate(kernel.kinds.items())}
        self.words: Any = np.zeros(len(self.places), np.int64)
        self.give(value=address_of(value), n=value.size)
        self.give(**{name: address_of(array) for name, array in self.arrays.items()})
        self.stretch: tuple[list[Update], Stretch] | None = None  # that begins with this one

    def fits(self, kernel: Kernel, value: Any, memory: dict[str, Any]) -> bool:
        same = self.kernel is kernel and self.value() is value
        return same and all(memory.get(name) is one for name, one in self.arrays.items())

    def give(self, **arguments: Any) -> None:
        for name, argument in arguments.items():
            i, kind = self.places[name]
            self.words[i] = word(kind, argument)

    def row(self) -> tuple[int, int, int]:
        return self.kernel.address, address_of(self.words), self.chunks


UPDATES: dict[int, Update] = {}  # by the id of the parameter's array


def arrays_in(memory: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in memory.items() if isinstance(one, np.ndarray)}


def plain_floats(array: Any) -> bool:
    """Whether a kernel can work on it in place."""
    return (
        array.dtype == np.float32
        and array.flags.c_contiguous
        and array.flags.writeable
        and array.size > 0
    )


def change(updates: list[tuple[Any, Any, Any, dict[str, Any], float]]) -> None:
    """Do the steps of optimizers: (optimizer, value, gradient, memory, lr) of each parameter."""
    ready: dict[int, Update] = {}
    for optimizer, value, d, memory, lr in updates:
        found = RULES.get(type(optimizer))
        kernels_fit = found and all(map(plain_floats, (value, d, *arrays_in(memory).values())))
        made = found(optimizer, memory, lr) if found and kernels_fit else None
        if made is None:
            optimizer.update(value, d, memory, lr)
            continue
        kernel, numbers = made
        if id(value) in ready:  # a parameter that comes twice
            run(list(ready.values()))
            ready = {}
        update = UPDATES.get(id(value))
        if update is None or not update.fits(kernel, value, memory):
            update = UPDATES[id(value)] = Update(kernel, value, memory)
        update.give(d=address_of(d), **numbers)
        ready[id(value)] = update
    if ready:
        run(list(ready.values()))


def run(ready: list[Update]) -> None:
    """Run the kernels of these updates as one program."""
    known = ready[0].stretch
    if known is None or known[0] != ready:
        known = ready[0].stretch = ready, Stretch(ready)
    known[1].run()
    done_compiling()
