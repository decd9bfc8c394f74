"""Numbers at an address, a product added with one rounding, a transpose: our own machine code."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from sdae.core.kernels.compiling import chosen_by_type, intrinsic
from sdae.core.kernels.tiles import SHAPES
from sdae.core.kernels.vectors import REAL


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
def _coded_borrowed(_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.make_array(signature.args[0])
        owned, result = kind(context, builder, arguments[0]), kind(context, builder)
        for part in ("nitems", "itemsize", "data", "shape", "strides"):
            setattr(result, part, getattr(owned, part))
        for part in ("meminfo", "parent"):
            setattr(result, part, ir.Constant(getattr(owned, part).type, None))
        return result._getvalue()

    return array(array), generate


def _plain_borrowed(array: Any) -> Any:
    return array


borrowed = _plain_borrowed if numba.config.DISABLE_JIT else _coded_borrowed
"""borrowed(array) is the same array, of which Numba does not count how often it is used."""


@intrinsic
def _coded_fma(_context, left, right, total):  # type: ignore[no-untyped-def] # as above
    number, _ = REAL[left]

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        form = ir.FunctionType(number, [number] * 3)
        name = f"llvm.fma.{'f32' if left == types.float32 else 'f64'}"
        return builder.call(cgutils.get_or_insert_function(builder.module, form, name), arguments)

    return left(left, right, total), generate


def _plain_fma(left: Any, right: Any, total: Any) -> Any:
    return left * right + total


fma = _plain_fma if numba.config.DISABLE_JIT else _coded_fma
"""fma(left, right, total) is left · right + total, rounded once; not compiled, twice."""


@intrinsic
def _coded_transpose(_context, a, a_at, a_row, out, out_at, out_row):  # type: ignore[no-untyped-def] # as above
    number, n_bytes = REAL[a.dtype]
    lanes = SHAPES.vector_bytes // n_bytes
    vector = ir.VectorType(number, lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointers = [
            context.make_array(signature.args[place])(context, builder, arguments[place]).data
            for place in (0, 3)
        ]

        def place(which: int, row: int) -> Any:
            at, distance = arguments[3 * which + 1 : 3 * which + 3]
            number_at = builder.add(at, builder.mul(distance, ir.IntType(64)(row)))
            return builder.bitcast(builder.gep(pointers[which], [number_at]), vector.as_pointer())

        rows = [builder.load(place(0, row), align=n_bytes) for row in range(lanes)]
        for _ in range(lanes.bit_length() - 1):  # each time, a bit of a place changes sides
            pairs = [(rows[k], rows[k + lanes // 2]) for k in range(lanes // 2)]
            rows = [
                builder.shuffle_vector(*pair, ir.Constant(_places(lanes), _zipped(lanes, half)))
                for pair in pairs
                for half in range(2)
            ]
        for row, values in enumerate(rows):
            builder.store(values, place(1, row), align=n_bytes)
        return context.get_dummy_value()

    return types.void(a, a_at, a_row, out, out_at, out_row), generate


def _places(n: int) -> Any:
    return ir.VectorType(ir.IntType(32), n)


def _zipped(n: int, half: int) -> list[int]:
    """Return the places of two halves of vectors of n, one after the other in turn."""
    first = half * n // 2
    return [side * n + first + k for k in range(n // 2) for side in range(2)]


def _plain_transpose(a, a_at, a_row, out, out_at, out_row):  # type: ignore[no-untyped-def] # as above
    places = np.arange(SHAPES.vector_bytes // a.itemsize)
    rows, columns = places[:, None], places
    out[out_at + columns * out_row + rows] = a[a_at + rows * a_row + columns]


transpose = _plain_transpose if numba.config.DISABLE_JIT else _coded_transpose
"""transpose(a, at, row, out, at, row) writes the transpose of a square: as many rows as a vector
has lanes, each at a distance of `row` numbers."""
