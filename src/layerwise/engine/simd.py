"""Pointers and vectors for Numba: arithmetic on V floats at a time, written as on one.

    y = load(p) * splat(2.0) + load(q + 8)
    store(r, y)

Numba leaves it to LLVM to find loops that can be vectorised, and LLVM gives up where it cannot see
that two pointers do not overlap. Here a vector is a value of its own, V floats in one register, so
that nothing has to be found. V follows the CPU (see cpu.py): the same source becomes AVX-512, AVX2,
SSE or NEON. Operators keep to IEEE arithmetic: NaN and Inf go through as in NumPy.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from .cpu import FEATURES, V
from .native import inlined

Floats = types.CPointer(types.float32)  # a float* as in C: p[i], p + i
Ints = types.CPointer(types.int64)

FLOAT, INT, LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FLOATS = ir.VectorType(FLOAT, V)  # V floats
INTS = ir.VectorType(INT, V)
BITS = ir.VectorType(ir.IntType(1), V)


class VectorType(types.Type):
    """V floats."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector({V})")


class MaskType(types.Type):
    """V answers, yes or no."""

    def __init__(self) -> None:
        super().__init__(name=f"Mask({V})")


Vector, Mask = VectorType(), MaskType()


@register_model(VectorType)
class VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, FLOATS)


@register_model(MaskType)
class MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, BITS)


# building blocks of LLVM's language --------------------------------------------------------------


def call(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """One of LLVM's own functions, such as llvm.sqrt."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def spread(builder: Any, number: Any, kind: Any) -> Any:
    """A vector with one number in all its lanes."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(INT, 0))
    zeros = ir.Constant(INTS, [0] * V)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)


def first_lanes(builder: Any, count: Any) -> Any:
    """A mask that is true in the first `count` lanes."""
    lanes = ir.Constant(INTS, list(range(V)))
    return builder.icmp_signed("<", lanes, spread(builder, builder.trunc(count, INT), INTS))


def shuffled(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    """V of the 2 V lanes of two vectors."""
    return builder.shuffle_vector(a, b, ir.Constant(INTS, lanes))


def load_at(builder: Any, pointer: Any, kind: Any = FLOATS) -> Any:
    loaded = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    loaded.align = 4
    return loaded


def store_at(builder: Any, vector: Any, pointer: Any) -> None:
    stored = builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()))
    stored.align = 4


# pointers ----------------------------------------------------------------------------------------


@intrinsic
def _moved(typing: Any, pointer: Any, count: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), build


@overload(operator.add, strict=False)
def _add_to_pointer(pointer: Any, count: Any) -> Any:
    if isinstance(pointer, types.CPointer) and isinstance(count, types.Integer):
        return lambda pointer, count: _moved(pointer, count)
    return None


# vectors -----------------------------------------------------------------------------------------


@intrinsic
def load(typing: Any, pointer: Any) -> Any:
    """The V floats from here on."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load_at(builder, args[0])

    return Vector(Floats), build


@intrinsic
def prefetch(typing: Any, pointer: Any) -> Any:
    """Have the line of the cache that this is in ready soon; any address will do."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.bitcast(args[0], ir.IntType(8).as_pointer())
        to_read, keep, data = (ir.Constant(INT, n) for n in (0, 2, 1))
        call(builder, "llvm.prefetch.p0", ir.VoidType(), pointer, to_read, keep, data)
        return context.get_dummy_value()

    return types.void(Floats), build


@intrinsic
def store(typing: Any, pointer: Any, vector: Any) -> Any:
    """Write V floats from here on."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store_at(builder, args[1], args[0])
        return context.get_dummy_value()

    return types.void(Floats, Vector), build


@intrinsic
def load_part(typing: Any, pointer: Any, count: Any) -> Any:
    """The first `count` floats, and zeros in the other lanes; nothing else is read."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.bitcast(args[0], FLOATS.as_pointer())
        mask, zeros = first_lanes(builder, args[1]), ir.Constant(FLOATS, [0.0] * V)
        return call(
            builder,
            f"llvm.masked.load.v{V}f32.p0",
            FLOATS,
            pointer,
            ir.Constant(INT, 4),
            mask,
            zeros,
        )

    return Vector(Floats, types.intp), build


