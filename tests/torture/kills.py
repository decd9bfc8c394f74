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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import make_blobs
from typer.testing import CliRunner

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.app.cli.typer_app import app
from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import FileFormatError
from sdae.core.files import sha256
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints, stages_of
from tests.torture.saves import in_new_process

_MOST_KILLS = 12  # of one run; then it may end
_DAMAGED = "with a damaged checkpoint"
_TIMELESS = {"seconds": 0, "samples_per_second": 0}
_OFTEN = ("--checkpoint-every=1steps", "--device=cpu")
_ADAM = {"optimizer": "adam", "engine": "autograd", "schedule": "linear", "shuffle": "true"}
_SETTINGS = {
    "pretraining.epochs": 2,
    "finetuning.epochs": 40,
    "finetuning.dropout": 0.2,
    "finetuning.input_dropout": 0.0,
    "finetuning.early_stopping": "true",
    "finetuning.patience_epochs": 4,
    "finetuning.patience_increase": 1.25,
}


class Variant(NamedTuple):
    """A small run of three layers and two slices an epoch."""

    n_rows: int  # of which 70 % are learned from
    n_visible: int
    hidden: str
    settings: Mapping[str, object]  # of both stages
    options: tuple[str, ...] = ()
    pictures: bool = False

    def command(self) -> list[str]:
        """Return the command line that trains it."""
        settings = {"model.hidden_layer_sizes": self.hidden, **_SETTINGS}
        for stage in ("pretraining", "finetuning"):
            settings |= {f"{stage}.{key}": value for key, value in self.settings.items()}
        overrides = [f"--set={name}={value}" for name, value in settings.items()]
        return ["train", "../rows.npz", "--out=run", *_OFTEN, *self.options, *overrides]


_SMALL = {**_ADAM, "batch_size": 20, "learning_rate": 0.004}
_LARGE = {**_ADAM, "batch_size": 200, "learning_rate": 0.003}  # enough for torch to use both
_SIGMOID = "--set=model.activation=sigmoid"  # whose bytes depend on how many threads there are
_FUSED = {"engine": "fused", "optimizer": "sgd", "batch_size": 1, "learning_rate": 0.0005}
VARIANTS = {
    "autograd": Variant(860, 20, "[12,9,7]", _SMALL),
    "pictures": Variant(860, 20, "[12,9,7]", _SMALL, pictures=True),
    "fused": Variant(3600, 20, "[12,9,7]", {**_FUSED, "shuffle": "true"}),
    "threads": Variant(1140, 160, "[220,200,180]", _LARGE, (_SIGMOID, "--threads=2")),
}


class _Unbroken(NamedTuple):
    outcome: Mapping[str, Any]
    seconds: float
    checkpoints: list[str]  # manifests


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
            problems += _differences(folder, whole.outcome)
            problems += ["a damaged checkpoint"] * places.pop(_DAMAGED, 0)
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


def write_rows(path: Path, variant: Variant) -> None:
    """Write rows around four overlapping centres."""
    shape, spread = (variant.n_rows, variant.n_visible), 0.4 * variant.n_visible**0.5
    x, y = make_blobs(*shape, centers=4, cluster_std=spread, center_box=(-1.5, 1.5), random_state=0)
    np.savez(path, allow_pickle=False, x=x.astype(np.float32), y=y)


def _unbroken(folder: Path, variant: Variant) -> _Unbroken:
    folder.mkdir()
    start = time.monotonic()
    status = _end(_start(folder, variant.command(), variant.pictures), None, math.inf)
    seconds = time.monotonic() - start
    assert status == 0, "the run fails even if it is not killed"
    outcome = _outcome(folder)
    n_epochs = Counter(record["stage"] for record in outcome["history"])
    checkpoints = [
        f"run/checkpoints/{stage}-{number:06d}.json"
        for stage in n_epochs
        for number in range(1, 2 * n_epochs[stage] + 2)  # one a slice, and one for the whole stage
    ]
    return _Unbroken(outcome, seconds, checkpoints)


