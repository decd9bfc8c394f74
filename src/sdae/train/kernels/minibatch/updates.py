"""The update of a network's parameters after a minibatch, for one part.

Each part computes its own rows of the gradients, a few at a time, and uses them at once.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.products import multiply
from sdae.core.kernels.tiles import (
    ADJACENT,
    FEW_ROWS,
    FROM_ZERO,
    START,
)
from sdae.train.kernels.minibatch.memory import FEW, Plan, State, filled
from sdae.train.kernels.minibatch.rules import Doubles, change

Real = NDArray[np.floating]

_NEARLY_NONE = 1e-7  # as PyTorch's renorm has it


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
    below, above, columns = plan.widths[layer], plan.widths[layer + 1], filled(plan, layer + 1)
    gradient, group = state.gradients[part], rows_at_once(state, columns)
    for row in range(start, end, group):
        n_rows = min(group, end - row)
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
            columns,
            n_rows,
            columns,
            state.parameters,
            START,
            FROM_ZERO,
        )
        at = plan.weights[layer] + row * above
        change_rows(state, rule, settings, step, decay, gradient, at, n_rows, columns, above)
    descend_biases(plan, state, rule, settings, step, n, layer, part)


@inlined
def rows_at_once(state: State, width: int) -> int:
    """Return how many rows of weights have their gradients in memory at a time.

    The more there are, the less often the slopes of the minibatch are read.
    """
    n_numbers: int = state.gradients.shape[1]
    return n_numbers // (FEW * width) * FEW


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
def change_rows(
    state: State,
    rule: int,
    settings: Doubles,
    step: Doubles,
    decay: float,
    gradient: Real,
    at: int,
    n_rows: int,
    n_columns: int,
    width: int,
) -> None:
    """Change rows of weights, (n_rows, n_columns), that lie `width` apart from a place on."""
    n_runs, length = (1, n_rows * width) if n_columns == width else (n_rows, n_columns)
    for run in range(n_runs):
        slopes = gradient[run * length : (run + 1) * length]
        change_from(state, rule, settings, step, decay, slopes, at + run * width)


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


@inlined
def limit_norms(plan: Plan, state: State, max_norm: float, layer: int, part: int) -> None:
    """Scale down the weights into the units of a part above a layer whose norm exceeds a limit."""
    start, end = plan.owned[layer + 1, part], plan.owned[layer + 1, part + 1]
    at, above = plan.weights[layer] + start, plan.widths[layer + 1]
    squares = np.zeros(end - start)
    for row in range(plan.sizes[layer]):
        here = state.parameters[at + row * above : at + row * above + end - start]
        for j in range(len(here)):
            squares[j] += np.float64(here[j]) * np.float64(here[j])
    factors = state.gradients[part, : end - start]
    for j in range(len(squares)):
        norm = math.sqrt(squares[j])
        factors[j] = max_norm / (norm + _NEARLY_NONE) if norm > max_norm else 1.0
    for row in range(plan.sizes[layer]):
        here = state.parameters[at + row * above : at + row * above + end - start]
        for j in range(len(here)):
            here[j] *= factors[j]
