"""The work of `layerwise train`: to begin a run or go on with one, to train, to leave it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import typer

from ..engine import engine
from ..io.structure import Structure
from ..training import Trainer
from .choices import check_same, known_data, normal, settings_for
from .leaving import leave, weights_of
from .networks import network
from .recipes import CommandError
from .runs import NET, Run, make_folder, refuse_taken
from .settings import Settings, near
from .setup import batches_of, trainer_of
from .tasks import Task, read_task


class Work(NamedTuple):
    """A training that is ready to run."""

    run: Run
    settings: Settings
    task: Task
    trainer: Trainer
    resume: bool


def start(data: str, given: dict[str, Any], out: Path | None, time_budget: float | None) -> Work:
    """A new run. Its folder is made when everything else is known to fit."""
    refuse_taken(out)
    settings = settings_for(data, given)
    task = read_task(settings)
    settings = dataclasses.replace(settings, checksum=task.checksum())
    with engine(settings.engine):
        net, task = network(settings, task)
    Structure(NET).layer(net, "")  # better now than after the training: whether it can be saved
    trainer = trainer_of(settings, task, net, time_budget)
    run = Run(make_folder(out, Path(settings.title).stem))
    own = settings.own_model
    run.begin(settings, task.recipe, Path(own[0]).read_bytes() if own else None)
    return Work(run, settings, task, trainer, resume=False)


def go_on(data: str, given: dict[str, Any], out: Path | None, time_budget: float | None) -> Work:
    """A run that was begun, from where it is."""
    if out is None:
        raise CommandError("--resume goes on with a run: say in which folder it is, by --out.")
    run = Run(out)
    before, given = run.settings(), normal(given)
    result = run.result()
    settings = same_model(run, same_data(run, before, data), given)
    check_same(run, settings, given)
    settings = further(run, settings, given.get("epochs", settings.epochs))
    end_if_finished(run, settings, result)
    task = read_task(settings)
    if task.checksum() != settings.checksum:
        raise CommandError(
            f"{settings.title} is not what it was when {run} was begun: its numbers have changed. "
            "Begin a new run with another --out."
        )
    with engine(settings.engine):
        net, task = network(settings, task)
    trainer = trainer_of(settings, task, net, time_budget)
    if settings != before:  # files have been moved, or there are more epochs
        settings.save(run / "settings.json")
    if settings.epochs > before.epochs:
        typer.echo(
            f"{run} gets {settings.epochs} epochs in all, and not {before.epochs}: from here on, "
            "the learning rate is that of as many."
        )
    return Work(run, settings, task, trainer, resume=True)


def further(run: Run, settings: Settings, epochs: int) -> Settings:
    """The settings for so many epochs in all, which may be more than were planned."""
    if epochs < settings.epochs:
        raise CommandError(
            f"{run} was begun with --epochs {settings.epochs}, and now it is {epochs}. There may "
            "be more of them, but no fewer."
        )
    return dataclasses.replace(settings, epochs=epochs)


def end_if_finished(run: Run, settings: Settings, result: dict[str, Any]) -> None:
    """End here if the run has nothing left to do, and say what would give it more."""
    done, why = result.get("epoch", 0), result.get("stopped")
    if not result.get("finished") or (done < settings.epochs and not why):
        return
    since = f", since {why}" if why else ""
    more = (
        "To train for longer, begin a new run with a larger --patience, or without it."
        if why
        else f"To train further, say how many there are to be in all, such as --epochs {2 * done}."
    )
    typer.echo(f"{run} is finished: it ended after epoch {done}{since}. {more}")
    raise typer.Exit


def same_data(run: Run, settings: Settings, data: str) -> Settings:
    """The data of a run; a file may lie elsewhere now, and is known by its checksum."""
    now, kind = known_data(data)
    if kind != settings.kind or (kind == "named" and now != settings.data):
        raise CommandError(
            f"{run} was begun with {settings.title} as the data, and now it is {data}. Go on with "
            "those, or begin a new run with another --out."
        )
    return dataclasses.replace(settings, data=now)


def same_model(run: Run, settings: Settings, given: dict[str, Any]) -> Settings:
    """A network of the person's own, from a file that has to be named again, and be the same.

    A folder may come from anybody, and nothing in it runs that was not named.
    """
    if not settings.own_model:
        return settings
    _, function = settings.own_model
    if "model" not in given:
        raise CommandError(
            f"{run} has a network of your own. Name its file again: --model {near(settings.model)}"
        )
    model = given["model"]
    file, _, name = model.rpartition(":")
    if name != function or Path(file).read_bytes() != (run / "model.py").read_bytes():
        raise CommandError(
            f"{near(model)} is not what {run} was begun with. That is kept: give --model "
            f"{run / 'model.py'}:{function}, or begin a new run with another --out."
        )
    return dataclasses.replace(settings, model=model)


def learn(work: Work) -> None:
    """Train, and leave everything in the folder; exit code 130 after Ctrl-C."""
    run, settings, task, trainer, resume = work
    introduce(work)
    with engine(settings.engine):
        history = trainer.fit(
            batches_of(settings, task),
            settings.epochs,
            validation=task.validation,
            batch_size=settings.batch_size,
            checkpoints=run.checkpoints,
            resume=resume,
        )
        said, names = leave(run, trainer, task)
    typer.echo(said)
    typer.echo(f"Wrote {run}: {', '.join(names)}. The weights are {weights_of(trainer)}.")
    if trainer.for_now:
        model = f" --model {near(settings.model)}" if settings.own_model else ""
        data = settings.data if settings.kind == "named" else near(settings.data)
        typer.echo(f"Go on: layerwise train {data} --resume --out {run}{model}", err=True)
    if history.interrupted:
        raise typer.Exit(130)


def introduce(work: Work) -> None:
    """Say what is learned, by what, and where it goes."""
    run, settings, task, trainer, _ = work
    parts = [f"{len(task.train[0]):,} {task.words} to learn from"]
    if task.validation:
        parts.append(f"{len(task.validation[0]):,} to watch")
    typer.echo(f"{task.title}: {', '.join(parts)}, {len(task.test[0]):,} held out to the end.")
    count = sum(one.value.size for one in trainer.parameters.values())
    typer.echo(
        f"{run}: {near(settings.model)}, {count:,} parameters; {settings.optimizer}, "
        f"lr {settings.lr:g} {settings.schedule}."
    )
