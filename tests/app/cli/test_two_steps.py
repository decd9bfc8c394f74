"""Pre-training without labels first, fine-tuning on the labelled rows later."""

import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from sdae.core.model_file import load_model
from tests.app.cli.commands import done, fail_after, invoke, refused
from tests.app.cli.samples import (
    HEADER,
    SMALL,
    contents,
    history,
    measurements,
    write_flowers,
    write_rows,
    write_table,
)

GO_ON = "Pre-trained only. Fine-tune with: sdae finetune RUN DATA --target COLUMN"


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    """A run on rows without labels, with labelled rows beside it."""
    write_flowers(tmp_path / "flowers.csv")
    data = write_rows(tmp_path / "rows.csv")
    done("train", data, "--out", tmp_path / "run", *SMALL)
    return tmp_path / "run"


def finetune(run: Path, *options: str) -> str:
    return done("finetune", run, run.parent / "flowers.csv", "--target", "species", *options)


def test_without_labels_there_is_only_pre_training(pretrained: Path, tmp_path: Path) -> None:
    said = done("train", tmp_path / "rows.csv", "--out", tmp_path / "other", *SMALL)
    assert said.splitlines()[0] == "rows: 62 training rows, no labels."
    assert "Fine-tuning" not in said
    assert said.splitlines()[-1] == GO_ON
    assert {record["stage"] for record in history(pretrained)} == {"pretraining"}
    assert not (pretrained / "pretrained.safetensors").exists()
    assert load_model(pretrained / "model.safetensors").stack.n_classes is None
    assert done("info", pretrained).splitlines()[-1] == GO_ON


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_a_precision_that_the_device_lacks_is_refused_without_labels_too(
    tmp_path: Path, precision: str
) -> None:
    data = write_rows(tmp_path / "rows.csv")
    options = (f"--set=finetuning.precision={precision}", "--out", tmp_path / "other", *SMALL)
    said = refused(tmp_path, "train", data, *options)
    assert said.startswith("The precision parameter of finetune must be 'float32' on cpu. Got ")


def test_fine_tuning_goes_on_from_the_pre_trained_network(pretrained: Path) -> None:
    before = contents(pretrained)
    said = finetune(pretrained, "--set", "finetuning.epochs=4")
    assert contents(pretrained)["pretrained.safetensors"] == before["model.safetensors"]
    model = load_model(pretrained / "model.safetensors")
    assert model.classes == ("setosa", "versicolor", "virginica")
    assert model.feature_names == HEADER
    records = history(pretrained)
    assert [r["stage"] for r in records] == ["pretraining"] * 4 + ["finetuning"] * 4
    recipe = tomllib.loads((pretrained / "recipe.toml").read_text())
    assert recipe["data"]["target"] == "species"
    assert recipe["data"]["source"].endswith("flowers.csv")
    assert recipe["finetuning"]["epochs"] == 4
    assert said.splitlines()[-1].startswith("Test error ")
    assert done("info", pretrained).splitlines()[-1] == said.splitlines()[-1]
    assert done("evaluate", pretrained, pretrained.parent / "flowers.csv").startswith("Rows 90")


def test_fine_tuning_starts_from_the_learned_weights(pretrained: Path) -> None:
    before = load_model(pretrained / "model.safetensors").stack
    finetune(pretrained, "--set", "finetuning.learning_rate=0")
    after = load_model(pretrained / "model.safetensors").stack
    for layer in (0, 1):
        assert torch.equal(before.autoencoder(layer).weight, after.autoencoder(layer).weight)
    assert not torch.count_nonzero(after.head.weight)


def test_fine_tuning_keeps_the_scaling_of_the_pre_trained_network(pretrained: Path) -> None:
    before = load_model(pretrained / "model.safetensors").scaling
    finetune(pretrained)
    after = load_model(pretrained / "model.safetensors").scaling
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before.offset, after.offset)
    np.testing.assert_array_equal(before.scale, after.scale)


def test_fine_tuning_twice_tells_of_the_second_time(pretrained: Path) -> None:
    finetune(pretrained, "--set", "finetuning.learning_rate=0.1", "--set=finetuning.epochs=20")
    said = finetune(pretrained, "--set", "finetuning.learning_rate=30")
    last = said.splitlines()[-1]
    assert float(last.split()[-2]) > 20
    assert done("info", pretrained).splitlines()[-1] == last


def test_quiet_fine_tuning_says_the_last_line_only(pretrained: Path) -> None:
    lines = finetune(pretrained, "--quiet").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Test error ")


