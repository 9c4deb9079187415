"""From loose nodes to a graph: which nodes belong to it, in what order, and under what names."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import Any

from .anatomy import layer_name
from .errors import WiringError
from .node import Constant, Input, Node, Port


def nodes_behind(ends: list[Any]) -> list[Node]:
    """All nodes that the ends depend on, each after its inputs: the forward order."""
    for end in ends:
        if not isinstance(end, Node):
            raise WiringError(
                f"A graph ends in nodes, but got {type(end).__name__}. Apply layers or operators "
                "to Inputs, and give what comes out."
            )
    if not ends:
        raise WiringError("A graph needs at least one output node, but got an empty list.")
    found: set[Node] = set()
    todo = list(ends)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(node.inputs)
    return sorted(found, key=lambda node: node.serial)


def ordered_inputs(order: list[Node], wanted: Any) -> list[Node]:
    """The inputs in the order wanted, after checking that they are those of the graph."""
    found: list[Node] = [node for node in order if isinstance(node, Input)]
    if not found:
        raise WiringError("A graph needs an Input; without one there is nothing to run.")
    if wanted is None:
        return found
    wanted = [wanted] if isinstance(wanted, Node) else list(wanted)
    forgotten = [node.label for node in found if node not in wanted]
    unused = [str(getattr(node, "name", node)) for node in wanted if node not in found]
    if forgotten:
        raise WiringError(f"The graph also depends on {', '.join(forgotten)}. Add it to inputs=.")
    if unused or len(set(wanted)) != len(wanted):
        raise WiringError(
            f"inputs= must name each Input of the graph once. "
            f"Take out {', '.join(unused) or 'the repeated one'}."
        )
    return wanted


def names_of(order: list[Node]) -> dict[Node, str]:
    """A name for every node: its own, or that of its layer with a number (affine1, affine2)."""
    given = [node.name for node in order if node.name]
    twice = [name for name, count in Counter(given).items() if count > 1]
    if twice:
        raise WiringError(f"Two nodes have the name {twice[0]!r}. Give each a name of its own.")
    taken, counts, names = set(given), Counter[str](), {}
    for node in order:
        if node.name:
            names[node] = node.name
        elif isinstance(node, Port):
            names[node] = f"{names[node.inputs[0]]}[{node.index}]"
        else:
            base = kind_of(node)
            while not names.get(node) or names[node] in taken:
                counts[base] += 1
                names[node] = f"{base}{counts[base]}"
    return names


def kind_of(node: Node) -> str:
    """The word that the number is put behind: the layer's kind, or constant or parameter."""
    if isinstance(node, Constant):
        return type(node.value).__name__.lower() if hasattr(node.value, "grad") else "constant"
    return layer_name(node.layer)


def wrong_inputs(names: list[str], args: tuple[Any, ...], named: dict[str, Any]) -> WiringError:
    """What is wrong with values that were given for the inputs of these names."""
    missing = [name for name in names[len(args) :] if name not in named]
    unknown = [name for name in named if name not in names]
    twice = [name for name in named if name in names[: len(args)]]
    said = [f"The inputs of this graph are {', '.join(names)}."]
    if len(args) > len(names):
        said.append(f"It got {len(args)} values.")
    for word, found in (("Missing", missing), ("Given twice", twice), ("Unknown", unknown)):
        if found:
            said.append(f"{word}: {', '.join(found)}.")
    near = [name for one in unknown for name in get_close_matches(one, missing, n=1)]
    if near:
        said.append(f"Did you mean {', '.join(near)}?")
    return WiringError(" ".join(said))
