"""The schedule that waits until the network gets no better."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from .schedules import Schedule


class ReduceLROnPlateau(Schedule):
    """The learning rate is multiplied by `factor` when the network gets no better any more.

    lr          the rate at first
    mode        "min" where less is better (a loss), "max" where more is (an accuracy)
    factor      what the rate is multiplied by, from 0 up to below 1
    patience    how many observations in a row may be no better than the best
    threshold   by how much one has to be better than the best, 0 or more
    threshold_mode   "rel" for a part of the best, "abs" for the number itself
    cooldown    how many observations to wait after a reduction
    min_lr      the lowest rate
    eps         the smallest reduction that is made at all

    `fit` lets it observe each epoch's loss (of the validation, if there is one). By hand:
    `optimizer.observe(loss)`.

    >>> schedule = ReduceLROnPlateau(0.1, factor=0.5, patience=1)
    >>> for loss in [1.0, 0.9, 0.9, 0.9]:
    ...     schedule.observe(loss)
    >>> schedule(step=0)
    0.05
    """

    def __init__(
        self,
        lr: float,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(lr)
        self.mode = self.choice("mode", mode, ("min", "max"))
        self.factor = self.number("factor", factor, below=1)
        self.patience = self.whole("patience", patience, least=0)
        self.threshold = self.number("threshold", threshold)
        self.threshold_mode = self.choice("threshold_mode", threshold_mode, ("rel", "abs"))
        self.cooldown = self.whole("cooldown", cooldown, least=0)
        self.min_lr = self.number("min_lr", min_lr)
        self.eps = self.number("eps", eps)
        self.rate = self.lr  # as it is now
        self.best = inf if mode == "min" else -inf
        self.bad = 0  # observations in a row that were no better
        self.waiting = 0  # observations of the cooldown that are left

    def __call__(self, step: int) -> float:
        return self.rate

    def observe(self, metric: float, step: int = 0) -> None:
        """Hear the loss or accuracy of the network as it is now."""
        metric = float(metric)
        self.bad += 1
        if self._is_better(metric):
            self.best, self.bad = metric, 0
        if self.waiting:
            self.waiting, self.bad = self.waiting - 1, 0
        if self.bad > self.patience:
            lower = max(self.rate * self.factor, self.min_lr)
            if self.rate - lower > self.eps:
                self.rate = lower
            self.waiting, self.bad = self.cooldown, 0

    def _is_better(self, metric: float) -> bool:
        sign = 1 if self.mode == "min" else -1  # the largest is the least of the opposites
        if self.threshold_mode == "rel":
            return sign * metric < sign * self.best * (1 - sign * self.threshold)
        return sign * metric < sign * self.best - self.threshold

    def state(self) -> dict[str, Any]:
        return {what: getattr(self, what) for what in ("rate", "best", "bad", "waiting")}

    def load_state(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
