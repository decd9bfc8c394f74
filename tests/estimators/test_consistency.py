"""What the classifier learns from unlabelled rows: the rule, the search, and what is kept of it."""

import copy
import logging
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone

import sdae
from sdae import Checkpoint, SDAEClassifier, SDAERegressor
from sdae.core.blocks import Blocks
from sdae.core.errors import DataError, InvalidParameterError, MissingExtraError
from sdae.core.rows import SparseRows
from sdae.estimators import consistency_search, fitting
from sdae.train.consistency import neighbours, rule
from sdae.train.consistency.rule import (
    Situation,
    epochs_of_consistency,
    learns_from_others,
    methods_by_rows,
)
from sdae.train.engines import consistency
from sdae.train.engines.dropout import kept
from sdae.train.settings import CONSISTENCY
from tests.estimators.helpers import labels, quick, rows

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows(80)
Y = labels(X)
FEW = np.where(np.arange(80) < 20, Y, -1)


def model(**parameters: Any) -> SDAEClassifier:
    made: SDAEClassifier = quick(SDAEClassifier, unlabeled_label=-1, **parameters)
    return made


def parameters_of(fitted: SDAEClassifier) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in fitted.network_.parameters()]


# -- the rule ----------------------------------------------------------------------------------


def test_the_rule_goes_by_numbers_first() -> None:
    assert learns_from_others(Situation(50, 1000, 10))
    assert not learns_from_others(Situation(50, 0, 10))
    assert learns_from_others(Situation(9_999, 50_000, 10))
    assert not learns_from_others(Situation(10_000, 50_000, 10))
    assert not learns_from_others(Situation(50, 49, 10))
    assert not learns_from_others(Situation(50, 1000, 10, obstacle="it cannot"))


