"""Pickles for tests: as Python 2 and 3 write arrays, and calls of functions."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

X = np.arange(6, dtype=np.float32).reshape(3, 2) / 8
Y = np.array([5, 0, 4])
PARTS = ((X, Y), (X[:2], Y[:2]), (X[:1], Y[:1]))


def old(content: bytes) -> bytes:
    """Give NumPy's modules the names they had before version 2."""
    if content[:1] == b"\x80" and content[1] >= 4:
        content = content[:2] + content[11:]  # without the frame, whose length would be wrong
        for name in (b"multiarray", b"numeric"):
            new, old = b"numpy._core." + name, b"numpy.core." + name
            content = content.replace(bytes([len(new)]) + new, bytes([len(old)]) + old)
    return content.replace(b"numpy._core.", b"numpy.core.")


def array_by_python_2(array: NDArray[Any]) -> bytes:
    """Write an array as cPickle of Python 2 does in protocol 2 (bytes as strings)."""
    content = array.tobytes()
    shape = b"".join(b"K" + bytes([size]) for size in array.shape)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + (b"(K\x01(" + shape + b"t")
        + (b"cnumpy\ndtype\nU\x02" + array.dtype.str[1:].encode() + b"K\x00K\x01\x87R")
        + (b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb")
        + (b"\x89T" + struct.pack("<i", len(content)) + content + b"tb")
    )


def array_by_protocol_0(array: NDArray[Any]) -> bytes:
    """Write an array as Python 2 does in protocol 0, which is text."""
    shape = "".join(f"I{size}\n" for size in array.shape)
    text = "".join(f"\\x{byte:02x}" for byte in array.tobytes())
    return (
        "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        f"(I1\n({shape}tcnumpy\ndtype\n(S'{array.dtype.str[1:]}'\nI0\nI1\ntR"
        f"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'{text}'\ntb"
    ).encode()


def by_python_2(write: Callable[[NDArray[Any]], bytes], start: bytes = b"") -> bytes:
    pairs = (b"(" + write(x) + write(y) + b"t" for x, y in PARTS)
    return start + b"(" + b"".join(pairs) + b"t."


PROTOCOL_2 = by_python_2(array_by_python_2, b"\x80\x02")
PROTOCOL_0 = by_python_2(array_by_protocol_0)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call
