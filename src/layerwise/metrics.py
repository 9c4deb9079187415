"""Metrics, under a short name: what is in `layerwise.training.metrics`."""

from .training.metrics import *
from .training.metrics import __all__ as __all__
