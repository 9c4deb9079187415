"""Recurrent layers: the cell and the sequence agree; lengths, states, graphs, extreme numbers."""

import copy
import re

import numpy as np
import pytest
from helpers import same, text_of

import layerwise as lw

PAIRS = [(lw.RNN, lw.RNNCell), (lw.LSTM, lw.LSTMCell), (lw.GRU, lw.GRUCell)]
pairs = pytest.mark.parametrize(
    ("sequence", "cell"), PAIRS, ids=[sequence.__name__ for sequence, _ in PAIRS]
)
every = pytest.mark.parametrize("sequence", [pair[0] for pair in PAIRS], ids=lambda c: c.__name__)


def numbers(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


@pairs
def test_the_cell_step_by_step_and_the_whole_sequence_agree(sequence, cell):
    whole, one = sequence(4, 3, rng=0).astype("float64"), cell(4, 3, rng=0).astype("float64")
    x, parts = numbers(6, 5, 4), len(one.state_sizes())
    first = [numbers(1, 5, 3, seed=k) for k in range(parts)]
    # forward
    outs = whole.forward(x, *first)
    steps, state = [], tuple(s[0] for s in first)
    for row in x:
        steps.append(copy.copy(one))  # as in the book: a light object for each step
        state = as_tuple(steps[-1].forward(row, *state))
        same(outs[0][len(steps) - 1], state[0])
    for got, want in zip(outs[1:], state):
        same(got[0], want)
    # backward
    douts = [numbers(*out.shape, seed=k) for k, out in enumerate(outs)]
    dx, *dfirst = whole.backward(tuple(douts))
    dstate = [d[0] for d in douts[1:]]
    for t in reversed(range(6)):
        dstate[0] = dstate[0] + douts[0][t]
        drow, *dstate = steps[t].backward(tuple(dstate) if parts > 1 else dstate[0])
        same(dx[t], drow)
    for got, want in zip(dfirst, dstate):
        same(got[0], want)
    for name, parameter in one.parameters().items():
        same(whole.parameters()[f"cells.0.{name}"].grad, parameter.grad)


@every
def test_backward_is_the_numerical_gradient_of_every_output(sequence):
    layer = sequence(3, 2, num_layers=2, bidirectional=True)
    report = lw.check(layer, numbers(4, 3, 3), np.array([0, 2, 4]))
    assert report.ok, str(report)


@every
def test_two_backwards_by_hand_add_up(sequence):
    layer = sequence(3, 2, rng=0).astype("float64")
    outs = layer.forward(numbers(4, 3, 3))
    douts = tuple(numbers(*out.shape) for out in outs)
    first = layer.backward(douts)
    grads = {name: p.grad.copy() for name, p in layer.parameters().items()}
    assert np.array_equal(layer.backward(douts), first)
    for name, parameter in layer.parameters().items():
        same(parameter.grad, 2 * grads[name])


# lengths -----------------------------------------------------------------------------------------


@every
def test_a_row_of_some_length_is_the_row_cut_there(sequence):
    layer = sequence(3, 2, num_layers=2, bidirectional=True, rng=0).astype("float64")
    x, lengths = numbers(5, 4, 3), np.array([3, 5, 1, 2])
    outs = layer.forward(x, lengths)
    for n, length in enumerate(lengths):
        out, *last = layer.forward(x[:length, n])
        same(outs[0][:length, n], out)
        assert not outs[0][length:, n].any()
        for got, want in zip(outs[1:], last):
            same(got[:, n], want)


@every
@pytest.mark.parametrize("both", [False, True])
def test_a_row_without_steps_keeps_its_first_state(sequence, both):
    layer = sequence(3, 2, bidirectional=both, rng=0).astype("float64")
    x = numbers(4, 2, 3)
    first = [numbers(1 + both, 2, 2, seed=k) for k in range(layer.num_outputs - 1)]
    out, *last = layer.forward(x, *first, np.array([0, 4]))
    assert not out[:, 0].any() and out[:, 1].all()
    for got, given in zip(last, first):
        assert np.array_equal(got[:, 0], given[:, 0])
    dlast = [numbers(*part.shape, seed=9) for part in last]
    dx, *dfirst, none = layer.backward((numbers(*out.shape), *dlast))
    assert none is None and not dx[:, 0].any() and dx[:, 1].all()
    for got, given in zip(dfirst, dlast):
        assert np.array_equal(got[:, 0], given[:, 0])


@every
@pytest.mark.parametrize("filling", [np.nan, np.inf, 1e300])
def test_what_stands_behind_the_end_of_a_row_does_not_count(sequence, filling):
    layer = sequence(3, 2, bidirectional=True, rng=0).astype("float64")
    x, lengths = numbers(4, 2, 3), np.array([4, 1])
    clean = layer.forward(x, lengths)
    x[1:, 1] = filling
    outs = layer.forward(x, lengths)
    for got, want in zip(outs, clean):
        assert np.array_equal(got, want)
    dx, _ = layer.backward(tuple(np.ones_like(out) for out in outs))
    assert not dx[1:, 1].any()
    assert all(np.isfinite(p.grad).all() for p in layer.parameters().values())


def test_lengths_are_checked():
    rnn, x = lw.RNN(3, 2), np.ones((4, 2, 3))
    assert text_of(ValueError, lambda: rnn.forward(x, np.array([5, 1]))) == (
        "RNN(3, 2) expects lengths from 0 to 4, the steps of x, but got 1 to 5."
    )
    assert text_of(ValueError, lambda: rnn.forward(x, np.array([-1, 1]))) == (
        "RNN(3, 2) expects lengths from 0 to 4, the steps of x, but got -1 to 1."
    )
    assert text_of(lw.ShapeError, lambda: rnn.forward(x, np.array([1.0, 2.0]))) == (
        "RNN(3, 2) expects lengths that count steps, but got (2,). They hold float64, and must be "
        "whole numbers."
    )


# options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("RNN(0, 2)", "RNN(0, 2, 1): sizes are whole numbers from 1 up, but got 0."),
        ("LSTM(3, 2, 0)", "LSTM(3, 2, 0): sizes are whole numbers from 1 up, but got 0."),
        ("GRUCell(3, 2.5)", "GRUCell(3, 2.5): sizes are whole numbers from 1 up, but got 2.5."),
        ("RNN(3, 2, nonlinearity='sin')",
         "RNNCell(nonlinearity='sin'): choose one of ('tanh', 'relu')."),
        ("LSTM(3, 2, proj_size=2)", "LSTM(proj_size=2): give a size below hidden_size 2, or 0 for "
                                    "no projection."),
        ("GRU(3, 2, dropout=1.5)", "Dropout(p=1.5): p is a probability."),
    ],
)  # fmt: skip
def test_options_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        eval(call, vars(lw))


