"""First numbers: what each rule promises, for every layout of weights, and PyTorch's defaults."""

import math
import re
from functools import partial

import numpy as np
import pytest
from cases import CASES

import layerwise as lw
from layerwise import initializers
from layerwise.initializers import (
    calculate_gain,
    constant,
    fans,
    he_normal,
    he_uniform,
    identity,
    lecun_normal,
    lecun_uniform,
    normal,
    ones,
    orthogonal,
    truncated_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)

RULES = [  # the initializer, and the variance of its numbers by fan_in and fan_out
    (lecun_normal, lambda n, m: 1 / n),
    (lecun_uniform, lambda n, m: 1 / n),
    (he_normal, lambda n, m: 2 / n),
    (he_uniform, lambda n, m: 2 / n),
    (partial(he_normal, gain=3, mode="fan_out"), lambda n, m: 9 / m),
    (partial(he_uniform, gain=3, mode="fan_out"), lambda n, m: 9 / m),
    (xavier_normal, lambda n, m: 2 / (n + m)),
    (xavier_uniform, lambda n, m: 2 / (n + m)),
    (partial(xavier_normal, gain=5 / 3), lambda n, m: 25 / 9 * 2 / (n + m)),
    (partial(xavier_uniform, gain=5 / 3), lambda n, m: 25 / 9 * 2 / (n + m)),
]
WEIGHTS = [  # a call with weights, fan_in, fan_out
    ("Affine(80, 120, init=init, rng=0)", 80, 120),
    ("Bilinear(8, 9, 70, init=init, rng=0)", 72, 630),
    ("Embedding(80, 120, init=init, rng=0)", 80, 120),
    ("LearnedPosition(80, 120, init=init, rng=0)", 80, 120),
    ("Conv1d(20, 30, 7, init=init, rng=0)", 140, 210),
    ("Conv2d(60, 40, (3, 5), groups=2, init=init, rng=0)", 30 * 15, 20 * 15),
    ("ConvTranspose2d(60, 40, (3, 5), groups=2, init=init, rng=0)", 30 * 15, 20 * 15),
    ("ConvTranspose3d(16, 10, 3, init=init, rng=0)", 16 * 27, 10 * 27),
]


def made(call, init):
    return eval(call, vars(lw) | {"init": init})


@pytest.mark.parametrize(("call", "fan_in", "fan_out"), WEIGHTS)
@pytest.mark.parametrize(("init", "variance"), RULES)
def test_rules_have_the_variance_they_say(init, variance, call, fan_in, fan_out):
    W = made(call, init).W.value
    std = math.sqrt(variance(fan_in, fan_out))
    assert abs(W.std() / std - 1) < 0.03 and abs(W.mean()) < 0.05 * std
    name = getattr(init, "func", init).__name__
    if "uniform" in name:
        assert 0.99 < abs(W).max() / (math.sqrt(3) * std) < 1.0001
    else:
        assert abs(W).max() > 3 * std  # a bell has tails


@pytest.mark.parametrize("call", [
    "Affine(300, 200, init=init, rng=0)",
    "Conv2d(60, 40, 3, groups=2, init=init, rng=0)",
    "ConvTranspose2d(60, 40, 3, groups=2, init=init, rng=0)",
])  # fmt: skip
def test_he_keeps_the_size_of_what_goes_forward_or_of_the_gradients(call):
    """White noise in, and away from the edges noise of the variance gain² out."""
    rng = np.random.default_rng(1)
    for mode in ("fan_in", "fan_out"):
        layer = made(call, partial(he_normal, mode=mode))
        x = rng.normal(size=(50, 300) if "Affine" in call else (4, 60, 14, 14))
        out = layer.forward(x)
        dx = layer.backward(rng.normal(size=out.shape))
        y = out if mode == "fan_in" else dx
        inside = y if y.ndim == 2 else y[..., 2:-2, 2:-2]
        assert abs(inside.var() - 2) < 0.15


def test_fans_of_one_axis_are_refused():
    assert fans((784, 50)) == (784, 50) and fans((16, 3, 5, 5)) == (75, 400)
    text = (
        "A parameter of the shape (5,) does not tell how many inputs and outputs it has. Give one "
        "of two axes or more, or use uniform, normal or constant."
    )
    for init in (he_normal, xavier_uniform, lecun_normal, orthogonal, identity):
        with pytest.raises(ValueError, match=re.escape(text)):
            init((5,))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (8, 3, 2, 2), (3, 8, 2)])
def test_orthogonal_rows_or_columns_stand_at_right_angles(shape):
    W = orthogonal(shape, 0, gain=3.0).reshape(shape[0], -1)
    W = W if W.shape[0] <= W.shape[1] else W.T
    np.testing.assert_allclose(W @ W.T, 9 * np.eye(len(W)), atol=1e-12)


def test_all_turns_are_equally_likely():
    """Each number of a random turn has the mean 0 and the variance 1 / n."""
    turns = np.array([orthogonal((3, 3), seed) for seed in range(3000)])
    assert abs(turns.mean(axis=0)).max() < 0.05 and abs(turns.var(axis=0) - 1 / 3).max() < 0.03


