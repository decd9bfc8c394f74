"""A run that exists is safe: refused without ``--force``, and replaced only by a whole one."""

import errno
import os
from pathlib import Path

import pytest

from sdae.app.runs import live_history as live
from sdae.app.runs import run_folder as run_folder
from tests.app.cli.commands import done, fail_after, invoke, refused, without_warnings
from tests.app.cli.samples import SMALL, contents


@pytest.fixture
def old_run(flowers: Path) -> Path:
    """A run beside the flowers, with a note that no other run has."""
    run = flowers.parent / "run"
    done("train", flowers, "--target", "species", "--out", run, "--seed", "5", *SMALL)
    (run / "note.txt").write_text("mine")
    return run


def command(flowers: Path, run: Path, *options: str) -> tuple[str | Path, ...]:
    return ("train", flowers, "--target", "species", "--out", run, *SMALL, *options)


def test_an_existing_run_is_refused(flowers: Path, old_run: Path) -> None:
    message = refused(old_run.parent, *command(flowers, old_run))
    assert message == f"{old_run} already exists. Choose another --out, or use --force."


def test_force_replaces_the_run_and_leaves_a_note_beside_it(flowers: Path, old_run: Path) -> None:
    before = contents(old_run)
    done(*command(flowers, old_run, "--force"))
    after = contents(old_run)
    assert after["note.txt"] == b"mine"
    assert after.keys() == before.keys()
    assert after["model.safetensors"] != before["model.safetensors"]
    assert sorted(path.name for path in old_run.parent.iterdir()) == ["flowers.csv", "run"]


def test_force_replaces_an_empty_folder(flowers: Path, tmp_path: Path) -> None:
    run = tmp_path / "empty"
    run.mkdir()
    done(*command(flowers, run, "--force"))
    assert (run / "model.safetensors").is_file()


def test_force_does_not_replace_what_is_no_run(flowers: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "holiday.jpg").write_bytes(b"x")
    message = refused(tmp_path, *command(flowers, photos, "--force"))
    assert message == f"{photos} is not a run, so --force does not replace it."
    message = refused(tmp_path, *command(flowers, flowers, "--force"))
    assert message == f"{flowers} is not a run, so --force does not replace it."


def test_a_failed_training_keeps_the_old_run(flowers: Path, old_run: Path) -> None:
    options = ("--force", "--set", "pretraining.optimizer=sgd", "--set", "model.activation=relu")
    diverging = ("--set", "pretraining.learning_rate=1e30")
    message = refused(old_run.parent, *command(flowers, old_run, *options, *diverging))
    assert message.startswith("The cost is not finite (pretraining, layer 0, epoch 1,")


@pytest.mark.parametrize("nth", range(8))
def test_a_full_disk_before_a_checkpoint_keeps_the_old_run(
    nth: int, flowers: Path, old_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.LiveHistory, "__call__", lambda *_: None)
    fail_after(nth, monkeypatch)
    message = refused(old_run.parent, *command(flowers, old_run, "--force"))
    assert message.startswith("Cannot write ")
    assert message.endswith(": No space left on device.")


@pytest.mark.parametrize("nth", range(10, 21))
def test_after_a_full_disk_training_goes_on_from_the_checkpoint(
    nth: int, flowers: Path, old_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.LiveHistory, "__call__", lambda *_: None)
    with monkeypatch.context() as patch:
        fail_after(nth, patch)
        result = invoke(*command(flowers, old_run, "--force"))
    assert result.exit_code == 2
    assert without_warnings(result.stderr).startswith("Error: Cannot write ")
    advice = f" To resume from the last checkpoint, run: sdae resume {old_run}\n"
    assert result.stderr.endswith(f": No space left on device.{advice}")
    done("resume", old_run)
    whole = old_run.parent / "whole"
    done(*command(flowers, whole))
    for name in ("model.safetensors", "pretrained.safetensors", "recipe.toml"):
        assert (old_run / name).read_bytes() == (whole / name).read_bytes()


def test_a_run_that_cannot_take_its_name_leaves_the_old_one_in_place(
    flowers: Path, old_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse_new(path: Path, target: Path) -> Path:
        if path.name == ".run.partial":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    message = refused(old_run.parent, *command(flowers, old_run, "--force"))
    assert message == f"Cannot write {old_run}: Input/output error."


def test_a_run_interrupted_before_a_checkpoint_leaves_no_trace(
    flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for place in (
        "runs.run_folder.RunFolder.save_recipe",
        "cli.commands.train.prepare",
        "cli.commands.train.estimate",
    ):
        before = contents(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(f"sdae.app.{place}", interrupt)
            result = invoke(*command(flowers, tmp_path / "new/deep/run"))
        assert result.exit_code == 130
        assert result.stderr == "Interrupted. Nothing was written.\n"
        assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["save_model", "save_pretrained", "seal"])
def test_a_run_interrupted_while_it_is_written_can_be_resumed(
    name: str, flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(run_folder.RunFolder, name, interrupt)
        result = invoke(*command(flowers, run))
    assert result.exit_code == 130
    advice = f"To resume from the last checkpoint, run: sdae resume {run}"
    assert without_warnings(result.stderr) == f"Interrupted. {advice}\n"
    assert "Run written to" in done("resume", run)
    assert not (run / "checkpoints").exists()


def test_folders_above_a_run_are_made(flowers: Path, tmp_path: Path) -> None:
    run = tmp_path / "new/deep/run"
    assert f"Run written to {run}" in done(*command(flowers, run))
    assert (run / "model.safetensors").is_file()
