"""Compiled kernels of GPUs on the disk: one for each network and architecture."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sdae.core.errors import FileAccessError
from sdae.core.files import write_atomically
from sdae.core.kernels.cache_folder import writable_folder
from sdae.train.kernels import cuda
from sdae.train.kernels.cuda.program import Program

_CHECKSUM = hashlib.sha256().digest_size
_ENDING = ".cubin"


class Binaries:
    """The binaries of programs for one architecture by one version of a compiler.

    A file is a checksum and a binary. One that is damaged is compiled again.

    Parameters
    ----------
    circumstances : str
        What a binary depends on besides the program: architecture, compiler, options.
    folder : Path or None
        Where they are kept; None: nowhere.
    """

    def __init__(self, circumstances: str, folder: Path | None) -> None:
        self._circumstances = circumstances
        self._folder = folder

    def has(self, program: Program) -> bool:
        """Return whether there is a binary that is not damaged."""
        return self._read(program) is not None

    def get(self, program: Program, compiled: Callable[[], bytes]) -> bytes:
        """Return the binary of a program; make it with `compiled` if it is not there.

        Raises
        ------
        RuntimeError
            If the compiler returns nothing.
        """
        kept = self._read(program)
        if kept is not None:
            return kept
        binary = compiled()
        if not binary:
            raise RuntimeError(f"The compiler returned an empty binary for {self._circumstances}.")
        path = self._path(program)
        if path is not None:
            with suppress(FileAccessError):  # then it is compiled again next time
                write_atomically(path, hashlib.sha256(binary).digest() + binary)
        return binary

    def _read(self, program: Program) -> bytes | None:
        path = self._path(program)
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except OSError:
            return None
        checksum, binary = content[:_CHECKSUM], content[_CHECKSUM:]
        return binary if binary and hashlib.sha256(binary).digest() == checksum else None

    def _path(self, program: Program) -> Path | None:
        name = program.fingerprint(self._circumstances)
        return None if self._folder is None else self._folder / f"{name}{_ENDING}"


def usual_folder() -> Path | None:
    """Return the folder for binaries, found as that of Numba's kernels is; None: there is none."""
    return writable_folder("cubins", Path(cuda.__file__).parent, os.environ.get("NUMBA_CACHE_DIR"))
