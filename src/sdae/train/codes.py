"""The codes of trained layers, stored as the data set of the next one (the tutorial's tip).

Layer k is trained on the *uncorrupted* codes of layer k − 1. Those do not change while layer k
learns, so they are computed once: in memory or, past a size, in a memory-mapped file, which gives
the same bytes. Or they are computed again for every minibatch, which needs no storage and gives the
same result up to rounding.

Axes: n rows, B rows of a minibatch, H units of the layer below.
"""

import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np
import torch
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.errors import FileAccessError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.rows import MappedRows, RowSource, TensorRows, expect, window_of

MEMORY_LIMIT = 2 << 30
"""With ``codes="auto"``, codes of more bytes than this go to a memory-mapped file."""

_CHUNK_ROWS = 1024

logger = logging.getLogger("sdae")


class RecomputedRows:
    """Codes computed for each minibatch from the rows below."""

    def __init__(self, below: RowSource, autoencoder: DenoisingAutoencoder) -> None:
        self._below = below
        self.window = window_of(below)
        self._autoencoder = autoencoder

    def __len__(self) -> int:
        return len(self._below)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Encode the rows of a minibatch, (B, V) -> (B, H)."""
        with torch.no_grad():
            return self._autoencoder.encode(self._below.batch(minibatch))

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
    rows: RowSource, autoencoder: DenoisingAutoencoder, how: str, folder: Callable[[], Path]
) -> RowSource:
    """Return the codes of all rows as the data set of the next layer, (n, V) -> (n, H).

    Parameters
    ----------
    rows : RowSource
        The rows that `autoencoder` was trained on.
    autoencoder : DenoisingAutoencoder
        The trained layer.
    how : {"auto", "memory", "memmap", "recompute"}
        Where the codes are stored. ``auto``: in memory, if they are few and the rows are too;
        otherwise in a file, or nowhere if the disk is too small.
    folder : callable
        Returns the folder of memory-mapped files; it is called only if there are any.

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
        on_disk = window_of(rows) is not None
        how = "memory" if n_bytes <= MEMORY_LIMIT and not on_disk else "memmap"
        if on_disk and n_bytes > _free(folder):
            logger.info(
                "The codes of layer %d would take %s bytes, more than the disk has: they are "
                "computed again for every minibatch.",
                autoencoder.layer,
                f"{n_bytes:,}",
            )
            return RecomputedRows(rows, autoencoder)
    if how == "memory":
        codes = weight.new_empty((len(rows), autoencoder.n_hidden))
        for samples, encoded in _encoded_chunks(rows, autoencoder):
            codes[samples] = encoded
        return TensorRows(codes)
    path = Path(gettempdir())
    try:
        path = folder() / f"codes-{autoencoder.layer}.npy"
        mapped = np.lib.format.open_memmap(
            path, "w+", _numpy_dtype(weight), (len(rows), autoencoder.n_hidden)
        )
        for samples, encoded in _encoded_chunks(rows, autoencoder):
            mapped[samples] = encoded.cpu().numpy()
        mapped.flush()
    except OSError as error:
        raise FileAccessError(
            f"Cannot write {n_bytes:,} bytes of codes to {path}: {error.strerror}. Free space, set "
            "TMPDIR (or scratch) to another disk, or use codes='recompute'."
        ) from None
    return MappedRows(mapped, weight, window_of(rows))


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
        with torch.no_grad():
            yield place, autoencoder.encode(rows.batch(chunk))


def _numpy_dtype(tensor: Tensor) -> "np.dtype[np.floating]":
    return torch.empty(0, dtype=tensor.dtype).numpy().dtype
