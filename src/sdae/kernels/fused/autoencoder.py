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
nearest cache, updates it and adds h_i' d_i_new to the next a. W is read and written once a step.

Rows are cut into parts; each adds to an `a` of its own, and these are summed, in the parts' order,
where δ is computed: that work is cut by columns. Columns are padded with zeros to ``layout.LANES``
and rows to four, so that no loop has a remainder; in memory, rows of a matrix can be longer still.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.kernels.fused.compiling import inlined, kernel
from sdae.kernels.fused.elementary import activated, slope
from sdae.kernels.fused.losses import (
    cross_entropy,
    squared_error,
    weighted_cross_entropy,
    weighted_squared_error,
)
from sdae.kernels.fused.team import Counter, barrier

Real = NDArray[np.floating]

CROSS_ENTROPY, SQUARED_ERROR = 0, 1


class Parameters(NamedTuple):
    """What a step changes; Vp and Hp are V and H padded.

    Attributes
    ----------
    weight : (Hp, Vp or more)
        W; rows and columns of the padding are zero and stay so.
    hidden_bias : (Hp,)
    visible_bias : (Vp,)
    """

    weight: Real
    hidden_bias: Real
    visible_bias: Real


class Scratch(NamedTuple):
    """Room for a step; see :func:`train_slice` for what it holds.

    Attributes
    ----------
    h : (Hp,)
    live : (Hp,)
        1 for a hidden unit, 0 for padding.
    delta : (Vp,)
    zeros : (Vp,)
    partial : (parts, Vp and more)
        Each part's share of `a`; rows lie pages apart.
    dots : (2, parts, LANES)
        Each part's shares of x̃ · x̃' and δ · x̃', of even and of odd steps.
    """

    h: Real
    live: Real
    delta: Real
    zeros: Real
    partial: Real
    dots: Real


class Samples(NamedTuple):
    """The samples of a slice.

    Attributes
    ----------
    x : (m, V)
        Clean.
    x_tilde : (m, Vp or more)
        Corrupted.
    emphasis : (m, V), or (0, 0)
        Weight of each component's loss, if they differ.
    """

    x: Real
    x_tilde: Real
    emphasis: Real


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
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
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
        Of the barrier.
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
    rows: NDArray[np.intp],
    part: int,
    parity: int,
) -> None:
    """Take a part's rows through the step, four at a time."""
    h, live, bias = scratch.h, scratch.live, parameters.hidden_bias
    one, zero = h.dtype.type(1), h.dtype.type(0)
    a = scratch.partial[part][: len(scratch.delta)]  # without the gap that follows
    a[:] = zero
    x_dot = delta_dot = zero
    for other in range(len(rows) - 1):
        x_dot += scratch.dots[parity, other, 0]
        delta_dot += scratch.dots[parity, other, 1]
    sums = np.empty(8, h.dtype)  # w · x̃ now of four rows, then d · δ
    factors = np.empty(12, h.dtype)  # e, g and the new h of four rows
    for i in range(rows[part], rows[part + 1], 4):
        if decoder is None:
            _sums_tied(parameters.weight, i, scratch.delta, x_now, sums)
        else:
            _sums_untied(parameters.weight, decoder, i, scratch.delta, x_now, sums)
        for k in range(4):
            e = rate * slope(h[i + k], activation, one) * sums[4 + k]
            g = rate * h[i + k]
            bias[i + k] -= e
            pre = sums[k] - e * x_dot + bias[i + k]
            if decoder is None:
                pre -= g * delta_dot
            h[i + k] = activated(pre, activation, one) * live[i + k]
            factors[k], factors[4 + k], factors[8 + k] = e, g, h[i + k]
        if decoder is None:
            _update_tied(parameters.weight, i, x_before, scratch.delta, factors, a)
        else:
            _update_untied(parameters.weight, decoder, i, x_before, scratch.delta, factors, a)


