"""The files of estimators: what is exported answers as the estimator does, on rows of float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.writing import export_model
from sdae.core.errors import DataError
from sdae.core.model_file import load_model
from tests.app.export.conftest import Program
from tests.estimators.helpers import labels, quick, rows

onnxruntime = pytest.importorskip("onnxruntime")  # not every Python has one

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows() + 1e9  # float32 would not tell these apart
TEXTS = np.array(["Ähre", "no", "yes"])


def exported(estimator: Any, path: Path, program: Program) -> tuple[dict[str, Any], Any]:
    """Return what the ONNX file answers, and the NumPy program."""
    estimator.save(path / "model.safetensors")
    model = load_model(path / "model.safetensors")
    export_model(model, onnx=path / "model.onnx", rows=X)
    return dict(run_onnx((path / "model.onnx").read_bytes(), X)), program(model)


def exported_thrice(
    estimator: Any, x: Any, path: Path, program: Program
) -> tuple[dict[str, Any], Any, Any]:
    """Return what the ONNX file answers, the NumPy program, and the outputs of the sequential."""
    estimator.save(path / "model.safetensors")
    model = load_model(path / "model.safetensors")
    names = {"onnx": "m.onnx", "numpy": "folder", "sequential": "s.safetensors"}
    export_model(model, **{kind: path / name for kind, name in names.items()}, rows=x)  # type: ignore[arg-type]
    found = dict(run_onnx((path / "m.onnx").read_bytes(), x))
    state = load_file(path / "s.safetensors")
    h = np.asarray(x if estimator.scaling_ is None else estimator.scaling_.apply(x), np.float32)
    for layer in (0, 2, 4):
        h = h @ state[f"{layer}.weight"].numpy().T + state[f"{layer}.bias"].numpy()
        h = np.tanh(h) if layer < 4 else h
    return found, program(model), h


@pytest.mark.parametrize(
    "y",
    [labels(rows()), TEXTS[labels(rows())], labels(rows()) > 0, labels(rows()) * 2.0],
    ids=["int", "text", "bool", "float"],
)
def test_a_classifier(y: Any, tmp_path: Path, program: Program) -> None:
    estimator = quick(SDAEClassifier).fit(X, y)
    found, alone = exported(estimator, tmp_path, program)
    p, predicted = estimator.predict_proba(X), estimator.predict(X)
    assert np.abs(found["probabilities"] - p).max() < 1e-5
    assert np.abs(alone.predict_proba(X) - p).max() < 1e-5
    as_kept = [str(label) if y.dtype.kind == "f" else label for label in predicted.tolist()]
    assert found["label"].tolist() == as_kept
    assert alone.predict(X).tolist() == as_kept
    codes = estimator.transform(X)
    assert np.abs(found["codes"] - codes).max() < 1e-5
    assert np.abs(alone.encode(X) - codes).max() < 1e-5


@pytest.mark.parametrize("several", [False, True])
def test_a_regressor_gives_its_targets_in_their_own_units(
    several: bool, tmp_path: Path, program: Program
) -> None:
    y = 1e6 + 100 * rows()[:, :2]
    estimator = quick(SDAERegressor).fit(X, y if several else y[:, 0])
    found, alone = exported(estimator, tmp_path, program)
    predicted = estimator.predict(X).reshape(len(X), -1)
    assert found["prediction"].dtype == np.float64
    assert np.abs(found["prediction"] - predicted).max() < 0.01
    assert np.abs(alone.predict(X) - predicted).max() < 0.01
    assert np.ptp(predicted, axis=0).min() > 1


@pytest.mark.parametrize("scale", ["standard", "none"])
def test_several_labels(scale: str, tmp_path: Path, program: Program) -> None:
    y = np.column_stack([rows()[:, 0] > 0, rows()[:, 1] > 0, rows()[:, 2] > 9])
    x = X if scale == "standard" else rows().astype(np.float32)
    estimator = quick(SDAEClassifier, scale=scale, decoder="linear").fit(x, y)
    found, alone, sequential = exported_thrice(estimator, x, tmp_path, program)
    p, predicted = estimator.predict_proba(x), estimator.predict(x)
    assert 0 < predicted.mean() < 1
    for answer in (found["probabilities"], alone.predict_proba(x), 1 / (1 + np.exp(-sequential))):
        assert np.abs(answer - p).max() < 1e-5
    assert found["labels"].tolist() == alone.predict(x).tolist() == predicted.tolist()


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("scale", ["standard", "none"])
def test_counts_are_in_their_own_units(
    several: bool, scale: str, tmp_path: Path, program: Program
) -> None:
    y = np.round(50 * np.exp(rows()[:, :2]))
    x = X if scale == "standard" else rows().astype(np.float32)
    estimator = quick(SDAERegressor, loss="poisson", scale=scale, decoder="linear")
    estimator.fit(x, y if several else y[:, 0])
    predicted = estimator.predict(x).reshape(len(x), -1)
    found, alone, sequential = exported_thrice(estimator, x, tmp_path, program)
    scaling = estimator.target_scaling_
    assert scaling.scale.min() > 20
    by_hand = np.exp(sequential) * scaling.scale + scaling.offset
    for answer in (found["prediction"], alone.predict(x), by_hand):
        assert answer == pytest.approx(predicted, rel=1e-5)


def test_a_single_class_is_not_exported(tmp_path: Path) -> None:
    quick(SDAEClassifier).fit(X, np.full(60, "a")).save(tmp_path / "m.safetensors")
    with pytest.raises(DataError, match="of a single class, 'a', which it predicts for every row"):
        export_model(load_model(tmp_path / "m.safetensors"), numpy=tmp_path / "n", rows=X)


@pytest.mark.parametrize("kind", [SDAETransformer, SDAEOutlierDetector])
def test_a_model_without_a_head(kind: type, tmp_path: Path, program: Program) -> None:
    estimator = quick(kind).fit(X)
    found, alone = exported(estimator, tmp_path, program)
    assert list(found) == ["codes", "reconstruction"]
    rebuilt = estimator.network_.reconstruct(estimator.scaling_.apply(X)).detach().numpy()
    in_units = rebuilt * estimator.scaling_.scale + estimator.scaling_.offset
    for answers in (found["reconstruction"], alone.reconstruct(X)):
        assert np.abs(answers - in_units).max() <= 2 * np.spacing(np.float32(1e9))


def test_rows_that_need_no_scaling_are_float32(tmp_path: Path) -> None:
    x = rows(20)
    for scale, kind in (("none", "tensor(float)"), ("standard", "tensor(double)")):
        quick(SDAETransformer, scale=scale, decoder="linear").fit(x).save(
            tmp_path / "m.safetensors"
        )
        export_model(load_model(tmp_path / "m.safetensors"), onnx=tmp_path / "m.onnx")
        session = onnxruntime.InferenceSession(
            tmp_path / "m.onnx", providers=["CPUExecutionProvider"]
        )
        assert session.get_inputs()[0].type == kind
