"""Both engines give the same: every layer, whole networks, and all that a person can look at."""

import gc
import importlib.util
import re
import tracemalloc

import numpy as np
import pytest
from cases import CASES
from cases.case import EndToEnd
from engines import assert_agree, both, compiled, near
from helpers import block, text_of, user_layer
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw
from layerwise.draw.profile import BOUNDS

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)


def with_parameters(case, shapes):
    """A graph of one layer; beside it there is a parameter, so that it is a network."""

    def make():
        nodes = [lw.Input(f"x{i}") for i in range(len(case.inputs(shapes)))]
        other = lw.Affine(2, 2)(lw.Input("other"))
        return lw.Graph([case.layer("float32")(*nodes), other], seed=0)

    return make


@pytest.mark.parametrize(
    ("case", "shapes"),
    [
        pytest.param(case, shapes, id=f"{case.call} {shapes}")
        for case in CASES
        for shapes in case.shapes
    ],
)
def test_both_engines_agree_on_every_layer(case, shapes):
    inputs = case.inputs(shapes, "float32")
    assert_agree(with_parameters(case, shapes), *inputs, np.ones((1, 2)), times=2)


def replace(layer, name, shape):
    """Put an array of another shape in the place of one that a layer holds, or one inside it."""
    *path, last = name.split(".")
    for part in path:
        layer = layer[int(part)] if part.isdigit() else getattr(layer, part)
    held = getattr(layer, last)
    setattr(layer, last, type(held)(np.ones(shape, held.dtype)))


def opened(layer):
    """The layer itself, where a case has put its outputs end to end."""
    return layer.layer if type(layer) is EndToEnd else layer


def first_line(run):
    """An array, or how the text of the error begins."""
    try:
        return run()
    except lw.LayerError as error:
        return str(error).splitlines()[0]


@pytest.mark.parametrize("other", [lambda n: 1, lambda n: n + 1], ids=["1", "n+1"])
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.call.startswith("Transformer")],  # made of others
    ids=lambda case: case.call,
)
def test_kernels_do_not_touch_what_has_another_shape_than_the_layer_made(case, other):
    inputs = case.inputs(case.shapes[0], "float32")
    layer = opened(case.layer("float32"))
    for name, held in (layer.parameters() | layer.buffers()).items():
        shape = tuple(map(other, held.shape)) or (2,)
        if shape == held.shape:
            continue
        found = []
        for engine in ("compiled", "numpy"):
            layer = opened(case.layer("float32"))
            replace(layer, name, shape)
            out = layer(*[lw.Input(f"x{i}") for i in range(len(inputs))])
            net = lw.Graph(list(out) if getattr(layer, "num_outputs", None) else out)
            with lw.engine(engine), np.errstate(all="ignore"):
                found.append(first_line(lambda net=net: net.forward(*inputs)))
            if net._plan is not None:
                assert None in [place.op for place in net._plan.layout.places]
        np.testing.assert_equal(*found)


def test_a_parameter_may_be_given_another_shape_between_two_runs():
    net, x = lw.Sequential(lw.Affine(3, 2), seed=0), np.ones((1, 3), "f")
    y = net.forward(x)
    net["affine1"].layer.b = lw.Parameter(np.ones(1, "f"))
    assert net.forward(x).shape == y.shape and "Python" in net.plan()


KERNELS = {  # how the plan calls what computes these layers
    lw.ReLU: "relu",
    lw.LeakyReLU: "leaky_relu",
    lw.Hardtanh: "hardtanh",
    lw.ReLU6: "hardtanh",
    lw.Sigmoid: "sigmoid_forward",
    lw.Tanh: "tanh_forward",
    lw.SiLU: "silu",
    lw.GELU: "gelu",
    lw.Softsign: "softsign",
    lw.Square: "square",
    lw.ELU: "elu",
    lw.CELU: "celu",
    lw.SELU: "selu",
    lw.Mish: "mish",
    lw.Softplus: "softplus",
    lw.LogSigmoid: "log_sigmoid",
    lw.Tanhshrink: "tanhshrink",
    lw.Hardsigmoid: "hardsigmoid",
    lw.Hardswish: "hardswish",
    lw.Hardshrink: "hardshrink",
    lw.Softshrink: "softshrink",
    lw.Clip: "clip",
    lw.Neg: "negative",
    lw.Abs: "absolute",
    lw.Exp: "exp",
    lw.Log: "log",
    lw.Sqrt: "sqrt",
}


