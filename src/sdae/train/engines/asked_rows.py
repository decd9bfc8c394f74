"""Rows as kernels take them, which do not look at what they get: those that were asked for.

Axes: m or B rows of a minibatch, V columns, H units of the layer above.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.array_rows import ArrayRows
from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch
from sdae.core.rows import RowSource, TensorRows


def rows_of(rows: RowSource, minibatch: Minibatch, like: Tensor) -> NDArray[np.floating]:
    """Return rows as a C-contiguous array, (m, V), of the type and columns of `like`, (H, V).

    Raises
    ------
    DataError
        If a source delivers others.
    """
    if isinstance(rows, TensorRows) and type(rows).batch is TensorRows.batch:
        return np.ascontiguousarray(rows.array(minibatch))  # without PyTorch, for small tables
    if isinstance(rows, ArrayRows):
        return rows.array(minibatch)
    return np.ascontiguousarray(checked_batch(rows, minibatch, like).detach().numpy())


def checked_batch(rows: RowSource, minibatch: Minibatch, like: Tensor) -> Tensor:
    """Return the rows of a minibatch, (B, V), for kernels, which count on what was asked for.

    Raises
    ------
    DataError
        If they are not as many, or not of the type, device and columns of `like`, (H, V).
    """
    x = rows.batch(minibatch)
    asked = (len(minibatch.samples), like.shape[1]), like.dtype, like.device
    if (got := (tuple(x.shape), x.dtype, x.device)) != asked:
        raise DataError(
            "batch() of a row source must return a row for each of the samples that it is asked "
            f"for, {asked[0]} of {asked[1]} on {asked[2]}. Got {got[0]} of {got[1]} on {got[2]}."
        )
    return x
