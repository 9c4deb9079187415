"""The rows of the layers that arrange numbers: shape, index, join, shuffle, Einstein's sums."""

import math

import numpy as np

from .case import ONE, Case, end_to_end, real, yes_or_no


def join_rows():
    """The rows of the layers that join their inputs."""
    three = (real, real, real)

    def concat(dim):
        return lambda *xs: np.moveaxis(
            np.array([row for x in xs for row in np.moveaxis(x, dim, 0)]), 0, dim
        )

    yield Case("Concat()", ["N D, N D, M D", "N, M, K"], lambda *xs: np.concatenate(xs),
               lambda T, *xs: T.cat(xs), like=three, empty=True,
               errors=(("3 4, 2 5", "Concat() expects inputs like (3, 4), but for the axis 0, "
                                    "but got (2, 5)."),
                       ("3 4, 4", "Concat() expects inputs like (3, 4), but for the axis 0, "
                                  "but got (4,)."),
                       (",", "Concat() expects inputs with an axis 0, but got a single number."),
                       ))  # fmt: skip
    yield Case("Concat(dim=-1)", ["N D, N M", "D, K", "B N D, B N D"], concat(-1),
               lambda T, *xs: T.cat(xs, -1))  # fmt: skip
    yield Case("Concat(dim=1)", ["N C H, N M H, N K H"], concat(1), lambda T, *xs: T.cat(xs, 1),
               like=three)  # fmt: skip
    yield Case("Stack()", ["N D, N D, N D", ", ,"], lambda *xs: np.array(xs),
               lambda T, *xs: T.stack(xs), like=three,
               errors=(("3 4, 3 5", "Stack() expects inputs of the shape (3, 4), but got (3, 5)."),
                       ("3 4, 4", "Stack() expects inputs of the shape (3, 4), but got (4,).")),
               )  # fmt: skip
    yield Case("Stack(dim=-1)", ["N D, N D", ","], lambda *xs: np.moveaxis(np.array(xs), 0, -1),
               lambda T, *xs: T.stack(xs, -1))  # fmt: skip
    yield Case("Stack(dim=2)", ["N D, N D", "B N D, B N D"],
               lambda *xs: np.moveaxis(np.array(xs), 0, 2), lambda T, *xs: T.stack(xs, 2),
               errors=(("3, 3", "Stack(dim=2) expects inputs of 2 axes or more, but got (3,)."),),
               )  # fmt: skip
    yield Case("Where()", ["N D, N D, N D", "D, N D, N 1", "N 1, 1 D,", ",,"],
               lambda c, x, y: c * x + (1 - c) * y, lambda T, c, x, y: T.where(c, x, y),
               like=(yes_or_no, real, real), fixed=(0,),
               errors=(("3 4, 3 4, 5", "Where() expects inputs that broadcast to (3, 4), "
                                       "but got (5,)."),))  # fmt: skip


def split_rows():
    """The rows of `Split`, whose outputs are a tuple."""

    def row(sizes, dim, shapes, errors=()):
        call = f"Split({sizes}{f', {dim=}' * (dim != 0)})"
        return Case(call, shapes,
                    lambda x: end_to_end(np.split(x, np.cumsum(sizes)[:-1], dim)),
                    lambda T, x: T.cat([part.flatten() for part in x.split(list(sizes), dim)]),
                    errors=errors)  # fmt: skip

    yield row(
        (2, 1),
        0,
        ["3", "3 D", "3 D H"],
        (
            ("4 2", "Split((2, 1)) expects the size 3 along the axis 0, but got (4, 2)."),
            ("", "Split((2, 1)) expects inputs with an axis 0, but got a single number."),
        ),
    )
    yield row((1, 0, 3), -1, ["N 4", "4", "B N 4"])
    yield row(
        (2, 2),
        1,
        ["N 4", "N 4 H W"],
        (("4", "Split((2, 2), dim=1) expects inputs with an axis 1, but got (4,)."),),
    )


