"""Images in folders, and one image as an input."""

from __future__ import annotations

import io
import random
import zlib

import numpy as np
import pytest
from helpers import text_of
from PIL import Image

from layerwise import data
from layerwise.data import DataError, ImageRecipe


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, "uint8")).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Ten red, five blue and five grey images of 4 x 6 pixels, each a little different."""
    for name, colour, count in (("red", 0, 10), ("blue", 2, 5)):
        for n in range(count):
            pixels = np.zeros((4, 6, 3))
            pixels[..., colour] = 200 + n
            save(tmp_path / name / f"{n}.png", pixels)
    for n in range(5):
        save(tmp_path / "grey" / f"{n}.PNG", np.full((4, 6), 100 + n))
    return tmp_path


def test_a_folder_of_class_folders(folder):
    (folder / "notes.txt").write_text("not a folder")
    (folder / "red" / "notes.txt").write_text("no image")
    (folder / ".hidden").mkdir()
    (folder / "red" / ".0.png").write_bytes(b"hidden")
    split = data.images(folder, held_out=0.2)
    (x, t), (x_test, t_test) = split
    assert split.classes == ("blue", "grey", "red")
    assert x.shape == (16, 3, 4, 6) and x.dtype == np.float32 and t.dtype == np.int64
    assert np.bincount(t).tolist() == [4, 4, 8] and np.bincount(t_test).tolist() == [1, 1, 2]
    for images, labels in split:
        reds = images[labels == 2]
        assert (reds[:, 0] >= np.float32(200 / 255)).all() and (reds[:, 1:] == 0).all()
        assert (images[labels == 1] == images[labels == 1][:, :1]).all()
    both = np.concatenate([x[t == 2], x_test[t_test == 2]])[:, 0, 0, 0]
    np.testing.assert_allclose(np.sort(both), np.arange(200, 210) / 255, rtol=1e-6)
    again = data.images(folder, held_out=0.2)
    np.testing.assert_array_equal(again.train[0], x)
    assert repr(split.recipe) == "ImageRecipe((3, 4, 6), 3 classes)"


def test_images_in_grey_in_rows_and_as_ink(folder):
    (x, t), _ = data.images(folder, grey=True, flatten=True, ink=True, held_out=0)
    assert x.shape == (20, 24)
    np.testing.assert_allclose(
        np.sort(x[t == 1][:, 0]), 1 - np.arange(104, 99, -1) / 255, rtol=1e-6
    )


def test_numbers_in_names_count_as_numbers(tmp_path):
    for n in (10, 9, 1):
        save(tmp_path / "a" / f"{n}.png", np.full((1, 1), n))
        save(tmp_path / "b" / f"x{n}y.png", np.full((1, 1), 100 + n))
    files = [path.name for path in data.pictures.image_files(tmp_path / "b")]
    assert files == ["x1y.png", "x9y.png", "x10y.png"]


def test_one_size_for_all(folder):
    save(folder / "red" / "0.png", np.full((5, 6, 3), 7))
    assert text_of(DataError, lambda: data.images(folder)) == (
        f"{folder / 'red' / '0.png'}: the first image is 6 pixels wide and 4 high, but this one 6 "
        "and 5. Give size=(4, 6), and all will be scaled to that."
    )
    assert data.images(folder, size=8, held_out=0).train[0].shape == (20, 3, 8, 8)
    assert data.images(folder, size=(2, 3), held_out=0).train[0].shape == (20, 3, 2, 3)


def test_an_image_is_scaled_until_it_covers_and_cut_at_both_sides(tmp_path):
    wide = np.zeros((4, 12))
    wide[:, 4:8] = 255  # the middle third
    recipe = ImageRecipe(size=(4, 4), grey=True)
    assert (recipe.read(save(tmp_path / "a.png", wide)) == 1).all()
    assert recipe.read(save(tmp_path / "b.png", np.full((40, 40), 51))).tolist() == [
        [np.full((4, 4), np.float32(0.2)).tolist()]
    ]


# kinds of images ---------------------------------------------------------------------------------


def read(path, **options):
    return ImageRecipe(**{"size": (2, 2), **options}).read(path)[0]


def test_jpeg_turned_by_the_camera(tmp_path):
    pixels = np.zeros((16, 8))
    pixels[:8] = 255  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right: then the right half is
    path = save(tmp_path / "a.jpg", pixels, exif=exif, quality=100)
    x = read(path, size=(8, 16), grey=True)[0]
    assert (x[:, :7] < 0.1).all() and (x[:, 9:] > 0.9).all()
    assert data.pictures.size_of(path) == (8, 16)


def test_what_is_transparent_becomes_white(tmp_path):
    pixels = np.zeros((2, 2, 4))
    pixels[0, 0, 3] = 255  # one black pixel
    x = read(save(tmp_path / "a.png", pixels))
    assert (x[:, 0, 0] == 0).all() and x.sum() == 9
    image = Image.fromarray(np.array([[0, 1], [1, 1]], "uint8")).convert("P")
    image.save(tmp_path / "b.png", transparency=1)
    assert read(tmp_path / "b.png", grey=True)[0].tolist() == [[0, 1], [1, 1]]


def test_16_bits_and_palettes_and_black_and_white(tmp_path):
    Image.fromarray(np.array([[0, 65535], [32896, 257]], "uint16")).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png", grey=True)[0] * 255).tolist() == [[0, 255], [128, 1]]
    Image.fromarray(np.array([[True, False]] * 2)).save(tmp_path / "b.png")
    assert read(tmp_path / "b.png")[:, 0].tolist() == [[1, 0]] * 3


# what is wrong -----------------------------------------------------------------------------------


def test_a_damaged_file_is_named(folder):
    path = folder / "blue" / "3.png"
    whole = path.read_bytes()
    for content in (b"", b"no image at all", whole[:40], whole[:50], b"GIF89a"):
        path.write_bytes(content)
        text = text_of(DataError, lambda: data.images(folder))
        assert text.startswith(f"{path}: ") and "\n" not in text
    recipe = ImageRecipe(size=2)
    assert text_of(DataError, lambda: recipe.read(folder / "none.png")) == (
        f"{folder / 'none.png'}: there is no such file. Check the name."
    )
    assert str(folder) in text_of(DataError, lambda: recipe.read(folder))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_flipped_bytes_are_read_or_refused(tmp_path, kind):
    rng, packed = random.Random(0), io.BytesIO()
    Image.fromarray(np.arange(192, dtype="uint8").reshape(8, 8, 3)).save(packed, kind)
    path, recipe = tmp_path / "a", ImageRecipe(size=8)
    for _ in range(500):
        content = bytearray(packed.getvalue())
        for place in rng.sample(range(len(content)), rng.randint(1, 3)):
            content[place] = rng.randrange(256)
        path.write_bytes(content)
        try:
            assert recipe.read(path).shape == (1, 3, 8, 8)
        except DataError as error:
            assert str(error).startswith(f"{path}: ")


def test_an_image_that_would_fill_the_memory(tmp_path):
    path = tmp_path / "a.png"
    packed = io.BytesIO()
    Image.new("L", (1, 1)).save(packed, "PNG")
    head = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + packed.getvalue()[24:29]
    end = zlib.crc32(head).to_bytes(4, "big")
    path.write_bytes(packed.getvalue()[:12] + head + end + packed.getvalue()[33:])
    text = text_of(DataError, lambda: ImageRecipe(size=8).read(path))
    assert "could be decompression bomb" in text and text.endswith("Get it again.")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda f: None, ": it cannot be read: No such file or directory. Give a folder that has"),
        (lambda f: f.mkdir(), ", but there are none."),
        (lambda f: (f / "cats").mkdir(parents=True), ", but there is only 'cats'."),
        (
            lambda f: [(f / n).mkdir(parents=True) for n in "ab"],
            f"there is no image, {', '.join(data.pictures.ENDINGS)}. Give a folder that has",
        ),
        (
            lambda f: [save(f / n / "1.gif", np.zeros((2, 2))) for n in "ab"],
            "1.gif: images are read from PNG and JPEG. Convert it, or move it.",
        ),
    ],
)
def test_folders_that_do_not_fit(tmp_path, make, text):
    make(tmp_path / "pets")
    said = text_of(DataError, lambda: data.images(tmp_path / "pets"))
    assert said.startswith(str(tmp_path / "pets")) and text in said


@pytest.mark.parametrize("size", [0, 2.5, (2,), (2, 0), "8", 10_001])
def test_sizes_that_are_none(folder, size):
    assert text_of(DataError, lambda: data.images(folder, size)) == (
        f"size={size!r}: give a whole number from 1 to 10000, or (height, width)."
    )


def test_the_recipe_of_images_can_be_saved(folder, tmp_path):
    recipe = data.images(folder, size=3, grey=True, flatten=True).recipe
    recipe.save(tmp_path / "recipe.json")
    again = data.read_recipe(tmp_path / "recipe.json")
    assert again.to_dict() == recipe.to_dict() and again.classes == ("blue", "grey", "red")
    path = folder / "red" / "4.png"
    np.testing.assert_array_equal(again.read(path), recipe.read(path))
    assert again.read(path).shape == (1, 9)


def test_the_recipe_of_digits_reads_a_drawing(tmp_path):
    (x, _), _ = data.digits()
    path = save(tmp_path / "drawn.png", np.round(255 - x[0].reshape(8, 8) * 255))
    np.testing.assert_allclose(data.digits().recipe.read(path), x[:1], atol=0.002)
