"""What is likely to have gone wrong with a gradient: each function knows one mistake by its trace.

Every one of them gets a `Case` and returns the cause in a few words and a sentence, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any, NamedTuple

import numpy as np

from ..errors import show_shape

Cause = tuple[str, str]


class Case(NamedTuple):
    """A gradient that is wrong: what backward says, and the slopes at the elements compared."""

    name: str
    analytic: Any  # all of the gradient that backward gave; None: nothing
    shape: tuple[int, ...]  # of the input or the parameter
    indices: list[tuple[int, ...]]  # the elements compared
    slopes: Any  # the slopes there, with
    rounding: Any  # how far each may be off
    plain: Any  # the slopes for an upstream gradient of ones
    wrong: Any  # True where backward says something else
    rows: int | None  # the size of the batch
    ignores_dout: bool
    parts: Callable[[tuple[int, ...]], list[Any]]  # what each output adds to the slope there
    inputs: dict[str, Any]  # the gradients of the other inputs

    def at(self, gradient: Any) -> Any:
        """The elements compared, of a gradient of the right shape."""
        return np.array([np.asarray(gradient)[index] for index in self.indices], np.float64)

    def fits(self, gradient: Any, slopes: Any = None) -> bool:
        """Whether this would have been the right gradient."""
        slopes = self.slopes if slopes is None else slopes
        if gradient is None or np.shape(gradient) != self.shape:
            return False
        return bool(np.all(near(self.at(gradient), slopes, self.rounding)))


def near(a: Any, b: Any, rounding: Any) -> Any:
    """Whether numbers are the same as far as numerical slopes can tell."""
    return np.abs(a - b) <= 1e-5 * np.maximum(np.abs(a), np.abs(b)) + 10 * rounding + 1e-14


def likely_cause(case: Case) -> Cause:
    """The first mistake that explains a wrong gradient, and a sentence about it."""
    looks = RIGHT_SHAPE if np.shape(case.analytic) == case.shape else WRONG_SHAPE
    for look in looks:
        cause = look(case)
        if cause:
            return cause
    return plain_words(case)


# of the right shape ------------------------------------------------------------------------------


def never_computed(case: Case) -> Cause | None:
    if case.analytic is not None and np.any(case.analytic):
        return None
    what = "There is none" if case.analytic is None else "It is 0 everywhere"
    return "never computed", f"{what}. Does backward compute it?"


def ignored_dout(case: Case) -> Cause | None:
    if not case.ignores_dout:
        return None
    also = ""
    if case.fits(case.analytic, case.plain):
        also = " For a dout of 1 it is right: multiply by dout at the end."
    return "dout ignored", f"It does not change with dout: the chain rule is cut here.{also}"


def constant_factor(case: Case) -> Cause | None:
    said = case.at(case.analytic)
    for which, where in ((slice(None), "Everywhere"), (case.wrong, "Wherever it is wrong,")):
        a, n, rounding = said[which], case.slopes[which], case.rounding[which]
        clear = np.abs(n) > 1e3 * rounding
        if not np.any(clear):
            continue
        factor = float(np.median(a[clear] / n[clear]))
        if not np.all(near(a, factor * n, rounding * max(1.0, abs(factor)))):
            continue
        several = np.count_nonzero(clear) > 1  # one quotient alone may be anything
        fraction = Fraction(factor).limit_denominator(999 if several else max(20, case.rows or 1))
        nice = abs(float(fraction) - factor) < 1e-7 * abs(factor)
        if factor and (nice or several):
            return _named_factor(factor, fraction if nice else None, case.rows, where)
    return None


def _named_factor(factor: float, fraction: Fraction | None, rows: int | None, where: str) -> Cause:
    if fraction == -1:
        return "sign", f"{where} the sign is wrong: the factor is -1."
    name = f"{factor:.9g}" if fraction is None else str(fraction)
    cause, text = f"factor {name}", f"{where} it is the slope times {name}."
    if fraction is None:
        return cause, text
    if fraction == Fraction(1, 2):
        text += " Is a factor 2 missing, or one use of an input that is used twice?"
    if rows and rows > 1 and fraction == rows:
        text += f" The batch has {rows} rows: a sum where the mean belongs?"
        cause += ", multiplied by the batch size" if rows > 2 else ""
    elif rows and rows > 1 and fraction == Fraction(1, rows):
        text += f" The batch has {rows} rows: divided by the batch size, a mean for a sum?"
        cause += ", divided by the batch size" if rows > 2 else ""
    return cause, text


def other_axes(case: Case) -> Cause | None:
    """Transposed: by values if the shape is square, else by its shape alone."""
    a = np.asarray(case.analytic)
    if 2 <= a.ndim <= 4:
        for axes in list(permutations(range(a.ndim)))[1:]:
            if case.fits(a.transpose(axes)):
                how = ".T" if a.ndim == 2 else f".transpose{axes}"
                return "transposed", f"It is transposed: the same numbers with {how} are right."
    return None


def swapped(case: Case) -> Cause | None:
    for name, other in case.inputs.items():
        if other is not None and case.fits(np.asarray(other)):
            return "swapped", f"This is right for {case.name}: what backward returns for {name}."
    return None


def one_contribution(case: Case) -> Cause | None:
    """Of several contributions that are to be added only one is there."""
    said = case.at(case.analytic)
    wrong = np.flatnonzero(case.wrong)[:8]
    alone: set[int] | None = None
    for i in wrong:
        groups = list(_groups(case.parts(case.indices[i])))
        fitting = [k for k, part in groups if near(part, said[i], case.rounding[i])]
        if not fitting:
            return None
    some = [*wrong, *np.flatnonzero(np.abs(case.slopes) > 1e3 * case.rounding)[:8]]
    for i in some:  # does one and the same row explain all elements, the right ones too?
        found = {
            k
            for k, part in _rows(case.parts(case.indices[i]))
            if near(part, said[i], case.rounding[i])
        }
        alone = found if alone is None else alone & found
    if alone:
        row = min(alone)
        which = "the last row" if row + 1 == case.rows else f"row {row}"
        return (
            "missing sum over the batch",
            f"Only {which} of the batch counts, and the sum over the batch is missing: "
            ".sum(axis=0), or += in place of = in a loop.",
        )
    return (
        "assignment instead of addition",
        "Of several contributions only one is left: an assignment where an addition belongs. Use "
        "+=, and for indices that occur more than once np.add.at(dx, index, dout).",
    )


def _rows(parts: Sequence[Any]) -> Iterator[tuple[int, float]]:
    """The contributions of each row of the batch, where more than one contributes."""
    for part in parts:
        if part.ndim:
            rows = part.reshape(len(part), -1).sum(axis=1)
            if np.count_nonzero(rows) > 1:
                yield from enumerate(rows.tolist())


def _groups(parts: Sequence[Any]) -> Iterator[tuple[Any, float]]:
    """Contributions taken together in every way that the axes allow."""
    if len(parts) > 1:
        yield from (("output", float(part.sum())) for part in parts)
    for part in parts:
        for count in range(part.ndim):
            for axes in combinations(range(part.ndim), count):  # these are summed
                sums = np.ravel(part.sum(axis=axes))
                sums = sums[np.abs(sums) > 1e-12]
                if len(sums) > 1:
                    yield from ((axes, float(one)) for one in sums)


# of a wrong shape --------------------------------------------------------------------------------


def missing_sum(case: Case) -> Cause | None:
    """A gradient with axes that the input has not: it was repeated along them, or is per row."""
    a = np.asarray(case.analytic)
    for count in range(1, a.ndim + 1):
        for axes in combinations(range(a.ndim), count):
            for keep in (False, True):
                if case.fits(a.sum(axis=axes, keepdims=keep)):
                    what = "sum over the batch" if axes == (0,) else f"sum over the axes {axes}"
                    arg = axes[0] if len(axes) == 1 else axes
                    how = f".sum(axis={arg}{', keepdims=True' if keep else ''})"
                    return f"missing {what}", f"The {what} is missing: with {how} it is right."
    return None


def summed_too_far(case: Case) -> Cause | None:
    """A sum over axes that the input has; NumPy may have spread it over all elements again."""
    a, size = np.asarray(case.analytic), int(np.prod(case.shape))
    if size < 2 or len(case.indices) < size:
        return None
    full = case.slopes.reshape(case.shape)
    for count in range(1, full.ndim + 1):
        for axes in combinations(range(full.ndim), count):
            arg = axes[0] if len(axes) == 1 else axes
            for keep in (False, True):
                total = full.sum(axis=axes, keepdims=keep)
                if keep and a.shape == case.shape:
                    total = np.broadcast_to(total, a.shape)
                if total.shape == a.shape and np.all(near(a, total, size * case.rounding.max())):
                    return "summed too far", f"It has been summed over axis {arg} as well."
    return None


def other_shape(case: Case) -> Cause | None:
    a = np.asarray(case.analytic)
    if a.size == np.prod(case.shape) and case.fits(a.reshape(case.shape)):
        return "wrong shape", f"The numbers are right: .reshape{show_shape(case.shape)} is missing."
    return None


# where nothing is recognised ---------------------------------------------------------------------


def plain_words(case: Case) -> Cause:
    if np.shape(case.analytic) != case.shape:
        return "wrong shape", ""
    count, of = int(np.count_nonzero(case.wrong)), len(case.indices)
    if count == of:
        return "unknown", "" if of == 1 else f"All {of:,} elements compared are wrong."
    places = np.array(case.indices)[case.wrong]
    text = f"{count:,} of {of:,} elements compared are wrong"
    for axis in range(places.shape[1]):
        only = set(places[:, axis].tolist())
        if len(only) == 1 and case.shape[axis] > 1:
            where = ", ".join(str(*only) if i == axis else ":" for i in range(places.shape[1]))
            return "unknown", f"{text}, all of them in {case.name}[{where}]."
    return "unknown", f"{text}; the others are right."


RIGHT_SHAPE = (
    never_computed,
    ignored_dout,
    constant_factor,
    other_axes,
    swapped,
    one_contribution,
    summed_too_far,
)
WRONG_SHAPE = (never_computed, other_axes, missing_sum, summed_too_far, other_shape)
