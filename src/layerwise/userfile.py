"""A person's own Python file: importing it, finding what is in it, trying its layers."""

from __future__ import annotations

import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from .anatomy import is_layer
from .errors import FileError
from .files import as_path
from .graph import Graph


class Try(NamedTuple):
    """A way of trying a layer nobody has given an example for."""

    x: tuple[int, ...]  # the shape of forward's inputs
    arrays: Mapping[str, tuple[int, ...]] = MappingProxyType({})  # the constructor's arrays
    lowest: float = -1.0  # inputs are drawn from here to 1


ROWS = {"W": (4, 5), "b": (5,), "gamma": (4,), "beta": (4,)}
TRIES = [
    Try((3, 4), ROWS),
    Try((3, 4), ROWS, lowest=0.1),  # for logarithms and roots
    Try(()),  # Python numbers
    Try((4, 4), {"W": (4, 4), "b": (4,), "Wx": (4, 4), "Wh": (4, 4)}),  # products of matrices
    Try((3, 1, 6, 6), {"W": (2, 1, 3, 3), "b": (2,), "gamma": (1,), "beta": (1,)}),  # images
    Try((3, 2, 4), ROWS),  # sequences
]
NUMBERS: dict[str, float] = {
    **dict.fromkeys(("in_features", "in_size", "input_size", "num_features", "size"), 4),
    **dict.fromkeys(("out_features", "out_size", "output_size", "hidden_size"), 5),
    **dict.fromkeys(("in_channels", "channels", "stride", "axis"), 1),
    **dict.fromkeys(("out_channels", "pool_h", "pool_w", "pool_size"), 2),
    **dict.fromkeys(("filter_size", "kernel_size"), 3),
    "pad": 0,
    "padding": 0,
    "momentum": 0.9,
}
ANY_OTHER = 0.5  # a ratio, a slope, a factor
WHOLE = ("t", "target", "targets", "label", "labels", "idx", "index", "indices")


def load(path: Path) -> ModuleType:
    """Run a Python file as a module, with its folder on `sys.path` so that it finds its own."""
    path = as_path(path)
    if not path.is_file():
        found = "that is a folder" if path.is_dir() else "there is no such file"
        raise FileError(f"{path}: expected a Python file, but {found}. Check the name.")
    module = sys.modules[path.name] = ModuleType(path.name)  # no import can have this name
    module.__file__ = str(path)
    found_in, sys.path = sys.path, [str(path.resolve().parent), *sys.path]
    try:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(module))
    except (Exception, SystemExit) as error:
        raise FileError(f"{path}: importing it failed{place(error, path)}: {said(error)}") from None
    finally:
        sys.path = found_in
    return module


def place(error: BaseException, path: Path) -> str:
    """The line of the file where the error came up."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f" in line {lines[-1]}" if lines else ""


def said(error: BaseException) -> str:
    """An error in one line."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first = text.strip().splitlines()[:1]
    return ": ".join([type(error).__name__, *first])


def the_one_named(name: str, among: dict[str, Any], what: str, path: Path) -> Any:
    """One of the things in a file, by name; if it is not there, the error suggests another."""
    if name in among:
        return among[name]
    near = get_close_matches(name, among, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(among) or 'none'}."
    raise FileError(f"{path}: there is no {what} {name} in it. {hint}")


# graphs ------------------------------------------------------------------------------------------


def graph_in(path: Path, name: str, **options: Any) -> Graph:
    """A graph in a file, or what a function without other arguments than these there returns."""
    found = thing_in(path, name, **options)
    if not isinstance(found, Graph):
        raise FileError(
            f"{path}: {name} is a {type(found).__name__}, expected a Graph, or a function without "
            "arguments that returns one."
        )
    return found


def run_in(path: Path, name: str) -> tuple[Graph, tuple[Any, ...]]:
    """A graph in a file and inputs for it: those of its last forward there, or (graph, *inputs)."""
    found = thing_in(path, name)
    graph, *inputs = found if isinstance(found, tuple) and found else (found,)
    if not isinstance(graph, Graph):
        raise FileError(
            f"{path}: {name} is a {type(found).__name__}, expected a Graph that has run, a tuple "
            "(graph, *inputs), or a function without arguments that returns one of these."
        )
    if not isinstance(found, tuple):
        inputs = [seat.value for seat in graph.inputs]
        if any(value is None for value in inputs):
            given = ", ".join(seat.name for seat in graph.inputs)
            raise FileError(
                f"{path}: {name} has not run, so there are no inputs to explore it with. Call "
                f"{name}.forward({given}) in the file, or make {name} a function that returns "
                f"(graph, {given})."
            )
    return graph, tuple(inputs)


