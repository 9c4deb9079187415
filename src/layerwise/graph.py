"""The graph: layers wired together, run forward in order and backward in the reverse order.

A `Graph` gives every node a seat: a place with a name, a copy of the layer, and the numbers that
have been computed there. Running it is a loop over the seats, forward and then back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from .anatomy import seat_of, walk
from .errors import (
    GradientError,
    LayerError,
    OrderError,
    ShapeError,
    WiringError,
    show_shape,
)
from .layer import Layer, raise_shape_error
from .node import Constant, Input, Node, apply
from .parameter import Parameter
from .seat import (
    Seat,
    cast,
    output_gradient,
    parameters_at,
    set_training,
    shape_at,
    shapes_so_far,
    taken,
)
from .tables import Text, table
from .wiring import names_of, nodes_behind, ordered_inputs


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
    their dtype; one without computes in the dtype of its inputs. `training` says in which mode
    `forward` runs; `predict` always runs in inference.

    >>> x, y = Input("x"), Input("y")
    >>> graph = Graph((x * y + x).named("z"))
    >>> graph.forward(x=3, y=4)
    15
    >>> graph.backward(), graph.gradients["x"], graph["z"].value
    ((5, 3), 5, 15)
    """

    def __init__(
        self, outputs: Any, inputs: Any = None, *, dtype: Any = None, seed: int | None = None
    ) -> None:
        self.num_outputs = len(outputs) if isinstance(outputs, (list, tuple)) else None
        ends = [outputs] if self.num_outputs is None else list(outputs)
        order = nodes_behind(ends)
        names = names_of(order)
        self._seat_of: dict[Node, Seat] = {}
        for node in order:
            sources = tuple(self._seat_of[source] for source in node.inputs)
            layer = None if node.layer is None else seat_of(node.layer)
            self._seat_of[node] = Seat(node, names[node], layer, sources)
        self.inputs = tuple(self._seat_of[node] for node in ordered_inputs(order, inputs))
        self.outputs = tuple(self._seat_of[node] for node in ends)
        self._settle()
        self._choose_dtype(dtype)
        if seed is not None:
            self._draw_from(seed)
        self.out_shape(*(seat.node.shape or (..., None) for seat in self.inputs))

    def _settle(self) -> None:
        """Prepare what every run needs."""
        self.nodes = tuple(self._seat_of.values())
        self._calls = [seat for seat in self.nodes if seat.layer is not None]
        self._leaves = [seat for seat in self.nodes if isinstance(seat.node, Constant)]
        self._by_name = {seat.name: seat for seat in self.nodes}
        self._done = ""  # how far the last run has come: "", "forward" or "backward"
        self._told: bool | None = None  # the mode that the layers have been told
        self.held_parameters: dict[str, Parameter] = {}
        known: set[int] = set()
        for seat in self.nodes:
            for held in parameters_at(seat):
                if held.gradient is not None:
                    seat.held.append(held)
                if id(held.parameter) not in known:
                    known.add(id(held.parameter))
                    self.held_parameters[held.name] = held.parameter

    def _choose_dtype(self, dtype: Any) -> None:
        """One dtype for all parameters: the one asked for, or float32 where they differ."""
        self._dtype = None if dtype is None else np.dtype(dtype)
        found = {parameter.dtype for parameter in self.held_parameters.values()}
        if dtype is not None or len(found) > 1:
            self.astype(dtype or np.float32)

    def _draw_from(self, seed: int) -> None:
        """Draw the parameters that have no numbers yet; give random layers their generators."""
        generator = np.random.default_rng(seed)
        for parameter in self.held_parameters.values():
            parameter.draw(generator)
        for _, layer in walk(self):
            if isinstance(getattr(layer, "rng", None), np.random.Generator):
                layer.rng = generator.spawn(1)[0]

    # running -------------------------------------------------------------------------------------

    def forward(self, *args: Any, **named: Any) -> Any:
        """Run every layer once, in order; returns the output, or a tuple of several.

        Values are given in the order of `graph.inputs`, or by name.
        """
        self._begin(args, named)
        seat = None
        try:
            for seat in self._calls:
                seat.forward()
        except Exception as error:
            self._fail("forward", seat, error)
        self._done = "forward"
        return self._collect([seat.value for seat in self.outputs])

    def backward(self, dout: Any = 1, *, accumulate: bool = False) -> Any:
        """Run every layer backward, in the reverse order; returns a gradient for each input.

        dout         the gradient of the output: a number for all of it, or shaped like it;
                     for several outputs a tuple of these
        accumulate   add to the gradients of the parameters instead of starting from zero
        errors       OrderError before a forward; GradientError where the gradient that a layer
                     returns does not fit its input
        """
        self._begin_backward(dout, accumulate)
        return self._run_backward()

    def backward_inside(self, dout: Any) -> Any:
        """As `backward`, for a graph inside another, which looks after the parameters."""
        self._give(dout)
        return self._run_backward()

    def _run_backward(self) -> Any:
        seat = None
        try:
            for seat in reversed(self._calls):
                if seat.grad is not None:
                    seat.backward()
        except Exception as error:
            self._fail("backward", seat, error)
        self._end_backward()
        grads = tuple(seat.grad for seat in self.inputs)
        return grads[0] if len(grads) == 1 else grads

    def predict(self, *args: Any, **named: Any) -> Any:
        """The output in inference: no dropout, and nothing is kept, so `backward` is not touched.

        Values are given as to `forward`.
        """
        values = dict(zip(self.inputs, self._taken(args, named)))
        values.update((seat, self._leaf_value(seat)) for seat in self._leaves)
        last_use = {source: seat for seat in self._calls for source in seat.inputs}
        seat = None
        try:
            for seat in self._calls:
                values[seat] = seat.predict([values[source] for source in seat.inputs])
                for source in seat.inputs:
                    if last_use[source] is seat and source not in self.outputs:
                        values.pop(source, None)  # its memory is free again
        except Exception as error:
            self._fail("predict", seat, error, values)
        return self._collect([values[seat] for seat in self.outputs])

    def steps(self, *args: Any, dout: Any = 1, **named: Any) -> Iterator[Step]:
        """Run forward and then backward, and pause after each layer.

        >>> x = Input("x")
        >>> graph = Graph((x * 3).named("y"))
        >>> [(step.direction, step.seat.name, step.outputs) for step in graph.steps(2.0)]
        [('forward', 'y', (6.0,)), ('backward', 'y', (3.0, 2.0))]
        """
        self._begin(args, named)
        for seat in self._calls:
            seat.value = None
        for seat in self._calls:
            try:
                seat.forward()
            except Exception as error:
                self._fail("forward", seat, error)
            inputs = tuple(source.value for source in seat.inputs)
            yield Step("forward", seat, inputs, (seat.value,))
        self._done = "forward"
        self._begin_backward(dout, accumulate=False)
        for seat in reversed(self._calls):
            if seat.grad is not None:
                try:
                    dxs = seat.backward()
                except Exception as error:
                    self._fail("backward", seat, error)
                yield Step("backward", seat, (seat.grad,), tuple(dxs))
        self._end_backward()

    def _begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        values = self._taken(args, named)
        self._done = ""
        for seat in self.nodes:
            seat.grad = None
        for seat, value in zip(self.inputs, values):
            seat.value = value
        for seat in self._leaves:
            seat.value = self._leaf_value(seat)
        if self._told is not self.training:
            self._told = self.training
            for seat in self._calls:
                set_training(seat.layer, self.training)

    def _begin_backward(self, dout: Any, accumulate: bool) -> None:
        for parameter in self.held_parameters.values():
            if parameter.grad is None or not accumulate:
                parameter.grad = np.zeros_like(parameter.value)
        self._give(dout)

    def _give(self, dout: Any) -> None:
        """Hand the gradients of the outputs to the seats that they belong to."""
        if not self._done:
            raise OrderError(
                f"{self!r}: backward was called before forward. Call forward(...) first: it "
                "computes the values that backward needs."
            )
        if self._done == "backward":
            for seat in self.nodes:
                seat.grad = None
        douts = dout if type(dout) is tuple else (dout,) * len(self.outputs)
        if len(douts) != len(self.outputs):
            raise GradientError(
                f"{self!r} has {len(self.outputs)} outputs, but backward got {len(douts)} "
                "gradients. Give one for each output, or one number for all."
            )
        for seat, one in zip(self.outputs, douts):
            one = output_gradient(one, seat)
            seat.grad = one if seat.grad is None else seat.grad + one

    def _end_backward(self) -> None:
        self._done = "backward"
        for seat in self._leaves:
            if seat.kind == "parameter" and seat.grad is not None:
                seat.node.value.grad += seat.grad

    def _collect(self, values: list[Any]) -> Any:
        return values[0] if self.num_outputs is None else tuple(values)

    # what goes in --------------------------------------------------------------------------------

    def _taken(self, args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """The values for all inputs, in order, checked and cast."""
        given = list(args)
        try:
            given += [named[seat.name] for seat in self.inputs[len(args) :]]
        except KeyError:
            pass
        if len(given) != len(self.inputs) or len(given) != len(args) + len(named):
            raise self._wrong_inputs(args, named)
        dtype = self.dtype
        return [
            value if type(value) is float else taken(value, seat, dtype)
            for seat, value in zip(self.inputs, given)
        ]

    def _wrong_inputs(self, args: tuple[Any, ...], named: dict[str, Any]) -> WiringError:
        names = [seat.name for seat in self.inputs]
        missing = [name for name in names[len(args) :] if name not in named]
        unknown = [name for name in named if name not in names[len(args) :]]
        said = [f"The inputs of this graph are {', '.join(names)}."]
        if len(args) > len(names):
            said.append(f"It got {len(args)} values.")
        if missing:
            said.append(f"Missing: {', '.join(missing)}.")
        if unknown:
            twice = [name for name in unknown if name in names]
            said.append(f"{'Given twice' if twice else 'Unknown'}: {', '.join(twice or unknown)}.")
        return WiringError(" ".join(said))

    def _leaf_value(self, seat: Seat) -> Any:
        """The value of a constant or of a parameter that stands in the graph by itself."""
        value = seat.node.value
        if isinstance(value, Parameter):
            return value.value
        return value if type(value) in (int, float) else cast(value, self.dtype)

    @property
    def dtype(self) -> Any:
        """The dtype in which the graph computes; None: that of its inputs."""
        if not self.held_parameters:
            return self._dtype
        return np.result_type(*{p.dtype for p in self.held_parameters.values()})

    def astype(self, dtype: Any) -> Graph:
        """Hold all parameters in another float type, such as "float64"; returns the graph."""
        super().astype(dtype)
        if self._dtype is not None:
            self._dtype = np.dtype(dtype)
        return self

    # looking -------------------------------------------------------------------------------------

    def __getitem__(self, name: str | Node) -> Any:
        """The seat of a node, by name or by the node; "inner.relu1" and "affine1.W" go deeper."""
        if isinstance(name, Node):
            if name in self._seat_of:
                return self._seat_of[name]
            raise KeyError(f"{name!r} is not a node of this graph")
        found = self._by_name.get(name) or self.held_parameters.get(name)
        if found is None and "." in str(name):
            first, rest = name.split(".", 1)
            inner = getattr(self._by_name.get(first), "layer", None)
            found = inner[rest] if isinstance(inner, Graph) else None
        if found is None:
            near = get_close_matches(str(name), [*self._by_name, *self.held_parameters], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise KeyError(f"There is no {name!r} in this graph.{hint}")
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
        return self._collect([seat.shape for seat in self.outputs])

    def summary(self) -> str:
        """A table of all layers: name, layer, inputs, shape of the output, parameters."""
        rows: list[list[str]] = []
        counted: set[int] = set()
        for seat in self.nodes:
            held = {id(h.parameter): h.parameter for h in parameters_at(seat)}
            new = sum(int(np.prod(p.shape)) for i, p in held.items() if i not in counted)
            counted |= held.keys()
            shape = seat.shape if seat.value is None else np.shape(seat.value)
            rows.append(
                [
                    seat.name,
                    seat.kind if seat.layer is None else repr(seat.layer),
                    ", ".join(source.name for source in seat.inputs),
                    show_shape(shape),
                    f"{new:,}" if held else "",
                ]
            )
        total = sum(int(np.prod(p.shape)) for p in self.held_parameters.values())
        head = ["name", "layer", "from", "output", "parameters"]
        return Text(f"{table(head, rows)}\n{total:,} parameters")

    def __repr__(self) -> str:
        ins = ", ".join(seat.name for seat in self.inputs)
        outs = ", ".join(seat.name for seat in self.outputs)
        return f"{type(self).__name__}({ins} -> {outs})"

    def draw(self, path: Any = None, **options: Any) -> Any:
        """Draw the graph with its values and gradients; see `layerwise.draw.draw`."""
        from .draw import draw

        return draw(self, path, **options)

    def _repr_svg_(self) -> str:
        from .draw import to_svg

        return to_svg(self)

    # copies and failures -------------------------------------------------------------------------

    def __copy__(self) -> Graph:
        """Another graph over the same parameters, with seats of its own."""
        return self._copied(seat_of)

    def __deepcopy__(self, memo: dict[int, Any]) -> Graph:
        return self._copied(lambda layer: copy.deepcopy(layer, memo), memo)

    def _copied(
        self, copy_layer: Callable[[Any], Any], memo: dict[int, Any] | None = None
    ) -> Graph:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin._seat_of = {}
        of: dict[Seat, Seat] = {}
        for node, seat in self._seat_of.items():
            if memo is not None and isinstance(node, Constant):
                node = copy.copy(node)
                node.value = copy.deepcopy(node.value, memo)
            layer = None if seat.layer is None else copy_layer(seat.layer)
            of[seat] = Seat(node, seat.name, layer, tuple(of[source] for source in seat.inputs))
            of[seat].shape = seat.shape
            twin._seat_of[node] = of[seat]
        twin.inputs = tuple(of[seat] for seat in self.inputs)
        twin.outputs = tuple(of[seat] for seat in self.outputs)
        twin._settle()
        return twin

    def _fail(
        self, step: str, seat: Any, error: Exception, values: dict[Seat, Any] | None = None
    ) -> None:
        """Raise the error again, with the path to the layer and the shapes so far."""
        if isinstance(error, LayerError):  # from a graph inside: only the path grows
            error.path.insert(0, seat.name)
            raise error
        if values is None:
            if step == "forward":
                for later in self._calls[self._calls.index(seat) :]:
                    later.value = None
            values = {one: one.value for one in self.nodes if one.value is not None}
        if step != "backward" and not isinstance(error, ShapeError):
            try:
                raise_shape_error(seat.layer, [values[s] for s in seat.inputs], error)
            except ShapeError as better:
                error = better
        if isinstance(error, ShapeError):
            said = str(error.at(seat.name, [source.name for source in seat.inputs]))
        elif isinstance(error, GradientError):
            said = str(error)
        else:
            said = f"{type(error).__name__}: {error}"
        raise LayerError([seat.name], step, seat.layer, said, shapes_so_far(values)) from error


class Sequential(Graph, guarded=False):
    """A chain of layers: what one gives goes into the next.

    layers    layers in forward order: any objects with `forward` and `backward`
    dtype     the float type of parameters and inputs; None: that of the parameters
    seed      decides the first numbers of parameters and the draws of random layers; None: chance
    errors    WiringError without layers; ShapeError where shapes are known and do not fit

    >>> from layerwise import Affine, ReLU
    >>> net = Sequential(Affine(784, 50), ReLU(), Affine(50, 10), seed=0)
    >>> net.forward(np.zeros((32, 784))).shape
    (32, 10)
    """

    def __init__(self, *layers: Any, dtype: Any = None, seed: int | None = None) -> None:
        if not layers:
            raise WiringError("Sequential() needs at least one layer.")
        x = node = Input("x")
        for layer in layers:
            node = apply(layer, node)
        super().__init__(node, [x], dtype=dtype, seed=seed)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(repr(seat.layer) for seat in self._calls)})"
