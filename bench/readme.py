"""The speed section of the READMEs: the part between two markers is made from the results."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from .contenders import BEST, OURS
from .results import columns, geometric, losses, ratio, start_losses, table
from .works import WORKS

BEGIN, END = "<!-- made by `python -m bench --readme` -->", "<!-- end of what it makes -->"
ROOT = Path(__file__).parents[1]
OTHERS = ("torch", BEST, "jax", "numpy", "book")


class Words(NamedTuple):
    """What a README says in its language."""

    where: str
    mean: str
    slower: str
    none: str


LANGUAGES = {
    "README.md": Words(
        "Measured on {date}: {machine}; {threads} threads, PyTorch {torch}, JAX {jax}. "
        "Milliseconds of one training step in float32 (the shop: microseconds), "
        "in brackets how many times as "
        "long as layerwise, compiled; below 1, the other one is faster.",
        "PyTorch eager takes {eager} times as long as layerwise, compiled, in the geometric mean "
        "over {eager_count} networks, and PyTorch at its best {best} times over {best_count}.",
        "Slower than, and with how much of our time (or disk) they do: {lost}. "
        "Beside a busy process, in memory, with the spread: [bench/RESULTS.md](bench/RESULTS.md).",
        "Nobody is faster in this; memory and more: [bench/RESULTS.md](bench/RESULTS.md).",
    ),
    "README.zh-CN.md": Words(
        "测量日期 {date}，机器：{machine}；每个库 {threads} 个线程，PyTorch {torch}，JAX {jax}。"
        "数字是一步训练的毫秒数（float32；买水果的例子为微秒），"
        "括号里是 layerwise 编译引擎用时的多少倍，小于 1 表示对方更快。",
        "用时与 layerwise 编译引擎之比的几何平均："
        "PyTorch eager 是 {eager} 倍（{eager_count} 个网络），"
        "PyTorch 最快的设置是 {best} 倍（{best_count} 个网络）。",
        "不如别人的地方（括号里是对方与 layerwise 之比，英文）：{lost}。"
        "旁边有繁忙进程时的结果、内存和波动范围：[bench/RESULTS.md](bench/RESULTS.md)（英文）。",
        "这里没有比别人慢的；内存等其他结果：[bench/RESULTS.md](bench/RESULTS.md)（英文）。",
    ),
}


def write(found: dict[str, Any], root: Path = ROOT) -> None:
    for name, words in LANGUAGES.items():
        path = root / name
        text = path.read_text(encoding="utf-8")
        before, begin, rest = text.partition(BEGIN)
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise SystemExit(f"{name}: the markers {BEGIN!r} and {END!r} are missing.")
        path.write_text(f"{before}{BEGIN}\n{section(found, words)}\n{END}{after}", encoding="utf-8")


def section(found: dict[str, Any], words: Words) -> str:
    works = {name: columns(name, one) for name, one in found["works"].items()}
    steps = {name: mine for name, mine in works.items() if WORKS[name].learns or name == "shop"}
    where = words.where.format(
        **{key: found[key] for key in ("date", "machine", "threads")}, **found["versions"]
    )
    lost = "; ".join([*losses(works, ["median"]), *start_losses(found.get("start", {}))])
    parts = [
        where,
        table(steps, "median", (OURS, *OTHERS)),
        mean(steps, words),
        words.slower.format(lost=lost) if lost else words.none,
    ]
    return "\n\n".join(part for part in parts if part)


def mean(steps: dict[str, Any], words: Words) -> str:
    found = {
        name: [
            one
            for work, mine in steps.items()
            if work != "shop" and not math.isnan(one := ratio(mine, name, "median"))
        ]
        for name in ("torch", BEST)
    }
    if not all(found.values()):
        return ""
    eager, best = found.values()
    return words.mean.format(
        eager=f"{geometric(eager):.2f}",
        eager_count=len(eager),
        best=f"{geometric(best):.2f}",
        best_count=len(best),
    )
