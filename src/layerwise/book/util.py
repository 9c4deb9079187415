"""The helpers of both volumes: windows of images, gradients, data, words."""

from __future__ import annotations

from typing import Any

import numpy as np

from .images import col2im, im2col
from .words import (
    analogy,
    convert_one_hot,
    cos_similarity,
    create_co_matrix,
    create_contexts_target,
    eval_perplexity,
    eval_seq2seq,
    most_similar,
    normalize,
    ppmi,
    preprocess,
)

__all__ = [
    "analogy",
    "clip_grads",
    "col2im",
    "conv_output_size",
    "convert_one_hot",
    "cos_similarity",
    "create_co_matrix",
    "create_contexts_target",
    "eval_perplexity",
    "eval_seq2seq",
    "im2col",
    "most_similar",
    "normalize",
    "np",
    "ppmi",
    "preprocess",
    "shuffle_dataset",
    "smooth_curve",
    "to_cpu",
    "to_gpu",
]


def clip_grads(grads: Any, max_norm: float) -> None:
    """Scale all gradients down, in place, if their common length is above max_norm.

    source     Deep Learning from Scratch 2, 6.1.4

    >>> grads = [np.array([3.0]), np.array([4.0])]
    >>> clip_grads(grads, 1.0)
    >>> grads[0].round(6), grads[1].round(6)
    (array([0.6]), array([0.8]))
    """
    length = np.sqrt(sum(np.sum(grad**2) for grad in grads))
    rate = float(max_norm / (length + 1e-6))
    if rate < 1:
        for grad in grads:
            grad *= rate


def conv_output_size(input_size: int, filter_size: int, stride: int = 1, pad: int = 0) -> float:
    """How many places a filter has along an axis; a fraction if it does not come out even.

    >>> conv_output_size(28, 5), conv_output_size(7, 3, stride=2, pad=1)
    (24.0, 4.0)
    """
    return (input_size + 2 * pad - filter_size) / stride + 1


def shuffle_dataset(x: Any, t: Any, rng: Any = None) -> Any:
    """The rows of x and t in one random order; `rng` is a generator or a seed.

    >>> shuffle_dataset(np.array([[1], [2], [3]]), np.array([1, 2, 3]), rng=0)[1]
    array([3, 1, 2])
    """
    order = np.random.default_rng(rng).permutation(len(x))
    return x[order], t[order]


def smooth_curve(x: Any) -> Any:
    """A curve averaged over 11 neighbouring points, for plots; the ends are mirrored.

    >>> smooth_curve(np.ones(20)).round(6).tolist() == [1.0] * 20
    True
    """
    window = np.kaiser(11, 2)
    mirrored = np.r_[x[10:0:-1], x, x[-1:-11:-1]]
    return np.convolve(window / window.sum(), mirrored, mode="valid")[5 : len(x) + 5]


def to_cpu(x: Any) -> Any:
    """x as it is (see `config`)."""
    return x


def to_gpu(x: Any) -> Any:
    """x as it is (see `config`)."""
    return x
