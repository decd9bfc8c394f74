"""How much memory a file may take when it is read: a compressed file can claim any size."""

from pathlib import Path

from sdae.core.errors import DataError, FileFormatError
from sdae.core.files import MAX_BYTES

_ALWAYS = 1 << 30
_RATIO = 64

MAX_COLUMNS = 1 << 20
"""Tables with more columns are not read: each column has a name and weights in layer 0."""


def room(n_packed: int) -> int:
    """Return how many bytes a file of `n_packed` bytes may take in memory."""
    return max(_ALWAYS, _RATIO * n_packed)


def unpacked_limit(path: Path, share: int) -> int:
    """Return how many bytes a file may unpack to, if that is 1/`share` of the memory it takes."""
    return min(MAX_BYTES, room(path.stat().st_size) // share)


def check_room(wanted: int, n_packed: int, source: str) -> None:
    """Raise an error before a file takes more memory than its size justifies.

    Raises
    ------
    FileFormatError
        If it would take 1 GiB or more, and 64 times the size of the file.
    """
    if wanted > room(n_packed):
        raise FileFormatError(
            f"{source} says that it holds {wanted:,} bytes of rows and labels, far too many for a "
            f"file of {n_packed:,} bytes: it is damaged, or very strongly compressed. If you trust "
            "it, save it without compression, for example as .npy."
        )


def check_columns(n_columns: int, source: str) -> None:
    """Raise an error for a table of too many columns.

    Raises
    ------
    DataError
        If there are more than 1,048,576.
    """
    if n_columns > MAX_COLUMNS:
        raise DataError(
            f"{source} has {n_columns:,} columns; sdae reads at most {MAX_COLUMNS:,}. Transpose it "
            "if its columns are the samples, or drop columns."
        )
