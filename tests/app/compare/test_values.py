"""Studies of values: regressors, whose errors are shares of the variance of the targets."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.app.compare.candidates import Models, describe_model
from sdae.app.compare.families import OF_VALUES
from sdae.app.compare.label_splits import Pool, cut
from sdae.app.compare.result_cache import CellCache
from sdae.app.compare.scaled_targets import ScaledTargets
from sdae.app.compare.study import MODELS, NETWORKS, PRETRAINED, RANDOM, read_models
from sdae.app.compare.study_data import StudyData, load_study_data
from sdae.app.compare.study_run import plan, run_study
from sdae.app.compare.tuning import error_of
from sdae.data.task import Task
from sdae.estimators import SDAETransformer, fitting
from tests.app.cli.commands import done, refused
from tests.app.compare.problems import TINY_NETWORK, TUNED, outcomes, small_study

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETTING = {"learning_rate_init": 0.005, "dropout": 0.0}
ALL = (*NETWORKS, "ridge", "boosting", "svm", "mlp", "ladder")


def line(n_rows: int = 120, n_targets: int = 1) -> StudyData:
    """Return rows whose targets are sums of their columns, far from 0 and of small variance."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, 5)).astype(np.float32)
    y = 1e5 + 0.01 * (x @ rng.normal(size=(5, n_targets))).astype(np.float64)
    names = tuple(f"y{target}" for target in range(n_targets))
    return StudyData("line", x, y, names, x[:0])


@pytest.fixture(scope="module")
def pool() -> Pool:
    return cut(line(), 0.25, 0)[0]


def test_the_pre_trained_network_has_seen_rows_and_no_value(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What follows pre-training in a fit: that of a transformer has none.
    monkeypatch.setattr(fitting, "bend_first_layer", lambda *_: None)
    start = Models(small_study(9), pool, 3).new(PRETRAINED, SETTING)
    assert isinstance(start, ScaledTargets)
    network: Any = start._model
    alone = {name: value for name, value in TINY_NETWORK.items() if name not in TUNED}
    expected = SDAETransformer(**alone, random_state=3).fit(pool.rows)  # type: ignore[arg-type]
    for name, value in expected.network_.state_dict().items():
        np.testing.assert_array_equal(network.network_.state_dict()[name], value)
    assert (network.target_scaling_.offset, network.target_scaling_.scale) == (0, 1)
    other = replace(pool, y=pool.y[::-1] * 3)
    again: Any = Models(small_study(9), other, 3).new(PRETRAINED, SETTING)
    for name, value in again._model.network_.state_dict().items():
        np.testing.assert_array_equal(network.network_.state_dict()[name], value)


def test_the_two_networks_differ_in_pre_training_alone(pool: Pool) -> None:
    models = Models(small_study(9), pool, 0)
    one, other = (models.new(name, SETTING)._model.get_params() for name in NETWORKS)
    assert (one.pop("pretrain_epochs"), other.pop("pretrain_epochs")) == (2, 0)
    assert one == other


class Recorder:
    """Keeps what it is fitted to, and answers with zeros."""

    def fit(self, _: NDArray[Any], y: NDArray[Any]) -> "Recorder":
        self.y = y
        return self

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        return np.zeros((len(x), *self.y.shape[1:]))


@pytest.mark.parametrize("n_targets", [1, 2])
def test_targets_are_standardised_by_the_rows_of_the_fit(n_targets: int) -> None:
    data = line(40, n_targets)
    recorder = Recorder()
    model = ScaledTargets(recorder, "mlp").fit(data.x[:20], data.y[:20])
    assert recorder.y.ndim == (1 if n_targets == 1 else 2)
    np.testing.assert_allclose(recorder.y.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(recorder.y.std(axis=0), 1, atol=1e-6)
    means = np.broadcast_to(data.y[:20].mean(axis=0), (5, n_targets))
    np.testing.assert_allclose(model.predict(data.x[:5]), means, rtol=1e-12)


def test_an_error_is_a_share_of_the_variance() -> None:
    data = line(400)
    means = ScaledTargets(Recorder(), "mlp").fit(data.x, data.y)
    assert error_of(means, data.x, data.y, data.variance) == pytest.approx(1)


@pytest.mark.usefixtures("short_ladders")
@pytest.mark.parametrize("n_targets", [1, 2])
def test_every_model_learns_values_in_their_own_units(tmp_path: Path, n_targets: int) -> None:
    study = replace(small_study(60, models=MODELS), network={
        "hidden_layer_sizes": [16], "pretrain_epochs": 2, "max_iter": 60,
    })  # fmt: skip
    data = line(120, n_targets)
    assert plan(study, data).models == {60: ALL}
    cache = CellCache(tmp_path / "cells.jsonl")
    cells = run_study(study, data, cache)
    assert {cell.model for cell in cells} == set(ALL)
    assert all(cell.error < 0.8 for cell in cells), outcomes(cells)
    assert all(cell.of_values for cell in cells)
    ridge = [cell.error for cell in cells if cell.model == "ridge"]
    assert max(ridge) < 0.01  # what it learns is a line
    assert outcomes(run_study(study, data, CellCache(tmp_path / "cells.jsonl"))) == outcomes(cells)


def test_the_linear_model_is_named_either_way() -> None:
    assert read_models("ridge") == read_models("logistic") == (*NETWORKS, "logistic")


def test_what_a_result_depends_on_names_the_regressor() -> None:
    fixed: Any = describe_model(RANDOM, small_study(9), OF_VALUES)["fixed"]
    assert fixed["loss"] == "squared_error"


def test_a_table_is_read_as_its_target_asks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = [f"{a:.3f},{b},{a + (b == 'x'):.4f},{k % 3}" for k, (a, b) in enumerate(
        zip(rng.normal(size=60), rng.choice(["x", "y"], 60), strict=True))]  # fmt: skip
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b,y,k", *lines]) + "\n")
    data = load_study_data(str(path), "y")
    assert data.variance is not None
    assert load_study_data(str(path), "k").variance is None
    assert load_study_data(str(path), "k", task=Task.REGRESSION).variance is not None
    tiny = [f"--set={name}={value}" for name, value in TINY_NETWORK.items() if name != "scale"]
    out = tmp_path / "out"
    said = done(
        "compare", path, "--target=y", "--labels=20", "--seeds=2", "--models=ridge",
        "--out", out, *tiny,
    )  # fmt: skip
    assert "Errors are mean squared errors in % of the target's variance." in said
    assert "ridge" in said
    assert (out / "table.csv").is_file()
    text = refused(
        tmp_path, "compare", path, "--target=y", "--set=class_weight=balanced", "--out", out
    )
    assert "class_weight" in text
