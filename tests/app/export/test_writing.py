"""``export_model``: what it refuses, and what the state of an ``nn.Sequential`` tells of itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from sdae import SDAERegressor, StackedDenoisingAutoencoder
from sdae.app.export import writing
from sdae.app.export.exported_model import subject_of
from sdae.app.export.probe_rows import trial_of
from sdae.app.export.sequential import sequential_bytes
from sdae.app.export.writing import export_model
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.model_file import Model, load_model
from sdae.core.stack import copy_on_cpu
from tests.app.export.models import make, rows_of
from tests.estimators.helpers import quick, rows


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({}, InvalidParameterError, "Give onnx, numpy or sequential."),
        ({"onnx": "m.onnx", "layer": 2}, InvalidParameterError, "from 0 to 1. Got 2"),
        ({"onnx": "m.onnx", "layer": -1}, InvalidParameterError, "from 0 to 1. Got -1"),
        ({"onnx": "m.pb"}, InvalidParameterError, "must end in .onnx. Got .*m.pb instead"),
        (
            {"sequential": "m.safetensors", "rows": np.ones((3, 5))},
            DataError,
            r"\(n, 6\). Got shape ",
        ),
        ({"sequential": "m.safetensors", "rows": np.ones((0, 6))}, DataError, r"shape \(0, 6\)"),
        ({"sequential": "m.safetensors", "rows": [["a"] * 6]}, DataError, "and type <U1"),
        (
            {"sequential": "m.safetensors", "rows": np.full((1, 6), np.nan)},
            DataError,
            "missing or infinite",
        ),
        (
            {"sequential": "m.safetensors", "rows": np.full((1, 6), 1e300)},
            DataError,
            "missing or infinite",
        ),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    given: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    places = {name: tmp_path / value for name, value in given.items() if isinstance(value, str)}
    with pytest.raises(error, match=said):
        export_model(make(), **(given | places))
    assert not any(tmp_path.iterdir())


def test_the_answers_of_the_ways_out_come_in_order(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")  # not every Python has one
    exported = export_model(
        make(n_classes=2),
        sequential=tmp_path / "m.safetensors",
        onnx=str(tmp_path / "m.onnx"),
        rows=rows_of(make()).tolist(),
    )
    assert [one.path.name for one in exported] == ["m.onnx", "m.safetensors"]
    assert exported[0].agreement.kinds["own"] == 40
    assert exported[1].agreement.outputs == ("probabilities", "label")


def test_an_export_under_a_link_is_written_where_the_link_leads(tmp_path: Path) -> None:
    link = tmp_path / "link.safetensors"
    link.symlink_to("there.safetensors")
    export_model(make(n_classes=2), sequential=link, rows=rows_of(make()))
    assert link.is_symlink()
    assert (tmp_path / "there.safetensors").is_file()


def test_the_rows_to_check_on_are_finite_and_some_are_far_out() -> None:
    for scaled in (None, "standard"):
        subject = subject_of(make(scaled=scaled), 2)
        trial = trial_of(subject, rows_of(subject.model, 1500))
        assert trial.kinds == {"own": 1000, "random": 256, "extreme": 72}
        assert np.isfinite(trial.x).all()
        assert np.abs(trial.x).max() == np.finfo(np.float32).max
        assert trial.place(1256) == "extreme row 1"
        again = trial_of(subject, rows_of(subject.model, 1500))
        assert again.x.tobytes() == trial.x.tobytes()
    with pytest.raises(IndexError):
        trial.place(1328)


def test_a_network_on_a_gpu_is_exported_from_a_copy_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, copied = make(n_classes=3), []

    def on_cpu(stack: StackedDenoisingAutoencoder) -> StackedDenoisingAutoencoder:
        copied.append(stack)
        return copy_on_cpu(stack)

    monkeypatch.setattr(writing, "device_of", lambda _: torch.device("cuda", 0))
    monkeypatch.setattr(writing, "copy_on_cpu", on_cpu)
    export_model(model, numpy=tmp_path / "numpy", sequential=tmp_path / "m.safetensors")
    assert copied == [model.stack]


def test_a_state_tells_what_it_cannot_hold(tmp_path: Path) -> None:
    plain = make(classes=("Ähre", "猫"), scaled="standard", activation="relu")
    model = Model(plain.stack, plain.scaling, plain.classes, tuple("abcdef"))
    export_model(model, sequential=tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", "pt") as file:
        about = json.loads(file.metadata()["sdae"])
        names = set(file.keys())
    assert names == {f"{place}.{part}" for place in (0, 2, 4) for part in ("weight", "bias")}
    assert model.scaling is not None
    assert about == {
        "activation": "relu",
        "classes": ["Ähre", "猫"],
        "feature_names": [*"abcdef"],
        "scaling": {
            "offset": model.scaling.offset.tolist(),
            "scale": model.scaling.scale.tolist(),
        },
        "target_scaling": None,
    }
    assert sequential_bytes(subject_of(model, 1)) == sequential_bytes(subject_of(model, 2))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_state_of_a_regressor_knows_the_units_of_the_targets(tmp_path: Path) -> None:
    estimator = quick(SDAERegressor).fit(rows(), 50 + 9 * rows()[:, 0])
    estimator.save(tmp_path / "m.safetensors")
    export_model(load_model(tmp_path / "m.safetensors"), sequential=tmp_path / "s.safetensors")
    with safe_open(tmp_path / "s.safetensors", "pt") as file:
        about = json.loads(file.metadata()["sdae"])
    assert about["target_scaling"]["offset"] == estimator.target_scaling_.offset.tolist()
    assert about["classes"] is None
