"""Where arrays and tensors meet: conversions that never write to the user's data."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = Tensor | NDArray[np.float32] | NDArray[np.float64]
Labels = Tensor | NDArray[np.int64]


def tensor_like(array: Array, like: Tensor) -> Tensor:
    """Return `array` as a tensor of the type and device of `like`, sharing memory where it can."""
    return as_tensor(array).to(dtype=like.dtype, device=like.device)


def as_tensor(array: Array | Labels) -> Tensor:
    """Return an array as a tensor of its own type; a read-only array is copied.

    PyTorch has no read-only tensors, so a view of such an array would be an invitation to crash.
    """
    if isinstance(array, Tensor):
        return array
    own = np.asarray(array)
    return torch.from_numpy(own if own.flags.writeable else own.copy())
