"""A fit that scales rows slice by slice, and computes codes again, is that of stored copies."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sdae import (
    Checkpoint,
    LadderClassifier,
    LadderRegressor,
    SDAEClassifier,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
)
from sdae.core import array_rows, inference
from sdae.core.array_rows import ArrayRows
from sdae.core.errors import DataError
from sdae.train import codes
from sdae.train.codes import RecomputedRows
from tests.estimators.helpers import answers, labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Small = Callable[[bool], None]


@pytest.fixture
def all_is_large(monkeypatch: pytest.MonkeyPatch) -> Small:
    """Return a function that sets whether all arrays and codes count as large, or none does."""

    def set_to(large: bool) -> None:
        monkeypatch.setattr(array_rows, "FEW_NUMBERS", 0 if large else 1 << 60)
        monkeypatch.setattr(codes, "FEW_BYTES", 0 if large else 1 << 60)
        monkeypatch.setattr(codes, "_SHARE", 1e9)

    return set_to


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return where it is noted that rows were scaled, and that codes were computed again."""
    found: set[str] = set()
    deliver, encode = ArrayRows._delivered, RecomputedRows.batch

    def delivered(self: ArrayRows, samples: Any) -> Any:
        found.add("rows")
        return deliver(self, samples)

    def encoded(self: RecomputedRows, minibatch: Any) -> Any:
        found.add("codes")
        return encode(self, minibatch)

    monkeypatch.setattr(ArrayRows, "_delivered", delivered)
    monkeypatch.setattr(RecomputedRows, "batch", encoded)
    return found


def bytes_of(estimator: Any) -> bytes:
    """Return all parameters of an estimator's network, and what it says of its epochs."""
    parameters = b"".join(p.detach().numpy().tobytes() for p in estimator.network_.parameters())
    records = [(r.stage, r.layer, r.cost, r.validation_error) for r in estimator.history_]
    return parameters + repr(records).encode()


BOTH, ROWS = {"rows", "codes"}, {"rows"}
FITS: dict[str, tuple[type[Any], dict[str, Any], set[str]]] = {
    "compiled": (SDAEClassifier, {}, BOTH),
    "three layers": (SDAEClassifier, {"hidden_layer_sizes": (9, 6, 4)}, BOTH),
    "untied": (SDAEClassifier, {"tied": False, "activation": "relu"}, BOTH),
    "sigmoid": (SDAEClassifier, {"activation": "logistic", "scale": "minmax"}, BOTH),
    "without scaling": (SDAEClassifier, {"scale": "none"}, BOTH),
    "fused": (
        SDAEClassifier,
        {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "batch_size": 1, "engine": "fused"},
        BOTH,
    ),
    "closed form": (
        SDAEClassifier,
        {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "engine": "closed_form"},
        ROWS,
    ),
    "autograd": (SDAEClassifier, {"engine": "autograd"}, ROWS),
    "lbfgs": (SDAEClassifier, {"solver": "lbfgs", "dropout": 0.0}, BOTH),
    "values of other rows": (SDAEClassifier, {"corruption": "swap:0.3"}, ROWS),
    "gelu": (SDAEClassifier, {"activation": "gelu"}, BOTH),
    "early stopping": (SDAEClassifier, {"early_stopping": True, "n_iter_no_change": 2}, BOTH),
    "regressor": (SDAERegressor, {"early_stopping": True}, BOTH),
    "transformer": (SDAETransformer, {}, BOTH),
    "outliers": (SDAEOutlierDetector, {}, BOTH),
}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", FITS)
def test_a_fit_has_the_bytes_of_one_with_copies(
    name: str, kind: Any, all_is_large: Small, used: set[str]
) -> None:
    estimator, settings, expected = FITS[name]
    x = rows(60).astype(kind)
    y = x[:, 0] if estimator is SDAERegressor else labels(x)
    all_is_large(False)
    wanted = quick(estimator, **settings).fit(x, y)
    assert not used
    all_is_large(True)
    found = quick(estimator, **settings).fit(x, y)
    plain = name == "without scaling" and kind is np.float32  # these rows are the user's own
    assert used == (expected - ROWS if plain else expected)
    assert bytes_of(found) == bytes_of(wanted)
    for one, other in zip(answers(found, x), answers(wanted, x), strict=True):
        assert one.tobytes() == other.tobytes()


def _fortran(x: Any) -> Any:
    return np.asfortranarray(x)


def _read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


def _strided(x: Any) -> Any:
    return np.repeat(x, 2, axis=1)[:, ::2]


