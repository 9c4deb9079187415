"""What the library says of arguments in Python, said of the options of `layerwise train`."""

from __future__ import annotations

import inspect
import re
from functools import cache

from ..errors import FileError, LayerwiseError
from .recipes import CommandError

FLAGS = {  # where an option is not called as its argument
    "folder": "--data",
    "classes": "--classes/--numbers",
    "augment": "--augment/--no-augment",
    "header": "--header/--no-header",
}
QUOTED = r"""'[^']*'|"[^"]*\""""
PYTHON = re.compile(
    rf"""
      (?<!\w)(?:{QUOTED})(?!\w)                                 # names, and not ours
    | \w+\((?P<one>\w+)=(?P<its>[^()]*)\):\ (?P=one)(?=\ must)  # Adam(lr=-1): lr must
    | (?P<call>\w+)\((?P<first>[^()=,]+)\)(?=:)                 # TimeBudget(0.0):
    | \w+\('(?P<place>\w+)'\)                                   # mnist('folder')
    | \w+\([^()]*\)                                             # other calls stay Python
    | (?<![\w/\\])(?P<name>\w+)=(?P<value>
          {QUOTED} | \[(?:{QUOTED}|[^]'"])*\] | \([^)]*\)
        | True | False | -?(?:nan|inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)
        | (?=[\s.,;:)]|$)
      )(?![\w/\\]|[.+-]\w)                                      # lr=0.1.csv is a file
    """,
    re.VERBOSE,
)


def in_options(error: LayerwiseError) -> str:
    """What an error of the library says, in options; those about runs and options say it already,
    and name folders, which people call "lr=0.1"."""
    said = str(error)
    return said if isinstance(error, (CommandError, FileError)) else translated(said)


def translated(said: str) -> str:
    """A message that names options of the command in place of arguments.

    >>> translated("Adam(weight_decay=-1.0): weight_decay must be 0 or more.")
    '--weight-decay -1 must be 0 or more.'
    >>> translated("TimeBudget(0.0): give seconds. Or missing='drop', drop=['name'], header=False.")
    '--time-budget 0: give seconds. Or --missing drop, --drop name, --no-header.'
    >>> translated("Conv2d(3, 8, size=3) is no option, nor is kernel=3; mnist('folder') is.")
    'Conv2d(3, 8, size=3) is no option, nor is kernel=3; --data FOLDER is.'
    """
    return PYTHON.sub(_said_again, said)


def _said_again(found: re.Match[str]) -> str:
    for name, value in [
        (found["one"], found["its"]),
        (snake(found["call"] or ""), found["first"]),
        (found["place"], (found["place"] or "").upper()),
        (found["name"], found["value"]),
    ]:
        if name in arguments():
            return as_typed(name, value)
    return found[0]


@cache
def arguments() -> frozenset[str]:
    """The arguments of `train` that options set."""
    from .train import train

    return frozenset(inspect.signature(train).parameters) - {"context", "data"}


def flag(name: str) -> str:
    """The option that sets it."""
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def as_typed(name: str, value: str) -> str:
    """An argument as one types it, from a value as Python shows it."""
    if value in ("True", "False"):
        yes, _, no = flag(name).partition("/")
        return yes if value == "True" else no or yes
    items = [one.strip() for one in re.findall(QUOTED + r"|[^][(),'\"]+", value)]
    items = [one for one in items if one] or [""]
    if not value.startswith("["):  # one number for both of (height, width)
        items = items[:1]
    return " ".join(f"{flag(name)} {shown(one)}".rstrip() for one in items)


def shown(item: str) -> str:
    """A text or a number as one types it."""
    if re.fullmatch(r"'\w*'", item):
        return item.strip("'")
    try:
        return f"{float(item):g}"
    except ValueError:
        return item


def snake(name: str) -> str:
    """The name of a class as that of an argument: TimeBudget as time_budget."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
