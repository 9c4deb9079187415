"""Changes made to batches in training, so that no image comes twice the same.

Each is called with (x, t, rng) and returns (x, t) in new memory; `Batches(augment=[...])` does so,
with random numbers that follow from seed, epoch and number of the batch alone. A function of one's
own serves as well.

Those for images take (N, C, H, W). Where images lie in rows, as `Affine` takes them, `shape=` says
what each row is: `Shift(2, shape=(1, 28, 28))`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..errors import DataError, describe, show_shape
from ..layers.sizes import is_whole
from .sources import show, whole

Images: TypeAlias = NDArray[Any]
Rng = np.random.Generator


class ImageChange:
    """A change of images: a subclass says in `change` what becomes of them.

    shape   (C, H, W) of each image, where x has them in rows; None: x is (N, C, H, W)
    """

    def __init__(self, shape: tuple[int, int, int] | None = None) -> None:
        if shape is not None and (len(shape) != 3 or not all(map(is_whole, shape))):
            raise DataError(f"{type(self).__name__}(shape={shape!r}): give (C, H, W).")
        self.shape = shape

    def change(self, x: Images, rng: Rng) -> Images:
        """New images from images, (N, C, H, W)."""
        raise NotImplementedError

    def __call__(self, x: Any, t: Any, rng: Rng) -> tuple[Any, Any]:
        out = self.change(self.as_images(x), rng)
        return (out.reshape(len(x), -1) if self.shape else out), t

    def as_images(self, x: Any) -> Images:
        """x as (N, C, H, W)."""
        name = type(self).__name__
        if self.shape is None:
            if getattr(x, "ndim", 0) != 4:
                raise DataError(
                    f"{name} expects images (N, C, H, W), but got {show(x)}. Where they are in "
                    f"rows, say what each is: {name}(..., shape=(1, 28, 28))."
                )
            return x
        if getattr(x, "ndim", 0) != 2 or x.shape[1] != np.prod(self.shape):
            raise DataError(
                f"{name}(..., shape={show_shape(self.shape)}) expects rows of "
                f"{np.prod(self.shape)} numbers, but got {describe(x)}."
            )
        return x.reshape(len(x), *self.shape)  # (N, C * H * W) -> (N, C, H, W)

    def __repr__(self) -> str:
        options = {name: value for name, value in vars(self).items() if value is not None}
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in options.items())})"


class Shift(ImageChange):
    """Every image moved by up to `pixels` in each direction, what comes in from outside is `fill`.

    >>> x = np.arange(4.0).reshape(1, 1, 2, 2)
    >>> Shift(1)(x, None, np.random.default_rng(1))[0]
    array([[[[0., 1.],
             [2., 3.]]]])
    """

    def __init__(
        self, pixels: int, *, fill: float = 0.0, shape: tuple[int, int, int] | None = None
    ) -> None:
        super().__init__(shape)
        self.pixels, self.fill = whole("pixels", pixels, 0, "Shift"), fill

    def change(self, x: Images, rng: Rng) -> Images:
        return windows(padded(x, self.pixels, self.fill), x.shape[2:], rng)


class Crop(ImageChange):
    """A window of every image, somewhere in it, after `padding` pixels of `fill` were put around.

    size   height and width of the windows, or one number for both

    For networks on CIFAR-10 the usual one is `Crop(32, padding=4)`.

    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> Crop(2)(x, None, np.random.default_rng(0))[0]
    array([[[[4., 5.],
             [7., 8.]]]])
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        padding: int = 0,
        *,
        fill: float = 0.0,
        shape: tuple[int, int, int] | None = None,
    ) -> None:
        super().__init__(shape)
        sizes: Any = (size, size) if is_whole(size) else size
        if not isinstance(sizes, (tuple, list)) or len(sizes) != 2 or not all(map(is_whole, sizes)):
            raise DataError(f"Crop(size={size!r}): give a whole number, or (height, width).")
        self.size = (int(sizes[0]), int(sizes[1]))
        self.padding, self.fill = whole("padding", padding, 0, "Crop"), fill

    def change(self, x: Images, rng: Rng) -> Images:
        x = padded(x, self.padding, self.fill)
        if x.shape[2] < self.size[0] or x.shape[3] < self.size[1]:
            raise DataError(
                f"Crop(size={self.size}) expects images of at least this size, but with their "
                f"padding they are {x.shape[2:]}. Give a smaller size, or more padding."
            )
        return windows(x, self.size, rng)


