"""Labelled rows, and unlabelled ones below them, as one source.

Axes: n rows, V columns, B rows of a minibatch.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.conversions import as_tensor
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.rows import RowSource, TensorRows, expect, is_expectant, window_of
from sdae.core.source_rows import SourceRows

_ROWS_AT_A_TIME = 4096


class JoinedRows:
    """The rows of one source, then those of another, in the type of the first or of `like`."""

    def __init__(self, first: RowSource, second: RowSource, like: Tensor | None = None) -> None:
        self._first, self._second, self._like = first, second, like
        self.window = window_of(first) or window_of(second)

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def delivered_as(self, like: Tensor) -> "JoinedRows":
        """Return the same rows, delivered in the type and on the device of a tensor."""
        return JoinedRows(self._first, self._second, like)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V)."""
        rows = self._rows(minibatch)
        return rows if self._like is None else rows.to(self._like)

    def expect(self, minibatch: Minibatch | None) -> None:
        """Let the second source read ahead, but not two: they may be of the same files."""
        if is_expectant(self._first):
            return
        if minibatch is not None:
            later = minibatch.samples - len(self._first)
            of_second = later[later >= 0]
            minibatch = Minibatch(of_second, None) if len(of_second) else None
        expect(self._second, minibatch)

    def _rows(self, minibatch: Minibatch) -> Tensor:
        samples, n_first = minibatch.samples, len(self._first)
        of_first = samples < n_first
        if of_first.all():
            return self._first.batch(minibatch)
        if not of_first.any():
            return self._second.batch(Minibatch(samples - n_first, None))
        upper = self._first.batch(Minibatch(samples[of_first], None))
        lower = self._second.batch(Minibatch(samples[~of_first] - n_first, None))
        rows = upper.new_empty(len(samples), upper.shape[1])
        places = torch.from_numpy(of_first).to(rows.device)
        rows[places], rows[~places] = upper, lower.to(rows)
        return rows


def joined(x: Any, more: Any) -> Any:
    """Return rows, (n, V), with others below them: in a source, if either is in one."""
    if not (isinstance(x, SourceRows) or isinstance(more, SourceRows)):
        return np.concatenate([x, more])
    like = torch.from_numpy(np.empty(0, np.result_type(x.dtype, more.dtype)))
    first, second = (
        part.delivered_as(like)
        if isinstance(part, SourceRows)
        else TensorRows(as_tensor(part).to(like))
        for part in (x, more)
    )
    return SourceRows(JoinedRows(first, second, like))


def in_memory(rows: RowSource) -> NDArray[np.float32]:
    """Return all rows as an array, (n, V)."""
    parts = minibatches(len(rows), _ROWS_AT_A_TIME)
    return np.concatenate([rows.batch(part).detach().float().cpu().numpy() for part in parts])
