"""Scaling rows in float64, rounded to float32 and clipped: exactly as NumPy divides.

A division takes as long as eight multiplications. So the quotient by the reciprocal is corrected
twice by what is left of the dividend, which fused multiply and add gives exactly; the second time
it is the nearest number (Markstein 1990). That needs scales far from the limits of float64. Far
beyond float32 nothing is corrected: what is left may not be finite there. Nor is zero, which would
lose its sign.

Numbers are scaled 16 at a time, in machine code of our own: as a loop, LLVM does fewer, and waits
for them.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, intrinsic, kernel
from sdae.core.kernels.raw import numbers_at

Flat = NDArray[np.floating]
Doubles = NDArray[np.float64]

_AT_ONCE = 16
_FAR = 1e100
_REAL = {types.float32: (ir.FloatType(), 4), types.float64: (ir.DoubleType(), 8)}
_INT, _WIDE, _SINGLE = ir.IntType(64), ir.DoubleType(), ir.FloatType()


@inlined
def scaled_in_runs(
    x: Flat, start: int, scaling: Doubles, period: int, out: Flat, n: int, farthest: float
) -> None:
    """Scale `n` numbers.

    Parameters
    ----------
    x : flat, from `start` on
    scaling : (3 `period`,)
        Offsets of rows one after another; as far apart their scales, and the reciprocals of these.
    out : flat
    n : int
    farthest : float
        Scaled numbers are clipped there.
    """
    for at in range(0, n, period):
        m = min(period, n - at)
        here, n_whole = start + at, m // _AT_ONCE
        if n_whole == 0:
            _singly(x, here, scaling, 0, period, out, at, m, farthest)
            continue
        for done in range(2):  # the last ones with some that are done already
            first = 0 if done == 0 else m - _AT_ONCE
            n_runs = n_whole if done == 0 else 1
            _together(x, here + first, scaling, first, period, out, at + first, n_runs, farthest)


def _scaled(n_numbers: int) -> Callable[..., Any]:
    """Make a function that scales so many numbers at a time, `n` times.

    Its arguments are the rows, where it begins in them; offsets, scales and reciprocals, where it
    begins in the offsets, how far apart they are; the result, where it begins; n; and the bound.
    """

    @intrinsic
    def coded(_context, x, start, scaling, first, period, out, at, n, farthest):  # type: ignore[no-untyped-def] # Numba wants the bare names
        signature = types.void(x, start, scaling, first, period, out, at, n, farthest)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, start, _, first, period, _, at, n, _ = arguments
            code = _Code(context, builder, signature, arguments, n_numbers)
            with cgutils.for_range(builder, n) as loop:
                done = builder.mul(loop.index, _INT(n_numbers))
                here = [builder.add(place, done) for place in (start, first, at)]
                code.scale(here[0], here[1], here[2], period)
            return context.get_dummy_value()

        return signature, generate

    def plain(x, start, scaling, first, period, out, at, n, farthest):  # type: ignore[no-untyped-def] # as above
        places = np.arange(n * n_numbers)
        offset, scale = scaling[first + places], scaling[first + period + places]
        with np.errstate(over="ignore"):
            values = ((x[start + places] - offset) / scale).astype(np.float32)
        out[at + places] = np.clip(values, -farthest, farthest)

    return plain if numba.config.DISABLE_JIT else coded


class _Code:
    """Writes the machine code that scales so many numbers."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any, n: int) -> None:
        self._builder, self._n = builder, n
        self._pointers = {
            place: context.make_array(signature.args[place])(
                context, builder, arguments[place]
            ).data
            for place in (0, 2, 5)
        }
        self._in, self._in_bytes = _REAL[signature.args[0].dtype]
        self._out, self._out_bytes = _REAL[signature.args[5].dtype]
        self._farthest = builder.fptrunc(arguments[8], _SINGLE)

    def scale(self, start: Any, first: Any, at: Any, period: Any) -> None:
        """Scale the numbers from `start` by those from `first`, into the place `at`."""
        builder = self._builder
        x = self._load(0, self._in, self._in_bytes, start)
        if self._in is _SINGLE:
            x = builder.fpext(x, self._vector(_WIDE))
        offset, scale, one_by = (
            self._load(2, _WIDE, 8, builder.add(first, builder.mul(period, _INT(k))))
            for k in range(3)
        )
        dividend = builder.fsub(x, offset)
        quotient = plain = builder.fmul(dividend, one_by)
        for _ in range(2):
            left = self._fma(builder.fneg(quotient), scale, dividend)
            quotient = self._fma(left, one_by, quotient)
        is_near = builder.and_(
            builder.fcmp_ordered("<", plain, self._spread(_WIDE(_FAR))),
            builder.fcmp_ordered(">", plain, self._spread(_WIDE(-_FAR))),
        )
        is_near = builder.and_(is_near, builder.fcmp_ordered("!=", plain, self._spread(_WIDE(0.0))))
        rounded = builder.fptrunc(builder.select(is_near, quotient, plain), self._vector(_SINGLE))
        high, low = self._spread(self._farthest), self._spread(builder.fneg(self._farthest))
        rounded = builder.select(builder.fcmp_ordered(">", rounded, high), high, rounded)
        rounded = builder.select(builder.fcmp_ordered("<", rounded, low), low, rounded)
        if self._out is _WIDE:
            rounded = builder.fpext(rounded, self._vector(_WIDE))
        builder.store(rounded, self._place(5, self._out, at), align=self._out_bytes)

    def _vector(self, number: Any) -> Any:
        return ir.VectorType(number, self._n)

    def _place(self, which: int, number: Any, at: Any) -> Any:
        place = self._builder.gep(self._pointers[which], [at])
        return self._builder.bitcast(place, self._vector(number).as_pointer())

    def _load(self, which: int, number: Any, n_bytes: int, at: Any) -> Any:
        return self._builder.load(self._place(which, number, at), align=n_bytes)

    def _spread(self, number: Any) -> Any:
        nothing = ir.Constant(self._vector(number.type), ir.Undefined)
        first = self._builder.insert_element(nothing, number, ir.IntType(32)(0))
        places = ir.Constant(ir.VectorType(ir.IntType(32), self._n), [0] * self._n)
        return self._builder.shuffle_vector(first, nothing, places)

    def _fma(self, left: Any, right: Any, total: Any) -> Any:
        kind = self._vector(_WIDE)
        form = ir.FunctionType(kind, [kind] * 3)
        name = f"llvm.fma.v{self._n}f64"
        function = cgutils.get_or_insert_function(self._builder.module, form, name)
        return self._builder.call(function, [left, right, total])


_together, _singly = _scaled(_AT_ONCE), _scaled(1)


@kernel
def scale(
    x: int, is_double: bool, n: int, scaling: Doubles, period: int, out: Flat, farthest: float
) -> None:
    """Scale `n` numbers into `out`, flat.

    Parameters
    ----------
    x : int
        Where the numbers begin, one after another, as float64 or float32.
    is_double : bool
    n : int
    scaling, period, farthest
        As for :func:`scaled_in_runs`.
    out : flat
    """
    if is_double:
        scaled_in_runs(numbers_at(x, n, 0.0), 0, scaling, period, out, n, farthest)
    else:
        scaled_in_runs(numbers_at(x, n, np.float32(0)), 0, scaling, period, out, n, farthest)
