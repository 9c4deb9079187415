"""Makes the numbers of a work: what everybody begins with, and has to find."""

from __future__ import annotations

from pathlib import Path

from ..works import WORKS


def write(name: str, path: str) -> None:
    from . import ours, shop

    work = WORKS[name]
    made = shop.GIVEN if work.network == "shop" else ours.prepare(work)
    made.save(Path(path))
