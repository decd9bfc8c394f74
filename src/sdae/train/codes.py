"""The codes of trained layers, stored as the data set of the next one (the tutorial's tip).

Layer k is trained on the *uncorrupted* codes of layer k − 1. Those do not change while layer k
learns, so they are computed once: in memory or, past a size, in a memory-mapped file, which gives
the same bytes. Or they are computed again for every slice of minibatches, which needs no storage:
where narrow rows become wide codes that is a small part of learning from them. It gives the same
bytes where the compiled pass knows the layer, and the same result up to rounding elsewhere.

Axes: n rows, B rows of a minibatch, V columns, H units of the layer below.
"""

import errno
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.array_rows import ArrayRows
from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.compiled_pass import Dense, applied, is_served
from sdae.core.errors import FileAccessError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.rows import MappedRows, RowSource, TensorRows, expect, window_of
from sdae.train.engines.support import modified_layer

MEMORY_LIMIT = 2 << 30
"""With ``codes="auto"``, codes of more bytes than this go to a memory-mapped file."""

FEW_BYTES = 4 << 20
"""With ``codes="auto"``, codes of at most as many bytes are kept in memory in any case."""

_SHARE = 0.02
"""With ``codes="auto"``, codes are computed again where that takes at most this share of the
multiplications of learning from them."""

_CHUNK_ROWS = 1024
_TOO_SMALL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

logger = logging.getLogger("sdae")


class Use(NamedTuple):
    """What the next layer does with codes.

    Attributes
    ----------
    n_passes : int
        How often it goes through all of them.
    n_products : int
        Multiplications of its whole training, for each row.
    takes_slices : bool
        Whether it takes the rows of a slice together, and no others with them.
    """

    n_passes: int
    n_products: int
    takes_slices: bool


class RecomputedRows:
    """Codes computed for each minibatch from the rows below.

    Attributes
    ----------
    n_products : int
        Multiplications for each row.
    """

    def __init__(self, below: RowSource, autoencoder: DenoisingAutoencoder) -> None:
        self._below = below
        self.window = window_of(below)
        self._autoencoder = autoencoder
        more = below.n_products if isinstance(below, RecomputedRows) else 0
        self.n_products: int = autoencoder.weight.numel() + more

    def __len__(self) -> int:
        return len(self._below)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Encode the rows of a minibatch, (B, V) -> (B, H)."""
        return _encoded(self._autoencoder, self._below.batch(minibatch))

    def expect(self, minibatch: Minibatch | None) -> None:
        """Let the rows below be read ahead."""
        expect(self._below, minibatch)


@contextmanager
def temporary_folder(parent: str | Path | None = None) -> Iterator[Callable[[], Path]]:
    """Yield a function that returns a folder, made when it is first called, removed at the end.

    It is in `parent`; None: in the folder for temporary files.
    """
    with ExitStack() as within:

        @cache
        def folder() -> Path:
            made = TemporaryDirectory(prefix="sdae-codes-", dir=parent, ignore_cleanup_errors=True)
            return Path(within.enter_context(made))

        yield folder


def codes_of(
    rows: RowSource,
    autoencoder: DenoisingAutoencoder,
    how: str,
    folder: Callable[[], Path],
    use: Use | None = None,
) -> RowSource:
    """Return the codes of all rows as the data set of the next layer, (n, V) -> (n, H).

    Parameters
    ----------
    rows : RowSource
        The rows that `autoencoder` was trained on.
    autoencoder : DenoisingAutoencoder
        The trained layer.
    how : {"auto", "memory", "memmap", "recompute"}
        Where the codes are stored. ``auto``: nowhere, if they are many and to compute them again
        takes little beside their `use`; in memory, if they are few and the rows are too; otherwise
        in a file, or nowhere if the disk is too small.
    folder : callable
        Returns the folder of memory-mapped files; it is called only if there are any.
    use : Use or None
        What is done with the codes; None: much.

    Raises
    ------
    FileAccessError
        If the disk has no room for a memory-mapped file.
    """
    if how == "recompute":
        return RecomputedRows(rows, autoencoder)
    weight = autoencoder.weight
    n_bytes = len(rows) * autoencoder.n_hidden * weight.element_size()
    if how == "auto":
        if n_bytes > FEW_BYTES and use is not None and _is_cheap(rows, autoencoder, use):
            return RecomputedRows(rows, autoencoder)
        on_disk = window_of(rows) is not None
        if on_disk and n_bytes > _free(folder):
            return _recomputed(rows, autoencoder, n_bytes)
        if n_bytes <= MEMORY_LIMIT and not on_disk:
            how = "memory"
    if how == "memory":
        codes = weight.new_empty((len(rows), autoencoder.n_hidden))
        for samples, encoded in _encoded_chunks(rows, autoencoder):
            codes[samples] = encoded
        return TensorRows(codes)
    path = Path(gettempdir())
    try:
        path = folder() / f"codes-{autoencoder.layer}.npy"
        mapped = _stored(path, rows, autoencoder)
    except FileAccessError:  # of the rows
        raise
    except OSError as error:
        if how == "auto" and error.errno in _TOO_SMALL:
            return _recomputed(rows, autoencoder, n_bytes)
        raise FileAccessError(
            f"Cannot write {n_bytes:,} bytes of codes to {path}: {error.strerror}. Free space, set "
            "TMPDIR (or scratch) to another disk, or use codes='recompute'."
        ) from None
    return MappedRows(mapped, weight, window_of(rows))


def _recomputed(rows: RowSource, autoencoder: DenoisingAutoencoder, n_bytes: int) -> RecomputedRows:
    """Return codes that are not stored, and log why."""
    logger.info(
        "The codes of layer %d would take %s bytes, more than the disk has: they are "
        "computed again for every minibatch.",
        autoencoder.layer,
        f"{n_bytes:,}",
    )
    return RecomputedRows(rows, autoencoder)


def _stored(
    path: Path, rows: RowSource, autoencoder: DenoisingAutoencoder
) -> "NDArray[np.floating]":
    """Write the codes of all rows to a file, and return them mapped from there, (n, V) -> (n, H).

    They are not written into the mapped file: on a full disk that kills the process.

    Raises
    ------
    OSError
        If they cannot be written; the file is removed then.
    """
    kind, shape = _numpy_dtype(autoencoder.weight), (len(rows), autoencoder.n_hidden)
    header = {"descr": kind.str, "fortran_order": False, "shape": shape}
    try:
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            _reserve(file, file.tell() + shape[0] * shape[1] * kind.itemsize)
            for _, encoded in _encoded_chunks(rows, autoencoder):
                file.write(np.ascontiguousarray(encoded.cpu().numpy()).data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return np.lib.format.open_memmap(path, "r")


def _reserve(file: BinaryIO, n_bytes: int) -> None:
    """Find out at once if the disk is too small; some file systems cannot say."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, n_bytes)
    except OSError as error:
        if error.errno in _TOO_SMALL:
            raise


