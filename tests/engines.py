"""What the tests of the engine share: how near its numbers have to be, and to what.

A result in float32 is measured by the largest number in it: forward to 1e-5, gradients to 1e-4.
"""

import warnings

import numpy as np

import layerwise as lw

FORWARD, BACKWARD = 1e-5, 1e-4


def largest(x):
    """The largest finite number in an array, without its sign."""
    return np.max(np.abs(x), initial=0, where=np.isfinite(x))


def near(a, b, tolerance):
    """Two results of one computation in float32."""
    assert np.shape(a) == np.shape(b) and np.result_type(a) == np.result_type(b)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * largest(b))


def near_exact(a, exact, tolerance, scale, own=None):
    """A result in float32, and what float64 gives.

    scale   the largest number of all results. What is 0 in exact arithmetic, as the gradient of a
            bias that softmax does not see, comes out as the last digits of such numbers
    own     what the layer's own code gives in float32. Where its error is above the tolerance,
            since nearly equal numbers are subtracted, ours may be twice as large
    """
    assert np.shape(a) == np.shape(exact)
    error, size = largest(np.subtract(a, exact, dtype="d")), largest(exact)
    if size < 1e-12 * scale:
        assert error <= 1e-6 * scale, (error, scale)
    else:
        most = 0 if own is None else 2 * largest(np.subtract(own, exact, dtype="d"))
        np.testing.assert_allclose(a, exact, rtol=tolerance, atol=max(tolerance * size, most))


# one network in both engines ---------------------------------------------------------------------


def left_by(run, net, engine):
    """What a run gives in an engine, and all values and gradients."""
    with lw.engine(engine), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(net), net.values, net.gradients


def both(run, nets):
    """The same, of the same network in each engine."""
    return [left_by(run, net, engine) for net, engine in zip(nets, ("compiled", "numpy"))]


def assert_agree(make, *inputs, times=3):
    """Run both engines several times, and compare everything that they leave behind; float64
    decides between them where they differ."""
    nets = make(), make()

    def run(net):
        out = net.forward(*inputs)
        rng = np.random.default_rng(9)  # not the seed of the inputs
        douts = [rng.normal(size=np.shape(one)) for one in (out if type(out) is tuple else [out])]
        return net.backward(tuple(douts) if type(out) is tuple else douts[0])

    for time in range(1, times + 1):
        ours, theirs = both(run, nets)
        for which, tolerance in ((1, FORWARD), (2, BACKWARD)):
            a, b = ours[which], theirs[which]
            assert {name: type(one) for name, one in a.items()} == {
                name: type(one) for name, one in b.items()
            }
            arrays = {name: one for name, one in b.items() if hasattr(one, "dtype")}
            try:
                for name, one in arrays.items():
                    near(a[name], one, tolerance)
            except AssertionError:
                net = make().astype("float64")
                for _ in range(time):
                    exact = left_by(run, net, "numpy")[which]
                scale = max(map(largest, arrays.values()))
                for name, one in arrays.items():
                    near_exact(a[name], exact[name], tolerance, scale, own=one)
    return nets


def compiled(net):
    """The names of the kernels that the last run was made of."""
    return net.plan().split()


# one layer in the compiled engine, against itself in float64 -------------------------------------


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
    for ours, theirs, tolerance in zip(found, wanted, (FORWARD, BACKWARD)):
        assert [one is None for one in ours] == [one is None for one in theirs]
        scale = max((largest(b) for b in theirs if b is not None), default=0)
        for a, b in zip(ours, theirs):
            if b is not None:
                near_exact(a, b, tolerance, scale)
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


# whole networks ----------------------------------------------------------------------------------


def assert_learns_the_same(make, text, optimizer):
    """A language model takes the same steps by kernels as in float64: same losses and gradients."""
    x, t = lw.Input("x"), lw.Input("t")
    nets = [lw.Graph(lw.SoftmaxCrossEntropy()(make()(x), t), [x, t], seed=0) for _ in range(2)]
    ours, exact = nets[0], nets[1].astype("float64")
    optimizers = optimizer(), optimizer()
    for _ in range(4):
        found = []
        for net, engine in zip(nets, ("compiled", "numpy")):
            with lw.engine(engine):
                found.append(net.forward(text[:, :-1], text[:, 1:]))
                net.backward(inputs=False)
        near_exact(*found, FORWARD, found[1])
        scale = max(largest(p.grad) for p in exact.parameters().values())
        for name, parameter in exact.parameters().items():
            near_exact(ours[name].grad, parameter.grad, BACKWARD, scale)
        for one, net in zip(optimizers, nets):
            one.step(net.parameters())
    return ours
