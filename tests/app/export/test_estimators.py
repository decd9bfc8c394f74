"""The files of estimators: what is exported answers as the estimator does, on rows of float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.writing import export_model
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
