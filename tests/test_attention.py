"""Embedding, positions and attention: what their rows in the table of cases do not say."""

import re

import numpy as np
import pytest
from helpers import same, text_of

import layerwise as lw

# embedding ---------------------------------------------------------------------------------------


def test_an_embedding_starts_as_it_says():
    words = lw.Embedding(1000, 50, padding_idx=3, rng=0)
    assert words.W.dtype == np.float32 and not words.W.value[3].any()
    assert abs(words.W.value.mean()) < 0.01 and abs(words.W.value.std() - 1) < 0.01
    assert np.array_equal(words.W.value, lw.Embedding(1000, 50, padding_idx=-997, rng=0).W.value)
    ones = lw.Embedding(2, 3, 1, init=lambda shape, rng: np.ones(shape))
    assert ones.W.value.tolist() == [[1, 1, 1], [0, 0, 0]]


def test_the_gradient_of_a_row_is_the_sum_over_its_places():
    words = lw.Embedding(3, 2, padding_idx=-1)
    x, dout = np.array([[1, 0, 1], [2, 1, 2]]), np.arange(12.0).reshape(2, 3, 2)
    for _ in range(2):  # by hand, the gradients of several calls add up
        words.forward(x)
        assert words.backward(dout) is None
    assert words.W.grad.tolist() == [[4, 6], [24, 30], [0, 0]]


@pytest.mark.parametrize(
    ("x", "text"),
    [
        ([[0, 1], [7, 2]], "numbers from 0 to 3, but x[1, 0] is 7. Count from 0, or give it more "
                           "rows."),
        (-1, "numbers from 0 to 3, but x is -1. Count from 0, or give it more rows."),
        ([0.0, 1.0], "whole numbers, but got float64. Convert them: x.astype(int)."),
        ([True, False], "whole numbers, but got bool. Convert them: x.astype(int)."),
    ],
)  # fmt: skip
def test_an_embedding_refuses_what_is_no_number_of_a_row(x, text):
    words = lw.Embedding(4, 3)
    assert text_of(ValueError, lambda: words.forward(x)) == f"Embedding(4, 3) expects {text}"
    net = lw.Graph(words(lw.Input("x")))
    said = text_of(lw.LayerError, lambda: net.forward(np.array(x)))
    assert said.startswith(f"embedding1 = Embedding(4, 3) failed in forward: ValueError: {words!r}")


def test_a_network_of_words_learns_and_its_input_has_no_gradient():
    net = lw.Sequential(lw.Embedding(4, 3), lw.Affine(3, 2), seed=0)
    assert net.forward(np.array([[1, 2, 1]], "uint8")).shape == (1, 3, 2)
    assert net.backward() is None
    assert net["embedding1.W"].grad.any(axis=1).tolist() == [False, True, True, False]


def test_the_last_layer_may_share_the_numbers_of_the_words():
    words, x = lw.Embedding(5, 4), lw.Input("x")
    h = lw.Tanh()(words(x))
    net = lw.Graph(h @ lw.Transpose()(words.W), dtype="float64", seed=0)
    assert list(net.parameters()) == ["embedding1.W"]
    numbers, dout = np.array([[1, 3, 1]]), np.random.default_rng(0).normal(size=(1, 3, 5))
    out = net.forward(numbers)
    W = words.W.value
    same(out, np.tanh(W[numbers]) @ W.T)
    net.backward(dout)
    h, slope = np.tanh(W[numbers]), 1 - np.tanh(W[numbers]) ** 2
    grad = np.einsum("ntv,ntd->vd", dout, h)  # as the last layer
    np.add.at(grad, numbers, dout @ W * slope)  # as the first
    same(words.W.grad, grad)


# options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("Embedding(0, 3)", "Embedding(num_embeddings=0): give a whole number from 1 up."),
        ("Embedding(3, 2.5)", "Embedding(embedding_dim=2.5): give a whole number from 1 up."),
        ("Embedding(3, 2, 3)", "Embedding(padding_idx=3): there is no such row. Give a number from "
                               "0 to 2."),
    ],
)  # fmt: skip
def test_options_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        eval(call, vars(lw))