@pytest.mark.parametrize("activation", KERNELS)
def test_an_activation_is_computed_with_the_product_in_front_of_it(activation):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(33, 21)).astype("f")

    def make():
        return lw.Sequential(lw.Affine(21, 19), activation(), activation(), seed=0)

    net, _ = assert_agree(make, x)
    assert {f"product_{KERNELS[activation]}", KERNELS[activation]} <= set(compiled(net))


@pytest.mark.parametrize("activation", [*KERNELS, lambda: lw.GELU("tanh")])
@pytest.mark.parametrize("fused", [True, False])
def test_nan_and_inf_go_through_as_in_numpy(activation, fused):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e4, -1e4, 1e30, -1e30, 90.0, -90.0, 1e-40])
    x = np.tile(x.astype("f"), (2, 3))  # (2, 36): whole vectors, and the rest behind them

    def make():
        first = [lw.Affine(36, 36)] if fused else [lw.PReLU(init=1.0)]
        net = lw.Sequential(*first, activation(), seed=0)
        if fused:
            net["affine1.W"].value = np.eye(36)
            net["affine1.b"].value = np.zeros(36)
        return net

    nets = make(), make()
    rows = np.where(np.isfinite(x), x, 0) if fused else x  # 0 · Inf in a product is NaN everywhere
    ours, theirs = both(lambda net: (net.forward(rows), net.backward(np.ones_like(x))), nets)
    for (a, da), (b, db) in ((ours[0], theirs[0]),):
        for one, other in ((a, b), (da, db)):
            assert np.array_equal(np.isnan(one), np.isnan(other))
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_nan_in_a_product_stays_in_its_row():
    x = np.ones((40, 30), "f")
    x[7, 3] = np.nan
    net = lw.Sequential(lw.Affine(30, 20), lw.ReLU(), lw.Affine(20, 5), seed=0)
    assert np.array_equal(np.isnan(net.forward(x)).any(axis=1), np.arange(40) == 7)


sizes = st.integers(1, 70)


@given(N=sizes, D=sizes, M=sizes, bias=st.booleans(), seed=st.integers(0, 99))
def test_affine_of_all_sizes(N, D, M, bias, seed):
    rng = np.random.default_rng(seed)
    x, dout = rng.normal(size=(N, D)), rng.normal(size=(N, M))
    net = lw.Sequential(lw.Affine(D, M, bias=bias), seed=seed)
    W = net["affine1.W"].value.astype("d")
    out, dx = net.forward(x), net.backward(dout)
    near(out, (x @ W + (net["affine1.b"].value if bias else 0)).astype("f"), 1e-5)
    near(dx, (dout @ W.T).astype("f"), 1e-5)
    near(net["affine1.W"].grad, (x.T @ dout).astype("f"), 1e-5)
    if bias:
        near(net["affine1.b"].grad, dout.sum(axis=0).astype("f"), 1e-5)


@pytest.mark.parametrize("sizes", [(1, 784, 10), (400, 500, 70), (130, 1030, 520), (1000, 3, 2)])
def test_large_products(sizes):
    N, D, M = sizes
    x = np.random.default_rng(0).normal(size=(N, D)).astype("f")
    assert_agree(lambda: lw.Sequential(lw.Affine(D, M), lw.ReLU(), seed=0), x, times=1)


@given(N=sizes, C=sizes, reduction=st.sampled_from(["mean", "sum", "none"]), seed=st.integers(0, 9))
def test_the_loss_of_all_sizes(N, C, reduction, seed):
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(N, 3)), rng.integers(0, C, N)

    def make():
        scores = lw.Affine(3, C)(lw.Input("x"))
        return lw.Graph(
            lw.SoftmaxCrossEntropy(reduction=reduction)(scores, lw.Input("t")), seed=seed
        )

    net, _ = assert_agree(make, x, t, times=1)
    assert "cross_entropy" in compiled(net)


def test_scores_of_any_size_give_a_loss():
    x = np.array([[1e4, -1e4, 0.0], [np.inf, 0, 0], [np.nan, 0, 0], [-np.inf, 0, 0], [3e38, 1, 2]])

    def make():
        scores = lw.PReLU(init=1.0)(lw.Input("x"))
        return lw.Graph(lw.SoftmaxCrossEntropy(reduction="none")(scores, lw.Input("t")))

    ours, theirs = both(lambda net: net.forward(x, np.array([1, 0, 1, 2, 0])), (make(), make()))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)


# whole networks ----------------------------------------------------------------------------------


def classifier():
    x, t = lw.Input("x"), lw.Input("t")
    h = lw.ReLU()(lw.Affine(20, 33)(lw.Flatten()(x)))
    h = lw.Tanh()(lw.Affine(33, 33)(h)) + h
    y = lw.Affine(33, 7)(h)
    return lw.Graph([lw.SoftmaxCrossEntropy()(y, t), y], inputs=[x, t], seed=3)


