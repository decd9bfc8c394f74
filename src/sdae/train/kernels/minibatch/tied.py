"""What is other where a decoder is the transpose of its encoder, W: they are one matrix.

The gradient of W is a sum of two products, X̃ᵀ E of the encoder and Δᵀ H of the decoder.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.products import multiply, multiply_transposed
from sdae.core.kernels.tiles import (
    ADJACENT,
    FEW_ROWS,
    FROM_BIAS,
    FROM_OUT,
    FROM_ZERO,
    START,
)
from sdae.train.kernels.minibatch.layers import in_tiles, through_units
from sdae.train.kernels.minibatch.memory import Plan, State, filled
from sdae.train.kernels.minibatch.rules import Doubles
from sdae.train.kernels.minibatch.updates import change_rows, descend_biases, rows_at_once


@inlined
def decode(plan: Plan, state: State, n: int, part: int) -> None:
    """Compute what the decoder makes of codes, for the visible units of a part."""
    start, end = plan.owned[2, part], plan.owned[2, part + 1]
    hidden, visible = plan.widths[1], plan.widths[2]
    multiply_transposed(
        state.h,
        plan.units[1],
        hidden,
        state.parameters,
        plan.weights[0] + start * hidden,
        hidden,
        filled(plan, 1),
        state.delta,
        plan.units[2] + start,
        visible,
        in_tiles(n),
        end - start,
        state.parameters,
        plan.biases[1] + start,
        FROM_BIAS,
    )


@inlined
def backward(
    plan: Plan,
    state: State,
    kept: NDArray[np.bool_],
    scale: float,
    activation: int,
    first: int,
    n: int,
    part: int,
) -> None:
    """Compute the slopes of the hidden units of a part."""
    start, end = plan.owned[1, part], plan.owned[1, part + 1]
    hidden, visible = plan.widths[1], plan.widths[2]
    multiply(
        state.delta,
        plan.units[2],
        visible,
        ADJACENT,
        plan.sizes[2],
        state.parameters,
        plan.weights[0] + start,
        hidden,
        state.delta,
        plan.units[1] + start,
        hidden,
        in_tiles(n),
        end - start,
        state.parameters,
        START,
        FROM_ZERO,
    )
    codes: Any = np.intp(1)
    through_units(plan, state, kept, scale, activation, first, n, codes, part)


@inlined
def descend(
    plan: Plan,
    state: State,
    rule: int,
    settings: Doubles,
    decay: float,
    step: Doubles,
    n: int,
    part: int,
) -> None:
    """Update the weights of a part's visible units, and the biases of its units."""
    start, end = plan.owned[0, part], plan.owned[0, part + 1]
    end = min(end, -(-plan.sizes[0] // FEW_ROWS) * FEW_ROWS)
    visible, hidden, columns = plan.widths[0], plan.widths[1], filled(plan, 1)
    gradient, group = state.gradients[part], rows_at_once(state, columns)
    for row in range(start, end, group):
        n_rows = min(group, end - row)
        for values, slopes, at, begin in (
            (state.h, state.delta, plan.units[0] + row, FROM_ZERO),
            (state.delta, state.h, plan.units[2] + row, FROM_OUT),
        ):
            multiply(
                values,
                at,
                ADJACENT,
                visible,
                n,
                slopes,
                plan.units[1],
                hidden,
                gradient,
                START,
                columns,
                n_rows,
                columns,
                state.parameters,
                START,
                begin,
            )
        at = plan.weights[0] + row * hidden
        change_rows(state, rule, settings, step, decay, gradient, at, n_rows, columns, hidden)
    for layer in range(2):
        descend_biases(plan, state, rule, settings, step, n, layer, part)
