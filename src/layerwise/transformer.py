"""The layers of a transformer: graphs of attention, weighted sums, sums and normalisation.

Their parts have the names that they have in PyTorch: `layer["self_attn"]`, `layer["linear1.W"]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .anatomy import is_layer
from .graph import Graph
from .layer import Layer
from .layers import GELU, Affine, Dropout, LayerNorm, MultiHeadAttention, ReLU
from .node import Input, Node, apply

ACTIVATIONS = {"relu": ReLU, "gelu": GELU}


class TransformerLayer(Graph, guarded=False):
    """What encoder and decoder have in common: the options, and how their steps are wired."""

    streams: tuple[str, ...] = ()  # the inputs that are always there
    possible_masks: tuple[str, ...] = ()
    wire: Callable[[list[Input], dict[str, Input]], Node]  # from streams and masks to the output

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Any = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = True,
        norm_first: bool = False, bias: bool = True, *, is_causal: bool = False, masks: Any = (),
        dtype: Any = None, seed: int | None = None,
    ) -> None:  # fmt: skip
        self.d_model, self.nhead, self.dim_feedforward = d_model, nhead, dim_feedforward
        self.dropout, self.activation, self.layer_norm_eps = dropout, activation, layer_norm_eps
        self.batch_first, self.norm_first, self.bias = batch_first, norm_first, bias
        self.is_causal, self.masks = is_causal, (masks,) if isinstance(masks, str) else tuple(masks)
        self._check_options()
        streams = [Input(name) for name in self.streams]
        given = {name: Input(name) for name in self.masks}
        out = self.wire(streams, given)
        super().__init__(out, [*streams, *given.values()], dtype=dtype, seed=seed)

    __repr__ = Layer.__repr__  # the call that makes it

    def _check_options(self) -> None:
        name, activation = type(self).__name__, self.activation
        if activation not in ACTIVATIONS and not is_layer(activation):
            raise ValueError(
                f"{name}(activation={activation!r}): choose one of {tuple(ACTIVATIONS)}, or give a "
                "layer."
            )
        for mask in self.masks:
            if mask not in self.possible_masks:
                raise ValueError(
                    f"{name}(masks={self.masks}): there is no {mask!r}. Choose among "
                    f"{', '.join(self.possible_masks)}."
                )

    def residual(self, x: Node, number: int, step: Callable[[Node], Node]) -> Node:
        """x + step(x), normalised afterwards, or x normalised before the step."""
        norm = LayerNorm(self.d_model, self.layer_norm_eps, bias=self.bias)
        inner = norm(x).named(f"norm{number}") if self.norm_first else x
        out = self.dropped(step(inner), f"dropout{number}")
        out = (x + out).named(f"add{number}")
        return out if self.norm_first else norm(out).named(f"norm{number}")

    def attend(
        self, name: str, query: Node, key: Node, masks: dict[str, Input], stream: str,
        is_causal: bool = False,
    ) -> Node:  # fmt: skip
        """Attention of each place to a stream, under the masks of that stream."""
        attention = MultiHeadAttention(
            self.d_model, self.nhead, self.dropout, self.bias, batch_first=self.batch_first,
            is_causal=is_causal,
        )  # fmt: skip
        padding, mask = masks.get(f"{stream}_key_padding_mask"), masks.get(f"{stream}_mask")
        inputs: list[Any] = [query] if key is query else [query, key]
        if padding is not None or mask is not None:
            inputs = [query, key, key, False if padding is None else padding]
        if mask is not None:
            inputs.append(mask)
        return attention(*inputs).named(name)

    def feed_forward(self, x: Node) -> Node:
        """Two weighted sums with an activation between them, at each place of its own."""
        activation = ACTIVATIONS.get(self.activation, lambda: self.activation)()
        h = Affine(self.d_model, self.dim_feedforward, self.bias)(x).named("linear1")
        h = self.dropped(apply(activation, h).named("activation"), "dropout")
        return Affine(self.dim_feedforward, self.d_model, self.bias)(h).named("linear2")

    def dropped(self, x: Node, name: str) -> Node:
        return Dropout(self.dropout)(x).named(name) if self.dropout else x


class TransformerEncoderLayer(TransformerLayer, guarded=False):
    """Each place looks at all places, then a small network works on each place by itself.

    forward    x = norm1(src + self_attn(src))     y = norm2(x + f(x))
               f(x) = linear2(relu(linear1(x)))
               norm_first: x = src + self_attn(norm1(src))     y = x + f(norm2(x))
    backward   the same steps in the other order, by the graph
    shapes     src (N, T, D) -> (N, T, D); without N as well
    d_model, nhead   D, and the number of heads, which divides it
    dim_feedforward  how wide the small network is inside
    dropout    the probability of dropping a weight of attention, an element inside the small
               network, or one of what is added; with 0 the graph has no such places
    activation "relu", "gelu", or a layer
    layer_norm_eps   eps of the normalisations
    batch_first   False: src is (T, N, D). The default is True, unlike PyTorch's and that of RNN,
               LSTM and GRU
    norm_first normalise what goes into each step, rather than the sum behind it
    bias       False leaves out all b and beta
    is_causal  True: a place looks at itself and at those before it alone
    masks      names of masks that come in as inputs behind src, in that order: "src_mask" and
               "src_key_padding_mask", which mean what they mean for MultiHeadAttention: True
               hides, and False alone hides nothing
    dtype, seed   as for every Graph
    errors     ShapeError for src of another width; ValueError for options that make no sense
    source     Vaswani et al., Attention is all you need, 2017, 3.1; norm_first: Xiong et al., On
               layer normalization in the transformer architecture, 2020

    >>> import numpy as np
    >>> layer = TransformerEncoderLayer(8, 2, 16, masks="src_key_padding_mask", seed=0)
    >>> padding = np.array([[False, False, True]])
    >>> layer.forward(np.ones((1, 3, 8)), padding).shape, layer.backward()[0].shape
    ((1, 3, 8), (1, 3, 8))
    >>> layer["self_attn"].layer.attention.weights[0, 0].round(2)
    array([[0.5, 0.5, 0. ],
           [0.5, 0.5, 0. ],
           [0.5, 0.5, 0. ]], dtype=float32)
    """

    streams = ("src",)
    possible_masks = ("src_mask", "src_key_padding_mask")

    def wire(self, streams: list[Input], masks: dict[str, Input]) -> Node:
        (src,) = streams

        def self_attention(x: Node) -> Node:
            return self.attend("self_attn", x, x, masks, "src", self.is_causal)

        x = self.residual(src, 1, self_attention)
        return self.residual(x, 2, self.feed_forward)


class TransformerDecoderLayer(TransformerLayer, guarded=False):
    """As TransformerEncoderLayer, and between the two each place looks at another sequence.

    forward    x = norm1(tgt + self_attn(tgt))     x = norm2(x + multihead_attn(x, memory))
               y = norm3(x + f(x)); f, and where the norms stand, as there
    backward   the same steps in the other order, by the graph
    shapes     tgt (N, T, D), memory (N, S, D) -> (N, T, D); without N as well
    is_causal  True: a place of tgt looks at itself and at those before it alone
    masks      names of masks that come in as inputs behind memory, in that order: "tgt_mask",
               "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"
    the other options are those of TransformerEncoderLayer
    errors     ShapeError for inputs of another width; ValueError for options that make no sense
    source     Vaswani et al., Attention is all you need, 2017, 3.1

    >>> import numpy as np
    >>> layer = TransformerDecoderLayer(8, 2, 16, is_causal=True, seed=0)
    >>> layer.forward(np.ones((1, 3, 8)), np.ones((1, 5, 8))).shape
    (1, 3, 8)
    >>> [dx.shape for dx in layer.backward()]
    [(1, 3, 8), (1, 5, 8)]
    """

    streams = ("tgt", "memory")
    possible_masks = ("tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask")

    def wire(self, streams: list[Input], masks: dict[str, Input]) -> Node:
        tgt, memory = streams

        def self_attention(x: Node) -> Node:
            return self.attend("self_attn", x, x, masks, "tgt", self.is_causal)

        def attention_to_memory(x: Node) -> Node:
            return self.attend("multihead_attn", x, memory, masks, "memory")

        x = self.residual(tgt, 1, self_attention)
        x = self.residual(x, 2, attention_to_memory)
        return self.residual(x, 3, self.feed_forward)