def thing_in(path: Path, name: str, **options: Any) -> Any:
    """What has this name in a file; of a function without other arguments, what it returns."""
    module = load(path)
    things = {
        n: v
        for n, v in vars(module).items()
        if isinstance(v, Graph) or is_maker(v, module, options)
    }
    if not name:
        has = ", ".join(things) or "none"
        raise FileError(f"{path}: which graph? Write {path}:NAME. It has {has}.")
    found = vars(module).get(name)
    if found is None:
        found = the_one_named(name, things, "graph", path)
    if inspect.isfunction(found):
        try:
            wanted = inspect.signature(found).parameters
            found = found(**{name: value for name, value in options.items() if name in wanted})
        except (Exception, SystemExit) as error:
            raise FileError(f"{path}: {name}() failed{place(error, path)}: {said(error)}") from None
    return found


def is_maker(thing: Any, module: ModuleType, options: Iterable[str]) -> bool:
    """Whether it is a function of this file that can be called with these arguments alone."""
    own = inspect.isfunction(thing) and thing.__module__ == module.__name__
    return own and set(required(thing)) <= set(options)


def required(function: Any) -> list[str]:
    """The names of the arguments that have to be given."""
    return [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]


# layers ------------------------------------------------------------------------------------------


def layer_classes(path: Path) -> dict[str, type]:
    """Every layer class that a file itself defines: it has `forward` and `backward`."""
    module = load(path)
    found = {
        value.__name__: value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and callable(getattr(value, "forward", None))
        and callable(getattr(value, "backward", None))
    }
    if not found:
        raise FileError(
            f"{path}: there is no layer class in it. A layer class has the methods forward and "
            "backward."
        )
    return found


def example_of(cls: type, path: Path) -> tuple[Any, tuple[Any, ...]]:
    """A layer of this class and inputs for it: its own `example()`, or samples that it takes."""
    if hasattr(cls, "example"):
        return own_example(cls, path)
    refusal = ""
    for make in samples(cls):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                layer, inputs = make()
                out = layer.forward(*inputs)
            if is_finite(out):
                return make()  # a new one: forward has left its marks on the other
            refusal = refusal or "forward gave NaN or Inf"
        except (Exception, SystemExit) as error:
            refusal = refusal or said(error) + place(error, path)
    raise FileError(
        f"{path}: {cls.__name__} took none of the sample inputs ({refusal}). Give it a static "
        f"method example() that returns a layer and its inputs, such as {cls.__name__}(...), "
        "np.ones((3, 4))."
    )


def own_example(cls: Any, path: Path) -> tuple[Any, tuple[Any, ...]]:
    """What the class gives as its example."""
    try:
        given = cls.example()
    except (Exception, SystemExit) as error:
        raise FileError(
            f"{path}: {cls.__name__}.example() failed{place(error, path)}: {said(error)}"
        ) from None
    if not isinstance(given, tuple) or len(given) < 2 or not is_layer(given[0]):
        raise FileError(
            f"{path}: {cls.__name__}.example() must return (layer, *inputs), "
            f"but returned {type(given).__name__}."
        )
    return given[0], given[1:]


def is_finite(out: Any) -> bool:
    """Whether all numbers are; what else forward may have given is for the check to judge."""
    if isinstance(out, (tuple, list)):
        return all(is_finite(one) for one in out)
    out = np.asarray(out)
    return out.dtype.kind not in "fc" or bool(np.isfinite(out).all())


def samples(cls: type) -> Iterator[Callable[[], tuple[Any, tuple[Any, ...]]]]:
    """Ways of making a layer and inputs, the likeliest first."""
    for one in TRIES:
        for classes in (True, False):
            yield partial(sample, cls, one, classes)


def sample(cls: type, one: Try, classes: bool) -> tuple[Any, tuple[Any, ...]]:
    """A layer and inputs, made in one of the ways; targets are class numbers or floats."""
    rng = np.random.default_rng(0)

    def drawn(shape: tuple[int, ...], lowest: float = -1.0) -> Any:
        x = rng.uniform(lowest, 1, shape)
        return x if shape else float(x)

    arguments = {
        name: drawn(one.arrays[name]) if name in one.arrays else NUMBERS.get(name, ANY_OTHER)
        for name in required(cls)
    }
    layer: Any = cls(**arguments)
    names = required(layer.forward) or ["x", "y"]  # two for forward(*inputs)
    inputs = [
        rng.integers(0, one.x[-1], one.x[:1])
        if classes and name in WHOLE and one.x
        else drawn(one.x, one.lowest)
        for name in names
    ]
    return layer, tuple(inputs)
