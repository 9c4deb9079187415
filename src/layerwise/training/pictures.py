"""Pictures of what a network gets wrong: the confusion matrix, and the pictures it took for others.

>>> import tempfile
>>> import layerwise as lw
>>> with tempfile.TemporaryDirectory() as folder:
...     ax = plot_confusion([[8, 2], [1, 9]], names=["cat", "dog"], path=folder + "/confusion.png")
>>> ax.get_title(loc="left")
'17 of 20 right: 85.0 %'
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import describe, show_shape
from ..layers.activation import log_softmax
from .figures import HELD_OUT, INK, MUTED, light_page, new_figure, saved
from .metrics import Accuracy, MetricError

WITH_NUMBERS = 20  # classes: more cells have no room for a number
WORST = 10  # so many mistakes are told in words where the cells have none
RARE = 0.1  # of a row: mistakes that are all rarer stay pale
LETTERS = 28  # of a name; longer ones end in dots
FIGURE_SPACE = "\u2007"  # as wide as a digit
BATCH = 500  # pictures that are predicted at once

Path = str | os.PathLike[str] | None


# confusion ---------------------------------------------------------------------------------------


def plot_confusion(matrix: Any, names: Sequence[str] | None = None, path: Path = None) -> Any:
    """Draw a confusion matrix: right answers in blue, mistakes in orange, by their part of a row.

    matrix   (C, C): how many rows of each class (down) were given each class (across), as
             `lw.metrics.ConfusionMatrix` counts them
    names    (C,): what the classes are called; None: by their numbers
    path     the picture's file (.png, .svg, .pdf); None: a figure of pyplot, to be shown

    returns  the axes
    errors   MetricError for what is no such matrix, and for another number of names

    Up to 20 classes have their counts in the cells, and their recall beside them. Of more, the ten
    most frequent mistakes are told in words.
    """
    counts = checked_matrix(matrix)
    classes = len(counts)
    labels = checked_names(names, classes)
    with light_page():
        cell = min(max(5.2 / classes, 0.062), 0.62 if classes > 3 else 1.0)  # inches
        room = 0.085 * max(map(len, labels)) + 0.7  # for the names
        words = 0.9 if classes <= WITH_NUMBERS else max(2.1, 0.5 + 0.17 * max(map(len, labels)))
        size = (max(classes * cell + room + words, 3.4), classes * cell + room + 0.4)
        figure = new_figure(size, path)
        ax = figure.subplots()
        ax.imshow(cell_colours(counts), interpolation="nearest")
        dress(ax, counts, labels)
        if classes <= WITH_NUMBERS:
            write_counts(ax, counts, cell)
        else:
            write_worst(ax, counts, labels)
        saved(figure, path)
    return ax


def checked_matrix(matrix: Any) -> Any:
    counts = np.asarray(matrix)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] > 1
    if not square or counts.dtype.kind not in "fiu" or not (counts >= 0).all():
        raise MetricError(
            "plot_confusion expects counts, one row and one column for each of several classes "
            f"(C, C), but got {describe(counts)}."
        )
    return counts.astype(float)


def checked_names(names: Sequence[str] | None, classes: int) -> list[str]:
    """What each class is called, not too long."""
    labels = [str(one) for one in (range(classes) if names is None else names)]
    if len(labels) != classes:
        raise MetricError(
            f"There are {classes} classes, but {len(labels)} names. Give one for each."
        )
    return [one if len(one) <= LETTERS else one[: LETTERS - 1] + "…" for one in labels]


def cell_colours(counts: Any) -> Any:
    """A colour for each cell, (C, C, 3), by the root of its part of the row: few are seen as well.

    Mistakes are beside the most frequent one, since in a good network all of them are rare.
    """
    from matplotlib.colors import LinearSegmentedColormap

    from ..draw.colors import DIVERGING, LEVELS

    middle = LEVELS // 2
    right = LinearSegmentedColormap.from_list("right", DIVERGING[middle:0:-1])
    wrong = LinearSegmentedColormap.from_list("wrong", DIVERGING[middle : LEVELS - 4])
    part = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    diagonal: Any = np.eye(len(counts), dtype=bool)
    most = max(part[~diagonal].max(), RARE)
    blue, orange = right(np.sqrt(part)), wrong(np.sqrt(part / most))
    return np.where(diagonal[..., None], blue, orange)[..., :3]


def dress(ax: Any, counts: Any, labels: list[str]) -> None:
    """Title, names and thin lines between the cells."""
    classes, right, every = len(counts), np.trace(counts), counts.sum()
    share = f": {100 * right / every:.1f} %" if every else ""
    title = f"{count(right)} of {count(every)} right{share}"
    ax.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=10)
    ax.set_xlabel("answer", color=INK)
    ax.set_ylabel("true class", color=INK)
    step = 1 if classes <= 2 * WITH_NUMBERS else math.ceil(classes / 20 / 5) * 5
    shown = range(0, classes, step)
    font = 9 if classes <= WITH_NUMBERS else 7
    ax.set_yticks(shown, [labels[i] for i in shown], fontsize=font)
    long = max(map(len, labels)) > 3
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {}
    ax.set_xticks(shown, [labels[i] for i in shown], fontsize=font, **turned)
    ax.tick_params(colors=INK, length=0 if step == 1 else 3)
    ax.spines[:].set_visible(False)
    if classes <= 2 * WITH_NUMBERS:
        between = np.arange(1, classes) - 0.5
        ax.vlines(between, -0.5, classes - 0.5, color="white", linewidth=1)
        ax.hlines(between, -0.5, classes - 0.5, color="white", linewidth=1)
    else:
        ax.spines[:].set(visible=True, color="#D0D0D0")


def write_counts(ax: Any, counts: Any, cell: float) -> None:
    """The count in each cell that has one, and beside each row how much of it is right."""
    colours = cell_colours(counts)
    longest = max(len(count(one)) for one in counts.flat)
    font = min(12.0, 72 * cell * 0.8 / (0.62 * max(longest, 2)))
    for i, j in zip(*np.nonzero(counts)):
        dark = colours[i, j] @ (0.299, 0.587, 0.114) < 0.55
        ax.text(
            j,
            i,
            count(counts[i, j]),
            ha="center",
            va="center",
            fontsize=font,
            color="white" if dark else INK,
        )
    right = {"transform": ax.get_yaxis_transform(), "color": MUTED, "fontsize": 9}
    for i, row in enumerate(counts):
        part = f"{100 * row[i] / row.sum():.1f} %" if row.sum() else "no rows"
        ax.text(1.03, i, part, va="center", **right)
    ax.annotate(
        "recall",
        (1.03, 0),
        (0, -5),
        xycoords="axes fraction",
        textcoords="offset points",
        va="top",
        color=MUTED,
        fontsize=9,
    )


def write_worst(ax: Any, counts: Any, labels: list[str]) -> None:
    """The most frequent mistakes, in words."""
    mistakes = counts * (1 - np.eye(len(counts)))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:WORST]
    worst = [np.unravel_index(at, counts.shape) for at in order if mistakes.flat[at]]
    wide = len(count(mistakes.max()))
    lines = [
        f"{count(counts[i, j]).rjust(wide, FIGURE_SPACE)} ×  {labels[i]} → {labels[j]}"
        for i, j in worst
    ]
    if lines:
        text = "\n".join(["most frequent mistakes", "", *lines])
        ax.text(
            1.03, 1, text, transform=ax.transAxes, va="top", fontsize=9, color=INK, linespacing=1.5
        )


def count(number: float) -> str:
    """A count as people write it; sums of weights have decimals.

    >>> count(12345.0), count(2.5)
    ('12,345', '2.5')
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.4g}"


