"""The rows of the losses."""

from functools import partial
from itertools import groupby, product

import numpy as np

from .case import (
    SAME,
    Case,
    class_numbers,
    positive,
    probability,
    real,
    sigmoid,
    softmax,
    whole,
    zero_or_one,
)


def cross_entropy(reduce):
    """Row by row: minus the logarithm of the probability of what is right."""

    def definition(x, t):
        losses = np.empty((x.shape[:1] + x.shape[2:]) if x.ndim > 1 else ())
        for row in np.ndindex(losses.shape):
            scores = (*row[:1], slice(None), *row[1:])
            log_y = np.log(softmax(x[scores]))
            losses[row] = -(t[scores] @ log_y) if t.dtype.kind == "f" else -log_y[t[row]]
        return reduce(losses)

    return definition


def torch_cross_entropy(reduction):
    return lambda torch, x, t: torch.nn.functional.cross_entropy(x, t, reduction=reduction)


WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])  # for each of four classes


def weighted_cross_entropy(reduction, weight=WEIGHT, ignored=-100, smoothing=0.0):
    """Row by row, every class with its weight and its part of the target."""

    def definition(x, t):
        classes = x.shape[min(1, x.ndim - 1)]
        losses = np.zeros((x.shape[:1] + x.shape[2:]) if x.ndim > 1 else ())
        total = 0
        for row in np.ndindex(losses.shape):
            scores = (*row[:1], slice(None), *row[1:])
            if t.dtype.kind == "f":
                target, total = t[scores], total + 1
            elif t[row] == ignored:
                continue
            else:
                target, total = np.eye(classes)[t[row]], total + weight[t[row]]
            target = (1 - smoothing) * target + smoothing / classes
            losses[row] = -np.sum(weight[:classes] * target * np.log(softmax(x[scores])))
        if reduction == "none":
            return losses
        return losses.sum() / (total if reduction == "mean" else 1)

    return definition


def weighted_row(options, how, shapes, like, fixed=(1,)):
    """A row for cross entropy with options, which PyTorch's function takes as well."""
    weight = options.get("weight")
    ours = options | ({} if weight is None else {"weight": weight.tolist()})
    ours |= {} if how == "mean" else {"reduction": how}
    order = ["weight", "ignore_index", "reduction", "label_smoothing"]
    given = ", ".join(f"{name}={ours[name]!r}" for name in order if name in ours)
    call = f"SoftmaxCrossEntropy({given})"
    errors = (
        (shapes[0].replace("C", "5"), f"{call} expects inputs of 4 classes, but got (3, 5)."),
    )
    definition = weighted_cross_entropy(how, np.ones(9) if weight is None else weight,
                                        options.get("ignore_index", -100),
                                        options.get("label_smoothing", 0.0))  # fmt: skip
    return Case(call, shapes, definition, torch_loss("cross_entropy", reduction=how, **options),
                (real, like), fixed=fixed, empty=how != "mean", held="C",
                fills="ignore_index" in options,
                errors=() if weight is None else errors)  # fmt: skip


def negative_log_likelihood(reduction, weight=WEIGHT, ignored=2):
    """Row by row, as its name says."""

    def definition(x, t):
        losses = np.empty((x.shape[:1] + x.shape[2:]) if x.ndim > 1 else ())
        weights = np.empty(losses.shape)
        for row in np.ndindex(losses.shape):
            weights[row] = 0 if t[row] == ignored else weight[t[row]]
            losses[row] = -weights[row] * x[(*row[:1], t[row], *row[1:])]
        total = losses.sum() if reduction != "none" else losses
        return total / weights.sum() if reduction == "mean" else total

    return definition


def torch_loss(name, weight=None, **options):
    """A loss among PyTorch's functions; its weights in the dtype of x."""

    def function(torch, *inputs, **how):
        given = options | how
        if weight is not None:
            given["weight"] = torch.tensor(weight).to(inputs[0].dtype)
        return getattr(torch.nn.functional, name)(*inputs, **given)

    return function


REDUCTIONS = {"mean": np.mean, "sum": np.sum, "none": whole}


