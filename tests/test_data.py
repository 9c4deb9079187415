"""Reading and writing IDX files, and the two sets of digits."""

import gzip
import os
import random
import stat
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import layerwise.data
from layerwise.data import DataError, Split, digits, mnist, read_idx, write_idx

DTYPES = ("uint8", "int8", "int16", "int32", "float32", "float64")
CODES = dict(zip(DTYPES, (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E), strict=True))
NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
SMALL = np.arange(6, dtype="uint8").reshape(2, 3)
SMALL_BYTES = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5])


def header(code, *lengths):
    return bytes([0, 0, code, len(lengths)]) + b"".join(n.to_bytes(4, "big") for n in lengths)


def error_of(path, content=None):
    """The text of the error that reading gives; every text begins with the file's name."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: expected ")
    return text.removeprefix(f"{path}: ")


# ---------------------------------------------------------------- reading and writing


@pytest.mark.parametrize("name", ["a.idx", "a.idx.gz"])
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read(tmp_path_factory, name, dtype, data):
    shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    array = data.draw(hnp.arrays(dtype, shapes))
    path = tmp_path_factory.getbasetemp() / name
    write_idx(path, array)
    back = read_idx(path)
    assert back.dtype == array.dtype and back.dtype.isnative
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_of_each_type(tmp_path, dtype):
    path = tmp_path / "a"
    write_idx(path, np.array([1, 100], dtype=dtype))
    numbers = np.array([1, 100]).astype(np.dtype(dtype).newbyteorder(">")).tobytes()
    assert path.read_bytes() == header(CODES[dtype], 2) + numbers


@pytest.mark.parametrize("shape", [(), (0,), (0, 5), (3, 0, 2), (1,) * 64])
def test_unusual_shapes(tmp_path, shape):
    write_idx(tmp_path / "a", np.full(shape, 7, "int16"))
    assert read_idx(tmp_path / "a").tolist() == np.full(shape, 7).tolist()


@pytest.mark.parametrize(
    "array", [SMALL.T, SMALL[:, ::-1], SMALL.astype(">i4"), SMALL.astype("<i4"), [[0.5, 1]], 2.5]
)
def test_any_layout_in_memory_is_written(tmp_path, array):
    write_idx(tmp_path / "a", array)
    assert read_idx(tmp_path / "a").tolist() == np.asarray(array).tolist()


def test_content_decides_whether_a_file_is_compressed(tmp_path):
    write_idx(tmp_path / "packed.gz", SMALL)
    assert (tmp_path / "packed.gz").read_bytes()[:2] == b"\x1f\x8b"
    (tmp_path / "packed.gz").rename(tmp_path / "packed")
    (tmp_path / "plain.gz").write_bytes(SMALL_BYTES)
    assert read_idx(tmp_path / "packed").tolist() == SMALL.tolist()
    assert read_idx(str(tmp_path / "plain.gz")).tolist() == SMALL.tolist()


def test_gzip_in_several_members_is_one_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(SMALL_BYTES[:7]) + gzip.compress(SMALL_BYTES[7:]))
    assert read_idx(path).tolist() == SMALL.tolist()


def test_compressed_files_are_the_same_every_time(tmp_path):
    write_idx(tmp_path / "a.gz", SMALL)
    write_idx(tmp_path / "b.gz", SMALL)
    content = (tmp_path / "a.gz").read_bytes()
    assert content == (tmp_path / "b.gz").read_bytes()
    assert content[3:8] == bytes(5)  # no flags (so no name), no time


def test_writing_leaves_only_the_file_and_ordinary_permissions(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    write_idx(tmp_path / "a", SMALL)
    write_idx(tmp_path / "a", SMALL + 1)
    assert read_idx(tmp_path / "a").tolist() == (SMALL + 1).tolist()
    assert sorted(os.listdir(tmp_path)) == ["a", "other"]
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "other")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_changes_nothing(tmp_path, monkeypatch, step):
    def full(*_):
        raise OSError(28, "No space left on device")

    write_idx(tmp_path / "a", SMALL)
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write_idx(tmp_path / "a", SMALL + 1)
    assert os.listdir(tmp_path) == ["a"]
    assert read_idx(tmp_path / "a").tolist() == SMALL.tolist()


@pytest.mark.parametrize("dtype", ["int64", "bool", "float16", "complex64", "uint16", "U3"])
def test_types_that_idx_does_not_have(tmp_path, dtype):
    with pytest.raises(DataError) as caught:
        write_idx(tmp_path / "a", np.zeros(2, dtype))
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: expected an array of type uint8, int8, int16, int32, float32 or "
        f"float64, but got {np.dtype(dtype)}. Convert it first, for example with "
        "array.astype('float32')."
    )
    assert os.listdir(tmp_path) == []


def test_an_axis_longer_than_the_header_can_say(tmp_path):
    with pytest.raises(DataError, match="axes of at most 4294967295 numbers, but got the shape"):
        write_idx(tmp_path / "a", np.broadcast_to(np.uint8(0), (2, 2**32)))


def test_writing_where_no_file_can_be(tmp_path):
    with pytest.raises(DataError, match="expected the name of a file, but got a folder"):
        write_idx(tmp_path, SMALL)
    with pytest.raises(DataError, match=r"but got nothing there\. Make the folder first"):
        write_idx(tmp_path / "no" / "a", SMALL)


# ---------------------------------------------------------------- damaged and hostile files


def test_missing_file_and_folder(tmp_path):
    assert error_of(tmp_path / "a") == (
        "expected an IDX file, but got nothing: there is no such file to be found. Check the name."
    )
    assert "no such file" in error_of(tmp_path / ("a" * 300))  # a name that no disk can have
    assert error_of(tmp_path) == "expected an IDX file, but got a folder. Check the name."


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "4 bytes of IDX header, but got 0. Get the whole file: it is cut off."),
        (b"\0\0\x08", "4 bytes of IDX header, but got 3"),
        (b"<!DOCTYPE html>", "begins with the bytes 00 00, but got 3c 21. Is this the right file?"),
        (header(0x0A, 1) + b"\0", "one of the IDX types 08, 09, 0b, 0c, 0d, 0e, but got 0a"),
        (header(0x08, *[1] * 65) + b"\0", "at most 64 axes, but got 65"),
        (header(0x08, 2, 3)[:-1], "8 bytes of IDX header, but got 7"),
        (SMALL_BYTES[:-1], "6 bytes of numbers, but got 5. Get the whole file: it is cut off."),
        (SMALL_BYTES + b"\0", "the file to end after 6 bytes of numbers, but got more. Get the"),
        (header(0x08, 2**31, 2**31), "header that promises the shape (2147483648, 2147483648)"),
        (header(0x0E, *[2**32 - 1] * 64), "header that promises the shape (4294967295, 429496"),
        (header(0x08, 0, *[2**32 - 1] * 3), "header that promises the shape (0, 4294967295"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, pack, content, text):
    assert text in error_of(tmp_path / "a", pack(content))


def test_damaged_gzip(tmp_path):
    packed = gzip.compress(SMALL_BYTES, mtime=0)
    wrong_sum = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    for content in (packed[:-1], wrong_sum, packed[:10] + b"\xff" + packed[11:], packed + b"x"):
        text = error_of(tmp_path / "a", content)
        assert text.startswith("expected whole gzip data, but got damaged data (")
        assert text.endswith("). Get the file again.")


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a").write_bytes(SMALL_BYTES)
    monkeypatch.setattr("layerwise.data.idx.open_idx", refuse)
    assert error_of(tmp_path / "a") == (
        "expected a file that can be read, but got the error 'Permission denied'. "
        "Check the permissions and the disk."
    )


def peak_of_reading(path):
    tracemalloc.start()
    try:
        text = error_of(path)
        return text, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_header_cannot_make_the_reader_allocate(tmp_path):
    # 100 kB on the disk could hold 100 MB when packed: the promise is possible, but not kept.
    (tmp_path / "a").write_bytes(header(0x08, 100_000_000) + os.urandom(100_000))
    text, peak = peak_of_reading(tmp_path / "a")
    assert "100000000 bytes of numbers, but got 100000." in text
    assert peak < 4e6


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "a").write_bytes(gzip.compress(header(0x08, 10) + bytes(200_000_000), 9))
    text, peak = peak_of_reading(tmp_path / "a")
    assert "the file to end after 10 bytes of numbers, but got more" in text
    assert peak < 4e6


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_truncation_is_an_error(tmp_path, pack):
    whole = pack(SMALL_BYTES)
    for length in range(len(whole)):
        error_of(tmp_path / "a", whole[:length])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_flipped_bytes_are_read_or_refused(tmp_path, pack):
    rng = random.Random(0)
    path, whole = tmp_path / "a", pack(SMALL_BYTES)
    for _ in range(1000):
        content = bytearray(whole)
        for place in rng.sample(range(len(content)), rng.randint(1, 3)):
            content[place] ^= rng.randint(1, 255)
        path.write_bytes(content)
        try:
            assert isinstance(read_idx(path), np.ndarray)
        except DataError as error:
            assert str(error).startswith(f"{path}: expected ")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.sampled_from([b"", b"\0\0", b"\0\0\x08\x01", b"\x1f\x8b\x08"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, start):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(start + content)
    try:
        read_idx(path)
    except DataError as error:
        assert str(error).startswith(f"{path}: expected ")


# ---------------------------------------------------------------- digits


def test_digits_shapes_and_ranges():
    split = digits()
    assert isinstance(split, Split)
    assert [x.shape for x, _ in split] == [(1437, 64), (360, 64)]
    assert [t.shape for _, t in split] == [(1437,), (360,)]
    for x, t in split:
        assert x.dtype == np.float32 and t.dtype == np.int64
        assert x.min() == 0 and x.max() == 1
        assert np.array_equal(x * 16, np.round(x * 16))
        assert x.flags.writeable and t.flags.writeable
        assert x.flags.c_contiguous


def test_digits_as_images_and_as_rows_of_one():
    for (x, t), (image, row) in zip(digits(), digits(flatten=False, one_hot=True), strict=True):
        assert image.shape == (len(x), 1, 8, 8) and image.dtype == np.float32
        assert np.array_equal(image.reshape(len(x), 64), x)
        assert row.shape == (len(x), 10) and row.dtype == np.float32
        assert np.array_equal(row.argmax(axis=1), t) and np.all(row.sum(axis=1) == 1)


def places_in_the_source():
    """For the rows of each part, where they stand in the shipped files."""
    files = Path(layerwise.data.__file__).parent / "files"
    images = read_idx(files / "digits-images-idx3-ubyte.gz").reshape(-1, 64)
    labels = read_idx(files / "digits-labels-idx1-ubyte.gz")
    place = {image.tobytes(): n for n, image in enumerate(images)}
    assert len(place) == 1797  # no two images are the same
    for x, t in digits():
        places = np.array([place[image.tobytes()] for image in (x * 16).astype("uint8")])
        assert np.array_equal(labels[places], t)
        yield places


def test_digits_are_the_whole_source_and_no_image_is_in_both_parts():
    train, test = places_in_the_source()
    assert sorted([*train, *test]) == list(range(1797))
    (x_train, t_train), (x_test, t_test) = digits()
    counts = np.bincount(t_train) + np.bincount(t_test)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (x_train.sum() + x_test.sum()) * 16 == 561718


def test_digits_of_all_writers_are_in_both_parts_and_mixed():
    train, test = places_in_the_source()
    block = 1797 / 13  # the images of one writer, about
    held_out = np.bincount((test // block).astype(int)) / block
    assert held_out.min() > 0.17 and held_out.max() < 0.23
    for places in (train, test):
        for start in range(0, len(places) - 99, 100):
            assert len(np.unique(places[start : start + 100] // block)) == 13


def test_digits_classes_are_in_proportion_and_mixed():
    (_, t_train), (_, t_test) = digits()
    assert np.bincount(t_test).tolist() == [36, 36, 36, 36, 37, 36, 36, 36, 35, 36]
    for t in (t_train, t_test):
        for batch in range(0, len(t) - 99, 100):
            assert np.bincount(t[batch : batch + 100], minlength=10).min() >= 3


def test_digits_are_the_same_on_every_machine():
    (x_train, t_train), (x_test, t_test) = digits()
    assert t_train[:20].tolist() == [4, 5, 6, 7, 5, 0, 4, 1, 6, 3, 2, 3, 0, 0, 4, 2, 3, 4, 6, 7]
    assert t_test[:10].tolist() == [0, 2, 9, 9, 2, 1, 6, 9, 7, 4]
    top_rows = [0, 0, 0, 13, 9, 0, 0, 0, 0, 0, 4, 15, 3, 0, 0, 0]
    assert (x_train[0, :16] * 16).tolist() == top_rows
    top_rows = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    assert (x_test[0, :16] * 16).tolist() == top_rows


def test_digits_can_be_learned_by_the_nearest_neighbour():
    (x_train, t_train), (x_test, t_test) = digits()
    far = ((x_test[:, None] - x_train[None]) ** 2).sum(axis=2)  # (360, 1437)
    assert np.mean(t_train[far.argmin(axis=1)] == t_test) > 0.97


def test_each_call_gives_arrays_of_its_own():
    digits().train[0][:] = 7
    assert digits().train[0].max() == 1


# ---------------------------------------------------------------- MNIST


def small_mnist(folder, names=NAMES, ending=""):
    """MNIST's four files with 5 and 3 images."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        count = 5 if "train" in name else 3
        images = np.arange(count * 784).reshape(count, 28, 28) % 256
        labels = 9 - np.arange(count)
        array = images if "images" in name else labels
        write_idx(folder / (name + ending), array.astype("uint8"))
    return folder


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dot", [False, True])
def test_mnist_in_every_spelling(tmp_path, ending, dot):
    names = [name.replace("-idx", ".idx") if dot else name for name in NAMES]
    (x_train, t_train), (x_test, t_test) = mnist(small_mnist(tmp_path, names, ending))
    assert x_train.shape == (5, 784) and x_train.dtype == np.float32
    assert x_test.shape == (3, 784) and t_test.tolist() == [9, 8, 7]
    assert t_train.tolist() == [9, 8, 7, 6, 5] and t_train.dtype == np.int64
    assert x_train[0, :3].tolist() == [0, np.float32(1 / 255), np.float32(2 / 255)]
    assert x_train.max() == 1


