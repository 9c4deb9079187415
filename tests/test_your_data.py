"""The page on data of one's own: its code runs, from top to bottom, in an empty folder."""

from __future__ import annotations

import re

import pytest
from test_project import ROOT, blocks, run

import layerwise as lw

PAGES = ["docs/your_data.md", "docs/your_data.zh-CN.md"]
BLOCKS = 13


def test_the_code_runs_and_says_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code, said in blocks(PAGES[0], BLOCKS):
        try:
            run(code, names)
        except lw.data.DataError as error:
            print(f"DataError: {error}")
        assert capsys.readouterr().out == said
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"fruit.png", "fruit.safetensors", "drawings.safetensors", "drawings.json"}


def test_both_pages_have_the_same_code():
    assert blocks(PAGES[0], BLOCKS) == blocks(PAGES[1], BLOCKS)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file(name):
    path = ROOT / name
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
    assert links and all((path.parent / link).exists() for link in links)
