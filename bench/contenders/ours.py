"""layerwise, on one of its engines: the ready networks, trained as in the README."""

from __future__ import annotations

from typing import Any

import numpy as np

import layerwise as lw

from ..works import LEARNING_RATES, NETWORKS, VOCABULARY, Given, Work, numbers
from . import Running, checked, cpus

NETS = {
    "two_layer_net": lambda: lw.models.two_layer_net(weight_init_std="he", seed=0),
    "mlp": lambda: lw.models.multi_layer_net(784, [512, 512], 10, seed=0),
    "simple_conv_net": lambda: lw.models.simple_conv_net(weight_init_std="he", seed=0),
    "deep_conv_net": lambda: lw.models.deep_conv_net(seed=0),
    "resnet20": lambda: lw.models.resnet(20, seed=0),
    "char_lstm": lambda: lw.models.char_lstm(VOCABULARY, seed=0),
    "gpt": lambda: lw.models.gpt(VOCABULARY, seed=0),
}
OPTIMIZERS = {
    "SGD": lw.SGD,
    "momentum": lambda lr: lw.SGD(lr=lr, momentum=0.9),
    "Adam": lw.Adam,
    "AdamW": lambda lr: lw.AdamW(lr=lr, weight_decay=0.01),
}


def build(work: Work, given: Given, engine: str) -> Running:
    lw.set_num_threads(cpus())
    net = NETS[work.network]()
    parameters = net.parameters()
    for parameter, W in zip(parameters.values(), given.weights):
        parameter.value = W.copy()
    answers = net.predict
    if work.learns:
        x, t = lw.Input("x"), lw.Input("t")
        loss = lw.Graph(lw.SoftmaxCrossEntropy()(net(x), t), inputs=[x, t], seed=0)
        optimizer = OPTIMIZERS[work.optimizer](lr=LEARNING_RATES[work.optimizer])

    def step() -> Any:
        with lw.engine(engine):
            if not work.learns:
                return answers(given.x)
            value = loss.forward(given.x, given.t)
            loss.backward(inputs=False)
            optimizer.step(parameters)
            return value

    values = [parameter.value for parameter in parameters.values()]
    count, dtype = sum(W.size for W in values), str(np.result_type(*values))
    return checked(Running(step, count, dtype, cpus()), given)


def prepare(work: Work) -> Given:
    """The first weights, a batch, and what NumPy's plain layers make of them."""
    weights = [p.value.copy() for p in NETS[work.network]().parameters().values()]
    x, t = numbers(work)
    given = Given(x, t, weights, np.empty(0))
    if work.learns and ("dropout",) in NETWORKS[work.network]:
        return given
    step = build(work, given, "numpy").step
    expected = [step() for _ in range(3)] if work.learns else step()
    return given._replace(expected=np.asarray(expected))
