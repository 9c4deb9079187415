"""Buffers: arrays that a layer keeps, shared by all its places."""

import copy

import numpy as np
from helpers import inputs, same, text_of

import layerwise as lw


class Follow:
    """y = x minus a running mean, which goes half of the way to the mean of each new x."""

    training = True

    def __init__(self):
        self.mean = lw.Buffer(np.zeros(2, "float32"))

    def forward(self, x):
        if self.training:
            self.mean.value += 0.5 * (x.mean(axis=0) - self.mean.value)
        return x - self.mean.like(x)

    def backward(self, dout):
        return dout


ONES = np.ones((3, 2), "float32")


def test_buffers_have_dotted_names_in_layers_of_any_class_and_in_graphs_of_graphs():
    class Both(lw.Layer):
        def __init__(self):
            self.count, self.inner, self.more = lw.Buffer(0), Follow(), [Follow(), Follow()]
            self.held = {"last": lw.Buffer(np.zeros(3))}

        def forward(self, x):
            return self.inner.forward(x)

        def backward(self, dout):
            return self.inner.backward(dout)

    both = Both()
    names = ["count", "held.last", "inner.mean", "more.0.mean", "more.1.mean"]
    assert list(both.buffers()) == names and both.buffers()["count"] is both.count
    assert both.parameters() == {} and lw.ReLU().buffers() == {}
    shared = Follow()
    inner = lw.Sequential(shared, lw.Affine(2, 2), shared, Follow())
    net = lw.Sequential(both, inner, shared)
    assert list(net.buffers()) == [f"both1.{name}" for name in names] + [
        "sequential1.follow1.mean",
        "sequential1.follow3.mean",
    ]
    assert net["sequential1.follow1.mean"] is shared.mean
    assert net["both1.held.last"] is both.held["last"]
    wrong = text_of(lw.UnknownNameError, lambda: lw.Sequential(shared)["follow1.men"])
    assert wrong == "There is no 'follow1.men' in this graph. Did you mean 'follow1.mean'?"


def test_all_places_of_a_layer_share_its_buffers():
    follow = Follow()
    x, y = inputs("x y")
    graph = lw.Graph([lw.apply(follow, x), lw.apply(follow, y)])
    graph.forward(ONES, ONES)  # two updates: half of the way, and half of the rest
    assert follow.mean.value.tolist() == [0.75, 0.75]
    assert [*graph.buffers().values()] == [follow.mean]
    seats = [seat for seat in graph.nodes if seat.layer is not None]
    assert seats[0].layer is not seats[1].layer and seats[0].layer.mean is seats[1].layer.mean
    other = lw.Sequential(follow, lw.Sequential(follow))
    other.forward(ONES)
    assert graph.predict(ONES, ONES)[0].tolist() == (ONES - follow.mean.value).tolist()
    assert follow.mean.value[0] != 0.75
    graph.backward()
    list(other.steps(ONES))  # a run like any other
    seen = follow.mean.value.copy()
    assert np.array_equal(graph.buffers()["follow1.mean"].value, seen)


def test_predict_reads_the_latest_buffers_and_changes_none():
    net = lw.Sequential(Follow(), Follow())
    for mean in (0.5, 0.75):
        net.forward(ONES)
        first = net["follow1.mean"].value.copy()
        assert first.tolist() == [mean] * 2
        want = ONES - first - net["follow2.mean"].value
        assert np.array_equal(net.predict(ONES), want)
        net.training = False
        assert np.array_equal(net.forward(ONES), want)
        net.training = True
        assert np.array_equal(net["follow1.mean"].value, first)


def test_new_numbers_for_a_buffer_reach_every_place():
    follow = Follow()
    net = lw.Sequential(follow, follow)
    net.buffers()["follow1.mean"].value = np.full(2, 3.0, "float32")
    assert (net.predict(ONES) == ONES - 6).all()
    assert follow.mean.value.tolist() == [3, 3]
    assert text_of(lw.WiringError, lambda: setattr(follow.mean, "value", np.zeros(5))) == (
        "This buffer has the shape (2,), but the new value has (5,). Give an array of the same "
        "shape."
    )


def test_a_cast_reaches_the_buffers_of_every_place_and_parts_none():
    follow = Follow()
    net = lw.Sequential(follow, lw.Affine(2, 2), lw.Sequential(follow))
    other = lw.Sequential(follow)
    assert net.astype("float64") is net and follow.mean.dtype == "float64"
    net.forward(ONES)
    assert [*net.buffers().values()] == [*other.buffers().values()] == [follow.mean]
    first = follow.mean.value.copy()
    assert first.any() and np.array_equal(other.predict(ONES), ONES - first.astype("float32"))
    assert net.forward(ONES).dtype == "float64" and not np.array_equal(follow.mean.value, first)
    assert lw.Graph(lw.apply(follow, lw.Input("x")), dtype="float32") and (
        follow.mean.dtype == "float32"
    )


def test_a_cast_keeps_whole_numbers_whole_and_stops_at_float32():
    count, mean = lw.Buffer(np.array(3)), lw.Buffer(np.ones(2))
    for buffer in (count, mean):
        buffer.astype("float16")
    assert count.dtype.kind == "i" and mean.dtype == "float32"
    assert repr(mean) == "Buffer((2,) float32)"


def test_the_check_leaves_buffers_alone_and_computes_in_their_float64():
    dtypes = set()

    class Recorded(Follow):
        def forward(self, x):
            dtypes.add((str(x.dtype), str(self.mean.dtype)))
            return super().forward(x)

        def backward(self, dout):  # in training x moves the mean, too
            return dout - 0.5 * dout.mean(axis=0) if self.training else dout

    layer = Recorded()
    layer.mean.value[:] = 7
    net = lw.Sequential(lw.Sequential(layer))
    for checked in (layer, net):
        assert lw.check(checked, np.random.default_rng(0).normal(size=(4, 2))).ok
    assert layer.mean.value.tolist() == [7, 7] and layer.mean.dtype == "float32"
    assert dtypes == {("float64", "float64"), ("float32", "float32")}


def test_copies_share_buffers_and_deep_copies_do_not():
    follow = Follow()
    net = lw.Sequential(follow, lw.Sequential(follow))
    shallow, deep = copy.copy(net), copy.deepcopy(net)
    assert [*shallow.buffers().values()] == [follow.mean]
    (mean,) = deep.buffers().values()  # one for both of its places
    deep.forward(ONES)
    assert mean.value.any() and not follow.mean.value.any()
    shallow.forward(ONES)
    assert follow.mean.value.any() and np.array_equal(net.predict(ONES), shallow.predict(ONES))


def test_statistics_learned_in_fit_are_those_of_the_network():
    follow = Follow()
    net = lw.Sequential(follow, lw.Affine(2, 2), seed=0)
    x = np.full((8, 2), 5.0)
    lw.fit(net, x, np.ones(8, int), epochs=3, batch_size=4, progress=False)
    assert (follow.mean.value == 5 * (1 - 0.5**6)).all()  # six batches, and nothing in between
    same(net.predict(x), (x - follow.mean.value) @ net["affine1.W"].value + net["affine1.b"].value,
         1e-6)  # fmt: skip
