"""The page on data of one's own: its code runs, from top to bottom, in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from command_line import call
from test_project import ROOT, blocks, run

import layerwise as lw
from layerwise.commands import leaving

PAGES = ["docs/your_data.md", "docs/your_data.zh-CN.md"]
BLOCKS = 13


def test_the_code_runs_and_says_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(leaving, "pictures", lambda run, trainer, task: [])  # they take long
    names = {}
    for code, said in blocks(PAGES[0], BLOCKS):
        try:
            run(code, names)
        except lw.data.DataError as error:
            print(f"DataError: {error}")
        assert capsys.readouterr().out == said
    for line in commands(PAGES[0]):
        result = call(*shlex.split(line))
        assert result.exit_code == 0, result.output
    assert json.loads(Path("runs/drawings-1/result.json").read_bytes())["epoch"] == 15
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"fruit.png", "fruit.safetensors", "drawings.safetensors", "drawings.json"}


def commands(name):
    """What a page says to type into a terminal, without `layerwise`."""
    (block,) = re.findall(r"^```sh\n(.*?)^```\n", (ROOT / name).read_text("utf-8"), re.S | re.M)
    return [line.removeprefix("layerwise ") for line in block.splitlines()]


def test_both_pages_have_the_same_code():
    assert commands(PAGES[0]) == commands(PAGES[1])
    assert blocks(PAGES[0], BLOCKS) == blocks(PAGES[1], BLOCKS)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file(name):
    path = ROOT / name
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
    assert links and all((path.parent / link).exists() for link in links)
