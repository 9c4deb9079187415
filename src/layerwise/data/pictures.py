"""Images in folders, and how one image becomes an input."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, show_shape
from ..files import as_path
from ..layers.sizes import is_whole
from .recipe import Recipe
from .split import Split, split_rows

ENDINGS = (".png", ".jpg", ".jpeg")
OTHERS = (".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif")  # images, but not read
LARGEST = 10_000  # pixels on a side


class ImageRecipe(Recipe):
    """How an image becomes an input of a network.

    classes   the names of the classes
    size      (height, width): an image of another size is scaled until it covers this one, and what
              reaches over is cut off at both sides
    grey      True: one channel; False: red, green and blue
    flatten   True: a row of numbers; False: channel, height, width
    ink       True: 1 is black and 0 white, as in MNIST; False: 0 is black
    """

    kind = "image"

    def __init__(
        self,
        classes: Any = (),
        size: Any = None,
        grey: bool = False,
        flatten: bool = False,
        ink: bool = False,
    ) -> None:
        super().__init__(classes)
        self.size = checked_size(size)
        if not all(isinstance(option, bool) for option in (grey, flatten, ink)):
            raise DataError("grey, flatten and ink are True or False.")
        self.grey, self.flatten, self.ink = grey, flatten, ink

    def to_dict(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return dict(vars(self))

    def read(self, path: str | os.PathLike[str]) -> NDArray[np.float32]:
        """One image, (1, C, H, W) or (1, C * H * W), from 0 to 1.

        errors   DataError, if the file is missing, damaged, or neither PNG nor JPEG
        """
        return self.finished(read_pixels(as_path(path), self.size, self.grey)[None])

    def finished(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Inputs, from pixels (N, C, H, W) from 0 to 255."""
        x: NDArray[np.float32] = np.divide(pixels, 255, dtype=np.float32)
        if self.ink:
            np.subtract(1, x, out=x)
        return as_rows(x) if self.flatten else x

    def __repr__(self) -> str:
        channels = 1 if self.grey else 3
        return f"ImageRecipe({show_shape((channels, *self.size))}, {len(self.classes)} classes)"


def images(
    folder: str | os.PathLike[str],
    size: int | tuple[int, int] | None = None,
    *,
    grey: bool = False,
    flatten: bool = False,
    ink: bool = False,
    held_out: float = 0.2,
    seed: int = 0,
) -> Split:
    """The images in a folder that has a folder for each class: `cats/1.png`, `dogs/1.jpg`.

    folder     the folder of these folders; their names, sorted, are the classes
    size       height and width, or one number for both: every image is scaled until it covers that,
               and what reaches over is cut off at both sides; None: all have the same size
    grey       True: one channel; False: red, green and blue
    flatten    True: a row of numbers for each image; False: channel, height, width
    ink        True: 1 is black and 0 white, for drawings on paper; False: 0 is black
    held_out   which part of every class is not learned from, from 0 up to below 1
    seed       decides which

    shapes     x (N, C, H, W), float32 from 0 to 1; t (N,) int64
    errors     DataError, if there are no images, sizes differ, or a file is damaged, by its name

    PNG and JPEG are read, by their content; photographs are turned as their camera says, and what
    is transparent becomes white. Other files in the folders are left alone.

    >>> import layerwise as lw
    >>> pets = lw.data.images("pets", size=32)  # doctest: +SKIP
    >>> pets.classes, pets.train[0].shape  # doctest: +SKIP
    (('cats', 'dogs'), (80, 3, 32, 32))
    """
    folder = as_path(folder)
    classes = class_folders(folder)
    paths = [image_files(folder / name) for name in classes]
    labels: NDArray[np.int64] = np.repeat(np.arange(len(classes)), list(map(len, paths)))  # (N,)
    listed = [path for of_class in paths for path in of_class]
    scaled = size is not None
    recipe = ImageRecipe(classes, size if scaled else size_of(listed[0]), grey, flatten, ink)

    pixels: NDArray[np.uint8] = np.empty((len(listed), 1 if grey else 3, *recipe.size), np.uint8)
    for n, path in enumerate(listed):
        pixels[n] = read_pixels(path, recipe.size, grey, scaled)
    train, test = split_rows(len(listed), held_out, seed, labels)
    parts = [(recipe.finished(pixels[rows]), labels[rows]) for rows in (train, test)]
    return Split(parts[0], parts[1], recipe)


