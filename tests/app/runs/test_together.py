"""Processes that begin, resume and change runs at the same instant never take each other's.

They are forked from one that has imported what they need, and train nothing: many rounds in
seconds. Whole commands are begun together in tests/torture/together.py.
"""

import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sdae.app.runs.lifecycle import changed_run, finish, held_run, new_run, resumed_run
from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import FileAccessError
from tests.app.runs.recipes import recipe_for
from tests.app.runs.test_lifecycle import checkpoint, whole_run
from tests.app.runs.test_run_folder import names

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

N_PROCESSES, N_ROUNDS = 4, 15
_SECONDS = 60  # after which a process that hangs is given up
Act = Callable[[Path, int], Path]
Outcome = tuple[int, int, str, str]  # round, process, the run it made, or why not


def of_seed(number: int) -> Any:
    return recipe_for(Path("x.npz"), f"seed={number}")


def fill(run: RunFolder, number: int) -> Path:
    """Write the files of a run, the last ones a moment later, with a text only this process has."""
    (run.path / "model.safetensors").write_text(f"model {number}")
    time.sleep(random.Random(number).uniform(0, 0.003))
    finish(run)
    return run.path


def begin(path: Path, number: int) -> Path:
    with new_run(path / "runs/run", of_seed(number), numbered=True) as run:
        return fill(run, number)


def begin_one(path: Path, number: int) -> Path:
    with new_run(path / "deep/er/run", of_seed(number)) as run:
        return fill(run, number)


def begin_and_fail(path: Path, number: int) -> Path:
    """Let every second process fail."""
    with new_run(path / "deep/er/run", of_seed(number), numbered=True) as run:
        if number % 2:
            raise FileAccessError("no data")
        return fill(run, number)


def replace(path: Path, number: int) -> Path:
    with new_run(path / "run", of_seed(number), force=True) as run:
        return fill(run, number)


def resume(path: Path, number: int) -> Path:
    with resumed_run(path / "run") as run:
        run.save_recipe(of_seed(number))
        return fill(run, number)


def change(path: Path, number: int) -> Path:
    with held_run(path / "run"), changed_run(path / "run") as run:
        run.save_recipe(of_seed(number))
        (run.path / "model.safetensors").write_text(f"model {number}")
    return path / "run"


def act_often(folder: Path, acts: list[Act], number: int, barrier: Any, queue: Any) -> None:
    """Act at the barrier, in a new folder each time; put into the queue what came of it."""
    for turn in range(N_ROUNDS):
        act = acts[(number + turn) % len(acts)]
        barrier.wait(_SECONDS)
        try:
            queue.put((turn, number, str(act(folder / str(turn), number)), ""))
        except FileAccessError as error:
            queue.put((turn, number, "", str(error)))
        except BaseException as error:
            queue.put((turn, number, "", f"raised {error!r}"))


def together(folder: Path, *acts: Act) -> Iterator[tuple[Path, list[Outcome]]]:
    """Let processes act together; yield each round's folder and outcomes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier, queue = context.Barrier(N_PROCESSES), context.Queue()
    processes = [
        context.Process(target=act_often, args=(folder, list(acts), number, barrier, queue))
        for number in range(N_PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        outcomes: list[Outcome] = [queue.get(timeout=_SECONDS) for _ in range(_N_OUTCOMES)]
    finally:
        for process in processes:
            process.join(_SECONDS)
            process.kill()
    for turn in range(N_ROUNDS):
        yield folder / str(turn), [outcome for outcome in outcomes if outcome[0] == turn]


_N_OUTCOMES = N_PROCESSES * N_ROUNDS


def check_whole(run: RunFolder) -> int:
    """Check that recipe, model and manifest are of one process; return its number."""
    number = run.recipe().seed
    assert (run.path / "model.safetensors").read_text() == f"model {number}"
    assert names(run.path) == ["manifest.json", "model.safetensors", "recipe.toml"]
    return number


def check_refusals(outcomes: list[Outcome], *words: str) -> None:
    for _, _, made, said in outcomes:
        assert bool(made) != any(word in said for word in words), said


def test_each_process_gets_a_run_of_its_own(tmp_path: Path) -> None:
    for folder, outcomes in together(tmp_path, begin):
        made = {Path(path): number for _, number, path, _ in outcomes}
        assert names(folder / "runs") == ["run", "run-2", "run-3", "run-4"], outcomes
        assert {path.name for path in made} == {"run", "run-2", "run-3", "run-4"}
        for path, number in made.items():
            assert check_whole(RunFolder(path)) == number


def test_one_process_gets_the_name_that_all_want(tmp_path: Path) -> None:
    for folder, outcomes in together(tmp_path, begin_one):
        check_refusals(outcomes, "in use by process", "already exists. Choose another")
        (winner,) = [number for _, number, path, _ in outcomes if path]
        assert check_whole(RunFolder(folder / "deep/er/run")) == winner
        assert names(folder / "deep/er") == ["run"]


def test_what_fails_takes_nothing_of_what_succeeds_with_it(tmp_path: Path) -> None:
    for folder, outcomes in together(tmp_path, begin_and_fail):
        made = [Path(path) for _, _, path, _ in outcomes if path]
        check_refusals(outcomes, "no data")
        assert len(made) == N_PROCESSES // 2
        assert sorted((folder / "deep/er").iterdir()) == sorted(made)
        for path in made:
            check_whole(RunFolder(path))


@pytest.mark.parametrize(
    "acts",
    [(replace,), (change,), (replace, change)],
    ids=lambda acts: "+".join(act.__name__ for act in acts),
)
def test_a_finished_run_is_replaced_and_changed_by_one_at_a_time(
    acts: tuple[Act, ...], tmp_path: Path
) -> None:
    for turn in range(N_ROUNDS):
        (tmp_path / str(turn)).mkdir()
        whole_run(tmp_path / str(turn) / "run")
    for folder, outcomes in together(tmp_path, *acts):
        check_refusals(outcomes, "in use by process")
        winners = [number for _, number, path, _ in outcomes if path]
        assert check_whole(RunFolder(folder / "run")) in winners
        assert names(folder) == ["run"]


def test_a_run_is_resumed_once(tmp_path: Path) -> None:
    for turn in range(N_ROUNDS):
        cut_short(tmp_path / str(turn) / "run")
    for folder, outcomes in together(tmp_path, resume):
        check_refusals(outcomes, "in use by process", "is finished, so it cannot be res")
        (winner,) = [number for _, number, path, _ in outcomes if path]
        assert check_whole(RunFolder(folder / "run")) == winner
        assert names(folder) == ["run"]


def cut_short(path: Path) -> None:
    with suppress(KeyboardInterrupt), new_run(path, of_seed(9)) as run:
        checkpoint(run)
        raise KeyboardInterrupt
