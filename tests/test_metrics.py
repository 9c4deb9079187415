"""Metrics: what they mean, by numbers that can be worked out by hand; exact over any batches."""

import math

import numpy as np
import pytest
from helpers import text_of
from hypothesis import given, settings
from hypothesis import strategies as st

import layerwise as lw
from layerwise.metrics import (
    AUC,
    F1,
    MAE,
    MSE,
    R2,
    RMSE,
    Accuracy,
    ConfusionMatrix,
    FunctionMetric,
    Metric,
    MetricError,
    Perplexity,
    Precision,
    Recall,
    TopK,
    as_metrics,
)

# three classes, and six rows of which rows 0, 2 and 5 are right
SCORES = np.array([[3, 1, 2], [0, 5, 1], [1, 2, 0], [4, 0, 3], [0.5, 2, 1], [0, 1, 2]], dtype=float)
T = np.array([0, 0, 1, 2, 2, 2])  # answered: 0, 1, 1, 0, 1, 2

CLASS_METRICS = [
    Accuracy(),
    TopK(2),
    ConfusionMatrix(),
    *(Precision(average) for average in ("macro", "micro", "weighted", None)),
    *(Recall(average) for average in ("macro", "micro", "weighted", None)),
    *(F1(average) for average in ("macro", "micro", "weighted", None)),
    AUC(),
    AUC(None),
    Perplexity(),
]
TWO_CLASSES = [Precision("binary"), Recall("binary"), F1("binary")]
NUMBER_METRICS = [MAE(), MSE(), RMSE(), R2()]


few = settings(max_examples=20)  # of each metric, and there are many


def ident(metric):
    return repr(metric)


def close(a, b):
    if a is None or b is None:
        assert a is None and b is None
    else:
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- what they mean


def test_accuracy_and_top_k():
    assert Accuracy().of(SCORES, T) == 3 / 6
    assert TopK(1).of(SCORES, T) == 3 / 6
    assert TopK(2).of(SCORES, T) == 5 / 6  # rows 3 and 4 have their class in the second place
    assert TopK(3).of(SCORES, T) == 1


def test_the_confusion_matrix_has_the_true_classes_down():
    assert ConfusionMatrix().of(SCORES, T).tolist() == [[1, 1, 0], [0, 1, 0], [1, 1, 1]]


def test_precision_recall_and_f1():
    close(Precision(None).of(SCORES, T), [1 / 2, 1 / 3, 1])
    close(Recall(None).of(SCORES, T), [1 / 2, 1, 1 / 3])
    close(F1(None).of(SCORES, T), [1 / 2, 1 / 2, 1 / 2])
    close(Precision().of(SCORES, T), (1 / 2 + 1 / 3 + 1) / 3)
    close(Precision("weighted").of(SCORES, T), (2 / 2 + 1 / 3 + 3) / 6)
    for cls in (Precision, Recall, F1):  # each row has one answer, so all three are the accuracy
        assert cls("micro").of(SCORES, T) == 3 / 6


def test_binary_is_of_the_second_class():
    scores, t = np.array([2.0, -1.0, 0.5, 3.0, -2.0]), np.array([1, 1, 0, 1, 0])
    close(Precision("binary").of(scores, t), 2 / 3)
    close(Recall("binary").of(scores, t), 2 / 3)
    close(F1("binary").of(scores, t), 2 / 3)
    close(Precision(None).of(scores, t), [1 / 2, 2 / 3])


def test_classes_that_are_never_answered_and_classes_that_are_not_there():
    scores, t = np.eye(4)[[0, 0, 1]], np.array([0, 2, 1])  # 2 is never answered, 3 never at all
    nan = np.nan
    close(Precision(None).of(scores, t), [1 / 2, 1, 0, nan])
    close(Recall(None).of(scores, t), [1, 1, 0, nan])
    close(F1(None).of(scores, t), [2 / 3, 1, 0, nan])
    close(Precision().of(scores, t), (1 / 2 + 1 + 0) / 3)
    close(Recall(None).of(scores[:1], np.array([1])), [0, 0, nan, nan])  # 0 without rows of it
    assert Precision("binary").of(np.array([-1.0]), np.array([0])) is None  # no class 1 at all


