"""`RESULTS.md` from what was measured: tables, ratios, and a list of all that was slower."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

from .contenders import BEST, CONTENDERS, OURS, SHOP_CONTENDERS
from .works import WORKS

BEST_TITLE = "PyTorch at its best"
MICROSECONDS = ("shop",)


class Column(NamedTuple):
    """What one contender has reached at one work."""

    title: str
    runs: list[dict[str, float]]
    note: str = ""  # which way was the best; or why there are no runs

    def value(self, what: str) -> float:
        return median(run[what] for run in self.runs)


def markdown(found: dict[str, Any]) -> str:
    parts = [head(found)]
    works = {name: columns(name, one) for name, one in found["works"].items()}
    learn = {name: one for name, one in works.items() if WORKS[name].learns or name == "shop"}
    answer = {name: one for name, one in works.items() if name not in learn}
    for title, text, chosen, what in (
        ("A training step", STEP, learn, "median"),
        ("A training step beside a busy process", BUSY, learn, "busy_p90"),
        ("An answer", ANSWER, answer, "median"),
        ("An answer beside a busy process", BUSY, answer, "busy_p90"),
        ("Memory", MEMORY, works, "memory"),
    ):
        if chosen:
            parts += [f"## {title}", text, comparison(chosen, what)]
        if chosen is learn and learn:
            parts += means(chosen, what)
    if found.get("start"):
        parts += ["## To begin", START, beginnings(found["start"])]
    lost = [f"- {one}" for one in slower(works, found.get("start", {}))]
    nothing = "Nobody, in anything that is measured here."
    parts += ["## Slower than", SLOWER, "\n".join(lost) or nothing]
    parts += ["## All numbers", DETAILS, *details(works)]
    return "\n\n".join(parts) + "\n"


STEP = (
    "Milliseconds (the shop: microseconds) of one step: forward, loss, backward, update. In "
    "brackets: how many times as long as layerwise, compiled."
)
BUSY = (
    "The same while another process takes all it can get of one core: the time that nine steps of "
    "ten keep to."
)
ANSWER = "Milliseconds for the scores of one image, or of 256."
MEMORY = (
    "The most memory of the whole process in MB, with Python and the library, up to the end of the "
    "training; compilers in it where they run in the process."
)
START = (
    "Import: the median of five new processes. First step: DeepConvNet, batch 100, from the given "
    "weights to the first loss, import not counted; cold with an empty cache of compiled code, "
    "then with the cache that this has filled. Disk: the library alone, and with all that it needs."
)
SLOWER = (
    "Everything in which somebody does with less than layerwise, compiled, and with how much of it."
)
DETAILS = (
    "Medians of a process, of these over the rounds, with the lowest and the highest. Cores: CPU "
    "time over wall time, while the machine is otherwise idle."
)


def head(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {one}" for name, one in found["versions"].items())
    compiler = found["compiler"] or "none, so torch.compile does not run"
    quick = found["rounds"] == 1
    call = "make bench ARGS=--quick" if quick else "make bench"
    rounds = "in one round" if quick else f"in {found['rounds']} rounds"
    missing = [named(name) for name in WORKS if name not in found["works"]]
    missing += [] if found.get("start") else ["what it takes to begin"]
    left_out = [f"Not measured: {'; '.join(missing)}."] if missing else []
    more = "\n".join(f"- {one}" for one in [*left_out, *filter(None, [found.get("note")])])
    return f"""# Speed beside others

![Training steps beside other libraries](results.svg)

Made by `{call}` on {found["date"]} in {found.get("minutes", 0):.0f} minutes.

- Machine: {found["machine"]}. Everybody has {found["threads"]} threads.
- Versions: {versions}. C++ compiler: {compiler}.
- How: float32; the same first weights, batch and optimizer for all, random numbers as data. Each
  contender runs in a process of its own, in turn, {rounds} (NumPy's, scikit-learn's,
  tinygrad's and the book's code: one); after a warm-up, {found["seconds"]:g} seconds of steps alone
  and as many beside a process that is busy on one core. Nothing is counted whose first three
  losses, or scores, are not those of layerwise's plain NumPy layers (DeepConvNet's losses, in which
  chance has a part, have to fall), or whose parameters are others in number or not float32.
