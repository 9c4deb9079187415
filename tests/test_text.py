"""Texts as numbers, character by character."""

import gzip

import numpy as np
import pytest

from layerwise import data


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_text_becomes_numbers_and_back(tmp_path, pack):
    poem = "Ein Öl, ein 字 und 🙂: 字字\n" * 5
    (tmp_path / "poem").write_bytes(pack(poem.encode()))
    text = data.text(tmp_path / "poem", held_out=0.25)
    assert text.decode(text.train) + text.decode(text.test) == poem
    assert len(text.test) == round(len(poem) / 4)
    assert text.alphabet == "".join(sorted(set(poem)))
    np.testing.assert_array_equal(text.encode(poem[:7]), text.train[:7])
    assert text.train.dtype == text.test.dtype == text.encode("").dtype == np.int64


def test_a_text_knows_what_it_does_not_have():
    text = data.Text(np.array([0]), np.array([1]), "ab")
    with pytest.raises(ValueError, match=r"^The text has no 'c'; it has 'ab'\.$"):
        text.encode("abc")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file. Check the name."),
        (b"", "the text is empty."),
        (b"ab\xff", "expected a text in UTF-8, but byte 2 is 0xff. Store it as UTF-8."),
        (gzip.compress(b"abc" * 100, mtime=0)[:-9], "the text cannot be read: "),
        (b"\x1f\x8bno gzip at all", "the text cannot be read: "),
    ],
)
def test_a_damaged_text_is_one_error(tmp_path, content, message):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(data.DataError) as error:
        data.text(path)
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)


@pytest.mark.parametrize("part", [-0.1, 1, 1.5])
def test_a_text_holds_out_a_part(tmp_path, part):
    with pytest.raises(ValueError, match="a part is from 0 up to below 1"):
        data.text(tmp_path / "text", held_out=part)


def test_passages_follow_each_other_and_foretell_the_next_character():
    x, t = data.passages(np.arange(11), 3)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    np.testing.assert_array_equal(t, x + 1)
    with pytest.raises(ValueError, match="a text of 3 characters has no passage of this length"):
        data.passages(np.arange(3), 3)
    with pytest.raises(ValueError, match=r"passages\(length=0\)"):
        data.passages(np.arange(3), 0)
