"""The project around the code: what the README promises, what an import costs."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import layerwise as lw

ROOT = Path(__file__).parent.parent
READMES = ["README.md", "README.zh-CN.md"]


def blocks(name, count=9):
    """The code of a page, each block with the text that it is said to print."""
    text = (ROOT / name).read_text("utf-8")
    found = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", text, re.S | re.M)
    assert len(found) == count
    return found


def run(code, names):
    """Run a block; a line such as `expression  # value` has to give that value."""
    for statement in ast.parse(code).body:
        source = ast.get_source_segment(code, statement)
        line = code.splitlines()[statement.end_lineno - 1]
        if isinstance(statement, ast.Expr) and "  # " in line:
            assert str(eval(source, names)) == line.split("  # ")[1]
        else:
            exec(source, names)


@pytest.mark.parametrize("name", READMES)
def test_every_example_in_the_readme_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # what it draws does not land in the project
    names = {}
    for code, said in blocks(name):
        try:
            run(code, names)
        except lw.ShapeError as error:
            print(f"ShapeError: {error}")
        assert capsys.readouterr().out == said
    assert (tmp_path / "shop.svg").is_file()


def test_both_readmes_have_the_same_examples():
    assert blocks(READMES[0]) == blocks(READMES[1])


@pytest.mark.parametrize("name", [*READMES, "docs/design.md", "docs/explorer.md"])
def test_every_link_leads_to_a_file(name):
    path = ROOT / name
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not missing


HEAVY = [
    *("matplotlib", "pygraphviz", "rich", "typer", "safetensors", "numba"),
    "llvmlite",
    *("gzip", "secrets", "layerwise.book", "layerwise.data", "layerwise.draw", "layerwise.models"),
    *("layerwise.checking.checkup", "layerwise.checking.slopes"),
]


def printed(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_the_import_brings_nothing_heavy():
    assert printed(f"import sys, layerwise; print({{*{HEAVY!r}}} & {{*sys.modules}})") == "set()"


def test_what_is_loaded_later_is_there_all_the_same():
    code = "import layerwise as lw; print('data' in dir(lw), lw.data.digits, lw.models.lenet5)"
    assert printed(code).startswith("True <function digits at")
    assert printed("import layerwise as lw; print(lw.load)").startswith("<function load at")
    code = "from layerwise import *; print(Affine, models.gpt, check)"
    assert "function gpt" in printed(code)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'layerwise' has no attribute 'Afine'$"):
        lw.Afine  # noqa: B018


def test_the_version_is_the_installed_one():
    assert importlib.metadata.version("layerwise") == lw.__version__


def test_every_public_name_has_a_docstring():
    bare = [name for name in lw.__all__ if not getattr(lw, name).__doc__]
    assert not bare


def run_example(name):
    run = [sys.executable, str(ROOT / "examples" / name)]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_program_of_chapter_5_prints_the_book_s_lines():
    assert run_example("buy_apple_orange.py") == [
        "price: 715",
        "dApple: 2.2",
        "dApple_num: 110",
        "dOrange: 3.3000000000000003",
        "dOrange_num: 165",
        "dTax: 650",
    ]


def test_the_training_by_hand_learns():
    last = run_example("train_by_hand.py")[-1]
    assert last.startswith("step 1000")
    assert float(last.split()[-1].rstrip("%")) > 94
