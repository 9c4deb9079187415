"""Memory of a plan: it is given on, and what a person sees stays right all the same."""

import importlib
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from engines import BACKWARD, FORWARD, both, near
from helpers import user_layer

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

X = np.random.default_rng(0).normal(size=(8, 3, 24, 24)).astype("f")
TANH = lw.Tanh()


@pytest.fixture
def no_room(monkeypatch):
    """Nothing is kept for the case that somebody looks, beyond as much as the parameters take."""
    monkeypatch.setattr(importlib.import_module("layerwise.engine.plan"), "ROOM", 0)


def images(between=TANH):
    """Convolutions with all that stands around them, and a connection around one of them."""
    x = lw.Input("x")
    h = lw.ReLU()(lw.BatchNorm(6)(lw.Conv2d(3, 6, 3, padding=1, bias=False)(x)))
    h = lw.ReLU()((lw.BatchNorm(6)(lw.Conv2d(6, 6, 3, padding=1, bias=False)(h)) + h).named("sum"))
    h = between(lw.Dropout(0.3)(lw.MaxPool2d(2)(h)))
    h = lw.GELU()(lw.Conv2d(6, 6, 3, padding=1)(h))
    return lw.Graph(lw.Affine(6, 4)(lw.GlobalAvgPool()(h)), seed=0)


def own(forward, backward):
    """A layer of the user's own, which has no kernel."""
    layer = user_layer(lambda self, x: forward(x), lambda self, dout: backward(dout))
    return lambda h: lw.apply(layer, h)


def bytes_of(net):
    """Of all values and gradients."""
    arrays = [*net.values.values(), *(seat.grad for seat in net.nodes)]
    return sum(one.nbytes for one in arrays if one is not None)


@pytest.mark.parametrize("between", [TANH, own(lambda x: x + 1, lambda dout: dout)])
def test_what_was_given_on_is_computed_again(no_room, between):
    """With the parameters, the input and the masks that it was computed with."""

    def run(net):
        optimizer, parameters = lw.SGD(lr=0.5), net.parameters()
        for step in range(3):
            x, dout = X + step, np.ones((8, 4), "f")
            net.forward(x)
            net.backward(dout)
            optimizer.step(parameters)
            x[...] = dout[...] = 0
        for parameter in parameters.values():
            parameter.value[...] = 7

    nets = images(between), images(between)
    (_, *ours), (_, *theirs) = both(run, nets)
    for a, b, tolerance in zip(ours, theirs, (FORWARD, BACKWARD)):
        assert a.keys() == b.keys()
        for name, one in b.items():
            near(a[name], one, tolerance)
    for name, buffer in nets[1].buffers().items():
        near(nets[0].buffers()[name].value, buffer.value, FORWARD)
    assert nets[0]._plan.size < 0.7 * bytes_of(nets[0])


def test_to_look_changes_nothing(no_room):
    net = images()
    net.forward(X)
    net.backward(np.ones((8, 4)))
    held = {**net.parameters(), **net.buffers()}
    before = [(one.value.copy(), getattr(one, "grad", None)) for one in held.values()]
    copies = [None if grad is None else grad.copy() for _, grad in before]
    assert len(net.values) == len(net.nodes) and net.gradients["sum"].any()
    for one, (value, grad), copy in zip(held.values(), before, copies):
        assert np.array_equal(one.value, value) and getattr(one, "grad", None) is grad
        assert grad is None or np.array_equal(grad, copy)


def test_small_networks_keep_everything():
    net = images()
    net.forward(X[:1])
    net.backward(np.ones((1, 4)))
    assert not net._plan.gives_on and net._plan.size > 0.9 * bytes_of(net)


def test_what_was_given_away_is_in_memory_of_its_own(no_room):
    net = images()
    held = []
    for step, inputs in enumerate([False, True, False, True, False]):
        out = net.forward(X + step)
        dx = net.backward(np.ones((8, 4)), inputs=inputs)
        held += [(one, one.copy()) for one in (out, dx) if one is not None]
        assert all(np.array_equal(one, copy) for one, copy in held)


def test_a_layer_that_changes_what_it_gives(no_room):
    """What is behind it is planned anew, from values that are still there."""
    wide = [False]

    def crop(x):
        return x if wide[0] else x[:, :, ::2]

    def back(dout):
        dx = np.zeros((*dout.shape[:2], 12, 12), dout.dtype)
        dx[:, :, :: 1 if wide[0] else 2] = dout
        return dx

    nets = [images(own(crop, back)) for _ in range(2)]
    for wide[0] in (False, True, True, False):
        results = both(lambda net: (net.forward(X), net.backward(np.ones((8, 4)))), nets)
        (_, *ours), (_, *theirs) = results
        for a, b, tolerance in zip(ours, theirs, (FORWARD, BACKWARD)):
            for name, one in b.items():
                near(a[name], one, tolerance)


MANY_STEPS = """
import resource
import numpy as np, layerwise as lw
net = lw.Sequential(lw.Affine(4, 8), lw.ReLU(), lw.Affine(8, 2), seed=0)
optimizer, parameters = lw.Adam(), net.parameters()
x, dout = np.ones((2, 4), "f"), np.ones((2, 2), "f")
for step in range(20_001):
    net.forward(x)
    net.backward(dout, inputs=False)
    optimizer.step(parameters)
    if step in (3_000, 20_000):
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, net._plan.size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the size of the process in KB")
def test_many_thousand_steps_need_no_larger_process():
    run = subprocess.run([sys.executable, "-c", MANY_STEPS], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (before, size), (after, still) = (map(int, line.split()) for line in run.stdout.splitlines())
    assert after - before < 512 and size == still
