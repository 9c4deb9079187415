"""The means of an epoch: every row counts, whatever batch it came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .metrics import Metric


class Tally:
    """Counts the loss and the metrics over the batches of an epoch, or of an evaluation.

    metrics    what is counted besides the loss; they start anew
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = metrics
        self.loss = self.total = 0.0
        for metric in metrics:
            metric.start()

    def add(self, loss: float, total: float, out: Any, t: Any, weight: Any) -> None:
        """One batch: its mean loss, what that was divided by, the outputs and targets."""
        self.loss += loss * total
        self.total += total
        for metric in self.metrics:
            metric.add(out, t, weight)

    def results(self) -> dict[str, Any]:
        """Everything by name; what could not be computed is None."""
        found: dict[str, Any] = {"loss": self.loss / self.total if self.total else None}
        return found | {metric.name: metric.result() for metric in self.metrics}
