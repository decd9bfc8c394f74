"""NumPy files for tests: good ones, and headers of one's own."""

import io
import struct

import numpy as np
from numpy.typing import NDArray

ROWS = np.array([[0.5, 1.5, 2], [3, 4, 5], [6, 7, 1]])


def npy(array: NDArray[np.generic], *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def npy_of(header: str, content: bytes = b"", version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + content
