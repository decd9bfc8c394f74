"""All that is claimed of a GPU, tried and measured on one; write JSON. Under four minutes.

    python benchmarks/gpu.py              # on a machine with a GPU
    python benchmarks/gpu.py --rehearse   # on the CPU, tiny: is the script right?

Each part is reported by itself, with its figures or its error, and the file is written after each.
The exit code says whether all parts passed. Parts that would begin too late are left out, and count
as failed. It needs PyTorch, NumPy, safetensors and filelock; cuda-core and NVRTC for the fused
engine (the extra `cuda`), scikit-learn for the estimator, Numba for the speed of the CPU's engines.
The part `command line` is left out without the package's other dependencies.
"""

import argparse
import json
import platform
import sys
import time
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import gpu_checks
import gpu_speed
import gpu_uses
import numpy as np
import torch
from gpu_bench import Bench, FailedError, LeftOutError

from sdae import __version__

PATH = Path(__file__).parent / "results" / "gpu.json"
SECONDS = 225
PARTS: tuple[tuple[str, Callable[[Bench], dict[str, Any]], float], ...] = (
    # name, function, about how many seconds it takes
    ("masks", gpu_checks.masks, 5),
    ("graphs are captured", gpu_checks.captured, 5),
    ("parity", gpu_checks.parity, 30),
    ("same bytes", gpu_checks.repeated, 20),
    ("resume", gpu_uses.resumed, 10),
    ("estimator", gpu_uses.estimator, 10),
    ("single rows", gpu_speed.single_rows, 15),
    ("several rows", gpu_speed.several_rows, 25),
    ("precisions", gpu_speed.precisions, 10),
    ("tutorial", gpu_speed.tutorial, 30),
    ("default", gpu_speed.default, 40),
    ("command line", gpu_uses.command_line, 20),
)


def main() -> None:
    """Run all parts, or those that are named."""
    names = [name for name, *_ in PARTS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"default: all of {names}")
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--out", type=Path, help=f"default: {PATH} of all parts, else none")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="no part begins that would end later"
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.parts if name not in names]:
        parser.error(f"There is no part {unknown[0]!r}. There are: {', '.join(names)}.")
    if not arguments.rehearse and not torch.cuda.is_available():
        raise SystemExit("There is no GPU here. On the CPU: --rehearse.")
    bench = Bench(arguments.rehearse)
    is_whole = not (arguments.rehearse or arguments.parts)
    path = arguments.out or (PATH if is_whole else None)
    result: dict[str, Any] = {"machine": _machine(bench), "parts": []}
    start = time.perf_counter()
    for name, part, about in PARTS:
        if arguments.parts and name not in arguments.parts:
            continue
        left = arguments.seconds - (time.perf_counter() - start)
        result["parts"].append(_tried(name, part, bench, is_late=about > left))
        result["seconds"] = time.perf_counter() - start
        if path is not None:
            path.write_text(json.dumps(result, indent=2) + "\n")
    failed = [part["name"] for part in result["parts"] if not part["passed"]]
    print(f"{len(result['parts']) - len(failed)} parts passed, failed: {failed or 'none'}")
    sys.exit(bool(failed))


def _tried(
    name: str, part: Callable[[Bench], dict[str, Any]], bench: Bench, *, is_late: bool
) -> dict[str, Any]:
    """Return what a part found, or its error."""
    start = time.perf_counter()
    found: dict[str, Any] = {"name": name, "passed": False, "error": None, "figures": {}}
    if is_late:
        found["error"] = "left out: no time was left"
    else:
        try:
            found["figures"] = part(bench)
            found["passed"] = True
        except LeftOutError as error:
            found |= {"passed": True, "error": f"left out: {error}"}
        except FailedError as error:
            found["error"] = str(error.args[0])
            found["figures"] = error.args[1] if len(error.args) > 1 else {}
        except Exception as error:  # the next parts are tried all the same
            traceback.print_exc()
            found["error"] = f"{type(error).__name__}: {error}"
    found["seconds"] = time.perf_counter() - start
    print(json.dumps(found, indent=1), flush=True)
    return found


def _machine(bench: Bench) -> dict[str, Any]:
    """Return the device and the versions."""
    machine: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "sdae": __version__,
    }
    if not bench.rehearse:
        from sdae.train.engines.cuda_nvidia import cuda_fault

        properties = torch.cuda.get_device_properties(0)
        machine |= {
            "device": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "multiprocessors": properties.multi_processor_count,
            "cuda": torch.version.cuda,
            "cuda-core": _version("cuda-core"),
            "why the fused engine cannot run": cuda_fault(),
        }
    return machine


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
