"""Networks for texts: each place of a sequence gets scores for what comes next."""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..initializers import normal
from ..layers import LSTM, Affine, Dropout, Embedding, LayerNorm, LearnedPosition, Transpose
from ..node import Input, Node
from ..transformer import TransformerEncoderLayer


def char_lstm(
    vocabulary: int,
    hidden_size: int = 128,
    num_layers: int = 1,
    dropout: float = 0.0,
    *,
    seed: int | None = None,
) -> Graph:
    """A language model that reads character by character and remembers what it has read.

    shapes     x (N, T), whole numbers -> (N, vocabulary, T): scores for the character after each
    vocabulary   how many characters there are
    hidden_size, num_layers   how much the LSTM remembers, and how many are above one another
    dropout    how much is dropped between the LSTMs and in front of the scores, in training
    seed       decides the first weights and what is dropped; None: chance
    source     Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015; Deep
               Learning from Scratch 2, 6.4

    >>> import numpy as np
    >>> net = char_lstm(76, seed=0)
    >>> net.predict(np.array([[7, 3, 12]])).shape
    (1, 76, 3)
    """
    x = Input("x", shape=(None, None))
    vectors = Embedding(vocabulary, hidden_size)(x)
    lstm = LSTM(hidden_size, hidden_size, num_layers, batch_first=True, dropout=dropout)
    out, *_ = lstm(vectors)  # (N, T, H), and the last states, which nothing reads
    out = Dropout(dropout)(out) if dropout else out
    return scores(out, hidden_size, vocabulary, x, seed)


def gpt(
    vocabulary: int,
    block_size: int = 128,
    n_layer: int = 4,
    n_head: int = 4,
    n_embd: int = 128,
    dropout: float = 0.0,
    *,
    seed: int | None = None,
) -> Graph:
    """A small GPT: a language model whose places look back at all places before them.

    shapes     x (N, T), whole numbers, T up to block_size -> (N, vocabulary, T): scores for what
               comes after each place
    vocabulary   how many characters or words there are
    block_size   how far it can look back
    n_layer, n_head, n_embd   the number of blocks, the heads of each, and the width
    dropout    how much is dropped in training: of the vectors, inside the blocks, of attention
    seed       decides the first weights and what is dropped; None: chance
    errors     ShapeError for x that is longer than block_size; ValueError if n_head does not
               divide n_embd
    source     Radford et al., Language Models are Unsupervised Multitask Learners, 2019. Each
               block is a `TransformerEncoderLayer` that normalises first and looks back only

    >>> import numpy as np
    >>> net = gpt(76, block_size=16, n_layer=2, n_head=2, n_embd=8, seed=0)
    >>> net.predict(np.array([[7, 3, 12]])).shape
    (1, 76, 3)
    """
    x = Input("x", shape=(None, None))
    tokens = Embedding(vocabulary, n_embd, init=partial(normal, std=0.02))(x).named("tokens")
    node = LearnedPosition(block_size, n_embd, init=partial(normal, std=0.02))(tokens).named(
        "positions"
    )
    node = Dropout(dropout)(node) if dropout else node
    for number in range(1, n_layer + 1):
        block = TransformerEncoderLayer(
            n_embd, n_head, 4 * n_embd, dropout, "gelu", batch_first=True, norm_first=True,
            is_causal=True,
        )  # fmt: skip
        node = block(node).named(f"block{number}")
    return scores(LayerNorm(n_embd)(node), n_embd, vocabulary, x, seed)


def scores(out: Node, width: int, vocabulary: int, x: Input, seed: int | None) -> Graph:
    """The end of both: a score for each character, with the characters on axis 1."""
    last = Affine(width, vocabulary)(out)  # (N, T, V)
    return Graph(Transpose(0, 2, 1)(last).named("scores"), [x], seed=seed)  # (N, V, T)