@every
def test_dropout_is_between_levels_and_only_in_training(sequence):
    x = numbers(4, 3, 3)
    plain = sequence(3, 2, num_layers=2, rng=0)
    dropped = sequence(3, 2, num_layers=2, dropout=0.5, rng=0)
    for mine, other in zip(dropped.parameters().values(), plain.parameters().values()):
        mine.value = other.value
    assert not np.allclose(dropped.forward(x)[0], plain.forward(x)[0])
    dropped.training = False
    for got, want in zip(dropped.forward(x), plain.forward(x)):
        assert np.array_equal(got, want)
    single = sequence(3, 2, dropout=0.9, rng=0)
    assert np.array_equal(single.forward(x)[0], single.forward(x)[0])  # nothing to drop between


def test_dropout_runs_backward_by_its_mask():
    layer = lw.GRU(3, 2, num_layers=2, dropout=0.5, rng=0).astype("float64")
    report = lw.check(layer, numbers(4, 3, 3))
    assert report.ok, str(report)


def test_the_seed_of_a_graph_decides_numbers_and_dropout():
    def out(seed):
        x = lw.Input("x")
        out, _ = lw.RNN(3, 2, num_layers=2, dropout=0.5)(x)
        return lw.Graph(out, seed=seed).forward(np.ones((4, 2, 3)))

    assert np.array_equal(out(1), out(1)) and not np.allclose(out(1), out(2))


@every
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_extreme_numbers_do_not_overflow(sequence, dtype):
    layer = sequence(3, 2, rng=0).astype(dtype)
    x = np.random.default_rng(0).choice([-1e4, 1e4], size=(5, 4, 3)).astype(dtype)
    outs = layer.forward(x)
    dx = layer.backward(tuple(np.ones_like(out) for out in outs))
    assert all(np.isfinite(out).all() and out.dtype == dtype for out in outs)
    assert np.isfinite(dx).all() and dx.dtype == dtype


def test_whole_numbers_count_as_floats():
    lstm, x = lw.LSTM(3, 2, rng=0), np.arange(24).reshape(4, 2, 3)
    for got, want in zip(lstm.forward(x), lstm.forward(x.astype("float32"))):
        assert got.dtype == "float32" and np.array_equal(got, want)


# in a graph --------------------------------------------------------------------------------------


def test_the_outputs_of_a_graph_s_lstm_are_three_nodes():
    x = lw.Input("x", shape=(None, None, 3))
    out, h, c = lw.LSTM(3, 2, batch_first=True)(x)
    graph = lw.Graph([lw.Affine(2, 4)(out), (h * 2).named("h"), c], dtype="float64", seed=0)
    assert [seat.shape for seat in graph.outputs] == [(None, None, 4), (1, None, 2), (1, None, 2)]
    report = lw.check(graph, numbers(3, 4, 3))
    assert report.ok, str(report)
    assert "lstm1.cells.0.Wx" in graph.parameters()


def test_of_the_outputs_one_may_be_all_that_counts():
    x, lengths = lw.Input("x"), lw.Input("lengths")
    _, h = lw.GRU(3, 2)(x, lengths)
    graph = lw.Graph(h.sum(), dtype="float64", seed=0)
    report = lw.check(graph, numbers(4, 3, 3), np.array([4, 0, 2]))
    assert report.ok, str(report)


def test_an_encoder_hands_its_state_to_a_decoder():
    question, answer = lw.Input("question"), lw.Input("answer")
    _, h, c = lw.LSTM(3, 2)(question)
    out, _, _ = lw.LSTM(4, 2)(answer, h, c)
    graph = lw.Graph(out, dtype="float64", seed=0)
    inputs = numbers(5, 2, 3), numbers(3, 2, 4)
    report = lw.check(graph, *inputs)
    assert report.ok, str(report)
    graph.forward(*inputs)
    assert abs(graph.backward()[0]).min() > 0  # all of the question was heard


def test_a_wrong_width_is_found_while_building():
    x = lw.Input("x", shape=(7, None, 5))
    assert text_of(lw.ShapeError, lambda: lw.Graph(lw.GRU(4, 2)(x)[0])) == (
        "gru1 = GRU(4, 2) expects inputs (T, N, 4) or (T, 4), but x gives (7, N, 5)."
    )
