"""Running a graph: modes, gradients, long chains, and what it says when it fails."""

import functools

import numpy as np
import pytest
from helpers import BookAffine, block, inputs, same, shop, text_of, user_layer

import layerwise as lw

# running -----------------------------------------------------------------------------------------


def test_not_computed_yet_is_none_everywhere():
    x = lw.Input("x")
    graph = lw.Graph(lw.Affine(2, 2)(x).named("y"))
    assert set(graph.values.values()) == {None} and set(graph.gradients.values()) == {None}
    assert graph["y"].value is None and graph["y"].grad is None
    graph.forward(np.ones((1, 2)))
    assert graph["y"].value is not None and graph["y"].grad is None
    graph.backward()
    assert graph["y"].grad is not None and graph["y.W"].grad is not None
    graph.forward(np.ones((1, 2)))
    assert graph["y"].grad is None and graph["x"].grad is None


def test_backward_before_forward():
    graph = shop()
    text = text_of(lw.OrderError, graph.backward)
    assert text.startswith(
        "Graph(apple, apple_num, orange, orange_num, tax -> mul3): backward was "
    )
    net = lw.Sequential(lw.Affine(2, 2))
    net.predict(np.ones((1, 2)))
    text_of(lw.OrderError, net.backward)  # predict is no forward


def test_backward_twice_gives_the_same():
    net = lw.Sequential(block(2), lw.Dropout(0.5), lw.Affine(2, 2), seed=0)
    net.forward(np.ones((3, 2)))
    dout = np.random.default_rng(0).normal(size=(3, 2))
    dx = net.backward(dout)
    first = {name: grad.copy() for name, grad in net.gradients.items()}
    assert np.array_equal(net.backward(dout), dx)
    for name, grad in net.gradients.items():
        assert np.array_equal(grad, first[name])
    assert np.array_equal(net.backward(dout, accumulate=True), dx)
    for name in net.parameters():
        same(net.gradients[name], 2 * first[name])
    net.forward(np.ones((3, 2)))
    net.backward(0)
    assert not net.gradients["affine1.W"].any()  # each backward starts from nothing


def test_predict_leaves_training_alone():
    net = lw.Sequential(lw.Affine(2, 8), lw.Dropout(0.5), block(8), lw.Dropout(0.5), seed=0)
    x = np.ones((4, 2))
    net.forward(x)
    dx, grads = net.backward(), net.gradients
    before = net.values
    out = net.predict(-x)
    assert np.array_equal(net.predict(-x), out)  # nothing is drawn
    assert all(value is before[name] for name, value in net.values.items())
    assert np.array_equal(net.backward(), dx)
    for name, grad in net.gradients.items():
        assert np.array_equal(grad, grads[name])
    assert net.training is True
    net.training = False
    assert np.array_equal(net.forward(-x), out)
    assert net.predict(3 * x[0]).shape == (8,)


def test_predict_between_forward_and_backward_with_numbers_and_arrays():
    x = lw.Input("x")
    graph = lw.Graph(x * x)
    graph.forward(np.array([1.0, 2.0]))
    assert graph.predict(3.0) == 9
    assert graph.backward().tolist() == [2, 4]
    graph.forward(3.0)
    graph.predict(np.array([1.0, 2.0]))
    dx = graph.backward()
    assert dx == 6 and type(dx) is float


def test_training_is_told_to_every_layer_and_can_be_switched():
    net = lw.Sequential(lw.Sequential(lw.Dropout(0.5)), seed=0)
    x = np.ones((1, 100))
    assert (net.forward(x) == 0).any()
    net.training = False
    assert (net.forward(x) == 1).all() and (net.backward() == 1).all()
    net.training = True
    assert (net.forward(x) == 0).any()


def test_a_layer_trained_elsewhere_does_not_take_its_mode_along():
    dropout = lw.Dropout(0.5)
    dropout.training = False
    assert (lw.Sequential(dropout, seed=0).forward(np.ones(100)) == 0).any()
    assert dropout.training is False  # the graph sets its own copy