@intrinsic
def store_part(typing: Any, pointer: Any, vector: Any, count: Any) -> Any:
    """Write the first `count` lanes, fewer than V, and nothing else."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, vector, count = args
        if "avx512f" in FEATURES:
            pointer = builder.bitcast(pointer, FLOATS.as_pointer())
            mask, align = first_lanes(builder, count), ir.Constant(INT, 4)
            name = f"llvm.masked.store.v{V}f32.p0"
            call(builder, name, ir.VoidType(), vector, pointer, align, mask)
        else:
            store_in_halves(builder, pointer, vector, count)
        return context.get_dummy_value()

    return types.void(Floats, Vector, types.intp), build


def store_in_halves(builder: Any, pointer: Any, vector: Any, count: Any) -> None:
    """Half of a vector if there is so much left, then a quarter, and so on: where a CPU has a
    masked store, but no registers for masks, it may take longer than all of that."""
    nothing = ir.Constant(LONG, 0)
    left = builder.select(builder.icmp_signed("<", count, nothing), nothing, count)
    for lanes in (V >> i for i in range(1, V.bit_length())):
        there = builder.icmp_signed(">=", left, ir.Constant(LONG, lanes))
        before = builder.block
        with builder.if_then(there):
            kind = ir.VectorType(INT, lanes)
            first = builder.shuffle_vector(vector, vector, ir.Constant(kind, list(range(lanes))))
            store_at(builder, first, pointer)
            moved = builder.gep(pointer, [ir.Constant(LONG, lanes)])
            rest = shuffled(builder, vector, vector, [(i + lanes) % V for i in range(V)])
            fewer = builder.sub(left, ir.Constant(LONG, lanes))
            inside = builder.block
        pointer = joined(builder, (pointer, before), (moved, inside))
        vector = joined(builder, (vector, before), (rest, inside))
        left = joined(builder, (left, before), (fewer, inside))


def joined(builder: Any, *ways: tuple[Any, Any]) -> Any:
    """A value that depends on the block that one has come from."""
    value = builder.phi(ways[0][0].type)
    for one, block in ways:
        value.add_incoming(one, block)
    return value


@inlined
def load_some(pointer: Any, count: int) -> Any:
    """The next V floats, or the last few with zeros behind them."""
    return load(pointer) if count >= V else load_part(pointer, count)


@inlined
def store_some(pointer: Any, vector: Any, count: int) -> None:
    """Write the next V floats, or the last few."""
    if count >= V:
        store(pointer, vector)
    else:
        store_part(pointer, vector, count)


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """One number in all lanes."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return spread(
            builder, context.cast(builder, args[0], signature.args[0], types.float32), FLOATS
        )

    return Vector(number), build


@intrinsic
def lanes_below(typing: Any, count: Any) -> Any:
    """A mask that is true in the first `count` lanes."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return first_lanes(builder, args[0])

    return Mask(types.intp), build


@intrinsic
def lanes_between(typing: Any, first: Any, end: Any) -> Any:
    """A mask that is true in the lanes from `first` on, before `end`."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, end = (first_lanes(builder, arg) for arg in args)
        return builder.and_(builder.not_(first), end)

    return Mask(types.intp, types.intp), build


@intrinsic
def lane_numbers(typing: Any) -> Any:
    """0, 1, 2, ..."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(FLOATS, [float(i) for i in range(V)])

    return Vector(), build


@intrinsic
def load_lanes(typing: Any, pointer: Any, mask: Any, others: Any) -> Any:
    """The floats in the lanes of a mask, and those of another vector in the other lanes; nothing
    else is read."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.bitcast(args[0], FLOATS.as_pointer())
        name = f"llvm.masked.load.v{V}f32.p0"
        return call(builder, name, FLOATS, pointer, ir.Constant(INT, 4), args[1], args[2])

    return Vector(Floats, Mask, Vector), build


def _function(name: str, arity: int) -> Any:
    """One of LLVM's own functions of vectors."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, f"llvm.{name}.v{V}f32", FLOATS, *args)

    def of_one(typing: Any, a: Any) -> Any:
        return Vector(Vector), build

    def of_two(typing: Any, a: Any, b: Any) -> Any:
        return Vector(Vector, Vector), build

    def of_three(typing: Any, a: Any, b: Any, c: Any) -> Any:
        return Vector(Vector, Vector, Vector), build

    return intrinsic((of_one, of_two, of_three)[arity - 1])


fma = _function("fmuladd", 3)  # a * b + c, in one instruction where the CPU has it
sqrt = _function("sqrt", 1)
absolute = _function("fabs", 1)
copysign = _function("copysign", 2)


@intrinsic
def select(typing: Any, mask: Any, yes: Any, no: Any) -> Any:
    """From each lane of two vectors, the one that the mask says: NumPy's `where`."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return Vector(Mask, Vector, Vector), build


