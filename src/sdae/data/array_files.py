"""NumPy files as data: a ``.npy`` of rows or images, an ``.npz`` of rows, labels and parts.

Axes: n rows, V columns.
"""

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError
from sdae.core.files import read_bytes
from sdae.core.wording import listed, nearest, plain, quoted, reason
from sdae.data.bounds import check_columns, check_room
from sdae.data.csv_table import wanted_columns
from sdae.data.idx import image_table
from sdae.data.label_columns import names_of_targets
from sdae.data.labelled_rows import (
    PartsDataset,
    check_some_have_labels,
    labelled_apart,
    no_label,
    without_label,
)
from sdae.data.npy import parse_npy
from sdae.data.table import Dataset, Table, check_lengths, checked_table
from sdae.data.target_columns import targets_of_array
from sdae.data.task import Task

_LIMIT = 2 << 30
_MAX_MEMBERS = 10_000
_X_NAMES = ("x", "X", "data")
_Y_NAMES = ("y", "target", "labels")
_ENDINGS = {
    "train": ("_train", ""),
    "validation": ("_validation", "_valid", "_val"),
    "test": ("_test",),
}


def load_npy(
    path: Path,
    target: Sequence[str] = (),
    features: Collection[str] | None = None,
    task: Task | None = None,
) -> Dataset:
    """Load a ``.npy`` of rows (n, V) or of images (n, height, width).

    Columns are named by their index, "0" to "V−1"; `target` is an index, or counts from the end
    ("-1"). If `features` are other names, all columns are read, without names: they are matched by
    their place. Images of bytes are divided by 256, other numbers are not changed.

    Raises
    ------
    FileFormatError
        If the file is damaged.
    DataError
        If an element is not a finite number, the shape is another, or the target is not a column.
    """
    source = str(path)
    content = read_bytes(path, _LIMIT)
    array = parse_npy(io.BytesIO(content), len(content), source)
    if array.ndim != 2:
        if target:
            raise DataError(
                f"{source} has shape {array.shape}, so it does not have columns, and "
                f"{quoted(target[0])} cannot be the target. Leave the target out, or save rows and "
                "labels in one .npz as x and y."
            )
        return Dataset(path.stem, _rows(array, source))
    n_columns = array.shape[1]
    check_columns(n_columns, source)
    names = [str(column) for column in range(n_columns)]
    places = [find_column(each, n_columns, source) for each in target]
    target = names_of_targets([str(place) for place in places])  # each column once, by its number
    by_place = features is not None and not set(features) <= set(names)
    columns = wanted_columns(names, places, None if by_place else features, source)
    x = array if len(columns) == n_columns else array[:, columns]  # (n, columns) -> (n, V)
    table = _rows(x, source, None if by_place else tuple(names[column] for column in columns))
    if not places:
        return Dataset(path.stem, table)
    return _labelled(path.stem, table, array[:, places], target, source, task)


def load_npz(
    path: Path, target: Sequence[str] = (), task: Task | None = None, *, labels: bool = True
) -> Dataset:
    """Load an ``.npz`` of arrays; arrays that are not needed are not read.

    Rows are under ``x`` (or ``X``, ``data``), labels under `target`, or else ``y`` (``target``,
    ``labels``). Parts are used if they exist: ``x_train``, ``x_validation`` (``_valid``,
    ``_val``), ``x_test``, with labels likewise. Labels that are all missing are none. Without
    `labels` all rows are loaded, and no array of labels is read.

    Raises
    ------
    FileFormatError
        If the file is damaged.
    DataError
        If rows or the target are missing, or an array cannot be used.
    """
    if len(target) > 1:
        raise DataError(
            f"{path} has one array of labels, (n,) or (n, L), and {len(target)} targets are named. "
            "Name one array: of several labels it holds zeros and ones, (n, L)."
        )
    try:
        archive = _Archive(path)
        names = _choose_names(archive.members, target[0] if target else None, str(path))
        parts = {
            part: archive.read_part(x, y if labels else None, task)
            for part, (x, y) in names.items()
        }
        if target and parts["train"].train.y is None:
            raise no_label(str(path), f"array {quoted(target[0])}")
        _check_same_labels({part: each.train for part, each in parts.items()}, str(path))
    except DataError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        ValueError,
        LookupError,
        OverflowError,
        RuntimeError,
        struct.error,
    ) as error:
        raise FileFormatError(f"{path} is damaged: {reason(error)}. Save it again.") from None
    return PartsDataset.of(parts)


def _check_same_labels(parts: Mapping[str, Table], source: str) -> None:
    """Refuse parts of which some have one label per row, and others several."""
    shapes = {part: table.y.shape[1:] for part, table in parts.items() if table.y is not None}
    for part, shape in shapes.items():
        if shape != shapes.get("train", shape):
            raise DataError(
                f"{source} has {_labels_per_row(shapes['train'])} in its train part, but "
                f"{_labels_per_row(shape)} in its {part} part. Save the labels of all parts alike."
            )


def _labels_per_row(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} columns of labels" if shape else "one label per row"


def find_column(target: str, n_columns: int, source: str) -> int:
    """Return the position of a column without a name; it may count from the end.

    Raises
    ------
    DataError
        If there is no such column.
    """
    try:
        return range(n_columns)[int(target)]
    except (ValueError, IndexError):
        raise DataError(
            f"The target of {source} must be the number of a column, from 0 to {n_columns - 1}, or "
            f"count from the end, as -1 does. Got {quoted(target)} instead."
        ) from None