def loss_rows(
    call, shapes, definition, torch, like, fixed=(), wrong=(), only=REDUCTIONS, **options
):
    """A row for each reduction, or only for some; `definition` gives what is to be reduced.

    `wrong` is the shapes that do not fit, and what the error says after the layer.
    """
    for how in only:
        given = f"{'' if call.endswith('()') else ', '}reduction={how!r})"
        layer = call if how == "mean" else call[:-1] + given
        yield Case(layer, shapes, reduced(definition, REDUCTIONS[how]),
                   partial(torch_reduced, torch, how), like, fixed=fixed, empty=how != "mean",
                   errors=tuple((words, f"{layer} {text}") for words, text in wrong),
                   **options)  # fmt: skip


def reduced(definition, reduce):
    return lambda *inputs: reduce(np.asarray(definition(*inputs)))


def torch_reduced(function, how, torch, *inputs):
    return function(torch, *inputs, reduction=how)


def torch_defined(losses):
    """What PyTorch has no function for: from the formula of the single losses."""

    def function(torch, *inputs, reduction):
        out = losses(torch, *inputs)
        return out if reduction == "none" else getattr(torch, reduction)(out)

    return function


OTHER_SHAPE = [("3 4, 3 1", "expects targets of the same shape (3, 4), but got (3, 1).")]


def binary_cross_entropy(x, t):
    return -(t * np.log(x) + (1 - t) * np.log(1 - x))


def binary_cross_entropy_with_logits(x, t, p=1):
    return -(p * t * np.log(sigmoid(x)) + (1 - t) * np.log(sigmoid(-x)))


def focal(alpha, gamma):
    def losses(x, t):
        right = np.where(t == 1, sigmoid(x), 1 - sigmoid(x))
        share = np.where(t == 1, alpha, 1 - alpha)
        return -share * (1 - right) ** gamma * np.log(right)

    return losses


def torch_focal(alpha, gamma):
    """As torchvision's sigmoid_focal_loss has it."""

    def losses(torch, x, t):
        t = t.to(x.dtype)
        p = torch.sigmoid(x)
        c = torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="none")
        p_t = p * t + (1 - p) * (1 - t)
        return (alpha * t + (1 - alpha) * (1 - t)) * c * (1 - p_t) ** gamma

    return torch_defined(losses)


def huber(e, delta):
    return np.where(abs(e) <= delta, e * e / 2, delta * (abs(e) - delta / 2))


def elementwise_loss(call, definition, torch, like=(real, real), **options):
    """A row for a loss that compares x and t element by element."""
    wrong = ("3 4, 3 1", f"{call} expects targets of the same shape (3, 4), but got (3, 1).")
    mean = "none" not in call and "sum" not in call
    errors = options.pop("errors", (wrong,))
    return Case(call, options.pop("shapes", SAME), definition, torch, like, empty=not mean,
                errors=errors, **options)  # fmt: skip


def stirling(t):
    return np.where(t > 1, t * np.log(t) - t + np.log(2 * np.pi * t) / 2, 0)


def gaussian(x, t, v):
    return (np.log(v + 0 * x) + (x - t) ** 2 / v) / 2


def torch_gaussian(**options):
    loss = torch_loss("gaussian_nll_loss", **options)
    return lambda torch, x, t, v, reduction: loss(torch, x, t, v + 0 * x, reduction=reduction)


# texts and frames


def letters(blank):
    """Numbers of letters without the blank; the first of them is as low as can be."""

    def like(rng, shape, sizes):
        known = [c for c in range(sizes["C"]) if c != blank] or [0]
        numbers = np.asarray(rng.choice(known, size=shape))
        numbers.flat[:1] = known[0]
        return numbers

    return like


def text_lengths(rng, shape, sizes):
    lengths = np.asarray(rng.integers(0, sizes.get("M", 0) + 1, size=shape))
    lengths.flat[:1] = sizes.get("M", 0)
    return lengths


def frame_counts(rng, shape, sizes):
    """As many frames as the longest text needs, or more."""
    most = sizes.get("K", 0)
    return np.asarray(rng.integers(2 * sizes.get("M", 0) - 1, most + 1, size=shape) if most
                      else np.zeros(shape, int))  # fmt: skip


