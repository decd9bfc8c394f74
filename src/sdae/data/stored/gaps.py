"""Values of rows that training cannot use: the first one, and the error that names it.

Axes: n rows, V columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from sdae.data.stored.paths import NPY
from sdae.data.stored.shard import Groups, Numbers
from sdae.data.table import NotNumbers


class GapInCopy(NotNumbers):
    """A value is missing in rows that are copied, which were to have none."""


def described(path: Path, row: int, column: str) -> str:
    """Return the sentence that names the place of a value that cannot be used."""
    return (
        f"{path}, row {row} (counted from 0), has a value that is missing, infinite or too "
        f"large for float32 in column {column!r}."
    )


def remedy(path: Path, groups: Groups | None) -> str:
    """Return what to do about such a value in rows that are opened; columns are a table too."""
    if path.suffix.lower() == NPY or (groups is not None and not groups.types):
        return "Fill it in, or drop the row."
    return "Fill it in, drop the row, or open it by sdae.data.open_table."


def without_gaps(
    blocks: Iterable[Numbers], path: Path, columns: Sequence[str], groups: Groups
) -> Iterator[Numbers]:
    """Yield the rows of a file, (rows, V), some at a time, until a number is not finite.

    Raises
    ------
    GapInCopy
        If one is not.
    """
    n_before = 0
    for rows in blocks:
        finite = np.isfinite(rows)
        if not finite.all():
            place, column = np.argwhere(~finite)[0]
            what = described(path, n_before + int(place), columns[int(column)])
            raise GapInCopy(f"{what} {remedy(path, groups)}")
        n_before += len(rows)
        yield rows
