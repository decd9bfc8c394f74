"""Batch-1 gradient descent on the whole network, skipping what is zero.

One step on sample n, with the learning rate η, layer l taking h_{l-1} to h_l (h_{-1} is x)::

    a_l = W_l h_{l-1} + b_l     h_l = s(a_l)      p = softmax(a_L)      δ_L = p − onehot(y)
    δ_{l-1} = s'_{l-1} ∘ (W_lᵀ δ_l)
    W_l −= η δ_l h_{l-1}ᵀ       b_l −= η δ_l

The update of a weight is put off until the next forward pass reads it, so each weight is read and
written once there, and read once in the backward pass.

Weights are kept input by input: row j of layer l is what input j sends to every unit. A row whose
input is zero, now and in the step before, has neither an update nor a share in the forward pass;
one whose input has no slope needs no backward pass. Pixels, ReLU units and dropped units are mostly
zero, so most rows are never touched. Rows are taken four at a time from a list of the active ones.

Each part owns some units of every layer, with their weights in a block of its own, so forward
passes need no sums over parts; the sums of the backward pass are taken by the owner of the unit
below, in the parts' order. Widths are padded with zeros to ``layout.LANES``.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, kernel
from sdae.core.kernels.elementary import RELU, SIGMOID, TANH, activated, slope
from sdae.core.kernels.layout import LANES
from sdae.core.kernels.team import Counter, barrier
from sdae.train.kernels.fused.network_memory import Ints, Plan, Real, State


@kernel
def train_slice(
    plan: Plan,
    state: State,
    x: Real,
    y: NDArray[np.int64],
    kept: NDArray[np.bool_],
    scale: float,
    rate: float,
    activation: int,
    costs: NDArray[np.float64],
    first_step: int,
    last_step: int,
    rank: int,
    n_workers: int,
    counter: Counter,
) -> None:
    """Do some steps of a slice, one sample each; every worker of a team calls this.

    Parameters
    ----------
    plan : Plan
    state : State
        `h` and `delta` zero at the beginning.
    x : (m, V)
        Rows, after dropout of the input if there is any.
    y : (m,)
        Classes.
    kept : (m, U), or (0, 0)
        The units not dropped, if hidden units are dropped.
    scale : float of the type of the weights
        Factor of the units that are kept.
    rate : likewise
        η.
    activation : int
        ``SIGMOID``, ``TANH`` or ``RELU``.
    costs : (m,)
        Out: −log p(y) of each sample, before the step it led to.
    first_step, last_step : int
        Which steps; there are m + 1, the last of which only updates. They are done in order, in as
        many calls as one likes.
    rank, n_workers : int
        Which worker this is, of how many; worker r does every part p with p % n_workers == r.
    counter : (16,)
        Counter of the barrier.
    """
    n_layers, n_parts = plan.blocks.shape
    m, number = len(x), 0
    dense = activation != RELU and len(kept) == 0  # hidden units are hardly ever zero
    for step in range(first_step, min(last_step, m)):
        now, before = state.h[step % 2], state.h[(step + 1) % 2]
        now[: x.shape[1]] = x[step]  # every worker writes the same
        for layer in range(n_layers):
            active = _inputs(plan, state, before, now, layer, rank, dense and layer > 0)
            for part in range(rank, n_parts, n_workers):
                _forward(plan, state, active, before, now, now, rate, layer, part)
                if layer + 1 < n_layers:
                    _activate(plan, state, now, kept, scale, step, activation, layer, part)
            number += 1
            barrier(counter, n_workers, number)
        for part in range(rank, n_parts, n_workers):
            cost = _softmax(plan, state, now, y[step], part)
            if part == 0:
                costs[step] = cost
        for layer in range(n_layers - 1, 0, -1):
            active = _sloping(plan, state, layer, rank, dense)
            for part in range(rank, n_parts, n_workers):
                _backward(plan, state, active, layer, part)
            number += 1
            barrier(counter, n_workers, number)
            for part in range(rank, n_parts, n_workers):
                _sum_up(plan, state, layer, part)
    if last_step <= m:
        return
    # The last update has no forward pass to go with: an empty sample stands in, its result unused.
    before, unused = state.h[(m + 1) % 2], state.h[m % 2]
    for layer in range(n_layers):
        active = _inputs(plan, state, before, state.nothing, layer, rank, dense and layer > 0)
        for part in range(rank, n_parts, n_workers):
            _forward(plan, state, active, before, state.nothing, unused, rate, layer, part)


@inlined
def _inputs(
    plan: Plan, state: State, before: Real, now: Real, layer: int, rank: int, dense: bool
) -> Ints:
    """List the inputs of a layer that are not zero, now or in the step before."""
    below, n_inputs = plan.units[layer], plan.sizes[layer]
    if dense:
        every: Ints = state.every[:n_inputs]
        return every
    inputs_before, inputs_now = before[below : below + n_inputs], now[below : below + n_inputs]
    active, n_active = state.active[rank], 0
    for j in range(n_inputs):
        active[n_active] = j
        if inputs_before[j] != 0 or inputs_now[j] != 0:
            n_active += 1
    listed: Ints = active[:n_active]
    return listed


@inlined
def _sloping(plan: Plan, state: State, layer: int, rank: int, dense: bool) -> Ints:
    """List the inputs of a layer that have a slope."""
    below, n_inputs = plan.units[layer], plan.sizes[layer]
    if dense:
        every: Ints = state.every[:n_inputs]
        return every
    slopes = state.slopes[below : below + n_inputs]
    active, n_active = state.active[rank], 0
    for j in range(n_inputs):
        active[n_active] = j
        if slopes[j] != 0:
            n_active += 1
    listed: Ints = active[:n_active]
    return listed


@inlined
def _forward(
    plan: Plan,
    state: State,
    active: Ints,
    before: Real,
    now: Real,
    out: Real,
    rate: float,
    layer: int,
    part: int,
) -> None:
    """Update a part's weights of a layer for the step before; put `a` of inputs `now` in `out`.

    Only the listed inputs are used.
    """
    first, last = plan.owned[layer, part], plan.owned[layer, part + 1]
    width = last - first
    if width == 0:
        return
    room = -(-width // LANES) * LANES
    below, above = plan.units[layer], plan.units[layer + 1] + first
    n_inputs = plan.sizes[layer]
    inputs_before, inputs_now = before[below : below + n_inputs], now[below : below + n_inputs]
    delta = state.delta[above : above + width]
    bias, a = state.biases[above : above + width], out[above : above + width]
    for c in range(width):
        bias[c] -= rate * delta[c]
        a[c] = bias[c]
    block = plan.blocks[layer, part]
    whole = len(active) - len(active) % 4
    for k in range(0, whole, 4):
        j0, j1, j2, j3 = active[k], active[k + 1], active[k + 2], active[k + 3]
        w0 = state.weights[block + j0 * room : block + j0 * room + width]
        w1 = state.weights[block + j1 * room : block + j1 * room + width]
        w2 = state.weights[block + j2 * room : block + j2 * room + width]
        w3 = state.weights[block + j3 * room : block + j3 * room + width]
        u0, u1 = rate * inputs_before[j0], rate * inputs_before[j1]
        u2, u3 = rate * inputs_before[j2], rate * inputs_before[j3]
        x0, x1, x2, x3 = inputs_now[j0], inputs_now[j1], inputs_now[j2], inputs_now[j3]
        for c in range(width):
            d = delta[c]
            v0, v1, v2, v3 = w0[c] - u0 * d, w1[c] - u1 * d, w2[c] - u2 * d, w3[c] - u3 * d
            w0[c], w1[c], w2[c], w3[c] = v0, v1, v2, v3
            a[c] += (x0 * v0 + x1 * v1) + (x2 * v2 + x3 * v3)
    for k in range(whole, len(active)):
        j = active[k]
        w = state.weights[block + j * room : block + j * room + width]
        u, value = rate * inputs_before[j], inputs_now[j]
        for c in range(width):
            w[c] -= u * delta[c]
            a[c] += value * w[c]


@inlined
def _activate(
    plan: Plan,
    state: State,
    now: Real,
    kept: NDArray[np.bool_],
    scale: float,
    step: int,
    activation: int,
    layer: int,
    part: int,
) -> None:
    """Turn `a` of a part's units into h, with dropout, and keep the slopes."""
    one = now.dtype.type(1)
    zero = one - one
    start = plan.units[layer + 1]
    # Slices, since an index that could be negative keeps a loop from vectorising.
    own = slice(start + plan.owned[layer, part], start + plan.owned[layer, part + 1])
    h, slopes = now[own], state.slopes[own]
    if activation == RELU:
        for unit in range(len(h)):
            h[unit] = activated(h[unit], RELU, one)
    elif activation == TANH:
        for unit in range(len(h)):
            h[unit] = activated(h[unit], TANH, one)
    else:
        for unit in range(len(h)):
            h[unit] = activated(h[unit], SIGMOID, one)
    for unit in range(len(h)):
        slopes[unit] = slope(h[unit], activation, one)
    if len(kept) > 0:
        stays = kept[step][own]
        for unit in range(len(h)):
            factor = scale if stays[unit] else zero
            h[unit] *= factor
            slopes[unit] *= factor


