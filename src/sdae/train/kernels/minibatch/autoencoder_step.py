"""Gradient descent on minibatches of one denoising autoencoder: one compiled function for a slice.

An autoencoder is a network of two layers whose targets are its inputs: depth 0 is X̃, depth 1 the
codes, depth 2 what was decoded. Where both layers have the same weights, another function does it
(:mod:`sdae.train.kernels.minibatch.tied_step`), so that only one of the two must be compiled.

Axes: m samples of a slice, B of a minibatch, V visible.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, kernel
from sdae.core.kernels.raw import borrowed
from sdae.core.kernels.team import Counter, barrier
from sdae.train.kernels.minibatch.layers import backward, forward, in_tiles, take
from sdae.train.kernels.minibatch.memory import Plan, State, borrowed_plan, borrowed_state
from sdae.train.kernels.minibatch.reconstructions import (
    Columns,
    loss_and_slopes,
    weighted_loss_and_slopes,
)
from sdae.train.kernels.minibatch.rules import Doubles
from sdae.train.kernels.minibatch.updates import descend

Real = NDArray[np.floating]


@kernel
def train_slice(
    plan: Plan,
    state: State,
    x: Real,
    x_tilde: Real,
    weights: Real,
    kept: NDArray[np.bool_],
    activation: int,
    decoder: int,
    columns: Columns,
    rule: int,
    settings: Doubles,
    decay: float,
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
    x, x_tilde : (m, V)
        Clean and corrupted rows.
    weights : (m, V), or (0, 0)
        Weights of the components' losses, if they have any.
    kept : (0, 0)
        No units are dropped.
    activation, decoder : int
    columns : Columns
        Of a table.
    rule, settings, decay, steps, batch_size, costs, first_step, last_step, rank, n_workers, counter
        As for a network.
    """
    plan, state = borrowed_plan(plan), borrowed_state(state)
    x, x_tilde, weights, kept = borrowed(x), borrowed(x_tilde), borrowed(weights), borrowed(kept)
    settings, steps, costs = borrowed(settings), borrowed(steps), borrowed(costs)
    n_parts = plan.owned.shape[1] - 1
    one: Any = state.h.dtype.type(1)
    encoder: Any = np.intp(0)  # variables: Numba would compile layers anew for each number
    decoding: Any = np.intp(1)
    number = 0
    for step in range(first_step, last_step):
        first = step * batch_size
        n = min(batch_size, len(x) - first)
        for part in range(rank, n_parts, n_workers):
            take(plan, state, x_tilde, first, n, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            forward(plan, state, kept, one, activation, first, n, encoder, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            forward(plan, state, kept, one, activation, first, n, decoding, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            lose(plan, state, x, weights, decoder, columns, costs, first, n, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            backward(plan, state, kept, one, activation, first, n, decoding, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            for layer in range(2):
                descend(plan, state, rule, settings, decay, steps[step], n, layer, part)
        number += 1
        barrier(counter, n_workers, number)


@inlined
def lose(
    plan: Plan,
    state: State,
    x: Real,
    weights: Real,
    decoder: int,
    columns: Columns,
    costs: Doubles,
    first: int,
    n: int,
    part: int,
) -> None:
    """Turn what was decoded of a part's rows into slopes of the mean loss; note the losses."""
    n_parts, n_visible = plan.owned.shape[1] - 1, plan.sizes[2]
    at, width = plan.units[2], plan.widths[2]
    share, zero = state.delta.dtype.type(1 / n), state.delta.dtype.type(0)
    n_rows = in_tiles(n)
    for row in range(n_rows * part // n_parts, n_rows * (part + 1) // n_parts):
        a = state.delta[at + row * width : at + row * width + n_visible]
        if row >= n:
            a[:] = zero
            continue
        sample = first + row
        if len(weights) > 0:
            costs[sample] = weighted_loss_and_slopes(
                decoder, a, x[sample], weights[sample], columns
            )
        else:
            costs[sample] = loss_and_slopes(decoder, a, x[sample])
        for j in range(n_visible):
            a[j] *= share
