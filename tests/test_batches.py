"""Batches: their order, their sources, changes made to them, the thread that makes them ahead."""

from __future__ import annotations

import gc
import itertools
import os
import random
import subprocess
import sys
import threading
import traceback
import tracemalloc

import numpy as np
import pytest
from helpers import text_of
from hypothesis import given
from hypothesis import strategies as st

from layerwise.data import Batch, Batches, DataError

X, T = np.arange(10) * 10, np.arange(10)


def rows_of(batches):
    return [batch.rows.tolist() for batch in batches]


def same_batches(one, other):
    one, other = list(one), list(other)
    assert len(one) == len(other)
    for a, b in zip(one, other):
        for part_a, part_b in zip(a, b):
            np.testing.assert_equal(part_a, part_b)


# the order ---------------------------------------------------------------------------------------


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 2**40), st.integers(1, 5))
def test_the_order_follows_from_seed_and_epoch(count, size, seed, epoch):
    batches = Batches(np.arange(count), batch_size=size, seed=seed)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    expected = [order[start : start + size].tolist() for start in range(0, count, size)]
    assert rows_of(batches.epoch(epoch)) == expected
    assert len(batches) == batches.steps == len(expected)
    for start in range(len(expected) + 1):
        assert rows_of(batches.epoch(epoch, start)) == expected[start:]


def test_each_row_brings_its_target_and_its_weight():
    for batch in Batches(X, T, 3, weights=T / 10).epoch(4):
        assert isinstance(batch, Batch)
        np.testing.assert_array_equal(batch.x, batch.rows * 10)
        np.testing.assert_array_equal(batch.t, batch.rows)
        np.testing.assert_array_equal(batch.weight, batch.rows / 10)


def test_going_through_begins_the_next_epoch():
    batches = Batches(X, T, 4, seed=3)
    for epoch in (1, 2, 3):
        assert rows_of(batches) == rows_of(batches.epoch(epoch))
    orders = [tuple(itertools.chain(*rows_of(batches.epoch(n)))) for n in range(1, 30)]
    assert len(set(orders)) == 29


def test_an_epoch_can_be_gone_through_beside_another():
    batches = Batches(X, T, 3)
    pairs = list(zip(batches.epoch(1), batches.epoch(2), strict=True))
    same_batches([a for a, _ in pairs], batches.epoch(1))
    same_batches([b for _, b in pairs], batches.epoch(2))


