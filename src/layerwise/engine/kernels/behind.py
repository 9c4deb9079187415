"""Functions that a kernel calls for what it has just computed, while that is in the fastest cache.

    affine = product with Behind(relu)

They are called by their address, so that the machine code of a product or a convolution is made
once, whatever stands behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..cpu import V
from ..kernel import as_floats
from ..native import compiled
from ..simd import FLOAT, LONG, load_some, splat, store_some

SIGNATURE = types.void(*[types.int64] * 5, types.float32, types.float32)


class Behind:
    """y = function(x, p, q) of each number, compiled when its address is first asked for."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.name = function, function.__name__
        self._address: int | None = None

    @property
    def address(self) -> int:
        if self._address is None:
            apply: Any = self.function

            def rows(x: int, y: int, apart: int, height: int, width: int, p: Any, q: Any) -> None:
                for r in range(height):
                    source, target = as_floats(x) + r * apart, as_floats(y) + r * apart
                    for v in range(0, width, V):
                        z = apply(load_some(source + v, width - v), splat(p), splat(q))
                        store_some(target + v, z, width - v)

            self._address = compiled(rows, SIGNATURE, f"behind.{self.name}")
        return self._address


@intrinsic
def call_behind(
    typing: Any, function: Any, x: Any, y: Any, apart: Any, height: Any, width: Any, p: Any, q: Any
) -> Any:
    """Let the function at an address go over some rows of x and y, which begin `apart`."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words = [builder.ptrtoint(arg, LONG) for arg in args[1:3]]
        kind = ir.FunctionType(ir.VoidType(), [LONG] * 5 + [FLOAT] * 2)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [*words, *args[3:]])
        return context.get_dummy_value()

    return types.void(types.int64, x, y, *SIGNATURE.args[2:]), build
