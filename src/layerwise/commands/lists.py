"""`layerwise models` and `layerwise data`: what can be trained by name, and on what."""

from __future__ import annotations

import typer

from .common import one_line_errors


@one_line_errors()
def models() -> None:
    """The networks that can be trained by name."""
    from .. import models as ready
    from ..tables import table
    from .networks import EXAMPLES, MODELS

    rows = []
    for name, model in MODELS.items():
        about = (getattr(ready, name).__doc__ or "").split("\n")[0].rstrip(".")
        net = model.make(EXAMPLES[model.data[0]], (), 0)
        count = sum(one.value.size for one in net.parameters().values())
        rows.append([name, f"{count:,}", ", ".join(model.data), about])
    typer.echo(table(["name", "parameters", "data", "what it is"], rows))
    typer.echo(
        "\nParameters are those for 10 classes of 28 x 28 grey pixels, for 3 classes told from 10 "
        "columns, for 65 characters."
    )


@one_line_errors()
def data() -> None:
    """The data sets that can be learned by name, and where they are."""
    from ..data import sets
    from ..data.places import cache_folder
    from ..tables import table

    rows = []
    for one in sets():
        if one.found is None:
            where = f"{one.size / 1e6:.0f} MB, to be downloaded when first used"
        else:
            where = str(one.found) if one.files else "comes with the library"
        rows.append(
            [
                one.name,
                f"{one.train:,}",
                f"{one.test:,}",
                " x ".join(map(str, one.shape)),
                one.about,
                where,
            ]
        )
    typer.echo(table(["name", "train", "test", "input", "what it holds", "where it is"], rows))
    typer.echo(
        "\nFiles are looked for in $LAYERWISE_DATA/NAME and $LAYERWISE_DATA, and downloaded into "
        f"{cache_folder()}."
    )
