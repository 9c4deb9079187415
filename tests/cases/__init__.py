"""One table of cases for all layers: a new layer is a new row, and every test runs over the rows.

A row is the call that makes the layer (which is also what its repr must say), the shapes of its
inputs, and its definition in plain NumPy or naive loops. Shapes are words: "N D, D" is an input
with the axes N and D, and another with the axis D. The tests choose the sizes; "" is one number,
and "N H+2" has two elements more than H along its second axis.

Each family of layers has its own file of rows here. Beside the tests of layers by hand, those of
the gradient check, of files (test_io.py) and of other libraries run over all rows.
"""

from . import (
    activations,
    arithmetic,
    attention,
    losses,
    margins,
    norms,
    random_layers,
    recurrent,
    shapes,
    windows,
)
from .case import ONE, SIZES, TWO, Case, class_numbers

__all__ = ["CASES", "ONE", "SIZES", "TWO", "Case", "class_numbers"]

FAMILIES = (
    arithmetic,
    activations,
    shapes,
    random_layers,
    losses,
    margins,
    norms,
    windows,
    recurrent,
    attention,
)
CASES = [row for family in FAMILIES for row in family.ROWS]
