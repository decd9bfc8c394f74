"""Batch-1 gradient descent on a denoising autoencoder, in one pass over the weights per step.

One step on sample n, with the learning rate η, is (H hidden units i, V visible units j)::

    h = s(W x̃ + b)      a = Dᵀ h + b'      δ = ∂L/∂a                             (V,)
    p_i = d_i · δ        e_i = η s'_i p_i    g_i = η h_i                          (H,)
    b'_j −= η δ_j        b_i −= e_i          w_i −= e_i x̃      d_i −= g_i δ

where w_i and d_i are row i of W and of D, the transposed decoder weight; tied, they are one row,
which takes both updates. The update of row i and the encoding of the *next* sample need that row
alone. So a sweep over the row takes w_i · x̃' and d_i · δ together, and since

    w_i_new · x̃' = w_i · x̃' − e_i (x̃ · x̃') − g_i (δ · x̃')        (the last term only when tied)

the next h_i is known before the row is written. A second sweep, while the row is still in the
nearest cache, updates it and adds h_i' d_i_new to the next a; tied, the first sweep over the rows
that follow goes along with it, so that the processor fetches them while it updates these. W is read
and written once a step. The module ``sweeps`` has these loops. A ReLU unit that is zero
has neither e_i nor g_i: its rows are not written, and d_i is read only where h_i' is not zero.

Rows are cut into parts; each adds to an `a` of its own, and these are summed, in the parts' order,
where δ is computed: that work is cut by columns. Columns are padded with zeros to ``layout.LANES``
and rows to four, so that no loop has a remainder; in memory, rows of a matrix can be longer still.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, kernel
from sdae.core.kernels.elementary import RELU, SIGMOID, TANH, activated, slope
from sdae.core.kernels.team import Counter, barrier
from sdae.train.kernels.fused import sweeps
from sdae.train.kernels.fused.autoencoder_memory import Ints, Parameters, Real, Samples, Scratch
from sdae.train.kernels.fused.loss_slopes import (
    cross_entropy,
    squared_error,
    weighted_cross_entropy,
    weighted_squared_error,
)

CROSS_ENTROPY, SQUARED_ERROR = 0, 1


@kernel
def train_slice(
    parameters: Parameters,
    decoder: Real | None,
    scratch: Scratch,
    samples: Samples,
    rate: float,
    activation: int,
    loss: int,
    costs: NDArray[np.float64],
    rows: Ints,
    columns: Ints,
    first_step: int,
    last_step: int,
    rank: int,
    n_workers: int,
    counter: Counter,
) -> None:
    """Do some steps of a slice, one sample each; every worker of a team calls this.

    Parameters
    ----------
    parameters : Parameters
        Changed in place.
    decoder : (Hp, Vp or more) or None
        D, the transposed decoder weight, padded likewise and changed in place; None when tied.
    scratch : Scratch
        `h`, `delta` and `dots` zero at the beginning.
    samples : Samples
    rate : float of the type of the weights
        η.
    activation, loss : int
        ``SIGMOID``, ``TANH`` or ``RELU``; ``CROSS_ENTROPY`` or ``SQUARED_ERROR``.
    costs : (parts, m)
        Out: each part's share of the loss of each sample, before the step it led to.
    rows, columns : (parts + 1,)
        Bounds of the parts' shares of hidden and of visible units.
    first_step, last_step : int
        Which steps; there are m + 1, the last of which only updates. They are done in order, in as
        many calls as one likes.
    rank, n_workers : int
        Which worker this is, of how many; worker r does every part p with p % n_workers == r.
    counter : (16,)
        Counter of the barrier.
    """
    n_parts, m, number = len(rows) - 1, len(samples.x), 0
    zeros = scratch.zeros
    for step in range(first_step, last_step):
        # Update the rows for the sample before, and encode this one.
        before = samples.x_tilde[step - 1] if step > 0 else zeros
        now = samples.x_tilde[step] if step < m else zeros
        for part in range(rank, n_parts, n_workers):
            _update_and_encode(
                parameters, decoder, scratch, before, now, rate, activation, rows, part, step % 2
            )
        number += 1
        barrier(counter, n_workers, number)
        if step == m:
            break
        # Compare the reconstruction with the clean sample.
        after = samples.x_tilde[step + 1] if step + 1 < m else zeros
        for part in range(rank, n_parts, n_workers):
            first, last = columns[part], columns[part + 1]
            costs[part, step] = _compare(
                parameters.visible_bias, scratch, samples, step, rate, loss, first, last
            )
            _take_dots(scratch, now, after, part, (step + 1) % 2, first, last)
        number += 1
        barrier(counter, n_workers, number)


@inlined
def _update_and_encode(
    parameters: Parameters,
    decoder: Real | None,
    scratch: Scratch,
    x_before: Real,
    x_now: Real,
    rate: float,
    activation: int,
    rows: Ints,
    part: int,
    parity: int,
) -> None:
    """Take a part's rows through the step, four at a time."""
    weight, h, delta = parameters.weight, scratch.h, scratch.delta
    zero = h.dtype.type(0)
    a = scratch.partial[part][: len(delta)]  # without the gap that follows
    a[:] = zero
    x_dot = delta_dot = zero
    for other in range(len(rows) - 1):
        x_dot += scratch.dots[parity, other, 0]
        delta_dot += scratch.dots[parity, other, 1]
    dots = (x_dot, delta_dot)
    own = scratch.order[part][: rows[part + 1] - rows[part]]
    n_moving = _resting_last(scratch.order[part], h, rows, part) if activation == RELU else len(own)
    sums = np.empty(8, h.dtype)  # w · x̃ now of four rows, then d · δ
    factors = np.empty(12, h.dtype)  # e, g and the new h of four rows
    if decoder is None and n_moving > 0:
        sweeps.sums_tied(weight, own, 0, delta, x_now, sums)
    for k in range(0, n_moving, 4):
        if decoder is not None:
            sweeps.sums_untied(weight, decoder, own, k, delta, x_now, sums)
        # The choice is made once for four rows: within the loop it costs a tenth of the step.
        if activation == SIGMOID:
            _encode(parameters, decoder, scratch, own, k, rate, SIGMOID, *dots, sums, factors)
        elif activation == TANH:
            _encode(parameters, decoder, scratch, own, k, rate, TANH, *dots, sums, factors)
        else:
            _encode(parameters, decoder, scratch, own, k, rate, RELU, *dots, sums, factors)
        if decoder is not None:
            sweeps.update_untied(weight, decoder, own, k, x_before, delta, factors, a)
        elif k + 4 < n_moving:
            sweeps.update_and_next_sums_tied(
                weight, own, k, x_before, x_now, delta, factors, a, sums
            )
        else:
            sweeps.update_tied(weight, own, k, x_before, delta, factors, a)
    if n_moving < len(own):
        _encode_resting(parameters, decoder, scratch, x_now, own[n_moving:], sums, factors, a)


