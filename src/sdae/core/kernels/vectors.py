"""Vectors in machine code: what the tiles of products are written with.

Axes: a vector has ``lanes`` numbers.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

INT = ir.IntType(64)
_INDEX = ir.IntType(32)
REAL = {types.float32: (ir.FloatType(), 4), types.float64: (ir.DoubleType(), 8)}
"""The types of numbers in machine code, and their bytes."""


class Code:
    """Writes the machine code of one tile: vectors of one type."""

    def __init__(self, context: Any, builder: Any, kind: Any, vector_bytes: int) -> None:
        self._context, self.builder = context, builder
        self._number, self.bytes = REAL[kind]
        self.lanes = vector_bytes // self.bytes
        self._vector = ir.VectorType(self._number, self.lanes)
        name = f"llvm.fma.v{self.lanes}f{8 * self.bytes}"
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
        return self.builder.add(at, self.builder.mul(distance, INT(row)))

    def plus_vectors(self, at: Any, n_vectors: int) -> Any:
        """Return the place so many vectors on."""
        return self.builder.add(at, INT(self.lanes * n_vectors))

    def load(self, pointer: Any, at: Any) -> Any:
        """Load a vector."""
        place = self.builder.bitcast(self.builder.gep(pointer, [at]), self._vector.as_pointer())
        return self.builder.load(place, align=self.bytes)

    def store(self, vector: Any, pointer: Any, at: Any) -> None:
        """Store a vector."""
        place = self.builder.bitcast(self.builder.gep(pointer, [at]), self._vector.as_pointer())
        self.builder.store(vector, place, align=self.bytes)

    def spread(self, number: Any) -> Any:
        """Return a vector of the same number."""
        nothing = ir.Constant(self._vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, _INDEX(0))
        places = ir.Constant(ir.VectorType(_INDEX, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, nothing, places)

    def fma(self, left: Any, right: Any, total: Any) -> Any:
        """Return left · right + total, rounded once."""
        return self.builder.call(self._fma, [left, right, total])

    def totals(self, vectors: Sequence[Any], n_together: int) -> list[Any]:
        """Return the sums of some vectors, in order, as vectors of up to `n_together` of them.

        As many vectors as a vector has lanes become one: halves of two, their even lanes and their
        odd ones, are added until each lane is the sum of a vector.
        """
        found = []
        width = min(n_together, self.lanes)
        for first in range(0, len(vectors), self.lanes):
            level = list(vectors[first : first + self.lanes])
            while len(level) > 1:
                level = [
                    self.builder.fadd(self._every_second(*pair, 0), self._every_second(*pair, 1))
                    for pair in zip(level[::2], level[1::2], strict=True)
                ]
            (sums,) = level
            for start in range(0, self.lanes, width):
                found.append(self._lanes_of(sums, sums, range(start, start + width)))
        return found

    def short(self, pointer: Any, at: Any, kind: Any) -> Any:
        """Return where a vector of a type lies."""
        return self.builder.bitcast(self.builder.gep(pointer, [at]), kind.as_pointer())

    def _every_second(self, left: Any, right: Any, first: int) -> Any:
        return self._lanes_of(left, right, range(first, 2 * self.lanes, 2))

    def _lanes_of(self, left: Any, right: Any, places: Sequence[int]) -> Any:
        kind = ir.VectorType(_INDEX, len(places))
        return self.builder.shuffle_vector(left, right, ir.Constant(kind, list(places)))
