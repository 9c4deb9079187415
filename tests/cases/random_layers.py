"""The rows of the layers that draw, with the draws that `Case.layer` gives."""

import numpy as np

from .activations import activation
from .case import Case, whole


def dropped(x, p=0.25):
    """With the draws that `Case.layer` gives."""
    return x * (np.random.default_rng(7).random(x.shape) >= p) / (1 - p)


def dropped_channels(x, p=0.25):
    keep = np.random.default_rng(7).random((*x.shape[:2], *[1] * (x.ndim - 2))) >= p
    return x * keep / (1 - p)


def alpha_dropped(x, p=0.25):
    """Before the scale and the shift, what is dropped has the value that SELU has far left."""
    low = -1.0507009873554805 * 1.6732632423543772
    keep = np.random.default_rng(7).random(x.shape) >= p
    mean, variance = p * low, (1 - p) + p * low**2 - (p * low) ** 2  # x having the mean 0, 1
    return (x * keep + low * (1 - keep) - mean) / np.sqrt(variance)


def noise(x):
    return 0.5 * np.random.default_rng(7).normal(size=x.shape)


def as_drawn(definition):
    """For PyTorch a random layer is linear: the factor and the shift of its definition."""

    def function(torch, x):
        shift = definition(np.zeros(x.shape))
        factor = definition(np.ones(x.shape)) - shift
        return x * torch.asarray(factor).to(x.dtype) + torch.asarray(shift).to(x.dtype)

    return function


ROWS = [
    activation("Dropout(p=0.25)", dropped, as_drawn(dropped), inference=whole),
    Case("Dropout2d(p=0.25)", ["N C H W", "N C", "N C H"], dropped_channels,
         as_drawn(dropped_channels), inference=whole,
         errors=(("4", "Dropout2d(p=0.25) expects inputs with the axes N, C, but got (4,)."),)),
    activation("AlphaDropout(p=0.25)", alpha_dropped, as_drawn(alpha_dropped), inference=whole),
    activation("GaussianNoise(0.5)", lambda x: x + noise(x), as_drawn(lambda x: x + noise(x)),
               inference=whole),
]  # fmt: skip
