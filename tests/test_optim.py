"""Optimizers: steps by definition and beside PyTorch, options, groups, clipping, in `fit`."""

import copy
import re

import numpy as np
import pytest
from helpers import text_of
from optimizers import (
    CASES,
    assert_same_bits,
    drawn,
    give_gradients,
    net_of_two,
    once,
    run,
    values,
)

import layerwise as lw

# ---------------------------------------------------------------- by definition
#
# Each takes a single number w through the gradients, in the words of its paper.


def sgd(w, gradients, lr=0.1, momentum=0.0, nesterov=False, weight_decay=0.0):
    v = 0
    for g in gradients:
        g += weight_decay * w
        v = momentum * v + g
        w -= lr * (g + momentum * v if nesterov else v)
        yield w


def adagrad(w, gradients, lr=0.01, lr_decay=0, weight_decay=0, initial_accumulator_value=0):
    h = initial_accumulator_value
    for t, g in enumerate(gradients):
        g += weight_decay * w
        h += g**2
        w -= lr / (1 + t * lr_decay) * g / (h**0.5 + 1e-10)
        yield w


def adadelta(w, gradients, lr=1, rho=0.9, eps=1e-6, weight_decay=0):
    squares = changes = 0
    for g in gradients:
        g += weight_decay * w
        squares = rho * squares + (1 - rho) * g**2
        change = (changes + eps) ** 0.5 / (squares + eps) ** 0.5 * g
        changes = rho * changes + (1 - rho) * change**2
        w -= lr * change
        yield w


def rmsprop(w, gradients, lr=0.01, alpha=0.99, momentum=0, centered=False, weight_decay=0):
    square = mean = v = 0
    for g in gradients:
        g += weight_decay * w
        square = alpha * square + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        variance = square - mean**2 if centered else square
        v = momentum * v + g / (variance**0.5 + 1e-8)
        w -= lr * v
        yield w


def adam(w, gradients, lr=1e-3, betas=(0.9, 0.999), weight_decay=0, amsgrad=False, decoupled=False):
    m = v = largest = 0
    for t, g in enumerate(gradients, 1):
        if decoupled:
            w -= lr * weight_decay * w
        else:
            g += weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        largest = max(largest, v) if amsgrad else v
        w -= lr * m / (1 - betas[0] ** t) / ((largest / (1 - betas[1] ** t)) ** 0.5 + 1e-8)
        yield w


def adamw(w, gradients, weight_decay=0.01, **options):
    return adam(w, gradients, weight_decay=weight_decay, decoupled=True, **options)


def nadam(w, gradients, lr=2e-3, weight_decay=0, momentum_decay=4e-3, decoupled_weight_decay=False):
    m = v = 0
    product = 1
    for t, g in enumerate(gradients, 1):
        if decoupled_weight_decay:
            w -= lr * weight_decay * w
        else:
            g += weight_decay * w
        now = 0.9 * (1 - 0.96 ** (t * momentum_decay) / 2)
        then = 0.9 * (1 - 0.96 ** ((t + 1) * momentum_decay) / 2)
        product *= now
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat = then * m / (1 - product * then) + (1 - now) * g / (1 - product)
        w -= lr * m_hat / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
        yield w


def radam(w, gradients, lr=1e-3, betas=(0.9, 0.999), weight_decay=0, decoupled_weight_decay=False):
    m = v = 0
    longest = 2 / (1 - betas[1]) - 1
    for t, g in enumerate(gradients, 1):
        if decoupled_weight_decay:
            w -= lr * weight_decay * w
        else:
            g += weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        length = longest - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
        m_hat = m / (1 - betas[0] ** t)
        if length > 5:
            r = (length - 4) * (length - 2) * longest
            r /= (longest - 4) * (longest - 2) * length
            w -= lr * m_hat * r**0.5 * (1 - betas[1] ** t) ** 0.5 / (v**0.5 + 1e-8)
        else:
            w -= lr * m_hat
        yield w


