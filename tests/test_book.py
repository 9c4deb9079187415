"""Programs of the books: with the library's layers they compute what their formulas say.

A program is written once, in the book's manner, and gets its layers from `lib`: from the library,
or from `plain_books.py`, where the formulas stand.
"""

import inspect
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import plain_books
import pytest
from helpers import same, text_of

import layerwise as lw
from layerwise import book

EXACT = 1e-6  # relative, as promised

x_train, t_train = lw.data.digits().train
x_train = x_train.astype(float)


def close(ours, plain, tolerance=EXACT):
    """Equal up to the promised share of the largest number."""
    plain = np.asarray(plain)
    assert np.shape(ours) == plain.shape
    scale = np.abs(plain).max(initial=1e-30)
    np.testing.assert_allclose(ours / scale, plain / scale, rtol=0, atol=tolerance)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape) / np.sqrt(shape[0])


# the first volume --------------------------------------------------------------------------------


class TwoLayerNet:
    """Deep Learning from Scratch, 5.7.2."""

    def __init__(self, lib, weight_init_std=0.1):
        rng = np.random.default_rng(0)
        self.params = {
            "W1": weight_init_std * rng.normal(size=(64, 20)),
            "b1": np.zeros(20),
            "W2": weight_init_std * rng.normal(size=(20, 10)),
            "b2": np.zeros(10),
        }
        self.layers = OrderedDict()
        self.layers["Affine1"] = lib.Affine(self.params["W1"], self.params["b1"])
        self.layers["Relu1"] = lib.Relu()
        self.layers["Affine2"] = lib.Affine(self.params["W2"], self.params["b2"])
        self.lastLayer = lib.SoftmaxWithLoss()
        self.parts = {"1": "Affine1", "2": "Affine2"}

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.lastLayer.forward(self.predict(x), t)

    def accuracy(self, x, t):
        return np.mean(np.argmax(self.predict(x), axis=1) == t)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.lastLayer.backward(1)
        for layer in reversed(list(self.layers.values())):
            dout = layer.backward(dout)
        grads = {}
        for number, name in self.parts.items():
            grads["W" + number] = self.layers[name].dW
            grads["b" + number] = self.layers[name].db
        return grads

    def numerical_gradient(self, x, t):
        def loss_W(W):
            return self.loss(x, t)

        return {key: book.numerical_gradient(loss_W, W) for key, W in self.params.items()}


class SimpleConvNet(TwoLayerNet):
    """Deep Learning from Scratch, 7.5: conv - relu - pool - affine - relu - affine."""

    def __init__(self, lib):
        rng = np.random.default_rng(0)
        sizes = {"W1": (5, 1, 3, 3), "W2": (5 * 3 * 3, 12), "W3": (12, 10)}
        self.params = {key: 0.3 * rng.normal(size=size) for key, size in sizes.items()}
        self.params |= {"b1": np.zeros(5), "b2": np.zeros(12), "b3": np.zeros(10)}
        W = self.params
        self.layers = OrderedDict()
        self.layers["Conv1"] = lib.Convolution(W["W1"], W["b1"], stride=1, pad=0)
        self.layers["Relu1"] = lib.Relu()
        self.layers["Pool1"] = lib.Pooling(pool_h=2, pool_w=2, stride=2)
        self.layers["Affine1"] = lib.Affine(W["W2"], W["b2"])
        self.layers["Relu2"] = lib.Relu()
        self.layers["Affine2"] = lib.Affine(W["W3"], W["b3"])
        self.lastLayer = lib.SoftmaxWithLoss()
        self.parts = {"1": "Conv1", "2": "Affine1", "3": "Affine2"}


def digits(images):
    """Digits as rows, or as images of 8 by 8."""
    return x_train.reshape(-1, 1, 8, 8) if images else x_train


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("net", [TwoLayerNet, SimpleConvNet])
def test_a_network_of_the_first_volume_learns_with_the_book_s_numbers(net, one_hot):
    ours, plain = net(book), net(plain_books)
    x, t = digits(net is SimpleConvNet), t_train
    for step in range(30):
        batch = slice(40 * step, 40 * (step + 1))
        labels = np.eye(10)[t[batch]] if one_hot else t[batch]
        close(ours.loss(x[batch], labels), plain.loss(x[batch], labels), 1e-6)
        for key, grad in plain.gradient(x[batch], labels).items():
            close(ours.gradient(x[batch], labels)[key], grad)
            plain.params[key] -= 0.1 * grad
        for key, grad in ours.gradient(x[batch], labels).items():
            ours.params[key] -= 0.1 * grad
    for key, W in plain.params.items():
        close(ours.params[key], W)
    assert ours.accuracy(x, t) == plain.accuracy(x, t) > 0.25


def test_the_gradient_check_of_the_first_volume():
    net, x, t = TwoLayerNet(book), x_train[:3], t_train[:3]
    analytic, numerical = net.gradient(x, t), net.numerical_gradient(x, t)
    for key, grad in analytic.items():
        assert np.mean(abs(grad - numerical[key])) < 1e-7


