"""A device that runs the sources of the CUDA kernels on the CPU, compiled by g++.

``emulation.h`` and ``emulation.cpp`` say how. A library is compiled once for each program.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from sdae.train.engines.cuda_device import Argument
from sdae.train.kernels.cuda.plans import Chip
from sdae.train.kernels.cuda.program import Program

_HERE = Path(__file__).parent
_FLAGS = ("-std=c++17", "-fPIC", "-w")
_LONG = 1 << 50
CHIP = Chip(capability=(9, 0), n_multiprocessors=5, shared_bytes=200_000)


def missing() -> str | None:
    """Return why the emulation cannot be compiled here, or None."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return "the emulation of CUDA kernels needs an x86-64 processor"
    if shutil.which("g++") is None:
        return "the emulation of CUDA kernels needs g++, which is not installed"
    return None


needs_compiler = pytest.mark.skipif(
    missing() is not None and os.environ.get("SDAE_COMPILER") != "required",
    reason=missing() or "",
)


class EmulatedDevice:
    """A GPU whose blocks and warps take turns in an order that follows from `seed`.

    Parameters
    ----------
    chip : Chip
    seed : int
        Another one for each launch follows from it.
    patience : int
        Ticks that a wait may take; the clock ticks when somebody looks at it.
    n_missing : int
        Blocks that are not launched.
    """

    def __init__(
        self, chip: Chip = CHIP, seed: int = 0, patience: int = _LONG, n_missing: int = 0
    ) -> None:
        self.chip = chip
        self.programs: set[Program] = set()
        self._random = np.random.default_rng(seed)
        self._patience = patience
        self._n_missing = n_missing

    def is_ready(self, program: Program) -> bool:
        """Return whether a program was launched."""
        return program in self.programs

    def launch(
        self, program: Program, exchange: Tensor, status: Tensor, arguments: Sequence[Argument]
    ) -> None:
        """Run a kernel until it ends.

        Raises
        ------
        AssertionError
            If the kernel does what a GPU would not allow.
        """
        self.run(library_of(program), program, exchange, status, arguments)

    def run(
        self,
        library: ctypes.CDLL,
        program: Program,
        exchange: Tensor,
        status: Tensor,
        arguments: Sequence[Argument],
    ) -> None:
        """Run the kernel of a library, which may have more arguments."""
        self.programs.add(program)
        library.emulate.restype = ctypes.c_char_p
        cells = [_cell(one) for one in (exchange, status, np.int64(self._patience), *arguments)]
        said = library.emulate(
            ctypes.c_int(program.n_blocks - self._n_missing),
            ctypes.c_int(program.n_threads),
            ctypes.c_size_t(program.shared_bytes),
            ctypes.c_uint32(int(self._random.integers(1 << 32))),
            (ctypes.c_void_p * len(cells))(*map(ctypes.addressof, cells)),
            *_region(exchange),
            *_region(status),
        )
        assert said == b"", said.decode()


def _cell(argument: Argument) -> Any:
    """Return the memory of an argument of a launch."""
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    kind: Any = argument.dtype
    return np.ctypeslib.as_ctypes_type(kind)(argument.item())


def _region(words: Tensor) -> tuple[ctypes.c_void_p, ctypes.c_size_t]:
    return ctypes.c_void_p(words.data_ptr()), ctypes.c_size_t(words.numel() * words.element_size())


@functools.cache
def library_of(program: Program) -> ctypes.CDLL:
    """Return a program's kernel and the emulation, compiled and loaded."""
    unit = f"{program.source}\nEMULATED({program.kernel})\n"
    return compiled(unit, program.macros)


def compiled(source: str, macros: Mapping[str, str]) -> ctypes.CDLL:
    """Return a source of a kernel, which ends with ``EMULATED``, and the emulation as a library."""
    unit = f'#define SDAE_EMULATION\n#include "{_HERE}/emulation.h"\n{source}\n'
    definitions = [f"-D{name}={value}" for name, value in macros.items()]
    name = hashlib.sha256("\n".join([unit, *definitions]).encode()).hexdigest()
    library = compiled_folder() / f"{name}.so"
    compiler = subprocess.run(
        [
            *("g++", *_FLAGS, "-O1", "-shared", *definitions),
            *("-x", "c++", "-", "-x", "none", _emulation(), "-o", library),
        ],
        input=unit,
        text=True,
        capture_output=True,
    )
    assert compiler.returncode == 0, compiler.stderr
    return ctypes.CDLL(str(library))


@functools.cache
def _emulation() -> Path:
    unit = compiled_folder() / "emulation.o"
    subprocess.run(["g++", *_FLAGS, "-O2", "-c", _HERE / "emulation.cpp", "-o", unit], check=True)
    return unit


@functools.cache
def compiled_folder() -> Path:
    """Return a folder for what is compiled; ``conftest.py`` removes it at the end."""
    return Path(tempfile.mkdtemp(prefix="sdae-emulation-"))
