"""Columns within [0, 1]: what is standardised, and what stays as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAETransformer
from sdae.core.source_rows import SourceRows
from sdae.data import convert, open_rows
from sdae.estimators.new_networks import FEWEST_ZEROS, share_of_zeros
from tests.estimators.helpers import SUPERVISED, Rows

EACH = pytest.mark.parametrize("kind", SUPERVISED)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(kind: type, **parameters: Any) -> Any:
    """Return an estimator with little to train."""
    few: dict[str, Any] = {"hidden_layer_sizes": (5,), "pretrain_epochs": 1, "random_state": 3}
    return kind(**(few | parameters))


def measurements(n: int = 60) -> Rows:
    """Return rows of four columns that each go from 0 to 1, (n, 4)."""
    x = np.random.default_rng(0).random((n, 4))
    spans: Rows = (x - x.min(axis=0)) / np.ptp(x, axis=0)
    return spans


def pixels(n: int = 60) -> Rows:
    """Return rows within [0, 1] of which half the values are 0, (n, 4)."""
    x = np.random.default_rng(0).random((n, 4))
    return np.where(x < 0.5, 0.0, x)


def classes(n: int = 60) -> Any:
    return np.arange(n) % 2


def kind_of_scaling(model: Any) -> str:
    return "none" if model.scaling_ is None else str(model.scaling_.kind)


@EACH
def test_measurements_are_standardised_and_pixels_left(kind: type[Any]) -> None:
    model = small(kind, max_iter=2).fit(measurements(), classes())
    assert kind_of_scaling(model) == "standard"
    assert str(model.network_.autoencoder(0).decoder) == "linear"
    left = small(kind, max_iter=2).fit(pixels(), classes())
    assert kind_of_scaling(left) == "none"
    assert str(left.network_.autoencoder(0).decoder) == "sigmoid"


@EACH
def test_binaries_are_left(kind: type[Any]) -> None:
    x = (measurements() > 0.5).astype(float)
    assert kind_of_scaling(small(kind, max_iter=2).fit(x, classes())) == "none"


@EACH
def test_it_is_the_fit_with_the_scaling_named(kind: type[Any]) -> None:
    auto = small(kind).fit(measurements(), classes())
    named = small(kind, scale="standard").fit(measurements(), classes())
    for a, b in zip(auto.coefs_, named.coefs_, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("parameters", [{"scale": "none"}, {"decoder": "sigmoid"}])
def test_what_is_asked_for_is_done(parameters: Any) -> None:
    model = small(SDAEClassifier, max_iter=2, **parameters).fit(measurements(), classes())
    assert kind_of_scaling(model) == "none"
    assert str(model.network_.autoencoder(0).decoder) == "sigmoid"


@pytest.mark.parametrize("kind", [SDAETransformer, SDAEOutlierDetector])
def test_networks_without_a_target_leave_them(kind: type[Any]) -> None:
    assert kind_of_scaling(small(kind).fit(measurements())) == "none"


def test_the_first_rows_of_a_stream_decide() -> None:
    model = small(SDAEClassifier)
    for rows in (measurements(), pixels()):
        model.partial_fit(rows, classes(), classes=[0, 1])
    assert kind_of_scaling(model) == "standard"


def test_rows_in_memory_on_the_disk_and_sparse_are_the_same(tmp_path: Path) -> None:
    for name, x in (("m", measurements(700)), ("p", pixels(700))):
        np.save(tmp_path / f"{name}.npy", x.astype(np.float32))
        convert(tmp_path / f"{name}.npy", tmp_path / f"{name}.parquet")
        share = share_of_zeros(x)
        assert share == share_of_zeros(x.astype(np.float32))
        assert share == share_of_zeros(SourceRows(open_rows(tmp_path / f"{name}.npy")))
        assert share == share_of_zeros(SourceRows(open_rows(tmp_path / f"{name}.parquet")))
        assert (share < FEWEST_ZEROS) == (name == "m")
        # Of a sparse matrix all values count.
        assert share_of_zeros(sparse.csr_matrix(x)) == pytest.approx((x == 0).mean())
        stored = sparse.csr_matrix(x + 1)
        stored.data -= 1  # zeros that are stored
        assert share_of_zeros(stored) == pytest.approx((x == 0).mean())


def test_a_table_of_two_scaled_columns_is_learned() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (300, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    span = (x + 1) / 2
    model = SDAEClassifier(random_state=0).fit(span[:200], y[:200])
    assert model.score(span[200:], y[200:]) > 0.85
    left = SDAEClassifier(scale="none", random_state=0).fit(span[:200], y[:200])
    assert left.score(span[200:], y[200:]) < 0.75