@intrinsic
def power_of_two(typing: Any, n: Any) -> Any:
    """2 to the power n, for a whole number n in the lowest bits of 1.5 * 2**23 + n."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.add(builder.bitcast(args[0], INTS), ir.Constant(INTS, [127] * V))
        return builder.bitcast(builder.shl(bits, ir.Constant(INTS, [23] * V)), FLOATS)

    return Vector(Vector), build


@intrinsic
def parts(typing: Any, x: Any) -> Any:
    """m and e of x = m 2**e, with m from the root of 1/2 to that of 2; for normal numbers above 0.

    A float is its exponent and the digits of m behind each other in one word. Less the word of the
    root of 1/2, that word has the digits of where m begins as 0, and carries into the exponent.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        root, digits = ir.Constant(INTS, [0x3F3504F3] * V), ir.Constant(INTS, [0x7FFFFF] * V)
        word = builder.sub(builder.bitcast(args[0], INTS), root)
        e = builder.sitofp(builder.ashr(word, ir.Constant(INTS, [23] * V)), FLOATS)
        m = builder.bitcast(builder.add(builder.and_(word, digits), root), FLOATS)
        return context.make_tuple(builder, signature.return_type, [m, e])

    return types.UniTuple(Vector, 2)(Vector), build


def _reduction(combine: Callable[..., Any]) -> Any:
    """All lanes put together, always in the same order: by halves."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = [builder.extract_element(args[0], ir.Constant(INT, i)) for i in range(V)]
        while len(lanes) > 1:
            half = len(lanes) // 2
            lanes = [combine(builder, a, b) for a, b in zip(lanes[:half], lanes[half:])]
        return lanes[0]

    def reduce(typing: Any, vector: Any) -> Any:
        return types.float32(Vector), build

    return intrinsic(reduce)


total = _reduction(lambda builder, a, b: builder.fadd(a, b))
largest = _reduction(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


def _shuffle(lanes: list[int]) -> Any:
    @intrinsic
    def shuffle(typing: Any, a: Any, b: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return shuffled(builder, args[0], args[1], lanes)

        return Vector(Vector, Vector), build

    return shuffle


# Of the 2 V numbers of two vectors, one behind the other: every other one; and back again
evens, odds = _shuffle(list(range(0, 2 * V, 2))), _shuffle(list(range(1, 2 * V, 2)))
zipped_low = _shuffle([i // 2 + V * (i % 2) for i in range(V)])
zipped_high = _shuffle([(V + i) // 2 + V * (i % 2) for i in range(V)])


# operators ---------------------------------------------------------------------------------------


def _operation(build_with: str) -> Any:
    @intrinsic
    def operation(typing: Any, a: Any, b: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, build_with)(*args)

        return Vector(Vector, Vector), build

    return operation


def _comparison(sign: str) -> Any:
    @intrinsic
    def comparison(typing: Any, a: Any, b: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.fcmp_ordered(sign, *args)  # False where one of them is NaN

        return Mask(Vector, Vector), build

    return comparison


def _give_operator(function: Any, operation: Any) -> None:
    """Let an operator take two vectors, or a vector and a number on either side."""

    @overload(function, strict=False)
    def choose(a: Any, b: Any) -> Any:
        if a is Vector and b is Vector:
            return lambda a, b: operation(a, b)
        if a is Vector and isinstance(b, types.Number):
            return lambda a, b: operation(a, splat(b))
        if b is Vector and isinstance(a, types.Number):
            return lambda a, b: operation(splat(a), b)
        return None


for _sign, _build in (("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv")):
    _give_operator(getattr(operator, _sign), _operation(_build))
for _sign, _build in (("gt", ">"), ("lt", "<"), ("ge", ">="), ("le", "<="), ("eq", "==")):
    _give_operator(getattr(operator, _sign), _comparison(_build))


@overload(operator.neg, strict=False)
def _negative(vector: Any) -> Any:
    if vector is Vector:
        return lambda vector: splat(-0.0) - vector
    return None
