"""The memory of the compiled engine of ladders.

Axes: m updates of a slice, B rows of each kind, R rows of all groups, U unlabelled ones, d_k units
at depth k.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.ladder.network import LadderNetwork
from sdae.train.kernels.layout import LANES, shares

Real = NDArray[np.float32]


@dataclass(frozen=True)
class Slice:
    """The rows of a slice, with all that an update needs.

    Attributes
    ----------
    x : ndarray, shape (m, 2 B, V)
        Of each update the labelled rows, then the unlabelled ones.
    y : Tensor, shape (m, B) or (m, B, O)
    weights : Tensor of shape (m, B), or None
    starts : ndarray of uint64, shape (L + 1, m, 2 B)
        Hashes from which the noise of each depth follows.
    rates : ndarray of float64, shape (m,)
    costs : ndarray of float64, shape (m, 1 + parts)
        Out: the cost of labels, and of the reconstructions of each part's columns.
    """

    x: Real
    y: Tensor
    weights: Tensor | None
    starts: NDArray[np.uint64]
    rates: NDArray[np.float64]
    costs: NDArray[np.float64]


class Depth:
    """The arrays of one depth: values and gradients, of all rows or of the unlabelled ones.

    Names follow the equations of :mod:`sdae.core.ladder.network`; those of gradients begin with
    ``d_``.
    """

    def __init__(self, n_rows: int, n_unlabelled: int, n_clean: int, n_units: int) -> None:
        def zeros(n: int) -> Real:
            return np.zeros((n, n_units), np.float32)

        self.h, self.z, self.d_a = zeros(n_rows), zeros(n_rows), zeros(n_rows)
        self.mean, self.scale = zeros(3), zeros(3)
        self.z_tilde, self.d_z_tilde = zeros(n_unlabelled), zeros(n_unlabelled)
        self.u, self.d_u = zeros(n_unlabelled), zeros(n_unlabelled)
        self.estimate = zeros(n_unlabelled)
        self.u_scale = np.zeros(n_units, np.float32)
        self.d_clean = zeros(n_clean)


class LadderMemory:
    """Arrays of an update, at every depth, and the parameters as arrays.

    Attributes
    ----------
    depths : list of Depth
    groups : ndarray of int64, shape (4,)
        Bounds of the labelled, the unlabelled and the clean rows.
    parts : list of ndarray
        Bounds of the columns of each part, at each depth.
    """

    def __init__(
        self, network: LadderNetwork, batch_size: int, n_parts: int, *, clean: bool
    ) -> None:
        n_clean = batch_size if clean else 0
        self.batch_size, self.n_parts = batch_size, n_parts
        self.n_rows = 2 * batch_size + n_clean
        self.groups = np.array([0, batch_size, 2 * batch_size, self.n_rows])
        self.depths = [Depth(self.n_rows, batch_size, n_clean, n) for n in network.sizes]
        self.depths[0].z_tilde = self.depths[0].h[batch_size : 2 * batch_size]
        self.parts = [shares(n, n_parts, LANES) for n in network.sizes]
        self.output = torch.zeros(2 * batch_size, network.n_outputs)
        self.prediction = torch.zeros(batch_size, network.n_outputs)

    def columns(self, depth: int, part: int) -> slice:
        """Return the columns of a part at a depth."""
        first, last = self.parts[depth][part : part + 2]
        return slice(int(first), int(last))
