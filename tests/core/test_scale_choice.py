"""``scale="auto"``: unscaled only within [0, 1] with a column that varies; one rule everywhere."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAETransformer
from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.prepare import prepare
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import choose
from sdae.data import load_mnist

AUTO, SIGMOID, LINEAR = Decoder.AUTO, Decoder.SIGMOID, Decoder.LINEAR


def column_of(deviation: float, dtype: Any = np.float64) -> NDArray[Any]:
    """Return a column of two values within [0, 1], (10, 1)."""
    half = deviation * np.tile([-1.0, 1.0], 5)
    return (0.5 + half).reshape(-1, 1).astype(dtype)


def shares(n: int = 300) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return frequencies within [0, 0.001] of ten classes, and the classes."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 10
    centres = rng.random((10, 20))
    return 0.001 * np.clip(centres[y] + 0.1 * rng.normal(size=(n, 20)), 0, 1), y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.coo_matrix])
@pytest.mark.parametrize(
    ("deviation", "kind"), [(0.0501, "none"), (0.0499, "standard"), (0.0, "standard")]
)
def test_a_column_must_vary_by_a_twentieth(
    deviation: float, kind: str, form: Any, dtype: Any
) -> None:
    x = form(column_of(deviation, dtype))
    assert choose(x, "auto", AUTO, "x")[:2] == (kind, SIGMOID if kind == "none" else LINEAR)
    assert choose(x, "auto", LINEAR, "x")[:2] == (kind, LINEAR)
    within = "none" if kind == "none" else "minmax"
    assert choose(x, "auto", SIGMOID, "x")[:2] == (within, SIGMOID)


def test_exactly_a_twentieth_is_enough() -> None:
    x = np.array([[0.0], [0.1]])
    assert x.std() == 0.05
    assert choose(x, "auto", AUTO, "x").scale == "none"


def test_the_column_that_varies_most_decides() -> None:
    x = np.hstack([column_of(0.0), column_of(0.0001), column_of(0.2)])
    assert choose(x, "auto", AUTO, "x").scale == "none"
    assert choose(x[:, :2], "auto", AUTO, "x").scale == "standard"


def test_rare_ones_in_a_wide_sparse_table_do_not_decide() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    often = sparse.csr_array((rng.random((n, 1)) < 0.3).astype(np.float32))
    rare = sparse.csr_array(
        (np.ones(500, np.float32), (np.arange(500), np.arange(500))), shape=(n, 500)
    )
    assert choose(sparse.hstack([rare, often]), "auto", AUTO, "x").scale == "none"
    assert choose(rare, "auto", AUTO, "x").scale == "standard"  # one in 2,000 each
    assert choose(rare.toarray(), "auto", AUTO, "x").scale == "standard"


def test_rounding_at_the_ends_of_the_interval_does_not_decide() -> None:
    x = np.array([[-1e-300, 0.3], [0.5, 0.4], [np.nextafter(1, 2), 0.1]])
    assert choose(x, "auto", AUTO, "x")[:2] == ("none", SIGMOID)


def test_mnist_is_left_as_it_is() -> None:
    assert choose(load_mnist().train.x, "auto", AUTO, "MNIST")[:2] == ("none", SIGMOID)


def test_every_door_follows_the_same_rule(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="sdae")
    x, y = shares()
    np.savez(tmp_path / "shares.npz", x=x, y=y)
    prepared = prepare(DataConfig(str(tmp_path / "shares.npz"), validation=0, test=0), AUTO, 0)
    assert prepared.scaling is not None
    assert (prepared.scaling.kind, prepared.decoder) == ("standard", LINEAR)
    for rows in (x, sparse.csr_array(x)):
        fitted = SDAETransformer((4,), pretrain_epochs=1, random_state=0).fit(rows)
        assert fitted.scaling_ is not None
        assert fitted.scaling_.kind == "standard"
        assert fitted.network_.autoencoder(0).decoder is LINEAR
        np.testing.assert_allclose(fitted.scaling_.scale, prepared.scaling.scale, rtol=1e-12)
    assert caplog.messages[0] == f"shares: {prepared.choice}"
    assert prepared.choice.startswith("Columns are standardised: values lie in [0, 1], and the")
    assert prepared.choice.endswith(", below 0.05. The decoder of layer 0 is linear.")
    assert caplog.messages[1].startswith("X of SDAETransformer: Columns are standardised: values")


@pytest.mark.parametrize(
    ("x", "scale", "words"),
    [
        (
            [[-3.0], [7.0]],
            "auto",
            "Columns are standardised: values go from -3 to 7, beyond [0, 1].",
        ),
        ([[0.0], [1.0]], "auto", "Columns are left as they are: values lie in [0, 1], and the "),
        ([[0.0], [1.0]], "minmax", "Columns are scaled into [0, 1]: as scale = 'minmax' says."),
    ],
)
def test_what_was_decided_is_told_with_its_reason(
    x: list[list[float]], scale: str, words: str
) -> None:
    assert choose(np.array(x), scale, AUTO, "x").reason.startswith(words)


def test_shares_are_learned() -> None:
    x, y = shares()
    model = SDAEClassifier((32,), pretrain_epochs=5, max_iter=60, tol=1e-9, random_state=0)
    with pytest.warns(match="still improving"):
        model.fit(x, y)
    assert model.score(x, y) > 0.9


def test_the_strange_row_among_shares_is_found() -> None:
    x = shares()[0]
    x[17] = x[17][::-1] + 0.0005
    model = SDAEOutlierDetector((8,), pretrain_epochs=20, random_state=0).fit(x)
    assert model.score_samples(x).argmin() == 17
