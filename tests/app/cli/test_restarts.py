"""What torchrun starts anew continues the run, or ends at once if nothing is left to do.

Where no processes of torchrun are needed, its variables and its store are.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

from sdae.app.cli.launched import Launched
from sdae.app.cli.restarts import continues, has_ended, note
from sdae.app.recipes import load_recipe
from sdae.app.runs.lifecycle import finish, new_run
from tests.app.cli.commands import done, environment, refused
from tests.app.cli.samples import contents, write_flowers
from tests.app.cli.test_processes import TRAIN, ended, torchrun
from tests.tracing import traced

ENDED = "run was finished before the restart: nothing is left to do.\n"
RECIPE = load_recipe("table", ["data.source=rows.csv"])
Attempt = Callable[[int], None]


def new_store() -> Any:
    """Return a store of torchrun; it ends with the last reference to it."""
    return dist.TCPStore(  # type: ignore[attr-defined] # PyTorch's types lack it
        "localhost", 0, is_master=True, timeout=timedelta(seconds=60), wait_for_workers=False
    )


def variables(store: Any, attempt: int, rank: int = 0, size: int = 1) -> dict[str, str]:
    """Return what torchrun sets in an attempt."""
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_RESTART_COUNT": str(attempt),
        "TORCHELASTIC_MAX_RESTARTS": "3",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """Let this process be that of an attempt, in a folder with a table."""
    write_flowers(tmp_path / "flowers.csv")
    monkeypatch.chdir(tmp_path)
    store = new_store()

    def begin(number: int) -> None:
        for name, value in variables(store, number).items():
            monkeypatch.setenv(name, value)

    return begin


def test_a_restart_after_the_end_ends_at_once_and_changes_nothing(
    attempt: Attempt, tmp_path: Path
) -> None:
    attempt(0)
    done(*TRAIN, "--out=run")
    before = contents(tmp_path)
    attempt(1)
    assert done(*TRAIN, "--out=run") == ENDED
    assert done(*TRAIN, "--out=run", "--force") == ENDED
    assert done("resume", "run") == ENDED
    assert contents(tmp_path) == before


def test_what_a_killed_process_left_of_a_finished_run_is_removed(
    attempt: Attempt, tmp_path: Path
) -> None:
    attempt(0)
    done(*TRAIN, "--out=run")
    before = contents(tmp_path)
    Path("run/checkpoints").mkdir()
    Path("run/checkpoints/begun.json").write_text("{}")
    attempt(2)
    assert done(*TRAIN, "--out=run") == ENDED
    assert contents(tmp_path) == before


def test_a_report_that_is_missing_at_the_end_is_written(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def write(run: Any) -> Path:
        written.append(run.path)
        return Path()

    monkeypatch.setattr("sdae.app.cli.commands.train.report_of", write)
    monkeypatch.setattr("sdae.app.cli.commands.train.check_extra", lambda: None)
    attempt(0)
    done(*TRAIN, "--out=run")
    attempt(1)
    assert done(*TRAIN, "--out=run", "--report") == ENDED
    assert written == [Path("run")]
    Path("run/report.html").touch()
    assert done(*TRAIN, "--out=run", "--report") == ENDED
    assert written == [Path("run")]


def test_a_finished_run_that_was_there_before_is_in_the_way(
    attempt: Attempt, tmp_path: Path
) -> None:
    done(*TRAIN, "--out=run")
    for number in (0, 1):  # torchrun starts anew what ends in an error
        attempt(number)
        assert "run already exists" in refused(tmp_path, *TRAIN, "--out=run")
        assert "run is finished, so it cannot be resumed" in refused(tmp_path, "resume", "run")


def test_only_the_folder_that_was_noted_has_ended(attempt: Attempt, tmp_path: Path) -> None:
    attempt(0)
    first, restarted = Launched.by(os.environ), Launched.by({**os.environ, **_restart(1)})
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        with new_run(path, RECIPE) as run:
            run.path.joinpath("model.safetensors").touch()
            finish(run)
    assert not has_ended(restarted, new)
    with new_run(tmp_path / "begun", RECIPE) as run:
        assert not continues(first, run.path, RECIPE)
        note(first, run)
        assert continues(first, run.path, RECIPE)
        assert not continues(first, old, RECIPE)
        assert not has_ended(restarted, run.path)
        finish(run)
        assert has_ended(restarted, run.path)
        assert has_ended(first, run.path)  # another machine counts its own restarts
    assert not has_ended(restarted, old)
    assert not has_ended(restarted, tmp_path / "nowhere")
    assert not has_ended(Launched(n_restarts=1), run.path)
    assert not has_ended(Launched(n_restarts=1, most_restarts=1), run.path)


def _restart(number: int) -> dict[str, str]:
    return {"TORCHELASTIC_RESTART_COUNT": str(number)}


def test_where_torchrun_has_ended_nothing_is_known(
    attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt(1)
    restarted = Launched.by(os.environ)
    monkeypatch.setenv("MASTER_PORT", "1")  # nobody answers there
    monkeypatch.setattr("sdae.app.cli.restarts._WAIT", timedelta(seconds=0.1))
    with new_run(tmp_path / "run", RECIPE) as run:
        note(restarted, run)
        finish(run)
    assert not has_ended(restarted, run.path)


def test_after_a_restart_only_the_unfinished_run_of_the_same_recipe_continues(
    tmp_path: Path,
) -> None:
    other = load_recipe("table", ["data.source=rows.csv", "seed=5"])
    out, restarted = tmp_path / "run", Launched(n_restarts=1)
    assert not continues(restarted, out, RECIPE)
    with new_run(out, RECIPE):
        assert continues(restarted, out, RECIPE)
        assert not continues(restarted, out, other)
        assert not continues(restarted, None, RECIPE)
        assert not continues(Launched(), out, RECIPE)
        (out / "manifest.json").write_text("{}")
        assert not continues(restarted, out, RECIPE)


def test_all_processes_of_a_restart_end_and_one_says_why(tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    store = new_store()

    def start(*given: int) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "sdae", *TRAIN, "--out=run"],
            cwd=tmp_path,
            env=traced(environment(**variables(store, *given))),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    assert ended(start(0))[0] == 0
    before = contents(tmp_path)
    processes = [start(1, rank, 2) for rank in range(2)]
    assert [ended(each) for each in processes] == [(0, ENDED, ""), (0, "", "")]
    assert contents(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_process_that_dies_after_the_end_makes_no_failure(rank: str, tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    program = tmp_path / "dies.py"
    program.write_text(
        "import os, pathlib, signal, time\n"
        "from sdae.app.cli import following, main, train_and_write\n"
        "trains = following.run_recipe\n"
        "def dies(*_, **__):\n"
        "    while not pathlib.Path('run/manifest.json').exists():\n"
        "        time.sleep(0.01)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "def trains_and_dies(*given, **options):\n"
        "    trains(*given, **options)\n"
        "    dies()\n"
        f"if os.environ['RANK'] == {rank!r} and os.environ['TORCHELASTIC_RESTART_COUNT'] == '0':\n"
        "    train_and_write.print_summary = dies\n"
        "    following.run_recipe = trains_and_dies\n"
        "main()\n"
    )
    process = torchrun(*TRAIN, "--out=run", folder=tmp_path, restarts=2, program=[str(program)])
    code, output, _ = ended(process)
    assert code == 0
    assert output.endswith(ENDED)
