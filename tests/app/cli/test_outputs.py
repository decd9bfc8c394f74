"""What a command writes takes the place of nothing: no file of a run, no input, no other output."""

import json
import os
import shutil
from pathlib import Path

import pytest

from sdae.app.cli.tracker_options import Trackers
from sdae.core.errors import FileAccessError
from tests.app.cli.commands import done, refused
from tests.app.cli.samples import write_flowers


@pytest.fixture
def folder(flower_run: Path, tmp_path: Path) -> Path:
    """A folder with two runs on the flowers, and the flowers."""
    for name in ("run", "other"):
        shutil.copytree(flower_run, tmp_path / name)
    write_flowers(tmp_path / "flowers.csv")
    return tmp_path


def of_a_run(path: Path, run: Path) -> str:
    told = "which would be damaged. Choose another path."
    return f"Cannot write {path}: it is a file of the run {run}, {told}"


@pytest.mark.parametrize("run", ["run", "other"])
@pytest.mark.parametrize(
    ("command", "options", "name"),
    [
        ("export", ("--sequential",), "model.safetensors"),
        ("export", ("--sequential",), "MODEL.safetensors"),
        ("export", ("--sequential",), "checkpoints/pretraining.safetensors"),
        ("plot", ("curves", "-o"), "plots/curves.png"),
    ],
)
def test_a_file_of_a_run_is_no_output(
    command: str, options: tuple[str, ...], name: str, run: str, folder: Path
) -> None:
    path = folder / run / name
    path.parent.mkdir(exist_ok=True)
    message = refused(folder, command, folder / "run", *options, path)
    assert message == of_a_run(path, folder / run)
    link = folder / f"link{path.suffix}"
    link.symlink_to(path)
    assert refused(folder, command, folder / "run", *options, link) == of_a_run(link, folder / run)


def test_a_run_in_progress_and_one_without_its_model_are_runs_too(folder: Path) -> None:
    other = folder / "other"
    for name in ("manifest.json", "model.safetensors", "pretrained.safetensors"):
        (other / name).unlink()
    path = other / "model.safetensors"
    message = refused(folder, "export", folder / "run", "--sequential", path)
    assert message == of_a_run(path, other)


def test_a_file_of_the_manifest_is_no_output_and_another_is(folder: Path) -> None:
    run = folder / "run"
    predict = ("predict", run, folder / "flowers.csv", "-o")
    done(*predict, run / "mine.csv")
    done(*predict, run / "mine.csv")
    assert done("verify", run).endswith("All files are as they were written.\n")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["files"]["mine.csv"] = {"sha256": "", "bytes": 1}
    (run / "manifest.json").write_text(json.dumps(manifest))
    message = refused(folder, *predict, run / "mine.csv")
    assert message == of_a_run(run / "mine.csv", run)


@pytest.mark.parametrize(
    "others",
    [
        ("checkpoints/pretraining-000001.json",),
        ("checkpoints/fit-0123456789abcdef/lock", "model.safetensors"),
        ("model.safetensors", "pretrained.safetensors"),
    ],
)
def test_a_project_with_files_of_such_names_is_no_run(
    others: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(folder / "run/recipe.toml", folder / "recipe.toml")
    for name in others:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()
    (folder / "manifest.json").write_text('{"format": 1, "files": {}}')
    monkeypatch.chdir(folder)
    done("export", "run", "--numpy", "numpy")
    done("export", "run", "--sequential", "network.safetensors")
    assert (folder / "numpy/predict.py").is_file()
    assert (folder / "network.safetensors").is_file()


def test_the_folder_that_a_link_leads_to_is_named(folder: Path) -> None:
    link = folder / "latest.csv"
    link.symlink_to(folder / "nowhere/2025.csv")
    assert refused(folder, "predict", folder / "run", folder / "flowers.csv", "-o", link) == (
        f"Cannot write {link}: {folder / 'nowhere'} (the target of {link}) does not exist."
    )


def test_a_folder_with_a_recipe_alone_is_no_run(folder: Path) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / "recipe.toml").write_text("seed = 1\n")
    done("export", folder / "run", "--sequential", mine / "model.safetensors")


@pytest.mark.parametrize("by", ["itself", "link", "hard link", "another way"])
@pytest.mark.parametrize("command", ["predict", "encode", "denoise"])
def test_what_is_read_is_no_output(command: str, by: str, folder: Path) -> None:
    data = folder / "flowers.csv"
    path = {"itself": data, "another way": folder / "run/../flowers.csv"}.get(by, folder / "l.csv")
    if by == "link":
        path.symlink_to("flowers.csv")
    if by == "hard link":
        path.hardlink_to(data)
    message = refused(folder, command, folder / "run", data, "-o", path)
    assert message == (
        f"Cannot write {path}: this command reads {data}, which would be lost. Choose another path."
    )


