"""The rows of the normalisations."""

import numpy as np

from .case import Case, var


def standard(x, eps=1e-5):
    """All numbers of x at mean 0 and variance 1."""
    return (x - x.mean()) / np.sqrt(var(x) + eps) if x.size else x


def by_channel(x, gamma=None, beta=None):
    """Times gamma and plus beta, channel by channel."""
    out = np.array(x)
    for c in range(x.shape[1]):
        out[:, c] = x[:, c] * (1 if gamma is None else gamma[c]) + (0 if beta is None else beta[c])
    return out


def torch_batch_norm(eps=1e-5):
    def function(torch, x, gamma=None, beta=None):
        return torch.nn.functional.batch_norm(x, None, None, gamma, beta, True, eps=eps)

    return function


def batch_norm(x, *scale, eps=1e-5, **scales):
    channels = [standard(x[:, c], eps) for c in range(x.shape[1])]
    return by_channel(np.stack(channels, axis=1), *scale, **scales)


def batch_norm_outside_training(x, **scales):
    """At first the running mean is 0 and the running variance 1."""
    return by_channel(x / np.sqrt(1 + 1e-5), **scales)


def instance_norm(x, **scales):
    out = np.array(x)
    for n, c in np.ndindex(x.shape[:2]):
        out[n, c] = standard(x[n, c])
    return by_channel(out, **scales)


def group_norm(x, groups=2, **scales):
    out, size = np.array(x), x.shape[1] // groups
    for n, c in np.ndindex(x.shape[0], groups):
        group = slice(c * size, (c + 1) * size)
        out[n, group] = standard(x[n, group])
    return by_channel(out, **scales)


def layer_norm(x, gamma=1, beta=0, axes=1):
    rows = [standard(row) for row in x.reshape(-1, *x.shape[-axes:])]
    return np.reshape(rows, x.shape) * gamma + beta


def rms_norm(x, gamma=1, eps=2.0**-52):
    rows = [row / np.sqrt(np.mean(row * row) + eps) for row in x.reshape(-1, x.shape[-1])]
    return np.reshape(rows, x.shape) * gamma


