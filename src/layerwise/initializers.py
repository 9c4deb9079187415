"""First numbers of parameters: functions of a shape and a generator.

`fan_in` is how many inputs go into one output: the first size of an (in, out) matrix, and what
one kernel covers of an (out, in, *kernel) array.
"""

import math
from functools import partial

import numpy as np


def fan_in(shape):
    """How many inputs go into one output of a parameter with this shape.

    >>> fan_in((784, 50)), fan_in((16, 3, 5, 5))
    (784, 75)
    """
    return shape[0] if len(shape) <= 2 else math.prod(shape[1:])


def he_uniform(shape, rng=None):
    """Uniform in ±1/√fan_in, which is He's rule with slope √5 and PyTorch's default.

    >>> he_uniform((4, 3), 0).shape, bool(abs(he_uniform((4, 3), 0)).max() <= 0.5)
    ((4, 3), True)
    """
    return uniform_by_fan_in(fan_in(shape))(shape, rng)


def uniform_by_fan_in(inputs):
    """An initializer that is uniform in ±1/√fan_in, for biases: their shape does not tell it."""
    return partial(_uniform, 1 / np.sqrt(inputs) if inputs else 0.0)


def _uniform(bound, shape, rng=None):
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


def he_normal(shape, rng=None):
    """Normal with the deviation √(2/fan_in), for networks of ReLUs (He et al., 2015).

    >>> he_normal((1000, 50), 0).std().round(3)
    np.float64(0.045)
    """
    return np.random.default_rng(rng).normal(0, np.sqrt(2 / fan_in(shape)), shape)
