"""Data sets of images by name: `digits` comes with the library, the others are downloaded once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .catalog import CIFAR10, FASHION_MNIST, IN_THE_PACKAGE, MNIST, DataSet
from .idx import problem, read_idx
from .pictures import ImageRecipe, as_rows
from .places import located
from .split import Pair, Split

CLASSES = 10  # of each of these sets
NUMBERS = tuple("0123456789")
CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
THINGS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

Folder = str | os.PathLike[str] | None


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
    images = read_idx(IN_THE_PACKAGE / "digits-images-idx3-ubyte.gz")[
        :, None
    ]  # (1797, 1, 8, 8), 0 to 16
    labels = read_idx(IN_THE_PACKAGE / "digits-labels-idx1-ubyte.gz")  # (1797,)
    train, test = split_digits(labels)
    return Split(
        prepare(images[train], labels[train], 16, flatten, one_hot),
        prepare(images[test], labels[test], 16, flatten, one_hot),
        ImageRecipe(NUMBERS, (8, 8), grey=True, flatten=flatten, ink=True),
    )


def mnist(
    folder: Folder = None, *, flatten: bool = True, one_hot: bool = False, download: bool = True
) -> Split:
    """MNIST: 60,000 handwritten digits to learn from, 10,000 to be judged by.

    folder     where the four files are, compressed (`.gz`) or not, spelled
               `train-images-idx3-ubyte` or `train-images.idx3-ubyte`; None: in
               `$LAYERWISE_DATA/mnist`, in `$LAYERWISE_DATA`, or in the cache, into which they are
               downloaded once (`$LAYERWISE_CACHE`, or the user's folder for such things)
    flatten    True (default): one row of 784 pixels per image; False: channel, height, width
    one_hot    False (default): t holds the classes 0 to 9; True: rows with a 1 at the class
    download   False: do not use the network

    shapes     x (60000, 784) and (10000, 784), or (N, 1, 28, 28); float32, 0 (paper) to 1 (ink)
               t (60000,) and (10000,) int64, or (N, 10) float32
    errors     DataError, if a file is missing or damaged, images and labels do not fit, or a
               download is not what it should be
    source     Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist/

    >>> import layerwise as lw
    >>> (x_train, t_train), (x_test, t_test) = lw.data.mnist()  # doctest: +SKIP
    >>> x_train.shape, x_test.shape  # doctest: +SKIP
    ((60000, 784), (10000, 784))
    >>> t_train[:5]  # doctest: +SKIP
    array([5, 0, 4, 1, 9])
    """
    return from_idx(MNIST, NUMBERS, folder, flatten, one_hot, download)


def fashion_mnist(
    folder: Folder = None, *, flatten: bool = True, one_hot: bool = False, download: bool = True
) -> Split:
    """Fashion-MNIST: photographs of clothes and shoes, as many and as large as MNIST's digits.

    Arguments and shapes are those of `mnist`. The files are called the same, too, so that they are
    looked for in `$LAYERWISE_DATA/fashion_mnist` and the cache, and not in `$LAYERWISE_DATA`.
    The classes are T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag and
    Ankle boot.

    errors   DataError, as for `mnist`
    source   H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking
             Machine Learning Algorithms, 2017, https://github.com/zalandoresearch/fashion-mnist

    >>> import layerwise as lw
    >>> lw.data.fashion_mnist().classes[:3]  # doctest: +SKIP
    ('T-shirt/top', 'Trouser', 'Pullover')
    """
    return from_idx(FASHION_MNIST, CLOTHES, folder, flatten, one_hot, download)


def cifar10(
    folder: Folder = None, *, flatten: bool = False, one_hot: bool = False, download: bool = True
) -> Split:
    """CIFAR-10: 60,000 small photographs in colour, of animals and vehicles.

    folder     where `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` are, or the
               archive `cifar-10-binary.tar.gz`; None: in `$LAYERWISE_DATA/cifar10`,
               `$LAYERWISE_DATA` or the cache, into which the archive is downloaded once (170 MB)
    flatten    False (default): channel, height, width; True: one row of 3072 numbers per image
    one_hot    False (default): t holds the classes 0 to 9; True: rows with a 1 at the class
    download   False: do not use the network

    shapes     x (50000, 3, 32, 32) and (10000, 3, 32, 32), or (N, 3072); float32, 0 to 1
               t (50000,) and (10000,) int64, or (N, 10) float32
    errors     DataError, if a file is missing or damaged
    source     A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009,
               https://www.cs.toronto.edu/~kriz/cifar.html

    >>> import layerwise as lw
    >>> lw.data.cifar10().train[0].shape  # doctest: +SKIP
    (50000, 3, 32, 32)
    """
    from .cifar import read_cifar  # tarfile is needed seldom

    train, test = read_cifar(located(CIFAR10, folder, download))
    return Split(
        prepare(*train, 255, flatten, one_hot),
        prepare(*test, 255, flatten, one_hot),
        ImageRecipe(THINGS, (32, 32), flatten=flatten),
    )


def from_idx(
    data_set: DataSet,
    classes: tuple[str, ...],
    folder: Folder,
    flatten: bool,
    one_hot: bool,
    download: bool,
) -> Split:
    """What MNIST and the sets made after it have in common."""
    paths = located(data_set, folder, download)
    return Split(
        prepare(*read_pair(data_set, *paths[:2]), 255, flatten, one_hot),
        prepare(*read_pair(data_set, *paths[2:]), 255, flatten, one_hot),
        ImageRecipe(classes, (28, 28), grey=True, flatten=flatten, ink=True),
    )


def prepare(
    images: NDArray[Any], labels: NDArray[Any], brightest: int, flatten: bool, one_hot: bool
) -> Pair:
    """What a network takes, from what the files hold; `brightest` is the pixel that becomes 1."""
    x: NDArray[np.float32] = np.divide(images, brightest, dtype=np.float32)
    if flatten:
        x = as_rows(x)
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


def read_pair(
    data_set: DataSet, images_path: Path, labels_path: Path
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The images (N, 1, 28, 28) and the labels (N,) of one part, both uint8, once they fit."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    advice = f"Get {data_set.title}'s four files again; read_idx() reads other sets."
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        expected = "images of shape (N, 28, 28) and type uint8"
        raise problem(images_path, expected, f"{images.shape} {images.dtype}", advice)
    if labels.dtype != np.uint8 or labels.shape != (len(images),):
        expected = f"one uint8 label for each of the {len(images)} images"
        raise problem(labels_path, expected, f"{labels.shape} {labels.dtype}", advice)
    if labels.max(initial=0) >= CLASSES:
        raise problem(labels_path, "labels from 0 to 9", f"{labels.max()}", advice)
    return images[:, None], labels  # (N, 28, 28) -> (N, 1, 28, 28)
