"""The pages of all layers and networks: they are what the code says now, and none is missing."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

import pytest
from test_project import ROOT

import layerwise as lw

sys.path.insert(0, str(ROOT / "docs"))
import layers as page
import models as models_page
import portraits
import recorded

FILES = page.files()
GRAPHS = {cls.__name__ for cls in page.all_layers() if issubclass(cls, lw.Graph)}
PORTRAITS = [  # but for those of graphs, whose layout is the installed Graphviz's
    path for path in FILES if path.endswith(".svg") and Path(path).stem not in GRAPHS
]
NUMBER = re.compile(r"-?\d+\.?\d*")
SENTENCE = "Run `make docs`: it writes the page anew."


def test_the_page_says_what_the_code_says():
    assert (ROOT / "docs" / "layers.md").read_text("utf-8") == FILES["layers.md"], SENTENCE


def test_there_is_a_picture_for_every_layer_and_no_other():
    there = {path.stem for path in (ROOT / "docs" / page.PICTURES).iterdir()}
    assert there == {cls.__name__ for cls in page.all_layers()}, SENTENCE


@pytest.mark.parametrize("path", PORTRAITS)
def test_every_picture_is_up_to_date(path):
    """But for the last digit of a number, and the id made of them: machines round differently."""
    said, now = (ROOT / "docs" / path).read_text("utf-8"), FILES[path]
    said, now = (re.sub(r"lw[0-9a-f]{10}", "lw", text) for text in (said, now))
    assert NUMBER.sub("", said) == NUMBER.sub("", now), SENTENCE
    coordinates = [list(map(float, NUMBER.findall(text))) for text in (said, now)]
    assert coordinates[1] == pytest.approx(coordinates[0], abs=0.011), SENTENCE


def test_pictures_are_small_files():
    assert max(len(FILES[path]) for path in PORTRAITS) < 20_000


def test_every_layer_is_linked_and_has_its_formulas():
    text = FILES["layers.md"]
    for cls in page.all_layers():
        name, base = cls.__name__, page._base(cls)
        assert f"[{name}](#{name.lower()})" in text
        assert re.search(r"^ *backward  ", (base or cls).__doc__, re.M), name
    assert {cls.__name__ for cls in page.all_layers()} >= set(lw.layers.__all__)


def test_a_new_family_stands_before_the_losses():
    names = [page._name(module) for module in page.families_of_layers()]
    first, last = ([name for name in part if name in names] for part in (page.FIRST, page.LAST))
    assert names[: len(first)] == first
    assert names[-len(last) :] == last


def test_an_example_is_what_the_docstring_computes():
    example = recorded.example_of(lw.Concat)
    assert example.names == ["x1", "x2"]
    assert [x.tolist() for x in example.inputs] == [[1, 2], [3]]
    assert example.outputs[0].tolist() == [1, 2, 3]
    assert [dx.tolist() for dx in example.gradients] == [[10, 20], [30]]


def test_an_example_that_stops_after_forward_goes_back_from_the_first_number():
    example = recorded.example_of(lw.AvgPool3d)
    (dout,) = example.douts
    assert dout.flat[0] == dout.sum() == 1
    assert example.gradients[0].sum() == 1


def test_reading_an_example_leaves_the_class_as_it_was():
    before = lw.Affine.forward, lw.Conv2d.forward, lw.Affine.backward
    recorded.example_of(lw.Affine), recorded.example_of(lw.Conv2d)
    assert before == (lw.Affine.forward, lw.Conv2d.forward, lw.Affine.backward)
    assert "forward" not in vars(lw.Conv2d)


def test_the_examples_of_the_pictures_code_run():
    assert doctest.testmod(portraits) == (0, 1)


def test_a_class_without_an_example_is_named():
    class Bare(lw.Layer):
        """y = x"""

        def forward(self, x):
            return x

        def backward(self, dout):
            return dout * 1

    with pytest.raises(ValueError, match="The docstring of Bare has no example"):
        recorded.example_of(Bare)


# the networks ------------------------------------------------------------------------------------


def test_the_page_of_networks_says_what_the_code_says():
    nets = models_page.networks()
    assert set(nets) == set(lw.models.__all__)
    there = (ROOT / "docs" / "models.md").read_text("utf-8")
    assert there == models_page.page(nets), SENTENCE
    pictures = re.findall(r"\]\((pictures/models/\w+\.svg)\)", there)
    folder = ROOT / "docs" / models_page.PICTURES
    assert {ROOT / "docs" / path for path in pictures} == set(folder.iterdir()), SENTENCE
