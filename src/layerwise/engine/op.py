"""What a layer is to a plan: an `Op`, which mirrors the layer in buffers instead of arrays.

    class AffineOp(Op, layer=layers.Affine):
        def forward(self, x): ...        # records the steps of forward, returns the output's buffer
        def backward(self, dout): ...    # records those of backward, returns one for each input

With `layer=`, layers of this class run as this Op. FUSED holds the rules for two places in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .kernel import Kernel, chunks_of
from .memory import Buffer, Flag
from .program import KernelStep

Held = tuple[Any, str, tuple[int, ...]]  # a layer, the name of what it holds, and its shape

OPS: dict[type, type[Op]] = {}  # which Op a layer of a class runs as

# Rules: where the output of one Op goes to another, both are computed by
# together(one, other, *inputs, alone=...), which gives the outputs of both; `alone` says that the
# output of the first goes nowhere else.
FUSED: list[tuple[type[Op], type[Op], Callable[..., tuple[Buffer, Buffer]]]] = []


class Op:
    """One place of a network, as the kernels that compute it."""

    def __init_subclass__(cls, layer: type | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if layer is not None:
            OPS[layer] = cls

    def __init__(self, current: Any, layer: Any, name: str) -> None:
        self.current = current  # the pass that is recorded
        self.layer, self.name = layer, name
        self.wanted: Sequence[bool] = ()  # in backward: which inputs need a gradient

    def turn(self, current: Any, wanted: Sequence[bool]) -> None:
        """From now on, backward is recorded."""
        self.current, self.wanted = current, wanted

    # what an Op says ---------------------------------------------------------------------------

    def fits(self, *inputs: Any, **_: Any) -> bool:
        """Whether the kernels can work on these inputs; else the layer's own code runs."""
        return all(x.dtype == np.float32 for x in inputs) and self.holds_what_it_should()

    def arrays(self) -> Iterable[Held]:
        """The parameters and buffers that kernels work on, and the shapes that they rely on."""
        return ()

    def holds_what_it_should(self) -> bool:
        """Whether all have these shapes: somebody may have put others in their place."""
        found = [(self.option(name, layer), shape) for layer, name, shape in self.arrays()]
        return all(one is None or one.shape == shape for one, shape in found)

    def forward(self, *inputs: Any, **_: Any) -> Buffer:
        raise NotImplementedError

    def backward(self, dout: Buffer) -> tuple[Buffer | None, ...]:
        raise NotImplementedError

    # what it is made with ----------------------------------------------------------------------

    def option(self, name: str, layer: Any = None) -> Any:
        """An attribute of the layer, or of one inside it, that the kernels depend on."""
        layer = self.layer if layer is None else layer
        value = getattr(layer, name)
        self.current.plan.options.append((layer, name, value))
        return value

    def new(self, shape: tuple[int, ...]) -> Buffer:
        return self.current.new(shape)

    def full(self, shape: tuple[int, ...], number: float) -> Buffer:
        """A buffer that holds the same number everywhere."""
        return self.constant(np.full(shape, number))

    def numbers(self, array: Any) -> Buffer:
        """A buffer that holds these whole numbers."""
        return self.constant(array, np.int64)

    def constant(self, array: Any, dtype: Any = np.float32) -> Buffer:
        """A buffer that holds these numbers in every run: kernels must not write to it."""
        buffer = Buffer(array.shape, dtype)
        buffer.bind(array)
        return buffer

    def trains(self) -> bool:
        """Whether this is training, as the layer understands it, and not inference."""
        return not self.current.plan.predicts and bool(self.option("training"))

    def step(
        self, kernel: Kernel, chunks: int, flops: int, *also: Op, of: Buffer, **arguments: Any
    ) -> None:
        """Record a kernel with its arguments: it computes the buffer `of`, and other Ops `also`."""
        names = [self.name, *(op.name for op in also)]
        step = KernelStep(kernel, arguments, chunks, flops, names=names, shape=of.shape)
        self.current.program.add(step)

    def value(self, parameter: Any) -> Buffer:
        """The buffer of a parameter's value."""
        return self.current.plan.parameters.of(parameter)

    def state(self, held: Any) -> Buffer:
        """The numbers that a layer keeps from one forward to the next, for kernels to change."""
        return self.current.plan.parameters.of(held, changes=True)

    def gradient(self, parameter: Any, zeros: bool = False) -> tuple[Buffer, Flag | int]:
        """The buffer of a parameter's gradient, and an argument for the kernel: 1 says that it has
        to add to what is there, 0 that it is the first and writes. With `zeros` it always adds."""
        return self.current.gradients.of(parameter, zeros)


class FrontOp(Op):
    """An Op whose kernel can call a function for what it has just computed: see `Behind`."""

    def forward(self, *inputs: Buffer, **_: Any) -> Buffer:
        y = self.new(self.out_shape(*inputs))
        self.compute(*inputs, y, **NOTHING_BEHIND, Y=y)
        return y

    def out_shape(self, *inputs: Buffer) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.layer.out_shape(*[x.shape for x in inputs])
        return shape

    def compute(self, *inputs_and_y: Any, **behind: Any) -> None:
        """Record compute(*inputs, y, *also, behind=function, Y=Y, p=p, q=q): the kernels of y and
        of Y = function(y, p, q), which is for other Ops `also`."""
        raise NotImplementedError


NOTHING_BEHIND: dict[str, Any] = {"behind": None, "p": 0.0, "q": 0.0}


def size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def each(op: Op, kernel: Kernel, *arrays: Buffer, p: float = 0.0, q: float = 0.0) -> Buffer:
    """y = function(a, b, c, p, q) of one to three arrays of one shape, by a kernel of
    `elementwise`."""
    a, b, c, *_ = *arrays, arrays[0], arrays[0]
    y, n = op.new(a.shape), size(a.shape)
    op.step(kernel, chunks_of(n), n, of=y, a=a, b=b, c=c, y=y, p=p, q=q, n=n)
    return y
