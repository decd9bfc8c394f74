"""NVIDIA's GPUs: NVRTC compiles the kernels, and cuda-core launches them. Only this imports it."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdae.core.errors import DeviceFaultError
from sdae.train.engines.cuda_binaries import Binaries, usual_folder
from sdae.train.engines.cuda_device import Argument
from sdae.train.kernels.cuda.plans import Chip
from sdae.train.kernels.cuda.program import Program

_STANDARD = "c++17"
_PATIENCE = 1 << 33
"""Clock ticks that a wait may take: some seconds, where a step takes some microseconds."""
_REMEDY = 'Install it: pip install "sdae[cuda]"'

OLDEST_CORE = (1, 2)
"""Of cuda-core: before 1.0 other names were used, and the parts that compile are of 1.2."""


def cuda_fault() -> str | None:
    """Return why kernels cannot be compiled and launched by cuda-core here, or None."""
    try:
        found = str(import_module("cuda.core").__version__)
        if tuple(map(int, found.split(".")[:2])) < OLDEST_CORE:
            oldest = ".".join(map(str, OLDEST_CORE))
            return f"cuda-core {found} is installed, and it needs {oldest} or newer. {_REMEDY}"
        compiler, driver = _nvrtc_version(), _driver_major()
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] == "cuda":
            return f"cuda-core is not installed. {_REMEDY}"
        return _cannot_be_used(error)
    except Exception as error:  # its libraries, such as NVRTC, are not found
        return _cannot_be_used(error)
    if driver is not None and driver < int(compiler.split(".")[0]):
        return (
            f"NVRTC {compiler} is installed, and the driver is for CUDA {driver}. Update the "
            "driver of the GPU"
        )
    return None


def chip_of(device: torch.device) -> Chip:
    """Return the properties of a GPU on which plans depend."""
    from cuda import core

    found = core.Device(_index_of(device)).properties
    return Chip(
        capability=(found.compute_capability_major, found.compute_capability_minor),
        n_multiprocessors=found.multiprocessor_count,
        shared_bytes=found.max_shared_memory_per_block_optin,
    )


class NvidiaDevice:
    """A GPU of this machine."""

    def __init__(self, device: torch.device) -> None:
        self.chip = chip_of(device)
        self._device = device
        self._architecture = "sm_{}{}".format(*self.chip.capability)
        self._binaries = Binaries(circumstances(self._architecture), usual_folder())
        self._kernels: dict[Program, Any] = {}

    def is_ready(self, program: Program) -> bool:
        """Return whether a program has been compiled, in this process or in an earlier one."""
        return program in self._kernels or self._binaries.has(program)

    def launch(
        self, program: Program, exchange: Tensor, status: Tensor, arguments: Sequence[Argument]
    ) -> None:
        """Start a kernel on PyTorch's current stream.

        Raises
        ------
        DeviceFaultError
            If it cannot be compiled or started; if not all blocks can be resident, for example.
        """
        try:
            self._launch(program, (exchange, status, np.int64(_PATIENCE), *arguments))
        except Exception as error:  # of NVRTC, of the driver, or of what cuda-core checks
            reason = " ".join(str(error).split())[:300].rstrip(".")
            raise DeviceFaultError(
                f"The GPU did not start a part of an epoch: {type(error).__name__}: {reason}. The "
                "parameters are those from before it. Train with engine='graph'."
            ) from error

    def _launch(self, program: Program, arguments: Sequence[Argument]) -> None:
        index = _index_of(self._device)
        with torch.cuda.device(index):  # the caller's own stays the current one
            self._launch_on(index, program, arguments)

    def _launch_on(self, index: int, program: Program, arguments: Sequence[Argument]) -> None:
        from cuda import core

        core.Device(index).set_current()
        kernel = self._kernel(program, index)
        stream = core.Stream.from_handle(torch.cuda.current_stream(index).cuda_stream)
        config = core.LaunchConfig(
            grid=program.n_blocks,
            block=program.n_threads,
            shmem_size=program.shared_bytes,
            is_cooperative=True,
        )
        memory = [each.data_ptr() if isinstance(each, Tensor) else each for each in arguments]
        core.launch(stream, config, kernel, *memory)

    def _kernel(self, program: Program, index: int) -> Any:
        from cuda import core
        from cuda.bindings import driver

        if program not in self._kernels:
            architecture = self._architecture
            binary = self._binaries.get(program, lambda: compiled(program, architecture)[0])
            kernel = core.ObjectCode.from_cubin(binary).get_kernel(program.kernel)
            most = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            (error,) = driver.cuKernelSetAttribute(
                most, program.shared_bytes, kernel.handle, driver.CUdevice(index)
            )
            if int(error) != 0:
                raise RuntimeError(f"{program.shared_bytes} bytes of shared memory: {error!r}")
            self._kernels[program] = kernel
        return self._kernels[program]


def compiled(program: Program, architecture: str) -> tuple[bytes, str]:
    """Compile a program for an architecture, ``sm_90``; needs no GPU.

    Returns
    -------
    bytes, str
        The binary, and what the assembler says about its registers.
    """
    from cuda import core

    said: list[str] = []
    options = core.ProgramOptions(
        std=_STANDARD,
        arch=architecture,
        define_macro=list(program.macros.items()),
        ptxas_options=["-v"],
    )
    source = core.Program(program.source, "c++", options)
    binary = source.compile("cubin", logs=_Log(said))
    return bytes(binary.code), "".join(said)


def circumstances(architecture: str) -> str:
    """Return what a binary depends on besides the program."""
    return f"{architecture} {_STANDARD} NVRTC {_nvrtc_version()}"


class _Log:
    """A file that keeps what is written to it."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def write(self, text: str) -> None:
        self._said.append(text)


def _index_of(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index


def _nvrtc_version() -> str:
    from cuda.bindings import nvrtc

    _, major, minor = nvrtc.nvrtcVersion()
    return f"{major}.{minor}"


def _driver_major() -> int | None:
    """Return for which CUDA the driver is; None where there is no driver."""
    from cuda.bindings import driver

    try:
        error, version = driver.cuDriverGetVersion()
    except RuntimeError:  # its library is not found: kernels can be compiled, for tests
        return None
    return int(version) // 1000 if int(error) == 0 and version else None


def _cannot_be_used(error: Exception) -> str:
    reason = " ".join(str(error).split())[:200].rstrip(".")
    return f"cuda-core cannot be used ({reason}). {_REMEDY}"
