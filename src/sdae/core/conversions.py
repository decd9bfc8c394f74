"""Where arrays and tensors meet: conversions that never write to the user's data."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.surroundings import ordinary

Array = Tensor | NDArray[np.float32] | NDArray[np.float64]
Labels = Tensor | NDArray[np.int64]
Targets = Labels | Array
"""Labels of classes, or target values of regression."""


def tensor_like(array: Array, like: Tensor) -> Tensor:
    """Return `array` as a tensor of the type and device of `like`, sharing memory where it can."""
    return as_tensor(array).to(dtype=like.dtype, device=like.device)


def rows_like(array: Array, like: Tensor, n_columns: int, caller: str) -> Tensor:
    """Return rows, (B, V), as :func:`tensor_like` does, with V columns.

    Raises
    ------
    InvalidParameterError
        If they have another shape.
    """
    rows = tensor_like(array, like)
    if rows.ndim != 2 or rows.shape[1] != n_columns:
        raise invalid_parameter(
            "x",
            caller,
            f"a 2-D array with {n_columns} columns",
            tuple(rows.shape),
            "Reshape a single row with x.reshape(1, -1).",
        )
    return rows


def as_tensor(array: Targets) -> Tensor:
    """Return an array as a tensor of its own type, sharing memory where PyTorch can.

    Arrays that PyTorch cannot share are copied: read-only arrays (writing to a view of one could
    crash), negative strides, foreign byte order. So are tensors made in inference mode, where
    gradients are needed.

    Raises
    ------
    DataError
        If the elements are not numbers.
    """
    if isinstance(array, Tensor):
        return ordinary(array)
    if hasattr(type(array), "batch"):  # a source of rows: NumPy would ask it for its first row
        raise DataError(
            f"Rows must be an array or a tensor here. Got {type(array).__name__}, whose rows are "
            "not in memory: rows[:].in_memory() reads all rows of open_rows."
        )
    own = np.asarray(array)
    if own.dtype.kind not in "fiub":
        raise DataError(f"Rows and labels must be numbers. Got an array of {own.dtype} instead.")
    shareable = own.flags.writeable and own.dtype.isnative and min(own.strides, default=0) >= 0
    if not shareable:
        own = np.array(own, dtype=own.dtype.newbyteorder("="), order="C")
    return torch.from_numpy(own)


def widened(values: Tensor) -> Tensor:
    """Return values in a type that sums can be taken in: float32 for narrower ones."""
    return values.float() if torch.finfo(values.dtype).bits < 32 else values
