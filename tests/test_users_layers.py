"""Layers of the user's own in a graph: with the base class or without, as in the books, hostile."""

import copy
import functools
import pickle

import numpy as np
import pytest
from helpers import (
    Book2MatMul,
    BookAffine,
    BookBatchNorm,
    BookDropout,
    BookRelu,
    BookSoftmaxWithLoss,
    Forgets,
    inputs,
    same,
    text_of,
    user_layer,
)

import layerwise as lw
from layerwise.book import SoftmaxWithLoss

# users' own layers -------------------------------------------------------------------------------


def test_classes_as_in_the_book_train():
    rng = np.random.default_rng(0)
    W1, W2 = rng.normal(size=(2, 16)), rng.normal(size=(16, 2)) * 0.5
    layers = [BookAffine(W1, np.zeros(16)), BookBatchNorm(np.ones(16), np.zeros(16)), BookRelu(),
              BookDropout(0.1), BookAffine(W2, np.zeros(2))]  # fmt: skip
    net = lw.Sequential(*layers)
    x, t = lw.Input("x"), lw.Input("t")
    loss = lw.Graph(lw.apply(BookSoftmaxWithLoss(), net(x), t))
    points = rng.normal(size=(200, 2))
    classes = (points[:, 0] * points[:, 1] > 0).astype(int)
    names = [name.split(".", 1)[1] for name in loss.parameters()]
    assert names == ["book_affine1.W", "book_affine1.b", "book_batch_norm1.gamma",
                     "book_batch_norm1.beta", "book_affine2.W", "book_affine2.b"]  # fmt: skip
    first = loss.forward(points, classes)
    for _ in range(200):
        loss.forward(points, classes)
        dx, dt = loss.backward()
        assert dt is None and dx.shape == points.shape
        for parameter in loss.parameters().values():
            parameter.value -= 0.5 * parameter.grad
    assert loss.predict(points, classes) < 0.3 < first
    assert layers[0].W is W1  # trained in place: the book's own dictionary sees it


def test_a_backward_that_writes_into_dout_harms_nobody():
    x = lw.Input("x")
    graph = lw.Graph(lw.apply(BookRelu(), x).named("y"))
    graph.forward(np.array([-1.0, 2.0]))
    dout = np.ones(2)
    dout.flags.writeable = False
    assert graph.backward(dout).tolist() == [0, 1] and dout.tolist() == [1, 1]
    assert graph["y"].grad.tolist() == [1, 1]
    assert graph.backward(dout).tolist() == [0, 1]


@pytest.mark.parametrize("first", [0, 1])
def test_two_branches_never_share_one_gradient(first):
    x = lw.Input("x")
    both = user_layer(lambda self, a, b: a + b, lambda self, d: (d, d))
    branches = [lw.apply(BookRelu(), x), x * 1.0]
    graph = lw.Graph(lw.apply(both, branches[first], branches[1 - first]))
    graph.forward(np.array([-1.0, 2.0]))
    assert graph.backward().tolist() == [1, 2]
    other = [lw.apply(BookRelu(), x), x * 1.0][:: -1 if first else 1]
    graph = lw.Graph(lw.apply(both, *other))
    graph.forward(np.array([-1.0, 2.0]))
    assert graph.backward().tolist() == [1, 2]


def test_gradients_are_added_in_new_memory():
    kept = np.ones(2)
    keeps = user_layer(lambda self, x: x * 1, lambda self, dout: kept)
    x = lw.Input("x")
    one, two = lw.apply(keeps, x), lw.apply(keeps, x)
    graph = lw.Graph([one, two, x])
    graph.forward(np.ones(2))
    dout = np.ones(2)
    for _ in range(2):
        assert graph.backward((dout, dout, dout)).tolist() == [3, 3]
        assert kept.tolist() == dout.tolist() == [1, 1]


def test_a_graph_returns_no_array_twice():
    both = user_layer(lambda self, a, b: a + b, lambda self, dout: (dout, dout))
    graph = lw.Graph(lw.apply(both, *inputs("x y")))
    graph.forward(np.ones(2), np.ones(2))
    dout = np.ones(2)
    dx, dy = graph.backward(dout)
    dx += 1
    assert dy.tolist() == dout.tolist() == [1, 1] == graph.gradients["y"].tolist()