def test_auc_counts_pairs_in_order_and_half_of_those_that_are_equal():
    x, t = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1])
    assert AUC().of(x, t) == 3.5 / 4
    assert AUC().of(-x, t) == 0.5 / 4
    assert AUC().of(np.zeros(4), t) == 0.5
    assert AUC().of(np.stack([np.zeros(4), x], axis=1), t) == 3.5 / 4
    assert AUC().of(x, np.ones(4)) is None  # no other rows to compare with


def test_auc_of_several_classes_is_the_mean_over_each_against_all_others():
    p = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.4, 0.5, 0.1], [0.2, 0.2, 0.6]])
    t = np.array([0, 0, 1, 2])
    areas = [3 / 4, 1, 1]  # class 0: 0.7 and 0.3 over 0.4 and 0.2
    close(AUC(None, probabilities=True).of(p, t), areas)
    close(AUC(probabilities=True).of(p, t), np.mean(areas))
    close(AUC().of(np.log(p) + np.arange(4)[:, None], t), np.mean(areas))  # softmax gives p again
    two = np.array([0, 0, 1, 1])  # class 1: 0.5 and 0.2 over 0.2 and 0.4
    close(AUC(None, probabilities=True).of(p, two), [3 / 4, 2.5 / 4, np.nan])
    close(AUC(probabilities=True).of(p, two), (3 / 4 + 2.5 / 4) / 2)
    assert AUC().of(p, np.zeros(4, int)) is None


def test_perplexity_of_a_guess_is_the_number_of_classes():
    close(Perplexity().of(np.zeros((5, 7)), np.arange(5)), 7)
    close(Perplexity().of(np.zeros(5), np.ones(5)), 2)
    p = np.array([[0.5, 0.5], [0.125, 0.875]])
    for metric, out in ((Perplexity(probabilities=True), p), (Perplexity(), np.log(p))):
        close(metric.of(out, np.array([0, 0])), 4)  # the geometric mean of 2 and 8
    assert Perplexity(probabilities=True).of(np.eye(2), np.array([0, 0])) == math.inf
    assert Perplexity().of(np.array([[1e4, 0.0]]), np.array([1])) == math.inf


def test_perplexity_is_e_to_the_cross_entropy():
    out = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    t = np.random.default_rng(1).integers(0, 5, (4, 3))
    loss = lw.SoftmaxCrossEntropy().forward(out, t)
    np.testing.assert_allclose(Perplexity().of(out, t), np.exp(loss), rtol=1e-5)


def test_errors_of_numbers():
    out, t = np.array([[1.0, 5.0], [3.0, 1.0]]), np.array([[0.0, 5.0], [5.0, 2.0]])
    assert MAE().of(out, t) == (1 + 0 + 2 + 1) / 4
    assert MSE().of(out, t) == (1 + 0 + 4 + 1) / 4
    assert RMSE().of(out, t) == 1.5**0.5
    first, second = 1 - 5 / 12.5, 1 - 1 / 4.5  # the columns about their means 2.5 and 3.5
    close(R2().of(out, t), (first + second) / 2)
    assert R2().of(t, t) == 1 and R2().of(np.broadcast_to(t.mean(axis=0), t.shape), t) == 0
    close(R2().of(np.c_[out[:, 0], out[:, 0]], np.c_[t[:, 0], [7.0, 7.0]]), first)
    assert R2().of(out, np.ones((2, 2))) is None and R2().of(out[:1], t[:1]) is None


def test_r2_loses_no_digits_far_from_zero():
    t = np.array([1.0, 2.0, 3.0, 4.0])
    r2 = R2()
    for value in t:
        r2.add(np.array([value + 1e9 + 0.5]), np.array([value + 1e9]))
    assert r2.result() == pytest.approx(1 - 1 / 5, rel=1e-12)


