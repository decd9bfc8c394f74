"""The command line and the estimators read each other's models, and say the same."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdae
from sdae import SDAEClassifier, SDAERegressor
from tests.app.cli.commands import done, refused
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_run_of_the_command_line_is_an_estimator_and_says_the_same(
    flower_run: Path, tmp_path: Path
) -> None:
    model: Any = sdae.load(flower_run)
    assert type(model) is SDAEClassifier
    names = [str(name) for name in model.feature_names_in_]
    x = rows(20, len(names))
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(x, columns=names)
    table.to_csv(tmp_path / "x.csv", index=False)
    done("predict", flower_run, tmp_path / "x.csv", "-o", tmp_path / "p.csv")
    done("encode", flower_run, tmp_path / "x.csv", "-o", tmp_path / "h.npy")
    with (tmp_path / "p.csv").open(newline="") as file:
        header, *lines = list(csv.reader(file))
    assert header[1:] == [f"p_{label}" for label in model.classes_]
    assert [line[0] for line in lines] == model.predict(table).tolist()
    p = np.array([line[1:] for line in lines], np.float64)
    assert p.tobytes() == model.predict_proba(table).tobytes()
    assert np.load(tmp_path / "h.npy").tobytes() == model.transform(table).tobytes()


def test_the_command_line_takes_an_estimators_file(tmp_path: Path) -> None:
    x = rows().astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    path = tmp_path / "model.safetensors"
    model = quick(SDAEClassifier).fit(x, labels(rows()))
    model.save(path)
    done("predict", path, tmp_path / "x.npy", "-o", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        p = np.array([line[1:] for line in list(csv.reader(file))[1:]], np.float64)
    assert p.tobytes() == model.predict_proba(x).tobytes()


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_command_line_predicts_the_values_of_a_regressor(tmp_path: Path, loss: str) -> None:
    x = rows().astype(np.float32)
    path, targets = tmp_path / "model.safetensors", np.abs(x[:, :2]) + 3
    model = quick(SDAERegressor, loss=loss).fit(x, targets)
    model.save(path)
    np.savez(tmp_path / "t.npz", x=x, y=targets)
    done("predict", path, tmp_path / "t.npz", "-o", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        header, *lines = list(csv.reader(file))
    assert header == ["0", "1"]
    assert np.allclose(np.array(lines, np.float64), model.predict(x), rtol=1e-6)
    said = done("evaluate", path, tmp_path / "t.npz")
    errors = model.predict(x) - targets
    for target in (0, 1):
        assert f"{target}: Mean absolute error {np.abs(errors[:, target]).mean():.4g}"[:-1] in said


def test_a_file_of_a_single_class_is_refused(tmp_path: Path) -> None:
    x = rows().astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    path = tmp_path / "model.safetensors"
    quick(SDAEClassifier).fit(x, np.zeros(60, int)).save(path)
    problem = "of a single class, 0, which it predicts for every row"
    for command in ("predict", "evaluate"):
        out = ("-o", tmp_path / "p.csv") if command == "predict" else ()
        assert problem in refused(tmp_path, command, path, tmp_path / "x.npy", *out)
    done("encode", path, tmp_path / "x.npy", "-o", tmp_path / "h.npy")