X = np.random.default_rng(1).normal(size=(50, 4, 5)).astype("f")
T = np.random.default_rng(2).integers(0, 7, 50)


def test_a_network_with_a_residual_connection():
    net, _ = assert_agree(classifier, X, T)
    assert "Python" not in compiled(net)


def test_layers_of_the_user_s_own_run_between_stretches():
    mine = user_layer(lambda self, x: x * 2, lambda self, d: d * 2)

    def make():
        return lw.Sequential(
            lw.Affine(5, 6), mine, lw.ReLU(), lw.Dropout(0.5), lw.Affine(6, 2), seed=0
        )

    net, _ = assert_agree(make, np.ones((8, 5)))
    assert compiled(net).count("Python") == 2  # one layer, forward and backward


def test_graphs_inside_graphs_are_opened():
    def make():
        return lw.Sequential(lw.Affine(5, 5), block(5), lw.Sequential(block(5), lw.ReLU()), seed=0)

    net, other = assert_agree(make, np.ones((3, 5)))
    inner = "sequential2.sequential1.affine1"
    assert (
        "Python" not in compiled(net) and f"{inner} + sequential2.sequential1.tanh1" in net.plan()
    )
    near(net[inner].value, other[inner].value, 1e-5)
    near(net[inner].grad, other[inner].grad, 1e-4)


def test_one_layer_in_several_places():
    affine, relu = lw.Affine(4, 4), lw.ReLU()

    def make():
        x = lw.Input("x")
        affine.W.value = np.random.default_rng(0).normal(size=(4, 4))
        return lw.Graph(relu(affine(relu(affine(x)) + affine(x))), seed=0)

    assert_agree(make, np.random.default_rng(1).normal(size=(6, 4)))


def test_a_parameter_that_kernels_and_python_share():
    shared = lw.Affine(4, 4)

    class Twice(lw.Layer):
        def __init__(self):
            self.inner = shared

        def forward(self, x):
            return self.inner.forward(x) * 2

        def backward(self, dout):
            return self.inner.backward(dout * 2)

    def make(python_first):
        shared.W.value = np.random.default_rng(0).normal(size=(4, 4))
        layers = [shared, Twice()] if python_first else [Twice(), shared]
        return lw.Sequential(*layers, seed=0)

    for python_first in (True, False):
        assert_agree(lambda: make(python_first), np.ones((3, 4)))  # noqa: B023


def test_gradients_can_be_accumulated():
    net = classifier()
    net.forward(X, T)
    net.backward((1, None))
    first = {name: p.grad.copy() for name, p in net.parameters().items()}
    for times in (2, 3):
        net.backward((1, None), accumulate=True)
        for name, p in net.parameters().items():
            near(p.grad, times * first[name], 1e-6)
    net.backward((1, None))
    for name, p in net.parameters().items():
        assert np.array_equal(p.grad, first[name])


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_gradients_of_the_inputs_can_be_left_out(engine):
    with lw.engine(engine):
        net = classifier()
        net.forward(X, T)
        net.backward((1, None))
        wanted = net.gradients
        assert net.backward((1, None), inputs=False) == (None, None)
        for name, grad in net.gradients.items():
            if name in ("x", "flatten1"):
                assert grad is None
            elif wanted[name] is not None:
                assert np.array_equal(grad, wanted[name])


def test_predict_is_planned_and_leaves_training_alone():
    net, x = classifier(), X[:9]
    net.forward(X, T)
    before = net.values
    _, y = net.predict(x, T[:9])
    with lw.engine("numpy"):
        near(y, net.predict(x, T[:9])[1], 1e-5)
    for name, value in net.values.items():
        assert np.array_equal(value, before[name])
    net.backward((1, None))


def test_inputs_of_other_shapes_and_kinds():
    net = classifier()
    for rows in (50, 17, 1, 50):
        for t in (T[:rows], T[:rows].astype("uint8"), np.eye(7)[T[:rows]]):
            x = X[:rows]
            net.forward(np.asfortranarray(x), t)
            ours = net.backward((1, None))[0], net.values
            with lw.engine("numpy"):
                net.forward(x, t)
                near(ours[0], net.backward((1, None))[0], 1e-4)
            for name, value in net.values.items():
                near(ours[1][name], value, 1e-5)


def test_float64_runs_as_written():
    net = classifier().astype("float64")
    net.forward(X, T)
    assert net.plan() == "Every layer ran its own code, in NumPy."


# what a person holds stays as it is --------------------------------------------------------------