def test_the_lists_of_book_2():
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    one = Book2MatMul(W)
    x = lw.Input("x")
    graph = lw.Graph(lw.apply(one, lw.apply(one, x)))
    start = np.array([[1.0, -1.0]])
    same(graph.forward(start), start @ W @ W)
    graph.backward()
    ((name, parameter),) = graph.parameters().items()
    assert name.startswith("book2_mat_mul1.") and parameter.value is W
    ones = np.ones((1, 2))
    same(parameter.grad, (start @ W).T @ ones + start.T @ (ones @ W.T))
    parameter.value = np.eye(2)
    same(graph.forward(start), start)


def test_one_array_in_two_layers_is_one_parameter():
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    a, b = BookAffine(W, np.zeros(2)), BookAffine(W, np.zeros(2))
    net = lw.Sequential(a, b)
    assert len(net.parameters()) == 3
    start, ones = np.array([[1.0, -1.0]]), np.ones((1, 2))
    net.forward(start)
    net.backward()
    same(net.parameters()["book_affine1.W"].grad, (start @ W).T @ ones + start.T @ (ones @ W.T))
    net.astype("float32")
    net.parameters()["book_affine1.W"].value = np.eye(2)
    same(net.forward(start), start)
    equal = lw.Sequential(BookAffine(np.zeros((2, 2)), np.zeros(2)),
                          BookAffine(np.zeros((2, 2)), np.zeros(2)))  # fmt: skip
    assert len(equal.parameters()) == 4  # equal numbers are no sharing


def test_arrays_of_networks_that_are_gone_are_not_taken_for_new_ones():
    nets = []
    for _ in range(100):
        net = lw.Sequential(BookAffine(np.ones((2, 2)), np.zeros(2)))
        net.astype("float32").astype("float64")
        nets.append(net)
    parameters = [p for net in nets for p in net.parameters().values()]
    assert len({id(p) for p in parameters}) == 200
    nets[0].parameters()["book_affine1.W"].value = np.eye(2)
    assert nets[1].forward(np.ones((1, 2))).tolist() == [[2, 2]]


def test_an_array_under_two_names_is_cast_under_both():
    class Both(Book2MatMul):
        def __init__(self, W):
            super().__init__(W)
            self.W = W

        def forward(self, x):
            self.x = x
            return x @ self.W

    net = lw.Sequential(Both(np.eye(2)), dtype="float32")
    assert net.forward(np.ones((1, 2))).dtype == "float32"
    next(iter(net.parameters().values())).value = 2 * np.eye(2)
    assert net.forward(np.ones((1, 2))).tolist() == [[2, 2]]


def test_a_subclass_may_call_what_it_inherits():
    class Loud(lw.ReLU):
        def backward(self, dout):
            return 2 * super().backward(dout)

    class Louder(Loud):
        def forward(self, x):
            return super().forward(x) + 1

    graph = lw.Sequential(Louder())
    assert graph.forward(np.array([-1.0, 2.0])).tolist() == [1, 3]
    assert graph.backward().tolist() == [0, 2]
    by_hand = Louder()
    by_hand.forward(3.0)
    assert by_hand.backward(1.0) == 2


def test_a_users_decorator_is_not_left_out():
    calls = []

    def noted(method):
        @functools.wraps(method)
        def note(self, *args):
            calls.append(method.__name__)
            return method(self, *args)

        return note

    class Plain:
        forward = noted(lambda self, x: x * 2)
        backward = noted(lambda self, dout: dout * 2)

    class Based(lw.Layer):
        @noted
        def forward(self, x):
            return x * 2

        @noted
        def backward(self, dout):
            return dout * 2

    net = lw.Sequential(Plain(), Based())
    assert net.forward(1.0) == 4 and net.backward() == 4 and len(calls) == 4
    net.predict(1.0)
    assert len(calls) == 6


def test_a_class_with_slots():
    class Square:
        __slots__ = ("x",)

        def forward(self, x):
            self.x = x
            return x * x

        def backward(self, dout):
            return 2 * dout * self.x

    square = Square()
    graph = lw.Sequential(square, square)
    assert graph.forward(3.0) == 81 and graph.backward() == 4 * 27 and graph.predict(1.0) == 1


