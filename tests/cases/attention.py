"""The rows of what works on sequences without a memory: embedding, positions, attention."""

import numpy as np

from .case import Case, class_numbers


def embedding(x, W):
    out = np.empty((*x.shape, W.shape[1]))
    for place in np.ndindex(*x.shape):
        for d in range(W.shape[1]):
            out[(*place, d)] = W[x[place], d]
    return out


ROWS = [
    Case("Embedding(4, 3)", ["N", "N K", "", "B N K"], embedding,
         lambda T, x, W: T.nn.functional.embedding(x, W), (class_numbers,), fixed=(0,), held="C"),
    Case("Embedding(5, 3, padding_idx=-1)", ["N", "N K"], embedding,
         lambda T, x, W: T.nn.functional.embedding(x, W, padding_idx=-1), (class_numbers,),
         fixed=(0,), held="C"),
]  # fmt: skip
