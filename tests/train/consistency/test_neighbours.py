"""Columns in which rows are compared: very large numbers have the neighbours of smaller ones."""

import warnings

import numpy as np
import pytest

from sdae.train.consistency.neighbours import comparable, nearest

X = np.random.default_rng(5).normal(size=(120, 60)).astype(np.float32)


@pytest.mark.parametrize("power", [60, 100, 124])
def test_very_large_numbers_do_not_overflow(power: int) -> None:
    large = np.ldexp(X, power)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = comparable(large, 0)
        _, places = nearest(columns, 5, 0)
    assert np.isfinite(columns).all()
    assert (places == nearest(comparable(X, 0), 5, 0)[1]).mean() > 0.99


def test_other_numbers_are_as_they_were() -> None:
    from sklearn.decomposition import PCA

    centred = X - X.mean(axis=0, dtype=np.float64).astype(np.float32)
    expected = PCA(50, svd_solver="auto", random_state=3).fit_transform(centred)
    assert comparable(X, 3).tobytes() == expected.tobytes()
