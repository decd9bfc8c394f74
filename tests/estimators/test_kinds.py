"""The estimators take every kind of activation, noise and optimiser, and keep it in their files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdae
from sdae import SDAEClassifier, SDAERegressor
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.optimizers import Optimizer
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

KINDS: list[dict[str, Any]] = [
    *({"activation": str(activation)} for activation in Activation),
    *({"solver": str(optimizer)} for optimizer in Optimizer),
    {"corruption": "swap:0.2"},
    {"corruption": "swap:0.2", "tied": False, "batch_size": 1, "solver": "sgd", "momentum": 0},
]


@pytest.mark.filterwarnings("ignore:Batch size 1 is slow")
@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_every_kind_is_learned_with_and_kept(
    settings: dict[str, Any], kind: type[Any], tmp_path: Path
) -> None:
    x = rows(80)
    y = labels(x) if kind is SDAEClassifier else x[:, 0]
    model = quick(kind, max_iter=20, **settings).fit(x, y)
    path = tmp_path / "model.safetensors"
    model.save(path)
    again: Any = sdae.load(path)
    answers = again.predict(x)
    assert (answers == model.predict(x)).all()
    assert np.isfinite(again.transform(x)).all()
    assert again.get_params() == model.get_params()


def test_swapped_rows_of_a_sparse_matrix_are_those_of_a_dense_one() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    x = rows(60) * (rows(60, seed=3) > 0)
    settings = {"corruption": "swap:0.3", "scale": "none", "decoder": "linear"}
    dense = quick(SDAEClassifier, **settings).fit(x, labels(rows(60)))
    thin = quick(SDAEClassifier, **settings).fit(sparse.csr_array(x), labels(rows(60)))
    np.testing.assert_allclose(dense.predict_proba(x), thin.predict_proba(x), atol=1e-5)
