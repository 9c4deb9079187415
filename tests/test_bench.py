"""The harness of `make bench`: one work, one round, one contender; no time is asserted."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench import measure, readme, results
from bench.__main__ import main
from bench.contenders import BEST, Contender, book
from bench.contenders.ours import prepare
from bench.run import Settings, process, request
from bench.works import WORKS, Given

MARKED = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"
NUMBERS = ("p90", "busy_median", "busy_p90", "memory", "cores", "threads", "parameters")


def test_a_run_of_one_work_writes_its_table_picture_and_numbers(tmp_path, capsys):
    main(["two_layer_net", "--quick", "--only", "numpy", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["works"]["two_layer_net"]["numpy"]["runs"][0]["parameters"] == 39760
    table = (tmp_path / "RESULTS.md").read_text()
    assert "| MLP 784-50-10, SGD, batch 100 |" in table
    assert table in capsys.readouterr().out
    assert (tmp_path / "results.svg").read_text().startswith("<svg")


def test_an_unknown_work_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["no_such_work"])
    assert "there is no 'no_such_work': choose from shop" in capsys.readouterr().err


@pytest.mark.parametrize("work", ["two_layer_net", "simple_conv_net", "char_lstm"])
def test_the_books_code_does_the_same_work_as_layerwise(work):
    given = prepare(WORKS[work]._replace(batch=2))
    step = book.build(WORKS[work]._replace(batch=2), given, "").step
    np.testing.assert_allclose([step() for _ in range(3)], given.expected, rtol=1e-3)


def test_what_does_other_work_fails_with_a_reason(tmp_path):
    path = tmp_path / "given.npz"
    given = prepare(WORKS["two_layer_net"])
    given._replace(expected=given.expected + 1).save(path)
    contender = Contender("the book's code", "book")
    asked = request("two_layer_net", contender, Settings(seconds=0.01), path)
    assert "failed" in process(contender, asked, threads=1)
    contender = contender._replace(needs=("no_such_module",))
    assert process(contender, asked, 1) == {"failed": "no_such_module is not installed"}


def test_the_first_loss_is_met_more_closely_than_those_after_steps():
    given = prepare(WORKS["two_layer_net"])
    work, losses = WORKS["two_layer_net"], given.expected
    measure.check([*(losses * [1, 1.01, 0.99])], work, given)
    for other in ([1.003, 1, 1], [1, 1, 1.03]):
        with pytest.raises(AssertionError):
            measure.check([*(losses * other)], work, given)


def test_what_is_given_comes_back_from_its_file(tmp_path):
    given = Given(np.ones(2), np.zeros(3), [np.full(4, 0.5)] * 11, np.arange(3.0))
    given.save(tmp_path / "given.npz")
    for mine, back in zip(given, Given.load(tmp_path / "given.npz")):
        np.testing.assert_array_equal(mine, back)


def run_of(median):
    return {"runs": [dict.fromkeys(NUMBERS, 1.0) | {"median": median}]}


FOUND = {
    "date": "2026-01-01",
    "machine": "a machine",
    "threads": 2,
    "rounds": 1,
    "seconds": 1.0,
    "compiler": "",
    "versions": {"torch": "2", "jax": "not installed"},
    "works": {
        "mlp": {
            "compiled": run_of(2.0),
            "torch": run_of(6.0),
            "best: fused": run_of(1.0),
            "best: compile": {"runs": [], "failed": "no compiler"},
            "jax": {"runs": [], "failed": "jax is not installed"},
            "sklearn": {"runs": [], "failed": "ValueError: no"},
        }
    },
}


def test_ratios_losses_and_failures_stand_in_the_table():
    table = results.markdown(FOUND)
    row = (
        "| MLP 784-512-512-10, Adam, batch 128 | 2.00 | 6.00 (3.00) | 1.00 (0.50) | not installed |"
    )
    assert f"{row} failed: ValueError: no |" in table
    assert "- MLP 784-512-512-10, Adam, batch 128, time: PyTorch at its best (0.50)" in table
    assert "torch.compile, fused optimizer: no compiler." in table
    assert "**3.00** times" in table


def test_the_best_way_is_the_fastest_that_ran():
    assert results.columns("mlp", FOUND["works"]["mlp"])[BEST].value("median") == 1.0


def test_the_readmes_get_the_table_between_the_markers(tmp_path):
    for name in readme.LANGUAGES:
        Path(tmp_path, name).write_text(MARKED)
    readme.write(FOUND, tmp_path)
    for name in readme.LANGUAGES:
        text = Path(tmp_path, name).read_text()
        assert text.startswith("before\n") and text.endswith("\nafter\n")
        assert "6.00 (3.00)" in text and "(0.50)" in text and "old" not in text


def test_each_mean_says_over_how_many_networks_it_is(tmp_path):
    gpt = {"compiled": run_of(1.0), "torch": run_of(3.0), "best: fused": {"runs": []}}
    for name in readme.LANGUAGES:
        Path(tmp_path, name).write_text(MARKED)
    readme.write(FOUND | {"works": {**FOUND["works"], "gpt": gpt}}, tmp_path)
    assert (
        "PyTorch eager takes 3.00 times as long as layerwise, compiled, in the geometric mean over "
        "2 networks, and PyTorch at its best 0.50 times over 1."
    ) in Path(tmp_path, "README.md").read_text()
    chinese = Path(tmp_path, "README.zh-CN.md").read_text()
    assert "3.00 倍（2 个网络）" in chinese and "0.50 倍（1 个网络）" in chinese


def test_the_page_says_how_much_was_measured():
    quick = results.markdown(FOUND | {"note": "It rained."})
    assert "Made by `make bench ARGS=--quick` on" in quick and "in turn, in one round (" in quick
    assert "- Not measured: the shop; MLP 784-50-10, SGD, batch 100; " in quick
    assert "; what it takes to begin.\n- It rained." in quick
    assert "Made by `make bench` on" in results.markdown(FOUND | {"rounds": 3})
