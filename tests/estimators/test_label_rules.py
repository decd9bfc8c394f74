"""``auto`` of alpha, dropout and max_iter: the rule, where it counts, and where it is noted."""

import copy
import logging
import pickle
import warnings
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import sdae
from sdae import SDAEClassifier, SDAERegressor
from sdae.core.errors import FileFormatError, InvalidParameterError
from sdae.estimators.label_rules import Regularisation, regularisation_for
from tests.estimators.helpers import SUPERVISED, Rows, labels
from tests.estimators.helpers import rows as rows_of
from tests.estimators.test_saving import changed

pd: Any = import_module("pandas")
AUTO = ("alpha", "dropout", "max_iter")
BEFORE: dict[str, Any] = {"alpha": 1e-4, "dropout": 0.0, "max_iter": 200}
EACH = pytest.mark.parametrize("kind", SUPERVISED)


def rows(n: int = 60) -> Rows:
    """Return rows of so many columns that the rule counts labels as they are, (n, 20)."""
    return rows_of(n, 20)


def small(kind: type, **parameters: Any) -> Any:
    """Return an estimator with little to train besides what `auto` says."""
    few: dict[str, Any] = {"hidden_layer_sizes": (5,), "pretrain_epochs": 1, "random_state": 3}
    return kind(**(few | parameters))


def used(model: Any) -> tuple[float, float, int]:
    return model.alpha_, model.dropout_, model.max_iter_


def same(a: Any, b: Any) -> bool:
    return all(p.tobytes() == q.tobytes() for p, q in zip(a.coefs_, b.coefs_, strict=True))


@pytest.mark.parametrize(
    ("n", "n_classes", "expected"),
    [
        (1, 2, (1.0, 0.5, 100)),
        (100, 2, (1.0, 0.5, 100)),
        (101, 2, (0.98519, 0.49892, 100)),
        (150, 2, (0.54433, 0.45598, 100)),
        (600, 2, (0.06804, 0.30546, 120)),
        (1000, 2, (0.03162, 0.25, 200)),
        (9999, 2, (0.00100, 0.00001, 200)),
        (10_000, 2, (0.001, 0.0, 200)),
        (46_416, 2, (0.0001, 0.0, 200)),
        (10**9, 2, (0.0001, 0.0, 200)),
        (60, 1, (1.0, 0.5, 100)),
        (60, 3, (1.0, 0.5, 100)),
        (60, 10, (1.0, 0.5, 100)),
        (60, 50, (1.0, 0.5, 100)),
        (190, 10, (0.38183, 0.43031, 190)),
        (210, 10, (0.32860, 0.41945, 200)),
        (1, None, (2.0, 0.0, 20)),
        (100, None, (2.0, 0.0, 20)),
        (250, None, (0.50596, 0.0, 50)),
        (500, None, (0.17889, 0.0, 100)),
        (1000, None, (0.06325, 0.0, 100)),
        (10**9, None, (0.0001, 0.0, 100)),
    ],
)
def test_the_rule(n: int, n_classes: int | None, expected: tuple[float, float, int]) -> None:
    rule = regularisation_for(n, n_classes, n_inputs=20)
    assert (rule.alpha, rule.dropout) == pytest.approx(expected[:2], abs=5e-6)
    assert rule.max_iter == expected[2]


@pytest.mark.parametrize("n_classes", [2, 7, None])
def test_more_labels_never_mean_more_penalty_or_fewer_epochs(n_classes: int | None) -> None:
    numbers = np.geomspace(1, 1e6, 300).astype(int)
    rules = [regularisation_for(n, n_classes, n_inputs=30) for n in numbers]
    for fewer, more in pairwise(rules):
        assert fewer.alpha >= more.alpha
        assert fewer.dropout >= more.dropout
        assert fewer.max_iter <= more.max_iter
    most = 100 if n_classes is None else 200
    assert rules[-1] == Regularisation(**{**BEFORE, "max_iter": most})


