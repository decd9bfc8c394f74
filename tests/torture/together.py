"""Commands begun together on the same runs: each ends with its own whole run, or is refused.

``python -m tests.torture.together [N] [SEED]`` begins four commands at once, N rounds of each kind.
As for the kills, a process that has imported everything forks them: so they begin within a
millisecond. A model must have the bytes that its seed gives to a training alone.
"""

import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.datasets import load_iris
from typer.testing import CliRunner

from sdae.app.cli.typer_app import app
from sdae.app.runs.run_folder import MODEL, RunFolder
from sdae.app.runs.verification import verify
from tests.app.cli.commands import without_warnings
from tests.torture.saves import in_new_process

N_PROCESSES = 4
_SECONDS = 120
_TRIES = 20
_N_RECORDS = 7  # two layers for two epochs, and three epochs of fine-tuning
_SETTINGS = (
    "--set=model.hidden_layer_sizes=[6,5]",
    "--set=pretraining.epochs=2",
    "--set=finetuning.epochs=3",
    "--checkpoint-every=1epoch",
    "--device=cpu",
    "--threads=1",
)
_TRAIN = ("train", "iris.csv", "--target=species", *_SETTINGS)


_WRITTEN = re.compile(r"^Run written to (.+)$", re.MULTILINE)
_REFUSED = re.compile(r"Error: [^\n]*\.\n")
_OUTCOMES = {0: "succeeded", 2: "were refused or failed"}
_OLD = 9  # the seed of a run that is there before


class Ended(NamedTuple):
    """How a command ended."""

    seed: int
    status: int
    said: str


class Kind(NamedTuple):
    """What is done together, how many may succeed, and how many runs there are then."""

    command: Callable[[int], tuple[str, ...]]
    prepare: Callable[[Path], None]
    succeed: range
    n_runs: int


def _nothing(folder: Path) -> None:
    del folder


def _whole_run(folder: Path) -> None:
    shutil.copytree(folder.with_name("alone") / f"run-{_OLD}", folder / "run")


def _cut_run(folder: Path) -> None:
    command = (*_TRAIN, "--out=run", f"--seed={_OLD}")
    marker = folder / "run/checkpoints/pretraining-000001.json"
    for _ in range(_TRIES):
        pid = _fork(folder, command)
        while not marker.exists() and os.waitpid(pid, os.WNOHANG) == (0, 0):
            time.sleep(0.0003)
        with suppress(ProcessLookupError, ChildProcessError):  # it has ended already
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        if marker.exists() and not RunFolder(folder / "run").finished:
            return
        shutil.rmtree(folder / "run", ignore_errors=True)
    raise AssertionError("every training ended before it was killed")


_DIVERGE = ("pretraining.learning_rate=1e30", "pretraining.optimizer=sgd", "model.activation=relu")
_ONE, _SOME, _ALL = range(1, 2), range(1, N_PROCESSES + 1), range(N_PROCESSES, N_PROCESSES + 1)
KINDS = {
    "train, each with a name of its own": Kind(
        lambda seed: (*_TRAIN, f"--seed={seed}"), _nothing, _ALL, N_PROCESSES
    ),
    "train, all with one name": Kind(
        lambda seed: (*_TRAIN, "--out=new/deep/run", f"--seed={seed}"), _nothing, _ONE, 1
    ),
    # Those that begin when another has ended replace its run.
    "train --force": Kind(
        lambda seed: (*_TRAIN, "--out=run", f"--seed={seed}", "--force"), _whole_run, _SOME, 1
    ),
    "resume": Kind(lambda _: ("resume", "run", "--device=cpu"), _cut_run, _ONE, 1),
    "finetune": Kind(
        lambda seed: ("finetune", "run", "iris.csv", f"--set=seed={seed}", "--device=cpu"),
        _whole_run,
        _SOME,
        1,
    ),
    "train that fails": Kind(
        lambda _: (*_TRAIN, *(f"--set={setting}" for setting in _DIVERGE)), _nothing, range(1), 0
    ),
}


def together(n: int, seed: int = 1) -> dict[str, Any]:
    """Begin commands together, `n` rounds of each kind; return counts and what went wrong."""
    return in_new_process(_rounds, n, seed)


def _rounds(n: int, seed: int) -> dict[str, Any]:
    """Do it in this process, the parent of all that are begun."""
    import matplotlib.backends.backend_agg  # noqa: F401
    import torch._dynamo  # which an optimiser imports at its first step

    torch.set_num_threads(1)
    CliRunner().invoke(app, ["info", "nowhere"])
    failures: list[str] = []
    ends = Counter(dict.fromkeys(_OUTCOMES.values(), 0))
    n_promised = 0
    with tempfile.TemporaryDirectory() as made:
        alone = _models_alone(Path(made) / "alone")
        folder = Path(made) / "work"
        for number in range(n):
            for name, kind in KINDS.items():
                _write_iris(folder)
                kind.prepare(folder)
                ended = _begin_together(folder, kind, random.Random(f"{name}/{seed}/{number}"))
                problems = _judge(folder, kind, ended, alone)
                shutil.rmtree(folder)
                ends.update(_OUTCOMES.get(end.status, "other") for end in ended)
                failures += [f"{name}, seed {seed}, round {number}: {text}" for text in problems]
                n_promised += not problems
    return {
        "rounds": n * len(KINDS),
        "as promised": n_promised,
        "outcomes": dict(ends),
        "failures": failures,
    }