def _choose_names(
    members: dict[str, zipfile.ZipInfo], target: str | None, source: str
) -> dict[str, tuple[str, str | None]]:
    """Return the names of the arrays of rows and of labels of each part that exists."""
    there = listed(sorted(members)) or "nothing"
    y_names = _Y_NAMES if target is None else (target.removesuffix("_train"),)
    chosen: dict[str, tuple[str, str | None]] = {}
    for part, endings in _ENDINGS.items():
        x_name = _first(members, _X_NAMES, endings)
        if x_name is not None:
            # Names of labels and rows have the same suffix: labels of the training rows are not for
            # other parts.
            ending = next(end for end in endings if x_name.endswith(end))
            y_endings = (ending, *endings) if part == "train" else (ending,)
            chosen[part] = (x_name, _first(members, y_names, y_endings))
    if "train" not in chosen:
        raise DataError(
            f"{source} has no array of rows: name it x, X or data (or x_train). It has: {there}."
        )
    if target is not None and chosen["train"][1] is None:
        near = nearest(target, members)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"{source} has no array {quoted(target)} for the target.{hint} It has: {there}."
        )
    return chosen


def _first(
    members: dict[str, zipfile.ZipInfo], names: tuple[str, ...], endings: tuple[str, ...]
) -> str | None:
    wanted = (name + ending for ending in endings for name in names)
    return next((name for name in wanted if name in members), None)


class _Archive:
    """The members of an NPZ; their total size in memory is limited."""

    def __init__(self, path: Path) -> None:
        content = read_bytes(path, _LIMIT)
        n_members = content.count(b"PK\1\2")  # the signature of a directory entry
        if n_members > _MAX_MEMBERS:
            raise FileFormatError(
                f"{path} has about {n_members:,} members; sdae reads at most {_MAX_MEMBERS:,}. "
                "Save only the rows and labels, as x and y."
            )
        self._path = path
        self._n_packed = len(content)
        self._n_claimed = 0
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self.members = {name.filename.removesuffix(".npy"): name for name in self._zip.infolist()}

    def read_part(self, x_name: str, y_name: str | None, task: Task | None) -> Dataset:
        """Read the rows of a part and its labels, if it has any."""
        source = self._source(x_name)
        x = self._read(x_name)
        if y_name is None:
            return Dataset(self._path.stem, _rows(x, source))
        y = self._read(y_name)
        if x.ndim > 0 and y.ndim > 0:
            check_lengths(len(x), len(y), source)  # before checking the values
        return _labelled(self._path.stem, _rows(x, source), y, None, self._source(y_name), task)

    def _source(self, name: str) -> str:
        return f"{self._path} ({plain(name)})"

    def _read(self, name: str) -> NDArray[np.generic]:
        """Read an array; its header must agree with the directory, which stops zip bombs."""
        member, source = self.members[name], self._source(name)
        if member.file_size > _LIMIT:
            raise FileFormatError(
                f"{source} unpacks to {member.file_size:,} bytes; sdae reads at most {_LIMIT:,}. "
                "Split it into parts."
            )
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileFormatError(
                f"{source} is packed in a way that NumPy does not use. Save it again with "
                "numpy.savez."
            )

        def claim(n_bytes: int) -> None:
            self._n_claimed += n_bytes
            check_room(self._n_claimed, self._n_packed, str(self._path))

        with self._zip.open(member) as file:
            array = parse_npy(file, member.file_size, source, claim)
            file.read(1)  # reading the end of the member checks its checksum
        return array


def _rows(x: NDArray[np.generic], source: str, names: tuple[str, ...] | None = None) -> Table:
    if x.dtype.kind == "U":
        raise DataError(
            f"The rows of {source} must be numbers. Got texts instead. Encode them "
            "(pandas.get_dummies makes 0/1 columns), or convert numbers with "
            "array.astype(numpy.float32)."
        )
    if x.ndim == 3:
        table = image_table(x, None, source)
        return checked_table(table.x, None, source, image_shape=table.image_shape)
    if x.ndim != 2:
        raise DataError(
            f"{source} must have shape (n, V), rows by columns, or (n, height, width). "
            f"Got shape {x.shape} instead."
        )
    return checked_table(x, None, source, names)


def _labelled(
    name: str,
    table: Table,
    y: NDArray[np.generic],
    names: Sequence[str] | None,
    source: str,
    task: Task | None,
) -> Dataset:
    """Return rows with their targets, (n,) or (n, L); those without one apart."""
    if y.dtype.kind == "U":
        _check_characters(y, source)
    missing = np.zeros(len(table.x), bool)
    if y.ndim in (1, 2) and y.size:
        missing = without_label([*y.reshape(len(y), -1).T])
        if missing.all() and names is None:
            return Dataset(name, table)
        check_some_have_labels(missing, source, names)
        y = y[~missing] if missing.any() else y
    targets, label_names = targets_of_array(y, names, source, task, missing)
    return labelled_apart(name, table, targets, label_names, missing)


def _check_characters(y: NDArray[np.generic], source: str) -> None:
    """Refuse texts of any code points, as NumPy makes them: invalid ones crash Python."""
    code_points = np.ascontiguousarray(y).view(y.dtype.byteorder.replace("=", "") + "u4")
    is_half = (code_points >= 0xD800) & (code_points < 0xE000)  # half of a UTF-16 pair
    if is_half.any() or code_points.max() > sys.maxunicode:
        raise FileFormatError(
            f"{source} is damaged: its labels have characters that do not exist. Save it again."
        )