def test_labels_are_counted_for_all_classes_together(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sdae"):
        learns_from_others(Situation(2_000, 50_000, 2))
    said = "semi_supervised='auto' is None: 2,000 labels are 1,000 or more a class on average."
    assert said in caplog.messages


def test_the_rule_then_goes_by_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    cloud = rng.normal(size=(200, 30)).astype(np.float32)
    groups = cloud + 8 * y[:, None].astype(np.float32)
    near = cloud + 0.7 * y[:, None].astype(np.float32)  # groups that touch

    def chosen(
        x: Any, n_labelled: int = 30, blocks: Blocks | None = None
    ) -> tuple[str, ...] | None:
        return methods_by_rows(x[:n_labelled], x[n_labelled:], y[:n_labelled], 2, 0, blocks=blocks)

    assert chosen(groups) == ("label_spreading", "vat")
    assert chosen(near) == ("mean_teacher",)
    assert chosen(cloud) is None
    numbers = Blocks((1,) * 30, gap_values=(0.0,) * 30)
    assert chosen(near, blocks=numbers) == ("mean_teacher",)
    for other in (
        Blocks((1,) * 27, levels=(3,), gap_values=(0.0,) * 27),
        Blocks((1,) * 29, n_binaries=1, gap_values=(0.0,) * 30),
    ):
        assert chosen(near, blocks=other) is None
        assert chosen(groups, blocks=other) == ("label_spreading", "vat")
    assert chosen(groups, 8) == ("label_spreading", "vat")  # too few to be hidden
    monkeypatch.setattr(rule, "ALIKE", 1.01)
    assert chosen(groups) == ("mean_teacher",)
    monkeypatch.undo()
    some, others = (
        SparseRows(sparse.csr_array(x), torch.zeros(1)) for x in (groups[:30], groups[30:])
    )
    assert methods_by_rows(some, others, y[:30], 2, 0, blocks=None) == ("vat",)
    monkeypatch.setattr(rule, "MOST_EXACT", 150)
    assert chosen(groups) == ("vat",)
    assert chosen(cloud) is None


@pytest.mark.parametrize(
    ("kappa", "said"),
    [(0.1999, "0.19, below 0.2"), (0.2, "0.20, below 0.5"), (0.57, "0.57, and"), (-0.004, "-0.01")],
)
def test_the_log_does_not_round_up_to_a_bound(
    kappa: float, said: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "agreement_with_neighbours", lambda *_, **__: kappa)
    x = X.astype(np.float32)
    with caplog.at_level(logging.INFO, "sdae"):
        methods_by_rows(x[:20], x[20:], Y[:20], 3, 0, blocks=None)
    assert f"come back with a kappa of {said}" in caplog.text


def test_a_fit_takes_about_a_thousand_updates_or_ten_epochs() -> None:
    assert epochs_of_consistency(100, 32) == 250
    assert epochs_of_consistency(8000, 32) == 10
    assert epochs_of_consistency(60_000, 32) == 6


@pytest.mark.parametrize(
    ("x", "methods"), [(X + 8 * np.eye(X.shape[1])[Y], ("label_spreading", "vat")), (X, None)]
)
def test_the_log_and_the_model_say_what_the_rule_chose(
    x: Any, methods: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing is learned from other rows, the fit is that of the labels alone."""
    auto = dict.fromkeys(("alpha", "dropout", "max_iter"), "auto")
    with caplog.at_level(logging.INFO, "sdae"):
        fitted = model(**auto).fit(x, FEW)
    assert fitted.semi_supervised_ == methods
    assert "semi_supervised='auto' is " in caplog.text
    assert ("labels spread from 20 to 60 rows" in caplog.text) == (methods is not None)
    named = model(semi_supervised=methods, **auto).fit(x, FEW)
    assert parameters_of(named) == parameters_of(fitted)
    assert (named.alpha_, named.dropout_) == (fitted.alpha_, fitted.dropout_)


@pytest.mark.parametrize(
    ("parameters", "y"),
    [
        ({}, Y),
        ({"engine": "closed_form", "solver": "sgd", "momentum": 0.0, "alpha": 0.0}, FEW),
        ({"solver": "lbfgs"}, FEW),
        ({}, np.where(FEW >= 0, 4, -1)),
        ({"semi_supervised": None}, FEW),
    ],
    ids=["all labels", "engine", "lbfgs", "one class", "None"],
)
def test_nothing_is_learned_from_others_where_it_cannot_be(parameters: Any, y: Any) -> None:
    fitted = model(**parameters).fit(X, y)
    assert fitted.semi_supervised_ is None
    same = model(**{**parameters, "semi_supervised": None}).fit(X, y)
    assert parameters_of(fitted) == parameters_of(same)


def test_several_columns_of_labels_are_learned_from_labelled_rows_alone() -> None:
    y = np.stack([X[:, 0] > 0.5, X[:, 1] > 0.5], 1).astype(float)
    y[20:] = np.nan
    assert quick(SDAEClassifier).fit(X, y).semi_supervised_ is None
    with pytest.raises(InvalidParameterError, match="y has several columns of labels"):
        quick(SDAEClassifier, semi_supervised="vat").fit(X, y)


# -- what is learned ---------------------------------------------------------------------------


@pytest.mark.parametrize("methods", [*CONSISTENCY, CONSISTENCY])
def test_every_method_changes_the_fine_tuning_and_repeats(methods: Any) -> None:
    one, other = (model(semi_supervised=methods).fit(X, FEW) for _ in range(2))
    assert one.semi_supervised_ == ((methods,) if isinstance(methods, str) else methods)
    assert parameters_of(one) == parameters_of(other)
    alone = model(semi_supervised=None, max_iter=one.n_iter_).fit(X, FEW)
    assert parameters_of(one) != parameters_of(alone)
    assert one.predict_proba(X).shape == (80, 3)


@pytest.mark.untraced
def test_max_iter_counts_epochs_over_all_rows() -> None:
    fitted = model(semi_supervised="mean_teacher", max_iter=4).fit(X, FEW)
    assert fitted.n_iter_ == 4
    default = model(semi_supervised="mean_teacher", max_iter="auto").fit(X, FEW)
    assert default.n_iter_ == epochs_of_consistency(80, min(default.batch_size, 80))


@pytest.mark.parametrize("dropout", [0, 0.2])
def test_dropout_is_taken_as_given(dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = []

    def recorded(h: Any, level: float, *rest: Any) -> Any:
        levels.append(level)
        return kept(h, level, *rest)

    monkeypatch.setattr(consistency, "kept", recorded)
    fitted = model(semi_supervised="mean_teacher", dropout=dropout).fit(X, FEW)
    assert set(levels) == {dropout}
    assert fitted.dropout_ == dropout


def test_rows_given_apart_are_the_same_as_marked_ones() -> None:
    marked = model(semi_supervised="vat").fit(X, FEW)
    apart = model(semi_supervised="vat").fit(X[:20], FEW[:20], X_unlabeled=X[20:])
    assert parameters_of(marked) == parameters_of(apart)


def test_sparse_rows_are_the_same_as_dense_ones() -> None:
    dense = model(semi_supervised="vat", scale="none").fit(X, FEW)
    thin = model(semi_supervised="vat", scale="none").fit(sparse.csr_array(X), FEW)
    np.testing.assert_allclose(dense.predict_proba(X), thin.predict_proba(X), atol=1e-5)


def test_a_table_with_texts_and_gaps_is_learned_from() -> None:
    table = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0.5, "x", "y"), "c": X[:, 2]})
    table.loc[::7, "c"] = np.nan
    for methods in (CONSISTENCY, "auto"):
        fitted = model(semi_supervised=methods).fit(table, FEW)
        assert set(fitted.predict(table)) <= {0, 1, 2}


def test_weights_count_among_labelled_rows() -> None:
    weight = np.where(Y == 0, 3.0, 1.0)
    plain, weighed, balanced = (
        model(semi_supervised="mean_teacher", **more).fit(X, FEW, sample_weight=w)
        for more, w in (({}, None), ({}, weight), ({"class_weight": {0: 5, 1: 1, 2: 1}}, None))
    )
    assert parameters_of(plain) != parameters_of(weighed)
    assert parameters_of(plain) != parameters_of(balanced)


def test_a_fit_that_continues_learns_from_labelled_rows_alone() -> None:
    fitted = model(warm_start=True, semi_supervised="vat").fit(X, FEW)
    assert fitted.semi_supervised_ == ("vat",)
    assert fitted.fit(X, FEW).semi_supervised_ is None
    stream = model(semi_supervised="vat").partial_fit(X, FEW, classes=[0, 1, 2])
    assert stream.semi_supervised_ is None


def test_early_stopping_watches_rows_that_are_not_learned_from() -> None:
    fitted = model(semi_supervised="vat", early_stopping=True, validation_fraction=0.2)
    fitted.fit(X, FEW)
    assert fitted.validation_scores_ is not None
    assert len(fitted.validation_scores_) == fitted.n_iter_


# -- the search --------------------------------------------------------------------------------


def test_a_search_compares_all_candidates_from_one_pretraining(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "sdae"):
        fitted = model(semi_supervised="search").fit(X, FEW)
    assert fitted.semi_supervised_ in consistency_search.CANDIDATES
    assert caplog.text.count("%") >= len(consistency_search.CANDIDATES)
    named = model(semi_supervised=fitted.semi_supervised_).fit(X, FEW)
    assert parameters_of(named) == parameters_of(fitted)
    table = pd.DataFrame(X).assign(t=np.where(X[:, 1] > 0.5, "x", "y")).rename(columns=str)
    model(semi_supervised="search").fit(table, FEW)


def test_a_search_takes_the_lowest_error(monkeypatch: pytest.MonkeyPatch) -> None:
    n_calls = iter(range(10_000))
    n_candidates = len(consistency_search.CANDIDATES)

    def error(*_: Any) -> float:
        return 0.1 if next(n_calls) % n_candidates == 3 else 0.2

    monkeypatch.setattr(consistency_search, "error_of", error)
    fitted = model(semi_supervised="search").fit(X, FEW)
    assert fitted.semi_supervised_ == consistency_search.CANDIDATES[3]


@pytest.mark.parametrize("found", [("mean_teacher",), None])
def test_the_log_says_the_values_of_what_a_search_found(
    found: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "searched", lambda *_: found)
    auto = {"alpha": "auto", "dropout": "auto", "max_iter": 3}
    with caplog.at_level(logging.INFO, "sdae"):
        fitted = model(semi_supervised="search", **auto).fit(X, FEW)
    rows = "20 labels, by their number" if found is None else "20 labels and 60 rows without"
    values = f"alpha={fitted.alpha_:g}, dropout={fitted.dropout_:g}"
    said = [message for message in caplog.messages if message.startswith("Fine-tuning on")]
    assert said == [f"Fine-tuning on {rows}: {values}."]
    named = model(semi_supervised=found, **auto).fit(X, FEW)
    assert parameters_of(named) == parameters_of(fitted)


def without_pretraining(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("pre-training has begun")

    monkeypatch.setattr(fitting, "pretrain_stage", never)


def test_a_search_without_approximate_neighbours_is_refused_before_pretraining(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "MOST_EXACT", 79)
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    without_pretraining(monkeypatch)
    with pytest.raises(MissingExtraError, match="over 80 rows, more than 79, needs approximate"):
        model(semi_supervised="search").fit(X, FEW)


def test_a_search_needs_some_labels_and_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pretraining(monkeypatch)
    with pytest.raises(DataError, match="needs at least 6 labelled rows"):
        model(semi_supervised="search").fit(X, np.where(np.arange(80) < 4, Y, -1))
    with pytest.raises(InvalidParameterError, match="whose trials are not saved"):
        model(semi_supervised="search", checkpoint=tmp_path, random_state=0).fit(X, FEW)


# -- errors, copies and files ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"semi_supervised": "magic"}, "'auto', 'search', one of 'label_spreading'"),
        ({"semi_supervised": ("vat", "auto")}, "must be 'auto', 'search'"),
        ({"semi_supervised": "vat", "solver": "lbfgs"}, "since solver='lbfgs' takes all"),
        ({"semi_supervised": "vat", "engine": "fused"}, "engine='fused' learns from labelled"),
    ],
)
def test_what_cannot_be_is_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        model(**parameters).fit(X, FEW)


def test_a_regressor_does_not_have_the_parameter() -> None:
    assert "semi_supervised" not in SDAERegressor().get_params()


@pytest.mark.parametrize("given", ["auto", "search", "vat", ("vat", "mean_teacher"), None])
def test_files_and_copies_keep_what_was_asked_and_what_was_used(given: Any, tmp_path: Path) -> None:
    fitted = model(semi_supervised=given).fit(X, FEW)
    fitted.save(tmp_path / "it.safetensors")
    loaded = sdae.load(tmp_path / "it.safetensors")
    for other in (loaded, pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert isinstance(other, SDAEClassifier)
        assert other.semi_supervised == given
        assert other.semi_supervised_ == fitted.semi_supervised_
        assert (other.predict(X) == fitted.predict(X)).all()
    assert clone(fitted).get_params() == fitted.get_params()


def test_files_and_pickles_from_before_have_none() -> None:
    golden = Path(__file__).parents[1] / "golden" / "classifier-1.safetensors"
    old = sdae.load(golden)
    assert isinstance(old, SDAEClassifier)
    assert old.semi_supervised is None
    assert old.semi_supervised_ is None
    state = model().fit(X, Y).__getstate__()
    for name in ("semi_supervised", "semi_supervised_"):
        del state[name]
    again = SDAEClassifier.__new__(SDAEClassifier)
    again.__setstate__(state)
    assert again.semi_supervised is None
    assert again.semi_supervised_ is None


def test_a_fit_cut_off_ends_with_the_same_bytes(tmp_path: Path) -> None:
    class Cut(BaseException):
        pass

    left = [7]

    def interruption() -> BaseException | None:
        left[0] -= 1
        return Cut() if left[0] == 0 else None

    ways = {"semi_supervised": CONSISTENCY, "random_state": 3, "max_iter": 6}
    whole = model(**ways).fit(X, FEW)
    checkpoint = Checkpoint(tmp_path, "1 epochs", interruption=interruption)
    n_cuts = 0
    while True:
        cut = model(**ways, checkpoint=checkpoint)
        try:
            cut.fit(X, FEW)
        except Cut:
            left[0], n_cuts = 3, n_cuts + 1
            continue
        break
    assert n_cuts >= 1
    assert parameters_of(cut) == parameters_of(whole)


def test_no_rows_at_all_are_no_rows_without_labels() -> None:
    none, empty = (model(semi_supervised="auto") for _ in range(2))
    none.fit(X[:20], FEW[:20])
    empty.fit(X[:20], FEW[:20], X_unlabeled=X[:0])
    assert empty.semi_supervised_ is None
    assert (empty.predict_proba(X) == none.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("more", "words"),
    [(X[:, :2], "features"), (X[0], "2D"), (X[:0, :2], "sample")],
)
def test_rows_without_labels_that_are_none_are_named(more: Any, words: str) -> None:
    with pytest.raises(DataError, match=rf"^X_unlabeled of SDAEClassifier.*{words}"):
        model().fit(X[:20], FEW[:20], X_unlabeled=more)
