"""Attention in kernels, as the layers in float64, and whole transformers."""

import importlib.util

import numpy as np
import pytest
from engines import (
    assert_exact,
    assert_learns_the_same,
    assert_threads_do_not_matter,
    beside_a_parameter,
)
from hypothesis import given
from hypothesis import strategies as st
from test_engine_process import posix, python

import layerwise as lw

if importlib.util.find_spec("numba") is None:
    pytest.skip("Numba is not installed: there is only one engine", allow_module_level=True)

RNG = np.random.default_rng(0)
Scaled, MultiHead = lw.ScaledDotProductAttention, lw.MultiHeadAttention


def numbers(*shape):
    return RNG.normal(size=shape).astype("f")


CASES = [
    (lambda: Scaled(), numbers(3, 7, 5), numbers(3, 9, 5), numbers(3, 9, 4)),
    (lambda: Scaled(is_causal=True), *(numbers(3, 130, n) for n in (33, 33, 50))),
    (lambda: Scaled(is_causal=True, scale=-0.3), numbers(210, 8), *(numbers(300, 8),) * 2),
    (lambda: Scaled(is_causal=True), numbers(2, 310, 8), *(numbers(2, 200, 8),) * 2),
    (
        lambda: Scaled(enable_gqa=True),
        *(numbers(2, *shape) for shape in ((6, 30, 8), (3, 100, 8), (3, 100, 70))),
    ),
    (lambda: MultiHead(12, 3, batch_first=True, is_causal=True), numbers(2, 50, 12)),
    (lambda: MultiHead(12, 3), numbers(50, 3, 12), numbers(20, 3, 12)),
    (
        lambda: MultiHead(12, 4, bias=False, kdim=5, vdim=7, batch_first=True, num_kv_heads=2),
        *(numbers(2, *shape) for shape in ((5, 12), (20, 5), (20, 7))),
    ),
    (lambda: MultiHead(12, 4), numbers(33, 12)),
]
every = pytest.mark.parametrize(
    ("make", "inputs"), [(make, inputs) for make, *inputs in CASES],
    ids=[f"{make()!r} {[x.shape for x in inputs]}" for make, *inputs in CASES],
)  # fmt: skip


@every
def test_attention_is_exact(make, inputs):
    assert_exact(make, *inputs)


@every
def test_threads_do_not_matter(make, inputs):
    assert_threads_do_not_matter(make, *inputs)


@given(
    batch=st.integers(1, 3), L=st.integers(1, 120), S=st.integers(1, 120), E=st.integers(1, 70),
    D=st.integers(1, 70), causal=st.booleans(),
)  # fmt: skip
def test_attention_of_all_sizes(batch, L, S, E, D, causal):
    inputs = numbers(batch, L, E), numbers(batch, S, E), numbers(batch, S, D)
    assert_exact(lambda: Scaled(is_causal=causal), *inputs, times=1)


def test_nan_is_seen_by_the_queries_that_see_it():
    """And in NumPy by some more: there 0 shares of what a causal query does not see are products
    with NaN, too."""
    given = [numbers(2, 20, 4) for _ in "qkv"]
    for which, causal in ((0, True), (1, True), (2, True), (1, False)):
        inputs = [x.copy() for x in given]
        inputs[which][1, 7, 2] = np.nan
        found = []
        for engine in ("compiled", "numpy"):
            with lw.engine(engine):
                net = beside_a_parameter(lambda causal=causal: Scaled(is_causal=causal), *inputs)
                out, _ = net.forward(*inputs, np.ones((1, 2)))
                found.append([np.isnan(x) for x in (out, *net.backward(1.0)[:3])])
        (out, *dxs), (wanted, *wanted_dxs) = found
        if which != 2:
            assert np.array_equal(out, wanted)
        assert out[1, 7].any() and not out[0].any()
        for ours, theirs in zip((out, *dxs), (wanted, *wanted_dxs)):
            assert not (ours & ~theirs).any() and ours.any() == theirs.any()
            assert causal or np.array_equal(ours, theirs)