def einsum(equation):
    """The definition by loops: over all values of all letters, a product is added to its place."""
    *terms, out = equation.replace("...", ".").replace("->", ",").split(",")

    def definition(x, y):
        counts = [array.ndim - len(term.replace(".", "")) for array, term in zip((x, y), terms)]
        dots = "ABCDEF"[: max(counts)]
        of_z = out.replace(".", dots)
        of = [term.replace(".", dots[len(dots) - n :]) for term, n in zip(terms, counts)]
        sizes = {}
        for letters, array in zip(of, (x, y)):
            for letter, n in zip(letters, array.shape):
                sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
        z = np.zeros([sizes[letter] for letter in of_z])
        for values in np.ndindex(*sizes.values()):
            at = dict(zip(sizes, values))
            parts = [
                array[tuple(at[c] if n > 1 else 0 for c, n in zip(letters, array.shape))]
                for letters, array in zip(of, (x, y))
            ]
            z[tuple(at[letter] for letter in of_z)] += parts[0] * parts[1]
        return z

    return definition


def einsum_row(equation, shapes, errors=()):
    return Case(f"Einsum({equation!r})", shapes, einsum(equation),
                lambda T, x, y: T.einsum(equation, x, y), errors=errors)  # fmt: skip


def einsum_rows():
    """Products of matrices, and everything that a letter can be."""
    yield einsum_row(
        "nk,km->nm",
        ["N K, K M", "N 1, K M", "1 K, K M"],
        (
            ("3 4, 5 2", "Einsum('nk,km->nm') expects the size 4 along k, but got (5, 2)."),
            (
                "3 4 5, 5 2",
                "Einsum('nk,km->nm') expects an input with the axes \"nk\", but got (3, 4, 5).",
            ),
            ("3 4, 4", "Einsum('nk,km->nm') expects an input with the axes \"km\", but got (4,)."),
        ),
    )
    yield einsum_row("nd,nd->n", ["N D, N D", "N D, 1 D", "N 1, N D"])  # rows times rows
    yield einsum_row("bhid,bhjd->bhij", ["B 2 N D, B 2 M D"])  # attention
    yield einsum_row("n,m->mn", ["N, M"])  # outer product
    yield einsum_row("nk,m->n", ["N K, M"])  # each summed by itself
    yield einsum_row("nd,nd->", ["N D, N D"])
    yield einsum_row("kk,k->k", ["K K, K"])  # a diagonal
    yield einsum_row(
        "kkn,m->n",
        ["4 4 N, M"],
        (("4 5 3, 2", "Einsum('kkn,m->n') expects the size 4 along k, but got (4, 5, 3)."),),
    )
    yield einsum_row(
        "...nk,...km->...nm",
        ["N K, K M", "B N K, K M", "C 1 N K, B K M"],
        (
            (
                "3, 3 2",
                "Einsum('...nk,...km->...nm') expects an input with the axes \"...nk\", "
                "but got (3,).",
            ),
            (
                "2 3 4, 3 4 2",
                "Einsum('...nk,...km->...nm') expects the size 2 along the dots, "
                "but got (3, 4, 2).",
            ),
        ),
    )
    yield einsum_row("...d,d->...", ["N D, D", "B N D, D", "D, D"])
    yield einsum_row("n...,...->n", ["N D, D", "N D, 1"])  # what the dots stand for is summed


def unpixeled(x, r):
    """Each pixel of the small image, in the order of the channels that it goes to."""
    image = [x[..., c, i::r, j::r] for c in range(x.shape[-3]) for i in range(r) for j in range(r)]
    return np.stack(image, axis=-3)


