"""Single losses: what a row of the table cannot say."""

import itertools
import math
import warnings

import numpy as np
import pytest
from cases import CASES
from cases.case import real
from helpers import same

import layerwise as lw
from layerwise.layers.loss import Loss

LOSSES = [case for case in CASES if isinstance(case.layer(), Loss)]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# exp(1e4) is no number, and no probability
FINITE = [case for case in LOSSES if "PoissonNLL(" not in case.call and "log_t" not in case.call]


@pytest.mark.parametrize("case", FINITE, ids=lambda case: f"{case.call} {case.shapes[0]}")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_of_large_scores_are_finite(case, dtype):
    for shapes in case.shapes:
        rng = np.random.default_rng(1)
        inputs = [
            rng.choice([-1e4, 0, 1e4], size=x.shape).astype(dtype) if like is real else x
            for x, like in zip(case.inputs(shapes, dtype), case.like)
        ]
        layer = case.layer(dtype)
        out = layer.forward(*inputs)
        assert np.isfinite(out).all() and np.asarray(out).dtype == dtype
        for dx in layer.backward(np.ones_like(out)):
            assert dx is None or (np.isfinite(dx).all() and dx.dtype == dtype)


def test_a_rate_too_large_for_a_number_is_infinite():
    loss = lw.PoissonNLL(reduction="none")
    assert loss.forward(np.array([1e4, -1e4]), np.zeros(2)).tolist() == [np.inf, 0]
    assert loss.backward(np.ones(2))[0].tolist() == [np.inf, 0]


@pytest.mark.parametrize(
    ("call", "inputs", "text"),
    [
        ("Hinge()", ([1.0, 2.0], [0, 1]),
         "expects targets of 1 and -1, but got 0.0. For 0 and 1 give 2 * t - 1."),
        ("HingeEmbedding()", ([1.0, 2.0], [1, 2]),
         "expects targets of 1 and -1, but got 2.0. For 0 and 1 give 2 * t - 1."),
        ("SoftMargin()", ([1.0, 2.0], [True, False]),
         "expects targets of 1 and -1, but got 0.0. For 0 and 1 give 2 * t - 1."),
        ("MarginRanking()", ([1.0], [2.0], [0.5]),
         "expects targets of 1 and -1, but got 0.5. For 0 and 1 give 2 * t - 1."),
        ("CosineEmbedding()", ([[1.0]], [[2.0]], [np.nan]),
         "expects targets of 1 and -1, but got nan. For 0 and 1 give 2 * t - 1."),
        ("MultiMargin()", ([[1.0, 2.0]], [2]),
         "expects class numbers from 0 to 1, but got 2 to 2. Count the classes from 0."),
        ("MultiMargin()", ([[1.0, 2.0]], [1.0]), "expects class numbers, but got float64."),
        ("MultiLabelMargin()", ([[1.0, 2.0]], [[0, -2]]),
         "expects class numbers from -1 to 1, but got -2 to 0. Count the classes from 0."),
        ("MultiLabelMargin()", ([[1.0, 2.0]], [[0.0, -1.0]]),
         "expects class numbers, but got float64."),
        ("SoftmaxCrossEntropy(ignore_index=1)", ([[1.0, 2.0]], [[0.5, 0.5]]),
         "expects class numbers: no row of probabilities has the number ignore_index. Leave that "
         "at -100."),
        ("SoftmaxCrossEntropy(label_smoothing=0.1)", ([[1.0, 2.0]], [2]),
         "expects class numbers from 0 to 1, but got 2 to 2. Count the classes from 0."),
        ("PoissonNLL(log_input=False)", ([-1.0], [1.0]),
         "expects rates from 0 up, but got -1.0. For their logarithms leave log_input=True."),
        ("GaussianNLL()", ([1.0], [1.0], [-0.5]), "expects variances from 0 up, but got -0.5."),
        ("CTC()", (normal(3, 1, 4), [[1, 0]], [3], [2]), "expects letters, but got 0, the blank."),
        ("CTC()", (normal(3, 1, 4), [[1, 4]], [3], [2]),
         "expects letters from 0 to 3, but got 1 to 4."),
        ("CTC()", (normal(3, 1, 4), [[1, 2]], [4], [2]),
         "expects input_lengths from 0 to 3, but got 4 to 4."),
        ("CTC()", (normal(3, 1, 4), [[1, 2]], [3], [3]),
         "expects target_lengths from 0 to 2, but got 3 to 3."),
        ("CTC()", (normal(3, 1, 4), [1, 2], [3], [-1]),
         "expects target_lengths from 0 to -1, but got -1 to -1."),
        ("CTC()", (normal(3, 1, 4), [[1, 2]], [3.0], [2]),
         "expects whole numbers as input_lengths, but got float64."),
        ("CTC()", (normal(3, 2, 4), [1, 2, 3], [3, 3], [2, 2]),
         "expects letters for target_lengths that add up to 4, but got (3,). In one row, there "
         "must be one behind the other, and nothing between them."),
        ("CTC(blank=4)", (normal(3, 1, 4), [[1, 2]], [3], [2]),
         "expects probabilities of 5 letters at least, the blank among them, but got (3, 1, 4)."),
        ("SoftmaxCrossEntropy()", (normal(2, 0), np.zeros(2, int)),
         "expects a score for each class, but got (2, 0)."),
        ("MultiLabelSoftMargin()", (normal(2, 0), normal(2, 0)),
         "expects a score for each class, but got (2, 0)."),
    ],
)  # fmt: skip
def test_losses_refuse_wrong_targets(call, inputs, text):
    layer = eval(call, vars(lw))
    with pytest.raises(ValueError, match="expects") as caught:
        layer.forward(*map(np.asarray, inputs))
    assert str(caught.value) == f"{call} {text}"


