"""Estimators take rows that stay on the disk wherever they take an array."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from sdae import (
    LadderClassifier,
    LadderRegressor,
    SDAEClassifier,
    SDAEImputer,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
    load,
    pretrain,
)
from sdae.core.minibatches import Minibatch
from sdae.core.source_rows import SourceRows
from sdae.data import open_rows
from sdae.errors import DataError
from sdae.train.consistency import rule
from tests.data.stored.files import write_columns

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N, V = 600, 6
SMALL = 64 * 4 * V  # bytes: 64 of the 600 rows at once
SHORT: dict[str, Any] = {"pretrain_epochs": 2, "random_state": 0}
SHORT_SUPERVISED: dict[str, Any] = {**SHORT, "max_iter": 3, "tol": 0.0}
METHODS: dict[Any, tuple[str, ...]] = {
    SDAEClassifier: ("predict", "predict_proba", "transform"),
    SDAERegressor: ("predict", "transform"),
    SDAETransformer: ("transform", "reconstruct", "score_samples"),
    SDAEOutlierDetector: ("predict", "decision_function", "feature_contributions"),
}


@pytest.fixture
def x() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((N, V), dtype=np.float32)


@pytest.fixture
def path(tmp_path: Path, x: NDArray[np.float32]) -> Path:
    np.save(tmp_path / "rows.npy", x)
    return tmp_path / "rows.npy"


def targets_for(kind: type, x: NDArray[np.float32]) -> Any:
    if kind in (SDAEClassifier, LadderClassifier):
        return np.where(x[:, 0] > 0.5, "yes", "no")
    return x[:, 0] - x[:, 1]


def fitted(kind: Any, X: Any, x: NDArray[np.float32], **parameters: Any) -> Any:
    if kind in (SDAETransformer, SDAEOutlierDetector):
        return kind((5, 4), **{**SHORT, **parameters}).fit(X)
    return kind((5, 4), **{**SHORT_SUPERVISED, **parameters}).fit(X, targets_for(kind, x))


def parameters_of(model: Any) -> list[NDArray[Any]]:
    return [p.detach().numpy() for p in model.network_.parameters()]


def assert_same(one: Any, other: Any) -> None:
    for a, b in zip(parameters_of(one), parameters_of(other), strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("scale", ["auto", "standard"])
def test_rows_that_fit_into_memory_train_as_an_array_does(
    kind: Any, scale: str, x: NDArray[np.float32], path: Path
) -> None:
    assert_same(fitted(kind, open_rows(path), x, scale=scale), fitted(kind, x, x, scale=scale))


@pytest.mark.parametrize("kind", METHODS)
def test_more_rows_in_their_own_order_train_as_an_array_does(
    kind: Any, x: NDArray[np.float32], path: Path
) -> None:
    rows = open_rows(path, memory=SMALL)
    assert rows.window == 64
    assert_same(fitted(kind, rows, x, shuffle=False), fitted(kind, x, x, shuffle=False))


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("scale", ["minmax", "standard"])
def test_more_rows_are_scaled_as_an_array_is(
    kind: Any, scale: str, x: NDArray[np.float32], path: Path
) -> None:
    np.save(path, 50 * x - 7)
    one = fitted(kind, open_rows(path, memory=SMALL), x, shuffle=False, scale=scale)
    other = fitted(kind, 50 * x - 7, x, shuffle=False, scale=scale)
    np.testing.assert_allclose(one.scaling_.offset, other.scaling_.offset, rtol=1e-12)
    np.testing.assert_allclose(one.scaling_.scale, other.scaling_.scale, rtol=1e-12)
    for a, b in zip(parameters_of(one), parameters_of(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_more_rows_are_shuffled_within_a_window(x: NDArray[np.float32], path: Path) -> None:
    model = fitted(SDAETransformer, open_rows(path, memory=SMALL), x)
    stack = SDAETransformer((5, 4), pretrain_epochs=0, random_state=0).fit(x).network_
    pretrain(
        stack,
        x,
        epochs=2,
        learning_rate=0.001,
        batch_size=32,
        shuffle=True,
        shuffle_window=64,
        optimizer="adam",
        seed=model._seed,
    )
    for a, b in zip(model.network_.parameters(), stack.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("kind", "names"), METHODS.items())
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_answers_are_those_for_an_array(
    kind: Any,
    names: tuple[str, ...],
    scale: str,
    x: NDArray[np.float32],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = fitted(kind, x, x, scale=scale)
    rows = open_rows(path, memory=SMALL)
    monkeypatch.setattr("sdae.core.source_rows._MOST_ROWS", 50)
    monkeypatch.delattr(SourceRows, "in_memory")
    for name in names:
        found, expected = getattr(model, name)(rows), getattr(model, name)(x)
        assert found.tobytes() == expected.tobytes(), name
    if hasattr(model, "score"):
        y = (targets_for(kind, x),) if kind in (SDAEClassifier, SDAERegressor) else ()
        assert model.score(rows, *y) == model.score(x, *y)


@pytest.mark.parametrize("layer", [None, 0, "all"])
def test_codes_on_the_disk_are_decoded(layer: Any, x: NDArray[np.float32], tmp_path: Path) -> None:
    model = fitted(SDAETransformer, 9 * x, x, layer=layer)
    codes = model.transform(9 * x)
    np.save(tmp_path / "codes.npy", codes)
    ours = model.inverse_transform(open_rows(tmp_path / "codes.npy", memory=SMALL))
    assert ours.tobytes() == model.inverse_transform(codes).tobytes()


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
@pytest.mark.parametrize("memory", [SMALL, 1 << 20])
def test_labelled_rows_in_memory_go_with_others_on_the_disk(
    kind: Any, memory: int, x: NDArray[np.float32], path: Path
) -> None:
    known, y = x[:100], targets_for(kind, x)[:100]
    plain = {"shuffle": False, "early_stopping": True}
    found, expected = (
        kind((5, 4), **SHORT_SUPERVISED, **plain).fit(known, y, X_unlabeled=more)
        for more in (open_rows(path, memory=memory), x)
    )
    if kind is SDAERegressor or memory > SMALL:
        assert_same(found, expected)
    assert found.predict(x).shape == (N,)


@pytest.mark.parametrize(
    "methods", ["auto", "search", "mean_teacher", "vat", ("label_spreading", "vat")]
)
def test_agreement_learns_from_rows_on_the_disk(
    methods: Any, x: NDArray[np.float32], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "ALIKE", rule.RELATED)
    y = targets_for(SDAEClassifier, x)[:30]
    model = SDAEClassifier((5, 4), semi_supervised=methods, **SHORT_SUPERVISED)
    model.fit(x[:30], y, X_unlabeled=open_rows(path, memory=SMALL))
    if methods == "auto":
        assert model.semi_supervised_ == ("vat",)
    assert model.predict(open_rows(path, memory=SMALL)).shape == (N,)


@pytest.mark.parametrize("kind", [LadderClassifier, LadderRegressor])
def test_ladders_train_as_on_an_array(kind: Any, x: NDArray[np.float32], path: Path) -> None:
    y = targets_for(kind, x)[:60]
    found, expected = (
        kind((8,), n_updates=20, scale="none", random_state=0).fit(x[:60], y, X_unlabeled=more)
        for more in (open_rows(path, memory=SMALL), x)
    )
    assert_same(found, expected)
    assert (found.predict(open_rows(path, memory=SMALL)) == found.predict(x)).all()


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
def test_rows_without_labels_and_of_weight_0_are_left_out(
    kind: Any, x: NDArray[np.float32], path: Path
) -> None:
    y = targets_for(kind, x).astype(object)
    y[::3] = None
    if kind is SDAERegressor:
        y = y.astype(np.float64)
    weight = np.ones(N)
    weight[1::4] = 0
    settings = {"shuffle": False, **({"semi_supervised": None} if kind is SDAEClassifier else {})}
    found, expected = (
        kind((5, 4), **SHORT_SUPERVISED, **settings).fit(X, y, sample_weight=weight)
        for X in (open_rows(path, memory=SMALL), x)
    )
    assert_same(found, expected)


def test_a_fit_with_a_checkpoint_goes_on(
    x: NDArray[np.float32], path: Path, tmp_path: Path
) -> None:
    whole = fitted(SDAEClassifier, open_rows(path, memory=SMALL), x)
    for _ in range(2):
        again = fitted(
            SDAEClassifier, open_rows(path, memory=SMALL), x, checkpoint=tmp_path / "states"
        )
        assert_same(whole, again)


def test_lbfgs_and_streams_take_rows_on_the_disk(x: NDArray[np.float32], path: Path) -> None:
    found, expected = (
        fitted(SDAEClassifier, X, x, solver="lbfgs", shuffle=False)
        for X in (open_rows(path, memory=SMALL), x)
    )
    assert_same(found, expected)
    found, expected = (
        SDAETransformer((5, 4), shuffle=False, **SHORT).partial_fit(X).partial_fit(X)
        for X in (open_rows(path, memory=SMALL), x)
    )
    assert_same(found, expected)


def test_cross_validation_picks_rows_on_the_disk(x: NDArray[np.float32], tmp_path: Path) -> None:
    write_columns(tmp_path / "rows.parquet", x, group=50)
    y = targets_for(SDAEClassifier, x)
    model = SDAEClassifier((5, 4), shuffle=False, semi_supervised=None, **SHORT_SUPERVISED)
    rows = open_rows(tmp_path / "rows.parquet", memory=SMALL)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    found, expected = (cross_val_score(model, X, y, cv=folds) for X in (rows, x))
    assert found.tolist() == expected.tolist()
    search = GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=2).fit(rows, y)
    assert search.best_estimator_.feature_names_in_.tolist() == list(rows.columns)


def test_names_of_columns_are_checked(x: NDArray[np.float32], tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_columns(path, x, group=100)
    model = fitted(SDAETransformer, open_rows(path), x)
    assert model.feature_names_in_.tolist() == [f"c{k}" for k in range(V)]
    frame = pd.DataFrame(x, columns=model.feature_names_in_)
    expected = model.transform(frame)
    assert (model.transform(open_rows(path)) == expected).all()
    backwards = [f"c{k}" for k in reversed(range(V))]
    with pytest.raises(ValueError, match="Column 0 is 'c5', and was 'c0'"):
        model.transform(open_rows(path, columns=backwards))
    right = open_rows(path, columns=list(model.feature_names_in_))
    assert (model.transform(right) == expected).all()
    np.save(tmp_path / "rows.npy", x)
    assert (model.transform(open_rows(tmp_path / "rows.npy")) == expected).all()


def test_a_model_of_rows_on_the_disk_is_saved(
    x: NDArray[np.float32], path: Path, tmp_path: Path
) -> None:
    model = fitted(SDAEClassifier, open_rows(path, memory=SMALL), x)
    model.save(tmp_path / "model.sdae")
    assert (load(tmp_path / "model.sdae").predict(x) == model.predict(x)).all()


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["p", "q"], SDAEClassifier),
        ([0, 1], SDAEClassifier),
        ([False, True], SDAEClassifier),
        ([0.5, 2.25], SDAERegressor),
    ],
)
def test_rows_whose_label_is_missing_in_the_file_have_none(
    labels: list[Any], kind: Any, x: NDArray[np.float32], tmp_path: Path
) -> None:
    y = [labels[int(value > 0.5)] for value in x[:, 0]]
    some = [one if place % 4 == 0 else None for place, one in enumerate(y)]
    write_columns(tmp_path / "rows.parquet", x, group=100, y=some)
    rows = open_rows(tmp_path / "rows.parquet", target="y")
    model = kind((5, 4), **SHORT_SUPERVISED).fit(rows, rows.targets)
    if kind is SDAEClassifier:
        assert model.classes_.tolist() == labels
        assert type(model.classes_.tolist()[0]) is type(labels[0])
    frame = pd.DataFrame(x, columns=rows.columns)
    assert model.score(rows, y) == pytest.approx(model.score(frame, y), abs=1e-5)


class OwnRows:
    """A source of a user's own."""

    def __init__(self, x: NDArray[np.float32]) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, minibatch: Minibatch) -> torch.Tensor:
        return torch.from_numpy(self.x[minibatch.samples])


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_a_source_of_a_users_own_trains_as_an_array(scale: str, x: NDArray[np.float32]) -> None:
    own = OwnRows(x)
    found, expected = (
        fitted(SDAETransformer, own, x, scale=scale),
        fitted(SDAETransformer, x, x, scale=scale),
    )
    for a, b in zip(parameters_of(found), parameters_of(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    assert found.transform(own).tobytes() == found.transform(x).tobytes()


def test_what_does_not_fit_is_refused(x: NDArray[np.float32], path: Path) -> None:
    rows = open_rows(path, memory=SMALL)
    model = fitted(SDAETransformer, x[:, :4], x)
    with pytest.raises(ValueError, match="X has 6 features, but SDAETransformer is expecting 4"):
        model.transform(rows)
    table = pd.DataFrame({"a": ["p", "q"] * 50, "b": np.arange(100.0)})
    for again in (
        lambda: SDAETransformer(scale="robust").fit(rows),
        lambda: SDAETransformer(**SHORT).fit(table).transform(rows),
    ):
        with pytest.raises(DataError, match=r"must be a table here.*sdae\.data\.open_table"):
            again()
    with pytest.raises(DataError, match=r"SDAEImputer must be in memory.*as a data frame"):
        SDAEImputer(**SHORT).fit(rows)
    y = ["p", "q"] * 50
    with pytest.raises(DataError, match="must both be numbers without gaps"):
        SDAEClassifier(**SHORT).fit(table, y, X_unlabeled=rows)
    with pytest.raises(DataError, match="must both be numbers without gaps"):
        SDAEClassifier(**SHORT).fit(rows, ["p", "q"] * 300, X_unlabeled=table)
    with pytest.raises(ValueError, match=re.escape("[600, 3]")):
        SDAEClassifier(**SHORT).fit(rows, ["p", "q", "p"])


def test_a_value_that_is_not_finite_stops_a_fit(x: NDArray[np.float32], path: Path) -> None:
    x[400, 2] = np.nan
    np.save(path, x)
    model = SDAETransformer((5, 4), **SHORT)
    with pytest.raises(DataError, match=r"rows\.npy, row 400 .* in column '2'"):
        model.fit(open_rows(path, memory=SMALL))
    assert not hasattr(model, "network_")
    own = OwnRows(x)
    with pytest.raises(DataError, match="not finite"):
        model.fit(own)


@pytest.mark.parametrize("memory", [SMALL, 1 << 20])
def test_rows_without_labels_of_another_width_are_named_as_such(
    memory: int, x: NDArray[np.float32], path: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "narrow.npy", x[:, :2])
    narrow = open_rows(tmp_path / "narrow.npy", memory=memory)
    known, y = x[:20], targets_for(SDAEClassifier, x)[:20]
    problem = "^X_unlabeled of SDAEClassifier: X has 2 features, but SDAEClassifier is expecting 6"
    for more in (narrow, x[:, :2]):
        with pytest.raises(DataError, match=problem):
            SDAEClassifier(**SHORT).fit(known, y, X_unlabeled=more)
    y = targets_for(SDAEClassifier, x)
    with pytest.raises(DataError, match=problem):
        SDAEClassifier(**SHORT).fit(open_rows(path, memory=SMALL), y, X_unlabeled=x[:, :2])
