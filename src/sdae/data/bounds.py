"""How much memory a file may take when it is read: files that are packed can claim any size."""

from pathlib import Path

from sdae.core.errors import DataError, FileFormatError
from sdae.core.files import MAX_BYTES

_ALWAYS = 1 << 30
_RATIO = 64

MAX_COLUMNS = 1 << 20
"""No table has more columns: each has a name, and a weight for every unit of the first layer."""


def room(n_packed: int) -> int:
    """Return how many bytes a file of `n_packed` bytes may become in memory."""
    return max(_ALWAYS, _RATIO * n_packed)


def unpacked_limit(path: Path, share: int) -> int:
    """Return how many bytes a file may unpack to, if its content is 1/`share` of what is made."""
    return min(MAX_BYTES, room(path.stat().st_size) // share)


def check_room(wanted: int, n_packed: int, source: str) -> None:
    """Refuse what a file would become before it is made.

    Raises
    ------
    FileFormatError
        If it is 1 GiB or more, and 64 times the size of the file.
    """
    if wanted > room(n_packed):
        raise FileFormatError(
            f"{source} claims to be {wanted:,} bytes of rows and labels, far more than the "
            f"{n_packed:,} bytes on the disk promise: it is damaged, or packed beyond measure. If "
            "you trust it, save it without compression, as .npy for example."
        )


def check_columns(n_columns: int, source: str) -> None:
    """Refuse a table of more columns than any table has.

    Raises
    ------
    DataError
        If there are more than 1,048,576.
    """
    if n_columns > MAX_COLUMNS:
        raise DataError(
            f"{source} has {n_columns:,} columns; at most {MAX_COLUMNS:,} are read. Transpose it "
            "if its columns are the rows, or leave columns out."
        )
