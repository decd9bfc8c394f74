"""``sdae verify`` says of every file whether it is whole, and if not, what is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sdae import SDAETransformer
from sdae.app.runs.run_folder import RunFolder
from sdae.core.model_file import FORMAT
from sdae.core.tensor_file import read_tensors, write_tensors
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints
from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.samples import SMALL, write_flowers


@pytest.fixture
def run(flower_run: Path, tmp_path: Path) -> Path:
    """A copy of a run."""
    return Path(shutil.copytree(flower_run, tmp_path / "run"))


def problems(path: Path) -> dict[str, str]:
    """Verify what must be found wrong; return what is said of the wrong files."""
    result = invoke("verify", path)
    assert (result.exit_code, result.stderr) == (1, "")
    *lines, last = result.stdout.splitlines()
    said = dict(line.split(": ", 1) for line in lines)
    wrong = {name: problem for name, problem in said.items() if problem != "intact"}
    assert last.startswith(f"{len(wrong)} damaged. Do not use damaged files")
    return wrong


def seal(run: Path) -> None:
    RunFolder(run).seal()


def test_a_whole_run(run: Path) -> None:
    lines = done("verify", run).splitlines()
    names = ["history.jsonl", "model.safetensors", "plots/curves.png", "plots/reconstructions.png"]
    names += ["pretrained.safetensors", "recipe.toml"]
    assert lines == [*(f"{name}: intact" for name in names), "All files are as they were written."]


@pytest.mark.parametrize(
    "name", ["history.jsonl", "model.safetensors", "plots/curves.png", "recipe.toml"]
)
def test_a_changed_file(name: str, run: Path) -> None:
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run / name).write_bytes(content)
    assert problems(run) == {name: "Its content has changed since it was written."}
    (run / name).write_bytes(content[:-1])
    size = len(content)
    assert problems(run)[name] == f"It has {size - 1:,} bytes instead of {size:,}."


def test_a_missing_file_a_new_one_and_a_link(run: Path) -> None:
    (run / "recipe.toml").rename(run.parent / "elsewhere")
    assert problems(run) == {"recipe.toml": "It is missing."}
    (run / "recipe.toml").symlink_to(run.parent / "elsewhere")
    assert problems(run) == {"recipe.toml": "It is a link, or not a regular file."}
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["files"]["model.safetensors"]
    manifest["files"]["../elsewhere"] = {"sha256": "", "bytes": 1}
    (run / "manifest.json").write_text(json.dumps(manifest))
    found = problems(run)
    assert found["model.safetensors"].startswith("It is not in the manifest")
    assert (
        found["../elsewhere"]
        == "The manifest names it, but a run cannot have a file with this name."
    )


@pytest.mark.usefixtures("pictures")
def test_a_run_may_be_reached_through_a_link(run: Path, tmp_path: Path) -> None:
    latest = tmp_path / "latest"
    latest.symlink_to(run)
    assert done("verify", latest).endswith("All files are as they were written.\n")
    done("report", latest, "-o", tmp_path / "page.html", "--no-playground")
    seal(latest)
    assert "model.safetensors" in RunFolder(run).manifest()
    assert done("verify", run).endswith("All files are as they were written.\n")


def test_a_run_is_whole_that_was_trained_through_a_link(tmp_path: Path) -> None:
    flowers = write_flowers(tmp_path / "flowers.csv")
    (tmp_path / "link").symlink_to("store")
    done("train", flowers, "--target=species", "--out", tmp_path / "link", *SMALL)
    for name in ("link", "store"):
        said = done("verify", tmp_path / name)
        assert "model.safetensors: intact" in said
        assert said.endswith("All files are as they were written.\n")


def test_a_damaged_or_missing_manifest(run: Path) -> None:
    (run / "manifest.json").write_text("{")
    assert "is damaged: it is not a manifest" in problems(run)["manifest.json"]
    (run / "manifest.json").unlink()
    assert "The other files cannot be checked against it." in problems(run)["manifest.json"]


def _change(name: str, to: torch.Tensor) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        path = run / "model.safetensors"
        description, tensors = read_tensors(path, "model file", FORMAT)
        tensors[name] = to
        write_tensors(path, tensors, description)
        seal(run)

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_change("head.bias", torch.full((3,), torch.nan)), "has values that are not finite"),
        (_change("head.bias", torch.zeros(4)), "should have shape (3,)"),
        (_change("head.bias", torch.zeros(3).double()), "should be of type torch.float32"),
    ],
)
def test_a_sealed_run_of_a_bad_model(
    change: Callable[[Path], None], problem: str, run: Path
) -> None:
    change(run)
    found = problems(run)
    assert set(found) == {"model.safetensors"}
    assert problem in found["model.safetensors"]


def test_a_sealed_run_of_a_bad_recipe_and_history(run: Path) -> None:
    (run / "recipe.toml").write_text("sead = 3")
    (run / "history.jsonl").write_text("3\n")
    seal(run)
    found = problems(run)
    assert set(found) == {"recipe.toml", "history.jsonl"}
    assert "line 1, is not a record" in found["history.jsonl"]


def test_the_file_of_a_model_and_of_an_estimator(run: Path, tmp_path: Path) -> None:
    assert done("verify", run / "model.safetensors").endswith(
        "All files are as they were written.\n"
    )
    path = tmp_path / "t.safetensors"
    SDAETransformer((3,), pretrain_epochs=1, random_state=0).fit([[0.0, 1.0], [1.0, 0.5]]).save(
        path
    )
    assert done("verify", path).startswith("t.safetensors: intact\n")
    description, tensors = read_tensors(path, "model file", FORMAT)
    description["estimator"]["kind"] = "os.system"
    write_tensors(path, tensors, description)
    assert "does not hold a valid estimator" in problems(path)["t.safetensors"]


def test_a_run_in_progress(run: Path) -> None:
    (run / "manifest.json").unlink()
    folder = run / "checkpoints"
    folder.mkdir()
    files = StageCheckpoints(folder, "pretraining", 5)
    for value in (1.0, 2.0, torch.inf):
        files.save({}, {"parameters.a": torch.tensor([value])})
    second = folder / "pretraining-000002.safetensors"
    second.write_bytes(second.read_bytes()[:-1])
    found = problems(run)
    assert set(found) == {"checkpoints/pretraining-000002", "checkpoints/pretraining-000003"}
    assert "does not match its manifest" in found["checkpoints/pretraining-000002"]
    assert "parameters.a has values that are not finite" in found["checkpoints/pretraining-000003"]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    assert "does not exist. Train one with: sdae train" in refused(
        tmp_path, "verify", tmp_path / "nothing"
    )