def as_rows(x: NDArray[Any]) -> NDArray[Any]:
    """(N, C, H, W) -> (N, C * H * W)"""
    return x.reshape(len(x), math.prod(x.shape[1:]))


# folders -----------------------------------------------------------------------------------------


def class_folders(folder: Path) -> list[str]:
    """The names of the folders inside, sorted."""
    try:
        names = sorted(one.name for one in folder.iterdir() if one.is_dir())
    except OSError as error:
        raise DataError(
            f"{folder}: it cannot be read: {error.strerror or error}. Give a folder that has a "
            "folder of images for each class."
        ) from None
    names = [name for name in names if not name.startswith(".")]
    if len(names) < 2:
        raise DataError(
            f"{folder}: expected a folder of images for each class, such as {folder / 'cats'} and "
            f"{folder / 'dogs'}, but there {'are none' if not names else f'is only {names[0]!r}'}."
        )
    return names


def image_files(folder: Path) -> list[Path]:
    """The images of one class, 2.png before 10.png."""
    paths = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    for path in sorted(paths):
        if path.suffix.lower() in OTHERS:
            raise DataError(f"{path}: images are read from PNG and JPEG. Convert it, or move it.")
    found = [path for path in paths if path.suffix.lower() in ENDINGS]
    if not found:
        raise DataError(
            f"{folder}: there is no image, {', '.join(ENDINGS)}. Give a folder that has "
            "a folder of images for each class."
        )
    return sorted(found, key=natural)


def natural(path: Path) -> list[tuple[int, str]]:
    """Names as people sort them: numbers in them count as numbers.

    >>> sorted([Path("b10"), Path("b9"), Path("a")], key=natural) == [
    ...     Path("a"), Path("b9"), Path("b10")]
    True
    """
    return [(int(part or 0), name) for name, part in re.findall(r"(\D*)(\d*)", path.name)]


# one image ---------------------------------------------------------------------------------------


def read_pixels(path: Path, size: tuple[int, int], grey: bool, scaled: bool = True) -> Any:
    """One image as (C, H, W) uint8, scaled to this size or, else, of this size already."""
    from PIL import Image, ImageOps

    with opened(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits for a pixel
            image = Image.fromarray((np.asarray(image) / 257).astype(np.uint8))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("L" if grey else "RGB")
    height, width = size
    if image.size != (width, height):
        if not scaled:
            raise DataError(
                f"{path}: the first image is {width} pixels wide and {height} high, but this one "
                f"{image.width} and {image.height}. Give size=({height}, {width}), and all will "
                "be scaled to that."
            )
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[None] if grey else pixels.transpose(2, 0, 1)  # (H, W, 3) -> (3, H, W)


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of an image, as it is shown."""
    from PIL import ImageOps

    with opened(path) as image:
        width, height = ImageOps.exif_transpose(image).size
    return height, width


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The image in a file, while one looks at it; what is wrong with it is a DataError."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                image.load()
                yield image
    except Image.UnidentifiedImageError:
        raise DataError(f"{path}: expected a PNG or JPEG image. Is it another kind?") from None
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file. Check the name.") from None
    except DataError:
        raise
    except Exception as error:  # what is in the file may be anything
        said = str(error).rstrip(".") or type(error).__name__
        raise DataError(f"{path}: the image cannot be read: {said}. Get it again.") from None


def checked_size(size: Any) -> tuple[int, int]:
    """Height and width."""
    sizes = (size, size) if is_whole(size) else size
    if (
        not isinstance(sizes, (tuple, list))
        or len(sizes) != 2
        or not all(is_whole(n) and n <= LARGEST for n in sizes)
    ):
        raise DataError(
            f"size={size!r}: give a whole number from 1 to {LARGEST}, or (height, width)."
        )
    return int(sizes[0]), int(sizes[1])
