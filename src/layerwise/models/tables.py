"""A network for tables: rows of numbers, and perhaps of categories."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Graph
from ..layers import Affine, BatchNorm, Concat, Dropout, Embedding, ReLU
from ..node import Input, Node


def tabular_mlp(
    numbers: int,
    outputs: int,
    categories: Sequence[int] = (),
    hidden: Sequence[int] = (128, 64),
    dropout: float = 0.1,
    *,
    seed: int | None = None,
) -> Graph:
    """A network for the rows of a table: columns of numbers, and columns of category numbers.

    shapes     numbers (N, numbers) [, categories (N, len(categories))] -> (N, outputs)
    numbers    how many columns of numbers; a BatchNorm takes out their units
    outputs    classes to give scores for, or numbers to predict
    categories   for each column of categories, how many there are. The numbers of categories are
               whole, from 0 up; each gets a vector of its own, of half as many numbers, 50 at most
    hidden     units of the hidden layers
    dropout    how much of each hidden layer is dropped in training
    seed       decides the first weights and what is dropped; None: chance
    errors     ValueError for a table without columns
    source     Guo and Berkhahn, Entity Embeddings of Categorical Variables, 2016

    >>> import numpy as np
    >>> net = tabular_mlp(4, 3, seed=0)
    >>> net.predict(np.zeros((2, 4))).shape
    (2, 3)
    >>> net = tabular_mlp(4, 1, categories=[7, 12], seed=0)
    >>> net.predict(np.zeros((2, 4)), np.array([[6, 0], [1, 11]])).shape
    (2, 1)
    """
    if numbers < 1 and not categories:
        raise ValueError("tabular_mlp(numbers=0, categories=()): the table has no columns.")
    inputs: list[Input] = []
    parts: list[Node] = []
    width = numbers
    if numbers:
        inputs.append(Input("numbers", shape=(None, numbers)))
        parts.append(BatchNorm(numbers)(inputs[0]).named("standard"))
    if categories:
        codes = Input("categories", shape=(None, len(categories)))
        inputs.append(codes)
        for column, count in enumerate(categories):
            size = min((count + 1) // 2, 50)
            parts.append(Embedding(count, size)(codes[:, column]).named(f"embedding{column + 1}"))
            width += size
    node = Concat(dim=1)(*parts).named("row") if len(parts) > 1 else parts[0]
    for units in hidden:
        node = Dropout(dropout)(ReLU()(Affine(width, units)(node)))
        width = units
    return Graph(Affine(width, outputs)(node).named("out"), inputs, seed=seed)
