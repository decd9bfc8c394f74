"""The layers of a network on a minibatch: forward, backward, and the update, for one part.

Layer l takes the units of depth l to those of depth l + 1. Each part computes its own units of a
depth from all units of the other, and its own rows of the gradients, which it uses at once.

Axes: m samples of a slice, V inputs, U hidden units.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.elementary import RELU, SIGMOID, TANH, activate, slope
from sdae.core.kernels.products import multiply, multiply_transposed
from sdae.core.kernels.tiles import (
    ADJACENT,
    FEW_ROWS,
    FROM_BIAS,
    FROM_ZERO,
    START,
)
from sdae.train.kernels.minibatch.memory import GROUP, Plan, State
from sdae.train.kernels.minibatch.rules import Doubles, change

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
    for row in range(n):
        at = plan.units[depth] + row * width
        here = values[at + start : at + end]
        activate(here, activation)
        if len(kept) > 0:
            drawn = plan.drawn[depth]
            _drop(here, kept[first + row, drawn + start : drawn + end], scale)


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
    multiply_transposed(
        state.delta,
        plan.units[depth + 1],
        above,
        state.parameters,
        plan.weights[depth] + start * above,
        above,
        above,
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
    for row in range(n):
        at = plan.units[depth] + row * width
        slopes, values = state.delta[at + start : at + end], state.h[at + start : at + end]
        if len(kept) > 0:
            drawn = plan.drawn[depth]
            here = kept[first + row, drawn + start : drawn + end]
            _drop(slopes, here, scale)
            _times_slopes(slopes, values, activation, values.dtype.type(1 / scale))
        else:
            _times_slopes(slopes, values, activation, values.dtype.type(1))


@inlined
def _times_slopes(slopes: Real, values: Real, activation: int, back: Any) -> None:
    """Multiply by s'; `back` undoes the factor of units that are kept."""
    one = values.dtype.type(1)
    if activation == TANH:
        for j in range(len(values)):
            slopes[j] *= slope(values[j] * back, TANH, one)
    elif activation == RELU:
        for j in range(len(values)):
            slopes[j] *= slope(values[j], RELU, one)
    else:
        for j in range(len(values)):
            slopes[j] *= slope(values[j] * back, SIGMOID, one)


@inlined
def descend(
    plan: Plan,
    state: State,
    rule: int,
    settings: Doubles,
    decay: float,
    step: Doubles,
    n: int,
    layer: int,
    part: int,
) -> None:
    """Update the weights of a part's inputs of a layer, and the biases of its units above."""
    start, end = plan.owned[layer, part], plan.owned[layer, part + 1]
    end = min(end, -(-plan.sizes[layer] // FEW_ROWS) * FEW_ROWS)
    below, above = plan.widths[layer], plan.widths[layer + 1]
    gradient = state.gradients[part]
    for row in range(start, end, GROUP):
        n_rows = min(GROUP, end - row)
        multiply(
            state.h,
            plan.units[layer] + row,
            ADJACENT,
            below,
            n,
            state.delta,
            plan.units[layer + 1],
            above,
            gradient,
            START,
            above,
            n_rows,
            above,
            state.parameters,
            START,
            FROM_ZERO,
        )
        at = plan.weights[layer] + row * above
        change_from(state, rule, settings, step, decay, gradient[: n_rows * above], at)
    descend_biases(plan, state, rule, settings, step, n, layer, part)


@inlined
def descend_biases(
    plan: Plan,
    state: State,
    rule: int,
    settings: Doubles,
    step: Doubles,
    n: int,
    layer: int,
    part: int,
) -> None:
    """Update the biases of a part's units above a layer."""
    start, end = plan.owned[layer + 1, part], plan.owned[layer + 1, part + 1]
    width = plan.widths[layer + 1]
    total = state.gradients[part, : end - start]
    total[:] = total.dtype.type(0)
    for row in range(n):
        at = plan.units[layer + 1] + row * width
        here = state.delta[at + start : at + end]
        for j in range(len(here)):
            total[j] += here[j]
    change_from(state, rule, settings, step, 0.0, total, plan.biases[layer] + start)


@inlined
def change_from(
    state: State,
    rule: int,
    settings: Doubles,
    step: Doubles,
    decay: float,
    gradient: Real,
    at: int,
) -> None:
    """Change the parameters from a place on."""
    end = at + len(gradient)
    change(
        rule,
        settings,
        step,
        decay,
        state.parameters[at:end],
        gradient,
        state.first[at:end],
        state.second[at:end],
    )
