"""More activations, and elementary functions: two formulas each, on vectors.

In a formula, p and q are the layer's options that are named behind it. Lambdas are named, since a
kernel is kept on disk by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import layers
from ...layers.rectifier import SELU_ALPHA, SELU_SCALE
from ..functions import exp, exp_of_any, expm1, log, sigmoid, softplus, tanh
from ..kernel import Kernel
from ..native import inlined
from ..simd import absolute, copysign, select, splat, sqrt
from .elementwise import ACTIVATIONS, Activation


def named(name: str, formula: Callable[..., Any]) -> Any:
    """A formula that kernels can use, under a name."""
    formula.__name__ = name
    return inlined(formula)


def formula(kind: Callable[..., Kernel], name: str, function: Callable[..., Any]) -> Kernel:
    """The kernel of a formula; kind: `elementwise`, `broadcasting`."""
    return kind(named(name, function), name)


def activation(
    name: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *options: str,
    saves: str = "x",
) -> Activation:
    backward = named(f"{name}_backward", backward)
    return Activation(named(name, forward), backward, options, saves)


@inlined
def sign(x: Any) -> Any:
    """1 or -1; 0 and NaN stay."""
    return select(x > 0.0, splat(1.0), select(x < 0.0, splat(-1.0), x))


@inlined
def kept_between(x: Any, low: Any, high: Any) -> Any:
    """x, but `low` at least and `high` at most."""
    return select(x < low, low, select(x > high, high, x))


@inlined
def gate_of_hardswish(x: Any) -> Any:
    return kept_between(x / 6.0 + 0.5, splat(0.0), splat(1.0))


@inlined
def gate_of_mish(x: Any) -> Any:
    """tanh(ln(1 + e**x)) = n / (n + 2) with n = e**x (e**x + 2); from x = 20 on it is 1."""
    power = exp(select(x > 20.0, splat(20.0), x))
    n = power * (power + 2.0)
    return n / (n + 2.0)


ACTIVATIONS |= {
    layers.ELU: activation(
        "elu",
        lambda x, p, q: select(x > 0.0, x, p * expm1(x)),
        lambda dout, x, y, p, q: select(x > 0.0, dout, dout * p * exp(x)),
        "alpha",
    ),
    layers.CELU: activation(
        "celu",
        lambda x, p, q: select(x > 0.0, x, p * expm1(x / p)),
        lambda dout, x, y, p, q: select(x > 0.0, dout, dout * exp(x / p)),
        "alpha",
    ),
    layers.SELU: activation(
        "selu",
        lambda x, p, q: SELU_SCALE * select(x > 0.0, x, SELU_ALPHA * expm1(x)),
        lambda dout, x, y, p, q: dout
        * SELU_SCALE
        * select(x > 0.0, splat(1.0), SELU_ALPHA * exp(x)),
    ),
    layers.Mish: activation(
        "mish",
        lambda x, p, q: x * gate_of_mish(x),
        lambda dout, x, y, p, q: dout
        * (gate_of_mish(x) + x * (1.0 - gate_of_mish(x) * gate_of_mish(x)) * sigmoid(x)),
    ),
    layers.Softplus: activation(
        "softplus",
        lambda x, p, q: select(p * x > q, x, softplus(p * x) / p),
        lambda dout, x, y, p, q: dout * select(p * x > q, splat(1.0), sigmoid(p * x)),
        "beta", "threshold",
    ),
    layers.LogSigmoid: activation(
        "log_sigmoid",
        lambda x, p, q: -softplus(-x),
        lambda dout, x, y, p, q: dout * sigmoid(-x),
    ),
    layers.Tanhshrink: activation(
        "tanhshrink",
        lambda x, p, q: x - tanh(x),
        lambda dout, x, y, p, q: dout * tanh(x) * tanh(x),
    ),
    layers.Hardsigmoid: activation(
        "hardsigmoid",
        lambda x, p, q: gate_of_hardswish(x),
        lambda dout, x, y, p, q: select(absolute(x) < 3.0, dout / 6.0, splat(0.0)),
    ),
    layers.Hardswish: activation(
        "hardswish",
        lambda x, p, q: x * gate_of_hardswish(x),
        lambda dout, x, y, p, q: dout
        * (gate_of_hardswish(x) + select(absolute(x) < 3.0, x / 6.0, splat(0.0))),
    ),
    layers.Hardshrink: activation(
        "hardshrink",
        lambda x, p, q: select(absolute(x) <= p, splat(0.0), x),
        lambda dout, x, y, p, q: select(absolute(x) <= p, splat(0.0), dout),
        "lambd",
    ),
    layers.Softshrink: activation(
        "softshrink",
        lambda x, p, q: select(absolute(x) <= p, splat(0.0), x - copysign(p, x)),
        lambda dout, x, y, p, q: select(absolute(x) <= p, splat(0.0), dout),
        "lambd",
    ),
    layers.Threshold: activation(
        "threshold",
        lambda x, p, q: select(x <= p, q, x),
        lambda dout, x, y, p, q: select(x <= p, splat(0.0), dout),
        "threshold", "value",
    ),
    layers.Clip: activation(
        "clip",
        lambda x, p, q: kept_between(x, p, q),
        lambda dout, x, y, p, q: select(x < p, splat(0.0), select(x > q, splat(0.0), dout)),
        "min", "max",
    ),
    layers.Neg: activation("negative", lambda x, p, q: -x, lambda dout, x, y, p, q: -dout),
    layers.Abs: activation(
        "absolute", lambda x, p, q: absolute(x), lambda dout, x, y, p, q: dout * sign(x)
    ),
    layers.Exp: activation(
        "exp", lambda x, p, q: exp_of_any(x), lambda dout, x, y, p, q: dout * y, saves="y"
    ),
    layers.Log: activation("log", lambda x, p, q: log(x), lambda dout, x, y, p, q: dout / x),
    layers.Sqrt: activation(
        "sqrt", lambda x, p, q: sqrt(x), lambda dout, x, y, p, q: dout / (2.0 * y), saves="y"
    ),
}  # fmt: skip