def lion(w, gradients, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    m = 0
    for g in gradients:
        c = betas[0] * m + (1 - betas[0]) * g
        w -= lr * ((c > 0) - (c < 0) + weight_decay * w)
        m = betas[1] * m + (1 - betas[1]) * g
        yield w


def adafactor(w, gradients, lr=0.01, eps=(2.0**-52, 1e-3), d=1, weight_decay=0):
    v = 0
    for t, g in enumerate(gradients, 1):
        rate = max(eps[1], abs(w)) * min(lr, 1 / t**0.5)
        w -= lr * weight_decay * w
        v = (1 - t**-0.8) * v + t**-0.8 * g**2
        u = g / max(v**0.5, eps[0])
        w -= rate * u / max(1, abs(u) / d)
        yield w


def lamb(w, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01):
    m = v = 0
    for t, g in enumerate(gradients, 1):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        r = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)) ** 0.5 + eps) + weight_decay * w
        w -= lr * (abs(w) / abs(r)) * r
        yield w


@pytest.mark.parametrize(("name", "options"), [c for c in CASES if c[0] != "Muon"], ids=str)
def test_the_steps_are_those_of_the_definition(name, options):
    gradients = np.random.default_rng(0).normal(size=50).tolist()
    W = lw.Parameter(np.array([0.7]))
    optimizer = getattr(lw, name)(**options)
    for g, w in zip(gradients, globals()[name.lower()](0.7, gradients, **options)):
        W.grad = np.array([g])
        optimizer.step({"W": W})
        assert W.value[0] == pytest.approx(w, rel=1e-9)
        assert W.grad == g  # the gradient itself is not written to


def test_lamb_takes_the_norms_of_the_whole_parameter():
    W = drawn("LAMB")["affine1.W"]
    before, W.grad = W.value.copy(), np.random.default_rng(0).normal(size=W.shape)
    lw.LAMB(lr=0.1, weight_decay=0.3).step({"W": W})
    r = W.grad / (np.abs(W.grad) + 1e-6) + 0.3 * before
    np.testing.assert_allclose(
        W.value, before - 0.1 * np.linalg.norm(before) / np.linalg.norm(r) * r, rtol=1e-12
    )
    zero = lw.Parameter(np.zeros(2))
    zero.grad = np.array([4.0, -4.0])
    lw.LAMB(lr=0.1).step({"W": zero})  # a norm of 0 would stop it for ever
    np.testing.assert_allclose(zero.value, [-0.1, 0.1], rtol=1e-6)


def test_adafactor_remembers_rows_and_columns():
    W = drawn("Adafactor")["affine1.W"]
    before, W.grad = W.value.copy(), np.random.default_rng(0).normal(size=(3, 4))
    optimizer = lw.Adafactor()
    optimizer.step({"W": W})
    assert [np.shape(held) for held in optimizer.memory["W"].values()] == [(), (3, 1), (1, 4)]
    rows, columns = (W.grad**2).mean(axis=1), (W.grad**2).mean(axis=0)
    u = W.grad / np.sqrt(np.outer(rows, columns) / rows.mean())
    u /= max(1, np.sqrt((u**2).mean()))
    rms = np.sqrt((before**2).mean())
    np.testing.assert_allclose(W.value, before - 0.01 * rms * u, rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3)])
def test_muon_makes_all_singular_values_alike(shape):
    W = lw.Parameter(np.zeros(shape))
    u, _, v = np.linalg.svd(np.random.default_rng(0).normal(size=shape), full_matrices=False)
    sizes = np.geomspace(0.1, 10, min(shape))
    W.grad = (u * sizes) @ v
    lw.Muon(lr=1.0).step({"W": W})
    turned = np.diag(u.T @ -W.value @ v.T) / max(1, shape[0] / shape[1]) ** 0.5
    assert (np.abs(turned - 1) < 0.5).all()
    np.testing.assert_allclose(
        u.T @ -W.value @ v.T, np.diag(np.diag(u.T @ -W.value @ v.T)), atol=1e-9
    )


# ---------------------------------------------------------------- beside PyTorch