def test_gradients_of_the_first_volume_are_arrays_of_their_own():
    net = TwoLayerNet(book)
    first = net.gradient(x_train[:5], t_train[:5])
    kept = {key: grad.copy() for key, grad in first.items()}
    net.gradient(x_train[5:10], t_train[5:10])
    assert all(np.array_equal(grad, kept[key]) for key, grad in first.items())


def test_sigmoid_at_the_ends_of_every_float():
    for dtype, tiny in ((np.float64, 1e-300), (np.float32, 1e-37), (np.float16, 1e-5)):
        x = np.array([-np.inf, -1e4, np.log(tiny), 0, 1e4, np.inf, np.nan], dtype)
        y = book.Sigmoid().forward(x)  # an overflow would be an error here
        assert y.dtype == dtype
        np.testing.assert_allclose(y, np.array([0, 0, tiny, 0.5, 1, 1, np.nan]), rtol=0.02)


def test_what_is_impossible_in_scores_and_targets_costs_nothing():
    scores, t = np.array([[0.0, 0.0, -np.inf]]), np.array([[0.5, 0.5, 0.0]])
    last = book.SoftmaxWithLoss()
    assert last.forward(scores, t) == pytest.approx(np.log(2))
    assert not np.isfinite(last.forward(scores, t[:, ::-1]))  # it shows
    assert np.isnan(last.forward(scores * np.nan, t))


def test_a_forward_that_fails_leaves_nothing_to_go_back_through():
    affine = book.Affine(drawn(4, 3), drawn(3))
    affine.forward(drawn(5, 4))
    with pytest.raises(ValueError, match="shapes"):
        affine.forward(drawn(5, 7))
    with pytest.raises(lw.OrderError):
        affine.backward(drawn(5, 3))


OPTIMIZERS = [getattr(book.optimizer, name) for name in book.optimizer.__all__ if name != "np"]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_takes_numbers_and_arrays_of_any_size(kind):
    many = np.random.default_rng(0).normal(size=(300, 200))  # more than stay in the cache
    together, turned = {"W": many.copy()}, {"W": many.copy(order="F")}
    alone = {"x": float(many[0, 0]), "y": float(many[-1, -1])}
    optimizers, W = [kind(lr=0.1) for _ in range(3)], together["W"]
    for _ in range(3):
        for optimizer, params in zip(optimizers, (together, turned, alone)):
            optimizer.update(params, {key: 2 * value for key, value in params.items()})
    assert together["W"] is W and np.allclose(W, turned["W"], rtol=1e-14)
    assert np.allclose([W[0, 0], W[-1, -1]], list(alone.values()), rtol=1e-14)


def test_an_affine_serves_both_volumes():
    W, b, x = drawn(4, 3), drawn(3), drawn(5, 4)
    early, late = book.Affine(W, b), book.Affine(W, b)
    grads = early.grads  # as a network of the second volume collects them, before any backward
    assert early.params[0] is W and not grads[0].any()
    for scale in (1, 2):
        for layer in (early, late):
            layer.backward(scale * layer.forward(x))
        assert np.array_equal(grads[0], early.dW) and grads[1] is early.grads[1]
        assert grads[0] is not early.dW
    for grad, want in zip(late.grads, grads):
        assert np.array_equal(grad, want)  # and also if it is asked for only now


def test_the_trainer_of_the_first_volume(capsys):
    net = TwoLayerNet(book)
    trainer = book.Trainer(net, x_train[:500], t_train[:500], x_train[500:], t_train[500:],
                           epochs=4, mini_batch_size=50, optimizer="Adam",
                           optimizer_param={"lr": 0.01}, evaluate_sample_num_per_epoch=100,
                           rng=0)  # fmt: skip
    trainer.train()
    assert len(trainer.train_loss_list) == trainer.max_iter == 40
    assert len(trainer.train_acc_list) == len(trainer.test_acc_list) == 4
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("=== epoch:1, train acc:") and len(said) == 40 + 4 + 2
    assert float(said[-1].removeprefix("test acc:")) > 0.7
    assert text_of(ValueError, lambda: book.Trainer(net, 1, 2, 3, 4, optimizer="Sdg")).startswith(
        "Trainer(optimizer='Sdg'): choose one of ['sgd', "
    )


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("use_batchnorm", [False, True])
def test_the_networks_of_several_layers(activation, use_batchnorm):
    net = book.MultiLayerNetExtend(64, [5, 4], 10, activation, weight_decay_lambda=0.1,
                                   use_batchnorm=use_batchnorm, rng=0)  # fmt: skip
    x, t = x_train[:6], np.eye(10)[t_train[:6]]
    analytic, numerical = net.gradient(x, t), net.numerical_gradient(x, t)
    assert analytic.keys() == numerical.keys() == net.params.keys()
    for key, grad in analytic.items():
        np.testing.assert_allclose(grad, numerical[key], rtol=1e-5, atol=1e-7)
    assert net.accuracy(x, t) == net.accuracy(x, t_train[:6])
    if not use_batchnorm:
        plain = book.MultiLayerNet(64, [5, 4], 10, activation, weight_decay_lambda=0.1, rng=0)
        assert plain.loss(x, t) == net.loss(x, t)