def test_a_function_counts_by_rows():
    def bias(out, t):
        return np.mean(out - t)

    metric = FunctionMetric(bias)
    metric.add(np.array([1.0, 2.0, 3.0]), np.zeros(3))
    metric.add(np.array([10.0]), np.zeros(1))
    assert metric.name == "bias" and metric.result() == 16 / 4
    assert metric.better is None and FunctionMetric(bias, better="lower").better == "lower"


# ---------------------------------------------------------------- exact over any batches


@st.composite
def classified(draw, classes=3, ties=True):
    """Scores, class numbers and weights of some rows, and where the batches begin."""
    n = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    trailing = draw(st.sampled_from([(), (2,), (2, 3)]))
    shape = (n, classes, *trailing)
    out = rng.integers(-3, 4, shape) / 2 if ties else rng.normal(size=shape)
    t = rng.integers(0, classes, (n, *trailing))
    if draw(st.booleans()):
        t[rng.random(t.shape) < 0.3] = -100
    weight = rng.integers(0, 4, n).astype(float) if draw(st.booleans()) else None
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return out, t, weight, cuts


def in_batches(metric, out, t, weight, cuts):
    metric.start()
    for rows in np.split(np.arange(len(out)), cuts):
        metric.add(out[rows], t[rows], None if weight is None else weight[rows])
    return metric.result()


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=ident)
@few
@given(rows=classified())
def test_batches_of_any_sizes_give_what_all_rows_give(metric, rows):
    out, t, weight, cuts = rows
    close(in_batches(metric, out, t, weight, cuts), metric.of(out, t, weight))


@pytest.mark.parametrize("metric", TWO_CLASSES, ids=ident)
@few
@given(rows=classified(classes=2))
def test_batches_of_two_classes_give_what_all_rows_give(metric, rows):
    out, t, weight, cuts = rows
    close(in_batches(metric, out, t, weight, cuts), metric.of(out, t, weight))


@pytest.mark.parametrize("metric", NUMBER_METRICS, ids=ident)
@few
@given(rows=classified(), like=st.sampled_from([0.0, 1e3]))
def test_batches_of_numbers_give_what_all_rows_give(metric, rows, like):
    out, _, weight, cuts = rows
    t = np.roll(out, 1, axis=-1) + like
    close(in_batches(metric, out + like, t, weight, cuts), metric.of(out + like, t, weight))


def without_weights(out, t, weight):
    """Each row as often as its whole weight says."""
    times = weight.astype(int)
    return np.repeat(out, times, axis=0), np.repeat(t, times, axis=0)


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=ident)
@few
@given(rows=classified())
def test_a_weight_is_as_many_rows(metric, rows):
    out, t, weight, _ = rows
    weight = np.ones(len(t)) if weight is None else weight
    close(metric.of(out, t, weight), metric.of(*without_weights(out, t, weight)))


@pytest.mark.parametrize("metric", NUMBER_METRICS, ids=ident)
def test_a_weight_of_numbers_is_as_many_rows(metric):
    rng = np.random.default_rng(0)
    out, t, weight = rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), np.array([0, 1, 3, 0, 2, 1])
    close(metric.of(out, t, weight), metric.of(*without_weights(out, t, weight)))


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=ident)
@few
@given(rows=classified())
def test_pixels_are_rows_and_ignored_ones_are_none(metric, rows):
    out, t, weight, _ = rows
    flat = np.moveaxis(out, 1, -1).reshape(-1, out.shape[1])
    wide = None if weight is None else np.repeat(weight, t[0].size)
    counts = t.ravel() != -100
    alone = metric.of(flat[counts], t.ravel()[counts], None if wide is None else wide[counts])
    close(metric.of(out, t, weight), alone)
    if wide is not None:  # a weight for each pixel does as well
        close(metric.of(out, t, wide.reshape(t.shape)), alone)


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=ident)
@few
@given(rows=classified())
def test_one_hot_rows_are_class_numbers(metric, rows):
    out, t, weight, _ = rows
    t = np.where(t == -100, 0, t)
    one_hot = np.moveaxis(np.eye(out.shape[1])[t], -1, 1)
    for kind in (float, int, bool):
        close(metric.of(out, one_hot.astype(kind), weight), metric.of(out, t, weight))
    shares = 0.9 * one_hot + 0.1 / out.shape[1]  # as label smoothing and mixup make them
    close(metric.of(out, shares, weight), metric.of(out, t, weight))