def side_by_side(torch, name, options, dtype, steps=100):
    """The worst difference of any parameter in all steps, relative to its largest element or 1."""
    ours, rng, worst = drawn(name, dtype), np.random.default_rng(1), 0.0
    theirs = [torch.nn.Parameter(torch.tensor(one.value)) for one in ours.values()]
    optimizer = getattr(lw, name)(**options)
    peer = getattr(torch.optim, name)(theirs, **{"lr": optimizer.lr, **options})
    for _ in range(steps):
        give_gradients(ours, rng)
        for one, other in zip(ours.values(), theirs):
            other.grad = torch.tensor(one.grad)
        optimizer.step(ours)
        peer.step()
        for one, other in zip(ours.values(), theirs):
            difference = np.abs(one.value - other.detach().numpy()).max()
            worst = max(worst, difference / max(1.0, np.abs(one.value).max()))
    return worst


PEERS = [case for case in CASES if case[0] not in ("Lion", "LAMB")]  # PyTorch does not have them


@pytest.mark.peers
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-6)])
@pytest.mark.parametrize(("name", "options"), PEERS, ids=str)
def test_the_steps_are_pytorchs(name, options, dtype, tolerance, monkeypatch):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    if name == "Muon":  # PyTorch iterates in bfloat16, whatever the parameters are
        monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    assert side_by_side(torch, name, options, dtype) < tolerance


@pytest.mark.peers
def test_the_defaults_are_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    for name in sorted({name for name, _ in PEERS} | {"LBFGS"}):
        theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1, 1))]).defaults
        for option, default in vars(getattr(lw, name)()).items():
            if option in theirs and (name, option) not in [("SGD", "lr"), ("LBFGS", "max_eval")]:
                assert default == pytest.approx(theirs[option]), (name, option)


@pytest.mark.peers
def test_muon_is_pytorchs_up_to_the_rounding_of_bfloat16():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    assert 1e-6 < side_by_side(torch, "Muon", {"lr": 0.01}, "float32") < 0.01


# ---------------------------------------------------------------- what all have in common


@once
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_happens_in_place_and_in_the_parameters_dtype(name, dtype):
    parameters = drawn(name, dtype)
    arrays = {n: parameter.value for n, parameter in parameters.items()}
    optimizer = getattr(lw, name)(lr=np.float64(0.1), weight_decay=np.float64(0.1))
    run(optimizer, parameters, 2)
    kept = {n: copy.copy(memory) for n, memory in optimizer.memory.items()}
    run(optimizer, parameters, 2)
    for n, parameter in parameters.items():
        assert parameter.value is arrays[n] and parameter.dtype == dtype
        for what, held in optimizer.memory[n].items():
            if isinstance(held, np.ndarray):
                assert held is kept[n][what] and held.dtype == dtype
            else:
                assert type(held) in (int, float)


def test_the_array_that_others_share_is_written_to():
    class BookAffine:
        def __init__(self, W):
            self.W, self.dW = W, None

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    x, W = np.random.default_rng(0).normal(size=(7, 3)), np.ones((3, 2))
    net = lw.Sequential(BookAffine(W))
    before = net.forward(x)
    net.backward(np.ones((7, 2)))
    lw.SGD(lr=0.1, momentum=0.9).step(net.parameters())
    np.testing.assert_allclose(W, 1 - 0.1 * x.T @ np.ones((7, 2)))
    assert not np.allclose(net.forward(x), before)


@once
def test_what_has_no_gradient_is_left_alone(name):
    parameters = drawn(name)
    first, *others = parameters
    before = values(parameters)
    optimizer = getattr(lw, name)()
    parameters[first].grad = np.ones(parameters[first].shape)
    optimizer.step(parameters)
    assert list(optimizer.memory) == [first]
    assert (parameters[first].value != before[first]).any()
    for other in others:
        np.testing.assert_array_equal(parameters[other].value, before[other])