def test_seeds():
    def run(seed):
        net = lw.Sequential(lw.Affine(9, 9), lw.Dropout(0.5), block(9), lw.Dropout(0.5), seed=seed)
        return net.forward(np.ones((2, 9)))

    before = np.random.get_state()[1].copy()
    assert np.array_equal(run(1), run(1)) and not np.array_equal(run(1), run(2))
    assert not np.array_equal(run(None), run(None))
    assert np.array_equal(np.random.get_state()[1], before)


def test_two_dropouts_of_one_seed_draw_differently():
    dropout = lw.Dropout(0.5)
    x = lw.Input("x")
    a, b = lw.Graph([dropout(x), dropout(x)], seed=0).forward(np.ones(100))
    assert not np.array_equal(a, b)


def test_a_layers_own_generator_is_not_taken_away():
    outs = [lw.Sequential(lw.Dropout(0.5, rng=3), seed=s).forward(np.ones(50)) for s in (0, 1)]
    assert np.array_equal(*outs)
    affines = [lw.Sequential(lw.Affine(2, 2, rng=3), seed=s)["affine1.W"].value for s in (0, 1)]
    assert np.array_equal(*affines)


def test_steps_tells_every_forward_and_then_every_backward():
    graph = shop()
    steps = list(graph.steps(100, 2, 150, 3, 1.1, dout=2))
    told = [(step.direction, step.seat.name) for step in steps]
    names = [seat.name for seat in graph.nodes if seat.kind == "layer"]
    assert told == [("forward", n) for n in names] + [("backward", n) for n in reversed(names)]
    assert steps[0].inputs == (100, 2) and steps[0].outputs == (200,)
    assert steps[-1].outputs == graph.backward(2)[:2]
    assert steps[3].inputs == (650, 1.1)


def test_during_steps_what_is_not_reached_is_none():
    graph = shop()
    steps = graph.steps(100, 2, 150, 3, 1.1)
    first = next(steps)
    assert graph.values["mul2"] is None and first.seat.value == 200
    for _ in range(4):
        step = next(steps)
    assert step.direction == "backward" and graph["tax"].grad == 650 and graph["apple"].grad is None


def test_steps_left_in_the_middle_spoil_nothing():
    graph = shop()
    for count in (2, 5, 6):
        steps = graph.steps(1, 1, 1, 1, 1.0)
        for _ in range(count):
            next(steps)
        if count < 4:
            text_of(lw.OrderError, graph.backward)
        else:
            assert graph.backward() == (1, 1, 1, 1, 2)
        steps.close()
    graph.forward(100, 2, 150, 3, 1.1)
    assert graph.backward()[-1] == 650


def test_summary():
    net = lw.Sequential(lw.Affine(784, 50), lw.ReLU(), lw.Affine(50, 10))
    rows = [line.split() for line in str(net.summary()).splitlines()]
    assert rows[0] == ["name", "layer", "from", "output", "parameters"]
    assert rows[3] == ["affine1", "Affine(784,", "50)", "x", "(...,", "50)", "39,250"]
    assert rows[4] == ["relu1", "ReLU()", "affine1", "(...,", "50)"]
    assert rows[-1] == ["39,760", "parameters"]
    net.forward(np.ones((32, 784)))
    assert "(32, 50)" in str(net.summary())
    assert repr(net.summary()) == str(net.summary())  # a notebook shows the table as it is


def test_summary_counts_what_is_shared_once():
    shared, x = lw.Affine(2, 2), lw.Input("x")
    assert str(lw.Graph(shared(shared(x))).summary()).endswith("\n6 parameters")
    inner = block(2)
    assert str(lw.Graph(inner(inner(x))).summary()).endswith("\n6 parameters")


def test_results_belong_to_the_caller():
    x = lw.Input("x")
    graph = lw.Graph(x * x)
    start = np.array([1.0, 2.0])
    graph.forward(start)
    dout = np.ones(2)
    graph.backward(dout)[:] = 99
    graph.gradients["x"][:] = 77
    assert dout.tolist() == [1, 1] and start.tolist() == [1, 2]
    assert graph.backward(dout).tolist() == [2, 4]


# long chains and wide fans -----------------------------------------------------------------------


def test_a_chain_of_100_000_nodes():
    x = node = lw.Input("x")
    for _ in range(100_000):
        node = node + 1.0
    graph = lw.Graph(node)
    assert graph.forward(0.0) == 100_000 and graph.backward() == 1
    assert graph.predict(1.0) == 100_001
    assert len(graph.nodes) == 200_001 and x in graph._seat_of
    del graph, node


