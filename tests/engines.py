"""What the tests of kernels share: a layer in the compiled engine, against itself in float64."""

import numpy as np

import layerwise as lw


def beside_a_parameter(make, *inputs):
    """A graph of one layer whose parameters are random; beside it there is another, so that it is
    a network whatever the layer is."""
    nodes = [lw.Input(f"x{i}") for i in range(len(inputs))]
    other = lw.Input("other")
    outs = make()(*nodes)
    outs = outs if isinstance(outs, tuple) else (outs,)
    net = lw.Graph([*outs, lw.Affine(2, 2)(other)], inputs=[*nodes, other], seed=0)
    rng = np.random.default_rng(5)
    for parameter in net.parameters().values():
        parameter.value = rng.normal(size=parameter.shape)
    return net


def results(net, inputs, times):
    """Everything that comes out of some steps: outputs, gradients, buffers, a prediction."""
    rng = np.random.default_rng(9)
    for _ in range(times):
        *outs, _ = net.forward(*inputs, np.ones((1, 2)))
        douts = [rng.normal(size=np.shape(out)).astype("f") for out in outs]
        dxs = net.backward((*douts, 1.0))[: len(inputs)]
    forward = [*outs, *net.predict(*inputs, np.ones((1, 2)))[:-1]]
    forward += [buffer.value for buffer in net.buffers().values()]
    return forward, [*dxs, *(p.grad for p in net.parameters().values())]


def assert_exact(make, *inputs, times=2, prepare=lambda net: None):
    """The compiled engine gives what the layer gives in float64, to the precision of float32; and
    no part of it is left to the layer's own code."""
    net, exact = beside_a_parameter(make, *inputs), beside_a_parameter(make, *inputs)
    for one in (net, exact.astype("float64")):
        prepare(one)
    found = results(net, inputs, times)
    assert "Python" not in net.plan()
    with lw.engine("numpy"):
        wanted = results(exact, inputs, times)
    for ours, theirs, tolerance in zip(found, wanted, (1e-5, 1e-4)):
        assert [one is None for one in ours] == [one is None for one in theirs]
        pairs = [(a, np.asarray(b)) for a, b in zip(ours, theirs) if b is not None]
        largest = max((np.max(np.abs(b), initial=0) for _, b in pairs), default=0)
        for a, b in pairs:
            assert np.shape(a) == b.shape
            size = max(np.max(np.abs(b), initial=0), 1e-2 * largest)  # what is 0 but for rounding
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * size)
    return net


def assert_threads_do_not_matter(make, *inputs):
    """One thread and three give the same bits."""
    found = []
    try:
        for threads in (1, 3):
            lw.set_num_threads(threads)
            found.append(results(beside_a_parameter(make, *inputs), inputs, times=2))
    finally:
        lw.set_num_threads(None)
    for ours, theirs in zip(*found):
        for a, b in zip(ours, theirs):
            assert a is b is None or np.array_equal(a, b)


def assert_nan_goes_as_in_numpy(make, x, *others):
    """Both engines show what is not finite in the same places, forward and backward."""
    found = []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine), np.errstate(all="ignore"):
            outs, grads = results(beside_a_parameter(make, x, *others), (x, *others), times=1)
        found.append([np.isnan(one) for one in (*outs, *grads) if one is not None])
    assert any(one.any() for one in found[0])
    assert all(np.array_equal(a, b) for a, b in zip(*found))
