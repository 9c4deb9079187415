"""What running a network changes: taken out as arrays by name, and put back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FileError, show_shape
from ..graph import Graph
from ..parameter import Shared
from .places import places

# PCG64 is NumPy's own; of the others, some read memory that is not theirs if their state is wrong
GENERATORS = {"PCG64": np.random.PCG64, "PCG64DXSM": np.random.PCG64DXSM}


def state(net: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """Everything that running a network changes: arrays, and states of generators, by dotted name.

    The arrays are the parameters and buffers, and what classes of the user's keep. They are those
    of the network itself, and no copies; `write(path, *state(net))` makes a file of them.

    errors   FileError for generators other than NumPy's own, PCG64

    >>> import layerwise as lw
    >>> net = lw.Sequential(lw.Affine(4, 3), lw.Dropout(0.5), seed=0)
    >>> arrays, generators = state(net)
    >>> list(arrays), list(generators)
    (['affine1.W', 'affine1.b'], ['dropout1.rng'])
    """
    arrays: dict[str, Any] = {}
    generators: dict[str, Any] = {}
    for name, one in _holders(net).items():
        if isinstance(one, np.random.Generator):
            generators[name] = generator_state(one)
        else:
            arrays[name] = one.value if isinstance(one, Shared) else one
    return arrays, generators


def restore(net: Graph, arrays: dict[str, Any], generators: dict[str, Any]) -> None:
    """Put back what `state` has given, into this network or another one of the same structure.

    errors   FileError if names or shapes are not those of the network; then nothing was changed

    >>> import layerwise as lw
    >>> net, other = (lw.Sequential(lw.Affine(4, 3), seed=seed) for seed in (0, 1))
    >>> restore(other, *state(net))
    >>> bool((other["affine1.W"].value == net["affine1.W"].value).all())
    True
    """
    mine, _ = state(net)
    holders = _holders(net)
    given = {**arrays, **generators}
    for said, names in (
        ("There is no", holders.keys() - given.keys()),
        ("The network has no", given.keys() - holders.keys()),
    ):
        if names:
            raise FileError(f"This is the state of another network. {said} {min(names)!r}.")
    for name, array in mine.items():
        if np.shape(given[name]) != array.shape:
            raise FileError(
                f"{name} has the shape {show_shape(array.shape)}, but the state holds "
                f"{show_shape(np.shape(given[name]))}."
            )
    restored = {name: generator_of(generators.get(name)) for name in holders.keys() - mine.keys()}
    for name, one in holders.items():
        if name in restored:
            one.bit_generator.state = restored[name].bit_generator.state
        elif isinstance(one, Shared):
            one.hold(np.array(given[name]))  # the axes keep their order in memory
        else:
            one[...] = given[name]  # other layers may refer to it


def _holders(net: Graph) -> dict[str, Any]:
    """Parameters, buffers, generators and held arrays, each once, by dotted name."""
    found: dict[int, tuple[str, Any]] = {}
    for keys, one in places(net):
        found.setdefault(id(one), (".".join(map(str, keys)), one))
    return dict(found.values())


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """The state of a generator in what JSON can say."""
    kept = dict(generator.bit_generator.state)
    if kept["bit_generator"] not in GENERATORS:
        raise FileError(
            f"A generator {kept['bit_generator']} cannot be saved. Take np.random.default_rng(...)."
        )
    return kept


def generator_of(kept: Any) -> np.random.Generator:
    """The generator that has this state."""
    try:
        bits = GENERATORS[kept["bit_generator"]](0)
        bits.state = kept
    except Exception as error:  # whatever a state may have in place of whole numbers
        raise FileError(f"This is no state of a generator ({error!r:.100}).") from None
    return np.random.Generator(bits)
