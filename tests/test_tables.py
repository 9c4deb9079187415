"""CSV files: cells, columns, the recipe for rows that come later."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from helpers import text_of
from hypothesis import given
from hypothesis import strategies as st

import layerwise as lw
from layerwise import data
from layerwise.data import DataError
from layerwise.data.cells import read_sheet

HOUSES = """\
rooms,town,heated,area,price
3,Bern,yes,70.5,1.25
5,Biel,no,120,2.5
2,Thun,yes,,0.75
4,Bern,yes,88,1.5
1,Biel,no,31,0.5
6,Thun,yes,150,3.25
"""
AREAS = [70.5, 120, np.nan, 88, 31, 150]


@pytest.fixture
def houses(tmp_path):
    path = tmp_path / "houses.csv"
    path.write_text(HOUSES)
    return path


def write(folder, text):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def error_of(path, *args, **options):
    text = text_of(DataError, lambda: data.csv(path, *args, **options))
    assert text.startswith(f"{path}")
    return text.removeprefix(str(path))


# from cells to inputs ----------------------------------------------------------------------------


def test_a_table_of_numbers_and_texts(houses):
    split = data.csv(houses, "price", missing="drop", standardize=False, held_out=0)
    assert split.recipe.names == (
        *("rooms", "town=Bern", "town=Biel", "town=Thun"),
        *("heated=no", "heated=yes", "area"),
    )
    (x, t), (x_test, t_test) = split
    assert x.dtype == np.float32 and t.dtype == np.float32 and t.shape == (5, 1)
    assert x_test.shape == (0, 7) and t_test.shape == (0, 1) and split.classes == ()
    rows = {row[0]: (row.tolist(), price) for row, price in zip(x, t[:, 0])}
    assert rows[3.0] == ([3, 1, 0, 0, 0, 1, 70.5], 1.25)
    assert rows[1.0] == ([1, 0, 1, 0, 1, 0, 31], 0.5)
    assert sorted(rows) == [1, 3, 4, 5, 6]  # 2 had no area


def test_statistics_are_those_of_the_rows_to_learn_from(tmp_path):
    numbers = np.random.default_rng(0).normal(50, 9, (40, 2)).round(3)
    lines = [f"{a},{b},{'big' if a > 50 else 'small'}" for a, b in numbers]
    path = write(tmp_path, "\n".join(["a,b,size", *lines]))
    split = data.csv(path, "size", held_out=0.25, seed=1)
    (x, t), (x_test, t_test) = split
    assert (len(x), len(x_test), split.classes) == (30, 10, ("big", "small"))
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-6)
    assert abs(x_test.mean(axis=0)).max() > 1e-3
    mean, std = (np.array([getattr(c, n) for c in split.recipe.columns]) for n in ("mean", "std"))
    both = np.concatenate([x, x_test]) * std + mean
    np.testing.assert_allclose(np.sort(both, axis=0), np.sort(numbers, axis=0), rtol=1e-5)
    assert ((both[:, 0] > 50) == (np.concatenate([t, t_test]) == 0)).all()


def test_missing_cells_may_be_filled(houses):
    split = data.csv(houses, "price", missing="fill", standardize=False, held_out=0)
    (x, _), _ = split
    filled = x[x[:, 0] == 2][0]
    assert split.recipe.names[4] == "town=?"
    assert filled[split.recipe.names.index("area")] == np.float32(np.nanmean(AREAS))
    new = split.recipe.rows({"rooms": 2, "town": None, "heated": "?", "area": float("nan")})
    assert new[0].tolist() == [2, 0, 0, 0, 1, 0, 0, 1, np.float32(np.nanmean(AREAS))]
    standardized = data.csv(houses, "price", missing="fill", held_out=0)
    assert standardized.recipe.rows({"rooms": 2, "town": "", "heated": "", "area": ""})[0, -1] == 0


def test_categories_may_be_codes_and_numbers_may_be_names(houses):
    split = data.csv(
        houses, "price", drop=["area"], categories=["rooms"], encode="codes", held_out=0
    )
    assert split.recipe.names == ("rooms", "town", "heated")
    new = split.recipe.rows([{"rooms": 4, "town": "Thun", "heated": "no"}])
    assert new.tolist() == [[3, 2, 0]]
    new = split.recipe.rows([{"rooms": "04", "town": "Biel", "heated": "yes"}] * 2)
    assert new.tolist() == [[3, 1, 1]] * 2


def test_texts_that_look_like_numbers_keep_their_meaning(tmp_path):
    path = write(tmp_path, "code,t\n007,1.5\nX,2.5\n1e3,3.5\n8,4.5\n")
    with pytest.raises(DataError, match="line 3: 'code' is 'X', but in most rows it is a number"):
        data.csv(path, "t")
    recipe = data.csv(path, "t", categories=["code"], held_out=0).recipe
    assert recipe.columns[0].values == ("007", "1e3", "8", "X")
    assert recipe.rows({"code": 7}).tolist() == recipe.rows({"code": "007"}).tolist()


def test_postal_codes_are_the_same_in_a_file_of_numbers_alone(tmp_path):
    path = write(tmp_path, "zip,t\n01234,1.5\n3012,2.5\n")
    recipe = data.csv(path, "t", categories=["zip"], held_out=0).recipe
    for known in ("01234", 1234, 1234.0, "1234"):
        assert recipe.rows({"zip": known}).tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("column", "options", "classes", "t"),
    [
        ("no yes no maybe", {}, ("maybe", "no", "yes"), [1, 2, 1, 0]),
        ("10 2 10 3", {"classes": True}, ("2", "3", "10"), [2, 0, 2, 1]),
        ("1.5 2 1.5 3", {"classes": True}, ("1.5", "2", "3"), [0, 1, 0, 2]),
        ("1.5 2 1.5 3", {}, (), [1.5, 2, 1.5, 3]),
        ("1 2 1 3", {"classes": False}, (), [1, 2, 1, 3]),
        ("1 2 1 a", {"classes": True}, ("1", "2", "a"), [0, 1, 0, 2]),
    ],
)
def test_what_is_told(tmp_path, column, options, classes, t):
    rows = [f"{n},{cell}" for n, cell in enumerate(column.split())]
    split = data.csv(
        write(tmp_path, "\n".join(["n,t", *rows])),
        "t",
        standardize=False,
        held_out=0,
        **options,
    )
    (x, got), _ = split
    assert split.classes == classes
    assert got.dtype == (np.int64 if classes else np.float32)
    assert got.ravel()[np.argsort(x[:, 0])].tolist() == t


@given(st.integers(2, 60), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), st.integers(0, 5))
def test_parts_are_in_proportion_and_have_every_row_once(count, held_out, seed):
    labels = np.arange(count) % 3
    train, test = data.split.split_rows(count, held_out, seed, labels)
    assert sorted([*train, *test]) == list(range(count))
    assert len(test) == int(count * held_out + 0.5)
    for label in range(3):
        assert abs((labels[test] == label).sum() - (labels == label).sum() * held_out) <= 1
    again = data.split.split_rows(count, held_out, seed, labels)
    assert (train.tolist(), test.tolist()) == (again[0].tolist(), again[1].tolist())


def test_the_seed_decides_what_is_held_out(houses):
    def held_out(seed):
        return data.csv(houses, "price", drop=["area"], held_out=0.5, seed=seed).test[1].tolist()

    assert held_out(0) == held_out(0)
    assert len({str(sorted(held_out(seed))) for seed in range(8)}) > 2


# how files are written ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,b\n1,x\n2.5,y\n", {}),
        ("a;b\r\n1;x\r\n2.5;y\r\n", {}),
        ("a;b\n1;x\n2,5;y\n", {"decimal": ","}),
        ("a\tb\n\n1\tx\n2.5\ty", {}),
        ("a|b\n 1 | x \n2.5|y\n\n", {}),
        ('"a","b"\n"1","x"\n"2.5","y"\n', {}),
        ("\ufeffa,b\n1,x\n2.5,y\n", {}),
        (gzip.compress(b"a,b\n1,x\n2.5,y\n", mtime=0), {}),
        ("a/b\n1/x\n2.5/y\n", {"delimiter": "/"}),
    ],
)
def test_files_in_many_spellings(tmp_path, text, options):
    sheet = read_sheet(write(tmp_path, text), **options)
    assert list(sheet.columns) == ["a", "b"] and sheet.texts("b") == ["x", "y"]
    assert sheet.numbers("a").tolist() == [1, 2.5]


def test_cells_may_hold_delimiters_quotes_and_lines(tmp_path):
    path = write(tmp_path, 'n,said\n1,"a, ""b""\nc"\n2,d\n3,"e"\n')
    sheet = read_sheet(path)
    assert sheet.texts("said") == ['a, "b"\nc', "d", "e"] and sheet.lines == [3, 4, 5]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("last", ["2.5", "x"])  # all numbers, and not
def test_empty_lines_are_counted(tmp_path, header, last):
    path = write(tmp_path, "\n" + "a,b\n" * header + f"1,2\n\n\r\n3,nan\n4,{last}\n")
    lines = read_sheet(path, header=header).lines
    assert list(lines) == [line + header for line in (2, 5, 6)]


def test_numbers_with_a_comma_are_not_taken_for_names(tmp_path):
    path = write(tmp_path, "a;b\n1,5;2,5\n3;4\n")
    said = (
        f"{path}, line 2: 'b' is '2,5', and holds numbers with a comma. Give decimal=',' "
        "if that is how its decimals are written; write thousands without commas, or give "
        "classes=True if they are names."
    )
    assert text_of(data.DataError, lambda: data.csv(path, "b")) == said
    said = said.replace("classes=True", "categories=['a']").replace("'b' is '2,5'", "'a' is '1,5'")
    assert text_of(data.DataError, lambda: data.csv(path, "b", classes=True)) == said
    split = data.csv(path, "b", classes=True, categories=["a"], held_out=0)
    assert split.recipe.names == ("a=1,5", "a=3") and split.classes == ("2,5", "4")
    split = data.csv(path, "b", decimal=",", held_out=0)
    assert sorted(split.train[1].ravel().tolist()) == [2.5, 4.0]


def test_without_names(tmp_path):
    path = write(tmp_path, "1.5,2,cat\n3.5,4,dog\n")
    split = data.csv(path, "column3", header=False, standardize=False, held_out=0)
    assert split.recipe.names == ("column1", "column2") and split.classes == ("cat", "dog")
    assert sorted(split.train[0].tolist()) == [[1.5, 2], [3.5, 4]]
    path = write(tmp_path, "1.5,2\n3.5,4\n")
    assert len(data.csv(path, "column2", header=False, held_out=0, classes=True).train[0]) == 2


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=8))
def test_numbers_alone_are_read_as_cells_are(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp()
    lines = [",".join(map(repr, row)) for row in rows]
    quick = read_sheet(write(folder, "\n".join(["a,b,c", *lines])))
    slow = read_sheet(write(folder, "\n".join(["a,b,c,d", *[f"{line},x" for line in lines]])))
    assert isinstance(quick.columns["a"], np.ndarray) and isinstance(slow.columns["a"], list)
    for n, name in enumerate("abc"):
        assert quick.numbers(name).tolist() == slow.numbers(name).tolist() == [r[n] for r in rows]
    assert list(quick.lines) == list(slow.lines)


# new rows ----------------------------------------------------------------------------------------


def test_new_rows_are_prepared_as_the_ones_before(houses, tmp_path):
    recipe = data.csv(houses, "price", missing="fill", held_out=0).recipe
    new = tmp_path / "new.csv"
    new.write_text("town,area,rooms,note,heated\nBiel,100,4,hello,no\nThun,?,2,,yes\n")
    x = recipe.read(new)
    rows = [
        {"rooms": 4, "town": "Biel", "heated": "no", "area": 100.0},
        {"rooms": 2, "town": "Thun", "heated": "yes", "area": None},
    ]
    np.testing.assert_array_equal(recipe.rows(rows), x)
    np.testing.assert_array_equal(recipe.rows(tuple(rows)), x)
    np.testing.assert_array_equal(recipe.read(houses).shape, (6, x.shape[1]))
    recipe.save(tmp_path / "houses.json")
    again = data.read_recipe(tmp_path / "houses.json")
    np.testing.assert_array_equal(again.read(new), x)
    assert again.target == "price" and repr(again) == repr(recipe)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_new_rows_in_a_data_frame(houses, kind):
    frames = pytest.importorskip(kind, reason=f"{kind} is not installed")
    recipe = data.csv(houses, "price", missing="fill", held_out=0).recipe
    columns = {
        "rooms": [4, 2],
        "town": ["Biel", None],
        "heated": ["no", "yes"],
        "area": [1.5, None],
    }
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    np.testing.assert_array_equal(recipe.rows(frames.DataFrame(columns)), recipe.rows(rows))


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"rooms": 1}, "the rows has no column 'town'; it has 'rooms'."),
        (
            {"rooms": 1, "town": "Born", "heated": "no"},
            "the rows, line 1: 'town' is 'Born', but it has to be one of 'Bern', 'Biel', 'Thun'. "
            "Did you mean 'Bern'?",
        ),
        (
            {"rooms": "many", "town": "Bern", "heated": "no"},
            "the rows, line 1: 'rooms' is 'many', but it has to be a number.",
        ),
        (
            {"rooms": 1, "town": "", "heated": "no"},
            "the rows, line 1: 'town' is missing. Fill it in, or read the data to learn from with "
            "missing='drop', which leaves such rows out, or missing='fill'.",
        ),
        (
            {"rooms": None, "town": "Bern", "heated": "no"},
            "the rows, line 1: 'rooms' is missing. Fill it in, or read the data to learn from with "
            "missing='drop', which leaves such rows out, or missing='fill'.",
        ),
        (
            3,
            "Rows are given as a dict, a list of dicts or a data frame, but this is a int.",
        ),
    ],
)
def test_new_rows_that_do_not_fit(houses, row, text):
    recipe = data.csv(houses, "price", drop=["area"]).recipe
    assert text_of(DataError, lambda: recipe.rows(row)) == text


# what is wrong -----------------------------------------------------------------------------------


def test_missing_cells_are_an_error_that_says_where(houses):
    assert error_of(houses, "price") == (
        ", line 4: 'area' is missing. Fill it in, or read the data to learn from with "
        "missing='drop', which leaves such rows out, or missing='fill'."
    )
    houses.write_text(HOUSES.replace("5,Biel", "5,NA").replace("1,Biel", "1,"))
    assert error_of(houses, "town").startswith(", line 3 (and in 1 more): 'town' is missing.")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n3\n", {"delimiter": ","}, ", line 3: expected 2 cells, but got 1. Mend the"),
        ("a,b\n", {}, ": there are no rows below the names of the columns."),
        ("a\n1\n2\n", {}, ": none of , ; tab and | cuts the first rows into equally many cells"),
        ("a,a\n1,2\n", {}, ": several columns are called 'a'. Rename them."),
        ("1,2\n3,4\n", {}, ": the first line should name the columns, but holds numbers. Give h"),
        ('a,b\n"1,2\n', {"delimiter": ","}, ", line 2: unexpected end of data. Mend the file."),
        ("", {}, ": the text is empty."),
        (b"a,b\n\xff,1\n", {}, ": expected a text in UTF-8, but byte 4 is 0xff"),
        ("a,c\n1,2\n", {}, " has no column 'b'; it has 'a', 'c'."),
        ("a,bb\n1,2\n", {}, " has no column 'b'; it has 'a', 'bb'. Did you mean 'bb'?"),
        ("a,b\n1,2\n3,4\n", {}, ": 'b' holds whole numbers. Say what they are: classes=True if"),
        ("a,b\n1,x\n3,y\n", {"classes": False}, ", line 2: 'b' is 'x', but it has to be a number."),
        ("a,b\n1,x\n3,x\n", {}, ": 'b' is 'x' in all rows."),
        ("a,b\n1,1.5\n2,2.5\n3,x\n", {}, ", line 4: 'b' is 'x', but in most rows it is a number"),
        ("a,b\n1,1.5\ninf,2.5\n3,4.5\n", {}, ", line 3: 'a' is 'inf', but in most rows it is a n"),
        ("a,b\n1,1.5\n1e99,2.5\n", {"standardize": False}, ": a number is too large for float32."),
        ("a,b\n1,1.5\n1,1e99\n", {}, ": a number is too large for float32. Give it in another"),
        ("a,b\n1,1.5\n1,x\n1e999,2\n", {}, ", line 3: 'b' is 'x', but in most rows it is a num"),
        ("a,b\n,1.5\n,2.5\n", {"missing": "drop"}, ": something is missing in every row."),
    ],
)
def test_tables_that_do_not_fit(tmp_path, text, options, said):
    assert error_of(write(tmp_path, text), "b", **options).startswith(said)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"encode": "hot"}, "encode='hot': give 'one_hot' or 'codes'."),
        ({"missing": "mean"}, "missing='mean': give 'error', 'drop' or 'fill'."),
        ({"decimal": "x"}, "decimal='x': give '.' or ','."),
        ({"delimiter": ", "}, "delimiter=', ': give one character, such as ';'."),
        ({"held_out": 1}, "held_out=1: a part is from 0 up to below 1."),
        (
            {"drop": ["rooms", "town", "heated", "area"]},
            "A table needs a column besides the one that is to be told.",
        ),
    ],
)
def test_options_that_are_none(houses, options, text):
    assert text_of(DataError, lambda: data.csv(houses, "price", **options)) == text


def test_names_are_no_categories_and_empty_columns_no_numbers(tmp_path):
    rows = [f"name {n},,{n}.5" for n in range(101)]
    path = write(tmp_path, "\n".join(["name,empty,t", *rows]))
    assert error_of(path, "t", missing="fill") == (
        ": 'name' has 101 different texts, too many for categories. Leave it out: drop=['name']."
    )
    text = text_of(DataError, lambda: data.csv(path, "t", drop=["name"], missing="fill"))
    assert text == "'empty' has no number in the rows to learn from. Leave it out."


def test_damaged_tables_are_read_or_refused(houses):
    rng = random.Random(0)
    for whole in (HOUSES.encode(), b"a,b\n1,2.5\n3,4\n5,6\n", gzip.compress(HOUSES.encode())):
        for _ in range(400):
            content = bytearray(whole)
            for place in rng.sample(range(len(content)), rng.randint(1, 4)):
                content[place] = rng.choice([*b',;\n\r\t|" .-+e019xna', rng.randrange(256)])
            houses.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
            for target in ("price", "b"):
                try:
                    split = data.csv(houses, target, missing="fill")
                    split.recipe.read(houses)
                except DataError as error:
                    assert "\n" not in str(error)


@pytest.mark.parametrize("large", ["1e200", "1e308"])
def test_numbers_too_large_to_be_squared(tmp_path, large):
    path = write(tmp_path, f"a,b\n{large},x\n{large},y\n3,x\n-{large},y\n")
    text = text_of(DataError, lambda: data.csv(path, "b"))
    assert text == "Normalize expects finite numbers, and each std above 0."


def test_a_file_that_is_not_there(tmp_path):
    assert "there is no such file" in error_of(tmp_path / "none.csv", "a")


# recipes in files --------------------------------------------------------------------------------


def test_damaged_recipes_are_read_or_refused(houses, tmp_path):
    path, rng = tmp_path / "recipe.json", random.Random(0)
    data.csv(houses, "price", missing="fill").recipe.save(path)
    whole = path.read_bytes()
    for _ in range(400):
        content = bytearray(whole)
        for place in rng.sample(range(len(content)), rng.randint(1, 3)):
            content[place] = rng.choice(b'{}[],:"0123456789abcnull ')
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        try:
            data.read_recipe(path).rows({"rooms": 1, "town": "Bern", "heated": "no", "area": 1})
        except DataError:
            pass


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[]", "expected a recipe, but: "),
        ("{}", "expected a recipe, but: KeyError('layerwise recipe')"),
        ("[" * 100_000, "expected a recipe, but: RecursionError"),
        ('{"layerwise recipe": 9}', "but: it was written by another version of layerwise."),
        ('{"layerwise recipe": 1, "kind": "os"}', "expected a recipe, but: KeyError('os')"),
        (
            '{"layerwise recipe": 1, "kind": "image", "size": [99999, 9]}',
            "but: size=[99999, 9]: give a whole number from 1 to 10000, or (height, width).",
        ),
        (
            '{"layerwise recipe": 1, "kind": "table", "columns": [{"name": "a", "mean": NaN, '
            '"std": 1}]}',
            "but: 'a' has the mean nan, the deviation 1: no numbers.",
        ),
        (
            '{"layerwise recipe": 1, "kind": "table", "columns": [{"name": "a", "values": '
            '["x", "x"]}]}',
            "but: 'a' has 'x' twice.",
        ),
        ('{"layerwise recipe": 1, "kind": "image", "size": 8, "classes": [1]}', "must be texts"),
    ],
)
def test_what_is_no_recipe(tmp_path, content, text):
    path = tmp_path / "recipe.json"
    path.write_text(content)
    said = text_of(DataError, lambda: data.read_recipe(path))
    assert said.startswith(f"{path}: ") and text in said
    assert said.endswith(" Write it with split.recipe.save(path).")
    path.unlink()
    assert text_of(DataError, lambda: data.read_recipe(path)).endswith("No such file or directory.")


def test_a_recipe_is_plain_json(houses, tmp_path):
    data.csv(houses, "price", drop=["area"]).recipe.save(tmp_path / "recipe.json")
    said = json.loads(Path(tmp_path / "recipe.json").read_text("utf-8"))
    assert said["kind"] == "table" and said["columns"][1]["values"] == ["Bern", "Biel", "Thun"]


def test_a_network_learns_a_table(tmp_path):
    (x, t), _ = data.digits()
    rows = [",".join([*(f"{p:g}" for p in pixels), f"d{d}"]) for pixels, d in zip(x[:600], t)]
    names = ",".join([*(f"p{n}" for n in range(64)), "digit"])
    path = write(tmp_path, "\n".join([names, *rows]))
    split = data.csv(path, "digit", seed=1)
    net = lw.Sequential(lw.Affine(64, 32), lw.ReLU(), lw.Affine(32, 10), seed=0)
    lw.fit(net, *split.train, epochs=20, batch_size=20, progress=False)
    assert lw.accuracy(net, *split.test) > 0.85
    scores = net.predict(split.recipe.read(path))
    right = [split.classes[n] == f"d{d}" for n, d in zip(scores.argmax(axis=1), t)]
    assert np.mean(right) > 0.95


def test_a_column_of_large_numbers_is_learned_in_its_unit(tmp_path):
    rng = np.random.default_rng(0)
    area, rooms = rng.uniform(30, 200, 300), rng.integers(1, 8, 300)
    price = 3000 * area + 20_000 * rooms + 0.5
    rows = [f"{a:.1f},{r},{p:.1f}" for a, r, p in zip(area, rooms, price)]
    (tmp_path / "houses.csv").write_text("\n".join(["area,rooms,price", *rows]))
    (x, t), (x_test, t_test) = houses = lw.data.csv(tmp_path / "houses.csv", "price")
    assert houses.recipe.unit == pytest.approx((t.mean(), t.std()), rel=1e-5)
    off = {}
    for name, change in [("in units", houses.recipe.in_units), ("as it is", lambda net: net)]:
        net = change(lw.Sequential(lw.Affine(2, 16), lw.ReLU(), lw.Affine(16, 1), seed=0))
        lw.fit(net, x, t, loss=lw.MeanSquaredError(), optimizer=lw.Adam(0.01), epochs=40,
               batch_size=20, progress=False)  # fmt: skip
        off[name] = abs(net.predict(x_test) - t_test).mean()
    assert off["in units"] < 10_000 < 100_000 < off["as it is"]

    houses.recipe.save(tmp_path / "houses.json")
    again = lw.data.read_recipe(tmp_path / "houses.json")
    assert again.unit == houses.recipe.unit
    y = again.in_units(lw.Sequential(lw.Affine(2, 1), seed=0)).predict(x[:1])
    assert 10_000 < y[0, 0] < 1_000_000


def test_only_numbers_have_a_unit():
    pets = lw.data.TableRecipe(("cat", "dog"), [{"name": "legs", "mean": 0, "std": 1}], "pet")
    text = text_of(DataError, lambda: pets.in_units(lw.Sequential(lw.Affine(1, 2))))
    assert text == "TableRecipe(legs -> pet) tells classes, which have no unit."
    column = [{"name": "area", "mean": 80, "std": 20}]
    text = text_of(DataError, lambda: lw.data.TableRecipe((), column, "price", unit=[1, "2"]))
    assert text == "unit=[1, '2']: give a mean and a deviation."
