"""The inner loops over four rows of weights, which take nearly all the time of pre-training.

The rows are those listed in ``rows[k]`` to ``rows[k + 3]``; V' columns are looked at, where V' is
the length of δ or of `a`. Four rows at a time, since each number of x̃, δ or `a` then serves four
weights, and since the factors of eight rows do not fit into registers.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined

Real = NDArray[np.floating]
Ints = NDArray[np.intp]


@inlined
def sums_tied(weight: Real, rows: Ints, k: int, delta: Real, x_now: Real, sums: Real) -> None:
    """Put w · x̃ now, and w · δ, into `sums` (8,)."""
    w0, w1, w2, w3 = weight[rows[k]], weight[rows[k + 1]], weight[rows[k + 2]], weight[rows[k + 3]]
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
def update_tied(
    weight: Real, rows: Ints, k: int, x_before: Real, delta: Real, factors: Real, a: Real
) -> None:
    """Do both updates, and add each row's share of the next a; `factors` (12,) are e, g and h."""
    w0, w1, w2, w3 = weight[rows[k]], weight[rows[k + 1]], weight[rows[k + 2]], weight[rows[k + 3]]
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
def update_and_next_sums_tied(
    weight: Real,
    rows: Ints,
    k: int,
    x_before: Real,
    x_now: Real,
    delta: Real,
    factors: Real,
    a: Real,
    sums: Real,
) -> None:
    """Do as :func:`update_tied` with these rows, and as :func:`sums_tied` with the next four.

    In one loop, the processor works on the rows that are here while it fetches those that follow.
    Addresses take nearly all registers; one that is read back from the stack within the loop costs
    a tenth of the step, so look at the machine code if you write this another way.
    """
    w0, w1, w2, w3 = weight[rows[k]], weight[rows[k + 1]], weight[rows[k + 2]], weight[rows[k + 3]]
    w4, w5 = weight[rows[k + 4]], weight[rows[k + 5]]
    w6, w7 = weight[rows[k + 6]], weight[rows[k + 7]]
    e0, e1, e2, e3 = factors[0], factors[1], factors[2], factors[3]
    g0, g1, g2, g3 = factors[4], factors[5], factors[6], factors[7]
    h0, h1, h2, h3 = factors[8], factors[9], factors[10], factors[11]
    zero = sums.dtype.type(0)
    q4 = q5 = q6 = q7 = p4 = p5 = p6 = p7 = zero
    for j in range(len(delta)):
        x, x_next, d = x_before[j], x_now[j], delta[j]
        q4 += w4[j] * x_next
        q5 += w5[j] * x_next
        q6 += w6[j] * x_next
        q7 += w7[j] * x_next
        p4 += w4[j] * d
        p5 += w5[j] * d
        p6 += w6[j] * d
        p7 += w7[j] * d
        v0 = (w0[j] - e0 * x) - g0 * d
        v1 = (w1[j] - e1 * x) - g1 * d
        v2 = (w2[j] - e2 * x) - g2 * d
        v3 = (w3[j] - e3 * x) - g3 * d
        w0[j], w1[j], w2[j], w3[j] = v0, v1, v2, v3
        a[j] += (h0 * v0 + h1 * v1) + (h2 * v2 + h3 * v3)
    sums[0], sums[1], sums[2], sums[3] = q4, q5, q6, q7
    sums[4], sums[5], sums[6], sums[7] = p4, p5, p6, p7


@inlined
def sums_untied(
    weight: Real, decoder: Real, rows: Ints, k: int, delta: Real, x_now: Real, sums: Real
) -> None:
    """Put w · x̃ now, and d · δ, into `sums` (8,)."""
    i0, i1, i2, i3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
    w0, w1, w2, w3 = weight[i0], weight[i1], weight[i2], weight[i3]
    d0, d1, d2, d3 = decoder[i0], decoder[i1], decoder[i2], decoder[i3]
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
def update_untied(
    weight: Real,
    decoder: Real,
    rows: Ints,
    k: int,
    x_before: Real,
    delta: Real,
    factors: Real,
    a: Real,
) -> None:
    """Update both weights, and add each row's share of the next a; `factors` are e, g and h."""
    w0, w1, w2, w3 = weight[rows[k]], weight[rows[k + 1]], weight[rows[k + 2]], weight[rows[k + 3]]
    e0, e1, e2, e3 = factors[0], factors[1], factors[2], factors[3]
    for j in range(len(delta)):
        x = x_before[j]
        w0[j], w1[j], w2[j], w3[j] = w0[j] - e0 * x, w1[j] - e1 * x, w2[j] - e2 * x, w3[j] - e3 * x
    i0, i1, i2, i3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
    d0, d1, d2, d3 = decoder[i0], decoder[i1], decoder[i2], decoder[i3]
    g0, g1, g2, g3 = factors[4], factors[5], factors[6], factors[7]
    h0, h1, h2, h3 = factors[8], factors[9], factors[10], factors[11]
    for j in range(len(delta)):
        d = delta[j]
        v0, v1, v2, v3 = d0[j] - g0 * d, d1[j] - g1 * d, d2[j] - g2 * d, d3[j] - g3 * d
        d0[j], d1[j], d2[j], d3[j] = v0, v1, v2, v3
        a[j] += (h0 * v0 + h1 * v1) + (h2 * v2 + h3 * v3)


@inlined
def sums_encoding(
    weight: Real, rows: Ints, k: int, n_columns: int, x_now: Real, sums: Real
) -> None:
    """Put w · x̃ now into the first half of `sums`."""
    w0, w1, w2, w3 = weight[rows[k]], weight[rows[k + 1]], weight[rows[k + 2]], weight[rows[k + 3]]
    q0 = q1 = q2 = q3 = sums.dtype.type(0)
    for j in range(n_columns):
        x = x_now[j]
        q0 += w0[j] * x
        q1 += w1[j] * x
        q2 += w2[j] * x
        q3 += w3[j] * x
    sums[0], sums[1], sums[2], sums[3] = q0, q1, q2, q3


@inlined
def add_shares(weight: Real, rows: Ints, k: int, factors: Real, a: Real) -> None:
    """Add each row's share of the next a; the last four `factors` are h."""
    w0, w1, w2, w3 = weight[rows[k]], weight[rows[k + 1]], weight[rows[k + 2]], weight[rows[k + 3]]
    h0, h1, h2, h3 = factors[8], factors[9], factors[10], factors[11]
    for j in range(len(a)):
        a[j] += (h0 * w0[j] + h1 * w1[j]) + (h2 * w2[j] + h3 * w3[j])