def test_the_first_weights_of_the_networks_of_several_layers():
    for std, want in [(0.5, 0.5), ("He", (2 / 500) ** 0.5), ("xavier", (1 / 500) ** 0.5)]:
        net = book.MultiLayerNet(500, [400], 10, weight_init_std=std, rng=0)
        assert net.params["W1"].std() == pytest.approx(want, rel=0.01)
    assert text_of(ValueError, lambda: book.MultiLayerNet(4, [3], 2, weight_init_std="best")) == (
        "weight_init_std='best': give a number or one of ('relu', 'he', 'sigmoid', 'xavier')."
    )
    assert text_of(ValueError, lambda: book.MultiLayerNet(4, [3], 2, activation="tanh")) == (
        "activation='tanh': choose one of ('relu', 'sigmoid')."
    )


def test_dropout_in_the_network_of_several_layers_is_drawn_anew_and_off_outside_training():
    net = book.MultiLayerNetExtend(64, [50], 10, use_dropout=True, dropout_ration=0.2, rng=0)
    x = x_train[:6]
    assert not np.array_equal(net.predict(x, train_flg=True), net.predict(x, train_flg=True))
    assert np.array_equal(net.predict(x), net.predict(x))


# the second volume: words ------------------------------------------------------------------------


class CBOW:
    """Deep Learning from Scratch 2, 3.4: a word from the two around it; W_in is there twice."""

    def __init__(self, lib, V=7, H=5):
        self.W_in, W_out = drawn(V, H), drawn(H, V, seed=1)
        self.in_layer0, self.in_layer1 = lib.MatMul(self.W_in), lib.MatMul(self.W_in)
        self.out_layer = lib.MatMul(W_out)
        self.loss_layer = lib.SoftmaxWithLoss()
        self.params, self.grads = [], []
        for layer in (self.in_layer0, self.in_layer1, self.out_layer):
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, contexts, target):
        h = self.in_layer0.forward(contexts[:, 0]) + self.in_layer1.forward(contexts[:, 1])
        return self.loss_layer.forward(self.out_layer.forward(h * 0.5), target)

    def backward(self, dout=1):
        da = self.out_layer.backward(self.loss_layer.backward(dout)) * 0.5
        self.in_layer1.backward(da)
        self.in_layer0.backward(da)


class NegativeSampling:
    """Deep Learning from Scratch 2, 4.2: two-class losses of dot products, all of one W."""

    def __init__(self, lib, V=7, H=5):
        self.W = drawn(V, H)
        self.embeds = [lib.Embedding(self.W) for _ in range(3)]
        self.losses = [lib.SigmoidWithLoss() for _ in range(3)]
        self.params = [layer.params[0] for layer in self.embeds]
        self.grads = [layer.grads[0] for layer in self.embeds]

    def forward(self, h, targets):
        self.h, self.rows, loss = h, [], 0
        for k, (embed, last) in enumerate(zip(self.embeds, self.losses)):
            self.rows.append(embed.forward(targets[:, k]))
            label = np.full(len(h), int(k == 0), dtype=np.int32)
            loss += last.forward(np.sum(self.rows[k] * h, axis=1), label)
        return loss

    def backward(self, dout=1):
        self.dh = 0
        for embed, last, row in zip(self.embeds, self.losses, self.rows):
            dscore = last.backward(dout).reshape(-1, 1)
            embed.backward(dscore * self.h)
            self.dh = self.dh + dscore * row


def train(model, optimizer, batches, max_grad=None):
    """The loop of the second volume's trainers; returns the losses."""
    losses = []
    for x, t in batches:
        losses.append(model.forward(x, t))
        model.backward()
        params, grads = book.remove_duplicate(model.params, model.grads)
        if max_grad is not None:
            book.clip_grads(grads, max_grad)
        optimizer.update(params, grads)
    return losses


def agree(model, optimizer, batches, **options):
    """Train a program with both kinds of layers, and compare losses and parameters."""
    ours, plain = model(book), model(plain_books)
    losses = train(ours, optimizer(), batches, **options)
    close(losses, train(plain, optimizer(), batches, **options))
    assert losses[-1] < losses[0]
    for W, V in zip(ours.params, plain.params):
        close(W, V)
    return ours, plain


def test_the_simple_cbow_of_the_second_volume():
    corpus, _, id_to_word = book.preprocess("You say goodbye and I say hello.")
    contexts, target = book.create_contexts_target(corpus)
    contexts, target = (book.convert_one_hot(a, len(id_to_word)) for a in (contexts, target))
    ours, _ = agree(CBOW, book.Adam, [(contexts.astype(float), target.astype(float))] * 20)
    assert ours.in_layer0.params[0] is ours.in_layer1.params[0] is ours.W_in


