"""Rows through the layers of a network, in one compiled function: no row depends on the others.

Layer l computes ``H_{l+1} = s(H_l W_l + b_l)``, or with ``W_lᵀ``; H_0 are the rows, scaled. Every
number is one sum, which begins with the bias and takes the terms in ascending order, each with one
rounding (fused multiply and add). The order is the same on all processors, in blocks of any size,
and for few rows as for many: many are multiplied in register tiles, after the weights have been
repacked; for few the weights are read as they lie.

Arrays come as addresses, in one array of integers each for the layers and for the rest: so there is
one function to compile for each type of weights, whatever the number of layers and the type of the
rows. Nothing here checks bounds: ``compiled_pass`` makes and measures all memory.

Axes: n rows, V columns, L layers; K terms and U units of a layer.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels import tiles
from sdae.core.kernels.compiling import inlined, kernel
from sdae.core.kernels.elementary import activate
from sdae.core.kernels.layout import padded
from sdae.core.kernels.raw import fma, numbers_at, transpose
from sdae.core.kernels.scaling import scaled_in_runs
from sdae.core.kernels.tiles import FROM_BIAS, FROM_OUT, MOST_VECTORS, ROWS, SHAPES

Flat = NDArray[np.floating]
Ints = NDArray[np.int64]

UNITS, WEIGHT, BIAS, BY_TERM, ACTIVATION, KEPT = range(6)
"""What is known of a layer: U; where its weights and biases are; whether the weights of a term lie
side by side, (K, U), or those of a unit, (U, K); the number of s; and the column of the result that
its first unit goes to, or −1."""

X, X_IS_DOUBLE, COLUMNS, SCALING, PERIOD, RESULT, WIDTH, BLOCK = range(8)
"""What is known of the rest: where the rows are, whether as float64, and V; where the offsets are,
followed by the scales and by their reciprocals, and how many of each; where the result is, and its
columns; rows of a block."""

_VECTOR_BYTES = SHAPES.vector_bytes
_NEAR = 192  # terms whose weights stay in the nearest cache
_AT_ONCE = 8


def _panel(lanes: int) -> int:
    """Return the units whose weights are packed side by side: as many as a tile has."""
    return MOST_VECTORS * lanes


def _padded(n_units: int, lanes: int) -> int:
    """Return the units of a layer in packed weights."""
    return -(-n_units // lanes) * lanes


def _distance(n_units: int, lanes: int) -> int:
    """Return how far apart the rows of a block are.

    Rows of one panel lie close together: what a tile writes beyond a row is written over by the
    next one.
    """
    return n_units if n_units <= MOST_VECTORS * lanes else -(-n_units // lanes) * lanes


panel, padded_units, distance = inlined(_panel), inlined(_padded), inlined(_distance)


def packed_numbers(n_columns: int, sizes: Sequence[int], kind: "np.dtype[Any]") -> int:
    """Return how many numbers :func:`pack` writes for layers of these sizes."""
    width = tiles.lanes(kind)
    return sum(_padded(u, width) * (k + 1) for k, u in pairwise([n_columns, *sizes]))


def block_numbers(n_columns: int, sizes: Sequence[int], kind: "np.dtype[Any]", n_rows: int) -> int:
    """Return how many numbers :func:`forward` needs for the units of a block of rows."""
    width = tiles.lanes(kind)
    widest = max([n_columns, *(_distance(n, width) for n in sizes)])
    return 2 * (padded(n_rows, ROWS) * widest + _panel(width))


@kernel
def pack(layers: Ints, n_columns: int, packed: Flat) -> None:
    """Lay out weights and biases as the tiles read them.

    The units of a layer are cut into panels. The weights of a panel are a row for each term, then
    come those of the next panel; at the end the biases. Units are padded with zeros.
    """
    lanes = _VECTOR_BYTES // packed.itemsize
    zero = packed.dtype.type(0)
    n_terms, at = n_columns, 0
    for layer in range(len(layers)):
        n_units = layers[layer, UNITS]
        weight = numbers_at(layers[layer, WEIGHT], n_terms * n_units, zero)
        bias = numbers_at(layers[layer, BIAS], n_units, zero)
        by_term = layers[layer, BY_TERM] == 1
        end = padded_units(n_units, lanes)
        for first in range(0, end, panel(lanes)):
            width = min(panel(lanes), end - first)
            known = min(width, n_units - first)
            here = at + first * n_terms
            if by_term:
                for term in range(n_terms):
                    side, out = weight[term * n_units + first :], packed[here + term * width :]
                    for unit in range(known):
                        out[unit] = side[unit]
                    for unit in range(known, width):
                        out[unit] = zero
                continue
            for unit in range(0, width, lanes):
                row = (first + unit) * n_terms
                done = 0
                if unit + lanes <= known:
                    done = n_terms // lanes * lanes
                    for term in range(0, done, lanes):
                        out_at = here + term * width + unit
                        transpose(weight, row + term, n_terms, packed, out_at, width)
                for term in range(done, n_terms):
                    out = packed[here + term * width + unit :]
                    for k in range(lanes):
                        known_here = unit + k < known
                        out[k] = weight[row + k * n_terms + term] if known_here else zero
        at += end * n_terms
        for unit in range(end):
            packed[at + unit] = bias[unit] if unit < n_units else zero
        at += end
        n_terms = n_units


@kernel
def forward(
    layers: Ints, rest: Ints, packed: Flat, units: Flat, first: int, last: int, farthest: float
) -> None:
    """Compute what is kept of the layers for some rows.

    Parameters
    ----------
    layers : (L, 6)
    rest : (8,)
    packed : flat
        From :func:`pack`; empty: weights are read as they lie.
    units : flat
        Memory for the units of a block, twice.
    first, last : int
        Which rows.
    farthest : float
        Scaled rows are clipped there.
    """
    lanes = _VECTOR_BYTES // units.itemsize
    half = len(units) // 2
    for start in range(first, last, rest[BLOCK]):
        n = min(rest[BLOCK], last - start)
        _take(rest, start, n, units, farthest)
        below, above = 0, half
        n_terms, step, at = rest[COLUMNS], rest[COLUMNS], 0
        for layer in range(len(layers)):
            n_units = layers[layer, UNITS]
            next_step = n_units
            if len(packed) > 0:
                next_step = distance(n_units, lanes)
                _multiply(packed, at, units, below, step, n_terms, above, next_step, n_units, n)
                at += padded_units(n_units, lanes) * (n_terms + 1)
            else:
                _accumulate(layers[layer], units, below, n_terms, above, n)
            activate(units[above : above + n * next_step], layers[layer, ACTIVATION])
            if layers[layer, KEPT] >= 0:
                _keep(rest, layers[layer], start, n, units[above:], next_step)
            below, above = above, below
            n_terms, step = n_units, next_step


@inlined
def _take(rest: Ints, start: int, n: int, units: Flat, farthest: float) -> None:
    """Scale and clip the rows of a block; rows that fill up the last tile are zeros."""
    n_columns, period = rest[COLUMNS], rest[PERIOD]
    n_numbers, at = n * n_columns, start * n_columns
    scaling = numbers_at(rest[SCALING], 3 * period, 0.0)
    if rest[X_IS_DOUBLE] == 1:
        x = numbers_at(rest[X], at + n_numbers, 0.0)
        scaled_in_runs(x, at, scaling, period, units, n_numbers, farthest)
    else:
        few = numbers_at(rest[X], at + n_numbers, np.float32(0))
        scaled_in_runs(few, at, scaling, period, units, n_numbers, farthest)
    for j in range(n_numbers, -(-n // ROWS) * ROWS * n_columns):
        units[j] = units.dtype.type(0)


@inlined
def _multiply(
    packed: Flat,
    at: int,
    units: Flat,
    below: int,
    step: int,
    n_terms: int,
    above: int,
    next_step: int,
    n_units: int,
    n: int,
) -> None:
    """Compute the sums of a layer in tiles, panel after panel."""
    lanes = _VECTOR_BYTES // packed.itemsize
    end = padded_units(n_units, lanes)
    biases = at + end * n_terms
    # What stands beyond a row must not be taken up again.
    near = _NEAR if next_step == end else n_terms
    for first in range(0, end, panel(lanes)):
        width = min(panel(lanes), end - first)
        for term in range(0, n_terms, near):
            for row in range(0, n, ROWS):
                tiles.sums(
                    units,
                    below + row * step + term,
                    step,
                    1,
                    packed,
                    at + first * n_terms + term * width,
                    width,
                    min(near, n_terms - term),
                    units,
                    above + row * next_step + first,
                    next_step,
                    width // lanes,
                    packed,
                    biases + first,
                    FROM_BIAS if term == 0 else FROM_OUT,
                )


@inlined
def _accumulate(layer: Ints, units: Flat, below: int, n_terms: int, above: int, n: int) -> None:
    """Compute the sums of a layer for few rows, with the weights as they lie."""
    n_units, zero = layer[UNITS], units.dtype.type(0)
    weight = numbers_at(layer[WEIGHT], n_terms * n_units, zero)
    bias = numbers_at(layer[BIAS], n_units, zero)
    for row in range(n):
        h = units[below + row * n_terms : below + (row + 1) * n_terms]
        out = units[above + row * n_units : above + (row + 1) * n_units]
        if layer[BY_TERM] == 1:
            for unit in range(n_units):  # to assign a slice takes seconds to compile
                out[unit] = bias[unit]
            for k in range(n_terms):
                here = weight[k * n_units : (k + 1) * n_units]
                for unit in range(n_units):
                    out[unit] = fma(h[k], here[unit], out[unit])
            continue
        whole = n_units // _AT_ONCE * _AT_ONCE
        for unit in range(0, whole, _AT_ONCE):  # sums side by side do not wait for each other
            w = weight[unit * n_terms :]
            s0, s1, s2, s3 = bias[unit], bias[unit + 1], bias[unit + 2], bias[unit + 3]
            s4, s5, s6, s7 = bias[unit + 4], bias[unit + 5], bias[unit + 6], bias[unit + 7]
            for k in range(n_terms):
                s0 = fma(h[k], w[k], s0)
                s1 = fma(h[k], w[n_terms + k], s1)
                s2 = fma(h[k], w[2 * n_terms + k], s2)
                s3 = fma(h[k], w[3 * n_terms + k], s3)
                s4 = fma(h[k], w[4 * n_terms + k], s4)
                s5 = fma(h[k], w[5 * n_terms + k], s5)
                s6 = fma(h[k], w[6 * n_terms + k], s6)
                s7 = fma(h[k], w[7 * n_terms + k], s7)
            out[unit], out[unit + 1], out[unit + 2], out[unit + 3] = s0, s1, s2, s3
            out[unit + 4], out[unit + 5], out[unit + 6], out[unit + 7] = s4, s5, s6, s7
        for unit in range(whole, n_units):
            total = bias[unit]
            for k in range(n_terms):
                total = fma(h[k], weight[unit * n_terms + k], total)
            out[unit] = total


@inlined
def _keep(rest: Ints, layer: Ints, start: int, n: int, values: Flat, step: int) -> None:
    """Copy the units of a layer into the result, as float32."""
    width, n_units = rest[WIDTH], layer[UNITS]
    result = numbers_at(rest[RESULT], (start + n) * width, np.float32(0))
    for row in range(n):
        here = result[(start + row) * width + layer[KEPT] :]
        there = values[row * step :]
        for unit in range(n_units):
            here[unit] = np.float32(there[unit])
