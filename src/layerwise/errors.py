"""Messages that teach: every error says where, what was expected, what came, what to change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


class LayerwiseError(Exception):
    """Every error that this library raises on its own account."""


class WiringError(LayerwiseError, ValueError):
    """A graph, a node or an input was put together or called in a way that cannot work."""


class OrderError(LayerwiseError, RuntimeError):
    """`backward` was called before its `forward`."""


class GradientError(LayerwiseError, ValueError):
    """What `backward` returned does not fit the inputs of `forward`."""


class UnknownNameError(LayerwiseError, KeyError):
    """A graph was asked for a name that it does not have."""

    __str__ = Exception.__str__  # KeyError would put the sentence in quotes


class FileError(LayerwiseError, OSError):
    """A file cannot be read or written, or what is in it cannot be used."""


class DataError(LayerwiseError, ValueError):
    """Data is missing, damaged, or not what it should be."""


class ShapeError(LayerwiseError, ValueError):
    """A layer got an input whose shape it cannot work on.

    The layer raises it in `out_shape` and knows only itself. A graph adds the places:
    `affine2 = Affine(50, 10) expects inputs of width 50, but relu1 gives (32, 40). ...`
    """

    def __init__(
        self, layer: Any, expects: str, got: Any, hint: str = "", *, which: int = 0
    ) -> None:
        super().__init__()
        self.layer, self.expects, self.got, self.hint = layer, expects, got, hint
        self.which = which  # the number of the input that does not fit
        self.place = ""  # the name of the layer's place in a graph
        self.source = ""  # the name of the node that the input comes from

    def at(self, place: str, sources: Sequence[str]) -> ShapeError:
        """The same error, told from the layer's place in a graph."""
        if not self.place:
            self.place, self.source = place, sources[self.which]
        return self

    def __str__(self) -> str:
        who = show_layer(self.layer, self.place)
        came = f"but {self.source} gives" if self.source else "but got"
        got = show_shape(self.got) if self.got else "a single number"
        return f"{who} expects {self.expects}, {came} {got}. {self.hint}".rstrip()


class LayerError(LayerwiseError, RuntimeError):
    """A layer raised inside a graph: the path to it, what it said, the shapes so far."""

    def __init__(self, path: list[str], step: str, said: str, so_far: str) -> None:
        super().__init__()
        self.path, self.step, self.said, self.so_far = path, step, said, so_far

    def __str__(self) -> str:
        lines = [self.said]
        if len(self.path) > 1:
            lines.append("  path: " + " > ".join(self.path))
        return "\n".join([*lines, f"  {self.step} so far:", self.so_far])


def show_layer(layer: Any, place: str = "") -> str:
    """A layer as the call that makes it, behind the name of its place if it has one.

    >>> class Mine: ...
    >>> show_layer(Mine(), "mine1")
    'mine1 = Mine()'
    """
    call = repr(layer)
    if call.startswith("<"):  # which would tell a memory address
        call = f"{type(layer).__name__}()"
    return f"{place} = {call}" if place else call


def show_shape(shape: Sequence[Any]) -> str:
    """A shape as people write it: unknown sizes are N, unknown leading axes are dots.

    >>> show_shape((32, 40)), show_shape((None, 40)), show_shape((..., 40)), show_shape((3,))
    ('(32, 40)', '(N, 40)', '(..., 40)', '(3,)')
    >>> show_shape(((None, 2), (None, 3)))  # of a layer with several outputs
    '(N, 2) (N, 3)'
    """
    if shape and isinstance(shape[0], tuple):
        return " ".join(map(show_shape, shape))
    sizes = ["N" if n is None else "..." if n is ... else str(n) for n in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def nearest(word: str, among: Iterable[str]) -> list[str]:
    """What was probably meant: the name that begins so, or else the most alike; [] if none is.

    >>> nearest("acc", ["auc", "accuracy"]), nearest("oadm", ["adam", "sgd"]), nearest("x", ["sgd"])
    (['accuracy'], ['adam'], [])
    """
    among = list(among)
    longer = [name for name in among if word and name.startswith(word)]
    return longer[:1] or get_close_matches(word, among, n=1)


def describe(value: Any) -> str:
    """A value in a few words, for messages: its shape and dtype, or the number itself."""
    if value is None:
        return "not computed"
    if isinstance(value, tuple):
        return "(" + ", ".join(describe(v) for v in value) + ")"
    if hasattr(value, "shape") and value.shape != ():
        return f"{show_shape(value.shape)} {value.dtype}"
    return f"{value!r}" if isinstance(value, (int, float)) else f"{value} {type(value).__name__}"