# misclassified pictures --------------------------------------------------------------------------


def plot_misclassified(
    net: Any,
    x: Any,
    t: Any,
    names: Sequence[str] | None = None,
    path: Path = None,
    count: int = 25,
    *,
    probabilities: bool = False,
) -> Any:
    """Draw the pictures whose class a network gets wrong, those first where it is surest.

    net      a `Graph` that gives a score for every class, (N, C); of two also (N,) or (N, 1)
    x        pictures: (N, 1, H, W) or (N, H, W) grey, (N, 3, H, W) or (N, H, W, 3) in colour, or
             rows (N, D) of square ones, such as 784 = 28 × 28 or 3072 = 3 × 32 × 32
    t        class numbers or one-hot rows
    names    (C,): what the classes are called; None: by their numbers
    path     the picture's file (.png, .svg, .pdf); None: a figure of pyplot, to be shown
    count    how many pictures there are at most
    probabilities   whether the network gives probabilities and no scores

    returns  the figure
    errors   MetricError if x holds no pictures, or t no classes
    """
    x, t = np.asarray(x), np.asarray(t)
    pictures = as_pictures(x)
    out = np.concatenate([net.predict(x[i : i + BATCH]) for i in range(0, len(x), BATCH)])
    rows = Accuracy(ignore_index=NO_CLASS, probabilities=probabilities).read(out, t)
    if len(rows.t) != len(x):
        raise MetricError(
            f"plot_misclassified expects one class for each picture, but x is {describe(x)} and "
            f"the network gives {show_shape(out.shape)}."
        )
    labels = checked_names(names, rows.scores.shape[1])
    said = rows.said()
    with np.errstate(invalid="ignore"):  # of NaN
        sure = rows.scores if probabilities else np.exp(log_softmax(rows.scores, 1))
    wrong = np.flatnonzero(said != rows.t)
    sureness = np.where(said[wrong] < 0, 0, sure[wrong, said[wrong]])  # NaN is no answer
    order = np.argsort(-sureness, kind="stable")[:count]
    captions = [
        (
            "no answer (NaN)" if said[i] < 0 else f"said {labels[said[i]]}, {100 * part:.0f} %",
            f"is {labels[rows.t[i]]}",
        )
        for i, part in zip(wrong[order], sureness[order])
    ]
    share = f"{len(wrong):,} of {len(x):,} wrong ({100 * len(wrong) / len(x):.1f} %)"
    title = share + (f": the {len(order)} surest" if len(order) < len(wrong) else "")
    with light_page():
        figure = draw_pictures(pictures[wrong[order]], captions, title, path)
        saved(figure, path)
    return figure


