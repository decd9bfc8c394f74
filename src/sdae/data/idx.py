"""The IDX format of the MNIST files, and folders of such files.

An IDX file is: two zero bytes, a byte for the type, a byte for the number of dimensions, the
dimensions as big-endian 32-bit integers, the elements in C order, big-endian.
"""

import math
import re
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import FileAccessError, FileFormatError
from sdae.core.files import read_decompressed, translate_os_errors
from sdae.core.wording import listed
from sdae.data.bounds import check_room, unpacked_limit
from sdae.data.labels import whole_numbers
from sdae.data.table import Dataset, Table, check_lengths, checked_table

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8
_NAME = re.compile(r".*[-.]idx\d+-\w+(\.gz)?", re.IGNORECASE)


def is_named_idx(path: Path) -> bool:
    """Return whether a file has a name as those of MNIST have."""
    return _NAME.fullmatch(path.name) is not None


def parse_idx(content: bytes, source: str) -> NDArray[np.generic]:
    """Return the array of an IDX file; its header is checked against its size first.

    Raises
    ------
    FileFormatError
        If it is not an IDX file, or has more or fewer bytes than its header says.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise FileFormatError(
            f"{source} is not an IDX file: it begins with {content[:4].hex(' ') or 'nothing'}, not "
            "with 00 00, a type and a number of dimensions. Download it again."
        )
    n_dimensions = content[3]
    start = 4 + 4 * n_dimensions
    if not 1 <= n_dimensions <= _MAX_DIMENSIONS or len(content) < start:
        raise FileFormatError(
            f"{source} is damaged: byte 3 says {n_dimensions} dimensions, but the file has "
            f"{len(content)} bytes and must have 1 to {_MAX_DIMENSIONS} dimensions. Download it "
            "again."
        )
    shape = struct.unpack(f">{n_dimensions}I", content[4:start])
    dtype = np.dtype(_TYPES[content[2]])
    if 0 in shape:
        raise FileFormatError(
            f"{source} is empty: its header has shape {shape}. Download it again."
        )
    wanted = math.prod(shape) * dtype.itemsize
    if len(content) - start != wanted:
        raise FileFormatError(
            f"{source} is truncated or damaged: its header says {wanted:,} bytes of data (shape "
            f"{shape}), but the file has {len(content) - start:,}. Download it again."
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def image_table(
    images: NDArray[np.generic], labels: NDArray[np.generic] | None, source: str
) -> Table:
    """Make a table of images (n, height, width), or of rows (n, V); bytes are divided by 256."""
    if images.ndim < 2:
        raise FileFormatError(
            f"{source} must have one row or one image per sample. Got shape {images.shape} instead."
        )
    image_shape = (images.shape[1], images.shape[2]) if images.ndim == 3 else None
    rows = images.reshape(len(images), math.prod(images.shape[1:]))  # (n, h, w) -> (n, V)
    if images.dtype == np.uint8:
        pixels = rows.astype(np.float32)
        pixels /= np.float32(256)
        rows = pixels
    if labels is not None:
        check_lengths(len(rows), labels.size, source)
    y = None if labels is None else whole_numbers(labels.reshape(-1), source)
    return checked_table(rows, y, source, image_shape=image_shape)


def load_idx_folder(folder: Path) -> Dataset:
    """Load a folder of IDX files with the names of the MNIST files, plain or ``.gz``.

    ``train-images-idx3-ubyte`` is needed; ``train-labels-idx1-ubyte`` and the pairs that begin with
    ``validation`` and with ``t10k`` or ``test`` are used if they exist.

    Raises
    ------
    FileAccessError
        If the folder cannot be read, or a part lacks its images (the training part, or one that
        has labels).
    FileFormatError
        If a file is damaged.
    DataError
        If a part has another number of labels than of images.
    """
    with translate_os_errors(folder, "read"):
        there = sorted(path for path in folder.iterdir() if path.is_file())
    train = _load_part(folder, there, "train")
    if train is None:
        raise _no_images(folder, there, "train")
    validation = _load_part(folder, there, "validation")
    test = _load_part(folder, there, "t10k") or _load_part(folder, there, "test")
    return Dataset(folder.name or str(folder), train, validation, test)


def _load_part(folder: Path, there: list[Path], part: str) -> Table | None:
    images = _find(there, f"{part}-images")
    labels = _find(there, f"{part}-labels")
    if images is None:
        if labels is not None:
            raise _no_images(folder, there, part)
        return None
    pixels, n_packed = _read(images)
    y = None
    wanted = pixels.nbytes + 4 * pixels.size
    if labels is not None:
        y, n_more = _read(labels)
        n_packed += n_more
        wanted += y.nbytes + 8 * y.size
    check_room(wanted, n_packed, str(images))
    return image_table(pixels, y, str(images))


def _read(path: Path) -> tuple[NDArray[np.generic], int]:
    """Return the array of a file, and the size of the file in bytes."""
    content = read_decompressed(path, unpacked_limit(path, share=4))
    return parse_idx(content, str(path)), path.stat().st_size


def _find(there: list[Path], stem: str) -> Path | None:
    """Return the first file with that name: plain before ``.gz``, and not a partial ``.part``."""
    name = re.compile(rf"{stem}[-.]idx\d+-\w+(\.gz)?")
    return next((path for path in there if name.fullmatch(path.name)), None)


def _no_images(folder: Path, there: list[Path], part: str) -> FileAccessError:
    found = listed((path.name for path in there), most=8) or "no files"
    return FileAccessError(
        f"{folder} has no IDX file {part}-images-idx3-ubyte (or .gz). It has: {found}."
    )