def test_a_composite_layer_has_its_children_copied():
    class Twice(lw.Layer):
        def __init__(self, width):
            self.width = width
            self.inner = lw.Affine(width, width)

        def forward(self, x):
            return self.inner.forward(x)

        def backward(self, dout):
            return self.inner.backward(dout)

    twice = Twice(2)
    net = lw.Sequential(twice, lw.Tanh(), twice, dtype="float64", seed=0)
    flat = lw.Sequential(twice.inner, lw.Tanh(), twice.inner, dtype="float64")
    x = np.random.default_rng(0).normal(size=(3, 2))
    same(net.forward(x), flat.forward(x))
    dx, grads = net.backward(), {n: p.grad.copy() for n, p in net.parameters().items()}
    same(flat.backward(), dx)
    assert list(grads) == ["twice1.inner.W", "twice1.inner.b"]
    same(flat.gradients["affine1.W"], grads["twice1.inner.W"])
    assert repr(twice) == "Twice(2)"


def test_training_reaches_the_children_of_a_composite_layer():
    class Wrapped:
        def __init__(self):
            self.layers = {"drop": lw.Dropout(0.5)}

        def forward(self, x):
            return self.layers["drop"].forward(x)

        def backward(self, dout):
            return self.layers["drop"].backward(dout)

    net = lw.Sequential(Wrapped(), seed=0)
    assert (net.forward(np.ones(100)) == 0).any() and (net.predict(np.ones(100)) == 1).all()


def test_a_users_subclass_of_a_graph_may_call_what_it_inherits():
    class Net(lw.Sequential):
        def __init__(self, width):
            super().__init__(lw.Affine(width, width), lw.Tanh(), dtype="float64", seed=0)

        def forward(self, x):
            return super().forward(x / 2)

        def backward(self, dout=1, **options):
            return super().backward(dout, **options) / 2

    net = Net(2)
    plain = lw.Sequential(net["affine1"].layer, lw.Tanh())
    x = np.ones((3, 2))
    same(net.forward(x), plain.forward(x / 2))
    same(net.backward(), plain.backward() / 2)
    twin = copy.deepcopy(net)
    same(twin.forward(x), net.forward(x))
    assert type(twin) is Net


# found in review ---------------------------------------------------------------------------------


def test_a_forward_from_a_mixin_counts_as_run():
    class Doubles:
        def forward(self, x):
            return x * 2

    class Mixed(Doubles, lw.Layer):
        def backward(self, dout):
            return dout * 2

    layer = Mixed()
    text_of(lw.OrderError, lambda: layer.backward(1.0))
    assert (layer.forward(3.0), layer.backward(1.0)) == (6.0, 2.0)


def test_parameters_in_nested_lists_are_found():
    class Blocks(lw.Layer):
        def __init__(self):
            self.blocks = [[lw.Affine(2, 2, rng=0)], {"last": [lw.Affine(2, 2, rng=1)]}]

        def forward(self, x):
            return self.blocks[1]["last"][0].forward(self.blocks[0][0].forward(x))

        def backward(self, dout):
            return self.blocks[0][0].backward(self.blocks[1]["last"][0].backward(dout))

    names = ["blocks.0.0.W", "blocks.0.0.b", "blocks.1.last.0.W", "blocks.1.last.0.b"]
    assert list(Blocks().parameters()) == names
    lw.assert_gradients(Blocks(), np.ones((3, 2)))
    net = lw.Sequential(Blocks())
    net.forward(np.ones((3, 2)))
    net.backward()
    assert all(np.any(p.grad) for p in net.parameters().values())


def test_an_array_to_save_into_belongs_to_one_place():
    class Squares:
        def __init__(self):
            self.saved = np.zeros(3)

        def forward(self, x):
            self.saved[...] = x
            return x * x

        def backward(self, dout):
            return dout * 2 * self.saved

    square, x = Squares(), lw.Input("x")
    graph = lw.Graph(lw.apply(square, lw.apply(square, x)))
    graph.forward(np.array([1.0, 2.0, 3.0]))
    same(graph.predict(np.full(3, 7.0)), np.full(3, 7.0**4))
    same(graph.backward(), [4.0, 32.0, 108.0])  # of x to the power 4


