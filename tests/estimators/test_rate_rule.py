"""``auto`` of learning_rate_init: the rule by widths, where it counts, and where it is noted."""

import logging
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import sdae
from sdae import SDAEClassifier, SDAERegressor
from sdae.core.errors import InvalidParameterError
from sdae.estimators.rate_rule import rate_for
from tests.estimators.helpers import SUPERVISED, labels
from tests.estimators.helpers import rows as rows_of
from tests.estimators.test_saving import changed

pd: Any = import_module("pandas")
EACH = pytest.mark.parametrize("kind", SUPERVISED)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N_WIDE = 250  # columns: a rate of 0.002


def small(kind: type, **parameters: Any) -> Any:
    """Return an estimator with little to train."""
    few: dict[str, Any] = {"hidden_layer_sizes": (5,), "pretrain_epochs": 1, "random_state": 3}
    return kind(**(few | parameters))


def same(a: Any, b: Any) -> bool:
    return all(p.tobytes() == q.tobytes() for p, q in zip(a.coefs_, b.coefs_, strict=True))


@pytest.mark.parametrize(
    ("most_inputs", "rate"),
    [(1, 0.005), (100, 0.005), (125, 0.004), (250, 0.002), (1000, 0.0005), (10**6, 0.0005)],
)
def test_the_rule(most_inputs: int, rate: float) -> None:
    assert rate_for(most_inputs) == pytest.approx(rate)


@EACH
def test_it_is_the_default_and_stays_auto(kind: type[Any]) -> None:
    x = rows_of(40, N_WIDE)
    model = small(kind, max_iter=3).fit(x, labels(x))
    assert model.get_params()["learning_rate_init"] == "auto"
    assert clone(model).get_params()["learning_rate_init"] == "auto"
    assert model.learning_rate_init_ == pytest.approx(0.002)


@EACH
def test_auto_is_the_fit_with_the_number_of_the_rule(kind: type[Any]) -> None:
    x = rows_of(40, N_WIDE)
    auto = small(kind).fit(x, labels(x))
    given = small(kind, learning_rate_init=auto.learning_rate_init_).fit(x, labels(x))
    before = small(kind, learning_rate_init=0.005).fit(x, labels(x))
    assert same(auto, given)
    assert not same(auto, before)
    assert auto.max_iter_ == given.max_iter_ > before.max_iter_
    assert before.learning_rate_init_ == 0.005


@EACH
def test_few_labels_of_a_wide_network_are_not_warned_of(kind: type[Any]) -> None:
    x = rows_of(40, 1200)
    never = {"tol": 0.0, "n_iter_no_change": np.inf}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = small(kind, **never).fit(x, labels(x))
    assert model.n_iter_ == model.max_iter_ == 200
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):  # a rate that was given
        small(kind, **never, learning_rate_init=0.0005).fit(x, labels(x))


@pytest.mark.parametrize(
    ("sizes", "rate"), [((5,), 0.005), ((200,), 0.0025), ((5, 500), 0.001), ((400, 5), 0.00125)]
)
def test_units_count_as_columns_do(sizes: tuple[int, ...], rate: float) -> None:
    x = rows_of(20, 4)
    model = small(SDAEClassifier, hidden_layer_sizes=sizes, max_iter=1).fit(x, labels(x))
    assert model.learning_rate_init_ == pytest.approx(rate)


def test_inputs_are_those_of_the_network() -> None:
    """A category of a table has one for each level."""
    table = pd.DataFrame({"a": [f"level {row % 200:03}" for row in range(800)]})
    model = small(SDAEClassifier, max_iter=1, max_categories=None)
    model.fit(table, np.arange(800) % 2)
    assert model.network_.n_visible == 200
    assert model.learning_rate_init_ == pytest.approx(0.0025)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_descent_by_the_gradient_itself_has_the_same_rate_at_any_width(solver: str) -> None:
    x = rows_of(20, N_WIDE)
    model = small(SDAEClassifier, solver=solver, max_iter=2).fit(x, labels(x))
    assert model.learning_rate_init_ == 0.005


@pytest.mark.parametrize("solver", ["adam", "adamw", "nadam", "rmsprop"])
def test_the_others_have_the_rate_of_the_rule(solver: str) -> None:
    x = rows_of(20, N_WIDE)
    model = small(SDAEClassifier, solver=solver, max_iter=2).fit(x, labels(x))
    assert model.learning_rate_init_ == pytest.approx(0.002)


def test_a_stream_has_it(caplog: pytest.LogCaptureFixture) -> None:
    x = rows_of(20, N_WIDE)
    auto, given = small(SDAEClassifier), small(SDAEClassifier, learning_rate_init=0.002)
    with caplog.at_level(logging.INFO, "sdae"):
        for _ in range(3):
            auto.partial_fit(x, labels(x), classes=[0, 1, 2])
            given.partial_fit(x, labels(x), classes=[0, 1, 2])
    assert sum("learning rate of" in message for message in caplog.messages) == 1
    assert same(auto, given)
    assert auto.learning_rate_init_ == pytest.approx(0.002)


@pytest.mark.untraced
def test_agreement_has_its_own_rate(caplog: pytest.LogCaptureFixture) -> None:
    x = rows_of(40, N_WIDE)
    hidden = np.where(np.arange(40) < 20, labels(x), -1)
    model = small(SDAEClassifier, unlabeled_label=-1, semi_supervised="mean_teacher", max_iter=2)
    with caplog.at_level(logging.INFO, "sdae"):
        assert model.fit(x, hidden).learning_rate_init_ == 0.005
    assert not any("learning rate of" in message for message in caplog.messages)


def test_what_was_chosen_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    said = "Fine-tuning at a learning rate of 0.002: a unit has up to 250 inputs."
    wide, narrow = rows_of(20, N_WIDE), rows_of(20, 20)
    with caplog.at_level(logging.INFO, "sdae"):
        small(SDAEClassifier, max_iter=1).fit(wide, labels(wide))
    assert caplog.messages.count(said) == 1
    caplog.clear()
    with caplog.at_level(logging.INFO, "sdae"):
        small(SDAEClassifier, max_iter=1).fit(narrow, labels(narrow))
        small(SDAEClassifier, max_iter=1, learning_rate_init=0.01).fit(wide, labels(wide))
    assert not any("learning rate of" in message for message in caplog.messages)


@EACH
def test_files_keep_it(kind: type[Any], tmp_path: Path) -> None:
    x = rows_of(20, N_WIDE)
    model = small(kind, max_iter=2).fit(x, labels(x))
    model.save(tmp_path / "model.safetensors")
    again = sdae.load(tmp_path / "model.safetensors")
    assert again.get_params()["learning_rate_init"] == "auto"
    assert again.learning_rate_init_ == model.learning_rate_init_


def test_a_file_of_an_earlier_version_has_its_number(tmp_path: Path) -> None:
    x = rows_of(20, N_WIDE)
    small(SDAEClassifier, max_iter=2, learning_rate_init=0.03).fit(x, labels(x)).save(
        tmp_path / "model.safetensors"
    )

    def as_before(entry: Any) -> None:
        del entry["state"]["used"]["learning_rate_init"]

    again = sdae.load(changed(tmp_path / "model.safetensors", as_before))
    assert again.learning_rate_init_ == 0.03


@pytest.mark.parametrize("value", ["none", "", None, True, "0.1"])
def test_other_words_are_refused(value: object) -> None:
    x = rows_of(20, 4)
    with pytest.raises(InvalidParameterError, match=r"The learning_rate_init.*, or 'auto'"):
        small(SDAERegressor, learning_rate_init=value).fit(x, labels(x))