@pytest.mark.parametrize("metric", CLASS_METRICS + TWO_CLASSES, ids=ident)
@few
@given(rows=classified(classes=2))
def test_one_score_for_each_row_is_that_of_the_second_of_two_classes(metric, rows):
    out, t, weight, _ = rows
    out = out - out[:, :1]
    wanted = metric.of(out, t, weight)
    close(metric.of(out[:, 1:], t, weight), wanted)
    close(metric.of(out[:, 1:], t[:, None].astype(float), weight), wanted)
    if out.ndim == 2:
        close(metric.of(out[:, 1], t, weight), wanted)
        close(metric.of(out[:, 1], t == 1, weight) if (t >= 0).all() else wanted, wanted)


def test_one_probability_for_each_row():
    p, t = np.array([0.2, 0.6, 0.5, 0.9]), np.array([0, 1, 0, 0])
    assert Accuracy(probabilities=True).of(p, t) == 3 / 4
    assert ConfusionMatrix(probabilities=True).of(p, t).tolist() == [[2, 1], [0, 1]]
    close(Perplexity(probabilities=True).of(p, t), (0.8 * 0.6 * 0.5 * 0.1) ** -0.25)
    assert AUC(probabilities=True).of(p, t) == 2 / 3


@given(rows=classified())
def test_accuracy_by_its_definition(rows):
    out, t, _, _ = rows
    right = []
    for i in np.ndindex(t.shape):
        scores = list(out[(i[0], slice(None), *i[1:])])
        if t[i] != -100:
            right.append(scores.index(max(scores)) == t[i])  # the first of equals
    assert Accuracy().of(out, t) == (sum(right) / len(right) if right else None)
    close(TopK(1).of(out, t), Accuracy().of(out, t))


@given(rows=classified())
def test_the_matrix_holds_all_that_counts_of_answers_need(rows):
    out, t, weight, _ = rows
    matrix = ConfusionMatrix().of(out, t, weight)
    total = matrix.sum()
    if total:
        close(Accuracy().of(out, t, weight), np.trace(matrix) / total)
        with np.errstate(invalid="ignore"):
            close(Recall("weighted").of(out, t, weight), np.trace(matrix) / total)
            recall = np.diag(matrix) / matrix.sum(axis=1)
        seen = matrix.sum(axis=1) > 0
        close(Recall(None).of(out, t, weight)[seen], recall[seen])


# ---------------------------------------------------------------- NaN, emptiness, state


def test_nan_is_no_right_answer():
    scores = np.array([[np.nan, 9.0], [9.0, np.nan], [9.0, 0.0], [0.0, 9.0]])
    t = np.array([1, 0, 0, 1])
    assert Accuracy().of(scores, t) == 2 / 4
    assert TopK(2).of(scores, t) == 2 / 4
    assert TopK(1).of(scores[:2], t[:2]) == 0
    matrix = ConfusionMatrix()
    matrix.add(scores, t)
    assert matrix.result().tolist() == [[1, 0], [0, 1]]
    assert matrix.unanswered.tolist() == [1, 1]
    assert Precision(None).of(scores, t).tolist() == [1, 1]  # of the answers that there are
    assert Recall(None).of(scores, t).tolist() == [1 / 2, 1 / 2]
    assert Precision("micro").of(scores, t) == 1 and Recall("micro").of(scores, t) == 1 / 2
    assert AUC().of(np.array([np.nan, 1.0, 2.0]), np.array([1, 0, 1])) == 1 / 2
    assert AUC().of(np.array([np.nan, 1.0]), np.array([0, 1])) == 0
    assert AUC().of(np.full((2, 3), np.nan), np.array([0, 1])) == 0
    assert math.isnan(Perplexity().of(scores, t))
    for one in (np.nan, np.array([np.nan])):
        assert Accuracy().of(np.atleast_1d(one), np.array([1])) == 0


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=ident)
def test_a_row_without_weight_may_hold_anything(metric):
    scores, t = np.r_[SCORES, np.full((1, 3), np.nan)], np.r_[T, 99]
    weight = np.r_[np.ones(6), 0]
    close(metric.of(scores, t, weight), metric.of(SCORES, T))


