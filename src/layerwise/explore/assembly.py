"""The page as one file: its HTML with styles, scripts and data put in.

The scripts are ES modules, each readable by itself. In the one file they are one module: `import`
and `export` are dropped, and each module stands behind those that it imports from. So top-level
names are unique over all of them, which a test looks after.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ..draw.colors import theme_colors

IMPORT = re.compile(r'^import\s[^;]*?from\s+"\./([\w-]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(async )?(function|const|let|class)\b)", re.MULTILINE)
STYLES = ("style", "bars", "graph", "floating", "panel", "cards", "details", "training", "narrow")
POLICY = (
    "default-src 'none'; script-src 'sha256-{sha}'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


def page_of(record: dict[str, Any]) -> str:
    """The page that shows a record: HTML that needs nothing else, and asks nothing of a network."""
    script = bundled("main")
    sha = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "policy": POLICY.format(sha=sha),
        "title": escaped(record["title"]),
        "style": styles(),
        "data": json_in_html(record),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], read("page.html"))


def json_in_html(record: Any) -> str:
    """JSON that no HTML in it can end: every < is written as \\u003c."""
    text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def escaped(text: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, entity)
    return text.encode("utf-8", "replace").decode()


@lru_cache(maxsize=1)
def styles() -> str:
    """The style sheets, after the colours that the pages share with the library's pictures."""
    light, dark = (
        " ".join(f"--{role}: {color};" for role, color in theme_colors(dark=one).items())
        for one in (False, True)
    )
    colors = f":root {{ {light} }}\n:root[data-theme=dark] {{ {dark} }}"
    return "\n".join([colors, *(read(f"{name}.css") for name in STYLES)])


@lru_cache(maxsize=8)
def bundled(*names: str) -> str:
    """Some modules and all that they import, as one module."""
    order: list[str] = []
    for name in names:
        _visit(name, order)
    return "\n".join(EXPORT.sub("", IMPORT.sub("", source(one))) for one in order)


def _visit(name: str, order: list[str]) -> None:
    if name not in order:
        for other in IMPORT.findall(source(name)):
            _visit(other, order)
        order.append(name)


def source(name: str) -> str:
    return read(f"{name}.js")


@lru_cache(maxsize=64)
def read(name: str) -> str:
    return files(__package__).joinpath(f"page/{name}").read_text("utf-8")
