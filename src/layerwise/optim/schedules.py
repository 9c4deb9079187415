"""Schedules: learning rates that change from step to step.

A schedule is a function of the number of steps done before, and stands where the learning rate
stands: `SGD(lr=StepLR(0.1, step_size=1000))`. A plain function does as well. One that counts
epochs of 600 batches is `lambda step: schedule(step // 600)`.

Names, options and numbers are those of torch.optim.lr_scheduler; the learning rate comes first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import cos, pi
from typing import Any

from .options import Options


class Schedule(Options):
    """What all schedules share: `schedule(step)` is the learning rate of a step, from 0 on.

    A schedule that also depends on how the training goes has `observe`, `state` and `load_state`.
    """

    def __init__(self, lr: float) -> None:
        self.lr = self.number("lr", lr)

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} needs __call__(step).")

    def observe(self, metric: float, step: int = 0) -> None:
        """Hear how good the network is after so many steps."""

    def state(self) -> dict[str, Any]:
        """What it remembers, as numbers."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state()` gave."""


class ConstantLR(Schedule):
    """A fixed share of the learning rate for the first steps, and then all of it.

    formula       lr factor for step < total_iters, else lr
    factor        the share, from 0 to 1
    total_iters   how many steps

    >>> [ConstantLR(0.1, factor=0.5, total_iters=2)(step) for step in range(4)]
    [0.05, 0.05, 0.1, 0.1]
    """

    def __init__(self, lr: float, factor: float = 1 / 3, total_iters: int = 5) -> None:
        super().__init__(lr)
        self.factor = self.number("factor", factor, most=1)
        self.total_iters = self.whole("total_iters", total_iters, least=0)

    def __call__(self, step: int) -> float:
        return self.lr * self.factor if step < self.total_iters else self.lr


