"""The rows of the losses."""

import numpy as np

from .case import SAME, Case, class_numbers, positive, probability, real, sigmoid, softmax, whole


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

    def function(torch, x, t):
        how = options if weight is None else options | {"weight": torch.tensor(weight).to(x.dtype)}
        return getattr(torch.nn.functional, name)(x, t, **how)

    return function


def binary_cross_entropy(x, t):
    return -(t * np.log(x) + (1 - t) * np.log(1 - x))


def binary_cross_entropy_with_logits(x, t, p=1):
    return -(p * t * np.log(sigmoid(x)) + (1 - t) * np.log(sigmoid(-x)))


def huber(e, delta):
    return np.where(abs(e) <= delta, e * e / 2, delta * (abs(e) - delta / 2))


def elementwise_loss(call, definition, torch, like=(real, real), **options):
    """A row for a loss that compares x and t element by element."""
    wrong = ("3 4, 3 1", f"{call} expects targets of the same shape (3, 4), but got (3, 1).")
    mean = "none" not in call and "sum" not in call
    errors = options.pop("errors", (wrong,))
    return Case(call, options.pop("shapes", SAME), definition, torch, like, empty=not mean,
                errors=errors, **options)  # fmt: skip


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
]  # fmt: skip