class Flip(ImageChange):
    """Every image turned over with probability p: left and right (axis=-1), or up and down (-2).

    >>> x = np.arange(4.0).reshape(1, 1, 2, 2)
    >>> Flip(p=1.0)(x, None, np.random.default_rng(0))[0]
    array([[[[1., 0.],
             [3., 2.]]]])
    """

    def __init__(
        self, p: float = 0.5, *, axis: int = -1, shape: tuple[int, int, int] | None = None
    ) -> None:
        super().__init__(shape)
        if not 0 <= p <= 1:
            raise DataError(f"Flip(p={p!r}): a probability is from 0 to 1.")
        if axis not in (-1, -2):
            raise DataError(f"Flip(axis={axis!r}): give -1 for left and right, -2 for up and down.")
        self.p, self.axis = p, axis

    def change(self, x: Images, rng: Rng) -> Images:
        turned = rng.random((len(x), 1, 1, 1)) < self.p
        return np.where(turned, np.flip(x, self.axis), x)


class Cutout(ImageChange):
    """In every image a square of `size` pixels is `fill`; its centre is anywhere in the image.

    source   DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with
             Cutout, 2017

    >>> x = np.ones((1, 1, 3, 4))
    >>> Cutout(2)(x, None, np.random.default_rng(1))[0]
    array([[[[1., 0., 0., 1.],
             [1., 0., 0., 1.],
             [1., 1., 1., 1.]]]])
    """

    def __init__(
        self, size: int, *, fill: float = 0.0, shape: tuple[int, int, int] | None = None
    ) -> None:
        super().__init__(shape)
        self.size, self.fill = whole("size", size, 1, "Cutout"), fill

    def change(self, x: Images, rng: Rng) -> Images:
        inside = [self.inside(x.shape, axis, rng) for axis in (2, 3)]
        return np.where(inside[0] & inside[1], np.asarray(self.fill, x.dtype), x)

    def inside(self, shape: tuple[int, ...], axis: int, rng: Rng) -> NDArray[np.bool_]:
        """Which rows (axis 2) or columns (3) the square covers: (N, 1, H, 1) or (N, 1, 1, W)."""
        first = rng.integers(shape[axis], size=(shape[0], 1)) - self.size // 2
        place = np.arange(shape[axis])
        covered = (place >= first) & (place < first + self.size)  # (N, H) or (N, W)
        return covered[:, None, :, None] if axis == 2 else covered[:, None, None, :]


class Rotate(ImageChange):
    """Every image turned by up to `degrees` either way, and made larger or smaller by up to `zoom`.

    zoom   0.1: the factor is between 1 / 1.1 and 1.1

    Between pixels the numbers are those of the four neighbours, by their nearness (bilinear).

    >>> x = np.arange(4.0).reshape(1, 1, 2, 2)
    >>> Rotate(0)(x, None, np.random.default_rng(0))[0]
    array([[[[0., 1.],
             [2., 3.]]]])
    """

    def __init__(
        self,
        degrees: float,
        zoom: float = 0.0,
        *,
        fill: float = 0.0,
        shape: tuple[int, int, int] | None = None,
    ) -> None:
        super().__init__(shape)
        if not (0 <= degrees <= 180 and 0 <= zoom < np.inf):
            raise DataError(
                f"Rotate(degrees={degrees!r}, zoom={zoom!r}): give degrees from 0 to 180, and a "
                "zoom of 0 or more."
            )
        self.degrees, self.zoom, self.fill = degrees, zoom, fill

    def change(self, x: Images, rng: Rng) -> Images:
        floats("Rotate", x)
        angle = np.deg2rad(rng.uniform(-self.degrees, self.degrees, len(x)))
        factor = (1 + self.zoom) ** rng.uniform(-1, 1, len(x))
        cos, sin = (np.cos(angle) / factor)[:, None, None], (np.sin(angle) / factor)[:, None, None]
        middle = (np.array(x.shape[2:]) - 1) / 2
        i, j = np.indices(x.shape[2:]) - middle[:, None, None]  # from the middle, (H, W)
        # Where the number at (i, j) comes from, (N, H, W): turned back, and back to its size.
        return between(x, cos * i - sin * j + middle[0], sin * i + cos * j + middle[1], self.fill)


class Noise:
    """Every number plus a random one, normally distributed with the standard deviation `std`.

    >>> x, t = Noise(0.1)(np.zeros(3), None, np.random.default_rng(0))
    >>> x.round(3)
    array([ 0.013, -0.013,  0.064])
    """

    def __init__(self, std: float) -> None:
        if not std >= 0:
            raise DataError(f"Noise(std={std!r}): a standard deviation is 0 or more.")
        self.std = std

    def __call__(self, x: Any, t: Any, rng: Rng) -> tuple[Any, Any]:
        floats("Noise", x)
        return x + (self.std * rng.standard_normal(x.shape)).astype(x.dtype), t

    def __repr__(self) -> str:
        return f"Noise(std={self.std!r})"