def _is_cheap(rows: RowSource, autoencoder: DenoisingAutoencoder, use: Use) -> bool:
    """Return whether to compute the codes for each pass takes little, and gives the same bytes."""
    at_hand = isinstance(rows, TensorRows | ArrayRows | RecomputedRows) and window_of(rows) is None
    if not (at_hand and use.takes_slices and _is_compiled(autoencoder)):
        return False
    again = (use.n_passes - 1) * RecomputedRows(rows, autoencoder).n_products
    return again <= _SHARE * use.n_products


def _is_compiled(autoencoder: DenoisingAutoencoder) -> bool:
    """Return whether the compiled pass computes codes: they do not depend on each other then.

    Its results are float32, so it is for such networks.
    """
    is_single = autoencoder.weight.dtype is torch.float32
    return is_single and modified_layer(autoencoder) is None and is_served([_dense(autoencoder)])


def _dense(autoencoder: DenoisingAutoencoder) -> Dense:
    return Dense(autoencoder.weight, autoencoder.hidden_bias, autoencoder.activation)


def _encoded(autoencoder: DenoisingAutoencoder, x: Tensor) -> Tensor:
    """Return the codes of some rows, (B, V) -> (B, H)."""
    if _is_compiled(autoencoder):
        return torch.from_numpy(applied([_dense(autoencoder)], x.detach().numpy(), None, None))
    with torch.no_grad():
        return autoencoder.encode(x)


def _free(folder: Callable[[], Path]) -> int:
    """Return the bytes that are free on the disk of a folder; all, if it cannot be written."""
    try:
        return shutil.disk_usage(folder()).free
    except OSError:
        return sys.maxsize  # writing says what is wrong


def _encoded_chunks(
    rows: RowSource, autoencoder: DenoisingAutoencoder
) -> Iterator[tuple[slice, Tensor]]:
    """Encode all rows a chunk at a time, (chunk, V) -> (chunk, H), each with its position."""
    for chunk in minibatches(len(rows), _CHUNK_ROWS):
        place = slice(int(chunk.samples[0]), int(chunk.samples[-1]) + 1)
        yield place, _encoded(autoencoder, rows.batch(chunk))


def _numpy_dtype(tensor: Tensor) -> "np.dtype[np.floating]":
    return torch.empty(0, dtype=tensor.dtype).numpy().dtype