def _until_it_ends(
    folder: Path, variant: Variant, rng: random.Random, whole: _Unbroken, places: Counter[str]
) -> list[str]:
    """Train, be killed and resume until the run ends; count the kills, return what went wrong."""
    run = RunFolder(folder / "run")
    n_kills = 0
    while True:
        command = ["resume", "run", *_OFTEN] if run.path.exists() else variant.command()
        marker, delay = _instant(folder, rng, whole) if n_kills < _MOST_KILLS else (None, math.inf)
        status = _end(_start(folder, command, variant.pictures), marker, delay)
        said = Path(f"{folder}.log").read_text()[-500:]
        if status != -signal.SIGKILL:
            nothing_left = run.finished and "so it cannot be resumed" in said
            right = nothing_left if status == 2 else status == 0 and "Warning" not in said
            return [] if right else [f"{command[0]} ended with {status}: {said}"]
        n_kills += 1
        places[_place(run)] += 1


def _instant(folder: Path, rng: random.Random, whole: _Unbroken) -> tuple[str | None, float]:
    """Draw when to kill: some seconds after the start, or after a file is there."""
    kind = rng.random()
    if kind < 0.3:
        return None, rng.uniform(0, whole.seconds)
    if kind < 0.4:
        marker = rng.choice((".run.partial", "run/recipe.toml", "run/checkpoints"))
        return None if (folder / marker).exists() else marker, rng.uniform(0, whole.seconds / 100)
    ending = ("run/model.safetensors", "run/pretrained.safetensors", "run/manifest.json")
    markers = [*whole.checkpoints, *ending, *ending]
    there = [place for place, marker in enumerate(markers) if (folder / marker).exists()]
    chosen = rng.choice(markers[max(there, default=-1) + 1 :] or [None])
    return chosen, rng.uniform(0, whole.seconds / len(markers))


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


def _place(run: RunFolder) -> str:
    """Tell how far a killed run had come."""
    if not run.path.exists():
        return "0 before the folder"
    if (run.path / "manifest.json").exists():
        return "6 after the manifest"
    if not (stages := stages_of(run.checkpoints)):
        return "1 before a checkpoint"
    files = StageCheckpoints(run.checkpoints, stages[0], 1)  # by name, fine-tuning comes first
    try:
        description, _ = files.read(files.numbers()[-1])
    except FileFormatError:
        return _DAMAGED
    if description["complete"]:
        return "3 between the stages" if len(stages) == 1 else "5 while files are written"
    layer = description["place"]["layer"]
    return "4 fine-tuning" if layer is None else f"2 pre-training, layer {layer}"


def _outcome(folder: Path) -> dict[str, Any]:
    """Return what must be the same of two runs: names, bytes, and the history but for the clock."""
    paths = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
    timed = ("history.jsonl", "manifest.json")
    same = {name: p for name, p in paths.items() if p.is_file() and p.name not in timed}
    files = {name: sha256(path.read_bytes()) for name, path in same.items()}
    lines = (folder / "run/history.jsonl").read_text().splitlines()
    history = [json.loads(line) | _TIMELESS for line in lines]
    return {"names": list(paths), "files": files, "history": history}


def _differences(folder: Path, whole: Mapping[str, Any]) -> list[str]:
    """Return how a run differs from the unbroken one, and its manifest from its files."""
    run = RunFolder(folder / "run")
    if not run.finished:
        return ["it is not finished"]
    found = _outcome(folder)
    problems = [f"another {part}" for part in ("history", "files") if found[part] != whole[part]]
    if names := set(found["names"]) ^ set(whole["names"]):
        problems.append(f"left behind or missing: {sorted(names)}")
    named = {f"run/{name}": entry["sha256"] for name, entry in run.manifest().items()}
    history = sha256((run.path / "history.jsonl").read_bytes())
    if named != {**found["files"], "run/history.jsonl": history}:
        problems.append("its manifest does not match its files")
    return problems


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n, seed = (int(text) for text in [*sys.argv[1:3], *("50", "1")[len(sys.argv) - 1 :]])
    results = [kills(n, seed, variant) for variant in sys.argv[3:] or VARIANTS]
    print(json.dumps(results, indent=1))
    sys.exit(any(result["failures"] for result in results))


if __name__ == "__main__":
    main()
