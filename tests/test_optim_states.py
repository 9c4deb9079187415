"""States of optimizers, saved and restored bit for bit, and averages of weights."""

import copy

import numpy as np
import pytest
from helpers import text_of
from optimizers import (
    SAME,
    assert_same_bits,
    drawn,
    every,
    net_of_two,
    refused,
    run,
    values,
)

import layerwise as lw

# ---------------------------------------------------------------- states


@every
def test_a_restored_optimizer_goes_on_bit_for_bit(name, options):
    parameters = drawn(name, "float32")
    optimizer = getattr(lw, name)(**options)
    run(optimizer, parameters, 7)
    state, kept = optimizer.state(), values(parameters)
    run(optimizer, parameters, 5, seed=2)

    twins = drawn(name, "float32", seed=9)
    for n, value in kept.items():
        twins[n].value[...] = value
    twin = getattr(lw, name)(**options)
    twin.load_state(state, twins)
    assert_same_bits(twin.state(), state)
    run(twin, twins, 5, seed=2)
    assert_same_bits(values(twins), values(parameters))
    assert_same_bits(twin.state(), optimizer.state())


def test_a_state_is_flat_plain_and_a_copy():
    parameters = net_of_two().parameters()
    optimizer = lw.Adam()
    run(optimizer, parameters, 2)
    state = optimizer.state()
    assert list(state)[:4] == ["Adam.steps", "t.affine1.W", "m.affine1.W", "v.affine1.W"]
    assert len(state) == 1 + 4 * 3
    assert {type(held) for held in state.values()} == {int, np.ndarray}
    before = copy.deepcopy(state)
    run(optimizer, parameters, 1)
    assert_same_bits(state, before)

    twin = lw.Adam()
    twin.load_state(state, parameters)
    run(twin, parameters, 1)
    assert_same_bits(state, before)


def test_a_state_may_come_back_from_a_file_as_arrays_alone():
    parameters = net_of_two().parameters()
    run(optimizer := lw.NAdam(), parameters, 2)
    state = {key: np.asarray(held) for key, held in optimizer.state().items()}
    twin = lw.NAdam()
    twin.load_state(state, parameters)
    assert_same_bits(twin.state(), optimizer.state())
    assert type(twin.state()["t.affine1.W"]) is int


def test_the_state_of_a_fresh_optimizer_can_be_loaded():
    parameters = net_of_two().parameters()
    run(optimizer := lw.Adam(), parameters, 2)
    optimizer.load_state(lw.Adam().state(), parameters)
    assert optimizer.steps == 0 and not optimizer.memory


def test_the_state_of_several_optimizers():
    def made():
        return lw.optim.ByName({"*.W": lw.Muon(), "*": lw.AdamW()})

    parameters = net_of_two().parameters()
    run(optimizer := made(), parameters, 2)
    state = optimizer.state()
    assert list(state)[:2] == ["0.Muon.steps", "0.m.affine1.W"]
    twin = made()
    twin.load_state(state, parameters)
    assert_same_bits(twin.state(), state)
    twin, fresh = made(), made().state()
    with pytest.raises(lw.StateError, match="belongs to nothing here"):
        twin.load_state(state | {"2.SGD.steps": 1}, parameters)
    assert_same_bits(twin.state(), fresh)


def test_the_state_of_another_optimizer_is_refused():
    parameters = net_of_two().parameters()
    run(adam := lw.Adam(), parameters, 2)
    state = adam.state()
    text = "This is the state of Adam, not of {}."
    for other in (lw.SGD(), lw.RAdam(), lw.LBFGS()):
        assert refused(other, state, parameters) == text.format(other)
    assert refused(lw.SGD(), {"a": 1}, parameters) == (
        "This is no state of SGD(lr=0.1): it has no 'SGD.steps'. Give what state() gave."
    )
    assert refused(lw.Adam(amsgrad=True), state, parameters) == (
        f"The state has no 'largest_v.affine1.W'. {SAME}"
    )
    run(other := lw.Adam(amsgrad=True), parameters, 1)
    assert refused(lw.Adam(), other.state(), parameters) == (
        f"The state has 'largest_v.affine1.W', which belongs to nothing here. {SAME}"
    )


def test_the_state_of_another_network_is_refused():
    parameters = net_of_two().parameters()
    run(adam := lw.Adam(), parameters, 2)
    state = adam.state()
    short = {name: parameters[name] for name in ("affine1.W", "affine1.b")}
    assert refused(lw.Adam(), state, short) == (
        f"The state has 't.affine2.W', which belongs to nothing here. {SAME}"
    )
    wide = lw.Sequential(lw.Affine(3, 5), lw.Tanh(), lw.Affine(5, 2), dtype="float64").parameters()
    assert refused(lw.Adam(), state, wide) == (
        f"m.affine1.W of the state is (3, 4) float64, but (3, 5) float64 belongs there. {SAME}"
    )
    narrow = net_of_two().astype("float32").parameters()
    assert refused(adam, state, narrow) == (
        f"m.affine1.W of the state is (3, 4) float64, but (3, 4) float32 belongs there. {SAME}"
    )


