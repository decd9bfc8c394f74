"""A run whose rows have several labels each, through every command."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from sdae import StackedDenoisingAutoencoder, load
from sdae.core.kinds.heads import Head
from sdae.core.model_file import load_model
from tests.app.cli.commands import done, refused
from tests.app.cli.samples import write_table

LABELS = ("red", "big", "old")
TARGETS = tuple(f"--target={name}" for name in LABELS)
SMALL = (
    "--set=model.hidden_layer_sizes=[12]",
    "--set=pretraining.epochs=2",
    "--set=finetuning.epochs=60",
    "--set=finetuning.learning_rate=0.02",
    "--set=finetuning.dropout=0.0",
)


def write_things(path: Path, n_rows: int = 160, seed: int = 0) -> Path:
    """Write rows of four numbers, of which three say which labels a row has."""
    x = np.round(np.random.default_rng(seed).random((n_rows, 4)), 3)
    header = ("a", LABELS[0], "b", LABELS[1], "c", "d", LABELS[2])
    a, b, c, d = (list(column) for column in x.T)
    red, big, old = ([int(value > 0.5) for value in column] for column in (a, b, c))
    return write_table(path, header, [a, red, b, big, c, d, [str(bool(value)) for value in old]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table and the run that was trained on it."""
    folder = tmp_path_factory.mktemp("labels")
    write_things(folder / "things.csv")
    said = done("train", folder / "things.csv", "--out", folder / "run", *TARGETS, *SMALL)
    assert "Network 4-12-3 on" in said
    assert said.splitlines()[-1].startswith("Test error ")
    return folder


def test_the_model_knows_its_labels(folder: Path) -> None:
    model = load_model(folder / "run" / "model.safetensors")
    assert model.classes == LABELS
    assert model.stack.head_kind is Head.MULTILABEL
    assert "Labels (3): red, big, old" in done("info", folder / "run")


def test_the_run_is_an_estimator_too(folder: Path) -> None:
    estimator = load(folder / "run")
    assert estimator.classes_.tolist() == list(LABELS)
    pd = pytest.importorskip("pandas")
    x = pd.DataFrame(np.random.default_rng(2).random((5, 4)), columns=["a", "b", "c", "d"])
    assert estimator.predict(x).shape == (5, 3)


def test_predictions_and_the_error_are_those_of_the_model(folder: Path, tmp_path: Path) -> None:
    done("predict", folder / "run", folder / "things.csv", "-o", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*LABELS, *(f"p_{label}" for label in LABELS)]
    p = np.array([[float(row[f"p_{label}"]) for label in LABELS] for row in rows])
    found = np.array([[int(row[label]) for label in LABELS] for row in rows])
    assert found.tolist() == (p > 0.5).astype(int).tolist()
    with (folder / "things.csv").open() as file:
        things = list(csv.DictReader(file))
    y = np.array([[thing[label] in ("1", "True") for label in LABELS] for thing in things])
    wrong = int((found != y).sum())
    said = done("evaluate", folder / "run", folder / "things.csv")
    assert f"Rows 160 of 3 labels, labels wrong {wrong:,}" in said
    assert said.splitlines()[-1] == f"Error {100 * wrong / 480:.2f} %"
    assert wrong < 120  # it learned
    likelihood = -np.log(np.where(y, p, 1 - p)).sum(axis=1).mean()
    assert f"Negative log-likelihood (log loss) {likelihood:.4f}" in said


def test_a_table_with_labels_in_another_order_gives_the_same_error(folder: Path) -> None:
    of_run = done("evaluate", folder / "run", folder / "things.csv")
    mixed = [f"--target={name}" for name in reversed(LABELS)]
    assert done("evaluate", folder / "run", folder / "things.csv", *mixed) == of_run


def test_every_export_agrees(folder: Path, tmp_path: Path) -> None:
    said = done(
        "export", folder / "run", "--onnx", tmp_path / "m.onnx", "--numpy", tmp_path / "numpy",
        "--sequential", tmp_path / "s.safetensors",
    )  # fmt: skip
    assert said.count("Its probabilities") == 3
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    x = np.random.default_rng(1).random((5, 4)).astype(np.float32)
    labels, p = session.run(["labels", "probabilities"], {"x": x})
    assert labels.dtype == np.int64
    assert labels.tolist() == (p > 0.5).astype(int).tolist()
    names = session.get_modelmeta().custom_metadata_map["classes"]
    assert json.loads(names) == list(LABELS)


@pytest.mark.usefixtures("pictures")
def test_the_report_has_a_line_for_each_label(folder: Path, tmp_path: Path) -> None:
    done("report", folder / "run", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Each label by itself" in page
    assert "Confusions" not in page
    assert '"head": "multilabel"' in page
    for label in LABELS:
        assert f'<th scope="row"><bdi>{label}</bdi></th><td>' in page


def test_a_run_is_pretrained_first_and_gets_its_labels_later(tmp_path: Path) -> None:
    write_things(tmp_path / "things.csv")
    rows = [line.split(",") for line in (tmp_path / "things.csv").read_text().splitlines()]
    kept = [place for place, name in enumerate(rows[0]) if name not in LABELS]
    bare = "\n".join(",".join(row[place] for place in kept) for row in rows)
    (tmp_path / "bare.csv").write_text(bare)
    done("train", tmp_path / "bare.csv", "--out", tmp_path / "run", *SMALL)
    done("finetune", tmp_path / "run", tmp_path / "things.csv", *TARGETS)
    model = load_model(tmp_path / "run" / "model.safetensors")
    assert model.classes == LABELS
    assert isinstance(model.stack, StackedDenoisingAutoencoder)
    assert model.stack.n_labels == 3


def test_columns_of_probabilities_have_names_of_their_own(tmp_path: Path) -> None:
    text = (write_things(tmp_path / "things.csv")).read_text()
    (tmp_path / "things.csv").write_text(text.replace("red,b,big", "x,b,p_x", 1))
    targets = ("--target=x", "--target=p_x")
    table = tmp_path / "things.csv"
    rows = [line.rpartition(",")[0] for line in table.read_text().splitlines()]
    table.write_text("\n".join(rows) + "\n")
    done("train", table, "--out", tmp_path / "run", *targets, *SMALL)
    done("predict", tmp_path / "run", table, "-o", tmp_path / "p.csv")
    header = (tmp_path / "p.csv").read_text().splitlines()[0]
    assert header == "x,p_x,pp_x,pp_p_x"


def test_labels_that_do_not_fit_the_run_are_refused(folder: Path) -> None:
    data = folder / "things.csv"
    message = refused(folder, "evaluate", folder / "run", data, "--target=red", "--target=big")
    assert "the labels red, big" in message
    assert "red, big, old" in message
    assert "has the labels red, but the model has red, big, old" in refused(
        folder, "evaluate", folder / "run", data, "--target=red"
    )
    assert "named twice" in refused(folder, "train", data, "--target=red", "--target=red")
    message = refused(folder, "train", data, *TARGETS, "--target=a")
    assert "of the label 'a'" in message
    assert "each must hold 0 and 1" in message
