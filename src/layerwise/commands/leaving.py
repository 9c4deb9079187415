"""What a run leaves behind: how good the network is, its weights, tables and pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import WiringError
from ..graph import Graph
from ..metrics import ConfusionMatrix
from ..training import EarlyStopping, Trainer
from ..training.history import plain
from .runs import NET, Run, writing
from .tasks import Task

SENTENCES = {
    "classes": "Right on {part}: {accuracy} of {count:,} {words}.",
    "numbers": "On {part}, {count:,} {words}, {target} is {mae} off on average, R2 {r2}.",
    "characters": "Perplexity on {part}, {count:,} characters: {perplexity}.",
}


def leave(run: Run, trainer: Trainer, task: Task) -> tuple[str, list[str]]:
    """Judge the network by the test part, and write everything: a sentence, and names of files."""
    values = trainer.evaluate(task.test)
    with writing(run / NET):
        trainer.net.save(run / NET)
    names = [NET, *tables(run, trainer), *pictures(run, trainer, task)]
    result = {
        "finished": not trainer.for_now,
        "stopped": trainer.stopped,
        "epoch": trainer.epoch,
        "weights": weights_of(trainer),
        "test": plain_values(values),
    }
    with writing(run / "result.json"):
        run.save_result(result)
    return sentence(trainer, task, values), [*names, "result.json"]


def tables(run: Run, trainer: Trainer) -> list[str]:
    """The history, for other programs."""
    for name, write in [
        ("history.csv", trainer.history.to_csv),
        ("history.json", trainer.history.to_json),
    ]:
        with writing(run / name):
            write(run / name)
    return ["history.csv", "history.json"]


def pictures(run: Run, trainer: Trainer, task: Task) -> list[str]:
    """The learning curves, the graph, and what the network takes for what."""
    from ..training.pictures import plot_confusion, plot_misclassified

    drawn: dict[str, Callable[[Path], Any]] = {"graph.svg": partial(draw_graph, trainer.net)}
    if trainer.history.epochs:
        drawn["curve.png"] = trainer.history.plot
    if task.goal == "classes":
        x, t = task.test
        names = task.recipe.classes
        counts = ConfusionMatrix().of(trainer.predict(x), t)
        drawn["confusion.png"] = lambda path: plot_confusion(counts, names, path)
        if task.kind == "images":
            drawn["misclassified.png"] = lambda path: plot_misclassified(
                trainer.net, x, t, names, path
            )
    for name, draw in drawn.items():
        with writing(run / name):
            draw(run / name)
    return [name for name in drawn if (run / name).exists()]


def draw_graph(net: Graph, path: Path) -> None:
    """The picture of the graph: with closed boxes if it is large, and none if it is too large."""
    for depth in (None, 0):
        try:
            net.draw(path, depth=depth)
            return
        except WiringError:
            continue


def plain_values(values: dict[str, Any]) -> dict[str, Any]:
    """A loss and metrics for JSON; what could not be computed is None."""
    return {name: None if one is None else plain(float(one)) for name, one in values.items()}


def sentence(trainer: Trainer, task: Task, values: dict[str, Any], part: str = "") -> str:
    """How good a network is, for people; `part` says on what, if it is not what was held out."""
    shown = {one.name: one.show(values[one.name]) for one in trainer.metrics}
    count = task.test[1].size if task.goal == "characters" else len(task.test[1])
    held_out = "the end of the text" if task.goal == "characters" else "the test part"
    return SENTENCES[task.goal].format(
        part=part or held_out,
        count=count,
        words=task.words,
        target=getattr(task.recipe, "target", ""),
        **shown,
    )


def weights_of(trainer: Trainer) -> str:
    """Which weights the network has at the end."""
    for one in trainer.callbacks:
        if isinstance(one, EarlyStopping) and one.weights is not None:
            return f"those of epoch {one.best_epoch}, the best"
    return f"the last ones, of epoch {trainer.epoch}"
