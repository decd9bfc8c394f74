"""SIGKILL while checkpoints are saved: the newest that is whole is never older than the last told.

``python -m tests.torture.saves [N] [SEED]`` kills N processes that save checkpoints in a loop and
tell through a pipe of each that is saved.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from sdae.core.errors import SdaeError
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints, opened

_KEEP = 3
_N_VALUES = 1 << 16  # of each of four tensors: 1 MiB together
_TOLD = 8  # bytes


def saves(n: int, seed: int = 1) -> dict[str, Any]:
    """Kill `n` processes that save one checkpoint after the other; return counts and failures."""
    return in_new_process(_kill_savers, n, seed)


def in_new_process(function: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Call a function in a process that has no threads yet, so that it may fork."""
    # Later ones of torch wait without spinning: other processes may hold the cores.
    plain = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    spawning = multiprocessing.get_context("spawn")
    with patch.dict(os.environ, plain), ProcessPoolExecutor(1, mp_context=spawning) as executor:
        return executor.submit(function, *arguments).result()


def _kill_savers(n: int, seed: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    rng = random.Random(f"saves/{seed}")
    failures: list[str] = []
    n_hits = n_saved = n_torn = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "checkpoints"
        seconds = _seconds_of_a_save(Path(made) / "measured")
        newest = 0
        for number in range(n):
            # Some saves long, each time another number of them.
            killed, told = _killed(folder, newest + 1, rng.uniform(0, 6 * seconds))
            n_hits += killed
            n_torn += any(folder.glob(".*")) if folder.exists() else 0
            told = max(told, newest)
            newest, problems = _look(folder, told)
            n_saved += newest - told if newest > told else 0
            failures += [f"seed {seed}, kill {number}: {text}" for text in problems]
            if problems:
                break
        failures = failures or _left_behind(folder, newest + 1)
    return {
        "kills that hit": n_hits,
        "kills that left half a file": n_torn,
        "checkpoints saved": newest,
        "saved but not told yet": n_saved,
        "milliseconds of a save": round(1000 * seconds, 1),
        "failures": failures,
    }


def _save(files: StageCheckpoints, number: int) -> None:
    tensors = {f"part.{part}": torch.full((_N_VALUES,), float(number)) for part in range(4)}
    files.save({"number": number}, tensors)


def _seconds_of_a_save(folder: Path) -> float:
    files = StageCheckpoints(folder, "torture", _KEEP)
    with opened(folder):
        start = time.monotonic()
        for number in range(5):
            _save(files, number)
    return (time.monotonic() - start) / 5


def _killed(folder: Path, first: int, delay: float) -> tuple[bool, int]:
    """Let a child save checkpoints and kill it; whether that hit, and the last it told of, or 0."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _save_forever(folder, first, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        told.read(_TOLD)  # it begins
        time.sleep(delay)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        numbers = told.read()
    whole = len(numbers) // _TOLD * _TOLD
    last = int.from_bytes(numbers[whole - _TOLD : whole], "little") if whole else 0
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL, last


def _save_forever(folder: Path, first: int, writing: int) -> None:
    """Save checkpoints from number `first`; never return."""
    try:
        files = StageCheckpoints(folder, "torture", _KEEP)
        os.write(writing, bytes(_TOLD))
        with opened(folder):
            for number in range(first, sys.maxsize):
                _save(files, number)
                os.write(writing, number.to_bytes(_TOLD, "little"))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _look(folder: Path, told: int) -> tuple[int, list[str]]:
    """Load the newest checkpoint after a kill; return its number and what is wrong."""
    files = StageCheckpoints(folder, "torture", _KEEP)
    problems = []
    found = []
    try:
        for place in files.numbers():  # every one that has a manifest must be whole
            description, tensors = files.read(place)
            found.append(description["number"])
            if any(bool((tensor != found[-1]).any()) for tensor in tensors.values()):
                problems.append(f"checkpoint {found[-1]} holds values of another")
        newest = files.newest()
    except SdaeError as error:
        return told, [*problems, str(error)]
    last = 0 if newest is None else newest[0]["number"]
    if last < told:
        problems.append(f"the newest is {last}, but {told} was saved")
    wanted = list(range(max(1, last - _KEEP + 1), last + 1))
    if found[-_KEEP:] != wanted:  # older ones may not have been dropped yet
        problems.append(f"there are {found}")
    return last, problems


def _left_behind(folder: Path, number: int) -> list[str]:
    """Save once more, without being killed; return what there is beside the checkpoints kept."""
    files = StageCheckpoints(folder, "torture", _KEEP)
    with opened(folder):
        _save(files, number)
    kept = {path.stem for path in folder.glob("*.json")}
    others = [path.name for path in folder.iterdir() if path.stem not in kept]
    return [f"left behind: {others}"] if others or len(kept) != _KEEP else []


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n, seed = (int(text) for text in [*sys.argv[1:3], *("200", "1")[len(sys.argv) - 1 :]])
    result = saves(n, seed)
    print(json.dumps(result, indent=1))
    sys.exit(bool(result["failures"]))


if __name__ == "__main__":
    main()