def test_whole_numbers_do_not_widen_a_graph():
    x = lw.Input("x")
    graph = lw.Graph(x * np.array([1, 2, 3]) + np.array([1]))
    assert graph.forward(np.ones(3, "float32")).dtype == "float32"
    assert graph.backward().dtype == "float32"
    net = lw.Sequential(lw.Affine(3, 2))
    assert net.forward(np.ones((2, 3), int)).dtype == "float32"
    assert net.predict(np.ones((2, 3), "uint8")).dtype == "float32"
    t = np.array([0, 1])
    loss = lw.Graph(lw.SoftmaxCrossEntropy()(lw.Input("y"), t))  # class numbers stay whole
    assert loss.forward(np.zeros((2, 2), "float32")).dtype == "float32"


def test_a_forgotten_gradient_is_no_loss():
    for values in ((2.0, 3.0), (np.ones(2), np.ones(2))):
        graph = lw.Graph(lw.apply(Forgets(), *inputs("x y")))
        graph.forward(*values)
        assert "backward returned 1 gradient" in text_of(lw.LayerError, graph.backward)


def test_a_layer_can_be_pickled_before_and_after_its_numbers_are_drawn():
    affine = lw.Affine(2, 3)
    for _ in range(2):
        same(pickle.loads(pickle.dumps(affine)).W.value, affine.W.value)


@pytest.mark.parametrize("dtype", ["int32", "foo", int, "complex64"])
def test_only_floats_can_be_computed_in(dtype):
    for use in (
        lambda: lw.Sequential(lw.Affine(2, 2), dtype=dtype),
        lambda: lw.Sequential(lw.Affine(2, 2)).astype(dtype),
        lambda: lw.Affine(2, 2).astype(dtype),
    ):
        assert "is no float type" in text_of(lw.WiringError, use)


def test_gradients_of_several_outputs_may_come_as_a_list():
    x = lw.Input("x")
    graph = lw.Graph([x * 2, x * 3])
    graph.forward(1.0)
    assert graph.backward([1.0, 10.0]) == graph.backward((1.0, 10.0)) == 32.0


def test_arrays_of_a_book_class_stay_where_they_are():
    W, b = np.ones((2, 2)), np.zeros(2)
    layer = BookAffine(W, b)
    net = lw.Sequential(layer, lw.Affine(2, 2), seed=0)
    assert net.dtype == "float64"
    net.forward(np.ones((1, 2)))
    net.backward()
    lw.SGD(lr=1.0).step(net.parameters())
    assert layer.W is W and not np.array_equal(W, np.ones((2, 2)))  # trained where it is
    for _ in range(50):
        lw.Sequential(layer)
    assert len(net.parameters()["book_affine1.W"]._places) < 10  # dead graphs are forgotten
    net.astype("float32")
    assert layer.W is W and net["book_affine1.W"].dtype == "float32"


def test_whole_numbers_cannot_be_learned():
    layer = BookAffine(np.ones((2, 2), int), np.zeros(2))
    assert "cannot be learned" in text_of(lw.WiringError, lambda: lw.Sequential(layer))


def test_an_initializer_of_the_wrong_shape():
    wrong = lambda shape, rng: np.zeros((1, 1))  # noqa: E731
    text = text_of(lw.WiringError, lambda: lw.Affine(2, 3, init=wrong, rng=0))
    assert text.startswith("The initializer gave (1, 1) for a parameter of the shape (2, 3).")


def test_what_is_no_name_of_a_node():
    graph = lw.Graph(lw.Input("x") * 2)
    for name in (0.5, 3, ["x"]):
        text_of(lw.UnknownNameError, lambda name=name: graph[name])


def test_whole_scores_keep_the_fractions_of_their_targets():
    scores, t = np.array([[1, 2, 3]]), np.array([[0.2, 0.3, 0.5]])
    wanted = lw.SoftmaxCrossEntropy().forward(scores.astype(float), t)
    assert lw.SoftmaxCrossEntropy().forward(scores, t) == wanted > 1.1
    one_hot = np.array([[0, 0, 1]])
    assert SoftmaxWithLoss().forward(scores, one_hot) == pytest.approx(0.40760596444438013)
