"""The folder of a run: its files there and back, and a place that is taken only when complete."""

from pathlib import Path

import pytest
import torch

from sdae.errors import FileAccessError, FileFormatError, RecipeError
from sdae.model_file import Model
from sdae.runs.folder import RunFolder, free_run_path, new_run, open_run
from sdae.stack import StackedDenoisingAutoencoder
from sdae.training.history import EpochRecord, History
from tests.runs.recipes import recipe_for

RECORD = EpochRecord("finetuning", None, 2, 0.5, 0.25, None, 0.1, 1.5, 10.0, "autograd")


def small_model(seed: int = 0) -> Model:
    return Model(StackedDenoisingAutoencoder(3, [2], 2, seed=seed), classes=("a", "b"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_in_the_middle(path: Path, error: type[BaseException]) -> None:
    with new_run(path, force=True) as run:
        run.save_model(small_model())
        raise error


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    recipe = recipe_for(tmp_path / "x.npz", "model.corruption=gaussian:0.5")
    run.save_recipe(recipe)
    assert run.recipe() == recipe
    model = small_model()
    run.save_model(model)
    assert run.model().classes == ("a", "b")
    x = torch.tensor([[1.0, 2.0, 3.0]])
    assert torch.equal(run.model().stack.encode(x), model.stack.encode(x))
    assert run.plots() == run.plots() == tmp_path / "plots"
    assert names(tmp_path) == ["model.safetensors", "plots", "recipe.toml"]


def test_the_history_grows(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    other = EpochRecord("pretraining", 1, 1, 2.5, None, None, 0.1, 1.5, 10.0, "autograd")
    run.save_history(History((other,)), History((RECORD,)))
    run.save_history(History((RECORD,)))
    assert run.records() == [other, RECORD, RECORD]


def test_without_fine_tuning_the_model_is_the_pre_trained_one(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.save_model(small_model(1))
    weight = run.model().stack.autoencoder(0).weight
    assert torch.equal(run.pretrained().stack.autoencoder(0).weight, weight)
    run.save_pretrained(small_model(2))
    assert not torch.equal(run.pretrained().stack.autoencoder(0).weight, weight)
    assert torch.equal(run.model().stack.autoencoder(0).weight, weight)


@pytest.mark.parametrize(
    "line", ["{", "[]", "3", '{"stage": "finetuning"}', "\udcff", "[" * 100_000]
)
def test_a_damaged_history_is_told_with_its_line(line: str, tmp_path: Path) -> None:
    content = f"{RECORD.to_json()}\n{line}\n".encode(errors="surrogateescape")
    (tmp_path / "history.jsonl").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"history.jsonl, line 2, is no record of an epoch"):
        RunFolder(tmp_path).records()


def test_a_record_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    later = RECORD.to_json().replace("{", '{"energy": 3, ', 1)
    (tmp_path / "history.jsonl").write_text(later + "\n")
    assert RunFolder(tmp_path).records() == [RECORD]


def test_a_damaged_recipe_is_told(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(FileFormatError, match=r"recipe.toml is damaged: it is not UTF-8"):
        RunFolder(tmp_path).recipe()
    path.write_bytes(b"[data]\nsorce = 'a'")
    with pytest.raises(RecipeError, match=r"recipe.toml:\n.*Did you mean 'source'"):
        RunFolder(tmp_path).recipe()
    path.write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(FileFormatError, match=r"at most 1,048,576 are read"):
        RunFolder(tmp_path).recipe()


def test_only_a_folder_with_a_model_is_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"There is no run at .*a. Train one with: sdae"):
        open_run(tmp_path / "a")
    with pytest.raises(FileAccessError, match=r"is not a run: it has no model.safetensors"):
        open_run(tmp_path)
    RunFolder(tmp_path).save_model(small_model())
    assert open_run(tmp_path).path == tmp_path


def test_a_free_path_is_numbered_from_two(tmp_path: Path) -> None:
    assert free_run_path("a", tmp_path) == tmp_path / "a"
    for taken in ("a", "a-2", "a-3"):
        (tmp_path / taken).mkdir()
    assert free_run_path("a", tmp_path) == tmp_path / "a-4"
    assert free_run_path("b") == Path("runs/b")


def test_a_run_takes_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep/run"
    with new_run(path) as run:
        assert not path.exists()
        (hidden,) = path.parent.iterdir()
        assert hidden == run.path
        assert hidden.name.startswith(".run.")
        run.save_model(small_model())
    assert names(path.parent) == ["run"]
    assert names(path) == ["model.safetensors"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
def test_a_run_that_fails_leaves_nothing(error: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(error):
        fail_in_the_middle(tmp_path / "deep/er/run", error)
    assert names(tmp_path) == []


def test_folders_that_were_there_stay_when_a_run_fails(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match=r"x"), new_run(tmp_path / "runs/run"):
        raise ValueError("x")
    assert names(tmp_path) == ["runs"]
    assert names(tmp_path / "runs") == []


def test_an_existing_run_is_replaced_only_by_force_and_only_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / "recipe.toml").write_text("old")
    with pytest.raises(FileAccessError, match=r"run exists already. Choose another --out, or use"):
        new_run(path).__enter__()
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(path, KeyboardInterrupt)
    assert (path / "recipe.toml").read_text() == "old"
    with new_run(path, force=True) as run:
        (run.path / "recipe.toml").write_text("new")
        assert (path / "recipe.toml").read_text() == "old"
    assert (path / "recipe.toml").read_text() == "new"
    assert names(tmp_path) == ["run"]


def test_force_does_not_replace_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_text("x")
    for name in ("file", "photos"):
        with pytest.raises(FileAccessError, match=rf"{name} is not a run, so --force does not rep"):
            new_run(tmp_path / name, force=True).__enter__()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file/run", tmp_path / "file/deep/run", Path("/proc/run")):
        with pytest.raises(FileAccessError, match=rf"Cannot write {path}: "):
            new_run(path).__enter__()
    assert names(tmp_path) == ["file"]
