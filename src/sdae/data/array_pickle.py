"""Read pickles of NumPy arrays safely.

A pickle is a program. Before it runs, its operations are checked against those that arrays need.
When it runs, every name it imports is replaced by a harmless substitute, which cannot run code,
change NumPy's objects, or allocate more than the bytes in the file.
"""

import functools
import io
import math
import pickle
import re
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import FileFormatError
from sdae.core.wording import plain, reason
from sdae.data.pickle_operations import check_operations, refused


class _Latin1:
    """Turns texts into bytes, in total not more than the length of the pickle."""

    def __init__(self, n_bytes: int) -> None:
        self._n_left = n_bytes

    def __call__(self, text: str) -> bytes:
        # A pickle can convert one text many times, each time into a new copy.
        self._n_left -= len(text)
        if self._n_left < 0:
            raise pickle.UnpicklingError("the same bytes too many times")
        return text.encode("latin1")


class PickledArray:
    """An array of a pickle: created empty, as NumPy's pickles do it, then filled."""

    def __init__(self, latin1: _Latin1) -> None:
        self._latin1 = latin1
        self.array: NDArray[np.generic] = np.empty(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array in a state that NumPy does not write")
        _, shape, dtype, fortran, content = state
        if isinstance(content, str):  # bytes written by Python 2
            content = self._latin1(content)
        self.array = _make_array(content, dtype, shape, "F" if fortran else "C")


class _PickledType:
    """The type of an array's elements; never a real ``numpy.dtype``, which pickles can alter."""

    def __init__(self, code: Any) -> None:
        # A number's kind and size, such as f4.
        if not isinstance(code, str) or not re.fullmatch(r"[fiub]\d{1,2}", code):
            raise pickle.UnpicklingError("elements that are not numbers")
        self._code = code
        self._order = "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("an array's type in a state that NumPy does not write")
        self._order = state[1]

    def resolve(self) -> np.dtype[Any]:
        """Return NumPy's type."""
        return np.dtype(self._order + self._code)


class _StandIn:
    """The substitute for a name: it can be called with plain values, but not changed."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a change to a function")


def read_arrays(content: bytes, source: str) -> Any:
    """Return what a pickle of arrays holds: tuples and lists of :class:`PickledArray` and texts.

    It reads pickles of Python 2 and 3, of any protocol and any version of NumPy.

    Raises
    ------
    FileFormatError
        If it holds anything but arrays, or is damaged.
    """
    try:
        check_operations(content, source)
        # A damaged text can have invalid escapes, about which Python warns; it is reported as
        # damage.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _Unpickler(content, source).load()
    except FileFormatError:
        raise
    except pickle.UnpicklingError as error:
        what = reason(error)
    except (
        # A damaged pickle is a broken program and may raise any exception. The text of the
        # exception is left out, since it can quote objects of the pickle at any length.
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        EOFError,
        ImportError,
        ArithmeticError,
        MemoryError,
        RecursionError,
        struct.error,
    ) as error:
        what = type(error).__name__
    raise FileFormatError(
        f"{source} is damaged, or not a pickle of arrays ({what}). Download it again."
    )


class _Unpickler(pickle.Unpickler):
    """An unpickler that takes every name from the table below."""

    def __init__(self, content: bytes, source: str) -> None:
        super().__init__(io.BytesIO(content), encoding="latin1")
        self._source = source
        self._latin1 = _Latin1(len(content))

    def find_class(self, module: str, name: str) -> Any:
        """Return the substitute for a name that NumPy's pickles use; refuse any other name."""
        make = _STAND_INS.get((module.replace("numpy._core.", "numpy.core."), name))
        if make is None:
            raise refused(self._source, plain(f"{module}.{name}"))
        return _StandIn(functools.partial(make, self._latin1))

    def persistent_load(self, pid: object) -> Any:
        """Refuse references to things outside the file."""
        raise refused(self._source, f"a reference of type {type(pid).__name__} outside the file")


def _reconstruct(latin1: _Latin1, *_: Any) -> PickledArray:
    """Replace NumPy's function that creates arrays; the result is always empty."""
    return PickledArray(latin1)


def _frombuffer(latin1: _Latin1, content: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
    """Replace NumPy's function that creates arrays from a buffer (protocol 5)."""
    made = PickledArray(latin1)
    made.array = _make_array(content, dtype, shape, order)
    return made


def _dtype(_latin1: _Latin1, code: Any, *_: Any) -> _PickledType:
    """Replace ``numpy.dtype``."""
    return _PickledType(code)


def _encode(latin1: _Latin1, text: Any, encoding: Any) -> bytes:
    """Replace ``_codecs.encode``, which Python 3 uses to write bytes in old protocols."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in an unknown encoding")
    return latin1(text)


def _ndarray(*_: Any) -> Any:
    """Replace ``numpy.ndarray``, which pickles of arrays name but never call."""
    raise pickle.UnpicklingError("a call that would make an array of any size")


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
}


def _make_array(content: Any, dtype: Any, shape: Any, order: Any) -> NDArray[np.generic]:
    if not isinstance(content, bytes | bytearray) or not isinstance(dtype, _PickledType):
        raise pickle.UnpicklingError("an array that does not hold numbers")
    if not isinstance(shape, tuple) or not all(type(n) is int and n > 0 for n in shape):
        raise pickle.UnpicklingError("an array that is empty, or has no shape")
    if order not in ("C", "F"):
        raise pickle.UnpicklingError("an array in an unknown order")
    element = dtype.resolve()
    if math.prod(shape) * element.itemsize != len(content):
        raise pickle.UnpicklingError("an array whose shape does not fit its bytes")
    return np.frombuffer(content, element).reshape(shape, order=order)
