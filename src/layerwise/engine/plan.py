"""The plan of a graph: its forward and backward as programs, for inputs of certain shapes.

A plan is made by running. The first time, each layer in its order is asked for its steps, which are
recorded and done at once, so that the next layer is planned for what has really come out; a layer
without kernels runs its own code. From then on the programs are replayed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any

import numpy as np

from ..anatomy import attributes
from ..errors import GradientError, LayerError
from ..graph import Graph
from ..values import Kept, added, as_many, fitted, taken, tidied
from . import (  # noqa: F401  layers that have kernels
    convolutions,
    ops,
    ops_activations,
    ops_arithmetic,
    ops_attention,
    ops_images,
    ops_joining,
    ops_losses,
    ops_norm,
    ops_products,
    ops_recurrent,
    ops_reductions,
    ops_shape,
)
from .again import again
from .kernel import chunks_of
from .kernels.elementwise import ADD
from .layout import Layout, Place
from .memory import Buffer, Bundle, Covered, Plain, Pool, Spot, Trace, traced
from .native import done_compiling
from .op import FUSED, OPS, Op, size
from .parameters import Gradients, Values
from .program import CallStep, KernelStep, Program

ROOM = 1 << 20  # bytes that a plan may keep for whoever looks


class Changed(Exception):  # noqa: N818  nothing has gone wrong
    """A layer without kernels has given something else than when it was planned."""


class Pass:
    """One direction of a plan: a program, and what it computes, by the numbers of the layout."""

    def __init__(self, plan: Plan, places: Sequence[Place]) -> None:
        self.plan, self.places = plan, places
        self.program = Program()
        # For each value a Buffer, a Bundle or a Plain; a Trace where nobody needs it any more.
        self.found: list[Any] = [None] * plan.layout.count
        self.lent: dict[Spot, Buffer] = {}  # memory that somebody may keep
        self.ends: list[int] = []  # how many steps there are up to each place that is recorded
        self.at = places[0]  # the place that Python has come to
        self.calls: list[Place] = []  # those that run their own code
        # What is done in front of each run, or behind the call that it stands behind.
        self.prepared: list[tuple[Place, Place | None, Callable[[], None]]] = []
        self.copies: dict[Spot, Any] = {}  # of what came in, as it was when the last run began
        self._done = 0  # how many steps have been run while recording
        self._again: dict[Spot, Any] = {}  # what somebody has looked at, and was not there

    def run(self) -> None:
        """Replay the program, and record it as far as there is none yet."""
        self._again = {}
        for buffer in self.lent.values():
            buffer.renew()
        self.prepare_behind(None)
        if self.ends:
            try:
                self.program.run()
            except Changed:  # what comes behind is planned again
                self.forget(self.places.index(self.at) + 1)
        for place in self.places[len(self.ends) :]:
            self.at, self._done = place, len(self.program.steps)
            self.record(place)
            self.catch_up()
            self.ends.append(self._done)
            self.let_go(place)
        done_compiling()

    def record(self, place: Place) -> None:
        """Add the steps of a place to the program."""
        raise NotImplementedError

    def let_go(self, place: Place) -> None:
        """Give on the memory of the values that have been needed for the last time."""
        raise NotImplementedError

    def let_go_of(self, number: int) -> None:
        value = self.found[number]
        self.found[number] = traced(value) if value is not None and value.computed else value
        self.plan.spare(value)

    def again(self, spot: Spot) -> Any:
        """The numbers of a value whose memory has been given on."""
        self._again = self._again or again(self)
        return self._again[spot]

    def came_in(self) -> list[Any]:
        """What was given to this pass from outside."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Run the steps that have been added."""
        self.program.run_new(self._done)
        self._done = len(self.program.steps)

    def forget(self, count: int) -> None:
        """Keep the steps of the first places only."""
        self.plan.backward_passes.clear()
        if count < len(self.places):
            self.program.cut(self.ends[count - 1])
            cut = self.places[count:]
            for place in cut:
                self.found[place.out] = None
            self.prepared = [one for one in self.prepared if one[0] not in cut]
            self.calls = [one for one in self.calls if one not in cut]
        del self.ends[count:]

    def call(self, place: Place, run: Any, shape: tuple[int, ...]) -> None:
        """Record a step in Python."""

        def step() -> None:
            self.at = place
            run(place)
            self.prepare_behind(place)

        self.calls.append(place)
        self.program.add(CallStep(step, names=[place.name], shape=shape))

    def new(self, shape: tuple[int, ...]) -> Buffer:
        return Buffer(shape, maker=self)

    def covered(self, by: Buffer) -> Buffer:
        """A value over which another is written, where there is no room to keep both."""
        plan = self.plan
        if not plan.predicts and by.spot.size <= plan.room:
            return self.new(by.shape)
        plan.gives_on = not plan.predicts
        return Buffer(by.shape, spot=Covered(by.spot))

    def prepare(self, prepare: Callable[[], None]) -> None:
        """Do this now, and in each run: but only when it is known that this place will be run, and
        not planned again, which is behind the last call of a layer's own code."""
        self.prepared.append((self.at, self.calls[-1] if self.calls else None, prepare))
        prepare()

    def prepare_behind(self, call: Place | None) -> None:
        for _, before, prepare in self.prepared:
            if before is call:
                prepare()

    def keep_copy(self, spot: Spot) -> None:
        """Keep a copy of what came in."""
        if spot in self.copies:
            np.copyto(self.copies[spot], spot.array)
        else:
            self.copies[spot] = spot.array.copy()

    def as_it_was(self, spot: Spot) -> Any:
        """What came in, as it was when the last run began."""
        return self.copies.get(spot, spot.array)

    def doubt(self) -> Buffer:
        """A word that is 0; a kernel that finds its inputs wrong makes it 1. Then the layer's own
        code runs, and says what is wrong."""
        word = Buffer((1,), np.int64, own=True)
        word.array[0] = 0
        inputs = [self.found[source] for source in self.at.sources]
        self.plan.doubts.append((word.array, self.at, inputs))
        return word

    def lend(self, value: Any) -> Any:
        """The array of a value, for somebody who may keep it."""
        if not value.computed:
            return value.given
        if not value.shape:
            return value.array[()]
        if value.spot not in self.lent:
            self.lent[value.spot] = value
            value.spot.move_out()
        return value.array

    def show(self, value: Any) -> Any:
        """What a person finds who looks at a value: an array, or what will be copied then."""
        if value is None:
            return None
        if not value.computed or (isinstance(value, Buffer) and value.spot in self.lent):
            return self.lend(value)
        if value.kept is None:
            value.kept = Kept(traced(value))
        return value.kept


