"""The list of data sets: what each holds, of which files it is made, where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..tables import Text, table

# Sizes and checksums of files are the publishers'; where they published MD5 alone, the SHA-256 is
# the one with which TensorFlow Datasets checks the same address.

IN_THE_PACKAGE = Path(__file__).parent / "files"


class File(NamedTuple):
    """A file of a data set, as it is published."""

    name: str
    size: int  # bytes
    sha256: str


class DataSet(NamedTuple):
    """What there is to know of a data set before it is read.

    name        of the function, `lw.data.NAME()`, and of the folder with its files
    title       as people call it
    about       what it holds, in one line
    train       how many rows there are to learn from
    test        how many are held out
    shape       of an input
    source      who made it, and where
    files       as they are published; () where they come with the library
    addresses   where they are downloaded from, in this order
    layouts     what may lie in a folder: ways to have the files, each file with its spellings
    own_names   False: another set's files have the same names, so that only a folder of the set's
                name tells them apart
    """

    name: str
    title: str
    about: str
    train: int
    test: int
    shape: tuple[int, int, int]
    source: str
    files: tuple[File, ...] = ()
    addresses: tuple[str, ...] = ()
    layouts: tuple[tuple[tuple[str, ...], ...], ...] = ()
    own_names: bool = True

    @property
    def size(self) -> int:
        """The size of all files in bytes, as they are downloaded; 0: they are in the package."""
        return sum(file.size for file in self.files)

    @property
    def found(self) -> Path | None:
        """The folder on this machine with all files; None: they would have to be downloaded."""
        from .places import found_in, places  # which look at this list

        if not self.files:
            return IN_THE_PACKAGE
        there = [place for place in places(self) if found_in(self, place)]
        return there[0] if there else None


class DataSets(list[DataSet]):
    """Data sets, shown as a table."""

    def __repr__(self) -> str:
        head = ["name", "train", "test", "input", "what it holds", "files"]
        rows = [
            [
                one.name,
                f"{one.train:,}",
                f"{one.test:,}",
                " x ".join(map(str, one.shape)),
                one.about,
                f"{one.size / 1e6:.0f} MB" if one.size else "in the package",
            ]
            for one in self
        ]
        return Text(table(head, rows))


def sets() -> DataSets:
    """The data sets that this library knows by name.

    >>> [one.name for one in sets()]
    ['digits', 'mnist', 'fashion_mnist', 'cifar10']
    >>> sets()
    name            train    test  input        what it holds                       files
    -------------  ------  ------  -----------  ----------------------------------  --------------
    digits          1,437     360  1 x 8 x 8    handwritten digits, small           in the package
    mnist          60,000  10,000  1 x 28 x 28  handwritten digits                  12 MB
    fashion_mnist  60,000  10,000  1 x 28 x 28  clothes, shoes and bags, 10 kinds   31 MB
    cifar10        50,000  10,000  3 x 32 x 32  photographs: animals, cars, planes  170 MB
    """
    return DataSets([DIGITS, MNIST, FASHION_MNIST, CIFAR10])


IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def spellings(name: str) -> tuple[str, ...]:
    """How an IDX file may be called.

    >>> spellings("t10k-labels-idx1-ubyte")[1:3]
    ('t10k-labels-idx1-ubyte.gz', 't10k-labels.idx1-ubyte')
    """
    dotted = name.replace("-idx", ".idx")
    return (name, f"{name}.gz", dotted, f"{dotted}.gz")


def idx_files(*published: tuple[int, str]) -> tuple[File, ...]:
    return tuple(File(f"{name}.gz", *one) for name, one in zip(IDX_NAMES, published))


DIGITS = DataSet(
    "digits",
    "Digits",
    "handwritten digits, small",
    1437,
    360,
    (1, 8, 8),
    "E. Alpaydin and C. Kaynak, https://doi.org/10.24432/C50P49, CC BY 4.0",
)

MNIST = DataSet(
    "mnist",
    "MNIST",
    "handwritten digits",
    60_000,
    10_000,
    (1, 28, 28),
    "Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist/",
    idx_files(
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    (tuple(map(spellings, IDX_NAMES)),),
)

FASHION_MNIST = DataSet(
    "fashion_mnist",
    "Fashion-MNIST",
    "clothes, shoes and bags, 10 kinds",
    60_000,
    10_000,
    (1, 28, 28),
    "H. Xiao, K. Rasul, R. Vollgraf, https://github.com/zalandoresearch/fashion-mnist, MIT",
    idx_files(
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    (tuple(map(spellings, IDX_NAMES)),),
    own_names=False,  # they are MNIST's
)

CIFAR10_ARCHIVE = "cifar-10-binary.tar.gz"
CIFAR10_NAMES = (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")

CIFAR10 = DataSet(
    "cifar10",
    "CIFAR-10",
    "photographs: animals, cars, planes",
    50_000,
    10_000,
    (3, 32, 32),
    "A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html",
    (
        File(
            CIFAR10_ARCHIVE,
            170052171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    ("https://www.cs.toronto.edu/~kriz/",),
    (
        tuple((name, f"cifar-10-batches-bin/{name}") for name in CIFAR10_NAMES),
        ((CIFAR10_ARCHIVE,),),
    ),
)
