"""A file of rows that stays on the disk, and the state in which it was opened.

Axes: n rows, V columns, m rows that are asked for.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileAccessError, FileFormatError
from sdae.core.files import translate_os_errors

Numbers = NDArray[Any]

ROWS_PER_GROUP = 2048
"""Rows of a group that is written here, unless somebody says otherwise."""


class Groups(Protocol):
    """The groups of rows of a file that are decoded whole."""

    @property
    def row_bytes(self) -> int:
        """Bytes that a row takes when it is decoded."""
        ...

    @property
    def largest_bytes(self) -> int:
        """Bytes that the largest group takes when it is decoded."""
        ...

    @property
    def types(self) -> Sequence[Any]:
        """The Arrow types of plain columns; of a column of lists none."""
        ...

    def described(self) -> str:
        """Say how large the largest group is, for messages."""
        ...


class Shard(Protocol):
    """A file of rows."""

    @property
    def path(self) -> Path:
        """Where the file is."""
        ...

    @property
    def n_rows(self) -> int:
        """The number of rows, n."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the V columns."""
        ...

    @property
    def kind(self) -> "np.dtype[Any]":
        """Type of the numbers."""
        ...

    @property
    def named(self) -> bool:
        """Whether the file has names of columns."""
        ...

    @property
    def stamp(self) -> "Stamp":
        """The state in which the file was opened."""
        ...

    @property
    def groups(self) -> Groups | None:
        """The groups that are decoded whole; None if rows are read one by one."""
        ...

    def read(self, places: NDArray[np.int64]) -> Numbers:
        """Read rows by their places, which never fall, (m,) -> (m, V).

        Raises
        ------
        FileAccessError, FileFormatError
            If the file cannot be read, or is not as it was when it was opened.
        """
        ...

    def blocks(self, n_rows: int) -> Iterator[Numbers]:
        """Yield all rows from the first to the last, at most `n_rows` at a time."""
        ...

    def labels(self) -> Numbers | None:
        """Read the target of all rows, (n,); None if there is none."""
        ...

    def close(self) -> None:
        """Remove what was written to read the file."""
        ...


@dataclass(frozen=True)
class Stamp:
    """What shows that a file is still the one that was opened: identity, size, time of change."""

    device: int
    inode: int
    size: int
    changed: int


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the state of a file."""
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def check_unchanged(path: Path, before: Stamp, descriptor: int | None = None) -> None:
    """Raise an error if a file is not in the state in which it was opened.

    Raises
    ------
    FileAccessError
        If it is not there any more.
    FileFormatError
        If it was written to, truncated or replaced.
    """
    with translate_os_errors(path, "read"):
        try:
            now = stamp_of(path.stat() if descriptor is None else os.fstat(descriptor))
        except FileNotFoundError:
            raise vanished(path) from None
    if now.size != before.size:
        what = f"it had {before.size:,} bytes, and has {now.size:,} now"
    elif now != before:
        what = "it was written to or replaced"
    else:
        return
    raise FileFormatError(f"{path} changed after it was opened: {what}. Open it again.")


def vanished(path: Path) -> FileAccessError:
    """Return the error for a file that is not there any more."""
    return FileAccessError(
        f"Cannot read {path}: it was there when it was opened, and is not any more. Put it back, "
        "or open the rows again."
    )


def labels_of(shards: Sequence[Shard]) -> Numbers | None:
    """Read the target of all rows, (n,); None if there is none.

    Missing labels are NaN if the others are floats, otherwise None: a file without any label does
    not say of which type they would be.

    Raises
    ------
    DataError
        If those of one file are texts, and those of another numbers.
    """
    parts = [part for shard in shards if (part := shard.labels()) is not None]
    _check_labels_alike(shards, parts)
    if not parts or all(part.dtype.kind == "f" for part in parts):
        return np.concatenate(parts) if parts else None
    if not any(part.dtype.kind == "O" or _lacks(part).any() for part in parts):
        return np.concatenate(parts)
    labels = np.concatenate([part.astype(object) for part in parts])
    labels[np.concatenate([_lacks(part) for part in parts])] = None
    types = {type(label) for label in labels.tolist()} - {type(None)}
    return labels.astype(np.float64) if types <= {int, float} and float in types else labels


def _check_labels_alike(shards: Sequence[Shard], parts: Sequence[Numbers]) -> None:
    known = [
        (shard.path, kind)
        for shard, part in zip(shards, parts, strict=False)  # there are none, or one for each
        if (kind := _kind_of_labels(part)) is not None
    ]
    for path, kind in known:
        first, usual = known[0]
        if kind != usual:
            raise DataError(
                f"{path} has {kind} as labels, but {first.name} has {usual}. All files of a folder "
                "must have labels of one type: convert it, or move it elsewhere."
            )


def _kind_of_labels(labels: Numbers) -> str | None:
    """Return what labels are; None if all of them are missing."""
    there = labels[np.argmin(_lacks(labels))].item() if labels.dtype.kind != "O" else None
    if labels.dtype.kind == "O":
        there = next((label for label in labels.tolist() if label is not None), None)
    if there is None or there != there:
        return None
    if isinstance(there, str):
        return "texts"
    return "truth values" if isinstance(there, bool) else "numbers"


def _lacks(labels: Numbers) -> NDArray[np.bool_]:
    if labels.dtype.kind == "O":
        return np.array([label is None for label in labels.tolist()], bool)
    return np.isnan(labels) if labels.dtype.kind == "f" else np.zeros(len(labels), bool)


def delivered_kind(kind: "np.dtype[Any]") -> "np.dtype[Any]":
    """Return the type in which numbers are delivered: float64 where float32 would round them."""
    return np.dtype(np.float32 if np.can_cast(kind, np.float32) else np.float64)


def bytes_of(shards: Sequence[Shard]) -> int:
    """Return the bytes that all rows take when they are delivered."""
    first, n_rows = shards[0], sum(shard.n_rows for shard in shards)
    return n_rows * len(first.columns) * delivered_kind(first.kind).itemsize


def check_exists(path: Path) -> None:
    """Raise an error if there is nothing at a path.

    Raises
    ------
    FileAccessError
        If there is not.
    """
    with translate_os_errors(path, "read"):
        if "\0" in str(path) or not path.exists():
            raise FileAccessError(f"Cannot read {str(path)!r}: it does not exist. Check the path.")


def check_list(name: str, value: object) -> None:
    """Raise an error for one value where several are meant, as for `columns`.

    Raises
    ------
    DataError
        If it is neither None nor several values.
    """
    if value is not None and (isinstance(value, str) or not isinstance(value, Iterable)):
        raise DataError(f"{name} must be a list. Got {value!r}: use [{value!r}].")


def check_different(columns: Sequence[object], source: str) -> None:
    """Raise an error if the columns of rows are none, or one of them twice.

    Raises
    ------
    DataError
        If they are.
    """
    if not columns:
        raise DataError(f"{source} has no column of rows. Name one or more beside the target.")
    if len(set(columns)) < len(columns):
        raise DataError(f"{source} must be read by different columns. Got {[*columns]}.")


def check_apart(columns: Collection[str | int], target: str | int | None, source: str) -> None:
    """Raise an error if the target is among the columns of rows, which would then hold the answer.

    Raises
    ------
    DataError
        If it is.
    """
    if target is not None and target in columns:
        raise DataError(
            f"{source} must be read by columns without the target {target!r}. Leave it out of "
            "columns."
        )
