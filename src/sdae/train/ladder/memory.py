"""The memory of the compiled engine of ladders.

Matrices have a row for each unit and a column for each sample. Axes: m updates of a slice, B
samples of each kind, R of all groups, d_k units at depth k, O outputs.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.kernels.layout import LANES, shares
from sdae.core.ladder.network import LadderNetwork

Real = NDArray[np.float32]


@dataclass(frozen=True)
class Slice:
    """The rows of a slice, with all that an update needs.

    Attributes
    ----------
    x : ndarray, shape (m, V, 2 B)
        Of each update the labelled samples, then the unlabelled ones, in columns.
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
    """The arrays of one depth: values and gradients, of all samples or of the unlabelled ones.

    Names follow the equations of :mod:`sdae.core.ladder.network`; those of gradients begin with
    ``d_``.
    """

    def __init__(self, n_samples: int, n_unlabelled: int, n_clean: int, n_units: int) -> None:
        def zeros(n: int) -> Real:
            return np.zeros((n_units, n), np.float32)

        self.h, self.z, self.d_a = zeros(n_samples), zeros(n_samples), zeros(n_samples)
        self.mean, self.scale = zeros(3).T.copy(), zeros(3).T.copy()
        self.z_tilde, self.d_z_tilde = zeros(n_unlabelled), zeros(n_unlabelled)
        self.u, self.d_u = zeros(n_unlabelled), zeros(n_unlabelled)
        self.estimate = zeros(n_unlabelled)
        self.u_scale = np.zeros(n_units, np.float32)
        self.d_clean = zeros(n_clean)


class LadderMemory:
    """Arrays of an update, at every depth.

    Attributes
    ----------
    depths : list of Depth
    groups : ndarray of int64, shape (4,)
        Bounds of the labelled, the unlabelled and the clean samples.
    output, prediction : Tensor, shape (2 B, O) and (B, O)
        What the head computes for all noisy samples, and predicts for the unlabelled ones.
    """

    def __init__(
        self, network: LadderNetwork, batch_size: int, n_parts: int, *, clean: bool
    ) -> None:
        n_clean = batch_size if clean else 0
        self.batch_size, self.n_parts = batch_size, n_parts
        self.n_samples = 2 * batch_size + n_clean
        self.groups = np.array([0, batch_size, 2 * batch_size, self.n_samples])
        self.depths = [Depth(self.n_samples, batch_size, n_clean, n) for n in network.sizes]
        self._bounds = [shares(n, n_parts, LANES) for n in network.sizes]
        self.output = torch.zeros(2 * batch_size, network.n_outputs)
        self.prediction = torch.zeros(batch_size, network.n_outputs)

    def units(self, depth: int, part: int) -> slice:
        """Return the units of a part at a depth; there may be none."""
        first, last = self._bounds[depth][part : part + 2]
        return slice(int(first), int(last))
