"""Several processes of torchrun train one run: they end with one model, and one of them speaks.

Starting them takes many seconds, so most of what can go wrong is tried among the slow tests, or in
``tests/train/processes``.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from sdae.app.cli.command_list import may_run
from sdae.app.cli.following import check_same_command
from sdae.app.cli.launched import Launched
from sdae.app.recipes import load_recipe
from sdae.core.errors import InvalidParameterError, RecipeError
from tests.app.cli.commands import done, environment
from tests.app.cli.samples import SMALL, contents, history, write_flowers
from tests.tracing import traced

MINIBATCHES = ("--set=pretraining.batch_size=10", "--set=finetuning.batch_size=10")
LONG = (
    *("--set=pretraining.epochs=60", "--set=finetuning.epochs=60", "--checkpoint-every=1epoch"),
    *("--set=finetuning.early_stopping=false", "--set=finetuning.restore_best=false"),
)
TRAIN = ("train", "flowers.csv", "--target=species", *SMALL, *MINIBATCHES)
OF_TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


def torchrun(
    *arguments: str, folder: Path, restarts: int = 0, program: Sequence[str] = ("-m", "sdae")
) -> subprocess.Popen[str]:
    """Start ``sdae``, or a program around it, in two processes of torchrun."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    return subprocess.Popen(
        [*launch, f"--max-restarts={restarts}", *program, *arguments],
        cwd=folder,
        env=traced(environment(PYTHONUNBUFFERED="1")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the processes; return the exit code, the output and what our processes complain."""
    try:
        output, complaint = process.communicate(timeout=300)
    finally:
        process.kill()
    ours = [line for line in complaint.splitlines() if line.startswith(("Error", "Interrupted"))]
    return process.returncode, output, "\n".join(ours)


def test_two_processes_write_the_run_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_flowers(tmp_path / "flowers.csv")
    code, output, complaint = ended(torchrun(*TRAIN, "--out=two", folder=tmp_path))
    assert (code, complaint) == (0, "")
    monkeypatch.chdir(tmp_path)
    engines = ("--set=pretraining.engine=autograd", "--set=finetuning.engine=autograd")
    alone = done(*TRAIN, "--out=one", *engines)
    assert _without_times(output) == _without_times(alone.replace("to one", "to two"))
    two, one = Path("two"), Path("one")
    for name in ("model.safetensors", "pretrained.safetensors"):
        models = load_file(two / name), load_file(one / name)
        for key, numbers in models[1].items():
            np.testing.assert_allclose(models[0][key], numbers, rtol=0, atol=1e-5)
    for ours, theirs in zip(history(two), history(one), strict=True):
        assert (ours["engine"], ours["epoch"]) == ("autograd", theirs["epoch"])
        assert ours["validation_error"] == theirs["validation_error"]
        assert ours["cost"] == pytest.approx(theirs["cost"], abs=1e-5)
    assert {*contents(two)} >= {*contents(one)}


def _without_times(output: str) -> list[str]:
    """Return lines as far as they do not depend on time or rounding."""
    return [line.split(", ")[0].split(": cost")[0].split("  ")[0] for line in output.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("rank", ["0", "1"])
def test_after_a_kill_the_same_command_goes_on_to_the_same_bytes(rank: str, tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    code, _, complaint = ended(torchrun(*TRAIN, *LONG, "--out=whole", folder=tmp_path))
    assert (code, complaint) == (0, "")
    process = torchrun(*TRAIN, *LONG, "--out=killed", folder=tmp_path, restarts=2)
    _wait_for(tmp_path / "killed" / "checkpoints" / "pretraining-000008.json", process)
    for child in psutil.Process(process.pid).children():
        if child.environ().get("RANK") == rank:
            child.kill()
    code, output, complaint = ended(process)
    assert code == 0
    if rank == "1":
        # torchrun may end the first process before it has felt that the other one was killed
        assert "\n" not in complaint
        assert complaint.endswith("run: sdae resume killed") or complaint.startswith("Interrupted.")
    assert output.count("Run written to killed") == 1
    for name in ("model.safetensors", "pretrained.safetensors", "recipe.toml"):
        whole, killed = (tmp_path / run / name for run in ("whole", "killed"))
        assert whole.read_bytes() == killed.read_bytes(), name


@pytest.mark.slow
def test_ctrl_c_of_torchrun_ends_in_one_checkpoint_and_one_sentence(tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    process = torchrun(*TRAIN, *LONG, "--out=run", folder=tmp_path)
    _wait_for(tmp_path / "run" / "checkpoints" / "pretraining-000008.json", process)
    process.send_signal(signal.SIGINT)
    code, _, complaint = ended(process)
    assert code != 0
    assert complaint == ("Interrupted. To resume from the last checkpoint, run: sdae resume run")
    code, output, complaint = ended(torchrun("resume", "run", folder=tmp_path))
    assert (code, complaint) == (0, "")
    assert output.count("Run written to run") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--set=pretraining.batch_size=1"], "must be at least 2, a row for each process."),
        (["--set=pretraining.epochz=3"], "Error: Recipe table:"),
        (["--device=abacus"], "The device parameter"),
        (["--recipe=ladder"], "A ladder is trained in one process, and torchrun started 2."),
        (["--set=pretraining.learning_rate=1e30"], "is not finite (pretraining, layer 0"),
    ],
)
def test_a_users_mistake_is_one_sentence_of_one_process(
    options: list[str], sentence: str, tmp_path: Path
) -> None:
    write_flowers(tmp_path / "flowers.csv")
    before = contents(tmp_path)
    words = TRAIN[:3] if "--recipe=ladder" in options else TRAIN
    code, _, complaint = ended(torchrun(*words, *options, "--out=run", folder=tmp_path))
    assert code == 1  # of torchrun
    assert complaint.count("Error") == 1
    assert sentence in complaint
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_a_mistake_of_another_process_is_reported_by_that_one(tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    program = tmp_path / "on_one.py"
    program.write_text(
        "import os\n"
        "if os.environ['RANK'] == '1':\n"
        "    os.chdir('/')\n"
        "from sdae.app.cli import main\n"
        "main()\n"
    )
    out = f"--out={tmp_path / 'run'}"
    process = torchrun(*TRAIN, out, folder=tmp_path, program=[str(program)])
    code, _, complaint = ended(process)
    assert code == 1
    assert "Error: Cannot read flowers.csv: it does not exist. Check the path." in complaint
    assert "Error: Process 0 of 2 stopped training" in complaint
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_processes_with_other_commands_are_told_so_once(tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    program = tmp_path / "other_seed.py"
    program.write_text(
        "import os, sys\n"
        "if os.environ['RANK'] == '1':\n"
        "    sys.argv.append('--seed=7')\n"
        "from sdae.app.cli import main\n"
        "main()\n"
    )
    process = torchrun(*TRAIN, "--out=run", folder=tmp_path, program=[str(program)])
    code, _, complaint = ended(process)
    assert code == 1
    assert complaint.count("Error") == 1
    assert "Process 1 was started with another command than process 0: different are seed (7, " in (
        complaint
    )
    assert not (tmp_path / "run").exists()


def test_commands_may_differ_in_the_device_and_its_threads() -> None:
    def checked(**others: object) -> None:
        options = {
            "data": "a.csv",
            "seed": 7,
            "force": False,
            "device": "cpu",
            "threads": 1,
            "quiet": False,
        }
        first = json.dumps({"data": "a.csv", "seed": "7", "force": "False"})
        together: Any = SimpleNamespace(size=2, texts=lambda mine: [first, mine])
        check_same_command(together, options | others)

    checked()
    checked(device="cuda", threads=4, quiet=True)
    with pytest.raises(InvalidParameterError, match=r"data \(b\.csv, not a\.csv\)\. Start all"):
        checked(data="b.csv")
    with pytest.raises(InvalidParameterError, match=r"force \(True, not False\)"):
        checked(force=True)


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_process_is_alone_without_the_variables_of_torchrun() -> None:
    assert Launched.by({"WORLD_SIZE": "4"}) == Launched()
    with Launched().together("cpu") as processes:
        assert processes.size == 1


def test_the_variables_of_torchrun_say_who_a_process_is() -> None:
    more = {"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RESTART_COUNT": "3"}
    variables = {**OF_TORCHRUN, **more, "TORCHELASTIC_MAX_RESTARTS": "5"}
    assert Launched.by(variables) == Launched(1, 2, 1, 2, 3, 5)
    kept = {**OF_TORCHRUN, "TORCHELASTIC_USE_AGENT_STORE": "True"}
    assert Launched.by(kept) == Launched(1, 2, store_lasts=True)
    assert Launched.by(OF_TORCHRUN) == Launched(1, 2)
    with pytest.raises(InvalidParameterError, match="must be numbers: invalid literal"):
        Launched.by({**OF_TORCHRUN, "RANK": "one"})


def test_what_several_processes_cannot_train_is_refused() -> None:
    two = Launched(0, 2)
    with pytest.raises(RecipeError, match="A ladder is trained in one process, and torchrun"):
        two.check(load_recipe("ladder", ["data.source=rows.csv"]), None)
    with pytest.raises(RecipeError, match="Standard input is for one process only"):
        two.check(load_recipe("table", ["data.source=-"]), None)
    recipe = load_recipe("table", ["data.source=rows.csv"])
    two.check(recipe, None)
    restarted = Launched(0, 2, most_restarts=1)
    with pytest.raises(InvalidParameterError, match="--out must name the run with --max-restarts"):
        restarted.check(recipe, None)
    restarted.check(recipe, Path("run"))


def test_processes_of_a_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    four = Launched(0, 8, 0, 4)
    assert four.threads(None) == 2
    assert four.threads(5) == 5
    assert Launched(0, 20, 0, 20).threads(None) == 1
    assert Launched().threads(None) is None
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert four.threads(None) is None


def test_other_commands_run_in_one_process() -> None:
    first = {**OF_TORCHRUN, "RANK": "0"}
    with pytest.raises(InvalidParameterError, match="sdae predict runs in one process, and torch"):
        may_run("predict", first)
    assert not may_run("predict", OF_TORCHRUN)
    assert may_run("predict", {**first, "WORLD_SIZE": "1"})
    assert may_run("predict", {})
    assert may_run("train", first)
    assert may_run("resume", OF_TORCHRUN)