def test_a_node_used_ten_thousand_times():
    x = lw.Input("x")
    total = x
    for _ in range(10_000):
        total = total + x
    graph = lw.Graph(total)
    assert graph.forward(1.0) == 10_001 and graph.backward() == 10_001


def test_five_thousand_inputs():
    nodes = [lw.Input(f"x{i}") for i in range(5_000)]
    graph = lw.Graph(functools.reduce(lambda a, b: a + b, nodes), inputs=nodes[::-1])
    assert graph.forward(*range(5_000)) == 4_999 * 2_500 and graph.backward() == (1,) * 5_000


def test_graphs_nested_a_hundred_deep():
    net = lw.Sequential(lw.Affine(2, 2), seed=0)
    for _ in range(100):
        net = lw.Sequential(net)
    net.forward(np.ones((1, 2)))
    assert net.backward().shape == (1, 2) and len(net.parameters()) == 2


# errors ------------------------------------------------------------------------------------------


def test_wrong_widths_fail_when_the_graph_is_built():
    x = lw.Input("x", shape=(32, 784))
    h = lw.ReLU()(lw.Affine(784, 40)(x))
    assert text_of(lw.ShapeError, lambda: lw.Graph(lw.Affine(50, 10)(h))) == (
        "affine2 = Affine(50, 10) expects inputs of width 50, but relu1 gives (32, 40). "
        "Did you mean Affine(40, 10)?"
    )
    text = text_of(lw.ShapeError, lambda: lw.Sequential(lw.Affine(2, 3), lw.Affine(4, 5)))
    assert "affine2 = Affine(4, 5) expects inputs of width 4, but affine1 gives (..., 3)" in text


def test_wrong_widths_inside_an_inner_graph_fail_at_the_outer_build():
    inner = lw.Sequential(lw.Affine(4, 5))
    text = text_of(lw.ShapeError, lambda: lw.Sequential(lw.Affine(2, 3), inner))
    assert "Affine(4, 5) expects inputs of width 4" in text and "3" in text


def test_an_error_inside_a_layer_shows_the_path_and_the_shapes():
    def forward(self, x):
        raise KeyError("lost")

    broken = user_layer(forward, lambda self, d: d, "Broken")
    inner = lw.Sequential(lw.ReLU(), broken)
    net = lw.Sequential(lw.Affine(2, 3), inner, seed=0)
    with pytest.raises(lw.LayerError) as caught:
        net.forward(np.ones((5, 2)))
    lines = str(caught.value).split("\n")
    assert lines[0].startswith("broken1 = ") and "failed in forward: KeyError: 'lost'" in lines[0]
    assert "path: sequential1 > broken1" in lines[1]
    assert "(5, 3) float32" in str(caught.value) and isinstance(caught.value.__cause__, KeyError)
    assert net["affine1"].value is not None and net["sequential1"].value is None
    text_of(lw.OrderError, net.backward)
    assert "path: sequential1 > broken1" in text_of(
        lw.LayerError, lambda: net.predict(np.ones((5, 2)))
    )


def test_after_a_failed_forward_what_was_not_reached_is_none():
    x = lw.Input("x")
    graph = lw.Graph(((x + 1) @ np.ones((3, 2))).named("y") * 2)
    graph.forward(np.ones((4, 3)))
    text = text_of(lw.LayerError, lambda: graph.forward(np.ones((4, 5))))
    line = "y = MatMul() expects a second input of height 5, but constant2 gives (3, 2)."
    assert text.startswith(line)
    assert graph["add1"].value.shape == (4, 5)
    assert graph["y"].value is None and graph["mul1"].value is None
    assert graph["y"].grad is None


@pytest.mark.parametrize("shape", [None, (2, 3)])
def test_the_wrong_number_of_inputs_fails_when_the_graph_is_built(shape):
    x, y = lw.Input("x", shape), lw.Input("y", shape)
    pair = lw.Graph(lw.Input("a") * lw.Input("b"))
    for wrong in (lambda: lw.Add()(x), lambda: lw.ReLU()(x, y), lambda: pair(x)):
        assert "input" in text_of(lw.WiringError, lambda wrong=wrong: lw.Graph(wrong()))


