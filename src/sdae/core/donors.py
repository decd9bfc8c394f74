"""The rows of a data set as donors, for noises that put values of other rows into a row.

Axes: B samples, V components.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sdae.core.array_rows import ArrayRows
from sdae.core.minibatches import Minibatch
from sdae.core.rows import RowSource, TensorRows

_AT_ONCE = 2048


class RowDonors:
    """The rows of a source, numbered as in the source.

    Parameters
    ----------
    rows : RowSource
    through : callable or None
        A function that rows go through first: the input of an upper layer is the code of the layers
        below.
    """

    def __init__(self, rows: RowSource, through: Callable[[Tensor], Tensor] | None = None) -> None:
        self._rows = rows
        self._through = through

    def __len__(self) -> int:
        return len(self._rows)

    def numbers_of(self, samples: Tensor) -> Tensor:
        """Return the numbers of samples among the donors: the same as in the source, (B,)."""
        return samples

    @torch.no_grad()
    def values(self, numbers: Tensor) -> Tensor:
        """Return for each column the value in the row with the given number, (B, V) -> (B, V).

        The values are data: gradients do not flow into the function `through`.
        """
        if self._through is None and isinstance(self._rows, TensorRows):
            rows = self._rows.rows
            return rows.gather(0, numbers.to(rows.device))
        if self._through is None and isinstance(self._rows, ArrayRows):
            return torch.from_numpy(self._rows.values(numbers.numpy()))
        wanted, places = np.unique(numbers.cpu().numpy(), return_inverse=True)
        places = places.reshape(numbers.shape)  # (B, V), into `wanted`
        parts = []
        for start in range(0, len(wanted), _AT_ONCE):
            rows = self._rows.batch(Minibatch(wanted[start : start + _AT_ONCE], None))
            rows = rows if self._through is None else self._through(rows)
            here = (places >= start) & (places < start + len(rows))
            line, column = np.nonzero(here)
            part = rows.new_zeros(numbers.shape)
            part[line, column] = rows[places[here] - start, column]
            parts.append(part)
        return torch.stack(parts).sum(dim=0)  # each value is in one part; the others hold zeros
