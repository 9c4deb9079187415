"""Is this backward right? Compares the gradients of any layer with numerical slopes.

`check(layer, *inputs)` runs copies of the layer in float64, measures the slope for every input
and every parameter, and tells what is wrong, where, and what is likely to be the cause. Along the
way it looks at everything else that a layer promises, such as not to write into its inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .anatomy import is_layer
from .checking.report import Finding, Kink, Report, Row
from .errors import WiringError

__all__ = ["Finding", "Kink", "Report", "Row", "assert_gradients", "check"]


def check(
    layer: Any,
    *inputs: Any,
    dout: Any = None,
    seed: int = 0,
    samples: int = 200,
    tolerance: float = 1e-7,
) -> Report:
    """Compare what `backward` says with numerical slopes, for every input and parameter.

    layer      any object with `forward` and `backward`; it is copied, not touched
    inputs     what `forward` takes: numbers, lists, arrays. Arrays of whole numbers (classes,
               indices) are not differentiated, unless there is nothing else
    dout       the upstream gradient; None: drawn by chance (never ones, which hide mistakes)
    seed       decides everything that is drawn
    samples    of an array with more elements than this, so many are compared
    tolerance  how far an element may be off, as a part of itself
    errors     WiringError without inputs, or for inputs that are empty or no numbers

    Slopes are centred differences in float64 with a step of 1e-5 max(1, |x|). An element is right
    if both numbers agree to `tolerance` of the larger one, plus what rounding can do to the
    difference; what seems wrong is measured again with the best step, its rounding measured too.
    At a kink (ReLU at 0) every number between the slopes on both sides is right.

    >>> class Half:
    ...     def forward(self, x):
    ...         return x / 2
    ...     def backward(self, dout):
    ...         return dout
    >>> check(Half(), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    Half: 1 thing is wrong
    <BLANKLINE>
    of  shape   worst at  backward says  numerically  error    verdict
    --  ------  --------  -------------  -----------  -------  -------
    x   (3, 2)  [2, 1]     1.41276        0.706378    5.0e-01  wrong
    <BLANKLINE>
    wrong  Half.x[2, 1]: backward says 1.41276, numerically it is 0.706378. Everywhere it is the
           slope times 2.
    """
    from .checking.checkup import Checkup  # here: not every program checks
    from .checking.compare import Settings
    from .checking.inputs import as_first_used, fit_for_checking, taken
    from .checking.trial import kept_random_state, prepared

    if not is_layer(layer):
        hint = " Give an object, not the class." if isinstance(layer, type) else ""
        raise WiringError(
            f"check({layer!r}): this is no layer, which has forward(*inputs) and backward(dout)."
            f"{hint}"
        )
    with kept_random_state(), np.errstate(all="ignore"):
        base = prepared(layer, np.float64, np.random.default_rng(seed))
        given = taken(base, inputs)
        for one in given:
            if one.value.size == 0:
                raise WiringError(
                    f"check: {one.name} is empty, so there is nothing to compare. Give some rows."
                )
        base = as_first_used(base, given, seed)
        given, notes = fit_for_checking(base, given, dout, seed)
        checkup = Checkup(base, given, dout, seed, Settings(samples, tolerance))
        found = checkup.both_modes()
        notes += found.notes
    return Report(name_of(layer), found.rows, found.findings, found.kinks, notes)


def assert_gradients(layer: Any, *inputs: Any, **options: Any) -> None:
    """Raise an AssertionError with the whole report unless `check(layer, *inputs)` is well.

    options    as for `check`

    >>> from layerwise import Sigmoid
    >>> assert_gradients(Sigmoid(), np.array([[0.5, -1.0], [2.0, 3.0]]))
    """
    __tracebackhide__ = True
    report = check(layer, *inputs, **options)
    if not report.ok:
        raise AssertionError(f"\n{report}")


def name_of(layer: Any) -> str:
    """The layer in words: its own, or the name of its class."""
    words = repr(layer)
    return type(layer).__name__ if words.startswith("<") or len(words) > 80 else words
