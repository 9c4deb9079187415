"""The training: forward, loss, backward, step, for every batch of every epoch."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import describe
from ..optim import LBFGS
from .callback import as_callbacks
from .checkpoints import with_checkpoints
from .checks import (
    TrainingError,
    as_batches,
    check_all_rows,
    check_batch,
    check_mean,
    checked_loss,
    checked_optimizer,
    checked_parameters,
    is_several,
    loss_for,
    run,
    takes_inputs,
    whole,
)
from .criterion import Criterion
from .history import Epoch, History
from .metrics import as_metrics
from .nan import StopOnNaN
from .process import blas_threads, on_ctrl_c
from .progress import Progress
from .snapshot import restore, state_of
from .tally import Tally

if TYPE_CHECKING:
    from ..data.batches import Batch, Batches
    from .diagnosing.findings import Diagnosis


class Trainer:
    """Trains a network: its parameters change in place until it gives t for x.

    net            a `Graph` with one output and parameters; with several inputs, x is a tuple of
                   arrays in their order, or a dict of arrays by their names
    loss           an object with `forward(out, t)` and `backward(dout)`; None:
                   `SoftmaxCrossEntropy()`, for class numbers (whole numbers)
    optimizer      an object with `step(parameters)`; None: `SGD(lr=0.1, momentum=0.9)`. `LBFGS`
                   takes all rows at once: batch_size=len(x)
    metrics        names ("accuracy"), `Metric`s, functions (out, t) -> number; None: the accuracy
                   where t holds classes
    callbacks      what hears of the events: `Callback`s, or functions of the trainer for the end of
                   each epoch
    seed           decides, with the number of the epoch and nothing else, the order of the rows
    accumulate     so many batches make one step, as one batch so many times as large
    class_weights  (C,): how much the rows of each class count in the loss; None: the same
    progress       show a bar in a terminal or notebook, and a line for each epoch; False: nothing
    threads        on how many threads NumPy's matrix products run during `fit`. The same number
                   gives the same weights to the last bit; None: as many as there are, which is
                   faster for large networks, and rounds in another way on another machine

    errors         TrainingError for what cannot be trained, and where NaN or Inf appear

    One step is `train_step`, and a subclass may have another one. While it runs:

    history        a `History`: what each epoch has ended with
    epoch, batch   the numbers of the epoch, from 1, and of the batch in it, likewise
    step           how many steps the optimizer has made
    batch_loss     the loss of the last batch, `last_batch`
    stopped        why it ends before its time; "" if it does not
    error          the exception that has broken it off, or None

    >>> from layerwise import Affine, Sequential
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]] * 8)
    >>> trainer = Trainer(Sequential(Affine(2, 2), seed=0), progress=False)
    >>> history = trainer.fit((x, x.argmax(axis=1)), epochs=20, batch_size=4)
    >>> history.epochs[-1].accuracy, trainer.step
    (1.0, 80)
    >>> trainer.predict(x).shape
    (16, 2)
    """

    def __init__(
        self,
        net: Any,
        loss: Any = None,
        optimizer: Any = None,
        *,
        metrics: Any = None,
        callbacks: Any = (),
        seed: int = 0,
        accumulate: int = 1,
        class_weights: Any = None,
        progress: bool = True,
        threads: int | None = 1,
    ) -> None:
        self.parameters = checked_parameters(net)
        self.net = net
        self.no_inputs = {"inputs": False} if takes_inputs(net) else {}  # their gradients: unused
        self.criterion = Criterion(None if loss is None else checked_loss(loss), class_weights)
        self.optimizer = checked_optimizer(optimizer)
        self.metrics = as_metrics(metrics, self.loss)
        self.seed = whole("seed", seed, 0)
        self.accumulate = whole("accumulate", accumulate, 1)
        check_mean(self.loss)
        self.threads = None if threads is None else whole("threads", threads, 1)
        shown = [Progress()] if progress else []
        self.callbacks = [StopOnNaN(), *as_callbacks(callbacks), *shown]
        self.listeners = self.callbacks  # and those of one `fit`
        self.history = History()
        self.history.shows = {
            name: metric.show
            for metric in self.metrics
            for name in (metric.name, f"val_{metric.name}")
        }
        self.data: Batches
        self.validation: Batches | None = None
        self.last_batch: Batch
        self.batch_loss = math.nan
        self.tally = Tally(self.metrics)
        self.epoch = self.batch = self.step = 0
        self.first = self.epochs = 0  # before the first epoch of this fit, and how many it has
        self.seconds = 0.0  # what the epoch has taken so far
        self.waiting = 0  # batches whose gradients wait for the step, and
        self.gathered = 0.0  # how much they count
        self.stopped, self.for_now = "", False
        self.error: BaseException | None = None

    @property
    def until(self) -> int:
        """The number of the last epoch."""
        return self.first + self.epochs

    @property
    def loss(self) -> Any:
        return self.criterion.loss

    # one step ------------------------------------------------------------------------------------

    def train_step(self, batch: Batch) -> tuple[float, Any]:
        """One batch: forward, loss, backward, and a step. Gives the loss and the network's output.

        This is all there is to training. With `accumulate=k`, only each k-th batch makes a step.
        """
        if isinstance(self.optimizer, LBFGS):
            return self.search_step(batch)
        loss, out = self.gradients(batch)
        self.tell("on_backward_end")
        self.waiting += 1
        if self.waiting == self.accumulate:
            self.update()
        return loss, out

    def gradients(self, batch: Batch) -> tuple[float, Any]:
        """One batch forward and backward; adds to the gradients of those that wait for the step."""
        out = run(self.net.forward, batch.x)
        loss = self.batch_loss = self.loss_of(out, batch)
        count = 1.0 if self.accumulate == 1 else self.criterion.total  # of a mean, or of a sum
        if math.isfinite(loss):
            dx = self.criterion.backward(count)
            self.net.backward(dx, accumulate=self.waiting > 0, **self.no_inputs)
        self.gathered += count
        return loss, out

    def loss_of(self, out: Any, batch: Batch) -> float:
        """The mean loss of a batch; if no loss was given, the first batch decides on it."""
        if self.loss is None:
            self.criterion.loss = loss_for(batch.t)
        return self.criterion.forward(out, batch.t, batch.weight)

    def update(self) -> None:
        """The optimizer's step, by the gradient of the mean over all rows that wait for it."""
        if self.accumulate > 1:
            for parameter in self.parameters.values():
                if parameter.grad is not None:
                    parameter.grad = parameter.grad / (self.gathered or 1)
        self.optimizer.step(self.parameters)
        self.waiting, self.gathered = 0, 0.0
        self.step += 1

    def search_step(self, batch: Batch) -> tuple[float, Any]:
        """A step of L-BFGS, which runs all rows several times; gives what the first run gave."""
        ran: list[tuple[float, Any]] = []

        def closure() -> float:
            ran.append(self.gradients(batch))
            if len(ran) == 1:
                self.tell("on_backward_end")
            return ran[-1][0]

        self.optimizer.step(self.parameters, closure)
        self.step += 1
        return ran[0]

    # all steps -----------------------------------------------------------------------------------

    def fit(
        self,
        data: Any,
        epochs: int = 10,
        *,
        validation: Any = None,
        batch_size: int = 100,
        checkpoints: Any = None,
        resume: bool = False,
    ) -> History:
        """Go through the data so many times; called again, so many times more.

        data         `Batches`, or a pair (x, t)
        epochs       how often all rows are gone through
        validation   likewise, only looked at, after every epoch
        batch_size   of pairs: how many rows make one batch; the last of an epoch may have fewer
        checkpoints  a folder, or `Checkpoints`: from the files there, a training can go on
        resume       go on from the newest file, bit for bit, until there are so many epochs in all

        returns      the `History` of all epochs
        errors       TrainingError for what does not fit together, and where NaN or Inf appear;
                     FileError for checkpoints that cannot be written, read, or gone on from

        Loss and metrics of an epoch are means over its rows as they came in training, from the same
        forward that the step is made of. The first Ctrl-C ends the training behind the step that is
        running; weights and history are kept. A second one stops at once.
        """
        self.data = as_batches(data, batch_size, self.seed)
        self.validation = None
        if validation is not None:
            self.validation = as_batches(
                validation, batch_size, self.seed, name="validation", shuffle=False
            )
        if self.loss is None and isinstance(self.data.t, np.ndarray):  # else batch by batch
            self.criterion.loss = loss_for(self.data.t)
        check_all_rows(self.optimizer, self.data, self.accumulate)
        # An epoch that was broken off is not gone on with: the data may be another.
        self.epoch, self.batch = self.history.epochs[-1].epoch if self.history.epochs else 0, 0
        self.waiting, self.gathered = 0, 0.0
        self.first, self.epochs = self.epoch, whole("epochs", epochs, 1)
        self.stopped, self.error, self.history.interrupted = "", None, False
        self.resume, self.resumed = resume, ""
        self.listeners = with_checkpoints(self.callbacks, checkpoints, resume)
        with ExitStack() as stack:
            stack.enter_context(training_mode(self.net))
            stack.enter_context(blas_threads(self.threads))
            stack.enter_context(on_ctrl_c(self.interrupt))
            self.run(stack)
        if self.history.interrupted:
            kept = "The weights are kept, and the history of the epochs before"
            print(f"Stopped by Ctrl-C in epoch {self.epoch}. {kept}.", file=sys.stderr)
        return self.history

    def run(self, stack: ExitStack) -> None:
        """All epochs that are left, until something ends them; the stack tells of the end."""
        try:
            for callback in self.listeners:
                callback.on_fit_start(self)
                stack.callback(callback.on_fit_end, self)
            while not self.stopped and (self.batch or self.epoch < self.until):
                self.run_epoch()
        except BaseException as error:
            self.error = error
            if not isinstance(error, KeyboardInterrupt) or self.history.interrupted:
                raise  # of Ctrl-C, only the second one
            self.interrupt()

    def run_epoch(self) -> None:
        """All batches of an epoch, or those that are left of it; then its row of the history."""
        if self.batch == 0:
            self.epoch, self.seconds = self.epoch + 1, 0.0
            self.tally = Tally(self.metrics)
            self.tell("on_epoch_start")
        start = time.perf_counter() - self.seconds
        for batch in self.data.epoch(self.epoch, start=self.batch):
            self.run_batch(batch)
            self.seconds = time.perf_counter() - start
            if self.stopped and not self.waiting:
                return
        if self.waiting:  # the last step of an epoch may have fewer batches
            self.update()
            self.tell("on_step_end")
        self.history.epochs.append(self.results(start))
        self.batch = 0
        self.tell("on_epoch_end")

    def run_batch(self, batch: Batch) -> None:
        """One batch, with all that is counted and told."""
        check_batch(batch)
        steps, self.last_batch = self.step, batch
        self.batch += 1
        self.criterion.total = float(len(batch.t))  # for a `train_step` without the criterion
        self.batch_loss, out = self.train_step(batch)
        self.tally.add(self.batch_loss, self.criterion.total, out, batch.t, batch.weight)
        self.tell("on_batch_end")
        if self.step > steps:
            self.tell("on_step_end")

    def results(self, start: float) -> Epoch:
        """What the epoch has ended with; the schedules that wait for it hear of the loss."""
        found = self.tally.results()
        held_out = dict.fromkeys(found)
        if self.validation is not None:
            held_out = self.evaluate(self.validation)
        watched = found["loss"] if self.validation is None else held_out["loss"]
        if hasattr(self.optimizer, "observe") and watched is not None:
            self.optimizer.observe(watched)
        columns = found | {f"val_{name}": value for name, value in held_out.items()}
        return Epoch(epoch=self.epoch, **columns, seconds=time.perf_counter() - start)

    def stop(self, reason: str, *, for_now: bool = False) -> None:
        """End the training behind the step that is running.

        reason    why, for people
        for_now   True: resumed from a checkpoint, the training goes on
        """
        self.stopped, self.for_now = reason, for_now

    def interrupt(self) -> None:
        """End the training because a person wants it."""
        self.history.interrupted = True
        self.stop("Ctrl-C", for_now=True)

    def tell(self, event: str) -> None:
        """Call a method of all callbacks."""
        for callback in self.listeners:
            getattr(callback, event)(self)

    def better(self, column: str) -> str | None:
        """Whether "lower" or "higher" is better in a column of the history; None: unknown."""
        known = {"loss": "lower"} | {metric.name: metric.better for metric in self.metrics}
        return known.get(column.removeprefix("val_"))

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """All that the next steps depend on, copied: arrays by name, and notes for JSON.

        It is there from the first `fit` on; `Checkpoints` make files of it. See `snapshot.py`.
        """
        return state_of(self)

    def restore(self, arrays: dict[str, Any], notes: dict[str, Any]) -> None:
        """Put back what `state` has given; FileError if it does not fit: nothing has changed."""
        restore(self, arrays, notes)

    # with the network as it is -------------------------------------------------------------------

    def evaluate(self, data: Any, batch_size: int = 100) -> dict[str, Any]:
        """The mean loss and the metrics in inference, by name: `Batches`, or a pair (x, t).

        >>> from layerwise import Affine, MeanSquaredError, Sequential
        >>> net = Sequential(Affine(1, 1), seed=0)
        >>> net["affine1.W"].value[:], net["affine1.b"].value[:] = 2, 0
        >>> trainer = Trainer(net, MeanSquaredError(), metrics=[])
        >>> trainer.evaluate(([[1.0], [2.0]], [[2.0], [5.0]]))
        {'loss': 0.5}
        """
        tally, total = Tally(copy.deepcopy(self.metrics)), self.criterion.total
        for batch in as_batches(data, batch_size, self.seed, shuffle=False).epoch(1):
            check_batch(batch)
            out = run(self.net.predict, batch.x)
            loss = self.loss_of(out, batch)
            tally.add(loss, self.criterion.total, out, batch.t, batch.weight)
        self.criterion.total = total  # a step may be under way
        return tally.results()

    def predict(self, x: Any, batch_size: int = 1000) -> Any:
        """The outputs for all rows of x, in inference, so many rows at a time."""
        from ..data.sources import count_rows, each

        x, size = x if is_several(x) else np.asarray(x), whole("batch_size", batch_size, 1)
        if isinstance(x, np.ndarray) and (x.ndim == 0 or len(x) == 0):
            raise TrainingError(f"predict expects rows, but x is {describe(x)}.")
        starts = range(0, count_rows(x, None, None), size)
        pieces = [each(itemgetter(slice(n, n + size)), x) for n in starts]
        return np.concatenate([run(self.net.predict, piece) for piece in pieces])

    def diagnose(self, data: Any = None, **options: Any) -> Diagnosis:
        """Look for what may keep the network from learning; without data, in those of `fit`.

        See `layerwise.training.diagnose`.
        """
        from .diagnose import diagnose

        given = getattr(self, "data", None) if data is None else data
        if given is None:
            raise TrainingError("There is no data yet. Give diagnose(data), or call fit first.")
        if self.loss is None:
            first = next(as_batches(given, 1, self.seed).epoch(1))
            self.criterion.loss = loss_for(first.t)
        return diagnose(self.net, self.loss, self.optimizer, given, **options)


@contextmanager
def training_mode(net: Any) -> Iterator[None]:
    """Training mode for a while; NumPy does not warn of NaN and Inf: the trainer looks for them."""
    mode, net.training = net.training, True
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        net.training = mode