def test_negative_sampling():
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(6, 5)), rng.integers(0, 7, size=(6, 3))
    ours, plain = agree(NegativeSampling, lambda: book.SGD(0.5), [batch] * 10)
    close(ours.dh, plain.dh)


# the second volume: sequences --------------------------------------------------------------------


class Rnnlm:
    """Deep Learning from Scratch 2, 5.5 and 6.4: the next word, from all words before it."""

    V, D, H = 11, 6, 5

    def __init__(self, lib):
        V, D, H, G = self.V, self.D, self.H, self.gates
        weights = drawn(D, G * H, seed=1), drawn(H, G * H, seed=2), np.zeros(G * H)
        self.lstm_layer = getattr(lib, self.recurrent)(*weights, stateful=True)
        self.layers = [lib.TimeEmbedding(drawn(V, D)), self.lstm_layer,
                       lib.TimeAffine(drawn(H, V, seed=3), np.zeros(V))]  # fmt: skip
        self.loss_layer = lib.TimeSoftmaxWithLoss()
        self.params, self.grads = [], []
        for layer in self.layers:
            self.params += layer.params
            self.grads += layer.grads

    def predict(self, xs):
        for layer in self.layers:
            xs = layer.forward(xs)
        return xs

    def forward(self, xs, ts):
        return self.loss_layer.forward(self.predict(xs), ts)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


class SimpleRnnlm(Rnnlm):
    recurrent, gates = "TimeRNN", 1


class LstmRnnlm(Rnnlm):
    recurrent, gates = "TimeLSTM", 4


class GruRnnlm(Rnnlm):
    recurrent, gates = "TimeGRU", 3


class BetterRnnlm(Rnnlm):
    """Deep Learning from Scratch 2, 6.5: two layers, and the words' vectors used at both ends."""

    gates, H = 4, 6

    def __init__(self, lib):
        V, D, H = self.V, self.D, self.H
        self.embed_W = drawn(V, D)
        weights = [(drawn(D, 4 * H, seed=k), drawn(H, 4 * H, seed=k + 1), np.zeros(4 * H))
                   for k in (1, 3)]  # fmt: skip
        self.layers = [
            lib.TimeEmbedding(self.embed_W),
            lib.TimeLSTM(*weights[0], stateful=True),
            lib.TimeLSTM(*weights[1], stateful=True),
            lib.TimeAffine(self.embed_W.T, np.zeros(V)),
        ]
        self.loss_layer = lib.TimeSoftmaxWithLoss()
        self.params, self.grads = [], []
        for layer in self.layers:
            self.params += layer.params
            self.grads += layer.grads


