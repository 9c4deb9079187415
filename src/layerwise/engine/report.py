"""The plan of a graph as a table: what is run, step by step, and how long it took."""

from __future__ import annotations

from ..errors import show_shape
from ..tables import Text, table
from .plan import Pass, Plan
from .program import KernelStep, Step


def steps_of(plan: Plan) -> list[tuple[str, Step]]:
    """The steps of the last run, in their order, each with its direction."""
    passes: list[tuple[str, Pass]] = [("forward", plan.forward_pass)]
    if plan.backward_passes:
        passes.append(("backward", next(reversed(plan.backward_passes.values()))))
    for _, one in passes:
        one.program.tell()
    return [(direction, step) for direction, one in passes for step in one.program.steps]


def report(plan: Plan) -> Text:
    """A row for each step: its layers, what runs it, its output, its work, its time at last."""
    steps = steps_of(plan)
    head = ["", "layers", "runs", "output", "FLOPs", "bytes", "microseconds"]
    rows = [row(direction, step) for direction, step in steps]
    total = sum(step.seconds or 0 for _, step in steps)
    return Text(
        f"{table(head, rows)}\n{total * 1e6:,.0f} microseconds in all, "
        f"in {plan.size:,} bytes of memory that the steps share"
    )


def row(direction: str, step: Step) -> list[str]:
    kernel = isinstance(step, KernelStep)
    return [
        direction,
        " + ".join(step.names),
        step.title if isinstance(step, KernelStep) else "Python",
        show_shape(step.shape) if kernel else "",
        f"{step.flops:,}" if step.flops else "",
        f"{step.moved:,}" if step.moved else "",
        "" if step.seconds is None else f"{step.seconds * 1e6:,.0f}",
    ]
