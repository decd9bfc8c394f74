"""Start processes that train together, let them run cases, and read what each found.

Starting one takes seconds, so a start runs many cases. A case is a function without arguments; it
returns arrays, or raises an error of ours, whose text is then what it found.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from sdae.core.errors import SdaeError
from tests.docs.examples import ROOT

Found = Mapping[str, NDArray[Any]]
Case = Callable[[], Found]
ERROR = "error"
_SECONDS = 120


def run_ranks(module: str, names: Sequence[str], size: int, folder: Path) -> list[dict[str, Found]]:
    """Run cases of a module in as many processes; return what each process found, by case."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, str(rank), str(size), str(folder), *names],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=ROOT,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for rank in range(size)
    ]
    try:
        errors = [each.communicate(timeout=_SECONDS)[1] for each in started]
    finally:
        for each in started:
            each.kill()
            each.wait()
    assert [each.returncode for each in started] == [0] * size, "\n".join(errors)
    return [{name: _read(folder, rank, name) for name in names} for rank in range(size)]


def serve(cases: Mapping[str, Case], arguments: Sequence[str]) -> None:
    """Be one of the processes."""
    rank, size, folder, *names = arguments
    torch.set_num_threads(1)
    store = dist.FileStore(f"{folder}/store", int(size))
    dist.init_process_group("gloo", store=store, rank=int(rank), world_size=int(size))
    try:
        for name in names:
            np.savez(_file(Path(folder), int(rank), name), **found_by(cases[name]))
    finally:
        dist.destroy_process_group()


def found_by(case: Case) -> dict[str, NDArray[Any]]:
    """Return what a case finds in this process, or the text of its error."""
    try:
        return dict(case())
    except (SdaeError, KeyboardInterrupt, LookupError) as error:
        return {ERROR: np.array(f"{type(error).__name__}: {error}")}


def as_array(value: object) -> NDArray[Any]:
    """Return a JSON value as an array that can be saved."""
    return np.array(json.dumps(value))


def _file(folder: Path, rank: int, name: str) -> Path:
    return folder / f"{name.replace('/', '_')}-{rank}.npz"


def _read(folder: Path, rank: int, name: str) -> Found:
    with np.load(_file(folder, rank, name)) as archive:
        return {key: archive[key] for key in archive}
