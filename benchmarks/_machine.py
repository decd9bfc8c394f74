"""What a benchmark ran on: it stands beside every figure."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch
from threadpoolctl import threadpool_info


def describe() -> dict[str, str | int]:
    """Return the processor, the threads, the versions, and each BLAS loaded with its kernels."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sdae": version("sdae"),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "numba": version("numba"),
        "scikit-learn": version("scikit-learn"),
        "blas": ", ".join(_blas()),
    }


def _blas() -> list[str]:
    found = {
        f"{info['internal_api']} {info['version']} ({info['architecture']})"
        for info in threadpool_info()
        if info["user_api"] == "blas"
    }
    return sorted(found)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