def test_mnist_as_images_and_as_rows_of_one(tmp_path):
    (x, t), _ = mnist(str(small_mnist(tmp_path)), flatten=False, one_hot=True)
    assert x.shape == (5, 1, 28, 28)
    assert t.dtype == np.float32
    assert t.tolist() == np.eye(10)[[9, 8, 7, 6, 5]].tolist()


def test_mnist_takes_each_file_once_and_no_folder_for_a_file(tmp_path):
    small_mnist(tmp_path, ending=".gz")
    (tmp_path / "train-images.idx3-ubyte.gz").write_bytes(b"not looked at")
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    assert mnist(tmp_path).train[0].shape == (5, 784)


@pytest.mark.parametrize("inside", ["mnist", "."])
def test_mnist_from_the_environment(tmp_path, monkeypatch, inside):
    small_mnist(tmp_path / inside)
    monkeypatch.setenv("LAYERWISE_DATA", str(tmp_path))
    assert len(mnist().test[1]) == 3


def test_mnist_of_no_images(tmp_path):
    small_mnist(tmp_path)
    for name in NAMES:
        write_idx(tmp_path / name, np.zeros((0, 28, 28) if "images" in name else 0, "uint8"))
    (x, t), _ = mnist(tmp_path, one_hot=True)
    assert x.shape == (0, 784) and t.shape == (0, 10)