@pytest.mark.parametrize("metric", NUMBER_METRICS, ids=ident)
def test_nan_stays_visible_among_numbers(metric):
    assert math.isnan(metric.of(np.array([np.nan, 1.0]), np.array([1.0, 2.0])))
    weighted = metric.of(
        np.array([np.nan, 1.0, 3.0]), np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1])
    )
    assert weighted == metric.of(np.array([1.0, 3.0]), np.array([2.0, 3.0]))  # does not count


@pytest.mark.parametrize("metric", CLASS_METRICS + NUMBER_METRICS, ids=ident)
def test_without_rows_there_is_no_result(metric):
    metric.start()
    assert metric.result() is None and metric.show(None) == "not computed"
    t = np.zeros(0, int) if metric in CLASS_METRICS else np.zeros((0, 3))
    metric.add(np.zeros((0, 3)), t)
    if not isinstance(metric, ConfusionMatrix) and metric.name != "auc_per_class":
        assert metric.result() is None
    wrong = np.full(2, -100) if metric in CLASS_METRICS else np.zeros((2, 3))
    metric.add(np.zeros((2, 3)), wrong, np.zeros(2))
    if not isinstance(metric, ConfusionMatrix) and metric.name != "auc_per_class":
        assert metric.result() is None


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=ident)
def test_a_metric_starts_again_and_of_leaves_it_alone(metric):
    metric.start()
    metric.add(SCORES, T)
    first = metric.result()
    metric.of(-SCORES, T)
    close(metric.result(), first)
    metric.start()
    metric.add(SCORES[:2], T[:2])
    close(metric.result(), metric.of(SCORES[:2], T[:2]))


def test_what_a_metric_was_shown_may_be_overwritten_afterwards():
    out, t = SCORES.copy(), T.copy()
    auc, matrix = AUC(), ConfusionMatrix()
    auc.add(out, t)
    matrix.add(out, t)
    area, counts = auc.result(), matrix.result()
    out[:], t[:] = 0, 0
    counts[:] = 0
    assert auc.result() == area and matrix.result().sum() == 6


def test_lists_and_half_floats_do_as_well():
    assert Accuracy().of([[1.0, 2.0], [3.0, 4.0]], [1, 0]) == 0.5
    half = SCORES.astype(np.float16)
    for metric in CLASS_METRICS:
        np.testing.assert_allclose(metric.of(half, T), metric.of(SCORES, T), rtol=1e-6)
    assert MAE().of(np.float16([60000, 60000]), np.float16([-60000, -60000])) == 120000


# ---------------------------------------------------------------- as people read it


def test_results_as_people_read_them():
    assert Accuracy().show(0.96523) == "96.52 %"
    assert TopK(5).show(1.0) == "100.00 %" and TopK(5).name == "top5"
    assert Precision(None).show(np.array([0.5, np.nan])) == "50.00 %, nan %"
    assert AUC().show(0.98765) == "0.9877" and R2().show(-1.5) == "-1.5000"
    assert MAE().show(1.23456e-5) == "1.23e-05" and MAE().show(0.0) == "0.0000"
    assert Perplexity().show(12.3456) == "12.35" and Perplexity().show(math.inf) == "inf"
    matrix = ConfusionMatrix()
    assert matrix.show(matrix.of(SCORES, T)) == "3 of 6 on the diagonal"
    assert matrix.show(matrix.of(SCORES, T, np.full(6, 0.5))) == "1.5 of 3 on the diagonal"