@inlined
def _softmax(plan: Plan, state: State, now: Real, y: int, part: int) -> float:
    """Compute δ of a part's outputs; return −log p(y)."""
    top = len(plan.blocks)
    start, n_classes = plan.units[top], plan.sizes[top]
    logits = now[start : start + n_classes]
    highest = logits[0]
    for c in range(n_classes):
        highest = max(highest, logits[c])
    total = 0.0
    for c in range(n_classes):
        total += math.exp(np.float64(logits[c] - highest))
    for c in range(plan.owned[top - 1, part], plan.owned[top - 1, part + 1]):
        p = math.exp(np.float64(logits[c] - highest)) / total
        state.delta[start + c] = p - (1.0 if c == y else 0.0)
    return math.log(total) - np.float64(logits[y] - highest)


@inlined
def _backward(plan: Plan, state: State, active: Ints, layer: int, part: int) -> None:
    """Put a part's share of Wᵀ δ into `partial`, for the inputs listed."""
    first, last = plan.owned[layer, part], plan.owned[layer, part + 1]
    width = last - first
    room = -(-width // LANES) * LANES
    below, above = plan.units[layer], plan.units[layer + 1] + first
    partial = state.partial[part]
    delta = state.delta[above : above + width]
    block = plan.blocks[layer, part]
    whole = len(active) - len(active) % 4
    zero = delta.dtype.type(0)
    for k in range(0, whole, 4):
        j0, j1, j2, j3 = active[k], active[k + 1], active[k + 2], active[k + 3]
        w0 = state.weights[block + j0 * room : block + j0 * room + width]
        w1 = state.weights[block + j1 * room : block + j1 * room + width]
        w2 = state.weights[block + j2 * room : block + j2 * room + width]
        w3 = state.weights[block + j3 * room : block + j3 * room + width]
        s0 = s1 = s2 = s3 = zero
        for c in range(width):
            d = delta[c]
            s0 += w0[c] * d
            s1 += w1[c] * d
            s2 += w2[c] * d
            s3 += w3[c] * d
        partial[below + j0], partial[below + j1] = s0, s1
        partial[below + j2], partial[below + j3] = s2, s3
    for k in range(whole, len(active)):
        j = active[k]
        w = state.weights[block + j * room : block + j * room + width]
        s = zero
        for c in range(width):
            s += w[c] * delta[c]
        partial[below + j] = s


@inlined
def _sum_up(plan: Plan, state: State, layer: int, part: int) -> None:
    """Compute δ of a part's units of the layer below."""
    start = plan.units[layer]
    own = slice(start + plan.owned[layer - 1, part], start + plan.owned[layer - 1, part + 1])
    delta, slopes = state.delta[own], state.slopes[own]
    delta[:] = state.partial[0][own]
    for other in range(1, len(state.partial)):
        share = state.partial[other][own]
        for unit in range(len(delta)):
            delta[unit] += share[unit]
    for unit in range(len(delta)):
        delta[unit] *= slopes[unit]
