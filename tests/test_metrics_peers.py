"""Metrics beside scikit-learn's, over random rows."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

from layerwise.layers.activation import log_softmax, sigmoid
from layerwise.metrics import (
    AUC,
    F1,
    MAE,
    MSE,
    R2,
    RMSE,
    Accuracy,
    ConfusionMatrix,
    Perplexity,
    Precision,
    Recall,
    TopK,
)

pytestmark = pytest.mark.peers

SHARES = [
    (Precision, sk.precision_score),
    (Recall, sk.recall_score),
    (F1, sk.f1_score),
]


@st.composite
def rows(draw, classes=4):
    """Scores without ties, class numbers of which each occurs, and weights or None."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(classes, 40))
    t = np.r_[np.arange(classes), rng.integers(0, classes, n - classes)]
    out = rng.normal(size=(n, classes)) + 2 * np.eye(classes)[t] * rng.random((n, 1))
    weight = rng.random(n) + 0.1 if draw(st.booleans()) else None
    return out, rng.permutation(t), weight


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@given(rows())
def test_accuracy_and_top_k(given):
    out, t, w = given
    close(Accuracy().of(out, t, w), sk.accuracy_score(t, out.argmax(axis=1), sample_weight=w))
    for k in (1, 2, 3):
        close(TopK(k).of(out, t, w), sk.top_k_accuracy_score(t, out, k=k, sample_weight=w))


@given(rows())
def test_confusion_matrix(given):
    out, t, w = given
    theirs = sk.confusion_matrix(t, out.argmax(axis=1), sample_weight=w)
    close(ConfusionMatrix().of(out, t, w), theirs)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@pytest.mark.parametrize(("ours", "theirs"), SHARES)
@given(rows())
def test_precision_recall_and_f1(ours, theirs, average, given):
    out, t, w = given
    wanted = theirs(
        t, out.argmax(axis=1), average=average, sample_weight=w, zero_division=0, labels=range(4)
    )
    close(ours(average).of(out, t, w), wanted)


@pytest.mark.parametrize(("ours", "theirs"), SHARES)
@given(given=rows(), least=st.integers(1, 3))
def test_means_over_the_classes_that_occur(ours, theirs, given, least):
    """Some classes have neither rows nor answers, others one of the two."""
    out, t, w = given
    out, t = np.c_[out, np.full((len(t), 2), -9.0)], np.maximum(t, least)
    wanted = theirs(t, out.argmax(axis=1), average="macro", sample_weight=w, zero_division=0)
    close(ours().of(out, t, w), wanted)


@pytest.mark.parametrize(("ours", "theirs"), SHARES)
@given(rows(classes=2))
def test_binary(ours, theirs, given):
    out, t, w = given
    wanted = theirs(t, out.argmax(axis=1), sample_weight=w, zero_division=0)
    close(ours("binary").of(out, t, w), wanted)
    close(ours("binary").of(out[:, 1] - out[:, 0], t, w), wanted)


@given(rows(classes=2), st.booleans())
def test_auc_of_two_classes(given, ties):
    out, t, w = given
    x = out[:, 1].round() if ties else out[:, 1]
    wanted = sk.roc_auc_score(t, x, sample_weight=w)
    close(AUC().of(x, t, w), wanted)
    close(AUC(probabilities=True).of(sigmoid(x), t, w), wanted)
    close(AUC().of(np.stack([np.zeros_like(x), x], axis=1), t, w), wanted)


@given(rows())
def test_auc_of_several_classes(given):
    out, t, w = given
    p = np.exp(log_softmax(out, 1))
    each = [sk.roc_auc_score(t == c, p[:, c], sample_weight=w) for c in range(4)]
    wanted = sk.roc_auc_score(t, p, sample_weight=w, multi_class="ovr", average="macro")
    close(AUC().of(out, t, w), wanted)
    close(AUC(probabilities=True).of(p, t, w), wanted)
    close(AUC(None).of(out, t, w), each)


@given(rows())
def test_perplexity(given):
    out, t, w = given
    wanted = np.exp(sk.log_loss(t, np.exp(log_softmax(out, 1)), sample_weight=w))
    np.testing.assert_allclose(Perplexity().of(out, t, w), wanted, rtol=1e-9)


@given(rows(), st.booleans())
def test_numbers(given, one_column):
    out, _, w = given
    t = np.roll(out, 1, axis=0) * 3 + 10
    out, t = (out[:, 0], t[:, 0]) if one_column else (out, t)
    close(MAE().of(out, t, w), sk.mean_absolute_error(t, out, sample_weight=w))
    close(MSE().of(out, t, w), sk.mean_squared_error(t, out, sample_weight=w))
    close(R2().of(out, t, w), sk.r2_score(t, out, sample_weight=w))
    squares = sk.mean_squared_error(t, out, sample_weight=w)
    close(RMSE().of(out, t, w), squares**0.5)
