"""Optimizers: how the gradients change the parameters."""

from .sgd import SGD

__all__ = ["SGD"]