@pytest.mark.parametrize(
    ("n_inputs", "as_many"), [(1, 1200), (5, 240), (19, 63), (20, 60), (21, 60), (10_000, 60)]
)
def test_labels_of_few_inputs_count_as_more(n_inputs: int, as_many: int) -> None:
    rule, same = regularisation_for(60, 2, n_inputs), regularisation_for(as_many, 2, 20)
    assert rule.alpha == pytest.approx(same.alpha, rel=0.01)
    assert rule.dropout == pytest.approx(same.dropout, abs=0.001)
    assert rule.max_iter == same.max_iter


def test_inputs_are_those_of_the_network() -> None:
    """A category of a table has one for each level."""
    column = [f"level {row % 4}" for row in range(60)]
    table = pd.DataFrame({"a": column, "b": rows()[:, 0]})
    model = small(SDAEClassifier).fit(table, labels(rows()))
    assert model.network_.n_visible == 5
    assert model.alpha_ == regularisation_for(60, 3, 5).alpha < 1


@EACH
def test_they_are_the_defaults_and_stay_auto(kind: type[Any]) -> None:
    model = small(kind)
    assert [model.get_params()[name] for name in AUTO] == ["auto"] * 3
    model.fit(rows(), labels(rows()))
    assert [model.get_params()[name] for name in AUTO] == ["auto"] * 3
    again = clone(model)
    assert [again.get_params()[name] for name in AUTO] == ["auto"] * 3
    assert not any(hasattr(again, f"{name}_") for name in AUTO)


@pytest.mark.parametrize(
    ("kind", "expected"), [(SDAEClassifier, (1.0, 0.5, 100)), (SDAERegressor, (2.0, 0.0, 20))]
)
def test_auto_is_the_fit_with_the_numbers_of_the_rule(
    kind: type[Any], expected: tuple[float, float, int]
) -> None:
    x = rows()
    whole = {"n_iter_no_change": np.inf}
    auto = small(kind, **whole).fit(x, labels(x))
    assert used(auto) == expected
    numbers = dict(zip(AUTO, expected, strict=True)) | whole
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        given = small(kind, **numbers).fit(x, labels(x))
        before = small(kind, **BEFORE, **whole).fit(x, labels(x))
    assert used(given) == expected
    assert same(auto, given)
    assert used(before) == tuple(BEFORE.values())
    assert (auto.n_iter_, before.n_iter_) == (expected[2], 200)
    assert not same(auto, before)


def test_each_is_auto_by_itself() -> None:
    x = rows()
    assert used(small(SDAEClassifier, alpha=0.2).fit(x, labels(x))) == (0.2, 0.5, 100)
    assert used(small(SDAEClassifier, dropout=0.1).fit(x, labels(x))) == (1.0, 0.1, 100)
    model = small(SDAEClassifier, max_iter=3, tol=10.0, n_iter_no_change=1)
    assert used(model.fit(x, labels(x))) == (1.0, 0.5, 3)


def test_only_rows_with_labels_that_count_are_counted() -> None:
    x = rows(300)
    y = labels(x)
    weights = np.r_[np.ones(200), np.zeros(100)]
    assert small(SDAEClassifier).fit(x, y, weights).alpha_ == regularisation_for(200, 3, 20).alpha
    hidden = np.where(np.arange(300) < 150, y, -1)
    model = small(SDAEClassifier, unlabeled_label=-1, semi_supervised=None).fit(x, hidden)
    assert used(model) == pytest.approx((1.5**-1.5, 0.455977, 100))


@pytest.mark.untraced
def test_rows_without_labels_take_the_place_of_a_penalty() -> None:
    x = rows(300)
    hidden = np.where(np.arange(300) < 150, labels(x), -1)
    learning = {"unlabeled_label": -1, "semi_supervised": "mean_teacher"}
    auto = small(SDAEClassifier, **learning).fit(x, hidden)
    given = small(SDAEClassifier, alpha=0.1, max_iter=2, **learning).fit(x, hidden)

    assert used(auto) == (1e-4, 0.2, 100)  # 10 minibatches, 1,000 updates
    assert auto.n_iter_ == 100
    assert used(given) == (0.1, 0.2, 2)
    assert given.n_iter_ == 2


