"""Rows to predict, encode or denoise: their columns, their parts, and the files written."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.app.runs.run_folder import open_run
from sdae.core.model_file import load_model
from tests.app.cli.commands import done, refused
from tests.app.cli.samples import (
    HEADER,
    SMALL,
    images,
    measurements,
    species,
    write_rows,
    write_table,
)


def predictions(run: Path, data: Path, *options: str) -> list[list[str]]:
    out = data.with_name("predicted.csv")
    done("predict", run, data, "-o", out, *options)
    with out.open(newline="") as file:
        return list(csv.reader(file))


def test_columns_are_matched_by_name(flower_run: Path, tmp_path: Path) -> None:
    a, b, c, d = (list(column) for column in measurements().T)
    plain = predictions(flower_run, write_rows(tmp_path / "rows.csv"))
    other = write_table(tmp_path / "other.csv", "dxcba", [d, range(90), c, b, a])
    assert predictions(flower_run, other) == plain
    with_labels = flower_run.parent / "flowers.csv"
    labelled = tmp_path / "labelled.csv"
    labelled.write_bytes(with_labels.read_bytes())
    assert predictions(flower_run, labelled) == plain


def test_rows_without_labels_need_no_column_of_them(flower_run: Path, tmp_path: Path) -> None:
    """A column of labels that is there but empty counts as none."""
    columns = [list(column) for column in measurements().T]
    empty = write_table(tmp_path / "empty.csv", (*HEADER, "species"), [*columns, [""] * 90])
    plain = write_rows(tmp_path / "rows.csv")
    assert predictions(flower_run, empty) == predictions(flower_run, plain)


def test_rows_of_an_npz_without_a_label_are_answered_too(flower_run: Path, tmp_path: Path) -> None:
    data, whole = tmp_path / "partly.npz", tmp_path / "whole.npz"
    kinds = np.array(species())
    few = np.where(np.arange(90) % 3 == 0, kinds, "")
    np.savez(data, x=measurements(), y=few)
    np.savez(whole, x=measurements(), y=kinds)
    assert predictions(flower_run, data) == predictions(flower_run, whole)
    assert len(predictions(flower_run, data)) == 91
    for command in ("encode", "denoise"):
        done(command, flower_run, data, "-o", tmp_path / "out.npy")
        assert len(np.load(tmp_path / "out.npy")) == 90
    scored = done("evaluate", flower_run, data, "--target", "y")
    assert scored.startswith("Rows without a label, left out: 60\nRows 30, wrong ")
    rows = ("--target", "species", "--unlabeled", data, "--out", tmp_path / "other", *SMALL)
    said = done("train", flower_run.parent / "flowers.csv", *rows)
    alone = done("train", flower_run.parent / "flowers.csv", *rows[:2], *rows[4:], "--force")
    assert n_training_rows(said) == n_training_rows(alone) + 90


def n_training_rows(said: str) -> int:
    return int(said.split(": ")[1].split(" training rows")[0])


def test_a_missing_column_is_named(flower_run: Path, tmp_path: Path) -> None:
    a, b, c, _ = measurements().T
    data = write_table(tmp_path / "three.csv", ("a", "b", "c", "dd"), [a, b, c, a])
    message = refused(tmp_path, "predict", flower_run, data, "-o", tmp_path / "p.csv")
    assert message.startswith(
        f"{data} lacks 1 of the 4 columns of the training data, the first 'd'"
    )
    assert message.endswith(". Similar names: dd. Add what is missing to the file.")


def test_a_fault_is_told_though_the_labels_are_texts(flower_run: Path, tmp_path: Path) -> None:
    a, b, c, d = ([float(value) for value in column] for column in measurements().T)
    b[4] = float("inf")
    columns: list[list[float] | list[str]] = [a, b, c, d, species()]
    data = write_table(tmp_path / "rows.csv", (*HEADER, "species"), columns)
    message = refused(tmp_path, "predict", flower_run, data, "-o", tmp_path / "p.csv")
    assert "the first in row 5, column 'b'" in message


def test_codes_are_the_models(flower_run: Path, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.csv")
    model = load_model(flower_run / "model.safetensors")
    before = load_model(flower_run / "pretrained.safetensors")
    assert model.scaling is not None
    x = model.scaling.apply(measurements().astype(np.float32))
    out = tmp_path / "codes.npy"
    for options, expected in (
        ((), model.stack.encode(x)),
        (("--layer", "1"), model.stack.encode(x, 2)),
        (("--layer", "0"), model.stack.encode(x, 1)),
        (("--layer", "0", "--stage", "pretraining"), before.stack.encode(x, 1)),
    ):
        done("encode", flower_run, data, "-o", out, *options)
        np.testing.assert_allclose(np.load(out), expected.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_codes_are_written_as_csv_too(flower_run: Path, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.csv")
    done("encode", flower_run, data, "-o", tmp_path / "codes.npy")
    done("encode", flower_run, data, "-o", tmp_path / "codes.csv")
    with (tmp_path / "codes.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["h0", "h1", "h2", "h3", "h4"]
    np.testing.assert_array_equal(
        np.array(rows, dtype=np.float64).astype(np.float32), np.load(tmp_path / "codes.npy")
    )


def test_rows_are_denoised_by_the_network_as_pre_trained(flower_run: Path, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.csv")
    out = tmp_path / "clean.npy"
    for options, kept, depth in (
        ((), "pretrained", 1),
        (("--layer", "1"), "pretrained", 2),
        (("--stage", "finetuning"), "model", 1),
    ):
        model = load_model(flower_run / f"{kept}.safetensors")
        assert model.scaling is not None
        x = model.scaling.apply(measurements().astype(np.float32))
        expected = model.scaling.undo(model.stack.reconstruct(x, depth).detach().numpy())
        said = done("denoise", flower_run, data, "-o", out, *options)
        assert said == f"90 rows reconstructed through layer {depth - 1} written to {out}\n"
        np.testing.assert_allclose(np.load(out), expected, rtol=1e-5, atol=1e-6)


def test_parts_are_chosen_and_the_test_part_by_default(image_run: Path, tmp_path: Path) -> None:
    data, out = image_run.parent / "images", tmp_path / "p.csv"
    for options, n_rows in (((), 20), (("--part", "test"), 20), (("--part", "train"), 40)):
        said = done("predict", image_run, data, "-o", out, *options)
        assert said == f"{n_rows} predictions written to {out}\n"
    message = refused(
        tmp_path, "predict", image_run, data, "-o", tmp_path / "q.csv", "--part=validation"
    )
    assert message == "images has no part 'validation'. It has: train, test."


def test_rows_without_names_need_only_the_right_number(image_run: Path, tmp_path: Path) -> None:
    x, _ = images()
    np.save(tmp_path / "flat.npy", x.reshape(60, 20) / np.float32(256))
    np.save(tmp_path / "pictures.npy", x)
    done("predict", image_run, tmp_path / "flat.npy", "-o", tmp_path / "flat.csv")
    done("predict", image_run, tmp_path / "pictures.npy", "-o", tmp_path / "pictures.csv")
    assert (tmp_path / "flat.csv").read_bytes() == (tmp_path / "pictures.csv").read_bytes()
    np.save(tmp_path / "wide.npy", np.zeros((5, 21), np.float32))
    message = refused(
        tmp_path, "predict", image_run, tmp_path / "wide.npy", "-o", tmp_path / "w.csv"
    )
    assert "has 21 feature columns; the model expects 20" in message
    assert "--target" not in message  # these commands do not have it
    assert message.endswith(
        "Leave the labels, and other columns that it was not trained on, out of the file."
    )


def test_an_array_is_matched_with_the_columns_of_a_table_by_place(
    flower_run: Path, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "rows.csv", "abcd", list(measurements().T))
    np.save(tmp_path / "rows.npy", measurements())
    for rows in (table, tmp_path / "rows.npy"):
        done("predict", flower_run, rows, "-o", rows.with_suffix(rows.suffix + ".out.csv"))
    by_name, by_place = (tmp_path / f"rows.{kind}.out.csv" for kind in ("csv", "npy"))
    assert by_place.read_bytes() == by_name.read_bytes()
    np.save(tmp_path / "wide.npy", np.ones((3, 5)))
    message = refused(tmp_path, "predict", flower_run, tmp_path / "wide.npy", "-o", "p.csv")
    assert "must have 4 columns, as the training data. Got 5 columns without names" in message


def test_denoised_rows_without_names_get_numbered_ones(image_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean.csv"
    done("denoise", image_run, image_run.parent / "images", "-o", out)
    header, *rows = out.read_text().splitlines()
    assert header.split(",") == [f"x{column}" for column in range(20)]
    assert len(rows) == 20


@pytest.mark.parametrize("command", ["predict", "encode", "denoise"])
def test_an_output_that_exists_is_replaced(command: str, flower_run: Path, tmp_path: Path) -> None:
    data, out = write_rows(tmp_path / "rows.csv"), tmp_path / "out.csv"
    out.write_text("old")
    done(command, flower_run, data, "-o", out)
    assert len(out.read_text().splitlines()) == 91
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.csv"]


def test_a_target_can_be_named_for_evaluation(flower_run: Path, tmp_path: Path) -> None:
    columns = [list(column) for column in measurements().T]
    data = write_table(tmp_path / "rows.csv", (*HEADER, "kind"), [*columns, species()])
    original = open_run(flower_run).recipe().data.source
    assert done("evaluate", flower_run, data, "--target", "kind") == done(
        "evaluate", flower_run, original
    )


def test_columns_the_model_does_not_know_are_passed_over_whatever_they_hold(
    flower_run: Path, tmp_path: Path
) -> None:
    plain = write_table(tmp_path / "plain.csv", HEADER, list(measurements().T))
    names = [*HEADER, "remark"]
    columns = [*measurements().T, [""] * len(measurements())]
    with_remarks = write_table(tmp_path / "remarks.csv", names, columns)
    for data in (plain, with_remarks):
        done("predict", flower_run, data, "-o", data.with_suffix(".out.csv"))
    assert (tmp_path / "plain.out.csv").read_bytes() == (tmp_path / "remarks.out.csv").read_bytes()


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_a_network_of_another_type_of_numbers_answers_too(
    kind: torch.dtype, tmp_path: Path
) -> None:
    x = np.random.default_rng(0).random((40, 6), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    stack = StackedDenoisingAutoencoder(6, (5, 4), n_classes=3, seed=1).to(kind)
    with torch.no_grad():
        stack.head.weight.copy_(torch.linspace(-2, 2, 12).reshape(3, 4))
    stack.save(tmp_path / "model.safetensors")
    model = tmp_path / "model.safetensors"
    done("predict", model, tmp_path / "x.npy", "-o", tmp_path / "p.csv")
    p = np.loadtxt(tmp_path / "p.csv", delimiter=",", skiprows=1)[:, 1:]
    tolerance = 1e-6 if kind == torch.float64 else 1e-2
    np.testing.assert_allclose(p, stack.predict_proba(x).float(), atol=tolerance)
    done("encode", model, tmp_path / "x.npy", "-o", tmp_path / "h.npy")
    codes = stack.encode(x).detach().float()
    np.testing.assert_allclose(np.load(tmp_path / "h.npy"), codes, atol=tolerance)
    done("denoise", model, tmp_path / "x.npy", "-o", tmp_path / "z.npy")
    assert np.load(tmp_path / "z.npy").dtype == np.float32
