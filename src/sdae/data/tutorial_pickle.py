"""The tutorials' ``mnist.pkl.gz``: a pickle of three (x, y) pairs, read without trusting it.

A pickle is a program. Ours may do what NumPy arrays need and nothing else: every name it asks for
is answered from a closed table of stand-ins, and none of these can run code or allocate more than
the bytes that are there.
"""

import io
import math
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.data.labels import whole_numbers
from sdae.data.table import Dataset, Table, checked_table
from sdae.errors import FileFormatError
from sdae.files import read_decompressed

_LIMIT = 512 << 20
_PARTS = ("train", "validation", "test")


class _Array(np.ndarray[Any, np.dtype[Any]]):
    """An array under reconstruction; it begins empty and takes its content from the pickle."""

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array with an unknown state")
        _, shape, dtype, fortran, content = state
        if isinstance(content, str):
            content = content.encode("latin1")
        if not isinstance(content, bytes) or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("an array that is not made of numbers")
        _check_kind(dtype)
        if math.prod(int(size) for size in shape) * dtype.itemsize != len(content):
            raise pickle.UnpicklingError("an array whose shape does not fit its bytes")
        super().__setstate__((1, tuple(shape), dtype, np.bool_(fortran), content))


def load_tutorial_pickle(path: Path) -> Dataset:
    """Load the tutorials' pickle, written by Python 2 or 3, compressed or not.

    Raises
    ------
    FileFormatError
        If it holds anything but NumPy arrays, or is damaged.
    """
    content = read_decompressed(path, _LIMIT)
    try:
        pairs = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except (
        # A damaged pickle is a program gone wrong: it fails in as many ways as programs do.
        pickle.UnpicklingError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        EOFError,
        ImportError,
        ArithmeticError,
        MemoryError,
        RecursionError,
        struct.error,
    ) as error:
        raise FileFormatError(f"{path} is damaged, or no pickle of arrays: {error}.") from None
    return Dataset(path.name.split(".")[0], *_tables(pairs, path))


class _ArraysOnly(pickle.Unpickler):
    """An unpickler whose every name comes from the table below."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a name that NumPy's pickles use; refuse any other."""
        stand_in = _NAMES.get((module.replace("numpy._core", "numpy.core"), name))
        if stand_in is None:
            raise FileFormatError(
                f"refused, because the pickle asks for {module}.{name}; only NumPy arrays are read."
            )
        return stand_in

    def persistent_load(self, pid: object) -> Any:
        """Refuse references to things outside the file."""
        raise FileFormatError(f"refused, because the pickle refers to {pid!r}, outside of it.")


def _reconstruct(*_: object) -> _Array:
    """Stand in for NumPy's maker of empty arrays: whatever is asked for, it is empty."""
    return np.empty(0, np.uint8).view(_Array)


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    """Stand in for NumPy's maker of arrays from a buffer (protocol 5)."""
    _check_kind(dtype)
    if order not in ("C", "F"):
        raise pickle.UnpicklingError("an array in an unknown order")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _dtype(code: Any, *_: Any) -> "np.dtype[Any]":
    """Stand in for ``numpy.dtype``, for numbers only."""
    dtype = np.dtype(str(code))
    _check_kind(dtype)
    return dtype


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Stand in for ``_codecs.encode``, with which Python 3 writes bytes in old protocols."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in an unknown encoding")
    return text.encode("latin1")


def _no_array(*_: Any) -> Any:
    """Stand in for ``numpy.ndarray``, which pickles name but never call."""
    raise pickle.UnpicklingError("a call that would make an array of any size")


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy", "ndarray"): _no_array,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
}


def _check_kind(dtype: "np.dtype[Any]") -> None:
    if dtype.kind not in "fiub" or dtype.hasobject:
        raise pickle.UnpicklingError(f"elements of type {dtype}")


def _tables(pairs: Any, path: Path) -> list[Table]:
    shape_wanted = f"{path} must hold three pairs (x, y): training, validation and test"
    if not isinstance(pairs, tuple | list) or len(pairs) != 3:
        raise FileFormatError(f"{shape_wanted}.")
    tables = []
    for part, pair in zip(_PARTS, pairs, strict=True):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise FileFormatError(f"{shape_wanted}; the {part} part is no pair.")
        x, y = (np.asarray(item) for item in pair)
        if x.ndim != 2 or y.ndim != 1 or x.dtype.kind not in "fiub" or y.dtype.kind not in "fiub":
            raise FileFormatError(f"{shape_wanted}; the {part} part has {x.shape} and {y.shape}.")
        source = f"{path} ({part})"
        image_shape = (28, 28) if x.shape[1] == 784 else None
        labels = whole_numbers(y, source)
        tables.append(checked_table(x, labels, source, image_shape=image_shape))
    return tables
