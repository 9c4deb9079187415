"""What the tests of optimizers share: their table, parameters to change, states to compare."""

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw

# every optimizer, with its defaults and with options that take each of its branches
CASES = [
    ("SGD", {}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {}),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.1},
    ),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.99), "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Lion", {}),
    ("Lion", {"lr": 0.01, "betas": (0.8, 0.7), "weight_decay": 0.1}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "eps": (1e-5, 0.01), "d": 2.0, "weight_decay": 0.1}),
    ("LAMB", {}),
    ("LAMB", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.0}),
    ("Muon", {}),
    ("Muon", {"lr": 0.1, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}),
]
every = pytest.mark.parametrize(("name", "options"), CASES, ids=str)
once = pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))


def drawn(name, dtype="float64", seed=0):
    """Parameters of several shapes; for Muon matrices."""
    shapes = [(3, 4), (5, 2)] if name == "Muon" else [(3, 4), (4,), (2, 3, 2), ()]
    rng = np.random.default_rng(seed)
    values = [np.asarray(rng.normal(size=shape), dtype) for shape in shapes]
    return {f"affine{i}.W": lw.Parameter(value) for i, value in enumerate(values, 1)}


def give_gradients(parameters, rng):
    for parameter in parameters.values():
        parameter.grad = np.asarray(rng.normal(size=parameter.shape), parameter.dtype)


def run(optimizer, parameters, steps, seed=1):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        give_gradients(parameters, rng)
        optimizer.step(parameters)


def values(parameters):
    return {name: parameter.value.copy() for name, parameter in parameters.items()}


def assert_same_bits(a, b):
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name, strict=True)


def net_of_two(seed=0):
    return lw.Sequential(lw.Affine(3, 4), lw.Tanh(), lw.Affine(4, 2), seed=seed, dtype="float64")


class Valley:
    """A smooth loss of two parameters with one minimum, at the end of a bent valley."""

    def __init__(self, dtype="float64"):
        start = {"x": np.array([-1.2, 0.7, -0.5]), "y": np.array([[1.0, 0.3, 2.0]])}
        self.parameters = {n: lw.Parameter(np.asarray(v, dtype)) for n, v in start.items()}
        self.calls = 0

    def __call__(self):
        self.calls += 1
        x, y = (parameter.value for parameter in self.parameters.values())
        self.parameters["x"].grad = (2 * (x - 1) - 40 * x * (y - x**2)[0]).astype(x.dtype)
        self.parameters["y"].grad = 20 * (y - x**2)
        return ((x - 1) ** 2).sum() + 10 * ((y - x**2) ** 2).sum()


LINES = [
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 3, "max_eval": 7, "history_size": 2},
    {"line_search_fn": "strong_wolfe", "lr": 30.0, "max_iter": 4},
    {"lr": 0.1, "max_iter": 5},
]


SAME = "It has to be of the same network, and of an optimizer with the same options."


def refused(optimizer, state, parameters):
    """The text of the error; after it nothing has changed."""
    before = optimizer.state()
    text = text_of(lw.StateError, lambda: optimizer.load_state(state, parameters))
    assert_same_bits(optimizer.state(), before)
    return text
