"""The plain training, and the accuracy: short ways to a `Trainer` and a `Metric`."""

from __future__ import annotations

from typing import Any

from ..graph import Graph
from .checks import TrainingError, as_batches, run
from .history import History
from .metrics import Accuracy
from .trainer import Trainer


def fit(
    net: Graph,
    x: Any,
    t: Any,
    *,
    loss: Any = None,
    optimizer: Any = None,
    epochs: int = 10,
    batch_size: int = 100,
    validation: tuple[Any, Any] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a network: its parameters change in place until it gives t for x.

    net          a `Graph` with one output and parameters
    x, t         inputs and targets, a row of each belonging together; for several inputs, x is a
                 tuple of arrays in their order, or a dict of arrays by their names
    loss         an object with `forward(out, t)` and `backward(dout)`; None:
                 `SoftmaxCrossEntropy()`, for class numbers (whole numbers)
    optimizer    an object with `step(parameters)`; None: `SGD(lr=0.1, momentum=0.9)`. `LBFGS`
                 takes all rows at once: batch_size=len(x)
    epochs       how often all rows are gone through
    batch_size   how many rows make one step; the last batch of an epoch may have fewer
    validation   a pair (x, t) that is only looked at, after every epoch
    seed         decides, with the number of the epoch and nothing else, the order of the rows
    progress     show a bar in a terminal or notebook, and a line for each epoch; False: nothing

    returns      a `History`: loss, accuracy and seconds of every epoch. There is an accuracy only
                 for class numbers and one-hot rows.
    errors       TrainingError for inputs that do not fit together, and where NaN or Inf appear

    It is `Trainer(net, loss, optimizer, ...).fit((x, t), ...)`, which can do more: other metrics,
    callbacks, weights, checkpoints. Ctrl-C ends the training; weights and history are kept.

    >>> import numpy as np
    >>> from layerwise import Affine, Sequential
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]] * 8)
    >>> net = Sequential(Affine(2, 2), seed=0)
    >>> history = fit(net, x, x.argmax(axis=1), epochs=20, batch_size=4, progress=False)
    >>> history.epochs[-1].accuracy
    1.0
    """
    trainer = Trainer(net, loss, optimizer, seed=seed, progress=progress)
    return trainer.fit((x, t), epochs, validation=validation, batch_size=batch_size)


def accuracy(net: Graph, x: Any, t: Any, batch_size: int = 1000) -> float:
    """The part of the rows whose class the network predicts rightly, from 0 to 1.

    net          a `Graph` that gives a score for every class
    x, t         inputs, and class numbers or one-hot rows
    batch_size   how many rows are predicted at once; the result does not depend on it

    errors       TrainingError if there are no rows, or x and t do not fit; MetricError if t holds
                 no classes

    >>> import numpy as np
    >>> from layerwise import Affine, Sequential
    >>> net = Sequential(Affine(2, 2), seed=0)
    >>> net["affine1.W"].value[:] = np.eye(2)
    >>> net["affine1.b"].value[:] = 0
    >>> accuracy(net, np.array([[3.0, 1.0], [0.0, 1.0], [2.0, 5.0], [1.0, 0.0]]), [0, 1, 0, 0])
    0.75
    """
    metric, batches = Accuracy(), as_batches((x, t), batch_size, 0, shuffle=False)
    for batch in batches.epoch(1):
        metric.add(run(net.predict, batch.x), batch.t)
    found = metric.result()
    if found is None:
        raise TrainingError(f"All of t is {metric.ignore_index}, the class number that is ignored.")
    return found