@pytest.mark.parametrize(("call", "shape"), [
    ("Affine(4, 4, bias=False, init=init)", (3, 4)),
    ("Conv1d(4, 4, 3, padding='same', bias=False, init=init)", (2, 4, 6)),
    ("Conv2d(6, 6, (3, 5), padding='same', groups=3, bias=False, init=init)", (2, 6, 4, 5)),
    ("ConvTranspose2d(6, 6, (3, 5), padding=(1, 2), groups=2, bias=False, init=init)",
     (2, 6, 4, 5)),
])  # fmt: skip
def test_identity_starts_as_doing_nothing(call, shape):
    x = np.random.default_rng(0).normal(size=shape)
    assert np.array_equal(made(call, identity).forward(x), x)
    assert np.array_equal(made(call, partial(identity, gain=2.0)).forward(x), 2 * x)


def test_plain_initializers():
    shape = (200, 100)
    assert not zeros(shape).any() and (ones(shape) == 1).all()
    assert (constant(shape, value=0.5) == 0.5).all()
    assert abs(normal(shape, 0, std=3.0).std() - 3) < 0.05
    assert 1.99 < abs(uniform(shape, 0, bound=2.0)).max() <= 2
    W = truncated_normal(shape, 0, std=0.02)
    assert 0.0399 < abs(W).max() <= 0.04 and abs(W.std() / (0.02 * 0.8796) - 1) < 0.02
    assert abs(truncated_normal(shape, 0, cut=0.1)).max() <= 0.1


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize(
    "init", [he_normal, he_uniform, xavier_normal, xavier_uniform, lecun_normal, lecun_uniform]
)
def test_an_array_without_numbers_can_be_drawn(init, shape):
    """The rules divide by the number of inputs, and there are none."""
    assert init(shape, 0).shape == shape


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("calculate_gain('gelu')", "calculate_gain('gelu'): choose one of ('linear', 'sigmoid', "
                                   "'tanh', 'relu', 'leaky_relu', 'selu')."),
        ("he_normal((2, 3), mode='fan')", "mode='fan': choose 'fan_in' or 'fan_out'."),
        ("truncated_normal((2, 3), cut=0)",
         "truncated_normal(cut=0): give a number of deviations above 0."),
    ],
)  # fmt: skip
def test_options_are_checked(call, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        eval(call, vars(initializers))


@pytest.mark.parametrize("call", [call for call, *_ in WEIGHTS])
def test_a_name_is_no_initializer(call):
    text = "init='he_normal': give a function of a shape and a generator, such as "
    with pytest.raises(ValueError, match=re.escape(f"{text}layerwise.initializers.he_normal.")):
        made(call, "he_normal")
    with pytest.raises(lw.WiringError, match="The initializer gave"):
        made(call, lambda shape, rng: np.ones((*shape, 2)))


DRAWN = [init for init, _ in RULES] + [normal, uniform, truncated_normal, orthogonal]


@pytest.mark.parametrize("init", DRAWN)
def test_the_seed_decides_and_nothing_else(init):
    before = np.random.get_state()[1].copy()
    assert np.array_equal(init((3, 4), 5), init((3, 4), np.random.default_rng(5)))
    assert not np.array_equal(init((3, 4), 5), init((3, 4), 6))
    assert not np.array_equal(init((3, 4)), init((3, 4)))
    assert np.array_equal(np.random.get_state()[1], before)
    nets = [
        lw.Sequential(
            lw.Affine(3, 4, init=init), lw.Conv1d(4, 4, 1, groups=2, init=init), seed=seed
        )
        for seed in (1, 1, 2)
    ]
    first, again, other = [[p.value for p in net.parameters().values()] for net in nets]
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other))


# PyTorch ------------------------------------------------------------------------------------------