def test_a_model_that_is_read_is_no_output(folder: Path) -> None:
    model = shutil.copy(folder / "run/model.safetensors", folder / "m.safetensors")
    message = refused(folder, "export", model, "--sequential", model)
    assert "this command reads" in message
    page = folder / "page.html"
    page.hardlink_to(folder / "run/history.jsonl")
    assert "this command reads" in refused(folder, "report", folder / "run", "-o", page)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_where_it_leads(there: bool, folder: Path) -> None:
    target, link = folder / "2025.csv", folder / "latest.csv"
    if there:
        target.write_text("old")
    link.symlink_to("2025.csv")
    predict = ("predict", folder / "run", folder / "flowers.csv", "-o")
    assert done(*predict, link) == f"90 predictions written to {link}\n"
    assert link.is_symlink()
    done(*predict, folder / "plain.csv")
    assert target.read_bytes() == (folder / "plain.csv").read_bytes()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("pipe.csv", "it is a pipe or a device. Name a file."),
        ("folder.csv", "it is a folder, not a file."),
        ("circle.csv", "Too many levels of symbolic links."),
        ("missing/p.csv", "{}/missing does not exist."),
        ("flowers.csv/p.csv", "Not a directory."),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    name: str, problem: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    (folder / "circle.csv").symlink_to("circle.csv")
    monkeypatch.setattr("sdae.app.cli.commands.predict.load_rows", None)
    predict = ("predict", folder / "run", folder / "flowers.csv", "-o", folder / name)
    assert refused(folder, *predict) == f"Cannot write {folder / name}: {problem.format(folder)}"


def test_two_outputs_of_a_command_are_apart(folder: Path) -> None:
    pytest.importorskip("onnxruntime")  # not every Python has one
    (folder / "empty").mkdir()
    numpy, onnx = folder / "empty", folder / "empty/m.onnx"
    message = refused(folder, "export", folder / "run", "--numpy", numpy, "--onnx", onnx)
    assert message.startswith(f"Cannot write both {onnx} and {numpy}: ")


@pytest.mark.parametrize(
    "command",
    [
        ("export", "run", "--numpy", "other/numpy"),
        ("compare", "flowers.csv", "--target=species", "--out", "other"),
        ("compare", "flowers.csv", "--target=species", "--out", "run/study"),
        ("train", "flowers.csv", "--out", "run/inner"),
        ("train", "flowers.csv", "--out", "new", "--tensorboard", "."),
        ("train", "flowers.csv", "--out", "x/other", "--tensorboard", "."),
        ("finetune", "run", "flowers.csv", "--tensorboard", "."),
        ("resume", "run", "--tensorboard", "."),
        ("train", "run/flowers.csv", "--out", "run", "--force"),
        ("train", "flowers.csv", "--recipe", "run/recipe.toml", "--out", "run", "--force"),
    ],
)
def test_a_folder_to_write_into_is_no_run(
    command: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_flowers(folder / "run/flowers.csv")
    monkeypatch.chdir(folder)
    message = refused(folder, *command)
    assert message.startswith("Cannot ")
    assert message.endswith(("Choose another folder.", "--out.", "path.", "for one of them."))


def test_a_study_does_not_write_over_its_data(folder: Path) -> None:
    study = folder / "study"
    study.mkdir()
    data = write_flowers(study / "table.csv")
    message = refused(folder, "compare", data, "--target=species", "--out", study)
    assert message.startswith(f"Cannot write {data}: this command reads {data}, ")


@pytest.mark.usefixtures("pictures")
def test_the_report_of_a_run_may_be_in_it_but_not_a_link(folder: Path) -> None:
    run, page = folder / "run", folder / "run/report.html"
    done("report", run, "-o", page, "--no-playground")
    done("report", run, "-o", run / "second.html", "--no-playground")
    assert done("verify", run).endswith("All files are as they were written.\n")
    message = refused(folder, "report", folder / "other", "-o", page)
    assert message == of_a_run(page, run)
    page.rename(folder / "elsewhere.html")
    page.symlink_to(folder / "elsewhere.html")
    assert " is a link. " in refused(folder, "report", run)


def test_events_beside_a_run_are_no_matter(tmp_path: Path) -> None:
    Trackers(str(tmp_path / "events"), None).check(tmp_path / "run")
    with pytest.raises(FileAccessError, match="one would overwrite the other"):
        Trackers(str(tmp_path), None).check(tmp_path / "run")