class LinearLR(Schedule):
    """A straight line from one share of the learning rate to another: a warm-up.

    formula        lr (start_factor + (end_factor - start_factor) min(step / total_iters, 1))
    start_factor   the share at the step 0, from 0 to 1
    end_factor     the share from the step total_iters on, from 0 to 1
    total_iters    how many steps it takes

    >>> [LinearLR(0.8, start_factor=0.5, total_iters=2)(step) for step in range(4)]
    [0.4, 0.6000000000000001, 0.8, 0.8]
    """

    def __init__(
        self,
        lr: float,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        super().__init__(lr)
        self.start_factor = self.number("start_factor", start_factor, most=1)
        self.end_factor = self.number("end_factor", end_factor, most=1)
        self.total_iters = self.whole("total_iters", total_iters)

    def __call__(self, step: int) -> float:
        part = min(step / self.total_iters, 1.0)
        return self.lr * (self.start_factor + (self.end_factor - self.start_factor) * part)


class StepLR(Schedule):
    """The learning rate is multiplied by gamma every step_size steps.

    formula     lr gamma^(step // step_size)
    step_size   how many steps have the same rate
    gamma       the factor, 0 or more

    >>> [StepLR(0.8, step_size=2, gamma=0.5)(step) for step in range(5)]
    [0.8, 0.8, 0.4, 0.4, 0.2]
    """

    def __init__(self, lr: float, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(lr)
        self.step_size = self.whole("step_size", step_size)
        self.gamma = self.number("gamma", gamma)

    def __call__(self, step: int) -> float:
        return self.lr * self.gamma ** (step // self.step_size)


class MultiStepLR(Schedule):
    """The learning rate is multiplied by gamma at each of the milestones.

    formula      lr gamma^(number of milestones up to the step)
    milestones   the steps at which it happens, in ascending order
    gamma        the factor, 0 or more

    >>> [MultiStepLR(0.8, milestones=[1, 3], gamma=0.5)(step) for step in range(5)]
    [0.8, 0.4, 0.4, 0.2, 0.2]
    """

    def __init__(self, lr: float, milestones: Sequence[int], gamma: float = 0.1) -> None:
        super().__init__(lr)
        self.milestones = checked_milestones(self, milestones)
        self.gamma = self.number("gamma", gamma)

    def __call__(self, step: int) -> float:
        return self.lr * self.gamma ** bisect_right(self.milestones, step)


class ExponentialLR(Schedule):
    """The learning rate is multiplied by gamma at every step.

    formula   lr gamma^step
    gamma     the factor, 0 or more

    >>> [ExponentialLR(0.8, gamma=0.5)(step) for step in range(4)]
    [0.8, 0.4, 0.2, 0.1]
    """

    def __init__(self, lr: float, gamma: float) -> None:
        super().__init__(lr)
        self.gamma = self.number("gamma", gamma)

    def __call__(self, step: int) -> float:
        return self.lr * self.gamma**step


class PolynomialLR(Schedule):
    """A power of the steps that are left: power 1 is a straight line down to 0.

    formula       lr (1 - min(step / total_iters, 1))^power
    total_iters   after how many steps it is 0
    power         the exponent, 0 or more

    >>> [PolynomialLR(0.8, total_iters=2, power=2)(step) for step in range(4)]
    [0.8, 0.2, 0.0, 0.0]
    """

    def __init__(self, lr: float, total_iters: int = 5, power: float = 1.0) -> None:
        super().__init__(lr)
        self.total_iters = self.whole("total_iters", total_iters)
        self.power = self.number("power", power)

    def __call__(self, step: int) -> float:
        return self.lr * (1 - min(step / self.total_iters, 1.0)) ** self.power


class CosineAnnealingLR(Schedule):
    """Down along half a wave of the cosine, and up again if the training goes on.

    formula   eta_min + (lr - eta_min) (1 + cos(π step / T_max)) / 2
    T_max     after how many steps it is lowest
    eta_min   how low, 0 or more
    source    Loshchilov and Hutter, SGDR, 2016

    >>> [round(CosineAnnealingLR(0.8, T_max=2)(step), 6) for step in range(4)]
    [0.8, 0.4, 0.0, 0.4]
    """

    def __init__(self, lr: float, T_max: int, eta_min: float = 0.0) -> None:
        super().__init__(lr)
        self.T_max = self.whole("T_max", T_max)
        self.eta_min = self.number("eta_min", eta_min)

    def __call__(self, step: int) -> float:
        return along_cosine(self.lr, self.eta_min, step / self.T_max)


class CosineAnnealingWarmRestarts(Schedule):
    """Down along half a wave of the cosine, then from the top again, each time T_mult times longer.

    formula   eta_min + (lr - eta_min) (1 + cos(π T_cur / T_i)) / 2
              T_cur steps after the last restart, T_i steps before the next
    T_0       how many steps until the first restart
    T_mult    how many times longer each wave is than the one before, a whole number
    eta_min   how low, 0 or more
    source    Loshchilov and Hutter, SGDR, 2016

    >>> schedule = CosineAnnealingWarmRestarts(0.8, T_0=2, T_mult=2)
    >>> [round(schedule(step), 3) for step in range(7)]
    [0.8, 0.4, 0.8, 0.683, 0.4, 0.117, 0.8]
    """

    def __init__(self, lr: float, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> None:
        super().__init__(lr)
        self.T_0 = self.whole("T_0", T_0)
        self.T_mult = self.whole("T_mult", T_mult)
        self.eta_min = self.number("eta_min", eta_min)

    def __call__(self, step: int) -> float:
        now, length = step, self.T_0
        if self.T_mult == 1:
            now %= length
        while now >= length:
            now -= length
            length *= self.T_mult
        return along_cosine(self.lr, self.eta_min, now / length)


class OneCycleLR(Schedule):
    """Up to the largest learning rate and then down to almost none, in one go.

    formula   from max_lr / div_factor up to max_lr in the first pct_start of the steps, then down
              to max_lr / div_factor / final_div_factor; three_phase: first as far down as up
    max_lr             the largest rate
    total_steps        how many steps the training has; after them the last rate stays
    pct_start          the part of them that goes up, from 0 to 1
    anneal_strategy    "cos" along half a wave of the cosine, "linear" along a straight line
    div_factor         how many times smaller the first rate is than the largest
    final_div_factor   how many times smaller the last rate is than the first
    source    Smith and Topin, Super-Convergence, 2017; the learning rate of
              torch.optim.lr_scheduler.OneCycleLR(cycle_momentum=False)

    >>> schedule = OneCycleLR(1.0, total_steps=5, pct_start=0.6, anneal_strategy="linear")
    >>> [round(schedule(step), 6) for step in range(5)]
    [0.04, 0.52, 1.0, 0.500002, 4e-06]
    """

    def __init__(
        self,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        self.max_lr = self.number("max_lr", max_lr)
        self.total_steps = self.whole("total_steps", total_steps)
        self.pct_start = self.number("pct_start", pct_start, most=1)
        self.anneal_strategy = self.choice("anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.div_factor = self.number("div_factor", div_factor, least=1)
        self.final_div_factor = self.number("final_div_factor", final_div_factor, least=1)
        self.three_phase = bool(three_phase)

    def __call__(self, step: int) -> float:
        first = self.max_lr / self.div_factor
        corners = [(0.0, first), (self.pct_start * self.total_steps - 1, self.max_lr)]
        if self.three_phase:
            corners.append((2 * self.pct_start * self.total_steps - 2, first))
        corners.append((self.total_steps - 1, first / self.final_div_factor))
        step = min(step, self.total_steps - 1)
        (start, high), (end, low) = next(
            phase for phase in pairwise(corners) if step <= phase[1][0]
        )
        part = (step - start) / (end - start) if end > start else 1.0
        if self.anneal_strategy == "cos":
            return along_cosine(high, low, part)
        return high + (low - high) * part


class SequentialLR(Schedule):
    """One schedule after the other, each of which counts its steps from 0.

    schedules    the schedules
    milestones   the steps at which the second begins, the third, ..., in ascending order

    >>> warm_up = LinearLR(0.8, start_factor=0.5, total_iters=2)
    >>> schedule = SequentialLR([warm_up, ExponentialLR(0.8, gamma=0.5)], milestones=[2])
    >>> [round(schedule(step), 6) for step in range(5)]
    [0.4, 0.6, 0.8, 0.4, 0.2]
    """

    def __init__(self, schedules: Sequence[Any], milestones: Sequence[int]) -> None:
        if not isinstance(schedules, (list, tuple)) or not all(map(callable, schedules)):
            raise self.wrong("schedules", schedules, "a list of schedules")
        self.schedules = list(schedules)
        self.milestones = checked_milestones(self, milestones)
        if len(self.milestones) != len(self.schedules) - 1:
            expected = f"a list with one step less than there are schedules ({len(self.schedules)})"
            raise self.wrong("milestones", milestones, expected)

    def __call__(self, step: int) -> float:
        schedule, start = self._at(step)
        return schedule(step - start)

    def observe(self, metric: float, step: int = 0) -> None:
        schedule, start = self._at(step)
        if isinstance(schedule, Schedule):
            schedule.observe(metric, step - start)

    def state(self) -> dict[str, Any]:
        return {
            f"{number}.{what}": held
            for number, schedule in enumerate(self.schedules)
            if isinstance(schedule, Schedule)
            for what, held in schedule.state().items()
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        for number, schedule in enumerate(self.schedules):
            if isinstance(schedule, Schedule):
                own = schedule.state()
                schedule.load_state({what: state[f"{number}.{what}"] for what in own})

    def _at(self, step: int) -> tuple[Any, int]:
        """The schedule of a step, and the step at which it began."""
        number = bisect_right(self.milestones, step)
        return self.schedules[number], [0, *self.milestones][number]


def along_cosine(start: float, end: float, part: float) -> float:
    """From start (part 0) to end (part 1) along half a wave of the cosine."""
    return end + (start - end) * (1 + cos(pi * part)) / 2


def checked_milestones(schedule: Options, milestones: Any) -> list[int]:
    """Whole numbers in ascending order."""
    if not isinstance(milestones, (list, tuple)) or list(milestones) != sorted(milestones):
        raise schedule.wrong("milestones", milestones, "a list of steps in ascending order")
    return [schedule.whole("milestones", one, least=0) for one in milestones]
