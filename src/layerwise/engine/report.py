"""The plan of a graph as a table: what is run, step by step, and how long it took."""

from __future__ import annotations

from ..errors import show_shape
from ..tables import Text, table
from .plan import Pass, Plan
from .program import KernelStep


def report(plan: Plan) -> Text:
    """A row for each step: its layers, what runs it, its output, its work, its time at last."""
    passes: list[tuple[str, Pass]] = [("forward", plan.forward_pass)]
    if plan.backward_passes:
        passes.append(("backward", next(reversed(plan.backward_passes.values()))))
    rows = [row for direction, one in passes for row in rows_of(direction, one)]
    head = ["", "layers", "runs", "output", "FLOPs", "bytes", "microseconds"]
    total = sum(step.seconds or 0 for _, one in passes for step in one.program.steps)
    return Text(f"{table(head, rows)}\n{total * 1e6:,.0f} microseconds in all")


def rows_of(direction: str, one: Pass) -> list[list[str]]:
    one.program.tell()
    return [
        [
            direction,
            " + ".join(step.names),
            step.title if isinstance(step, KernelStep) else "Python",
            show_shape(step.shape) if isinstance(step, KernelStep) else "",
            f"{step.flops:,}" if step.flops else "",
            f"{step.moved:,}" if step.moved else "",
            "" if step.seconds is None else f"{step.seconds * 1e6:,.0f}",
        ]
        for step in one.program.steps
    ]
