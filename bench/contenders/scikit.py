"""scikit-learn's MLPClassifier: one step is `partial_fit` of one batch."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from ..works import LEARNING_RATES, NETWORKS, Given, Work
from . import Running, checked, cpus


def build(work: Work, given: Given, option: str) -> Running:
    widths = [how[1] for word, *how in NETWORKS[work.network] if word == "affine"]
    model = MLPClassifier(
        widths[:-1],
        solver=work.optimizer.lower(),
        alpha=0.0,
        batch_size=work.batch,
        learning_rate_init=LEARNING_RATES[work.optimizer],
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
    )
    begin(model, given)

    def step() -> float:
        model.partial_fit(given.x, given.t)
        return float(model.loss_)

    learned = [*model.coefs_, *model.intercepts_]
    total, dtype = sum(W.size for W in learned), str(np.result_type(*learned))
    return checked(Running(step, total, dtype, cpus()), given)


def begin(model: MLPClassifier, given: Given) -> None:
    """It draws its own weights at the first step, which is then as if it had not been."""
    model.partial_fit(given.x, given.t, classes=np.arange(10))
    for mine, W in zip(model.coefs_, given.weights[::2]):
        mine[...] = W
    for mine, b in zip(model.intercepts_, given.weights[1::2]):
        mine[...] = b
    optimizer = model._optimizer
    for held in [*getattr(optimizer, "ms", []), *getattr(optimizer, "vs", [])]:
        held[...] = 0
    optimizer.t = 0