@inlined
def _sums_tied(weight: Real, i: int, delta: Real, x_now: Real, sums: Real) -> None:
    """First sweep over rows i to i + 3: w · x̃ now, and w · δ."""
    w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
    zero = sums.dtype.type(0)
    q0 = q1 = q2 = q3 = p0 = p1 = p2 = p3 = zero
    for j in range(len(delta)):
        x, d = x_now[j], delta[j]
        q0 += w0[j] * x
        q1 += w1[j] * x
        q2 += w2[j] * x
        q3 += w3[j] * x
        p0 += w0[j] * d
        p1 += w1[j] * d
        p2 += w2[j] * d
        p3 += w3[j] * d
    sums[0], sums[1], sums[2], sums[3] = q0, q1, q2, q3
    sums[4], sums[5], sums[6], sums[7] = p0, p1, p2, p3


@inlined
def _update_tied(weight: Real, i: int, x_before: Real, delta: Real, factors: Real, a: Real) -> None:
    """Second sweep over rows i to i + 3: both updates, and each row's share of the next a."""
    w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
    e0, e1, e2, e3 = factors[0], factors[1], factors[2], factors[3]
    g0, g1, g2, g3 = factors[4], factors[5], factors[6], factors[7]
    h0, h1, h2, h3 = factors[8], factors[9], factors[10], factors[11]
    for j in range(len(delta)):
        x, d = x_before[j], delta[j]
        v0 = (w0[j] - e0 * x) - g0 * d
        v1 = (w1[j] - e1 * x) - g1 * d
        v2 = (w2[j] - e2 * x) - g2 * d
        v3 = (w3[j] - e3 * x) - g3 * d
        w0[j], w1[j], w2[j], w3[j] = v0, v1, v2, v3
        a[j] += (h0 * v0 + h1 * v1) + (h2 * v2 + h3 * v3)


@inlined
def _sums_untied(weight: Real, decoder: Real, i: int, delta: Real, x_now: Real, sums: Real) -> None:
    """First sweep over rows i to i + 3 of both weights: w · x̃ now, and d · δ."""
    w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
    d0, d1, d2, d3 = decoder[i], decoder[i + 1], decoder[i + 2], decoder[i + 3]
    zero = sums.dtype.type(0)
    q0 = q1 = q2 = q3 = p0 = p1 = p2 = p3 = zero
    for j in range(len(delta)):
        x, d = x_now[j], delta[j]
        q0 += w0[j] * x
        q1 += w1[j] * x
        q2 += w2[j] * x
        q3 += w3[j] * x
        p0 += d0[j] * d
        p1 += d1[j] * d
        p2 += d2[j] * d
        p3 += d3[j] * d
    sums[0], sums[1], sums[2], sums[3] = q0, q1, q2, q3
    sums[4], sums[5], sums[6], sums[7] = p0, p1, p2, p3


@inlined
def _update_untied(
    weight: Real, decoder: Real, i: int, x_before: Real, delta: Real, factors: Real, a: Real
) -> None:
    """Second sweep over rows i to i + 3 of both weights: updates, and shares of the next a."""
    for k in range(4):
        w, e = weight[i + k], factors[k]
        for j in range(len(delta)):
            w[j] -= e * x_before[j]
    d0, d1, d2, d3 = decoder[i], decoder[i + 1], decoder[i + 2], decoder[i + 3]
    g0, g1, g2, g3 = factors[4], factors[5], factors[6], factors[7]
    h0, h1, h2, h3 = factors[8], factors[9], factors[10], factors[11]
    for j in range(len(delta)):
        d = delta[j]
        v0, v1, v2, v3 = d0[j] - g0 * d, d1[j] - g1 * d, d2[j] - g2 * d, d3[j] - g3 * d
        d0[j], d1[j], d2[j], d3[j] = v0, v1, v2, v3
        a[j] += (h0 * v0 + h1 * v1) + (h2 * v2 + h3 * v3)


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