def text_batches(count, N=4, T=7, seed=0):
    """Pieces of a text in order, so that the state of one belongs before the next."""
    text = np.random.default_rng(seed).integers(0, 11, size=(N, 35))
    text = np.tile(text, (1, count * T // 35 + 2))
    return [(text[:, k * T : (k + 1) * T], text[:, k * T + 1 : (k + 1) * T + 1])
            for k in range(count)]  # fmt: skip


@pytest.mark.parametrize("model", [SimpleRnnlm, LstmRnnlm, GruRnnlm, BetterRnnlm])
def test_a_language_model_learns_with_the_book_s_numbers(model):
    ours, plain = agree(model, lambda: book.SGD(1.0), text_batches(25), max_grad=0.5)
    layer, other = ours.layers[1], plain.layers[1]
    close(layer.h, other.state[0])
    close(layer.dh, other.dh)
    if model is BetterRnnlm:
        assert np.shares_memory(ours.layers[0].params[0], ours.layers[3].params[0])
        assert np.array_equal(ours.embed_W.T, ours.layers[3].params[0])  # one update for both


def test_language_models_in_single_precision_stay_there_and_agree():
    """As the book has them: `.astype("f")` on every array."""
    ours, plain = LstmRnnlm(book), LstmRnnlm(plain_books)
    for model in (ours, plain):
        layers = []
        for layer in model.layers:
            weights = [p.astype("f") for p in layer.params]
            made = type(layer)(*weights)
            made.stateful = True
            layers.append(made)
        model.layers = layers
    xs, ts = text_batches(1)[0]
    close(ours.forward(xs, ts), plain.forward(xs, ts))
    ours.backward()
    plain.backward()
    for layer, other in zip(ours.layers, plain.layers):
        for grad, want in zip(layer.grads, other.grads):
            assert grad.dtype == np.float32
            close(grad, want, 3e-6)  # the sums of 28 steps, rounded in another order


def test_the_trainer_of_language_models(capsys):
    corpus = np.random.default_rng(0).integers(0, 11, size=200)
    trainer = book.RnnlmTrainer(LstmRnnlm(book), book.SGD(1.0))
    trainer.fit(corpus[:-1], corpus[1:], max_epoch=3, batch_size=4, time_size=5, max_grad=1.0,
                eval_interval=5)  # fmt: skip
    assert len(trainer.ppl_list) == 6 and trainer.ppl_list[0] > trainer.ppl_list[-1] > 1
    assert capsys.readouterr().out.startswith("| epoch 1 |  iter 1 / 9 | time 0[s] | perplexity ")
    model = trainer.model
    model.lstm_layer.reset_state()
    perplexity = book.eval_perplexity(model, corpus, batch_size=4, time_size=5)
    assert perplexity == pytest.approx(trainer.ppl_list[-1], rel=0.3)


@pytest.mark.parametrize("takes_a_flag", [True, False])
def test_a_mistake_in_a_model_is_not_taken_for_a_missing_flag(takes_a_flag):
    calls = []

    class Model:
        if takes_a_flag:

            def forward(self, xs, ts, train_flg=True):
                calls.append(train_flg)
                return None + 1
        else:

            def forward(self, xs, ts):
                calls.append(None)
                return None + 1

    with pytest.raises(TypeError, match="NoneType"):
        book.eval_perplexity(Model(), np.arange(9), batch_size=2, time_size=2)
    assert calls == [False if takes_a_flag else None]


def test_the_trainer_s_batches_are_the_book_s():
    trainer = book.RnnlmTrainer(None, None)
    xs = np.arange(10)
    for k in range(3):
        got, _ = trainer.get_batch(xs, xs, 2, 3)
        wanted = [[(start + 3 * k + t) % 10 for t in range(3)] for start in (0, 5)]
        assert got.tolist() == wanted


class Seq2seq:
    """Deep Learning from Scratch 2, 7.3: the last state of the encoder starts the decoder."""

    def __init__(self, lib, V=9, D=4, H=5):
        def weights(seed):
            return drawn(D, 4 * H, seed=seed), drawn(H, 4 * H, seed=seed + 1), np.zeros(4 * H)

        self.embed, self.lstm = lib.TimeEmbedding(drawn(V, D)), lib.TimeLSTM(*weights(1))
        self.dec_embed = lib.TimeEmbedding(drawn(V, D, seed=3))
        self.dec_lstm = lib.TimeLSTM(*weights(4), stateful=True)
        self.affine = lib.TimeAffine(drawn(H, V, seed=6), np.zeros(V))
        self.softmax = lib.TimeSoftmaxWithLoss()
        self.params, self.grads = [], []
        for layer in (self.embed, self.lstm, self.dec_embed, self.dec_lstm, self.affine):
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, xs, ts):
        self.hs = self.lstm.forward(self.embed.forward(xs))
        self.dec_lstm.set_state(self.hs[:, -1])
        out = self.dec_lstm.forward(self.dec_embed.forward(ts[:, :-1]))
        return self.softmax.forward(self.affine.forward(out), ts[:, 1:])

    def backward(self, dout=1):
        dout = self.dec_lstm.backward(self.affine.backward(self.softmax.backward(dout)))
        self.dec_embed.backward(dout)
        dhs = np.zeros_like(self.hs)
        dhs[:, -1] = self.dec_lstm.dh
        self.embed.backward(self.lstm.backward(dhs))


def test_sequence_to_sequence():
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 9, size=(6, 5)), rng.integers(0, 9, size=(6, 4))
    agree(Seq2seq, book.Adam, [batch] * 20, max_grad=5.0)


def recurrent_pairs():
    """Each recurrent layer of the second volume, ours and as its formula."""
    for name, gates, weights in (("TimeRNN", 1, 3), ("TimeLSTM", 4, 3), ("TimeGRU", 3, 3),
                                 ("TimeGRU", 3, 2), ("TimeBiLSTM", 4, 6)):  # fmt: skip
        shapes = [(4, 3 * gates), (3, 3 * gates), (3 * gates,)] * 2
        arrays = [drawn(*shape, seed=k) for k, shape in enumerate(shapes[:weights])]
        yield pytest.param(name, arrays, id=f"{name} of {weights}")


@pytest.mark.parametrize(("name", "arrays"), list(recurrent_pairs()))
def test_recurrent_layers_are_their_formulas(name, arrays):
    ours, plain = (getattr(lib, name)(*arrays) for lib in (book, plain_books))
    for seed in (1, 2):  # not stateful: both start at 0
        xs, dhs = drawn(5, 6, 4, seed=seed), None
        hs = ours.forward(xs)
        close(hs, plain.forward(xs), 1e-12)
        dhs = drawn(*hs.shape, seed=9)
        close(ours.backward(dhs), plain.backward(dhs), 1e-12)
        for grad, want in zip(ours.grads, plain.grads):
            close(grad, want, 1e-12)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_cells_are_their_formulas_and_make_up_the_sequence(name):
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[name]
    arrays = drawn(4, 3 * gates), drawn(3, 3 * gates, seed=1), drawn(3 * gates, seed=2)
    whole = getattr(book, "Time" + name)(*arrays)
    xs, state = drawn(5, 6, 4), [np.zeros((5, 3))] * (2 if name == "LSTM" else 1)
    hs = whole.forward(xs)
    for t in range(6):
        ours, plain = (getattr(lib, name)(*arrays) for lib in (book, plain_books))
        new = ours.forward(xs[:, t], *state)
        want = plain.forward(xs[:, t], *state)
        new, want = (s if isinstance(s, tuple) else (s,) for s in (new, want))
        douts = [drawn(5, 3, seed=k) for k in range(len(new))]
        for a, b in zip((*new, *ours.backward(*douts)), (*want, *plain.backward(*douts))):
            close(a, b, 1e-12)
        for grad, wanted in zip(ours.grads, plain.grads):
            close(grad, wanted, 1e-12)
        close(hs[:, t], new[0], 1e-12)
        state = new


