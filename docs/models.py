"""Write the page of all ready networks, models.md, and its pictures: `python docs/models.py`.

The words are the docstrings; the pictures show each network after a forward and a backward.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from layers import code_block, paragraphs_of

import layerwise as lw
from layerwise import models

DOCS = Path(__file__).parent
PICTURES = "pictures/models"
BLOCKS = {"resnet": ["stage2_block1"], "gpt": ["block1"]}  # have a picture of their own
ALPHABET = "abcdefghijklmnopqrstuvwxyz ,.!?'"
HEAD = """\
# The ready networks

<!-- made by `python docs/models.py` -->

Each is a function that returns a `Graph` of scores, without a loss: train it with `lw.fit`, draw
it, check it, take it apart, or read its source and write your own. The pictures show what is in
them after one forward and one backward, before they have learned anything; blocks are folded.
"""


def main() -> None:
    folder = DOCS / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    nets = networks()
    for name, net in nets.items():
        net.draw(folder / f"{name}.svg", depth=0)
        for block in BLOCKS.get(name, []):
            net[block].layer.draw(folder / f"{name}_{block}.svg")
    (DOCS / "models.md").write_text(page(nets), "utf-8")


def networks() -> dict[str, lw.Graph]:
    """One of each kind, after a forward and a backward."""
    nets = {}
    for name, (make, inputs) in examples().items():
        net = nets[name] = make()
        out = net.forward(*inputs)
        net.backward(np.random.default_rng(0).normal(size=out.shape).astype(np.float32))
    return nets


def page(nets: dict[str, lw.Graph]) -> str:
    return HEAD + "".join(section(name, net) for name, net in nets.items())


def section(name: str, net: lw.Graph) -> str:
    """One network: its sentence, its pictures, its parameters, its layers."""
    function = getattr(models, name)
    sentence, *others = paragraphs_of(function)
    arguments = inspect.signature(function).parameters.values()
    call = f"lw.models.{name}({', '.join(str(a.replace(annotation=a.empty)) for a in arguments)})"
    pictures = [f"![{name}]({PICTURES}/{name}.svg)"]
    for block in BLOCKS.get(name, []):
        picture = f"![{block}]({PICTURES}/{name}_{block}.svg)"
        pictures.append(f"One of its blocks, `{block}`:\n\n{picture}")
    table = code_block(str(net.summary()), "text")
    shown = code_block(textwrap.fill(call, 100, subsequent_indent="    "), "python")
    return "\n" + "\n\n".join([f"## {name}", sentence, shown, *pictures, *others, table]) + "\n"


def examples() -> dict[str, tuple[Callable[[], Any], list[Any]]]:
    """A network of each kind, and inputs for it."""
    rng = np.random.default_rng(0)
    small, large = digit_images(3, border=2), digit_images(4, border=0)
    words = np.array([[ALPHABET.index(c) for c in "to be, or not to be? that is the"]])
    return {
        "two_layer_net": (lambda: models.two_layer_net(seed=0), [small.reshape(4, -1)]),
        "multi_layer_net": (
            lambda: models.multi_layer_net(784, [100, 50], 10, seed=0),
            [small.reshape(4, -1)],
        ),
        "multi_layer_net_extend": (
            lambda: models.multi_layer_net_extend(
                784, [100, 50], 10, use_dropout=True, use_batchnorm=True, seed=0
            ),
            [small.reshape(4, -1)],
        ),
        "simple_conv_net": (lambda: models.simple_conv_net(seed=0), [small]),
        "deep_conv_net": (lambda: models.deep_conv_net(seed=0), [small]),
        "lenet5": (lambda: models.lenet5(seed=0), [small]),
        "resnet": (lambda: models.resnet(20, seed=0), [np.repeat(large, 3, axis=1)]),
        "char_lstm": (lambda: models.char_lstm(len(ALPHABET), seed=0), [words]),
        "gpt": (lambda: models.gpt(len(ALPHABET), block_size=32, seed=0), [words]),
        "tabular_mlp": (
            lambda: models.tabular_mlp(4, 3, categories=[7, 12], seed=0),
            [rng.normal(size=(8, 4)), np.stack([rng.integers(0, n, 8) for n in (7, 12)], axis=1)],
        ),
    }


def digit_images(times: int, border: int) -> Any:
    """Four handwritten digits, enlarged: (4, 1, 8 times + 2 border, 8 times + 2 border)."""
    x = lw.data.digits(flatten=False).train[0][:4]
    x = x.repeat(times, axis=2).repeat(times, axis=3)
    return np.pad(x, [(0, 0), (0, 0), (border, border), (border, border)])


if __name__ == "__main__":
    main()
