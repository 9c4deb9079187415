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
SHARE = 0.005  # of the time may go into drawing: what is slow to draw is drawn less often


class Progress(Callback):
    """Shows a training: a line for each epoch and, in a terminal or notebook, a live bar below.

    Every `Trainer` has one, unless it was made with `progress=False`.
    """

    place = 2  # behind those who put something into the history, or stop

    def on_fit_start(self, trainer: Trainer) -> None:
        from rich.console import Console

        self.console = Console()
        self.bar: Any = None
        self.lines: list[str] = []  # that wait for the next drawing
        self.rows = 0  # seen since the start
        self.start = self.next = time.perf_counter()
        if self.console.is_jupyter:
            live = find_spec("ipywidgets") is not None
        else:
            live = self.console.is_interactive
        if trainer.resumed:
            self.lines.append(f"Goes on behind step {trainer.step:,}, from {trainer.resumed}.")
        if live:
            steps = trainer.data.steps
            self.bar = make_bar(self.console)
            self.task = self.bar.add_task("", total=steps and trainer.until * steps, said="")
            self.bar.start()

    def on_batch_end(self, trainer: Trainer) -> None:
        self.rows += len(trainer.last_batch.t)
        now = time.perf_counter()
        if self.bar is not None and now >= self.next:
            self.draw(trainer, now - self.start)
            took = time.perf_counter() - now
            self.next = now + max(INTERVAL, took / SHARE)

    def draw(self, trainer: Trainer, seconds: float) -> None:
        """The bar as it is after so many seconds, below the lines of the epochs that are done."""
        steps = trainer.data.steps
        batch = f"{trainer.batch:>{len(str(steps))}}/{steps}" if steps else f"{trainer.batch}"
        means = Epoch(trainer.tally.results()).texts(trainer.history.shows)
        said = [f"batch {batch}", *(f"{name} {text}" for name, text in means.items())]
        self.flush()
        self.bar.update(
            self.task,
            description=f"epoch {trainer.epoch}/{trainer.until}",
            completed=trainer.batch + (trainer.epoch - 1) * (steps or 0),
            said="  ".join([*said, f"{self.rows / max(seconds, 1e-9):,.0f} rows/s"]),
            refresh=True,
        )

    def on_epoch_end(self, trainer: Trainer) -> None:
        epoch, until = trainer.history.epochs[-1], trainer.until
        line = epoch.line(trainer.history.shows).replace(
            f"epoch {epoch.epoch}", f"epoch {epoch.epoch:>{len(str(until))}}/{until}", 1
        )
        self.lines.append(line)
        if self.bar is None:
            self.flush()

    def flush(self) -> None:
        """Print the lines that wait: without a bar at once, since a plain print costs nothing."""
        if self.bar is None:
            for line in self.lines:
                print(line, flush=True)
        elif self.lines:
            self.console.print("\n".join(self.lines), markup=False, highlight=False, soft_wrap=True)
        self.lines = []

    def on_fit_end(self, trainer: Trainer) -> None:
        if trainer.stopped and not trainer.history.interrupted:
            self.lines.append(f"Stopped in epoch {trainer.epoch}: {trainer.stopped}.")
        self.flush()
        if self.bar is not None:
            self.bar.stop()


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
