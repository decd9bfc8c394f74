"""The memory of the network's kernels: where units and weights lie, and moving weights in and out.

Weights are kept input by input: row j of layer l is what input j sends to every unit. Each part
owns some units of every layer, with their weights in a block of its own, rows of padded width.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import kernel
from sdae.core.kernels.layout import LANES

Real = NDArray[np.floating]
Ints = NDArray[np.intp]


class Plan(NamedTuple):
    """Where everything lies; L hidden layers, the head is layer L.

    Attributes
    ----------
    sizes : (L + 2,)
        Units of the input, of each hidden layer, and of the head.
    owned : (L + 1, parts + 1)
        Bounds of the parts' shares of each layer's units.
    blocks : (L + 1, parts)
        Where each part's block of a layer's weights begins in `weights`: a row of padded width
        per input.
    units : (L + 2,)
        Where each layer's units begin in arrays over all units, the input first.
    """

    sizes: Ints
    owned: Ints
    blocks: Ints
    units: Ints


class State(NamedTuple):
    """What a slice changes; U is the number of all units, padded, the input's included.

    Attributes
    ----------
    weights : flat
        The blocks of `Plan`.
    biases : (U,)
        The input's are not used.
    h : (2, U)
        Values of the units in even and in odd steps.
    slopes : (U,)
        s' of the units, 0 where a unit is dropped.
    delta : (U,)
    nothing : (U,)
        Zeros.
    partial : (parts, U and more)
        Each part's share of Wᵀ δ; rows lie pages apart.
    active : (parts, widest layer and more) of int
        Room for each worker's list of active rows.
    every : (widest layer,) of int
        The list of all rows: 0, 1, 2, …
    """

    weights: Real
    biases: Real
    h: Real
    slopes: Real
    delta: Real
    nothing: Real
    partial: Real
    active: Ints
    every: Ints


@kernel
def move_block(
    plan: Plan, state: State, weight: Real, layer: int, part: int, inwards: bool
) -> None:
    """Copy a part's units of a layer's weight (n_out, n_in) into its block, or back."""
    first, last = plan.owned[layer, part], plan.owned[layer, part + 1]
    room = -(-(last - first) // LANES) * LANES
    block = plan.blocks[layer, part]
    # Tile by tile, so that both sides stay within the nearest cache.
    for top in range(first, last, LANES):
        for left in range(0, weight.shape[1], LANES):
            for unit in range(top, min(top + LANES, last)):
                for j in range(left, min(left + LANES, weight.shape[1])):
                    place = block + j * room + unit - first
                    if inwards:
                        state.weights[place] = weight[unit, j]
                    else:
                        weight[unit, j] = state.weights[place]