def advice(place):
    return (
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
        "t10k-labels-idx1-ubyte, each with or without .gz. "
        "Get them from https://ossci-datasets.s3.amazonaws.com/mnist/ and put them into "
        f"{place}, or give their folder: mnist('folder')."
    )


def not_found(place, folder=None):
    with pytest.raises(DataError) as caught:
        mnist(folder, download=False)
    text, told = str(caught.value).split(". Expected ")
    assert told == advice(place)
    return text


def test_mnist_not_found(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_DATA", str(tmp_path))
    monkeypatch.setenv("LAYERWISE_CACHE", str(tmp_path / "cache"))
    small_mnist(tmp_path / "mnist", NAMES[:2])
    none, two = "(0 of the 4 files are there)", "(2 of the 4 files are there)"
    start, cache = "MNIST's files are not in", tmp_path / "cache" / "mnist"
    assert not_found(cache) == (
        f"{start} {tmp_path / 'mnist'} {two} or {tmp_path} {none} or {cache} {none}"
    )
    elsewhere = tmp_path / "elsewhere"
    assert not_found(elsewhere, elsewhere) == f"{start} {elsewhere} {none}"
    monkeypatch.delenv("LAYERWISE_DATA")
    assert not_found(cache) == f"{start} {cache} {none}"


@pytest.mark.parametrize(
    ("name", "array", "text"),
    [
        (NAMES[0], np.zeros((5, 28, 27), "uint8"), "(N, 28, 28) and type uint8, but got (5, 28, 2"),
        (NAMES[0], np.zeros((5, 784), "uint8"), "(N, 28, 28) and type uint8, but got (5, 784) u"),
        (NAMES[2], np.zeros((3, 28, 28), "float32"), "type uint8, but got (3, 28, 28) float32"),
        (NAMES[1], np.zeros(4, "uint8"), "one uint8 label for each of the 5 images, but got (4,)"),
        (NAMES[1], np.zeros((5, 1), "uint8"), "each of the 5 images, but got (5, 1) uint8"),
        (NAMES[3], np.zeros(3, "int32"), "each of the 3 images, but got (3,) int32"),
        (NAMES[3], np.array([0, 10, 9], "uint8"), "labels from 0 to 9, but got 10"),
    ],
)
def test_mnist_files_that_do_not_fit(tmp_path, name, array, text):
    write_idx(small_mnist(tmp_path) / name, array)
    with pytest.raises(DataError) as caught:
        mnist(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: expected ")
    assert text in str(caught.value)
    assert "Get MNIST's four files again; read_idx() reads other sets." in str(caught.value)


def test_mnist_with_a_damaged_file_names_it(tmp_path):
    (small_mnist(tmp_path) / NAMES[2]).write_bytes(b"")
    with pytest.raises(DataError, match=f"{NAMES[2]}: expected 4 bytes of IDX header, but got 0"):
        mnist(tmp_path)


def real_mnist():
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for root in (os.environ.get("LAYERWISE_DATA") or beside, beside):
        if Path(root, "mnist").is_dir():
            return Path(root, "mnist")
    return pytest.skip("MNIST's files are not in $LAYERWISE_DATA/mnist")


def test_the_real_mnist():
    (x_train, t_train), (x_test, t_test) = mnist(real_mnist())
    assert x_train.shape == (60000, 784) and x_test.shape == (10000, 784)
    assert t_train.shape == (60000,) and t_test.shape == (10000,)
    assert t_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert t_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert x_train.mean(dtype="float64") == pytest.approx(0.1307, abs=1e-4)
    assert x_train.min() == 0 and x_train.max() == 1
