"""Elementary functions of one number, applied to each element by itself."""

import numpy as np

from .arithmetic import Elementwise


class Neg(Elementwise):
    """y = -x, elementwise.

    backward   dx = -dout
    shapes     any -> the same

    >>> neg = Neg()
    >>> neg.forward(3.0), neg.backward(2.0)
    (-3.0, -2.0)
    """

    sign = "−"

    def forward(self, x):
        return -x

    def backward(self, dout):
        return -dout


class Exp(Elementwise):
    """y = e to the power x, elementwise: its slope is its value.

    backward   dx = dout y
    shapes     any -> the same
    source     Deep Learning from Scratch, 5.5.2

    >>> exp = Exp()
    >>> exp.forward(0.0), exp.backward(2.0)
    (1.0, 2.0)
    """

    sign = "exp"

    def forward(self, x):
        self.out = np.exp(x)
        return self.out

    def backward(self, dout):
        return dout * self.out


class Log(Elementwise):
    """y = ln(x), the natural logarithm, elementwise.

    backward   dx = dout / x
    shapes     any -> the same

    >>> log = Log()
    >>> log.forward(1.0), log.backward(3.0)
    (0.0, 3.0)
    """

    sign = "ln"

    def forward(self, x):
        self.x = x
        return np.log(x)

    def backward(self, dout):
        return dout / self.x


class Sqrt(Elementwise):
    """y = the square root of x, elementwise.

    backward   dx = dout / (2 y)
    shapes     any -> the same

    >>> sqrt = Sqrt()
    >>> sqrt.forward(9.0), sqrt.backward(12.0)
    (3.0, 2.0)
    """

    sign = "√"

    def forward(self, x):
        self.out = np.sqrt(x)
        return self.out

    def backward(self, dout):
        return dout / (2 * self.out)


class Square(Elementwise):
    """y = x², elementwise.

    backward   dx = 2 x dout
    shapes     any -> the same

    >>> square = Square()
    >>> square.forward(3.0), square.backward(1.0)
    (9.0, 6.0)
    """

    sign = "x²"

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dout):
        return dout * 2 * self.x


class Sin(Elementwise):
    """y = sin(x), elementwise, x in radians.

    backward   dx = dout cos(x)
    shapes     any -> the same

    >>> sin = Sin()
    >>> sin.forward(0.0), sin.backward(2.0)
    (0.0, 2.0)
    """

    sign = "sin"

    def forward(self, x):
        self.x = x
        return np.sin(x)

    def backward(self, dout):
        return dout * np.cos(self.x)


class Cos(Elementwise):
    """y = cos(x), elementwise, x in radians.

    backward   dx = -dout sin(x)
    shapes     any -> the same

    >>> cos = Cos()
    >>> cos.forward(0.0), cos.backward(2.0) == 0
    (1.0, True)
    """

    sign = "cos"

    def forward(self, x):
        self.x = x
        return np.cos(x)

    def backward(self, dout):
        return -dout * np.sin(self.x)


class Abs(Elementwise):
    """y = |x|, elementwise; the slope at 0 is taken as 0.

    backward   dx = dout where x > 0, -dout where x < 0
    shapes     any -> the same

    >>> absolute = Abs()
    >>> absolute.forward(-3.0), absolute.backward(2.0)
    (3.0, -2.0)
    """

    sign = "|x|"

    def forward(self, x):
        self.x = x
        return np.abs(x)

    def backward(self, dout):
        return dout * np.sign(self.x)


class Clip(Elementwise):
    """y = x kept between min and max, elementwise; the slope at both ends is taken as 1.

    backward   dx = dout where min <= x <= max, else 0
    shapes     any -> the same
    min, max   numbers; None: no bound on that side
    errors     ValueError if min is above max

    >>> clip = Clip(0.0, 1.0)
    >>> clip.forward(np.array([-2.0, 0.5, 3.0])), clip.backward(np.ones(3))
    (array([0. , 0.5, 1. ]), array([0., 1., 0.]))
    """

    sign = "clip"

    def __init__(self, min=None, max=None):
        self.min, self.max = min, max
        if min is not None and max is not None and min > max:
            raise ValueError(f"Clip(min={min}, max={max}): min is above max. Swap them.")
        self.inside = None  # saved by forward for backward

    def forward(self, x):
        low = -np.inf if self.min is None else self.min
        high = np.inf if self.max is None else self.max
        self.inside = np.logical_not((x < low) | (x > high))  # NaN counts as inside, and stays
        return np.clip(x, low, high)

    def backward(self, dout):
        return np.where(self.inside, dout, 0)
