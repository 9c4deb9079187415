"""Training: from a graph and data to a network that has learned."""

from .fit import TrainingError, accuracy, fit
from .history import Epoch, History

__all__ = ["Epoch", "History", "TrainingError", "accuracy", "fit"]