def _write_iris(folder: Path) -> None:
    folder.mkdir()
    iris = load_iris()
    lines = ["a,b,c,d,species"]
    for row, label in zip(iris.data, iris.target_names[iris.target], strict=True):
        lines.append(",".join([*map(str, row), label]))
    (folder / "iris.csv").write_text("\n".join(lines) + "\n")


def _models_alone(folder: Path) -> dict[int, bytes]:
    """Return the bytes of the model that each seed gives to a training alone."""
    _write_iris(folder)
    models = {}
    for seed in (*range(N_PROCESSES), _OLD):
        command = (*_TRAIN, f"--out=run-{seed}", f"--seed={seed}")
        _, status = os.waitpid(_fork(folder, command), 0)
        assert status == 0, "a training alone fails"
        models[seed] = (folder / f"run-{seed}/model.safetensors").read_bytes()
    return models


def _begin_together(folder: Path, kind: Kind, rng: random.Random) -> list[Ended]:
    """Begin four commands at once, some of them a little later; return how they ended."""
    reading, writing = os.pipe()
    spread = rng.choice((0.0, 0.0, 0.01, 0.3))  # seconds
    started = []
    for seed in range(N_PROCESSES):
        delay = rng.uniform(0, spread)
        started.append(_fork(folder, kind.command(seed), (reading, writing), delay))
    os.close(reading)
    time.sleep(0.01)
    os.close(writing)  # the barrier opens
    ended = []
    for seed, pid in enumerate(started):
        _, status = os.waitpid(pid, 0)
        log = folder.with_name(f"{pid}.log")
        ended.append(Ended(seed, os.waitstatus_to_exitcode(status), log.read_text()))
        log.unlink()
    return ended


def _fork(
    folder: Path,
    command: tuple[str, ...],
    barrier: tuple[int, int] | None = None,
    delay: float = 0.0,
) -> int:
    """Fork a process that runs a command of ``sdae`` in `folder`; return its number."""
    pid = os.fork()
    if pid:
        return pid
    status: Any = 99
    try:
        signal.alarm(_SECONDS)  # it would hang
        os.chdir(folder)
        log = os.open(folder.with_name(f"{os.getpid()}.log"), os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if barrier is not None:
            os.close(barrier[1])
            os.read(barrier[0], 1)
            time.sleep(delay)
        sys.modules["matplotlib.figure"] = None  # type: ignore[assignment] # no pictures
        app(list(command))
    except SystemExit as ending:
        status = ending.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _judge(folder: Path, kind: Kind, ended: list[Ended], alone: Mapping[int, bytes]) -> list[str]:
    """Return what is not as promised after a round."""
    problems = []
    done = [end for end in ended if end.status == 0]
    for end in ended:
        said = without_warnings(end.said)
        if end.status not in (0, 2) or (end.status == 2 and not _REFUSED.fullmatch(said)):
            problems.append(f"a process ended with {end.status}: {said[-500:]}")
    if len(done) not in kind.succeed:
        problems.append(f"{len(done)} processes succeeded")
    for end in done:
        written = _WRITTEN.search(end.said)
        if written is None or not (folder / written[1]).is_dir():
            problems.append(f"a process ended with 0 and left no run: {end.said[-500:]}")
    runs = [RunFolder(path.parent) for path in sorted(folder.rglob("recipe.toml"))]
    if len(runs) != kind.n_runs:
        problems.append(f"there are {len(runs)} runs")
    seeds = [_OLD] * len(done) if kind.prepare is _cut_run else [end.seed for end in done]
    for run in runs:
        problems += _wrong(run, seeds, alone)
    if kind.succeed is _ALL and sorted(run.recipe().seed for run in runs) != seeds:
        problems.append("a run is missing, or there twice")
    left = [str(path.relative_to(folder)) for path in folder.rglob(".*")]
    return [*problems, f"left behind: {left}"] if left else problems


def _wrong(run: RunFolder, seeds: Sequence[int], alone: Mapping[int, bytes]) -> list[str]:
    """Return what is wrong with a run that one of the processes with such seeds has made."""
    if not run.finished:
        return [f"{run.path.name} is not finished"]
    problems = [f"{v.name}: {v.problem}" for v in verify(run.path) if v.problem is not None]
    seed = run.recipe().seed
    tuned_again = len(run.records()) > _N_RECORDS
    if seed not in seeds:
        problems.append(f"{run.path.name} has the recipe of seed {seed}, whose process failed")
    if not tuned_again and (run.path / MODEL).read_bytes() != alone[seed]:
        problems.append(f"{run.path.name} has the recipe of seed {seed} and the model of another")
    return problems


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n, seed = (int(text) for text in [*sys.argv[1:3], *("10", "1")[len(sys.argv) - 1 :]])
    result = together(n, seed)
    print(json.dumps(result, indent=1))
    sys.exit(bool(result["failures"]))


if __name__ == "__main__":
    main()
