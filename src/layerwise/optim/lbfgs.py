"""L-BFGS: Newton's method with a curvature that is guessed from the last steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isfinite, prod
from typing import Any

import numpy as np

from ..errors import GradientError, show_shape
from ..parameter import Parameter
from .linesearch import Point, strong_wolfe
from .optimizer import gradient_of
from .options import Options
from .state import all_taken, check_owner, taken


class LBFGS(Options):
    """Newton's method for all rows at once; the curvature comes from the last few steps.

    step       up to max_iter times, from the loss and gradient g of all rows:
               d = -H g   (H from the last changes s of the values and y of the gradients)
               value += t d   (t = lr, or found by the line search)
    lr                 the length of a step, 0 or more; with a line search, where it begins
    max_iter           how many iterations one call of `step` makes
    max_eval           how often at most it calls the closure; None: 5/4 max_iter
    tolerance_grad     no element of the gradient larger: done, 0 or more
    tolerance_change   no element of the values changes more, nor the loss: done, 0 or more
    history_size       how many changes are remembered
    line_search_fn     "strong_wolfe", which makes it safe, or None: steps of the length lr
    errors     ValueError for options out of these ranges; GradientError for a gradient that does
               not have the shape of its parameter, and for another network
    source     Nocedal and Wright, Numerical Optimization, 7.2; as torch.optim.LBFGS

    `step(parameters, closure)` calls `closure()`, which computes the gradients for the values as
    they are and returns the loss: the same rows each time, without chance. `fit` does it with
    `batch_size=len(x)`. All parameters make one long vector here, so there are no groups.

    >>> W = Parameter(np.array([3.0, -1.0]))
    >>> def closure():
    ...     W.grad = np.array([2.0, 20.0]) * W.value
    ...     return W.value[0] ** 2 + 10 * W.value[1] ** 2
    >>> optimizer = LBFGS(line_search_fn="strong_wolfe")
    >>> optimizer.step({"W": W}, closure)
    19.0
    >>> bool(abs(W.value).max() < 1e-6)
    True
    """

    def __init__(
        self,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        self.lr = self.number("lr", lr)
        self.max_iter = self.whole("max_iter", max_iter)
        self.max_eval = None if max_eval is None else self.whole("max_eval", max_eval)
        self.tolerance_grad = self.number("tolerance_grad", tolerance_grad)
        self.tolerance_change = self.number("tolerance_change", tolerance_change)
        self.history_size = self.whole("history_size", history_size)
        self.line_search_fn = self.choice("line_search_fn", line_search_fn, (None, "strong_wolfe"))
        self.steps = 0  # iterations, those of all calls together
        self.t = self.scale = 1.0  # length of the last step; of the first guess of H
        self.last: dict[str, Any] = {}  # d and g of the last step, as long vectors
        self.changes: list[tuple[Any, Any, float]] = []  # s, y and 1 / (y s), the last one last
        self._shapes: dict[str, tuple[int, ...]] = {}  # of the parameters, by name

    def step(self, parameters: Mapping[str, Parameter], closure: Callable[[], Any]) -> float:
        """Up to max_iter iterations; returns the loss from before them."""
        self._same_network(parameters)
        line = Line(parameters, closure)
        most = self.max_iter * 5 // 4 if self.max_eval is None else self.max_eval
        first = loss, g = line.at(0.0)
        for iteration in range(1, self.max_iter + 1):
            if not isfinite(loss) or largest(g) <= self.tolerance_grad:
                break
            d = self._direction(g)
            self.t = self.lr * (1.0 if self.steps else min(1.0, 1 / float(np.abs(g).sum())))
            self.last = {"d": d, "g": g}
            self.steps += 1
            slope = float(g @ d)
            if slope > -self.tolerance_change:
                break
            before = loss
            line.turn(d)
            if self.line_search_fn:
                start = Point(0.0, loss, g, slope)
                shortest = self.tolerance_change / largest(d)
                more = most - line.evaluations
                self.t, loss, g, _ = strong_wolfe(line.point, start, self.t, more, shortest)
                line.go(self.t)
            elif iteration < self.max_iter:
                loss, g = line.at(self.t)
            else:
                line.go(self.t)
            if line.evaluations >= most or largest(self.t * d) <= self.tolerance_change:
                break
            if abs(loss - before) < self.tolerance_change:
                break
        return first[0]

    def _direction(self, g: Any) -> Any:
        """-H g, by the two loops over the remembered changes."""
        if not self.steps:
            return -g
        s, y = self.t * self.last["d"], g - self.last["g"]
        ys = float(y @ s)
        if ys > 1e-10:  # curved upward, as at a minimum
            self.changes = [*self.changes, (s, y, 1 / ys)][-self.history_size :]
            self.scale = ys / float(y @ y)
        d, parts = -g, []
        for s, y, rho in reversed(self.changes):
            parts.append(rho * float(s @ d))
            d -= parts[-1] * y
        d *= self.scale
        for (s, y, rho), part in zip(self.changes, reversed(parts)):
            d += (part - rho * float(y @ d)) * s
        return d

    def _same_network(self, parameters: Mapping[str, Parameter]) -> None:
        shapes = {name: parameter.shape for name, parameter in parameters.items()}
        if self._shapes and shapes != self._shapes:
            was, now = (
                ", ".join(f"{name} {show_shape(shape)}" for name, shape in them.items())
                for them in (self._shapes, shapes)
            )
            raise GradientError(
                f"This LBFGS has worked on {was}, but got {now}. Make a new LBFGS for each network."
            )
        self._shapes = shapes

    # state ---------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that the next steps depend on besides the options: copies, in one flat dict."""
        state = {"LBFGS.steps": self.steps, "LBFGS.t": self.t, "LBFGS.scale": self.scale}
        state["LBFGS.rho"] = np.array([rho for _, _, rho in self.changes])
        vectors = dict(self.last)
        if self.changes:
            vectors["s"], vectors["y"] = (np.stack(them) for them in list(zip(*self.changes))[:2])
        ends = np.cumsum([prod(shape) for shape in self._shapes.values()])
        for what, vector in vectors.items():  # (all,) or (K, all)
            parts = np.split(vector, ends[:-1], axis=-1)
            for (name, shape), part in zip(self._shapes.items(), parts):
                state[f"{what}.{name}"] = part.reshape(*part.shape[:-1], *shape).copy()
        return state

    def load_state(self, state: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> None:
        """Go on from what `state()` gave; StateError if it does not fit the parameters."""
        left = dict(state)
        check_owner(left, "LBFGS.steps", self)
        steps, t = taken(left, "LBFGS.steps", 0), taken(left, "LBFGS.t", 1.0)
        scale, count = taken(left, "LBFGS.scale", 1.0), np.size(left.get("LBFGS.rho", ()))
        rho = taken(left, "LBFGS.rho", np.zeros(count))
        leading: dict[str, tuple[int, ...]] = {"d": (), "g": ()} if steps else {}
        leading |= {"s": (count,), "y": (count,)} if count else {}
        vectors = {
            what: flat(
                taken(
                    left, f"{what}.{name}", np.broadcast_to(held.value, (*lead, *held.shape))
                ).reshape(*lead, -1)
                for name, held in parameters.items()
            )
            for what, lead in leading.items()
        }
        all_taken(left)
        self.steps, self.t, self.scale = steps, t, scale
        self.changes = [*zip(vectors.pop("s", ()), vectors.pop("y", ()), rho.tolist())]
        self.last = vectors
        self._shapes = {name: held.shape for name, held in parameters.items()}


class Line:
    """The values of all parameters as one long vector x + t d, and what the closure says there."""

    def __init__(self, parameters: Mapping[str, Parameter], closure: Callable[[], Any]) -> None:
        self.parameters, self.closure = parameters, closure
        self.evaluations = 0
        self.turn(0.0)

    def turn(self, d: Any) -> None:
        """Begin at the values as they are, in the direction d."""
        self.x, self.d = flat(one.value.ravel() for one in self.parameters.values()), d

    def go(self, t: float) -> None:
        """Set the values to x + t d."""
        vector, start = self.x + t * self.d, 0
        for parameter in self.parameters.values():
            end = start + parameter.value.size
            parameter.value[...] = vector[start:end].reshape(parameter.shape)
            start = end

    def at(self, t: float) -> tuple[float, Any]:
        """The loss and its gradient at x + t d."""
        self.go(t)
        self.evaluations += 1
        loss = float(self.closure())
        grads = [
            np.zeros_like(one.value) if one.grad is None else gradient_of(name, one)
            for name, one in self.parameters.items()
        ]
        return loss, flat(grad.ravel() for grad in grads)

    def point(self, t: float) -> Point:
        loss, g = self.at(t)
        return Point(t, loss, g, float(g @ self.d))


def flat(arrays: Iterable[Any]) -> Any:
    """Vectors one behind the other as a new one; whatever stands before the last axis stays."""
    return np.concatenate(list(arrays), axis=-1)


def largest(vector: Any) -> float:
    return float(np.abs(vector).max(initial=0.0))
