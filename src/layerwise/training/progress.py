"""How a training shows where it is: a live bar where there is a screen, lines elsewhere."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .callback import Callback
from .history import Epoch

if TYPE_CHECKING:
    from .trainer import Trainer

INTERVAL = 0.15  # seconds between two drawings, at least
SHARE = 0.01  # of the time that may go into drawing: what is slow to draw is drawn less often


class Progress(Callback):
    """Shows a training: a line for each epoch and, in a terminal or notebook, a live bar below.

    Every `Trainer` has one, unless it was made with `progress=False`.
    """

    def on_fit_start(self, trainer: Trainer) -> None:
        from rich.console import Console

        self.console = Console()
        self.bar: Any = None
        self.rows = 0  # seen since the start
        self.start = self.next = time.perf_counter()
        if self.console.is_jupyter:
            live = find_spec("ipywidgets") is not None
        else:
            live = self.console.is_interactive
        if live:
            steps = trainer.data.steps
            self.bar = make_bar(self.console)
            self.task = self.bar.add_task("", total=steps and trainer.until * steps, said="")
            self.bar.start()

    def on_batch_end(self, trainer: Trainer) -> None:
        self.rows += len(trainer.last_batch.t)
        now = time.perf_counter()
        if self.bar is None or now < self.next:
            return
        done = trainer.batch + (trainer.epoch - 1) * (trainer.data.steps or 0)
        self.bar.update(
            self.task,
            description=f"epoch {trainer.epoch}/{trainer.until}",
            completed=done,
            said="  ".join(self.said(trainer, now - self.start)),
            refresh=True,
        )
        took = time.perf_counter() - now
        self.next = now + max(INTERVAL, took / SHARE)

    def said(self, trainer: Trainer, seconds: float) -> list[str]:
        """The means of the epoch so far, and the speed."""
        steps = trainer.data.steps
        batch = str(trainer.batch)
        counted = f"{batch:>{len(str(steps))}}/{steps}" if steps else batch
        means = Epoch(trainer.tally.results()).texts(trainer.history.shows)
        return [
            f"batch {counted}",
            *(f"{name} {text}" for name, text in means.items()),
            f"{self.rows / max(seconds, 1e-9):,.0f} rows/s",
        ]

    def on_epoch_end(self, trainer: Trainer) -> None:
        epoch, until = trainer.history.epochs[-1], trainer.until
        line = epoch.line(trainer.history.shows).replace(
            f"epoch {epoch.epoch}", f"epoch {epoch.epoch:>{len(str(until))}}/{until}", 1
        )
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.bar is not None:
            self.bar.stop()
        if trainer.stopped and not trainer.history.interrupted:
            self.console.print(
                f"Stopped in epoch {trainer.epoch}: {trainer.stopped}.",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


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
