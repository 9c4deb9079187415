"""A run that is there, as `evaluate` and `predict` use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ..errors import FileError, LayerError, LayerwiseError
from ..graph import Graph
from ..userfile import layer_classes
from .recipes import CommandError
from .runs import Run
from .settings import Settings


class Opened(NamedTuple):
    """The parts of a run, each read and checked."""

    run: Run
    settings: Settings
    recipe: Any
    net: Graph

    def predict(self, x: Any, batch_size: int = 500) -> Any:
        """What the network gives for these rows, in inference."""
        import numpy as np

        try:
            pieces = [x[n : n + batch_size] for n in range(0, len(x), batch_size)]
            return np.concatenate([self.net.predict(piece) for piece in pieces])
        except LayerwiseError as error:
            said = error.said if isinstance(error, LayerError) else str(error)
            raise FileError(
                f"{self.run}: the run is damaged, its network and its recipe do not fit: {said}"
            ) from None


def opened(folder: Path, layers: Path | None) -> Opened:
    """A run by its folder; `layers` is a file with layer classes of one's own."""
    run = Run(folder)
    settings = run.settings()
    recipe = run.recipe()
    classes = layer_classes(layers).values() if layers else ()
    try:
        return Opened(run, settings, recipe, run.net(classes))
    except FileError as error:
        if settings.own_model and not layers and "layers=" in str(error):
            raise CommandError(
                f"{run}: the network is made of layers of your own. Name the file that has them: "
                f"--layers {run / 'model.py'}"
            ) from None
        raise
