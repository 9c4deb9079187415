"""Changes of batches: images moved, cut, turned; rows mixed and normalised."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw
from layerwise.data import (
    Batches,
    Crop,
    Cutout,
    DataError,
    Flip,
    Mixup,
    Noise,
    Normalize,
    Rotate,
    Shift,
)

SHAPE = (3, 5, 6)
IMAGES = np.arange(1.0, 1 + 200 * 90).reshape(200, *SHAPE)
ON_IMAGES = [
    lambda **options: Shift(2, **options),
    lambda **options: Crop((5, 6), padding=1, **options),
    lambda **options: Flip(**options),
    lambda **options: Cutout(3, **options),
    lambda **options: Rotate(30, 0.2, **options),
]


def change(how, x, seed=0, t=None):
    return how(x, t, np.random.default_rng(seed))[0]


def moved(image, di, dj):
    """An image moved down and to the right, pixel by pixel."""
    out = np.zeros_like(image)
    height, width = image.shape[1:]
    for i in range(height):
        for j in range(width):
            if 0 <= i - di < height and 0 <= j - dj < width:
                out[:, i, j] = image[:, i - di, j - dj]
    return out


def test_shift_moves_each_image_by_a_way_of_its_own():
    out = change(Shift(1), IMAGES)
    ways = {}
    for image, new in zip(IMAGES, out):
        for way in np.ndindex(3, 3):
            if np.array_equal(new, moved(image, way[0] - 1, way[1] - 1)):
                ways[way] = ways.get(way, 0) + 1
    assert sum(ways.values()) == len(IMAGES)
    assert len(ways) == 9 and min(ways.values()) > 8


def test_crop_gives_a_window_of_each_image():
    out = change(Crop((2, 3)), IMAGES)
    assert out.shape == (200, 3, 2, 3)
    corners = [np.argwhere(image[0] == new[0, 0, 0])[0] for image, new in zip(IMAGES, out)]
    for image, new, (i, j) in zip(IMAGES, out, corners):
        np.testing.assert_array_equal(new, image[:, i : i + 2, j : j + 3])
    assert {tuple(c.tolist()) for c in corners} == {(i, j) for i in range(4) for j in range(4)}


def test_a_crop_of_the_whole_with_padding_is_a_shift():
    whole = change(Crop((5, 6), padding=2, fill=9), IMAGES, seed=3)
    np.testing.assert_array_equal(whole, change(Shift(2, fill=9), IMAGES, seed=3))
    assert (change(Crop(3), IMAGES)).shape == (200, 3, 3, 3)


@pytest.mark.parametrize("axis", [-1, -2])
def test_flip_turns_some_over(axis):
    out = change(Flip(0.3, axis=axis), IMAGES)
    turned = [np.array_equal(new, np.flip(image, axis)) for image, new in zip(IMAGES, out)]
    left = [np.array_equal(new, image) for image, new in zip(IMAGES, out)]
    assert all(a != b for a, b in zip(turned, left)) and 40 < sum(turned) < 80
    np.testing.assert_array_equal(change(Flip(1.0, axis=axis), IMAGES), np.flip(IMAGES, axis))
    np.testing.assert_array_equal(change(Flip(0.0), IMAGES), IMAGES)


def test_cutout_covers_a_square_that_may_reach_out_of_the_image():
    out = change(Cutout(3, fill=-1), IMAGES)
    sizes = set()
    for image, new in zip(IMAGES, out):
        covered = new == -1
        assert (covered == covered[0]).all()  # the same place in all channels
        np.testing.assert_array_equal(new[~covered], image[~covered])
        i, j = np.nonzero(covered[0])
        assert covered[0][i.min() : i.max() + 1, j.min() : j.max() + 1].all()
        sizes.add((int(np.ptp(i)) + 1, int(np.ptp(j)) + 1))
    assert sizes == {(i, j) for i in (2, 3) for j in (2, 3)}


class Fixed:
    """A generator that always draws the largest number."""

    def uniform(self, low, high, count):
        return np.full(count, float(high))


def test_rotate_by_a_right_angle_moves_pixels():
    x = np.random.default_rng(0).random((4, 2, 7, 7))
    np.testing.assert_allclose(
        Rotate(90)(x, None, Fixed())[0], np.rot90(x, -1, axes=(2, 3)), atol=1e-12
    )
    np.testing.assert_allclose(Rotate(180)(x, None, Fixed())[0], x[..., ::-1, ::-1], atol=1e-12)
    np.testing.assert_allclose(change(Rotate(0), x), x, atol=1e-12)


def test_rotate_zooms_between_the_pixels():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = 1
    out = Rotate(0, zoom=1)(x, None, Fixed())[0][0, 0]  # twice as large
    side = np.array([0, 0.5, 1, 0.5, 0])
    np.testing.assert_allclose(out, side[:, None] * side, atol=1e-12)
    full = Rotate(45, fill=7)(np.zeros((1, 1, 7, 7)), None, Fixed())[0][0, 0]
    assert full[0, 0] == full[6, 6] == 7 and full[3, 3] == 0


def test_rotate_is_what_its_definition_says():
    x = np.random.default_rng(1).random((3, 2, 4, 6))
    out = change(Rotate(40, zoom=0.3, fill=0.5), x, seed=8)
    rng = np.random.default_rng(8)
    angles, zooms = rng.uniform(-40, 40, 3) * np.pi / 180, 1.3 ** rng.uniform(-1, 1, 3)

    def pixel(n, c, i, j):
        return x[n, c, i, j] if 0 <= i < 4 and 0 <= j < 6 else 0.5

    for n, c, i, j in np.ndindex(x.shape):
        sin, cos, di, dj = np.sin(angles[n]), np.cos(angles[n]), i - 1.5, j - 2.5
        si = (cos * di - sin * dj) / zooms[n] + 1.5
        sj = (sin * di + cos * dj) / zooms[n] + 2.5
        i0, j0 = int(np.floor(si)), int(np.floor(sj))
        a, b = si - i0, sj - j0
        expected = (1 - a) * ((1 - b) * pixel(n, c, i0, j0) + b * pixel(n, c, i0, j0 + 1)) + a * (
            (1 - b) * pixel(n, c, i0 + 1, j0) + b * pixel(n, c, i0 + 1, j0 + 1)
        )
        assert out[n, c, i, j] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("how", "dtype"),
    [(how, "float32") for how in ON_IMAGES]
    + [(how, "float64") for how in ON_IMAGES]
    + [(how, "uint8") for how in ON_IMAGES[:4]],  # Rotate takes floats alone
)
def test_images_keep_their_dtype_and_their_memory(how, dtype):
    x = (IMAGES % 200).astype(dtype)
    x.flags.writeable = False
    out = change(how(), x)
    assert out.dtype == dtype and out.shape == x.shape
    assert not np.shares_memory(out, x) and out.flags.writeable
    assert change(how(), x[:0]).shape == (0, *SHAPE)


@pytest.mark.parametrize("how", ON_IMAGES)
def test_images_in_rows(how):
    rows = change(how(shape=SHAPE), IMAGES.reshape(200, -1), seed=4)
    np.testing.assert_array_equal(rows, change(how(), IMAGES, seed=4).reshape(200, -1))


def test_noise_has_its_deviation():
    x = np.zeros((300, 20), "float32")
    out = change(Noise(0.5), x)
    assert out.dtype == np.float32 and abs(out.mean()) < 0.02 and abs(out.std() - 0.5) < 0.02
    np.testing.assert_array_equal(change(Noise(0), x), x)


def test_mixup_mixes_rows_and_targets_alike():
    x = np.eye(50, dtype="float32")
    t = np.arange(50) % 3
    new_x, new_t = Mixup(1.0, classes=3)(x, t, np.random.default_rng(0))
    np.testing.assert_allclose(new_t, new_x @ np.eye(3)[t], rtol=1e-6)
    np.testing.assert_allclose(new_x.sum(axis=1), 1, rtol=1e-6)
    assert len(np.unique(np.diag(new_x))) <= 2 and new_t.dtype == np.float32  # one part for all
    given = np.eye(3)[t]
    np.testing.assert_allclose(Mixup(1.0)(x, given, np.random.default_rng(0))[1], new_t, rtol=1e-6)
    assert given.sum() == 50  # as it was


def test_a_network_learns_from_changed_images():
    (x, t), (x_test, t_test) = lw.data.digits(flatten=False)
    batches = Batches(x, t, 50, augment=[Shift(1), Noise(0.05), Mixup(0.2, classes=10)], prefetch=2)
    net = lw.Sequential(lw.Flatten(), lw.Affine(64, 200), lw.ReLU(), lw.Affine(200, 10), seed=0)
    loss, optimizer = lw.SoftmaxCrossEntropy(), lw.Adam(lr=3e-3)
    for _ in range(20):
        for batch in batches:
            loss.forward(net.forward(batch.x), batch.t)
            net.backward(loss.backward()[0])
            optimizer.step(net.parameters())
    assert lw.accuracy(net, x_test, t_test) > 0.9


# normalising -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2500, 4), (1001, 3, 2, 5)])
def test_normalised_data_has_mean_0_and_deviation_1(shape):
    x = np.random.default_rng(0).normal(5, 3, shape).astype("float32")
    normalize = Normalize.of(x)
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(normalize.mean, x.mean(axis=axes, dtype=float), rtol=1e-12)
    np.testing.assert_allclose(normalize.std, x.std(axis=axes, dtype=float), rtol=1e-7)
    out = normalize.apply(x)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.mean(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(axis=axes), 1, atol=1e-5)
    np.testing.assert_array_equal(normalize(x[:7], None)[0], out[:7])


def test_normalize_takes_pixels_and_numbers_for_all_channels():
    x = np.full((2, 3, 1, 1), 255, "uint8")
    out = Normalize(127.5, 127.5).apply(x)
    assert out.dtype == np.float32 and (out == 1).all()
    assert Normalize([0, 0, 255], [1, 5, 1]).apply(x)[0, :, 0, 0].tolist() == [255, 51, 0]


def test_what_is_constant_becomes_0():
    x = np.full((1500, 2), 0.1)
    x[0, 1] = 0.2
    out = Normalize.of(x).apply(x)
    assert abs(out[:, 0]).max() < 1e-12 and out[0, 1] > 30


def test_statistics_are_read_from_the_disk_piece_by_piece(tmp_path):
    x = np.random.default_rng(0).random((2100, 3))
    np.save(tmp_path / "x.npy", x)
    normalize = Normalize.of(np.load(tmp_path / "x.npy", mmap_mode="r"))
    np.testing.assert_allclose(normalize.std, x.std(axis=0), rtol=1e-12)


# errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (lambda: Shift(-1), "Shift(pixels=-1): give a whole number, 0 or more."),
        (lambda: Shift(1, shape=(28, 28)), "Shift(shape=(28, 28)): give (C, H, W)."),
        (lambda: Crop(1.5), "Crop(size=1.5): give a whole number, or (height, width)."),
        (lambda: Crop(3, padding=-2), "Crop(padding=-2): give a whole number, 0 or more."),
        (lambda: Flip(1.5), "Flip(p=1.5): a probability is from 0 to 1."),
        (lambda: Flip(axis=1), "Flip(axis=1): give -1 for left and right, -2 for up and down."),
        (lambda: Cutout(0), "Cutout(size=0): give a whole number, 1 or more."),
        (
            lambda: Rotate(-5),
            "Rotate(degrees=-5, zoom=0.0): give degrees from 0 to 180, and a zoom of 0 or more.",
        ),
        (lambda: Noise(-1), "Noise(std=-1): a standard deviation is 0 or more."),
        (lambda: Mixup(0), "Mixup(alpha=0): give a number above 0."),
        (lambda: Mixup(classes=1), "Mixup(classes=1): give a whole number, 2 or more."),
        (
            lambda: change(Shift(1), np.zeros((2, 784))),
            "Shift expects images (N, C, H, W), but got (2, 784) float64. Where they are in rows, "
            "say what each is: Shift(..., shape=(1, 28, 28)).",
        ),
        (
            lambda: change(Flip(), (np.zeros((2, 3)), np.zeros(2))),
            "Flip expects images (N, C, H, W), but got ((2, 3) float64, (2,) float64). Where they "
            "are in rows, say what each is: Flip(..., shape=(1, 28, 28)).",
        ),
        (
            lambda: change(Flip(shape=(1, 28, 28)), np.zeros((2, 64))),
            "Flip(..., shape=(1, 28, 28)) expects rows of 784 numbers, but got (2, 64) float64.",
        ),
        (
            lambda: change(Crop(10), IMAGES),
            "Crop(size=(10, 10)) expects images of at least this size, but with their padding they "
            "are (5, 6). Give a smaller size, or more padding.",
        ),
        (
            lambda: change(Noise(1), np.zeros(3, "uint8")),
            "Noise expects one array of floats, but got (3,) uint8. Pixels become floats by "
            "Normalize, or by x / np.float32(255).",
        ),
        (
            lambda: change(Mixup(), np.zeros(3), t=np.zeros(3, "int64")),
            "Mixup mixes floats, but t is (3,) int64. Where t holds class numbers, say how many "
            "classes there are: Mixup(classes=10).",
        ),
        (
            lambda: change(Mixup(classes=3), np.zeros(3), t=np.array([0, 3, 1])),
            "Mixup(classes=3) got the class number 3.",
        ),
        (
            lambda: change(Mixup(classes=3), np.zeros(3), t=np.array([0, -1, 1])),
            "Mixup(classes=3) got the class number -1.",
        ),
        (
            lambda: change(Mixup(classes=3), np.zeros(3), t=np.zeros((3, 3), "float32")),
            "Mixup(classes=...) expects class numbers (N,), but got (3, 3) float32.",
        ),
        (
            lambda: Normalize([1, 2], [1]),
            "Normalize expects a mean and a std for each channel, but got [1, 2] and [1].",
        ),
        (lambda: Normalize(0, 0), "Normalize expects finite numbers, and each std above 0."),
        (lambda: Normalize(np.nan, 1), "Normalize expects finite numbers, and each std above 0."),
        (
            lambda: Normalize.of(np.zeros(3)),
            "Normalize.of expects (N, D) or (N, C, H, W), but got (3,) float64.",
        ),
        (
            lambda: Normalize([1, 2], [1, 2]).apply(np.zeros((5, 3))),
            "Normalize knows 2 channels or columns, but got (5, 3) float64.",
        ),
    ],
)
def test_what_is_wrong_is_said(run, text):
    assert text_of(DataError, run) == text


def test_changes_say_what_they_are():
    assert repr(Crop(32, padding=4)) == "Crop(size=(32, 32), padding=4, fill=0.0)"
    assert repr(Flip(shape=(1, 8, 8))) == "Flip(shape=(1, 8, 8), p=0.5, axis=-1)"
    assert repr(Noise(0.1)) == "Noise(std=0.1)" and "classes=10" in repr(Mixup(classes=10))