@once
def test_nothing_changes_when_a_gradient_has_another_shape(name):
    parameters = drawn(name)
    run(optimizer := getattr(lw, name)(), parameters, 1)
    before, state, last = values(parameters), optimizer.state(), list(parameters)[-1]
    shape = parameters[last].shape
    parameters[last].grad = np.ones((3, *shape))  # would be added up by broadcasting
    with pytest.raises(lw.GradientError) as caught:
        optimizer.step(parameters)
    assert str(caught.value) == (
        f"{last} has the shape {lw.errors.show_shape(shape)}, but its gradient has "
        f"{lw.errors.show_shape((3, *shape))}. Its layer's backward must give a gradient shaped "
        "like the parameter."
    )
    assert_same_bits(values(parameters), before)
    assert_same_bits(optimizer.state(), state)


def test_a_parameter_of_another_network_is_refused():
    W, other = lw.Parameter(np.ones(2)), lw.Parameter(np.ones(1))
    W.grad, other.grad = np.ones(2), np.ones(1)
    sgd = lw.SGD(momentum=0.9)
    sgd.step({"affine1.W": W})
    assert text_of(lw.GradientError, lambda: sgd.step({"affine1.W": other})) == (
        "affine1.W has the shape (1,), but at the last step it had (2,). It is of another network: "
        "make a new SGD for each network."
    )


def test_muon_refuses_what_is_no_matrix():
    b = lw.Parameter(np.ones(2))
    b.grad = np.ones(2)
    assert text_of(lw.GradientError, lambda: lw.Muon().step({"affine1.b": b})) == (
        "Muon is for matrices, but affine1.b has the shape (2,). Give the others to another "
        "optimizer: ByName({'*.W': Muon(), '*': AdamW()})."
    )


WRONG = [
    ("SGD", {"lr": -1}, "SGD(lr=-1): lr must be a number, 0 or more and finite."),
    ("SGD", {"lr": float("nan")}, "SGD(lr=nan): lr must be a number, 0 or more and finite."),
    ("SGD", {"lr": "0.1"}, "SGD(lr='0.1'): lr must be a number, 0 or more and finite."),
    (
        "SGD",
        {"momentum": 1},
        "SGD(momentum=1): momentum must be a number, 0 or more and below 1.",
    ),
    (
        "SGD",
        {"nesterov": True},
        "SGD(nesterov=True) looks ahead along the momentum, but momentum is 0. Set it, for example "
        "momentum=0.9.",
    ),
    ("Adam", {"betas": 0.9}, "Adam(betas=0.9): betas must be a pair of numbers."),
    (
        "Adam",
        {"betas": (0.9, 1.0)},
        "Adam(betas=1.0): betas must be a number, 0 or more and below 1.",
    ),
    ("AdamW", {"eps": -1e-8}, "AdamW(eps=-1e-08): eps must be a number, 0 or more and finite."),
    ("Adafactor", {"d": 0.5}, "Adafactor(d=0.5): d must be a number, 1 or more and finite."),
    ("Adafactor", {"eps": None}, "Adafactor(eps=None): eps must be a pair of numbers."),
    (
        "Adafactor",
        {"beta2_decay": 0.8},
        "Adafactor(beta2_decay=0.8): beta2_decay must be a number, at most 0.",
    ),
    (
        "Muon",
        {"ns_steps": True},
        "Muon(ns_steps=True): ns_steps must be a whole number, 1 or more.",
    ),
    ("Muon", {"ns_steps": 0}, "Muon(ns_steps=0): ns_steps must be a whole number, 1 or more."),
    (
        "Muon",
        {"ns_coefficients": (1, 2)},
        "Muon(ns_coefficients=(1, 2)): ns_coefficients must be three numbers.",
    ),
    (
        "Muon",
        {"adjust_lr_fn": "none"},
        "Muon(adjust_lr_fn='none'): adjust_lr_fn must be None or 'original' or 'match_rms_adamw'.",
    ),
    (
        "LBFGS",
        {"line_search_fn": "wolfe"},
        "LBFGS(line_search_fn='wolfe'): line_search_fn must be None or 'strong_wolfe'.",
    ),
    (
        "LBFGS",
        {"max_iter": 1.5},
        "LBFGS(max_iter=1.5): max_iter must be a whole number, 1 or more.",
    ),
    (
        "Adam",
        {"clip_norm": -1},
        "Adam(clip_norm=-1): clip_norm must be a number, 0 or more and finite.",
    ),
    (
        "Adam",
        {"groups": ["*.b"]},
        "Adam(groups=['*.b']): groups must be like {'*.b': {'weight_decay': 0}}, or a function.",
    ),
    (
        "Adam",
        {"groups": {"*.b": 0.1}},
        "groups, '*.b': expects options such as {'lr': 0.01}, but got 0.1.",
    ),
    (
        "Adam",
        {"groups": {"*.b": {"weight_decay": -1}}},
        "groups, '*.b': Adam(weight_decay=-1): weight_decay must be a number, 0 or more and "
        "finite.",
    ),
    (
        "ExponentialAverage",
        {"decay": 1},
        "ExponentialAverage(decay=1): decay must be a number, 0 or more and below 1.",
    ),
]


