"""Data that cannot be used: exit code 2, one clear sentence with a remedy, nothing left behind."""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.app.cli.commands import checked_message, done, refused, run
from tests.app.cli.samples import (
    HEADER,
    SMALL,
    contents,
    measurements,
    species,
    write_flowers,
    write_idx_folder,
    write_rows,
    write_table,
)


class Payload:
    """Pickles as a shell command that makes a file."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self._witness}'",)


def train(data: Path, *options: str) -> str:
    """Train on data that must be refused, beside them; return the message."""
    out = data.parent / "deep/run"
    return refused(data.parent, "train", data, "--out", out, *SMALL, *options)


def flowers_with(path: Path, column: int, row: int, value: object) -> Path:
    columns: list[list[object]] = [list(values) for values in measurements().T]
    columns[column][row] = value
    return write_table(path, (*HEADER, "species"), [*columns, species()])


def test_a_bad_file_ends_the_installed_command_in_words(tmp_path: Path) -> None:
    data = flowers_with(tmp_path / "flowers.csv", 2, 6, "inf")
    before = contents(tmp_path)
    ended = run("train", data, "--target", "species", "--out", "new/run", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert checked_message(ended.stderr) == (
        f"{data} has numbers that are infinite or too large to scale in column c. Divide them by a "
        "constant, or mark such values as missing."
    )
    assert contents(tmp_path) == before


def test_a_missing_file(tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    message = train(tmp_path / "flower.csv")
    assert message == (
        f"Cannot read {tmp_path / 'flower.csv'}: it does not exist. Similar names: flowers.csv."
    )


def test_a_wrong_column(tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv")
    message = train(data, "--target", "specis")
    assert message == (
        f"{data} has no column 'specis'. Did you mean 'species'? Its columns are: a, b, c, d, "
        "species."
    )


@pytest.mark.parametrize("value", ["inf", "-inf", "1e300"])
def test_a_number_too_large(value: str, tmp_path: Path) -> None:
    data = flowers_with(tmp_path / "flowers.csv", 1, 3, value)
    message = train(data, "--target", "species")
    assert "infinite or too large to scale in column b." in message


@pytest.mark.parametrize("value", ["nan", "", "NA"])
def test_a_missing_value_is_no_fault(value: str, tmp_path: Path) -> None:
    data = flowers_with(tmp_path / "flowers.csv", 1, 3, value)
    out = tmp_path / "run"
    said = done("train", data, "--target", "species", "--out", out, *SMALL)
    assert "Columns: 4 numbers; 1 with missing values" in said


@pytest.mark.parametrize(("content", "what"), [("", "no header line"), ("a,b\n", "it has 0 rows")])
def test_an_empty_file(content: str, what: str, tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text(content)
    message = train(data)
    assert message.startswith(f"{data} is empty: ")
    assert what in message


def test_one_class(tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv", labels=["setosa"] * 90)
    message = train(data, "--target", "species")
    assert "has only one class, 'setosa': a classifier needs at least two." in message
    assert message.endswith("Check the target, or leave it out to pre-train only.")


def test_a_class_too_rare_to_split(tmp_path: Path) -> None:
    labels = [*species()[:-1], "rosa"]
    message = train(write_flowers(tmp_path / "f.csv", labels=labels), "--target", "species")
    assert "too few rows of class 'rosa'" in message
    assert message.endswith("Add rows, drop the class, or set --test to 0.")


def test_a_row_without_a_label_is_pretrained_on(tmp_path: Path) -> None:
    labels = [*species()[:-1], ""]
    data = write_flowers(tmp_path / "f.csv", labels=labels)
    said = done("train", data, "--target", "species", "--out", tmp_path / "run", *SMALL)
    assert "Test error" in said
    nothing = write_flowers(tmp_path / "g.csv", labels=[""] * 90)
    assert "has no label in column 'species'" in train(nothing, "--target", "species")


def test_a_target_with_fractions_is_no_class(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.csv")
    message = train(data, "--target", "a", "--task", "multilabel")
    assert "each must hold 0 and 1" in message
    assert "for values give --task regression" in message


def test_a_label_never_seen_in_training(flower_run: Path, tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv", labels=[*species()[:-1], "virginia"])
    message = refused(tmp_path, "evaluate", flower_run, data)
    assert message == (
        f"{data} has the label 'virginia', which did not occur in training. Known labels: setosa, "
        "versicolor, virginica. Did you mean 'virginica'?"
    )


def test_a_label_that_training_rows_lack(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((12, 3))
    y = np.arange(12) % 2
    data = tmp_path / "rows.npz"
    np.savez(data, x_train=x, y_train=y, x_test=x, y_test=y + 1, x_val=x, y_val=y)
    message = train(data)
    assert "has the label 2, which did not occur in training. Known labels: 0, 1." in message


def test_labels_that_are_not_there_to_compare_with(flower_run: Path, tmp_path: Path) -> None:
    rows = write_table(tmp_path / "rows.csv", HEADER, list(measurements().T))
    message = refused(tmp_path, "evaluate", flower_run, rows)
    assert message == f"{rows} has no column 'species'. Its columns are: a, b, c, d."
    message = refused(tmp_path, "evaluate", flower_run, rows, "--target", "species")
    assert message.startswith(f"{rows} has no column 'species'.")


def test_values_outside_the_unit_interval_with_cross_entropy(tmp_path: Path) -> None:
    data = write_flowers(tmp_path / "flowers.csv")
    options = ("--set", "model.decoder=sigmoid", "--set", "data.scale=none")
    message = train(data, "--target", "species", *options)
    assert message.startswith("flowers has values outside [0, 1] (from -")
    assert message.endswith("Set data.scale to minmax, or model.decoder to linear.")


def test_a_column_of_texts_that_differ_from_row_to_row(tmp_path: Path) -> None:
    message = train(write_flowers(tmp_path / "f.csv", labels=[f"flower {k}" for k in range(90)]))
    assert "text that differs from row to row in column species" in message
    assert "--drop" in message


def test_a_line_with_too_few_fields(tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("a,b\n1,2\n3\n")
    assert train(data).startswith(f"{data}, line 3, has 1 fields, but the header has 2.")


@pytest.mark.parametrize("suffix", [".csv.gz", ".pkl.gz"])
def test_a_corrupted_gzip(suffix: str, tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 500, mtime=0)
    data = tmp_path / f"rows{suffix}"
    for content in (packed[:-12], packed[:20] + bytes(8) + packed[28:]):
        data.write_bytes(content)
        message = train(data)
        assert message.startswith(f"{data} is damaged: its gzip stream cannot be unpacked")
        assert message.endswith("Download it again.")


@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_idx_file(packed: bool, tmp_path: Path) -> None:
    folder = write_idx_folder(tmp_path / "images", packed=packed)
    path = folder / f"train-images-idx3-ubyte{'.gz' if packed else ''}"
    whole = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    path.write_bytes(gzip.compress(whole[:-5]) if packed else whole[:-5])
    message = train(folder)
    assert message.startswith(f"{path} is truncated or damaged: its header says 800 bytes")
    assert message.endswith("but the file has 795. Download it again.")


@pytest.mark.parametrize("name", ["mnist.pkl.gz", "mnist.pkl", "rows.npy", "rows.npz"])
def test_a_pickle_with_a_payload_is_refused_and_its_payload_not_run(
    name: str, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    payload = Payload(witness)
    data = tmp_path / name
    array = np.array([payload], dtype=object)
    if name.endswith(".npy"):
        np.save(data, array, allow_pickle=True)
    elif name.endswith(".npz"):
        np.savez(data, x=array)
    else:
        content = pickle.dumps((payload, payload, payload))
        data.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    message = train(data)
    assert str(data) in message
    assert not witness.exists()


def test_the_payload_of_these_tests_would_run(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    pickle.loads(pickle.dumps(Payload(witness)))
    assert witness.exists()


def test_a_file_of_no_known_kind(tmp_path: Path) -> None:
    data = tmp_path / "rows.xlsx"
    data.write_bytes(b"x")
    message = train(data)
    assert message.startswith(f"{data} is not a kind of file that sdae can read. It reads .csv, ")