@inlined
def _encode(
    parameters: Parameters,
    decoder: Real | None,
    scratch: Scratch,
    own: Ints,
    k: int,
    rate: float,
    activation: int,
    x_dot: np.floating,
    delta_dot: np.floating,
    sums: Real,
    factors: Real,
) -> None:
    """Encode with four units, given the sums of their rows; keep what their update needs."""
    h, bias, one = scratch.h, parameters.hidden_bias, scratch.h.dtype.type(1)
    for r in range(4):
        i = own[k + r]
        e = rate * slope(h[i], activation, one) * sums[4 + r]
        g = rate * h[i]
        bias[i] -= e
        pre = sums[r] - e * x_dot + bias[i]
        if decoder is None:
            pre -= g * delta_dot
        h[i] = activated(pre, activation, one) * scratch.live[i]
        factors[r], factors[4 + r], factors[8 + r] = e, g, h[i]


@inlined
def _resting_last(order: Ints, h: Real, rows: Ints, part: int) -> int:
    """Put a part's rows whose unit is zero last; return how many, in fours, come before them.

    The unit is a ReLU. A row of it has no update: not of the encoder, since there is no slope, and
    not of the decoder, since there is no h.
    """
    first, last = rows[part], rows[part + 1]
    n = 0
    for i in range(first, last):
        order[n] = i
        if h[i] != 0:
            n += 1
    n_moving = -(-n // 4) * 4
    for i in range(first, last):
        order[n] = i
        if h[i] == 0:
            n += 1
    return n_moving


@inlined
def _encode_resting(
    parameters: Parameters,
    decoder: Real | None,
    scratch: Scratch,
    x_now: Real,
    resting: Ints,
    sums: Real,
    factors: Real,
    a: Real,
) -> None:
    """Encode with ReLU units that were zero; add the shares of those that are not zero now."""
    h, bias, live = scratch.h, parameters.hidden_bias, scratch.live
    one, n = h.dtype.type(1), 0
    for k in range(0, len(resting), 4):
        sweeps.sums_encoding(parameters.weight, resting, k, len(scratch.delta), x_now, sums)
        for r in range(4):
            i = resting[k + r]
            h[i] = activated(sums[r] + bias[i], RELU, one) * live[i]
    for k in range(len(resting)):
        i = resting[k]
        resting[n] = i
        if h[i] != 0:
            n += 1
    for k in range(0, n, 4):
        for r in range(4):
            factors[8 + r] = h[resting[k + r]] if k + r < n else one - one
        sweeps.add_shares(parameters.weight if decoder is None else decoder, resting, k, factors, a)


@inlined
def _compare(
    bias: Real,
    scratch: Scratch,
    samples: Samples,
    step: int,
    rate: float,
    loss: int,
    first: int,
    last: int,
) -> float:
    """Sum up `a`, compute δ and the new b' of some columns; return their share of the loss."""
    # Slices, since an index that could be negative keeps a loop from vectorising.
    some = slice(first, last)
    delta, x, own_bias = scratch.delta[some], samples.x[step][some], bias[some]
    delta[:] = own_bias
    for part in range(len(scratch.partial)):
        share = scratch.partial[part][some]
        for j in range(len(delta)):
            delta[j] += share[j]
    weighted = len(samples.emphasis) > 0
    if loss == CROSS_ENTROPY and not weighted:
        cost = cross_entropy(delta, x)
    elif loss == CROSS_ENTROPY:
        cost = weighted_cross_entropy(delta, x, samples.emphasis[step][some])
    elif not weighted:
        cost = squared_error(delta, x)
    else:
        cost = weighted_squared_error(delta, x, samples.emphasis[step][some])
    for j in range(len(delta)):
        own_bias[j] -= rate * delta[j]
    return cost


@inlined
def _take_dots(
    scratch: Scratch, now: Real, after: Real, part: int, parity: int, first: int, last: int
) -> None:
    """Keep a part's shares of x̃ · x̃' and δ · x̃', for the next step."""
    some = slice(first, last)
    x, x_next, delta = now[some], after[some], scratch.delta[some]
    zero = delta.dtype.type(0)
    x_dot = delta_dot = zero
    for j in range(len(delta)):
        x_dot += x[j] * x_next[j]
        delta_dot += delta[j] * x_next[j]
    scratch.dots[parity, part, 0] = x_dot
    scratch.dots[parity, part, 1] = delta_dot
