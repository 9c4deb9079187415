"""Values of a plan whose memory has been given on: they are computed again when somebody looks.

All kernels of a pass are run once more, each value in memory of its own, on what came in when it
ran. Nothing else is written to: neither gradients of parameters nor running statistics change.
"""

from __future__ import annotations

from typing import Any

from .memory import Flag, Spot, aligned
from .program import KernelStep, Program


def again(maker: Any) -> dict[Spot, Any]:
    """The numbers of everything that a pass has computed."""
    twins: dict[Spot, Spot] = {}

    def twin(argument: Any) -> Any:
        if isinstance(argument, Flag):
            return argument.number
        if not isinstance(argument, Spot):
            return argument
        if argument not in twins:
            twins[argument] = Spot(argument.shape, argument.dtype)
            twins[argument].bind(memory_for(argument, maker))
        return twins[argument]

    program = Program()
    for step in maker.program.steps:
        if isinstance(step, KernelStep):
            arguments = {name: twin(argument) for name, argument in step.arguments.items()}
            place = {"names": step.names, "shape": step.shape}
            program.add(KernelStep(step.kernel, arguments, step.chunks, step.flops, **place))
    program.run()
    return {spot: one.array for spot, one in twins.items()}


def memory_for(spot: Spot, maker: Any) -> Any:
    """Room for what is computed, and a copy of what came in."""
    if spot.maker is maker:
        return aligned(spot.shape, spot.dtype)
    if spot.maker is None:
        return maker.as_it_was(spot).copy()
    return spot.array  # what backward takes from forward is still there
