"""The layers of a network on a minibatch: forward and backward, for one part.

Layer l takes the units of depth l to those of depth l + 1. Each part computes its own units of a
depth from all units of the other.

Axes: m samples of a slice, V inputs, U hidden units.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.elementary import (
    RELU,
    SIGMOID,
    TANH,
    activate_with_slopes,
    slope,
    squash,
)
from sdae.core.kernels.products import multiply, multiply_transposed
from sdae.core.kernels.tiles import (
    ADJACENT,
    FEW_ROWS,
    FROM_BIAS,
    FROM_ZERO,
    START,
)
from sdae.train.kernels.minibatch.memory import FEW, Plan, State, filled

Real = NDArray[np.floating]


@inlined
def in_tiles(n: int) -> int:
    """Return the rows of a minibatch of n with those that fill up the last tile."""
    return -(-n // FEW_ROWS) * FEW_ROWS


@inlined
def take(plan: Plan, state: State, x: Real, first: int, n: int, part: int) -> None:
    """Copy the inputs of a part; rows that fill up the last tile are zeros."""
    start, end = plan.owned[0, part], min(plan.owned[0, part + 1], plan.sizes[0])
    width = plan.widths[0]
    for row in range(in_tiles(n)):
        here = state.h[row * width + start : row * width + end]
        for j in range(len(here)):
            here[j] = x[first + row, start + j] if row < n else state.h.dtype.type(0)


@inlined
def forward(
    plan: Plan,
    state: State,
    kept: NDArray[np.bool_],
    scale: float,
    activation: int,
    first: int,
    n: int,
    layer: int,
    part: int,
) -> None:
    """Compute the units of a part in the depth above a layer; outputs go into their slopes."""
    depth = layer + 1
    start, end = plan.owned[depth, part], plan.owned[depth, part + 1]
    width, is_last = plan.widths[depth], depth == len(plan.weights)
    n_rows = in_tiles(n)
    values = state.delta if is_last else state.h
    multiply(
        state.h,
        plan.units[layer],
        plan.widths[layer],
        ADJACENT,
        plan.sizes[layer],
        state.parameters,
        plan.weights[layer] + start,
        width,
        values,
        plan.units[depth] + start,
        width,
        n_rows,
        end - start,
        state.parameters,
        plan.biases[layer] + start,
        FROM_BIAS,
    )
    end = min(end, plan.sizes[depth])
    if is_last or end <= start:
        return
    # The rows of a single part are one run of numbers, whose loops have no ends but one.
    whole, rows_at = plan.owned.shape[1] == 2, plan.units[depth]
    n_runs, length = (1, n * width) if whole else (n, end - start)
    for run in range(n_runs):
        at = rows_at + start + run * width
        if len(state.slopes) > 0:
            activate_with_slopes(
                state.h[at : at + length], state.slopes[at : at + length], activation
            )
        else:
            squash(state.h[at : at + length], activation)
    for row in range(n):
        at = rows_at + row * width
        if whole:
            _clear(state.h[at + end : at + width])
        if len(kept) > 0:
            drawn = plan.drawn[depth]
            here = state.h[at + start : at + end]
            _drop(here, kept[first + row, drawn + start : drawn + end], scale)


@inlined
def _clear(padding: Real) -> None:
    for j in range(len(padding)):
        padding[j] = padding.dtype.type(0)


@inlined
def _drop(values: Real, kept: NDArray[np.bool_], scale: float) -> None:
    zero = values.dtype.type(0)
    for j in range(len(values)):
        values[j] = values[j] * scale if kept[j] else zero


@inlined
def backward(
    plan: Plan,
    state: State,
    kept: NDArray[np.bool_],
    scale: float,
    activation: int,
    first: int,
    n: int,
    depth: int,
    part: int,
) -> None:
    """Compute the slopes of the units of a part from those above them."""
    start, end = plan.owned[depth, part], plan.owned[depth, part + 1]
    width, above = plan.widths[depth], plan.widths[depth + 1]
    if plan.sizes[depth + 1] <= FEW:
        _from_few(plan, state, n, depth, part)
        through_units(plan, state, kept, scale, activation, first, n, depth, part)
        return
    multiply_transposed(
        state.delta,
        plan.units[depth + 1],
        above,
        state.parameters,
        plan.weights[depth] + start * above,
        above,
        filled(plan, depth + 1),
        state.delta,
        plan.units[depth] + start,
        width,
        in_tiles(n),
        end - start,
        state.parameters,
        START,
        FROM_ZERO,
    )
    through_units(plan, state, kept, scale, activation, first, n, depth, part)


@inlined
def _from_few(plan: Plan, state: State, n: int, depth: int, part: int) -> None:
    """Compute the slopes of a part's units, before dropout and activation, from few units above.

    Their weights are turned first: sums of few terms are faster side by side.
    """
    start, end = plan.owned[depth, part], plan.owned[depth, part + 1]
    above, n_above, n_units = plan.widths[depth + 1], plan.sizes[depth + 1], end - start
    turned = state.gradients[part]
    for k in range(n_above):
        for j in range(n_units):
            turned[k * n_units + j] = state.parameters[
                plan.weights[depth] + (start + j) * above + k
            ]
    multiply(
        state.delta,
        plan.units[depth + 1],
        above,
        ADJACENT,
        n_above,
        turned,
        START,
        n_units,
        state.delta,
        plan.units[depth] + start,
        plan.widths[depth],
        in_tiles(n),
        n_units,
        state.parameters,
        START,
        FROM_ZERO,
    )


@inlined
def through_units(
    plan: Plan,
    state: State,
    kept: NDArray[np.bool_],
    scale: float,
    activation: int,
    first: int,
    n: int,
    depth: int,
    part: int,
) -> None:
    """Take the slopes of a part's units back through dropout and the activation."""
    start, end = plan.owned[depth, part], min(plan.owned[depth, part + 1], plan.sizes[depth])
    width = plan.widths[depth]
    if end <= start:
        return
    whole = plan.owned.shape[1] == 2 and len(kept) == 0
    n_runs, length = (1, n * width) if whole else (n, end - start)
    for row in range(n_runs):
        at = plan.units[depth] + start + row * width
        slopes, values = state.delta[at : at + length], state.h[at : at + length]
        back = values.dtype.type(1)
        if len(kept) > 0:
            drawn = plan.drawn[depth]
            _drop(slopes, kept[first + row, drawn + start : drawn + end], scale)
            back = values.dtype.type(1 / scale)
        if len(state.slopes) > 0:
            _times(slopes, state.slopes[at : at + length])
        else:
            _times_slopes(slopes, values, activation, back)


@inlined
def _times(slopes: Real, factors: Real) -> None:
    for j in range(len(slopes)):
        slopes[j] *= factors[j]


@inlined
def _times_slopes(slopes: Real, values: Real, activation: int, back: Any) -> None:
    """Multiply by s', that of the identity being 1; `back` undoes the factor of kept units."""
    one = values.dtype.type(1)
    if activation == TANH:
        for j in range(len(values)):
            slopes[j] *= slope(values[j] * back, TANH, one)
    elif activation == RELU:
        for j in range(len(values)):
            slopes[j] *= slope(values[j], RELU, one)
    elif activation == SIGMOID:
        for j in range(len(values)):
            slopes[j] *= slope(values[j] * back, SIGMOID, one)
