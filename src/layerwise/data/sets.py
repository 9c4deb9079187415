"""Data sets of handwritten digits: `digits` comes with the library, `mnist` reads your files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .idx import problem, read_idx

FILES = Path(__file__).parent / "files"
MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MNIST_SOURCE = "http://yann.lecun.com/exdb/mnist/"
CLASSES = 10

Pair = tuple[NDArray[np.float32], NDArray[Any]]


class Split(NamedTuple):
    """A data set in two parts, each a pair `(x, t)`: inputs and the classes they belong to.

    train   what a network learns from
    test    what it is judged by, held out from training

    >>> import layerwise as lw
    >>> (x_train, t_train), (x_test, t_test) = lw.data.digits()
    >>> len(x_train), len(x_test)
    (1437, 360)
    """

    train: Pair
    test: Pair


def digits(*, flatten: bool = True, one_hot: bool = False) -> Split:
    """1,797 handwritten digits, small enough to learn in seconds; they come with the library.

    The split is fixed and needs no random numbers: sorted by class, every fifth image is held
    out, so each class is in both parts in the same proportion. The 13 writers stand one after
    another in the source; here they are mixed, and all of them are in both parts.

    flatten   True (default): one row of 64 pixels per image; False: channel, height, width
    one_hot   False (default): t holds the classes 0 to 9; True: rows with a 1 at the class

    shapes    x (1437, 64) and (360, 64), or (N, 1, 8, 8); float32, 0 (paper) to 1 (ink)
              t (1437,) and (360,) int64, or (N, 10) float32
    source    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (test part),
              UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0

    >>> import layerwise as lw
    >>> (x_train, t_train), (x_test, t_test) = lw.data.digits()
    >>> x_train.shape, t_train.shape, x_test.shape, t_test.shape
    ((1437, 64), (1437,), (360, 64), (360,))
    >>> t_train[:5]
    array([4, 5, 6, 7, 5])
    """
    images = read_idx(FILES / "digits-images-idx3-ubyte.gz")  # (1797, 8, 8), 0 to 16
    labels = read_idx(FILES / "digits-labels-idx1-ubyte.gz")  # (1797,)
    train, test = split_digits(labels)
    return Split(
        prepare(images[train], labels[train], 16, flatten, one_hot),
        prepare(images[test], labels[test], 16, flatten, one_hot),
    )


def mnist(
    folder: str | os.PathLike[str] | None = None, *, flatten: bool = True, one_hot: bool = False
) -> Split:
    """MNIST: 60,000 handwritten digits to learn from, 10,000 to be judged by, from your files.

    Nothing is downloaded. The four files may be compressed (`.gz`) or not, and may be spelled
    `train-images-idx3-ubyte` or `train-images.idx3-ubyte`.

    folder    where the files are; by default `$LAYERWISE_DATA/mnist`, then `$LAYERWISE_DATA`
    flatten   True (default): one row of 784 pixels per image; False: channel, height, width
    one_hot   False (default): t holds the classes 0 to 9; True: rows with a 1 at the class

    shapes    x (60000, 784) and (10000, 784), or (N, 1, 28, 28); float32, 0 (paper) to 1 (ink)
              t (60000,) and (10000,) int64, or (N, 10) float32
    errors    DataError, if a file is missing or damaged, or images and labels do not fit
    source    Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist/

    >>> import layerwise as lw
    >>> (x_train, t_train), (x_test, t_test) = lw.data.mnist("mnist")  # doctest: +SKIP
    >>> x_train.shape, x_test.shape  # doctest: +SKIP
    ((60000, 784), (10000, 784))
    >>> t_train[:5]  # doctest: +SKIP
    array([5, 0, 4, 1, 9])
    """
    train_images, train_labels, test_images, test_labels = find_mnist(folder)
    return Split(
        prepare(*read_mnist(train_images, train_labels), 255, flatten, one_hot),
        prepare(*read_mnist(test_images, test_labels), 255, flatten, one_hot),
    )


def prepare(
    images: NDArray[Any], labels: NDArray[Any], brightest: int, flatten: bool, one_hot: bool
) -> Pair:
    """What a network takes, from what the files hold; `brightest` is the pixel that becomes 1."""
    count, height, width = images.shape
    x: NDArray[np.float32] = np.divide(images, brightest, dtype=np.float32)
    # (N, 28, 28) -> (N, 784) or (N, 1, 28, 28)
    x = x.reshape((count, height * width) if flatten else (count, 1, height, width))
    t = labels.astype(np.int64)  # (N,)
    return x, np.eye(CLASSES, dtype=np.float32)[t] if one_hot else t  # (N, 10) or (N,)


def split_digits(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The places of the images to learn from, and of those held out."""
    count = len(labels)
    held_out: NDArray[np.bool_] = np.zeros(count, dtype=bool)
    held_out[np.argsort(labels, kind="stable")[::5]] = True  # every fifth of each class

    # Steps of about the golden section of the whole (1111 / 1797 = 0.618) visit every place once
    # and spread each stretch of visits over all writers.
    mixed: NDArray[np.intp] = np.arange(count) * 1111 % count
    return mixed[~held_out[mixed]], mixed[held_out[mixed]]


def find_mnist(folder: str | os.PathLike[str] | None) -> list[Path]:
    """The paths of the four files, in the order of MNIST_FILES, from the first folder with all."""
    looked = []
    for place in mnist_folders(folder):
        found = mnist_files_in(place)
        if len(found) == len(MNIST_FILES):
            return found
        looked.append(f"{place} ({len(found)} of the 4 files are there)")
    where = " or ".join(looked) or "any known folder: none was given, $LAYERWISE_DATA is not set"
    raise DataError(
        f"MNIST's files are not in {where}. "
        f"Expected {', '.join(MNIST_FILES)}, each with or without .gz. "
        f"Get them from {MNIST_SOURCE} and give their folder, mnist('folder'), or set "
        "$LAYERWISE_DATA to the folder that holds mnist/."
    )


def mnist_folders(folder: str | os.PathLike[str] | None) -> list[Path]:
    """Where to look, in this order."""
    if folder is not None:
        return [Path(folder).expanduser()]
    root = os.environ.get("LAYERWISE_DATA")
    return [Path(root, "mnist"), Path(root)] if root else []


def mnist_files_in(folder: Path) -> list[Path]:
    """Those of the four files that are in this folder, in whatever spelling, each once."""
    found = []
    for name in MNIST_FILES:
        dotted = name.replace("-idx", ".idx")
        spellings = [folder / s for s in (name, f"{name}.gz", dotted, f"{dotted}.gz")]
        found += [path for path in spellings if os.path.isfile(path)][:1]
    return found


def read_mnist(images_path: Path, labels_path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """The images (N, 28, 28) and the labels (N,) of one part, both uint8, once they fit."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    advice = "Get MNIST's four files again; read_idx() reads other sets."
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        expected = "images of shape (N, 28, 28) and type uint8"
        raise problem(images_path, expected, f"{images.shape} {images.dtype}", advice)
    if labels.dtype != np.uint8 or labels.shape != (len(images),):
        expected = f"one uint8 label for each of the {len(images)} images"
        raise problem(labels_path, expected, f"{labels.shape} {labels.dtype}", advice)
    if labels.max(initial=0) >= CLASSES:
        raise problem(labels_path, "labels from 0 to 9", f"{labels.max()}", advice)
    return images, labels