def test_arrays_that_were_given_away_are_not_written_to():
    net = classifier()
    given = []
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=X.shape)
        _, y = net.forward(x, T)
        dx, _ = net.backward((1, None))
        held = [
            y,
            dx,
            net["tanh1"].value,
            net["tanh1"].grad,
            *(p.grad for p in net.parameters().values()),
        ]
        given.append((held, [array.copy() for array in held]))
    for held, copies in given:
        for array, copy in zip(held, copies):
            assert np.array_equal(array, copy)


def test_a_layer_may_keep_what_it_was_given():
    seen = []

    def forward(self, x):
        seen.append((x, x.copy()))
        return x

    net = lw.Sequential(lw.Affine(3, 3), user_layer(forward, lambda self, d: d), lw.ReLU(), seed=0)
    for i in range(5):
        net.forward(np.full((2, 3), i))
    assert len(seen) == 5 and all(np.array_equal(x, copy) for x, copy in seen)


def test_parameters_may_be_changed_in_place_or_replaced():
    net = lw.Sequential(lw.Affine(3, 2), seed=0)
    x = np.ones((1, 3))
    W = net["affine1.W"].value
    net.forward(x)
    W[:] = 1
    net["affine1.b"].value = np.array([5.0, 6.0])
    assert net.forward(x).tolist() == [[8.0, 9.0]]
    assert net["affine1.W"].value is W


def test_an_option_that_is_changed_counts():
    net = lw.Sequential(lw.Affine(1, 1), lw.LeakyReLU(0.1), seed=0)
    net["affine1.W"].value, net["affine1.b"].value = [[1.0]], [0.0]
    assert net.forward([[-1.0]]) == np.float32(-0.1)
    net["leaky_relu1"].layer.negative_slope = 0.5
    assert net.forward([[-1.0]]) == -0.5


def test_many_steps_need_no_more_memory():
    net = classifier()

    def steps(count):
        for i in range(count):
            rows = 50 if i % 3 else 31
            net.forward(X[:rows], T[:rows])
            net.backward((1, None))
            net.predict(X, T)

    tracemalloc.start()
    try:
        steps(1000)  # until Python's own lists of free objects are full
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        steps(1000)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 5_000
    finally:
        tracemalloc.stop()


def test_a_graph_keeps_the_plans_of_eight_shapes():
    net = lw.Sequential(lw.Affine(3, 2), seed=0)
    for rows in range(1, 30):
        net.forward(np.ones((rows, 3)))
    assert len(net._plans) == 8


# errors ------------------------------------------------------------------------------------------


def test_wrong_class_numbers_are_told_by_the_layer():
    net = classifier()
    net.forward(X, T)
    said = text_of(lw.LayerError, lambda: net.forward(X, T + 1))
    assert "expects class numbers from 0 to 6, but got 1 to 7. Count the classes from 0." in said
    net.forward(X, T)
    net.backward((1, None))


def test_an_error_in_a_user_s_layer_shows_its_place():
    def forward(self, x):
        if x.max() > 50:
            raise KeyError("lost")
        return x

    inner = lw.Sequential(lw.Affine(3, 3), user_layer(forward, lambda self, d: d, "Broken"))
    net = lw.Sequential(lw.Affine(3, 3), inner, seed=0)
    for p in net.parameters().values():
        p.value = np.ones(p.shape)
    net.forward(np.ones((2, 3)))
    said = text_of(lw.LayerError, lambda: net.forward(np.full((2, 3), 100.0)))
    assert "failed in forward: KeyError: 'lost'" in said
    assert "path: sequential1 > broken1" in said and "(2, 3) float32" in said
    net.forward(np.ones((2, 3)))


def test_a_layer_whose_output_changes_its_shape():
    cut = {"rows": 4}
    half = user_layer(lambda self, x: x[: cut["rows"]].copy(), lambda self, d: np.ones((6, 3), "f"))
    net = lw.Sequential(half, lw.Affine(3, 2), lw.ReLU(), seed=0)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("f")
    for rows in (4, 2, 5, 5, 4):
        cut["rows"] = rows
        out = net.forward(x)
        net.backward()
        with lw.engine("numpy"):
            near(out, net.forward(x), 1e-5)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            lambda: lw.engine("fast").__enter__(),
            "engine('fast'): choose one of ('compiled', 'numpy').",
        ),
        (lambda: lw.set_num_threads(0), "set_num_threads(0): give a whole number from 1 up."),
        (lambda: lw.set_num_threads(True), "set_num_threads(True): give a whole number from 1 up."),
    ],
)
def test_wrong_choices(run, said):
    assert text_of(lw.EngineError, run) == said