@pytest.mark.parametrize("form", [_fortran, _read_only, _strided, sparse.csr_array])
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_arrays_of_all_forms(scale: str, form: Callable[[Any], Any], all_is_large: Small) -> None:
    x = rows(60)
    results = []
    for large in (False, True):
        all_is_large(large)
        results.append(bytes_of(quick(SDAEClassifier, scale=scale).fit(form(x), labels(x))))
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
@pytest.mark.parametrize("stops", [True, False])
def test_some_rows_lack_a_label_and_some_do_not_count(
    stops: bool, kind: type[Any], all_is_large: Small, used: set[str]
) -> None:
    x = rows(90)
    y = x[:, 0].copy() if kind is SDAERegressor else labels(x).astype(float)
    y[::3] = np.nan
    weights = np.arange(90) % 7 + 0.0
    results = []
    for large in (False, True):
        all_is_large(large)
        estimator = quick(kind, early_stopping=stops)
        results.append(bytes_of(estimator.fit(x, y, weights, X_unlabeled=rows(20, seed=1))))
    assert results[0] == results[1]
    assert used == BOTH


@pytest.mark.parametrize(
    "methods", ["auto", "search", ("label_spreading", "vat"), ("mean_teacher",)]
)
def test_learning_from_rows_without_labels(
    methods: Any, all_is_large: Small, used: set[str]
) -> None:
    x = rows(80)
    y = np.where(np.arange(80) < 24, labels(x), -1)
    results = []
    for large in (False, True):
        all_is_large(large)
        model = quick(SDAEClassifier, semi_supervised=methods, unlabeled_label=-1, max_iter=2)
        model.fit(x, y)
        results.append((model.semi_supervised_, bytes_of(model)))
    assert results[0] == results[1]
    assert "rows" in used


@pytest.mark.parametrize("kind", [LadderClassifier, LadderRegressor])
def test_ladders(kind: type[Any], all_is_large: Small, used: set[str]) -> None:
    x = rows(60)
    y = x[:, 0].copy() if kind is LadderRegressor else labels(x).astype(float)
    y[::2] = np.nan
    results = []
    for large in (False, True):
        all_is_large(large)
        results.append(
            bytes_of(kind((6, 4), n_updates=20, batch_size=20, random_state=3).fit(x, y))
        )
    assert results[0] == results[1]
    assert used == ROWS


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAETransformer])
def test_a_stream(kind: type[Any], all_is_large: Small, used: set[str]) -> None:
    results = []
    for large in (False, True):
        all_is_large(large)
        estimator = quick(kind)
        for seed in range(5):
            x = rows(30, seed=seed)
            more = {"classes": np.arange(3)} if kind is SDAEClassifier else {}
            estimator.partial_fit(x.astype(np.float32), labels(x), **more)
        results.append(bytes_of(estimator))
    assert results[0] == results[1]
    assert used == BOTH


def test_rows_of_a_stream_that_are_too_large_are_an_error(all_is_large: Small) -> None:
    all_is_large(True)
    x = rows(30)
    model = quick(SDAETransformer).partial_fit(x)
    with pytest.raises(DataError, match=r"x has values that are not finite .* rows 0 to 29"):
        model.partial_fit(x * 1e300)


class _Cut(BaseException):
    """The end of a process, as far as a fit can tell."""


class _AfterEverySlice:
    def __call__(self) -> BaseException | None:
        return _Cut()


def test_a_fit_goes_on_from_a_checkpoint_of_either_form(
    tmp_path: Path, all_is_large: Small, used: set[str]
) -> None:
    """Each piece of it runs with other limits than the piece before."""
    x = rows(60)
    settings: dict[str, Any] = {"early_stopping": True, "n_iter_no_change": 2}
    all_is_large(False)
    whole = quick(SDAEClassifier, **settings).fit(x, labels(x))
    checkpoint, n_cuts = Checkpoint(tmp_path, interruption=_AfterEverySlice()), 0
    while True:
        all_is_large(n_cuts % 2 == 0)
        cut = quick(SDAEClassifier, **settings, checkpoint=checkpoint)
        try:
            cut.fit(x, labels(x))
        except _Cut:
            n_cuts += 1
            continue
        break
    assert n_cuts > 3
    assert used == BOTH
    assert bytes_of(cut) == bytes_of(whole)


@pytest.mark.parametrize("stops", [False, True])
def test_a_fit_takes_a_small_part_of_the_memory_of_its_rows(stops: bool) -> None:
    """PyTorch's memory is not counted; what copies rows is NumPy."""
    x = np.random.default_rng(0).normal(size=(100_000, 64))
    y = (x[:, 0] > 0).astype(np.int64)
    model = quick(SDAEClassifier, pretrain_epochs=1, max_iter=1, early_stopping=stops)
    model.fit(x[:100], y[:100])
    tracemalloc.start()
    try:
        model.fit(x, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 3  # a scaled copy alone takes half


def test_scores_of_rows_do_not_need_the_errors_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows(60)
    model = quick(SDAEOutlierDetector).fit(x)
    wanted = model.score_samples(x)
    monkeypatch.setattr(inference, "_MOST_NUMBERS", 35)  # 7 rows at a time
    longest = list[int]()
    errors = model._of_all_columns

    def noted(found: Any) -> Any:
        longest.append(len(found))
        return errors(found)

    monkeypatch.setattr(model, "_of_all_columns", noted)
    assert model.score_samples(x).tobytes() == wanted.tobytes()
    assert max(longest) == 7
