"""The networks that can be chosen by name, and whether a network fits the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import models
from ..errors import LayerError, LayerwiseError, show_shape
from ..graph import Graph
from ..training.checks import checked_parameters
from ..userfile import graph_in
from .recipes import CommandError, chosen
from .settings import Settings, near
from .tasks import Task

KINDS = {"images": "a set of images", "table": "a table", "text": "a text"}


class Form(NamedTuple):
    """What a network has to fit.

    shape     of one row: (C, H, W) of an image, (columns,) of a table, (T,) of a text
    outputs   classes, or numbers to be met, or characters
    """

    shape: tuple[int, ...]
    outputs: int


class Model(NamedTuple):
    """A network by name.

    data      the kinds of data that it is for: "images", "table", "text"
    hidden    how many numbers --hidden may have
    make      called with the form, the hidden units (or ()), the seed
    """

    data: tuple[str, ...]
    hidden: int
    make: Callable[[Form, tuple[int, ...], int], Graph]


EXAMPLES = {  # for which `layerwise models` counts parameters
    "images": Form((1, 28, 28), 10),
    "table": Form((10,), 3),
    "text": Form((64,), 65),
}
NONE, ONE, SEVERAL = 0, 1, 100
MODELS = {
    "two_layer_net": Model(
        ("images", "table"), ONE,
        lambda form, hidden, seed: models.two_layer_net(
            math.prod(form.shape), (hidden or (50,))[0], form.outputs, seed=seed
        ),
    ),
    "multi_layer_net": Model(
        ("images", "table"), SEVERAL,
        lambda form, hidden, seed: models.multi_layer_net(
            math.prod(form.shape), hidden or (100, 100), form.outputs, seed=seed
        ),
    ),
    "multi_layer_net_extend": Model(
        ("images", "table"), SEVERAL,
        lambda form, hidden, seed: models.multi_layer_net_extend(
            math.prod(form.shape), hidden or (100, 100), form.outputs, use_batchnorm=True, seed=seed
        ),
    ),
    "simple_conv_net": Model(
        ("images",), ONE,
        lambda form, hidden, seed: models.simple_conv_net(
            form.shape, None, (hidden or (100,))[0], form.outputs, seed=seed
        ),
    ),
    "deep_conv_net": Model(
        ("images",), ONE,
        lambda form, hidden, seed: models.deep_conv_net(
            form.shape, (hidden or (50,))[0], form.outputs, seed=seed
        ),
    ),
    "lenet5": Model(
        ("images",), NONE,
        lambda form, hidden, seed: models.lenet5(form.outputs, form.shape[0], seed=seed),
    ),
    "resnet": Model(
        ("images",), NONE,
        lambda form, hidden, seed: models.resnet(20, form.outputs, form.shape[0], seed=seed),
    ),
    "tabular_mlp": Model(
        ("table",), SEVERAL,
        lambda form, hidden, seed: models.tabular_mlp(
            form.shape[0], form.outputs, hidden=hidden or (128, 64), seed=seed
        ),
    ),
    "char_lstm": Model(
        ("text",), ONE,
        lambda form, hidden, seed: models.char_lstm(form.outputs, *hidden, seed=seed),
    ),
    "gpt": Model(
        ("text",), NONE,
        lambda form, hidden, seed: models.gpt(form.outputs, form.shape[0], seed=seed),
    ),
}  # fmt: skip


def network(settings: Settings, task: Task) -> tuple[Graph, Task]:
    """The network of these settings, and the task with the inputs as this network takes them.

    It has been tried on two rows. Images become rows of pixels where it takes nothing else.
    """
    net, who = made(settings, task)
    problem = ""
    for form in [task, task.flattened()] if task.kind == "images" else [task]:
        ran, wrong = misfit(net, who, form)
        if not wrong:
            return net, form
        problem = wrong if ran or not problem else problem
    raise CommandError(problem)


def made(settings: Settings, task: Task) -> tuple[Graph, str]:
    """The network, and what to call it."""
    name, hidden = settings.model, settings.hidden
    if settings.own_model:
        file, function = settings.own_model
        if hidden:
            raise CommandError(f"--hidden is for models by name, but {near(name)} is your own.")
        net = graph_in(Path(near(file)), function, seed=settings.seed)
        checked_parameters(net)
        if len(net.inputs) > 1:
            raise CommandError(f"{task.title} is one input, but {function} has several: {net!r}.")
        return net, f"{Path(file).name}:{function}"
    model = MODELS[chosen("model", name, MODELS)]
    if task.kind not in model.data:
        fitting = ", ".join(other for other, one in MODELS.items() if task.kind in one.data)
        raise CommandError(
            f"{name} is for {' and '.join(model.data)}, but {task.title} is {KINDS[task.kind]}. "
            f"There are {fitting}."
        )
    if len(hidden) > model.hidden:
        has = "one hidden layer: give one number" if model.hidden else "nothing to choose there"
        raise CommandError(f"--hidden {','.join(map(str, hidden))}: {name} has {has}.")
    try:
        net = model.make(Form(task.shape, task.outputs), hidden, settings.seed)
    except (LayerwiseError, ValueError) as error:
        raise CommandError(f"{name} does not fit {task.title}: {error}") from None
    return (task.recipe.in_units(net) if task.goal == "numbers" else net), name


def misfit(net: Graph, who: str, task: Task) -> tuple[bool, str]:
    """Whether the network runs on the data, and why it does not fit, in a sentence, or ""."""
    x, t = (part[:2] for part in task.train)
    try:
        out = np.shape(net.predict(x))
    except LayerwiseError as error:
        said = error.said if isinstance(error, LayerError) else str(error)
        return False, f"{who} does not take {task.title}: {said}"
    wanted = {
        "numbers": (1,),
        "classes": (task.outputs,),
        "characters": (task.outputs, *t.shape[1:]),
    }
    expected = (len(x), *wanted[task.goal])
    if out == expected:
        return True, ""
    what = "a number" if task.goal == "numbers" else f"{task.outputs} {task.goal}"
    return True, (
        f"{who} gives {show_shape(out)} for {len(x)} {task.words} of {task.title}, but for {what} "
        f"it has to give {show_shape(expected)}."
    )
