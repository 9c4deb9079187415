"""The ready networks: sizes, gradients, the sources they follow, and that they learn."""

import math

import numpy as np
import pytest

import layerwise as lw
from layerwise import models


def real(*shape):
    return lambda rng: rng.normal(size=shape).astype(np.float32)


def whole(below, *shape):
    return lambda rng: rng.integers(0, below, size=shape)


# each small enough to be checked, with inputs for it
SMALL = {
    "two_layer_net": (lambda: models.two_layer_net(6, 20, 3, seed=0), [real(4, 6)]),
    "multi_layer_net": (
        lambda: models.multi_layer_net(6, [20, 15], 3, "sigmoid", "xavier", seed=0),
        [real(4, 6)],
    ),
    "multi_layer_net_extend": (
        lambda: models.multi_layer_net_extend(
            6, [20, 15], 3, use_dropout=True, use_batchnorm=True, seed=0
        ),
        [real(4, 6)],
    ),
    "simple_conv_net": (
        lambda: models.simple_conv_net(
            (2, 6, 6), {"filter_num": 3, "filter_size": 3}, 20, 3, seed=0
        ),
        [real(2, 2, 6, 6)],
    ),
    "deep_conv_net": (lambda: models.deep_conv_net((1, 8, 8), 20, 3, seed=0), [real(2, 1, 8, 8)]),
    "lenet5": (lambda: models.lenet5(3, seed=0), [real(2, 1, 28, 28)]),
    "resnet": (lambda: models.resnet(8, 3, 2, width=2, seed=0), [real(2, 2, 8, 8)]),
    "char_lstm": (lambda: models.char_lstm(7, 8, 2, dropout=0.1, seed=0), [whole(7, 2, 5)]),
    "gpt": (lambda: models.gpt(7, 6, 2, 2, 8, dropout=0.1, seed=0), [whole(7, 2, 5)]),
    "tabular_mlp": (
        lambda: models.tabular_mlp(4, 3, [5, 2], hidden=[12, 6], seed=0),
        [real(6, 4), whole(2, 6, 2)],
    ),
}
PARAMETERS = {  # counted by hand or as the sources say
    "two_layer_net": (models.two_layer_net, 784 * 50 + 50 + 50 * 10 + 10),
    "multi_layer_net": (lambda: models.multi_layer_net(784, [100, 100], 10), 89_610),
    "multi_layer_net_extend": (
        lambda: models.multi_layer_net_extend(784, [100, 100], 10, use_batchnorm=True),
        89_610 + 4 * 100,
    ),
    "simple_conv_net": (models.simple_conv_net, 30 * 26 + 4320 * 100 + 100 + 1010),
    "deep_conv_net": (
        models.deep_conv_net,
        16 * 10 + 16 * 145 + 32 * 145 + 32 * 289 + 64 * 289 + 64 * 577 + 1024 * 50 + 50 + 510,
    ),
    "lenet5": (models.lenet5, 61_706),
    "resnet": (models.resnet, 269_722),  # the paper's table 6 says 0.27 million
    "char_lstm": (lambda: models.char_lstm(76), 76 * 128 + 2 * 128 * 512 + 512 + 129 * 76),
    "gpt": (  # in each block 4 projections and 2 layers, all with b, and 2 norms
        lambda: models.gpt(76),
        (76 + 128) * 128 + 4 * (12 * 128**2 + 9 * 128 + 4 * 128) + 2 * 128 + 129 * 76,
    ),
    "tabular_mlp": (
        lambda: models.tabular_mlp(4, 3, [7, 200]),
        8 + 7 * 4 + 200 * 50 + 59 * 128 + 129 * 64 + 65 * 3,
    ),
}
every = pytest.mark.parametrize("name", models.__all__)


def inputs_for(name):
    rng = np.random.default_rng(1)
    return [make(rng) for make in SMALL[name][1]]


@every
def test_the_gradients_are_right(name):
    lw.assert_gradients(SMALL[name][0]().astype("float64"), *inputs_for(name), samples=5)


@every
def test_it_has_as_many_parameters_as_its_source(name):
    make, expected = PARAMETERS[name]
    assert sum(p.value.size for p in make().parameters().values()) == expected


@every
def test_the_seed_decides(name):
    make = SMALL[name][0]
    outputs = [make().predict(*inputs_for(name)) for _ in range(2)]
    np.testing.assert_array_equal(*outputs)
    assert outputs[0].dtype == np.float32


@every
def test_it_learns_one_batch_by_heart(name):
    net = SMALL[name][0]()
    inputs = inputs_for(name)
    N, _, *places = net.predict(*inputs).shape
    t = np.arange(math.prod((N, *places))).reshape(N, *places) % 3
    loss, optimizer = lw.SoftmaxCrossEntropy(), lw.Adam(lr=0.01)
    first = loss.forward(net.predict(*inputs), t)
    for _ in range(100):
        loss.forward(net.forward(*inputs), t)
        net.backward(loss.backward()[0])
        optimizer.step(net.parameters())
    assert loss.forward(net.predict(*inputs), t) < 0.5 * first


@every
def test_it_draws_itself(name):
    net = SMALL[name][0]()
    assert net.draw(depth=0).startswith("<svg") and net.draw().startswith("<svg")


# the book's --------------------------------------------------------------------------------------


