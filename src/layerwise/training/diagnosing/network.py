"""What can be wrong with a network, seen in one step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...layers import (
    Affine,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    NegativeLogLikelihood,
    SoftmaxCrossEntropy,
)
from ...layers.activation import sigmoid
from ...layers.norm import RowNorm
from .findings import Finding, short
from .probe import Place, Probe, weights_at

FIRST_LOSS = 2.0  # times that of knowing nothing: the scores are then far too large
DEAD = 0.4  # of the units of a layer; up to a quarter are by chance, where no input is below 0
SATURATED = 0.5  # of the numbers a layer gives
FLAT = 0.04  # a slope, beside the steepest: sigmoid above 0.99 or below 0.01
VANISHING = (
    1e-3  # gradients of the first layers beside the last: they learn a thousand times slower
)
EXPLODING = 1e3
LARGE_STEP = 0.5  # of the size of the weights: two such steps, and nothing is left of them
SMALL_STEP = 1e-6  # a million steps, and they are others; float32 loses changes below 1e-7
SAME = 1e-6  # a spread beside the size, below which outputs count as equal


def first_loss(probe: Probe) -> Iterator[Finding]:
    """A loss that is far above that of a network which finds every class as likely."""
    chance = loss_of_chance(probe.loss, probe.out)
    if chance is None or not probe.finite or probe.loss_now <= FIRST_LOSS * chance[0]:
        return
    yield Finding(
        "first loss",
        "loss",
        probe.loss_now,
        f"The loss is {short(probe.loss_now)}; that of finding all classes as likely would be "
        f"{chance[1]} = {chance[0]:.3f}. The network is sure, and wrong.",
        "Before training: scale x, and draw smaller weights, at least in the last layer. "
        "Afterwards: take a smaller learning rate, and look at t.",
    )


def loss_of_chance(loss: Any, out: Any) -> tuple[float, str] | None:
    """The loss of finding all classes as likely, and how it is written; None: not known."""
    if getattr(loss, "reduction", None) != "mean" or np.ndim(out) < 2:
        return None
    if isinstance(loss, (SoftmaxCrossEntropy, NegativeLogLikelihood)):
        classes = np.shape(out)[1]
        return (float(np.log(classes)), f"ln({classes})") if classes > 1 else None
    if isinstance(loss, (BinaryCrossEntropy, BinaryCrossEntropyWithLogits)):
        plain = loss.weight is None and getattr(loss, "pos_weight", None) is None
        return (float(np.log(2)), "ln(2)") if plain else None
    return None


def squeezed_twice(probe: Probe) -> Iterator[Finding]:
    """Probabilities given to a loss that makes probabilities of scores itself."""
    out = np.asarray(probe.out)
    if not out.size or out.dtype.kind != "f" or not ((out >= 0) & (out <= 1)).all():
        return
    if isinstance(probe.loss, SoftmaxCrossEntropy):
        wrong = out.ndim > 1 and np.allclose(out.sum(axis=1), 1, atol=1e-3)
        other = "Leave Softmax out of the network"
    else:
        last = [place for place in probe.places if place.seat.value is probe.out]
        wrong = isinstance(probe.loss, BinaryCrossEntropyWithLogits) and any(
            acts_as(sigmoid, place) for place in last
        )
        other = "Leave Sigmoid out of the network, or take BinaryCrossEntropy"
    if wrong:
        name = type(probe.loss).__name__
        yield Finding(
            "squeezed twice",
            "output",
            float(out.max()),
            f"The network gives probabilities, of at most {short(out.max())}, and {name} takes "
            "them for scores and makes probabilities of them once more.",
            f"{other}; it comes back, for predictions, as a layer of its own.",
        )


def constant_output(probe: Probe) -> Iterator[Finding]:
    """The same answer for all rows."""
    out = np.asarray(probe.predicted, float)
    if len(out) < 2 or not np.isfinite(out).all() or same_rows(probe.x):
        return
    spread = float(np.abs(out - out[:1]).max())
    if spread <= SAME * max(float(np.abs(out).max()), np.finfo(np.float32).tiny):
        first = ", ".join(short(one) for one in np.ravel(out[0])[:4])
        more = ", ..." if out[0].size > 4 else ""
        yield Finding(
            "constant output",
            "output",
            spread,
            f"All {len(out):,} rows get the same answer, ({first}{more}).",
            "Something on the way gives the same for all: dead units, saturated ones, weights of "
            "0, or inputs that are the same in all rows.",
        )


def same_rows(x: Any) -> bool:
    return bool((x == x[:1]).all())


def dead_units(probe: Probe) -> Iterator[Finding]:
    """Units of a ReLU that are 0 for all rows."""
    for place in probe.places:
        if not rectifies(place):
            continue
        value = np.asarray(place.seat.value)
        axis = unit_axis(place)
        dead = (value == 0).all(axis=tuple(i for i in range(value.ndim) if i != axis))
        if dead.mean() > DEAD:
            yield Finding(
                "dead units",
                place.name,
                int(dead.sum()),
                f"{place.title}: {dead.sum():,} of {dead.size:,} units are 0 for all "
                f"{len(value):,} rows, so that nothing before them learns.",
                "Take a smaller learning rate, draw weights by initializers.he_normal, begin with "
                "biases of 0, or take LeakyReLU.",
            )


def rectifies(place: Place) -> bool:
    """Whether it gives 0 for exactly what is not above 0, as ReLU does, whatever it is called."""
    x, y = elementwise(place)
    return y is not None and bool((x < 0).any() and ((y == 0) == (x <= 0)).all())


def unit_axis(place: Place) -> int:
    """The axis along which the units stand: that of the channels, or behind Affine the last."""
    seat = place.seat
    if np.ndim(seat.value) > 2:
        while len(seat.inputs) == 1 and (seat.layer is None or not weights_at(seat)):
            seat = seat.inputs[0]
        if isinstance(seat.layer, (Affine, RowNorm)):
            return np.ndim(place.seat.value) - 1
    return 1


def saturated(probe: Probe) -> Iterator[Finding]:
    """Sigmoids and tanhs that are flat for most of what they get."""
    for place in probe.places:
        if place.seat.value is probe.out and isinstance(probe.loss, BinaryCrossEntropy):
            continue  # which undoes the sigmoid: being sure is fine there
        for name, function, steepest in (("sigmoid", sigmoid, 0.25), ("tanh", np.tanh, 1.0)):
            if not acts_as(function, place):
                continue
            y = np.asarray(place.seat.value, float)
            slope = y * (1 - y) if name == "sigmoid" else 1 - y * y
            share = float((slope < FLAT * steepest).mean())
            if share > SATURATED:
                yield Finding(
                    "saturated units",
                    place.name,
                    share,
                    f"{place.title}: {100 * share:.0f} % of what it gives lies where the {name} is "
                    "flat, so that hardly any gradient comes through.",
                    "Scale x, draw smaller weights (initializers.xavier_uniform), put BatchNorm "
                    "before it, or take ReLU.",
                )


def acts_as(function: Any, place: Place) -> bool:
    """Whether a layer gives what this function does, whatever it is called."""
    x, y = elementwise(place)
    if y is None:
        return False
    return bool(np.allclose(y, function(x.astype(float)), rtol=1e-2, atol=1e-2))


def elementwise(place: Place) -> tuple[Any, Any]:
    """Input and output of a layer that has one of each, of one shape (N, ...); else None."""
    seat = place.seat
    values = [seat.value, *[source.value for source in seat.inputs]]
    if len(values) != 2 or any(isinstance(value, tuple) or value is None for value in values):
        return None, None
    y, x = map(np.asarray, values)
    fits = x.shape == y.shape and y.ndim > 1 and y.size and y.dtype.kind == "f"
    return (x, y) if fits else (None, None)


def depth(probe: Probe) -> Iterator[Finding]:
    """Gradients that get lost on the way to the first layers, or grow without bounds."""
    rows = [row for row in probe.layers if row.gradient is not None]
    if len(rows) < 2 or not rows[-1].gradient:
        return
    last = rows[-1]
    ratios = [row.gradient / last.gradient for row in rows]  # type: ignore[operator]
    low, high = int(np.argmin(ratios)), int(np.argmax(ratios))
    for kind, at, wrong, did, advice in (
        (
            "vanishing gradient",
            low,
            ratios[low] < VANISHING and not zero_weights(probe),
            "shrinks",
            "Take ReLU and initializers.he_normal, BatchNorm, or connections that leave layers "
            "out (x + block(x)); or fewer layers.",
        ),
        (
            "exploding gradient",
            high,
            ratios[high] > EXPLODING,
            "grows",
            "Draw smaller weights (initializers.he_normal), put BatchNorm or LayerNorm between "
            "the layers, or clip: clip_norm=1.0.",
        ),
    ):
        if wrong:
            factor = (
                "" if not ratios[at] else f", by a factor of {max(ratios[at], 1 / ratios[at]):.1e}"
            )
            yield Finding(
                kind,
                rows[at].name,
                ratios[at],
                f"On its way from {last.name} back to {rows[at].name} the gradient {did} from "
                f"{short(last.gradient)} to {short(rows[at].gradient)}{factor}.",
                advice,
            )


def zero_weights(probe: Probe) -> bool:
    """Whether weights are all 0, as at the end of some branches: no gradient passes them yet."""
    return any(
        not value.any() and (value.ndim > 1 or name.endswith("gamma"))
        for name, value in probe.weights.items()
    )


def equal_weights(probe: Probe) -> Iterator[Finding]:
    """Weights that are all the same number, so that all units of a layer stay twins."""
    names = [name for name, value in probe.weights.items() if value.ndim > 1]
    for name in names[:-1]:  # the last layer may begin at 0: its units have different targets
        value = probe.weights[name]
        if value.size > 1 and np.ptp(value) == 0:
            yield Finding(
                "equal weights",
                name,
                float(value.flat[0]),
                f"All {value.size:,} numbers of {name} are {short(value.flat[0])}: the units of "
                "that layer compute the same, get the same gradients, and stay the same.",
                "Draw them by chance: initializers.he_normal, or leave init out.",
            )


def size_of_steps(probe: Probe) -> Iterator[Finding]:
    """Steps that throw the weights about, or do not move them."""
    if not probe.steps:
        return
    largest = max(probe.steps, key=lambda name: probe.steps[name])
    ratio = probe.steps[largest]
    if ratio > LARGE_STEP or ratio != ratio:
        yield Finding(
            "large steps",
            largest,
            ratio,
            f"The next step of {probe.optimizer!r} changes {largest} by {short(ratio)} of its "
            "size; about 0.001 is usual.",
            "Take a smaller learning rate.",
        )
    elif ratio < SMALL_STEP and not zero_weights(probe):
        yield Finding(
            "small steps",
            largest,
            ratio,
            f"The next step of {probe.optimizer!r} changes no matrix of weights by more than "
            f"{short(ratio)} of its size ({largest}); about 0.001 is usual.",
            "Take a larger learning rate, unless the network has learned all it can.",
        )


def where_not_finite(probe: Probe) -> Iterator[Finding]:
    """The first layer that makes NaN or Inf of finite numbers."""
    if probe.finite:
        return
    name, title = "loss", repr(probe.loss)
    for place in probe.places:
        if not np.isfinite(_floats(place.seat.value)).all():
            name, title = place.name, place.title
            break
    yield Finding(
        "not finite",
        name,
        probe.loss_now,
        f"The loss is {probe.loss_now}: NaN or Inf first appear in what {title} gives.",
        "Look at its inputs and weights: is there a logarithm of 0, a division by 0, an overflow?",
    )


def _floats(value: Any) -> Any:
    several = value if isinstance(value, tuple) else (value,)
    return np.concatenate([np.ravel(one).astype(float) for one in several if one is not None])