@pytest.mark.parametrize("name", ["TimeRNN", "TimeLSTM", "TimeGRU"])
def test_a_state_is_kept_set_and_forgotten(name):
    gates = {"TimeRNN": 1, "TimeLSTM": 4, "TimeGRU": 3}[name]
    arrays = drawn(4, 3 * gates), drawn(3, 3 * gates, seed=1), drawn(3 * gates, seed=2)
    layer = getattr(book, name)(*arrays, stateful=True)
    plain = getattr(book, name)(*arrays)
    xs = drawn(2, 6, 4)
    whole = plain.forward(xs)
    same(layer.forward(xs[:, :4]), whole[:, :4])
    same(layer.forward(xs[:, 4:]), whole[:, 4:])  # goes on where it was
    state = (layer.h, layer.c) if name == "TimeLSTM" else (layer.h,)
    layer.reset_state()
    assert layer.h is None
    same(layer.forward(xs), whole)
    layer.set_state(*state)
    continued = layer.forward(xs)
    assert not np.allclose(continued, whole)
    layer.set_state(state[0])  # of an LSTM h alone: c starts at 0
    assert np.allclose(layer.forward(xs), continued) == (name != "TimeLSTM")
    plain.set_state(*state)
    same(plain.forward(xs), whole)  # without stateful it always starts at 0


# losses and dropout of sequences -----------------------------------------------------------------


def test_labels_to_ignore_do_not_count():
    ours, plain = book.TimeSoftmaxWithLoss(), plain_books.TimeSoftmaxWithLoss()
    xs, ts = drawn(3, 4, 5), np.random.default_rng(0).integers(-1, 5, size=(3, 4))
    ts[1] = -1  # a whole row
    ts[0, 2] = -1
    close(ours.forward(xs, ts), plain.forward(xs, ts), 1e-12)
    for _ in range(2):  # a second backward gives the same
        close(ours.backward(), plain.backward(), 1e-12)
    close(ours.backward(3.0), 3 * plain.backward(), 1e-12)
    assert ours.forward(xs, np.full((3, 4), -1)) == 0 and not ours.backward().any()
    assert np.array_equal(book.Simple_TimeSoftmaxWithLoss().forward(xs, abs(ts)),
                          book.TimeSoftmaxWithLoss().forward(xs, np.eye(5)[abs(ts)]))  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_of_sequences_stay_finite_at_extreme_scores(dtype):
    xs = np.array([[[-1e4, 1e4], [1e4, -1e4]]], dtype)
    for last in (book.TimeSoftmaxWithLoss(), book.SoftmaxWithLoss()):
        flat = isinstance(last, book.SoftmaxWithLoss)
        x, t = (xs[0], np.array([0, 0])) if flat else (xs, np.array([[0, 0]]))
        loss = last.forward(x, t)
        assert loss == 1e4 and last.backward().dtype == dtype
        assert np.isfinite(last.backward()).all()
    last = book.SigmoidWithLoss()
    assert last.forward(xs[0, :, 0], np.array([1, 1])) == 5e3
    assert last.backward().tolist() == [-0.5, 0.0] and last.backward().dtype == dtype


def test_the_two_class_loss_of_sequences_is_the_mean_over_steps():
    xs, ts = drawn(3, 4), np.random.default_rng(0).integers(0, 2, size=(3, 4))
    ours, plain = book.TimeSigmoidWithLoss(), [plain_books.SigmoidWithLoss() for _ in range(4)]
    losses = [layer.forward(xs[:, t], ts[:, t]) for t, layer in enumerate(plain)]
    close(ours.forward(xs, ts), np.mean(losses))
    close(ours.backward(), np.stack([layer.backward(1 / 4) for layer in plain], axis=1))


def test_time_dropout_scales_what_stays_and_can_be_turned_off():
    dropout, xs = book.TimeDropout(0.25, rng=0), np.ones((4, 5, 6), "float32")
    out = dropout.forward(xs)
    assert out.dtype == np.float32 and set(np.unique(out)) == {np.float32(0), np.float32(4 / 3)}
    assert np.array_equal(dropout.backward(xs), out)
    dropout.train_flg = False
    assert np.array_equal(dropout.forward(xs), xs) and np.array_equal(dropout.backward(xs), xs)
    assert lw.Sequential(book.TimeDropout(0.5)).predict(xs).min() == 1


