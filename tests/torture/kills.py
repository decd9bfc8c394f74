"""SIGKILL at random instants of whole runs: resumed, they end with the bytes of an unbroken one.

``python -m tests.torture.kills [N] [SEED] [VARIANT ...]`` kills N runs of each variant, each again
and again until it ends. A process that has imported everything forks the ones that are killed: a
fork takes milliseconds, a new Python with torch seconds.
"""

import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.app.cli.typer_app import app
from sdae.app.runs.run_folder import RunFolder
from tests.torture.saves import in_new_process
from tests.torture.small_runs import (
    DAMAGED,
    OFTEN,
    VARIANTS,
    Unbroken,
    Variant,
    differences,
    instant,
    place_of,
    write_rows,
)

_MOST_KILLS = 12  # of one run; then it may end


def kills(n: int, seed: int = 1, variant: str = "autograd") -> dict[str, Any]:
    """Kill and resume `n` runs until they end; return counts, places of the kills and failures."""
    return in_new_process(_kill_runs, n, seed, variant)


def _kill_runs(n: int, seed: int, name: str) -> dict[str, Any]:
    """Do it in this process, the parent of all that are killed."""
    variant = VARIANTS[name]
    _warm_up(name)
    places: Counter[str] = Counter()
    failures: list[str] = []
    n_identical = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "work"
        write_rows(Path(made) / "rows.npz", variant)
        whole = _unbroken(folder, variant)
        for number in range(n):
            rng = random.Random(f"{name}/{seed}/{number}")
            before = places.total()
            problems: list[str] = []
            while not problems and places.total() == before:  # until it was killed once at least
                shutil.rmtree(folder)
                folder.mkdir()
                problems = _until_it_ends(folder, variant, rng, whole, places)
            problems += differences(folder, whole.outcome)
            problems += ["a damaged checkpoint"] * places.pop(DAMAGED, 0)
            n_identical += not problems
            failures += [f"{name}, seed {seed}, run {number}: {text}" for text in problems]
    return {
        "variant": name,
        "kills that hit": places.total(),
        "runs killed": n,
        "runs identical": n_identical,
        "seconds of an unbroken run": round(whole.seconds, 2),
        "places": dict(sorted(places.items())),
        "failures": failures,
    }


def _warm_up(name: str) -> None:
    """Import and compile what runs need, and start no thread: a fork would not have it."""
    import matplotlib.backends.backend_agg  # noqa: F401
    import torch._dynamo  # which an optimiser imports at its first step

    torch.set_num_threads(1)
    CliRunner().invoke(app, ["info", "nowhere"])
    if name == "fused":
        stack = StackedDenoisingAutoencoder(5, (4, 3), 2, 0.3)
        x, y = np.full((4, 5), 0.5, np.float32), np.arange(4) % 2
        pretrain(stack, x, epochs=1, engine="fused")
        finetune(stack, (x, y), (x, y), epochs=1, engine="fused")


def _unbroken(folder: Path, variant: Variant) -> Unbroken:
    folder.mkdir()
    start = time.monotonic()
    status = _end(_start(folder, variant.command(), variant.pictures), None, math.inf)
    seconds = time.monotonic() - start
    assert status == 0, "the run fails even if it is not killed"
    return Unbroken.of(folder, seconds)


def _until_it_ends(
    folder: Path, variant: Variant, rng: random.Random, whole: Unbroken, places: Counter[str]
) -> list[str]:
    """Train, be killed and resume until the run ends; count the kills, return what went wrong."""
    run = RunFolder(folder / "run")
    n_kills = 0
    while True:
        command = ["resume", "run", *OFTEN] if run.path.exists() else variant.command()
        marker, delay = instant(folder, rng, whole) if n_kills < _MOST_KILLS else (None, math.inf)
        status = _end(_start(folder, command, variant.pictures), marker, delay)
        said = Path(f"{folder}.log").read_text()[-500:]
        if status != -signal.SIGKILL:
            nothing_left = run.finished and "so it cannot be resumed" in said
            right = nothing_left if status == 2 else status == 0 and "Warning" not in said
            return [] if right else [f"{command[0]} ended with {status}: {said}"]
        n_kills += 1
        places[place_of(run)] += 1


def _start(folder: Path, command: list[str], pictures: bool) -> int:
    """Fork a process that runs a command of ``sdae`` in `folder`; return its number."""
    pid = os.fork()
    if pid:
        return pid
    status: Any = 99
    try:
        signal.alarm(600)  # it would hang
        os.chdir(folder)
        log = os.open(f"{folder}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if not pictures:
            sys.modules["matplotlib.figure"] = None  # type: ignore[assignment]
        app(command)
    except SystemExit as ending:
        status = ending.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _end(pid: int, marker: str | None, delay: float) -> int:
    """Kill a process `delay` seconds after its start, or after a file is there; its status."""
    path = None if marker is None else Path(f"/proc/{pid}/cwd") / marker
    start = time.monotonic()
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if path is not None and path.exists():
            path, start = None, time.monotonic()
        if path is None and time.monotonic() - start >= delay:
            os.kill(pid, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        time.sleep(0.0003)


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n, seed = (int(text) for text in [*sys.argv[1:3], *("50", "1")[len(sys.argv) - 1 :]])
    results = [kills(n, seed, variant) for variant in sys.argv[3:] or VARIANTS]
    print(json.dumps(results, indent=1))
    sys.exit(any(result["failures"] for result in results))


if __name__ == "__main__":
    main()
