"""How a training shows where it is: a live bar where there is a screen, lines elsewhere."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any

from .history import Epoch, show

INTERVAL = 0.15  # seconds between two drawings; one takes 1 ms, so that the bar costs below 1 %


class Watch:
    """Shows a training: a line for each epoch and, in a terminal or notebook, a live bar below.

    epochs    how many there will be
    batches   how many batches each has
    wanted    False: show nothing at all
    """

    def __init__(self, epochs: int, batches: int, wanted: bool = True) -> None:
        self.epochs, self.batches, self.wanted = epochs, batches, wanted
        self.bar: Any = None
        self.rows = 0  # seen since the start
        self.start = self.drawn = time.perf_counter()

    def __enter__(self) -> Watch:
        if self.wanted:
            from rich.console import Console

            self.console = Console()
            if self.console.is_jupyter:
                live = find_spec("ipywidgets") is not None
            else:
                live = self.console.is_interactive
            if live:
                self.bar = make_bar(self.console)
                self.task = self.bar.add_task("", total=self.epochs * self.batches, said="")
                self.bar.start()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self.bar is not None:
            self.bar.stop()

    def batch_done(
        self, epoch: int, batch: int, rows: int, loss: float, accuracy: float | None
    ) -> None:
        """After each batch: the means of the epoch so far."""
        self.rows += rows
        now = time.perf_counter()
        if self.bar is None or now - self.drawn < INTERVAL:
            return
        self.drawn = now
        said = [
            f"batch {batch:>{len(str(self.batches))}}/{self.batches}",
            f"loss {show('loss', loss)}",
        ]
        if accuracy is not None:
            said.append(f"accuracy {show('accuracy', accuracy)}")
        said.append(f"{self.rows / (now - self.start):,.0f} rows/s")
        self.bar.update(
            self.task,
            description=f"epoch {epoch}/{self.epochs}",
            completed=(epoch - 1) * self.batches + batch,
            said="  ".join(said),
            refresh=True,
        )

    def epoch_done(self, epoch: Epoch) -> None:
        """After each epoch: the line that stays."""
        if self.wanted:
            line = str(epoch).replace(
                f"epoch {epoch.epoch}",
                f"epoch {epoch.epoch:>{len(str(self.epochs))}}/{self.epochs}",
            )
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def make_bar(console: Any) -> Any:
    """The bar of the whole training. It has no thread of its own: it is drawn when told to."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[said]}", markup=False),
        TimeRemainingColumn(compact=True),
        TextColumn("left", markup=False),
        console=console,
        auto_refresh=False,
        transient=True,
    )