class Forward(Pass):
    # The output of the last layer without kernels. It may be another one in the next run, and then
    # what is behind is planned again, from values before it.
    called = -1

    def record(self, place: Place) -> None:
        if self.found[place.out] is not None:
            return  # computed together with the place before it
        inputs = [self.found[source] for source in place.sources]
        for source, value in zip(place.sources, inputs):
            for seat in self.plan.layout.declared.get(source, ()):
                taken(value.array if isinstance(value, Buffer) else value.given, seat, None)
        place.op = self.op_of(place, inputs)
        if place.op is None:
            self.call(place, self.call_forward, ())
            self.called = place.out
            return
        users = self.plan.layout.users.get(place.out, [])
        for other in users:
            fused = fusion(place, other)
            if fused is not None:
                other.op = OPS[type(other.seat.layer)](self, other.seat.layer, other.name)
                alone = len(users) == 1 and place.out not in self.plan.layout.outputs
                both = fused(place.op, other.op, *inputs, alone=alone)
                self.found[place.out], self.found[other.out] = both
                return
        self.found[place.out] = place.op.forward(*inputs)

    def let_go(self, place: Place) -> None:
        layout = self.plan.layout
        if self.plan.predicts:
            place.op = None  # there is no backward that may need something
        for source in place.sources:
            last = layout.users[source][-1] is place and source not in layout.outputs
            if last and source > self.called:
                self.let_go_of(source)

    def came_in(self) -> list[Any]:
        layout = self.plan.layout
        numbers = [*layout.inputs, *(number for _, _, number in layout.leaves)]
        return [*self.plan.parameters.buffers(), *(self.found[number] for number in numbers)]

    def op_of(self, place: Place, inputs: list[Any]) -> Op | None:
        """The Op of a place, if its layer has kernels, and they fit."""
        if not has_kernels(place) or not all(can_be_computed_with(x) for x in inputs):
            return None
        op = OPS[type(place.seat.layer)](self, place.seat.layer, place.name)
        return op if op.fits(*inputs) else None

    def put(self, number: int, value: Any) -> None:
        """Take in an input or a constant."""
        if self.found[number] is None:
            self.found[number] = value_of(value)
        else:
            self.found[number].bind(value)

    def call_forward(self, place: Place) -> None:
        """Run a layer's own code."""
        seat, inputs = place.seat, [self.lend(self.found[source]) for source in place.sources]
        if self.plan.predicts:
            out = seat.predict(inputs)
        else:
            out = tidied(seat.run(*inputs), inputs, seat.layer)
        before, now = self.found[place.out], value_of(out)
        if type(before) is type(now) and (before.shape, before.dtype) == (now.shape, now.dtype):
            before.bind(out)
        else:
            self.found[place.out] = now
            if before is not None:
                raise Changed


