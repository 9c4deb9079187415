"""Metrics: what people ask of a network besides the loss, exact over batches of any sizes.

>>> import numpy as np
>>> accuracy = Accuracy()
>>> for out, t in [([[2.0, 1.0], [0.0, 3.0]], [0, 0]), ([[0.5, 0.6]], [1])]:
...     accuracy.add(np.array(out), np.array(t))
>>> accuracy.show(accuracy.result())
'66.67 %'
"""

from .chosen import as_metrics
from .classes import F1, Accuracy, ConfusionMatrix, Precision, Recall, TopK
from .likelihoods import AUC, Perplexity
from .metric import FunctionMetric, Metric, MetricError
from .numbers import MAE, MSE, R2, RMSE

__all__ = [
    "AUC",
    "F1",
    "MAE",
    "MSE",
    "R2",
    "RMSE",
    "Accuracy",
    "ConfusionMatrix",
    "FunctionMetric",
    "Metric",
    "MetricError",
    "Perplexity",
    "Precision",
    "Recall",
    "TopK",
    "as_metrics",
]
