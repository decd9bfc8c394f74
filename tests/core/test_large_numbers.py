"""Columns of large numbers that differ by little: times, years, identifiers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAETransformer
from sdae.core.preprocessing import Scaling, fit_scaling, fit_scaling_sparse
from sdae.data import load_dataset
from tests.app.runs.recipes import write_csv

NOW = 1.7e9
LADDER = [1e3, 1e6, 1e7, 1.7e9, 1e10, 1e12]


def near(size: float, reach: float = 100, n: int = 300, dtype: Any = np.float64) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    return (size + rng.uniform(-reach, reach, size=(n, 2))).astype(dtype)


def fitted(x: Any, kind: str) -> Scaling:
    scaling = (fit_scaling_sparse if sparse.issparse(x) else fit_scaling)(x, kind)
    assert scaling is not None
    return scaling


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", LADDER)
def test_scaled_values_are_of_the_size_of_one(
    size: float, dtype: Any, form: Any, sign: int
) -> None:
    x = near(sign * size, dtype=dtype)
    spread = x.max(axis=0) > x.min(axis=0)
    z = fitted(form(x), "standard").apply(x).astype(np.float64)
    assert np.abs(z).max() < 10
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0), spread, atol=1e-5)
    unit = fitted(form(x), "minmax").apply(x)
    assert unit.min() == 0
    np.testing.assert_array_equal(unit.max(axis=0), spread)


@pytest.mark.parametrize("step", [1.0, 128.0])
def test_rows_asked_in_another_type_than_that_of_training_are_of_the_size_of_one(
    step: float,
) -> None:
    rows = near(NOW, 200 * step)
    for learned, asked in ((np.float32, np.float64), (np.float64, np.float32)):
        z = fitted(rows.astype(learned), "standard").apply(rows.astype(asked))
        assert np.abs(z).max() < 10


@pytest.mark.parametrize("n", [3, 200_000])
def test_equal_large_numbers_become_exactly_zero(n: int) -> None:
    x = np.full((n, 1), 1234567890123456789, np.int64).astype(np.float64)
    for dense in (x, x.astype(np.float32)):
        for rows in (dense, sparse.csr_array(dense)):
            scaling = fitted(rows, "standard")
            assert scaling.scale.tolist() == [1]
            assert not scaling.apply(dense).any()


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_the_mean_of_many_large_numbers_is_not_rounded_away(form: Any) -> None:
    # Nanoseconds since 1970: in float64 they lie 256 apart, and their sum is rounded by 2**31.
    x = 1.7e18 + 1e5 * np.random.default_rng(0).normal(size=(200_000, 1))
    z = fitted(form(x), "standard").apply(x).astype(np.float64)
    assert abs(z.mean()) < 1e-3
    assert z.std() == pytest.approx(1, abs=1e-3)


def test_the_rounding_of_one_number_is_not_blown_up() -> None:
    for dtype in (np.float32, np.float64):
        one = np.ones((1000, 1), dtype)
        one[::2] = np.nextafter(dtype(1), dtype(2))
        assert fitted(one, "standard").scale.tolist() == [1]
        assert fitted(sparse.csr_array(one), "standard").scale.tolist() == [1]


def test_a_scaling_undone_is_as_fine_as_the_data() -> None:
    x = near(NOW, 10)
    for kind in ("standard", "minmax"):
        scaling = fitted(x, kind)
        back = scaling.undo(scaling.apply(x))
        assert back.dtype == np.float64
        np.testing.assert_allclose(back, x, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_reconstructions_of_times_are_times(form: Any, scale: str) -> None:
    x = near(NOW, 10)
    model = SDAETransformer((8,), scale=scale, pretrain_epochs=20, random_state=0).fit(form(x))
    for rebuilt in (model.reconstruct(form(x)), model.inverse_transform(model.transform(form(x)))):
        assert rebuilt.dtype == np.float64
        assert len(np.unique(rebuilt[:, 0])) > 250
        assert np.abs(rebuilt - x).max() < 20
        assert np.corrcoef(rebuilt[:, 0], x[:, 0])[0, 1] > 0.5


def test_rows_that_are_not_scaled_stay_float32() -> None:
    x = np.random.default_rng(0).random((30, 4))
    model = SDAETransformer((3,), pretrain_epochs=1, random_state=0).fit(x)
    assert model.scaling_ is None
    assert model.reconstruct(x).dtype == np.float32
    assert model.transform(x).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_class_that_only_the_time_tells_is_learned(dtype: Any) -> None:
    x = near(NOW, 40_000, dtype=dtype)
    y = x[:, 0] > NOW
    model = SDAEClassifier((16,), pretrain_epochs=2, max_iter=60, tol=1e-9, random_state=0)
    with pytest.warns(match="still improving"):
        model.fit(x, y)
    assert model.score(x, y) > 0.95


def test_an_outlier_in_time_is_found() -> None:
    x = near(NOW, 100)
    x[33, 0] += 5000
    model = SDAEOutlierDetector((2,), pretrain_epochs=20, random_state=0).fit(x)
    assert model.score_samples(x).argmin() == 33


def test_a_table_of_times_keeps_every_one(tmp_path: Path) -> None:
    seconds = [1_700_000_000 + i for i in range(400)]
    path = write_csv(tmp_path / "times.csv", "t,u", [[second, second / 8] for second in seconds])
    x = load_dataset(path).train.x
    assert x[:, 0].tolist() == seconds
    assert len(np.unique(fitted(x, "standard").apply(x)[:, 0])) == 400
