"""The optimizers that have kernels: all parameters are changed by one program.

To add an optimizer, write its kernel, and a function here that says what the kernel is given.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import optim
from .kernel import Kernel, chunks_of
from .kernels.update import adam, descend, descend_with_momentum
from .memory import address_of
from .native import done_compiling
from .program import Stretch

Numbers = dict[str, float]
Rule = Callable[[Any, float, int], tuple[Kernel, Numbers] | None]

# What a step of an optimizer runs as: rule(optimizer, lr, t), for the t-th step of a parameter,
# gives the kernel, and the numbers that are its last arguments, in their order. Those before are
# `value`, `d`, `n` and the arrays of the optimizer's memory by their names. None: the optimizer's
# own code runs.
RULES: dict[type, Rule] = {}


def rule(*kinds: type) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, function))
        return function

    return register


@rule(optim.SGD)
def sgd(optimizer: Any, lr: float, t: int) -> tuple[Kernel, Numbers] | None:
    numbers = {"lr": lr, "decay": optimizer.weight_decay}
    if not optimizer.momentum:
        return descend, numbers
    momentum = {"momentum": optimizer.momentum, "nesterov": optimizer.nesterov}
    return descend_with_momentum, numbers | momentum


@rule(optim.Adam, optim.AdamW)
def adams(optimizer: Any, lr: float, t: int) -> tuple[Kernel, Numbers] | None:
    if optimizer.amsgrad:
        return None
    beta1, beta2 = optimizer.betas
    decay, apart = optimizer.weight_decay, optimizer.decoupled_weight_decay
    return adam, {
        "lr": lr / (1 - beta1**t),
        "decay": 0.0 if apart else decay,
        "shrink": 1 - lr * decay if apart else 1.0,
        "rest1": 1 - beta1,
        "rest2": 1 - beta2,
        "correction": 1 - beta2**t,
        "eps": optimizer.eps,
    }


class Update:
    """The arguments of the kernel for one parameter, kept from step to step."""

    def __init__(self, kernel: Kernel, value: Any, memory: dict[str, Any]) -> None:
        self.kernel, self.arrays = kernel, arrays_in(memory)
        key = id(value)
        self.value = weakref.ref(value, lambda _: UPDATES.pop(key, None))
        self.chunks = chunks_of(value.size)
        arrays = {"value": value, "n": value.size, **self.arrays}
        known = {name: x if name == "n" else address_of(x) for name, x in arrays.items()}
        self.words: Any = np.array([known.get(name, 0) for name in kernel.kinds], np.int64)
        self.place_of_d = list(kernel.kinds).index("d")
        self.gradient: Callable[[], Any] = lambda: None  # gives the one that the words know
        self.stretch: tuple[list[Update], Stretch] | None = None  # that begins with this one

    def fits(self, kernel: Kernel, value: Any, memory: dict[str, Any]) -> bool:
        same = self.kernel is kernel and self.value() is value
        return same and all(memory.get(name) is one for name, one in self.arrays.items())

    def give(self, d: Any, numbers: Any) -> None:
        """Take the gradient, and the numbers as words."""
        if self.gradient() is not d:
            self.gradient, self.words[self.place_of_d] = weakref.ref(d), address_of(d)
        self.words[-len(numbers) :] = numbers

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
    said: dict[Any, tuple[Kernel, Any] | None] = {}  # by the rules; most parameters have the same
    for optimizer, value, d, memory, lr in updates:
        t = memory.get("t", 0) + 1
        key = id(optimizer), lr, t
        if key not in said:
            said[key] = asked(optimizer, lr, t)
        told = said[key]
        update = told and update_of(told[0], value, d, memory)
        if not told or not update:
            optimizer.update(value, d, memory, lr)
            continue
        if id(value) in ready:  # a parameter that comes twice
            run(list(ready.values()))
            ready = {}
        if "t" in memory:
            memory["t"] = t
        update.give(d, told[1])
        ready[id(value)] = update
    if ready:
        run(list(ready.values()))


def asked(optimizer: Any, lr: float, t: int) -> tuple[Kernel, Any] | None:
    """What the rule of an optimizer says, with the numbers as words."""
    found = RULES.get(type(optimizer))
    made = found(optimizer, lr, t) if found else None
    if made is None:
        return None
    kernel, numbers = made
    return kernel, np.array(list(numbers.values()), np.float64).view(np.int64)


def update_of(kernel: Kernel, value: Any, d: Any, memory: dict[str, Any]) -> Update | None:
    """What runs a parameter's step; None: kernels cannot work on its arrays."""
    update = UPDATES.get(id(value))
    if update is None or not update.fits(kernel, value, memory):
        if not all(map(plain_floats, (value, *arrays_in(memory).values()))):
            return None
        update = UPDATES[id(value)] = Update(kernel, value, memory)
    return update if update.gradient() is d or plain_floats(d) else None


def run(ready: list[Update]) -> None:
    """Run the kernels of these updates as one program."""
    known = ready[0].stretch
    if known is None or known[0] != ready:
        known = ready[0].stretch = ready, Stretch(ready)
    known[1].run()
    done_compiling()
