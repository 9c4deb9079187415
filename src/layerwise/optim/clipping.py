"""Clipping of gradients: by the norm of all of them together, or element by element."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..parameter import Parameter
from .options import number


def clip_grad_norm(parameters: Mapping[str, Parameter], max_norm: float) -> float:
    """Scale all gradients down together if their common norm is larger than max_norm.

    formula      norm = root of the sum of squares of all elements of all gradients
                 grad = grad max_norm / (norm + 1e-6) if that makes it smaller
    max_norm     the largest norm, 0 or more
    returns      the norm as it was
    errors       ValueError if max_norm is below 0
    source       Pascanu et al., On the difficulty of training recurrent neural networks, 2013;
                 as torch.nn.utils.clip_grad_norm_

    An optimizer made with `clip_norm=max_norm` does it in each step by itself.

    >>> W = Parameter(np.zeros(2))
    >>> W.grad = np.array([3.0, 4.0])
    >>> clip_grad_norm({"W": W}, max_norm=1.0), W.grad.round(3)
    (5.0, array([0.6, 0.8]))
    """
    clipped, norm = clip_by_norm(
        _gradients(parameters), number("clip_grad_norm", "max_norm", max_norm)
    )
    for name, grad in clipped.items():
        parameters[name].grad = grad
    return norm


def clip_grad_value(parameters: Mapping[str, Parameter], clip_value: float) -> None:
    """Move every element of every gradient into the range from -clip_value to clip_value.

    clip_value   the largest size of an element, 0 or more
    errors       ValueError if clip_value is below 0
    source       as torch.nn.utils.clip_grad_value_

    An optimizer made with `clip_value=...` does it in each step by itself.

    >>> W = Parameter(np.zeros(2))
    >>> W.grad = np.array([3.0, -0.5])
    >>> clip_grad_value({"W": W}, clip_value=1.0)
    >>> W.grad
    array([ 1. , -0.5])
    """
    clipped = clip_by_value(
        _gradients(parameters), number("clip_grad_value", "clip_value", clip_value)
    )
    for name, grad in clipped.items():
        parameters[name].grad = grad


def clip_by_norm(gradients: dict[str, Any], max_norm: float) -> tuple[dict[str, Any], float]:
    """The gradients with a norm of at most max_norm, and the norm as it was."""
    norm = math.hypot(*[norm_of(grad) for grad in gradients.values()])
    share = max_norm / (norm + 1e-6)
    if share >= 1:
        return gradients, norm
    return {name: grad * share for name, grad in gradients.items()}, norm


def clip_by_value(gradients: dict[str, Any], clip_value: float) -> dict[str, Any]:
    return {name: np.clip(grad, -clip_value, clip_value) for name, grad in gradients.items()}


def norm_of(x: Any) -> float:
    """The root of the sum of all squares."""
    wide = x.astype(np.result_type(x, np.float32), copy=False)  # squares overflow in float16
    return float(np.linalg.norm(wide))


def _gradients(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    return {name: held.grad for name, held in parameters.items() if held.grad is not None}