def test_without_shuffling_rows_come_as_they_are():
    batches = Batches(X, T, 4, shuffle=False)
    assert rows_of(batches.epoch(7)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert rows_of(Batches(X, shuffle=False)) == [list(range(10))]


def test_the_last_batch_may_be_dropped():
    assert [len(b.x) for b in Batches(X, batch_size=4)] == [4, 4, 2]
    dropping = Batches(X, batch_size=4, drop_last=True)
    assert [len(b.x) for b in dropping] == [4, 4] and len(dropping) == 2
    assert rows_of(dropping.epoch(2)) == rows_of(Batches(X, batch_size=4).epoch(2))[:2]
    assert rows_of(dropping.epoch(2, start=2)) == []
    assert len(Batches(X, batch_size=5, drop_last=True)) == 2


def test_numpy_s_own_generator_is_not_touched():
    before = np.random.get_state()[1].copy()
    list(Batches(X, T, 3, augment=lambda x, t, rng: (x + rng.normal(size=x.shape), t)))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_batch_is_memory_of_its_own():
    for shuffle in (True, False):
        for batch in Batches(X, T, 100, shuffle=shuffle):
            batch.x[:] = -1
            batch.t[:] = -1
    assert X.tolist() == list(range(0, 100, 10)) and T.tolist() == list(range(10))


def test_batches_say_what_they_are():
    assert repr(Batches(X, batch_size=4)) == "Batches(10 rows, batch_size=4, 3 steps)"
    assert repr(Batches(lambda: X)) == "Batches(rows by a function, batch_size=None)"
    assert (Batches(X).count, Batches(X).batch_size) == (10, 100)


# arrays ------------------------------------------------------------------------------------------


def test_several_inputs_side_by_side():
    x = (X, {"left": X + 1, "right": np.stack([X, X], axis=1)})
    for batch in Batches(x, {"main": T, "other": -T}, 3):
        assert isinstance(batch.x, tuple)
        np.testing.assert_array_equal(batch.x[0], batch.rows * 10)
        np.testing.assert_array_equal(batch.x[1]["left"], batch.rows * 10 + 1)
        np.testing.assert_array_equal(batch.x[1]["right"][:, 1], batch.rows * 10)
        np.testing.assert_array_equal(batch.t["other"], -batch.rows)


def test_lists_are_arrays():
    (batch,) = Batches([[1, 2], [3, 4]], [0, 1], shuffle=False)
    assert batch.x.tolist() == [[1, 2], [3, 4]] and batch.t.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"x": np.zeros((5, 3)), "t": np.zeros(4, int)},
            "x and t must have a row for each other, but x is (5, 3) float64 and t is (4,) int64.",
        ),
        (
            {"x": (X, X[:9]), "t": T},
            "x and t must have a row for each other, but x is ((10,) int64, (9,) int64) and t is "
            "(10,) int64.",
        ),
        (
            {"x": {"a": X, "b": X[:9]}},
            "x must have a row for each other, but x is {a: (10,) int64, b: (9,) int64}.",
        ),
        (
            {"x": X, "t": T, "weights": np.ones(3)},
            "x and t and weights must have a row for each other, but x is (10,) int64, t is (10,) "
            "int64 and weights is (3,) float64.",
        ),
        (
            {"x": np.zeros((0, 3)), "t": []},
            "There are no rows: x is (0, 3) float64, t is (0,) float64. Give at least one row.",
        ),
        ({"x": ()}, "x is an empty tuple. Give at least one array."),
        ({"x": 3.0}, "x must have a row for each example, but it is 3.0."),
        (
            {"x": [[1, 2], [3]]},
            "x is no array: setting an array element with a sequence. The requested array has an "
            "inhomogeneous shape after 1 dimensions. The detected shape was (2,) + inhomogeneous "
            "part. Give rows that are all alike.",
        ),
        (
            {"x": X, "t": ["cat"] * 10},
            "t must be numbers, but it is (10,) <U3. Make numbers of it: x.astype(float), or "
            "names, t = np.unique(t, return_inverse=True) for names of classes.",
        ),
        (
            {"x": np.zeros(3, "datetime64[D]")},
            "x must be numbers, but it is (3,) datetime64[D]. Make numbers of times, such as days "
            "since the first one.",
        ),
        (
            {"x": iter([1])},
            "x holds no rows that can be gone through again: it is list_iterator. Give arrays, "
            "the path of a .npy file, or a function that returns a new iterator for every epoch.",
        ),
        (
            {"x": X, "weights": -np.ones(10)},
            "weights must be 0 or more, and finite, but one is -1.0.",
        ),
        (
            {"x": X, "weights": np.full(10, np.nan)},
            "weights must be 0 or more, and finite, but one is nan.",
        ),
        (
            {"x": X, "weights": np.ones((10, 2))},
            "weights must be one number for each row, but it is (10, 2) float64.",
        ),
        (
            {"x": X, "batch_size": 11, "drop_last": True},
            "drop_last=True leaves nothing of 10 rows in batches of 11. Give a batch_size of at "
            "most 10.",
        ),
        ({"x": X, "batch_size": 2.5}, "batch_size=2.5: give a whole number, 1 or more."),
        ({"x": X, "batch_size": 0}, "batch_size=0: give a whole number, 1 or more."),
        ({"x": X, "batch_size": True}, "batch_size=True: give a whole number, 1 or more."),
        ({"x": X, "seed": -1}, "seed=-1: give a whole number, 0 or more."),
        ({"x": X, "prefetch": -1}, "prefetch=-1: give a whole number, 0 or more."),
    ],
)
def test_what_does_not_fit_is_said(options, text):
    assert text_of(DataError, lambda: Batches(**options)).replace("int32", "int64") == text


