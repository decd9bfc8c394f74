"""Arrays and weights as texts of the page.

Axes: V inputs and H outputs of a weight.
"""

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

_LEVELS = 127


def packed(values: NDArray[Any]) -> str:
    """Return an array as text: little-endian, deflated, base64."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")


def floats(values: Tensor) -> NDArray[np.float32]:
    """Return a tensor as the numbers that the page computes with."""
    array: NDArray[np.float32] = values.detach().float().cpu().numpy()
    return array


def packed_floats(values: Tensor) -> str:
    """Return a tensor as text: float32."""
    return packed(floats(values))


@dataclass(frozen=True, eq=False)
class Matrix:
    """A weight in bytes: ``scales[:, None] * values``.

    Attributes
    ----------
    values : ndarray of int8, shape (H, V)
    scales : ndarray of float32, shape (H,)
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, weight: Tensor) -> "Matrix":
        """Round a weight (H, V) to bytes; the largest of a row becomes 127."""
        exact = floats(weight)
        largest = np.abs(exact).max(axis=1)  # (H, V) -> (H,)
        scales = np.where(largest > 0, largest / _LEVELS, 1.0).astype(np.float32)
        return cls(np.rint(exact / scales[:, None]).astype(np.int8), scales)

    def restored(self) -> NDArray[np.float32]:
        """Return the weight that the page computes with, (H, V)."""
        return self.values * self.scales[:, None]

    def to_json(self) -> dict[str, Any]:
        """Return the matrix as JSON values."""
        return {
            "shape": list(self.values.shape),
            "values": packed(self.values),
            "scales": packed(self.scales),
        }
