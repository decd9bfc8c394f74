"""Register tiles: small products whose sums stay in vector registers, as machine code of our own.

A compiler keeps some sums of a product in registers, and moves the others to memory and back at
every term. Here a tile has as many sums as the processor has registers for. Every sum is in a fixed
order, term after term, with one rounding for each (fused multiply and add); a tile takes no part of
the order from its neighbours, so an element of a product does not depend on how it was tiled.

Tiles have no bounds: their callers must stay within their arrays, which are padded.

Axes: R rows and C columns of a product, K terms of a sum; a vector has ``lanes`` columns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from sdae.core.kernels.compiling import intrinsic

_INT, _INDEX = ir.IntType(64), ir.IntType(32)
_REAL = {types.float32: (ir.FloatType(), 4), types.float64: (ir.DoubleType(), 8)}

# Numba would compile a product anew for each Python number that it knows. These are variables.
FROM_ZERO: Any = np.intp(0)
FROM_BIAS: Any = np.intp(1)
FROM_OUT: Any = np.intp(2)
"""What the sums of a tile begin with: nothing, the same row for all rows, what is there."""
START: Any = np.intp(0)
"""The first place of an array."""
ADJACENT: Any = np.intp(1)
"""The distance of terms side by side."""


@dataclass(frozen=True)
class Shapes:
    """The shapes of tiles that fit into a processor's registers.

    Attributes
    ----------
    vector_bytes : int
    rows, vectors : int
        Of a tile of a product A B: rows times vectors sums.
    dots : int
        Of a tile of a product A Bᵀ: 4 rows times so many rows of B.
    """

    vector_bytes: int
    rows: int
    vectors: int
    dots: int


def _shapes() -> Shapes:
    """Return the shapes for this processor."""
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):  # 32 registers of 64 bytes
        return Shapes(64, rows=8, vectors=3, dots=4)
    if features.get("avx2"):  # 16 registers of 32 bytes
        return Shapes(32, rows=4, vectors=3, dots=2)
    if "aarch64" in llvmlite.binding.get_default_triple():  # 32 registers of 16 bytes
        return Shapes(16, rows=4, vectors=4, dots=4)
    return Shapes(16, rows=4, vectors=2, dots=2)


SHAPES = _shapes()
ROWS, MOST_VECTORS, DOTS = SHAPES.rows, SHAPES.vectors, SHAPES.dots
FEW_ROWS = 4
"""Rows of a tile of the last rows; the number of rows of a product is a multiple of it."""


def lanes(kind: np.dtype[Any]) -> int:
    """Return how many numbers a vector has; columns are padded to a multiple."""
    return SHAPES.vector_bytes // kind.itemsize


def _sums(n_rows: int) -> Callable[..., Any]:
    """Make the tiles of A B with so many rows: C[r, v] = Σ_k A[r, k] B[k, v].

    Their arguments are A, where a tile begins in it, the distances of its rows and of its terms; B,
    where it begins, the distance of its rows; K; C, where it begins, the distance of its rows; the
    number of vectors in a row of the tile; a bias, where it begins, and what the sums begin with.
    Distances and places are in numbers of the flat array.
    """

    @intrinsic
    def coded(  # type: ignore[no-untyped-def] # Numba wants the bare names
        _context,
        a,
        a_at,
        a_row,
        a_term,
        b,
        b_at,
        b_row,
        k,
        c,
        c_at,
        c_row,
        width,
        bias,
        bias_at,
        begin,
    ):
        signature = types.void(
            a, a_at, a_row, a_term, b, b_at, b_row, k, c, c_at, c_row, width, bias, bias_at, begin
        )

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            code = _Code(context, builder, signature.args[0].dtype)
            for n_vectors in range(1, MOST_VECTORS + 1):
                is_it = builder.icmp_signed("==", arguments[11], _INT(n_vectors))
                with builder.if_then(is_it):
                    _write_sums(code, signature, arguments, n_rows, n_vectors)
            return context.get_dummy_value()

        return signature, generate

    def plain(  # type: ignore[no-untyped-def] # as above
        a, a_at, a_row, a_term, b, b_at, b_row, k, c, c_at, c_row, width, bias, bias_at, begin
    ):
        columns = np.arange(width * lanes(a.dtype))
        rows = np.arange(n_rows)[:, None]
        total = np.zeros((n_rows, len(columns)), a.dtype)
        if begin == FROM_BIAS:
            total += bias[bias_at + columns]
        elif begin == FROM_OUT:
            total += c[c_at + rows * c_row + columns]
        for term in range(k):
            total += a[a_at + rows * a_row + term * a_term] * b[b_at + term * b_row + columns]
        c[c_at + rows * c_row + columns] = total

    return plain if numba.config.DISABLE_JIT else coded


def _write_sums(code: "_Code", signature: Any, arguments: Any, n_rows: int, n_vectors: int) -> None:
    """Write the code of a tile of A B; its arguments are those of :func:`_sums`."""
    builder = code.builder
    a_at, a_row, a_term, b_at, b_row, k, c_at, c_row, bias_at, begin = (
        arguments[place] for place in (1, 2, 3, 5, 6, 7, 9, 10, 13, 14)
    )
    a, b, c, bias = (
        code.pointer(signature.args[place], arguments[place]) for place in (0, 4, 8, 12)
    )
    sums = [[code.slot() for _ in range(n_vectors)] for _ in range(n_rows)]
    starts = [code.row(c_at, c_row, row) for row in range(n_rows)]
    with builder.if_then(builder.icmp_signed("==", begin, _INT(FROM_BIAS))):
        for v in range(n_vectors):
            first = code.load(bias, code.plus_vectors(bias_at, v))
            for row in sums:
                builder.store(first, row[v])
    with builder.if_then(builder.icmp_signed("==", begin, _INT(FROM_OUT))):
        for row, start in zip(sums, starts, strict=True):
            for v in range(n_vectors):
                builder.store(code.load(c, code.plus_vectors(start, v)), row[v])
    rows = [builder.gep(a, [code.row(a_at, a_row, row)]) for row in range(n_rows)]
    with cgutils.for_range(builder, k) as loop:
        place = builder.add(b_at, builder.mul(loop.index, b_row))
        vectors = [code.load(b, code.plus_vectors(place, v)) for v in range(n_vectors)]
        term = builder.mul(loop.index, a_term)
        for pointer, row in zip(rows, sums, strict=True):
            factor = code.spread(builder.load(builder.gep(pointer, [term])))
            for v in range(n_vectors):
                builder.store(code.fma(factor, vectors[v], builder.load(row[v])), row[v])
    for row, start in zip(sums, starts, strict=True):
        for v in range(n_vectors):
            code.store(builder.load(row[v]), c, code.plus_vectors(start, v))


def _dots(n_dots: int) -> Callable[..., Any]:
    """Make a tile of A Bᵀ: C[r, d] = Σ_n A[r, n] B[d, n], of 4 rows and `n_dots` columns.

    Each sum is one of as many as a vector has lanes, which are added in pairs at the end. Its
    arguments are A, where it begins, the distance of its rows; B, the same; the number of terms, a
    multiple of the lanes; C, the same; a bias, where it begins, and what the sums begin with.
    """

    @intrinsic
    def coded(  # type: ignore[no-untyped-def] # Numba wants the bare names
        _context, a, a_at, a_row, b, b_at, b_row, n, c, c_at, c_row, bias, bias_at, begin
    ):
        signature = types.void(
            a, a_at, a_row, b, b_at, b_row, n, c, c_at, c_row, bias, bias_at, begin
        )

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            code = _Code(context, builder, signature.args[0].dtype)
            a_at, a_row, b_at, b_row, n, c_at, c_row, bias_at, begin = (
                arguments[place] for place in (1, 2, 4, 5, 6, 8, 9, 11, 12)
            )
            a, b, c, bias = (
                code.pointer(signature.args[place], arguments[place]) for place in (0, 3, 7, 10)
            )
            sums = [[code.slot() for _ in range(n_dots)] for _ in range(FEW_ROWS)]
            n_vectors = builder.sdiv(n, _INT(code.lanes))
            with cgutils.for_range(builder, n_vectors) as loop:
                at = builder.mul(loop.index, _INT(code.lanes))
                left = [
                    code.load(a, builder.add(code.row(a_at, a_row, row), at))
                    for row in range(FEW_ROWS)
                ]
                for dot in range(n_dots):
                    right = code.load(b, builder.add(code.row(b_at, b_row, dot), at))
                    for row in range(FEW_ROWS):
                        slot = sums[row][dot]
                        builder.store(code.fma(left[row], right, builder.load(slot)), slot)
            from_bias = builder.icmp_signed("==", begin, _INT(FROM_BIAS))
            for dot in range(n_dots):
                first = builder.select(
                    from_bias,
                    builder.load(builder.gep(bias, [builder.add(bias_at, _INT(dot))])),
                    code.zero,
                )
                for row in range(FEW_ROWS):
                    total = builder.fadd(code.total(builder.load(sums[row][dot])), first)
                    place = builder.add(code.row(c_at, c_row, row), _INT(dot))
                    builder.store(total, builder.gep(c, [place]))
            return context.get_dummy_value()

        return signature, generate

    def plain(  # type: ignore[no-untyped-def] # as above
        a, a_at, a_row, b, b_at, b_row, n, c, c_at, c_row, bias, bias_at, begin
    ):
        for row in range(FEW_ROWS):
            left = a[a_at + row * a_row :][:n]
            for dot in range(n_dots):
                first = bias[bias_at + dot] if begin == FROM_BIAS else 0
                right = b[b_at + dot * b_row :][:n]
                c[c_at + row * c_row + dot] = (left * right).sum() + first

    return plain if numba.config.DISABLE_JIT else coded


class _Code:
    """Writes the machine code of one tile: vectors of one type."""

    def __init__(self, context: Any, builder: Any, kind: Any) -> None:
        self._context, self.builder = context, builder
        self._number, self._bytes = _REAL[kind]
        self.lanes = SHAPES.vector_bytes // self._bytes
        self._vector = ir.VectorType(self._number, self.lanes)
        self.zero = ir.Constant(self._number, 0.0)
        name = f"llvm.fma.v{self.lanes}f{8 * self._bytes}"
        form = ir.FunctionType(self._vector, [self._vector] * 3)
        self._fma = cgutils.get_or_insert_function(builder.module, form, name)

    def pointer(self, kind: Any, array: Any) -> Any:
        """Return where the numbers of an array begin."""
        return self._context.make_array(kind)(self._context, self.builder, array).data

    def slot(self) -> Any:
        """Return a place for a vector, of zeros, which becomes a register."""
        place = cgutils.alloca_once(self.builder, self._vector)
        self.builder.store(ir.Constant(self._vector, [0.0] * self.lanes), place)
        return place

    def row(self, at: Any, distance: Any, row: int) -> Any:
        """Return where a row begins."""
        return self.builder.add(at, self.builder.mul(distance, _INT(row)))

    def plus_vectors(self, at: Any, n_vectors: int) -> Any:
        """Return the place so many vectors on."""
        return self.builder.add(at, _INT(self.lanes * n_vectors))

    def load(self, pointer: Any, at: Any) -> Any:
        """Load a vector."""
        place = self.builder.bitcast(self.builder.gep(pointer, [at]), self._vector.as_pointer())
        return self.builder.load(place, align=self._bytes)

    def store(self, vector: Any, pointer: Any, at: Any) -> None:
        """Store a vector."""
        place = self.builder.bitcast(self.builder.gep(pointer, [at]), self._vector.as_pointer())
        self.builder.store(vector, place, align=self._bytes)

    def spread(self, number: Any) -> Any:
        """Return a vector of the same number."""
        nothing = ir.Constant(self._vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, _INDEX(0))
        places = ir.Constant(ir.VectorType(_INDEX, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, nothing, places)

    def fma(self, left: Any, right: Any, total: Any) -> Any:
        """Return left · right + total, rounded once."""
        return self.builder.call(self._fma, [left, right, total])

    def total(self, vector: Any) -> Any:
        """Return the sum of a vector: halves are added until one number is left."""
        n = self.lanes
        while n > 1:
            n //= 2
            halves = [
                self.builder.shuffle_vector(
                    vector, vector, ir.Constant(ir.VectorType(_INDEX, n), list(places))
                )
                for places in (range(n), range(n, 2 * n))
            ]
            vector = self.builder.fadd(*halves)
        return self.builder.extract_element(vector, _INDEX(0))


sums, few_sums = _sums(ROWS), _sums(FEW_ROWS)
dots = _dots(DOTS)