STARTS = [  # our call, PyTorch's
    ("Affine(40, 30)", "Linear(40, 30)"),
    ("Bilinear(9, 5, 20)", "Bilinear(9, 5, 20)"),
    ("Conv1d(6, 8, 5)", "Conv1d(6, 8, 5)"),
    ("Conv2d(6, 8, (3, 5), groups=2)", "Conv2d(6, 8, (3, 5), groups=2)"),
    ("Conv3d(3, 8, 2)", "Conv3d(3, 8, 2)"),
    ("ConvTranspose1d(6, 20, 5)", "ConvTranspose1d(6, 20, 5)"),
    ("ConvTranspose2d(8, 6, (3, 5), groups=2)", "ConvTranspose2d(8, 6, (3, 5), groups=2)"),
    ("ConvTranspose3d(3, 8, 2)", "ConvTranspose3d(3, 8, 2)"),
    ("PReLU(5)", "PReLU(5)"),
    ("BatchNorm(5)", "BatchNorm1d(5)"),
    ("InstanceNorm(5, affine=True)", "InstanceNorm1d(5, affine=True)"),
    ("GroupNorm(2, 6)", "GroupNorm(2, 6)"),
    ("LayerNorm((4, 5))", "LayerNorm((4, 5))"),
    ("RMSNorm((4, 5))", "RMSNorm((4, 5))"),
    ("Embedding(7, 5)", "Embedding(7, 5)"),
    ("RNNCell(3, 9)", "RNNCell(3, 9)"),
    ("LSTMCell(3, 9)", "LSTMCell(3, 9)"),
    ("GRUCell(3, 9)", "GRUCell(3, 9)"),
    ("RNN(3, 9, num_layers=2)", "RNN(3, 9, num_layers=2)"),
    ("LSTM(3, 9, proj_size=4, bidirectional=True)", "LSTM(3, 9, proj_size=4, bidirectional=True)"),
    ("GRU(3, 9, bias=False)", "GRU(3, 9, bias=False)"),
    ("MultiHeadAttention(12, 2)", "MultiheadAttention(12, 2)"),
    ("MultiHeadAttention(12, 2, kdim=5, vdim=8)", "MultiheadAttention(12, 2, kdim=5, vdim=8)"),
    ("TransformerEncoderLayer(8, 2, 20)", "TransformerEncoderLayer(8, 2, 20)"),
    ("TransformerDecoderLayer(8, 2, 20)", "TransformerDecoderLayer(8, 2, 20)"),
]
ABSENT = {"LearnedPosition"}  # in PyTorch


def test_every_layer_that_learns_is_compared():
    every = [eval(case.call, vars(lw)) for case in CASES]
    learning = {type(layer).__name__ for layer in every if layer.parameters()}
    compared = {type(eval(call, vars(lw))).__name__ for call, _ in STARTS}
    assert learning == compared | ABSENT


def drawn(call, seed):
    """The numbers of a layer's parameters after a graph has drawn them, by the layer's names."""
    layer = eval(call, vars(lw))
    count = {"Bilinear": 2, "TransformerDecoderLayer": 2}.get(type(layer).__name__, 1)
    out = layer(*(lw.Input(f"x{i}") for i in range(count)))
    net = lw.Graph(out[0] if isinstance(out, tuple) else out, seed=seed)
    return {name.partition(".")[2]: p.value for name, p in net.parameters().items()}


@pytest.mark.parametrize("call", [call for call, _ in STARTS])
def test_the_seed_of_the_graph_draws_all_parameters(call):
    name = next(iter(drawn(call, 0)))
    first, again, other = (drawn(call, seed)[name] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (len(np.unique(first)) == 1)


@pytest.mark.peers
@pytest.mark.parametrize(("ours", "theirs"), STARTS)
def test_layers_start_as_pytorch_s_do(ours, theirs):
    """As many numbers, of the same distribution: 500 draws of each layer agree in their spread."""
    import torch
    from module_db import parameters_of

    torch.manual_seed(0)
    mine = [drawn(ours, seed) for seed in range(500)]
    peers = [eval(theirs, vars(torch.nn)) for _ in range(500)]
    peers = [parameters_of(peer, torch.Tensor.detach, torch.add) for peer in peers]
    assert mine[0].keys() == peers[0].keys()
    for name in mine[0]:
        a = np.array([numbers[name] for numbers in mine])
        b = np.array([numbers[name].numpy() for numbers in peers])
        assert a.dtype == b.dtype and a.shape == b.shape
        spread = [0.25, 0.5, 0.75, 0.95, 0.99, 1.0]
        wanted = np.quantile(abs(b), spread)
        np.testing.assert_allclose(np.quantile(abs(a), spread), wanted, atol=0.04 * wanted[-1])
        np.testing.assert_allclose([a.mean(), a.std()], [b.mean(), b.std()], atol=0.04 * wanted[-1])


@pytest.mark.peers
def test_initializers_agree_with_pytorch_s():
    import torch

    theirs = torch.nn.init
    for name in initializers.GAINS:
        assert math.isclose(calculate_gain(name), theirs.calculate_gain(name))
    assert math.isclose(calculate_gain("leaky_relu", 0.3), theirs.calculate_gain("leaky_relu", 0.3))
    torch.manual_seed(0)
    pairs = {"kaiming_normal_": he_normal, "kaiming_uniform_": he_uniform,
             "xavier_normal_": xavier_normal, "xavier_uniform_": xavier_uniform,
             "orthogonal_": orthogonal}  # fmt: skip
    for name, init in pairs.items():
        options = {"nonlinearity": "relu"} if "kaiming" in name else {}
        for shape in ((60, 50, 3, 3), (50, 80, 4)):
            want = getattr(theirs, name)(torch.empty(shape), **options).numpy()
            got = init(shape, 0)
            np.testing.assert_allclose(got.std(), want.std(), rtol=0.02)
            if "uniform" in name:
                np.testing.assert_allclose(abs(got).max(), abs(want).max(), rtol=0.01)
    for shape in ((4, 6), (6, 4, 3), (4, 4, 3, 2), (3, 5, 2, 3, 4)):
        fill = theirs.eye_ if len(shape) == 2 else theirs.dirac_
        assert np.array_equal(identity(shape), fill(torch.empty(shape)).numpy())
