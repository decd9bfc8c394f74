"""Let processes that train together run cases, and read what each found.

To import PyTorch and its optimisers takes seconds, so one process does that and is forked. A case
is a function without arguments; it returns arrays, or raises an error of ours, whose text is then
what it found.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import traceback
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
Ranks = list[dict[str, Found]]
"""What each process found, by case."""

ERROR = "error"
_SECONDS = 200


def run_ranks(module: str, names_of: Mapping[int, Sequence[str]], folder: Path) -> dict[int, Ranks]:
    """Run cases of a module in as many processes as each key says."""
    plan: list[Any] = [
        [size, str(folder / str(size)), list(names)] for size, names in names_of.items()
    ]
    started = subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(plan), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        _, errors = started.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        _, errors = started.communicate()
        raise AssertionError(f"The processes did not end: {errors}") from None
    assert started.returncode == 0, errors
    return {
        size: [{name: _read(Path(place), rank, name) for name in names} for rank in range(size)]
        for size, place, names in plan
    }


def serve(cases: Mapping[str, Case], plan: str) -> None:
    """Be the process that is forked, and then those that train."""
    torch.set_num_threads(1)
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)  # imports more of PyTorch
    for size, folder, names in json.loads(plan):
        Path(folder).mkdir()
        children = []
        for rank in range(size):
            child = os.fork()
            if child == 0:
                os._exit(_train(cases, names, rank, size, Path(folder)))
            children.append(child)
        if any(os.waitpid(child, 0)[1] for child in children):
            sys.exit(1)


def found_by(case: Case) -> dict[str, NDArray[Any]]:
    """Return what a case finds in this process, or the text of its error."""
    try:
        return dict(case())
    except (SdaeError, KeyboardInterrupt, LookupError) as error:
        return {ERROR: np.array(f"{type(error).__name__}: {error}")}


def as_array(value: object) -> NDArray[Any]:
    """Return a JSON value as an array that can be saved."""
    return np.array(json.dumps(value))


def _train(
    cases: Mapping[str, Case], names: Sequence[str], rank: int, size: int, folder: Path
) -> int:
    logging.getLogger("sdae").setLevel(logging.ERROR)  # such small trainings give the doctor cause
    store = dist.FileStore(str(folder / "store"), size)  # type: ignore[attr-defined]
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    try:
        for name in names:
            found: Any = found_by(cases[name])
            np.savez(_file(folder, rank, name), **found)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        dist.destroy_process_group()
    return 0


def _file(folder: Path, rank: int, name: str) -> Path:
    return folder / f"{name.replace('/', '_')}-{rank}.npz"


def _read(folder: Path, rank: int, name: str) -> Found:
    with np.load(_file(folder, rank, name)) as archive:
        return {key: archive[key] for key in archive}
