"""Words and numbers as the picture shows them, and how wide they will be."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

import numpy as np

# Characters by their width in the widest common sans-serif fonts, in thousandths of the text size.
_WIDTHS = {
    350: "ijl'I|",
    420: " !,.:;()[]/\\-frt",
    600: '"*_`?csz',
    660: "0123456789abdeghknopquvxy$LJ{}",
    740: "ABEFKPRSTVXYZ",
    860: "#+<=>^~&CDGHNOQUw×÷−±",
    1030: "mMW@%…",
}
_WIDTH_OF = {character: width for width, group in _WIDTHS.items() for character in group}


def text_width(text: str, size: float) -> float:
    """The width of a line of text in points, rather too wide than too narrow.

    >>> text_width("715", 12) > text_width("1", 12) > 0
    True
    """
    return sum(_WIDTH_OF.get(c) or _other_width(c) for c in text) * size / 1000


def _other_width(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 1400 if unicodedata.category(character) == "So" else 1050
    return 1100


def one_line(text: Any) -> str:
    """Any text on one line: line ends become spaces, what cannot be shown becomes a mark.

    >>> one_line("a" + chr(10) + "b" + chr(0))
    'a b\\ufffd'
    """
    text = re.sub(r"\s+", " ", str(text)).strip()
    return "".join(c if c.isprintable() or c == "\u200d" else "\ufffd" for c in text)


def shortened(text: str, width: float, size: float) -> str:
    """The text, cut with dots at the end where it is wider than `width` points.

    >>> shortened("Affine(784, 50)", 60, 12)
    'Affine(…'
    """
    if text_width(text, size) <= width:
        return text
    room = width - text_width("…", size)
    end = 0
    while end < len(text) and text_width(text[: end + 1], size) <= room:
        end += 1
    return text[:end] + "…"


def shorter_call(call: str, width: float, size: float) -> str:
    """The call of a layer, without its last arguments where it is wider than `width` points.

    >>> shorter_call("Conv2d(3, 8, (3, 5), padding='same')", 120, 12)
    'Conv2d(3, 8, …)'
    """
    depth, ends = 0, []  # where arguments end
    for i, character in enumerate(call):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 1:
            ends.append(i)
    fits = [one for one in (f"{call[:i]}, …)" for i in ends) if text_width(one, size) <= width]
    return call if text_width(call, size) <= width or not fits else fits[-1]


def number(value: Any, digits: int = 6) -> str:
    """A number as a person writes it, with up to `digits` significant digits.

    >>> [number(x) for x in (715, 3.3000000000000003, -0.5, 1e300, 1e-7, 2500000.0)]
    ['715', '3.3', '−0.5', '1e300', '1e−7', '2500000']
    >>> number(float("nan")), number(float("-inf")), number(1 / 3, digits=3)
    ('NaN', '−∞', '0.333')
    """
    if isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, (int, np.integer)):
        return _integer(int(value), digits)
    value = float(value) + 0.0  # no minus before 0
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if 10 ** (digits - 1) <= abs(value) < 10 ** (digits + 3):
        return f"{value:.0f}".replace("-", "−")
    return _tidy(f"{value:.{digits}g}")


def _integer(value: int, digits: int) -> str:
    if abs(value) < 10**9:
        return str(value).replace("-", "−")
    exponent = int(math.log10(abs(value)))  # also of integers that no float can hold
    lead = abs(value) // 10 ** max(exponent - 15, 0) / 10 ** min(exponent, 15)
    return ("−" if value < 0 else "") + _tidy(f"{lead:.{digits - 1}f}".rstrip("0") + f"e{exponent}")


def _tidy(text: str) -> str:
    """1e+300 -> 1e300, 1e-07 -> 1e−7."""
    mantissa, e, exponent = text.partition("e")
    text = mantissa.rstrip(".") if e else text
    return (text + (f"e{int(exponent)}" if e else "")).replace("-", "−")
