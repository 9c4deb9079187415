"""L-BFGS: that it finds minima, beside PyTorch, and its state."""

import numpy as np
import pytest
from helpers import text_of
from optimizers import (
    LINES,
    SAME,
    Valley,
    assert_same_bits,
    net_of_two,
    refused,
    values,
)

import layerwise as lw


@pytest.mark.parametrize("options", LINES, ids=str)
def test_lbfgs_finds_the_minimum(options):
    valley, optimizer = Valley(), lw.LBFGS(**options)
    losses = [optimizer.step(valley.parameters, valley) for _ in range(60)]
    assert losses[0] > 10
    assert losses[-1] < 1e-8
    for parameter in valley.parameters.values():
        np.testing.assert_allclose(parameter.value, 1, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_keeps_the_dtype_and_the_array(dtype):
    valley = Valley(dtype)
    arrays = [parameter.value for parameter in valley.parameters.values()]
    optimizer = lw.LBFGS(line_search_fn="strong_wolfe")
    optimizer.step(valley.parameters, valley)
    for parameter, array in zip(valley.parameters.values(), arrays):
        assert parameter.value is array and array.dtype == dtype
    vectors = [v for k, v in optimizer.state().items() if not k.startswith("LBFGS.")]
    assert {vector.dtype for vector in vectors} == {np.dtype(dtype)}


def test_lbfgs_calls_the_closure_no_more_than_it_may():
    valley = Valley()
    lw.LBFGS(max_iter=50, max_eval=4, line_search_fn="strong_wolfe").step(valley.parameters, valley)
    assert valley.calls <= 5  # the last search may look once more
    valley = Valley()
    lw.LBFGS(lr=0.01, max_iter=3).step(valley.parameters, valley)
    assert valley.calls == 3  # not again after the last iteration


def test_lbfgs_remembers_so_many_changes():
    valley, optimizer = Valley(), lw.LBFGS(history_size=3, line_search_fn="strong_wolfe")
    optimizer.step(valley.parameters, valley)
    assert optimizer.steps > 4
    assert optimizer.state()["s.x"].shape == (3, 3)
    assert optimizer.state()["y.y"].shape == (3, 1, 3)


def test_lbfgs_steps_back_from_where_there_is_no_loss():
    W = lw.Parameter(np.array([4.0]))

    def closure():
        w = W.value[0]
        W.grad = np.array([1 - 1 / w if w > 0 else np.nan])
        return w - np.log(w) if w > 0 else np.nan

    with np.errstate(all="ignore"):
        lw.LBFGS(lr=40.0, line_search_fn="strong_wolfe").step({"W": W}, closure)
    assert W.value == pytest.approx(1, abs=1e-5)


def test_lbfgs_ends_where_there_is_nothing_to_do():
    W, free = lw.Parameter(np.array([0.0])), lw.Parameter(np.array([5.0]))

    def closure():
        W.grad = 2 * W.value
        return W.value[0] ** 2

    optimizer = lw.LBFGS()
    assert optimizer.step({"W": W, "free": free}, closure) == 0.0
    assert optimizer.steps == 0 and free.value == 5

    W.value[:] = np.nan
    assert np.isnan(optimizer.step({"W": W, "free": free}, closure))
    assert optimizer.steps == 0


def test_lbfgs_refuses_a_gradient_of_another_shape():
    W = lw.Parameter(np.ones((1, 2)))

    def closure():
        W.grad = np.ones((2, 1))
        return 1.0

    text = text_of(lw.GradientError, lambda: lw.LBFGS().step({"W": W}, closure))
    assert text.startswith("W has the shape (1, 2), but its gradient has (2, 1).")


@pytest.mark.peers
@pytest.mark.parametrize("options", LINES, ids=str)
def test_lbfgs_is_pytorchs(options):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    valley = Valley()
    x, y = (torch.nn.Parameter(torch.tensor(p.value)) for p in valley.parameters.values())
    ours, peer, calls = lw.LBFGS(**options), torch.optim.LBFGS([x, y], **options), []

    def closure():
        peer.zero_grad()
        loss = ((x - 1) ** 2).sum() + 10 * ((y - x**2) ** 2).sum()
        loss.backward()
        calls.append(loss)
        return loss

    for _ in range(10):
        ours.step(valley.parameters, valley)
        peer.step(closure)
        assert valley.calls == len(calls)
        for mine, other in zip(valley.parameters.values(), (x, y)):
            np.testing.assert_allclose(mine.value, other.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("options", LINES, ids=str)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_restored_lbfgs_goes_on_bit_for_bit(options, before):
    valley, twin = Valley(), Valley()
    optimizer = lw.LBFGS(**options)
    for _ in range(before):
        optimizer.step(valley.parameters, valley)
    state = optimizer.state()
    for name, parameter in twin.parameters.items():
        parameter.value[...] = valley.parameters[name].value
    restored = lw.LBFGS(**options)
    restored.load_state(state, twin.parameters)
    assert_same_bits(restored.state(), state)
    for _ in range(3):
        assert optimizer.step(valley.parameters, valley) == restored.step(twin.parameters, twin)
    assert_same_bits(values(twin.parameters), values(valley.parameters))


def test_the_state_of_another_lbfgs_is_refused():
    valley, optimizer = Valley(), lw.LBFGS()
    optimizer.step(valley.parameters, valley)
    state = optimizer.state()
    assert refused(lw.LBFGS(), state | {"z.x": np.ones(3)}, valley.parameters) == (
        f"The state has 'z.x', which belongs to nothing here. {SAME}"
    )
    del state["s.x"]
    assert refused(lw.LBFGS(), state, valley.parameters) == f"The state has no 's.x'. {SAME}"
    text = text_of(lw.GradientError, lambda: optimizer.step(net_of_two().parameters(), valley))
    assert text == (
        "This LBFGS has worked on x (3,), y (1, 3), but got affine1.W (3, 4), affine1.b (4,), "
        "affine2.W (4, 2), affine2.b (2,). Make a new LBFGS for each network."
    )