def test_names_and_which_way_is_better():
    assert [F1(a).name for a in ("macro", "micro", "weighted", "binary", None)] == [
        *("f1", "f1_micro", "f1_weighted", "f1_binary", "f1_per_class")
    ]
    assert Accuracy.better == TopK.better == F1.better == AUC.better == R2.better == "higher"
    assert MAE.better == RMSE.better == Perplexity.better == "lower"
    assert ConfusionMatrix.better is None
    assert repr(TopK(3)) == "TopK(k=3)" and repr(F1("micro")) == "F1(average='micro')"
    assert repr(MAE()) == "MAE()"


# ---------------------------------------------------------------- as_metrics


def test_metrics_by_name():
    names = ["accuracy", "top5", "precision", "recall_micro", "f1_weighted", "f1_binary", "auc"]
    names += ["confusion_matrix", "perplexity", "mae", "mse", "rmse", "r2"]
    metrics = as_metrics(names)
    assert [metric.name for metric in metrics] == names
    assert [type(metric) for metric in metrics[:3]] == [Accuracy, TopK, Precision]
    assert as_metrics("auc")[0].name == "auc"  # one alone needs no list
    assert as_metrics([]) == []


def test_names_read_what_the_loss_reads():
    (metric,) = as_metrics("accuracy", lw.SoftmaxCrossEntropy(ignore_index=7))
    assert metric.ignore_index == 7 and not metric.probabilities
    (metric,) = as_metrics("f1_micro", lw.BinaryCrossEntropy())
    assert metric.probabilities and metric.average == "micro"
    assert as_metrics("top2", lw.BinaryCrossEntropy())[0].probabilities


def test_metrics_by_object_and_function():
    class Mine(Metric):
        name = "mine"

        def start(self):
            self.seen = 0

        def add(self, out, t, weight=None):
            self.seen += len(t)

        def result(self):
            return float(self.seen)

    def off(out, t):
        return np.abs(out - t).max()

    mine, function = as_metrics([Mine(), off])
    assert mine.of(SCORES, T) == 6.0 and function.name == "off"
    assert function.of(np.array([1.0, 5.0]), np.array([0.0, 0.0]), np.array([1.0, 2.0])) == 5.0


@given(rows=classified(), kind=st.sampled_from(["numbers", "one_hot", "shares", "floats"]))
def test_the_accuracy_that_comes_by_itself_is_of_classes_only(rows, kind):
    out, t, _, cuts = rows
    t = np.where(t == -100, 0, t)
    one_hot = np.moveaxis(np.eye(out.shape[1])[t], -1, 1)
    given = {"numbers": t, "one_hot": one_hot, "shares": one_hot * 0.9 + 0.03, "floats": t * 1.0}
    (metric,) = as_metrics()
    found = in_batches(metric, out, given[kind], None, cuts)
    classes = kind in ("numbers", "one_hot")
    assert found == (np.mean(out.argmax(axis=1) == t) if classes else None)


def test_no_accuracy_comes_by_itself_where_numbers_are_to_be_met():
    x = np.array([0.5, -1.0, 2.0])
    whole = np.array([1, 0, 1])
    for loss in (None, lw.MeanSquaredError(), lw.PoissonNLL()):
        (metric,) = as_metrics(None, loss)
        assert metric.of(x, whole) is metric.of(x[:, None], whole) is None
        assert metric.of(np.float64(3.0), np.float64(3.0)) is None
    for loss in (lw.BinaryCrossEntropyWithLogits(), lw.Focal()):
        (metric,) = as_metrics(None, loss)
        assert metric.of(x, whole) == metric.of(x[:, None], whole[:, None] * 1.0) == 1
        assert metric.of(x, np.array([0.3, 0.1, 0.9])) is None
    assert as_metrics(None, lw.BinaryCrossEntropy())[0].of(np.array([0.4, 0.6]), whole[:2]) == 0
    assert as_metrics(None, t=np.array([[0.2, 0.5], [0.1, 0.7]])) == []
    assert len(as_metrics(None, t=whole)) == len(as_metrics(None, t=np.eye(3))) == 1