# functions and optimizers ------------------------------------------------------------------------


def formula(name, W, dW, state, lr=0.1):
    """One step of an optimizer, as the book has it; state is a dictionary of its own."""
    v, h, t = state.get("v", 0), state.get("h", 0), state.setdefault("t", 0) + 1
    state["t"] = t
    if name == "SGD":
        return W - lr * dW
    if name == "Momentum":
        state["v"] = 0.9 * v - lr * dW
        return W + state["v"]
    if name == "Nesterov":
        state["v"] = 0.9 * v - lr * dW
        return W + 0.81 * state["v"] - 1.9 * lr * dW
    if name == "AdaGrad":
        state["h"] = h + dW**2
        return W - lr * dW / (np.sqrt(state["h"]) + 1e-7)
    if name == "RMSprop":
        state["h"] = 0.99 * h + 0.01 * dW**2
        return W - lr * dW / (np.sqrt(state["h"]) + 1e-7)
    state["v"], state["h"] = 0.9 * v + 0.1 * dW, 0.999 * h + 0.001 * dW**2
    lr_t = lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return W - lr_t * state["v"] / (np.sqrt(state["h"]) + 1e-7)


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam"])
@pytest.mark.parametrize("kind", [dict, list])
def test_optimizers_are_their_formulas_in_place(name, kind):
    arrays = [drawn(3, 2), drawn(4, seed=1)]
    wanted, states = [a.copy() for a in arrays], [{}, {}]
    keys = [0, 1] if kind is list else ["W1", "b1"]
    params = arrays if kind is list else dict(zip(keys, arrays))
    optimizer = getattr(book, name)(lr=0.1)
    for step in range(5):
        grads = [drawn(*a.shape, seed=step) for a in arrays]
        optimizer.update(params, grads if kind is list else dict(zip(keys, grads)))
        wanted = [formula(name, *one) for one in zip(wanted, grads, states)]
    for key, array, want in zip(keys, arrays, wanted):
        assert params[key] is array  # the layers hold it, too
        close(array, want, 1e-12)


def test_functions_are_their_formulas():
    x, t = drawn(4, 3), np.array([0, 2, 1, 1])
    close(book.softmax(x), plain_books.softmax(x), 1e-12)
    close(book.softmax(x[0]), plain_books.softmax(x[0]), 1e-12)
    y = plain_books.softmax(x)
    close(book.cross_entropy_error(y, t), plain_books.SoftmaxWithLoss().forward(x, t), 1e-12)
    close(book.cross_entropy_error(y, np.eye(3)[t]), book.cross_entropy_error(y, t), 1e-12)
    assert book.cross_entropy_error(y[0], np.array(2)) == -np.log(y[0, 2] + 1e-7)
    assert book.softmax_loss(x, t) == book.cross_entropy_error(y, t)
    close(book.sigmoid_grad(x), book.Sigmoid.backward.inside(sigmoid_of(x), 1.0), 1e-12)
    assert book.identity_function(x) is x


def sigmoid_of(x):
    layer = book.Sigmoid()
    layer.forward(x)
    return layer


def test_whole_numbers_have_no_numerical_gradient():
    assert text_of(ValueError, lambda: book.numerical_gradient(np.sum, np.array([3, 4]))) == (
        "numerical_gradient: x holds int64, which cannot go a step of 0.0001. "
        "Give floats: x.astype(float)."
    )


def test_im2col_and_col2im_belong_together():
    x = drawn(2, 3, 5, 6)
    for stride, pad in ((1, 0), (2, 1), (3, 2)):
        col = book.im2col(x, 3, 2, stride, pad)
        dcol = drawn(*col.shape, seed=1)
        dx = book.col2im(dcol, x.shape, 3, 2, stride, pad)
        same(np.sum(col * dcol), np.sum(x * dx))  # one is the other's transpose
    assert book.im2col(x.astype("float32"), 3, 3).dtype == np.float32


# the layers in graphs, in the check, in files ----------------------------------------------------