def test_scores_of_any_size():
    q, k, v = 1e3 * numbers(1, 40, 8), 1e3 * numbers(1, 40, 8), numbers(1, 40, 8)
    net = beside_a_parameter(lambda: Scaled(scale=1.0), q, k, v)
    out, _ = net.forward(q, k, v, np.ones((1, 2)))
    best = (q @ k.mT).argmax(axis=-1)
    np.testing.assert_allclose(out[0], v[0, best[0]], rtol=1e-5)  # only the best key counts
    assert all(np.isfinite(dx).all() for dx in net.backward(1.0))


@pytest.mark.parametrize("layer", [MultiHead(12, 3, is_causal=True, rng=0), Scaled(is_causal=True)])
def test_the_weights_can_be_looked_at(layer):
    found = []
    for engine in ("compiled", "numpy"):
        count = 1 if isinstance(layer, MultiHead) else 3
        xs = [np.random.default_rng(i).normal(size=(2, 50, 12)).astype("f") for i in range(count)]
        net = beside_a_parameter(lambda: layer, *xs)
        (place,) = [seat.layer for seat in net.nodes if type(seat.layer) is type(layer)]
        attention = getattr(place, "attention", place)
        with lw.engine(engine):
            for factor in (2, 1):
                net.forward(*(factor * x for x in xs), np.ones((1, 2)))
            net.predict(*(3 * x for x in xs), np.ones((1, 2)))
            found.append(attention.weights)
    assert found[0].dtype == np.float32 and attention.weights is found[1]
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


def test_memory_grows_with_the_length_and_not_with_its_square():
    x = numbers(1, 3000, 4)
    net = beside_a_parameter(lambda: Scaled(), x, x, x)
    net.forward(x, x, x, np.ones((1, 2)))
    net.backward(1.0)
    passes = [net._plan.forward_pass, *net._plan.backward_passes.values()]
    assert max(step.moved for one in passes for step in one.program.steps) < 10 * x.nbytes


@pytest.mark.parametrize(
    "layer",
    [MultiHead(8, 2, rotary=True), MultiHead(8, 2, dropout=0.5, rng=1)],
    ids=repr,
)
def test_what_has_no_kernels_runs_its_own_code(layer):
    net = beside_a_parameter(lambda: layer, np.empty((2, 5, 8)))
    net.forward(numbers(2, 5, 8), np.ones((1, 2)))
    assert "Python" in net.plan()


def test_masks_run_in_the_layer():
    x, hidden = numbers(2, 5, 8), np.arange(5) > [[2], [4]]
    options = {"batch_first": True, "masks": "src_key_padding_mask", "seed": 0}
    net = lw.TransformerEncoderLayer(8, 2, 16, 0.0, **options)
    outer = lw.Graph(net(lw.Input("x"), lw.Input("mask")), seed=0)
    outs = []
    for engine in ("compiled", "numpy"):
        with lw.engine(engine):
            outs.append(outer.forward(x, hidden))
    np.testing.assert_allclose(*outs, rtol=1e-5, atol=1e-5)


# whole networks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_small_gpt_learns_the_same(dropout):
    def make():
        return lw.models.gpt(17, block_size=50, n_layer=2, n_head=2, n_embd=20, dropout=dropout)

    text = np.random.default_rng(0).integers(0, 17, (3, 41))
    net = assert_learns_the_same(make, text, lambda: lw.AdamW(lr=1e-2))
    assert ("Python" in net.plan()) == bool(dropout)  # attention with dropout has no kernel


def test_a_graph_inside_that_declares_a_shape_holds_to_it():
    inner = lw.Graph(lw.Affine(3, 2)(lw.Input("x", shape=(None, 3))), seed=0)
    outer = lw.Graph(inner(lw.Input("x")), seed=0)
    assert outer.forward(np.ones((4, 3))).shape == (4, 2) and "Python" not in outer.plan()
    for engine in ("compiled", "numpy"):
        with lw.engine(engine), pytest.raises(lw.LayerError, match=r"has the shape \(N, 3\)"):
            outer.forward(np.ones((2, 4, 3)))


# memory ------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("side", ["behind", "before"])
def test_nothing_is_read_or_written_outside(side):
    python(
        f"""
        import numpy as np
        import guarded
        guarded.SIDE = {side!r}
        from test_engine_attention import CASES, beside_a_parameter

        for make, *inputs in CASES:
            net = beside_a_parameter(make, *inputs)
            guarded.run(net, *inputs, np.ones((1, 2), "f"))
        """
    )