@pytest.mark.parametrize(("name", "options", "text"), WRONG)
def test_options_out_of_range_are_refused(name, options, text):
    assert text_of(ValueError, lambda: getattr(lw, name)(**options)) == text


def test_unknown_options_are_refused():
    assert text_of(TypeError, lambda: lw.Adam(beta=0.9)) == (
        "Adam has no option 'beta'. Did you mean 'betas'? It has lr, betas, eps, weight_decay, "
        "amsgrad, groups, clip_norm, clip_value."
    )
    assert text_of(TypeError, lambda: lw.SGD(groups={"*.b": {"clip_norm": 1.0}})) == (
        "groups, '*.b': SGD has no option 'clip_norm'. It has lr, momentum, nesterov, weight_decay."
    )


def test_optimizers_show_how_they_were_made():
    assert repr(lw.SGD()) == "SGD(lr=0.1)"
    shown = "SGD(lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.001)"
    assert repr(lw.SGD(0.01, 0.9, nesterov=True, weight_decay=0.001)) == shown
    shown = "AdamW(lr=StepLR(lr=0.1, step_size=9), betas=(0.9, 0.99), groups={'*.b': {'lr': 0.1}})"
    made = lw.AdamW(lw.StepLR(0.1, 9), (0.9, 0.99), groups={"*.b": {"lr": 0.1}})
    assert repr(made) == shown
    assert repr(lw.SGD(lambda step: 0.1)) == "SGD(lr=<lambda>)"
    assert repr(lw.LBFGS(history_size=5)) == "LBFGS(lr=1, history_size=5)"
    shown = "ByName({'*.W': Muon(lr=0.001), '*': AdamW(lr=0.001)})"
    assert repr(lw.optim.ByName({"*.W": lw.Muon(), "*": lw.AdamW()})) == shown
    assert repr(lw.ExponentialAverage(0.9)) == "ExponentialAverage(decay=0.9)"
    assert repr(lw.StochasticAverage()) == "StochasticAverage()"


# ---------------------------------------------------------------- groups


def alone(optimizer, name, steps=3):
    """What becomes of one parameter of the network with this optimizer."""
    parameters = net_of_two().parameters()
    run(optimizer, parameters, steps)
    return parameters[name].value


BOTH = {"*.b": {"weight_decay": 0}, "affine1.*": {"lr": 0.05, "weight_decay": 0.2}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("affine1.W", {"lr": 0.05, "weight_decay": 0.2}),
        ("affine1.b", {"lr": 0.05, "weight_decay": 0.2}),  # both match: the later one counts
        ("affine2.W", {"lr": 0.1, "weight_decay": 0.1}),
        ("affine2.b", {"lr": 0.1, "weight_decay": 0}),
    ],
)
def test_groups_by_patterns_of_names(name, expected):
    grouped = alone(lw.Adam(lr=0.1, weight_decay=0.1, groups=BOTH), name)
    np.testing.assert_array_equal(grouped, alone(lw.Adam(**expected), name))


