"""Numbers at an address, and a product added with one rounding: machine code of our own."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from sdae.core.kernels.compiling import chosen_by_type, intrinsic

_REAL = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


@intrinsic
def _pointer(_context: Any, address: Any) -> Any:  # noqa: ARG001 - as below
    """Return a pointer to an address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), generate


def numbers_at(address: int, n: int, like: Any) -> NDArray[Any]:
    """Return the `n` numbers at an address, which are of the type of `like`."""
    kind = np.asarray(like).dtype
    memory = np.ctypeslib.as_ctypes_type(kind) * int(n)
    return np.frombuffer(memory.from_address(int(address)), kind) if n else np.empty(0, kind)


@chosen_by_type(numbers_at)
def _numbers_at(address: Any, n: Any, like: Any) -> Any:  # noqa: ARG001 - Numba wants the names
    return _single_at if like == types.float32 else _double_at


def _single_at(address: Any, n: Any, like: Any) -> Any:  # noqa: ARG001 - as above
    return numba.carray(_pointer(address), n, np.float32)


def _double_at(address: Any, n: Any, like: Any) -> Any:  # noqa: ARG001 - as above
    return numba.carray(_pointer(address), n, np.float64)


@intrinsic
def _coded_fma(_context, left, right, total):  # type: ignore[no-untyped-def] # as above
    number = _REAL[left]

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        form = ir.FunctionType(number, [number] * 3)
        name = f"llvm.fma.{'f32' if left == types.float32 else 'f64'}"
        return builder.call(cgutils.get_or_insert_function(builder.module, form, name), arguments)

    return left(left, right, total), generate


def _plain_fma(left: Any, right: Any, total: Any) -> Any:
    return left * right + total


fma = _plain_fma if numba.config.DISABLE_JIT else _coded_fma
"""fma(left, right, total) is left · right + total, rounded once; not compiled, twice."""
