"""NumPy files, ``.npy`` and ``.npz``: headers and sizes are checked before anything is allocated.

Objects (pickles) in them are never loaded. Axes: n rows, V columns.
"""

import io
import math
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.data.idx import image_table
from sdae.data.labels import read_labels, whole_numbers
from sdae.data.table import Dataset, Table, checked_table
from sdae.errors import DataError, FileFormatError
from sdae.files import read_bytes

_LIMIT = 2 << 30
_X_NAMES = ("x", "X", "data")
_Y_NAMES = ("y", "target", "labels")
_VALIDATION = ("_validation", "_valid", "_val")


def load_npy(path: Path, target: str | None) -> Dataset:
    """Load a ``.npy`` of rows (n, V) or of images (n, height, width).

    Columns are named by their place, "0" to "V−1"; `target` names one, or counts from the end
    ("-1").
    """
    array = parse_npy(read_bytes(path, _LIMIT), str(path))
    if array.ndim != 2:
        if target is not None:
            raise DataError(f"{path} has images, so no column {target!r} to take as the target.")
        return Dataset(path.stem, _rows(array, None, str(path)))
    n_columns = array.shape[1]
    names = [str(column) for column in range(n_columns)]
    if target is None:
        return Dataset(path.stem, _rows(array, None, str(path), tuple(names)))
    try:
        place = range(n_columns)[int(target)]
    except (ValueError, IndexError):
        raise DataError(
            f"{path} has columns 0 to {n_columns - 1}; the target must be the number of one, or "
            f"count from the end, as -1 does. Got {target!r} instead."
        ) from None
    names.pop(place)
    features = np.delete(array, place, axis=1)  # (n, V + 1) -> (n, V)
    y = _labels(array[:, place], str(path))
    return Dataset(path.stem, _rows(features, y, str(path), tuple(names)))


def load_npz(path: Path, target: str | None) -> Dataset:
    """Load an ``.npz`` of arrays.

    Rows are under ``x`` (or ``X``, ``data``), labels under `target`, or else ``y`` (``target``,
    ``labels``). Parts are used where they are given: ``x_train``, ``x_validation`` (``_valid``,
    ``_val``), ``x_test``, with labels likewise.
    """
    arrays = _read_npz(path)
    parts = {
        part: _find_part(arrays, endings, target, f"{path} ({part})")
        for part, endings in (
            ("train", ("_train", "")),
            ("validation", _VALIDATION),
            ("test", ("_test",)),
        )
    }
    train = parts["train"]
    if train is None:
        raise DataError(
            f"{path} has no array of rows: name it x, X or data (or x_train). It has: "
            f"{', '.join(sorted(arrays)) or 'nothing'}."
        )
    if target is not None and train.y is None:
        raise DataError(
            f"{path} has no array {target!r} to take as the target. It has: "
            f"{', '.join(sorted(arrays))}."
        )
    return Dataset(path.stem, train, parts["validation"], parts["test"])


def parse_npy(content: bytes, source: str) -> NDArray[np.generic]:
    """Return the array of a ``.npy`` file.

    Raises
    ------
    FileFormatError
        If the header is damaged, or promises other than the bytes that are there.
    DataError
        If the elements are not numbers or texts.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise FileFormatError(f"{source} has the unknown .npy version {version}.")
        shape, fortran, dtype = read_header(stream)
    except (ValueError, TypeError, SyntaxError, EOFError, tokenize.TokenError, RecursionError):
        raise FileFormatError(f"{source} is damaged: its .npy header cannot be read.") from None
    if dtype.kind not in "fiubU" or dtype.itemsize == 0:
        raise DataError(
            f"{source} has elements of type {dtype}; rows must be plain numbers. Convert them with "
            "astype(numpy.float32)."
        )
    start = stream.tell()
    wanted = math.prod(shape) * dtype.itemsize
    if any(size < 0 for size in shape) or len(content) - start != wanted:
        raise FileFormatError(
            f"{source} is truncated or damaged: its header promises {wanted:,} bytes of data, but "
            f"there are {len(content) - start:,}."
        )
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran else "C")


def _read_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    content = read_bytes(path, _LIMIT)
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > _LIMIT:
                raise FileFormatError(f"{path} unpacks to more than {_LIMIT:,} bytes.")
            for member in members:
                name = member.filename.removesuffix(".npy")
                # At most what the directory promises is read, so a bomb cannot go off.
                with archive.open(member) as file:
                    unpacked = file.read(member.file_size + 1)
                arrays[name] = parse_npy(unpacked, f"{path} ({name})")
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise FileFormatError(f"{path} is damaged: {error or 'it ends too early'}.") from None
    return arrays


def _find_part(
    arrays: dict[str, NDArray[np.generic]],
    endings: tuple[str, ...],
    target: str | None,
    source: str,
) -> Table | None:
    for ending in endings:
        x = _first(arrays, [name + ending for name in _X_NAMES])
        if x is None:
            continue
        names = _Y_NAMES if target is None else (target,)
        y = _first(arrays, [name + ending for name in names] + ([target] if target else []))
        return _rows(x, None if y is None else _labels(y, source), source)
    return None


def _first(arrays: dict[str, NDArray[np.generic]], names: list[str]) -> NDArray[np.generic] | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _rows(
    x: NDArray[np.generic],
    y: NDArray[np.int64] | NDArray[np.str_] | None,
    source: str,
    names: tuple[str, ...] | None = None,
) -> Table:
    if x.dtype.kind == "U":
        raise DataError(f"{source} has texts where rows of numbers should be. Encode them first.")
    if x.ndim == 3:
        table = image_table(x, None, source)
        return checked_table(table.x, y, source, image_shape=table.image_shape)
    if x.ndim != 2:
        raise DataError(
            f"{source} must have shape (n, V), rows by columns, or (n, height, width). "
            f"Got {x.shape} instead."
        )
    return checked_table(x, y, source, names)


def _labels(y: NDArray[np.generic], source: str) -> NDArray[np.int64] | NDArray[np.str_]:
    if y.ndim != 1:
        raise DataError(f"The labels of {source} must have shape (n,). Got {y.shape} instead.")
    if y.dtype.kind == "U":
        return read_labels([str(label) for label in y.tolist()], source)
    return whole_numbers(y, source)