def test_the_books_first_weights():
    net = models.two_layer_net(seed=0)
    assert abs(net["affine1.W"].value.std() - 0.01) < 2e-4
    assert not net["affine1.b"].value.any() and not net["affine2.b"].value.any()
    net = models.multi_layer_net(400, [300], 10, weight_init_std="sigmoid", seed=0)
    assert abs(net["affine1.W"].value.std() * 400**0.5 - 1) < 0.02
    net = models.deep_conv_net(seed=0)
    assert abs(net["conv2d6.W"].value.std() * (64 * 9 / 2) ** 0.5 - 1) < 0.02
    assert not any(p.value.any() for name, p in net.parameters().items() if name.endswith(".b"))


def test_the_books_simple_conv_net_takes_its_parameters():
    param = {"filter_num": 4, "filter_size": 3, "pad": 1, "stride": 1}
    net = models.simple_conv_net((1, 8, 8), param, 7, 2, seed=0)
    assert net["conv2d1.W"].shape == (4, 1, 3, 3) and net["affine1.W"].shape == (4 * 16, 7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: models.two_layer_net(weight_init_std="small"),
            "weight_init_std='small': give a number, or one of ('relu', 'he', 'sigmoid', "
            "'xavier').",
        ),
        (
            lambda: models.multi_layer_net(2, [2], 2, activation="tanh"),
            "activation='tanh': choose one of ('relu', 'sigmoid').",
        ),
        (
            lambda: models.simple_conv_net(conv_param={"filters": 3}),
            "conv_param has 'filters', but takes only ('filter_num', 'filter_size', 'pad', "
            "'stride').",
        ),
        (
            lambda: models.resnet(18),
            "resnet(depth=18): it is 6 n + 2, such as 20, 32, 44 or 56.",
        ),
    ],
)
def test_an_option_that_cannot_be_is_one_error(make, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        make()
    assert str(error.value) == message


def test_an_image_too_small_for_the_network_is_one_error():
    with pytest.raises(lw.ShapeError, match="expects images that its kernel fits into"):
        models.simple_conv_net((1, 4, 4))


# the residual network ----------------------------------------------------------------------------


def test_a_residual_block_that_learned_nothing_passes_its_input_on():
    net = models.resnet(8, width=2, seed=0)
    block = net["stage1_block1"].layer
    block["batch_norm2.gamma"].value[:] = 0
    x = np.random.default_rng(0).random((3, 2, 4, 4), dtype=np.float32)
    np.testing.assert_array_equal(block.forward(x), x)


def test_a_wider_block_takes_every_other_pixel_and_new_channels_of_zeros():
    block = models.resnet(8, width=2, seed=0)["stage2_block1"].layer
    x = np.random.default_rng(0).random((3, 2, 4, 4), dtype=np.float32)
    block.forward(x)
    shortcut = block["shortcut"].value
    np.testing.assert_array_equal(shortcut[:, 1:3], x[:, :, ::2, ::2])
    assert shortcut.shape == (3, 4, 2, 2) and not shortcut[:, [0, 3]].any()


# texts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["char_lstm", "gpt"])
def test_what_comes_later_does_not_change_earlier_scores(name):
    net, (x,) = SMALL[name][0](), inputs_for(name)
    other = x.copy()
    other[:, 3] = (x[:, 3] + 1) % 7
    scores, others = net.predict(x), net.predict(other)
    np.testing.assert_allclose(others[:, :, :3], scores[:, :, :3], rtol=1e-5)
    assert abs(others - scores)[:, :, 3:].max(axis=(0, 1)).all()  # but all later ones
    for length in (1, 3):
        short = net.predict(x[:, :length])
        np.testing.assert_allclose(short, scores[:, :, :length], rtol=1e-4, atol=1e-6)


def test_the_lstm_reads_in_order_and_the_rows_apart():
    net, (x,) = SMALL["char_lstm"][0](), inputs_for("char_lstm")
    scores = net.predict(x)
    np.testing.assert_allclose(net.predict(x[1:])[0], scores[1], rtol=1e-4, atol=1e-6)
    there, back = net.predict([[1, 2, 3]])[:, :, -1], net.predict([[2, 1, 3]])[:, :, -1]
    assert abs(there - back).max() > 1e-4


def test_the_gpt_tells_places_apart_up_to_its_block_size():
    net = SMALL["gpt"][0]()
    scores = net.predict(np.full((1, 6), 3))  # the same character six times
    assert abs(np.diff(scores, axis=2)).max(axis=1).min() > 1e-5
    with pytest.raises(lw.LayerError, match=r"\(\.\.\., T, 8\) with T up to 6, but tokens gives"):
        net.predict(np.full((1, 7), 3))
    with pytest.raises(ValueError, match="Give a num_heads that divides it"):
        models.gpt(7, n_head=3, n_embd=8)


# tables ------------------------------------------------------------------------------------------


def test_the_unit_of_a_column_does_not_matter():
    net = models.tabular_mlp(4, 3, dropout=0, seed=0)
    x = np.random.default_rng(0).normal(size=(50, 4))
    np.testing.assert_allclose(
        net.forward(x * [1e3, 1, 50, 7]), net.forward(x), rtol=1e-2, atol=1e-3
    )


def test_a_table_of_categories_alone_and_one_of_nothing():
    net = models.tabular_mlp(0, 2, [3, 4], seed=0)
    assert [seat.name for seat in net.inputs] == ["categories"]
    assert net.predict(np.array([[2, 3]])).shape == (1, 2)
    with pytest.raises(ValueError, match="the table has no columns"):
        models.tabular_mlp(0, 2)
