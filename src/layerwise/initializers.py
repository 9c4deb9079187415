"""First numbers of parameters: functions of a shape and a generator.

`fan_in` is how many inputs go into one output: the first size of an (in, out) matrix.
"""

from functools import partial

import numpy as np


def he_uniform(shape, rng=None):
    """Uniform in ±1/√fan_in, which is He's rule with slope √5 and PyTorch's default.

    >>> he_uniform((4, 3), 0).shape, bool(abs(he_uniform((4, 3), 0)).max() <= 0.5)
    ((4, 3), True)
    """
    return uniform_by_fan_in(shape[0])(shape, rng)


def uniform_by_fan_in(fan_in):
    """An initializer that is uniform in ±1/√fan_in, for biases: their shape does not tell it."""
    return partial(_uniform, 1 / np.sqrt(fan_in) if fan_in else 0.0)


def _uniform(bound, shape, rng=None):
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


def he_normal(shape, rng=None):
    """Normal with the deviation √(2/fan_in), for networks of ReLUs (He et al., 2015).

    >>> he_normal((1000, 50), 0).std().round(3)
    np.float64(0.045)
    """
    return np.random.default_rng(rng).normal(0, np.sqrt(2 / shape[0]), shape)
