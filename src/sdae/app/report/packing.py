"""Arrays as texts of the page."""

import base64
import zlib
from typing import Any

from numpy.typing import NDArray


def packed(values: NDArray[Any]) -> str:
    """Return an array as text: little-endian, deflated, base64."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")
