"""The memory of a network that trains on minibatches: where units and parameters lie.

The weights of a layer are a matrix of a row for each input and a column for each unit. Rows and
columns are padded with zeros, which stay zeros. Parts, one for each thread at least, share the
units of every depth; the input is depth 0, the outputs are the last.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.layout import ALIGNMENT, aligned_zeros, padded, shares
from sdae.core.kernels.raw import borrowed
from sdae.core.kernels.tiles import FEW_ROWS, lanes

Flat = NDArray[np.floating]
Ints = NDArray[np.intp]

FEW = 8
"""Rows of weights, at least, whose gradients are computed and used at a time."""

_NEAR = 1 << 15  # gradients that stay in a cache

_MANY_LINES = 16


class Plan(NamedTuple):
    """Where everything lies; L layers.

    Attributes
    ----------
    sizes, widths : (L + 1,)
        Units of each depth, and padded.
    weights, biases : (L,)
        Where those of each layer begin in arrays of parameters.
    units : (L + 1,)
        Where the rows of a minibatch begin for each depth: a matrix of a row for each sample.
    drawn : (L + 1,)
        Where the units of each depth begin among those that dropout draws for.
    owned : (L + 1, parts + 1)
        Bounds of the parts' shares of each depth, with its padding.
    """

    sizes: Ints
    widths: Ints
    weights: Ints
    biases: Ints
    units: Ints
    drawn: Ints
    owned: Ints


class State(NamedTuple):
    """What training changes.

    Attributes
    ----------
    parameters, first, second : flat
        All weights and biases, and what the rule of updates keeps of each; empty where nothing.
    h, delta : flat
        Values of the units, and the slopes of the loss.
    slopes : flat
        Slopes of the activation, where they do not follow from the values; empty otherwise.
    gradients : (parts, numbers)
        Those of as many rows of weights as have room, ``FEW`` of the widest depth or more.
    """

    parameters: Flat
    first: Flat
    second: Flat
    h: Flat
    delta: Flat
    slopes: Flat
    gradients: NDArray[np.floating]


@inlined
def borrowed_plan(plan: Plan) -> Plan:
    """Return a plan whose arrays Numba does not count: it would at every use, atomically."""
    return Plan(
        borrowed(plan.sizes),
        borrowed(plan.widths),
        borrowed(plan.weights),
        borrowed(plan.biases),
        borrowed(plan.units),
        borrowed(plan.drawn),
        borrowed(plan.owned),
    )


@inlined
def borrowed_state(state: State) -> State:
    """Return a state whose arrays Numba does not count."""
    return State(
        borrowed(state.parameters),
        borrowed(state.first),
        borrowed(state.second),
        borrowed(state.h),
        borrowed(state.delta),
        borrowed(state.slopes),
        borrowed(state.gradients),
    )


def plan_of(
    sizes: Sequence[int],
    batch_size: int,
    n_parts: int,
    kind: np.dtype[np.floating],
    *,
    tied: bool = False,
) -> Plan:
    """Lay out a network for minibatches.

    An autoencoder is one of two layers; `tied`, the second has no weights of its own.
    """
    multiple = max(lanes(kind), FEW_ROWS)
    whole = [padded(n, multiple) for n in sizes]
    widths = [apart(n, kind) for n in whole]
    weights: list[int] = []
    biases: list[int] = []
    place = 0
    for below, above in pairwise(widths):
        own = not (tied and weights)
        weights.append(place if own else 0)
        place += below * above if own else 0
        biases.append(place)
        place += above
    rows = padded(batch_size, FEW_ROWS)
    units = np.cumsum([0, *(rows * width for width in widths)])[:-1]
    drawn = np.cumsum([0, 0, *sizes[1:]])[:-1]
    return Plan(
        sizes=np.array(sizes, np.intp),
        widths=np.array(widths, np.intp),
        weights=np.array(weights, np.intp),
        biases=np.array(biases, np.intp),
        units=units.astype(np.intp),
        drawn=drawn.astype(np.intp),
        owned=np.stack([shares(n, n_parts, multiple) for n in whole]),
    )


@inlined
def filled(plan: Plan, depth: int) -> int:
    """Return the units of a depth with the padding that is computed, but not what keeps rows apart.

    It is a multiple of the numbers of a vector.
    """
    n_units: int = plan.owned[depth, -1]
    return n_units


def apart(n_columns: int, kind: np.dtype[np.floating]) -> int:
    """Return how long rows are, so that those of many columns do not share a few places of a cache.

    A cache puts lines in places by their number: of rows of a number of lines that is even, most
    places stay empty.
    """
    line = ALIGNMENT // kind.itemsize
    n_lines = -(-n_columns // line)
    return (n_lines + 1) * line if n_lines >= _MANY_LINES and n_lines % 2 == 0 else n_columns


def state_of(
    plan: Plan, n_kept: int, kind: np.dtype[np.floating], *, with_slopes: bool = False
) -> State:
    """Return zeros; the rule of updates keeps `n_kept` numbers of each parameter."""
    n_parameters = int(plan.biases[-1] + plan.widths[-1])
    n_rows = int((plan.units[1] - plan.units[0]) // plan.widths[0])
    n_units = int(plan.units[-1] + n_rows * plan.widths[-1])
    n_parts, widest = plan.owned.shape[1] - 1, int(plan.widths.max())
    at_once = max(FEW * widest, min(_NEAR, padded(int(plan.sizes.max()), FEW) * widest))
    return State(
        parameters=aligned_zeros((n_parameters,), kind),
        first=aligned_zeros((n_parameters if n_kept > 0 else 0,), kind),
        second=aligned_zeros((n_parameters if n_kept > 1 else 0,), kind),
        h=aligned_zeros((n_units,), kind),
        delta=aligned_zeros((n_units,), kind),
        slopes=aligned_zeros((n_units if with_slopes else 0,), kind),
        gradients=aligned_zeros((n_parts, at_once), kind),
    )
