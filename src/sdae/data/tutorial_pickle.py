"""The Deep Learning Tutorials' ``mnist.pkl.gz``: three pairs (x, y), for training to test.

Axes: n rows, V columns.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import FileFormatError
from sdae.core.files import read_decompressed
from sdae.data.array_pickle import PickledArray, read_arrays
from sdae.data.bounds import check_room, unpacked_limit
from sdae.data.labels import whole_numbers
from sdae.data.table import Dataset, Table, check_lengths, checked_table

_LIMIT = 512 << 20
_PARTS = ("train", "validation", "test")
_N_PIXELS, _IMAGE_SHAPE = 784, (28, 28)


def load_tutorial_pickle(path: Path) -> Dataset:
    """Load the tutorials' pickle, written by Python 2 or 3, compressed or not.

    The rows are taken as they are: the tutorials' are in [0, 1) already.

    Raises
    ------
    FileFormatError
        If it holds anything but three pairs of NumPy arrays, unpacks to more than 512 MiB, or is
        damaged. No code of it is run.
    DataError
        If a value is missing or infinite, or a label is not a whole number.
    """
    limit = min(_LIMIT, unpacked_limit(path, share=4))
    pairs = read_arrays(read_decompressed(path, limit), str(path))
    if not isinstance(pairs, tuple | list) or len(pairs) != len(_PARTS):
        raise _other(path, "it does not hold three things")
    arrays = [_pair(pair, part, path) for pair, part in zip(pairs, _PARTS, strict=True)]
    # A pickle can refer to one array many times at no cost, but every part becomes separate rows.
    wanted = sum(x.nbytes + 4 * x.size + 8 * y.size for x, y in arrays)
    check_room(wanted, path.stat().st_size, str(path))
    train, validation, test = (
        _table(x, y, f"{path} ({part})") for (x, y), part in zip(arrays, _PARTS, strict=True)
    )
    if not train.n_features == validation.n_features == test.n_features:
        raise _other(path, "the parts have different numbers of columns")
    return Dataset(path.name.split(".")[0], train, validation, test)


def _pair(pair: Any, part: str, path: Path) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise _other(path, f"the {part} part is not a pair")
    if not all(isinstance(item, PickledArray) for item in pair):
        raise _other(path, f"the {part} part is not a pair of arrays")
    x, y = (item.array for item in pair)
    if x.ndim != 2 or y.ndim != 1:
        raise _other(path, f"the {part} part has shapes {x.shape} and {y.shape}")
    return x, y


def _table(x: NDArray[np.generic], y: NDArray[np.generic], source: str) -> Table:
    check_lengths(len(x), len(y), source)
    image_shape = _IMAGE_SHAPE if x.shape[1] == _N_PIXELS else None
    return checked_table(x, whole_numbers(y, source), source, image_shape=image_shape)


def _other(path: Path, what: str) -> FileFormatError:
    return FileFormatError(
        f"{path} must hold three pairs of arrays, x (n, V) and y (n,), for training, validation "
        f"and test, but {what}. Save other arrays with numpy.savez."
    )