def test_a_plan_is_shown_after_a_run():
    net = lw.Sequential(lw.Affine(3, 2), lw.ReLU(), seed=0)
    assert "Call forward(...) first" in text_of(lw.OrderError, net.plan)
    net.forward(np.ones((4, 3)))
    net.backward()
    lines = net.plan().splitlines()
    assert lines[0].split() == ["layers", "runs", "output", "FLOPs", "bytes", "microseconds"]
    assert lines[2].split()[:7] == ["forward", "affine1", "+", "relu1", "product_relu", "(4,", "2)"]
    assert lines[2].split()[7:9] == ["48", "144"]  # 2·4·3·2; x 12, W 6, b 2, both outputs 16
    assert "microseconds in all" in lines[-1] and "bytes of memory" in lines[-1]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_shows_the_time_of_each_layer(theme, tmp_path):
    net = lw.Sequential(lw.Affine(30, 800), lw.ReLU(), lw.Affine(800, 2), lw.Flatten(), seed=0)
    net.forward(np.ones((200, 30)))
    net.backward(np.ones((200, 2)))
    picture = net.draw(color="time", theme=theme)
    assert ">forward: in affine1<" in picture and ">(200, 800)<" in picture
    assert re.search(r"share of [\d.]+ (µs|ms)", picture) and "mean" not in picture
    shares = [int(one) for one in re.findall(r"· (\d+) %<", picture)]
    assert shares and 90 < sum(shares) < 105
    level = sum(max(shares) >= 100 * bound for bound in BOUNDS)
    assert f"fill:var(--time-{level});stroke:var(--layer-line)" in picture
    net.draw(tmp_path / "time.png", color="time")
    assert (tmp_path / "time.png").read_bytes()[:4] == b"\x89PNG"


def test_a_picture_of_times_needs_a_run_of_the_engine():
    net = lw.Sequential(lw.Affine(3, 2), seed=0)
    with lw.engine("numpy"):
        net.forward(np.ones((4, 3)))
    assert "no run of it to show" in text_of(lw.OrderError, lambda: net.draw(color="time"))
    assert 'color is "time"' in text_of(lw.WiringError, lambda: net.draw(color="size"))
    net.forward(np.ones((4, 3)))
    said = text_of(lw.WiringError, lambda: net.draw("net.dot", color="time"))
    assert "shows no times" in said


# optimizers --------------------------------------------------------------------------------------


OPTIMIZERS = [
    (lw.SGD, {"lr": 0.1}, "descend"),
    (lw.SGD, {"lr": 0.1, "weight_decay": 0.01}, "descend"),
    (lw.SGD, {"lr": 0.1, "momentum": 0.9}, "descend_with_momentum"),
    (lw.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, "descend"),
    (lw.Adam, {"lr": 0.01}, "adam"),
    (lw.Adam, {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}, "adam"),
    (
        lw.AdamW,
        {"lr": lambda step: 0.1 / (step + 1), "groups": {"*": {"weight_decay": 0.3}}},
        "adam",
    ),
    (lw.Adam, {"amsgrad": True}, None),
    (lw.RMSprop, {"lr": 0.01}, None),
]


@pytest.mark.parametrize(("kind", "options", "kernel"), OPTIMIZERS)
def test_optimizers_take_the_same_steps_in_both_engines(kind, options, kernel):
    def after(engine):
        rng = np.random.default_rng(0)
        parameters = {
            f"p{n}": lw.Parameter(rng.normal(size=n).astype("f")) for n in (1, 7, 64, 100_001)
        }
        parameters["wide"] = lw.Parameter(rng.normal(size=(30, 40)).astype("f"))
        optimizer = kind(**options)
        with lw.engine(engine):
            for _ in range(5):
                for p in parameters.values():
                    p.grad = rng.normal(size=p.shape).astype("f")
                optimizer.step(parameters)
        return [p.value for p in parameters.values()], optimizer.state()

    (ours, state), (theirs, other) = after("compiled"), after("numpy")
    for one, other_value in zip(ours, theirs):
        near(one, other_value, 1e-6)
    assert state.keys() == other.keys()
    for name in state:
        near(state[name], other[name], 1e-6)


def test_an_optimizer_changes_what_everybody_sees():
    net, optimizer = classifier(), lw.Adam(lr=0.01)
    W = net["affine1.W"].value
    before, losses = W.copy(), []
    for _ in range(30):
        losses.append(net.forward(X, T)[0])
        net.backward((1, None))
        optimizer.step(net.parameters())
    assert losses[-1] < 0.5 * losses[0]
    assert net["affine1.W"].value is W and not np.array_equal(W, before)
