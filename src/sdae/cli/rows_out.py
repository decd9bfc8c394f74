"""Rows on their way out: CSV or NPY, written atomically."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.errors import InvalidParameterError
from sdae.files import write_atomically


def write_rows(path: Path, rows: NDArray[np.float32], names: Sequence[str]) -> None:
    """Write rows (n, V) to a ``.npy``, or with a header of `names` to a ``.csv``."""
    kind = check_output(path, ".npy", ".csv")
    if kind == ".csv":
        write_csv(path, names, rows.tolist())
        return
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    write_atomically(path, buffer.getvalue())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV with a header."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, buffer.getvalue().encode())


def check_output(path: Path, *kinds: str) -> str:
    """Return the suffix of an output file.

    Raises
    ------
    InvalidParameterError
        If it is none of `kinds`.
    """
    kind = path.suffix.lower()
    if kind not in kinds:
        wanted = " or ".join(kinds)
        raise InvalidParameterError(f"The output must be a {wanted} file. Got {path} instead.")
    return kind