def ctc(blank):
    """Of all paths that there are, those that read the text."""

    def losses(log_y, texts, frames, lengths):
        if log_y.ndim == 2:
            return one(log_y, texts, frames, lengths)
        return [one(log_y[:, n], texts[n], frames[n], lengths[n]) for n in range(len(texts))]

    def one(log_y, text, frames, length):
        total = 0
        for path in product(range(log_y.shape[1]), repeat=int(frames)):
            if [c for c, _ in groupby(path) if c != blank] == list(text[:length]):
                total += np.exp(log_y[np.arange(frames), path].sum())
        return -np.log(total)

    return losses


def ctc_row(call, how, blank, shapes):
    def definition(log_y, texts, frames, lengths):
        losses = np.asarray(ctc(blank)(log_y, texts, frames, lengths), float)
        return REDUCTIONS[how](losses / np.maximum(lengths, 1) if how == "mean" else losses)

    def torch_ctc(torch, x, texts, frames, lengths):
        losses = torch.nn.functional.ctc_loss(x, texts, frames, lengths, blank, "none")
        # PyTorch counts on a softmax in front, and leaves its exp(x) in the slope: taken out here
        heard = (torch.arange(len(x)).view(-1, *[1] * frames.ndim) < frames)[..., None]
        losses = losses - torch.where(heard, x.exp() - x.exp().detach(), 0).sum((0, -1))
        if how == "mean":
            losses = losses / torch.clamp(lengths, min=1)
        return losses if how == "none" else getattr(torch, how)(losses)

    like = (real, letters(blank), frame_counts, text_lengths)
    wrong = (
        ("5 3 4, 2 2, 3, 3", f"{call} expects letters for 3 texts, but got (2, 2)."),
        ("5 3 4, 3 2, 2, 3", f"{call} expects lengths of shape (3,), but got (2,)."),
        ("5 4, 2,, 1", f"{call} expects the length of one text, but got (1,)."),
        ("4, 2,,", f"{call} expects logarithms of shape (T, N, C) or (T, C), but got (4,)."),
    )
    return Case(call, shapes, definition, torch_ctc, like, fixed=(1, 2, 3), empty=how != "mean",
                held="CKM", errors=wrong)  # fmt: skip


TEXTS = ["K N C, N M, N, N", "K C, M,,"]

