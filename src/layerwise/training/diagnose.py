"""`diagnose`: what may keep a network from learning, with the layer's name and what to try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..anatomy import is_layer
from ..graph import Graph
from .checks import TrainingError, whole
from .diagnosing import data as of_data
from .diagnosing import network as of_network
from .diagnosing.findings import Diagnosis, Finding
from .diagnosing.given import Given, as_given
from .diagnosing.learning import one_batch
from .diagnosing.probe import Probe

ROWS = 256  # enough to see what is the same in all rows, and soon done
STEPS = 200  # in which any network that can learn has a few rows by heart


def diagnose(
    net: Any,
    loss: Any,
    optimizer: Any,
    data: Any,
    *,
    validation: Any = None,
    rows: int = ROWS,
    steps: int = STEPS,
) -> Diagnosis:
    """Look for what may keep a network from learning, before or after it was trained.

    net          a `Graph` with one input, one output, and parameters
    loss         an object with `forward(out, t)` and `backward(dout)`
    optimizer    an object with `step(parameters)`
    data         a pair (x, t), or `Batches`
    validation   likewise: then rows that are in both are looked for
    rows         how many rows one step is made of
    steps        how many are made to learn one small batch by heart; 0: that is left out

    returns      a `Diagnosis`, which prints itself; its `findings` are a list
    errors       TrainingError for what cannot be trained

    Everything is done on copies: network, optimizer and generators stay as they are. It looks for

    - NaN and Inf in the data, and the first layer that makes them
    - inputs and targets that are not scaled, inputs that are the same in all rows
    - classes that are rare or absent; rows of the validation that were trained on
    - a first loss far above ln(classes), probabilities where the loss takes scores
    - the same output for all rows, weights that are all equal
    - dead ReLUs, saturated sigmoids and tanhs
    - gradients that vanish or explode on their way through the layers
    - steps that are too large or too small beside the weights
    - a network, or an optimizer, that cannot learn a few rows by heart

    >>> import layerwise as lw
    >>> x = np.random.default_rng(0).normal(size=(100, 4))
    >>> net = lw.Sequential(lw.Affine(4, 16), lw.ReLU(), lw.Affine(16, 2), seed=0)
    >>> bool(diagnose(net, lw.SoftmaxCrossEntropy(), lw.Adam(0.01), (x, (x[:, 0] > 0).astype(int))))
    True
    >>> net["affine1.b"].value[:] = -100
    >>> found = diagnose(net, lw.SoftmaxCrossEntropy(), lw.SGD(), (x, (x[:, 0] > 0).astype(int)))
    >>> [(one.kind, one.where) for one in found.findings][:2]
    [('constant output', 'output'), ('dead units', 'relu1')]
    """
    check(net, loss, optimizer)
    rows, steps = whole("rows", rows, 2), whole("steps", steps, 0)
    given = as_given(data, rows)
    findings = list(of_data.not_finite(given))
    if validation is not None:
        findings += of_data.leakage(given, as_given(validation, rows, "validation"))
    fine = of_data.finite_rows(given)
    if not fine.any():
        return Diagnosis(Graph.__repr__(net), len(fine), float("nan"), findings, [])
    given = given._replace(x=given.x[fine], t=given.t[fine])
    with np.errstate(all="ignore"):
        probe = Probe(net, loss, optimizer, given.x, given.t)
        findings += look(given, probe)
        if steps and probe.finite:
            findings += one_batch(net, loss, optimizer, given.x, given.t, steps)
    return Diagnosis(Graph.__repr__(net), len(given.x), probe.loss_now, findings, probe.layers)


def look(given: Given, probe: Probe) -> Iterator[Finding]:
    """What is to be seen in the data, and in one step."""
    yield from of_data.scale_of_inputs(given, probe)
    yield from of_data.scale_of_targets(given, probe)
    yield from of_data.dead_inputs(given)
    yield from of_data.imbalance(given, probe)
    yield from of_network.where_not_finite(probe)
    yield from of_network.first_loss(probe)
    yield from of_network.squeezed_twice(probe)
    yield from of_network.constant_output(probe)
    yield from of_network.dead_units(probe)
    yield from of_network.saturated(probe)
    yield from of_network.equal_weights(probe)
    yield from of_network.depth(probe)
    yield from of_network.size_of_steps(probe)


def check(net: Any, loss: Any, optimizer: Any) -> None:
    """Refuse what cannot be trained."""
    if not isinstance(net, Graph) or len(net.inputs) != 1 or net.num_outputs is not None:
        raise TrainingError(
            f"diagnose expects a network (Graph or Sequential) with one input and one output, but "
            f"got {net!r}."
        )
    if not net.parameters():
        raise TrainingError(f"{net!r} has no parameters, so there is nothing to learn.")
    if not is_layer(loss):
        raise TrainingError(
            f"diagnose expects a loss with forward(out, t) and backward(dout), but got {loss!r}."
        )
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TrainingError(
            "diagnose expects an optimizer with step(parameters), such as SGD(lr=0.1), but got "
            f"{optimizer!r}."
        )