- {BEST_TITLE}: the fastest in the first round of channels_last, fused optimizer, torch.compile.
{more}""".rstrip()


# what was found ----------------------------------------------------------------------------------


def columns(work: str, found: dict[str, Any]) -> dict[str, Column]:
    """By contender; the ways in which PyTorch is at its best become one."""
    known = SHOP_CONTENDERS if work == "shop" else CONTENDERS
    made: dict[str, Column] = {}
    tried = {name: one for name, one in found.items() if name.startswith(BEST)}
    for name, one in found.items():
        if name not in tried:
            made[name] = Column(known[name].title, one["runs"], one.get("failed", ""))
        elif BEST not in made:
            made[BEST] = best(tried)
    return made


def best(tried: dict[str, Any]) -> Column:
    ran = {name: one for name, one in tried.items() if one["runs"]}
    reasons = [
        f"{CONTENDERS[name].title}: {one['failed']}"
        for name, one in tried.items()
        if "failed" in one
    ]
    if not ran:
        return Column(BEST_TITLE, [], "; ".join(reasons))
    first = min(ran, key=lambda name: ran[name]["runs"][0]["median"])
    return Column(BEST_TITLE, ran[first]["runs"], "; ".join([CONTENDERS[first].title, *reasons]))


def ratio(mine: dict[str, Column], name: str, what: str) -> float:
    """How many times as much as ours; NaN where one of them is missing."""
    if OURS not in mine or not mine[OURS].runs or name not in mine or not mine[name].runs:
        return math.nan
    return mine[name].value(what) / mine[OURS].value(what)


# tables ------------------------------------------------------------------------------------------


def lines(header: list[str], rows: list[list[str]]) -> str:
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ruler, *rows])


def comparison(works: dict[str, dict[str, Column]], what: str) -> str:
    """A row for each work, a column for each contender; under it who did not run, and why."""
    if "shop" in works and len(works) > 1:  # its contenders are others
        rest = {work: mine for work, mine in works.items() if work != "shop"}
        return "\n\n".join(comparison(one, what) for one in ({"shop": works["shop"]}, rest))
    order = [*CONTENDERS, *SHOP_CONTENDERS]
    order.insert(order.index("jax"), BEST)
    names = [name for name in dict.fromkeys(order) if any(name in mine for mine in works.values())]
    notes = [
        f"- {named(work)}, {column.title}: {column.note.rstrip('.')}."
        for work, mine in works.items()
        for column in mine.values()
        if column.note and not column.note.endswith("is not installed")
    ]
    text = table(works, what, names)
    return text + ("\n\n" + "\n".join(notes) if notes and what == "median" else "")


def table(works: dict[str, dict[str, Column]], what: str, names: Sequence[str]) -> str:
    rows = [
        [named(work), *(cell(work, mine, name, what) for name in names)]
        for work, mine in works.items()
    ]
    return lines(["", *map(title_of, names)], rows)


def title_of(name: str) -> str:
    return BEST_TITLE if name == BEST else (CONTENDERS.get(name) or SHOP_CONTENDERS[name]).title


def named(work: str) -> str:
    return f"{WORKS[work].title}, batch {WORKS[work].batch}" if work != "shop" else "the shop"


def cell(work: str, mine: dict[str, Column], name: str, what: str) -> str:
    if name not in mine:
        return "–"
    column = mine[name]
    if not column.runs:
        missing = column.note.endswith("is not installed")
        return "not installed" if missing else f"failed: {column.note.partition(';')[0]}"
    factor = 1000 if work in MICROSECONDS and what != "memory" else 1
    times = ratio(mine, name, what)
    shown = number(column.value(what) * factor)
    return shown if name == OURS or math.isnan(times) else f"{shown} ({times:.2f})"


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value > 0 else "0"


def means(works: dict[str, dict[str, Column]], what: str) -> list[str]:
    """How many times faster than others, as geometric means over the networks."""
    networks = {name: mine for name, mine in works.items() if name != "shop"}
    texts = []
    for name in ("torch", BEST, "jax"):
        ratios = {work: ratio(mine, name, what) for work, mine in networks.items()}
        there = {work: one for work, one in ratios.items() if not math.isnan(one)}
        if there:
            least = min(there, key=lambda work: there[work])
            texts.append(
                f"- {title_of(name)} takes **{geometric([*there.values()]):.2f}** times as "
                f"long, the geometric mean over {len(there)} networks; least {there[least]:.2f}, "
                f"with {named(least)}."
            )
    return ["\n".join(texts)] if texts else []


def geometric(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def beginnings(start: dict[str, dict[str, Any]]) -> str:
    rows = []
    for title, one in start.items():
        if "failed" in one:
            rows.append([title, one["failed"], *[""] * 4])
            continue
        texts = [f"{one['import']:.2f} s"]
        for what in ("cold", "cached"):
            why = one.get("first step failed", "–")
            texts.append(f"{one[what]:.2f} s" if what in one else why)
        for what in ("size", "size with all"):
            texts.append(f"{one[what]:.0f} MB" if what in one else "–")
        rows.append([title, *texts])
    header = ["", "import", "first step, cold", "cached", "disk, alone", "with all it needs"]
    return lines(header, rows)


MEASURES = {
    "median": "time",
    "busy_p90": "time beside a busy process, 9 of 10",
    "memory": "memory",
}


def slower(works: dict[str, dict[str, Column]], start: dict[str, dict[str, Any]]) -> list[str]:
    """Every number in which somebody is better than layerwise, compiled, however little."""
    return [*losses(works), *start_losses(start)]


def losses(
    works: dict[str, dict[str, Column]], measures: Sequence[str] = tuple(MEASURES)
) -> Iterator[str]:
    for what in measures:
        for work, mine in works.items():
            ratios = {name: ratio(mine, name, what) for name in mine}
            faster = [f"{mine[n].title} ({one:.2f})" for n, one in ratios.items() if one < 1]
            if faster:
                yield f"{named(work)}, {MEASURES[what]}: {', '.join(faster)}"


def start_losses(start: dict[str, dict[str, Any]]) -> Iterator[str]:
    ours = start.get("layerwise", {})
    for what, called in {
        "import": "import",
        "cold": "first step, cold",
        "cached": "first step, cached",
        "size": "disk, alone",
        "size with all": "disk, with all it needs",
    }.items():
        better = [
            f"{title} ({one[what] / ours[what]:.2f})"
            for title, one in start.items()
            if what in one and what in ours and one[what] < ours[what]
        ]
        if better:
            yield f"{called}: {', '.join(better)}"


def details(works: dict[str, dict[str, Column]]) -> Iterator[str]:
    for work, mine in works.items():
        factor = 1000 if work in MICROSECONDS else 1
        rows = []
        for column in mine.values():
            if not column.runs:
                continue
            medians = [run["median"] * factor for run in column.runs]
            shown = [column.value(what) * factor for what in ("p90", "busy_median", "busy_p90")]
            rows.append([
                column.title,
                number(median(medians)),
                f"{number(min(medians))} to {number(max(medians))}",
                *map(number, shown),
                number(column.value("memory")),
                f"{column.value('cores'):.1f}",
                f"{column.runs[0]['threads']:.0f}",
                f"{column.runs[0]['parameters']:,.0f}",
            ])  # fmt: skip
        unit = "microseconds" if work in MICROSECONDS else "ms"
        header = [f"{named(work)}, {unit}", "step", "lowest to highest", "9 of 10", "busy",
                  "busy, 9 of 10", "MB", "cores", "threads", "parameters"]  # fmt: skip
        yield lines(header, rows)
