"""A ladder in other programs: its predictions and codes, and nothing that it does not do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sdae.app.export.exported_model import package_answers, subject_of
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.writing import export_model
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_file import Model, load_model
from sdae.core.preprocessing import Scaling
from tests.app.export.conftest import Program

V = 6
HEADS: dict[str, dict[str, Any]] = {
    "classes": {"n_classes": 3},
    "multilabel": {"n_labels": 2},
    "values": {"n_targets": 2},
    "poisson": {"n_targets": 1, "head": "poisson"},
}


def a_model(scaled: bool, dtype: torch.dtype = torch.float32, **head: Any) -> Model:
    """Return a ladder whose parameters and statistics are random numbers."""
    ladder = LadderNetwork(V, (5, 4), dtype=dtype, **head)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for name, value in ladder.named_state():
            drawn = rng.normal(size=value.shape)
            value.copy_(torch.from_numpy(np.abs(drawn) if name.endswith("variance") else drawn))
    scaling = Scaling("standard", rng.normal(size=V), rng.uniform(0.5, 2, V)) if scaled else None
    return Model(FoldedLadder(ladder), scaling)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("head", HEADS)
def test_every_export_agrees_and_leaves_reconstructions_out(
    head: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    model = a_model(scaled=True, dtype=dtype, **HEADS[head])
    onnx, numpy = tmp_path / "it.onnx", tmp_path / "numpy"
    for layer in (None, 0):
        exported = export_model(model, onnx=onnx, layer=layer)
        assert "reconstruction" not in exported[0].agreement.outputs
        assert "codes" in exported[0].agreement.outputs
    (written,) = export_model(model, numpy=numpy)
    assert "reconstruction" not in written.agreement.outputs
    assert isinstance(load_model(numpy / "weights.safetensors").stack, FoldedLadder)
    x = np.random.default_rng(1).normal(size=(7, V)).astype(subject_of(model, 1).row_dtype)
    found = run_onnx(onnx.read_bytes(), x)
    assert sorted(found) == sorted(package_answers(subject_of(model, 1), x))


def test_the_program_predicts_as_the_ladder_and_does_not_reconstruct(program: Program) -> None:
    model = a_model(scaled=False, n_classes=3)
    x = np.random.default_rng(1).normal(size=(20, V)).astype(np.float32)
    predict = program(model)
    wanted = model.stack.predict_proba(x).numpy()
    np.testing.assert_allclose(predict.predict_proba(x), wanted, atol=1e-6)
    with pytest.raises(ValueError, match="use sdae denoise"):
        predict.reconstruct(x)


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