def pixeled(x, r):
    C, H, W = x.shape[-3:]
    out = np.empty((*x.shape[:-3], C // r**2, H * r, W * r))
    for c, i, j in np.ndindex(C // r**2, r, r):
        out[..., c, i::r, j::r] = x[..., (c * r + i) * r + j, :, :]
    return out


def shuffle_rows():
    yield Case("PixelShuffle(2)", ["N 8 H W", "4 H W", "B N 4 H W"], lambda x: pixeled(x, 2),
               lambda T, x: T.nn.functional.pixel_shuffle(x, 2),
               errors=(("3 6 2 2", "PixelShuffle(2) expects inputs (N, C, H, W) with a multiple of "
                                   "4 channels, but got (3, 6, 2, 2)."),
                       ("4 2", "PixelShuffle(2) expects inputs (N, C, H, W) with a multiple of 4 "
                               "channels, but got (4, 2).")))  # fmt: skip
    yield Case("PixelShuffle(3)", ["N 9 H W"], lambda x: pixeled(x, 3),
               lambda T, x: T.nn.functional.pixel_shuffle(x, 3))  # fmt: skip
    yield Case("PixelUnshuffle(2)", ["N C 4 6", "C 2 4", "B N C 2 2"], lambda x: unpixeled(x, 2),
               lambda T, x: T.nn.functional.pixel_unshuffle(x, 2),
               errors=(("3 1 4 5", "PixelUnshuffle(2) expects inputs (N, C, H, W) with a height "
                                   "and a width that are multiples of 2, but got (3, 1, 4, 5)."),
                       ))  # fmt: skip
    yield Case("ChannelShuffle(2)", ["N 6 H W", "N 4 H"],
               lambda x: np.stack([part for pair in zip(*np.split(np.moveaxis(x, 1, 0), 2))
                                   for part in pair], axis=1),
               lambda T, x: T.nn.functional.channel_shuffle(x, 2),
               errors=(("3 5 2", "ChannelShuffle(2) expects inputs (N, C, ...) with a multiple of "
                                 "2 channels, but got (3, 5, 2)."),
                       ("4", "ChannelShuffle(2) expects inputs (N, C, ...) with a multiple of 2 "
                             "channels, but got (4,).")))  # fmt: skip


ROWS = [
    Case("Flatten()", ["N C H W", "N D"], lambda x: x.reshape(len(x), math.prod(x.shape[1:])),
         lambda T, x: x.flatten(1),
         errors=(("4", "Flatten() expects inputs with the axes 1 to -1, but got (4,)."),)),
    Case("Flatten(start_dim=0, end_dim=1)", ["N C H", "N C"],
         lambda x: x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), lambda T, x: x.flatten(0, 1)),
    Case("Reshape(-1, 2)", ["N 4", "N 2 3"], lambda x: x.reshape(-1, 2),
         errors=(("3 3", "Reshape(-1, 2) expects as many elements as fit (-1, 2), "
                         "but got (3, 3)."),)),
    Case("Transpose()", ONE, lambda x: x.T, lambda T, x: x.permute(tuple(range(x.ndim))[::-1])),
    Case("Transpose(0, 2, 1)", ["B N D"], lambda x: np.swapaxes(x, 1, 2),
         lambda T, x: x.permute(0, 2, 1),
         errors=(("3 4", "Transpose(0, 2, 1) expects inputs of 3 axes, but got (3, 4)."),)),
    Case("Slice((Ellipsis, 0))", ["N D", "D"], lambda x: x[..., 0]),
    Case("Slice((slice(None, None, None), [0, 2, 0]))", ["N 3"], lambda x: x[:, [0, 2, 0]],
         errors=(("4 2", "Slice((slice(None, None, None), [0, 2, 0])) expects inputs that have "
                         "this index, but got (4, 2). index 2 is out of bounds for axis 1 with "
                         "size 2"),)),
    Case("Slice((slice(None, None, 2), None))", ["N D", "D"], lambda x: x[::2, None]),
    Case("Unflatten(1, (2, 3))", ["N 6", "N 6 D"], lambda x: x.reshape(len(x), 2, 3, *x.shape[2:]),
         lambda T, x: x.unflatten(1, (2, 3)),
         errors=(("3 5", "Unflatten(1, (2, 3)) expects a size along the axis 1 that fits (2, 3), "
                         "but got (3, 5)."),
                 ("4", "Unflatten(1, (2, 3)) expects inputs with an axis 1, but got (4,)."))),
    Case("Unflatten(-1, (2, -1))", ["B N 4", "6"], lambda x: np.stack(np.split(x, 2, -1), -2),
         lambda T, x: x.unflatten(-1, (2, -1)),
         errors=(("3 5", "Unflatten(-1, (2, -1)) expects a size along the axis -1 that fits "
                         "(2, -1), but got (3, 5)."),)),
    *join_rows(),
    *split_rows(),
    *einsum_rows(),
    *shuffle_rows(),
]  # fmt: skip
