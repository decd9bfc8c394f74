"""Preferred input of a unit: the input that activates it most, among inputs of one norm.

Axes: n rows, V columns, F units, H units of a layer.

Source: Erhan, Bengio, Courville and Vincent, "Visualizing higher-layer features of a deep network"
(2009). With rows, gradient ascent starts from the mean of the rows that activate the unit most, and
stays within the range of the data; without rows, it starts from the filters of the layers below,
weighted by the unit's weights.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.app.runs.prepared_data import Rows
from sdae.core.stack import StackedDenoisingAutoencoder

_STEPS = 60
_FIRST_STEP = 0.1  # as a share of the input's norm
_STARTING_ROWS = 10
_SIZE_WITHOUT_ROWS = 10.0


def weights_of(
    stack: StackedDenoisingAutoencoder, layer: int, units: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the weights of units on the input, through the weights of the layers below, (F, V)."""
    with torch.no_grad():
        x = stack.autoencoder(layer).weight[torch.from_numpy(units)]  # (F, H_below)
        for below in reversed(range(layer)):
            x = x @ stack.autoencoder(below).weight  # (F, H) (H, V) -> (F, V)
    return x.float().cpu().numpy()


def preferred_inputs(
    stack: StackedDenoisingAutoencoder,
    layer: int,
    units: NDArray[np.int64],
    rows: Rows | None = None,
    codes: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return inputs that activate units of a layer most, (F, V).

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
    layer : int
        Number of the layer, from 0.
    units : ndarray of int64, shape (F,)
    rows, codes : ndarray of float32, shapes (n, V) and (n, H), or None
        Scaled rows, and their codes of that layer.
    """
    like = stack.autoencoder(0).weight
    if rows is None or codes is None:
        size, start = _SIZE_WITHOUT_ROWS, weights_of(stack, layer, units)
    else:
        size = float(np.linalg.norm(rows, axis=1).mean()) or _SIZE_WITHOUT_ROWS
        most_excited = np.argsort(-codes[:, units], axis=0, kind="stable")[:_STARTING_ROWS]
        start = rows[most_excited].mean(axis=0)  # (10, F, V) -> (F, V)
    chosen, x = torch.from_numpy(units), torch.from_numpy(start).to(like)
    found, best = x, torch.full((len(units),), -torch.inf).to(like)
    within = _range_of(rows, like)
    for step in range(_STEPS):
        x = _of_size(x, size).requires_grad_(True)
        a = _excitement(stack, layer, chosen, x)  # (F,)
        (slope,) = torch.autograd.grad(a.sum(), x)
        with torch.no_grad():
            found = torch.where((a > best)[:, None], x, found)
            best = torch.maximum(best, a)
            rate = size * _FIRST_STEP * (1 - step / _STEPS)
            x = within(x + rate * _of_size(slope, 1.0)).detach()
    return found.detach().float().cpu().numpy()


def _excitement(stack: StackedDenoisingAutoencoder, layer: int, units: Tensor, x: Tensor) -> Tensor:
    """Return the pre-activation of unit f for row f, (F, V) -> (F,)."""
    h = stack.encode(x, layer)  # (F, V) -> (F, H_below)
    top = stack.autoencoder(layer)
    a: Tensor = (h * top.weight[units]).sum(dim=1) + top.hidden_bias[units]
    return a


def _range_of(rows: Rows | None, like: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function that clips inputs, (F, V), to the range of each column in the rows."""
    if rows is None:
        return lambda x: x
    low, high = (torch.from_numpy(limit).to(like) for limit in (rows.min(0), rows.max(0)))
    return lambda x: torch.maximum(torch.minimum(x, high), low)


def _of_size(x: Tensor, size: float) -> Tensor:
    """Scale rows to a norm; a row of zeros stays zero."""
    sized: Tensor = x * (size / x.norm(dim=1, keepdim=True).clamp_min(1e-12))
    return sized
