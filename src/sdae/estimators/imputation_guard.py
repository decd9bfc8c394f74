"""Which columns an imputer fills by a constant: the mean, or the most frequent level.

The network predicts a column where hidden cells show that it helps. For each column the error of
these cells, squared for numbers and cross-entropy for others, is compared with that of a constant,
which is the mean of the column or the shares of its levels. Predictions of numbers have to be
better. Those of levels have to be better by a standard error, and right as often as the most
frequent level, since a level is right or wrong.

Axes: n rows, V components, C columns, S components of values (without indicators).
"""

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.core.blocks import BlockLayout, Blocks

Rows = NDArray[np.float32]
Cells = NDArray[np.bool_]

_STANDARD_ERRORS = 1.0
_FEW_CELLS = 5  # fewer do not show who is better: the network stays


def constants_of(layout: BlockLayout, x: Rows, filled: Rows, missing: Cells, hidden: Cells) -> Rows:
    """Return the constants of the columns that the network does not help, NaN for others, (S,).

    Parameters
    ----------
    layout : BlockLayout
    x, filled : ndarray, shape (n, V)
        Rows, and what the network says where cells are hidden.
    missing, hidden : ndarray of bool, shape (n, C)
        Gaps, and observed cells that the network has not seen.
    """
    blocks = layout.blocks
    n_values = int(blocks.sizes.sum())
    known = _means(blocks, x, ~missing & ~hidden)  # what the network could know, too
    gains = column_errors(layout, x, np.broadcast_to(known, x.shape)) - column_errors(
        layout, x, filled
    )
    places = np.split(np.arange(n_values), np.cumsum(blocks.sizes)[:-1])
    helped = np.ones(blocks.n_columns, bool)
    for column, place in enumerate(places):
        cells = hidden[:, column]
        gain = gains[cells, column]
        if len(gain) < _FEW_CELLS:
            continue
        if column < len(blocks.numbers):
            helped[column] = gain.mean() > 0
        else:
            least = _STANDARD_ERRORS * gain.std() / len(gain) ** 0.5
            truth = _levels(x[cells][:, place])
            hits = (_levels(filled[cells][:, place]) == truth).sum()
            hits_of_constant = (_levels(known[None, place]) == truth).sum()
            helped[column] = gain.mean() > least and hits >= hits_of_constant
    constants = _means(blocks, x, ~missing)[:n_values]
    constants[helped[blocks.column_of[:n_values]]] = np.nan
    return constants


def column_errors(layout: BlockLayout, x: Rows, filled: Rows) -> NDArray[np.float64]:
    """Return the error of each cell, two (n, V) -> (n, C): squared, or nats; 0 for gaps."""
    device = layout.weights.device
    with torch.inference_mode():
        errors = layout.column_errors(
            torch.from_numpy(x).to(device), torch.tensor(filled, device=device)
        )
    found: NDArray[np.float64] = errors.cpu().numpy().astype(np.float64)
    return found


def _levels(shares: Rows) -> NDArray[np.intp]:
    """Return the most probable levels, (n, K) -> (n,); a binary has the share of its second."""
    if shares.shape[1] == 1:
        shares = np.concatenate([1 - shares, shares], axis=1)
    found: NDArray[np.intp] = shares.argmax(axis=1)
    return found


def _means(blocks: Blocks, x: Rows, cells: Cells) -> Rows:
    """Return the mean of each component over the cells of its column, (V,); 0 without cells."""
    counted = cells[:, blocks.column_of]  # (n, V)
    sums = np.where(counted, x, 0).sum(axis=0, dtype=np.float64)
    means: Rows = (sums / np.maximum(counted.sum(axis=0), 1)).astype(np.float32)
    return means