@pytest.mark.parametrize(
    "layer", [lw.Hinge(), lw.Hinge(p=2), lw.HingeEmbedding(), lw.SoftMargin()], ids=repr
)
def test_targets_that_choose_may_be_floats(layer):
    x, t = normal(5), np.array([1, -1, 1, 1, -1])
    whole = layer.forward(x, t), layer.backward()
    floats = layer.forward(x, t.astype("float32")), layer.backward()
    assert whole[0] == floats[0] and np.array_equal(whole[1][0], floats[1][0])
    dt = floats[1][1]
    assert whole[1][1] is None and dt.dtype == "float32" and not dt.any()
    assert layer.forward(x[0], 1.0) >= 0 and type(layer.backward()[1]) is float


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_losses_of_three_inputs_in_a_graph(reduction):
    x, y, z, t = (lw.Input(name) for name in "xyzt")
    embed = lw.Sequential(lw.Affine(3, 2), lw.Tanh(), seed=0)
    points = [normal(4, 3, seed=seed) for seed in range(3)]
    signs = np.array([1.0, -1.0, -1.0, 1.0])
    triplet = lw.Graph(lw.TripletMargin(swap=True, reduction=reduction)(embed(x), embed(y), z))
    angle = lw.Graph(lw.CosineEmbedding(reduction=reduction)(embed(x), embed(y), t))
    above = lw.Graph(lw.MarginRanking(1.0, reduction)(lw.Sum(1)(embed(x)), lw.Sum(1)(y), t))
    for graph, inputs in ((triplet, [*points[:2], points[2][:, :2]]),
                          (angle, [*points[:2], signs.astype(int)]),
                          (above, [*points[:2], signs.astype(int)])):  # fmt: skip
        report = lw.check(graph, *inputs)
        assert report.ok, str(report)
    angle.forward(points[0], points[1], signs)
    assert angle.backward()[2].tolist() == [0, 0, 0, 0]  # of floats there has to be one


# cross-entropy -----------------------------------------------------------------------------------


