"""The rows of the losses that ask for a margin, and of distances and angles."""

import numpy as np

from .case import SAME, Case, class_numbers, probability, real, sigmoid, signs
from .losses import OTHER_SHAPE, WEIGHT, loss_rows, torch_defined, torch_loss


def torch_hinge(p, margin):
    return torch_defined(lambda torch, x, t: torch.clamp(margin - t * x, min=0) ** p)


def torch_soft_margin(torch, x, t, **how):
    return torch.nn.functional.soft_margin_loss(x, t.to(x.dtype), **how)


def hinge_embedding(margin):
    return lambda x, t: np.where(t == 1, x, np.maximum(0, margin - x))


def by_rows(definition):
    """A definition for one row, applied to all of them."""

    def rows(*inputs):
        if inputs[0].ndim == 1:
            return definition(*inputs)
        out = np.empty(inputs[0].shape[:-1])
        for row in np.ndindex(out.shape):
            out[row] = definition(*[x[row] for x in inputs])
        return out

    return rows


def multi_margin(p, margin, weight):
    def one(x, t):
        others = [j for j in range(len(x)) if j != t]
        return weight[t] * sum(max(0, margin - x[t] + x[j]) ** p for j in others) / len(x)

    return by_rows(one)


def label_lists(rng, shape, sizes):
    """Rows that begin with some of the class numbers, and end with -1."""
    lists, classes = np.full(shape, -1), shape[-1]
    for row in np.ndindex(*shape[:-1]):
        count = rng.integers(1, max(classes, 2))
        lists[row][:count] = rng.permutation(classes)[:count]
    return lists


@by_rows
def multi_label_margin(x, t):
    right = list(t[: list(t).index(-1)] if -1 in t else t)
    wrong = [j for j in range(len(x)) if j not in right]
    return sum(max(0, 1 - x[i] + x[j]) for i in right for j in wrong) / len(x)


def multi_label_soft_margin(weight):
    def one(x, t):
        return -np.mean(weight * (t * np.log(sigmoid(x)) + (1 - t) * np.log(sigmoid(-x))))

    return by_rows(one)


# distances and angles


def distance(a, b, p=2.0, eps=1e-6):
    return np.sum(np.abs(a - b + eps) ** p, axis=-1) ** (1 / p)


def cosine(a, b, axis=-1, more=0.0):
    lengths = [np.sqrt(np.sum(x * x, axis=axis) + more) for x in (a, b)]
    return np.sum(a * b, axis=axis) / (lengths[0] * lengths[1])


def triplet(distance, margin, swap=False):
    def one(a, p, n):
        far = min(distance(a, n), distance(p, n)) if swap else distance(a, n)
        return max(0, margin + distance(a, p) - far)

    return by_rows(one)


def cosine_embedding(margin):
    def losses(a, b, t):
        cos = cosine(a, b, more=1e-12)
        return np.where(t == 1, 1 - cos, np.maximum(0, cos - margin))

    return losses


def pairwise(p):
    return lambda torch, a, b: torch.nn.functional.pairwise_distance(a, b, p)


SIGNS = {"like": (real, signs), "fixed": (1,)}
CLASSES = {"like": (real, class_numbers), "fixed": (1,)}
NO_ROWS = [("2 3 4, 2 4", "expects scores of shape (N, C) or (C,), but got (2, 3, 4)."),
           ("3 4, 4", "expects class numbers of shape (3,), but got (4,).")]  # fmt: skip
THREE = [("3 4, 3 4, 1 4", "expects inputs of the same shape (3, 4), but got (1, 4).")]
VECTORS = ["N D, N D, N D", "D, D, D", "B N D, B N D, B N D"]