ROWS = [
    Case("SoftmaxCrossEntropy()", ["N C, N", "C,", "N C H W, N H W"], cross_entropy(np.mean),
         torch_cross_entropy("mean"), (real, class_numbers), fixed=(1,), empty=False,
         errors=(("4 5, 3", "SoftmaxCrossEntropy() expects class numbers of shape (4,), "
                            "but got (3,)."),
                 ("4 5, 4 5 1", "SoftmaxCrossEntropy() expects class numbers of shape (4,), "
                                "but got (4, 5, 1)."),)),
    Case("SoftmaxCrossEntropy(reduction='sum')", ["N C, N"], cross_entropy(np.sum),
         torch_cross_entropy("sum"), (real, class_numbers), fixed=(1,)),
    Case("SoftmaxCrossEntropy(reduction='none')", ["N C, N", "N C H, N H"], cross_entropy(whole),
         torch_cross_entropy("none"), (real, class_numbers), fixed=(1,)),
    Case("SoftmaxCrossEntropy()", ["N C, N C", "C, C", "N C H, N C H"], cross_entropy(np.mean),
         torch_cross_entropy("mean"), (real, positive), empty=False),
    Case("SoftmaxCrossEntropy(reduction='none')", ["N C, N C", "N C H, N C H"],
         cross_entropy(whole), torch_cross_entropy("none"), (real, positive)),
    *[weighted_row({"weight": WEIGHT, "ignore_index": 2, "label_smoothing": 0.1}, how,
                   ["N C, N", "C,", "N C H W, N H W"], class_numbers)
      for how in ("mean", "sum", "none")],
    weighted_row({"ignore_index": 2}, "mean", ["N C, N", "N C H, N H"], class_numbers),
    weighted_row({"label_smoothing": 0.3}, "mean", ["N C, N", "C,"], class_numbers),
    *[weighted_row({"weight": WEIGHT, "label_smoothing": 0.1}, how,
                   ["N C, N C", "C, C", "N C H, N C H"], positive, fixed=())
      for how in ("mean", "none")],
    Case("MeanSquaredError()", SAME,
         lambda x, t: ((x - t) ** 2).mean(), python=True, empty=False,
         errors=(("3 4, 3 1", "MeanSquaredError() expects targets of the same shape (3, 4), "
                              "but got (3, 1)."),)),
    Case("MeanSquaredError(reduction='sum')", SAME, lambda x, t: ((x - t) ** 2).sum(),
         python=True),
    Case("MeanSquaredError(reduction='none')", SAME, lambda x, t: (x - t) ** 2,
         python=True),
    elementwise_loss("L1()", lambda x, t: abs(x - t).mean(), torch_loss("l1_loss"), python=True),
    elementwise_loss("L1(reduction='none')", lambda x, t: abs(x - t),
                     torch_loss("l1_loss", reduction="none"), python=True),
    elementwise_loss("SmoothL1()", lambda x, t: huber(x - t, 1).mean(),
                     torch_loss("smooth_l1_loss"), python=True),
    elementwise_loss("SmoothL1(reduction='sum', beta=0.5)",
                     lambda x, t: huber(x - t, 0.5).sum() / 0.5,
                     torch_loss("smooth_l1_loss", reduction="sum", beta=0.5), python=True),
    elementwise_loss("Huber()", lambda x, t: huber(x - t, 1).mean(),
                     torch_loss("huber_loss"), python=True),
    elementwise_loss("Huber(reduction='none', delta=0.5)", lambda x, t: huber(x - t, 0.5),
                     torch_loss("huber_loss", reduction="none", delta=0.5), python=True),
    elementwise_loss("BinaryCrossEntropy()", lambda x, t: binary_cross_entropy(x, t).mean(),
                     torch_loss("binary_cross_entropy"), (probability, probability)),
    elementwise_loss("BinaryCrossEntropy(weight=[0.5, 2.0, 1.0, 3.0], reduction='none')",
                     lambda x, t: WEIGHT * binary_cross_entropy(x, t),
                     torch_loss("binary_cross_entropy", WEIGHT, reduction="none"),
                     (probability, probability), shapes=["N C, N C", "C, C", "B N C, B N C"],
                     held="C",
                     errors=(("3 5, 3 5", "BinaryCrossEntropy(weight=[0.5, 2.0, 1.0, 3.0], "
                              "reduction='none') expects inputs that weights of shape (4,) fit, "
                              "but got (3, 5)."),)),
    elementwise_loss("BinaryCrossEntropyWithLogits()",
                     lambda x, t: binary_cross_entropy_with_logits(x, t).mean(),
                     torch_loss("binary_cross_entropy_with_logits"), (real, probability),
                     python=True),
    elementwise_loss("BinaryCrossEntropyWithLogits(reduction='sum', pos_weight=2.5)",
                     lambda x, t: binary_cross_entropy_with_logits(x, t, 2.5).sum(),
                     lambda T, x, t: T.nn.functional.binary_cross_entropy_with_logits(
                         x, t, reduction="sum", pos_weight=T.tensor(2.5).to(x.dtype)),
                     (real, probability), python=True),
    elementwise_loss("BinaryCrossEntropyWithLogits(weight=[0.5, 2.0, 1.0, 3.0], "
                     "pos_weight=[0.5, 2.0, 1.0, 3.0])",
                     lambda x, t: (WEIGHT * binary_cross_entropy_with_logits(x, t, WEIGHT)).mean(),
                     lambda T, x, t: T.nn.functional.binary_cross_entropy_with_logits(
                         x, t, T.tensor(WEIGHT).to(x.dtype),
                         pos_weight=T.tensor(WEIGHT).to(x.dtype)),
                     (real, probability), shapes=["N C, N C", "C, C"], held="C",
                     errors=(("3, 3", "BinaryCrossEntropyWithLogits(weight=[0.5, 2.0, 1.0, 3.0], "
                              "pos_weight=[0.5, 2.0, 1.0, 3.0]) expects inputs that weights of "
                              "shape (4,) fit, but got (3,)."),)),
    elementwise_loss("KLDivergence()", lambda x, t: (t * (np.log(t) - x)).mean(),
                     lambda T, x, t: torch_loss("kl_div", reduction="none")(T, x, t).mean(),
                     (real, positive), python=True),
    elementwise_loss("KLDivergence(reduction='batchmean')",
                     lambda x, t: (t * (np.log(t) - x)).sum() / len(x),
                     torch_loss("kl_div", reduction="batchmean"), (real, positive),
                     shapes=["N D, N D", "D, D"]),
    elementwise_loss("KLDivergence(reduction='none', log_target=True)",
                     lambda x, t: np.exp(t) * (t - x),
                     torch_loss("kl_div", reduction="none", log_target=True), python=True),
    Case("NegativeLogLikelihood()", ["N C, N", "C,", "N C H W, N H W"],
         negative_log_likelihood("mean", np.ones(9), -100), torch_loss("nll_loss"),
         (real, class_numbers), fixed=(1,), empty=False,
         errors=(("4 5, 3", "NegativeLogLikelihood() expects class numbers of shape (4,), "
                            "but got (3,)."),
                 (", 3", "NegativeLogLikelihood() expects a score for each class, "
                         "but got a single number."))),
    *[Case(f"NegativeLogLikelihood(weight=[0.5, 2.0, 1.0, 3.0], ignore_index=2{how})",
           ["N C, N", "C,", "N C H, N H"], negative_log_likelihood(reduction),
           torch_loss("nll_loss", WEIGHT, ignore_index=2, reduction=reduction),
           (real, class_numbers), fixed=(1,), empty=reduction != "mean", held="C", fills=True,
           errors=(("3 5, 3", "NegativeLogLikelihood(weight=[0.5, 2.0, 1.0, 3.0], "
                              f"ignore_index=2{how}) expects inputs of 4 classes, "
                              "but got (3, 5)."),))
      for reduction, how in [("mean", ""), ("sum", ", reduction='sum'"),
                             ("none", ", reduction='none'")]],
    *loss_rows("Focal()", SAME, focal(0.25, 2), torch_focal(0.25, 2), (real, zero_or_one), (),
               OTHER_SHAPE),
    *loss_rows("Focal(alpha=0.75, gamma=0.5)", SAME, focal(0.75, 0.5), torch_focal(0.75, 0.5),
               (real, zero_or_one), (), only=["mean"]),
    *loss_rows("Focal(alpha=None, gamma=0.0)", SAME, binary_cross_entropy_with_logits,
               torch_loss("binary_cross_entropy_with_logits"), (real, probability), (),
               only=["sum"]),
    *loss_rows("PoissonNLL()", SAME, lambda x, t: np.exp(x) - t * x,
               torch_loss("poisson_nll_loss"), (real, positive), (), OTHER_SHAPE, python=True),
    *loss_rows("PoissonNLL(log_input=False, full=True, eps=0.01)", SAME,
               lambda x, t: x - t * np.log(x + 0.01) + stirling(t),
               torch_loss("poisson_nll_loss", log_input=False, full=True, eps=0.01),
               (positive, positive), (), only=["none"], python=True),
    *loss_rows("GaussianNLL()", ["N D, N D, N D", "N D, N D, N 1", "N D, N D, 1 D", "D, D,"],
               gaussian, torch_gaussian(), (real, real, positive), (),
               [("3 4, 3 1, 3 4", "expects targets of the same shape (3, 4), but got (3, 1)."),
                ("3 4, 3 4, 3", "expects variances of shape (3, 4), or with 1 for axes that share "
                 "one, but got (3,). For one variance for each row give (3, 1)."),
                ("3 4, 3 4, 3 2", "expects variances of shape (3, 4), or with 1 for axes that "
                 "share one, but got (3, 2).")], python=True),
    *loss_rows("GaussianNLL(full=True)", ["N D, N D, N D"],
               lambda x, t, v: gaussian(x, t, v) + np.log(2 * np.pi) / 2,
               torch_gaussian(full=True), (real, real, positive), (), only=["mean"]),
    ctc_row("CTC()", "mean", 0, TEXTS),
    ctc_row("CTC(blank=3, reduction='sum')", "sum", 3, TEXTS[:1]),
    ctc_row("CTC(reduction='none')", "none", 0, TEXTS),
]  # fmt: skip
