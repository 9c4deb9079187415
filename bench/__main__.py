"""`python -m bench`: measure everybody, and write `bench/RESULTS.md` with its picture.

    python -m bench                    all; it takes long
    python -m bench --quick            all, in one short round
    python -m bench mlp gpt            these works alone (`bench/works.py`; "start" is one, too)
    python -m bench --readme           write the READMEs' tables from the results that are there

Only a whole run that is not quick writes into bench/ and the READMEs; any other into out/bench/.
$THREADS is how many threads each contender gets; without it, as many as there are CPUs.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from . import machine, picture, readme, results
from .contenders import cpus
from .run import Settings, measure_work
from .start import measure_start
from .works import WORKS

HERE = Path(__file__).parent
NAMES = (*WORKS, "start")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed beside others.")
    parser.add_argument("names", nargs="*", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--readme", action="store_true", help="only write the READMEs' tables")
    parser.add_argument("--only", action="append", default=[], help="a contender, such as numpy")
    parser.add_argument("--out", type=Path, help="the folder to write into")
    told = parser.parse_args(arguments)
    if unknown := set(told.names) - set(NAMES):
        parser.error(f"there is no {min(unknown)!r}: choose from {', '.join(NAMES)}")
    if told.readme:
        readme.write(json.loads((HERE / "results.json").read_text()))
        return
    whole = not (told.quick or told.names or told.only)
    folder = told.out or (HERE if whole else Path("out", "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    threads = int(os.environ.get("THREADS", cpus()))
    settings = Settings(1, 0.4, threads) if told.quick else Settings(threads=threads)
    found = run(told.names or NAMES, settings, folder, tuple(told.only))
    print(results.markdown(found))
    if whole and not told.out:
        readme.write(found)


def run(
    names: list[str] | tuple[str, ...], settings: Settings, folder: Path, only: tuple[str, ...]
) -> dict[str, Any]:
    """Measure, and write what has been found after every work, so that nothing gets lost."""
    begin = time.time()
    found: dict[str, Any] = {**machine.description(), **settings._asdict(), "works": {}}
    with tempfile.TemporaryDirectory() as numbers:
        for name in names:
            if name == "start":
                found["start"] = measure_start(settings, Path(numbers))
            else:
                found["works"][name] = measure_work(name, settings, Path(numbers), only)
            found["minutes"] = (time.time() - begin) / 60
            write(found, folder)
    return found


def write(found: dict[str, Any], folder: Path) -> None:
    (folder / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "RESULTS.md").write_text(results.markdown(found))
    (folder / "results.svg").write_text(picture.svg(found))


if __name__ == "__main__":
    main()