class Mixup:
    """Every row mixed with another one of its batch, and so are their targets.

        x = m x_i + (1 - m) x_j,   t = m t_i + (1 - m) t_j,   m drawn from Beta(alpha, alpha)

    alpha     near 0: rows stay nearly as they are; 1: all mixtures are as likely
    classes   how many classes there are, where t holds class numbers: t becomes rows (N, classes)
              with the part of each class, which `SoftmaxCrossEntropy` takes

    One m serves for the batch, as in the paper's program.

    source    Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018

    >>> mixup, rng = Mixup(1.0, classes=2), np.random.default_rng(2)
    >>> x, t = mixup(np.array([0.0, 1.0]), np.array([0, 1]), rng)
    >>> x.round(2), [[f"{part:.2f}" for part in row] for row in t]
    (array([0.53, 0.47]), [['0.47', '0.53'], ['0.53', '0.47']])
    """

    def __init__(self, alpha: float = 0.2, classes: int | None = None) -> None:
        if not 0 < alpha < np.inf:
            raise DataError(f"Mixup(alpha={alpha!r}): give a number above 0.")
        self.alpha = alpha
        self.classes = None if classes is None else whole("classes", classes, 2, "Mixup")

    def __call__(self, x: Any, t: Any, rng: Rng) -> tuple[Any, Any]:
        floats("Mixup", x)
        t = self.soft(t)
        m, other = rng.beta(self.alpha, self.alpha), rng.permutation(len(x))
        return mixed(x, x[other], m), mixed(t, t[other], m)

    def soft(self, t: Any) -> Any:
        """Targets that can be mixed: floats, or the rows that stand for class numbers."""
        kind = getattr(getattr(t, "dtype", None), "kind", "")
        if self.classes is None:
            if kind != "f":
                raise DataError(
                    f"Mixup mixes floats, but t is {describe(t)}. Where t holds class numbers, say "
                    "how many classes there are: Mixup(classes=10)."
                )
            return t
        if kind not in "iu" or t.ndim != 1:
            raise DataError(
                f"Mixup(classes=...) expects class numbers (N,), but got {describe(t)}."
            )
        if len(t) and not 0 <= t.min() <= t.max() < self.classes:
            wrong = t.max() if t.min() >= 0 else t.min()
            raise DataError(f"Mixup(classes={self.classes}) got the class number {wrong}.")
        return np.eye(self.classes, dtype=np.float32)[t]  # (N,) -> (N, classes)

    def __repr__(self) -> str:
        return f"Mixup(alpha={self.alpha!r}, classes={self.classes!r})"


# what they share ---------------------------------------------------------------------------------


def floats(owner: str, x: Any) -> None:
    """Refuse what would be rounded or cannot be computed with."""
    if getattr(getattr(x, "dtype", None), "kind", "") != "f":
        raise DataError(
            f"{owner} expects one array of floats, but got {show(x)}. Pixels become floats by "
            "Normalize, or by x / np.float32(255)."
        )


def padded(x: Images, pixels: int, fill: float) -> Images:
    """Images with a border, (N, C, H, W) -> (N, C, H + 2 pixels, W + 2 pixels)."""
    border = (pixels, pixels)
    return np.pad(x, ((0, 0), (0, 0), border, border), constant_values=fill)


def windows(x: Images, size: tuple[int, ...], rng: Rng) -> Images:
    """A window of each image, anywhere in it."""
    views = sliding_window_view(x, size, axis=(2, 3))  # (N, C, places, places, *size)
    i, j = (rng.integers(places, size=len(x)) for places in views.shape[2:4])
    return views[np.arange(len(x)), :, i, j]  # (N, C, *size)


def between(x: Images, i: NDArray[Any], j: NDArray[Any], fill: float) -> Images:
    """The numbers of each image at places between its pixels, (N, H, W), by the four nearest."""
    x = padded(x, 1, fill)  # whatever lies outside is this border
    count, channels, height, width = x.shape
    i, j = np.clip(i + 1, 0, height - 1), np.clip(j + 1, 0, width - 1)
    top = np.minimum(i.astype(np.intp), height - 2)
    left = np.minimum(j.astype(np.intp), width - 2)
    down, right = (i - top).astype(x.dtype)[:, None], (j - left).astype(x.dtype)[:, None]
    image = np.arange(count * channels).reshape(count, channels, 1, 1) * height
    here = (image + top[:, None]) * width + left[:, None]  # (N, C, H, W): places in x.ravel()
    upper = mixed(x.take(here + 1), x.take(here), right)
    lower = mixed(x.take(here + width + 1), x.take(here + width), right)
    return mixed(lower, upper, down)


def mixed(a: Any, b: Any, part: Any) -> Any:
    """`part` of a, and the rest of b, in their own dtype."""
    part = np.asarray(part, a.dtype)
    return part * a + (1 - part) * b