class Backward(Pass):
    """`inputs` says whether the gradients of the inputs are wanted; else it goes no further back
    than there are parameters."""

    def __init__(self, plan: Plan, inputs: bool) -> None:
        super().__init__(plan, plan.layout.places[::-1])
        self.inputs = inputs
        self.gradients = Gradients(plan.graph.held_parameters.values())
        self.douts: dict[int, Any] = {}
        self.results: dict[Place, list[Any]] = {}  # what layers without kernels have given
        self.leaves = [
            (seat.node.value, number)
            for _, seat, number in plan.layout.leaves
            if seat.kind == "parameter"
        ]
        self.gradients.in_python(parameter for parameter, _ in self.leaves)

    def give(self, number: int, dout: Any) -> None:
        """The gradient of an output."""
        if number not in self.douts:
            self.found[number] = self.douts[number] = self.gradient_like(number, dout)
        self.douts[number].bind(dout)

    def gradient_like(self, number: int, dx: Any) -> Any:
        """What holds a gradient: a buffer, where the value itself is one of floats."""
        value = self.plan.forward_pass.found[number]
        if isinstance(value, (Buffer, Trace)) and value.dtype == np.float32:
            gradient = Buffer(value.shape)
            gradient.bind(dx)
            return gradient
        return Plain(dx)

    def let_go(self, place: Place) -> None:
        if place.op is not None:
            self.let_go_of(place.out)

    def came_in(self) -> list[Any]:
        return [*self.plan.parameters.buffers(), *self.douts.values()]

    def keep_copy(self, spot: Spot) -> None:
        """Parameters are mostly as they were in forward, where there is a copy already."""
        before = self.plan.forward_pass.copies.get(spot)
        if before is not None and np.array_equal(before, spot.array):
            self.copies[spot] = before
        else:
            self.copies.pop(spot, None)
            super().keep_copy(spot)

    def wants(self, number: int) -> bool:
        return self.inputs or number in self.plan.layout.learning

    def record(self, place: Place) -> None:
        dout = self.found[place.out]
        if dout is None or not self.wants(place.out):
            return  # nothing depends on it
        if place.op is None:
            self.call(place, self.call_backward, ())
            self.catch_up()
            dxs = self.results[place]
        else:
            place.op.turn(self, [self.wants(source) for source in place.sources])
            dxs = place.op.backward(dout)
        for source, dx in zip(place.sources, dxs):
            if dx is not None and self.wants(source):
                self.join(place, source, dx)

    def call_backward(self, place: Place) -> None:
        """Run a layer's own code."""
        seat = place.seat
        dxs = seat.run_back(self.lend(self.found[place.out]))
        if type(dxs) is not tuple or len(dxs) != seat.count:
            dxs = as_many(dxs, seat)
        dxs = [fitted(dx, source, seat) for dx, source in zip(dxs, seat.inputs)]
        for held in seat.collected:
            held.collect()
        self.gradients.in_python(place.parameters)
        self.keep(place, dxs)

    def keep(self, place: Place, dxs: list[Any]) -> None:
        """Put the gradients of the inputs where the next steps look for them."""
        if place not in self.results:
            self.results[place] = [
                None if dx is None else self.gradient_like(source, dx)
                for source, dx in zip(place.sources, dxs)
            ]
            return
        for value, dx, source in zip(self.results[place], dxs, place.seat.inputs):
            if (value is None) != (dx is None):
                raise GradientError(
                    f"backward returned {'no' if dx is None else 'a'} gradient for the input "
                    f"{source.name}, other than at the first run. Return one always, or never."
                )
            if value is not None:
                value.bind(dx)

    def join(self, place: Place, number: int, dx: Any) -> None:
        """Add to the gradient of a value that goes to several places."""
        before = self.found[number]
        if before is None:
            self.found[number] = dx
        elif isinstance(before, Buffer) and isinstance(dx, Buffer):
            self.found[number] = self.sum_of(place, before, dx)
        elif isinstance(before, Bundle) and isinstance(dx, Bundle):
            both = zip(before.parts, dx.parts)
            self.found[number] = Bundle([self.sum_of(place, one, other) for one, other in both])
        else:
            plain = self.found[number] = Plain()

            def add(place: Place) -> None:
                plain.bind(added(self.lend(before), self.lend(dx)))

            self.call(place, add, dx.shape)

    def sum_of(self, place: Place, one: Buffer | None, other: Buffer | None) -> Buffer | None:
        """The sum of two gradients; None counts as nothing."""
        if one is None or other is None:
            return other if one is None else one
        total, n = self.new(one.shape), size(one.shape)
        arguments = {"a": one, "b": other, "c": other, "y": total, "p": 0.0, "q": 0.0, "n": n}
        place_of = {"names": [place.name], "shape": one.shape}
        self.program.add(KernelStep(ADD, arguments, chunks_of(n), n, **place_of))
        return total

    def given(self) -> list[Any]:
        """The gradients of the inputs, for whoever called backward: no array is given twice, and
        none that came from outside."""
        gradients = [self.found[number] for number in self.plan.layout.inputs]
        spots = [one.spot for one in gradients if isinstance(one, Buffer)]
        return [
            one.shown()
            if isinstance(one, Buffer) and (not one.computed or spots.count(one.spot) > 1)
            else one and self.lend(one)
            for one in gradients
        ]

    def finish(self) -> None:
        """Hand over the gradients of parameters that stand in the graph by themselves."""
        for parameter, number in self.leaves:
            if self.found[number] is not None:
                parameter.grad += self.lend(self.found[number])


