"""What a person finds who looks at numbers late, changes something, or asks from threads."""

import importlib
import importlib.util
import pickle
import sys
import threading

import numpy as np
import pytest
from engines import BACKWARD, FORWARD, assert_agree, both, compiled, near

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

X = np.random.default_rng(0).normal(size=(400, 5)).astype("f")
DOUT = np.ones((400, 2), "f")


@pytest.fixture
def no_room(monkeypatch):
    monkeypatch.setattr(importlib.import_module("layerwise.engine.plan"), "ROOM", 0)


def deep():
    hidden = [layer for _ in range(2) for layer in (lw.Affine(16, 16), lw.Tanh())]
    return lw.Sequential(lw.Affine(5, 16), lw.Tanh(), *hidden, lw.Affine(16, 2), seed=0)


def test_gradients_are_those_of_the_parameters_that_backward_has_seen(no_room):
    def run(net):
        optimizer = lw.SGD(lr=0.001)
        for _ in range(3):
            net.forward(X)
            net.backward(DOUT)
            optimizer.step(net.parameters())
        net.backward(DOUT)
        optimizer.step(net.parameters())
        return {seat.name: seat.grad.copy() for seat in net.nodes}

    ours, theirs = (found[0] for found in both(run, (deep(), deep())))
    for name, grad in theirs.items():
        near(ours[name], grad, BACKWARD)


def test_looking_leaves_nothing_behind(no_room):
    net, counts = deep(), []
    with lw.engine("compiled"):
        for _ in range(4):
            net.forward(X)
            net.backward(DOUT)
            assert net["affine1"].grad is not None
            plan = net._plan
            spots = {
                argument
                for one in (plan.forward_pass, *plan.backward_passes.values())
                for kernel in one.program.steps
                for argument in kernel.arguments.values()
                if hasattr(argument, "refer")
            }
            counts.append(sum(len(spot._places) for spot in spots))
    assert len(set(counts)) == 1


def test_an_exchanged_parameter_is_used():
    def run(net):
        net.forward(X)
        net["affine1"].layer.W = lw.Parameter(np.ones((5, 16), "f"))
        first = net.forward(X)
        net["affine1"].layer.W.value = np.full((5, 16), 0.5, "f")
        return first, net.forward(X)

    ours, theirs = (found[0] for found in both(run, (deep(), deep())))
    near(ours[0], theirs[0], FORWARD)
    near(ours[1], theirs[1], FORWARD)


def test_a_graph_inside_has_no_gradients_after_the_next_forward():
    net = lw.Sequential(lw.Sequential(lw.Affine(5, 4), lw.Tanh()), lw.Affine(4, 2), seed=0)
    with lw.engine("compiled"):
        net.forward(X)
        net.backward(DOUT)
        inside = net["sequential1"].layer
        assert inside["affine1"].grad is not None
        net.forward(X)
        assert [seat.grad for seat in inside.nodes] == [None] * len(inside.nodes)


class Crop(lw.Layer):
    """The first rows."""

    rows = 2

    def forward(self, x):
        self.n = len(x)
        return x[: self.rows]

    def backward(self, dout):
        dx = np.zeros((self.n, *dout.shape[1:]), dout.dtype)
        dx[: len(dout)] = dout
        return dx


def test_dropout_behind_a_layer_that_changes_its_shape_draws_the_same_masks(monkeypatch):
    def run(net):
        found = []
        for rows in (2, 300, 300, 4):
            monkeypatch.setattr(Crop, "rows", rows)
            found.append(net.forward(X))
        return found

    nets = [lw.Sequential(lw.Affine(5, 6), Crop(), lw.Dropout(0.5), seed=0) for _ in range(2)]
    ours, theirs = (found[0] for found in both(run, nets))
    for a, b in zip(ours, theirs):
        near(a, b, FORWARD)


def test_threads_may_ask_one_network():
    net, wrong = deep(), []
    inputs = [X + i for i in range(4)]
    expected = [net.predict(x) for x in inputs]
    before = sys.getswitchinterval()

    def ask(x, right):
        with lw.engine("compiled"):
            for _ in range(100):
                if not np.allclose(net.predict(x), right, atol=1e-4):
                    wrong.append(x)

    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=ask, args=pair) for pair in zip(inputs, expected)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong


def test_a_graph_is_pickled_after_a_run():
    net = deep()
    with lw.engine("compiled"):
        y = net.forward(X)
        net.backward(DOUT)
        twin = pickle.loads(pickle.dumps(net))
        np.testing.assert_array_equal(twin["affine1"].value, net["affine1"].value)
        np.testing.assert_array_equal(twin["affine1"].grad, net["affine1"].grad)
        with pytest.raises(lw.OrderError, match="forward"):
            twin.backward(DOUT)
        near(twin.forward(X), y, FORWARD)


IMAGES = np.random.default_rng(1).normal(size=(6, 4, 9, 7)).astype("f")
FRONTS = {
    "product": (lambda: lw.Affine(7, 5), IMAGES),
    "convolution": (lambda: lw.Conv2d(4, 3, (3, 2)), IMAGES),
    "channel_norm": (lambda: lw.BatchNorm(4), IMAGES),
    "column_norm": (lambda: lw.BatchNorm(4), IMAGES[:, :, 0, 0]),
    "row_norm": (lambda: lw.LayerNorm(7), IMAGES),
}


@pytest.mark.parametrize("activation", [lw.ReLU, lw.Tanh, lw.GELU])
@pytest.mark.parametrize("title", FRONTS)
def test_an_activation_runs_in_the_step_of_what_stands_before_it(no_room, title, activation):
    make, x = FRONTS[title]
    net, _ = assert_agree(lambda: lw.Sequential(make(), activation(), seed=0), x)
    both_in_one = f"{title}_{activation.__name__.lower()}"
    assert any(word.startswith(both_in_one) for word in compiled(net))


@pytest.mark.parametrize("activation", [lw.ReLU, lw.GELU])
@pytest.mark.parametrize("shape", [(6, 4, 9, 7), (4, 1, 7)])
def test_an_activation_runs_in_the_step_of_a_sum(no_room, shape, activation):
    def make():
        x, y = lw.Input("x"), lw.Input("y")
        return lw.Graph(activation()(lw.Affine(7, 7)(x) + y), inputs=[x, y], seed=0)

    net, _ = assert_agree(make, IMAGES, np.ones(shape, "f"))
    assert f"broadcast_add_{activation.__name__.lower()}" in compiled(net)


def test_a_value_that_is_used_elsewhere_is_not_written_over(no_room):
    def make():
        x = lw.Input("x")
        h = lw.Affine(7, 7)(x)
        return lw.Graph(lw.ReLU()(h) * h, seed=0)

    def shown():
        x = lw.Input("x")
        h = lw.Affine(7, 7)(x)
        return lw.Graph([lw.ReLU()(h), h], inputs=[x], seed=0)

    assert_agree(make, IMAGES)
    assert_agree(shown, IMAGES)
