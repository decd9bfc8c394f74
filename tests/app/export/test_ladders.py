"""A ladder in other programs: its predictions, its codes, and rows that it reconstructs."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sdae import LadderClassifier, LadderRegressor
from sdae.app.export import numpy_ladder
from sdae.app.export.exported_model import package_answers, subject_of
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.onnx_nodes import Graph
from sdae.app.export.writing import export_model
from sdae.core.errors import ParityError
from sdae.core.kinds.combinators import Combinator
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_file import Model, load_model
from sdae.core.preprocessing import Scaling
from sdae.estimators.raw_input import raw_table
from tests.app.export.conftest import Program
from tests.app.export.test_tables import TABLE, Y

V = 6
HEADS: dict[str, dict[str, Any]] = {
    "classes": {"n_classes": 3},
    "multilabel": {"n_labels": 2},
    "values": {"n_targets": 2},
    "poisson": {"n_targets": 1, "head": "poisson"},
}


def a_model(sizes: tuple[int, ...] = (5, 4), *, scaled: bool, **options: Any) -> Model:
    """Return a ladder whose parameters and statistics are random numbers."""
    ladder = LadderNetwork(V, sizes, **options)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for name, value in ladder.named_state():
            drawn = rng.normal(size=value.shape)
            value.copy_(torch.from_numpy(np.abs(drawn) if name.endswith("variance") else drawn))
    scaling = Scaling("standard", rng.normal(size=V), rng.uniform(0.5, 2, V)) if scaled else None
    return Model(FoldedLadder(ladder), scaling)


def assert_close_by_row(found: Any, expected: Any) -> None:
    """Hold rows against what was wanted, to 1e-4 of the largest of a row."""
    largest = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(found - expected) <= 1e-5 + 1e-4 * largest).all()


@pytest.mark.parametrize("combinator", Combinator)
@pytest.mark.parametrize(("dtype", "scaled"), [(torch.float32, True), (torch.float64, False)])
@pytest.mark.parametrize("head", HEADS)
def test_every_export_agrees_and_reconstructs_from_all_layers(
    head: str, dtype: torch.dtype, combinator: str, scaled: bool, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    model = a_model(scaled=scaled, dtype=dtype, combinator=combinator, **HEADS[head])
    onnx, numpy = tmp_path / "it.onnx", tmp_path / "numpy"
    x = np.random.default_rng(1).normal(size=(7, V)).astype(subject_of(model, 1).row_dtype)
    expected = package_answers(subject_of(model, 2), x)["reconstruction"]
    for layer in (0, None):
        (exported,) = export_model(model, onnx=onnx, layer=layer)
        assert {"codes", "reconstruction"} < set(exported.agreement.outputs)
        found = run_onnx(onnx.read_bytes(), x)
        assert sorted(found) == sorted(package_answers(subject_of(model, 1), x))
        assert_close_by_row(found["reconstruction"], expected)
    (written,) = export_model(model, numpy=numpy)
    assert "reconstruction" in written.agreement.outputs
    assert sorted(path.name for path in numpy.iterdir()) == [
        "ladder.py",
        "predict.py",
        "weights.safetensors",
    ]
    assert isinstance(load_model(numpy / "weights.safetensors").stack, FoldedLadder)


@pytest.mark.parametrize("sizes", [(5,), (7, 6, 5, 4, 3)])
def test_ladders_of_any_depth(sizes: tuple[int, ...], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = a_model(sizes, scaled=True, n_classes=3)
    exports = export_model(model, onnx=tmp_path / "it.onnx", numpy=tmp_path / "it")
    assert all("reconstruction" in export.agreement.outputs for export in exports)


def test_an_output_whose_gain_is_0_is_reconstructed_too(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = a_model(scaled=False, n_classes=3)
    assert isinstance(model.stack, FoldedLadder)
    with torch.no_grad():
        model.stack.ladder.gain.zero_()
    model.stack.refold()
    exports = export_model(model, onnx=tmp_path / "it.onnx", numpy=tmp_path / "it")
    assert all("probabilities" in export.agreement.outputs for export in exports)


@pytest.mark.parametrize(
    "wrong",
    [
        "laterals.1.mean",
        "laterals.0.coefficients.8",
        "layers.1.decoder_weight",
        "layers.1.bias",
        "layers.2.shift",
    ],
)
def test_a_wrong_reconstruction_is_not_written(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    constant = Graph.constant

    def changed(graph: Any, name: str, value: Any) -> str:
        return constant(graph, name, value * 1.01 if name == wrong else value)

    monkeypatch.setattr(Graph, "constant", changed)
    with pytest.raises(ParityError, match=r"reconstruction \d .* differs"):
        export_model(a_model(scaled=True, n_classes=3), onnx=tmp_path / "it.onnx")
    assert not (tmp_path / "it.onnx").exists()


def test_a_table_of_many_kinds_is_reconstructed_input_by_input(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("pandas")
    options: dict[str, Any] = {"categorical_features": ["whole", "codes"], "max_categories": 4}
    model = LadderClassifier(n_updates=300, random_state=0, **options).fit(TABLE, Y)
    model.save(tmp_path / "model.safetensors")
    exports = export_model(
        load_model(tmp_path / "model.safetensors"),
        onnx=tmp_path / "it.onnx",
        numpy=tmp_path / "it",
        rows=raw_table(TABLE, "X"),
    )
    for export in exports:
        assert export.agreement.kinds == {"own": 90, "random": 320}
        assert export.agreement.n_undecided == 0
        assert "reconstruction" in export.agreement.outputs


@pytest.mark.parametrize("combinator", Combinator)
def test_the_program_predicts_and_reconstructs_as_the_ladder(
    combinator: str, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ladder", numpy_ladder)
    model = a_model(scaled=False, n_classes=3, combinator=combinator)
    x = np.random.default_rng(1).normal(size=(20, V)).astype(np.float32)
    predict = program(model)
    wanted = model.stack.predict_proba(x).numpy()
    np.testing.assert_allclose(predict.predict_proba(x), wanted, atol=1e-6)
    rebuilt = model.stack.reconstruct(x).detach().numpy()
    for layer in (None, 1):
        assert_close_by_row(predict.reconstruct(x, layer), rebuilt)
    with pytest.raises(ValueError, match="leave the layer out"):
        predict.reconstruct(x, 0)


def test_a_sequential_of_a_ladder(tmp_path: Path) -> None:
    model = a_model(scaled=False, n_classes=3)
    export_model(model, sequential=tmp_path / "it.safetensors")
    network = torch.nn.Sequential(
        *(torch.nn.Linear(V, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4), torch.nn.ReLU()),
        torch.nn.Linear(4, 3),
    )
    network.load_state_dict(load_file(tmp_path / "it.safetensors"))
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(20, V)).astype(np.float32))
    with torch.no_grad():
        found = torch.softmax(network(x), dim=1)
    torch.testing.assert_close(found, model.stack.predict_proba(x), atol=1e-6, rtol=1e-5)


def test_mean_counts_that_are_infinite_on_both_sides_agree(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    counter = LadderRegressor((20,), loss="poisson", n_updates=10, random_state=0)
    counter.fit(x, (x[:, 0] > 0).astype(float))
    counter.save(tmp_path / "counter.safetensors")
    model = load_model(tmp_path / "counter.safetensors")
    written = export_model(model, onnx=tmp_path / "m.onnx", numpy=tmp_path / "m", rows=x)
    assert len(written) == 2
    far = 1e6 * x
    expected = counter.predict(far)
    assert np.isinf(expected).any()
    found = run_onnx((tmp_path / "m.onnx").read_bytes(), far)["prediction"].ravel()
    assert np.array_equal(np.isinf(found), np.isinf(expected))