def local_response_norm(x, size, alpha, beta=0.75, k=1.0):
    out = np.array(x)
    for c in range(x.shape[1]):
        first = max(c - size // 2, 0)
        window = x[:, first : c - size // 2 + size]
        out[:, c] = x[:, c] / (k + alpha / size * np.sum(window * window, axis=1)) ** beta
    return out


def norm_rows():
    """The rows of the normalisations."""
    images = ["N C H", "N C H W", "N C 2 H 1"]
    wrong = ("3 5", "BatchNorm(4) expects inputs of the shape (N, 4, ...), but got (3, 5). "
                    "Did you mean BatchNorm(5)?")  # fmt: skip
    flat = ("4", "BatchNorm(4) expects inputs of the shape (N, 4, ...), but got (4,).")
    one = ("1 4", "BatchNorm(4) expects more than one value per channel to take a variance of, "
                  "but got (1, 4). Give a larger batch. In inference, with running statistics, "
                  "one row will do.")  # fmt: skip
    fixed = {"held": "C", "several": "N", "inference": batch_norm_outside_training}
    yield Case("BatchNorm(4)", ["N C", *images], batch_norm, torch_batch_norm(),
               errors=(wrong, flat, one), **fixed)  # fmt: skip
    yield Case("BatchNorm(4, affine=False)", ["N C", "N C H"], batch_norm, torch_batch_norm(),
               **fixed)  # fmt: skip
    yield Case("BatchNorm(4, momentum=None, bias=False)", ["N C H"], batch_norm,
               torch_batch_norm(), **fixed)  # fmt: skip
    yield Case("BatchNorm(4, eps=0.1, track_running_stats=False)", ["N C", "N C H"],
               lambda x, gamma, beta: batch_norm(x, gamma, beta, eps=0.1), torch_batch_norm(0.1),
               held="C", several="N")  # fmt: skip
    wanted = "InstanceNorm(4) expects inputs of the shape (N, 4, L, ...), but got"
    yield Case("InstanceNorm(4)", images, instance_norm,
               lambda T, x: T.nn.functional.instance_norm(x), held="C", several="H",
               errors=(("3 5 2", f"{wanted} (3, 5, 2). Did you mean InstanceNorm(5)?"),
                       ("3 4", f"{wanted} (3, 4)."),
                       ("3 4 1", "InstanceNorm(4) expects more than one value per channel and "
                                 "image to take a variance of, but got (3, 4, 1). Give larger "
                                 "images.")))  # fmt: skip
    yield Case("InstanceNorm(4, affine=True, track_running_stats=True)", images, instance_norm,
               lambda T, x, gamma, beta: T.nn.functional.instance_norm(x, None, None, gamma, beta),
               held="C", several="H", inference=batch_norm_outside_training)  # fmt: skip
    yield Case("GroupNorm(2, 4)", ["N C", *images], group_norm,
               lambda T, x, gamma, beta: T.nn.functional.group_norm(x, 2, gamma, beta), held="C",
               errors=(("3 5", "GroupNorm(2, 4) expects inputs of the shape (N, 4, ...), "
                               "but got (3, 5)."),))  # fmt: skip
    yield Case("GroupNorm(1, 4, affine=False)", ["N C", "N C H"], lambda x: group_norm(x, 1),
               lambda T, x: T.nn.functional.group_norm(x, 1), held="C")  # fmt: skip
    wanted = "expects inputs of the shape (..., 4), but got"
    yield Case("LayerNorm((4,))", ["N D", "D", "B N D"], layer_norm,
               lambda T, x, gamma, beta: T.nn.functional.layer_norm(x, (4,), gamma, beta), held="D",
               errors=(("3 5", f"LayerNorm((4,)) {wanted} (3, 5)."),
                       ("", f"LayerNorm((4,)) {wanted} a single number.")))  # fmt: skip
    yield Case("LayerNorm((3, 4), bias=False)", ["N 3 4", "3 4"],
               lambda x, gamma: layer_norm(x, gamma, axes=2),
               lambda T, x, gamma: T.nn.functional.layer_norm(x, (3, 4), gamma),
               errors=(("2 4", "LayerNorm((3, 4), bias=False) expects inputs of the shape "
                               "(..., 3, 4), but got (2, 4)."),))  # fmt: skip
    yield Case("LayerNorm((4,), elementwise_affine=False)", ["N D"], layer_norm,
               lambda T, x: T.nn.functional.layer_norm(x, (4,)), held="D")  # fmt: skip
    yield Case("RMSNorm((4,))", ["N D", "D", "B N D"], rms_norm,
               lambda T, x, gamma: T.nn.functional.rms_norm(x, (4,), gamma), held="D",
               errors=(("3 5", f"RMSNorm((4,)) {wanted} (3, 5)."),))  # fmt: skip
    yield Case("RMSNorm((4,), eps=0.1, elementwise_affine=False)", ["N D"],
               lambda x: rms_norm(x, eps=0.1),
               lambda T, x: T.nn.functional.rms_norm(x, (4,), eps=0.1), held="D")  # fmt: skip
    for size in (1, 2, 3, 9):
        yield Case(f"LocalResponseNorm({size}, alpha=0.5)", images,
                   lambda x, size=size: local_response_norm(x, size, 0.5),
                   lambda T, x, size=size: T.nn.functional.local_response_norm(x, size, 0.5),
                   errors=(("4", f"LocalResponseNorm({size}, alpha=0.5) expects inputs of the "
                                 "shape (N, C, ...), but got (4,)."),))  # fmt: skip
    yield Case("LocalResponseNorm(3, alpha=0.5, beta=2.0, k=0.5)", ["N C"],
               lambda x: local_response_norm(x, 3, 0.5, 2.0, 0.5),
               lambda T, x: T.nn.functional.local_response_norm(x[..., None], 3, 0.5, 2.0, 0.5)
               [..., 0])  # fmt: skip


ROWS = [*norm_rows()]
