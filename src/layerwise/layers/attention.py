"""Attention: each query asks all keys how well they fit, and takes their values by that share.

`ScaledDotProductAttention` is the formula itself. `MultiHeadAttention` learns what queries, keys
and values are, and asks with several heads at once.
"""

import math
from functools import partial

import numpy as np

from ..errors import ShapeError, show_shape
from ..initializers import generator, xavier_uniform, zeros
from ..layer import Layer
from ..parameter import Parameter
from .activation import Identity
from .affine import Affine
from .arithmetic import unbroadcast
from .norm import narrowed, wide
from .position import RotaryPosition
from .random import Dropout
from .sizes import check_sizes


class ScaledDotProductAttention(Layer):
    """out = softmax(scale q kᵀ + mask) v: for each query, the values of the keys that fit it.

    forward    scores = scale q kᵀ + mask     weights = softmax(scores), each row with the sum 1
               out = weights v
    backward   dv = weightsᵀ dout     dweights = dout vᵀ
               dscores = weights (dweights - sum of dweights weights), the sum along a row
               dq = scale dscores k     dk = scale dscoresᵀ q     dmask = dscores
    shapes     query (..., L, E), key (..., S, E), value (..., S, D) -> (..., L, D)
    attn_mask  an input that may be left out; it broadcasts to (..., L, S). True and False say which
               keys a query sees; floats are added to the scores, -inf hides
    dropout_p  the probability with which a weight is dropped while training
    is_causal  True: query i sees the keys 0 to i alone, and of those what attn_mask shows. Both
               count from 0, also where there are more keys than queries
    scale      None: 1 / √E
    enable_gqa True: heads of queries share keys and values in groups, query (..., H, L, E), key
               and value (..., G, S, E), and H / G heads in a row have the same ones
    rng        a generator or a seed for dropout; None: the graph's seed decides
    keeps      weights (..., L, S), to look at after a forward
    errors     ShapeError if the inputs do not fit; ValueError for a mask of whole numbers
    source     Vaswani et al., Attention is all you need, 2017, 3.2.1; Ainslie et al., GQA, 2023

    A query that sees no key gets zeros and finite gradients, as in PyTorch's function of this
    name. (PyTorch's MultiheadAttention gives NaN then, unless need_weights is False.)

    >>> attention = ScaledDotProductAttention(scale=1.0)
    >>> q, k = np.array([[1.0, 0.0]]), np.log(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> attention.forward(q, k, np.array([[100.0], [200.0]])).round(6)
    array([[175.]])
    >>> attention.weights.round(6)
    array([[0.25, 0.75]])
    >>> attention.backward(np.array([[1.0]]))[2].round(6)
    array([[0.25],
           [0.75]])
    """

    def __init__(self, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False, *, rng=None):
        self.dropout = Dropout(dropout_p, rng=rng)
        self.dropout_p, self.is_causal = dropout_p, is_causal
        self.scale, self.enable_gqa = scale, enable_gqa
        self.given = self.factor = None  # saved by forward for backward
        self.q = self.k = self.v = self.weights = self.dropped = None

    @property
    def weights(self):
        """The shares of the last forward; an engine that does not keep them gives a function."""
        if callable(self._weights):
            self._weights = self._weights()
        return self._weights

    @weights.setter
    def weights(self, weights):
        self._weights = weights

    def out_shape(self, query, key, value, attn_mask=None):
        if any(... in shape for shape in (query, key, value)):
            return (..., None)
        if self.enable_gqa:
            expect(self, "queries", query, (*query[:-3], "H", "L", "E"))
            expect(self, "keys", key, (*query[:-3], "G", "S", query[-1]), which=1)
            if None not in (query[-3], key[-3]) and query[-3] % key[-3]:
                raise ShapeError(self, f"keys of heads that divide {query[-3]}", key, which=1)
        else:
            expect(self, "queries", query, (*query[:-2], "L", "E"))
            expect(self, "keys", key, (*query[:-2], "S", query[-1]), which=1)
        expect(self, "values", value, (*key[:-1], "D"), which=2)
        expect_mask(self, attn_mask, (*query[:-1], key[-2]), which=3)
        return (*query[:-1], value[-1])

    def forward(self, query, key, value, attn_mask=None):
        self.given = query, key, value, as_mask(self, attn_mask)
        self.out_shape(*map(shape_of, self.given))
        self.factor = query.shape[-1] ** -0.5 if self.scale is None else self.scale
        self.q = self.factor * wide(query)
        self.k, self.v = self.for_each_head(key), self.for_each_head(value)
        scores = self.masked(self.q @ self.k.mT)  # (1)  (L, E) @ (E, S) -> (L, S)
        self.weights = softmax_of_seen(scores)  # (2)
        self.dropout.training = self.training
        self.dropped = self.dropout.forward(self.weights)  # (3)
        return narrowed(self.dropped @ self.v, query)  # (4)  (L, S) @ (S, D) -> (L, D)

    def backward(self, dout):
        query, key, value, mask = self.given
        dout = wide(dout)
        dv = self.dropped.mT @ dout  # (4)  (S, L) @ (L, D) -> (S, D)
        dweights = self.dropout.backward(dout @ self.v.mT)  # (3)  (L, D) @ (D, S) -> (L, S)
        sums = np.vecdot(dweights, self.weights)[..., None]
        dscores = self.weights * (dweights - sums)  # (2)
        dq = self.factor * (dscores @ self.k)  # (1)  (L, S) @ (S, E) -> (L, E)
        dk = dscores.mT @ self.q  # (1)  (S, L) @ (L, E) -> (S, E)
        dxs = narrowed(dq, query), self.of_group(dk, key), self.of_group(dv, value)
        if mask is None:
            return dxs
        return *dxs, (unbroadcast(dscores, mask) if mask.dtype.kind == "f" else None)

    def masked(self, scores):
        """The scores with -inf where a query does not see a key."""
        mask = self.given[3]
        if self.is_causal:
            scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
        if mask is None:
            return scores
        if mask.dtype == bool:
            return np.where(mask, scores, -np.inf)
        return scores + mask.astype(scores.dtype)

    def for_each_head(self, x):
        """Keys or values, repeated for all heads of their group."""
        if not self.enable_gqa:
            return wide(x)
        return np.repeat(wide(x), self.q.shape[-3] // x.shape[-3], axis=-3)

    def of_group(self, dx, x):
        """The gradient of keys or values, summed over the heads of a group."""
        if self.enable_gqa:
            *batch, heads, S, E = dx.shape
            groups = x.shape[-3]
            dx = dx.reshape(*batch, groups, heads // groups, S, E).sum(axis=-3)
        return narrowed(dx, x)


class MultiHeadAttention(Layer):
    """Several attentions side by side, each on its own learned part of queries, keys and values.

    forward    q = query Wq + bq     k = key Wk + bk     v = value Wv + bv, each cut into heads
               out = (attention(q, k, v), its heads joined) Wo + bo
    backward   the same steps in the other order
    shapes     query (L, N, E), key (S, N, kdim), value (S, N, vdim) -> (L, N, E); with batch_first
               N stands in front: (N, L, E). In its place there may be no axis, or several
    inputs     key left out: the query (self-attention); value left out: the key
    key_padding_mask   an input (N, S) that may be left out: True for keys that are only padding
    attn_mask  an input (L, S), or (N H, L, S), or broadcasting to (N, H, L, S), that may be left
               out: True for keys that a query does NOT see. Both masks may be floats to add to the
               scores instead, and False hides nothing: attention(x, x, x, False, mask)
    embed_dim, num_heads   E and H, which divides it: each head has E / H numbers
    dropout    the probability with which a weight is dropped while training
    bias       False leaves out all b
    kdim, vdim the widths of key and value; None: E
    batch_first   whether query, key, value and out have the batch as their first axis
    is_causal  True: query i sees the keys 0 to i alone
    num_kv_heads   grouped-query attention: how many heads of keys and values the H heads of
               queries share in equal groups; None: H
    rotary     True: the queries and keys of each head are turned by RotaryPosition(E / H)
    rng        a generator or a seed for the first numbers and dropout; None: the graph's seed
    keeps      attention.weights (N, H, L, S), to look at after a forward
    errors     ShapeError if the inputs do not fit; ValueError for numbers that do not divide, and
               for a mask of whole numbers
    source     Vaswani et al., Attention is all you need, 2017, 3.2.2; Ainslie et al., GQA, 2023

    The masks mean what they mean in PyTorch's MultiheadAttention, where True hides; for
    ScaledDotProductAttention, there and here, True shows. A query that sees no key gets bo.

    >>> attention = MultiHeadAttention(4, 2, batch_first=True, is_causal=True, rng=0)
    >>> attention.forward(np.ones((1, 3, 4))).shape
    (1, 3, 4)
    >>> attention.attention.weights[0, 0].round(2)
    array([[1.  , 0.  , 0.  ],
           [0.5 , 0.5 , 0.  ],
           [0.33, 0.33, 0.33]])
    """

    def __init__(
        self, embed_dim, num_heads, dropout=0.0, bias=True, *, kdim=None, vdim=None,
        batch_first=False, is_causal=False, num_kv_heads=None, rotary=False, rng=None,
    ):  # fmt: skip
        groups = num_heads if num_kv_heads is None else num_kv_heads
        check_sizes(self, embed_dim=embed_dim, num_heads=num_heads, num_kv_heads=groups)
        check_divides(self, "num_heads", num_heads, "embed_dim", embed_dim)
        check_divides(self, "num_kv_heads", groups, "num_heads", num_heads)
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.dropout, self.bias = dropout, bias
        self.kdim, self.vdim, self.num_kv_heads = kdim, vdim, num_kv_heads
        self.batch_first, self.is_causal, self.rotary = batch_first, is_causal, rotary
        rng = generator(rng)
        self.make_layers(kdim or embed_dim, vdim or embed_dim, embed_dim // num_heads * groups, rng)
        self.given = None  # saved by forward for backward

    def make_layers(self, kdim, vdim, width, rng):
        """The layers inside; `width` is that of all heads of keys, and of values."""
        E, alike = self.embed_dim, kdim == vdim == self.embed_dim
        joint = E + 2 * width if alike else 0  # where it can, PyTorch draws the three as one matrix
        self.q_proj = projection(E, E, joint or E, self.bias, rng)
        self.k_proj = projection(kdim, width, joint or width, self.bias, rng)
        self.v_proj = projection(vdim, width, joint or width, self.bias, rng)
        self.position = RotaryPosition(E // self.num_heads) if self.rotary else Identity()
        self.attention = ScaledDotProductAttention(
            self.dropout, self.is_causal, enable_gqa=width < E, rng=rng
        )
        self.out_proj = Affine(E, E, self.bias, rng=rng)
        if self.bias:
            self.out_proj.b = Parameter.drawn(zeros, (E,))

    def out_shape(self, query, key=None, value=None, key_padding_mask=None, attn_mask=None):
        key, at_key = (query, 0) if key is None else (key, 1)
        value, at_value = (key, at_key) if value is None else (value, 2)
        if any(... in shape for shape in (query, key, value)):
            return (..., self.embed_dim)
        batch = self.batch_of(query)
        L, S = (x[-2:-1] if self.batch_first else x[:1] for x in (query, key))
        expect(self, "queries", query, self.laid_out(batch, "L", self.embed_dim))
        expect(self, "keys", key, self.laid_out(batch, "S", self.kdim or self.embed_dim), at_key)
        wanted = self.laid_out(batch, *S, self.vdim or self.embed_dim)
        expect(self, "values", value, wanted, at_value)
        if key_padding_mask:  # and not one number for all
            expect(self, "a padding mask", key_padding_mask, (*batch, *S), 3)
        expect_mask(self, self.by_head(attn_mask, batch), (*batch, self.num_heads, *L, *S), 4)
        return query

    def forward(self, query, key=None, value=None, key_padding_mask=None, attn_mask=None):
        self.given = query, key, value, key_padding_mask, attn_mask
        self.out_shape(*map(shape_of, self.given))
        key = query if key is None else key
        value = key if value is None else value
        q = self.in_heads(self.q_proj.forward(query))  # (1)  (N, L, E) -> (N, H, L, E / H)
        k = self.in_heads(self.k_proj.forward(key))  # (2)
        v = self.in_heads(self.v_proj.forward(value))  # (3)
        q, k = self.position.forward(q), self.position.forward(k)  # (4)
        self.attention.training = self.training
        out = self.attention.forward(q, k, v, self.mask_of_seen())  # (5)
        return self.out_proj.forward(self.joined(out))  # (6)  (N, H, L, E / H) -> (N, L, E)

    def backward(self, dout):
        dout = self.in_heads(self.out_proj.backward(dout))  # (6)
        dq, dk, dv, *dmask = self.attention.backward(dout)  # (5)
        dq, dk = self.position.backward(dq), self.position.backward(dk)  # (4)
        dvalue = self.v_proj.backward(self.joined(dv))  # (3)
        dkey = self.k_proj.backward(self.joined(dk))  # (2)
        dquery = self.q_proj.backward(self.joined(dq))  # (1)
        _, key, value, *_ = self.given
        if value is None:
            dkey, dvalue = dkey + dvalue, None
        if key is None:
            dquery, dkey = dquery + dkey, None
        dxs = dquery, dkey, dvalue, *self.back_to_masks(dmask)
        count = max(i for i, x in enumerate(self.given) if x is not None) + 1
        return dxs[0] if count == 1 else dxs[:count]

    def batch_of(self, query):
        return query[:-2] if self.batch_first else query[1:-1]

    def by_head(self, mask, batch):
        """The shape of a mask; of PyTorch's, (N H, L, S), with an axis for the heads."""
        if mask is None or ... in mask or len(mask) != 3 or len(batch) != 1:
            return mask
        N, rows = batch[0], mask[0]
        each = None in (N, rows) or rows == N * self.num_heads
        return (N, self.num_heads, *mask[1:]) if each else mask

    def laid_out(self, batch, length, width):
        """A shape with its axes in the order in which they come."""
        return (*batch, length, width) if self.batch_first else (length, *batch, width)

    def in_heads(self, x):
        """The axes as attention takes them, with heads of their own: (N, L, E) -> (N, H, L, d)."""
        x = x if self.batch_first else np.moveaxis(x, 0, -2)
        d = self.embed_dim // self.num_heads
        return x.reshape(*x.shape[:-1], x.shape[-1] // d, d).swapaxes(-2, -3)

    def joined(self, x):
        """The axes as they came: (N, H, L, d) -> (N, L, E)."""
        x = x.swapaxes(-2, -3)
        x = x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])
        return x if self.batch_first else np.moveaxis(x, -2, 0)

    def masks(self):
        """Both masks as arrays that broadcast to the scores (N, H, L, S); None: there is none."""
        padding, mask = (as_mask(self, x) for x in self.given[3:])
        if padding is not None and padding.ndim:
            padding = padding[..., None, None, :]  # (N, S) -> (N, 1, 1, S)
        if mask is not None:
            mask = mask.reshape(self.by_head(mask.shape, self.batch_of(np.shape(self.given[0]))))
        return padding, mask

    def mask_of_seen(self):
        """The two masks as one that means what it means for the attention: True for seen keys."""
        both = [mask for mask in self.masks() if mask is not None]
        if all(mask.dtype == bool for mask in both):
            return ~np.any(np.broadcast_arrays(*both), axis=0) if both else None
        return sum(np.where(m, -np.inf, 0.0) if m.dtype == bool else m for m in both)

    def back_to_masks(self, dmask):
        """The gradients of both masks from that of the one that was made of them."""
        for mask, given in zip(self.masks(), self.given[3:]):
            if mask is None or mask.dtype == bool:
                yield None
            else:
                yield unbroadcast(dmask[0], mask).reshape(np.shape(given))


def projection(in_features, out_features, fan_out, bias, rng):
    """An Affine that starts as PyTorch's: W by Xavier's rule for so large a fan_out, b at 0."""
    gain = math.sqrt((in_features + out_features) / (in_features + fan_out))
    init = partial(xavier_uniform, gain=gain)
    affine = Affine(in_features, out_features, bias, init=init, rng=rng)
    if bias:
        affine.b = Parameter.drawn(zeros, (out_features,))
    return affine


def softmax_of_seen(scores):
    """Softmax along the last axis, in which -inf gets nothing: rows of -inf alone become zeros."""
    top = np.max(scores, axis=-1, keepdims=True, initial=-np.inf)
    z = np.exp(scores - np.where(top == -np.inf, 0, top))  # at most 1: no overflow
    total = np.sum(z, axis=-1, keepdims=True)
    return z / np.where(total == 0, 1, total)


def as_mask(layer, mask):
    """A mask as an array of True and False or of floats; None: there is none."""
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.dtype != bool and mask.dtype.kind != "f":
        raise ValueError(
            f"{layer!r} expects a mask of True and False, or of floats to add to the scores, but "
            f"got {mask.dtype}. Compare it: mask > 0."
        )
    return mask


def shape_of(x):
    return None if x is None else np.shape(x)


def expect(layer, what, shape, wanted, which=0):
    """Refuse another shape than the wanted one, in which letters stand for sizes of any number."""
    if ... in shape:
        return
    fits = len(shape) == len(wanted) and all(
        isinstance(m, str) or None in (n, m) or n == m for n, m in zip(shape, wanted)
    )
    if not fits:
        raise ShapeError(layer, f"{what} of the shape {show_shape(wanted)}", shape, which=which)


def expect_mask(layer, mask, scores, which):
    """Refuse a mask whose shape does not broadcast to that of the scores."""
    if mask is None or ... in mask:
        return
    ends = zip(mask[::-1], scores[::-1])
    if len(mask) > len(scores) or any(n not in (1, m) and None not in (n, m) for n, m in ends):
        wanted = f"a mask that broadcasts to {show_shape(scores)}"
        raise ShapeError(layer, wanted, mask, which=which)


def check_divides(layer, name, part, whole_name, whole):
    if whole % part:
        raise ValueError(
            f"{type(layer).__name__}({whole_name}={whole}, {name}={part}): {whole} does not go up "
            f"in {part} equal parts. Give a {name} that divides it."
        )
