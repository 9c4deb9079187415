"""Data sets from the network: a server on this machine plays the publishers."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import os
import random
import subprocess
import sys
import tarfile
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from helpers import text_of

from layerwise import data
from layerwise.data import DataError, catalog, download, places

COUNTS = {"train": 5, "t10k": 3}


def idx_content(name):
    """A small file in the place of one of the four."""
    count = COUNTS[name.split("-")[0]]
    shape = (count, 28, 28) if "images" in name else (count,)
    numbers = (np.arange(np.prod(shape)) % (251 if "images" in name else 10)).astype("uint8")
    head = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    return gzip.compress(head + numbers.tobytes(), mtime=0)


def cifar_content(name):
    n = data.catalog.CIFAR10_NAMES.index(name)
    rows = np.full((2, 3073), n, "uint8")
    rows[:, 1:1025], rows[:, 1025:2049], rows[:, 2049:] = 255, 51, 0
    rows[1, 1] = 102  # the upper left pixel's red
    return rows.tobytes()


def cifar_archive(names=catalog.CIFAR10_NAMES, folder="cifar-10-batches-bin/", content=None):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            of = cifar_content(name) if content is None else content
            member = tarfile.TarInfo(folder + name)
            member.size = len(of)
            archive.addfile(member, io.BytesIO(of))
    return packed.getvalue()


@contextmanager
def served(folder):
    """A server of the files in a folder; it remembers what it was asked for."""

    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_):
            asked.append(self.path)

        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path.endswith("cut"):  # promises more than it sends
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"x" * 50)
            else:
                super().do_GET()

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            pass  # who has read enough hangs up

    with Server(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def described(name, content):
    return catalog.File(name, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Small MNIST, Fashion-MNIST and CIFAR-10 on a server, and an empty cache."""
    contents = {f"{name}.gz": idx_content(name) for name in catalog.IDX_NAMES}
    sets = {"mnist": contents, "fashion_mnist": contents, "cifar10": None}
    sets["cifar10"] = {catalog.CIFAR10_ARCHIVE: cifar_archive()}
    for name, files in sets.items():
        (tmp_path / "server" / name).mkdir(parents=True)
        for file, content in files.items():
            (tmp_path / "server" / name / file).write_bytes(content)
        known = getattr(catalog, name.upper())._replace(
            files=tuple(described(*one) for one in files.items())
        )
        monkeypatch.setattr(f"layerwise.data.named.{name.upper()}", known)
    monkeypatch.delenv("LAYERWISE_DATA", raising=False)
    monkeypatch.setenv("LAYERWISE_CACHE", str(tmp_path / "cache"))
    with served(tmp_path / "server") as (address, asked):
        monkeypatch.setenv("LAYERWISE_MIRROR", address)
        yield tmp_path, asked


def in_the_cache(folder):
    return sorted(p.relative_to(folder / "cache").as_posix() for p in folder.glob("cache/**/*.*"))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_four_files_are_downloaded_once(world, name, capsys):
    folder, asked = world
    for _ in range(2):
        (x, t), (x_test, t_test) = getattr(data, name)()
        assert x.shape == (5, 784) and x_test.shape == (3, 784)
        assert x[0, :3].tolist() == [0, np.float32(1 / 255), np.float32(2 / 255)]
        assert t.tolist() == [0, 1, 2, 3, 4] and t_test.tolist() == [0, 1, 2]
    assert len(asked) == 4
    assert in_the_cache(folder) == [f"{name}/{file}.gz" for file in sorted(catalog.IDX_NAMES)]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 4 and said[0].endswith(f"/{name}/train-images-idx3-ubyte.gz: 0.0 MB")
    assert said[0].startswith("Downloading http://127.0.0.1:")


def test_a_download_goes_on_with_the_files_that_are_missing(world):
    folder, asked = world
    data.mnist()
    (folder / "cache" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    data.mnist()
    assert asked[4:] == ["/mnist/t10k-labels-idx1-ubyte.gz"]


def test_cifar10_is_read_from_the_archive(world):
    folder, asked = world
    for _ in range(2):
        (x, t), (x_test, t_test) = data.cifar10()
    assert len(asked) == 1 and in_the_cache(folder) == ["cifar10/cifar-10-binary.tar.gz"]
    assert x.shape == (10, 3, 32, 32) and x.dtype == np.float32 and x_test.shape == (2, 3, 32, 32)
    assert t.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] and t_test.tolist() == [5, 5]
    assert x[0, :, 0, 0].tolist() == [1, np.float32(0.2), 0]
    assert x[1, :, 0, 0].tolist() == [np.float32(0.4), np.float32(0.2), 0]