ROWS = [
    *loss_rows("Hinge()", SAME, lambda x, t: np.maximum(0, 1 - t * x), torch_hinge(1, 1),
               wrong=OTHER_SHAPE, **SIGNS),
    *loss_rows("Hinge(p=2, margin=0.5)", SAME, lambda x, t: np.maximum(0, 0.5 - t * x) ** 2,
               torch_hinge(2, 0.5), wrong=OTHER_SHAPE, only=["mean"],
               **SIGNS),
    *loss_rows("HingeEmbedding()", SAME, hinge_embedding(1),
               torch_loss("hinge_embedding_loss"), wrong=OTHER_SHAPE, **SIGNS),
    *loss_rows("HingeEmbedding(margin=0.5)", SAME, hinge_embedding(0.5),
               torch_loss("hinge_embedding_loss", margin=0.5), wrong=OTHER_SHAPE, only=["none"],
               **SIGNS),
    *loss_rows("SoftMargin()", SAME, lambda x, t: np.log(1 + np.exp(-t * x)),
               torch_soft_margin, wrong=OTHER_SHAPE, **SIGNS),
    *loss_rows("MarginRanking(margin=0.5)", ["N D, N D, N D", "N, N, N", ",,"],
               lambda a, b, t: np.maximum(0, 0.5 - t * (a - b)),
               torch_loss("margin_ranking_loss", margin=0.5), (real, real, signs), (2,),
               [("3, 4, 3", "expects inputs and targets of the same shape (3,), but got (4,)."),
                ("3, 3, 1", "expects inputs and targets of the same shape (3,), but got (1,).")]),
    *loss_rows("MultiMargin()", ["N C, N", "C,"], multi_margin(1, 1, np.ones(9)),
               torch_loss("multi_margin_loss"), wrong=NO_ROWS, **CLASSES),
    *loss_rows("MultiMargin(p=2, margin=0.5, weight=[0.5, 2.0, 1.0, 3.0])", ["N C, N", "C,"],
               multi_margin(2, 0.5, WEIGHT),
               torch_loss("multi_margin_loss", WEIGHT, p=2, margin=0.5),
               wrong=[("3 5, 3", "expects inputs of 4 classes, but got (3, 5).")], held="C",
               only=["mean"], **CLASSES),
    *loss_rows("MultiLabelMargin()", ["N C, N C", "C, C"], multi_label_margin,
               torch_loss("multilabel_margin_loss"), (real, label_lists), (1,),
               [*NO_ROWS[:1], *OTHER_SHAPE]),
    *loss_rows("MultiLabelSoftMargin()", ["N C, N C", "C, C", "B N C, B N C"],
               multi_label_soft_margin(1), torch_loss("multilabel_soft_margin_loss"),
               (real, probability), (), OTHER_SHAPE),
    *loss_rows("MultiLabelSoftMargin(weight=[0.5, 2.0, 1.0, 3.0])", ["N C, N C", "C, C"],
               multi_label_soft_margin(WEIGHT),
               torch_loss("multilabel_soft_margin_loss", WEIGHT),
               (real, probability), (),
               [("3 5, 3 5", "expects inputs that weights of shape (4,) fit, but got (3, 5).")],
               held="C", only=["none"]),
    *loss_rows("TripletMargin()", VECTORS, triplet(distance, 1),
               torch_loss("triplet_margin_loss"), (real,) * 3, (), THREE),
    *loss_rows("TripletMargin(margin=2.0, p=1.0, eps=0.001, swap=True)", VECTORS,
               triplet(lambda a, b: distance(a, b, 1, 1e-3), 2, swap=True),
               torch_loss("triplet_margin_loss", margin=2.0, p=1, eps=1e-3, swap=True),
               (real,) * 3, (), THREE, only=["sum"]),
    *loss_rows("TripletMarginWithDistance(margin=0.5, swap=True)", VECTORS,
               triplet(distance, 0.5, swap=True),
               torch_loss("triplet_margin_with_distance_loss", margin=0.5, swap=True),
               (real,) * 3, (), THREE, only=["mean"]),
    *loss_rows("CosineEmbedding()", ["N D, N D, N", "D, D,"], cosine_embedding(0),
               torch_loss("cosine_embedding_loss"), (real, real, signs), (2,),
               [("3 4, 3 5, 3", "expects vectors of the same shape (3, 4), but got (3, 5)."),
                ("3 4, 3 4, 4", "expects a target for each pair, (3,), but got (4,).")]),
    *loss_rows("CosineEmbedding(margin=0.25)", ["N D, N D, N"], cosine_embedding(0.25),
               torch_loss("cosine_embedding_loss", margin=0.25), (real, real, signs), (2,),
               only=["none"]),
    *[Case(call, ["N D, N D", "D, D", "N D, D", "B N D, N 1"],
           lambda a, b, p=p: distance(a, b, p), pairwise(p),
           errors=(("3 4, 3 5", f"{call} expects inputs that broadcast to (3, 4), "
                                "but got (3, 5)."),))
      for call, p in [("PairwiseDistance()", 2), ("PairwiseDistance(p=1)", 1),
                      ("PairwiseDistance(p=3.5)", 3.5)]],
    Case("PairwiseDistance(keepdim=True)", ["N D, N D"], lambda a, b: distance(a, b)[:, None],
         lambda T, a, b: T.nn.functional.pairwise_distance(a, b, keepdim=True),
         errors=((", ", "PairwiseDistance(keepdim=True) expects vectors, but got a single "
                        "number."),)),
    Case("CosineSimilarity()", ["N D, N D", "N D, 1 D", "N D, D", "N B D, N B D"],
         lambda a, b: cosine(a, b, axis=1) if b.ndim > 1 else cosine(a, b[None], axis=1),
         lambda T, a, b: T.nn.functional.cosine_similarity(a, b),
         errors=(("4, 4", "CosineSimilarity() expects inputs with an axis 1, but got (4,)."),)),
    Case("CosineSimilarity(dim=-1)", ["N D, N D", "D, D", "B N D, N D"], cosine,
         lambda T, a, b: T.nn.functional.cosine_similarity(a, b, dim=-1)),
]  # fmt: skip
