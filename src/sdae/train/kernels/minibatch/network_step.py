"""Gradient descent on minibatches of a whole network, one compiled function for a slice.

One step, rows of a minibatch being rows of matrices, layer l taking H_l to H_{l+1} (H_0 is X)::

    H_{l+1} = s(H_l W_l + b_l)            Δ_L = ∂L/∂H_L
    Δ_l = s'(H_l) ∘ (Δ_{l+1} W_lᵀ)        ∂L/∂W_l = H_lᵀ Δ_{l+1}      ∂L/∂b_l = Σ Δ_{l+1}

Each part computes its own units of a depth from all units of the depth below or above, and its own
rows of the gradients, which it uses at once: parts wait for each other once a depth. Every sum is
taken by one part in a fixed order, so that the number of threads changes nothing.

Axes: m samples of a slice, B of a minibatch, V inputs, O outputs, U all hidden units.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, kernel
from sdae.core.kernels.raw import borrowed
from sdae.core.kernels.team import Counter, barrier
from sdae.train.kernels.minibatch.layers import backward, forward, in_tiles, take
from sdae.train.kernels.minibatch.memory import Plan, State, borrowed_plan, borrowed_state
from sdae.train.kernels.minibatch.outputs import CLASSES, loss_of_values, softmax
from sdae.train.kernels.minibatch.rules import Doubles
from sdae.train.kernels.minibatch.updates import descend, limit_norms

Real = NDArray[np.floating]


@kernel
def train_slice(
    plan: Plan,
    state: State,
    x: Real,
    labels: NDArray[np.int64],
    y: Real,
    weights: Real,
    kept: NDArray[np.bool_],
    scale: float,
    activation: int,
    head: int,
    rule: int,
    settings: Doubles,
    decay: float,
    max_norm: float,
    steps: Doubles,
    batch_size: int,
    costs: Doubles,
    first_step: int,
    last_step: int,
    rank: int,
    n_workers: int,
    counter: Counter,
) -> None:
    """Do some steps of a slice, a minibatch each; every worker of a team calls this.

    Parameters
    ----------
    plan, state
    x : (m, V)
        Rows, after dropout of the input if there is any.
    labels : (m,), or (0,)
        Classes, where the head is of classes.
    y : (m, O), or (0, 0)
        Targets of another head.
    weights : (m,), or (0,)
        Factors of the rows' losses, if they have any.
    kept : (m, U), or (0, 0)
        The hidden units not dropped, layer after layer, if any are dropped.
    scale : float of the type of the parameters
        Factor of the units that are kept.
    activation, head, rule : int
    settings : (5,)
        Of the rule.
    decay : float
        Weight decay of weights; biases have none.
    max_norm : float
        Largest norm of the weights into a hidden unit; 0 is none.
    steps : (steps, 4)
        Coefficients of the rule.
    batch_size : int
        B; the last minibatch may have fewer rows.
    costs : (m,)
        Out: the loss of each row, before the step that it led to.
    first_step, last_step : int
        Which steps; they are done in order, in as many calls as one likes.
    rank, n_workers, counter
        Which worker this is, of how many; worker r does every part p with p % n_workers == r.
    """
    plan, state = borrowed_plan(plan), borrowed_state(state)
    x, y, labels, weights = borrowed(x), borrowed(y), borrowed(labels), borrowed(weights)
    kept, settings, steps = borrowed(kept), borrowed(settings), borrowed(steps)
    costs = borrowed(costs)
    n_layers, n_parts = len(plan.weights), plan.owned.shape[1] - 1
    number = 0
    for step in range(first_step, last_step):
        first = step * batch_size
        n = min(batch_size, len(x) - first)
        for part in range(rank, n_parts, n_workers):
            take(plan, state, x, first, n, part)
        number += 1
        barrier(counter, n_workers, number)
        for layer in range(n_layers):
            for part in range(rank, n_parts, n_workers):
                forward(plan, state, kept, scale, activation, first, n, layer, part)
            number += 1
            barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            _lose(plan, state, labels, y, weights, head, costs, first, n, part)
        number += 1
        barrier(counter, n_workers, number)
        for depth in range(n_layers - 1, 0, -1):
            for part in range(rank, n_parts, n_workers):
                backward(plan, state, kept, scale, activation, first, n, depth, part)
            number += 1
            barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            for layer in range(n_layers):
                descend(plan, state, rule, settings, decay, steps[step], n, layer, part)
        number += 1
        barrier(counter, n_workers, number)
        if max_norm > 0:  # nobody reads weights before the next barrier
            for part in range(rank, n_parts, n_workers):
                for layer in range(n_layers - 1):
                    limit_norms(plan, state, max_norm, layer, part)


@inlined
def _lose(
    plan: Plan,
    state: State,
    labels: NDArray[np.int64],
    y: Real,
    weights: Real,
    head: int,
    costs: Doubles,
    first: int,
    n: int,
    part: int,
) -> None:
    """Turn the outputs of a part's rows into slopes of the mean loss, and note their losses."""
    n_parts, n_outputs = plan.owned.shape[1] - 1, plan.sizes[-1]
    at, width = plan.units[-1], plan.widths[-1]
    real = state.delta.dtype.type
    share = real(1 / n)
    n_rows = in_tiles(n)
    for row in range(n_rows * part // n_parts, n_rows * (part + 1) // n_parts):
        z = state.delta[at + row * width : at + row * width + n_outputs]
        if row >= n:
            z[:] = real(0)
            continue
        sample = first + row
        cost = softmax(z, labels[sample]) if head == CLASSES else loss_of_values(head, z, y[sample])
        factor = share
        if len(weights) > 0:
            cost *= np.float64(weights[sample])
            factor *= weights[sample]
        for c in range(n_outputs):
            z[c] *= factor
        costs[sample] = cost