def test_an_epoch_and_a_start_that_are_not_there():
    batches = Batches(X, batch_size=4)
    assert text_of(DataError, lambda: batches.epoch(0)) == (
        "epoch=0: give a whole number, 1 or more."
    )
    assert text_of(DataError, lambda: batches.epoch(1, -1)) == (
        "start=-1: give a whole number, 0 or more."
    )
    assert text_of(DataError, lambda: batches.epoch(1, 4)) == (
        "start=4, but an epoch has 3 batches."
    )


# memory-mapped files -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_npy_file_gives_what_the_array_gives(tmp_path, order):
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(">f4", order=order)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "t.npy", T)
    for source in (str(tmp_path / "x.npy"), np.load(tmp_path / "x.npy", mmap_mode="r")):
        batches = Batches(source, tmp_path / "t.npy", 4, prefetch=2)
        same_batches(batches, Batches(x, T, 4))
        assert all(type(batch.x) is np.ndarray for batch in batches)


def test_only_the_rows_of_a_batch_are_read(tmp_path):
    path = tmp_path / "large.npy"  # 100 GB, of which the disk holds almost nothing
    with open(path, "wb") as file:
        shape = {"descr": "<f4", "fortran_order": False, "shape": (10**5, 250_000)}
        np.lib.format.write_array_header_1_0(file, shape)
        start = file.tell()
        file.truncate(start + 10**11)
        file.seek(start + 10**6 * 34_568)
        file.write(np.float32(7).tobytes())
    batches = Batches(path, batch_size=2, shuffle=False)
    tracemalloc.start()
    try:
        batch = next(batches.epoch(1, start=34_568 // 2))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert batch.x.shape == (2, 250_000) and batch.x[0, 0] == 7 and batch.x.sum() == 7
    assert peak < 10e6


def npy_error(path):
    text = text_of(DataError, lambda: Batches(path))
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


def test_files_that_are_no_arrays(tmp_path):
    path = tmp_path / "x.npy"
    assert npy_error(path) == "it cannot be read: No such file or directory."
    path.write_bytes(b"x,y\n1,2\n")
    advice = "Write it with np.save(path, array)."
    assert npy_error(path).startswith("expected a whole .npy file of numbers, but got: ")
    assert npy_error(path).endswith(f". {advice}")
    np.save(path, np.zeros(1000))
    path.write_bytes(path.read_bytes()[:-1])
    assert npy_error(path) == (
        f"expected a whole .npy file of numbers, but got: mmap length is greater than file size. "
        f"{advice}"
    )
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    assert "but got: Array can't be memory-mapped: Python objects in dtype" in npy_error(path)
    np.save(path, np.array(["a"]))
    text = text_of(DataError, lambda: Batches(path))
    assert text.startswith(f"{path} must be numbers, but it is (1,) <U1. Make numbers of it: ")


def test_damaged_npy_files_are_read_or_refused(tmp_path):
    rng, path = random.Random(0), tmp_path / "x.npy"
    np.save(path, np.arange(6).reshape(2, 3))
    whole = path.read_bytes()
    for _ in range(1000):
        content = bytearray(whole)
        for place in rng.sample(range(128), rng.randint(1, 3)):
            content[place] = rng.choice([*b"0123456789(){}[],:'<>ifO -", rng.randint(0, 255)])
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        try:
            list(Batches(path))
        except DataError as error:
            assert str(path) in str(error) or "x is" in str(error)


# data frames -------------------------------------------------------------------------------------


class Frame:
    """What pandas and Polars have in common."""

    def __init__(self, **columns):
        self.data, self.columns = columns, list(columns)

    def __getitem__(self, name):
        return np.asarray(self.data[name])

    def __array__(self, dtype=None, copy=None):
        return np.array([self.data[name] for name in self.columns], dtype=object).T


def frames(kind):
    """The class of data frames, of its library or the one above."""
    if kind == "neither":
        return lambda columns: Frame(**columns)
    return pytest.importorskip(kind, reason=f"{kind} is not installed").DataFrame


@pytest.mark.parametrize("kind", ["neither", "pandas", "polars"])
def test_a_data_frame_is_rows_of_its_columns(kind):
    frame = frames(kind)(
        {"age": [31, 5, 8], "height": [1.8, 1.1, 1.3], "here": [True, False, True]}
    )
    target = frames(kind)({"class": [2, 0, 1]})["class"]
    (batch,) = Batches(frame, target, shuffle=False)
    assert batch.x.tolist() == [[31, 1.8, 1], [5, 1.1, 0], [8, 1.3, 1]]
    assert batch.t.tolist() == [2, 0, 1] and batch.x.dtype == np.float64


@pytest.mark.parametrize("kind", ["neither", "pandas", "polars"])
def test_a_column_without_numbers_is_named(kind):
    frame = frames(kind)({"age": [31, 5], "town": ["Bern", "Biel"]})
    text = text_of(DataError, lambda: Batches(frame))
    assert text.startswith("x['town'] must be numbers, but it is (2,) ")


def test_columns_of_one_name_and_no_columns():
    frame = Frame(a=[1], b=[2])
    frame.columns = ["a", "b", "a"]
    assert text_of(DataError, lambda: Batches(frame)) == (
        "x has several columns of the name 'a'. Rename them."
    )
    assert text_of(DataError, lambda: Batches(Frame())) == "x is a frame without columns."


# functions ---------------------------------------------------------------------------------------


class Maker:
    """Makes rows or batches, and counts how often it was called."""

    def __init__(self, made):
        self.made, self.calls = made, 0

    def __call__(self):
        self.calls += 1
        yield from self.made


def test_a_function_that_makes_batches():
    made = Maker([(X[:3], T[:3]), (X[3:], T[3:])])
    batches = Batches(made)
    for _ in range(2):
        assert [batch.x.tolist() for batch in batches] == [X[:3].tolist(), X[3:].tolist()]
    assert made.calls == 2
    assert all(batch.rows is None and batch.weight is None for batch in batches)
    assert batches.steps is None and batches.count is None and batches.batch_size is None
    assert [batch.t.tolist() for batch in batches.epoch(1, start=1)] == [T[3:].tolist()]
    assert list(batches.epoch(1, start=2)) == []


def test_a_function_that_makes_rows():
    made = Maker([(np.full((2, 2), n), n, n / 2) for n in range(5)])
    batches = Batches(made, batch_size=2)
    assert [batch.t.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
    first = next(iter(batches))
    assert first.x.shape == (2, 2, 2) and first.weight.tolist() == [0, 0.5]
    assert [batch.t.tolist() for batch in batches.epoch(3, start=1)] == [[2, 3], [4]]
    assert list(batches.epoch(3, start=3)) == []
    assert [len(b.t) for b in Batches(made, batch_size=2, drop_last=True)] == [2, 2]


def test_a_function_may_make_several_inputs_and_no_targets():
    made = Maker([((n, {"a": [n, n]}), None) for n in range(3)])
    (batch,) = Batches(made, batch_size=3)
    assert batch.x[0].tolist() == [0, 1, 2] and batch.x[1]["a"].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert batch.t is None


def test_nobody_knows_how_long_a_function_goes_on():
    assert text_of(TypeError, lambda: len(Batches(Maker([])))) == (
        "Nobody knows how many batches a function makes: these Batches have no len(); .steps is "
        "None."
    )


@pytest.mark.parametrize(
    ("made", "size", "text"),
    [
        (
            lambda: [],
            None,
            "The function made nothing in epoch 1. It is called for every epoch and has to return "
            "a new iterator each time.",
        ),
        (
            lambda: 3,
            None,
            "The function has to return an iterator over (x, t), but it returned int.",
        ),
        (
            lambda: [X],
            None,
            "The function has to make pairs (x, t) or triples (x, t, weight), but it made (10,) "
            "int64. Where there are no targets, give (x, None).",
        ),
        (
            lambda: [(X,)],
            2,
            "The function has to make pairs (x, t) or triples (x, t, weight), but it made a tuple "
            "of 1. Where there are no targets, give (x, None).",
        ),
        (
            lambda: [(X, T[:3])],
            None,
            "x and t must have a row for each other, but x is (10,) int64 and t is (3,) int64.",
        ),
        (
            lambda: [(X, 0), (X[:3], 0)],
            2,
            "The function made rows of x of the shapes (3,) and (10,). Rows of a batch must be "
            "alike; if these are batches, leave out batch_size.",
        ),
        (
            lambda: [((X, X), 0), (X, 0)],
            2,
            "The function made rows of x that are not alike.",
        ),
        (
            lambda: [("a", 0)],
            1,
            "x must be numbers, but it is (1,) <U1. Make numbers of it: x.astype(float), or names, "
            "t = np.unique(t, return_inverse=True) for names of classes.",
        ),
    ],
)
def test_what_a_function_makes_is_looked_at(made, size, text):
    got = text_of(DataError, lambda: list(Batches(made, batch_size=size)))
    assert got.replace("int32", "int64") == text


def test_a_function_that_makes_less_than_before_cannot_be_resumed():
    batches = Batches(Maker([(n, n) for n in range(5)]), batch_size=2)
    assert text_of(DataError, lambda: list(batches.epoch(2, start=4))) == (
        "Epoch 2 cannot go on behind batch 4: this time the function made only 5 of the 8 before."
    )


def test_a_function_brings_its_own_targets():
    for name in ("t", "weights"):
        assert text_of(DataError, lambda name=name: Batches(Maker([]), **{name: T})) == (
            "A function makes targets and weights itself: let it give (x, t) or (x, t, weight) "
            "and leave out t and weights."
        )


# changes -----------------------------------------------------------------------------------------


def noise(x, t, rng):
    return x + rng.normal(size=x.shape), t


def test_changes_follow_from_seed_epoch_and_batch_alone():
    batches = Batches(X, T, 3, seed=5, augment=noise)
    whole = list(batches.epoch(2))
    for start in range(5):
        same_batches(batches.epoch(2, start), whole[start:])
    same_batches(Batches(X, T, 3, seed=5, augment=[noise], prefetch=3).epoch(2), whole)
    added = [b.x - X[b.rows] for e in (1, 2) for b in batches.epoch(e)]
    added += [b.x - X[b.rows] for b in Batches(X, T, 3, seed=6, augment=noise).epoch(1)]
    assert len({round(float(one[0]), 9) for one in added}) == len(added)


def test_the_numbers_of_a_change_are_not_those_of_the_order():
    drawn = []

    def draw(x, t, rng):
        drawn.append(rng.permutation(10).tolist())
        return x, t

    (batch,) = Batches(X, augment=draw, seed=1).epoch(1)
    assert drawn[0] != batch.rows.tolist()


def test_changes_are_made_one_after_the_other():
    batches = Batches(
        X, T, augment=(lambda x, t, rng: (x + 1, t), lambda x, t, rng: (x * 2, -t)), shuffle=False
    )
    (batch,) = batches
    assert batch.x.tolist() == ((X + 1) * 2).tolist() and batch.t.tolist() == (-T).tolist()


def lose_a_row(x, t, rng):
    return x[1:], t


def forget_t(x, t, rng):
    return x


class Doubling:
    def __call__(self, x, t, rng):
        return x, t


def test_a_change_keeps_rows_and_returns_a_pair():
    assert text_of(DataError, lambda: list(Batches(X, T, augment=lose_a_row))).replace(
        "int32", "int64"
    ) == (
        "lose_a_row has to keep the rows of a batch: it got ((10,) int64, (10,) int64) and "
        "returned ((9,) int64, (10,) int64)."
    )
    assert text_of(DataError, lambda: list(Batches(X, T, augment=forget_t))) == (
        "forget_t has to return (x, t), but it returned ndarray."
    )
    assert text_of(DataError, lambda: Batches(X, augment=[3])) == (
        "augment= expects functions (x, t, rng) -> (x, t), but got 3."
    )
    assert text_of(DataError, lambda: Batches(X, augment=Doubling)).endswith("Call it: Doubling().")


# the thread --------------------------------------------------------------------------------------


def threads():
    return [one for one in threading.enumerate() if one.name == "layerwise-prefetch"]


@pytest.mark.parametrize("ahead", [1, 2, 50])
def test_batches_made_ahead_are_the_same(ahead):
    options = {"batch_size": 3, "weights": T, "augment": noise}
    for epoch in (1, 2):
        same_batches(
            Batches(X, T, prefetch=ahead, **options).epoch(epoch),
            Batches(X, T, **options).epoch(epoch),
        )
    assert not threads()


def test_no_more_are_made_ahead_than_asked_for():
    made, enough = [], threading.Event()

    def endless():
        for n in itertools.count():
            made.append(n)
            if n == 4:
                enough.set()
            yield [n], [n]

    batches = Batches(endless, prefetch=3).epoch(1)
    assert next(batches).x.tolist() == [0]
    assert enough.wait(10)  # 0 is used, 1 to 3 wait in the queue, 4 waits to be put there
    (thread,) = threads()
    thread.join(0.05)
    assert made == [0, 1, 2, 3, 4]
    batches.close()
    assert not threads()


@pytest.mark.parametrize("end", ["close", "forget", "break", "error", "exhaust", "not begun"])
def test_no_thread_is_left(end):
    closed = threading.Event()

    def endless():
        try:
            for n in range(5 if end == "exhaust" else 10**9):
                yield [n], [n]
        finally:
            closed.set()

    batches = Batches(endless, prefetch=2).epoch(1)
    if end == "not begun":
        del batches
        assert not threads()
        return
    next(batches)
    if end == "close":
        batches.close()
    elif end == "break":
        for _ in batches:
            break
        del batches
    elif end == "error":
        with pytest.raises(KeyboardInterrupt):
            batches.throw(KeyboardInterrupt)
    elif end == "exhaust":
        assert len(list(batches)) == 4
    else:
        del batches
    gc.collect()
    assert not threads()
    assert closed.is_set()


def test_a_source_that_is_slow_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("layerwise.data.prefetch.PATIENCE", 0.01)
    goes_on = threading.Event()

    def slow():
        yield [0], [0]
        goes_on.wait()

    batches = Batches(slow, prefetch=2).epoch(1)
    next(batches)
    batches.close()  # as a second Ctrl-C does
    assert threads()
    goes_on.set()
    for thread in threads():
        thread.join()


def raise_at_three(x, t, rng):
    if 3 in t:
        raise ZeroDivisionError("three")
    return x, t


def test_an_error_in_the_thread_comes_through_with_its_traceback():
    batches = Batches(X, T, 1, shuffle=False, augment=raise_at_three, prefetch=2).epoch(1)
    seen = [next(batches).t.item() for _ in range(3)]
    with pytest.raises(ZeroDivisionError, match="three") as caught:
        next(batches)
    assert seen == [0, 1, 2]
    assert "raise_at_three" in "".join(traceback.format_exception(caught.value))
    assert not threads()
    with pytest.raises(StopIteration):
        next(batches)


INTERRUPTED = """
import os, signal, threading, time
from layerwise.data import Batches

def slow():
    yield [0], [0]
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    time.sleep(0.6)
    while True:
        yield [1], [1]

try:
    for number, batch in enumerate(Batches(slow, prefetch=1)):
        pass
except KeyboardInterrupt:
    print(number, [one.name for one in threading.enumerate() if "prefetch" in one.name])
"""


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C as a signal is another thing on Windows")
def test_ctrl_c_while_a_batch_is_waited_for():
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60
    )
    assert (run.stdout, run.stderr, run.returncode) == ("0 []\n", "", 0)