@pytest.mark.parametrize(
    ("key", "held", "text"),
    [
        ("Adam.steps", 1.5, "Adam.steps of the state is 1.5, but a whole number belongs there."),
        ("Adam.steps", "3", "Adam.steps of the state is 3 str, but a whole number belongs there."),
        (
            "t.affine1.W",
            np.nan,
            "t.affine1.W of the state is nan, but a whole number belongs there.",
        ),
        (
            "t.affine1.W",
            np.ones(2),
            "t.affine1.W of the state is (2,) float64, but a whole number belongs there.",
        ),
        (
            "m.affine1.W",
            3.0,
            f"m.affine1.W of the state is 3.0, but (3, 4) float64 belongs there. {SAME}",
        ),
        ("m.affine1.W", None, f"The state has no 'm.affine1.W'. {SAME}"),
    ],
)
def test_a_damaged_state_is_refused(key, held, text):
    parameters = net_of_two().parameters()
    run(adam := lw.Adam(), parameters, 2)
    state = adam.state() | {key: held}
    if held is None:
        del state[key]
    assert refused(lw.Adam(), state, parameters) == text


# ---------------------------------------------------------------- averages


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_averages_by_definition(dtype):
    parameters = drawn("SGD", dtype)
    exponential, plain = lw.ExponentialAverage(0.9), lw.StochasticAverage()
    seen = []
    for _ in range(4):
        run(lw.SGD(0.5), parameters, 1, seed=len(seen))
        exponential.update(parameters)
        plain.update(parameters)
        seen.append(values(parameters))
    for name in parameters:
        expected = seen[0][name]
        for later in seen[1:]:
            expected = 0.9 * expected + 0.1 * later[name]
        np.testing.assert_allclose(exponential.values[name], expected, rtol=1e-5, atol=1e-6)
        mean = np.mean([one[name] for one in seen], axis=0)
        np.testing.assert_allclose(plain.values[name], mean, rtol=1e-5, atol=1e-6)
        assert exponential.values[name].dtype == plain.values[name].dtype == dtype


def test_an_average_is_applied_for_a_while():
    parameters = drawn("SGD")
    arrays = [parameter.value for parameter in parameters.values()]
    average = lw.StochasticAverage()
    run(lw.SGD(), parameters, 1)
    average.update(parameters)
    run(lw.SGD(), parameters, 1)
    average.update(parameters)
    before = values(parameters)

    def look():
        with average.applied(parameters):
            assert_same_bits(values(parameters), average.values)
            assert all(p.value is array for p, array in zip(parameters.values(), arrays))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look()
    assert_same_bits(values(parameters), before)


def test_averages_take_in_running_statistics():
    net = lw.Sequential(lw.BatchNorm(2), seed=0)
    average = lw.ExponentialAverage(0.5)
    means = []
    for seed in range(3):
        net.forward(np.random.default_rng(seed).normal(size=(5, 2)))
        average.update(net.parameters() | net.buffers())
        means.append(net.buffers()["batch_norm1.running_mean"].value.copy())
    assert net.buffers()["batch_norm1.num_batches_tracked"].value == 3
    assert average.values["batch_norm1.num_batches_tracked"] == 3
    expected = 0.5 * (0.5 * means[0] + 0.5 * means[1]) + 0.5 * means[2]
    np.testing.assert_allclose(average.values["batch_norm1.running_mean"], expected, rtol=1e-5)


@pytest.mark.parametrize("average", [lw.ExponentialAverage, lw.StochasticAverage])
def test_a_restored_average_goes_on_bit_for_bit(average):
    parameters = drawn("SGD", "float32")
    first, twin = average(), average()
    for count in range(3):
        twin.load_state(first.state(), parameters)
        run(lw.SGD(), parameters, 1, seed=count)
        first.update(parameters)
        twin.update(parameters)
        assert_same_bits(twin.state(), first.state())
    state = first.state()
    run(lw.SGD(), parameters, 1)
    first.update(parameters)
    assert not np.array_equal(state["average.affine1.W"], first.values["affine1.W"])
    other = {lw.ExponentialAverage: lw.StochasticAverage}.get(average, lw.ExponentialAverage)()
    assert refused(other, state, parameters) == (
        f"This is the state of {average.__name__}, not of {other!r}."
    )


def test_averages_of_another_network_are_refused():
    average = lw.StochasticAverage()
    W = {"affine1.W": lw.Parameter(np.ones(2))}
    text = text_of(lw.GradientError, lambda: average.applied(W).__enter__())
    assert text == (
        "affine1.W has no average in StochasticAverage() yet: update it before it is applied."
    )
    average.update(W)
    other = {"affine1.W": lw.Parameter(np.ones(3))}
    for use in (average.update, lambda them: average.applied(them).__enter__()):
        assert text_of(lw.GradientError, lambda use=use: use(other)) == (
            "affine1.W has the shape (3,), but its average has (2,). It is of another network: "
            "make a new StochasticAverage for each network."
        )


@pytest.mark.peers
def test_averages_are_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    swa = torch.optim.swa_utils
    pairs = [
        (lw.ExponentialAverage(0.9), {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.9)}),
        (lw.StochasticAverage(), {}),
    ]
    for ours, options in pairs:
        W = lw.Parameter(np.random.default_rng(0).normal(size=(3, 2)))
        model = torch.nn.Linear(3, 2, bias=False, dtype=torch.float64)
        theirs = swa.AveragedModel(model, **options)
        for seed in range(10):
            W.value[...] = np.random.default_rng(seed).normal(size=(3, 2))
            with torch.no_grad():
                model.weight.copy_(torch.tensor(W.value.T))
            ours.update({"W": W})
            theirs.update_parameters(model)
            peer = theirs.module.weight.detach().numpy().T
            np.testing.assert_allclose(ours.values["W"], peer, rtol=1e-9)
