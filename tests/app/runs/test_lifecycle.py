"""Runs begin, go on, end and change; whatever fails in between, nothing is lost."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from sdae.app.runs import lifecycle
from sdae.app.runs.lifecycle import changed_run, finish, held_run, new_run, resumed_run
from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import FileAccessError
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints
from sdae.train.checkpoints.lock import locked_name
from tests.app.runs.recipes import recipe_for
from tests.app.runs.test_run_folder import names, small_model

RECIPE = recipe_for(Path("x.npz"))
OTHER = recipe_for(Path("y.npz"))


def checkpoint(run: RunFolder) -> None:
    run.checkpoints.mkdir(exist_ok=True)
    StageCheckpoints(run.checkpoints, "pretraining", 3).save({}, {})


def fail_in_the_middle(path: Path, error: type[BaseException], *, late: bool = False) -> None:
    with new_run(path, OTHER, force=True) as run:
        run.save_model(small_model())
        if late:
            checkpoint(run)
        raise error


def change_and_fail(path: Path) -> None:
    with held_run(path), changed_run(path) as new:
        new.save_recipe(OTHER)
        raise KeyboardInterrupt


def whole_run(path: Path) -> RunFolder:
    with new_run(path, RECIPE) as run:
        run.save_model(small_model())
        finish(run)
    return run


def test_a_run_cut_short_before_its_first_checkpoint_knows_its_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with new_run(tmp_path / "run", RECIPE) as run:
            shutil.copytree(run.path, tmp_path / "killed")
    finally:
        torch.set_num_threads(before)
    killed = RunFolder(tmp_path / "killed")
    assert killed.threads() == 3
    for forged in ("", "[]", '{"threads": 0}', '{"threads": 1000000}', "[" * 900, "{" * 2000):
        (killed.checkpoints / "begun.json").write_text(forged)
        assert killed.threads() is None
    (killed.checkpoints / "begun.json").unlink()
    assert killed.threads() is None


def test_a_run_is_in_its_place_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "deep/run"
    (tmp_path / "deep/.run.partial").mkdir(parents=True)  # as a kill leaves it
    with new_run(path, RECIPE) as run:
        assert run.path == path
        assert names(path.parent) == [".run.lock", "run"]
        assert names(path) == ["checkpoints", "recipe.toml"]
        assert run.recipe() == RECIPE
        checkpoint(run)
        run.save_model(small_model())
        finished = [run.finished]
        finish(run)
        finished.append(run.finished)
    assert finished == [False, True]
    assert names(path.parent) == ["run"]
    assert names(path) == ["manifest.json", "model.safetensors", "recipe.toml"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
def test_a_run_that_fails_before_a_checkpoint_leaves_nothing(
    error: type[BaseException], tmp_path: Path
) -> None:
    with pytest.raises(error):
        fail_in_the_middle(tmp_path / "deep/er/run", error)
    assert names(tmp_path) == []


def test_folders_that_were_there_stay_when_a_run_fails(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match=r"x"), new_run(tmp_path / "runs/run", RECIPE):
        raise ValueError("x")
    assert names(tmp_path) == ["runs"]
    assert names(tmp_path / "runs") == []


def test_a_run_that_fails_after_a_checkpoint_can_go_on(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(path, KeyboardInterrupt, late=True)
    (path / ".model.safetensors.x1y2z3_4.partial").write_bytes(b"half")  # as a kill leaves it
    with resumed_run(path) as run:
        assert run.has_checkpoints()
        finish(run)
    assert names(path) == ["manifest.json", "model.safetensors", "recipe.toml"]
    with pytest.raises(FileAccessError, match="is finished, so it cannot be resumed"):
        resumed_run(path).__enter__()


def test_what_is_no_run_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"The run .* does not exist"):
        resumed_run(tmp_path / "run").__enter__()
    with pytest.raises(FileAccessError, match="is not a run"):
        resumed_run(tmp_path).__enter__()


def test_an_existing_run_is_replaced_only_by_force(tmp_path: Path) -> None:
    whole_run(tmp_path / "run")
    with pytest.raises(FileAccessError, match=r"run already exists. Choose another --out, or use"):
        new_run(tmp_path / "run", OTHER).__enter__()
    with new_run(tmp_path / "run", OTHER, force=True) as run:
        run.save_model(small_model())
        finish(run)
    assert run.recipe() == OTHER
    assert names(tmp_path) == ["run"]


def test_a_replaced_run_waits_until_the_new_one_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "run"
    whole_run(path)
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(path, KeyboardInterrupt)
    assert RunFolder(path).recipe() == RECIPE
    assert names(tmp_path) == ["run"]
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(path, KeyboardInterrupt, late=True)
    assert RunFolder(path).recipe() == OTHER
    assert names(tmp_path) == [".run.replaced", "run"]
    with pytest.raises(FileAccessError, match=r"It is not finished; to continue .*: sdae resume"):
        new_run(path, OTHER).__enter__()
    # Another one replaces the unfinished one, not the finished one that waits.
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(path, KeyboardInterrupt)
    assert RunFolder(path).recipe() == RECIPE
    assert names(tmp_path) == ["run"]


def test_a_crash_between_two_names_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "run"
    whole_run(path)
    path.rename(tmp_path / ".run.replaced")
    with pytest.raises(FileAccessError, match="already exists"):
        new_run(path, OTHER).__enter__()
    assert RunFolder(path).recipe() == RECIPE
    assert names(tmp_path) == ["run"]


def test_a_run_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with new_run(path, RECIPE) as run:
        checkpoint(run)
        for enter in (resumed_run(path), new_run(path, OTHER, force=True)):
            with pytest.raises(FileAccessError, match=rf"in use by process {os.getpid()} on "):
                enter.__enter__()
        assert run.recipe() == RECIPE


def test_a_change_is_whole_or_none_and_sealed(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    (tmp_path / ".run.partial").mkdir()
    with pytest.raises(KeyboardInterrupt):
        change_and_fail(run.path)
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before
    with held_run(run.path), changed_run(run.path) as new:
        new.save_recipe(OTHER)
    assert run.recipe() == OTHER
    assert names(tmp_path) == ["run"]
    assert names(run.path) == ["manifest.json", "model.safetensors", "recipe.toml"]
    assert (run.path / "manifest.json").read_bytes() != before["manifest.json"]


def test_the_first_free_name_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run-2").symlink_to("nowhere")
    (tmp_path / "run-3").write_text("x")
    whole_run(tmp_path / "run-5").path.rename(tmp_path / ".run-5.replaced")
    with new_run(tmp_path / "run", RECIPE, numbered=True) as fourth:
        with new_run(tmp_path / "run", OTHER, force=True, numbered=True) as sixth:
            finish(sixth)
        finish(fourth)
    assert (fourth.path.name, sixth.path.name) == ("run-4", "run-6")
    assert names(tmp_path) == ["run", "run-2", "run-3", "run-4", "run-5", "run-6"]
    assert sixth.recipe() == OTHER


def test_only_what_this_process_made_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "run"

    def swap_and_fail() -> None:
        with new_run(path, RECIPE):
            path.rename(tmp_path / "moved")
            shutil.copytree(tmp_path / "moved", path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swap_and_fail()
    assert names(tmp_path) == ["moved", "run"]
    assert RunFolder(path).recipe() == RECIPE


def test_a_run_that_is_a_link_or_the_working_directory_is_replaced_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_run(tmp_path / "big/run")
    (tmp_path / "run").symlink_to(tmp_path / "big/run")
    monkeypatch.chdir(tmp_path / "big/run")
    for path, recipe in ((tmp_path / "run", OTHER), (Path(), RECIPE)):
        with new_run(path, recipe, force=True) as run:
            run.save_model(small_model())
            finish(run)
        assert RunFolder(tmp_path / "run").recipe() == recipe
        assert names(tmp_path / "big") == ["run"]
        monkeypatch.chdir(tmp_path / "big/run")
    assert (tmp_path / "run").is_symlink()


def test_folders_above_that_another_process_removes_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = iter((tmp_path / "new/deep", tmp_path / "new/deep", None))

    @contextmanager
    def hold(path: Path) -> Iterator[None]:
        if (gone := next(holds)) is not None:
            gone.rmdir()
            gone.parent.rmdir()
        with locked_name(path):
            yield

    monkeypatch.setattr(lifecycle, "locked_name", hold)
    run = whole_run(tmp_path / "new/deep/run")
    assert run.finished
    assert names(tmp_path / "new/deep") == ["run"]


def test_force_does_not_replace_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_text("x")
    for name in ("file", "photos"):
        with pytest.raises(FileAccessError, match=rf"{name} is not a run, so --force does not rep"):
            new_run(tmp_path / name, RECIPE, force=True).__enter__()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file/run", tmp_path / "file/deep/run", Path("/proc/run")):
        with pytest.raises(FileAccessError, match=rf"Cannot write {path}: "):
            new_run(path, RECIPE).__enter__()
    assert names(tmp_path) == ["file"]
