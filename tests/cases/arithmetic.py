"""The rows of the layers that compute with numbers: operators, functions, sums, Affine."""

import numpy as np

from .case import ONE, TWO, Case, positive, real, var


def affine(x, W, b=None):
    b = np.zeros(W.shape[1]) if b is None else b
    rows = [[sum(row * W[:, j]) + b[j] for j in range(len(b))] for row in x.reshape(-1, len(W))]
    return np.reshape(rows, (*x.shape[:-1], len(b)))


def bilinear(x1, x2, W, b=0):
    rows = zip(x1.reshape(-1, x1.shape[-1]), x2.reshape(-1, x2.shape[-1]))
    rows = [[one @ matrix @ other for matrix in W] for one, other in rows]
    return np.reshape(rows, (*x1.shape[:-1], len(W))) + b


def matmul(x, y):
    """A sum over K; a vector is a row on the left and a column on the right."""
    x_axes = "k" if x.ndim == 1 else "...nk"
    y_axes = "k" if y.ndim == 1 else "...km"
    return np.einsum(f"{x_axes},{y_axes}->...{'n' * (x.ndim > 1)}{'m' * (y.ndim > 1)}", x, y)


def pair(name, definition, torch=None, like=(real, real)):
    """A row for a layer with two inputs that broadcast."""
    wrong = ("3 4, 5", f"{name} expects inputs that broadcast to (3, 4), but got (5,).")
    return Case(name, TWO, definition, torch, like, python=True, errors=(wrong,))


def rows_of(reduction, name):
    """The four ways in which a reduction can be told what to reduce."""
    numpy, torch = reduction
    ways = {
        "": {},
        "axis=1": {"axis": 1},
        "axis=-1, keepdims=True": {"axis": -1, "keepdims": True},
        "axis=(0, 2)": {"axis": (0, 2)},
    }
    for text, how in ways.items():
        yield Case(
            f"{name}({text})",
            ["B N D"] if "2" in text else ["N D", "N B D"] if text else ONE,
            lambda x, how=how: numpy(x, **how),
            lambda _, x, how=how: torch(x, **how),
            python=not text,
            empty=bool(text) and "2" not in text,
            errors=(("N", f"{name}({text}) expects inputs with an axis 1, but got (3,)."),)
            if text == "axis=1"
            else (),
        )


REDUCTIONS = {
    "Sum": (np.sum, lambda x, **how: x.sum(**how)),
    "Mean": (np.mean, lambda x, **how: x.mean(**how)),
    "Var": (var, lambda x, **how: x.var(correction=0, **how)),
    "Max": (np.max, lambda x, **how: x.amax(**how)),
    "Min": (np.min, lambda x, **how: x.amin(**how)),
}


ROWS = [
    pair("Add()", lambda x, y: x + y),
    pair("Sub()", lambda x, y: x - y),
    pair("Mul()", lambda x, y: x * y),
    pair("Div()", lambda x, y: x / y, like=(real, positive)),
    pair("Pow()", lambda x, y: x**y, like=(positive, real)),
    pair("Maximum()", lambda x, y: np.where(x > y, x, y), lambda T, x, y: T.maximum(x, y)),
    pair("Minimum()", lambda x, y: np.where(x < y, x, y), lambda T, x, y: T.minimum(x, y)),
    Case("Neg()", ONE, lambda x: -x, python=True),
    Case("Exp()", ONE, np.exp, lambda T, x: T.exp(x), python=True),
    Case("Log()", ONE, np.log, lambda T, x: T.log(x), (positive,), python=True),
    Case("Sqrt()", ONE, np.sqrt, lambda T, x: T.sqrt(x), (positive,), python=True),
    Case("Square()", ONE, lambda x: x * x, python=True),
    Case("Sin()", ONE, np.sin, lambda T, x: T.sin(x), python=True),
    Case("Cos()", ONE, np.cos, lambda T, x: T.cos(x), python=True),
    Case("Abs()", ONE, lambda x: np.where(x < 0, -x, x), lambda T, x: x.abs(), python=True),
    Case("Clip(min=-0.5, max=0.25)", ONE, lambda x: np.minimum(np.maximum(x, -0.5), 0.25),
         lambda T, x: x.clamp(-0.5, 0.25), python=True),
    Case("Clip(max=0.25)", ONE, lambda x: np.minimum(x, 0.25), lambda T, x: x.clamp(max=0.25),
         python=True),
    Case("MatMul()",
         ["N K, K M", "K, K M", "N K, K", "K, K", "B N K, K M", "B N K, K", "B N K, 1 K M",
          "N 1 M K, B K D", "K, B K M"],
         matmul, lambda T, x, y: x @ y, empty=True,
         errors=(("3 4, 5 2", "MatMul() expects a second input of height 4, but got (5, 2)."),
                 ("3 4, 5", "MatMul() expects a second input of height 4, but got (5,)."))),
    Case("Affine(4, 2)", ["N D", "D", "B N D"], affine, lambda T, x, W, b: x @ W + b, held="D",
         errors=(("3 5", "Affine(4, 2) expects inputs of width 4, but got (3, 5). "
                         "Did you mean Affine(5, 2)?"),
                 ("", "Affine(4, 2) expects inputs of width 4, but got a single number."))),
    Case("Affine(4, 2, bias=False)", ["N D", "D", "B N D"], affine, lambda T, x, W: x @ W,
         held="D"),
    Case("Bilinear(4, 2, 5)", ["N D, N M", "D, M", "B N D, B N M"], bilinear,
         lambda T, x1, x2, W, b: T.nn.functional.bilinear(x1, x2, W, b), held="DM",
         errors=(("3 5, 3 2", "Bilinear(4, 2, 5) expects a first input of width 4, "
                              "but got (3, 5)."),
                 ("3 4, 3 4", "Bilinear(4, 2, 5) expects a second input of width 2, "
                              "but got (3, 4)."),
                 ("3 4, 1 2", "Bilinear(4, 2, 5) expects a second input (3, 2), "
                              "but got (1, 2)."))),
    Case("Bilinear(4, 2, 1, bias=False)", ["N D, N M"], bilinear,
         lambda T, x1, x2, W: T.nn.functional.bilinear(x1, x2, W), held="DM"),
    *[case for name, both in REDUCTIONS.items() for case in rows_of(both, name)],
]  # fmt: skip
