"""What a layer's class says of itself: its formulas, from the docstring, and its Python source."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

from ..anatomy import is_graph
from ..graph import Graph
from ..layer import Layer
from ..sequential import Sequential

FORMULAS = ("forward", "backward", "shapes", "source")


def class_words(layer: Any) -> dict[str, Any]:
    """Name, summary, formulas and source of a layer's class, for the page."""
    cls = type(layer)
    summary, fields = docstring_of(cls)
    said: dict[str, Any] = {"name": cls.__name__, "module": cls.__module__, "summary": summary}
    said |= {name: text for name, text in fields.items() if name in FORMULAS}
    if is_graph(layer) and cls.forward is Graph.forward:
        return said | {"graph": True}  # a graph has no forward of its own: its layers are the code
    return said | {
        "code": {name: source_of(layer, name) for name in ("forward", "backward")},
    }


def docstring_of(cls: type) -> tuple[str, dict[str, str]]:
    """The first paragraph of a class's docstring, and its fields: a name, then what it is.

    Where a class has no fields, those of the class that it derives from count.

    >>> from layerwise import Sigmoid
    >>> docstring_of(Sigmoid)[1]["backward"]
    'dx = dout y (1 - y)'
    """
    summary, formula = "", ""
    fields: dict[str, str] = {}
    for one in cls.__mro__:
        if one is object or (one in (Graph, Sequential, Layer) and one is not cls):
            break
        text = inspect.cleandoc(vars(one).get("__doc__") or "")
        first, _, rest = text.partition("\n\n")
        first = re.sub(r"\s*(For the options see|See) `\w+`\.", "", " ".join(first.split()))
        summary = summary or first
        formula = formula or (first if re.match(r"\w+ = ", first) else "")
        fields = {**fields_of(rest.partition(">>>")[0]), **fields}
        if "backward" in fields:
            break
    if formula and formula != summary:
        fields.setdefault("forward", formula.rstrip("."))
    return summary, fields


def fields_of(text: str) -> dict[str, str]:
    """The fields of a docstring: "name   text", going on in indented lines."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        found = re.match(r"(\w+)\s{2,}(\S.*)", line)
        if found:
            name = found[1]
            fields[name] = found[2]
        elif name and line.startswith("   "):
            fields[name] += "\n" + line.strip()
        else:
            name = ""
    return fields


def source_of(layer: Any, name: str) -> dict[str, Any] | None:
    """The source of one of a layer's methods, as written in its class; None: not to be had."""
    method = inspect.unwrap(getattr(layer, name))
    method = getattr(method, "inside", method)
    try:
        lines, first = inspect.getsourcelines(method)
    except (OSError, TypeError):
        return None  # typed into an interpreter, or not written in Python
    code = textwrap.dedent("".join(lines)).rstrip()
    owner = getattr(method, "__qualname__", name).rpartition(".")[0].rpartition(".")[2]
    return {"text": code, "line": first, "of": owner, "module": method.__module__}
