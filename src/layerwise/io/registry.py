"""The names that classes and functions have in a file: this library's own, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from inspect import isfunction
from typing import Any

from .. import initializers


@lru_cache(maxsize=1)
def ours() -> dict[str, Any]:
    """The layers of this library, the book's too, and its initializers, by their names in a file.

    The names say nothing of modules, so that files outlive a move from one to another.
    """
    import layerwise
    from layerwise import book  # after all that the package itself is made of

    named = {f"layerwise.{name}": one for name, one in classes_in(layerwise)}
    named |= {f"layerwise.book.{name}": one for name, one in classes_in(book)}
    return named | {
        f"layerwise.initializers.{name}": one
        for name, one in vars(initializers).items()
        if isfunction(one) and not name.startswith("_")
    }


def classes_in(module: Any) -> Iterator[tuple[str, Any]]:
    """The classes of layers among the public names of a module."""
    for name in module.__all__:
        one = getattr(module, name)
        layer = isinstance(one, type) and hasattr(one, "forward") and hasattr(one, "backward")
        if layer and one.__name__ == name:  # and not another name for it
            yield name, one


def name_of(thing: Any) -> str:
    """The name in a file of a class or a function."""
    own = (name for name, one in ours().items() if one is thing)
    return next(own, thing.__name__)
