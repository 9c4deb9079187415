"""Activations of two numbers, or of one and a slope that is learned; forward, then backward."""

from __future__ import annotations

from ..functions import sigmoid
from ..simd import select, splat
from .activations import formula
from .elementwise import elementwise
from .walk import broadcasting

# halves a and b, then dout

GLU = (
    formula(elementwise, "glu", lambda a, b, c, p, q: a * sigmoid(b)),
    formula(elementwise, "glu_of_first", lambda a, b, c, p, q: c * sigmoid(b)),
    formula(
        elementwise,
        "glu_of_second",
        lambda a, b, c, p, q: c * a * sigmoid(b) * (1.0 - sigmoid(b)),
    ),
)
SWIGLU = (
    formula(elementwise, "swiglu", lambda a, b, c, p, q: a * sigmoid(a) * b),
    formula(
        elementwise,
        "swiglu_of_first",
        lambda a, b, c, p, q: c * b * (sigmoid(a) + a * sigmoid(a) * (1.0 - sigmoid(a))),
    ),
    formula(elementwise, "swiglu_of_second", lambda a, b, c, p, q: c * a * sigmoid(a)),
)

# slopes a, x, then dout

PRELU = formula(broadcasting, "prelu", lambda a, x, c: select(x > 0.0, x, x * a))
PRELU_BACKWARD = formula(
    broadcasting, "prelu_backward", lambda a, x, dout: select(x > 0.0, dout, dout * a)
)
PRELU_SLOPES = formula(
    broadcasting, "prelu_slopes", lambda a, x, dout: select(x > 0.0, splat(0.0), dout * x)
)
