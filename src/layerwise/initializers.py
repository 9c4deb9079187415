"""First numbers of parameters: an initializer is a function of a shape and a generator.

Every layer with weights takes one: `Affine(784, 50, init=he_normal)`. Options are bound with
`functools.partial`: `init=partial(xavier_uniform, gain=calculate_gain("tanh"))`. A function of
one's own will do as well: it gets the shape and a generator, and returns an array of that shape.

What goes through many layers should neither grow nor vanish. An output is a sum over `fan_in`
inputs, so its variance is fan_in times that of the weights; a gradient is a sum over `fan_out`
outputs. LeCun's rule makes the first 1, He's makes up for the half that a ReLU takes away, and
Xavier's (Glorot's) is the mean of both directions.

shapes     (in, out) for a matrix; (out, in, *kernel) for kernels, those of transposed convolutions
           too. The groups of a convolution are drawn one after the other
rng        a generator or a seed; None: by chance
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

Shape = tuple[int, ...]

GAINS = {  # of PyTorch's torch.nn.init.calculate_gain
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    "selu": 3 / 4,
}


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs go into one output (fan_in), and how many outputs an input goes to (fan_out).

    errors   ValueError for a shape of fewer than two axes, which does not tell

    >>> fans((784, 50)), fans((16, 3, 5, 5))
    ((784, 50), (75, 400))
    """
    if len(shape) < 2:
        raise ValueError(
            f"A parameter of the shape {shape} does not tell how many inputs and outputs it has. "
            "Give one of two axes or more, or use uniform, normal or constant."
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    size = math.prod(shape[2:])
    return shape[1] * size, shape[0] * size


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By what factor the weights before an activation should be larger than those before none.

    nonlinearity   "linear", "sigmoid", "tanh", "relu", "leaky_relu" or "selu"
    param          the slope on the left side of a leaky ReLU; None: 0.01
    errors         ValueError for another name

    The numbers are PyTorch's.

    >>> round(calculate_gain("relu"), 4), round(calculate_gain("leaky_relu", 0.2), 4)
    (1.4142, 1.3868)
    """
    if nonlinearity not in GAINS:
        raise ValueError(f"calculate_gain({nonlinearity!r}): choose one of {tuple(GAINS)}.")
    if nonlinearity == "leaky_relu" and param is not None:
        return math.sqrt(2 / (1 + param**2))
    return GAINS[nonlinearity]


# the same for all numbers ------------------------------------------------------------------------


def uniform(shape: Shape, rng: Any = None, bound: float = 1.0) -> Any:
    """Uniform in ±bound.

    >>> uniform((2, 3), 0, bound=0.5).round(3)
    array([[ 0.137, -0.23 , -0.459],
           [-0.483,  0.313,  0.413]])
    """
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


def normal(shape: Shape, rng: Any = None, std: float = 1.0) -> Any:
    """Normal with the mean 0 and the deviation std.

    >>> normal((100, 100), 0, std=0.5).std().round(2)
    np.float64(0.5)
    """
    return np.random.default_rng(rng).normal(0, std, shape)


def truncated_normal(shape: Shape, rng: Any = None, std: float = 1.0, cut: float = 2.0) -> Any:
    """Normal with the deviation std; what lies beyond ±cut std is drawn again.

    cut      counts deviations: at 2 a twentieth is drawn again, and what comes has the deviation
             0.88 std. (PyTorch's a and b are absolute: its ±2 cut nothing if std is 0.02.)
    errors   ValueError if cut is not above 0

    >>> abs(truncated_normal((100, 100), 0, std=0.5)).max().round(2)
    np.float64(1.0)
    """
    if not cut > 0:
        raise ValueError(f"truncated_normal(cut={cut!r}): give a number of deviations above 0.")
    rng = np.random.default_rng(rng)
    x = rng.normal(0, 1, shape)
    beyond = abs(x) > cut
    while beyond.any():
        x[beyond] = rng.normal(0, 1, beyond.sum())
        beyond = abs(x) > cut
    return std * x


def constant(shape: Shape, rng: Any = None, value: float = 0.0) -> Any:
    """All the same number.

    >>> constant((1, 2), value=0.5)
    array([[0.5, 0.5]])
    """
    return np.full(shape, value, float)


def zeros(shape: Shape, rng: Any = None) -> Any:
    """All 0; in a hidden layer, all its units would stay equal for ever.

    >>> zeros((1, 2))
    array([[0., 0.]])
    """
    return constant(shape, value=0)


def ones(shape: Shape, rng: Any = None) -> Any:
    """All 1.

    >>> ones((1, 2))
    array([[1., 1.]])
    """
    return constant(shape, value=1)


# by fan_in and fan_out ---------------------------------------------------------------------------


def lecun_normal(shape: Shape, rng: Any = None, gain: float = 1.0) -> Any:
    """Normal with the deviation gain / √fan_in (LeCun et al., Efficient BackProp, 1998).

    >>> lecun_normal((100, 50), 0).std().round(2)
    np.float64(0.1)
    """
    return normal(shape, rng, _deviation(gain, fans(shape)[0]))


def lecun_uniform(shape: Shape, rng: Any = None, gain: float = 1.0) -> Any:
    """Uniform with the deviation gain / √fan_in, which is ±gain √(3 / fan_in).

    >>> abs(lecun_uniform((300, 50), 0)).max().round(2)
    np.float64(0.1)
    """
    return uniform(shape, rng, _bound(_deviation(gain, fans(shape)[0])))


def he_normal(
    shape: Shape, rng: Any = None, gain: float = GAINS["relu"], mode: str = "fan_in"
) -> Any:
    """Normal with the deviation gain / √fan_in, for networks of ReLUs.

    gain     of the activation behind the layer; √2 is that of ReLU
    mode     "fan_in" keeps the size of what goes forward, "fan_out" that of the gradients
    errors   ValueError for another mode
    source   He et al., Delving deep into rectifiers, 2015

    >>> he_normal((200, 50), 0).std().round(2)
    np.float64(0.1)
    """
    return normal(shape, rng, _deviation(gain, _fan(shape, mode)))


def he_uniform(
    shape: Shape, rng: Any = None, gain: float = GAINS["relu"], mode: str = "fan_in"
) -> Any:
    """Uniform with the deviation gain / √fan_in, which is ±gain √(3 / fan_in).

    For gain, mode, errors and source see `he_normal`.

    >>> abs(he_uniform((600, 50), 0)).max().round(2)
    np.float64(0.1)
    """
    return uniform(shape, rng, _bound(_deviation(gain, _fan(shape, mode))))


def xavier_normal(shape: Shape, rng: Any = None, gain: float = 1.0) -> Any:
    """Normal with the deviation gain √(2 / (fan_in + fan_out)), also known as Glorot's.

    source   Glorot and Bengio, Understanding the difficulty of training deep networks, 2010

    >>> xavier_normal((150, 50), 0).std().round(2)
    np.float64(0.1)
    """
    return normal(shape, rng, _deviation(gain, sum(fans(shape)) / 2))


def xavier_uniform(shape: Shape, rng: Any = None, gain: float = 1.0) -> Any:
    """Uniform with the deviation gain √(2 / (fan_in + fan_out)); see `xavier_normal`.

    >>> abs(xavier_uniform((550, 50), 0)).max().round(2)
    np.float64(0.1)
    """
    return uniform(shape, rng, _bound(_deviation(gain, sum(fans(shape)) / 2)))


def _deviation(gain: float, fan: float) -> float:
    return gain / math.sqrt(fan or 1)  # a fan of 0 belongs to an array without numbers


def _bound(std: float) -> float:
    """Numbers that are uniform in ±bound have the deviation bound / √3."""
    return math.sqrt(3) * std


def _fan(shape: Shape, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode={mode!r}: choose 'fan_in' or 'fan_out'.")
    return fans(shape)[mode == "fan_out"]


# by the matrix as a whole ------------------------------------------------------------------------


def orthogonal(shape: Shape, rng: Any = None, gain: float = 1.0) -> Any:
    """A turn, times gain: rows, or columns if they are fewer, of length gain at right angles.

    shapes   kernels (out, in, *kernel) count as a matrix of out rows
    source   Saxe et al., Exact solutions to the nonlinear dynamics of learning, 2014

    >>> W = orthogonal((2, 3), 0)
    >>> (W @ W.T).round(12) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """
    fans(shape)  # refuses what is no matrix
    rows, columns = shape[0], math.prod(shape[1:])
    x = np.random.default_rng(rng).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(x)
    q = q * np.sign(np.diag(r))  # without this, not all turns would be equally likely
    return gain * (q if rows >= columns else q.T).reshape(shape)


def identity(shape: Shape, rng: Any = None, gain: float = 1.0) -> Any:
    """Output i starts as gain times input i: a 1 on the diagonal, in the middle of each kernel.

    shapes   (in, out), or (out, in, *kernel); what has no partner starts as 0

    >>> identity((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    >>> identity((2, 2, 3))[1].tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    fans(shape)  # refuses what is no matrix
    W = np.zeros(shape)
    middle = tuple(n // 2 for n in shape[2:])
    for i in range(min(shape[:2])):
        partners = (i, i, *middle)
        W[partners] = gain
    return W


# what layers ask for -----------------------------------------------------------------------------


def uniform_by_fan_in(fan_in: int) -> Callable[..., Any]:
    """PyTorch's default for weights and biases: uniform in ±1/√fan_in, each layer saying which.

    >>> abs(uniform_by_fan_in(100)((50,), 0)).max().round(2)
    np.float64(0.1)
    """
    return partial(uniform, bound=1 / math.sqrt(fan_in))


def chosen(init: Any, default: Callable[..., Any]) -> Callable[..., Any]:
    """The initializer that a layer was given, or else its default."""
    if init is None:
        return default
    if not callable(init):
        raise ValueError(
            f"init={init!r}: give a function of a shape and a generator, such as "
            "layerwise.initializers.he_normal."
        )
    return init


def generator(rng: Any) -> Any:
    """One generator for all numbers of a layer, from a seed or itself; None: the graph will say."""
    return None if rng is None else np.random.default_rng(rng)


def for_kernels(init: Callable[..., Any], groups: int, transposed: bool) -> Callable[..., Any]:
    """An initializer for the kernels of a convolution in groups, (out, in / groups, *kernel).

    Such a convolution is several small ones side by side, so each group is drawn by itself. A
    transposed one has the first two axes the other way round: (in, out / groups, *kernel).
    """

    def draw(shape: Shape, rng: Any = None) -> Any:
        rng = np.random.default_rng(rng)
        first, second, *kernel = shape[0] // groups, *shape[1:]
        if transposed:
            first, second = second, first
        drawn = [init((first, second, *kernel), rng) for _ in range(groups)]
        return np.concatenate([np.swapaxes(W, 0, 1) if transposed else W for W in drawn])

    return draw
