"""Functions for this CPU: compiled by Numba when first needed, then kept on disk.

Numba's own cache cannot hold a function that is given another one, and does not see when a function
in another file changes. Here the key is made of everything that the machine code depends on: the
sources, the versions, the CPU. A file is there whole or not at all, and one without the right
checksum is made anew, so the folder may be shared, and deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba import types
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.registry import cpu_target
from numba.core.typed_passes import NativeLowering
from numba.extending import intrinsic

from ..files import as_path, cache_folder, write_whole
from . import cpu

SOURCES = "cpu", "functions", "kernel", "native", "pool", "simd"  # that machine code comes from
OPTIONS = {"error_model": "numpy"}  # dividing by 0 gives Inf, as in NumPy


class Part(JITCodeLibrary):
    """What becomes a part of kernels is optimised there, and becomes machine code there."""

    def _optimize_final_module(self) -> None: ...

    def _finalize_final_module(self) -> None:
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Numba makes each function ready to be called from Python, too, which takes half of the time.
    One that only becomes a part of others is told to them, by a name of its own."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        for flag in ("no_compile", "no_cpython_wrapper", "no_cfunc_wrapper"):
            setattr(state.flags, flag, True)
        state.library = Part(state.targetctx.codegen(), state.func_id.func_qualname)
        super().run_pass(state)
        name: Any = [].append  # Numba wants some function of C, and no two the same
        state.targetctx.insert_user_function(name, state.cr.fndesc, [state.library])
        state["cr"] = state.cr._replace(cfunc=name)
        return True


# Numba's passes for what no kernel has: closures, `with`, literals, array expressions, errors
UNNEEDED = {
    "AnnotateTypes", "DeadBranchPrune", "DumpParforDiagnostics", "FindLiterallyCalls",
    "InlineClosureLikes", "InlineInlinables", "InlineOverloads",
    "LiteralPropagationSubPipelinePass", "LiteralUnroll", "MakeFunctionToJitFunction",
    "NopythonRewrites", "RewriteDynamicRaises", "RewriteSemanticConstants", "WithLifting",
}  # fmt: skip


class KernelCompiler(CompilerBase):
    """Numba's own way without the passes that kernels do not need."""

    def define_pipelines(self) -> list[Any]:
        way = DefaultPassBuilder.define_nopython_pipeline(self.state)
        way.passes = [one for one in way.passes if one[0].__name__ not in UNNEEDED]
        way.finalize()
        return [way]


class PartCompiler(KernelCompiler):
    """The same for a function that becomes a part of kernels."""

    def define_pipelines(self) -> list[Any]:
        (way,) = super().define_pipelines()
        way.passes = [(PartLowering if p is NativeLowering else p, why) for p, why in way.passes]
        return [way]


def inlined(function: Callable[..., Any]) -> Any:
    """A function that kernels call, which becomes a part of them."""
    return numba.njit(forceinline=True, pipeline_class=PartCompiler, **OPTIONS)(function)


def apart(function: Callable[..., Any]) -> Any:
    """A function that kernels call and that stays a function of its own in machine code: its loops
    have all registers to themselves."""

    @intrinsic
    def call(typing: Any, args: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            made = context.compile_subroutine(builder, function, types.void(*args))
            unpacked = cgutils.unpack_tuple(builder, values[0], len(args))
            context.call_internal_no_propagate(builder, made.fndesc, made.signature, unpacked)
            for block in builder.function.blocks:
                for one in block.instructions:
                    if (
                        getattr(getattr(one, "callee", None), "name", "")
                        == made.fndesc.mangled_name
                    ):
                        one.attributes.add("noinline")
            return context.get_dummy_value()

        return types.void(args), build

    return call


def compiled(function: Callable[..., Any], signature: Any, name: str) -> int:
    """The address of a function in machine code."""
    path = _folder() / f"{_key(function, name)}.bin"
    held = _read(path)
    if held is None:
        _say(name)
        made = numba.cfunc(signature, pipeline_class=KernelCompiler, **OPTIONS)(function)
        library, symbol = made._library, made._wrapper_name
        if "numba_do_raise" in library.get_llvm_str():
            raise TypeError(f"{name} can raise an error, as range does for a step that may be 0.")
        _, _, parts = library.serialize_using_object_code()
        _write(path, symbol, parts)
    else:
        symbol, parts = held
        codegen = cpu_target.target_context.codegen()
        library = codegen.unserialize_library((name, "object", parts))
    _alive.append(library)
    return library.get_pointer_to_function(symbol)


_alive: list[Any] = []  # machine code is freed with its library


# the folder --------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Where kernels are kept: $LAYERWISE_KERNELS, or a folder beside other files that are kept."""
    asked = os.environ.get("LAYERWISE_KERNELS")
    return as_path(asked) if asked else cache_folder() / "kernels"


@lru_cache(maxsize=1)
def _common_key() -> bytes:
    """What all kernels depend on: the engine's sources, versions, the CPU."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in [*(here / f"{name}.py" for name in SOURCES), *sorted(here.glob("kernels/*.py"))]:
        digest.update(path.read_bytes())
    versions = numba.__version__, llvmlite.__version__, sys.version_info[:2], sys.platform
    made_for = cpu.TRIPLE, cpu.NAME, sorted(cpu.FEATURES), cpu.V, cpu.REGISTERS
    digest.update(repr((versions, made_for)).encode())
    return digest.digest()


def _key(function: Callable[..., Any], name: str) -> str:
    digest = hashlib.sha256(_common_key())
    source = Path(function.__code__.co_filename)
    digest.update(source.read_bytes() if source.is_file() else function.__code__.co_code)
    digest.update(name.encode())
    return digest.hexdigest()


def _read(path: Path) -> tuple[str, tuple[bytes, bytes]] | None:
    """A symbol and the parts of its library; None if there is no such file, or it is damaged."""
    try:
        held = path.read_bytes()
        body = held[32:]
        if hashlib.sha256(body).digest() != held[:32]:
            return None
    except OSError:
        return None
    parts, start = [], 0
    while start < len(body):
        (size,) = struct.unpack_from("<q", body, start)
        parts.append(body[start + 8 : start + 8 + size])
        start += 8 + size
    return parts[0].decode(), (parts[1], parts[2])


def _write(path: Path, symbol: str, parts: tuple[bytes, bytes]) -> None:
    """Keep it, if the folder can be written to."""
    body = b"".join(struct.pack("<q", len(part)) + part for part in (symbol.encode(), *parts))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, hashlib.sha256(body).digest() + body)
    except OSError:
        pass  # uncached then: the next process compiles again


_said: list[str] = []  # the kernels that had to be compiled


def _say(name: str) -> None:
    """A progress line: compiling takes seconds, once."""
    _said.append(name)
    if sys.stderr is None:
        return
    said = "layerwise: compiling kernels for this CPU, once"
    if sys.stderr.isatty():
        print(f"\r\033[K{said}: {len(_said)} {name}", end="", file=sys.stderr, flush=True)
    elif len(_said) == 1:
        print(f"{said}; they are kept in {_folder()}", file=sys.stderr)


def done_compiling() -> None:
    """Take the progress line away again."""
    if _said and sys.stderr is not None and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
