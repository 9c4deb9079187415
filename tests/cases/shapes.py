"""The rows of the layers that arrange numbers: shape, index, join."""

import math

import numpy as np

from .case import ONE, Case, real, yes_or_no


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
    *join_rows(),
]  # fmt: skip