def test_groups_by_a_function_of_the_name():
    optimizer = lw.Adam(0.1, groups=lambda name: {"lr": 0.01} if name.endswith("b") else {})
    np.testing.assert_array_equal(alone(optimizer, "affine1.b"), alone(lw.Adam(0.01), "affine1.b"))
    optimizer = lw.Adam(0.1, groups=lambda name: {"lr": 0.01} if name.endswith("b") else {})
    np.testing.assert_array_equal(alone(optimizer, "affine1.W"), alone(lw.Adam(0.1), "affine1.W"))
    bad = lw.Adam(groups=lambda name: {"rate": 1})
    assert text_of(TypeError, lambda: alone(bad, "affine1.W")).startswith("groups, 'affine1.W': ")


def test_a_group_may_remember_more_than_the_others():
    optimizer = lw.SGD(groups={"*.b": {"momentum": 0.5}})
    run(optimizer, net_of_two().parameters(), 1)
    assert [list(memory) for memory in optimizer.memory.values()] == [[], ["velocity"]] * 2


def test_a_pattern_that_matches_nothing_is_refused():
    optimizer = lw.SGD(groups={"*.bias": {"weight_decay": 0}})
    for _ in range(2):  # each time
        assert text_of(ValueError, lambda: alone(optimizer, "affine1.W")) == (
            "groups: '*.bias' matches no parameter. There are affine1.W, affine1.b, affine2.W, "
            "affine2.b."
        )


def test_options_set_between_steps_count():
    W = lw.Parameter(np.array([1.0]))
    W.grad = np.array([1.0])
    sgd = lw.SGD(lr=0.5, groups={"*": {"weight_decay": 0}})
    sgd.step({"W": W})
    sgd.lr = 0.25
    sgd.step({"W": W})
    assert W.value == 0.25


def test_by_name_gives_each_parameter_to_its_optimizer():
    both = lw.optim.ByName({"*.W": lw.Muon(0.1), "*": lw.AdamW(0.1)})
    parameters = net_of_two().parameters()
    run(both, parameters, 3)
    matrices, vectors = (
        {n: p for n, p in net_of_two().parameters().items() if n.endswith(end)} for end in "Wb"
    )
    rng = np.random.default_rng(1)
    muon, adamw = lw.Muon(0.1), lw.AdamW(0.1)
    for _ in range(3):
        give_gradients(dict(sorted((matrices | vectors).items())), rng)
        muon.step(matrices)
        adamw.step(vectors)
    assert_same_bits(values(parameters), values(dict(sorted((matrices | vectors).items()))))


def test_by_name_refuses_what_it_cannot_share_out():
    parameters = net_of_two().parameters()
    few = lw.optim.ByName({"*.W": lw.SGD()})
    assert text_of(ValueError, lambda: few.step(parameters)) == (
        "ByName({'*.W': SGD(lr=0.1)}): no pattern matches affine1.b. Add '*' with an optimizer for "
        "the rest."
    )
    many = lw.optim.ByName({"*": lw.SGD(), "*.W": lw.SGD()})
    assert text_of(ValueError, lambda: many.step(parameters)) == (
        "ByName({'*': SGD(lr=0.1), '*.W': SGD(lr=0.1)}): nothing is left for '*.W'. There are "
        "affine1.W, affine1.b, affine2.W, affine2.b."
    )
    for wrong in ({}, {"*": 0.1}, [lw.SGD()], {"*": lw.LBFGS()}):
        text = text_of(ValueError, lambda wrong=wrong: lw.optim.ByName(wrong))
        assert text == (
            "ByName expects patterns of names and their optimizers, such as {'*.W': Muon(), '*': "
            f"AdamW()}}, but got {wrong!r}."
        )


# ---------------------------------------------------------------- clipping


def with_gradients(*gradients, dtype="float64"):
    parameters = {}
    for number, gradient in enumerate(gradients):
        one = parameters[f"p{number}"] = lw.Parameter(np.zeros(np.shape(gradient), dtype))
        one.grad = np.asarray(gradient, dtype)
    return parameters


