"""The IDX format of the MNIST files, and folders of such files.

An IDX file is: two zero bytes, a byte for the type, a byte for the number of dimensions, the
dimensions as big-endian 32-bit integers, the elements in C order, big-endian.
"""

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.data.labels import whole_numbers
from sdae.data.table import Dataset, Table, checked_table
from sdae.errors import FileAccessError, FileFormatError
from sdae.files import read_decompressed

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8


def parse_idx(content: bytes, source: str) -> NDArray[np.generic]:
    """Return the array of an IDX file; its header is held against its size first.

    Raises
    ------
    FileFormatError
        If it is no IDX file, or has more or fewer bytes than its header says.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise FileFormatError(
            f"{source} is not an IDX file: it begins with {content[:4].hex(' ') or 'nothing'}, not "
            "with 00 00, a type and a number of dimensions."
        )
    n_dimensions = content[3]
    start = 4 + 4 * n_dimensions
    if not 1 <= n_dimensions <= _MAX_DIMENSIONS or len(content) < start:
        raise FileFormatError(f"{source} is damaged: its header has {n_dimensions} dimensions.")
    shape = struct.unpack(f">{n_dimensions}I", content[4:start])
    dtype = np.dtype(_TYPES[content[2]])
    wanted = math.prod(shape) * dtype.itemsize
    if len(content) - start != wanted:
        raise FileFormatError(
            f"{source} is truncated or damaged: its header promises {wanted:,} bytes of data "
            f"(shape {shape}), but there are {len(content) - start:,}. Fetch it again."
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def image_table(
    images: NDArray[np.generic], labels: NDArray[np.generic] | None, source: str
) -> Table:
    """Make a table of images (n, height, width), or of rows (n, V); bytes are divided by 256."""
    if images.ndim < 2:
        raise FileFormatError(
            f"{source} must have a row or an image per sample. Got shape {images.shape} instead."
        )
    image_shape = (images.shape[1], images.shape[2]) if images.ndim == 3 else None
    rows = images.reshape(len(images), math.prod(images.shape[1:]))  # (n, h, w) -> (n, V)
    if images.dtype == np.uint8:
        rows = rows.astype(np.float32) / np.float32(256)
    y = None if labels is None else whole_numbers(labels.reshape(-1), source)
    return checked_table(rows, y, source, image_shape=image_shape)


def load_idx_folder(folder: Path) -> Dataset:
    """Load a folder of IDX files named as MNIST's, plain or ``.gz``.

    ``train-images-idx3-ubyte`` is needed; ``train-labels-idx1-ubyte`` and the pairs that begin with
    ``validation`` and with ``t10k`` or ``test`` are used where they are there.

    Raises
    ------
    FileAccessError
        If there are no training images.
    FileFormatError
        If a file is damaged.
    """
    train = _load_part(folder, "train")
    if train is None:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise FileAccessError(
            f"{folder} has no IDX file train-images-idx3-ubyte (or .gz). It has: {found}."
        )
    validation = _load_part(folder, "validation")
    test = _load_part(folder, "t10k") or _load_part(folder, "test")
    return Dataset(folder.name or str(folder), train, validation, test)


def _load_part(folder: Path, part: str) -> Table | None:
    images = _find(folder, f"{part}-images")
    if images is None:
        return None
    labels = _find(folder, f"{part}-labels")
    pixels = parse_idx(read_decompressed(images), str(images))
    y = None if labels is None else parse_idx(read_decompressed(labels), str(labels))
    return image_table(pixels, y, str(images))


def _find(folder: Path, stem: str) -> Path | None:
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.startswith((f"{stem}-idx", f"{stem}.idx")):
            return path
    return None
