"""The golden files load, and say what they said when they were written."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sdae
from sdae import Checkpoint
from sdae.core.model_file import load_model, save_model
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints
from tests.golden.make import TABLE, X, filled_gaps, stack, train

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text())


def close(ours: Any, name: str) -> None:
    """Assert that numbers are those that were written down, to rounding."""
    np.testing.assert_allclose(np.asarray(ours), EXPECTED[name], rtol=1e-5, atol=1e-6)


def test_a_model_with_all_that_belongs_to_it() -> None:
    model = load_model(HERE / "model-1.safetensors")
    assert model.classes == ("rot", "grün", "<b>")
    assert model.feature_names == ("a", "b", "c", "d", "ü")
    assert model.provenance == {"data": "golden", "seed": 2}
    assert model.scaling is not None
    scaled = torch.from_numpy(model.scaling.apply(X))
    close(model.stack.predict_proba(scaled).tolist(), "model-1")


def test_an_untied_model_of_double_precision() -> None:
    model = load_model(HERE / "untied-1.safetensors")
    assert model.image_shape == (1, 5)
    close(model.stack.encode(torch.from_numpy(X).double()).tolist(), "untied-1")


def test_estimators() -> None:
    classifier: Any = sdae.load(HERE / "classifier-1.safetensors")
    close(classifier.predict_proba(X), "classifier-1")
    regressor: Any = sdae.load(HERE / "regressor-1.safetensors")
    close(regressor.predict(X), "regressor-1")


def test_estimators_of_a_table() -> None:
    classifier: Any = sdae.load(HERE / "table-2.safetensors")
    kinds = [column.kind for column in classifier.schema_.columns]
    assert kinds == ["number", "category", "binary", "date", "number", "ignored"]
    close(classifier.predict_proba(TABLE), "table-2")
    imputer: Any = sdae.load(HERE / "imputer-2.safetensors")
    close(filled_gaps(imputer), "imputer-2")


def test_each_file_says_its_format() -> None:
    for path in HERE.glob("*.safetensors"):
        content = path.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        written = json.loads(header["__metadata__"]["sdae"])["format"]
        assert written == int(path.stem.rpartition("-")[2])


@pytest.mark.parametrize("name", ["classifier-1", "regressor-1", "table-2", "imputer-2"])
def test_an_estimator_that_is_loaded_is_written_as_it_was(name: str, tmp_path: Path) -> None:
    path = HERE / f"{name}.safetensors"
    sdae.load(path).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["model-1", "untied-1"])
def test_what_is_loaded_is_written_as_it_was(name: str, tmp_path: Path) -> None:
    path = HERE / f"{name}.safetensors"
    save_model(load_model(path), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_checkpoint_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(HERE / "checkpoints-1", folder)
    description, _ = StageCheckpoints(folder, "finetuning", 3).read(1)
    assert description["place"]["epoch"] == 1
    network = stack(n_classes=3)
    with caplog.at_level(logging.CRITICAL, "sdae"):  # of other versions than those of that time
        train(network, Checkpoint(folder))
    assert (network.head.weight != 0).all()
    alone = stack(n_classes=3)
    train(alone, Checkpoint(tmp_path / "other"))
    assert torch.allclose(network.head.weight, alone.head.weight, rtol=1e-4, atol=1e-6)
