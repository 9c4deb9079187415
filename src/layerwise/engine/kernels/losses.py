"""Losses of each number x and its target t: what it is, and its slopes, as formulas on vectors.

    losses = forward(x, t, p, q)     dx = d slope(x, t, p, q)     dt = d target(x, t, p, q)

p and q are options of the layer, d is dout, or its share in a mean. Sums and means are those of
reductions.py. What a layer refuses has to come out as NaN: then the layer is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ... import layers
from ..cpu import V
from ..functions import INF, NAN, exp_of_any, log, log1p, sigmoid, softplus
from ..kernel import CHUNK, Float, Floats, Int, Ints, Kernel, kernel
from ..native import inlined
from ..simd import absolute, load_some, select, splat, store_some
from .activations import formula, kept_between, named, sign
from .elementwise import elementwise


def slope_of(function: Callable[..., Any], name: str) -> Kernel:
    """The kernel of dx = d function(x, t, p, q); d is dout where there is one for `each` number,
    else a share of the only one."""

    def body(
        x: Floats, t: Floats, dout: Floats, dx: Floats, each: Int, share: Float, p: Float,
        q: Float, n: Int, chunk: Int, scratch: Floats,
    ) -> None:  # fmt: skip
        end, of_all = min(n, (chunk + 1) * CHUNK), splat(dout[0] * share)
        for i in range(chunk * CHUNK, end, V):
            d = load_some(dout + i, end - i) if each else of_all
            vx, vt = load_some(x + i, end - i), load_some(t + i, end - i)
            store_some(dx + i, d * function(vx, vt, splat(p), splat(q)), end - i)

    return Kernel(body, name)


@dataclass(frozen=True)
class Loss:
    """The kernels of a loss, and the names of the options that p and q are."""

    forward: Kernel
    slope: Kernel
    target: Kernel
    options: tuple[str, ...] = ()
    refuses: bool = False  # whether some inputs are refused


def loss(
    name: str, forward: Any, slope: Any, target: Any, *options: str, refuses: bool = False
) -> Loss:
    function = named(name, forward)
    return Loss(
        formula(elementwise, name, lambda a, b, c, p, q: function(a, b, p, q)),
        formula(slope_of, f"{name}_slope", slope),
        formula(slope_of, f"{name}_target_slope", target),
        options,
        refuses,
    )


@kernel
def find_nan(x: Floats, found: Ints, n: Int, chunk: Int, scratch: Floats) -> None:
    """`found` becomes 1 where something is not equal to itself."""
    for i in range(n):
        if x[i] != x[i]:
            found[0] = 1


@inlined
def at_least(x: Any, low: float) -> Any:
    return select(x < low, splat(low), x)


@inlined
def huber(e: Any, p: Any) -> Any:
    """e**2 / 2 where |e| <= p, else p (|e| - p / 2): both in one, with no overflow."""
    size = absolute(e)
    q = select(size > p, p, size)
    return q * (size - q / 2.0)


@inlined
def missing(lead: Any, margin: Any) -> Any:
    """What is missing to the margin: max(0, margin - lead)."""
    return at_least(margin - lead, 0.0)


@inlined
def refused_unless_sign(t: Any, found: Any) -> Any:
    return select(t * t == 1.0, found, splat(NAN))


@inlined
def divergence(p: Any, log_p: Any, x: Any) -> Any:
    """p (ln(p) - x); what is impossible in both counts as 0."""
    found = p * (log_p - x)
    return select(p == 0.0, select(x == -INF, splat(0.0), found), found)


@inlined
def log_of_share(t: Any) -> Any:
    """ln(t), and 0 where t is 0, since it is multiplied by t."""
    return log(select(t == 0.0, splat(1.0), t))


LOSSES: dict[type, Loss] = {
    layers.MeanSquaredError: loss(
        "squared_error",
        lambda x, t, p, q: (x - t) * (x - t),
        lambda x, t, p, q: 2.0 * (x - t),
        lambda x, t, p, q: 2.0 * (t - x),
    ),
    layers.L1: loss(
        "absolute_error",
        lambda x, t, p, q: absolute(x - t),
        lambda x, t, p, q: sign(x - t),
        lambda x, t, p, q: sign(t - x),
    ),
    layers.Huber: loss(
        "huber_loss",
        lambda x, t, p, q: huber(x - t, p),
        lambda x, t, p, q: kept_between(x - t, -p, p),
        lambda x, t, p, q: kept_between(t - x, -p, p),
        "delta",
    ),
    layers.SmoothL1: loss(
        "smooth_l1",
        lambda x, t, p, q: huber(x - t, p) / p,
        lambda x, t, p, q: kept_between((x - t) / p, splat(-1.0), splat(1.0)),
        lambda x, t, p, q: kept_between((t - x) / p, splat(-1.0), splat(1.0)),
        "beta",
    ),
    layers.BinaryCrossEntropy: loss(
        "binary_cross_entropy",
        lambda x, t, p, q: (
            -(t * at_least(log(x), -100.0) + (1.0 - t) * at_least(log1p(-x), -100.0))
        ),
        lambda x, t, p, q: (x - t) / at_least(x * (1.0 - x), 1e-12),
        lambda x, t, p, q: at_least(log1p(-x), -100.0) - at_least(log(x), -100.0),
        refuses=True,
    ),
    layers.BinaryCrossEntropyWithLogits: loss(
        "binary_cross_entropy_with_logits",
        lambda x, t, p, q: t * softplus(-x) + (1.0 - t) * softplus(x),
        lambda x, t, p, q: (1.0 - t) * sigmoid(x) - t * sigmoid(-x),
        lambda x, t, p, q: softplus(-x) - softplus(x),
    ),
    layers.KLDivergence: loss(
        "divergence_of_shares",
        lambda x, t, p, q: divergence(t, log_of_share(t), x),
        lambda x, t, p, q: -t,
        lambda x, t, p, q: select(t == 0.0, splat(0.0), log_of_share(t) + 1.0 - x),
    ),
    layers.SoftMargin: loss(
        "soft_margin",
        lambda x, t, p, q: refused_unless_sign(t, softplus(-t * x)),
        lambda x, t, p, q: -t * sigmoid(-t * x),
        lambda x, t, p, q: splat(0.0),  # t only chooses
        refuses=True,
    ),
    layers.Hinge: loss(
        "hinge",  # to the power q, 1 or 2
        lambda x, t, p, q: refused_unless_sign(
            t, missing(t * x, p) * select(q > 1.0, missing(t * x, p), splat(1.0))
        ),
        lambda x, t, p, q: -t
        * select(q > 1.0, 2.0 * missing(t * x, p), sign(missing(t * x, p))),
        lambda x, t, p, q: splat(0.0),
        "margin", "p",
        refuses=True,
    ),
    layers.HingeEmbedding: loss(
        "hinge_embedding",
        lambda x, t, p, q: refused_unless_sign(t, select(t > 0.0, x, missing(x, p))),
        lambda x, t, p, q: select(t > 0.0, splat(1.0), -sign(missing(x, p))),
        lambda x, t, p, q: splat(0.0),
        "margin",
        refuses=True,
    ),
}  # fmt: skip

DIVERGENCE_OF_LOGS = loss(
    "divergence_of_logs",
    lambda x, t, p, q: divergence(exp_of_any(t), t, x),
    lambda x, t, p, q: -exp_of_any(t),
    lambda x, t, p, q: select(exp_of_any(t) == 0.0, splat(0.0), exp_of_any(t) * (t + 1.0 - x)),
)
