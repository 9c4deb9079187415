"""What is done to each number by itself: activations forward and backward, sums of arrays.

A function of vectors becomes a kernel by `elementwise`. To add an activation, write it and its
backward as functions, and add a line to ACTIVATIONS; there are more of them in activations.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ... import layers
from ..cpu import V
from ..functions import f, normal, sigmoid, tanh
from ..kernel import CHUNK, Float, Floats, Int, Kernel
from ..native import inlined
from ..simd import absolute, load_some, select, splat, store_some
from .behind import Behind


def elementwise(function: Callable[..., Any], name: str) -> Kernel:
    """The kernel of y = function(a, b, c, p, q), for arrays a, b, c and numbers p, q. What the
    function does not use is not read."""

    def body(
        a: Floats, b: Floats, c: Floats, y: Floats, p: Float, q: Float, n: Int,
        chunk: Int, scratch: Floats,
    ) -> None:  # fmt: skip
        end = min(n, (chunk + 1) * CHUNK)
        for i in range(chunk * CHUNK, end, V):
            va = load_some(a + i, end - i)
            vb, vc = load_some(b + i, end - i), load_some(c + i, end - i)
            store_some(y + i, function(va, vb, vc, splat(p), splat(q)), end - i)

    return Kernel(body, name)


@dataclass(frozen=True)
class Activation:
    """An activation on vectors.

    forward    y = forward(x, p, q)
    backward   dx = backward(dout, x, y, p, q)
    options    the names of the layer's attributes that p and q are; at most two
    saves      which of x and y backward looks at; it gets that one for both
    """

    forward: Any
    backward: Any
    options: tuple[str, ...] = ()
    saves: str = "x"

    @cached_property
    def kernel(self) -> Kernel:
        function = self.forward

        @inlined
        def forward(x: Any, b: Any, c: Any, p: Any, q: Any) -> Any:
            return function(x, p, q)

        return elementwise(forward, f"{self.forward.__name__}")

    @cached_property
    def backward_kernel(self) -> Kernel:
        return elementwise(self.backward, f"{self.backward.__name__}")

    @cached_property
    def behind(self) -> Behind:
        """The forward, for kernels that have it done to what they compute."""
        return Behind(self.forward)

    def numbers(self, option: Callable[[str], Any]) -> dict[str, float]:
        """The numbers p and q of a layer, whose options the function tells."""
        held = [float(option(name)) for name in self.options] + [0.0, 0.0]
        return {"p": held[0], "q": held[1]}


@inlined
def relu(x: Any, p: Any, q: Any) -> Any:
    return select(x <= f(0.0), splat(f(0.0)), x)  # rather than x > 0: NaN must stay visible


@inlined
def relu_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    return select(y <= f(0.0), splat(f(0.0)), dout)


@inlined
def leaky_relu(x: Any, p: Any, q: Any) -> Any:
    return select(x > f(0.0), x, x * p)


@inlined
def leaky_relu_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    return select(x > f(0.0), dout, dout * p)


@inlined
def hardtanh(x: Any, p: Any, q: Any) -> Any:
    return select(x < p, p, select(x > q, q, x))


@inlined
def hardtanh_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    zero = splat(f(0.0))
    return select(y <= p, zero, select(y >= q, zero, dout))


@inlined
def sigmoid_forward(x: Any, p: Any, q: Any) -> Any:
    return sigmoid(x)


@inlined
def sigmoid_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    return dout * y * (f(1.0) - y)


@inlined
def tanh_forward(x: Any, p: Any, q: Any) -> Any:
    return tanh(x)


@inlined
def tanh_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    return dout * (f(1.0) - y * y)


@inlined
def silu(x: Any, p: Any, q: Any) -> Any:
    return x * sigmoid(x)


@inlined
def silu_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    s = sigmoid(x)
    return dout * (s + x * s * (f(1.0) - s))


@inlined
def gelu(x: Any, p: Any, q: Any) -> Any:
    return x * normal(x)[0]


@inlined
def gelu_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    share, bell = normal(x)
    return dout * (share + x * bell)


@inlined
def gate_of_gelu_tanh(x: Any) -> Any:
    """sigmoid(2 u) with u = root of (2 / pi) times (x + 0.044715 x**3)."""
    z = select(x > f(40.0), splat(f(40.0)), select(x < f(-40.0), splat(f(-40.0)), x))
    return sigmoid(f(1.5957691216057308) * (z + f(0.044715) * z * z * z))


@inlined
def gelu_tanh(x: Any, p: Any, q: Any) -> Any:
    return x * gate_of_gelu_tanh(x)


@inlined
def gelu_tanh_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    z = select(absolute(x) > f(40.0), splat(f(40.0)), x)  # where g is 0 or 1
    g = gate_of_gelu_tanh(x)
    du = f(0.7978845608028654) * (f(1.0) + f(0.134145) * z * z)
    return dout * (g + f(2.0) * (z * g * (f(1.0) - g) * du) + (x - x))  # NaN at Inf, as in NumPy


@inlined
def softsign(x: Any, p: Any, q: Any) -> Any:
    return x * (f(1.0) / (f(1.0) + absolute(x)))


@inlined
def softsign_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    share = f(1.0) / (f(1.0) + absolute(x))
    return dout * share * share


@inlined
def square(x: Any, p: Any, q: Any) -> Any:
    return x * x


@inlined
def square_backward(dout: Any, x: Any, y: Any, p: Any, q: Any) -> Any:
    return dout * f(2.0) * x


HARDTANH = Activation(hardtanh, hardtanh_backward, ("min_val", "max_val"), saves="y")
GELU_TANH = Activation(gelu_tanh, gelu_tanh_backward)

ACTIVATIONS: dict[type, Activation] = {
    layers.ReLU: Activation(relu, relu_backward, saves="y"),
    layers.LeakyReLU: Activation(leaky_relu, leaky_relu_backward, ("negative_slope",)),
    layers.Hardtanh: HARDTANH,
    layers.ReLU6: HARDTANH,
    layers.Sigmoid: Activation(sigmoid_forward, sigmoid_backward, saves="y"),
    layers.Tanh: Activation(tanh_forward, tanh_backward, saves="y"),
    layers.SiLU: Activation(silu, silu_backward),
    layers.GELU: Activation(gelu, gelu_backward),
    layers.Softsign: Activation(softsign, softsign_backward),
    layers.Square: Activation(square, square_backward),
}


@inlined
def plus(a: Any, b: Any, c: Any, p: Any, q: Any) -> Any:
    return a + b


ADD = elementwise(plus, "add")


@inlined
def times(a: Any, b: Any, c: Any, p: Any, q: Any) -> Any:
    return a * b


TIMES = elementwise(times, "multiply")


@inlined
def number(a: Any, b: Any, c: Any, p: Any, q: Any) -> Any:
    return p


FILL = elementwise(number, "fill")