def test_an_error_in_backward_names_the_layer():
    def backward(self, dout):
        return dout.nonsense()

    net = lw.Sequential(lw.ReLU(), user_layer(lambda self, x: x * 1, backward), lw.ReLU())
    net.forward(np.ones(2))
    text = text_of(lw.LayerError, net.backward)
    assert text.startswith("mine1 = ") and "failed in backward: AttributeError" in text


WRONG = {
    "shape": (lambda self, d: np.ones(5), "returned the shape (5,) for the input x"),
    "dtype": (lambda self, d: d.astype("float32"), "returned float32 for the input x"),
    "None": (lambda self, d: None, "returned None for the input x"),
    "two": (lambda self, d: (d, d), "backward returned 2 gradients"),
    "none at all": (lambda self, d: (), "backward returned 0 gradients"),
    "a text": (lambda self, d: "wrong", "for the input x"),
    "objects": (lambda self, d: np.array([None, None, None]), "for the input x"),
    "complex": (lambda self, d: d * 1j, "for the input x"),
    "whole numbers": (lambda self, d: np.ones(3, int), "for the input x"),
    "a number": (lambda self, d: 1.0, "returned the shape () for the input x"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_gradient_names_the_layer(fault):
    backward, text = WRONG[fault]
    layer = user_layer(lambda self, x: x * 1, backward)
    graph = lw.Graph(lw.apply(layer, lw.Input("x")))
    graph.forward(np.ones(3))
    with pytest.raises(lw.LayerwiseError) as caught:
        graph.backward()
    assert isinstance(caught.value, lw.GradientError) or isinstance(
        caught.value.__cause__, lw.GradientError
    )
    assert "mine1" in str(caught.value) and text in str(caught.value)


def test_one_gradient_for_two_inputs_names_the_layer():
    layer = user_layer(lambda self, x, y: x * y, lambda self, d: d)
    graph = lw.Graph(lw.apply(layer, *inputs("x y")))
    graph.forward(np.ones(3), np.ones(3))
    text = text_of(lw.LayerwiseError, graph.backward)
    assert text.startswith("mine1 = Mine(): there are 2 inputs, but backward returned 1 gradient.")


def test_a_wrong_gradient_of_a_parameter_names_the_layer_and_the_parameter():
    class Forgetful(BookAffine):
        def backward(self, dout):
            self.db = dout  # the sum over the batch is missing
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    net = lw.Sequential(Forgetful(np.ones((2, 2)), np.zeros(2)))
    net.forward(np.ones((3, 2)))
    text = text_of(lw.LayerwiseError, net.backward)
    assert "forgetful1" in text and "b" in text and "(3, 2)" in text


def test_after_a_failed_backward_the_next_one_is_right():
    fail = []

    def backward(self, dout):
        if fail:
            raise ValueError("no")
        return dout

    x = lw.Input("x")
    h = x * 2
    graph = lw.Graph(lw.apply(user_layer(lambda self, x: x, backward), h) + h)
    graph.forward(1.0)
    fail.append(True)
    text_of(lw.LayerError, graph.backward)
    fail.clear()
    assert graph.backward() == 4


def test_steps_do_not_go_on_in_another_run():
    graph = lw.Graph(lw.Input("x") * 2.0 * 3.0)
    steps = graph.steps(1.0)
    next(steps)
    graph.forward(5.0)
    text_of(lw.OrderError, lambda: next(steps))
    assert graph.backward() == 6.0


def test_a_wrong_name_of_an_input_suggests_the_right_one():
    graph = lw.Graph(lw.Input("apple") * lw.Input("tax"))
    assert text_of(lw.WiringError, lambda: graph.forward(aple=3, tax=1)) == (
        "The inputs of this graph are apple, tax. Missing: apple. Unknown: aple. "
        "Did you mean apple?"
    )


@pytest.mark.parametrize("dout", ["a", [], {}])
def test_what_is_no_gradient(dout):
    graph = lw.Graph(lw.Input("x") * 2.0)
    graph.forward(1.0)
    text_of(lw.GradientError, lambda: graph.backward(dout))