def test_fine_tuning_needs_labels(pretrained: Path) -> None:
    folder = pretrained.parent
    message = refused(folder, "finetune", pretrained, folder / "rows.csv")
    assert message == "rows has no labels to fine-tune on. Name their column with --target."


def test_a_failed_fine_tuning_leaves_the_run_as_it_was(pretrained: Path) -> None:
    folder = pretrained.parent
    command = ("finetune", pretrained, folder / "flowers.csv", "--target=species")
    message = refused(
        folder, *command, "--set=finetuning.learning_rate=1e30", "--set=finetuning.optimizer=sgd"
    )
    assert message.startswith("A parameter is not finite (finetuning, epoch ")
    assert message.endswith("Lower the learning rate, or scale the data.")


@pytest.mark.parametrize("n_files", range(4))
def test_a_full_disk_leaves_the_run_as_it_was(
    n_files: int, pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_after(2 * n_files, monkeypatch)
    command = ("finetune", pretrained, pretrained.parent / "flowers.csv", "--target=species")
    message = refused(pretrained.parent, *command)
    assert message.startswith("Cannot write ")
    assert message.endswith(": No space left on device.")


def test_an_interrupted_fine_tuning_leaves_the_run_as_it_was(
    pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sdae.app.cli.commands.finetune.finetune_on", interrupt)
    before = contents(pretrained.parent)
    data = pretrained.parent / "flowers.csv"
    result = invoke("finetune", pretrained, data, "--target", "species")
    assert (result.exit_code, result.stderr) == (130, "Interrupted. Nothing was written.\n")
    assert contents(pretrained.parent) == before


def test_without_a_head_there_is_nothing_to_predict_or_evaluate(pretrained: Path) -> None:
    folder = pretrained.parent
    data = folder / "flowers.csv"
    for command in (
        ("predict", pretrained, folder / "rows.csv", "-o", folder / "p.csv"),
        ("evaluate", pretrained, data, "--target", "species"),
    ):
        assert "fine-tun" in refused(folder, *command).lower()


def test_codes_and_reconstructions_need_no_labels(pretrained: Path) -> None:
    data = pretrained.parent / "rows.csv"
    for command in ("encode", "denoise"):
        assert done(command, pretrained, data, "-o", data.with_name("out.npy")).startswith("90 ")


def test_unlabelled_rows_are_added_for_pre_training(tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv")
    columns = [list(column) for column in 9 + measurements(40).T]
    more = write_table(tmp_path / "more.csv", "dcbax", [*reversed(columns), range(40)])
    options = ("--target", "species", "--unlabeled", more, *SMALL)
    said = done("train", data, *options, "--out", tmp_path / "run")
    assert said.splitlines()[0] == "flowers: 102 training rows, 62 of them with labels."
    model = load_model(tmp_path / "run/model.safetensors")
    assert model.feature_names == HEADER
    assert model.scaling is not None
    assert model.scaling.offset.min() > 3
    recipe = tomllib.loads((tmp_path / "run/recipe.toml").read_text())
    assert recipe["data"]["unlabeled"] == str(more)


def test_unlabelled_rows_may_have_an_empty_column_of_labels(tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv")
    more = write_flowers(tmp_path / "more.csv", labels=[""] * 40, n_rows=40)
    options = ("--target", "species", "--unlabeled", more, *SMALL)
    said = done("train", data, *options, "--out", tmp_path / "run")
    assert said.splitlines()[0] == "flowers: 102 training rows, 62 of them with labels."


def test_unlabelled_rows_need_the_same_columns(tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv")
    more = write_table(tmp_path / "more.csv", "abc", [[1], [2], [3]])
    command = ("train", data, "--target=species", "--unlabeled", more, "--out", tmp_path / "run")
    message = refused(tmp_path, *command, *SMALL)
    assert message.startswith(f"{more} lacks 1 of the 4 columns of {data}, the first 'd'. Add what")
    np.save(tmp_path / "more.npy", np.ones((3, 5)))
    message = refused(tmp_path, *command, "--unlabeled", tmp_path / "more.npy", *SMALL)
    assert "must have 4 columns, as the training data. Got 5 columns without names" in message


@pytest.mark.parametrize(
    ("setting", "table"),
    [
        ("model.hidden_layer_sizes=[9]", "model"),
        ("pretraining.epochs=9", "pretraining"),
        ("data.scale=none", "data"),
    ],
)
def test_fine_tuning_refuses_to_change_what_is_settled(
    pretrained: Path, setting: str, table: str
) -> None:
    data = write_flowers(pretrained.parent / "labelled.csv")
    before = contents(pretrained)
    command = ("finetune", pretrained, data, "--target", "species", "--set", setting)
    message = refused(pretrained.parent, *command)
    assert message.startswith(f"The {table} settings of {pretrained} cannot be changed")
    assert contents(pretrained) == before


def test_without_any_epoch_a_run_is_written_and_says_so(tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv")
    none = ("--set", "pretraining.epochs=0", "--set", "finetuning.epochs=0")
    said = done("train", data, "--target", "species", "--out", tmp_path / "run", *SMALL, *none)
    assert said.splitlines()[-1] == GO_ON
    assert history(tmp_path / "run") == []
    assert done("info", tmp_path / "run").splitlines()[-1] == GO_ON


def test_fine_tuning_takes_the_runs_own_target(pretrained: Path, tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "labelled.csv")
    done("finetune", pretrained, data, "--target", "species", "--set", "finetuning.epochs=1")
    said = done("finetune", pretrained, data, "--set", "finetuning.epochs=1")
    assert said.splitlines()[-1].startswith("Test error ")


def test_fine_tuning_learns_from_rows_without_labels(pretrained: Path) -> None:
    data, rows = pretrained.parent / "flowers.csv", pretrained.parent / "rows.csv"
    method = "finetuning.semi_supervised=label_spreading"
    given = ("finetune", pretrained, data, "--target=species", f"--unlabeled={rows}")
    words = refused(pretrained, *given)
    assert "--unlabeled has an effect only with semi-supervised fine-tuning" in words
    finetune(pretrained, "--set", method, "--unlabeled", str(rows), "--set=finetuning.epochs=3")
    recipe = tomllib.loads((pretrained / "recipe.toml").read_text())
    assert recipe["finetuning"]["semi_supervised"] == "label_spreading"
    assert recipe["data"]["unlabeled"] == str(rows)
    finetune(pretrained, "--set=finetuning.semi_supervised=auto", "--unlabeled", str(rows))
    recipe = tomllib.loads((pretrained / "recipe.toml").read_text())
    assert recipe["finetuning"]["semi_supervised"] == ["label_spreading", "vat"]  # as chosen
    taught = load_model(pretrained / "model.safetensors").stack.head.weight
    finetune(pretrained)  # by the same methods, from the rows of this file alone
    recipe = tomllib.loads((pretrained / "recipe.toml").read_text())
    assert recipe["finetuning"]["semi_supervised"] == ["label_spreading", "vat"]
    assert recipe["data"]["unlabeled"] == "none"
    again = finetune(pretrained, "--set", "finetuning.semi_supervised=none")
    assert "Fine-tuning" in again
    assert not torch.equal(taught, load_model(pretrained / "model.safetensors").stack.head.weight)


def test_rows_without_labels_may_stand_in_the_same_file(pretrained: Path, tmp_path: Path) -> None:
    data, rows = tmp_path / "flowers.csv", tmp_path / "rows.csv"
    header, *unlabelled = rows.read_text().splitlines()
    assert data.read_text().splitlines()[0] == f"{header},species"
    together = tmp_path / "partly.csv"
    together.write_text(data.read_text() + "".join(f"{row},\n" for row in unlabelled))
    shutil.copytree(pretrained, tmp_path / "other")
    options = (
        "--target=species",
        "--set=finetuning.semi_supervised=mean_teacher",
        "--set=finetuning.epochs=2",
    )
    done("finetune", pretrained, data, f"--unlabeled={rows}", *options)
    done("finetune", tmp_path / "other", together, *options)
    heads = [
        load_model(run / "model.safetensors").stack.head.weight
        for run in (pretrained, tmp_path / "other")
    ]
    assert torch.equal(*heads)


def test_rows_without_labels_of_a_table_are_numbers_for_a_model_of_numbers(
    pretrained: Path, tmp_path: Path
) -> None:
    header, *lines = (tmp_path / "flowers.csv").read_text().splitlines()
    partly = [header, *(line.rsplit(",", 1)[0] + "," for line in lines[::3]), *lines]
    (tmp_path / "partly.csv").write_text("\n".join(partly))
    (tmp_path / "partly.tsv").write_text("\n".join(partly).replace(",", "\t"))
    shutil.copytree(pretrained, tmp_path / "other")
    options = (
        "--target=species",
        "--set=finetuning.semi_supervised=vat",
        "--set=finetuning.epochs=2",
    )
    done("finetune", pretrained, tmp_path / "partly.csv", *options)
    done("finetune", tmp_path / "other", tmp_path / "partly.tsv", *options)
    heads = [
        load_model(run / "model.safetensors").stack.head.weight
        for run in (pretrained, tmp_path / "other")
    ]
    assert torch.equal(*heads)
