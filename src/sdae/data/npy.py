"""The NPY format, ``.npy`` and the members of an ``.npz``: the header is checked against the size.

An NPY file is: a magic string, a version, the length of the header, the header (type, order and
shape, as a Python literal), the elements. Objects (pickles) in it are never loaded.
"""

import io
import math
import struct
import tokenize
import warnings
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError

_MAX_DIMENSIONS = 32
_MAX_HEADER = 10_000  # NumPy's own bound
_TEXT = 32  # extra bytes per text while it is read, in lists and numbers
_VERSIONS: dict[tuple[int, int], tuple[str, Callable[..., Any]]] = {
    (1, 0): ("<H", np.lib.format.read_array_header_1_0),
    (2, 0): ("<I", np.lib.format.read_array_header_2_0),
}
_REMEDIES = {
    "O": "Objects are never loaded: save plain numbers, as from array.astype(numpy.float32), or "
    "texts, as from array.astype(str).",
    "V": "Save its fields as columns: numpy.lib.recfunctions.structured_to_unstructured.",
    "c": "Save the real and the imaginary parts as separate columns.",
    "S": "Save bytes as texts, with array.astype(str).",
    "m": "Save times as numbers, with array.astype(numpy.float64).",
    "M": "Save times as numbers, with array.astype(numpy.float64).",
}


def parse_npy(
    stream: IO[bytes], size: int, source: str, claim: Callable[[int], None] | None = None
) -> NDArray[np.generic]:
    """Read the array of an NPY stream of `size` bytes.

    Parameters
    ----------
    claim : callable or None
        Called before memory is allocated, with the number of bytes that the array and its
        conversions will take; it may raise an error.

    Returns
    -------
    ndarray of numbers, booleans or texts
        May be read-only.

    Raises
    ------
    FileFormatError
        If the header is damaged, or does not fit the number of bytes.
    DataError
        If the array is empty, or its elements are neither numbers nor texts.
    """
    shape, fortran, dtype = read_header(stream, source)
    if dtype.kind not in "fiubU":
        raise DataError(
            f"{source} has elements of type {dtype}, not numbers. "
            f"{_REMEDIES.get(dtype.kind, 'Save plain numbers.')}"
        )
    if dtype.itemsize == 0 or 0 in shape:
        raise DataError(
            f"{source} is empty: it has shape {shape} and type {dtype}. Save an array with rows."
        )
    start = stream.tell()
    wanted = math.prod(shape) * dtype.itemsize
    if any(length < 0 for length in shape) or wanted != size - start:
        raise FileFormatError(
            f"{source} is truncated or damaged: its header says {wanted:,} bytes of data, but the "
            f"file has {size - start:,}. Save it again."
        )
    if claim is not None:
        per_element = _TEXT if dtype.kind == "U" else np.dtype(np.float32).itemsize
        claim(wanted + per_element * math.prod(shape))
    content = stream.read(wanted)
    if len(content) != wanted:
        raise FileFormatError(
            f"{source} is truncated: {wanted - len(content):,} of its {size:,} bytes are missing. "
            "Save it again."
        )
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def read_header(stream: IO[bytes], source: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an NPY stream; return the shape, whether in Fortran order, and the type.

    Raises
    ------
    FileFormatError
        If it is damaged.
    """
    try:
        version = np.lib.format.read_magic(stream)
        if version not in _VERSIONS:
            raise FileFormatError(
                f"{source} has the unknown NPY version {version}. Save it with numpy.save."
            )
        length_format, read = _VERSIONS[version]
        prefix = stream.read(struct.calcsize(length_format))
        (length,) = struct.unpack(length_format, prefix)
        # NumPy would read a whole header of any length before reporting it as too long.
        header = io.BytesIO(prefix + stream.read(min(length, _MAX_HEADER + 1)))
        # NumPy and Python warn about old or unusual spellings in a header; users need not see that.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, fortran, dtype = read(header)
    except FileFormatError:
        raise
    except (
        # The header may be any Python text, so parsing it may raise any exception.
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        SyntaxError,
        EOFError,
        OverflowError,
        MemoryError,
        RecursionError,
        struct.error,
        tokenize.TokenError,
    ):
        raise FileFormatError(
            f"{source} is damaged: its NPY header, from byte 0 on, cannot be read. Save it again."
        ) from None
    if any(isinstance(length, bool) for length in shape):  # True counts as an integer
        raise FileFormatError(f"{source} is damaged: its header has shape {shape}. Save it again.")
    if len(shape) > _MAX_DIMENSIONS:
        raise FileFormatError(
            f"{source} is damaged: its header has {len(shape)} dimensions. Save it again."
        )
    return shape, fortran, dtype
