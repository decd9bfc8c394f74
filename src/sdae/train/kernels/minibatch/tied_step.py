"""Gradient descent on minibatches of one denoising autoencoder whose two layers have one weight.

Axes: m samples of a slice, B of a minibatch, V visible.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import kernel
from sdae.core.kernels.raw import borrowed
from sdae.core.kernels.team import Counter, barrier
from sdae.train.kernels.minibatch.autoencoder_step import lose
from sdae.train.kernels.minibatch.layers import forward, take
from sdae.train.kernels.minibatch.memory import Plan, State, borrowed_plan, borrowed_state
from sdae.train.kernels.minibatch.reconstructions import Columns
from sdae.train.kernels.minibatch.rules import Doubles
from sdae.train.kernels.minibatch.tied import backward, decode, descend

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

    The parameters are those of :func:`sdae.train.kernels.minibatch.autoencoder_step.train_slice`.
    """
    plan, state = borrowed_plan(plan), borrowed_state(state)
    x, x_tilde, weights, kept = borrowed(x), borrowed(x_tilde), borrowed(weights), borrowed(kept)
    settings, steps, costs = borrowed(settings), borrowed(steps), borrowed(costs)
    n_parts = plan.owned.shape[1] - 1
    one: Any = state.h.dtype.type(1)
    encoder: Any = np.intp(0)  # a variable: Numba would compile the layer anew for a number
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
            decode(plan, state, n, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            lose(plan, state, x, weights, decoder, columns, costs, first, n, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            backward(plan, state, kept, one, activation, first, n, part)
        number += 1
        barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            descend(plan, state, rule, settings, decay, steps[step], n, part)
        number += 1
        barrier(counter, n_workers, number)