def test_labels_that_hold_a_single_one_by_chance_are_no_classes():
    """Of several labels for each row; with a last batch of one row, that is a matter of luck."""
    several, single = np.array([[1.0, 1, 0], [0, 0, 0]]), np.array([[0.0, 1, 0]])
    for batches in ([several, single], [single, several]):
        (metric,) = as_metrics(None, lw.BinaryCrossEntropyWithLogits())
        for t in batches:
            metric.add(np.zeros_like(t), t)
        assert metric.result() is None
        metric.start()
        metric.add(np.array([[0.0, 2.0, 1.0]]), single)
        assert metric.result() == 1


def test_a_name_that_begins_so_is_meant_rather_than_one_that_looks_alike():
    text = text_of(MetricError, lambda: as_metrics("acc"))
    assert text.startswith("There is no metric 'acc'. Did you mean 'accuracy'? ")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            "acuracy",
            "There is no metric 'acuracy'. Did you mean 'accuracy'? There are top1, top2, ..., "
            "accuracy, confusion_matrix, auc, perplexity, precision, recall, f1, precision_micro, "
            "precision_weighted, precision_binary, recall_micro, recall_weighted, recall_binary, "
            "f1_micro, f1_weighted, f1_binary, mae, mse, rmse, r2.",
        ),
        ([Accuracy], "metrics= got the class Accuracy. Make one: Accuracy()."),
        (
            [3],
            "metrics= expects names such as 'accuracy', metrics, or functions (out, t) -> number, "
            "but got 3.",
        ),
        (
            lambda out, t: 0,
            "A lambda among metrics has no name for the history. Write it as a function: "
            "def name(out, t): return ...",
        ),
        (
            ["f1", F1()],
            "Two metrics are called 'f1'. Give one of them another name: metric.name = '...'.",
        ),
    ],
)
def test_as_metrics_refuses_what_is_none(given, text):
    assert text_of(MetricError, lambda: as_metrics(given)) == text


