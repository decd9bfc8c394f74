"""The folder of a run: its files there and back, and the manifest over them."""

import hashlib
from pathlib import Path

import pytest
import torch

from sdae.app.runs.run_folder import RunFolder, open_run
from sdae.core.errors import FileAccessError, FileFormatError, RecipeError
from sdae.core.model_file import Model
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.history import EpochRecord, History
from tests.app.runs.recipes import recipe_for

RECORD = EpochRecord("finetuning", None, 2, 0.5, 0.25, None, 0.1, 1.5, 10.0, "autograd")


def small_model(seed: int = 0) -> Model:
    return Model(StackedDenoisingAutoencoder(3, [2], 2, seed=seed), classes=("a", "b"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
    run.save_history([other, RECORD])
    run.add_history(History((RECORD,)))
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
    with pytest.raises(
        FileFormatError, match=r"history.jsonl, line 2, is not a record of an epoch"
    ):
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
    with pytest.raises(FileFormatError, match=r"sdae reads at most 1,048,576"):
        RunFolder(tmp_path).recipe()


def test_only_a_folder_with_a_model_is_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"The run .*a does not exist. Train one with: sdae"):
        open_run(tmp_path / "a")
    with pytest.raises(FileAccessError, match=r"is not a run: it has no model.safetensors"):
        open_run(tmp_path)
    run = RunFolder(tmp_path)
    run.save_model(small_model())
    assert open_run(tmp_path).path == tmp_path
    run.save_recipe(recipe_for(tmp_path / "x.npz"))
    run.checkpoints.mkdir()
    with pytest.raises(FileAccessError, match=r"is not finished\. .*continue with: sdae resume"):
        open_run(tmp_path)
    run.seal()
    assert open_run(tmp_path).path == tmp_path


def test_the_manifest_holds_the_hash_of_every_file(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.save_model(small_model())
    (run.plots() / "curves.png").write_bytes(b"picture")
    for others in ("notes.md", ".gitignore", "plots/mine.png"):
        (tmp_path / others).write_bytes(b"not ours")
    run.seal()
    manifest = run.manifest()
    assert manifest.keys() == {"model.safetensors", "plots/curves.png"}
    assert manifest["plots/curves.png"] == {
        "sha256": hashlib.sha256(b"picture").hexdigest(),
        "bytes": 7,
    }


@pytest.mark.parametrize(
    "content", ["", "[]", "3", "{}", '{"format": 1, "files": {"a": 1}}', "[" * 100_000]
)
def test_a_damaged_manifest_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(FileFormatError, match=r"manifest.json is damaged"):
        RunFolder(tmp_path).manifest()
    (tmp_path / "manifest.json").write_text('{"format": 2, "files": {}}')
    with pytest.raises(FileFormatError, match=r"has format 2; .* Install a newer sdae"):
        RunFolder(tmp_path).manifest()


@pytest.mark.parametrize("name", ["model.safetensors", "recipe.toml", "history.jsonl"])
def test_a_link_is_not_followed(name: str, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    (tmp_path / "elsewhere").write_bytes(b"")
    (run.path / name).symlink_to(tmp_path / "elsewhere")
    for read in (run.model, run.recipe, run.records):
        if name[:3] == {"model": "mod", "recipe": "rec", "records": "his"}[read.__name__]:
            with pytest.raises(FileFormatError, match="is a link"):
                read()
