"""Whether a network can learn at all: training a copy on one small batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...anatomy import walk
from ...layers import Dropout
from ...optim import Adam
from ..metrics import R2
from ..metrics.chosen import ByItself
from .findings import Finding, short
from .given import spread
from .probe import Copies

BATCH = 16  # rows: few enough to be learned by heart by any network
FITTED = 0.1  # of the first loss
EXPLAINED = 0.9  # of what numbers to be met vary
MOVED = 0.9  # of the first loss: an optimizer that stays above it hardly moves
FALLING = 0.9  # of the quarter before: with more steps it would get there
ADAM = 1e-3  # a learning rate that nearly every network gets along with


class Trial(NamedTuple):
    """How a training on one batch went."""

    optimizer: str
    first: float
    last: float
    fitted: bool
    falling: bool  # whether the loss still fell at the end


def one_batch(net: Any, loss: Any, optimizer: Any, x: Any, t: Any, steps: int) -> Iterator[Finding]:
    """A network that cannot learn a few rows by heart, with its own optimizer or with Adam."""
    rows = spread(len(x), BATCH)
    x, t = x[rows], t[rows]
    own = trial(net, loss, optimizer, x, t, steps)
    if own.fitted:
        return
    other = trial(net, loss, Adam(lr=ADAM), x, t, steps)
    seen = f"{steps} steps on the same {len(x)} rows took the loss from {short(own.first)} to "
    if not (other.fitted or own.falling or other.falling):
        yield Finding(
            "cannot fit 1 batch",
            "loss",
            min(own.last, other.last),
            f"{seen}{short(own.last)} with {own.optimizer}, and to {short(other.last)} with "
            f"{other.optimizer}. A network that can learn gets close to 0.",
            "Do the targets belong to their rows? Does the loss fit what the network gives? Is "
            "every backward right (lw.check)? Does a layer throw away what tells rows apart?",
        )
    elif other.fitted and not own.last < MOVED * own.first:
        worse = not own.last < own.first
        yield Finding(
            "learning rate",
            "optimizer",
            own.last,
            f"{seen}{short(own.last)} with {own.optimizer}; {other.optimizer} gets to "
            f"{short(other.last)}.",
            f"Take a {'smaller' if worse else 'larger'} learning rate, or another optimizer.",
        )


def trial(net: Any, loss: Any, optimizer: Any, x: Any, t: Any, steps: int) -> Trial:
    """Train copies on these rows, until they are learned or the steps are done."""
    copies = Copies(net, loss, optimizer)
    for _, layer in walk(copies.net):
        if isinstance(layer, Dropout):
            layer.p = 0.0  # dropout is there to make this harder
    losses: list[float] = []
    while len(losses) < steps:
        losses.append(copies.step(x, t))
        if not np.isfinite(losses[-1]) or losses[-1] <= FITTED * losses[0]:
            break
    first, last = losses[0], losses[-1]
    fitted = bool(np.isfinite(last)) and (last <= FITTED * first or learned(copies, first, x, t))
    return Trial(repr(optimizer), first, last, fitted, falls(losses))


def falls(losses: list[float]) -> bool:
    """Whether the mean of the last quarter is still clearly below that of the quarter before.

    >>> falls([8.0, 4.0, 2.0, 1.0]), falls([8.0, 4.0, 2.0, 2.0])
    (True, False)
    """
    quarter = max(len(losses) // 4, 1)
    last, before = losses[-quarter:], losses[-2 * quarter : -quarter]
    return bool(before) and bool(np.mean(last) < FALLING * np.mean(before))


def learned(copies: Copies, first: float, x: Any, t: Any) -> bool:
    """Whether the rows are known in inference: without noise, and whatever the loss begins at."""
    out = copies.net.predict(x)
    right = ByItself(copies.loss).of(out, t)
    if right is not None:
        return bool(right == 1)
    if copies.loss.forward(out, t) <= FITTED * first:
        return True
    explained = R2().of(out, t) if np.shape(out) == np.shape(t) else None
    return explained is not None and explained >= EXPLAINED