def test_what_is_ignored_does_not_count_whatever_its_scores():
    for loss in (lw.SoftmaxCrossEntropy(label_smoothing=0.2), lw.NegativeLogLikelihood()):
        x, t = normal(3, 4), np.array([2, -100, 0])
        x[1] = [np.nan, np.inf, -np.inf, 0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # inf - inf inside that row
            some, dx = loss.forward(x, t), loss.backward()[0][::2]
        same(some, loss.forward(x[::2], t[::2]))
        same(dx, loss.backward()[0])


@pytest.mark.parametrize("name", ["SoftmaxCrossEntropy", "NegativeLogLikelihood"])
def test_the_mean_of_rows_that_are_all_ignored_is_nan_and_its_gradient_0(name):
    loss = getattr(lw, name)(ignore_index=1)
    with pytest.warns(RuntimeWarning):  # NumPy says so, too
        assert np.isnan(loss.forward(normal(2, 3), np.array([1, 1])))
    assert not loss.backward()[0].any()


def test_smoothed_class_numbers_are_smoothed_rows():
    x, t = normal(4, 3), np.array([0, 2, 1, 1])
    numbers, rows = (lw.SoftmaxCrossEntropy(label_smoothing=0.1) for _ in range(2))
    plain = lw.SoftmaxCrossEntropy()
    same(numbers.forward(x, t), rows.forward(x, np.eye(3)[t]))
    same(numbers.forward(x, t), plain.forward(x, 0.9 * np.eye(3)[t] + 0.1 / 3))
    rows.backward(), plain.backward()
    same(numbers.backward()[0], rows.backward()[0])
    same(numbers.backward()[0], plain.backward()[0])


def test_a_mean_in_half_precision_does_not_overflow_on_its_way():
    x, t = np.full((20, 2), [1e4, -1e4], "float16"), np.ones(20, int)
    for loss in (lw.SoftmaxCrossEntropy(), lw.SoftmaxCrossEntropy(weight=[1.0, 3.0])):
        assert loss.forward(x, t) == 20000  # their sum is above 65504


# focal loss --------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_the_slope_of_focal_loss_for_targets_between_no_and_yes(gamma):
    t = np.array([0.0, 0.25, 0.5, 1.0])
    for alpha in (None, 0.25):
        focal = lw.Focal(alpha, gamma, "none")
        report = lw.check(focal, normal(4), np.clip(t, 0.01, 0.99))
        assert report.ok, str(report)
        focal.forward(np.array([-1e4, 1e4, -800.0, 800.0]), np.array([0.0, 1.0, 0.0, 1.0]))
        dx, dt = focal.backward(np.ones(4))
        assert not dx.any() and np.isfinite(dt).all()


def test_focal_loss_looks_away_from_what_is_known():
    x, t = np.array([4.0, -1.0]), np.ones(2)  # one that is known, one that is not
    cross, focal = lw.BinaryCrossEntropyWithLogits(reduction="none"), lw.Focal(None, 2, "none")
    share = focal.forward(x, t) / cross.forward(x, t)
    same(share, (1 - 1 / (1 + np.exp(-x))) ** 2)


# margins -----------------------------------------------------------------------------------------


def test_multi_margin_of_two_classes_is_half_a_hinge_of_their_difference():
    x, t = normal(6, 2), np.array([0, 1, 1, 0, 1, 0])
    same(lw.MultiMargin().forward(x, t),
         lw.Hinge().forward(x[:, 1] - x[:, 0], 2 * t - 1) / 2)  # fmt: skip


def test_soft_margin_is_binary_cross_entropy():
    x, t = normal(6), np.array([1, 0, 0, 1, 1, 0])
    soft, cross = lw.SoftMargin(), lw.BinaryCrossEntropyWithLogits()
    same(soft.forward(x, 2 * t - 1), cross.forward(x, t))
    same(soft.backward()[0], cross.backward()[0])


def test_a_draw_in_a_ranking_costs_the_margin_and_teaches_nothing():
    loss = lw.MarginRanking(0.5)
    assert loss.forward(np.array([3.0]), np.array([1.0]), np.array([0])) == 0.5
    assert not loss.backward()[0].any()


def test_lists_of_classes_end_at_the_first_filler():
    loss, x = lw.MultiLabelMargin(), normal(2, 4)
    out = loss.forward(x, np.array([[1, -1, 3, 3], [-1, 0, 0, 0]]))
    same(out, loss.forward(x, np.array([[1, -1, -1, -1], [-1, -1, -1, -1]])))
    assert not loss.backward()[0][1].any()  # a row of which nothing is right
    assert loss.forward(x, np.full((2, 4), -1)) == 0
    assert loss.backward()[0].shape == (2, 4)


# distances and angles ----------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.5, 1, 2, 7.5, math.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_distances_of_every_kind(p, dtype):
    distance, x = lw.PairwiseDistance(p, eps=0), normal(5, 3)
    assert lw.check(distance, x, -x).ok
    lengths = {0.5: 1e4 * (1 + math.sqrt(2)) ** 2, 1: 3e4, math.inf: 2e4}
    far = np.array([[1e4, -2e4, 0]], dtype)
    out = distance.forward(far, np.zeros_like(far))
    if p in lengths:
        same(out / lengths[p], [1], 2e-3)
    assert out.dtype == dtype and np.isfinite(out).all()
    assert np.isfinite(distance.backward(np.ones_like(out))[0]).all()
    assert distance.forward(far, far).tolist() == [0]
    assert distance.backward(np.ones_like(out))[0].tolist() == [[0, 0, 0]]


def test_equal_differences_share_the_slope_of_the_largest():
    distance = lw.PairwiseDistance(math.inf, eps=0)
    assert distance.forward(np.array([2.0, -2.0, 1.0]), np.zeros(3)) == 2
    assert distance.backward(1.0)[0].tolist() == [0.5, -0.5, 0]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_angles_of_long_vectors_and_of_none(dtype):
    x1 = np.array([[1e4, 1e4], [0, 0], [1, 1]], dtype)
    x2 = np.array([[-1e4, -1e4], [1, 0], [0, 0]], dtype)
    cosine, loss = lw.CosineSimilarity(), lw.CosineEmbedding(reduction="none")
    out = cosine.forward(x1, x2)
    same(out, [-1, 0, 0], 2e-3)
    same(loss.forward(x1, x2, np.ones(3, int)), 1 - out, 2e-3)
    for dx in (*cosine.backward(np.ones_like(out)), *loss.backward(np.ones_like(out))[:2]):
        assert dx.dtype == dtype and np.isfinite(dx).all()


def test_a_vector_shorter_than_eps_is_divided_by_a_constant():
    cosine, x = lw.CosineSimilarity(eps=2.0), np.array([[0.6, 0.8], [3.0, 4.0]])
    same(cosine.forward(x, x), [0.25, 1])
    assert lw.check(cosine, x, x[:, ::-1]).ok


def test_a_triplet_takes_any_distance():
    points = [normal(4, 3, seed=seed) for seed in range(3)]
    own, given = lw.TripletMargin(), lw.TripletMarginWithDistance(lw.PairwiseDistance())
    same(own.forward(*points), given.forward(*points))
    for mine, theirs in zip(own.backward(), given.backward()):
        same(mine, theirs)
    assert repr(own) == "TripletMargin()"

    class Squares:
        """A layer as in the books, without the base class."""

        def __init__(self):
            self.W = lw.Parameter(np.array([1.0, 2.0, 3.0]))

        def forward(self, x, y):
            self.e = x - y
            return np.sum(self.W.value * self.e**2, axis=1)

        def backward(self, dout):
            self.W.grad += dout @ self.e**2
            dx = 2 * dout[:, None] * self.W.value * self.e
            return dx, -dx

    x, y = lw.Input("x"), lw.Input("y")
    for distance in (Squares(), lw.Graph(1 - lw.CosineSimilarity()(x, y))):
        loss = lw.TripletMarginWithDistance(distance, 0.5, swap=True)
        report = lw.check(loss, *points)
        assert report.ok, str(report)
        assert len(loss.parameters()) == isinstance(distance, Squares)


@pytest.mark.parametrize("swap", [False, True])
def test_a_distance_that_learns_gets_the_gradients_of_all_its_places(swap):
    points = [normal(4, 3, seed=seed) for seed in range(3)]
    x, y, W = lw.Input("x"), lw.Input("y"), lw.Parameter(np.array([1.0, 2.0, 3.0]))
    distance = lw.Graph(lw.Sum(axis=1)((x - y) ** 2 * W))
    loss = lw.TripletMarginWithDistance(distance, 5.0, swap)
    net = lw.Graph(loss(*(lw.Input(name) for name in "apn")))
    net.forward(*points)
    net.backward()
    wanted = W.grad
    W.grad = None
    for calls in (1, 2):  # by hand, the gradients of several calls add up
        loss.forward(*points)
        loss.backward()
        same(W.grad, calls * wanted)
    distance.forward(*points[:2])  # the graph itself is still one by itself
    distance.backward()
    alone = W.grad
    distance.backward()
    same(W.grad, alone)


# connectionist temporal classification -----------------------------------------------------------


def log_y(*shape, seed=0):
    return lw.LogSoftmax().forward(normal(*shape, seed=seed))


def test_the_probabilities_of_all_texts_add_up_to_1():
    y, ctc, total = log_y(4, 3), lw.CTC(reduction="none", zero_infinity=False), 0
    for length in range(5):
        for text in itertools.product([1, 2], repeat=length):
            total += np.exp(-ctc.forward(y, np.array(text, int), 4, length))
    same(total, 1)


def test_texts_in_one_row_are_texts_in_rows():
    y = log_y(6, 3, 4)
    rows, lengths, frames = np.array([[1, 2, 9], [3, 3, 2], [7, 7, 7]]), [2, 3, 0], (6, 5, 4)
    results = []
    for texts in (rows, np.array([1, 2, 3, 3, 2])):
        ctc = lw.CTC(reduction="none")
        results.append((ctc.forward(y, texts, frames, lengths), ctc.backward(np.ones(3))[0]))
    for ours, theirs in zip(*results):
        assert np.array_equal(ours, theirs)


def test_frames_behind_the_length_do_not_count():
    y, ctc = log_y(6, 2, 4), lw.CTC(reduction="none")
    y[4:, 0] = np.nan
    out = ctc.forward(y, np.array([[1, 2], [3, 1]]), np.array([4, 6]), np.array([2, 2]))
    same(out[0], lw.CTC(reduction="sum").forward(y[:4, 0], np.array([1, 2]), 4, 2))
    dx = ctc.backward(np.ones(2))[0]
    assert np.isfinite(dx).all() and not dx[4:, 0].any()


def test_a_text_too_long_for_its_frames():
    y, texts, frames, lengths = log_y(2, 2, 3), np.array([[1, 1], [1, 2]]), [2, 2], [2, 2]
    ctc = lw.CTC(reduction="none")
    out = ctc.forward(y, texts, frames, lengths)  # 11 needs a blank in between, 12 does not
    assert out[0] == np.inf and np.isfinite(out[1])
    dx = ctc.backward(np.ones(2))[0]
    assert np.isnan(dx[:, 0]).any(axis=1).all() and np.isfinite(dx[:, 1]).all()
    ctc = lw.CTC(reduction="none", zero_infinity=True)
    assert ctc.forward(y, texts, frames, lengths).tolist() == [0, out[1]]
    assert not ctc.backward(np.ones(2))[0][:, 0].any()
    y[:] = np.nan
    assert np.isnan(ctc.forward(y, texts, frames, lengths))[1]  # NaN is not zero


def test_a_text_of_no_letters_is_blanks_alone():
    y = log_y(5, 1, 3)
    for texts in (np.array([[1, 2]]), np.zeros((1, 0), int)):
        same(lw.CTC().forward(y, texts, [5], [0]), -y[:, 0, 0].sum())
    assert lw.CTC().forward(y, np.array([[1]]), [0], [0]) == 0  # nothing said of nothing


def test_long_texts_keep_their_digits():
    x = normal(300, 2, 20).astype("float32")
    texts = np.random.default_rng(1).integers(1, 20, size=(2, 100))
    last, ctc = lw.LogSoftmax(), lw.CTC()
    out = ctc.forward(last.forward(x), texts, [300, 280], [100, 90])
    dx = ctc.backward()[0]
    assert out.dtype == dx.dtype == "float32" and np.isfinite(out)
    heard = dx.sum(axis=2)  # all paths are somewhere at every frame
    same(heard[:280], np.tile([-1 / 200, -1 / 180], (280, 1)), 1e-6)
    assert not heard[280:, 1].any()
    assert abs(last.backward(dx).sum(axis=2)).max() < 1e-6


def test_ctc_in_a_graph_learns_a_text():
    net = lw.Sequential(lw.Affine(8, 16), lw.Tanh(), lw.Affine(16, 4), lw.LogSoftmax(), seed=0)
    names = "x", "texts", "frames", "lengths"
    x, texts, frames, lengths = (lw.Input(name) for name in names)
    graph = lw.Graph(lw.CTC()(net(x), texts, frames, lengths))
    batch = normal(12, 2, 8), np.array([[1, 2, 2], [3, 1, 0]]), np.array([12, 10]), np.array([3, 2])
    before = graph.forward(*batch)
    for _ in range(100):
        graph.forward(*batch)
        assert graph.backward()[1:] == (None, None, None)
        for parameter in graph.parameters().values():
            parameter.value -= 0.5 * parameter.grad
    assert graph.forward(*batch) < before / 20
    best = net.predict(batch[0]).argmax(axis=2)  # (T, N): the likeliest path reads the text
    read = [
        [int(c) for c, _ in itertools.groupby(path) if c] for path in (best[:, 0], best[:10, 1])
    ]
    assert read == [[1, 2, 2], [3, 1]]


def test_scores_further_apart_than_floats_can_tell():
    x = np.array([[1e308, -1e308], [-1e308, 1e308]])
    loss = lw.SoftmaxCrossEntropy()
    assert loss.forward(x, np.array([0, 1])) == 0  # and no warning, which would be an error
    assert loss.forward(x, np.array([0, 0])) == np.inf
    assert loss.backward()[0].tolist() == [[0, 0], [-0.5, 0.5]]
    assert lw.Softmax().forward(x).tolist() == [[1, 0], [0, 1]]
