"""PyTorch's own list of cases for its modules, `module_db`, run against the layers here.

`module_db.py` beside this says what is the same here. A sample that is neither run nor listed there
fails, and so does one that is listed although it agrees. The counts are printed at the end.
"""

from __future__ import annotations

import inspect
from collections import Counter

import numpy as np
import pytest
import torch
from module_db import ABSENT, LEFT_OUT, TABLE, parameters_of
from test_peers import TOLERANCE, same
from torch.testing._internal.common_modules import module_db

from layerwise.tables import table

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # PyTorch's, about its own ways
    # some cases take logarithms of negative numbers, or the mean over no rows: both give NaN
    pytest.mark.filterwarnings("ignore:invalid value encountered in:RuntimeWarning"),
]

AGREED = "agree"
NAMES = [info.name.removeprefix("nn.") for info in module_db]


@pytest.fixture(scope="module")
def counts(at_the_end):
    """For each module, how many samples agree, and how many are left out for what reason."""
    counts = {}
    yield counts
    rows = [
        [name, str(count.total()), str(count[AGREED]), reasons(count)]
        for name, count in counts.items()
    ]
    total = sum(counts.values(), Counter())
    left = total.total() - total[AGREED]
    rows.append([f"{len(counts)} modules", str(total.total()), str(total[AGREED]), f"{left}"])
    at_the_end.append("PyTorch's own cases, run against the layers here")
    at_the_end.append(table(["module", "samples", "agree", "left out"], rows))


def reasons(count):
    return "; ".join(f"{n}: {why}" for why, n in count.items() if why != AGREED)


# PyTorch's samples


def name_of(info):
    return info.name.removeprefix("nn.")


def samples_of(info, dtype):
    """PyTorch's samples for a module, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return info.module_inputs_func(
            info, device="cpu", dtype=getattr(torch, dtype), requires_grad=True, training=True
        )


def options_of(info, sample):
    """The options of a sample by their names, but for those that say what is so anyway."""
    given = sample.constructor_input
    arguments = inspect.signature(info.module_cls).parameters
    options = inspect.signature(info.module_cls).bind(*given.args, **given.kwargs).arguments
    options |= options.pop("kwargs", {})
    return {
        name: value.numpy() if isinstance(value, torch.Tensor) else value
        for name, value in options.items()
        if name not in ("device", "dtype")
        and not (name in arguments and is_same(value, arguments[name].default))
    }


def is_same(value, default):
    return value is default or (type(value) is type(default) and value == default)


def why_left_out(name, sample, options):
    """Why a sample is left out; empty: it is to be run."""
    for start, word, why in LEFT_OUT:
        given = options.get(word, False) is not False or word in sample.desc
        if given and name.startswith(start):
            return why
    return ""


def fresh(value):
    """The same tensors, each a beginning of its own for the gradients."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(fresh, value))
    if not isinstance(value, torch.Tensor):
        return value
    return value.detach().clone().requires_grad_(value.requires_grad)


def flat(values):
    """Tensors in tuples in tuples as one list; a tuple of numbers is a tensor."""
    if isinstance(values, (tuple, list)) and all(isinstance(value, int) for value in values):
        return [torch.tensor(values)]
    if isinstance(values, (tuple, list)):
        return [one for value in values for one in flat(value)]
    return [torch.as_tensor(values)]


# Both, side by side


def compare(info, sample, options, dtype):
    """One sample: built, run forward and backward by both, in each mode that makes a difference."""
    built, given = sample.constructor_input, sample.forward_input
    module = info.module_cls(*built.args, **built.kwargs).to(getattr(torch, dtype))
    if info.is_lazy:
        module(*given.args, **given.kwargs)
        options = {"in_channels": module.in_channels, **options}  # read from the first input
    given = inspect.signature(module.forward).bind(*given.args, **given.kwargs).arguments
    build = TABLE[name_of(info)]
    if "masks" in inspect.signature(build).parameters:
        given = {name: value for name, value in given.items() if value is not None}
        options["masks"] = [name for name in given if name.endswith("mask")]
    layer = build(**options).astype(dtype)
    for name, numbers in parameters_of(module, torch.detach, torch.add).items():
        layer.parameters()[name].value = numbers.numpy()
    for training in (True, False) if info.train_and_eval_differ else (True,):
        module.train(training)
        layer.training = training
        one_run(module, layer, {name: fresh(value) for name, value in given.items()}, dtype)


def one_run(module, layer, given, dtype):
    module.zero_grad()
    theirs = flat(module(**given))
    if isinstance(module, torch.nn.MultiheadAttention):
        del theirs[1]  # the weights, which our layer keeps
    while given and [*given.values()][-1] is None:
        given.popitem()
    tensors = flat([False if value is None else value for value in given.values()])
    ours = as_tuple(layer.forward(*(tensor.detach().numpy() for tensor in tensors)))
    assert len(ours) == len(theirs)
    rng = np.random.default_rng(0)
    douts = tuple(np.asarray(rng.normal(size=np.shape(out)), dtype) for out in ours)
    torch.autograd.backward(theirs, [torch.tensor(dout) for dout in douts])
    for parameter in layer.parameters().values():
        parameter.grad = None
    dxs = as_tuple(layer.backward(douts if len(douts) > 1 else douts[0]))

    values, gradients = TOLERANCE[dtype]
    for out, tensor in zip(ours, theirs):
        same(out, tensor, values, "out")
    for i, (dx, tensor) in enumerate(zip(dxs, tensors)):
        if tensor.requires_grad:
            same(dx, tensor.grad, gradients, f"the gradient of input {i}")
    grads = parameters_of(module, lambda parameter: parameter.grad, lambda grad, _: grad)
    assert grads.keys() == layer.parameters().keys()
    for name, grad in grads.items():
        same(layer.parameters()[name].grad, grad, gradients, name)
    for name in ("running_mean", "running_var"):
        if getattr(module, name, None) is not None:
            same(getattr(layer, name).value, getattr(module, name), values, name)


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


def refuse(info, sample, options, dtype):
    """What is left out really is not there: it is an error, or gives something else."""
    with pytest.raises((AssertionError, TypeError, ValueError)):
        compare(info, sample, options, dtype)


@pytest.mark.parametrize("info", module_db, ids=NAMES)
def test_every_sample_agrees_or_is_listed(info, counts):
    name = name_of(info)
    every = list(zip(*(samples_of(info, dtype) for dtype in TOLERANCE)))
    count = counts[name] = Counter({AGREED: 0})
    for i, samples in enumerate(every):
        for dtype, sample in zip(TOLERANCE, samples):
            options = options_of(info, sample)
            why = ABSENT.get(name) or why_left_out(name, sample, options)
            run = refuse if why else compare
            try:
                if name not in ABSENT:
                    run(info, sample, options, dtype)
            except BaseException as error:
                said = f"sample {i} of {name}, {dtype}: {sample.desc} {options}"
                raise AssertionError(said) from error
        count[why or AGREED] += 1
    assert count.total() == len(every)


def test_the_lists_name_what_pytorch_has():
    assert sorted([*TABLE, *ABSENT]) == sorted(NAMES)  # each once
    found = {
        why_left_out(name_of(info), sample, options_of(info, sample))
        for info in module_db
        for sample in samples_of(info, "float64")
    }
    assert found == {why for _, _, why in LEFT_OUT} | {""}


def test_pytorch_has_as_many_samples_as_ever():
    """A newer one may have more, and then these numbers are to be told anew."""
    assert len(module_db) == 114
    assert sum(len(samples_of(info, "float64")) for info in module_db) == 1813
