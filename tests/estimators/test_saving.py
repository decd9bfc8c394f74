"""Files: another process predicts the same bytes, and what was tampered with is refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

import sdae
from sdae import (
    SDAEClassifier,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
    StackedDenoisingAutoencoder,
)
from sdae.core.errors import FileAccessError, FileFormatError
from sdae.core.model_file import FORMAT
from sdae.core.tensor_file import read_tensors, write_tensors
from tests.estimators.helpers import fitted, labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
PREDICT = """
import sys, numpy as np, sdae
model = sdae.load(sys.argv[1])
np.save(sys.argv[3], model.predict_proba(np.load(sys.argv[2])))
"""


def changed(path: Path, change: Any) -> Path:
    """Write a model file again with another description."""
    description, tensors = read_tensors(path, "model file", FORMAT)
    change(description["estimator"])
    write_tensors(path, tensors, description)
    return path


def test_another_process_predicts_the_same_bytes(tmp_path: Path) -> None:
    model = fitted(SDAEClassifier)
    model.save(tmp_path / "model.safetensors")
    np.save(tmp_path / "x.npy", rows(70))
    command = [sys.executable, "-W", "error", "-c", PREDICT]
    names = ("model.safetensors", "x.npy", "p.npy")
    subprocess.run([*command, *(str(tmp_path / name) for name in names)], check=True)
    expected = model.predict_proba(rows(70))
    assert np.load(tmp_path / "p.npy").tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "classes",
    [
        np.array([3, 5, 9]),
        np.array(["x", "y", "z"]),
        np.array(["x", "y", "z"], object),
        np.array([1.0, 2.0, 4.0]),
    ],
    ids=["integers", "texts", "objects", "floats"],
)
def test_labels_of_any_kind_come_back(classes: NDArray[Any], tmp_path: Path) -> None:
    x = rows()
    model = quick(SDAEClassifier).fit(x, classes[labels(x)])
    model.save(tmp_path / "model.safetensors")
    loaded: Any = sdae.load(tmp_path / "model.safetensors")
    assert loaded.classes_.tolist() == classes.tolist()
    assert loaded.predict(x).dtype.kind == model.predict(x).dtype.kind
    assert loaded.predict(x).tolist() == model.predict(x).tolist()


def test_booleans_are_labels_too(tmp_path: Path) -> None:
    x = rows()
    model = quick(SDAEClassifier).fit(x, x[:, 0] > 0)
    model.save(tmp_path / "model.safetensors")
    loaded: Any = sdae.load(tmp_path / "model.safetensors")
    assert loaded.predict(x).dtype == bool
    assert loaded.predict(x).tolist() == model.predict(x).tolist()


def test_parameters_come_back_and_training_goes_on(tmp_path: Path) -> None:
    x = rows()
    model = quick(SDAEClassifier, class_weight={0: 2.0, 1: 1.0, 2: 1.5}, warm_start=True)
    model.fit(x, labels(x)).save(tmp_path / "model.safetensors")
    loaded: Any = sdae.load(tmp_path / "model.safetensors")
    assert loaded.get_params() == model.get_params()
    one, other = model.fit(x, labels(x)), loaded.fit(x, labels(x))
    assert one.predict_proba(x).tobytes() == other.predict_proba(x).tobytes()


def test_an_estimator_without_a_fit_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        quick(SDAETransformer).save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        sdae.load(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.update(kind="os.system"),
        lambda entry: entry["parameters"].update(strange=1),
        lambda entry: entry["parameters"].update(activation="cube"),
        lambda entry: entry["state"].pop("history"),
        lambda entry: entry["state"].update(history=[{"stage": 1}]),
        lambda entry: entry["state"].update(seed="many"),
        lambda entry: entry.pop("state"),
    ],
    ids=["kind", "parameter", "value", "history", "record", "seed", "state"],
)
def test_a_file_that_was_tampered_with_is_refused(change: Any, tmp_path: Path) -> None:
    fitted(SDAEOutlierDetector).save(tmp_path / "model.safetensors")
    path = changed(tmp_path / "model.safetensors", change)
    with pytest.raises(FileFormatError, match="does not hold a valid estimator"):
        sdae.load(path)


def test_scalings_of_targets_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    fitted(SDAERegressor).save(tmp_path / "model.safetensors")
    path = changed(
        tmp_path / "model.safetensors", lambda entry: entry["state"].update(target_scale=[1, 2])
    )
    with pytest.raises(FileFormatError, match="does not fit the network"):
        sdae.load(path)


def test_saved_under_a_link_it_is_written_where_the_link_leads(tmp_path: Path) -> None:
    link = tmp_path / "latest.safetensors"
    link.symlink_to("first.safetensors")
    model = fitted(SDAETransformer)
    for saved in (model, StackedDenoisingAutoencoder(4, (3,))):
        saved.save(link)
        assert link.is_symlink()
        (tmp_path / "first.safetensors").unlink()
