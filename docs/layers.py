"""Write the page of all layers, layers.md, and its pictures: `python docs/layers.py`.

Everything on it comes from the code: the families are the modules that the layers are in, the
words and formulas are the docstrings, and the pictures show the numbers of their examples.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from functions import function_scene, is_function
from portraits import portrait
from recorded import drawn_anew, example_of

import layerwise
from layerwise import Graph, Layer, Sequential
from layerwise.draw import to_svg
from layerwise.draw.svg import svg_of

DOCS = Path(__file__).parent
LOOPS = DOCS.parent / "src" / "layerwise" / "layers" / "loops.py"
PICTURES = "pictures/layers"
SOURCE = "../src"
FIRST = [  # the order of the families; others come behind these, and the losses at the end
    "arithmetic", "elementary", "reduction", "einsum", "shape", "join", "pad", "columns", "shuffle",
    "upsample", "activation", "rectifier", "piecewise", "gated", "affine", "conv", "pool",
    "adaptive", "batch_norm", "norm", "random", "embedding", "position", "cell", "recurrent",
    "attention", "transformer",
]  # fmt: skip
LAST = ["loss", "binary", "likelihood", "margin", "distance", "ctc"]
DEFINITIONS = {  # what is shown of LOOPS
    "conv": ["places", "window", "conv", "conv_transpose"],
    "pool": ["pool"],
    "adaptive": ["adaptive_pool"],
}

HEAD = """\
# The layers

<!-- made by `python docs/layers.py` -->

{layers} layers in {families} families, each a `forward` and a `backward` of one screen. The words
are those in the code. The pictures show the numbers of the examples: what goes in and comes out
above the arrows, the gradients that come back below them. A function of one number is drawn as a
curve beside its slope; a dot is the slope that is taken at a corner.

| family | layers |
| --- | --- |
"""


def files() -> dict[str, str]:
    """The page and its pictures, by their paths beside this file."""
    families = families_of_layers()
    parts = [HEAD.format(layers=sum(map(len, families.values())), families=len(families))]
    parts += [_row(module, classes) for module, classes in families.items()]
    pictures: dict[str, str] = {}
    for module, classes in families.items():
        parts.append(_family(module))
        shown = {None}
        for cls in classes:
            base = _base(cls)
            if base not in shown:
                shown.add(base)
                parts.append(_section(base))
            path = f"{PICTURES}/{cls.__name__}.svg"
            pictures[path] = _picture(cls)
            parts.append(_section(cls, f"![{cls.__name__} and its gradients]({path})"))
    return {"layers.md": "".join(parts), **pictures}


def all_layers() -> list[Any]:
    """Every class of a layer that the library has to offer, but for what layers are made with."""
    offered = [getattr(layerwise, name) for name in layerwise.__all__]
    classes = [one for one in offered if isinstance(one, type) and issubclass(one, Layer)]
    return [cls for cls in classes if cls not in (Layer, Graph, Sequential)]


def families_of_layers() -> dict[Any, list[Any]]:
    """The layers by module, in the order in which they stand there."""
    families: dict[Any, list[Any]] = {}
    for cls in all_layers():
        families.setdefault(sys.modules[cls.__module__], []).append(cls)
    for classes in families.values():
        classes.sort(key=lambda cls: inspect.getsourcelines(cls)[1])
    return {module: families[module] for module in sorted(families, key=_place)}


def _place(module: Any) -> tuple[int, int, str]:
    name = _name(module)
    if name in FIRST:
        return 0, FIRST.index(name), name
    return (2, LAST.index(name), name) if name in LAST else (1, 0, name)


def _name(module: Any) -> str:
    return module.__name__.rsplit(".", 1)[-1]


def _base(cls: Any) -> Any:
    """The class without a page of its own that a docstring refers to, or leaves the formulas to."""
    offered = all_layers()
    for one in cls.__mro__:
        if one not in offered and f"`{one.__name__}`" in cls.__doc__:
            return one
    has_formulas = (
        one for one in cls.__mro__ if re.search(r"^ *backward  ", one.__doc__ or "", re.M)
    )
    found = next(has_formulas, None)
    return None if found in offered else found


def _picture(cls: Any) -> str:
    """A function as a curve, a graph as what is in it, any other layer with its numbers."""
    layer = example_of(cls).layer
    if isinstance(layer, Graph):
        return to_svg(drawn_anew(example_of(cls)))
    return svg_of(
        function_scene(layer) if is_function(layer) else portrait(example_of(cls)), "auto"
    )


# the parts of the page ---------------------------------------------------------------------------


def _row(module: Any, classes: list[Any]) -> str:
    names = ", ".join(f"[{cls.__name__}](#{cls.__name__.lower()})" for cls in classes)
    return f"| [{_name(module)}](#the-{_name(module)}-family) | {names} |\n"


def _family(module: Any) -> str:
    name = _name(module)
    source = f"[`{name}.py`]({SOURCE}/{module.__name__.replace('.', '/')}.py)"
    text = "\n\n".join(paragraphs_of(module))
    return f"\n## The {name} family\n\n{text}\n\nIt is in {source}.\n{_definition(name)}"


def _definition(family: str) -> str:
    """What the layers of a family mean, as plain loops."""
    names = DEFINITIONS.get(family, [])
    code = LOOPS.read_text("utf-8")
    functions = [
        ast.get_source_segment(code, one)
        for one in ast.parse(code).body
        if isinstance(one, ast.FunctionDef) and one.name in names
    ]
    if not functions:
        return ""
    both = "\n\n\n".join(map(str, functions)).replace("  # fmt: skip", "")
    link = f"[`loops.py`]({SOURCE}/layerwise/layers/loops.py)"
    return f"\nWhat they mean, as plain loops ({link}):\n\n{code_block(both, 'python')}\n"


def _section(cls: Any, picture: str = "") -> str:
    """A class: its sentence, its picture, its formulas, its example."""
    sentence, *others = paragraphs_of(cls)
    parts = [f"### {cls.__name__}", sentence, *[picture] * bool(picture), *others]
    return "\n" + "\n\n".join(parts) + "\n"


def paragraphs_of(thing: Any) -> list[str]:
    """A docstring as Markdown: formulas and examples stand in blocks of their own."""
    paragraphs = []
    for part in (inspect.getdoc(thing) or "").split("\n\n"):
        text = textwrap.dedent(part)
        if text.startswith(">>>"):
            paragraphs.append(code_block(text.replace("<BLANKLINE>", ""), "pycon"))
        elif text != part or re.match(r"[\w, ]+?  +\S", text):
            paragraphs.append(code_block(text, "text"))
        else:
            paragraphs.append(re.sub(r"(`.*?`)|([*_<])", _escaped, text))
    return paragraphs


def _escaped(found: re.Match[str]) -> str:
    """A sign that means something in Markdown, but for what stands in backticks."""
    return found[1] or f"\\{found[2]}"


def code_block(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


if __name__ == "__main__":
    folder = DOCS / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    for name, text in files().items():
        (DOCS / name).write_text(text, "utf-8")
