"""The rows of what works on sequences without a memory: embedding, positions, attention."""

import cmath
import math
from functools import partial

import numpy as np

from .arithmetic import affine
from .case import Case, class_numbers, real, whole, yes_or_no
from .norms import layer_norm


def embedding(x, W):
    out = np.empty((*x.shape, W.shape[1]))
    for place in np.ndindex(*x.shape):
        for d in range(W.shape[1]):
            out[(*place, d)] = W[x[place], d]
    return out


def angle(t, d, width):
    """Numbers 2i and 2i + 1 of the vector at place t share an angle."""
    return t / 10000 ** (d // 2 * 2 / width)


def sinusoidal(x):
    out = np.array(x)
    for *n, t, d in np.ndindex(*x.shape):
        wave = math.cos if d % 2 else math.sin
        out[(*n, t, d)] += wave(angle(t, d, x.shape[-1]))
    return out


def rotary(x):
    """A pair is a complex number, and turning it is a product."""
    out = np.array(x)
    for *n, t, d in np.ndindex(*x.shape):
        if d % 2 == 0:
            pair = (*n, t, slice(d, d + 2))
            turned = complex(*x[pair]) * cmath.exp(1j * angle(t, d, x.shape[-1]))
            out[pair] = turned.real, turned.imag
    return out


def learned(x, W):
    out = np.array(x)
    for *n, t, d in np.ndindex(*x.shape):
        out[(*n, t, d)] += W[t, d]
    return out


def torch_rotary(torch, x):
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    a = [[angle(t, d, x.shape[-1]) for d in range(0, x.shape[-1], 2)] for t in range(x.shape[-2])]
    turns = torch.exp(1j * torch.tensor(a, dtype=x.dtype))
    return torch.view_as_real(pairs * turns).flatten(-2)


def attention(q, k, v, mask=None, causal=False, scale=None, groups=False):
    """Query by query: a share for each key that is seen, and the values by their shares."""
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    mask = np.broadcast_to(True if mask is None else mask, (*q.shape[:-1], k.shape[-2]))
    for *n, i in np.ndindex(*q.shape[:-1]):
        m = (*n[:-1], n[-1] * k.shape[-3] // q.shape[-3]) if groups else tuple(n)
        shares = np.zeros(k.shape[-2])
        for j in range(len(shares)):
            score, look = scale * sum(q[(*n, i)] * k[(*m, j)]), mask[(*n, i, j)]
            if not (causal and j > i) and look is not np.False_:
                shares[j] = math.exp(score + (0 if look is np.True_ else look))
        for j, share in enumerate(shares):
            out[(*n, i)] += share / (shares.sum() or 1) * v[(*m, j)]
    return out


def torch_attention(**options):
    def function(torch, q, k, v, mask=None):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, **options)

    return function


def attention_rows():
    call, three = "ScaledDotProductAttention()", [real] * 3
    alone = ["N K D, N M D, N M H", "K D, M D, M D", "B N K D, B N M D, B N M H"]
    yield Case(call, alone, attention, torch_attention(), three, errors=(
        ("3, 3 4, 3 4", f"{call} expects queries of the shape (L, E), but got (3,)."),
        ("2 3 4, 2 5 3, 2 5 4", f"{call} expects keys of the shape (2, S, 4), but got (2, 5, 3)."),
        ("2 3 4, 3 5 4, 3 5 4", f"{call} expects keys of the shape (2, S, 4), but got (3, 5, 4)."),
        ("2 3 4, 2 5 4, 2 3 4", f"{call} expects values of the shape (2, 5, D), "
                                "but got (2, 3, 4)."),
        ("2 3 4, 5 4, 5 4", f"{call} expects keys of the shape (2, S, 4), but got (5, 4)."),
    ))  # fmt: skip
    yield Case("ScaledDotProductAttention(scale=0.5)", alone[:1],
               lambda *x: attention(*x, scale=0.5), torch_attention(scale=0.5), three)  # fmt: skip
    yield Case("ScaledDotProductAttention(is_causal=True)",
               ["N K D, N M D, N M H", "N M D, N K D, N K H", "K D, K D, K D"],
               lambda *x: attention(*x, causal=True), torch_attention(is_causal=True),
               three)  # fmt: skip
    call = "ScaledDotProductAttention(enable_gqa=True)"
    yield Case(call, ["N 4 K D, N 2 M D, N 2 M H", "3 K D, 1 M D, 1 M H",
                      "B N 2 K D, B N 2 M D, B N 2 M D"],
               lambda *x: attention(*x, groups=True), torch_attention(enable_gqa=True), three,
               errors=(("3 4, 5 4, 5 4", f"{call} expects queries of the shape (H, L, E), "
                                         "but got (3, 4)."),
                       ("4 3 2, 3 5 2, 3 5 2", f"{call} expects keys of heads that divide 4, "
                                               "but got (3, 5, 2)."),))  # fmt: skip
    masked = [
        "N K D, N M D, N M H, K M", "K D, M D, M H, 1 M", "N K D, N M D, N M D, N 1 M",
        "B N K D, B N M D, B N M D, N K 1", "N K D, N M D, N M D,",
    ]  # fmt: skip
    call = "ScaledDotProductAttention()"
    for like in yes_or_no, real:
        wanted = f"{call} expects a mask that broadcasts to (2, 3, 5), but got"
        yield Case(call, masked, attention, torch_attention(), [*three, like],
                   fixed=(3,) if like is yes_or_no else (),
                   errors=(("2 3 4, 2 5 4, 2 5 4, 3 4", f"{wanted} (3, 4)."),
                           ("2 3 4, 2 5 4, 2 5 4, 1 2 3 5", f"{wanted} (1, 2, 3, 5).")),
                   )  # fmt: skip


def multi_head(query, key=None, value=None, padding=None, mask=None, *, heads=2, groups=2,
               causal=False, turn=whole, **p):  # fmt: skip
    """Head by head: its columns of the projected queries, keys and values."""
    key = query if key is None else key
    value = key if value is None else value
    q, k, v = (
        x @ p[f"{name}_proj.W"] + p.get(f"{name}_proj.b", 0)
        for name, x in (("q", query), ("k", key), ("v", value))
    )
    d = q.shape[-1] // heads
    L, S = q.shape[-2], k.shape[-2]
    scores = np.zeros((*q.shape[:-2], heads, L, S))  # what is added to them
    if mask is not None and mask.ndim == 3:  # (N H, L, S)
        mask = mask.reshape(scores.shape)
    for hidden in (mask, None if padding is None else padding[..., None, None, :]):
        if hidden is not None:
            scores = scores + (np.where(hidden, -np.inf, 0) if hidden.dtype == bool else hidden)
    out = []
    for h in range(heads):
        mine, shared = slice(h * d, (h + 1) * d), h * groups // heads
        theirs = slice(shared * d, (shared + 1) * d)
        out.append(attention(turn(q[..., mine]), turn(k[..., theirs]), v[..., theirs],
                             scores[..., h, :, :], causal))  # fmt: skip
    return np.concatenate(out, axis=-1) @ p["out_proj.W"] + p.get("out_proj.b", 0)


def torch_multi_head(torch, query, key=None, value=None, padding=None, mask=None, *, heads=2,
                     causal=False, **p):  # fmt: skip
    key = query if key is None else key
    value = key if value is None else value
    batched = query.ndim == 3
    q, k, v = (x.transpose(0, 1) if batched else x for x in (query, key, value))
    if causal:
        mask = torch.ones(q.shape[0], k.shape[0], dtype=bool).triu(1)
    W = {f"{n}_proj_weight": p[f"{n}_proj.W"].T for n in "qkv"}
    b = torch.cat([p[f"{n}_proj.b"] for n in "qkv"]) if "q_proj.b" in p else None
    out, _ = torch.nn.functional.multi_head_attention_forward(
        q, k, v, q.shape[-1], heads, None, b, None, None, False, 0.0, p["out_proj.W"].T,
        p.get("out_proj.b"), key_padding_mask=padding, need_weights=False, attn_mask=mask,
        use_separate_proj_weight=True, **W,
    )  # fmt: skip
    return out.transpose(0, 1) if batched else out


def steps_first(function):
    """The same for sequences whose batch stands behind their steps, as (K, N, D)."""

    def turned(*inputs, **p):
        out = function(*(x.swapaxes(0, 1) if np.ndim(x) == 3 else x for x in inputs), **p)
        return out.swapaxes(0, 1) if out.ndim == 3 else out

    return turned


def torch_grouped(torch, query, *, heads, turn=lambda torch, x: x, **p):
    def in_heads(name):
        x = query @ p[f"{name}_proj.W"] + p[f"{name}_proj.b"]
        return x.unflatten(-1, (-1, query.shape[-1] // heads)).transpose(-2, -3)

    q, k, v = map(in_heads, "qkv")
    out = torch_attention(enable_gqa=True)(torch, turn(torch, q), turn(torch, k), v)
    return out.transpose(-2, -3).flatten(-2) @ p["out_proj.W"] + p["out_proj.b"]


def multi_head_rows():
    five, hiding = [real] * 5, [real] * 3 + [yes_or_no] * 2
    behind = steps_first(multi_head), steps_first(torch_multi_head)
    call = "MultiHeadAttention(4, 2)"
    yield Case(call, ["K N D", "K D", "K N D, M N D", "K N D, M N D, M N D"], *behind, five,
               held="D", errors=(
        ("3 2 5", f"{call} expects queries of the shape (L, 2, 4), but got (3, 2, 5)."),
        ("3 2 4, 5 3 4", f"{call} expects keys of the shape (S, 2, 4), but got (5, 3, 4)."),
        ("3 2 4, 5 2 4, 3 2 4", f"{call} expects values of the shape (5, 2, 4), "
                                "but got (3, 2, 4)."),
    ))  # fmt: skip
    yield Case(call, ["K N D, M N D, M N D, N M, K M"], *behind, hiding, fixed=(3, 4), held="D")
    call = "MultiHeadAttention(4, 2, batch_first=True)"
    wanted = f"{call} expects"
    yield Case(call, ["N K D", "K D", "N K D, N M D", "N K D, N M D, N M D", "K D, M D, M D"],
               multi_head, torch_multi_head, five, held="D", errors=(
        ("2 3 5", f"{wanted} queries of the shape (2, L, 4), but got (2, 3, 5)."),
        ("4", f"{wanted} queries of the shape (L, 4), but got (4,)."),
        ("2 3 4, 3 5 4", f"{wanted} keys of the shape (2, S, 4), but got (3, 5, 4)."),
        ("2 3 4, 2 5 4, 2 3 4", f"{wanted} values of the shape (2, 5, 4), but got (2, 3, 4)."),
        ("2 3 4, 2 5 4, 2 5 4, 5 2", f"{wanted} a padding mask of the shape (2, 5), "
                                     "but got (5, 2)."),
        ("2 3 4, 2 5 4, 2 5 4, 2 5, 4 5", f"{wanted} a mask that broadcasts to (2, 2, 3, 5), "
                                          "but got (4, 5)."),
        ("2 3 4, 2 5 4, 2 5 4, 2 5, 3 3 5", f"{wanted} a mask that broadcasts to (2, 2, 3, 5), "
                                            "but got (3, 3, 5)."),
    ))  # fmt: skip
    masked = ["N K D, N M D, N M D, N M", "N K D, N M D, N M D, N M, K M",
              "K D, M D, M D, M, K M", "N K D, N M D, N M D, N M, N+N K M"]  # fmt: skip
    yield Case(call, masked, multi_head, torch_multi_head, hiding, fixed=(3, 4), held="D")
    yield Case(call, masked, multi_head, torch_multi_head, five, held="D")
    yield Case("MultiHeadAttention(4, 4, bias=False, batch_first=True, is_causal=True)",
               ["N K D", "N K D, N M D"],
               partial(multi_head, heads=4, groups=4, causal=True),
               partial(torch_multi_head, heads=4, causal=True), five, held="D")  # fmt: skip
    call = "MultiHeadAttention(4, 2, kdim=3, vdim=5, batch_first=True)"
    yield Case(call, ["N K D, N M 3, N M 5"], multi_head, torch_multi_head, five, held="D",
               errors=(("2 3 4", f"{call} expects keys of the shape (2, S, 3), but got "
                                 "(2, 3, 4)."),))  # fmt: skip
    yield Case("MultiHeadAttention(4, 4, batch_first=True, num_kv_heads=2)", ["N K D", "K D"],
               partial(multi_head, heads=4, groups=2), partial(torch_grouped, heads=4),
               held="D")  # fmt: skip
    yield Case("MultiHeadAttention(4, 2, batch_first=True, rotary=True)", ["N K D"],
               partial(multi_head, turn=rotary),
               partial(torch_grouped, heads=2, turn=torch_rotary), held="D")  # fmt: skip


def inside(p, name):
    """The parameters of one part, by the names that they have there."""
    return {key.removeprefix(f"{name}."): p[key] for key in p if key.startswith(f"{name}.")}


def transformer(x, memory=None, masks=(None,) * 4, norm_first=False, f=None, causal=False, **p):
    """The steps one after the other, each added to what was there before."""
    own, own_padding, other, other_padding = masks
    f = f or (lambda h: np.maximum(h, 0))
    steps = [lambda x: multi_head(x, x, x, own_padding, own, causal=causal,
                                  **inside(p, "self_attn"))]  # fmt: skip
    if memory is not None:
        steps.append(lambda x: multi_head(x, memory, memory, other_padding, other,
                                          **inside(p, "multihead_attn")))  # fmt: skip
    steps.append(lambda x: affine(f(affine(x, **inside(p, "linear1"))), **inside(p, "linear2")))
    for i, step in enumerate(steps, start=1):
        norm = inside(p, f"norm{i}")
        x = x + step(layer_norm(x, **norm)) if norm_first else layer_norm(x + step(x), **norm)
    return x


def torch_transformer(kind, *options, causal=False, batch_first=True, **how):
    """PyTorch's layer with our numbers; `options` are the names of its optional inputs."""

    def function(torch, *inputs, **p):
        streams = inputs[: len(inputs) - len(options)]
        theirs = {}
        for name in {name.split(".")[0] for name in p}:
            part = inside(p, name)
            if name.startswith("norm"):
                theirs |= {f"{name}.weight": part["gamma"], f"{name}.bias": part.get("beta")}
            elif name.startswith("linear"):
                theirs |= {f"{name}.weight": part["W"].T, f"{name}.bias": part.get("b")}
            else:
                joint = {kind: [part.get(f"{n}_proj.{kind}") for n in "qkv"] for kind in "Wb"}
                theirs |= {
                    f"{name}.in_proj_weight": torch.cat(joint["W"], 1).T,
                    f"{name}.in_proj_bias": None if None in joint["b"] else torch.cat(joint["b"]),
                    f"{name}.out_proj.weight": part["out_proj.W"].T,
                    f"{name}.out_proj.bias": part.get("out_proj.b"),
                }
        x = streams[0]
        masks = dict(zip(options, inputs[len(streams) :]))
        if causal:
            masks["src_mask"] = torch.ones(x.shape[-2], x.shape[-2], dtype=bool).triu(1)
        module = getattr(torch.nn, f"Transformer{kind}Layer")(
            4, 2, 3, 0.0, batch_first=batch_first, dtype=x.dtype, **how
        )
        weights = {name: value for name, value in theirs.items() if value is not None}
        return torch.func.functional_call(module, weights, streams, masks)

    return function


def transformer_rows():
    gelu = np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2, otypes=[float])
    five, two = [real] * 5, ["N K D, N M D", "K D, M D"]
    call = "TransformerEncoderLayer(4, 2, dim_feedforward=3, dropout=0.0"
    yield Case(f"{call})", ["K N D", "K D"], steps_first(transformer),
               torch_transformer("Encoder", batch_first=False), five, held="D")  # fmt: skip
    yield Case(f"{call}, batch_first=True)", ["N K D", "K D"], transformer,
               torch_transformer("Encoder"), five, held="D")  # fmt: skip
    yield Case(f"{call}, activation='gelu', batch_first=True, norm_first=True, bias=False, "
               "is_causal=True)",
               ["N K D"], partial(transformer, norm_first=True, f=gelu, causal=True),
               torch_transformer("Encoder", causal=True, activation="gelu", norm_first=True,
                                 bias=False), held="D")  # fmt: skip
    names = "src_key_padding_mask", "src_mask"
    yield Case(f"{call}, batch_first=True, masks={names})", ["N K D, N K, K K", "K D, K, K K"],
               lambda x, padding, mask, **p: transformer(x, None, (mask, padding, None, None), **p),
               torch_transformer("Encoder", *names), [real, yes_or_no, yes_or_no], fixed=(1, 2),
               held="D")  # fmt: skip
    call = "TransformerDecoderLayer(4, 2, dim_feedforward=3, dropout=0.0"
    yield Case(f"{call})", ["K N D, M N D", "K D, M D"], steps_first(transformer),
               torch_transformer("Decoder", batch_first=False), held="D")  # fmt: skip
    call += ", batch_first=True"
    yield Case(f"{call})", two, transformer, torch_transformer("Decoder"), held="D")
    yield Case(f"{call}, norm_first=True)", two, partial(transformer, norm_first=True),
               torch_transformer("Decoder", norm_first=True), held="D")  # fmt: skip
    names = "tgt_mask", "tgt_key_padding_mask", "memory_mask", "memory_key_padding_mask"
    yield Case(f"{call}, masks={names})", ["N K D, N M D, K K, N K, K M, N M"],
               lambda x, memory, *masks, **p: transformer(x, memory, masks, **p),
               torch_transformer("Decoder", *names), [real, real, *[yes_or_no] * 4],
               fixed=(2, 3, 4, 5), held="D")  # fmt: skip


ROWS = [
    Case("Embedding(4, 3)", ["N", "N K", "", "B N K"], embedding,
         lambda T, x, W: T.nn.functional.embedding(x, W), (class_numbers,), fixed=(0,), held="C"),
    Case("Embedding(4, 3, padding_idx=-1)", ["N", "N K"], embedding,
         lambda T, x, W: T.nn.functional.embedding(x, W, padding_idx=-1), (class_numbers,),
         fixed=(0,), held="C"),
    Case("SinusoidalPosition(4)", ["N K D", "N D", "B N M D"], sinusoidal,
         lambda T, x: x + T.asarray(sinusoidal(np.zeros(x.shape))).to(x.dtype), held="D",
         errors=(("3 5", "SinusoidalPosition(4) expects inputs of the shape (..., T, 4), "
                         "but got (3, 5)."),
                 ("4", "SinusoidalPosition(4) expects inputs of the shape (..., T, 4), "
                       "but got (4,)."))),
    Case("SinusoidalPosition(5)", ["N K 5"], sinusoidal,
         lambda T, x: x + T.asarray(sinusoidal(np.zeros(x.shape))).to(x.dtype)),
    Case("LearnedPosition(5, 4)", ["N K D", "N D", "B N M D"], learned,
         lambda T, x, W: x + W[:x.shape[-2]], held="D",
         errors=(("2 6 4", "LearnedPosition(5, 4) expects inputs of the shape (..., T, 4) with T "
                           "up to 5, but got (2, 6, 4)."),)),
    Case("RotaryPosition(4)", ["N K D", "N D", "B N M D"], rotary, torch_rotary, held="D",
         errors=(("3 5", "RotaryPosition(4) expects inputs of the shape (..., T, 4), "
                         "but got (3, 5)."),)),
    *attention_rows(),
    *multi_head_rows(),
    *transformer_rows(),
]  # fmt: skip
