"""The graph: layers wired together, run forward in order and backward in the reverse order.

A `Graph` gives every node a seat: a place with a name, a copy of the layer, and the numbers that
have been computed there. Running it is a loop over the seats, forward and then back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from .anatomy import is_floating, seat_of, walk
from .errors import (
    GradientError,
    LayerError,
    OrderError,
    UnknownNameError,
    WiringError,
)
from .layer import Layer
from .node import Constant, Node
from .parameter import AttributeParameter, Parameter, floating
from .seat import Seat, parameters_at, set_training, shape_at, shapes_so_far, what_failed
from .summary import summary
from .tables import Text
from .values import (
    NUMBERS,
    added,
    as_many,
    cast,
    fitted,
    looked_at,
    output_gradient,
    taken,
    tidied,
)
from .wiring import names_of, nodes_behind, ordered_inputs, wrong_inputs


def planner(graph: Graph, values: list[Any], predicts: bool) -> Any:
    """A plan that runs the graph from these values, or None: then every layer runs its own code.

    The engine puts its own function here.
    """
    return None


class Step(NamedTuple):
    """One event of `Graph.steps`: a layer was run, forward or backward."""

    direction: str  # "forward" or "backward"
    seat: Seat  # the place: its name, layer, inputs, value and grad
    inputs: tuple[Any, ...]  # forward: the values that went in; backward: (dout,)
    outputs: tuple[Any, ...]  # forward: (value,); backward: a gradient for each input


class Graph(Layer, guarded=False):
    """Layers wired together: runs forward in order, backward in the reverse order.

    outputs   a node, or several in a list: what `forward` returns
    inputs    the `Input`s in the order in which `forward` takes them; None: as they were made
    dtype     the float type of parameters and inputs; None: that of the parameters
    seed      decides the first numbers of parameters and the draws of random layers; None: chance
    errors    WiringError for names used twice, forgotten or unused inputs;
              ShapeError where shapes are known and do not fit

    A graph is a layer itself, so graphs nest. A graph with parameters casts floating inputs to
    their dtype; one without computes in the dtype of its inputs. Where parameters differ in dtype,
    they are cast to one, also for other graphs that share them. `training` says in which mode
    `forward` runs; `predict` always runs in inference.

    >>> from layerwise import Input
    >>> x, y = Input("x"), Input("y")
    >>> graph = Graph((x * y + x).named("z"))
    >>> graph.forward(x=3, y=4)
    15
    >>> graph.backward(), graph.gradients["x"], graph["z"].value
    ((5, 3), 5, 15)
    """

    held_parameters: dict[str, Parameter]  # all of them, by dotted name
    _nested = False  # whether it is a layer of another graph

    def __init__(
        self, outputs: Any, inputs: Any = None, *, dtype: Any = None, seed: int | None = None
    ) -> None:
        self.num_outputs = len(outputs) if isinstance(outputs, (list, tuple)) else None
        ends = [outputs] if self.num_outputs is None else list(outputs)
        order = nodes_behind(ends)
        starts = ordered_inputs(order, inputs)
        order = starts + [node for node in order if node not in starts]
        names = names_of(order)
        self._values: list[Any] = []  # of all seats; a seat is a window to its entry
        self._grads: list[Any] = []
        self._seat_of: dict[Node, Seat] = {}
        for node in order:
            sources = tuple(self._seat_of[source] for source in node.inputs)
            layer = None if node.layer is None else seat_of(node.layer)
            self._seat_of[node] = Seat(node, names[node], layer, sources, self._values, self._grads)
        self.inputs = tuple(self._seat_of[node] for node in starts)
        self.outputs = tuple(self._seat_of[node] for node in ends)
        self._settle()
        self._choose_dtype(dtype)
        if seed is not None:
            self._draw_from(seed)
        declared = [seat.node.shape for seat in self.inputs]
        self.out_shape(*((..., None) if shape is None else shape for shape in declared))

    def _settle(self) -> None:
        """Prepare what every run needs."""
        self.nodes = tuple(self._seat_of.values())
        self._nothing = [None] * len(self.nodes)
        self._rest = self._nothing[len(self.inputs) :]  # the values of all but the inputs, at first
        self._calls = [seat for seat in self.nodes if seat.layer is not None]
        self._leaves = [seat for seat in self.nodes if isinstance(seat.node, Constant)]
        self._by_name = {seat.name: seat for seat in self.nodes}
        self._names = [seat.name for seat in self.inputs]
        self._pick_named = itemgetter(*self._names, *self._names[:1])  # always a tuple
        self._plain = True  # whether the last run was one of Python's own numbers
        self._only_numbers = all(
            seat.node.shape is None and seat.node.dtype is None for seat in self.inputs
        ) and all(type(seat.node.value) in NUMBERS for seat in self._leaves)
        self._done = ""  # how far the last run has come: "", "forward" or "backward"
        self._runs = 0  # how many runs have begun
        self._told: bool | None = None  # the mode that the layers have been told
        self._plans: dict[Any, Any] = {}  # the engine's, by the shapes of the inputs
        self._plan: Any = None  # that of the last run; None: every layer ran its own code
        self.held_parameters = {}
        known: set[int] = set()
        for seat in self.nodes:
            found = parameters_at(seat)
            seat.learns = bool(found) or any(source.learns for source in seat.inputs)
            for held in found:
                if held.gradient is not None:
                    seat.collected.append(held)
                if id(held.parameter) not in known:
                    known.add(id(held.parameter))
                    self.held_parameters[held.name] = held.parameter
        self._learning = [seat for seat in self._calls if seat.learns]

    def _choose_dtype(self, dtype: Any) -> None:
        """One dtype for all parameters: the one asked for, or float32 where they differ.

        Arrays of classes written as in the books stay as they are, since others may refer to them.
        """
        self._dtype = None if dtype is None else floating(dtype)
        every = self.held_parameters.values()
        fixed = {p.dtype for p in every if isinstance(p, AttributeParameter)}
        if dtype is not None or len({p.dtype for p in every}) > 1:
            self.astype(dtype or (np.result_type(*fixed) if fixed else np.float32))

    def _draw_from(self, seed: int) -> None:
        """Draw the parameters that have no numbers yet; give random layers their generators."""
        generator = np.random.default_rng(seed)
        for parameter in self.held_parameters.values():
            parameter.draw(generator)
        for _, layer in walk(self):
            if getattr(layer, "rng_is_free", False):
                layer.rng = generator.spawn(1)[0]

    # running -------------------------------------------------------------------------------------

    def forward(self, /, *args: Any, **named: Any) -> Any:
        """Run every layer once, in order; returns the output, or a tuple of several.

        Values are given in the order of `graph.inputs`, or by name. The arrays that come back are
        those that `backward` will use: copy them before you change them.
        """
        self._begin(args, named)
        if not self._plain:
            self._plan = planner(self, self._values, False)
        if self._plan is None:
            self._run_forward(self._calls)
        else:
            self._plan.forward(self._values)
        self._done = "forward"
        return self._results(self._values)

    def backward(self, dout: Any = 1, *, accumulate: bool = False, inputs: bool = True) -> Any:
        """Run every layer backward, in the reverse order; returns a gradient for each input.

        dout         the gradient of the output: a number for all of it, or shaped like it;
                     for several outputs a tuple of these
        accumulate   add to the gradients of the parameters instead of starting from zero
        inputs       False: only parameters are learned from, so gradients are not carried further
                     back than there are any; those of the inputs are None
        errors       OrderError before a forward; LayerError where a layer raises, or returns a
                     gradient that does not fit its input
        """
        if self._plan is not None:
            self._give(dout)
            self._plan.backward(accumulate, inputs)
        else:
            self._begin_backward(dout, accumulate)
            self._run_backward(self._calls if inputs else self._learning)
            self._finish_backward()
            if not inputs:
                for seat in self.nodes:
                    if not seat.learns:
                        self._grads[seat.slot] = None
        return self._input_gradients()

    def predict(self, /, *args: Any, **named: Any) -> Any:
        """The output in inference: no dropout, and nothing is kept, so `backward` is not touched.

        Values are given as to `forward`.
        """
        values, _ = self._starting_values(args, named)
        plan = planner(self, values, True)
        if plan is not None:
            outputs = plan.forward(values)
            return outputs[0] if self.num_outputs is None else tuple(outputs)
        kept = {seat.slot for seat in self.outputs}
        last_use = {slot: seat for seat in self._calls for slot in seat.sources}
        seat = None
        try:
            for seat in self._calls:
                values[seat.slot] = seat.predict([values[slot] for slot in seat.sources])
                for slot in seat.sources:
                    if last_use[slot] is seat and slot not in kept:
                        values[slot] = None  # its memory is free again
        except Exception as error:
            self._fail("predict", seat, error, values)
        return self._results(values)

    def steps(self, /, *args: Any, dout: Any = 1, **named: Any) -> Iterator[Step]:
        """Run forward and then backward, and pause after each layer.

        >>> from layerwise import Input
        >>> x = Input("x")
        >>> graph = Graph((x * 3).named("y"))
        >>> [(step.direction, step.seat.name, step.outputs) for step in graph.steps(2.0)]
        [('forward', 'y', (6.0,)), ('backward', 'y', (3.0, 2.0))]
        """
        self._begin(args, named)
        run = self._runs
        for seat in self._calls:
            self._same_run(run)
            self._run_forward([seat])
            yield Step(
                "forward", seat, tuple(self._values[slot] for slot in seat.sources), (seat.value,)
            )
        self._done = "forward"
        self._begin_backward(dout, accumulate=False)
        for seat in reversed(self._calls):
            self._same_run(run)
            if seat.grad is not None:
                yield Step("backward", seat, (seat.grad,), self._run_backward([seat]))
        self._finish_backward()

    def _begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._values[:], self._plain = self._starting_values(args, named)
        self._grads[:] = self._nothing
        self._done = ""
        self._plan = None
        self._runs += 1
        if self._told is not self.training:
            self._told = self.training
            for seat in self._calls:
                set_training(seat.layer, self.training)

    def _same_run(self, run: int) -> None:
        if run != self._runs:
            raise OrderError("steps() cannot go on: this graph has begun another run meanwhile.")

    def _run_forward(self, calls: list[Seat]) -> None:
        """The loop of forward: each layer takes values and leaves its own."""
        values = self._values
        seat = None
        try:
            for seat in calls:
                if seat.count == 2:  # spelled out, because a list costs as much as a product
                    one, other = seat.sources
                    out = seat.run(values[one], values[other])
                else:
                    out = seat.run(*[values[slot] for slot in seat.sources])
                if type(out) is not float and type(out) is not int:
                    out = tidied(out, [values[slot] for slot in seat.sources], seat.layer)
                    self._plain = self._plain and type(out) in NUMBERS
                values[seat.slot] = out
        except Exception as error:
            self._fail("forward", seat, error, values)

    def _run_backward(self, calls: list[Seat]) -> tuple[Any, ...]:
        """The loop of backward: each layer takes its gradient and adds to those of its inputs.

        Returns what the last layer gave.
        """
        grads, nodes = self._grads, self.nodes
        number = float if self._plain else None  # among numbers alone, every number fits
        dxs: tuple[Any, ...] = ()
        seat = None
        try:
            for seat in reversed(calls):
                dout = grads[seat.slot]
                if dout is None:
                    continue  # nothing depends on it
                dxs = seat.run_back(dout)
                if type(dxs) is not tuple or len(dxs) != seat.count:
                    dxs = as_many(dxs, seat)
                sources, k = seat.sources, 0  # counted by hand: that is quicker than zip
                for dx in dxs:
                    slot = sources[k]
                    k += 1  # noqa: SIM113
                    if type(dx) is not number:
                        dx = fitted(dx, nodes[slot], seat)
                    if grads[slot] is None:
                        grads[slot] = dx
                    else:  # the value went to several places: their gradients are added
                        grads[slot] = added(grads[slot], dx)
                for held in seat.collected:
                    held.collect()
        except Exception as error:
            self._fail("backward", seat, error, self._values)
        return dxs

    def _begin_backward(self, dout: Any, accumulate: bool) -> None:
        self._give(dout)
        if self._nested:
            return  # gradients of parameters are added from all over the outer graph
        for parameter in self.held_parameters.values():
            if parameter.grad is None or not accumulate:
                parameter.grad = np.zeros_like(parameter.value)

    def _give(self, dout: Any) -> None:
        """Hand the gradients of the outputs to the seats that they belong to."""
        if not self._done:
            raise OrderError(
                f"{self!r}: backward was called before forward. Call forward(...) first: it "
                "computes the values that backward needs."
            )
        grads = self._grads
        if self._done == "backward":
            grads[:] = self._nothing
        self._done = "backward"
        several = isinstance(dout, (tuple, list)) and self.num_outputs is not None
        douts = tuple(dout) if several else (dout,) * len(self.outputs)
        if dout is None or len(douts) != len(self.outputs):
            raise GradientError(
                f"{self!r} has {len(self.outputs)} outputs, but backward got "
                f"{'None' if dout is None else f'{len(douts)} gradients'}. Give a gradient for "
                "each output, or one number for all."
            )
        for seat, one in zip(self.outputs, douts):
            d = output_gradient(one, seat)
            grads[seat.slot] = d if grads[seat.slot] is None else added(grads[seat.slot], d)

    def _finish_backward(self) -> None:
        for seat in self._leaves:
            if seat.kind == "constant":
                self._grads[seat.slot] = None  # nothing is to be learned from it
            elif seat.grad is not None:
                seat.node.value.grad += seat.grad

    def _input_gradients(self) -> Any:
        grads = self._grads[: len(self.inputs)]  # the inputs have the first slots
        return grads[0] if len(grads) == 1 else tuple(grads)

    def _results(self, numbers: Any) -> Any:
        """What belongs to the outputs, from a list with an entry for every slot."""
        if self.num_outputs is None:
            return numbers[self.outputs[0].slot]
        return tuple(numbers[seat.slot] for seat in self.outputs)

    # what goes in --------------------------------------------------------------------------------

    def _starting_values(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The values of inputs and constants in their slots; whether all are Python's numbers."""
        try:
            if not args:
                given = self._pick_named(named)[:-1]
            else:
                given = (*args, *[named[name] for name in self._names[len(args) :]])
        except KeyError:
            raise wrong_inputs(self._names, args, named) from None
        if len(given) != len(self._names) or len(args) + len(named) != len(given):
            raise wrong_inputs(self._names, args, named)
        plain = self._only_numbers and NUMBERS.issuperset(map(type, given))
        if not plain:
            dtype = self.dtype
            given = tuple([taken(value, seat, dtype) for value, seat in zip(given, self.inputs)])
        values = [*given, *self._rest]  # the inputs have the first slots
        for seat in self._leaves:
            values[seat.slot] = self._leaf_value(seat, given)
        return values, plain

    def _leaf_value(self, seat: Seat, given: tuple[Any, ...]) -> Any:
        """The value of a constant or of a parameter that stands in the graph by itself."""
        value = seat.node.value
        if isinstance(value, Parameter):
            return value.value
        if type(value) in NUMBERS:
            return value
        floats = [x for x in given if is_floating(x) and hasattr(x, "dtype")]
        dtype = self.dtype or (np.result_type(*floats) if floats else None)
        if seat.node.numeric and dtype is not None:
            return value.astype(dtype, copy=False)
        return cast(value, dtype)  # in the graph's dtype, or else in that of the inputs

    @property
    def dtype(self) -> Any:
        """The dtype in which the graph computes; None: that of its inputs."""
        if not self.held_parameters:
            return self._dtype
        kinds = {p.dtype for p in self.held_parameters.values()}
        return kinds.pop() if len(kinds) == 1 else np.result_type(*kinds)

    def astype(self, dtype: Any) -> Graph:
        """Hold parameters and buffers in another float type ("float64"); returns the graph."""
        super().astype(dtype)
        self._dtype = floating(dtype)
        for seat in self.inputs:
            if seat.dtype is not None and seat.dtype.kind == "f":
                seat.dtype = self._dtype
        for _, layer in walk(self):
            if isinstance(layer, Graph) and layer is not self:
                layer._dtype = self._dtype
        return self

    # looking -------------------------------------------------------------------------------------

    def __getitem__(self, name: str | Node) -> Any:
        """The seat of a node, by name or by the node; "inner.relu1" and "affine1.W" go deeper."""
        if isinstance(name, Node):
            if name in self._seat_of:
                return self._seat_of[name]
            raise UnknownNameError(f"{name!r} is not a node of this graph.")
        name = name if isinstance(name, str) else repr(name)
        found: Any = self._by_name.get(name) or self.held_parameters.get(name)
        if found is None and "." in name:
            first, rest = name.split(".", 1)
            inner = getattr(self._by_name.get(first), "layer", None)
            found = inner[rest] if isinstance(inner, Graph) else self.buffers().get(name)
        if found is None:
            known_names = [*self._by_name, *self.held_parameters, *self.buffers()]
            names = {known.lower(): known for known in known_names}
            near = [names[one] for one in get_close_matches(name.lower(), names, n=1)]
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UnknownNameError(f"There is no {name!r} in this graph.{hint}")
        return found

    @property
    def values(self) -> dict[str, Any]:
        """Every node's value by name; None: not computed yet."""
        return {seat.name: seat.value for seat in self.nodes}

    @property
    def gradients(self) -> dict[str, Any]:
        """The gradient of every node and parameter by name; None: not computed yet."""
        grads = {seat.name: seat.grad for seat in self.nodes}
        return grads | {name: p.grad for name, p in self.held_parameters.items()}

    def children(self) -> dict[str, Any]:
        """The layers of this graph by the names of their places."""
        return {seat.name: seat.layer for seat in self._calls}

    def out_shape(self, *shapes: Any) -> Any:
        """The output's shape for these shapes of the inputs; unknown sizes are None."""
        known = dict(zip(self.inputs, shapes))
        for seat in self.nodes:
            if seat in known:
                seat.shape = known[seat]
            elif seat.layer is None:
                value = seat.node.value
                seat.shape = value.shape if isinstance(value, Parameter) else np.shape(value)
            else:
                seat.shape = shape_at(seat)
        return self._results([seat.shape for seat in self.nodes])

    def summary(self) -> str:
        """A table of all nodes: name, layer, inputs, shape of the output, number of parameters."""
        return summary(self)

    def plan(self) -> str:
        """How the last run was computed, as a table: a row for each step of the engine's plan, with
        its layers, output, work in FLOPs and bytes, and the time it took; a row for each layer
        that ran its own code. Steps of Python have no work that could be counted.

        errors   OrderError before the first forward
        """
        if not self._done:
            raise OrderError(
                f"{self!r} has no plan yet: it is made for the shapes of the inputs. Call "
                "forward(...) first, and backward() to see both."
            )
        if self._plan is None:
            return Text("Every layer ran its own code, in NumPy.")
        return self._plan.report()

    def __repr__(self) -> str:
        ins = ", ".join(seat.name for seat in self.inputs)
        outs = ", ".join(seat.name for seat in self.outputs)
        return f"{type(self).__name__}({ins} -> {outs})"

    def draw(self, path: Any = None, **options: Any) -> Any:
        """Draw the graph with its values and gradients; see `layerwise.draw.draw`."""
        from .draw import draw

        return draw(self, path, **options)

    def explore(
        self,
        /,
        *args: Any,
        path: Any = None,
        dout: Any = 1,
        title: str | None = None,
        checks: int | None = None,
        **named: Any,
    ) -> Any:
        """Write a page in which one steps through a run; see `layerwise.explore.explore`.

        Inputs are given as to `forward`, which runs on a copy of the graph; one that is called
        path, dout, title or checks can only be given in order.
        """
        from .explore import explore

        return explore(self, args, named, path, dout=dout, title=title, checks=checks)

    def save(self, path: Any) -> None:
        """Write structure and numbers into a file, for `layerwise.load`; see `layerwise.io`."""
        from .io import save

        save(self, path)

    def _repr_svg_(self) -> str | None:
        from .draw import to_svg

        try:
            return to_svg(self)
        except WiringError:
            return None  # too large to draw: a notebook then shows the text

    # copies and failures -------------------------------------------------------------------------

    def __copy__(self) -> Graph:
        """Another graph over the same parameters and buffers, with seats of its own."""
        return self._copied(seat_of)

    def __deepcopy__(self, memo: dict[int, Any]) -> Graph:
        return self._copied(lambda layer: copy.deepcopy(layer, memo), memo)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: without the engine's plans, but with the numbers that these keep."""
        for numbers in (self._values, self._grads):
            for slot in range(len(numbers)):
                looked_at(numbers, slot)
        done = self._done if self._plan is None else ""
        return vars(self) | {"_plans": {}, "_plan": None, "_done": done}

    def _copied(
        self, copy_layer: Callable[[Any], Any], memo: dict[int, Any] | None = None
    ) -> Graph:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin._values, twin._grads, twin._seat_of = [], [], {}
        made: list[Seat] = []
        for node, seat in self._seat_of.items():
            sources = tuple(made[source.slot] for source in seat.inputs)
            if memo is not None and isinstance(node, Constant):
                node = copy.copy(node)
                node.value = copy.deepcopy(node.value, memo)
            layer = None if seat.layer is None else copy_layer(seat.layer)
            made.append(Seat(node, seat.name, layer, sources, twin._values, twin._grads))
            made[-1].shape, made[-1].dtype = seat.shape, seat.dtype
            twin._seat_of[node] = made[-1]
        twin.inputs = tuple(made[seat.slot] for seat in self.inputs)
        twin.outputs = tuple(made[seat.slot] for seat in self.outputs)
        twin._settle()
        return twin

    def _fail(self, step: str, seat: Any, error: Exception, values: list[Any]) -> None:
        """Raise the error again, with the path to the layer and the shapes so far."""
        if isinstance(error, LayerError):  # from a graph inside: only the path grows
            error.path.insert(0, seat.name)
            raise error
        said = what_failed(step, seat, error, values)
        raise LayerError([seat.name], step, said, shapes_so_far(self.nodes, values)) from error