def test_a_metric_may_not_take_the_name_of_a_column():
    def loss(out, t):
        return 0.0

    said = "A metric cannot be called 'loss': the history has one."
    assert text_of(MetricError, lambda: as_metrics(loss)) == said


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("metric", "out", "t", "text"),
    [
        (
            Accuracy(),
            np.zeros((4, 3)),
            np.zeros(3, int),
            "Accuracy(ignore_index=-100) expects class numbers of shape (4,) or one-hot rows of "
            "shape (4, 3), but t is (3,) int64.",
        ),
        (
            TopK(2),
            np.zeros((4, 3)),
            np.zeros(4),
            "TopK(k=2) expects class numbers of shape (4,) or one-hot rows of shape (4, 3), but t "
            "is (4,) float64. Convert them: t.astype(int).",
        ),
        (
            F1(),
            np.zeros((2, 3)),
            np.array([0, 3]),
            "F1(average='macro') expects class numbers from 0 to 2, but t holds 3. Count the "
            "classes from 0.",
        ),
        (
            F1(),
            np.zeros((2, 3)),
            np.array([0, -1]),
            "F1(average='macro') expects class numbers from 0 to 2, but t holds -1. Count the "
            "classes from 0.",
        ),
        (
            F1(),
            np.zeros((2, 3)),
            np.array([[1, 0, 0], [1, 1, 0]]),
            "F1(average='macro') expects rows that are 1 at the right class and 0 elsewhere, but "
            "row 1 of t sums to 2.",
        ),
        (
            AUC(),
            np.zeros(3),
            np.array([0, 1, 2]),
            "AUC(average='macro') got one score for each row, (3,), so t must hold 0 and 1, but it "
            "holds 2. For several classes give a score for each.",
        ),
        (
            AUC(),
            np.zeros((3, 1)),
            np.array([0, 1]),
            "AUC(average='macro') got one score for each row, (3, 1), and expects 0 or 1 for each, "
            "but t is (2,) int64.",
        ),
        (
            Accuracy(),
            np.float64(1.0),
            np.zeros(1, int),
            "Accuracy(ignore_index=-100) expects scores for each row, (N, C) or (N,), but got 1.0.",
        ),
        (
            TopK(5),
            np.zeros((2, 3)),
            np.zeros(2, int),
            "TopK(k=5) needs at least 5 classes, but there are 3.",
        ),
        (
            Recall("binary"),
            np.zeros((2, 3)),
            np.zeros(2, int),
            "Recall(average='binary') looks at the second of two classes, but there are 3. Choose "
            "average='macro', 'micro', 'weighted' or None.",
        ),
        (
            MAE(),
            np.zeros((4, 1)),
            np.zeros(4),
            "MAE() expects targets like the output, (4, 1), but t is (4,) float64. Give "
            "t.reshape(-1, 1).",
        ),
        (
            R2(),
            np.zeros(4),
            np.zeros((4, 1)),
            "R2() expects targets like the output, (4,), but t is (4, 1) float64. Give "
            "t.reshape(-1).",
        ),
        (
            MSE(),
            np.zeros((4, 2)),
            np.zeros((3, 2)),
            "MSE() expects targets like the output, (4, 2), but t is (3, 2) float64.",
        ),
        (
            FunctionMetric(np.subtract),
            np.zeros(3),
            np.zeros(3),
            "The metric subtract(out, t) gave (3,) float64. Let it return one number.",
        ),
    ],
)
def test_targets_that_do_not_fit(metric, out, t, text):
    assert text_of(MetricError, lambda: metric.of(out, t)) == text


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (
            np.ones(3),
            "Accuracy(ignore_index=-100) expects a weight for each row, of the shape (6,), but got "
            "(3,) float64.",
        ),
        (
            np.array([1, 1, 1, 1, 1, -2]),
            "Accuracy(ignore_index=-100) expects weights of 0 or more, but got -2.",
        ),
        (
            np.array([1, 1, 1, 1, 1, np.nan]),
            "Accuracy(ignore_index=-100) expects weights of 0 or more, but got nan.",
        ),
    ],
)
def test_weights_that_do_not_fit(weight, text):
    assert text_of(MetricError, lambda: Accuracy().of(SCORES, T, weight)) == text


@pytest.mark.parametrize("metric", [ConfusionMatrix(), F1(), AUC()], ids=ident)
def test_the_number_of_classes_stays(metric):
    metric.start()
    metric.add(SCORES, T)
    said = text_of(MetricError, lambda: metric.add(np.zeros((2, 4)), np.zeros(2, int)))
    assert (
        said
        == f"{metric!r} was shown 3 classes so far, and now 4. Call start() before another network."
    )
    r2 = R2()
    r2.add(SCORES, SCORES)
    said = text_of(MetricError, lambda: r2.add(SCORES[:, :2], SCORES[:, :2]))
    assert (
        said == "R2() was shown 3 columns so far, and now 2. Call start() before another network."
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: TopK(0), "TopK(k=0): k must be a whole number, 1 or more."),
        (
            lambda: F1("mean"),
            "F1(average='mean'): average must be 'macro' or 'micro' or 'weighted' or 'binary' or "
            "None.",
        ),
        (lambda: AUC("micro"), "AUC(average='micro'): average must be 'macro' or None."),
    ],
)
def test_options_are_checked(make, text):
    assert text_of(ValueError, make) == text


def test_a_metric_of_ones_own_says_what_it_lacks():
    class Half(Metric):
        def start(self):
            pass

    assert text_of(NotImplementedError, lambda: Half().add(SCORES, T)) == (
        "Half needs add(out, t, weight=None)."
    )
    assert text_of(NotImplementedError, Half().result) == "Half needs result()."
    assert text_of(NotImplementedError, Metric) == "Metric needs start()."
