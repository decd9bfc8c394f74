"""The ONNX file: any number of rows, what it says of itself, and nothing outside of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from sdae.app.export import onnx_graph as graph
from sdae.app.export.exported_model import subject_of
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.onnx_graph import OPSET, onnx_bytes
from sdae.app.export.writing import export_model
from sdae.core.errors import DataError
from sdae.core.model_file import Model
from tests.app.export.models import assert_same, make, rows_of, unit_of, wanted

onnxruntime = pytest.importorskip("onnxruntime")  # not every Python has one


def written(model: Model, path: Path, layer: int | None = None) -> onnx.ModelProto:
    export_model(model, onnx=path, layer=layer)
    return onnx.load_model_from_string(path.read_bytes())


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_any_number_of_rows_is_answered(n: int) -> None:
    model = make(classes=("a", "b", "c"), scaled="minmax")
    x = rows_of(model, 1000)
    found = run_onnx(onnx_bytes(subject_of(model, 2)), x[:n])
    assert found["probabilities"].shape == (n, 3)
    assert found["label"].shape == (n,)
    if n:
        assert_same(dict(found), wanted(model, x[:n]), unit_of(model))


def test_inputs_and_outputs_have_names_types_and_a_free_number_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    written(make(classes=("a", "b"), scaled="standard"), path, layer=0)
    session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (x,) = session.get_inputs()
    assert (x.name, x.type, x.shape) == ("x", "tensor(float)", ["n", 6])
    assert [(out.name, out.type, out.shape) for out in session.get_outputs()] == [
        ("probabilities", "tensor(float)", ["n", 2]),
        ("label", "tensor(string)", ["n"]),
        ("codes", "tensor(float)", ["n", 5]),
        ("reconstruction", "tensor(float)", ["n", 6]),
    ]


@pytest.mark.parametrize(
    ("options", "outputs"),
    [
        ({}, ["codes", "reconstruction"]),
        ({"n_targets": 2}, ["prediction", "codes", "reconstruction"]),
        ({"n_classes": 2}, ["probabilities", "label", "codes", "reconstruction"]),
    ],
)
def test_a_model_gives_what_it_has(
    options: dict[str, Any], outputs: list[str], tmp_path: Path
) -> None:
    model = written(make(**options), tmp_path / "model.onnx")
    assert [output.name for output in model.graph.output] == outputs


def test_float64_parameters_take_and_give_float64() -> None:
    model = make(n_classes=2, dtype=torch.float64)
    found = run_onnx(onnx_bytes(subject_of(model, 2)), rows_of(model))
    assert {found[name].dtype for name in found if name != "label"} == {np.dtype(np.float64)}
    assert np.abs(found["probabilities"] - wanted(model, rows_of(model))["probabilities"]).max() < (
        1e-12
    )


def test_the_file_tells_of_classes_columns_and_its_making(tmp_path: Path) -> None:
    names = (*"abcde", "größe")
    plain = make(classes=("Ähre", "猫"))
    model = Model(plain.stack, None, plain.classes, names, (2, 3))
    file = written(model, tmp_path / "model.onnx", layer=0)
    metadata = {entry.key: json.loads(entry.value) for entry in file.metadata_props}
    assert metadata == {
        "bounds": metadata["bounds"],
        "classes": ["Ähre", "猫"],
        "feature_names": [*names],
        "image_shape": [2, 3],
        "layer": 0,
    }
    assert (file.producer_name, file.opset_import[0].version) == ("sdae", OPSET)
    assert len(file.opset_import) == 1


def test_classes_without_names_are_numbers(tmp_path: Path) -> None:
    file = written(make(n_classes=3), tmp_path / "model.onnx")
    (classes,) = [entry.value for entry in file.metadata_props if entry.key == "classes"]
    assert json.loads(classes) == [0, 1, 2]


def test_the_weights_are_in_the_file_and_tied_ones_only_once(tmp_path: Path) -> None:
    tied = written(make(), tmp_path / "tied.onnx")
    for entry in tied.graph.initializer:
        assert entry.data_location == onnx.TensorProto.DEFAULT
        assert not entry.external_data
    weights = [entry.name for entry in tied.graph.initializer if "weight" in entry.name]
    assert weights == ["layers.0.weight", "layers.1.weight"]
    assert [path.name for path in tmp_path.iterdir()] == ["tied.onnx"]


def test_only_what_the_outputs_need_is_in_the_file(tmp_path: Path) -> None:
    file = written(make((5, 4, 3)), tmp_path / "model.onnx", layer=1)
    used = {name for node in file.graph.node for name in node.input}
    names = {entry.name for entry in file.graph.initializer}
    assert names <= used
    assert not any(name.startswith("layers.2") for name in names)


def test_equal_models_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(make(n_classes=3, scaled="standard"), tmp_path / f"{name}.onnx")
    written(make(n_classes=3, scaled="standard", seed=1), tmp_path / "c.onnx")
    a, b, c = ((tmp_path / f"{name}.onnx").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_weights_that_would_lie_beside_the_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "_MOST_BYTES", 100)
    with pytest.raises(DataError, match=r"an ONNX file holds at most 100, .* Use --numpy\.$"):
        written(make(), tmp_path / "model.onnx")
    assert not any(tmp_path.iterdir())


def test_a_head_that_was_never_trained_is_left_out(tmp_path: Path) -> None:
    model = make(n_classes=3)
    with torch.no_grad():
        for parameter in model.stack.head.parameters():
            parameter.zero_()
    file = written(model, tmp_path / "model.onnx")
    assert [output.name for output in file.graph.output] == ["codes", "reconstruction"]
    assert model.stack.n_classes == 3
    with torch.no_grad():
        model.stack.head.bias[0] = 1
    file = written(model, tmp_path / "model.onnx")
    assert file.graph.output[0].name == "probabilities"


def test_whole_numbers_too_large_for_onnx_are_texts(tmp_path: Path) -> None:
    model = make(classes=(2**63, -5), activation="tanh")
    export_model(model, onnx=tmp_path / "model.onnx", numpy=tmp_path / "model")
    found = run_onnx((tmp_path / "model.onnx").read_bytes(), rows_of(model))
    assert set(found["label"]) <= {"9223372036854775808", "-5"}
