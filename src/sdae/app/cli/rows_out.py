"""Writing rows as CSV or NPY: atomically, a block of rows at a time.

Axes: n rows, V columns.
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from sdae.app.cli.rows_in import NO_IDS, Ids, load_ids
from sdae.app.cli.terminal import say
from sdae.app.runs.completing import CompletedTable
from sdae.app.runs.output_paths import files_of, output_file
from sdae.app.runs.run_folder import RunFolder, SavedModel
from sdae.core.errors import InvalidParameterError
from sdae.core.files import replacing
from sdae.core.model_file import Model
from sdae.core.source_rows import SourceRows
from sdae.core.wording import quoted

STANDARD_OUTPUT = "-"
_BLOCK_CELLS = 1 << 18
_BLOCK = 32  # rows that a network processes together: written blocks end where its blocks end


def blocks_of(
    x: NDArray[np.floating] | SourceRows, n_outputs: int
) -> Iterator[NDArray[np.floating]]:
    """Split rows, (n, V), that will give `n_outputs` columns into blocks, read from the disk."""
    cells = _BLOCK_CELLS // max(x.shape[1], n_outputs)
    n_rows = _BLOCK * max(1, cells // _BLOCK)
    if isinstance(x, SourceRows):
        return x.blocks(n_rows)
    return (x[start : start + n_rows] for start in range(0, len(x), n_rows))


def write_rows(
    path: Path,
    blocks: Iterable[NDArray[np.floating]],
    n_rows: int,
    names: Sequence[str],
    ids: Ids = NO_IDS,
) -> None:
    """Write blocks of rows, (n, V) in all, to a ``.npy``, or under `names` to a ``.csv``."""
    if check_output(path, ".npy", ".csv") == ".csv":
        write_named(path, ids, names, (row for block in blocks for row in block.tolist()))
        return
    with replacing(path) as new, new.open("wb") as file:
        for place, block in enumerate(blocks):
            if place == 0:
                header: dict[str, Any] = {
                    "descr": np.lib.format.dtype_to_descr(block.dtype),
                    "fortran_order": False,
                    "shape": (n_rows, block.shape[1]),
                }
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(block).data)


def write_named(path: Path, ids: Ids, header: Sequence[str], rows: Iterable[list[object]]) -> None:
    """Write a CSV of rows, each after the texts that name it."""
    if ids.names:
        rows = ([*named, *row] for named, row in zip(ids.rows, rows, strict=True))
    write_csv(path, [*ids.names, *header], rows)


def ids_for(
    path: Path,
    data: str,
    model: Model,
    given: Sequence[str] | None,
    content: bytes | None,
    header: Sequence[str],
) -> Ids:
    """Return the columns of the data that name rows, for an output with a header.

    A ``.npy`` holds numbers only, so they are left out there unless the user has named them.
    `content` holds the bytes of standard input, if the data are "-".

    Raises
    ------
    SdaeError
        If they cannot be read or written.
    """
    if path.suffix.lower() == ".npy":
        if given:
            raise InvalidParameterError(f"{path} holds numbers only. With --id, write a .csv file.")
        return NO_IDS
    ids = load_ids(data, model, given, content)
    for name in ids.names:
        if name in header:
            raise InvalidParameterError(
                f"The column {quoted(name)}, which names rows, has the name of a column of the "
                "output. Rename it in the data."
            )
    return ids


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ","
) -> None:
    """Write a CSV with a header; rows are computed as they are written. "-": standard output."""
    if is_standard_output(path):
        _write_lines(sys.stdout, header, rows, separator)
        return
    with replacing(path) as new, new.open("w", encoding="utf-8", newline="") as file:
        _write_lines(file, header, rows, separator)


def _write_lines(
    file: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]], separator: str
) -> None:
    writer = csv.writer(file, delimiter=separator, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def is_standard_output(path: Path) -> bool:
    """Return whether a path is "-", which means standard output."""
    return str(path) == STANDARD_OUTPUT


def output_of(
    path: Path, run: RunFolder | SavedModel, data: str, kinds: Sequence[str]
) -> tuple[Path, str]:
    """Return where to write an output that the user names, and its suffix.

    Raises
    ------
    InvalidParameterError
        If it is not one of `kinds`.
    FileAccessError
        If it cannot be written, or something that the command reads would be lost.
    """
    if is_standard_output(path):
        return path, ".csv"
    end = output_file(path, [*files_of(run), data])
    return end, check_output(end, *kinds)


def say_written(path: Path, line: str) -> None:
    """Say what was written where, unless it was written to standard output."""
    if not is_standard_output(path):
        say(f"{line} written to {path}")


def write_completed(path: Path, kind: str, table: CompletedTable) -> None:
    """Write a table whose gaps are filled, in the format of a suffix."""
    if kind == ".csv":
        found = table.file.as_csv(table.columns, table.decimal)
        write_csv(path, found.header, found.rows, found.separator)
        return
    with replacing(path) as new:
        table.file.write_arrow(table.columns, table.options, kind, new)


def check_output(path: Path, *kinds: str) -> str:
    """Return the suffix of an output file.

    Raises
    ------
    InvalidParameterError
        If it is not one of `kinds`.
    """
    kind = ".csv" if is_standard_output(path) else path.suffix.lower()
    if kind not in kinds:
        wanted = " or ".join(kinds)
        raise InvalidParameterError(f"The output must be a {wanted} file. Got {path} instead.")
    return kind
