"""What is asked of cuda-core to launch a kernel; a stand-in takes its place, as there is no GPU."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from sdae.core.errors import DeviceFaultError
from sdae.train.engines import cuda_nvidia
from sdae.train.engines.cuda_nvidia import NvidiaDevice, cuda_fault
from sdae.train.kernels.cuda.plans import Chip, autoencoder_program

CUDA = torch.device("cuda", 1)


class StandIn:
    """The parts of cuda-core that are used; keeps what they were called with."""

    def __init__(self, error: int = 0) -> None:
        self.said: dict[str, Any] = {"compiled": []}
        properties = SimpleNamespace(
            compute_capability_major=9,
            compute_capability_minor=0,
            multiprocessor_count=7,
            max_shared_memory_per_block_optin=100_000,
        )
        device = SimpleNamespace(properties=properties, set_current=lambda: None)
        self.core = SimpleNamespace(
            __version__="1.2.2",
            Device=lambda index: self._keep("device", index, device),
            Stream=SimpleNamespace(from_handle=lambda handle: ("stream", handle)),
            LaunchConfig=lambda **settings: settings,
            launch=lambda *arguments: self._keep("launch", arguments, None),
            ObjectCode=SimpleNamespace(
                from_cubin=lambda binary: SimpleNamespace(
                    get_kernel=lambda name: SimpleNamespace(handle=(name, binary))
                )
            ),
            ProgramOptions=lambda **settings: settings,
            Program=self._program,
        )
        attribute = SimpleNamespace(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES="most")
        self.bindings = SimpleNamespace(
            driver=SimpleNamespace(
                CUfunction_attribute=attribute,
                CUdevice=lambda index: index,
                cuKernelSetAttribute=lambda *arguments: self._keep("most", arguments, (error,)),
                cuDriverGetVersion=lambda: (0, 13_000),
            ),
            nvrtc=SimpleNamespace(nvrtcVersion=lambda: (0, 13, 5)),
        )

    def _keep(self, name: str, value: object, result: Any) -> Any:
        self.said[name] = value
        return result

    def _program(self, source: str, language: str, options: dict[str, Any]) -> Any:
        def compile_to(target: str, logs: Any) -> Any:
            logs.write("Used 3 registers")
            self.said["compiled"].append((language, options["arch"], target))
            return SimpleNamespace(code=source.encode()[:10])

        return SimpleNamespace(compile=compile_to)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of cuda-core, and let PyTorch have a GPU."""
        cuda = ModuleType("cuda")
        for name in ("core", "bindings"):
            setattr(cuda, name, getattr(self, name))
            monkeypatch.setitem(sys.modules, f"cuda.{name}", getattr(self, name))
        monkeypatch.setitem(sys.modules, "cuda", cuda)
        stream = SimpleNamespace(cuda_stream=4711)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda _: stream)
        monkeypatch.setattr(torch.cuda, "device", self._within)

    @contextmanager
    def _within(self, index: int) -> Iterator[None]:
        self.said["within"] = index
        yield
        self.said["after"] = self.said["device"]


def _launched(monkeypatch: pytest.MonkeyPatch, cache: Path, error: int = 0) -> StandIn:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    stand_in = StandIn(error)
    stand_in.install(monkeypatch)
    device = NvidiaDevice(CUDA)
    assert device.chip == Chip((9, 0), 7, 100_000)
    program = autoencoder_program(device.chip, 12, 30, 0, 0, 0)
    words, status, numbers = torch.zeros(8), torch.zeros(4), torch.zeros(3)
    for _ in range(2):
        device.launch(program, words, status, [numbers, np.float32(0.5)])
    assert device.is_ready(program)
    stream, config, kernel, *arguments = stand_in.said["launch"]
    assert stream == ("stream", 4711)
    assert config == {
        "grid": 6,
        "block": 64,
        "shmem_size": program.shared_bytes,
        "is_cooperative": True,
    }
    assert kernel.handle[0] == "train_autoencoder"
    assert arguments[:2] == [words.data_ptr(), status.data_ptr()]
    assert arguments[3:] == [numbers.data_ptr(), np.float32(0.5)]
    assert isinstance(arguments[2], np.int64)
    assert isinstance(arguments[4], np.float32)
    assert stand_in.said["most"] == ("most", program.shared_bytes, kernel.handle, 1)
    return stand_in


def test_a_launch_is_cooperative_on_pytorchs_stream_and_compiled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _launched(monkeypatch, tmp_path)
    assert first.said["compiled"] == [("c++", "sm_90", "cubin")]
    assert first.said["device"] == first.said["within"] == first.said["after"] == 1
    assert cuda_fault() is None
    second = _launched(monkeypatch, tmp_path)
    assert second.said["compiled"] == []  # it was on the disk


def test_shared_memory_that_is_refused_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (
        r"did not start a part of an epoch: RuntimeError: \d+ bytes of shared memory: 700. The par"
    )
    with pytest.raises(DeviceFaultError, match=said):
        _launched(monkeypatch, tmp_path, error=700)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModuleNotFoundError("No module", name="cuda"), "cuda-core is not installed"),
        (ModuleNotFoundError("No module", name="cuda.core"), "cuda-core is not installed"),
        (ModuleNotFoundError("No module.", name="other"), "cannot be used (No module)"),
        (RuntimeError("libnvrtc.so\nnot found"), "cannot be used (libnvrtc.so not found)"),
    ],
)
def test_without_cuda_core_it_says_what_to_install(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(cuda_nvidia, "import_module", fail)
    fault = str(cuda_fault())
    assert words in fault
    assert fault.endswith('Install it: pip install "sdae[cuda]"')


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        ("0.3.2", "cuda-core 0.3.2 is installed, and it needs 1.2 or newer. Install it"),
        ("1.1.0", "cuda-core 1.1.0 is installed"),
        ("1.2.0", None),
        ("1.10.0rc1", None),
        ("2.0", None),
    ],
)
def test_an_old_cuda_core_is_a_reason(
    installed: str, words: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn()
    stand_in.core.__version__ = installed
    stand_in.install(monkeypatch)
    fault = cuda_fault()
    assert fault is None if words is None else words in str(fault)


@pytest.mark.parametrize(
    ("driver", "words"),
    [((0, 12_080), "driver is for CUDA 12. Update"), ((0, 13_010), None), ((3, 0), None)],
)
def test_a_driver_older_than_the_compiler_is_a_reason(
    driver: tuple[int, int], words: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn()
    stand_in.bindings.driver.cuDriverGetVersion = lambda: driver
    stand_in.install(monkeypatch)
    fault = cuda_fault()
    assert fault is None if words is None else words in str(fault)