CHECKED = [
    (lambda: book.MatMul(drawn(4, 3)), drawn(5, 4)),
    (lambda: book.Softmax(), drawn(5, 4)),
    (lambda: book.TimeAffine(drawn(4, 3), drawn(3)), drawn(2, 5, 4)),
    (lambda: book.TimeRNN(drawn(4, 3), drawn(3, 3), drawn(3)), drawn(2, 5, 4)),
    (lambda: book.TimeLSTM(drawn(4, 12), drawn(3, 12), drawn(12)), drawn(2, 5, 4)),
    (lambda: book.TimeGRU(drawn(4, 9), drawn(3, 9), drawn(9)), drawn(2, 5, 4)),
    (lambda: book.TimeGRU(drawn(4, 9), drawn(3, 9)), drawn(2, 5, 4)),
    (lambda: book.TimeBiLSTM(*[drawn(*shape) for shape in [(4, 12), (3, 12), (12,)] * 2]),
     drawn(2, 5, 4)),
    (lambda: book.TimeDropout(0.5, rng=0), drawn(2, 5, 4)),
    (lambda: book.Embedding(drawn(5, 3)), np.array([4, 0, 4])),
    (lambda: book.TimeEmbedding(drawn(5, 3)), np.array([[4, 0, 4], [1, 1, 1]])),
    (lambda: book.RNN(drawn(4, 3), drawn(3, 3), drawn(3)), drawn(5, 4), drawn(5, 3)),
    (lambda: book.LSTM(drawn(4, 12), drawn(3, 12), drawn(12)), drawn(5, 4), drawn(5, 3),
     drawn(5, 3, seed=1)),
    (lambda: book.GRU(drawn(4, 9), drawn(3, 9), drawn(9)), drawn(5, 4), drawn(5, 3)),
    (lambda: book.SigmoidWithLoss(), drawn(5), np.array([0, 1, 1, 0, 1])),
    (lambda: book.TimeSigmoidWithLoss(), drawn(2, 3), np.array([[0, 1, 1], [0, 1, 0]])),
    (lambda: book.TimeSoftmaxWithLoss(), drawn(2, 3, 4), np.array([[0, -1, 3], [2, 1, 0]])),
]  # fmt: skip


@pytest.mark.parametrize("row", CHECKED, ids=[type(row[0]()).__name__ for row in CHECKED])
def test_backward_is_the_numerical_gradient(row):
    make, *inputs = row
    report = lw.check(make(), *inputs)
    assert report.ok, str(report)


def test_a_language_model_as_a_graph():
    W = drawn(11, 6)
    x, t = lw.Input("x"), lw.Input("t")
    lstm = book.TimeLSTM(drawn(6, 20), drawn(5, 20), np.zeros(20))
    h = lstm(book.TimeEmbedding(W)(x))
    net = lw.Graph(book.TimeSoftmaxWithLoss()(book.TimeAffine(drawn(5, 11), np.zeros(11))(h), t))
    names = {"timelstm1.Wx", "timelstm1.Wh", "timelstm1.b", "time_affine1.W", "time_affine1.b"}
    assert names < set(net.parameters())
    xs, ts = text_batches(1)[0]
    report = lw.check(net, xs, ts)
    assert report.ok, str(report)
    before = net.forward(xs, ts)
    net.backward()
    for parameter in net.parameters().values():
        parameter.value -= 0.1 * parameter.grad
    assert net.forward(xs, ts) < before


class Saved(book.BaseModel):
    def __init__(self, size=3):
        self.params = [drawn(size, 2), np.zeros(2)]


def test_parameters_of_a_model_are_saved_whole(tmp_path):
    path, model = tmp_path / "model.pkl", Saved()
    model.save_params(path)
    kept = [p.copy() for p in model.params]
    arrays = list(model.params)
    for p in model.params:
        p[...] = 7
    model.load_params(path)
    for p, array, want in zip(model.params, arrays, kept):
        assert p is array and np.array_equal(p, want)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pkl"]
    assert "holds arrays of the shapes [(3, 2), (2,)], but Saved has [(4, 2), (2,)]" in text_of(
        ValueError, lambda: Saved(4).load_params(path)
    )
    path.write_bytes(path.read_bytes()[:100])
    assert text_of(ValueError, lambda: model.load_params(path)) == (
        f"{path} is no file that save_params has written."
    )
    with pytest.raises(FileNotFoundError):
        model.load_params(tmp_path / "none")


PROGRAM = """
import numpy
{imports}

W, b = np.ones((3, 2)), np.zeros(2)
layer = Affine(W, b)
t = TimeAffine(W, b)
loss = SoftmaxWithLoss()
print(loss.forward(layer.forward(np.ones((4, 3))), np.array([0, 1, 0, 1])).round(6))
layer.backward(loss.backward())
optimizer = SGD(lr=1.0)
optimizer.update(layer.params, layer.grads)
clip_grads(layer.grads, 0.1)
print(type(sigmoid(np.zeros(2))).__name__, softmax(np.zeros(2)), t.params[0] is W, config.GPU, GPU)
MultiLayerNet, MultiLayerNetExtend
"""

COMMON = """
from common.layers import *
from common.functions import *
from common.time_layers import *
from common.optimizer import SGD
from common.util import clip_grads
from common import config
from common.np import *
from common.multi_layer_net import MultiLayerNet
from common.multi_layer_net_extend import MultiLayerNetExtend
"""


@pytest.mark.parametrize(
    "imports", [COMMON.replace("common", "layerwise.book"), "from layerwise.book import *"]
)
def test_a_program_runs_with_its_imports_replaced(imports):
    code = PROGRAM.format(imports=imports)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "0.693147\nndarray [0.5 0.5] True False False\n"


def test_all_names_have_a_docstring():
    public = [getattr(book, name) for name in book.__all__]
    things = [one for one in public if inspect.isclass(one) or inspect.isfunction(one)]
    assert len(things) > 60
    assert not [one.__name__ for one in things if not one.__doc__]