def gradients_of(parameters):
    return np.concatenate([parameter.grad.ravel() for parameter in parameters.values()]).tolist()


def test_clipping_by_norm_scales_all_gradients_together():
    parameters = with_gradients([3.0, 0.0], 4.0)
    parameters["none"] = lw.Parameter(np.zeros(2))
    assert lw.clip_grad_norm(parameters, 1.0) == 5.0
    del parameters["none"]
    assert gradients_of(parameters) == pytest.approx([0.6, 0.0, 0.8], rel=1e-6)
    assert lw.clip_grad_norm(parameters, 2.0) == pytest.approx(1.0)
    assert gradients_of(parameters) == pytest.approx([0.6, 0.0, 0.8], rel=1e-6)


def test_clipping_by_value_looks_at_each_element():
    parameters = with_gradients([3.0, -0.5], -4.0)
    lw.clip_grad_value(parameters, 1.0)
    assert gradients_of(parameters) == [1.0, -0.5, -1.0]


def test_clipping_leaves_the_array_of_the_gradient_alone_and_keeps_its_dtype():
    parameters = with_gradients([300.0, 400.0], dtype="float16")  # their squares overflow
    before = parameters["p0"].grad
    assert lw.clip_grad_norm(parameters, 1.0) == 500
    assert before.tolist() == [300, 400]
    assert parameters["p0"].grad.dtype == "float16"
    assert parameters["p0"].grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-3)


def test_clipping_keeps_nan_visible():
    parameters = with_gradients([np.nan, 1.0], [2.0])
    assert np.isnan(lw.clip_grad_norm(parameters, 1.0))
    lw.clip_grad_value(parameters, 1.0)
    assert np.isnan(parameters["p0"].grad[0])


def test_optimizers_clip_by_themselves():
    parameters = with_gradients([3.0, 0.0], 4.0)
    lw.SGD(lr=1.0, clip_norm=1.0).step(parameters)
    assert parameters["p1"].value == pytest.approx(-0.8, rel=1e-6)
    assert parameters["p1"].grad == 4  # the gradient itself stays
    parameters = with_gradients([3.0, 0.0], 4.0)
    lw.SGD(lr=1.0, clip_value=1.0).step(parameters)
    assert parameters["p0"].value.tolist() == [-1, 0]


def test_clipping_refuses_bad_limits():
    for clip, option in ((lw.clip_grad_norm, "max_norm"), (lw.clip_grad_value, "clip_value")):
        for limit in (-1, np.nan, "1", None):
            with pytest.raises(
                ValueError, match="must be a number, 0 or more and finite"
            ) as caught:
                clip({}, limit)
            assert str(caught.value).startswith(f"{clip.__name__}({option}={limit!r}): {option} ")


@pytest.mark.peers
@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_clipping_is_pytorchs(limit):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    for clip in ("clip_grad_norm", "clip_grad_value"):
        ours = drawn("SGD")
        give_gradients(ours, np.random.default_rng(2))
        theirs = [torch.nn.Parameter(torch.tensor(one.value)) for one in ours.values()]
        for one, other in zip(ours.values(), theirs):
            other.grad = torch.tensor(one.grad)
        norm = getattr(lw, clip)(ours, limit)
        peer = getattr(torch.nn.utils, f"{clip}_")(theirs, limit)
        assert norm == (None if peer is None else pytest.approx(peer.item(), rel=1e-12))
        for one, other in zip(ours.values(), theirs):
            np.testing.assert_allclose(one.grad, other.grad.numpy(), rtol=1e-12)


# ---------------------------------------------------------------- fit

X = np.random.default_rng(0).normal(size=(60, 3))
T = (X[:, 0] * X[:, 1] > 0).astype(int)

