"""Training: from a graph and data to a network that has learned."""

from .callback import Callback, Each
from .callbacks import EarlyStopping, LearningRateLog, TensorBoard, TimeBudget, WeightAveraging
from .checkpoints import Checkpoints, read_checkpoint
from .checks import TrainingError
from .fit import accuracy, fit
from .history import Epoch, History
from .nan import StopOnNaN
from .trainer import Trainer

__all__ = [
    "Callback",
    "Checkpoints",
    "Each",
    "EarlyStopping",
    "Epoch",
    "History",
    "LearningRateLog",
    "StopOnNaN",
    "TensorBoard",
    "TimeBudget",
    "Trainer",
    "TrainingError",
    "WeightAveraging",
    "accuracy",
    "fit",
    "read_checkpoint",
]