class Plan:
    """The programs of a graph for inputs of certain shapes; `predicts`: for inference."""

    def __init__(self, graph: Graph, predicts: bool = False) -> None:
        self.graph, self.predicts = graph, predicts
        self.layout = Layout(graph)
        self.parameters = Values()
        self.pool = Pool()
        self.doubts: list[tuple[Any, Place, list[Any]]] = []  # words: a kernel says that it failed
        self.spared: deque[Buffer] = deque()  # values that nobody needs, but may look at
        held = graph.held_parameters.values()
        self.room = 0 if predicts else max(ROOM, sum(one.value.nbytes for one in held))
        self.gives_on = False  # whether some of these were given on, since there was no more room
        self.forward_pass = Forward(self, self.layout.places)
        self.backward_passes: dict[Any, Backward] = {}
        self.options: list[tuple[Any, str, Any]] = []  # of layers, as the kernels got them
        self.lock = RLock()  # one run at a time: `predict` may be called by several threads

    def is_current(self) -> bool:
        """Whether the layers still have the parameters and options that the plan was made with."""
        return all(same(getattr(layer, name), value) for layer, name, value in self.options)

    @property
    def size(self) -> int:
        """Bytes of memory that it holds, beside parameters, their gradients, and what came in."""
        passes = [self.forward_pass, *self.backward_passes.values()]
        lent = sum(spot.size for one in passes for spot in one.lent)
        kept = {id(copy): copy.nbytes for one in passes for copy in one.copies.values()}
        return self.pool.size + lent + sum(kept.values())

    def spare(self, value: Any) -> None:
        """Keep a value that nobody needs, until there are too many of them. To compute one again
        takes a copy of the parameters, which should not cost more memory than it saves."""
        if isinstance(value, Bundle):
            for part in value.parts:
                self.spare(part)
        if not isinstance(value, Buffer) or not value.computed:
            return
        self.spared.append(value)
        self.room -= value.spot.size
        while self.room < 0 and self.spared:
            self.room += self.spared.popleft().spot.size
            self.gives_on = not self.predicts

    def keep(self, *passes: Pass) -> None:
        """Keep copies of what came in, if they are needed to compute something again."""
        if self.gives_on:
            for one in passes:
                for spot in {value.spot for value in one.came_in() if isinstance(value, Buffer)}:
                    one.keep_copy(spot)

    def report(self) -> str:
        """The steps as a table; see `Graph.plan`."""
        from .report import report

        return report(self)

    def times(self) -> list[tuple[str, tuple[str, ...], float]]:
        """Of each step: "forward" or "backward", the names of its places, and the seconds that it
        took at last."""
        from .report import steps_of

        return [(way, step.names, step.seconds or 0.0) for way, step in steps_of(self)]

    def forward(self, values: list[Any]) -> list[Any]:
        """Run forward from the values of inputs and constants; gives the outputs."""
        with self.lock:
            return self._forward(values)

    def _forward(self, values: list[Any]) -> list[Any]:
        for word, *_ in self.doubts:
            word[0] = 0
        self.parameters.refresh()
        this = self.forward_pass
        for seat, number in zip(self.graph.inputs, self.layout.inputs):
            this.put(number, values[seat.slot])
        for graph, seat, number in self.layout.leaves:
            inside = graph is not self.graph
            this.put(number, graph._leaf_value(seat, ()) if inside else values[seat.slot])
        try:
            this.run()
            for word, place, inputs in self.doubts:
                if word[0]:
                    word[0], this.at = 0, place
                    place.seat.run(*map(this.lend, inputs))
        except Exception as error:
            self._fail("predict" if self.predicts else "forward", this, error)
        finally:
            if len(this.ends) < len(this.places):
                self.graph._plans.clear()
        self.keep(this)
        outputs = [this.lend(this.found[number]) for number in self.layout.outputs]
        if not self.predicts:
            for graph in self.layout.graphs[1:]:
                graph._grads[:] = graph._nothing
            self._show(this, "_values", "forward")
            for seat, output in zip(self.graph.outputs, outputs):
                self.graph._values[seat.slot] = output
        return outputs

    def backward(self, accumulate: bool, inputs: bool) -> None:
        """Run backward from the gradients of the outputs, which the graph has been given."""
        douts = [self.graph._grads[seat.slot] for seat in self.graph.outputs]
        key = inputs, tuple(dout is None for dout in douts)
        this = self.backward_passes.pop(key, None) or Backward(self, inputs)
        self.backward_passes[key] = this  # the last one used is the last
        self.parameters.refresh()
        for number, dout in dict(zip(self.layout.outputs, douts)).items():
            if dout is not None:
                this.give(number, dout)
        this.gradients.begin(accumulate)
        kept = self.gives_on
        try:
            this.run()
        except Exception as error:
            self._fail("backward", this, error)
        finally:
            if len(this.ends) < len(this.places):
                del self.backward_passes[key]
        self.keep(*() if kept else (self.forward_pass,), this)
        this.finish()
        given = this.given()
        self._show(this, "_grads", "backward")
        for graph, slot in self.layout.constants:
            graph._grads[slot] = None
        self.graph._grads[: len(given)] = given  # the inputs have the first slots

    def _show(self, this: Pass, numbers: str, done: str) -> None:
        """Let the seats of all graphs know what has been computed."""
        show, found = this.show, this.found
        for graph, slot, number in self.layout.shown:
            getattr(graph, numbers)[slot] = show(found[number])
        for graph in self.layout.graphs[1:]:
            graph._done = done

    def _fail(self, step: str, this: Pass, error: Exception) -> None:
        """Raise the error again, as the graph does, with the path to the place."""
        place, values = this.at, {graph: graph._values for graph in self.layout.graphs}
        if step == "predict":
            values = {graph: [None] * len(graph.nodes) for graph in self.layout.graphs}
        if step != "backward":
            reached = {one.out for one in this.places[this.places.index(place) :]}
            for graph, slot, number in self.layout.shown:
                there = None if number in reached else this.found[number]
                values[graph][slot] = this.show(there)
        try:
            place.graph._fail(step, place.seat, error, values[place.graph])
        except LayerError as told:
            told.path[:0] = [seat.name for seat in place.path]
            raise


def same(now: Any, then: Any) -> bool:
    return now is then or bool(np.all(now == then))


def has_kernels(place: Place) -> bool:
    """Whether there are kernels for this layer, and it has not been given other methods."""
    layer = place.seat.layer
    return type(layer) in OPS and not {"forward", "backward"} & attributes(layer).keys()


def can_be_computed_with(value: Any) -> bool:
    return isinstance(value, Bundle) or (isinstance(value, Buffer) and bool(value.shape))


def fusion(place: Place, other: Place) -> Any:
    """What computes a place and the one behind it in one step, if there is such a rule."""
    if other.sources != [place.out] or not has_kernels(other):
        return None
    for first, second, together in FUSED:
        if isinstance(place.op, first) and issubclass(OPS[type(other.seat.layer)], second):
            return together
    return None


def value_of(array: Any) -> Buffer | Plain:
    """What holds a value: a buffer, if kernels can work on it; else it is left alone."""
    kind = array.dtype.kind if isinstance(array, np.ndarray) and array.ndim and array.size else ""
    if kind in ("i", "u") or (kind == "f" and array.dtype == np.float32):
        buffer = Buffer(array.shape, np.float32 if kind == "f" else np.int64)
        buffer.bind(array)
        return buffer
    return Plain(array)
