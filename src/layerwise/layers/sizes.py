"""Sizes: what several families ask of the sizes in options and in shapes, where None is unknown."""

import numpy as np


def is_whole(n, least=1):
    """Whether it is a whole number, no smaller than the least; True and False are none.

    >>> is_whole(3), is_whole(0), is_whole(0, least=0), is_whole(2.0), is_whole(True)
    (True, False, True, False, False)
    """
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and bool(n >= least)


def check_sizes(layer, **sizes):
    """Options that count something are whole numbers from 1 up, or a ValueError.

    >>> check_sizes("any layer", groups=2)
    """
    for name, size in sizes.items():
        if not is_whole(size):
            raise ValueError(
                f"{type(layer).__name__}({name}={size!r}): give a whole number from 1 up."
            )


def times(n, factor):
    """A size that grows.

    >>> times(3, 4), times(None, 4)
    (12, None)
    """
    return None if n is None else n * factor


def divided(n, factor):
    """A size that shrinks.

    >>> divided(12, 4), divided(None, 4)
    (3, None)
    """
    return None if n is None else n // factor


def goes_up(n, factor):
    """Whether a size is a multiple, as far as it is known.

    >>> goes_up(12, 4), goes_up(13, 4), goes_up(None, 4)
    (True, False, True)
    """
    return n is None or n % factor == 0


def fit(a, b):
    """Whether two shapes are the same, as far as they are known.

    >>> fit((None, 3), (5, 3)), fit((5, 4), (5, 3)), fit((5,), (5, 3)), fit((..., 4), (5, 3))
    (True, False, False, True)
    """
    if ... in a or ... in b:
        return True
    return len(a) == len(b) and all(n == m or None in (n, m) for n, m in zip(a, b))


def known(a, b):
    """What is known of the sizes from either of two shapes that fit.

    >>> known((None, 3), (5, None))
    [5, 3]
    """
    return [m if n is None else n for n, m in zip(a, b)]