LEARNING = {
    "SGD": lambda: lw.SGD(0.5, momentum=0.9),
    "Adagrad": lambda: lw.Adagrad(0.3),
    "Adadelta": lambda: lw.Adadelta(eps=1e-2),
    "RMSprop": lambda: lw.RMSprop(),
    "Adam": lambda: lw.Adam(0.05),
    "AdamW": lambda: lw.AdamW(0.05),
    "NAdam": lambda: lw.NAdam(0.05),
    "RAdam": lambda: lw.RAdam(0.05),
    "Lion": lambda: lw.Lion(0.01),
    "Adafactor": lambda: lw.Adafactor(0.1),
    "LAMB": lambda: lw.LAMB(0.02),
    "Muon": lambda: lw.optim.ByName({"*.W": lw.Muon(0.1), "*": lw.AdamW(0.05)}),
    "LBFGS": lambda: lw.LBFGS(line_search_fn="strong_wolfe"),
}


def fit(optimizer, **options):
    net = lw.Sequential(lw.Affine(3, 16), lw.Tanh(), lw.Affine(16, 2), seed=0)
    settings = {"epochs": 40, "batch_size": 20, "progress": False} | options
    return net, lw.fit(net, X, T, optimizer=optimizer, **settings)


@pytest.mark.parametrize("name", LEARNING)
def test_fit_learns_with_every_optimizer(name):
    batch_size = 60 if name == "LBFGS" else 20
    net, history = fit(LEARNING[name](), batch_size=batch_size)
    assert history.epochs[-1].loss < 0.5 * history.epochs[0].loss
    assert lw.accuracy(net, X, T) > 0.9


def test_every_optimizer_is_tested_in_every_way():
    made = {name for name, _ in CASES} | {"LBFGS"}
    public = {n for n in lw.optim.__all__ if isinstance(getattr(lw, n), type)}
    public = {n for n in public if hasattr(getattr(lw, n), "step")} - {"Optimizer", "ByName"}
    assert made == set(LEARNING) == public


def test_fit_with_lbfgs_takes_all_rows():
    assert text_of(lw.TrainingError, lambda: fit(lw.LBFGS())) == (
        "LBFGS needs all rows in each step, but batch_size is 20 of 60 rows. Give batch_size=60, "
        "or another optimizer."
    )
    net = lw.Sequential(lw.Affine(3, 16), lw.Tanh(), lw.Affine(16, 2), seed=0)
    first = lw.SoftmaxCrossEntropy().forward(net.forward(X), T)
    _, history = fit(lw.LBFGS(max_iter=3), batch_size=100, epochs=1)
    assert history.epochs[0].loss == pytest.approx(first, rel=1e-6)


def test_fit_lets_the_schedule_see_each_epoch():
    plateau = lw.ReduceLROnPlateau(0.0, patience=1)
    for validation in (None, (X, T)):
        seen = []
        plateau.observe = lambda metric, step, seen=seen: seen.append((metric, step))
        _, history = fit(lw.SGD(plateau), epochs=2, validation=validation)
        losses = [e.loss if validation is None else e.val_loss for e in history.epochs]
        assert seen == [(losses[0], 3), (losses[1], 6)]


def test_an_optimizer_of_ones_own_is_one_method():
    class SignDescent(lw.optim.Optimizer):
        def update(self, value, d, memory, lr):
            value -= lr * np.sign(d)

    W = lw.Parameter(np.array([1.0, 2.0]))
    W.grad = np.array([0.5, -8.0])
    optimizer = SignDescent(lw.StepLR(0.1, step_size=1, gamma=0.5), groups={"W": {"lr": 0.25}})
    optimizer.step({"W": W})
    assert W.value.tolist() == [0.75, 2.25]
    assert re.match(r"SignDescent\(lr=StepLR\(", repr(optimizer))
    bare = lw.optim.Optimizer(0.1)
    text = text_of(NotImplementedError, lambda: bare.step({"W": W}))
    assert text == "Optimizer needs update(value, d, memory, lr)."


def test_what_is_dampening_in_pytorch_is_not_taken_for_nesterov():
    with pytest.raises(TypeError, match="positional argument"):
        lw.SGD(0.1, 0.9, 0.5)