def test_several_labels_are_questions_of_two_classes() -> None:
    x = rows()
    y = (x[:, :4] > 0).astype(int)
    assert small(SDAEClassifier).fit(x, y).max_iter_ == 100


def test_a_single_class_is_no_obstacle() -> None:
    model = small(SDAEClassifier).fit(rows(), np.zeros(60))
    assert model.max_iter_ == 100


@pytest.mark.parametrize(
    ("parameters", "max_iter"),
    [
        ({"solver": "sgd"}, 200),
        ({"early_stopping": True}, 200),
        ({"learning_rate_init": 0.004}, 125),
        ({"learning_rate_init": 0.0001}, 200),
        ({"learning_rate_init": 0.0}, 200),
        ({"learning_rate_init": 0.05}, 100),
        ({"solver": "rmsprop"}, 100),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_trains_otherwise_gets_other_epochs(parameters: Any, max_iter: int) -> None:
    x = rows()
    assert small(SDAEClassifier, **parameters).fit(x, labels(x)).max_iter_ == max_iter


@EACH
def test_lbfgs_has_no_dropout(kind: type[Any]) -> None:
    x = rows()
    model = small(kind, solver="lbfgs").fit(x, labels(x))
    assert used(model) == (2.0 if kind is SDAERegressor else 1.0, 0.0, 200)
    assert model.n_iter_ > 1
    with pytest.raises(InvalidParameterError, match="dropout"):
        small(kind, solver="lbfgs", dropout=0.5).fit(x, labels(x))


@EACH
def test_few_epochs_that_the_rule_chose_are_not_warned_of(kind: type[Any]) -> None:
    x = rows()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = small(kind, tol=0.0, n_iter_no_change=100).fit(x, labels(x))
    assert model.n_iter_ == model.max_iter_
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        clone(model).set_params(max_iter=model.max_iter_).fit(x, labels(x))


def test_what_was_chosen_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    x = rows()
    with caplog.at_level(logging.INFO, "sdae"):
        small(SDAEClassifier, dropout=0).fit(x, labels(x))
    assert "Fine-tuning on 60 labels, by their number: alpha=1, max_iter=100." in caplog.messages
    caplog.clear()
    with caplog.at_level(logging.INFO, "sdae"):
        small(SDAEClassifier, alpha=0, dropout=0, max_iter=5, tol=9, n_iter_no_change=1).fit(
            x, labels(x)
        )
    assert not any("by their number" in message for message in caplog.messages)


@pytest.mark.untraced
def test_where_other_rows_are_learned_from_their_values_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    x = rows()
    hidden = np.where(np.arange(60) < 20, labels(x), -1)
    learning = {"unlabeled_label": -1, "semi_supervised": "mean_teacher"}
    with caplog.at_level(logging.INFO, "sdae"):
        small(SDAEClassifier, max_iter=2, **learning).fit(x, hidden)
    assert "Fine-tuning on 20 labels and 40 rows without: alpha=0.0001, dropout=0.2." in (
        caplog.messages
    )
    caplog.clear()
    with caplog.at_level(logging.INFO, "sdae"):
        small(SDAEClassifier, alpha=0, dropout=0, max_iter=2, **learning).fit(x, hidden)
    assert not any(message.startswith("Fine-tuning on") for message in caplog.messages)


def test_a_stream_has_the_values_for_many_labels() -> None:
    x = rows()
    stream = small(SDAEClassifier)
    given = small(SDAEClassifier, alpha=1e-4, dropout=0)
    for _ in range(3):
        stream.partial_fit(x, labels(x), classes=[0, 1, 2])
        given.partial_fit(x, labels(x), classes=[0, 1, 2])
    assert same(stream, given)
    assert used(stream) == (1e-4, 0.0, 200)


def test_warm_start_goes_by_the_labels_of_each_fit() -> None:
    x = rows(500)
    y = labels(x)
    model = small(SDAEClassifier, warm_start=True).fit(x[:60], y[:60])
    assert model.max_iter_ == 100
    assert model.fit(x, y).max_iter_ == 150


@EACH
def test_files_and_pickles_keep_them(kind: type[Any], tmp_path: Path) -> None:
    x = rows()
    model = small(kind).fit(x, labels(x))
    model.save(tmp_path / "model.safetensors")
    for again in (
        sdae.load(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ):
        assert [again.get_params()[name] for name in AUTO] == ["auto"] * 3
        assert used(again) == used(model)


@EACH
def test_a_file_with_numbers_is_as_before(kind: type[Any], tmp_path: Path) -> None:
    x = rows()
    numbers = {"alpha": 0.01, "dropout": 0.25, "max_iter": 5, "learning_rate_init": 0.005}
    model = small(kind, **numbers, n_iter_no_change=1, tol=9.0).fit(x, labels(x))
    path = tmp_path / "model.safetensors"
    model.save(path)
    seen: list[Any] = []
    changed(path, lambda entry: seen.append(entry["state"]))
    assert "used" not in seen[0]
    loaded = sdae.load(path)
    assert used(loaded) == (0.01, 0.25, 5)
    del model._used  # as in a pickle of an earlier version
    assert used(pickle.loads(pickle.dumps(model))) == (0.01, 0.25, 5)


@pytest.mark.parametrize(("name", "value"), [("alpha", -1), ("dropout", 1), ("max_iter", 0.5)])
def test_a_forged_file_is_refused(name: str, value: float, tmp_path: Path) -> None:
    x = rows()
    small(SDAEClassifier).fit(x, labels(x)).save(tmp_path / "model.safetensors")

    def forge(entry: Any) -> None:
        entry["state"]["used"][name] = value

    with pytest.raises(FileFormatError, match="does not hold a valid estimator"):
        sdae.load(changed(tmp_path / "model.safetensors", forge))


@EACH
def test_before_a_fit_there_are_none(kind: type[Any]) -> None:
    for name in AUTO:
        with pytest.raises(NotFittedError):
            getattr(small(kind), f"{name}_")


@pytest.mark.parametrize("value", ["none", "", None, True, "0.1"])
@pytest.mark.parametrize("name", AUTO)
def test_other_words_are_refused(name: str, value: object) -> None:
    x = rows()
    with pytest.raises(InvalidParameterError, match=f"The {name} parameter.*, or 'auto'"):
        small(SDAEClassifier, **{name: value}).fit(x, labels(x))


@EACH
def test_unscaled_columns_get_less_of_a_penalty(kind: type[Any]) -> None:
    x = np.random.default_rng(0).random((60, 20))
    x[x < 0.4] = 0.0  # as of pixels
    y = labels(x - 0.5)
    strongest = 2.0 if kind is SDAERegressor else 1.0
    left, scaled = small(kind).fit(x, y), small(kind, scale="standard").fit(x, y)
    variance = x.astype(np.float32).var(axis=0, ddof=1).mean()
    assert left.alpha_ == pytest.approx(strongest * variance)
    assert scaled.alpha_ == strongest
    # Rows that somebody else has standardised are as before, and so is a given value.
    assert small(kind, scale="none").fit(10 * x, y).alpha_ == strongest
    assert small(kind, alpha=0.5).fit(x, y).alpha_ == 0.5
    given = small(kind, alpha=left.alpha_).fit(x, y)
    assert same(left, given)


def test_a_single_label_of_unscaled_columns_has_no_variance() -> None:
    x = np.random.default_rng(0).random((1, 20))
    assert small(SDAEClassifier, scale="none").fit(x, ["a"]).alpha_ == 1
    many = small(SDAEClassifier, scale="none").fit(np.full((4, 20), 0.2), [*"abab"])
    assert many.alpha_ == 1e-4