def test_a_terminal_sees_how_far_it_is(world, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    data.cifar10()
    said = capsys.readouterr().err
    assert said == "\rDownloading cifar-10-binary.tar.gz: 0.0 of 0.0 MB\n"


# what goes wrong ---------------------------------------------------------------------------------


def refused(name="mnist", **options):
    return text_of(DataError, lambda: getattr(data, name)(**options))


def test_a_wrong_checksum_leaves_nothing(world):
    folder, _ = world
    path = folder / "server" / "mnist" / "train-labels-idx1-ubyte.gz"
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(bytes(len(path.read_bytes())))
    wrong = hashlib.sha256(path.read_bytes()).hexdigest()
    text = refused()
    assert f"labels-idx1-ubyte.gz: expected the SHA-256 {right}, but got {wrong}. Exp" in text
    assert in_the_cache(folder) == ["mnist/train-images-idx3-ubyte.gz"]


def test_a_file_of_another_length_leaves_nothing(world):
    folder, _ = world
    path = folder / "server" / "mnist" / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    text = f"expected {len(whole):,} bytes, but got"
    assert f"{text} {len(whole) - 1:,}. Expected" in refused()
    path.write_bytes(whole + bytes(10**6))
    assert f"{text} more. Expected" in refused()
    assert in_the_cache(folder) == []


def test_a_body_that_is_cut_off(world, monkeypatch):
    folder, _ = world
    file = catalog.File("cut", 100, "")
    known = catalog.MNIST._replace(files=(file,))
    monkeypatch.setattr("layerwise.data.named.MNIST", known)
    text = refused()
    assert "/mnist/cut: " in text and ("got 50" in text or "50 bytes read" in text)
    assert in_the_cache(folder) == []


def test_a_file_that_is_not_there_any_more(world):
    folder, _ = world
    (folder / "server" / "cifar10" / catalog.CIFAR10_ARCHIVE).unlink()
    text = refused("cifar10")
    assert "/cifar10/cifar-10-binary.tar.gz: 404 File not found. Expected data_batch_1.bin" in text
    assert in_the_cache(folder) == []


def test_without_a_network_one_sentence_says_what_to_do(world, monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERWISE_MIRROR", "http://127.0.0.1:9/")
    place = tmp_path / "cache" / "cifar10"
    assert refused("cifar10") == (
        f"CIFAR-10's files are not in {place} (0 of the 6 files are there), and cannot be "
        "downloaded: http://127.0.0.1:9/cifar10/cifar-10-binary.tar.gz: Connection refused. "
        "Expected data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, "
        "data_batch_5.bin, test_batch.bin, or cifar-10-binary.tar.gz. Get them from "
        f"https://www.cs.toronto.edu/~kriz/ and put them into {place}, or give their folder: "
        "cifar10('folder')."
    )
    assert "cannot be downloaded" not in refused("cifar10", download=False)
    assert "cannot be downloaded" not in refused("cifar10", folder=tmp_path / "none")


def test_the_next_address_is_tried_when_one_has_nothing(world, monkeypatch):
    folder, asked = world
    address = os.environ["LAYERWISE_MIRROR"]
    known = data.sets()[1]._replace(
        files=tuple(described(f"{n}.gz", idx_content(n)) for n in catalog.IDX_NAMES),
        addresses=(f"{address}/nowhere/", f"{address}/mnist/"),
    )
    monkeypatch.setattr("layerwise.data.named.MNIST", known)
    monkeypatch.delenv("LAYERWISE_MIRROR")
    assert len(data.mnist().train[1]) == 5 and len(asked) == 8
    (folder / "cache" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    (folder / "server" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    text = refused()
    assert text.count("404 File not found") == 2 and "; http://" in text


@pytest.mark.skipif(os.name == "nt", reason="folders are protected in another way on Windows")
def test_a_cache_that_cannot_be_written(world, monkeypatch):
    folder, _ = world
    (folder / "file").write_text("")
    monkeypatch.setenv("LAYERWISE_CACHE", str(folder / "file"))
    assert f"cannot be downloaded: {folder / 'file' / 'mnist'}: Not a directory" in refused()


def test_a_full_disk_leaves_nothing(world, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    folder, _ = world
    monkeypatch.setattr(os, "fsync", full)
    assert f"downloaded: {folder / 'cache' / 'mnist'}: No space left on device. Exp" in refused()
    assert list((folder / "cache" / "mnist").iterdir()) == []


MANY = """
import sys
from layerwise.data import catalog, download
known = catalog.MNIST._replace(files=tuple(map(catalog.File._make, eval(sys.argv[1]))))
from pathlib import Path
download.download_files(known, Path(sys.argv[2]))
"""


def test_programs_may_download_at_the_same_time(world):
    folder, _ = world
    files = [
        tuple(described(f"{name}.gz", idx_content(name))) for name in sorted(catalog.IDX_NAMES)
    ]
    run = [sys.executable, "-c", MANY, repr(files), str(folder / "cache" / "mnist")]
    programs = [subprocess.Popen(run, stderr=subprocess.DEVNULL) for _ in range(4)]
    assert [program.wait(60) for program in programs] == [0] * 4
    assert in_the_cache(folder) == [f"mnist/{file[0]}" for file in files]
    assert len(data.mnist().train[1]) == 5


# where files are ---------------------------------------------------------------------------------


def test_the_cache_is_where_the_system_keeps_such_things(monkeypatch):
    for name in ("LAYERWISE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    home = Path("~").expanduser()
    expected = {"linux": home / ".cache", "darwin": home / "Library/Caches", "win32": home}
    for platform, root in expected.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert places.cache_folder() == root / "layerwise"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert places.cache_folder() == Path("/elsewhere/layerwise")
    monkeypatch.setenv("LAYERWISE_CACHE", "~/mine")
    assert places.cache_folder() == home / "mine"


def test_the_list_of_data_sets(world, tmp_path, monkeypatch):
    listed = {one.name: one for one in data.sets()}
    assert list(listed) == ["digits", "mnist", "fashion_mnist", "cifar10"]
    assert all(callable(getattr(data, name)) for name in listed)
    assert listed["mnist"].size == 11_594_722 and listed["digits"].size == 0
    assert listed["mnist"].found is None
    for name in catalog.IDX_NAMES:
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setenv("LAYERWISE_DATA", str(tmp_path))
    assert listed["mnist"].found == tmp_path
    assert listed["digits"].found == Path(data.__file__).parent / "files"
    assert len(listed["cifar10"].files[0].sha256) == 64
    (x, _), (x_test, _) = data.digits(flatten=False)
    assert x.shape == (listed["digits"].train, *listed["digits"].shape)
    assert len(x_test) == listed["digits"].test


def test_mnist_is_not_taken_for_fashion_mnist(world, tmp_path, monkeypatch):
    for name in catalog.IDX_NAMES:
        (tmp_path / name).write_bytes(b"not looked at")
    monkeypatch.setenv("LAYERWISE_DATA", str(tmp_path))
    assert data.sets()[1].found == tmp_path and data.sets()[2].found is None
    assert len(data.fashion_mnist().train[1]) == 5


def test_a_split_can_be_copied(world):
    again = copy.deepcopy(data.digits())
    assert again.classes == data.digits().classes
    np.testing.assert_array_equal(again.train[0], data.digits().train[0])


def test_the_names_of_classes(world):
    assert data.digits().classes == data.mnist().classes == tuple("0123456789")
    assert data.fashion_mnist().classes[9] == "Ankle boot"
    assert data.cifar10().classes[0] == "airplane" and len(data.cifar10().classes) == 10


# CIFAR-10's files --------------------------------------------------------------------------------


def cifar_folder(folder, inside=""):
    (folder / inside).mkdir(parents=True, exist_ok=True)
    for name in catalog.CIFAR10_NAMES:
        (folder / inside / name).write_bytes(cifar_content(name))
    return folder


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-bin"])
def test_cifar10_from_its_files(tmp_path, inside):
    (x, _), (_, t_test) = data.cifar10(cifar_folder(tmp_path, inside), flatten=True)
    assert x.shape == (10, 3072) and t_test.tolist() == [5, 5]
    assert x[0, [0, 1024, 2048]].tolist() == [1, np.float32(0.2), 0]
    assert data.cifar10(tmp_path, one_hot=True).train[1].shape == (10, 10)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"x" * 3072, "expected records of 3073 bytes each, but got 3072 bytes. Get CIFAR-10's"),
        (b"\x0a" * 3073, "expected labels from 0 to 9, but got 10. Get CIFAR-10's binary version"),
    ],
)
def test_files_of_cifar10_that_do_not_fit(tmp_path, content, text):
    name = "data_batch_3.bin"
    (cifar_folder(tmp_path) / name).write_bytes(content)
    said = text_of(DataError, lambda: data.cifar10(tmp_path))
    assert said.startswith(f"{tmp_path / name}: {text}")
    for name in catalog.CIFAR10_NAMES:
        (tmp_path / name).unlink()
    archive = tmp_path / catalog.CIFAR10_ARCHIVE
    archive.write_bytes(cifar_archive(content=content))
    said = text_of(DataError, lambda: data.cifar10(tmp_path))
    assert said.startswith(f"{archive / 'data_batch_1.bin'}: {text}")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with open(cifar_folder(tmp_path) / "test_batch.bin", "wb") as file:
        file.truncate(10**12)
    said = text_of(DataError, lambda: data.cifar10(tmp_path))
    assert said == (
        f"{tmp_path / 'test_batch.bin'}: expected at most 307300000 bytes, but got 1000000000000. "
        "Get CIFAR-10's binary version again."
    )


def archive_error(folder, content):
    path = folder / catalog.CIFAR10_ARCHIVE
    path.write_bytes(content)
    text = text_of(DataError, lambda: data.cifar10(folder))
    assert text.startswith(str(path))
    return text.removeprefix(f"{path}: ")


def test_damaged_and_hostile_archives(tmp_path):
    whole = cifar_archive()
    again = " Get CIFAR-10's binary version again."
    for content in (b"", b"no archive", whole[: len(whole) // 2], gzip.compress(b"no archive")):
        text = archive_error(tmp_path, content)
        assert text.startswith("expected a whole archive, .tar.gz, but got damaged data (") or (
            text.startswith("expected data_batch_1.bin in the archive, but got nothing of that")
        )
        assert text.endswith(again)
    assert archive_error(tmp_path, cifar_archive(catalog.CIFAR10_NAMES[:3])) == (
        "expected data_batch_4.bin in the archive, but got nothing of that name." + again
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        link = tarfile.TarInfo("data_batch_1.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert "expected a file, but got something else" in archive_error(tmp_path, packed.getvalue())
    large = tarfile.TarInfo("data_batch_1.bin")
    large.size = 10**15
    assert "at most 307300000 bytes, but got 1000000000000000" in archive_error(
        tmp_path, gzip.compress(large.tobuf(tarfile.GNU_FORMAT))
    )
    assert [p.name for p in tmp_path.iterdir()] == [catalog.CIFAR10_ARCHIVE]


def test_flipped_bytes_of_an_archive_are_read_or_refused(tmp_path):
    rng, path = random.Random(0), tmp_path / catalog.CIFAR10_ARCHIVE
    plain = gzip.decompress(cifar_archive())
    for n in range(300):
        content = bytearray(plain)
        for _ in range(rng.randint(1, 4)):  # in the headers, every 512 bytes
            content[rng.choice([0, 6656, 13312]) + rng.randrange(512)] = rng.randrange(256)
        packed = bytearray(gzip.compress(content, 1))
        if n % 3 == 0:
            packed[rng.randrange(len(packed))] ^= rng.randint(1, 255)
        path.write_bytes(packed)
        try:
            data.cifar10(tmp_path)
        except DataError as error:
            assert str(error).startswith(str(path))


def test_the_message_about_a_server_names_its_reason():
    assert download.reason(TimeoutError("timed out")) == "timed out"
    assert download.reason(download.URLError("no host given")) == "no host given"
    assert download.reason(OSError()) == "OSError"