NO_CLASS = np.iinfo(np.int64).min  # no row is ignored: each is a picture


def as_pictures(x: Any) -> Any:
    """Pictures with numbers from 0 (black) to 1: (N, H, W), or (N, H, W, 3) in colour."""
    if x.ndim == 2:
        side = math.isqrt(x.shape[1])
        third = math.isqrt(x.shape[1] // 3)
        if side * side == x.shape[1]:
            x = x.reshape(-1, side, side)
        elif 3 * third * third == x.shape[1]:
            x = x.reshape(-1, 3, third, third)
    if x.ndim == 4 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim == 4 and x.shape[1] == 3:
        x = np.moveaxis(x, 1, -1)  # (N, 3, H, W) -> (N, H, W, 3)
    if x.dtype.kind not in "fiub" or not (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)):
        raise MetricError(
            "plot_misclassified expects pictures (N, 1, H, W), (N, H, W), (N, 3, H, W), (N, H, W, "
            f"3), or rows (N, D) of square ones, but got {describe(x)}."
        )
    if len(x) == 0:
        raise MetricError("plot_misclassified got no pictures: x is empty.")
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    if x.dtype == np.uint8:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return np.clip((x.astype(float) - low) / ((high - low) or 1), 0, 1)


def draw_pictures(pictures: Any, captions: list[tuple[str, str]], title: str, path: Any) -> Any:
    """Pictures in a grid, each under what it was taken for and what it is."""
    across = min(max(math.ceil(math.sqrt(len(pictures))), 3), 10)
    down = max(math.ceil(len(pictures) / across), 1)
    longest = max((len(line) for pair in captions for line in pair), default=0)
    width = max(1.25, 0.078 * longest + 0.15)  # inches, so that captions do not touch
    figure = new_figure((across * width + 0.3, down * 1.5 + 0.5), path)
    figure.get_layout_engine().set(wspace=0, hspace=0, h_pad=0.06)
    figure.suptitle(title, x=0.02, ha="left", color=INK, fontsize=12, fontweight="bold")
    if not len(pictures):
        figure.text(0.02, 0.5, "Every picture got its class.", color=INK, fontsize=11)
        return figure
    axes = figure.subplots(down, across, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
        ax.set_anchor("W")
    for ax, picture, (answer, truth) in zip(axes.flat, pictures, captions):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.text(0, 1.19, answer, transform=ax.transAxes, color=HELD_OUT, fontsize=9)
        ax.text(0, 1.05, truth, transform=ax.transAxes, color=INK, fontsize=9)
    return figure
