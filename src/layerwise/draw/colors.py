"""Colours: the light and the dark theme, and the colours of the heat maps.

Forward is ink, backward is vermilion: they differ in lightness as well as in hue, and the arrows
point in opposite directions, so that nothing rests on colour alone. The hues come from the
palette of Okabe and Ito, made for every kind of colour vision (jfly.uni-koeln.de/color).
"""

from __future__ import annotations

import numpy as np

# role: (light, dark)
COLORS = {
    "paper": ("#ffffff", "#14181d"),
    "ink": ("#1d232a", "#e9edf1"),
    "muted": ("#5d6873", "#9ba6b1"),
    "forward": ("#3a444e", "#b9c3cc"),
    "gradient": ("#b54700", "#ff9a57"),
    "parameter": ("#00664b", "#4fd0a5"),
    "alarm": ("#b3005e", "#ff7ab8"),
    "circle": ("#ffffff", "#1d242b"),
    "circle-line": ("#3a444e", "#b9c3cc"),
    "layer": ("#e9f2fa", "#1c3146"),
    "layer-line": ("#0072b2", "#56b4e9"),
    "frame": ("#f6f7f9", "#191f25"),
    "frame-line": ("#c3cbd3", "#46515c"),
    "time-0": ("#ffffff", "#1d242b"),  # shares of the time of a run, from little to most of it
    "time-1": ("#fff3df", "#33291d"),
    "time-2": ("#ffdfae", "#52391a"),
    "time-3": ("#ffc270", "#754a14"),
    "time-4": ("#f79d33", "#9a5b0c"),
    "empty": ("#8a949e", "#7c8792"),
}

# Dark to light and back to no other hue: read alike with and without colour vision.
_SEQUENTIAL = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74",
               "#c3b369", "#e1cc55", "#fee838"]  # fmt: skip
# Blue below zero, white at zero, orange above.
_DIVERGING = ["#0b4f8a", "#2f7cbf", "#7fb2dd", "#c9dff0", "#f7f7f5", "#fbdcc0", "#f2a968",
              "#d9711d", "#8f3f00"]  # fmt: skip
# The same on dark paper: dark at zero, so that what is far from it shines.
_DIVERGING_DARK = ["#9ad0ff", "#56a5e6", "#2f6fae", "#22466b", "#20262d", "#5c3a1c", "#a55a17",
                   "#e8862e", "#ffc48a"]  # fmt: skip
NOT_A_NUMBER = "#e6007a"

LEVELS = 33  # steps of a colour scale; odd, so that zero has a colour of its own


def theme_colors(dark: bool) -> dict[str, str]:
    """The colour of every role in one of the two themes."""
    return {role: pair[dark] for role, pair in COLORS.items()}


def _scale(anchors: list[str]) -> list[str]:
    """The anchors, spread to `LEVELS` colours."""
    rgb = np.array([[int(one[i : i + 2], 16) for i in (1, 3, 5)] for one in anchors])
    at, known = np.linspace(0, 1, LEVELS), np.linspace(0, 1, len(anchors))
    mixed = np.stack([np.interp(at, known, channel) for channel in rgb.T], axis=1)
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in np.rint(mixed).astype(int)]


SEQUENTIAL, DIVERGING = _scale(_SEQUENTIAL), _scale(_DIVERGING)
DIVERGING_DARK = _scale(_DIVERGING_DARK)


def cell_colors(cells: np.ndarray, diverging: bool) -> list[list[str]]:
    """A colour for every number of a matrix; numbers that are not finite stand out.

    diverging   white is 0, and both sides reach equally far; else from the least to the greatest

    >>> cell_colors(np.array([[-1.0, 0.0, 2.0]]), diverging=True)
    [['#7fb2dd', '#f7f7f5', '#8f3f00']]
    """
    finite = cells[np.isfinite(cells)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if diverging:
        high = max(abs(low), abs(high))
        low = -high
    scale = DIVERGING if diverging else SEQUENTIAL
    half, middle = high / 2 - low / 2, high / 2 + low / 2  # halves, so that nothing overflows
    level = np.full(cells.shape, 0.5)
    if half > 0:
        np.clip((cells / 2 - middle / 2) / half + 0.5, 0, 1, out=level)
    return [
        [scale[round(t * (LEVELS - 1))] if ok else NOT_A_NUMBER for t, ok in zip(row, fine)]
        for row, fine in zip(np.where(np.isfinite(level), level, 0).tolist(), np.isfinite(cells))
    ]
